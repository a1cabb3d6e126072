/* What comes with the program: manifests of tasks and corpora, models, baselines.
 *
 * It is found from where the program lies, links to it resolved: in the folder share/harness beside
 * it (a build folder), else in the folder of data of the prefix that it is installed in. No path is
 * compiled in, so an installed tree may be moved. The folder's file VERSION says which program it
 * belongs to. */
#ifndef HARNESS_PLATFORM_ASSETS_H
#define HARNESS_PLATFORM_ASSETS_H

#include "base/err.h"

#include <stdbool.h>

/* "<place>/<name>"; *path is owned. Errors: ERR_IO naming the places where none is, what
 * stands there instead or cannot be looked into, or the folder that lacks the name; ERR_DATA of
 * another version. */
err asset_folder(char **path, const char *name) MUST_CHECK;

/* ERR_OK where the file, one of those that come with the program, is there. Errors: ERR_IO naming it and
 * what to do, what stands there instead, or why it cannot be looked at. */
err asset_need(const char *path) MUST_CHECK;

/* Whether that folder is `name` of them. */
bool asset_is(const char *folder, const char *name);

/* A plugin: "<place>/<file>", beside the program (a build folder), else in the folder of libraries
 * of the prefix that it is installed in; NULL where it is in neither. *path is owned. */
err asset_plugin(char **path, const char *file) MUST_CHECK;

#endif
