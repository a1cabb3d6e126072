/* Bench: its arithmetic by hand, and a whole measurement of a small model on every device there
 * is. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "bench/bench.h"
#include "cli/bench_svg.h"
#include "compute/plan.h"
#include "platform/host_memory.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Test(bench, spread_is_median_and_percentiles) {
    double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, many[11];
    spread s = spread_of(odd, 3);
    cr_assert_eq(s.median, 3);
    cr_assert_eq(spread_of(even, 4).median, 2.5);
    for (int i = 0; i < 11; i++) many[i] = 10 - i;
    s = spread_of(many, 11);
    cr_assert_eq(s.median, 5);
    cr_assert_eq(s.low, 1);
    cr_assert_eq(s.high, 9);
    cr_assert_eq(spread_of(many, 0).median, 0);
}

CleanTest(bench, peak_memory_grows_with_what_is_touched) {
    enum { BYTES = 64 << 20 };
    uint64_t before = host_memory_peak();
    char *block;
    MUST(mem_new(&block, BYTES));
    memset(block, 1, BYTES);
    cr_assert_geq(host_memory_peak(), before);
    cr_assert_geq(host_memory_peak(), (uint64_t)BYTES);
    mem_free(block);
}

enum { ROWS = 20, LONGEST = 9, VOCABULARY = 30 };

static void check_phase(const bench_phase *p, const char *where, bool for_training) {
    double share = 0;
    uint32_t products = 0;
    cr_assert_gt(p->ms.median, 0);
    cr_assert_leq(p->ms.low, p->ms.median);
    cr_assert_leq(p->ms.median, p->ms.high);
    cr_assert_eq(p->steps, 3, "%s: %u steps", where, p->steps);
    cr_assert_gt(p->flops, 0);
    cr_assert_gt(p->row_count, 0, "%s: no op was timed", where);
    for (size_t i = 0; i < p->row_count; i++) {
        const bench_row *r = &p->rows[i];
        share += r->share;
        cr_assert_gt(r->dispatches, 0, "%s: %s %s", where, op_name(r->kind), r->shape);
        if (!strcmp(where, "reference")) // a call for each op of a step
            cr_assert_float_eq(r->dispatches, r->calls, 1e-9, "%s %s: %g dispatches of %u calls",
                               op_name(r->kind), r->shape, r->dispatches, r->calls);
        if (r->kind == OP_linear_fwd && strcmp(r->shape, "72x24") == 0) products += r->calls;
        if (r->kind == OP_adamw) cr_assert(for_training);
    }
    cr_assert_float_eq(share, 1, 1e-9);
    // query, key and value of two layers
    cr_assert_eq(products, 2, "%s: %u", where, products);
}

static void measure(const char *selector) {
    static uint32_t ids[ROWS][LONGEST];
    pack_sentence sentences[ROWS];
    encoded data = {.sentences = sentences, .count = ROWS, .longest = LONGEST};
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t n = 2 + i % (LONGEST - 1);
        for (uint32_t k = 0; k < n; k++) ids[i][k] = (i * 7 + k * 11) % VOCABULARY;
        sentences[i] = (pack_sentence){ids[i], n, n, {i % 2}};
        data.tokens += n;
    }
    model_config c;
    MUST(model_config_preset(&c, "tiny", VOCABULARY));
    c.hidden = 24;
    c.heads = 2;
    c.intermediate = 48;
    c.positions = 16;
    c.classes = 2;
    device d;
    MUST(device_open_named(&d, selector, NULL));
    d.info.max_binding_bytes = 8 << 20; // its rate of copying is found by smaller ones
    bench *b;
    MUST(mem_new(&b, 1));
    strbuf svg = {0};
    MUST(bench_measure(b, &d, &c, &data, &data,
                       &(bench_options){.batch_size = 8, .steps = 3, .dropout = -1, .seed = 1}));
    cr_assert_gt(b->peak_gflops, 0);
    cr_assert_geq(b->peak_gbytes, b->low_gbytes);
    cr_assert_gt(b->device_bytes, 0);
    check_phase(&b->training, selector, true);
    check_phase(&b->evaluation, selector, false);
    // three steps of 8, 8 and 4 sentences; evaluation takes 16 and 4
    cr_assert_float_eq(b->training.sentences, 20.0 / 3, 1e-9);
    cr_assert_float_eq(b->evaluation.sentences, (16.0 + 4 + 16) / 3, 1e-9);
    cr_assert_float_eq(b->training.tokens, (double)data.tokens / 3, 1e-9);
    MUST(bench_svg(&svg, b, "a < b & c"));
    cr_assert_not_null(strstr(svg.text, "a &lt; b &amp; c"));
    cr_assert_not_null(strstr(svg.text, "layernorm_fwd"));
    cr_assert_null(strstr(svg.text, "nan"));
    strbuf_free(&svg);
    mem_free(b);
    device_close(&d);
}

CleanTest(bench, measures_the_reference) {
    measure("reference");
}

/* Shares of more than 100 % of a peak would show one that was measured in a bad moment. */
CleanTest(bench, a_peak_that_was_passed_is_measured_again) {
    device d;
    bench *b;
    MUST(device_open_named(&d, "reference", NULL));
    MUST(mem_new(&b, 1));
    b->peak_size = 16;
    b->peak_gflops = b->peak_gbytes = 1e-9;
    b->evaluation.row_count = 1;
    b->evaluation.rows[0].gflops = b->evaluation.rows[0].gbytes = 2e-9;
    MUST(bench_settle(b, &d)); // an old laptop does a million times as much
    cr_expect_gt(b->peak_gflops, 1e-6);
    cr_expect_gt(b->peak_gbytes, 1e-6);
    b->training.row_count = 1;
    b->training.rows[0].gflops = b->training.gflops = 1e9;
    b->training.rows[0].gbytes = 2e9;
    MUST(bench_settle(b, &d)); // what no measurement reaches
    cr_expect_eq(b->peak_gflops, 1e9);
    cr_expect_eq(b->peak_gbytes, 2e9);
    mem_free(b);
    device_close(&d);
}

