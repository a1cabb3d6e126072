#include "base/memory.h"
#include "platform/file.h"
#include "report/compare.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static record a, b;

static void setup(void) {
    fake_record_make(&a, &(fake_record){.right = 0.6, .steps = 80});
    fake_record_make(&b, &(fake_record){.right = 0.6, .steps = 80});
}

static void teardown(void) {
    record_free(&a);
    record_free(&b);
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

TestSuite(compare, .init = setup, .fini = teardown);

static void compared(comparison *c) {
    cr_assert_not(record_score(&a));
    cr_assert_not(record_score(&b));
    cr_assert_not(compare_records(c, &a, &b), "%s", err_message(ERR_DATA));
}

Test(compare, equal_runs_are_equal) {
    comparison c;
    strbuf out = {0};
    compared(&c);
    cr_assert(c.difference == 0 && c.disagreements == 0 && !c.loss.bits_part &&
              !c.loss.losses_part);
    cr_assert_eq(c.loss.steps, 80);
    cr_assert_eq(c.mcnemar_p, 1.0);
    cr_assert_not(compare_text(&out, &c, "a", "b"));
    cr_assert(strstr(out.text, "losses: equal in every bit over 80 steps"));
    cr_assert(strstr(out.text, "predictions that differ: 0 of 60 (0.00 %)\n"), "%s", out.text);
    strbuf_free(&out);
}

// known changes: rows 3, 20 and 41, one bit of step 5, 1e-3 at step 9, a fifth at step 60
Test(compare, finds_what_was_changed) {
    comparison c;
    strbuf out = {0};
    const size_t rows[] = {3, 20, 41};
    for (int i = 0; i < 3; i++) {
        a.predicted[rows[i]] = a.gold[rows[i]];
        b.predicted[rows[i]] = (a.gold[rows[i]] + 1) % 3;
    }
    b.loss[4] = nextafterf(b.loss[4], 9);
    b.loss[8] *= 1.001f;
    b.loss[59] *= 1.25f;
    b.timing.tokens_per_s = 2 * a.timing.tokens_per_s;
    compared(&c);
    cr_assert_eq(c.disagreements, 3);
    cr_assert(c.first_rows[0] == 3 && c.first_rows[1] == 20 && c.first_rows[2] == 41);
    cr_assert(c.only_a_right == 3 && c.only_b_right == 0);
    cr_assert_float_eq(c.mcnemar_p, 0.25, 1e-12);
    cr_assert_eq(c.loss.bit_step, 5);
    cr_assert_eq(c.loss.part_step, 9);
    cr_assert_float_eq(c.loss.largest_early, 1 - 1 / 1.001, 1e-6);
    cr_assert_float_eq(c.loss.largest, 0.2, 1e-6);
    cr_assert_float_eq(c.difference, record_metric(&b, "macro_f1") - record_metric(&a, "macro_f1"),
                       0);
    cr_assert_not(compare_text(&out, &c, "left", "right"));
    cr_assert(strstr(out.text, "3 of 60 (5.00 %); rows 4, 21, 42\n"), "%s", out.text);
    cr_assert(
        strstr(out.text, "first bit differs at step 5; beyond 1e-06 relative from step 9 of 80"));
    cr_assert(strstr(out.text, "B does 2.00 times the tokens per second of A"));
    strbuf_free(&out);
    cr_assert_not(compare_json(&out, &c, "left", "right"));
    cJSON *json;
    const cJSON *loss;
    int64_t step;
    cr_assert_not(json_parse(&json, out.text, out.length, "json"));
    cr_assert_not(json_object(&loss, json, "loss", "json"));
    cr_assert_not(json_whole(&step, loss, "first_part_step", 1, 80, "json"));
    cr_assert_eq(step, 9);
    cJSON_Delete(json);
    strbuf_free(&out);
}

/* Whether every text has the line. */
static void cautioned(const char *said, bool wanted) {
    comparison c;
    group_comparison g;
    strbuf out = {0};
    const record *list[] = {&a, &b};
    const compare_side sides[] = {{"a", list, 1}, {"b", list + 1, 1}};
    compared(&c);
    MUST(compare_text(&out, &c, "a", "b"));
    cr_expect_eq(strstr(out.text, said) != NULL, wanted, "%s", out.text);
    strbuf_free(&out);
    MUST(compare_groups(&g, list, 1, list + 1, 1));
    MUST(compare_groups_text(&out, &g, "a", "b"));
    cr_expect_eq(strstr(out.text, said) != NULL, wanted, "%s", out.text);
    strbuf_free(&out);
    MUST(compare_matrix_text(&out, sides, 2, PAGE_EN));
    cr_expect_eq(strstr(out.text, said) != NULL, wanted, "%s", out.text);
    strbuf_free(&out);
}

/* A board has a table for each protocol; so have the scores that are compared here a caution. */
Test(compare, protocols_that_differ_are_told) {
    cautioned("- caution: ", false);
    MUST(record_text(&b.protocol, "dev"));
    cautioned("- caution: protocols last and dev: scores do not compare\n", true);
}

Test(compare, rows_of_the_sample_or_of_a_part_are_told) {
    b.partial = true;
    cautioned("- caution: B: of a part of the rows or steps, not for the board\n", true);
    a.partial = a.task.sample = b.task.sample = true;
    cautioned("- caution: rows of the bundled sample: they say nothing about the models\n", true);
    cautioned("of a part", false);
}

Test(compare, sides_that_learnt_nothing_are_told) {
    cautioned("answers one label", false);
    for (size_t i = 0; i < (size_t)b.task.test_rows; i++) b.predicted[i] = 1;
    cautioned("- caution: B: answers one label for every row", true);
}

Test(compare, many_differing_rows_are_cut) {
    comparison c;
    strbuf out = {0};
    for (int i = 0; i < 60; i++) b.predicted[i] = (a.predicted[i] + 1) % 3;
    compared(&c);
    cr_assert_eq(c.disagreements, 60);
    cr_assert_eq(c.first_row_count, COMPARE_ROWS_SHOWN);
    cr_assert_not(compare_text(&out, &c, "a", "b"));
    cr_assert(strstr(out.text, "rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...\n"));
    strbuf_free(&out);
}

/* The list of rows at its ends: dots where there are more than it shows. */
Test(compare, a_list_of_rows_ends_where_they_do) {
    static const struct {
        int differ;
        const char *end;
    } lists[] = {{0, "0 of 60 (0.00 %)\n"},
                 {1, "1 of 60 (1.67 %); row 1\n"},
                 {2, "2 of 60 (3.33 %); rows 1, 2\n"},
                 {10, "; rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10\n"},
                 {11, "; rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...\n"}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        comparison c;
        strbuf out = {0};
        for (int k = 0; k < 60; k++) b.predicted[k] = (a.predicted[k] + (k < lists[i].differ)) % 3;
        compared(&c);
        cr_assert_not(compare_text(&out, &c, "a", "b"));
        cr_expect(strstr(out.text, lists[i].end), "no '%s' in %s", lists[i].end, out.text);
        strbuf_free(&out);
    }
}

/* Runs of unequal length: each number has its own plural, and what both have is compared. */
Test(compare, steps_are_counted_in_words) {
    static const struct {
        size_t a, b;
        const char *line;
    } lines[] = {{1, 1, "- losses: equal in every bit over 1 step\n"},
                 {1, 2, "over 1 step\n- A took 1 step, B 2\n"},
                 {2, 1, "over 1 step\n- A took 2 steps, B 1\n"},
                 {2, 2, "- losses: equal in every bit over 2 steps\n"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        comparison c;
        strbuf out = {0};
        a.loss_count = lines[i].a;
        b.loss_count = lines[i].b;
        compared(&c);
        cr_assert_not(compare_text(&out, &c, "a", "b"));
        cr_expect(strstr(out.text, lines[i].line), "no '%s' in %s", lines[i].line, out.text);
        // the table of losses: a run has each of its steps, the last too, and none behind it
        const char *at = strstr(out.text, "| mean loss of steps |");
        for (size_t step = 1; step <= 2 && (step <= lines[i].a || step <= lines[i].b); step++) {
            char head[16], of_a[16] = "", of_b[16] = "";
            snprintf(head, sizeof head, "\n| %zu ", step);
            const char *row = at ? strstr(at, head) : NULL;
            cr_assert(row && sscanf(row, "\n| %*u | %15s | %15s |", of_a, of_b) == 2, "%s",
                      out.text);
            cr_expect_eq(!strcmp(of_a, "-"), step > lines[i].a, "%s", out.text);
            cr_expect_eq(!strcmp(of_b, "-"), step > lines[i].b, "%s", out.text);
        }
        strbuf_free(&out);
    }
}

/* Two steps are under way at once: of a few the least time is nothing, and ratios of it are none. */
Test(compare, few_steps_have_no_range_of_speeds) {
    comparison c;
    strbuf out = {0};
    compared(&c);
    a.timing.step_ms_p10 = 0.0001;
    MUST(compare_text(&out, &c, "a", "b"));
    cr_expect(strstr(out.text, "between the 10th and 90th percentile"), "%s", out.text);
    cr_expect(strstr(out.text, "| step, ms (10th percentile) "), "%s", out.text);
    a.timing.steps = 19;
    out.length = 0;
    MUST(compare_text(&out, &c, "a", "b"));
    cr_expect(strstr(out.text, "tokens per second of A (too few steps, 19 and 80, for a range"),
              "%s", out.text);
    cr_expect(strstr(out.text, "| step, ms (10th percentile) |     - | 35.25 |           - |"),
              "%s", out.text);
    strbuf_free(&out);
}

/* What a recipe has and the other has not is a difference, whichever of the two it is. */
Test(compare, keys_of_one_recipe_alone_are_told) {
    comparison c;
    strbuf out = {0};
    fake_recipe_number(&a, "of_a", 3);
    fake_recipe_number(&b, "of_b", 4);
    MUST(compare_records(&c, &a, &b));
    MUST(compare_text(&out, &c, "a", "b"));
    cr_expect(strstr(out.text, "- of_a: 3 in A, "), "%s", out.text);
    cr_expect(strstr(out.text, "- of_b: ") && strstr(out.text, ", 4 in B\n"), "%s", out.text);
    out.length = 0;
    MUST(compare_json(&out, &c, "a", "b"));
    cr_expect(strstr(out.text, "\"of_a\":\t[3, null]"), "%s", out.text);
    cr_expect(strstr(out.text, "\"of_b\":\t[null, 4]"), "%s", out.text);
    strbuf_free(&out);
}

static void refused(const char *want) {
    comparison c;
    cr_assert_eq(compare_records(&c, &a, &b), ERR_DATA, "%s", want);
    cr_assert(strstr(err_message(ERR_DATA), want), "want '%s' in '%s'", want,
              err_message(ERR_DATA));
}

Test(compare, other_tasks_and_data_are_refused) {
    b.task.data_sha256[0] = 'e';
    a.task.data_sha256[0] = 'f';
    refused("the two runs do not compare: their data differs, in as many rows (SHA-256 f");
    a.task.train_rows += 5;
    refused("their data differs: ");
    a.partial = b.partial = false;
    refused(" test rows (SHA-256 f"); // files of their own, perhaps
    a.partial = true;
    fake_recipe_number(&a, "max_steps", 0);
    fake_recipe_number(&b, "max_steps", 0);
    refused(" test rows (another limit of rows; SHA-256 f");
    a.task.sample = !b.task.sample;
    MUST_FAIL(compare_same_rows("they", &a, &b), ERR_DATA, " (one is of the bundled sample; SHA");
    a.task.sample = b.task.sample;
    a.task.train_rows -= 5;
    a.task.version = 2;
    refused("the version of task 'fake_task' is 2 and 1");
    cr_assert_not(record_text(&a.task.name, "other"));
    refused("the task is 'other' and 'fake_task'");
    // of own files what they are called says nothing
    cr_assert_not(record_text(&a.task.name, "own-other"));
    refused(
        "tasks 'own-other' and 'fake_task': the two runs do not compare: their data differs, in");
    a.task.data_sha256[0] = 'e';
    comparison c;
    cr_assert_not(compare_records(&c, &a, &b), "%s", err_message(ERR_DATA));
    a.task.labels[0][0] ^= 1;
    if (a.task.names) a.task.names[0][0] ^= 1;
    refused("a label is '");
    cr_assert_not(record_text(&a.task.split, "other"));
    refused("tasks 'own-other' and 'fake_task': the two runs do not compare: the split is 'other'");
}

Test(compare, verb_takes_records_and_run_folders) {
    char *folder, *path, *run, *inside;
    fake_folder(&folder);
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(path_join(&run, folder, "run"));
    cr_assert_not(path_join(&inside, run, "record.json"));
    cr_assert_not(record_write(&a, path));
    program_result p = RUN("compare", path, run);
    EXPECT(p, 1, err, "run: no such record or run folder");
    p = RUN("compare", path, "/dev/zero");
    EXPECT(p, 1, err, "/dev/zero: is a device, a record or the folder");
    p = RUN_WELL("compare", path, path);
    cr_assert(strstr(p.err, "sides A and B are one and the same record: "), "%s", p.err);
    cr_assert_not(record_write(&b, inside));
    p = RUN_WELL("compare", path, run);
    cr_assert(strstr(p.out, "equal in every bit"));
    p = RUN("compare", "--json", path, run);
    EXPECT(p, 0, out, "\"first_part_step\":\tnull");
    p = RUN("compare", path);
    EXPECT(p, 2, err,
           "compare takes two or more records, run folders or devices, or a folder that "
           "holds the runs of two models, found 1");
    fake_folder_end(folder);
    mem_free(path);
    mem_free(run);
    mem_free(inside);
}

static void put_epochs(const char *name, const char *model, int seed, double epochs) {
    record r;
    fake_record_make(&r, &(fake_record){.right = 0.6, .model = model, .seed = (uint32_t)seed});
    r.seed = seed;
    fake_recipe_number(&r, "num_train_epochs", epochs);
    MUST(record_write(&r, temporary_path(name)));
    record_free(&r);
}

static void put_run(const char *name, const char *model, int seed) {
    put_epochs(name, model, seed, 3);
}

static void expect_both(program_result p, const char *first, const char *second) {
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.out, first) && strstr(p.out, second), "no %s, %s in: %s", first, second,
              p.out);
}

