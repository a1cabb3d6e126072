#include "base/shown.h"
#include "metric/score_text.h"
#include "report/cost.h"
#include "report/report_internal.h"
#include "report/words.h"
#include "task/task.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double report__rounded(double value) {
    return round(value * 1e6) / 1e6;
}

err report__parameters(strbuf *out, int64_t parameters) {
    double n = (double)parameters;
    if (n < 1e3) return strbuf_printf(out, "%.0f", n);
    if (n < 1e6) return strbuf_printf(out, "%.1fK", n / 1e3);
    if (n < 1e9) return strbuf_printf(out, "%.1fM", n / 1e6);
    return strbuf_printf(out, "%.1fB", n / 1e9);
}

err report__duration(strbuf *out, double seconds) {
    if (seconds < 99.5) return strbuf_printf(out, seconds < 9.95 ? "%.1f s" : "%.0f s", seconds);
    if (seconds < 99.5 * 60) return strbuf_printf(out, "%.0f min", seconds / 60);
    return strbuf_printf(out, "%.1f h", seconds / 3600);
}

err report__trained(strbuf *out, double seconds, size_t beside, size_t runs,
                    page_language language) {
    strbuf text = {0};
    err e = report__duration(&text, seconds);
    if (!e) {
        size_t number = strcspn(text.text, " ");
        e = strbuf_printf(out, "%.*s %s", (int)number, text.text,
                          language_term(language, text.text + number + 1));
    }
    strbuf_free(&text);
    if (e || !beside) return e;
    if ((e = strbuf_printf(out, " (%s", SAY_IN(language, beside_others)))) return e;
    if (beside < runs && (e = strbuf_printf(out, SAY_IN(language, caution_seeds), beside, runs)))
        return e;
    return strbuf_add(out, ")");
}

err report__rank(strbuf *out, const board_row *row) {
    return row->rank ? strbuf_printf(out, "%zu", row->rank) : strbuf_add(out, "–");
}

static err add_apart(strbuf *out, const board_table *t) {
    unsigned apart = t->apart;
    err e = ERR_OK;
    if (apart & APART_VERSION) e = strbuf_add(out, word_en_apart_version);
    if (!e && apart & APART_DATA) e = strbuf_add(out, word_en_apart_data);
    if (!e && apart & APART_PROTOCOL) e = strbuf_add(out, word_en_apart_protocol);
    return e;
}

static err add_cell(strbuf *out, const char *text) {
    return shown_add(out, SHOWN_MARKDOWN, text);
}

/* Addresses are set as code: they are copied as they stand, and become no links. */
static err add_source(strbuf *out, const char *text) {
    err e = ERR_OK;
    for (const char *at; !e && (at = strstr(text, "https://"));) {
        size_t length = strcspn(at, " ();,");
        while (strchr(":.", at[length - 1])) length--;
        char *address = NULL;
        if (!(e = shown_add_bytes(out, SHOWN_MARKDOWN, text, (size_t)(at - text))) &&
            !(e = mem_strndup(&address, at, length)))
            e = shown_code(out, address);
        mem_free(address);
        text = at + length;
    }
    return e ? e : add_cell(out, text);
}

static err add_head(strbuf *out, const board_table *t) {
    const record *r = t->rows[0].runs[0];
    const record_task *k = &r->task;
    char a[SHOWN_COUNT_BYTES], b[SHOWN_COUNT_BYTES], c[SHOWN_COUNT_BYTES];
    err e;
    if ((e = strbuf_add(out, "\n## ")) || (e = add_cell(out, k->name)) ||
        (e = shown_printf(out, SHOWN_MARKDOWN, "\n\nTask version %lld, %s split, protocol ",
                          (long long)k->version, k->split)) ||
        (e = shown_code(out, r->protocol)) ||
        (e = shown_printf(out, SHOWN_MARKDOWN, ", data `%.8s`: %s training ", k->data_sha256,
                          shown_count(a, (uint64_t)k->train_rows))))
        return e;
    if (k->dev_rows &&
        (e = strbuf_printf(out, "rows, %s held out, ", shown_count(a, (uint64_t)k->dev_rows))))
        return e;
    if ((e = strbuf_printf(
             out, "%s%s test rows (%s in the deduplicated score; %s also in training).",
             k->dev_rows ? "" : "rows, ", shown_count(a, (uint64_t)k->test_rows),
             shown_count(b, r->confusion_dedup.total), shown_count(c, (uint64_t)k->leaked_rows))))
        return e;
    return add_apart(out, t);
}

