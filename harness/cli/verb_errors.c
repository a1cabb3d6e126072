/* `harness errors`: what several seeds of one model get wrong on a task's test rows. */
#include "base/log.h"
#include "base/shown.h"
#include "cli/errors_view.h"
#include "cli/find_run.h"
#include "cli/options.h"
#include "cli/record_rows.h"
#include "cli/run_record.h"
#include "cli/task_flag.h"
#include "data/fetch_task.h"
#include "metric/rows.h"
#include "platform/file.h"
#include "report/compare.h"
#include "train/evaluate/scorer.h"

#include <math.h>
#include <string.h>

enum { RUNS_MOST = 64, ROWS_SHOWN = 10, BATCH_SIZE = 64 };

typedef struct inquiry {
    task task;
    dataset data;
    errors_run runs[RUNS_MOST];
    size_t count;
    answer_arrays gold, dev_gold;
    uint32_t *first_row, *tokens, *unknown; /* (test rows) owned */
    bool *leaked;
    errors found;
} inquiry;

static void inquiry_free(inquiry *q) {
    for (size_t i = 0; i < q->count; i++) {
        record_free(&q->runs[i].record);
        mem_free(q->runs[i].logits);
        mem_free(q->runs[i].predicted);
    }
    answer_arrays_free(&q->gold);
    answer_arrays_free(&q->dev_gold);
    mem_free(q->first_row);
    mem_free(q->tokens);
    mem_free(q->unknown);
    mem_free(q->leaked);
    errors_free(&q->found);
    dataset_free(&q->data);
    task_free(&q->task);
}

static err same(const char *who, const char *what, const char *a, const char *b) {
    if (strcmp(a, b) == 0) return ERR_OK;
    return err_set(ERR_DATA, "%s do not compare: their %ss are %s and %s", who, what, a, b);
}

/* Of one task, data, model and recipe: what is asked is where seeds part. */
static err check_same(const errors_run *one, const errors_run *first) {
    const record *a = &first->record, *b = &one->record;
    char *who = NULL;
    err e = mem_printf(&who, "%s and %s", first->folder, one->folder);
    if (!e) e = same(who, "task", a->task.name, b->task.name);
    if (!e) e = compare_same_rows(who, a, b);
    if (!e) e = same(who, "model", a->model.name, b->model.name);
    if (!e) e = compare_same_recipe(who, a, b);
    if (!e) e = same(who, "protocol", a->protocol, b->protocol);
    mem_free(who);
    return e == ERR_DATA
               ? err_set(e, "%s (errors takes seeds of one task, model and recipe)", err_message(e))
               : e;
}

/* Copies of one run agree on every row, which tells nothing of how seeds part. */
static void note_copies(const inquiry *q) {
    for (size_t b = 1; b < q->count; b++)
        for (size_t a = 0; a < b; a++)
            if (record_same_run(&q->runs[a].record, &q->runs[b].record))
                log_note("%s and %s have one and the same record", q->runs[a].folder,
                         q->runs[b].folder);
}

/* A glob names what lies beside the runs too: where a search was, a run that is not finished. */
static err has_record(bool *has, const char *folder) {
    char path[PATH_MAX];
    err e = path_in(path, folder, "record.json");
    *has = !e && file_named(path);
    return e;
}

/* Adds the run at `folder`. */
static err read_run(inquiry *q, const char *folder) {
    errors_run *one = &q->runs[q->count];
    char *path = NULL;
    one->folder = folder;
    err e = find_run_record(&path, folder, true);
    if (!e && !(e = record_read(&one->record, path))) q->count++;
    mem_free(path);
    if (e) return e;
    const record *r = &one->record;
    if (!answer_is_label(r->task.kind))
        return err_set(ERR_UNSUPPORTED,
                       "%s: task %s is of kind %s; errors takes tasks with one label a row", folder,
                       r->task.name, answer_kind_name(r->task.kind));
    return ERR_OK;
}

