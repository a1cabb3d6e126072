#include "base/foreign.h"

#include "base/ascii.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "platform/file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_BYTES = 4096 };

/* Before a charset, in place of advice. */
#define CONVERT "<"

/* First bytes, and what to say. A longer start stands before one that it begins with. */
static const struct {
    const char *start;
    size_t count;
    const char *kind, *advice;
} kinds[] = {
#define ROW(start, kind, advice) {(start), sizeof(start) - 1, (kind), (advice)},
    // clang-format off
    ROW("\xFF\xFE\0\0", "text in UTF-32", CONVERT "UTF-32")
    ROW("\0\0\xFE\xFF", "text in UTF-32", CONVERT "UTF-32")
    ROW("\xFF\xFE", "text in UTF-16", CONVERT "UTF-16")
    ROW("\xFE\xFF", "text in UTF-16", CONVERT "UTF-16")
    ROW("\x1F\x8B", "compressed by gzip", "unpack it first: gunzip")
    ROW("BZh", "compressed by bzip2", "unpack it first: bunzip2")
    ROW("\xFD" "7zXZ\0", "compressed by xz", "unpack it first: unxz")
    ROW("\x28\xB5\x2F\xFD", "compressed by zstd", "unpack it first: unzstd")
    ROW("7z\xBC\xAF\x27\x1C", "a 7z archive", "unpack it first")
    ROW("PK\3\4", "a zip archive", "unpack it first: unzip")
    ROW("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old Excel, Word or Hangul document", "save it as CSV in UTF-8")
    ROW("%PDF-", "a PDF", "its text is needed")
    ROW("PAR1", "a Parquet file", "export it as CSV or JSON lines")
    ROW("ARROW1", "an Arrow file", "export it as CSV or JSON lines")
    ROW("SQLite format 3", "an SQLite database", "export it as CSV")
    ROW("{\\rtf", "an RTF document", "its text is needed")
// clang-format on
#undef ROW
};

/* The part of a path after the last '/'. */
static const char *last_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The command that converts a file from the charset, to be pasted into a shell; of what is no file the
 * command alone. Returns out. */
enum { COMMAND_BYTES = FOREIGN_ADVICE_BYTES - 64 };
static const char *conversion(char out[COMMAND_BYTES], const char *charset, const char *where) {
    if (path_is_there(where))
        shown_snprintf(out, COMMAND_BYTES, SHOWN_SHELL, "iconv -f %s -t UTF-8 %s > utf8-%s",
                       charset, where, last_name(where));
    else
        shown_snprintf(out, COMMAND_BYTES, SHOWN_SHELL, "iconv -f %s -t UTF-8", charset);
    return out;
}

const char *foreign_advice(char out[FOREIGN_ADVICE_BYTES], const char *where) {
    char command[COMMAND_BYTES];
    snprintf(out, FOREIGN_ADVICE_BYTES, "text in CP949 has to be converted first: %s",
             conversion(command, "CP949", where));
    return out;
}

static err refuse(const char *where, const char *kind, const char *advice) {
    char command[COMMAND_BYTES];
    if (*advice == *CONVERT)
        return err_set(ERR_FORMAT, "%s: is %s, text in UTF-8 is expected: convert it first: %s",
                       where, kind, conversion(command, advice + 1, where));
    return err_set(ERR_FORMAT, "%s: is %s, text in UTF-8 is expected: %s", where, kind, advice);
}

/* Words of four bytes whose bytes above a code point's range are 0: text without a mark. */
static bool is_utf32(const uint8_t *b, size_t count, bool big) {
    size_t words = count / 4;
    for (size_t i = 0; i < words; i++) {
        const uint8_t *w = b + 4 * i;
        if (w[big ? 0 : 3] || w[big ? 1 : 2] > 0x10) return false;
    }
    return words > 1;
}

/* Commas, blanks, digits and line ends give a 0 in every second byte; Hangul hardly does in the
 * other (its low byte is 0 in one syllable of 256). No unit is a control or half of a pair alone, as
 * one unit in 15 of binary data is. */
static bool is_utf16(const uint8_t *b, size_t count, bool big) {
    size_t zeros[2] = {0};
    bool is_high = false;
    for (size_t i = 0; i + 1 < count; i += 2) {
        zeros[0] += b[i] == 0;
        zeros[1] += b[i + 1] == 0;
        unsigned unit = big ? b[i] * 256U + b[i + 1] : b[i + 1] * 256U + b[i];
        if (is_high != (unit >> 10 == 0xDC00 >> 10)) return false;
        is_high = unit >> 10 == 0xD800 >> 10;
        if (unit < ' ' && unit != '\t' && unit != '\n' && unit != '\r') return false;
    }
    return zeros[!big] >= 2 && zeros[!big] > 2 * zeros[big];
}

static bool has(const uint8_t *b, size_t count, const char *part) {
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= count; i++)
        if (!memcmp(b + i, part, n)) return true;
    return false;
}

err foreign_refuse(const char *where, const void *bytes, size_t count) {
    const uint8_t *b = bytes;
    if (count > LOOK_BYTES) count = LOOK_BYTES;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (count < kinds[i].count || memcmp(b, kinds[i].start, kinds[i].count) != 0) continue;
        if (b[0] == 'P' && (has(b, count, "[Content_Types].xml") || has(b, count, "xl/")))
            return refuse(where, "an Excel workbook", "save it as CSV in UTF-8");
        return refuse(where, kinds[i].kind, kinds[i].advice);
    }
    if (count >= 14 &&
        (ascii_starts_fold(bytes, "<!DOCTYPE html") || ascii_starts_fold(bytes, "<html")))
        return refuse(where, "a web page", "was it saved in place of the file?");
    if (count < 2 || !memchr(b, 0, count)) return ERR_OK;
    if (is_utf32(b, count, false)) return refuse(where, "text in UTF-32", CONVERT "UTF-32LE");
    if (is_utf32(b, count, true)) return refuse(where, "text in UTF-32", CONVERT "UTF-32BE");
    size_t bad = 0, zeros = 0;
    bool is_utf8 =
        utf8_valid(bytes, count, &bad) || utf8_is_begun((const char *)bytes + bad, count - bad);
    for (size_t i = 0; i < count; i++) zeros += !b[i];
    // of UTF-16 that reads as UTF-8 nearly every second byte is 0: here one got between the letters
    if (is_utf8 && zeros < count / 4) return ERR_OK;
    if (is_utf16(b, count, false)) return refuse(where, "text in UTF-16", CONVERT "UTF-16LE");
    if (is_utf16(b, count, true)) return refuse(where, "text in UTF-16", CONVERT "UTF-16BE");
    return is_utf8 ? ERR_OK : refuse(where, "binary data", "is it the file that was meant?");
}
