/* Speed and score over time: what makes a series, what is left out, and the outputs, whole. */
#include "base/memory.h"
#include "platform/file.h"
#include "report/history.h"
#include "support/expected.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"
#include "support/row_field.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A run of that day, program and chance of a right answer, on a machine of that speed. */
static void make_run(record *r, unsigned day, const char *version, double right, double speed) {
    char created[MOMENT_BYTES], commit[41];
    fake_record_make(r, &(fake_record){.right = right, .seed = 40 + day, .rows = 400});
    snprintf(created, sizeof created, "2026-01-%02uT03:00:00Z", day % 100);
    memset(commit, version[0], 40);
    commit[40] = '\0';
    MUST(record_text(&r->created, created));
    MUST(record_text(&r->harness_version, version));
    MUST(record_text(&r->commit, commit));
    r->dirty = false;
    r->timing.train_s *= r->timing.sentences_per_s / (speed + day % 3);
    r->timing.eval_s = 0;
    fake_record_follow(r);
    r->device.threads = 2;
    MUST(record_score(r));
}

static void add_run(history *h, unsigned day, const char *version, double right, double speed) {
    record r;
    make_run(&r, day, version, right, speed);
    MUST(history_add_run(h, &r));
    record_free(&r);
}

static const char form[] =
    "{\"schema\": \"harness-bench-1\", %s\"harness\": {\"version\": \"<1>\", \"commit\": \"abc\", "
    "\"dirty\": %s}, \"model\": \"tiny\", \"task\": \"nsmc\", \"sample\": true, \"parameters\": "
    "1000, "
    "\"batch_size\": 32, \"device\": {\"kind\": \"cpu\", \"name\": \"one|two\", \"isa\": \"avx2\", "
    "\"threads\": 2}, \"training\": {\"ms\": 5, \"sentences_per_s\": %d, \"ops\": [{\"op\": "
    "\"fill\", \"shape\": \"\", \"ms\": 2}]}}";

static void add_bench(history *h, const char *created, bool dirty, int rate) {
    char text[1000];
    cJSON *json;
    bench_file f;
    snprintf(text, sizeof text, form, created, dirty ? "true" : "false", rate);
    MUST(json_parse(&json, text, strlen(text), "it"));
    MUST(bench_file_of(&f, json, "it"));
    MUST(history_add_bench(h, &f));
    bench_file_free(&f);
}

/* Six days of one program, six of another that answers better and slower. */
static void gather(history *h) {
    for (unsigned day = 12; day; day--) // dates, not the order of reading, are the order
        add_run(h, day, day > 6 ? "2.0" : "1.0", day > 6 ? 0.9 : 0.5, day > 6 ? 400 : 500);
    add_run(h, 3, "1.0", 0.5, 500); // a copy, of another folder
    add_bench(h, "\"created\": \"2026-01-02T03:00:00Z\", ", false, 100);
    add_bench(h, "\"created\": \"2026-01-01T03:00:00Z\", ", false, 110);
    add_bench(h, "\"created\": \"2026-01-03T03:00:00Z\", ", true, 1);
    add_bench(h, "", false, 1);
    record r;
    make_run(&r, 20, "1.0", 0.5, 500);
    r.partial = true;
    MUST(history_add_run(h, &r));
    r.partial = false;
    r.dirty = true;
    MUST(history_add_run(h, &r));
    r.dirty = false;
    MUST(record_text(&r.device.name, "another")); // another series, of one that is there twice
    MUST(history_add_run(h, &r));
    MUST(history_add_run(h, &r));
    record_free(&r);
    MUST(history_finish(h));
}

CleanTest(history, series_are_told_apart_and_parted) {
    history h = {0};
    gather(&h);
    cr_assert_eq(h.count, 3, "%zu", h.count);
    cr_assert_eq(h.single, 2);
    cr_assert_eq(h.partial, 1);
    cr_assert_eq(h.dirty, 2);
    cr_assert_eq(h.undated, 1);
    const history_series *score = &h.series[0], *speed = &h.series[1], *measured = &h.series[2];
    cr_assert_eq(score->kind, HISTORY_SCORE);
    cr_assert_eq(score->count, 12, "the copy counts once: %zu", score->count);
    cr_assert_eq(score->level_count, 2);
    cr_assert_eq(score->levels[1].begin, 6);
    cr_assert_gt(score->levels[1].low, 0);
    cr_assert_str_eq(score->points[0].created, "2026-01-01T03:00:00Z");
    cr_assert_str_eq(score->points[6].version, "2.0");
    cr_assert_eq(speed->kind, HISTORY_RUN);
    cr_assert_eq(speed->levels[1].begin, 6);
    // from 501 to 401, shares of it
    cr_assert_float_eq(speed->levels[0].value, 501, 1);
    cr_assert_float_eq(speed->levels[1].change, -0.2, 0.01);
    cr_assert_float_eq(speed->levels[1].noise, 1.4826 / 401, 0.003);
    cr_assert_eq(measured->kind, HISTORY_BENCH);
    cr_assert_eq(measured->count, 2);
    cr_assert_eq(measured->points[0].value, 110);
    history_free(&h);
}

