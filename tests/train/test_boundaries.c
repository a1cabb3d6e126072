/* Where two values are equal: which one counts. */
#include "model/head/head.h"
#include "train/evaluate/evaluate.h"
#include "train/run/best.h"
#include "train/step/capacity.h"

#include <criterion/criterion.h>

// of equal logits the first, as numpy's and PyTorch's argmax
Test(boundaries, equal_logits_give_the_first_label) {
    const float logits[] = {1, 1, 1, /**/ 0, 2, 2, /**/ -1, -2, -1, /**/ -0.0f, 0.0f, -1};
    uint32_t labels[4];
    head_classification.decode(labels, logits, 4, 3);
    cr_assert(labels[0] == 0 && labels[1] == 1 && labels[2] == 0 && labels[3] == 0);
}

// what lies behind a row's logits, the next row's, is neither read nor written
Test(boundaries, probabilities_are_of_a_row_alone) {
    const float logits[] = {1, 1, 1, 5000};
    double p[4] = {0, 0, 0, 7};
    predict_probabilities(p, logits, 3);
    for (int c = 0; c < 3; c++) cr_expect_float_eq(p[c], 1 / 3.0, 1e-15, "%g", p[c]);
    cr_expect_eq(p[3], 7);
}

/* transformers' EarlyStoppingCallback: an improvement that equals the threshold is none, but the
 * best is renewed by any improvement; an equal score renews nothing. */
Test(boundaries, an_improvement_equal_to_the_threshold_is_stale) {
    best_tracker b = {.higher_is_better = true, .threshold = 0.25, .patience = 2};
    cr_assert(best_add(&b, 1, 0.5));
    cr_assert(best_add(&b, 2, 0.75)); // better by the threshold
    cr_assert(b.stale == 1 && b.step == 2 && b.score == 0.75);
    cr_assert(best_add(&b, 3, 1.0625)); // better by more
    cr_assert(b.stale == 0 && b.step == 3);
    cr_assert_not(best_add(&b, 4, 1.0625));
    cr_assert(b.stale == 1 && b.step == 3 && !best_stops(&b));
    cr_assert_not(best_add(&b, 5, 1.0625));
    cr_assert(best_stops(&b));
    best_tracker loss = {.threshold = 0, .patience = 1};
    cr_assert(best_add(&loss, 1, 0.5));
    cr_assert_not(best_add(&loss, 2, 0.5)); // equal to the best, by a threshold of 0
    cr_assert(best_stops(&loss));
}

// a micro-batch takes as many tokens and sentences as it may, and no more
Test(boundaries, a_micro_batch_is_full_before_the_next_begins) {
    pack_sentence s[] = {{NULL, MICRO_TOKENS / 2, 0, {0}},
                         {NULL, MICRO_TOKENS / 2, 0, {0}},
                         {NULL, 1, 0, {0}},
                         {NULL, 1, 0, {0}}};
    batch_capacity c = {0};
    capacity_raise(&c, s, NULL, 2, 0);
    cr_assert(c.micros == 1 && c.tokens == MICRO_TOKENS && c.sentences == 2);
    capacity_raise(&c, s, NULL, 3, 0);
    cr_assert(c.micros == 2 && c.tokens == MICRO_TOKENS && c.max_length == MICRO_TOKENS / 2);
    batch_capacity few = {0};
    capacity_raise(&few, s + 2, NULL, 2, 2);
    cr_assert(few.micros == 1 && few.sentences == 2 && few.tokens == 2);
    capacity_raise(&few, s + 1, NULL, 3, 2);
    cr_assert(few.micros == 2 && few.sentences == 2);
    // one sentence alone may be longer
    s[0].count = MICRO_TOKENS + 1;
    batch_capacity one = {0};
    capacity_raise(&one, s, NULL, 1, 0);
    cr_assert(one.micros == 1 && one.tokens == MICRO_TOKENS + 1);
}
