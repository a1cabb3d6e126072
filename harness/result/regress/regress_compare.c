#include "base/shown.h"
#include "metric/statistics.h"
#include "result/regress/regress_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char kernel_group[] = "kernels";

const char *regress_kind_name(regress_kind kind) {
    static const char *const names[] = {"score", "loss", "gradient", "kernel"};
    return names[kind];
}

/* A fresh figure at the end of the list; *f is borrowed until the next one. */
static err add_figure(regress_figure **f, regress_report *r, regress_kind kind, const char *group,
                      const char *format, ...) PRINTF_LIKE(5, 6);
static err add_figure(regress_figure **f, regress_report *r, regress_kind kind, const char *group,
                      const char *format, ...) {
    va_list args;
    err e = mem_grow((void **)&r->figures, &r->capacity, r->count + 1, sizeof *r->figures);
    if (e) return e;
    *f = &r->figures[r->count++];
    **f = (regress_figure){.kind = kind};
    snprintf((*f)->group, sizeof(*f)->group, "%s", group);
    va_start(args, format);
    vsnprintf((*f)->name, sizeof(*f)->name, format, args);
    va_end(args);
    return ERR_OK;
}

static void judge(regress_report *r, regress_figure *f, bool fell) {
    f->verdict = fell ? REGRESS_FELL : REGRESS_PASS;
    r->fell += fell;
}

static err add_skipped(regress_report *r, regress_kind kind, const char *group, const char *name,
                       const char *note) {
    regress_figure *f;
    err e = add_figure(&f, r, kind, group, "%s", name);
    if (e) return e;
    f->verdict = REGRESS_SKIPPED;
    snprintf(f->note, sizeof f->note, "%s", note);
    return ERR_OK;
}

/* A figure that must stay within a relative bound, on both sides: a gradient that fell is as wrong
 * as one that rose. */
static err add_relative(regress_report *r, regress_kind kind, const char *group, const char *name,
                        uint32_t step, double before, double after) {
    regress_figure *f;
    err e = add_figure(&f, r, kind, group, "%s, step %u", name, step);
    if (e) return e;
    double size = fmax(fabs(before), fabs(after));
    f->before = before;
    f->after = after;
    f->change = size > 0 ? (after - before) / size : 0;
    f->bound = r->bound;
    judge(r, f, !(fabs(f->change) <= r->bound)); // not a number falls
    return ERR_OK;
}

/* The same predictions: every metric has to be what it was. */
static err compare_metrics(regress_report *r, const regress_result *a, const regress_result *b) {
    for (size_t m = 0; m < metric_count(); m++) {
        regress_figure *f;
        if (isnan(a->metrics[m])) continue;
        err e = add_figure(&f, r, REGRESS_SCORE, a->name, "%s", metric_at(m)->title);
        if (e) return e;
        f->before = a->metrics[m];
        f->after = b->metrics[m];
        f->change = f->after - f->before;
        f->bound = REGRESS_METRIC_BOUND;
        snprintf(f->note, sizeof f->note, "the predictions are the baseline's: the score must be");
        judge(r, f, !(fabs(f->change) <= f->bound));
    }
    return ERR_OK;
}

/* Other predictions: the headline must not be below what a further seed would give. */
static err compare_headline(regress_report *r, const regress_result *a, const regress_result *b) {
    regress_figure *f;
    size_t n = a->seed_count;
    double mean = mean_of(a->seeds, n), std = std_of(a->seeds, n);
    err e = add_figure(&f, r, REGRESS_SCORE, a->name, "%s", metric_said(a->headline));
    if (e) return e;
    f->before = metric_of(a->metrics, a->headline);
    f->after = metric_of(b->metrics, b->headline);
    f->change = f->after - f->before;
    f->bound = mean - student_t_quantile(0.99, (double)n - 1) * std * sqrt(1 + 1 / (double)n);
    snprintf(f->note, sizeof f->note,
             "the predictions differ: least score from %zu seeds (mean %.4f, std %.4f)", n, mean,
             std);
    judge(r, f, !(f->after >= f->bound));
    return ERR_OK;
}

