/* `harness report --history FOLDER...`: speed and score over time (report/history.h), from the run
 * records of results folders and the records of speed that lie in them. */
#ifndef HARNESS_CLI_HISTORY_VIEW_H
#define HARNESS_CLI_HISTORY_VIEW_H

#include "cli/options.h"
#include "report/html.h"

/* Of the folders named, or the results folder; written into --output-dir, or the first of them.
 * Errors: ERR_DATA for a folder that is not there and for files of these names that are another's;
 * ERR_FORMAT after all is written when a record was damaged. */
err history_view(const options *o, page_language language) MUST_CHECK;

#endif
