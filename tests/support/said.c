#define _GNU_SOURCE
#include "support/said.h"

#include "base/log.h"
#include "base/memory.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int before = -1, memory = -1;

void said_begin(void) {
    fflush(stderr);
    before = dup(STDERR_FILENO);
    memory = memfd_create("said", 0);
    cr_assert(before >= 0 && memory >= 0 && dup2(memory, STDERR_FILENO) == STDERR_FILENO);
    log_set_quiet(false);
}

char *said_end(void) {
    char *text;
    log_set_quiet(true);
    fflush(stderr);
    cr_assert_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
    off_t bytes = lseek(memory, 0, SEEK_END);
    cr_assert_geq(bytes, 0);
    MUST(mem_new(&text, (size_t)bytes + 1));
    cr_assert_eq(pread(memory, text, (size_t)bytes, 0), bytes);
    close(memory);
    close(before);
    return text;
}
