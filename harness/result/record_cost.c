/* What the machine told of its energy, clock, heat and load: of those that tell, and not in records of older
 * programs. */
#include "result/record_internal.h"

#include <stdio.h>
#include <string.h>

err record__cost_write(cJSON *object, const char *key, const record *r) {
    const record_cost *c = &r->cost;
    bool clock = c->clock_begin_mhz > 0 && c->clock_end_mhz > 0;
    cJSON *cost = NULL, *list = NULL;
    if (!c->energy_count && !clock && !c->tells_heat && !(c->beside > 0)) return ERR_OK;
    err e = json_add_object(&cost, object, key);
    if (!e && c->energy_count) e = json_add_array(&list, cost, "energy");
    for (size_t i = 0; i < c->energy_count && !e; i++) {
        const record_energy *x = &c->energy[i];
        cJSON *item;
        if (!(e = json_append_object(&item, list)))
            e = json_put(item, "source %s train_j %f eval_j %f", x->source, x->train_j, x->eval_j);
    }
    if (!e && clock)
        e = json_put_numbers(cost, "clock_mhz",
                             (const double[]){c->clock_begin_mhz, c->clock_end_mhz}, 2);
    if (!e && c->tells_heat) e = json_add_bool(cost, "throttled", c->was_throttled);
    return !e && c->beside > 0 ? json_put(cost, "beside %f", c->beside) : e;
}

static err read_positive(double *out, const cJSON *item, const char *key, const char *where) {
    return record__amount(out, item, (double)RECORD_MOST, key, where);
}

static err read_energy(record_cost *c, const cJSON *item, const char *key, const char *where) {
    record_energy *x = &c->energy[c->energy_count];
    const char *source;
    if (c->energy_count == RECORD_ENERGIES)
        return err_set(ERR_FORMAT, "%s: key '%s': more than %d sources of energy", where, key,
                       RECORD_ENERGIES);
    err e = json_string(&source, item, "source", where);
    if (e) return e;
    if (!*source || strlen(source) >= sizeof x->source)
        return err_set(ERR_FORMAT,
                       "%s: key '%s': source '%.60s', expected a name of 1 to %zu bytes", where,
                       key, source, sizeof x->source - 1);
    snprintf(x->source, sizeof x->source, "%s", source);
    if ((e = read_positive(&x->train_j, cJSON_GetObjectItemCaseSensitive(item, "train_j"), key,
                           where)) ||
        (e = read_positive(&x->eval_j, cJSON_GetObjectItemCaseSensitive(item, "eval_j"), key,
                           where)))
        return e;
    c->energy_count++;
    return ERR_OK;
}

err record__cost_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *cost = NULL, *list = NULL, *item;
    record_cost *c = &r->cost;
    if (!json_has(object, key)) return ERR_OK;
    err e = json_object(&cost, object, key, where);
    if (!e && json_has(cost, "energy")) e = json_array(&list, cost, "energy", where);
    if (e) return e;
    cJSON_ArrayForEach(item, list) {
        if ((e = read_energy(c, item, key, where))) return e;
    }
    if (json_has(cost, "clock_mhz")) {
        const cJSON *clock = cJSON_GetObjectItemCaseSensitive(cost, "clock_mhz");
        if ((e = record__tuple(clock, 2, key, where)) ||
            (e = read_positive(&c->clock_begin_mhz, clock->child, key, where)) ||
            (e = read_positive(&c->clock_end_mhz, clock->child->next, key, where)))
            return e;
    }
    if (json_has(cost, "beside") &&
        (e = read_positive(&c->beside, cJSON_GetObjectItemCaseSensitive(cost, "beside"), key,
                           where)))
        return e;
    c->tells_heat = json_has(cost, "throttled");
    return c->tells_heat ? json_bool(&c->was_throttled, cost, "throttled", where) : ERR_OK;
}
