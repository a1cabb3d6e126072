#include "base/memory.h"
#include "result/record_internal.h"
#include "train/run/model_corpus.h"

#include <float.h>
#include <math.h>
#include <string.h>

err record__element(int64_t *out, const cJSON *item, int64_t limit, const char *key,
                    const char *where) {
    double v = item && cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (v != floor(v) || v < 0 || v >= (double)limit) {
        return err_set(ERR_FORMAT, "%s: key '%s' holds %g, expected whole numbers from 0 to %lld",
                       where, key, v, (long long)limit - 1);
    }
    *out = (int64_t)v;
    return ERR_OK;
}

err record__object(const cJSON **out, const cJSON *object, const char *key, const char *where) {
    err e = json_object(out, object, key, where);
    if (e || cJSON_GetArraySize(*out) <= RECORD_KEY_LIMIT) return e;
    return err_set(ERR_FORMAT, "%s: key '%s' holds %d values, expected at most %d", where, key,
                   cJSON_GetArraySize(*out), RECORD_KEY_LIMIT);
}

err record__tuple(const cJSON *item, int size, const char *key, const char *where) {
    if (cJSON_IsArray(item) && cJSON_GetArraySize(item) == size) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': expected an array of arrays of %d numbers", where,
                   key, size);
}

err record__finite(double *out, const cJSON *item, const char *key, const char *where) {
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble)) {
        return err_set(ERR_FORMAT, "%s: key '%s' holds something that is no finite number", where,
                       key);
    }
    *out = item->valuedouble;
    if (fabs(*out) <= (double)FLT_MAX) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s' holds %g, which is beyond float32", where, key, *out);
}

err record__amount(double *out, const cJSON *item, double most, const char *key,
                   const char *where) {
    const double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    *out = value;
    if (value == 0 || (value >= RECORD_LEAST && value <= most)) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s' is %g, expected 0, or %g to %g", where, key, value,
                   RECORD_LEAST, most);
}

/* rows and labels */

err record__rows_write(cJSON *object, const char *key, const record *r) {
    cJSON *rows;
    err e = json_add_object(&rows, object, key);
    return e ? e
             : json_put(rows, "train %f dev %f test %f", (double)r->task.train_rows,
                        (double)r->task.dev_rows, (double)r->task.test_rows);
}

err record__rows_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *rows;
    err e;
    if ((e = json_object(&rows, object, key, where)) ||
        (e = json_whole(&r->task.train_rows, rows, "train", 0, INT32_MAX, where)) ||
        (e = json_whole(&r->task.dev_rows, rows, "dev", 0, INT32_MAX, where))) {
        return e;
    }
    return json_whole(&r->task.test_rows, rows, "test", 1, INT32_MAX, where);
}

/* Nothing for classes, as in records of older programs. */
err record__kind_write(cJSON *object, const char *key, const record *r) {
    return r->task.kind == ANSWER_CLASS
               ? ERR_OK
               : json_add_string(object, key, answer_kind_name(r->task.kind));
}

err record__kind_read(record *r, const cJSON *object, const char *key, const char *where) {
    const char *text;
    err e;
    if (!json_has(object, key)) return ERR_OK;
    if ((e = json_string(&text, object, key, where))) return e;
    for (int i = ANSWER_NUMBER; i < ANSWER_KINDS; i++) {
        if (strcmp(text, answer_kind_name((answer_kind)i))) continue;
        r->task.kind = (answer_kind)i;
        return ERR_OK;
    }
    return err_set(ERR_FORMAT,
                   "%s: key '%s' is '%.40s', expected regression, multi_label, "
                   "token_classification, dependency_parsing or relation",
                   where, key, text);
}

err record__labels_write(cJSON *object, const char *key, const record *r) {
    char *const *texts = r->task.names ? r->task.names : r->task.labels;
    return json_put_texts(object, key, (const char *const *)texts, r->task.label_count);
}

/* Borrowed from the list, which is as long. */
static err read_texts(const char **texts, const cJSON *list, const char *key, const char *where) {
    const cJSON *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsString(item))
            return err_set(ERR_FORMAT, "%s: key '%s': element %zu is no string", where, key, i);
        texts[i++] = item->valuestring;
    }
    return ERR_OK;
}

