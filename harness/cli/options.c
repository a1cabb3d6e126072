#include "cli/options.h"

#include "base/memory.h"
#include "base/shown.h"
#include "cli/elsewhere.h"
#include "model/config.h"
#include "model/encoder/family.h"
#include "platform/file.h"
#include "text/unicode.h"
#include "train/recipe/recipe.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum flag_kind {
    KIND_TEXT,
    KIND_SWITCH,
    KIND_WHOLE,
    KIND_COUNT,
    KIND_REAL,
    KIND_STEPS = KIND_REAL, // hyperparameters' kinds
    KIND_SCHEDULE = KIND_TEXT,
    KIND_WEIGHTS = KIND_TEXT,
    KIND_METRIC = KIND_TEXT
} flag_kind;

enum {
#define VERB(name, arguments, summary, example) V_##name = 1 << VERB_##name,
#include "cli/verbs.def"
#undef VERB
    V_ALL = ~0
};
_Static_assert(VERB_COUNT < 32, "a set of verbs is an int");

typedef struct flag {
    const char *field, *names[2]; /* the second may be NULL */
    char letter;
    flag_kind kind;
    const char *argument, *help;
    int verbs;
    size_t value_offset, has_offset;
} flag;

static const flag flags[] = {
#define NAMED(field, kind, name, other, letter, argument, verbs, help)                             \
    {#field,                                                                                       \
     {name, other},                                                                                \
     letter,                                                                                       \
     KIND_##kind,                                                                                  \
     argument,                                                                                     \
     help,                                                                                         \
     verbs,                                                                                        \
     offsetof(options, field),                                                                     \
     offsetof(options, has_##field)},
#include "cli/flags.def"
};
enum { FLAG_COUNT = sizeof flags / sizeof *flags };

typedef enum note_kind { NOTE_HELP, NOTE_DEFAULT, NOTE_COMPLETED } note_kind;

/* What some verbs say otherwise of a flag, defaults (text alone), and what completes it (a list's
 * name). */
static const struct note {
    note_kind kind;
    const char *field;
    int verbs;
    const char *argument, *text;
} notes[] = {
#define HELP(field, verbs, argument, help) {NOTE_HELP, #field, verbs, argument, help},
#define DEFAULT(field, verbs, text) {NOTE_DEFAULT, #field, verbs, NULL, text},
#define COMPLETED(field, verbs, place, list) {NOTE_COMPLETED, #field, verbs, place, list},
#include "cli/flags.def"
};

static const struct {
    const char *name, *arguments, *summary, *example;
    int bit;
} verbs[] = {
#define VERB(name, arguments, summary, example) {#name, arguments, summary, example, V_##name},
#include "cli/verbs.def"
#undef VERB
};

/* The verb's name as it is typed: C has no '-' in names. */
static const char *verb_word(size_t verb) {
    static char words[VERB_COUNT][24];
    char *word = words[verb];
    snprintf(word, sizeof words[verb], "%s", verbs[verb].name);
    for (char *at = word; *at; at++)
        if (*at == '_') *at = '-';
    return word;
}

/* What popt works on: its table must outlive the context. */
typedef struct parser {
    struct poptOption table[2 * FLAG_COUNT + 2];
    poptContext context;
    const char *typed[FLAG_COUNT]; /* by the flag's row: the name that it was given by */
    char *held[2 * FLAG_COUNT];    /* argument strings, freed with free: popt's own */
    size_t held_count;
} parser;

enum { CODE_HELP = 1, CODE_FIRST = 100 };

static const struct note *find_note(const flag *f, int verb, note_kind kind) {
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (notes[i].kind == kind && (notes[i].verbs & verb) && !strcmp(notes[i].field, f->field))
            return &notes[i];
    return NULL;
}

/* The recipes' own defaults of a hyperparameter; false when the field is none. */
static bool recipe_default(char out[FLAG_HELP_BYTES], const char *field) {
    static const char *const presets[] = {
#define X(name, layers, hidden, heads) #name,
        MODEL_PRESETS(X)
#undef X
    };
    char usual[RECIPE_TEXT_BYTES], first[RECIPE_TEXT_BYTES] = "", other[RECIPE_TEXT_BYTES] = "";
    bool same = true;
    recipe r;
    recipe_defaults(&r);
    if (!recipe_shown(usual, &r, field)) return false;
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (recipe_load(&r, presets[i])) return false;
        recipe_shown(i ? other : first, &r, field);
        same = same && (!i || !strcmp(first, other));
    }
    if (same && !strcmp(first, usual))
        snprintf(out, FLAG_HELP_BYTES, "%.100s", usual);
    else
        snprintf(out, FLAG_HELP_BYTES, "%.100s, of presets %.100s", usual,
                 same ? first : "their own");
    return true;
}

/* Another name of the flag and its default, in brackets behind its help. */
static void describe(char out[FLAG_HELP_BYTES], const flag *f, int verb) {
    const struct note *other = find_note(f, verb, NOTE_HELP),
                      *fixed = find_note(f, verb, NOTE_DEFAULT);
    char value[FLAG_HELP_BYTES] = "";
    bool known =
        fixed || (verb == V_run && f->kind != KIND_SWITCH && recipe_default(value, f->field));
    size_t used = (size_t)snprintf(out, FLAG_HELP_BYTES, "%s", other ? other->text : f->help);
    if (f->names[1])
        used += (size_t)snprintf(out + used, FLAG_HELP_BYTES - used, " (also --%s", f->names[1]);
    if (known)
        used += (size_t)snprintf(out + used, FLAG_HELP_BYTES - used, "%sdefault: %s",
                                 f->names[1] ? "; " : " (", fixed ? fixed->text : value);
    if (known || f->names[1]) snprintf(out + used, FLAG_HELP_BYTES - used, ")");
}

static void build_table(parser *p, verb_id verb) {
    size_t n = 0;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        const flag *f = &flags[i];
        if (!(f->verbs & verbs[verb].bit)) continue;
        struct poptOption row = {.longName = f->names[0],
                                 .shortName = f->letter,
                                 .argInfo =
                                     f->kind == KIND_SWITCH ? POPT_ARG_NONE : POPT_ARG_STRING,
                                 .val = (int)(CODE_FIRST + 2 * i)};
        p->table[n++] = row;
        if (!f->names[1]) continue;
        row.longName = f->names[1];
        row.shortName = '\0';
        row.val++;
        p->table[n++] = row;
    }
    p->table[n++] = (struct poptOption){
        .longName = "help", .shortName = 'h', .argInfo = POPT_ARG_NONE, .val = CODE_HELP};
    p->table[n] = (struct poptOption){0};
}

