/* Assertions on `err` with its message. */
#ifndef HARNESS_TESTS_SUPPORT_MUST_H
#define HARNESS_TESTS_SUPPORT_MUST_H

#include "base/err.h"

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

#endif
