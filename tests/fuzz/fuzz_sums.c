/* SHA256SUMS of a folder that holds the files a and b. In the input, @A and @B stand for their
 * sums. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/sums.h"
#include "fuzz.h"
#include "platform/file.h"

#include <string.h>

static const char *const contents[] = {"a", "b"};

static bool expand(strbuf *out, const uint8_t *data, size_t size) {
    char hex[HASH_HEX_BYTES];
    err e = ERR_OK;
    for (size_t i = 0; i < size && !e; i++) {
        bool marked = data[i] == '@' && i + 1 < size && (data[i + 1] == 'A' || data[i + 1] == 'B');
        if (marked) hash_bytes_hex(contents[data[i + 1] - 'A'], 1, hex);
        e = marked ? strbuf_add(out, hex) : strbuf_add_bytes(out, data + i, 1);
        i += marked;
    }
    return fuzz_needs(e);
}

FUZZ_TARGET(sums) {
    strbuf text = {0};
    char hex[HASH_HEX_BYTES];
    fuzz_begin();
    if (fuzz_needs(folder_make(fuzz_path("sums"))) && expand(&text, data, size)) {
        fuzz_file("sums/a", contents[0], 1);
        fuzz_file("sums/b", contents[1], 1);
        fuzz_file("sums/SHA256SUMS", text.text, text.length);
        const char *folder = fuzz_path("sums");
        hash_bytes_hex(contents[0], 1, hex);
        bool all = fuzz_accepts(sums_check(folder, NULL));
        // a file that is vouched for has its sum there, and what vouches for all does for each
        // listed
        if (fuzz_accepts(sums_check(folder, "a"))) FUZZ_CHECK(strstr(text.text, hex));
        if (all && fuzz_needs(sums_add(folder, "b"))) {
            FUZZ_CHECK(fuzz_needs(sums_check(folder, "b")) || fuzz_saw_memory_error());
        }
    }
    strbuf_free(&text);
    fuzz_end();
}
