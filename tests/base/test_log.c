/* Times as they are shown. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <math.h>

Test(log, durations_change_their_unit_where_three_digits_would_begin) {
    static const struct {
        double seconds;
        const char *text;
    } times[] = {{0, "0 s"},
                 {0.4, "0 s"},
                 {0.6, "1 s"},
                 {59.6, "60 s"},
                 {99.4, "99 s"},
                 {99.6, "2 min"},
                 {150, "2 min"},
                 {151, "3 min"},
                 {5969, "99 min"},
                 {5971, "1.7 h"},
                 {5999, "1.7 h"},
                 {36000, "10.0 h"},
                 {86400, "24.0 h"},
                 {1e6, "277.8 h"},
                 {1e300, "1000000000.0 h"},
                 {INFINITY, "1000000000.0 h"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[LOG_DURATION_BYTES];
        cr_expect_str_eq(log_duration(text, times[i].seconds), times[i].text, "%g s",
                         times[i].seconds);
    }
}
