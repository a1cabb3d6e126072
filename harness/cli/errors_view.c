#include "cli/errors_view.h"

#include "base/json.h"
#include "base/shown.h"
#include "cli/output.h"
#include "cli/terminal_text.h"
#include "report/grid.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// for people; programs get the names that predictions and records have
static const char *label_words(const errors_view *v, uint32_t label) {
    return v->task->labels[label].readable;
}

static const char *label_name(const errors_view *v, uint32_t label) {
    return v->task->labels[label].name;
}

static size_t at_most(size_t count, size_t most) {
    return count < most ? count : most;
}

/* A kind of caution that needs no baseline. */
static bool says_one_label(const record *r) {
    return score_judge(&r->confusion, metric_find(r->headline), 0) == SCORE_ONE_LABEL;
}

static void number_or_dash(grid *g, const char *format, double value) {
    char text[32];
    snprintf(text, sizeof text, format, value);
    grid_text(g, isnan(value) ? "-" : text);
}

static void add_text_cell(grid *g, const errors_view *v, size_t row) {
    const example *x = &v->data->test.rows[row].example;
    strbuf text = {0};
    err e = strbuf_add(&text, x->texts[0].text);
    for (uint32_t k = 1; k < x->text_count && !e; k++)
        e = strbuf_printf(&text, " | %s", x->texts[k].text);
    if (e)
        g->e = e;
    else
        grid_text(g, text.text);
    strbuf_free(&text);
}

static err add_more(strbuf *out, size_t count) {
    return strbuf_printf(out, "\nand %s more (`--rows N`)\n", SHOWN_COUNT(count));
}

static err add_wrong(strbuf *out, const errors_view *v) {
    const errors *f = v->found;
    size_t shown = at_most(f->wrong_count, v->shown);
    err e = strbuf_printf(out,
                          "## Rows that every run answers wrongly: %s of %s, %s with a suspect "
                          "label\n%s",
                          SHOWN_COUNT(f->wrong_count), SHOWN_COUNT(v->data->test.row_count),
                          SHOWN_COUNT(f->suspect_count), shown ? "\n" : "");
    if (e || !shown) return e;
    grid g = grid_begin(v->texts ? "rllrrll" : "rllrrl");
    static const char *const heads[] = {"row", "gold", "answer", "p", "p of gold", "label", "text"};
    for (size_t i = 0; i < 6u + v->texts; i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < shown; i++) {
        const errors_row *row = &f->wrong[i];
        grid_cell(&g, "%zu", row->row + 1);
        grid_text(&g, label_words(v, v->data->test.rows[row->row].example.target.class));
        grid_text(&g, label_words(v, row->answer));
        grid_cell(&g, "%.3f", row->probability);
        grid_cell(&g, "%.3f", row->gold_chance);
        grid_text(&g, row->is_suspect ? "suspect" : "");
        if (v->texts) add_text_cell(&g, v, row->row);
    }
    e = grid_end(out, &g);
    if (!e && shown < f->wrong_count) e = add_more(out, f->wrong_count - shown);
    return e;
}

static err add_parted(strbuf *out, const errors_view *v) {
    const errors *f = v->found;
    size_t shown = at_most(f->parted_count, v->shown);
    if (v->run_count < 2) return ERR_OK;
    err e = strbuf_printf(out, "\n## Rows on which the runs part: %s of %s\n%s",
                          SHOWN_COUNT(f->parted_count), SHOWN_COUNT(v->data->test.row_count),
                          shown ? "\n" : "");
    if (e || !shown) return e;
    grid g = grid_begin(v->texts ? "rlrll" : "rlrl");
    static const char *const heads[] = {"row", "gold", "entropy", "answers", "text"};
    for (size_t i = 0; i < 4u + v->texts; i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < shown; i++) {
        const errors_row *row = &f->parted[i];
        strbuf said = {0};
        for (size_t r = 0; r < v->run_count && !e; r++)
            e = strbuf_printf(&said, "%s%s", r ? ", " : "",
                              label_words(v, v->runs[r].predicted[row->row]));
        grid_cell(&g, "%zu", row->row + 1);
        grid_text(&g, label_words(v, v->data->test.rows[row->row].example.target.class));
        grid_cell(&g, "%.3f", row->entropy);
        grid_text(&g, e ? "" : said.text);
        strbuf_free(&said);
        if (v->texts) add_text_cell(&g, v, row->row);
    }
    err ended = grid_end(out, &g);
    e = e ? e : ended;
    if (!e && shown < f->parted_count) e = add_more(out, f->parted_count - shown);
    return e;
}

