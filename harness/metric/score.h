/* Scores of what a model answers. A test row adds a vector of statistics to a sum, and a metric is
 * a score of that sum over the whole test set (never a mean over batches), so that one bootstrap
 * and one paired test (interval.h, statistics.h) serve every metric. The scores equal
 * scikit-learn's with labels=0..C-1 and zero_division=0: a class that is absent from gold and
 * predictions counts as 0 in macro averages.
 *
 * Terms: C classes. The statistics of class labels are the margins and the diagonal of the
 * confusion matrix: 3 C numbers, to which a row of gold id g and predicted id p adds one in
 * gold[g], one in predicted[p], and one in hit[g] where g = p. The matrix itself (C * C) is made
 * only to be shown. A set of labels adds as much for each of its labels. Numbers add to sums of
 * products, of themselves and of their ranks; ranks are of the rows that take part (rows.h). Tags
 * add their row's entities by type, and its units by tag (tags.h); arcs their row's words (arcs.h),
 * classes being relations of words. Of related entities the sum also has what the order of their
 * scores gives, where it is asked for. */
#ifndef HARNESS_METRIC_SCORE_H
#define HARNESS_METRIC_SCORE_H

#include "base/err.h"
#include "metric/arcs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Goes into every record; raised by a new metric, and by a change of a score's or an interval's
 * definition. Records of before are read: what they lack is computed from their predictions. */
enum { METRIC_VERSION = 4 };

/* Most metrics that metric_table may hold: sizes arrays of one value per metric. */
enum { METRIC_LIMIT = 48 };

/* What a task's rows are answered with. */
typedef enum answer_kind {
    ANSWER_CLASS,   /* one label */
    ANSWER_NUMBER,  /* a real number */
    ANSWER_SET,     /* any number of labels */
    ANSWER_TAGS,    /* one label for each unit of the row's text: entities (tags.h) */
    ANSWER_ARCS,    /* of each word of the row's text its head, and the relation to it (arcs.h) */
    ANSWER_RELATION /* one label of how two entities are related; label 0 says that they are not */
} answer_kind;

enum { ANSWER_KINDS = ANSWER_RELATION + 1 };

/* What manifests and records call a kind: "classification". */
const char *answer_kind_name(answer_kind kind);

/* Whether a row has one label, which a model says by its largest score. */
static inline bool answer_is_label(answer_kind kind) {
    return kind == ANSWER_CLASS || kind == ANSWER_RELATION;
}

/* Whether a row's units are answered one by one, and with how many numbers each. */
static inline bool answer_in_units(answer_kind kind) {
    return kind == ANSWER_TAGS || kind == ANSWER_ARCS;
}
static inline size_t answer_unit_width(answer_kind kind) {
    return kind == ANSWER_ARCS ? ARC_WIDTH : 1;
}

/* Scores in a row's prediction, beside ids of its own. */
static inline size_t answer_scores(answer_kind kind, size_t labels) {
    if (kind == ANSWER_CLASS || answer_in_units(kind)) return 0;
    return kind == ANSWER_NUMBER ? 1 : labels;
}

/* Answers to rows, by the test set or by a model; one member holds, by kind, and both of predicted
 * relations. Borrowed. */
typedef struct answers {
    const uint32_t *classes; /* (rows) ids; of units (begin[rows], width) */
    const float *numbers;    /* (rows); of sets (rows, C): 1 or 0 in gold; scores of the labels in
                                predictions, and a label is said where its score is above 0; of
                                relations (rows, C) logits, of which classes has the largest */
    const uint32_t *begin;   /* (rows + 1) first unit of each row; NULL where rows have none */
} answers;

/* The same, owned. Free with answer_arrays_free. */
typedef struct answer_arrays {
    uint32_t *classes;
    float *numbers;
    uint32_t *begin;
} answer_arrays;

static inline answers answers_of(const answer_arrays *a) {
    return (answers){a->classes, a->numbers, a->begin};
}
void answer_arrays_free(answer_arrays *a);

