/* Families of encoders: what sets one apart, as transformers computes it. One builder
 * (encoder/forward.c, encoder/backward.c) serves all; a family is one file with its row here. */
#ifndef HARNESS_MODEL_ENCODER_FAMILY_H
#define HARNESS_MODEL_ENCODER_FAMILY_H

#include "compute/ops.h"
#include "model/param_field.h"

#include <stdbool.h>

struct model_config;

/* Whether a linear layer leads from the embedding size to the hidden size. */
typedef enum family_projection {
    PROJECTS_NEVER, /* the sizes are one */
    PROJECTS_WHERE_SIZES_DIFFER,
    PROJECTS_ALWAYS
} family_projection;

/* A key of config.json that the family calls otherwise; own NULL: it has no such key. */
typedef struct config_name {
    const char *usual, *own;
} config_name;

enum { FAMILY_NAMES_MAX = 12, FAMILIES_MAX = 16 };

typedef struct encoder_family {
    const char *title;      /* in messages: "BERT" */
    const char *class_name; /* of transformers, before the head's: "Bert" */
    const char *model_type; /* of config.json */
    const char *prefix;     /* of the encoder's checkpoint keys, with its dot */
    config_name names[FAMILY_NAMES_MAX];
    const char *keys[PARAM_FIELDS]; /* checkpoint keys that are not as params.def has them */
    const char *qkv[3];             /* names of query, key, value in them; likewise */
    /* What begins the keys of a masked language model's last product in checkpoints that hold it a
     * second time: its weight is the word embedding. */
    const char *lm_decoder;
    /* What config.json stands for where it is silent, when that is not as with BERT. */
    void (*defaults)(struct model_config *c);
    /* What a preset has otherwise than BERT's; NULL: nothing. Layers, hidden size, heads and
     * vocabulary are set. */
    void (*preset)(struct model_config *c);
    /* Position ids begin behind pad_token_id and count what is not padding; a padding token has
     * pad_token_id's row. Else they are the places in the sentence. */
    bool positions_follow_pad;
    uint32_t types_least; /* of type_vocab_size; 0: there are no token types */
    family_projection projects;
    bool plain_attention_output, plain_output; /* no dropout behind a layer's two output products */
    bool shares_layers;                        /* every layer has the weights of the first */
    bool head_drops_input;      /* a classification head has a dropout before its dense layer */
    activation head_activation; /* behind that dense layer */
    bool
        tags_drop_as_hidden; /* a head of tokens drops as hidden layers do, whatever the other does */
    bool lm_is_gelu;         /* a masked language model's head has GELU, whatever hidden_act says */
} encoder_family;

/* X(name, model_type): encoder_<name> is defined in encoder/<name>.c. */
#define ENCODER_FAMILIES(X)                                                                        \
    X(bert, "bert")                                                                                \
    X(roberta, "roberta") X(electra, "electra") X(distilbert, "distilbert") X(albert, "albert")

/* " bert roberta": a literal, for help. */
#define FAMILY_WORD(name, type) " " type
#define FAMILY_WORDS ENCODER_FAMILIES(FAMILY_WORD)

#define X(name, type) extern const encoder_family encoder_##name;
ENCODER_FAMILIES(X)
#undef X

/* The family of a model_type; NULL when none has it. */
const encoder_family *family_find(const char *model_type);
/* The i-th family; NULL behind the last. */
const encoder_family *family_at(size_t i);
/* "bert, roberta": model types, for messages. */
const char *family_names(void);

#endif
