#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one text becomes in each medium. */
static const struct {
    const char *text;
    const char *terminal, *markdown, *html, *csv, *yaml, *url, *shell;
} cases[] = {
    {"kor_hate-1.5B", "kor_hate-1.5B", "kor_hate-1.5B", "kor_hate-1.5B", "kor_hate-1.5B",
     "kor_hate-1.5B", "kor_hate-1.5B", "kor_hate-1.5B"},
    {"바람 a", "바람 a", "바람 a", "바람 a", "바람 a", "바람 a", "%EB%B0%94%EB%9E%8C%20a",
     "'바람 a'"},
    {"\x1b[2J", "\\x1b[2J", "\\x1b\\[2J", "\\x1b[2J", "\\x1b[2J", "\\\\x1b[2J", "%1B%5B2J",
     "$'\\x1b[2J'"},
    {"a\nb\r\t\x7f", "a\\nb\\r\\t\\x7f", "a\\nb\\r\\t\\x7f", "a\\nb\\r\\t\\x7f", "a\\nb\\r\\t\\x7f",
     "a\\\\nb\\\\r\\\\t\\\\x7f", "a%0Ab%0D%09%7F", "$'a\\x0ab\\x0d\\x09\\x7f'"},
    // C1 (CSI), a mark that turns the direction, a line separator
    {"\xC2\x9b\xE2\x80\xAE\xE2\x80\xA8", "\\x9b\\u202e\\u2028", "\\x9b\\u202e\\u2028",
     "\\x9b\\u202e\\u2028", "\\x9b\\u202e\\u2028", "\\\\x9b\\\\u202e\\\\u2028",
     "%C2%9B%E2%80%AE%E2%80%A8", "$'\\xc2\\x9b\\xe2\\x80\\xae\\xe2\\x80\\xa8'"},
    {"\xD8\x9C\xE2\x81\xA6\xEF\xBB\xBF", "\\u061c\\u2066\\ufeff", "\\u061c\\u2066\\ufeff",
     "\\u061c\\u2066\\ufeff", "\\u061c\\u2066\\ufeff", "\\\\u061c\\\\u2066\\\\ufeff",
     "%D8%9C%E2%81%A6%EF%BB%BF", "$'\\xd8\\x9c\\xe2\\x81\\xa6\\xef\\xbb\\xbf'"},
    {"a\xFF", "a\xEF\xBF\xBD", "a\xEF\xBF\xBD", "a\xEF\xBF\xBD", "a\xEF\xBF\xBD", "a\xEF\xBF\xBD",
     "a%FF", "$'a\\xff'"},
    {"<b>&\"'", "<b>&\"'", "&lt;b&gt;&amp;\"'", "&lt;b&gt;&amp;&quot;&#39;", "\"<b>&\"\"'\"",
     "<b>&\\\"'", "%3Cb%3E%26%22%27", "'<b>&\"'\\'''"},
    {"![x](u) `c`|*_~", "![x](u) `c`|*_~", "\\!\\[x\\](u) \\`c\\`\\|\\*\\_\\~", "![x](u) `c`|*_~",
     "![x](u) `c`|*_~", "![x](u) `c`|*_~", "%21%5Bx%5D%28u%29%20%60c%60%7C%2A_~",
     "'![x](u) `c`|*_~'"},
    {"http://a www.b", "http://a www.b", "http\\://a www\\.b", "http://a www.b", "http://a www.b",
     "http://a www.b", "http%3A//a%20www.b", "'http://a www.b'"},
    {"www.b", "www.b", "www\\.b", "www.b", "www.b", "www.b", "www.b", "www.b"},
    {"WWW.b", "WWW.b", "WWW\\.b", "WWW.b", "WWW.b", "WWW.b", "WWW.b", "WWW.b"},
    {"w.b", "w.b", "w.b", "w.b", "w.b", "w.b", "w.b", "w.b"},
    {"_a a_b c_", "_a a_b c_", "\\_a a_b c\\_", "_a a_b c_", "_a a_b c_", "_a a_b c_",
     "_a%20a_b%20c_", "'_a a_b c_'"},
    {"a!", "a!", "a!", "a!", "a!", "a!", "a%21", "'a!'"},
    {"=1+1", "=1+1", "=1+1", "=1+1", "\"'=1+1\"", "=1+1", "%3D1%2B1", "=1+1"},
    {"-2,5", "-2,5", "-2,5", "-2,5", "\"'-2,5\"", "-2,5", "-2%2C5", "-2,5"},
    {"@a", "@a", "@a", "@a", "\"'@a\"", "@a", "%40a", "@a"},
    {"", "", "", "", "", "", "", "''"},
};