/* Models that later runs replaced: the scores stand, but nobody can load them. */
static err add_gone(strbuf *out, const board_row *row) {
    size_t gone = 0;
    for (size_t i = 0; i < row->run_count; i++) gone += row->runs[i]->model_is_gone;
    return gone ? strbuf_printf(out, " (model replaced: %zu of %zu)", gone, row->run_count)
                : ERR_OK;
}

static err add_row(strbuf *out, const board_row *row) {
    const record *r = row->runs[0];
    char dedup[SCORE_TEXT_BYTES];
    err e;
    if ((e = strbuf_add(out, "| ")) || (e = report__rank(out, row)) ||
        (e = strbuf_add(out, " | ")) || (e = add_cell(out, r->model.name)) ||
        (e = add_gone(out, row)) || (e = report__cautions(out, row)) ||
        (e = strbuf_printf(out, " | %.2f", 100 * row->mean)) ||
        (e = row->rows_only ? ERR_OK : strbuf_printf(out, " ± %.2f", 100 * row->std)) ||
        (e = strbuf_printf(out, " | %zu | %.2f to %.2f%s | %s | ", row->run_count,
                           100 * row->range.low, 100 * row->range.high,
                           row->rows_only ? " (rows only)" : "",
                           score_percent(dedup, row->dedup_mean))) ||
        (e = report__parameters(out, r->model.parameters)) || (e = strbuf_add(out, " | ")) ||
        (e = add_cell(out, row->words)) || (e = strbuf_add(out, " | ")) ||
        (e = report__trained(out, row->train_s, row->beside, row->run_count, PAGE_EN)) ||
        (e = strbuf_add(out, " on ")) || (e = add_cell(out, RECORD_DEVICE(r))) ||
        (e = shown_printf(out, SHOWN_MARKDOWN, ", %s | %s |\n", r->device.precision, row->made)))
        return e;
    return ERR_OK;
}

/* What a row of the table's task is, that learnt nothing of the texts. */
static const char *baseline_words(const board_table *t) {
    static const char *const words[ANSWER_KINDS] = {
        "always the commonest training class", "always one number",
        "always the commonest training label", "never an entity",
        "every word hangs from the next one",  "always the commonest training class"};
    return words[t->rows[0].runs[0]->task.kind];
}

static err add_table(strbuf *out, const board_table *t) {
    err e = add_head(out, t);
    if (e || (e = strbuf_printf(
                  out,
                  "\n\n| rank | model | %s | seeds | 95 %% interval | deduplicated | parameters "
                  "| recipe | training | made |\n"
                  "| ---: | --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |\n",
                  t->headline->title)))
        return e;
    for (size_t i = 0; i < t->row_count && !e; i++) e = add_row(out, &t->rows[i]);
    if (e) return e;
    char dedup[SCORE_TEXT_BYTES];
    return strbuf_printf(out, "| | %s | %.2f | | | %s | | | | |\n", baseline_words(t),
                         100 * t->baseline, score_percent(dedup, t->baseline_dedup));
}

/* A cell of a table of models: by what the recipe of its row differs from others of the model, behind
 * the score. */
static err add_standing(strbuf *out, double score, const board_row *row) {
    err e = isnan(score) ? ERR_OK : strbuf_printf(out, " %.2f", 100 * score);
    if (!e && row && *row->apart) e = shown_printf(out, SHOWN_MARKDOWN, " (%s)", row->apart);
    return e ? e : strbuf_add(out, " |");
}

static err add_overall_row(strbuf *out, const board *b, const board_overall *o) {
    const record *r = o->any;
    err e;
    if ((e = strbuf_add(out, "| ")) || (e = add_cell(out, r->model.name)) ||
        (e = o->complete ? strbuf_printf(out, " | %.2f |", 100 * o->mean)
                         : strbuf_add(out, " | |")))
        return e;
    for (size_t k = 0; k < b->task_count && !e; k++)
        e = add_standing(out, o->rows[k] ? o->rows[k]->mean : (double)NAN, o->rows[k]);
    if (e || (e = strbuf_add(out, " ")) || (e = add_cell(out, RECORD_DEVICE(r)))) return e;
    return shown_printf(out, SHOWN_MARKDOWN, ", %s |\n", r->device.precision);
}

