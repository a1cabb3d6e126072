#include "base/memory.h"
#include "base/shown.h"
#include "metric/score_text.h"
#include "report/html_run_internal.h"

#include <math.h>
#include <string.h>

void run__table_begin(page *p, const char *title) {
    html__format(p, "<section><h2>%s</h2>\n", title);
    html__table_begin(p, title, "");
}

void run__heads(page *p, const char *columns, const char *const *titles) {
    html__add(p, "<thead><tr>");
    for (size_t i = 0; columns[i]; i++) {
        html__add(p, columns[i] == 'r' ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        html__format(p, "%s</th>", titles[i]);
    }
    html__add(p, "</tr></thead>\n<tbody>\n");
}

void run__table_end(page *p) {
    html__add(p, "</tbody>");
    html__table_end(p);
    html__add(p, "</section>\n");
}

const char *run__class(const page *p, const record *r, size_t k) {
    if (r->task.kind != ANSWER_TAGS) return p->labels[k];
    const char *begin = p->labels[2 * k];
    return strncmp(begin, "B-", 2) == 0 ? begin + 2 : begin;
}

static void add_value(page *p, double value) {
    if (isnan(value))
        html__format(p, "<td class=\"n\">%s</td>", SAY(p, not_defined));
    else
        html__format(p, "<td class=\"n\">%.2f</td>", 100 * value);
}

static void add_scores(page *p, const record *r) {
    run__table_begin(p, SAY(p, scores));
    run__heads(p, "lrr", (const char *[]){SAY(p, metric), SAY(p, official), SAY(p, dedup)});
    char title[METRIC_TITLE_BYTES];
    const char *label_1 = r->task.label_count > 1 ? p->labels[1] : NULL;
    for (size_t m = 0; m < metric_count(); m++) {
        const metric *x = metric_at(m);
        if (!report__shows(x, r)) continue;
        bool leads = !strcmp(x->name, r->headline);
        html__format(p, "<tr><th scope=\"row\">%s",
                     language_metric(title, p->language, x, label_1));
        if (leads) html__format(p, " <span class=\"tag\">%s</span>", SAY(p, headline));
        html__add(p, "</th>");
        add_value(p, r->metrics[m]);
        add_value(p, r->metrics_dedup[m]);
        html__add(p, "</tr>\n");
    }
    run__table_end(p);
}

static void add_classes(page *p, const record *r) {
    if (!r->task.label_count) return;
    bool tags = r->task.kind == ANSWER_TAGS, arcs = r->task.kind == ANSWER_ARCS;
    run__table_begin(p, tags ? SAY(p, per_type) : arcs ? SAY(p, per_relation) : SAY(p, per_class));
    run__heads(p, "lrrrr",
               (const char *[]){tags   ? SAY(p, type)
                                : arcs ? SAY(p, relation)
                                       : SAY(p, label),
                                SAY(p, precision), SAY(p, recall), SAY(p, f1),
                                tags   ? SAY(p, entities)
                                : arcs ? SAY(p, words)
                                       : SAY(p, test_rows)});
    for (size_t k = 0; k < r->confusion.classes; k++) {
        class_score s = metric_of_class(&r->confusion, k);
        html__format(p,
                     "<tr><th scope=\"row\">%s</th><td class=\"n\">%.2f</td>"
                     "<td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>",
                     run__class(p, r, k), 100 * s.precision, 100 * s.recall, 100 * s.f1);
        run__count(p, s.support);
        html__add(p, "</tr>\n");
    }
    run__table_end(p);
}

// shaded by the share of the gold row, so that a rare class is as readable as a common one
static void add_matrix(page *p, const record *r, const uint64_t *counts) {
    size_t classes = r->confusion.classes;
    char digits[SHOWN_COUNT_BYTES];
    html__format(p, "<section><h2>%s</h2>\n", SAY(p, confusion));
    html__table_begin(p, SAY(p, confusion), "shares");
    html__add(p, "<thead><tr><td></td>");
    for (size_t k = 0; k < classes; k++)
        html__format(p, "<th scope=\"col\" class=\"n\">%s</th>", p->labels[k]);
    html__add(p, "</tr></thead>\n<tbody>\n");
    for (size_t g = 0; g < classes; g++) {
        uint64_t sum = r->confusion.gold[g];
        html__format(p, "<tr><th scope=\"row\">%s</th>", p->labels[g]);
        for (size_t k = 0; k < classes; k++) {
            uint64_t n = counts[g * classes + k];
            double share = sum ? (double)n / (double)sum : 0;
            html__format(p, "<td class=\"n s%.0f\">%s</td>", ceil(10 * share),
                         shown_count(digits, n));
        }
        html__add(p, "</tr>\n");
    }
    run__table_end(p);
}

// of many classes no matrix: what was taken for what
static err add_mistakes(page *p, const record *r, const char *all) {
    enum { SHOWN = 50 };
    char digits[SHOWN_COUNT_BYTES];
    confusion_cell *list = NULL;
    size_t count = 0;
    err e = confusion_mistakes(&list, &count, r->gold, r->predicted, (size_t)r->task.test_rows);
    if (e) return e;
    run__table_begin(p, SAY(p, mistakes));
    run__confused_heads(p);
    run__confused_rows(p, r, list, count < SHOWN ? count : SHOWN);
    run__table_end(p);
    html__add(p, "<p class=\"soft\">");
    if (count > SHOWN) html__format(p, SAY(p, mistakes_more), SHOWN, shown_count(digits, count));
    if (all) {
        html__add(p, " <a href=\"");
        html__link(p, all);
        html__format(p, "\">%s</a>", SAY(p, mistakes_all));
    }
    html__add(p, "</p>\n");
    mem_free(list);
    return ERR_OK;
}

bool html_run_is_of_many_labels(const record *r) {
    return answer_is_label(r->task.kind) && r->task.label_count > MATRIX_CLASSES;
}

err html_run_confusions(strbuf *out, const record *r, page_language language) {
    const char *const *labels = html__labels(&(page){.language = language}, &r->task);
    confusion_cell *list = NULL;
    size_t count = 0;
    err e = confusion_mistakes(&list, &count, r->gold, r->predicted, (size_t)r->task.test_rows);
    if (!e) e = strbuf_add(out, HTML_CONFUSIONS_MARK);
    for (size_t i = 0; i < count && !e; i++) {
        const confusion_cell *c = &list[i];
        if (!(e = shown_add(out, SHOWN_CSV, labels[c->gold]))) e = strbuf_add(out, ",");
        if (!e) e = shown_add(out, SHOWN_CSV, labels[c->predicted]);
        if (!e)
            e = strbuf_printf(out, ",%llu,%.6f\n", (unsigned long long)c->rows,
                              (double)c->rows / (double)r->confusion.gold[c->gold]);
    }
    mem_free(list);
    return e;
}

static void add_confusion(page *p, const record *r, const char *all) {
    size_t classes = r->confusion.classes;
    uint64_t *counts = NULL;
    if (!answer_is_label(r->task.kind)) return;
    if (html_run_is_of_many_labels(r)) {
        html__take(p, add_mistakes(p, r, all));
        return;
    }
    err e = confusion_matrix(&counts, r->gold, r->predicted, (size_t)r->task.test_rows, classes);
    if (!e) add_matrix(p, r, counts);
    mem_free(counts);
    html__take(p, e);
}

static void add_calibration(page *p, const record *r) {
    const calibration *c = &r->calibration;
    html__format(p, "<section><h2>%s</h2>\n", SAY(p, calibration));
    svg__reliability(p, c);
    html__add(p, "<p class=\"soft\">");
    html__format(p, SAY(p, calibration_words), c->ece, CALIBRATION_BINS, c->brier, c->loss,
                 c->confidence);
    if (r->temperature > 0) html__format(p, SAY(p, temperature), r->temperature);
    html__add(p, "</p>\n</section>\n");
}

static void add_curves(page *p, const record *r) {
    html__add(p, "<div class=\"columns\">\n");
    if (r->loss_count) {
        html__format(p, "<section><h2>%s</h2>\n", SAY(p, training_loss));
        svg__line(p, r->loss, r->loss_count, SAY(p, optimizer_step), SAY(p, loss));
        html__add(p, "</section>\n");
    }
    if (r->length_count) {
        html__format(p, "<section><h2>%s</h2>\n", SAY(p, lengths));
        svg__bars(p, r->lengths, r->length_count, SAY(p, tokens), SAY(p, rows));
        html__add(p, "</section>\n");
    }
    if (r->calibration.rows) add_calibration(p, r);
    html__add(p, "</div>\n");
}

static void add_command(page *p, const record *r) {
    strbuf device = {0};
    bool is_cpu = strcmp(r->device.kind, "cpu") == 0;
    html__take(p, shown_add(&device, SHOWN_SHELL, is_cpu ? "cpu" : r->device.name));
    if (!p->e)
        html__format(p,
                     "<pre tabindex=\"0\" role=\"region\" aria-label=\"%s\"><code>%s --device %s"
                     "</code></pre>\n",
                     SAY(p, command), r->command, device.text);
    strbuf_free(&device);
}

static void add_title(page *p, const record *r) {
    char scores[2][SCORE_TEXT_BYTES];
    html__format(p, "<header>\n<nav><p><a href=\"../../index.html\">%s</a></p></nav>\n<h1>",
                 SAY(p, board));
    html__format(p, SAY(p, run_title), r->model.name, r->task.name, (long long)r->seed);
    html__add(p, "</h1>\n</header>\n");
    html__main(p);
    html__add(p, "<p>");
    html__format(p, SAY(p, run_score), html__term(p, metric_said(r->headline)),
                 score_percent(scores[0], record_metric(r, r->headline)),
                 score_percent(scores[1], record_metric_dedup(r, r->headline)));
    html__trained(p, r->timing.train_s, record_had_company(&r->cost), 1);
    html__format(p, "%s%s.</p>\n", SAY(p, on_device), RECORD_DEVICE(r));
    if (r->command) add_command(p, r);
}

err html_run(strbuf *out, const record *r, const char *const *texts, const char *confusions,
             page_language language) {
    page p = {.out = out, .language = language};
    char *title = NULL;
    err e = mem_printf(&title, SAY(&p, run_title), r->model.name, r->task.name, (long long)r->seed);
    if (e) return e;
    p.labels = html__labels(&p, &r->task);
    html__begin(&p, title, "../../");
    if (texts) html__add(&p, HTML_TEXTS_MARK "\n");
    mem_free(title);
    add_title(&p, r);
    add_curves(&p, r);
    if (r->evaluation_count) run__add_dev(&p, r);
    html__add(&p, "<div class=\"columns\">\n");
    add_scores(&p, r);
    add_classes(&p, r);
    html__add(&p, "</div>\n");
    add_confusion(&p, r, confusions);
    run__add_worst(&p, r, texts);
    run__add_errors(&p, r, texts);
    run__add_trees(&p, r, texts);
    run__add_facts(&p, r);
    html__end(&p, SAY(&p, footer));
    return p.e;
}
