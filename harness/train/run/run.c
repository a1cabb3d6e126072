#include "train/run/run.h"

#include "base/log.h"
#include "base/log_width.h"
#include "base/memory.h"
#include "base/sums.h"
#include "data/fetch_task.h"
#include "metric/rows.h"
#include "net/fetch.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "train/evaluate/shared.h"
#include "train/group/rank_device.h"
#include "train/run/kept_task.h"
#include "train/run/labels.h"
#include "train/run/model_card.h"
#include "train/run/run_internal.h"
#include "train/step/class_weights.h"

#include <string.h>

const char *run_protocol_name(run_protocol protocol) {
    return protocol == PROTOCOL_DEV ? "dev" : "last";
}

/* What a run reads is its own: where that lacks, another run may have all of its. */
static err of_inputs(err e) {
    return e == ERR_IO ? ERR_DATA : e;
}

static err open_data(void *context) {
    run *r = context;
    const run_request *q = &r->request;
    dataset_options options = {.data_dir = q->data_dir,
                               .sample = q->sample,
                               .limit = q->limit,
                               .without_test = q->is_trial};
    err e = q->offline ? ERR_OK : fetch_task(&r->task, &options, false, false);
    if (e == ERR_NETWORK || e == ERR_SERVER)
        return err_wrap(e, "no data of %s here%s%s", r->task.name,
                        err_advice("data", " (--data DIR names its place)"),
                        err_advice("sample", " (--sample needs none)"));
    if (!e) e = dataset_load(&r->data, &r->task, &options);
    if (!e && q->protocol == PROTOCOL_DEV) e = dataset_split_dev(&r->data, &r->task);
    return of_inputs(e);
}

err run_open_device(run *r) {
    const run_request *q = &r->request;
    device_options options = {.threads = q->threads, .validation = q->validation};
    err e = device_precision_find(&options.precision, q->precision);
    if (e) return e;
    e = device_open_named(&r->device, q->device, &options);
    r->device_is_open = !e;
    if (!e) rank_device_watch(q->group, &r->device);
    return e ? e : device_check_run(&r->device, q->check_device);
}

static err open_base_model(void *context) {
    run *r = context;
    const run_request *q = &r->request;
    const base_model_options wish = {q->offline, q->from_scratch, q->cased, q->arch,
                                     r->task.kind == ANSWER_RELATION};
    return of_inputs(base_model_open(&r->base_model, q->model, &r->data.train, &wish));
}

/* Whether a tensor of the folder is the task's classifier too, whatever kind of head it was of. */
static bool same_tensor(const model_config *c, param_field there, param_field here) {
    char names[2][PARAM_NAME_BYTES];
    param_field_key(c->family, there, 0, 0, names[0]);
    param_field_key(c->family, here, 0, 0, names[1]);
    return !strcmp(names[0], names[1]);
}

/* The rows of a classifier that is there go with the names of its labels. */
static err match_labels(run *r) {
    base_model *s = &r->base_model;
    bool keeps =
        r->task.kind != ANSWER_NUMBER && s->classifier_rows == r->task.label_count &&
        same_tensor(&s->config, head_of(&s->config)->output, head_of_kind(r->task.kind)->output);
    err e = labels_check_map(&r->task, r->request.label_map);
    if (e) return e;
    if (!keeps && r->request.label_map)
        return err_set(ERR_USAGE, "the label map: model '%s' has no classifier of %zu labels",
                       r->request.model, r->task.label_count);
    if (!keeps) return ERR_OK;
    e = labels_match(&s->label_rows, &s->config, &r->task, r->request.label_map, s->folder);
    if (e != ERR_DATA || !r->request.ignore_mismatched_sizes || r->request.label_map) return e;
    err_clear();
    r->classifier_is_anew = true;
    log_note("%s: its labels are not those of task %s: the classifier is drawn anew", s->folder,
             r->task.name);
    return ERR_OK;
}

