#define _GNU_SOURCE // F_OFD_SETLK
#include "base/log.h"
#include "platform/file.h"
#include "result/regress/regress.h"
#include "support/expected.h"
#include "support/must.h"
#include "support/program.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RUNS_OF_GATE "out/work" // of the folder that --output-dir names

static const char suite_text[] =
    "{\"bound\": 1e-4, \"bound_other\": 1e-3, \"seeds\": [1, 2, 3], \"cases\": [{\"name\": \"a\", "
    "\"task\": \"kor_hate\", \"model\": \"tiny\", \"sample\": true, \"steps\": 6, \"batch_size\": "
    "8}]}";

CleanTest(regress, a_bad_suite_is_named) {
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"1e-4", "0", "'bound' is 0, expected more than 0 and less than 1"},
        {"[1, 2, 3]", "[1, 2]", "'seeds' has 2 entries, expected 3 to 16"},
        {"[1, 2, 3]", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]",
         "'seeds' has 17 entries, expected 3 to 16"},
        {"[1, 2, 3]", "[1, 2, -3]", "'seeds' holds something that is no seed"},
        {"[1, 2, 3]", "[1, 2, 0.5]", "'seeds' holds something that is no seed"},
        {"[1, 2, 3]", "[1, 2, \"3\"]", "'seeds' holds something that is no seed"},
        {"[1, 2, 3]", "[1, 2, 4294967296]", "'seeds' holds something that is no seed"},
        {"\"steps\": 6", "\"steps\": 4", "case 1"},
        {"\"model\": \"tiny\"", "\"model\": \"\"", "case 1: 'model' is empty"},
        {"\"cases\"", "\"cses\"", "cases"},
        {"\"tiny\"", "\"tiny\", \"arch\": \"elektra\"",
         "case 1: 'arch' is 'elektra', expected one of bert, "},
        {"\"tiny\"", "\"some/folder\", \"arch\": \"electra\"",
         "case 1: 'arch' goes with a preset (tiny, mini, small, medium, base), found model "
         "'some/folder'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[600];
        const char *at = strstr(suite_text, cases[i].from);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - suite_text), suite_text, cases[i].to,
                 at + strlen(cases[i].from));
        temporary_put("suite.json", text);
        regress_suite s;
        MUST_FAIL(regress_suite_read(&s, temporary_path("suite.json")), ERR_FORMAT,
                  cases[i].message);
    }
}

Test(regress, a_suite_has_up_to_16_seeds_of_32_bits) {
    const char *at = strstr(suite_text, "[1, 2, 3]");
    regress_suite s;
    char text[600];
    snprintf(text, sizeof text,
             "%.*s[0, 4294967295, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]%s",
             (int)(at - suite_text), suite_text, at + strlen("[1, 2, 3]"));
    temporary_put("suite.json", text);
    MUST(regress_suite_read(&s, temporary_path("suite.json")));
    cr_assert_eq(s.seed_count, 16);
    for (uint32_t i = 0; i < 16; i++) cr_expect_eq(s.seeds[i], i == 1 ? UINT32_MAX : i);
    regress_suite_free(&s);
}

static void read_suite(regress_suite *s) {
    temporary_put("suite.json", suite_text);
    MUST(regress_suite_read(s, temporary_path("suite.json")));
}

