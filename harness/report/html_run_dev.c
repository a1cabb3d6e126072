/* The evaluations of protocol dev, by which the weights were chosen. */
#include "base/shown.h"
#include "report/html_run_internal.h"

#include <string.h>

static bool by_loss(const record *r) {
    return !strcmp(r->dev_metric, "loss");
}

static const char *metric_words(const page *p, const record *r) {
    return by_loss(r) ? SAY(p, dev_loss) : html__term(p, metric_said(r->dev_metric));
}

/* Scores in percent, as elsewhere on the page; losses as they are. */
static void add_curve(page *p, const record *r, bool of_loss) {
    double *x = NULL, *y = NULL;
    size_t marked = 0;
    err e = mem_new(&x, r->evaluation_count);
    if (!e) e = mem_new(&y, r->evaluation_count);
    html__take(p, e);
    for (size_t i = 0; i < r->evaluation_count && !e; i++) {
        const record_evaluation *v = &r->evaluations[i];
        x[i] = (double)v->step;
        y[i] = of_loss ? v->loss : 100 * v->score;
        if (v->step == r->best_step) marked = i;
    }
    html__format(p, "<section><h3>%s</h3>\n", of_loss ? SAY(p, dev_loss) : SAY(p, dev_score));
    if (!e)
        svg__marked_line(p, x, y, r->evaluation_count, marked, SAY(p, chosen),
                         SAY(p, optimizer_step), of_loss ? SAY(p, loss) : metric_words(p, r));
    html__add(p, "</section>\n");
    mem_free(x);
    mem_free(y);
}

static void add_row(page *p, const record *r, const record_evaluation *v, bool leads) {
    html__format(p, "<tr><th scope=\"row\" class=\"n\">%lld</th>", (long long)v->step);
    if (v->seconds > 0)
        html__format(p, "<td class=\"n\">%.1f</td>", v->seconds);
    else
        html__format(p, "<td class=\"n\">%s</td>", SAY(p, not_told));
    if (!by_loss(r)) html__format(p, "<td class=\"n\">%.2f</td>", 100 * v->score);
    html__format(p, "<td class=\"n\">%.4f</td><td>", v->loss);
    if (leads) html__format(p, "<span class=\"tag\">%s</span> ", SAY(p, best_so_far));
    if (v->step == r->best_step) html__format(p, "<span class=\"tag\">%s</span>", SAY(p, chosen));
    html__add(p, "</td></tr>\n");
}

static void add_table(page *p, const record *r) {
    double best = 0;
    html__format(p, "<details><summary>%s</summary>\n", SAY(p, each_evaluation));
    html__table_begin(p, SAY(p, each_evaluation), "");
    bool loss = by_loss(r);
    run__heads(
        p, loss ? "rrrl" : "rrrrl",
        loss ? (const char *[]){SAY(p, step), SAY(p, trained_for), SAY(p, dev_loss), SAY(p, choice)}
             : (const char *[]){SAY(p, step), SAY(p, trained_for), metric_words(p, r),
                                SAY(p, dev_loss), SAY(p, choice)});
    for (size_t i = 0; i < r->evaluation_count; i++) {
        const record_evaluation *v = &r->evaluations[i];
        bool leads = !i || (loss ? v->score < best : v->score > best);
        if (leads) best = v->score;
        add_row(p, r, v, leads);
    }
    html__add(p, "</tbody>");
    html__table_end(p);
    html__format(p, "<p class=\"soft\">%s</p>\n</details>\n", SAY(p, trained_words));
}

void run__add_dev(page *p, const record *r) {
    char rows[SHOWN_COUNT_BYTES];
    html__format(p, "<section><h2>%s</h2>\n<p>", SAY(p, dev_heading));
    html__format(p, SAY(p, dev_words), shown_count(rows, (uint64_t)r->task.dev_rows),
                 (long long)r->best_step, metric_words(p, r));
    html__add(p, "</p>\n<div class=\"columns\">\n");
    if (!by_loss(r)) add_curve(p, r, false);
    add_curve(p, r, true);
    html__add(p, "</div>\n");
    add_table(p, r);
    html__add(p, "</section>\n");
}
