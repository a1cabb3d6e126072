/* What the ranks of a group compare and give each other around a run. */
#include "base/log.h"
#include "base/memory.h"
#include "train/checkpoint/identity.h"
#include "train/group/rank_device.h"
#include "train/run/run_internal.h"

#include <string.h>

bool run_writes(const run *r) {
    return group_writes(r->request.group);
}

/* Whose fields ranks may differ in: their devices' numbers, of which it is said; NULL: no list. */
static const char *const device_fields[] = {
    "device kind",     "device",    "driver",  "device version",
    "instruction set", "libraries", "kernels", NULL};
/* What is each rank's own. */
static const char *const own_fields[] = {"threads", "device uuid", NULL};

static bool is_among(const char *const *list, const char *key) {
    while (*list && strcmp(*list, key) != 0) list++;
    return *list;
}

/* What has to be equal, or what is of the device; *out is owned, also on error. */
static err describe(cJSON **out, const run *r, bool of_device) {
    const cJSON *lists[] = {r->identity, r->surroundings}, *item = NULL;
    cJSON *all = *out = cJSON_CreateObject();
    err e = ERR_OK;
    for (int i = 0; i < 2; i++) cJSON_ArrayForEach(item, lists[i]) {
            if (!e && !is_among(own_fields, item->string) &&
                is_among(device_fields, item->string) == of_device)
                e = json_add_string(all, item->string, item->valuestring);
        }
    return e;
}

/* words: what differs between rank 0 and the first rank that is another.
 *   texts  each rank's, from bounds[rank] on, with its terminator */
static err describe_first(strbuf *words, uint32_t *other, const char *texts, const size_t *bounds) {
    *other = 1;
    while (strcmp(texts + bounds[*other], texts) == 0) ++*other;
    cJSON *there = cJSON_Parse(texts), *now = cJSON_Parse(texts + bounds[*other]);
    err e = there && now ? identity_differences(words, there, now)
                         : err_set(ERR_MEMORY, "out of memory while comparing the ranks");
    cJSON_Delete(there);
    cJSON_Delete(now);
    return e;
}

/* words: empty where all ranks have the same texts in their objects. */
static err compare_objects(strbuf *words, uint32_t *other, struct group *g, const cJSON *object) {
    size_t *bounds = NULL, *lengths = NULL, length = 0;
    char *texts = NULL, *own = NULL;
    bool differ = false;
    err e = json_print(&own, object, false);
    if (e || (e = mem_new(&bounds, g->size + 1)) || (e = mem_new(&lengths, g->size))) goto done;
    length = strlen(own) + 1;
    if ((e = group_gather(g, lengths, &length, sizeof length))) goto done;
    for (uint32_t r = 0; r < g->size; r++) bounds[r + 1] = bounds[r] + lengths[r];
    if ((e = mem_new(&texts, bounds[g->size]))) goto done;
    memcpy(texts + bounds[g->rank], own, length);
    if ((e = group_gather_parts(g, texts, bounds))) goto done;
    for (uint32_t r = 1; r < g->size; r++) differ |= strcmp(texts + bounds[r], texts) != 0;
    if (differ) e = describe_first(words, other, texts, bounds);
done:
    mem_free(bounds);
    mem_free(lengths);
    mem_free(texts);
    mem_free(own);
    return e;
}

err run_compare_plans(struct group *g, const cJSON *own) {
    strbuf words = {0};
    uint32_t other = 0;
    if (group_is_alone(g)) return ERR_OK;
    err e = compare_objects(&words, &other, g, own);
    if (!e && words.length)
        e = err_set(ERR_USAGE, "rank %u of %u would do another run than rank 0: %s (there: rank 0)",
                    other, g->size, words.text);
    strbuf_free(&words);
    return e;
}

err run_compare_ranks(run *r) {
    struct group *g = r->request.group;
    strbuf devices = {0};
    cJSON *own = NULL, *of_device = NULL;
    uint32_t other = 0;
    if (group_is_alone(g)) return ERR_OK;
    err e = describe(&own, r, false);
    if (!e) e = run_compare_plans(g, own);
    if (!e) e = describe(&of_device, r, true);
    if (!e) e = compare_objects(&devices, &other, g, of_device);
    if (!e && devices.length) {
        if (group_writes(g))
            log_warn("rank %u of %u has another device than rank 0: %s (there: rank 0); updates "
                     "are rounded otherwise on it, so at each save, at each evaluation and at the "
                     "end all take rank 0's "
                     "weights",
                     other, g->size, devices.text);
        e = rank_device_names(&r->rank_devices, g, &r->device.info, true);
    }
    cJSON_Delete(own);
    cJSON_Delete(of_device);
    strbuf_free(&devices);
    return e;
}