/* A baseline made up: one case, two tensors, two kernels. */
static void make_state(regress_state *s, const regress_suite *suite) {
    *s = (regress_state){.kind = "cpu", .device = "X", .isa = "avx2", .threads = 2};
    memcpy(s->suite_sha256, suite->sha256, sizeof s->suite_sha256);
    MUST(mem_new(&s->results, 1));
    s->result_count = 1;
    regress_result *r = s->results;
    MUST(mem_strdup(&r->name, "a"));
    MUST(mem_strdup(&r->headline, "macro_f1"));
    memset(r->data_sha256, 'd', 64);
    memset(r->predictions_sha256, 'e', 64);
    r->rows = 10;
    for (size_t m = 0; m < metric_count(); m++)
        r->metrics[m] = metric_applies(metric_at(m), ANSWER_CLASS, 3) ? 0.5 : (double)NAN;
    for (int i = 0; i < 3; i++) r->seeds[r->seed_count++] = 0.5 + 0.01 * (i - 1);
    MUST(mem_new(&r->tensors, 2));
    r->tensor_count = 2;
    for (int i = 0; i < REGRESS_STEPS; i++) {
        r->losses[i] = 1.1 - 0.1 * i;
        r->tensors[0].norms[i] = 0.3;
        r->tensors[1].norms[i] = 1e-3 / 3;
    }
    snprintf(r->tensors[0].name, PARAM_NAME_BYTES, "bert.pooler.dense.weight");
    snprintf(r->tensors[1].name, PARAM_NAME_BYTES, "classifier.weight");
    MUST(mem_new(&s->kernels, 2));
    s->kernel_count = 2;
    s->product_size = 512;
    s->product_ms = 2;
    s->product_spread = 1.02;
    s->kernels[0] = (regress_kernel){"linear_fwd 1024x256", 2, 0.02};
    s->kernels[1] = (regress_kernel){"adamw", 1, 0.1};
}

static regress_suite suite;
static regress_state before, now;
static regress_report report;
static size_t live;

static void setup(void) {
    live = mem_live_count();
    read_suite(&suite);
    make_state(&before, &suite);
    make_state(&now, &suite);
}

static void teardown(void) {
    regress_report_free(&report);
    regress_state_free(&before);
    regress_state_free(&now);
    regress_suite_free(&suite);
    cr_assert_eq(mem_live_count(), live);
}

TestSuite(regress_compare, .init = setup, .fini = teardown);

static const regress_figure *first_fall(void) {
    for (size_t i = 0; i < report.count; i++)
        if (report.figures[i].verdict == REGRESS_FELL) return &report.figures[i];
    cr_assert(0, "nothing fell");
    return NULL;
}

/* Lists of the first case of a baseline: one number less or many more than there can be. */
Test(regress_compare, a_baseline_of_more_numbers_is_refused) {
    static const char *const keys[] = {"seeds", "losses", "gradients"};
    const char *path = temporary_path("cpu.json");
    MUST(regress_state_write(&before, &suite, path));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (int more = 0; more < 2; more++) {
            cJSON *root, *list;
            regress_state back;
            MUST(json_read(&root, path, 0));
            const cJSON *cases = cJSON_GetObjectItem(root, "cases");
            list = cJSON_GetObjectItem(cJSON_GetArrayItem(cases, 0), keys[i]);
            if (cJSON_IsObject(list)) list = list->child;
            for (int k = 0; more && k < 40; k++)
                cJSON_AddItemToArray(list, cJSON_CreateNumber(0.5));
            if (!more) cJSON_DeleteItemFromArray(list, 0);
            MUST(json_write(temporary_path("changed.json"), root));
            MUST_FAIL(regress_state_read(&back, temporary_path("changed.json")), ERR_FORMAT,
                      " numbers, expected ");
            regress_state_free(&back);
            cJSON_Delete(root);
        }
}

Test(regress_compare, a_baseline_comes_back_from_its_file) {
    const char *path = temporary_path("cpu.json");
    regress_state back;
    MUST(regress_state_write(&before, &suite, path));
    MUST(regress_state_read(&back, path));
    // cJSON writes 15 digits where they give the same value but for the last bit
    for (int i = 0; i < REGRESS_STEPS; i++)
        cr_assert_float_eq(back.results->losses[i], before.results->losses[i], 1e-15);
    cr_assert_float_eq(back.results->tensors[1].norms[2], before.results->tensors[1].norms[2],
                       1e-18);
    MUST(regress_compare(&report, &before, &back, &suite));
    cr_assert_eq(report.fell, 0);
    // metrics of three labels, 5 losses, 2 x 5 norms, 2 kernels
    size_t metrics = 0;
    for (size_t m = 0; m < metric_count(); m++)
        metrics += metric_applies(metric_at(m), ANSWER_CLASS, 3);
    cr_assert_eq(report.count, metrics + 5 + 10 + 2, "%zu figures", report.count);
    regress_state_free(&back);
}