static err unknown_flag(const parser *p, verb_id verb, const char *found) {
    const char *known[2 * FLAG_COUNT + 2], *words = elsewhere_flag(verb, found);
    char bare[64];
    size_t n = 0;
    for (const struct poptOption *o = p->table; o->longName; o++) known[n++] = o->longName;
    const char *word = found + strspn(found, "-");
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
    const char *near = words ? NULL : text_nearest(bare, known, n);
    return err_set(ERR_USAGE, "unknown flag '%s' for `harness %s`%s%s%s (`harness %s --help`)",
                   found, verb_word(verb),
                   words  ? "; "
                   : near ? "; did you mean --"
                          : "",
                   words  ? words
                   : near ? near
                          : "",
                   near ? "?" : "", verb_word(verb));
}

/* Of one place: a list of several may be longer. A message would be cut before it says why. */
static err check_length(const flag *f, const char *name, const char *text) {
    const char *argument = f->argument;
    bool is_place = strstr(argument, "DIR") || strstr(argument, "FILE") || strstr(argument, "PATH");
    if (!is_place || strstr(argument, "...") || strlen(text) < PATH_MAX) return ERR_OK;
    return err_set(ERR_USAGE, "--%s: '%.40s...' has %zu bytes, a path has at most %d", name, text,
                   strlen(text), PATH_MAX - 1);
}

static err store(options *o, const flag *f, const char *name, const char *text) {
    char *base = (char *)o;
    char *end = NULL;
    errno = 0;
    switch (f->kind) {
    case KIND_SWITCH: *(bool *)(void *)(base + f->value_offset) = true; break;
    case KIND_TEXT:
        if (!*text) return err_set(ERR_USAGE, "--%s needs a value, found an empty one", name);
        if (check_length(f, name, text)) return ERR_USAGE;
        *(const char **)(void *)(base + f->value_offset) = text;
        break;
    case KIND_WHOLE:
    case KIND_COUNT: {
        unsigned long long v = strtoull(text, &end, 10);
        unsigned least = f->kind == KIND_COUNT;
        if (!*text || *end || errno || v < least || v > UINT32_MAX || strchr(text, '-')) {
            return err_set(ERR_USAGE, "--%s expects a whole number from %u to %u, found '%s'", name,
                           least, UINT32_MAX, text);
        }
        *(uint32_t *)(void *)(base + f->value_offset) = (uint32_t)v;
        break;
    }
    case KIND_REAL: {
        double v = strtod(text, &end);
        if (!*text || *end || errno == ERANGE || !isfinite(v) || v < 0) {
            return err_set(ERR_USAGE, "--%s expects a finite number of at least 0, found '%s'",
                           name, text);
        }
        *(double *)(void *)(base + f->value_offset) = v;
        break;
    }
    }
    *(bool *)(void *)(base + f->has_offset) = true;
    return ERR_OK;
}

