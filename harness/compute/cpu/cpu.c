#include "compute/cpu/cpu_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "platform/host_memory.h"
#include "platform/processor.h"

#include <omp.h>
#if !HARNESS_PLAIN_GEMM
#include <oneapi/dnnl/dnnl.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static const op_function functions[OP_COUNT] = {
#define OP(name) [OP_##name] = cpu__##name,
#include "compute/ops.def"
#undef OP
};

enum {
    GROWTH = 65 * 64
}; // floats: a step that is a little longer than any before takes no new block

// Subnormals are flushed on input and output: decaying moments would make AdamW's replay 20 times
// slower.
static uint64_t flush_begin(void) {
    uint64_t before = 0;
#if defined(__x86_64__)
    before = _mm_getcsr();
    _mm_setcsr((uint32_t)before | 0x8040u);
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | 1u << 24));
#endif
    return before;
}

static void flush_end(uint64_t before) {
#if defined(__x86_64__)
    _mm_setcsr((uint32_t)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

void cpu__for(device *d, size_t items, cpu_work *work, void *context) {
    cpu_device *c = d->impl;
    if (!items) return;
        // even one item runs in a region: the setting below is the region's, and oneDNN must see it
#pragma omp parallel num_threads(items < c->threads ? (int)items : (int)c->threads)
    {
        uint64_t before = flush_begin();
        omp_set_num_threads(1);
        size_t thread = (size_t)omp_get_thread_num();
        float *workspace = c->workspace + thread * c->workspace_count;
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < items; i++) work(context, i, workspace);
        flush_end(before);
    }
}

void cpu__alone(size_t items, cpu_work *work, void *context) {
    uint64_t before = flush_begin();
    for (size_t i = 0; i < items; i++) work(context, i, NULL);
    flush_end(before);
}

typedef struct op_items {
    cpu_job job;
    cpu_item *run;
} op_items;

static void run_item(void *context, size_t item, float *workspace) {
    const op_items *i = context;
    cpu_job job = i->job;
    job.workspace = workspace;
    i->run(&job, item);
}

err cpu__items(const op_call *call, const op *o, size_t items, cpu_item *run) {
    const cpu_device *c = call->device->impl;
    op_items i = {{.call = call, .o = o, .kernels = c->kernels, .shared = c->shared}, run};
    cpu__for(call->device, items, run_item, &i);
    return ERR_OK;
}

/* Makes a block of `times` pieces longer when they have less than `count` floats each. */
static err grow(float **block, size_t *have, size_t count, size_t times) {
    float *longer = NULL;
    if (count <= *have) return ERR_OK;
    count = (count + GROWTH - 1) / GROWTH * GROWTH;
    err e = mem_aligned((void **)&longer, count * times * sizeof *longer, 64);
    if (e) return e;
    mem_free(*block);
    *block = longer;
    *have = count;
    return ERR_OK;
}

err cpu__workspace(device *d, size_t count) {
    cpu_device *c = d->impl;
    return grow(&c->workspace, &c->workspace_count, count, c->threads);
}

err cpu__shared(float **out, device *d, size_t count) {
    cpu_device *c = d->impl;
    err e = grow(&c->shared, &c->shared_count, count, 1);
    *out = c->shared;
    return e;
}

cpu_dropout cpu__dropout_of(const op_call *call, dropout_spec spec, uint32_t position,
                            uint32_t ordinal) {
    return (cpu_dropout){.position = position,
                         .ordinal = ordinal,
                         .step = call->step->step,
                         .seed = call->step->seed,
                         .site = spec.site,
                         .threshold = dropout_threshold(spec.p),
                         .scale = 1.0f / (1.0f - spec.p)};
}

enum { LARGE_BYTES = 16 << 20 }; // blocks of which it is asked first whether they can be had

static void close_device(device *d) {
    cpu_device *c = d->impl;
    if (!c) return;
    mem_free(c->workspace);
    mem_free(c->shared);
    cpu__weights_drop(&c->weights, NULL, 0);
    cpu__matmuls_close(c->matmuls);
    mem_free(c);
    d->impl = NULL;
}

/* Memory is promised freely and a process that then touches it is killed: ask first. */
static err has_room(device *d, uint64_t device_bytes, uint64_t host_bytes, const char *what) {
    uint64_t need = device_bytes + host_bytes, left = host_memory_available();
    if (!left || need <= left) return ERR_OK;
    return err_set(ERR_DEVICE, "%s lacks memory: %s takes %llu MiB, %s of %s are available",
                   d->info.name, what, (unsigned long long)(need >> 20) + 1, SHOWN_MEMORY(left),
                   SHOWN_MEMORY(d->info.memory_bytes));
}

static err buffer_init(device *d, buffer *b, size_t bytes, bool host_visible) {
    (void)host_visible;
    err e = bytes < LARGE_BYTES ? ERR_OK : has_room(d, bytes, 0, "one more block");
    if (e || !(e = mem_aligned(&b->mapped, bytes, SPAN_ALIGN))) return e;
    return err_set(ERR_DEVICE, "%s: %zu bytes asked for, the host has %llu in all", d->info.name,
                   bytes, (unsigned long long)d->info.memory_bytes);
}

static void buffer_free(buffer *b) {
    cpu_device *c = b->device->impl;
    cpu__weights_drop(&c->weights, b->mapped, b->bytes);
    mem_free(b->mapped);
    b->mapped = NULL;
}

static err submit(plan *p, const step_info *step) {
    return plan_walk_host(p, step, functions);
}

static const device_vtable vtable = {
    .close = close_device,
    .buffer_init = buffer_init,
    .buffer_free = buffer_free,
    .has_room = has_room,
    .submit = submit, // which has done the work when it returns
    .square_sums = cpu__square_sums,
};

/* The tables that this processor runs, best first; returns how many. */
enum { TABLES_MAX = 3 };
static size_t tables_here(const cpu_kernels *out[TABLES_MAX]) {
    size_t count = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        out[count++] = &cpu__kernels_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        out[count++] = &cpu__kernels_avx2;
#elif defined(__aarch64__)
    out[count++] = &cpu__kernels_neon;
#endif
    out[count++] = &cpu__kernels_baseline;
    return count;
}

typedef struct instructions {
    const cpu_kernels *kernels;
    cpu_bf16_way best, way; /* for bf16: what the processor has, and what is used */
} instructions;

/* Intel's cores take four times as long for a vector of AVX512-BF16 as for one of f32, which holds
 * half as many products (measured on Emerald Rapids); Zen 4's and 5's take as long. */
static cpu_bf16_way fastest(cpu_bf16_way best) {
#if defined(__x86_64__)
    if (best == BF16_AVX512 && __builtin_cpu_is("intel")) return BF16_IN_F32;
#endif
    return best;
}

// HARNESS_ISA asks for less than the best: to compare instruction sets on one machine.
static err choose(instructions *out) {
    const char *wanted = getenv("HARNESS_ISA");
    const cpu_kernels *tables[TABLES_MAX];
    size_t count = tables_here(tables);
    char known[96] = "";
    *out = (instructions){.kernels = tables[0]};
#if defined(__x86_64__)
    bool is_held = wanted && !strcmp(wanted, "avx512_bf16");
    if (tables[0] == &cpu__kernels_avx512)
        out->best = cpu__bf16_best(is_held ? BF16_AVX512 : BF16_AMX);
#endif
    out->way = fastest(out->best);
    if (!wanted || !*wanted) return ERR_OK;
    cpu_bf16_way best = out->best;
    out->way = !strcmp(wanted, "amx") ? BF16_AMX : BF16_AVX512;
    if ((!strcmp(wanted, "amx") || !strcmp(wanted, "avx512_bf16")) && out->way <= best)
        return ERR_OK;
    out->best = out->way = BF16_IN_F32;
    for (size_t i = 0, at = 0; i < count; i++) {
        out->kernels = tables[i];
        if (!strcmp(wanted, tables[i]->isa)) return ERR_OK;
        at +=
            (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", tables[i]->isa);
    }
    return err_set(ERR_USAGE, "HARNESS_ISA is '%s'; this processor runs %s%s%s", wanted, known,
                   best >= BF16_AVX512 ? ", avx512_bf16" : "", best >= BF16_AMX ? ", amx" : "");
}

static const char *lacking(const instructions *i) {
    if (i->best == BF16_IN_F32) return "AMX-BF16 or AVX512-BF16";
    return fastest(i->way) != BF16_IN_F32
               ? ""
               : "AMX-BF16 (Intel's AVX512-BF16 alone has half the rate of f32)";
}

void cpu_info(device_info *info, uint32_t threads) {
    memset(info, 0, sizeof *info);
    info->kind = DEVICE_CPU;
    info->class = CLASS_NATIVE_CPU;
    processor_name(info->name, sizeof info->name);
    snprintf(info->driver, sizeof info->driver, "native");
    snprintf(info->version, sizeof info->version, "gcc %s", __VERSION__);
    instructions i;
    if (choose(&i)) { // cpu_open reports it
        snprintf(info->fault, sizeof info->fault, "%s", err_message(ERR_USAGE));
        err_clear();
    }
    info->has_bf16 = i.best != BF16_IN_F32;
    snprintf(info->bf16_lacks, sizeof info->bf16_lacks, "%s", lacking(&i));
    snprintf(info->isa, sizeof info->isa, "%s", i.kernels->isa);
#if HARNESS_PLAIN_GEMM
    snprintf(info->libraries, sizeof info->libraries, "no oneDNN");
#else
    const dnnl_version_t *v = dnnl_version();
    snprintf(info->libraries, sizeof info->libraries, "oneDNN %d.%d.%d", v->major, v->minor,
             v->patch);
#endif
    snprintf(info->kernels, sizeof info->kernels, "cpu");
    // omp_get_num_procs counts the processors of this process's affinity mask
    info->threads = threads ? threads : (uint32_t)omp_get_num_procs();
    info->memory_bytes = host_memory_total();
    info->max_buffer_bytes = info->memory_bytes;
    info->max_binding_bytes = info->memory_bytes;
}

/* Precision bf16, as far as it differs from fp32. */
static err open_bf16(device *d, cpu_bf16_way way) {
    static const char *const names[] = {"bf16 rounded in f32", "bf16 by AVX512-BF16",
                                        "bf16 by AMX-BF16"};
    cpu_device *c = d->impl;
    snprintf(d->info.kernels, sizeof d->info.kernels, "cpu, %s", names[way]);
    if (*d->info.bf16_lacks)
        log_note("%s: precision bf16 is slower than fp32 here; missing: %s", d->info.name,
                 d->info.bf16_lacks);
    return way == BF16_IN_F32 ? ERR_OK : cpu__matmuls_open(&c->matmuls, way);
}

err cpu_open(device *d) {
    cpu_device *c = NULL;
    instructions chosen;
    err e = choose(&chosen);
    if (e || (e = cpu__gemm_ready()) || (e = mem_new(&c, 1))) return e;
    uint32_t index = d->info.index;
    cpu_info(&d->info, d->options.threads);
    d->info.index = index;
    c->threads = d->info.threads;
    c->kernels = chosen.kernels;
    d->impl = c;
    d->vtable = &vtable;
    d->real = ELEM_F32;
    // attention takes whole sentences: one entry each, whatever their length
    d->tile_rows = 1u << 20;
    if (d->options.precision != PRECISION_BF16 || !(e = open_bf16(d, chosen.way))) return ERR_OK;
    close_device(d);
    d->vtable = NULL;
    return e;
}
