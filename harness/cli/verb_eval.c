/* `harness eval`: scores a model folder on a task's rows, or shows what a record holds. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/eval_view.h"
#include "cli/find_run.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/own_flags.h"
#include "cli/rank_flags.h"
#include "cli/run_record.h"
#include "cli/task_flag.h"
#include "cli/unknown_share.h"
#include "data/fetch_task.h"
#include "metric/rows.h"
#include "net/fetch.h"
#include "platform/file.h"
#include "result/record.h"
#include "train/evaluate/scorer.h"
#include "train/group/launch.h"
#include "train/group/rank_device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct evaluation {
    task task;
    dataset data;
    const dataset_split *split;
    const char *split_name;
    bool is_test;
    uint32_t max_length; /* tokens of a row, unless --max-length names another */
    scorer scorer;
    char *rank_devices; /* of ranks whose devices differ; owned */
    encoded rows;
    float *logits;
    answer_arrays gold, said;
    uint32_t *first;
    double loss, seconds;
    confusion official, dedup;
    interval range;
    double majority; /* headline of always answering the training majority */
    score_caution caution;
} evaluation;

static void evaluation_free(evaluation *v) {
    confusion_free(&v->official);
    confusion_free(&v->dedup);
    mem_free(v->logits);
    answer_arrays_free(&v->gold);
    answer_arrays_free(&v->said);
    mem_free(v->first);
    mem_free(v->rank_devices);
    encoded_free(&v->rows);
    scorer_close(&v->scorer);
    dataset_free(&v->data);
    task_free(&v->task);
}

/* What a finished run was of, as its record says; `folder` is the run's, or its model's. */
typedef struct run_task {
    char *folder, *name; /* owned; NULL: --task or files of one's own name the task */
    bool sample;
} run_task;

static void run_task_free(run_task *r) {
    mem_free(r->folder);
    mem_free(r->name);
}

/* The record of a run, by the folder of the run or of its model. */
static err record_of(char **path, const char *folder) {
    err e = path_join(path, folder, "record.json");
    if (e || file_exists(*path)) return e;
    mem_free(*path);
    return path_join(path, folder, "../record.json");
}

static err no_record(const char *model) {
    return err_set(ERR_USAGE,
                   "%s: no record beside the model says which task it is of: name one with "
                   "--task (see `harness tasks`)",
                   model);
}

/* Of the run that was named, or of the newest one. */
static err find_task(run_task *r, const options *o) {
    record known = {0};
    char *path = NULL;
    if (find_run_is_hub(o->checkpoint)) return no_record(o->checkpoint); // before it is downloaded
    err e = find_run(&r->folder, o->checkpoint, NULL, o->offline);
    if (!e) e = record_of(&path, r->folder);
    if (!e && !file_exists(path)) e = no_record(r->folder);
    if (!e && !(e = record_read(&known, path))) {
        r->sample = known.task.sample;
        e = mem_strdup(&r->name, known.task.name);
        if (!e)
            log_note("task    %s%s, which the run is of (--task names another)", r->name,
                     r->sample ? ", its bundled sample" : "");
        record_free(&known);
    }
    mem_free(path);
    return e;
}

/* Of a run of this task rows are as long as they were there; else as the task has them. */
static err find_length(evaluation *v, const char *folder) {
    record known = {0};
    char *path = NULL;
    v->max_length = (uint32_t)v->task.max_length;
    err e = record_of(&path, folder);
    if (!e && file_exists(path)) e = err_unless_memory(record_read(&known, path));
    if (!e && known.task.name && !strcmp(known.task.name, v->task.name)) {
        double own = json_number_at(known.recipe, "max_length");
        if (own >= 1 && own <= UINT16_MAX + 1) v->max_length = (uint32_t)own;
    }
    record_free(&known);
    mem_free(path);
    return e;
}

