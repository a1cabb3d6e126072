#include "base/shown.h"
#include "metric/statistics.h"
#include "report/compare_internal.h"
#include "report/grid.h"

#include <math.h>
#include <string.h>

static err same_in_group(const char *what, const char *a, const char *b) {
    const char *x = a ? a : "none", *y = b ? b : "none";
    if (!strcmp(x, y)) return ERR_OK;
    return err_set(ERR_DATA,
                   "a group must be runs of one model on one device: %s is '%.40s' and '%.40s' "
                   "(the runs of a side may be named with commas: A1,A2 B1,B2)",
                   what, x, y);
}

static bool same_or_none(const char *a, const char *b) {
    return a && b ? !strcmp(a, b) : a == b;
}

static err check_pair(const record *x, const record *y) {
    err e = compare_same_task(x, y);
    if (!e) e = same_in_group("the model", x->model.name, y->model.name);
    if (!e) e = same_in_group("the weights hash", x->model.weights_sha256, y->model.weights_sha256);
    if (!e) e = same_in_group("the recipe hash", x->recipe_sha256, y->recipe_sha256);
    if (!e) e = same_in_group("the protocol", x->protocol, y->protocol);
    if (!e) e = same_in_group("the device", RECORD_DEVICE(x), RECORD_DEVICE(y));
    return e ? e : same_in_group("the precision", x->device.precision, y->device.precision);
}

bool compare_is_group(const record *a, const record *b) {
    if (!check_pair(a, b)) return true;
    err_clear();
    return false;
}

static err check_group(const record *const *group, size_t count) {
    err e = ERR_OK;
    for (size_t i = 1; i < count && !e; i++) {
        const record *y = group[i];
        if ((e = check_pair(group[0], y))) return e;
        for (size_t k = 0; k < i && !e; k++) {
            if (group[k]->seed == y->seed) {
                e = err_set(ERR_DATA, "a group holds seed %lld twice", (long long)y->seed);
            } else if (y->final_weights_sha256 &&
                       same_or_none(group[k]->final_weights_sha256, y->final_weights_sha256)) {
                e = err_set(ERR_DATA,
                            "a group holds one run twice: seeds %lld and %lld ended with the same "
                            "weights",
                            (long long)group[k]->seed, (long long)y->seed);
            }
        }
    }
    return e;
}

static const record *run_at(const group_comparison *c, size_t i) {
    return i < c->count_a ? c->a[i] : c->b[i - c->count_a];
}

/* One model and recipe with the same seeds on both sides, so on two devices: a seed's two runs
 * start from the same weights and see the same rows in the same order. */
static bool seeds_are_paired(const group_comparison *c) {
    const record *a = c->a[0], *b = c->b[0];
    if (c->count_a != c->count_b || strcmp(a->model.name, b->model.name) ||
        !same_or_none(a->model.weights_sha256, b->model.weights_sha256) ||
        strcmp(a->model.vocab_sha256, b->model.vocab_sha256) ||
        strcmp(a->recipe_sha256, b->recipe_sha256) || strcmp(a->protocol, b->protocol)) {
        return false;
    }
    for (size_t i = 0; i < c->count_a; i++) {
        size_t k = 0;
        while (k < c->count_b && c->b[k]->seed != c->a[i]->seed) k++;
        if (k == c->count_b) return false;
    }
    return true;
}

// the difference of each seed in place of a's score; b's scores are found by seed
static void pair_seeds(double *differences, const group_comparison *c, const double *plain) {
    for (size_t i = 0; i < c->count_a; i++) {
        for (size_t k = 0; k < c->count_b; k++)
            if (c->b[k]->seed == c->a[i]->seed) differences[i] = plain[c->count_a + k] - plain[i];
    }
}

static bool answers_are_equal(const record *a, const record *b) {
    for (int64_t i = 0; i < a->task.test_rows; i++)
        if (!record_same_answer(a, b, (size_t)i)) return false;
    return true;
}

