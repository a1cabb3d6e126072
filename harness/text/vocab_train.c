#include "text/vocab_train.h"

#include "base/memory.h"
#include "base/order.h"
#include "text/unicode.h"
#include "text/vocab_internal.h"

#include <stdlib.h>
#include <string.h>

enum { POINTS = 0x110000 };
#define NONE UINT32_MAX

/* The vocabulary while it grows. A *place* is one symbol of one word; places of a word are linked,
 * and those that a merge took over are left behind with symbol NONE. */
typedef struct place {
    uint32_t symbol, previous, next; /* NONE: the word ends there */
    uint32_t word;
} place;

typedef struct pair_count {
    uint64_t key;         /* left symbol << 32 | right symbol; NO_PAIR: free */
    int64_t times;        /* in all texts */
    int64_t queued;       /* of its entry in the heap that counts; 0: there is none */
    uint32_t first, last; /* of its occurrences; NONE: there is none */
} pair_count;

#define NO_PAIR UINT64_MAX

typedef struct occurrence {
    uint32_t place; /* of the left symbol; stale when the symbols there have changed */
    uint32_t next;
} occurrence;

typedef struct candidate {
    int64_t times; /* when it was put in the heap: may be out of date */
    uint64_t key;
} candidate;

typedef struct trainer {
    word_counts words;
    char **tokens; /* (count), owned */
    size_t count, capacity;
    uint32_t *slots; /* (1 << slot_bits): index + 1 of a token by its text */
    unsigned slot_bits;
    place *places;
    size_t place_count;
    pair_count *pairs; /* (1 << pair_bits), open addressing */
    size_t pair_total;
    unsigned pair_bits;
    occurrence *occurrences;
    size_t occurrence_count, occurrence_capacity;
    candidate *heap;
    size_t heap_count, heap_capacity;
} trainer;

static uint64_t hash_text(const char *text) {
    uint64_t h = 0xCBF29CE484222325u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001B3u;
    return h * 0x9E3779B97F4A7C15u;
}

static uint32_t *token_slot(const trainer *x, const char *text) {
    size_t mask = ((size_t)1 << x->slot_bits) - 1,
           i = (size_t)(hash_text(text) >> (64 - x->slot_bits));
    while (x->slots[i] && strcmp(x->tokens[x->slots[i] - 1], text)) i = (i + 1) & mask;
    return &x->slots[i];
}

static err grow_token_slots(trainer *x) {
    if (x->slot_bits && x->count * 2 < (size_t)1 << x->slot_bits) return ERR_OK;
    uint32_t *fresh;
    unsigned bits = x->slot_bits ? x->slot_bits + 1 : 12;
    err e = mem_new(&fresh, (size_t)1 << bits);
    if (e) return e;
    mem_free(x->slots);
    x->slots = fresh;
    x->slot_bits = bits;
    for (size_t i = 0; i < x->count; i++) *token_slot(x, x->tokens[i]) = (uint32_t)(i + 1);
    return ERR_OK;
}

// The id of a token, which is made when it is new.
static err token_id(trainer *x, uint32_t *id, const char *text) {
    err e = grow_token_slots(x);
    if (e) return e;
    uint32_t *slot = token_slot(x, text);
    if (!*slot) {
        if ((e = mem_grow((void **)&x->tokens, &x->capacity, x->count + 1, sizeof *x->tokens)) ||
            (e = mem_strdup(&x->tokens[x->count], text)))
            return e;
        *slot = (uint32_t)++x->count;
    }
    *id = *slot - 1;
    return ERR_OK;
}

static err character_id(trainer *x, uint32_t *id, uint32_t point, bool continued) {
    char text[2 + UTF8_MAX_BYTES + 1] = "##";
    size_t at = continued ? 2 : 0;
    text[at + utf8_encode(text + at, point)] = '\0';
    return token_id(x, id, text);
}

typedef struct letter {
    uint32_t point;
    uint64_t times;
} letter;

// The most frequent first; of equally frequent ones the smaller code point.
static int compare_letters(const void *a, const void *b) {
    const letter *x = a, *y = b;
    if (x->times != y->times) return x->times > y->times ? -1 : 1;
    return (x->point > y->point) - (x->point < y->point);
}

