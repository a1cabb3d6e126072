#include "report/cost.h"

#include "base/order.h"
#include "base/shown.h"
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int device_order(const cost_point *a, const cost_point *b) {
    const record *x = a->row->runs[0], *y = b->row->runs[0];
    int c;
    if ((c = strcmp(x->device.kind, y->device.kind)) ||
        (c = strcmp(x->device.name, y->device.name)) || (c = record_group_order(x, y)))
        return c;
    return strcmp(x->device.precision, y->device.precision);
}

/* The quickest of a device first, of equally quick ones the best. */
static int by_device_and_cost(const void *a, const void *b) {
    const cost_point *x = *(cost_point *const *)a, *y = *(cost_point *const *)b;
    int c = device_order(x, y);
    if (c || (c = ORDER(x->row->train_s, y->row->train_s)) ||
        (c = ORDER(y->row->mean, x->row->mean)))
        return c;
    return ORDER(x, y);
}

/* Finds which of a table's points, in that order, are on the front of their device: those that are
 * better than all before them, and those that are as quick and as good as such a one. */
static void find_fronts(cost_point *const *points, size_t count) {
    const board_row *best = NULL;
    for (size_t i = 0; i < count; i++) {
        cost_point *p = points[i];
        if (i && device_order(points[i - 1], p)) best = NULL;
        p->device = i ? points[i - 1]->device + !best : 0;
        p->on_front = !best || p->row->mean > best->mean ||
                      (p->row->mean >= best->mean && p->row->train_s <= best->train_s);
        if (p->on_front) best = p->row;
    }
}

static bool has_metric(const record *r, const char *name) {
    return r->evaluation_count && r->dev_metric && !strcmp(r->dev_metric, name);
}

cost_target cost_target_of(const board *b, const board_table *t) {
    cost_target target = {.score = b->dev_score};
    if (!t->rows[0].runs[0]->evaluation_count) return target;
    target.metric = t->rows[0].runs[0]->dev_metric;
    bool is_loss = !strcmp(target.metric, "loss");
    if (!isnan(target.score)) {
        if (!is_loss) target.score /= 100;
        return target;
    }
    for (size_t i = 0; i < t->row_count; i++) {
        for (size_t k = 0; k < t->rows[i].run_count; k++) {
            const record *r = t->rows[i].runs[k];
            if (!has_metric(r, target.metric)) continue;
            double best = record_best_dev(r); // fmin and fmax take a NaN for none
            target.score = is_loss ? fmax(target.score, best) : fmin(target.score, best);
        }
    }
    return target;
}

double cost_shown(cost_target target) {
    return strcmp(target.metric, "loss") ? 100 * target.score : target.score;
}

/* Adds what a run took to reach the target. */
static void add_until(cost_point *p, const record *r, cost_target target) {
    if (!target.metric || !has_metric(r, target.metric)) return;
    double seconds = record_seconds_until(r, target.score);
    p->untold += !(seconds > 0);
    if (!(seconds > 0) || isinf(seconds)) return;
    p->reached++;
    p->until_s += (seconds - p->until_s) / (double)p->reached;
}

/* "12.3 s", "12.3 s, 2 of 3 seeds", "never" or "not told". */
static err cost_until(strbuf *out, const cost_point *p) {
    size_t all = p->row->run_count;
    if (!p->reached) return strbuf_add(out, p->untold ? "not told" : "never");
    err e = report__duration(out, p->until_s);
    return e || p->reached == all ? e : strbuf_printf(out, ", %zu of %zu seeds", p->reached, all);
}

static void point_of(cost_point *p, const board_row *row, cost_target target) {
    *p = (cost_point){.row = row};
    for (size_t i = 0; i < row->run_count; i++) {
        const record *r = row->runs[i];
        p->train_rate += r->timing.sentences_per_s / (double)row->run_count;
        if (r->timing.eval_s > 0)
            p->eval_rate += (double)r->task.test_rows / r->timing.eval_s / (double)row->run_count;
        p->device_mib = fmax(p->device_mib, (double)r->device_bytes / 1048576);
        p->host_mib = fmax(p->host_mib, (double)r->host_peak_bytes / 1048576);
        p->throttled += r->cost.was_throttled;
        add_until(p, r, target);
        p->told += r->cost.energy_count > 0;
        for (size_t k = 0; k < r->cost.energy_count; k++) p->joules += r->cost.energy[k].train_j;
    }
    if (p->told) p->joules /= (double)p->told;
}