/* A folder that holds the runs of two models, and the runs of each side with commas between. */
Test(compare, sides_of_several_runs) {
    put_run("runs/a-s1.json", "x", 1);
    put_run("runs/b-s1.json", "y", 1);
    put_run("runs/c-s2.json", "x", 2);
    put_run("runs/d-s2.json", "y", 2);
    put_run("runs/e-s3.json", "y", 3);
    expect_both(RUN("compare", "runs"), "A: x on", "B: y on");
    expect_both(RUN("compare", "runs"), ", 2 seeds", ", 3 seeds");
    expect_both(RUN("compare", "runs/b-s1.json,runs/d-s2.json", "runs/a-s1.json,runs/c-s2.json"),
                "A: y on", "B: x on");
    put_run("runs/f-s1.json", "z", 1);
    program_result p = RUN("compare", "runs");
    EXPECT(p, 2, err, "runs: holds runs of more than two models");
    put_epochs("alike/a-s1.json", "x", 1, 1);
    put_epochs("alike/b-s1.json", "x", 1, 2);
    expect_both(RUN("compare", "alike"), "A: x, 1 epoch\n", "B: x, 2 epochs\n");
    // the board that `report` writes there is no side
    temporary_put("alike/report.json", "{\"tables\": [], \"overall\": []}");
    expect_both(RUN("compare", "alike"), "A: x, 1 epoch\n", "B: x, 2 epochs\n");
    put_run("one/a-s1.json", "x", 1);
    p = RUN("compare", "one");
    EXPECT(p, 2, err, "one: all runs there are of one model and recipe");
}

