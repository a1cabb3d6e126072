#include "report/grid.h"

#include "base/shown.h"
#include "text/unicode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

grid grid_begin(const char *columns) {
    return (grid){.columns = columns};
}

void grid_text(grid *g, const char *text) {
    if (g->e) return;
    g->e = mem_grow((void **)&g->cells, &g->capacity, g->count + 1, sizeof *g->cells);
    if (g->e) return;
    strbuf cell = {0};
    g->e = shown_add(&cell, SHOWN_MARKDOWN, text);
    g->cells[g->count++] = cell.text;
}

void grid_cell(grid *g, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    grid_text(g, text);
}

static err add_blanks(strbuf *out, size_t count, const char *blank) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) e = strbuf_add(out, blank);
    return e;
}

static err add_cell(strbuf *out, const char *text, size_t width, bool right) {
    size_t own = text_width(text), free = width > own ? width - own : 0;
    err e = strbuf_add(out, " ");
    if (!e && right) e = add_blanks(out, free, " ");
    if (!e) e = strbuf_add(out, text);
    if (!e && !right) e = add_blanks(out, free, " ");
    return e ? e : strbuf_add(out, " |");
}

static err add_rule(strbuf *out, const size_t *widths, size_t count, const char *columns) {
    err e = strbuf_add(out, "|");
    for (size_t c = 0; c < count && !e; c++) {
        bool right = columns[c] == 'r';
        if (!(e = strbuf_add(out, " ")) && !(e = add_blanks(out, widths[c] - right, "-")))
            e = strbuf_add(out, right ? ": |" : " |");
    }
    return e ? e : strbuf_add(out, "\n");
}

err grid_end(strbuf *out, grid *g) {
    size_t *widths = NULL, columns = strlen(g->columns);
    err e = g->e ? g->e : mem_new(&widths, columns);
    if (e) goto done;
    for (size_t c = 0; c < columns; c++) widths[c] = 3;
    for (size_t i = 0; i < g->count; i++) {
        size_t width = text_width(g->cells[i]);
        if (width > widths[i % columns]) widths[i % columns] = width;
    }
    for (size_t i = 0; i < g->count && !e; i++) {
        size_t c = i % columns;
        if (!c && (e = strbuf_add(out, "|"))) break;
        e = add_cell(out, g->cells[i], widths[c], g->columns[c] == 'r');
        if (!e && c == columns - 1) e = strbuf_add(out, "\n");
        if (!e && i == columns - 1) e = add_rule(out, widths, columns, g->columns);
    }
done:
    for (size_t i = 0; i < g->count; i++) mem_free(g->cells[i]);
    mem_free(g->cells);
    mem_free(widths);
    *g = (grid){0};
    return e;
}
