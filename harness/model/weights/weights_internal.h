/* What the files of weights.h share. */
#ifndef HARNESS_MODEL_WEIGHTS_WEIGHTS_INTERNAL_H
#define HARNESS_MODEL_WEIGHTS_WEIGHTS_INTERNAL_H

#include "model/weights/safetensors.h"
#include "model/weights/weights.h"

err weights__keys_add(weights_keys *keys, const char *name) MUST_CHECK;

bool weights__shape_fits(const tensor_entry *t, const param *p, size_t rows);
/* The error of a tensor of another shape. */
err weights__shape_error(const safetensors *file, const tensor_entry *t, const param *p,
                         size_t rows, const char *advice) MUST_CHECK;

struct tensors;
/* Wrappers of torch put a prefix before every key: with it no key is the model's. Errors:
 * ERR_UNSUPPORTED naming the prefix and the cure. */
err weights__refuse_wrapped(const struct tensors *t) MUST_CHECK;
/* Errors: ERR_UNSUPPORTED naming a tensor of another model, that model and the families. */
err weights__refuse_foreign(const struct tensors *t, const encoder_family *family) MUST_CHECK;

#endif
