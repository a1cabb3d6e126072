/* The regression gate: a fixed, quick suite run on one device, compared with the committed baseline
 * of that device's kind.
 *
 * The suite is a file (suite.json): short training runs (cases) with the trainer and the evaluation
 * that every run uses, and one model whose kernels are timed. What is held against the baseline:
 *   scores     of each case, on its test rows. With the baseline's predictions every metric must be
 *              the baseline's own (REGRESS_METRIC_BOUND): the same predictions cannot score
 * otherwise. With other predictions the headline must not fall below the 99 % prediction bound of
 *              the baseline's seeds (at least 3): mean - t(0.99, S - 1) * s * sqrt(1 + 1 / S).
 *   losses     of steps 1 to 5, relative to the suite's bound
 *   gradients  norm of each checkpoint tensor's gradient at steps 1 to 5, likewise. Key biases are
 *              left out: their gradient is zero in theory, hence rounding noise.
 *   kernels    cost of the largest kernels of a training step: their time relative to a square
 * matrix product timed between them. Cost is the median over REGRESS_ROUNDS rounds of (fastest of
 * the round) / (fastest product of the round), so that other work on the machine cancels. Bound:
 * the larger of 20 % and 4 median absolute deviations, in three measurements of three; and only on
 * the baseline's processor or GPU, instruction set and number of threads. */
#ifndef HARNESS_RESULT_REGRESS_REGRESS_H
#define HARNESS_RESULT_REGRESS_REGRESS_H

#include "base/json.h"
#include "base/memory.h"
#include "compute/device.h"
#include "metric/score.h"
#include "model/params.h"

enum {
    REGRESS_STEPS = 5,   /* first optimizer steps whose losses and gradients are kept */
    REGRESS_KERNELS = 5, /* largest kernels that are gated */
    REGRESS_ROUNDS = 9,
    REGRESS_TRIES = 3,
    REGRESS_SEEDS_MAX = 16,
    REGRESS_SEEDS_LEAST = 3
};
#define REGRESS_METRIC_BOUND 1e-9
#define REGRESS_KERNEL_BOUND 0.2
/* A machine on which the product itself varies more than this, within a measurement or against the
 * baseline's, does other work: its times are not compared, and go into no baseline. */
#define REGRESS_STEADY 1.15

typedef struct regress_case {
    char *name, *task, *model;  /* owned */
    const encoder_family *arch; /* of a preset; NULL: BERT */
    bool sample;
    size_t limit; /* rows of each split of the real data; 0: all */
    uint32_t steps, batch_size;
} regress_case;

typedef struct regress_suite {
    char *path;          /* owned */
    regress_case *cases; /* (case_count) owned */
    size_t case_count;
    regress_case timing; /* the model whose kernels are timed; steps: timed steps of a round */
    bool has_timing;
    uint32_t seeds[REGRESS_SEEDS_MAX]; /* the first is the one that is compared */
    size_t seed_count;
    double bound;       /* relative, of losses and gradient norms, on the CPU and the same device */
    double bound_other; /* the same against a baseline made on another GPU or driver */
    char sha256[65];    /* of the file */
} regress_suite;

/* Reads a suite. Errors: ERR_IO; ERR_FORMAT naming file, key, found and expected. */
err regress_suite_read(regress_suite *s, const char *path) MUST_CHECK;
void regress_suite_free(regress_suite *s);

/* What is measured, and what a baseline holds. */

typedef struct regress_tensor {
    char name[PARAM_NAME_BYTES];
    double norms[REGRESS_STEPS];
} regress_tensor;

typedef struct regress_result {
    char *name;     /* of the case, owned; NULL: not measured, its data is not here */
    char *headline; /* owned */
    char data_sha256[65], predictions_sha256[65];
    size_t rows;                     /* test rows */
    double metrics[METRIC_LIMIT];    /* by index of metric_at; NaN where one does not apply */
    double seeds[REGRESS_SEEDS_MAX]; /* headline of each of the suite's seeds (baseline only) */
    size_t seed_count;
    double losses[REGRESS_STEPS];
    regress_tensor *tensors; /* (tensor_count) owned */
    size_t tensor_count;
    double sentences_per_s; /* of training; told, not gated */
    double seconds;         /* that the case took; no part of a baseline */
} regress_result;

typedef struct regress_kernel {
    char name[48]; /* "linear_fwd 1024x256" */
    double cost, mad;
} regress_kernel;

