/* The table of trials of every op: the usual workgroups' edges, a prime, one, the shapes of real
 * models, and the hazards. A new op adds a function, verify__cases_<op>. */
#include "compute/verify/verify_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

trial verify__start(op_kind kind, uint32_t tokens, const char *format, ...) {
    trial t = {.o.kind = kind, .part = PART_MICRO, .micro_count = 1, .slot_count = 1, .step = 7};
    t.tokens[0][0] = tokens;
    int used = snprintf(t.name, sizeof t.name, "%s ", op_name(kind));
    va_list list;
    va_start(list, format);
    vsnprintf(t.name + used, sizeof t.name - (size_t)used, format, list);
    va_end(list);
    return t;
}

void verify__use_regions(trial *t) {
    uint32_t n = t->tokens[0][0];
    t->slot_count = 2;
    t->micro_count = 2;
    t->tokens[0][1] = n / 2 + 1;
    t->tokens[1][0] = n > 1 ? n - 1 : 1;
    t->tokens[1][1] = n > 4 ? n / 4 : 1;
}

dim verify__tokens_of(const trial *t) {
    return (dim){DIM_TOKENS, t->tokens[0][0] + (t->slot_count > 1 ? 5 : 0)};
}

dim verify__sentences_of(const trial *t) {
    return (dim){DIM_SENTENCES, verify__tokens_of(t).max};
}

void verify__add_tweak(trial *t, const char *name, float scale, float shift, size_t count) {
    for (size_t i = 0; i < TWEAKS_MAX; i++) {
        if (t->tweaks[i].name) continue;
        t->tweaks[i] = (tweak){name, scale, shift, count};
        return;
    }
}

const uint32_t verify__row_counts[] = {1, 65, 7, 63, 64, 127, 128, 129, 255, 256, 257};

size_t verify__rows_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 3 : COUNT(verify__row_counts);
}

err verify__cases_fill(verify_run *run) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++) {
        trial t = verify__start(OP_fill, verify__row_counts[i], "%ux13", verify__row_counts[i]);
        if (i == 1) verify__use_regions(&t);
        t.o.as.fill =
            (struct fill){.rows = verify__tokens_of(&t), .cols = 13, .value = i % 2 ? 0 : 2.5f};
        TRY(verify__trial(run, &t));
    }
    trial t = verify__start(OP_fill, 1, "1x1000000");
    t.part = PART_BEGIN;
    t.o.as.fill = (struct fill){.rows = dim_fixed(1), .cols = 1000000};
    return verify__trial(run, &t);
}

static err embed_case(verify_run *run, uint32_t tokens, uint32_t hidden, uint32_t vocabulary,
                      sentence_style style, bool regions) {
    trial t = verify__start(OP_embed_fwd, tokens, "T %u H %u V %u%s", tokens, hidden, vocabulary,
                            regions ? " regions" : "");
    t.style = style;
    if (regions) verify__use_regions(&t);
    verify__add_tweak(&t, "position", 1, 0, (size_t)512 * hidden);
    verify__add_tweak(&t, "type", 1, 0, (size_t)2 * hidden);
    t.o.as.embed_fwd = (struct embed_fwd){
        .rows = verify__tokens_of(&t), .hidden = hidden, .table_rows = vocabulary};
    return verify__trial(run, &t);
}

err verify__cases_embed_fwd(verify_run *run) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++) {
        TRY(embed_case(run, verify__row_counts[i], 13 + i % 2, 17, SENTENCES_SHORT, i == 1));
    }
    TRY(embed_case(run, 129, 312, 1, SENTENCES_SHORT, false));
    TRY(embed_case(run, 831, 128, 8000, SENTENCES_LONG, false));
    if (run->extent == VERIFY_QUICK) return ERR_OK;
    return embed_case(run, 831, 768, 8000, SENTENCES_SHORT, false);
}

