#include "compute/ops.h"

#include "compute/plan.h"

static const char *const names[] = {
#define OP(name) #name,
#include "compute/ops.def"
#undef OP
};

const char *op_name(op_kind kind) {
    return names[kind];
}

typedef struct operand_list {
    operand *out;
    size_t count;
} operand_list;

static void add(operand_list *l, const char *name, span *at, operand_access access, size_t count,
                bool is_real, bool is_optional) {
    l->out[l->count++] = (operand){.name = name,
                                   .at = at,
                                   .access = access,
                                   .is_optional = is_optional,
                                   .is_real = is_real,
                                   .count = count};
}

// the field's own name is the operand's name
#define REAL(field, access, count) add(l, #field, &a->field, ACCESS_##access, (count), true, false)
#define REAL_OPTIONAL(field, access, count)                                                        \
    add(l, #field, &a->field, ACCESS_##access, (count), true, true)
#define U32(field, access, count) add(l, #field, &a->field, ACCESS_##access, (count), false, false)
#define U32_OPTIONAL(field, access, count)                                                         \
    add(l, #field, &a->field, ACCESS_##access, (count), false, true)

static void operands_fill(struct fill *a, operand_list *l) {
    REAL(x, WRITE, (size_t)a->rows.max * a->cols);
}

static void operands_embed_fwd(struct embed_fwd *a, operand_list *l) {
    size_t t = a->rows.max, h = a->hidden;
    REAL(y, WRITE, t * h);
    REAL(token, READ, a->table_rows * h);
    REAL(position, READ, h);
    REAL(type, READ, h);
    U32(ids, READ, t);
    U32(positions, READ, t);
    U32(type_ids, READ, t);
}

static void operands_rows_sum(struct rows_sum *a, operand_list *l) {
    REAL(out, BOTH, a->hidden);
    REAL(x, READ, (size_t)a->items_max.max * a->hidden);
    U32(starts, READ, (size_t)a->lists.max + 1);
    U32(items, READ, a->items_max.max);
    U32(rows, READ, a->lists.max);
}

static void operands_layernorm_fwd(struct layernorm_fwd *a, operand_list *l) {
    size_t t = a->rows.max, h = a->hidden;
    bool has_drop = a->before.p > 0 || a->after.p > 0;
    REAL(y, WRITE, t * h);
    REAL_OPTIONAL(sum, WRITE, t * h);
    REAL(mean, WRITE, t);
    REAL(rstd, WRITE, t);
    REAL(x, READ, t * h);
    REAL_OPTIONAL(residual, READ, t * h);
    REAL(weight, READ, h);
    REAL(bias, READ, h);
    add(l, "positions", &a->positions, ACCESS_READ, t, false, !has_drop);
    add(l, "token_sentence", &a->token_sentence, ACCESS_READ, t, false, !has_drop);
}

static void operands_layernorm_bwd(struct layernorm_bwd *a, operand_list *l) {
    size_t t = a->rows.max, h = a->hidden;
    bool has_drop = a->before.p > 0 || a->after.p > 0;
    REAL(dsum, WRITE, t * h);
    add(l, "dx", &a->dx, ACCESS_WRITE, t * h, true, a->before.p <= 0);
    REAL(dweight, BOTH, h);
    REAL(dbias, BOTH, h);
    REAL(dy, READ, t * h);
    REAL(sum, READ, t * h);
    REAL(mean, READ, t);
    REAL(rstd, READ, t);
    REAL(weight, READ, h);
    add(l, "positions", &a->positions, ACCESS_READ, t, false, !has_drop);
    add(l, "token_sentence", &a->token_sentence, ACCESS_READ, t, false, !has_drop);
}

static void operands_linear_fwd(struct linear_fwd *a, operand_list *l) {
    size_t m = a->rows.max, n = a->n, k = a->k;
    REAL(y, WRITE, m * n);
    REAL_OPTIONAL(pre, WRITE, m * n);
    REAL(x, READ, m * k);
    REAL(weight, READ, n * k);
    REAL_OPTIONAL(bias, READ, n);
}

static void operands_linear_dx(struct linear_dx *a, operand_list *l) {
    size_t m = a->rows.max, n = a->n, k = a->k;
    REAL(dx, WRITE, m * k);
    REAL(dy, READ, m * n);
    REAL(weight, READ, n * k);
    REAL_OPTIONAL(pre, READ, m * k);
    REAL_OPTIONAL(add, READ, m * k);
}

static void operands_linear_dw(struct linear_dw *a, operand_list *l) {
    size_t m = a->rows.max, n = a->n, k = a->k;
    REAL(dweight, BOTH, n * k);
    REAL_OPTIONAL(dbias, BOTH, n);
    REAL(dy, READ, m * n);
    REAL(x, READ, m * k);
}

static void operands_attention_fwd(struct attention_fwd *a, operand_list *l) {
    size_t t = a->tokens.max, h = (size_t)a->heads * a->head_size;
    REAL(out, WRITE, t * h);
    REAL(lse, WRITE, t * a->heads);
    REAL(qkv, READ, t * h * 3);
    U32(tiles, READ, (size_t)a->tile_count.max * 4);
}

static void operands_attention_bwd(struct attention_bwd *a, operand_list *l) {
    size_t t = a->tokens.max, h = (size_t)a->heads * a->head_size;
    REAL(dqkv, WRITE, t * h * 3);
    REAL(dout, READ, t * h);
    REAL(out, READ, t * h);
    REAL(lse, READ, t * a->heads);
    REAL(qkv, READ, t * h * 3);
    U32(tiles, READ, (size_t)a->tile_count.max * 4);
}

static void operands_cls_attention_fwd(struct cls_attention_fwd *a, operand_list *l) {
    size_t b = a->rows.max, t = a->tokens.max, h = (size_t)a->heads * a->head_size;
    REAL(out, WRITE, b * h);
    REAL(q, READ, b * h);
    REAL(kv, READ, t * h * 2);
    U32(starts, READ, b + 1);
    add(l, "ordinals", &a->ordinals, ACCESS_READ, b, false, a->drop.p <= 0);
}

static void operands_cls_attention_bwd(struct cls_attention_bwd *a, operand_list *l) {
    size_t b = a->rows.max, t = a->tokens.max, h = (size_t)a->heads * a->head_size;
    REAL(dq, WRITE, b * h);
    REAL(dkv, WRITE, t * h * 2);
    REAL(dout, READ, b * h);
    REAL(q, READ, b * h);
    REAL(kv, READ, t * h * 2);
    U32(starts, READ, b + 1);
    add(l, "ordinals", &a->ordinals, ACCESS_READ, b, false, a->drop.p <= 0);
}

static void operands_gather_rows(struct gather_rows *a, operand_list *l) {
    REAL(y, WRITE, (size_t)a->rows.max * a->hidden);
    REAL(x, READ, (size_t)a->tokens.max * a->hidden);
    U32(starts, READ, (size_t)a->rows.max + 1);
}

static void operands_scatter_rows(struct scatter_rows *a, operand_list *l) {
    REAL(dx, WRITE, (size_t)a->tokens.max * a->hidden);
    REAL(dy, READ, (size_t)a->rows.max * a->hidden);
    U32(starts, READ, (size_t)a->rows.max + 1);
}

static void operands_dropout(struct dropout *a, operand_list *l) {
    size_t n = (size_t)a->rows.max * a->hidden;
    REAL(y, WRITE, n);
    REAL(x, READ, n);
    add(l, "ordinals", &a->ordinals, ACCESS_READ, a->rows.max, false, a->drop.p <= 0);
}

static void operands_tanh_bwd(struct tanh_bwd *a, operand_list *l) {
    size_t n = (size_t)a->rows.max * a->cols;
    REAL(dx, WRITE, n);
    REAL(dy, READ, n);
    REAL(y, READ, n);
}

static void operands_cross_entropy(struct cross_entropy *a, operand_list *l) {
    size_t b = a->rows.max, c = a->classes;
    REAL(loss, WRITE, b);
    REAL_OPTIONAL(dlogits, WRITE, b * c);
    REAL(logits, READ, b * c);
    U32(targets, READ, b);
    REAL_OPTIONAL(class_weights, READ, c);
}

static void operands_grad_norm(struct grad_norm *a, operand_list *l) {
    REAL(result, WRITE, 4);
    for (uint32_t i = 0; i < a->part_count; i++) {
        struct grad_part *part = &a->parts[i];
        add(l, "part", &part->x, ACCESS_READ, (size_t)part->rows.max * part->cols, true, false);
    }
}

static void operands_adamw(struct adamw *a, operand_list *l) {
    REAL(p, BOTH, a->count);
    REAL(m, BOTH, a->count);
    REAL(v, BOTH, a->count);
    REAL(g, READ, a->count);
    REAL(table, READ, 8);
    REAL(norm, READ, 4);
}

static void operands_adamw_rows(struct adamw_rows *a, operand_list *l) {
    size_t n = (size_t)a->table_rows * a->hidden;
    REAL(p, BOTH, n);
    REAL(m, BOTH, n);
    REAL(v, BOTH, n);
    U32(last_step, BOTH, a->table_rows);
    REAL_OPTIONAL(g, READ, (size_t)a->rows.max * a->hidden);
    U32_OPTIONAL(list, READ, a->rows.max);
    REAL(table, READ, 8);
    add(l, "norm", &a->norm, ACCESS_READ, 4, true, !span_given(a->g));
}

static void operands_checksum(struct checksum *a, operand_list *l) {
    U32(out, WRITE, CHECKSUM_LANES);
    REAL(x, READ, a->count);
}

size_t op_operands(op *o, operand out[OPERANDS_MAX]) {
    operand_list l = {.out = out};
    switch (o->kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        operands_##name(&o->as.name, &l);                                                          \
        break;
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    return l.count;
}
