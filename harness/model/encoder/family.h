/* Families of encoders: what sets one apart, as transformers computes it. One builder
 * (encoder/forward.c, encoder/backward.c) serves all; a family is one file with its row here. */
#ifndef HARNESS_MODEL_ENCODER_FAMILY_H
#define HARNESS_MODEL_ENCODER_FAMILY_H

#include "compute/ops.h"

#include <stdbool.h>

typedef struct encoder_family {
    const char *class_name; /* of transformers, before the head's: "Bert" */
    const char *model_type; /* of config.json */
    const char *prefix;     /* of the encoder's checkpoint keys, with its dot */
    /* Position ids begin behind pad_token_id and count what is not padding; a padding token has
     * pad_token_id's row. Else they are the places in the sentence. */
    bool positions_follow_pad;
    activation activation;      /* between a layer's two products */
    activation head_activation; /* behind the dense layer that a classification head begins with */
} encoder_family;

/* X(name): encoder_<name> is defined in encoder/<name>.c. */
#define ENCODER_FAMILIES(X) X(bert)

#define X(name) extern const encoder_family encoder_##name;
ENCODER_FAMILIES(X)
#undef X

#endif
