#include "support/must.h"
#include "text/unicode.h"

#include <criterion/criterion.h>
#include <string.h>

Test(unicode, utf8_refuses_what_is_not_strict) {
    static const struct {
        const char *bytes;
        size_t count, bad; // bad == count: valid
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"a\0b", 3, 3},
        {"\xEA\xB0\x80", 3, 3},     // U+AC00
        {"\xF0\x9F\x98\x80", 4, 4}, // U+1F600
        {"\xF4\x8F\xBF\xBF", 4, 4}, // U+10FFFF
        {"a\x80", 2, 1},            // a tail by itself
        {"\xC0\x80", 2, 0},         // overlong U+0000
        {"\xC1\xBF", 2, 0},         // overlong U+007F
        {"\xE0\x9F\xBF", 3, 0},     // overlong U+07FF
        {"\xF0\x8F\xBF\xBF", 4, 0}, // overlong U+FFFF
        {"\xED\xA0\x80", 3, 0},     // surrogate D800
        {"\xED\xBF\xBF", 3, 0},     // surrogate DFFF
        {"\xEE\x80\x80", 3, 3},     // U+E000
        {"\xF4\x90\x80\x80", 4, 0}, // U+110000
        {"\xF5\x80\x80\x80", 4, 0}, // no such lead
        {"\xFF", 1, 0},
        {"\xEA\xB0", 2, 0},             // truncated
        {"ab\xF0\x9F\x98", 5, 2},       // truncated
        {"\xEA\xB0\x80\xEA\x41", 5, 3}, // a tail missing
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t bad = cases[i].count;
        bool valid = utf8_valid(cases[i].bytes, cases[i].count, &bad);
        cr_assert_eq(valid, cases[i].bad == cases[i].count, "case %zu", i);
        cr_assert_eq(bad, cases[i].bad, "case %zu: %zu", i, bad);
    }
}

Test(unicode, every_code_point_survives_encoding) {
    for (uint32_t p = 0; p < 0x110000; p++) {
        char bytes[UTF8_MAX_BYTES];
        uint32_t back = 0;
        size_t n = utf8_encode(bytes, p);
        bool surrogate = p >= 0xD800 && p < 0xE000;
        cr_assert_eq(utf8_decode(&back, bytes, n), surrogate ? 0 : n, "U+%04X", p);
        if (!surrogate) cr_assert_eq(back, p, "U+%04X", p);
        if (n > 1) cr_assert_eq(utf8_decode(&back, bytes, n - 1), 0, "U+%04X cut", p);
    }
}

// both joiners hold a word together; a blank of no width and the marks of direction beside them do not
Test(unicode, joiners_are_of_words) {
    for (uint32_t point = 0x200A; point <= 0x200F; point++)
        cr_expect_eq(unicode_is_word(point), point == 0x200C || point == 0x200D, "U+%04X", point);
}

Test(unicode, counts_code_points) {
    cr_assert_eq(utf8_count("", 0), 0);
    cr_assert_eq(utf8_count("한글 a", strlen("한글 a")), 4);
    cr_assert_eq(utf8_count("\xFF\xFE", 2), 2); // bytes of no code point count one each
}

Test(unicode, width_is_in_columns) {
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"한글", 4},
        {"가나다 ab", 9},
        {"e\u0301", 1},
        {"ㅋㅋ", 4},
        {"漢字", 4},
        {"\U0001F600", 2},
        {"\xFF"
         "a",
         2},
        {"Ａ", 2},
        {"ｱ", 1},
        {"…", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(text_width(cases[i].text), cases[i].width, "'%s': %zu", cases[i].text,
                     text_width(cases[i].text));
    }
}

CleanTest(unicode, columns_are_padded_and_cut) {
    static const struct {
        const char *text;
        size_t columns;
        const char *want;
    } cases[] = {
        {"가나", 6, "가나  "},  {"가나", 4, "가나"},
        {"가나다", 5, "가나…"}, {"가나다", 4, "가… "},
        {"가나다", 2, "… "},    {"가나다", 1, "…"},
        {"가나다", 0, ""},      {"", 2, "  "},
        {"abc", 2, "a…"},       {"e\u0301xyz", 3, "e\u0301x…"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strbuf b = {0};
        cr_assert_eq(text_column(&b, cases[i].text, cases[i].columns), ERR_OK);
        cr_assert_str_eq(b.text, cases[i].want, "case %zu: '%s'", i, b.text);
        cr_assert_eq(text_width(b.text), cases[i].columns, "case %zu", i);
        strbuf_free(&b);
    }
    cr_assert_eq(text_fit("가나다", 5), 6);
    cr_assert_eq(text_fit("가나다", 6), 9);
}

Test(unicode, nearest_name) {
    static const char *const known[] = {"nsmc", "kor_hate", "kor_sarcasm", "kor_sae", "kor_3i4k"};
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"nsmc", "nsmc"},
        {"nmsc", "nsmc"},
        {"NSMC", "nsmc"},
        {"kor_hat", "kor_hate"},
        {"korhate", "kor_hate"},
        {"kor_sarcams", "kor_sarcasm"},
        {"kor_sea", "kor_sae"},
        {"imdb", NULL},
        {"", NULL},
        {"completely_else", NULL},
        {"x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = text_nearest(cases[i].word, known, 5);
        if (!cases[i].want) {
            cr_assert_null(got, "'%s' gave '%s'", cases[i].word, got);
        } else {
            cr_assert_not_null(got, "'%s'", cases[i].word);
            cr_assert_str_eq(got, cases[i].want, "'%s' gave '%s'", cases[i].word, got);
        }
    }
    static const char *const one[] = {"ab"};
    cr_assert_null(text_nearest("cd", one, 1)); // nothing in common
    char longest[300];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_assert_null(text_nearest(longest, known, 5));
}