static err load(evaluation *v, const options *o, const run_task *r) {
    dataset_options wish = {
        .data_dir = o->data_dir, .sample = o->sample || r->sample, .limit = o->limit};
    const char *name = o->split ? o->split : "test";
    bool here = o->checkpoint && folder_exists(o->checkpoint);
    err e = task_flag_read(&v->task, o, r->name ? r->name : o->task,
                           r->folder ? r->folder
                           : here    ? o->checkpoint
                                     : NULL);
    if (e) return e;
    bool is_dev = strcmp(name, "dev") == 0;
    v->split_name = name;
    v->is_test = strcmp(name, "test") == 0;
    if (!v->is_test && !is_dev && strcmp(name, "train") != 0)
        return err_set(ERR_USAGE, "unknown split '%s' (known: %s)", name, SPLIT_WORDS);
    if (!o->offline && (e = fetch_task(&v->task, &wish, false, false))) return e;
    if ((e = dataset_load(&v->data, &v->task, &wish))) return e;
    if (is_dev && (e = dataset_split_dev(&v->data, &v->task))) return e;
    v->split = v->is_test ? &v->data.test : is_dev ? &v->data.dev : &v->data.train;
    return ERR_OK;
}

/* Of classes and tags, or logits, which are the answers of other kinds. */
static answers answers_said(const evaluation *v) {
    return (answers){v->said.classes, v->logits, v->said.begin};
}

/* What stands beside the headline: its interval, the majority baseline, and a caution. */
static err judge(evaluation *v) {
    const metric *m = metric_find(v->task.headline);
    uint64_t *counts = NULL;
    confusion baseline = {0};
    err e = mem_new(&counts, v->task.label_count);
    if (e) return e;
    for (size_t i = 0; i < v->data.train.row_count; i++)
        if (v->data.train.rows[i].kept)
            count_labels(counts, v->task.kind, v->task.label_count,
                         v->data.train.rows[i].example.target);
    e = majority_baseline(&baseline, &v->official,
                          v->task.label_count ? majority_class(counts, v->task.label_count) : 0);
    mem_free(counts);
    if (e) return e;
    v->majority = metric_baseline(m, &baseline);
    v->caution = score_judge(&v->official, m, v->majority);
    confusion_free(&baseline);
    answers predicted = answers_said(v);
    return interval_of_run(&v->range, m,
                           &(test_table){.kind = v->task.kind,
                                         .rows = v->split->row_count,
                                         .classes = v->task.label_count,
                                         .gold = answers_of(&v->gold),
                                         .first_row = v->first,
                                         .predicted = &predicted,
                                         .runs = 1});
}

static err score(evaluation *v, const options *o) {
    const base_model *s = &v->scorer.base_model;
    size_t n = v->split->row_count;
    uint32_t length = base_model_max_length(s, o->max_length, v->max_length);
    uint32_t batch_size = o->has_per_device_eval_batch_size ? o->per_device_eval_batch_size : 64;
    bool *mask = NULL;
    err e = ERR_OK;
    if (!batch_size) return err_set(ERR_USAGE, "--eval-batch-size expects 1 or more, found 0");
    if ((e = encode_split(&v->rows, &s->tokenizer, v->split, ENCODE_ALL, length))) return e;
    encode_note_cut(v->task.kind, v->task.format.unit, v->rows.cut, v->rows.lost, length);
    unknown_share_warn(&s->tokenizer, v->rows.unknown, v->rows.pieces);
    if ((e = mem_new(&v->logits, encoded_results(&v->rows) * evaluated_width(&v->scorer.model))))
        return e;
    if ((e = dataset_gold(&v->gold, &v->data, v->split)) || (e = mem_new(&v->first, n))) return e;
    double begin = clock_seconds();
    if ((e = scorer_run(&v->scorer, v->logits, &v->loss, &v->rows, batch_size, "row"))) return e;
    v->seconds = clock_seconds() - begin;
    e = predict_answers(&v->said.classes, &v->said.begin, v->scorer.model.head, v->logits, &v->rows,
                        s->config.classes);
    if (e || (e = mem_new(&mask, n))) return e;
    for (size_t i = 0; i < n; i++) {
        // train's counterpart of the deduplicated rows are those that training takes
        mask[i] = v->is_test ? v->split->rows[i].scored_dedup : v->split->rows[i].kept;
    }
    answers gold = answers_of(&v->gold), predicted = answers_said(v);
    if ((e = answers_sum(&v->official, v->task.kind, v->task.label_count, gold, predicted, NULL,
                         n)))
        goto done;
    if ((e = answers_sum(&v->dedup, v->task.kind, v->task.label_count, gold, predicted, mask, n)))
        goto done;
    if ((e = first_rows(v->first, v->split))) goto done;
    e = judge(v);
done:
    mem_free(mask);
    return e;
}