err record__labels_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *labels;
    err e = json_array(&labels, object, key, where);
    if (e) return e;
    size_t count = (size_t)cJSON_GetArraySize(labels);
    size_t least = r->task.kind == ANSWER_TAGS ? 3 : r->task.kind != ANSWER_NUMBER;
    if (count < least || count > (least ? RECORD_LABEL_LIMIT : 0)) {
        return err_set(ERR_FORMAT, "%s: key '%s' holds %zu labels, expected %zu to %d", where, key,
                       count, least, least ? RECORD_LABEL_LIMIT : 0);
    }
    if (r->task.kind == ANSWER_TAGS && count % 2 == 0)
        return err_set(ERR_FORMAT,
                       "%s: key '%s' holds %zu tags, expected two for each type and one for none",
                       where, key, count);
    const char **names;
    if ((e = mem_new(&names, count))) return e;
    if (!(e = read_texts(names, labels, key, where))) e = record_labels(r, names, count);
    if (!e && r->schema > 1 && count) e = record_label_names(r, names);
    mem_free(names);
    return e;
}

/* What pages show, where it is not what the model answers with. */
err record__readable_write(cJSON *object, const char *key, const record *r) {
    bool same = true;
    for (size_t i = 0; r->task.names && i < r->task.label_count; i++)
        same = same && !strcmp(r->task.names[i], r->task.labels[i]);
    return same ? ERR_OK
                : json_put_texts(object, key, (const char *const *)r->task.labels,
                                 r->task.label_count);
}

err record__readable_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list;
    const char **texts;
    size_t count = r->task.label_count;
    if (!json_has(object, key)) return ERR_OK;
    err e = json_array(&list, object, key, where);
    if (e) return e;
    if (r->schema < 2 || (size_t)cJSON_GetArraySize(list) != count)
        return err_set(ERR_FORMAT, "%s: key '%s' holds %d labels, expected %zu", where, key,
                       cJSON_GetArraySize(list), r->schema < 2 ? 0 : count);
    if ((e = mem_new(&texts, count))) return e;
    if (!(e = read_texts(texts, list, key, where))) {
        for (size_t i = 0; i < count && !e; i++) e = record_text(&r->task.labels[i], texts[i]);
    }
    mem_free(texts);
    return e;
}

/* what the model was pretrained on; records of older programs do not say it */

err record__corpus_write(cJSON *object, const char *key, const record *r) {
    if (!r->model.corpus) return ERR_OK;
    err e = json_add_copy(object, key, r->model.corpus);
    if (e) return e;
    return json_add_bool(cJSON_GetObjectItemCaseSensitive(object, key), "same_source",
                         r->model.corpus_is_source);
}

err record__corpus_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *corpus = NULL;
    if (!json_has(object, key)) return ERR_OK;
    err e = record__object(&corpus, object, key, where);
    if (!e) e = model_corpus_check(corpus, where);
    if (!e) e = json_bool(&r->model.corpus_is_source, corpus, "same_source", where);
    if (e || (e = json_copy(&r->model.corpus, corpus))) return e;
    cJSON_DeleteItemFromObjectCaseSensitive(r->model.corpus, "same_source");
    return ERR_OK;
}

/* recipe */

err record__recipe_write(cJSON *object, const char *key, const record *r) {
    return json_add_copy(object, key, r->recipe);
}

err record__recipe_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *recipe, *item;
    err e = record__object(&recipe, object, key, where);
    if (e) return e;
    cJSON_ArrayForEach(item, recipe) {
        bool finite = !cJSON_IsNumber(item) || isfinite(item->valuedouble);
        if (finite && (cJSON_IsNumber(item) || cJSON_IsString(item) || cJSON_IsBool(item)))
            continue;
        return err_set(ERR_FORMAT, "%s: %s: key '%s' is no number, string, true or false", where,
                       key, item->string);
    }
    return json_copy(&r->recipe, recipe);
}

/* answers in base64: class ids of one or two bytes, numbers and scores as f32, gold sets as one
 * byte a label; of relations the scores alone are predictions */

static coding coding_of(const record *r, bool gold) {
    if (record_has_ids(r, gold))
        return r->task.label_count > 256 || answer_unit_width(r->task.kind) > 1 ? CODING_U16
                                                                                : CODING_U8;
    return gold && r->task.kind == ANSWER_SET ? CODING_U8 : CODING_F32;
}

