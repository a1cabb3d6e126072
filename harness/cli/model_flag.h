/* --model and --revision as one name each. */
#ifndef HARNESS_CLI_MODEL_FLAG_H
#define HARNESS_CLI_MODEL_FLAG_H

#include "cli/options.h"

/* Where --revision is given, puts it behind each model of --model as NAME@REVISION. *owned is what
 * o->model then points to (mem_free after the verb; NULL without --revision).
 * Errors: ERR_USAGE without --model, for a preset or a folder, and for a name with another revision.
 */
err model_flag_join(char **owned, options *o) MUST_CHECK;

#endif
