#include "data/table.h"

#include "base/memory.h"
#include "base/shown.h"
#include "data/table_internal.h"
#include "platform/interrupt.h"
#include "platform/stream.h"
#include "text/unicode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_BYTES = 256 << 10, COLUMNS_MAX = 4096, COLUMNS_SHOWN = 40, LONG_LINE_BYTES = 64 << 20 };

struct table_reader {
    data__source source;
    table__cutter cutter;
    strbuf record; /* lines of the record that is read */
    strbuf held;   /* lines that were read and given back; from held_at on */
    size_t held_at;
    size_t next_line; /* number of the line that comes next */
    size_t capacity;  /* of fields */
    char *header;
    bool is_pending; /* JSON: the row that was read for its keys comes next */
    bool is_open;
};

const char *table_kind_name(const table *t) {
    if (t->kind == TASK_FORMAT_JSONL) return "JSON lines";
    if (t->kind == TASK_FORMAT_JSON) return "JSON";
    return t->delimiter == '\t' ? "TSV" : "CSV";
}

/* The next line of the source, as data__source_line gives it; but one that is at fault is there too,
 * up to LONG_LINE_BYTES, so that who passes bad rows through can. *bytes is 0 after an error behind
 * which nothing can be read. */
static err next_line(data__source *s, char **line, size_t *bytes, const data__piece *piece) {
    err e = data__source_line(s, line, bytes, piece);
    if (e && e != ERR_FORMAT) *bytes = 0;
    for (size_t seen = 0; e == ERR_FORMAT;) {
        size_t there = s->end - s->begin;
        char *from = s->bytes + s->begin, *stop = memchr(from + seen, '\n', there - seen);
        *line = from;
        *bytes = stop ? (size_t)(stop - from) + 1 : there;
        if (stop || (s->ended && there <= LONG_LINE_BYTES)) break;
        if (there > LONG_LINE_BYTES) {
            *bytes = 0;
            return err_set(ERR_FORMAT,
                           "%s:%zu: %s of more than %d bytes, which can not even be passed "
                           "through: do line ends lack?",
                           s->path, s->line, piece->what, LONG_LINE_BYTES);
        }
        seen = there;
        err failed = data__source_more(s);
        if (failed) *bytes = 0;
        if (failed) return failed;
    }
    return e;
}

static size_t lines_in(const strbuf *record) {
    size_t lines = 0;
    for (size_t i = 0; i < record->length; i++) lines += record->text[i] == '\n';
    return lines;
}

/* Adds the next line to the record, with its end; *bytes is 0 at the end of the file. *at is where
 * it begins there. A line that is no text is added too. */
static err add_line(struct table_reader *r, size_t *at, size_t *bytes) {
    char *line = NULL;
    data__piece piece = {.what = "a record",
                         .quoted = r->cutter.quoted,
                         .line = r->cutter.open ? r->next_line : 0,
                         .bytes = r->record.length};
    err e = ERR_OK, fault = ERR_OK;
    *at = r->record.length;
    *bytes = 0;
    if (r->held_at < r->held.length) {
        line = r->held.text + r->held_at;
        const char *stop = memchr(line, '\n', r->held.length - r->held_at);
        *bytes = stop ? (size_t)(stop - line) + 1 : r->held.length - r->held_at;
        r->held_at += *bytes;
        if (piece.bytes + data__without_end(line, *bytes) > DATA_TEXT_LIMIT_BYTES)
            fault = data__too_long(r->source.path, r->next_line, &piece);
        else
            fault = data__check_bytes(r->source.path, r->next_line + lines_in(&r->record), 0, line,
                                      *bytes);
        e = strbuf_add_bytes(&r->record, line, *bytes);
        return e ? e : fault;
    }
    fault = next_line(&r->source, &line, bytes, &piece);
    if (*bytes) e = strbuf_add_bytes(&r->record, line, *bytes);
    if (!e) data__source_skip(&r->source, *bytes);
    return e ? e : fault;
}

