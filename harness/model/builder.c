#include "model/builder.h"

err model__take(arena *a, const model_want *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        err e = arena_take(a, list[i].at, list[i].count, a->device->real);
        if (e) return e;
    }
    return ERR_OK;
}

bool model__trains(const model_builder *b, const param *p) {
    if (p->scope == PARAM_EMBEDDINGS) return !b->training->freeze_embeddings;
    return p->scope != PARAM_LAYER || p->layer >= b->training->freeze_layers;
}

err model__linear_part(const model_builder *b, span y, span pre, span x, param_field weight,
                       uint32_t layer, activation act, dim rows, size_t first, size_t n) {
    const param *w = model__param(b, weight, layer);
    return op_linear_fwd(
        b->plan, &(struct linear_fwd){.y = y,
                                      .pre = pre,
                                      .x = x,
                                      .weight = span_part(w->p, first * w->cols, n * w->cols),
                                      .bias = span_part(bias_of(b, weight, layer)->p, first, n),
                                      .act = act,
                                      .rows = rows,
                                      .n = (uint32_t)n,
                                      .k = w->cols});
}

err model__linear(const model_builder *b, span y, span pre, span x, param_field weight,
                  uint32_t layer, activation act, dim rows) {
    return model__linear_part(b, y, pre, x, weight, layer, act, rows, 0,
                              model__param(b, weight, layer)->rows);
}

err model__linear_part_backward(const model_builder *b, span dx, model_pre pre, span add, span dy,
                                span x, param_field weight, uint32_t layer, dim rows, size_t first,
                                size_t n) {
    const param *w = model__param(b, weight, layer);
    size_t from = first * w->cols, count = n * w->cols;
    span dweight = span_part(w->g, from, count);
    err e = ERR_OK;
    if (model__trains(b, w))
        e = op_linear_dw(
            b->plan, &(struct linear_dw){.dweight = dweight,
                                         .dbias = span_part(bias_of(b, weight, layer)->g, first, n),
                                         .dy = dy,
                                         .x = x,
                                         .rows = rows,
                                         .n = (uint32_t)n,
                                         .k = w->cols,
                                         .overwrites = !plan_is_written(b->plan, dweight)});
    if (e || !span_given(dx)) return e;
    return op_linear_dx(b->plan, &(struct linear_dx){.dx = dx,
                                                     .dy = dy,
                                                     .weight = span_part(w->p, from, count),
                                                     .pre = pre.z,
                                                     .act = pre.act,
                                                     .add = add,
                                                     .rows = rows,
                                                     .n = (uint32_t)n,
                                                     .k = w->cols});
}

err model__linear_backward(const model_builder *b, span dx, model_pre pre, span add, span dy,
                           span x, param_field weight, uint32_t layer, dim rows) {
    return model__linear_part_backward(b, dx, pre, add, dy, x, weight, layer, rows, 0,
                                       model__param(b, weight, layer)->rows);
}
