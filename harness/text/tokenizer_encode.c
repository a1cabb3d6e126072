/* WordPiece: words to ids. */
#include "text/tokenizer_internal.h"

#include "base/memory.h"
#include "text/markers.h"
#include "text/unicode.h"

#include <string.h>

typedef struct encoder {
    const tokenizer *t;
    encoding *out;
    size_t base; // byte of the text where the segment begins that is split
} encoder;

static err push(encoding *out, uint32_t id, size_t begin) {
    err e = ERR_OK;
    if (out->count == out->capacity &&
        (e = mem_grow((void **)&out->ids, &out->capacity, out->count + 1, sizeof *out->ids)))
        return e;
    if (out->tracks && out->count >= out->begins_capacity &&
        (e = mem_grow((void **)&out->begins, &out->begins_capacity, out->count + 1,
                      sizeof *out->begins)))
        return e;
    if (out->tracks) out->begins[out->count] = (uint32_t)begin;
    out->ids[out->count++] = id;
    return ERR_OK;
}

// Where a code point of the scratch stands in the text.
static size_t place_of(const encoder *x, const uint32_t *point) {
    return x->out->tracks ? x->base + x->out->origins[point - x->out->points] : 0;
}

static err push_added(void *context, uint32_t id, const uint32_t *points) {
    const encoder *x = context;
    return push(x->out, id, place_of(x, points));
}

static err push_unknown(const encoder *x, const uint32_t *points) {
    x->out->unknown++;
    return push(x->out, x->t->unk_id, place_of(x, points));
}

// The longest piece at each place from the left; a word that cannot be covered is [UNK] as a whole.
static err push_word(void *context, const uint32_t *points, size_t count) {
    const encoder *x = context;
    const tokenizer_index *index = x->t->index;
    size_t first = x->out->count;
    if (count > x->t->max_input_chars_per_word) return push_unknown(x, points);
    uint32_t root = TRIE_WORD;
    for (size_t start = 0; start < count; root = TRIE_CONTINUED) {
        uint32_t node = root, best = TOKENIZER_NO_ID;
        size_t end = start;
        for (size_t i = start; i < count; i++) {
            const trie_step *step = trie_find(index, node, points[i]);
            if (!step) break;
            node = step->child;
            if (step->id == TOKENIZER_NO_ID) continue;
            best = step->id;
            end = i + 1;
        }
        if (best == TOKENIZER_NO_ID) {
            x->out->count = first;
            return push_unknown(x, points);
        }
        err e = push(x->out, best, place_of(x, points + start));
        if (e) return e;
        start = end;
    }
    return ERR_OK;
}

// The longest added token that the raw text begins with, and its bytes; NULL when there is none.
static const added_token *match_added(const tokenizer *t, const char *text, size_t bytes,
                                      size_t *length) {
    const added_token *best = NULL;
    uint32_t node = TRIE_ADDED, point;
    for (size_t i = 0, n; i < bytes; i += n) {
        n = utf8_decode(&point, text + i, bytes - i);
        const trie_step *step = n ? trie_find(t->index, node, point) : NULL;
        if (!step) break;
        node = step->child;
        if (step->id == TOKENIZER_NO_ID || t->added[step->id].normalized) continue;
        best = &t->added[step->id];
        *length = i + n;
    }
    return best;
}

// The code point that ends before text[at]; 0 when none does.
static size_t point_before(uint32_t *point, const char *text, size_t at) {
    for (size_t n = 1; n <= UTF8_MAX_BYTES && n <= at; n++)
        if (utf8_decode(point, text + at - n, n) == n) return n;
    return 0;
}

static bool stands_alone(const char *text, size_t bytes, size_t from, size_t to) {
    uint32_t point;
    if (point_before(&point, text, from) && unicode_is_word(point)) return false;
    return !utf8_decode(&point, text + to, bytes - to) || !unicode_is_word(point);
}

// Widens [*from, *to) over white space, as the token wants it, but not below `low`.
static void swallow_blanks(const added_token *a, const char *text, size_t bytes, size_t low,
                           size_t *from, size_t *to) {
    uint32_t point;
    size_t n;
    while (a->lstrip && *from > low && (n = point_before(&point, text, *from)) &&
           unicode_is_whitespace(point))
        *from -= n;
    while (a->rstrip && (n = utf8_decode(&point, text + *to, bytes - *to)) &&
           unicode_is_whitespace(point))
        *to += n;
}

static err encode_between(const encoder *x, const char *text, size_t from, size_t to) {
    encoder copy = {x->t, x->out, from};
    tokenizer_sink sink = {push_word, push_added, &copy};
    return to > from ? tokenizer__split(x->t, x->out, text + from, to - from, &sink) : ERR_OK;
}

static bool closes_entity(const added_token *a) {
    return !strcmp(a->text, text_markers[MARKER_SUBJECT_END]) ||
           !strcmp(a->text, text_markers[MARKER_OBJECT_END]);
}

/* Makes the piece of Hangul at `place`, which begins right behind an entity, one that continues a
 * word, as KLUE's baseline does. */
static err join_piece(const encoder *x, size_t place) {
    enum { FIRST_SYLLABLE = 0xAC00, LAST_SYLLABLE = 0xD7A3 };
    const char *piece = place < x->out->count ? tokenizer_text(x->t, x->out->ids[place]) : "";
    uint32_t point = 0;
    strbuf joined = {0};
    if (!utf8_decode(&point, piece, strlen(piece)) || point < FIRST_SYLLABLE ||
        point > LAST_SYLLABLE)
        return ERR_OK;
    err e = strbuf_printf(&joined, "##%s", piece);
    uint32_t id = e ? TOKENIZER_NO_ID : tokenizer_find(x->t, joined.text);
    if (!e) x->out->ids[place] = id == TOKENIZER_NO_ID ? x->t->unk_id : id;
    strbuf_free(&joined);
    return e;
}

