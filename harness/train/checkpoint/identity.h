/* What a run is, as an object of texts by field, and how two of them differ. Which fields there are
 * stands in train/run/identity.c. */
#ifndef HARNESS_TRAIN_CHECKPOINT_IDENTITY_H
#define HARNESS_TRAIN_CHECKPOINT_IDENTITY_H

#include "base/json.h"
#include "base/memory.h"

/* Appends the fields that are not the same, with both values: "seed is 42 there, 43 now; ...", at
 * most a few of them; a field that one side lacks is "absent". Nothing when all are equal. Errors:
 * ERR_MEMORY. */
err identity_differences(strbuf *out, const cJSON *there, const cJSON *now) MUST_CHECK;

/* Refuses what is not the same run. what: "unfinished run", "checkpoint". Errors: ERR_DATA naming
 * `where` and each field that differs, with both values. */
err identity_check(const cJSON *there, const cJSON *now, const char *where,
                   const char *what) MUST_CHECK;

#endif
