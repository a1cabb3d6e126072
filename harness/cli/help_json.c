/* `harness help --json`: what `help` says, for programs. */
#include "cli/help_pages.h"
#include "cli/options.h"
#include "cli/output.h"

static err add_flag(cJSON *list, const flag_words *f) {
    char letter[2] = {f->letter};
    cJSON *flag, *names;
    err e = json_append_object(&flag, list);
    if (!e) e = json_add_array(&names, flag, "names");
    for (int i = 0; i < 2 && !e; i++)
        if (f->names[i]) e = json_append(names, cJSON_CreateString(f->names[i]));
    if (!e) e = json_add_string(flag, "letter", f->letter ? letter : NULL);
    return e ? e : json_put(flag, "argument %s help %s", f->argument, f->help);
}

static err add_verb(cJSON *verb, verb_id id) {
    verb_words w = options_verb_words(id);
    flag_words f;
    cJSON *flags = NULL;
    err e = json_put(verb, "name %s arguments %s summary %s example %s", w.word, w.arguments,
                     w.summary, w.example);
    if (!e) e = json_add_array(&flags, verb, "flags");
    for (size_t n = 0; !e && options_flag_words(&f, id, n); n++) e = add_flag(flags, &f);
    return e;
}

err help_json(bool all, unsigned id) {
    cJSON *root = cJSON_CreateObject(), *list = NULL, *verb;
    err e = all ? json_add_array(&list, root, "verbs") : add_verb(root, (verb_id)id);
    for (unsigned i = 0; i < VERB_COUNT && !e && all; i++)
        if (!(e = json_append_object(&verb, list))) e = add_verb(verb, (verb_id)i);
    return output_json_last(e, root, true);
}
