/* Files of tagged units. The first byte chooses characters or words, the scheme, comments, and
 * whether a bad sentence is dropped. */
#include "base/memory.h"
#include "data/dataset.h"
#include "fuzz.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

#define TAG(name) "{\"value\": \"" name "\", \"name\": \"" name "\", \"readable\": \"" name "\"}"

static const char
    manifest[] =
        "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\","
        "\"licence\": \"l\", \"citation\": \"c\", \"kind\": \"token_classification\", "
        "\"format\": {\"kind\": \"tagged\", \"unit\": \"%s\", \"scheme\": \"%s\"%s}, \"labels\": "
        "[" TAG("B-X") ", " TAG("I-X") ", " TAG("B-Y") ", " TAG("I-Y") ", " TAG(
            "O") "], "
                 "\"invalid_label\": \"%s\", \"split\": {\"rule\": \"hash\", \"one_in\": 2}, "
                 "\"files\": [{\"role\": \"all\", \"name\": \"all\"}], \"cleaning\": "
                 "{\"drop_empty\": true, \"drop_duplicates\": true}, \"metrics\": [\"entity_f1\"], "
                 "\"headline\": \"entity_f1\", \"max_length\": 64}";

static const task *task_of(unsigned bits) {
    static task tasks[16];
    char text[2048];
    if (tasks[bits].manifest) return &tasks[bits];
    int n = snprintf(text, sizeof text, manifest, bits & 1 ? "word" : "character",
                     bits & 2 ? "bioes" : "bio", bits & 4 ? ", \"comment\": \"##\"" : "",
                     bits & 8 ? "drop" : "error");
    FUZZ_CHECK(n > 0 && (size_t)n < sizeof text);
    FUZZ_CHECK(task_load(&tasks[bits], fuzz_file("made.json", text, (size_t)n)) == ERR_OK);
    FUZZ_CHECK(folder_make(fuzz_path("made")) == ERR_OK);
    return &tasks[bits];
}

/* Units ascend in their text, are no blanks, and an I- in a text of words goes on with something. */
static void check_row(const dataset_row *row, const task *t) {
    const example_units *u = &row->example.target.units;
    const text_span *text = &row->example.texts[0];
    uint32_t end = 0, last = 0;
    FUZZ_CHECK(row->example.in_units && row->line >= 1 &&
               utf8_valid(text->text, text->bytes, NULL));
    for (uint32_t i = 0; i < u->count; i++) {
        uint32_t point = 0, tag = u->values[i];
        FUZZ_CHECK(u->list[i].begin >= end && u->list[i].begin < u->list[i].end);
        FUZZ_CHECK(u->list[i].end <= text->bytes && tag < t->label_count);
        FUZZ_CHECK(
            utf8_decode(&point, text->text + u->list[i].begin, u->list[i].end - u->list[i].begin) &&
            !unicode_is_whitespace(point));
        if (t->format.unit == UNIT_WORD && tag % 2 && tag + 1 < t->label_count)
            FUZZ_CHECK(i && (last == tag || last == tag - 1));
        end = u->list[i].end;
        last = tag;
    }
}

FUZZ_TARGET(tagged) {
    dataset d;
    char *folder = NULL;
    if (!size) return;
    fuzz_setup();
    const task *t = task_of(data[0] % 16);
    fuzz_begin();
    if (fuzz_needs(mem_strdup(&folder, fuzz_path("")))) {
        fuzz_file("made/all", data + 1, size - 1);
        if (fuzz_accepts(dataset_load(&d, t, &(dataset_options){.data_dir = folder}))) {
            for (size_t i = 0; i < d.train.row_count; i++) check_row(&d.train.rows[i], t);
            for (size_t i = 0; i < d.test.row_count; i++) check_row(&d.test.rows[i], t);
        }
        dataset_free(&d);
        mem_free(folder);
    }
    fuzz_end();
}
