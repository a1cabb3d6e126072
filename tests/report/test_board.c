#include "base/memory.h"
#include "base/moment.h"
#include "platform/file.h"
#include "report/board.h"
#include "support/fake_record.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

TestSuite(board, .init = fake_results_begin, .fini = fake_results_end);

static void put(const fake_record *f, const char *device) {
    record r;
    fake_record_make(&r, f);
    if (device) cr_assert_not(record_text(&r.device.name, device));
    cr_assert_not(store_write(fake_results, &r, NULL), "%s", err_message(ERR_FORMAT));
    record_free(&r);
}

static void put_seeds(const char *task, const char *model, double right, size_t rows,
                      uint32_t seeds) {
    for (uint32_t s = 0; s < seeds; s++) {
        put(&(fake_record){.task = task, .model = model, .right = right, .rows = rows, .seed = s},
            NULL);
    }
}

/* A run of one row, by the day and the program's commit. */
static void put_made(uint32_t seed, const char *created, char commit) {
    record r;
    char digits[41];
    memset(digits, commit, 40);
    digits[40] = '\0';
    fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.6, .rows = 90, .seed = seed});
    cr_assert_not(record_text(&r.created, created));
    cr_assert_not(record_text(&r.commit, digits));
    cr_assert_not(store_write(fake_results, &r, NULL), "%s", err_message(ERR_FORMAT));
    record_free(&r);
}

/* A row's days are those of its first and last run, whatever their seeds; its program is the
 * newest's, and others are counted once each. */
Test(board, rows_say_when_and_by_what_they_were_made) {
    store s;
    board b;
    strbuf text = {0};
    put_made(1, "2025-03-04T00:00:00Z", 'a');
    cr_assert_not(store_read(&s, fake_results));
    cr_assert_not(board_init(&b, &s, NULL));
    cr_expect_str_eq(b.tables[0].rows[0].made, "2025-03-04, 0.1.0 (aaaaaaaa)");
    board_free(&b);
    store_free(&s);
    put_made(2, "2025-03-02T00:00:00Z", 'b');
    put_made(3, "2025-03-09T00:00:00Z", 'c');
    put_made(4, "2025-03-05T00:00:00Z", 'b');
    cr_assert_not(store_read(&s, fake_results));
    cr_assert_not(board_init(&b, &s, NULL));
    cr_expect_str_eq(b.tables[0].rows[0].made, "2025-03-02 – 2025-03-09, 0.1.0 (cccccccc) +2");
    cr_assert_not(board_markdown(&text, &b));
    cr_expect(strstr(text.text, "| 2025-03-02 – 2025-03-09, 0.1.0 (cccccccc) +2 |\n"), "%s",
              text.text);
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}

static const board_row *row_named(const board_table *t, const char *model) {
    for (size_t i = 0; i < t->row_count; i++) {
        if (!strcmp(t->rows[i].runs[0]->model.name, model)) return &t->rows[i];
    }
    return NULL;
}

Test(board, rows_are_means_over_seeds_and_ranks_are_tested) {
    store s;
    board b;
    put_seeds("kor_x", "strong", 0.8, 600, 3);
    put_seeds("kor_x", "weak", 0.3, 600, 3);
    put_seeds("kor_x", "weak-too", 0.3, 600, 3);
    put_seeds("kor_x", "once", 0.95, 600, 1);
    cr_assert_not(store_read(&s, fake_results));
    cr_assert_not(board_init(&b, &s, NULL), "%s", err_message(ERR_DATA));
    cr_assert_eq(b.table_count, 1);
    const board_table *t = &b.tables[0];
    cr_assert_eq(t->row_count, 4);
    for (size_t i = 1; i < t->row_count; i++) cr_assert_geq(t->rows[i - 1].mean, t->rows[i].mean);
    const board_row *strong = row_named(t, "strong"), *weak = row_named(t, "weak"),
                    *too = row_named(t, "weak-too"), *once = row_named(t, "once");
    cr_assert_eq(strong->run_count, 3);
    double x[3], mean = 0, square = 0;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(strong->runs[i]->seed, i);
        x[i] = record_metric(strong->runs[i], "macro_f1");
        mean += x[i] / 3;
    }
    for (int i = 0; i < 3; i++) square += (x[i] - mean) * (x[i] - mean);
    cr_assert_float_eq(strong->mean, mean, 1e-14);
    cr_assert_float_eq(strong->std, sqrt(square / 2), 1e-14);
    cr_assert(strong->range.low < mean && mean < strong->range.high);
    // one seed: best of all by number, but it is in no test and says so
    cr_assert(once->rows_only && once->rank == 0 && once == &t->rows[0]);
    cr_assert_not(strong->rows_only);
    cr_assert_eq(strong->rank, 1);
    cr_assert_eq(weak->rank, 2);
    cr_assert_eq(too->rank, 2);
    board_free(&b);
    store_free(&s);
}

