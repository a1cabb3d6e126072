#include "base/memory.h"
#include "base/moment.h"
#include "base/name.h"
#include "base/order.h"
#include "metric/rows.h"
#include "metric/tags.h"
#include "platform/file.h"
#include "result/record_internal.h"
#include "result/version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

err record_init(record *r) {
    *r = (record){.schema = RECORD_SCHEMA,
                  .dirty = version_is_dirty(),
                  .numerics_version = NUMERICS_VERSION,
                  .metric_version = METRIC_VERSION};
    char now[MOMENT_BYTES];
    err e;
    if ((e = record_text(&r->harness_version, version_string())) ||
        (e = record_text(&r->commit, version_commit())) ||
        (e = record_text(&r->created, moment_now(now))))
        goto fail;
    r->model.config = cJSON_CreateObject();
    r->recipe = cJSON_CreateObject();
    r->model.newly_initialised = cJSON_CreateArray();
    if (r->model.config && r->recipe && r->model.newly_initialised) return ERR_OK;
    e = err_set(ERR_MEMORY, "out of memory while building JSON");
fail:
    record_free(r);
    return e;
}

static void free_texts(char ***texts, size_t count) {
    for (size_t i = 0; *texts && i < count; i++) mem_free((*texts)[i]);
    mem_free(*texts);
    *texts = NULL;
}

static void free_names(record *r) {
    free_texts(&r->task.names, r->task.label_count);
}

static void free_labels(record *r) {
    free_texts(&r->task.labels, r->task.label_count);
    free_names(r);
    r->task.label_count = 0;
}

#define FREE(block) (mem_free(block), (block) = NULL)

void record__free_answers(record *r) {
    FREE(r->predicted);
    FREE(r->narrow_ids);
    FREE(r->predicted_numbers);
    FREE(r->unit_begin);
}

void record__free_lists(record *r) {
    free_names(r);
    FREE(r->gold);
    FREE(r->gold_numbers);
    FREE(r->first_row);
    FREE(r->scored_dedup);
    FREE(r->loss);
    FREE(r->loss_curve);
    FREE(r->worst);
    FREE(r->suspects);
    FREE(r->slices);
    FREE(r->lengths);
    for (size_t i = 0; i < r->kernel_count; i++) {
        mem_free(r->kernel_times[i].name);
        mem_free(r->kernel_times[i].phase);
    }
    FREE(r->kernel_times);
    r->loss_count = r->loss_curve_count = 0;
    r->worst_count = r->length_count = r->kernel_count = 0;
    r->suspect_count = r->slice_count = 0;
}

/* Texts, JSON and labels. */
static void free_values(record *r) {
    for (size_t i = 0; i < record__key_count; i++) {
        void *field = (char *)r + record__keys[i].offset;
        switch (record__keys[i].kind) {
        case RECORD_TEXT:
        case RECORD_TEXT_OR_NULL:
        case RECORD_HASH:
        case RECORD_MOMENT:
        case RECORD_HASH_OR_NULL: mem_free(*(char **)field); break;
        case RECORD_OBJECT:
        case RECORD_ARRAY: cJSON_Delete(*(cJSON **)field); break;
        default: break;
        }
    }
    free_labels(r);
    cJSON_Delete(r->recipe);
    cJSON_Delete(r->model.corpus);
    mem_free(r->final_weights_sha256);
    mem_free(r->engine);
    mem_free(r->rank_devices);
    mem_free(r->run_sha256);
    mem_free(r->model.label_map);
    mem_free(r->dev_metric);
}

void record_free(record *r) {
    if (!r->packed) free_values(r);
    record__free_answers(r);
    record__free_lists(r);
    mem_free(r->evaluations);
    confusion_free(&r->confusion);
    confusion_free(&r->confusion_dedup);
    *r = (record){0};
}

err record_text(char **field, const char *text) {
    char *copy = NULL;
    err e = text ? mem_strdup(&copy, text) : ERR_OK;
    if (e) return e;
    mem_free(*field);
    *field = copy;
    return ERR_OK;
}

err record_labels(record *r, const char *const *labels, size_t count) {
    free_labels(r);
    err e = mem_new(&r->task.labels, count);
    for (size_t i = 0; i < count && !e; i++) {
        if (!(e = mem_strdup(&r->task.labels[i], labels[i]))) r->task.label_count++;
    }
    if (e) free_labels(r);
    return e;
}

err record_label_names(record *r, const char *const *names) {
    free_names(r);
    err e = mem_new(&r->task.names, r->task.label_count);
    for (size_t i = 0; i < r->task.label_count && !e; i++)
        e = mem_strdup(&r->task.names[i], names[i]);
    if (e) free_names(r);
    return e;
}

static err copy_block(void *out, const void *from, size_t count, size_t size) {
    void **to = out;
    err e = mem_resize(to, count, size);
    if (!e && from && count) memcpy(*to, from, count * size);
    return e;
}

