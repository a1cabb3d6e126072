#include "model/encoder/family.h"

#include <string.h>

static const encoder_family *const families[] = {
#define X(name, type) &encoder_##name,
    ENCODER_FAMILIES(X)
#undef X
};

const encoder_family *family_at(size_t i) {
    return i < sizeof families / sizeof *families ? families[i] : NULL;
}

const encoder_family *family_find(const char *model_type) {
    for (size_t i = 0; family_at(i); i++)
        if (strcmp(family_at(i)->model_type, model_type) == 0) return family_at(i);
    return NULL;
}

const char *family_names(void) {
#define X(name, type) type ", "
    static char text[] = ENCODER_FAMILIES(X);
#undef X
    text[sizeof text - sizeof ", "] = '\0';
    return text;
}
