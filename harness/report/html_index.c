#include "metric/score_text.h"
#include "report/html.h"
#include "report/html_internal.h"
#include "task/task.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const script =
    "'use strict';\n"
    "const rows=[...document.querySelectorAll('tbody tr[data-model]')];\n"
    "const field=id=>document.getElementById(id);\n"
    "function filter(){\n"
    "  const task=field('task').value,device=field('device').value;\n"
    "  const model=field('model').value.trim().toLowerCase();\n"
    "  for(const r of rows)r.hidden=(device&&r.dataset.device!==device)||\n"
    "    !r.dataset.model.toLowerCase().includes(model);\n"
    "  for(const s of document.querySelectorAll('section[data-task]'))\n"
    "    "
    "s.hidden=(task&&s.dataset.task!==task)||!s.querySelector('tr[data-model]:not([hidden])');\n"
    "}\n"
    "for(const id of ['task','device','model'])field(id).addEventListener('input',filter);\n"
    "function key(row,i){const c=row.cells[i];const v=c.dataset.v??c.textContent.trim();\n"
    "  const n=Number(v);return v!==''&&!Number.isNaN(n)?n:v;}\n"
    "for(const b of document.querySelectorAll('th button'))b.addEventListener('click',()=>{\n"
    "  const th=b.parentElement,i=th.cellIndex,body=th.closest('table').tBodies[0];\n"
    "  const down=th.getAttribute('aria-sort')==='ascending'||\n"
    "    (th.dataset.first==='down'&&th.getAttribute('aria-sort')!=='descending');\n"
    "  for(const o of th.parentElement.cells)o.removeAttribute('aria-sort');\n"
    "  th.setAttribute('aria-sort',down?'descending':'ascending');\n"
    "  const list=[...body.rows].filter(r=>r.dataset.model!==undefined);\n"
    "  list.sort((x,y)=>{const a=key(x,i),c=key(y,i);\n"
    "    const o=typeof a==='number'&&typeof c==='number'?a-c:String(a).localeCompare(String(c));\n"
    "    return down?-o:o;});\n"
    "  const rest=[...body.rows].filter(r=>r.dataset.model===undefined);\n"
    "  body.append(...list,...rest);\n"
    "});\n";

err html_run_name(char **out, const char *path) {
    const char *below = strchr(path, '/'), *name = below ? strchr(below + 1, '/') : NULL;
    int length = (int)(strlen(path) - strlen(".json"));
    if (!name) return mem_printf(out, "pages/%.*s.html", length, path);
    // of a contributor's folder: pages lie as deep as others
    int who = (int)(below - path), rest = length - (int)(name + 1 - path);
    return mem_printf(out, "pages%.*s/%.*s@%.*s.html", (int)(name - below), below, who, path, rest,
                      name + 1);
}

