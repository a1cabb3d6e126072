#include "base/memory.h"
#include "result/record_internal.h"

#include <math.h>
#include <string.h>

/* losses */

err record_losses_write(cJSON *object, const char *key, const float *losses, size_t count) {
    uint8_t *bytes = NULL;
    err e = mem_new(&bytes, count * 4);
    if (e) return e;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &losses[i], 4);
        for (int j = 0; j < 4; j++) bytes[4 * i + (size_t)j] = (uint8_t)(bits >> (8 * j) & 255);
    }
    e = record__coded_write(object, key, CODING_F32, bytes, count);
    mem_free(bytes);
    return e;
}

err record__loss_write(cJSON *object, const char *key, const record *r) {
    return record_losses_write(object, key, r->loss, r->loss_count);
}

static err decode_losses(record *r, const uint8_t *bytes, size_t count, const char *key,
                         const char *where) {
    if (count % 4)
        return err_set(ERR_FORMAT, "%s: key '%s': %zu bytes are no float32 values", where, key,
                       count);
    err e = mem_new(&r->loss, count / 4);
    for (size_t i = 0; i < count / 4 && !e; i++) {
        uint32_t bits = 0;
        for (int j = 0; j < 4; j++) bits |= (uint32_t)bytes[4 * i + (size_t)j] << (8 * j);
        memcpy(&r->loss[i], &bits, 4);
        if (!isfinite(r->loss[i]))
            e = err_set(ERR_FORMAT, "%s: key '%s': the loss of step %zu is not finite", where, key,
                        i + 1);
    }
    r->loss_count = count / 4;
    return e;
}

/* Records of schema 1 have its base64 alone. */
err record__loss_read(record *r, const cJSON *object, const char *key, const char *where) {
    const char *text;
    void *block = NULL;
    size_t count = 0;
    err e;
    if (r->schema > 1) {
        e = record__coded_read(&block, &count, CODING_F32, r->schema, object, key, where);
    } else {
        if ((e = json_string(&text, object, key, where))) return e;
        e = err_wrap(base64_decode(&block, &count, text), "%s: %s", where, key);
    }
    if (!e) e = decode_losses(r, block, count, key, where);
    mem_free(block);
    return e;
}

err record__loss_curve_write(cJSON *object, const char *key, const record *r) {
    cJSON *list;
    err e = json_add_array(&list, object, key);
    for (size_t i = 0; i < r->loss_curve_count && !e; i++) {
        record_curve_point p = r->loss_curve[i];
        const double values[] = {(double)p.step, p.loss, p.learning_rate};
        e = json_append(list, cJSON_CreateDoubleArray(values, 3));
    }
    return e;
}

/* A point is the mean of the losses since the point before it. */
static err check_point(const record *r, const char *key, const char *where) {
    const record_curve_point *p = &r->loss_curve[r->loss_curve_count];
    int64_t before = r->loss_curve_count ? p[-1].step : 0;
    double sum = 0;
    if (p->step <= before)
        return err_set(ERR_FORMAT, "%s: key '%s': step %lld comes after %lld", where, key,
                       (long long)p->step, (long long)before);
    if ((size_t)p->step > r->loss_count)
        return err_set(ERR_FORMAT, "%s: key '%s': step %lld, there are %zu", where, key,
                       (long long)p->step, r->loss_count);
    for (int64_t i = before; i < p->step; i++) sum += (double)r->loss[i];
    double mean = sum / (double)(p->step - before);
    if (fabs(p->loss - mean) > 1e-6 * (1 + fabs(mean)))
        return err_set(ERR_FORMAT,
                       "%s: key '%s': the loss of step %lld is %.9g, the mean of the losses since "
                       "step %lld is %.9g",
                       where, key, (long long)p->step, p->loss, (long long)before, mean);
    if (p->learning_rate >= 0) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': learning rate %g", where, key, p->learning_rate);
}

err record__loss_curve_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list, *item;
    err e = json_array(&list, object, key, where);
    if (e || (e = mem_new(&r->loss_curve, (size_t)cJSON_GetArraySize(list)))) return e;
    cJSON_ArrayForEach(item, list) {
        record_curve_point *p = &r->loss_curve[r->loss_curve_count];
        if ((e = record__tuple(item, 3, key, where)) ||
            (e = record__element(&p->step, item->child, INT64_C(1) << 53, key, where)) ||
            (e = record__finite(&p->loss, item->child->next, key, where)) ||
            (e = record__finite(&p->learning_rate, item->child->next->next, key, where)) ||
            (e = check_point(r, key, where)))
            return e;
        r->loss_curve_count++;
    }
    return ERR_OK;
}

