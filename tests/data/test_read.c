// Files as people have them: what is read, and what is refused with which words.
#include "base/memory.h"
#include "data/support_task.h"
#include "data/table.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define BYTES(s) s, sizeof(s) - 1
#define TSV(quoting, header, bom)                                                                  \
    "\"format\": {\"kind\": \"delimited\", \"delimiter\": \"\\t\", \"quoting\": \"" quoting        \
    "\", \"header\": " header ", \"bom\": \"" bom                                                  \
    "\", \"columns\": [\"label\", \"text\"], \"text\": \"text\", \"label\": \"label\"}"
#define JSONL "\"format\": {\"kind\": \"jsonl\", \"text\": \"text\", \"label\": \"label\"}"
#define JSON "\"format\": {\"kind\": \"json\", \"text\": \"text\", \"label\": \"label\"}"
#define DROP                                                                                       \
    "\"invalid_label\": \"drop\", \"split\": {\"rule\": \"files\"}, \"files\": [{\"role\": "       \
    "\"train\", \"name\": \"train.csv\"}, {\"role\": \"test\", \"name\": \"test.csv\"}]"

typedef struct good_case {
    const char *name, *format, *rest, *train;
    size_t train_bytes, rows, invalid;
    const char *texts[3];
    uint32_t labels[3], lines[3];
} good_case;

static const good_case good[] = {
    {"plain", NULL, NULL, BYTES("text,label\na,0\nb,1\n"), 2, 0, {"a", "b"}, {0, 1}, {2, 3}},
    {"no final newline",
     NULL,
     NULL,
     BYTES("text,label\na,0\nb,1"),
     2,
     0,
     {"a", "b"},
     {0, 1},
     {2, 3}},
    {"CRLF", NULL, NULL, BYTES("text,label\r\na,0\r\nb,1\r\n"), 2, 0, {"a", "b"}, {0, 1}, {2, 3}},
    {"byte order mark dropped",
     NULL,
     NULL,
     BYTES("\xEF\xBB\xBFtext,label\na,0\n"),
     1,
     0,
     {"a"},
     {0},
     {2}},
    {"outer blanks stay",
     NULL,
     NULL,
     BYTES("text,label\n a  ,0\n\tb,1\n"),
     2,
     0,
     {" a  ", "\tb"},
     {0, 1},
     {2, 3}},
    {"quotes",
     NULL,
     NULL,
     BYTES("text,label\n\"a, \"\"b\"\"\",0\nc\"d,1\n"),
     2,
     0,
     {"a, \"b\"", "c\"d"},
     {0, 1},
     {2, 3}},
    {"newline in quotes",
     NULL,
     NULL,
     BYTES("text,label\n\"a\n\nb\",0\nc,1\n"),
     2,
     0,
     {"a\n\nb", "c"},
     {0, 1},
     {2, 5}},
    {"empty lines",
     NULL,
     NULL,
     BYTES("text,label\na,0\n\nb,1\n\r\n"),
     2,
     0,
     {"a", "b"},
     {0, 1},
     {2, 4}},
    {"lines of blanks",
     NULL,
     NULL,
     BYTES("text,label\n   \na,0\n\t\r\n\"b\n \n\",1\n  "),
     2,
     0,
     {"a", "b\n \n"},
     {0, 1},
     {3, 5}},
    {"one row", NULL, NULL, BYTES("text,label\na,1\n"), 1, 0, {"a"}, {1}, {2}},
    {"empty text", NULL, NULL, BYTES("text,label\n,0\na,1\n"), 2, 0, {"", "a"}, {0, 1}, {2, 3}},
    {"quotes are text",
     TSV("none", "false", "drop"),
     NULL,
     BYTES("0\t\"a\n1\tb\"\"\r\n"),
     2,
     0,
     {"\"a", "b\"\""},
     {0, 1},
     {1, 2}},
    {"byte order mark kept",
     TSV("none", "false", "keep"),
     NULL,
     BYTES("0\ta\n1\t\xEF\xBB\xBF"
           "b\n"),
     2,
     0,
     {"a", "\xEF\xBB\xBF"
           "b"},
     {0, 1},
     {1, 2}},
    {"invalid labels dropped",
     NULL,
     DROP,
     BYTES("text,label\na,0\nb,2\nc,\nd,1\n"),
     2,
     2,
     {"a", "d"},
     {0, 1},
     {2, 5}},
    {"hangul, emoji",
     NULL,
     NULL,
     BYTES("text,label\n굳 ㅋ,0\n\xF0\x9F\x98\x80,1\n"),
     2,
     0,
     {"굳 ㅋ", "\xF0\x9F\x98\x80"},
     {0, 1},
     {2, 3}},
    {"JSON lines",
     JSONL,
     NULL,
     BYTES("{\"text\": \"a\\nb\", \"label\": 0, \"more\": [1]}\n\n{\"label\": \"1\", \"text\": "
           "\"\\uac00\"}"),
     2,
     0,
     {"a\nb", "가"},
     {0, 1},
     {1, 3}},
    {"JSON array",
     JSON,
     NULL,
     BYTES("[{\"text\": \"a\", \"label\": 1},\n {\"text\": \"\", \"label\": \"0\"}]\n"),
     2,
     0,
     {"a", ""},
     {1, 0},
     {1, 2}},
};

