/* Every operation of a device against the reference, over the whole table of verify. */
#include "base/memory.h"
#include "compute/verify/verify.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the cases ask a device for: verify's word is worth no more than they are. */
static struct {
    uint32_t last_step; /* of table rows: the factors of AdamW's step are of the first few alone */
    uint32_t longest;   /* sum of a product */
    size_t regions, alike;
    bool later[OP_COUNT]; /* asked for in the second of two slots */
    size_t kept, unlike;  /* values that a forward keeps, and those that none can have */
} asked;
static device_vtable asking_vtable;
static const device_vtable *asked_vtable;

/* Regions of an operand that hold the same numbers would hide one read in another's place. */
static void note_regions(const operand *w, uint32_t slots, uint32_t micros) {
    const span *at = w->at;
    size_t bytes = at->count * elem_bytes(at->type);
    if (!at->slot_stride || !at->micro_stride || slots < 2 || micros < 2 || at->count < 16) return;
    asked.regions++;
    asked.alike += !memcmp(span_host(span_at(*at, 0, 1)), span_host(span_at(*at, 1, 0)), bytes);
}

/* What a backward finds kept is what a forward kept of the same inputs: other numbers would hide errors
 * that only such ones show. */
static void note_kept(const op *o, const step_info *step) {
    for (uint32_t m = 0; m < step->micro_count; m++) {
        if (o->kind == OP_layernorm_bwd) {
            const struct layernorm_bwd *a = &o->as.layernorm_bwd;
            const float *sum = span_host(span_at(a->sum, step->slot, m)),
                        *mean = span_host(span_at(a->mean, step->slot, m)),
                        *rstd = span_host(span_at(a->rstd, step->slot, m));
            double total = 0, square = 0;
            for (uint32_t h = 0; h < a->hidden; h++) total += (double)sum[h] / a->hidden;
            for (uint32_t h = 0; h < a->hidden; h++)
                square += pow((double)sum[h] - total, 2) / a->hidden;
            asked.kept++;
            asked.unlike += fabs((double)mean[0] - total) > 1e-4 * (1 + fabs(total)) ||
                            fabs((double)rstd[0] * sqrt(square + 1e-12) - 1) > 1e-3;
        }
        if (o->kind == OP_adamw) {
            const float *v = span_host(span_at(o->as.adamw.v, step->slot, m));
            asked.kept++;
            for (uint32_t i = 0; i < o->as.adamw.count; i++) asked.unlike += v[i] < 0;
        }
    }
}

static err asking_submit(plan *p, const step_info *step) {
    for (int part = 0; part < PART_COUNT; part++)
        for (size_t i = 0; i < p->parts[part].count; i++) {
            operand list[OPERANDS_MAX];
            op *o = &p->parts[part].ops[i];
            size_t count = op_operands(o, list);
            note_kept(o, step);
            asked.later[o->kind] = asked.later[o->kind] || step->slot;
            if (o->kind == OP_linear_fwd && o->as.linear_fwd.k > asked.longest)
                asked.longest = o->as.linear_fwd.k;
            if (o->kind == OP_adamw_rows && step->step > asked.last_step)
                asked.last_step = step->step;
            for (size_t k = 0; k < count; k++)
                if (span_given(*list[k].at) && list[k].is_real && list[k].access == ACCESS_READ)
                    note_regions(&list[k], step->slot + 1, step->micro_count);
        }
    return asked_vtable->submit(p, step);
}

static void verify_device(const char *selector, const device_options *options,
                          verify_extent extent) {
    size_t live = mem_live_count();
    device d;
    cr_assert_eq(device_open_named(&d, selector, options), ERR_OK, "%s", err_message(ERR_DEVICE));
    asked_vtable = d.vtable;
    asking_vtable = *d.vtable;
    asking_vtable.submit = asking_submit;
    if (extent == VERIFY_FULL) d.vtable = &asking_vtable;
    for (int kind = 0; kind < OP_COUNT; kind++) {
        verify_result r;
        cr_assert_eq(verify_op(&r, &d, (op_kind)kind, extent), ERR_OK, "%s",
                     err_message(ERR_DEVICE));
        cr_assert_gt(r.cases, 0);
        cr_expect_eq(r.failed, 0, "%u of %u cases: %s", r.failed, r.cases, r.failure);
    }
    cr_expect_eq(d.validation_errors, 0, "%llu messages of the validation layer",
                 (unsigned long long)d.validation_errors);
    d.vtable = asked_vtable;
    device_close(&d);
    cr_assert_eq(mem_live_count(), live);
}

Test(verify, reference_against_itself) {
    verify_device("reference", NULL, VERIFY_QUICK);
}

