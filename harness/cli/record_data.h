/* Whether a record is of the task's data that lie here: its gold answers, the texts that repeat, what
 * the deduplicated score leaves out, counts and hashes. A record says of its own answers what its
 * scores are; that the answers are to these rows only the data can tell. */
#ifndef HARNESS_CLI_RECORD_DATA_H
#define HARNESS_CLI_RECORD_DATA_H

#include "data/dataset.h"
#include "result/record.h"

/* The task last asked for. Zeroed at first. */
typedef struct record_data {
    const char *task_dir, *data_dir; /* borrowed; may be NULL */
    char *name;                      /* owned; of what follows */
    char *lacks;                     /* owned: why nothing can be compared; NULL: it can */
    task task;
    dataset data;
} record_data;
void record_data_free(record_data *d);

/* *lacks is NULL, or says why the record was not compared with the data (borrowed until the next call);
 * with the manifest it is wherever that is here.
 * Errors: ERR_DATA naming the key that the data or the manifest contradict; ERR_MEMORY. */
err record_data_check(const char **lacks, record_data *d, const record *r,
                      const char *path) MUST_CHECK;

#endif
