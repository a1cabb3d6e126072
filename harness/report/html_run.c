#include "base/memory.h"
#include "base/shown.h"
#include "metric/confusion_cells.h"
#include "metric/score_text.h"
#include "metric/tags.h"
#include "report/html.h"
#include "report/html_internal.h"
#include "train/recipe/recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void row_text(page *p, const char *name, const char *value) {
    if (!value) return;
    html__add(p, "<tr><td>");
    html__text(p, name);
    html__add(p, "</td><td class=\"wrap\">");
    html__text(p, value);
    html__add(p, "</td></tr>\n");
}

static void row_number(page *p, const char *name, double value) {
    html__add(p, "<tr><td>");
    html__text(p, name);
    html__format(p, "</td><td>%.8g</td></tr>\n", value);
}

static void table_begin(page *p, const char *title) {
    html__add(p, "<section><h3>");
    html__text(p, title);
    html__add(p, "</h3>\n<div class=\"scroll\"><table>\n");
}

static void table_end(page *p) {
    html__add(p, "</table></div></section>\n");
}

static const char *label_of(const record *r, size_t id) {
    return r->task.labels[id];
}

/* Of a class of the sum: a label, or the type of entities. */
static const char *class_of(const record *r, size_t k) {
    if (r->task.kind != ANSWER_TAGS) return label_of(r, k);
    const char *begin = label_of(r, 2 * k);
    return strncmp(begin, "B-", 2) == 0 ? begin + 2 : begin;
}

static void add_value(page *p, double value) {
    if (isnan(value))
        html__add(p, "<td class=\"n\">not defined</td>");
    else
        html__format(p, "<td class=\"n\">%.2f</td>", 100 * value);
}

static void add_scores(page *p, const record *r) {
    table_begin(p, "Scores");
    html__add(
        p, "<thead><tr><th></th><th class=\"n\">official</th><th class=\"n\">deduplicated</th></tr>"
           "</thead><tbody>\n");
    char title[METRIC_TITLE_BYTES];
    const char *label_1 = r->task.label_count > 1 ? label_of(r, 1) : NULL;
    for (size_t m = 0; m < metric_count(); m++) {
        const metric *x = metric_at(m);
        if (!metric_applies(x, r->task.kind, r->task.label_count)) continue;
        bool leads = !strcmp(x->name, r->headline);
        html__format(p, "<tr><td>%s", metric_title(title, x, label_1));
        html__add(p, leads ? " <span class=\"tag\">headline</span>" : "");
        html__add(p, "</td>");
        add_value(p, r->metrics[m]);
        add_value(p, r->metrics_dedup[m]);
        html__add(p, "</tr>\n");
    }
    html__add(p, "</tbody>");
    table_end(p);
}

static void add_classes(page *p, const record *r) {
    if (!r->task.label_count) return;
    bool tags = r->task.kind == ANSWER_TAGS;
    table_begin(p, tags ? "Per type of entity" : "Per class");
    html__format(p,
                 "<thead><tr><th>%s</th><th class=\"n\">precision</th><th class=\"n\">recall</th>"
                 "<th class=\"n\">F1</th><th class=\"n\">%s</th></tr></thead><tbody>\n",
                 tags ? "type" : "label", tags ? "entities" : "test rows");
    for (size_t k = 0; k < r->confusion.classes; k++) {
        class_score s = metric_of_class(&r->confusion, k);
        html__add(p, "<tr><td>");
        html__text(p, class_of(r, k));
        html__format(
            p,
            "</td><td class=\"n\">%.2f</td><td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>"
            "<td class=\"n\">%llu</td></tr>\n",
            100 * s.precision, 100 * s.recall, 100 * s.f1, (unsigned long long)s.support);
    }
    html__add(p, "</tbody>");
    table_end(p);
}

// shaded by the share of the gold row, so that a rare class is as readable as a common one
static void add_matrix(page *p, const record *r, const uint64_t *counts) {
    size_t classes = r->confusion.classes;
    table_begin(p, "Confusion matrix (rows: gold, columns: predicted)");
    html__add(p, "<thead><tr><th></th>");
    for (size_t k = 0; k < classes; k++) {
        html__add(p, "<th class=\"n\">");
        html__text(p, label_of(r, k));
        html__add(p, "</th>");
    }
    html__add(p, "</tr></thead><tbody>\n");
    for (size_t g = 0; g < classes; g++) {
        uint64_t sum = r->confusion.gold[g];
        html__add(p, "<tr><th>");
        html__text(p, label_of(r, g));
        html__add(p, "</th>");
        for (size_t k = 0; k < classes; k++) {
            uint64_t n = counts[g * classes + k];
            double share = sum ? (double)n / (double)sum : 0;
            html__format(p,
                         "<td class=\"n\" style=\"background:rgba(var(--shade),%.2f)\">%llu</td>",
                         0.5 * share, (unsigned long long)n);
        }
        html__add(p, "</tr>\n");
    }
    html__add(p, "</tbody>");
    table_end(p);
}