static err rows_sum_case(verify_run *run, uint32_t tokens, uint32_t hidden, uint32_t lists,
                         bool is_fixed, bool regions) {
    trial t = verify__start(OP_rows_sum, tokens, "T %u H %u lists %u%s%s", tokens, hidden, lists,
                            is_fixed ? " fixed" : "", regions ? " regions" : "");
    if (regions) verify__use_regions(&t);
    for (uint32_t s = 0; s < SLOT_COUNT; s++) {
        for (uint32_t m = 0; m < MICROS_MAX; m++) t.lists[s][m] = lists > s + m ? lists - s - m : 1;
    }
    verify__add_tweak(&t, "out", 1, 0, (size_t)2 * lists * hidden);
    t.o.as.rows_sum = (struct rows_sum){.lists = {is_fixed ? DIM_FIXED : DIM_LISTS_0, lists},
                                        .items_max = verify__tokens_of(&t),
                                        .hidden = hidden};
    return verify__trial(run, &t);
}

err verify__cases_rows_sum(verify_run *run) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++) {
        TRY(rows_sum_case(run, verify__row_counts[i], 13 + i % 2, verify__row_counts[i] / 2 + 1,
                          false, i == 1));
    }
    TRY(rows_sum_case(run, 831, 128, 2, true, false)); // token types: one list of all, one empty
    TRY(rows_sum_case(run, 831, 312, 500, false, false));
    TRY(rows_sum_case(run, 831, 65, 5, false, true)); // long lists, none of which fills chunks
    if (run->extent == VERIFY_QUICK) return ERR_OK;
    TRY(rows_sum_case(run, 831, 768, 1, true, false));
    return rows_sum_case(run, 831, 65, 67, false, true);
}

static err rows_case(verify_run *run, op_kind kind, uint32_t tokens, uint32_t hidden,
                     sentence_style style, bool is_chosen, bool regions) {
    trial t = verify__start(kind, tokens, "T %u H %u%s%s", tokens, hidden,
                            is_chosen ? " chosen" : "", regions ? " regions" : "");
    t.style = style;
    if (regions) verify__use_regions(&t);
    dim rows = verify__sentences_of(&t);
    if (is_chosen) rows.kind = DIM_CHOSEN;
    if (kind == OP_gather_rows) {
        t.o.as.gather_rows =
            (struct gather_rows){.rows = rows, .tokens = verify__tokens_of(&t), .hidden = hidden};
    } else {
        t.o.as.scatter_rows =
            (struct scatter_rows){.rows = rows, .tokens = verify__tokens_of(&t), .hidden = hidden};
    }
    return verify__trial(run, &t);
}

static err cases_first_rows(verify_run *run, op_kind kind) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++) {
        TRY(rows_case(run, kind, verify__row_counts[i], i % 2 ? 13 : 128, (sentence_style)(i % 5),
                      false, i == 1));
        TRY(rows_case(run, kind, verify__row_counts[i], i % 2 ? 14 : 128, SENTENCES_LONG, true,
                      i == 1));
    }
    TRY(rows_case(run, kind, 831, 312, SENTENCES_LONG, false, false));
    return rows_case(run, kind, 831, 768, SENTENCES_SHORT, false, false);
}

err verify__cases_gather_rows(verify_run *run) {
    return cases_first_rows(run, OP_gather_rows);
}

err verify__cases_scatter_rows(verify_run *run) {
    return cases_first_rows(run, OP_scatter_rows);
}

static err dropout_case(verify_run *run, uint32_t rows, uint32_t hidden, float p, bool in_place,
                        bool regions) {
    trial t = verify__start(OP_dropout, rows, "B %u H %u p %g%s%s", rows, hidden, (double)p,
                            in_place ? " in place" : "", regions ? " regions" : "");
    t.style = SENTENCES_ONES;
    if (regions) verify__use_regions(&t);
    if (in_place) t.alias = "x", t.alias_of = "y";
    t.o.as.dropout = (struct dropout){
        .rows = verify__sentences_of(&t), .hidden = hidden, .drop = {.p = p, .site = 3}};
    return verify__trial(run, &t);
}

