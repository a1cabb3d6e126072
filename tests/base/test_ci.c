#include "base/memory.h"
#include "platform/file.h"

#include <criterion/criterion.h>
#include <string.h>

Test(ci, hosted_copies_are_equal) {
    void *a, *b;
    size_t na, nb;
    cr_assert_eq(file_read(&a, &na, HARNESS_SOURCE_DIR "/CI.yml", 0), ERR_OK);
    cr_assert_eq(file_read(&b, &nb, HARNESS_SOURCE_DIR "/.github/workflows/ci.yml", 0), ERR_OK);
    cr_assert_eq(na, nb);
    cr_assert_eq(memcmp(a, b, na), 0);
    cr_assert_not_null(strstr(a, ".ci/run"));
    mem_free(a);
    mem_free(b);
}
