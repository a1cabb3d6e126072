/* The device's own rates on a large product and a large copy. */
#include "base/log.h"
#include "bench/bench.h"

enum { PEAK_ROUNDS = 3, PEAK_FIRST = 512, PEAK_LAST = 8192, COPY_COLS = 1024 };

/* A product that takes this long is large enough to be timed. */
static const double PEAK_SECONDS = 0.05;

/* Seconds of the fastest of some submissions of a plan with one op, after one to warm up. */
static err fastest(double *seconds, plan *p) {
    micro_sizes sizes = {.tokens = 1, .sentences = 1, .tiles = 1};
    step_info step = {.step = 1, .loss_scale = 1, .micro_count = 1, .micros = &sizes};
    *seconds = 0;
    for (int i = 0; i <= PEAK_ROUNDS; i++) {
        double begin = clock_seconds();
        err e = plan_submit(p, &step);
        if (e || (e = plan_wait(p, 0))) return e;
        double spent = clock_seconds() - begin;
        if (i && (i == 1 || spent < *seconds)) *seconds = spent;
    }
    return ERR_OK;
}

static err time_product(double *seconds, device *d, uint32_t size) {
    plan p;
    arena a;
    struct linear_fwd args = {.rows = dim_fixed(size), .n = size, .k = size};
    span *const spans[] = {&args.y, &args.x, &args.weight};
    err e = ERR_OK;
    plan_init(&p, d);
    arena_init(&a, d, 1, false);
    plan_part_begin(&p, PART_MICRO);
    for (size_t i = 0; i < 3; i++)
        if ((e = arena_take(&a, spans[i], (size_t)size * size, d->real))) goto done;
    if ((e = op_linear_fwd(&p, &args)) || (e = plan_ready(&p))) goto done;
    e = fastest(seconds, &p);
done:
    plan_free(&p);
    arena_free(&a);
    return e;
}

/* A copy: dropout that drops nothing. */
static err time_copy(double *seconds, device *d, uint32_t rows) {
    plan p;
    arena a;
    struct dropout args = {.rows = dim_fixed(rows), .hidden = COPY_COLS};
    err e = ERR_OK;
    plan_init(&p, d);
    arena_init(&a, d, 1, false);
    plan_part_begin(&p, PART_MICRO);
    if ((e = arena_take(&a, &args.x, (size_t)rows * COPY_COLS, d->real))) goto done;
    if ((e = arena_take(&a, &args.y, (size_t)rows * COPY_COLS, d->real))) goto done;
    if ((e = arena_take(&a, &args.ordinals, rows, ELEM_U32))) goto done;
    if ((e = op_dropout(&p, &args)) || (e = plan_ready(&p))) goto done;
    e = fastest(seconds, &p);
done:
    plan_free(&p);
    arena_free(&a);
    return e;
}

/* Bytes of an operand: what a kernel may bind and one allocation may hold, 0 where nothing says so. */
static bool fits(const device *d, uint64_t bytes) {
    const device_info *i = &d->info;
    return (!i->max_binding_bytes || bytes <= i->max_binding_bytes) &&
           (!i->max_buffer_bytes || bytes <= i->max_buffer_bytes);
}

err bench_peak(double *gflops, double *gbytes, uint32_t *size, device *d) {
    double seconds = 0;
    err e = ERR_OK;
    uint32_t n = *size ? *size : PEAK_FIRST;
    for (;; n *= 2) {
        if ((e = time_product(&seconds, d, n))) return e;
        bool grows = n < PEAK_LAST && fits(d, (uint64_t)4 * n * n * elem_bytes(d->real));
        bool enough = seconds > PEAK_SECONDS || d->info.kind == DEVICE_REFERENCE;
        if (*size || enough || !grows) break;
    }
    *size = n;
    *gflops = 2.0 * n * n * n / seconds / 1e9;
    // 128 MiB each, or what fits; the reference walks element by element
    size_t bytes = (size_t)1 << (d->info.kind == DEVICE_REFERENCE ? 22 : 27);
    while (!fits(d, bytes)) bytes /= 2;
    uint32_t rows = (uint32_t)(bytes / elem_bytes(d->real) / COPY_COLS);
    if ((e = time_copy(&seconds, d, rows))) return e;
    *gbytes = 2.0 * rows * COPY_COLS * (double)elem_bytes(d->real) / seconds / 1e9;
    return ERR_OK;
}