Test(shown, each_medium_has_its_rule) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const wanted[] = {cases[i].terminal, cases[i].markdown, cases[i].html,
                                      cases[i].csv,      cases[i].yaml,     cases[i].url,
                                      cases[i].shell};
        for (int m = SHOWN_TERMINAL; m <= SHOWN_SHELL; m++) {
            strbuf out = {0}, formatted = {0};
            char buffer[256];
            MUST(shown_add(&out, (shown_medium)m, cases[i].text));
            cr_expect_str_eq(out.text, wanted[m], "case %zu, medium %d: %s, expected %s", i, m,
                             out.text, wanted[m]);
            // a format writes its own text as it is
            MUST(shown_printf(&formatted, (shown_medium)m, "<|%s|%d%%", cases[i].text, -7));
            snprintf(buffer, sizeof buffer, "<|%s|-7%%", wanted[m]);
            cr_expect_str_eq(formatted.text, buffer);
            strbuf_free(&out);
            strbuf_free(&formatted);
        }
    }
}

/* Both ends of each range of code points that act on a terminal or turn its direction. */
Test(shown, ranges_of_acting_points_have_their_ends) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},  {0x200e, 0x200f},
                  {0x2028, 0x202e}, {0x2066, 0x206f}, {0xfeff, 0xfeff}};
    enum { RANGES = sizeof ranges / sizeof *ranges };
    for (size_t i = 0; i < RANGES; i++) {
        cr_expect(shown_acts(ranges[i].first) && shown_acts(ranges[i].last), "%zu", i);
        cr_expect(!ranges[i].first || !shown_acts(ranges[i].first - 1), "%zu", i);
        cr_expect_not(shown_acts(ranges[i].last + 1), "%zu", i);
    }
}

/* Cells that a spreadsheet would reckon, in letters of either width, and those it would part. */
Test(shown, cells_of_tables_are_safe) {
    static const struct {
        const char *text, *cell;
    } cells[] = {{"+1", "\"'+1\""},
                 {"\xEF\xBC\x9D"
                  "1",
                  "\"'\xEF\xBC\x9D"
                  "1\""},
                 {"\xEF\xBC\x8B", "\"'\xEF\xBC\x8B\""},
                 {"\xEF\xBC\x8D", "\"'\xEF\xBC\x8D\""},
                 {"\xEF\xBC\xA0", "\"'\xEF\xBC\xA0\""},
                 {"a;b", "\"a;b\""},
                 {"a,b", "\"a,b\""},
                 {"a=b", "a=b"}};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        strbuf out = {0};
        MUST(shown_add(&out, SHOWN_CSV, cells[i].text));
        cr_expect_str_eq(out.text, cells[i].cell, "%s", out.text);
        strbuf_free(&out);
    }
}

