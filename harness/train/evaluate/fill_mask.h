/* What a masked language model puts in place of [MASK]: transformers' fill-mask pipeline.
 *
 * Each [MASK] of a text is answered by itself, the others standing as they are. */
#ifndef HARNESS_TRAIN_EVALUATE_FILL_MASK_H
#define HARNESS_TRAIN_EVALUATE_FILL_MASK_H

#include "model/model.h"
#include "train/run/base_model.h"

typedef struct fill_mask {
    base_model base_model;
    device device;
    struct model model;
    bool device_is_open;
} fill_mask;

/* Opens model and device. Free with fill_mask_close, also after an error. Errors: those of
 * base_model_open, device_open_named and weights_load; ERR_USAGE for a preset; ERR_DATA for a model
 * without a masked language model's head, or whose tokenizer has no [MASK]. */
err fill_mask_open(fill_mask *f, const char *model, const base_model_options *wish,
                   const char *selector, const device_options *options) MUST_CHECK;
void fill_mask_close(fill_mask *f);

/* The ids that words (count) stand for, each once, in no more than *id_count; *ids is owned. A word
 * that is no token is named with its first piece, which counts, or passed over when it has none.
 * Errors: ERR_USAGE when none is left. */
err fill_mask_targets(uint32_t **ids, size_t *id_count, const fill_mask *f,
                      const char *const *words, size_t count) MUST_CHECK;

typedef struct fill_choice {
    double score; /* the softmax over the vocabulary */
    uint32_t token;
} fill_choice;

typedef struct fill_answer {
    encoding tokens;   /* of the text */
    uint32_t *places;  /* (mask_count) of its [MASK]; owned */
    size_t mask_count; /* at least 1 */
    size_t top;
    fill_choice *choices; /* (mask_count, top) best first, of equals the lower id; owned */
} fill_answer;

/* The best `top` (at most as many as there are) of all tokens, or of targets (target_count). Free
 * with fill_answer_free, also after an error. Errors: ERR_DATA for a text without [MASK], or longer
 * than the model takes; ERR_NUMERIC. */
err fill_mask_run(fill_answer *out, const fill_mask *f, const char *text, const uint32_t *targets,
                  size_t target_count, size_t top) MUST_CHECK;
void fill_answer_free(fill_answer *a);

/* Appends the text with choice c of mask m in its place. Of several masks the others are shown, and
 * so are all special tokens; padding never is. */
err fill_answer_sequence(strbuf *out, const fill_mask *f, const fill_answer *a, size_t m,
                         size_t c) MUST_CHECK;

#endif
