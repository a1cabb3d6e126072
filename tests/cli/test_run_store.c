/* Two workers at one run, whom no lock has kept apart: the first one's record stays. */
#include "base/hash.h"
#include "base/memory.h"
#include "cli/run_record.h"
#include "platform/file.h"
#include "support/child.h"
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
    rec.partial = rec.task.sample = false; // as if it were a result
    MUST(path_join(&path, r.output, "record.json"));
    if (other) MUST(file_write(path, other, strlen(other)));
    MUST(run_store(&local, &stored, &stays, &rec, &r, temporary_path("results")));
    cr_expect_eq(stays, expected);
    cr_expect_eq(stored == NULL, expected, "what another has stored is not stored again");
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

CleanTest(run_store, a_record_that_came_meanwhile_stays) {
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
}

#define SWEPT                                                                                      \
    "run", "--sample", "--task", "kor_hate", "-m", "tiny", "--device", "cpu", "--threads", "1",    \
        "--check-device", "never", "--save-steps", "5", "--runs", "2", "--max-steps"

typedef char digest_text[HASH_HEX_BYTES];

/* The records of a sweep's two runs, which have to be there once. */
static void read_digests(digest_text digests[2]) {
    const char *folder = temporary_path("runs/kor_hate");
    folder_list list;
    char path[300];
    MUST(folder_list_read(&list, folder));
    cr_assert_eq(list.count, 2, "%zu folders", list.count);
    for (size_t i = 0; i < list.count; i++) {
        record r;
        snprintf(path, sizeof path, "%s/%s/record.json", folder, list.names[i]);
        MUST(record_read(&r, path));
        snprintf(digests[i], sizeof digests[i], "%s", r.final_weights_sha256);
        record_free(&r);
        snprintf(path, sizeof path, "%s/%s/model/model.safetensors", folder, list.names[i]);
        cr_expect(file_exists(path));
    }
    folder_list_free(&list);
    MUST(folder_remove(temporary_path("runs")));
}

/* Two workers where no lock holds: it is said, with the way out, which both take; what they leave is
 * what one leaves. */
static void work_without_locks(digest_text expected[2]) {
    const child_setup setup = {.preload = listed_path(HARNESS_LOCK_SHIM)};
    digest_text digests[2];
    child first, second;
    child_start(&first, &setup, (const char *const[]){SWEPT, "60", "--shard", "1/2", NULL});
    child_start(&second, &setup, (const char *const[]){SWEPT, "60", "--shard", "2/2", NULL});
    program_result a = child_end(&first, 240), b = child_end(&second, 240);
    cr_expect_eq(a.exit_code, 0, "%s", a.err);
    cr_expect_eq(b.exit_code, 0, "%s", b.err);
    cr_expect(strstr(strstr(a.err, "no locks") ? a.err : b.err,
                     "no locks there (No locks available): other workers would do the same runs "
                     "(--shard I/N divides them)"),
              "%s%s", a.err, b.err);
    read_digests(digests);
    for (int i = 0; i < 2; i++) cr_expect_str_eq(digests[i], expected[i]);
}

Test(run_store, workers_without_locks_divide_the_list) {
    digest_text expected[2];
    RUN_WELL(SWEPT, "60");
    read_digests(expected);
    work_without_locks(expected);
    setenv("HARNESS_NO_LINKS", "1", 1);
    work_without_locks(expected);
}

#endif
