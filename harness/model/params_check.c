/* Checksums of the parameters: a copy that a device or its driver damages is found, instead of a
 * score that is wrong. */
#include "base/hash.h"
#include "base/memory.h"
#include "compute/plan.h"
#include "model/params.h"

#include <string.h>

/* Checksum of values that are elements `first` and on of a tensor, as ops.h defines it. */
static uint32_t checksum(const float *values, size_t first, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        sum += bits * (2 * (uint32_t)(first + i) + 1);
    }
    return sum;
}

err params_write(param *p, const float *values, size_t first, size_t count) {
    p->written = (first ? p->written : 0) + checksum(values, first, count);
    return device_write_f32(span_part(p->p, first, count), values, count);
}

enum { SUMS_AT_ONCE = 512 }; /* bounds the memory for a model of thousands of layers */

/* One op a parameter, in one submission. lanes: (count, CHECKSUM_LANES). */
static err run_plan(plan *p, const params *ps, size_t first, size_t count, span lanes) {
    const step_info step = {.slot = 0};
    err e = ERR_OK;
    plan_part_begin(p, PART_BEGIN);
    for (size_t i = 0; i < count; i++) {
        const param *one = &ps->list[first + i];
        struct checksum args = {.out = span_part(lanes, i * CHECKSUM_LANES, CHECKSUM_LANES),
                                .x = one->p,
                                .count = (uint32_t)one->count};
        if ((e = op_checksum(p, &args))) return e;
    }
    if ((e = plan_ready(p)) || (e = plan_submit(p, &step))) return e;
    return plan_wait(p, step.slot);
}

static err sum_some(uint32_t *sums, const params *ps, size_t first, size_t some) {
    size_t count = some * CHECKSUM_LANES;
    uint32_t *words = NULL;
    span lanes = {0};
    arena memory;
    plan p;
    arena_init(&memory, ps->device, 1, true);
    plan_init(&p, ps->device);
    err e = mem_new(&words, count);
    if (e || (e = arena_take(&memory, &lanes, count, ELEM_U32))) goto done;
    if ((e = run_plan(&p, ps, first, some, lanes))) goto done;
    if ((e = device_read_u32(words, lanes, count))) goto done;
    for (size_t i = 0; i < some; i++) {
        sums[first + i] = 0;
        for (size_t k = 0; k < CHECKSUM_LANES; k++)
            sums[first + i] += words[i * CHECKSUM_LANES + k];
    }
done:
    plan_free(&p);
    arena_free(&memory);
    mem_free(words);
    return e;
}

err params_sums(uint32_t *sums, const params *ps) {
    err e = ERR_OK;
    for (size_t first = 0; !e && first < ps->count; first += SUMS_AT_ONCE) {
        size_t left = ps->count - first;
        e = sum_some(sums, ps, first, left < SUMS_AT_ONCE ? left : SUMS_AT_ONCE);
    }
    return e;
}

static err differs(const params *ps, const param *p, uint32_t there, uint32_t here,
                   const char *what) {
    char label[PARAM_NAME_BYTES];
    param_label(p, label);
    return err_set(ERR_DEVICE,
                   "%s: tensor %s has checksum %08x on the device, but %08x in what the host %s: "
                   "the device or its driver damages data",
                   ps->device->info.name, label, there, here, what);
}

err params_check(const params *ps, const bool *only) {
    uint32_t *sums = NULL;
    err e = mem_new(&sums, ps->count);
    if (!e) e = params_sums(sums, ps);
    for (size_t i = 0; !e && i < ps->count; i++) {
        const param *p = &ps->list[i];
        if ((only && !only[i]) || sums[i] == p->written) continue;
        e = differs(ps, p, sums[i], p->written, "wrote");
    }
    mem_free(sums);
    return e;
}

err params_read(float *values, const params *ps, size_t i, const uint32_t *sums) {
    const param *p = &ps->list[i];
    err e = device_read_f32(values, p->p, p->count);
    if (e) return e;
    uint32_t sum = checksum(values, 0, p->count);
    return sum == sums[i] ? ERR_OK : differs(ps, p, sums[i], sum, "read");
}

err params_digest(const params *ps, char hex[65]) {
    float *values = NULL;
    uint32_t *sums = NULL;
    sha256 hash;
    err e = mem_new(&values, ps->largest);
    if (!e) e = mem_new(&sums, ps->count);
    if (!e) e = params_sums(sums, ps);
    sha256_begin(&hash);
    for (size_t i = 0; !e && i < ps->count; i++) {
        e = params_read(values, ps, i, sums);
        if (!e) sha256_add(&hash, values, ps->list[i].count * sizeof *values);
    }
    sha256_end_hex(&hash, hex);
    mem_free(sums);
    mem_free(values);
    return e;
}
