/* What the machine itself says of its energy, clock, heat and load: counters of Linux (powercap's RAPL
 * domains, hwmon's energy inputs, cpufreq, the processors' thermal throttling, the time they were
 * busy) and of NVIDIA's management library, which is loaded where it is installed. What a machine does not tell, or does
 * not tell this user (RAPL is root's on most), is absent: nothing is estimated, and power is not
 * integrated.
 *
 * Counters are of whole parts of the machine: of a processor package or a card, whatever else runs
 * on it. */
#ifndef HARNESS_PLATFORM_POWER_H
#define HARNESS_PLATFORM_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POWER_COUNTERS = 8, POWER_NAME_BYTES = 40 };

/* Where to look: the program's own, or a test's. */
typedef struct power_place {
    const char *sys;  /* NULL: "/sys" */
    const char *nvml; /* the library's file; NULL: "libnvidia-ml.so.1" */
    const char *uuid; /* of the device that computes, as device_info has it; "": no NVML */
    const char *proc; /* NULL: "/proc" */
} power_place;

typedef struct power_counter {
    char name[POWER_NAME_BYTES]; /* "powercap package-0", "hwmon xe", "nvml" */
    double joules;               /* since some moment */
    double wraps_at;             /* 0: it does not */
} power_counter;

/* A moment. */
typedef struct power_sample {
    power_counter counters[POWER_COUNTERS]; /* (count), in the order of their names */
    size_t count;
    double clock_mhz;   /* the card's, or without one the mean of the processors'; 0: not told */
    size_t clock_count; /* processors that told it */
    bool is_card;       /* NVML knows the card: the clock is its own */
    bool tells_heat;    /* the next two are known */
    uint64_t throttled; /* times that processors were throttled for their heat, since they run */
    bool is_throttled;  /* the card is, at this moment */
    double at_s;        /* when this is, in seconds of a clock of its own */
    double others_s;    /* of processors that were busy, but not for this process; 0: not told */
} power_sample;

void power_read(power_sample *out, const power_place *where);

/* Joules of the counter between two samples of one place: (count of `before`) values, NaN where the
 * later one lacks the counter. */
void power_between(double *joules, const power_sample *before, const power_sample *after);

/* Whether the machine held its clock down for heat at `after`, or between. */
bool power_throttled(const power_sample *before, const power_sample *after);

/* How many processors other processes (and what a virtual machine waits for) kept busy between two
 * samples, in the mean; 0 where it is not told. What the card did for others no counter tells. */
double power_beside(const power_sample *before, const power_sample *after);

#endif