static err add_slices(strbuf *out, const errors_view *v) {
    bool other = strcmp(v->task->headline, "accuracy") != 0;
    char title[METRIC_TITLE_BYTES];
    err e = strbuf_add(out, "\n## Scores by slice\n\n");
    grid g = grid_begin(other ? "llrrr" : "llrr");
    grid_text(&g, "by");
    grid_text(&g, "slice");
    grid_text(&g, "rows");
    grid_text(&g, "accuracy");
    if (other)
        grid_text(&g, metric_title(title, metric_find(v->task->headline),
                                   v->task->label_count > 1 ? v->task->labels[1].readable : NULL));
    for (size_t i = 0; i < v->found->slice_count; i++) {
        const errors_slice *s = &v->found->slices[i];
        grid_text(&g, s->by);
        grid_text(&g, s->name);
        grid_text(&g, SHOWN_COUNT(s->rows));
        number_or_dash(&g, "%.4f", s->accuracy);
        if (other) number_or_dash(&g, "%.4f", s->headline);
    }
    err ended = grid_end(out, &g);
    return e ? e : ended;
}

static err add_pairs(strbuf *out, const errors_view *v) {
    size_t shown = at_most(v->found->pair_count, v->shown);
    if (!shown) return ERR_OK;
    err e = strbuf_add(out, "\n## Confused labels\n\n");
    grid g = grid_begin("llrr");
    static const char *const heads[] = {"gold", "answered", "rows a run", "share of gold"};
    for (size_t i = 0; i < 4; i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < shown; i++) {
        const errors_pair *p = &v->found->pairs[i];
        grid_text(&g, label_words(v, p->gold));
        grid_text(&g, label_words(v, p->said));
        grid_cell(&g, "%.1f", p->rows);
        grid_cell(&g, "%.1f %%", 100 * p->share);
    }
    err ended = grid_end(out, &g);
    e = e ? e : ended;
    if (!e && shown < v->found->pair_count) e = add_more(out, v->found->pair_count - shown);
    return e;
}

static err add_calibration(strbuf *out, const errors_view *v) {
    bool fitted = false;
    err e = strbuf_printf(out, "\n## Calibration (%d bins)\n\n", CALIBRATION_BINS);
    for (size_t r = 0; r < v->run_count; r++) fitted = fitted || !isnan(v->runs[r].temperature);
    grid g = grid_begin(fitted ? "rrrrrrrr" : "rrrrr");
    static const char *const heads[] = {"seed", "confidence", "ECE",      "Brier",
                                        "loss", "T",          "ECE at T", "Brier at T"};
    for (size_t i = 0; i < (fitted ? 8u : 5u); i++) grid_text(&g, heads[i]);
    for (size_t r = 0; r < v->run_count; r++) {
        const errors_run *run = &v->runs[r];
        grid_cell(&g, "%lld", (long long)run->record.seed);
        number_or_dash(&g, "%.4f", run->plain.confidence);
        number_or_dash(&g, "%.4f", run->plain.ece);
        number_or_dash(&g, "%.4f", run->plain.brier);
        number_or_dash(&g, "%.4f", run->plain.loss);
        if (!fitted) continue;
        number_or_dash(&g, "%.3f", run->temperature);
        number_or_dash(&g, "%.4f", run->scaled.ece);
        number_or_dash(&g, "%.4f", run->scaled.brier);
    }
    err ended = grid_end(out, &g);
    e = e ? e : ended;
    if (!e && !fitted)
        e = strbuf_add(out, "\nNo temperature: a run under protocol last was trained on the rows "
                            "that it would be fitted on.\n");
    return e;
}

/* Rows of the sample or of a part, which all runs share; and of a model of one label most wrong
 * rows are of labels that it never says, whatever it calls suspect. */
