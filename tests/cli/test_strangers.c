/* Files of others at places where a verb writes: refused before anything is written; what the
 * program made itself goes on being replaced. */
#include "base/memory.h"
#include "platform/file.h"
#include "report/html.h"
#include "result/store.h"
#include "support/child.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool has(const char *name) {
    return access(temporary_path(name), F_OK) == 0;
}

static void expect_text(const char *name, const char *expected) {
    char *text = temporary_text(name);
    cr_assert_str_eq(text, expected, "%s", name);
    mem_free(text);
}

static void expect(program_result r, int exit_code, const char *words) {
    cr_assert_eq(r.exit_code, exit_code, "%d: %s", r.exit_code, r.err);
    cr_assert_not_null(strstr(r.err, words), "'%s' is not in: %s", words, r.err);
}

/* The file of the record, "<task>/<name>.json". */
static void put_record(const char *task) {
    record r;
    fake_record_make(&r, &(fake_record){.task = task, .right = 0.7});
    MUST(store_write(temporary_path("results"), &r, NULL));
    record_free(&r);
}

static const char *const forms[] = {"LEADERBOARD.md", "index.html", "report.csv", "report.json"};
enum { FORMS = sizeof forms / sizeof *forms };
#define REPORT() RUN("report", "--results", "results")

/* A disk that fills while pages are written leaves the board that was there, whose links lead somewhere. */
Test(strangers, a_board_comes_after_its_pages) {
    put_record("one");
    expect(REPORT(), 0, "wrote results/LEADERBOARD.md");
    char *before = temporary_text("results/LEADERBOARD.md");
    put_record("two");
    temporary_put("results/pages/two", "no folder");
    expect(REPORT(), 1, "results/pages/two");
    expect_text("results/LEADERBOARD.md", before);
    // pages with texts are made of records that were read before
    expect(RUN("report", "--results", "results", "--texts"), 1, "results/pages/two");
    expect_text("results/LEADERBOARD.md", before);
    MUST(file_remove(temporary_path("results/pages/two")));
    expect(REPORT(), 0, "wrote results/LEADERBOARD.md");
    mem_free(before);
}

Test(strangers, a_report_replaces_only_what_it_wrote) {
    put_record("one");
    for (size_t i = 0; i < FORMS; i++) {
        char *path = NULL;
        MUST(path_join(&path, "results", forms[i]));
        temporary_put(path, "mine");
        expect(REPORT(), 1, "this program did not make it");
        expect_text(path, "mine");
        for (size_t k = 0; k < FORMS; k++) {
            char *other = NULL;
            MUST(path_join(&other, "results", forms[k]));
            cr_assert_eq(has(other), k == i, "%s beside %s", other, path);
            mem_free(other);
        }
        cr_assert(!has("results/pages"));
        MUST(file_remove(temporary_path(path)));
        mem_free(path);
    }
    // a link that leads nowhere is somebody's as well
    cr_assert_eq(symlink("nowhere", temporary_path("results/index.html")), 0);
    expect(REPORT(), 1, "results/index.html: this program did not make it");
    MUST(file_remove(temporary_path("results/index.html")));
    temporary_put("results/report.csv", ""); // nobody's
    expect(REPORT(), 0, "wrote results/LEADERBOARD.md");
    put_record("two"); // every file changes
    expect(REPORT(), 0, "wrote results/report.json");
    for (size_t i = 0; i < FORMS; i++) {
        char *path = NULL, *text = NULL;
        MUST(path_join(&path, "results", forms[i]));
        text = temporary_text(path);
        cr_assert_not_null(strstr(text, "two"), "%s", path);
        mem_free(text);
        mem_free(path);
    }
}

Test(strangers, pages_of_runs_are_replaced_and_removed_only_when_ours) {
    folder_list pages;
    put_record("one");
    expect(REPORT(), 0, "wrote 1 page ");
    MUST(folder_list_read(&pages, temporary_path("results/pages/one")));
    cr_assert_eq(pages.count, 1);
    char *page = NULL;
    MUST(path_join(&page, "results/pages/one", pages.names[0]));
    folder_list_free(&pages);
    temporary_put(page, "mine");
    expect(REPORT(), 1, "this program did not make it");
    expect_text(page, "mine");
    MUST(file_remove(temporary_path(page)));
    // names as this program gives them, without a record
    temporary_put("results/pages/one/notes-s1.html", "mine");
    temporary_put("results/pages/one/gone-s1.html", "<style>" HTML_PAGE_MARK);
    temporary_put("results/pages/one/notes-s1.confusions.csv", "mine");
    temporary_put("results/pages/one/gone-s1.confusions.csv", HTML_CONFUSIONS_MARK);
    expect(REPORT(), 0, "removed 1 page whose record is gone");
    expect_text("results/pages/one/notes-s1.html", "mine");
    expect_text("results/pages/one/notes-s1.confusions.csv", "mine");
    cr_assert(!has("results/pages/one/gone-s1.html") && has(page));
    cr_assert(!has("results/pages/one/gone-s1.confusions.csv"));
    mem_free(page);
}

