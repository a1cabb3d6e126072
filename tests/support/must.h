/* Assertions on `err` with its message, and on what a test leaves. */
#ifndef HARNESS_TESTS_SUPPORT_MUST_H
#define HARNESS_TESTS_SUPPORT_MUST_H

#include "base/err.h"
#include "base/memory.h"

#include <criterion/criterion.h>
#include <string.h>

/* The call succeeds. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        err must_e = (call);                                                                       \
        cr_assert_eq(must_e, ERR_OK, "%s: %s", #call, err_message(must_e));                        \
    } while (0)

/* The call fails with this code and a message that contains `part`. */
#define MUST_FAIL(call, code, part)                                                                \
    do {                                                                                           \
        err must_e = (call);                                                                       \
        cr_assert_eq(must_e, code, "%s gave %s: %s", #call, err_name(must_e),                      \
                     err_message(must_e));                                                         \
        cr_assert_not_null(strstr(err_message(must_e), (part)), "expected '%s' in: %s", (part),    \
                           err_message(must_e));                                                   \
    } while (0)

/* Each of the call's first requests for memory fails in turn, and the call with it: what is asked for behind it makes
 * nothing whole. `undo` frees what it leaves, after an error too. */
#define MUST_FAIL_WITHOUT_MEMORY(most, call, undo)                                                 \
    do {                                                                                           \
        bool must_reached = true;                                                                  \
        for (uint64_t must_nth = 1; must_reached && must_nth <= (most); must_nth++) {              \
            uint64_t must_begun = mem_request_count();                                             \
            mem_fail_at(must_nth);                                                                 \
            err must_e = (call);                                                                   \
            mem_fail_at(0);                                                                        \
            must_reached = mem_request_count() - must_begun >= must_nth;                           \
            cr_assert_eq(must_e, must_reached ? ERR_MEMORY : ERR_OK, "%s, request %llu: %s",       \
                         #call, (unsigned long long)must_nth, err_message(must_e));                \
            cr_assert(must_reached || must_nth > 1, "%s asks for no memory", #call);               \
            undo;                                                                                  \
        }                                                                                          \
    } while (0)

/* A test that frees every block that it has taken. */
#define CleanTest(suite, name)                                                                     \
    static void suite##_##name##_leaves_nothing(void);                                             \
    Test(suite, name) {                                                                            \
        size_t live = mem_live_count();                                                            \
        suite##_##name##_leaves_nothing();                                                         \
        cr_assert_eq(mem_live_count(), live);                                                      \
    }                                                                                              \
    static void suite##_##name##_leaves_nothing(void)

/* The end of a suite whose tests free every block. */
static inline void nothing_left(void) {
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

#endif
