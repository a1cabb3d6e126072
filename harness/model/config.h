/* What a BERT classifier is made of: the part of Hugging Face's config.json that decides its shapes
 * and its arithmetic, and the presets that are trained from scratch.
 *
 * Only BERT as BertForSequenceClassification computes it is accepted: absolute positions, exact
 * GELU, two token types, no decoder, no pruned heads. Anything else is refused by name. */
#ifndef HARNESS_MODEL_CONFIG_H
#define HARNESS_MODEL_CONFIG_H

#include "base/err.h"
#include "base/json.h"
#include "model/encoder/family.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a fine-tuned classifier's logits become scores, by config.json's problem_type; as
 * transformers' text-classification pipeline decides. */
typedef enum bert_scores {
    BERT_SCORES_SOFTMAX,
    BERT_SCORES_SIGMOID, /* several labels at once, or one label alone */
    BERT_SCORES_RAW      /* regression */
} bert_scores;

typedef struct bert_config {
    const encoder_family *family;
    uint32_t vocabulary;   /* V: vocab_size */
    uint32_t hidden;       /* H: hidden_size */
    uint32_t layers;       /* L: num_hidden_layers */
    uint32_t heads;        /* A: num_attention_heads; divides H */
    uint32_t intermediate; /* F: intermediate_size */
    uint32_t positions;    /* P: max_position_embeddings */
    uint32_t types;        /* type_vocab_size, at least 2 */
    uint32_t classes;      /* C: entries of id2label */
    uint32_t pad;          /* pad_token_id */
    bert_scores scores;
    float hidden_dropout, attention_dropout, classifier_dropout;
    float layer_norm_eps, initializer_range;
    char **labels; /* (classes) names of id2label, owned; NULL while none are known */
} bert_config;

/* name, layers, hidden size, heads; the feed-forward size is 4 times the hidden size */
#define BERT_PRESETS(X)                                                                            \
    X(tiny, 2, 128, 2)                                                                             \
    X(mini, 4, 256, 4)                                                                             \
    X(small, 4, 512, 8)                                                                            \
    X(medium, 8, 512, 8)                                                                           \
    X(base, 12, 768, 12)

enum { BERT_PRESET_VOCABULARY = 8000, BERT_PRESET_POSITIONS = 512 };

bool bert_preset_known(const char *name);
/* "tiny, mini, small, medium, base" */
const char *bert_preset_names(void);

/* Fills *c with a preset. Errors: ERR_USAGE listing the presets. */
err bert_config_preset(bert_config *c, const char *name, uint32_t vocabulary) MUST_CHECK;

/* Replaces classes and labels (count, copied); one label a sentence. Errors: ERR_MEMORY. */
err bert_config_set_labels(bert_config *c, const char *const *labels, size_t count) MUST_CHECK;

/* Reads a config.json. Absent keys have transformers' defaults (BertConfig). Free with
 * bert_config_free. Errors: ERR_IO; ERR_FORMAT naming the key; ERR_UNSUPPORTED naming what makes it
 * another model than this BERT. */
err bert_config_read(bert_config *c, const char *path) MUST_CHECK;

/* What config.json holds; *out is owned (cJSON_Delete). Errors: ERR_MEMORY. */
err bert_config_json(cJSON **out, const bert_config *c) MUST_CHECK;

/* Writes a config.json that transformers loads as BertForSequenceClassification. */
err bert_config_write(const bert_config *c, const char *path) MUST_CHECK;

void bert_config_free(bert_config *c);

#endif
