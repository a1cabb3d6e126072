#include "train/run/shipped.h"

#include "base/memory.h"
#include "model/config.h"
#include "platform/assets.h"
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

static err need(const char *folder, const char *name) {
    char path[PATH_MAX];
    err e = path_in(path, folder, name);
    return e ? e : asset_need(path);
}

err shipped_folder(char **folder, const char *model) {
    char *models = NULL;
    *folder = NULL;
    err e = asset_folder(&models, "models");
    if (!e) e = path_join(folder, models, model);
    if (!e) e = need(*folder, "vocab.txt");
    if (e) {
        mem_free(*folder);
        *folder = NULL;
    }
    mem_free(models);
    return e;
}

err shipped_model(char **folder, const char *model) {
    err e = shipped_folder(folder, model);
    if (!e) e = need(*folder, "config.json");
    if (!e) e = need(*folder, "model.safetensors");
    if (e) {
        mem_free(*folder);
        *folder = NULL;
    }
    return e;
}

const char *model_recipe_name(const char *model) {
    return model_preset_known(model) || shipped_known(model) ? model : "trainer";
}
