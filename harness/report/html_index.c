#include "base/order.h"
#include "base/shown.h"
#include "metric/score_text.h"
#include "report/cost.h"
#include "report/html_internal.h"
#include "task/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

err html_run_name(char **out, const char *path) {
    const char *below = strchr(path, '/'), *name = below ? strchr(below + 1, '/') : NULL;
    int length = (int)(strlen(path) - strlen(".json"));
    if (!name) return mem_printf(out, "pages/%.*s.html", length, path);
    // of a contributor's folder: pages lie as deep as others
    int who = (int)(below - path), rest = length - (int)(name + 1 - path);
    return mem_printf(out, "pages%.*s/%.*s--%.*s.html", (int)(name - below), below, who, path, rest,
                      name + 1);
}

static const record *first_run(const board_table *t) {
    return t->rows[0].runs[0];
}

/* What a table is called beside others of its task: by what tells it from them. */
static void table_title(strbuf *out, page *p, const board_table *t) {
    const record *r = first_run(t);
    html__take(p, strbuf_add(out, r->task.name));
    char *name = NULL;
    if (t->apart & APART_ANY_VERSION && !p->e) {
        html__take(p, mem_strdup(&name, out->text));
        out->length = 0;
        html__take(p, strbuf_printf(out, SAY(p, of_version), name, (long long)r->task.version));
        mem_free(name);
    }
    if (t->apart & APART_ANY_PROTOCOL && !p->e) {
        html__take(p, mem_strdup(&name, out->text));
        out->length = 0;
        html__take(p, strbuf_printf(out, SAY(p, of_protocol), name, r->protocol));
        mem_free(name);
    }
}

static void option(page *p, const char *value) {
    html__add(p, "<option>");
    html__text(p, value);
    html__add(p, "</option>");
}

static void task_options(page *p, const board *b) {
    for (size_t i = 0; i < b->table_count; i++) {
        const char *name = first_run(&b->tables[i])->task.name;
        if (!i || strcmp(first_run(&b->tables[i - 1])->task.name, name)) option(p, name);
    }
}

typedef struct row_device {
    const char *name;
    size_t place; /* of the row among those of all tables */
} row_device;

static int by_name_and_place(const void *a, const void *b) {
    const row_device *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    return c ? c : ORDER(x->place, y->place);
}

static int by_place(const void *a, const void *b) {
    return ORDER(((const row_device *)a)->place, ((const row_device *)b)->place);
}

// every device once, in the order of first appearance
static void device_options(page *p, const board *b) {
    row_device *all = NULL;
    size_t rows = 0, n = 0, count = 0;
    for (size_t t = 0; t < b->table_count; t++) rows += b->tables[t].row_count;
    html__take(p, mem_new(&all, rows));
    if (p->e || !rows) goto done;
    for (size_t t = 0; t < b->table_count; t++)
        for (size_t i = 0; i < b->tables[t].row_count; i++, n++)
            all[n] = (row_device){b->tables[t].rows[i].runs[0]->device.name, n};
    qsort(all, rows, sizeof *all, by_name_and_place);
    for (size_t i = 0; i < rows; i++)
        if (!i || strcmp(all[i].name, all[count - 1].name)) all[count++] = all[i];
    qsort(all, count, sizeof *all, by_place);
    for (size_t i = 0; i < count; i++) option(p, all[i].name);
done:
    mem_free(all);
}

/* Shown by the script, which they need. */
static void add_filters(page *p, const board *b) {
    html__format(p, "<form class=\"filters\" role=\"search\" aria-label=\"%s\" hidden>\n",
                 SAY(p, filter_label));
    html__format(p, "<label>%s<select id=\"task\"><option value=\"\">%s</option>", SAY(p, task),
                 SAY(p, all));
    task_options(p, b);
    html__format(p,
                 "</select></label>\n<label>%s<input id=\"model\" type=\"search\" "
                 "placeholder=\"%s\"></label>\n",
                 SAY(p, model), SAY(p, part_of_name));
    html__format(p, "<label>%s<select id=\"device\"><option value=\"\">%s</option>", SAY(p, device),
                 SAY(p, all));
    device_options(p, b);
    html__format(p,
                 "</select></label>\n<p id=\"shown\" class=\"soft\" role=\"status\" "
                 "data-words=\"%s\"></p>\n</form>\n",
                 SAY(p, rows_shown));
}

