#include "base/shown.h"
#include "metric/score_text.h"
#include "metric/statistics.h"
#include "report/compare_internal.h"
#include "report/grid.h"

#include <math.h>
#include <string.h>

/* text */

static void score_cells(grid *g, double a, double b) {
    char score[SCORE_TEXT_BYTES];
    grid_text(g, score_percent(score, a));
    grid_text(g, score_percent(score, b));
    grid_text(g, score_points(score, b - a));
}

static err add_scores(strbuf *out, const comparison *c) {
    const record *a = c->a, *b = c->b;
    page_language language = c->wish.language;
    grid g = grid_begin("lrrr");
    const char *const heads[] = {SAY_IN(language, score), "A", "B", "B - A"};
    for (size_t i = 0; i < 4; i++) grid_text(&g, heads[i]);
    char named[METRIC_TITLE_BYTES];
    const char *label_1 = a->task.label_count > 1 ? a->task.labels[1] : NULL;
    for (size_t m = 0; m < metric_count(); m++) {
        const metric *x = metric_at(m);
        bool leads = !strcmp(x->name, a->headline);
        if (!report__shows(x, a)) continue;
        const char *title = language_metric(named, language, x, label_1);
        grid_cell(&g, leads ? "%s (%s)" : "%s%s", title, leads ? SAY_IN(language, headline) : "");
        score_cells(&g, a->metrics[m], b->metrics[m]);
        if (!leads) continue;
        grid_cell(&g, "%s, %s", title, SAY_IN(language, dedup));
        score_cells(&g, a->metrics_dedup[m], b->metrics_dedup[m]);
    }
    return grid_end(out, &g);
}

static const char *verdict(const comparison *c) {
    double bound = 0.01 * COMPARE_EQUIVALENCE;
    if (!c->disagreements) return SAY_IN(c->wish.language, verdict_equal);
    if (c->range.low >= -bound && c->range.high <= bound)
        return SAY_IN(c->wish.language, verdict_one_seed);
    return SAY_IN(c->wish.language, verdict_single);
}

static err add_disagreement(strbuf *out, const comparison *c, const compare_side sides[2]) {
    page_language language = c->wish.language;
    char one[SHOWN_COUNT_BYTES], other[SHOWN_COUNT_BYTES];
    err e;
    if ((e = strbuf_printf(out, SAY_IN(language, score_difference), 100 * c->difference,
                           100 * c->range.low, 100 * c->range.high)) ||
        (e = compare__cautions(out, sides, 2, language)) ||
        (e = strbuf_printf(out, SAY_IN(language, verdict_is), verdict(c))) ||
        (e = strbuf_printf(out, SAY_IN(language, predictions_differ),
                           shown_count(one, c->disagreements), shown_count(other, c->rows),
                           100.0 * (double)c->disagreements / (double)c->rows))) {
        return e;
    }
    for (size_t i = 0; i < c->first_row_count; i++) {
        const char *rows =
            c->first_row_count > 1 ? SAY_IN(language, row_numbers) : SAY_IN(language, row);
        e = i ? strbuf_add(out, ", ") : strbuf_printf(out, "; %s ", rows);
        if (e || (e = strbuf_printf(out, "%u", c->first_rows[i] + 1))) return e;
    }
    if ((e = strbuf_printf(out, "%s\n", c->disagreements > c->first_row_count ? ", ..." : "")))
        return e;
    if (!c->disagreements) return ERR_OK;
    if ((e = strbuf_printf(out, SAY_IN(language, in_one_alone), compare__better(c->a, language),
                           shown_count(one, c->only_a_right), shown_count(other, c->only_b_right),
                           compare__test_name(c->a, language), c->mcnemar_p)))
        return e;
    // of two runs' accuracies it is a test
    if (!strcmp(c->a->headline, "accuracy")) return ERR_OK;
    return compare__test_words(out, c->a, language);
}

static err add_parting(strbuf *out, const comparison *c) {
    const loss_drift *d = &c->loss;
    page_language language = c->wish.language;
    const char *plural = language_plural(language, d->steps);
    err e;
    if (!d->bits_part) return strbuf_printf(out, SAY_IN(language, losses_equal), d->steps, plural);
    if ((e = strbuf_printf(out, SAY_IN(language, first_bit), d->bit_step))) return e;
    if (d->losses_part)
        return strbuf_printf(out, SAY_IN(language, losses_beyond), COMPARE_TOLERANCE, d->part_step,
                             d->steps);
    return strbuf_printf(out, SAY_IN(language, losses_within), COMPARE_TOLERANCE, d->steps, plural);
}

static err add_losses(strbuf *out, const comparison *c) {
    const loss_drift *d = &c->loss;
    page_language language = c->wish.language;
    if (!d->steps) return strbuf_add(out, SAY_IN(language, no_losses));
    if (c->a->seed != c->b->seed) return strbuf_add(out, SAY_IN(language, losses_of_seeds));
    err e = add_parting(out, c);
    if (!e && c->a->loss_count != c->b->loss_count) {
        e = strbuf_printf(out, SAY_IN(language, steps_taken), c->a->loss_count,
                          language_plural(language, c->a->loss_count), c->b->loss_count);
    }
    if (e || !d->bits_part) return e;
    e = strbuf_printf(out, SAY_IN(language, largest_losses), d->largest_early, COMPARE_FIRST_STEPS,
                      d->largest);
    return e ? e : compare__drift_table(out, c->a, c->b, language);
}