/* by_device  (rows) owned: the points by device and cost */
static err points_by_device(cost_point ***by_device, cost_point **points, const board_table *t,
                            cost_target target) {
    err e = mem_new(points, t->row_count);
    if (!e) e = mem_new(by_device, t->row_count);
    for (size_t i = 0; i < t->row_count && !e; i++) {
        (*by_device)[i] = &(*points)[i];
        point_of(&(*points)[i], &t->rows[i], target);
    }
    if (e) return e;
    qsort(*by_device, t->row_count, sizeof **by_device, by_device_and_cost);
    find_fronts(*by_device, t->row_count);
    return ERR_OK;
}

err cost_points(cost_point **points, const board_table *t, cost_target target) {
    cost_point **by_device = NULL;
    err e = points_by_device(&by_device, points, t, target);
    mem_free(by_device);
    return e;
}

static err add_point(strbuf *out, const cost_point *p, cost_target target) {
    const record *r = p->row->runs[0];
    err e;
    if ((e = strbuf_add(out, "| ")) || (e = shown_add(out, SHOWN_MARKDOWN, r->model.name)) ||
        (e = strbuf_add(out, " | ")) || (e = shown_add(out, SHOWN_MARKDOWN, p->row->words)) ||
        (e = strbuf_add(out, " | ")) || (e = shown_add(out, SHOWN_MARKDOWN, RECORD_DEVICE(r))) ||
        (e = shown_printf(out, SHOWN_MARKDOWN, ", %s", r->device.precision)) ||
        (e = strbuf_printf(out, " | %.2f | ", 100 * p->row->mean)) ||
        (e = report__trained(out, p->row->train_s, p->row->beside, p->row->run_count, PAGE_EN)) ||
        (e = strbuf_printf(out, " | %.0f | %.0f | %.0f | %.0f | ", p->train_rate, p->eval_rate,
                           p->device_mib, p->host_mib)))
        return e;
    if (p->told && (e = strbuf_printf(out, "%.0f J", p->joules))) return e;
    if (p->throttled && (e = strbuf_printf(out, "%sthrottled: %zu of %zu", p->told ? ", " : "",
                                           p->throttled, p->row->run_count)))
        return e;
    if ((e = strbuf_printf(out, " | %s |", p->on_front ? "yes" : ""))) return e;
    if (!target.metric) return strbuf_add(out, "\n");
    if ((e = strbuf_add(out, " ")) || (e = cost_until(out, p))) return e;
    return strbuf_add(out, " |\n");
}

static err add_table(strbuf *out, const board *b, const board_table *t) {
    cost_target target = cost_target_of(b, t);
    const record *r = t->rows[0].runs[0];
    cost_point *points = NULL;
    err e = cost_points(&points, t, target);
    if (!e)
        e = shown_printf(out, SHOWN_MARKDOWN,
                         "\n### %s\n\nTask version %lld, protocol %s, data "
                         "`%.8s`.",
                         r->task.name, (long long)r->task.version, r->protocol,
                         r->task.data_sha256);
    if (!e)
        e = strbuf_printf(out,
                          "\n\n| model | recipe | device | %s | training | sentences/s, training "
                          "| sentences/s, evaluation | device MiB | host MiB | energy | front |",
                          t->headline->title);
    if (!e && target.metric)
        e = strbuf_printf(out, " until dev %s %.4g |", metric_said(target.metric),
                          cost_shown(target));
    if (!e)
        e = strbuf_printf(out,
                          "\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
                          "--- |%s\n",
                          target.metric ? " ---: |" : "");
    for (size_t i = 0; i < t->row_count && !e; i++) e = add_point(out, &points[i], target);
    mem_free(points);
    return e;
}

err cost_markdown(strbuf *out, const board *b) {
    if (!b->table_count) return ERR_OK;
    err e = strbuf_add(
        out,
        "\n## Cost\n\n"
        "Means over seeds of what a run took, and the largest memory. Energy is of training, as "
        "counters of the machine told it (of whole processor packages and cards); it is empty "
        "where they told nothing, and never estimated. \"beside others\" are runs during whose "
        "training other processes kept half a processor or more busy, whose times may be longer "
        "for it; older records do not tell. A row is on the front when no other row "
        "of its table and device scores as well in less time, or better in as much. Under protocol "
        "dev the time until a dev score is that of training until the first evaluation that had "
        "it, evaluations and saving apart; unless `--dev-score` names one it is the best that "
        "every run of the table reached.\n");
    for (size_t i = 0; i < b->table_count && !e; i++) e = add_table(out, b, &b->tables[i]);
    return e;
}

enum { WIDTH = 560, HEIGHT = 240, LEFT = 60, RIGHT = 42, TOP = 26, BOTTOM = 40 };