/* The way to each table, which a phone shows far below. */
static void add_contents(page *p, const board *b) {
    if (b->table_count < 2) return;
    html__format(p, "<nav aria-label=\"%s\"><ul>\n", SAY(p, tables));
    for (size_t i = 0; i < b->group_count; i++)
        if (b->groups[i].model_count)
            html__format(p, "<li><a href=\"#group-%zu\">%s</a></li>\n", i + 1,
                         html__term(p, b->groups[i].title));
    for (size_t i = 0; i < b->table_count; i++) {
        strbuf title = {0};
        table_title(&title, p, &b->tables[i]);
        html__format(p, "<li><a href=\"#table-%zu\">%s</a></li>\n", i + 1,
                     title.text ? title.text : "");
        strbuf_free(&title);
    }
    html__add(p, "</ul></nav>\n");
}

/* What a click on a column's head does first. */
typedef enum column_order { ORDER_UP, ORDER_DOWN, ORDER_NONE } column_order;

static void head_cell(page *p, const char *title, const char *css_class, column_order order) {
    static const char *const first[] = {" data-first=\"up\"", " data-first=\"down\"", ""};
    html__add(p, "<th scope=\"col\"");
    if (*css_class) html__format(p, " class=\"%s\"", css_class);
    html__add(p, first[order]);
    html__format(p, ">%s</th>", title);
}

// a score in percent
static void score_cell(page *p, double score) {
    if (isnan(score)) {
        html__add(p, "<td class=\"n\" data-v=\"-1\">-</td>");
        return;
    }
    html__format(p, "<td class=\"n\" data-v=\"%.6f\">%.2f</td>", score, 100 * score);
}

static void row_begin(page *p, const record *r) {
    html__add(p, "<tr data-model=\"");
    html__text(p, r->model.name);
    html__add(p, "\" data-device=\"");
    html__text(p, r->device.name);
    html__add(p, "\">");
}

/* What a row is about. */
static void model_cell(page *p, const char *name) {
    html__format(p, "<th scope=\"row\" class=\"model\">%s</th>", name);
}

static void device_cell(page *p, const record *r) {
    html__format(p, "<td class=\"device\">%s <span class=\"tag\">%s</span></td>", RECORD_DEVICE(r),
                 r->device.precision);
}

static void seed_links(page *p, const board_row *row) {
    html__format(p, "<td class=\"runs\" data-v=\"%zu\">", row->run_count);
    for (size_t k = 0; k < row->run_count && !p->e; k++) {
        char *name = NULL;
        html__take(p, html_run_name(&name, row->paths[k]));
        if (p->e) return;
        html__add(p, k ? " <a href=\"" : "<a href=\"");
        html__link(p, name);
        html__format(p, "\" aria-label=\"%s %lld\">%lld</a>", SAY(p, seeds_of),
                     (long long)row->runs[k]->seed, (long long)row->runs[k]->seed);
        mem_free(name);
    }
    html__add(p, "</td>");
}

/* " (answers one label for every row: 2 of 3 seeds; ...)", or nothing. */
static void add_cautions(page *p, const board_row *row) {
    const char *before = " (", *corpus = report__corpus_caution(row->runs[0]);
    for (int i = SCORE_FINE + 1; i < SCORE_CAUTIONS; i++) {
        size_t count = row->cautions[i];
        if (!count) continue;
        html__format(p, "%s%s", before, html__term(p, score_caution_text((score_caution)i)));
        if (count < row->run_count) html__format(p, SAY(p, caution_seeds), count, row->run_count);
        before = "; ";
    }
    if (corpus) html__format(p, "%s%s", before, html__term(p, corpus));
    if (corpus || before[0] == ';') html__add(p, ")");
}

