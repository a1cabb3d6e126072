#include "text/unicode.h"

#include "base/shown.h"
#include "text/unicode_table.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

err text_column(strbuf *out, const char *text, size_t columns) {
    strbuf shown = {0};
    err e = shown_add(&shown, SHOWN_TERMINAL, text);
    if (e) return e;
    size_t width = text_width(shown.text), bytes = shown.length;
    bool cut = width > columns;
    if (cut) {
        bytes = columns ? text_fit(shown.text, columns - 1) : 0;
        width = columns ? 1 + text_width_of(shown.text, bytes) : 0; // the ellipsis
    }
    if ((e = strbuf_add_bytes(out, shown.text, bytes))) goto done;
    if (cut && columns && (e = strbuf_add(out, "\xE2\x80\xA6"))) goto done;
    for (; width < columns && !e; width++) e = strbuf_add_bytes(out, " ", 1);
done:
    strbuf_free(&shown);
    return e;
}

enum { NEAREST_MAX = 64 }; // names are short; longer words are never near anything

// Code points of s in lower case; 0 when there are more than NEAREST_MAX.
static size_t fold(uint32_t out[NEAREST_MAX], const char *s) {
    size_t count = 0, bytes = strlen(s);
    for (size_t i = 0; i < bytes; count++) {
        uint32_t point;
        i += utf8_decode_leniently(&point, s + i, bytes - i);
        if (count == NEAREST_MAX) return 0;
        out[count] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
    }
    return count;
}

static size_t min2(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace and swap of neighbours cost 1 each. */
static size_t edit_distance(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count) {
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_count; j++) last[j] = j;
    for (size_t i = 1; i <= a_count; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_count; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = min2(best, min2(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = min2(best, before[j - 2] + 1);
            now[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_count];
}

const char *text_nearest(const char *word, const char *const *known, size_t count) {
    uint32_t a[NEAREST_MAX], b[NEAREST_MAX];
    size_t a_count = fold(a, word), best = SIZE_MAX;
    const char *nearest = NULL;
    for (size_t i = 0; a_count && i < count; i++) {
        size_t b_count = fold(b, known[i]);
        size_t longer = a_count > b_count ? a_count : b_count;
        size_t distance = b_count ? edit_distance(a, a_count, b, b_count) : SIZE_MAX;
        if (distance <= (longer + 2) / 3 && distance < longer && distance < best) {
            best = distance;
            nearest = known[i];
        }
    }
    return nearest;
}

const char *text_suggestion(const char *word, const char *const *known, size_t count) {
    static _Thread_local char text[NEAREST_MAX * UTF8_MAX_BYTES + sizeof "; did you mean ''?"];
    const char *nearest = text_nearest(word, known, count);
    if (!nearest) return "";
    snprintf(text, sizeof text, "; did you mean '%s'?", nearest);
    return text;
}

// The row of fixes (sorted, count) that holds point, or NULL.
static const unicode_fix *find_fix(const unicode_fix *fixes, size_t count, uint32_t point) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fixes[middle].last < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && fixes[low].first <= point ? &fixes[low] : NULL;
}

static utf8proc_category_t category(uint32_t point) {
    return utf8proc_category((utf8proc_int32_t)point);
}

bool unicode_is_whitespace(uint32_t point) {
    if (point < 128) return point == ' ' || (point >= 9 && point <= 13);
    if (point == 0x85) return true;
    utf8proc_category_t c = category(point);
    return c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP;
}

bool unicode_is_control(uint32_t point) {
    if (point == '\t' || point == '\n' || point == '\r') return false;
    const unicode_fix *fix = find_fix(control_fixes, COUNT(control_fixes), point);
    if (fix) return fix->value;
    utf8proc_category_t c = category(point);
    return c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_CO;
}

bool unicode_is_punctuation(uint32_t point) {
    if (point < 128) {
        return (point >= 33 && point <= 47) || (point >= 58 && point <= 64) ||
               (point >= 91 && point <= 96) || (point >= 123 && point <= 126);
    }
    const unicode_fix *fix = find_fix(punctuation_fixes, COUNT(punctuation_fixes), point);
    if (fix) return fix->value;
    utf8proc_category_t c = category(point);
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO;
}

bool unicode_is_chinese(uint32_t point) {
    // 0x2B920 is `tokenizers`' own: the block it means starts at 0x2B820
    return (point >= 0x4E00 && point <= 0x9FFF) || (point >= 0x3400 && point <= 0x4DBF) ||
           (point >= 0x20000 && point <= 0x2A6DF) || (point >= 0x2A700 && point <= 0x2B81F) ||
           (point >= 0x2B920 && point <= 0x2CEAF) || (point >= 0xF900 && point <= 0xFAFF) ||
           (point >= 0x2F800 && point <= 0x2FA1F);
}

bool unicode_is_mark(uint32_t point) {
    if (point < 128) return false;
    const unicode_fix *fix = find_fix(mark_fixes, COUNT(mark_fixes), point);
    return fix ? fix->value : category(point) == UTF8PROC_CATEGORY_MN;
}

bool unicode_is_word(uint32_t point) {
    if (point == 0x200C || point == 0x200D) return true; // joiners
    utf8proc_category_t c = category(point);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NL) || c == UTF8PROC_CATEGORY_PC;
}

size_t unicode_lower(uint32_t out[UNICODE_LOWER_MAX], uint32_t point) {
    if (point == 0x130) { // the only one whose lower case is longer
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    const unicode_fix *fix = find_fix(lower_fixes, COUNT(lower_fixes), point);
    out[0] = fix ? (uint32_t)((int32_t)point + fix->value)
                 : (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
    return 1;
}

size_t unicode_decompose(uint32_t out[UNICODE_DECOMPOSE_MAX], uint32_t point) {
    utf8proc_int32_t parts[UNICODE_DECOMPOSE_MAX];
    int last = 0;
    out[0] = point;
    if (point < 128 || find_fix(decompose_fixes, COUNT(decompose_fixes), point)) return 1;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)point, parts,
                                                 UNICODE_DECOMPOSE_MAX, UTF8PROC_DECOMPOSE, &last);
    if (n < 1 || n > UNICODE_DECOMPOSE_MAX) return 1; // not a code point, or left as it is
    for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)parts[i];
    return (size_t)n;
}