// every seed ended with the same weights on both sides: there is no difference to be unsure of
static bool weights_are_equal(const group_comparison *c) {
    for (size_t i = 0; i < c->count_a; i++) {
        for (size_t k = 0; k < c->count_b; k++) {
            const record *a = c->a[i], *b = c->b[k];
            if (a->seed != b->seed) continue;
            if (!a->final_weights_sha256 ||
                !same_or_none(a->final_weights_sha256, b->final_weights_sha256) ||
                !answers_are_equal(a, b))
                return false;
        }
    }
    return c->paired_seeds;
}

// b's mean minus a's under each resample; fills the rest of the difference
static void describe(group_comparison *c, double *plain, double *means, size_t units) {
    double *mean_a = means, *mean_b = means + BOOTSTRAP_DRAWS;
    estimate x = estimate_difference(plain + c->count_a, c->count_b, mean_b, plain, c->count_a,
                                     mean_a, BOOTSTRAP_DRAWS, units);
    for (size_t d = 0; d < BOOTSTRAP_DRAWS; d++) mean_b[d] -= mean_a[d];
    if (c->paired_seeds) {
        pair_seeds(plain, c, plain);
        x = estimate_mean(plain, c->count_a, mean_b, BOOTSTRAP_DRAWS, units);
    }
    c->difference = x.value;
    c->p = 1;
    if (!c->rows_only) {
        c->range = weights_are_equal(c) ? (interval){0, 0} : estimate_interval(&x);
        c->p = estimate_p(&x);
        c->equivalent = c->range.low >= -0.01 * COMPARE_EQUIVALENCE &&
                        c->range.high <= 0.01 * COMPARE_EQUIVALENCE;
        return;
    }
    c->range = interval_of_draws(x.value, mean_b, units);
}

/* Mean scores of both groups under each resample. Where units are drawn singly they are drawn alike for
 * every pair: a group's are then made once, by itself, and kept.
 *   means  (2, BOOTSTRAP_DRAWS)
 *   kept   of each group, or NULL */
static err draw_means(double *means, const bootstrap *b, const test_table *t, const metric *m,
                      const size_t begin[3], compare_kept *const kept[2]) {
    if (!kept || !b->single)
        return bootstrap_means(means, b, m, begin, 2, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED);
    err e = ERR_OK;
    for (size_t i = 0; i < 2 && !e; i++) {
        test_table part = *t;
        bootstrap of_part = {0};
        part.predicted += begin[i];
        part.runs = begin[i + 1] - begin[i];
        const size_t whole[] = {0, part.runs};
        if (!kept[i]->means && !(e = bootstrap_init_single(&of_part, &part)) &&
            !(e = mem_new(&kept[i]->means, (size_t)BOOTSTRAP_DRAWS)))
            e = bootstrap_means(kept[i]->means, &of_part, m, whole, 1, BOOTSTRAP_DRAWS,
                                BOOTSTRAP_SEED);
        if (!e)
            memcpy(means + i * BOOTSTRAP_DRAWS, kept[i]->means, sizeof(double[BOOTSTRAP_DRAWS]));
        bootstrap_free(&of_part);
    }
    return e;
}

static err compare_scores(group_comparison *c, compare_kept *const kept[2]) {
    const record *any = c->a[0];
    const metric *m = metric_find(any->headline);
    size_t runs = c->count_a + c->count_b;
    const size_t begin[] = {0, c->count_a, runs};
    answers *predicted = NULL;
    double *plain = NULL, *means = NULL;
    bootstrap b = {0};
    err e;
    if ((e = mem_new(&predicted, runs)) || (e = mem_new(&plain, runs)) ||
        (e = mem_new(&means, 2 * (size_t)BOOTSTRAP_DRAWS))) {
        goto done;
    }
    for (size_t i = 0; i < runs; i++) {
        predicted[i] = record_answers(run_at(c, i));
        plain[i] = metric_ranked(m, &run_at(c, i)->confusion);
    }
    c->mean_a = mean_of(plain, c->count_a);
    c->std_a = std_of(plain, c->count_a);
    c->mean_b = mean_of(plain + c->count_a, c->count_b);
    c->std_b = std_of(plain + c->count_a, c->count_b);
    test_table table = {any->task.kind,
                        (size_t)any->task.test_rows,
                        any->task.label_count,
                        record_gold(any),
                        any->first_row,
                        predicted,
                        runs};
    if ((e = bootstrap_init(&b, &table)) || (e = draw_means(means, &b, &table, m, begin, kept)))
        goto done;
    describe(c, plain, means, b.units);
done:
    bootstrap_free(&b);
    mem_free(predicted);
    mem_free(plain);
    mem_free(means);
    return e;
}

