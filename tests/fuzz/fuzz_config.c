/* config.json of a model folder: what is accepted is written and read again, to the same values. */
#include "fuzz.h"
#include "model/config.h"

#include <string.h>

static bool same_labels(const model_config *a, const model_config *b) {
    // where no names were known, generic ones were written
    for (uint32_t i = 0; a->labels && i < a->classes; i++) {
        if (strcmp(a->labels[i], b->labels[i]) != 0) return false;
    }
    return a->classes == b->classes && b->labels;
}

static bool same_numbers(const model_config *a, const model_config *b) {
    return a->vocabulary == b->vocabulary && a->hidden == b->hidden && a->layers == b->layers &&
           a->heads == b->heads && a->intermediate == b->intermediate &&
           a->positions == b->positions && a->types == b->types &&
           a->hidden_dropout == b->hidden_dropout && a->attention_dropout == b->attention_dropout &&
           a->classifier_dropout == b->classifier_dropout &&
           a->layer_norm_eps == b->layer_norm_eps && a->initializer_range == b->initializer_range;
}

FUZZ_TARGET(config) {
    model_config c, again;
    fuzz_begin();
    const char *path = fuzz_file("config.json", data, size), *copy = fuzz_path("copy.json");
    if (fuzz_accepts(model_config_read(&c, path))) {
        FUZZ_CHECK(c.heads && c.hidden % c.heads == 0 && c.types >= 2 && c.classes >= 1);
        // more classes than a model may have names for could not be read back
        if (c.classes <= 4096 && fuzz_needs(model_config_write(&c, copy)) &&
            fuzz_needs(model_config_read(&again, copy))) {
            FUZZ_CHECK(same_numbers(&c, &again) && same_labels(&c, &again));
            model_config_free(&again);
        }
    }
    model_config_free(&c);
    fuzz_end();
}
