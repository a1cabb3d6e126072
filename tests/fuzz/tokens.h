/* What has to hold for any tokenizer and any text, for the targets of the tokenizer's files. */
#ifndef TESTS_FUZZ_TOKENS_H
#define TESTS_FUZZ_TOKENS_H

#include "text/tokenizer.h"

/* The tokens of a small vocabulary of our own, one a line. */
extern const char tokens_vocabulary[];

/* Encodes bytes, whole and cut to max_length, and checks ids, ends, counts and errors. */
void tokens_check_text(const tokenizer *t, const void *bytes, size_t size, size_t max_length);

/* Checks a tokenizer that was loaded: ids, a few texts, and that it is saved and loaded to the same
 * hash. */
void tokens_check(const tokenizer *t);

#endif
