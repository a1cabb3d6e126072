#include "base/json.h"
#include "base/memory.h"
#include "metric/score.h"
#include "metric/score_text.h"
#include "platform/file.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static confusion matrix_of(size_t classes, const uint64_t *counts) {
    confusion c;
    cr_assert_not(confusion_init(&c, classes));
    for (uint32_t i = 0; i < classes * classes; i++) {
        uint32_t gold = i / (uint32_t)classes, predicted = i % (uint32_t)classes;
        for (uint64_t n = 0; n < counts[i]; n++)
            cr_assert_not(confusion_add(&c, &gold, &predicted, NULL, 1));
    }
    return c;
}

// by hand: gold 0: 4 right, 1 as class 1; gold 1: 2 as class 0, 3 right
CleanTest(score, hand_worked_binary) {
    confusion c = matrix_of(2, (uint64_t[]){4, 1, 2, 3});
    const struct {
        const char *name;
        double want;
    } cases[] = {
        {"accuracy", 7.0 / 10},
        {"balanced_accuracy", (4.0 / 5 + 3.0 / 5) / 2},
        {"precision", 3.0 / 4},
        {"recall", 3.0 / 5},
        {"f1", 2.0 / 3},
        {"macro_precision", (4.0 / 6 + 3.0 / 4) / 2},
        {"macro_recall", (4.0 / 5 + 3.0 / 5) / 2},
        {"macro_f1", (8.0 / 11 + 6.0 / 9) / 2},
        {"weighted_precision", (4.0 / 6 + 3.0 / 4) / 2},
        {"weighted_recall", 7.0 / 10},
        {"weighted_f1", (8.0 / 11 + 6.0 / 9) / 2},
        {"mcc", (4.0 * 3 - 1.0 * 2) / sqrt(5.0 * 5 * 6 * 4)},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    for (size_t m = 0, i; m < metric_count(); m++) {
        if (!metric_applies(metric_at(m), ANSWER_CLASS, 2)) continue; // test_rows.c has those
        for (i = 0; i < CASES && strcmp(cases[i].name, metric_at(m)->name); i++) continue;
        cr_assert_lt(i, CASES, "%s has no hand-worked case", metric_at(m)->name);
    }
    for (size_t i = 0; i < CASES; i++) {
        cr_assert_float_eq(metric_value(cases[i].name, &c), cases[i].want, 1e-15,
                           "%s: %.17g, want %.17g", cases[i].name, metric_value(cases[i].name, &c),
                           cases[i].want);
    }
    confusion_free(&c);
}

// by hand: class 2 is absent from gold and predictions, and counts as 0 in the macro mean
Test(score, absent_class_counts_as_zero) {
    confusion c = matrix_of(3, (uint64_t[]){2, 1, 0, 0, 3, 0, 0, 0, 0});
    cr_assert_float_eq(metric_value("macro_f1", &c), (4.0 / 5 + 6.0 / 7 + 0) / 3, 1e-15);
    cr_assert_float_eq(metric_value("macro_recall", &c), (2.0 / 3 + 1 + 0) / 3, 1e-15);
    cr_assert_float_eq(metric_value("accuracy", &c), 5.0 / 6, 1e-15);
    // scikit-learn's balanced accuracy is the mean over the classes that gold has
    cr_assert_float_eq(metric_value("balanced_accuracy", &c), (2.0 / 3 + 1) / 2, 1e-15);
    confusion_free(&c);
}

Test(score, empty_matrix_scores_zero) {
    confusion c = matrix_of(2, (uint64_t[]){0, 0, 0, 0});
    for (size_t i = 0; i < metric_count(); i++)
        if (metric_applies(metric_at(i), ANSWER_CLASS, 2)) cr_assert_eq(metric_at(i)->fn(&c), 0.0);
    confusion_free(&c);
}

Test(score, adds_rows_and_masks) {
    confusion c;
    cr_assert_not(confusion_init(&c, 2));
    const uint32_t gold[] = {0, 1, 1, 0}, predicted[] = {0, 1, 0, 1};
    const bool mask[] = {true, true, false, true};
    cr_assert_not(confusion_add(&c, gold, predicted, mask, 4));
    cr_assert_eq(c.total, 3);
    cr_assert(c.gold[0] == 2 && c.gold[1] == 1 && c.predicted[0] == 1 && c.predicted[1] == 2);
    cr_assert(c.hit[0] == 1 && c.hit[1] == 1);
    uint64_t *matrix = NULL;
    cr_assert_not(confusion_matrix(&matrix, gold, predicted, 4, 2));
    cr_assert(matrix[0] == 1 && matrix[1] == 1 && matrix[2] == 1 && matrix[3] == 1);
    mem_free(matrix);
    const uint32_t wrong[] = {0, 1, 2, 0};
    cr_assert_eq(confusion_add(&c, gold, wrong, NULL, 4), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA),
                     "row 2: gold id 1, predicted id 2: expected ids below 2");
    confusion_free(&c);
}

