/* Trees: what is none, and the best by scores against every other one. */
#include "base/rng.h"
#include "metric/arcs.h"
#include "metric/rows.h"
#include "metric/tree.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static tree_fault check(const uint32_t *heads, uint32_t words, uint32_t rule) {
    tree_fault fault;
    cr_assert_eq(tree_check(&fault, heads, words, rule), ERR_OK);
    return fault;
}

static double sum_of(const uint32_t *heads, const float *scores, size_t stride, uint32_t words) {
    double sum = 0;
    for (uint32_t w = 0; w < words; w++) sum += (double)scores[w * stride + heads[w]];
    return sum;
}

/* The largest sum of all heads that keep to the rule; with TREE_ANY of all heads but the word's own.
 */
static double best_of_all(const float *scores, size_t stride, uint32_t words, uint32_t rule) {
    uint32_t heads[8] = {0};
    double best = -INFINITY;
    for (;;) {
        tree_fault fault = check(heads, words, rule);
        bool fits = fault.kind == TREE_FINE;
        if (rule == TREE_ANY) {
            fits = true;
            for (uint32_t w = 0; w < words; w++) fits = fits && heads[w] != w + 1;
        }
        if (fits) best = fmax(best, sum_of(heads, scores, stride, words));
        uint32_t w = 0;
        while (w < words && heads[w] == words) heads[w++] = 0;
        if (w == words) return best;
        heads[w]++;
    }
}

CleanTest(tree, decoding_finds_the_best_of_all) {
    enum { STRIDE = 9 };
    for (uint32_t words = 1; words <= 6; words++) {
        for (uint32_t round = 0; round < (words < 6 ? 40 : 3); round++) {
            float scores[8 * STRIDE];
            for (size_t i = 0; i < 8 * STRIDE; i++) scores[i] = (float)rng_normal(round, words, i);
            for (uint32_t rule = 0; rule < TREE_RULES; rule++) {
                uint32_t heads[8];
                cr_assert_eq(tree_decode(heads, scores, STRIDE, words, rule), ERR_OK);
                double got = sum_of(heads, scores, STRIDE, words);
                double best = best_of_all(scores, STRIDE, words, rule);
                cr_assert_float_eq(got, best, 1e-9, "%u words, %s: %g, the best is %g", words,
                                   tree_rule_name(rule), got, best);
                tree_fault fault = check(heads, words, rule);
                if (rule)
                    cr_assert_eq(fault.kind, TREE_FINE, "%u words, %s", words,
                                 tree_rule_name(rule));
            }
        }
    }
}

/* A long sentence, all scores equal: the first of equals, and still a tree. */
Test(tree, equal_scores_give_a_tree) {
    enum { WORDS = 150 };
    static float scores[WORDS * (WORDS + 1)];
    uint32_t heads[WORDS], again[WORDS];
    for (uint32_t rule = 1; rule < TREE_RULES; rule++) {
        cr_assert_eq(tree_decode(heads, scores, WORDS + 1, WORDS, rule), ERR_OK);
        cr_assert_eq(tree_decode(again, scores, WORDS + 1, WORDS, rule), ERR_OK);
        cr_assert_eq(check(heads, WORDS, rule).kind, TREE_FINE, "%s", tree_rule_name(rule));
        cr_assert_arr_eq(heads, again, sizeof heads);
    }
    cr_assert_eq(tree_decode(heads, scores, 1, 0, TREE_PROJECTIVE), ERR_OK);
}

