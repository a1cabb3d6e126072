#include "cli/model_flag.h"

#include "base/memory.h"
#include "model/config.h"
#include "net/hub.h"
#include "platform/file.h"
#include "result/sweep.h"
#include "text/unicode.h"
#include "train/run/base_model.h"
#include "train/run/shipped.h"

static err add_model(strbuf *out, const char *model, const char *revision) {
    char *name = NULL;
    err e;
    if (model_preset_known(model) || shipped_known(model) || file_named(model))
        return err_set(ERR_USAGE, "--revision goes with a model of a hub, '%s' is a %s", model,
                       model_preset_known(model) ? "preset"
                       : shipped_known(model)    ? "model of the program"
                       : folder_exists(model)    ? "folder here"
                                                 : "file here");
    if ((e = hub_name_at(&name, model, revision))) return e;
    e = strbuf_printf(out, "%s%s", out->length ? "," : "", name);
    mem_free(name);
    return e;
}

err model_flag_join(char **owned, options *o) {
    char **models = NULL;
    size_t count = 0;
    strbuf joined = {0};
    *owned = NULL;
    if (o->model && o->checkpoint)
        return err_set(ERR_USAGE, "--model and --checkpoint exclude each other");
    if (!o->revision) {
        o->checkpoint = o->model ? o->model : o->checkpoint;
        return ERR_OK;
    }
    if (!o->model) return err_set(ERR_USAGE, "--revision needs --model NAME");
    err e = words_split(&models, &count, o->model, "model");
    for (size_t i = 0; i < count && !e; i++) e = add_model(&joined, models[i], o->revision);
    words_free(models, count);
    if (e)
        strbuf_free(&joined);
    else
        o->checkpoint = o->model = *owned = joined.text;
    return e;
}

static err find_family(const encoder_family **family, const char *name) {
    const char *known[FAMILIES_MAX];
    size_t count = 0;
    for (; family_at(count); count++) known[count] = family_at(count)->model_type;
    if ((*family = family_find(name))) return ERR_OK;
    return err_set(ERR_USAGE, "unknown encoder family '%s'%s (--arch takes %s)", name,
                   text_suggestion(name, known, count), family_names());
}

err model_flag_arch(const encoder_family **family, const options *o) {
    char **models = NULL;
    size_t count = 0;
    *family = NULL;
    if (!o->arch) return ERR_OK;
    err e = find_family(family, o->arch);
    if (!e) e = words_split(&models, &count, o->model ? o->model : "tiny", "model");
    for (size_t i = 0; !e && i < count; i++)
        if (!model_preset_known(models[i]))
            e = err_set(ERR_USAGE,
                        "--arch goes with a preset (%s), found --model %s: the config.json of a "
                        "model says its family",
                        model_preset_names(), models[i]);
    words_free(models, count);
    return e;
}

// The folder itself, or the model in it when it is a run's output folder. *path is owned.
static err choose_folder(char **path, const char *folder) {
    char *inner = NULL;
    err e = path_join(&inner, folder, "model");
    if (!e && folder_exists(inner)) {
        *path = inner;
        return ERR_OK;
    }
    mem_free(inner);
    return e ? e : mem_strdup(path, folder);
}

err model_flag_tokenizer(char **path, const char *model, bool offline) {
    if (shipped_known(model)) return shipped_folder(path, model);
    if (folder_exists(model)) return choose_folder(path, model);
    if (file_named(model)) return mem_strdup(path, model);
    if (model_preset_known(model))
        return err_set(ERR_USAGE,
                       "preset '%s' has no vocabulary before it is trained: name the folder of its "
                       "run",
                       model);
    err e = base_model_check_name(model);
    return e ? e : hub_tokenizer(path, model, offline);
}
