#define _GNU_SOURCE // sched_getaffinity
#include "platform/host.h"

#include <sched.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

const char host_program[] = "/proc/self/exe";

void host_name(char *out, size_t size) {
    if (gethostname(out, size - 1)) out[0] = '\0';
    out[size - 1] = '\0';
}

long host_process(void) {
    return getpid();
}

long host_processors(void) {
    return sysconf(_SC_NPROCESSORS_ONLN);
}

void host_cores(char hex[HASH_HEX_BYTES]) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof cores, &cores)) CPU_ZERO(&cores);
    hash_bytes_hex(&cores, sizeof cores, hex);
}

bool host_system(char release[HOST_NAME_BYTES], char machine[HOST_NAME_BYTES]) {
    struct utsname u;
    if (uname(&u)) return false;
    snprintf(release, HOST_NAME_BYTES, "%s", u.release);
    snprintf(machine, HOST_NAME_BYTES, "%s", u.machine);
    return true;
}

uint64_t host_stack_bytes(void) {
    struct rlimit stack;
    bool is_told = !getrlimit(RLIMIT_STACK, &stack) && stack.rlim_cur != RLIM_INFINITY;
    return is_told ? stack.rlim_cur : UINT64_MAX;
}

bool host_random(void *bytes, size_t count) {
    return getrandom(bytes, count, 0) == (ssize_t)count;
}