static void add_row(page *p, const board_table *t, const board_row *row, double low, double high) {
    const record *r = row->runs[0];
    row_begin(p, r);
    // a row without rank sorts after those that have one
    html__format(p, "<td class=\"n\" data-v=\"%zu\">", row->rank ? row->rank : SIZE_MAX);
    html__take(p, report__rank(p->out, row));
    html__format(p, "</td><th scope=\"row\" class=\"model\">%s", r->model.name);
    add_cautions(p, row);
    html__format(p, "</th><td class=\"n\" data-v=\"%.6f\">%.2f", row->mean, 100 * row->mean);
    if (!row->rows_only) html__format(p, " ± %.2f", 100 * row->std);
    html__format(p, "</td><td data-v=\"%.6f\">", row->mean);
    svg__interval(p, row, t->baseline, low, high);
    html__format(p, "</td><td data-v=\"%.6f\">", row->range.low);
    html__format(p, SAY(p, interval_range), 100 * row->range.low, 100 * row->range.high);
    if (row->rows_only) html__format(p, " <span class=\"tag\">%s</span>", SAY(p, rows_only));
    html__add(p, "</td>");
    score_cell(p, row->dedup_mean);
    html__format(p, "<td class=\"n\" data-v=\"%lld\">", (long long)r->model.parameters);
    html__take(p, report__parameters(p->out, r->model.parameters));
    html__format(p, "</td><td class=\"recipe\">%s</td>", html__row_words(p, row));
    html__format(p, "<td class=\"n time\" data-v=\"%.3f\">", row->train_s);
    html__trained(p, row->train_s, row->beside, row->run_count);
    html__add(p, "</td>");
    device_cell(p, r);
    html__format(p, "<td class=\"made\">%s</td>", row->made);
    seed_links(p, row);
    html__add(p, "</tr>\n");
}

static void add_apart(page *p, const board_table *t) {
    if (t->apart & APART_VERSION) html__add(p, SAY(p, apart_version));
    if (t->apart & APART_DATA) html__add(p, SAY(p, apart_data));
    if (t->apart & APART_PROTOCOL) html__add(p, SAY(p, apart_protocol));
}

/* What is answered. */
enum { LABELS_SHOWN = 20 };

static void add_answers(page *p, const record *r) {
    if (r->task.kind == ANSWER_NUMBER) html__add(p, SAY(p, numbers_are));
    size_t count = r->task.label_count, most = count < LABELS_SHOWN ? count : LABELS_SHOWN;
    if (!count) return;
    html__add(p, SAY(p, labels_are));
    const char *const *labels = html__labels(p, &r->task);
    for (size_t i = 0; i < most; i++) html__format(p, i ? ", %s" : "%s", labels[i]);
    if (count > most) html__format(p, SAY(p, row_more), count - most);
    html__add(p, ".");
}

static void add_section_head(page *p, const board *b, const board_table *t) {
    const record *r = first_run(t);
    char counts[4][SHOWN_COUNT_BYTES];
    strbuf title = {0};
    table_title(&title, p, t);
    html__format(p, "<section data-task=\"%s\" id=\"table-%zu\">\n<h2>%s</h2>\n<p class=\"soft\">",
                 r->task.name, (size_t)(t - b->tables) + 1, title.text ? title.text : "");
    strbuf_free(&title);
    html__format(p, SAY(p, table_head), (long long)r->task.version, html__term(p, r->task.split),
                 r->protocol, r->task.data_sha256,
                 shown_count(counts[0], (uint64_t)r->task.train_rows),
                 shown_count(counts[1], (uint64_t)r->task.test_rows),
                 shown_count(counts[2], r->confusion_dedup.total),
                 shown_count(counts[3], (uint64_t)r->task.leaked_rows));
    add_answers(p, r);
    add_apart(p, t);
    html__add(p, "</p>\n");
}