Test(regress_compare, a_damaged_baseline_is_named) {
    regress_state s;
    temporary_put("cpu.json", "{\"schema\": 1, \"commit\": \"c\", \"suite_sha256\": 3}");
    MUST_FAIL(regress_state_read(&s, temporary_path("cpu.json")), ERR_FORMAT, "suite_sha256");
    temporary_put("cpu.json", "{\"schema\": 2}");
    MUST_FAIL(regress_state_read(&s, temporary_path("cpu.json")), ERR_FORMAT, "schema");
}

Test(regress_compare, one_percent_of_one_gradient_falls_and_noise_does_not) {
    now.results->tensors[1].norms[3] *= 1 + 5e-5;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
    regress_report_free(&report);
    now.results->tensors[1].norms[3] *= 1.01;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 1);
    cr_assert_str_eq(first_fall()->name, "classifier.weight, step 4");
    regress_report_free(&report);
    now.results->tensors[1].norms[3] = (double)NAN;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 1, "not a number passed");
}

Test(regress_compare, another_gpu_has_the_wider_bound) {
    snprintf(before.kind, sizeof before.kind, "gpu");
    snprintf(now.kind, sizeof now.kind, "gpu");
    now.results->losses[4] *= 1 + 5e-4;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 1);
    regress_report_free(&report);
    snprintf(now.device, sizeof now.device, "another");
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
}

Test(regress_compare, equal_predictions_must_score_equally) {
    for (size_t m = 0; m < metric_count(); m++)
        if (!strcmp(metric_at(m)->name, "macro_f1")) now.results->metrics[m] += 0.001;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 1);
    cr_assert_eq(first_fall()->kind, REGRESS_SCORE);
}

// seeds 0.49, 0.50, 0.51: 0.5 - t(0.99, 2) * 0.01 * sqrt(4 / 3) = 0.5 - 6.9646 * 0.011547 = 0.41958
Test(regress_compare, other_predictions_have_the_bound_of_the_seeds) {
    memset(now.results->predictions_sha256, 'f', 64);
    for (size_t m = 0; m < metric_count(); m++)
        if (metric_applies(metric_at(m), ANSWER_CLASS, 3)) now.results->metrics[m] = 0.42;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
    cr_assert_float_eq(report.figures[0].bound, 0.41958, 1e-4);
    regress_report_free(&report);
    for (size_t m = 0; m < metric_count(); m++)
        if (metric_applies(metric_at(m), ANSWER_CLASS, 3)) now.results->metrics[m] = 0.419;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 1);
}

Test(regress_compare, a_kernel_falls_only_when_three_of_three_are_slow) {
    now.kernels[0].cost = 2.6;
    now.kernels[1].cost = 1.39; // within 4 deviations
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert(regress_any_kernel_fell(&report));
    cr_assert_eq(report.fell, 1);
    cr_assert_str_eq(first_fall()->name, "linear_fwd 1024x256");
    MUST(regress_compare_again(&report, &before, &now));
    cr_assert_eq(report.fell, 1);
    now.kernels[0].cost = 2.1;
    MUST(regress_compare_again(&report, &before, &now));
    cr_assert_eq(report.fell, 0);
    cr_assert_not(regress_any_kernel_fell(&report));
}

/* Four deviations of the noisier of the two measurements, a share of the baseline's cost; a fifth at
 * least. */
Test(regress_compare, a_kernel_has_the_bound_of_the_noisier_measurement) {
    static const struct {
        double before_mad, now_mad, bound;
    } noises[] = {{0.02, 0.02, 0.2}, {0.1, 0.02, 0.2}, {0.2, 0.02, 0.4}, {0.02, 0.3, 0.6}};
    for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
        before.kernels[0].mad = noises[i].before_mad;
        now.kernels[0].mad = noises[i].now_mad;
        MUST(regress_compare(&report, &before, &now, &suite));
        cr_expect_float_eq(report.figures[report.count - 2].bound, noises[i].bound, 1e-12, "%zu",
                           i);
        regress_report_free(&report);
    }
}

