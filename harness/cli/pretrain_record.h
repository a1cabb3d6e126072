/* The record of a pretraining: record.json with a schema of its own. */
#ifndef HARNESS_CLI_PRETRAIN_RECORD_H
#define HARNESS_CLI_PRETRAIN_RECORD_H

#include "train/pretrain/pretrain.h"

/* Errors: ERR_IO, ERR_MEMORY. */
err pretrain_record_write(const char *path, const pretrain *p) MUST_CHECK;

#endif
