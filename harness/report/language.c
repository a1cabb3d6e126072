#include "report/language.h"

#include "base/shown.h"

#include <string.h>

err page_language_find(page_language *out, const char *name) {
    for (page_language i = 0; i < PAGE_LANGUAGES; i++) {
        if (strcmp(page_language_name(i), name) != 0) continue;
        *out = i;
        return ERR_OK;
    }
    return err_set(ERR_USAGE, "--lang expects en or ko, found '%s'", name);
}

const char *page_language_name(page_language language) {
    return language == PAGE_KO ? "ko" : "en";
}

const char *language_term(page_language language, const char *english) {
    static const char *const terms[][2] = {
#define TERM(english, korean) {english, korean},
#include "report/strings.def"
    };
    for (size_t i = 0; language == PAGE_KO && i < sizeof terms / sizeof *terms; i++)
        if (strcmp(terms[i][0], english) == 0) return terms[i][1];
    return english;
}

const char *language_plural(page_language language, unsigned long long count) {
    return language == PAGE_KO ? "" : shown_plural(count);
}
