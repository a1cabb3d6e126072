#include "cli/terminal_text.h"

#include "base/memory.h"
#include "base/shown.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS_MOST = 32, FRAME = 3 /* "| " and " " of a cell */ };

typedef struct cell {
    char *text; /* borrowed; without the marks of markdown, which mean nothing here */
    size_t bytes;
} cell;

typedef struct table {
    cell *cells; /* (rows, columns), owned; heads first, without the line of dashes */
    size_t rows, columns, keys, capacity;
    size_t widths[COLUMNS_MOST], words[COLUMNS_MOST]; /* of a cell, and of a word in it, at most */
    bool right[COLUMNS_MOST];
} table;

/* The cell that begins at *at, behind its '|'; moves to the next '|'. */
static cell next_cell(char **at, const char *end) {
    char *from = *at, *to = from;
    while (to < end && *to != '|') to += *to == '\\' && to + 1 < end ? 2 : 1;
    *at = to;
    while (from < to && *from == ' ') from++;
    while (to > from && to[-1] == ' ') to--;
    return (cell){from, shown_markdown_plain(from, (size_t)(to - from))};
}

/* Columns of the longest word. */
static size_t word_width(cell c) {
    size_t most = 0;
    for (size_t at = 0, n; at < c.bytes; at += n + 1) {
        const char *stop = memchr(c.text + at, ' ', c.bytes - at);
        n = stop ? (size_t)(stop - c.text) - at : c.bytes - at;
        size_t width = text_width_of(c.text + at, n);
        if (width > most) most = width;
    }
    return most;
}

static err add_row(table *t, char *line, const char *end) {
    static char none[1];
    cell row[COLUMNS_MOST];
    size_t n = 0;
    for (char *at = line + 1; at < end && n < COLUMNS_MOST; at++) row[n++] = next_cell(&at, end);
    if (!t->columns) t->columns = n;
    err e =
        mem_grow((void **)&t->cells, &t->capacity, (t->rows + 1) * t->columns, sizeof *t->cells);
    for (size_t i = 0; i < t->columns && !e; i++) {
        cell c = i < n ? row[i] : (cell){none, 0};
        size_t width = text_width_of(c.text, c.bytes);
        t->cells[t->rows * t->columns + i] = c;
        if (width > t->widths[i]) t->widths[i] = width;
        size_t word = word_width(c);
        if (word > t->words[i]) t->words[i] = word;
    }
    if (!e) t->rows++;
    return e;
}

/* "| --- | ---: |": which columns stand to the right, and how many tell a row from others. */
static void read_dashes(table *t, char *line, const char *end) {
    size_t n = 0;
    for (char *at = line + 1; at < end && n < t->columns; at++) {
        cell c = next_cell(&at, end);
        t->right[n++] = c.bytes && c.text[c.bytes - 1] == ':';
    }
    while (t->keys < n && !t->right[t->keys]) t->keys++;
    if (!t->keys || t->keys == n) t->keys = 1;
}

/* Bytes of the cell's next line: its column may be narrower than it. */
static size_t line_bytes(cell c, size_t width) {
    if (text_width_of(c.text, c.bytes) <= width) return c.bytes;
    size_t n = 0; // behind the last word that fits
    for (size_t i = 1; i < c.bytes; i++)
        if (c.text[i] == ' ' && text_width_of(c.text, i) <= width) n = i;
    return n ? n : c.bytes;
}

static void print_cell(const table *t, cell c, size_t column) {
    int blanks = (int)(t->widths[column] - text_width_of(c.text, c.bytes));
    printf("| %*s%.*s%*s ", t->right[column] ? blanks : 0, "", (int)c.bytes, c.text,
           t->right[column] ? 0 : blanks, "");
}

static void print_dashes(const table *t, size_t column) {
    fputs("| ", stdout);
    for (size_t i = 0; i + t->right[column] < t->widths[column]; i++) putchar('-');
    fputs(t->right[column] ? ": " : " ", stdout);
}

/* Of a row what is shown: its keys and the columns [from, to), each cell over as many lines as it
 * takes. */
static void print_row(const table *t, size_t row, size_t from, size_t to) {
    cell rest[COLUMNS_MOST];
    memcpy(rest, t->cells + row * t->columns, t->columns * sizeof *rest);
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < to; i++) {
            cell *c = &rest[i];
            if (i >= t->keys && i < from) continue;
            size_t n = line_bytes(*c, t->widths[i]);
            print_cell(t, (cell){c->text, n}, i);
            while (n < c->bytes && c->text[n] == ' ') n++;
            *c = (cell){c->text + n, c->bytes - n};
            more = more || c->bytes;
        }
        puts("|");
    }
}

static bool is_empty(const table *t, size_t row, size_t from, size_t to) {
    size_t bytes = 0;
    for (size_t i = from; i < to; i++) bytes += t->cells[row * t->columns + i].bytes;
    return !bytes;
}

/* The keys and the columns [from, to), of a part behind the first without rows that have nothing
 * there, and only where some have. */
