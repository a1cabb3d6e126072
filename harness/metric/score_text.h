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

/* Whether a score tells something of a task of that name: KLUE's F1, which counts from SCORE_YES on,
 * of KLUE's own tasks alone, whose labelling defines that bound: on a scale that looks alike it may be
 * the middle of five stars. Every other score does. */
bool metric_tells(const metric *m, const char *task);

#endif
