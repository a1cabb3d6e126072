#include "metric/score_lanes.h"

#include "base/vectors.h"

#include <string.h>

// a compiler makes vectors of signed numbers alone, and of no division that it might leave out
static double number(uint32_t count) {
    return (double)(int32_t)count;
}

static double at_least_one(uint32_t count) {
    return number(count ? count : 1); // what is divided by it is 0 where the count is
}

VECTOR_CLONES static void accuracy(double scores[SCORE_LANES], const uint32_t *sums, size_t labels,
                                   size_t classes) {
    const uint32_t *gold = sums, *hit = sums + 2 * labels * SCORE_LANES;
    uint32_t right[SCORE_LANES] = {0}, all[SCORE_LANES] = {0};
    (void)classes;
    for (size_t k = 0; k < labels * SCORE_LANES; k += SCORE_LANES) {
        for (int j = 0; j < SCORE_LANES; j++) {
            right[j] += hit[k + (size_t)j];
            all[j] += gold[k + (size_t)j];
        }
    }
    for (int j = 0; j < SCORE_LANES; j++) scores[j] = number(right[j]) / at_least_one(all[j]);
}

VECTOR_CLONES static void macro_f1(double scores[SCORE_LANES], const uint32_t *sums, size_t labels,
                                   size_t classes) {
    const uint32_t *gold = sums, *predicted = gold + labels * SCORE_LANES;
    const uint32_t *hit = predicted + labels * SCORE_LANES;
    double sum[SCORE_LANES] = {0};
    for (size_t k = 0; k < labels * SCORE_LANES; k += SCORE_LANES)
        for (size_t j = 0; j < SCORE_LANES; j++)
            sum[j] += number(2 * hit[k + j]) / at_least_one(gold[k + j] + predicted[k + j]);
    for (int j = 0; j < SCORE_LANES; j++) scores[j] = sum[j] / (double)classes;
}

score_lanes *score_lanes_of(const metric *m) {
    static const struct {
        const char *name;
        score_lanes *fn;
    } table[] = {{"accuracy", accuracy}, {"macro_f1", macro_f1}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, m->name)) return table[i].fn;
    return NULL;
}
