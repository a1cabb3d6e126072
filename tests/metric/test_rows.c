// Sums of numbers and of sets of labels: hand-worked scores, weights, and what is not defined.
#include "base/memory.h"
#include "metric/interval.h"
#include "metric/row_lanes.h"
#include "metric/statistics.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static double number_score(const char *name, const float *gold, const float *predicted,
                           const bool *mask, size_t rows) {
    confusion c;
    cr_assert_not(answers_sum(&c, ANSWER_NUMBER, 0, (answers){.numbers = gold},
                              (answers){.numbers = predicted}, mask, rows));
    double value = metric_value(name, &c);
    confusion_free(&c);
    return value;
}

// by hand: x 1 2 3 4, y 1 3 2 5; means 2.5 and 2.75; ranks of y 1 3 2 4
CleanTest(rows, numbers_by_hand) {
    const float gold[] = {1, 3, 2, 5}, predicted[] = {1, 2, 3, 4};
    const bool first_three[] = {true, true, true, false};
    cr_assert_float_eq(number_score("pearson", gold, predicted, NULL, 4), 5.5 / sqrt(5 * 8.75),
                       1e-15);
    cr_assert_float_eq(number_score("spearman", gold, predicted, NULL, 4), 0.8, 1e-15);
    // at or above 3: gold rows 1 and 3, predicted rows 2 and 3
    cr_assert_float_eq(number_score("klue_f1", gold, predicted, NULL, 4), 0.5, 1e-15);
    cr_assert_float_eq(number_score("spearman", gold, predicted, first_three, 4), 0.5, 1e-15);
}

// scipy's rankdata gives equal numbers the mean of their ranks: 1.5 1.5 3 against 1 2 3
Test(rows, equal_numbers_share_ranks) {
    const float gold[] = {1, 2, 3}, predicted[] = {7, 7, 9};
    cr_assert_float_eq(number_score("spearman", gold, predicted, NULL, 3), 1.5 / sqrt(1.5 * 2),
                       1e-15);
}

Test(rows, a_constant_side_has_no_correlation) {
    const float gold[] = {1, 2, 3}, constant[] = {2.7f, 2.7f, 2.7f};
    confusion c;
    cr_assert(isnan(number_score("pearson", gold, constant, NULL, 3)));
    cr_assert(isnan(number_score("spearman", constant, gold, NULL, 3)));
    cr_assert_not(answers_sum(&c, ANSWER_NUMBER, 0, (answers){.numbers = gold},
                              (answers){.numbers = constant}, NULL, 3));
    const metric *m = metric_find("pearson");
    cr_expect_eq(score_judge(&c, m, (double)NAN), SCORE_CONSTANT);
    cr_expect_eq(metric_ranked(m, &c), 0.0);
    confusion_free(&c);
    const float falling[] = {3, 2, 1};
    cr_assert_not(answers_sum(&c, ANSWER_NUMBER, 0, (answers){.numbers = gold},
                              (answers){.numbers = falling}, NULL, 3));
    cr_expect_eq(score_judge(&c, m, (double)NAN), SCORE_UNRELATED);
    confusion_free(&c);
}

// a row of weight w stands there w times
Test(rows, weights_are_repetitions) {
    const float gold[] = {1, 4, 2, 2, 5}, predicted[] = {0.5f, 3, 3, 1, 2};
    const uint32_t weights[] = {2, 0, 1, 3, 1};
    float long_gold[7], long_predicted[7];
    size_t n = 0;
    for (size_t i = 0; i < 5; i++)
        for (uint32_t k = 0; k < weights[i]; k++, n++) {
            long_gold[n] = gold[i];
            long_predicted[n] = predicted[i];
        }
    row_statistics s;
    confusion c;
    cr_assert_not(confusion_init_kind(&c, ANSWER_NUMBER, 0));
    cr_assert_not(row_statistics_init(&s, ANSWER_NUMBER, 0, (answers){.numbers = gold},
                                      (answers){.numbers = predicted}, 5, false));
    row_statistics_sum(&c, &s, weights);
    static const char *const names[] = {"pearson", "spearman", "klue_f1"};
    for (int i = 0; i < 3; i++)
        cr_expect_float_eq(metric_value(names[i], &c),
                           number_score(names[i], long_gold, long_predicted, NULL, n), 1e-14, "%s",
                           names[i]);
    row_statistics_free(&s);
    confusion_free(&c);
}

