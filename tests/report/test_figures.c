/* Short forms of figures that boards and pages share, at the places where they change. */
#include "base/memory.h"
#include "report/report_internal.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(figures);

Test(figures, of_parameters_and_seconds_have_their_unit) {
    static const struct {
        double value;
        const char *parameters, *seconds;
    } rows[] = {{0, "0", "0.0 s"},           {9.94, "10", "9.9 s"},
                {9.96, "10", "10 s"},        {99.4, "99", "99 s"},
                {99.6, "100", "2 min"},      {999, "999", "17 min"},
                {1000, "1.0K", "17 min"},    {5969, "6.0K", "99 min"},
                {5971, "6.0K", "1.7 h"},     {999949, "999.9K", "277.8 h"},
                {1e6, "1.0M", "277.8 h"},    {110617344, "110.6M", "30727.0 h"},
                {1e9, "1.0B", "277777.8 h"}, {1.75e12, "1750.0B", "486111111.1 h"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        strbuf parameters = {0}, seconds = {0};
        MUST(report__parameters(&parameters, (int64_t)(rows[i].value + 0.5)));
        MUST(report__duration(&seconds, rows[i].value));
        cr_expect_str_eq(parameters.text, rows[i].parameters, "%g", rows[i].value);
        cr_expect_str_eq(seconds.text, rows[i].seconds, "%g", rows[i].value);
        strbuf_free(&parameters);
        strbuf_free(&seconds);
    }
}

/* Tables of one task, a row each: what each has to say of the others. */
Test(figures, tables_that_are_apart_say_by_what) {
    static const struct {
        const char *task, *data, *protocol;
        int64_t version;
        unsigned apart;
    } rows[] = {{"a", "1", "last", 2, APART_DATA | APART_PROTOCOL},
                {"a", "2", "last", 2, APART_DATA | APART_PROTOCOL},
                {"a", "1", "dev", 2, APART_DATA | APART_PROTOCOL},
                {"a", "3", "dev", 1, APART_VERSION},
                {"b", "4", "dev", 2, APART_PROTOCOL},
                {"b", "4", "last", 2, APART_PROTOCOL},
                {"c", "1", "last", 2, 0}};
    enum { TABLES = sizeof rows / sizeof *rows };
    static record records[TABLES];
    const record *runs[TABLES];
    board_row of[TABLES] = {{0}};
    board_table tables[TABLES] = {{0}};
    const board b = {.tables = tables, .table_count = TABLES};
    for (size_t i = 0; i < TABLES; i++) {
        records[i].task.name = (char *)(uintptr_t)rows[i].task;
        records[i].task.data_sha256 = (char *)(uintptr_t)rows[i].data;
        records[i].protocol = (char *)(uintptr_t)rows[i].protocol;
        records[i].task.version = rows[i].version;
        runs[i] = &records[i];
        of[i].runs = &runs[i];
        of[i].run_count = 1;
        tables[i].rows = &of[i];
        tables[i].row_count = 1;
        tables[i].superseded = rows[i].apart & APART_VERSION;
    }
    for (size_t i = 0; i < TABLES; i++)
        cr_expect_eq(report__apart(&b, &tables[i]), rows[i].apart, "table %zu: %u", i,
                     report__apart(&b, &tables[i]));
}

/* A recipe's values in words: what is long or a list is not shown, and what lacks is the default. */
Test(figures, of_recipes_are_said_in_words) {
#define SIXTY "123456789012345678901234567890123456789012345678901234567890"
    static const char of_a[] =
        "{\"n\": 5e-05, \"yes\": true, \"text\": \"" SIXTY "\", \"longer\": \"x" SIXTY
        "\", \"list\": [1], \"" SIXTY "\": 1, \"k" SIXTY "\": 2, \"same\": [1]}";
    static const char of_b[] = "{\"n\": 3, \"yes\": false, \"same\": [1], \"of_b\": 7}";
    static const char *const lines[] = {"- n: 5e-05 in A, 3 in B\n",
                                        "- yes: yes in A, no in B\n",
                                        "- text: " SIXTY " in A, default in B\n",
                                        "- longer: too long to show in A, default in B\n",
                                        "- list: too long to show in A, default in B\n",
                                        "- " SIXTY ": 1 in A, default in B\n",
                                        "- a long key: 2 in A, default in B\n"};
    record a = {0}, b = {0};
    strbuf out = {0}, want = {0};
    json_setup();
    MUST(json_parse(&a.recipe, of_a, sizeof of_a - 1, "a"));
    MUST(json_parse(&b.recipe, of_b, sizeof of_b - 1, "b"));
    MUST(strbuf_add(&want, "\n"));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) MUST(strbuf_add(&want, lines[i]));
    MUST(strbuf_add(&want, "- of_b: default in A, 7 in B\n"));
    MUST(report__recipe_differences(&out, &a, &b, PAGE_EN));
    cr_expect_str_eq(out.text, want.text);
    strbuf_free(&out);
    strbuf_free(&want);
    cJSON_Delete(a.recipe);
    cJSON_Delete(b.recipe);
}
