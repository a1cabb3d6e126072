#define _GNU_SOURCE
#include "support/limits.h"

#include <criterion/criterion.h>
#include <sys/resource.h>
#include <time.h>

void limits_hostile(void) {
    struct rlimit cpu, space = {HOSTILE_BYTES, HOSTILE_BYTES};
    struct timespec used;
    cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    cpu.rlim_cur = cpu.rlim_max = (rlim_t)used.tv_sec + 1 + HOSTILE_SECONDS;
    cr_assert_eq(setrlimit(RLIMIT_CPU, &cpu), 0);
#ifndef __SANITIZE_ADDRESS__
    cr_assert_eq(setrlimit(RLIMIT_AS, &space), 0);
#else
    (void)space;
#endif
}