Test(board, what_differs_is_kept_apart) {
    store s;
    board b;
    record r;
    put_seeds("kor_x", "tiny", 0.5, 100, 2);
    put(&(fake_record){.task = "kor_x", .model = "tiny", .right = 0.5, .rows = 100},
        "other device");
    // a newer version of the task, other data, the other protocol
    for (int i = 0; i < 3; i++) {
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .rows = 100});
        if (i == 0) r.task.version = 2;
        if (i == 1) r.task.data_sha256[0] = r.task.data_sha256[0] == '0' ? '1' : '0';
        if (i == 2) fake_record_by_dev(&r, "loss");
        cr_assert_not(store_write(fake_results, &r, NULL));
        record_free(&r);
    }
    cr_assert_not(store_read(&s, fake_results));
    cr_assert_eq(s.count, 6);
    cr_assert_not(board_init(&b, &s, NULL));
    cr_assert_eq(b.table_count, 4);
    size_t superseded = 0;
    for (size_t i = 0; i < 4; i++) {
        const board_table *t = &b.tables[i];
        superseded += (t->apart & APART_VERSION) != 0;
        size_t want = t->rows[0].runs[0]->task.version == 1 && t->row_count == 2 ? 2 : 1;
        cr_assert_eq(t->row_count, want);
    }
    cr_assert_eq(superseded, 2); // both version 1 tables of protocol last
    strbuf text = {0};
    cr_assert_not(board_markdown(&text, &b));
    cr_assert(strstr(text.text, "A newer version of this task has its own table"));
    cr_assert(strstr(text.text, "Runs on other data have their own table"));
    cr_assert(strstr(text.text, "Runs of another protocol have their own table"));
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}

/* A new title or group makes another file of a manifest, and no other task. */
Test(board, runs_from_before_a_new_title_share_the_row) {
    store s;
    board b;
    for (uint32_t seed = 0; seed < 2; seed++) {
        record r;
        fake_record_make(&r,
                         &(fake_record){.task = "kor_x", .right = 0.6, .rows = 90, .seed = seed});
        cr_assert_not(
            record_text(&r.task.manifest_sha256,
                        seed ? "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
                             : "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"));
        cr_assert_not(store_write(fake_results, &r, NULL));
        record_free(&r);
    }
    cr_assert_not(store_read(&s, fake_results));
    cr_assert_not(board_init(&b, &s, NULL));
    cr_assert_eq(b.table_count, 1);
    cr_assert_eq(b.tables[0].row_count, 1);
    cr_expect_eq(b.tables[0].rows[0].run_count, 2);
    board_free(&b);
    store_free(&s);
}

Test(board, overall_takes_models_that_ran_every_task) {
    store s;
    board b;
    put_seeds("kor_x", "tiny", 0.5, 100, 2);
    put_seeds("kor_x", "mini", 0.7, 100, 2);
    put_seeds("kor_y", "tiny", 0.6, 80, 2);
    put_seeds("kor_y", "small", 0.6, 80, 2);
    cr_assert_not(store_read(&s, fake_results));
    cr_assert_not(board_init(&b, &s, NULL));
    cr_assert_eq(b.task_count, 2);
    cr_assert_eq(b.overall_count, 3);
    cr_assert_str_eq(b.overall[0].any->model.name, "tiny");
    cr_assert(b.overall[0].complete);
    // the others were not run on every task: they have no mean, and follow by name
    cr_assert_str_eq(b.overall[1].any->model.name, "mini");
    cr_assert(!b.overall[1].complete && b.overall[1].rows[0] && !b.overall[1].rows[1]);
    cr_assert(b.overall[1].mean == 0 && b.overall[2].mean == 0);
    cr_assert_str_eq(b.overall[2].any->model.name, "small");
    cr_assert(!b.overall[2].complete && !b.overall[2].rows[0] && b.overall[2].rows[1]);
    strbuf text = {0};
    cr_assert_not(board_markdown(&text, &b));
    cr_assert(strstr(text.text, "\n| mini | | "), "%s", text.text);
    cr_assert(strstr(text.text, " | | cpu, fp32 |\n") || strstr(text.text, " | cpu, fp32 |\n"));
    strbuf_free(&text);
    double want =
        (row_named(&b.tables[0], "tiny")->mean + row_named(&b.tables[1], "tiny")->mean) / 2;
    cr_assert_float_eq(b.overall[0].mean, want, 1e-15);
    board_free(&b);
    store_free(&s);
}

// the majority baseline: class 1 always, worked out from the gold labels
Test(board, baseline_is_the_training_majority) {
    store s;
    board b;
    put(&(fake_record){.task = "kor_x", .headline = "accuracy", .right = 0.5, .rows = 100}, NULL);
    cr_assert_not(store_read(&s, fake_results));
    cr_assert_not(board_init(&b, &s, NULL));
    double ones = 0;
    for (size_t i = 0; i < 100; i++) ones += s.records[0].gold[i] == 1;
    cr_assert_float_eq(b.tables[0].baseline, ones / 100, 1e-15);
    board_free(&b);
    store_free(&s);
}

