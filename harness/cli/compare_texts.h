/* The texts of the test rows that a record is of, where someone asked for them: licences differ. */
#ifndef HARNESS_CLI_COMPARE_TEXTS_H
#define HARNESS_CLI_COMPARE_TEXTS_H

#include "cli/options.h"
#include "data/dataset.h"
#include "result/record.h"

typedef struct compare_texts {
    task task;
    dataset data;
    char **list; /* (test rows) owned; of pairs both texts with a bar between */
    size_t count;
} compare_texts;

/* From --data, $HARNESS_DATA or the cache; nothing is downloaded. Free in any case. Errors: ERR_DATA when
 * the data are not those of the record; those of dataset_load. */
err compare_texts_load(compare_texts *t, const record *r, const options *o) MUST_CHECK;
void compare_texts_free(compare_texts *t);

#endif
