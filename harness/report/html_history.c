/* History as a page: a chart and a table of levels for each series. */
#include "metric/steps.h"
#include "platform/clock.h"
#include "report/history.h"
#include "report/html_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double DAY = 86400;

static double shown_value(const history_series *s, double value) {
    return history_is_relative(s->kind) ? value : 100 * value;
}

/* What the band of a level reaches: twice its noise. */
static interval band_of(const history_series *s, const history_level *x) {
    double share = 1 + 2 * x->noise;
    if (history_is_relative(s->kind)) return (interval){x->value / share, x->value * share};
    return (interval){100 * (x->value - 2 * x->noise), 100 * (x->value + 2 * x->noise)};
}

static svg_scale scale_of(const history_series *s) {
    svg_scale a = {s->points[0].when, s->points[s->count - 1].when, HUGE_VAL, -HUGE_VAL};
    for (size_t i = 0; i < s->count; i++) {
        double v = shown_value(s, s->points[i].value);
        a.y_low = fmin(a.y_low, v);
        a.y_high = fmax(a.y_high, v);
    }
    // room around the points, also of those that are all alike
    double x_room = fmax(60, (a.x_high - a.x_low) / 40);
    double y_room = fmax(fmax(1e-6, fabs(a.y_high) / 100), (a.y_high - a.y_low) / 8);
    return (svg_scale){a.x_low - x_room, a.x_high + x_room, a.y_low - y_room, a.y_high + y_room};
}

static void add_dates(page *p, const svg_scale *a) {
    enum { TICKS = 3 };
    static const char *const anchors[] = {"start", "middle", "end"};
    double length = a->x_high - a->x_low;
    for (int i = 0; i < TICKS; i++) {
        double at = a->x_low + length * i / (TICKS - 1);
        struct tm utc;
        char text[32];
        if (!clock_utc(&utc, (time_t)at)) continue;
        strftime(text, sizeof text, length < 3 * DAY ? "%m-%d %H:%M" : "%Y-%m-%d", &utc);
        html__format(p, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", svg__x(a, at),
                     SVG_HEIGHT - SVG_BOTTOM + 17, anchors[i], text);
    }
}

/* Where another version begins; names that would lie on each other are left to the marks. */
static void add_versions(page *p, const history_series *s, const svg_scale *a) {
    enum { NAME_WIDTH = 80 };
    double free_from = 0;
    for (size_t i = 1; i < s->count; i++) {
        if (!strcmp(s->points[i].version, s->points[i - 1].version)) continue;
        double x = svg__x(a, s->points[i].when);
        html__format(p, "<line class=\"base\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", x,
                     x, SVG_TOP, SVG_HEIGHT - SVG_BOTTOM);
        if (x < free_from) continue;
        bool left = x > SVG_WIDTH - SVG_RIGHT - NAME_WIDTH;
        html__format(p, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.10s</text>\n",
                     left ? x - 3 : x + 3, SVG_TOP + 10, left ? "end" : "start",
                     s->points[i].version);
        free_from = x + NAME_WIDTH;
    }
}