err record_test_answers(record *r, answers gold, answers predicted, const uint32_t *first_row,
                        const bool *scored_dedup, size_t rows) {
    size_t scores = rows * answer_scores(r->task.kind, r->task.label_count);
    err e = ERR_OK;
    r->task.test_rows = (int64_t)rows;
    r->calibration = (calibration){0}; // of other answers
    r->suspect_count = r->slice_count = 0;
    if (answer_in_units(r->task.kind) &&
        (e = copy_block(&r->unit_begin, gold.begin, rows + 1, sizeof *r->unit_begin)))
        return e;
    size_t ids = record_values(r, true);
    if (record_has_ids(r, true)) {
        if ((e = copy_block(&r->gold, gold.classes, ids, sizeof *r->gold)) ||
            (e = copy_block(&r->predicted, predicted.classes, ids, sizeof *r->predicted)))
            return e;
    } else if ((e = copy_block(&r->gold_numbers, gold.numbers, scores, sizeof *r->gold_numbers))) {
        return e;
    }
    if (scores && (e = copy_block(&r->predicted_numbers, predicted.numbers, scores,
                                  sizeof *r->predicted_numbers)))
        return e;
    if ((e = mem_resize((void **)&r->first_row, rows, sizeof *r->first_row)) ||
        (e = mem_resize((void **)&r->scored_dedup, rows, sizeof *r->scored_dedup)))
        return e;
    for (size_t i = 0; i < rows; i++) {
        r->first_row[i] = first_row ? first_row[i] : (uint32_t)i;
        r->scored_dedup[i] = scored_dedup ? scored_dedup[i] : true;
    }
    return ERR_OK;
}

double record_row_error(const record *r, size_t row) {
    size_t width = record_width(r, true), wrong = 0;
    if (r->task.kind == ANSWER_TAGS) {
        uint32_t first = r->unit_begin[row];
        return (double)tags_wrong(r->gold + first, r->predicted + first,
                                  r->unit_begin[row + 1] - first, r->task.label_count);
    }
    if (r->task.kind == ANSWER_ARCS) {
        for (size_t w = r->unit_begin[row]; w < r->unit_begin[row + 1]; w++) {
            const uint32_t *right = r->gold + w * ARC_WIDTH, *said = r->predicted + w * ARC_WIDTH;
            wrong += right[ARC_HEAD] != said[ARC_HEAD] || right[ARC_RELATION] != said[ARC_RELATION];
        }
        return (double)wrong;
    }
    if (answer_is_label(r->task.kind)) return r->gold[row] != r->predicted[row];
    const float *gold = r->gold_numbers + row * width, *answer = r->predicted_numbers + row * width;
    if (r->task.kind == ANSWER_NUMBER) return fabs((double)*answer - (double)*gold);
    for (size_t k = 0; k < width; k++) wrong += (gold[k] > 0) != (answer[k] > 0);
    return (double)wrong;
}

bool record_same_run(const record *a, const record *b) {
    const char *x = a->final_weights_sha256, *y = b->final_weights_sha256;
    return a->seed == b->seed && !strcmp(a->created, b->created) &&
           !strcmp(a->model.name, b->model.name) && !strcmp(a->device.name, b->device.name) &&
           !strcmp(a->recipe_sha256, b->recipe_sha256) && !strcmp(x ? x : "", y ? y : "");
}

bool record_same_answer(const record *a, const record *b, size_t row) {
    size_t width = record_width(a, true);
    if (answer_in_units(a->task.kind)) {
        size_t each = answer_unit_width(a->task.kind), first = a->unit_begin[row] * each;
        return !memcmp(a->predicted + first, b->predicted + first,
                       (a->unit_begin[row + 1] * each - first) * sizeof *a->predicted);
    }
    if (answer_is_label(a->task.kind)) return a->predicted[row] == b->predicted[row];
    const float *x = a->predicted_numbers + row * width, *y = b->predicted_numbers + row * width;
    if (a->task.kind == ANSWER_NUMBER) return !(*x < *y) && !(*x > *y);
    for (size_t k = 0; k < width; k++)
        if ((x[k] > 0) != (y[k] > 0)) return false;
    return true;
}

err record_loss(record *r, const float *loss, size_t count) {
    float *copy;
    err e = mem_new(&copy, count);
    if (e) return e;
    if (count) memcpy(copy, loss, count * sizeof *copy);
    mem_free(r->loss);
    r->loss = copy;
    r->loss_count = count;
    return ERR_OK;
}

err record_curve_add(record *r, int64_t step, double mean_loss, double learning_rate) {
    size_t n = r->loss_curve_count;
    err e = mem_resize((void **)&r->loss_curve, n + 1, sizeof *r->loss_curve);
    if (e) return e;
    r->loss_curve[n] = (record_curve_point){step, mean_loss, learning_rate};
    r->loss_curve_count++;
    return ERR_OK;
}

