/* The run record: one JSON file per run and seed, with all that a board, a comparison or a reader
 * needs.
 *
 * How a trainer makes one: record_init; fill the plain fields (strings by record_text, arrays by
 * the set functions, which copy); record_score, which computes everything that follows from the
 * test labels and predictions; record_write. The record owns all it holds until record_free.
 *
 * Absent strings are NULL and become null in the file. Class ids are indices into task.labels. */
#ifndef HARNESS_RESULT_RECORD_H
#define HARNESS_RESULT_RECORD_H

#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "metric/calibration.h"
#include "metric/confusion_cells.h"
#include "metric/score.h"
#include "result/device_text.h"
#include "result/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RECORD_SCHEMA is the form of the file that is written; older ones are read, newer ones refused.
 * 2 names types as numpy does (uint8 for u8, float32 for f32, also of `loss`), has the label names
 * that the model answers with in `labels`, and checksums. The others: most labels, and most keys of
 * the recipe and of the configuration. */
enum { RECORD_SCHEMA = 2, RECORD_LABEL_LIMIT = LABELS_MOST, RECORD_KEY_LIMIT = 256 };

typedef struct record_task {
    answer_kind kind;
    char *name;
    int64_t version;
    char *manifest_sha256;
    char *data_sha256;
    char *split;        /* "official" or "hash" */
    int64_t train_rows; /* rows that training took */
    int64_t dev_rows;   /* held out; 0 under protocol last */
    int64_t test_rows;
    bool sample;
    int64_t leaked_rows, duplicate_rows, invalid_rows;
    char **labels;      /* (label_count) readable names; record_labels */
    char **names;       /* (label_count) as the model answers; NULL in records of older programs */
    size_t label_count; /* 0: numbers */
    int64_t majority_class; /* of the training rows; numbers: 0 */
} record_task;

typedef struct record_model {
    char *name;
    cJSON *config;        /* object: the BERT configuration as config.json has it */
    char *weights_sha256; /* of the file that was loaded; NULL: from scratch */
    char *vocab_sha256;
    int64_t parameters;
    cJSON *newly_initialised; /* array of parameter names; ["all"] from scratch */
    char *label_map;          /* that the run was given; NULL: none */
    cJSON
        *corpus; /* what it was pretrained on (model_corpus.h); NULL: not known, or from scratch */
    bool corpus_is_source; /* and the task's data come from the same place */
} record_model;

typedef struct record_device {
    char *kind; /* "cpu", "gpu" or "software" */
    char *name;
    char *driver, *version, *uuid; /* NULL where there is none */
    char *precision;               /* "fp32", "fp16", "bf16" */
    int64_t threads;
    char *isa;       /* instruction set, NULL where it says nothing */
    char *libraries; /* "oneDNN 2.6.3", NULL where there are none */
    char *kernels;   /* kernel family: "tile", NULL where there is one only */
} record_device;

typedef struct record_timing {
    double tokenize_s, train_s, eval_s;
    int64_t steps, train_tokens;
    double tokens_per_s, sentences_per_s, step_ms_p50;
    double step_ms_p10, step_ms_p90; /* 0 in records of older programs */
} record_timing;

/* Times of fewer single steps have no 10th and 90th percentile to speak of: two steps are under way
 * at once, so that the time between two ends may be nothing, as that of the last always is. */
enum { RECORD_STEPS_SPREAD = 20 };

typedef struct record_curve_point {
    int64_t step;
    double loss, learning_rate;
} record_curve_point;

/* An evaluation on the dev part: the value of dev_metric, and the mean loss. */
typedef struct record_evaluation {
    int64_t step;
    double score, loss;
    double seconds; /* of training until it, evaluations and saving apart; 0: not known */
} record_evaluation;

/* One of the rows that the run got most wrong: `probability` is what it gave the gold label. */
typedef struct record_worst_row {
    int64_t row;
    double probability;
} record_worst_row;

/* A row whose label is suspect (errors.h), and the probabilities of the answer and the gold label. */
typedef struct record_suspect {
    int64_t row, answer;
    double probability, gold_probability;
} record_suspect;