/* Gives back all lines of the record but its first. */
static err hold_rest(struct table_reader *r) {
    const char *stop = memchr(r->record.text, '\n', r->record.length);
    size_t first = stop ? (size_t)(stop - r->record.text) + 1 : r->record.length;
    strbuf rest = {0};
    err e = strbuf_add_bytes(&rest, r->record.text + first, r->record.length - first);
    if (!e && r->held_at < r->held.length)
        e = strbuf_add_bytes(&rest, r->held.text + r->held_at, r->held.length - r->held_at);
    if (e) {
        strbuf_free(&rest);
        return e;
    }
    strbuf_free(&r->held);
    r->held = rest;
    r->held_at = 0;
    r->record.length = first;
    return ERR_OK;
}

static void set_raw(table *t, const char *text, size_t bytes) {
    size_t kept = data__without_end(text, bytes);
    t->raw = (text_span){text, kept};
    t->line_end = bytes - kept == 2 ? "\r\n" : bytes > kept ? "\n" : "";
}

static err fault_at(const table *t, const char *what) {
    return err_set(ERR_FORMAT, "%s:%zu: %s", t->path, t->line, what);
}

/* Reads lines up to the end of a record. */
static err read_record(table *t, bool *more) {
    struct table_reader *r = t->reader;
    table__cutter *c = &r->cutter;
    err e = ERR_OK;
    r->record.length = 0;
    c->open = false;
    *more = false;
    for (;;) {
        size_t at, bytes;
        e = add_line(r, &at, &bytes);
        if (e && (!bytes || e == ERR_MEMORY)) return e;
        if (!bytes) break;
        if (!c->open && data__is_blank(r->record.text + at, bytes, c->delimiter)) {
            r->record.length = 0;
            r->next_line++;
            t->blank_lines++;
            continue;
        }
        if (!*more) t->line = r->next_line;
        *more = true;
        if (e) break;
        if ((e = table__cut_line(c, r->record.text + at, bytes))) break;
        if (!c->open) break;
    }
    if (!*more || e == ERR_MEMORY) return e;
    if (!e && c->fault) e = fault_at(t, c->fault);
    if (!e && c->open) e = fault_at(t, "a quote opens in this record and never closes");
    if (e == ERR_FORMAT && hold_rest(r)) return ERR_MEMORY;
    r->next_line += lines_in(&r->record);
    set_raw(t, r->record.text, r->record.length);
    return e;
}

static err next_delimited(table *t, bool *more) {
    struct table_reader *r = t->reader;
    const table__cutter *c = &r->cutter;
    err e = read_record(t, more);
    if (e || !*more) return e;
    if (t->column_count && c->count != t->column_count)
        return err_set(ERR_FORMAT, "%s:%zu: %zu column%s, expected %zu", t->path, t->line, c->count,
                       shown_plural(c->count), t->column_count);
    if ((e = mem_grow((void **)&t->fields, &r->capacity, c->count, sizeof *t->fields))) return e;
    for (size_t i = 0, begin = 0; i < c->count; begin = c->ends[i++] + 1)
        t->fields[i] = (text_span){c->text.text + begin, c->ends[i] - begin};
    return ERR_OK;
}

static err next_json_line(table *t, bool *more) {
    data__source *s = &t->reader->source;
    for (;;) {
        char *line = NULL;
        size_t bytes = 0;
        err e = next_line(s, &line, &bytes, &(data__piece){.what = "a line"});
        *more = bytes > 0;
        if (!*more) return e;
        t->line = s->line;
        set_raw(t, line, bytes);
        size_t text = t->raw.bytes;
        while (text && strchr(" \t\r", line[text - 1])) text--;
        if (!e && !text) {
            t->blank_lines++;
            data__source_skip(s, bytes);
            continue;
        }
        if (!e) e = data__json_line(&t->object, s, line, text);
        if (!e && !cJSON_IsObject(t->object)) e = fault_at(t, "not a JSON object");
        if (e != ERR_MEMORY) data__source_skip(s, bytes);
        return e;
    }
}

static err next_element(table *t, bool *more) {
    err e = data__json_next(&t->object, &t->reader->source, (uint32_t)(t->rows + 1));
    *more = t->object != NULL;
    t->line = t->rows + 1;
    return e;
}

