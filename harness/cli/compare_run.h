/* A device named to `harness compare`: one short run on it, now. */
#ifndef HARNESS_CLI_COMPARE_RUN_H
#define HARNESS_CLI_COMPARE_RUN_H

#include "cli/options.h"
#include "result/record.h"

/* Whether the word names exactly one device. */
bool compare_is_device(const char *name);

/* Trains and evaluates on the device and fills out (record_free): the sample of kor_hate with model
 * `tiny`, or what --task, --model, --limit, --max-steps and --sample say, with the model's own
 * recipe (20 epochs of a sample). Its files are removed again. told: a run before listed the keys that
 * the model's folder lacks. known: another side's record, with which the run must compare, looked at
 * before it is trained; may be NULL. Errors: those of run_open and what follows. */
err compare_run(record *out, const char *device_name, uint32_t seed, bool told, const record *known,
                const options *o) MUST_CHECK;

#endif
