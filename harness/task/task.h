/* Tasks: what a manifest says, and where manifests are found.
 *
 * A manifest is one JSON file, <name>.json; tasks/README.md is its schema. It says where the data
 * comes from, how a file is read, which labels there are, how the rows are split and cleaned, and
 * which score leads. Manifests are looked for in a folder of the user's own (`extra_dir`, may be
 * NULL), then in those of HARNESS_TASKS (separated by colons), then among what comes with the
 * program (platform/assets.h); the first file of a name wins.
 *
 * A task owns its manifest, and every string in it is borrowed from there until task_free. The rows
 * themselves are data/dataset.h. */
#ifndef HARNESS_TASK_TASK_H
#define HARNESS_TASK_TASK_H

#include "base/err.h"
#include "base/hash.h"
#include "metric/score.h"
#include "text/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a file of a task holds: one split, or rows that the split rule has yet to divide. Rows of
 * TASK_ROLE_DEV are those that protocol dev holds out; without such a file it takes some of train.
 */
typedef enum task_role {
    TASK_ROLE_TRAIN,
    TASK_ROLE_TEST,
    TASK_ROLE_ALL,
    TASK_ROLE_DEV,
    TASK_ROLES
} task_role;

typedef struct task_file {
    task_role role;
    const char *name;     /* file name in the task's data folder */
    const char *path;     /* where it lies, from the manifest's folder on; NULL: in a data folder */
    const char *place;    /* where a run that keeps the manifest read it; NULL: of no run */
    const char *url;      /* NULL: cannot be fetched */
    uint64_t bytes;       /* 0: not stated */
    const char *sha256;   /* 64 lower-case hexadecimal digits, or NULL: not checked */
    const char *git_blob; /* 40 of them: what a git tree calls the file; or NULL */
    uint64_t rows;        /* 0: not stated */
    const char *label;    /* value of the label of all its rows; NULL: they have their own */
    size_t label_id;      /* of label */
} task_file;

typedef enum task_format_kind {
    TASK_FORMAT_DELIMITED, /* CSV and TSV */
    TASK_FORMAT_JSONL,     /* one object a line */
    TASK_FORMAT_JSON,      /* one array of objects */
    TASK_FORMAT_TAGGED,    /* a unit, a tab and its tag a line, an empty line behind a sentence */
    TASK_FORMAT_CONLL,     /* a word a line, an empty line behind a sentence (data/conll.c) */
    TASK_FORMAT_LINES      /* corpora only: a line is a text */
} task_format_kind;

typedef struct task_format {
    task_format_kind kind;
    char delimiter;       /* delimited only, as the four below */
    bool quoted;          /* RFC 4180 quoting; false: a quote is text */
    bool header;          /* the first record has to be the column names */
    bool keep_bom;        /* a byte order mark is part of the first field */
    const char **columns; /* (column_count) names, in file order */
    size_t column_count;
    const char *text;      /* name of the column, or key of the object, that holds the text */
    const char *text_pair; /* of the second text of a pair, or NULL */
    const char *subject;   /* ANSWER_RELATION: keys of the entities, objects with the numbers of
                              their first and last characters, start_idx and end_idx */
    const char *object;
    /* of the label, the score or the list of labels; in JSON a.b is key b of the object at key a.
     * NULL: the files have labels, or several labels have columns of their own, 0 or 1, named by
     * their values */
    const char *label;
    const char *label_separator; /* between the labels of a list; NULL: a JSON list */
    const char *index, *head;    /* conll: of a word's number, and of its head's */
    size_t index_column, head_column;
    size_t text_column; /* index of text in columns; delimited and conll, as all below */
    size_t pair_column, label_column;
    uint32_t *column_labels; /* (column_count) label of the column + 1, 0: none; or NULL */
    unit_kind unit;          /* tagged only, as the two below */
    bool ends_are_marked;    /* BIOES: E- ends an entity and S- is one of a single unit */
    const char *comment;     /* what lines that are no unit begin with; NULL: there are none */
} task_format;

typedef struct task_label {
    const char *value;    /* as written in the file */
    const char *name;     /* Hugging Face's name; goes into id2label */
    const char *readable; /* for people */
} task_label;

typedef enum task_split_rule {
    TASK_SPLIT_FILES, /* each file is a split: the official one */
    TASK_SPLIT_HASH /* within each label, the first 1/one_in (rounded up) by SHA-256 of the text is
                       test */
} task_split_rule;

typedef struct task_split {
    task_split_rule rule;
    uint32_t one_in; /* hash rule only, at least 2 */
} task_split;

/* Of dependency parsing: what gold trees keep to, and those that are made of scores (TREE_... of
 * metric/tree.h), and which piece of a word a model reads. */
typedef struct task_tree {
    uint32_t gold, decode;
    bool first_pieces;
} task_tree;

