/* `harness run` under faults: full and read-only disks, signals, damaged checkpoints, odd
 * surroundings. What was finished is kept, the message says what to do, and a resumed run ends with
 * the bits of one that was never stopped. */
#define _GNU_SOURCE
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 120, STEPS = 12 };

typedef struct arguments {
    const char *list[40];
    char steps[16], every[16];
} arguments;

/* A run of 8 training rows into folder `output`; extra is one more flag or NULL. */
static const char *const *run_of(arguments *a, const char *output, unsigned steps, unsigned every,
                                 const char *extra) {
    snprintf(a->steps, sizeof a->steps, "%u", steps);
    snprintf(a->every, sizeof a->every, "%u", every);
    const char *const list[] = {
        "run",    "--sample",     "--task", "kor_hate", "--model", "tiny",   "--device",
        "cpu",    "--threads",    "1",      "--limit",  "8",       "--json", "--max-steps",
        a->steps, "--save-steps", a->every, "-o",       output,    extra,    NULL};
    memcpy(a->list, list, sizeof list);
    return a->list;
}

static char *path_of(const char *folder, const char *name) {
    char *path = NULL;
    cr_assert_not(path_join(&path, folder, name));
    return path;
}

/* Digest of a run of STEPS that nothing disturbs. */
static const char *undisturbed(void) {
    static char digest[65];
    if (!digest[0]) {
        arguments a;
        program_result r = child_run(NULL, SECONDS, run_of(&a, "undisturbed", STEPS, 0, NULL));
        printed_digest(digest, &r);
    }
    return digest;
}

/* Goes on with a run and checks that it ends as if never stopped, with nothing left over. */
static void resume_to_the_end(const char *output, unsigned every, const char *what) {
    arguments a;
    char digest[65];
    folder_list list = {0};
    program_result r = child_run(NULL, SECONDS, run_of(&a, output, STEPS, every, "--resume"));
    printed_digest(digest, &r);
    cr_assert_str_eq(digest, undisturbed(), "%s: other weights after --resume: %s", what, r.err);
    char *folder = path_of(temporary_folder(), output);
    cr_assert_not(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        cr_assert(!strstr(list.names[i], "partial") && !strstr(list.names[i], ".tmp") &&
                      strcmp(list.names[i], "unfinished.json") != 0,
                  "%s: %s is left over", what, list.names[i]);
    }
    folder_list_free(&list);
    mem_free(folder);
}

static void stop_with(int number, const char *output) {
    arguments a;
    child c;
    char *checkpoint = path_of(temporary_folder(), output), *first;
    first = path_of(checkpoint, "checkpoint-4"); // so that one stands before the newest
    child_start(&c, NULL, run_of(&a, output, STEPS, 2, NULL));
    child_await_path(&c, first, SECONDS);
    kill(c.pid, number);
    program_result r = child_end(&c, SECONDS);
    EXITS(r, 130);
    SAYS(r, "--resume");
    SAYS(r, "interrupted after step");
    mem_free(first);
    mem_free(checkpoint);
}

CleanTest(faults, interrupted_run_goes_on_with_the_same_bits) {
    stop_with(SIGINT, "sigint");
    resume_to_the_end("sigint", 2, "SIGINT");
    stop_with(SIGTERM, "sigterm");
    resume_to_the_end("sigterm", 2, "SIGTERM");
    stop_with(SIGUSR1, "sigusr1"); // what every launcher passes on
    stop_with(SIGHUP, "sighup");   // the terminal is gone
}

// A handler on the stack of the interrupted matrix product broke the heap in one of four runs.
Test(faults, interrupted_within_a_matrix_product) {
    unsigned stopped = 0;
    for (unsigned i = 0; i < 24; i++) {
        arguments a;
        child c;
        char output[24];
        snprintf(output, sizeof output, "moment-%u", i);
        char *folder = path_of(temporary_folder(), output), *path = path_of(folder, "checkpoint-2");
        child_start(&c, NULL, run_of(&a, output, STEPS, 2, NULL));
        child_await_path(&c, path, SECONDS);
        nanosleep(&(struct timespec){.tv_nsec = (i * 7919 % 23) * 100000}, NULL);
        kill(c.pid, i % 2 ? SIGTERM : SIGINT);
        program_result r = child_end(&c, SECONDS);
        cr_assert(r.exit_code == 130 || r.exit_code == 0, "%d: %s", r.exit_code, r.err);
        stopped += r.exit_code == 130;
        cr_assert_not(folder_remove(folder));
        mem_free(path);
        mem_free(folder);
    }
    cr_assert_geq(stopped, 12);
}