static const char *test_rows(const char *format) {
    if (!format) return "text,label\nx,0\n";
    if (!strcmp(format, JSONL)) return "{\"text\": \"x\", \"label\": 0}\n";
    return !strcmp(format, JSON) ? "[{\"text\": \"x\", \"label\": 0}]" : "0\tx\n";
}

CleanTest(read, good_files) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const good_case *c = &good[i];
        made_task m;
        dataset d;
        made_task_begin(&m, c->format, NULL, c->rest);
        made_task_file(&m, "train.csv", c->train, c->train_bytes);
        made_task_file(&m, "test.csv", test_rows(c->format), strlen(test_rows(c->format)));
        err e = dataset_load(&d, &m.task, &m.options);
        cr_assert_eq(e, ERR_OK, "%s: %s", c->name, err_message(e));
        cr_assert_eq(d.train.row_count, c->rows, "%s: %zu rows", c->name, d.train.row_count);
        cr_expect_eq(d.invalid_count, c->invalid, "%s: %zu invalid", c->name, d.invalid_count);
        for (size_t r = 0; r < c->rows; r++) {
            const dataset_row *row = &d.train.rows[r];
            cr_expect_str_eq(row->example.texts[0].text, c->texts[r], "%s row %zu: '%s'", c->name,
                             r, row->example.texts[0].text);
            cr_expect_eq(row->example.texts[0].bytes, strlen(c->texts[r]), "%s row %zu", c->name,
                         r);
            cr_expect_eq(row->example.target.class, c->labels[r], "%s row %zu: label %u", c->name,
                         r, row->example.target.class);
            cr_expect_eq(row->line, c->lines[r], "%s row %zu: line %u", c->name, r, row->line);
        }
        dataset_free(&d);
        made_task_end(&m);
    }
}

typedef struct bad_case {
    const char *name, *format, *train;
    size_t train_bytes;
    err code;
    const char *message; // what follows the folder
} bad_case;