err run_check_recipe(const recipe *p, const task *t) {
    const uint32_t around = t->format.text_pair ? 3 : 2; // tokens beside those of the texts
    if (!answer_is_label(t->kind) && (p->label_smoothing_factor > 0 || *p->class_weights))
        return err_set(ERR_USAGE, "%s is for tasks with one label a row, which %s is not",
                       *p->class_weights ? "class_weights" : "label_smoothing_factor", t->name);
    if (p->max_length && p->max_length < around)
        return err_set(ERR_USAGE,
                       "max_length is %u, which leaves no room for the %u special tokens",
                       p->max_length, around);
    return class_weights_check(p->class_weights, (uint32_t)t->label_count);
}

/* What the task makes of the model: its labels, its tokens, its longest sentence. */
static err set_labels(run *r) {
    const recipe *p = &r->request.recipe;
    err e = match_labels(r);
    if (e || (e = base_model_add_tokens(&r->base_model, &r->task, p->join_particles))) return e;
    r->max_length = base_model_max_length(&r->base_model, r->request.recipe.max_length,
                                          (uint32_t)r->task.max_length);
    return labels_set(&r->base_model.config, &r->task);
}

static err encode_all(run *r) {
    double begin = clock_seconds();
    const tokenizer *words = &r->base_model.tokenizer;
    err e = ERR_OK;
    if ((e = encode_split(&r->train, words, &r->data.train, ENCODE_KEPT, r->max_length))) return e;
    if (r->request.protocol == PROTOCOL_DEV &&
        (e = encode_split(&r->dev, words, &r->data.dev, ENCODE_ALL, r->max_length)))
        return e;
    if (!r->request.is_trial &&
        (e = encode_split(&r->test, words, &r->data.test, ENCODE_ALL, r->max_length)))
        return e;
    r->tokenize_s = clock_seconds() - begin;
    encode_note_cut(r->task.kind, r->task.format.unit, r->train.cut + r->dev.cut + r->test.cut,
                    r->train.lost + r->dev.lost + r->test.lost, r->max_length);
    return ERR_OK;
}

trainer_options run_trainer_options(run *r, loss_scaler *scaler) {
    const recipe *p = &r->request.recipe;
    *scaler = loss_scaler_default();
    return (trainer_options){
        .seed = r->request.seed,
        .group = r->request.group,
        .shards = r->request.shards,
        .scaler = r->device.options.precision == PRECISION_FP16 ? scaler : NULL,
        .save = {.call = run_save, .context = r, .every = p->save_steps},
        .log = {.call = run_log_step, .context = r, .every = p->logging_steps},
    };
}

static err evaluate_dev(void *context, trainer *t);

static err open_trainer(run *r) {
    const recipe *p = &r->request.recipe;
    loss_scaler scaler;
    trainer_options options = run_trainer_options(r, &scaler);
    if (r->request.protocol == PROTOCOL_DEV) {
        options.evaluate.call = evaluate_dev;
        options.evaluate.context = r;
        options.evaluate.every = p->eval_steps;
        options.evaluate.at_epochs = p->eval_steps == 0;
    }
    if (!r->request.is_trial)
        evaluator_capacity(&options.lend, &r->test, p->per_device_eval_batch_size, NULL);
    evaluator_capacity(&options.lend, &r->dev, p->per_device_eval_batch_size, NULL);
    err e = trainer_init(&r->trainer, &r->device, &r->base_model.config, &r->train, p, &options);
    return e;
}

/* Keys that the checkpoint has beside this model's, and those that it lacks. */
static void show_weights(run *r) {
    strbuf table = {0};
    r->weights_told = true;
    if (r->request.weights_told) return;
    if (weights_report_table(&table, &r->weights, log_width()))
        err_clear(); // a note is no reason to stop
    else if (table.length) {
        log_note("%s%s from %s:", r->base_model.config.family->class_name,
                 r->trainer.model.head->class_name, r->base_model.folder);
        log_lines(table.text);
    }
    strbuf_free(&table);
}

/* Weights before the first step; what a folder lacks is drawn. */
err run_load_weights(run *r) {
    const base_model *s = &r->base_model;
    params *ps = &r->trainer.model.params;
    if (!s->folder || r->request.from_scratch)
        return params_draw(ps, r->request.seed, s->config.initializer_range, NULL);
    err (*load)(params *, weights_report *, const char *, uint32_t, float) =
        r->classifier_is_anew                ? weights_load_anew
        : r->request.ignore_mismatched_sizes ? weights_load_resized
                                             : weights_load;
    err e = load(ps, &r->weights, s->folder, r->request.seed, s->config.initializer_range);
    if (!e || e == ERR_DATA) show_weights(r);
    if (!e && s->label_rows) e = weights_move_rows(ps, s->label_rows);
    return of_inputs(e);
}

