#include "model/params.h"

#include "base/memory.h"
#include "base/rng.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef struct param_row {
    const char *name;
    param_scope scope;
    bool decay;
    const char *key;
    const char *slices[3];
} param_row;

static const param_row table[PARAM_FIELDS] = {
#define PARAM(field, scope, decay, rows, cols, key, s1, s2, s3)                                    \
    {#field, PARAM_##scope, decay, key, {s1, s2, s3}},
#include "model/params.def"
#undef PARAM
};

static void field_shape(const model_config *c, param_field field, uint32_t *rows, uint32_t *cols) {
    const uint32_t shapes[][2] = {
#define PARAM(field, scope, decay, r, n, key, s1, s2, s3) [PARAM_##field] = {r, n},
#include "model/params.def"
#undef PARAM
    };
    *rows = shapes[field][0];
    *cols = shapes[field][1];
}

/* How often a parameter of the scope is there. */
static uint32_t copies_of(const model_config *c, param_scope scope) {
    return scope == PARAM_LAYER && !c->family->shares_layers ? c->layers : 1;
}

/* Whether a row of an embedding is padding's: its padding_idx in transformers. */
static bool pads(const model_config *c, param_field field) {
    return field == PARAM_token || (field == PARAM_position && c->family->positions_follow_pad);
}

/* In checkpoint order: embeddings, layers, pooler, classifier. */
static err list_build(params *ps, const model_config *c) {
    size_t capacity = 0;
    for (int f = 0; f < PARAM_FIELDS; f++) capacity += copies_of(c, table[f].scope);
    err e = mem_new(&ps->list, capacity);
    if (e) return e;
    ps->shares_layers = c->family->shares_layers;
    for (param_scope scope = PARAM_EMBEDDINGS; scope <= PARAM_CLASSIFIER; scope++) {
        uint32_t copies = copies_of(c, scope);
        for (uint32_t layer = 0; layer < copies; layer++)
            for (int f = 0; f < PARAM_FIELDS; f++) {
                uint32_t rows = 0, cols = 0;
                field_shape(c, (param_field)f, &rows, &cols);
                if (table[f].scope != scope || !rows) continue;
                param *p = &ps->list[ps->count++];
                *p = (param){.field = (param_field)f,
                             .family = c->family,
                             .scope = scope,
                             .layer = layer,
                             .rows = rows,
                             .cols = cols};
                p->is_sparse = p->field == PARAM_token && !model_config_masks(c);
                p->zero_row = pads(c, p->field) ? c->pad : rows;
                p->added = p->field == PARAM_token ? c->added : 0;
                p->is_vector = p->cols == 0;
                if (p->is_vector) p->cols = 1;
                p->decay = table[f].decay;
                p->count = (size_t)p->rows * p->cols;
                ps->total += p->count;
                if (p->count > ps->largest) ps->largest = p->count;
            }
    }
    return ERR_OK;
}

size_t params_total(const model_config *c) {
    size_t total = 0;
    for (int f = 0; f < PARAM_FIELDS; f++) {
        uint32_t rows = 0, cols = 0;
        field_shape(c, (param_field)f, &rows, &cols);
        total += (size_t)rows * (cols ? cols : 1) * copies_of(c, table[f].scope);
    }
    return total;
}

static size_t aligned(size_t count) {
    return (count + PARAM_ALIGN - 1) / PARAM_ALIGN * PARAM_ALIGN;
}

static err group_init(params *ps, param_group *group, bool decay) {
    elem real = ps->device->real;
    err e = ERR_OK;
    group->decay = decay;
    for (size_t i = 0; i < ps->count; i++)
        if (!ps->list[i].is_sparse && ps->list[i].decay == decay)
            group->count += aligned(ps->list[i].count);
    if ((e = arena_take(&ps->arena, &group->p, group->count, real))) return e;
    if (ps->training) {
        if ((e = arena_take(&ps->arena, &group->m, group->count, real))) return e;
        if ((e = arena_take(&ps->arena, &group->v, group->count, real))) return e;
        if ((e = arena_take(&ps->arena, &group->g, group->count, real))) return e;
    }
    size_t first = 0;
    for (size_t i = 0; i < ps->count; i++) {
        param *p = &ps->list[i];
        if (p->is_sparse || p->decay != decay) continue;
        p->p = span_part(group->p, first, p->count);
        if (ps->training) {
            p->m = span_part(group->m, first, p->count);
            p->v = span_part(group->v, first, p->count);
            p->g = span_part(group->g, first, p->count);
        }
        first += aligned(p->count);
    }
    return ERR_OK;
}

static err token_init(params *ps, uint32_t token_rows) {
    elem real = ps->device->real;
    param *token = &ps->list[0];
    err e = ERR_OK;
    assert(token->field == PARAM_token);
    if (!token->is_sparse) return ERR_OK;
    if ((e = arena_take(&ps->arena, &token->p, token->count, real)) || !ps->training) return e;
    ps->token_rows = token_rows < token->rows ? token_rows : token->rows;
    size_t gradient = (size_t)ps->token_rows * token->cols;
    if ((e = arena_take(&ps->arena, &token->m, token->count, real))) return e;
    if ((e = arena_take(&ps->arena, &token->v, token->count, real))) return e;
    if ((e = arena_take(&ps->arena, &token->g, gradient, real))) return e;
    return arena_take(&ps->arena, &ps->token_last_step, token->rows, ELEM_U32);
}

err params_init(params *ps, device *d, const model_config *c, uint32_t token_rows) {
    err e = ERR_OK;
    *ps = (params){.device = d, .training = token_rows > 0};
    arena_init(&ps->arena, d, 0, false);
    ps->arena.name = "parameters";
    if ((e = list_build(ps, c))) goto done;
    if ((e = token_init(ps, token_rows))) goto done;
    if ((e = group_init(ps, &ps->groups[GROUP_DECAY], true))) goto done;
    e = group_init(ps, &ps->groups[GROUP_PLAIN], false);
done:
    if (e) params_free(ps);
    return e;
}

void params_free(params *ps) {
    arena_free(&ps->arena);
    mem_free(ps->list);
    *ps = (params){0};
}

const param *params_at(const params *ps, param_field field, uint32_t layer) {
    size_t per_layer = 0; // layers may be many: not all are gone through
    if (ps->shares_layers) layer = 0;
    for (int f = 0; f < PARAM_FIELDS; f++) per_layer += table[f].scope == PARAM_LAYER;
    for (size_t i = layer * per_layer; i < ps->count; i++)
        if (ps->list[i].field == field && ps->list[i].layer == layer) return &ps->list[i];
    assert(false && "no such parameter");
    return NULL;
}

size_t param_slices(const param *p) {
    return table[p->field].slices[0] ? 3 : 1;
}

void param_field_key(const encoder_family *family, param_field field, uint32_t layer, size_t slice,
                     char name[PARAM_NAME_BYTES]) {
    size_t used = 0;
    const char *own = family->keys[field];
    for (const char *k = own ? own : table[field].key; *k; k++) {
        char number[12], one[2] = {*k, '\0'};
        const char *part = one;
        if (*k == '~') part = family->prefix;
        if (*k == '#') {
            snprintf(number, sizeof number, "%u", layer);
            part = number;
        }
        if (*k == '%') {
            part = family->qkv[slice] ? family->qkv[slice] : table[field].slices[slice];
            k++;
        }
        used += (size_t)snprintf(name + used, PARAM_NAME_BYTES - used, "%s", part);
    }
}

void param_key(const param *p, size_t slice, char name[PARAM_NAME_BYTES]) {
    param_field_key(p->family, p->field, p->layer, slice, name);
}

void param_label(const param *p, char name[PARAM_NAME_BYTES]) {
    if (p->scope == PARAM_LAYER)
        snprintf(name, PARAM_NAME_BYTES, "%s[%u]", table[p->field].name, p->layer);
    else
        snprintf(name, PARAM_NAME_BYTES, "%s", table[p->field].name);
}

static bool is_norm_weight(param_field field) {
    return field == PARAM_embedding_norm_weight || field == PARAM_attention_norm_weight ||
           field == PARAM_output_norm_weight || field == PARAM_lm_norm_weight;
}

static void draw_one(float *out, const param *p, uint32_t seed, uint32_t place, float range) {
    if (p->is_vector) {
        float value = is_norm_weight(p->field) ? 1.0f : 0.0f;
        for (size_t i = 0; i < p->count; i++) out[i] = value;
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < p->count; i++)
        out[i] = (float)(rng_normal(seed, RNG_SITE_INIT + place, i) * (double)range);
    if (p->zero_row < p->rows)
        memset(out + (size_t)p->zero_row * p->cols, 0, p->cols * sizeof *out);
}

err params_draw_last(params *ps, size_t i, uint32_t rows, uint32_t seed, float range) {
    param *p = &ps->list[i];
    size_t count = (size_t)rows * p->cols, first = p->count - count;
    float *values = NULL;
    err e = mem_new(&values, count);
    for (size_t k = 0; !e && k < count; k++)
        values[k] =
            (float)(rng_normal(seed, RNG_SITE_INIT + (uint32_t)i, first + k) * (double)range);
    if (!e) e = params_write(p, values, first, count);
    mem_free(values);
    return e;
}

err params_draw(params *ps, uint32_t seed, float range, const bool *only) {
    float *values = NULL;
    err e = mem_new(&values, ps->largest);
    for (size_t i = 0; !e && i < ps->count; i++) {
        if (only && !only[i]) continue;
        draw_one(values, &ps->list[i], seed, (uint32_t)i, range);
        e = params_write(&ps->list[i], values, 0, ps->list[i].count);
    }
    mem_free(values);
    return e ? e : params_check(ps, only);
}
