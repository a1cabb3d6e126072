/* The table of trials of every op: the usual workgroups' edges, a prime, one, the shapes of real
 * models, and the hazards. A new op adds a function here and a line at the end. */
#include "compute/verify_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define TRY(call)                                                                                  \
    do {                                                                                           \
        err tried = (call);                                                                        \
        if (tried) return tried;                                                                   \
    } while (0)

static trial start(op_kind kind, uint32_t tokens, const char *format, ...) PRINTF_LIKE(3, 4);

static trial start(op_kind kind, uint32_t tokens, const char *format, ...) {
    trial t = {.o.kind = kind, .part = PART_MICRO, .micro_count = 1, .slot_count = 1, .step = 7};
    t.tokens[0][0] = tokens;
    int used = snprintf(t.name, sizeof t.name, "%s ", op_name(kind));
    va_list list;
    va_start(list, format);
    vsnprintf(t.name + used, sizeof t.name - (size_t)used, format, list);
    va_end(list);
    return t;
}

/* Both slots and two micro-batches of different sizes, planned for more than any of them holds. */
static void use_regions(trial *t) {
    uint32_t n = t->tokens[0][0];
    t->slot_count = 2;
    t->micro_count = 2;
    t->tokens[0][1] = n / 2 + 1;
    t->tokens[1][0] = n > 1 ? n - 1 : 1;
    t->tokens[1][1] = n > 4 ? n / 4 : 1;
}

static dim tokens_of(const trial *t) {
    return (dim){DIM_TOKENS, t->tokens[0][0] + (t->slot_count > 1 ? 5 : 0)};
}

// ops over sentences are tried with one token a sentence, unless the style says otherwise
static dim sentences_of(const trial *t) {
    return (dim){DIM_SENTENCES, tokens_of(t).max};
}

static void add_tweak(trial *t, const char *name, float scale, float shift, size_t count) {
    for (size_t i = 0; i < TWEAKS_MAX; i++) {
        if (t->tweaks[i].name) continue;
        t->tweaks[i] = (tweak){name, scale, shift, count};
        return;
    }
}

/* Sizes around the usual workgroups; a quick run takes the first few. */
static const uint32_t row_counts[] = {1, 65, 7, 63, 64, 127, 128, 129, 255, 256, 257};
static size_t rows_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 3 : COUNT(row_counts);
}

/* --- rows
 * ----------------------------------------------------------------------------------------- */

static err cases_fill(verify_run *run) {
    for (size_t i = 0; i < rows_to_try(run); i++) {
        trial t = start(OP_fill, row_counts[i], "%ux13", row_counts[i]);
        if (i == 1) use_regions(&t);
        t.o.as.fill = (struct fill){.rows = tokens_of(&t), .cols = 13, .value = i % 2 ? 0 : 2.5f};
        TRY(verify__trial(run, &t));
    }
    trial t = start(OP_fill, 1, "1x1000000");
    t.part = PART_BEGIN;
    t.o.as.fill = (struct fill){.rows = dim_fixed(1), .cols = 1000000};
    return verify__trial(run, &t);
}

static err embed_case(verify_run *run, uint32_t tokens, uint32_t hidden, uint32_t vocabulary,
                      sentence_style style, bool regions) {
    trial t = start(OP_embed_fwd, tokens, "T %u H %u V %u%s", tokens, hidden, vocabulary,
                    regions ? " regions" : "");
    t.style = style;
    if (regions) use_regions(&t);
    add_tweak(&t, "position", 1, 0, (size_t)512 * hidden);
    add_tweak(&t, "type", 1, 0, (size_t)2 * hidden);
    t.o.as.embed_fwd =
        (struct embed_fwd){.rows = tokens_of(&t), .hidden = hidden, .vocabulary = vocabulary};
    return verify__trial(run, &t);
}

static err cases_embed_fwd(verify_run *run) {
    for (size_t i = 0; i < rows_to_try(run); i++) {
        TRY(embed_case(run, row_counts[i], 13, 17, SENTENCES_SHORT, i == 1));
    }
    TRY(embed_case(run, 129, 312, 1, SENTENCES_SHORT, false));
    TRY(embed_case(run, 831, 128, 8000, SENTENCES_LONG, false));
    if (run->extent == VERIFY_QUICK) return ERR_OK;
    return embed_case(run, 831, 768, 8000, SENTENCES_SHORT, false);
}

