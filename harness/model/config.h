/* What a classifier is made of: the part of Hugging Face's config.json that decides its shapes and
 * its arithmetic, and the presets that are trained from scratch.
 *
 * Only what transformers' ...ForSequenceClassification of a family (encoder/family.h) computes is
 * accepted: absolute positions, exact GELU, no decoder, no pruned heads. Anything else is refused
 * by name. */
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
typedef enum model_scores {
    MODEL_SCORES_SOFTMAX,
    MODEL_SCORES_SIGMOID, /* several labels at once, or one label alone */
    MODEL_SCORES_RAW      /* regression */
} model_scores;

/* What a fine-tuned model was taught to read, by our own key input_texts of config.json; a folder
 * without it, as others' are, says nothing. */
typedef enum model_reads {
    MODEL_READS_UNKNOWN,
    MODEL_READS_TEXT,    /* one */
    MODEL_READS_PAIR,    /* two texts together */
    MODEL_READS_ENTITIES /* one, with the markers of two entities (text/markers.h) */
} model_reads;

struct head;

typedef struct model_config {
    const encoder_family *family;
    const struct head *head; /* NULL: that of `scores` (head_of in head/head.h) */
    uint32_t vocabulary;     /* V: vocab_size */
    uint32_t added;          /* last of these, which the weights of the model's folder lack */
    uint32_t embedding;      /* embedding_size; 0: as hidden (model_config_embedding) */
    uint32_t hidden;         /* H: hidden_size */
    uint32_t layers;         /* L: num_hidden_layers */
    uint32_t heads;          /* A: num_attention_heads; divides H */
    uint32_t intermediate;   /* F: intermediate_size */
    uint32_t positions;      /* P: max_position_embeddings */
    uint32_t types;          /* type_vocab_size; 0: the family has no token types */
    uint32_t classes;        /* C: entries of id2label */
    uint32_t pad;            /* pad_token_id */
    activation activation;   /* hidden_act: between a layer's two products */
    model_scores scores;
    model_reads reads;
    float hidden_dropout, attention_dropout, classifier_dropout;
    float layer_norm_eps, initializer_range;
    /* of a parser (head/parser.h); 0 else */
    uint32_t arc_size, relation_size; /* of what a node is as a dependent, and as a head */
    uint32_t tree_rule;               /* what its trees keep to: of TREE_... (metric/tree.h) */
    bool first_pieces;                /* words are read by their first pieces, not by their last */
    char **labels; /* (classes) names of id2label, owned; NULL while none are known */
} model_config;

/* name, layers, hidden size, heads; the feed-forward size is 4 times the hidden size */
#define MODEL_PRESETS(X)                                                                           \
    X(tiny, 2, 128, 2)                                                                             \
    X(mini, 4, 256, 4)                                                                             \
    X(small, 4, 512, 8)                                                                            \
    X(medium, 8, 512, 8)                                                                           \
    X(base, 12, 768, 12)

enum { MODEL_PRESET_VOCABULARY = 8000, MODEL_PRESET_POSITIONS = 512 };

bool model_preset_known(const char *name);
/* "tiny, mini, small, medium, base" */
const char *model_preset_names(void);

/* Columns of the embedding tables. */
static inline uint32_t model_config_embedding(const model_config *c) {
    return c->embedding ? c->embedding : c->hidden;
}

/* Whether a linear layer leads from them to the hidden size. */
static inline bool model_config_projects(const model_config *c) {
    return c->family->projects == PROJECTS_ALWAYS ||
           (c->family->projects == PROJECTS_WHERE_SIZES_DIFFER &&
            model_config_embedding(c) != c->hidden);
}

/* Tokens of the longest sentence that the position table has rows for. */
static inline uint32_t model_config_longest(const model_config *c) {
    return c->family->positions_follow_pad ? c->positions - c->pad - 1 : c->positions;
}

extern const struct head head_masked_lm;

/* Whether the head is a masked language model's. */
static inline bool model_config_masks(const model_config *c) {
    return c->head == &head_masked_lm;
}

/* Rows of parameters that heads have: the dense layer, the output layer behind it, and that of
 * tokens; 0 where the head has none of it (head.h). */
uint32_t model_config_dense(const model_config *c);
uint32_t model_config_output(const model_config *c);
uint32_t model_config_tags(const model_config *c);

/* Sizes of a parser's parts; 0 of any other head. */
uint32_t model_config_arcs(const model_config *c);
uint32_t model_config_relations(const model_config *c);

/* Makes the head a parser, with the sizes of Dozat and Manning 2017, or less for small models. */
void model_config_parse(model_config *c, uint32_t tree_rule, bool first_pieces);

/* What the family calls a key of BERT's config.json. */
const char *model_config_key(const model_config *c, const char *key);

/* Fills *c with what transformers' configuration of the family has by default. */
void model_config_defaults(model_config *c, const encoder_family *family);

/* Fills *c with a preset of BERT, or of another family: the preset's layers, hidden size and heads,
 * all else as the family's published models have it, [PAD] being token 0. Errors: ERR_USAGE listing
 * the presets. */
err model_config_preset(model_config *c, const char *name, uint32_t vocabulary) MUST_CHECK;
err model_config_preset_as(model_config *c, const char *name, const encoder_family *family,
                           uint32_t vocabulary) MUST_CHECK;

/* What records and folders call a preset of a family: "tiny", "tiny-electra". *title is owned. */
err model_preset_title(char **title, const char *name, const encoder_family *family) MUST_CHECK;

/* Replaces classes and labels (count, copied); one label a sentence. Errors: ERR_MEMORY. */
err model_config_set_labels(model_config *c, const char *const *labels, size_t count) MUST_CHECK;

/* Reads a config.json. Absent keys have transformers' defaults for the family; the head is that of
 * tokens where `architectures` names a class of it, else that of scores. Free with
 * model_config_free. Errors: ERR_IO; ERR_FORMAT naming the key; ERR_UNSUPPORTED naming what makes
 * it another model than those supported. */
err model_config_read(model_config *c, const char *path) MUST_CHECK;
/* The same of what a file holds; path names its place in messages. */
err model_config_from(model_config *c, const cJSON *root, const char *path) MUST_CHECK;

/* What config.json holds, but for input_texts of a model that reads single texts: what is known of
 * models by their configuration (identity of a run, the board) was so before that key. *out is owned
 * (cJSON_Delete). Errors: ERR_MEMORY. */
err model_config_json(cJSON **out, const model_config *c) MUST_CHECK;

/* Writes a config.json that transformers loads as the family's class of this head. */
err model_config_write(const model_config *c, const char *path) MUST_CHECK;

void model_config_free(model_config *c);

#endif