Test(compare, three_sides_are_a_matrix) {
    strbuf out = {0};
    record third;
    fake_record_make(&third, &(fake_record){.right = 0.6, .steps = 80});
    b.predicted[3] = (a.predicted[3] + 1) % 3;
    third.loss[9] *= 1.5f;
    third.timing.tokens_per_s = 3 * a.timing.tokens_per_s;
    cr_assert_not(record_score(&a));
    cr_assert_not(record_score(&b));
    cr_assert_not(record_score(&third));
    const record *runs[] = {&a, &b, &third};
    const compare_side sides[] = {
        {"one", &runs[0], 1}, {"two", &runs[1], 1}, {"three", &runs[2], 1}};
    cr_assert_not(compare_matrix_text(&out, sides, 3, PAGE_EN), "%s", err_message(ERR_DATA));
    cr_assert(strstr(out.text, "- B: two\n- C: three\n\n|     | model |"), "%s", out.text);
    cr_assert(strstr(out.text, "\n| C   | tiny  |"), "%s", out.text);
    cr_assert(strstr(out.text, "|             3.00 |\n"), "%s", out.text);
    cr_assert(strstr(out.text, "(McNemar) | 1.67 % | never |"), "%s", out.text);
    cr_expect(strstr(out.text, " | two single runs: no claim beyond them |"), "%s", out.text);
    cr_assert(
        strstr(
            out.text,
            "| 0.00 % | 10 in their bits, 1e-06 relative at 10 | 0.33 | every prediction equal |"),
        "%s", out.text);
    strbuf_free(&out);
    cr_assert_not(compare_matrix_json(&out, sides, 3));
    cJSON *json;
    cr_assert_not(json_parse(&json, out.text, out.length, "json"));
    cr_assert_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "pairs")), 3);
    cJSON_Delete(json);
    strbuf_free(&out);
    cr_assert_eq(compare_matrix_text(&out, sides, 1, PAGE_EN), ERR_ARG);
    record_free(&third);
}

