/* Letters a to z, whatever the locale: the C library's functions follow LC_CTYPE, and under a
 * Turkish one "INTEL" is not "intel". Bytes above 127 are compared as they are, so UTF-8 stays
 * whole. tests/base/test_ascii.c keeps the locale's functions out of the code. */
#ifndef HARNESS_BASE_ASCII_H
#define HARNESS_BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

char ascii_lower(char c);

/* Equal but for the case of letters; starts: text begins with part; contains: part is in it. */
bool ascii_equal_fold(const char *a, const char *b);
bool ascii_starts_fold(const char *text, const char *part);
bool ascii_contains_fold(const char *text, const char *part);

/* Whether text ends so. */
bool ascii_ends(const char *text, const char *end);

/* A byte that is seen: neither blank, control character nor above 127. */
bool ascii_is_graphic(char c);

/* The text, of digits alone, as a number. False, and *value is 0: it is none below 2^32, or NULL. */
bool ascii_whole(uint32_t *value, const char *text);

#endif
