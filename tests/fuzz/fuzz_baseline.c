/* Files of the regression gate. First byte '0': a suite; else a baseline, in which @S stands for
 * the SHA-256 of the suite. A baseline that is accepted passes the gate against itself. */
#include "base/memory.h"
#include "fuzz.h"
#include "result/regress/regress.h"

#include <math.h>
#include <string.h>

static const char suite_text[] =
    "{\"seeds\": [1, 2, 3], \"bound\": 0.001, \"bound_other\": 0.01,"
    "\"cases\": [{\"name\": \"a\", \"task\": \"nsmc\", \"model\": \"tiny\", \"sample\": true,"
    "\"steps\": 5, \"batch_size\": 8}]}";

static regress_suite *suite_get(void) {
    static regress_suite suite;
    if (!suite.path) {
        const char *path = fuzz_file("fixed.json", suite_text, strlen(suite_text));
        err e = regress_suite_read(&suite, path);
        FUZZ_CHECK(fuzz_needs(e));
    }
    return &suite;
}

static void check_suite(const uint8_t *data, size_t size) {
    regress_suite s = {0};
    if (fuzz_accepts(regress_suite_read(&s, fuzz_file("suite.json", data, size)))) {
        FUZZ_CHECK(s.case_count >= 1 && s.seed_count >= REGRESS_SEEDS_LEAST);
        FUZZ_CHECK(s.seed_count <= REGRESS_SEEDS_MAX && s.bound > 0 && s.bound < 1);
    }
    regress_suite_free(&s);
}

static void check_numbers(const regress_state *s) {
    for (size_t i = 0; i < s->kernel_count; i++)
        FUZZ_CHECK(isfinite(s->kernels[i].cost) && isfinite(s->kernels[i].mad));
    for (size_t i = 0; i < s->result_count; i++) {
        const regress_result *r = &s->results[i];
        FUZZ_CHECK(r->name && r->headline && r->seed_count >= REGRESS_SEEDS_LEAST);
        for (size_t m = 0; m < metric_count(); m++) FUZZ_CHECK(!isinf(r->metrics[m]));
        for (int k = 0; k < REGRESS_STEPS; k++) FUZZ_CHECK(isfinite(r->losses[k]));
    }
}

static void check_gate(const regress_state *s) {
    regress_report r = {0};
    strbuf text = {0};
    if (fuzz_accepts(regress_compare(&r, s, s, suite_get()))) {
        FUZZ_CHECK(r.fell == 0);
        (void)fuzz_needs(regress_text(&text, &r, s, s));
        (void)fuzz_needs(regress_json(&text, &r, s, s));
        (void)fuzz_needs(regress_junit(&text, &r, s, &(regress_moment){0}));
    }
    strbuf_free(&text);
    regress_report_free(&r);
}

static void check_baseline(const uint8_t *data, size_t size) {
    regress_state s = {0}, again = {0};
    strbuf text = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < size && !e; i++) {
        bool marked = data[i] == '@' && i + 1 < size && data[i + 1] == 'S';
        e = marked ? strbuf_add(&text, suite_get()->sha256) : strbuf_add_bytes(&text, data + i, 1);
        i += marked;
    }
    const char *path = fuzz_file("baseline.json", text.text, text.length);
    if (fuzz_needs(e) && fuzz_accepts(regress_state_read(&s, path))) {
        check_numbers(&s);
        check_gate(&s);
        const char *copy = fuzz_path("copy.json");
        if (fuzz_needs(regress_state_write(&s, suite_get(), copy)))
            (void)fuzz_needs(regress_state_read(&again, copy));
    }
    regress_state_free(&again);
    regress_state_free(&s);
    strbuf_free(&text);
}

FUZZ_TARGET(baseline) {
    if (!size) return;
    fuzz_setup();
    suite_get();
    fuzz_begin();
    if (data[0] == '0')
        check_suite(data + 1, size - 1);
    else
        check_baseline(data + 1, size - 1);
    fuzz_end();
}