/* The place of the largest of each row's scores (rows, labels), the first of equals. */
void answers_say(uint32_t *classes, const float *scores, size_t rows, size_t labels);

/* Weighted sums of two numbers a row, each less a fixed shift. */
typedef struct product_sums {
    double weight, x, y, xx, yy, xy;
} product_sums;

/* From this number on an answer counts as a yes where KLUE takes one for a binary label. */
#define SCORE_YES 3.0

typedef struct confusion {
    answer_kind kind;
    size_t classes;                   /* C; numbers: 2, the second being a yes; tags: their types */
    uint64_t *gold, *predicted, *hit; /* (C) each, in one block that gold owns; tags: of entities */
    size_t tags;                      /* tags: how many there are; the block is tags_count's */
    uint64_t total;                   /* rows */
    uint64_t exact;                   /* sets: rows whose set is right */
    double ranking;                   /* sets: sum of rows' label ranking average precision */
    product_sums values, ranks;       /* numbers: x predicted, y gold */
    double curves; /* relations: mean area under the labels' precision-recall curves (rows.h) */
} confusion;

/* The sum of no row. Free with confusion_free. Errors: ERR_ARG for no class; ERR_MEMORY. */
err confusion_init(confusion *c, size_t classes) MUST_CHECK;

/* The same of another kind; classes is ignored for numbers, and how many tags there are for tags.
 */
err confusion_init_kind(confusion *c, answer_kind kind, size_t classes) MUST_CHECK;
void confusion_free(confusion *c);

/* The same of numbers that are there: block (3, C) as above, borrowed. */
confusion confusion_at(uint64_t *block, size_t classes);

/* Adds one count per row.
 *   gold, predicted  (count) class ids
 *   mask             (count) rows that take part, or NULL for all
 * Errors: ERR_DATA naming the first row whose id is not below C; the matrix is then undefined. */
err confusion_add(confusion *c, const uint32_t *gold, const uint32_t *predicted, const bool *mask,
                  size_t count) MUST_CHECK;

/* The matrix, where it is shown: (*counts)[gold * C + predicted], owned by the caller.
 * pre: ids below classes. Errors: ERR_MEMORY. */
err confusion_matrix(uint64_t **counts, const uint32_t *gold, const uint32_t *predicted,
                     size_t rows, size_t classes) MUST_CHECK;

/* What a metric can be computed of, as a set of bits. */
typedef enum metric_kind {
    METRIC_CLASSES = 1, /* one label a row, of two or more */
    METRIC_BINARY = 2,  /* one label a row, of two: the score is of label 1 */
    METRIC_NUMBERS = 4,
    METRIC_SETS = 8,
    METRIC_TAGS = 16,
    METRIC_ARCS = 32,
    METRIC_RELATIONS = 64,
    METRIC_CURVES = 128 /* of relations, by the order of all their scores */
} metric_kind;

/* Parts of a sum that a metric is a score of, beside its total: others need not be made for it. */
typedef enum metric_part {
    PART_LABELS = 1, /* gold, predicted and hit */
    PART_UNITS = 2,  /* tags: of units */
    PART_STRICT = 4, /* tags: of entities that begin with B- */
    PART_WORDS = 8,  /* arcs: the ARC_COUNTS */
    PART_PLACES = 16,
    PART_KLUE = 32, /* arcs: of KLUE's classes */
    PART_EXACT = 64,
    PART_RANKING = 128,
    PART_VALUES = 256,
    PART_RANKS = 512,
    PART_CURVES = 1024,
    PART_TOGETHER = 2048 /* gold, predicted and hit of all labels together; arcs: ARC_WORDS too */
} metric_part;

/* One metric of the table: nothing else in the program lists or counts metrics. */
typedef struct metric {
    const char *name;                   /* in records and manifests */
    const char *title;                  /* "macro F1" */
    const char *korean;                 /* the same in Korean */
    double (*fn)(const confusion *sum); /* of no row: 0; NaN where it is not defined */
    double least, most;                 /* what it can be */
    bool higher_is_better;
    unsigned kinds; /* of metric_kind */
    unsigned reads; /* of metric_part */
    int since;      /* METRIC_VERSION that brought its present definition: older records may lack it
                       or hold another value */
} metric;