static void add_table_head(page *p, const board_table *t, double low, double high) {
    html__table_begin(p, first_run(t)->task.name, "board");
    html__add(p, "<thead><tr>");
    head_cell(p, SAY(p, rank), "n", ORDER_UP);
    head_cell(p, SAY(p, model_name), "model", ORDER_UP);
    head_cell(p, html__term(p, t->headline->title), "n", ORDER_DOWN);
    html__add(p, "<th scope=\"col\">");
    html__format(p, SAY(p, interval_plot), 100 * low, 100 * high);
    html__add(p, "</th>");
    head_cell(p, SAY(p, interval), "", ORDER_DOWN);
    head_cell(p, SAY(p, dedup_short), "n", ORDER_DOWN);
    head_cell(p, SAY(p, params), "n", ORDER_UP);
    head_cell(p, SAY(p, recipe), "", ORDER_UP);
    head_cell(p, SAY(p, training), "n", ORDER_UP);
    head_cell(p, SAY(p, device_name), "", ORDER_UP);
    head_cell(p, SAY(p, made), "", ORDER_UP);
    head_cell(p, SAY(p, runs), "runs", ORDER_DOWN);
    html__add(p, "</tr></thead>\n<tbody>\n");
}

/* Under protocol dev: how long each row trained until a dev score. */
static void add_until(page *p, const board *b, const board_table *t) {
    cost_target target = cost_target_of(b, t);
    cost_point *points = NULL;
    char label[200];
    if (!target.metric) return;
    const metric *m = metric_find(target.metric);
    html__take(p, cost_points(&points, t, target));
    html__format(p, "<h3>%s</h3>\n<p class=\"soft\">", SAY(p, dev_until));
    html__format(p, SAY(p, dev_until_words), m ? html__term(p, m->title) : SAY(p, dev_loss),
                 cost_shown(target));
    html__add(p, "</p>\n");
    snprintf(label, sizeof label, "%s: %s", t->rows[0].runs[0]->task.name, SAY(p, dev_until));
    html__table_begin(p, label, "");
    html__format(p,
                 "<thead><tr><th scope=\"col\">%s</th><th scope=\"col\" class=\"n\">%s</th>"
                 "<th scope=\"col\" class=\"n\">%s</th><th scope=\"col\">%s</th>"
                 "<th scope=\"col\">%s</th></tr></thead>\n<tbody>\n",
                 SAY(p, model_name), SAY(p, trained_for), SAY(p, reached), SAY(p, recipe),
                 SAY(p, device_name));
    for (size_t i = 0; i < t->row_count && !p->e; i++) {
        const record *r = points[i].row->runs[0];
        html__format(p, "<tr><th scope=\"row\" class=\"model\">%s</th><td class=\"n\">",
                     r->model.name);
        if (points[i].reached)
            html__format(p, "%.1f", points[i].until_s);
        else
            html__add(p, points[i].untold ? SAY(p, not_told) : "-");
        html__format(p,
                     "</td><td class=\"n\">%zu/%zu</td><td class=\"recipe\">%s</td>"
                     "<td class=\"device\">%s</td></tr>\n",
                     points[i].reached, points[i].row->run_count, html__row_words(p, points[i].row),
                     RECORD_DEVICE(r));
    }
    html__add(p, "</tbody>");
    html__table_end(p);
    mem_free(points);
}

static void add_cost(page *p, const board_table *t) {
    char label[200];
    snprintf(label, sizeof label, SAY(p, chart), html__term(p, t->headline->title),
             SAY(p, cost_time));
    html__take(p, cost_svg(p->out, t, label, SAY(p, on_front), p->language));
    html__format(p, "<p class=\"soft\">%s</p>\n", SAY(p, cost_words));
}

