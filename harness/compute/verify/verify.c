#include "compute/verify/verify.h"

#include "base/memory.h"
#include "compute/verify/verify_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Memory of one operand on one device: guard, then each region with a guard behind it. */
enum { GUARD = 64, SEED = 42 };
#define GUARD_WORD 0x7fc5a5a5u /* a quiet NaN: an output that is not written is seen as one */

typedef struct side {
    device *device;
    arena memory;
    span whole[OPERANDS_MAX]; /* with guards */
    op o;
} side;

static float guard_value(void) {
    float f;
    uint32_t bits = GUARD_WORD;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

// Elements from one region's start to the next: a multiple of 64 keeps every type aligned.
static size_t region_stride(const trial_operand *w) {
    return (w->count + 63) / 64 * 64 + GUARD;
}

static size_t whole_count(const trial_operand *w) {
    return GUARD + w->regions * region_stride(w);
}

/* What an operand's whole memory starts as, in values (reals) or words. */
static void initial(const trial *t, const trial_operand *w, uint32_t tile, float *values,
                    uint32_t *words) {
    size_t stride = region_stride(w);
    for (size_t i = 0; i < whole_count(w); i++)
        if (w->is_real)
            values[i] = guard_value();
        else
            words[i] = GUARD_WORD;
    for (uint32_t r = 0; r < w->regions; r++) {
        size_t at = GUARD + r * stride;
        if (!w->is_real && w->access != ACCESS_WRITE) {
            memset(words + at, 0, w->count * sizeof *words);
            verify__words(t, w->name, r / MICROS_MAX, r % MICROS_MAX, tile, words + at, w->count);
        } else if (w->values) {
            memcpy(values + at, w->values + r * w->count, w->count * sizeof *values);
        }
    }
}

static err upload_operand(side *s, const trial *t, size_t i) {
    const trial_operand *w = &t->operands[i];
    size_t count = whole_count(w);
    float *values = NULL;
    uint32_t *words = NULL;
    err e = arena_take(&s->memory, &s->whole[i], count, w->is_real ? s->device->real : ELEM_U32);
    if (e || (e = mem_new(&values, count)) || (e = mem_new(&words, count))) goto done;
    initial(t, w, s->device->tile_rows, values, words);
    e = w->is_real ? device_write_f32(s->whole[i], values, count)
                   : device_write_u32(s->whole[i], words, count);
done:
    mem_free(values);
    mem_free(words);
    return e;
}

static span region_span(const side *s, const trial *t, size_t i) {
    const trial_operand *w = &t->operands[i];
    span at = span_part(s->whole[i], GUARD, w->count);
    if (w->is_strided) {
        at.micro_stride = region_stride(w) * elem_bytes(at.type);
        at.slot_stride = at.micro_stride * MICROS_MAX;
    }
    return at;
}

static err side_load(side *s, const trial *t) {
    operand list[OPERANDS_MAX];
    s->o = t->o;
    size_t count = op_operands(&s->o, list);
    for (size_t i = 0; i < count; i++) {
        if (!t->operands[i].is_given || t->operands[i].same_as >= 0) continue;
        err e = upload_operand(s, t, i);
        if (e) return e;
        *list[i].at = region_span(s, t, i);
    }
    for (size_t i = 0; i < count; i++) {
        int other = t->operands[i].same_as;
        if (other >= 0) *list[i].at = region_span(s, t, (size_t)other);
    }
    return ERR_OK;
}

/* No op finds zeros in its scratch: what it reads there it wrote before. */
static err spoil_scratch(const plan *p) {
    float *values = NULL;
    size_t count = p->scratch.count;
    if (!span_given(p->scratch)) return ERR_OK;
    err e = mem_new(&values, count);
    for (size_t i = 0; !e && i < count; i++) values[i] = NAN;
    if (!e) e = device_write_f32(p->scratch, values, count);
    mem_free(values);
    return e;
}

static err side_run(side *s, const trial *t) {
    micro_sizes sizes[SLOT_COUNT][MICROS_MAX];
    plan p;
    plan_init(&p, s->device);
    plan_part_begin(&p, t->part);
    err e;
    if ((e = side_load(s, t)) || (e = verify__append(&p, &s->o)) || (e = plan_ready(&p)) ||
        (e = spoil_scratch(&p)))
        goto done;
    // both slots are submitted before either is waited for
    for (uint32_t i = 0; i < t->slot_count; i++) {
        uint32_t slot = t->first_slot + i;
        for (uint32_t m = 0; m < t->micro_count; m++)
            sizes[slot][m] = verify__sizes(t, slot, m, s->device->tile_rows);
        step_info step = {.slot = slot,
                          .step = t->step + i,
                          .seed = SEED,
                          .step_rows = t->step_rows[slot],
                          .loss_scale = 0.125f,
                          .micro_count = t->micro_count,
                          .micros = sizes[slot]};
        if ((e = plan_submit(&p, &step))) goto done;
    }
    for (uint32_t i = 0; i < t->slot_count; i++)
        if ((e = plan_wait(&p, t->first_slot + i))) goto done;
done:
    plan_free(&p);
    return e;
}

static void fail(verify_run *run, const trial *t, const char *operand_name, const char *format,
                 double a, double b, size_t at) {
    char what[96];
    run->out->failed++;
    if (run->out->failure[0]) return;
    snprintf(what, sizeof what, format, at, a, b);
    snprintf(run->out->failure, sizeof run->out->failure, "%s: %s: %s", t->name, operand_name,
             what);
}

static bool guards_hold(const trial_operand *w, const float *got, size_t *at) {
    size_t stride = region_stride(w);
    for (size_t i = 0; i < whole_count(w); i++) {
        bool inside =
            i >= GUARD && (i - GUARD) / stride < w->regions && (i - GUARD) % stride < w->count;
        if (!inside && bits_of(got[i]) != GUARD_WORD) {
            *at = i;
            return false;
        }
    }
    return true;
}

typedef struct error_sum {
    double nmse, element;
    size_t worst; /* element of the largest error */
} error_sum;

/* Errors over one region; false when an element is there on one side only, or not finite. An
 * element that the reference left alone (NaN) must be as it was. */
static bool region_error(const trial *t, const double *want, const float *got, size_t count,
                         error_sum *out) {
    double square = 0, error = 0;
    size_t known = 0;
    *out = (error_sum){0};
    for (size_t i = t->first_compared; i < count; i++) {
        if (isnan(want[i]) ? bits_of(got[i]) != GUARD_WORD : !isfinite(got[i])) {
            out->worst = i;
            return false;
        }
        if (isnan(want[i])) continue;
        square += want[i] * want[i];
        error += (got[i] - want[i]) * (got[i] - want[i]);
        known++;
    }
    double rms = known ? sqrt(square / (double)known) : 0;
    out->nmse = error == 0 ? 0 : error / square;
    for (size_t i = t->first_compared; i < count; i++) {
        double difference = fabs(got[i] - want[i]);
        if (isnan(want[i]) || difference == 0) continue;
        double relative = t->absolute_bound > 0 ? difference : difference / (fabs(want[i]) + rms);
        if (relative > out->element) {
            out->element = relative;
            out->worst = i;
        }
    }
    return true;
}

/* An error is nearer to its bound than what was the nearest so far; a first one always is. */
static bool is_nearer(double error, double bound, double most, double most_bound) {
    return most_bound <= 0 || error * most_bound > most * bound;
}

static bool compare_region(verify_run *run, const trial *t, const char *name, const double *want,
                           const float *got, size_t count) {
    op_kind kind = t->o.kind;
    bool is_f16 = run->device->options.precision == PRECISION_FP16 &&
                  (kind == OP_linear_fwd || kind == OP_linear_dx || kind == OP_linear_dw);
    double nmse_bound = t->nmse_bound > 0 ? t->nmse_bound : VERIFY_NMSE_BOUND;
    double element_bound = t->element_bound > 0 ? t->element_bound : VERIFY_ELEMENT_BOUND;
    if (is_f16) {
        nmse_bound = VERIFY_F16_NMSE_BOUND;
        element_bound = VERIFY_F16_ELEMENT_BOUND;
    }
    error_sum found;
    if (!region_error(t, want, got, count, &found)) {
        fail(run, t, name, "element %zu is %g, expected %g", (double)got[found.worst],
             want[found.worst], found.worst);
        return false;
    }
    if (t->absolute_bound > 0) {
        if (found.element <= t->absolute_bound) return true;
        fail(run, t, name, "element %zu is off by %g, bound %g", found.element, t->absolute_bound,
             found.worst);
        return false;
    }
    if (is_nearer(found.nmse, nmse_bound, run->out->worst_nmse, run->out->nmse_bound)) {
        run->out->worst_nmse = found.nmse;
        run->out->nmse_bound = nmse_bound;
    }
    if (is_nearer(found.element, element_bound, run->out->worst_element, run->out->element_bound)) {
        run->out->worst_element = found.element;
        run->out->element_bound = element_bound;
        snprintf(run->out->worst_case, sizeof run->out->worst_case, "%s", t->name);
    }
    if (found.element > element_bound) {
        fail(run, t, name, "element %zu has error %g, bound %g", found.element, element_bound,
             found.worst);
        return false;
    }
    if (found.nmse > nmse_bound) {
        fail(run, t, name, "worst element %zu, NMSE %g, bound %g", found.nmse, nmse_bound,
             found.worst);
        return false;
    }
    return true;
}

static err compare_reals(verify_run *run, const trial *t, size_t i, const side *mine,
                         const side *theirs, bool *good) {
    const trial_operand *w = &t->operands[i];
    size_t count = whole_count(w), bad = 0;
    float *got = NULL, *start = NULL;
    double *want = NULL;
    err e;
    if ((e = mem_new(&got, count)) || (e = mem_new(&start, count)) || (e = mem_new(&want, count)))
        goto done;
    if ((e = device_read_f32(got, mine->whole[i], count)) ||
        (e = device_read_f64(want, theirs->whole[i], count)))
        goto done;
    if (!guards_hold(w, got, &bad)) {
        fail(run, t, w->name, "guard word %zu holds %g (%g)", (double)got[bad], 0, bad);
        *good = false;
        goto done;
    }
    bool is_shared = false;
    for (size_t k = 0; k < t->operand_count; k++) is_shared |= t->operands[k].same_as == (int)i;
    if (w->access == ACCESS_READ && !is_shared) {
        initial(t, w, 0, start, NULL);
        for (size_t k = 0; k < count && *good; k++) {
            if (bits_of(got[k]) == bits_of(start[k])) continue;
            fail(run, t, w->name, "input element %zu became %g, was %g", (double)got[k],
                 (double)start[k], k);
            *good = false;
        }
        goto done;
    }
    for (size_t r = 0; r < w->regions && *good; r++) {
        size_t at = GUARD + r * region_stride(w);
        *good = compare_region(run, t, w->name, want + at, got + at, w->count);
    }
done:
    mem_free(got);
    mem_free(start);
    mem_free(want);
    return e;
}

// Integers that are written (last_step) must be equal; the rest differ between tile sizes.
static err compare_words(verify_run *run, const trial *t, size_t i, const side *mine,
                         const side *theirs, bool *good) {
    const trial_operand *w = &t->operands[i];
    size_t count = whole_count(w);
    uint32_t *got = NULL, *want = NULL;
    err e = ERR_OK;
    if (w->access == ACCESS_READ) return ERR_OK;
    if ((e = mem_new(&got, count)) || (e = mem_new(&want, count))) goto done;
    if ((e = device_read_u32(got, mine->whole[i], count)) ||
        (e = device_read_u32(want, theirs->whole[i], count)))
        goto done;
    for (size_t k = 0; k < count && *good; k++) {
        if (got[k] == want[k]) continue;
        fail(run, t, w->name, "word %zu is %g, expected %g", (double)got[k], (double)want[k], k);
        *good = false;
    }
done:
    mem_free(got);
    mem_free(want);
    return e;
}

err verify__trial(verify_run *run, trial *t) {
    side mine = {.device = run->device}, theirs = {.device = &run->reference};
    bool good = true;
    err e;
    arena_init(&mine.memory, run->device, 1, false);
    arena_init(&theirs.memory, &run->reference, 1, false);
    run->out->cases++;
    if ((e = verify__data(t, &run->reference))) goto done;
    if ((e = side_run(&mine, t)) || (e = side_run(&theirs, t))) goto done;
    for (size_t i = 0; i < t->operand_count && good; i++) {
        if (!t->operands[i].is_given || t->operands[i].same_as >= 0) continue;
        e = t->operands[i].is_real ? compare_reals(run, t, i, &mine, &theirs, &good)
                                   : compare_words(run, t, i, &mine, &theirs, &good);
        if (e) goto done;
    }
done:
    verify__data_free(t);
    arena_free(&mine.memory);
    arena_free(&theirs.memory);
    return err_wrap(e, "%s", t->name);
}

err verify_op(verify_result *out, device *d, op_kind kind, verify_extent extent) {
    verify_run run = {.device = d, .out = out, .extent = extent};
    device_info info;
    memset(out, 0, sizeof *out);
    out->kind = kind;
    reference_info(&info);
    // bf16 factors are numbers that both sides have: the sums are compared as strictly as in fp32
    bool is_bf16 = d->options.precision == PRECISION_BF16;
    device_options options = {.precision = is_bf16 ? PRECISION_BF16 : PRECISION_FP32};
    err e = device_open(&run.reference, &info, &options);
    if (e) return e;
    e = verify__cases(&run, kind);
    device_close(&run.reference);
    return e;
}
