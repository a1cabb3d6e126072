/* A task's rows: read, labelled, split, cleaned and counted.
 *
 * Texts are the bytes that Hugging Face's reading of the same file gives (valid UTF-8, no NUL
 * byte), untouched: no trimming, no normalising. Two texts are equal when their bytes are.
 *
 * Cleaning concerns train alone: `kept` rows are non-empty (as the task's cleaning rule says) and
 * the first of their text. The test split is scored whole, in the file's order; `scored_dedup`
 * marks the rows of the deduplicated score: non-empty, first of their text, text not in cleaned
 * train.
 *
 * Pairs are equal when both texts are; digests are of both, a 0 byte between.
 *
 * Hash split (kor_sae): a text takes its first row's label; later rows of a text and empty rows
 * take no part; within each label the texts are ordered by the SHA-256 of their bytes (compared as
 * bytes) and the first 1/one_in of them, rounded up, are test. Both splits keep the file's order.
 * The rows as they stand in the file are then in `file_rows`. Rows with numbers or sets of labels
 * are ordered all together.
 *
 * limit: the `limit` rows of a split (of train: of its kept rows) whose SHA-256 of "limit:" + text
 * is lowest, ties by file order, in the file's order. Neither this nor any split depends on a seed.
 */
#ifndef HARNESS_DATA_DATASET_H
#define HARNESS_DATA_DATASET_H

#include "base/err.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/example.h"
#include "task/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dataset_row {
    example example;   /* texts lie in the dataset's texts */
    uint32_t file;     /* index into dataset.paths */
    uint32_t line;     /* line of the file where the row begins (JSON array: element), from 1 */
    bool first;        /* no earlier row of its split has this text */
    bool differs;      /* the first row of its split with this text has another target */
    bool kept;         /* train: taken by training */
    bool scored_dedup; /* test: part of the deduplicated score */
    bool leaked;       /* test: non-empty, and its text is in cleaned train */
} dataset_row;

typedef struct dataset_split {
    dataset_row *rows; /* (row_count), in the file's order */
    size_t row_count;
    size_t kept_count; /* train, dev */
    size_t empty_count;
    size_t duplicate_count; /* rows, empty ones too, whose text an earlier row of the split has */
    size_t conflict_count;  /* distinct texts that occur under different labels */
    size_t leaked_count;    /* test, as the next two */
    size_t leaked_agreeing_count; /* of these, those with their label on a train row */
    size_t dedup_count;           /* rows with scored_dedup */
    size_t *label_counts;         /* (label_count) rows that have the label; tags: units */
    double mean, low, high;       /* of numbers */
    char sha256[HASH_HEX_BYTES];  /* of, row by row: target as dataset_target_text has it, 0 byte,
                                     text, 0 byte, and the second text and a 0 byte */
} dataset_split;

/* Rows of the training files (hash split: of the file) that neither training nor test has. */
typedef struct dataset_cleaned {
    size_t empty, repeated; /* the latter: with a text that came before */
    size_t differing;       /* of these, under another target than the first row of that text */
} dataset_cleaned;

/* Texts of rows, each behind the other in blocks that never move. */
typedef struct dataset_texts {
    char **blocks; /* (count) owned */
    size_t count, capacity;
    char *next; /* first free byte of the last block, and how many are free there */
    size_t left;
} dataset_texts;

typedef struct dataset {
    dataset_split train;
    dataset_split test;
    dataset_split dev;       /* the rows of files of role dev; else empty until dataset_split_dev */
    dataset_split file_rows; /* hash split only: all rows of the file */
    dataset_cleaned cleaned; /* before any limit */
    answer_kind kind;
    size_t label_count;
    size_t invalid_count; /* rows dropped for what they say: a label or number outside the manifest,
                             one text of a pair, entities that the text has not */
    char *invalid_first;  /* what is wrong with the first of them, with its place; owned, or NULL */
    char **paths;         /* (path_count) files that were read, owned */
    size_t path_count;
    dataset_texts texts;              /* all texts lie here */
    char data_sha256[HASH_HEX_BYTES]; /* of "train HEX\ntest HEX\n", HEX the splits' sha256; with
                                         a file of role dev "dev HEX\n" behind */
    char gold_sha256[HASH_HEX_BYTES]; /* of the test targets in order, each with "\n" */
} dataset;

typedef struct dataset_options {
    const char *data_dir; /* holds <task>/<file>; NULL: $HARNESS_DATA, then the XDG cache */
    bool sample;          /* the sentences bundled with the program */
    size_t limit;         /* most rows of each split, 0 = all */
    bool trust_files;     /* do not check size and SHA-256 */
    bool without_test;    /* files of test rows need not be there and are not opened; rows that a
                             hash split gives to test are dropped. The test split is empty, and
                             data_sha256 another than that of all rows */
} dataset_options;

/* Loads a task's rows, and notes how many of them were dropped. options may be NULL (all defaults).
 * Free with dataset_free, also after an error. Errors: ERR_DATA for a missing file (naming the command that fetches it, and --sample), a
 * wrong size or hash (which goes before what is wrong inside), or a split without rows; ERR_FORMAT
 * naming file and line for a wrong column count, an unknown label, invalid UTF-8, a NUL byte, a
 * quote that never closes or has text behind it, a lone surrogate, or a line, record or element of
 * more than 1 MiB, which is refused once so much of it was read; ERR_FORMAT naming what a file is
 * that is no text in UTF-8 (UTF-16, an archive, a workbook). */
err dataset_load(dataset *d, const task *t, const dataset_options *options) MUST_CHECK;

/* Protocol `dev`: nothing where the task has a file for it. Else within each label (each row where
 * they are numbers or sets), the first tenth (rounded up) of the kept train rows by SHA-256
 * of "dev:" + text moves to d->dev, in the file's order. Train keeps the rest. Hashes and the test
 * split stay as they were. Errors: ERR_DATA when a label would leave train without a row;
 * ERR_MEMORY. */
err dataset_split_dev(dataset *d, const task *t) MUST_CHECK;

void dataset_free(dataset *d);

/* The targets of rows as metrics take them, by kind. Free with answer_arrays_free, also after an
 * error. */
err dataset_gold(answer_arrays *gold, const dataset *d, const dataset_split *s) MUST_CHECK;

/* Path of one file of a task: in data_dir if given; else where a run read it, if it still is there; else where its manifest says that it lies; else in $HARNESS_DATA if it is there; else in
 * the cache, whether it exists or not. With sample: in the bundled sample. *path is owned. */
err dataset_path(char **path, const task *t, const task_file *f,
                 const dataset_options *options) MUST_CHECK;

/* Whether every file of a task is there. */
err dataset_is_here(bool *here, const task *t, const dataset_options *options) MUST_CHECK;

/* Of a file that is not there: "PATH: no such file", of every place that was looked into. *text is
 * owned. */
err dataset_absent(char **text, const task *t, const task_file *f,
                   const dataset_options *options) MUST_CHECK;

/* Adds to the names (with commas) those of the tasks that share a file with t, such as one that is made of
 * its dev part alone, and whose files are all here; none that stands there already, nor of t's group.
 * Manifests that cannot be read are passed over. */
err dataset_kin(strbuf *names, const task *t, const char *task_dir,
                const dataset_options *options) MUST_CHECK;

/* Compares a file with the git blob id that its manifest states. Errors: ERR_DATA; ERR_IO. */
err dataset_check_blob(const task_file *f, const char *path) MUST_CHECK;

#endif