static const bad_case bad[] = {
    {"label", NULL, BYTES("text,label\na,0\nb,2\n"), ERR_FORMAT,
     "train.csv:3: label '2' is not in the manifest (known: '0', '1')"},
    {"line behind empty ones", NULL, BYTES("text,label\r\n\r\n\r\na,2\r\n"), ERR_FORMAT,
     "train.csv:4: label '2' is not in the manifest (known: '0', '1')"},
    {"column lacks", NULL, BYTES("text,label\na,0\nb\n"), ERR_FORMAT,
     "train.csv:3: 1 column, expected 2 (separated by commas)"},
    {"column too many", NULL, BYTES("text,label\na,b,0\n"), ERR_FORMAT,
     "train.csv:2: 3 columns, expected 2 (separated by commas)"},
    {"header", NULL, BYTES("txt,label\na,0\n"), ERR_FORMAT,
     "train.csv:1: column 1 of the header is 'txt', expected 'text'"},
    {"no header", NULL, BYTES("a,0\nb,1\n"), ERR_FORMAT,
     "train.csv:1: column 1 of the header is 'a', expected 'text'"},
    {"columns of one name", NULL, BYTES("text,text\na,0\n"), ERR_FORMAT,
     "train.csv:1: column 2 of the header is 'text', expected 'label'"},
    {"open quote", NULL, BYTES("text,label\na,0\n\"b,1\nc,0\n"), ERR_FORMAT,
     "train.csv:3: a quote opens in this record and never closes"},
    {"quote over rows", NULL, BYTES("text,label\n\"a,0\nb,1\nc\",0,1\nd,1\n"), ERR_FORMAT,
     "train.csv:2: 3 columns, expected 2 (separated by commas): does a quote never close?"},
    {"NUL", NULL, BYTES("text,label\na\0b,0\n"), ERR_FORMAT,
     "train.csv:2: a NUL byte at byte 2 of the line"},
    {"CP949", NULL, BYTES("text,label\n\xB1\xBB,0\n"), ERR_FORMAT,
     "train.csv:2: invalid UTF-8 at byte 1 of the line (0xB1); text in CP949 has to be converted "
     "first: iconv -f CP949 -t UTF-8"},
    {"surrogate", NULL, BYTES("text,label\nab\xED\xA0\x80,0\n"), ERR_FORMAT,
     "train.csv:2: invalid UTF-8 at byte 3 of the line (0xED)"},
    {"overlong", NULL, BYTES("text,label\n\xC0\xAF,0\n"), ERR_FORMAT,
     "train.csv:2: invalid UTF-8 at byte 1 of the line (0xC0)"},
    {"truncated UTF-8", NULL, BYTES("text,label\na,0\n\xEA\xB5"), ERR_FORMAT,
     "train.csv:3: the file ends within a letter, at byte 1 of the line: it was cut off"},
    {"a wrong end", NULL, BYTES("text,label\na,0\n\xB5"), ERR_FORMAT,
     "train.csv:3: invalid UTF-8 at byte 1 of the line (0xB5)"},
    {"no rows", NULL, BYTES("text,label\n"), ERR_DATA,
     "train.csv: task 'made' has no train rows (0 read, 0 dropped)"},
    {"empty file", NULL, BYTES(""), ERR_DATA,
     "train.csv: task 'made' has no train rows (0 read, 0 dropped)"},
    {"only empty texts", NULL, BYTES("text,label\n,0\n,1\n"), ERR_DATA,
     "train.csv: task 'made' has no train rows (2 read, 0 dropped)"},
    {"label first, spaces for tabs", TSV("none", "false", "drop"), BYTES("0 a\n"), ERR_FORMAT,
     "train.csv:1: 1 column, expected 2 (separated by tabs)"},
    {"JSON line cut", JSONL, BYTES("{\"text\": \"a\", \"label\": 0}\n{\"text\": \"b\"\n"),
     ERR_FORMAT, "train.csv:2:13: not valid JSON"},
    {"JSON key lacks", JSONL, BYTES("{\"txt\": \"a\", \"label\": 0}\n"), ERR_FORMAT,
     "train.csv:1: key 'text' is missing (expected a string)"},
    {"JSON label lacks", JSONL, BYTES("{\"text\": \"a\"}\n"), ERR_FORMAT,
     "train.csv:1: key 'label' is missing"},
    {"JSON text is no string", JSONL, BYTES("{\"text\": 3, \"label\": 0}\n"), ERR_FORMAT,
     "train.csv:1: key 'text' is a number, expected a string"},
    {"JSON label is a fraction", JSONL, BYTES("{\"text\": \"a\", \"label\": 0.5}\n"), ERR_FORMAT,
     "train.csv:1: key 'label' is neither a string, a whole number nor a truth value"},
    {"JSON key twice", JSONL, BYTES("{\"text\": \"a\", \"label\": 0, \"text\": \"b\"}\n"),
     ERR_FORMAT, "train.csv:1: key 'text' stands there twice"},
    {"JSON NUL", JSONL, BYTES("{\"text\": \"a\\u0000b\", \"label\": 0}\n"), ERR_FORMAT,
     "train.csv:1:12: a 0 byte in JSON text, written \\u0000"},
    {"JSON NUL in an array", JSON, BYTES("[\n{\"text\": \"\\u0000\", \"label\": 0}]"), ERR_FORMAT,
     "train.csv:2:11: a 0 byte in JSON text, written \\u0000"},
    {"lone surrogate", JSONL,
     BYTES("{\"text\": \"a\", \"label\": 0}\n{\"text\": \"하늘 \\ud800\", \"label\": 0}\n"),
     ERR_FORMAT, "train.csv:2:14: a lone surrogate: its second half lacks"},
    {"lone surrogate before an escape", JSONL,
     BYTES("{\"text\": \"\\ud83d\\u0041\", \"label\": 0}"), ERR_FORMAT,
     "train.csv:1:11: a lone surrogate: its second half lacks"},
    {"second half of a surrogate", JSONL, BYTES("{\"text\": \"\\uDE00\", \"label\": 0}"),
     ERR_FORMAT, "train.csv:1:11: a lone surrogate: its first half lacks"},
    {"lone surrogate in an array", JSON,
     BYTES("[{\"text\": \"a\", \"label\": 0},\n {\"text\": \"\\uDBFF\", \"label\": 0}]"),
     ERR_FORMAT, "train.csv:2:12: a lone surrogate: its second half lacks"},
    {"lone surrogate in a key", JSONL, BYTES("{\"\\ud800\": 1, \"text\": \"a\", \"label\": 0}"),
     ERR_FORMAT, "train.csv:1:3: a lone surrogate: its second half lacks"},
    {"after a quote", NULL, BYTES("text,label\r\n\"하늘 좋다\" ,0\r\n\"강 싫다\",1\r\n"),
     ERR_FORMAT,
     "train.csv:2:8: ' ' follows the closing quote of a field: a delimiter or the line's end is "
     "expected"},
    {"after a quote that closes on a later line", NULL, BYTES("text,label\n\"a\nb\"가,0\n"),
     ERR_FORMAT, "train.csv:3:3: '가' follows the closing quote of a field"},
    {"after a quote, with tabs", TSV("standard", "false", "drop"), BYTES("0\t\"a\"\"b\"x\n1\ty\n"),
     ERR_FORMAT, "train.csv:1:9: 'x' follows the closing quote of a field"},
    {"after a quote in the header", NULL, BYTES("\"text\" ,label\na,0\n"), ERR_FORMAT,
     "train.csv:1:7: ' ' follows the closing quote of a field"},
    {"array cut", JSON, BYTES("[{\"text\": \"a\", \"label\": 0},\n{\"text\": \"b\""), ERR_FORMAT,
     "train.csv:2:13: not valid JSON"},
    {"array not closed", JSON, BYTES("[{\"text\": \"a\", \"label\": 0}\n"), ERR_FORMAT,
     "train.csv:2:1: not valid JSON: ',' or ']' is expected behind an element"},
    {"array with a comma too many", JSON, BYTES("[{\"text\": \"a\", \"label\": 0},]"), ERR_FORMAT,
     "train.csv:1:28: not valid JSON: an element is expected behind ','"},
    {"array that ends behind a comma", JSON, BYTES("[{\"text\": \"a\", \"label\": 0},"), ERR_FORMAT,
     "train.csv:1:28: not valid JSON: the file ends within the array"},
    {"two arrays", JSON, BYTES("[{\"text\": \"a\", \"label\": 0}]\n[]"), ERR_FORMAT,
     "train.csv:2:1: not valid JSON: something follows the array"},
    {"array of numbers", JSON, BYTES("[{\"text\": \"a\", \"label\": 0}, 7]"), ERR_FORMAT,
     "train.csv:1:29: element 2: not a JSON object"},
    {"array with invalid UTF-8", JSON,
     BYTES("[{\"text\": \"a\", \"label\": 0},\n{\"t\": \"\xB1\"}]"), ERR_FORMAT,
     "train.csv:2: invalid UTF-8 at byte 8 of the line (0xB1)"},
    {"array with a NUL byte between", JSON, BYTES("[{\"text\": \"a\", \"label\": 0}\0]"),
     ERR_FORMAT, "train.csv:1: a NUL byte at byte 27 of the line"},
    {"array key twice", JSON, BYTES("[{\"text\": \"a\", \"label\": 0, \"label\": 1}]"), ERR_FORMAT,
     "train.csv: element 1: key 'label' stands there twice"},
    {"JSON label beyond whole numbers", JSONL, BYTES("{\"text\": \"a\", \"label\": 1e16}\n"),
     ERR_FORMAT, "train.csv:1: key 'label' is neither a string, a whole number nor a truth value"},
    {"JSON line is a list", JSONL, BYTES("[1]\n"), ERR_FORMAT, "train.csv:1: not a JSON object"},
    {"JSON is no array", JSON, BYTES("{\"text\": \"a\"}"), ERR_FORMAT,
     "train.csv: not a JSON array of objects"},
    {"JSON element", JSON,
     BYTES("[{\"text\": \"a\", \"label\": 0}, {\"text\": \"b\", \"label\": 7}]"), ERR_FORMAT,
     "train.csv: element 2: label '7' is not in the manifest (known: '0', '1')"},
};

