/* Notes and warnings with numbers in them, whole: what is one, what is several, and which is which. */
#include "base/memory.h"
#include "cli/warmup.h"
#include "platform/file.h"
#include "result/store.h"
#include "result/sweep.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

TestSuite(said, .timeout = 120);

/* A whole line of it. */
static bool has_line(const char *said, const char *line) {
    size_t n = strlen(line);
    for (const char *at = said; (at = strstr(at, line)); at++)
        if ((at == said || at[-1] == '\n') && (at[n] == '\n' || !at[n])) return true;
    return false;
}

static void expect_lines(const char *said, const char *const *lines, size_t most) {
    for (size_t i = 0; i < most && lines[i]; i++)
        cr_expect(has_line(said, lines[i]), "no line '%s' in: %s", lines[i], said);
}

/* `values` labels in turns, for so many rows. Owned. */
static char *rows_of(size_t rows, size_t values) {
    strbuf text = {0};
    MUST(strbuf_add(&text, "text,label\n"));
    for (size_t i = 0; i < rows; i++) MUST(strbuf_printf(&text, "t%zu,l%zu\n", i, i % values));
    return text.text;
}

Test(said, of_own_files) {
    char *few = rows_of(512, 256), *many = rows_of(514, 257);
    const struct {
        const char *text;
        const char *flags[2];
        const char *lines[3];
        const char *unsaid;
    } cases[] = {
        {"text,label\na,1.5\nb,4\nc,-2\n",
         {"--kind", "regression"},
         {"label   'label': numbers from -2 to 4"},
         "class of its own"},
        {"text,label\na,1.5\nb,4\nc,4\nd,1.5\n",
         {NULL},
         {"label   'label': 2 labels: 1.5 (2), 4 (2)",
          "warning: the labels of column 'label' are numbers, and each is learnt as a class of its "
          "own (--kind regression learns scores)"},
         "one row"},
        {"text,label\na,1\nb,4\nc,4\nd,1\n", {NULL}, {NULL}, "class of its own"},
        {"text,label\na,x\nb,y\nc,x\n",
         {NULL},
         {"label   'label': 2 labels: x (2), y (1)",
          "warning: label 'y' has one row, which goes to the test set: it is not learnt "
          "(--test-file names another test set)"},
         "label 'x' has one row"},
        {"text,label\na,x\nb,\nc,x\nd,y\ne,y\n",
         {"--skip-bad-rows"},
         {"warning: 1 row without label is left out, the first is f.csv:3"},
         "one row"},
        {"text,label\na,x\nb,\nc,x\nd,y\ne,y\nf,\n",
         {"--skip-bad-rows"},
         {"warning: 2 rows without label are left out, the first is f.csv:3"},
         "one row"},
        {few, {NULL}, {NULL}, "is it the label?"},
        {many,
         {NULL},
         {"warning: column 'label' holds 257 different values in 514 rows, and each is learnt as a "
          "label of its own: is it the label? (--label-column)"},
         "one row"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[] = {"tasks",
                                   "new",
                                   "f.csv",
                                   "--overwrite",
                                   cases[i].flags[0],
                                   cases[i].flags[0] ? cases[i].flags[1] : NULL,
                                   NULL};
        MUST(file_write(temporary_path("f.csv"), cases[i].text, strlen(cases[i].text)));
        program_result p = program_run(NULL, 60, arguments);
        cr_expect_eq(p.exit_code, 0, "case %zu: %s", i, p.err);
        expect_lines(p.err, cases[i].lines, 3);
        cr_expect_not(strstr(p.err, cases[i].unsaid), "case %zu: %s", i, p.err);
    }
    mem_free(few);
    mem_free(many);
}

#if HARNESS_CPU
/* Two rows of a label with one text: the hash split takes it for the test set. */
Test(said, a_label_that_no_row_is_left_of) {
    static const char rows[] = "text,label\na,x\nb,y\nc,x\nb,y\nd,x\ne,x\nf,z\ng,z\n";
    MUST(file_write(temporary_path("f.csv"), rows, sizeof rows - 1));
    program_result p =
        RUN("run", "--train-file", "f.csv", "--model", "tiny", "--device", "cpu", "--dry-run");
    EXPECT(p, 0, err, "warning: label 'y': none of its 2 rows is trained on");
    cr_expect_not(strstr(p.err, "label 'x'") || strstr(p.err, "label 'z'"), "%s", p.err);
}
#endif

static void put_record(unsigned seed, bool is_partial, bool is_dirty) {
    char path[64];
    record r;
    fake_record_make(&r, &(fake_record){.right = 0.7, .seed = seed});
    r.partial = is_partial;
    r.dirty = is_dirty;
    snprintf(path, sizeof path, "results/fake_task/%u.json", seed);
    MUST(folder_make(temporary_path("results/fake_task")));
    MUST(record_write(&r, temporary_path(path)));
    record_free(&r);
}

Test(said, of_records_left_out) {
    static const char *const one[] = {
        "1 partial record left out",
        "warning: 1 record left out: made by a program with uncommitted changes"};
    static const char *const more[] = {
        "2 partial records left out",
        "warning: 3 records left out: made by a program with uncommitted changes"};
    put_record(1, false, false);
    put_record(2, true, false);
    put_record(3, false, true);
    program_result p = RUN("report");
    expect_lines(p.err, one, 2);
    put_record(4, true, false);
    put_record(5, false, true);
    put_record(6, false, true);
    p = RUN("report");
    expect_lines(p.err, more, 2);
}

Test(said, of_a_sweep) {
    static const char *const lines[] = {
        "sweep   run 1 of 3: kor_sarcasm, tiny, seed 7",
        ("sweep   run 1 of 3 is finished already: there is a record of it, of 2026-02-03 "
         "(--overwrite does it again)"),
        "sweep   run 2 of 3 (1 finished already): kor_sarcasm, tiny, seed 7",
        "        another worker has it",
        "sweep   run 2 of 3 is finished already: there is a record of it, of 2026-02-03 "
        "(--overwrite does it again)",
    };
    run_request q = {.task = "kor_sarcasm", .model = "tiny", .seed = 7};
    char created[] = "2026-02-03T00:00:00Z";
    record found = {.created = created};
    sweep s = {.total = 3, .number = 1};
    MUST(recipe_load(&q.recipe, "tiny"));
    said_begin();
    sweep_begin(&s, &q);
    sweep_skip(&s, &q, &found, "");
    s.number = 2;
    sweep_begin(&s, &q);
    sweep_leave(&s);
    // each state is told once, however often it is looked at
    s.is_again = true;
    sweep_begin(&s, &q);
    sweep_leave(&s);
    sweep_begin(&s, &q);
    sweep_skip(&s, &q, &found, "");
    char *said = said_end();
    expect_lines(said, lines, 5);
    cr_expect_not(strstr(said, "run 3 of 3"), "%s", said);
    mem_free(said);
    sweep_close(&s);
}

/* Twice the work of the one run that ended is left, which took so long. */
static void expect_end(double seconds, const char *format) {
    run_request q = {.task = "kor_sarcasm", .model = "tiny", .seed = 7};
    sweep s = {.total = 4, .number = 1, .ran = 1, .work = 2, .left = 4, .seconds = seconds};
    char first[128], last[128];
    struct tm local;
    time_t end = time(NULL) + (time_t)(2 * seconds);
    strftime(first, sizeof first, format, localtime_r(&end, &local));
    said_begin();
    sweep_begin(&s, &q);
    char *said = said_end();
    end = time(NULL) + (time_t)(2 * seconds);
    strftime(last, sizeof last, format, localtime_r(&end, &local));
    cr_expect(has_line(said, first) || has_line(said, last), "no line '%s' in: %s", last, said);
    mem_free(said);
    sweep_close(&s);
}

Test(said, of_a_sweeps_end) {
    expect_end(3600, "sweep   run 1 of 4 (ends about %H:%M): kor_sarcasm, tiny, seed 7");
    expect_end(11 * 3600.0,
               "sweep   run 1 of 4 (ends about %d %b %H:%M): kor_sarcasm, tiny, seed 7");
}

#if HARNESS_CPU
Test(said, of_a_shard) {
    program_result p =
        RUN_WELL("run", "--sample", "--task", "kor_hate", "--model", "ko-tiny", "--device", "cpu",
                 "--dry-run", "--seeds", "1,2,3,4,5", "--shard", "1/2");
    cr_expect(has_line(p.err, "sweep   0 of 5 runs are of this shard"), "%s", p.err);
}
#endif

#if HARNESS_CPU
/* Nothing is learnt at a rate of 0: the first evaluation stays the best. Of 42 rows an epoch has two
 * steps. */
Test(said, of_a_run_that_stops_early) {
    static const struct {
        const char *patience, *line;
        unsigned step;
    } cases[] = {{"1", "stopped early: 1 evaluation was no better (best: step 2)", 4},
                 {"2", "stopped early: 2 evaluations in a row were no better (best: step 2)", 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char last[60];
        program_result p =
            RUN("run", "--sample", "--task", "kor_hate", "--device", "cpu", "--threads", "1",
                "--check-device", "never", "--model", "tiny", "--protocol", "dev", "--lr", "0",
                "--epochs", "9", "--early-stopping-patience", cases[i].patience, "--overwrite");
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        cr_expect(has_line(p.err, cases[i].line), "no '%s' in %s", cases[i].line, p.err);
        cr_expect(strstr(p.err, "\nstep 2 of 18: dev macro F1 ") && strstr(p.err, " (best)\n"),
                  "%s", p.err);
        snprintf(last, sizeof last, "\nstep %u of 18: dev macro F1 ", cases[i].step);
        cr_expect(strstr(p.err, last), "no '%s' in %s", last, p.err);
        snprintf(last, sizeof last, "\nstep %u of 18: dev macro F1 ", cases[i].step + 2);
        cr_expect_not(strstr(p.err, last), "%s", p.err);
    }
}
#endif

Test(said, of_a_long_warmup) {
    static const struct {
        uint32_t warmup, steps;
        const char *line;
    } cases[] = {
        {1, 1,
         "warning: the run ends inside its warmup: 1 warmup step, 1 step in all; the learning rate "
         "never reaches 0.5 (--warmup-steps)\n"},
        {3, 2,
         "warning: the run ends inside its warmup: 3 warmup steps, 2 steps in all; the learning "
         "rate never reaches 0.5 (--warmup-steps)\n"},
        {1, 2, ""},
        {0, 1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trainer t = {.total_steps = cases[i].steps, .schedule.warmup = cases[i].warmup};
        t.recipe.learning_rate = 0.5;
        said_begin();
        warmup_warn(&t);
        char *said = said_end();
        cr_expect_str_eq(said, cases[i].line, "case %zu: %s", i, said);
        mem_free(said);
    }
}
