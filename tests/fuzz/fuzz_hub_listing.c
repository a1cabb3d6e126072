/* What a hub says of a model: its listing, and the index of its shards. The first byte chooses. */
#include "base/hash.h"
#include "base/memory.h"
#include "fuzz.h"
#include "net/hub_internal.h"

#include <string.h>

static void check_listing(const hub__listing *l) {
    FUZZ_CHECK(hash_is_hex(l->commit, HUB_COMMIT_DIGITS));
    FUZZ_CHECK(l->count <= HUB_FILES_MAX);
    for (size_t i = 0; i < l->count; i++) {
        FUZZ_CHECK(hub__is_word(l->files[i], strlen(l->files[i])));
        for (size_t k = 0; k < i; k++) FUZZ_CHECK(strcmp(l->files[i], l->files[k]) != 0);
    }
}

/* Half of what an index names is there. */
static bool has(const void *user, const char *file) {
    (void)user;
    FUZZ_CHECK(hub__is_word(file, strlen(file)));
    return strlen(file) % 2;
}

FUZZ_TARGET(hub_listing) {
    hub__listing l;
    char *missing = NULL;
    bool words_only = size && data[0] == 'w';
    fuzz_begin();
    if (size && data[0] == 'i') {
        const char *path = fuzz_file("index.json", data + 1, size - 1);
        if (fuzz_accepts(hub__index_missing(&missing, path, has, NULL)))
            FUZZ_CHECK(!missing || strlen(missing) % 2 == 0);
        mem_free(missing);
    } else if (size) {
        // json_parse is given text with a 0 byte behind it, as answers have
        char *text = NULL;
        if (fuzz_needs(mem_strndup(&text, (const char *)data + 1, size - 1)) &&
            fuzz_accepts(hub__listing_read(&l, text, strlen(text), words_only, "hub"))) {
            check_listing(&l);
            hub__listing_free(&l);
        }
        mem_free(text);
    }
    fuzz_end();
}