Test(tree, faults_are_told_with_their_words) {
    const struct {
        uint32_t heads[5], words, rule;
        tree_fault fault;
    } cases[] = {
        {{2, 3, 0}, 3, 3, {TREE_FINE, 0, 0}},
        {{0}, 1, 3, {TREE_FINE, 0, 0}},
        {{0}, 0, 3, {TREE_FINE, 0, 0}},
        {{2, 4, 0}, 3, 0, {TREE_NO_WORD, 2, 0}},
        {{2, 2, 0}, 3, 0, {TREE_NO_WORD, 2, 0}},
        {{2, 0, 0}, 3, 0, {TREE_TWO_ROOTS, 3, 2}},
        {{2, 3, 1}, 3, 0, {TREE_NO_ROOT, 1, 0}},
        {{2, 1, 0}, 3, 0, {TREE_CYCLE, 1, 0}},
        {{0, 3, 4, 2}, 4, 0, {TREE_CYCLE, 2, 0}},
        {{3, 4, 0, 3}, 4, TREE_PROJECTIVE, {TREE_CROSSING, 2, 1}},
        {{3, 4, 0, 3}, 4, TREE_ANY, {TREE_FINE, 0, 0}},
        {{2, 0, 2}, 3, TREE_HEAD_FINAL, {TREE_FORWARD, 3, 0}},
        {{2, 0, 2}, 3, TREE_PROJECTIVE, {TREE_FINE, 0, 0}},
        // the root's own arc is crossed
        {{3, 0, 2}, 3, TREE_PROJECTIVE, {TREE_CROSSING, 2, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tree_fault got = check(cases[i].heads, cases[i].words, cases[i].rule);
        cr_assert_eq(got.kind, cases[i].fault.kind, "case %zu: %d", i, (int)got.kind);
        cr_assert_eq(got.word, cases[i].fault.word, "case %zu: word %u", i, got.word);
        cr_assert_eq(got.other, cases[i].fault.other, "case %zu: other %u", i, got.other);
    }
}

static bool is_own_ancestor(const uint32_t *heads, uint32_t words, uint32_t word) {
    uint32_t at = word;
    for (uint32_t steps = 0; steps < words; steps++) {
        at = heads[at - 1];
        if (!at || at == word) return at == word;
    }
    return false;
}

/* Every way to hang up to six words: the first word on a cycle, else whether two arcs cross, by
 * looking at all of them. */
Test(tree, cycles_and_crossings_are_those_of_plain_counting) {
    for (uint32_t words = 1; words <= 6; words++) {
        uint32_t heads[8] = {0}, w = 0;
        while (w < words) {
            tree_fault any = check(heads, words, TREE_ANY), flat = check(heads, words, 1);
            uint32_t cycle = 0, crossing = 0;
            for (uint32_t i = words; i; i--) {
                if (any.kind == TREE_FINE || any.kind == TREE_CYCLE)
                    cycle = is_own_ancestor(heads, words, i) ? i : cycle;
                for (uint32_t o = 1; o < i; o++) {
                    uint32_t a = i < heads[i - 1] ? i : heads[i - 1], b = i + heads[i - 1] - a;
                    uint32_t c = o < heads[o - 1] ? o : heads[o - 1], d = o + heads[o - 1] - c;
                    bool here = (a < c && c < b && b < d) || (c < a && a < d && d < b);
                    crossing |= here;
                    if (flat.kind == TREE_CROSSING && flat.word == i && flat.other == o)
                        cr_assert(here, "of %u words %u and %u do not cross", words, i, o);
                }
            }
            cr_assert_eq(any.kind == TREE_CYCLE ? any.word : 0, cycle, "%u words", words);
            if (any.kind == TREE_FINE)
                cr_assert_eq(flat.kind, crossing ? TREE_CROSSING : TREE_FINE, "%u words", words);
            for (w = 0; w < words && heads[w] == words; w++) heads[w] = 0;
            if (w < words) heads[w]++;
        }
    }
}

/* The longest sentence there is, each word under the next: not the square of its words. */
Test(tree, long_chains_are_checked_at_once, .timeout = 20) {
    enum { WORDS = 4096, TIMES = 2000 };
    static uint32_t heads[WORDS];
    for (uint32_t w = 0; w + 1 < WORDS; w++) heads[w] = w + 2;
    for (int i = 0; i < TIMES; i++) cr_assert_eq(check(heads, WORDS, 3).kind, TREE_FINE);
}

/* By hand: words with heads 2 3 0 and relations 0 16 17, the last punctuation; said 2 0 0 with 0 16
 * 15. */
Test(tree, arcs_are_counted_by_hand) {
    enum { C = 18 };
    static uint64_t counts[5 * C + ARC_COUNTS + 3 * ARC_PLACES + 3 * KLUE_CLASSES],
        near[sizeof counts / sizeof *counts];
    const uint32_t gold[] = {2, 0, 0, 3, 16, 0, 0, 17, 1}, said[] = {2, 0, 0, 0, 16, 0, 0, 15, 0};
    cr_assert_eq(arc_counts(C), sizeof counts / sizeof *counts);
    arcs_count(counts, gold, said, 3, C);
    const uint64_t *sums = counts + 3 * C;
    cr_assert_eq(sums[ARC_WORDS], 3);
    cr_assert_eq(sums[ARC_HEADS], 2);
    cr_assert_eq(sums[ARC_PLAIN_WORDS], 2);
    cr_assert_eq(sums[ARC_PLAIN_HEADS], 1);
    cr_assert_eq(sums[ARC_PLAIN_BOTH], 1);
    cr_assert_eq(counts[2 * C + 0], 1);
    cr_assert_eq(counts[2 * C + 16], 0);
    cr_assert_eq(counts[2 * C + 17], 0);
    // heads 2 3 0 against 2 0 0: F1 1, 0, 2/3
    cr_assert_float_eq(arcs_macro_f1(counts + arc_places(C), ARC_PLACES), (1 + 2.0 / 3) / 3, 1e-12);
    // relations 0 15 15 against 0 wrong 15: F1 1, 2/3, 0
    cr_assert_float_eq(arcs_macro_f1(counts + arc_klue(C), KLUE_CLASSES), (1 + 2.0 / 3) / 3, 1e-12);
    // every word's head is the next one; relation 16 is one of two that are no punctuation
    arcs_of_neighbours(near, counts, 16, C);
    cr_assert_eq(near[3 * C + ARC_HEADS], 3);
    cr_assert_eq(near[3 * C + ARC_PLAIN_HEADS], 2);
    cr_assert_eq(near[3 * C + ARC_PLAIN_BOTH], 1);
    cr_assert_eq(near[2 * C + 16], 1);
    cr_assert_eq(near[C + 16], 3);
}

/* Two sentences, one of them counted twice; relations are checked, and so are units. */
CleanTest(tree, scores_of_arcs) {
    const uint32_t gold[] = {2, 0, 0, 0, 1, 0, 0, 1, 0, 1, 2, 1};
    uint32_t said[] = {2, 0, 0, 0, 2, 0, 2, 1, 0, 1, 2, 0}, begin[] = {0, 2, 4};
    const uint32_t weights[] = {2, 1};
    answers right = {.classes = gold, .begin = begin}, found = {.classes = said, .begin = begin};
    confusion c = {0}, baseline = {0};
    row_statistics s = {0};
    cr_assert_eq(answers_sum(&c, ANSWER_ARCS, 3, right, found, NULL, 2), ERR_OK);
    cr_expect_float_eq(metric_value("uas", &c), 3.0 / 4, 1e-12);
    cr_expect_float_eq(metric_value("las", &c), 2.0 / 4, 1e-12);
    cr_expect_float_eq(metric_value("uas_words", &c), 2.0 / 3, 1e-12);
    cr_expect_float_eq(metric_value("las_words", &c), 1.0 / 3, 1e-12);
    // the next word is the head of words 1 and 2, but not of 3 and 4
    cr_assert_eq(majority_baseline(&baseline, &c, 0), ERR_OK);
    cr_expect_float_eq(metric_value("uas", &baseline), 2.0 / 4, 1e-12);
    cr_expect_float_eq(metric_value("las", &baseline), 1.0 / 4, 1e-12);
    confusion_free(&baseline);
    cr_assert_eq(row_statistics_init(&s, ANSWER_ARCS, 3, right, found, 2, false), ERR_OK);
    row_statistics_sum(&c, &s, weights);
    cr_expect_float_eq(metric_value("uas", &c), 5.0 / 6, 1e-12);
    cr_expect_float_eq(metric_value("las", &c), 3.0 / 6, 1e-12);
    row_statistics_free(&s);
    confusion_free(&c);
    said[10] = 3;
    cr_expect_eq(answers_sum(&c, ANSWER_ARCS, 3, right, found, NULL, 2), ERR_DATA);
    cr_expect(strstr(err_message(ERR_DATA), "row 1: gold relation 2, predicted relation 3"), "%s",
              err_message(ERR_DATA));
    confusion_free(&c);
}