#if HARNESS_CPU
CleanTest(bench, measures_the_native_cpu) {
    measure("cpu");
}
#endif

#if HARNESS_VULKAN
CleanTest(bench, measures_a_vulkan_device) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    measure(test_device());
}
#endif

Test(bench, too_many_steps_are_refused) {
    bench *b;
    MUST(mem_new(&b, 1));
    cr_assert_eq(bench_measure(b, NULL, NULL, NULL, NULL, &(bench_options){.steps = 201}), ERR_ARG);
    cr_assert_not_null(strstr(err_message(ERR_ARG), "201 steps, at most 200"));
    mem_free(b);
}

#if HARNESS_CPU
/* A step of pretraining: its products, the tied decoder's among them, count, and nothing else is
 * measured. */
Test(bench, a_step_of_pretraining) {
    // without the task's data it is the sample's, which the record says
    program_result r = RUN("bench", "--pretrain", "--task", "kor_hate", "--data", "none",
                           "--device", "cpu", "--threads", "1", "--max-steps", "2", "--json");
    cJSON *root = NULL;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    MUST(json_parse(&root, r.out, strlen(r.out), "bench"));
    const cJSON *phase = cJSON_GetObjectItem(root, "pretraining"), *row = NULL;
    cr_assert_not_null(phase);
    cr_assert_null(cJSON_GetObjectItem(root, "training"));
    cr_expect(strstr(r.err, "those of the bundled sample"), "%s", r.err);
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(root, "sample")));
    cr_assert_null(cJSON_GetObjectItem(root, "evaluation"));
    cr_assert_gt(cJSON_GetObjectItem(phase, "tokens_per_s")->valuedouble, 0);
    cr_assert_gt(cJSON_GetObjectItem(phase, "gflop_per_s")->valuedouble, 0);
    char decoder[40];
    unsigned found = 0;
    snprintf(decoder, sizeof decoder, "%.0fx128",
             cJSON_GetObjectItem(root, "vocabulary")->valuedouble);
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(phase, "ops")) {
        found += !strcmp(cJSON_GetObjectItem(row, "shape")->valuestring, decoder);
    }
    cr_assert_eq(found, 3, "forward, dx and dw of the decoder: %u", found);
    cr_assert_not_null(strstr(cJSON_GetObjectItem(root, "command")->valuestring, "--pretrain"));
    cJSON_Delete(root);
}
#endif

static double longest_s;

static err nap(plan *p, const step_info *step) {
    const struct timespec t = {0, 50000000};
    double begin = clock_seconds();
    (void)p;
    (void)step;
    if (nanosleep(&t, NULL)) return ERR_DEVICE;
    double spent = clock_seconds() - begin;
    if (spent > longest_s) longest_s = spent;
    return ERR_OK;
}

/* A device that takes 50 ms for anything: a product is two operations for each multiply-add, a copy
 * reads and writes. */
Test(bench, peaks_count_what_was_done) {
    device d;
    double gflops, gbytes;
    uint32_t size = 16;
    MUST(device_open_named(&d, "reference", NULL));
    const device_vtable *real = d.vtable;
    device_vtable slow = *real;
    slow.submit = nap;
    d.vtable = &slow;
    uint64_t work = d.work;
    MUST(bench_peak(&gflops, &gbytes, &size, &d));
    // four submissions of each came to their end
    cr_expect_eq(d.work - work, 8);
    d.vtable = real;
    device_close(&d);
    // never faster than the shortest nap; on a busy machine slower than the longest
    double flops = 2.0 * 16 * 16 * 16 / 1e9, bytes = 2.0 * (1 << 22) / 1e9;
    cr_expect(gflops > 0.6 * flops / longest_s && gflops < 1.01 * flops / 0.05, "%g GFLOP/s",
              gflops);
    cr_expect(gbytes > 0.6 * bytes / longest_s && gbytes < 1.01 * bytes / 0.05, "%g GB/s", gbytes);
}

#if HARNESS_CPU
/* What a kernel may bind ends a product's growth, however short it was. */
CleanTest(bench, a_peak_is_of_a_product_that_fits) {
    double gflops = 0, gbytes = 0;
    uint32_t size = 0;
    device d;
    MUST(device_open_named(&d, "cpu", NULL));
    d.info.max_binding_bytes = 512 * 512 * sizeof(float);
    MUST(bench_peak(&gflops, &gbytes, &size, &d));
    cr_expect_eq(size, 512, "%u", size);
    cr_expect(gflops > 0 && gbytes > 0);
    device_close(&d);
}
#endif