err verify__cases_dropout(verify_run *run) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++) {
        TRY(dropout_case(run, verify__row_counts[i], 13 + i % 2, i % 3 ? 0.1f : 0, i % 2, i == 1));
    }
    TRY(dropout_case(run, 32, 768, 0.1f, true, false));
    return dropout_case(run, 33, 312, 0.5f, false, true);
}

static err slope_case(verify_run *run, uint32_t rows, uint32_t cols, activation act, bool in_place,
                      bool regions) {
    trial t = verify__start(OP_activation_bwd, rows, "%ux%u act %d%s%s", rows, cols, (int)act,
                            in_place ? " in place" : "", regions ? " regions" : "");
    t.style = SENTENCES_ONES;
    if (regions) verify__use_regions(&t);
    if (in_place) t.alias = "dy", t.alias_of = "dx";
    verify__add_tweak(&t, "pre", act == ACT_TANH ? 0.33f : 2, 0, 0);
    t.o.as.activation_bwd =
        (struct activation_bwd){.act = act, .rows = verify__sentences_of(&t), .cols = cols};
    return verify__trial(run, &t);
}

err verify__cases_activation_bwd(verify_run *run) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++) {
        for (activation act = ACT_GELU; act < ACT_COUNT; act++)
            TRY(slope_case(run, verify__row_counts[i], 13, act, i % 2, i == 1));
    }
    TRY(slope_case(run, 32, 768, ACT_TANH, false, false));
    return slope_case(run, 32, 768, ACT_GELU, false, false);
}

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
    {63, 314, false, 0, 0, false},      {127, 63, true, 0, 0, false},
    {128, 64, true, 0.1f, 0.1f, false}, {129, 65, false, 0.1f, 0, false},
    {255, 127, false, 0, 0, false},     {256, 129, true, 0.1f, 0, false},
    {257, 257, true, 0, 0.5f, false},   {831, 256, true, 0.1f, 0, false},
    {831, 312, true, 0.1f, 0, false},   {831, 768, true, 0.1f, 0, false},
    {65, 1027, true, 0.1f, 0.1f, true}, {33, 2048, true, 0.1f, 0, false},
};
static size_t norms_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 4 : COUNT(norm_shapes);
}

static trial norm_fwd(const norm_shape *s, const char *what) {
    trial t = verify__start(OP_layernorm_fwd, s->tokens, "T %u H %u p %g %g%s%s%s", s->tokens,
                            s->hidden, (double)s->before, (double)s->after,
                            s->has_residual ? " residual" : "", s->regions ? " regions" : "", what);
    if (s->regions) verify__use_regions(&t);
    if (!s->has_residual) t.absent = s->before > 0 ? " residual " : " residual sum ";
    if (s->before <= 0 && s->after <= 0) {
        t.absent = s->has_residual ? " positions token_sentence "
                                   : " residual sum positions token_sentence ";
    }
    // a mean near 0 could only be judged against the spread of the row, which its bound does not
    // know
    if (!*what) verify__add_tweak(&t, "x", 1, 0.5f, 0);
    t.o.as.layernorm_fwd = (struct layernorm_fwd){.before = {.p = s->before, .site = 1},
                                                  .after = {.p = s->after, .site = 2},
                                                  .rows = verify__tokens_of(&t),
                                                  .hidden = s->hidden,
                                                  .eps = 1e-12f};
    return t;
}

