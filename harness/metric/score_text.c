#include "metric/score_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

bool metric_tells(const metric *m, const char *task) {
    static const char benchmark[] = "klue_";
    return strcmp(m->name, "klue_f1") != 0 || !strncmp(task, benchmark, sizeof benchmark - 1);
}
