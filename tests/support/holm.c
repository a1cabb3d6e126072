#include "support/holm.h"

#include "base/memory.h"
#include "support/must.h"

#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    double p;
    size_t index;
} ranked;

static int by_p(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void holm_adjust(double *adjusted, const double *p, size_t count) {
    ranked *list;
    MUST(mem_new(&list, count));
    for (size_t i = 0; i < count; i++) list[i] = (ranked){p[i], i};
    qsort(list, count, sizeof *list, by_p);
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, list[i].p * (double)(count - i));
        adjusted[list[i].index] = fmin(worst, 1);
    }
    mem_free(list);
}
