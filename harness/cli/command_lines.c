#include "cli/command_lines.h"

#include "base/shown.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* The bytes of the first word: up to a blank outside of quotes, of which '...' takes \ as it is. */
static size_t word_bytes(const char *at) {
    size_t n = 0;
    char quote = '\0';
    bool escapes = true;
    for (; at[n] && (quote || at[n] != ' '); n++) {
        bool begins = !quote && (at[n] == '"' || at[n] == '\'');
        if (at[n] == '\\' && escapes && at[n + 1]) {
            n++;
        } else if (begins || at[n] == quote) {
            quote = begins ? at[n] : '\0';
            escapes = quote != '\'' || (n && at[n - 1] == '$');
        }
    }
    return n;
}

/* The bytes of the first line, where columns are all there are. */
static size_t line_bytes(const char *command, size_t columns) {
    size_t any = 0, flag = 0, all = strlen(command), most = columns > 2 ? columns - 2 : 1;
    if (text_width_of(command, all) <= columns) return all;
    for (size_t n = word_bytes(command); n < all; n += 1 + word_bytes(command + n + 1)) {
        if (any && text_width_of(command, n) > most) break;
        any = n;
        if (command[n + 1] == '-') flag = n;
    }
    return flag ? flag : any ? any : all;
}

err command_lines_add(strbuf *out, const char *indent, const char *command, size_t columns) {
    size_t used = strlen(indent);
    for (const char *more = "";; more = "    ") {
        size_t taken = used + strlen(more),
               n = line_bytes(command, columns > taken ? columns - taken : 1);
        bool ends = !command[n];
        err e =
            strbuf_printf(out, "%s%s%.*s%s\n", indent, more, (int)n, command, ends ? "" : " \\");
        if (e || ends) return e;
        command += n + 1;
    }
}

void command_lines_print(const char *commands) {
    static const char indent[] = "  ";
    strbuf text = {0};
    err e = ERR_OK;
    for (const char *at = commands; *at && !e;) {
        size_t n = strcspn(at, "\n");
        char *line = NULL;
        e = mem_strndup(&line, at, n);
        if (!e) e = command_lines_add(&text, indent, line, shown_columns());
        mem_free(line);
        at += n + (at[n] == '\n');
    }
    if (!e) fputs(text.text, stdout);
    strbuf_free(&text);
}