Test(regress_compare, times_of_a_busy_machine_are_not_compared) {
    now.kernels[0].cost = 100;
    now.product_spread = 1.3;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
    cr_assert(strstr(report.figures[report.count - 1].note, "varied 1.30-fold"));
    regress_report_free(&report);
    now.product_spread = 1;
    now.product_ms = 3;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
    cr_assert(strstr(report.figures[report.count - 1].note, "1.50 times as long"));
    // nor those of one that did other work when the baseline was made
    regress_report_free(&report);
    now.product_ms = 4.0 / 3;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
    cr_assert(strstr(report.figures[report.count - 1].note, "0.67 times as long"));
    // a later measurement that cannot be trusted confirms nothing
    regress_report_free(&report);
    now.product_ms = 2;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 1);
    now.product_spread = 1.3;
    MUST(regress_compare_again(&report, &before, &now));
    cr_assert_eq(report.fell, 0);
}

Test(regress_compare, times_of_another_machine_are_not_compared) {
    now.threads = 4;
    now.kernels[0].cost = 100;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
    const regress_figure *last = &report.figures[report.count - 1];
    cr_assert(last->verdict == REGRESS_SKIPPED && strstr(last->note, "of another device"));
}

Test(regress_compare, other_data_and_another_suite_are_refused) {
    now.results->data_sha256[0] = 'x';
    MUST_FAIL(regress_compare(&report, &before, &now, &suite), ERR_DATA,
              "case a: the data hash is xddddddd..., the baseline's is dddddddd...");
    before.suite_sha256[0] = 'x';
    MUST_FAIL(regress_compare(&report, &before, &now, &suite), ERR_DATA,
              "the baseline was made from another suite");
}

Test(regress_compare, output_says_what_fell_in_every_form) {
    strbuf text = {0}, smaller = {0};
    cJSON *json;
    int64_t fell;
    now.results->tensors[0].norms[0] *= 1.01;
    MUST(regress_compare(&report, &before, &now, &suite));
    MUST(regress_text(&text, &report, &before, &now));
    expect_output("regress.md", text.text);
    cr_assert(strstr(text.text, "| a | bert.pooler.dense.weight, step 1 | 0.3 | 0.303 | +9.9e-03 | "
                                "1e-04 | FELL |"),
              "%s", text.text);
    cr_assert(strstr(text.text, " figures, 1 fell."));
    strbuf_free(&text);
    MUST(regress_json(&text, &report, &before, &now));
    expect_output("regress.json", text.text);
    MUST(json_parse(&json, text.text, text.length, "json"));
    MUST(json_whole(&fell, json, "fell", 0, 100, "json"));
    cr_assert_eq(fell, 1);
    cJSON_Delete(json);
    strbuf_free(&text);
    const regress_moment when = {"2026-01-31T12:00:00", "a<b", 12.5};
    now.results->seconds = 7.25;
    MUST(regress_junit(&text, &report, &now, &when));
    expect_output("regress.xml", text.text);
    // strict readers want a time of every case, and some take the sums from the root
    size_t cases = 0, timed = 0;
    for (const char *at = text.text; (at = strstr(at, "<testcase ")); cases++) {
        const char *end = strchr(at, '>'), *time = strstr(at, " time=\"");
        timed += time && time < end;
        at = end;
    }
    cr_assert_eq(cases, report.count);
    cr_assert_eq(timed, cases);
    char sums[96];
    snprintf(sums, sizeof sums, "<testsuites name=\"harness regress\" tests=\"%zu\" failures=\"1\"",
             cases);
    cr_assert(strstr(text.text, sums));
    cr_assert(strstr(text.text, " failures=\"1\" errors=\"0\" skipped=\"0\" time=\"12.500\" "
                                "timestamp=\"2026-01-31T12:00:00\" hostname=\"a&lt;b\">"));
    cr_assert(strstr(text.text, "<testcase classname=\"regress.gradient.a\" "
                                "name=\"bert.pooler.dense.weight, step 1\" time=\"0.000\"><failure "
                                "type=\"regression\" message=\"before 0.3"));
    cr_assert(strstr(text.text, ", bound 1e-04</failure></testcase>"), "%s", text.text);
    strbuf_free(&text);
    MUST(regress_history(&text, &smaller, &now));
    expect_output("regress_bigger.json", text.text);
    expect_output("regress_smaller.json", smaller.text);
    MUST(json_parse(&json, text.text, text.length, "json"));
    const cJSON *first = cJSON_GetArrayItem(json, 0);
    cr_assert_str_eq(cJSON_GetObjectItem(first, "name")->valuestring, "a: macro F1 (cpu)");
    cr_assert_float_eq(cJSON_GetObjectItem(first, "value")->valuedouble, 50, 1e-9);
    cr_assert_not_null(cJSON_GetObjectItem(first, "unit"));
    cJSON_Delete(json);
    cr_assert(strstr(smaller.text, "linear_fwd 1024x256"));
    strbuf_free(&text);
    strbuf_free(&smaller);
}

