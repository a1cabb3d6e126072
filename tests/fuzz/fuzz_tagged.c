/* Files of tagged units. The first byte chooses characters or words, the scheme, comments, and
 * whether a bad sentence is dropped. */
#include "fuzz.h"
#include "rows.h"
#include "text/unicode.h"

#define TAG(name) "{\"value\": \"" name "\", \"name\": \"" name "\", \"readable\": \"" name "\"}"

static const char manifest[] =
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
    if (tasks[bits].manifest) return &tasks[bits];
    rows_task_of(&tasks[bits], manifest, bits & 1 ? "word" : "character",
                 bits & 2 ? "bioes" : "bio", bits & 4 ? ", \"comment\": \"##\"" : "",
                 bits & 8 ? "drop" : "error");
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
    if (!size) return;
    fuzz_setup();
    const task *t = task_of(data[0] % 16);
    fuzz_begin();
    rows_each(t, data + 1, size - 1, check_row);
    fuzz_end();
}
