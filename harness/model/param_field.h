/* The parameters by name: a constant for each row of params.def. */
#ifndef HARNESS_MODEL_PARAM_FIELD_H
#define HARNESS_MODEL_PARAM_FIELD_H

typedef enum param_field {
#define PARAM(field, scope, decay, rows, cols, key, s1, s2, s3) PARAM_##field,
#include "model/params.def"
#undef PARAM
    PARAM_FIELDS
} param_field;

#endif
