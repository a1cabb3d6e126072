/* Records without what a board does not need: of thousands a full one each would be gigabytes. */
#ifndef HARNESS_RESULT_RECORD_LEAN_H
#define HARNESS_RESULT_RECORD_LEAN_H

#include "base/memory.h"
#include "result/record.h"

/* Of a full record from its parts, of a lean one as they were. */
void record_digest(record_digests *out, const record *r);

/* Frees the losses, lists for pages, gold and, unless they are kept, predictions; what the board
 * compares of them stays as r->lean. Scores, names and recipes stay. */
void record_lighten(record *r, bool keep_answers);

/* Whether its predictions are here as they were: of a lean record they may not be. */
bool record_has_answers(const record *r);

/* predicted of a record whose ids are narrow: *out is owned. Errors: ERR_MEMORY. */
err record_wide_ids(uint32_t **out, const record *r) MUST_CHECK;

/* A lean record without answers as bytes, for this build of the program alone. Of one that came from
 * bytes: these. */
err record_pack(strbuf *out, const record *r) MUST_CHECK;

/* What records share of what is made of their bytes, JSON and lists of labels, and what of these bytes
 * is theirs alone. */
typedef struct lean_pool {
    struct pooled {
        const char *bytes; /* (size) borrowed as the records' are */
        size_t size;
        cJSON *json;        /* owned, or */
        char **labels;      /* (label_count) list owned */
        size_t label_count; /* 0: JSON */
    } * values;
    size_t count, capacity;
    char **blocks; /* (block_count) owned */
    size_t block_count, block_capacity;
} lean_pool;
void lean_pool_free(lean_pool *p);

/* Reads what record_pack wrote: *bytes moves behind it. r, freed as any record and not to be changed,
 * borrows its texts from these bytes, its JSON and labels from the pool. Errors: ERR_FORMAT where the bytes
 * end too soon; ERR_MEMORY. */
err record_unpack(record *r, lean_pool *pool, uint8_t **bytes, uint8_t *end) MUST_CHECK;

/* record_lighten, with its answers narrow, and makes r anew of bytes that the pool owns: one block for all
 * its texts, and what it shares with others once. Errors: ERR_MEMORY. */
err record_pool(record *r, lean_pool *pool) MUST_CHECK;

/* Bytes that its answers take; and without them. */
size_t record_answer_bytes(const record *r);
void record_drop_answers(record *r);

#endif
