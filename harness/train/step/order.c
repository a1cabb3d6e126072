#include "train/step/order.h"

#include <stdlib.h>

enum { BATCHES_MOST = 50, STRETCHES_LEAST = 4 };

static int longest_first(const void *a, const void *b) {
    const order_entry *x = a, *y = b;
    if (x->length != y->length) return x->length > y->length ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place); // qsort alone keeps no order of equals
}

void order_group(uint32_t *order, const pack_sentence *sentences, size_t count, size_t step_rows,
                 order_entry *scratch) {
    size_t batches = count / (step_rows * STRETCHES_LEAST), longest = 0;
    if (batches > BATCHES_MOST) batches = BATCHES_MOST;
    if (!batches) batches = 1;
    size_t stretch = batches * step_rows;
    for (size_t i = 0; i < count; i++)
        scratch[i] = (order_entry){sentences[order[i]].count, (uint32_t)i, order[i]};
    for (size_t first = 0; first < count; first += stretch) {
        size_t n = count - first < stretch ? count - first : stretch;
        qsort(scratch + first, n, sizeof *scratch, longest_first);
        if (scratch[first].length > scratch[longest].length) longest = first;
    }
    for (size_t i = 0; i < count; i++) order[i] = scratch[i].row;
    if (!count) return;
    uint32_t swapped = order[0];
    order[0] = order[longest];
    order[longest] = swapped;
}
