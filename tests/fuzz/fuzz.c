#define _XOPEN_SOURCE 700
#include "fuzz.h"

#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[200];
static const char *input = "";
static char last_message[400];
static size_t live_before;
static bool memory_may_fail, memory_failed;
static int taken; // -1: refused; 0: not known
static int report_fd = STDERR_FILENO;

void fuzz_check(bool holds, const char *file, int line, const char *condition) {
    if (holds) return;
    dprintf(report_fd, "%s:%d: %s does not hold (input %s; last message: %s)\n", file, line,
            condition, input, last_message);
    abort();
}

void fuzz_setup(void) {
    json_setup();
}

void fuzz_begin(void) {
    fuzz_setup();
    err_clear();
    last_message[0] = '\0';
    live_before = mem_live_count();
    memory_failed = false;
    taken = 0;
}

void fuzz_end(void) {
    FUZZ_CHECK(mem_live_count() == live_before);
}

static void note(err e) {
    if (!e) return;
    snprintf(last_message, sizeof last_message, "%s", err_message(e));
    err_clear();
    // the general text of an error is what is shown when nobody set a message
    FUZZ_CHECK(e == ERR_MEMORY || strcmp(last_message, err_message(e)) != 0);
    FUZZ_CHECK(e != ERR_ARG);
    FUZZ_CHECK(e != ERR_MEMORY || memory_may_fail);
    memory_failed = memory_failed || e == ERR_MEMORY;
}

bool fuzz_accepts(err e) {
    note(e);
    if (!taken) taken = e ? -1 : 1;
    return e == ERR_OK;
}

bool fuzz_needs(err e) {
    note(e);
    FUZZ_CHECK(e == ERR_OK || e == ERR_MEMORY);
    return e == ERR_OK;
}

static void remove_folder(void) {
    if (folder[0] && folder_remove(folder)) err_clear();
}

const char *fuzz_path(const char *name) {
    static char paths[4][300];
    static unsigned next;
    if (!folder[0]) {
        const char *base = getenv("TMPDIR");
        if (!base) base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
        snprintf(folder, sizeof folder, "%s/harness-fuzz-XXXXXX", base);
        FUZZ_CHECK(mkdtemp(folder) != NULL);
        atexit(remove_folder);
    }
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *fuzz_file(const char *name, const void *bytes, size_t size) {
    const char *path = fuzz_path(name);
    FILE *f = fopen(path, "wb");
    FUZZ_CHECK(f && (!size || fwrite(bytes, 1, size, f) == size));
    FUZZ_CHECK(fclose(f) == 0);
    return path;
}

void fuzz_hush(void) {
    if (report_fd != STDERR_FILENO) return;
    int nowhere = open("/dev/null", O_WRONLY), kept = dup(STDERR_FILENO);
    FUZZ_CHECK(nowhere >= 0 && kept >= 0 && dup2(nowhere, STDERR_FILENO) == STDERR_FILENO);
    close(nowhere);
    report_fd = kept;
}

void fuzz_set_input(const char *name) {
    input = name;
}

void fuzz_allow_memory_errors(bool on) {
    memory_may_fail = on;
}

bool fuzz_saw_memory_error(void) {
    return memory_failed;
}

bool fuzz_was_taken(void) {
    return taken >= 0;
}
