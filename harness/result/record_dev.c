/* The evaluations on the dev part, which records of older programs do not have. */
#include "base/memory.h"
#include "result/record_internal.h"

#include <math.h>
#include <string.h>

/* Only of a model that is gone. */
err record__model_gone_write(cJSON *object, const char *key, const record *r) {
    return r->model_is_gone ? json_add_bool(object, key, true) : ERR_OK;
}

err record__model_gone_read(record *r, const cJSON *object, const char *key, const char *where) {
    return json_has(object, key) ? json_bool(&r->model_is_gone, object, key, where) : ERR_OK;
}

err record_evaluation_add(record *r, int64_t step, double score, double loss, double seconds) {
    err e = mem_resize((void **)&r->evaluations, r->evaluation_count + 1, sizeof *r->evaluations);
    if (!e) r->evaluations[r->evaluation_count++] = (record_evaluation){step, score, loss, seconds};
    return e;
}

static bool is_loss(const record *r) {
    return !strcmp(r->dev_metric, "loss");
}

double record_best_dev(const record *r) {
    double best = r->evaluations[0].score;
    for (size_t i = 1; i < r->evaluation_count; i++)
        best =
            is_loss(r) ? fmin(best, r->evaluations[i].score) : fmax(best, r->evaluations[i].score);
    return best;
}

double record_seconds_until(const record *r, double score) {
    for (size_t i = 0; i < r->evaluation_count; i++) {
        const record_evaluation *v = &r->evaluations[i];
        if (!(v->seconds > 0)) return 0;
        if (is_loss(r) ? v->score <= score : v->score >= score) return v->seconds;
    }
    return r->evaluation_count ? HUGE_VAL : 0;
}

/* All of them, or none: a part would be taken for the whole. */
static err write_seconds(cJSON *dev, const record *r) {
    cJSON *list = NULL;
    for (size_t i = 0; i < r->evaluation_count; i++)
        if (!(r->evaluations[i].seconds > 0)) return ERR_OK;
    err e = json_add_array(&list, dev, "seconds");
    for (size_t i = 0; !e && i < r->evaluation_count; i++)
        e = json_append(list, cJSON_CreateNumber(r->evaluations[i].seconds));
    return e;
}

err record__dev_write(cJSON *object, const char *key, const record *r) {
    cJSON *dev = NULL, *list = NULL;
    if (!r->dev_metric) return ERR_OK; // protocol last
    err e = json_add_object(&dev, object, key);
    if (!e) e = json_put(dev, "metric %s best_step %f", r->dev_metric, (double)r->best_step);
    if (!e) e = json_add_array(&list, dev, "evaluations");
    for (size_t i = 0; !e && i < r->evaluation_count; i++) {
        const record_evaluation *v = &r->evaluations[i];
        const double values[] = {(double)v->step, v->score, v->loss};
        e = json_append(list, cJSON_CreateDoubleArray(values, 3));
    }
    return e ? e : write_seconds(dev, r);
}

static err read_evaluation(record *r, const cJSON *item, const char *key, const char *where) {
    int64_t step = 0;
    double score = 0, loss = 0;
    err e = record__tuple(item, 3, key, where);
    if (e || (e = record__element(&step, item->child, r->timing.steps + 1, key, where)) ||
        (e = record__finite(&score, item->child->next, key, where)) ||
        (e = record__finite(&loss, item->child->next->next, key, where)))
        return e;
    int64_t before = r->evaluation_count ? r->evaluations[r->evaluation_count - 1].step : 0;
    if (step <= before)
        return err_set(ERR_FORMAT, "%s: key '%s': step %lld comes after %lld", where, key,
                       (long long)step, (long long)before);
    return record_evaluation_add(r, step, score, loss, 0);
}

/* One for each evaluation, later ones greater. */
static err read_seconds(record *r, const cJSON *dev, const char *where) {
    const cJSON *list = NULL, *item = NULL;
    double before = 0;
    size_t n = 0;
    if (!json_has(dev, "seconds")) return ERR_OK;
    err e = json_array(&list, dev, "seconds", where);
    if (e) return e;
    bool fits = (size_t)cJSON_GetArraySize(list) == r->evaluation_count;
    cJSON_ArrayForEach(item, list) {
        fits = fits && cJSON_IsNumber(item) && item->valuedouble >= RECORD_LEAST &&
               item->valuedouble <= (double)RECORD_LONGEST_S && item->valuedouble > before;
        if (!fits) break;
        r->evaluations[n++].seconds = before = item->valuedouble;
    }
    if (fits) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key 'seconds': expected %zu ascending numbers, %g to %g", where,
                   r->evaluation_count, RECORD_LEAST, (double)RECORD_LONGEST_S);
}

err record__dev_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *dev = NULL, *list = NULL, *item = NULL;
    const char *name = NULL;
    bool has_best = false;
    if (!json_has(object, key)) return ERR_OK;
    err e = json_object(&dev, object, key, where);
    if (e || (e = json_string(&name, dev, "metric", where)) ||
        (e = mem_strdup(&r->dev_metric, name)) ||
        (e = json_whole(&r->best_step, dev, "best_step", 1, r->timing.steps, where)) ||
        (e = json_array(&list, dev, "evaluations", where)))
        return e;
    cJSON_ArrayForEach(item, list) {
        if ((e = read_evaluation(r, item, key, where))) return e;
        has_best |= r->evaluations[r->evaluation_count - 1].step == r->best_step;
    }
    if (strcmp(name, "loss") && !metric_find(name))
        return err_set(ERR_FORMAT, "%s: key '%s': unknown metric '%.80s'", where, key, name);
    if (has_best) return read_seconds(r, dev, where);
    return err_set(ERR_FORMAT, "%s: key '%s': best_step is %lld, no evaluation is of it", where,
                   key, (long long)r->best_step);
}