Test(score, unknown_names_list_the_known) {
    const metric *m = NULL;
    cr_assert_not(metric_lookup(&m, "macro_f1", ANSWER_CLASS, 3));
    cr_assert_str_eq(m->name, "macro_f1");
    cr_assert_eq(metric_lookup(&m, "acuracy", ANSWER_CLASS, 2), ERR_USAGE);
    cr_assert(strstr(err_message(ERR_USAGE), "unknown metric 'acuracy' (known: accuracy, "));
    cr_assert(strstr(err_message(ERR_USAGE), ", f1)"));
    cr_assert_eq(metric_lookup(&m, "f1", ANSWER_CLASS, 3), ERR_USAGE);
    cr_assert_str_eq(err_message(ERR_USAGE), "metric 'f1' is for two classes, not 3");
    confusion c = matrix_of(1, (uint64_t[]){5});
    cr_assert(isnan(metric_value("acuracy", &c)));
    confusion_free(&c);
}

Test(score, majority_baseline_predicts_one_class) {
    cr_assert_eq(majority_class((uint64_t[]){3, 7, 7}, 3), 1);
    confusion c = matrix_of(3, (uint64_t[]){5, 1, 0, 2, 2, 0, 0, 1, 9}), base;
    cr_assert_not(majority_baseline(&base, &c, 1));
    cr_assert_float_eq(metric_value("accuracy", &base), 4.0 / 20, 1e-15);
    cr_assert_float_eq(metric_value("macro_f1", &base), (2 * 4.0 / 24) / 3, 1e-15);
    confusion_free(&base);
    cr_assert_eq(majority_baseline(&base, &c, 3), ERR_ARG);
    confusion_free(&c);
}

// the list of the manifests' documentation is the table: each metric is there, and nothing else
Test(score, documented_metrics_are_those_of_the_table) {
    char *text;
    size_t count, named = 0;
    cr_assert_not(file_read((void **)&text, &count, HARNESS_SOURCE_DIR "/tasks/README.md", 0));
    char *row = strstr(text, "| `metrics`, `headline` |");
    cr_assert(row);
    row += strlen("| `metrics`, `headline` |");
    *strchr(row, '\n') = '\0';
    for (char *at = strchr(row, '`'), *end; at; at = strchr(end + 1, '`'), named++) {
        end = strchr(at + 1, '`');
        *end = '\0';
        cr_assert(metric_find(at + 1), "'%s' is no metric", at + 1);
    }
    cr_assert_eq(named, metric_count(), "tasks/README.md names %zu metrics of %zu", named,
                 metric_count());
    mem_free(text);
}

// whatever was added is at least well-formed: values within its range, perfect where nothing is
// wrong
Test(score, every_row_of_the_table_is_sound) {
    confusion perfect = matrix_of(2, (uint64_t[]){4, 0, 0, 6});
    // of as many of each, where chance-corrected scores are at their end too
    confusion wrong = matrix_of(2, (uint64_t[]){0, 5, 5, 0});
    for (size_t i = 0; i < metric_count(); i++) {
        const metric *m = metric_at(i);
        cr_assert(m->since >= 1 && m->since <= METRIC_VERSION, "%s", m->name);
        cr_assert_eq(metric_find(m->name), m, "%s is there twice", m->name);
        cr_assert(m->title && m->korean, "%s has no title", m->name);
        if (!metric_applies(m, ANSWER_CLASS, 2)) continue;
        cr_assert_float_eq(m->fn(&perfect), m->higher_is_better ? m->most : m->least, 1e-15, "%s",
                           m->name);
        cr_assert_float_eq(m->fn(&wrong), m->higher_is_better ? m->least : m->most, 1e-15, "%s",
                           m->name);
    }
    confusion_free(&perfect);
    confusion_free(&wrong);
}

