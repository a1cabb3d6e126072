#include "platform/host_memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number of a line "name ... number" of a small file; name "" takes the first. */
static bool number_of(uint64_t *out, const char *path, const char *name) {
    FILE *f = fopen(path, "r");
    char line[256];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        if (strncmp(line, name, strlen(name)) != 0) continue;
        const char *digits = line + strlen(name);
        char *end;
        digits += strspn(digits, ": \t");
        *out = strtoull(digits, &end, 10);
        found = end != digits;
        if (!found) break; // "max": no limit
    }
    if (f) fclose(f);
    return found;
}

/* What a control group has left; page cache that it can drop counts as free. */
static bool group_left(uint64_t *left, const char *limit, const char *usage, const char *stat,
                       const char *cache) {
    uint64_t most, used, dropped = 0;
    if (!number_of(&most, limit, "") || !number_of(&used, usage, "")) return false;
    (void)number_of(&dropped, stat, cache);
    used = used > dropped ? used - dropped : 0;
    *left = most > used ? most - used : 0;
    return true;
}

uint64_t host_memory_available(void) {
    uint64_t kilobytes, swap = 0, left;
    if (!number_of(&kilobytes, "/proc/meminfo", "MemAvailable:")) return 0;
    (void)number_of(&swap, "/proc/meminfo", "SwapFree:");
    uint64_t bytes = (kilobytes + swap) * 1024;
#define V1 "/sys/fs/cgroup/memory/memory."
#define V2 "/sys/fs/cgroup/memory."
    if ((group_left(&left, V2 "max", V2 "current", V2 "stat", "inactive_file ") ||
         group_left(&left, V1 "limit_in_bytes", V1 "usage_in_bytes", V1 "stat",
                    "total_inactive_file ")) &&
        left < bytes)
        bytes = left;
    return bytes ? bytes : 1;
}

uint64_t host_memory_total(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

uint64_t host_memory_peak(void) {
    // not getrusage: its figure starts with that of the process that ran this one
    uint64_t kilobytes = 0;
    (void)number_of(&kilobytes, "/proc/self/status", "VmHWM:");
    return kilobytes * 1024;
}
