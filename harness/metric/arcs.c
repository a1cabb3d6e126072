#include "metric/arcs.h"

#include <stdbool.h>
#include <string.h>

/* Adds to gold, predicted and hit of classes. */
static void add_class(uint64_t *counts, size_t classes, size_t gold, size_t predicted) {
    counts[gold]++;
    counts[classes + predicted]++;
    counts[2 * classes + gold] += gold == predicted;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

void arcs_count(uint64_t *counts, const uint32_t *gold, const uint32_t *predicted, size_t count,
                size_t relations) {
    uint64_t *sums = counts + 3 * relations, *near = counts + arc_near(relations);
    for (size_t w = 0; w < count; w++, gold += ARC_WIDTH, predicted += ARC_WIDTH) {
        size_t head = gold[ARC_HEAD], relation = gold[ARC_RELATION];
        size_t said = predicted[ARC_RELATION];
        bool found = predicted[ARC_HEAD] == head, both = found && said == relation;
        bool plain = !gold[ARC_PUNCTUATION], next = head == arc_next(w, count);
        counts[relation]++;
        counts[relations + said]++;
        counts[2 * relations + relation] += both;
        sums[ARC_WORDS]++;
        sums[ARC_HEADS] += found;
        sums[ARC_PLAIN_WORDS] += plain;
        sums[ARC_PLAIN_HEADS] += plain && found;
        sums[ARC_PLAIN_BOTH] += plain && both;
        near[relation] += next;
        near[relations + relation] += next && plain;
        add_class(counts + arc_places(relations), ARC_PLACES, least(head, ARC_PLACES - 1),
                  least(predicted[ARC_HEAD], ARC_PLACES - 1));
        add_class(counts + arc_klue(relations), KLUE_CLASSES, least(relation, KLUE_RELATIONS),
                  found ? least(said, KLUE_RELATIONS) : KLUE_RELATIONS + 1);
    }
}

double arcs_macro_f1(const uint64_t *counts, size_t classes) {
    double sum = 0, present = 0;
    for (size_t k = 0; k < classes; k++) {
        double both = (double)(counts[k] + counts[classes + k]);
        if (both <= 0) continue;
        sum += 2 * (double)counts[2 * classes + k] / both;
        present++;
    }
    return present > 0 ? sum / present : 0;
}

void arcs_of_neighbours(uint64_t *out, const uint64_t *counts, size_t relation, size_t relations) {
    const uint64_t *from = counts + 3 * relations, *near = counts + arc_near(relations);
    uint64_t *sums = out + 3 * relations;
    memcpy(out, counts, relations * sizeof *out);
    sums[ARC_WORDS] = out[relations + relation] = from[ARC_WORDS];
    sums[ARC_PLAIN_WORDS] = from[ARC_PLAIN_WORDS];
    out[2 * relations + relation] = near[relation];
    sums[ARC_PLAIN_BOTH] = near[relations + relation];
    for (size_t k = 0; k < relations; k++) {
        sums[ARC_HEADS] += near[k];
        sums[ARC_PLAIN_HEADS] += near[relations + k];
    }
}
