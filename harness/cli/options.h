/* The command line: one struct for all verbs, filled from the tables flags.def and verbs.def by
 * popt. */
#ifndef HARNESS_CLI_OPTIONS_H
#define HARNESS_CLI_OPTIONS_H

#include "base/err.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* C type of each kind of flag; the second line has hyperparameters' kinds of text. */
typedef const char *flag_TEXT;
typedef const char *flag_SCHEDULE, *flag_WEIGHTS, *flag_METRIC;
typedef bool flag_SWITCH;
typedef uint32_t flag_WHOLE, flag_COUNT;
typedef double flag_REAL, flag_STEPS;

typedef enum verb_id {
#define VERB(name, arguments, summary, example) VERB_##name,
#include "cli/verbs.def"
#undef VERB
    VERB_COUNT
} verb_id;

/* A flag that was not given is zero (NULL, false, 0) and has_<field> is false. */
typedef struct options {
#define NAMED(field, kind, ...)                                                                    \
    flag_##kind field;                                                                             \
    bool has_##field;
#include "cli/flags.def"
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

/* What these say, for pages and completions made from the same tables. */
typedef struct verb_words {
    const char *word, *arguments, *summary, *example;
} verb_words;
verb_words options_verb_words(verb_id verb);

enum { FLAG_HELP_BYTES = 400 };
typedef struct flag_words {
    const char *names[2]; /* without dashes; the second may be NULL */
    char letter;          /* 0: none */
    const char *argument; /* NULL of a switch */
    const char *place;    /* FILE or DIR in it: what completes it; may be NULL */
    const char *list;     /* the same, of flag_values.c, which may know none; may be NULL */
    char help[FLAG_HELP_BYTES];
} flag_words;
/* The nth flag of the verb; false behind the last. */
bool options_flag_words(flag_words *out, verb_id verb, size_t n);

/* The verb of this name. Errors: ERR_USAGE with the nearest known one. */
err options_verb(verb_id *verb, const char *name) MUST_CHECK;

/* Whether the verb takes the flag, by its name or an alias, without dashes. */
bool options_takes(verb_id verb, const char *flag);

/* What a hyperparameter's flag was given. */
typedef struct flag_value {
    const char *flag;  /* without dashes */
    const char *typed; /* the same, or its other name, as it was given */
    const char *text;  /* NULL of numbers and switches */
    double number;     /* 1 of a switch */
    bool is_switch;
} flag_value;

/* The value of the flag of this field; false when it was not given. Strings live as long as the
 * options. */
bool options_given(flag_value *out, const options *o, const char *field);

/* Appends " --flag value" of this field as a shell's words, unless it was not given. Errors: ERR_MEMORY. */
err options_add(strbuf *out, const options *o, const char *field) MUST_CHECK;

/* The nth flag that the verb takes, in the order of options_flag_words. *given: whether it was given,
 * and *out is filled; false behind the last. */
bool options_nth(flag_value *out, bool *given, const options *o, verb_id verb, size_t n);

/* What flags may be given that take one of a few words, as messages and shells list them. */
#define REPORT_FORMAT_WORDS "md, html, csv, json"
#define COMPARE_FORMAT_WORDS "md, html, json"
#define HELP_FORMAT_WORDS "man, bash, zsh, fish"
#define SPLIT_WORDS "train, test, dev"
#define SEARCH_WORDS "random, grid"

/* A flag of the command line was out of range: `what` tells the range ("1 to 100"). */
err options_range_error(const char *flag, const char *found, const char *what) MUST_CHECK;

#define VERB(name, arguments, summary, example) err verb_##name(const options *o) MUST_CHECK;
#include "cli/verbs.def"
#undef VERB

#endif
