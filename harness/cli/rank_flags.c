#include "cli/rank_flags.h"

#include "base/shown.h"
#include "train/run/run_parts.h"

#include <stdlib.h>
#include <string.h>

/* Each rank's own, or rank 0's alone. */
static const char *const own_fields[] = {"device", "threads",   "data_dir", "task_dir",
                                         "quiet",  "verbose",   "json",     "predictions",
                                         "texts",  "overwrite", "svg",      NULL};

static err add_flag(cJSON *to, const flag_value *v) {
    const char *text = v->is_switch ? "given" : v->text;
    return json_add_string(to, v->flag, text ? text : SHOWN_NUMBER(v->number));
}

static bool is_own(const options *o, const char *flag) {
    flag_value v;
    for (size_t i = 0; own_fields[i]; i++)
        if (options_given(&v, o, own_fields[i]) && !strcmp(v.flag, flag)) return true;
    return false;
}

err rank_flags_compare(const options *o, verb_id verb, struct group *g, const char *const *fields) {
    cJSON *given = cJSON_CreateObject();
    err e = ERR_OK;
    bool is = false;
    flag_value v;
    for (size_t i = 0; fields && fields[i] && !e; i++)
        if (options_given(&v, o, fields[i])) e = add_flag(given, &v);
    for (size_t i = 0; !fields && !e && options_nth(&v, &is, o, verb, i); i++)
        if (is && !is_own(o, v.flag)) e = add_flag(given, &v);
    if (!e) e = run_compare_plans(g, given);
    cJSON_Delete(given);
    return e;
}
