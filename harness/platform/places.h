/* Where files of this user lie, by the environment: the one place that knows.
 *
 * Caches follow the XDG rule: below $XDG_CACHE_HOME if that is an absolute path (a relative one is
 * ignored, as the specification says), else below .cache in the home folder. The home folder is
 * $HOME, or without it what the system's user table says. */
#ifndef HARNESS_PLATFORM_PLACES_H
#define HARNESS_PLATFORM_PLACES_H

#include "base/err.h"

#include <stdbool.h>

/* The variable's value; NULL when it is unset or empty. Borrowed from the environment. */
const char *environment(const char *name);

/* Takes the variable out of the environment where it is empty, for libraries to which that is not the
 * same as unset. */
void environment_drop_empty(const char *name);

/* *seconds of a variable, which stay as they are where it is unset or empty. Errors: ERR_USAGE unless it
 * is a number above 0 and at most `most`. */
err environment_seconds(double *seconds, const char *name, int most) MUST_CHECK;

/* True when the variable is 1, on, yes or true, in any case: as huggingface_hub reads switches. */
bool environment_is_true(const char *name);

/* "<cache>/<below>"; *path is owned. Errors: ERR_IO where the user has no home folder either. */
err place_cache(char **path, const char *below) MUST_CHECK;

/* The path with a leading ~ or ~USER replaced by that home folder, then $NAME and ${NAME} by the
 * environment; what is not known stays as it is. As os.path.expanduser and expandvars of Python.
 * *path is owned. */
err place_expand(char **path, const char *text) MUST_CHECK;

#endif
