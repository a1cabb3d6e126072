/* What `pretrain` ends with on standard output: what was learned, where it lies, what comes next. */
#ifndef HARNESS_CLI_PRETRAIN_VIEW_H
#define HARNESS_CLI_PRETRAIN_VIEW_H

#include "base/err.h"
#include "cli/output.h"
#include "train/pretrain/pretrain.h"

#include <stdbool.h>

/* Of a finished pretraining's folder, by its record.json. mask: the model's own, or NULL: "[MASK]".
 * as_json: the record itself, in one line, in place of all that. Errors: json_read's; ERR_MEMORY. */
err pretrain_view(const char *folder, const char *mask, bool as_json) MUST_CHECK;

/* Says that it was found finished (run_finished_note). Errors: json_read's. */
err pretrain_finished_note(const run *r) MUST_CHECK;

/* Warns, once in a group, of tasks whose test texts could not be left out of the corpus. */
void pretrain_warn_absent(const pretrain *p);

/* What the pretraining is of: model, corpus, sentences, device and steps, a line each by its label. */
void pretrain_plan(const pretrain *p, output_line *line);

#endif