Test(shown, formats_are_those_of_printf) {
    char own[256], theirs[256];
#define SAME(...)                                                                                  \
    do {                                                                                           \
        size_t n = shown_snprintf(own, sizeof own, SHOWN_TERMINAL, __VA_ARGS__);                   \
        snprintf(theirs, sizeof theirs, __VA_ARGS__);                                              \
        cr_expect_str_eq(own, theirs);                                                             \
        cr_expect_eq(n, strlen(theirs));                                                           \
    } while (0)
    SAME("%d %5d %-5d| %05d %+d %i", 1, -2, 3, -4, 5, -6);
    SAME("%u %lu %llu %zu %hhu %x %#X %o", 4294967295u, 1ul, 18446744073709551615ull, (size_t)7,
         (unsigned char)200, 255u, 255u, 8u);
    SAME("%ld %lld %td %jd", -1l, -9223372036854775807ll, (ptrdiff_t)-3, (intmax_t)-4);
    SAME("%f %.2f %8.3f %-9.1f| %e %g %.3g %+.2f %.0f", 1.5, 2.345, 3.14159, 2.0, 12345.0, 1e-9,
         1e10, 0.5, 2.5);
    SAME("%s %.3s %8s %-8s| %*d %.*s %-*s|", "a", "abcdef", "right", "left", 5, 42, 2, "xyz", 6,
         "w");
    SAME("%c%c %% %p", 'a', 'b', (void *)own);
    SAME("%d %.0d %+d %zd|", 0, 0, 0, (ptrdiff_t)-1);
    // tenths, of which some lie between two
    for (int i = -40; i <= 4000; i++) SAME("%.1f %.1f", i / 40.0, 999990 + i / 160.0);
    SAME("%.1f %.1f %.1f %.1f %.1f %5.1f %+.1f", -0.0, 0.049, 1e9 / 3, 1e100, (double)NAN, 2.55,
         0.5);
    // so of other places, and of whole numbers
    for (int i = -40; i <= 4000; i++)
        SAME("%.0f %.2f %.3f", i / 8.0, i / 800.0, 99999 + i / 1600.0);
    for (int i = -40; i <= 4000; i++)
        SAME("%.4f %g %.8g", i / 32e3, i * 250.0, i * 25e3 + i % 2 * .5);
    SAME("%.4f %.9f %.12f %.10g %g %g", 12345678.25, 0.5, 0.25, 12345678901.0, -0.0, 999999.5);
    // by columns, not bytes
    shown_snprintf(own, sizeof own, SHOWN_TERMINAL, "%-6s|%6s|", "바람", "\n");
    cr_expect_str_eq(own, "바람  |    \\n|");
}

Test(shown, what_does_not_fit_is_cut_between_code_points) {
    char buffer[8];
    cr_expect_eq(shown_snprintf(buffer, sizeof buffer, SHOWN_TERMINAL, "%s", "바람모델"), 12);
    cr_expect_str_eq(buffer, "바람");
    cr_expect_eq(shown_snprintf(buffer, 0, SHOWN_TERMINAL, "%s", "abc"), 3);
    // a precision in digits cuts a text; one in an argument is the length of one that may end there
    const char *const whole[] = {"", "", "", "바", "바", "바", "바람"};
    for (size_t i = 1; i < sizeof whole / sizeof *whole; i++) {
        const char format[] = {'%', '.', (char)('0' + i), 's', '\0'};
        strbuf out = {0};
        MUST(shown_printf(&out, SHOWN_TERMINAL, format, "바람모델"));
        cr_expect_str_eq(out.text, whole[i], "%zu bytes: %s", i, out.text);
        strbuf_free(&out);
    }
    shown_snprintf(buffer, sizeof buffer, SHOWN_TERMINAL, "%.3s|", "\xf0\x9f\x98\x80");
    cr_expect_str_eq(buffer, "|");
    shown_snprintf(buffer, sizeof buffer, SHOWN_TERMINAL, "%.*s", 4, "바람");
    cr_expect_str_eq(buffer, "바\xef\xbf\xbd");
    shown_snprintf(buffer, sizeof buffer, SHOWN_TERMINAL, "%.2s", "\x80\x80\x80");
    cr_expect_str_eq(buffer, "\xef\xbf\xbd\xef\xbf\xbd");
}

