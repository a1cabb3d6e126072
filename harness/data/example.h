/* An example: the texts that a model reads together, and what it is to say of them. */
#ifndef HARNESS_DATA_EXAMPLE_H
#define HARNESS_DATA_EXAMPLE_H

#include "text/text_span.h"

#include <stdint.h>

enum { EXAMPLE_TEXTS_MAX = 2 };

/* What is to be said. Which member holds is the task's matter: all its examples have the same. */
typedef union example_target {
    uint32_t class; /* index into the task's labels */
} example_target;

typedef struct example {
    text_span texts[EXAMPLE_TEXTS_MAX]; /* (text_count); a 0 byte follows each */
    uint32_t text_count;
    example_target target;
} example;

#endif