static size_t disagreements(const record *a, const record *b) {
    size_t n = 0;
    for (int64_t i = 0; i < a->task.test_rows; i++) n += !record_same_answer(a, b, (size_t)i);
    return n;
}

static void compare_seeds(group_comparison *c) {
    double rows = (double)c->a[0]->task.test_rows;
    for (size_t i = 0; i < c->count_a; i++) {
        for (size_t k = 0; k < c->count_b; k++) {
            const record *a = c->a[i], *b = c->b[k];
            if (a->seed != b->seed) continue;
            size_t n = disagreements(a, b);
            c->disagreement += (double)n / rows;
            c->shared++;
            if (c->seed_count == COMPARE_SEEDS_SHOWN) continue;
            c->seeds[c->seed_count].seed = a->seed;
            c->seeds[c->seed_count].score_a = record_metric(a, a->headline);
            c->seeds[c->seed_count].score_b = record_metric(b, b->headline);
            c->seeds[c->seed_count].loss = compare__drift(a, b);
            c->seeds[c->seed_count++].disagreements = n;
        }
    }
    if (c->shared) c->disagreement /= (double)c->shared;
}

static void compare_speed(group_comparison *c) {
    double sum_a = 0, sum_b = 0;
    c->speed_low = (double)INFINITY;
    for (size_t i = 0; i < c->count_a; i++) {
        for (size_t k = 0; k < c->count_b; k++) {
            double a = c->a[i]->timing.tokens_per_s, b = c->b[k]->timing.tokens_per_s;
            if (a <= 0 || b <= 0) {
                c->speed = c->speed_low = c->speed_high = 0;
                return;
            }
            sum_a += a;
            sum_b += b;
            c->speed_low = fmin(c->speed_low, b / a);
            c->speed_high = fmax(c->speed_high, b / a);
        }
    }
    c->speed = sum_b / sum_a;
}

err compare__groups(group_comparison *c, const record *const *a, size_t count_a,
                    const record *const *b, size_t count_b, compare_kept *const kept[2]) {
    *c = (group_comparison){.a = a, .b = b, .count_a = count_a, .count_b = count_b};
    err e;
    if (!count_a || !count_b) return err_set(ERR_ARG, "a group without runs cannot be compared");
    c->rows_only = count_a < 2 || count_b < 2;
    if ((e = compare_same_task(a[0], b[0])) || (e = check_group(a, count_a)) ||
        (e = check_group(b, count_b))) {
        return e;
    }
    c->paired_seeds = !c->rows_only && seeds_are_paired(c);
    if ((e = compare_scores(c, kept))) return e;
    compare_seeds(c);
    compare_speed(c);
    return ERR_OK;
}

err compare_groups(group_comparison *c, const record *const *a, size_t count_a,
                   const record *const *b, size_t count_b) {
    return compare__groups(c, a, count_a, b, count_b, NULL);
}

/* text */

static err add_group(strbuf *out, const char *letter, const record *r, size_t count, double mean,
                     double std, page_language language) {
    err e =
        shown_printf(out, SHOWN_MARKDOWN, SAY_IN(language, group_is), letter, r->model.name,
                     RECORD_DEVICE(r), r->device.precision, count, language_plural(language, count),
                     language_term(language, metric_said(r->headline)), 100 * mean);
    if (!e && count > 1) e = strbuf_printf(out, " ± %.2f", 100 * std);
    return e ? e : strbuf_add(out, "\n");
}

