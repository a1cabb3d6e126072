/* What the program needs of Unicode beside UTF-8 (base/utf8.h): columns, BERT's character classes,
 * spelling help. Character data comes from utf8proc; where its Unicode version and that of Hugging
 * Face's `tokenizers` part, a committed table of ranges (unicode_table.h) makes the classes and
 * mappings below those of `tokenizers`. */
#ifndef HARNESS_TEXT_UNICODE_H
#define HARNESS_TEXT_UNICODE_H

#include "base/err.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends text as a terminal shows it (base/shown.h), padded with blanks to exactly `columns`; when
 * it is wider it is cut and ends in an ellipsis. Errors: ERR_MEMORY. */
err text_column(strbuf *out, const char *text, size_t columns) MUST_CHECK;

/* The entry of known (count) that word is most likely a misspelling of, or NULL when none is near:
 * at most a third of the longer length, rounded up, in edits (insert, delete, replace, swap
 * neighbours; case is free). Ties go to the first. Borrowed from known. */
const char *text_nearest(const char *word, const char *const *known, size_t count);
/* For messages: "; did you mean 'X'?" of that entry, or "". Borrowed until the thread's next call. */
const char *text_suggestion(const char *word, const char *const *known, size_t count);

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

/* The text with its letters composed (NFC): of Hangul spelt in jamo, as macOS names files, the
 * syllables. What is no UTF-8 is copied as it is. *out is owned. Errors: ERR_MEMORY. */
err unicode_compose(char **out, const char *text) MUST_CHECK;

/* The same without what shows nothing (of zero width, marks of direction): texts that look alike
 * are alike. */
err unicode_visible(char **out, const char *text) MUST_CHECK;

/* Canonical ordering of combining marks, in place. spare has room for count / 2 code points. */
void unicode_order(uint32_t *points, uint32_t *spare, size_t count);

#endif
