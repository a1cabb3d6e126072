/* The native CPU device: bits that do not depend on threads, products that are fully written
 * whatever OpenMP grants, and the bounds of its exp, GELU and tanh. */
#include "base/memory.h"
#include "base/rng.h"
#include "compute/plan.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HARNESS_CPU
#include "compute/bf16.h"
#include "compute/cpu/cpu_internal.h"
#include "compute/cpu/kernels.h"

enum { T = 275, B = 7, H = 130, HEADS = 5, F = 400, LISTS = 60 };
static const uint32_t lengths[B] = {3, 120, 26, 1, 64, 33, 28};

static uint32_t word_for(const char *name, uint32_t i) {
    uint32_t start = 0, b = 0;
    if (!strcmp(name, "rows") || !strcmp(name, "list")) return i * 2;
    if (!strcmp(name, "last_step")) return i % 5;
    if (!strcmp(name, "items")) return (i * 7) % T;
    if (!strcmp(name, "targets")) return i % 3;
    if (!strcmp(name, "ordinals")) return i;
    if (!strcmp(name, "ids")) return (i * 31) % 90;
    if (!strcmp(name, "type_ids")) return i % 2;
    for (; b < B && i >= start + lengths[b]; b++) start += lengths[b];
    if (!strcmp(name, "positions")) return i - start;
    if (!strcmp(name, "token_sentence")) return b;
    return 0;
}

static void fill_words(const op *o, const char *name, uint32_t *to, size_t count) {
    bool is_list = o->kind == OP_rows_sum;
    uint32_t start = 0;
    for (uint32_t i = 0; i < count; i++) to[i] = word_for(name, i);
    for (uint32_t b = 0; !strcmp(name, "tiles") && b < B; b++) {
        const uint32_t entry[] = {start, lengths[b], 0, b};
        memcpy(to + (size_t)b * 4, entry, sizeof entry);
        start += lengths[b];
    }
    for (uint32_t i = 0; !strcmp(name, "starts") && i < count; i++) {
        to[i] = is_list ? i * T / LISTS : start;
        start += i < B ? lengths[i] : 0;
    }
}

