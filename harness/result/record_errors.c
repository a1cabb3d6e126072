/* What one run got wrong, as result/errors.h has it: rows whose label is suspect, and scores by slice;
 * of runs with one label a row, which records of older programs do not have. */
#include "result/record_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {"length", "[UNK]", "text"};
enum { KINDS = sizeof kinds / sizeof *kinds };

err record_slices_json(cJSON *object, const errors_slice *slices, size_t count) {
    cJSON *list = NULL, *item = NULL;
    err e = json_add_array(&list, object, "slices");
    for (size_t i = 0; i < count && !e; i++) {
        const errors_slice *s = &slices[i];
        if (!(e = json_append_object(&item, list)))
            e = json_put(item, "by %s slice %s rows %zu accuracy %f score %f", s->by, s->name,
                         s->rows, s->accuracy, s->headline);
    }
    return e;
}

err record__errors_write(cJSON *object, const char *key, const record *r) {
    cJSON *o = NULL, *list = NULL;
    if (!r->slice_count) return ERR_OK;
    err e = json_add_object(&o, object, key);
    if (!e) e = json_add_number(o, "suspect_rows", (double)r->suspect_rows);
    if (!e) e = json_add_array(&list, o, "suspects");
    for (size_t i = 0; i < r->suspect_count && !e; i++) {
        const record_suspect *s = &r->suspects[i];
        const double row[] = {(double)s->row, (double)s->answer, s->probability,
                              s->gold_probability};
        e = json_append(list, cJSON_CreateDoubleArray(row, 4));
    }
    return e ? e : record_slices_json(o, r->slices, r->slice_count);
}

static err read_suspect(record *r, const cJSON *item, const char *key, const char *where) {
    record_suspect *s = &r->suspects[r->suspect_count];
    err e = record__tuple(item, 4, key, where);
    if (e || (e = record__element(&s->row, item->child, r->task.test_rows, key, where)) ||
        (e = record__element(&s->answer, item->child->next, (int64_t)r->task.label_count, key,
                             where)) ||
        (e = record__finite(&s->probability, item->child->next->next, key, where)) ||
        (e = record__finite(&s->gold_probability, item->child->next->next->next, key, where)))
        return e;
    const uint32_t gold = r->gold[s->row];
    if (gold == s->answer || gold == r->predicted[s->row])
        return err_set(ERR_FORMAT, "%s: key '%s': row %lld is answered rightly", where, key,
                       (long long)s->row);
    if (r->suspect_count && s[-1].gold_probability > s->gold_probability)
        return err_set(ERR_FORMAT, "%s: key '%s': probability %g comes after %g", where, key,
                       s->gold_probability, s[-1].gold_probability);
    if (s->gold_probability >= 0 && s->gold_probability <= s->probability && s->probability <= 1)
        return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': probabilities %g and %g of row %lld", where, key,
                   s->probability, s->gold_probability, (long long)s->row);
}

static err read_suspects(record *r, const cJSON *o, const char *key, const char *where) {
    const cJSON *list = NULL, *item = NULL;
    err e = json_whole(&r->suspect_rows, o, "suspect_rows", 0, r->task.test_rows, where);
    if (e || (e = json_array(&list, o, "suspects", where)) ||
        (e = mem_new(&r->suspects, (size_t)cJSON_GetArraySize(list))))
        return e;
    cJSON_ArrayForEach(item, list) {
        if ((e = read_suspect(r, item, key, where))) return e;
        r->suspect_count++;
    }
    if ((int64_t)r->suspect_count <= r->suspect_rows) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': suspect_rows is %lld, %zu are listed", where, key,
                   (long long)r->suspect_rows, r->suspect_count);
}

static err read_slice(record *r, const cJSON *item, const char *key, const char *where) {
    errors_slice *s = &r->slices[r->slice_count];
    const char *by = NULL, *name = NULL;
    int64_t rows = 0;
    err e = json_string(&by, item, "by", where);
    if (e || (e = json_string(&name, item, "slice", where)) ||
        (e = json_whole(&rows, item, "rows", 1, r->task.test_rows, where)) ||
        (e = json_number(&s->accuracy, item, "accuracy", where)) ||
        (e = json_number(&s->headline, item, "score", where)))
        return e;
    for (size_t k = 0; k < KINDS; k++)
        if (strcmp(kinds[k], by) == 0) s->by = kinds[k];
    if (!s->by || strlen(name) >= sizeof s->name)
        return err_set(ERR_FORMAT,
                       "%s: key '%s': a slice by '%s' called '%s', expected one by length, [UNK] "
                       "or text with a name of at most %zu bytes",
                       where, key, by, name, sizeof s->name - 1);
    snprintf(s->name, sizeof s->name, "%s", name);
    s->rows = (size_t)rows;
    if (s->accuracy >= 0 && s->accuracy <= 1 && s->headline >= -1 && s->headline <= 1)
        return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': accuracy %g and score %g of slice '%s'", where, key,
                   s->accuracy, s->headline, name);
}

err record__errors_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *o = NULL, *list = NULL, *item = NULL;
    if (!json_has(object, key)) return ERR_OK;
    if (!answer_is_label(r->task.kind))
        return err_set(ERR_FORMAT, "%s: key '%s' is of tasks with one label a row", where, key);
    err e = json_object(&o, object, key, where);
    if (e || (e = read_suspects(r, o, key, where)) || (e = json_array(&list, o, "slices", where)))
        return e;
    int count = cJSON_GetArraySize(list);
    if (count < 1 || count > ERRORS_SLICES)
        return err_set(ERR_FORMAT, "%s: key '%s' has %d slices, expected 1 to %d", where, key,
                       count, ERRORS_SLICES);
    e = mem_new(&r->slices, (size_t)count);
    cJSON_ArrayForEach(item, list) {
        if (e || (e = read_slice(r, item, key, where))) break;
        r->slice_count++;
    }
    return e;
}