/* loss scaling: in records of runs that had it */

err record__loss_scaling_write(cJSON *object, const char *key, const record *r) {
    cJSON *scaling = NULL;
    if (r->loss_scale <= 0) return ERR_OK;
    err e = json_add_object(&scaling, object, key);
    return e ? e
             : json_put(scaling, "final_scale %f skipped_steps %f", r->loss_scale,
                        (double)r->skipped_steps);
}

err record__loss_scaling_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *scaling = NULL;
    if (!json_has(object, key)) return ERR_OK;
    err e = json_object(&scaling, object, key, where);
    if (e || (e = json_number(&r->loss_scale, scaling, "final_scale", where)) ||
        (e = json_whole(&r->skipped_steps, scaling, "skipped_steps", 0, r->timing.steps, where)))
        return e;
    if (r->loss_scale > 0 && r->loss_scale <= (double)RECORD_MOST) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': final_scale is %g, expected a number above 0, to %g",
                   where, key, r->loss_scale, (double)RECORD_MOST);
}

/* lengths and most wrong rows */

err record__lengths_write(cJSON *object, const char *key, const record *r) {
    cJSON *list;
    err e = json_add_array(&list, object, key);
    for (size_t i = 0; i < r->length_count && !e; i++) {
        const double pair[] = {(double)r->lengths[i].tokens, (double)r->lengths[i].rows};
        e = json_append(list, cJSON_CreateDoubleArray(pair, 2));
    }
    return e;
}

err record__lengths_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list, *item;
    int64_t sum = 0;
    err e = json_array(&list, object, key, where);
    if (e || (e = mem_new(&r->lengths, (size_t)cJSON_GetArraySize(list)))) return e;
    cJSON_ArrayForEach(item, list) {
        record_length *l = &r->lengths[r->length_count];
        if ((e = record__tuple(item, 2, key, where)) ||
            (e = record__element(&l->tokens, item->child, INT32_MAX, key, where)) ||
            (e = record__element(&l->rows, item->child->next, r->task.test_rows + 1, key, where)))
            return e;
        if (r->length_count && l[-1].tokens >= l->tokens) {
            return err_set(ERR_FORMAT, "%s: key '%s': %lld tokens come after %lld", where, key,
                           (long long)l->tokens, (long long)l[-1].tokens);
        }
        sum += l->rows;
        r->length_count++;
    }
    if (r->length_count && sum != r->task.test_rows) {
        return err_set(ERR_FORMAT, "%s: key '%s' counts %lld rows, there are %lld test rows", where,
                       key, (long long)sum, (long long)r->task.test_rows);
    }
    return ERR_OK;
}

err record__worst_write(cJSON *object, const char *key, const record *r) {
    cJSON *list;
    err e = json_add_array(&list, object, key);
    for (size_t i = 0; i < r->worst_count && !e; i++) {
        const double pair[] = {(double)r->worst[i].row, r->worst[i].probability};
        e = json_append(list, cJSON_CreateDoubleArray(pair, 2));
    }
    return e;
}

static err check_worst(const record *r, bool *seen, const char *key, const char *where) {
    const record_worst_row *w = &r->worst[r->worst_count];
    if (w->probability < 0 || w->probability > 1)
        return err_set(ERR_FORMAT, "%s: key '%s': probability %g", where, key, w->probability);
    if (seen[w->row])
        return err_set(ERR_FORMAT, "%s: key '%s' holds row %lld twice", where, key,
                       (long long)w->row);
    seen[w->row] = true;
    if (!r->worst_count || w[-1].probability <= w->probability) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': probability %g comes after %g", where, key,
                   w->probability, w[-1].probability);
}

err record__worst_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list, *item;
    bool *seen = NULL;
    err e = json_array(&list, object, key, where);
    if (e || (e = mem_new(&r->worst, (size_t)cJSON_GetArraySize(list))) ||
        (e = mem_new(&seen, (size_t)r->task.test_rows)))
        return e;
    cJSON_ArrayForEach(item, list) {
        record_worst_row *w = &r->worst[r->worst_count];
        if ((e = record__tuple(item, 2, key, where)) ||
            (e = record__element(&w->row, item->child, r->task.test_rows, key, where)) ||
            (e = record__finite(&w->probability, item->child->next, key, where)) ||
            (e = check_worst(r, seen, key, where)))
            break;
        r->worst_count++;
    }
    mem_free(seen);
    return e;
}
