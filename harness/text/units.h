/* Units: the parts of a text that are answered one by one, characters or words, and which tokens
 * answer for them.
 *
 * A token answers for the unit that it begins in, the first such token for the unit; a unit in which
 * none begins belongs to the token before it, as the characters behind the first of a piece do, or
 * all that an [UNK] covers. Places are the tokenizer's own (encoding.begins), so that lower case,
 * stripped accents and added tokens change nothing. */
#ifndef HARNESS_TEXT_UNITS_H
#define HARNESS_TEXT_UNITS_H

#include "base/err.h"
#include "text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

typedef struct text_unit {
    uint32_t begin, end; /* bytes of the text */
} text_unit;

/* What a text is divided into; blanks (white space of Unicode) belong to no unit. */
typedef enum unit_kind {
    UNIT_CHARACTER, /* code points */
    UNIT_WORD       /* what stands between blanks */
} unit_kind;

/* *list (*count) is owned. pre: the text is UTF-8. Errors: ERR_MEMORY. */
err units_find(text_unit **list, uint32_t *count, unit_kind kind, const char *text,
               size_t bytes) MUST_CHECK;

enum {
    UNIT_INSIDE = -2, /* the token before it answers */
    UNIT_NONE = -1    /* none does: it was cut off, or nothing of it is left */
};

/* Where the answers are: of a unit the first token that begins in it, UNIT_INSIDE or UNIT_NONE.
 *   first  (count)
 *   last   (count) the last such token, optional; as first where there is none
 *   e      of the text alone, made with tracks
 *   list   (count) ascending */
void units_align(int32_t *first, int32_t *last, const encoding *e, const text_unit *list,
                 uint32_t count);

#endif