// what passes is told by the largest change, up or down
Test(regress_compare, the_summary_names_the_largest_change) {
    strbuf text = {0};
    now.results->losses[1] *= 1 + 2e-5;
    now.results->losses[2] *= 1 - 5e-5;
    MUST(regress_compare(&report, &before, &now, &suite));
    cr_assert_eq(report.fell, 0);
    MUST(regress_text(&text, &report, &before, &now));
    cr_assert(strstr(text.text, "loss figures, most: loss, step 3 "), "%s", text.text);
    strbuf_free(&text);
}

#define REGRESS(...)                                                                               \
    RUN("regress", "--device", "cpu", "--threads", "1", "--baselines", temporary_folder(), "-o",   \
        temporary_path("out"), __VA_ARGS__)

Test(regress, a_run_equals_its_baseline_and_a_changed_baseline_fails) {
    temporary_put("suite.json", suite_text);
    program_result p = REGRESS("--no-timing");
    cr_assert_eq(p.exit_code, 1);
    cr_assert(strstr(p.err, "cpu.json: no baseline for this kind of device; --update makes one"));
    p = REGRESS("--update", "--no-timing");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    p = REGRESS("--no-timing");
    cr_assert_eq(p.exit_code, 0, "%s%s", p.err, p.out);
    cr_assert(strstr(p.out, ", 0 fell."), "%s", p.out);
    cr_assert(strstr(p.out, "gradient figures, most: "));
    cr_assert(file_exists(temporary_path("out/junit.xml")));
    cr_assert(file_exists(temporary_path("out/bigger.json")));
    cr_assert_not(folder_exists(temporary_path(RUNS_OF_GATE)));
    // the baseline, with one norm 1 % off
    const char *path = temporary_path("cpu.json");
    regress_state s;
    regress_suite t;
    MUST(regress_suite_read(&t, temporary_path("suite.json")));
    MUST(regress_state_read(&s, path));
    cr_assert_eq(s.results[0].seed_count, 3);
    cr_assert_gt(s.results[0].tensor_count, 35);
    // that of a key's bias is 0 but for rounding: it would fall and rise by itself
    for (size_t i = 0; i < s.results[0].tensor_count; i++)
        cr_expect_not(strstr(s.results[0].tensors[i].name, "key.bias"), "%s",
                      s.results[0].tensors[i].name);
    // each step's own
    for (size_t i = 0; i < s.results[0].tensor_count; i++)
        for (int k = 1; k < REGRESS_STEPS; k++)
            cr_expect_neq(s.results[0].tensors[i].norms[k], s.results[0].tensors[i].norms[k - 1],
                          "%s of step %d", s.results[0].tensors[i].name, k + 1);
    s.results[0].tensors[20].norms[2] *= 1.01;
    MUST(regress_state_write(&s, &t, path));
    p = REGRESS("--no-timing", "--json");
    EXPECT(p, 1, err, "1 of ");
    cr_assert(strstr(p.err, s.results[0].tensors[20].name), "%s", p.err);
    cr_assert(strstr(p.out, "\"fell\":\t1"), "%s", p.out);
    regress_state_free(&s);
    regress_suite_free(&t);
}

/* A second gate in the same folder is refused, and what the first has there stays. */
Test(regress, another_at_work_keeps_its_folder) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    temporary_put("suite.json", suite_text);
    MUST(folder_make(temporary_path(RUNS_OF_GATE)));
    temporary_put(RUNS_OF_GATE "/theirs", "x");
    int fd = open(temporary_path(RUNS_OF_GATE "/.lock"), O_RDWR | O_CREAT, 0666);
    cr_assert(fd >= 0 && !fcntl(fd, F_OFD_SETLK, &whole));
    program_result p = REGRESS("--update", "--no-timing");
    EXPECT(p, 1, err, "another run is at work in this folder");
    cr_expect(strstr(p.err, "case a: "), "%s", p.err);
    cr_expect(file_exists(temporary_path(RUNS_OF_GATE "/theirs")));
    close(fd);
    p = REGRESS("--update", "--no-timing");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    cr_expect_not(folder_exists(temporary_path(RUNS_OF_GATE)));
}