// of many classes no matrix: what was taken for what
static err add_mistakes(page *p, const record *r) {
    enum { SHOWN = 50 };
    confusion_cell *list = NULL;
    size_t count = 0;
    err e = confusion_mistakes(&list, &count, r->gold, r->predicted, (size_t)r->task.test_rows);
    if (e) return e;
    table_begin(p, "Commonest mistakes");
    html__add(p, "<thead><tr><th>gold</th><th>predicted</th><th class=\"n\">test rows</th></tr>"
                 "</thead><tbody>\n");
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        html__add(p, "<tr><td>");
        html__text(p, label_of(r, list[i].gold));
        html__add(p, "</td><td>");
        html__text(p, label_of(r, list[i].predicted));
        html__format(p, "</td><td class=\"n\">%llu</td></tr>\n", (unsigned long long)list[i].rows);
    }
    html__add(p, "</tbody>");
    table_end(p);
    if (count > SHOWN)
        html__format(p,
                     "<p class=\"soft\">%d of %zu pairs of labels; all of them stand in the "
                     "record, under <code>confusion</code>.</p>\n",
                     SHOWN, count);
    mem_free(list);
    return ERR_OK;
}

static void add_confusion(page *p, const record *r) {
    enum { MATRIX_CLASSES = 64 }; // a page of more would be megabytes that nobody reads
    size_t classes = r->confusion.classes;
    uint64_t *counts = NULL;
    if (!answer_is_label(r->task.kind)) return;
    if (classes > MATRIX_CLASSES) {
        html__take(p, add_mistakes(p, r));
        return;
    }
    err e = confusion_matrix(&counts, r->gold, r->predicted, (size_t)r->task.test_rows, classes);
    if (!e) add_matrix(p, r, counts);
    mem_free(counts);
    html__take(p, e);
}

static void add_calibration(page *p, const record *r) {
    const calibration *c = &r->calibration;
    html__add(p, "<section><h3>Calibration on the test rows</h3>\n");
    svg__reliability(p, c);
    html__format(p,
                 "<p class=\"soft\">Expected calibration error %.4f over %d bins, Brier score %.4f "
                 "(sum over classes), loss %.4f, mean confidence %.4f.",
                 c->ece, CALIBRATION_BINS, c->brier, c->loss, c->confidence);
    if (r->temperature > 0)
        html__format(p, " The temperature that fits the dev rows best is %.4g.", r->temperature);
    html__add(p, "</p>\n</section>\n");
}

static void add_curves(page *p, const record *r) {
    html__add(p, "<div class=\"columns\">\n");
    if (r->loss_count) {
        html__add(p, "<section><h3>Training loss</h3>\n");
        svg__line(p, r->loss, r->loss_count, "optimizer step", "loss");
        html__add(p, "</section>\n");
    }
    if (r->length_count) {
        html__add(p, "<section><h3>Lengths of the test sentences</h3>\n");
        svg__bars(p, r->lengths, r->length_count, "tokens", "rows");
        html__add(p, "</section>\n");
    }
    if (r->calibration.rows) add_calibration(p, r);
    html__add(p, "</div>\n");
}

enum { WORST_ROWS = 20 };

typedef struct wrong_row {
    size_t row;
    double error;
} wrong_row;