Test(faults, killed_while_saving) {
    static const char *const partial[] = {"partial-checkpoint-1", "partial-checkpoint-4",
                                          "partial-checkpoint-9", "checkpoint-6"};
    const char *more = getenv("HARNESS_FAULT_ROUNDS"); // by hand: many more moments
    unsigned rounds = more ? (unsigned)strtoul(more, NULL, 10) : 1, killed = 0;
    for (unsigned i = 0; i < rounds * 4; i++) {
        arguments a;
        child c;
        char output[24];
        snprintf(output, sizeof output, "killed-%u", i);
        char *folder = path_of(temporary_folder(), output), *path = path_of(folder, partial[i % 4]);
        child_start(&c, NULL, run_of(&a, output, STEPS, 1, NULL));
        child_await_path(&c, path, SECONDS);
        nanosleep(&(struct timespec){.tv_nsec = (i * 7919 % 23) * 1000000}, NULL);
        kill(c.pid, SIGKILL);
        program_result r = child_end(&c, SECONDS);
        bool was_killed = r.exit_code == 128 + SIGKILL;
        cr_assert(was_killed || r.exit_code == 0, "%d: %s", r.exit_code, r.err);
        killed += was_killed;
        if (was_killed) resume_to_the_end(output, 1, partial[i % 4]);
        cr_assert_not(folder_remove(folder));
        mem_free(path);
        mem_free(folder);
    }
    cr_assert_gt(killed, 2 * rounds, "only %u of %u ended by the signal: the others were faster",
                 killed, 4 * rounds);
}

static void *bytes_of(const char *path, size_t *count) {
    void *bytes = NULL;
    cr_assert_not(file_read(&bytes, count, path, 0), "%s", err_message(ERR_IO));
    return bytes;
}

static void put_bytes(const char *path, const void *bytes, size_t count) {
    cr_assert_not(file_write(path, bytes, count));
}

static void expect_refusal(const char *output, const char *file, const char *what) {
    arguments a;
    program_result r = child_run(NULL, SECONDS, run_of(&a, output, STEPS, 2, "--resume"));
    cr_assert_eq(r.exit_code, 1, "%s %s: exit code %d: %s", file, what, r.exit_code, r.err);
    cr_assert(strstr(r.err, file), "%s %s: not named in: %s", file, what, r.err);
}

/* The checkpoints of a folder but one into another. */
static void move_others(const char *from, const char *to, const char *newest) {
    folder_list list = {0};
    cr_assert_not(folder_list_read(&list, temporary_path(from)));
    cr_assert_not(folder_make(temporary_path(to)));
    for (size_t i = 0; i < list.count; i++) {
        char old[200], new[200];
        if (strncmp(list.names[i], "checkpoint-", 11) || !strcmp(list.names[i], newest)) continue;
        snprintf(old, sizeof old, "%s/%s/%s", temporary_folder(), from, list.names[i]);
        snprintf(new, sizeof new, "%s/%s/%s", temporary_folder(), to, list.names[i]);
        cr_assert_not(rename(old, new));
    }
    folder_list_free(&list);
}

