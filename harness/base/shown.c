#include "base/shown.h"

#include "base/utf8.h"
#include "platform/stream.h"

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where bytes go: as many as there is room for, all of them counted. */
typedef struct sink {
    char *out;
    size_t size, used;
} sink;

static void put(sink *s, const char *bytes, size_t count) {
    if (s->used < s->size) {
        size_t left = s->size - s->used;
        memcpy(s->out + s->used, bytes, count < left ? count : left);
    }
    s->used += count;
}

static void put_text(sink *s, const char *text) {
    put(s, text, strlen(text));
}

const char *shown_plural(unsigned long long count) {
    return count == 1 ? "" : "s";
}

bool shown_acts(uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c || point == 0x200e ||
           point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x206f) || point == 0xfeff;
}

static void put_acting(sink *s, uint32_t point) {
    char text[12];
    switch (point) {
    case '\n': put_text(s, "\\n"); return;
    case '\r': put_text(s, "\\r"); return;
    case '\t': put_text(s, "\\t"); return;
    default: snprintf(text, sizeof text, point < 0x100 ? "\\x%02x" : "\\u%04x", point);
    }
    put_text(s, text);
}

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// part of a word, for the underscore: all beyond ASCII counts
static bool is_word(const char *text, size_t bytes, size_t at) {
    return at < bytes && (is_alnum(text[at]) || (text[at] & 0x80));
}

// what a backslash of markdown takes its meaning from
static bool is_markup(char c) {
    return c > ' ' && c < 0x7f && !is_alnum(c);
}

// What stands for the ASCII character at `at`, or NULL: itself.
static const char *markdown_form(const char *text, size_t bytes, size_t at, char buffer[3]) {
    char c = text[at], next = at + 1 < bytes ? text[at + 1] : '\0';
    bool marks = false;
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\\':
    case '`':
    case '*':
    case '~':
    case '|':
    case '[':
    case ']':
    case '#':
    case '$': marks = true; break;
    // inside a word it is none
    case '_': marks = !at || !is_word(text, bytes, at - 1) || !is_word(text, bytes, at + 1); break;
    case '!': marks = next == '['; break;
    // bare addresses become links
    case ':': marks = next == '/'; break;
    case '.': marks = at >= 3 && (text[at - 1] | 0x20) == 'w'; break;
    default: break;
    }
    snprintf(buffer, 3, "\\%c", c);
    return marks ? buffer : NULL;
}

static const char *html_form(char c) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static const char *form(shown_medium medium, const char *text, size_t bytes, size_t at,
                        char buffer[3]) {
    char c = text[at];
    switch (medium) {
    case SHOWN_MARKDOWN: return markdown_form(text, bytes, at, buffer);
    case SHOWN_HTML: return html_form(c);
    case SHOWN_CSV: return c == '"' ? "\"\"" : NULL;
    case SHOWN_YAML: return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
    default: return NULL;
    }
}

static void emit_plain(sink *s, shown_medium medium, const char *text, size_t bytes) {
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        char buffer[3], utf8[UTF8_MAX_BYTES];
        // most of what there is means nothing anywhere
        for (n = 0; i + n < bytes && (is_alnum(text[i + n]) || text[i + n] == ' '); n++) {
        }
        if (n) {
            put(s, text + i, n);
            continue;
        }
        n = utf8_decode_leniently(&point, text + i, bytes - i);
        const char *other = point < 0x80 ? form(medium, text, bytes, i, buffer) : NULL;
        if (shown_acts(point)) {
            // YAML would read the escape
            if (medium == SHOWN_YAML) put_text(s, "\\");
            put_acting(s, point);
        } else if (other) {
            put_text(s, other);
        } else {
            put(s, utf8, utf8_encode(utf8, point));
        }
    }
}

bool shown_begins_formula(const char *text, size_t bytes) {
    uint32_t point = 0;
    if (!utf8_decode(&point, text, bytes)) return false;
    return point == '=' || point == '+' || point == '-' || point == '@' || point == 0xff1d ||
           point == 0xff0b || point == 0xff0d || point == 0xff20;
}

