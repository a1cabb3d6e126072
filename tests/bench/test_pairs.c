/* Two programs in turns: records that are read as a stranger's, and ratios by hand. */
#include "bench/pairs.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char form[] =
    "{\"schema\": \"harness-bench-1\", \"created\": \"2026-01-31T12:00:00Z\", \"harness\": "
    "{\"version\": \"1.2\", \"commit\": \"abc\", \"dirty\": false}, \"model\": \"tiny\", \"task\": "
    "\"nsmc\", \"sample\": true, \"parameters\": 1000, \"batch_size\": 32, \"device\": {\"kind\": "
    "\"cpu\", \"name\": \"one\", \"isa\": \"avx2\", \"precision\": \"fp32\", \"threads\": 2}, "
    "\"training\": {\"ms\": %.17g, \"sentences_per_s\": 64, \"ops\": [{\"op\": \"fill\", "
    "\"shape\": \"%s\", \"ms\": 2}]}}";

static bench_file file_of(double ms, const char *shape) {
    char text[1000];
    cJSON *json;
    bench_file f;
    snprintf(text, sizeof text, form, ms, shape);
    MUST(json_parse(&json, text, strlen(text), "it"));
    MUST(bench_file_of(&f, json, "it"));
    return f;
}

CleanTest(bench_pairs, a_record_is_read) {
    bench_file f = file_of(500, "8x8");
    cr_assert_str_eq(f.version, "1.2");
    cr_assert_str_eq(f.created, "2026-01-31T12:00:00Z");
    cr_assert_str_eq(f.device, "one");
    cr_assert_eq(f.threads, 2);
    cr_assert_eq(f.ranks, 1);
    cr_assert_eq(f.count, 2);
    cr_assert_eq(f.figures[0].ms, 500);
    cr_assert_eq(f.figures[0].sentences_per_s, 64);
    cr_assert_str_eq(f.figures[1].op, "fill");
    bench_file_free(&f);
}

/* A figure is told by its phase, its op and its shape: each of them alone makes another. */
Test(bench_pairs, a_figure_is_found_by_all_that_names_it) {
    static const char text[] =
        "{\"schema\": \"harness-bench-1\", \"created\": \"2026-01-31T12:00:00Z\", \"harness\": "
        "{\"version\": \"1.2\", \"commit\": \"abc\", \"dirty\": false}, \"model\": \"tiny\", "
        "\"task\": \"nsmc\", \"sample\": true, \"parameters\": 1000, \"batch_size\": 32, "
        "\"device\": {\"kind\": \"cpu\", \"name\": \"one\", \"isa\": \"avx2\", \"precision\": "
        "\"fp32\", \"threads\": 2}, \"training\": {\"ms\": 9, \"sentences_per_s\": 64, \"ops\": "
        "[{\"op\": \"fill\", \"shape\": \"1x8\", \"ms\": 2}, {\"op\": \"linear_dx\", \"shape\": "
        "\"8x8\", \"ms\": 3}, {\"op\": \"linear_fwd\", \"shape\": \"8x8\", \"ms\": 4}]}, "
        "\"evaluation\": {\"ms\": 5, \"sentences_per_s\": 64, \"ops\": [{\"op\": \"linear_fwd\", "
        "\"shape\": \"8x8\", \"ms\": 6}]}}";
    cJSON *json;
    bench_file f;
    MUST(json_parse(&json, text, strlen(text), "it"));
    MUST(bench_file_of(&f, json, "it"));
    cr_assert_eq(f.count, 6);
    for (size_t i = 0; i < f.count; i++)
        cr_expect(bench_figure_find(&f, &f.figures[i]) == &f.figures[i], "figure %zu", i);
    bench_file_free(&f);
}

/* Each is one change of the record above. */
CleanTest(bench_pairs, a_record_that_is_none_is_refused_by_name) {
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"harness-bench-1", "harness-bench-2", "schema 'harness-bench-2', expected"},
        {"\"version\"", "\"vers\"", "'version'"},
        {"2026-01-31T", "2026-02-31T", "expected a time like"},
        {"\"ms\": 500", "\"ms\": 0", "key 'ms' of 'training' is 0"},
        {"\"ms\": 500", "\"ms\": -1", "key 'ms' of 'training' is -1"},
        {"\"ms\": 500", "\"ms\": 1e300", "expected 1e-12 to 1e12"},
        {"\"ms\": 500", "\"ms\": \"500\"", "'ms'"},
        {"\"ms\": 2}", "\"ms\": 0}", "key 'ms' of 'fill' is 0"},
        {"\"sentences_per_s\": 64", "\"sentences_per_s\": 0", "'sentences_per_s' is 0"},
        {"\"training\"", "\"training_\"", "no phase"},
        {"\"ops\": [", "\"ops\": [1, ", "op"},
        {"\"threads\": 2", "\"threads\": \"2\"", "'threads'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1000], changed[1000];
        cJSON *json;
        bench_file f;
        snprintf(text, sizeof text, form, 500.0, "8x8");
        char *at = strstr(text, cases[i].from);
        cr_assert(at, "%s", cases[i].from);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, cases[i].to,
                 at + strlen(cases[i].from));
        MUST(json_parse(&json, changed, strlen(changed), "it"));
        err e = bench_file_of(&f, json, "it");
        cr_expect_eq(e, ERR_FORMAT, "%s", cases[i].to);
        cr_expect(strstr(err_message(e), cases[i].words) && !strncmp(err_message(e), "it: ", 4),
                  "no '%s' in: %s", cases[i].words, err_message(e));
        bench_file_free(&f);
    }
}

