/* The rows that a run was made of, by its record: those of a run with --limit too. */
#ifndef HARNESS_CLI_RECORD_ROWS_H
#define HARNESS_CLI_RECORD_ROWS_H

#include "cli/options.h"
#include "data/dataset.h"
#include "result/record.h"

/* Loads them from --data, $HARNESS_DATA or the cache; nothing is downloaded. How many a partial run
 * took its record says, unless --limit does. `whose` names the run. Free with dataset_free, also
 * after an error. Errors: ERR_DATA when the data here are others; those of dataset_load. */
err record_rows_load(dataset *d, const task *t, const record *r, const options *o,
                     const char *whose) MUST_CHECK;

#endif