err table_next(table *t, bool *more) {
    struct table_reader *r = t->reader;
    *more = true;
    if (r->is_pending) {
        r->is_pending = false;
        return ERR_OK;
    }
    cJSON_Delete(t->object);
    t->object = NULL;
    err e = t->kind == TASK_FORMAT_DELIMITED ? next_delimited(t, more)
            : t->kind == TASK_FORMAT_JSONL   ? next_json_line(t, more)
                                             : next_element(t, more);
    t->rows += *more;
    t->bytes = r->source.hashed_bytes - (r->source.end - r->source.begin);
    return e;
}

/* Whether a line is an object with that key; of NULL with any, and none twice. */
static bool has_key(const cJSON *object, const char *key) {
    const cJSON *value;
    if (!object || !cJSON_IsObject(object) || !object->child) return false;
    if (key) return !data__json_value(&value, object, key, "");
    // one of too many is refused by its number
    for (const cJSON *item = cJSON_GetArraySize(object) > COLUMNS_MAX ? NULL : object->child; item;
         item = item->next)
        for (const cJSON *next = item->next; next; next = next->next)
            if (!strcmp(item->string, next->string)) return false;
    return true;
}

/* The first whole object with a key (`key` unless NULL) of JSON lines among what was looked at, NULL
 * without one. The lines stay to be read: a faulty one before it is the reader's to refuse or to pass
 * over. */
static err look_for_object(cJSON **object, const table *t, const char *key) {
    data__source *s = &t->reader->source;
    char *end = s->bytes + s->end, *stop;
    for (char *at = s->bytes + s->begin; !*object && at < end; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop && !s->ended) break;
        if (!stop) stop = end;
        size_t bytes = (size_t)(stop - at);
        while (bytes && strchr(" \t\r", at[bytes - 1])) bytes--;
        // a longer one is no row
        bool is_row = bytes && bytes <= DATA_TEXT_LIMIT_BYTES;
        err e = is_row ? data__json_line(object, s, at, bytes) : ERR_OK;
        if (e == ERR_MEMORY) return e;
        if (has_key(*object, key)) break;
        err_clear();
        cJSON_Delete(*object);
        *object = NULL;
    }
    err_clear();
    return ERR_OK;
}

/* The same, reading on for one: the first lines may be longer than what was looked at. */
static err find_object(cJSON **object, const table *t) {
    data__source *s = &t->reader->source;
    for (;;) {
        size_t there = s->end - s->begin;
        err e = look_for_object(object, t, NULL);
        if (e || *object || s->ended || there > LONG_LINE_BYTES) return e;
        while (!e && !s->ended && s->end - s->begin < 2 * there) e = data__source_more(s);
        if (e) return e;
    }
}

/* The names of the columns: of the first record, or of the first object. */
static err read_names(table *t) {
    bool more = true;
    err e = t->kind == TASK_FORMAT_JSONL ? find_object(&t->object, t) : ERR_OK;
    bool is_pending = !t->object && t->kind != TASK_FORMAT_DELIMITED;
    if (!e && !t->object) e = table_next(t, &more);
    if (e) return e;
    if (!more) return err_set(ERR_FORMAT, "%s: no rows there", t->path);
    bool is_json = t->kind != TASK_FORMAT_DELIMITED;
    size_t count = is_json ? (size_t)cJSON_GetArraySize(t->object) : t->reader->cutter.count,
           added = 0;
    if (!count)
        return err_set(ERR_FORMAT, "%s:%zu: no object with a key is there, which would be a column",
                       t->path, t->line);
    if (count > COLUMNS_MAX)
        return err_set(ERR_FORMAT, "%s: %zu columns, at most %d are read", t->path, count,
                       COLUMNS_MAX);
    if ((e = mem_new(&t->columns, count))) return e;
    const cJSON *key = is_json ? t->object->child : NULL;
    for (; added < count && !e; added++, key = is_json ? key->next : NULL) {
        const char *name = is_json ? key->string : t->fields[added].text;
        size_t bytes = is_json ? strlen(name) : t->fields[added].bytes;
        if ((e = mem_strndup(&t->columns[added], name, bytes))) break;
        t->column_count++;
        for (size_t i = 0; i < added && !e; i++)
            if (!strcmp(t->columns[i], t->columns[added]))
                e = is_json ? err_set(ERR_FORMAT, "%s:%zu: key '%s' stands there twice", t->path,
                                      t->line, t->columns[i])
                            : err_set(ERR_FORMAT, "%s: column '%s' is there twice, %zu and %zu",
                                      t->path, t->columns[i], i + 1, added + 1);
    }
    t->reader->is_pending = is_pending;
    if (e || is_json) return e;
    t->rows = 0;
    e = mem_strndup(&t->reader->header, t->raw.text, t->raw.bytes);
    if (!e) t->header = (text_span){t->reader->header, t->raw.bytes};
    return e;
}

