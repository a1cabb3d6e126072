/* `harness eval`: scores a model folder on a task's rows. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/find_run.h"
#include "cli/options.h"
#include "cli/run_record.h"
#include "cli/score_table.h"
#include "data/fetch_task.h"
#include "metric/rows.h"
#include "net/fetch.h"
#include "text/unicode.h"
#include "train/evaluate/scorer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_COLUMNS = 24 };

typedef struct evaluation {
    task task;
    dataset data;
    const dataset_split *split;
    const char *split_name;
    bool is_test;
    scorer scorer;
    encoded rows;
    float *logits;
    uint32_t *gold, *predicted, *first;
    float *numbers; /* gold of other kinds than classes */
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
    mem_free(v->gold);
    mem_free(v->numbers);
    mem_free(v->predicted);
    mem_free(v->first);
    encoded_free(&v->rows);
    scorer_close(&v->scorer);
    dataset_free(&v->data);
    task_free(&v->task);
}

static err load(evaluation *v, const options *o) {
    dataset_options wish = {.data_dir = o->data_dir, .sample = o->sample, .limit = o->limit};
    const char *name = o->split ? o->split : "test";
    err e = task_find(&v->task, o->task, o->task_dir);
    if (e) return e;
    bool is_dev = strcmp(name, "dev") == 0;
    v->split_name = name;
    v->is_test = strcmp(name, "test") == 0;
    if (!v->is_test && !is_dev && strcmp(name, "train") != 0)
        return err_set(ERR_USAGE, "unknown split '%s' (known: train, test, dev)", name);
    if (!o->offline && (e = fetch_task(&v->task, &wish, false, false))) return e;
    if ((e = dataset_load(&v->data, &v->task, &wish))) return e;
    if (is_dev && (e = dataset_split_dev(&v->data))) return e;
    v->split = v->is_test ? &v->data.test : is_dev ? &v->data.dev : &v->data.train;
    return ERR_OK;
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
    answers predicted = {v->predicted, v->logits};
    return interval_of_run(&v->range, m,
                           &(test_table){.kind = v->task.kind,
                                         .rows = v->split->row_count,
                                         .classes = v->task.label_count,
                                         .gold = {v->gold, v->numbers},
                                         .first_row = v->first,
                                         .predicted = &predicted,
                                         .runs = 1});
}

static err score(evaluation *v, const options *o) {
    const source *s = &v->scorer.source;
    size_t n = v->split->row_count;
    uint32_t length = source_max_length(s, o->max_length, (uint32_t)v->task.max_length);
    uint32_t batch_size = o->has_per_device_eval_batch_size ? o->per_device_eval_batch_size : 64;
    bool *mask = NULL;
    err e = ERR_OK;
    if (!batch_size) return err_set(ERR_USAGE, "--eval-batch-size expects 1 or more, found 0");
    if ((e = encode_split(&v->rows, &s->words, v->split, ENCODE_ALL, length))) return e;
    if (v->rows.cut)
        log_note("%zu sentences are longer than %u tokens and were cut", v->rows.cut, length);
    if ((e = mem_new(&v->logits, n * s->config.classes))) return e;
    if ((e = dataset_gold(&v->gold, &v->numbers, &v->data, v->split)) ||
        (e = mem_new(&v->predicted, n)) || (e = mem_new(&v->first, n)))
        return e;
    double begin = clock_seconds();
    if ((e = scorer_run(&v->scorer, v->logits, &v->loss, &v->rows, batch_size, "row"))) return e;
    v->seconds = clock_seconds() - begin;
    const head *h = v->scorer.model.head;
    if (h->decode) h->decode(v->predicted, v->logits, n, s->config.classes);
    if ((e = mem_new(&mask, n))) return e;
    for (size_t i = 0; i < n; i++) {
        // train's counterpart of the deduplicated rows are those that training takes
        mask[i] = v->is_test ? v->split->rows[i].scored_dedup : v->split->rows[i].kept;
    }
    answers gold = {v->gold, v->numbers}, predicted = {v->predicted, v->logits};
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

/* Of several labels, or relations, each by itself. */
static err print_labels(const evaluation *v) {
    strbuf out = {0};
    size_t width = strlen("label");
    err e = ERR_OK;
    for (size_t k = 0; k < v->task.label_count; k++) {
        size_t own = shown_width(v->task.labels[k].name);
        if (own > width) width = own < LABEL_COLUMNS ? own : LABEL_COLUMNS;
    }
    if ((e = strbuf_add(&out, "  ")) || (e = text_column(&out, "label", width)) ||
        (e = strbuf_add(&out, " precision  recall      F1    rows\n")))
        goto done;
    for (size_t k = 0; k < v->task.label_count; k++) {
        class_score s = metric_of_class(&v->official, k);
        if ((e = strbuf_add(&out, "  ")) ||
            (e = text_column(&out, v->task.labels[k].name, width)) ||
            (e = strbuf_printf(&out, " %9.4f %7.4f %7.4f %7" PRIu64 "\n", s.precision, s.recall,
                               s.f1, s.support)))
            goto done;
    }
    fputs(out.text, stdout);
done:
    strbuf_free(&out);
    return e;
}

static err print_table(const evaluation *v, const char *folder) {
    score_table t = {.label_1 = v->task.label_count > 1 ? v->task.labels[1].readable : NULL,
                     .range = v->range,
                     .kind = v->task.kind,
                     .majority = v->majority,
                     .caution = v->caution};
    const metric *headline = metric_find(v->task.headline);
    shown_line("%s  %s  %s  %zu rows%s%s", v->task.name, folder, v->scorer.device.info.name,
               v->split->row_count, v->is_test ? "" : " of ", v->is_test ? "" : v->split_name);
    score_table_add(&t, headline, headline->fn(&v->official), headline->fn(&v->dedup));
    for (size_t i = 0; i < v->task.metric_count; i++) {
        const metric *m = metric_find(v->task.metrics[i]);
        score_table_add(&t, m, m->fn(&v->official), m->fn(&v->dedup));
    }
    score_table_print(&t);
    shown_line("  loss %.4f, %.0f sentences/s", v->loss, (double)v->rows.count / v->seconds);
    bool by_label = v->task.kind == ANSWER_SET || v->task.kind == ANSWER_RELATION;
    return by_label ? print_labels(v) : ERR_OK;
}

static err add_labels(cJSON *root, const evaluation *v) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, "per_label");
    for (size_t k = 0; !e && k < v->task.label_count; k++) {
        class_score s = metric_of_class(&v->official, k);
        cJSON *one = cJSON_CreateObject();
        if ((e = json_append(list, one)) ||
            (e = json_add_string(one, "label", v->task.labels[k].name)) ||
            (e = json_add_number(one, "precision", s.precision)) ||
            (e = json_add_number(one, "recall", s.recall)) ||
            (e = json_add_number(one, "f1", s.f1)))
            break;
        e = json_add_number(one, "rows", (double)s.support);
    }
    return e;
}

