#include "base/memory.h"
#include "base/rng.h"
#include "model/weights/safetensors.h"
#include "model/weights/weights.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "train/step/nonfinite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void small_config(model_config *c) {
    MUST(model_config_preset(c, "tiny", 29));
    c->hidden = 12;
    c->heads = 3;
    c->intermediate = 20;
    c->positions = 16;
    c->classes = 3;
}

typedef struct fixture {
    device device;
    model_config config;
    params params;
} fixture;

static void open_fixture(fixture *f, uint32_t token_rows) {
    MUST(device_open_named(&f->device, "reference", NULL));
    small_config(&f->config);
    MUST(params_init(&f->params, &f->device, &f->config, token_rows));
}

static void close_fixture(fixture *f) {
    params_free(&f->params);
    device_close(&f->device);
    temporary_remove();
}

CleanTest(params, lie_aligned_in_groups_by_decay) {
    fixture f;
    open_fixture(&f, 10);
    const params *ps = &f.params;
    cr_assert_eq(ps->total, params_total(&f.config));
    cr_assert_eq(ps->count, 5 + 2 * 12 + 4);
    size_t counted = 0;
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        char key[PARAM_NAME_BYTES];
        param_key(p, 0, key);
        // what transformers decays: everything but biases and LayerNorm
        bool expected = !strstr(key, "bias") && !strstr(key, "LayerNorm");
        cr_assert_eq(p->decay, expected, "%s", key);
        cr_assert_eq(p->p.offset % SPAN_ALIGN, 0, "%s", key);
        cr_assert_eq(p->g.offset % SPAN_ALIGN, 0, "%s", key);
        counted += p->count;
        if (p->field == PARAM_token) continue;
        const param_group *g = &ps->groups[p->decay ? GROUP_DECAY : GROUP_PLAIN];
        cr_assert_eq(p->p.buffer, g->p.buffer, "%s", key);
        cr_assert(p->p.offset >= g->p.offset &&
                  p->p.offset + span_bytes(p->p) <= g->p.offset + span_bytes(g->p));
    }
    cr_assert_eq(counted, ps->total);
    cr_assert_eq(ps->list[0].g.count, 10 * 12);
    close_fixture(&f);
}

/* A step of more tokens than the vocabulary has touches no more rows than there are. */
Test(params, gradients_of_tokens_have_no_more_rows_than_the_table) {
    static const uint32_t steps[] = {10, 29, 1000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        fixture f;
        open_fixture(&f, steps[i]);
        const param *token = &f.params.list[0];
        cr_expect_eq(f.params.token_rows, steps[i] < 29 ? steps[i] : 29);
        cr_expect_eq(token->g.count, (size_t)f.params.token_rows * token->cols);
        close_fixture(&f);
    }
}

Test(params, are_drawn_as_transformers_draws_them) {
    fixture f;
    open_fixture(&f, 0);
    MUST(params_draw(&f.params, 42, 0.02f, NULL));
    double sum = 0, square = 0;
    size_t count = 0;
    for (size_t i = 0; i < f.params.count; i++) {
        const param *p = &f.params.list[i];
        double *v = NULL;
        char label[PARAM_NAME_BYTES];
        param_label(p, label);
        MUST(mem_new(&v, p->count));
        MUST(device_read_f64(v, p->p, p->count));
        for (size_t k = 0; k < p->count; k++) {
            if (p->is_vector) {
                double expected = strstr(label, "norm_weight") ? 1 : 0;
                cr_assert(v[k] == expected, "%s[%zu] is %g", label, k, v[k]);
            } else if (p->field == PARAM_token && k < p->cols) {
                cr_assert(v[k] == 0, "the row of [PAD] is not zero");
            } else {
                double z = rng_normal(42, RNG_SITE_INIT + (uint32_t)i, k);
                cr_assert(v[k] == (double)(float)(z * (double)0.02f), "%s[%zu]", label, k);
                sum += v[k];
                square += v[k] * v[k];
                count++;
            }
        }
        mem_free(v);
    }
    double mean = sum / (double)count, deviation = sqrt(square / (double)count);
    cr_assert_lt(fabs(mean), 0.001, "mean %g", mean);
    cr_assert_lt(fabs(deviation - 0.02), 0.001, "deviation %g", deviation);
    close_fixture(&f);
}

