/* Files of JSON that this program writes and that are no record of a run, though they lie where such
 * records do: in the folders of runs, and in folders that somebody gathered. */
#ifndef HARNESS_RESULT_OTHER_KIND_H
#define HARNESS_RESULT_OTHER_KIND_H

#include "base/json.h"

/* What it is, for messages ("the configuration of a model"), by keys that all such files have and no
 * record has; static. NULL: nothing that is known, or a record. */
const char *other_kind(const cJSON *json);

/* Files that were passed over while records were read. Zeroed is none. */
typedef struct other_files {
    size_t count;
    char first[512]; /* what the reader said of it */
} other_files;

/* e of reading a record, but ERR_OK where it is ERR_UNSUPPORTED: then the file is counted. */
err other_files_pass(other_files *o, err e);
/* Notes how many there were, and the first. */
void other_files_tell(const other_files *o, const char *folder);

#endif