/* three rows, three labels: {0} said {0}; {0,1} said {1,2}; {} said {2} */
static const float set_gold[] = {1, 0, 0, 1, 1, 0, 0, 0, 0};
static const float set_scores[] = {2, -1, -2, -1, 3, 1, -4, -5, 0.5f};

CleanTest(rows, sets_by_hand) {
    confusion c;
    cr_assert_not(answers_sum(&c, ANSWER_SET, 3, (answers){.numbers = set_gold},
                              (answers){.numbers = set_scores}, NULL, 3));
    // hits 1 1 0, gold 2 1 0, said 1 1 2
    cr_assert_float_eq(metric_value("micro_f1", &c), 2.0 * 2 / (3 + 4), 1e-15);
    cr_assert_float_eq(metric_value("macro_f1", &c), (2.0 / 3 + 1 + 0) / 3, 1e-15);
    cr_assert_float_eq(metric_value("weighted_f1", &c), (2 * 2.0 / 3 + 1) / 3, 1e-15);
    cr_assert_float_eq(metric_value("subset_accuracy", &c), 1.0 / 3, 1e-15);
    // row 1: label 0 third of three (2 right among 3), label 1 first; row 2 has nothing to rank
    cr_assert_float_eq(metric_value("lrap", &c), (1 + (2.0 / 3 + 1) / 2 + 1) / 3, 1e-15);
    confusion base;
    cr_assert_not(majority_baseline(&base, &c, 0));
    cr_assert_float_eq(metric_value("micro_f1", &base), 2.0 * 2 / (3 + 3), 1e-15);
    confusion_free(&base);
    confusion_free(&c);
}

/* Labels that are scored alike share the lowest of their ranks, as scikit-learn has it: 1 of 2, and
 * 2 of 3 twice. */
Test(rows, equal_scores_share_a_rank) {
    static const float gold[] = {1, 0, 0, 1, 1, 0}, scores[] = {1, 1, 0, 2, 2, 2};
    confusion c;
    cr_assert_not(answers_sum(&c, ANSWER_SET, 3, (answers){.numbers = gold},
                              (answers){.numbers = scores}, NULL, 2));
    cr_assert_float_eq(metric_value("lrap", &c), (1.0 / 2 + 2.0 / 3) / 2, 1e-15);
    confusion_free(&c);
}

