/* A tokenizer while its files are read. */
#ifndef HARNESS_TEXT_TOKENIZER_DRAFT_H
#define HARNESS_TEXT_TOKENIZER_DRAFT_H

#include "base/json.h"
#include "text/tokenizer_internal.h"

enum {
    TOKENIZER_BYTES_MAX = 256 << 20, /* larger than any vocabulary by two orders */
    TOKEN_BYTES_MAX = 4096,          /* no word that is longer is looked up */
    TOKENS_MAX = 1 << 22             /* a token takes a hundred bytes, however short its line */
};

/* An added token by the id that its file gives it. */
typedef struct listed_token {
    added_token token; /* its text is borrowed from the files */
    size_t place;      /* of equal ids the later counts */
} listed_token;

typedef struct draft {
    tokenizer *t;
    const char *where;          /* the folder or file, for messages */
    const char *said;           /* the same of what tokenizer_config.json says */
    char *config_path;          /* owned */
    char *names[SPECIAL_COUNT]; /* owned; NULL: the usual one */
    bool no_mask;               /* mask_token is null */
    bool cased;                 /* said by the user */

    bool is_generic;  /* PreTrainedTokenizerFast: tokenizer.json decides all */
    cJSON *json;      /* tokenizer.json, owned; NULL when there is none */
    cJSON *config;    /* tokenizer_config.json with special_tokens_map.json, owned; may be NULL */
    cJSON *added;     /* added_tokens.json, owned; NULL when there is none */
    bool has_decoder; /* the config has added_tokens_decoder */
    bool had_zeros;   /* tokenizer.json has tokens with a 0 byte */
    bool json_lowers; /* what the normalizer of tokenizer.json says */
    listed_token *listed; /* (listed_count) owned */
    size_t listed_count, listed_capacity;
} draft;

/* True and false of a key; absent leaves *out as it is. */
err draft__flag(bool *out, const cJSON *object, const char *key, const char *where) MUST_CHECK;
err draft__strip_accents(tokenizer *t, const cJSON *object, const char *where) MUST_CHECK;

/* One {"content", "special", "normalized", ...}; the text is borrowed from it. */
err draft__describe(added_token *a, const cJSON *object, const char *where) MUST_CHECK;
/* Notes an added token under an id. */
err draft__list(draft *d, const added_token *a) MUST_CHECK;
/* Adds the noted ones in the order of their ids. */
err draft__add_listed(draft *d) MUST_CHECK;

err draft__refuse(const char *where, const char *part, const char *found,
                  const char *expected) MUST_CHECK;

/* tokenizer.json: reads it; its vocabulary and what else is taken of it; its added tokens. */
err draft__json_read(draft *d, const char *path) MUST_CHECK;
err draft__json_take(draft *d, const char *path) MUST_CHECK;
err draft__json_added(draft *d, const char *path) MUST_CHECK;

/* The other files of a folder: reads them, and finds the class. */
err draft__config_read(draft *d, const char *folder) MUST_CHECK;
/* Options, names of special tokens, added tokens. pre: the vocabulary is indexed. */
err draft__config_take(draft *d) MUST_CHECK;

#endif