static int by_key_name(const void *a, const void *b) {
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

// over the compact print with keys in byte order, so that the order of setting says nothing
static err hash_recipe(record *r) {
    size_t count = (size_t)cJSON_GetArraySize(r->recipe), i = 0;
    const cJSON **items = NULL, *item;
    char *text = NULL;
    err e = mem_new(&items, count);
    if (e) return e;
    cJSON *sorted = cJSON_CreateObject();
    cJSON_ArrayForEach(item, r->recipe) items[i++] = item;
    if (count) qsort(items, count, sizeof *items, by_key_name);
    for (i = 0; i < count && !e; i++) e = json_add_copy(sorted, items[i]->string, items[i]);
    if (!e && !(e = json_print(&text, sorted, false)))
        hash_bytes_hex(text, strlen(text), r->recipe_sha256);
    mem_free(items);
    mem_free(text);
    cJSON_Delete(sorted);
    return e;
}

/* An id, behind `between` where the line has begun. */
static err add_id(strbuf *b, size_t line, char between, size_t id) {
    char digits[24];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + id % 10);
    while (id /= 10);
    if (b->length > line) digits[--at] = between;
    return strbuf_add_bytes(b, digits + at, sizeof digits - at);
}

/* A row's gold as dataset_target_text has it, and a line end. */
static err gold_line(strbuf *b, const record *r, size_t row) {
    size_t width = record_width(r, true), line = b->length;
    err e = ERR_OK;
    if (r->task.kind == ANSWER_NUMBER)
        return strbuf_printf(b, "%.9g\n", (double)r->gold_numbers[row]);
    if (answer_is_label(r->task.kind)) {
        e = add_id(b, line, ' ', r->gold[row]);
    } else if (answer_in_units(r->task.kind)) {
        size_t each = answer_unit_width(r->task.kind), first = r->unit_begin[row] * each;
        for (size_t k = first; k < r->unit_begin[row + 1] * each && !e; k++)
            e = add_id(b, line, ' ', r->gold[k]);
    } else {
        for (size_t k = 0; k < width && !e; k++)
            if (r->gold_numbers[row * width + k] > 0) e = add_id(b, line, ',', k);
    }
    return e ? e : strbuf_add(b, "\n");
}

static err hash_gold(record *r) {
    strbuf lines = {0};
    err e = ERR_OK;
    for (int64_t i = 0; i < r->task.test_rows && !e; i++) e = gold_line(&lines, r, (size_t)i);
    if (!e) hash_bytes_hex(lines.text, lines.length, r->gold_sha256);
    strbuf_free(&lines);
    return e;
}

static void score_sum(double *metrics, const record *r, const confusion *c) {
    for (size_t m = 0; m < metric_count(); m++)
        metrics[m] = c->total && metric_applies(metric_at(m), r->task.kind, r->task.label_count)
                         ? metric_at(m)->fn(c)
                         : (double)NAN; // of no rows nothing is said
}

err record_score(record *r) {
    err e;
    bool answered =
        record_has_ids(r, true) ? r->gold && r->predicted : r->gold_numbers && r->predicted_numbers;
    if (!answered || !r->recipe) {
        return err_set(ERR_ARG, "a record without test rows or recipe cannot be scored");
    }
    if ((e = hash_recipe(r))) return e;
    if ((e = hash_gold(r))) return e;
    confusion sums[2];
    e = answers_sums(sums, (const bool *const[]){NULL, r->scored_dedup}, 2, r->task.kind,
                     r->task.label_count, record_gold(r), record_answers(r),
                     (size_t)r->task.test_rows);
    confusion_free(&r->confusion);
    confusion_free(&r->confusion_dedup);
    r->confusion = sums[0];
    r->confusion_dedup = sums[1];
    if (e) return e;
    score_sum(r->metrics, r, &r->confusion);
    score_sum(r->metrics_dedup, r, &r->confusion_dedup);
    return ERR_OK;
}

double record_metric(const record *r, const char *name) {
    return metric_of(r->metrics, name);
}

double record_metric_dedup(const record *r, const char *name) {
    return metric_of(r->metrics_dedup, name);
}

int record_group_order(const record *a, const record *b) {
    int64_t x = a->ranks > 1 ? a->ranks : 1, y = b->ranks > 1 ? b->ranks : 1;
    return x != y ? ORDER(x, y) : order_optional(a->rank_devices, b->rank_devices);
}

err record_file_name(char **out, const record *r) {
    enum { PART_BYTES = 40 };
    strbuf name = {0};
    char *key = NULL, hex[HASH_HEX_BYTES];
    *out = NULL;
    err e = mem_printf(&key, "%s\n%lld\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n", r->task.name,
                       (long long)r->task.version, r->task.data_sha256, r->model.name,
                       r->model.weights_sha256 ? r->model.weights_sha256 : "",
                       r->model.vocab_sha256, r->recipe_sha256, r->protocol, r->device.precision);
    if (e) return e;
    hash_bytes_hex(key, strlen(key), hex);
    if ((e = name_plain(&name, r->task.name, PART_BYTES)) || (e = strbuf_add(&name, "/")) ||
        (e = name_plain(&name, r->model.name, PART_BYTES)) || (e = strbuf_add(&name, "-")) ||
        (e = name_plain(&name, r->device.name, PART_BYTES))) {
        goto done;
    }
    e = strbuf_printf(&name, "-%.8s-s%lld.json", hex, (long long)r->seed);
    if (!e) e = mem_strdup(out, name.text);
done:
    strbuf_free(&name);
    mem_free(key);
    return e;
}