/* Notes the command of the runs that go with runs[first], which no earlier group has. */
static err note_group(const inquiry *q, bool *taken, size_t first) {
    strbuf command = {0};
    err e = strbuf_add(&command, "harness errors");
    for (size_t i = first; i < q->count && !e; i++) {
        if (taken[i]) continue;
        e = check_same(&q->runs[i], &q->runs[first]);
        taken[i] = !e;
        e = e ? err_unless_memory(e)
              : shown_printf(&command, SHOWN_SHELL, " %s", q->runs[i].folder);
    }
    if (!e) log_note("these go together: %s", command.text);
    strbuf_free(&command);
    return e;
}

/* All have to be of the first one's kind; where they are not, those that go together are named. */
static err check_group(const inquiry *q) {
    bool taken[RUNS_MOST] = {false};
    err e = ERR_OK;
    size_t odd = 0;
    while (odd < q->count && !(e = check_same(&q->runs[odd], &q->runs[0]))) odd++;
    if (e != ERR_DATA) return e;
    for (size_t i = 0; i < q->count; i++)
        if (!taken[i] && (e = note_group(q, taken, i))) return e;
    return check_same(&q->runs[odd], &q->runs[0]);
}

static err read_runs(inquiry *q, const options *o) {
    err e = ERR_OK;
    if (!o->arg_count)
        return err_set(ERR_USAGE, "errors needs output folders of finished runs, such as those of "
                                  "`harness run --runs 3`");
    if (o->arg_count > RUNS_MOST)
        return err_set(ERR_USAGE, "errors takes at most %d runs, found %zu", RUNS_MOST,
                       o->arg_count);
    for (size_t i = 0; i < o->arg_count && !e; i++) {
        const char *folder = o->args[i];
        bool is_run = true;
        const char *fault = folder_fault(folder);
        if (fault) return err_set(ERR_DATA, "%s: %s", folder, fault);
        if (o->arg_count > 1) e = has_record(&is_run, folder);
        if (!e && is_run) e = read_run(q, folder);
        if (!e && !is_run) log_note("%s: no finished run, left out", folder);
    }
    if (!e && !q->count)
        e = err_set(ERR_DATA, "none of these %zu holds a finished run", o->arg_count);
    return e ? e : check_group(q);
}

static err load_rows(inquiry *q, const options *o) {
    const record *r = &q->runs[0].record;
    dataset_options wish = {.data_dir = o->data_dir, .sample = r->task.sample};
    err e = task_flag_find(&q->task, o, r->task.name, q->runs[0].folder);
    if (!e && !o->offline) e = fetch_task(&q->task, &wish, false, false);
    if (!e) e = record_rows_load(&q->data, &q->task, r, o, q->runs[0].folder);
    if (!e && strcmp(r->protocol, "dev") == 0) e = dataset_split_dev(&q->data, &q->task);
    size_t n = q->data.test.row_count;
    if (!e) e = dataset_gold(&q->gold, &q->data, &q->data.test);
    if (!e) e = dataset_gold(&q->dev_gold, &q->data, &q->data.dev);
    if (!e) e = mem_new(&q->first_row, n);
    if (!e) e = first_rows(q->first_row, &q->data.test);
    if (!e) e = mem_new(&q->leaked, n);
    if (!e) e = mem_new(&q->tokens, n);
    if (!e) e = mem_new(&q->unknown, n);
    for (size_t i = 0; !e && i < n; i++) q->leaked[i] = q->data.test.rows[i].leaked;
    return e;
}

static err score_split(float **logits, encoded *rows, scorer *s, const dataset_split *split,
                       uint32_t length) {
    err e = encode_split(rows, &s->base_model.tokenizer, split, ENCODE_ALL, length);
    if (!e) e = mem_new(logits, rows->count * s->base_model.config.classes);
    return e ? e : scorer_run(s, *logits, NULL, rows, BATCH_SIZE, "row");
}