// a score that equals the baseline is not below it; one answer is said even where it is the best
Test(score, answers_are_judged) {
    const metric *m = metric_find("accuracy");
    confusion constant = matrix_of(2, (uint64_t[]){0, 8, 0, 12});
    confusion equal = matrix_of(2, (uint64_t[]){1, 7, 1, 11});
    confusion below = matrix_of(2, (uint64_t[]){1, 7, 2, 10});
    confusion of_one = matrix_of(2, (uint64_t[]){0, 0, 0, 20});
    cr_assert_eq(score_judge(&constant, m, 0.6), SCORE_ONE_LABEL);
    cr_assert_eq(score_judge(&equal, m, 0.6), SCORE_FINE);
    cr_assert_eq(score_judge(&below, m, 0.6), SCORE_BELOW_MAJORITY);
    cr_assert_eq(score_judge(&of_one, m, 1), SCORE_FINE); // there is one label to answer
    cr_assert_null(score_caution_text(SCORE_FINE));
    cr_assert_str_eq(score_caution_text(SCORE_ONE_LABEL), "answers one label for every row");
    confusion_free(&constant);
    confusion_free(&equal);
    confusion_free(&below);
    confusion_free(&of_one);
}

static void check_golden(const cJSON *item, size_t number) {
    const cJSON *rows, *metrics, *per_class;
    cr_assert_not(json_array(&rows, item, "confusion", "case"));
    cr_assert_not(json_object(&metrics, item, "metrics", "case"));
    cr_assert_not(json_array(&per_class, item, "classes", "case"));
    size_t classes = (size_t)cJSON_GetArraySize(rows), i = 0;
    const cJSON *row, *cell, *value;
    uint64_t counts[81] = {0};
    cr_assert_leq(classes, 9);
    cJSON_ArrayForEach(row, rows) cJSON_ArrayForEach(cell, row) {
        counts[i++] = (uint64_t)cell->valuedouble;
    }
    confusion c = matrix_of(classes, counts);
    cJSON_ArrayForEach(value, metrics) {
        double got = metric_value(value->string, &c);
        cr_assert_float_eq(got, value->valuedouble, 1e-12,
                           "case %zu, %s: %.17g, scikit-learn %.17g", number, value->string, got,
                           value->valuedouble);
    }
    for (size_t k = 0; k < classes; k++) {
        class_score s = metric_of_class(&c, k);
        const double got[] = {s.precision, s.recall, s.f1, (double)s.support};
        const cJSON *want = cJSON_GetArrayItem(per_class, (int)k);
        for (int j = 0; j < 4; j++) {
            cr_assert_float_eq(got[j], cJSON_GetArrayItem(want, j)->valuedouble, 1e-12,
                               "case %zu, class %zu, score %d", number, k, j);
        }
    }
    confusion_free(&c);
}

CleanTest(score, equals_scikit_learn) {
    size_t number = 0;
    cJSON *cases = NULL;
    cr_assert_not(json_read(&cases, HARNESS_SOURCE_DIR "/tests/golden/metric_scores.json", 0), "%s",
                  err_message(ERR_IO));
    const cJSON *item;
    cJSON_ArrayForEach(item, cases) check_golden(item, number++);
    cr_assert_geq(number, 300);
    cJSON_Delete(cases);
}

Test(score, klue_f1_tells_of_its_benchmark_alone) {
    const metric *klue = metric_find("klue_f1"), *other = metric_find("pearson");
    cr_expect(metric_tells(klue, "klue_sts") && metric_tells(klue, "klue_sts_dev"));
    cr_expect(!metric_tells(klue, "kor_sts") && !metric_tells(klue, "own-klue_sts"));
    cr_expect(metric_tells(other, "kor_sts") && metric_tells(other, "klue_sts"));
}
