#include "base/shown.h"
#include "result/regress/regress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STATE_SCHEMA = 1, STATE_LIMIT_BYTES = 16 << 20, ENTRIES_MAX = 4096 };

static err add_result(cJSON *list, const regress_result *r) {
    cJSON *o, *metrics, *tensors;
    err e = json_append_object(&o, list);
    if (e ||
        (e = json_put(o, "name %s headline %s data_sha256 %s predictions_sha256 %s rows %zu",
                      r->name, r->headline, r->data_sha256, r->predictions_sha256, r->rows)) ||
        (e = json_put_numbers(o, "seeds", r->seeds, r->seed_count)) ||
        (e = json_put_numbers(o, "losses", r->losses, REGRESS_STEPS)) ||
        (e = json_add_object(&metrics, o, "metrics")))
        return e;
    for (size_t m = 0; m < metric_count() && !e; m++)
        if (!isnan(r->metrics[m])) e = json_add_number(metrics, metric_at(m)->name, r->metrics[m]);
    if (e || (e = json_add_object(&tensors, o, "gradients"))) return e;
    for (size_t i = 0; i < r->tensor_count && !e; i++)
        e = json_put_numbers(tensors, r->tensors[i].name, r->tensors[i].norms, REGRESS_STEPS);
    return e;
}

static err add_kernels(cJSON *top, const regress_state *s) {
    cJSON *o, *list;
    err e = json_add_object(&o, top, "kernels");
    if (e ||
        (e = json_put(o, "product_size %u product_ms %f product_spread %f", s->product_size,
                      s->product_ms, s->product_spread)) ||
        (e = json_add_array(&list, o, "list")))
        return e;
    for (size_t i = 0; i < s->kernel_count && i < REGRESS_KERNELS && !e; i++) {
        const regress_kernel *k = &s->kernels[i];
        if (!(e = json_append_object(&o, list)))
            e = json_put(o, "name %s cost %f mad %f", k->name, k->cost, k->mad);
    }
    return e;
}

static err add_seeds(cJSON *top, const regress_suite *suite) {
    cJSON *list;
    err e = json_add_array(&list, top, "seeds");
    for (size_t i = 0; i < suite->seed_count && !e; i++)
        e = json_append(list, cJSON_CreateNumber(suite->seeds[i]));
    return e;
}

err regress_state_write(const regress_state *s, const regress_suite *suite, const char *path) {
    cJSON *top = cJSON_CreateObject(), *machine, *list;
    err e;
    if ((e = json_put(top, "schema %f commit %s suite_sha256 %s", (double)STATE_SCHEMA, s->commit,
                      s->suite_sha256)) ||
        (e = json_add_object(&machine, top, "device")) ||
        (e = json_put(machine, "kind %s name %s driver %s isa %s libraries %s threads %u", s->kind,
                      s->device, s->driver, s->isa, s->libraries, s->threads)) ||
        (e = add_seeds(top, suite)) || (e = json_add_array(&list, top, "cases")))
        goto done;
    for (size_t i = 0; i < s->result_count && !e; i++)
        if (s->results[i].name) e = add_result(list, &s->results[i]);
    if (!e && s->kernel_count) e = add_kernels(top, s);
    if (!e) e = json_write(path, top);
done:
    cJSON_Delete(top);
    return e;
}

static err read_into(char *out, size_t size, const cJSON *o, const char *key, const char *where) {
    const char *text;
    err e = json_string(&text, o, key, where);
    if (e) return e;
    if (strlen(text) >= size)
        return err_set(ERR_FORMAT, "%s: '%s' is longer than %zu bytes", where, key, size - 1);
    memcpy(out, text, strlen(text) + 1);
    return ERR_OK;
}

/* Between least and most numbers of an array item. */
static err read_list(double *out, size_t *count, const cJSON *list, size_t least, size_t most,
                     const char *key, const char *where) {
    size_t n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    const cJSON *item;
    if (n < least || n > most)
        return err_set(ERR_FORMAT, "%s: '%s' has %zu numbers, expected %zu to %zu", where, key, n,
                       least, most);
    n = 0;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
            return err_set(ERR_FORMAT, "%s: '%s' holds something that is no number", where, key);
        out[n++] = item->valuedouble;
    }
    *count = n;
    return ERR_OK;
}

static err read_metrics(regress_result *r, const cJSON *o, const char *where) {
    const cJSON *metrics;
    err e = json_object(&metrics, o, "metrics", where);
    if (e) return e;
    for (size_t m = 0; m < metric_count() && !e; m++) {
        r->metrics[m] = (double)NAN;
        if (json_has(metrics, metric_at(m)->name))
            e = json_number(&r->metrics[m], metrics, metric_at(m)->name, where);
    }
    if (!e && !metric_find(r->headline))
        e = err_set(ERR_FORMAT, "%s: 'headline' is '%s', which is no metric", where, r->headline);
    return e;
}

static err check_entries(const cJSON *list, const char *key, const char *where) {
    int count = cJSON_GetArraySize(list);
    if (count <= ENTRIES_MAX) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: '%s' has %d entries, at most %d are expected", where, key,
                   count, ENTRIES_MAX);
}

