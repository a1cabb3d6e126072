/* man(7) source of harness(1). */
#include "cli/command_lines.h"
#include "cli/help_pages.h"
#include "cli/options.h"
#include "result/version.h"

#include <stdio.h>

/* Text within a line: what roff would act on stands as itself. */
static void roff(const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '\\': fputs("\\e", stdout); break;
        case '-': fputs("\\-", stdout); break;
        case '\'': fputs("\\(aq", stdout); break;
        case '`': fputs("\\(ga", stdout); break;
        case '^': fputs("\\(ha", stdout); break;
        case '~': fputs("\\(ti", stdout); break;
        default: putchar(*text);
        }
    }
}

static void print_flag(const flag_words *f) {
    fputs(".TP\n", stdout);
    if (f->letter) printf("\\fB\\-%c\\fR, ", f->letter);
    fputs("\\fB\\-\\-", stdout);
    roff(f->names[0]);
    fputs("\\fR", stdout);
    if (f->argument) {
        fputs("=\\fI", stdout);
        roff(f->argument);
        fputs("\\fR", stdout);
    }
    fputs("\n\\&", stdout);
    roff(f->help);
    putchar('\n');
}

/* Lines that nothing breaks: as wide as a page of 80 columns leaves room. */
static void print_example(const char *command) {
    enum { EXAMPLE_COLUMNS = 65 };
    strbuf lines = {0};
    if (!command_lines_add(&lines, "", command, EXAMPLE_COLUMNS)) roff(lines.text);
    strbuf_free(&lines);
}

static void print_verb(verb_id verb) {
    verb_words w = options_verb_words(verb);
    fputs(".SS \"harness ", stdout);
    roff(w.word);
    fputs("\"\n\\fBharness ", stdout);
    roff(w.word);
    printf("\\fR [options]%s", *w.arguments ? " " : "");
    roff(w.arguments);
    fputs("\n.PP\n\\&", stdout);
    roff(w.summary);
    fputs(".\n", stdout);
    flag_words f;
    for (size_t i = 0; options_flag_words(&f, verb, i); i++) print_flag(&f);
    fputs(".PP\nExample:\n.PP\n.in +4n\n.nf\n", stdout);
    print_example(w.example);
    fputs(".fi\n.in\n", stdout);
}

static void print_row(const char *title, const char *text) {
    fputs(".TP\n\\fB", stdout);
    roff(title);
    fputs("\\fR\n\\&", stdout);
    roff(text);
    putchar('\n');
}

void help_man(void) {
    printf(".TH HARNESS 1 \"\" \"harness %s\" \"User Commands\"\n.ad l\n.SH NAME\n"
           "harness \\- fine\\-tune and evaluate Korean sentence encoders on any GPU or the CPU\n"
           ".SH SYNOPSIS\n\\fBharness\\fR \\fIVERB\\fR [\\fIoptions\\fR]\n.br\n"
           "\\fBharness \\-\\-version\\fR\n.SH DESCRIPTION\n",
           version_string());
    roff("harness fine-tunes and evaluates encoders of the BERT family on Korean sentences, on any "
         "Vulkan GPU or on the CPU, and writes leaderboards whose rows can be compared.\n"
         "A run keeps its files in folders of the working folder (runs, results) unless options "
         "name others; downloads lie in the user's cache.\n");
    fputs(".SH VERBS\n", stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) print_verb((verb_id)i);
    fputs(".SH ENVIRONMENT\n", stdout);
#define VARIABLE(names, text) print_row(names, text);
#include "cli/environment.def"
#undef VARIABLE
    fputs(".SH \"EXIT STATUS\"\n", stdout);
    print_row("0", "success");
    print_row("1", "data, a checkpoint or a device failed, or a gate fell");
    print_row("2", "wrong usage: an unknown verb, flag, task or device");
    print_row("130", "interrupted; a run has finished its step and saved");
    print_row("141", "the reader of the output left early");
    fputs(".SH FILES\n", stdout);
    print_row("share/harness", "what comes with the program: tasks, corpora, models, baselines; "
                               "found from where the program lies");
}
