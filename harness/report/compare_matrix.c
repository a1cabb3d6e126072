#include "report/compare.h"

#include "metric/statistics.h"
#include "report/report_internal.h"

#include <math.h>
#include <string.h>

/* What one pair of sides comes to. */
typedef struct pair {
    group_comparison groups;
    bool single;    /* one run each, of one seed */
    comparison one; /* when single */
} pair;

static err compare_pair(pair *p, const compare_side *a, const compare_side *b) {
    *p = (pair){0};
    err e = compare_groups(&p->groups, a->runs, a->count, b->runs, b->count);
    if (e) return err_wrap(e, "%s and %s", a->name, b->name);
    p->single = a->count == 1 && b->count == 1;
    return p->single ? compare_records(&p->one, a->runs[0], b->runs[0], COMPARE_TOLERANCE) : ERR_OK;
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

static const char *verdict(const pair *p) {
    if (p->single) return p->one.disagreements ? "" : "every prediction equal";
    if (p->groups.rows_only) return "rows only: no claim";
    if (p->groups.equivalent) return "equivalent";
    return p->groups.p < 0.05 ? "different" : "neither shown";
}

/* --- text ----------------------------------------------------------------------------------------
 */

static err add_sides(strbuf *out, const compare_side *sides, size_t count) {
    double first = mean_speed(&sides[0]);
    err e =
        strbuf_printf(out,
                      "| | run | model | device | driver | precision | seeds | %s | tokens/s | of "
                      "the first |\n| --- | --- | --- | --- | --- | --- | ---: | ---: | ---: | "
                      "---: |\n",
                      metric_find(sides[0].runs[0]->headline)->title);
    for (size_t i = 0; i < count && !e; i++) {
        const record *r = sides[i].runs[0];
        double speed = mean_speed(&sides[i]);
        e = strbuf_printf(out, "| %c | %s | %s | %s | %s | %s | %zu | %.2f | %.0f | %.2f |\n",
                          (char)('A' + i), sides[i].name, r->model.name, r->device.name,
                          r->device.driver ? r->device.driver : "-", r->device.precision,
                          sides[i].count, 100 * mean_score(&sides[i]), speed,
                          first > 0 ? speed / first : 0);
    }
    return e;
}

static err add_pair(strbuf *out, const pair *p, size_t a, size_t b) {
    const group_comparison *g = &p->groups;
    err e = strbuf_printf(out, "| %c, %c | %+.2f | %+.2f to %+.2f%s | ", (char)('A' + a),
                          (char)('A' + b), 100 * g->difference, 100 * g->range.low,
                          100 * g->range.high, g->rows_only ? " (rows only)" : "");
    if (e) return e;
    if (p->single)
        e = strbuf_printf(out, "%.3g (McNemar) | ", p->one.mcnemar_p);
    else if (g->rows_only)
        e = strbuf_add(out, "- | ");
    else
        e = strbuf_printf(out, "%.3g | ", g->p);
    if (e) return e;
    if (g->shared)
        e = strbuf_printf(out, "%.2f %% | ", 100 * g->disagreement);
    else
        e = strbuf_add(out, "no seed in common | ");
    if (e) return e;
    if (!p->single)
        e = strbuf_add(out, "- | ");
    else if (!p->one.bits_part)
        e = strbuf_add(out, "never | ");
    else if (p->one.losses_part)
        e = strbuf_printf(out, "bits %zu, %g %zu | ", p->one.bit_step, p->one.tolerance,
                          p->one.part_step);
    else
        e = strbuf_printf(out, "bits %zu | ", p->one.bit_step);
    if (e) return e;
    e = p->single ? strbuf_printf(out, "%.2g | ", p->one.largest) : strbuf_add(out, "- | ");
    return e ? e : strbuf_printf(out, "%s |\n", verdict(p));
}

static err check_count(size_t count) {
    if (count >= 2 && count <= 26) return ERR_OK;
    return err_set(ERR_ARG, "%zu sides to compare, expected 2 to 26", count);
}

err compare_matrix_text(strbuf *out, const compare_side *sides, size_t count) {
    err e = check_count(count);
    if (e) return e;
    const record *any = sides[0].runs[0];
    if ((e = strbuf_printf(out, "%s, version %lld, %lld test rows\n\n", any->task.name,
                           (long long)any->task.version, (long long)any->task.test_rows)) ||
        (e = add_sides(out, sides, count)) ||
        (e = strbuf_add(out, "\n| pair | difference, points | 95 % interval | p | predictions that "
                             "differ | losses part at step | largest loss difference | verdict |\n"
                             "| --- | ---: | ---: | ---: | ---: | --- | ---: | --- |\n"))) {
        return e;
    }
    for (size_t a = 0; a < count && !e; a++) {
        for (size_t b = a + 1; b < count && !e; b++) {
            pair p;
            if (!(e = compare_pair(&p, &sides[a], &sides[b]))) e = add_pair(out, &p, a, b);
        }
    }
    return e;
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

static err add_side_json(cJSON *list, const compare_side *s) {
    cJSON *o = cJSON_CreateObject();
    const record *r = s->runs[0];
    if (!o) return err_set(ERR_MEMORY, "out of memory while building JSON");
    err e = json_append(list, o);
    if (e || (e = json_add_string(o, "name", s->name)) ||
        (e = json_add_string(o, "model", r->model.name)) ||
        (e = json_add_string(o, "device", r->device.name)) ||
        (e = json_add_string(o, "driver", r->device.driver)) ||
        (e = json_add_string(o, "precision", r->device.precision)) ||
        (e = json_add_number(o, "seeds", (double)s->count)) ||
        (e = json_add_number(o, "score", mean_score(s)))) {
        return e;
    }
    return json_add_number(o, "tokens_per_s", mean_speed(s));
}

static err add_pair_json(cJSON *list, const pair *p, size_t a, size_t b) {
    const group_comparison *g = &p->groups;
    cJSON *o = cJSON_CreateObject();
    if (!o) return err_set(ERR_MEMORY, "out of memory while building JSON");
    err e = json_append(list, o);
    if (e || (e = json_add_number(o, "a", (double)a)) || (e = json_add_number(o, "b", (double)b)) ||
        (e = json_add_number(o, "difference", g->difference)) ||
        (e = json_add_number(o, "low", g->range.low)) ||
        (e = json_add_number(o, "high", g->range.high)) ||
        (e = json_add_bool(o, "rows_only", g->rows_only)) ||
        (e = json_add_bool(o, "equivalent", g->equivalent)) ||
        (e = json_add_number(o, "shared_seeds", (double)g->shared)) ||
        (e = json_add_number(o, "disagreement", g->disagreement)) ||
        (e = json_add_number(o, "speed_ratio", g->speed))) {
        return e;
    }
    if (!p->single)
        return g->rows_only ? json_add_string(o, "p", NULL) : json_add_number(o, "p", g->p);
    if ((e = json_add_number(o, "mcnemar_p", p->one.mcnemar_p)) ||
        (e = p->one.bits_part ? json_add_number(o, "first_bit_step", (double)p->one.bit_step)
                              : json_add_string(o, "first_bit_step", NULL))) {
        return e;
    }
    return json_add_number(o, "largest_relative_loss", p->one.largest);
}

err compare_matrix_json(strbuf *out, const compare_side *sides, size_t count) {
    cJSON *top = cJSON_CreateObject(), *list;
    char *text = NULL;
    err e = top ? check_count(count) : err_set(ERR_MEMORY, "out of memory while building JSON");
    if (e || (e = json_add_string(top, "task", sides[0].runs[0]->task.name)) ||
        (e = json_add_string(top, "metric", sides[0].runs[0]->headline)) ||
        (e = json_add_array(&list, top, "sides"))) {
        goto done;
    }
    for (size_t i = 0; i < count && !e; i++) e = add_side_json(list, &sides[i]);
    if (e || (e = json_add_array(&list, top, "pairs"))) goto done;
    for (size_t a = 0; a < count && !e; a++) {
        for (size_t b = a + 1; b < count && !e; b++) {
            pair p;
            if (!(e = compare_pair(&p, &sides[a], &sides[b]))) e = add_pair_json(list, &p, a, b);
        }
    }
    if (!e && !(e = json_print(&text, top, true)) && !(e = strbuf_add(out, text)))
        e = strbuf_add(out, "\n");
done:
    mem_free(text);
    cJSON_Delete(top);
    return e;
}
