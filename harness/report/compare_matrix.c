#include "base/shown.h"
#include "metric/statistics.h"
#include "report/compare_internal.h"
#include "report/grid.h"

#include <math.h>
#include <string.h>

/* What one pair of sides comes to. */
typedef struct pair {
    group_comparison groups;
    bool single;    /* one run each, of one seed */
    comparison one; /* when single */
} pair;

static err compare_pair(pair *p, const compare_side *a, const compare_side *b,
                        compare_kept *const kept[2]) {
    *p = (pair){0};
    err e = compare__groups(&p->groups, a->runs, a->count, b->runs, b->count, kept);
    if (e) return err_wrap(e, "%s and %s", a->name, b->name);
    p->single = a->count == 1 && b->count == 1;
    if (!p->single || (e = compare__runs(&p->one, a->runs[0], b->runs[0]))) return e;
    p->one.range = p->groups.range;
    return ERR_OK;
}

static double mean_score(const compare_side *s) {
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) sum += record_metric(s->runs[i], s->runs[i]->headline);
    return sum / (double)s->count;
}

static double mean_speed(const compare_side *s) {
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) sum += s->runs[i]->timing.tokens_per_s;
    return sum / (double)s->count;
}

/* Share of predictions that differ; NaN of groups without a seed in common. */
static double disagreement(const pair *p) {
    if (p->single) return (double)p->one.disagreements / (double)p->one.rows;
    return p->groups.shared ? p->groups.disagreement : (double)NAN;
}

/* Of runs of one seed: those of two see other rows, and part at once. */
static bool has_losses(const pair *p) {
    return p->single && p->groups.shared;
}

static const char *verdict(const pair *p, page_language l) {
    if (p->single) return p->one.disagreements ? "" : SAY_IN(l, all_equal);
    if (p->groups.rows_only) return SAY_IN(l, rows_no_claim);
    if (p->groups.equivalent) return SAY_IN(l, equivalent);
    return p->groups.p < 0.05 ? SAY_IN(l, different) : SAY_IN(l, neither_shown);
}

static err add_sides(strbuf *out, const compare_side *sides, size_t count, page_language l) {
    double first = mean_speed(&sides[0]);
    grid g = grid_begin("lllrrrr");
    const char *const heads[] = {"", SAY_IN(l, model_name), SAY_IN(l, device_name),
                                 language_term(l, "seeds")};
    for (size_t i = 0; i < 4; i++) grid_text(&g, heads[i]);
    grid_text(&g, language_term(l, metric_said(sides[0].runs[0]->headline)));
    grid_text(&g, SAY_IN(l, tokens_a_second));
    grid_text(&g, SAY_IN(l, of_the_first));
    for (size_t i = 0; i < count; i++) {
        const record *r = sides[i].runs[0];
        double speed = mean_speed(&sides[i]);
        grid_cell(&g, "%c", (char)('A' + i));
        grid_text(&g, r->model.name);
        grid_text(&g, RECORD_DEVICE(r));
        grid_cell(&g, "%zu", sides[i].count);
        grid_cell(&g, "%.2f", 100 * mean_score(&sides[i]));
        grid_cell(&g, "%.0f", speed);
        grid_cell(&g, "%.2f", first > 0 ? speed / first : 0);
    }
    return grid_end(out, &g);
}

