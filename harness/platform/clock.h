/* Moments: of a clock that goes on whatever the date is set to, and of days. */
#ifndef HARNESS_PLATFORM_CLOCK_H
#define HARNESS_PLATFORM_CLOCK_H

#include <stdbool.h>
#include <time.h>

double clock_seconds(void); /* of the first kind */
/* Sleeps so long; less where a signal came. */
void clock_pause(double seconds);

/* The parts of a moment; all 0 and false where it has none. */
bool clock_utc(struct tm *parts, time_t when);
bool clock_local(struct tm *parts, time_t when); /* of this machine's time zone */

#endif