static const char *const output_names[] = {"LEADERBOARD.md", "report.csv", "report.json",
                                           "index.html"};

static void run_report(char *texts[4], const char *results, const char *out) {
    RUN_WELL("report", "--results", results, "--output-dir", out, "--quiet");
    for (int i = 0; i < 4; i++) {
        char *path;
        size_t count;
        cr_assert_not(path_join(&path, out, output_names[i]));
        cr_assert_not(file_read((void **)&texts[i], &count, path, 0));
        mem_free(path);
    }
}

// the same records in another fake_results, written in another order, give the same bytes without a path
Test(board, report_is_the_same_byte_for_byte) {
    char *other, *out, *first[4], *second[4], today[MOMENT_BYTES];
    moment_now(today);
    today[10] = '\0';
    fake_folder(&other);
    cr_assert_not(path_join(&out, fake_results, "out"));
    put_seeds("kor_x", "tiny", 0.5, 100, 3);
    put_seeds("kor_y", "a|b, \"c\"", 0.6, 80, 2);
    run_report(first, fake_results, out);
    char *kept = fake_results;
    fake_results = other;
    put_seeds("kor_y", "a|b, \"c\"", 0.6, 80, 2);
    put_seeds("kor_x", "tiny", 0.5, 100, 3);
    run_report(second, other, other);
    fake_results = kept;
    for (int i = 0; i < 4; i++) {
        cr_assert_str_eq(first[i], second[i], "%s differs", output_names[i]);
        cr_assert_not(strstr(first[i], "/tmp"), "%s holds a path", output_names[i]);
        cr_assert_not(strstr(first[i], today), "%s holds the time", output_names[i]);
    }
    cr_assert(strstr(first[0], "\n## kor_x\n"));
    cr_assert(strstr(first[0], "| 3 epochs, lr 5e-05 |"));
    cr_assert(strstr(first[0], "| a\\|b, \"c\" |"));
    cr_assert(strstr(first[1], ",\"a|b, \"\"c\"\"\","));
    for (int i = 0; i < 4; i++) {
        mem_free(first[i]);
        mem_free(second[i]);
    }
    fake_folder_end(other);
    mem_free(out);
}

// what is committed is what `harness report` makes of the committed records; run pages are not
Test(board, the_committed_board_is_that_of_the_committed_records) {
    char *made[4];
    run_report(made, HARNESS_SOURCE_DIR "/results", fake_results);
    for (int i = 0; i < 4; i++) {
        char *path, *text;
        size_t count;
        cr_assert_not(path_join(&path, HARNESS_SOURCE_DIR "/results", output_names[i]));
        cr_assert_not(file_read((void **)&text, &count, path, 0));
        cr_assert(!strcmp(made[i], text), "%s: run `harness report`", output_names[i]);
        mem_free(path);
        mem_free(text);
        mem_free(made[i]);
    }
}

// what lies there is replaced whenever it differs, also where only one byte does
Test(board, whatever_differs_is_written_again) {
    char *first[4], *second[4];
    put_seeds("kor_x", "tiny", 0.5, 60, 1);
    run_report(first, fake_results, fake_results);
    for (int i = 0; i < 4; i++) {
        char *path;
        size_t length = strlen(first[i]), at = i % 2 ? length - 1 : strcspn(first[i], "5");
        char kept = first[i][at];
        first[i][at] = i % 2 ? '?' : '7'; // still a file that the program may replace
        cr_assert_not(path_join(&path, fake_results, output_names[i]));
        cr_assert_not(file_write(path, first[i], length));
        first[i][at] = kept;
        mem_free(path);
    }
    run_report(second, fake_results, fake_results);
    for (int i = 0; i < 4; i++) {
        cr_expect_str_eq(first[i], second[i], "%s", output_names[i]);
        mem_free(first[i]);
        mem_free(second[i]);
    }
}

Test(board, report_names_damage_and_fails_at_the_end) {
    char *damaged, *board_path;
    put_seeds("kor_x", "tiny", 0.5, 100, 2);
    cr_assert_not(path_join(&damaged, fake_results, "kor_x/zz.json"));
    cr_assert_not(file_write(damaged, "{\"schema\": 1}", 13));
    program_result p = RUN("report", "--results", fake_results);
    EXPECT(p, 1, err, "zz.json: key 'harness' is missing (expected an object)");
    cr_assert(strstr(p.err, "1 damaged record left out"), "%s", p.err);
    cr_assert_not(path_join(&board_path, fake_results, "LEADERBOARD.md"));
    cr_assert(file_exists(board_path));
    p = RUN("report", "--results", fake_results, "--format", "xml");
    EXPECT(p, 2, err, "--format expects one of md, html, csv, json, found 'xml'");
    mem_free(damaged);
    mem_free(board_path);
}
