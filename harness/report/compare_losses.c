/* The losses of two sides' runs over each other: a table for every medium, and a chart of pages. */
#include "report/compare_internal.h"
#include "report/grid.h"
#include "report/html_internal.h"

#include <math.h>

enum { PARTS = 8, POINTS = 200 };

static size_t most_steps(const compare_side *side) {
    size_t most = 0;
    for (size_t r = 0; r < side->count; r++)
        if (side->runs[r]->loss_count > most) most = side->runs[r]->loss_count;
    return most;
}

/* Mean loss of the runs that have all steps [from, to); NaN where none has. */
static double mean_loss(const compare_side *side, size_t from, size_t to) {
    double sum = 0;
    size_t runs = 0;
    for (size_t r = 0; r < side->count; r++) {
        const record *run = side->runs[r];
        if (run->loss_count < to) continue;
        runs++;
        for (size_t i = from; i < to; i++) sum += (double)run->loss[i];
    }
    return runs ? sum / (double)(runs * (to - from)) : (double)NAN;
}

err compare__loss_table(strbuf *out, const compare_side sides[2], page_language language) {
    const char *const heads[] = {SAY_IN(language, mean_loss_of_steps), "A", "B"};
    size_t a = most_steps(&sides[0]), b = most_steps(&sides[1]), steps = a > b ? a : b;
    size_t parts = steps < PARTS ? steps : PARTS;
    err e = strbuf_add(out, "\n");
    if (e || !steps) return e;
    grid g = grid_begin("lrr");
    for (size_t i = 0; i < 3; i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < parts; i++) {
        size_t from = i * steps / parts, to = (i + 1) * steps / parts;
        if (to - from > 1)
            grid_cell(&g, SAY_IN(language, step_range), from + 1, to);
        else
            grid_cell(&g, "%zu", to);
        for (size_t s = 0; s < 2; s++) {
            double mean = mean_loss(&sides[s], from, to);
            if (isnan(mean))
                grid_text(&g, "-");
            else
                grid_cell(&g, "%.4f", mean);
        }
    }
    return grid_end(out, &g);
}

/* Means of equally many steps, at most POINTS of them. */
static size_t points_of(double *x, double *y, const record *run, size_t per) {
    size_t count = 0;
    for (size_t from = 0; from < run->loss_count; from += per, count++) {
        size_t to = from + per < run->loss_count ? from + per : run->loss_count;
        double sum = 0;
        for (size_t k = from; k < to; k++) sum += (double)run->loss[k];
        x[count] = 0.5 * (double)(from + 1 + to);
        y[count] = sum / (double)(to - from);
    }
    return count;
}

static void add_run(page *p, const svg_scale *s, const record *run, size_t per, size_t side) {
    double x[POINTS], y[POINTS];
    size_t count = points_of(x, y, run, per);
    html__format(p, "<polyline class=\"line side%zu\" points=\"", side % 3);
    for (size_t i = 0; i < count; i++)
        html__format(p, "%s%.1f,%.1f", i ? " " : "", svg__x(s, x[i]), svg__y(s, y[i]));
    html__add(p, "\"/>\n");
}

static void add_legend(page *p, size_t count) {
    const char *const lines[] = {SAY(p, solid), SAY(p, dashed), SAY(p, dotted)};
    html__add(p, "<p class=\"soft\">");
    for (size_t i = 0; i < count; i++)
        html__format(p, "%s%c: %s", i ? "; " : "", (int)('A' + i), lines[i % 3]);
    html__format(p, "; %s</p>\n", SAY(p, line_each_run));
}

void compare__loss_chart(page *p, const compare_side *sides, size_t count) {
    size_t steps = 0, per;
    svg_scale s = {.x_low = 1};
    for (size_t i = 0; i < count; i++)
        if (most_steps(&sides[i]) > steps) steps = most_steps(&sides[i]);
    if (!steps) return;
    per = (steps + POINTS - 1) / POINTS;
    s.x_high = fmax(2, (double)steps);
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; r < sides[i].count; r++) {
            double x[POINTS], y[POINTS];
            size_t n = points_of(x, y, sides[i].runs[r], per);
            for (size_t k = 0; k < n; k++) s.y_high = fmax(s.y_high, y[k]);
        }
    if (s.y_high <= 0) s.y_high = 1;
    html__format(p, "<h2>%s</h2>\n<div class=\"columns\"><div>\n", SAY(p, losses_of_all));
    svg__begin_counted(p, &s, SAY(p, optimizer_step), SAY(p, loss));
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; r < sides[i].count; r++) add_run(p, &s, sides[i].runs[r], per, i);
    html__add(p, "</svg>\n");
    add_legend(p, count);
    html__add(p, "</div></div>\n");
}
