/* Times as they are shown, and what is said by whom. */
#include "base/log.h"
#include "base/memory.h"
#include "support/said.h"

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

/* Notes and warnings are rank 0's, and notes end where it is quiet; what a rank finds by itself is
 * anyone's, under their rank; an error is told once. */
Test(log, says_who_speaks) {
    static const struct {
        unsigned rank;
        bool quiet;
        const char *said;
    } cases[] = {
        {0, false, "a note\nwarning: one\nwarning: two\nfirst\n\nlast\nharness: it failed\n"},
        {0, true, "warning: one\nwarning: two\nharness: it failed\n"},
        {3, false, "rank 3: warning: two\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        said_begin();
        log_set_quiet(cases[i].quiet);
        log_set_rank(cases[i].rank);
        log_note("a %s", "note");
        log_warn("%s", "one");
        log_warn_here("%s", "two");
        log_lines("first\n\nlast");
        if (i < 2) {
            err e = err_set(ERR_DATA, "it %s", "failed");
            if (i)
                log_error_early(e);
            else
                log_error(e);
            log_error(e);
        } else {
            log_error(ERR_DATA);
        }
        log_set_quiet(false);
        log_set_rank(0);
        char *said = said_end();
        cr_expect_str_eq(said, cases[i].said);
        mem_free(said);
    }
}
