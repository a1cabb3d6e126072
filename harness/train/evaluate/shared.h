/* Scoring by the ranks of a group (train/group): each scores a part of the rows. */
#ifndef HARNESS_TRAIN_EVALUATE_SHARED_H
#define HARNESS_TRAIN_EVALUATE_SHARED_H

#include "train/evaluate/evaluate.h"
#include "train/group/group.h"

/* evaluator_run by all ranks of g: each takes whole batches, those that one process would make, so
 * that logits have the same bits; every rank gets all of them, and `take` at once. */
err evaluator_run_shared(evaluator *ev, struct group *g, float *logits, double *loss,
                         const encoded *data, const char *progress) MUST_CHECK;

#endif