/* The same labels for every row, also none, where the rows' own differ. */
Test(rows, one_set_for_every_row_is_told) {
    static const struct {
        float gold[9], said[9];
        score_caution caution;
    } cases[] = {{{1, 0, 0, 1, 1, 0, 0, 0, 0}, {1, 1, -1, 1, 1, -1, 1, 1, -1}, SCORE_ONE_SET},
                 {{1, 0, 0, 1, 1, 0, 0, 0, 0}, {-1, -1, -1, -1, -1, -1, -1, -1, -1}, SCORE_ONE_SET},
                 {{1, 0, 0, 1, 1, 0, 0, 0, 0}, {1, 1, -1, 1, 1, -1, 1, -1, -1}, SCORE_FINE},
                 {{1, 0, 0, 1, 0, 0, 1, 0, 0}, {1, -1, -1, 1, -1, -1, 1, -1, -1}, SCORE_FINE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        confusion c;
        cr_assert_not(answers_sum(&c, ANSWER_SET, 3, (answers){.numbers = cases[i].gold},
                                  (answers){.numbers = cases[i].said}, NULL, 3));
        cr_expect_eq(score_judge(&c, metric_find("micro_f1"), 0), cases[i].caution, "%zu", i);
        confusion_free(&c);
    }
    cr_expect_str_eq(score_caution_text(SCORE_ONE_SET), "answers the same labels for every row");
}

/* How heavy rows are: one hardly more than the other, as in resamples; of many the cube of all beyond 31
 * bits; of few a rank's product beyond 15; as much as a byte holds, and together more than two bytes do;
 * more than a byte. */
enum { ROWS_LIGHT, ROWS_EVEN, ROWS_APART, ROWS_FULL, ROWS_HEAVY, ROWS_WEIGHTS };

static uint32_t weight_at(size_t i, int how) {
    uint32_t x = (uint32_t)(i * i % 7 * (i % 3));
    const uint32_t weights[] = {x, 7, x * 30, UINT8_MAX - x, x * 100};
    return weights[how];
}

/* Each lane has the bits of its own list of weights, by every metric of the kind. */
static void check_weighted(answer_kind kind, size_t classes, answers gold, answers predicted,
                           size_t rows, int how) {
    enum { MOST_ROWS = 301, MOST_PLACES = 64 };
    row_statistics s, right;
    row_weights of_rows;
    row_lane_sum sums;
    confusion one, lane;
    static uint32_t weights[MOST_ROWS * ROW_LANES], own[MOST_ROWS];
    size_t compared = 0;
    cr_assert(rows <= MOST_ROWS);
    // the last lane has no row at all, the one before only the first
    for (size_t i = 0; i < rows * ROW_LANES; i++)
        weights[i] = i % ROW_LANES == ROW_LANES - 1   ? 0
                     : i % ROW_LANES == ROW_LANES - 2 ? i < ROW_LANES
                                                      : weight_at(i, how);
    cr_assert_not(confusion_init_kind(&one, kind, classes));
    cr_assert_not(confusion_init_kind(&lane, kind, classes));
    cr_assert_not(row_statistics_init(&s, kind, classes, gold, predicted, rows, true));
    cr_assert_not(row_statistics_init(&right, kind, classes, gold, gold, rows, false));
    cr_assert_not(row_lane_sum_init(&sums, MOST_PLACES, rows));
    for (size_t m = 0; m < metric_count(); m++) {
        const metric *x = metric_at(m);
        row_lanes l, of_gold;
        if (!metric_applies(x, kind, classes)) continue;
        cr_assert_not(row_lanes_init(&of_gold, &right, NULL, x->reads));
        cr_assert_not(row_lanes_init(&l, &s, &of_gold, x->reads));
        cr_assert_not(row_weights_init(&of_rows, &of_gold));
        cr_assert(l.place_count <= MOST_PLACES && row_lanes_serve(x->reads, 1 << 17));
        row_weights_take(&of_rows, weights);
        row_lanes_sum(&sums, &l, &of_rows);
        row_lanes_sum(&sums, &l, &of_rows); // what lay there counts for nothing
        for (size_t j = 0; j < ROW_LANES; j++) {
            for (size_t i = 0; i < rows; i++) own[i] = weights[i * ROW_LANES + j];
            row_statistics_sum(&one, &s, own);
            row_lane_take(&lane, &l, &of_rows, &sums, j);
            double a = x->fn(&lane), b = x->fn(&one);
            cr_expect_eq(lane.total, one.total, "lane %zu", j);
            cr_expect(a == b || (isnan(a) && isnan(b)), "%s of lane %zu: %.17g, %.17g", x->name, j,
                      a, b);
            compared++;
        }
        row_lane_take(&lane, &l, &of_rows, &sums, 0);
        row_lane_clear(&lane, &l);
        for (size_t i = 0; i < row_sum_size(kind, kind == ANSWER_NUMBER ? 2 : classes); i++)
            cr_expect_eq(lane.gold[i], 0, "%s leaves place %zu", x->name, i);
        row_weights_free(&of_rows);
        row_lanes_free(&l);
        row_lanes_free(&of_gold);
    }
    cr_assert_gt(compared, 2 * ROW_LANES);
    row_statistics_free(&s);
    row_statistics_free(&right);
    row_lane_sum_free(&sums);
    confusion_free(&one);
    confusion_free(&lane);
}

static void check_lanes(answer_kind kind, size_t classes, answers gold, answers predicted,
                        size_t rows) {
    for (int how = ROWS_LIGHT; how < ROWS_WEIGHTS; how++)
        check_weighted(kind, classes, gold, predicted, rows, how);
}

/* four rows of labels none, a, b: gold none a b a, said none a none b */
static const uint32_t related[] = {0, 1, 2, 1}, said[] = {0, 1, 0, 2};
static const float logits[] = {3, 1, 0, 0, 2, 1, 2, 0, 1, 0, 1, 2};

/* Numbers with equal ones among them, and logits that are equal for one label. */
static const float many_gold[] = {1, 4, 2, 2, 5, 0, 4, 1};
static const float many_said[] = {0.5f, 3, 3, 1.25f, 2, 3.5f, 3, 0.1f};
static const uint32_t many_related[] = {0, 1, 1, 2, 1, 0}, many_chosen[] = {0, 1, 0, 2, 2, 0};
static const float many_logits[] = {3, 1, 0, 0, 2, 1, 2, 0, 1, 0, 1, 2, 1, 1, 2, 2, 0, 1};

CleanTest(rows, many_lists_of_weights_are_one_by_one) {
    // two rows of tags, three of words with head, relation and whether it is punctuation
    static const uint32_t tags[] = {0, 1, 4, 2, 4, 4}, other[] = {0, 4, 4, 2, 3, 0};
    static const uint32_t begin[] = {0, 4, 6}, words[] = {0, 2, 5, 6};
    static const uint32_t arcs[] = {2, 0, 0, 0, 1, 0, 2, 1, 0, 3, 2, 1, 0, 0, 0, 0, 1, 0};
    static const uint32_t wrong[] = {0, 0, 0, 0, 1, 0, 2, 0, 0, 1, 2, 1, 3, 1, 0, 0, 2, 0};
    check_lanes(ANSWER_SET, 3, (answers){.numbers = set_gold}, (answers){.numbers = set_scores}, 3);
    check_lanes(ANSWER_TAGS, 5, (answers){.classes = tags, .begin = begin},
                (answers){.classes = other, .begin = begin}, 2);
    check_lanes(ANSWER_ARCS, 3, (answers){.classes = arcs, .begin = words},
                (answers){.classes = wrong, .begin = words}, 3);
    check_lanes(ANSWER_NUMBER, 0, (answers){.numbers = many_gold}, (answers){.numbers = many_said},
                8);
    check_lanes(ANSWER_RELATION, 3, (answers){.classes = related}, (answers){said, logits, NULL},
                4);
    check_lanes(ANSWER_RELATION, 3, (answers){.classes = many_related},
                (answers){many_chosen, many_logits, NULL}, 6);
}

/* Of so many rows that most numbers and scores are equal to others, that some are, that none is: with
 * odd and even numbers of rises. */
Test(rows, many_lists_of_many_rows_are_one_by_one) {
    enum { ROWS = 301, LABELS = 3 };
    static const uint32_t steps[] = {5, 200, UINT32_MAX};
    static float gold[ROWS], predicted[ROWS], scores[ROWS * LABELS];
    static uint32_t labels[ROWS], found[ROWS];
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
        for (size_t rows = ROWS - 3; rows <= ROWS; rows++) {
            uint32_t state = 1;
            for (size_t i = 0; i < rows; i++) {
                float *numbers[] = {&gold[i], &predicted[i], &scores[LABELS * i],
                                    &scores[LABELS * i + 1], &scores[LABELS * i + 2]};
                for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
                    state = state * 1664525u + 1013904223u;
                    *numbers[k] = (float)((state >> 8) % steps[s]) / 65536;
                }
                labels[i] = (state >> 4) % LABELS;
            }
            answers_say(found, scores, rows, LABELS);
            check_lanes(ANSWER_NUMBER, 0, (answers){.numbers = gold},
                        (answers){.numbers = predicted}, rows);
            check_lanes(ANSWER_NUMBER, 0, (answers){.numbers = gold}, (answers){.numbers = gold},
                        rows);
            check_lanes(ANSWER_RELATION, LABELS, (answers){.classes = labels},
                        (answers){found, scores, NULL}, rows);
        }
}

