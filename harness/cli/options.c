#include "cli/options.h"

#include "base/memory.h"
#include "text/unicode.h"

#include <errno.h>
#include <math.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum flag_kind { KIND_TEXT, KIND_SWITCH, KIND_WHOLE, KIND_REAL } flag_kind;

// one bit a verb; flags.def may name verbs that verbs.def does not hold yet
enum {
    V_run = 1 << 0,
    V_eval = 1 << 1,
    V_predict = 1 << 2,
    V_report = 1 << 3,
    V_compare = 1 << 4,
    V_tasks = 1 << 5,
    V_data = 1 << 6,
    V_tokenize = 1 << 7,
    V_devices = 1 << 8,
    V_verify = 1 << 9,
    V_bench = 1 << 10,
    V_regress = 1 << 11,
    V_help = 1 << 12,
    V_ALL = ~0
};

typedef struct flag {
    const char *field, *name;
    char letter;
    flag_kind kind;
    const char *argument, *help;
    int verbs;
    size_t value_offset, has_offset;
    bool is_alias;
} flag;

static const flag flags[] = {
#define FLAG(field, kind, name, letter, argument, verbs, help)                                     \
    {#field,                                                                                       \
     name,                                                                                         \
     letter,                                                                                       \
     KIND_##kind,                                                                                  \
     argument,                                                                                     \
     help,                                                                                         \
     verbs,                                                                                        \
     offsetof(options, field),                                                                     \
     offsetof(options, has_##field),                                                               \
     false},
#define ALIAS(field, name) {#field, name, 0, KIND_TEXT, NULL, NULL, 0, 0, 0, true},
#include "cli/flags.def"
#undef FLAG
#undef ALIAS
};
enum { FLAG_COUNT = sizeof flags / sizeof *flags };

static const struct {
    const char *name, *arguments, *summary, *example;
    int bit;
} verbs[] = {
#define VERB(name, arguments, summary, example) {#name, arguments, summary, example, V_##name},
#include "cli/verbs.def"
#undef VERB
};

/* What popt works on: its table must outlive the context. */
typedef struct parser {
    struct poptOption table[FLAG_COUNT + 2];
    poptContext context;
    char *held[2 * FLAG_COUNT]; /* argument strings, freed with free: popt's own */
    size_t held_count;
} parser;

// The row a flag means: itself, or the one that its alias stands for.
static const flag *resolve(const flag *f) {
    for (size_t i = 0; f->is_alias && i < FLAG_COUNT; i++) {
        if (!flags[i].is_alias && !strcmp(flags[i].field, f->field)) return &flags[i];
    }
    return f;
}

enum { CODE_HELP = 1, CODE_FIRST = 100 };

static void build_table(parser *p, verb_id verb) {
    size_t n = 0;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        const flag *f = resolve(&flags[i]);
        if (!(f->verbs & verbs[verb].bit)) continue;
        unsigned info = f->kind == KIND_SWITCH ? POPT_ARG_NONE : POPT_ARG_STRING;
        if (flags[i].is_alias) info |= POPT_ARGFLAG_DOC_HIDDEN;
        p->table[n++] = (struct poptOption){.longName = flags[i].name,
                                            .shortName = flags[i].letter,
                                            .argInfo = info,
                                            .val = (int)(CODE_FIRST + i),
                                            .descrip = f->help,
                                            .argDescrip = f->argument};
    }
    p->table[n++] = (struct poptOption){.longName = "help",
                                        .shortName = 'h',
                                        .argInfo = POPT_ARG_NONE,
                                        .val = CODE_HELP,
                                        .descrip = "show this help"};
    p->table[n] = (struct poptOption){0};
}

static err unknown_flag(const parser *p, verb_id verb, const char *found) {
    const char *known[FLAG_COUNT + 2];
    size_t n = 0;
    for (const struct poptOption *o = p->table; o->longName; o++) known[n++] = o->longName;
    const char *bare = found;
    while (*bare == '-') bare++;
    const char *near = text_nearest(bare, known, n);
    return err_set(ERR_USAGE, "unknown flag '%s' for `harness %s`%s%s%s; see `harness %s --help`",
                   found, verbs[verb].name, near ? "; did you mean --" : "", near ? near : "",
                   near ? "?" : "", verbs[verb].name);
}

