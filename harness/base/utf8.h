/* UTF-8: code points, and the columns that they take on a terminal.
 *
 * A code point is a uint32_t below 0x110000 that is no surrogate. Widths come from utf8proc. */
#ifndef HARNESS_BASE_UTF8_H
#define HARNESS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX_BYTES = 4 };

/* Decodes the code point at text (bytes left). Returns its length in bytes, 1 to 4, or 0 when the
 * bytes there are not strict UTF-8 (overlong, surrogate, above U+10FFFF, truncated) or bytes is
 * 0. */
size_t utf8_decode(uint32_t *point, const char *text, size_t bytes);

/* The same for display: a byte that belongs to no code point is U+FFFD, of length 1. pre: bytes */
size_t utf8_decode_leniently(uint32_t *point, const char *text, size_t bytes);

/* Writes the code point's 1 to 4 bytes, without a terminator, and returns their number. */
size_t utf8_encode(char out[UTF8_MAX_BYTES], uint32_t point);

/* True when all bytes are strict UTF-8 (0 bytes are). If not, *bad (may be NULL) is the offset of
 * the first byte of the first bad sequence. */
bool utf8_valid(const char *text, size_t bytes, size_t *bad);

/* Whether all bytes are the beginning of one code point that more bytes would complete: where a text
 * ends so, it was cut off within a letter. */
bool utf8_is_begun(const char *text, size_t bytes);

/* Code points in text; each byte that belongs to none counts as one. */
size_t utf8_count(const char *text, size_t bytes);

/* Bytes of the start of text, `bytes` of them or as many fewer as belong to a code point that goes
 * on behind them. pre: text[bytes] may be read. */
size_t utf8_whole(const char *text, size_t bytes);

/* Columns on a terminal: Hangul, CJK and emoji take 2, combining marks and controls 0. Bytes that
 * are not UTF-8 take 1 each. text_width_of: of so many bytes. */
size_t text_width(const char *text);
size_t text_width_of(const char *text, size_t bytes);

/* Bytes of the longest start of text that fits in `columns`, whole code points only. */
size_t text_fit(const char *text, size_t columns);

#endif
