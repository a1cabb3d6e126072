/* Files of rows that nobody described. */
#include "base/memory.h"
#include "data/table.h"
#include "fuzz.h"
#include "text/unicode.h"

#include <string.h>

/* A row that is read: as many texts as names, each UTF-8 with a 0 byte behind. */
static void check_row(const table *t) {
    FUZZ_CHECK((t->object != NULL) == (t->kind != TASK_FORMAT_DELIMITED));
    for (size_t i = 0; !t->object && i < t->column_count; i++) {
        const text_span *f = &t->fields[i];
        FUZZ_CHECK(strlen(f->text) == f->bytes && utf8_valid(f->text, f->bytes, NULL));
    }
}

/* The rows' bytes stand in the input in their order. */
static void check_bytes(const table *t, const uint8_t *data, size_t size, size_t *at) {
    size_t n = t->raw.bytes, ends = strlen(t->line_end);
    if (t->kind == TASK_FORMAT_JSON) return;
    // what lies between two rows are empty lines
    while (*at < size && (n ? data[*at] != (uint8_t)t->raw.text[0] : data[*at] != '\n') &&
           strchr("\r\n \t", data[*at]) && data[*at])
        ++*at;
    FUZZ_CHECK(n + ends <= size - *at && (!n || !memcmp(data + *at, t->raw.text, n)));
    FUZZ_CHECK(!ends || !memcmp(data + *at + n, t->line_end, ends));
    *at += n + ends;
}

FUZZ_TARGET(table) {
    table t;
    bool more = true;
    fuzz_begin();
    if (fuzz_accepts(table_open(&t, fuzz_file("table", data, size)))) {
        size_t rows = 0, at = (t.has_bom ? 3 : 0);
        FUZZ_CHECK(t.column_count > 0 || t.kind != TASK_FORMAT_DELIMITED);
        // up to the names' own line end
        if (t.header.text) {
            while (at < size && (data[at] == '\r' || data[at] == '\n')) at++;
            at += t.header.bytes;
        }
        while (more && rows <= size) {
            err e = table_next(&t, &more);
            if (more && (!e || e == ERR_FORMAT)) check_bytes(&t, data, size, &at);
            if (fuzz_accepts(e) && more) check_row(&t);
            if (e && e != ERR_FORMAT) break;
            rows += more;
        }
        FUZZ_CHECK(rows <= size && (more || rows == t.rows));
    }
    table_close(&t);
    fuzz_end();
}