/* A flag that names a folder is not ignored where it names something else, also when nothing is
 * read from it after all. */
static err check_folders(const options *o) {
    const struct {
        const char *flag, *path;
        bool is_made; /* where it is not there */
    } list[] = {{"task-dir", o->task_dir, false},  {"checkpoint", o->checkpoint, false},
                {"baselines", o->baselines, true}, {"data", o->data_dir, true},
                {"results", o->results, true},     {"output-dir", o->output_dir, true}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *path = list[i].path, *fault = path ? folder_fault(path) : NULL;
        if (fault && !(list[i].is_made && fault == folder_absent))
            return err_set(ERR_DATA, "--%s %s: %s", list[i].flag, path, fault);
    }
    return ERR_OK;
}

static bool value_of(flag_value *out, const options *o, const flag *f) {
    if (!*(const bool *)((const char *)o + f->has_offset)) return false;
    const void *at = (const char *)o + f->value_offset;
    const parser *p = o->parser;
    *out = (flag_value){
        .flag = f->names[0], .typed = p->typed[f - flags], .is_switch = f->kind == KIND_SWITCH};
    switch (f->kind) {
    case KIND_TEXT: out->text = *(const char *const *)at; break;
    case KIND_SWITCH: out->number = *(const bool *)at; break;
    case KIND_WHOLE:
    case KIND_COUNT: out->number = *(const uint32_t *)at; break;
    case KIND_REAL: out->number = *(const double *)at; break;
    }
    return true;
}

/* What another flag or an argument names is no place for an output, by whatever link. A recipe may be
 * replaced by the better one that was found from it. */
static err check_apart(const options *o, const char *path) {
    flag_value v;
    for (const flag *f = flags; f < flags + FLAG_COUNT; f++)
        if (strcmp(f->field, "recipe") != 0 && value_of(&v, o, f) && v.text && v.text != path &&
            file_is_same(path, v.text))
            return err_set(ERR_USAGE, "%s is read by this command (--%s), and would be replaced",
                           path, v.flag);
    for (size_t i = 0; i < o->arg_count; i++)
        if (file_is_same(path, o->args[i]))
            return err_set(ERR_USAGE, "%s is read by this command, and would be replaced", path);
    return ERR_OK;
}

/* - is no file to write: what goes to standard output has no flag for it. */
static err check_outputs(const options *o, verb_id verb) {
    static const char *const fields[] = {"output", "predictions", "svg"};
    err e = ERR_OK;
    flag_value v;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && !e; i++) {
        if (!options_given(&v, o, fields[i])) continue;
        if (!strcmp(v.text, "-"))
            e = verb == VERB_predict
                    ? ERR_OK
                    : err_set(ERR_USAGE,
                              "--%s -: standard output is not written to here: name a file",
                              v.flag);
        else
            e = check_apart(o, v.text);
    }
    return e;
}

/* How many a verb may take is how many its help names; what they may be is the verb's own. */
static err check_arguments(const options *o, verb_id verb) {
    const char *words = verbs[verb].arguments;
    size_t most = 0;
    for (const char *at = words; *at; at += strspn(at, " ")) {
        at += strcspn(at, " ");
        most++;
    }
    if (!o->args || o->arg_count <= most || strstr(words, "...")) return ERR_OK;
    const char *found = o->args[most], *hint = folder_exists(found) && options_takes(verb, "model")
                                                   ? " (--model names a run)"
                                               : options_takes(verb, "task")
                                                   ? " (a task is named with --task)"
                                                   : "";
    return err_set(ERR_USAGE, "%s takes %s%s, found '%s'%s", verb_word(verb),
                   most ? "no more than " : "no arguments", words, found, hint);
}

static err check_max_length(const options *o) {
    char found[16];
    if (!o->has_max_length || o->max_length >= 2) return ERR_OK;
    snprintf(found, sizeof found, "%u", o->max_length);
    return options_range_error("max-length", found, "at least 2, for [CLS] and [SEP]");
}