static void expect_message(const made_task *m, const char *name, err e, err code,
                           const char *want) {
    char start[128];
    int n = snprintf(start, sizeof start, "%s/made/", m->folder);
    const char *message = err_message(e);
    cr_expect_eq(e, code, "%s: %s: %s", name, err_name(e), message);
    cr_expect_eq(strncmp(message, start, (size_t)n), 0, "%s: %s", name, message);
    cr_expect_eq(strncmp(message + n, want, strlen(want)), 0, "%s:\n got %s\nwant %s", name,
                 message, want);
}

/* Loading a task of these two files ends with that code and message. */
static void expect_refused(const char *name, const char *format, const char *rest,
                           const char *train, size_t train_bytes, const char *test, err code,
                           const char *want) {
    made_task m;
    dataset d;
    made_task_begin(&m, format, NULL, rest);
    made_task_file(&m, "train.csv", train, train_bytes);
    made_task_file(&m, "test.csv", test, strlen(test));
    expect_message(&m, name, dataset_load(&d, &m.task, &m.options), code, want);
    dataset_free(&d);
    made_task_end(&m);
}

CleanTest(read, bad_files) {
    for (const bad_case *c = bad; c < bad + sizeof bad / sizeof *bad; c++)
        expect_refused(c->name, c->format, NULL, c->train, c->train_bytes, test_rows(c->format),
                       c->code, c->message);
}

CleanTest(read, a_file_of_one_huge_line) {
    enum { COUNT = 4 << 20 };
    char *line;
    cr_assert_eq(mem_new(&line, COUNT), ERR_OK);
    memset(line, 'a', COUNT);
    memcpy(line, "text,label\n", 11);
    memcpy(line + COUNT - 3, ",0\n", 3);
    expect_refused("huge line", NULL, NULL, line, COUNT, test_rows(NULL), ERR_FORMAT,
                   "train.csv:2: a record of more than 1048576 bytes: do line ends lack, or does a "
                   "quote never close?");
    mem_free(line);
}

Test(read, a_huge_text_in_json) {
    enum { COUNT = 1 << 20 };
    strbuf line = {0};
    cr_assert_eq(strbuf_add(&line, "{\"label\": 0, \"text\": \""), ERR_OK);
    for (size_t i = 0; i <= COUNT; i += 8) cr_assert_eq(strbuf_add(&line, "abcdefgh"), ERR_OK);
    cr_assert_eq(strbuf_add(&line, "\"}\n"), ERR_OK);
    expect_refused("text", JSONL, NULL, line.text, line.length, test_rows(JSONL), ERR_FORMAT,
                   "train.csv:1: a line of more than 1048576 bytes: do line ends lack?");
    strbuf_free(&line);
}

Test(read, a_quote_that_swallows_a_megabyte) {
    enum { COUNT = 2 << 20 };
    char *rows;
    cr_assert_eq(mem_new(&rows, COUNT), ERR_OK);
    memcpy(rows, "text,label\n\"a,0\n", 16);
    for (size_t i = 16; i < COUNT; i += 4) memcpy(rows + i, "b,1\n", 4);
    expect_refused("quote", NULL, NULL, rows, COUNT, test_rows(NULL), ERR_FORMAT,
                   "train.csv:2: a record of more than 1048576 bytes: do line ends lack, or does a "
                   "quote never close?");
    mem_free(rows);
}

