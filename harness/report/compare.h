/* Two runs side by side: scores, predictions, losses, speed. */
#ifndef HARNESS_REPORT_COMPARE_H
#define HARNESS_REPORT_COMPARE_H

#include "base/err.h"
#include "base/memory.h"
#include "metric/interval.h"
#include "report/language.h"
#include "result/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Relative loss difference beyond which losses part, unless told otherwise. */
#define COMPARE_TOLERANCE 1e-6

enum { COMPARE_ROWS_SHOWN = 10, COMPARE_FIRST_STEPS = 50, COMPARE_SIDES_MOST = 26 };

/* Where and how fast two lists of losses part. */
typedef struct loss_drift {
    size_t steps;                /* that both have */
    bool losses_part, bits_part; /* beyond the tolerance; in any bit */
    size_t part_step, bit_step;  /* first such optimizer step, from 1 */
    double largest_early;        /* largest relative difference in the first 50 steps */
    double largest;              /* in all steps */
} loss_drift;

/* What a comparison of two sides shows beside its figures. */
typedef struct compare_wish {
    size_t rows;              /* of the list of rows on which the sides part; 0: no list */
    const char *const *texts; /* (test rows) shown there, borrowed; NULL: none */
    page_language language;   /* of all words for people; keys of JSON stay English */
} compare_wish;

typedef struct comparison {
    const record *a, *b;     /* borrowed */
    compare_wish wish;       /* nothing, unless the caller sets it */
    double score_a, score_b; /* headline */
    double difference;       /* b - a */
    interval range;          /* 95 % of it, over test rows alone */
    size_t rows, disagreements;
    uint32_t first_rows[COMPARE_ROWS_SHOWN]; /* first rows predicted differently, from 0; shown,
                                                also as JSON, from 1 as `data head` counts them */
    size_t first_row_count;
    size_t only_a_right, only_b_right;
    double mcnemar_p; /* exact, two-sided */
    loss_drift loss;
} comparison;

/* Of a run that is yet to be made the hash of its test labels may lack, which its data's tells.
 * Errors: ERR_DATA naming what keeps two records from being compared. */
err compare_same_task(const record *a, const record *b) MUST_CHECK;

/* Compares two records of the same task, task version, data and test labels.
 * Errors: ERR_DATA naming what differs. */
err compare_records(comparison *c, const record *a, const record *b) MUST_CHECK;

/* The comparison for people (markdown) and for programs. name_a, name_b: what to call the two. */
err compare_text(strbuf *out, const comparison *c, const char *name_a,
                 const char *name_b) MUST_CHECK;
err compare_json(strbuf *out, const comparison *c, const char *name_a,
                 const char *name_b) MUST_CHECK;

/* Two groups of runs, each one model on one device under several seeds. */
enum { COMPARE_SEEDS_SHOWN = 20 };

/* Half-width, in points, within which two groups count as equivalent. */
#define COMPARE_EQUIVALENCE 0.5

typedef struct group_comparison {
    const record *const *a, *const *b; /* (count_a), (count_b); borrowed */
    size_t count_a, count_b;
    compare_wish wish;                   /* nothing, unless the caller sets it */
    double mean_a, std_a, mean_b, std_b; /* headline */
    double difference;                   /* mean_b - mean_a */
    interval range;                      /* 95 % of the difference, paired over test rows; 0 to 0
                                            where each seed gave the same weights on both sides */
    bool rows_only;                      /* a group of one seed: the range knows nothing of seeds */
    bool paired_seeds; /* one model and recipe under the same seeds: their differences count */
    double p;          /* of no difference; 1 (no claim) when rows_only */
    bool equivalent;   /* not rows_only, and the range lies within -+ COMPARE_EQUIVALENCE */
    size_t shared;     /* seeds that both have */
    struct compare_seed {
        int64_t seed;
        double score_a, score_b;
        size_t disagreements;
        loss_drift loss;
    } seeds[COMPARE_SEEDS_SHOWN];
    size_t seed_count;            /* shared seeds listed */
    double disagreement;          /* mean share of rows predicted differently, over shared seeds */
    double speed;                 /* tokens per second, b / a, mean over runs; 0 when not known */
    double speed_low, speed_high; /* least and most over pairs of runs */
} group_comparison;

/* Compares two groups whose records agree on task, version, data and test labels.
 * Errors: ERR_DATA naming what differs, also within a group (model, weights, recipe, device,
 * precision); ERR_ARG for an empty group; ERR_MEMORY. */
err compare_groups(group_comparison *c, const record *const *a, size_t count_a,
                   const record *const *b, size_t count_b) MUST_CHECK;
/* Whether two runs are of one group: they agree in all that compare_groups asks for. */
bool compare_is_group(const record *a, const record *b);
err compare_groups_text(strbuf *out, const group_comparison *c, const char *name_a,
                        const char *name_b) MUST_CHECK;
err compare_groups_json(strbuf *out, const group_comparison *c, const char *name_a,
                        const char *name_b) MUST_CHECK;

/* One side of a comparison of several: a model on a device, with one or more seeds. */
typedef struct compare_side {
    const char *name;
    const record *const *runs; /* (count) */
    size_t count;
} compare_side;

/* What a side is called beside another where nobody named it: its model, and what of recipe, device,
 * precision and protocol is not the other's, in the board's words ("ko-tiny, 2 epochs"). */
err compare_side_words(strbuf *out, const record *r, const record *other) MUST_CHECK;

/* Every side against every other: a table of the sides, with their speed relative to the first, and
 * one of the pairs (compare_groups; sides of one seed each: McNemar). In markdown, or as JSON.
 * Errors: those of compare_groups; ERR_ARG for fewer than two sides. */
err compare_matrix_text(strbuf *out, const compare_side *sides, size_t count,
                        page_language language) MUST_CHECK;
err compare_matrix_json(strbuf *out, const compare_side *sides, size_t count) MUST_CHECK;

/* A self-contained page around a comparison in text form and that language: its tables become
 * tables, and before its speed the losses of all runs of the sides (count of them, 0: none) lie
 * over each other. */
err compare_html(strbuf *out, const char *text, const compare_side *sides, size_t count,
                 page_language language) MUST_CHECK;

/* Errors: ERR_DATA "WHO do not compare: ...", that the rows or the test labels of two runs differ: how
 * many each has where that says it, why (a limit, the sample) where it is known, and the hashes in short. Of a run that is
 * yet to be made the hash of its test labels may lack, which its data's tells. */
err compare_same_rows(const char *who, const record *a, const record *b) MUST_CHECK;
/* The same of the recipe, naming the fields that differ. */
err compare_same_recipe(const char *who, const record *a, const record *b) MUST_CHECK;

#endif
