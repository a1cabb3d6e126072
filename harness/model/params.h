/* The parameters of a classifier on a device: weights and, for training, gradient and AdamW
 * moments.
 *
 * params.def lists them once; everything here follows from it. All but the token embedding lie in
 * two groups, those with weight decay and those without, each one span for weights, moments and
 * gradients, so that one operation updates a group. Within a group each tensor begins at a multiple
 * of PARAM_ALIGN elements; the gaps are zero and stay zero. The token embedding is apart: a step
 * touches few of its rows, so its gradient is compact (U, H), and rows are caught up when they are
 * next read (ops.h, adamw_rows). Where a head's last product is tied to it, every row has a
 * gradient in every step: then it is a tensor like the others. */
#ifndef HARNESS_MODEL_PARAMS_H
#define HARNESS_MODEL_PARAMS_H

#include "compute/device.h"
#include "model/config.h"

typedef enum param_scope {
    PARAM_EMBEDDINGS,
    PARAM_LAYER,
    PARAM_POOLER,
    PARAM_CLASSIFIER
} param_scope;

enum {
    PARAM_ALIGN = 64,     /* elements; 256 bytes of f32 */
    PARAM_NAME_BYTES = 96 /* longest checkpoint key with its terminator */
};

typedef struct param {
    param_field field;
    const encoder_family *family; /* of the model: key names */
    param_scope scope;
    uint32_t layer;      /* PARAM_LAYER only; 0 where all layers share it */
    uint32_t rows, cols; /* cols 1 for a vector */
    bool is_vector, decay;
    bool is_sparse;    /* of few rows a step: the token embedding, unless it is tied */
    uint32_t added;    /* last rows that a checkpoint of before they were added lacks */
    uint32_t zero_row; /* of an embedding: padding's, which is drawn as 0; else rows */
    size_t count;      /* rows * cols */
    uint32_t written;  /* checksum of what params_write put there */
    span p, m, v,
        g; /* (rows, cols) real; m, v, g only for training; g of a sparse one is compact (U, H) */
} param;

/* What grad_norm and adamw see as one tensor. */
typedef struct param_group {
    span p, m, v, g; /* (count) */
    size_t count;    /* a multiple of PARAM_ALIGN */
    bool decay;
} param_group;

enum { GROUP_DECAY, GROUP_PLAIN, GROUP_COUNT };

typedef struct params {
    device *device;
    param *list; /* (count), owned, in checkpoint order */
    size_t count;
    bool shares_layers; /* as encoder_family says */
    param_group groups[GROUP_COUNT];
    span token_last_step; /* (V) u32: step up to which a row is current; absent when it is tied */
    uint32_t token_rows;  /* U: rows of the gradient of `token` when it is sparse */
    bool training;
    size_t total;   /* parameters of the model */
    size_t largest; /* elements of the largest tensor */
    arena arena;
} params;

/* Allocates, zero-filled. token_rows: most distinct token ids of one optimizer step; 0 means no
 * training: no moments and gradients. Free with params_free. Errors: ERR_DEVICE, ERR_MEMORY. */
err params_init(params *ps, device *d, const model_config *c, uint32_t token_rows) MUST_CHECK;
void params_free(params *ps);

/* A parameter by field; layer is 0 unless the field's scope is PARAM_LAYER. Borrowed.
 * pre: the model has it. */
const param *params_at(const params *ps, param_field field, uint32_t layer);

/* Number of parameters of such a model. */
size_t params_total(const model_config *c);

/* Checkpoint tensors of one parameter: 3 for the fused query, key, value, else 1. */
size_t param_slices(const param *p);
/* Full key of a slice, such as "bert.encoder.layer.0.attention.self.query.weight". */
void param_key(const param *p, size_t slice, char name[PARAM_NAME_BYTES]);
/* The same by family and field. */
void param_field_key(const encoder_family *family, param_field field, uint32_t layer, size_t slice,
                     char name[PARAM_NAME_BYTES]);
/* "qkv_weight[3]": for messages. */
void param_label(const param *p, char name[PARAM_NAME_BYTES]);

/* Copies values to the device, from element `first` of the parameter on; first 0 begins it anew,
 * and the rest follows in order. */
err params_write(param *p, const float *values, size_t first, size_t count) MUST_CHECK;

/* Compares the checksum (ops.h) of each parameter, computed on the device, with that of what
 * params_write put there. `only` as below. Errors: ERR_DEVICE naming the first that differs. */
err params_check(const params *ps, const bool *only) MUST_CHECK;

/* sums (count): the checksum of each parameter as the device computes it now. */
err params_sums(uint32_t *sums, const params *ps) MUST_CHECK;

/* Reads parameter i, (its count), and compares with sums of params_sums. Errors: ERR_DEVICE naming
 * it where the copy differs. */
err params_read(float *values, const params *ps, size_t i, const uint32_t *sums) MUST_CHECK;

/* Weights from scratch, as transformers draws them: normal(0, range) for matrices and embeddings by
 * rng_normal(seed, RNG_SITE_INIT + place in the list, element), the row of [PAD] in an
 * embedding 0, biases 0, LayerNorm weights 1. `only` NULL initialises all; else those it holds true
 * for, (count). What was written is checked (params_check). Errors: ERR_MEMORY, ERR_DEVICE. */
err params_draw(params *ps, uint32_t seed, float range, const bool *only) MUST_CHECK;

/* Writes the last `rows` rows of parameter i as params_draw would. */
err params_draw_last(params *ps, size_t i, uint32_t rows, uint32_t seed, float range) MUST_CHECK;

/* SHA-256 over all weights: for each parameter in order, its f32 values, little-endian. What the
 * host reads is compared with the device's own checksum of it. pre: the token rows are current
 * (model_flush_plan). Errors: ERR_MEMORY, ERR_DEVICE, also naming a parameter that differs. */
err params_digest(const params *ps, char hex[65]) MUST_CHECK;

#endif
