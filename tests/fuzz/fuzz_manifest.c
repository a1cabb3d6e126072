/* Task manifests, and the paths that follow from them. */
#include "base/memory.h"
#include "data/dataset.h"
#include "fuzz.h"
#include "metric/score.h"
#include "task/task.h"

#include <string.h>

/* No name in a manifest leads out of the data folder. */
static void check_path(const task *t, const task_file *f, bool sample) {
    char *path = NULL;
    dataset_options o = {.data_dir = "/data", .sample = sample};
    if (!fuzz_needs(dataset_path(&path, t, f, &o))) return;
    const char *rest = path + (sample ? strlen(t->folder) + strlen("/sample") : strlen("/data"));
    FUZZ_CHECK(rest[0] == '/' && rest[1] != '.' && rest[1] != '/');
    const char *slash = strchr(rest + 1, '/');
    FUZZ_CHECK(slash && slash[1] && slash[1] != '.' && !strchr(slash + 1, '/'));
    mem_free(path);
}

static void check_task(const task *t) {
    const task_format *f = &t->format;
    FUZZ_CHECK(!strcmp(t->name, "made") && t->file_count >= 1);
    FUZZ_CHECK(t->kind == ANSWER_NUMBER ? !t->label_count && t->low < t->high
                                        : t->label_count >= 2);
    FUZZ_CHECK(t->max_length >= 3 && t->max_length <= 512);
    if (f->kind == TASK_FORMAT_DELIMITED) {
        FUZZ_CHECK(f->text_column < f->column_count);
        FUZZ_CHECK(!f->text_pair || f->pair_column < f->column_count);
        FUZZ_CHECK(!f->label || f->label_column < f->column_count);
        for (size_t i = 0; f->column_labels && i < f->column_count; i++)
            FUZZ_CHECK(f->column_labels[i] <= t->label_count);
    }
    for (size_t i = 0; i < t->label_count; i++) {
        const char *value = t->labels[i].value;
        FUZZ_CHECK(task_label_index(t, value, strlen(value)) == i);
    }
    for (size_t i = 0; i < t->metric_count; i++) FUZZ_CHECK(metric_find(t->metrics[i]) != NULL);
    FUZZ_CHECK(metric_find(t->headline) != NULL);
    FUZZ_CHECK(metric_applies(metric_find(t->headline), t->kind, t->label_count));
    for (size_t i = 0; i < t->file_count; i++) {
        FUZZ_CHECK(!t->files[i].label || t->files[i].label_id < t->label_count);
        check_path(t, &t->files[i], false);
        check_path(t, &t->files[i], true);
    }
}

FUZZ_TARGET(manifest) {
    task t;
    fuzz_begin();
    if (fuzz_accepts(task_load(&t, fuzz_file("made.json", data, size)))) check_task(&t);
    task_free(&t);
    fuzz_end();
}