static err rows_sum_case(verify_run *run, uint32_t tokens, uint32_t hidden, uint32_t lists,
                         bool is_fixed, bool regions) {
    trial t = start(OP_rows_sum, tokens, "T %u H %u lists %u%s%s", tokens, hidden, lists,
                    is_fixed ? " fixed" : "", regions ? " regions" : "");
    if (regions) use_regions(&t);
    for (uint32_t s = 0; s < SLOT_COUNT; s++) {
        for (uint32_t m = 0; m < MICROS_MAX; m++) t.lists[s][m] = lists > s + m ? lists - s - m : 1;
    }
    add_tweak(&t, "out", 1, 0, (size_t)2 * lists * hidden);
    t.o.as.rows_sum = (struct rows_sum){.lists = {is_fixed ? DIM_FIXED : DIM_WORD_LISTS, lists},
                                        .items_max = tokens_of(&t),
                                        .hidden = hidden};
    return verify__trial(run, &t);
}

static err cases_rows_sum(verify_run *run) {
    for (size_t i = 0; i < rows_to_try(run); i++) {
        TRY(rows_sum_case(run, row_counts[i], 13, row_counts[i] / 2 + 1, false, i == 1));
    }
    TRY(rows_sum_case(run, 831, 128, 2, true, false)); // token types: one list of all, one empty
    TRY(rows_sum_case(run, 831, 312, 500, false, false));
    if (run->extent == VERIFY_QUICK) return ERR_OK;
    TRY(rows_sum_case(run, 831, 768, 1, true, false));
    return rows_sum_case(run, 831, 65, 67, false, true);
}

static err rows_case(verify_run *run, op_kind kind, uint32_t tokens, uint32_t hidden,
                     sentence_style style, bool regions) {
    trial t = start(kind, tokens, "T %u H %u%s", tokens, hidden, regions ? " regions" : "");
    t.style = style;
    if (regions) use_regions(&t);
    if (kind == OP_gather_rows) {
        t.o.as.gather_rows = (struct gather_rows){
            .rows = sentences_of(&t), .tokens = tokens_of(&t), .hidden = hidden};
    } else {
        t.o.as.scatter_rows = (struct scatter_rows){
            .rows = sentences_of(&t), .tokens = tokens_of(&t), .hidden = hidden};
    }
    return verify__trial(run, &t);
}

static err cases_first_rows(verify_run *run, op_kind kind) {
    for (size_t i = 0; i < rows_to_try(run); i++) {
        TRY(rows_case(run, kind, row_counts[i], i % 2 ? 13 : 128, (sentence_style)(i % 5), i == 1));
    }
    TRY(rows_case(run, kind, 831, 312, SENTENCES_LONG, false));
    return rows_case(run, kind, 831, 768, SENTENCES_SHORT, false);
}

static err cases_gather_rows(verify_run *run) {
    return cases_first_rows(run, OP_gather_rows);
}

static err cases_scatter_rows(verify_run *run) {
    return cases_first_rows(run, OP_scatter_rows);
}

static err dropout_case(verify_run *run, uint32_t rows, uint32_t hidden, float p, bool in_place,
                        bool regions) {
    trial t = start(OP_dropout, rows, "B %u H %u p %g%s%s", rows, hidden, (double)p,
                    in_place ? " in place" : "", regions ? " regions" : "");
    t.style = SENTENCES_ONES;
    if (regions) use_regions(&t);
    if (in_place) t.alias = "x", t.alias_of = "y";
    t.o.as.dropout =
        (struct dropout){.rows = sentences_of(&t), .hidden = hidden, .drop = {.p = p, .site = 3}};
    return verify__trial(run, &t);
}