Test(faults, damaged_checkpoint_is_refused) {
    static const char *const files[] = {"model.safetensors", "optimizer.safetensors"};
    const char *output = "damaged";
    size_t counts[2];
    stop_with(SIGINT, output);
    char *folder = path_of(temporary_folder(), output), *paths[2];
    folder_list list = {0};
    cr_assert_not(folder_list_read(&list, folder));
    char newest[24] = "";
    for (unsigned long s = STEPS; s > 0 && !newest[0]; s--) {
        char name[24];
        snprintf(name, sizeof name, "checkpoint-%lu", s);
        for (size_t i = 0; i < list.count; i++)
            if (strcmp(list.names[i], name) == 0) memcpy(newest, name, sizeof name);
    }
    folder_list_free(&list);
    cr_assert(newest[0]);
    char *checkpoint = path_of(folder, newest);
    void *whole[2];
    move_others("damaged", "aside", newest); // with one before it the run would go on
    for (int i = 0; i < 2; i++) {
        paths[i] = path_of(checkpoint, files[i]);
        whole[i] = bytes_of(paths[i], &counts[i]);
    }
    for (int i = 0; i < 2; i++) {
        put_bytes(paths[i], whole[i], counts[i] / 2);
        expect_refusal(output, files[i], "cut in half");
        ((char *)whole[i])[counts[i] - 9] ^= 16;
        put_bytes(paths[i], whole[i], counts[i]);
        expect_refusal(output, files[i], "with one bit flipped");
        ((char *)whole[i])[counts[i] - 9] ^= 16;
        put_bytes(paths[i], whole[1 - i], counts[1 - i]);
        expect_refusal(output, files[i], "swapped for the other");
        cr_assert_eq(unlink(paths[i]), 0);
        expect_refusal(output, files[i], "missing");
        put_bytes(paths[i], whole[i], counts[i]);
    }
    move_others("aside", "damaged", newest);
    // a state that says nothing: the checkpoint before it is used, and a warning says so
    char *state = path_of(checkpoint, "trainer_state.json");
    put_bytes(state, "{\"schema\": 1,", 13);
    arguments a;
    program_result r = child_run(NULL, SECONDS, run_of(&a, output, STEPS, 2, "--resume"));
    char digest[65];
    printed_digest(digest, &r);
    SAYS(r, "this checkpoint is passed over");
    cr_assert_str_eq(digest, undisturbed());
    for (int i = 0; i < 2; i++) {
        mem_free(paths[i]);
        mem_free(whole[i]);
    }
    mem_free(state);
    mem_free(checkpoint);
    mem_free(folder);
}

Test(faults, file_size_limit) {
    // a checkpoint's tensors are larger than this, everything else is smaller
    const child_setup setup = {.file_bytes = 300000};
    arguments a;
    program_result r = child_run(&setup, SECONDS, run_of(&a, "fsize", STEPS, 4, NULL));
    EXITS(r, 1);
    SAYS(r, "model.safetensors");
    SAYS(r, "File too large");
    char *left = path_of(temporary_folder(), "fsize/partial-checkpoint-4");
    cr_assert_not(folder_exists(left), "%s is left over", left);
    mem_free(left);
    resume_to_the_end("fsize", 4, "file size limit");
}

/* A file system of its own of `bytes` in folder `name`; it goes with this process. */
static bool small_disk(const char *name, size_t bytes) {
    char options[40], *path = path_of(temporary_folder(), name);
    snprintf(options, sizeof options, "size=%zu,mode=777", bytes);
    cr_assert_not(folder_make(path));
    bool done = !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
                !mount("tmpfs", path, "tmpfs", 0, options);
    mem_free(path);
    return done;
}

Test(faults, full_disk_is_seen_before_training) {
    arguments a;
    if (!small_disk("tight", 4 << 20)) cr_skip_test("mounting is not permitted");
    program_result r = child_run(NULL, SECONDS, run_of(&a, "tight/run", STEPS, 1, NULL));
    EXITS(r, 1);
    SAYS(r, "MB free");
    cr_assert(!strstr(r.err, "recipe "), "training began: %s", r.err);
}