enum {
    GROUP_METRICS_MAX = 4,
    TASK_PUBLISHED_MOST = 1000,     /* models of a manifest, or a table */
    TASK_PUBLISHED_NAME_BYTES = 100 /* of one */
};

/* The largest score of a regression: squares of distances are summed in f32. */
#define TASK_SCORE_MOST 1e9

struct cJSON;

/* The group of a task: tasks that are run together, by a recipe for each, and stand in one table,
 * a column a metric. Strings and objects lie in the manifest. */
typedef struct task_group {
    const char *name;  /* NULL: the task is of none */
    const char *title; /* of the table */
    const char *column;
    uint32_t place; /* columns ascend by it */
    const metric *metrics[GROUP_METRICS_MAX];
    size_t metric_count;
    const struct cJSON *recipe;    /* object of hyperparameters, or NULL */
    const char *source;            /* of published; NULL: nothing is */
    const struct cJSON *published; /* object: model, list (metric_count) of percent, each
                                      in its metric's range */
} task_group;

typedef struct task {
    answer_kind kind;
    task_tree tree;
    double low, high; /* ANSWER_NUMBER: range of the scores */
    void *manifest;   /* cJSON, owned; the strings below live in it */
    void *places;     /* cJSON, owned; those of the files live in it; NULL: there are none */
    char *path;       /* of the manifest, owned */
    char *folder;     /* folder of the manifest, owned; samples are in <folder>/sample */
    const char *name;
    int64_t version;
    const char *title;
    const char *source;
    const char *licence;
    const char *citation;
    task_group group;
    const char *data_folder; /* folder name below a data directory; the task's name unless stated */
    task_file *files;
    size_t file_count;
    task_format format;
    task_label *labels;
    const task_label **labels_by_value; /* (label_count) the labels in the order of their values */
    size_t label_count;                 /* 0: ANSWER_NUMBER; of ANSWER_TAGS as metric/tags.h says */
    bool drop_invalid_labels; /* false: a row that says something outside the list or the range,
                                 that has one text of a pair, or a tag that cannot stand where it
                                 does, is an error */
    task_split split;
    task_split sample_split; /* the rule for the bundled sample */
    bool drop_empty;         /* cleaning of train */
    bool drop_duplicates;
    const char *headline; /* name of the score that leads */
    const char **metrics; /* (metric_count) names; the headline is one of them */
    size_t metric_count;
    size_t max_length; /* tokens */
    char manifest_sha256[HASH_HEX_BYTES];
} task;

/* Reads and checks one manifest. Free with task_free.
 * Errors: ERR_IO; ERR_FORMAT naming file, key, what was found and what is allowed. An unknown key
 * is an error, and so is a name that differs from the file's. */
err task_load(task *t, const char *path) MUST_CHECK;

/* The same of a manifest in memory, whose file would be `path`. */
err task_parse(task *t, const char *text, const char *path) MUST_CHECK;

/* Finds the manifest of a name and loads it. Errors: ERR_USAGE listing the known names and the
 * nearest one; those of task_load. */
err task_find(task *t, const char *name, const char *extra_dir) MUST_CHECK;

void task_free(task *t);

/* Index of the label whose value in the file is these bytes, or label_count when there is none. */
size_t task_label_index(const task *t, const char *value, size_t bytes);

/* "official" or "hash": what a record says about the split. */
const char *task_split_name(const task_split *s);

/* "train", "test" or "all". */
const char *task_role_name(task_role role);

/* The manifests to be found, by name in byte order. */
typedef struct task_catalog {
    char **names; /* owned */
    char **paths;
    size_t count;
} task_catalog;

/* Errors: ERR_IO naming the folder that cannot be read; those of asset_folder. */
err task_list(task_catalog *c, const char *extra_dir) MUST_CHECK;
/* Whether a manifest describes a task of the name. Errors: those of task_list. */
err task_is_there(bool *is, const char *name, const char *extra_dir) MUST_CHECK;
void task_catalog_free(task_catalog *c);

/* The tasks of a group, by name in byte order; none where no manifest names it. Manifests that
 * cannot be read are passed over. Free with task_catalog_free. */
err task_group_members(task_catalog *members, const char *group, const char *extra_dir) MUST_CHECK;

/* What a name means where a task is asked for, but for a task: "every task", "a group of tasks" of
 * the manifests without extra_dir, or NULL. Errors: those of task_list. */
err task_name_meaning(const char **meaning, const char *name) MUST_CHECK;

/* Whether a folder of results has other files than a task's records in a folder of that name, so that
 * no task can be called so. */
bool task_name_is_folder(const char *name);
/* Errors: ERR_FORMAT naming the manifest where its task's name has such a meaning. */
err task_check_name(const task *t) MUST_CHECK;
/* Both: as task_find loads what it found. */
err task_load_named(task *t, const char *path) MUST_CHECK;

#endif