static err add_metrics(cJSON *root, const char *key, const confusion *c) {
    cJSON *object = NULL;
    err e = json_add_object(&object, root, key);
    for (size_t i = 0; !e && i < metric_count(); i++)
        if (metric_applies(metric_at(i), c->kind, c->classes))
            e = json_add_number(object, metric_at(i)->name, metric_at(i)->fn(c));
    return e;
}

static err print_json(const evaluation *v, const char *folder) {
    cJSON *root = cJSON_CreateObject(), *range = NULL;
    char *text = NULL;
    err e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory while printing JSON");
    if (e || (e = json_add_string(root, "task", v->task.name))) goto done;
    if ((e = json_add_string(root, "checkpoint", folder))) goto done;
    if ((e = json_add_string(root, "device", v->scorer.device.info.name))) goto done;
    if ((e = json_add_string(root, "split", v->split_name))) goto done;
    if ((e = json_add_number(root, "rows", (double)v->split->row_count))) goto done;
    if ((e = json_add_string(root, "headline", v->task.headline))) goto done;
    if ((e = json_add_array(&range, root, "interval"))) goto done;
    if ((e = json_append(range, cJSON_CreateNumber(v->range.low)))) goto done;
    if ((e = json_append(range, cJSON_CreateNumber(v->range.high)))) goto done;
    if ((e = json_add_number(root, "majority", v->majority))) goto done;
    if ((e = json_add_string(root, "caution", score_caution_text(v->caution)))) goto done;
    if ((e = json_add_number(root, "loss", v->loss))) goto done;
    if ((e = add_metrics(root, "metrics", &v->official))) goto done;
    if ((e = add_metrics(root, "metrics_dedup", &v->dedup))) goto done;
    if (v->task.label_count && (e = add_labels(root, v))) goto done;
    if (!(e = json_print(&text, root, false))) puts(text);
done:
    mem_free(text);
    cJSON_Delete(root);
    return e;
}

err verb_eval(const options *o) {
    evaluation v = {0};
    device_options wish = {.threads = o->threads, .validation = o->validation};
    const source_options from = {.cased = o->cased};
    char *folder = NULL;
    err e = ERR_OK;
    if (o->arg_count) return err_set(ERR_USAGE, "eval takes no arguments, found '%s'", o->args[0]);
    if (!o->task) return err_set(ERR_USAGE, "eval needs --task T (see `harness tasks`)");
    if (!strcmp(o->task, "all") || strchr(o->task, ','))
        return err_set(ERR_USAGE, "eval scores on one task, found --task %s", o->task);
    if ((e = device_precision_find(&wish.precision, o->precision))) return e;
    if ((e = load(&v, o))) goto done;
    if ((e = find_run(&folder, o->checkpoint, o->task))) goto done;
    if ((e = scorer_open(&v.scorer, folder, &from, o->device, &wish))) goto done;
    if ((e = scorer_match(&v.scorer, &v.task, o->label_map))) goto done;
    if ((e = score(&v, o))) goto done;
    if (o->json)
        e = print_json(&v, folder);
    else
        e = print_table(&v, folder);
done:
    mem_free(folder);
    evaluation_free(&v);
    return e;
}
