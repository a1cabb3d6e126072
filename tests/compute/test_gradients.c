/* Gradient check of the reference: every backward operation against central differences (h 1e-5) of
 * its forward, relative error under 1e-6. */
#include "base/rng.h"
#include "compute/plan.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TENSORS_MAX = 40, STEP = 3, SEED = 11 };

/* Named operands shared by a forward and a backward op, all on the reference. */
typedef struct world {
    device d;
    arena memory;
    struct {
        const char *name;
        span at;
    } tensors[TENSORS_MAX];
    size_t count;
    micro_sizes sizes;
} world;

static void world_open(world *w) {
    device_info info;
    memset(w, 0, sizeof *w);
    reference_info(&info);
    cr_assert_eq(device_open(&w->d, &info, NULL), ERR_OK);
    arena_init(&w->memory, &w->d, 0, true);
}

static void world_close(world *w) {
    arena_free(&w->memory);
    device_close(&w->d);
}

static span *find(world *w, const char *name) {
    for (size_t i = 0; i < w->count; i++) {
        if (!strcmp(w->tensors[i].name, name)) return &w->tensors[i].at;
    }
    return NULL;
}

static double *reals(world *w, const char *name) {
    span *s = find(w, name);
    cr_assert_not_null(s, "%s", name);
    return span_host(*s);
}

static span take(world *w, const char *name, size_t count, elem type) {
    span s;
    cr_assert_eq(arena_take(&w->memory, &s, count, type), ERR_OK);
    cr_assert_lt(w->count, TENSORS_MAX);
    w->tensors[w->count].name = name;
    w->tensors[w->count++].at = s;
    double *x = span_host(s);
    for (size_t i = 0; type == ELEM_F64 && i < count; i++) {
        x[i] = rng_normal(5, (uint32_t)w->count, i);
    }
    return s;
}

static void take_words(world *w, const char *name, const uint32_t *words, size_t count) {
    span s = take(w, name, count, ELEM_U32);
    memcpy(span_host(s), words, count * sizeof *words);
}

/* Gives every operand of o the tensor of its name, making random ones where there is none yet. */
static void bind(world *w, op *o, const char *absent) {
    operand list[OPERANDS_MAX];
    size_t count = op_operands(o, list);
    for (size_t i = 0; i < count; i++) {
        char spaced[64];
        snprintf(spaced, sizeof spaced, " %s ", list[i].name);
        if (strstr(absent, spaced)) continue;
        span *s = find(w, list[i].name);
        cr_assert(s || list[i].is_real, "no data for %s", list[i].name);
        *list[i].at = s ? *s : take(w, list[i].name, list[i].count, ELEM_F64);
    }
}