/* 32 bits do not hold the sum of two rows' weights, nor 8 or 16 bits that of many; and ranks of so
 * many rows are not exact. */
Test(rows, lanes_hold_heavy_rows) {
    enum { ROWS = 600 };
    static const uint32_t weight_of[ROW_LANES] = {
        1, UINT32_MAX - 1, 0, 2, 3, 100, 127, 128, 255, 256, 257, 65535, 65536, 1 << 24, 7, 9};
    static float gold[ROWS], scores[ROWS];
    static uint32_t heavy[ROWS * ROW_LANES];
    unsigned reads = metric_find("micro_f1")->reads;
    // all lanes, then those that fit a byte
    for (int turn = 0; turn < 2; turn++) {
        row_statistics s, right;
        row_lanes l, of_gold;
        row_weights w;
        row_lane_sum sums;
        confusion c;
        for (size_t i = 0; i < ROWS; i++) {
            gold[i] = scores[i] = i % 3 != 0;
            if (i % 3 == 2) scores[i] = -1;
            for (size_t j = 0; j < ROW_LANES; j++)
                heavy[i * ROW_LANES + j] = turn && weight_of[j] > 255 ? 255 : weight_of[j];
        }
        cr_assert_not(confusion_init_kind(&c, ANSWER_SET, 1));
        cr_assert_not(row_statistics_init(&s, ANSWER_SET, 1, (answers){.numbers = gold},
                                          (answers){.numbers = scores}, ROWS, false));
        cr_assert_not(row_statistics_init(&right, ANSWER_SET, 1, (answers){.numbers = gold},
                                          (answers){.numbers = gold}, ROWS, false));
        cr_assert_not(row_lanes_init(&of_gold, &right, NULL, reads));
        cr_assert_not(row_lanes_init(&l, &s, &of_gold, reads));
        row_statistics_drop_places(&s);
        cr_assert_not(row_weights_init(&w, &of_gold));
        cr_assert_not(row_lane_sum_init(&sums, l.place_count, ROWS));
        row_weights_take(&w, heavy);
        row_lanes_sum(&sums, &l, &w);
        for (size_t j = 0; j < ROW_LANES; j++) {
            uint64_t each = heavy[j];
            row_lane_take(&c, &l, &w, &sums, j);
            cr_expect_eq(c.total, ROWS * each, "lane %zu", j);
            cr_expect_eq(c.gold[0], ROWS / 3 * 2 * each, "lane %zu", j);
            cr_expect_eq(c.predicted[0], ROWS / 3 * each, "lane %zu", j);
            cr_expect_eq(c.hit[0], ROWS / 3 * each, "lane %zu", j);
        }
        row_lanes_free(&l);
        row_lanes_free(&of_gold);
        row_statistics_free(&s);
        row_statistics_free(&right);
        row_weights_free(&w);
        row_lane_sum_free(&sums);
        confusion_free(&c);
    }
    cr_expect(row_lanes_serve(metric_find("spearman")->reads, 131072));
    cr_expect_not(row_lanes_serve(metric_find("spearman")->reads, 131073));
    cr_expect(row_lanes_serve(metric_find("pearson")->reads, 131073));
}

