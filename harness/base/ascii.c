#include "base/ascii.h"

#include <stdlib.h>
#include <string.h>

char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool ascii_starts_fold(const char *text, const char *part) {
    for (; *part; text++, part++)
        if (ascii_lower(*text) != ascii_lower(*part)) return false;
    return true;
}

bool ascii_equal_fold(const char *a, const char *b) {
    return strlen(a) == strlen(b) && ascii_starts_fold(a, b);
}

bool ascii_contains_fold(const char *text, const char *part) {
    for (; *text; text++)
        if (ascii_starts_fold(text, part)) return true;
    return !*part;
}

bool ascii_ends(const char *text, const char *end) {
    size_t n = strlen(text), k = strlen(end);
    return n >= k && !strcmp(text + n - k, end);
}

bool ascii_is_graphic(char c) {
    return c > ' ' && c < 127;
}

bool ascii_whole(uint32_t *value, const char *text) {
    char *end = NULL;
    *value = 0;
    if (!text || *text < '0' || *text > '9') return false;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end || n > UINT32_MAX) return false;
    *value = (uint32_t)n;
    return true;
}
