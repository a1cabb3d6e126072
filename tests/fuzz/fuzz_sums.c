/* SHA256SUMS of a folder with two files. In the input, @A and @B stand for their hashes. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/sums.h"
#include "fuzz.h"
#include "platform/file.h"

#include <string.h>

static char hashes[2][HASH_HEX_BYTES];

static void make_files(void) {
    static const char *const names[] = {"sums/a", "sums/b"};
    FUZZ_CHECK(folder_make(fuzz_path("sums")) == ERR_OK);
    for (size_t i = 0; i < 2; i++) {
        const char *path = fuzz_file(names[i], names[i], strlen(names[i]));
        FUZZ_CHECK(hash_file_hex(path, hashes[i]) == ERR_OK);
    }
}

/* The input with @A and @B replaced; owned. */
static bool expand(strbuf *out, const uint8_t *data, size_t size) {
    err e = strbuf_add(out, "");
    for (size_t i = 0; i < size && !e; i++) {
        bool marked = data[i] == '@' && i + 1 < size && (data[i + 1] == 'A' || data[i + 1] == 'B');
        e = marked ? strbuf_add(out, hashes[data[i + 1] - 'A'])
                   : strbuf_add_bytes(out, data + i, 1);
        i += marked;
    }
    return fuzz_needs(e);
}

FUZZ_TARGET(sums) {
    strbuf text = {0};
    if (!hashes[0][0]) make_files();
    fuzz_begin();
    if (expand(&text, data, size)) {
        fuzz_file("sums/SHA256SUMS", text.text, text.length);
        const char *folder = fuzz_path("sums");
        bool a = fuzz_accepts(sums_check(folder, "a")), b = fuzz_accepts(sums_check(folder, "b"));
        // nothing is taken for good that is not listed with its hash
        if (a && text.length) FUZZ_CHECK(strstr(text.text, hashes[0]) != NULL);
        if (b && text.length) FUZZ_CHECK(strstr(text.text, hashes[1]) != NULL);
        if (fuzz_accepts(sums_check(folder, NULL)) && a && b) {
            // one more file: what was good stays good
            if (fuzz_needs(sums_add(folder, "a"))) (void)fuzz_needs(sums_check(folder, "a"));
        }
    }
    strbuf_free(&text);
    fuzz_end();
}
