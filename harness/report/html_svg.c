#include "report/html_internal.h"

#include <math.h>

enum { PLOT_WIDTH = SVG_WIDTH - SVG_LEFT - SVG_RIGHT };
enum { PLOT_HEIGHT = SVG_HEIGHT - SVG_TOP - SVG_BOTTOM };

// 1, 2 or 5 times a power of ten, giving about `wanted` steps over the range
static double tick_step(double range, int wanted) {
    if (!(range > 0)) return 1;
    double raw = range / wanted, power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

double svg__x(const svg_scale *s, double x) {
    return SVG_LEFT + PLOT_WIDTH * (x - s->x_low) / (s->x_high - s->x_low);
}

double svg__y(const svg_scale *s, double y) {
    return SVG_TOP + PLOT_HEIGHT * (s->y_high - y) / (s->y_high - s->y_low);
}

void svg__begin(page *p, const svg_scale *s, const char *x_title, const char *y_title) {
    html__format(p, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"", SVG_WIDTH,
                 SVG_HEIGHT, SVG_WIDTH);
    html__format(p, SAY(p, chart), y_title, x_title);
    html__add(p, "\">\n");
    double step = tick_step(s->y_high - s->y_low, 4);
    for (double v = ceil(s->y_low / step) * step; v <= s->y_high + step * 1e-9; v += step) {
        html__format(p,
                     "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                     "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                     SVG_LEFT, SVG_WIDTH - SVG_RIGHT, svg__y(s, v), svg__y(s, v), SVG_LEFT - 6,
                     svg__y(s, v) + 4, fabs(v) < step * 1e-6 ? 0 : v);
    }
    html__format(p, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                 SVG_LEFT + PLOT_WIDTH / 2, SVG_HEIGHT - 8, x_title);
    html__format(
        p, "<text transform=\"translate(18 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
        SVG_TOP + PLOT_HEIGHT / 2, y_title);
}

void svg__begin_counted(page *p, const svg_scale *s, const char *x_title, const char *y_title) {
    svg__begin(p, s, x_title, y_title);
    double step = fmax(1, tick_step(s->x_high - s->x_low, 6));
    for (double v = ceil(s->x_low / step) * step; v <= s->x_high + step * 1e-9; v += step) {
        html__format(p, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                     svg__x(s, v), SVG_HEIGHT - SVG_BOTTOM + 17, v);
    }
}

static void add_mean_of(page *p, size_t steps) {
    html__add(p, "<p class=\"soft\">");
    html__format(p, SAY(p, mean_of_steps), steps);
    html__add(p, "</p>\n");
}

void svg__line(page *p, const float *values, size_t count, const char *x_title,
               const char *y_title) {
    // at most 200 points, each the mean of equally many steps: single steps are noise
    enum { POINTS = 200 };
    size_t per = (count + POINTS - 1) / POINTS, points = (count + per - 1) / per;
    double x[POINTS], y[POINTS];
    svg_scale s = {.x_low = 1, .x_high = fmax(2, (double)count), .y_low = 0, .y_high = 0};
    for (size_t i = 0; i < points; i++) {
        size_t begin_at = i * per, end = begin_at + per < count ? begin_at + per : count;
        double sum = 0;
        for (size_t k = begin_at; k < end; k++) sum += values[k];
        y[i] = sum / (double)(end - begin_at);
        x[i] = 0.5 * (double)(begin_at + 1 + end);
        s.y_high = fmax(s.y_high, y[i]);
    }
    if (s.y_high <= 0) s.y_high = 1;
    svg__begin_counted(p, &s, x_title, y_title);
    html__add(p, "<polyline class=\"line\" points=\"");
    for (size_t i = 0; i < points; i++)
        html__format(p, "%s%.1f,%.1f", i ? " " : "", svg__x(&s, x[i]), svg__y(&s, y[i]));
    html__add(p, "\"/>\n</svg>\n");
    if (per > 1) add_mean_of(p, per);
}

void svg__marked_line(page *p, const double *x, const double *y, size_t count, size_t marked,
                      const char *called, const char *x_title, const char *y_title) {
    enum { NAME_WIDTH = 110 };
    svg_scale s = {.x_low = 0, .x_high = fmax(2, x[count - 1]), .y_low = y[0], .y_high = y[0]};
    for (size_t i = 0; i < count; i++) {
        s.y_low = fmin(s.y_low, y[i]);
        s.y_high = fmax(s.y_high, y[i]);
    }
    double margin = fmax(fmax(1e-6, fabs(s.y_high) / 50), (s.y_high - s.y_low) / 8);
    s.y_low -= margin;
    s.y_high += margin;
    svg__begin_counted(p, &s, x_title, y_title);
    double at = svg__x(&s, x[marked]);
    bool left = at > SVG_WIDTH - SVG_RIGHT - NAME_WIDTH;
    html__format(p,
                 "<line class=\"base\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/><text "
                 "x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
                 at, at, SVG_TOP, SVG_HEIGHT - SVG_BOTTOM, left ? at - 4 : at + 4,
                 SVG_HEIGHT - SVG_BOTTOM - 6, left ? "end" : "start", called);
    html__add(p, "<polyline class=\"line\" points=\"");
    for (size_t i = 0; i < count; i++)
        html__format(p, "%s%.1f,%.1f", i ? " " : "", svg__x(&s, x[i]), svg__y(&s, y[i]));
    html__add(p, "\"/>\n");
    for (size_t i = 0; i < count; i++)
        html__format(p,
                     "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>%s %.0f: "
                     "%.4f</title></circle>\n",
                     svg__x(&s, x[i]), svg__y(&s, y[i]), i == marked ? 5 : 2, x_title, x[i], y[i]);
    html__add(p, "</svg>\n");
}

void svg__bars(page *p, const record_length *bars, size_t count, const char *x_title,
               const char *y_title) {
    // bins of equal width, so that a long tail stays readable
    enum { BINS = 64 };
    double bins[BINS] = {0}, highest = 1;
    int64_t longest = bars[count - 1].tokens + 1, width = (longest + BINS - 1) / BINS;
    for (size_t i = 0; i < count; i++) bins[bars[i].tokens / width] += (double)bars[i].rows;
    int64_t used = (longest + width - 1) / width;
    for (int64_t i = 0; i < used; i++) highest = fmax(highest, bins[i]);
    svg_scale s = {.x_low = 0, .x_high = (double)(used * width), .y_low = 0, .y_high = highest};
    svg__begin_counted(p, &s, x_title, y_title);
    for (int64_t i = 0; i < used; i++) {
        if (bins[i] <= 0) continue;
        double left = svg__x(&s, (double)(i * width)),
               right = svg__x(&s, (double)((i + 1) * width));
        html__format(p,
                     "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                     "<title>",
                     left, svg__y(&s, bins[i]), fmax(0.5, right - left - 1),
                     SVG_TOP + PLOT_HEIGHT - svg__y(&s, bins[i]));
        html__format(p, SAY(p, bar), (long long)i * width, ((long long)i + 1) * width - 1, bins[i]);
        html__add(p, "</title></rect>\n");
    }
    html__add(p, "</svg>\n");
}

void svg__reliability(page *p, const calibration *c) {
    svg_scale s = {.x_low = 0, .x_high = 100, .y_low = 0, .y_high = 100};
    svg__begin_counted(p, &s, SAY(p, confidence), SAY(p, right));
    for (int m = 0; m < CALIBRATION_BINS; m++) {
        const calibration_bin *bin = &c->bins[m];
        double low = 100.0 * m / CALIBRATION_BINS, high = 100.0 * (m + 1) / CALIBRATION_BINS;
        if (!bin->rows) continue;
        double share = 100 * (double)bin->right / (double)bin->rows;
        html__format(p,
                     "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                     "<title>",
                     svg__x(&s, low), svg__y(&s, share), svg__x(&s, high) - svg__x(&s, low) - 1,
                     SVG_TOP + PLOT_HEIGHT - svg__y(&s, share));
        html__format(p, SAY(p, bin), low, high, bin->rows, 100 * bin->confidence, share);
        html__add(p, "</title></rect>\n");
    }
    html__format(p, "<line class=\"base\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                 svg__x(&s, 0), svg__y(&s, 0), svg__x(&s, 100), svg__y(&s, 100));
    html__add(p, "</svg>\n");
}

void svg__interval(page *p, const board_row *row, double baseline, double low, double high) {
    enum { SPAN = 130, EDGE = 6 };
    double unit = (SPAN - 2 * EDGE) / (high - low);
    double from = EDGE + unit * (row->range.low - low), to = EDGE + unit * (row->range.high - low);
    html__format(p,
                 "<svg viewBox=\"0 0 %d 20\" width=\"%d\" height=\"20\" role=\"img\" aria-label=\"",
                 SPAN, SPAN);
    html__format(p, SAY(p, interval_of), 100 * row->mean, 100 * row->range.low,
                 100 * row->range.high);
    html__add(p, "\">");
    if (baseline >= low && baseline <= high) {
        double x = EDGE + unit * (baseline - low);
        html__format(p, "<line class=\"base\" x1=\"%.1f\" x2=\"%.1f\" y1=\"1\" y2=\"19\"/>", x, x);
    }
    html__format(p,
                 "<line class=\"span\" x1=\"%.1f\" x2=\"%.1f\" y1=\"10\" y2=\"10\"/>"
                 "<circle class=\"dot\" cx=\"%.1f\" cy=\"10\" r=\"4\"/></svg>",
                 from, to, EDGE + unit * (row->mean - low));
}