// drivers and precisions that differ are said; kernels stand beside each other
Test(compare, sides_and_kernels_are_shown) {
    comparison c;
    strbuf out = {0};
    cr_assert_not(record_text(&b.device.driver, "other|driver"));
    cr_assert_not(record_text(&b.device.precision, "fp16"));
    a.loss_scale = 0;
    b.loss_scale = 16384;
    b.skipped_steps = 3;
    b.kernel_times[0].ms = 0.5;
    // the same product in another phase is another row
    cr_assert_not(record_kernel_add(&a, "linear_fwd 512x128", "backward", 2, 7));
    cr_assert_not(record_kernel_add(&b, "linear_fwd 512x128", "backward", 2, 7));
    b.loss[2] *= 1.5f;
    compared(&c);
    cr_assert_not(compare_text(&out, &c, "a", "b"));
    cr_assert(strstr(out.text, "| other\\|driver                      | differs |\n"), "%s",
              out.text);
    cr_assert(strstr(out.text, "3 of 80 steps skipped, scale 16384 | differs |\n"), "%s", out.text);
    cr_assert(strstr(out.text, "| linear_fwd 512x128   | forward  | 1.500 | 0.500 |        3.00 |"),
              "%s", out.text);
    cr_assert(strstr(out.text, "| linear_fwd 512x128   | backward | 7.000 | 7.000 |        1.00 |"),
              "%s", out.text);
    cr_assert(strstr(out.text, "| timed step, forward, ms    |"), "%s", out.text);
    cr_assert(strstr(out.text, "| 2 to 3   |"), "%s", out.text);
    cr_assert(strstr(out.text, "(0.85 to 1.18 between the 10th and 90th percentile"), "%s",
              out.text);
    strbuf_free(&out);
    cr_assert_not(compare_json(&out, &c, "a", "b"));
    cr_assert(strstr(out.text, "\"differs\":\t[\"driver\", \"precision\", \"loss scaling\"]"), "%s",
              out.text);
    strbuf_free(&out);
}

