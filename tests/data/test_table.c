/* Files of rows that nobody described: what they are taken for, their rows, and what is at fault. */
#include "base/memory.h"
#include "data/table.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* All rows as "[field|field]", those at fault as "{raw}", behind the names. */
static char *rows_of(table *t) {
    strbuf out = {0};
    bool more = true;
    MUST(strbuf_printf(&out, "%s:", table_kind_name(t)));
    for (size_t i = 0; i < t->column_count; i++)
        MUST(strbuf_printf(&out, "%s%s", i ? "|" : " ", t->columns[i]));
    for (size_t row = 0; row < 60; row++) {
        err e = table_next(t, &more);
        if (!e && !more) break;
        if (e) {
            MUST(strbuf_printf(&out, " {%.*s}", (int)t->raw.bytes, t->raw.text));
            if (!more) break;
            continue;
        }
        MUST(strbuf_add(&out, " ["));
        for (size_t i = 0; i < t->column_count; i++) {
            char number[32];
            text_span text = {0};
            if (table_label(&text, number, t, t->columns[i], i, ANSWER_NUMBER)) text.text = "-";
            MUST(strbuf_printf(&out, "%s%s", i ? "|" : "", text.text));
        }
        MUST(strbuf_add(&out, "]"));
    }
    return out.text;
}

static const struct {
    const char *text, *rows;
    size_t bytes; /* of a text with 0 bytes */
} files[] = {
    {"a,b\n1,2\n", "CSV: a|b [1|2]", 0},
    {"a,b\r\n1,2\r\n3,4", "CSV: a|b [1|2] [3|4]", 0},
    {"\xEF\xBB\xBF"
     "a,b\n1,2\n",
     "CSV: a|b [1|2]", 0},
    {"a;b\n1,5;2\n3;4\n", "CSV: a|b [1,5|2] [3|4]", 0},
    {"a|b\n1|2\n", "CSV: a|b [1|2]", 0},
    {"a\tb\n1\t2\n", "TSV: a|b [1|2]", 0},
    // quotes
    {"a,b\n\"1, 2\",\"3 \"\"4\"\"\"\n", "CSV: a|b [1, 2|3 \"4\"]", 0},
    {"a,b\n\"1\n2\",3\n", "CSV: a|b [1\n2|3]", 0},
    {"a,b\n1 \"x\" y,2\n", "CSV: a|b [1 \"x\" y|2]", 0},
    {"a\tb\n\"1\" x\t2\n3\t\"\n", "TSV: a|b [\"1\" x|2] [3|\"]", 0},
    {"a\tb\n\"1\tx\"\t2\n3\t4\n", "TSV: a|b [1\tx|2] [3|4]", 0},
    // a quote that nothing closes is text, wherever it stands
    {"a,b\n\"1,2\n3,4\n5,6\n", "CSV: a|b [\"1|2] [3|4] [5|6]", 0},
    {"a,b\n1,2\n3,4\n5,\"6\n", "CSV: a|b [1|2] [3|4] [5|\"6]", 0},
    {"a;b\n1;2\n\"3;4\n5;6", "CSV: a|b [1|2] [\"3|4] [5|6]", 0},
    // one column, whose texts have commas
    {"text\n1, 2\n3\n", "TSV: text [1, 2] [3]", 0},
    {"text\n\"1, 2\"\n\"3\"\n", "CSV: text [1, 2] [3]", 0},
    {"a,b\n\n1,2\n\r\n\n3,4\n", "CSV: a|b [1|2] [3|4]", 0},
    {"a,b\n", "CSV: a|b", 0},
    {",text,label\n0,x,y\n", "CSV: |text|label [0|x|y]", 0},
    // rows at fault, and what follows them
    {"a,b\n1\n2,3\n4,5,6\n7,8\n", "CSV: a|b {1} [2|3] {4,5,6} [7|8]", 0},
    {"a,b\n\"1,1\",2\n\"9,10\n11,12\n", "CSV: a|b [1,1|2] {\"9,10} [11|12]", 0},
    {"a,b\n1,2\n3,4\n5,6\n\"7\"x,8\n9,\"10\n10\"\n",
     "CSV: a|b [1|2] [3|4] [5|6] {\"7\"x,8} [9|10\n10]", 0},
    {"a,b\n1,2\n3,4\n\"x\n\xFFy\",5\n5,6\n7,8\n9,1\n",
     "CSV: a|b [1|2] [3|4] {\"x} {\xFFy\",5} [5|6] [7|8] [9|1]", 0},
    {"a,b\n1,2\n\xFF,4\n5,6\n", "CSV: a|b [1|2] {\xFF,4} [5|6]", 0},
    {"a,b\n1,2\r3\n4,5\n", "CSV: a|b {1,2\r3} [4|5]", 0},
    // JSON
    {"{\"a\": \"x\", \"b\": 1}\n\n{\"b\": 2, \"a\": \"y\"}", "JSON lines: a|b [x|1] [y|2]", 0},
    {"{\"a\": \"x\"}\n{\"b\": 1}\n[1]\n{\"a\n{\"a\": true}\n",
     "JSON lines: a [x] [] {[1]} {{\"a} [-]", 0},
    {"[{\"a\": \"x\"},\n {\"a\": 1.5}]", "JSON: a [x] [1.5]", 0},
    {"[ ]", NULL, 0},
    {"[{\"a\": 1} {\"a\": 2}]", "JSON: a [1] {}", 0},
    {"", NULL, 0},
    {"\n\n", NULL, 0},
    {"a,a\n1,2\n", NULL, 0},
};

