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
    for (size_t i = 0; language == PAGE_KO && i < metric_count(); i++)
        if (strcmp(metric_at(i)->title, english) == 0) return metric_at(i)->korean;
    return english;
}

const char *language_metric(char out[METRIC_TITLE_BYTES], page_language language, const metric *m,
                            const char *label_1) {
    static const char number[] = "레이블 1";
    if (language == PAGE_EN) return metric_title(out, m, label_1);
    const char *at = strstr(m->korean, number);
    if (!at || !label_1) return m->korean;
    shown_snprintf(out, METRIC_TITLE_BYTES, SHOWN_TERMINAL, "%.*s%s%s", (int)(at - m->korean),
                   m->korean, label_1, at + strlen(number));
    return out;
}

const char *language_plural(page_language language, unsigned long long count) {
    return language == PAGE_KO ? "" : shown_plural(count);
}