static int combining_class(uint32_t point) {
    if (point < 0x300 || find_fix(order_fixes, COUNT(order_fixes), point)) return 0;
    return utf8proc_get_property((utf8proc_int32_t)point)->combining_class;
}

// Stable order by class of one run of marks. Merges halves, since a hostile text is one long run.
static void order_run(uint32_t *points, uint32_t *spare, size_t count) {
    if (count < 2) return;
    size_t half = count / 2, a = 0, b = half;
    order_run(points, spare, half);
    order_run(points + half, spare, count - half);
    memcpy(spare, points, half * sizeof *points);
    for (size_t i = 0; a < half; i++)
        if (b < count && combining_class(points[b]) < combining_class(spare[a]))
            points[i] = points[b++];
        else
            points[i] = spare[a++];
}

void unicode_order(uint32_t *points, uint32_t *spare, size_t count) {
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && combining_class(points[end])) end++;
        order_run(points + i, spare, end - i);
        i = end + 1;
    }
}

static err map(char **out, const char *text, int wish) {
    const utf8proc_option_t options =
        (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE | wish);
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t count = (utf8proc_ssize_t)strlen(text);
    utf8proc_ssize_t room = utf8proc_decompose(bytes, count, NULL, 0, options);
    utf8proc_int32_t *points = NULL;
    *out = NULL;
    if (room < 0) return mem_strdup(out, text);
    // one more: the composed text ends in a 0
    err e = mem_new(&points, (size_t)room + 1);
    if (e) return e;
    room = utf8proc_decompose(bytes, count, points, room, options);
    count = utf8proc_reencode(points, room, options);
    e = mem_strndup(out, (const char *)points, (size_t)count);
    mem_free(points);
    return e;
}

err unicode_compose(char **out, const char *text) {
    return map(out, text, 0);
}

err unicode_visible(char **out, const char *text) {
    return map(out, text, UTF8PROC_IGNORE);
}