static int largest_first(const void *a, const void *b) {
    const wrong_row *x = a, *y = b;
    if (x->error != y->error) return x->error > y->error ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

// classes: those that gave their gold label least, as the record has them; others: largest errors
static err worst_rows(wrong_row **out, size_t *count, const record *r) {
    size_t rows = (size_t)r->task.test_rows;
    bool kept = answer_is_label(r->task.kind);
    err e = mem_new(out, kept ? r->worst_count : rows);
    *count = 0;
    if (e) return e;
    for (size_t i = 0; kept && i < r->worst_count; i++)
        (*out)[(*count)++] = (wrong_row){(size_t)r->worst[i].row, r->worst[i].probability};
    for (size_t i = 0; !kept && i < rows; i++) {
        double error = record_row_error(r, i);
        if (error > 0) (*out)[(*count)++] = (wrong_row){i, error};
    }
    if (kept) return ERR_OK;
    if (*count) qsort(*out, *count, sizeof **out, largest_first);
    if (*count > WORST_ROWS) *count = WORST_ROWS;
    return ERR_OK;
}

static uint32_t words_of(const record *r, size_t row) {
    return r->unit_begin[row + 1] - r->unit_begin[row];
}

/* "person 0-2": by places of units, since texts may be kept from the page. */
static void add_entities(page *p, const record *r, answers of, size_t row, bool is_gold) {
    const uint32_t *tags = of.classes + of.begin[row];
    size_t count = of.begin[row + 1] - of.begin[row], at = 0;
    tag_entity one;
    for (bool any = false; tag_next(&one, &at, tags, count, r->task.label_count, !is_gold);
         any = true) {
        html__add(p, any ? ", " : "");
        html__text(p, class_of(r, one.type));
        html__format(p, " %u-%u", one.begin + 1, one.end);
    }
}

/* "3: 5 nsubj": of the words whose answer is wrong the place, and what `of` has there. */
static void add_wrong_arcs(page *p, const record *r, answers of, size_t row) {
    const size_t first = (size_t)r->unit_begin[row] * ARC_WIDTH;
    bool any = false;
    for (uint32_t k = 0; k < words_of(r, row); k++) {
        size_t at = first + (size_t)k * ARC_WIDTH;
        if (!memcmp(r->gold + at, r->predicted + at, ARC_PUNCTUATION * sizeof *r->gold)) continue;
        html__format(p, "%s%u: %u %s", any ? ", " : "", k + 1, of.classes[at + ARC_HEAD],
                     label_of(r, of.classes[at + ARC_RELATION]));
        any = true;
    }
}

static void add_answer(page *p, const record *r, answers of, size_t row, bool is_gold) {
    bool any = false;
    html__add(p, answer_in_units(r->task.kind) ? "<td class=\"wrap\">" : "<td>");
    if (r->task.kind == ANSWER_TAGS) add_entities(p, r, of, row, is_gold);
    if (answer_is_label(r->task.kind)) html__text(p, label_of(r, of.classes[row]));
    if (r->task.kind == ANSWER_NUMBER) html__format(p, "%.3f", (double)of.numbers[row]);
    for (size_t k = 0; r->task.kind == ANSWER_SET && k < r->task.label_count; k++) {
        if (!(of.numbers[row * r->task.label_count + k] > 0)) continue;
        html__add(p, any ? ", " : "");
        html__text(p, label_of(r, k));
        any = true;
    }
    if (r->task.kind == ANSWER_ARCS) add_wrong_arcs(p, r, of, row);
    html__add(p, "</td>");
}

/* Trees of the rows that it got most wrong, of those that fit a page. */
static void add_trees(page *p, const record *r, const char *const *texts) {
    enum { TREES = 5, WORDS_MOST = 60 };
    wrong_row *list = NULL;
    size_t count = 0, shown = 0;
    if (r->task.kind != ANSWER_ARCS || !texts) return;
    html__take(p, worst_rows(&list, &count, r));
    if (count) html__add(p, "<section><h3>Trees: gold above, predicted below</h3>\n");
    for (size_t i = 0; i < count && shown < TREES; i++) {
        size_t row = list[i].row, first = (size_t)r->unit_begin[row] * ARC_WIDTH;
        if (words_of(r, row) > WORDS_MOST) continue;
        html__format(p, "<p class=\"soft\">row %zu</p><div class=\"scroll\">", row + 1);
        svg__tree(p, texts[row], r->gold + first, r->predicted + first, words_of(r, row),
                  (const char *const *)r->task.labels);
        html__add(p, "</div>\n");
        shown++;
    }
    if (count) html__add(p, "</section>\n");
    mem_free(list);
}

static void add_worst(page *p, const record *r, const char *const *texts) {
    static const char *const errors[ANSWER_KINDS] = {"probability of gold", "error",
                                                     "labels wrong",        "entities wrong",
                                                     "words wrong",         "probability of gold"};
    static const char *const digits[ANSWER_KINDS] = {"%.4f", "%.3f", "%.0f",
                                                     "%.0f", "%.0f", "%.4f"};
    wrong_row *list = NULL;
    size_t count = 0;
    html__take(p, worst_rows(&list, &count, r));
    if (!count) goto done;
    table_begin(p, "Rows it got most wrong");
    html__format(p,
                 "<thead><tr><th class=\"n\">row</th><th>gold</th><th>predicted</th>"
                 "<th class=\"n\">%s</th>",
                 errors[r->task.kind]);
    html__add(p, texts ? "<th>text</th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        size_t row = list[i].row;
        char error[40];
        snprintf(error, sizeof error, digits[r->task.kind], list[i].error);
        html__format(p, "<tr><td class=\"n\">%zu</td>", row + 1);
        add_answer(p, r, record_gold(r), row, true);
        add_answer(p, r, record_answers(r), row, false);
        html__format(p, "<td class=\"n\">%s</td>", error);
        if (texts) {
            html__add(p, "<td class=\"wrap\">");
            html__text(p, texts[row]);
            html__add(p, "</td>");
        }
        html__add(p, "</tr>\n");
    }
    html__add(p, "</tbody>");
    table_end(p);
    if (!texts)
        html__add(
            p,
            "<p class=\"soft\">Rows count from 1 in the order of the test rows, as <code>harness "
            "data head TASK --split test --row N</code> shows them; texts are not published here "
            "(<code>--with-text</code> adds them).</p>\n");
done:
    mem_free(list);
}

static void add_recipe(page *p, const record *r) {
    const cJSON *item;
    table_begin(p, "Recipe");
    html__add(p, "<tbody>\n");
    cJSON_ArrayForEach(item, r->recipe) {
        if (cJSON_IsString(item)) {
            row_text(p, item->string, item->valuestring);
        } else if (cJSON_IsNumber(item) && recipe_word(item->string, item->valuedouble)) {
            row_text(p, item->string, recipe_word(item->string, item->valuedouble));
        } else if (cJSON_IsNumber(item)) {
            row_number(p, item->string, item->valuedouble);
        } else {
            row_text(p, item->string, cJSON_IsTrue(item) ? "yes" : "no");
        }
    }
    row_text(p, "SHA-256", r->recipe_sha256);
    html__add(p, "</tbody>");
    table_end(p);
}

static void add_device(page *p, const record *r) {
    table_begin(p, "Device and program");
    html__add(p, "<tbody>\n");
    row_text(p, "device", r->device.name);
    row_text(p, "kind", r->device.kind);
    row_text(p, "driver", r->device.driver);
    row_text(p, "version", r->device.version);
    row_text(p, "instruction set", r->device.isa);
    row_text(p, "libraries", r->device.libraries);
    row_text(p, "kernels", r->device.kernels);
    row_text(p, "precision", r->device.precision);
    if (r->loss_scale > 0) {
        row_number(p, "steps skipped by the loss scaler", (double)r->skipped_steps);
        row_number(p, "final loss scale", r->loss_scale);
    }
    row_number(p, "threads", (double)r->device.threads);
    row_text(p, "harness", r->harness_version);
    row_text(p, "commit", r->commit);
    row_number(p, "numerics version", (double)r->numerics_version);
    html__add(p, "</tbody>");
    table_end(p);
}

static void add_cost(page *p, const record *r) {
    table_begin(p, "Time and memory");
    html__add(p, "<tbody>\n");
    row_number(p, "tokenizing, s", r->timing.tokenize_s);
    row_number(p, "training, s", r->timing.train_s);
    row_number(p, "evaluation, s", r->timing.eval_s);
    row_number(p, "steps", (double)r->timing.steps);
    row_number(p, "tokens a second", r->timing.tokens_per_s);
    row_number(p, "sentences a second", r->timing.sentences_per_s);
    row_number(p, "median step, ms", r->timing.step_ms_p50);
    if (r->timing.step_ms_p90 > 0) {
        row_number(p, "10th percentile, ms", r->timing.step_ms_p10);
        row_number(p, "90th percentile, ms", r->timing.step_ms_p90);
    }
    row_number(p, "device memory, MiB", floor((double)r->device_bytes / 1048576 + 0.5));
    row_number(p, "host peak, MiB", floor((double)r->host_peak_bytes / 1048576 + 0.5));
    html__add(p, "</tbody>");
    table_end(p);
}

static void add_kernels(page *p, const record *r) {
    double sum = 0;
    if (!r->kernel_count) return;
    for (size_t i = 0; i < r->kernel_count; i++) sum += r->kernel_times[i].ms;
    table_begin(p, "Operations of a training step");
    html__add(p, "<thead><tr><th>operation</th><th>phase</th><th class=\"n\">calls</th>"
                 "<th class=\"n\">ms</th><th class=\"n\">share</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < r->kernel_count; i++) {
        const record_kernel *k = &r->kernel_times[i];
        html__add(p, "<tr><td>");
        html__text(p, k->name);
        html__add(p, "</td><td>");
        html__text(p, k->phase);
        html__format(p,
                     "</td><td class=\"n\">%lld</td><td class=\"n\">%.3f</td>"
                     "<td class=\"n\">%.1f %%</td></tr>\n",
                     (long long)k->calls, k->ms, sum > 0 ? 100 * k->ms / sum : 0);
    }
    html__add(p, "</tbody>");
    table_end(p);
}

static void add_corpus(page *p, const record *r) {
    static const char *const fields[][2] = {{"pretrained on", "name"},
                                            {"corpus licence", "licence"},
                                            {"corpus source", "source"},
                                            {"corpus SHA-256", "sha256"}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const cJSON *o = cJSON_GetObjectItemCaseSensitive(r->model.corpus, fields[i][1]);
        row_text(p, fields[i][0], cJSON_GetStringValue(o));
    }
    row_text(p, "caution", report__corpus_caution(r));
}

static void add_identity(page *p, const record *r) {
    table_begin(p, "Data and model");
    html__add(p, "<tbody>\n");
    row_number(p, "task version", (double)r->task.version);
    row_text(p, "split", r->task.split);
    row_text(p, "protocol", r->protocol);
    row_number(p, "training rows", (double)r->task.train_rows);
    row_number(p, "test rows", (double)r->task.test_rows);
    row_text(p, "data SHA-256", r->task.data_sha256);
    row_number(p, "parameters", (double)r->model.parameters);
    if (r->model_is_gone) row_text(p, "model", "a later run replaced it");
    row_text(p, "weights SHA-256",
             r->model.weights_sha256 ? r->model.weights_sha256 : "from scratch");
    row_text(p, "vocabulary SHA-256", r->model.vocab_sha256);
    if (r->model.corpus) add_corpus(p, r);
    html__add(p, "</tbody>");
    table_end(p);
}

static void add_title(page *p, const record *r) {
    char room[2][SCORE_TEXT_BYTES];
    html__add(p, "<p><a href=\"../../index.html\">Leaderboard</a></p>\n<h1>");
    html__text(p, r->model.name);
    html__add(p, " on ");
    html__text(p, r->task.name);
    html__format(p, ", seed %lld</h1>\n<p>%s %s, deduplicated %s; trained in ", (long long)r->seed,
                 metric_find(r->headline)->title,
                 score_percent(room[0], record_metric(r, r->headline)),
                 score_percent(room[1], record_metric_dedup(r, r->headline)));
    html__take(p, report__duration(p->out, r->timing.train_s));
    html__add(p, " on ");
    html__text(p, r->device.name);
    html__add(p, ".</p>\n");
    if (!r->command) return;
    html__add(p, "<pre><code>");
    html__text(p, r->command);
    strbuf device = {0};
    bool is_cpu = strcmp(r->device.kind, "cpu") == 0;
    html__take(p, shown_add(&device, SHOWN_SHELL, is_cpu ? "cpu" : r->device.name));
    if (!p->e) html__format(p, " --device %s</code></pre>\n", device.text);
    strbuf_free(&device);
}

err html_run(strbuf *out, const record *r, const char *const *texts) {
    page p = {out, ERR_OK};
    char *title = NULL;
    err e =
        mem_printf(&title, "%s on %s, seed %lld", r->model.name, r->task.name, (long long)r->seed);
    if (e) return e;
    html__begin(&p, title);
    mem_free(title);
    add_title(&p, r);
    add_curves(&p, r);
    html__add(&p, "<div class=\"columns\">\n");
    add_scores(&p, r);
    add_classes(&p, r);
    html__add(&p, "</div>\n");
    add_confusion(&p, r);
    add_worst(&p, r, texts);
    add_trees(&p, r, texts);
    html__add(&p, "<div class=\"columns\">\n");
    add_recipe(&p, r);
    add_identity(&p, r);
    add_device(&p, r);
    add_cost(&p, r);
    html__add(&p, "</div>\n");
    add_kernels(&p, r);
    html__end(&p, NULL);
    return p.e;
}
