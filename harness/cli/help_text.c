/* `harness --help` and `harness VERB --help`: for people, as wide as $COLUMNS or the terminal says. */
#include "base/shown.h"
#include "cli/command_lines.h"
#include "cli/options.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { USUAL_COLUMNS = 80, NARROW = 60, LABEL_LEAST = 8, LABEL_MOST = 30 };

static size_t help_columns(void) {
    size_t columns = shown_columns(), wished = shown_columns_wished();
    return columns != SIZE_MAX ? columns : wished ? wished : USUAL_COLUMNS;
}

// "  -t, --task=T", of names that are ASCII; where lines are short no place is kept for a letter
static size_t flag_label(char out[128], const flag_words *f, size_t columns) {
    char letter[8] = "    ";
    if (columns < NARROW) *letter = '\0';
    if (f->letter) snprintf(letter, sizeof letter, "-%c, ", f->letter);
    return (size_t)snprintf(out, 128, "  %s--%s%s%s", letter, f->names[0], f->argument ? "=" : "",
                            f->argument ? f->argument : "");
}

/* Where what is said of flags begins. */
static size_t text_begin(verb_id verb, size_t columns) {
    size_t begin = LABEL_LEAST;
    char label[128];
    flag_words f;
    for (size_t n = 0; columns >= NARROW && options_flag_words(&f, verb, n); n++) {
        size_t wide = flag_label(label, &f, columns) + 2;
        if (wide > begin && wide <= LABEL_MOST) begin = wide;
    }
    return begin;
}

static void print_command(const char *command, size_t columns) {
    strbuf lines = {0};
    if (command_lines_add(&lines, "  ", command, columns))
        shown_cut();
    else
        fputs(lines.text, stdout);
    strbuf_free(&lines);
}

void options_help(verb_id verb) {
    size_t columns = help_columns(), begin = text_begin(verb, columns);
    verb_words w = options_verb_words(verb);
    char label[128], before[256];
    flag_words f;
    snprintf(before, sizeof before, "harness %s [options]%s%s", w.word, *w.arguments ? " " : "",
             w.arguments);
    shown_wrap(stdout, columns, "Usage: ", before);
    for (size_t n = 0; options_flag_words(&f, verb, n); n++) {
        size_t wide = flag_label(label, &f, columns);
        if (wide + 2 > begin) {
            puts(label);
            *label = '\0';
        }
        snprintf(before, sizeof before, "%-*s", (int)begin, label);
        shown_wrap(stdout, columns, before, f.help);
    }
    puts("\nExample:");
    print_command(w.example, columns);
}

void options_help_all(void) {
    size_t columns = help_columns();
    shown_wrap(stdout, columns, "",
               "harness: fine-tunes and evaluates BERT encoders on Korean tasks, on any Vulkan GPU "
               "or on the CPU, and writes leaderboards whose rows can be compared.");
    fputs("\nUsage: harness VERB [options]\n\nVerbs:\n", stdout);
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        verb_words w = options_verb_words((verb_id)i);
        char name[32];
        snprintf(name, sizeof name, "  %-10s ", w.word);
        shown_wrap(stdout, columns, name, w.summary);
    }
    puts("");
    shown_wrap(stdout, columns, "  harness VERB --help  ", "options of a verb");
    fputs("  harness --version [--json]\n\nFirst steps:\n", stdout);
    print_command("harness run --task kor_hate --sample", columns);
    print_command("harness devices", columns);
    puts("");
    shown_wrap(stdout, columns, "  docs/tutorial.md  ",
               "from data to predictions of your own; the pages beside it, all of a topic");
    shown_wrap(stdout, columns, "  ", "installed: share/doc/harness/docs");
}