err options_parse(options *o, bool *wants_help, verb_id verb, int argc, const char **argv) {
    memset(o, 0, sizeof *o);
    *wants_help = false;
    parser *p;
    err e = mem_new(&p, 1);
    if (e) return e;
    o->parser = p;
    build_table(p, verb);
    p->context = poptGetContext("harness", argc, argv, p->table, 0);
    if (!p->context) {
        e = err_set(ERR_MEMORY, "out of memory while reading the command line");
        goto done;
    }
    for (int code; !e && (code = poptGetNextOpt(p->context)) != -1;) {
        if (code < 0) {
            const char *found = poptBadOption(p->context, POPT_BADOPTION_NOALIAS);
            e = code == POPT_ERROR_BADOPT ? unknown_flag(p, verb, found)
                                          : err_set(ERR_USAGE, "%s: %s", found, poptStrerror(code));
            break;
        }
        if (code == CODE_HELP) {
            *wants_help = true;
            break;
        }
        const flag *f = &flags[(code - CODE_FIRST) / 2];
        char *text = f->kind == KIND_SWITCH ? NULL : poptGetOptArg(p->context);
        if (text && p->held_count < sizeof p->held / sizeof *p->held)
            p->held[p->held_count++] = text;
        p->typed[f - flags] = f->names[(code - CODE_FIRST) % 2];
        e = store(o, f, p->typed[f - flags], text ? text : "");
    }
    if (!e && !*wants_help) {
        o->args = poptGetArgs(p->context);
        while (o->args && o->args[o->arg_count]) o->arg_count++;
        e = check_arguments(o, verb);
        if (!e) e = check_folders(o);
        if (!e) e = check_outputs(o, verb);
        if (!e) e = check_max_length(o);
    }
done:
    if (e) options_free(o);
    return e;
}

void options_free(options *o) {
    parser *p = o->parser;
    if (p) {
        for (size_t i = 0; i < p->held_count; i++) free(p->held[i]);
        poptFreeContext(p->context);
        mem_free(p);
    }
    memset(o, 0, sizeof *o);
}

verb_words options_verb_words(verb_id verb) {
    return (verb_words){verb_word(verb), verbs[verb].arguments, verbs[verb].summary,
                        verbs[verb].example};
}

/* The nth flag of the verb, or FLAG_COUNT; then n tells how far behind the last it is. */
static size_t nth_flag(verb_id verb, size_t *n) {
    size_t i = 0;
    for (; i < FLAG_COUNT; i++)
        if ((flags[i].verbs & verbs[verb].bit) && !(*n)--) break;
    return i;
}

bool options_flag_words(flag_words *out, verb_id verb, size_t n) {
    int bit = verbs[verb].bit;
    size_t i = nth_flag(verb, &n);
    if (i == FLAG_COUNT) { // popt's own row comes last
        *out = (flag_words){.names = {"help"}, .letter = 'h', .help = "show this help"};
        return !n;
    }
    const flag *f = &flags[i];
    const struct note *other = find_note(f, bit, NOTE_HELP),
                      *completed = find_note(f, bit, NOTE_COMPLETED);
    *out = (flag_words){.names = {f->names[0], f->names[1]},
                        .letter = f->letter,
                        .argument = other ? other->argument : f->argument};
    out->place = completed ? completed->argument : out->argument;
    out->list = completed ? completed->text : f->names[0];
    describe(out->help, f, bit);
    return true;
}

err options_verb(verb_id *verb, const char *name) {
    const char *known[VERB_COUNT];
    for (size_t i = 0; i < VERB_COUNT; i++) {
        known[i] = verb_word(i);
        if (!strcmp(name, known[i])) {
            *verb = (verb_id)i;
            return ERR_OK;
        }
    }
    const char *same = elsewhere_verb(name);
    return err_set(ERR_USAGE, "unknown verb '%s'%s (`harness --help` lists them)", name,
                   same ? text_suggestion(same, &same, 1)
                        : text_suggestion(name, known, VERB_COUNT));
}

bool options_takes(verb_id verb, const char *flag_name) {
    for (size_t i = 0; i < FLAG_COUNT; i++)
        for (size_t k = 0; k < 2 && flags[i].names[k]; k++)
            if ((flags[i].verbs & verbs[verb].bit) && !strcmp(flags[i].names[k], flag_name))
                return true;
    return false;
}

bool options_given(flag_value *out, const options *o, const char *field) {
    const flag *f = flags;
    while (f < flags + FLAG_COUNT && strcmp(f->field, field) != 0) f++;
    return f < flags + FLAG_COUNT && value_of(out, o, f);
}

err options_add(strbuf *out, const options *o, const char *field) {
    flag_value v;
    if (!options_given(&v, o, field)) return ERR_OK;
    if (v.is_switch) return strbuf_printf(out, " --%s", v.flag);
    return v.text ? shown_printf(out, SHOWN_SHELL, " --%s %s", v.flag, v.text)
                  : strbuf_printf(out, " --%s %.9g", v.flag, v.number);
}

bool options_nth(flag_value *out, bool *given, const options *o, verb_id verb, size_t n) {
    size_t i = nth_flag(verb, &n);
    *given = i < FLAG_COUNT && value_of(out, o, &flags[i]);
    return i < FLAG_COUNT;
}

err options_range_error(const char *flag_name, const char *found, const char *what) {
    return err_set(ERR_USAGE, "--%s expects %s, found '%s'", flag_name, what, found);
}