Test(compare, html_holds_tables_and_escapes) {
    strbuf out = {0};
    cr_assert_not(compare_html(&out,
                               "# a < b\n\n| x | y&z |\n| --- | --: |\n| 1\\|2 | |\n- one\n- "
                               "two\nend\n"
                               "| a |\n| --- |\n| 1: 2 nsubj, 2: root dep, 3: 1 obj |\n",
                               NULL, 0, PAGE_EN));
    cr_assert(strstr(out.text, "<h1>a &lt; b</h1>"), "%s", out.text);
    cr_assert(strstr(out.text, "aria-label=\"a &lt; b\"><table>"), "%s", out.text);
    cr_assert(strstr(out.text, "<tr><th>x</th><th class=\"n\">y&amp;z</th></tr>"), "%s", out.text);
    cr_assert(
        strstr(out.text, "<tr><td>1|2</td><td class=\"n\"></td></tr>\n</table></div>\n<ul>\n"),
        "%s", out.text);
    cr_assert(strstr(out.text, "<li>two</li>\n</ul>\n<p class=\"soft\">end\n</p>"), "%s", out.text);
    cr_assert_not(strstr(out.text, "--:"));
    cr_expect(strstr(out.text, "<td class=\"wrap\">1: 2 nsubj, "), "%s", out.text);
    cr_expect(strstr(out.text, "<footer><p>Written by <code>harness compare</code> from "), "%s",
              out.text);
    strbuf_free(&out);
}

