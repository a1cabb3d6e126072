// Tags: which entities they say, and scores of these by hand.
#include "metric/interval.h"
#include "metric/rows.h"
#include "metric/tags.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>

enum { B0, I0, B1, I1, O, TAGS };

static size_t entities(tag_entity *out, const uint32_t *tags, size_t count, bool strict) {
    size_t at = 0, n = 0;
    while (tag_next(&out[n], &at, tags, count, TAGS, strict)) n++;
    return n;
}

Test(tags, entities_begin_with_b_unless_gold_lost_it) {
    const uint32_t tags[] = {B0, I0, I1, I1, O, B0, B0, I0, O, I1, B1};
    tag_entity found[12];
    cr_assert_eq(entities(found, tags, 11, true), 4);
    cr_expect(found[0].begin == 0 && found[0].end == 2 && found[0].type == 0);
    cr_expect(found[1].begin == 5 && found[1].end == 6 && found[2].end == 8);
    cr_expect(found[3].begin == 10 && found[3].end == 11 && found[3].type == 1);
    cr_assert_eq(entities(found, tags, 11, false), 6);
    cr_expect(found[1].begin == 2 && found[1].end == 4 && found[1].type == 1);
    cr_expect(found[4].begin == 9 && found[4].end == 10);
    cr_expect_eq(entities(found, NULL, 0, true), 0);
}

/* Two rows of six units and one of none. */
static const uint32_t begin[] = {0, 6, 6, 12};
static const uint32_t gold[] = {B0, I0, O, B1, O, O, I0, I0, O, B1, I1, O};
static const uint32_t said[] = {B0, I0, O, B0, I0, O, B0, I0, I0, B1, I1, I1};

static confusion sum_of(const uint32_t *predicted, const bool *mask) {
    confusion c;
    cr_assert_not(answers_sum(&c, ANSWER_TAGS, TAGS, (answers){.classes = gold, .begin = begin},
                              (answers){.classes = predicted, .begin = begin}, mask, 3));
    return c;
}

static void expect(const confusion *c, const char *name, double want) {
    cr_expect_float_eq(metric_value(name, c), want, 1e-15, "%s: %.17g, want %.17g", name,
                       metric_value(name, c), want);
}

// by hand: gold type 0: units 0-1 and, begun with I-, 0-1 of row 3; type 1: 3 and 3-4. Said of type 0:
// 0-1, 3-4, 0-2; of type 1: 3-5
CleanTest(tags, scores_by_hand) {
    confusion c = sum_of(said, NULL);
    cr_expect(c.gold[0] == 2 && c.gold[1] == 2 && c.predicted[0] == 3 && c.predicted[1] == 1);
    cr_expect(c.hit[0] == 1 && c.hit[1] == 0 && c.total == 3);
    expect(&c, "entity_precision", 1.0 / 4);
    expect(&c, "entity_recall", 1.0 / 4);
    expect(&c, "entity_f1", 1.0 / 4);
    // to KLUE the entity that begins with I- is none: type 0 has one in gold
    expect(&c, "klue_entity_f1", (2.0 / (1 + 3) + 0) / 2);
    // units: B0 1 of gold 1 and said 3; I0 2 of 3, 4; B1 1 of 2, 1; I1 1 of 1, 2; O 2 of 5, 2
    expect(&c, "char_f1", (2.0 / 4 + 4.0 / 7 + 2.0 / 3 + 2.0 / 3) / 4);
    // with O twice a row on both sides
    expect(&c, "klue_char_f1",
           (2.0 / 4 + 4.0 / 7 + 2.0 / 3 + 2.0 / 3 + 2.0 * (2 + 6) / (5 + 2 + 12)) / 5);
    cr_expect_eq(metric_of_class(&c, 0).support, 2);
    confusion_free(&c);
    cr_expect_eq(tags_wrong(gold, said, 6, TAGS), 2);
    cr_expect_eq(tags_wrong(gold + 6, said + 6, 6, TAGS), 4);
    cr_expect_eq(tags_wrong(gold, gold, 6, TAGS), 0);
    const bool mask[] = {true, true, false};
    c = sum_of(said, mask);
    expect(&c, "entity_f1", 2.0 / 4);
    confusion_free(&c);
}

/* What is predicted is read strictly from its first unit on. */
Test(tags, an_i_alone_is_no_entity) {
    const uint32_t loose[] = {I0, I0, O, B1, O, O, I0, I0, O, I1, I1, O};
    confusion c = sum_of(loose, NULL);
    cr_expect(c.predicted[0] == 0 && c.predicted[1] == 1 && c.hit[1] == 1);
    cr_expect_eq(tags_wrong(gold, loose, 6, TAGS), 1);
    cr_expect_eq(tags_wrong(gold + 6, loose + 6, 6, TAGS), 2);
    confusion_free(&c);
}

