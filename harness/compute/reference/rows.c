/* Reference operations that move, add or scale rows: fill, lookups and their gradients, dropout,
 * tanh, checksums. */
#include "compute/reference/reference_internal.h"

#include <string.h>

err reference__fill(const op_call *call, const op *o) {
    const struct fill *a = &o->as.fill;
    double *x = reference__reals(a->x);
    size_t count = (size_t)reference__size(call, a->rows) * a->cols;
    for (size_t i = 0; i < count; i++) x[i] = (double)a->value;
    return ERR_OK;
}

err reference__embed_fwd(const op_call *call, const op *o) {
    const struct embed_fwd *a = &o->as.embed_fwd;
    size_t hidden = a->hidden;
    double *y = reference__reals(a->y);
    const double *token = reference__reals(a->token);
    const double *position = reference__reals(a->position);
    const double *type = reference__reals(a->type);
    const uint32_t *ids = reference__words(a->ids);
    const uint32_t *positions = reference__words(a->positions);
    const uint32_t *type_ids = reference__words(a->type_ids);
    for (uint32_t t = 0; t < reference__size(call, a->rows); t++) {
        for (size_t h = 0; h < hidden; h++) {
            y[t * hidden + h] = token[ids[t] * hidden + h] + position[positions[t] * hidden + h] +
                                type[type_ids[t] * hidden + h];
        }
    }
    return ERR_OK;
}

err reference__rows_sum(const op_call *call, const op *o) {
    const struct rows_sum *a = &o->as.rows_sum;
    size_t hidden = a->hidden;
    double *out = reference__reals(a->out);
    const double *x = reference__reals(a->x);
    const uint32_t *starts = reference__words(a->starts);
    const uint32_t *items = reference__words(a->items);
    const uint32_t *rows = reference__words(a->rows);
    for (uint32_t r = 0; r < reference__size(call, a->lists); r++) {
        for (uint32_t j = starts[r]; j < starts[r + 1]; j++) {
            for (size_t h = 0; h < hidden; h++) {
                out[rows[r] * hidden + h] += x[items[j] * hidden + h];
            }
        }
    }
    return ERR_OK;
}

err reference__gather_rows(const op_call *call, const op *o) {
    const struct gather_rows *a = &o->as.gather_rows;
    double *y = reference__reals(a->y);
    const double *x = reference__reals(a->x);
    const uint32_t *starts = reference__words(a->starts);
    for (size_t b = 0; b < reference__size(call, a->rows); b++) {
        for (size_t h = 0; h < a->hidden; h++) {
            y[b * a->hidden + h] = x[(size_t)starts[b] * a->hidden + h];
        }
    }
    return ERR_OK;
}

err reference__scatter_rows(const op_call *call, const op *o) {
    const struct scatter_rows *a = &o->as.scatter_rows;
    double *dx = reference__reals(a->dx);
    const double *dy = reference__reals(a->dy);
    const uint32_t *starts = reference__words(a->starts);
    size_t count = (size_t)reference__size(call, a->tokens) * a->hidden;
    for (size_t i = 0; i < count; i++) dx[i] = 0;
    for (size_t b = 0; b < reference__size(call, a->rows); b++) {
        for (size_t h = 0; h < a->hidden; h++) {
            dx[(size_t)starts[b] * a->hidden + h] = dy[b * a->hidden + h];
        }
    }
    return ERR_OK;
}

err reference__dropout(const op_call *call, const op *o) {
    const struct dropout *a = &o->as.dropout;
    double *y = reference__reals(a->y);
    const double *x = reference__reals(a->x);
    const uint32_t *ordinals = reference__words(a->ordinals);
    for (size_t b = 0; b < reference__size(call, a->rows); b++) {
        for (uint32_t h = 0; h < a->hidden; h++) {
            size_t i = b * a->hidden + h;
            y[i] = x[i] * reference__keep(call, a->drop, h, 0, 0, ordinals[b]);
        }
    }
    return ERR_OK;
}

err reference__activation_bwd(const op_call *call, const op *o) {
    const struct activation_bwd *a = &o->as.activation_bwd;
    double *dx = reference__reals(a->dx);
    const double *dy = reference__reals(a->dy);
    const double *pre = reference__reals(a->pre);
    size_t count = (size_t)reference__size(call, a->rows) * a->cols;
    for (size_t i = 0; i < count; i++) dx[i] = dy[i] * reference__slope(a->act, pre[i]);
    return ERR_OK;
}

err reference__checksum(const op_call *call, const op *o) {
    const struct checksum *a = &o->as.checksum;
    uint32_t *out = reference__words(a->out);
    const double *x = reference__reals(a->x);
    (void)call;
    memset(out, 0, CHECKSUM_LANES * sizeof *out);
    for (uint32_t j = 0; j < a->count; j++) {
        float value = (float)x[j];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        out[j % CHECKSUM_LANES] += bits * (2 * j + 1);
    }
    return ERR_OK;
}
