#include "cli/run_record.h"

#include "base/memory.h"
#include "metric/spread.h"
#include "platform/file.h"
#include "platform/host_memory.h"
#include "result/store.h"
#include "train/run/model_corpus.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORST_ROWS = 20, SUSPECT_ROWS = 20 };

static _Thread_local const dataset_row *sorted_rows;

static int by_text(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = example_compare_texts(&sorted_rows[x].example, &sorted_rows[y].example);
    return order ? order : (x > y) - (x < y);
}

static bool same_text(const dataset_row *a, const dataset_row *b) {
    return !example_compare_texts(&a->example, &b->example);
}

err first_rows(uint32_t *first, const dataset_split *split) {
    uint32_t *order = NULL;
    err e = mem_new(&order, split->row_count);
    if (e) return e;
    for (size_t i = 0; i < split->row_count; i++) order[i] = (uint32_t)i;
    sorted_rows = split->rows;
    qsort(order, split->row_count, sizeof *order, by_text);
    for (size_t i = 0; i < split->row_count; i++) {
        bool repeats = i > 0 && same_text(&split->rows[order[i]], &split->rows[order[i - 1]]);
        first[order[i]] = repeats ? first[order[i - 1]] : order[i];
    }
    mem_free(order);
    return ERR_OK;
}

static err add_test(record *out, const run *r) {
    const dataset_split *test = &r->data.test;
    size_t n = test->row_count;
    answer_arrays gold = {0};
    uint32_t *first = NULL;
    bool *dedup = NULL;
    err e = dataset_gold(&gold, &r->data, test);
    if (e || (e = mem_new(&first, n)) || (e = mem_new(&dedup, n))) goto done;
    for (size_t i = 0; i < n; i++) dedup[i] = test->rows[i].scored_dedup;
    if ((e = first_rows(first, test))) goto done;
    e = record_test_answers(out, answers_of(&gold), run_answers(r), first, dedup, n);
done:
    answer_arrays_free(&gold);
    mem_free(first);
    mem_free(dedup);
    return e;
}

