/* The heads of answers, line by line, and what becomes of the address a redirect names. */
#include "fuzz.h"
#include "net/http_internal.h"

#include <string.h>

static bool is_clean(const char *text) {
    for (; text && *text; text++)
        if ((unsigned char)*text < 32 && *text != '\t') return false;
    return true;
}

static void check_address(const char *line, size_t bytes) {
    char url[600], shown[HTTP_SHOWN_BYTES];
    size_t n = bytes < sizeof url - 1 ? bytes : sizeof url - 1;
    memcpy(url, line, n);
    url[n] = '\0';
    http__shown(shown, url);
    FUZZ_CHECK(strlen(shown) < HTTP_SHOWN_BYTES);
    for (const char *c = shown; *c; c++) FUZZ_CHECK(*c > 32 && *c < 127);
    if (http__same_origin("https://hub.co/x", url))
        FUZZ_CHECK(http__same_origin(url, "https://hub.co/x"));
}

FUZZ_TARGET(http_header) {
    http__call c = {.url = "https://hub.co/x"};
    fuzz_begin();
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t n = end ? (size_t)(end - data) + 1 - at : size - at;
        const char *line = (const char *)data + at;
        check_address(line, n);
        if (!fuzz_accepts(http__header(&c, line, n))) break;
        FUZZ_CHECK(is_clean(c.etag) && is_clean(c.commit) && is_clean(c.error_code));
        FUZZ_CHECK(c.content_bytes >= -1 && c.range_start >= -1 && c.range_total >= -1);
        at += n;
    }
    http__free(&c);
    fuzz_end();
}
