/* Plain names: how what people call things (models, devices, tasks) becomes part of a file's or
 * folder's name. Output folders, records in the results folder and pages all take it from here.
 *
 * A plain name has letters (ASCII ones in lower case; Hangul and other scripts as they are), digits
 * and, within, '.' and '_'; anything else becomes one '-'. It never begins with '.' or '-', so it
 * is neither hidden, nor a flag, nor a way to another folder. It is for reading: two texts may have
 * one plain name ("a b", "A-B"), so whoever needs different names adds a hash of the texts. */
#ifndef HARNESS_BASE_NAME_H
#define HARNESS_BASE_NAME_H

#include "base/memory.h"

#include <stdbool.h>

/* Appends the plain name of text: at most `most` bytes of it, cut between characters, and "x" when
 * nothing is left. Bytes that are not UTF-8 count as other characters. Errors: ERR_MEMORY. */
err name_plain(strbuf *out, const char *text, size_t most) MUST_CHECK;

/* Whether text is one word of such letters, digits, '_' and '-' that does not begin with '-': what
 * a task may be called. Between '-' and '_' Latin, Greek and Cyrillic letters do not mix, for they look
 * alike: another "o" than that of "own-" tells nobody apart. */
bool name_is_word(const char *text);

/* The place of a word in a list as messages have it ("fp32, fp16, bf16"), or -1. */
int name_place(const char *list, const char *word);

/* What is written between several of these names: a comma, or what none of them holds; where each holds
 * something of all, a comma too. */
char name_between(const char *const *names, size_t count);

#endif