/* Waits for what is there to read: a read that waits itself would begin anew after Ctrl-C. */
static err await_standard_input(void) {
    enum { WAIT_MS = 200 };
    while (!interrupt_seen()) {
        int n = stream_await(STREAM_IN, WAIT_MS);
        if (n > 0 || (n < 0 && errno != EINTR)) return ERR_OK; // a fault is the read's to tell
    }
    return err_set(ERR_INTERRUPTED, "interrupted");
}

static err read_standard_input(void *from, void *bytes, size_t size, size_t *count) {
    bool done;
    do {
        err e = await_standard_input();
        if (e) return e;
        done = stream_read_once(count, STREAM_IN, bytes, size);
    } while (!done && errno == EINTR);
    return done ? ERR_OK
                : err_set(ERR_IO, "%s: cannot read: %s", (const char *)from, strerror(errno));
}

static err open_source(table *t) {
    static char name[] = "standard input";
    struct table_reader *r = t->reader;
    if (strcmp(t->path, "-") != 0) return data__source_open(&r->source, t->path, true);
    t->path = name;
    return data__source_open_from(&r->source, name, read_standard_input, name);
}

err table_open(table *t, const char *path) {
    *t = (table){.path = path, .line_end = ""};
    err e = mem_new(&t->reader, 1);
    if (e) return e;
    struct table_reader *r = t->reader;
    data__source *s = &r->source;
    *s = (data__source){.fd = -1};
    r->next_line = 1;
    e = open_source(t);
    while (!e && !s->ended && s->end - s->begin < LOOK_BYTES) e = data__source_more(s);
    if (e) return e;
    t->file_bytes = s->file_bytes;
    t->has_bom = s->end - s->begin >= 3 && !memcmp(s->bytes + s->begin, "\xEF\xBB\xBF", 3);
    if (t->has_bom) s->begin += 3;
    size_t there = s->end - s->begin;
    if (!there) return err_set(ERR_FORMAT, "%s: the file is empty", t->path);
    if ((e = table__guess(t, s->bytes + s->begin, there, s->ended))) return e;
    r->cutter.delimiter = t->delimiter;
    r->cutter.quoted = t->quoted;
    return read_names(t);
}

const char *table_blanks_text(char out[TABLE_BLANKS_BYTES], const table *t) {
    size_t n = t->blank_lines;
    if (!n) return "";
    snprintf(out, TABLE_BLANKS_BYTES, " (%zu blank line%s passed over)", n, shown_plural(n));
    return out;
}

void table_unhashed(table *t) {
    t->reader->source.unhashed = true;
}

void table_close(table *t) {
    struct table_reader *r = t->reader;
    if (r) {
        data__source_close(&r->source);
        table__cutter_free(&r->cutter);
        strbuf_free(&r->record);
        strbuf_free(&r->held);
        mem_free(r->header);
        mem_free(r);
    }
    for (size_t i = 0; i < t->column_count; i++) mem_free(t->columns[i]);
    mem_free(t->columns);
    mem_free(t->fields);
    cJSON_Delete(t->object);
    *t = (table){0};
}

err table_finish(table *t, char hex[HASH_HEX_BYTES], uint64_t *bytes) {
    err e = data__source_finish(&t->reader->source, hex);
    *bytes = t->reader->source.hashed_bytes;
    return e;
}

err table_columns_text(char **text, const table *t) {
    strbuf list = {0};
    err e = strbuf_add(&list, "");
    for (size_t i = 0; i < t->column_count && i < COLUMNS_SHOWN && !e; i++)
        e = strbuf_printf(&list, "%s'%s'", i ? ", " : "", t->columns[i]);
    if (!e && t->column_count > COLUMNS_SHOWN) e = strbuf_add(&list, ", ...");
    if (e) strbuf_free(&list);
    *text = list.text;
    return e;
}

