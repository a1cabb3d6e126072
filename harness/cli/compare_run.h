/* A device named to `harness compare`: one short run on it, now. */
#ifndef HARNESS_CLI_COMPARE_RUN_H
#define HARNESS_CLI_COMPARE_RUN_H

#include "cli/options.h"
#include "result/record.h"

typedef struct compare_job {
    const char *device;
    uint32_t seed;
    bool told;          /* a run before listed the keys that the model's folder lacks */
    const record *like; /* the run that is made again; NULL: the flags alone say what is run */
    const char *path;   /* its file, in the run's folder or elsewhere */
} compare_job;

/* Whether the word names exactly one device. */
bool compare_is_device(const char *name);

/* Trains and evaluates on the device and fills out (record_free). Like a record the run has its task,
 * data, model, recipe, limit, protocol and precision, but for what flags say; by itself it is of the
 * sample of kor_hate with model `tiny`, or what --task, --model, --limit, --max-steps and --sample
 * say, with the model's own recipe (20 epochs of a sample). Its files are removed again. What keeps
 * the two from being compared, and a model that is no longer that of the record, is found before
 * anything is trained. Errors: those of run_open and what follows; ERR_DATA naming what differs. */
err compare_run(record *out, const compare_job *job, const options *o) MUST_CHECK;

#endif