// Counts into letters[point], then closes the gaps; returns how many there are.
static size_t count_letters(letter *letters, const word_counts *w) {
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        for (size_t j = 0; j < w->words[i].size; j++)
            letters[w->points[w->words[i].start + j]].times += w->words[i].times;
    for (uint32_t p = 0; p < POINTS; p++)
        if (letters[p].times) letters[count++] = (letter){p, letters[p].times};
    return count;
}

/* Makes the characters tokens, in the order of their code points: those that begin words or stand
 * inside, then the ones seen inside words with "##". Sets known[point] for the `limit` most
 * frequent. */
static err make_alphabet(trainer *x, bool *known, size_t limit) {
    letter *letters;
    bool *inside = NULL;
    uint32_t id;
    err e = mem_new(&letters, POINTS);
    if (e) return e;
    if ((e = mem_new(&inside, POINTS))) goto done;
    size_t count = count_letters(letters, &x->words);
    qsort(letters, count, sizeof *letters, compare_letters);
    for (size_t i = 0; i < count && i < limit; i++) known[letters[i].point] = true;
    for (size_t i = 0; i < x->words.count; i++) {
        const counted_word *w = &x->words.words[i];
        for (size_t j = 1; j < w->size; j++) inside[x->words.points[w->start + j]] = true;
    }
    for (uint32_t p = 0; p < POINTS; p++)
        if (known[p] && (e = character_id(x, &id, p, false))) goto done;
    for (uint32_t p = 0; p < POINTS; p++)
        if (known[p] && inside[p] && (e = character_id(x, &id, p, true))) goto done;
done:
    mem_free(inside);
    mem_free(letters);
    return e;
}

static uint64_t pair_key(uint32_t left, uint32_t right) {
    return (uint64_t)left << 32 | right;
}

static pair_count *pair_slot(const trainer *x, uint64_t key) {
    size_t mask = ((size_t)1 << x->pair_bits) - 1;
    size_t i = (size_t)(key * 0x9E3779B97F4A7C15u >> (64 - x->pair_bits));
    while (x->pairs[i].key != NO_PAIR && x->pairs[i].key != key) i = (i + 1) & mask;
    return &x->pairs[i];
}

static err grow_pairs(trainer *x) {
    if (x->pair_bits && x->pair_total * 2 < (size_t)1 << x->pair_bits) return ERR_OK;
    pair_count *old = x->pairs, *fresh;
    size_t old_size = x->pair_bits ? (size_t)1 << x->pair_bits : 0;
    unsigned bits = x->pair_bits ? x->pair_bits + 1 : 14;
    err e = mem_new(&fresh, (size_t)1 << bits);
    if (e) return e;
    for (size_t i = 0; i < (size_t)1 << bits; i++) fresh[i].key = NO_PAIR;
    x->pairs = fresh;
    x->pair_bits = bits;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].key != NO_PAIR) *pair_slot(x, old[i].key) = old[i];
    mem_free(old);
    return ERR_OK;
}

// Counts one more occurrence of the pair that begins at a place.
static err add_pair(trainer *x, uint32_t at, uint32_t right, int64_t times) {
    err e = grow_pairs(x);
    if (e) return e;
    if ((e = mem_grow((void **)&x->occurrences, &x->occurrence_capacity, x->occurrence_count + 1,
                      sizeof *x->occurrences)))
        return e;
    uint64_t key = pair_key(x->places[at].symbol, right);
    pair_count *p = pair_slot(x, key);
    if (p->key == NO_PAIR) {
        *p = (pair_count){.key = key, .first = NONE, .last = NONE};
        x->pair_total++;
    }
    uint32_t fresh = (uint32_t)x->occurrence_count++;
    x->occurrences[fresh] = (occurrence){at, NONE};
    if (p->first == NONE)
        p->first = fresh;
    else
        x->occurrences[p->last].next = fresh;
    p->last = fresh;
    p->times += times;
    return ERR_OK;
}

/* Heap: the most frequent pair on top, of equals the one with the smaller key. */

static bool comes_first(const candidate *a, const candidate *b) {
    return a->times != b->times ? a->times > b->times : a->key < b->key;
}