static const regress_tensor *tensor_of(const regress_result *r, const char *name) {
    for (size_t i = 0; i < r->tensor_count; i++)
        if (!strcmp(r->tensors[i].name, name)) return &r->tensors[i];
    return NULL;
}

static err compare_case(regress_report *r, const regress_result *a, const regress_result *b) {
    if (strcmp(a->data_sha256, b->data_sha256) != 0)
        return err_set(ERR_DATA,
                       "case %s: the data hash is %.8s..., the baseline's is %.8s...: the data or "
                       "their reading changed; --update makes a new baseline",
                       a->name, b->data_sha256, a->data_sha256);
    bool same = !strcmp(a->predictions_sha256, b->predictions_sha256);
    err e = same ? compare_metrics(r, a, b) : compare_headline(r, a, b);
    for (uint32_t s = 0; s < REGRESS_STEPS && !e; s++)
        e = add_relative(r, REGRESS_LOSS, a->name, "loss", s + 1, a->losses[s], b->losses[s]);
    for (size_t i = 0; i < a->tensor_count && !e; i++) {
        const regress_tensor *before = &a->tensors[i], *after = tensor_of(b, before->name);
        for (uint32_t s = 0; s < REGRESS_STEPS && !e; s++)
            e = add_relative(r, REGRESS_GRADIENT, a->name, before->name, s + 1, before->norms[s],
                             after ? after->norms[s] : (double)NAN);
    }
    return e;
}

regress_result *regress__result(const regress_state *s, const char *name) {
    for (size_t i = 0; i < s->result_count; i++)
        if (s->results[i].name && !strcmp(s->results[i].name, name)) return &s->results[i];
    return NULL;
}

static const regress_kernel *kernel_of(const regress_state *s, const char *name) {
    for (size_t i = 0; i < s->kernel_count; i++)
        if (!strcmp(s->kernels[i].name, name)) return &s->kernels[i];
    return NULL;
}

static double kernel_bound(const regress_kernel *a, const regress_kernel *b) {
    return fmax(REGRESS_KERNEL_BOUND, 4 * fmax(a->mad, b->mad) / a->cost);
}

bool regress_is_steady(const regress_state *s) {
    return s->product_spread <= REGRESS_STEADY;
}

/* Why the times of this measurement cannot be held against the baseline's; "" when they can. */
static void unsteady_note(char note[160], const regress_state *before, const regress_state *now) {
    double ratio = now->product_ms / before->product_ms;
    *note = '\0';
    if (!regress_is_steady(now))
        snprintf(note, 160, "the machine does other work: the calibration product varied %.2f-fold",
                 now->product_spread);
    else if (!(ratio <= REGRESS_STEADY && ratio >= 1 / REGRESS_STEADY))
        snprintf(note, 160,
                 "the machine does other work: the calibration product takes %.2f times as long as "
                 "in the baseline",
                 ratio);
}

static err compare_kernels(regress_report *r, const regress_state *before,
                           const regress_state *now) {
    char note[160] = "";
    if (!before->kernel_count || !now->kernel_count) {
        snprintf(note, sizeof note, "not timed %s",
                 before->kernel_count ? "in this run" : "in the baseline");
    } else if (strcmp(before->device, now->device) || strcmp(before->driver, now->driver) ||
               strcmp(before->isa, now->isa) || before->threads != now->threads) {
        shown_snprintf(note, sizeof note, SHOWN_TERMINAL,
                       "the baseline's times are of another device: %.40s, %.24s, %u "
                       "threads",
                       before->device, before->isa, before->threads);
    }
    if (!*note) unsteady_note(note, before, now);
    if (*note) return add_skipped(r, REGRESS_KERNEL, kernel_group, "times", note);
    for (size_t i = 0; i < before->kernel_count; i++) {
        const regress_kernel *a = &before->kernels[i], *b = kernel_of(now, a->name);
        regress_figure *f;
        if (!b) {
            err e = add_skipped(r, REGRESS_KERNEL, kernel_group, a->name,
                                "no such kernel any more: --update makes a new baseline");
            if (e) return e;
            continue;
        }
        err e = add_figure(&f, r, REGRESS_KERNEL, kernel_group, "%s", a->name);
        if (e) return e;
        f->before = a->cost;
        f->after = b->cost;
        f->change = b->cost / a->cost - 1;
        f->bound = kernel_bound(a, b);
        judge(r, f, !(f->change <= f->bound));
    }
    return ERR_OK;
}