/* Options that only an evaluation on held-out rows can serve, and one that needs another. */
static err check_options(const run_request *q) {
    const recipe *p = &q->recipe;
    bool stops = p->early_stopping_patience > 0;
    if (p->early_stopping_threshold > 0 && !stops)
        return err_set(ERR_USAGE,
                       "early_stopping_threshold is %g, but nothing stops early without "
                       "early_stopping_patience",
                       p->early_stopping_threshold);
    if (q->protocol == PROTOCOL_LAST && (stops || *p->metric_for_best_model))
        return err_set(ERR_USAGE,
                       "%s needs %sprotocol dev: protocol last holds out no rows to evaluate on",
                       stops ? "early_stopping_patience" : "metric_for_best_model",
                       err_advice("protocol", "--"));
    return ERR_OK;
}

const char *run_best_metric(const run *r) {
    const char *name = r->request.recipe.metric_for_best_model;
    return *name ? name : r->task.headline;
}

static err open_best(run *r) {
    const recipe *p = &r->request.recipe;
    const char *name = run_best_metric(r);
    const metric *m = NULL;
    bool by_loss = strcmp(name, "loss") == 0;
    err e = by_loss ? ERR_OK : metric_lookup(&m, name, r->task.kind, r->task.label_count);
    r->best = (best_tracker){.higher_is_better = !by_loss && m && m->higher_is_better,
                             .patience = p->early_stopping_patience,
                             .threshold = p->early_stopping_threshold};
    return e ? err_wrap(e, "metric_for_best_model") : ERR_OK;
}

/* What cannot be locked, as another user's folder, may hold this very run, finished: then nothing has
 * to be written. Else the run ends with e. */
static err look_unlocked(run *r, err e) {
    strbuf why = {0};
    if (e != ERR_IO) return e;
    err looked = strbuf_add(&why, err_message(e));
    if (!looked) looked = err_unless_memory(run_compare(r));
    if (!looked && !r->is_finished) looked = err_set(e, "%s", why.text);
    strbuf_free(&why);
    return looked;
}

/* The output folder is rank 0's, and what it finds there all others hear. */
static err open_output(run *r) {
    const run_request *q = &r->request;
    err e = ERR_OK;
    if (run_writes(r) && !(e = run_output_name(r))) {
        r->is_done = q->is_done && q->is_done(q->is_done_context, r->run_sha256);
        if (!r->is_done) {
            run_hold(r); // from here on there is something in the folder
            e = run_output_open(r);
            if (e)
                e = look_unlocked(r, e);
            else if (!r->is_busy)
                e = run_compare(r);
            if (!e && !r->is_busy && !r->is_finished && !q->is_dry) e = run_output_check(r);
        }
    }
    bool found[] = {r->is_done, r->is_finished, r->is_busy};
    if (!e) e = group_broadcast(q->group, found, sizeof found);
    r->is_done = found[0];
    r->is_finished = found[1];
    r->is_busy = found[2];
    if (!e && !r->is_done && !r->is_held) run_hold(r);
    return e;
}

err run_find_task(task *t, const run_request *q) {
    *t = (task){0};
    if (!q->manifest) return of_inputs(task_find(t, q->task, q->task_dir));
    err e = kept_task_text(t, q->task, q->manifest, q->manifest_folder, q->manifest_where);
    return e ? e : kept_task_place(t, q->places);
}

void run_hold(run *r) {
    interrupt_begin();
    r->is_held = true;
}

void run_release(run *r) {
    if (r->is_held) interrupt_end();
    r->is_held = false;
}

err run_check_interrupt(void) {
    return interrupt_seen() ? err_set(ERR_INTERRUPTED, "interrupted before the first step")
                            : ERR_OK;
}