Test(faults, read_only_disk) {
    arguments a;
    if (!small_disk("sealed", 64 << 20)) cr_skip_test("mounting is not permitted");
    char *path = path_of(temporary_folder(), "sealed");
    cr_assert_eq(mount("none", path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    program_result r = child_run(NULL, SECONDS, run_of(&a, "sealed/run", STEPS, 1, NULL));
    EXITS(r, 1);
    SAYS(r, "sealed/run");
    SAYS(r, "Read-only file system");
    cr_assert(!strstr(r.err, "recipe "), "training began: %s", r.err);
    mem_free(path);
}

/* Takes all that is left: most of it at once, since the program writes meanwhile. */
static void fill_disk(const char *path) {
    static const char zeros[1 << 16];
    uint64_t free_bytes = 0;
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_not(folder_free_bytes(&free_bytes, temporary_path("filling")));
    (void)!posix_fallocate(fd, 0, (off_t)(free_bytes / 10 * 9));
    while (write(fd, zeros, sizeof zeros) > 0) continue;
    close(fd);
}

Test(faults, disk_fills_up_while_training) {
    arguments a;
    child c;
    enum { DISK = 200 << 20 };
    if (!small_disk("filling", DISK)) cr_skip_test("mounting is not permitted");
    char *first = path_of(temporary_folder(), "filling/run/checkpoint-1");
    char *filler = path_of(temporary_folder(), "filling/filler");
    child_start(&c, NULL, run_of(&a, "filling/run", STEPS, 1, NULL));
    child_await_path(&c, first, SECONDS);
    fill_disk(filler);
    program_result r = child_end(&c, SECONDS);
    EXITS(r, 1);
    SAYS(r, "No space left on device");
    cr_assert_eq(unlink(filler), 0);
    resume_to_the_end("filling/run", 1, "full disk");
    mem_free(filler);
    mem_free(first);
}

Test(faults, folder_that_cannot_be_written) {
    arguments a;
    const child_setup nobody = {.unprivileged = true};
    const char *top = temporary_folder();
    char *locked = path_of(top, "locked"), *file = path_of(top, "file");
    cr_assert_eq(chmod(top, 0755), 0);
    cr_assert_eq(mkdir(locked, 0555), 0);
    put_bytes(file, "x", 1);
    const char *const outputs[] = {"locked", "locked/below", "file", "file/below"};
    for (size_t i = 0; i < 4; i++) {
        program_result r = child_run(&nobody, SECONDS, run_of(&a, outputs[i], 1, 0, NULL));
        EXITS(r, 1);
        SAYS(r, outputs[i]);
        cr_assert(!strstr(r.err, "recipe "), "training began: %s", r.err);
    }
    mem_free(file);
    mem_free(locked);
}

Test(faults, permission_lost_while_running) {
    arguments a;
    child c;
    const child_setup nobody = {.unprivileged = true};
    const char *top = temporary_folder();
    char *folder = path_of(top, "open"), *output = path_of(folder, "run"),
         *first = path_of(output, "checkpoint-1");
    cr_assert_eq(chmod(top, 0755), 0);
    cr_assert_not(folder_make(folder));
    cr_assert_eq(chmod(folder, 0777), 0);
    child_start(&c, &nobody, run_of(&a, "open/run", STEPS, 1, NULL));
    child_await_path(&c, first, SECONDS);
    cr_assert_eq(chmod(output, 0555), 0);
    program_result r = child_end(&c, SECONDS);
    EXITS(r, 1);
    SAYS(r, "Permission denied");
    cr_assert_eq(chmod(output, 0777), 0);
    resume_to_the_end("open/run", 1, "permission lost");
    mem_free(first);
    mem_free(output);
    mem_free(folder);
}

Test(faults, results_that_cannot_be_written_are_seen_before_training) {
    const child_setup nobody = {.unprivileged = true};
    char *locked = path_of(temporary_folder(), "locked");
    cr_assert_eq(chmod(temporary_folder(), 0777), 0);
    cr_assert_eq(mkdir(locked, 0555), 0);
    const char *const list[] = {"run", "--task", "kor_hate", "--results", "locked/results", NULL};
    program_result r = child_run(&nobody, SECONDS, list);
    EXITS(r, 1);
    SAYS(r, "locked/results");
    cr_assert(!strstr(r.err, "recipe "), "training began: %s", r.err);
    mem_free(locked);
}

Test(faults, run_without_record_stays_unfinished) {
    arguments a;
    child c;
    char *folder = path_of(temporary_folder(), "norecord"), *record, *first;
    record = path_of(folder, "record.json");
    first = path_of(folder, "checkpoint-1");
    child_start(&c, NULL, run_of(&a, "norecord", STEPS, 1, NULL));
    child_await_path(&c, first, SECONDS);
    cr_assert_not(folder_make(record)); // a folder where the file is to go
    program_result r = child_end(&c, SECONDS);
    EXITS(r, 1);
    mem_free(first);
    SAYS(r, "record.json");
    cr_assert_eq(rmdir(record), 0);
    resume_to_the_end("norecord", 5, "no record");
    cr_assert(file_exists(record));
    mem_free(record);
    mem_free(folder);
}

Test(faults, two_runs_in_one_folder) {
    arguments a, b;
    child c;
    char digest[65];
    static const char *const flags[] = {NULL, "--resume", "--overwrite"};
    char *first = path_of(temporary_folder(), "shared/checkpoint-1");
    // many saves, so that it is still at work when the others ask
    child_start(&c, NULL, run_of(&a, "shared", 4000, 1, NULL));
    child_await_path(&c, first, SECONDS);
    // as a checkpoint that is just being written looks
    MUST(folder_make(temporary_path("shared/partial-checkpoint-99999")));
    MUST(file_write(temporary_path("shared/partial-checkpoint-99999/x"), "x", 1));
    for (size_t i = 0; i < 3; i++) {
        program_result r = child_run(NULL, SECONDS, run_of(&b, "shared", 4000, 1, flags[i]));
        EXITS(r, 1);
        SAYS(r, "another run is at work in this folder");
    }
    MUST(folder_remove(temporary_path("shared/partial-checkpoint-99999")));
    kill(c.pid, SIGINT);
    program_result r = child_end(&c, SECONDS);
    EXITS(r, 130);
    // the lock goes with its process
    r = child_run(NULL, SECONDS, run_of(&b, "shared", STEPS, 0, "--overwrite"));
    printed_digest(digest, &r);
    cr_assert_str_eq(digest, undisturbed());
    mem_free(first);
}

Test(faults, no_step_to_train) {
    const char *const list[] = {"run",     "--sample", "--task",   "kor_hate", "--device", "cpu",
                                "--limit", "8",        "--epochs", "0",        NULL};
    program_result r = child_run(NULL, SECONDS, list);
    EXITS(r, 2);
    SAYS(r, "--epochs is 0: there is no step to train");
}

/* Decay beyond all measure makes weights grow until f32 holds them no more. */
Test(faults, numbers_that_overflow_stop_the_run) {
    static const char *const devices[] = {"cpu", "llvmpipe"};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        if (i == 1 && !need_vulkan("llvmpipe")) break;
        const char *const list[] = {"run",
                                    "--sample",
                                    "--task",
                                    "kor_hate",
                                    "--model",
                                    "tiny",
                                    "--device",
                                    devices[i],
                                    "--limit",
                                    "8",
                                    "--lr",
                                    "10",
                                    "--lr-scheduler-type",
                                    "constant",
                                    "--weight-decay",
                                    "1",
                                    "--max-steps",
                                    "60",
                                    "--warmup-steps",
                                    "0",
                                    "--save-steps",
                                    "4",
                                    "--save-total-limit",
                                    "1",
                                    "--check-device",
                                    "never",
                                    "-o",
                                    devices[i],
                                    NULL};
        program_result r = child_run(NULL, SECONDS, list);
        EXITS(r, 1);
        SAYS(r, " of 60: the ");
        SAYS(r, " is not finite (loss ");
        SAYS(r, "nor is the ");
        SAYS(r, "training stopped; the last good checkpoint is ");
        SAYS(r, " (--resume goes on from it)");
        cr_assert_str_empty(r.out);
    }
}

static void expect_without(const char *folder, const char *secret, unsigned *files) {
    folder_list list = {0};
    cr_assert_not(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        char *path = path_of(folder, list.names[i]);
        size_t count = 0;
        if (folder_exists(path)) {
            expect_without(path, secret, files);
        } else {
            void *bytes = bytes_of(path, &count);
            cr_assert_null(memmem(bytes, count, secret, strlen(secret)), "the token is in %s",
                           path);
            mem_free(bytes);
            ++*files;
        }
        mem_free(path);
    }
    folder_list_free(&list);
}

Test(faults, a_token_is_nowhere) {
    static const char secret[] = "hf_donotshowthis";
    arguments a;
    unsigned files = 0;
    setenv("HF_TOKEN", secret, 1);
    setenv("HF_ENDPOINT", "http://user:hf_donotshowthis@127.0.0.1:1", 1);
    setenv("HF_HOME", temporary_path("hub"), 1);
    program_result r = child_run(NULL, SECONDS, run_of(&a, "secret", 2, 1, NULL));
    EXITS(r, 0);
    const char *const list[] = {"run",       "--sample", "--task", "kor_hate", "--model",
                                "org/model", "-o",       "hubbed", NULL};
    r = child_run(NULL, SECONDS, list); // and what it says is looked through as well
    EXITS(r, 2);
    SAYS(r, "only https is allowed");
    expect_without(temporary_folder(), secret, &files);
    cr_assert_geq(files, 10);
}

Test(faults, closed_and_full_output) {
    static const struct {
        const char *name;
        child_setup setup;
        int exit_code;
    } cases[] = {
        {"closed-out", {.close_out = true}, 1},
        {"full-out", {.full_out = true}, 1},
        {"closed-err", {.close_err = true}, 0},
        {"closed-both", {.close_out = true, .close_err = true}, 1},
    };
    size_t count = 0, again = 0;
    undisturbed();
    char *expected_path = path_of(temporary_folder(), "undisturbed/model/model.safetensors");
    void *expected = bytes_of(expected_path, &count);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arguments a;
        char *folder = path_of(temporary_folder(), cases[i].name);
        program_result r =
            child_run(&cases[i].setup, SECONDS, run_of(&a, cases[i].name, STEPS, 0, NULL));
        cr_assert_eq(r.exit_code, cases[i].exit_code, "%s: exit code %d: %s", cases[i].name,
                     r.exit_code, r.err);
        if (cases[i].exit_code && !cases[i].setup.close_err) SAYS(r, "standard output");
        // the work is done and no message went into its files
        char *path = path_of(folder, "model/model.safetensors");
        void *found = bytes_of(path, &again);
        cr_assert(count == again && !memcmp(found, expected, count), "%s", cases[i].name);
        mem_free(found);
        mem_free(path);
        mem_free(folder);
    }
    mem_free(expected);
    mem_free(expected_path);
}

