#include "cli/bench_svg.h"

#include "base/shown.h"

#include <math.h>

enum { WIDTH = 900, HEIGHT = 560, LEFT = 70, RIGHT = 880, TOP = 50, BOTTOM = 500 };

/* Powers of ten at the ends of both axes. */
typedef struct axes {
    double x_low, x_high, y_low, y_high;
} axes;

static double place_x(const axes *a, double value) {
    return LEFT + (log10(value) - a->x_low) / (a->x_high - a->x_low) * (RIGHT - LEFT);
}

static double place_y(const axes *a, double value) {
    return BOTTOM - (log10(value) - a->y_low) / (a->y_high - a->y_low) * (BOTTOM - TOP);
}

/* FLOP per byte; 0 for an op that cannot be shown. */
static double intensity(const bench_row *row) {
    return row->bytes > 0 && row->flops > 0 && row->gflops > 0 ? row->flops / row->bytes : 0;
}

static void reach(double *low, double *high, double value) {
    if (floor(log10(value)) < *low) *low = floor(log10(value));
    if (ceil(log10(value)) > *high) *high = ceil(log10(value));
}

static axes axes_of(const bench *b) {
    axes a = {-1, 2, 0, 1};
    const bench_phase *const phases[] = {&b->training, &b->evaluation};
    reach(&a.y_low, &a.y_high, b->peak_gflops);
    reach(&a.x_low, &a.x_high, b->peak_gflops / b->peak_gbytes * 10);
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < phases[p]->row_count; i++) {
            const bench_row *row = &phases[p]->rows[i];
            if (intensity(row) <= 0) continue;
            reach(&a.x_low, &a.x_high, intensity(row));
            reach(&a.y_low, &a.y_high, row->gflops);
        }
    }
    return a;
}

static err draw_grid(strbuf *out, const axes *a) {
    err e = ERR_OK;
    for (double t = a->x_low; !e && t <= a->x_high; t++) {
        double x = place_x(a, pow(10, t));
        e = strbuf_printf(out,
                          "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" class=\"grid\"/>"
                          "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                          x, TOP, x, BOTTOM, x, BOTTOM + 18, pow(10, t));
    }
    for (double t = a->y_low; !e && t <= a->y_high; t++) {
        double y = place_y(a, pow(10, t));
        e = strbuf_printf(out,
                          "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" class=\"grid\"/>"
                          "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                          LEFT, y, RIGHT, y, LEFT - 8, y + 4, pow(10, t));
    }
    if (e) return e;
    return strbuf_printf(out,
                         "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">FLOP per byte</text>"
                         "<text x=\"%d\" y=\"%d\">GFLOP/s</text>\n",
                         (LEFT + RIGHT) / 2, HEIGHT - 20, LEFT - 40, TOP - 12);
}

/* The copy's slope up to where it meets the product's ceiling. */
static err draw_roof(strbuf *out, const axes *a, const bench *b) {
    double ridge = b->peak_gflops / b->peak_gbytes;
    // where the slope enters the chart: at its left edge or at its bottom
    double from = fmax(pow(10, a->x_low), pow(10, a->y_low) / b->peak_gbytes);
    return strbuf_printf(out,
                         "<polyline class=\"roof\" points=\"%.1f,%.1f %.1f,%.1f %d,%.1f\"/>"
                         "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">product %.0f GFLOP/s, copy "
                         "%.1f GB/s</text>\n",
                         place_x(a, from), place_y(a, from * b->peak_gbytes), place_x(a, ridge),
                         place_y(a, b->peak_gflops), RIGHT, place_y(a, b->peak_gflops), RIGHT,
                         place_y(a, b->peak_gflops) - 8, b->peak_gflops, b->peak_gbytes);
}

/* Area of a point tells its share of the time. */
static err draw_points(strbuf *out, const axes *a, const bench_phase *phase, const char *name,
                       const char *color) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < phase->row_count; i++) {
        const bench_row *row = &phase->rows[i];
        if (intensity(row) <= 0) continue;
        double x = place_x(a, intensity(row)), y = place_y(a, row->gflops);
        double radius = 3 + 20 * sqrt(row->share);
        e = strbuf_printf(
            out,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" "
            "fill-opacity=\"0.5\"><title>%s: %s %s, %.3f ms, %.1f GFLOP/s, %.1f GB/s, "
            "%.1f %% of the time</title></circle>\n",
            x, y, radius, color, name, op_name(row->kind), row->shape, row->ms.median, row->gflops,
            row->gbytes, 100 * row->share);
        // names only where there is something to see
        if (!e && row->share >= 0.05)
            e = strbuf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"name\">%s %s</text>\n",
                              x + radius + 2, y + 3, op_name(row->kind), row->shape);
    }
    return e;
}

err bench_svg(strbuf *out, const bench *b, const char *title) {
    static const char *const colors[] = {"#1f6fb4", "#c8641e"};
    axes a = axes_of(b);
    err e =
        strbuf_printf(out,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                      "font-family=\"sans-serif\" font-size=\"12\">\n"
                      "<style>.grid{stroke:#ddd}" BENCH_SVG_MARK ";stroke-width:2}"
                      ".name{font-size:10px;fill:#444}</style>\n"
                      "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"22\" "
                      "font-size=\"15\">",
                      WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
    if (!e) e = shown_add(out, SHOWN_HTML, title);
    if (!e)
        e = strbuf_printf(out,
                          "</text><text x=\"%d\" y=\"40\" fill=\"%s\">training step</text>"
                          "<text x=\"%d\" y=\"40\" fill=\"%s\">evaluation batch</text>\n",
                          RIGHT - 250, colors[0], RIGHT - 120, colors[1]);
    if (e || (e = draw_grid(out, &a)) || (e = draw_roof(out, &a, b))) return e;
    if ((e = draw_points(out, &a, &b->training, "training step", colors[0]))) return e;
    if ((e = draw_points(out, &a, &b->evaluation, "evaluation batch", colors[1]))) return e;
    return strbuf_add(out, "</svg>\n");
}
