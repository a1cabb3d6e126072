#include "base/shell_words.h"

#include "base/ascii.h"
#include "base/shown.h"
#include "base/utf8.h"

#include <string.h>

static int digit_of(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The character behind the \ at *at, which is left at its last byte. */
static char read_escape(const char **at, bool takes_codes) {
    const char *p = ++*at;
    if (!takes_codes) return *p;
    if (*p == 'n') return '\n';
    if (*p == 't') return '\t';
    if (*p != 'x' || digit_of(p[1]) < 0 || digit_of(p[2]) < 0) return *p;
    *at += 2;
    return (char)(16 * digit_of(p[1]) + digit_of(p[2]));
}

err shell_word(bool *is, strbuf *word, const char **command) {
    const char *at = *command + strspn(*command, " \t\n");
    char quote = '\0';
    bool takes_codes = false; // within $'...'
    word->length = 0;
    *is = *at != '\0';
    err e = strbuf_add(word, "");
    for (; *at && (quote || !strchr(" \t\n", *at)) && !e; at++) {
        char c = *at;
        if (c == '\\' && at[1] && (quote != '\'' || takes_codes)) {
            c = read_escape(&at, takes_codes);
        } else if (!quote && c == '$' && at[1] == '\'') {
            takes_codes = true;
            quote = *++at;
            continue;
        } else if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? '\0' : c;
            takes_codes = false;
            continue;
        }
        e = strbuf_add_bytes(word, &c, 1);
    }
    *command = at;
    return e;
}

err shell_flag(bool *has, strbuf *value, const char **command, const char *flag) {
    const size_t length = strlen(flag);
    bool is = true;
    *has = false;
    err e = ERR_OK;
    while (!e && is && !*has) {
        e = shell_word(&is, value, command);
        *has = !e && is && !strncmp(value->text, flag, length) &&
               (!value->text[length] || value->text[length] == '=');
    }
    if (e || !*has) return e;
    const char *next = *command;
    if (!value->text[length]) return shell_word(&is, value, &next);
    memmove(value->text, value->text + length + 1, value->length - length);
    value->length -= length + 1;
    return ERR_OK;
}

/* Moves *at, which is behind a quote, to the one that closes it. */
static bool skip_quoted(const char **at, bool takes_codes) {
    for (size_t n; **at && **at != '\''; *at += n) {
        uint32_t point;
        n = utf8_decode(&point, *at, strlen(*at));
        if (!n || shown_acts(point)) return false;
        if (point == '\\' && takes_codes && !(*at)[n++]) return false;
    }
    return **at;
}

bool shell_is_words(const char *command) {
    for (const char *at = command; *at; at++) {
        bool takes_codes = *at == '$' && at[1] == '\'';
        if (takes_codes || *at == '\'') {
            at += takes_codes ? 2 : 1;
            if (!skip_quoted(&at, takes_codes)) return false;
        } else if (*at == '\\' && at[1] == '\'') {
            at++;
        } else if (*at != ' ' && !shown_is_bare(*at)) {
            return false;
        }
    }
    return true;
}