/* Every op once, with sizes that give each several blocks. */
static void describe(op *o, op_kind kind) {
    const dropout_spec drop = {0.1f, 3};
    const dim t = {DIM_FIXED, T}, b = {DIM_FIXED, B};
    const attention_spec spec = {
        .tokens = t, .heads = HEADS, .head_size = H / HEADS, .scale = 0.2f, .drop = drop};
    *o = (op){.kind = kind};
    switch (kind) {
    case OP_fill: o->as.fill = (struct fill){.rows = t, .cols = H, .value = 1}; break;
    case OP_embed_fwd:
        o->as.embed_fwd = (struct embed_fwd){.rows = t, .hidden = H, .table_rows = 90};
        break;
    case OP_rows_sum:
        o->as.rows_sum =
            (struct rows_sum){.lists = {DIM_FIXED, LISTS}, .items_max = t, .hidden = H};
        break;
    case OP_layernorm_fwd:
        o->as.layernorm_fwd = (struct layernorm_fwd){
            .rows = t, .hidden = H, .before = drop, .after = drop, .eps = 1e-12f};
        break;
    case OP_layernorm_bwd:
        o->as.layernorm_bwd =
            (struct layernorm_bwd){.rows = t, .hidden = H, .before = drop, .after = drop};
        break;
    case OP_linear_fwd:
        o->as.linear_fwd = (struct linear_fwd){.rows = t, .n = F, .k = H, .act = ACT_GELU};
        break;
    case OP_linear_dx: o->as.linear_dx = (struct linear_dx){.rows = t, .n = F, .k = H}; break;
    case OP_linear_dw: o->as.linear_dw = (struct linear_dw){.rows = t, .n = F, .k = H}; break;
    case OP_attention_fwd:
        o->as.attention_fwd = (struct attention_fwd){.tile_count = b, .spec = spec};
        break;
    case OP_attention_bwd:
        o->as.attention_bwd = (struct attention_bwd){.tile_count = b, .spec = spec};
        break;
    case OP_first_attention_fwd:
        o->as.first_attention_fwd = (struct first_attention_fwd){.rows = b, .spec = spec};
        break;
    case OP_first_attention_bwd:
        o->as.first_attention_bwd = (struct first_attention_bwd){.rows = b, .spec = spec};
        break;
    case OP_gather_rows:
        o->as.gather_rows = (struct gather_rows){.rows = b, .tokens = t, .hidden = H};
        break;
    case OP_scatter_rows:
        o->as.scatter_rows = (struct scatter_rows){.rows = b, .tokens = t, .hidden = H};
        break;
    case OP_dropout: o->as.dropout = (struct dropout){.rows = b, .hidden = H, .drop = drop}; break;
    case OP_activation_bwd:
        o->as.activation_bwd = (struct activation_bwd){.act = ACT_GELU, .rows = t, .cols = H};
        break;
    case OP_cross_entropy:
        o->as.cross_entropy = (struct cross_entropy){.rows = b, .classes = 3};
        break;
    case OP_number_loss: o->as.number_loss = (struct number_loss){.rows = b, .cols = 3}; break;
    case OP_arc_scores:
        o->as.arc_scores = (struct arc_scores){.rows = t, .width = 70, .size = H};
        break;
    case OP_arc_scores_bwd:
        o->as.arc_scores_bwd = (struct arc_scores_bwd){.rows = t, .width = 70, .size = H};
        break;
    case OP_relation_scores:
        o->as.relation_scores = (struct relation_scores){.rows = t, .classes = 5, .size = H};
        break;
    case OP_relation_scores_bwd:
        o->as.relation_scores_bwd =
            (struct relation_scores_bwd){.rows = t, .classes = 5, .size = H, .width = 70};
        break;
    case OP_relation_best:
        o->as.relation_best =
            (struct relation_best){.rows = t, .classes = 5, .size = H, .width = 70};
        break;
    case OP_grad_norm:
        o->as.grad_norm = (struct grad_norm){.part_count = 2, .max_norm = 1};
        o->as.grad_norm.parts[0] = (struct grad_part){.rows = dim_fixed(1), .cols = 1000003};
        o->as.grad_norm.parts[1] = (struct grad_part){.rows = t, .cols = H};
        break;
    case OP_adamw:
        o->as.adamw = (struct adamw){
            .count = 100003, .decay = true, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8f};
        break;
    case OP_adamw_rows:
        o->as.adamw_rows = (struct adamw_rows){.rows = {DIM_FIXED, LISTS},
                                               .hidden = H,
                                               .table_rows = 130,
                                               .before = true,
                                               .beta1 = 0.9,
                                               .beta2 = 0.999,
                                               .eps = 1e-8f};
        break;
    case OP_checksum: o->as.checksum = (struct checksum){.count = 100003}; break;
    case OP_COUNT: break;
    }
}

static size_t count_for(const operand *w) {
    size_t least = 0;
    if (!strcmp(w->name, "position") || !strcmp(w->name, "type") || !strcmp(w->name, "out")) {
        least = (size_t)T * H;
    }
    if (!strcmp(w->name, "table")) least = 40;
    return w->count > least ? w->count : least;
}