static err heap_push(trainer *x, candidate c) {
    err e = mem_grow((void **)&x->heap, &x->heap_capacity, x->heap_count + 1, sizeof *x->heap);
    if (e) return e;
    size_t i = x->heap_count++;
    for (; i && comes_first(&c, &x->heap[(i - 1) / 2]); i = (i - 1) / 2)
        x->heap[i] = x->heap[(i - 1) / 2];
    x->heap[i] = c;
    return ERR_OK;
}

static candidate heap_pop(trainer *x) {
    candidate top = x->heap[0], last = x->heap[--x->heap_count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < x->heap_count; i = child) {
        if (child + 1 < x->heap_count && comes_first(&x->heap[child + 1], &x->heap[child])) child++;
        if (!comes_first(&x->heap[child], &last)) break;
        x->heap[i] = x->heap[child];
    }
    x->heap[i] = last;
    return top;
}

/* Lays the words out as places. A character outside of the alphabet is left out, and its neighbours
 * become each other's, as the trainer of `tokenizers` does. */
static err make_places(trainer *x, const bool *known) {
    err e;
    if (x->words.point_count >= NONE) {
        return err_set(ERR_UNSUPPORTED, "%zu characters in distinct words are too many to train on",
                       x->words.point_count);
    }
    if ((e = mem_new(&x->places, x->words.point_count))) return e;
    for (size_t i = 0; i < x->words.count; i++) {
        const counted_word *w = &x->words.words[i];
        uint32_t previous = NONE;
        for (size_t j = 0; j < w->size; j++) {
            uint32_t point = x->words.points[w->start + j], symbol = 0;
            if (!known[point]) continue;
            if ((e = character_id(x, &symbol, point, j > 0))) return e;
            uint32_t at = (uint32_t)x->place_count++;
            x->places[at] = (place){symbol, previous, NONE, (uint32_t)i};
            if (previous != NONE) {
                x->places[previous].next = at;
                if ((e = add_pair(x, previous, symbol, (int64_t)w->times))) return e;
            }
            previous = at;
        }
    }
    return ERR_OK;
}

// An entry that counts too much is put right when it comes to the top; one too small must be
// replaced.
static err push_pair(trainer *x, uint64_t key) {
    pair_count *p = pair_slot(x, key);
    if (p->times <= p->queued) return ERR_OK;
    p->queued = p->times;
    return heap_push(x, (candidate){p->times, key});
}

static err push_all(trainer *x) {
    for (size_t i = 0; x->pair_bits && i < (size_t)1 << x->pair_bits; i++) {
        if (x->pairs[i].key == NO_PAIR) continue;
        err e = push_pair(x, x->pairs[i].key);
        if (e) return e;
    }
    return ERR_OK;
}

static err merged_id(trainer *x, uint32_t *id, uint32_t left, uint32_t right) {
    const char *a = x->tokens[left], *b = x->tokens[right];
    char *text;
    err e = mem_printf(&text, "%s%s", a, strncmp(b, "##", 2) ? b : b + 2);
    if (e) return e;
    e = token_id(x, id, text);
    mem_free(text);
    return e;
}

// Puts `merged` at a place, in the stead of its symbol and the next one, and counts the new pairs.
static err merge_at(trainer *x, uint32_t at, uint32_t merged) {
    err e;
    place *here = &x->places[at], *gone = &x->places[here->next];
    int64_t times = (int64_t)x->words.words[here->word].times;
    uint32_t left = here->symbol, right = gone->symbol;
    if (here->previous != NONE)
        pair_slot(x, pair_key(x->places[here->previous].symbol, left))->times -= times;
    if (gone->next != NONE) {
        pair_slot(x, pair_key(right, x->places[gone->next].symbol))->times -= times;
        x->places[gone->next].previous = at;
    }
    here->symbol = merged;
    here->next = gone->next;
    gone->symbol = NONE;
    if (here->previous != NONE && (e = add_pair(x, here->previous, merged, times))) return e;
    if (here->next != NONE) return add_pair(x, at, x->places[here->next].symbol, times);
    return ERR_OK;
}