static err write_answers(cJSON *object, const char *key, size_t count, answers from, coding how) {
    size_t width = record__coding_bytes(how);
    uint8_t *bytes = NULL;
    err e = mem_new(&bytes, count * width);
    for (size_t i = 0; !e && i < count; i++) {
        uint32_t word = 0;
        if (how == CODING_F32)
            memcpy(&word, &from.numbers[i], sizeof word);
        else
            word = from.classes ? from.classes[i] : from.numbers[i] > 0;
        for (size_t k = 0; k < width; k++) bytes[i * width + k] = (uint8_t)(word >> 8 * k & 255);
    }
    if (!e) e = record__coded_write(object, key, how, bytes, count);
    mem_free(bytes);
    return e;
}

static err decode(uint32_t **ids, float **numbers, const uint8_t *bytes, size_t count, coding how) {
    size_t width = record__coding_bytes(how);
    err e = ids ? mem_new(ids, count) : mem_new(numbers, count);
    for (size_t i = 0; !e && i < count; i++) {
        uint32_t word = 0;
        for (size_t k = 0; k < width; k++) word |= (uint32_t)bytes[i * width + k] << 8 * k;
        if (ids)
            (*ids)[i] = word;
        else if (how == CODING_F32)
            memcpy(&(*numbers)[i], &word, sizeof word);
        else
            (*numbers)[i] = (float)word;
    }
    return e;
}

/* count values, as ids unless that is NULL. */
static err read_answers(uint32_t **ids, float **numbers, size_t count, coding how, const record *r,
                        const cJSON *object, const char *key, const char *where) {
    size_t found = 0, wanted = count * record__coding_bytes(how);
    void *block = NULL;
    err e = record__coded_read(&block, &found, how, r->schema, object, key, where);
    if (e) return e;
    if (found != wanted)
        e = err_set(ERR_FORMAT, "%s: %s: %zu bytes of data, expected %zu for %zu test rows", where,
                    key, found, wanted, (size_t)r->task.test_rows);
    else
        e = decode(ids, numbers, block, count, how);
    mem_free(block);
    return e;
}

/* How many units each row has. */
err record__units_write(cJSON *object, const char *key, const record *r) {
    size_t rows = (size_t)r->task.test_rows;
    uint32_t *counts = NULL;
    if (!answer_in_units(r->task.kind)) return ERR_OK;
    err e = mem_new(&counts, rows);
    for (size_t i = 0; !e && i < rows; i++) counts[i] = r->unit_begin[i + 1] - r->unit_begin[i];
    if (!e) e = write_answers(object, key, rows, (answers){.classes = counts}, CODING_U16);
    mem_free(counts);
    return e;
}

err record__units_read(record *r, const cJSON *object, const char *key, const char *where) {
    size_t rows = (size_t)r->task.test_rows;
    uint32_t *counts = NULL;
    uint64_t all = 0;
    if (!answer_in_units(r->task.kind)) return ERR_OK;
    err e = read_answers(&counts, NULL, rows, CODING_U16, r, object, key, where);
    if (!e) e = mem_new(&r->unit_begin, rows + 1);
    for (size_t i = 0; !e && counts && i < rows; i++) {
        all += counts[i];
        r->unit_begin[i + 1] = (uint32_t)all;
    }
    mem_free(counts);
    return e || all <= INT32_MAX ? e
                                 : err_set(ERR_FORMAT, "%s: key '%s': %llu units are too many",
                                           where, key, (unsigned long long)all);
}

err record__predictions_write(cJSON *object, const char *key, const record *r) {
    return write_answers(object, key, record_values(r, false), record_answers(r),
                         coding_of(r, false));
}

err record__predictions_read(record *r, const cJSON *object, const char *key, const char *where) {
    size_t rows = (size_t)r->task.test_rows;
    err e = read_answers(record_has_ids(r, false) ? &r->predicted : NULL, &r->predicted_numbers,
                         record_values(r, false), coding_of(r, false), r, object, key, where);
    if (e || r->task.kind != ANSWER_RELATION || (e = mem_new(&r->predicted, rows))) return e;
    answers_say(r->predicted, r->predicted_numbers, rows, r->task.label_count);
    return ERR_OK;
}

err record__gold_write(cJSON *object, const char *key, const record *r) {
    return write_answers(object, key, record_values(r, true), record_gold(r), coding_of(r, true));
}