static double relation_score_of(const char *name, const uint32_t *gold, const float *scores,
                                const uint32_t *weights, size_t rows) {
    row_statistics s;
    confusion c;
    cr_assert_not(confusion_init_kind(&c, ANSWER_RELATION, 3));
    cr_assert_not(row_statistics_init(&s, ANSWER_RELATION, 3, (answers){.classes = gold},
                                      (answers){said, scores, NULL}, rows, true));
    row_statistics_sum(&c, &s, weights);
    double value = metric_value(name, &c);
    row_statistics_free(&s);
    confusion_free(&c);
    return value;
}

static double relation_score(const char *name, const uint32_t *weights, size_t rows) {
    return relation_score_of(name, related, logits, weights, rows);
}

/* Rows of equal scores are one point of the curve, in whatever order they stand. */
Test(rows, equal_scores_are_one_point_of_the_curve) {
    static const uint32_t orders[][4] = {{0, 1, 1, 2}, {1, 1, 2, 0}, {2, 1, 0, 1}, {1, 2, 0, 1}};
    static const float equal[12] = {0};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) // from (0, 1) to (1, its share)
        cr_expect_float_eq(relation_score_of("klue_auprc", orders[i], equal, NULL, 4),
                           ((1 + 0.25) / 2 + (1 + 0.5) / 2 + (1 + 0.25) / 2) / 3, 1e-15);
}

