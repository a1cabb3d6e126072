#include "cli/unknown_share.h"

#include "base/log.h"
#include "base/memory.h"

enum { STORE_SENTENCES = 10000 };

void unknown_share_warn(const tokenizer *t, uint64_t unknown, uint64_t pieces) {
    if (pieces < unknown * 2)
        log_warn("%.0f %% of the tokens are [UNK]: does the vocabulary fit Korean text as it is "
                 "here%s?",
                 100 * (double)unknown / (double)pieces,
                 t->lowercase ? ", in lower case and without accents (--cased)" : "");
}

err unknown_share_warn_store(const tokenizer *t, const token_store *s) {
    uint64_t unknown = 0, pieces = 0;
    uint32_t *ids = NULL;
    err e = mem_new(&ids, s->longest);
    for (uint64_t i = 0; !e && i < s->count && i < STORE_SENTENCES; i++) {
        uint32_t n = token_store_get(s, i, ids);
        for (uint32_t k = 0; k < n; k++) {
            pieces += ids[k] != t->cls_id && ids[k] != t->sep_id;
            unknown += ids[k] == t->unk_id;
        }
    }
    if (!e) unknown_share_warn(t, unknown, pieces);
    mem_free(ids);
    return e;
}
