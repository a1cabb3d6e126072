/* Median and percentiles of measurements. */
#ifndef HARNESS_METRIC_SPREAD_H
#define HARNESS_METRIC_SPREAD_H

#include <stddef.h>

typedef struct spread {
    double median, low, high; /* low, high: 10th and 90th percentile */
} spread;

/* Of samples (count), which are sorted in place; zeros when there are none. */
spread spread_of(double *samples, size_t count);

#endif
