#include "cli/compare_texts.h"

#include "base/memory.h"
#include "cli/record_rows.h"
#include "cli/task_flag.h"
#include "platform/file.h"
#include "task/task.h"

#include <string.h>

static err join(char **out, const example *x) {
    return x->text_count > 1 ? mem_printf(out, "%s | %s", x->texts[0].text, x->texts[1].text)
                             : mem_strdup(out, x->texts[0].text);
}

/* The folder of the run that a side is, or of its record; *folder is owned. */
static err folder_of(char **folder, const char *side) {
    return folder_exists(side) ? mem_strdup(folder, side) : path_folder(folder, side);
}

err compare_texts_load(compare_texts *t, const record *r, const options *o) {
    *t = (compare_texts){0};
    char *folder = NULL;
    err e = folder_of(&folder, o->args[0]);
    if (!e) e = task_flag_find(&t->task, o, r->task.name, folder);
    mem_free(folder);
    if (!e) e = record_rows_load(&t->data, &t->task, r, o, o->args[0]);
    t->count = e ? 0 : t->data.test.row_count;
    if (!e) e = mem_new(&t->list, t->count);
    for (size_t i = 0; i < t->count && !e; i++)
        e = join(&t->list[i], &t->data.test.rows[i].example);
    return e;
}

void compare_texts_free(compare_texts *t) {
    for (size_t i = 0; t->list && i < t->count; i++) mem_free(t->list[i]);
    mem_free(t->list);
    dataset_free(&t->data);
    task_free(&t->task);
    *t = (compare_texts){0};
}