static void add_table(page *p, const board *b, const board_table *t) {
    // the plot spans the intervals alone: a far baseline would squeeze them
    double low = t->rows[0].range.low, high = t->rows[0].range.high;
    for (size_t i = 0; i < t->row_count; i++) {
        low = fmin(low, t->rows[i].range.low);
        high = fmax(high, t->rows[i].range.high);
    }
    if (!(high > low)) high = low + 0.01;
    add_section_head(p, b, t);
    add_table_head(p, t, low, high);
    for (size_t i = 0; i < t->row_count; i++) add_row(p, t, &t->rows[i], low, high);
    char dedup[SCORE_TEXT_BYTES];
    html__format(p, "<tr class=\"soft\"><td></td><th scope=\"row\" class=\"model\">%s</th>",
                 html__term(p, metric_baseline_title(first_run(t)->task.kind)));
    html__format(p,
                 "<td class=\"n\">%.2f</td><td></td><td></td><td class=\"n\">%s</td>"
                 "<td></td><td></td><td></td><td></td><td></td><td></td></tr>\n",
                 100 * t->baseline, score_percent(dedup, t->baseline_dedup));
    html__add(p, "</tbody>");
    html__table_end(p);
    if (t->row_count > 1) add_cost(p, t);
    add_until(p, b, t);
    html__add(p, "</section>\n");
}

/* An absent score sorts below all others; below a score, by what the recipe of its row differs from
 * others of the model. */
static void standing_cell(page *p, double score, const board_row *row) {
    const char *apart = !row ? "" : p->language == PAGE_KO ? row->apart_ko : row->apart;
    if (isnan(score)) {
        html__add(p, "<td class=\"n\" data-v=\"-1\"></td>");
        return;
    }
    html__format(p, "<td class=\"n\" data-v=\"%.6f\">%.2f", score, 100 * score);
    if (*apart) html__format(p, " <small class=\"soft\">%s</small>", apart);
    html__add(p, "</td>");
}

static void add_overall_row(page *p, const board *b, const board_overall *o) {
    row_begin(p, o->any);
    model_cell(p, o->any->model.name);
    standing_cell(p, o->complete ? o->mean : (double)NAN, NULL);
    for (size_t k = 0; k < b->task_count; k++)
        standing_cell(p, o->rows[k] ? o->rows[k]->mean : (double)NAN, o->rows[k]);
    device_cell(p, o->any);
    html__add(p, "</tr>\n");
}

static void add_overall_baseline(page *p, const board *b) {
    const char *baseline =
        html__term(p, metric_baseline_title(first_run(&b->tables[0])->task.kind));
    for (size_t k = 0; k < b->task_count; k++) {
        const board_table *t = &b->tables[b->overall_tables[k]];
        if (strcmp(baseline, html__term(p, metric_baseline_title(first_run(t)->task.kind))) != 0)
            baseline = SAY(p, each_baseline);
    }
    html__add(p, "<tr class=\"soft\">");
    model_cell(p, baseline);
    html__format(p, "<td class=\"n\">%.2f</td>", 100 * b->overall_baseline);
    for (size_t k = 0; k < b->task_count; k++)
        html__format(p, "<td class=\"n\">%.2f</td>",
                     100 * b->tables[b->overall_tables[k]].baseline);
    html__add(p, "<td></td></tr>\n");
}

static void add_overall(page *p, const board *b) {
    if (b->task_count < 2) return;
    html__format(p, "<section>\n<h2>%s</h2>\n<p class=\"soft\">%s</p>\n", SAY(p, all_tasks),
                 SAY(p, all_tasks_words));
    html__table_begin(p, SAY(p, all_tasks), "board");
    html__add(p, "<thead><tr>");
    head_cell(p, SAY(p, model_name), "model", ORDER_UP);
    head_cell(p, SAY(p, mean), "n", ORDER_DOWN);
    for (size_t k = 0; k < b->task_count; k++)
        head_cell(p, first_run(&b->tables[b->overall_tables[k]])->task.name, "n", ORDER_DOWN);
    head_cell(p, SAY(p, device_name), "", ORDER_UP);
    html__add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < b->overall_count; i++) add_overall_row(p, b, &b->overall[i]);
    add_overall_baseline(p, b);
    html__add(p, "</tbody>");
    html__table_end(p);
    html__add(p, "</section>\n");
}