Test(table, is_told_by_its_content) {
    const char *path = temporary_path("file");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        table t;
        MUST(file_write(path, files[i].text, strlen(files[i].text)));
        err e = table_open(&t, path);
        cr_expect_eq(e != ERR_OK, files[i].rows == NULL, "%s: %s", files[i].text, err_message(e));
        if (!e) {
            char *rows = rows_of(&t);
            cr_expect_str_eq(rows, files[i].rows ? files[i].rows : "", "of %s\n got  %s\n want %s",
                             files[i].text, rows, files[i].rows);
            mem_free(rows);
        }
        table_close(&t);
    }
    cr_expect_eq(mem_live_count(), 0);
}

/* What is too long is at fault, not the end of the file; how the line ends does not count. */
Test(table, a_row_has_a_mebibyte_at_most) {
    static const struct {
        const char *head, *begin, *end, *line_end;
    } kinds[] = {{"", "{\"a\":\"", "\"}", "\n"}, {"", "{\"a\":\"", "\"}", ""},
                 {"a\tb\n", "1\t", "", "\n"},    {"a\tb\n", "1\t", "", "\r\n"},
                 {"a\tb\n", "1\t", "", ""},      {"a,b\n", "1,\"\n", "\"", "\n"},
                 {"a,b\n", "1,\"\n", "\"", ""}};
    const char *path = temporary_path("long");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t more = 0; more < 2; more++) {
            size_t frame = strlen(kinds[i].begin) + strlen(kinds[i].end);
            strbuf file = {0};
            table t;
            bool row = true;
            MUST(strbuf_printf(&file, "%s%s", kinds[i].head, kinds[i].begin));
            for (size_t n = frame; n < (1 << 20) + more; n++) MUST(strbuf_add(&file, "x"));
            MUST(strbuf_printf(&file, "%s%s", kinds[i].end, kinds[i].line_end));
            MUST(file_write_quick(path, file.text, file.length));
            err e = table_open(&t, path);
            if (!e) e = table_next(&t, &row);
            if (more) cr_expect_eq(e, ERR_FORMAT, "kind %zu", i);
            if (!more) cr_expect(!e && row, "kind %zu: %d, %s", i, row, err_message(e));
            err_clear();
            table_close(&t);
            strbuf_free(&file);
        }
}

/* The bytes of all rows, with their ends, are those of the file. */
Test(table, rows_are_the_bytes_of_the_file) {
    static const char text[] = "\xEF\xBB\xBF"
                               "a,b\r\n\"1\r\n2\",3\r\n4,\"5\"\nbad\n6,7";
    const char *path = temporary_path("file");
    strbuf out = {0};
    bool more = true;
    table t;
    MUST(file_write(path, text, sizeof text - 1));
    MUST(table_open(&t, path));
    cr_expect(t.has_bom);
    MUST(strbuf_printf(&out, "\xEF\xBB\xBF%.*s%s", (int)t.header.bytes, t.header.text, t.line_end));
    for (;;) {
        if (!table_next(&t, &more) && !more) break;
        MUST(strbuf_printf(&out, "%.*s%s", (int)t.raw.bytes, t.raw.text, t.line_end));
    }
    cr_expect_str_eq(out.text, text);
    cr_expect_eq(t.rows, 4);
    cr_expect_eq(t.bytes, sizeof text - 1);
    strbuf_free(&out);
    table_close(&t);
}

/* A quote that never closes costs a read of what follows once, not once a row. */
Test(table, many_open_quotes_are_read_in_one_pass, .timeout = 60) {
    const char *path = temporary_path("file");
    strbuf text = {0};
    bool more = true;
    table t;
    size_t bad = 0;
    MUST(strbuf_add(&text, "a,b\n"));
    for (int i = 0; i < 60000; i++) {
        // every tenth row is quoted as it should be, every thousandth is not
        const char *form = i % 1000 == 5 ? "%d,\"%d\n" : i % 10 ? "%d,%d\n" : "%d,\"%d, 1\"\n";
        MUST(strbuf_printf(&text, form, i, i));
    }
    MUST(file_write(path, text.text, text.length));
    MUST(table_open(&t, path));
    for (;;) {
        err e = table_next(&t, &more);
        if (!more) break;
        bad += e != ERR_OK;
    }
    cr_expect_eq(t.rows, 60000, "%zu", t.rows);
    cr_expect_eq(bad, 60, "%zu", bad);
    strbuf_free(&text);
    table_close(&t);
}

Test(table, a_column_that_is_not_there_names_those_that_are) {
    const char *path = temporary_path("file");
    size_t index;
    table t;
    MUST(file_write(path, "제목,본문,label\n1,2,3\n", strlen("제목,본문,label\n1,2,3\n")));
    MUST(table_open(&t, path));
    MUST(table_find(&index, &t, "본문", "text-column"));
    cr_expect_eq(index, 1);
    MUST_FAIL(table_find(&index, &t, "labl", "label-column"), ERR_USAGE,
              "no column 'labl'; did you mean 'label'? (--label-column); the columns are '제목', "
              "'본문', 'label'");
    table_close(&t);
    static const char nested[] = "{\"a\": {\"b\": \"x\"}}\n";
    MUST(file_write(path, nested, sizeof nested - 1));
    MUST(table_open(&t, path));
    MUST(table_find(&index, &t, "a.b", "text-column"));
    MUST_FAIL(table_find(&index, &t, "a.c", "text-column"), ERR_USAGE, "no column 'a.c'");
    table_close(&t);
    cr_expect_eq(mem_live_count(), 0);
}
