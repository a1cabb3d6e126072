#include "base/shown.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a decimal of so many digits may read back as the value: it is no further away than the next
 * double. Of values below 1, as most are, that is told at once; of others it may be so. */
static bool may_read_back(double value, int digits) {
    static const double from[] = {0.1, 0.01, 0.001}; // none of them is less than what it is named
    static const long double tens[] = {1e15L, 1e16L, 1e17L, 1e18L};
    size_t place = 0;
    value = fabs(value);
    if (!(value < 1 && value >= from[2])) return true;
    while (value < from[place]) place++;
    long double scale = tens[place + (size_t)(digits - DBL_DIG)], scaled = scale * value;
    return fabsl(scaled - rintl(scaled)) <= scale * (nextafter(value, 1) - value);
}

const char *shown_number(char text[SHOWN_NUMBER_BYTES], double value) {
    if (value == floor(value) && fabs(value) < 1e15) {
        snprintf(text, SHOWN_NUMBER_BYTES, "%.0f", value);
        return text;
    }
    // a decimal of DBL_DIG digits or fewer that reads back is what DBL_DIG print: %g drops the zeros
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits < DBL_DECIMAL_DIG; digits++) {
        if (digits >= DBL_DIG && !may_read_back(value, digits)) continue;
        snprintf(text, SHOWN_NUMBER_BYTES, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return text;
    }
    snprintf(text, SHOWN_NUMBER_BYTES, "%.*g", DBL_DECIMAL_DIG, value); // which always reads back
    return text;
}

const char *shown_single(char text[SHOWN_NUMBER_BYTES], float value) {
    for (int digits = fabsf(value) < FLT_MIN ? 1 : FLT_DIG; digits <= 9; digits++) {
        snprintf(text, SHOWN_NUMBER_BYTES, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) return shown_number(text, strtod(text, NULL));
    }
    return text;
}

const char *shown_count(char text[SHOWN_COUNT_BYTES], uint64_t count) {
    int length = snprintf(text, SHOWN_COUNT_BYTES, "%" PRIu64, count);
    for (int at = length - 3; at > 0; at -= 3, length++) {
        memmove(text + at + 1, text + at, (size_t)(length - at) + 1);
        text[at] = ',';
    }
    return text;
}

const char *shown_memory(char text[SHOWN_SIZE_BYTES], uint64_t bytes) {
    if (bytes < 1024)
        snprintf(text, SHOWN_SIZE_BYTES, "%" PRIu64 " byte%s", bytes, shown_plural(bytes));
    else
        snprintf(text, SHOWN_SIZE_BYTES, "%" PRIu64 " %s", bytes >> (bytes < 1 << 20 ? 10 : 20),
                 bytes < 1 << 20 ? "KiB" : "MiB");
    return text;
}

const char *shown_size(char text[SHOWN_SIZE_BYTES], uint64_t bytes) {
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    enum { LAST = sizeof units / sizeof *units - 1 };
    size_t unit = 0;
    double value = (double)bytes / 1e3;
    for (; unit < LAST && value >= 999.95; unit++) value /= 1e3; // which would be shown as 1000.0
    if (bytes < 1000)
        snprintf(text, SHOWN_SIZE_BYTES, "%" PRIu64 " byte%s", bytes, shown_plural(bytes));
    else
        snprintf(text, SHOWN_SIZE_BYTES, "%.1f %s", value, units[unit]);
    return text;
}
