#include "base/shell_words.h"
#include "base/shown.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

Test(shell_words, each_way_of_quoting) {
    static const struct {
        const char *command, *words[4];
    } cases[] = {
        {"", {0}},
        {" \t\n", {0}},
        {"a", {"a"}},
        {" a\tb\n c ", {"a", "b", "c"}},
        {"'' a \"\"", {"", "a", ""}},
        {"'a b'c", {"a bc"}},
        {"a'b'\"c\"d", {"abcd"}},
        {"a\\ b \\'c", {"a b", "'c"}},
        {"'a\\nb' \"a\\\"b\"", {"a\\nb", "a\"b"}},
        {"'it'\\''s'", {"it's"}},
        {"\"it's\" '\"'", {"it's", "\""}},
        {"$'a\\nb\\tc\\'d\\\\e'", {"a\nb\tc'd\\e"}},
        {"$'\\x41\\xeb\\xb0\\x94' x", {"A\xeb\xb0\x94", "x"}},
        {"$'\\x4' $'\\x4g' $'\\xg4'", {"x4", "x4g", "xg4"}},
        {"\\n \"\\x41\"", {"n", "x41"}}, // codes are read within $'...' alone
        {"$'a'\\n'\\n'", {"an\\n"}},
        {"$a a$ $\"b\"", {"$a", "a$", "$b"}},
        {"'a b", {"a b"}}, // what nobody closed ends with the command
        {"a\\", {"a\\"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = cases[i].command;
        strbuf word = {0};
        bool is = true;
        for (size_t k = 0; is; k++) {
            MUST(shell_word(&is, &word, &at));
            const char *wanted = cases[i].words[k];
            cr_assert_eq(is, wanted != NULL, "%s: word %zu", cases[i].command, k);
            if (is) cr_expect_str_eq(word.text, wanted, "%s: %s", cases[i].command, word.text);
            if (is) cr_expect_eq(word.length, strlen(wanted), "%s", cases[i].command);
        }
        cr_expect_eq(*at, '\0');
        strbuf_free(&word);
    }
}

/* Every byte that a word can hold, between two others. */
Test(shell_words, what_is_shown_for_a_shell_is_read_back) {
    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {'a', (char)byte, 'f', '\0'};
        strbuf shown = {0}, word = {0};
        bool is = false;
        MUST(shown_add(&shown, SHOWN_SHELL, text));
        MUST(strbuf_add(&shown, " b"));
        const char *at = shown.text;
        MUST(shell_word(&is, &word, &at));
        cr_expect_str_eq(word.text, text, "byte %d: %s", byte, shown.text);
        cr_expect(shell_is_words(shown.text), "byte %d: %s", byte, shown.text);
        cr_expect_str_eq(at, " b");
        strbuf_free(&shown);
        strbuf_free(&word);
    }
}

/* Each byte outside of quotes, and what quotes do not hold. */
Test(shell_words, what_a_shell_would_act_on) {
    static const char *const acting[] = {
        "a 'b",        "a $'b",          "a $'b\\'",   "a b'",           "'a\n'",        "$'a\n'",
        "'\x1b[31m'",  "'\xe2\x80\xae'", "'\xff'",     "a \\",           "a \\;",        "$'a' $b",
        "a 'b' ; 'c'", "a 'b'$(c)",      "a '\\' b '", "a $'\\x41' `b`", "\xed\x95\x9c", "\"a\""};
    for (size_t i = 0; i < sizeof acting / sizeof *acting; i++)
        cr_expect_not(shell_is_words(acting[i]), "%s", acting[i]);
    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {'a', (char)byte, 'f', '\0'};
        bool is = byte == ' ' || (byte < 128 && (isalnum(byte) || strchr("_@%+=:,./-", byte)));
        cr_expect_eq(shell_is_words(text), is, "%s", text);
    }
    static const char *const words[] = {"", "a", "a 'b;$(c)`d`\\' e", "'it'\\''s'",
                                        "$'\\'\\x0a;\\\\' x"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_expect(shell_is_words(words[i]), "%s", words[i]);
}

Test(shell_words, a_flag_and_its_value) {
    static const struct {
        const char *command, *value, *next; // NULL: the flag is not there
    } cases[] = {
        {"run --seed 7", "7", NULL},
        {"run --seed=7 --seed 8", "7", "8"},
        {"run --seed= x", "", NULL},
        {"run --seed", "", NULL},
        {"run --seeds 7 --see 8 seed --Seed 9 -seed 1", NULL, NULL},
        {"run 'a --seed 7' \"--seed\" '9'", "9", NULL},
        {"run --name ' --seed 7'", NULL, NULL},
        {"run --output --seed --seed 3", "--seed", "3"},
        {"run --seed='a b'", "a b", NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = cases[i].command;
        strbuf value = {0};
        bool has = true;
        MUST(shell_flag(&has, &value, &at, "--seed"));
        cr_assert_eq(has, cases[i].value != NULL, "%s", cases[i].command);
        if (has) {
            cr_expect_str_eq(value.text, cases[i].value, "%s: %s", cases[i].command, value.text);
            cr_expect_eq(value.length, strlen(cases[i].value));
            MUST(shell_flag(&has, &value, &at, "--seed"));
            cr_assert_eq(has, cases[i].next != NULL, "%s, a second time", cases[i].command);
            if (has) cr_expect_str_eq(value.text, cases[i].next);
        }
        strbuf_free(&value);
    }
}