/* Runs one op on the device over seeded operands; its outputs' bytes are appended to *out. */
static void run_op(device *d, op_kind kind, strbuf *out) {
    operand list[OPERANDS_MAX];
    arena a;
    plan p;
    op o;
    describe(&o, kind);
    size_t count = op_operands(&o, list);
    arena_init(&a, d, 0, true);
    for (size_t i = 0; i < count; i++) {
        size_t n = count_for(&list[i]);
        elem type = list[i].is_real ? ELEM_F32 : ELEM_U32;
        cr_assert_eq(arena_take(&a, list[i].at, n, type), ERR_OK);
        float *x = span_host(*list[i].at);
        if (!list[i].is_real) fill_words(&o, list[i].name, span_host(*list[i].at), n);
        bool is_positive = !strcmp(list[i].name, "v") || !strcmp(list[i].name, "norm");
        for (size_t k = 0; list[i].is_real && k < n; k++) {
            philox r = philox4x32((philox){{(uint32_t)k, (uint32_t)i, 0, 0}}, 3, 4);
            x[k] = (float)r.v[0] * 0x1p-31f - (is_positive ? 0 : 1);
        }
        if (!strcmp(list[i].name, "table")) {
            for (size_t s = 0; s < 10; s++) memcpy(x + s * 4, (float[]){0.99f, 1e-3f, 0.5f, 0}, 16);
        }
    }
    plan_init(&p, d);
    plan_part_begin(&p, PART_MICRO);
    switch (kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        cr_assert_eq(op_##name(&p, &o.as.name), ERR_OK, "%s", err_message(ERR_ARG));               \
        break;
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    cr_assert_eq(plan_ready(&p), ERR_OK);
    micro_sizes sizes = {.tokens = T, .sentences = B, .tiles = B};
    step_info step = {.step = 9, .seed = 5, .loss_scale = 1, .micro_count = 1, .micros = &sizes};
    cr_assert_eq(plan_submit(&p, &step), ERR_OK);
    cr_assert_eq(plan_wait(&p, 0), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        if (list[i].access == ACCESS_READ) continue;
        cr_assert_eq(strbuf_add_bytes(out, span_host(*list[i].at), span_bytes(*list[i].at)),
                     ERR_OK);
    }
    plan_free(&p);
    arena_free(&a);
}

static void compare_thread_counts(int kind_end, device_precision precision) {
    for (int kind = 0; kind < kind_end; kind++) {
        strbuf one = {0};
        // 8: more threads than many ops have items, and than this machine may have cores
        static const uint32_t counts[] = {1, 2, 3, 4, 8};
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            uint32_t threads = counts[c];
            device d;
            strbuf got = {0};
            device_options options = {.threads = threads, .precision = precision};
            cr_assert_eq(device_open_named(&d, "cpu", &options), ERR_OK);
            run_op(&d, (op_kind)kind, threads == 1 ? &one : &got);
            device_close(&d);
            if (threads == 1) continue;
            cr_assert_eq(got.length, one.length);
            cr_assert(!memcmp(got.text, one.text, one.length), "%s with %u threads",
                      op_name((op_kind)kind), threads);
            strbuf_free(&got);
        }
        strbuf_free(&one);
    }
}

CleanTest(cpu, bits_do_not_depend_on_threads) {
    compare_thread_counts(OP_COUNT, PRECISION_FP32);
    compare_thread_counts(OP_linear_dw + 1, PRECISION_BF16);
}

// set before the processor is asked: oneDNN, once it has begun with AMX, does not go back
CleanTest(cpu, bits_of_avx512_bf16_do_not_depend_on_threads) {
    device_info info;
    setenv("HARNESS_ISA", "avx512_bf16", 1);
    cpu_info(&info, 0);
    if (!info.has_bf16) cr_skip_test("this processor has no AVX512-BF16");
    compare_thread_counts(OP_linear_dw + 1, PRECISION_BF16);
}

/* verify starts from outputs filled with NaN: an element left unwritten fails. OpenMP reads these
 * settings when a program starts, so each needs one of its own. */
Test(cpu, products_are_written_whatever_openmp_grants) {
    static const char *const settings[][2] = {{"OMP_DYNAMIC", "true"}, {"OMP_THREAD_LIMIT", "1"}};
    for (size_t i = 0; i < 2; i++) {
        setenv(settings[i][0], settings[i][1], 1);
        program_result r = RUN("verify", "linear_fwd", "--device", "cpu", "--threads", "2");
        cr_expect_eq(r.exit_code, 0, "%s=%s: %s%s", settings[i][0], settings[i][1], r.out, r.err);
        cr_expect_not_null(strstr(r.out, "linear_fwd"), "%s", r.out);
        unsetenv(settings[i][0]);
    }
}

/* A block that the machine cannot hold is refused; the kernel would end the process later. */
CleanTest(cpu, a_block_beyond_the_memory_is_refused) {
    device d;
    buffer *b;
    MUST(device_open_named(&d, "cpu", NULL));
    MUST_FAIL(device_buffer_new(&d, &b, (size_t)1 << 46, false), ERR_DEVICE,
              "lacks memory: one more block takes 67108865 MiB, ");
    MUST_FAIL(device_buffer_new(&d, &b, (size_t)1 << 46, false), ERR_DEVICE, " are available");
    cr_assert_eq(d.allocated_bytes, 0);
    device_close(&d);
}

/* Each line has the bound that its value was judged by, and the last says how it went. */
Test(cpu, verify_prints_each_bound_and_a_verdict) {
    program_result r = RUN_WELL("verify", "linear_dx", "attention_bwd", "fill", "--device", "cpu");
    size_t rows = 0;
    for (const char *line = strchr(r.out, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        char name[32], verdict[8];
        double nmse, nmse_bound, element, element_bound;
        unsigned cases;
        if (sscanf(line + 1, "%31s %u %lf %lf %lf %lf %7s", name, &cases, &nmse, &nmse_bound,
                   &element, &element_bound, verdict) != 7)
            continue;
        rows++;
        cr_expect(nmse <= nmse_bound && element <= element_bound, "%s", line);
        cr_expect_str_eq(verdict, "ok");
    }
    cr_expect_eq(rows, 3, "%s", r.out);
    cr_expect(strstr(r.out, "3 operations, all within their bounds\n"), "%s", r.out);
}

Test(cpu, verify_names_operations_it_does_not_know) {
    program_result r = RUN("verify", "linear_up", "--device", "cpu");
    EXPECT(r, 2, err, "no operation 'linear_up' (known: fill, embed_fwd");
}

static size_t kernel_tables(const cpu_kernels *out[3]) {
    size_t count = 0;
    out[count++] = &cpu__kernels_baseline;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        out[count++] = &cpu__kernels_avx2;
    }
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        out[count++] = &cpu__kernels_avx512;
    }
#elif defined(__aarch64__)
    out[count++] = &cpu__kernels_neon;
#endif
    return count;
}

