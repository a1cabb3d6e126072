/* The two ends of an optimizer step: zero gradients before the micro-batches; norm, clip and update
 * of what is trained behind them. */
#include "model/builder.h"

#include <assert.h>

/* A stretch of a group, in elements, that holds trained tensors alone. */
typedef struct stretch {
    size_t first, count;
} stretch;

/* The embeddings and some first layers may be frozen: what is left of a group is in two pieces at
 * most. */
enum { STRETCHES_MAX = 2 };

/* Elements that a tensor has in its group. */
static size_t aligned(size_t count) {
    return (count + PARAM_ALIGN - 1) / PARAM_ALIGN * PARAM_ALIGN;
}

/* Returns how many there are. */
static size_t find_stretches(const model_builder *b, const param_group *g,
                             stretch out[STRETCHES_MAX]) {
    const params *ps = &b->model->params;
    size_t count = 0, first = 0;
    bool is_open = false;
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        if (p->is_sparse || p->decay != g->decay) continue;
        size_t size = aligned(p->count);
        bool trains = model__trains(b, p);
        if (trains && !is_open) {
            assert(count < STRETCHES_MAX);
            out[count++] = (stretch){first, 0};
        }
        if (trains) out[count - 1].count += size;
        is_open = trains;
        first += size;
    }
    return count;
}

/* Whether rows of the token embedding are trained apart from all else. */
static bool trains_rows(const model_builder *b) {
    const param *token = model__param(b, PARAM_token, 0);
    return token->is_sparse && model__trains(b, token);
}

static dim step_rows(const model_builder *b) {
    uint32_t most = b->batch->dim_step_rows.max, held = b->model->params.token_rows;
    return (dim){DIM_STEP_ROWS, most < held ? most : held};
}

static struct adamw_rows token_update(const model_builder *b, dim rows) {
    const params *ps = &b->model->params;
    const param *token = params_at(ps, PARAM_token, 0);
    return (struct adamw_rows){.p = token->p,
                               .m = token->m,
                               .v = token->v,
                               .last_step = ps->token_last_step,
                               .table = b->training->table,
                               .rows = rows,
                               .hidden = token->cols,
                               .table_rows = b->c->vocabulary,
                               .decay = token->decay,
                               .beta1 = b->training->beta1,
                               .beta2 = b->training->beta2,
                               .eps = b->training->eps};
}

static err zero(const model_builder *b, const param_group *g, size_t first, size_t count,
                dim_kind when) {
    dim rows = {when, (uint32_t)(count / PARAM_ALIGN)};
    if (!count) return ERR_OK;
    return op_fill(
        b->plan,
        &(struct fill){.x = span_part(g->g, first, count), .rows = rows, .cols = PARAM_ALIGN});
}

/* A group's gradients. What the first micro-batch overwrites is zeroed in steps that have none: a
 * rank may have no sentence. */
static err zero_group(const model_builder *b, const param_group *g) {
    const params *ps = &b->model->params;
    size_t first = 0, count = 0;
    dim_kind when = DIM_FIXED;
    err e = ERR_OK;
    for (size_t i = 0; !e && i < ps->count; i++) {
        const param *p = &ps->list[i];
        if (p->is_sparse || p->decay != g->decay) continue;
        bool is_whole = p->count % PARAM_ALIGN == 0 && plan_overwritten(b->plan, p->g) == p->count;
        dim_kind own = is_whole ? DIM_IDLE : DIM_FIXED;
        if (own != when) {
            e = zero(b, g, first, count, when);
            first += count;
            count = 0;
        }
        when = own;
        count += aligned(p->count);
    }
    return e ? e : zero(b, g, first, count, when);
}

/* Zero gradients; the token rows that this step reads are brought up to it. */
err model__begin(const model_builder *b) {
    const params *ps = &b->model->params;
    err e = ERR_OK;
    for (int i = 0; i < GROUP_COUNT; i++)
        if ((e = zero_group(b, &ps->groups[i]))) return e;
    if (!trains_rows(b)) return ERR_OK;
    if ((e = op_fill(b->plan, &(struct fill){.x = params_at(ps, PARAM_token, 0)->g,
                                             .rows = step_rows(b),
                                             .cols = params_at(ps, PARAM_token, 0)->cols})))
        return e;
    struct adamw_rows catch_up = token_update(b, step_rows(b));
    catch_up.list = b->batch->step_rows;
    catch_up.before = true;
    return op_adamw_rows(b->plan, &catch_up);
}

