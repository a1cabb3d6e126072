/* Shared inside harness/platform only: errors with errno, temporary names. */
#ifndef HARNESS_PLATFORM_FILE_INTERNAL_H
#define HARNESS_PLATFORM_FILE_INTERNAL_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* "PATH: what: text of errno" */
err file__error(const char *path, const char *what);

/* "a folder", "a FIFO" and so on, for any mode but a regular file's. */
const char *file__kind(mode_t mode);

/* Makes an empty file of random name (.harness-<16 hexadecimal digits>.tmp) in a folder, open for
 * writing. *path is owned. */
err file__temporary(int *fd, char **path, const char *folder) MUST_CHECK;

#endif
