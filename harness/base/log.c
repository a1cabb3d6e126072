#include "base/log.h"

#include "base/log_width.h"
#include "base/outside.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "platform/stream.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 4096, LABEL_BYTES = 12, HELD_BYTES = 4 << 20 };

static bool is_quiet, line_shown;
static _Thread_local unsigned own_rank;
static _Thread_local bool is_told;
static double last_shown;
static char progress_prefix[128];

void log_set_progress_prefix(const char *text) {
    if (own_rank) return; // threads of one process: rank 0's is shown
    snprintf(progress_prefix, sizeof progress_prefix, "%s", text);
}

void log_set_quiet(bool quiet) {
    is_quiet = quiet;
}
static bool log_is_quiet(void) {
    return is_quiet || own_rank;
}

void log_set_rank(unsigned rank) {
    own_rank = rank;
}

bool log_is_terminal(void) {
    const char *term = getenv("TERM");
    return stream_is_terminal(STREAM_ERRORS) && !(term && !strcmp(term, "dumb"));
}

/* Columns of the terminal on stderr or stdout, 80 when unknown. */
static size_t log_columns(void) {
    size_t columns = stream_columns(STREAM_ERRORS);
    if (!columns) columns = stream_columns(STREAM_OUT);
    return columns ? columns : 80;
}

size_t log_width(void) {
    return log_is_terminal() ? log_columns() : SIZE_MAX;
}

void log_hold_output(void) {
    static char held[HELD_BYTES];
    setvbuf(stdout, held, _IOFBF, sizeof held);
}

void log_progress_end(void) {
    if (!line_shown) return;
    outside_begin();
    fputs("\r\033[K", stderr);
    outside_end();
    line_shown = false;
}

/* What standard output holds back comes first: both streams may end in one file, and there lines
 * stand in the order in which things happened. What cannot be written stays known to the stream. */
static void let_output_out(void) {
    if (own_rank) return; // a thread would hold the stream while rank 0 prints
    outside_begin();
    fflush(stdout);
    outside_end();
}

/* Bytes of a word in front that stands in a column of its own ("device  "), or of the blanks in its
 * place where a line goes on with it; or 0. */
static size_t label_bytes(const char *text) {
    size_t word = strcspn(text, " "), all = word + strspn(text + word, " ");
    return all >= word + 2 && all < LABEL_BYTES && text[all] ? all : 0;
}

/* A line; on a terminal it is broken at blanks, not where the window ends. */
static void put_line(const char *before, const char *text) {
    char label[LABEL_BYTES];
    size_t bytes = *before ? 0 : label_bytes(text);
    snprintf(label, sizeof label, "%.*s", (int)bytes, text);
    let_output_out();
    log_progress_end();
    outside_begin();
    shown_wrap(stderr, log_width(), bytes ? label : before, text + bytes);
    outside_end();
}

static void say(const char *before, const char *format, va_list args) {
    char text[LINE_BYTES];
    shown_vsnprintf(text, sizeof text, SHOWN_TERMINAL, format, args);
    put_line(before, text);
}

void log_note(const char *format, ...) {
    if (log_is_quiet()) { // who reads the output alone need not wait either
        let_output_out();
        return;
    }
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

void log_warn(const char *format, ...) {
    va_list args;
    if (own_rank) return;
    va_start(args, format);
    say("warning: ", format, args);
    va_end(args);
}

void log_warn_here(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char before[40] = "warning: ";
    if (own_rank) snprintf(before, sizeof before, "rank %u: warning: ", own_rank);
    say(before, format, args);
    va_end(args);
}

void log_lines(const char *text) {
    if (log_is_quiet()) return;
    char line[LINE_BYTES];
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        put_line("", line);
    }
}

void log_error(err e) {
    if (!own_rank && !is_told) log_error_early(e);
}

void log_error_early(err e) {
    is_told = true;
    put_line("harness: ", err_message(e));
}

/* Cuts a line to so many columns: after its last part that fits, else within the first. */
static void fit_parts(char *line, size_t columns) {
    if (text_width(line) <= columns) return;
    size_t bytes = text_fit(line, columns);
    for (size_t at = bytes; at > 0; at--) {
        if (line[at] != ' ' || line[at + 1] != ' ') continue;
        line[at] = '\0';
        return;
    }
    snprintf(line + text_fit(line, columns ? columns - 1 : 0), sizeof "\xE2\x80\xA6",
             "\xE2\x80\xA6");
}

void log_progress(const char *format, ...) {
    if (log_is_quiet() || !log_is_terminal()) return;
    double now = clock_seconds();
    if (last_shown > 0 && now - last_shown < 0.1) return;
    last_shown = now;
    char line[LINE_BYTES];
    size_t used = shown_snprintf(line, sizeof line / 2, SHOWN_TERMINAL, "%s", progress_prefix);
    va_list args;
    va_start(args, format);
    shown_vsnprintf(line + used, sizeof line - used - UTF8_MAX_BYTES, SHOWN_TERMINAL, format, args);
    va_end(args);
    let_output_out();
    // the last column stays free: some terminals wrap when it is written
    fit_parts(line, log_columns() - 1);
    outside_begin();
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    outside_end();
    line_shown = true;
}

const char *log_duration(char text[LOG_DURATION_BYTES], double seconds) {
    if (seconds < 99.5)
        snprintf(text, LOG_DURATION_BYTES, "%.0f s", seconds);
    else if (seconds < 99.5 * 60)
        snprintf(text, LOG_DURATION_BYTES, "%.0f min", seconds / 60);
    else
        snprintf(text, LOG_DURATION_BYTES, "%.1f h", fmin(seconds / 3600, 1e9));
    return text;
}
