/* The few statistics that a board needs beside the bootstrap: Student's t, McNemar, Holm, and the
 * interval of a mean over seeds. */
#ifndef HARNESS_METRIC_STATISTICS_H
#define HARNESS_METRIC_STATISTICS_H

#include "metric/interval.h"

#include <stddef.h>
#include <stdint.h>

/* P(T <= t) for Student's t with df > 0 degrees of freedom (any real; INFINITY: the normal). */
double student_t_cdf(double t, double df);

/* The t with student_t_cdf(t, df) = p, 0 < p < 1. */
double student_t_quantile(double p, double df);

/* McNemar's exact two-sided p-value of b against c discordant rows: twice the smaller binomial tail
 * at one half, at most 1; 1 without any. */
double mcnemar_exact(uint64_t b, uint64_t c);

/* Mean and sample standard deviation (n - 1; 0 for one value). pre: count > 0 */
double mean_of(const double *values, size_t count);
double std_of(const double *values, size_t count);

/* Sample variance of a, or of a - b where b is given: mean first, then squares, so that nothing
 * cancels; 0 for fewer than two values. */
double variance_of(const double *a, const double *b, size_t count);

/* What is known of an estimate whose variance is a sum: that of the test rows, which the bootstrap
 * gives with units - 1 degrees of freedom, and of seeds, s^2 / S with S - 1 each.
 *
 * A floor stands under the variance of the rows: that of one more unit decided either way, 1 /
 * units^2 (one unit moves an accuracy by 1 / units, and a mean over classes by as much on average).
 * So models that agree on every unit but a few, or without any error, are never certain. */
typedef struct estimate {
    double value;
    double variance;
    double df; /* Welch-Satterthwaite */
} estimate;

/* The root of the floor: 1 / units. */
double statistics_floor(size_t units);

/* Mean score over seeds of one model.
 *   scores  (runs) on the test set itself
 *   means   (draws) mean over the runs of their scores under each resample
 *   units   of the test set */
estimate estimate_mean(const double *scores, size_t runs, const double *means, size_t draws,
                       size_t units);

/* Difference of two models' means, a - b, paired over test rows: both `means` have the same draws
 * of the same bootstrap. */
estimate estimate_difference(const double *scores_a, size_t runs_a, const double *means_a,
                             const double *scores_b, size_t runs_b, const double *means_b,
                             size_t draws, size_t units);

/* The same of the variance (variance_of) of what the draws differ by. */
estimate estimate_of_variance(const double *scores_a, size_t runs_a, const double *scores_b,
                              size_t runs_b, double variance, size_t units);

/* Mean over runs of each draw: means (draws), resampled (runs, draws) as bootstrap_scores has
 * it. */
void resampled_means(double *means, const double *resampled, size_t runs, size_t draws);

/* 95 % interval: value -+ t(0.975, df) * sqrt(variance). */
interval estimate_interval(const estimate *x);

/* Two-sided p-value of value = 0; above 0, however small. */
double estimate_p(const estimate *x);

#endif
