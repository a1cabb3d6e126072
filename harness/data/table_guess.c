/* What a file of rows is, by its first rows; and how a delimited record is cut. */
#include "base/ascii.h"
#include "data/table_internal.h"

#include <string.h>

void table__cutter_free(table__cutter *c) {
    strbuf_free(&c->text);
    mem_free(c->ends);
    *c = (table__cutter){0};
}

static err end_field(table__cutter *c) {
    err e = strbuf_add_bytes(&c->text, "", 1);
    if (!e) e = mem_grow((void **)&c->ends, &c->capacity, c->count + 1, sizeof *c->ends);
    if (e) return e;
    c->ends[c->count++] = c->text.length - 1;
    c->state = TABLE_FIELD_START;
    return ERR_OK;
}

/* Text within quotes, up to the next one; moves *at behind it. */
static err cut_quoted(table__cutter *c, const char *line, size_t bytes, size_t *at) {
    const char *from = line + *at, *stop = memchr(from, '"', bytes - *at);
    size_t n = stop ? (size_t)(stop - from) : bytes - *at;
    if (stop) c->state = TABLE_QUOTE_SEEN;
    *at += n + (stop != NULL);
    return strbuf_add_bytes(&c->text, from, n);
}

static const char stray_return[] =
    "a carriage return within a field that is not quoted (where all lines end in one: tr "
    "'\\r' '\\n' converts them)";

/* Text of a field that is not quoted, up to the next delimiter or a carriage return, which is at
 * fault; moves *at behind it. */
static err cut_plain(table__cutter *c, const char *line, size_t bytes, size_t *at) {
    const char *from = line + *at, *stop = memchr(from, c->delimiter, bytes - *at);
    size_t n = stop ? (size_t)(stop - from) : bytes - *at;
    const char *turn = memchr(from, '\r', n);
    if (turn) {
        n = (size_t)(turn - from) + 1;
        c->fault = stray_return;
    }
    *at += n;
    return strbuf_add_bytes(&c->text, from, n);
}

/* A byte at which something may begin or end. */
static err cut_byte(table__cutter *c, char byte) {
    if (byte == c->delimiter) return end_field(c);
    if (c->state == TABLE_FIELD_START && byte == '"' && c->quoted) {
        c->state = TABLE_QUOTED;
        c->saw_quoted = true;
        return ERR_OK;
    }
    if (c->state == TABLE_QUOTE_SEEN && byte == '"') {
        c->state = TABLE_QUOTED;
        return strbuf_add_bytes(&c->text, "\"", 1);
    }
    if (c->state == TABLE_QUOTE_SEEN)
        c->fault = "text follows the closing quote of a field (a quote in a quoted text is written "
                   "twice)";
    else if (byte == '\r')
        c->fault = stray_return;
    c->state = TABLE_PLAIN;
    return strbuf_add_bytes(&c->text, &byte, 1);
}

err table__cut_line(table__cutter *c, const char *line, size_t bytes) {
    size_t n = data__without_end(line, bytes), ending = bytes - n;
    err e = ERR_OK;
    if (!c->open) {
        c->text.length = c->count = 0;
        c->state = TABLE_FIELD_START;
        c->fault = NULL;
        c->open = true;
    }
    for (size_t at = 0; at < n && !e && !c->fault;)
        e = c->state == TABLE_QUOTED                              ? cut_quoted(c, line, n, &at)
            : c->state == TABLE_PLAIN && line[at] != c->delimiter ? cut_plain(c, line, n, &at)
                                                                  : cut_byte(c, line[at++]);
    if (e) return e;
    if (c->fault) c->open = false;
    if (c->fault) return ERR_OK;
    if (c->state == TABLE_QUOTED) return strbuf_add_bytes(&c->text, line + n, ending);
    c->open = false;
    return end_field(c);
}

/* How the first rows look when they are cut so. */
typedef struct look {
    char delimiter;
    bool quoted, saw_quoted;
    size_t columns, rows, faults;
} look;

