/* Families of encoders: what sets one apart, as transformers computes it. One builder
 * (encoder/forward.c, encoder/backward.c) serves all; a family is one file with its row here. */
#ifndef HARNESS_MODEL_ENCODER_FAMILY_H
#define HARNESS_MODEL_ENCODER_FAMILY_H

#include "compute/ops.h"

typedef struct encoder_family {
    const char *model_type;     /* of config.json */
    const char *prefix;         /* of the encoder's checkpoint keys, with its dot */
    activation activation;      /* between a layer's two products */
    activation head_activation; /* behind the dense layer that a classification head begins with */
} encoder_family;

/* X(name): encoder_<name> is defined in encoder/<name>.c. */
#define ENCODER_FAMILIES(X) X(bert)

#define X(name) extern const encoder_family encoder_##name;
ENCODER_FAMILIES(X)
#undef X

#endif
