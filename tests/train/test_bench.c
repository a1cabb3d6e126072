/* Bench: its arithmetic by hand, and a whole measurement of a small model on every device there is.
 */
#include "base/memory.h"
#include "cli/bench_svg.h"
#include "support/must.h"
#include "train/bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(bench, spread_is_median_and_percentiles) {
    double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, many[11];
    bench_spread s = bench_spread_of(odd, 3);
    cr_assert_eq(s.median, 3);
    cr_assert_eq(bench_spread_of(even, 4).median, 2.5);
    for (int i = 0; i < 11; i++) many[i] = 10 - i;
    s = bench_spread_of(many, 11);
    cr_assert_eq(s.median, 5);
    cr_assert_eq(s.low, 1);
    cr_assert_eq(s.high, 9);
    cr_assert_eq(bench_spread_of(many, 0).median, 0);
}

Test(bench, bytes_of_ops_follow_the_step) {
    buffer some = {0};
    span there = {.buffer = &some};
    micro_sizes sizes = {.tokens = 10, .sentences = 3, .tiles = 3, .lists = {7}};
    step_info step = {.step = 1, .step_rows = 7, .micro_count = 1, .micros = &sizes};
    dim tokens = {DIM_TOKENS, 100}, rows = {DIM_STEP_ROWS, 100};
    op product = {.kind = OP_linear_fwd,
                  .as.linear_fwd = {.rows = tokens, .n = 6, .k = 4, .act = ACT_GELU}};
    // x (10, 4), weight (6, 4), y (10, 6), and once more for pre
    cr_assert_eq(bench_op_bytes(&product, &step, 0, 4), 4 * (40 + 24 + 60));
    product.as.linear_fwd.pre = there;
    cr_assert_eq(bench_op_bytes(&product, &step, 0, 4), 4 * (40 + 24 + 120));
    cr_assert_eq(bench_op_bytes(&product, &step, 0, 8), 8 * (40 + 24 + 120));
    // read and written: p, m, v; read: g
    op update = {.kind = OP_adamw_rows, .as.adamw_rows = {.rows = rows, .hidden = 5, .g = there}};
    cr_assert_eq(bench_op_bytes(&update, &step, 0, 4), 4 * 7 * 7 * 5);
}

Test(bench, peak_memory_grows_with_what_is_touched) {
    size_t live = mem_live_count();
    enum { BYTES = 64 << 20 };
    uint64_t before = mem_peak_bytes();
    char *block;
    MUST(mem_new(&block, BYTES));
    memset(block, 1, BYTES);
    cr_assert_geq(mem_peak_bytes(), before);
    cr_assert_geq(mem_peak_bytes(), (uint64_t)BYTES);
    mem_free(block);
    cr_assert_eq(mem_live_count(), live);
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
    bert_config c;
    MUST(bert_config_preset(&c, "tiny", VOCABULARY));
    c.hidden = 24;
    c.heads = 2;
    c.inner = 48;
    c.positions = 16;
    c.classes = 2;
    device d;
    MUST(device_open_named(&d, selector, NULL));
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
    MUST(bench_svg(&svg, b, "a < b & c"));
    cr_assert_not_null(strstr(svg.text, "a &lt; b &amp; c"));
    cr_assert_not_null(strstr(svg.text, "layernorm_fwd"));
    cr_assert_null(strstr(svg.text, "nan"));
    strbuf_free(&svg);
    mem_free(b);
    device_close(&d);
}

Test(bench, measures_the_reference) {
    size_t live = mem_live_count();
    measure("reference");
    cr_assert_eq(mem_live_count(), live);
}

#if HARNESS_CPU
Test(bench, measures_the_native_cpu) {
    size_t live = mem_live_count();
    measure("cpu");
    cr_assert_eq(mem_live_count(), live);
}
#endif

#if HARNESS_VULKAN
Test(bench, measures_a_vulkan_device) {
    size_t live = mem_live_count(), count;
    device_info *list;
    const char *note;
    char name[sizeof list->uuid] = "";
    MUST(device_list(&list, &count, &note));
    for (size_t i = 0; i < count && !*name; i++)
        if (list[i].kind == DEVICE_VULKAN) memcpy(name, list[i].uuid, sizeof name);
    mem_free(list);
    if (!*name && getenv("REQUIRE_VULKAN")) cr_assert(false, "REQUIRE_VULKAN is set: %s", note);
    if (!*name) cr_skip_test("no Vulkan device");
    measure(name);
    cr_assert_eq(mem_live_count(), live);
}
#endif

Test(bench, too_many_steps_are_refused) {
    bench *b;
    MUST(mem_new(&b, 1));
    cr_assert_eq(bench_measure(b, NULL, NULL, NULL, NULL, &(bench_options){.steps = 201}), ERR_ARG);
    cr_assert_not_null(strstr(err_message(ERR_ARG), "201 steps, at most 200"));
    mem_free(b);
}
