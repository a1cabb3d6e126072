// Sentences of tagged units: what is read, and what is wrong with file, line, found and expected,
// counted where the manifest says so.
#include "base/memory.h"
#include "data/dataset.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define TAG(name) "{\"value\": \"" name "\", \"name\": \"" name "\", \"readable\": \"" name "\"}"
#define LABELS                                                                                     \
    "\"labels\": [" TAG("B-X") ", " TAG("I-X") ", " TAG("B-Y") ", " TAG("I-Y") ", " TAG("O") "], "
#define HEAD                                                                                       \
    "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "    \
    "\"licence\": \"l\", \"citation\": \"c\", \"kind\": \"token_classification\", \"files\": "     \
    "[{\"role\": \"train\", \"name\": \"a\"}, {\"role\": \"test\", \"name\": \"b\"}], "
#define TAIL                                                                                       \
    "\"split\": {\"rule\": \"files\"}, \"cleaning\": {\"drop_empty\": true, "                      \
    "\"drop_duplicates\": true}, \"metrics\": [\"entity_f1\"], \"headline\": \"entity_f1\", "      \
    "\"max_length\": 128}"
#define CHARACTERS                                                                                 \
    "\"format\": {\"kind\": \"tagged\", \"unit\": \"character\", \"comment\": \"##\"}, "
#define WORDS "\"format\": {\"kind\": \"tagged\", \"unit\": \"word\"}, "
#define ENDS "\"format\": {\"kind\": \"tagged\", \"unit\": \"word\", \"scheme\": \"bioes\"}, "
#define STOP "\"invalid_label\": \"error\", "
#define DROP "\"invalid_label\": \"drop\", "

static err load(task *t, dataset *d, const char *manifest, const char *train, const char *test) {
    MUST(folder_make(temporary_path("made")));
    MUST(file_write(temporary_path("made.json"), manifest, strlen(manifest)));
    MUST(file_write(temporary_path("made/a"), train, strlen(train)));
    MUST(file_write(temporary_path("made/b"), test, strlen(test)));
    *d = (dataset){0};
    err e = task_load(t, temporary_path("made.json"));
    return e ? e : dataset_load(d, t, &(dataset_options){.data_dir = temporary_folder()});
}

static void check_row(const dataset_row *row, const char *text, uint32_t line,
                      const uint32_t *values, uint32_t count) {
    const example_units *u = &row->example.target.units;
    cr_assert_str_eq(row->example.texts[0].text, text);
    cr_expect(row->example.in_units && row->line == line, "line %u", row->line);
    cr_assert_eq(u->count, count, "%s: %u units", text, u->count);
    for (uint32_t i = 0; i < count; i++)
        cr_expect_eq(u->values[i], values[i], "%s: unit %u has %u", text, i, u->values[i]);
}

CleanTest(tagged, characters_are_read) {
    task t;
    dataset d;
    // a blank has a tag and is no unit; a comment is no row; CRLF; a tab alone ends a sentence; the
    // file need not end with an empty line
    MUST(load(&t, &d, HEAD CHARACTERS LABELS STOP TAIL,
              "## one\n## two\t<x>\n서\tB-X\n울\tI-X\n \tI-X\n시\tI-X\n#\tO\n\n\n"
              "a\tB-X\r\nb\tB-Y\r\n\t\nc\tO",
              "a\tO\n"));
    cr_assert_eq(d.train.row_count, 3);
    check_row(&d.train.rows[0], "서울 시#", 3, (uint32_t[]){0, 1, 1, 4}, 4);
    const text_unit *third = &d.train.rows[0].example.target.units.list[2];
    cr_expect(third->begin == 7 && third->end == 10);
    check_row(&d.train.rows[1], "ab", 10, (uint32_t[]){0, 2}, 2);
    check_row(&d.train.rows[2], "c", 13, (uint32_t[]){4}, 1);
    cr_expect(d.train.label_counts[0] == 2 && d.train.label_counts[1] == 2 &&
              d.train.label_counts[4] == 2);
    answer_arrays gold;
    MUST(dataset_gold(&gold, &d, &d.train));
    cr_expect(gold.begin[1] == 4 && gold.begin[2] == 6 && gold.begin[3] == 7);
    cr_expect(gold.classes[4] == 0 && gold.classes[6] == 4);
    answer_arrays_free(&gold);
    dataset_free(&d);
    task_free(&t);
}