enum { POINTS = 20000 };
static float points[POINTS], found[POINTS], ones[POINTS];

static void spread(double low, double high) {
    for (int i = 0; i < POINTS; i++) {
        points[i] = (float)(low + (high - low) * i / (POINTS - 1));
        ones[i] = 1;
    }
}

// Worst error of found against want, divided by |want| + floor.
static double worst(double (*want)(double), double floor_value) {
    double most = 0;
    for (int i = 0; i < POINTS; i++) {
        double w = want((double)points[i]),
               e = fabs((double)found[i] - w) / (fabs(w) + floor_value);
        if (!(e <= most)) most = e;
    }
    return most;
}

static double true_gelu(double x) {
    return 0.5 * x * erfc(-x * sqrt(0.5));
}

static double true_slope(double x) {
    return 0.5 * erfc(-x * sqrt(0.5)) + x * exp(-0.5 * x * x) * 0.3989422804014327;
}

/* transformers' gelu_new and its slope. */
static double tanh_gelu(double x) {
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static double tanh_slope(double x) {
    return (tanh_gelu(x + 1e-5) - tanh_gelu(x - 1e-5)) / 2e-5;
}

Test(cpu, functions_keep_their_bounds) {
    const cpu_kernels *tables[3];
    size_t count = kernel_tables(tables);
    for (size_t i = 0; i < count; i++) {
        const cpu_kernels *k = tables[i];
        spread(-87.3, 88.3);
        k->exponential(found, points, POINTS);
        cr_expect_lt(worst(exp, 0), 2e-7, "exp on %s: %g", k->isa, worst(exp, 0));
        spread(-5, 5);
        memcpy(found, points, sizeof found);
        k->finish_fwd(found, found, NULL, NULL, ACT_GELU, POINTS);
        cr_expect_lt(worst(true_gelu, 0), 2e-6, "gelu on %s: %g", k->isa, worst(true_gelu, 0));
        k->finish_dx(found, ones, points, ACT_GELU, NULL, POINTS);
        cr_expect_lt(worst(true_slope, 1), 1e-6, "slope on %s: %g", k->isa, worst(true_slope, 1));
        memcpy(found, points, sizeof found);
        k->finish_fwd(found, found, NULL, NULL, ACT_GELU_TANH, POINTS);
        cr_expect_lt(worst(tanh_gelu, 1), 1e-6, "gelu by tanh on %s: %g", k->isa,
                     worst(tanh_gelu, 1));
        k->finish_dx(found, ones, points, ACT_GELU_TANH, NULL, POINTS);
        cr_expect_lt(worst(tanh_slope, 1), 2e-6, "slope of gelu by tanh on %s: %g", k->isa,
                     worst(tanh_slope, 1));
        spread(-30, 30);
        memcpy(found, points, sizeof found);
        k->finish_fwd(found, found, NULL, NULL, ACT_GELU, POINTS);
        cr_expect_lt(worst(true_gelu, 1), 1e-6, "gelu tails on %s: %g", k->isa,
                     worst(true_gelu, 1));
        memcpy(found, points, sizeof found);
        k->finish_fwd(found, found, NULL, NULL, ACT_TANH, POINTS);
        cr_expect_lt(worst(tanh, 0), 4e-7, "tanh on %s: %g", k->isa, worst(tanh, 0));
    }
}

Test(cpu, functions_at_their_edges) {
    const cpu_kernels *tables[3];
    size_t count = kernel_tables(tables);
    for (size_t i = 0; i < count; i++) {
        const float x[] = {-1000, -INFINITY, 0, NAN, 1000};
        float y[5];
        tables[i]->exponential(y, x, 5);
        cr_expect(y[0] >= 0 && y[0] < 2e-38f && y[1] >= 0 && y[1] < 2e-38f);
        cr_expect_eq(y[2], 1);
        cr_expect(isnan(y[3]), "%s", tables[i]->isa);
        cr_expect(isfinite(y[4]) && y[4] > 1e38f);
    }
}

Test(cpu, every_table_rounds_to_bf16_alike) {
    const cpu_kernels *tables[3];
    size_t count = kernel_tables(tables);
    for (size_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < POINTS; k++) {
            uint32_t bits = k * 214757u; // over all exponents and both signs, NaNs too
            memcpy(&points[k], &bits, sizeof bits);
        }
        tables[i]->round_bf16(found, points, POINTS);
        for (uint32_t k = 0; k < POINTS; k++) {
            float wanted = bf16_nearest(points[k]);
            cr_assert_eq(memcmp(&wanted, &found[k], sizeof wanted), 0, "%s: %a became %a",
                         tables[i]->isa, (double)points[k], (double)found[k]);
        }
    }
}

