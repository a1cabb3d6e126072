/* Shared by the record's files: the one table of keys that writing, reading and checking walk. */
#ifndef HARNESS_RESULT_RECORD_INTERNAL_H
#define HARNESS_RESULT_RECORD_INTERNAL_H

#include "result/record.h"

typedef enum record_kind {
    RECORD_TEXT, /* char *, not empty */
    RECORD_TEXT_OR_NULL,
    RECORD_HASH, /* char *, 64 lower-case hexadecimal digits */
    RECORD_HASH_OR_NULL,
    RECORD_TEXT_IF_ANY, /* absent in the file when NULL, as in records of older programs */
    RECORD_HASH_IF_ANY,
    RECORD_MOMENT, /* char *, "2025-01-31T12:00:00Z" */
    RECORD_WHOLE,  /* int64_t in [low, high] */
    RECORD_REAL,   /* double: 0, or RECORD_LEAST to high */
    RECORD_BOOL,
    RECORD_OBJECT, /* cJSON * */
    RECORD_ARRAY,  /* cJSON *, of strings */
    RECORD_PART    /* write, read and check say */
} record_kind;

typedef struct record_key {
    const char *section; /* "" for the top */
    const char *key;
    record_kind kind;
    size_t offset; /* of the field in struct record */
    int64_t low, high;
    const char *choices; /* text only: "a|b|c", or NULL for any */
    err (*write)(cJSON *object, const char *key, const record *r);
    err (*read)(record *r, const cJSON *object, const char *key, const char *where);
    /* once all is read and record_score has run: does what stands there follow from the rest? */
    err (*check)(const record *r, const cJSON *object, const char *key, const char *where);
} record_key;

/* In the order of the file. */
extern const record_key record__keys[];
extern const size_t record__key_count;

/* The keys that are no plain field: *_write, *_read, *_check as in record_key. */
#define RECORD_PARTS(X)                                                                            \
    X(schema)                                                                                      \
    X(rows)                                                                                        \
    X(kind)                                                                                        \
    X(corpus)                                                                                      \
    X(labels)                                                                                      \
    X(readable)                                                                                    \
    X(recipe)                                                                                      \
    X(units)                                                                                       \
    X(predictions)                                                                                 \
    X(gold)                                                                                        \
    X(repeats)                                                                                     \
    X(left_out)                                                                                    \
    X(loss)                                                                                        \
    X(loss_curve)                                                                                  \
    X(group)                                                                                       \
    X(loss_scaling)                                                                                \
    X(model_gone)                                                                                  \
    X(dev)                                                                                         \
    X(calibration)                                                                                 \
    X(lengths)                                                                                     \
    X(worst)                                                                                       \
    X(errors)                                                                                      \
    X(step_spread)                                                                                 \
    X(kernel_times)                                                                                \
    X(cost)                                                                                        \
    X(checksums)
#define X(name)                                                                                    \
    err record__##name##_write(cJSON *object, const char *key, const record *r) MUST_CHECK;        \
    err record__##name##_read(record *r, const cJSON *object, const char *key, const char *where)  \
        MUST_CHECK;
RECORD_PARTS(X)
#undef X

/* The keys that follow from others. */
#define RECORD_DERIVED(X)                                                                          \
    X(recipe_sha256)                                                                               \
    X(gold_sha256)                                                                                 \
    X(metrics)                                                                                     \
    X(metrics_dedup)                                                                               \
    X(confusion)                                                                                   \
    X(per_class)
#define X(name)                                                                                    \
    err record__##name##_write(cJSON *object, const char *key, const record *r) MUST_CHECK;        \
    err record__##name##_check(const record *r, const cJSON *object, const char *key,              \
                               const char *where) MUST_CHECK;
RECORD_DERIVED(X)
#undef X

/* The record as this program writes it; *out is owned, also after an error. */
err record__write_all(cJSON **out, const record *r) MUST_CHECK;
/* Whether each part of a record is as it was written. text: top's own. Errors: those of
 * record_checksums_check. */
err record__checksums_hold(const cJSON *top, const char *text, size_t length,
                           const char *path) MUST_CHECK;

/* An object of at most RECORD_KEY_LIMIT keys: readers look each of them up in others. */
err record__object(const cJSON **out, const cJSON *object, const char *key,
                   const char *where) MUST_CHECK;

/* Numbers of one type, little-endian, in base64: {"type": as numpy names it, "data": ...}. */
typedef enum coding { CODING_U8, CODING_U16, CODING_F32 } coding;
size_t record__coding_bytes(coding how);
/* `bytes` holds count numbers. */
err record__coded_write(cJSON *object, const char *key, coding how, const void *bytes,
                        size_t count) MUST_CHECK;
/* *block (owned) holds *size bytes; types are named as records of that schema name them. */
err record__coded_read(void **block, size_t *size, coding how, int64_t schema, const cJSON *object,
                       const char *key, const char *where) MUST_CHECK;

/* The parts of a record that a lean one lacks. */
void record__free_answers(record *r);
void record__free_lists(record *r);

/* Elements of arrays, with errors that name the key: an array of `size`; a whole number in [0,
 * limit); a number that float32 reaches, which all losses and shares are. */
err record__tuple(const cJSON *item, int size, const char *key, const char *where) MUST_CHECK;
err record__element(int64_t *out, const cJSON *item, int64_t limit, const char *key,
                    const char *where) MUST_CHECK;
err record__finite(double *out, const cJSON *item, const char *key, const char *where) MUST_CHECK;
/* A time, a rate or another size: 0, or RECORD_LEAST to most. No ratio of two is beyond a double. */
#define RECORD_LEAST 1e-9
#define RECORD_MOST INT64_C(1000000000000000)
#define RECORD_LONGEST_S INT64_C(316224000) /* ten years */
err record__amount(double *out, const cJSON *item, double most, const char *key,
                   const char *where) MUST_CHECK;

/* What a program cannot have written so, once all is read. Errors: ERR_FORMAT naming the key. */
err record__check_sense(const record *r, const char *path) MUST_CHECK;

#endif
