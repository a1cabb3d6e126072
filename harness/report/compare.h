/* Two runs side by side: scores, predictions, losses, speed. */
#ifndef HARNESS_REPORT_COMPARE_H
#define HARNESS_REPORT_COMPARE_H

#include "base/err.h"
#include "base/memory.h"
#include "result/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Relative loss difference beyond which losses part, unless told otherwise. */
#define COMPARE_TOLERANCE 1e-6

enum { COMPARE_ROWS_SHOWN = 10, COMPARE_FIRST_STEPS = 50 };

typedef struct comparison {
    const record *a, *b; /* borrowed */
    double tolerance;
    double score_a, score_b; /* headline */
    double difference;       /* b - a */
    size_t rows, disagreements;
    uint32_t first_rows[COMPARE_ROWS_SHOWN]; /* first rows predicted differently */
    size_t first_row_count;
    size_t only_a_right, only_b_right;
    double mcnemar_p;            /* exact, two-sided */
    size_t steps;                /* that both have losses for */
    bool losses_part, bits_part; /* beyond tolerance; in any bit */
    size_t part_step, bit_step;  /* first such optimizer step, from 1 */
    double largest_early;        /* largest relative loss difference in the first 50 steps */
    double largest;              /* in all steps */
} comparison;

/* Compares two records of the same task, task version, data and test labels.
 *   tolerance  relative loss difference |a - b| / max(|a|, |b|) beyond which losses part
 * Errors: ERR_DATA naming what differs. */
err compare_records(comparison *c, const record *a, const record *b, double tolerance) MUST_CHECK;

/* The comparison for people (markdown) and for programs. name_a, name_b: what to call the two. */
err compare_text(strbuf *out, const comparison *c, const char *name_a,
                 const char *name_b) MUST_CHECK;
err compare_json(strbuf *out, const comparison *c, const char *name_a,
                 const char *name_b) MUST_CHECK;

#endif