size_t metric_count(void);
const metric *metric_at(size_t index);

/* The metric of that name, or NULL. */
const metric *metric_find(const char *name);

/* The same with an error: ERR_USAGE listing the known names; also for a metric of another kind, or
 * for a binary metric when classes is not 2 (ANSWER_CLASS and classes 0: not checked). */
err metric_lookup(const metric **out, const char *name, answer_kind kind,
                  size_t classes) MUST_CHECK;

/* m->fn(c), or 0 where it is not defined: answers that are all one number go with nothing. */
double metric_ranked(const metric *m, const confusion *c);

/* metric_find(name)->fn(c); NaN for an unknown name. */
double metric_value(const char *name, const confusion *c);
/* m of a part of a test set: macro averages leave out the classes that neither gold nor predictions
 * have there, as scikit-learn's without `labels`. */
double metric_of_seen(const metric *m, const confusion *c);

/* The value of the metric of that name in an array with one value a metric, by index of metric_at;
 * NaN for an unknown name. */
double metric_of(const double *values, const char *name);

/* The metrics that a task of that kind, with that many classes, records, in table order. */
bool metric_applies(const metric *m, answer_kind kind, size_t classes);

/* What people read where files and flags have a metric's name: its title; "loss", which is none, as it
 * is. */
const char *metric_said(const char *name);

/* The title for people, who know labels by their names: that of label 1 in place of its number ("F1
 * of sarcastic"). label_1 NULL: the title as it is. Returns it or out, which is cut to its size. */
enum { METRIC_TITLE_BYTES = 160 };
const char *metric_title(char out[METRIC_TITLE_BYTES], const metric *m, const char *label_1);

typedef struct class_score {
    double precision, recall, f1;
    uint64_t support; /* gold rows of the class */
} class_score;

/* pre: class_id < c->classes */
class_score metric_of_class(const confusion *c, size_t class_id);

/* The first of the largest counts: the class that the majority baseline predicts.
 *   counts  (classes) rows per class of training; classes > 0 */
size_t majority_class(const uint64_t *counts, size_t classes);

/* Makes the sum of always predicting `predicted` on the gold rows of c, as far as c tells: of sets
 * the counts of labels, of numbers (a constant has no correlation) nothing. Free with
 * confusion_free. Errors: ERR_ARG when predicted is no class; ERR_MEMORY. */
err majority_baseline(confusion *out, const confusion *c, size_t predicted) MUST_CHECK;

/* m of what majority_baseline made; 0 where a constant has none: it is related to nothing. */
double metric_baseline(const metric *m, const confusion *baseline);

/* What that baseline answers always: "majority class", "one number", "commonest label", "no
 * entity", "next word" (every word hangs from the next one by the commonest relation). */
const char *metric_baseline_title(answer_kind kind);

/* What a reader has to know of a model's answers before its score. */
typedef enum score_caution {
    SCORE_FINE,
    SCORE_ONE_LABEL,      /* the same answer for every row, of rows that have several labels */
    SCORE_BELOW_MAJORITY, /* worse than always answering the commonest training class */
    SCORE_CONSTANT,       /* the same number for every row */
    SCORE_UNRELATED,      /* numbers that do not rise with the gold ones */
    SCORE_NOTHING,        /* no entity, of rows that have some */
    SCORE_ONE_SET /* of several labels a row: the same ones for every row, of rows that differ */
} score_caution;

enum { SCORE_CAUTIONS = SCORE_ONE_SET + 1 };

/* Judges a sum of at least one row by a metric.
 *   baseline  the metric's value of the majority baseline on the same rows */
score_caution score_judge(const confusion *c, const metric *m, double baseline);

/* "answers one label for every row", "is below the baseline"; NULL when all is fine. */
const char *score_caution_text(score_caution caution);

#endif
