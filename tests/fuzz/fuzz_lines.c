/* Lines of standard input. The first byte chooses how they end, whether they are checked, and how
 * many a window has. */
#include "base/memory.h"
#include "cli/line_reader.h"
#include "fuzz.h"
#include "text/unicode.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Every byte of an input that is accepted comes out, in order, but the ends of lines. */
static void check_line(const line_reader *r, size_t i, const uint8_t *data, size_t size,
                       size_t *at) {
    const char *line = r->lines[i];
    size_t bytes = r->sizes[i];
    FUZZ_CHECK(bytes <= LINE_LIMIT_BYTES && line[bytes] == '\0');
    FUZZ_CHECK(!memchr(line, r->end_byte, bytes) || (r->end_byte && !r->checked));
    FUZZ_CHECK(!r->checked || (strlen(line) == bytes && utf8_valid(line, bytes, NULL)));
    FUZZ_CHECK(bytes <= size - *at && (!bytes || !memcmp(data + *at, line, bytes)));
    *at += bytes;
    if (r->end_byte && *at < size && data[*at] == '\r') ++*at;
    if (*at < size) FUZZ_CHECK(data[(*at)++] == (uint8_t)r->end_byte);
}

FUZZ_TARGET(lines) {
    if (!size) return;
    line_reader r;
    size_t most = 1 + (data[0] >> 2), at = 0;
    err e;
    fuzz_begin();
    int fd = open(fuzz_file("lines", data + 1, size - 1), O_RDONLY);
    FUZZ_CHECK(fd >= 0);
    if (data[0] & 1)
        line_reader_init_raw(&r, fd, "input", (data[0] & 2) != 0);
    else
        line_reader_init(&r, fd, "input");
    // the mark in front is no part of the first line
    if (r.end_byte == '\n' && size > 3 && !memcmp(data + 1, "\xEF\xBB\xBF", 3)) at = 3;
    while (!(e = line_reader_window(&r, most)) && r.count) {
        FUZZ_CHECK(r.count <= most);
        for (size_t i = 0; i < r.count; i++) check_line(&r, i, data + 1, size - 1, &at);
    }
    if (fuzz_accepts(e)) FUZZ_CHECK(at == size - 1);
    line_reader_free(&r);
    close(fd);
    fuzz_end();
}