/* A record of as many ops as all phases of a bench have, and of one more. */
Test(bench_pairs, a_records_ops_have_an_end) {
    enum { MOST = 3 * (BENCH_ROWS_MAX + 1) };
    for (size_t ops = MOST - 1; ops <= MOST; ops++) {
        bench_file f = file_of(500, "8x8"), g;
        cJSON *json = cJSON_Duplicate(f.json, true);
        cJSON *list = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "training"), "ops");
        for (size_t i = 1; i < ops; i++)
            cJSON_AddItemToArray(list, cJSON_Duplicate(list->child, true));
        bench_file_free(&f);
        if (ops < MOST) { // the whole phase is one figure too
            MUST(bench_file_of(&g, json, "it"));
            cr_expect_eq(g.count, MOST);
        } else {
            MUST_FAIL(bench_file_of(&g, json, "it"), ERR_FORMAT, "it: more than 195 ops");
        }
        bench_file_free(&g);
    }
}

/* Times of 100, 200 and 400 ms against 200, 200 and 1600: logs of 2, 1 and 4 are 0, 1 and 2 halves
 * of log 4; mean log 2, standard deviation log 2, t(0.975, 2) = 4.302652729911275. */
CleanTest(bench_pairs, ratios_are_those_worked_by_hand) {
    size_t count;
    bench_file own[] = {file_of(100, "8x8"), file_of(200, "8x8"), file_of(400, "8x8")};
    bench_file other[] = {file_of(200, "8x8"), file_of(200, "8x8"), file_of(1600, "8x9")};
    bench_pair *pairs;
    MUST(bench_pair_up(&pairs, &count, own, other, 3));
    cr_assert_eq(count, 1, "an op that a record lacks is left out: %zu", count);
    const double half = 4.302652729911275 * log(2) / sqrt(3);
    cr_assert_float_eq(pairs[0].ratio, 2, 1e-12);
    cr_assert_float_eq(pairs[0].own_ms, 200, 1e-9);
    cr_assert_float_eq(pairs[0].other_ms, 400, 1e-9);
    cr_assert_float_eq(pairs[0].range.low, exp(log(2) - half), 1e-9);
    cr_assert_float_eq(pairs[0].range.high, exp(log(2) + half), 1e-9);
    cr_assert_float_eq(pairs[0].log_ratios[2], log(4), 1e-12);
    mem_free(pairs);
    MUST(bench_pair_up(&pairs, &count, own, other, 2));
    cr_assert_eq(count, 2);
    cr_assert_float_eq(pairs[1].ratio, 1, 1e-12);
    mem_free(pairs);
    cr_assert_eq(bench_pair_up(&pairs, &count, own, other, 1), ERR_ARG);
    // two rounds that say opposite things leave everything open, which a record still holds
    bench_file_free(&own[1]);
    bench_file_free(&other[0]);
    own[1] = file_of(1e6, "8x8");
    other[0] = file_of(1e6, "8x8");
    MUST(bench_pair_up(&pairs, &count, own, other, 2));
    cr_assert_float_eq(pairs[0].range.low, 1e-3, 1e-12);
    cr_assert_float_eq(pairs[0].range.high, 1e3, 1e-9);
    mem_free(pairs);
    for (int i = 0; i < 3; i++) {
        bench_file_free(&own[i]);
        bench_file_free(&other[i]);
    }
}

Test(bench_pairs, other_work_is_refused_by_its_field) {
    bench_file a = file_of(100, ""), b = file_of(100, "");
    MUST(bench_same_work(&a, &b, "it"));
    const char **texts[] = {&b.model, &b.task, &b.device, &b.precision};
    double *numbers[] = {&b.parameters, &b.batch_size, &b.threads, &b.ranks};
    for (size_t i = 0; i < 4; i++) {
        const char *kept = *texts[i];
        double number = *numbers[i];
        *texts[i] = "another";
        cr_expect_eq(bench_same_work(&a, &b, "it"), ERR_DATA, "text %zu", i);
        cr_expect(strstr(err_message(ERR_DATA), "is another there"), "%s", err_message(ERR_DATA));
        *texts[i] = kept;
        *numbers[i] = 7;
        cr_expect_eq(bench_same_work(&a, &b, "it"), ERR_DATA, "number %zu", i);
        *numbers[i] = number;
    }
    b.sample = false;
    cr_expect_eq(bench_same_work(&a, &b, "it"), ERR_DATA);
    bench_file_free(&a);
    bench_file_free(&b);
}
