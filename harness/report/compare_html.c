#include "report/compare.h"
#include "report/html_internal.h"

#include <string.h>

enum { LINE_BYTES = 4096 };

// "| a | b |" as cells
static void add_cells(page *p, char *line, const char *tag) {
    html__add(p, "<tr>");
    char *at = line + 1;
    for (char *end; (end = strchr(at, '|')); at = end + 1) {
        *end = '\0';
        while (*at == ' ') at++;
        size_t n = strlen(at);
        while (n && at[n - 1] == ' ') at[--n] = '\0';
        html__format(p, "<%s>", tag);
        html__text(p, at);
        html__format(p, "</%s>", tag);
    }
    html__add(p, "</tr>\n");
}

typedef enum block { BLOCK_NONE, BLOCK_TABLE, BLOCK_PRE } block;

static void change_block(page *p, block *now, block next) {
    static const char *const begins[] = {"", "<table>\n", "<pre>"};
    static const char *const ends[] = {"", "</table>\n", "</pre>\n"};
    if (*now == next) return;
    html__add(p, ends[*now]);
    html__add(p, begins[next]);
    *now = next;
}

err compare_html(strbuf *out, const char *title, const char *text) {
    page p = {.out = out};
    block now = BLOCK_NONE;
    html__begin(&p, title);
    html__add(&p, "<h1>");
    html__text(&p, title);
    html__add(&p, "</h1>\n");
    while (*text) {
        char line[LINE_BYTES];
        size_t n = strcspn(text, "\n"), kept = n < sizeof line - 1 ? n : sizeof line - 1;
        memcpy(line, text, kept);
        line[kept] = '\0';
        text += n + (text[n] == '\n');
        if (!strncmp(line, "| ---", 5)) continue;
        bool head = now != BLOCK_TABLE;
        change_block(&p, &now, *line == '|' ? BLOCK_TABLE : BLOCK_PRE);
        if (now == BLOCK_TABLE) {
            add_cells(&p, line, head ? "th" : "td");
        } else {
            html__text(&p, line);
            html__add(&p, "\n");
        }
    }
    change_block(&p, &now, BLOCK_NONE);
    html__end(&p, NULL);
    return p.e;
}
