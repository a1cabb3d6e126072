/* The words of strings.def: word_en_NAME and word_ko_NAME, literals to the compiler, so that it
 * checks those that are formats. */
#ifndef HARNESS_REPORT_WORDS_H
#define HARNESS_REPORT_WORDS_H

#define WORD(name, english, korean)                                                                \
    static const char word_en_##name[] = english;                                                  \
    static const char word_ko_##name[] = korean;
#include "report/strings.def"

#endif