err run_open(run *r, const run_request *request) {
    struct group *g = request->group;
    err e = ERR_OK;
    *r = (run){.request = *request, .lock = -1};
    if ((e = check_options(request)) || (e = base_model_check_name(request->model))) return e;
    if ((e = run_find_task(&r->task, request))) return e;
    if ((e = run_check_recipe(&request->recipe, &r->task))) return e;
    if ((e = open_best(r))) return e;
    if ((e = run_open_device(r))) return e;
    if (run_writes(r) && (e = run_output_prepare(r))) return e;
    // what is downloaded is so once
    if ((e = group_first(g, open_data, r)) || (e = group_first(g, open_base_model, r))) return e;
    if ((e = set_labels(r))) return e;
    if ((e = of_inputs(run__identify(r))) || (e = run_compare_ranks(r))) return e;
    if ((e = open_output(r)) || r->is_done) return e;
    if (r->is_finished || r->is_busy) return run_check_interrupt(); // of many, perhaps

    if ((e = encode_all(r)) || (e = run_check_interrupt())) return e;
    if ((e = open_trainer(r)) || (e = run_check_interrupt())) return e;
    if (run_writes(r) && (e = run_check_disk(r))) return e;
    if ((e = run_load_weights(r)) || (e = run_check_interrupt()) || request->is_dry) return e;
    if ((e = run_begin(r))) return e;
    return run_log_open(r);
}

void run_close(run *r) {
    group_watch(r->request.group, WATCH_BEGIN, NULL);
    train_log_close(&r->log);
    trainer_free(&r->trainer);
    encoded_free(&r->train);
    encoded_free(&r->dev);
    encoded_free(&r->test);
    if (r->device_is_open) device_close(&r->device);
    base_model_free(&r->base_model);
    dataset_free(&r->data);
    task_free(&r->task);
    weights_report_free(&r->weights);
    cJSON_Delete(r->identity);
    cJSON_Delete(r->surroundings);
    mem_free(r->id);
    mem_free(r->rank_devices);
    run__output_close(r);
    run_release(r);
    mem_free(r->logits);
    mem_free(r->chances);
    answer_arrays_free(&r->said);
    *r = (run){0};
}

static err open_evaluator(evaluator *ev, const run *r, const encoded *rows) {
    const model_memory *memory = trainer_evaluation_memory(&r->trainer);
    batch_capacity capacity = {0};
    uint32_t size = r->request.recipe.per_device_eval_batch_size;
    evaluator_capacity(&capacity, rows, size, memory);
    return evaluator_init(ev, &r->trainer.model, memory, &capacity, size);
}

err run_try_evaluators(const run *r) {
    const encoded *const parts[] = {&r->dev, &r->test};
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !e; i++) {
        evaluator ev = {0};
        if (!parts[i]->count) continue;
        e = open_evaluator(&ev, r, parts[i]);
        evaluator_free(&ev);
    }
    return e;
}

/* Logits and answers of encoded rows under the trainer's current weights. All are owned. */
static err score_rows(run *r, float **logits, answer_arrays *said, double *loss,
                      const encoded *rows, const char *progress) {
    evaluator ev = {0};
    err e = mem_new(logits, encoded_results(rows) * evaluated_width(&r->trainer.model));
    if (!e) e = open_evaluator(&ev, r, rows);
    if (!e) e = evaluator_run_shared(&ev, r->request.group, *logits, loss, rows, progress);
    if (!e)
        e = predict_answers(&said->classes, &said->begin, r->trainer.model.head, *logits, rows,
                            r->base_model.config.classes);
    evaluator_free(&ev);
    return e;
}

/* The sum of the answers to a split. */
static err sum_answers(confusion *c, const run *r, const dataset_split *split, answers said,
                       bool dedup) {
    answer_arrays gold = {0};
    bool *mask = NULL;
    *c = (confusion){0};
    err e = dataset_gold(&gold, &r->data, split);
    if (!e && dedup) e = mem_new(&mask, split->row_count);
    for (size_t i = 0; !e && dedup && i < split->row_count; i++)
        mask[i] = split->rows[i].scored_dedup;
    if (!e)
        e = answers_sum(c, r->task.kind, r->task.label_count, answers_of(&gold), said, mask,
                        split->row_count);
    answer_arrays_free(&gold);
    mem_free(mask);
    return e;
}