/* A device's sign is a shape and one of the style's three colours, each of which has its own dashes,
 * so that paper and eyes without colour tell them apart. The counts have no common factor: fifteen
 * devices have fifteen signs. */
enum { SHAPES = 5, COLOURS = 3 };

static const char *shape_of(size_t device) {
    static const char *const shapes[SHAPES] = {"M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
                                               "M-4.5-4.5h9v9h-9z", "M0-6L6 5H-6z",
                                               "M0-6.5L6.5 0 0 6.5-6.5 0z", "M0 6L6-5H-6z"};
    return shapes[device % SHAPES];
}

typedef struct frame {
    double x_low, x_high, y_low, y_high; /* x: log10 of seconds */
} frame;

static double x_of(const frame *f, double seconds) {
    double share = (log10(fmax(seconds, 1e-3)) - f->x_low) / (f->x_high - f->x_low);
    return LEFT + (WIDTH - LEFT - RIGHT) * share;
}

static double y_of(const frame *f, double score) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (f->y_high - score) / (f->y_high - f->y_low);
}

static frame frame_of(const board_table *t) {
    frame f = {HUGE_VAL, -HUGE_VAL, HUGE_VAL, -HUGE_VAL};
    for (size_t i = 0; i < t->row_count; i++) {
        double x = log10(fmax(t->rows[i].train_s, 1e-3)), y = t->rows[i].mean;
        f = (frame){fmin(f.x_low, x), fmax(f.x_high, x), fmin(f.y_low, y), fmax(f.y_high, y)};
    }
    // whole powers of ten, and a tenth of the span around the scores
    double margin = fmax(0.005, (f.y_high - f.y_low) / 10);
    f.x_low = floor(f.x_low);
    f.x_high = fmax(f.x_low + 1, ceil(f.x_high));
    f.y_low -= margin;
    f.y_high = fmin(1, f.y_high + margin);
    return f;
}

static err add_axes(strbuf *out, const frame *f, const char *label) {
    err e = shown_printf(
        out, SHOWN_HTML,
        "<svg class=\"plot\" viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"%s\">\n",
        WIDTH, HEIGHT, WIDTH, label);
    for (double x = f->x_low; x <= f->x_high + 0.5 && !e; x++)
        e = strbuf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g s</text>\n",
                          x_of(f, pow(10, x)), HEIGHT - BOTTOM + 26, pow(10, x));
    for (int i = 0; i <= 4 && !e; i++) {
        double score = f->y_low + (f->y_high - f->y_low) * i / 4, y = y_of(f, score);
        e = strbuf_printf(out,
                          "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                          "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n",
                          LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, 100 * score);
    }
    return e;
}

/* The rows of each device's front from the quickest on, joined by steps. */
static err add_fronts(strbuf *out, const frame *f, cost_point *const *by_device, size_t count) {
    const cost_point *last = NULL;
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        const cost_point *p = by_device[i];
        if (!last || p->device != last->device) {
            e = strbuf_printf(out, "%s<polyline class=\"line side%zu\" points=\"",
                              last ? "\"/>\n" : "", p->device % COLOURS);
        } else {
            if (!p->on_front || p->row->train_s <= last->row->train_s) continue;
            e = strbuf_printf(out, "%.1f,%.1f ", x_of(f, p->row->train_s),
                              y_of(f, last->row->mean));
        }
        if (!e)
            e = strbuf_printf(out, "%.1f,%.1f ", x_of(f, p->row->train_s), y_of(f, p->row->mean));
        last = p;
    }
    return e ? e : strbuf_add(out, "\"/>\n");
}

static err add_mark(strbuf *out, const frame *f, const cost_point *p, const char *on_front,
                    page_language language) {
    const record *r = p->row->runs[0];
    return shown_printf(
        out, SHOWN_HTML,
        "<path class=\"%s side%zu\" transform=\"translate(%.1f %.1f)\" d=\"%s\"><title>%s, %s, %s, "
        "%s: %.2f, %.4g %s%s</title></path>\n",
        p->on_front ? "dot" : "hollow", p->device % COLOURS, x_of(f, p->row->train_s),
        y_of(f, p->row->mean), shape_of(p->device), r->model.name,
        language == PAGE_KO ? p->row->words_ko : p->row->words, RECORD_DEVICE(r),
        r->device.precision, 100 * p->row->mean, p->row->train_s, language_term(language, "s"),
        p->on_front ? on_front : "");
}

typedef struct box {
    double left, top, right, bottom;
} box;

