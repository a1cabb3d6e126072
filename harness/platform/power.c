#include "platform/power.h"

#include "base/log.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool read_text(char *out, size_t size, const char *path) {
    FILE *file = fopen(path, "re");
    bool got = file && fgets(out, (int)size, file);
    if (file) fclose(file);
    if (got) out[strcspn(out, "\n")] = '\0';
    return got && *out;
}

static bool read_number(double *out, const char *path) {
    char text[64], *end;
    if (!read_text(text, sizeof text, path)) return false;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out) && *out >= 0;
}

static void add_counter(power_sample *s, const char *kind, const char *name, double joules,
                        double wraps_at) {
    if (s->count == POWER_COUNTERS) return;
    power_counter *c = &s->counters[s->count++];
    *c = (power_counter){.joules = joules, .wraps_at = wraps_at};
    snprintf(c->name, sizeof c->name, "%s%s%s", kind, *name ? " " : "", name);
}

/* The names in a folder in their order, each given to `each` with its path. */
static void visit(const char *folder, power_sample *s,
                  void (*each)(power_sample *s, const char *path, const char *name)) {
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        int length = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && length > 0 && (size_t)length < sizeof path)
            each(s, path, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

static bool file_in(char *path, size_t size, const char *folder, const char *name) {
    int length = snprintf(path, size, "%s/%s", folder, name);
    return length > 0 && (size_t)length < size;
}

/* Packages alone ("intel-rapl:0", of AMD's processors too): their parts are in them. */
static void add_rapl(power_sample *s, const char *path, const char *name) {
    char file[PATH_MAX], called[32];
    double uj, range = 0;
    const char *number = strncmp(name, "intel-rapl:", 11) ? NULL : name + 11;
    if (!number || strchr(number, ':')) return;
    if (!file_in(file, sizeof file, path, "energy_uj") || !read_number(&uj, file)) return;
    if (file_in(file, sizeof file, path, "max_energy_range_uj")) (void)read_number(&range, file);
    if (!file_in(file, sizeof file, path, "name") || !read_text(called, sizeof called, file))
        snprintf(called, sizeof called, "%s", number);
    add_counter(s, "powercap", called, uj * 1e-6, range * 1e-6);
}

/* Cards whose driver counts (xe, i915): the first input is the whole card. */
static void add_hwmon(power_sample *s, const char *path, const char *name) {
    char file[PATH_MAX], called[32];
    double uj;
    if (!file_in(file, sizeof file, path, "energy1_input") || !read_number(&uj, file)) return;
    if (!file_in(file, sizeof file, path, "name") || !read_text(called, sizeof called, file))
        snprintf(called, sizeof called, "%s", name);
    add_counter(s, "hwmon", called, uj * 1e-6, 0);
}

static bool is_processor(const char *name) {
    return !strncmp(name, "cpu", 3) && name[3] &&
           strspn(name + 3, "0123456789") == strlen(name + 3);
}

static void add_processor(power_sample *s, const char *path, const char *name) {
    char file[PATH_MAX];
    double value;
    if (!is_processor(name)) return;
    if (file_in(file, sizeof file, path, "cpufreq/scaling_cur_freq") && read_number(&value, file)) {
        s->clock_mhz += value * 1e-3;
        s->clock_count++;
    }
    if (file_in(file, sizeof file, path, "thermal_throttle/core_throttle_count") &&
        read_number(&value, file)) {
        s->tells_heat = true;
        s->throttled += (uint64_t)value;
    }
}

/* The first line of /proc/stat: "cpu" and ticks of user, nice, system, idle, iowait, irq, softirq,
 * steal; guests are among user. */
static void add_others(power_sample *s, const char *proc) {
    enum { IDLE = 3, WAITS = 4, PARTS = 8 };
    char path[PATH_MAX], text[256], *at = text + 3;
    double ticks = 0;
    struct timespec own;
    s->at_s = clock_seconds();
    if (!file_in(path, sizeof path, proc, "stat") || !read_text(text, sizeof text, path) ||
        strncmp(text, "cpu ", 4) != 0)
        return;
    for (int i = 0; i < PARTS; i++) {
        char *end;
        double part = strtod(at, &end);
        if (end == at || !(part >= 0)) return;
        if (i != IDLE && i != WAITS) ticks += part;
        at = end;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    s->others_s = fmax(0, ticks / (double)sysconf(_SC_CLK_TCK) - (double)own.tv_sec -
                              1e-9 * (double)own.tv_nsec);
}

/* NVIDIA's library, as its public header has it. */

typedef struct nvml {
    void *library, *card;
    int (*shutdown)(void);
} nvml;

/* ISO C has no conversion between pointers to objects and to functions; POSIX has. */
static void *function(const nvml *n, const char *name, size_t size, void *to) {
    void *found = dlsym(n->library, name);
    if (found) memcpy(to, &found, size);
    return found;
}
#define FUNCTION(n, name, to) function(n, name, sizeof *(to), (void *)(to))

static bool nvml_open(nvml *n, const power_place *where) {
    int (*init)(void);
    int (*find)(const char *uuid, void **card);
    char uuid[64];
    // a process may run out of thread-local memory for a library that it loads again and again
    *n = (nvml){.library = dlopen(where->nvml ? where->nvml : "libnvidia-ml.so.1",
                                  RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)};
    if (!n->library) return false;
    // the UUID that Vulkan tells is the one that NVML knows the card by
    snprintf(uuid, sizeof uuid, "GPU-%s", where->uuid);
    if (FUNCTION(n, "nvmlInit_v2", &init) && FUNCTION(n, "nvmlShutdown", &n->shutdown) &&
        FUNCTION(n, "nvmlDeviceGetHandleByUUID", &find) && !init()) {
        if (!find(uuid, &n->card)) return true;
        n->shutdown();
    }
    dlclose(n->library);
    return false;
}

static void add_nvml(power_sample *s, const power_place *where) {
    enum { CLOCK_SM = 1 };
    // HwSlowdown, SwThermalSlowdown, HwThermalSlowdown
    const unsigned long long heat = 0x8 | 0x20 | 0x40;
    int (*energy)(void *card, unsigned long long *mj);
    int (*clock)(void *card, int kind, unsigned *mhz);
    int (*reasons)(void *card, unsigned long long *bits);
    unsigned long long value = 0;
    unsigned mhz = 0;
    nvml n;
    if (!where->uuid || !*where->uuid || !nvml_open(&n, where)) return;
    s->is_card = true;
    s->clock_mhz = 0;
    if (FUNCTION(&n, "nvmlDeviceGetTotalEnergyConsumption", &energy) && !energy(n.card, &value))
        add_counter(s, "nvml", "", (double)value * 1e-3, 0);
    if (FUNCTION(&n, "nvmlDeviceGetClockInfo", &clock) && !clock(n.card, CLOCK_SM, &mhz))
        s->clock_mhz = mhz;
    if (FUNCTION(&n, "nvmlDeviceGetCurrentClocksThrottleReasons", &reasons) &&
        !reasons(n.card, &value)) {
        s->tells_heat = true;
        s->is_throttled = (value & heat) != 0;
    }
    n.shutdown();
    dlclose(n.library);
}

void power_read(power_sample *out, const power_place *where) {
    static const struct {
        const char *folder;
        void (*each)(power_sample *s, const char *path, const char *name);
    } parts[] = {{"class/powercap", add_rapl},
                 {"class/hwmon", add_hwmon},
                 {"devices/system/cpu", add_processor}};
    char path[PATH_MAX];
    *out = (power_sample){0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (file_in(path, sizeof path, where->sys ? where->sys : "/sys", parts[i].folder))
            visit(path, out, parts[i].each);
    if (out->clock_count) out->clock_mhz /= (double)out->clock_count;
    add_nvml(out, where);
    add_others(out, where->proc ? where->proc : "/proc");
}

void power_between(double *joules, const power_sample *before, const power_sample *after) {
    for (size_t i = 0; i < before->count; i++) {
        const power_counter *a = &before->counters[i];
        joules[i] = (double)NAN;
        for (size_t k = 0; k < after->count; k++) {
            const power_counter *b = &after->counters[k];
            if (strcmp(a->name, b->name) != 0) continue;
            double spent = b->joules - a->joules;
            // a counter that began anew, and does not say where it ends, tells nothing
            if (spent < 0) spent = b->wraps_at > a->joules ? spent + b->wraps_at : (double)NAN;
            joules[i] = spent;
            break;
        }
    }
}

bool power_throttled(const power_sample *before, const power_sample *after) {
    return before->is_throttled || after->is_throttled || after->throttled > before->throttled;
}

double power_beside(const power_sample *before, const power_sample *after) {
    double seconds = after->at_s - before->at_s, others = after->others_s - before->others_s;
    return before->others_s > 0 && seconds > 0 ? fmax(0, others / seconds) : 0;
}