/* Times of the operations of one kind and shape in a training step. */
typedef struct record_kernel {
    char *name;    /* "linear_fwd 1024x256", owned */
    char *phase;   /* "begin", "forward", "backward" or "update", owned */
    int64_t calls; /* a step */
    double ms;     /* of a step, median of a few */
} record_kernel;

/* What a part of the machine spent on a run, whatever else ran on it (platform/power.h). */
enum { RECORD_ENERGIES = 8, RECORD_SOURCE_BYTES = 40 };
typedef struct record_energy {
    char source[RECORD_SOURCE_BYTES]; /* "powercap package-0", "nvml" */
    double train_j, eval_j;           /* joules, of training's steps and of the test rows */
} record_energy;

/* What the machine told of a run; what it did not tell is 0. */
typedef struct record_cost {
    record_energy energy[RECORD_ENERGIES];
    size_t energy_count;
    double clock_begin_mhz, clock_end_mhz; /* of training, of what computes */
    bool tells_heat, was_throttled;
    double beside; /* processors that others kept busy while it trained, in the mean */
} record_cost;

/* Whether others kept as many processors busy as lengthen a run's times. */
static inline bool record_had_company(const record_cost *c) {
    return c->beside >= 0.5;
}

/* Rows of the test set that have so many tokens (with [CLS] and [SEP], after truncation). */
typedef struct record_length {
    int64_t tokens, rows;
} record_length;

/* What a board compares of the parts that a lean record (record_lean.h) lacks: SHA-256. */
typedef struct record_digests {
    bool are_kept;                                       /* the record is lean */
    char losses[HASH_HEX_BYTES];                         /* of every step; "" of fewer than two */
    char repeats[HASH_HEX_BYTES], dedup[HASH_HEX_BYTES]; /* of first_row and scored_dedup */
} record_digests;

typedef struct record {
    int64_t schema;
    char *harness_version, *commit; /* record_init fills the five from this program */
    bool dirty;
    int64_t numerics_version, metric_version;
    char *created;      /* UTC, "2025-01-31T12:00:00Z"; record_init sets it */
    bool partial;       /* --sample, --limit or --max-steps: never in the results folder */
    bool model_is_gone; /* what it trained was replaced by another run (store_mark_gone) */
    record_task task;
    record_model model;
    cJSON *recipe;    /* object: every hyperparameter, name -> number, string or bool */
    char *protocol;   /* "last" or "dev" */
    int64_t seed;     /* 0 to 2^32 - 1 */
    char *run_sha256; /* of all that makes it this run (train/run/identity.c), wherever its model
                         lies; NULL in records of older programs */
    record_device device;
    /* Pointers that are no text or JSON of record_keys.c are also named in record_lean.c. */

    /* of a run by several ranks (train/group): how many, and "Open MPI v4.1.4" or "threads". Alone
     * and in older records 0 and NULL. */
    int64_t ranks;
    int64_t shards; /* that were asked for (trainer.h); 0: one a rank */
    char *engine;
    char *rank_devices; /* of a group whose ranks' devices differ: each one's; else NULL */
    char *command;      /* that reproduces the run, without paths; may be NULL */
    char *headline;     /* name of the leading metric */

    /* of the test set, rows in file order; N = task.test_rows, C = task.label_count */
    uint32_t *gold, *predicted; /* (N) class ids, or of units; of numbers and sets: NULL */
    uint32_t *unit_begin;       /* (N + 1) first unit of each row; NULL where rows have none */
    float *gold_numbers,
        *predicted_numbers; /* of other kinds: as struct answers has them, else NULL */
    uint32_t *first_row;    /* (N) index of the first row of equal text */
    bool *scored_dedup;     /* (N) part of metrics_dedup */

    float *loss; /* (loss_count), one per optimizer step */
    size_t loss_count;
    record_curve_point *loss_curve; /* at logging steps */
    size_t loss_curve_count;
    /* loss scaling, of runs with f16 products; without it and in older records loss_scale is 0 */
    double loss_scale;     /* at the end */
    int64_t skipped_steps; /* whose gradients were not finite: they changed no weight */
    /* SHA-256 over the weights that were scored on the test rows: of each parameter, in the order
     * of a checkpoint, its f32 values, little-endian. Two runs with equal ones ended with equal
     * bits. NULL in records of older programs. */
    char *final_weights_sha256;
    /* protocol dev; in records of older programs and under protocol last there is none of it */
    char *dev_metric;               /* what the best evaluation was chosen by: "loss" or a metric */
    int64_t best_step;              /* of that evaluation: its weights were scored */
    record_evaluation *evaluations; /* ascending */
    size_t evaluation_count;
    calibration calibration; /* of the test rows; rows is 0 where there is none of it */
    double temperature;      /* fitted on the dev rows (calibration.h); 0: not fitted */
    record_worst_row *worst; /* most wrong first; may be empty */
    size_t worst_count;
    record_suspect *suspects; /* the first by suspicion; may be empty */
    size_t suspect_count;
    int64_t suspect_rows; /* of all */
    errors_slice *slices; /* with rows; none in records of older programs and of other kinds */
    size_t slice_count;
    record_length *lengths; /* ascending; may be empty */
    size_t length_count;
    record_timing timing;
    record_kernel *kernel_times; /* in the order of a step; none in a short run or older record */
    size_t kernel_count;
    int64_t device_bytes, host_peak_bytes;
    record_cost cost;

    /* what record_score and record_read compute from the above */
    char recipe_sha256[HASH_HEX_BYTES];
    char gold_sha256[HASH_HEX_BYTES]; /* of the gold ids in order, each in decimal with "\n" */
    confusion confusion, confusion_dedup;
    double metrics[METRIC_LIMIT], metrics_dedup[METRIC_LIMIT]; /* by index of metric_at */
    record_digests lean;
    const uint8_t
        *packed; /* (packed_bytes) what it was made of (record_unpack), borrowed as its texts,
                              JSON and labels then are; else NULL */
    size_t packed_bytes;
    uint8_t *narrow_ids; /* (record_values, id_bytes) of a lean one in place of predicted; owned */
    size_t id_bytes;
} record;

