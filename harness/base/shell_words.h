/* Commands of a shell, read back word by word: bare text, \x, '...', "..." and $'...', which is what
 * SHOWN_SHELL (base/shown.h) writes and people type. Variables and patterns stand as they are. */
#ifndef HARNESS_BASE_SHELL_WORDS_H
#define HARNESS_BASE_SHELL_WORDS_H

#include "base/err.h"
#include "base/memory.h"

#include <stdbool.h>

/* Reads the next word over *word and moves *command behind it; *is: there was one. Errors: ERR_MEMORY. */
err shell_word(bool *is, strbuf *word, const char **command) MUST_CHECK;

/* What follows the flag where it is next a whole word, or stands behind it and a '=': *value, "" at
 * the end. *has: whether the flag is there. *command moves behind the flag's word, and not behind its
 * value, which may be such a word too. Errors: ERR_MEMORY. */
err shell_flag(bool *has, strbuf *value, const char **command, const char *flag) MUST_CHECK;

/* Whether a shell reads the command as words and does nothing else: outside of quotes there is only
 * what SHOWN_SHELL writes there, inside of them nothing that acts on a terminal. */
bool shell_is_words(const char *command);

#endif