enum { ROWS_MOST = 33, COLUMNS_MOST = 50, DEPTH_MOST = 600 };

/* c (m, n), rows n + 3 apart, of factors that lie as the flags say. */
static void multiply(float *c, const cpu_kernels *k, bool a_rows, bool b_rows, const size_t size[3],
                     float beta) {
    static float a[ROWS_MOST * DEPTH_MOST], b[COLUMNS_MOST * DEPTH_MOST];
    size_t m = size[0], n = size[1], depth = size[2];
    cpu_factor left = {a, a_rows ? DEPTH_MOST : 1, a_rows ? 1 : ROWS_MOST};
    cpu_factor right = {b, b_rows ? DEPTH_MOST : 1, b_rows ? 1 : COLUMNS_MOST};
    float *workspace;
    cr_assert_eq(mem_new(&workspace, cpu__product_workspace(m)), ERR_OK);
    // element (i, l) is the same number however it lies
    for (size_t l = 0; l < DEPTH_MOST; l++) {
        for (size_t i = 0; i < ROWS_MOST; i++)
            a[i * left.outer + l * left.depth] = (float)((i * 31 + l * 17) % 101) / 50 - 1;
        for (size_t j = 0; j < COLUMNS_MOST; j++)
            b[j * right.outer + l * right.depth] = (float)((j * 13 + l * 29) % 103) / 50 - 1;
    }
    for (size_t i = 0; i < m * (n + 3); i++) c[i] = (float)(i % 7);
    k->product(c, n + 3, left, right, m, n, depth, beta, workspace);
    mem_free(workspace);
}

