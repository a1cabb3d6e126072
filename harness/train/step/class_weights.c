#include "train/step/class_weights.h"

#include "base/memory.h"
#include "train/recipe/recipe.h"

#include <string.h>

/* rows / (classes * rows of the class) */
static err balance(double *weights, const model_config *c, const encoded *rows) {
    for (size_t i = 0; i < rows->count; i++) weights[rows->sentences[i].target.class]++;
    for (uint32_t k = 0; k < c->classes; k++) {
        if (weights[k] <= 0)
            return err_set(
                ERR_DATA, "class_weights balanced: label %u%s%s%s has no training row to count", k,
                c->labels ? " (" : "", c->labels ? c->labels[k] : "", c->labels ? ")" : "");
        weights[k] = (double)rows->count / (c->classes * weights[k]);
    }
    return ERR_OK;
}

static err read_numbers(double *weights, const char *text, uint32_t classes) {
    size_t count = 0;
    err e = recipe_class_weights(weights, &count, classes, text);
    if (e || count != classes)
        return err_set(ERR_USAGE,
                       "class_weights is '%s', expected one number for each of the %u labels", text,
                       classes);
    return ERR_OK;
}

err class_weights_check(const char *text, uint32_t classes) {
    double *weights = NULL;
    if (!*text || !strcmp(text, "balanced")) return ERR_OK;
    err e = mem_new(&weights, classes);
    if (!e) e = read_numbers(weights, text, classes);
    mem_free(weights);
    return e;
}

err class_weights_make(double **weights, const char *text, const model_config *c,
                       const encoded *rows) {
    *weights = NULL;
    if (!*text) return ERR_OK;
    err e = mem_new(weights, c->classes);
    if (e) return e;
    if (strcmp(text, "balanced") == 0) return balance(*weights, c, rows);
    return read_numbers(*weights, text, c->classes);
}