/* What the classes of the sum are called, labels or the types of entities, by name and for people.
 * Both are owned. */
static err class_names(const char ***names, const char ***shown, const task *t, size_t classes) {
    bool tags = t->kind == ANSWER_TAGS;
    *shown = NULL;
    err e = mem_new(names, classes);
    if (!e) e = mem_new(shown, classes);
    for (size_t k = 0; k < classes && !e; k++) {
        const task_label *l = &t->labels[tags ? 2 * k : k];
        (*names)[k] = l->name + (tags ? 2 : 0);
        (*shown)[k] = l->readable + (tags && strlen(l->readable) > 2 ? 2 : 0);
    }
    return e;
}

/* Not defined of no rows. */
static double score_of(const metric *m, const confusion *c) {
    return c->total ? m->fn(c) : (double)NAN;
}

/* What the model gives each label of each row, as predict shows it. */
static err label_scores(double **scores, const evaluation *v) {
    size_t n = v->split->row_count, c = v->task.label_count;
    *scores = NULL;
    if (!c || answer_in_units(v->task.kind)) return ERR_OK;
    err e = mem_new(scores, n * c);
    for (size_t i = 0; i < n && !e; i++) {
        const float *logits = v->logits + i * c;
        if (answer_is_label(v->task.kind))
            predict_probabilities(*scores + i * c, logits, (uint32_t)c);
        for (size_t k = 0; v->task.kind == ANSWER_SET && k < c; k++)
            (*scores)[i * c + k] = 1 / (1 + exp(-(double)logits[k]));
    }
    return e;
}

/* Prints, and writes the predictions where they are asked for. */
static err show(const eval_view *view, const options *o) {
    err e = o->predictions ? eval_view_predictions(view, o->predictions, o->texts) : ERR_OK;
    if (e) return e;
    e = o->json ? eval_view_json(view) : eval_view_print(view);
    if (!e && o->predictions)
        log_note("%s: %s row%s%s", o->predictions, SHOWN_COUNT(view->rows),
                 shown_plural(view->rows),
                 view->is_record && view->label_count && !answer_in_units(view->kind)
                     ? ", without scores: a record has none"
                     : "");
    return e;
}

static void metric_values(double *values, const confusion *c, answer_kind kind) {
    for (size_t i = 0; i < metric_count(); i++)
        values[i] = metric_applies(metric_at(i), kind, c->classes) ? score_of(metric_at(i), c)
                                                                   : (double)NAN;
}

static err show_model(const evaluation *v, const char *folder, const options *o) {
    double values[METRIC_LIMIT], dedup[METRIC_LIMIT], *scores = NULL;
    const char **labels = NULL, **shown = NULL;
    const task *t = &v->task;
    const char *precision = device_precision_name(v->scorer.device.options.precision);
    size_t count = t->label_count ? v->official.classes : 0;
    err e = class_names(&labels, &shown, t, count);
    if (!e && o->predictions) e = label_scores(&scores, v);
    metric_values(values, &v->official, t->kind);
    metric_values(dedup, &v->dedup, t->kind);
    if (!e)
        e = show(&(eval_view){.task = t->name,
                              .from = folder,
                              .device = record_device_text(
                                  (char[RECORD_DEVICE_BYTES]){""}, group_size(v->scorer.group),
                                  v->scorer.device.info.name, v->rank_devices),
                              .precision = precision,
                              .split = v->split_name,
                              .kind = t->kind,
                              .labels = labels,
                              .shown = shown,
                              .label_count = count,
                              .label_1 = t->label_count > 1 ? t->labels[1].readable : NULL,
                              .headline = t->headline,
                              .official = &v->official,
                              .dedup = &v->dedup,
                              .values = values,
                              .values_dedup = dedup,
                              .range = v->range,
                              .majority = v->majority,
                              .caution = v->caution,
                              .loss = v->loss,
                              .sentences_per_s = (double)v->rows.count / v->seconds,
                              .rows = v->split->row_count,
                              .gold = answers_of(&v->gold),
                              .predicted = answers_said(v),
                              .scores = scores,
                              .split_rows = v->split},
                 o);
    mem_free(labels);
    mem_free(shown);
    mem_free(scores);
    return e;
}