/* Whether two runs, of which the second departs from the first so, have one point each in a series
 * of that kind; with no change they have both in one. */
static bool are_one_series(history_kind kind, void (*change)(record *r)) {
    history h = {0};
    bool one = false;
    for (unsigned day = 1; day <= 2; day++) {
        record r;
        make_run(&r, day, "1.0", 0.5, 500);
        r.timing.eval_s = 1;
        if (day == 2 && change) change(&r);
        fake_record_follow(&r);
        MUST(record_score(&r));
        MUST(history_add_run(&h, &r));
        record_free(&r);
    }
    MUST(history_finish(&h));
    for (size_t i = 0; i < h.count; i++) one = one || h.series[i].kind == kind;
    history_free(&h);
    return one;
}

static void more_threads(record *r) {
    r->device.threads++;
}

/* Of what makes a row of the board the numerics alone do not part a series. */
Test(history, whatever_makes_another_row_makes_another_series) {
    const row_field *f;
    cr_assert(are_one_series(HISTORY_SCORE, NULL) && are_one_series(HISTORY_RUN, NULL));
    for (size_t i = 0; (f = row_field_at(i)); i++) {
        bool one = !strcmp(f->field, "numerics");
        cr_expect_eq(are_one_series(HISTORY_SCORE, f->change), one, "scores: %s", f->field);
        cr_expect_eq(are_one_series(HISTORY_RUN, f->change), one, "speed: %s", f->field);
    }
    cr_expect(are_one_series(HISTORY_SCORE, more_threads));
    cr_expect_not(are_one_series(HISTORY_RUN, more_threads), "threads");
}

/* Runs of one moment and score: those of two seeds or programs are two, a copy is none. */
Test(history, what_is_there_twice_counts_once) {
    static const struct {
        unsigned seed;
        const char *version;
        size_t points;
    } seconds[] = {{1, "1.0", 0}, {2, "1.0", 2}, {1, "1.1", 2}};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        history h = {0};
        for (int second = 0; second < 2; second++) {
            record r;
            make_run(&r, 1, second ? seconds[i].version : "1.0", 0.5, 500);
            r.seed = second ? seconds[i].seed : 1;
            MUST(history_add_run(&h, &r));
            record_free(&r);
        }
        MUST(history_finish(&h));
        // a series of one point is none
        size_t points = h.count ? h.series[0].count : 0;
        cr_expect_eq(points, seconds[i].points, "case %zu: %zu points", i, points);
        history_free(&h);
    }
}

Test(history, outputs_are_whole) {
    history h = {0};
    gather(&h);
    static const struct {
        const char *name;
        err (*print)(strbuf *out, const history *h, page_language language);
        page_language language;
    } forms[] = {{"history.md", history_markdown, PAGE_EN},
                 {"history.csv", history_csv, PAGE_EN},
                 {"history.json", history_json, PAGE_EN},
                 {"history.html", history_html, PAGE_EN},
                 {"history_ko.html", history_html, PAGE_KO}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        strbuf out = {0};
        MUST(forms[i].print(&out, &h, forms[i].language));
        expect_output(forms[i].name, out.text);
        strbuf_free(&out);
    }
    history_free(&h);
}