/* Once, whatever is wrong with it. */
Test(regress, what_fails_names_its_case) {
    static const char *const rows[][3] = {
        {"\"sample\": true", "\"sample\": false",
         "harness: case a: a baseline needs every case, and the data of kor_hate is not here: "},
        {"kor_hate", "kor_hat", "harness: case a: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[600];
        const char *at = strstr(suite_text, rows[i][0]);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - suite_text), suite_text, rows[i][1],
                 at + strlen(rows[i][0]));
        temporary_put("suite.json", text);
        program_result p = REGRESS("--update", "--no-timing", "--data", temporary_path("no-data"));
        cr_expect(p.exit_code && strstr(p.err, rows[i][2]), "%s", p.err);
    }
}

/* Cases of another architecture join a baseline whose own figures stay. */
Test(regress, cases_are_added_to_a_baseline) {
    static const char more[] =
        ", {\"name\": \"b\", \"task\": \"kor_hate\", \"model\": \"tiny\", \"arch\": \"electra\", "
        "\"sample\": true, \"steps\": 5, \"batch_size\": 4}]}";
    char text[800];
    regress_suite t;
    regress_state s;
    read_suite(&t);
    make_state(&s, &t); // of a machine that is not this one
    MUST(regress_state_write(&s, &t, temporary_path("cpu.json")));
    regress_state_free(&s);
    regress_suite_free(&t);
    snprintf(text, sizeof text, "%.*s%s", (int)(strlen(suite_text) - 2), suite_text, more);
    temporary_put("suite.json", text);
    program_result p = REGRESS("--add");
    EXPECT(p, 2, err, "--add goes with --update");
    p = REGRESS("--update", "--add");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(regress_suite_read(&t, temporary_path("suite.json")));
    MUST(regress_state_read(&s, temporary_path("cpu.json")));
    cr_assert_str_eq(s.suite_sha256, t.sha256);
    cr_assert_str_eq(s.device, "X");
    cr_assert_eq(s.kernel_count, 2);
    cr_assert_eq(s.result_count, 2);
    cr_assert(s.results[0].losses[1] == 1.1 - 0.1 && s.results[0].tensor_count == 2);
    cr_assert_eq(s.results[1].seed_count, 3);
    cr_assert(!strncmp(s.results[1].tensors[0].name, "electra.", 8), "%s",
              s.results[1].tensors[0].name);
    regress_state_free(&s);
    // a case that the baseline has and the suite has not
    temporary_put("suite.json", suite_text);
    p = REGRESS("--update", "--add");
    EXPECT(p, 1, err, "no case 'b', which the baseline has: --update");
    regress_suite_free(&t);
}

Test(regress, kernels_are_timed_against_the_product) {
    regress_suite t;
    regress_state s = {0};
    log_set_quiet(true);
    read_suite(&t);
    const regress_case kept = t.timing;
    t.timing = t.cases[0];
    t.timing.steps = 1;
    regress_options o = {
        .device = "cpu", .threads = 1, .folder = temporary_path("work"), .timing = true};
    MUST(regress_time(&s, &t, &o));
    t.timing = kept;
    cr_assert_gt(s.kernel_count, 10);
    cr_assert(s.product_ms > 0 && s.product_spread >= 1, "%g ms, spread %g", s.product_ms,
              s.product_spread);
    for (size_t i = 0; i < s.kernel_count; i++) {
        const regress_kernel *k = &s.kernels[i];
        cr_assert(k->cost > 0 && k->mad >= 0 && *k->name);
        cr_assert(!i || k->cost <= s.kernels[i - 1].cost, "%s is not in order", k->name);
    }
    cr_assert_not(folder_exists(o.folder));
    regress_state_free(&s);
    regress_suite_free(&t);
}
