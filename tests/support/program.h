/* Runs the built program as a user would, for whole-program tests. */
#ifndef HARNESS_TESTS_SUPPORT_PROGRAM_H
#define HARNESS_TESTS_SUPPORT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct program_result {
    int exit_code; /* 128 + signal when killed */
    char *out;     /* standard output; stays until the test process ends, as err */
    char *err;
    double seconds;
} program_result;

/* Runs `harness` with arguments (up to a NULL), in `folder` (NULL: the test's temporary folder),
 * and waits at most `seconds`; a program that runs longer is killed and the test fails. */
program_result program_run(const char *folder, double seconds, const char *const *arguments);

/* For a child under the address sanitizer, before exec. The Vulkan loader keeps 128 bytes after
 * vkDestroyInstance, from a driver it has unloaded: only a whole stack shows the loader in it.
 * Leaks without the loader in their stack still fail the program. Arguments that name a software
 * driver turn that search off: whole stacks at every malloc of a shader compiler take minutes, and
 * the program counts its own blocks at its end in any case. */
void program_forgive_loader(const char *const *arguments);

/* program_run with the arguments in place. */
#define RUN(...) program_run(NULL, 120, (const char *const[]){__VA_ARGS__, NULL})
/* The same of what has to end with 0. */
#define RUN_WELL(...) program_well(RUN(__VA_ARGS__), __FILE__, __LINE__)
program_result program_well(program_result r, const char *file, int line);

/* The digest of the final weights that a run with --json, which ended with 0, has printed. */
void printed_digest(char digest[65], const program_result *r);

/* Takes a text that mem_free would free, and keeps it until the process ends. */
char *text_kept(char *owned);

/* What it ended with, and what stands in `out` or `err`. */
#define EXPECT(r, code, stream, text)                                                              \
    do {                                                                                           \
        EXITS(r, code);                                                                            \
        cr_assert(strstr((r).stream, text), "expected '%s' in: %s", text, (r).stream);             \
    } while (0)
#define EXITS(r, code)                                                                             \
    cr_assert_eq((r).exit_code, code, "exit code %d, expected %d; it said: %s", (r).exit_code,     \
                 code, (r).err)
#define SAYS(r, text) cr_assert(strstr((r).err, text), "expected '%s' in: %s", text, (r).err)

/* A fresh folder under $TMPDIR, removed by temporary_remove, at the latest at the process' end;
 * borrowed, one a process. */
const char *temporary_folder(void);
void temporary_remove(void);

/* "<temporary folder>/<name>"; owned by the test process (never freed). */
const char *temporary_path(const char *name);
/* Writes a file there, and reads one: a text that is owned. */
void temporary_put(const char *name, const char *text);
char *temporary_text(const char *name);

/* A path as it can stand in variables that hold lists, which split at blanks (LD_PRELOAD) or colons
 * (VK_DRIVER_FILES, VK_ADD_LAYER_PATH): itself, or a link to it of a plain name. Borrowed, until
 * the test process ends or asks for another. */
const char *listed_path(const char *path);

/* Skips the test unless the environment variable is set; returns its value. */
const char *need_environment(const char *name);

/* No task's data are at hand from here on: neither below $HARNESS_DATA nor in the cache. */
void forget_data(void);

/* The Vulkan device that tests use: $HARNESS_TEST_DEVICE, a part of its name, or llvmpipe. */
const char *test_device(void);

/* True when a Vulkan device whose name or driver contains `selector` is here. Under
 * REQUIRE_VULKAN=1 the absence of test_device() fails the test. */
bool need_vulkan(const char *selector);

#endif