static err add_cautions(strbuf *out, const errors_view *v) {
    size_t ones = 0, parts = 0;
    err e = ERR_OK;
    for (size_t r = 0; r < v->run_count; r++) parts += v->runs[r].record.partial;
    if (v->runs[0].record.task.sample)
        e = strbuf_add(out, "Rows of the bundled sample: they say nothing about the model.\n\n");
    else if (parts)
        e = strbuf_add(out, "Runs of a part of the rows or steps: not for the board.\n\n");
    if (e) return e;
    for (size_t r = 0; r < v->run_count; r++) ones += says_one_label(&v->runs[r].record);
    if (!ones) return ERR_OK;
    const char *words = score_caution_text(SCORE_ONE_LABEL);
    return v->run_count == 1 ? strbuf_printf(out, "The model %s.\n\n", words)
                             : strbuf_printf(out, "The model of %zu of %zu runs %s.\n\n", ones,
                                             v->run_count, words);
}

err errors_view_print(const errors_view *v) {
    strbuf out = {0};
    err e = add_cautions(&out, v);
    if (!e) e = add_wrong(&out, v);
    if (!e) e = add_parted(&out, v);
    if (!e) e = add_slices(&out, v);
    if (!e) e = add_pairs(&out, v);
    if (!e) e = add_calibration(&out, v);
    if (!e) e = terminal_text(out.text);
    strbuf_free(&out);
    return e;
}

static err put_row(cJSON *list, const errors_view *v, const errors_row *row) {
    const example *x = &v->data->test.rows[row->row].example;
    cJSON *o = NULL, *votes = NULL;
    err e = json_append_object(&o, list);
    if (!e)
        e = json_put(o, "row %zu gold %s answer %s probability %f gold_probability %f",
                     row->row + 1, label_name(v, x->target.class), label_name(v, row->answer),
                     row->probability, row->gold_chance);
    if (!e) e = json_put(o, "vote_entropy %f suspect %d", row->entropy, row->is_suspect);
    if (!e) e = json_add_array(&votes, o, "answers");
    for (size_t r = 0; r < v->run_count && !e; r++)
        e = json_append(votes, cJSON_CreateString(label_name(v, v->runs[r].predicted[row->row])));
    if (!e && v->texts) e = json_add_string(o, "text", x->texts[0].text);
    if (!e && v->texts && x->text_count > 1) e = json_add_string(o, "text_pair", x->texts[1].text);
    return e;
}

static err put_rows(cJSON *root, const char *key, const errors_view *v, const errors_row *rows,
                    size_t count) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, key);
    for (size_t i = 0; i < count && !e; i++) e = put_row(list, v, &rows[i]);
    return e;
}

static err put_runs(cJSON *root, const errors_view *v) {
    cJSON *list = NULL, *o = NULL;
    err e = json_add_array(&list, root, "runs");
    for (size_t r = 0; r < v->run_count && !e; r++) {
        const errors_run *run = &v->runs[r];
        if ((e = json_append_object(&o, list))) break;
        e = json_put(o,
                     "folder %s seed %f device %s answered_otherwise %zu temperature %f "
                     "one_label %d",
                     run->folder, (double)run->record.seed, run->record.device.name, run->moved,
                     run->temperature, says_one_label(&run->record));
        if (!e) e = record_calibration_json(o, "calibration", &run->plain, 0);
        if (!e && !isnan(run->temperature))
            e = record_calibration_json(o, "calibration_at_temperature", &run->scaled, 0);
    }
    return e;
}

static err put_rest(cJSON *root, const errors_view *v) {
    cJSON *list = NULL, *o = NULL;
    err e = record_slices_json(root, v->found->slices, v->found->slice_count);
    if (!e) e = json_add_array(&list, root, "confused");
    for (size_t i = 0; i < v->found->pair_count && !e; i++) {
        const errors_pair *p = &v->found->pairs[i];
        if (!(e = json_append_object(&o, list)))
            e = json_put(o, "gold %s answered %s rows %f share %f", label_name(v, p->gold),
                         label_name(v, p->said), p->rows, p->share);
    }
    return e;
}

err errors_view_json(const errors_view *v) {
    const record *first = &v->runs[0].record;
    cJSON *root = cJSON_CreateObject();
    err e = json_put(root, "task %s model %s protocol %s headline %s rows %zu suspect_labels %zu",
                     first->task.name, first->model.name, first->protocol, first->headline,
                     v->data->test.row_count, v->found->suspect_count);
    if (!e) e = put_runs(root, v);
    if (!e) e = put_rows(root, "wrong", v, v->found->wrong, v->found->wrong_count);
    if (!e) e = put_rows(root, "parted", v, v->found->parted, v->found->parted_count);
    if (!e) e = put_rest(root, v);
    return output_json_last(e, root, true);
}
