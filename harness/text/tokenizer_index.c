/* Lookup structures of a loaded tokenizer. */
#include "text/tokenizer_internal.h"

#include "base/memory.h"
#include "text/unicode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t free_slot(const trie_step *steps, unsigned bits, uint64_t key) {
    size_t mask = ((size_t)1 << bits) - 1;
    size_t slot = (size_t)(key * 0x9E3779B97F4A7C15u >> (64 - bits));
    while (steps[slot].key) slot = (slot + 1) & mask;
    return slot;
}

enum { SPARSE_BITS = 22 }; /* up to here a table is at most half full */

// Half full is fast. Larger tables, which no real vocabulary needs, may be three quarters full: a
// hostile file of 10 MB has 10 million steps.
static bool is_full(const tokenizer_index *x) {
    size_t slots = (size_t)1 << x->bits;
    return x->step_count >= (x->bits <= SPARSE_BITS ? slots / 2 : slots / 4 * 3);
}

// Doubles the table when it is full.
static err grow(tokenizer_index *x) {
    if (x->bits && !is_full(x)) return ERR_OK;
    unsigned bits = x->bits ? x->bits + 1 : 10;
    trie_step *steps;
    err e = mem_new(&steps, (size_t)1 << bits);
    if (e) return e;
    for (size_t i = 0; x->bits && i < (size_t)1 << x->bits; i++)
        if (x->steps[i].key) steps[free_slot(steps, bits, x->steps[i].key)] = x->steps[i];
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

/* Adds the steps of text from the node on; *last is the final one, NULL for no text. */
static err add_path(tokenizer_index *x, trie_step **last, uint32_t node, const char *text,
                    size_t bytes) {
    *last = NULL;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        if (!(n = utf8_decode(&point, text + i, bytes - i)))
            return err_set(ERR_FORMAT, "'%s' is not UTF-8 (byte %zu)", text, i);
        err e = add_step(x, last, node, point);
        if (e) return e;
        node = (*last)->child;
    }
    return ERR_OK;
}

static const trie_step *find_path(const tokenizer_index *x, uint32_t node, const char *text,
                                  size_t bytes) {
    const trie_step *step = NULL;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        n = utf8_decode(&point, text + i, bytes - i);
        step = n ? trie_find(x, node, point) : NULL;
        if (!step) return NULL;
        node = step->child;
    }
    return step;
}

/* *is_new unless the piece was there; U+FFFD may stand for a 0 byte, so that such pieces are taken
 * for different ones. */
static err add_piece(tokenizer_index *x, const char *token, uint32_t id, bool *is_new) {
    size_t skip, bytes = strlen(token);
    uint32_t root = root_of(token, &skip);
    trie_step *step = NULL;
    err e = add_path(x, &step, root, token + skip, bytes - skip);
    if (e) return err_wrap(e, "token %u of the vocabulary", id);
    *is_new = step && (step->id == TOKENIZER_NO_ID || strstr(token, "\xEF\xBF\xBD"));
    if (step) step->id = id; // of a token that occurs twice, the later id counts
    return ERR_OK;
}

uint32_t tokenizer_find(const tokenizer *t, const char *token) {
    size_t skip, bytes = strlen(token);
    uint32_t root = root_of(token, &skip);
    const trie_step *step = find_path(t->index, root, token + skip, bytes - skip);
    return step ? step->id : TOKENIZER_NO_ID;
}

uint32_t tokenizer_id(const tokenizer *t, const char *text) {
    const trie_step *step = find_path(t->index, TRIE_ADDED, text, strlen(text));
    if (step && step->id != TOKENIZER_NO_ID) return t->added[step->id].id;
    return tokenizer_find(t, text);
}

err tokenizer__index_pieces(tokenizer *t, const char *where) {
    err e = mem_new(&t->index, 1);
    if (e) return e;
    tokenizer_index *x = t->index;
    bool is_new = false, has_empty = false;
    x->node_count = TRIE_FIRST_FREE;
    if ((e = grow(x))) return e;
    for (size_t i = 0; i < t->piece_count; i++) {
        if ((e = add_piece(x, t->tokens[i], (uint32_t)i, &is_new))) return err_wrap(e, "%s", where);
        t->next_id += is_new;
        has_empty |= !*t->tokens[i];
    }
    t->next_id += has_empty && !t->has_holes; // an empty line is a token too
    return ERR_OK;
}

err tokenizer__index_added(tokenizer *t, size_t place, bool *there) {
    const char *text = t->added[place].text;
    trie_step *step = NULL;
    err e = add_path(t->index, &step, TRIE_ADDED, text, strlen(text));
    if (e) return e;
    assert(step); // an added token has text
    *there = step->id != TOKENIZER_NO_ID;
    if (!*there) step->id = (uint32_t)place;
    return ERR_OK;
}

/* An added token for cleaned text, as that is. */
static err index_cleaned(tokenizer *t, encoding *scratch, size_t place) {
    tokenizer_index *x = t->index;
    const char *text = t->added[place].text;
    trie_step *step = NULL;
    size_t start = 0, count = 0;
    uint32_t node = TRIE_CLEANED;
    err e = tokenizer__clean(t, scratch, &start, &count, text, strlen(text));
    for (size_t i = 0; i < count && !e; i++)
        if (!(e = add_step(x, &step, node, scratch->points[start + i]))) node = step->child;
    if (e || !step) return e;
    if (step->id == TOKENIZER_NO_ID) step->id = (uint32_t)place;
    x->has_normalized = true;
    return ERR_OK;
}

static int by_id(const void *a, const void *b) {
    const added_token *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

err tokenizer__index_end(tokenizer *t) {
    tokenizer_index *x = t->index;
    encoding scratch = {0};
    err e = ERR_OK;
    x->lowers = t->lowercase;
    x->strips = t->strip_accents == SWITCH_UNSET ? t->lowercase : t->strip_accents == SWITCH_TRUE;
    tokenizer__classes(t, x->classes);
    mem_free(x->by_id); // of before tokens were added
    if ((e = mem_new(&x->by_id, t->added_count))) return e;
    for (size_t i = 0; i < t->added_count && !e; i++) {
        const added_token *a = x->by_id[i] = &t->added[i];
        if (a->normalized)
            e = index_cleaned(t, &scratch, i);
        else
            x->first_byte[(unsigned char)a->text[0]] = true;
    }
    if (!e && t->added_count) qsort(x->by_id, t->added_count, sizeof *x->by_id, by_id);
    encoding_free(&scratch);
    return e;
}

void tokenizer__index_free(tokenizer_index *x) {
    if (!x) return;
    mem_free(x->by_id);
    mem_free(x->steps);
    mem_free(x);
}
