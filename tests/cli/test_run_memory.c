/* A whole run of 8 rows with the nth memory request failing: an error each time, nothing leaked,
 * and the next run in the same folder ends with the bits of one that nothing disturbed. */
#include "base/log.h"
#include "base/memory.h"
#include "cli/run_record.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "train/run/model_card.h"
#include "train/run/run.h"

#include <criterion/criterion.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs to the end, as the verb does, and leaves the digest of the final weights. */
static err run_through(const run_request *q, char digest[65]) {
    run r = {0};
    record rec = {0};
    char *path = NULL;
    run_summary summary;
    err e = run_open(&r, q);
    if (!e) e = run_train(&r);
    if (!e) e = run_evaluate(&r);
    if (!e) e = run_record(&rec, &r, "harness run");
    if (!e) e = run_summarise(&summary, &rec);
    if (!e) e = run_keep_model(&r);
    if (!e) e = path_join(&path, r.output, "record.json");
    if (!e) e = record_write(&rec, path);
    if (!e) e = run_finish(&r);
    if (!e) memcpy(digest, r.final_sha256, 65);
    mem_free(path);
    record_free(&rec);
    run_close(&r);
    return e;
}

static void request_of(run_request *q, const char *output) {
    *q = (run_request){.task = "kor_hate",
                       .sample = true,
                       .limit = 8,
                       .model = "tiny",
                       .device = "reference",
                       .threads = 1,
                       .seed = 42,
                       .output = output,
                       .overwrite = true};
#ifdef HARNESS_CPU
    q->device = "cpu";
#endif
    cr_assert_not(recipe_load(&q->recipe, "tiny"));
    q->recipe.max_steps = 2;
    q->recipe.save_steps = 1;
}

/* Which request fails in round i: every one at first when asked for by hand, else a few of each
 * part, at distances that share no factor with the lists they go through. */
static uint64_t next_request(uint64_t n, bool every) {
    if (every && n < 2000) return n + 1;
    return n + (every ? 1 + n / 40 : 1 + n / 5);
}

Test(run_memory, any_request_may_fail) {
    run_request q;
    char digest[65], again[65];
    log_set_quiet(true);
    omp_set_num_threads(1);
    request_of(&q, temporary_path("run"));
    cr_assert_not(run_through(&q, digest), "%s", err_message(ERR_OK)); // one-time memory is taken
    size_t live = mem_live_count();
    uint64_t before = mem_request_count();
    cr_assert_not(run_through(&q, digest));
    uint64_t requests = mem_request_count() - before;
    cr_assert_eq(mem_live_count(), live);
    const char *more = getenv("HARNESS_FAULT_ROUNDS");
    size_t tried = 0;
    for (uint64_t n = 1; n <= requests; n = next_request(n, more != NULL)) {
        err_clear();
        before = mem_request_count();
        mem_fail_at(n);
        err e = run_through(&q, again);
        mem_fail_at(0);
        bool reached = mem_request_count() - before >= n;
        cr_assert(e || !reached || !strcmp(digest, again), "request %llu: other weights",
                  (unsigned long long)n);
        cr_assert(!e || strcmp(err_message(ERR_OK), err_message(e)) == 0,
                  "request %llu: no message", (unsigned long long)n);
        cr_assert(e != ERR_FORMAT && e != ERR_USAGE, "request %llu: %s", (unsigned long long)n,
                  err_message(e));
        cr_assert_eq(mem_live_count(), live, "request %llu of %llu: %zu blocks are left: %s",
                     (unsigned long long)n, (unsigned long long)requests, mem_live_count() - live,
                     err_message(e));
        tried++;
    }
    cr_assert_not(run_through(&q, again), "%s", err_message(ERR_OK));
    cr_assert_str_eq(digest, again);
    fprintf(stderr, "%zu of %llu requests failed in turn\n", tried, (unsigned long long)requests);
}

/* The card of a model is whole, or an error is told. */
Test(run_memory, a_model_card_is_whole_or_an_error) {
    run_request q;
    run r;
    log_set_quiet(true);
    request_of(&q, temporary_path("run"));
    MUST(run_open(&r, &q));
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    // of some lengths, so that the text has to grow in each of its parts
    enum { PART = 200, MOST = 4000 };
    static char part[PART], filler[MOST];
    memset(part, 'x', PART - 1);
    memset(filler, 'x', MOST - 1);
    r.task.licence = part;
    for (size_t n = 1; n < MOST; n += PART / 2) {
        r.task.citation = filler + MOST - n;
        MUST_FAIL_WITHOUT_MEMORY(UINT64_MAX, model_card_write(temporary_folder(), &r), (void)0);
    }
    run_close(&r);
}
