#include "base/shown.h"
#include "report/compare_internal.h"
#include "report/html_internal.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 16384, COLUMNS_MAX = 64, WIDE_BYTES = 32 };

/* The little markdown that comparisons are written in: headings, lists, tables, lines. */
typedef enum block { BLOCK_NONE, BLOCK_TABLE, BLOCK_LIST, BLOCK_TEXT } block;

typedef struct walker {
    page p;
    block now;
    bool right[COLUMNS_MAX]; /* columns of the table that are numbers */
    char heading[256];       /* the last one: what tables below it are called */
    size_t tables;           /* below it */
    const compare_side *sides;
    size_t side_count; /* 0: no chart, or it was drawn */
} walker;

// the cell that begins at `at`, unescaped in place; *next is behind its end, NULL after the last
static char *take_cell(char *at, char **next) {
    char *begin = at;
    while (*at && *at != '|') at += *at == '\\' && at[1] ? 2 : 1;
    *next = *at ? at + 1 : NULL;
    char *to = begin + shown_markdown_plain(begin, (size_t)(at - begin));
    while (to > begin && to[-1] == ' ') to--;
    *to = '\0';
    while (*begin == ' ') begin++;
    return begin;
}

// "| a | b |" as cells
static void add_cells(walker *w, char *line, const char *tag) {
    html__add(&w->p, "<tr>");
    char *at = line + 1, *next;
    for (size_t column = 0;; column++, at = next) {
        char *cell = take_cell(at, &next);
        if (!next) break;
        const char *name = *cell ? tag : "td"; // a heading says something
        html__format(&w->p, "<%s", name);
        bool right = column < COLUMNS_MAX && w->right[column];
        // the answers of one side, a list, would push the other's out of a narrow window
        bool wide = !right && strlen(cell) > WIDE_BYTES;
        html__add(&w->p, right ? " class=\"n\">" : wide ? " class=\"wrap\">" : ">");
        html__text(&w->p, cell);
        html__format(&w->p, "</%s>", name);
    }
    html__add(&w->p, "</tr>\n");
}

// "| --- | ---: |": a colon at the end of a cell says that it holds numbers
static void read_rule(walker *w, const char *line) {
    size_t column = 0;
    memset(w->right, 0, sizeof w->right);
    if (strncmp(line, "| -", 3)) return;
    for (const char *at = line + 1; *at && *at != '\n' && column < COLUMNS_MAX; at++)
        if (*at == '|') w->right[column++] = at[-1] == ':' || at[-2] == ':';
}

static void begin_table(walker *w) {
    char label[280];
    w->tables++;
    snprintf(label, sizeof label, w->tables > 1 ? "%s, %zu" : "%s", w->heading, w->tables);
    html__table_begin(&w->p, label, "");
}

static void change_block(walker *w, block next) {
    static const char *const begins[] = {"", "", "<ul>\n", "<p class=\"soft\">"};
    static const char *const ends[] = {"", "</table></div>\n", "</ul>\n", "</p>\n"};
    if (w->now == next) return;
    html__add(&w->p, ends[w->now]);
    html__add(&w->p, begins[next]);
    if (next == BLOCK_TABLE) begin_table(w);
    w->now = next;
}

static void add_text(walker *w, char *text) {
    text[shown_markdown_plain(text, strlen(text))] = '\0';
    html__text(&w->p, text);
}

static void add_heading(walker *w, char *line) {
    size_t level = strspn(line, "#");
    char *text = line + level + (line[level] == ' ');
    html__format(&w->p, "<h%zu>", level);
    add_text(w, text);
    shown_snprintf(w->heading, sizeof w->heading, SHOWN_TERMINAL, "%s", text);
    w->tables = 0;
    html__format(&w->p, "</h%zu>\n", level);
}

static void add_line(walker *w, char *line, const char *rest) {
    bool table = *line == '|', head = w->now != BLOCK_TABLE;
    if (!*line || (*line == '#' && strspn(line, "#") < 4)) {
        change_block(w, BLOCK_NONE);
        if (!strncmp(line, "## ", 3) && !strcmp(line + 3, SAY(&w->p, speed)) && w->side_count) {
            compare__loss_chart(&w->p, w->sides, w->side_count);
            w->side_count = 0;
        }
        if (*line) add_heading(w, line);
        return;
    }
    change_block(w, table ? BLOCK_TABLE : !strncmp(line, "- ", 2) ? BLOCK_LIST : BLOCK_TEXT);
    if (table && head) read_rule(w, rest);
    if (table) {
        if (strncmp(line, "| --", 4)) add_cells(w, line, head ? "th" : "td");
    } else if (w->now == BLOCK_LIST) {
        html__add(&w->p, "<li>");
        add_text(w, line + 2);
        html__add(&w->p, "</li>\n");
    } else {
        add_text(w, line);
        html__add(&w->p, "\n");
    }
}

err compare_html(strbuf *out, const char *text, const compare_side *sides, size_t count,
                 page_language language) {
    walker w = {.p = {.out = out, .language = language}, .sides = sides, .side_count = count};
    html__begin(&w.p, SAY(&w.p, compare_title), NULL);
    html__main(&w.p);
    while (*text) {
        char line[LINE_BYTES];
        size_t n = strcspn(text, "\n"), kept = n < sizeof line - 1 ? n : sizeof line - 1;
        memcpy(line, text, kept);
        line[kept] = '\0';
        text += n + (text[n] == '\n');
        add_line(&w, line, text);
    }
    change_block(&w, BLOCK_NONE);
    html__end(&w.p, SAY(&w.p, footer_compare));
    return w.p.e;
}