static err cases_dropout(verify_run *run) {
    for (size_t i = 0; i < rows_to_try(run); i++) {
        TRY(dropout_case(run, row_counts[i], 13, i % 3 ? 0.1f : 0, i % 2, i == 1));
    }
    TRY(dropout_case(run, 32, 768, 0.1f, true, false));
    return dropout_case(run, 33, 312, 0.5f, false, true);
}

static err tanh_case(verify_run *run, uint32_t rows, uint32_t cols, bool in_place, bool regions) {
    trial t = start(OP_tanh_bwd, rows, "%ux%u%s%s", rows, cols, in_place ? " in place" : "",
                    regions ? " regions" : "");
    t.style = SENTENCES_ONES;
    if (regions) use_regions(&t);
    if (in_place) t.alias = "dy", t.alias_of = "dx";
    add_tweak(&t, "y", 0.33f, 0, 0);
    t.o.as.tanh_bwd = (struct tanh_bwd){.rows = sentences_of(&t), .cols = cols};
    return verify__trial(run, &t);
}

static err cases_tanh_bwd(verify_run *run) {
    for (size_t i = 0; i < rows_to_try(run); i++) {
        TRY(tanh_case(run, row_counts[i], 13, i % 2, i == 1));
    }
    return tanh_case(run, 32, 768, false, false);
}

/* --- LayerNorm
 * ------------------------------------------------------------------------------------ */

typedef struct norm_shape {
    uint32_t tokens, hidden;
    bool has_residual;
    float before, after;
    bool regions;
} norm_shape;

static const norm_shape norm_shapes[] = {
    // of two elements the gradient is 0 but for rounding: five are the fewest tried
    {1, 5, true, 0, 0, false},          {65, 13, true, 0.1f, 0, true},
    {7, 128, false, 0, 0.1f, true},     {64, 768, true, 0.1f, 0, false},
    {63, 312, false, 0, 0, false},      {127, 63, true, 0, 0, false},
    {128, 64, true, 0.1f, 0.1f, false}, {129, 65, false, 0.1f, 0, false},
    {255, 127, false, 0, 0, false},     {256, 129, true, 0.1f, 0, false},
    {257, 257, true, 0, 0.5f, false},   {831, 256, true, 0.1f, 0, false},
    {831, 312, true, 0.1f, 0, false},   {831, 768, true, 0.1f, 0, false},
};
static size_t norms_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 4 : COUNT(norm_shapes);
}

static trial norm_fwd(const norm_shape *s, const char *what) {
    trial t = start(OP_layernorm_fwd, s->tokens, "T %u H %u p %g %g%s%s%s", s->tokens, s->hidden,
                    (double)s->before, (double)s->after, s->has_residual ? " residual" : "",
                    s->regions ? " regions" : "", what);
    if (s->regions) use_regions(&t);
    if (!s->has_residual) t.absent = s->before > 0 ? " residual " : " residual sum ";
    if (s->before <= 0 && s->after <= 0) {
        t.absent = s->has_residual ? " positions token_sentence "
                                   : " residual sum positions token_sentence ";
    }
    // a mean near 0 could only be judged against the spread of the row, which its bound does not
    // know
    if (!*what) add_tweak(&t, "x", 1, 0.5f, 0);
    t.o.as.layernorm_fwd = (struct layernorm_fwd){.before = {.p = s->before, .site = 1},
                                                  .after = {.p = s->after, .site = 2},
                                                  .rows = tokens_of(&t),
                                                  .hidden = s->hidden,
                                                  .eps = 1e-12f};
    return t;
}

static err cases_layernorm_fwd(verify_run *run) {
    for (size_t i = 0; i < norms_to_try(run); i++) {
        trial t = norm_fwd(&norm_shapes[i], "");
        TRY(verify__trial(run, &t));
    }
    const norm_shape wide = {65, 768, false, 0, 0, false};
    trial far = norm_fwd(&wide, " mean 100");
    add_tweak(&far, "x", 1, 100, 0);
    TRY(verify__trial(run, &far));
    // Variance 0: rstd is 1e6, so that a mean that is off by one unit in the last place of 0.5
    // (6e-8) moves y by 0.06 times the weight, and the bound must be absolute.
    const norm_shape flat_shape = {65, 312, false, 0, 0, false};
    trial flat = norm_fwd(&flat_shape, " zero variance");
    add_tweak(&flat, "x", 0, 0.5f, 0);
    add_tweak(&flat, "weight", 0.3f, 0, 0);
    flat.absolute_bound = 0.06;
    return verify__trial(run, &flat);
}

