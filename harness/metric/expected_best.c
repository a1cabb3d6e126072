#include "metric/expected_best.h"

#include "base/memory.h"
#include "base/order.h"

#include <math.h>
#include <stdlib.h>

err expected_best(double *mean, double *deviation, const double *scores, size_t count,
                  bool higher_is_better) {
    double *sorted = NULL, sign = higher_is_better ? 1 : -1, worst = NAN;
    err e = mem_new(&sorted, count);
    if (e) return e;
    for (size_t i = 0; i < count; i++) worst = fmin(worst, sign * scores[i]); // leaves NaN out
    for (size_t i = 0; i < count; i++) sorted[i] = isnan(scores[i]) ? worst : sign * scores[i];
    if (!isnan(worst)) qsort(sorted, count, sizeof *sorted, order_double);
    for (size_t n = 1; n <= count; n++) {
        double first = 0, second = 0, before = 0;
        for (size_t i = 0; i < count; i++) {
            double up_to = pow((double)(i + 1) / (double)count, (double)n);
            first += sorted[i] * (up_to - before);
            before = up_to;
        }
        before = 0;
        // around the mean: squares of the scores themselves would cancel
        for (size_t i = 0; i < count; i++) {
            double up_to = pow((double)(i + 1) / (double)count, (double)n);
            second += (sorted[i] - first) * (sorted[i] - first) * (up_to - before);
            before = up_to;
        }
        mean[n - 1] = sign * first;
        deviation[n - 1] = sqrt(second);
    }
    mem_free(sorted);
    return ERR_OK;
}