const char *table_own_name(const table *t, size_t index, const char *name) {
    return index < t->column_count ? t->columns[index] : name;
}

/* The column of that name, or of its letters composed otherwise, as macOS writes Hangul; the count. */
static err find_column(size_t *index, const table *t, const char *name) {
    char *wanted = NULL;
    for (*index = 0; *index < t->column_count; ++*index)
        if (!strcmp(t->columns[*index], name)) return ERR_OK;
    bool found = false;
    err e = unicode_compose(&wanted, name);
    for (size_t i = 0; i < t->column_count && !e && !found; i++) {
        char *own = NULL;
        e = unicode_compose(&own, t->columns[i]);
        found = !e && !strcmp(own, wanted);
        if (found) *index = i;
        mem_free(own);
    }
    mem_free(wanted);
    return e;
}

err table_find(size_t *index, const table *t, const char *name, const char *flag) {
    const cJSON *value;
    char *list = NULL;
    err e = find_column(index, t, name);
    if (e || *index < t->column_count) return e;
    if (t->object && strchr(name, '.') && !data__json_value(&value, t->object, name, t->path))
        return ERR_OK;
    err_clear();
    // a row without it, which came first, is the reader's to refuse or to pass over
    cJSON *having = NULL;
    e = t->kind == TASK_FORMAT_JSONL ? look_for_object(&having, t, name) : ERR_OK;
    bool found = having;
    cJSON_Delete(having);
    if (e || found) return e;
    e = table_columns_text(&list, t);
    if (e) return e;
    const char *near = text_nearest(name, (const char *const *)t->columns, t->column_count);
    e = err_set(ERR_USAGE, "%s: no column '%s'%s%s%s (--%s); the columns are %s", t->path, name,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", flag, list);
    mem_free(list);
    return e;
}

static err row_text(char **where, const table *t) {
    return mem_printf(where, t->kind == TASK_FORMAT_JSON ? "%s: element %zu" : "%s:%zu", t->path,
                      t->line);
}

/* The value of a key of the row; *where (owned) names the row. */
static err value_of(const cJSON **value, char **where, const table *t, const char *name) {
    err e = row_text(where, t);
    return e ? e : data__json_value(value, t->object, name, *where);
}

bool table_lacks(const table *t, const char *name) {
    const cJSON *v = t->object ? cJSON_GetObjectItemCaseSensitive(t->object, name) : NULL;
    return t->object && (v ? cJSON_IsNull(v) : !strchr(name, '.'));
}

/* A table by columns, as pandas writes one unasked. */
static const char *text_advice(const cJSON *v) {
    return cJSON_IsObject(v) || cJSON_IsArray(v)
               ? " (of pandas: to_json(..., orient='records', lines=True))"
               : "";
}

err table_text(text_span *text, const table *t, const char *name, size_t index) {
    const cJSON *v = NULL;
    char *where = NULL;
    if (t->kind == TASK_FORMAT_DELIMITED) {
        *text = t->fields[index];
        return ERR_OK;
    }
    err e = value_of(&v, &where, t, name);
    if (!e && !cJSON_IsString(v))
        e = err_set(ERR_FORMAT, "%s: key '%s' is no string%s", where, name, text_advice(v));
    if (!e) *text = (text_span){v->valuestring, strlen(v->valuestring)};
    mem_free(where);
    return e;
}

err table_label(text_span *label, char number[32], const table *t, const char *name, size_t index,
                answer_kind kind) {
    const cJSON *v = NULL;
    char *where = NULL;
    if (t->kind == TASK_FORMAT_DELIMITED) {
        *label = t->fields[index];
        return ERR_OK;
    }
    *label = (text_span){"", 0};
    if (table_lacks(t, name)) return ERR_OK;
    err e = value_of(&v, &where, t, name);
    if (!e) e = data__json_label(label, number, v, kind, name, where);
    mem_free(where);
    return e;
}

err table_list(const cJSON **list, const table *t, const char *name) {
    char *where = NULL;
    err e = value_of(list, &where, t, name);
    if (!e && !cJSON_IsArray(*list))
        e = err_set(ERR_FORMAT, "%s: key '%s' is not a list of labels", where, name);
    mem_free(where);
    return e;
}
