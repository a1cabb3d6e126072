#include "metric/calibration.h"

#include <math.h>

/* Largest logit, first of equals. */
static size_t answer_of(const float *logits, size_t classes) {
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > logits[best]) best = k;
    return best;
}

void calibration_softmax(double *p, const float *logits, size_t classes, double temperature) {
    double most = (double)logits[answer_of(logits, classes)], sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += p[k] = exp(((double)logits[k] - most) / temperature);
    for (size_t k = 0; k < classes; k++) p[k] /= sum;
}

/* exp of z / T less the largest, summed. */
static double sum_of(const float *logits, size_t classes, double most, double temperature) {
    double sum = 0;
    for (size_t k = 0; k < classes; k++) sum += exp(((double)logits[k] - most) / temperature);
    return sum;
}

static size_t bin_of(double confidence) {
    double bin = ceil(confidence * CALIBRATION_BINS) - 1;
    return bin < 0 ? 0 : bin < CALIBRATION_BINS ? (size_t)bin : CALIBRATION_BINS - 1;
}

static void add_row(calibration *c, const float *logits, uint32_t gold, size_t classes,
                    double temperature) {
    size_t said = answer_of(logits, classes);
    double most = (double)logits[said], sum = sum_of(logits, classes, most, temperature);
    double confidence = 1 / sum;
    calibration_bin *bin = &c->bins[bin_of(confidence)];
    for (size_t k = 0; k < classes; k++) {
        double p = exp(((double)logits[k] - most) / temperature) / sum, off = p - (k == gold);
        c->brier += off * off;
    }
    c->loss += log(sum) - ((double)logits[gold] - most) / temperature;
    c->confidence += confidence;
    bin->rows++;
    bin->right += said == gold;
    bin->confidence += confidence;
}

calibration_chance calibration_chance_of(const double *p, uint32_t gold, size_t classes) {
    uint32_t answer = 0;
    for (uint32_t k = 1; k < classes; k++)
        if (p[k] > p[answer]) answer = k;
    return (calibration_chance){answer, p[answer], p[gold]};
}

void calibration_add(calibration *c, const float *logits, const uint32_t *gold, size_t rows,
                     size_t classes, double temperature) {
    c->rows += rows;
    for (size_t i = 0; i < rows; i++)
        add_row(c, logits + i * classes, gold[i], classes, temperature);
}

void calibration_end(calibration *c) {
    for (size_t m = 0; m < CALIBRATION_BINS; m++) {
        calibration_bin *bin = &c->bins[m];
        c->ece += fabs((double)bin->right - bin->confidence); // of its rows, summed
        if (bin->rows) bin->confidence /= (double)bin->rows;
    }
    double n = c->rows ? (double)c->rows : (double)NAN;
    c->ece /= n;
    c->brier /= n;
    c->loss /= n;
    c->confidence /= n;
}

void calibration_of(calibration *c, const float *logits, const uint32_t *gold, size_t rows,
                    size_t classes, double temperature) {
    *c = (calibration){0};
    calibration_add(c, logits, gold, rows, classes, temperature);
    calibration_end(c);
}

/* Slope of the loss by 1 / T: rises with it, since the loss is convex there. */
static double slope(const float *logits, const uint32_t *gold, size_t rows, size_t classes,
                    double temperature) {
    double all = 0;
    for (size_t i = 0; i < rows; i++) {
        const float *z = logits + i * classes;
        double most = (double)z[answer_of(z, classes)], sum = 0, weighted = 0;
        for (size_t k = 0; k < classes; k++) {
            double w = exp(((double)z[k] - most) / temperature);
            sum += w;
            weighted += w * ((double)z[k] - most);
        }
        all += weighted / sum - ((double)z[gold[i]] - most);
    }
    return all;
}

double calibration_temperature(const float *logits, const uint32_t *gold, size_t rows,
                               size_t classes) {
    enum { HALVINGS = 60 };
    double low = -3, high = 3; // of log10 T
    if (!rows) return NAN;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (slope(logits, gold, rows, classes, pow(10, middle)) > 0)
            low = middle; // too sharp
        else
            high = middle;
    }
    return pow(10, (low + high) / 2);
}
