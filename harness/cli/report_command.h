/* `harness report` as a next step of a verb that wrote records. */
#ifndef HARNESS_CLI_REPORT_COMMAND_H
#define HARNESS_CLI_REPORT_COMMAND_H

#include "base/memory.h"
#include "cli/options.h"

/* Appends the command that shows the records of the verb's results folder, with the folder of its
 * manifests. Errors: ERR_MEMORY. */
err report_command(strbuf *out, const options *o) MUST_CHECK;

#endif
