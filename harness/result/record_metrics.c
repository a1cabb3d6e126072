#include "base/memory.h"
#include "metric/confusion_cells.h"
#include "result/record_internal.h"

#include <math.h>
#include <string.h>

static err write_metrics(cJSON *object, const char *key, const record *r, const double *values) {
    cJSON *metrics;
    err e = json_add_object(&metrics, object, key);
    for (size_t m = 0; m < metric_count() && !e; m++) {
        if (!metric_applies(metric_at(m), r->task.kind, r->task.label_count)) continue;
        const char *name = metric_at(m)->name;
        // what is not defined is null
        e = isnan(values[m]) ? json_add_string(metrics, name, NULL)
                             : json_add_number(metrics, name, values[m]);
    }
    return e;
}

static err check_value(const cJSON *object, const char *key, double want, const char *where,
                       const char *part) {
    double stored = 0;
    char *inner = NULL;
    err e = mem_printf(&inner, "%s: %s", where, part);
    if (!e && isnan(want)) { // not defined: null
        bool none = cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(object, key));
        mem_free(inner);
        return none
                   ? ERR_OK
                   : err_set(ERR_FORMAT, "%s: %s: key '%s' is not null, which the predictions give",
                             where, part, key);
    }
    if (!e && !(e = json_number(&stored, object, key, inner)) && !(fabs(stored - want) <= 1e-12)) {
        e = err_set(ERR_FORMAT, "%s: key '%s' is %.17g, the predictions give %.17g", inner, key,
                    stored, want);
    }
    mem_free(inner);
    return e;
}

// what came after the record's program, or meant something else to it, is computed anew unread
static err check_metrics(const record *r, const double *values, const cJSON *object,
                         const char *key, const char *where) {
    const cJSON *metrics;
    err e = json_object(&metrics, object, key, where);
    for (size_t i = 0; i < metric_count() && !e; i++) {
        const metric *m = metric_at(i);
        if (!metric_applies(m, r->task.kind, r->task.label_count) || m->since > r->metric_version)
            continue;
        e = check_value(metrics, m->name, values[i], where, key);
    }
    return e;
}

err record__metrics_write(cJSON *object, const char *key, const record *r) {
    return write_metrics(object, key, r, r->metrics);
}

err record__metrics_check(const record *r, const cJSON *object, const char *key,
                          const char *where) {
    return check_metrics(r, r->metrics, object, key, where);
}

err record__metrics_dedup_write(cJSON *object, const char *key, const record *r) {
    return write_metrics(object, key, r, r->metrics_dedup);
}

err record__metrics_dedup_check(const record *r, const cJSON *object, const char *key,
                                const char *where) {
    // of no rows older programs wrote 0
    return r->confusion_dedup.total ? check_metrics(r, r->metrics_dedup, object, key, where)
                                    : ERR_OK;
}

static err write_matrix(cJSON *rows, const uint64_t *counts, size_t classes) {
    err e = ERR_OK;
    for (size_t g = 0; g < classes && !e; g++) {
        cJSON *row = cJSON_CreateArray();
        if ((e = json_append(rows, row))) return e;
        for (size_t p = 0; p < classes && !e; p++)
            e = json_append(row, cJSON_CreateNumber((double)counts[g * classes + p]));
    }
    return e;
}

static err write_cells(cJSON *rows, const confusion_cell *cells, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        const double cell[] = {cells[i].gold, cells[i].predicted, (double)cells[i].rows};
        e = json_append(rows, cJSON_CreateDoubleArray(cell, 3));
    }
    return e;
}

err record_confusion_json(cJSON *array, const uint32_t *gold, const uint32_t *predicted,
                          size_t rows, size_t classes) {
    uint64_t *counts = NULL;
    confusion_cell *cells = NULL;
    size_t count = 0;
    err e;
    if (classes <= MATRIX_LABELS_MOST) {
        e = confusion_matrix(&counts, gold, predicted, rows, classes);
        if (!e) e = write_matrix(array, counts, classes);
    } else {
        e = confusion_cells(&cells, &count, gold, predicted, rows);
        if (!e) e = write_cells(array, cells, count);
    }
    mem_free(counts);
    mem_free(cells);
    return e;
}

err record__confusion_write(cJSON *object, const char *key, const record *r) {
    cJSON *rows;
    if (!answer_is_label(r->task.kind)) return ERR_OK; // there is no matrix of these
    err e = json_add_array(&rows, object, key);
    return e ? e
             : record_confusion_json(rows, r->gold, r->predicted, (size_t)r->task.test_rows,
                                     r->task.label_count);
}

static err check_matrix(const uint64_t *counts, size_t classes, const cJSON *rows, const char *key,
                        const char *where) {
    const cJSON *row, *cell;
    size_t g = 0;
    cJSON_ArrayForEach(row, rows) {
        size_t p = 0;
        err e = record__tuple(row, (int)classes, key, where);
        if (e) return e;
        cJSON_ArrayForEach(cell, row) {
            double want = (double)counts[g * classes + p];
            if (!cJSON_IsNumber(cell) || cell->valuedouble != want) {
                return err_set(
                    ERR_FORMAT, "%s: key '%s': row %zu, column %zu is %g, the predictions give %g",
                    where, key, g, p, cJSON_IsNumber(cell) ? cell->valuedouble : (double)NAN, want);
            }
            p++;
        }
        g++;
    }
    return ERR_OK;
}