typedef struct regress_state {
    char kind[16], device[256], driver[256], isa[64], libraries[128];
    uint32_t threads;
    char commit[65], suite_sha256[65];
    regress_result *results; /* (result_count) in the suite's order, owned */
    size_t result_count;
    regress_kernel *kernels; /* (kernel_count) most costly first, owned */
    size_t kernel_count;     /* 0: not timed */
    uint32_t product_size;
    double product_ms;     /* median over the rounds of the product's fastest */
    double product_spread; /* the same, over the fastest of all rounds */
} regress_state;

/* How to run; strings are borrowed. */
typedef struct regress_options {
    const char *device, *data_dir;
    uint32_t threads;
    const char *folder;         /* for the runs' files, removed at the end */
    bool all_seeds;             /* for a baseline */
    const regress_state *known; /* cases that it has are left out; NULL: none are */
    bool timing;
} regress_options;

/* Runs the suite on the device. Cases whose data is not here stay without a name (all_seeds: an
 * error). out->product_size says how large the calibration product is; 0 finds a size. Free with
 * regress_state_free, also after an error. */
err regress_measure(regress_state *out, const regress_suite *s,
                    const regress_options *options) MUST_CHECK;
/* Times the kernels of the suite's model anew, and nothing else. */
err regress_time(regress_state *out, const regress_suite *s,
                 const regress_options *options) MUST_CHECK;
void regress_state_free(regress_state *s);

/* Makes `before` the suite's: the cases that it lacks are taken over from `now`; what it holds
 * stays as it is, which is right as long as its cases are the suite's by definition, not by name
 * alone. Errors: ERR_DATA when it has a case that the suite has not, or was made on another device,
 * but for CPUs. */
err regress_add(regress_state *before, regress_state *now, const regress_suite *suite) MUST_CHECK;

/* Baselines as files. Errors of reading: ERR_IO; ERR_FORMAT. */
err regress_state_write(const regress_state *s, const regress_suite *suite,
                        const char *path) MUST_CHECK;
err regress_state_read(regress_state *s, const char *path) MUST_CHECK;

typedef enum regress_verdict { REGRESS_PASS, REGRESS_FELL, REGRESS_SKIPPED } regress_verdict;
typedef enum regress_kind {
    REGRESS_SCORE,
    REGRESS_LOSS,
    REGRESS_GRADIENT,
    REGRESS_KERNEL
} regress_kind;
const char *regress_kind_name(regress_kind kind);

typedef struct regress_figure {
    regress_kind kind;
    regress_verdict verdict;
    char group[48]; /* the case; "kernels" */
    char name[PARAM_NAME_BYTES + 16];
    double before, after, change; /* change: relative; of scores after - before */
    double bound;                 /* on change; scores with other predictions: least score */
    char note[160];
} regress_figure;

typedef struct regress_report {
    regress_figure *figures; /* (count) owned */
    size_t count, capacity, fell;
    double bound; /* in force for losses and gradients */
} regress_report;

/* Holds `now` against `before`; kernels are compared only when both have them and the devices are
 * equal, else one skipped figure says why. Errors: ERR_DATA when the baseline is of another
 * suite. */
err regress_compare(regress_report *out, const regress_state *before, const regress_state *now,
                    const regress_suite *suite) MUST_CHECK;
/* A later measurement of the kernels: one that is within its bound now has not fallen. */
err regress_compare_again(regress_report *out, const regress_state *before,
                          const regress_state *again) MUST_CHECK;
/* Whether the kernels' times were taken on a machine at rest. */
bool regress_is_steady(const regress_state *s);
bool regress_any_kernel_fell(const regress_report *r);
void regress_report_free(regress_report *r);

/* Output: for people, for programs, JUnit XML, and the two lists of the benchmark-history actions
 * (customBiggerIsBetter: scores and rates; customSmallerIsBetter: losses and costs). */
err regress_text(strbuf *out, const regress_report *r, const regress_state *before,
                 const regress_state *now) MUST_CHECK;
err regress_json(strbuf *out, const regress_report *r, const regress_state *before,
                 const regress_state *now) MUST_CHECK;
/* When and where the suite ran, and how long. */
typedef struct regress_moment {
    char begun[32]; /* "2025-01-31T12:00:00", UTC */
    char host[256];
    double seconds;
} regress_moment;
err regress_junit(strbuf *out, const regress_report *r, const regress_state *now,
                  const regress_moment *when) MUST_CHECK;
err regress_history(strbuf *bigger, strbuf *smaller, const regress_state *now) MUST_CHECK;

#endif