static int by_probability(const void *a, const void *b) {
    const record_worst_row *x = a, *y = b;
    if (x->probability != y->probability) return x->probability < y->probability ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The rows that gave their gold label least. */
static err add_worst(record *out, const run *r) {
    size_t n = r->test.count;
    if (!answer_is_label(r->task.kind)) return ERR_OK;
    err e = mem_new(&out->worst, n);
    if (e) return e;
    for (size_t i = 0; i < n; i++)
        out->worst[i] = (record_worst_row){(int64_t)i, r->chances[i].gold_chance};
    qsort(out->worst, n, sizeof *out->worst, by_probability);
    out->worst_count = n < WORST_ROWS ? n : WORST_ROWS;
    return ERR_OK;
}

static void add_calibration(record *out, const run *r) {
    if (!answer_is_label(r->task.kind)) return;
    out->calibration = r->calibration;
    out->temperature = r->temperature;
}

void count_tokens(uint32_t *tokens, uint32_t *unknown, const encoded *rows,
                  const dataset_split *split, uint32_t unknown_id) {
    for (size_t i = 0; i < rows->count; i++) {
        const pack_sentence *s = &rows->sentences[i];
        uint32_t special = 1 + split->rows[i].example.text_count;
        tokens[i] = s->count > special ? s->count - special : 0;
        unknown[i] = 0;
        for (uint32_t k = 0; k < s->count; k++) unknown[i] += s->ids[k] == unknown_id;
    }
}

/* The rows whose label is suspect, which come first, and the slices that have rows. */
static err take_errors(record *out, const errors *found) {
    err e = mem_new(&out->suspects, SUSPECT_ROWS);
    if (!e) e = mem_new(&out->slices, found->slice_count);
    out->suspect_rows = (int64_t)found->suspect_count;
    for (size_t i = 0; !e && i < found->suspect_count && i < SUSPECT_ROWS; i++) {
        const errors_row *row = &found->wrong[i];
        out->suspects[out->suspect_count++] =
            (record_suspect){(int64_t)row->row, row->answer, row->probability, row->gold_chance};
    }
    for (size_t i = 0; !e && i < found->slice_count; i++)
        if (found->slices[i].rows) out->slices[out->slice_count++] = found->slices[i];
    return e;
}

static err add_errors(record *out, const run *r) {
    size_t n = r->test.count;
    uint32_t *tokens = NULL, *unknown = NULL;
    bool *leaked = NULL;
    errors found = {0};
    if (!answer_is_label(r->task.kind)) return ERR_OK;
    err e = mem_new(&tokens, n);
    if (!e) e = mem_new(&unknown, n);
    if (!e) e = mem_new(&leaked, n);
    if (e) goto done;
    for (size_t i = 0; i < n; i++) leaked[i] = r->data.test.rows[i].leaked;
    count_tokens(tokens, unknown, &r->test, &r->data.test, r->base_model.tokenizer.unk_id);
    const float *logits = r->logits;
    const uint32_t *predicted = out->predicted;
    e = errors_find(&found, &(errors_input){.runs = 1,
                                            .rows = n,
                                            .kind = r->task.kind,
                                            .classes = r->base_model.config.classes,
                                            .logits = &logits,
                                            .chances = r->chances,
                                            .predicted = &predicted,
                                            .gold = out->gold,
                                            .first_row = out->first_row,
                                            .leaked = leaked,
                                            .tokens = tokens,
                                            .unknown = unknown,
                                            .headline = metric_find(r->task.headline)});
    if (!e) e = take_errors(out, &found);
done:
    errors_free(&found);
    mem_free(tokens);
    mem_free(unknown);
    mem_free(leaked);
    return e;
}

static err add_lengths(record *out, const run *r) {
    size_t *counts = NULL;
    err e = mem_new(&counts, (size_t)r->test.longest + 1);
    if (!e) e = mem_new(&out->lengths, (size_t)r->test.longest + 1);
    if (e) goto done;
    for (size_t i = 0; i < r->test.count; i++) counts[r->test.sentences[i].count]++;
    for (size_t n = 0; n <= r->test.longest; n++)
        if (counts[n])
            out->lengths[out->length_count++] = (record_length){(int64_t)n, (int64_t)counts[n]};
done:
    mem_free(counts);
    return e;
}

void count_labels(uint64_t *counts, answer_kind kind, size_t classes, example_target target) {
    if (answer_is_label(kind)) counts[target.class]++;
    for (size_t k = 0; kind == ANSWER_SET && k < classes; k++) counts[k] += target.set[k];
    for (uint32_t k = 0; kind == ANSWER_TAGS && k < target.units.count; k++)
        counts[target.units.values[k]]++;
    for (uint32_t k = 0; kind == ANSWER_ARCS && k < target.units.count; k++) {
        const uint32_t *arc = target.units.values + (size_t)k * ARC_WIDTH;
        counts[arc[ARC_RELATION]] += arc[ARC_HEAD] == arc_next(k, target.units.count);
    }
}

/* The labels' names, and the commonest of the training rows. */
static err add_labels(record *out, const run *r) {
    size_t classes = r->task.label_count;
    const char **labels = NULL;
    uint64_t *counts = NULL;
    err e = mem_new(&labels, classes);
    if (!e) e = mem_new(&counts, classes);
    for (size_t i = 0; i < classes && !e; i++) labels[i] = r->task.labels[i].readable;
    for (size_t i = 0; i < r->data.train.row_count && !e; i++)
        if (r->data.train.rows[i].kept)
            count_labels(counts, r->task.kind, classes, r->data.train.rows[i].example.target);
    if (!e) out->task.majority_class = classes ? (int64_t)majority_class(counts, classes) : 0;
    if (!e) e = record_labels(out, labels, classes);
    for (size_t i = 0; i < classes && !e; i++) labels[i] = r->task.labels[i].name;
    if (!e && classes) e = record_label_names(out, labels);
    mem_free(labels);
    mem_free(counts);
    return e;
}

static err add_task(record *out, const run *r) {
    err e = ERR_OK;
    out->task.kind = r->task.kind;
    out->task.version = r->task.version;
    if ((e = record_text(&out->task.name, r->task.name))) return e;
    if ((e = record_text(&out->task.manifest_sha256, r->task.manifest_sha256))) return e;
    if ((e = record_text(&out->task.data_sha256, r->data.data_sha256))) return e;
    if ((e = record_text(&out->task.split, task_split_name(&r->task.split)))) return e;
    out->task.train_rows = (int64_t)r->train.count;
    out->task.dev_rows = (int64_t)r->dev.count;
    out->task.sample = r->request.sample;
    out->task.leaked_rows = (int64_t)r->data.test.leaked_count;
    out->task.duplicate_rows = (int64_t)r->data.test.duplicate_count;
    out->task.invalid_rows = (int64_t)r->data.invalid_count;
    if ((e = record_text(&out->headline, r->task.headline))) return e;
    return add_labels(out, r);
}

static err add_model(record *out, const run *r) {
    const base_model *s = &r->base_model;
    bool scratch = !s->folder || r->request.from_scratch;
    err e = ERR_OK;
    cJSON_Delete(out->model.config);
    out->model.config = NULL;
    if ((e = model_config_json(&out->model.config, &s->config))) return e;
    if ((e = record_text(&out->model.name, s->name))) return e;
    if ((e = record_text(&out->model.weights_sha256, scratch ? NULL : r->weights.sha256))) return e;
    if ((e = record_text(&out->model.vocab_sha256, s->vocab_sha256))) return e;
    if ((e = record_text(&out->model.label_map, r->request.label_map))) return e;
    out->model.parameters = (int64_t)r->trainer.model.params.total;
    if (scratch) return json_append(out->model.newly_initialised, cJSON_CreateString("all"));
    if (s->corpus) {
        if ((e = json_copy(&out->model.corpus, s->corpus))) return e;
        out->model.corpus_is_source = model_corpus_same_source(s->corpus, r->task.source);
    }
    for (size_t i = 0; !e && i < r->weights.drawn_count; i++)
        e = json_append(out->model.newly_initialised, cJSON_CreateString(r->weights.drawn[i]));
    return e;
}

static err add_recipe(record *out, const run *r) {
    recipe shown = r->request.recipe;
    shown.max_length =
        r->max_length; // what the run used, also when the recipe leaves it to the task
    err e = recipe_json(out->recipe, &shown);
    if (e) return e;
    out->seed = r->request.seed;
    return record_text(&out->protocol, run_protocol_name(r->request.protocol));
}

static const char *or_null(const char *text) {
    return *text ? text : NULL;
}

static err add_device(record *out, const run *r) {
    const device_info *d = &r->device.info;
    record_device *to = &out->device;
    err e = ERR_OK;
    if ((e = record_text(&to->kind, device_record_kind(d)))) return e;
    if ((e = record_text(&to->name, d->name))) return e;
    if ((e = record_text(&to->driver, or_null(d->driver)))) return e;
    if ((e = record_text(&to->version, or_null(d->version)))) return e;
    if ((e = record_text(&to->uuid, or_null(d->uuid)))) return e;
    if ((e = record_text(&to->precision, device_precision_name(r->device.options.precision))))
        return e;
    if ((e = record_text(&to->isa, or_null(d->isa)))) return e;
    to->threads = d->threads ? d->threads : 1;
    if ((e = record_text(&to->libraries, or_null(d->libraries)))) return e;
    return record_text(&to->kernels, or_null(d->kernels));
}

static err add_group(record *out, const run *r) {
    const struct group *g = r->request.group;
    out->shards = r->request.shards;
    if (group_is_alone(g)) return ERR_OK;
    out->ranks = group_size(g);
    err e = record_text(&out->engine, g->transport->engine);
    return e || !r->rank_devices ? e : record_text(&out->rank_devices, r->rank_devices);
}

/* Losses of every step, and their means at logging steps. */
static err add_losses(record *out, const run *r) {
    const trainer *t = &r->trainer;
    uint32_t every = r->request.recipe.logging_steps;
    err e = record_loss(out, t->losses, t->done);
    double sum = 0;
    for (uint32_t s = 1, since = 0; !e && s <= t->done; s++) {
        sum += (double)t->losses[s - 1];
        since++;
        if (s % every && s != t->done) continue;
        e = record_curve_add(out, s, sum / since, trainer_rate(t, s));
        sum = 0;
        since = 0;
    }
    if (t->options.scaler) {
        out->loss_scale = (double)t->scaler.scale;
        out->skipped_steps = t->skipped_count;
    }
    return e;
}

/* The evaluations that chose the weights, and the digest of these. */
static err add_choice(record *out, const run *r) {
    const trainer *t = &r->trainer;
    err e = record_text(&out->final_weights_sha256, r->final_sha256);
    if (e || r->request.protocol == PROTOCOL_LAST) return e;
    if ((e = record_text(&out->dev_metric, run_best_metric(r)))) return e;
    out->best_step = r->best.step;
    for (uint32_t i = 0; !e && i < t->evaluation_count; i++) {
        const trainer_evaluation *v = &t->evaluations[i];
        e = record_evaluation_add(out, v->step, v->score, v->loss, v->seconds);
    }
    return e;
}

/* Of the steps of the last stretch. */
static err step_spread(spread *out, const trainer *t) {
    double *steps = NULL;
    size_t count = t->done - t->begun_at;
    err e = mem_new(&steps, count);
    if (e) return e;
    if (count) memcpy(steps, t->step_ms + t->begun_at, count * sizeof *steps);
    *out = spread_of(steps, count);
    mem_free(steps);
    return ERR_OK;
}

static err add_kernels(record *out, const kernel_times *k) {
    err e = ERR_OK;
    for (size_t i = 0; i < k->count && !e; i++) {
        const kernel_time *row = &k->rows[i];
        e = record_kernel_add(out, row->name, row->phase, row->calls, row->ms);
    }
    return e;
}

static err add_timing(record *out, const run *r) {
    const trainer *t = &r->trainer;
    trainer_work work;
    (void)trainer_work_done(&work, t);
    double seconds = work.seconds > 0 ? work.seconds : 1e-9;
    spread ms = {0};
    err e = step_spread(&ms, t);
    if (e) return e;
    out->timing = (record_timing){.tokenize_s = r->tokenize_s,
                                  .train_s = work.seconds,
                                  .eval_s = r->eval_s,
                                  .steps = t->done,
                                  .train_tokens = (int64_t)work.tokens,
                                  .tokens_per_s = (double)work.tokens / seconds,
                                  .sentences_per_s = (double)work.sentences / seconds,
                                  .step_ms_p50 = ms.median,
                                  .step_ms_p10 = ms.low,
                                  .step_ms_p90 = ms.high};
    out->device_bytes = (int64_t)r->device.peak_bytes;
    out->host_peak_bytes = (int64_t)host_memory_peak();
    // of a run that was gone on with, or that several machines did, the counters saw a part
    if (!t->set_at && group_is_alone(r->request.group)) run_cost(&out->cost, r->power, out);
    return add_kernels(out, &r->kernels);
}

void run_cost(record_cost *out, const power_sample *at, const record *r) {
    double train[POWER_COUNTERS], eval[POWER_COUNTERS];
    const power_sample *first = &at[RUN_TRAINS], *last = &at[RUN_TRAINED];
    *out = (record_cost){.beside = json_rounded(power_beside(first, last))};
    power_between(train, first, last);
    power_between(eval, &at[RUN_SCORES], &at[RUN_SCORED]);
    for (size_t i = 0; i < first->count; i++) {
        // both moments list the same counters, or the run is not told of by either
        bool same = i < at[RUN_SCORES].count &&
                    !strcmp(first->counters[i].name, at[RUN_SCORES].counters[i].name);
        if (!same || isnan(train[i]) || isnan(eval[i])) continue;
        record_energy *x = &out->energy[out->energy_count++];
        *x = (record_energy){.train_j = json_rounded(train[i]), .eval_j = json_rounded(eval[i])};
        snprintf(x->source, sizeof x->source, "%s", first->counters[i].name);
    }
    // the processors' clock says nothing of a card
    if (!strcmp(r->device.kind, "gpu") && !first->is_card) return;
    out->clock_begin_mhz = json_rounded(first->clock_mhz);
    out->clock_end_mhz = json_rounded(last->clock_mhz);
    out->tells_heat = first->tells_heat && last->tells_heat;
    out->was_throttled = out->tells_heat && power_throttled(first, last);
}

err run_record_task(record *out, const run *r) {
    err e = record_init(out);
    if (e) return e;
    out->partial = run_is_partial(&r->request);
    out->task.test_rows = (int64_t)r->test.count;
    return add_task(out, r);
}

err run_record(record *out, const run *r, const char *command) {
    err e = record_init(out);
    if (e) return e;
    out->partial = run_is_partial(&r->request);
    if ((e = add_task(out, r))) return e;
    if ((e = add_model(out, r))) return e;
    if ((e = add_recipe(out, r))) return e;
    if ((e = add_device(out, r)) || (e = add_group(out, r))) return e;
    if ((e = add_test(out, r))) return e;
    if ((e = add_worst(out, r))) return e;
    add_calibration(out, r);
    if ((e = add_errors(out, r))) return e;
    if ((e = add_lengths(out, r))) return e;
    if ((e = add_losses(out, r))) return e;
    if ((e = add_choice(out, r))) return e;
    if ((e = add_timing(out, r))) return e;
    if ((e = record_text(&out->run_sha256, r->run_sha256))) return e;
    if ((e = record_text(&out->command, command))) return e;
    return record_score(out);
}

/* The record in the folder, of the run that this one replaces, goes; what the results folder has of
 * it says from now on that its model is gone. */
static err mark_replaced(const char *local, const char *results) {
    record old = {0};
    err e = file_exists(local) ? record_read(&old, local) : ERR_OK;
    if (e && e != ERR_MEMORY) {
        err_clear(); // of another program: its place in the results is not known
        return ERR_OK;
    }
    if (!e && old.created && !old.partial) e = store_mark_gone(results, &old);
    record_free(&old);
    return e;
}

bool run_is_result(const record *rec, const run *r) {
    return !rec->partial && !r->request.manifest;
}

err run_store(char **local, char **stored, bool *stays, record *rec, const run *r,
              const char *results) {
    err e = path_join(local, r->output, "record.json");
    if (!e && r->had_record && !(e = mark_replaced(*local, results)))
        e = record_write(rec, *local);
    else if (!e)
        e = record_write_new(stays, rec, *local);
    if (!e && !*stays && run_is_result(rec, r)) e = store_write(results, rec, stored);
    return e;
}

err run_summarise(run_summary *s, const record *r) {
    const metric *m = metric_find(r->headline);
    confusion baseline = {0};
    if (!m) return err_set(ERR_ARG, "no metric '%s'", r->headline);
    s->score = record_metric(r, r->headline);
    s->dedup = record_metric_dedup(r, r->headline);
    err e = majority_baseline(&baseline, &r->confusion, (size_t)r->task.majority_class);
    if (!e) {
        s->majority = metric_baseline(m, &baseline);
        s->caution = score_judge(&r->confusion, m, s->majority);
        answers predicted = record_answers(r);
        e = interval_of_run(&s->range, m,
                            &(test_table){.kind = r->task.kind,
                                          .rows = (size_t)r->task.test_rows,
                                          .classes = r->task.label_count,
                                          .gold = record_gold(r),
                                          .first_row = r->first_row,
                                          .predicted = &predicted,
                                          .runs = 1});
    }
    confusion_free(&baseline);
    return e;
}