err run_test_sum(confusion *c, const run *r, bool dedup) {
    return sum_answers(c, r, &r->data.test, run_answers(r), dedup);
}

/* The loss is the one that is trained on, as Trainer's eval_loss. */
static double dev_loss(const run *r, const float *logits) {
    const trainer *t = &r->trainer;
    return predict_loss(r->task.kind, logits, r->dev.sentences, r->dev.count,
                        r->base_model.config.classes, t->recipe.label_smoothing_factor,
                        t->class_weights);
}

bool run_judge(run *r, uint32_t first) {
    trainer *t = &r->trainer;
    bool better = false;
    for (uint32_t i = first; i < t->evaluation_count; i++)
        better = best_add(&r->best, t->evaluations[i].step, t->evaluations[i].score);
    t->is_stopped = best_stops(&r->best);
    return better;
}

/* Takes an evaluation in: is it the best, and is it time to stop? */
static err judge(run *r, double score, double loss) {
    trainer *t = &r->trainer;
    err e = trainer_add_evaluation(t, score, loss);
    if (e) return e;
    bool better = run_judge(r, t->evaluation_count - 1);
    log_note("step %u of %u: dev %s %.4f, loss %.4f%s", t->done, t->total_steps,
             metric_said(run_best_metric(r)), score, loss, better ? " (best)" : "");
    if (t->is_stopped && t->done < t->total_steps)
        log_note("stopped early: %u evaluation%s no better (best: step %u)", r->best.stale,
                 r->best.stale == 1 ? " was" : "s in a row were", r->best.step);
    bool is_kept = better && !r->request.is_trial;
    return is_kept ? run_write_model(r, "best", NULL, NULL) : ERR_OK;
}

/* trainer_hook under protocol dev: keeps the weights that score best, the earliest of equals. */
static err evaluate_dev(void *context, trainer *t) {
    run *r = context;
    float *logits = NULL;
    answer_arrays said = {0};
    confusion c = {0};
    double begin = clock_seconds();
    const char *name = run_best_metric(r);
    (void)t;
    double loss = 0;
    err e = run__bring_together(r);
    if (e || (e = score_rows(r, &logits, &said, &loss, &r->dev, NULL))) goto done;
    if ((e = sum_answers(&c, r, &r->data.dev, (answers){said.classes, logits, said.begin}, false)))
        goto done;
    if (r->task.kind != ANSWER_ARCS) loss = dev_loss(r, logits);
    double score = strcmp(name, "loss") == 0 ? loss : metric_value(name, &c);
    if ((e = run__log_evaluation(r, &c, loss, clock_seconds() - begin))) goto done;
    e = judge(r, score, loss);
done:
    confusion_free(&c);
    mem_free(logits);
    answer_arrays_free(&said);
    return e;
}

/* Adds to the error what there is to go on from. */
err run_name_checkpoint(const run *r, err e) {
    if (!e || e == ERR_INTERRUPTED || !run_writes(r)) return e;
    if (!r->saved_at)
        return err_set(e, "%s; no checkpoint was saved before%s", err_message(e),
                       err_advice("save-steps", " (--save-steps N)"));
    char last[PATH_MAX];
    snprintf(last, sizeof last, "%s/checkpoint-%u", r->output, r->saved_at);
    if (!folder_exists(last))
        return err_set(e, "%s; %s, the last good checkpoint, was removed", err_message(e), last);
    return err_set(e, "%s; the last good checkpoint is %s%s", err_message(e), last,
                   err_advice("resume", " (--resume goes on from it)"));
}

static err load_best(run *r) {
    char best[PATH_MAX];
    weights_report report = {0};
    err e = path_in(best, r->output, "best");
    if (e) return e;
    log_note("scoring the weights of step %u, best on dev", r->best.step);
    if (!(e = sums_check(best, NULL)))
        e = weights_load(&r->trainer.model.params, &report, best, 0, 0);
    weights_report_free(&report);
    return e;
}

static void read_power(run *r, int moment) {
    power_read(&r->power[moment], &(power_place){.uuid = r->device.info.uuid});
}

