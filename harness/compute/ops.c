/* What each operation is made of: operands, sizes, cost. */
#include "compute/ops.h"

#include "compute/operands.h"

#include <math.h>

static const char *const names[] = {
#define OP(name) #name,
#include "compute/ops.def"
#undef OP
};

const char *op_name(op_kind kind) {
    return names[kind];
}

void grad_norm_of(float result[4], double square, float max_norm, float unscale) {
    double norm = sqrt(square) * (double)unscale, clip = (double)max_norm / (norm + 1e-6);
    result[0] = (float)norm;
    result[1] = (max_norm > 0 && clip < 1 ? (float)clip : 1) * unscale;
    result[2] = isfinite(norm) ? 1 : 0;
    result[3] = 0;
}

/* One op, described at its largest sizes, or at those of a step and micro-batch. */
typedef struct description {
    operand *out;
    size_t count;
    const step_info *step; /* NULL: the largest */
    uint32_t micro;
    double flops;
} description;

static size_t size_of(const description *l, dim d) {
    return l->step ? dim_value(d, l->step, l->micro) : d.max;
}

static void add(description *l, const char *name, span *at, operand_access access, size_t count,
                size_t used, bool is_real, bool is_optional) {
    l->out[l->count++] = (operand){.name = name,
                                   .at = at,
                                   .access = access,
                                   .is_optional = is_optional,
                                   .is_real = is_real,
                                   .count = count,
                                   .used = used};
}