static void emit_csv(sink *s, const char *text, size_t bytes) {
    bool formula = shown_begins_formula(text, bytes), quoted = formula;
    for (size_t i = 0; i < bytes && !quoted; i++) quoted = strchr("\",;", text[i]) != NULL;
    if (quoted) put_text(s, "\"");
    if (formula) put_text(s, "'");
    emit_plain(s, SHOWN_CSV, text, bytes);
    if (quoted) put_text(s, "\"");
}

static void emit_url(sink *s, const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        char code[4];
        if (is_alnum(text[i]) || strchr("-._~/", text[i])) {
            put(s, text + i, 1);
        } else {
            snprintf(code, sizeof code, "%%%02X", (unsigned char)text[i]);
            put_text(s, code);
        }
    }
}

bool shown_is_bare(char c) {
    return is_alnum(c) || (c && strchr("_@%+=:,./-", c));
}

static void emit_shell(sink *s, const char *text, size_t bytes) {
    bool bare = bytes > 0, acts = false;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        n = utf8_decode(&point, text + i, bytes - i);
        bare = bare && n == 1 && shown_is_bare(text[i]);
        acts = acts || !n || shown_acts(point);
        n = n ? n : 1;
    }
    if (bare) {
        put(s, text, bytes);
        return;
    }
    put_text(s, acts ? "$'" : "'");
    for (size_t i = 0; i < bytes; i++) {
        char code[5];
        if (text[i] == '\'') {
            put_text(s, acts ? "\\'" : "'\\''");
        } else if (acts && (text[i] == '\\' || (text[i] & 0x80) || shown_acts((uint8_t)text[i]))) {
            // bytes, so that also what is not UTF-8 comes back
            snprintf(code, sizeof code, "\\x%02x", (unsigned char)text[i]);
            put_text(s, code);
        } else {
            put(s, text + i, 1);
        }
    }
    put_text(s, "'");
}

static void emit(sink *s, shown_medium medium, const char *text, size_t bytes) {
    switch (medium) {
    case SHOWN_CSV: emit_csv(s, text, bytes); return;
    case SHOWN_URL: emit_url(s, text, bytes); return;
    case SHOWN_SHELL: emit_shell(s, text, bytes); return;
    default: emit_plain(s, medium, text, bytes);
    }
}

/* One conversion: "%-*.3llu" is flags "-", a width and a precision that were read, two l, 'u'. */
typedef struct conversion {
    char flags[8];
    int width, precision; /* -1: none */
    bool shortens;        /* the precision stands in digits: no part of a code point is taken */
    char length, type;    /* length: 0, h, H (hh), l, L (ll), z, j, t, D (long double) */
} conversion;

static int read_number(const char **at, va_list *args) {
    int value = 0;
    if (**at == '*') {
        ++*at;
        return va_arg(*args, int);
    }
    while (**at >= '0' && **at <= '9') value = 10 * value + (*(*at)++ - '0');
    return value;
}

static const char *read_conversion(conversion *c, const char *at, va_list *args) {
    size_t flags = 0;
    *c = (conversion){.width = -1, .precision = -1};
    for (; *at && strchr("-+ #0", *at) && flags < sizeof c->flags - 2; at++)
        c->flags[flags++] = *at;
    if (*at == '*' || (*at >= '1' && *at <= '9')) c->width = read_number(&at, args);
    if (c->width < -1) {
        c->flags[flags] = '-';
        c->width = -c->width;
    }
    if (*at == '.') {
        at++;
        c->shortens = *at != '*';
        c->precision = read_number(&at, args);
    }
    if (*at && strchr("hlzjtL", *at)) {
        c->length = *at == 'L' ? 'D' : *at;
        if (at[1] == *at && (*at == 'h' || *at == 'l')) {
            c->length = *at == 'h' ? 'H' : 'L';
            at++;
        }
        at++;
    }
    c->type = *at;
    return *at ? at + 1 : at;
}

// "%-*.*", and the length and type that the value is passed with
static void write_spec(char spec[16], const conversion *c, const char *ending) {
    snprintf(spec, 16, "%%%s*.*%s", c->flags, ending);
}

// NOLINTBEGIN(bugprone-branch-clone): the branches take arguments of different types
static intmax_t signed_of(const conversion *c, va_list *args) {
    switch (c->length) {
    case 'l': return va_arg(*args, long);
    case 'L': return va_arg(*args, long long);
    case 'z': return (intmax_t)va_arg(*args, size_t);
    case 'j': return va_arg(*args, intmax_t);
    case 't': return va_arg(*args, ptrdiff_t);
    default: return va_arg(*args, int);
    }
}