/* At the temperature that suits the dev rows best, where training had none of them. */
static err calibrate(errors_run *one, inquiry *q, scorer *s, uint32_t length) {
    size_t n = q->data.test.row_count, c = q->task.label_count;
    encoded rows = {0};
    float *dev = NULL;
    err e = ERR_OK;
    calibration_of(&one->plain, one->logits, q->gold.classes, n, c, 1);
    one->temperature = NAN;
    if (q->data.dev.row_count) {
        e = score_split(&dev, &rows, s, &q->data.dev, length);
        if (!e)
            one->temperature =
                calibration_temperature(dev, q->dev_gold.classes, q->data.dev.row_count, c);
        if (!e) calibration_of(&one->scaled, one->logits, q->gold.classes, n, c, one->temperature);
    }
    encoded_free(&rows);
    mem_free(dev);
    return e;
}

static err answer(inquiry *q, errors_run *one, const options *o) {
    const cJSON *used = cJSON_GetObjectItemCaseSensitive(one->record.recipe, "max_length");
    const base_model_options from = {.cased = o->cased, .offline = o->offline};
    device_options wish = {.threads = o->threads, .validation = o->validation};
    scorer s = {0};
    encoded rows = {0};
    err e = device_precision_find(&wish.precision, o->precision);
    if (!e) e = scorer_open(&s, one->folder, &from, o->device, &wish);
    if (!e) e = scorer_match(&s, &q->task, one->record.model.label_map);
    uint32_t length = e ? 0
                        : base_model_max_length(
                              &s.base_model, cJSON_IsNumber(used) ? (uint32_t)used->valuedouble : 0,
                              (uint32_t)q->task.max_length);
    if (!e) e = score_split(&one->logits, &rows, &s, &q->data.test, length);
    uint32_t *begin = NULL; // classes have no units
    if (!e)
        e = predict_answers(&one->predicted, &begin, s.model.head, one->logits, &rows,
                            s.base_model.config.classes);
    if (!e)
        count_tokens(q->tokens, q->unknown, &rows, &q->data.test, s.base_model.tokenizer.unk_id);
    for (size_t i = 0; !e && i < rows.count; i++)
        one->moved += one->predicted[i] != one->record.predicted[i];
    if (!e) e = calibrate(one, q, &s, length);
    if (!e && one->moved)
        log_note("%s: %s of %s rows are answered otherwise than its record says", one->folder,
                 SHOWN_COUNT(one->moved), SHOWN_COUNT(rows.count));
    encoded_free(&rows);
    scorer_close(&s);
    return e;
}

static err find_all(inquiry *q) {
    const float *logits[RUNS_MOST];
    const uint32_t *predicted[RUNS_MOST];
    for (size_t i = 0; i < q->count; i++) {
        logits[i] = q->runs[i].logits;
        predicted[i] = q->runs[i].predicted;
    }
    return errors_find(&q->found, &(errors_input){.runs = q->count,
                                                  .rows = q->data.test.row_count,
                                                  .kind = q->task.kind,
                                                  .classes = q->task.label_count,
                                                  .logits = logits,
                                                  .predicted = predicted,
                                                  .gold = q->gold.classes,
                                                  .first_row = q->first_row,
                                                  .leaked = q->leaked,
                                                  .tokens = q->tokens,
                                                  .unknown = q->unknown,
                                                  .headline = metric_find(q->task.headline)});
}

err verb_errors(const options *o) {
    inquiry *q = NULL;
    err e = mem_new(&q, 1);
    if (!e) e = read_runs(q, o);
    if (!e) note_copies(q);
    if (!e) e = load_rows(q, o);
    for (size_t i = 0; !e && i < q->count; i++) e = answer(q, &q->runs[i], o);
    if (!e) e = find_all(q);
    if (!e) {
        errors_view view = {.task = &q->task,
                            .data = &q->data,
                            .runs = q->runs,
                            .run_count = q->count,
                            .found = &q->found,
                            .shown = o->has_rows ? o->rows : ROWS_SHOWN,
                            .texts = o->texts};
        e = o->json ? errors_view_json(&view) : errors_view_print(&view);
    }
    if (q) inquiry_free(q);
    mem_free(q);
    return e;
}
