/* Marks of this program on what it made: the only things that a run may delete or replace.
 *
 * Every folder that a run makes (checkpoint-<n>, best, model) holds harness.json from its first
 * moment to its last, with the run's id and what models that begin from it are called. What has no
 * such mark is somebody else's and stays: a link, a file where a folder is expected, a folder that
 * another program made. An empty folder is nobody's. Folders of programs before the mark are known
 * by what only this program wrote (trainer_state.json with a run's identity; SHA256SUMS of a model
 * beside a record). */
#ifndef HARNESS_TRAIN_CHECKPOINT_MARKER_H
#define HARNESS_TRAIN_CHECKPOINT_MARKER_H

#include "base/err.h"

#include <stdbool.h>

/* Makes the folder, which must not exist, and marks it. name: what a model that begins from it is
 * called. Errors: ERR_IO. */
err marker_make(const char *folder, const char *run, const char *name) MUST_CHECK;

/* Whether the folder is absent, or this program made it. Errors: ERR_MEMORY, ERR_IO when it cannot
 * be told. */
err marker_is_ours(bool *ours, const char *folder) MUST_CHECK;

/* The first name, in byte order, in a folder of ours that this program did not write there: anything
 * but a regular file that has the name of a file of a model or a checkpoint, also a folder or a link
 * of such a name. *name is owned, NULL when there is none, nor a folder. Errors: ERR_MEMORY;
 * ERR_IO. */
err marker_stranger(char **name, const char *folder) MUST_CHECK;

/* The refusal to touch what is not ours. Errors: ERR_DATA naming it; those of marker_is_ours. */
err marker_check(const char *folder) MUST_CHECK;

/* Removes a folder of ours with all it holds, the mark last; fine if absent. One that holds a stranger stays whole, with a warning that names it. Errors: those
 * of marker_check; ERR_IO. */
err marker_remove(const char *folder) MUST_CHECK;

/* Moves the complete folder `fresh`, of ours, to `place` and removes what was there, also ours. At
 * no moment is `place` absent once it was there; where the file system cannot exchange folders, it
 * stands aside as old-<name> for a moment, and marker_recover brings it back after a crash. The
 * names are on the disk before anything is removed. Strangers in it go to the new folder, so that
 * they stay where they are; one whose name the new folder has goes beside it as <name>.1, with a
 * warning. Errors: as marker_remove. */
err marker_replace(const char *fresh, const char *place) MUST_CHECK;
err marker_recover(const char *place) MUST_CHECK;

/* What models that begin from this folder are called, by its mark or, of older programs, by the
 * record beside it: "tiny-kor_hate". *name is owned, NULL when nothing says it. Errors:
 * ERR_MEMORY. */
err marker_model_name(char **name, const char *folder) MUST_CHECK;

/* Whether the file is one that this program's runs write at the top of their output folder:
 * record.json, run.json or unfinished.json. False when it is absent, a link, or another's. Errors:
 * ERR_MEMORY. */
err marker_is_run_file(bool *ours, const char *path) MUST_CHECK;

#endif