static uintmax_t unsigned_of(const conversion *c, va_list *args) {
    switch (c->length) {
    case 'l': return va_arg(*args, unsigned long);
    case 'L': return va_arg(*args, unsigned long long);
    case 'z': return va_arg(*args, size_t);
    case 'j': return va_arg(*args, uintmax_t);
    case 't': return (uintmax_t)va_arg(*args, ptrdiff_t);
    default: return va_arg(*args, unsigned);
    }
}

static void put_blanks(sink *s, size_t count) {
    for (size_t i = 0; i < count; i++) put(s, " ", 1);
}

static void convert_string(sink *s, shown_medium medium, const conversion *c, const char *text) {
    if (!text) text = "(null)";
    size_t bytes = c->precision >= 0 ? strnlen(text, (size_t)c->precision) : strlen(text);
    if (c->shortens && text[bytes]) bytes = utf8_whole(text, bytes);
    size_t width = 0, least = c->width > 0 ? (size_t)c->width : 0;
    bool left = strchr(c->flags, '-') != NULL;
    if (least) {
        // what is wider than this needs no blanks
        char buffer[512];
        sink measure = {buffer, sizeof buffer, 0};
        emit(&measure, medium, text, bytes);
        width = measure.used < sizeof buffer ? text_width_of(buffer, measure.used) : least;
    }
    if (width < least && !left) put_blanks(s, least - width);
    emit(s, medium, text, bytes);
    if (width < least && left) put_blanks(s, least - width);
}

/* places: how many of the digits stand behind a point */
static void put_digits(sink *s, uintmax_t number, bool less, int places) {
    char text[32];
    size_t at = sizeof text;
    for (int i = 0; i < places; i++, number /= 10) text[--at] = (char)('0' + number % 10);
    if (places) text[--at] = '.';
    do text[--at] = (char)('0' + number % 10);
    while (number /= 10);
    if (less) text[--at] = '-';
    put(s, text + at, sizeof text - at);
}

/* Most of a page's numbers are whole ones or have few places, for which a C library takes most of the
 * page's time. Returns false of one whose last place is not beyond doubt. */
static bool put_real(sink *s, const conversion *c, double value) {
    static const double tens[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    enum { MOST = sizeof tens / sizeof *tens - 1 }; // a product of so many digits is off by 1e-7
    int digits = c->precision < 0 ? 6 : c->precision, places = c->type == 'f' ? digits : 0;
    double size = fabs(value);
    bool whole = c->type == 'g' && digits <= MOST && size < tens[digits] && size == floor(size);
    if (digits > MOST || (c->type != 'f' && !whole)) return false;
    double scaled = size * tens[places], half = fabs(scaled - floor(scaled) - 0.5);
    if (!(scaled < tens[MOST]) || half < 1e-6) return false;
    put_digits(s, (uintmax_t)(scaled + 0.5), signbit(value), places);
    return true;
}

static void convert(sink *s, shown_medium medium, const conversion *c, va_list *args) {
    char spec[16], ending[4] = {'j', c->type, '\0'}, buffer[512];
    int n = 0, width = c->width > 0 ? c->width : 0;
    bool is_plain = !width && !c->flags[0];
    switch (c->type) {
    case '%': put(s, "%", 1); return;
    case 's': convert_string(s, medium, c, va_arg(*args, const char *)); return;
    case 'd':
    case 'i': {
        intmax_t value = signed_of(c, args);
        if (is_plain && c->precision < 0) {
            put_digits(s, value < 0 ? -(uintmax_t)value : (uintmax_t)value, value < 0, 0);
            return;
        }
        write_spec(spec, c, ending);
        n = snprintf(buffer, sizeof buffer, spec, width, c->precision, value);
        break;
    }
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
        uintmax_t value = unsigned_of(c, args);
        if (is_plain && c->precision < 0 && c->type == 'u') {
            put_digits(s, value, false, 0);
            return;
        }
        write_spec(spec, c, ending);
        n = snprintf(buffer, sizeof buffer, spec, width, c->precision, value);
        break;
    }
    case 'c':
        write_spec(spec, c, ending + 1);
        n = snprintf(buffer, sizeof buffer, spec, width, c->precision, va_arg(*args, int));
        break;
    case 'p':
        write_spec(spec, c, ending + 1);
        n = snprintf(buffer, sizeof buffer, spec, width, c->precision, va_arg(*args, void *));
        break;
    default: // the floating ones
        if (c->length == 'D') {
            n = snprintf(buffer, sizeof buffer, "%Lg", va_arg(*args, long double));
            break;
        }
        double value = va_arg(*args, double);
        if (is_plain && put_real(s, c, value)) return;
        write_spec(spec, c, ending + 1);
        n = snprintf(buffer, sizeof buffer, spec, width, c->precision, value);
    }
    if (n > 0) put(s, buffer, (size_t)n < sizeof buffer ? (size_t)n : sizeof buffer - 1);
}
// NOLINTEND(bugprone-branch-clone)