static void run(world *w, const op *o) {
    plan p;
    plan_init(&p, &w->d);
    plan_part_begin(&p, PART_MICRO);
    switch (o->kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        cr_assert_eq(op_##name(&p, &o->as.name), ERR_OK, "%s", err_message(0));                    \
        break;
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    cr_assert_eq(plan_ready(&p), ERR_OK);
    step_info step = {
        .step = STEP, .seed = SEED, .loss_scale = 0.25f, .micro_count = 1, .micros = &w->sizes};
    cr_assert_eq(plan_submit(&p, &step), ERR_OK);
    cr_assert_eq(plan_wait(&p, 0), ERR_OK);
    plan_free(&p);
}

static void zero(world *w, const char *name) {
    span *s = find(w, name);
    memset(span_host(*s), 0, span_bytes(*s));
}

/* f = scale * sum of cotangent . output */
static double value(world *w, const op *forward, const char *output, const char *cotangent,
                    double scale) {
    run(w, forward);
    const double *y = reals(w, output), *c = cotangent ? reals(w, cotangent) : NULL;
    double sum = 0;
    for (size_t i = 0; i < find(w, output)->count; i++) sum += y[i] * (c ? c[i] : 1);
    return scale * sum;
}

/* Every element of `input` moved by h against its gradient. */
static void check(world *w, const char *what, const op *forward, const char *output,
                  const char *cotangent, double scale, const char *input, const char *gradient) {
    const double h = 1e-5;
    span *s = find(w, input);
    double *x = reals(w, input), *g = reals(w, gradient), square = 0;
    for (size_t i = 0; i < s->count; i++) square += g[i] * g[i];
    double rms = sqrt(square / (double)s->count);
    cr_assert_gt(rms, 0, "%s: %s is all zero", what, gradient);
    for (size_t i = 0; i < s->count; i++) {
        double before = x[i];
        x[i] = before + h;
        double more = value(w, forward, output, cotangent, scale);
        x[i] = before - h;
        double less = value(w, forward, output, cotangent, scale);
        x[i] = before;
        double wanted = (more - less) / (2 * h);
        double size = fabs(g[i]) > rms ? fabs(g[i]) : rms;
        cr_assert_lt(fabs(g[i] - wanted) / size, 1e-6,
                     "%s: %s[%zu] is %.12g, differences give %.12g", what, gradient, i, g[i],
                     wanted);
    }
    run(w, forward);
}

static const uint32_t positions[] = {0, 1, 2, 0, 0, 1, 2, 3};
static const uint32_t token_sentence[] = {0, 0, 0, 1, 2, 2, 2, 2};
enum { T = 8, B = 3 };

static void batch_words(world *w) {
    const uint32_t starts[] = {0, 3, 4, 8};
    w->sizes = (micro_sizes){.tokens = T, .sentences = B, .tiles = 3};
    take_words(w, "positions", positions, T);
    take_words(w, "token_sentence", token_sentence, T);
    take_words(w, "starts", starts, B + 1);
}

CleanTest(gradients, layernorm) {
    static const struct {
        bool has_residual;
        float before, after;
    } cases[] = {{false, 0, 0}, {true, 0, 0}, {true, 0.3f, 0}, {false, 0.3f, 0.4f}};
    for (size_t i = 0; i < 4; i++) {
        world w;
        world_open(&w);
        batch_words(&w);
        dropout_spec before = {cases[i].before, 1}, after = {cases[i].after, 2};
        bool has_sum = cases[i].has_residual || before.p > 0;
        op forward = {.kind = OP_layernorm_fwd}, backward = {.kind = OP_layernorm_bwd};
        forward.as.layernorm_fwd = (struct layernorm_fwd){
            .before = before, .after = after, .rows = dim_fixed(T), .hidden = 6, .eps = 1e-3f};
        backward.as.layernorm_bwd = (struct layernorm_bwd){
            .before = before, .after = after, .rows = dim_fixed(T), .hidden = 6};
        bind(&w, &forward, cases[i].has_residual ? "" : has_sum ? " residual " : " residual sum ");
        if (!has_sum) {
            w.tensors[w.count].name = "sum";
            w.tensors[w.count++].at = *find(&w, "x");
        }
        bind(&w, &backward, before.p > 0 ? "" : " dx ");
        run(&w, &forward);
        zero(&w, "dweight");
        zero(&w, "dbias");
        run(&w, &backward);
        const char *dx = before.p > 0 ? "dx" : "dsum";
        check(&w, "layernorm", &forward, "y", "dy", 1, "x", dx);
        check(&w, "layernorm", &forward, "y", "dy", 1, "weight", "dweight");
        check(&w, "layernorm", &forward, "y", "dy", 1, "bias", "dbias");
        if (cases[i].has_residual) {
            check(&w, "layernorm", &forward, "y", "dy", 1, "residual", "dsum");
        }
        world_close(&w);
    }
}

CleanTest(gradients, linear) {
    world w;
    world_open(&w);
    op forward = {.kind = OP_linear_fwd}, dx = {.kind = OP_linear_dx}, dw = {.kind = OP_linear_dw};
    forward.as.linear_fwd = (struct linear_fwd){.rows = dim_fixed(5), .n = 4, .k = 3};
    dx.as.linear_dx = (struct linear_dx){.rows = dim_fixed(5), .n = 4, .k = 3};
    dw.as.linear_dw = (struct linear_dw){.rows = dim_fixed(5), .n = 4, .k = 3};
    bind(&w, &forward, " pre ");
    bind(&w, &dx, " pre add ");
    bind(&w, &dw, "");
    zero(&w, "dweight");
    zero(&w, "dbias");
    run(&w, &dx);
    run(&w, &dw);
    check(&w, "linear", &forward, "y", "dy", 1, "x", "dx");
    check(&w, "linear", &forward, "y", "dy", 1, "weight", "dweight");
    check(&w, "linear", &forward, "y", "dy", 1, "bias", "dbias");
    world_close(&w);
}

/* Runs them, each on the operands that it names. */
static op both(world *w, op forward, op backward) {
    bind(w, &forward, "");
    bind(w, &backward, "");
    run(w, &forward);
    run(w, &backward);
    return forward;
}

/* linear_dx with pre is the gradient through act(pre) weight^T; add is added to it. */
static void check_activation(activation kind) {
    world w;
    world_open(&w);
    op dx = {.kind = OP_linear_dx};
    dx.as.linear_dx = (struct linear_dx){.rows = dim_fixed(5), .n = 4, .k = 3, .act = kind};
    bind(&w, &dx, "");
    run(&w, &dx);
    const double *pre = reals(&w, "pre"), *dy = reals(&w, "dy"), *weight = reals(&w, "weight");
    const double *add = reals(&w, "add"), *got = reals(&w, "dx");
    // a product of one by one with the activation is the forward
    world f;
    world_open(&f);
    op act = {.kind = OP_linear_fwd};
    act.as.linear_fwd = (struct linear_fwd){.rows = dim_fixed(1), .n = 1, .k = 1, .act = kind};
    bind(&f, &act, " bias ");
    reals(&f, "weight")[0] = 1;
    for (size_t i = 0; i < 15; i++) {
        double z = pre[i], slope[2], d = 0;
        for (int side = 0; side < 2; side++) {
            reals(&f, "x")[0] = z + (side ? 1e-5 : -1e-5);
            run(&f, &act);
            slope[side] = reals(&f, "y")[0];
            cr_assert_eq(reals(&f, "pre")[0], reals(&f, "x")[0]);
        }
        for (size_t j = 0; j < 4; j++) d += dy[i / 3 * 4 + j] * weight[j * 3 + i % 3];
        double wanted = d * (slope[1] - slope[0]) / 2e-5 + add[i];
        cr_assert_lt(fabs(got[i] - wanted), 1e-6 * (fabs(wanted) + 1),
                     "activation %d element %zu: %.12g, %.12g", (int)kind, i, got[i], wanted);
    }
    world_close(&f);
    world_close(&w);
}

CleanTest(gradients, activation_and_add_of_linear_dx) {
    for (int kind = ACT_NONE; kind < ACT_COUNT; kind++)
        if (kind != ACT_TANH) check_activation((activation)kind);
}

/* Forward and backward of an attention over `tokens` tokens, from what w has and random numbers. */
static op attend(world *w, uint32_t tokens, uint32_t tiles, float p) {
    attention_spec spec = {dim_fixed(tokens), .heads = 2, .head_size = 3, .scale = 0.57f,
                           .drop = {p, 4}};
    op forward = {.kind = OP_attention_fwd}, backward = {.kind = OP_attention_bwd};
    forward.as.attention_fwd = (struct attention_fwd){.tile_count = dim_fixed(tiles), .spec = spec};
    backward.as.attention_bwd =
        (struct attention_bwd){.tile_count = dim_fixed(tiles), .spec = spec};
    return both(w, forward, backward);
}

static op attend_first(world *w, float p) {
    attention_spec spec = {dim_fixed(T), .heads = 2, .head_size = 3, .scale = 0.57f,
                           .drop = {p, 4}};
    op forward = {.kind = OP_first_attention_fwd}, backward = {.kind = OP_first_attention_bwd};
    forward.as.first_attention_fwd =
        (struct first_attention_fwd){.rows = dim_fixed(B), .spec = spec};
    backward.as.first_attention_bwd =
        (struct first_attention_bwd){.rows = dim_fixed(B), .spec = spec};
    return both(w, forward, backward);
}

CleanTest(gradients, attention) {
    const query_tile tiles[] = {{0, 3, 0, 0}, {3, 1, 0, 1}, {4, 4, 0, 2}};
    for (size_t i = 0; i < 2; i++) {
        world w;
        world_open(&w);
        batch_words(&w);
        take_words(&w, "tiles", (const uint32_t *)tiles, 12);
        op forward = attend(&w, T, 3, i ? 0.3f : 0);
        check(&w, "attention", &forward, "out", "dout", 1, "qkv", "dqkv");
        world_close(&w);
    }
}

/* A sentence cut into tiles gives the gradients of the same sentence in one tile. */
CleanTest(gradients, attention_of_several_tiles) {
    enum { N = 70 };
    const query_tile one[] = {{0, N, 0, 5}};
    const query_tile cut[] = {{0, N, 0, 5}, {0, N, 32, 5}, {0, N, 64, 5}};
    static double got[2][N * 18];
    for (size_t i = 0; i < 2; i++) {
        world w;
        world_open(&w);
        if (!i) w.d.tile_rows = 128;
        take_words(&w, "tiles", (const uint32_t *)(i ? cut : one), i ? 12 : 4);
        (void)attend(&w, N, i ? 3 : 1, 0.3f);
        memcpy(got[i], reals(&w, "dqkv"), sizeof got[i]);
        world_close(&w);
    }
    for (size_t k = 0; k < N * 18; k++) cr_assert_float_eq(got[0][k], got[1][k], 1e-12, "%zu", k);
}

CleanTest(gradients, first_attention) {
    const uint32_t ordinals[] = {4, 0, 2};
    for (size_t i = 0; i < 2; i++) {
        world w;
        world_open(&w);
        batch_words(&w);
        take_words(&w, "ordinals", ordinals, B);
        op forward = attend_first(&w, i ? 0.3f : 0);
        check(&w, "first_attention", &forward, "out", "dout", 1, "q", "dq");
        check(&w, "first_attention", &forward, "out", "dout", 1, "kv", "dkv");
        world_close(&w);
    }
}

/* Row b of the one is row starts[b] of the other, with the same dropout. */
CleanTest(gradients, first_attention_is_the_first_row_of_attention) {
    enum { HEADS = 2, D = 3, HIDDEN = HEADS * D };
    const query_tile tiles[] = {{0, 3, 0, 4}, {3, 1, 0, 0}, {4, 4, 0, 2}};
    const uint32_t ordinals[] = {4, 0, 2};
    world w;
    world_open(&w);
    batch_words(&w);
    take_words(&w, "tiles", (const uint32_t *)tiles, 12);
    take_words(&w, "ordinals", ordinals, B);
    (void)attend(&w, T, B, 0.3f);
    const double *qkv = reals(&w, "qkv"), *out = reals(&w, "out");
    double expected[B * HIDDEN];
    for (size_t b = 0; b < B; b++)
        memcpy(expected + b * HIDDEN, out + tiles[b].start * HIDDEN, HIDDEN * sizeof *out);
    span q = take(&w, "q", B * HIDDEN, ELEM_F64), kv = take(&w, "kv", T * 2 * HIDDEN, ELEM_F64);
    for (size_t t = 0; t < T; t++)
        memcpy((double *)span_host(kv) + t * 2 * HIDDEN, qkv + t * 3 * HIDDEN + HIDDEN,
               2 * HIDDEN * sizeof *qkv);
    for (size_t b = 0; b < B; b++)
        memcpy((double *)span_host(q) + b * HIDDEN, qkv + tiles[b].start * 3 * HIDDEN,
               HIDDEN * sizeof *qkv);
    (void)attend_first(&w, 0.3f);
    for (size_t k = 0; k < B * HIDDEN; k++)
        cr_assert_float_eq(out[k], expected[k], 1e-14, "%zu: %.17g, %.17g", k, out[k], expected[k]);
    world_close(&w);
}

CleanTest(gradients, embedding_by_lists) {
    const uint32_t ids[] = {2, 4, 2, 0, 2, 1, 4, 4}, types[] = {0, 0, 1, 0, 0, 1, 1, 1};
    static const struct {
        const char *table, *gradient;
        uint32_t lists, starts[6], items[8], rows[5];
    } sums[] = {
        {"token", "dtoken", 4, {0, 1, 2, 5, 8}, {3, 5, 0, 2, 4, 1, 6, 7}, {0, 1, 2, 4}},
        {"position", "dposition", 4, {0, 3, 5, 7, 8}, {0, 3, 4, 1, 5, 2, 6, 7}, {0, 1, 2, 3}},
        {"type", "dtype", 2, {0, 4, 8}, {0, 1, 3, 4, 2, 5, 6, 7}, {0, 1}}};
    world w;
    world_open(&w);
    w.sizes.tokens = T;
    take_words(&w, "ids", ids, T);
    take_words(&w, "positions", positions, T);
    take_words(&w, "type_ids", types, T);
    take(&w, "position", 4 * 3, ELEM_F64);
    take(&w, "type", 2 * 3, ELEM_F64);
    span cotangent = take(&w, "dy", (size_t)T * 3, ELEM_F64);
    op forward = {.kind = OP_embed_fwd};
    forward.as.embed_fwd = (struct embed_fwd){.rows = dim_fixed(T), .hidden = 3, .table_rows = 5};
    bind(&w, &forward, "");
    for (size_t i = 0; i < 3; i++) {
        op sum = {.kind = OP_rows_sum};
        struct rows_sum *a = &sum.as.rows_sum;
        *a = (struct rows_sum){.x = cotangent,
                               .lists = dim_fixed(sums[i].lists),
                               .items_max = dim_fixed(T),
                               .hidden = 3};
        a->out = take(&w, sums[i].gradient, find(&w, sums[i].table)->count, ELEM_F64);
        zero(&w, sums[i].gradient);
        take_words(&w, "", sums[i].starts, sums[i].lists + 1);
        a->starts = w.tensors[w.count - 1].at;
        take_words(&w, "", sums[i].items, T);
        a->items = w.tensors[w.count - 1].at;
        take_words(&w, "", sums[i].rows, sums[i].lists);
        a->rows = w.tensors[w.count - 1].at;
        run(&w, &sum);
        check(&w, "embedding", &forward, "y", "dy", 1, sums[i].table, sums[i].gradient);
    }
    world_close(&w);
}

CleanTest(gradients, rows_dropout_activation) {
    world w;
    world_open(&w);
    batch_words(&w);
    const uint32_t ordinals[] = {0, 1, 2};
    take_words(&w, "ordinals", ordinals, B);
    op gather = {.kind = OP_gather_rows}, scatter = {.kind = OP_scatter_rows};
    gather.as.gather_rows =
        (struct gather_rows){.rows = dim_fixed(B), .tokens = dim_fixed(T), .hidden = 5};
    scatter.as.scatter_rows =
        (struct scatter_rows){.rows = dim_fixed(B), .tokens = dim_fixed(T), .hidden = 5};
    bind(&w, &gather, "");
    bind(&w, &scatter, "");
    run(&w, &scatter);
    check(&w, "gather_rows", &gather, "y", "dy", 1, "x", "dx");
    world_close(&w);

    world_open(&w);
    take_words(&w, "ordinals", ordinals, B);
    op forward = {.kind = OP_dropout}, backward = {.kind = OP_dropout};
    forward.as.dropout = (struct dropout){.rows = dim_fixed(B), .hidden = 50, .drop = {0.4f, 9}};
    backward = forward;
    bind(&w, &forward, "");
    backward.as.dropout.x = take(&w, "dy", B * 50, ELEM_F64);
    backward.as.dropout.y = take(&w, "dx", B * 50, ELEM_F64);
    backward.as.dropout.ordinals = forward.as.dropout.ordinals;
    run(&w, &backward);
    check(&w, "dropout", &forward, "y", "dy", 1, "x", "dx");
    world_close(&w);

    const activation acts[] = {ACT_TANH, ACT_GELU, ACT_GELU_TANH};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        world_open(&w);
        // through a product that changes nothing
        op forwards = {.kind = OP_linear_fwd}, slope = {.kind = OP_activation_bwd};
        forwards.as.linear_fwd =
            (struct linear_fwd){.rows = dim_fixed(B), .n = 4, .k = 4, .act = acts[i]};
        bind(&w, &forwards, " bias ");
        double *one = reals(&w, "weight");
        for (size_t k = 0; k < 16; k++) one[k] = k % 5 == 0;
        run(&w, &forwards);
        slope.as.activation_bwd =
            (struct activation_bwd){.act = acts[i], .rows = dim_fixed(B), .cols = 4};
        slope.as.activation_bwd.dx = take(&w, "dx", B * 4, ELEM_F64);
        slope.as.activation_bwd.dy = take(&w, "dy", B * 4, ELEM_F64);
        slope.as.activation_bwd.pre = *find(&w, acts[i] == ACT_TANH ? "y" : "x");
        run(&w, &slope);
        check(&w, "activation", &forwards, "y", "dy", 1, "x", "dx");
        world_close(&w);
    }
}

CleanTest(gradients, number_loss) {
    for (size_t i = 0; i < 2; i++) {
        world w;
        world_open(&w);
        op o = {.kind = OP_number_loss};
        o.as.number_loss = (struct number_loss){.rows = dim_fixed(B), .cols = 3, .binary = i};
        bind(&w, &o, "");
        run(&w, &o);
        span kept = take(&w, "kept", B * 3, ELEM_F64); // check() runs the op again
        memcpy(span_host(kept), reals(&w, "doutputs"), B * 3 * sizeof(double));
        check(&w, "number_loss", &o, "loss", NULL, 0.25, "outputs", "kept");
        world_close(&w);
    }
}

CleanTest(gradients, cross_entropy) {
    const uint32_t labels[] = {2, 0, 1};
    for (size_t i = 0; i < 4; i++) {
        world w;
        world_open(&w);
        take_words(&w, "targets", labels, B);
        op o = {.kind = OP_cross_entropy};
        o.as.cross_entropy = (struct cross_entropy){
            .rows = dim_fixed(B), .classes = 4, .smoothing = i % 2 ? 0.1f : 0};
        span weights = take(&w, "class_weights", 4, ELEM_F64);
        for (size_t c = 0; c < 4; c++) ((double *)span_host(weights))[c] = 0.5 + (double)c;
        bind(&w, &o, i / 2 ? " predicted " : " class_weights predicted ");
        run(&w, &o);
        span kept = take(&w, "kept", B * 4, ELEM_F64); // check() runs the op again
        memcpy(span_host(kept), reals(&w, "dlogits"), B * 4 * sizeof(double));
        check(&w, "cross_entropy", &o, "loss", NULL, 0.25, "logits", "kept");
        world_close(&w);
    }
}

/* Nodes of two sentences, of three and of one. */
static void node_words(world *w) {
    const uint32_t nodes[] = {0, 3, 0, 3, 0, 3, 3, 1}, heads[] = {1, 2, 1, 3};
    take_words(w, "nodes", nodes, 8);
    take_words(w, "heads", heads, 4);
}

CleanTest(gradients, arc_scores) {
    world w;
    world_open(&w);
    node_words(&w);
    op forward = {.kind = OP_arc_scores}, backward = {.kind = OP_arc_scores_bwd};
    forward.as.arc_scores = (struct arc_scores){.rows = dim_fixed(4), .width = 4, .size = 5};
    backward.as.arc_scores_bwd =
        (struct arc_scores_bwd){.rows = dim_fixed(4), .width = 4, .size = 5};
    bind(&w, &forward, "");
    bind(&w, &backward, "");
    run(&w, &forward);
    run(&w, &backward);
    const double *scores = reals(&w, "scores");
    double *dscores = reals(&w, "dscores");
    cr_assert_float_eq(scores[3], (double)ARC_NONE, 0);
    cr_assert_float_eq(scores[3 * 4 + 1], (double)ARC_NONE, 0);
    cr_assert_gt(scores[2], -1e3);
    for (size_t i = 0; i < 16; i++) // a sum of them would hide the rest
        if (scores[i] < -1e29) dscores[i] = 0;
    check(&w, "arc_scores", &forward, "scores", "dscores", 1, "dependent", "ddependent");
    check(&w, "arc_scores", &forward, "scores", "dscores", 1, "head", "dhead");
    world_close(&w);
}

CleanTest(gradients, relation_scores) {
    world w;
    world_open(&w);
    node_words(&w);
    op forward = {.kind = OP_relation_scores}, backward = {.kind = OP_relation_scores_bwd};
    op best = {.kind = OP_relation_best};
    forward.as.relation_scores =
        (struct relation_scores){.rows = dim_fixed(4), .classes = 3, .size = 5};
    backward.as.relation_scores_bwd =
        (struct relation_scores_bwd){.rows = dim_fixed(4), .classes = 3, .size = 5, .width = 4};
    best.as.relation_best =
        (struct relation_best){.rows = dim_fixed(4), .classes = 3, .size = 5, .width = 4};
    bind(&w, &forward, "");
    bind(&w, &backward, "");
    bind(&w, &best, "");
    run(&w, &forward);
    run(&w, &backward);
    check(&w, "relation_scores", &forward, "scores", "dscores", 1, "bilinear", "dbilinear");
    check(&w, "relation_scores", &forward, "scores", "dscores", 1, "linear", "dscores");
    check(&w, "relation_scores", &forward, "scores", "dscores", 1, "head", "dhead");
    // at the heads that are listed, the best relation is that of the scores
    run(&w, &best);
    const double *scores = reals(&w, "scores"), *found = reals(&w, "best");
    const uint32_t heads[] = {1, 2, 1, 0};
    for (size_t r = 0; r < 4; r++) {
        size_t most = 0;
        for (size_t c = 1; c < 3; c++)
            if (scores[r * 3 + c] > scores[r * 3 + most]) most = c;
        cr_assert_float_eq(found[r * 4 + heads[r]], (double)most, 0, "node %zu", r);
    }
    cr_assert_float_eq(found[3], 0, 0);
    world_close(&w);
}

/* A row without a target has neither loss nor gradient; losses are added up where that is asked
 * for. */
Test(gradients, cross_entropy_without_target) {
    const uint32_t targets[] = {2, CLASS_NONE};
    world w;
    world_open(&w);
    take_words(&w, "targets", targets, 2);
    op o = {.kind = OP_cross_entropy};
    o.as.cross_entropy = (struct cross_entropy){.rows = dim_fixed(2), .classes = 3};
    bind(&w, &o, " class_weights predicted ");
    run(&w, &o);
    double *loss = reals(&w, "loss"), first = loss[0];
    const double *slope = reals(&w, "dlogits");
    cr_assert_gt(first, 0);
    cr_assert_float_eq(loss[1], 0, 0);
    for (size_t c = 0; c < 3; c++) cr_assert_float_eq(slope[3 + c], 0, 0);
    o.as.cross_entropy.adds = true;
    loss[1] = 7;
    run(&w, &o);
    cr_assert_float_eq(loss[0], 2 * first, 1e-12);
    cr_assert_float_eq(loss[1], 7, 0);
    world_close(&w);
}