static void add_group_row(page *p, const board_group *g, const board_group_row *row) {
    if (row->run) {
        row_begin(p, row->run);
        model_cell(p, row->model);
    } else {
        html__format(p, "<tr><th scope=\"row\" class=\"model\">%s</th>", row->model);
    }
    for (size_t c = 0; c < g->column_count; c++) standing_cell(p, row->scores[c], row->rows[c]);
    if (row->run) device_cell(p, row->run);
    html__add(p, "</tr>\n");
}

/* The table of a group's own rows, or of what others published. */
static void add_group_table(page *p, const board_group *g, const char *name, bool is_own) {
    char title[120];
    html__table_begin(p, name, "board group");
    html__add(p, "<thead><tr>");
    head_cell(p, SAY(p, model_name), "model", ORDER_UP);
    for (size_t c = 0; c < g->column_count; c++) {
        snprintf(title, sizeof title, "%s, %s", html__term(p, g->columns[c].task->group.column),
                 html__term(p, g->columns[c].metric->title));
        head_cell(p, title, "n", ORDER_DOWN);
    }
    if (is_own) head_cell(p, SAY(p, device_name), "", ORDER_UP);
    html__add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = is_own ? 0 : g->model_count, end = is_own ? g->model_count : g->row_count;
         i < end; i++)
        add_group_row(p, g, &g->rows[i]);
    html__add(p, "</tbody>");
    html__table_end(p);
}

static void add_group(page *p, const board_group *g, size_t number) {
    const char *name = html__term(p, g->title);
    if (!g->model_count) return;
    html__format(p, "<section id=\"group-%zu\">\n<h2>%s</h2>\n<p class=\"soft\">%s</p>\n", number,
                 name, SAY(p, group_words));
    add_group_table(p, g, name, true);
    if (g->row_count > g->model_count) {
        html__format(p, "<h3>%s</h3>\n", SAY(p, published_rows));
        add_group_table(p, g, SAY(p, published_rows), false);
    }
    if (*g->sources) {
        html__add(p, "<p class=\"soft\">");
        html__format(p, SAY(p, published_by), p->language == PAGE_KO ? g->sources_ko : g->sources);
        html__add(p, "</p>\n");
    }
    html__add(p, "</section>\n");
}

static void add_notes(page *p, const board *b) {
    if (!b->note_count) return;
    html__format(p, "<section>\n<h2>%s</h2>\n<ul lang=\"en\">\n", SAY(p, left_out));
    for (size_t i = 0; i < b->note_count; i++) html__format(p, "<li>%s.</li>\n", b->notes[i].text);
    html__add(p, "</ul>\n</section>\n");
}

err board_html(strbuf *out, const board *b, page_language language) {
    page p = {.out = out, .language = language};
    html__begin(&p, SAY(&p, board_title), "");
    html__format(&p, "<header>\n<h1>%s</h1>\n", SAY(&p, board));
    add_contents(&p, b);
    html__add(&p, "</header>\n");
    html__main(&p);
    html__format(&p, "<p>%s</p>\n<details><summary>%s</summary>\n<p>%s</p></details>\n",
                 SAY(&p, board_scores), SAY(&p, how_to_read), SAY(&p, reading));
    add_filters(&p, b);
    if (!b->table_count) html__format(&p, "<p>%s</p>\n", SAY(&p, no_run));
    add_overall(&p, b);
    for (size_t i = 0; i < b->group_count; i++) add_group(&p, &b->groups[i], i + 1);
    for (size_t i = 0; i < b->table_count; i++) add_table(&p, b, &b->tables[i]);
    add_notes(&p, b);
    html__end(&p, SAY(&p, footer));
    return p.e;
}
