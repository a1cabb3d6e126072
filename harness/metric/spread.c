#include "metric/spread.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

spread spread_of(double *samples, size_t count) {
    if (!count) return (spread){0};
    qsort(samples, count, sizeof *samples, by_value);
    size_t last = count - 1;
    double middle =
        count % 2 ? samples[count / 2] : (samples[count / 2 - 1] + samples[count / 2]) / 2;
    return (spread){middle, samples[last / 10], samples[last - last / 10]};
}
