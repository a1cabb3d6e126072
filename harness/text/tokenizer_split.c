/* Cleaning and splitting: what BertNormalizer and BertPreTokenizer of `tokenizers` do. */
#include "text/tokenizer_internal.h"

#include "base/memory.h"
#include "platform/thread.h"
#include "text/unicode.h"

#include <string.h>

// What a code point is, whether or not the tokenizer's options ask for it.
static uint8_t class_of(uint32_t point) {
    unsigned class = 0;
    if (point == 0 || point == 0xFFFD || unicode_is_control(point)) class |= CLASS_REMOVED;
    if (unicode_is_whitespace(point)) class |= CLASS_SPACE;
    if (unicode_is_punctuation(point)) class |= CLASS_PUNCTUATION;
    if (unicode_is_chinese(point)) class |= CLASS_CHINESE;
    return (uint8_t) class;
}

static unsigned classes_asked(const tokenizer *t) {
    return CLASS_SPACE | CLASS_PUNCTUATION | (t->clean_text ? CLASS_REMOVED : 0) |
           (t->tokenize_chinese_chars ? CLASS_CHINESE : 0);
}

uint8_t tokenizer__classify(const tokenizer *t, uint32_t point) {
    return (uint8_t)(class_of(point) & classes_asked(t));
}

// The table of the first plane takes a millisecond: made once for all tokenizers.
static uint8_t first_plane[FIRST_PLANE];

static void classify_first_plane(void) {
    for (uint32_t p = 0; p < FIRST_PLANE; p++) first_plane[p] = class_of(p);
}

void tokenizer__classes(const tokenizer *t, uint8_t classes[FIRST_PLANE]) {
    static once_only once = ONCE_ONLY;
    unsigned asked = classes_asked(t);
    once_do(&once, classify_first_plane);
    for (uint32_t p = 0; p < FIRST_PLANE; p++) classes[p] = (uint8_t)(first_plane[p] & asked);
}

static err not_utf8(size_t offset) {
    return err_set(ERR_FORMAT, "byte %zu of the text is not UTF-8", offset);
}

static err make_room(encoding *s, size_t count) {
    err e = mem_grow((void **)&s->points, &s->points_capacity, count, sizeof *s->points);
    return e || !s->tracks
               ? e
               : mem_resize((void **)&s->origins, s->points_capacity, sizeof *s->origins);
}

// origin: byte of the text that the code point comes from
static err put(encoding *s, size_t index, uint32_t point, size_t origin) {
    if (index >= s->points_capacity || (s->tracks && !s->origins)) {
        err e = make_room(s, index + 1);
        if (e) return e;
    }
    s->points[index] = point;
    if (s->tracks) s->origins[index] = (uint32_t)origin;
    return ERR_OK;
}

static size_t origin_of(const encoding *s, size_t index) {
    return s->tracks ? s->origins[index] : 0;
}

// Cased text: a word is a stretch of ordinary code points, so one pass does all.
static err split_plain(const tokenizer *t, encoding *s, const char *text, size_t bytes,
                       const tokenizer_sink *sink) {
    err e;
    size_t count = 0;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        if (!(n = utf8_decode(&point, text + i, bytes - i))) return not_utf8(i);
        uint8_t class = tokenizer__class(t, point);
        if (!class) {
            if ((e = put(s, count++, point, i))) return e;
            continue;
        }
        if (class & CLASS_REMOVED) continue;
        if (count && (e = sink->word(sink->context, s->points, count))) return e;
        count = 0;
        if (class & (CLASS_PUNCTUATION | CLASS_CHINESE)) {
            if ((e = put(s, 0, point, i)) || (e = sink->word(sink->context, s->points, 1)))
                return e;
        }
    }
    return count ? sink->word(sink->context, s->points, count) : ERR_OK;
}

/* Strips accents and lowers points[0, count) of the scratch; the result is *result code points from
 * *start on. */
static err transform(const tokenizer_index *x, encoding *s, size_t count, size_t *start,
                     size_t *result) {
    err e;
    size_t from = 0, end = count;
    if (x->strips) {
        for (size_t i = 0; i < count; i++) {
            uint32_t parts[UNICODE_DECOMPOSE_MAX];
            size_t n = unicode_decompose(parts, s->points[i]);
            for (size_t j = 0; j < n; j++)
                if ((e = put(s, end++, parts[j], origin_of(s, i)))) return e;
        }
        size_t need = end + (end - count) / 2;
        if ((e = make_room(s, need))) return e;
        // only marks change places, within what they stand upon: origins may stay
        unicode_order(s->points + count, s->points + end, end - count);
        size_t kept = from = count;
        for (size_t i = from; i < end; i++) {
            if (unicode_is_mark(s->points[i])) continue;
            s->points[kept] = s->points[i];
            if (s->tracks) s->origins[kept] = s->origins[i];
            kept++;
        }
        end = kept;
    }
    if (x->lowers) {
        size_t last = end;
        for (size_t i = from; i < last; i++) {
            uint32_t parts[UNICODE_LOWER_MAX];
            size_t n = unicode_lower(parts, s->points[i]);
            for (size_t j = 0; j < n; j++)
                if ((e = put(s, end++, parts[j], origin_of(s, i)))) return e;
        }
        from = last;
    }
    *start = from;
    *result = end - from;
    return ERR_OK;
}

