/* Lookup structures of a loaded tokenizer. */
#include "text/tokenizer_internal.h"

#include "base/memory.h"
#include "text/unicode.h"

#include <string.h>

static size_t free_slot(const trie_step *steps, unsigned bits, uint64_t key) {
    size_t mask = ((size_t)1 << bits) - 1;
    size_t slot = (size_t)(key * 0x9E3779B97F4A7C15u >> (64 - bits));
    while (steps[slot].key) slot = (slot + 1) & mask;
    return slot;
}

// Doubles the table when it is half full.
static err grow(tokenizer_index *x) {
    if (x->bits && x->step_count * 2 < (size_t)1 << x->bits) return ERR_OK;
    unsigned bits = x->bits ? x->bits + 1 : 10;
    trie_step *steps;
    err e = mem_new(&steps, (size_t)1 << bits);
    if (e) return e;
    for (size_t i = 0; x->bits && i < (size_t)1 << x->bits; i++) {
        if (x->steps[i].key) steps[free_slot(steps, bits, x->steps[i].key)] = x->steps[i];
    }
    mem_free(x->steps);
    x->steps = steps;
    x->bits = bits;
    return ERR_OK;
}

static err add_step(tokenizer_index *x, trie_step **out, uint32_t node, uint32_t point) {
    *out = (trie_step *)trie_find(x, node, point);
    if (*out) return ERR_OK;
    err e = grow(x);
    if (e) return e;
    uint64_t key = (uint64_t)node << 21 | point;
    *out = &x->steps[free_slot(x->steps, x->bits, key)];
    **out = (trie_step){.key = key, .child = x->node_count++, .id = TOKENIZER_NO_ID};
    x->step_count++;
    return ERR_OK;
}

// Where the walk for a token begins, and how many of its bytes that takes up.
static uint32_t root_of(const char *token, size_t *skip) {
    bool continued = token[0] == '#' && token[1] == '#' && token[2];
    *skip = continued ? 2 : 0;
    return continued ? TRIE_CONTINUED : TRIE_WORD;
}

static err add_piece(tokenizer_index *x, const char *token, uint32_t id) {
    size_t i, bytes = strlen(token);
    uint32_t node = root_of(token, &i);
    trie_step *step = NULL;
    for (size_t n; i < bytes; i += n) {
        uint32_t point;
        if (!(n = utf8_decode(&point, token + i, bytes - i))) {
            return err_set(ERR_FORMAT, "token %u of the vocabulary is not UTF-8 (byte %zu)", id, i);
        }
        err e = add_step(x, &step, node, point);
        if (e) return e;
        node = step->child;
    }
    if (step) step->id = id; // of a token that occurs twice, the later id counts
    return ERR_OK;
}

uint32_t tokenizer_find(const tokenizer *t, const char *token) {
    size_t i, bytes = strlen(token);
    uint32_t node = root_of(token, &i), id = TOKENIZER_NO_ID;
    for (size_t n; i < bytes; i += n) {
        uint32_t point;
        n = utf8_decode(&point, token + i, bytes - i);
        const trie_step *step = n ? trie_find(t->index, node, point) : NULL;
        if (!step) return TOKENIZER_NO_ID;
        node = step->child;
        id = step->id;
    }
    return id;
}

static err index_added(tokenizer *t) {
    tokenizer_index *x = t->index;
    encoding scratch = {0};
    err e;
    if ((e = mem_calloc((void **)&x->patterns, t->added_count, sizeof *x->patterns))) return e;
    x->pattern_count = t->added_count;
    for (size_t i = 0; i < t->added_count; i++) {
        const added_token *a = &t->added[i];
        if (!a->normalized) {
            x->first_byte[(unsigned char)a->text[0]] = true;
            continue;
        }
        size_t start = 0, count = 0;
        if ((e = tokenizer__clean(t, &scratch, &start, &count, a->text, strlen(a->text)))) break;
        if ((e = mem_new(&x->patterns[i].points, count))) break;
        if (count)
            memcpy(x->patterns[i].points, scratch.points + start, count * sizeof *scratch.points);
        x->patterns[i].count = count;
        x->has_normalized |= count > 0;
    }
    encoding_free(&scratch);
    return e;
}

err tokenizer__index(tokenizer *t, const char *where) {
    err e = mem_new(&t->index, 1);
    if (e) return e;
    tokenizer_index *x = t->index;
    x->node_count = TRIE_CONTINUED + 1;
    x->lowers = t->lowercase;
    x->strips = t->strip_accents == SWITCH_UNSET ? t->lowercase : t->strip_accents == SWITCH_TRUE;
    tokenizer__classes(t, x->classes);
    if ((e = grow(x))) return e;
    for (size_t i = 0; i < t->piece_count; i++) {
        if ((e = add_piece(x, t->tokens[i], (uint32_t)i))) return err_wrap(e, "%s", where);
    }
    return index_added(t);
}

void tokenizer__index_free(tokenizer_index *x) {
    if (!x) return;
    for (size_t i = 0; i < x->pattern_count; i++) mem_free(x->patterns[i].points);
    mem_free(x->patterns);
    mem_free(x->steps);
    mem_free(x);
}
