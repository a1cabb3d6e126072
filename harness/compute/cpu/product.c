/* Products of factors in bf16, where the processor has no fast instruction for them.
 *
 * Both factors are rounded and stay in f32, where their products are exact: cpu__gemm then sums what
 * an instruction for bf16 would, as fast as in fp32 on every processor. Weights are rounded once
 * until they change, all else for each product. */
#include "base/memory.h"
#include "compute/cpu/cpu_internal.h"

enum { ROUND_BLOCK = 16384 };

typedef struct rounding {
    const cpu_kernels *kernels;
    float *to;
    const float *from;
    size_t count;
} rounding;

static void round_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const rounding *r = context;
    size_t first = item * ROUND_BLOCK, left = r->count - first;
    r->kernels->round_bf16(r->to + first, r->from + first, left < ROUND_BLOCK ? left : ROUND_BLOCK);
}

static void round_all(device *d, float *to, const float *from, size_t count) {
    rounding r = {((const cpu_device *)d->impl)->kernels, to, from, count};
    cpu__for(d, cpu__parts(count, ROUND_BLOCK), round_item, &r);
}

static bool is_same(const cpu_weight *a, const cpu_weight *b) {
    return a->from == b->from && a->n == b->n && a->k == b->k &&
           a->is_transposed == b->is_transposed && a->is_packed == b->is_packed;
}

err cpu__weight_find(cpu_weight **out, bool *is_old, device *d, const cpu_weight *wanted,
                     size_t bytes) {
    cpu_weights *w = &((cpu_device *)d->impl)->weights;
    size_t at = 0;
    while (at < w->count && !is_same(&w->list[at], wanted)) at++;
    if (at == w->count) {
        cpu_weight fresh = *wanted;
        err e = mem_grow((void **)&w->list, &w->capacity, w->count + 1, sizeof *w->list);
        if (e || (e = mem_aligned(&fresh.copy, bytes, 64))) return e;
        w->list[w->count++] = fresh;
    }
    *out = &w->list[at];
    // a device's generation is 1 at least: it has memory
    *is_old = (*out)->generation != d->generation;
    (*out)->generation = d->generation;
    return ERR_OK;
}

static err rounded_weight(const float **out, device *d, const float *from, size_t count) {
    cpu_weight *w;
    bool is_old;
    err e = cpu__weight_find(&w, &is_old, d, &(cpu_weight){.from = from, .n = count, .k = 1},
                             count * sizeof *from);
    if (e) return e;
    *out = w->copy;
    if (is_old) round_all(d, w->copy, from, count);
    return ERR_OK;
}

void cpu__weights_drop(cpu_weights *w, const void *from, size_t bytes) {
    const char *begin = from;
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++) {
        const char *at = (const char *)w->list[i].from;
        if (!from || (at >= begin && at < begin + bytes))
            mem_free(w->list[i].copy);
        else
            w->list[kept++] = w->list[i];
    }
    w->count = kept;
    if (kept) return;
    mem_free(w->list);
    *w = (cpu_weights){0};
}

err cpu__product(device *d, const cpu_product *p) {
    if (d->options.precision != PRECISION_BF16) return cpu__gemm(d, p);
#if !HARNESS_PLAIN_GEMM
    if (((const cpu_device *)d->impl)->matmuls) return cpu__product_packed(d, p);
#endif
    cpu_product rounded = *p;
    size_t a_count = (p->ta == 'N' ? p->m : p->k) * p->lda;
    size_t b_count = (p->tb == 'N' ? p->k : p->n) * p->ldb;
    float *shared;
    err e = cpu__shared(&shared, d, a_count + (p->is_weight ? 0 : b_count));
    if (!e && p->is_weight) e = rounded_weight(&rounded.b, d, p->b, b_count);
    if (e) return e;
    round_all(d, shared, p->a, a_count);
    rounded.a = shared;
    if (!p->is_weight) {
        round_all(d, shared + a_count, p->b, b_count);
        rounded.b = shared + a_count;
    }
    return cpu__gemm(d, &rounded);
}