static const char *verdict(const group_comparison *c) {
    page_language language = c->wish.language;
    if (c->rows_only) return SAY_IN(language, verdict_group_of_one);
    if (c->equivalent) return SAY_IN(language, verdict_equivalent);
    if (c->p < 0.05) return SAY_IN(language, verdict_different);
    return SAY_IN(language, verdict_neither);
}

static void add_step(grid *g, bool parts, size_t step, page_language language) {
    if (parts)
        grid_cell(g, "%zu", step);
    else
        grid_text(g, SAY_IN(language, never));
}

static err add_seed_table(strbuf *out, const group_comparison *c) {
    page_language language = c->wish.language;
    const char *const heads[] = {SAY_IN(language, seed),
                                 "A",
                                 "B",
                                 "B - A",
                                 SAY_IN(language, that_differ),
                                 SAY_IN(language, first_bit_step),
                                 SAY_IN(language, beyond_step),
                                 SAY_IN(language, largest_loss_difference)};
    double rows = (double)c->a[0]->task.test_rows;
    grid g = grid_begin("lrrrrrrr");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < c->seed_count; i++) {
        double a = 100 * c->seeds[i].score_a, b = 100 * c->seeds[i].score_b;
        const loss_drift *d = &c->seeds[i].loss;
        grid_cell(&g, "%lld", (long long)c->seeds[i].seed);
        grid_cell(&g, "%.2f", a);
        grid_cell(&g, "%.2f", b);
        grid_cell(&g, "%+.2f", b - a);
        grid_cell(&g, "%zu (%.2f %%)", c->seeds[i].disagreements,
                  100.0 * (double)c->seeds[i].disagreements / rows);
        add_step(&g, d->bits_part, d->bit_step, language);
        add_step(&g, d->losses_part, d->part_step, language);
        grid_cell(&g, "%.2g", d->largest);
    }
    return grid_end(out, &g);
}

static err add_seed_lines(strbuf *out, const group_comparison *c) {
    page_language language = c->wish.language;
    size_t more = c->shared - c->seed_count;
    if (!c->shared) return strbuf_printf(out, "\n- %s\n", SAY_IN(language, no_seed_shared));
    err e = strbuf_add(out, "\n");
    if (e || (e = add_seed_table(out, c)) || (e = strbuf_add(out, "\n"))) return e;
    if (more && (e = strbuf_printf(out, SAY_IN(language, more_seeds), more,
                                   language_plural(language, more))))
        return e;
    return strbuf_printf(out, SAY_IN(language, mean_differ), 100 * c->disagreement);
}

static err add_scores(strbuf *out, const group_comparison *c, const compare_side sides[2]) {
    page_language l = c->wish.language;
    err e;
    if ((e = add_group(out, "A", c->a[0], c->count_a, c->mean_a, c->std_a, l)) ||
        (e = add_group(out, "B", c->b[0], c->count_b, c->mean_b, c->std_b, l)) ||
        (e = strbuf_printf(out, SAY_IN(l, group_difference), 100 * c->difference,
                           100 * c->range.low, 100 * c->range.high)))
        return e;
    if (c->rows_only || c->paired_seeds)
        e = strbuf_printf(out, " (%s)",
                          c->rows_only ? SAY_IN(l, rows_only) : SAY_IN(l, paired_seeds));
    if (!e && !c->rows_only) e = strbuf_printf(out, ", p = %.3g", c->p);
    if (!e) e = strbuf_add(out, "\n");
    if (!e) e = compare__cautions(out, sides, 2, l);
    return e ? e : strbuf_printf(out, SAY_IN(l, verdict_is), verdict(c));
}

