/* Short forms of figures that boards and pages share, at the places where they change. */
#include "base/memory.h"
#include "report/report_internal.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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
    enum { ANY = APART_ANY_VERSION | APART_ANY_PROTOCOL };
    static const struct {
        const char *task, *data, *protocol;
        int64_t version;
        unsigned apart;
    } rows[] = {{"a", "1", "last", 2, ANY | APART_DATA | APART_PROTOCOL},
                {"a", "2", "last", 2, ANY | APART_DATA | APART_PROTOCOL},
                {"a", "1", "dev", 2, ANY | APART_DATA | APART_PROTOCOL},
                {"a", "3", "dev", 1, ANY | APART_VERSION},
                {"b", "4", "dev", 2, APART_ANY_PROTOCOL | APART_PROTOCOL},
                {"b", "4", "last", 2, APART_ANY_PROTOCOL | APART_PROTOCOL},
                {"c", "1", "last", 2, 0},
                {"d", "1", "dev", 3, ANY},
                {"d", "1", "last", 2, ANY}}; // what is newer is of another protocol
    enum { TABLES = sizeof rows / sizeof *rows };
    static record records[TABLES];
    const record *runs[TABLES];
    board_row of[TABLES] = {{0}};
    board_table tables[TABLES] = {{0}};
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
    }
    report__mark_apart(tables, TABLES);
    for (size_t i = 0; i < TABLES; i++)
        cr_expect_eq(tables[i].apart, rows[i].apart, "table %zu: %u", i, tables[i].apart);
}

/* Models stand in the order of their first rows, whose run is any of the model's, also where another
 * row of the table stands for the model: that with most seeds. */
CleanTest(figures, models_stand_where_their_first_rows_do) {
    enum { SEEDS = 2, ROWS = 6, TABLES = 3, MODELS = 3 };
    static const struct {
        const char *model, *recipe;
        size_t seeds;
    } rows[ROWS] = {{"c", "1", 2}, {"a", "2", 1}, {"a", "1", 2},  // of the first table
                    {"b", "1", 1}, {"a", "1", 1}, {"c", "1", 2}}; // of the last
    // places among all rows
    static const size_t first[MODELS] = {0, 1, 3};
    static const int standing[MODELS][TABLES] = {{0, -1, 5}, {2, -1, 4}, {-1, -1, 3}};
    static record records[ROWS];
    const record *runs[ROWS][SEEDS];
    board_row of[ROWS] = {{0}};
    for (size_t i = 0; i < ROWS; i++) {
        record *r = &records[i];
        r->model.name = (char *)(uintptr_t)rows[i].model;
        snprintf(r->recipe_sha256, sizeof r->recipe_sha256, "%s", rows[i].recipe);
        r->device.precision = r->device.kind = r->device.name = (char *)(uintptr_t) "cpu";
        runs[i][0] = runs[i][1] = r;
        of[i] = (board_row){.runs = runs[i], .run_count = rows[i].seeds};
    }
    board_table one = {.rows = of, .row_count = 3}, other = {.rows = of + 3, .row_count = 3};
    const board_table *tables[TABLES] = {&one, NULL, &other};
    board_models all;
    MUST(report__models(&all, tables, TABLES));
    cr_assert_eq(all.count, MODELS);
    for (size_t m = 0; m < MODELS; m++) {
        cr_expect_eq(all.models[m].place, first[m], "model %zu: %zu", m, all.models[m].place);
        cr_expect_eq(all.models[m].any, &records[first[m]], "model %zu", m);
        for (size_t t = 0; t < TABLES; t++)
            cr_expect_eq(all.models[m].rows[t], standing[m][t] < 0 ? NULL : &of[standing[m][t]],
                         "model %zu in table %zu", m, t);
    }
    report__free_models(&all);
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