/* What the classes of a record's sum are called: by the names that the model answers in, which
 * records of older programs have in its configuration alone, or those for people. *names (classes) is owned, the texts are
 * r's. */
static err record_names(const char ***names, const record *r, size_t classes) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->model.config, "id2label");
    bool tags = r->task.kind == ANSWER_TAGS, all = true;
    err e = mem_new(names, classes);
    for (int known = 1; known >= 0 && !e; known--)
        for (size_t k = 0; k < classes && (known ? all : !all); k++) {
            size_t label = tags ? 2 * k : k;
            char key[16];
            snprintf(key, sizeof key, "%zu", label);
            const char *name = r->task.names ? r->task.names[label]
                               : known       ? json_text_at(list, key)
                                             : r->task.labels[label];
            if (known) all = name && (!tags || strlen(name) > 2);
            (*names)[k] = name && tags && strlen(name) > 2 ? name + 2 : name;
        }
    return e;
}

static err show_record(const record *r, const char *path, const options *o) {
    const char **labels = NULL, **shown = NULL;
    run_summary s;
    err e = run_summarise(&s, r);
    size_t classes = r->task.label_count ? r->confusion.classes : 0;
    bool tags = r->task.kind == ANSWER_TAGS;
    if (!e) e = record_names(&labels, r, classes);
    if (!e) e = mem_new(&shown, classes);
    for (size_t k = 0; k < classes && !e; k++) {
        const char *label = r->task.labels[tags ? 2 * k : k];
        shown[k] = label + (tags && strlen(label) > 2 ? 2 : 0);
    }
    if (!e)
        e = show(&(eval_view){.task = r->task.name,
                              .from = path,
                              .is_record = true,
                              .device = RECORD_DEVICE(r),
                              .precision = r->device.precision,
                              .split = "test",
                              .kind = r->task.kind,
                              .labels = labels,
                              .shown = shown,
                              .label_count = classes,
                              .label_1 = r->task.label_count > 1 ? r->task.labels[1] : NULL,
                              .headline = r->headline,
                              .official = &r->confusion,
                              .dedup = &r->confusion_dedup,
                              .values = r->metrics,
                              .values_dedup = r->metrics_dedup,
                              .range = s.range,
                              .majority = s.majority,
                              .caution = s.caution,
                              .rows = (size_t)r->task.test_rows,
                              .gold = record_gold(r),
                              .predicted = record_answers(r)},
                 o);
    mem_free(labels);
    mem_free(shown);
    return e;
}

/* The test rows of a record, or of the record in a run's folder: no model is run. */
static err eval_record(const options *o) {
    static const char *const model[] = {"task",   "model", "checkpoint", "split", "device",
                                        "sample", "limit", "label_map",  "texts", "data_dir"};
    record r = {0};
    char *path = NULL;
    flag_value v;
    for (size_t i = 0; i < sizeof model / sizeof *model; i++)
        if (options_given(&v, o, model[i]))
            return err_set(ERR_USAGE,
                           "--%s and --record exclude each other: a record is of the "
                           "test rows of one run, and holds no texts",
                           v.flag);
    err e = find_run_record(&path, o->record, false);
    if (!e && o->predictions) e = output_apart(o->predictions, path);
    if (!e && !(e = record_read(&r, path))) {
        e = show_record(&r, file_given_name(path), o);
        record_free(&r);
    }
    mem_free(path);
    return e;
}

