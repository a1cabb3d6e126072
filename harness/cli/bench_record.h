/* The record of a bench, as JSON: what `harness bench --json` prints, results/performance/ keeps
 * and bench_table.h turns into tables. */
#ifndef HARNESS_CLI_BENCH_RECORD_H
#define HARNESS_CLI_BENCH_RECORD_H

#include "base/json.h"
#include "bench/bench_file.h"
#include "cli/options.h"

/* What was measured on what; all borrowed. */
typedef struct bench_subject {
    const char *model, *task;
    bool sample;         /* of the task: the bundled one */
    bool is_pretraining; /* of a masked language model */
    uint32_t vocabulary;
    const bench_options *options;
    const options *flags; /* as given */
    const device *device;
    const char *rank_devices; /* of rank_device_names, or NULL */
} bench_subject;

/* *out is owned (cJSON_Delete), also on error. Errors: ERR_MEMORY. */
err bench_record(cJSON **out, const bench_subject *s, const bench *b) MUST_CHECK;

#endif