#if HARNESS_CPU
Test(verify, cpu) {
    verify_device("cpu", NULL, VERIFY_FULL);
    cr_expect_geq(asked.last_step, 60, "of step %u at most", asked.last_step);
    cr_expect_geq(asked.longest, 3072, "a product's sum of %u at most", asked.longest);
    cr_expect_gt(asked.regions, 50);
    cr_expect_gt(asked.kept, 20);
    for (int i = 0; i < OP_COUNT; i++)
        cr_expect(asked.later[i] || i == OP_checksum, "%s is asked for in one slot alone",
                  op_name((op_kind)i));
    cr_expect_eq(asked.unlike, 0, "of %zu %zu", asked.kept, asked.unlike);
    cr_expect_eq(asked.alike, 0, "of %zu operands %zu are alike in two regions", asked.regions,
                 asked.alike);
}

Test(verify, cpu_of_lesser_instruction_sets) {
    static const char *const sets[] = {"baseline", "avx2"};
    for (size_t i = 0; i < 2; i++) {
        device_info info;
        cpu_info(&info, 0);
        if (i && strcmp(info.isa, "avx512"))
            continue; // avx2 is what the test above ran, or is not here
        setenv("HARNESS_ISA", sets[i], 1);
        verify_device("cpu", NULL, VERIFY_QUICK);
        unsetenv("HARNESS_ISA");
    }
}
#endif

/* A Vulkan device under validation, whose messages fail the test. */
static void verify_vulkan(const char *selector) {
    if (!need_vulkan(selector)) cr_skip_test("no Vulkan device '%s'", selector);
    verify_device(selector, &(device_options){.validation = true}, VERIFY_QUICK);
}

Test(verify, vulkan_device) {
    verify_vulkan(test_device());
}

Test(verify, vulkan_swiftshader) {
    verify_vulkan("swiftshader");
}

/* A device that computes one operation wrongly: verify must say so. */
static op_kind wrong_kind;
static enum wrong { WRONG_VALUE, WRONG_NAN, WRONG_GUARD, WRONG_INPUT } wrong_way;
static device_vtable wrong_vtable;
static const device_vtable *right_vtable;

static err wrong_submit(plan *p, const step_info *step) {
    err e = right_vtable->submit(p, step);
    op *o = &p->parts[PART_MICRO].ops[0];
    if (e || o->kind != wrong_kind) return e;
    span y = span_at(o->as.linear_fwd.y, step->slot, 0), x = o->as.linear_fwd.x;
    double *to = span_host(y), *from = span_host(span_at(x, step->slot, 0));
    if (wrong_way == WRONG_VALUE) to[0] += 1e-3 * (fabs(to[0]) + 1);
    if (wrong_way == WRONG_NAN) to[0] = NAN;
    if (wrong_way == WRONG_GUARD) to[y.count] = 0;
    if (wrong_way == WRONG_INPUT) from[0] += 1;
    return ERR_OK;
}

CleanTest(verify, finds_what_is_wrong) {
    static const char *const says[] = {"has error", "is nan", "guard word", "input element"};
    device d;
    cr_assert_eq(device_open_named(&d, "reference", NULL), ERR_OK);
    right_vtable = d.vtable;
    wrong_vtable = *d.vtable;
    wrong_vtable.submit = wrong_submit;
    d.vtable = &wrong_vtable;
    wrong_kind = OP_linear_fwd;
    for (int way = WRONG_VALUE; way <= WRONG_INPUT; way++) {
        wrong_way = (enum wrong)way;
        verify_result r;
        cr_assert_eq(verify_op(&r, &d, OP_linear_fwd, VERIFY_QUICK), ERR_OK);
        cr_assert_gt(r.failed, 0, "fault %d was not found", way);
        cr_assert_not_null(strstr(r.failure, says[way]), "fault %d: %s", way, r.failure);
        cr_assert_eq(verify_op(&r, &d, OP_linear_dx, VERIFY_QUICK), ERR_OK);
        cr_assert_eq(r.failed, 0, "%s", r.failure);
    }
    d.vtable = right_vtable;
    device_close(&d);
}

/* What it tries a device with is there whole, or it says so. */
CleanTest(verify, each_request_for_memory_may_fail) {
    static const op_kind kinds[] = {OP_fill, OP_layernorm_bwd, OP_grad_norm, OP_attention_bwd};
    device d;
    cr_assert_eq(device_open_named(&d, "reference", NULL), ERR_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        verify_result r;
        MUST_FAIL_WITHOUT_MEMORY(60, verify_op(&r, &d, kinds[i], VERIFY_QUICK), (void)0);
    }
    device_close(&d);
}