/* What stands from `from` to `to`, behind an added token or none. */
static err encode_behind(const encoder *x, const added_token *before, const char *text, size_t from,
                         size_t to) {
    uint32_t point = 0;
    size_t place = x->out->count;
    bool joins = x->t->joins_after_markers && before && closes_entity(before) && to > from &&
                 utf8_decode(&point, text + from, to - from) && !unicode_is_whitespace(point);
    err e = encode_between(x, text, from, to);
    return e || !joins ? e : join_piece(x, place);
}

// Added tokens are cut out of the raw text first; what lies between is split into words.
static err encode_text(const encoder *x, const char *text, size_t bytes) {
    err e;
    size_t done = 0, bad;
    const added_token *before = NULL;
    for (size_t i = 0; i < bytes;) {
        const added_token *a = NULL;
        size_t length = 0;
        if (x->t->index->first_byte[(unsigned char)text[i]])
            a = match_added(x->t, text + i, bytes - i, &length);
        if (!a) {
            i++;
            continue;
        }
        size_t from = i, to = i + length;
        i = to;
        if (a->single_word && !stands_alone(text, bytes, from, to)) continue;
        swallow_blanks(a, text, bytes, done, &from, &to);
        if ((e = encode_behind(x, before, text, done, from)) || (e = push(x->out, a->id, from)))
            goto failed;
        done = i = to;
        before = a;
    }
    if (!(e = encode_behind(x, before, text, done, bytes))) return ERR_OK;
failed:
    // the offset in the message is the segment's: give that of the text
    if (e == ERR_FORMAT && !utf8_valid(text, bytes, &bad))
        return err_set(e, "byte %zu of the text is not UTF-8", bad);
    return e;
}

/* How many of a and b pieces stay when `most` is all there is: "longest_first", as `tokenizers`
 * computes it. */
static void keep_of_pair(size_t *a, size_t *b, size_t most) {
    if (*a + *b <= most) return;
    size_t *shorter = *a <= *b ? a : b, *longer = *a <= *b ? b : a;
    *longer =
        *shorter > most ? *shorter : (most - *shorter > *shorter ? most - *shorter : *shorter);
    if (*shorter + *longer > most) {
        *shorter = most / 2;
        *longer = *shorter + most % 2;
    }
}

/* Moves what stays of a and of b behind the first value, with an end behind each. */
static void keep_parts(uint32_t *values, size_t a_first, size_t a, size_t b_first, size_t b,
                       uint32_t end) {
    memmove(values + 1, values + a_first, a * sizeof *values);
    memmove(values + 2 + a, values + b_first, b * sizeof *values);
    values[1 + a] = values[2 + a + b] = end;
}

err tokenizer_encode_pair(const tokenizer *t, encoding *out, const char *a, size_t a_bytes,
                          const char *b, size_t b_bytes, size_t max_length) {
    err e;
    encoder x = {t, out, 0};
    size_t around = b ? 3 : 2;
    if (max_length && max_length < around) {
        return err_set(ERR_ARG, "a maximum length of %zu leaves no room for the %zu special tokens",
                       max_length, around);
    }
    out->count = out->cut = out->unknown = 0;
    if ((e = push(out, t->cls_id, TOKENIZER_NO_PLACE)) || (e = encode_text(&x, a, a_bytes)))
        return e;
    size_t a_count = out->count - 1;
    if (b && (e = encode_text(&x, b, b_bytes))) return e;
    size_t b_count = out->count - 1 - a_count, a_kept = a_count, b_kept = b_count;
    if (max_length && !b && a_kept > max_length - around) a_kept = max_length - around;
    if (max_length && b) keep_of_pair(&a_kept, &b_kept, max_length - around);
    for (int i = 0; i < 2; i++)
        if ((e = push(out, 0, TOKENIZER_NO_PLACE))) return e; // room for two [SEP]
    // [CLS] a... b...: what stays of a, then of b behind the first [SEP]
    size_t a_first = 1 + (t->truncate_left ? a_count - a_kept : 0);
    size_t b_first = 1 + a_count + (t->truncate_left ? b_count - b_kept : 0);
    out->covered = a_bytes;
    if (out->tracks) {
        if (a_kept < a_count && !t->truncate_left) out->covered = out->begins[1 + a_kept];
        keep_parts(out->begins, a_first, a_kept, b_first, b_kept, TOKENIZER_NO_PLACE);
    }
    keep_parts(out->ids, a_first, a_kept, b_first, b_kept, t->sep_id);
    out->count = out->second = 2 + a_kept;
    if (b) {
        out->count = 3 + a_kept + b_kept;
    }
    out->cut = a_count + b_count - a_kept - b_kept;
    out->truncated = out->cut > 0;
    return ERR_OK;
}

err tokenizer_encode(const tokenizer *t, encoding *out, const char *text, size_t bytes,
                     size_t max_length) {
    return tokenizer_encode_pair(t, out, text, bytes, NULL, 0, max_length);
}

void encoding_free(encoding *e) {
    mem_free(e->ids);
    mem_free(e->begins);
    mem_free(e->points);
    mem_free(e->origins);
    *e = (encoding){0};
}
