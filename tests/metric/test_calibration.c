#include "base/json.h"
#include "metric/calibration.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>

/* Two classes at logits of +-ln(3) / 2: 0.75 each time, right in two of four rows; one row of half. */
Test(calibration, hand_worked) {
    const float h = (float)(log(3) / 2), logits[] = {h, -h, h, -h, -h, h, -h, h, 0, 0};
    const uint32_t gold[] = {0, 1, 1, 0, 1};
    calibration c;
    calibration_of(&c, logits, gold, 5, 2, 1);
    cr_expect_eq(c.bins[11].rows, 4); // (11 / 15, 12 / 15]
    cr_expect_eq(c.bins[11].right, 2);
    cr_expect_float_eq(c.bins[11].confidence, 0.75, 1e-7);
    cr_expect_eq(c.bins[7].rows, 1); // the first of equal logits is the answer, and wrong
    cr_expect_eq(c.bins[7].right, 0);
    cr_expect_float_eq(c.ece, (4 * 0.25 + 0.5) / 5, 1e-7);
    cr_expect_float_eq(c.brier, (2 * 0.125 + 2 * 1.125 + 0.5) / 5, 1e-7);
    cr_expect_float_eq(c.loss, (-2 * log(0.75) - 2 * log(0.25) - log(0.5)) / 5, 1e-7);
    cr_expect_float_eq(c.confidence, 3.5 / 5, 1e-7);
    // half of the rows are right: nothing is as good as saying so, which is the bound
    cr_expect_float_eq(calibration_temperature(logits, gold, 5, 2), 1e3, 1);
    calibration_of(&c, logits, gold, 0, 2, 1);
    cr_expect(isnan(c.ece) && isnan(c.brier) && isnan(calibration_temperature(logits, gold, 0, 2)));
}

/* Of equal logits each class has 1 / classes: an edge is the end of the bin below it. */
Test(calibration, edges_belong_to_the_lower_bin) {
    static const struct {
        size_t classes, bin;
    } rows[] = {{1, 14}, {2, 7}, {3, 4}, {4, 3}, {5, 2}, {7, 2}, {8, 1}, {15, 0}, {16, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const float logits[16] = {0};
        const uint32_t gold = 0;
        calibration c;
        calibration_of(&c, logits, &gold, 1, rows[i].classes, 1);
        for (size_t m = 0; m < CALIBRATION_BINS; m++)
            cr_expect_eq(c.bins[m].rows, m == rows[i].bin, "%zu classes, bin %zu", rows[i].classes,
                         m);
    }
}

/* Right in 9 of 10 rows at logits of +-1: the temperature says 0.9, 2 / T = ln 9. */
Test(calibration, temperature_by_hand) {
    float logits[20];
    uint32_t gold[10];
    for (int i = 0; i < 10; i++) {
        logits[2 * i] = 1;
        logits[2 * i + 1] = -1;
        gold[i] = i == 3;
    }
    double t = calibration_temperature(logits, gold, 10, 2), p[2];
    cr_expect_float_eq(t, 2 / log(9), 1e-9);
    calibration_softmax(p, logits, 2, t);
    cr_expect_float_eq(p[0], 0.9, 1e-9);
    gold[3] = 0;
    cr_expect_float_eq(calibration_temperature(logits, gold, 10, 2), 1e-3, 1e-9);
}

static double number(const cJSON *o, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(o, key)->valuedouble;
}

Test(calibration, equals_scikit_learn_and_scipy) {
    cJSON *golden = NULL;
    const cJSON *one;
    MUST(json_read(&golden, HARNESS_SOURCE_DIR "/tests/golden/calibration.json", 0));
    cr_assert_gt(cJSON_GetArraySize(golden), 30);
    cJSON_ArrayForEach(one, golden) {
        float logits[60 * 7];
        uint32_t gold[60], i = 0;
        size_t rows = (size_t)number(one, "rows"), classes = (size_t)number(one, "classes");
        const cJSON *item;
        calibration c;
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(one, "logits")) logits[i++] =
            (float)item->valuedouble;
        i = 0;
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(one, "gold")) gold[i++] =
            (uint32_t)item->valuedouble;
        calibration_of(&c, logits, gold, rows, classes, 1);
        cr_expect_float_eq(c.ece, number(one, "ece"), 1e-12);
        cr_expect_float_eq(c.brier, number(one, "brier"), 1e-12);
        cr_expect_float_eq(c.loss, number(one, "loss"), 1e-12);
        double t = calibration_temperature(logits, gold, rows, classes);
        calibration_of(&c, logits, gold, rows, classes, t);
        cr_expect(c.loss <= number(one, "least_loss") + 1e-9, "%g, %g at %g", c.loss,
                  number(one, "least_loss"), t);
    }
    cJSON_Delete(golden);
}
