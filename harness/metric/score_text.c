#include "metric/score_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the scale from 0 that SCORE_YES is meant for. */
#define SCALE_MOST 5.0

static const char none[] = "-";

const char *score_share(char out[SCORE_TEXT_BYTES], double score) {
    if (isnan(score)) return none;
    snprintf(out, SCORE_TEXT_BYTES, "%.4f", score);
    return out;
}

const char *score_percent(char out[SCORE_TEXT_BYTES], double score) {
    if (isnan(score)) return none;
    snprintf(out, SCORE_TEXT_BYTES, "%.2f", 100 * score);
    return out;
}

const char *score_points(char out[SCORE_TEXT_BYTES], double difference) {
    if (isnan(difference)) return none;
    snprintf(out, SCORE_TEXT_BYTES, "%+.2f", 100 * difference);
    return out;
}

bool metric_tells(const metric *m, double low, double high) {
    return strcmp(m->name, "klue_f1") != 0 ||
           (low >= 0 && low < SCORE_YES && high >= SCORE_YES && high <= SCALE_MOST);
}

bool metric_tells_of(const metric *m, const float *gold, size_t rows) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (size_t i = 0; gold && i < rows; i++) {
        low = fmin(low, (double)gold[i]);
        high = fmax(high, (double)gold[i]);
    }
    return metric_tells(m, low, high);
}
