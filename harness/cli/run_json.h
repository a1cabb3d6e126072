/* `harness run --json`: one line a run. */
#ifndef HARNESS_CLI_RUN_JSON_H
#define HARNESS_CLI_RUN_JSON_H

#include "cli/run_record.h"

/* Prints scores, interval, losses and places of a run that is finished.
 *   path  of its record: among the results, or in its own folder
 * Errors: ERR_MEMORY. */
err run_json(const record *rec, const run *r, const run_summary *s, const char *path) MUST_CHECK;

#endif