Test(tagged, words_are_read_and_ends_may_be_marked) {
    task t;
    dataset d;
    MUST(load(&t, &d, HEAD WORDS LABELS STOP TAIL, "서울\tB-X\n시청\tI-X\n##\tO\n\n", "a\tO\n"));
    check_row(&d.train.rows[0], "서울 시청 ##", 1, (uint32_t[]){0, 1, 4}, 3);
    dataset_free(&d);
    task_free(&t);
    // an end is read as the inside, a unit alone as the beginning
    MUST(load(&t, &d, HEAD ENDS LABELS STOP TAIL, "p\tB-X\nq\tI-X\nr\tE-X\ns\tS-Y\nt\tO\n",
              "a\tO\n"));
    check_row(&d.train.rows[0], "p q r s t", 1, (uint32_t[]){0, 1, 1, 2, 4}, 5);
    dataset_free(&d);
    task_free(&t);
}

/* The entities of a text under other tags are another target. */
Test(tagged, equal_texts_are_counted) {
    task t;
    dataset d;
    MUST(load(&t, &d, HEAD CHARACTERS LABELS STOP TAIL, "a\tO\n\na\tB-X\n\nb\tB-X\n",
              "b\tB-X\n\na\tB-Y\n"));
    cr_expect(d.train.duplicate_count == 1 && d.train.conflict_count == 1 &&
              d.train.kept_count == 2);
    cr_expect(d.test.leaked_count == 2 && d.test.leaked_agreeing_count == 1);
    dataset_free(&d);
    task_free(&t);
}

static const struct {
    const char *format, *row, *message;
} bad[] = {
    {CHARACTERS, "a\tI-X\n", "a:3: expected a B- of its type before 'I-X'"},
    {CHARACTERS, "a\tO\nb\tI-X\n", "a:4: expected a B- of its type before 'I-X'"},
    {CHARACTERS, "a\tB-Y\nb\tI-X\n", "a:4: expected a B- of its type before 'I-X'"},
    {CHARACTERS, "a\tO\nb\tB-Z\n",
     "a:4: this tag is not in the manifest: 'B-Z' (known: 'B-X', 'I-X', "
     "'B-Y', 'I-Y', 'O')"},
    {CHARACTERS, "a\tS-X\n",
     "a:3: this tag is not in the manifest: 'S-X' (known: 'B-X', 'I-X', "
     "'B-Y', 'I-Y', 'O')"},
    {CHARACTERS, "a\n", "a:3: no tab and tag behind 'a'"},
    {CHARACTERS, "a\t\n", "a:3: no tag behind the tab of 'a'"},
    {CHARACTERS, "a\tO\tO\n", "a:3: more than one tab behind 'a'"},
    {CHARACTERS, "ab\tO\n", "a:3: expected a character, found 'ab'"},
    {CHARACTERS, "\tO\n", "a:3: expected a character, found ''"},
    {WORDS, "a b\tO\n", "a:3: expected a word, found 'a b'"},
    {ENDS, "a\tB-X\nb\tO\n", "a:4: an entity has no E- before 'O'"},
    {ENDS, "a\tB-X\n", "a:4: an entity has no E- before the end of 'a'"},
    {ENDS, "a\tE-X\n", "a:3: expected a B- of its type before 'E-X'"},
};

Test(tagged, bad_rows_are_named_or_counted) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int drop = 0; drop < 2; drop++) {
            char manifest[2048], train[64];
            task t;
            dataset d;
            snprintf(manifest, sizeof manifest, "%s%s%s%s%s", HEAD, bad[i].format, LABELS,
                     drop ? DROP : STOP, TAIL);
            snprintf(train, sizeof train, "q\tO\n\n%s", bad[i].row);
            err e = load(&t, &d, manifest, train, "q\tO\n");
            if (drop) {
                cr_expect_eq(e, ERR_OK, "%s: %s", bad[i].row, err_message(e));
                cr_expect(d.invalid_count == 1 && d.train.row_count == 1, "%s", bad[i].row);
            } else {
                cr_expect_eq(e, ERR_FORMAT, "%s", bad[i].row);
                const char *at = strstr(err_message(e), "/made/");
                cr_expect(at && !strcmp(at + 6, bad[i].message), "%s and not %s", err_message(e),
                          bad[i].message);
            }
            dataset_free(&d);
            task_free(&t);
        }
    }
}