/* A record as long as one may be, and a byte longer, whatever ends the file: of quoted lines, of one
 * line, of JSON lines. */
Test(read, a_record_has_a_mebibyte_at_most) {
    enum { MOST = 1 << 20, KINDS = 3, ENDS = 3 };
    static const char *const ends[ENDS] = {"", "\n", "\r\n"};
    static const struct {
        const char *format, *head, *begin, *end, *want;
        size_t line_length;
    } kinds[KINDS] = {
        {NULL, "text,label\n", "\"", "b\",0", "train.csv:2: a record", 1000},
        {NULL, "text,label\n", "", ",0", "train.csv:2: a record", SIZE_MAX},
        {JSONL, "", "{\"text\":\"", "\",\"label\":0}", "train.csv:1: a line", SIZE_MAX}};
    for (size_t i = 0; i < KINDS * ENDS * 2; i++) {
        size_t kind = i / (ENDS * 2), end = i / 2 % ENDS, more = i % 2;
        made_task m;
        dataset d;
        strbuf rows = {0};
        char want[80];
        made_task_begin(&m, kinds[kind].format, NULL, NULL);
        MUST(strbuf_printf(&rows, "%s%s", kinds[kind].head, kinds[kind].begin));
        size_t begin = strlen(kinds[kind].head), last = strlen(kinds[kind].end);
        while (rows.length - begin < MOST + more - last)
            MUST(strbuf_add(&rows, (rows.length + 1) % kinds[kind].line_length ? "a" : "\n"));
        MUST(strbuf_printf(&rows, "%s%s", kinds[kind].end, ends[end]));
        made_task_file(&m, "train.csv", rows.text, rows.length);
        made_task_file(&m, "test.csv",
                       kinds[kind].format ? "{\"text\":\"x\",\"label\":0}" : "text,label\nx,0",
                       kinds[kind].format ? 22 : 14);
        err e = dataset_load(&d, &m.task, &m.options);
        snprintf(want, sizeof want, "%s of more than 1048576 bytes", kinds[kind].want);
        if (more)
            expect_message(&m, "one more", e, ERR_FORMAT, want);
        else
            cr_expect_eq(e, ERR_OK, "kind %zu, end %zu: %s", kind, end, err_message(e));
        dataset_free(&d);
        strbuf_free(&rows);
        made_task_end(&m);
    }
}

/* A row that is too long is named where it begins, in the same words whether its lines or one of them
 * make it so; `predict` reads tables by a reader of its own. */
Test(read, a_long_row_is_named_where_it_begins) {
    static const size_t line_lengths[] = {1000, SIZE_MAX, 2 << 20};
    for (size_t i = 0; i < sizeof line_lengths / sizeof *line_lengths; i++) {
        made_task m;
        dataset d;
        table t;
        strbuf rows = {0};
        bool more;
        made_task_begin(&m, NULL, NULL, NULL);
        MUST(strbuf_add(&rows, i == 1 ? "text,label\n1,0\n\"b" : "text,label\n1,0\n\"b\n"));
        for (size_t n = 1; n < 3 << 20; n++)
            MUST(strbuf_add(&rows, n % line_lengths[i] ? "a" : "\n"));
        MUST(strbuf_add(&rows, "\",0\n"));
        made_task_file(&m, "train.csv", rows.text, rows.length);
        made_task_file(&m, "test.csv", BYTES("text,label\nx,0\n"));
        err e = dataset_load(&d, &m.task, &m.options);
        static const char want[] = "train.csv:3: a record of more than 1048576 bytes: do line ends "
                                   "lack, or does a quote never close?";
        expect_message(&m, "of a task", e, ERR_FORMAT, want);
        dataset_free(&d);
        err_clear();
        char path[160];
        snprintf(path, sizeof path, "%s/made/train.csv", m.folder);
        MUST(table_open(&t, path));
        MUST(table_next(&t, &more));
        cr_expect_eq(table_next(&t, &more), ERR_FORMAT);
        cr_expect(more && strstr(err_message(ERR_FORMAT), want), "%s", err_message(ERR_FORMAT));
        err_clear();
        table_close(&t);
        strbuf_free(&rows);
        made_task_end(&m);
    }
}

