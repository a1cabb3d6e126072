/* The task of a run that does not come with the program: of the user's own files, of which no
 * manifest lies anywhere, or of a manifest in some folder, which may change or go. The run keeps the
 * text in unfinished.json and run.json, with the folder that its paths go from, and of a manifest's
 * files where they were read. By it the files are found again, and held to their hashes as any task's
 * are; none is fetched. */
#ifndef HARNESS_TRAIN_RUN_KEPT_TASK_H
#define HARNESS_TRAIN_RUN_KEPT_TASK_H

#include "base/json.h"
#include "task/task.h"

/* Most bytes of unfinished.json and run.json: a manifest of 4,096 labels is in them. */
enum { RUN_FILE_LIMIT_BYTES = 16 << 20 };

/* What names of tasks of own files begin with. */
#define KEPT_TASK_PREFIX "own-"

typedef struct kept_task {
    char *name, *manifest; /* owned */
    char *folder;          /* that relative paths of the manifest go from, owned */
    char *where;           /* "<run>/run.json", owned */
    cJSON *places;         /* of the manifest's files, in their order, owned; NULL: not kept */
    bool is_own;           /* of own files; else of a manifest that lay in that folder */
} kept_task;

/* Adds the manifest's text (NULL: there is none) and the folder that its paths go from (NULL: where
 * the program is) to the run's file. Errors: ERR_MEMORY. */
err kept_task_add(cJSON *root, const char *manifest, const char *folder) MUST_CHECK;

/* The same of a task whose manifest is a file, unless it comes with the program, with the paths
 * (count; 0: none are kept) of its files. Errors: ERR_DATA for a file that is no longer what was read;
 * those of file_read. */
err kept_task_add_file(cJSON *root, const task *t, char *const *paths, size_t count) MUST_CHECK;

/* What a finished run's folder, or its folder `model`, keeps. *found is false where that is nothing.
 * Free with kept_task_free, also after an error. Errors: ERR_DATA for a manifest that is not the
 * run's; those of json_read. */
err kept_task_read(kept_task *k, bool *found, const char *folder) MUST_CHECK;
void kept_task_free(kept_task *k);

/* The task of a manifest's text, whose relative paths go from the folder (NULL: where the program
 * is); `where`: the file that keeps the text, which messages then name, or NULL. Errors: those of
 * task_parse. */
err kept_task_text(task *t, const char *name, const char *manifest, const char *folder,
                   const char *where) MUST_CHECK;

/* The task of it; its messages name the run's file. Errors: those of task_parse. */
err kept_task_parse(task *t, const kept_task *k) MUST_CHECK;

/* Where the files of a kept manifest were read, for the task of it (NULL: not known). Errors:
 * ERR_MEMORY. */
err kept_task_place(task *t, const cJSON *places) MUST_CHECK;

#endif