err run_compare_weights(run *r) {
    struct group *g = r->request.group;
    char(*all)[HASH_HEX_BYTES] = NULL;
    if (group_is_alone(g)) return ERR_OK;
    err e = mem_calloc((void **)&all, g->size, sizeof *all);
    if (!e) e = group_gather(g, all, r->final_sha256, sizeof *all);
    for (uint32_t k = 1; !e && k < g->size; k++)
        if (strcmp(all[k], all[0]) != 0)
            e = err_set(ERR_DEVICE,
                        "rank %u of %u ended with other weights than rank 0: SHA-256 %.12s and "
                        "%.12s; one of their devices computes wrong numbers",
                        k, g->size, all[k], all[0]);
    mem_free(all);
    return e;
}

enum { WEIGHTS = 1, MOMENTS = 2 };

static err share_span(struct group *g, float *values, param *p, span s) {
    bool is_weight = s.buffer == p->p.buffer && s.offset == p->p.offset;
    err e = g->rank ? ERR_OK : device_read_f32(values, s, p->count);
    if (!e) e = group_broadcast(g, values, p->count * sizeof *values);
    if (e || !g->rank) return e;
    return is_weight ? params_write(p, values, 0, p->count) : device_write_f32(s, values, p->count);
}

static err share_params(run *r, int what) {
    params *ps = &r->trainer.model.params;
    float *values = NULL;
    err e = mem_new(&values, ps->largest);
    for (size_t i = 0; !e && i < ps->count; i++) {
        param *p = &ps->list[i];
        e = share_span(r->request.group, values, p, p->p);
        if (!e && what & MOMENTS) e = share_span(r->request.group, values, p, p->m);
        if (!e && what & MOMENTS) e = share_span(r->request.group, values, p, p->v);
    }
    mem_free(values);
    return e;
}

err run__bring_together(run *r) {
    return r->rank_devices ? share_params(r, WEIGHTS | MOMENTS) : ERR_OK;
}

err run_share_weights(run *r) {
    return group_is_alone(r->request.group) ? ERR_OK : share_params(r, WEIGHTS);
}

typedef struct place {
    uint32_t done, evaluations, skipped, good_steps;
    float scale;
} place;

/* What a checkpoint tells beside tensors. */
static err share_place(run *r, const place *at) {
    struct group *g = r->request.group;
    trainer *t = &r->trainer;
    float *losses = NULL;
    uint32_t *skipped = NULL;
    err e = mem_new(&losses, at->done);
    if (e || (e = mem_new(&skipped, at->skipped))) goto done;
    if (!g->rank && at->done) memcpy(losses, t->losses, at->done * sizeof *losses);
    if (!g->rank && at->skipped) memcpy(skipped, t->skipped, at->skipped * sizeof *skipped);
    if ((e = group_broadcast(g, losses, at->done * sizeof *losses))) goto done;
    if ((e = group_broadcast(g, skipped, at->skipped * sizeof *skipped))) goto done;
    if ((e = group_broadcast(g, t->evaluations, at->evaluations * sizeof *t->evaluations)))
        goto done;
    if (!g->rank) goto done;
    t->evaluation_count = at->evaluations;
    if ((e = trainer_set(t, at->done, losses))) goto done;
    if (t->options.scaler)
        e = trainer_set_scaling(t, at->scale, at->good_steps, skipped, at->skipped);
    (void)run_judge(r, 0);
done:
    mem_free(losses);
    mem_free(skipped);
    return e;
}

err run__share_state(run *r) {
    const trainer *t = &r->trainer;
    struct group *g = r->request.group;
    place at = {t->done, t->evaluation_count, t->skipped_count, t->scaler.good_steps,
                t->scaler.scale};
    if (group_is_alone(g)) return ERR_OK;
    err e = group_broadcast(g, &at, sizeof at);
    if (e || !at.done) return e;
    if (at.done > t->total_steps || at.evaluations > t->evaluation_limit)
        return err_set(ERR_ARG, "rank 0 goes on after step %u of %u", at.done, t->total_steps);
    e = share_place(r, &at);
    return e ? e : share_params(r, WEIGHTS | MOMENTS);
}
