/* Shared inside harness/net only: what a hub says of a model, read without trust. */
#ifndef HARNESS_NET_HUB_INTERNAL_H
#define HARNESS_NET_HUB_INTERNAL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { HUB_COMMIT_DIGITS = 40, HUB_FILES_MAX = 1000 };

/* A model's files at one commit. Zeroed is empty. */
typedef struct hub__listing {
    char commit[HUB_COMMIT_DIGITS + 1];
    char **files; /* owned: what is to be fetched, each once, weights last */
    size_t count;
    bool has_config, has_weights, has_index, has_pickle;
} hub__listing;

/* Reads the JSON {"sha": ..., "siblings": [{"rfilename": ...}]}; entries of other forms are passed
 * over, and only names that this program reads come into the list. words_only: without weights.
 * Errors: ERR_FORMAT; ERR_DATA for more than HUB_FILES_MAX files; ERR_MEMORY. */
err hub__listing_read(hub__listing *l, const char *text, size_t bytes, bool words_only,
                      const char *where) MUST_CHECK;
void hub__listing_free(hub__listing *l);

/* The first file that a model's index names and `has` knows nothing of, owned; NULL: all are there.
 * Errors: ERR_FORMAT for an index of another form, or with names that are no plain file names. */
typedef bool (*hub__has)(const void *user, const char *file);
err hub__index_missing(char **missing, const char *path, hub__has has, const void *user) MUST_CHECK;

/* Letters, digits, "._-", not beginning with "." or "-": what may become part of a path. */
bool hub__is_word(const char *s, size_t count);

#endif