CleanTest(rows, relations_by_hand) {
    uint32_t found[4];
    answers_say(found, logits, 4, 3);
    cr_assert_not(memcmp(found, said, sizeof said));
    // of a and b: hit a once, said a and b once each, there are three
    cr_assert_float_eq(relation_score("relation_f1", NULL, 4), 2.0 * 1 / (3 + 2), 1e-15);
    cr_assert_float_eq(relation_score("accuracy", NULL, 4), 0.5, 1e-15);
    // none: first of four; a: rows 2, 4, 1 or 3, so recall 0.5 and 1 at precision 1; b: of the
    // equal softmax of rows 2 and 3 half is b, row 4 stands before them: 0 at once, then 1/3
    double area_b = (1.0 / 3 + 0) / 2;
    cr_assert_float_eq(relation_score("klue_auprc", NULL, 4), (1 + 1 + area_b) / 3, 1e-15);
    // a row of weight 2 stands there twice, one of weight 0 not at all: none and b have no row
    // then, and 0.5, as scikit-learn has it
    const uint32_t weights[] = {0, 2, 0, 1};
    cr_assert_float_eq(relation_score("klue_auprc", weights, 4), (0.5 + 1 + 0.5) / 3, 1e-15);
    cr_assert_float_eq(relation_score("relation_f1", weights, 4), 2.0 * 2 / (3 + 3), 1e-15);
}

Test(rows, relations_keep_their_order_of_labels) {
    confusion c, base;
    const uint32_t none[] = {0, 0, 0, 0};
    cr_assert_not(answers_sum(&c, ANSWER_RELATION, 3, (answers){.classes = related},
                              (answers){none, logits, NULL}, NULL, 4));
    cr_expect_eq(metric_value("relation_f1", &c), 0);
    cr_assert_not(majority_baseline(&base, &c, 1));
    cr_expect_float_eq(metric_value("relation_f1", &base), 2.0 * 2 / (3 + 4), 1e-15);
    const metric *m = metric_find("relation_f1");
    cr_expect_eq(score_judge(&c, m, 0), SCORE_ONE_LABEL);
    cr_expect(metric_applies(metric_find("mcc"), ANSWER_RELATION, 3) &&
              !metric_applies(m, ANSWER_CLASS, 3) &&
              !metric_applies(metric_find("f1"), ANSWER_RELATION, 2));
    confusion_free(&base);
    confusion_free(&c);
    const uint32_t beyond[] = {0, 3, 0, 0};
    cr_assert_eq(answers_sum(&c, ANSWER_RELATION, 3, (answers){.classes = related},
                             (answers){beyond, logits, NULL}, NULL, 4),
                 ERR_DATA);
    confusion_free(&c);
}

