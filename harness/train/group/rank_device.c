#include "train/group/rank_device.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* The word of this rank among those between commas. */
static err own_word(char **word, const struct group *g, const char *wish) {
    uint32_t words = 1;
    for (const char *c = wish; *c; c++) words += *c == ',';
    for (uint32_t skip = g->host_rank % words; skip; skip--) wish = strchr(wish, ',') + 1;
    wish += strspn(wish, " ");
    size_t n = strcspn(wish, ",");
    while (n && wish[n - 1] == ' ') n--;
    return n ? mem_strndup(word, wish, n)
             : err_set(ERR_USAGE, "a name is missing in the list of devices%s",
                       err_advice("device", " (--device)"));
}

static bool is_alike(const device_info *a, const device_info *b) {
    return a->kind == b->kind && a->class == b->class && strcmp(a->name, b->name) == 0;
}

/* Of the devices like the default one, the host's ranks take one after the other. */
static err choose_equal(device_info *out, const struct group *g) {
    device_info *list = NULL;
    const device_info *best = NULL;
    const char *note = "";
    size_t count = 0;
    uint32_t alike = 0, skip = 0;
    err e = device_list(&list, &count, &note);
    if (!e) e = device_select(&best, list, count, NULL);
    for (size_t i = 0; !e && i < count; i++) alike += is_alike(&list[i], best);
    if (alike) skip = g->host_rank % alike;
    for (size_t i = 0; !e && i < count; i++)
        if (is_alike(&list[i], best) && !skip--) {
            *out = list[i];
            break;
        }
    mem_free(list);
    return e;
}

err rank_device(char **selector, uint32_t *threads, const struct group *g, const char *wish) {
    device_info found = {.kind = DEVICE_CPU};
    char *word = NULL;
    *selector = NULL;
    if (group_is_alone(g)) return wish ? mem_strdup(selector, wish) : ERR_OK;
    err e = wish ? own_word(&word, g, wish) : ERR_OK;
    if (!e) e = wish ? device_find(&found, word) : choose_equal(&found, g);
    mem_free(word);
    if (e) return e;
    if (found.kind == DEVICE_CPU && !*threads && g->sharers)
        *threads = found.threads / g->sharers ? found.threads / g->sharers : 1;
    return mem_printf(selector, "%u", found.index);
}

err rank_device_names(char **names, struct group *g, const device_info *d, bool always) {
    char own[sizeof d->name + 16] = "", (*all)[sizeof own] = NULL;
    strbuf text = {0};
    bool differ = always;
    *names = NULL;
    if (group_is_alone(g)) return ERR_OK;
    snprintf(own, sizeof own, "%s (%s)", d->name, device_record_kind(d));
    err e = mem_calloc((void **)&all, g->size, sizeof *all);
    if (!e) e = group_gather(g, all, own, sizeof own);
    for (uint32_t k = 0; !e && k < g->size; k++) {
        differ |= strcmp(all[k], all[0]) != 0;
        e = strbuf_printf(&text, "%s%s", k ? "; " : "", all[k]);
    }
    if (!e && differ) e = mem_strdup(names, text.text);
    strbuf_free(&text);
    mem_free(all);
    return e;
}

void rank_device_watch(struct group *g, device *d) {
    d->is_watched = !group_is_alone(g);
    group_watch(g, WATCH_BEGIN, &d->work);
}