Test(strangers, a_folder_without_records_keeps_its_board) {
    put_record("one");
    expect(REPORT(), 0, "wrote results/LEADERBOARD.md");
    char *before = temporary_text("results/LEADERBOARD.md");
    MUST(folder_remove(temporary_path("results/one")));
    expect(REPORT(), 1, "no record to report in results: nothing is written");
    expect_text("results/LEADERBOARD.md", before);
    mem_free(before);
    MUST(folder_make(temporary_path("empty")));
    expect(RUN("report", "--results", "empty", "-o", "out"), 1, "nothing is written");
    cr_assert(!has("out") && !has("empty/index.html"));
}

Test(strangers, regress_and_charts_refuse_before_they_begin) {
    static const char *const files[] = {"rg/junit.xml", "rg/bigger.json", "rg/smaller.json"};
    temporary_put("suite.json",
                  "{\"bound\": 1e-4, \"bound_other\": 1e-3, \"seeds\": [1, 2, 3], \"cases\": "
                  "[{\"name\": \"a\", \"task\": \"kor_hate\", \"model\": \"tiny\", "
                  "\"sample\": true, \"steps\": 6, \"batch_size\": 8}]}");
    MUST(folder_make(temporary_path("rg")));
    for (size_t i = 0; i < 3; i++) {
        temporary_put(files[i], "<testsuites/>");
        expect(RUN("regress", "--device", "cpu", "--baselines", ".", "-o", "rg"), 1, files[i]);
        expect_text(files[i], "<testsuites/>");
        MUST(file_remove(temporary_path(files[i])));
    }
    temporary_put("cpu.json", "[1, 2]");
    expect(RUN("regress", "--device", "cpu", "--baselines", ".", "--update"), 1,
           "cpu.json: this program did not make it");
    expect_text("cpu.json", "[1, 2]");
    temporary_put("chart.svg", "<svg/>");
    expect(RUN("data", "stats", "kor_hate", "--sample", "--svg", "chart.svg"), 1,
           "chart.svg: this program did not make it");
    expect(RUN("bench", "--device", "cpu", "--svg", "chart.svg"), 1,
           "chart.svg: this program did not make it");
    expect_text("chart.svg", "<svg/>");
    MUST(file_remove(temporary_path("chart.svg")));
    for (int i = 0; i < 2; i++) // its own chart is replaced
        expect(RUN("data", "stats", "kor_hate", "--sample", "--svg", "chart.svg"), 0, "wrote");
}

#define SHORT_RUN(...)                                                                             \
    RUN("run", "--sample", "--task", "kor_hate", "--model", "tiny", "--device", "cpu", "-o", "S",  \
        "--results", "results", "--save-steps", "1", __VA_ARGS__)

Test(strangers, files_in_folders_of_a_run_stay) {
    expect(SHORT_RUN("--max-steps", "2"), 0, "");
    temporary_put("S/model/notes.txt", "mine");
    expect(SHORT_RUN("--max-steps", "2"), 0, "finished"); // nothing is removed
    char *before = temporary_text("S/model/SHA256SUMS");
    expect(SHORT_RUN("--max-steps", "2", "--overwrite"), 1,
           "S/model/notes.txt: this program did not make it");
    MUST(file_remove(temporary_path("S/model/notes.txt")));
    temporary_put("S/checkpoint-1/notes.txt", "mine");
    expect(SHORT_RUN("--max-steps", "1", "--overwrite"), 1,
           "S/checkpoint-1/notes.txt: this program did not make it");
    expect_text("S/checkpoint-1/notes.txt", "mine");
    expect_text("S/model/SHA256SUMS", before);
    cr_assert(has("S/run.json") && has("S/checkpoint-1/harness.json"));
    mem_free(before);
}

static void start_long_run(child *c, const char *more, const char *value) {
    child_start(c, NULL,
                (const char *const[]){"run",         "--sample", "--task",       "kor_hate",
                                      "--model",     "tiny",     "--device",     "cpu",
                                      "-o",          "S",        "--results",    "results",
                                      "--max-steps", "3000",     "--save-steps", "50",
                                      "--resume",    more,       value,          NULL});
}

// A checkpoint that --save-total-limit would remove while the run goes on.
Test(strangers, a_checkpoint_with_a_file_of_another_is_not_pruned) {
    child c;
    start_long_run(&c, NULL, NULL);
    child_await_path(&c, temporary_path("S/checkpoint-50/harness.json"), 60);
    cr_assert_eq(kill(c.pid, SIGINT), 0);
    expect(child_end(&c, 60), 130, "");
    temporary_put("S/checkpoint-50/notes.txt", "mine");
    start_long_run(&c, "--save-total-limit", "1");
    child_await_message(&c, "S/checkpoint-50 stays: this program did not make 'notes.txt' in it",
                        60);
    cr_assert_eq(kill(c.pid, SIGINT), 0);
    expect(child_end(&c, 60), 130, "");
    expect_text("S/checkpoint-50/notes.txt", "mine");
    cr_assert(has("S/checkpoint-50/model.safetensors"));
}
