/* What a run was: recipe, data and model, device, times. */
#include "base/shown.h"
#include "report/html_run_internal.h"
#include "train/recipe/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void row_text(page *p, const char *name, const char *value) {
    if (value)
        html__format(p, "<tr><th scope=\"row\">%s</th><td class=\"wrap\">%s</td></tr>\n", name,
                     value);
}

static void row_number(page *p, const char *name, double value) {
    html__format(p, "<tr><th scope=\"row\">%s</th><td>%.8g</td></tr>\n", name, value);
}

void run__count(page *p, uint64_t count) {
    char digits[SHOWN_COUNT_BYTES];
    html__format(p, "<td class=\"n\">%s</td>", shown_count(digits, count));
}

/* "1,503,493"; of what was measured four digits, from 1,000 on whole numbers. */
static void row_figure(page *p, const char *name, double value) {
    char digits[SHOWN_COUNT_BYTES];
    bool whole = value >= 0 && value < 0x1p63 && (value >= 1000 || value == floor(value));
    if (whole)
        shown_count(digits, (uint64_t)round(value));
    else
        snprintf(digits, sizeof digits, "%.4g", value);
    html__format(p, "<tr><th scope=\"row\">%s</th><td>%s</td></tr>\n", name, digits);
}

static void add_recipe(page *p, const record *r) {
    const cJSON *item;
    run__table_begin(p, SAY(p, recipe_heading));
    run__heads(p, "ll", (const char *[]){SAY(p, field), SAY(p, value)});
    cJSON_ArrayForEach(item, r->recipe) {
        if (cJSON_IsString(item)) {
            row_text(p, item->string, item->valuestring);
        } else if (cJSON_IsNumber(item) && recipe_word(item->string, item->valuedouble)) {
            row_text(p, item->string, html__term(p, recipe_word(item->string, item->valuedouble)));
        } else if (cJSON_IsNumber(item)) {
            row_number(p, item->string, item->valuedouble);
        } else {
            row_text(p, item->string, cJSON_IsTrue(item) ? SAY(p, yes) : SAY(p, no));
        }
    }
    row_text(p, "SHA-256", r->recipe_sha256);
    run__table_end(p);
}

static void add_device(page *p, const record *r) {
    run__table_begin(p, SAY(p, device_heading));
    run__heads(p, "ll", (const char *[]){SAY(p, field), SAY(p, value)});
    row_text(p, SAY(p, device_name), RECORD_DEVICE(r));
    row_text(p, SAY(p, device_kind), html__term(p, r->device.kind));
    row_text(p, SAY(p, driver), r->device.driver);
    row_text(p, SAY(p, version), r->device.version);
    row_text(p, SAY(p, isa), r->device.isa);
    row_text(p, SAY(p, libraries), r->device.libraries);
    row_text(p, SAY(p, kernels), r->device.kernels);
    row_text(p, SAY(p, number_precision), r->device.precision);
    if (r->loss_scale > 0) {
        row_number(p, SAY(p, skipped_steps), (double)r->skipped_steps);
        row_number(p, SAY(p, loss_scale), r->loss_scale);
    }
    row_number(p, SAY(p, threads), (double)r->device.threads);
    row_text(p, SAY(p, harness), r->harness_version);
    row_text(p, SAY(p, commit), r->commit);
    row_number(p, SAY(p, numerics), (double)r->numerics_version);
    run__table_end(p);
}