Test(compare, devices_run_now) {
    program_result p = RUN_WELL("compare", "cpu", "cpu", "--max-steps", "2", "--threads", "1");
    cr_assert(strstr(p.out, "losses: equal in every bit over 2 steps"), "%s", p.out);
    cr_assert(strstr(p.err, "running kor_hate (sample) with tiny on cpu"), "%s", p.err);
    p = RUN_WELL("compare", "cpu", "cpu", "--max-steps", "24", "--threads", "1", "--runs", "2",
                 "--json");
    cr_assert(strstr(p.out, "\"equivalent\":\ttrue"), "%s", p.out);
    cr_assert(strstr(p.out, "\"name\":\t\"linear_fwd 512x128\",\n"), "%s", p.out);
}

#define LONG "--threads", "1", "--max-steps", "30000"

/* The first device trains when all else is known to go with it. */
Test(compare, refusals_come_before_a_device_trains, .timeout = 120) {
    program_result p =
        RUN_WELL("run", "--task", "kor_sae", "--sample", "--model", "tiny", "--device", "cpu",
                 "--threads", "1", "--max-steps", "1", "-o", "sae", "-q");
    RUN_WELL("run", "--task", "kor_hate", "--sample", "--model", "tiny", "--device", "cpu",
             "--threads", "1", "--max-steps", "1", "-o", "hate", "-q");
    static const struct {
        const char *const arguments[13];
        int code;
        const char *said;
        bool opens; /* the run, whose data is looked at */
    } cases[] = {
        {{"compare", "cpu", "no-such-device", LONG},
         1,
         "no-such-device: no such record or run folder, and no device",
         false},
        {{"compare", "cpu", "sae", "--task", "kor_hate", LONG},
         1,
         "the task is 'kor_sae' and 'kor_hate'",
         true},
        {{"compare", "cpu", "sae", "--task", "kor_sae", "--sample", "--limit", "5", LONG},
         1,
         "96 and 5 training rows, 48 and 5 test rows (another limit of rows; SHA-256 ",
         true},
        {{"compare", "cpu", "sae", "hate", LONG}, 1, "the task is 'kor_sae' and 'kor_hate'", false},
        {{"compare", "cpu", "cpu", "cpu", "--rows", "3", LONG},
         2,
         "--rows is of two sides, found 3",
         false},
        {{"compare", "cpu,cpu", "hate", LONG}, 2, "a side is of one device", false},
        {{"compare", "cpu", "sae", "--texts", "--limit", "5", LONG}, 1, "other rows than", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        p = program_run(NULL, 40, cases[i].arguments);
        cr_expect_eq(p.exit_code, cases[i].code, "case %zu: %s", i, p.err);
        cr_expect(strstr(p.err, cases[i].said), "case %zu: %s", i, p.err);
        cr_expect(cases[i].opens == (strstr(p.err, "running ") != NULL), "case %zu: %s", i, p.err);
    }
    const char *many[29] = {"compare"};
    for (size_t i = 1; i < 28; i++) many[i] = "cpu";
    p = program_run(NULL, 20, many);
    EXPECT(p, 2, err, "compare takes up to 26 sides, found 27");
}

/* What many sides have in common is made once: each pair is told as it is alone, whether its
 * units are drawn singly or by types, which are the pair's own. */
Test(compare, a_pair_of_many_sides_is_as_alone) {
    enum { SIDES = 4, SEEDS = 2 };
    static const struct {
        answer_kind kind;
        const char *headline;
        uint32_t rows;
    } shapes[] = {{ANSWER_CLASS, "macro_f1", 40},
                  {ANSWER_CLASS, "macro_f1", 900},
                  {ANSWER_NUMBER, "spearman", 60}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        record runs[SIDES][SEEDS];
        const record *list[SIDES][SEEDS];
        compare_side sides[SIDES];
        char models[SIDES][8];
        strbuf json = {0};
        for (size_t s = 0; s < SIDES; s++) {
            snprintf(models[s], sizeof models[s], "m%zu", s);
            for (size_t k = 0; k < SEEDS; k++) {
                fake_record_make(&runs[s][k], &(fake_record){.task = "one",
                                                             .model = models[s],
                                                             .kind = shapes[i].kind,
                                                             .headline = shapes[i].headline,
                                                             .right = 0.6 + 0.1 * (double)s,
                                                             .rows = shapes[i].rows,
                                                             .seed = (uint32_t)k});
                list[s][k] = &runs[s][k];
            }
            sides[s] = (compare_side){models[s], list[s], SEEDS - s % 2};
        }
        MUST(compare_matrix_json(&json, sides, SIDES));
        cJSON *top = cJSON_Parse(json.text), *pair;
        size_t pairs = 0;
        cJSON_ArrayForEach(pair, cJSON_GetObjectItem(top, "pairs")) {
            const compare_side *x = &sides[(size_t)json_number_at(pair, "a")],
                               *y = &sides[(size_t)json_number_at(pair, "b")];
            group_comparison alone;
            MUST(compare_groups(&alone, x->runs, x->count, y->runs, y->count));
            // JSON keeps all but the last bit
            const double found[] = {json_number_at(pair, "difference"), json_number_at(pair, "low"),
                                    json_number_at(pair, "high")},
                         expected[] = {alone.difference, alone.range.low, alone.range.high};
            for (size_t n = 0; n < 3; n++)
                cr_expect_float_eq(found[n], expected[n], 1e-15,
                                   "shape %zu, %s and %s: %.17g, %.17g", i, x->name, y->name,
                                   found[n], expected[n]);
            pairs++;
        }
        cr_expect_eq(pairs, SIDES * (SIDES - 1) / 2);
        cJSON_Delete(top);
        strbuf_free(&json);
        for (size_t s = 0; s < SIDES; s++)
            for (size_t k = 0; k < SEEDS; k++) record_free(&runs[s][k]);
    }
}
