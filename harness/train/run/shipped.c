#include "train/run/shipped.h"

#include "base/memory.h"
#include "model/config.h"
#include "platform/file.h"

#include <string.h>

static const char *const names[] = {
#define X(name) name,
    SHIPPED_MODELS(X)
#undef X
};

bool shipped_known(const char *model) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], model) == 0) return true;
    return false;
}

const char *shipped_names(void) {
#define X(name) ", " name
    return &SHIPPED_MODELS(X)[2];
#undef X
}

static err holds(bool *there, const char *folder, const char *name) {
    char *path = NULL;
    err e = path_join(&path, folder, name);
    *there = !e && file_exists(path);
    mem_free(path);
    return e;
}

err shipped_folder(char **folder, const char *model) {
    static const char *const places[] = {HARNESS_SOURCE_MODELS, HARNESS_INSTALLED_MODELS};
    *folder = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = NULL;
        bool there = false;
        err e = path_join(&path, places[i], model);
        if (!e) e = holds(&there, path, "vocab.txt");
        if (there) {
            *folder = path;
            return ERR_OK;
        }
        mem_free(path);
        if (e) return e;
    }
    return err_set(ERR_IO, "model '%s' is neither in %s nor in %s: is the program installed?",
                   model, places[0], places[1]);
}

err shipped_model(char **folder, const char *model) {
    bool config = false, weights = false;
    err e = shipped_folder(folder, model);
    if (!e) e = holds(&config, *folder, "config.json");
    if (!e) e = holds(&weights, *folder, "model.safetensors");
    if (!e && !(config && weights))
        e = err_set(ERR_DATA,
                    "model '%s' has no weights yet: %s holds its vocabulary alone, for `harness "
                    "tokenize` and `harness pretrain`",
                    model, *folder);
    if (e) {
        mem_free(*folder);
        *folder = NULL;
    }
    return e;
}

const char *model_recipe_name(const char *model) {
    return model_preset_known(model) || shipped_known(model) ? model : "trainer";
}