/* The same of all tasks, whose baselines differ by their kind. */
static const char *overall_baseline_words(const board *b) {
    const char *words = baseline_words(&b->tables[b->overall_tables[0]]);
    for (size_t k = 1; k < b->task_count; k++)
        if (strcmp(words, baseline_words(&b->tables[b->overall_tables[k]])) != 0)
            return word_en_each_baseline;
    return words;
}

static err add_overall(strbuf *out, const board *b) {
    err e;
    if (b->task_count < 2) return ERR_OK;
    if ((e = strbuf_printf(out, "\n## %s\n\n%s\n\n| model | mean |", word_en_all_tasks,
                           word_en_all_tasks_words)))
        return e;
    for (size_t k = 0; k < b->task_count; k++) {
        const board_table *t = &b->tables[b->overall_tables[k]];
        if ((e = strbuf_add(out, " ")) || (e = add_cell(out, t->rows[0].runs[0]->task.name)) ||
            (e = strbuf_printf(out, ", %s |", t->headline->title)))
            return e;
    }
    if ((e = strbuf_add(out, " device |\n| --- | ---: |"))) return e;
    for (size_t k = 0; k < b->task_count && !e; k++) e = strbuf_add(out, " ---: |");
    if (!e) e = strbuf_add(out, " --- |\n");
    for (size_t i = 0; i < b->overall_count && !e; i++) e = add_overall_row(out, b, &b->overall[i]);
    if (!e)
        e = strbuf_printf(out, "| %s | %.2f |", overall_baseline_words(b),
                          100 * b->overall_baseline);
    for (size_t k = 0; k < b->task_count && !e; k++)
        e = strbuf_printf(out, " %.2f |", 100 * b->tables[b->overall_tables[k]].baseline);
    return e ? e : strbuf_add(out, " |\n");
}

static err add_group_row(strbuf *out, const board_group *g, const board_group_row *row) {
    err e;
    if ((e = strbuf_add(out, "| ")) || (e = add_cell(out, row->model)) ||
        (e = strbuf_add(out, " |")))
        return e;
    for (size_t c = 0; c < g->column_count && !e; c++)
        e = add_standing(out, row->scores[c], row->rows[c]);
    if (e || !row->run) return e ? e : strbuf_add(out, "\n");
    if ((e = strbuf_add(out, " ")) || (e = add_cell(out, RECORD_DEVICE(row->run)))) return e;
    return shown_printf(out, SHOWN_MARKDOWN, ", %s |\n", row->run->device.precision);
}

/* The table of a group's own rows, or of what others published. */
static err add_group_table(strbuf *out, const board_group *g, bool is_own) {
    err e = strbuf_add(out, "| model |");
    if (e) return e;
    for (size_t c = 0; c < g->column_count; c++)
        if ((e = strbuf_add(out, " ")) || (e = add_cell(out, g->columns[c].task->group.column)) ||
            (e = strbuf_printf(out, ", %s |", g->columns[c].metric->title)))
            return e;
    if ((e = strbuf_add(out, is_own ? " device |\n| --- |" : "\n| --- |"))) return e;
    for (size_t c = 0; c < g->column_count && !e; c++) e = strbuf_add(out, " ---: |");
    if (!e) e = strbuf_add(out, is_own ? " --- |\n" : "\n");
    for (size_t i = is_own ? 0 : g->model_count, end = is_own ? g->model_count : g->row_count;
         i < end && !e; i++)
        e = add_group_row(out, g, &g->rows[i]);
    return e;
}

static err add_group(strbuf *out, const board_group *g) {
    err e;
    if (!g->model_count) return ERR_OK;
    if ((e = strbuf_add(out, "\n## ")) || (e = add_cell(out, g->title)) ||
        (e = strbuf_add(out, "\n\n")) || (e = add_cell(out, word_en_group_words)) ||
        (e = strbuf_add(out, "\n\n")) || (e = add_group_table(out, g, true)))
        return e;
    if (g->row_count > g->model_count &&
        ((e = strbuf_printf(out, "\n### %s\n\n", word_en_published_rows)) ||
         (e = add_group_table(out, g, false))))
        return e;
    if (!*g->sources) return ERR_OK;
    if ((e = strbuf_add(out, "\nPublished: ")) || (e = add_source(out, g->sources))) return e;
    return strbuf_add(out, ".\n");
}

