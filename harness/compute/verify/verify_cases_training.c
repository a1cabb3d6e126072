/* The table of trials, continued: attention, loss and optimizer. */
#include "compute/verify/verify_internal.h"

#include <math.h>
#include <stdio.h>

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
    {129, 2, 64, SENTENCES_SINGLE, 0, false, 80},   {33, 2, 160, SENTENCES_SHORT, 0.1f, true, 0},
    {97, 2, 128, SENTENCES_TILE, 0.1f, false, 0},   {63, 4, 32, SENTENCES_SINGLE, 0.1f, false, 0},
    {64, 1, 16, SENTENCES_SINGLE, 0, false, 0},     {65, 1, 26, SENTENCES_SINGLE, 0.5f, false, 0},
    {127, 2, 17, SENTENCES_SINGLE, 0, false, 0},    {128, 2, 64, SENTENCES_SINGLE, 0.1f, false, 0},
    {257, 12, 26, SENTENCES_TILE, 0.1f, true, 0},   {515, 2, 64, SENTENCES_LONG, 0.1f, false, 0},
    {515, 2, 26, SENTENCES_LONG, 0, false, 0},      {640, 2, 64, SENTENCES_TILE, 0, false, 80},
    {831, 12, 64, SENTENCES_SHORT, 0.1f, false, 0}, {831, 2, 80, SENTENCES_SHORT, 0, true, 0},
    {97, 2, 129, SENTENCES_TILE, 0.1f, true, 0},    {129, 1, 192, SENTENCES_SINGLE, 0, false, 0},
    {66, 1, 256, SENTENCES_SHORT, 0.5f, true, 0},
};

static trial attention(op_kind kind, const attention_shape *s) {
    trial t = verify__start(kind, s->tokens, "T %u heads %ux%u p %g%s%s", s->tokens, s->heads,
                            s->head_size, (double)s->p, s->regions ? " regions" : "",
                            s->logits > 0 ? " logits 80" : "");
    t.style = s->style;
    if (s->regions) verify__use_regions(&t);
    if (s->logits > 0) {
        // A score of 80 is known to 80 * 2^-24 at best and a probability is its exp: 5e-6 relative
        // from each rounding of the sum of head_size products, so errors are up to 10 times the
        // usual.
        verify__add_tweak(&t, "qkv", sqrtf(s->logits), 0, 0);
        t.nmse_bound = 1e-8;
        t.element_bound = 1e-3;
    }
    return t;
}

static dim tiles_of(const trial *t) {
    return (dim){DIM_TILES, verify__tokens_of(t).max};
}

static attention_spec spec_of(const trial *t, const attention_shape *s) {
    return (attention_spec){.tokens = verify__tokens_of(t),
                            .heads = s->heads,
                            .head_size = s->head_size,
                            .scale = 1 / sqrtf((float)s->head_size),
                            .drop = {.p = s->p, .site = 5}};
}

static size_t attentions_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 7 : COUNT(attention_shapes);
}

err verify__cases_attention_fwd(verify_run *run) {
    for (size_t i = 0; i < attentions_to_try(run); i++) {
        trial t = attention(OP_attention_fwd, &attention_shapes[i]);
        t.o.as.attention_fwd = (struct attention_fwd){.tile_count = tiles_of(&t),
                                                      .spec = spec_of(&t, &attention_shapes[i])};
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
            forward.as.attention_fwd =
                (struct attention_fwd){.tile_count = a->tile_count, .spec = a->spec};
            TRY(verify__precompute(t, reference, &forward, s, m));
        }
    }
    return ERR_OK;
}