/* A type's name may be as long as it likes. */
Test(tagged, long_tags_are_known) {
#define LONG "사람이나동물이나기관이나장소를가리키는이름"
    task t;
    dataset d;
    MUST(load(&t, &d,
              HEAD ENDS
              "\"labels\": [" TAG("B-" LONG) ", " TAG("I-" LONG) ", " TAG("O") "], " STOP TAIL,
              "p\tB-" LONG "\nq\tE-" LONG "\nr\tS-" LONG "\n", "a\tO\n"));
    check_row(&d.train.rows[0], "p q r", 1, (uint32_t[]){0, 1, 0}, 3);
    dataset_free(&d);
    task_free(&t);
}

/* Records count a row's units in two bytes. */
Test(tagged, sentences_have_as_many_units_as_records_count) {
    enum { UNITS = 65535 };
    task t;
    dataset d;
    strbuf rows = {0};
    for (size_t i = 0; i < UNITS; i++) MUST(strbuf_add(&rows, "a\tO\n"));
    MUST(load(&t, &d, HEAD CHARACTERS LABELS STOP TAIL, rows.text, "a\tO\n"));
    cr_expect_eq(d.train.rows[0].example.target.units.count, UNITS);
    dataset_free(&d);
    task_free(&t);
    MUST(strbuf_add(&rows, "b\tO\n"));
    cr_assert_eq(load(&t, &d, HEAD CHARACTERS LABELS DROP TAIL, rows.text, "a\tO\n"), ERR_FORMAT);
    cr_expect(strstr(err_message(ERR_FORMAT), "a:65536: a sentence of more than 65535 units"), "%s",
              err_message(ERR_FORMAT));
    dataset_free(&d);
    task_free(&t);
    strbuf_free(&rows);
}

static const struct {
    const char *rest, *message;
} manifests[] = {
    {WORDS "\"labels\": [" TAG("B-X") ", " TAG("I-Y") ", " TAG("O") "], ",
     "labels[1] has value 'I-Y' and name 'I-Y'"},
    {WORDS "\"labels\": [" TAG("O") ", " TAG("B-X") ", " TAG("I-X") "], ",
     "labels[0] has value 'O'"},
    {WORDS "\"labels\": [" TAG("B-X") ", " TAG("I-X") "], ", "labels[1] has value 'I-X'"},
    {"\"format\": {\"kind\": \"jsonl\", \"text\": \"a\", \"label\": \"b\"}, " LABELS,
     "format tagged goes with kind token_classification"},
    {"\"format\": {\"kind\": \"tagged\"}, " LABELS, "key 'unit' is missing"},
    {"\"format\": {\"kind\": \"tagged\", \"unit\": \"word\", \"text\": \"a\"}, " LABELS,
     "unknown key 'text' (allowed: kind, unit, scheme, comment)"},
};

Test(tagged, manifests_are_checked) {
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        char manifest[2048];
        task t;
        snprintf(manifest, sizeof manifest, "%s%s%s%s", HEAD, manifests[i].rest, STOP, TAIL);
        MUST(file_write(temporary_path("made.json"), manifest, strlen(manifest)));
        cr_expect_eq(task_load(&t, temporary_path("made.json")), ERR_FORMAT);
        cr_expect(strstr(err_message(ERR_FORMAT), manifests[i].message), "%s and not %s",
                  err_message(ERR_FORMAT), manifests[i].message);
    }
}

/* Counted apart, by a few lines of Python. */
Test(tagged, klue_ner_is_what_was_counted) {
    static const size_t counts[] = {4418, 9276, 1648, 4854, 2182, 7127,  2312,
                                    6175, 545,  1680, 3150, 7048, 175135};
    task t;
    dataset d;
    need_environment("HARNESS_DATA");
    MUST(task_find(&t, "klue_ner_dev", NULL));
    MUST(dataset_load(&d, &t, NULL));
    cr_assert_eq(d.file_rows.row_count, 5000);
    for (size_t i = 0; i < 13; i++)
        cr_expect_eq(d.file_rows.label_counts[i], counts[i], "%s: %zu", t.labels[i].name,
                     d.file_rows.label_counts[i]);
    dataset_free(&d);
    task_free(&t);
}
