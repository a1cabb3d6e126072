/* The results folder: every record in it. Records lie as <folder>/<task>/<name>.json, those of several
 * contributors as <folder>/<who>/<task>/<name>.json. */
#ifndef HARNESS_RESULT_STORE_H
#define HARNESS_RESULT_STORE_H

#include "base/err.h"
#include "platform/stamp.h"
#include "result/other_kind.h"
#include "result/record_lean.h"

#include <stdbool.h>
#include <stddef.h>

/* How a record came into a lean store. */
typedef struct store_file {
    uint8_t sha256[32];     /* of its file */
    file_stamp stamp, page; /* of the file, and of the page made of it; zeros: not known */
} store_file;

typedef struct store {
    record *records;   /* (count) owned, ordered by path */
    store_file *files; /* (count) zeros but of store_read_lean */
    char **paths;      /* (count) relative to the folder, owned */
    size_t count, capacity;
    size_t partial; /* records left out because they are partial */
    size_t dirty;   /* left out because their program had uncommitted changes */
    bool keeps_all; /* store_read_all: no record is left out for being partial or dirty */
    size_t unkept;  /* left out: of somebody's own files, without a manifest */
    size_t damaged; /* could not be read; each was named by a warning */
    other_files others;
    char *folder;   /* owned; NULL: paths stand for themselves */
    lean_pool pool; /* of lean records */
    uint8_t *known; /* that these borrow from, owned */
    bool changed;   /* store_read_lean: not all is as the cache has it */
} store;

/* Reads all records below folder; `baselines`, `performance` and other files than *.json are passed
 * over. A folder that does not exist is an empty store. A damaged record is warned about, counted
 * and skipped; one that lies in the folder itself is warned about and passed over, and how many files
 * of other kinds that this program writes were, is noted. Errors: ERR_IO
 * when the folder cannot be listed; ERR_MEMORY. Free with store_free. */
err store_read(store *s, const char *folder) MUST_CHECK;
/* The same of every record that can be read. */
err store_read_all(store *s, const char *folder) MUST_CHECK;
void store_free(store *s);

/* The same as lean records (record_lean.h), as far as they are known already from a file that
 * store_cache_write wrote for this folder. A record is known by the SHA-256 of its bytes, and by its
 * file's stamp (platform/stamp.h), which spares reading it; a cache that is damaged or of another
 * build of the program is as none.
 *   cache  path of that file; NULL: none
 *   takes  whether a record is one of the store's; one that is not is named by a warning. NULL: all are
 *   each   is given every record that had to be read, full, and its relative path; may be NULL */
typedef struct store_lean {
    const char *cache;
    err (*takes)(bool *takes, void *of, const record *r);
    err (*each)(void *of, const record *full, const char *path, store_file *source);
    void *of;
} store_lean;
err store_read_lean(store *s, const char *folder, const store_lean *how) MUST_CHECK;

/* Adds a record behind the others, which is the store's then (*r is empty), as if it lay at that
 * relative path. Errors: ERR_MEMORY. */
err store_add(store *s, record *r, const char *relative, const store_file *from) MUST_CHECK;

/* Writes the cache of a lean store. Errors: ERR_IO; ERR_MEMORY. */
err store_cache_write(const store *s, const char *cache) MUST_CHECK;

/* Reads the full record of that relative path again. Errors: those of record_read. */
err store_read_full(record *out, const store *s, const char *path) MUST_CHECK;

/* Visits the file of every record below folder, by task and name, whole or not. Errors: ERR_IO when
 * it cannot be listed; what `visit` returns ends the walk. Of records beside the folders of tasks, which are
 * no part of it, a warning tells. */
typedef err store_visit(void *of, const char *path, const char *relative);
err store_walk(const char *folder, store_visit *visit, void *of) MUST_CHECK;

/* What tells the run of a record from all others: two records with one text are of the same run. *text is
 * owned. Errors: ERR_MEMORY. */
err store_run(char **text, const record *r) MUST_CHECK;

/* Where the record lies, or would lie, in the folder, as store_write has it; *path is owned. r is
 * scored. Where its plain name will be another run's, it is to stand apart from that, too. Errors:
 * ERR_ARG for a partial record; those of record_score. */
err store_place(char **path, const char *folder, record *r, bool apart) MUST_CHECK;

/* Whether records of these tasks can be written there; no task's folder may be a link. Leaves
 * nothing. Errors: ERR_IO. */
err store_check_writable(const char *folder, char *const *tasks, size_t count) MUST_CHECK;
/* Makes the folder of such a place; none below the store's may be a link. Errors: ERR_IO. */
err store_make_folder(const char *folder, const char *path) MUST_CHECK;

/* Writes r to its place in the folder (record_file_name). A record of the same run there
 * (run_sha256) is replaced; one of another run whose plain name is the same, and what is no record,
 * stays, and r gets eight more digits in its name. *path (owned, may be NULL) gets the
 * file's path. Errors: ERR_ARG for a partial record; those of record_write. */
err store_write(const char *folder, record *r, char **path) MUST_CHECK;

/* The same, unless a record lies at that place already: then *is_new is false. *path is owned, also
 * after an error NULL or owned. */
err store_write_missing(const char *folder, record *r, char **path, bool *is_new) MUST_CHECK;

/* Marks the record of this very run (made at the same moment) in the folder, if it is there: its
 * model was replaced. Nothing else of its file changes. Errors: those of store_read; ERR_IO. */
err store_mark_gone(const char *folder, const record *gone) MUST_CHECK;

/* Whether the model that a run trained still lies in its output folder; its record alone tells what
 * it was, and cannot be gone on from. */
bool record_model_is_there(const char *output_folder);

#endif
