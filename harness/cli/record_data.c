#include "cli/record_data.h"

#include "cli/run_record.h"
#include "cli/task_flag.h"
#include "train/run/model_corpus.h"

#include <string.h>

void record_data_free(record_data *d) {
    dataset_free(&d->data);
    task_free(&d->task);
    mem_free(d->name);
    mem_free(d->lacks);
    *d = (record_data){.task_dir = d->task_dir, .data_dir = d->data_dir};
}

/* A task or data that are not to be had are no fault of the record. */
static err load(record_data *d, const char *name) {
    if (d->name && !strcmp(d->name, name)) return ERR_OK;
    record_data_free(d);
    dataset_options where = {.data_dir = d->data_dir};
    bool described = false;
    err e = mem_strdup(&d->name, name);
    if (!e) e = task_is_there(&described, name, d->task_dir);
    if (!e && !described) // without all the names that there are: each record says so
        return mem_printf(&d->lacks, "no manifest of task '%s' is here (--task-dir DIR)", name);
    if (!e) e = task_find(&d->task, name, d->task_dir);
    if (!e) e = dataset_load(&d->data, &d->task, &where);
    if (!e || e == ERR_MEMORY) return e;
    if ((e = mem_strdup(&d->lacks, err_message(e)))) return e;
    err_clear();
    return ERR_OK;
}

static err check_text(const char *said, const char *here, const char *key, const char *path) {
    if (!strcmp(said, here)) return ERR_OK;
    return err_set(ERR_DATA, "%s: task: key '%s' is '%.80s', the data here give '%s'", path, key,
                   said, here);
}

static err check_count(int64_t said, size_t here, const char *key, const char *path) {
    if (said == (int64_t)here) return ERR_OK;
    return err_set(ERR_DATA, "%s: task: key '%s' is %lld, the data here give %zu", path, key,
                   (long long)said, here);
}

static err check_labels(const record_data *d, const record *r, const char *path) {
    err e = check_count((int64_t)r->task.label_count, d->task.label_count, "labels", path);
    // records of schema 1 have the words of pages alone
    for (size_t i = 0; i < d->task.label_count && !e; i++)
        e = r->task.names
                ? check_text(r->task.names[i], d->task.labels[i].name, "labels", path)
                : check_text(r->task.labels[i], d->task.labels[i].readable, "labels", path);
    return e;
}

static err check_counts(const record_data *d, const record *r, const char *path) {
    const dataset_split *test = &d->data.test;
    err e = check_text(r->task.data_sha256, d->data.data_sha256, "data_sha256", path);
    if (!e) e = check_text(r->task.split, task_split_name(&d->task.split), "split", path);
    if (!e) e = check_count(r->task.test_rows, test->row_count, "rows: test", path);
    if (!e) e = check_count(r->task.leaked_rows, test->leaked_count, "leaked_rows", path);
    if (!e) e = check_count(r->task.duplicate_rows, test->duplicate_count, "duplicate_rows", path);
    if (!e) e = check_count(r->task.invalid_rows, d->data.invalid_count, "invalid_rows", path);
    return e ? e : check_labels(d, r, path);
}

static err check_gold(const record_data *d, const record *r, const char *path) {
    answer_arrays gold = {0};
    err e = dataset_gold(&gold, &d->data, &d->data.test);
    answers here = answers_of(&gold);
    size_t rows = (size_t)r->task.test_rows, count = 0;
    if (e) return e;
    if (answer_in_units(r->task.kind) &&
        memcmp(here.begin, r->unit_begin, (rows + 1) * sizeof *here.begin) != 0) {
        e = err_set(ERR_DATA, "%s: key 'units' is not that of the data here", path);
        goto done;
    }
    count = record_values(r, true);
    for (size_t i = 0; i < count && !e; i++) {
        double said = r->gold ? r->gold[i] : (double)r->gold_numbers[i];
        double right = r->gold ? here.classes[i] : (double)here.numbers[i];
        if (said == right) continue;
        e = err_set(ERR_DATA, "%s: key 'gold': value %zu is %g, the data here have %g", path, i + 1,
                    said, right);
    }
done:
    answer_arrays_free(&gold);
    return e;
}

