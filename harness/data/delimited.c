#include "data/data_internal.h"

#include "base/memory.h"
#include "base/shown.h"

#include <csv.h>
#include <stdio.h>
#include <string.h>

/* Where a byte of a record stands, by RFC 4180. */
typedef enum quote_state { FIELD_START, PLAIN, QUOTED, QUOTE_SEEN } quote_state;

/* What libcsv's callbacks share. They cannot fail, so the first fault is kept in `error`. */
typedef struct records {
    data__reader *reader;
    const task_format *format;
    strbuf texts[EXAMPLE_TEXTS_MAX], label; /* fields of the record being read */
    strbuf fault;                           /* what is wrong with its labels; empty: nothing */
    size_t fields;                          /* fields of that record so far */
    uint32_t line;                          /* line being fed, from 1 */
    uint32_t first_line;                    /* where the record began */
    data__piece piece;                      /* the record, while it goes on */
    quote_state quotes;
    bool in_header;
    err error;
} records;

static err set_field(strbuf *b, const void *bytes, size_t count) {
    b->length = 0;
    return strbuf_add_bytes(b, bytes, count);
}

/* 0 or 1 in a label's own column. */
static err take_mark(records *s, size_t label, const char *bytes, size_t count) {
    bool fits = count == 1 && (*bytes == '0' || *bytes == '1');
    s->reader->set[label] = fits && *bytes == '1';
    if (fits || s->fault.length) return ERR_OK;
    return strbuf_printf(&s->fault, "column '%s' holds '%.*s', expected 0 or 1",
                         s->reader->task->labels[label].value, count > 40 ? 40 : (int)count, bytes);
}

/* Whether a row's text or answer stands in the column. */
static bool is_read(const task_format *f, size_t column) {
    return column == f->text_column || (f->text_pair && column == f->pair_column) ||
           (f->label && column == f->label_column) ||
           (f->column_labels && f->column_labels[column]);
}

static err take_field(records *s, const char *bytes, size_t count) {
    const task_format *f = s->format;
    size_t column = s->fields++;
    if (s->in_header) {
        if (column >= f->column_count) return ERR_OK; // the record's end reports the count
        const char *name = f->columns[column];
        if (!is_read(f, column)) return ERR_OK; // whatever it is called
        if (strlen(name) == count && !memcmp(name, bytes, count)) return ERR_OK;
        return err_set(ERR_FORMAT, "%s:%u: column %zu of the header is '%.*s', expected '%s'",
                       s->reader->path, s->first_line, column + 1, count > 40 ? 40 : (int)count,
                       bytes, name);
    }
    if (column == f->text_column) return set_field(&s->texts[0], bytes, count);
    if (f->text_pair && column == f->pair_column) return set_field(&s->texts[1], bytes, count);
    if (f->label && column == f->label_column) return set_field(&s->label, bytes, count);
    if (!f->column_labels || column >= f->column_count || !f->column_labels[column]) return ERR_OK;
    return take_mark(s, f->column_labels[column] - 1, bytes, count);
}

