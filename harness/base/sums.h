/* SHA256SUMS of a folder, in the form that `sha256sum -c` reads: what was written there is told
 * from what a disk or a copy damaged. A folder without the file is taken as it is. */
#ifndef HARNESS_BASE_SUMS_H
#define HARNESS_BASE_SUMS_H

#include "base/err.h"

#include <stddef.h>

/* Writes SHA256SUMS for the files `names` of the folder. */
err sums_write(const char *folder, const char *const *names, size_t count) MUST_CHECK;

/* Removes SHA256SUMS; fine if absent. */
err sums_remove(const char *folder) MUST_CHECK;

/* Adds one more file to it. */
err sums_add(const char *folder, const char *name) MUST_CHECK;

/* Compares one file of the folder, or with name NULL all that are listed.
 * Errors: ERR_DATA naming the file that differs, is missing, is not listed, or, beside
 * the weights, is larger than any reader takes; ERR_FORMAT when SHA256SUMS itself is malformed. */
err sums_check(const char *folder, const char *name) MUST_CHECK;

#endif
