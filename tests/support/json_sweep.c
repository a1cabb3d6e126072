#include "support/json_sweep.h"

#include "base/json.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>

enum { DEPTH_MAX = 8 };

/* A place: which child of which child. */
typedef struct place {
    int steps[DEPTH_MAX], depth;
} place;

typedef struct sweep_state {
    strbuf *out;
    const cJSON *root;
    const char *path;
    json_sweep_reader reader;
} sweep_state;

static const char *const others[] = {"null", "true", "\"\"", "{}", "-1", "0.5"};
enum { OTHERS = sizeof others / sizeof *others };

// the message, without what stands before the file's name in it, or before another's beside it
static void add_message(const sweep_state *s, err e) {
    const char *text = err_message(e), *folder = temporary_folder(), *at;
    while ((at = strstr(text, folder))) {
        bool is_file = !strncmp(at, s->path, strlen(s->path));
        MUST(strbuf_add_bytes(s->out, text, (size_t)(at - text)));
        MUST(strbuf_add(s->out, is_file ? "FILE" : "FOLDER"));
        text = at + strlen(is_file ? s->path : folder);
    }
    MUST(strbuf_printf(s->out, "%s\n", text));
}

/* The text with the change at the place, or without the place; owned. NULL: no change. */
static char *changed(const sweep_state *s, const place *p, const char *to) {
    cJSON *all = cJSON_Duplicate(s->root, 1), *above = all, *value = NULL;
    for (int i = 0; i + 1 < p->depth; i++) above = cJSON_GetArrayItem(above, p->steps[i]);
    cJSON *item = cJSON_GetArrayItem(above, p->steps[p->depth - 1]);
    char *text = NULL;
    if (!to) {
        cJSON_Delete(cJSON_DetachItemViaPointer(above, item));
    } else {
        value = cJSON_Parse(to);
        bool same_type = value->type == item->type;
        // of its own type: a value that is empty or out of range
        if (same_type && (cJSON_IsBool(item) || cJSON_Compare(value, item, 1))) {
            cJSON_Delete(value);
            goto done;
        }
        if (cJSON_IsObject(above))
            cr_assert(cJSON_ReplaceItemInObjectCaseSensitive(above, item->string, value));
        else
            cr_assert(cJSON_ReplaceItemViaPointer(above, item, value));
    }
    text = cJSON_PrintUnformatted(all);
done:
    cJSON_Delete(all);
    return text;
}

static void try_text(const sweep_state *s, const char *text, const char *name, const char *to) {
    MUST(file_write_quick(s->path, text, strlen(text)));
    size_t live = mem_live_count();
    err e = s->reader(s->path);
    cr_assert_eq(mem_live_count(), live, "%s, %s: blocks are left", name, to ? to : "left out");
    MUST(strbuf_printf(s->out, "%s %s: ", name, to ? to : "left out"));
    if (e)
        add_message(s, e);
    else
        MUST(strbuf_add(s->out, "is read\n"));
}

static void try_change(const sweep_state *s, const place *p, const char *name, const char *to) {
    char *text = changed(s, p, to);
    if (text) try_text(s, text, name, to);
    cJSON_free(text);
}

static void sweep_below(const sweep_state *s, const cJSON *parent, place *p, const char *above) {
    int count = cJSON_GetArraySize(parent), at = 0;
    if (p->depth == DEPTH_MAX) return;
    p->depth++;
    for (const cJSON *item = parent->child; item; item = item->next, at++) {
        bool is_key = cJSON_IsObject(parent);
        if (!is_key && at && at + 1 < count) continue;
        char name[256];
        if (is_key)
            snprintf(name, sizeof name, "%s.%s", above, item->string);
        else
            snprintf(name, sizeof name, "%s[%d]", above, at);
        p->steps[p->depth - 1] = at;
        try_change(s, p, name, NULL);
        for (size_t i = 0; i < OTHERS; i++) try_change(s, p, name, others[i]);
        sweep_below(s, item, p, name);
    }
    p->depth--;
}

void json_sweep(strbuf *out, const char *text, const char *path, json_sweep_reader reader) {
    cJSON *root;
    MUST(json_parse(&root, text, strlen(text), path));
    MUST(file_write_quick(path, text, strlen(text)));
    MUST(reader(path));
    sweep_state s = {out, root, path, reader};
    place p = {.depth = 0};
    for (size_t i = 0; i < OTHERS; i++) try_text(&s, others[i], "all", others[i]);
    try_text(&s, "[]", "all", "[]");
    sweep_below(&s, root, &p, "");
    cJSON_Delete(root);
}
