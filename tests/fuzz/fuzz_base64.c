/* base64, as predictions, labels and losses lie in records and checkpoints. */
#include "base/hash.h"
#include "base/memory.h"
#include "fuzz.h"

#include <string.h>

static void decode_text(const uint8_t *data, size_t size) {
    char *text = NULL;
    void *bytes = NULL;
    size_t count = 0;
    if (!fuzz_needs(mem_strndup(&text, (const char *)data, size))) return;
    if (fuzz_accepts(base64_decode(&bytes, &count, text))) {
        FUZZ_CHECK(count <= strlen(text) / 4 * 3 + 3);
    } else {
        FUZZ_CHECK(!bytes);
    }
    mem_free(bytes);
    mem_free(text);
}

static void encode_and_decode(const uint8_t *data, size_t size) {
    char *text = NULL;
    void *bytes = NULL;
    size_t count = 0;
    if (!fuzz_needs(base64_encode(&text, data, size))) return;
    if (fuzz_needs(base64_decode(&bytes, &count, text))) {
        FUZZ_CHECK(count == size && (!size || !memcmp(bytes, data, size)));
    }
    mem_free(bytes);
    mem_free(text);
}

FUZZ_TARGET(base64) {
    fuzz_begin();
    decode_text(data, size);
    encode_and_decode(data, size);
    fuzz_end();
}
