/* Scores as people read them; "-" where a score is not defined (NaN): of no rows, or of answers
 * that are all one number. */
#ifndef HARNESS_METRIC_SCORE_TEXT_H
#define HARNESS_METRIC_SCORE_TEXT_H

enum { SCORE_TEXT_BYTES = 24 };

/* Each returns `out`, filled, or a constant: "0.5123", "51.23", "+0.20" (points). */
const char *score_share(char out[SCORE_TEXT_BYTES], double score);
const char *score_percent(char out[SCORE_TEXT_BYTES], double score);
const char *score_points(char out[SCORE_TEXT_BYTES], double difference);

#endif
