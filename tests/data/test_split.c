// Which row goes where: the hash rule, the dev hold-out, limits and the hashes of what was chosen.
#include "base/hash.h"
#include "data/support_task.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_FILES                                                                                 \
    "\"invalid_label\": \"error\", \"split\": {\"rule\": \"hash\", \"one_in\": 3}, \"files\": "    \
    "[{\"role\": \"all\", \"name\": \"all.csv\"}]"

static void digest_of(uint8_t digest[32], const char *prefix, const char *text) {
    char joined[128];
    int n = snprintf(joined, sizeof joined, "%s%s", prefix, text);
    hash_bytes(joined, (size_t)n, digest);
}

/* Rows of label `of` in s whose digest is below that of text. */
static size_t rows_before(const dataset_split *s, uint32_t of, const char *prefix,
                          const char *text) {
    uint8_t own[32], other[32];
    size_t count = 0;
    digest_of(own, prefix, text);
    for (size_t i = 0; i < s->row_count; i++) {
        if (s->rows[i].example.target.class != of) continue;
        digest_of(other, prefix, s->rows[i].example.texts[0].text);
        count += memcmp(other, own, sizeof own) < 0;
    }
    return count;
}

static const char forward[] =
    "text,label\na,0\nb,0\nc,0\nd,0\ne,1\nf,1\ng,1\na,1\n,0\nh,1\nc,0\ni,1\nj,1\n";
static const char backward[] =
    "text,label\nj,1\ni,1\nc,0\nh,1\n,0\na,0\ng,1\nf,1\ne,1\nd,0\nc,0\nb,0\na,1\n";

static void load_made(made_task *m, dataset *d, const char *rest, const char *file,
                      const char *bytes) {
    made_task_begin(m, NULL, NULL, rest);
    made_task_file(m, file, bytes, strlen(bytes));
    err e = dataset_load(d, &m->task, &m->options);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
}

CleanTest(split, hash_rule_takes_the_lowest_digests_of_each_label) {
    made_task m;
    dataset d;
    load_made(&m, &d, HASH_FILES, "all.csv", forward);
    cr_expect_eq(d.file_rows.row_count, 13);
    cr_expect_eq(d.file_rows.duplicate_count, 2);
    cr_expect_eq(d.file_rows.conflict_count, 1);
    cr_expect_eq(d.file_rows.empty_count, 1);
    // a, b, c, d are 0 (a by its first row), e to j are 1: a third rounded up is 2 and 2
    cr_expect_eq(d.test.label_counts[0], 2);
    cr_expect_eq(d.test.label_counts[1], 2);
    cr_expect_eq(d.train.row_count, 6);
    for (size_t i = 0; i < d.test.row_count; i++) {
        const dataset_row *row = &d.test.rows[i];
        size_t before =
            rows_before(&d.test, row->example.target.class, "", row->example.texts[0].text) +
            rows_before(&d.train, row->example.target.class, "", row->example.texts[0].text);
        cr_expect_lt(before, 2, "'%s' has %zu before it", row->example.texts[0].text, before);
        if (i) cr_expect_gt(row->line, d.test.rows[i - 1].line, "test keeps the file's order");
    }
    dataset_free(&d);
    made_task_end(&m);
}

static int by_text(const void *a, const void *b) {
    return strcmp(((const dataset_row *)a)->example.texts[0].text,
                  ((const dataset_row *)b)->example.texts[0].text);
}

Test(split, hash_rule_does_not_depend_on_the_order_of_rows) {
    made_task m, n;
    dataset d, r;
    load_made(&m, &d, HASH_FILES, "all.csv", forward);
    load_made(&n, &r, HASH_FILES, "all.csv", backward);
    cr_assert_eq(d.test.row_count, r.test.row_count);
    cr_expect_str_neq(d.test.sha256, r.test.sha256);
    qsort(d.test.rows, d.test.row_count, sizeof *d.test.rows, by_text);
    qsort(r.test.rows, r.test.row_count, sizeof *r.test.rows, by_text);
    for (size_t i = 0; i < d.test.row_count; i++) {
        cr_expect_str_eq(d.test.rows[i].example.texts[0].text,
                         r.test.rows[i].example.texts[0].text);
        cr_expect_eq(d.test.rows[i].example.target.class, r.test.rows[i].example.target.class);
    }
    dataset_free(&d);
    dataset_free(&r);
    made_task_end(&m);
    made_task_end(&n);
}

static void load_sample(task *t, dataset *d, const char *name, size_t limit) {
    dataset_options o = {.sample = true, .limit = limit};
    err e = task_find(t, name, NULL);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    e = dataset_load(d, t, &o);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
}

