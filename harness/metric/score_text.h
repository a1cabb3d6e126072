/* Scores as people read them; "-" where a score is not defined (NaN): of no rows, or of answers
 * that are all one number. */
#ifndef HARNESS_METRIC_SCORE_TEXT_H
#define HARNESS_METRIC_SCORE_TEXT_H

#include "metric/score.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCORE_TEXT_BYTES = 24 };

/* Each returns `out`, filled, or a constant: "0.5123", "51.23", "+0.20" (points). */
const char *score_share(char out[SCORE_TEXT_BYTES], double score);
const char *score_percent(char out[SCORE_TEXT_BYTES], double score);
const char *score_points(char out[SCORE_TEXT_BYTES], double difference);

/* Whether a score tells something of numbers from low to high: KLUE's F1, which counts from
 * SCORE_YES on, of a scale from 0 to 5 alone. Every other score does. The second: of the range of
 * gold numbers (rows), which may be NULL for other answers. */
bool metric_tells(const metric *m, double low, double high);
bool metric_tells_of(const metric *m, const float *gold, size_t rows);

#endif
