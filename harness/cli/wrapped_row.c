#include "cli/wrapped_row.h"

#include "base/shown.h"
#include "base/utf8.h"
#include "platform/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MOST = 20 };

/* *lines: text in lines of so many columns, each with its end; freed with free. */
static err break_text(char **lines, const char *text, size_t columns) {
    size_t bytes = 0;
    FILE *stream = stream_into(lines, &bytes);
    if (stream) shown_wrap(stream, columns, "", text);
    if (!stream || fclose(stream)) return err_set(ERR_MEMORY, "out of memory for a table");
    return ERR_OK;
}

err wrapped_row_add(strbuf *out, const char *text, size_t columns, const char *behind) {
    strbuf whole = {0};
    char *lines = NULL;
    err e = shown_add(&whole, SHOWN_TERMINAL, text);
    if (!e) e = break_text(&lines, whole.text ? whole.text : "", columns);
    size_t count = 0;
    for (const char *at = lines; !e && *at;) {
        if (count++ == LINES_MOST) {
            e = strbuf_add(out, "  …\n");
            break;
        }
        size_t n = strcspn(at, "\n"), wide = text_width_of(at, n);
        bool is_first = at == lines;
        e = strbuf_printf(out, "  %.*s%*s%s\n", (int)n, at,
                          is_first && wide < columns ? (int)(columns - wide) : 0, "",
                          is_first ? behind : "");
        at += n + 1;
    }
    free(lines);
    strbuf_free(&whole);
    return e;
}
