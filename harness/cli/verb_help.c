#include "cli/help_pages.h"
#include "cli/options.h"

#include <string.h>

static err print_page(const char *format) {
    static const struct {
        const char *name;
        void (*print)(void);
    } pages[] = {{"man", help_man}, {"bash", help_bash}, {"zsh", help_zsh}, {"fish", help_fish}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(pages[i].name, format) != 0) continue;
        pages[i].print();
        return ERR_OK;
    }
    return options_range_error("format", format, "one of " HELP_FORMAT_WORDS);
}

err verb_help(const options *o) {
    verb_id verb;
    if (o->values) return flag_values_print(o->values, o->task_dir);
    if (o->format && o->json) return err_set(ERR_USAGE, "--format and --json exclude each other");
    if (o->format) return print_page(o->format);
    if (!o->arg_count) {
        if (o->json) return help_json(true, 0);
        options_help_all();
        return ERR_OK;
    }
    err e = options_verb(&verb, o->args[0]);
    if (e || o->json) return e ? e : help_json(false, verb);
    options_help(verb);
    return ERR_OK;
}