Test(shown, code_and_numbers) {
    strbuf out = {0};
    char text[SHOWN_NUMBER_BYTES];
    MUST(shown_code(&out, "dev"));
    MUST(shown_code(&out, "a`<b>"));
    cr_expect_str_eq(out.text, "`dev`a\\`&lt;b&gt;");
    strbuf_free(&out);
    cr_expect_str_eq(shown_number(text, 16777217), "16777217");
    cr_expect_str_eq(shown_number(text, 0.9999999), "0.9999999");
    cr_expect_str_eq(shown_number(text, 5e-5), "5e-05");
    cr_expect_str_eq(shown_number(text, -1), "-1");
    cr_expect_str_eq(shown_single(text, 4.6F), "4.6");
    cr_expect_str_eq(shown_single(text, 0.1F + 0.2F), "0.3");
    cr_expect_str_eq(shown_single(text, 16777215.F), "16777215");
    cr_expect_str_eq(shown_single(text, 300), "300");
    cr_expect_str_eq(shown_single(text, -0.33333334F), "-0.33333334");
    cr_expect_str_eq(shown_single(text, 1e-40F), "1e-40");
    cr_expect_str_eq(shown_plural(0), "s");
    cr_expect_str_eq(shown_plural(1), "");
    cr_expect_str_eq(shown_plural(1ULL << 32), "s");
}

Test(shown, counts_have_a_comma_before_every_third_digit) {
    static const struct {
        uint64_t count;
        const char *text;
    } counts[] = {{0, "0"},
                  {7, "7"},
                  {999, "999"},
                  {1000, "1,000"},
                  {12345, "12,345"},
                  {999999, "999,999"},
                  {1000000, "1,000,000"},
                  {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char text[SHOWN_COUNT_BYTES];
        cr_expect_str_eq(shown_count(text, counts[i].count), counts[i].text);
    }
}

/* The first of all numbers of digits that reads back, over the whole range. */
Test(shown, numbers_have_the_fewest_digits) {
    char text[SHOWN_NUMBER_BYTES], plain[SHOWN_NUMBER_BYTES];
    for (uint32_t i = 0; i < 20000; i++) {
        philox w = philox4x32((philox){{i, 0, 0, 0}}, 5, 7);
        double value, few = (double)(w.v[2] % 100000) / pow(10, w.v[3] % 12);
        uint64_t bits = (uint64_t)w.v[0] << 32 | w.v[1];
        if (i % 5 == 0) bits &= ~(0x7ffULL << 52); // subnormal
        memcpy(&value, &bits, sizeof value);
        if (i % 5 == 1) value = few;
        // below 1, and near decimals of 15 and 16 digits
        if (i % 5 == 2) value = ldexp((double)(bits >> 11), -53 - (int)(w.v[2] % 11));
        if (i % 5 == 3) value = (double)(bits >> 14) / (i % 2 ? 1e15 : 1e16);
        if (i % 5 == 3 && w.v[2] % 3) value = nextafter(value, w.v[2] % 3 == 1 ? 0 : 1);
        if (!isfinite(value) || (value == floor(value) && fabs(value) < 1e15)) continue;
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(plain, sizeof plain, "%.*g", digits, value);
            if (strtod(plain, NULL) == value) break;
        }
        cr_assert_str_eq(shown_number(text, value), plain);
        float single = (float)few;
        cr_assert_eq(strtof(shown_single(text, single), NULL), single, "%s", text);
    }
}

