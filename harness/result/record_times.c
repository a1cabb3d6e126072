#include "base/memory.h"
#include "result/record_internal.h"

#include <string.h>

/* Keys that records of older programs do not have. */

err record__step_spread_write(cJSON *object, const char *key, const record *r) {
    const double range[] = {r->timing.step_ms_p10, r->timing.step_ms_p90};
    return json_put_numbers(object, key, range, 2);
}

static err read_time(double *out, const cJSON *item, const char *key, const char *where) {
    return record__amount(out, item, 1e3 * (double)RECORD_LONGEST_S, key, where);
}

err record__step_spread_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!list) return ERR_OK;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != 2)
        return err_set(ERR_FORMAT, "%s: key '%s': expected an array of two numbers", where, key);
    double low = 0, middle = r->timing.step_ms_p50, high = 0;
    err e = read_time(&low, list->child, key, where);
    if (e || (e = read_time(&high, list->child->next, key, where))) return e;
    // 0 and 0: of an older program
    if ((low > middle || high < middle) && (low > 0 || high > 0))
        return err_set(ERR_FORMAT, "%s: key '%s' is %g and %g, and step_ms_p50 is %g", where, key,
                       low, high, middle);
    r->timing.step_ms_p10 = low;
    r->timing.step_ms_p90 = high;
    return ERR_OK;
}

bool record_spread_known(const record *r) {
    return r->timing.steps >= RECORD_STEPS_SPREAD && r->timing.step_ms_p90 > 0;
}

err record_kernel_add(record *r, const char *name, const char *phase, int64_t calls, double ms) {
    err e = mem_resize((void **)&r->kernel_times, r->kernel_count + 1, sizeof *r->kernel_times);
    if (e) return e;
    record_kernel *k = &r->kernel_times[r->kernel_count++]; // freed with the record from here on
    *k = (record_kernel){.calls = calls, .ms = ms};
    if ((e = mem_strdup(&k->name, name))) return e;
    return mem_strdup(&k->phase, phase);
}

err record__kernel_times_write(cJSON *object, const char *key, const record *r) {
    cJSON *list;
    err e = json_add_array(&list, object, key);
    for (size_t i = 0; i < r->kernel_count && !e; i++) {
        const record_kernel *k = &r->kernel_times[i];
        cJSON *item = cJSON_CreateArray();
        if ((e = json_append(list, item)) || (e = json_append(item, cJSON_CreateString(k->name))) ||
            (e = json_append(item, cJSON_CreateString(k->phase))) ||
            (e = json_append(item, cJSON_CreateNumber((double)k->calls))))
            return e;
        e = json_append(item, cJSON_CreateNumber(k->ms));
    }
    return e;
}

static bool is_phase(const char *text) {
    static const char *const phases[] = {"begin", "forward", "backward", "update"};
    bool is = false;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) is = is || !strcmp(phases[i], text);
    return is;
}

err record__kernel_times_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *list = NULL, *item;
    if (!json_has(object, key)) return ERR_OK;
    err e = json_array(&list, object, key, where);
    if (e) return e;
    cJSON_ArrayForEach(item, list) {
        const cJSON *name = cJSON_IsArray(item) ? item->child : NULL;
        const cJSON *phase = name ? name->next : NULL, *calls = phase ? phase->next : NULL;
        const cJSON *ms = calls ? calls->next : NULL;
        int64_t count = 0;
        double time = 0;
        if (!ms || ms->next || !cJSON_IsString(name) || !cJSON_IsString(phase)) {
            return err_set(ERR_FORMAT,
                           "%s: key '%s': expected an array of arrays: name, phase, calls, ms",
                           where, key);
        }
        if (!is_phase(phase->valuestring))
            return err_set(ERR_FORMAT,
                           "%s: key '%s': phase '%.40s', expected begin, forward, backward or "
                           "update",
                           where, key, phase->valuestring);
        if ((e = record__element(&count, calls, INT32_MAX, key, where)) ||
            (e = read_time(&time, ms, key, where)) ||
            (e = record_kernel_add(r, name->valuestring, phase->valuestring, count, time)))
            return e;
    }
    return ERR_OK;
}
