/* Shared inside harness/task only: parts that manifests of tasks and of corpora have in common. */
#ifndef HARNESS_TASK_TASK_INTERNAL_H
#define HARNESS_TASK_TASK_INTERNAL_H

#include "base/json.h"
#include "base/memory.h"
#include "task/task.h"

/* Reads path as one JSON object into t, whose path, folder and manifest are then set, and gives it
 * to load. *t is freed on an error. */
err task__read(task *t, const char *path, err (*load)(task *t, const cJSON *root)) MUST_CHECK;

/* schema, name, version, title, source, licence, citation, data_folder. */
err task__load_heading(task *t, const cJSON *root) MUST_CHECK;

/* The list `files`; without roles each is TASK_ROLE_ALL, and there is at least one. */
err task__load_files(task *t, const cJSON *root, bool has_roles) MUST_CHECK;

/* Appends the names, with commas. */
err task__join_names(strbuf *list, const char *const *names, size_t count) MUST_CHECK;

/* Fails unless every key of object is among allowed (count, at most 32), and none is there twice.
 */
err task__check_keys(const cJSON *object, const char *where, const char *const *allowed,
                     size_t count) MUST_CHECK;
#define CHECK_KEYS(object, where, ...)                                                             \
    task__check_keys((object), (where), (const char *const[]){__VA_ARGS__},                        \
                     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* A string that is one of names; *index is which. */
err task__choice(size_t *index, const cJSON *object, const char *key, const char *where,
                 const char *const *names, size_t count) MUST_CHECK;

#define CHOICE(index, object, key, where, ...)                                                     \
    task__choice((index), (object), (key), (where), (const char *const[]){__VA_ARGS__},            \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* A string that is not empty. */
err task__filled_string(const char **out, const cJSON *object, const char *key,
                        const char *where) MUST_CHECK;

/* A string that can be a name (name_is_word). */
err task__plain_name(const char **name, const cJSON *object, const char *key,
                     const char *where) MUST_CHECK;

/* What the manifest says of its group. pre: kind, labels and metrics are loaded. */
err task__load_group(task *t, const cJSON *root) MUST_CHECK;

/* A name of a list and its place there. */
typedef struct task__named {
    const char *name;
    size_t index;
} task__named;

/* Sorts the names (count) and looks for one that is there twice: *first and *second are the lowest
 * such places, count when there is none. */
void task__find_double(size_t *first, size_t *second, task__named *names, size_t count);

/* An array of least to most elements. */
err task__bounded_array(const cJSON **list, size_t *count, const cJSON *object, const char *key,
                        size_t least, size_t most, const char *where) MUST_CHECK;

/* How files are read. pre: kind and files are loaded. */
err task__load_format(task *t, const cJSON *root) MUST_CHECK;

/* Finds the labels that files and columns stand for. pre: files, format and labels are loaded. */
err task__bind_labels(task *t) MUST_CHECK;

/* Finds the manifests of extra_dir (may be NULL), of the folders of HARNESS_TASKS, of both in the
 * folder `below` where they have one (NULL: in themselves), and of the asset (platform/assets.h); of
 * one name the first counts. */
err task__list(task_catalog *c, const char *extra_dir, const char *below,
               const char *asset) MUST_CHECK;

/* Loads the manifest of a name in c. Errors: those of `load`; ERR_USAGE listing the known names, the
 * nearest of them and the manifests that cannot be loaded; advice stands behind them. */
typedef err task__loader(task *t, const char *path);
err task__look_up(task *t, const task_catalog *c, const char *name, const char *what,
                  task__loader *load, const char *advice) MUST_CHECK;

#endif
