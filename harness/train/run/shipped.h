/* The small models that come with the program (models/), known by their names everywhere. They lie
 * beside the program, in the source folder of a checkout or where it is installed, and load as any
 * model folder; nothing is asked of a hub. */
#ifndef HARNESS_TRAIN_RUN_SHIPPED_H
#define HARNESS_TRAIN_RUN_SHIPPED_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define SHIPPED_MODELS(X) X("ko-tiny") X("ko-mini")

/* The one that counts where none is named; a preset is pretrained with its vocabulary. */
#define SHIPPED_DEFAULT "ko-mini"

bool shipped_known(const char *model);
/* "ko-tiny, ko-mini" */
const char *shipped_names(void);

/* The folder of such a model, with its vocabulary at least; *folder is owned. pre: shipped_known.
 * Errors: ERR_IO naming where it was looked for. */
err shipped_folder(char **folder, const char *model) MUST_CHECK;

/* The same, with configuration and weights. */
err shipped_model(char **folder, const char *model) MUST_CHECK;

/* The recipe that a run of the model takes where none is named: a preset's or such a model's own,
 * else transformers' defaults. */
const char *model_recipe_name(const char *model);

#endif
