/* History as markdown, CSV and JSON. */
#include "base/shown.h"
#include "metric/steps.h"
#include "report/history.h"

#include <math.h>
#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        err try_e = (call);                                                                        \
        if (try_e) return try_e;                                                                   \
    } while (0)

static const char *const heads[HISTORY_KINDS] = {"Scores", "Speed of runs", "Speed, by bench"};

static err add_program(strbuf *out, const history_point *p) {
    strbuf text = {0};
    err e = history_program(&text, p);
    if (!e) e = shown_printf(out, SHOWN_MARKDOWN, "%.10s, %s", p->created, text.text);
    strbuf_free(&text);
    return e;
}

static err add_level(strbuf *out, const history_series *s, const history_level *x) {
    bool relative = history_is_relative(s->kind);
    const char *unit = relative ? " %" : "";
    TRY(strbuf_add(out, "| "));
    TRY(add_program(out, &s->points[x->begin]));
    TRY(strbuf_printf(out, relative ? " | %zu | %.1f | %.2f%s | " : " | %zu | %.2f | %.2f%s | ",
                      x->end - x->begin, relative ? x->value : 100 * x->value, 100 * x->noise,
                      unit));
    if (x == s->levels)
        TRY(strbuf_add(out, " |  |  | "));
    else
        TRY(strbuf_printf(out, "%+.2f%s | %+.2f to %+.2f%s | %.4f | ", 100 * x->change, unit,
                          100 * x->low, 100 * x->high, unit, x->p));
    TRY(add_program(out, &s->points[x->end - 1]));
    return strbuf_add(out, " |\n");
}

static err add_series(strbuf *out, const history_series *s) {
    TRY(shown_printf(out, SHOWN_MARKDOWN, "\n### %s: %s\n\n%s.\n\n", s->what, s->title, s->about));
    TRY(strbuf_printf(out,
                      "| from | records | %s | noise | change | 95 %% interval | p | to |\n"
                      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
                      history_is_relative(s->kind) ? "sentences/s" : "score"));
    for (size_t i = 0; i < s->level_count; i++) TRY(add_level(out, s, &s->levels[i]));
    return ERR_OK;
}

static err add_left_out(strbuf *out, const history *h) {
    return strbuf_printf(out,
                         "\nLeft out: %zu series of one record, %zu records of a part of the data, "
                         "%zu of programs with uncommitted changes, %zu records of speed without a "
                         "date.\n",
                         h->single, h->partial, h->dirty, h->undated);
}

err history_markdown(strbuf *out, const history *h, page_language language) {
    (void)language;
    TRY(strbuf_printf(
        out,
        "# History\n\n" HISTORY_MARKDOWN_MARK "; do not edit.\n\n"
        "A line is a level: records between two steps, as their median. Noise is the median "
        "absolute deviation from it (seeds, machine), times 1.4826, a share of a speed. A step is "
        "where binary segmentation of the CUSUM of ranks finds a change that at most %g %% of %d "
        "random orders of the same records have as large; its size is Hodges and Lehmann's.\n",
        100 * STEPS_LEVEL, STEPS_ORDERS));
    for (size_t i = 0; i < h->count; i++) {
        if (!i || h->series[i].kind != h->series[i - 1].kind)
            TRY(strbuf_printf(out, "\n## %s\n", heads[h->series[i].kind]));
        TRY(add_series(out, &h->series[i]));
    }
    return add_left_out(out, h);
}

static err add_row(strbuf *out, const history_series *s, const history_point *p,
                   const history_level *x) {
    const char *const texts[] = {s->what, s->title, s->about, p->created, p->version, p->commit};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        TRY(shown_add(out, SHOWN_CSV, texts[i]));
        TRY(strbuf_add(out, ","));
    }
    return strbuf_printf(out, "%lld,%.6f,%.6f\n", (long long)p->seed, p->value, x->value);
}

err history_csv(strbuf *out, const history *h, page_language language) {
    (void)language;
    TRY(strbuf_add(out, HISTORY_CSV_HEAD "\n"));
    for (size_t i = 0; i < h->count; i++) {
        const history_series *s = &h->series[i];
        for (size_t k = 0; k < s->level_count; k++)
            for (size_t n = s->levels[k].begin; n < s->levels[k].end; n++)
                TRY(add_row(out, s, &s->points[n], &s->levels[k]));
    }
    return ERR_OK;
}

static err json_level(cJSON *list, const history_series *s, const history_level *x) {
    cJSON *one;
    TRY(json_append_object(&one, list));
    TRY(json_put(one, "begin %zu end %zu value %f noise %f", x->begin, x->end, x->value, x->noise));
    if (x == s->levels) return ERR_OK;
    return json_put(one, "change %f low %f high %f p %f", x->change, x->low, x->high, x->p);
}

static err json_series(cJSON *list, const history_series *s) {
    cJSON *one, *points, *levels, *point;
    TRY(json_append_object(&one, list));
    TRY(json_put(one, "of %s what %s title %s about %s relative %d", heads[s->kind], s->what,
                 s->title, s->about, history_is_relative(s->kind)));
    TRY(json_add_array(&points, one, "points"));
    for (size_t i = 0; i < s->count; i++) {
        const history_point *p = &s->points[i];
        TRY(json_append_object(&point, points));
        TRY(json_put(point, "created %s version %s commit %s seed %f value %f", p->created,
                     p->version, p->commit, (double)p->seed, p->value));
    }
    TRY(json_add_array(&levels, one, "levels"));
    for (size_t i = 0; i < s->level_count; i++) TRY(json_level(levels, s, &s->levels[i]));
    return ERR_OK;
}

static err json_all(cJSON *root, const history *h) {
    cJSON *list;
    TRY(json_put(root, "schema %s level %f orders %u single %zu partial %zu dirty %zu undated %zu",
                 HISTORY_JSON_SCHEMA, STEPS_LEVEL, (unsigned)STEPS_ORDERS, h->single, h->partial,
                 h->dirty, h->undated));
    TRY(json_add_array(&list, root, "series"));
    for (size_t i = 0; i < h->count; i++) TRY(json_series(list, &h->series[i]));
    return ERR_OK;
}

err history_json(strbuf *out, const history *h, page_language language) {
    (void)language;
    cJSON *root = cJSON_CreateObject();
    err e = json_all(root, h);
    if (!e) e = json_text(out, root);
    cJSON_Delete(root);
    return e;
}
