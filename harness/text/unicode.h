/* What the program needs of Unicode: UTF-8, display width, BERT's character classes, spelling help.
 *
 * A code point is a uint32_t below 0x110000 that is no surrogate. Character data comes from
 * utf8proc; where its Unicode version and that of Hugging Face's `tokenizers` part, a committed
 * table of ranges (unicode_table.h) makes the classes and mappings below those of `tokenizers`. */
#ifndef HARNESS_TEXT_UNICODE_H
#define HARNESS_TEXT_UNICODE_H

#include "base/err.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX_BYTES = 4 };

/* Decodes the code point at text (bytes left). Returns its length in bytes, 1 to 4, or 0 when the
 * bytes there are not strict UTF-8 (overlong, surrogate, above U+10FFFF, truncated) or bytes is 0.
 */
size_t utf8_decode(uint32_t *point, const char *text, size_t bytes);

/* Writes the code point's 1 to 4 bytes, without a terminator, and returns their number. */
size_t utf8_encode(char out[UTF8_MAX_BYTES], uint32_t point);

/* True when all bytes are strict UTF-8 (0 bytes are). If not, *bad (may be NULL) is the offset of
 * the first byte of the first bad sequence. */
bool utf8_valid(const char *text, size_t bytes, size_t *bad);

/* Code points in text; each byte that belongs to none counts as one. */
size_t utf8_count(const char *text, size_t bytes);

/* Columns on a terminal: Hangul, CJK and emoji take 2, combining marks and controls 0. Bytes that
 * are not UTF-8 take 1 each. */
size_t text_width(const char *text);

/* Bytes of the longest start of text that fits in `columns`, whole code points only. */
size_t text_fit(const char *text, size_t columns);

/* Appends text padded with blanks to exactly `columns`; when it is wider it is cut and ends in an
 * ellipsis. Errors: ERR_MEMORY. */
err text_column(strbuf *out, const char *text, size_t columns) MUST_CHECK;

/* The entry of known (count) that word is most likely a misspelling of, or NULL when none is near:
 * at most a third of the longer length, rounded up, in edits (insert, delete, replace, swap
 * neighbours; case is free). Ties go to the first. Borrowed from known. */
const char *text_nearest(const char *word, const char *const *known, size_t count);

/* BERT's character classes, as the BertNormalizer and BertPreTokenizer of `tokenizers` have them.
 * Cleaning removes U+0000, U+FFFD and control characters, and turns white space to blanks. */
bool unicode_is_whitespace(uint32_t point);
bool unicode_is_control(uint32_t point);     /* but not tab, line feed, carriage return */
bool unicode_is_punctuation(uint32_t point); /* with every ASCII symbol */
bool unicode_is_chinese(uint32_t point);     /* CJK ideographs: neither Hangul nor kana */
bool unicode_is_mark(uint32_t point);        /* Mn: what stripping accents removes */
/* Letters, marks, digits and connectors: what stands beside a "single word" added token. */
bool unicode_is_word(uint32_t point);

enum { UNICODE_LOWER_MAX = 3, UNICODE_DECOMPOSE_MAX = 8 };

/* Full lower case of one code point, without context. Returns how many code points it became. */
size_t unicode_lower(uint32_t out[UNICODE_LOWER_MAX], uint32_t point);

/* Canonical decomposition (NFD) of one code point, Hangul into jamo. Returns their number. Marks
 * are not put in order: unicode_order does that over a whole text. */
size_t unicode_decompose(uint32_t out[UNICODE_DECOMPOSE_MAX], uint32_t point);

/* Canonical ordering of combining marks, in place. spare has room for count / 2 code points. */
void unicode_order(uint32_t *points, uint32_t *spare, size_t count);

#endif
