/* The files of a search for a recipe in its folder: tune.json, recipe.json and those of trials. What is
 * not of this program there, or was changed since, is refused before anything is trained. */
#ifndef HARNESS_CLI_TUNE_PLACES_H
#define HARNESS_CLI_TUNE_PLACES_H

#include "cli/options.h"
#include "cli/tune_view.h"

/* Looks at all places that the search will write, and writes nothing there that stays.
 *   top     the folder that a person named, or the first that the program makes
 *   folder  the search's, top or below it
 * Errors: ERR_DATA for a file that is not as a search wrote it; ERR_IO for a link or what is no file
 * or folder where one is written; ERR_USAGE for an --output that would replace another's. */
err tune_places_check(const char *top, const char *folder, const options *o) MUST_CHECK;

/* Writes tune.json, then recipe.json, then the file `output` (NULL: none). At no moment does one of
 * the recipes lie there of which tune.json does not know. *root is tune.json's content, owned. */
err tune_places_write(cJSON **root, const tune_result *t, const char *output) MUST_CHECK;

#endif
