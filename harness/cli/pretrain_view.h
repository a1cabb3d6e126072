/* What `pretrain` ends with on standard output: what was learned, where it lies, what comes next. */
#ifndef HARNESS_CLI_PRETRAIN_VIEW_H
#define HARNESS_CLI_PRETRAIN_VIEW_H

#include "base/err.h"

/* Of a finished pretraining's folder, by its record.json. mask: the model's own, or NULL: "[MASK]".
 * Errors: json_read's; ERR_MEMORY. */
err pretrain_view(const char *folder, const char *mask) MUST_CHECK;

#endif
