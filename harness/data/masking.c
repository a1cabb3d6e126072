#include "data/masking.h"

#include "base/memory.h"
#include "base/rng.h"

#include <string.h>

enum { KIND_PLAIN, KIND_FOLLOWS, KIND_SPECIAL };

/* Words of a place's Philox block. */
enum { WORD_CHOOSE, WORD_REPLACE, WORD_TOKEN, WORD_TOKEN_MORE };

static void find_kinds(masking *m, const tokenizer *t) {
    const uint32_t special[] = {t->pad_id, t->cls_id, t->sep_id, t->mask_id};
    for (uint32_t id = 0; id < t->count; id++)
        if (strncmp(tokenizer_text(t, id), "##", 2) == 0) m->kinds[id] = KIND_FOLLOWS;
    for (size_t i = 0; i < t->added_count; i++)
        if (t->added[i].special && t->added[i].id != t->unk_id && t->added[i].id < m->vocabulary)
            m->kinds[t->added[i].id] = KIND_SPECIAL;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i] < m->vocabulary) m->kinds[special[i]] = KIND_SPECIAL;
}

err masking_init(masking *m, const tokenizer *words, uint32_t vocabulary, double probability,
                 bool whole_words, uint32_t seed) {
    double below = probability * 0x1p32;
    *m = (masking){.vocabulary = vocabulary,
                   .mask_id = words->mask_id,
                   .chosen_below = below < 0x1p32 ? (uint32_t)below : UINT32_MAX,
                   .whole_words = whole_words,
                   .seed = seed};
    if (words->mask_id == TOKENIZER_NO_ID || words->mask_id >= vocabulary)
        return err_set(ERR_DATA, "the vocabulary has no [MASK]: a masked language model needs it");
    err e = mem_new(&m->kinds, vocabulary);
    if (!e) find_kinds(m, words);
    return e;
}

void masking_free(masking *m) {
    mem_free(m->kinds);
    *m = (masking){0};
}

/* A number below `bound`, each as likely as the others but for 2^-32 of it. */
static uint32_t below(uint32_t bound, uint32_t low, uint32_t high) {
    uint64_t word = (uint64_t)high << 32 | low;
    return (uint32_t)(((word >> 32) * bound + (((word & UINT32_MAX) * bound) >> 32)) >> 32);
}

static uint32_t replacement(const masking *m, uint32_t id, philox r) {
    // tenths of the 32-bit numbers
    const uint32_t masked = 3435973837u, drawn = 3865470566u;
    if (r.v[WORD_REPLACE] < masked) return m->mask_id;
    if (r.v[WORD_REPLACE] >= drawn) return id;
    return below(m->vocabulary, r.v[WORD_TOKEN_MORE], r.v[WORD_TOKEN]);
}

uint32_t masking_apply(const masking *m, uint32_t *ids, uint32_t *places, uint32_t *wanted,
                       uint32_t count, uint32_t epoch, uint64_t sentence) {
    uint32_t chosen = 0;
    bool is_word_chosen = false, has_word = false;
    for (uint32_t k = 0; k < count; k++) {
        uint8_t kind = m->kinds[ids[k]];
        philox r = philox4x32((philox){{k, epoch, (uint32_t)sentence, (uint32_t)(sentence >> 32)}},
                              m->seed, RNG_SITE_MASKING);
        bool follows = m->whole_words && kind == KIND_FOLLOWS && has_word;
        has_word = kind != KIND_SPECIAL;
        if (!follows) is_word_chosen = has_word && r.v[WORD_CHOOSE] < m->chosen_below;
        if (!is_word_chosen) continue;
        places[chosen] = k;
        wanted[chosen++] = ids[k];
        ids[k] = replacement(m, ids[k], r);
    }
    return chosen;
}
