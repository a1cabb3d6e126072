/* JSON that is none: where the fault stands. */
#include "base/json.h"
#include "support/must.h"

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
    json_setup();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MUST_FAIL(json_parse(&root, cases[i].text, strlen(cases[i].text), "x.json"), ERR_FORMAT,
                  cases[i].message);
        cr_assert_null(root);
    }
    MUST(json_parse(&root, "\"\xea\xb0\x80\"", 5, "x.json"));
    cr_assert_str_eq(cJSON_GetStringValue(root), "\xea\xb0\x80");
    cJSON_Delete(root);
}
