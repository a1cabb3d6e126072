// The real sets, read whole: rows, labels, cleaning and leaks as the data's own documentation has
// them.
#include "data/dataset.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct expected_split {
    size_t rows, empty, duplicates, conflicts, kept, labels[7];
} expected_split;

typedef struct expected {
    const char *task;
    expected_split train, test; // kept: of test, rows that are neither empty nor a duplicate
    size_t leaked, agreeing, dedup;
} expected;

static const expected cases[] = {
    {"nsmc",
     {150000, 5, 3817, 158, 146182, {75173, 74827}},
     {50000, 3, 842, 48, 49157, {24827, 25173}},
     1568,
     1499,
     48361},
    {"kor_hate",
     {7896, 0, 0, 0, 7896, {1911, 2499, 3486}},
     {471, 0, 0, 0, 471, {122, 189, 160}},
     0,
     0,
     471},
    {"kor_hate_bias",
     {7896, 0, 0, 0, 7896, {5148, 1232, 1516}},
     {471, 0, 0, 0, 471, {342, 67, 62}},
     0,
     0,
     471},
    {"kor_hate_gender",
     {7896, 0, 0, 0, 7896, {6664, 1232}},
     {471, 0, 0, 0, 471, {404, 67}},
     0,
     0,
     471},
    {"kor_sarcasm",
     {9000, 1, 36, 0, 8963, {4507, 4493}},
     {301, 0, 0, 0, 301, {143, 158}},
     4,
     4,
     297},
    {"kor_3i4k",
     {55134, 0, 3307, 186, 51827, {5409, 16470, 16083, 11672, 1571, 979, 2950}},
     {6121, 0, 57, 3, 6064, {600, 1830, 1786, 1296, 174, 108, 327}},
     612,
     585,
     5488},
};

static void check_split(const char *of, const char *name, const dataset_split *s,
                        const expected_split *want, size_t labels) {
    size_t unique = 0;
    for (size_t i = 0; i < s->row_count; i++)
        unique += s->rows[i].first && s->rows[i].example.texts[0].bytes;
    cr_expect_eq(s->row_count, want->rows, "%s %s: %zu rows", of, name, s->row_count);
    cr_expect_eq(s->empty_count, want->empty, "%s %s: %zu empty", of, name, s->empty_count);
    cr_expect_eq(s->duplicate_count, want->duplicates, "%s %s: %zu duplicates", of, name,
                 s->duplicate_count);
    cr_expect_eq(s->conflict_count, want->conflicts, "%s %s: %zu conflicts", of, name,
                 s->conflict_count);
    cr_expect_eq(unique, want->kept, "%s %s: %zu left", of, name, unique);
    for (size_t i = 0; i < labels; i++) {
        cr_expect_eq(s->label_counts[i], want->labels[i], "%s %s: label %zu has %zu rows", of, name,
                     i, s->label_counts[i]);
    }
}

CleanTest(data_real, official_splits_have_the_documented_counts) {
    if (!getenv("HARNESS_DATA")) cr_skip_test("HARNESS_DATA is not set");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const expected *want = &cases[i];
        task t;
        dataset d;
        err e = task_find(&t, want->task, NULL);
        cr_assert_eq(e, ERR_OK, "%s", err_message(e));
        e = dataset_load(&d, &t, NULL);
        cr_assert_eq(e, ERR_OK, "%s", err_message(e));
        check_split(want->task, "train", &d.train, &want->train, t.label_count);
        check_split(want->task, "test", &d.test, &want->test, t.label_count);
        cr_expect_eq(d.train.kept_count, want->train.kept);
        cr_expect_eq(d.test.leaked_count, want->leaked, "%s: %zu leaked", want->task,
                     d.test.leaked_count);
        cr_expect_eq(d.test.dedup_count, want->dedup, "%s: %zu scored without duplicates",
                     want->task, d.test.dedup_count);
        cr_expect_eq(d.test.leaked_agreeing_count, want->agreeing, "%s: %zu agreeing", want->task,
                     d.test.leaked_agreeing_count);
        cr_expect_eq(d.invalid_count, 0);
        dataset_free(&d);
        task_free(&t);
    }
}

CleanTest(data_real, hash_split_of_kor_sae) {
    static const size_t source_labels[] = {5718, 227, 11924, 477, 12369, 122};
    static const size_t unique[] = {5342, 203, 11256, 411, 11609, 107};
    if (!getenv("HARNESS_DATA")) cr_skip_test("HARNESS_DATA is not set");
    task t;
    dataset d;
    err e = task_find(&t, "kor_sae", NULL);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    e = dataset_load(&d, &t, NULL);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect_eq(d.file_rows.row_count, 30837);
    cr_expect_eq(d.file_rows.duplicate_count, 1909);
    cr_expect_eq(d.file_rows.conflict_count, 81);
    cr_expect_eq(d.train.row_count + d.test.row_count, 28928);
    cr_expect_eq(d.train.kept_count, d.train.row_count);
    cr_expect_eq(d.test.leaked_count, 0);
    cr_expect_eq(d.test.dedup_count, d.test.row_count);
    for (size_t i = 0; i < 6; i++) {
        cr_expect_eq(d.file_rows.label_counts[i], source_labels[i]);
        cr_expect_eq(d.train.label_counts[i] + d.test.label_counts[i], unique[i]);
        cr_expect_eq(d.test.label_counts[i], (unique[i] + 4) / 5);
    }
    // the byte order mark belongs to the first sentence, as Hugging Face's reading has it
    cr_expect_eq(memcmp(d.file_rows.rows[0].example.texts[0].text, "\xEF\xBB\xBF", 3), 0);
    dataset_free(&d);
    task_free(&t);
}
