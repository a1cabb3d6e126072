/* Shared by the store's files: what a cache of lean records knows. */
#ifndef HARNESS_RESULT_STORE_INTERNAL_H
#define HARNESS_RESULT_STORE_INTERNAL_H

#include "result/store.h"

typedef struct store__known {
    const char *path; /* borrowed from bytes, as the next */
    uint8_t *packed;
    store_file source;
} store__known;

typedef struct store__cache {
    uint8_t *bytes; /* owned: of the whole file */
    size_t size;
    store__known *entries; /* (count) by path */
    size_t count;
} store__cache;

/* An empty one where the file is absent, damaged or of another build. Errors: ERR_MEMORY. */
err store__cache_read(store__cache *c, const char *path) MUST_CHECK;
void store__cache_free(store__cache *c);

/* NULL: not known. */
const store__known *store__find(const store__cache *c, const char *path);

err store__take(record *r, store *s, const store__cache *c, const store__known *k) MUST_CHECK;

#endif