static const char *const introduction =
    "# Leaderboard\n\n"
    "Written by `harness report` from the records beside it; do not edit. Scores are in percent: "
    "mean ± standard deviation over seeds, on the whole test file. \"Deduplicated\" leaves out "
    "test "
    "rows that are empty, repeat an earlier row's text, or have a text that training saw.\n\n"
    "The 95 % interval covers the choice of test rows (10,000 bootstrap resamples of texts) and, "
    "with "
    "two seeds or more, the choice of seed. \"Rows only\" marks a single seed: its interval knows "
    "nothing of other seeds, and it takes part in no test and has no rank. Rank is 1 + the number "
    "of "
    "rows that are significantly better (paired difference of seed means, Holm-adjusted over all "
    "pairs of a table, 5 % level): rows of equal rank are not shown to differ, whatever their "
    "order. \"Made\" has the days of a row's first and last run, and the version and commit of the "
    "program that made the newest; +1: another program made some of them.\n";

static err add_notes(strbuf *out, const board *b) {
    err e = b->note_count ? strbuf_add(out, "\n## Left out\n\n") : ERR_OK;
    for (size_t i = 0; i < b->note_count && !e; i++)
        if (!(e = strbuf_add(out, "- ")) && !(e = add_cell(out, b->notes[i].text)))
            e = strbuf_add(out, ".\n");
    return e;
}

err board_markdown(strbuf *out, const board *b) {
    err e = strbuf_add(out, introduction);
    if (!e && !b->table_count) e = strbuf_printf(out, "\n%s\n", word_en_no_run);
    if (!e) e = add_overall(out, b);
    for (size_t i = 0; i < b->group_count && !e; i++) e = add_group(out, &b->groups[i]);
    for (size_t i = 0; i < b->table_count && !e; i++) e = add_table(out, &b->tables[i]);
    if (!e) e = cost_markdown(out, b);
    return e ? e : add_notes(out, b);
}

/* csv */

static err add_field(strbuf *out, const char *text) {
    return text ? shown_add(out, SHOWN_CSV, text) : ERR_OK;
}

static err add_fields(strbuf *out, const char *const *texts, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++)
        if (!(e = add_field(out, texts[i]))) e = strbuf_add(out, ",");
    return e;
}

enum { CSV_NUMBER_BYTES = 32 };

/* Empty where it is not defined. */
static const char *csv_number(char out[CSV_NUMBER_BYTES], double value) {
    snprintf(out, CSV_NUMBER_BYTES, "%.6f", value);
    return isnan(value) ? "" : out;
}

static err csv_row(strbuf *out, const board_table *t, const board_row *row) {
    const record *r = row->runs[0];
    const char *names[] = {r->task.name,      r->protocol,         r->task.data_sha256,
                           t->headline->name, r->model.name,       r->model.weights_sha256,
                           r->recipe_sha256,  r->device.precision, r->device.kind,
                           RECORD_DEVICE(r),  row->words,          row->made};
    char dedup[CSV_NUMBER_BYTES], baseline[CSV_NUMBER_BYTES], rank[CSV_NUMBER_BYTES] = "";
    if (row->rank) snprintf(rank, sizeof rank, "%zu", row->rank);
    err e = add_fields(out, names, sizeof names / sizeof *names);
    if (e) return e;
    return strbuf_printf(
        out, "%lld,%s,%zu,%.6f,%.6f,%.6f,%.6f,%s,%s,%.6f,%s,%zu,%zu,%lld,%.3f,%zu\n",
        (long long)r->task.version, rank, row->run_count, row->mean, row->std, row->range.low,
        row->range.high, row->rows_only ? "rows" : "rows and seeds",
        csv_number(dedup, row->dedup_mean), t->baseline, csv_number(baseline, t->baseline_dedup),
        row->cautions[SCORE_ONE_LABEL] + row->cautions[SCORE_ONE_SET],
        row->cautions[SCORE_BELOW_MAJORITY], (long long)r->model.parameters, row->train_s,
        row->beside);
}

err board_csv(strbuf *out, const board *b) {
    err e = strbuf_add(
        out, "task,protocol,data_sha256,metric,model,weights_sha256,recipe_sha256,precision,"
             "device_kind,device,recipe,made,task_version,rank,seeds,mean,std,low,high,interval_of,"
             "deduplicated,baseline,baseline_deduplicated,runs_of_one_label,runs_below_baseline,"
             "parameters,train_s,runs_beside_others\n");
    for (size_t t = 0; t < b->table_count && !e; t++)
        for (size_t i = 0; i < b->tables[t].row_count && !e; i++)
            e = csv_row(out, &b->tables[t], &b->tables[t].rows[i]);
    return e;
}