// Splits code points that are cleaned already at white space and punctuation.
static err split_clean(const tokenizer *t, const uint32_t *points, size_t count,
                       const tokenizer_sink *sink) {
    err e;
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t class = tokenizer__class(t, points[i]);
        if (!(class & (CLASS_SPACE | CLASS_PUNCTUATION))) continue;
        if (i > start && (e = sink->word(sink->context, points + start, i - start))) return e;
        if (class & CLASS_PUNCTUATION && (e = sink->word(sink->context, points + i, 1))) return e;
        start = i + 1;
    }
    return count > start ? sink->word(sink->context, points + start, count - start) : ERR_OK;
}

static err split_run(const tokenizer *t, encoding *s, size_t count, const tokenizer_sink *sink) {
    size_t start = 0, result = 0;
    err e = transform(t->index, s, count, &start, &result);
    return e ? e : split_clean(t, s->points + start, result, sink);
}

/* Text whose accents or case change, a run between blanks at a time: no mapping reaches across a
 * blank, so the scratch stays as short as the longest run. */
static err split_mapped(const tokenizer *t, encoding *s, const char *text, size_t bytes,
                        const tokenizer_sink *sink) {
    err e;
    size_t count = 0;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        if (!(n = utf8_decode(&point, text + i, bytes - i))) return not_utf8(i);
        uint8_t class = tokenizer__class(t, point);
        if (class & CLASS_REMOVED) continue;
        if (class & (CLASS_SPACE | CLASS_CHINESE)) {
            if (count && (e = split_run(t, s, count, sink))) return e;
            count = 0;
            if (class & CLASS_SPACE) continue;
            if ((e = put(s, 0, point, i)) || (e = split_run(t, s, 1, sink))) return e;
            continue;
        }
        if ((e = put(s, count++, point, i))) return e;
    }
    return count ? split_run(t, s, count, sink) : ERR_OK;
}

err tokenizer__clean(const tokenizer *t, encoding *s, size_t *start, size_t *count,
                     const char *text, size_t bytes) {
    err e;
    size_t length = 0;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        if (!(n = utf8_decode(&point, text + i, bytes - i))) return not_utf8(i);
        uint8_t class = tokenizer__class(t, point);
        if (class & CLASS_REMOVED) continue;
        if (class & CLASS_SPACE && t->clean_text) point = ' ';
        if (class & CLASS_CHINESE && (e = put(s, length++, ' ', i))) return e;
        if ((e = put(s, length++, point, i))) return e;
        if (class & CLASS_CHINESE && (e = put(s, length++, ' ', i))) return e;
    }
    *start = *count = 0;
    return length ? transform(t->index, s, length, start, count) : ERR_OK;
}

// The longest cleaned added token at points and its length; NULL when there is none.
static const added_token *match_cleaned(const tokenizer *t, const uint32_t *points, size_t count,
                                        size_t *length) {
    const added_token *best = NULL;
    uint32_t node = TRIE_CLEANED;
    for (size_t i = 0; i < count; i++) {
        const trie_step *step = trie_find(t->index, node, points[i]);
        if (!step) break;
        node = step->child;
        if (step->id == TOKENIZER_NO_ID) continue;
        best = &t->added[step->id];
        *length = i + 1;
    }
    return best;
}

static bool stands_alone(const uint32_t *points, size_t count, size_t from, size_t to) {
    return (from == 0 || !unicode_is_word(points[from - 1])) &&
           (to == count || !unicode_is_word(points[to]));
}

// The whole text is cleaned first, since an added token may hold blanks.
static err split_with_patterns(const tokenizer *t, encoding *s, const char *text, size_t bytes,
                               const tokenizer_sink *sink) {
    size_t start = 0, count = 0, done = 0;
    err e = tokenizer__clean(t, s, &start, &count, text, bytes);
    if (e || !count) return e; // nothing left: the scratch may not exist
    const uint32_t *points = s->points + start;
    for (size_t i = 0; i < count;) {
        size_t length = 0;
        const added_token *a = match_cleaned(t, points + i, count - i, &length);
        if (!a) {
            i++;
            continue;
        }
        size_t from = i, to = i + length;
        i = to;
        if (a->single_word && !stands_alone(points, count, from, to)) continue;
        while (a->lstrip && from > done && unicode_is_whitespace(points[from - 1])) from--;
        while (a->rstrip && to < count && unicode_is_whitespace(points[to])) to++;
        if ((e = split_clean(t, points + done, from - done, sink))) return e;
        if ((e = sink->added(sink->context, a->id, points + from))) return e;
        done = i = to;
    }
    return split_clean(t, points + done, count - done, sink);
}

err tokenizer__split(const tokenizer *t, encoding *scratch, const char *text, size_t bytes,
                     const tokenizer_sink *sink) {
    if (t->index->has_normalized) return split_with_patterns(t, scratch, text, bytes, sink);
    if (t->index->strips || t->index->lowers) return split_mapped(t, scratch, text, bytes, sink);
    return split_plain(t, scratch, text, bytes, sink);
}