static err check_rows(const record_data *d, const record *r, const char *path) {
    const dataset_split *test = &d->data.test;
    uint32_t *first = NULL;
    err e = mem_new(&first, test->row_count);
    if (!e) e = first_rows(first, test);
    for (size_t i = 0; i < test->row_count && !e; i++) {
        if (r->first_row[i] != first[i])
            e = err_set(ERR_DATA, "%s: key 'repeats': the text of row %zu first stands in row %u",
                        path, i, first[i]);
        else if (r->scored_dedup[i] != test->rows[i].scored_dedup)
            e = err_set(ERR_DATA, "%s: key 'left_out_of_dedup': row %zu is %s", path, i,
                        r->scored_dedup[i] ? "to be left out" : "not to be left out");
    }
    mem_free(first);
    return e;
}

/* All kept rows train, but those of the dev part where no file of the task has it. */
static err check_train(const record_data *d, const record *r, const char *path) {
    bool is_dev = !strcmp(r->protocol, "dev"), has_file = d->data.dev.row_count > 0;
    size_t dev = !is_dev ? 0 : has_file ? d->data.dev.row_count : (size_t)r->task.dev_rows;
    size_t kept = d->data.train.kept_count, taken = has_file ? 0 : dev;
    err e = check_count(r->task.dev_rows, dev, "rows: dev", path);
    return e ? e
             : check_count(r->task.train_rows, kept > taken ? kept - taken : 0, "rows: train",
                           path);
}

/* The commonest label of the kept rows, where all of them train. */
static err check_majority(const record_data *d, const record *r, const char *path) {
    size_t classes = d->task.label_count;
    uint64_t *counts = NULL;
    if (!classes || (r->task.dev_rows && !d->data.dev.row_count)) return ERR_OK;
    err e = mem_new(&counts, classes);
    if (e) return e;
    for (size_t i = 0; i < d->data.train.row_count; i++)
        if (d->data.train.rows[i].kept)
            count_labels(counts, d->task.kind, classes, d->data.train.rows[i].example.target);
    e = check_count(r->task.majority_class, majority_class(counts, classes), "majority_class",
                    path);
    mem_free(counts);
    return e;
}

/* What the manifest alone tells. */
static err check_manifest(const record_data *d, const record *r, const char *path) {
    if (r->task.kind != d->task.kind)
        return err_set(ERR_DATA, "%s: task: key 'kind' is not that of task %s", path, d->name);
    if (strcmp(r->headline, d->task.headline) != 0)
        return err_set(ERR_DATA, "%s: key 'headline' is '%.40s', that of task %s is '%s'", path,
                       r->headline, d->name, d->task.headline);
    const cJSON *corpus = r->model.corpus;
    if (corpus && r->model.corpus_is_source != model_corpus_same_source(corpus, d->task.source))
        return err_set(
            ERR_DATA,
            "%s: model: corpus: key 'same_source' is %s; the source of task %s is '%.80s'", path,
            r->model.corpus_is_source ? "true" : "false", d->name, d->task.source);
    return ERR_OK;
}

err record_data_check(const char **lacks, record_data *d, const record *r, const char *path) {
    err e = load(d, r->task.name);
    *lacks = d->lacks;
    if (e || !d->task.headline) return e;
    if (r->task.version > d->task.version)
        return err_set(ERR_DATA,
                       "%s: task: key 'version' is %lld, the manifest here has version %lld (of "
                       "a newer program?)",
                       path, (long long)r->task.version, (long long)d->task.version);
    if (r->task.version != d->task.version) {
        if (!d->lacks) *lacks = "the task has another version now";
        return ERR_OK;
    }
    if ((e = check_manifest(d, r, path)) || d->lacks) return e;
    if (!(e = check_counts(d, r, path)) && !(e = check_train(d, r, path)) &&
        !(e = check_majority(d, r, path)) && !(e = check_gold(d, r, path)))
        e = check_rows(d, r, path);
    return e;
}
