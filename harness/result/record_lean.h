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

/* Whether its predictions are here: of a lean record they may not be. */
bool record_has_answers(const record *r);

/* A lean record without answers as bytes, for this build of the program alone. */
err record_pack(strbuf *out, const record *r) MUST_CHECK;

/* JSON that records share: each text is parsed once. */
typedef struct json_pool {
    struct json_text {
        char *text; /* owned */
        cJSON *value;
    } * texts;
    size_t count, capacity;
} json_pool;
void json_pool_free(json_pool *p);

/* Reads what record_pack wrote: *bytes moves behind it. r, freed as any record, needs the pool as
 * long as it is used. Errors: ERR_FORMAT where the bytes end too soon; ERR_MEMORY. */
err record_unpack(record *r, json_pool *pool, const uint8_t **bytes, const uint8_t *end) MUST_CHECK;

#endif
