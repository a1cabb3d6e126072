#include "platform/clock.h"

#include <math.h>
#include <time.h>

double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void clock_pause(double seconds) {
    double whole = floor(seconds);
    const struct timespec t = {(time_t)whole, (long)((seconds - whole) * 1e9)};
    nanosleep(&t, NULL);
}

bool clock_utc(struct tm *parts, time_t when) {
    *parts = (struct tm){0};
    return gmtime_r(&when, parts) != NULL;
}

bool clock_local(struct tm *parts, time_t when) {
    *parts = (struct tm){0};
    return localtime_r(&when, parts) != NULL;
}
