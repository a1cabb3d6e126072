/* Verbs of which one request for memory, one call for a file or one thread fails: of each place of theirs that makes one, the
 * first (tests/support/blocks.c, calls.c). Each time the verb says so and gives back what it holds, or prints what it
 * prints undisturbed; and it leaves nothing that would disturb the next. */
#include "base/memory.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined HARNESS_BLOCKS && HARNESS_CPU

typedef struct failure {
    const char *list, *fails;
    const char *said; /* of each error */
} failure;

static const failure memory = {"HARNESS_BLOCK_LIST", "HARNESS_BLOCK_FAILS", "memory"};
static const failure files = {"HARNESS_CALL_LIST", "HARNESS_CALL_FAILS", "harness: "};

static void put_record(const char *name, const fake_record *f) {
    record r;
    fake_record_make(&r, f);
    MUST(record_write(&r, temporary_path(name)));
    record_free(&r);
}

static void put_inputs(void) {
    forget_data();
    for (uint32_t i = 0; i < 4; i++) {
        char name[64];
        const char *model = i / 2 ? "b" : "a";
        snprintf(name, sizeof name, "results/fake_task/%s-%u.json", model, i % 2);
        put_record(name, &(fake_record){.model = model, .right = 0.5 + 0.1 * i, .seed = i % 2});
    }
    temporary_put("own.csv", "text,label\n좋아요,a\n\"둘, 둘\",b\n셋,a\n넷,b\n다섯,a\n여섯,b\n");
}

/* The numbers of the calls to try. */
static size_t read_numbers(size_t *numbers, size_t most) {
    char *text = temporary_text("list"), *at = text, *end;
    size_t n = 0;
    for (unsigned long v; n < most && (v = strtoul(at, &end, 10), end != at); at = end)
        numbers[n++] = v;
    mem_free(text);
    return n;
}

static void try_each(const failure *f, const char *const *arguments) {
    enum { MOST = 4000 };
    static size_t numbers[MOST];
    program_result plain = program_run(NULL, 60, arguments); // what is written once is there
    setenv(f->list, temporary_path("list"), 1);
    plain = program_run(NULL, 60, arguments);
    unsetenv(f->list);
    cr_assert_eq(plain.exit_code, 0, "%s: %s", arguments[0], plain.err);
    size_t count = read_numbers(numbers, MOST);
    // some of them; by hand all
    size_t apart = getenv("HARNESS_FAULT_ROUNDS") ? 1 : 1 + count / 16;
    cr_assert_gt(count, 0, "%s", arguments[0]);
    for (size_t i = 0; i < count; i += apart) {
        char nth[32];
        snprintf(nth, sizeof nth, "%zu", numbers[i]);
        setenv(f->fails, nth, 1);
        program_result r = program_run(NULL, 60, arguments);
        if (r.exit_code)
            cr_expect(r.exit_code < 70 && strstr(r.err, f->said), "%s %s, %s=%s: %d: %s",
                      arguments[0], arguments[1], f->fails, nth, r.exit_code, r.err);
        else
            cr_expect_str_eq(r.out, plain.out, "%s %s, %s=%s: another output", arguments[0],
                             arguments[1], f->fails, nth);
    }
    unsetenv(f->fails);
    fprintf(stderr, "%s %s, %s: every %zuth of %zu tried\n", arguments[0], arguments[1], f->fails,
            apart, count);
    program_result again = program_run(NULL, 60, arguments);
    cr_expect_str_eq(again.out, plain.out, "%s %s leaves what disturbs", arguments[0],
                     arguments[1]);
}

static void try_both(const char *const *arguments) {
    try_each(&memory, arguments);
    try_each(&files, arguments);
}

#define TRY(...) try_both((const char *const[]){__VA_ARGS__, NULL})

TestSuite(verb_failures, .init = put_inputs, .timeout = 600);

Test(verb_failures, boards) {
    TRY("report", "--results", "results", "-o", "board", "--json");
    TRY("report", "--results", "results", "-o", "board");
    TRY("report", "--history", "results", "-o", "board");
}

Test(verb_failures, comparisons) {
    TRY("compare", "results/fake_task/a-0.json", "results/fake_task/b-0.json");
    TRY("compare", "results/fake_task", "--json");
    TRY("runs", ".", "--json");
}

Test(verb_failures, tasks_and_data) {
    TRY("tasks", "show", "kor_sae", "--json");
    TRY("tasks", "check", "--json");
    TRY("tasks", "new", "own.csv", "--overwrite", "--json");
    TRY("data", "stats", "kor_hate", "--sample", "--json");
    TRY("data", "head", "kor_sarcasm", "--sample", "-n", "2");
}

Test(verb_failures, texts) {
    TRY("help", "run");
    TRY("tokenize", "--model", HARNESS_SOURCE_DIR "/models/ko-tiny", "--json", "좋은", "왜 이래");
}

/* Each thread of its own that the verb begins, in turn, cannot be begun: it says so and ends. */
static void try_threads(const char *const *arguments) {
    size_t numbers[64];
    char nth[32];
    setenv("HARNESS_THREAD_LIST", temporary_path("list"), 1);
    program_result r = program_run(NULL, 60, arguments);
    unsetenv("HARNESS_THREAD_LIST");
    cr_assert_eq(r.exit_code, 0, "%s: %s", arguments[0], r.err);
    size_t count = read_numbers(numbers, 64);
    cr_assert_gt(count, 0, "%s begins no thread", arguments[0]);
    for (size_t i = 0; i < count; i++) {
        snprintf(nth, sizeof nth, "%zu", numbers[i]);
        setenv("HARNESS_THREAD_FAILS", nth, 1);
        r = program_run(NULL, 60, arguments);
        cr_expect(r.exit_code && r.exit_code < 70 && strstr(r.err, "cannot start"),
                  "%s, %s: %d: %s", arguments[0], nth, r.exit_code, r.err);
    }
    unsetenv("HARNESS_THREAD_FAILS");
}

#define TRY_THREADS(...) try_threads((const char *const[]){__VA_ARGS__, NULL})

Test(verb_failures, threads_of_ranks_and_of_rows) {
    TRY_THREADS("run", "--sample", "--task", "kor_hate", "-m", "tiny", "--limit", "4",
                "--max-steps", "1", "-b", "2", "--device", "cpu,cpu", "--threads", "1",
                "--check-device", "never", "-o", "two", "--overwrite", "--quiet");
    TRY_THREADS("predict", "-c", "two", "-i", "own.csv", "--text-column", "text", "--device", "cpu",
                "--output", "o.csv", "--overwrite", "--quiet");
}
#endif
