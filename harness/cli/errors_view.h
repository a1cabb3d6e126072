/* What `harness errors` found, for people and as JSON. */
#ifndef HARNESS_CLI_ERRORS_VIEW_H
#define HARNESS_CLI_ERRORS_VIEW_H

#include "data/dataset.h"
#include "metric/calibration.h"
#include "result/errors.h"
#include "result/record.h"

/* One run, as its model answers now. */
typedef struct errors_run {
    const char *folder;
    record record;
    float *logits;             /* (rows, classes) of the test rows, owned */
    uint32_t *predicted;       /* (rows) owned */
    size_t moved;              /* rows that its record has answered otherwise */
    calibration plain, scaled; /* at temperature 1, and at the one fitted */
    double temperature;        /* NaN: not fitted, its training had the dev rows */
} errors_run;

typedef struct errors_view {
    const task *task;
    const dataset *data;
    const errors_run *runs; /* (run_count) */
    size_t run_count;
    const errors *found;
    size_t shown; /* most rows and pairs of a list */
    bool texts;   /* the texts too */
} errors_view;

err errors_view_print(const errors_view *v) MUST_CHECK;
err errors_view_json(const errors_view *v) MUST_CHECK;

#endif