static err take_record(records *s) {
    const task_format *f = s->format;
    size_t found = s->fields;
    bool header = s->in_header;
    s->fields = 0;
    s->in_header = false;
    if (found != f->column_count) {
        return err_set(ERR_FORMAT, "%s:%u: %zu column%s, expected %zu (separated by %s)%s",
                       s->reader->path, s->first_line, found, shown_plural(found), f->column_count,
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
    e = data__add_row(s->reader, &(data__row){.where = where,
                                              .line = s->first_line,
                                              .texts = {{s->texts[0].text, s->texts[0].length},
                                                        {s->texts[1].text, s->texts[1].length}},
                                              .label = {s->label.text, s->label.length},
                                              .set = f->column_labels ? s->reader->set : NULL,
                                              .fault = s->fault.length ? s->fault.text : NULL});
    s->fault.length = 0;
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
    s->piece.line = s->piece.bytes = 0;
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

/* Fails where a field goes on behind its closing quote: libcsv would take the quote for text and go
 * on to the next one, rows later. */
static err check_quotes(records *s, const char *line, size_t count) {
    size_t column = 1;
    for (size_t i = 0; i < count; i++) {
        char c = line[i];
        bool ends = c == s->format->delimiter || c == '\n' || c == '\r';
        if (s->quotes == QUOTED) {
            if (c == '"') s->quotes = QUOTE_SEEN;
        } else if (s->quotes == QUOTE_SEEN && c == '"') {
            s->quotes = QUOTED;
        } else if (s->quotes == QUOTE_SEEN && !ends) {
            int bytes = 1;
            while (i + (size_t)bytes < count && (line[i + (size_t)bytes] & 0xC0) == 0x80) bytes++;
            return err_set(ERR_FORMAT,
                           "%s:%u:%zu: '%.*s' follows the closing quote of a field: a delimiter or "
                           "the line's end is expected, and a quote in a quoted text is written "
                           "twice",
                           s->reader->path, s->line, column, bytes, line + i);
        } else {
            s->quotes = ends ? FIELD_START : s->quotes == FIELD_START && c == '"' ? QUOTED : PLAIN;
        }
        column += (c & 0xC0) != 0x80;
    }
    return ERR_OK;
}

static err feed_line(records *s, struct csv_parser *p, const char *line, size_t count) {
    // a blank line between records is passed over, as pandas does
    if (!s->piece.line && data__is_blank(line, count, s->format->delimiter)) return ERR_OK;
    if (!s->piece.line) {
        s->first_line = s->line;
        s->quotes = FIELD_START;
    }
    err e = s->format->quoted ? check_quotes(s, line, count) : ERR_OK;
    if (e) return e;
    s->piece.line = s->first_line; // until the record's end is reported
    s->piece.bytes += count;
    if (csv_parse(p, line, count, on_field, on_record, s) != count) {
        return err_set(csv_error(p) == CSV_ENOMEM ? ERR_MEMORY : ERR_FORMAT, "%s:%u: %s",
                       s->reader->path, s->line, csv_strerror(csv_error(p)));
    }
    return s->error;
}

static err feed_lines(records *s, struct csv_parser *p, data__source *source) {
    for (;;) {
        char *line;
        size_t count;
        // libcsv's buffer grows in small steps: a huge record would cost the square of its length
        err e = data__source_line(source, &line, &count, &s->piece);
        if (e || !count) return e;
        s->line = (uint32_t)source->line;
        if ((e = feed_line(s, p, line, count))) return e;
        data__source_skip(source, count);
    }
}

err data__read_delimited(data__reader *r, data__source *source) {
    const task_format *f = &r->task->format;
    records s = {.reader = r,
                 .format = f,
                 .piece = {.what = "a record", .quoted = f->quoted},
                 .in_header = f->header};
    struct csv_parser p;
    if (csv_init(&p, 0)) {
        return err_set(ERR_MEMORY, "cannot start the CSV reader");
    }
    csv_set_delim(&p, (unsigned char)f->delimiter);
    csv_set_quote(&p, f->quoted ? '"' : 0);
    csv_set_space_func(&p, never);
    csv_set_realloc_func(&p, resize);
    csv_set_free_func(&p, mem_free);
    csv_set_blk_size(&p, 4096);
    err e = feed_lines(&s, &p, source);
    // strict only from here on: it makes an open quote an error, but a quote inside a field too
    csv_set_opts(&p, CSV_STRICT | CSV_STRICT_FINI);
    if (!e && csv_fini(&p, on_field, on_record, &s)) {
        e = err_set(ERR_FORMAT, "%s:%u: a quote opens in this record and never closes", r->path,
                    s.first_line);
    }
    if (!e) e = s.error;
    csv_free(&p);
    for (int i = 0; i < EXAMPLE_TEXTS_MAX; i++) strbuf_free(&s.texts[i]);
    strbuf_free(&s.fault);
    strbuf_free(&s.label);
    return e;
}