Test(rows, intervals_of_relations) {
    answers run = {said, logits, NULL};
    test_table t = {.kind = ANSWER_RELATION,
                    .rows = 4,
                    .classes = 3,
                    .gold = {.classes = related},
                    .predicted = &run,
                    .runs = 1};
    static const char *const names[] = {"relation_f1", "klue_auprc"};
    for (int i = 0; i < 2; i++) {
        interval x;
        cr_assert_not(interval_of_run(&x, metric_find(names[i]), &t));
        double score = relation_score(names[i], NULL, 4);
        cr_expect(0 <= x.low && x.low < score && score < x.high && x.high <= 1, "%s: %g to %g",
                  names[i], x.low, x.high);
    }
}

Test(rows, metrics_are_of_their_kind) {
    const metric *m = NULL;
    cr_assert_eq(metric_lookup(&m, "accuracy", ANSWER_NUMBER, 0), ERR_USAGE);
    cr_assert_str_eq(err_message(ERR_USAGE), "metric 'accuracy' is not for numbers");
    cr_assert_eq(metric_lookup(&m, "pearson", ANSWER_SET, 4), ERR_USAGE);
    cr_assert_eq(metric_lookup(&m, "pearso", ANSWER_NUMBER, 0), ERR_USAGE);
    cr_assert(strstr(err_message(ERR_USAGE), "(known: pearson, spearman, klue_f1)"));
    cr_assert_not(metric_lookup(&m, "macro_f1", ANSWER_SET, 4));
    const float bad[] = {1, INFINITY};
    confusion c;
    cr_assert_eq(answers_sum(&c, ANSWER_NUMBER, 0, (answers){.numbers = set_gold},
                             (answers){.numbers = bad}, NULL, 2),
                 ERR_DATA);
    confusion_free(&c);
}

/* Intervals of a correlation: as wide as Fisher's transformation says, and rows of one text stay
 * together; a constant has all there is. */
Test(rows, intervals_of_correlations) {
    enum { N = 400 };
    static float gold[2 * N], predicted[2 * N], constant[2 * N];
    static uint32_t first[2 * N];
    uint32_t state = 1;
    for (size_t i = 0; i < N; i++) {
        double noise[2];
        for (int k = 0; k < 2; k++) {
            noise[k] = 0;
            for (int j = 0; j < 12; j++) {
                state = state * 1664525u + 1013904223u;
                noise[k] += (double)(state >> 8) / 16777216.0;
            }
            noise[k] -= 6;
        }
        gold[i] = gold[N + i] = (float)noise[0];
        predicted[i] = predicted[N + i] = (float)(0.7 * noise[0] + 0.7 * noise[1]);
        first[i] = first[N + i] = (uint32_t)i;
        constant[i] = 1;
    }
    answers runs[] = {{.numbers = predicted}, {.numbers = constant}};
    test_table t = {
        .kind = ANSWER_NUMBER, .rows = N, .gold = {.numbers = gold}, .predicted = runs, .runs = 1};
    static const char *const names[] = {"pearson", "spearman"};
    for (int i = 0; i < 2; i++) {
        const metric *m = metric_find(names[i]);
        interval x, twice;
        cr_assert_not(interval_of_run(&x, m, &t));
        double r = number_score(names[i], gold, predicted, NULL, N), z = atanh(r),
               half = 1.96 / sqrt(N - 3);
        cr_expect_float_eq(x.low, tanh(z - half), 0.02, "%s: %g", names[i], x.low);
        cr_expect_float_eq(x.high, tanh(z + half), 0.02, "%s: %g", names[i], x.high);
        test_table doubled = t;
        doubled.rows = 2 * N;
        doubled.first_row = first;
        cr_assert_not(interval_of_run(&twice, m, &doubled));
        cr_expect_float_eq(twice.low, x.low, 1e-3, "%s", names[i]);
        cr_expect_float_eq(twice.high, x.high, 1e-3, "%s", names[i]);
        test_table flat = t;
        flat.predicted = runs + 1;
        cr_assert_not(interval_of_run(&x, m, &flat));
        cr_expect(x.low <= -1 && x.high >= 1);
    }
}
