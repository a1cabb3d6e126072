#include "rows.h"

#include "base/memory.h"
#include "fuzz.h"
#include "platform/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

static const char manifest[] =
    "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\","
    "\"licence\": \"l\", \"citation\": \"c\", %s, \"labels\": ["
    "{\"value\": \"0\", \"name\": \"no\", \"readable\": \"no\"},"
    "{\"value\": \"1\", \"name\": \"yes\", \"readable\": \"yes\"},"
    "{\"value\": \"true\", \"name\": \"maybe\", \"readable\": \"maybe\"}],"
    "\"invalid_label\": \"%s\", %s, \"cleaning\": {\"drop_empty\": true, \"drop_duplicates\": "
    "true},"
    "\"metrics\": [\"accuracy\"], \"headline\": \"accuracy\", \"max_length\": 64}";

void rows_task_of(task *t, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    FUZZ_CHECK(n > 0 && (size_t)n < sizeof text);
    FUZZ_CHECK(task_load(t, fuzz_file("made.json", text, (size_t)n)) == ERR_OK);
    FUZZ_CHECK(folder_make(fuzz_path("made")) == ERR_OK);
}

void rows_task(task *t, const char *format, bool hashed, bool drop_invalid) {
    const char *files = hashed
                            ? "\"split\": {\"rule\": \"hash\", \"one_in\": 3},"
                              "\"files\": [{\"role\": \"all\", \"name\": \"all\"}]"
                            : "\"split\": {\"rule\": \"files\"}, \"files\": [{\"role\": \"train\","
                              "\"name\": \"all\"}, {\"role\": \"test\", \"name\": \"again\"}]";
    rows_task_of(t, manifest, format, drop_invalid ? "drop" : "error", files);
}

static bool is_utf8(const char *text, size_t bytes) {
    utf8proc_int32_t point;
    for (size_t i = 0; i < bytes;) {
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                              (utf8proc_ssize_t)(bytes - i), &point);
        if (n <= 0) return false;
        i += (size_t)n;
    }
    return true;
}

static void check_split(const dataset_split *s, size_t label_count) {
    size_t of_label = 0, empty = 0, repeated = 0;
    for (size_t i = 0; i < s->row_count; i++) {
        const dataset_row *row = &s->rows[i];
        FUZZ_CHECK(row->example.target.class < label_count && row->line >= 1);
        FUZZ_CHECK(strlen(row->example.texts[0].text) == row->example.texts[0].bytes &&
                   is_utf8(row->example.texts[0].text, row->example.texts[0].bytes));
        empty += row->example.texts[0].bytes == 0;
        repeated += !row->first;
    }
    for (size_t i = 0; s->label_counts && i < label_count; i++) of_label += s->label_counts[i];
    FUZZ_CHECK(of_label == s->row_count || !s->label_counts);
    FUZZ_CHECK(s->empty_count == empty && s->duplicate_count == repeated);
    FUZZ_CHECK(s->conflict_count <= repeated);
}

static void check_dataset(const dataset *d) {
    size_t kept = 0, scored = 0;
    check_split(&d->train, d->label_count);
    check_split(&d->test, d->label_count);
    for (size_t i = 0; i < d->train.row_count; i++) {
        const dataset_row *row = &d->train.rows[i];
        kept += row->kept;
        FUZZ_CHECK(row->kept == (row->first && row->example.texts[0].bytes));
    }
    for (size_t i = 0; i < d->test.row_count; i++) {
        const dataset_row *row = &d->test.rows[i];
        scored += row->scored_dedup;
        FUZZ_CHECK(!row->scored_dedup ||
                   (row->first && row->example.texts[0].bytes && !row->leaked));
    }
    FUZZ_CHECK(d->train.kept_count == kept && d->test.dedup_count == scored);
    FUZZ_CHECK(kept && d->test.row_count);
}

void rows_check(const task *t, const void *bytes, size_t size) {
    dataset d;
    char *folder = NULL;
    if (!fuzz_needs(mem_strdup(&folder, fuzz_path("")))) return;
    fuzz_file("made/all", bytes, size);
    fuzz_file("made/again", bytes, size); // the test rows, where no hash parts them
    dataset_options o = {.data_dir = folder};
    if (fuzz_accepts(dataset_load(&d, t, &o))) {
        check_dataset(&d);
        size_t kept = d.train.kept_count, test = d.test.row_count;
        if (fuzz_accepts(dataset_split_dev(&d, t))) {
            FUZZ_CHECK(d.train.kept_count + d.dev.row_count == kept && d.test.row_count == test);
            check_split(&d.dev, d.label_count);
        }
    }
    dataset_free(&d);
    o.limit = 2;
    if (fuzz_accepts(dataset_load(&d, t, &o))) {
        FUZZ_CHECK(d.train.row_count <= 2 && d.test.row_count <= 2);
    }
    dataset_free(&d);
    mem_free(folder);
}

void rows_each(const task *t, const void *bytes, size_t size,
               void (*look)(const dataset_row *row, const task *t)) {
    dataset d;
    char *folder = NULL;
    if (!fuzz_needs(mem_strdup(&folder, fuzz_path("")))) return;
    fuzz_file("made/all", bytes, size);
    if (fuzz_accepts(dataset_load(&d, t, &(dataset_options){.data_dir = folder}))) {
        for (size_t i = 0; i < d.train.row_count; i++) look(&d.train.rows[i], t);
        for (size_t i = 0; i < d.test.row_count; i++) look(&d.test.rows[i], t);
    }
    dataset_free(&d);
    mem_free(folder);
}
