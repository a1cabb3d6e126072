#include "cli/line_reader.h"

#include "base/foreign.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/output.h"
#include "platform/file.h"
#include "platform/stream.h"
#include "text/unicode.h"

#include <errno.h>
#include <string.h>

enum { READ_BYTES = 256 << 10 };

bool line_reader_wanted(const char *const *arguments, size_t count) {
    return !count || (count == 1 && file_is_input(arguments[0]));
}

void line_reader_tell_file(const char *const *arguments, size_t count, const char *how) {
    char word[300];
    size_t i = 0;
    while (i < count && !file_exists(arguments[i])) i++;
    if (line_reader_wanted(arguments, count) || i == count) return;
    shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", arguments[i]);
    log_note("%s is read as a text, and a file is called so: `harness %s %s` reads what is in it",
             word, how, word);
}

void line_reader_init(line_reader *r, int fd, const char *name) {
    *r = (line_reader){.fd = fd, .name = name, .next = 1, .end_byte = '\n', .checked = true};
    r->is_typed = stream_is_terminal(fd);
}

void line_reader_init_raw(line_reader *r, int fd, const char *name, bool null_ended) {
    line_reader_init(r, fd, name);
    r->end_byte = null_ended ? '\0' : '\n';
    r->checked = r->is_typed = false;
}

void line_reader_free(line_reader *r) {
    mem_free(r->bytes);
    mem_free(r->lines);
    mem_free(r->starts);
    mem_free(r->sizes);
    *r = (line_reader){0};
}

/* False when nothing arrives for a moment. Files and closed pipes are ready at once. */
static bool is_ready(int fd) {
    return stream_await(fd, LINE_MOMENT_MS) != 0;
}

/* Reads once, waiting for the first byte. */
static err read_more(line_reader *r) {
    bool is_first = r->next == 1 && !r->count && !r->end;
    err e = is_first ? output_apart_of_input(r->fd, r->name) : ERR_OK;
    if (!e) e = mem_grow((void **)&r->bytes, &r->capacity, r->end + READ_BYTES + 1, 1);
    if (e) return e;
    size_t n;
    if (!stream_read(&n, r->fd, r->bytes + r->end, READ_BYTES))
        return err_set(ERR_IO, "%s: cannot read: %s", r->name, strerror(errno));
    r->end += n;
    r->ended = n == 0;
    return is_first && r->checked ? foreign_refuse(r->name, r->bytes, r->end) : ERR_OK;
}

static err check_line(const line_reader *r, const char *line, size_t bytes) {
    char advice[FOREIGN_ADVICE_BYTES];
    size_t bad = 0;
    if (bytes > LINE_LIMIT_BYTES)
        return err_set(ERR_FORMAT, "%s:%zu: the line is longer than %d bytes", r->name, r->next,
                       LINE_LIMIT_BYTES);
    if (!r->checked) return ERR_OK;
    if (memchr(line, 0, bytes))
        return err_set(ERR_FORMAT, "%s:%zu: a 0 byte in the line", r->name, r->next);
    bool is_last = r->ended && line + bytes == r->bytes + r->end;
    if (utf8_valid(line, bytes, &bad)) return ERR_OK;
    if (is_last && utf8_is_begun(line + bad, bytes - bad))
        return err_set(ERR_FORMAT, "%s:%zu: ends within a letter: it was cut off", r->name,
                       r->next);
    return err_set(ERR_FORMAT, "%s:%zu: byte %zu of the line is not UTF-8; %s", r->name, r->next,
                   bad + 1, foreign_advice(advice, r->name));
}

/* Adds the line of `bytes` bytes at r->begin, which takes `taken` with its end. */
static err take_line(line_reader *r, size_t bytes, size_t taken) {
    char *line = r->bytes + r->begin;
    err e = mem_grow((void **)&r->starts, &r->starts_capacity, r->count + 1, sizeof *r->starts);
    if (!e) e = mem_grow((void **)&r->sizes, &r->sizes_capacity, r->count + 1, sizeof *r->sizes);
    if (e) return e;
    if (r->end_byte && bytes && line[bytes - 1] == '\r') bytes--;
    if ((e = check_line(r, line, bytes))) return e;
    line[bytes] = '\0';
    // a person at a terminal asks nothing with Enter alone
    if (!r->is_typed || line[strspn(line, " \t")]) {
        r->sizes[r->count] = bytes;
        r->starts[r->count++] = r->begin;
    }
    r->begin += taken;
    r->next++;
    return ERR_OK;
}

/* Takes the whole lines that are there, up to `most` in the window. *scanned bytes behind begin are
 * known to hold no line end. */
static err take_lines(line_reader *r, size_t most, size_t *scanned) {
    err e = ERR_OK;
    while (!e && r->count < most) {
        const char *from = r->bytes + r->begin;
        size_t left = r->end - r->begin;
        const char *stop =
            left > *scanned ? memchr(from + *scanned, r->end_byte, left - *scanned) : NULL;
        *scanned = 0;
        if (stop) {
            e = take_line(r, (size_t)(stop - from), (size_t)(stop - from) + 1);
        } else if (r->ended && left) {
            e = take_line(r, left, left);
        } else {
            *scanned = left;
            break;
        }
    }
    return e;
}

/* As in files: one, before the first line. Whether it was there. */
static bool pass_mark(line_reader *r) {
    static const char mark[] = "\xEF\xBB\xBF";
    size_t bytes = sizeof mark - 1;
    bool may_be = r->next == 1 && !r->begun && r->end_byte == '\n';
    if (!may_be || r->end - r->begin < bytes || memcmp(r->bytes + r->begin, mark, bytes))
        return false;
    r->begin += bytes;
    r->begun = true;
    return true;
}

/* What is wrong with a line is said when the lines before it were given out. */
static err after_good_lines(const line_reader *r, err e) {
    if (e != ERR_FORMAT || !r->count) return e;
    err_clear();
    return ERR_OK;
}

err line_reader_window(line_reader *r, size_t most) {
    size_t scanned = 0, kept = r->end - r->begin;
    err e = ERR_OK;
    if (kept) memmove(r->bytes, r->bytes + r->begin, kept);
    r->begin = r->count = 0;
    r->end = kept;
    for (;;) {
        if (pass_mark(r)) scanned = 0;
        if (r->bytes && (e = take_lines(r, most, &scanned))) {
            if ((e = after_good_lines(r, e))) return e;
            break;
        }
        if (r->count == most || r->ended || r->begin > LINE_WINDOW_BYTES) break;
        // two more than allowed: a CR and the byte that makes it too long
        if (r->end - r->begin > LINE_LIMIT_BYTES + 1) {
            if (r->count) break;
            return check_line(r, r->bytes + r->begin, r->end - r->begin);
        }
        if (r->count && !is_ready(r->fd)) break;
        if ((e = read_more(r))) return e;
    }
    if ((e = mem_grow((void **)&r->lines, &r->lines_capacity, r->count, sizeof *r->lines)))
        return e;
    for (size_t i = 0; i < r->count; i++) r->lines[i] = r->bytes + r->starts[i];
    return ERR_OK;
}

err line_reader_go_on(const line_reader *r, err e) {
    if (!r->is_typed || (e != ERR_USAGE && e != ERR_FORMAT && e != ERR_DATA)) return e;
    log_warn("%s", err_message(e));
    err_clear();
    return ERR_OK;
}
