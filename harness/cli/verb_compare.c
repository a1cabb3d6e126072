#include "base/file.h"
#include "cli/options.h"
#include "report/compare.h"

#include <stdio.h>
#include <string.h>

/* What one argument names: a record, a run's folder, or a folder of either (one model, several
 * seeds). */
typedef struct side {
    record *records; /* (count) owned */
    const record **list;
    size_t count, capacity;
} side;

static void side_free(side *s) {
    for (size_t i = 0; i < s->count; i++) record_free(&s->records[i]);
    mem_free(s->records);
    mem_free(s->list);
    *s = (side){0};
}

static err add_record(side *s, const char *path) {
    err e = mem_grow((void **)&s->records, &s->capacity, s->count + 1, sizeof *s->records);
    if (!e && !(e = record_read(&s->records[s->count], path))) s->count++;
    return e;
}

static bool is_json(const char *name) {
    size_t n = strlen(name);
    return n > 5 && name[0] != '.' && !strcmp(name + n - 5, ".json");
}

// <folder>/*.json and <folder>/*/record.json
static err add_folder(side *s, const char *folder) {
    folder_list list = {0};
    err e = folder_list_read(&list, folder);
    for (size_t i = 0; i < list.count && !e; i++) {
        char *path = NULL, *inside = NULL;
        if (!(e = path_join(&path, folder, list.names[i])) &&
            !(e = path_join(&inside, path, "record.json"))) {
            if (is_json(list.names[i]) && file_exists(path)) {
                e = add_record(s, path);
            } else if (file_exists(inside)) {
                e = add_record(s, inside);
            }
        }
        mem_free(path);
        mem_free(inside);
    }
    folder_list_free(&list);
    if (e || s->count) return e;
    return err_set(
        ERR_IO, "%s: holds no record.json and no record: not the folder of a finished run", folder);
}

static err read_side(side *s, const char *name) {
    char *path = NULL;
    err e;
    if (!folder_exists(name)) {
        e = file_exists(name) ? add_record(s, name)
                              : err_set(ERR_IO, "%s: no such record or run folder", name);
    } else if (!(e = path_join(&path, name, "record.json"))) {
        e = file_exists(path) ? add_record(s, path) : add_folder(s, name);
    }
    mem_free(path);
    if (e || (e = mem_new(&s->list, s->count))) return e;
    for (size_t i = 0; i < s->count; i++) s->list[i] = &s->records[i];
    return ERR_OK;
}

static err compare_sides(strbuf *out, const side *a, const side *b, const options *o, bool json) {
    const char *name_a = o->args[0], *name_b = o->args[1];
    err e;
    if (a->count == 1 && b->count == 1) {
        comparison c;
        if ((e = compare_records(&c, &a->records[0], &b->records[0], COMPARE_TOLERANCE))) return e;
        return json ? compare_json(out, &c, name_a, name_b) : compare_text(out, &c, name_a, name_b);
    }
    group_comparison c;
    if ((e = compare_groups(&c, a->list, a->count, b->list, b->count))) return e;
    return json ? compare_groups_json(out, &c, name_a, name_b)
                : compare_groups_text(out, &c, name_a, name_b);
}

err verb_compare(const options *o) {
    side a = {0}, b = {0};
    strbuf out = {0};
    err e;
    if (o->arg_count != 2) {
        return err_set(ERR_USAGE, "compare takes two records or run folders, found %zu",
                       o->arg_count);
    }
    if (o->format && strcmp(o->format, "json") && strcmp(o->format, "md")) {
        return err_set(ERR_USAGE, "--format expects md or json, found '%s'", o->format);
    }
    bool json = o->json || (o->format && !strcmp(o->format, "json"));
    if ((e = read_side(&a, o->args[0])) || (e = read_side(&b, o->args[1])) ||
        (e = compare_sides(&out, &a, &b, o, json))) {
        goto done;
    }
    fwrite(out.text, 1, out.length, stdout);
done:
    strbuf_free(&out);
    side_free(&a);
    side_free(&b);
    return e;
}