static bool is_free(const box *b, const box *taken, size_t count) {
    for (const box *t = taken; t < taken + count; t++)
        if (b->left < t->right && t->left < b->right && b->top < t->bottom && t->top < b->bottom)
            return false;
    return b->left >= LEFT - 6 && b->right <= WIDTH && b->top >= 0 &&
           b->bottom <= HEIGHT - BOTTOM + 5;
}

/* A row's name at its mark where nothing stands, in the letters of a narrow window; of a
 * row in a crowd the mark's title has it alone. */
static err add_name(strbuf *out, const frame *f, const cost_point *p, box *taken, size_t *count) {
    enum { LETTERS = 20, LETTER = 19, ASIDE = 8, ABOVE = 4, BELOW = 15, MORE = 7 };
    const char *name = p->row->runs[0]->model.name;
    double x = x_of(f, p->row->train_s), y = y_of(f, p->row->mean);
    double width = 0.55 * LETTER * fmin(LETTERS, (double)shown_width(name));
    // where a long name has more room first; above and below the mark by turns
    const char *const late[] = {"end", "start", "middle"}, *const early[] = {"start", "end",
                                                                             "middle"};
    for (int place = 0; place < 6; place++) {
        const char *anchor = (x > WIDTH / 2.0 ? late : early)[place / 2];
        double share = *anchor == 's' ? 0 : *anchor == 'e' ? 1 : 0.5; // of it left of x
        double at = x + ASIDE * (1 - 2 * share), from = at - share * width;
        double off = *anchor == 'm' ? MORE : 0;
        double base = place % 2 ? y + BELOW + off : y - ABOVE - off;
        box b = {from, base - 0.8 * LETTER, from + width, base + 0.2 * LETTER};
        if (!is_free(&b, taken, *count)) continue;
        taken[(*count)++] = b;
        return shown_printf(out, SHOWN_HTML,
                            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%.20s</text>\n", at,
                            base, anchor, name);
    }
    return ERR_OK;
}

/* The names of rows on a front have the first choice of places. */
static err add_names(strbuf *out, const frame *f, const cost_point *points, size_t count) {
    const double reach = 6;
    box *taken;
    size_t taken_count = count;
    err e = mem_new(&taken, 2 * count);
    for (size_t i = 0; i < count && !e; i++) {
        double x = x_of(f, points[i].row->train_s), y = y_of(f, points[i].row->mean);
        taken[i] = (box){x - reach, y - reach, x + reach, y + reach};
    }
    for (size_t i = 0; i < count && !e; i++)
        if (points[i].on_front) e = add_name(out, f, &points[i], taken, &taken_count);
    for (size_t i = 0; i < count && !e; i++)
        if (!points[i].on_front) e = add_name(out, f, &points[i], taken, &taken_count);
    mem_free(taken);
    return e;
}

/* What each device's sign is, below the plot of several. */
static err add_legend(strbuf *out, cost_point *const *by_device, size_t count) {
    if (!by_device[count - 1]->device) return ERR_OK;
    err e = strbuf_add(out, "<ul class=\"key\">\n");
    for (size_t i = 0; i < count && !e; i++) {
        const size_t device = by_device[i]->device;
        const record_device *of = &by_device[i]->row->runs[0]->device;
        if (i && device == by_device[i - 1]->device) continue;
        e = shown_printf(out, SHOWN_HTML,
                         "<li><svg viewBox=\"-18 -8 36 16\" width=\"36\" height=\"16\" "
                         "aria-hidden=\"true\"><path class=\"line side%zu\" d=\"M-18 0H18\"/><path "
                         "class=\"dot side%zu\" d=\"%s\"/></svg>%s, %s</li>\n",
                         device % COLOURS, device % COLOURS, shape_of(device), of->name,
                         of->precision);
    }
    return e ? e : strbuf_add(out, "</ul>\n");
}

err cost_svg(strbuf *out, const board_table *t, const char *label, const char *on_front,
             page_language language) {
    cost_point *points = NULL, **by_device = NULL;
    if (t->row_count < 2) return ERR_OK;
    frame f = frame_of(t);
    err e = points_by_device(&by_device, &points, t, (cost_target){0});
    if (!e) e = add_axes(out, &f, label);
    if (!e) e = add_fronts(out, &f, by_device, t->row_count);
    for (size_t i = 0; i < t->row_count && !e; i++)
        e = add_mark(out, &f, &points[i], on_front, language);
    if (!e) e = add_names(out, &f, points, t->row_count);
    if (!e) e = strbuf_add(out, "</svg>\n");
    if (!e) e = add_legend(out, by_device, t->row_count);
    mem_free(by_device);
    mem_free(points);
    return e;
}
