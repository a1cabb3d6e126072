/* JSON that is none: where the fault stands. */
#include "base/json.h"
#include "support/must.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// what is written is UTF-8, so what is read is too: else it would not be read back as it was
Test(json, what_is_not_utf8_is_refused_at_its_place) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"a\":\n \"\xed\x95\"}", "x.json:2:3: a byte that is not UTF-8"},
        {"{\"\xed\xa0\x80\": 1}", "x.json:1:3: a byte that is not UTF-8"}, // a surrogate
        {"[\"\xea\xb0\x80\", \"\xc0\xaf\"]", "x.json:1:8: a byte that is not UTF-8"},
        {"\xff", "x.json:1:1: a byte that is not UTF-8"},
    };
    cJSON *root = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MUST_FAIL(json_parse(&root, cases[i].text, strlen(cases[i].text), "x.json"), ERR_FORMAT,
                  cases[i].message);
        cr_assert_null(root);
    }
    MUST(json_parse(&root, "\"\xea\xb0\x80\"", 5, "x.json"));
    cr_assert_str_eq(cJSON_GetStringValue(root), "\xea\xb0\x80");
    cJSON_Delete(root);
}

// the compiler checks values against the words; what the words make of them is checked here
CleanTest(json, put_adds_members_of_every_kind_in_order) {
    cJSON *root = NULL, *list = NULL, *last = NULL;
    char *text = NULL;
    const char *none = getenv("HARNESS_THAT_NOBODY_SETS"); // the compiler refuses a literal NULL
    MUST(json_parse(&root, "{}", 2, "x.json"));
    MUST(json_put(root, "text %s none %s real %f absent %f size %zu count %u yes %d no %d",
                  "a \"b\"", none, 0.5, (double)NAN, (size_t)7, 4000000000u, true, false));
    MUST(json_put_numbers(root, "numbers", (const double[]){1, 2.5}, 2));
    MUST(json_add_array(&list, root, "list"));
    MUST(json_append_object(&last, list));
    MUST(json_put(last, "only %d", true));
    MUST(json_print(&text, root, false));
    cr_assert_str_eq(text, "{\"text\":\"a \\\"b\\\"\",\"none\":null,\"real\":0.5,\"absent\":null,"
                           "\"size\":7,\"count\":4000000000,\"yes\":true,\"no\":false,"
                           "\"numbers\":[1,2.5],\"list\":[{\"only\":true}]}");
    mem_free(text);
    for (size_t n = 1; n <= 4; n++) {
        mem_fail_at(n);
        MUST_FAIL(json_put(root, "a %s b %f", "x", 1.0), ERR_MEMORY, "out of memory");
    }
    mem_fail_at(0);
    cJSON_Delete(root);
}

/* A rounded number comes back as it is, whatever it is; one that is not may not. */
Test(json, a_rounded_number_is_read_back_as_it_is) {
    size_t changed = 0;
    for (uint32_t i = 0; i < 4000; i++) {
        double value = sqrt(i + 0.5) / 7, kept = json_rounded(value);
        char *text;
        cJSON *number = cJSON_CreateNumber(kept), *back;
        MUST(json_print(&text, number, false));
        cr_assert_not_null(back = cJSON_Parse(text));
        cr_assert(back->valuedouble == kept, "%.17g is read back as %.17g", kept,
                  back->valuedouble);
        cr_assert_float_eq(kept, value, 1e-14 * value);
        changed += kept != value;
        cJSON_Delete(number);
        cJSON_Delete(back);
        mem_free(text);
    }
    cr_assert_gt(changed, 1000);
}