static void add_cost(page *p, const record *r) {
    run__table_begin(p, SAY(p, cost_heading));
    run__heads(p, "ll", (const char *[]){SAY(p, field), SAY(p, value)});
    row_figure(p, SAY(p, tokenize_s), r->timing.tokenize_s);
    row_figure(p, SAY(p, train_s), r->timing.train_s);
    if (record_had_company(&r->cost)) row_figure(p, SAY(p, others_busy), r->cost.beside);
    row_figure(p, SAY(p, eval_s), r->timing.eval_s);
    row_figure(p, SAY(p, steps), (double)r->timing.steps);
    row_figure(p, SAY(p, tokens_per_s), r->timing.tokens_per_s);
    row_figure(p, SAY(p, sentences_per_s), r->timing.sentences_per_s);
    row_figure(p, SAY(p, step_p50), r->timing.step_ms_p50);
    if (record_spread_known(r)) {
        row_figure(p, SAY(p, step_p10), r->timing.step_ms_p10);
        row_figure(p, SAY(p, step_p90), r->timing.step_ms_p90);
    }
    row_figure(p, SAY(p, device_memory), floor((double)r->device_bytes / 1048576 + 0.5));
    row_figure(p, SAY(p, host_memory), floor((double)r->host_peak_bytes / 1048576 + 0.5));
    run__table_end(p);
}

static void add_kernels(page *p, const record *r) {
    double sum = 0;
    if (!r->kernel_count) return;
    for (size_t i = 0; i < r->kernel_count; i++) sum += r->kernel_times[i].ms;
    run__table_begin(p, SAY(p, kernels_heading));
    run__heads(
        p, "llrrr",
        (const char *[]){SAY(p, operation), SAY(p, phase), SAY(p, calls), "ms", SAY(p, share)});
    for (size_t i = 0; i < r->kernel_count; i++) {
        char calls[SHOWN_COUNT_BYTES];
        const record_kernel *k = &r->kernel_times[i];
        html__format(p,
                     "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"n\">%s</td>"
                     "<td class=\"n\">%.3f</td><td class=\"n\">%.1f %%</td></tr>\n",
                     k->name, html__term(p, k->phase), shown_count(calls, (uint64_t)k->calls),
                     k->ms, sum > 0 ? 100 * k->ms / sum : 0);
    }
    run__table_end(p);
}

static void add_corpus(page *p, const cJSON *corpus) {
    const char *const fields[][2] = {{SAY(p, pretrained_on), "name"},
                                     {SAY(p, corpus_licence), "licence"},
                                     {SAY(p, corpus_source), "source"},
                                     {SAY(p, corpus_sha256), "sha256"}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const cJSON *o = cJSON_GetObjectItemCaseSensitive(corpus, fields[i][1]);
        row_text(p, fields[i][0], cJSON_GetStringValue(o));
    }
}

static void add_corpora(page *p, const record *r) {
    const cJSON *before = NULL;
    cJSON_ArrayForEach(before, cJSON_GetObjectItemCaseSensitive(r->model.corpus, "before")) {
        add_corpus(p, before);
    }
    add_corpus(p, r->model.corpus);
    const char *words = report__corpus_caution(r);
    row_text(p, SAY(p, caution), words ? html__term(p, words) : NULL);
}

static void add_identity(page *p, const record *r) {
    run__table_begin(p, SAY(p, identity_heading));
    run__heads(p, "ll", (const char *[]){SAY(p, field), SAY(p, value)});
    row_number(p, SAY(p, task_version), (double)r->task.version);
    row_text(p, SAY(p, split), html__term(p, r->task.split));
    row_text(p, SAY(p, protocol), r->protocol);
    row_figure(p, SAY(p, train_rows), (double)r->task.train_rows);
    row_figure(p, SAY(p, test_rows), (double)r->task.test_rows);
    row_text(p, SAY(p, data_sha256), r->task.data_sha256);
    row_figure(p, SAY(p, parameters), (double)r->model.parameters);
    if (r->model_is_gone) row_text(p, SAY(p, model), SAY(p, model_gone));
    row_text(p, SAY(p, weights_sha256),
             r->model.weights_sha256 ? r->model.weights_sha256 : SAY(p, from_scratch));
    row_text(p, SAY(p, vocab_sha256), r->model.vocab_sha256);
    if (r->model.corpus) add_corpora(p, r);
    run__table_end(p);
}

void run__add_facts(page *p, const record *r) {
    html__add(p, "<div class=\"columns\">\n");
    add_recipe(p, r);
    add_identity(p, r);
    add_device(p, r);
    add_cost(p, r);
    html__add(p, "</div>\n");
    add_kernels(p, r);
}