err run_train(run *r) {
    read_power(r, RUN_TRAINS);
    // of several shards a step is two plans with a sum between them: no times of one device
    err e = r->trainer.sum.part_count == 0 ? kernel_times_train(&r->kernels, &r->trainer) : ERR_OK;
    if (!e) e = trainer_run(&r->trainer);
    group_watch(r->request.group, WATCH_HOST, NULL); // until run_close
    read_power(r, RUN_TRAINED);
    if (!e) e = run__bring_together(r);
    run_release(r);
    if (!e) e = run_log_end(r);
    if (e) return run_name_checkpoint(r, e);
    if (r->request.protocol == PROTOCOL_LAST || r->request.is_trial) return ERR_OK;
    if (run_writes(r) && (e = load_best(r))) return e;
    return run_share_weights(r);
}

/* Protocol dev: what makes the probabilities of held-out rows fit best (metric/calibration.h). */
static err fit_temperature(run *r) {
    float *logits = NULL;
    answer_arrays said = {0}, gold = {0};
    if (r->request.protocol == PROTOCOL_LAST || !answer_is_label(r->task.kind)) return ERR_OK;
    err e = score_rows(r, &logits, &said, NULL, &r->dev, NULL);
    if (!e) e = dataset_gold(&gold, &r->data, &r->data.dev);
    if (!e)
        r->temperature = calibration_temperature(logits, gold.classes, r->dev.count,
                                                 r->base_model.config.classes);
    mem_free(logits);
    answer_arrays_free(&said);
    answer_arrays_free(&gold);
    return e;
}

typedef struct label_taker {
    run *run;
    double *p; /* (C) scratch */
} label_taker;

static err take_labels(void *context, const float *logits, size_t first, size_t count) {
    const label_taker *t = context;
    run *r = t->run;
    size_t classes = r->base_model.config.classes;
    r->trainer.model.head->decode(r->said.classes + first, logits, count, classes);
    if (r->logits) memcpy(r->logits + first * classes, logits, count * classes * sizeof *logits);
    for (size_t i = 0; i < count; i++, logits += classes) {
        uint32_t gold = r->test.sentences[first + i].target.class;
        calibration_add(&r->calibration, logits, &gold, 1, classes, 1);
        calibration_softmax(t->p, logits, classes, 1);
        r->chances[first + i] = calibration_chance_of(t->p, gold, classes);
    }
    return ERR_OK;
}

/* Test rows of one label each: thousands of labels make logits of all of them large. */
static err score_labels(run *r) {
    size_t n = r->test.count, classes = r->base_model.config.classes;
    label_taker taker = {.run = r};
    evaluator ev = {0};
    err e = mem_new(&taker.p, classes);
    if (!e) e = mem_new(&r->chances, n);
    if (!e) e = mem_new(&r->said.classes, n);
    if (!e && r->task.kind == ANSWER_RELATION) e = mem_new(&r->logits, n * classes);
    if (!e) e = open_evaluator(&ev, r, &r->test);
    ev.take = take_labels;
    ev.take_context = &taker;
    if (!e)
        e = evaluator_run_shared(&ev, r->request.group, NULL, &r->test_loss, &r->test, "test row");
    if (!e) calibration_end(&r->calibration);
    evaluator_free(&ev);
    mem_free(taker.p);
    return e;
}

err run_evaluate(run *r) {
    read_power(r, RUN_SCORES);
    double begin = clock_seconds();
    err e = answer_is_label(r->task.kind)
                ? score_labels(r)
                : score_rows(r, &r->logits, &r->said, &r->test_loss, &r->test, "test row");
    r->eval_s = clock_seconds() - begin;
    read_power(r, RUN_SCORED);
    if (!e) e = fit_temperature(r);
    if (!e) e = params_digest(&r->trainer.model.params, r->final_sha256);
    if (!e) e = run_compare_weights(r);
    if (!e) e = run__log_test(r);
    return run_name_checkpoint(r, e);
}

static err write_card(const char *folder, const void *context) {
    return model_card_write(folder, context);
}

err run_keep_model(run *r) {
    return run_write_model(r, "model", write_card, r);
}

err run_finish(run *r) {
    return run__end(r);
}
