/* Bytes that ops move, and the device's own rates on a large product and a large copy. */
#include "base/log.h"
#include "base/memory.h"
#include "train/bench.h"

#include <stdlib.h>

/* Reals moved by ops over rows; u32 lists are left out: they are small beside the rows. */
static double reals_moved(const op *o, const step_info *step, uint32_t micro) {
#define SIZE(d) ((double)dim_value((d), step, micro))
#define GIVEN(s) (span_given(s) ? 1.0 : 0.0)
    switch (o->kind) {
    case OP_fill: return SIZE(o->as.fill.rows) * o->as.fill.cols;
    case OP_embed_fwd: return 4.0 * SIZE(o->as.embed_fwd.rows) * o->as.embed_fwd.hidden;
    case OP_rows_sum:
        return (SIZE(o->as.rows_sum.items_max) + 2.0 * SIZE(o->as.rows_sum.lists)) *
               o->as.rows_sum.hidden;
    case OP_layernorm_fwd: {
        const struct layernorm_fwd *a = &o->as.layernorm_fwd;
        return SIZE(a->rows) * a->hidden * (2.0 + GIVEN(a->residual) + GIVEN(a->sum));
    }
    case OP_layernorm_bwd: {
        const struct layernorm_bwd *a = &o->as.layernorm_bwd;
        return SIZE(a->rows) * a->hidden * (3.0 + GIVEN(a->dx));
    }
    case OP_linear_fwd: {
        const struct linear_fwd *a = &o->as.linear_fwd;
        double m = SIZE(a->rows);
        return m * a->k + (double)a->n * a->k + m * a->n * (1.0 + GIVEN(a->pre));
    }
    case OP_linear_dx: {
        const struct linear_dx *a = &o->as.linear_dx;
        double m = SIZE(a->rows);
        return m * a->n + (double)a->n * a->k + m * a->k * (1.0 + GIVEN(a->pre) + GIVEN(a->add));
    }
    case OP_linear_dw: {
        const struct linear_dw *a = &o->as.linear_dw;
        double m = SIZE(a->rows);
        return m * a->n + m * a->k + 2.0 * a->n * a->k;
    }
    case OP_attention_fwd: {
        const struct attention_fwd *a = &o->as.attention_fwd;
        return SIZE(a->tokens) * a->heads * (4.0 * a->head_size + 1.0);
    }
    case OP_attention_bwd: {
        const struct attention_bwd *a = &o->as.attention_bwd;
        return SIZE(a->tokens) * a->heads * (8.0 * a->head_size + 1.0);
    }
    case OP_cls_attention_fwd: {
        const struct cls_attention_fwd *a = &o->as.cls_attention_fwd;
        return 2.0 * (SIZE(a->tokens) + SIZE(a->rows)) * a->heads * a->head_size;
    }
    case OP_cls_attention_bwd: {
        const struct cls_attention_bwd *a = &o->as.cls_attention_bwd;
        return (4.0 * SIZE(a->tokens) + 3.0 * SIZE(a->rows)) * a->heads * a->head_size;
    }
    case OP_gather_rows: return 2.0 * SIZE(o->as.gather_rows.rows) * o->as.gather_rows.hidden;
    case OP_scatter_rows:
        return (SIZE(o->as.scatter_rows.rows) + SIZE(o->as.scatter_rows.tokens)) *
               o->as.scatter_rows.hidden;
    case OP_dropout: return 2.0 * SIZE(o->as.dropout.rows) * o->as.dropout.hidden;
    case OP_tanh_bwd: return 3.0 * SIZE(o->as.tanh_bwd.rows) * o->as.tanh_bwd.cols;
    case OP_cross_entropy:
        return (1.0 + GIVEN(o->as.cross_entropy.dlogits)) * SIZE(o->as.cross_entropy.rows) *
               o->as.cross_entropy.classes;
    case OP_grad_norm: {
        double n = 0;
        for (uint32_t i = 0; i < o->as.grad_norm.part_count; i++)
            n += SIZE(o->as.grad_norm.parts[i].rows) * o->as.grad_norm.parts[i].cols;
        return n;
    }
    case OP_adamw: return 7.0 * o->as.adamw.count;
    case OP_adamw_rows:
        return SIZE(o->as.adamw_rows.rows) * o->as.adamw_rows.hidden *
               (6.0 + GIVEN(o->as.adamw_rows.g));
    case OP_checksum: return o->as.checksum.count;
    case OP_COUNT: break;
    }
#undef SIZE
#undef GIVEN
    return 0;
}

double bench_op_bytes(const op *o, const step_info *step, uint32_t micro, size_t real_bytes) {
    return reals_moved(o, step, micro) * (double)real_bytes;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bench_spread bench_spread_of(double *samples, size_t count) {
    if (!count) return (bench_spread){0};
    qsort(samples, count, sizeof *samples, by_value);
    size_t last = count - 1;
    double middle =
        count % 2 ? samples[count / 2] : (samples[count / 2 - 1] + samples[count / 2]) / 2;
    return (bench_spread){middle, samples[last / 10], samples[last - last / 10]};
}

/* --- the device's own rates ----------------------------------------------------------------------
 */

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

err bench_peak(double *gflops, double *gbytes, uint32_t *size, device *d) {
    double seconds = 0;
    err e = ERR_OK;
    uint32_t n = *size ? *size : PEAK_FIRST;
    for (;; n *= 2) {
        if ((e = time_product(&seconds, d, n))) return e;
        bool enough = seconds > PEAK_SECONDS || d->info.kind == DEVICE_REFERENCE;
        if (*size || enough || n >= PEAK_LAST) break;
    }
    *size = n;
    *gflops = 2.0 * n * n * n / seconds / 1e9;
    // 128 MiB each, or what one binding may hold; the reference walks element by element
    size_t bytes = (size_t)1 << (d->info.kind == DEVICE_REFERENCE ? 22 : 27);
    size_t most = d->info.max_binding_bytes;
    if (most && bytes > most) bytes = most;
    uint32_t rows = (uint32_t)(bytes / elem_bytes(d->real) / COPY_COLS);
    if ((e = time_copy(&seconds, d, rows))) return e;
    *gbytes = 2.0 * rows * COPY_COLS * (double)elem_bytes(d->real) / seconds / 1e9;
    return ERR_OK;
}