err verify__cases_layernorm_fwd(verify_run *run) {
    for (size_t i = 0; i < norms_to_try(run); i++) {
        trial t = norm_fwd(&norm_shapes[i], "");
        TRY(verify__trial(run, &t));
    }
    const norm_shape wide = {65, 768, false, 0, 0, false};
    trial far = norm_fwd(&wide, " mean 100");
    verify__add_tweak(&far, "x", 1, 100, 0);
    TRY(verify__trial(run, &far));
    // Variance 0: rstd is 1e6, so that a mean that is off by one unit in the last place of 0.5
    // (6e-8) moves y by 0.06 times the weight, and the bound must be absolute.
    const norm_shape flat_shape = {65, 312, false, 0, 0, false};
    trial flat = norm_fwd(&flat_shape, " zero variance");
    verify__add_tweak(&flat, "x", 0, 0.5f, 0);
    verify__add_tweak(&flat, "weight", 0.3f, 0, 0);
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

err verify__cases_layernorm_bwd(verify_run *run) {
    for (size_t i = 0; i < norms_to_try(run) + 1; i++) {
        const norm_shape far = {65, 768, false, 0, 0, false};
        bool is_far = i == norms_to_try(run);
        const norm_shape *s = is_far ? &far : &norm_shapes[i];
        trial t = verify__start(OP_layernorm_bwd, s->tokens, "T %u H %u p %g %g%s%s", s->tokens,
                                s->hidden, (double)s->before, (double)s->after,
                                s->regions ? " regions" : "", is_far ? " mean 100" : "");
        if (s->regions) verify__use_regions(&t);
        if (is_far) verify__add_tweak(&t, "sum", 1, 100, 0);
        t.absent = s->before > 0 ? NULL : s->after > 0 ? " dx " : " dx positions token_sentence ";
        t.prepare = prepare_norm;
        t.o.as.layernorm_bwd = (struct layernorm_bwd){.before = {.p = s->before, .site = 1},
                                                      .after = {.p = s->after, .site = 2},
                                                      .rows = verify__tokens_of(&t),
                                                      .hidden = s->hidden};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

typedef struct product_shape {
    uint32_t m, n, k;
    bool regions, is_real; /* is_real: a model's, left out of a quick run when large */
} product_shape;

static const product_shape product_shapes[] = {
    // the last of a quick run: read in fours along the sum, with columns that are no fours; sums that
    // processors with instructions for bf16 take in parts
    {1, 1, 1, false, false},       {65, 63, 13, true, false},    {7, 3, 65, false, false},
    {64, 64, 64, false, false},    {32, 2, 768, false, false},   {36, 34, 40, false, false},
    {33, 64, 800, false, false},   {800, 64, 33, false, false},  {36, 40, 34, false, false},
    {127, 129, 128, false, false}, {129, 65, 257, true, false},  {16, 1, 255, false, false},
    {256, 18, 31, false, false},   {63, 128, 1, false, false},   {831, 384, 128, false, true},
    {831, 128, 512, false, true},  {130, 312, 312, true, true},  {831, 768, 256, false, true},
    {129, 768, 3072, false, true}, {65, 3072, 768, false, true}, {257, 387, 37, false, false},
    {258, 37, 385, false, false},  {131, 261, 259, true, false}, {132, 264, 260, false, false},
    {130, 266, 262, false, false}, {831, 3072, 68, false, true}, {831, 67, 3072, false, true}};
static size_t products_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 9 : COUNT(product_shapes);
}

static trial product(op_kind kind, const product_shape *s, const char *what) {
    trial t = verify__start(kind, s->m, "%ux%ux%u%s%s", s->m, s->n, s->k,
                            s->regions ? " regions" : "", what);
    if (s->regions) verify__use_regions(&t);
    return t;
}

err verify__cases_linear_fwd(verify_run *run) {
    for (size_t i = 0; i < products_to_try(run); i++) {
        const product_shape *s = &product_shapes[i];
        activation act = (activation)(i % ACT_COUNT);
        const char *what[ACT_COUNT] = {"", " gelu", " tanh", " relu", " gelu by tanh"};
        trial t = product(OP_linear_fwd, s, what[act]);
        // pre is kept for what goes by it backwards; one shape goes without a bias
        bool keeps_pre = act != ACT_NONE && act != ACT_TANH;
        t.absent = !keeps_pre ? (i == 5 ? " pre bias " : " pre ") : NULL;
        verify__add_tweak(&t, "weight", 1 / sqrtf((float)s->k), 0, 0);
        t.o.as.linear_fwd =
            (struct linear_fwd){.rows = verify__tokens_of(&t), .n = s->n, .k = s->k, .act = act};
        TRY(verify__trial(run, &t));
    }
    const product_shape tail = {65, 128, 64, false, false};
    trial t = product(OP_linear_fwd, &tail, " gelu tails");
    verify__add_tweak(&t, "bias", 8, 0, 0);
    verify__add_tweak(&t, "weight", 0.125f, 0, 0);
    t.o.as.linear_fwd = (struct linear_fwd){
        .rows = verify__tokens_of(&t), .n = tail.n, .k = tail.k, .act = ACT_GELU};
    TRY(verify__trial(run, &t));
    trial saturated = product(OP_linear_fwd, &tail, " tanh saturated");
    saturated.absent = " pre ";
    verify__add_tweak(&saturated, "bias", 20, 0, 0);
    saturated.o.as.linear_fwd = t.o.as.linear_fwd;
    saturated.o.as.linear_fwd.act = ACT_TANH;
    return verify__trial(run, &saturated);
}

static err linear_dx_case(verify_run *run, const product_shape *s, activation act, const char *what,
                          const char *absent, bool in_place, float pre_scale) {
    trial t = product(OP_linear_dx, s, what);
    t.absent = absent;
    if (in_place) t.alias = "add", t.alias_of = "dx";
    verify__add_tweak(&t, "weight", 1 / sqrtf((float)s->n), 0, 0);
    verify__add_tweak(&t, "pre", pre_scale, 0, 0);
    t.o.as.linear_dx =
        (struct linear_dx){.act = act, .rows = verify__tokens_of(&t), .n = s->n, .k = s->k};
    return verify__trial(run, &t);
}

err verify__cases_linear_dx(verify_run *run) {
    for (size_t i = 0; i < products_to_try(run); i++) {
        const product_shape *s = &product_shapes[i];
        switch (i % 4) {
        case 0: TRY(linear_dx_case(run, s, ACT_NONE, "", " pre add ", false, 1)); break;
        case 1: TRY(linear_dx_case(run, s, ACT_GELU, " gelu", " add ", false, 1)); break;
        case 2: TRY(linear_dx_case(run, s, ACT_NONE, " add", " pre ", false, 1)); break;
        default: TRY(linear_dx_case(run, s, ACT_GELU, " gelu, add in place", NULL, true, 1)); break;
        }
    }
    const product_shape tail = {65, 64, 128, false, false};
    TRY(linear_dx_case(run, &tail, ACT_GELU, " gelu tails", " add ", false, 6));
    TRY(linear_dx_case(run, &tail, ACT_RELU, " relu", " add ", false, 1));
    TRY(linear_dx_case(run, &tail, ACT_GELU_TANH, " gelu by tanh, add in place", NULL, true, 1));
    return linear_dx_case(run, &tail, ACT_GELU_TANH, " gelu by tanh, tails", " add ", false, 20);
}

err verify__cases_linear_dw(verify_run *run) {
    bool is_quick = run->extent == VERIFY_QUICK;
    for (size_t i = 0; i < products_to_try(run); i++) {
        const product_shape *s = &product_shapes[i];
        // what stands there is drawn too: it must not be read
        for (uint32_t first = 0; first < (i && is_quick ? 1 : 2); first++) {
            static const char *const what[2][2] = {{"", " no bias"}, {" first", " first, no bias"}};
            trial t = product(OP_linear_dw, s, what[first][i % 4 == 3]);
            t.absent = i % 4 == 3 ? " dbias " : NULL;
            t.o.as.linear_dw = (struct linear_dw){
                .rows = verify__tokens_of(&t), .n = s->n, .k = s->k, .overwrites = first > 0};
            TRY(verify__trial(run, &t));
        }
    }
    return ERR_OK;
}

err verify__cases(verify_run *run, op_kind kind) {
    switch (kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        return verify__cases_##name(run);
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    return err_set(ERR_ARG, "unknown operation");
}
