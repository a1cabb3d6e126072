#include "base/moment.h"

#include "platform/clock.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

const char *moment_now(char text[MOMENT_BYTES]) {
    struct tm utc;
    text[0] = '\0';
    if (clock_utc(&utc, time(NULL))) strftime(text, MOMENT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

/* Days from 1970 to the first of March of the year that this month is counted in, so that a leap
 * day is the last of its year. */
static double days_of(int year, int month, int day) {
    int since_march = (month + 9) % 12, y = year - (month < 3), century = y / 100;
    int days = 365 * y + y / 4 - century + century / 4 + (153 * since_march + 2) / 5 + day - 1;
    return (double)days - 719468; // of 0000-03-01 to 1970-01-01
}

bool moment_read(double *seconds, const char *text) {
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != sizeof form - 1) return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
#define TWO(at) (10 * (text[at] - '0') + text[(at) + 1] - '0')
    int year = 100 * TWO(0) + TWO(2), month = TWO(5), day = TWO(8);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1] + (month == 2 && leap))
        return false;
    if (TWO(11) >= 24 || TWO(14) >= 60 || TWO(17) >= 60) return false;
    if (seconds)
        *seconds = 86400 * days_of(year, month, day) + 3600.0 * TWO(11) + 60.0 * TWO(14) + TWO(17);
#undef TWO
    return true;
}