/* `harness ... | true`: no word, and the exit code that a shell shows of who dies by SIGPIPE. */
Test(faults, readers_that_leave_early) {
    arguments a;
    static const char *const lists[][3] = {{"tasks", "--json"}, {"help"}, {"devices"}};
    const child_setup none = {.no_reader = true};
    for (size_t i = 0; i < 3; i++) {
        program_result r = child_run(&none, SECONDS, lists[i]);
        EXITS(r, 141);
        cr_expect_str_eq(r.err, "");
    }
    // the run's own work is finished all the same
    program_result r = child_run(&none, SECONDS, run_of(&a, "unread", STEPS, 0, NULL));
    EXITS(r, 141);
    cr_expect_null(strstr(r.err, "standard output"), "%s", r.err);
}

Test(faults, clock_set_back) {
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("the address sanitizer wants to be the first library");
#else
    const child_setup setup = {.preload = listed_path(HARNESS_CLOCK_SHIM)};
    arguments a;
    char digest[65];
    size_t count = 0;
    program_result r = child_run(&setup, SECONDS, run_of(&a, "clock", STEPS, 3, NULL));
    printed_digest(digest, &r);
    cr_assert_str_eq(digest, undisturbed());
    char *record = path_of(temporary_folder(), "clock/record.json"), *text;
    text = bytes_of(record, &count);
    cr_assert(strstr(text, "\"train_s\""), "%s", text);
    for (const char *at = text; (at = strstr(at, "_s\":")); at++)
        cr_assert_geq(strtod(at + 4, NULL), 0, "a negative time: %.40s", at);
    mem_free(text);
    mem_free(record);
    // what was saved last is known by its step, not by its time
    child c;
    char *second = path_of(temporary_folder(), "clock-stop/checkpoint-4");
    child_start(&c, &setup, run_of(&a, "clock-stop", STEPS, 2, NULL));
    child_await_path(&c, second, SECONDS);
    kill(c.pid, SIGTERM);
    r = child_end(&c, SECONDS);
    cr_assert(r.exit_code == 130 || r.exit_code == 0, "%d: %s", r.exit_code, r.err);
    if (r.exit_code) resume_to_the_end("clock-stop", 2, "clock set back");
    mem_free(second);
#endif
}