Test(tags, nothing_said_is_the_baseline) {
    uint32_t none[12];
    confusion base, all;
    for (int i = 0; i < 12; i++) none[i] = O;
    confusion c = sum_of(said, NULL), nothing = sum_of(none, NULL);
    cr_assert_not(majority_baseline(&base, &c, O));
    for (size_t m = 0; m < metric_count(); m++)
        if (metric_applies(metric_at(m), ANSWER_TAGS, TAGS))
            expect(&base, metric_at(m)->name, metric_at(m)->fn(&nothing));
    cr_expect_eq(majority_baseline(&all, &c, TAGS), ERR_ARG);
    const metric *m = metric_find("entity_f1");
    cr_expect_eq(score_judge(&nothing, m, 0), SCORE_NOTHING);
    cr_expect_eq(score_judge(&c, m, 0), SCORE_FINE);
    cr_expect_str_eq(score_caution_text(SCORE_NOTHING), "finds no entity at all");
    confusion_free(&base);
    confusion_free(&c);
    confusion_free(&nothing);
}

/* A row's statistics add up with their weights, as rows that stand there as often. */
Test(tags, weights_are_repetitions) {
    const uint32_t weights[] = {2, 5, 1}, long_begin[] = {0, 6, 12, 18, 18, 18, 18, 18, 18};
    uint32_t long_gold[18], long_said[18];
    row_statistics s;
    confusion c, long_sum;
    for (uint32_t i = 0; i < 18; i++) {
        long_gold[i] = gold[i < 12 ? i % 6 : i - 6];
        long_said[i] = said[i < 12 ? i % 6 : i - 6];
    }
    cr_assert_not(confusion_init_kind(&c, ANSWER_TAGS, TAGS));
    cr_assert_not(row_statistics_init(&s, ANSWER_TAGS, TAGS,
                                      (answers){.classes = gold, .begin = begin},
                                      (answers){.classes = said, .begin = begin}, 3, false));
    row_statistics_sum(&c, &s, weights);
    cr_assert_not(answers_sum(&long_sum, ANSWER_TAGS, TAGS,
                              (answers){.classes = long_gold, .begin = long_begin},
                              (answers){.classes = long_said, .begin = long_begin}, NULL, 8));
    for (size_t m = 0; m < metric_count(); m++)
        if (metric_applies(metric_at(m), ANSWER_TAGS, TAGS))
            expect(&c, metric_at(m)->name, metric_at(m)->fn(&long_sum));
    row_statistics_free(&s);
    confusion_free(&c);
    confusion_free(&long_sum);
}

Test(tags, wrong_answers_are_refused) {
    const uint32_t other[] = {0, 5, 6, 12}, beyond[] = {B0, I0, O, B1, O, O, I0, I0, TAGS, 0, 0, 0};
    confusion c;
    answers right = {.classes = gold, .begin = begin};
    cr_expect_eq(answers_sum(&c, ANSWER_TAGS, TAGS, right,
                             (answers){.classes = said, .begin = other}, NULL, 3),
                 ERR_DATA);
    cr_expect_str_eq(err_message(ERR_DATA), "row 0: answers to 5 units, expected 6");
    confusion_free(&c);
    cr_expect_eq(answers_sum(&c, ANSWER_TAGS, TAGS, right,
                             (answers){.classes = beyond, .begin = begin}, NULL, 3),
                 ERR_DATA);
    cr_expect_str_eq(err_message(ERR_DATA),
                     "row 2: gold tag 4, predicted tag 5: expected ids below 5");
    confusion_free(&c);
    cr_expect_eq(answers_sum(&c, ANSWER_TAGS, 4, right, right, NULL, 3), ERR_ARG);
    cr_expect_str_eq(err_message(ERR_ARG), "4 tags: expected two for each type, and one for none");
}

CleanTest(tags, intervals_are_of_rows) {
    interval range = {0};
    answers predicted = {.classes = said, .begin = begin};
    cr_assert_not(interval_of_run(&range, metric_find("entity_f1"),
                                  &(test_table){.kind = ANSWER_TAGS,
                                                .rows = 3,
                                                .classes = TAGS,
                                                .gold = {.classes = gold, .begin = begin},
                                                .predicted = &predicted,
                                                .runs = 1}));
    cr_expect(range.low <= 0.25 && range.high >= 0.25 && range.low >= 0 && range.high <= 1);
    cr_expect(range.high > range.low);
}
