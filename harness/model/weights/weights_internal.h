/* What the files of weights.h share. */
#ifndef HARNESS_MODEL_WEIGHTS_WEIGHTS_INTERNAL_H
#define HARNESS_MODEL_WEIGHTS_WEIGHTS_INTERNAL_H

#include "model/weights/safetensors.h"
#include "model/weights/weights.h"

err weights__keys_add(weights_keys *keys, const char *name) MUST_CHECK;
void weights__keys_free(weights_keys *keys);

/* The shape that a slice of `rows` rows of a parameter has in a file: "[3, 12]". */
void weights__shape_text(char text[64], const param *p, size_t rows);
bool weights__shape_fits(const tensor_entry *t, const param *p, size_t rows);
/* The error of a tensor of another shape. */
err weights__shape_error(const safetensors *file, const tensor_entry *t, const param *p,
                         size_t rows, const char *advice) MUST_CHECK;

struct tensors;
/* Wrappers of torch put a prefix before every key: with it no key is the model's. Errors:
 * ERR_UNSUPPORTED naming the prefix and the cure. */
err weights__refuse_wrapped(const struct tensors *t) MUST_CHECK;

#endif