static size_t format_into(char *out, size_t size, shown_medium medium, const char *format,
                          va_list args) {
    sink s = {out, size, 0};
    va_list rest;
    va_copy(rest, args);
    for (const char *at = format; *at;) {
        size_t plain = strcspn(at, "%");
        put(&s, at, plain);
        at += plain;
        if (!*at) break;
        conversion c;
        at = read_conversion(&c, at + 1, &rest);
        convert(&s, medium, &c, &rest);
    }
    va_end(rest);
    return s.used;
}

size_t shown_vsnprintf(char *out, size_t size, shown_medium medium, const char *format,
                       va_list args) {
    size_t whole = format_into(out, size, medium, format, args);
    if (!size) return whole;
    size_t kept = whole < size ? whole : size - 1;
    if (kept < whole) {
        // back to the begin of the code point that was cut
        while (kept && ((unsigned char)out[kept] & 0xC0) == 0x80) kept--;
    }
    out[kept] = '\0';
    return whole;
}

size_t shown_snprintf(char *out, size_t size, shown_medium medium, const char *format, ...) {
    va_list args;
    va_start(args, format);
    size_t whole = shown_vsnprintf(out, size, medium, format, args);
    va_end(args);
    return whole;
}

err shown_vprintf(strbuf *out, shown_medium medium, const char *format, va_list args) {
    size_t left = out->capacity - out->length;
    size_t whole = format_into(left ? out->text + out->length : NULL, left, medium, format, args);
    if (whole >= left) {
        err e = mem_grow((void **)&out->text, &out->capacity, out->length + whole + 1, 1);
        if (e) return e;
        format_into(out->text + out->length, whole, medium, format, args);
    }
    out->length += whole;
    out->text[out->length] = '\0';
    return ERR_OK;
}

err shown_printf(strbuf *out, shown_medium medium, const char *format, ...) {
    va_list args;
    va_start(args, format);
    err e = shown_vprintf(out, medium, format, args);
    va_end(args);
    return e;
}

err shown_add_bytes(strbuf *out, shown_medium medium, const char *text, size_t bytes) {
    size_t left = out->capacity - out->length;
    sink s = {left ? out->text + out->length : NULL, left, 0};
    emit(&s, medium, text, bytes);
    if (s.used >= left) {
        err e = mem_grow((void **)&out->text, &out->capacity, out->length + s.used + 1, 1);
        if (e) return e;
        s = (sink){out->text + out->length, s.used, 0};
        emit(&s, medium, text, bytes);
    }
    out->length += s.used;
    out->text[out->length] = '\0';
    return ERR_OK;
}

err shown_add(strbuf *out, shown_medium medium, const char *text) {
    return shown_add_bytes(out, medium, text, strlen(text));
}

size_t shown_markdown_plain(char *text, size_t bytes) {
    static const char *const entities[][2] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}};
    enum { KNOWN = sizeof entities / sizeof *entities };
    size_t to = 0;
    for (size_t at = 0, n; at < bytes; at += n) {
        size_t k = 0;
        for (n = 0; k < KNOWN; k++) {
            n = strlen(entities[k][0]);
            if (n <= bytes - at && !memcmp(text + at, entities[k][0], n)) break;
        }
        // before a letter it stands for itself: \x1b
        bool marks = k == KNOWN && text[at] == '\\' && at + 1 < bytes && is_markup(text[at + 1]);
        if (k == KNOWN) n = marks ? 2 : 1;
        text[to++] = k < KNOWN ? *entities[k][1] : text[at + marks];
    }
    return to;
}

