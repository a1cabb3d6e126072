#define _DEFAULT_SOURCE /* timegm */
#include "base/moment.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

/* Seconds of a day's last second, as the C library counts them. */
static double seconds_of(int year, int month, int day) {
    struct tm t = {.tm_year = year - 1900,
                   .tm_mon = month - 1,
                   .tm_mday = day,
                   .tm_hour = 23,
                   .tm_min = 59,
                   .tm_sec = 58};
    return (double)timegm(&t);
}

/* Whether the library keeps the day: it makes the first of March of a thirtieth of February. */
static bool is_day(int year, int month, int day) {
    struct tm t = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    (void)timegm(&t);
    return t.tm_mon == month - 1;
}

/* Every day, and every day that is none, of years that differ in their leap days. */
Test(moment, days_are_those_of_the_calendar) {
    static const int years[] = {1899, 1900, 1969, 1970, 1999, 2000,
                                2001, 2024, 2025, 2026, 2100, 2400};
    for (size_t i = 0; i < sizeof years / sizeof *years; i++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= 31; day++) {
                char text[MOMENT_BYTES];
                double seconds = 0;
                snprintf(text, sizeof text, "%04d-%02d-%02dT23:59:58Z", years[i], month, day);
                bool is_read = moment_read(&seconds, text);
                cr_expect_eq(is_read, is_day(years[i], month, day), "%s", text);
                if (is_read)
                    cr_expect_float_eq(seconds, seconds_of(years[i], month, day), 0.1, "%s: %.0f",
                                       text, seconds);
            }
}

Test(moment, what_is_none_is_not_read) {
    static const char *const none[] = {
        "",
        "2025-01-31",
        "2025-01-31T12:00:00",
        "2025-01-31T12:00:00z",
        "2025-01-31 12:00:00Z",
        "2025-01-31T24:00:00Z",
        "2025-01-31T12:60:00Z",
        "2025-01-31T12:00:60Z",
        "2025-00-31T12:00:00Z",
        "2025-13-31T12:00:00Z",
        "2025-01-00T12:00:00Z",
        "2025-01-31T12:00:00ZZ",
        "+025-01-31T12:00:00Z",
    };
    char now[MOMENT_BYTES];
    double seconds = 0, before = (double)time(NULL);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_not(moment_read(NULL, none[i]), "%s", none[i]);
    cr_assert(moment_read(&seconds, moment_now(now)), "%s", now);
    cr_expect(seconds >= before && seconds <= (double)time(NULL), "%s", now);
}