static err store(options *o, const flag *f, const char *name, const char *text) {
    char *base = (char *)o;
    char *end = NULL;
    errno = 0;
    switch (f->kind) {
    case KIND_SWITCH: *(bool *)(void *)(base + f->value_offset) = true; break;
    case KIND_TEXT:
        if (!*text) return err_set(ERR_USAGE, "--%s needs a value, found an empty one", name);
        *(const char **)(void *)(base + f->value_offset) = text;
        break;
    case KIND_WHOLE: {
        unsigned long long v = strtoull(text, &end, 10);
        if (!*text || *end || errno || v > UINT32_MAX || strchr(text, '-')) {
            return err_set(ERR_USAGE, "--%s expects a whole number from 0 to %u, found '%s'", name,
                           UINT32_MAX, text);
        }
        *(uint32_t *)(void *)(base + f->value_offset) = (uint32_t)v;
        break;
    }
    case KIND_REAL: {
        double v = strtod(text, &end);
        if (!*text || *end || errno == ERANGE || !isfinite(v) || v < 0) {
            return err_set(ERR_USAGE, "--%s expects a number of at least 0, found '%s'", name,
                           text);
        }
        *(double *)(void *)(base + f->value_offset) = v;
        break;
    }
    }
    *(bool *)(void *)(base + f->has_offset) = true;
    return ERR_OK;
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
        const flag *row = &flags[code - CODE_FIRST];
        const flag *f = resolve(row);
        char *text = f->kind == KIND_SWITCH ? NULL : poptGetOptArg(p->context);
        if (text && p->held_count < sizeof p->held / sizeof *p->held)
            p->held[p->held_count++] = text;
        e = store(o, f, row->name, text ? text : "");
    }
    if (!e && !*wants_help) {
        o->args = poptGetArgs(p->context);
        while (o->args && o->args[o->arg_count]) o->arg_count++;
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

void options_help(verb_id verb) {
    static parser p;
    char usage[256];
    const char *argv[] = {"harness", NULL};
    build_table(&p, verb);
    p.context = poptGetContext("harness", 1, argv, p.table, 0);
    if (!p.context) return;
    snprintf(usage, sizeof usage, "%s [options] %s", verbs[verb].name, verbs[verb].arguments);
    poptSetOtherOptionHelp(p.context, usage);
    poptPrintHelp(p.context, stdout, 0);
    printf("\nExample:\n  %s\n", verbs[verb].example);
    p.context = poptFreeContext(p.context);
}

void options_help_all(void) {
    fputs("harness: fine-tunes and evaluates BERT classifiers on Korean sentences, on any Vulkan "
          "GPU\n"
          "or on the CPU, and writes leaderboards whose rows can be compared.\n\n"
          "Usage: harness VERB [options]\n\nVerbs:\n",
          stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);
    fputs("\n  harness VERB --help   options of a verb\n  harness --version\n\n"
          "First steps:\n  harness run --task kor_hate --sample\n  harness devices\n",
          stdout);
}

err options_verb(verb_id *verb, const char *name) {
    const char *known[VERB_COUNT];
    for (size_t i = 0; i < VERB_COUNT; i++) {
        known[i] = verbs[i].name;
        if (!strcmp(name, known[i])) {
            *verb = (verb_id)i;
            return ERR_OK;
        }
    }
    const char *near = text_nearest(name, known, VERB_COUNT);
    return err_set(ERR_USAGE, "unknown verb '%s'%s%s%s; `harness --help` lists them", name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

err options_range_error(const char *flag_name, const char *found, const char *what) {
    return err_set(ERR_USAGE, "--%s expects %s, found '%s'", flag_name, what, found);
}
