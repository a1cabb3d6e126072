/* Another program, run to its end, as a stranger: what it writes is read as far as the limits go,
 * and no longer than they say. */
#ifndef HARNESS_PLATFORM_STRANGER_H
#define HARNESS_PLATFORM_STRANGER_H

#include "base/memory.h"

enum { STRANGER_LINE_BYTES = 240 };

typedef struct stranger_limits {
    double seconds;   /* from its start to its end */
    size_t out_bytes; /* of its standard output */
} stranger_limits;

typedef struct stranger_output {
    strbuf out;                     /* standard output; owned */
    char last[STRANGER_LINE_BYTES]; /* the last line of standard error that says something */
    int code;                       /* that it ended with */
    double seconds;                 /* it took */
} stranger_output;

/* Runs the program of the file `path` (no search in $PATH) with arguments (argv, up to a NULL; the
 * first is its name), an empty standard input and this process's environment and folder, and waits
 * for its end. It ends with this process, and what it has started and left running ends with it.
 * Another code than 0 is no error here. Free with stranger_free, also after an error.
 * Errors: ERR_IO when it cannot be started; ERR_DATA, each naming the path, when a limit is passed
 * or a signal ended it. */
err stranger_run(stranger_output *o, const char *path, const char *const *arguments,
                 stranger_limits limits) MUST_CHECK;
void stranger_free(stranger_output *o);

#endif
