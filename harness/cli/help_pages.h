/* `harness help` beside the help text itself: the manual page and the completions of shells, made
 * from the tables of verbs and flags, and what a flag may be given. */
#ifndef HARNESS_CLI_HELP_PAGES_H
#define HARNESS_CLI_HELP_PAGES_H

#include "base/err.h"

#include <stdbool.h>

/* On standard output. Completions ask the program for values. */
void help_man(void);
void help_bash(void);
void help_zsh(void);
void help_fish(void);

/* The verbs with their flags, or one verb (a verb_id), as JSON. Errors: ERR_MEMORY. */
err help_json(bool all, unsigned id) MUST_CHECK;

/* What the flag of this name, or the argument of a verb (TASK), may be given. */
typedef struct flag_values flag_values;
const flag_values *flag_values_find(const char *flag);
const char *flag_values_name(const flag_values *v);
bool flag_values_is_list(const flag_values *v); /* several, separated by commas */

/* One a line on standard output; extra_dir: a folder of further manifests, or NULL. Errors: ERR_USAGE
 * listing what is known; what the lists say. */
err flag_values_print(const char *flag, const char *extra_dir) MUST_CHECK;

#endif