static void add_levels(page *p, const history_series *s, const svg_scale *a) {
    for (size_t i = 0; i < s->level_count; i++) {
        const history_level *x = &s->levels[i];
        interval band = band_of(s, x);
        double from = svg__x(a, s->points[x->begin].when), to;
        double high = svg__y(a, fmin(band.high, a->y_high));
        double low = svg__y(a, fmax(band.low, a->y_low)), y = svg__y(a, shown_value(s, x->value));
        to = fmax(from + 2, svg__x(a, s->points[x->end - 1].when));
        html__format(p,
                     "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                     "height=\"%.1f\"/><line class=\"level\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
                     "y2=\"%.1f\"/>\n",
                     from, high, to - from, fmax(0, low - high), from, to, y, y);
        if (!i) continue;
        double before = svg__x(a, s->points[x->begin - 1].when), at = (before + from) / 2;
        html__format(p, "<line class=\"step\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                     at, at, svg__y(a, shown_value(s, x[-1].value)), y);
    }
}

static void add_points(page *p, const history_series *s, const svg_scale *a) {
    for (size_t i = 0; i < s->count; i++) {
        const history_point *x = &s->points[i];
        strbuf program = {0};
        html__take(p, history_program(&program, x));
        if (!p->e)
            html__format(p,
                         "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"><title>%s, %s: "
                         "%.4f</title></circle>\n",
                         svg__x(a, x->when), svg__y(a, shown_value(s, x->value)), x->created,
                         program.text, shown_value(s, x->value));
        strbuf_free(&program);
    }
}

static const char *value_title(const page *p, const history_series *s) {
    return history_is_relative(s->kind) ? SAY(p, sentences_per_s) : SAY(p, score_points);
}

static void add_chart(page *p, const history_series *s) {
    svg_scale a = scale_of(s);
    svg__begin(p, &a, SAY(p, date), value_title(p, s));
    add_dates(p, &a);
    add_versions(p, s, &a);
    add_levels(p, s, &a);
    add_points(p, s, &a);
    html__add(p, "</svg>\n");
}

static void add_program(page *p, const history_point *at) {
    strbuf program = {0};
    html__take(p, history_program(&program, at));
    if (!p->e) html__format(p, "%.10s<br>%s", at->created, program.text);
    strbuf_free(&program);
}

static void add_level(page *p, const history_series *s, const history_level *x) {
    const char *unit = history_is_relative(s->kind) ? " %" : "";
    html__add(p, "<tr><th scope=\"row\">");
    add_program(p, &s->points[x->begin]);
    html__format(
        p, "</th><td class=\"n\">%zu</td><td class=\"n\">%.*f</td><td class=\"n\">%.2f%s</td>",
        x->end - x->begin, history_is_relative(s->kind) ? 1 : 2, shown_value(s, x->value),
        100 * x->noise, unit);
    if (x == s->levels) {
        html__add(p, "<td></td><td></td><td></td>");
    } else {
        html__format(p, "<td class=\"n\">%+.2f%s</td><td class=\"n\">", 100 * x->change, unit);
        html__format(p, SAY(p, change_range), 100 * x->low, 100 * x->high, unit);
        html__format(p, "</td><td class=\"n\">%.4f</td>", x->p);
    }
    html__add(p, "<td>");
    add_program(p, &s->points[x->end - 1]);
    html__add(p, "</td></tr>\n");
}

/* A part that is a term ("macro F1"), begins with one ("version 3") or ends with one ("96 parameters"). */
static err add_part(strbuf *out, page_language language, const char *part) {
    const char *whole = language_term(language, part), *last = strrchr(part, ' ');
    char first[64];
    size_t n = strcspn(part, " ");
    if (whole != part || !last) return strbuf_add(out, whole);
    snprintf(first, sizeof first, "%.*s", (int)n, part);
    err e = strbuf_add(out, n < sizeof first ? language_term(language, first) : part);
    if (e || n >= sizeof first) return e;
    e = strbuf_add_bytes(out, part + n, (size_t)(last + 1 - part) - n);
    return e ? e : strbuf_add(out, language_term(language, last + 1));
}

/* What a series is called is of parts with ", " or "; " between them, the first `names` of which are
 * names. *out is owned. */
static err translate(char **out, page_language language, const char *text, size_t names) {
    strbuf all = {0};
    err e = strbuf_add(&all, "");
    while (*text && !e) {
        char *part = NULL;
        size_t n = 0;
        while (text[n] && !((text[n] == ',' || text[n] == ';') && text[n + 1] == ' ')) n++;
        e = mem_strndup(&part, text, n);
        if (!e) e = names ? strbuf_add(&all, part) : add_part(&all, language, part);
        mem_free(part);
        text += n;
        n = *text ? 2 : 0;
        if (!e) e = strbuf_add_bytes(&all, text, n);
        text += n;
        names -= names > 0;
    }
    *out = all.text;
    return e;
}

static void add_series(page *p, const history_series *s) {
    char *label = NULL, *what = NULL, *about = NULL;
    html__take(p, translate(&what, p->language, s->what, 1));
    if (!p->e) html__take(p, translate(&about, p->language, s->about, 0));
    if (!p->e)
        html__format(p, "<section><h3>%s: %s</h3>\n<p class=\"soft\">%s.</p>\n", what, s->title,
                     about);
    add_chart(p, s);
    if (!p->e) html__take(p, mem_printf(&label, "%s: %s", what, s->title));
    if (label) html__table_begin(p, label, "");
    mem_free(label);
    mem_free(what);
    mem_free(about);
    html__add(p, "<thead><tr>");
    const struct {
        const char *title;
        bool is_number;
    } heads[] = {{SAY(p, from), false}, {SAY(p, records), true}, {value_title(p, s), true},
                 {SAY(p, noise), true}, {SAY(p, change), true},  {SAY(p, interval), true},
                 {"p", true},           {SAY(p, to), false}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        html__add(p, heads[i].is_number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        html__format(p, "%s</th>", heads[i].title);
    }
    html__add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < s->level_count; i++) add_level(p, s, &s->levels[i]);
    html__add(p, "</tbody>");
    html__table_end(p);
    html__add(p, "</section>\n");
}

static const char *kind_title(const page *p, history_kind kind) {
    return kind == HISTORY_SCORE ? SAY(p, history_scores)
           : kind == HISTORY_RUN ? SAY(p, history_runs)
                                 : SAY(p, history_bench);
}

/* All series of one kind. Returns the first behind them. */
static size_t add_kind(page *p, const history *h, size_t first) {
    size_t i = first;
    html__format(p, "<section><h2>%s</h2>\n<div class=\"columns\">\n",
                 kind_title(p, h->series[first].kind));
    for (; i < h->count && h->series[i].kind == h->series[first].kind; i++)
        add_series(p, &h->series[i]);
    html__add(p, "</div>\n</section>\n");
    return i;
}

err history_html(strbuf *out, const history *h, page_language language) {
    page p = {.out = out, .language = language};
    html__begin(&p, SAY(&p, history_title), "");
    html__format(&p, "<header>\n<h1>%s</h1>\n</header>\n", SAY(&p, history));
    html__main(&p);
    html__add(&p, "<p>");
    html__format(&p, SAY(&p, history_words), 100 * STEPS_LEVEL, STEPS_ORDERS);
    html__add(&p, "</p>\n");
    if (!h->count) html__format(&p, "<p>%s</p>\n", SAY(&p, history_none));
    for (size_t i = 0; i < h->count && !p.e;) i = add_kind(&p, h, i);
    html__add(&p, "<p class=\"soft\">");
    html__format(&p, SAY(&p, history_left_out), h->single, h->partial, h->dirty, h->undated);
    html__add(&p, "</p>\n");
    html__end(&p, SAY(&p, footer_history));
    return p.e;
}
