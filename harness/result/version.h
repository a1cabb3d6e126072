/* What this program is: version, commit, and the versions of what decides numbers. */
#ifndef HARNESS_RESULT_VERSION_H
#define HARNESS_RESULT_VERSION_H

#include "base/numerics.h"

#include <stdbool.h>

const char *version_string(void); /* "0.1.0" */
const char *version_commit(void); /* 40 hexadecimal digits, or "unknown" */
bool version_is_dirty(void);      /* built from a tree with uncommitted changes */

#endif
