/* A task made of files that nobody described: `run --train-file` and `tasks new`.
 *
 * The files are read once, from begin to end, and what is found becomes the text of a manifest
 * (task/task.h): kind and columns of the files, their hashes and rows, the labels in the order of
 * their values (whole numbers by size, others by their bytes). Everything behind it takes the
 * manifest like any other. A row without label, or whose label no training row has, is an error
 * that counts such rows, unless they are to be left out. */
#ifndef HARNESS_CLI_OWN_FILES_H
#define HARNESS_CLI_OWN_FILES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The first kinds of answers, in their order. */
#define OWN_KIND_WORDS "classification, regression, multi_label"

typedef enum own_role { OWN_TRAIN, OWN_TEST, OWN_VALIDATION, OWN_ROLES } own_role;

typedef struct own_files {
    const char *paths[OWN_ROLES]; /* without OWN_TEST a fifth of the training texts is the test
                                     set, by hash; NULL: none */
    /* columns, or NULL: guessed where one guess alone is possible, which is said */
    const char *text, *text_pair, *label;
    const char *kind;            /* one of OWN_KIND_WORDS; NULL: classification */
    const char *label_separator; /* of kind multi_label */
    bool skips_bad_rows;
    bool
        leaves_test; /* the test file is named alone, and not opened: nothing is said of its rows */
    const char *name; /* NULL: made of the name of the training file, "own-reviews" */
    /* where the manifest will lie: its paths are from there on, or absolute for files that are not
       below it; NULL: paths are as given */
    const char *folder;
} own_files;

/* Makes the manifest; *name and *manifest are owned, also after an error NULL or owned.
 * Errors: ERR_USAGE for a column that is not there (naming those that are), or where no guess or
 * several are possible; ERR_DATA for labels or texts that nothing can be learnt from; those of
 * table_next and file_open. */
err own_files_manifest(char **name, char **manifest, const own_files *w) MUST_CHECK;

/* *found: the column that holds the text, or with `label` the label, by its name alone ("text",
 * "sentence", "label", ...), or where none is called so by the Korean word that it ends in
 * ('댓글 내용', '감정 라벨'); count when none has such a name, or several have. Errors: ERR_MEMORY. */
err own_column_known(size_t *found, char *const *columns, size_t count, bool label) MUST_CHECK;

#endif