static err add_pair(strbuf *out, const pair *p, size_t a, size_t b, page_language l) {
    const group_comparison *g = &p->groups;
    err e = strbuf_printf(out, "| %c, %c | %+.2f | ", (char)('A' + a), (char)('A' + b),
                          100 * g->difference);
    if (!e)
        e = strbuf_printf(out, SAY_IN(l, change_range), 100 * g->range.low, 100 * g->range.high,
                          "");
    if (!e && g->rows_only) e = strbuf_printf(out, " (%s)", SAY_IN(l, rows_only));
    if (!e) e = strbuf_add(out, " | ");
    if (e) return e;
    if (p->single)
        e = strbuf_printf(out, "%.3g (%s) | ", p->one.mcnemar_p, compare__test_name(p->one.a, l));
    else if (g->rows_only)
        e = strbuf_add(out, "- | ");
    else
        e = strbuf_printf(out, "%.3g | ", g->p);
    if (e) return e;
    if (isnan(disagreement(p)))
        e = strbuf_printf(out, "%s | ", SAY_IN(l, no_seed_shared));
    else
        e = strbuf_printf(out, "%.2f %% | ", 100 * disagreement(p));
    if (e) return e;
    if (!has_losses(p))
        e = strbuf_add(out, "- | ");
    else if (!p->one.loss.bits_part)
        e = strbuf_printf(out, "%s | ", SAY_IN(l, never));
    else if (p->one.loss.losses_part)
        e = strbuf_printf(out, "%s %zu, %g %zu | ", SAY_IN(l, bits), p->one.loss.bit_step,
                          COMPARE_TOLERANCE, p->one.loss.part_step);
    else
        e = strbuf_printf(out, "%s %zu | ", SAY_IN(l, bits), p->one.loss.bit_step);
    if (e) return e;
    e = has_losses(p) ? strbuf_printf(out, "%.2g | ", p->one.loss.largest)
                      : strbuf_add(out, "- | ");
    return e ? e : strbuf_printf(out, "%s |\n", verdict(p, l));
}

/* Of what the p of two single runs is: not of the difference beside it. */
static err add_test(strbuf *out, const pair *pairs, const compare_side *sides, size_t count,
                    page_language l) {
    bool any = false;
    const record *r = sides[0].runs[0];
    for (size_t i = 0; i < count * count; i++) any = any || pairs[i].single;
    if (!any) return ERR_OK;
    return compare__test_words(out, r, l);
}

/* Share of predictions that differ, every side against every other. */
static err add_disagreements(strbuf *out, const pair *pairs, size_t count, page_language l) {
    char columns[32] = "l";
    memset(columns + 1, 'r', count);
    grid g = grid_begin(columns);
    grid_text(&g, SAY_IN(l, that_differ_percent));
    for (size_t i = 0; i < count; i++) grid_cell(&g, "%c", (char)('A' + i));
    for (size_t a = 0; a < count; a++) {
        grid_cell(&g, "%c", (char)('A' + a));
        for (size_t b = 0; b < count; b++) {
            const pair *p = &pairs[a < b ? a * count + b : b * count + a];
            if (a == b || isnan(disagreement(p)))
                grid_text(&g, "");
            else
                grid_cell(&g, "%.2f", 100 * disagreement(p));
        }
    }
    return grid_end(out, &g);
}

/* pairs (count, count), those above the diagonal filled in; owned. */
static err compare_pairs(pair **pairs, const compare_side *sides, size_t count) {
    compare_kept *kept = NULL;
    err e = mem_new(pairs, count * count);
    if (!e) e = mem_new(&kept, count);
    for (size_t a = 0; a < count && !e; a++)
        for (size_t b = a + 1; b < count && !e; b++)
            e = compare_pair(&(*pairs)[a * count + b], &sides[a], &sides[b],
                             (compare_kept *const[]){&kept[a], &kept[b]});
    for (size_t i = 0; i < count && kept; i++) mem_free(kept[i].means);
    mem_free(kept);
    return e;
}

static err add_pairs(strbuf *out, const pair *pairs, size_t count, page_language l) {
    err e = strbuf_printf(
        out,
        "| %s | %s | %s | p | %s | %s | %s | %s |\n| --- | ---: | ---: | ---: | ---: | --- | "
        "---: | --- |\n",
        SAY_IN(l, pair), SAY_IN(l, difference_points), SAY_IN(l, interval), SAY_IN(l, that_differ),
        SAY_IN(l, losses_part_at), SAY_IN(l, largest_difference), SAY_IN(l, verdict));
    for (size_t a = 0; a < count && !e; a++)
        for (size_t b = a + 1; b < count && !e; b++)
            e = add_pair(out, &pairs[a * count + b], a, b, l);
    return e;
}