err compare_groups_text(strbuf *out, const group_comparison *c, const char *name_a,
                        const char *name_b) {
    const compare_side sides[] = {{name_a, c->a, c->count_a}, {name_b, c->b, c->count_b}};
    page_language l = c->wish.language;
    err e;
    if ((e = compare__title(out, sides, 2, l)) || (e = compare__sides(out, sides, 2, l)) ||
        (e = report__recipe_differences(out, c->a[0], c->b[0], l)) ||
        (e = compare__heading(out, SAY_IN(l, scores))) || (e = add_scores(out, c, sides)) ||
        (e = add_seed_lines(out, c)) || (e = compare__rows(out, sides, &c->wish)) ||
        (e = strbuf_printf(out, "\n## %s\n", SAY_IN(l, losses))) ||
        (e = compare__loss_table(out, sides, l)) || (e = compare__heading(out, SAY_IN(l, speed))) ||
        (e = compare__speed(out, sides, 2, l))) {
        return e;
    }
    if (c->speed > 0 && (e = strbuf_printf(out, SAY_IN(l, speed_of_groups), c->speed, c->speed_low,
                                           c->speed_high))) {
        return e;
    }
    e = compare__heading(out, SAY_IN(l, kernels_of_sides));
    return e ? e : compare__kernels(out, sides, 2, l);
}

/* json */

static err group_json(cJSON *top, const char *key, const char *name, const record *r, size_t count,
                      double mean, double std) {
    cJSON *o;
    err e = json_add_object(&o, top, key);
    return e ? e
             : json_put(o,
                        "name %s model %s protocol %s recipe_sha256 %s device %s driver %s "
                        "precision %s seeds %zu mean %f std %f",
                        name, r->model.name, r->protocol, r->recipe_sha256, RECORD_DEVICE(r),
                        r->device.driver, r->device.precision, count, mean, std);
}

static err seeds_json(cJSON *top, const group_comparison *c) {
    cJSON *list, *o;
    err e = json_add_array(&list, top, "shared_seeds");
    for (size_t i = 0; i < c->seed_count && !e; i++) {
        const struct compare_seed *s = &c->seeds[i];
        if (!(e = json_append_object(&o, list)))
            e = json_put(o,
                         "seed %f score_a %f score_b %f largest_relative_loss %f first_bit_step %f "
                         "different %zu",
                         (double)s->seed, s->score_a, s->score_b, s->loss.largest,
                         s->loss.bits_part ? (double)s->loss.bit_step : (double)NAN,
                         s->disagreements);
    }
    return e;
}

err compare_groups_json(strbuf *out, const group_comparison *c, const char *name_a,
                        const char *name_b) {
    const compare_side sides[] = {{name_a, c->a, c->count_a}, {name_b, c->b, c->count_b}};
    const double range[] = {c->range.low, c->range.high};
    cJSON *top = cJSON_CreateObject();
    err e;
    if ((e = json_put(top, "task %s metric %s", c->a[0]->task.name, c->a[0]->headline)) ||
        (e = group_json(top, "a", name_a, c->a[0], c->count_a, c->mean_a, c->std_a)) ||
        (e = group_json(top, "b", name_b, c->b[0], c->count_b, c->mean_b, c->std_b)) ||
        (e = json_put(top, "difference %f", c->difference)) ||
        (e = json_put_numbers(top, "interval", range, 2)) ||
        (e = json_put(top, "rows_only %d paired_seeds %d p %f equivalent %d", c->rows_only,
                      c->paired_seeds, c->rows_only ? (double)NAN : c->p, c->equivalent)) ||
        (e = seeds_json(top, c)) ||
        (e = json_put(top, "disagreement %f speed_ratio %f speed_ratio_low %f speed_ratio_high %f",
                      c->disagreement, c->speed, c->speed_low, c->speed_high)) ||
        (e = report__recipe_differences_json(top, c->a[0], c->b[0])) ||
        (e = compare__rows_json(top, sides, &c->wish)) || (e = compare__sides_json(top, sides, 2)))
        goto done;
    e = json_text(out, top);
done:
    cJSON_Delete(top);
    return e;
}