// The places of a pair from left to right, each once; stale ones are among them. *list is owned.
static err places_of(const trainer *x, const pair_count *p, uint32_t **list, size_t *count) {
    size_t n = 0;
    for (uint32_t o = p->first; o != NONE; o = x->occurrences[o].next) n++;
    err e = mem_new(list, n);
    if (e) return e;
    n = 0;
    for (uint32_t o = p->first; o != NONE; o = x->occurrences[o].next)
        (*list)[n++] = x->occurrences[o].place;
    qsort(*list, n, sizeof **list, order_u32);
    *count = n;
    return ERR_OK;
}

// New pairs are those with the merged symbol at a place that was merged: their counts have risen.
static err push_neighbours(trainer *x, uint32_t at) {
    err e;
    const place *here = &x->places[at];
    if (here->previous != NONE &&
        (e = push_pair(x, pair_key(x->places[here->previous].symbol, here->symbol))))
        return e;
    if (here->next == NONE) return ERR_OK;
    return push_pair(x, pair_key(here->symbol, x->places[here->next].symbol));
}

static err merge_pair(trainer *x, uint64_t key) {
    uint32_t left = (uint32_t)(key >> 32), right = (uint32_t)key, merged = 0, *list = NULL;
    size_t count = 0, done = 0;
    pair_count *p = pair_slot(x, key);
    err e = places_of(x, p, &list, &count);
    if (e) return e;
    p->times = 0;
    p->first = p->last = NONE;
    if ((e = merged_id(x, &merged, left, right))) goto done;
    for (size_t i = 0; i < count; i++) {
        const place *here = &x->places[list[i]];
        if (here->symbol != left || here->next == NONE) continue;
        if (x->places[here->next].symbol != right) continue;
        if ((e = merge_at(x, list[i], merged))) goto done;
        list[done++] = list[i];
    }
    // a pair of the same symbol twice (left == right) counted itself down: it is gone all the same
    pair_slot(x, key)->times = 0;
    for (size_t i = 0; i < done; i++)
        if ((e = push_neighbours(x, list[i]))) goto done;
done:
    mem_free(list);
    return e;
}

static err merge_until_full(trainer *x, size_t size, uint32_t min_frequency) {
    err e = push_all(x);
    while (!e && x->count < size && x->heap_count) {
        candidate top = heap_pop(x);
        pair_count *p = pair_slot(x, top.key);
        if (p->queued != top.times) continue; // replaced by another entry
        p->queued = 0;
        if (p->times != top.times) {
            e = push_pair(x, top.key);
            continue;
        }
        if (p->times < min_frequency) break;
        e = merge_pair(x, top.key);
    }
    return e;
}

static void trainer_free(trainer *x) {
    vocab__free_words(&x->words);
    for (size_t i = 0; i < x->count; i++) mem_free(x->tokens[i]);
    mem_free(x->tokens);
    mem_free(x->slots);
    mem_free(x->places);
    mem_free(x->pairs);
    mem_free(x->occurrences);
    mem_free(x->heap);
    *x = (trainer){0};
}

err vocab_train(tokenizer *t, const text_span *texts, size_t count, const vocab_options *options) {
    static char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    enum { SPECIALS = sizeof special / sizeof *special };
    vocab_options o = options ? *options : (vocab_options){0};
    trainer x = {0};
    tokenizer splitter = {0};
    bool *known = NULL;
    uint32_t id;
    *t = (tokenizer){0};
    err e = tokenizer_from_tokens(&splitter, (char **)special, SPECIALS, o.lowercase);
    for (size_t i = 0; i < SPECIALS && !e; i++) e = token_id(&x, &id, special[i]);
    if (e || (e = vocab__count_words(&x.words, &splitter, texts, count))) goto done;
    if ((e = mem_new(&known, POINTS))) goto done;
    if ((e = make_alphabet(&x, known, o.alphabet_limit ? o.alphabet_limit : 1000)) ||
        (e = make_places(&x, known)) ||
        (e = merge_until_full(&x, o.size ? o.size : 8000, o.min_frequency ? o.min_frequency : 2)))
        goto done;
    e = tokenizer_from_tokens(t, x.tokens, x.count, o.lowercase);
done:
    mem_free(known);
    tokenizer_free(&splitter);
    trainer_free(&x);
    return e;
}