static void print_part(const table *t, size_t from, size_t to) {
    bool is_later = from > t->keys;
    size_t first = 1;
    while (is_later && first < t->rows && is_empty(t, first, from, to)) first++;
    if (is_later && first >= t->rows) return;
    if (is_later) puts("");
    for (size_t r = 0; r < t->rows; r++) {
        if (r && is_later && is_empty(t, r, from, to)) continue;
        print_row(t, r, from, to);
        for (size_t i = 0; i < to && !r; i++)
            if (i < t->keys || i >= from) print_dashes(t, i);
        if (!r) puts("|");
    }
}

/* A row a paragraph, "head value, head value": its keys, and below them the others. */
static err print_rows(const table *t) {
    strbuf line = {0};
    err e = ERR_OK;
    for (size_t r = 1; r < t->rows && !e; r++) {
        const cell *row = t->cells + r * t->columns;
        for (size_t i = 0; i < t->columns && !e; i++) {
            if (i == t->keys) {
                shown_wrapped("", line.text);
                line.length = 0;
            }
            if (!row[i].bytes) continue;
            e = strbuf_printf(&line, "%s%.*s%s%.*s", line.length ? ", " : "",
                              (int)t->cells[i].bytes, t->cells[i].text,
                              t->cells[i].bytes ? " " : "", (int)row[i].bytes, row[i].text);
        }
        if (!e && line.text) shown_wrapped("  ", line.text);
        line.length = 0;
    }
    strbuf_free(&line);
    return e;
}

/* Where the window is a little too narrow, cells of the widest columns take two lines; where that does
 * not do, all stay as wide as they are. */
static void narrow(table *t, size_t columns) {
    size_t widths[COLUMNS_MOST], all = 1;
    memcpy(widths, t->widths, sizeof widths);
    for (size_t i = 0; i < t->columns; i++) all += widths[i] + FRAME;
    while (all > columns) {
        size_t widest = t->columns;
        for (size_t i = 0; i < t->columns; i++) {
            bool has_room = widths[i] > t->words[i] && widths[i] > FRAME &&
                            2 * (widths[i] - 1) > t->widths[i] + t->words[i] / 2;
            if (has_room && (widest == t->columns || widths[i] > widths[widest])) widest = i;
        }
        if (widest == t->columns) return;
        widths[widest]--;
        all--;
    }
    memcpy(t->widths, widths, sizeof widths);
}

/* A column that does not stand beside the keys even alone is narrowed to what is left, where its cells
 * take three lines at most. */
static void narrow_each(table *t, size_t columns) {
    size_t keys = 1;
    for (size_t i = 0; i < t->keys; i++) keys += t->widths[i] + FRAME;
    size_t room = columns > keys + FRAME ? columns - keys - FRAME : 0;
    for (size_t i = t->keys; i < t->columns; i++)
        if (t->widths[i] > room && t->words[i] <= room && t->widths[i] <= 3 * room)
            t->widths[i] = room;
}

static err print_table(table *t, size_t columns) {
    size_t keys = 1, widest = 0;
    for (size_t i = 0; i < t->columns; i++)
        if (t->widths[i] < FRAME) t->widths[i] = FRAME;
    narrow(t, columns);
    narrow_each(t, columns);
    for (size_t i = 0; i < t->columns; i++) {
        size_t own = t->widths[i] + FRAME;
        if (i < t->keys)
            keys += own;
        else if (own > widest)
            widest = own;
    }
    if (keys + widest > columns) return print_rows(t);
    for (size_t from = t->keys, to; from < t->columns; from = to) {
        size_t width = keys;
        for (to = from; to < t->columns && width + t->widths[to] + FRAME <= columns; to++)
            width += t->widths[to] + FRAME;
        print_part(t, from, to);
    }
    return ERR_OK;
}

/* The lines of a table from `at` on; moves behind them. */
static err take_table(char **at, size_t columns) {
    table t = {0};
    err e = ERR_OK;
    for (size_t n = 0; **at == '|' && !e; n++) {
        char *end = *at + strcspn(*at, "\n"), *line = *at;
        if (n == 1)
            read_dashes(&t, line, end);
        else
            e = add_row(&t, line, end);
        *at = end + (*end == '\n');
    }
    if (!e) e = print_table(&t, columns);
    mem_free(t.cells);
    return e;
}

err terminal_text(const char *markdown) {
    size_t columns = shown_columns();
    char *own = NULL;
    if (columns == SIZE_MAX) {
        fputs(markdown, stdout);
        return ERR_OK;
    }
    err e = mem_strdup(&own, markdown);
    for (char *at = own; !e && *at;) {
        if (*at == '|') {
            e = take_table(&at, columns);
            continue;
        }
        size_t n = strcspn(at, "\n");
        char *next = at + n + (at[n] == '\n');
        at[shown_markdown_plain(at, n)] = '\0';
        shown_line("%s", at);
        at = next;
    }
    mem_free(own);
    return e;
}