/* What separates columns is said by its name; of an open quote nothing where the record is one line. */
Test(read, delimiters_have_names) {
    static const struct {
        const char *delimiter, *words;
    } names[] = {{",", "commas"}, {";", "semicolons"}, {"|", "bars"}, {"\\t", "tabs"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char format[300], want[100];
        made_task m;
        dataset d;
        snprintf(format, sizeof format,
                 "\"format\": {\"kind\": \"delimited\", \"delimiter\": \"%s\", \"quoting\": "
                 "\"standard\", \"header\": false, \"bom\": \"drop\", \"columns\": [\"label\", "
                 "\"text\"], \"text\": \"text\", \"label\": \"label\"}",
                 names[i].delimiter);
        made_task_begin(&m, format, NULL, NULL);
        made_task_file(&m, "train.csv", BYTES("a\n"));
        made_task_file(&m, "test.csv", BYTES("a\n"));
        err e = dataset_load(&d, &m.task, &m.options);
        snprintf(want, sizeof want, "train.csv:1: 1 column, expected 2 (separated by %s)",
                 names[i].words);
        expect_message(&m, names[i].words, e, ERR_FORMAT, want);
        cr_expect_eq(err_message(e)[strlen(err_message(e)) - 1], ')', "%s", err_message(e));
        dataset_free(&d);
        made_task_end(&m);
    }
}

// What is no text in UTF-8 is named by its first bytes, whatever the format.
Test(read, foreign_files_are_named) {
    static const struct {
        const char *name, *bytes;
        size_t count;
        const char *want;
    } cases[] = {
        {"UTF-16 LE", BYTES("\xFF\xFEt\0e\0x\0t\0"),
         "text in UTF-16, text in UTF-8 is expected: "
         "convert it first: iconv -f UTF-16 -t UTF-8"},
        {"UTF-16 BE", BYTES("\xFE\xFF\0t\0e\0x\0t"), "text in UTF-16, "},
        {"UTF-16 LE without a mark", BYTES("t\0,\0l\0\n\0\x00\xAC\x0C\xB2"),
         "text in UTF-16, text in UTF-8 is expected: convert it first: iconv -f UTF-16LE -t UTF-8"},
        {"UTF-16 BE without a mark", BYTES("\0t\0,\0l\0\n\xAC\x00\xB2\x0C"),
         "text in UTF-16, text in UTF-8 is expected: convert it first: iconv -f UTF-16BE -t UTF-8"},
        {"Hangul in UTF-16 LE", BYTES("\x5C\xB0 \0\xB0\xC0,\0\x31\0\n\0"), "text in UTF-16, "},
        {"UTF-32 LE", BYTES("\xFF\xFE\0\0t\0\0\0"),
         "text in UTF-32, text in UTF-8 is expected: "
         "convert it first: iconv -f UTF-32 -t UTF-8"},
        {"UTF-32 BE", BYTES("\0\0\xFE\xFF\0\0\0t"), "text in UTF-32, "},
        {"UTF-32 LE without a mark", BYTES("t\0\0\0\x5C\xB0\0\0"),
         "text in UTF-32, text in UTF-8 is expected: convert it first: iconv -f UTF-32LE -t UTF-8"},
        {"UTF-32 BE without a mark", BYTES("\0\0\0t\0\0\xB0\x5C"),
         "text in UTF-32, text in UTF-8 is expected: convert it first: iconv -f UTF-32BE -t UTF-8"},
        {"gzip", BYTES("\x1F\x8B\x08\0"), "compressed by gzip, text in UTF-8 is expected: unpack"},
        {"bzip2", BYTES("BZh91AY"), "compressed by bzip2, "},
        {"xz",
         BYTES("\xFD"
               "7zXZ\0\0"),
         "compressed by xz, "},
        {"zstd", BYTES("\x28\xB5\x2F\xFD\0"), "compressed by zstd, "},
        {"xlsx", BYTES("PK\3\4\x14\0\6\0[Content_Types].xml"), "an Excel workbook, "},
        {"zip", BYTES("PK\3\4\x14\0\6\0train.csv"), "a zip archive, "},
        {"xls", BYTES("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0"),
         "an old Excel, Word or Hangul document, "},
        {"PDF", BYTES("%PDF-1.7\n"), "a PDF, "},
        {"Parquet", BYTES("PAR1\x15\x04"), "a Parquet file, "},
        {"no text", BYTES("t\0,\0\x01\0\n\0\xFF"),
         "binary data, text in UTF-8 is expected: is it "},
        {"half a pair", BYTES("t\0,\0\x3D\xD8\n\0"), "binary data, "},
        {"the other half", BYTES("t\0,\0\x00\xDE\n\0"), "binary data, "},
        {"a pair in UTF-16 LE", BYTES("t\0,\0\x3D\xD8\x00\xDE\n\0"), "text in UTF-16, "},
        {"a pair in UTF-16 BE", BYTES("\0t\0,\xD8\x3D\xDE\x00\0\n"), "text in UTF-16, "},
        {"page", BYTES("<!doctype HTML>\n<html>"),
         "a web page, text in UTF-8 is expected: was it "},
    };
    static const char *const formats[] = {NULL, JSONL, JSON};
    char want[200];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t f = 0; f < 3; f++) {
            snprintf(want, sizeof want, "train.csv: is %s", cases[i].want);
            expect_refused(cases[i].name, formats[f], NULL, cases[i].bytes, cases[i].count,
                           test_rows(formats[f]), ERR_FORMAT, want);
        }
    }
}

/* A 0 byte that got into each line makes no UTF-16 of ASCII, whose every second byte is 0. */
Test(read, zeros_among_ascii_are_named_by_line) {
    static const char rows[] = "text,label\naa b\0ccc,1\naaa b\0cc,1\n";
    expect_refused("zeros", NULL, NULL, rows, sizeof rows - 1, test_rows(NULL), ERR_FORMAT,
                   "train.csv:2: a NUL byte");
}