/* An empty record of this program, now: harness fields, created, empty recipe, config and
 * newly_initialised. Errors: ERR_MEMORY. */
err record_init(record *r) MUST_CHECK;
void record_free(record *r);

/* Replaces an owned string by a copy of text (NULL: none). */
err record_text(char **field, const char *text) MUST_CHECK;
err record_labels(record *r, const char *const *labels, size_t count) MUST_CHECK;
/* The names that the model answers with, as many as there are labels. */
err record_label_names(record *r, const char *const *names) MUST_CHECK;

/* Copies the test set into the record and sets task.test_rows. pre: task.kind and the labels are set.
 *   gold, predicted  (rows)
 *   first_row        (rows), NULL: no two texts are equal
 *   scored_dedup     (rows), NULL: all */
err record_test_answers(record *r, answers gold, answers predicted, const uint32_t *first_row,
                        const bool *scored_dedup, size_t rows) MUST_CHECK;

/* What metrics take. Borrowed from r. */
static inline answers record_gold(const record *r) {
    return (answers){r->gold, r->gold_numbers, r->unit_begin};
}
static inline answers record_answers(const record *r) {
    return (answers){r->predicted, r->predicted_numbers, r->unit_begin};
}

/* Answers of a row as a file has them: of a set one a label, of a relation too where it is
 * predicted. */
static inline size_t record_width(const record *r, bool gold) {
    bool many = r->task.kind == ANSWER_SET || (r->task.kind == ANSWER_RELATION && !gold);
    return many ? r->task.label_count : 1;
}

/* The same of all rows, or units. */
static inline size_t record_values(const record *r, bool gold) {
    size_t rows = (size_t)r->task.test_rows;
    return answer_in_units(r->task.kind)
               ? (r->unit_begin ? r->unit_begin[rows] : 0) * answer_unit_width(r->task.kind)
               : rows * record_width(r, gold);
}

/* Whether a file has ids of classes: of relations their gold alone. */
static inline bool record_has_ids(const record *r, bool gold) {
    return r->task.kind == ANSWER_CLASS || answer_in_units(r->task.kind) ||
           (r->task.kind == ANSWER_RELATION && gold);
}

/* How far run r is off in a row: 0 when it is right; of numbers their distance, of sets the labels
 * that are wrong, of tags the entities that were missed and those that are none. */
double record_row_error(const record *r, size_t row);