/* Rows are written over none of the files that they come from. */
static err check_output(const evaluation *v, const options *o) {
    err e = o->predictions ? output_apart(o->predictions, v->scorer.base_model.folder) : ERR_OK;
    for (size_t i = 0; o->predictions && i < v->data.path_count && !e; i++)
        e = output_apart(o->predictions, v->data.paths[i]);
    return e;
}

/* Ranks that would score other rows, or with another model, are told apart here. */
static err compare_ranks(const evaluation *v, struct group *g) {
    char own[2 * HASH_HEX_BYTES] = "";
    char(*all)[sizeof own] = NULL;
    err e = params_digest(&v->scorer.model.params, own);
    if (e) return e;
    snprintf(own + HASH_HEX_BYTES, HASH_HEX_BYTES, "%s", v->data.data_sha256);
    if ((e = mem_calloc((void **)&all, g->size, sizeof *all))) return e;
    e = group_gather(g, all, own, sizeof own);
    for (uint32_t r = 1; !e && r < g->size; r++)
        if (memcmp(all[r], all[0], sizeof own) != 0)
            e = err_set(ERR_USAGE, "rank %u of %u has another %s than rank 0", r, g->size,
                        strcmp(all[r], all[0]) ? "model" : "task's data");
    mem_free(all);
    return e;
}

static err eval_command(const void *context, struct group *g) {
    const options *o = context;
    evaluation v = {0};
    device_options wish = {.threads = o->threads, .validation = o->validation};
    const base_model_options from = {.cased = o->cased};
    run_task of = {0};
    char *own_device = NULL;
    bool again = false; // another test file of the newest run's
    err e = rank_flags_compare(o, VERB_eval, g, NULL);
    if (e) return e;
    if (o->texts && !o->predictions) return err_set(ERR_USAGE, "--texts goes with --predictions");
    if (o->predictions && (e = eval_view_writable(o->predictions, o->overwrite))) return e;
    if (o->record) return group_writes(g) ? eval_record(o) : ERR_OK;
    if (o->task && (!strcmp(o->task, "all") || strchr(o->task, ',')))
        return err_set(ERR_USAGE, "eval scores on one task, found --task %s", o->task);
    if ((e = device_precision_find(&wish.precision, o->precision))) return e;
    if (!o->task && (e = own_flags_retest(&again, o))) goto done;
    if (!o->task && (again || !own_flags_given(o)) && (e = find_task(&of, o))) goto done;
    if ((e = load(&v, o, &of))) goto done;
    if (!of.folder && (e = find_run(&of.folder, o->checkpoint, v.task.name, o->offline))) goto done;
    if ((e = rank_device(&own_device, &wish.threads, g, o->device))) goto done;
    if ((e = scorer_open(&v.scorer, of.folder, &from, own_device, &wish))) goto done;
    rank_device_watch(g, &v.scorer.device);
    if ((e = check_output(&v, o))) goto done;
    if ((e = scorer_match(&v.scorer, &v.task, o->label_map))) goto done;
    if ((e = find_length(&v, of.folder))) goto done;
    v.scorer.group = g;
    if (!group_is_alone(g) && (e = compare_ranks(&v, g))) goto done;
    if ((e = rank_device_names(&v.rank_devices, g, &v.scorer.device.info, false))) goto done;
    if ((e = score(&v, o))) goto done;
    if (group_writes(g)) e = show_model(&v, o->checkpoint ? o->checkpoint : of.folder, o);
done:
    group_watch(g, WATCH_BEGIN, NULL);
    run_task_free(&of);
    mem_free(own_device);
    evaluation_free(&v);
    return e;
}

err verb_eval(const options *o) {
    return launch_run("eval", eval_command, o, o->device, o->ranks);
}
