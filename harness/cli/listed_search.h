/* A folder in which `tune` searched, as one entry of the list of runs. */
#ifndef HARNESS_CLI_LISTED_SEARCH_H
#define HARNESS_CLI_LISTED_SEARCH_H

#include "cli/run_list.h"

/* Fills in r->trials, whose number is 0 where the folder is none of a search: files in its folder
 * `trials` that this program wrote (result/tune_trial.h). Of a search: task, model, device, seed,
 * state (finished once tune.json is there), the best dev score and its metric. Errors: ERR_MEMORY;
 * those of folder_list_read. */
err listed_search_read(listed_run *r, const char *folder) MUST_CHECK;

#endif