Test(read, the_file_without_rows_is_named) {
    static const struct {
        const char *format, *test, *want;
    } cases[] = {
        {NULL, "text,label\n", "test.csv: task 'made' has no test rows (0 read, 0 dropped)"},
        {NULL, "text,label\nx,7\ny,8\n",
         "test.csv: task 'made' has no test rows (2 read, 2 dropped; "},
        {JSONL, "\n", "test.csv: task 'made' has no test rows (0 read, 0 dropped)"},
        {JSON, " [ ] ", "test.csv: task 'made' has no test rows (0 read, 0 dropped)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *train = test_rows(cases[i].format);
        expect_refused(cases[i].test, cases[i].format, DROP, train, strlen(train), cases[i].test,
                       ERR_DATA, cases[i].want);
    }
}

// One line of megabytes whose strings hold what ends an object elsewhere, and meet every block's
// end.
Test(read, a_json_array_is_a_stream) {
    enum { ROWS = 40000 };
    made_task m;
    dataset d;
    strbuf text = {0};
    made_task_begin(&m, JSON, NULL, NULL);
    cr_assert_eq(strbuf_add(&text, "["), ERR_OK);
    for (int i = 0; i < ROWS; i++) {
        err e = strbuf_printf(
            &text,
            "%s{\"text\": \"하\\\\\\\"}]{[, %d \\\\\", \"more\": [{}, {\"a\": []}], \"label\": %d}",
            i ? "," : "", i, i & 1);
        cr_assert_eq(e, ERR_OK);
    }
    cr_assert_eq(strbuf_add(&text, "]"), ERR_OK);
    cr_assert_gt(text.length, 2 << 20);
    made_task_file(&m, "train.csv", text.text, text.length);
    made_task_file(&m, "test.csv", BYTES("[{\"text\": \"x\", \"label\": 0}]"));
    err e = dataset_load(&d, &m.task, &m.options);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    cr_assert_eq(d.train.row_count, ROWS);
    for (int i = 0; i < ROWS; i++) {
        char want[64];
        snprintf(want, sizeof want, "하\\\"}]{[, %d \\", i);
        cr_assert_str_eq(d.train.rows[i].example.texts[0].text, want);
        cr_assert_eq(d.train.rows[i].example.target.class, (uint32_t)(i & 1));
    }
    dataset_free(&d);
    strbuf_free(&text);
    made_task_end(&m);
}

Test(read, an_element_of_a_megabyte) {
    made_task m;
    dataset d;
    strbuf text = {0};
    made_task_begin(&m, JSON, NULL, NULL);
    cr_assert_eq(strbuf_add(&text, "[{\"text\": \"a\", \"label\": 0},\n{\"text\": \""), ERR_OK);
    for (int i = 0; i < 1 << 18; i++) cr_assert_eq(strbuf_add(&text, "]}{["), ERR_OK);
    made_task_file(&m, "train.csv", text.text, text.length);
    made_task_file(&m, "test.csv", BYTES("[{\"text\": \"x\", \"label\": 0}]"));
    err e = dataset_load(&d, &m.task, &m.options);
    expect_message(&m, "element", e, ERR_FORMAT,
                   "train.csv:2: element 2: an object of more than 1048576 bytes");
    dataset_free(&d);
    strbuf_free(&text);
    made_task_end(&m);
}

// "\\u0000" is a backslash and five characters; "\u0000" is a NUL.
Test(read, an_escaped_backslash_before_u0000) {
    static const char *const formats[] = {JSONL, JSON};
    static const char *const rows[] = {"{\"text\": \"a\\\\u0000\", \"label\": 0}",
                                       "[{\"text\": \"a\\\\u0000\", \"label\": 0}]"};
    for (int i = 0; i < 2; i++) {
        made_task m;
        dataset d;
        made_task_begin(&m, formats[i], NULL, NULL);
        made_task_file(&m, "train.csv", rows[i], strlen(rows[i]));
        made_task_file(&m, "test.csv", rows[i], strlen(rows[i]));
        err e = dataset_load(&d, &m.task, &m.options);
        cr_assert_eq(e, ERR_OK, "%s", err_message(e));
        cr_assert_str_eq(d.train.rows[0].example.texts[0].text, "a\\u0000");
        dataset_free(&d);
        made_task_end(&m);
    }
}

Test(read, size_hash_rows_and_absence_are_checked) {
    static const struct {
        const char *member;
        err code;
        const char *want;
    } cases[] = {
        {"\"bytes\": 99", ERR_DATA, "train.csv: 17 bytes, the manifest expects 99"},
        {"\"bytes\": 16", ERR_DATA, "train.csv: 17 bytes, the manifest expects 16"},
        {"\"rows\": 3", ERR_DATA, "train.csv: 1 rows, the manifest expects 3"},
        {"\"sha256\": \"0000000000000000000000000000000000000000000000000000000000000000\"",
         ERR_DATA,
         "train.csv: SHA-256 is 64da4e658758bfdbabd7d4f8a4a4c7803c2a4b9c2e31bdae256a4504f6e2780b"},
    };
    char rest[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_task m;
        dataset d;
        snprintf(
            rest, sizeof rest,
            "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": "
            "[{\"role\": \"train\", \"name\": \"train.csv\", %s}, {\"role\": \"test\", \"name\": "
            "\"test.csv\"}]",
            cases[i].member);
        made_task_begin(&m, NULL, NULL, rest);
        made_task_file(&m, "train.csv", BYTES("text,label\nabc,0\n"));
        made_task_file(&m, "test.csv", BYTES("text,label\nx,0\n"));
        err e = dataset_load(&d, &m.task, &m.options);
        expect_message(&m, cases[i].member, e, cases[i].code, cases[i].want);
        dataset_free(&d);
        m.options.trust_files = true;
        cr_expect_eq(dataset_load(&d, &m.task, &m.options), ERR_OK);
        dataset_free(&d);
        made_task_end(&m);
    }
}

Test(read, a_missing_file_names_the_way_out) {
    made_task m;
    dataset d;
    char rest[256] = "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": "
                     "[{\"role\": \"train\", \"name\": \"train.csv\", \"url\": "
                     "\"https://example.org/t\"}, {\"role\": \"test\", \"name\": \"test.csv\"}]";
    made_task_begin(&m, NULL, NULL, rest);
    err e = dataset_load(&d, &m.task, &m.options);
    expect_message(
        &m, "fetchable", e, ERR_DATA,
        "train.csv: no such file; fetch it with 'harness data fetch made', name its place "
        "with --data DIR, or try --sample");
    dataset_free(&d);
    made_task_file(&m, "train.csv", BYTES("text,label\nx,0\n"));
    e = dataset_load(&d, &m.task, &m.options);
    expect_message(&m, "no url", e, ERR_DATA, "test.csv: no such file; its manifest ");
    dataset_free(&d);
    m.options.sample = true;
    e = dataset_load(&d, &m.task, &m.options);
    cr_expect_eq(e, ERR_DATA);
    cr_expect(strstr(err_message(e), "/sample/made/train.csv: task 'made' has no bundled sample"),
              "%s", err_message(e));
    dataset_free(&d);
    made_task_end(&m);
}

// A wrong file is said to be another one, before what is wrong inside it.
Test(read, another_file_is_told_from_a_broken_one) {
    char rest[512];
    snprintf(rest, sizeof rest,
             "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": "
             "[{\"role\": \"train\", \"name\": \"train.csv\", \"sha256\": \"%064d\"}, {\"role\": "
             "\"test\", \"name\": \"test.csv\"}]",
             0);
    made_task m;
    dataset d;
    made_task_begin(&m, NULL, NULL, rest);
    made_task_file(&m, "train.csv", BYTES("text,label\nabc\n"));
    made_task_file(&m, "test.csv", BYTES("text,label\nx,0\n"));
    err e = dataset_load(&d, &m.task, &m.options);
    expect_message(&m, "another file", e, ERR_DATA, "train.csv: SHA-256 is ");
    dataset_free(&d);
    m.options.trust_files = true;
    e = dataset_load(&d, &m.task, &m.options);
    expect_message(&m, "trusted", e, ERR_FORMAT, "train.csv:2: 1 column, expected 2");
    dataset_free(&d);
    made_task_end(&m);
}

/* The same where the manifest has the id of a git tree; what is right is read. */
Test(read, a_git_blob_tells_files_apart) {
    static const char *const ids[] = {"0000000000000000000000000000000000000000",
                                      "7e7dfd75939aa0594f323c98f2920fce60ad3a01"};
    for (int is_right = 0; is_right < 2; is_right++) {
        char rest[512];
        snprintf(
            rest, sizeof rest,
            "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": "
            "[{\"role\": \"train\", \"name\": \"train.csv\", \"git_blob\": \"%s\"}, {\"role\": "
            "\"test\", \"name\": \"test.csv\"}]",
            ids[is_right]);
        made_task m;
        dataset d;
        made_task_begin(&m, NULL, NULL, rest);
        made_task_file(&m, "train.csv", BYTES("text,label\nabc,0\nd,1\n"));
        made_task_file(&m, "test.csv", BYTES("text,label\nx,0\n"));
        err e = dataset_load(&d, &m.task, &m.options);
        if (is_right)
            cr_expect_eq(e, ERR_OK, "%s", err_message(e));
        else
            expect_message(&m, "another blob", e, ERR_DATA, "train.csv: its git blob id is ");
        dataset_free(&d);
        made_task_end(&m);
    }
}

Test(read, every_allocation_may_fail) {
    size_t live = mem_live_count();
    for (uint64_t n = 1;; n++) {
        task t;
        dataset d = {0};
        dataset_options sample = {.sample = true};
        mem_fail_at(n);
        err e = task_find(&t, "kor_sae", NULL);
        if (!e) e = dataset_load(&d, &t, &sample);
        if (!e) e = dataset_split_dev(&d, &t);
        mem_fail_at(0);
        dataset_free(&d);
        task_free(&t);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)n);
        if (!e) {
            cr_assert_gt(n, 50);
            break;
        }
        cr_assert(e == ERR_MEMORY || e == ERR_FORMAT, "request %llu: %s", (unsigned long long)n,
                  err_message(e));
    }
}
