#include "cli/options.h"

err verb_help(const options *o) {
    if (!o->arg_count) {
        options_help_all();
        return ERR_OK;
    }
    verb_id verb;
    err e = options_verb(&verb, o->args[0]);
    if (!e) options_help(verb);
    return e;
}
