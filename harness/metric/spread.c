#include "metric/spread.h"

#include "base/order.h"

#include <stdlib.h>

spread spread_of(double *samples, size_t count) {
    if (!count) return (spread){0};
    qsort(samples, count, sizeof *samples, order_double);
    size_t last = count - 1;
    double middle =
        count % 2 ? samples[count / 2] : (samples[count / 2 - 1] + samples[count / 2]) / 2;
    return (spread){middle, samples[last / 10], samples[last - last / 10]};
}