/* Whether two records, or copies of one, are of one run: no second ends at the same moment. */
bool record_same_run(const record *a, const record *b);

/* Whether two runs on the same rows answer a row alike. */
bool record_same_answer(const record *a, const record *b, size_t row);

/* Copy arrays that may also be set by hand. */
err record_loss(record *r, const float *loss, size_t count) MUST_CHECK;
err record_curve_add(record *r, int64_t step, double mean_loss, double learning_rate) MUST_CHECK;
err record_evaluation_add(record *r, int64_t step, double score, double loss,
                          double seconds) MUST_CHECK;

/* Whether the 10th and 90th percentile of the times of single steps say something. */
bool record_spread_known(const record *r);

/* Seconds of training until the first evaluation on the dev part that was at least (of a loss: at
 * most) that good; HUGE_VAL: none was; 0: not known, or not under protocol dev. */
double record_seconds_until(const record *r, double score);
/* The best value of dev_metric. pre: it has evaluations */
double record_best_dev(const record *r);
err record_kernel_add(record *r, const char *name, const char *phase, int64_t calls,
                      double ms) MUST_CHECK;

/* Computes recipe_sha256, gold_sha256, both confusion matrices and all metrics. record_write calls
 * it. Errors: ERR_DATA for ids out of range; ERR_MEMORY. */
err record_score(record *r) MUST_CHECK;

/* The confusion of one label a row: rows of a matrix, or of more than MATRIX_LABELS_MOST labels the
 * cells that are not empty, [gold, predicted, rows]. */
err record_confusion_json(cJSON *array, const uint32_t *gold, const uint32_t *predicted,
                          size_t rows, size_t classes) MUST_CHECK;
/* calibration, under the key; without a temperature where that is 0. */
err record_calibration_json(cJSON *object, const char *key, const calibration *c,
                            double temperature) MUST_CHECK;
/* The scores of slices, as "slices". */
err record_slices_json(cJSON *object, const errors_slice *slices, size_t count) MUST_CHECK;

/* Value of the record's metric of that name; NaN when the record has none of it. */
double record_metric(const record *r, const char *name);
double record_metric_dedup(const record *r, const char *name);

/* Writes the file atomically, making its folder. The record is scored first, and checked as
 * record_read would check the file. Errors: ERR_IO; those of record_read. */
err record_write(record *r, const char *path) MUST_CHECK;
/* The same, but a file that stands there already stays: then *stays is true. */
err record_write_new(bool *stays, record *r, const char *path) MUST_CHECK;

/* Float32 losses as a record has them: {type, data}. Errors: ERR_MEMORY. */
err record_losses_write(cJSON *object, const char *key, const float *losses,
                        size_t count) MUST_CHECK;

/* Reads and checks a file, or standard input by the name of "-": every key, type and range, and that everything that follows from other
 * parts does (confusion, metrics within 1e-12, hashes, lengths), and that each part has the checksum that the program wrote
 * of it (records of schema 1 have none): it finds what was changed by hand or on its way, and proves nothing about who made
 * the record. Nor may its parts contradict one another (record_sense.c), which record_write does not ask. r is freed on error.
 * Errors: ERR_IO; ERR_FORMAT naming the file, the key, what was found and what was expected. */
err record_read(record *r, const char *path) MUST_CHECK;
enum {
    RECORD_LIMIT_BYTES = 256 << 20, /* of a file */
    RECORD_TEXT_LIMIT = 4096 /* bytes of a text that boards and pages show: a name may be a path */
};

/* The same of a file's text, which is there already. */
err record_parse(record *r, const char *text, size_t length, const char *path) MUST_CHECK;

/* Of a record. */
#define RECORD_DEVICE(r)                                                                           \
    record_device_text((char[RECORD_DEVICE_BYTES]){""}, (r)->ranks, (r)->device.name,              \
                       (r)->rank_devices)
/* Orders records by the number of their ranks, one first, then by the list of these' devices. */
int record_group_order(const record *a, const record *b);

/* "<task>/<model>-<device>-<8 hex of task, model, recipe, protocol, precision>-s<seed>.json", the
 * place in the results folder. Needs a scored record. *out is owned. */
err record_file_name(char **out, const record *r) MUST_CHECK;

#endif