CleanTest(split, dev_takes_a_tenth_of_each_label_and_leaves_test_alone) {
    task t;
    dataset d;
    load_sample(&t, &d, "kor_3i4k", 0);
    char data_sha256[HASH_HEX_BYTES];
    memcpy(data_sha256, d.data_sha256, sizeof data_sha256);
    size_t train = d.train.row_count, test = d.test.row_count;
    err e = dataset_split_dev(&d, &t);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect_eq(d.dev.row_count, 14); // 2 of 16 of each of 7 labels
    cr_expect_eq(d.dev.kept_count, 14);
    cr_expect_eq(d.train.row_count, train - 14);
    cr_expect_eq(d.train.kept_count, train - 14);
    cr_expect_eq(d.test.row_count, test);
    cr_expect_str_eq(d.data_sha256, data_sha256);
    for (size_t c = 0; c < 7; c++) {
        cr_expect_eq(d.dev.label_counts[c], 2);
        cr_expect_eq(d.train.label_counts[c], 14);
    }
    for (size_t i = 0; i < d.dev.row_count; i++) {
        const dataset_row *row = &d.dev.rows[i];
        cr_expect_eq(
            rows_before(&d.train, row->example.target.class, "dev:", row->example.texts[0].text), 0,
            "'%s'", row->example.texts[0].text);
    }
    dataset_free(&d);
    task_free(&t);
}

Test(split, dev_of_a_label_with_one_row_is_refused) {
    made_task m;
    dataset d;
    made_task_begin(&m, NULL, NULL, NULL);
    made_task_file(&m, "train.csv", "text,label\na,0\nb,0\nc,1\n", 23);
    made_task_file(&m, "test.csv", "text,label\nx,0\n", 15);
    cr_assert_eq(dataset_load(&d, &m.task, &m.options), ERR_OK);
    err e = dataset_split_dev(&d, &m.task);
    cr_expect_eq(e, ERR_DATA);
    cr_expect_str_eq(err_message(e),
                     "protocol dev: label 'yes' has one train row, so none is left for "
                     "training once dev has taken a tenth, rounded up");
    dataset_free(&d);
    made_task_end(&m);
}

/* Where test rows are not read their file need not be there. */
Test(split, a_file_that_is_not_read_may_lack) {
    made_task made;
    dataset d;
    made_task_begin_training(&made);
    cr_assert_eq(dataset_load(&d, &made.task, &made.options), ERR_DATA);
    dataset_free(&d);
    made.options.without_test = true;
    cr_assert_eq(dataset_load(&d, &made.task, &made.options), ERR_OK, "%s", err_message(ERR_DATA));
    cr_expect_eq(d.train.row_count, 40);
    cr_expect_eq(d.test.row_count, 0);
    dataset_free(&d);
    made_task_end(&made);
}

Test(split, limit_takes_the_lowest_digests_of_all_labels) {
    task t;
    dataset all, few;
    load_sample(&t, &all, "kor_3i4k", 0);
    task_free(&t);
    load_sample(&t, &few, "kor_3i4k", 10);
    cr_expect_eq(few.train.row_count, 10);
    cr_expect_eq(few.test.row_count, 10);
    cr_expect_str_neq(few.data_sha256, all.data_sha256);
    size_t labels = 0;
    for (size_t c = 0; c < 7; c++) labels += few.train.label_counts[c] > 0;
    cr_expect_gt(labels, 3, "the file is sorted by label: its first ten rows would have one");
    uint8_t last[32] = {0}, digest[32];
    for (size_t i = 0; i < 10; i++) {
        digest_of(digest, "limit:", few.train.rows[i].example.texts[0].text);
        if (memcmp(digest, last, 32) > 0) memcpy(last, digest, 32);
        if (i) cr_expect_gt(few.train.rows[i].line, few.train.rows[i - 1].line);
    }
    size_t before = 0;
    for (size_t i = 0; i < all.train.row_count; i++) {
        digest_of(digest, "limit:", all.train.rows[i].example.texts[0].text);
        before += memcmp(digest, last, 32) <= 0;
    }
    cr_expect_eq(before, 10);
    dataset_free(&all);
    dataset_free(&few);
    task_free(&t);
}

// also where cleaning keeps rows without text
Test(split, an_empty_row_is_never_leaked) {
    made_task m;
    dataset d;
    made_task_begin(&m, NULL, NULL, NULL);
    m.task.drop_empty = false;
    made_task_file(&m, "train.csv", "text,label\n,0\na,1\n", 18);
    made_task_file(&m, "test.csv", "text,label\n,0\na,1\n", 18);
    cr_assert_eq(dataset_load(&d, &m.task, &m.options), ERR_OK);
    cr_expect_eq(d.train.kept_count, 2);
    cr_expect(!d.test.rows[0].leaked && d.test.rows[1].leaked);
    cr_expect_eq(d.test.leaked_count, 1);
    cr_expect_eq(d.test.leaked_agreeing_count, 1);
    dataset_free(&d);
    made_task_end(&m);
}