err record__gold_read(record *r, const cJSON *object, const char *key, const char *where) {
    return read_answers(record_has_ids(r, true) ? &r->gold : NULL, &r->gold_numbers,
                        record_values(r, true), coding_of(r, true), r, object, key, where);
}

/* lists of row numbers */

err record__repeats_write(cJSON *object, const char *key, const record *r) {
    cJSON *list;
    err e = json_add_array(&list, object, key);
    for (int64_t i = 0; i < r->task.test_rows && !e; i++) {
        if (r->first_row[i] == i) continue;
        const double pair[] = {(double)i, r->first_row[i]};
        e = json_append(list, cJSON_CreateDoubleArray(pair, 2));
    }
    return e;
}

err record__repeats_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list, *item;
    int64_t before = -1;
    err e = json_array(&list, object, key, where);
    if (e || (e = mem_new(&r->first_row, (size_t)r->task.test_rows))) return e;
    for (int64_t i = 0; i < r->task.test_rows; i++) r->first_row[i] = (uint32_t)i;
    cJSON_ArrayForEach(item, list) {
        int64_t row = 0, first = 0;
        if ((e = record__tuple(item, 2, key, where)) ||
            (e = record__element(&row, item->child, r->task.test_rows, key, where)) ||
            (e = record__element(&first, item->child->next, r->task.test_rows, key, where))) {
            return e;
        }
        // ascending, so that no row turns out to be a repetition after others repeat it
        if (row <= before)
            return err_set(ERR_FORMAT, "%s: key '%s': row %lld comes after row %lld", where, key,
                           (long long)row, (long long)before);
        if (first >= row || r->first_row[first] != first) {
            return err_set(ERR_FORMAT, "%s: key '%s': row %lld cannot repeat row %lld", where, key,
                           (long long)row, (long long)first);
        }
        r->first_row[row] = (uint32_t)first;
        before = row;
    }
    return ERR_OK;
}

err record__left_out_write(cJSON *object, const char *key, const record *r) {
    cJSON *list;
    err e = json_add_array(&list, object, key);
    for (int64_t i = 0; i < r->task.test_rows && !e; i++) {
        if (!r->scored_dedup[i]) e = json_append(list, cJSON_CreateNumber((double)i));
    }
    return e;
}

err record__left_out_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list, *item;
    err e = json_array(&list, object, key, where);
    if (e || (e = mem_new(&r->scored_dedup, (size_t)r->task.test_rows))) return e;
    for (int64_t i = 0; i < r->task.test_rows; i++) r->scored_dedup[i] = true;
    cJSON_ArrayForEach(item, list) {
        int64_t row = 0;
        if ((e = record__element(&row, item, r->task.test_rows, key, where))) return e;
        if (!r->scored_dedup[row])
            return err_set(ERR_FORMAT, "%s: key '%s' holds row %lld twice", where, key,
                           (long long)row);
        r->scored_dedup[row] = false;
    }
    return ERR_OK;
}

/* Group: in records of runs by several ranks, or in several shards. */

err record__group_write(cJSON *object, const char *key, const record *r) {
    cJSON *group = NULL;
    if (r->ranks < 2 && !r->shards) return ERR_OK;
    err e = json_add_object(&group, object, key);
    if (!e)
        e = json_put(group, "ranks %f engine %s", (double)(r->ranks ? r->ranks : 1),
                     r->engine ? r->engine : "");
    if (!e && r->rank_devices) e = json_add_string(group, "devices", r->rank_devices);
    return e || !r->shards ? e : json_add_number(group, "shards", (double)r->shards);
}

err record__group_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *group = NULL;
    const char *engine = NULL, *devices = NULL;
    if (!json_has(object, key)) return ERR_OK;
    err e = json_object(&group, object, key, where);
    if (!e) e = json_whole(&r->ranks, group, "ranks", 1, INT32_MAX, where);
    if (!e && json_has(group, "shards"))
        e = json_whole(&r->shards, group, "shards", 1, UINT32_MAX, where);
    if (!e) e = json_string(&engine, group, "engine", where);
    if (!e) e = record_text(&r->engine, engine);
    if (e || !json_has(group, "devices")) return e;
    e = json_string(&devices, group, "devices", where);
    return e ? e : record_text(&r->rank_devices, devices);
}