err verify__cases_attention_bwd(verify_run *run) {
    for (size_t i = 0; i < attentions_to_try(run); i++) {
        trial t = attention(OP_attention_bwd, &attention_shapes[i]);
        t.prepare = prepare_attention;
        t.o.as.attention_bwd = (struct attention_bwd){.tile_count = tiles_of(&t),
                                                      .spec = spec_of(&t, &attention_shapes[i])};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

static trial first_attention(op_kind kind, const attention_shape *s) {
    trial t = attention(kind, s);
    if (s->logits > 0) {
        verify__add_tweak(&t, "q", sqrtf(s->logits), 0, 0);
        verify__add_tweak(&t, "kv", sqrtf(s->logits), 0, 0);
    }
    if (s->logits > 0 && kind == OP_first_attention_bwd) {
        // one query a sentence: where one key has nearly all of its probability, dq is as small as
        // 1 - p, and the errors of the scores (above) are not
        t.nmse_bound = 1e-6;
        t.element_bound = 1e-2;
    }
    return t;
}

err verify__cases_first_attention_fwd(verify_run *run) {
    for (size_t i = 0; i < attentions_to_try(run); i++) {
        trial t = first_attention(OP_first_attention_fwd, &attention_shapes[i]);
        t.o.as.first_attention_fwd = (struct first_attention_fwd){
            .rows = verify__sentences_of(&t), .spec = spec_of(&t, &attention_shapes[i])};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

err verify__cases_first_attention_bwd(verify_run *run) {
    for (size_t i = 0; i < attentions_to_try(run); i++) {
        trial t = first_attention(OP_first_attention_bwd, &attention_shapes[i]);
        t.o.as.first_attention_bwd = (struct first_attention_bwd){
            .rows = verify__sentences_of(&t), .spec = spec_of(&t, &attention_shapes[i])};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}

static err loss_case(verify_run *run, uint32_t rows, uint32_t classes, float smoothing,
                     float spread, const char *absent, bool regions) {
    trial t = verify__start(OP_cross_entropy, rows, "B %u C %u smoothing %g logits %g%s", rows,
                            classes, (double)smoothing, (double)spread, regions ? " regions" : "");
    t.style = SENTENCES_ONES;
    t.absent = absent;
    if (regions) verify__use_regions(&t);
    verify__add_tweak(&t, "logits", spread, 0, 0);
    verify__add_tweak(&t, "class_weights", 0.2f, 1, 0);
    t.o.as.cross_entropy = (struct cross_entropy){
        .rows = verify__sentences_of(&t), .classes = classes, .smoothing = smoothing};
    TRY(verify__trial(run, &t));
    if (!regions) return ERR_OK;
    // added to what is there, and rows without a target
    snprintf(t.name, sizeof t.name, "%s B %u C %u adds", op_name(t.o.kind), rows, classes);
    t.o.as.cross_entropy.adds = true;
    return verify__trial(run, &t);
}

err verify__cases_cross_entropy(verify_run *run) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++) {
        const char *absent[] = {" class_weights ", " dlogits ", NULL};
        TRY(loss_case(run, verify__row_counts[i], (uint32_t)(i % 7 + 1), i % 2 ? 0.1f : 0, 2,
                      absent[i % 3], i == 1));
    }
    TRY(loss_case(run, 32, 7, 0, 80, " class_weights ", false));
    // a vocabulary's classes
    TRY(loss_case(run, 1, CLASSES_FEW + 1, 0, 80, " class_weights dlogits ", false));
    TRY(loss_case(run, 37, 8003, 0, 6, " class_weights ", true));
    if (run->extent != VERIFY_QUICK)
        TRY(loss_case(run, 3, 119547, 0, 10, " class_weights predicted ", false));
    return loss_case(run, 33, 130, 0.1f, 3, NULL, true);
}

static err number_loss_case(verify_run *run, uint32_t rows, uint32_t cols, bool binary,
                            float spread, const char *absent, bool regions) {
    trial t = verify__start(OP_number_loss, rows, "B %u C %u%s outputs %g%s", rows, cols,
                            binary ? " binary" : "", (double)spread, regions ? " regions" : "");
    t.style = SENTENCES_ONES;
    t.absent = absent;
    if (regions) verify__use_regions(&t);
    verify__add_tweak(&t, "outputs", spread, 0, 0);
    verify__add_tweak(&t, "targets", 0.5f, 0.5f, 0);
    t.o.as.number_loss =
        (struct number_loss){.rows = verify__sentences_of(&t), .cols = cols, .binary = binary};
    return verify__trial(run, &t);
}

err verify__cases_number_loss(verify_run *run) {
    for (size_t i = 0; i < verify__rows_to_try(run); i++)
        TRY(number_loss_case(run, verify__row_counts[i], (uint32_t)(i % 7 + 1), i % 2, 2,
                             i % 3 ? NULL : " doutputs ", i == 1));
    TRY(number_loss_case(run, 32, 9, true, 80, NULL, false));
    return number_loss_case(run, 33, 130, true, 3, NULL, true);
}

static err prepare_overflow(trial *t, device *reference) {
    (void)reference;
    verify__values(t, "part", 0, 0)[1] = INFINITY;
    return ERR_OK;
}

err verify__cases_grad_norm(verify_run *run) {
    static const struct {
        uint32_t rows[3], cols[3];
        float max_norm;
    } shapes[] = {{{1, 0, 0}, {1, 0, 0}, 1},         {{7, 65, 1}, {13, 128, 257}, 1},
                  {{1, 1, 1}, {255, 256, 257}, 0},   {{831, 2, 3}, {768, 768, 1}, 1000},
                  {{1, 63, 0}, {1000003, 64, 0}, 1}, {{1, 0, 0}, {3000017, 0, 0}, 1}};
    for (size_t i = 0; i < COUNT(shapes) + 1; i++) {
        bool is_overflow = i == COUNT(shapes);
        size_t k = is_overflow ? 1 : i;
        trial t = verify__start(OP_grad_norm, 1, "%ux%u and more%s", shapes[k].rows[0],
                                shapes[k].cols[0], is_overflow ? " infinite" : "");
        t.part = PART_END;
        if (i == 1) t.first_slot = 1;
        struct grad_norm *a = &t.o.as.grad_norm;
        a->max_norm = shapes[k].max_norm;
        for (uint32_t p = 0; p < 3 && shapes[k].rows[p]; p++) {
            // the first part is sized by the step, as an embedding's compact gradient is
            t.step_rows[t.first_slot] = shapes[k].rows[0];
            a->parts[p].rows =
                p ? dim_fixed(shapes[k].rows[p]) : (dim){DIM_STEP_ROWS, shapes[k].rows[p] + 3};
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
                            : (size_t)t->o.as.adamw_rows.table_rows * t->o.as.adamw_rows.hidden;
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
    verify__add_tweak(t, "p", 2e-3f, 0, 0);
    verify__add_tweak(t, "m", 1e-2f, 0, 0);
    verify__add_tweak(t, "v", 1e-2f, 0, 0);
    verify__add_tweak(t, "g", 0.1f, 0, 0);
    verify__add_tweak(t, "table", 1, 0, (size_t)(t->step + 2) * 4);
}

err verify__cases_adamw(verify_run *run) {
    static const struct {
        uint32_t count, step;
    } shapes[] = {{1, 7},   {65, 1},     {1000003, 7}, {63, 7}, {64, 7},
                  {255, 7}, {256, 1000}, {257, 7},     {129, 8}};
    for (size_t i = 0; i < (run->extent == VERIFY_QUICK ? 3 : COUNT(shapes)); i++) {
        trial t = verify__start(OP_adamw, 1, "%u step %u", shapes[i].count, shapes[i].step);
        t.step = shapes[i].step;
        if (i == 1) t.slot_count = 2; // step 1, then step 2 in the other slot
        adam_data(&t);
        t.o.as.adamw = (struct adamw){
            .count = shapes[i].count, .decay = i % 2, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8f};
        TRY(verify__trial(run, &t));
    }
    trial t = verify__start(OP_adamw, 1, "131 after an infinite norm");
    adam_data(&t);
    t.prepare = prepare_adam_overflow;
    t.o.as.adamw =
        (struct adamw){.count = 131, .decay = true, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8f};
    return verify__trial(run, &t);
}

typedef struct rows_shape {
    uint32_t table_rows, hidden, listed, step;
    bool has_gradient, before, is_all, overflow;
} rows_shape;

static err adamw_rows_case(verify_run *run, const rows_shape *s, bool decay) {
    trial t = verify__start(OP_adamw_rows, 1, "V %u H %u rows %u step %u%s%s%s", s->table_rows,
                            s->hidden, s->listed, s->step, s->has_gradient ? " gradient" : "",
                            s->before ? " before" : "", s->is_all ? " all" : "");
    t.step = s->step;
    if (!s->is_all) t.first_slot = 1;
    adam_data(&t);
    if (s->overflow) t.prepare = prepare_adam_overflow;
    t.absent = s->has_gradient ? NULL : s->is_all ? " g norm list " : " g norm ";
    t.step_rows[t.first_slot] = s->listed;
    t.o.as.adamw_rows = (struct adamw_rows){.rows = s->is_all ? dim_fixed(s->table_rows)
                                                              : (dim){DIM_STEP_ROWS, s->listed + 3},
                                            .hidden = s->hidden,
                                            .table_rows = s->table_rows,
                                            .decay = decay,
                                            .before = s->before,
                                            .beta1 = 0.9,
                                            .beta2 = 0.999,
                                            .eps = 1e-8f};
    return verify__trial(run, &t);
}

err verify__cases_adamw_rows(verify_run *run) {
    static const rows_shape shapes[] = {{9, 1, 1, 7, true, false, false, false},
                                        {130, 65, 63, 7, true, false, false, false},
                                        {130, 128, 61, 9, false, true, false, false},
                                        {67, 13, 0, 40, false, false, true, false},
                                        {300, 768, 101, 7, true, false, false, true},
                                        // more steps than GPUs take up in two dispatches
                                        {4, 3, 2, 100003, false, true, false, false},
                                        {300, 768, 101, 7, true, false, false, false},
                                        {40, 312, 17, 60, false, true, false, false},
                                        {129, 64, 20, 8, true, false, false, false},
                                        {8000, 128, 500, 5, true, false, false, false}};
    for (size_t i = 0; i < (run->extent == VERIFY_QUICK ? 6 : COUNT(shapes)); i++) {
        TRY(adamw_rows_case(run, &shapes[i], i % 2));
    }
    return ERR_OK;
}

err verify__cases_checksum(verify_run *run) {
    static const uint32_t counts[] = {1, 2047, 2048, 2049, 63, 4097, 6144, 8191, 96000, 300007};
    for (size_t i = 0; i < (run->extent == VERIFY_QUICK ? 4 : COUNT(counts)); i++) {
        trial t = verify__start(OP_checksum, 1, "%u", counts[i]);
        t.o.as.checksum = (struct checksum){.count = counts[i]};
        TRY(verify__trial(run, &t));
    }
    return ERR_OK;
}
