/* Two workers at one run, whom no lock has kept apart: the first one's record stays. */
#include "base/json.h"
#include "base/memory.h"
#include "cli/run_record.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>

#if HARNESS_CPU

/* Runs to the record, which `other` (not NULL) puts in place before this worker does. */
static void run_to_record(const run_request *q, const char *other, bool expected) {
    run r = {0};
    record rec = {0};
    char *local = NULL, *stored = NULL, *path = NULL;
    void *text = NULL;
    size_t count = 0;
    bool stays = false;
    MUST(run_open(&r, q));
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    MUST(run_record(&rec, &r, "harness run"));
    MUST(run_keep_model(&r));
    MUST(path_join(&path, r.output, "record.json"));
    if (other) MUST(file_write(path, other, strlen(other)));
    MUST(run_store(&local, &stored, &stays, &rec, &r, temporary_path("results")));
    cr_expect_eq(stays, expected);
    cr_expect_null(stored); // a sample's record is no result
    cr_expect_str_eq(local, path);
    MUST(file_read(&text, &count, path, 1 << 22));
    cr_expect_eq(strcmp(text, other ? other : "") == 0, expected);
    MUST(run_finish(&r));
    mem_free(text);
    mem_free(local);
    mem_free(stored);
    mem_free(path);
    record_free(&rec);
    run_close(&r);
}

Test(run_store, a_record_that_came_meanwhile_stays) {
    json_setup();
    size_t live = mem_live_count();
    run_request q = {.task = "kor_hate",
                     .sample = true,
                     .limit = 8,
                     .model = "tiny",
                     .device = "cpu",
                     .threads = 1,
                     .seed = 42,
                     .output = temporary_path("run"),
                     .overwrite = true};
    MUST(recipe_load(&q.recipe, "tiny"));
    q.recipe.max_steps = 1;
    run_to_record(&q, "{}", true);
    // what was there when the lock was taken is replaced, for whoever said --overwrite
    MUST(file_remove(temporary_path("run/record.json")));
    run_to_record(&q, NULL, false);
    run_to_record(&q, "{}", false);
    cr_assert_eq(mem_live_count(), live);
    temporary_remove();
}

#endif