/* The ratio, and what it is when one's slow steps meet the other's fast ones. */
static err add_ratio(strbuf *out, const comparison *c) {
    const record_timing *a = &c->a->timing, *b = &c->b->timing;
    if (a->tokens_per_s <= 0 || b->tokens_per_s <= 0) return ERR_OK;
    err e = strbuf_printf(out, SAY_IN(c->wish.language, speed_ratio),
                          b->tokens_per_s / a->tokens_per_s);
    if (!e && (a->steps < RECORD_STEPS_SPREAD || b->steps < RECORD_STEPS_SPREAD))
        e = strbuf_printf(out, SAY_IN(c->wish.language, speed_of_few_steps), (size_t)a->steps,
                          (size_t)b->steps, RECORD_STEPS_SPREAD);
    else if (!e && record_spread_known(c->a) && record_spread_known(c->b))
        e = strbuf_printf(out, SAY_IN(c->wish.language, speed_of_steps),
                          a->step_ms_p10 / b->step_ms_p90, a->step_ms_p90 / b->step_ms_p10);
    return e ? e : strbuf_add(out, "\n");
}

err compare_text(strbuf *out, const comparison *c, const char *name_a, const char *name_b) {
    const compare_side sides[] = {{name_a, &c->a, 1}, {name_b, &c->b, 1}};
    page_language l = c->wish.language;
    err e;
    if ((e = compare__title(out, sides, 2, l)) || (e = compare__sides(out, sides, 2, l)) ||
        (e = report__recipe_differences(out, c->a, c->b, l)) ||
        (e = compare__heading(out, SAY_IN(l, scores))) || (e = add_scores(out, c)) ||
        (e = add_disagreement(out, c, sides)) || (e = compare__rows(out, sides, &c->wish)) ||
        (e = compare__heading(out, SAY_IN(l, losses))) || (e = add_losses(out, c)) ||
        (e = compare__loss_table(out, sides, l)) || (e = compare__heading(out, SAY_IN(l, speed))) ||
        (e = compare__speed(out, sides, 2, l)) || (e = add_ratio(out, c)) ||
        (e = compare__heading(out, SAY_IN(l, kernels_of_sides)))) {
        return e;
    }
    return compare__kernels(out, sides, 2, l);
}

/* json */

static err add_side(cJSON *top, const char *key, const record *r, const char *name, double score) {
    const record_timing *t = &r->timing;
    cJSON *o;
    err e = json_add_object(&o, top, key);
    if (!e)
        e = json_put(o,
                     "name %s model %s seed %f protocol %s recipe_sha256 %s device %s driver %s "
                     "precision %s",
                     name, r->model.name, (double)r->seed, r->protocol, r->recipe_sha256,
                     RECORD_DEVICE(r), r->device.driver, r->device.precision);
    return e ? e
             : json_put(o,
                        "score %f score_dedup %f train_s %f eval_s %f tokens_per_s %f "
                        "sentences_per_s %f step_ms_p50 %f",
                        score, record_metric_dedup(r, r->headline), t->train_s, t->eval_s,
                        t->tokens_per_s, t->sentences_per_s, t->step_ms_p50);
}

static err add_predictions(cJSON *top, const comparison *c) {
    cJSON *o, *rows;
    err e;
    if ((e = json_add_object(&o, top, "predictions")) ||
        (e = json_put(o,
                      "rows %zu different %zu different_percent %f only_a_right %zu "
                      "only_b_right %zu",
                      c->rows, c->disagreements, 100.0 * (double)c->disagreements / (double)c->rows,
                      c->only_a_right, c->only_b_right)) ||
        (e = json_add_number(o, compare__test_key(c->a), c->mcnemar_p)) ||
        (e = json_add_array(&rows, o, "first_rows")))
        return e;
    for (size_t i = 0; i < c->first_row_count && !e; i++)
        e = json_append(rows, cJSON_CreateNumber(c->first_rows[i] + 1.0));
    return e;
}

static err add_loss_object(cJSON *top, const comparison *c) {
    const loss_drift *l = &c->loss;
    cJSON *o;
    err e = json_add_object(&o, top, "loss");
    if (!e) // a step is null where the losses never part so
        e = json_put(
            o,
            "steps %zu tolerance %f first_part_step %f first_bit_step %f "
            "largest_relative_first_50 %f largest_relative %f",
            l->steps, COMPARE_TOLERANCE, l->losses_part ? (double)l->part_step : (double)NAN,
            l->bits_part ? (double)l->bit_step : (double)NAN, l->largest_early, l->largest);
    return e ? e : compare__drift_json(o, c->a, c->b);
}

err compare_json(strbuf *out, const comparison *c, const char *name_a, const char *name_b) {
    const compare_side sides[] = {{name_a, &c->a, 1}, {name_b, &c->b, 1}};
    const double range[] = {c->range.low, c->range.high};
    cJSON *top = cJSON_CreateObject();
    err e;
    if ((e = json_put(top, "task %s metric %s", c->a->task.name, c->a->headline)) ||
        (e = add_side(top, "a", c->a, name_a, c->score_a)) ||
        (e = add_side(top, "b", c->b, name_b, c->score_b)) ||
        (e = json_put(top, "difference %f", c->difference)) ||
        (e = json_put_numbers(top, "interval", range, 2)) ||
        (e = json_add_bool(top, "rows_only", true)) || (e = add_predictions(top, c)) ||
        (e = add_loss_object(top, c)) || (e = report__recipe_differences_json(top, c->a, c->b)) ||
        (e = compare__rows_json(top, sides, &c->wish)) || (e = compare__sides_json(top, sides, 2)))
        goto done;
    e = json_text(out, top);
done:
    cJSON_Delete(top);
    return e;
}
