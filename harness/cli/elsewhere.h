/* What people type who know other programs, foremost transformers' example scripts: verbs and
 * flags that are not this program's, and what is here instead. The tables are in elsewhere.def. */
#ifndef HARNESS_CLI_ELSEWHERE_H
#define HARNESS_CLI_ELSEWHERE_H

#include "cli/options.h"

/* What does here what `verb` does elsewhere, such as "run" for "fine-tune"; NULL: not known. Case
 * does not count, nor whether words are joined by - or _. */
const char *elsewhere_verb(const char *verb);

/* What to say of a flag of elsewhere (with or without the dashes in front, up to any '='), such as
 * "--max-length does that"; NULL: not known, or nothing that helps with this verb. */
const char *elsewhere_flag(verb_id verb, const char *flag);

#endif
