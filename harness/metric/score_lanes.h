/* Scores of many resamples at once, for metrics that boards lead with: the same bits as metric.fn
 * of each lane. */
#ifndef HARNESS_METRIC_SCORE_LANES_H
#define HARNESS_METRIC_SCORE_LANES_H

#include "metric/score.h"

enum { SCORE_LANES = 16 };

/* scores of the lanes of statistics that a confusion has, of counts below 2^31.
 *   sums  (3, labels, lanes) gold, predicted and hit of some of its classes, in their order; of the
 *         others all are 0 */
typedef void score_lanes(double scores[SCORE_LANES], const uint32_t *sums, size_t labels,
                         size_t classes);

/* Of classes; NULL where the metric has none: its fn serves. */
score_lanes *score_lanes_of(const metric *m);

#endif
