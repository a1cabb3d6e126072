/* What run.c, run_files.c and run_log.c share beside run_parts.h. */
#ifndef HARNESS_TRAIN_RUN_RUN_INTERNAL_H
#define HARNESS_TRAIN_RUN_RUN_INTERNAL_H

#include "metric/score.h"
#include "train/checkpoint/marker.h"
#include "train/run/run_parts.h"

/* Says who this run is (r->identity, r->surroundings); needs task, device, data and source. */
err run__identify(run *r) MUST_CHECK;
/* Rank 0's place in the run, if it resumed one, to all. */
err run__share_state(run *r) MUST_CHECK;
/* Of a group whose ranks' devices differ: all take rank 0's weights and moments. */
err run__bring_together(run *r) MUST_CHECK;
void run__output_close(run *r);
/* c: of the dev rows; seconds that scoring them took. */
err run__log_evaluation(run *r, const confusion *c, double loss, double seconds) MUST_CHECK;
/* The test rows, which are scored: the last line. */
err run__log_test(run *r) MUST_CHECK;
/* The folder is finished. */
err run__end(run *r) MUST_CHECK;

/* Whether a run makes a folder of that name beside its checkpoints: model, best, partial-model ... */
bool run__is_folder_name(const char *name);

#endif
