/* The words of strings.def: word_en_NAME and word_ko_NAME, literals to the compiler, so that it
 * checks those that are formats. */
#ifndef HARNESS_REPORT_WORDS_H
#define HARNESS_REPORT_WORDS_H

#define WORD(name, english, korean)                                                                \
    static const char word_en_##name[] = english;                                                  \
    static const char word_ko_##name[] = korean;
#include "report/strings.def"

/* A word in a language; a format that the compiler sees. Who uses it includes report/language.h. */
#define SAY_IN(language, name) ((language) == PAGE_KO ? word_ko_##name : word_en_##name)

#endif
