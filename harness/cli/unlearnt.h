/* Labels that a run will not learn, since the hash split left them no row to train on. */
#ifndef HARNESS_CLI_UNLEARNT_H
#define HARNESS_CLI_UNLEARNT_H

#include "data/dataset.h"

/* Warns of each label with two or more rows in the file and none to train on: their texts are one, or
 * stand there under another label first. Of own files a label of one row was told before. */
void unlearnt_warn(const dataset *d, const task *t);

#endif