static err look_at(look *l, const char *text, size_t bytes, bool ended) {
    table__cutter c = {.delimiter = l->delimiter, .quoted = l->quoted};
    err e = ERR_OK;
    for (size_t at = 0, n; at < bytes && !e; at += n) {
        const char *stop = memchr(text + at, '\n', bytes - at);
        if (!stop && !ended && l->rows) break; // half a line
        n = stop ? (size_t)(stop - text) + 1 - at : bytes - at;
        if (!c.open && data__is_blank(text + at, n, c.delimiter)) continue;
        if ((e = table__cut_line(&c, text + at, n)) || c.open) continue;
        if (!l->rows++) l->columns = c.count;
        l->faults += c.fault || c.count != l->columns;
    }
    l->saw_quoted = c.saw_quoted;
    l->faults += c.open && ended;
    table__cutter_free(&c);
    return e;
}

/* Whether a is the likelier reading. One column is what every file has under a delimiter that it
 * does not use: several go before it. */
static bool is_better(const look *a, const look *b) {
    if ((a->columns > 1) != (b->columns > 1)) return a->columns > 1;
    if (a->faults != b->faults) return a->faults < b->faults;
    return a->columns > b->columns;
}

static err guess_delimited(table *t, const char *text, size_t bytes, bool ended) {
    static const char delimiters[] = ",\t;|";
    look best = {0};
    err e = ERR_OK;
    for (size_t k = 0; k < 8 && !e; k++) {
        look l = {.delimiter = delimiters[k % 4], .quoted = k < 4};
        if ((e = look_at(&l, text, bytes, ended))) break;
        // the quotes of TSV are text as often as not: they quote where some do; and so they are in
        // one column whose commas stand there bare
        bool doubtful = l.delimiter == '\t' || (l.delimiter != ',' && l.columns == 1);
        if (doubtful && l.quoted && !l.saw_quoted) continue;
        if (!k || is_better(&l, &best)) best = l;
    }
    t->kind = TASK_FORMAT_DELIMITED;
    t->delimiter = best.delimiter;
    t->quoted = best.quoted;
    return e;
}

/* An object from the line's first character to its last. */
static bool is_object_line(const char *line, size_t bytes) {
    while (bytes && strchr(" \t\r\n", line[bytes - 1]) && line[bytes - 1]) bytes--;
    return bytes > 1 && *line == '{' && line[bytes - 1] == '}';
}

/* Whether most of the first lines are objects. */
static bool holds_objects(const char *text, size_t bytes, bool ended) {
    size_t lines = 0, objects = 0;
    for (size_t at = 0, n; at < bytes; at += n) {
        const char *stop = memchr(text + at, '\n', bytes - at);
        if (!stop && !ended) break; // half a line
        n = stop ? (size_t)(stop - text) + 1 - at : bytes - at;
        if (data__is_blank(text + at, n, '\0')) continue;
        lines++;
        objects += is_object_line(text + at, n);
    }
    return 2 * objects > lines;
}

/* A file of JSON lines by its name. */
static bool is_named_json(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot && (ascii_equal_fold(dot, ".jsonl") || ascii_equal_fold(dot, ".ndjson"));
}

err table__guess(table *t, const char *text, size_t bytes, bool ended) {
    size_t at = 0;
    while (at < bytes && strchr(" \t\r\n", text[at]) && text[at]) at++;
    char first = at < bytes ? text[at] : '\0', next = '\0';
    while (at < bytes && ++at < bytes && !next)
        if (!strchr(" \t\r\n", text[at])) next = text[at];
    // a faulty first line tells nothing: those behind it do, where it begins as JSON or the name says so
    // and one that is longer than what was looked at
    bool is_long = first != '[' && !ended && !memchr(text, '\n', bytes) && is_named_json(t->path);
    bool is_lines = first == '{' || is_long ||
                    ((first == '[' || is_named_json(t->path)) && holds_objects(text, bytes, ended));
    if (is_lines || (first == '[' && (next == '{' || next == ']'))) {
        t->kind = is_lines ? TASK_FORMAT_JSONL : TASK_FORMAT_JSON;
        return ERR_OK;
    }
    return guess_delimited(t, text, bytes, ended);
}