/* Rows of tokens that were added are those that a table drawn whole would have. */
/* Weights go before gradients, and what is computed last before what it made bad. */
Test(params, what_is_not_finite_is_named) {
    char text[NONFINITE_BYTES];
    const float bad = NAN, good = 0;
    fixture f;
    open_fixture(&f, 10);
    MUST(params_draw(&f.params, 42, 0.02f, NULL));
    const param *first = &f.params.list[0], *last = &f.params.list[f.params.count - 1];
    MUST(nonfinite_find(text, &f.params));
    cr_expect_str_empty(text);
    MUST(device_write_f32(first->g, &bad, 1));
    MUST(nonfinite_find(text, &f.params));
    cr_expect_str_eq(text, "gradient of token");
    MUST(device_write_f32(last->g, &bad, 1));
    MUST(nonfinite_find(text, &f.params));
    cr_expect_str_eq(text, "gradient of head_output_bias");
    MUST(device_write_f32(last->p, &bad, 1));
    MUST(nonfinite_find(text, &f.params));
    cr_expect_str_eq(text, "weight of head_output_bias");
    MUST(device_write_f32(last->p, &good, 1));
    close_fixture(&f);
}

/* Where some are written, those are looked at. */
Test(params, what_was_written_is_checked) {
    fixture f;
    bool only[64] = {false};
    open_fixture(&f, 0);
    cr_assert_leq(f.params.count, 64);
    MUST(params_draw(&f.params, 42, 0.02f, NULL));
    f.params.list[1].written ^= 1;
    only[2] = true;
    MUST(params_check(&f.params, only));
    only[1] = true;
    MUST_FAIL(params_check(&f.params, only), ERR_DEVICE, "");
    MUST_FAIL(params_check(&f.params, NULL), ERR_DEVICE, "");
    close_fixture(&f);
}

Test(params, added_rows_are_those_of_the_whole_table) {
    enum { ADDED = 3 };
    fixture f;
    double whole[29 * 12], again[29 * 12];
    const double none[ADDED * 12] = {0};
    open_fixture(&f, 0);
    const param *token = &f.params.list[0];
    MUST(params_draw(&f.params, 42, 0.02f, NULL));
    MUST(device_read_f64(whole, token->p, token->count));
    MUST(device_write_f64(span_part(token->p, token->count - ADDED * 12, ADDED * 12), none,
                          ADDED * 12));
    MUST(params_draw_last(&f.params, 0, ADDED, 42, 0.02f));
    MUST(device_read_f64(again, token->p, token->count));
    cr_assert_arr_eq(again, whole, sizeof whole);
    close_fixture(&f);
}

/* Where positions follow the pad id, padding's position has a row of zeros too. */
Test(params, padding_has_rows_of_zeros) {
    for (int follows = 0; follows < 2; follows++) {
        device d;
        model_config c;
        params ps;
        MUST(device_open_named(&d, "reference", NULL));
        small_config(&c);
        c.family = follows ? &encoder_roberta : &encoder_bert;
        c.pad = 1;
        MUST(params_init(&ps, &d, &c, 0));
        MUST(params_draw(&ps, 42, 0.02f, NULL));
        for (size_t i = 0; i < 2; i++) {
            const param *p = params_at(&ps, i ? PARAM_position : PARAM_token, 0);
            double row[2 * 12], sum[2] = {0};
            MUST(device_read_f64(row, p->p, 2 * 12));
            for (size_t k = 0; k < 24; k++) sum[k / 12] += fabs(row[k]);
            cr_expect_eq(sum[1] > 0, i && !follows, "%d %zu: %g", follows, i, sum[1]);
            cr_expect_gt(sum[0], 0);
        }
        params_free(&ps);
        device_close(&d);
    }
}

Test(weights, moments_come_back) {
    fixture f;
    open_fixture(&f, 29);
    const char *folder = temporary_path("moments");
    MUST(folder_make(folder));
    for (size_t i = 0; i < f.params.count; i++) {
        const param *p = &f.params.list[i];
        float *v = NULL;
        MUST(mem_new(&v, p->count));
        for (size_t k = 0; k < p->count; k++) v[k] = (float)(i * 1000 + k);
        MUST(device_write_f32(p->m, v, p->count));
        for (size_t k = 0; k < p->count; k++) v[k] += 0.5f;
        MUST(device_write_f32(p->v, v, p->count));
        mem_free(v);
    }
    MUST(moments_save(&f.params, folder));
    params_free(&f.params);
    MUST(params_init(&f.params, &f.device, &f.config, 29));
    MUST(moments_load(&f.params, folder));
    for (size_t i = 0; i < f.params.count; i++) {
        const param *p = &f.params.list[i];
        float m[2], v[2];
        MUST(device_read_f32(m, p->m, 2));
        MUST(device_read_f32(v, p->v, 2));
        cr_assert(m[1] == (float)(i * 1000 + 1) && v[1] == m[1] + 0.5f, "parameter %zu", i);
    }
    MUST(weights_save(&f.params, folder));
    char *from = NULL, *to = NULL;
    MUST(path_join(&from, folder, "model.safetensors"));
    MUST(path_join(&to, folder, "optimizer.safetensors"));
    cr_assert_eq(rename(from, to), 0);
    MUST_FAIL(moments_load(&f.params, folder), ERR_DATA, "tensors, expected");
    mem_free(from);
    mem_free(to);
    close_fixture(&f);
}
