#include "support/expected.h"

#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Passes over a number in both texts; false where they are no numbers, or others. */
static bool pass_number(const char **a, const char **b) {
    if (!is_digit(**a) || !is_digit(**b)) return false;
    char *end_a, *end_b;
    double x = strtod(*a, &end_a), y = strtod(*b, &end_b);
    // hashes and the like: as text
    if (end_a - *a == end_b - *b && !strncmp(*a, *b, (size_t)(end_a - *a))) {
        *a = end_a;
        *b = end_b;
        return true;
    }
    if (!isfinite(x) || !isfinite(y) || fabs(x - y) > 1e-6 * fmax(fabs(x), fabs(y))) return false;
    *a = end_a;
    *b = end_b;
    return true;
}

void expect_output(const char *name, const char *text) {
    char path[512], *want;
    size_t count, line = 1;
    snprintf(path, sizeof path, HARNESS_SOURCE_DIR "/tests/expected/%s", name);
    if (getenv("HARNESS_WRITE_EXPECTED")) MUST(file_write(path, text, strlen(text)));
    MUST(file_read((void **)&want, &count, path, 0));
    const char *a = want, *b = text, *line_a = a, *line_b = b;
    while (*a || *b) {
        if (pass_number(&a, &b)) continue;
        if (*a != *b) break;
        b++;
        if (*a++ != '\n') continue;
        line_a = a;
        line_b = b;
        line++;
    }
    cr_assert(!*a && !*b, "%s:%zu: expected\n%.*s\nfound\n%.*s", name, line,
              (int)strcspn(line_a, "\n"), line_a, (int)strcspn(line_b, "\n"), line_b);
    mem_free(want);
}