static err check_cells(const record *r, const cJSON *rows, const char *key, const char *where) {
    confusion_cell *cells = NULL;
    const cJSON *item = rows->child;
    size_t count = 0, i = 0;
    err e = confusion_cells(&cells, &count, r->gold, r->predicted, (size_t)r->task.test_rows);
    for (; i < count && item && !e; i++, item = item->next) {
        const double want[] = {cells[i].gold, cells[i].predicted, (double)cells[i].rows};
        const cJSON *value = item->child;
        if ((e = record__tuple(item, 3, key, where))) break;
        for (size_t k = 0; k < 3; k++, value = value->next)
            if (!cJSON_IsNumber(value) || value->valuedouble != want[k]) item = NULL, k = 2;
        if (!item) break;
    }
    if (!e && (i < count || item))
        e = err_set(
            ERR_FORMAT,
            "%s: key '%s': cell %zu is not what the predictions give: [%.0f, %.0f, %.0f] of "
            "%zu",
            where, key, i, i < count ? cells[i].gold : (double)NAN,
            i < count ? cells[i].predicted : (double)NAN,
            i < count ? (double)cells[i].rows : (double)NAN, count);
    mem_free(cells);
    return e;
}

err record__confusion_check(const record *r, const cJSON *object, const char *key,
                            const char *where) {
    const cJSON *rows;
    uint64_t *counts = NULL;
    size_t classes = r->task.label_count;
    if (!answer_is_label(r->task.kind)) return ERR_OK;
    err e = json_array(&rows, object, key, where);
    if (e) return e;
    // older programs wrote the whole matrix
    if (classes > MATRIX_LABELS_MOST && cJSON_GetArraySize(rows->child) == 3)
        return check_cells(r, rows, key, where);
    if ((size_t)cJSON_GetArraySize(rows) != classes) {
        return err_set(ERR_FORMAT, "%s: key '%s' has %d rows, expected %zu", where, key,
                       cJSON_GetArraySize(rows), classes);
    }
    e = confusion_matrix(&counts, r->gold, r->predicted, (size_t)r->task.test_rows, classes);
    if (!e) e = check_matrix(counts, classes, rows, key, where);
    mem_free(counts);
    return e;
}

static const char *const score_names[] = {"precision", "recall", "f1", "support"};

static void class_values(double values[4], const record *r, size_t class_id) {
    class_score s = metric_of_class(&r->confusion, class_id);
    values[0] = s.precision;
    values[1] = s.recall;
    values[2] = s.f1;
    values[3] = (double)s.support;
}

err record__per_class_write(cJSON *object, const char *key, const record *r) {
    cJSON *list;
    if (r->task.kind == ANSWER_NUMBER) return ERR_OK;
    err e = json_add_array(&list, object, key);
    for (size_t k = 0; k < r->confusion.classes && !e; k++) {
        double values[4];
        class_values(values, r, k);
        cJSON *item = cJSON_CreateObject();
        if ((e = json_append(list, item))) return e;
        for (int j = 0; j < 4 && !e; j++) e = json_add_number(item, score_names[j], values[j]);
    }
    return e;
}

err record__per_class_check(const record *r, const cJSON *object, const char *key,
                            const char *where) {
    const cJSON *list, *item;
    size_t k = 0;
    if (r->task.kind == ANSWER_NUMBER) return ERR_OK;
    err e = json_array(&list, object, key, where);
    if (e) return e;
    if ((size_t)cJSON_GetArraySize(list) != r->confusion.classes) {
        return err_set(ERR_FORMAT, "%s: key '%s' has %d classes, expected %zu", where, key,
                       cJSON_GetArraySize(list), r->confusion.classes);
    }
    cJSON_ArrayForEach(item, list) {
        double values[4];
        class_values(values, r, k++);
        for (int j = 0; j < 4; j++)
            if ((e = check_value(item, score_names[j], values[j], where, key))) return e;
    }
    return ERR_OK;
}

static err check_hash(const char *computed, const cJSON *object, const char *key, const char *where,
                      const char *of) {
    const char *text;
    err e = json_string(&text, object, key, where);
    if (e || !strcmp(text, computed)) return e;
    return err_set(ERR_FORMAT, "%s: key '%s' is '%.80s', the %s gives '%s'", where, key, text, of,
                   computed);
}

err record__recipe_sha256_write(cJSON *object, const char *key, const record *r) {
    return json_add_string(object, key, r->recipe_sha256);
}

err record__recipe_sha256_check(const record *r, const cJSON *object, const char *key,
                                const char *where) {
    return check_hash(r->recipe_sha256, object, key, where, "recipe");
}

err record__gold_sha256_write(cJSON *object, const char *key, const record *r) {
    return json_add_string(object, key, r->gold_sha256);
}

err record__gold_sha256_check(const record *r, const cJSON *object, const char *key,
                              const char *where) {
    return check_hash(r->gold_sha256, object, key, where, "gold list");
}