/* Values are counted before they take memory: a file of two bytes each is within any limit of bytes. */
Test(json, more_values_than_any_file_has_are_refused) {
    size_t length = 2 * (size_t)JSON_VALUES_MAX + 4;
    char *text;
    cJSON *root = NULL;
    MUST(mem_new(&text, length + 1));
    memset(text, '0', length);
    for (size_t i = 0; i < length; i += 2) text[i] = i ? ',' : '[';
    text[length - 1] = ']';
    text[length] = '\0';
    cr_expect_eq(json_parse(&root, text, length, "t"), ERR_FORMAT);
    cr_expect(strstr(err_message(ERR_FORMAT), "t:1:16777217: more values than any file"), "%s",
              err_message(ERR_FORMAT));
    // letters are no values
    memset(text, ',', length);
    text[0] = text[length - 1] = '"';
    cr_expect_not(json_parse(&root, text, length, "t"), "%s", err_message(ERR_FORMAT));
    cJSON_Delete(root);
    mem_free(text);
}

/* What a number of another kind, a bound that is passed and a name that is there twice come to. */
CleanTest(json, members_are_of_their_kind_and_within_bounds) {
    static const struct {
        const char *value, *message; // NULL: taken
    } cases[] = {{"3", NULL},
                 {"9", NULL},
                 {"2", "x: key 'a' is 2, expected a whole number from 3 to 9"},
                 {"10", "x: key 'a' is 10, expected a whole number from 3 to 9"},
                 {"3.5", "x: key 'a' is 3.5, expected a whole number from 3 to 9"},
                 {"1e999", "x: key 'a' is inf, expected a finite number"},
                 {"null", "x: key 'a' is null, expected a number"},
                 {"false", "x: key 'a' is true or false, expected a number"},
                 {"\"3\"", "x: key 'a' is a string, expected a number"},
                 {"[3]", "x: key 'a' is an array, expected a number"},
                 {"{}", "x: key 'a' is an object, expected a number"},
                 {"4, \"b\": 1, \"a\": 20, \"a\": 5", NULL},
                 {"5, \"b\": {\"a\": 1, \"a\": 2}, \"a\": 12",
                  "x: key 'a' is 12, expected a whole number from 3 to 9"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        int64_t value = 0;
        cJSON *root = NULL;
        snprintf(text, sizeof text, "{\"a\": %s}", cases[i].value);
        MUST(json_parse(&root, text, strlen(text), "x"));
        err e = json_whole(&value, root, "a", 3, 9, "x");
        if (cases[i].message)
            cr_expect_str_eq(err_message(e), cases[i].message);
        else
            cr_expect(!e && value >= 3 && value <= 9, "%s: %lld", text, (long long)value);
        cr_expect_eq(cJSON_GetArraySize(root), strstr(text, "\"b\"") ? 2 : 1, "%s", text);
        const cJSON *inner = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "b"), "a");
        cr_expect(!inner || (!inner->next && inner->valueint == 2), "%s", text);
        cJSON_Delete(root);
    }
}

/* A text that is no JSON is named by what it is; places count characters and lines. */
Test(json, faults_have_their_words_and_places) {
    static const struct {
        const char *text, *message;
    } cases[] = {{"[1,\n 2", "x:2:3: not valid JSON"},
                 {"", "x:1:1: not valid JSON"},
                 {"[\"\xea\xb0\x80\" x]", "x:1:6: not valid JSON"},
                 {"[\"\\ud800\"]", "a lone surrogate: its second half lacks"},
                 {"[\"\\uDBff\"]", "a lone surrogate: its second half lacks"},
                 {"[\"\\udc00\"]", "a lone surrogate: its first half lacks"},
                 {"[\"\\u0000\"]", "x:1:3: a 0 byte in JSON text, written \\u0000"},
                 {"%PDF-1", "x: is a PDF, text in UTF-8 is expected: its text is needed"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *root = NULL;
        MUST_FAIL(json_parse(&root, cases[i].text, strlen(cases[i].text), "x"), ERR_FORMAT,
                  cases[i].message);
    }
    cJSON *root = NULL;
    MUST(json_parse(&root, "[\"\\\\u0000\"]", 11, "x")); // an escaped backslash
    cJSON_Delete(root);
}