static const record *first_run(const board_table *t) {
    return t->rows[0].runs[0];
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

// every device once, in the order of first appearance
static void device_options(page *p, const board *b) {
    const char **seen = NULL;
    size_t count = 0, capacity = 0;
    for (size_t t = 0; t < b->table_count; t++) {
        for (size_t i = 0; i < b->tables[t].row_count; i++) {
            const char *name = b->tables[t].rows[i].runs[0]->device.name;
            size_t k = 0;
            while (k < count && strcmp(seen[k], name)) k++;
            if (k < count) continue;
            html__take(p, mem_grow((void **)&seen, &capacity, count + 1, sizeof *seen));
            if (p->e) goto done;
            seen[count++] = name;
            option(p, name);
        }
    }
done:
    mem_free(seen);
}

static void add_filters(page *p, const board *b) {
    html__add(p, "<form class=\"filters\" onsubmit=\"return false\">\n"
                 "<label>Task<select id=\"task\"><option value=\"\">all</option>");
    task_options(p, b);
    html__add(p, "</select></label>\n<label>Model<input id=\"model\" type=\"search\" "
                 "placeholder=\"part of a name\"></label>\n"
                 "<label>Device<select id=\"device\"><option value=\"\">all</option>");
    device_options(p, b);
    html__add(p, "</select></label>\n</form>\n");
}

static void head_cell(page *p, const char *title, bool number, bool down_first) {
    html__add(p, number ? "<th class=\"n\"" : "<th");
    html__add(p, down_first ? " data-first=\"down\"><button>" : "><button>");
    html__text(p, title);
    html__add(p, "</button></th>");
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

static void text_cell(page *p, const char *text) {
    html__add(p, "<td>");
    html__text(p, text);
    html__add(p, "</td>");
}

static void seed_links(page *p, const board_row *row) {
    html__format(p, "<td class=\"runs\" data-v=\"%zu\">", row->run_count);
    for (size_t k = 0; k < row->run_count; k++) {
        char *name = NULL;
        html__take(p, html_run_name(&name, row->paths[k]));
        if (p->e) return;
        html__add(p, k ? " <a href=\"" : "<a href=\"");
        html__link(p, name);
        html__format(p, "\">%lld</a>", (long long)row->runs[k]->seed);
        mem_free(name);
    }
    html__add(p, "</td>");
}

static void add_row(page *p, const board_table *t, const board_row *row, double low, double high) {
    const record *r = row->runs[0];
    row_begin(p, r);
    // a row without rank sorts after those that have one
    html__format(p, "<td class=\"n\" data-v=\"%zu\">", row->rank ? row->rank : SIZE_MAX);
    html__take(p, report__rank(p->out, row));
    html__add(p, "</td>");
    html__add(p, "<td class=\"model\">");
    html__text(p, r->model.name);
    html__take(p, report__cautions(p->out, row));
    html__format(p, "</td><td class=\"n\" data-v=\"%.6f\">%.2f", row->mean, 100 * row->mean);
    if (!row->rows_only) html__format(p, " ± %.2f", 100 * row->std);
    html__format(p, "</td><td data-v=\"%.6f\">", row->mean);
    svg__interval(p, row, t->baseline, low, high);
    html__format(p, "</td><td data-v=\"%.6f\">%.2f to %.2f", row->range.low, 100 * row->range.low,
                 100 * row->range.high);
    html__add(p, row->rows_only ? " <span class=\"tag\">rows only</span></td>" : "</td>");
    score_cell(p, row->dedup_mean);
    html__format(p, "<td class=\"n\" data-v=\"%lld\">", (long long)r->model.parameters);
    html__take(p, report__parameters(p->out, r->model.parameters));
    html__add(p, "</td><td class=\"recipe\">");
    html__text(p, row->words);
    html__format(p, "</td><td class=\"n\" data-v=\"%.3f\">", row->train_s);
    html__take(p, report__duration(p->out, row->train_s));
    html__add(p, "</td><td class=\"device\">");
    html__text(p, r->device.name);
    html__format(p, " <span class=\"tag\">%s</span></td>", r->device.precision);
    seed_links(p, row);
    html__add(p, "</tr>\n");
}

static void add_section_head(page *p, const board *b, const board_table *t) {
    const record *r = first_run(t);
    html__add(p, "<section data-task=\"");
    html__text(p, r->task.name);
    html__add(p, "\">\n<h2>");
    html__text(p, r->task.name);
    html__format(
        p,
        "</h2>\n<p class=\"soft\">Version %lld, %s split, protocol %s, data <code>%.8s</code>. "
        "%lld training rows, %lld test rows; %llu of these count for the deduplicated score "
        "(%lld have a text that is also in training). Labels: ",
        (long long)r->task.version, r->task.split, r->protocol, r->task.data_sha256,
        (long long)r->task.train_rows, (long long)r->task.test_rows,
        (unsigned long long)r->confusion_dedup.total, (long long)r->task.leaked_rows);
    for (size_t i = 0; i < r->task.label_count; i++) {
        if (i) html__add(p, ", ");
        html__text(p, r->task.labels[i]);
    }
    html__add(p, ".");
    html__take(p, report__apart(p->out, b, t));
    html__add(p, "</p>\n");
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
    html__add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    head_cell(p, "rank", true, false);
    head_cell(p, "model", false, false);
    head_cell(p, t->headline->title, true, true);
    html__format(p, "<th>%.1f to %.1f</th>", 100 * low, 100 * high);
    head_cell(p, "95 % interval", false, true);
    head_cell(p, "dedup.", true, true);
    head_cell(p, "params", true, false);
    head_cell(p, "recipe", false, false);
    head_cell(p, "training", true, false);
    head_cell(p, "device", false, false);
    head_cell(p, "runs", false, true);
    html__add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < t->row_count; i++) add_row(p, t, &t->rows[i], low, high);
    char dedup[SCORE_TEXT_BYTES];
    html__format(p,
                 "<tr class=\"soft\"><td></td><td>%s</td>"
                 "<td class=\"n\">%.2f</td><td></td><td></td><td class=\"n\">%s</td>"
                 "<td></td><td></td><td></td><td></td><td></td></tr>\n",
                 metric_baseline_title(first_run(t)->task.kind), 100 * t->baseline,
                 score_percent(dedup, t->baseline_dedup));
    html__add(p, "</tbody></table></div>\n</section>\n");
}

// an absent score sorts below all others
static void maybe_score_cell(page *p, bool known, double score) {
    if (known)
        score_cell(p, score);
    else
        html__add(p, "<td class=\"n\" data-v=\"-1\"></td>");
}

static void add_overall_row(page *p, const board *b, const board_overall *o) {
    const record *r = o->any;
    row_begin(p, r);
    text_cell(p, r->model.name);
    maybe_score_cell(p, o->complete, o->mean);
    for (size_t k = 0; k < b->task_count; k++)
        maybe_score_cell(p, o->rows[k] != NULL, o->rows[k] ? o->rows[k]->mean : 0);
    html__add(p, "<td>");
    html__text(p, r->device.name);
    html__format(p, " <span class=\"tag\">%s</span></td></tr>\n", r->device.precision);
}

static void add_overall(page *p, const board *b) {
    if (b->task_count < 2) return;
    html__add(p,
              "<section>\n<h2>All tasks</h2>\n<p class=\"soft\">Headline scores, and their mean "
              "for models "
              "that ran every task; a cell is empty where a model was not run. Where a model has "
              "several rows in a task's table, the one with most seeds stands here, then the "
              "lowest recipe hash: never the best score, which would be a choice made on the test "
              "set.</p>\n"
              "<div class=\"scroll\"><table>\n<thead><tr>");
    head_cell(p, "model", false, false);
    head_cell(p, "mean", true, true);
    for (size_t k = 0; k < b->task_count; k++)
        head_cell(p, first_run(&b->tables[b->overall_tables[k]])->task.name, true, true);
    head_cell(p, "device", false, false);
    html__add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < b->overall_count; i++) add_overall_row(p, b, &b->overall[i]);
    const char *baseline = metric_baseline_title(first_run(&b->tables[0])->task.kind);
    for (size_t k = 0; k < b->task_count; k++) {
        const board_table *t = &b->tables[b->overall_tables[k]];
        if (strcmp(baseline, metric_baseline_title(first_run(t)->task.kind)) != 0)
            baseline = "the baseline of each task";
    }
    html__format(p, "<tr class=\"soft\"><td>%s</td><td class=\"n\">%.2f</td>", baseline,
                 100 * b->overall_baseline);
    for (size_t k = 0; k < b->task_count; k++)
        html__format(p, "<td class=\"n\">%.2f</td>",
                     100 * b->tables[b->overall_tables[k]].baseline);
    html__add(p, "<td></td></tr>\n</tbody></table></div>\n</section>\n");
}