// the field's own name is the operand's name
#define SIZE(field) size_of(l, a->field)
#define REAL_OF(field, access, count, used, is_optional)                                           \
    add(l, #field, &a->field, ACCESS_##access, (count), (used), true, (is_optional))
#define REAL(field, access, count) REAL_OF(field, access, count, count, false)
#define REAL_OPTIONAL(field, access, count) REAL_OF(field, access, count, count, true)
/* Of a table, `used` elements are touched. */
#define TABLE(field, access, count, used) REAL_OF(field, access, count, used, false)
/* Parameters and optimizer state. */
#define KEPT(operand) (operand, l->out[l->count - 1].is_kept = true)
#define U32_UNLESS(is_optional, field, access, count)                                              \
    add(l, #field, &a->field, ACCESS_##access, (count), 0, false, (is_optional))
#define U32(field, access, count) U32_UNLESS(false, field, access, count)

static void describe_fill(struct fill *a, description *l) {
    size_t n = SIZE(rows) * a->cols;
    REAL(x, WRITE, n);
    l->flops = (double)n;
}

static void describe_embed_fwd(struct embed_fwd *a, description *l) {
    size_t t = SIZE(rows), h = a->hidden;
    REAL(y, WRITE, t * h);
    KEPT(TABLE(token, READ, a->table_rows * h, t * h));
    KEPT(TABLE(position, READ, h, t * h));
    KEPT(TABLE(type, READ, h, t * h));
    U32(ids, READ, t);
    U32(positions, READ, t);
    U32(type_ids, READ, t);
    l->flops = 2.0 * (double)(t * h);
}

static void describe_rows_sum(struct rows_sum *a, description *l) {
    size_t lists = SIZE(lists), items = SIZE(items_max), h = a->hidden;
    KEPT(TABLE(out, BOTH, h, lists * h));
    REAL(x, READ, items * h);
    U32(starts, READ, lists + 1);
    U32(items, READ, items);
    U32(rows, READ, lists);
    l->flops = (double)(items * h);
}

static void describe_layernorm_fwd(struct layernorm_fwd *a, description *l) {
    size_t t = SIZE(rows), h = a->hidden;
    bool has_drop = a->before.p > 0 || a->after.p > 0;
    REAL(y, WRITE, t * h);
    REAL_OPTIONAL(sum, WRITE, t * h);
    REAL(mean, WRITE, t);
    REAL(rstd, WRITE, t);
    REAL(x, READ, t * h);
    REAL_OPTIONAL(residual, READ, t * h);
    KEPT(REAL(weight, READ, h));
    KEPT(REAL(bias, READ, h));
    U32_UNLESS(!has_drop, positions, READ, t);
    U32_UNLESS(!has_drop, token_sentence, READ, t);
    l->flops = 8.0 * (double)(t * h);
}

static void describe_layernorm_bwd(struct layernorm_bwd *a, description *l) {
    size_t t = SIZE(rows), h = a->hidden;
    bool has_drop = a->before.p > 0 || a->after.p > 0;
    REAL(dsum, WRITE, t * h);
    REAL_OF(dx, WRITE, t * h, t * h, a->before.p <= 0);
    KEPT(REAL(dweight, BOTH, h));
    KEPT(REAL(dbias, BOTH, h));
    REAL(dy, READ, t * h);
    REAL(sum, READ, t * h);
    REAL(mean, READ, t);
    REAL(rstd, READ, t);
    KEPT(REAL(weight, READ, h));
    U32_UNLESS(!has_drop, positions, READ, t);
    U32_UNLESS(!has_drop, token_sentence, READ, t);
    l->flops = 16.0 * (double)(t * h);
}

static void describe_linear_fwd(struct linear_fwd *a, description *l) {
    size_t m = SIZE(rows), n = a->n, k = a->k;
    REAL(y, WRITE, m * n);
    REAL_OPTIONAL(pre, WRITE, m * n);
    REAL(x, READ, m * k);
    KEPT(REAL(weight, READ, n * k));
    KEPT(REAL_OPTIONAL(bias, READ, n));
    l->flops = 2.0 * (double)(m * n * k);
}

static void describe_linear_dx(struct linear_dx *a, description *l) {
    size_t m = SIZE(rows), n = a->n, k = a->k;
    REAL(dx, WRITE, m * k);
    REAL(dy, READ, m * n);
    KEPT(REAL(weight, READ, n * k));
    REAL_OPTIONAL(pre, READ, m * k);
    REAL_OPTIONAL(add, READ, m * k);
    l->flops = 2.0 * (double)(m * n * k);
}

static void describe_linear_dw(struct linear_dw *a, description *l) {
    size_t m = SIZE(rows), n = a->n, k = a->k;
    KEPT(REAL(dweight, BOTH, n * k));
    KEPT(REAL_OPTIONAL(dbias, BOTH, n));
    REAL(dy, READ, m * n);
    REAL(x, READ, m * k);
    l->flops = 2.0 * (double)(m * n * k);
}

/* Each tile's rows meet its whole sentence; sentences fill at most one tile each here. */
static double attention_pairs(size_t tokens, size_t tiles) {
    return tiles ? (double)tokens * ((double)tokens / (double)tiles) : 0;
}

static void describe_attention_fwd(struct attention_fwd *a, description *l) {
    size_t t = SIZE(spec.tokens), h = (size_t)a->spec.heads * a->spec.head_size;
    REAL(out, WRITE, t * h);
    REAL(lse, WRITE, t * a->spec.heads);
    REAL(qkv, READ, t * h * 3);
    U32(tiles, READ, SIZE(tile_count) * 4);
    l->flops = 4.0 * attention_pairs(t, SIZE(tile_count)) * (double)h;
}

static void describe_attention_bwd(struct attention_bwd *a, description *l) {
    size_t t = SIZE(spec.tokens), h = (size_t)a->spec.heads * a->spec.head_size;
    REAL(dqkv, WRITE, t * h * 3);
    REAL(dout, READ, t * h);
    REAL(out, READ, t * h);
    REAL(lse, READ, t * a->spec.heads);
    REAL(qkv, READ, t * h * 3);
    U32(tiles, READ, SIZE(tile_count) * 4);
    l->flops = 10.0 * attention_pairs(t, SIZE(tile_count)) * (double)h;
}

static void describe_first_attention_fwd(struct first_attention_fwd *a, description *l) {
    size_t b = SIZE(rows), t = SIZE(spec.tokens), h = (size_t)a->spec.heads * a->spec.head_size;
    REAL(out, WRITE, b * h);
    REAL(q, READ, b * h);
    REAL(kv, READ, t * h * 2);
    U32(starts, READ, b + 1);
    U32_UNLESS(a->spec.drop.p <= 0, ordinals, READ, b);
    l->flops = 4.0 * (double)(t * h);
}

static void describe_first_attention_bwd(struct first_attention_bwd *a, description *l) {
    size_t b = SIZE(rows), t = SIZE(spec.tokens), h = (size_t)a->spec.heads * a->spec.head_size;
    REAL(dq, WRITE, b * h);
    REAL(dkv, WRITE, t * h * 2);
    REAL(dout, READ, b * h);
    REAL(q, READ, b * h);
    REAL(kv, READ, t * h * 2);
    U32(starts, READ, b + 1);
    U32_UNLESS(a->spec.drop.p <= 0, ordinals, READ, b);
    l->flops = 10.0 * (double)(t * h);
}

static void describe_gather_rows(struct gather_rows *a, description *l) {
    size_t b = SIZE(rows), h = a->hidden;
    REAL(y, WRITE, b * h);
    TABLE(x, READ, SIZE(tokens) * h, b * h);
    U32(starts, READ, b + 1);
    l->flops = (double)(b * h);
}

static void describe_scatter_rows(struct scatter_rows *a, description *l) {
    size_t b = SIZE(rows), n = SIZE(tokens) * a->hidden;
    REAL(dx, WRITE, n);
    REAL(dy, READ, b * a->hidden);
    U32(starts, READ, b + 1);
    l->flops = (double)n;
}

static void describe_dropout(struct dropout *a, description *l) {
    size_t b = SIZE(rows), n = b * a->hidden;
    REAL(y, WRITE, n);
    REAL(x, READ, n);
    U32_UNLESS(a->drop.p <= 0, ordinals, READ, b);
    l->flops = 20.0 * (double)n;
}

static void describe_activation_bwd(struct activation_bwd *a, description *l) {
    size_t n = SIZE(rows) * a->cols;
    REAL(dx, WRITE, n);
    REAL(dy, READ, n);
    REAL(pre, READ, n);
    l->flops = (a->act == ACT_TANH ? 3.0 : 20.0) * (double)n;
}

static void describe_cross_entropy(struct cross_entropy *a, description *l) {
    size_t b = SIZE(rows), c = a->classes;
    add(l, "loss", &a->loss, a->adds ? ACCESS_BOTH : ACCESS_WRITE, b, b, true, false);
    REAL_OPTIONAL(dlogits, WRITE, b * c);
    U32_UNLESS(true, predicted, WRITE, b);
    REAL(logits, READ, b * c);
    U32(targets, READ, b);
    KEPT(REAL_OPTIONAL(class_weights, READ, c));
    l->flops = 10.0 * (double)(b * c);
}

static void describe_number_loss(struct number_loss *a, description *l) {
    size_t b = SIZE(rows), n = b * a->cols;
    REAL(loss, WRITE, b);
    REAL_OPTIONAL(doutputs, WRITE, n);
    REAL(outputs, READ, n);
    REAL(targets, READ, n);
    l->flops = (a->binary ? 12.0 : 4.0) * (double)n;
}

static void describe_arc_scores(struct arc_scores *a, description *l) {
    size_t r = SIZE(rows), k = a->size;
    REAL(scores, WRITE, r * a->width);
    REAL(dependent, READ, r * k);
    REAL(head, READ, r * k);
    U32(nodes, READ, r * 2);
    l->flops = 2.0 * (double)(r * a->width * k);
}

static void describe_arc_scores_bwd(struct arc_scores_bwd *a, description *l) {
    size_t r = SIZE(rows), k = a->size;
    REAL(ddependent, WRITE, r * k);
    REAL(dhead, WRITE, r * k);
    REAL(dscores, READ, r * a->width);
    REAL(dependent, READ, r * k);
    REAL(head, READ, r * k);
    U32(nodes, READ, r * 2);
    l->flops = 4.0 * (double)(r * a->width * k);
}

static void describe_relation_scores(struct relation_scores *a, description *l) {
    size_t r = SIZE(rows), c = a->classes, k = a->size;
    REAL(scores, WRITE, r * c);
    REAL(bilinear, READ, r * c * k);
    REAL(linear, READ, r * c);
    REAL(head, READ, r * k);
    U32(heads, READ, r);
    l->flops = 2.0 * (double)(r * c * k);
}

static void describe_relation_scores_bwd(struct relation_scores_bwd *a, description *l) {
    size_t r = SIZE(rows), c = a->classes, k = a->size;
    REAL(dbilinear, WRITE, r * c * k);
    REAL(dhead, WRITE, r * k);
    REAL(dscores, READ, r * c);
    REAL(bilinear, READ, r * c * k);
    REAL(head, READ, r * k);
    U32(heads, READ, r);
    U32(nodes, READ, r * 2);
    l->flops = 3.0 * (double)(r * c * k);
}

static void describe_relation_best(struct relation_best *a, description *l) {
    size_t r = SIZE(rows), c = a->classes, k = a->size;
    REAL(best, WRITE, r * a->width);
    REAL(bilinear, READ, r * c * k);
    REAL(linear, READ, r * c);
    REAL(head, READ, r * k);
    U32(nodes, READ, r * 2);
    l->flops = 2.0 * (double)(r * c * k) * a->width;
}

static void describe_grad_norm(struct grad_norm *a, description *l) {
    REAL(result, WRITE, 4);
    for (uint32_t i = 0; i < a->part_count; i++) {
        struct grad_part *part = &a->parts[i];
        size_t n = size_of(l, part->rows) * part->cols;
        add(l, "part", &part->x, ACCESS_READ, n, n, true, false);
        l->flops += 2.0 * (double)n;
    }
}

static void describe_adamw(struct adamw *a, description *l) {
    KEPT(REAL(p, BOTH, a->count));
    KEPT(REAL(m, BOTH, a->count));
    KEPT(REAL(v, BOTH, a->count));
    REAL(g, READ, a->count);
    KEPT(REAL(table, READ, 8));
    REAL(norm, READ, 4);
    l->flops = 16.0 * a->count;
}

static void describe_adamw_rows(struct adamw_rows *a, description *l) {
    size_t all = (size_t)a->table_rows * a->hidden, n = SIZE(rows) * a->hidden;
    KEPT(TABLE(p, BOTH, all, n));
    KEPT(TABLE(m, BOTH, all, n));
    KEPT(TABLE(v, BOTH, all, n));
    KEPT(U32(last_step, BOTH, a->table_rows));
    REAL_OPTIONAL(g, READ, n);
    U32_UNLESS(true, list, READ, SIZE(rows));
    KEPT(REAL(table, READ, 8));
    REAL_OF(norm, READ, 4, 4, !span_given(a->g));
    l->flops = 16.0 * (double)n;
}

static void describe_checksum(struct checksum *a, description *l) {
    U32(out, WRITE, CHECKSUM_LANES);
    REAL(x, READ, a->count);
    l->flops = 2.0 * a->count;
}

static void describe(op *o, description *l) {
    switch (o->kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        describe_##name(&o->as.name, l);                                                           \
        break;
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
}

size_t op_operands(op *o, operand out[OPERANDS_MAX]) {
    return op_operands_at(o, out, NULL, 0);
}

size_t op_operands_at(op *o, operand out[OPERANDS_MAX], const step_info *step, uint32_t micro) {
    description l = {.out = out, .step = step, .micro = micro};
    describe(o, &l);
    return l.count;
}

op_cost op_cost_of(const op *o, const step_info *step, uint32_t micro) {
    op copy = *o; // operands point into it
    operand list[OPERANDS_MAX];
    description l = {.out = list, .step = step, .micro = micro};
    op_cost cost = {0};
    describe(&copy, &l);
    cost.flops = l.flops;
    for (size_t i = 0; i < l.count; i++) {
        bool is_there = !list[i].is_optional || span_given(*list[i].at);
        if (list[i].is_real && is_there)
            cost.reals += (double)list[i].used * (list[i].access == ACCESS_BOTH ? 2 : 1);
    }
    return cost;
}
