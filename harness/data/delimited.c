#include "data/data_internal.h"

#include "base/memory.h"

#include <csv.h>
#include <stdio.h>
#include <string.h>

/* What libcsv's callbacks share. They cannot fail, so the first fault is kept in `error`. */
typedef struct records {
    data__reader *reader;
    const task_format *format;
    strbuf text, label;  /* fields of the record being read */
    size_t fields;       /* fields of that record so far */
    uint32_t line;       /* line being fed, from 1 */
    uint32_t first_line; /* where the record began */
    size_t record_bytes; /* fed since then */
    bool open;           /* a record began on an earlier line and goes on */
    bool in_header;
    err error;
} records;

static err set_field(strbuf *b, const void *bytes, size_t count) {
    b->length = 0;
    return strbuf_add_bytes(b, bytes, count);
}

static err take_field(records *s, const char *bytes, size_t count) {
    const task_format *f = s->format;
    size_t column = s->fields++;
    if (s->in_header) {
        if (column >= f->column_count) return ERR_OK; // the record's end reports the count
        const char *name = f->columns[column];
        if (strlen(name) == count && !memcmp(name, bytes, count)) return ERR_OK;
        return err_set(ERR_FORMAT, "%s:%u: column %zu of the header is '%.*s', expected '%s'",
                       s->reader->path, s->first_line, column + 1, count > 40 ? 40 : (int)count,
                       bytes, name);
    }
    if (column == f->text_column) return set_field(&s->text, bytes, count);
    if (column == f->label_column) return set_field(&s->label, bytes, count);
    return ERR_OK;
}

static err take_record(records *s) {
    const task_format *f = s->format;
    size_t found = s->fields;
    bool header = s->in_header;
    s->fields = 0;
    s->in_header = false;
    if (found != f->column_count) {
        return err_set(ERR_FORMAT, "%s:%u: %zu columns, expected %zu (separated by %s)%s",
                       s->reader->path, s->first_line, found, f->column_count,
                       f->delimiter == '\t'  ? "tabs"
                       : f->delimiter == ',' ? "commas"
                       : f->delimiter == ';' ? "semicolons"
                                             : "bars",
                       s->line > s->first_line ? ": does a quote never close?" : "");
    }
    if (header) return ERR_OK;
    char *where = NULL;
    err e = mem_printf(&where, "%s:%u", s->reader->path, s->first_line);
    if (e) return e;
    e = data__add_row(s->reader, where, s->first_line, s->text.text, s->text.length, s->label.text,
                      s->label.length);
    mem_free(where);
    return e;
}

static void on_field(void *bytes, size_t count, void *state) {
    records *s = state;
    if (!s->error) s->error = take_field(s, bytes ? bytes : "", count);
}

static void on_record(int end, void *state) {
    (void)end;
    records *s = state;
    s->open = false;
    if (!s->error) s->error = take_record(s);
}

// libcsv trims what this calls a space: nothing, since blanks belong to the text
static int never(unsigned char c) {
    (void)c;
    return 0;
}

static void *resize(void *block, size_t bytes) {
    return mem_resize(&block, bytes, 1) ? NULL : block;
}

static bool is_blank_line(const char *line, size_t count) {
    return (count == 1 && line[0] == '\n') || (count == 2 && line[0] == '\r' && line[1] == '\n');
}

static err feed_lines(records *s, struct csv_parser *p, const char *bytes, size_t count) {
    const char *end = bytes + count;
    for (const char *line = bytes; line < end && !s->error;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = stop ? (size_t)(stop - line) + 1 : (size_t)(end - line);
        s->line++;
        if (!s->open) {
            s->first_line = s->line;
            s->record_bytes = 0;
        }
        // libcsv's buffer grows in small steps: a huge record would cost the square of its length
        if ((s->record_bytes += n) > DATA_TEXT_LIMIT_BYTES) {
            return err_set(
                ERR_FORMAT,
                "%s:%u: a record of more than %d bytes: does a quote never close, or do line "
                "ends lack?",
                s->reader->path, s->first_line, DATA_TEXT_LIMIT_BYTES);
        }
        // an empty line between records is passed over, as Python's DictReader does
        if (s->open || !is_blank_line(line, n)) {
            s->open = true; // until the record's end is reported
            if (csv_parse(p, line, n, on_field, on_record, s) != n) {
                return err_set(csv_error(p) == CSV_ENOMEM ? ERR_MEMORY : ERR_FORMAT, "%s:%u: %s",
                               s->reader->path, s->line, csv_strerror(csv_error(p)));
            }
        }
        line += n;
    }
    return s->error;
}

err data__read_delimited(data__reader *r, const char *bytes, size_t count) {
    const task_format *f = &r->task->format;
    records s = {.reader = r, .format = f, .in_header = f->header};
    struct csv_parser p;
    if (!f->keep_bom && count >= 3 && !memcmp(bytes, "\xEF\xBB\xBF", 3)) {
        bytes += 3;
        count -= 3;
    }
    if (csv_init(&p, 0)) {
        return err_set(ERR_MEMORY, "cannot start the CSV reader");
    }
    csv_set_delim(&p, (unsigned char)f->delimiter);
    csv_set_quote(&p, f->quoted ? '"' : 0);
    csv_set_space_func(&p, never);
    csv_set_realloc_func(&p, resize);
    csv_set_free_func(&p, mem_free);
    csv_set_blk_size(&p, 4096);
    err e = feed_lines(&s, &p, bytes, count);
    // strict only from here on: it makes an open quote an error, but a quote inside a field too
    csv_set_opts(&p, CSV_STRICT | CSV_STRICT_FINI);
    if (!e && csv_fini(&p, on_field, on_record, &s)) {
        e = err_set(ERR_FORMAT, "%s:%u: a quote opens in this record and never closes", r->path,
                    s.first_line);
    }
    if (!e) e = s.error;
    csv_free(&p);
    strbuf_free(&s.text);
    strbuf_free(&s.label);
    return e;
}