static void add_group_row(page *p, const board_group *g, const board_group_row *row) {
    if (row->run) {
        row_begin(p, row->run);
        text_cell(p, row->model);
    } else {
        html__format(p, "<tr class=\"soft\"><td>%s (published)</td>", row->model);
    }
    for (size_t c = 0; c < g->column_count; c++)
        maybe_score_cell(p, !isnan(row->scores[c]), row->scores[c]);
    html__add(p, "<td>");
    if (row->run)
        html__format(p, "%s <span class=\"tag\">%s</span>", row->run->device.name,
                     row->run->device.precision);
    html__add(p, "</td></tr>\n");
}

static void add_group(page *p, const board_group *g) {
    char title[120];
    if (!g->model_count) return;
    html__format(p, "<section>\n<h2>%s</h2>\n<p class=\"soft\">%s</p>\n", g->title,
                 report__group_words);
    html__add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    head_cell(p, "model", false, false);
    for (size_t c = 0; c < g->column_count; c++) {
        snprintf(title, sizeof title, "%s, %s", g->columns[c].task->group.column,
                 g->columns[c].metric->title);
        head_cell(p, title, true, true);
    }
    head_cell(p, "device", false, false);
    html__add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < g->row_count; i++) add_group_row(p, g, &g->rows[i]);
    html__add(p, "</tbody></table></div>\n");
    if (*g->sources) html__format(p, "<p class=\"soft\">Published: %s.</p>\n", g->sources);
    html__add(p, "</section>\n");
}

static void add_notes(page *p, const board *b) {
    if (!b->note_count) return;
    html__add(p, "<section>\n<h2>Left out</h2>\n<ul>\n");
    for (size_t i = 0; i < b->note_count; i++) {
        html__add(p, "<li>");
        html__text(p, b->notes[i]);
        html__add(p, ".</li>\n");
    }
    html__add(p, "</ul>\n</section>\n");
}

err board_html(strbuf *out, const board *b) {
    page p = {out, ERR_OK};
    html__begin(&p, "harness leaderboard");
    html__add(
        &p,
        "<h1>Leaderboard</h1>\n"
        "<p>Scores are in percent: mean ± standard deviation over seeds, on the whole test file. "
        "Deduplicated leaves out test rows that are empty, repeat an earlier row's text, or have "
        "a text that training saw.</p>\n"
        "<details><summary>How to read intervals and ranks</summary>\n"
        "<p>The 95 % interval covers the choice of test rows (10,000 bootstrap resamples of "
        "texts) and, with two seeds or more, the choice of seed. Rows only "
        "marks a single seed, which takes part in no test and has no rank. Rank is 1 + the number "
        "of rows that "
        "are significantly better (paired difference of seed means, Holm-adjusted over all pairs "
        "of a table, 5 % level): rows of equal rank are not shown to differ. Majority class is "
        "the score of always predicting the commonest class of training, a dashed line where it "
        "lies within the plot.</p></details>\n");
    add_filters(&p, b);
    if (!b->table_count) html__add(&p, "<p>No finished run yet.</p>\n");
    add_overall(&p, b);
    for (size_t i = 0; i < b->group_count; i++) add_group(&p, &b->groups[i]);
    for (size_t i = 0; i < b->table_count; i++) add_table(&p, b, &b->tables[i]);
    add_notes(&p, b);
    html__end(&p, script);
    return p.e;
}
