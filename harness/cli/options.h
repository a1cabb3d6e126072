/* The command line: one struct for all verbs, filled from the tables flags.def and verbs.def by
 * popt. */
#ifndef HARNESS_CLI_OPTIONS_H
#define HARNESS_CLI_OPTIONS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* C type of each kind of flag. */
typedef const char *flag_TEXT;
typedef bool flag_SWITCH;
typedef uint32_t flag_WHOLE;
typedef double flag_REAL;

typedef enum verb_id {
#define VERB(name, arguments, summary, example) VERB_##name,
#include "cli/verbs.def"
#undef VERB
    VERB_COUNT
} verb_id;

/* A flag that was not given is zero (NULL, false, 0) and has_<field> is false. */
typedef struct options {
#define FLAG(field, kind, name, letter, argument, verbs, help)                                     \
    flag_##kind field;                                                                             \
    bool has_##field;
#define ALIAS(field, name)
#define HELP(field, verbs, argument, help)
#define DEFAULT(field, verbs, text)
#include "cli/flags.def"
#undef FLAG
#undef ALIAS
#undef HELP
#undef DEFAULT
    const char *const *args; /* what is left after the verb and the flags */
    size_t arg_count;
    void *parser; /* owns every string above */
} options;

/* Parses what follows the verb. Errors: ERR_USAGE naming the flag found and the nearest known one.
 * *wants_help is set for --help; nothing else is then checked. Free with options_free. */
err options_parse(options *o, bool *wants_help, verb_id verb, int argc,
                  const char **argv) MUST_CHECK;
void options_free(options *o);

/* Help of one verb, or of the whole program, on standard output. */
void options_help(verb_id verb);
void options_help_all(void);

/* The verb of this name. Errors: ERR_USAGE with the nearest known one. */
err options_verb(verb_id *verb, const char *name) MUST_CHECK;

/* Whether the verb takes the flag, by its name or an alias, without dashes. */
bool options_takes(verb_id verb, const char *flag);

/* The name by which the flag (its own name, without dashes) was given: that or an alias. Borrowed.
 */
const char *options_typed(const options *o, const char *flag);

/* A flag of the command line was out of range: `what` tells the range ("1 to 100"). */
err options_range_error(const char *flag, const char *found, const char *what) MUST_CHECK;

#define VERB(name, arguments, summary, example) err verb_##name(const options *o) MUST_CHECK;
#include "cli/verbs.def"
#undef VERB

#endif
