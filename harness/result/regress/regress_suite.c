#include "result/regress/regress.h"

#include "base/hash.h"
#include "base/shown.h"

#include <stdio.h>
#include <string.h>

enum { SUITE_LIMIT_BYTES = 1 << 20, CASES_MAX = 64 };

static err read_text(char **out, const cJSON *o, const char *key, const char *where) {
    const char *text;
    err e = json_string(&text, o, key, where);
    if (e) return e;
    if (!*text) return err_set(ERR_FORMAT, "%s: '%s' is empty", where, key);
    return mem_strdup(out, text);
}

static err read_arch(regress_case *c, const cJSON *o, const char *where) {
    const char *name;
    err e = json_string(&name, o, "arch", where);
    if (e) return e;
    if (!(c->arch = family_find(name)))
        return err_set(ERR_FORMAT, "%s: 'arch' is '%s', expected one of %s", where, name,
                       family_names());
    if (!model_preset_known(c->model))
        return err_set(ERR_FORMAT, "%s: 'arch' goes with a preset (%s), found model '%s'", where,
                       model_preset_names(), c->model);
    return ERR_OK;
}

static err read_case(regress_case *c, const cJSON *o, const char *path, size_t place) {
    char where[600];
    int64_t limit = 0, steps, batch;
    shown_snprintf(where, sizeof where, SHOWN_TERMINAL, "%.500s: case %zu", path, place + 1);
    err e;
    if (!cJSON_IsObject(o)) return err_set(ERR_FORMAT, "%s: expected an object", where);
    if ((e = read_text(&c->name, o, "name", where)) ||
        (e = read_text(&c->task, o, "task", where)) ||
        (e = read_text(&c->model, o, "model", where)) ||
        (e = json_bool(&c->sample, o, "sample", where)) ||
        (e = json_whole(&steps, o, "steps", REGRESS_STEPS, 100000, where)) ||
        (e = json_whole(&batch, o, "batch_size", 1, 65536, where)))
        return e;
    if (json_has(o, "limit") && (e = json_whole(&limit, o, "limit", 1, INT32_MAX, where))) return e;
    if (json_has(o, "arch") && (e = read_arch(c, o, where))) return e;
    c->limit = (size_t)limit;
    c->steps = (uint32_t)steps;
    c->batch_size = (uint32_t)batch;
    return ERR_OK;
}

static err read_seeds(regress_suite *s, const cJSON *top) {
    const cJSON *list, *item;
    err e = json_array(&list, top, "seeds", s->path);
    if (e) return e;
    int count = cJSON_GetArraySize(list);
    if (count < REGRESS_SEEDS_LEAST || count > REGRESS_SEEDS_MAX)
        return err_set(ERR_FORMAT, "%s: 'seeds' has %d entries, expected %d to %d", s->path, count,
                       REGRESS_SEEDS_LEAST, REGRESS_SEEDS_MAX);
    cJSON_ArrayForEach(item, list) {
        double v = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (v < 0 || v > UINT32_MAX || v != (double)(uint32_t)v)
            return err_set(ERR_FORMAT, "%s: 'seeds' holds something that is no seed", s->path);
        s->seeds[s->seed_count++] = (uint32_t)v;
    }
    return ERR_OK;
}

static err read_bound(double *out, const cJSON *top, const char *key, const char *path) {
    err e = json_number(out, top, key, path);
    if (e) return e;
    if (*out > 0 && *out < 1) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: '%s' is %g, expected more than 0 and less than 1", path, key,
                   *out);
}

static err read_cases(regress_suite *s, const cJSON *top) {
    const cJSON *list, *item;
    err e = json_array(&list, top, "cases", s->path);
    if (e) return e;
    size_t count = (size_t)cJSON_GetArraySize(list);
    if (!count || count > CASES_MAX)
        return err_set(ERR_FORMAT, "%s: 'cases' has %zu entries, expected 1 to %d", s->path, count,
                       CASES_MAX);
    if ((e = mem_new(&s->cases, count))) return e;
    cJSON_ArrayForEach(item, list) {
        regress_case *c = &s->cases[s->case_count];
        s->case_count++; // freed with the suite even when half read
        if ((e = read_case(c, item, s->path, s->case_count - 1))) return e;
        for (size_t i = 0; i + 1 < s->case_count; i++)
            if (!strcmp(s->cases[i].name, c->name))
                return err_set(ERR_FORMAT, "%s: two cases are named '%s'", s->path, c->name);
    }
    return ERR_OK;
}

err regress_suite_read(regress_suite *s, const char *path) {
    cJSON *top = NULL;
    const cJSON *timing;
    *s = (regress_suite){0};
    err e = mem_strdup(&s->path, path);
    if (e || (e = json_read(&top, path, SUITE_LIMIT_BYTES)) ||
        (e = hash_file_hex(path, s->sha256)) || (e = read_bound(&s->bound, top, "bound", path)) ||
        (e = read_bound(&s->bound_other, top, "bound_other", path)) || (e = read_seeds(s, top)) ||
        (e = read_cases(s, top)))
        goto done;
    if (!json_has(top, "timing")) goto done;
    s->has_timing = true;
    if ((e = json_object(&timing, top, "timing", path))) goto done;
    e = read_case(&s->timing, timing, path, s->case_count);
done:
    cJSON_Delete(top);
    if (e) regress_suite_free(s);
    return e;
}

static void free_case(regress_case *c) {
    mem_free(c->name);
    mem_free(c->task);
    mem_free(c->model);
}

void regress_suite_free(regress_suite *s) {
    for (size_t i = 0; i < s->case_count; i++) free_case(&s->cases[i]);
    free_case(&s->timing);
    mem_free(s->cases);
    mem_free(s->path);
    *s = (regress_suite){0};
}