Test(faults, korean_locale_that_is_not_utf8) {
    arguments a;
    char digest[65], *folder = path_of(temporary_folder(), "locales"), *out;
    out = path_of(folder, "ko_KR.EUC-KR");
    cr_assert_not(folder_make(folder));
    pid_t pid = fork();
    if (pid == 0) {
        execlp("localedef", "localedef", "-i", "ko_KR", "-f", "EUC-KR", out, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    // really that one: its character set is asked for by its own name
    setenv("LOCPATH", folder, 1);
    // without the character map localedef leaves an empty folder
    if (!folder_exists(out) || !setlocale(LC_ALL, "ko_KR.EUC-KR"))
        cr_skip_test("localedef cannot make ko_KR.EUC-KR here (Debian's package locales)");
    cr_assert_str_eq(nl_langinfo(CODESET), "EUC-KR");
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    const child_setup setup = {.locale = "ko_KR.EUC-KR", .locale_path = folder};
    program_result r = child_run(&setup, SECONDS, run_of(&a, "euc-kr", STEPS, 0, NULL));
    printed_digest(digest, &r);
    cr_assert_str_eq(digest, undisturbed());
    // text stays UTF-8: what goes in as a sentence comes out as its tokens
    char *vocab = path_of(temporary_folder(), "euc-kr/model");
    const char *const list[] = {"tokenize", "--checkpoint", vocab, "\xEC\x82\xAC\xEB\x9E\x8C",
                                NULL};
    program_result here = child_run(NULL, SECONDS, list), there = child_run(&setup, SECONDS, list);
    EXITS(here, 0);
    EXITS(there, 0);
    cr_assert_str_eq(there.out, here.out);
    mem_free(vocab);
    mem_free(out);
    mem_free(folder);
}

/* Whatever the size of the address space: a run that ends well, or one error that says why. */
Test(faults, too_little_memory) {
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("the address sanitizer takes more than any limit");
#else
    // from what the loader needs to what is enough
    static const unsigned sizes[] = {60, 75, 80, 85, 90, 95, 100, 120, 200, 4000};
    unsigned step = getenv("HARNESS_FAULT_ROUNDS") ? 2 : 0, named = 0, whole = 0;
    size_t count = step ? 200 : sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i < count; i++) {
        unsigned mib = step ? 50 + step * (unsigned)i : sizes[i];
        const child_setup setup = {.address_bytes = (uint64_t)mib << 20};
        arguments a;
        char *folder = path_of(temporary_folder(), "memory"), digest[65];
        program_result r = child_run(&setup, SECONDS, run_of(&a, "memory", STEPS, 0, NULL));
        if (r.exit_code == 0) {
            printed_digest(digest, &r);
            cr_assert_str_eq(digest, undisturbed(), "%u MiB", mib);
            whole++;
        } else if (r.exit_code != 127) { // 127: the libraries cannot even be loaded
            const char *line = strstr(r.err, "harness: ");
            cr_assert_eq(r.exit_code, 1, "%u MiB: %d: %s", mib, r.exit_code, r.err);
            cr_assert(line && !strstr(line + 1, "harness: "), "%u MiB: %s", mib, r.err);
            named++;
        }
        cr_assert_not(folder_remove(folder));
        mem_free(folder);
    }
    fprintf(stderr, "%zu sizes: %u named, %u whole\n", count, named, whole);
    cr_assert(named && whole);
#endif
}

/* Closed descriptors are not taken by files that are opened later. */
Test(faults, closed_input) {
    arguments a;
    const child_setup none = {.close_in = true},
                      all = {.close_in = true, .close_out = true, .close_err = true};
    char digest[65];
    program_result r = child_run(&none, SECONDS, run_of(&a, "no-input", STEPS, 4, NULL));
    printed_digest(digest, &r);
    cr_assert_str_eq(digest, undisturbed());
    const char *const predict[] = {"predict", "-c", "no-input", NULL};
    r = child_run(&none, SECONDS, predict);
    EXITS(r, 1);
    SAYS(r, "standard input");
    cr_assert_str_empty(r.out);
    const char *const said[] = {"predict", "-c",           "no-input", "--device",
                                "cpu",     "\xEC\x82\xAC", NULL};
    r = child_run(&none, SECONDS, said);
    EXITS(r, 0);
    r = child_run(&all, SECONDS, run_of(&a, "nothing", STEPS, 4, NULL));
    EXITS(r, 1);
    size_t count = 0, again = 0;
    char *one = path_of(temporary_folder(), "no-input/model/model.safetensors");
    char *two = path_of(temporary_folder(), "nothing/model/model.safetensors");
    void *expected = bytes_of(one, &count), *found = bytes_of(two, &again);
    cr_assert(count == again && !memcmp(found, expected, count));
    mem_free(expected);
    mem_free(found);
    mem_free(one);
    mem_free(two);
}

Test(faults, locales_stack_and_environment) {
    static const struct {
        const char *name;
        child_setup setup;
    } cases[] = {
        {"c-locale", {.locale = "C"}},
        {"no-such-locale", {.locale = "xx_YY.nothing"}},
        {"korean-locale", {.locale = "ko_KR.EUC-KR"}},
        {"no-environment", {.clear_environment = true}},
        {"small-stack", {.stack_bytes = 1 << 20}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arguments a;
        char digest[65];
        program_result r =
            child_run(&cases[i].setup, SECONDS, run_of(&a, cases[i].name, STEPS, 0, NULL));
        printed_digest(digest, &r);
        cr_assert_str_eq(digest, undisturbed(), "%s", cases[i].name);
    }
}
