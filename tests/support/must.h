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