err regress_compare_again(regress_report *r, const regress_state *before,
                          const regress_state *again) {
    for (size_t i = 0; i < r->count; i++) {
        regress_figure *f = &r->figures[i];
        if (f->kind != REGRESS_KERNEL || f->verdict != REGRESS_FELL) continue;
        unsteady_note(f->note, before, again);
        if (*f->note) {
            f->verdict = REGRESS_SKIPPED;
            r->fell--;
            continue;
        }
        const regress_kernel *a = kernel_of(before, f->name), *b = kernel_of(again, f->name);
        if (!a || !b) return err_set(ERR_ARG, "kernel '%s' was not timed again", f->name);
        double change = b->cost / a->cost - 1, bound = kernel_bound(a, b);
        // the measurement that is shown is the best one
        if (change - bound < f->change - f->bound) {
            f->after = b->cost;
            f->change = change;
            f->bound = bound;
        }
        if (change > bound) continue;
        f->verdict = REGRESS_PASS;
        r->fell--;
    }
    return ERR_OK;
}

bool regress_any_kernel_fell(const regress_report *r) {
    for (size_t i = 0; i < r->count; i++)
        if (r->figures[i].kind == REGRESS_KERNEL && r->figures[i].verdict == REGRESS_FELL)
            return true;
    return false;
}

// rounding differs between vendors; between processors it stays within the tight bound
static bool is_other_vendor(const regress_state *a, const regress_state *b) {
    return strcmp(a->kind, "cpu") != 0 &&
           (strcmp(a->device, b->device) != 0 || strcmp(a->driver, b->driver) != 0);
}

err regress_compare(regress_report *out, const regress_state *before, const regress_state *now,
                    const regress_suite *suite) {
    *out = (regress_report){0};
    if (strcmp(before->suite_sha256, suite->sha256) != 0)
        return err_set(ERR_DATA,
                       "%s: the baseline was made from another suite (%.8s..., this one is "
                       "%.8s...): --update makes a new baseline",
                       suite->path, before->suite_sha256, suite->sha256);
    out->bound = is_other_vendor(before, now) ? suite->bound_other : suite->bound;
    err e = ERR_OK;
    for (size_t i = 0; i < before->result_count && !e; i++) {
        const regress_result *a = &before->results[i], *b = regress__result(now, a->name);
        e = b ? compare_case(out, a, b)
              : add_skipped(out, REGRESS_SCORE, a->name, "all", "its data is not here");
    }
    if (!e) e = compare_kernels(out, before, now);
    if (e) regress_report_free(out);
    return e;
}

static bool has_case(const regress_suite *suite, const char *name) {
    for (size_t i = 0; i < suite->case_count; i++)
        if (!strcmp(suite->cases[i].name, name)) return true;
    return false;
}

err regress_add(regress_state *before, regress_state *now, const regress_suite *suite) {
    regress_result *all = NULL;
    if (is_other_vendor(before, now))
        return err_set(ERR_DATA, "the baseline is of %s, %s: --update makes a new one for %s, %s",
                       before->device, before->driver, now->device, now->driver);
    for (size_t i = 0; i < before->result_count; i++)
        if (!has_case(suite, before->results[i].name))
            return err_set(ERR_DATA, "%s: no case '%s', which the baseline has: --update",
                           suite->path, before->results[i].name);
    err e = mem_new(&all, suite->case_count);
    for (size_t i = 0; !e && i < suite->case_count; i++) {
        regress_result *r = regress__result(before, suite->cases[i].name);
        if (!r) r = regress__result(now, suite->cases[i].name);
        if (!r) continue;
        all[i] = *r;
        *r = (regress_result){0};
    }
    if (e) return e;
    mem_free(before->results);
    before->results = all;
    before->result_count = suite->case_count;
    memcpy(before->suite_sha256, suite->sha256, sizeof before->suite_sha256);
    return ERR_OK;
}

void regress_report_free(regress_report *r) {
    mem_free(r->figures);
    *r = (regress_report){0};
}