// rows count as leaked from what the limit leaves of train, which is what will be trained on
Test(split, limit_counts_leaked_rows_anew) {
    static const char rows[] = "text,label\na,0\nb,1\nc,0\nd,1\n";
    made_task m;
    dataset d;
    made_task_begin(&m, NULL, NULL, NULL);
    made_task_file(&m, "train.csv", rows, sizeof rows - 1);
    made_task_file(&m, "test.csv", rows, sizeof rows - 1);
    for (size_t limit = 1; limit <= 4; limit++) {
        size_t leaked = 0;
        m.options.limit = limit;
        cr_assert_eq(dataset_load(&d, &m.task, &m.options), ERR_OK);
        cr_assert_eq(d.train.row_count, limit);
        // of one text train and test have the same digest: the same rows stay
        for (size_t i = 0; i < d.test.row_count; i++) leaked += d.test.rows[i].leaked;
        cr_expect_eq(leaked, limit, "%zu of %zu", leaked, limit);
        cr_expect_eq(d.test.leaked_count, limit);
        cr_expect_eq(d.test.leaked_agreeing_count, limit);
        cr_expect_eq(d.test.dedup_count, 0);
        dataset_free(&d);
    }
    made_task_end(&m);
}

// the definitions of the header, spelled out on two rows and three
Test(split, hashes_are_those_of_the_header) {
    made_task m;
    dataset d;
    char train[HASH_HEX_BYTES], test[HASH_HEX_BYTES], hex[HASH_HEX_BYTES], text[256];
    made_task_begin(&m, NULL, NULL, NULL);
    made_task_file(&m, "train.csv", "text,label\nab,0\nc,1\n", 20);
    made_task_file(&m, "test.csv", "text,label\nx,1\nx,1\nab,0\n", 24);
    cr_assert_eq(dataset_load(&d, &m.task, &m.options), ERR_OK);
    hash_bytes_hex("0\0ab\0"
                   "1\0c",
                   9, train);
    hash_bytes_hex("1\0x\0"
                   "1\0x\0"
                   "0\0ab",
                   13, test);
    cr_expect_str_eq(d.train.sha256, train);
    cr_expect_str_eq(d.test.sha256, test);
    int n = snprintf(text, sizeof text, "train %s\ntest %s\n", train, test);
    hash_bytes_hex(text, (size_t)n, hex);
    cr_expect_str_eq(d.data_sha256, hex);
    hash_bytes_hex("1\n1\n0\n", 6, hex);
    cr_expect_str_eq(d.gold_sha256, hex);
    cr_expect_eq(d.test.leaked_count, 1);
    cr_expect_eq(d.test.duplicate_count, 1);
    cr_expect_eq(d.test.dedup_count, 1);
    cr_expect(d.test.rows[0].scored_dedup && !d.test.rows[1].scored_dedup && d.test.rows[2].leaked);
    dataset_free(&d);
    made_task_end(&m);
}

/* Test rows whose text is in train: under the label it has there, under another one, under both,
 * and in a train row that cleaning drops (the later row of a text counts for the label alone). */
Test(split, leaked_rows_agree_or_not) {
    made_task m;
    dataset d;
    made_task_begin(&m, NULL, NULL, NULL);
    static const char train[] = "text,label\na,0\nb,1\nc,0\nc,1\n,0\nd,1\nd,1\n";
    static const char test[] =
        "text,label\na,0\na,1\nb,0\nc,1\nc,0\n,0\nx,0\nd,0\nx,1\nA,0\na ,0\n";
    static const struct {
        bool leaked, scored;
    } want[] = {
        {true, false}, {true, false}, {true, false},  {true, false}, {true, false}, {false, false},
        {false, true}, {true, false}, {false, false}, {false, true}, {false, true},
    };
    made_task_file(&m, "train.csv", train, sizeof train - 1);
    made_task_file(&m, "test.csv", test, sizeof test - 1);
    err e = dataset_load(&d, &m.task, &m.options);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    cr_assert_eq(d.test.row_count, sizeof want / sizeof *want);
    for (size_t i = 0; i < d.test.row_count; i++) {
        cr_expect_eq(d.test.rows[i].leaked, want[i].leaked, "row %zu", i);
        cr_expect_eq(d.test.rows[i].scored_dedup, want[i].scored, "row %zu", i);
    }
    cr_expect_eq(d.test.leaked_count, 6);
    // a as 0; c under both: the row of c that cleaning drops counts for its label
    cr_expect_eq(d.test.leaked_agreeing_count, 3, "%zu", d.test.leaked_agreeing_count);
    cr_expect_eq(d.test.dedup_count, 3);
    cr_expect_eq(d.test.duplicate_count, 3);
    cr_expect_eq(d.test.conflict_count, 3);
    cr_expect_eq(d.train.conflict_count, 1);
    dataset_free(&d);
    made_task_end(&m);
}
