/* What of an output folder can go, and its removal: nothing goes that was not found before. What
 * this program did not make stays, and so does what is still of use with it: a checkpoint that
 * holds a stranger's file keeps the unfinished run that it is of. */
#ifndef HARNESS_TRAIN_RUN_WASTE_H
#define HARNESS_TRAIN_RUN_WASTE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct run_waste {
    char **paths; /* (count) owned, in the order in which they go */
    size_t count, capacity;
    size_t checkpoints; /* among them */
    uint64_t bytes;     /* of all files in them */
    char *stranger;     /* the first thing that keeps what would else go, owned; NULL: none */
    size_t kept;        /* folders that stay for that */
    bool keeps_result;  /* whole: a finished run's record and model are there and stay */
} run_waste;

/* Looks through an output folder.
 *   whole  an unfinished run, of which all goes but what a finished one left in the same folder;
 *          else the checkpoints of a finished run
 * Free with run_waste_free, also after an error. Errors: ERR_IO; ERR_MEMORY; ERR_DATA when the
 * folder's run is not, or no longer, unfinished (whole) or finished. */
err run_waste_find(run_waste *w, const char *folder, bool whole) MUST_CHECK;
/* Removes what was found. Errors: ERR_IO. */
err run_waste_remove(const run_waste *w) MUST_CHECK;
void run_waste_free(run_waste *w);

#endif