static err update_range(const model_builder *b, const model_part *t, size_t first, size_t count) {
    return op_adamw(b->plan, &(struct adamw){.p = span_part(t->p, first, count),
                                             .m = span_part(t->m, first, count),
                                             .v = span_part(t->v, first, count),
                                             .g = span_part(t->g, first, count),
                                             .table = b->training->table,
                                             .norm = b->batch->norm,
                                             .count = (uint32_t)count,
                                             .decay = t->decay,
                                             .beta1 = b->training->beta1,
                                             .beta2 = b->training->beta2,
                                             .eps = b->training->eps});
}

static err update_tokens(const model_builder *b) {
    struct adamw_rows update = token_update(b, step_rows(b));
    update.g = model__param(b, PARAM_token, 0)->g;
    update.list = b->batch->step_rows;
    update.norm = b->batch->norm;
    return op_adamw_rows(b->plan, &update);
}

static model_part part_of_group(const param_group *g, const stretch *s) {
    return (model_part){.p = span_part(g->p, s->first, s->count),
                        .m = span_part(g->m, s->first, s->count),
                        .v = span_part(g->v, s->first, s->count),
                        .g = span_part(g->g, s->first, s->count),
                        .rows = dim_fixed((uint32_t)(s->count / PARAM_ALIGN)),
                        .cols = PARAM_ALIGN,
                        .decay = g->decay};
}

uint32_t model__parts(const model_builder *b, model_part parts[GRAD_PARTS_MAX]) {
    const params *ps = &b->model->params;
    stretch trained[STRETCHES_MAX];
    uint32_t count = 0;
    for (int i = 0; i < GROUP_COUNT; i++) {
        size_t pieces = find_stretches(b, &ps->groups[i], trained);
        for (size_t k = 0; k < pieces; k++)
            parts[count++] = part_of_group(&ps->groups[i], &trained[k]);
    }
    if (!trains_rows(b)) return count;
    const param *token = model__param(b, PARAM_token, 0);
    parts[count++] = (model_part){.p = token->p,
                                  .m = token->m,
                                  .v = token->v,
                                  .g = token->g,
                                  .rows = step_rows(b),
                                  .cols = token->cols,
                                  .decay = token->decay};
    return count;
}

err model__end(const model_builder *b) {
    model_part parts[GRAD_PARTS_MAX];
    struct grad_norm norm = {.result = b->batch->norm, .max_norm = b->training->max_grad_norm};
    norm.part_count = model__parts(b, parts);
    for (uint32_t i = 0; i < norm.part_count; i++)
        norm.parts[i] = (struct grad_part){parts[i].g, parts[i].rows, parts[i].cols};
    err e = op_grad_norm(b->plan, &norm);
    for (uint32_t i = 0; !e && i < norm.part_count; i++)
        if (parts[i].rows.kind == DIM_FIXED) e = update_range(b, &parts[i], 0, parts[i].p.count);
    return e || !trains_rows(b) ? e : update_tokens(b);
}

err model__end_own(const model_builder *b) {
    model_part parts[GRAD_PARTS_MAX];
    err e = ERR_OK;
    (void)model__parts(b, parts);
    for (size_t i = 0; !e && i < b->own_count; i++) {
        const model_range *own = &b->own[i];
        e = update_range(b, &parts[own->part], own->first, own->count);
    }
    return e || !trains_rows(b) ? e : update_tokens(b);
}

err model_flush_plan(plan *p, const struct model *m, const model_training *options) {
    model_builder build = {.plan = p, .model = m, .c = &m->config, .training = options};
    plan_init(p, m->params.device);
    plan_part_begin(p, PART_BEGIN);
    // frozen rows are never behind: a replay would let them decay
    err e = ERR_OK;
    if (trains_rows(&build)) {
        struct adamw_rows all = token_update(&build, dim_fixed(m->config.vocabulary));
        e = op_adamw_rows(p, &all);
    }
    if (!e) e = plan_ready(p);
    if (e) plan_free(p);
    return e;
}