static err add_cautions(strbuf *out, const compare_side *sides, size_t count, page_language l) {
    size_t before = out->length;
    err e = compare__cautions(out, sides, count, l);
    return e || out->length == before ? e : strbuf_add(out, "\n");
}

static err add_all(strbuf *out, const compare_side *sides, const pair *pairs, size_t count,
                   page_language l) {
    err e;
    if ((e = compare__title(out, sides, count, l)) || (e = add_sides(out, sides, count, l)) ||
        (e = compare__heading(out, SAY_IN(l, pairs))) || (e = add_pairs(out, pairs, count, l)) ||
        (e = add_test(out, pairs, sides, count, l)) || (e = strbuf_add(out, "\n")) ||
        (e = add_cautions(out, sides, count, l)) || (e = add_disagreements(out, pairs, count, l)) ||
        (e = compare__heading(out, SAY_IN(l, sides))) ||
        (e = compare__sides(out, sides, count, l)) ||
        (e = compare__heading(out, SAY_IN(l, speed))) ||
        (e = compare__speed(out, sides, count, l)) ||
        (e = compare__heading(out, SAY_IN(l, kernels_of_sides))))
        return e;
    return compare__kernels(out, sides, count, l);
}

err compare_matrix_text(strbuf *out, const compare_side *sides, size_t count,
                        page_language language) {
    pair *pairs = NULL;
    err e = compare__check_sides(count);
    if (!e) e = compare_pairs(&pairs, sides, count);
    if (!e) e = add_all(out, sides, pairs, count, language);
    mem_free(pairs);
    return e;
}

static err add_side_json(cJSON *list, const compare_side *s) {
    cJSON *o;
    const record *r = s->runs[0];
    err e = json_append_object(&o, list);
    if (e) return e;
    return json_put(
        o,
        "name %s model %s protocol %s device %s driver %s precision %s seeds %zu score %f "
        "tokens_per_s %f",
        s->name, r->model.name, r->protocol, RECORD_DEVICE(r), r->device.driver,
        r->device.precision, s->count, mean_score(s), mean_speed(s));
}

static err add_pair_json(cJSON *list, const pair *p, size_t a, size_t b) {
    const group_comparison *g = &p->groups;
    const loss_drift *l = &p->one.loss;
    cJSON *o;
    err e = json_append_object(&o, list);
    if (e || (e = json_put(o,
                           "a %zu b %zu difference %f low %f high %f rows_only %d equivalent %d "
                           "shared_seeds %zu disagreement %f speed_ratio %f",
                           a, b, g->difference, g->range.low, g->range.high, g->rows_only,
                           g->equivalent, g->shared, disagreement(p), g->speed)))
        return e;
    if (!p->single) return json_put(o, "p %f", g->rows_only ? (double)NAN : g->p);
    if ((e = json_add_number(o, compare__test_key(p->one.a), p->one.mcnemar_p))) return e;
    return json_put(o, "first_bit_step %f largest_relative_loss %f",
                    has_losses(p) && l->bits_part ? (double)l->bit_step : (double)NAN,
                    has_losses(p) ? l->largest : (double)NAN);
}

err compare_matrix_json(strbuf *out, const compare_side *sides, size_t count) {
    cJSON *top = cJSON_CreateObject(), *list;
    pair *pairs = NULL;
    err e = compare__check_sides(count);
    if (e || (e = compare_pairs(&pairs, sides, count)) ||
        (e = json_put(top, "task %s metric %s", sides[0].runs[0]->task.name,
                      sides[0].runs[0]->headline)) ||
        (e = json_add_array(&list, top, "sides")))
        goto done;
    for (size_t i = 0; i < count && !e; i++) e = add_side_json(list, &sides[i]);
    if (e || (e = json_add_array(&list, top, "pairs"))) goto done;
    for (size_t a = 0; a < count && !e; a++)
        for (size_t b = a + 1; b < count && !e; b++)
            e = add_pair_json(list, &pairs[a * count + b], a, b);
    if (!e) e = compare__sides_json(top, sides, count);
    if (!e) e = json_text(out, top);
done:
    mem_free(pairs);
    cJSON_Delete(top);
    return e;
}