err shown_code(strbuf *out, const char *text) {
    bool plain = *text != '\0';
    for (const char *c = text; *c && plain; c++)
        plain = is_alnum(*c) || strchr(" ._/+=:,'()@%-", *c);
    return plain ? shown_printf(out, SHOWN_TERMINAL, "`%s`", text)
                 : shown_add(out, SHOWN_MARKDOWN, text);
}

static atomic_bool is_cut;

void shown_cut(void) {
    is_cut = true;
}

bool shown_is_cut(void) {
    return is_cut;
}

void shown_out(const char *format, ...) {
    char buffer[2048];
    va_list args;
    va_start(args, format);
    size_t whole = shown_vsnprintf(buffer, sizeof buffer, SHOWN_TERMINAL, format, args);
    if (whole < sizeof buffer) {
        fwrite(buffer, 1, whole, stdout);
    } else {
        strbuf b = {0};
        if (shown_vprintf(&b, SHOWN_TERMINAL, format, args))
            shown_cut();
        else
            fwrite(b.text, 1, b.length, stdout);
        strbuf_free(&b);
    }
    va_end(args);
}

size_t shown_columns_wished(void) {
    const char *text = getenv("COLUMNS");
    char *end = NULL;
    unsigned long columns = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    return columns && !*end && columns <= UINT16_MAX ? columns : 0;
}

size_t shown_columns(void) {
    size_t wished = shown_columns_wished();
    if (!stream_is_terminal(STREAM_OUT)) return SIZE_MAX;
    if (wished) return wished;
    size_t columns = stream_columns(STREAM_OUT);
    return columns ? columns : 80;
}

/* Where a word that is too long for its line is cut: a path or an address not at all, for it is
 * copied; else between the parts of a name, else where the line ends. */
static size_t cut_word(const char *text, size_t fits) {
    size_t word = strcspn(text, " ");
    if (memchr(text, '/', word)) return word;
    for (size_t cut = fits; cut > 1; cut--)
        if (strchr("-_.,:;=&?", text[cut - 1])) return cut;
    return fits;
}

void shown_wrap(void *stream, size_t columns, const char *label, const char *text) {
    size_t indent = text_width(label);
    // too narrow for anything beside the label: below it
    if (columns < indent + 16) indent = indent < 2 ? indent : 2;
    for (size_t used = text_width(label);;) {
        size_t fitting = columns > used ? columns - used : 1, fits = text_fit(text, fitting),
               cut = fits;
        if (!text[fits]) break;
        while (cut && text[cut] != ' ') cut--;
        uint32_t point;
        if (!cut)
            cut = fits ? cut_word(text, fits) : utf8_decode_leniently(&point, text, strlen(text));
        if (!text[cut]) break;
        size_t end = cut;
        while (end && text[end - 1] == ' ') end--;
        fprintf(stream, "%s%.*s\n%*s", label, (int)end, text, (int)indent, "");
        for (text += cut; *text == ' '; text++) {
        }
        used = indent;
        label = "";
    }
    // at once: other processes and threads may write there too
    fprintf(stream, "%s%s\n", label, text);
}

void shown_wrapped(const char *label, const char *text) {
    shown_wrap(stdout, shown_columns(), label, text);
}

void shown_line(const char *format, ...) {
    strbuf line = {0};
    va_list args;
    va_start(args, format);
    err e = shown_vprintf(&line, SHOWN_TERMINAL, format, args);
    va_end(args);
    if (e) {
        shown_cut();
    } else {
        char label[16];
        size_t n = strspn(line.text, " ");
        if (line.text[n] == '-' && line.text[n + 1] == ' ') n += 2;
        snprintf(label, sizeof label, "%.*s", (int)n, line.text);
        shown_wrapped(label, line.text + strlen(label));
    }
    strbuf_free(&line);
}

size_t shown_width(const char *text) {
    size_t width = 0, bytes = strlen(text);
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        n = utf8_decode_leniently(&point, text + i, bytes - i);
        if (!shown_acts(point))
            width += text_width_of(text + i, n);
        else
            width += point == '\n' || point == '\r' || point == '\t' ? 2 : point < 0x100 ? 4 : 6;
    }
    return width;
}
