/* Some text in another's memory. */
#ifndef HARNESS_TEXT_TEXT_SPAN_H
#define HARNESS_TEXT_TEXT_SPAN_H

#include <stddef.h>

typedef struct text_span {
    const char *text; /* borrowed; UTF-8, not necessarily terminated */
    size_t bytes;
} text_span;

#endif
