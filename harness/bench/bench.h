/* Bench: what a training step and an evaluation batch cost on a device, as a whole and op by op.
 *
 * The work is real: sentences of a task in the order of a run, the training loop of trainer.h and
 * the evaluation of evaluate.h, with weights drawn from the seed. Rates are set against what the
 * same device does on a large matrix product and on a large copy, measured between and after the
 * phases, since other work on a machine changes both.
 *
 * Operations and bytes of an op are op_cost_of's. Times of single ops come from plan->profile, in
 * steps of their own: their sum may exceed the time of a whole step, whose ops overlap.
 *
 * In a group a training step is the group's, its ops are those of this rank: of its share of the
 * sentences, and of the update and norm what it does of them. An evaluation batch is each rank's
 * own. */
#ifndef HARNESS_BENCH_BENCH_H
#define HARNESS_BENCH_BENCH_H

#include "compute/plan.h"
#include "data/masking.h"
#include "metric/spread.h"
#include "train/evaluate/encode.h"
#include "train/run/base_model.h"

enum { BENCH_ROWS_MAX = 64, BENCH_SHAPE_BYTES = 32, BENCH_STEPS_MAX = 200 };

typedef struct bench_options {
    uint32_t batch_size; /* sentences of a training step; evaluation takes twice as many */
    uint32_t steps;      /* timed in each phase; 0: as many as fit about ten seconds, 3 to 40 */
    double dropout;      /* < 0: the model's own */
    uint32_t seed;
    struct group *group; /* borrowed: all its ranks measure together; NULL: alone */
} bench_options;

/* What a training step of a group exchanges, seen by this rank: means. */
typedef struct bench_exchange {
    double bytes;      /* that it receives */
    double ms;         /* in exchanges, waiting included */
    double exposed_ms; /* of it what no computing hid */
} bench_exchange;

/* Ops of one kind and shape in a phase, per step. */
typedef struct bench_row {
    op_kind kind;
    char shape[BENCH_SHAPE_BYTES]; /* "3072x768" (outputs x inputs) of a product, else "" */
    uint32_t calls;                /* ops */
    double dispatches;
    spread ms;
    double gflops, gbytes; /* medians of the steps' rates: 1e9 per second */
    double flops, bytes;   /* means */
    double share;          /* of the time of all ops */
    uint64_t invocations;  /* of the widest dispatch; 0 where a device has none */
} bench_row;

/* A training step or an evaluation batch. */
typedef struct bench_phase {
    spread ms; /* whole, as a run does it */
    double sentences_per_s, tokens_per_s;
    double sentences, tokens; /* means of a step */
    uint32_t steps;           /* timed */
    double pack_ms;           /* host: median time to pack a step */
    double flops, gflops;     /* of a step; over its whole time */
    double dispatches;
    double op_ms;         /* sum of the rows' medians */
    double product_share; /* matrix products' part of the time of all ops */
    bench_row rows[BENCH_ROWS_MAX];
    size_t row_count; /* 0 where the device does not time single ops */
} bench_phase;

typedef struct bench {
    double peak_gflops, peak_gbytes; /* best of all rounds, never below what an op reached */
    double low_gflops, low_gbytes;   /* worst: how unsteady the machine was */
    uint32_t peak_size;              /* of the square product */
    size_t parameters;
    uint64_t device_bytes, host_peak_bytes;
    bool is_pretraining; /* of a masked language model: nothing is evaluated */
    bench_phase training, evaluation;
    bench_exchange exchange; /* zeros: alone */
} bench;

/* Measures a model of `config` on encoded sentences (at least one of each). Errors: ERR_DEVICE,
 * ERR_MEMORY, ERR_NUMERIC; ERR_ARG when steps exceeds BENCH_STEPS_MAX. */
err bench_measure(bench *b, device *d, const model_config *config, const encoded *train,
                  const encoded *test, const bench_options *options) MUST_CHECK;

/* The same of a step of a masked language model on train's sentences, masked once; config's head is
 * one. Evaluation is left out. Errors: also masked_feed_init's. */
err bench_measure_pretraining(bench *b, device *d, const model_config *config, const encoded *train,
                              const masking *mask, const bench_options *options) MUST_CHECK;

/* A peak below what a phase or an op of it reached is none: it is measured again. Where that does
 * not help (a small tensor stays in caches that a large copy leaves), what was reached is the
 * peak. */
err bench_settle(bench *b, device *d) MUST_CHECK;

/* Rates of a large product of size (0: found, and written) and of a large copy: 1e9 per second, the
 * best of a few. */
err bench_peak(double *gflops, double *gbytes, uint32_t *size, device *d) MUST_CHECK;

#endif
