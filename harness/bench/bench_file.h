/* Records of speed as they are read: what `harness bench --json` prints, by this program or by
 * another build of it, and results/performance/ keeps. */
#ifndef HARNESS_BENCH_BENCH_FILE_H
#define HARNESS_BENCH_BENCH_FILE_H

#include "base/json.h"
#include "bench/bench.h"

#define BENCH_SCHEMA "harness-bench-1"
enum { BENCH_RECORD_BYTES = 1 << 20 }; /* of a file, at most */

/* The time of a training step, of an evaluation batch, or of one op of either. */
typedef struct bench_figure {
    const char *phase;      /* "training", "evaluation" or "pretraining" */
    const char *op, *shape; /* "" of the whole */
    double ms;              /* 1e-12 to 1e12 */
    double sentences_per_s; /* of the whole; of an op 0 */
} bench_figure;

/* Strings are borrowed from json. */
typedef struct bench_file {
    cJSON *json; /* owned */
    const char *version, *commit;
    bool dirty;
    const char *created; /* a moment (base/moment.h); NULL in records of older programs */
    const char *model, *task;
    bool sample;
    double parameters, batch_size;
    const char *device, *kind, *precision, *isa;
    double threads, ranks; /* ranks: 1 alone */
    bench_figure *figures; /* (count) owned: each phase's whole, then its ops */
    size_t count;
} bench_file;

/* Takes over json in every case, also on error; where: what errors name. Free with bench_file_free.
 * Errors: ERR_FORMAT naming what is absent, of another type, or no time. */
err bench_file_of(bench_file *f, cJSON *json, const char *where) MUST_CHECK;
void bench_file_free(bench_file *f);

/* When a record of speed of any schema was made, borrowed from it; NULL where it does not say.
 * Errors: ERR_FORMAT of what is no moment. */
err bench_created(const char **out, const cJSON *record, const char *where) MUST_CHECK;
/* The day ("2025-01-31") at which a record that does not say it came among the records here, likewise:
 * its key 'committed', which people add. */
err bench_committed(const char **out, const cJSON *record, const char *where) MUST_CHECK;

/* The figure of that name; NULL where it has none. */
const bench_figure *bench_figure_find(const bench_file *f, const bench_figure *like);

/* Whether both measured the same work on the same device. Errors: ERR_DATA naming the first field
 * in which they part. */
err bench_same_work(const bench_file *a, const bench_file *b, const char *where) MUST_CHECK;

#endif
