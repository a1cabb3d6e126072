/* The languages that pages and comparisons are written in. */
#ifndef HARNESS_REPORT_LANGUAGE_H
#define HARNESS_REPORT_LANGUAGE_H

#include "base/err.h"
#include "metric/score.h"

typedef enum page_language { PAGE_EN, PAGE_KO, PAGE_LANGUAGES } page_language;

/* "en" or "ko". Errors: ERR_USAGE naming both. */
err page_language_find(page_language *out, const char *name) MUST_CHECK;
const char *page_language_name(page_language language);

/* What another floor names, in that language; as it is where strings.def lacks it. */
const char *language_term(page_language language, const char *english);

/* metric_title in that language: a score of label 1 is called by the label's name. */
const char *language_metric(char out[METRIC_TITLE_BYTES], page_language language, const metric *m,
                            const char *label_1);

/* What a word has behind it of many: "s", and in Korean nothing. */
const char *language_plural(page_language language, unsigned long long count);

#endif
