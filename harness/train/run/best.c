#include "train/run/best.h"

#include <math.h>

bool best_add(best_tracker *b, uint32_t step, double score) {
    bool better = !b->step || (b->higher_is_better ? score > b->score : score < b->score);
    // the callback looks before the best is renewed: small steps that add up still count as stale
    bool counts = !b->step || (better && fabs(score - b->score) > b->threshold);
    b->stale = counts ? 0 : b->stale + 1;
    if (better) {
        b->step = step;
        b->score = score;
    }
    return better;
}

bool best_stops(const best_tracker *b) {
    return b->patience && b->stale >= b->patience;
}