static err read_tensors(regress_result *r, const cJSON *o, const char *where) {
    const cJSON *list, *item;
    err e = json_object(&list, o, "gradients", where);
    if (e || (e = check_entries(list, "gradients", where)) ||
        (e = mem_new(&r->tensors, (size_t)cJSON_GetArraySize(list))))
        return e;
    cJSON_ArrayForEach(item, list) {
        regress_tensor *t = &r->tensors[r->tensor_count];
        size_t n;
        if (strlen(item->string) >= sizeof t->name)
            return err_set(ERR_FORMAT, "%s: a name in 'gradients' is longer than %zu bytes", where,
                           sizeof t->name - 1);
        for (size_t i = 0; i < r->tensor_count; i++)
            if (!strcmp(r->tensors[i].name, item->string))
                return err_set(ERR_FORMAT, "%s: 'gradients' has '%s' twice", where, item->string);
        memcpy(t->name, item->string, strlen(item->string) + 1);
        r->tensor_count++;
        if ((e = read_list(t->norms, &n, item, REGRESS_STEPS, REGRESS_STEPS, t->name, where)))
            return e;
    }
    return ERR_OK;
}

static err read_result(regress_result *r, const cJSON *o, const char *path, size_t place) {
    char where[600];
    const char *text;
    size_t n;
    int64_t rows;
    err e;
    shown_snprintf(where, sizeof where, SHOWN_TERMINAL, "%.500s: case %zu", path, place + 1);
    if (!cJSON_IsObject(o)) return err_set(ERR_FORMAT, "%s: expected an object", where);
    if ((e = json_string(&text, o, "name", where)) || (e = mem_strdup(&r->name, text)) ||
        (e = json_string(&text, o, "headline", where)) || (e = mem_strdup(&r->headline, text)) ||
        (e = read_into(r->data_sha256, sizeof r->data_sha256, o, "data_sha256", where)) ||
        (e = read_into(r->predictions_sha256, sizeof r->predictions_sha256, o, "predictions_sha256",
                       where)) ||
        (e = json_whole(&rows, o, "rows", 1, INT32_MAX, where)) ||
        (e = read_list(r->seeds, &r->seed_count, cJSON_GetObjectItemCaseSensitive(o, "seeds"),
                       REGRESS_SEEDS_LEAST, REGRESS_SEEDS_MAX, "seeds", where)) ||
        (e = read_list(r->losses, &n, cJSON_GetObjectItemCaseSensitive(o, "losses"), REGRESS_STEPS,
                       REGRESS_STEPS, "losses", where)) ||
        (e = read_metrics(r, o, where)))
        return e;
    r->rows = (size_t)rows;
    return read_tensors(r, o, where);
}

static err read_kernels(regress_state *s, const cJSON *top, const char *path) {
    const cJSON *o, *list, *item;
    int64_t size;
    err e = json_object(&o, top, "kernels", path);
    if (e || (e = json_whole(&size, o, "product_size", 1, 65536, path)) ||
        (e = json_number(&s->product_ms, o, "product_ms", path)) ||
        (e = json_number(&s->product_spread, o, "product_spread", path)) ||
        (e = json_array(&list, o, "list", path)) || (e = check_entries(list, "list", path)) ||
        (e = mem_new(&s->kernels, (size_t)cJSON_GetArraySize(list))))
        return e;
    s->product_size = (uint32_t)size;
    cJSON_ArrayForEach(item, list) {
        regress_kernel *k = &s->kernels[s->kernel_count];
        if ((e = read_into(k->name, sizeof k->name, item, "name", path)) ||
            (e = json_number(&k->cost, item, "cost", path)) ||
            (e = json_number(&k->mad, item, "mad", path)))
            return e;
        for (size_t i = 0; i < s->kernel_count; i++)
            if (!strcmp(s->kernels[i].name, k->name))
                return err_set(ERR_FORMAT, "%s: kernel '%s' is there twice", path, k->name);
        if (!(k->cost > 0) || !(k->mad >= 0))
            return err_set(ERR_FORMAT, "%s: kernel '%s' costs %g +- %g, expected more than 0", path,
                           k->name, k->cost, k->mad);
        s->kernel_count++;
    }
    return ERR_OK;
}

static err read_all(regress_state *s, const cJSON *top, const char *path) {
    const cJSON *machine, *list, *item;
    int64_t schema, threads;
    err e;
    if ((e = json_whole(&schema, top, "schema", STATE_SCHEMA, STATE_SCHEMA, path)) ||
        (e = read_into(s->commit, sizeof s->commit, top, "commit", path)) ||
        (e = read_into(s->suite_sha256, sizeof s->suite_sha256, top, "suite_sha256", path)) ||
        (e = json_object(&machine, top, "device", path)) ||
        (e = read_into(s->kind, sizeof s->kind, machine, "kind", path)) ||
        (e = read_into(s->device, sizeof s->device, machine, "name", path)) ||
        (e = read_into(s->driver, sizeof s->driver, machine, "driver", path)) ||
        (e = read_into(s->isa, sizeof s->isa, machine, "isa", path)) ||
        (e = read_into(s->libraries, sizeof s->libraries, machine, "libraries", path)) ||
        (e = json_whole(&threads, machine, "threads", 1, 65536, path)) ||
        (e = json_array(&list, top, "cases", path)) ||
        (e = mem_new(&s->results, (size_t)cJSON_GetArraySize(list))))
        return e;
    s->threads = (uint32_t)threads;
    cJSON_ArrayForEach(item, list) {
        s->result_count++; // freed with the state even when half read
        e = read_result(&s->results[s->result_count - 1], item, path, s->result_count - 1);
        if (e) return e;
    }
    return json_has(top, "kernels") ? read_kernels(s, top, path) : ERR_OK;
}

err regress_state_read(regress_state *s, const char *path) {
    cJSON *top = NULL;
    *s = (regress_state){0};
    err e = json_read(&top, path, STATE_LIMIT_BYTES);
    if (!e) e = read_all(s, top, path);
    cJSON_Delete(top);
    if (e) regress_state_free(s);
    return e;
}
