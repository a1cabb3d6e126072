#include "base/name.h"
#include "support/must.h"

#include <stdio.h>

CleanTest(name, plain_names_are_safe_readable_and_keep_hangul) {
    static const struct {
        const char *text, *plain;
    } cases[] = {
        {"", "x"},
        {"///", "x"},
        {"..", "x"},
        {".hidden", "hidden"},
        {"-rf", "rf"},
        {"_a_", "a_"},
        {"a--b  c", "a-b-c"},
        {"../KLUE/bert base", "klue-bert-base"},
        {"NVIDIA H200 (12.3)", "nvidia-h200-12.3"},
        {"바람 모델", "바람-모델"},
        {"\xe1\x84\x92\xe1\x85\xa1",
         "\xe1\x84\x92\xe1\x85\xa1"}, // Hangul in letters, as macOS has it
        {"漢字/かな", "漢字-かな"},
        {"\xed\xa0\x80", "x"},     // a surrogate
        {"a\xff\xfe", "a"},        // no UTF-8
        {"a\xea\xb0", "a"},        // cut within a character
        {"\xf0\x9f\x98\x80", "x"}, // no letter
        {"a\xe2\x80\xae"
         "b",
         "a-b"}, // a control that turns the writing round
        {"a\x1b[31mb\n", "a-31mb"},
        {"12345678901234567890", "1234567890123456"},
        {"123456789012345가나", "123456789012345"}, // between characters
        {"123456789012345 나", "123456789012345"},  // and no '-' at the end
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strbuf name = {0};
        MUST(name_plain(&name, cases[i].text, 16));
        cr_expect_str_eq(name.text, cases[i].plain, "case %zu: %s", i, name.text);
        cr_expect_leq(name.length, 16);
        strbuf_free(&name);
    }
}

Test(name, a_word_has_a_place_in_a_list) {
    static const struct {
        const char *list, *word;
        int place;
    } cases[] = {
        {"random, grid", "random", 0},
        {"random, grid", "grid", 1},
        {"random, grid", "gri", -1},
        {"random, grid", "grids", -1},
        {"random, grid", "", -1},
        {"random, grid", " grid", -1},
        {"one", "one", 0},
        {"random, grid", ",", -1},
        {"random, grid", "Grid", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(name_place(cases[i].list, cases[i].word), cases[i].place, "'%s'",
                     cases[i].word);
}

/* What a task may be called; letters of alphabets that look alike do not mix in one word of it. */
Test(name, words_do_not_mix_what_looks_alike) {
    static const struct {
        const char *text;
        bool is_word;
    } cases[] = {
        {"own-x", true},
        {"own-отзывы", true},
        {"отзывы_2", true},
        {"영화평-reviews", true},
        {"klue데이터", true},
        {"café", true},
        {"μετα", true},
        {"x-μετα-отзывы", true},
        {"\xd0\xbewn-x", false}, // a Cyrillic o
        {"ow\xce\xbd-x", false}, // a Greek nu
        {"отзывы\xce\xbf", false},
        {"é\xd0\xbe", false},
        {"Own-x", false},
        {"-x", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(name_is_word(cases[i].text), cases[i].is_word, "case %zu: %s", i,
                     cases[i].text);
}