/* mean and rstd as the forward would keep them. */
static err prepare_norm(trial *t, device *reference) {
    (void)reference;
    size_t hidden = t->o.as.layernorm_bwd.hidden;
    for (uint32_t s = t->first_slot; s < t->first_slot + t->slot_count; s++) {
        for (uint32_t m = 0; m < t->micro_count; m++) {
            const float *sum = verify__values(t, "sum", s, m);
            float *mean = verify__values(t, "mean", s, m), *rstd = verify__values(t, "rstd", s, m);
            for (size_t row = 0; row < t->tokens[s][m]; row++) {
                double total = 0, square = 0;
                for (size_t h = 0; h < hidden; h++) total += (double)sum[row * hidden + h];
                total /= (double)hidden;
                for (size_t h = 0; h < hidden; h++) {
                    square += pow((double)sum[row * hidden + h] - total, 2);
                }
                mean[row] = (float)total;
                rstd[row] = (float)(1 / sqrt(square / (double)hidden + 1e-12));
            }
        }
    }
    return ERR_OK;
}

static err cases_layernorm_bwd(verify_run *run) {
    for (size_t i = 0; i < norms_to_try(run) + 1; i++) {
        const norm_shape far = {65, 768, false, 0, 0, false};
        bool is_far = i == norms_to_try(run);
        const norm_shape *s = is_far ? &far : &norm_shapes[i];
        trial t = start(OP_layernorm_bwd, s->tokens, "T %u H %u p %g %g%s%s", s->tokens, s->hidden,
                        (double)s->before, (double)s->after, s->regions ? " regions" : "",
                        is_far ? " mean 100" : "");
        if (s->regions) use_regions(&t);
        if (is_far) add_tweak(&t, "sum", 1, 100, 0);
        t.absent = s->before > 0 ? NULL : s->after > 0 ? " dx " : " dx positions token_sentence ";
        t.prepare = prepare_norm;
        t.o.as.layernorm_bwd = (struct layernorm_bwd){.before = {.p = s->before, .site = 1},
                                                      .after = {.p = s->after, .site = 2},
                                                      .rows = tokens_of(&t),
                                                      .hidden = s->hidden};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

/* --- matrix products
 * ------------------------------------------------------------------------------ */

typedef struct product_shape {
    uint32_t m, n, k;
    bool regions, is_real; /* is_real: a model's, left out of a quick run when large */
} product_shape;

static const product_shape product_shapes[] = {
    {1, 1, 1, false, false},     {65, 63, 13, true, false},    {7, 3, 65, false, false},
    {64, 64, 64, false, false},  {32, 2, 768, false, false},   {127, 129, 128, false, false},
    {129, 65, 257, true, false}, {16, 1, 255, false, false},   {256, 17, 31, false, false},
    {63, 128, 1, false, false},  {831, 384, 128, false, true}, {831, 128, 512, false, true},
    {130, 312, 312, true, true}, {831, 768, 256, false, true}, {129, 768, 3072, false, true},
    {65, 3072, 768, false, true}};
static size_t products_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 5 : COUNT(product_shapes);
}

static trial product(op_kind kind, const product_shape *s, const char *what) {
    trial t =
        start(kind, s->m, "%ux%ux%u%s%s", s->m, s->n, s->k, s->regions ? " regions" : "", what);
    if (s->regions) use_regions(&t);
    return t;
}

static err cases_linear_fwd(verify_run *run) {
    for (size_t i = 0; i < products_to_try(run); i++) {
        const product_shape *s = &product_shapes[i];
        activation act = (activation)(i % 3);
        const char *what[] = {"", " gelu", " tanh"};
        trial t = product(OP_linear_fwd, s, what[act]);
        // pre is kept for GELU; one shape goes without a bias
        t.absent = act != ACT_GELU ? (i == 3 ? " pre bias " : " pre ") : NULL;
        add_tweak(&t, "weight", 1 / sqrtf((float)s->k), 0, 0);
        t.o.as.linear_fwd =
            (struct linear_fwd){.rows = tokens_of(&t), .n = s->n, .k = s->k, .act = act};
        TRY(verify__trial(run, &t));
    }
    const product_shape tail = {65, 128, 64, false, false};
    trial t = product(OP_linear_fwd, &tail, " gelu tails");
    add_tweak(&t, "bias", 8, 0, 0);
    add_tweak(&t, "weight", 0.125f, 0, 0);
    t.o.as.linear_fwd =
        (struct linear_fwd){.rows = tokens_of(&t), .n = tail.n, .k = tail.k, .act = ACT_GELU};
    TRY(verify__trial(run, &t));
    trial saturated = product(OP_linear_fwd, &tail, " tanh saturated");
    saturated.absent = " pre ";
    add_tweak(&saturated, "bias", 20, 0, 0);
    saturated.o.as.linear_fwd = t.o.as.linear_fwd;
    saturated.o.as.linear_fwd.act = ACT_TANH;
    return verify__trial(run, &saturated);
}

static err linear_dx_case(verify_run *run, const product_shape *s, const char *what,
                          const char *absent, bool in_place, float pre_scale) {
    trial t = product(OP_linear_dx, s, what);
    t.absent = absent;
    if (in_place) t.alias = "add", t.alias_of = "dx";
    add_tweak(&t, "weight", 1 / sqrtf((float)s->n), 0, 0);
    add_tweak(&t, "pre", pre_scale, 0, 0);
    t.o.as.linear_dx = (struct linear_dx){.rows = tokens_of(&t), .n = s->n, .k = s->k};
    return verify__trial(run, &t);
}

static err cases_linear_dx(verify_run *run) {
    for (size_t i = 0; i < products_to_try(run); i++) {
        const product_shape *s = &product_shapes[i];
        switch (i % 4) {
        case 0: TRY(linear_dx_case(run, s, "", " pre add ", false, 1)); break;
        case 1: TRY(linear_dx_case(run, s, " gelu", " add ", false, 1)); break;
        case 2: TRY(linear_dx_case(run, s, " add", " pre ", false, 1)); break;
        default: TRY(linear_dx_case(run, s, " gelu, add in place", NULL, true, 1)); break;
        }
    }
    const product_shape tail = {65, 64, 128, false, false};
    return linear_dx_case(run, &tail, " gelu tails", " add ", false, 6);
}

static err cases_linear_dw(verify_run *run) {
    for (size_t i = 0; i < products_to_try(run); i++) {
        const product_shape *s = &product_shapes[i];
        trial t = product(OP_linear_dw, s, i % 4 == 3 ? " no bias" : "");
        t.absent = i % 4 == 3 ? " dbias " : NULL;
        t.o.as.linear_dw = (struct linear_dw){.rows = tokens_of(&t), .n = s->n, .k = s->k};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

/* --- attention
 * ------------------------------------------------------------------------------------ */

typedef struct attention_shape {
    uint32_t tokens, heads, head_size;
    sentence_style style;
    float p;
    bool regions;
    float logits; /* spread of the scores; 0: that of normal inputs */
} attention_shape;

static const attention_shape attention_shapes[] = {
    {1, 1, 1, SENTENCES_SINGLE, 0, false, 0},       {65, 2, 64, SENTENCES_SHORT, 0.1f, true, 0},
    {97, 3, 5, SENTENCES_TILE, 0.1f, false, 0},     {64, 2, 26, SENTENCES_ONES, 0, false, 0},
    {129, 2, 64, SENTENCES_SINGLE, 0, false, 80},   {63, 4, 32, SENTENCES_SINGLE, 0.1f, false, 0},
    {64, 1, 16, SENTENCES_SINGLE, 0, false, 0},     {65, 1, 26, SENTENCES_SINGLE, 0.5f, false, 0},
    {127, 2, 17, SENTENCES_SINGLE, 0, false, 0},    {128, 2, 64, SENTENCES_SINGLE, 0.1f, false, 0},
    {257, 12, 26, SENTENCES_TILE, 0.1f, true, 0},   {515, 2, 64, SENTENCES_LONG, 0.1f, false, 0},
    {515, 2, 26, SENTENCES_LONG, 0, false, 0},      {640, 2, 64, SENTENCES_TILE, 0, false, 80},
    {831, 12, 64, SENTENCES_SHORT, 0.1f, false, 0}, {831, 2, 80, SENTENCES_SHORT, 0, true, 0},
};

static trial attention(op_kind kind, const attention_shape *s) {
    trial t = start(kind, s->tokens, "T %u heads %ux%u p %g%s%s", s->tokens, s->heads, s->head_size,
                    (double)s->p, s->regions ? " regions" : "", s->logits > 0 ? " logits 80" : "");
    t.style = s->style;
    if (s->regions) use_regions(&t);
    if (s->logits > 0) {
        // A score of 80 is known to 80 * 2^-24 at best and a probability is its exp: 5e-6 relative
        // from each rounding of the sum of head_size products, so errors are up to 10 times the
        // usual.
        add_tweak(&t, "qkv", sqrtf(s->logits), 0, 0);
        t.nmse_bound = 1e-8;
        t.element_bound = 1e-3;
    }
    return t;
}

static struct attention_fwd attention_args(const trial *t, const attention_shape *s) {
    return (struct attention_fwd){.tile_count = {DIM_TILES, tokens_of(t).max},
                                  .tokens = tokens_of(t),
                                  .heads = s->heads,
                                  .head_size = s->head_size,
                                  .scale = 1 / sqrtf((float)s->head_size),
                                  .drop = {.p = s->p, .site = 5}};
}

static size_t attentions_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 5 : COUNT(attention_shapes);
}

static err cases_attention_fwd(verify_run *run) {
    for (size_t i = 0; i < attentions_to_try(run); i++) {
        trial t = attention(OP_attention_fwd, &attention_shapes[i]);
        t.o.as.attention_fwd = attention_args(&t, &attention_shapes[i]);
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

/* out and lse as the forward gives them. */
static err prepare_attention(trial *t, device *reference) {
    const struct attention_bwd *a = &t->o.as.attention_bwd;
    for (uint32_t s = t->first_slot; s < t->first_slot + t->slot_count; s++) {
        for (uint32_t m = 0; m < t->micro_count; m++) {
            op forward = {.kind = OP_attention_fwd};
            forward.as.attention_fwd = (struct attention_fwd){.tile_count = a->tile_count,
                                                              .tokens = a->tokens,
                                                              .heads = a->heads,
                                                              .head_size = a->head_size,
                                                              .scale = a->scale,
                                                              .drop = a->drop};
            TRY(verify__precompute(t, reference, &forward, s, m));
        }
    }
    return ERR_OK;
}

static err cases_attention_bwd(verify_run *run) {
    for (size_t i = 0; i < attentions_to_try(run); i++) {
        trial t = attention(OP_attention_bwd, &attention_shapes[i]);
        struct attention_fwd f = attention_args(&t, &attention_shapes[i]);
        t.prepare = prepare_attention;
        t.o.as.attention_bwd = (struct attention_bwd){.tile_count = f.tile_count,
                                                      .tokens = f.tokens,
                                                      .heads = f.heads,
                                                      .head_size = f.head_size,
                                                      .scale = f.scale,
                                                      .drop = f.drop};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

/* --- loss and optimizer
 * --------------------------------------------------------------------------- */

static err loss_case(verify_run *run, uint32_t rows, uint32_t classes, float smoothing,
                     float spread, const char *absent, bool regions) {
    trial t = start(OP_cross_entropy, rows, "B %u C %u smoothing %g logits %g%s", rows, classes,
                    (double)smoothing, (double)spread, regions ? " regions" : "");
    t.style = SENTENCES_ONES;
    t.absent = absent;
    if (regions) use_regions(&t);
    add_tweak(&t, "logits", spread, 0, 0);
    add_tweak(&t, "class_weights", 0.2f, 1, 0);
    t.o.as.cross_entropy = (struct cross_entropy){
        .rows = sentences_of(&t), .classes = classes, .smoothing = smoothing};
    return verify__trial(run, &t);
}

static err cases_cross_entropy(verify_run *run) {
    for (size_t i = 0; i < rows_to_try(run); i++) {
        const char *absent[] = {" class_weights ", " dlogits ", NULL};
        TRY(loss_case(run, row_counts[i], (uint32_t)(i % 7 + 1), i % 2 ? 0.1f : 0, 2, absent[i % 3],
                      i == 1));
    }
    TRY(loss_case(run, 32, 7, 0, 80, " class_weights ", false));
    return loss_case(run, 33, 130, 0.1f, 3, NULL, true);
}

static err prepare_overflow(trial *t, device *reference) {
    (void)reference;
    verify__values(t, "part", 0, 0)[1] = INFINITY;
    return ERR_OK;
}

static err cases_grad_norm(verify_run *run) {
    static const struct {
        uint32_t rows[3], cols[3];
        float max_norm;
    } shapes[] = {{{1, 0, 0}, {1, 0, 0}, 1},
                  {{7, 65, 1}, {13, 128, 257}, 1},
                  {{1, 1, 1}, {255, 256, 257}, 0},
                  {{831, 2, 3}, {768, 768, 1}, 1000},
                  {{1, 63, 0}, {1000003, 64, 0}, 1}};
    for (size_t i = 0; i < COUNT(shapes) + 1; i++) {
        bool is_overflow = i == COUNT(shapes);
        size_t k = is_overflow ? 1 : i;
        trial t = start(OP_grad_norm, 1, "%ux%u and more%s", shapes[k].rows[0], shapes[k].cols[0],
                        is_overflow ? " infinite" : "");
        t.part = PART_END;
        if (i == 1) t.first_slot = 1;
        struct grad_norm *a = &t.o.as.grad_norm;
        a->max_norm = shapes[k].max_norm;
        for (uint32_t p = 0; p < 3 && shapes[k].rows[p]; p++) {
            // the first part is sized by the step, as an embedding's compact gradient is
            t.word_rows[t.first_slot] = shapes[k].rows[0];
            a->parts[p].rows =
                p ? dim_fixed(shapes[k].rows[p]) : (dim){DIM_WORD_ROWS, shapes[k].rows[p] + 3};
            a->parts[p].cols = shapes[k].cols[p];
            a->part_count++;
        }
        if (is_overflow) {
            t.prepare = prepare_overflow;
            t.first_compared = 2; // the norm itself is not finite; [2] says so
        }
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

/* Moments that can be, and the table of a schedule with a step that was skipped now and then. */
static err prepare_adam(trial *t, device *reference) {
    (void)reference;
    bool is_dense = t->o.kind == OP_adamw;
    size_t count = is_dense ? t->o.as.adamw.count
                            : (size_t)t->o.as.adamw_rows.vocabulary * t->o.as.adamw_rows.hidden;
    float *m = verify__values(t, "m", 0, 0), *v = verify__values(t, "v", 0, 0);
    for (size_t i = 0; i < count; i++) {
        v[i] = i % 5 ? v[i] * v[i] : 0;
        if (i % 5 == 0) m[i] = 0;
    }
    float *table = verify__values(t, "table", 0, 0);
    for (uint32_t s = 0; s <= t->step + 1; s++) {
        double rate = 1e-3 * (1 + s % 7);
        const double row[4] = {1 - rate * 0.01, rate / (1 - pow(0.9, s)), sqrt(1 - pow(0.999, s)),
                               s % 5 == 3};
        for (size_t k = 0; k < 4; k++) table[s * 4 + k] = s ? (float)row[k] : 0;
    }
    for (uint32_t s = t->first_slot; s < t->first_slot + t->slot_count; s++) {
        float *norm = verify__values(t, "norm", s, 0);
        const float row[4] = {4, 0.25f, 1, 0};
        for (size_t k = 0; norm && k < 4; k++) norm[k] = row[k];
    }
    return ERR_OK;
}

static err prepare_adam_overflow(trial *t, device *reference) {
    err e = prepare_adam(t, reference);
    verify__values(t, "norm", t->first_slot, 0)[2] = 0;
    return e;
}

// the parameters are small, so that an error in the update shows
static void adam_data(trial *t) {
    t->part = PART_END;
    t->prepare = prepare_adam;
    add_tweak(t, "p", 2e-3f, 0, 0);
    add_tweak(t, "m", 1e-2f, 0, 0);
    add_tweak(t, "v", 1e-2f, 0, 0);
    add_tweak(t, "g", 0.1f, 0, 0);
    add_tweak(t, "table", 1, 0, (size_t)(t->step + 2) * 4);
}

static err cases_adamw(verify_run *run) {
    static const struct {
        uint32_t count, step;
    } shapes[] = {{1, 7},   {65, 1},     {1000003, 7}, {63, 7}, {64, 7},
                  {255, 7}, {256, 1000}, {257, 7},     {129, 8}};
    for (size_t i = 0; i < (run->extent == VERIFY_QUICK ? 3 : COUNT(shapes)); i++) {
        trial t = start(OP_adamw, 1, "%u step %u", shapes[i].count, shapes[i].step);
        t.step = shapes[i].step;
        if (i == 1) t.slot_count = 2; // step 1, then step 2 in the other slot
        adam_data(&t);
        t.o.as.adamw = (struct adamw){
            .count = shapes[i].count, .decay = i % 2, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f};
        TRY(verify__trial(run, &t));
    }
    trial t = start(OP_adamw, 1, "131 after an infinite norm");
    adam_data(&t);
    t.prepare = prepare_adam_overflow;
    t.o.as.adamw =
        (struct adamw){.count = 131, .decay = true, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f};
    return verify__trial(run, &t);
}

typedef struct rows_shape {
    uint32_t vocabulary, hidden, listed, step;
    bool has_gradient, before, is_all, overflow;
} rows_shape;

static err adamw_rows_case(verify_run *run, const rows_shape *s, bool decay) {
    trial t = start(OP_adamw_rows, 1, "V %u H %u rows %u step %u%s%s%s", s->vocabulary, s->hidden,
                    s->listed, s->step, s->has_gradient ? " gradient" : "",
                    s->before ? " before" : "", s->is_all ? " all" : "");
    t.step = s->step;
    if (!s->is_all) t.first_slot = 1;
    adam_data(&t);
    if (s->overflow) t.prepare = prepare_adam_overflow;
    t.absent = s->has_gradient ? NULL : s->is_all ? " g norm list " : " g norm ";
    t.word_rows[t.first_slot] = s->listed;
    t.o.as.adamw_rows = (struct adamw_rows){.rows = s->is_all ? dim_fixed(s->vocabulary)
                                                              : (dim){DIM_WORD_ROWS, s->listed + 3},
                                            .hidden = s->hidden,
                                            .vocabulary = s->vocabulary,
                                            .decay = decay,
                                            .before = s->before,
                                            .beta1 = 0.9f,
                                            .beta2 = 0.999f,
                                            .eps = 1e-8f};
    return verify__trial(run, &t);
}

static err cases_adamw_rows(verify_run *run) {
    static const rows_shape shapes[] = {{9, 1, 1, 7, true, false, false, false},
                                        {130, 65, 63, 7, true, false, false, false},
                                        {130, 128, 61, 9, false, true, false, false},
                                        {67, 13, 0, 40, false, false, true, false},
                                        {300, 768, 101, 7, true, false, false, true},
                                        {300, 768, 101, 7, true, false, false, false},
                                        {40, 312, 17, 60, false, true, false, false},
                                        {129, 64, 20, 8, true, false, false, false},
                                        {8000, 128, 500, 5, true, false, false, false}};
    for (size_t i = 0; i < (run->extent == VERIFY_QUICK ? 5 : COUNT(shapes)); i++) {
        TRY(adamw_rows_case(run, &shapes[i], i % 2));
    }
    return ERR_OK;
}

err verify__cases(verify_run *run, op_kind kind) {
    switch (kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        return cases_##name(run);
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    return err_set(ERR_ARG, "unknown operation");
}