Test(unicode, classes_as_bert_has_them) {
    static const uint32_t spaces[] = {' ', '\t', '\n', '\r', 0x85, 0xA0, 0x2003, 0x2028, 0x3000};
    static const uint32_t controls[] = {0,      1,      0x7F,   0x85,   0xAD,
                                        0x200B, 0x200D, 0xFEFF, 0xE000, 0xE0001};
    static const uint32_t plain[] = {'a',   '0',    0xAC00,  0x3131, 0x1100,
                                     0x378, 0x3164, 0x1F600, 0x0890};
    static const uint32_t marks[] = {'!', '$',  '+',    '^',    '`',    '~',
                                     '_', 0xA7, 0x2026, 0x3002, 0xFF0C, 0x111C9};
    for (size_t i = 0; i < sizeof spaces / 4; i++) {
        cr_assert(unicode_is_whitespace(spaces[i]), "U+%04X", spaces[i]);
    }
    for (size_t i = 0; i < sizeof controls / 4; i++) {
        cr_assert(unicode_is_control(controls[i]), "U+%04X", controls[i]);
    }
    for (size_t i = 0; i < sizeof marks / 4; i++) {
        cr_assert(unicode_is_punctuation(marks[i]), "U+%04X", marks[i]);
    }
    for (size_t i = 0; i < sizeof plain / 4; i++) {
        cr_assert(!unicode_is_whitespace(plain[i]) && !unicode_is_control(plain[i]) &&
                      !unicode_is_punctuation(plain[i]) && !unicode_is_chinese(plain[i]),
                  "U+%04X", plain[i]);
    }
    cr_assert(!unicode_is_control('\t') && !unicode_is_control('\n') && !unicode_is_control('\r'));
    cr_assert(!unicode_is_whitespace(0x200B));
    cr_assert(!unicode_is_punctuation(0x20AC)); // the euro, unlike the dollar
    cr_assert(!unicode_is_punctuation(0x2E52)); // younger than the categories of `tokenizers`
    cr_assert(unicode_is_chinese(0x4E00) && unicode_is_chinese(0xF900) &&
              unicode_is_chinese(0x2B920));
    cr_assert(!unicode_is_chinese(0x2B820) && !unicode_is_chinese(0x3042));
}

Test(unicode, mappings) {
    uint32_t out[UNICODE_DECOMPOSE_MAX];
    cr_assert(unicode_lower(out, 'A') == 1 && out[0] == 'a');
    cr_assert(unicode_lower(out, 0x130) == 2 && out[0] == 'i' && out[1] == 0x307);
    cr_assert(unicode_lower(out, 0x3A3) == 1 && out[0] == 0x3C3); // sigma, whatever its place
    cr_assert(unicode_lower(out, 0xAC00) == 1 && out[0] == 0xAC00);
    cr_assert(unicode_decompose(out, 0xE9) == 2 && out[0] == 'e' && out[1] == 0x301);
    cr_assert(unicode_decompose(out, 0x1D5) == 3 && out[0] == 'U' && out[2] == 0x304);
    cr_assert(unicode_decompose(out, 0xAC01) == 3 && out[0] == 0x1100 && out[1] == 0x1161 &&
              out[2] == 0x11A8);
    cr_assert(unicode_decompose(out, 'x') == 1 && out[0] == 'x');
    cr_assert(unicode_is_mark(0x301) && !unicode_is_mark('a') && !unicode_is_mark(0x1161));
}

Test(unicode, marks_are_put_in_order) {
    // U+0301 has class 230, U+0323 220, U+0334 1; equal classes keep their order
    uint32_t points[] = {0x301, 0x323, 'a', 0x301, 0x300, 0x323, 0x334, 'b', 0x323, 0x301};
    static const uint32_t want[] = {0x323, 0x301, 'a', 0x334, 0x323,
                                    0x301, 0x300, 'b', 0x323, 0x301};
    uint32_t spare[5];
    unicode_order(points, spare, 10);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(points[i], want[i], "at %zu: U+%04X", i, points[i]);
}

Test(unicode, a_beginning_is_told_from_what_is_wrong) {
    static const struct {
        const char *text;
        bool begun;
    } cases[] = {{"", false},
                 {"a", false},
                 {"\xEA", true},
                 {"\xEA\xB0", true},
                 {"\xEA\xB0\x80", false},
                 {"\xE0", true},
                 {"\xE0\x80", false},
                 {"\xED", true},
                 {"\xED\xA0", false},
                 {"\xF0", true},
                 {"\xF0\x90\x80", true},
                 {"\xF4", true},
                 {"\xF4\x90", false},
                 {"\xF5", false},
                 {"\xC2", true},
                 {"\xC1", false},
                 {"\x80", false},
                 {"\xB1\xBB", false},
                 {"\xEAz", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(utf8_is_begun(cases[i].text, strlen(cases[i].text)), cases[i].begun, "%zu", i);
}
