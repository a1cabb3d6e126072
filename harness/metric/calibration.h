/* Whether a classifier's probabilities mean what they say. p is the softmax of a row's logits over a
 * temperature T; its confidence is the largest p, its answer the class of the largest logit, the
 * first of equals.
 *
 *   bins         of equal width over confidence, bin m holding ((m - 1) / 15, m / 15], and ECE, the
 *                mean over rows of |share right - mean confidence| of their bin: Naeini, Cooper,
 *                Hauskrecht 2015; as Guo, Pleiss, Sun, Weinberger 2017 have it, also their 15
 *   Brier score  mean over rows of the sum over classes of (p - y)^2, from 0 to 2: Brier 1950 (of two
 *                classes twice what scikit-learn's brier_score_loss gives)
 *   loss         mean of -ln p(gold)
 *   temperature  the T that makes the loss least, one number for all rows, to be fitted on rows that
 *                neither training nor the score has used: Guo and others 2017, section 4.2 */
#ifndef HARNESS_METRIC_CALIBRATION_H
#define HARNESS_METRIC_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

enum { CALIBRATION_BINS = 15 };

typedef struct calibration_bin {
    size_t rows, right;
    double confidence; /* mean; 0 of no rows */
} calibration_bin;

typedef struct calibration {
    calibration_bin bins[CALIBRATION_BINS];
    size_t rows;
    double ece, brier, loss, confidence; /* NaN of no rows */
} calibration;

/* Probabilities (classes) of one row of logits (classes). */
void calibration_softmax(double *p, const float *logits, size_t classes, double temperature);

/* What a row's probabilities say. */
typedef struct calibration_chance {
    uint32_t answer;                 /* of the largest, the first of equals */
    double probability, gold_chance; /* of the answer and of the gold class */
} calibration_chance;
calibration_chance calibration_chance_of(const double *p, uint32_t gold, size_t classes);

/* Adds rows to what is zero or has rows, and makes it a calibration when all are there. */
void calibration_add(calibration *c, const float *logits, const uint32_t *gold, size_t rows,
                     size_t classes, double temperature);
void calibration_end(calibration *c);
/* Of logits (rows, classes) and gold classes (rows). */
void calibration_of(calibration *c, const float *logits, const uint32_t *gold, size_t rows,
                    size_t classes, double temperature);

/* The temperature, between 1e-3 and 1e3: where every row is right, or as many as make any T better
 * than the last, it is the bound. NaN of no rows. */
double calibration_temperature(const float *logits, const uint32_t *gold, size_t rows,
                               size_t classes);

#endif