/* Points of `kinds` models in turns, of which each has `days`. */
static double gather_many(history *h, unsigned kinds, unsigned days) {
    char model[32], created[MOMENT_BYTES];
    bench_figure figure = {.phase = "training"};
    clock_t begin = clock();
    for (unsigned day = days; day; day--) {
        snprintf(created, sizeof created, "2026-01-%02uT03:00:00Z", day % 100);
        for (unsigned i = 0; i < kinds; i++) {
            snprintf(model, sizeof model, "m%05u", (i * 7919) % kinds);
            figure.sentences_per_s = 1000 * day + (i * 7919) % kinds;
            bench_file f = {.created = created,
                            .version = "1",
                            .commit = "abc",
                            .model = model,
                            .task = "nsmc",
                            .device = "one",
                            .precision = "fp32",
                            .isa = "avx2",
                            .figures = &figure,
                            .count = 1};
            MUST(history_add_bench(h, &f));
        }
    }
    MUST(history_finish(h));
    return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

Test(history, each_point_goes_to_its_own_series) {
    history h = {0};
    (void)gather_many(&h, 300, 3);
    cr_assert_eq(h.count, 300);
    for (unsigned i = 0; i < h.count; i++) {
        char model[32];
        snprintf(model, sizeof model, "m%05u", i);
        cr_assert_str_eq(h.series[i].title, model);
        cr_assert_eq(h.series[i].count, 3);
        for (unsigned day = 0; day < 3; day++)
            cr_assert_eq(h.series[i].points[day].value, 1000 * (day + 1) + i);
    }
    history_free(&h);
}

/* Looking each point's series up among all took over 40 s. */
Test(history, many_series_cost_no_more_each_than_few) {
    history h = {0};
    double seconds = gather_many(&h, 60000, 2);
    cr_expect_eq(h.count, 60000);
    cr_expect_lt(seconds, 3.0, "%.2f s", seconds);
    history_free(&h);
}

static void put(const char *name, const char *text) {
    const char *path = temporary_path(name);
    char *folder;
    MUST(path_folder(&folder, path));
    MUST(folder_make(folder));
    MUST(file_write(path, text, strlen(text)));
    mem_free(folder);
}

static void expect(program_result r, int code, const char *words) {
    cr_expect_eq(r.exit_code, code, "%d: %s", r.exit_code, r.err);
    cr_expect(strstr(r.err, words) || strstr(r.out, words), "no '%s' in: %s%s", words, r.out,
              r.err);
}

Test(history, folders_are_read_and_files_are_ones_own) {
    char text[1000];
    for (unsigned day = 1; day <= 4; day++) {
        char *path, name[64];
        record r;
        make_run(&r, day, "1.0.0", 0.5, 500);
        r.timing.eval_s = 1;
        snprintf(name, sizeof name, "%s/task/r%u.json", day % 2 ? "a" : "b", day);
        MUST(path_join(&path, temporary_folder(), name));
        MUST(record_write(&r, path));
        record_free(&r);
        mem_free(path);
        snprintf(text, sizeof text, form, "\"created\": \"2026-01-01T03:00:00Z\", ", "false",
                 100 + (int)day);
        snprintf(name, sizeof name, day % 2 ? "a/performance/%u.json" : "b/%u.json", day);
        put(name, text);
    }
    put("b/other.json", "{\"schema\": 3}");
    put("b/list.json", "[1]");
    expect(RUN("report", "--history", "a", "b", "--json"), 0, "\"nsmc (sample), training\"");
    expect(RUN("report", "--history", "a", "b", "-o", "out"), 0, "wrote out/history.html");
    cr_expect(file_exists(temporary_path("out/HISTORY.md")));
    cr_expect(file_exists(temporary_path("out/harness.css")));
    expect(RUN("report", "--history", "a", "b", "-o", "out", "--format", "md"), 0,
           "wrote out/HISTORY.md");
    expect(RUN("report", "--history", "a"), 0, "wrote a/history.json");
    expect(RUN("report", "--history", "a", "none"), 1, "none: no such folder");
    expect(RUN("report", "--history", "a", "b/list.json"), 1, "b/list.json: not a folder");
    expect(RUN("report", "--history", "a", "--texts"), 2, "--texts is of a board");
    expect(RUN("report", "a"), 2, "report takes no arguments without --history, found 'a'");
    put("b/task/broken.json", "{");
    put("b/cut.json", "{\"schema\": \"harness-bench-1\"}");
    expect(RUN("report", "--history", "a", "b", "-o", "out"), 1, "2 damaged records left out");
    put("b/task/who/cut.json", "{\"schema\": \"harness-bench-1\"}");
    expect(RUN("report", "--history", "b", "-o", "out"), 1, "3 damaged records left out");
    expect(RUN("report", "--history", "b", "b/", "./b", "-o", "out"), 1,
           "3 damaged records left out");
    put("mine/HISTORY.md", "my own words");
    expect(RUN("report", "--history", "a", "-o", "mine"), 1, "mine/HISTORY.md");
    cr_expect(!file_exists(temporary_path("mine/history.html")));
}

/* What else this program writes lies among records: records of speed are used wherever they lie, and
 * files of other kinds are no damage, in a history as on a board. */
Test(history, files_of_other_kinds_are_no_damage) {
    static const char *const others[] = {
        "{\"kind\": \"pretraining\", \"schema\": 2}",
        "{\"architectures\": [\"BertModel\"], \"model_type\": \"bert\"}",
        "{\"run\": \"a\", \"identity\": {}}",
        "{\"made_by\": \"harness\", \"run\": \"a\"}",
        "{\"schema\": 1, \"dev_rows\": 1, \"best_step\": 2}",
        "{\"search\": {}, \"trials\": []}",
        "{\"learning_rate\": 1, \"num_train_epochs\": 2}",
        "{\"tables\": [], \"overall\": []}",
        "{\"differs\": [], \"kernels\": []}",
        "{\"schema\": \"harness-history-1\"}",
        "{\"unk_token\": \"[UNK]\", \"mask_token\": \"[MASK]\"}",
        "{\"weight_map\": {}}",
        "{\"schema\": 1, \"suite_sha256\": \"\", \"cases\": []}"};
    enum { OTHERS = sizeof others / sizeof *others };
    char text[1000], name[64];
    for (unsigned day = 1; day <= 4; day++) {
        record r;
        make_run(&r, day, "1.0.0", 0.5, 500);
        r.timing.eval_s = 1;
        snprintf(name, sizeof name, "a/task/r%u.json", day);
        MUST(record_write(&r, temporary_path(name)));
        record_free(&r);
        snprintf(text, sizeof text, form, "\"created\": \"2026-01-01T03:00:00Z\", ", "false",
                 100 + (int)day);
        snprintf(name, sizeof name, day % 2 ? "a/task/s%u.json" : "a/task/who/s%u.json", day);
        put(name, text);
    }
    expect(RUN("report", "--history", "a", "--json"), 0, "\"nsmc (sample), training\"");
    for (size_t i = 0; i < OTHERS; i++) {
        snprintf(name, sizeof name, "a/task/o%zu.json", i);
        put(name, others[i]);
    }
    expect(RUN("report", "--history", "a", "--json"), 0,
           "a: 13 files of other kinds passed over; the first is a/task/o0.json: the record of "
           "a pretraining (schema 2)");
    expect(RUN("report", "--results", "a", "--json"), 0,
           "a: 17 files of other kinds passed over; the first is a/task/o0.json: the record of "
           "a pretraining (schema 2)");
    // one with answers is a run's, whatever else it has
    put("a/task/damaged.json", "{\"predictions\": {}, \"differs\": [], \"kernels\": []}");
    // nor does one key make a kind
    put("a/task/half.json", "{\"run\": \"a\"}");
    expect(RUN("report", "--results", "a", "--json"), 1, "2 damaged records left out");
    expect(RUN("report", "--history", "a", "--json"), 1, "2 damaged records left out");
}

/* The text up to what counts the files of other kinds, which a history reads in part. */
static char *warnings(program_result p) {
    char *text = NULL;
    EXPECT(p, 1, err, "4 damaged records left out");
    const char *end = strstr(p.err, "harness: ");
    MUST(mem_printf(&text, "%.*s", end ? (int)(end - p.err) : 0, p.err));
    return text;
}

/* What is wrong with a file is said in the same words of a board and of a history. */
Test(history, names_what_is_wrong_as_a_board_does) {
    static const char *const good[] = {"a/task/one.json", "a/task/two.json", "a/stray.json"};
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        record r;
        make_run(&r, 1 + i, "1.0.0", 0.5, 500);
        r.timing.eval_s = 1;
        MUST(record_write(&r, temporary_path(good[i])));
        record_free(&r);
    }
    put("a/junk.json", "{");
    put("a/report.json", "{");
    put("a/task/cut.json", "{");
    put("a/task/empty.json", "");
    put("a/task/other.json", "[1]");
    put("a/task/newer.json", "{\"schema\": 3, \"predictions\": {}}");
    char *of_board = warnings(RUN("report", "--results", "a", "--json")),
         *of_history = warnings(RUN("report", "--history", "a", "--json"));
    cr_expect_str_eq(of_history, of_board);
    cr_expect(strstr(of_board, "a/stray.json is passed over"), "%s", of_board);
    mem_free(of_board);
    mem_free(of_history);
}
