/* Every committed input of the fuzz targets, once as it is and then with memory requests
 * failing. */
#include "base/memory.h"
#include "fuzz.h"
#include "platform/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*target_fn)(const uint8_t *data, size_t size);

#define X(name) void fuzz_##name(const uint8_t *data, size_t size);
#include "targets.def"
#undef X

static const struct {
    const char *name;
    target_fn run;
} targets[] = {
#define X(name) {#name, fuzz_##name},
#include "targets.def"
#undef X
};
enum { TARGET_COUNT = sizeof targets / sizeof *targets };

typedef void (*visit_fn)(target_fn run, const uint8_t *data, size_t size, const char *path);

/* Calls visit for every file of <folder>/<target>; returns how many there were. */
static size_t visit_folder(const char *folder, size_t target, visit_fn visit) {
    char *path = NULL;
    folder_list list = {0};
    size_t count = 0;
    fuzz_hush();
    cr_assert_not(
        mem_printf(&path, "%s/tests/fuzz/%s/%s", HARNESS_SOURCE_DIR, folder, targets[target].name));
    if (folder_exists(path)) cr_assert_not(folder_list_read(&list, path));
    for (size_t i = 0; i < list.count; i++) {
        char *file = NULL;
        void *bytes = NULL;
        size_t size = 0;
        cr_assert_not(path_join(&file, path, list.names[i]));
        cr_assert_not(file_read(&bytes, &size, file, 0), "%s", err_message(ERR_IO));
        fuzz_set_input(file);
        visit(targets[target].run, bytes, size, file);
        mem_free(bytes);
        mem_free(file);
        count++;
    }
    folder_list_free(&list);
    mem_free(path);
    return count;
}

static void run_once(target_fn run, const uint8_t *data, size_t size, const char *path) {
    (void)path;
    run(data, size);
}

static size_t taken;

static void count_taken(target_fn run, const uint8_t *data, size_t size, const char *path) {
    run_once(run, data, size, path);
    taken += fuzz_was_taken();
}

static void run_failing(target_fn run, const uint8_t *data, size_t size, const char *path) {
    // every request up to here, then a growing stride: late ones are more of the same. By hand, and
    // for a checkpoint that is read and written whole, every one
    bool by_hand = getenv("HARNESS_FAULT_ROUNDS") != NULL;
    uint64_t dense = by_hand || strstr(path, "trainer_state/whole") ? 10000 : 60;
    run(data, size);
    uint64_t before = mem_request_count();
    run(data, size);
    uint64_t requests = mem_request_count() - before;
    fuzz_allow_memory_errors(true);
    for (uint64_t n = 1; n <= requests; n += n < dense ? 1 : n / 16) {
        before = mem_request_count();
        mem_fail_at(n);
        run(data, size);
        mem_fail_at(0);
        // libcsv asks again for less when its buffer cannot grow
        bool goes_on = run == fuzz_delimited;
        cr_assert(mem_request_count() - before < n || fuzz_saw_memory_error() || goes_on,
                  "%s: request %llu of %llu failed and no error says so", path,
                  (unsigned long long)n, (unsigned long long)requests);
    }
    fuzz_allow_memory_errors(false);
}

Test(fuzz, inputs_are_handled) {
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        taken = 0;
        size_t seeds = visit_folder("corpus", i, count_taken);
        cr_assert(seeds, "%s has no seeds", targets[i].name);
        cr_expect(taken, "%s: all %zu seeds are refused: nothing behind that is reached",
                  targets[i].name, seeds);
        visit_folder("crashes", i, run_once);
    }
}

Test(fuzz, failing_memory_is_an_error) {
    for (size_t i = 0; i < TARGET_COUNT; i++) visit_folder("corpus", i, run_failing);
}