static double true_element(size_t i, size_t j, size_t depth, double before, double beta) {
    double sum = beta * before;
    for (size_t l = 0; l < depth; l++) {
        float a = (float)((i * 31 + l * 17) % 101) / 50 - 1;
        float b = (float)((j * 13 + l * 29) % 103) / 50 - 1;
        sum += (double)a * (double)b;
    }
    return sum;
}

Test(cpu, own_products_are_right_at_every_edge) {
    static const size_t sizes[][3] = {{1, 1, 1},     {7, 11, 3},    {8, 12, 256}, {9, 49, 257},
                                      {33, 50, 600}, {16, 48, 255}, {5, 24, 0}};
    static const float betas[] = {0, 1, 0.5f};
    static float c[ROWS_MOST * (COLUMNS_MOST + 3)];
    const cpu_kernels *tables[3];
    size_t count = kernel_tables(tables);
    for (size_t at = 0; at < count * 12 * 7; at++) {
        const cpu_kernels *k = tables[at / 84];
        const size_t *size = sizes[at % 7];
        float beta = betas[at / 7 % 3];
        multiply(c, k, at / 21 % 2, at / 42 % 2, size, beta);
        for (size_t i = 0; i < size[0] * (size[1] + 3); i++) {
            size_t row = i / (size[1] + 3), column = i % (size[1] + 3);
            double before = (double)(i % 7);
            double wanted = column < size[1]
                                ? true_element(row, column, size[2], before, (double)beta)
                                : before; // what lies between rows stays
            cr_assert_float_eq((double)c[i], wanted, 1e-4,
                               "%s %zux%zux%zu case %zu (%zu, %zu): %g, not %g", k->isa, size[0],
                               size[1], size[2], at, row, column, (double)c[i], wanted);
        }
    }
}

Test(cpu, own_products_round_an_element_alike_whatever_lies_around_it) {
    static float c[ROWS_MOST * (COLUMNS_MOST + 3)], alone[ROWS_MOST * (COLUMNS_MOST + 3)];
    const cpu_kernels *tables[3];
    size_t count = kernel_tables(tables);
    for (size_t t = 0; t < count; t++) {
        multiply(c, tables[t], true, true, (size_t[]){33, 50, 600}, 0);
        for (size_t m = 1; m < 10; m++) {
            multiply(alone, tables[t], false, m % 2, (size_t[]){m, 1, 600}, 0);
            cr_expect_eq(memcmp(&alone[(m - 1) * 4], &c[(m - 1) * 53], sizeof *c), 0, "%s, row %zu",
                         tables[t]->isa, m);
        }
    }
}

