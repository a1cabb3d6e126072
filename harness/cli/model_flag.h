/* What --model, --revision and --arch name. */
#ifndef HARNESS_CLI_MODEL_FLAG_H
#define HARNESS_CLI_MODEL_FLAG_H

#include "cli/options.h"
#include "model/encoder/family.h"

/* Where --revision is given, puts it behind each model of --model as NAME@REVISION. *owned is what
 * o->model then points to (mem_free after the verb; NULL without --revision). To who takes
 * --checkpoint, o->checkpoint is what either of the two names.
 * Errors: ERR_USAGE for --model beside --checkpoint; of --revision without --model, for a preset or
 * a folder, and for a name with another revision. */
err model_flag_join(char **owned, options *o) MUST_CHECK;

/* The family that --arch names for the presets of --model; NULL without --arch.
 * Errors: ERR_USAGE for an unknown family, with the nearest one, and where --model names anything
 * but presets: a folder's config.json says what it is. */
err model_flag_arch(const encoder_family **family, const options *o) MUST_CHECK;

/* What tokenizer_load reads for a model: a tokenizer's file, a model of the program, a model folder, the model in a run's
 * output folder, or what the hub's cache holds of a hub name. *path is owned.
 * Errors: ERR_USAGE for a preset and for what is nothing of these; those of hub_tokenizer. */
err model_flag_tokenizer(char **path, const char *model, bool offline) MUST_CHECK;

#endif
