/* Of a training that is finished: which checkpoints it leaves. They take three times the model's size
 * each, and a finished run needs none. */
#ifndef HARNESS_CLI_KEPT_CHECKPOINTS_H
#define HARNESS_CLI_KEPT_CHECKPOINTS_H

#include "train/run/run.h"

/* A note, where there are some. */
void kept_checkpoints_say(const run *r);

#endif