/* C (m, n), rows n + 3 apart, of factors whose rows lie ld apart. */
static void multiply_apart(float *c, device *d, char ta, char tb, const size_t size[3], size_t ld,
                           float beta) {
    size_t m = size[0], n = size[1], k = size[2];
    size_t a_rows = ta == 'N' ? m : k, b_rows = tb == 'N' ? k : n;
    float *a, *b;
    MUST(mem_new(&a, a_rows * ld));
    MUST(mem_new(&b, b_rows * ld));
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++)
            a[ta == 'N' ? i * ld + l : l * ld + i] = (float)((i * 31 + l * 17) % 101) / 50 - 1;
    for (size_t j = 0; j < n; j++)
        for (size_t l = 0; l < k; l++)
            b[tb == 'N' ? l * ld + j : j * ld + l] = (float)((j * 13 + l * 29) % 103) / 50 - 1;
    for (size_t i = 0; i < m * (n + 3); i++) c[i] = (float)(i % 7);
    MUST(cpu__gemm(d, &(cpu_product){.ta = ta,
                                     .tb = tb,
                                     .m = m,
                                     .n = n,
                                     .k = k,
                                     .a = a,
                                     .lda = ld,
                                     .b = b,
                                     .ldb = ld,
                                     .beta = beta,
                                     .c = c,
                                     .ldc = n + 3}));
    mem_free(a);
    mem_free(b);
}

/* Rows that are a multiple of 2 KiB apart are copied, a part of the sum at a time. */
CleanTest(cpu, products_have_the_same_bits_however_far_apart_rows_lie) {
    enum { M = 300, N = 100 };
    static float far[M * (N + 3)], near[M * (N + 3)];
    static const size_t sizes[][3] = {
        {M, N, 40}, {40, N, 767}, {20, 50, 1535}, {20, 50, 1536}, {40, 20, 2600}};
    device d;
    MUST(device_open_named(&d, "cpu", NULL));
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes * 8; at++) {
        const size_t *size = sizes[at / 8];
        char ta = at & 1 ? 'T' : 'N', tb = at & 2 ? 'T' : 'N';
        float beta = at & 4 ? 1.0f : 0.0f;
        size_t most = ta == 'N' || tb == 'T' ? size[2] : 0;
        size_t ld = (most > M ? most : M) / 512 * 512 + 512;
        multiply_apart(far, &d, ta, tb, size, ld, beta);
        multiply_apart(near, &d, ta, tb, size, ld + 8, beta);
        size_t count = size[0] * (size[1] + 3);
        cr_expect_eq(memcmp(far, near, count * sizeof *far), 0, "%c%c %zux%zux%zu beta %g", ta, tb,
                     size[0], size[1], size[2], (double)beta);
        for (size_t i = 0; i < count; i++) {
            size_t row = i / (size[1] + 3), column = i % (size[1] + 3);
            double before = (double)(i % 7);
            double wanted = column < size[1]
                                ? true_element(row, column, size[2], before, (double)beta)
                                : before;
            cr_assert_float_eq((double)far[i], wanted, 1e-3, "%c%c %zux%zux%zu (%zu, %zu)", ta, tb,
                               size[0], size[1], size[2], row, column);
        }
    }
    device_close(&d);
}

static void halve_least(void *context, size_t item, float *workspace) {
    (void)workspace;
    volatile float *numbers = context; // the processor computes, not the compiler
    numbers[item] = numbers[item] * 0.5f;
}

Test(cpu, subnormals_are_zero_in_work_and_numbers_after_it) {
    device d;
    cr_assert_eq(device_open_named(&d, "cpu", NULL), ERR_OK, "%s", err_message(ERR_DEVICE));
    // the least normal number halved, and a subnormal that is read
    volatile float numbers[2] = {0x1p-126f, 0x1p-128f}, after = 0x1p-126f;
    cpu__for(&d, 2, halve_least, (void *)(uintptr_t)numbers);
    cr_expect(numbers[0] == 0 && numbers[1] == 0);
    after = after * 0.5f;
    cr_expect(after > 0);
    device_close(&d);
}

Test(cpu, isa_that_is_not_here_is_refused) {
    device d;
    setenv("HARNESS_ISA", "avx1024", 1);
    cr_assert_eq(device_open_named(&d, "cpu", NULL), ERR_USAGE);
    cr_assert_not_null(
        strstr(err_message(ERR_USAGE), "HARNESS_ISA is 'avx1024'; this processor runs "));
    cr_expect_not_null(strstr(err_message(ERR_USAGE), "baseline"));
    unsetenv("HARNESS_ISA");
}
#endif