/* Lines behind the first begin below the text, or at 2 where a label leaves no room beside it. */
Test(shown, long_texts_are_broken_at_blanks) {
    static const struct {
        const char *label, *text;
        size_t columns;
        const char *lines;
    } wraps[] = {
        {"", "aaaa bbbb", 9, "aaaa bbbb\n"},
        {"", "aaaa bbbb", 8, "aaaa\nbbbb\n"},
        {"a: ", "aaaa bbbb cccc dddd", 19, "a: aaaa bbbb cccc\n   dddd\n"},
        {"name-long: ", "aaaa bbbb cccc dddd eeee", 20, "name-long: aaaa bbbb\n  cccc dddd eeee\n"},
        {"바람: ", "aaaa bbbb cccc dddd", 22, "바람: aaaa bbbb cccc\n      dddd\n"},
        {"a: ", "aaaaaaaaaaaaaaaaaaaa", 19, "a: aaaaaaaaaaaaaaaa\n   aaaa\n"},
        // no path is cut, for it is copied; nor a part of a name where another break is possible
        {"", "runs/own-c/ko-tiny-s42: gone", 20, "runs/own-c/ko-tiny-s42:\ngone\n"},
        {"at ", "/a-file-of-a-long-name.json", 20, "at /a-file-of-a-long-name.json\n"},
        {"", "a-file-of-a-long-name.json", 20, "a-file-of-a-long-\nname.json\n"},
        {"", "가나다라마바사아자차카", 16, "가나다라마바사아\n자차카\n"},
        // nor does a line end in blanks
        {"", "aaaa  bbbb", 5, "aaaa\nbbbb\n"},
    };
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++) {
        char *lines = NULL;
        size_t bytes = 0;
        FILE *stream = open_memstream(&lines, &bytes);
        cr_assert(stream);
        shown_wrap(stream, wraps[i].columns, wraps[i].label, wraps[i].text);
        fclose(stream);
        cr_expect_str_eq(lines, wraps[i].lines, "case %zu: %s", i, lines);
        free(lines);
    }
}

Test(shown, messages_do_not_act) {
    err e = err_set(ERR_DATA, "%s: no such file", "a\x1b]0;title\x07\nharness: all is well");
    cr_expect_str_eq(err_message(e), "a\\x1b]0;title\\x07\\nharness: all is well: no such file");
    e = err_wrap(e, "task %s", "\xE2\x80\xAEx");
    cr_expect_str_eq(err_message(e), "task \\u202ex: a\\x1b]0;title\\x07\\nharness: all is well: "
                                     "no such file");
    // a message may be put into the next: it stays as it is
    e = err_set(e, "%s", err_message(e));
    cr_expect(strstr(err_message(e), "task \\u202ex: a\\x1b]0;"));
}

/* JSON keeps the text; what could act on a terminal is written as an escape of JSON's own. */
Test(shown, json_is_utf_8_and_does_not_act) {
    cJSON *value = NULL;
    char *text = NULL;
    value = cJSON_CreateString("a\xFF\x1b\x7f\xC2\x9b\xE2\x80\xAE바\"");
    MUST(json_print(&text, value, false));
    cr_expect_str_eq(text, "\"a\xEF\xBF\xBD\\u001b\\u007f\\u009b\\u202e바\\\"\"");
    cJSON_Delete(value);
    MUST(json_parse(&value, text, strlen(text), "here"));
    cr_expect_str_eq(value->valuestring, "a\xEF\xBF\xBD\x1b\x7f\xC2\x9b\xE2\x80\xAE바\"");
    cJSON_Delete(value);
    mem_free(text);
    cr_expect_eq(mem_live_count(), 0);
}

Test(shown, memory_may_be_short) {
    for (uint64_t nth = 1; nth < 4; nth++) {
        strbuf out = {0};
        mem_fail_at(nth);
        err e = shown_add(&out, SHOWN_HTML, "<text>");
        if (!e) e = shown_printf(&out, SHOWN_CSV, "%s %200s", "=1", "");
        mem_fail_at(0);
        cr_expect(!e || e == ERR_MEMORY);
        strbuf_free(&out);
    }
    cr_expect_eq(mem_live_count(), 0);
}

Test(shown, sizes) {
    static const struct {
        uint64_t bytes;
        const char *text;
    } listed[] = {{0, "0 bytes"},           {1, "1 byte"},
                  {999, "999 bytes"},       {1000, "1.0 kB"},
                  {999949, "999.9 kB"},     {999950, "1.0 MB"},
                  {12345678, "12.3 MB"},    {64123456789, "64.1 GB"},
                  {999950000000, "1.0 TB"}, {UINT64_MAX, "18446744.1 TB"}};
    char text[SHOWN_SIZE_BYTES];
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        cr_expect_str_eq(shown_size(text, listed[i].bytes), listed[i].text);
}
