/* Shared by the files of the comparisons. */
#ifndef HARNESS_REPORT_COMPARE_INTERNAL_H
#define HARNESS_REPORT_COMPARE_INTERNAL_H

#include "report/compare.h"
#include "report/report_internal.h"
#include "report/words.h"

/* Parts of every comparison of two or more sides: what the sides are and where they differ; speed
 * and phases; times of kernels. As tables, and together as keys of a JSON object. */
err compare__sides(strbuf *out, const compare_side *sides, size_t count,
                   page_language language) MUST_CHECK;
err compare__speed(strbuf *out, const compare_side *sides, size_t count,
                   page_language language) MUST_CHECK;
err compare__kernels(strbuf *out, const compare_side *sides, size_t count,
                     page_language language) MUST_CHECK;
err compare__sides_json(cJSON *top, const compare_side *sides, size_t count) MUST_CHECK;

/* Of two sides: the rows on which they part;
 * mean losses over parts of the training, of both sides in the same steps. */
err compare__rows(strbuf *out, const compare_side sides[2], const compare_wish *wish) MUST_CHECK;
err compare__rows_json(cJSON *top, const compare_side sides[2],
                       const compare_wish *wish) MUST_CHECK;
err compare__loss_table(strbuf *out, const compare_side sides[2],
                        page_language language) MUST_CHECK;

/* "# nsmc, version 1, 50 test rows", the names of the sides, which may be long, and an empty line. */
err compare__title(strbuf *out, const compare_side *sides, size_t count,
                   page_language language) MUST_CHECK;

/* "\n## Scores\n\n". */
err compare__heading(strbuf *out, const char *heading) MUST_CHECK;

/* Lines that say so where the runs are of the bundled sample or of a part, and of more than one
 * protocol: those under dev learnt from fewer rows and chose their step, so a board has a table for
 * each. Else nothing. */
err compare__cautions(strbuf *out, const compare_side *sides, size_t count,
                      page_language language) MUST_CHECK;

/* What a group keeps from one pair for its next. */
typedef struct compare_kept {
    double
        *means; /* (BOOTSTRAP_DRAWS) mean scores under each resample, units drawn singly; NULL: not
                      asked for yet; owned by the caller */
} compare_kept;

/* compare_groups, to the bit, of one of many pairs of the same test rows. kept: of a and of b; NULL:
 * nothing is kept. */
err compare__groups(group_comparison *c, const record *const *a, size_t count_a,
                    const record *const *b, size_t count_b, compare_kept *const kept[2]) MUST_CHECK;

/* compare_records without the range, the dear part. */
err compare__runs(comparison *c, const record *a, const record *b) MUST_CHECK;

/* Errors: ERR_ARG unless there are 2 to 26 sides. */
err compare__check_sides(size_t count) MUST_CHECK;

/* Where and how fast the losses of two runs part. */
loss_drift compare__drift(const record *a, const record *b);

/* Largest relative difference in steps 1, 2 to 3, 4 to 7, ... as a table. */
err compare__drift_table(strbuf *out, const record *a, const record *b,
                         page_language language) MUST_CHECK;
err compare__drift_json(cJSON *object, const record *a, const record *b) MUST_CHECK;

/* What a row is in that side alone which answers it better: "right", "nearer". */
const char *compare__better(const record *r, page_language language);

/* What comparison.mcnemar_p is called, and its key in JSON: of other answers than classes a sign
 * test. */
const char *compare__test_name(const record *r, page_language language);
const char *compare__test_key(const record *r);

/* What that test is of, a paragraph. */
err compare__test_words(strbuf *out, const record *r, page_language language) MUST_CHECK;

#endif
