/* Manifests of corpora, corpora/<name>.json: corpora/README.md is their schema. They share with
 * those of tasks what names and describes data and its files, so they fill the same struct: of it
 * path, folder, name to files, and of format kind and text are set. */
#ifndef HARNESS_TASK_CORPUS_MANIFEST_H
#define HARNESS_TASK_CORPUS_MANIFEST_H

#include "task/task.h"

/* Reads and checks one manifest. Free with task_free. Errors: as task_load. */
err corpus_manifest_load(task *t, const char *path) MUST_CHECK;

/* As task_find and task_list: further ones lie in the folder corpora of each folder of tasks. */
err corpus_manifest_find(task *t, const char *name, const char *extra_dir) MUST_CHECK;
err corpus_manifest_list(task_catalog *c, const char *extra_dir) MUST_CHECK;

#endif
