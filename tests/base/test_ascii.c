#define _XOPEN_SOURCE 700
#include "base/ascii.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"

#include <stdio.h>
#include <sys/stat.h>

Test(ascii, letters_fold_and_nothing_else) {
    static const struct {
        const char *text, *part;
        bool equal, starts, contains;
    } rows[] = {
        {"Intel(R) Iris", "intel", false, true, true},
        {"Intel", "INTEL", true, true, true},
        {"An Intel chip", "intel", false, false, true},
        {"[", "{", false, false, false},
        {"@", "`", false, false, false},
        {"", "", true, true, true},
        {"x", "", false, true, true},
        {"", "x", false, false, false},
        {"\xC3\x84", "\xC3\xA4", false, false, false},
        {"int", "intel", false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *t = rows[i].text, *p = rows[i].part;
        cr_expect_eq(ascii_equal_fold(t, p), rows[i].equal, "'%s' '%s'", t, p);
        cr_expect_eq(ascii_starts_fold(t, p), rows[i].starts, "'%s' '%s'", t, p);
        cr_expect_eq(ascii_contains_fold(t, p), rows[i].contains, "'%s' '%s'", t, p);
    }
    for (int c = 0; c < 256; c++) {
        char lower = ascii_lower((char)c);
        cr_expect_eq((unsigned char)lower, c >= 'A' && c <= 'Z' ? c + 32 : c);
        cr_expect_eq(ascii_is_graphic((char)c), c > 32 && c < 127, "%d", c);
    }
}

/* What follows the locale, or ignores the case by it, and the calls that set more of it than the
 * character set. */
static void check_text(const char *path, const char *text) {
    static const char *const words[] = {"tolower(",
                                        "toupper(",
                                        "isalpha(",
                                        "isalnum(",
                                        "isupper(",
                                        "islower(",
                                        "strcasecmp",
                                        "strncasecmp",
                                        "strcasestr",
                                        "cJSON_GetObjectItem(",
                                        "cJSON_HasObjectItem",
                                        "LC_ALL",
                                        "LC_NUMERIC",
                                        "ctype.h"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (const char *at = text; (at = strstr(at, words[i])); at++) {
            bool is_other = at > text && (at[-1] == '_' || (at[-1] >= 'a' && at[-1] <= 'z'));
            cr_expect(is_other, "%s uses %s: see base/ascii.h", path, words[i]);
        }
    }
}

static void check_folder(const char *folder, size_t *checked) {
    folder_list list;
    MUST(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        char *path, *text;
        size_t count;
        MUST(path_join(&path, folder, list.names[i]));
        const char *end = strrchr(list.names[i], '.');
        if (folder_exists(path)) {
            check_folder(path, checked);
        } else if (end && (!strcmp(end, ".c") || !strcmp(end, ".h")) &&
                   strcmp(list.names[i], "ascii.h") != 0) {
            MUST(file_read((void **)&text, &count, path, 0));
            check_text(path, text);
            mem_free(text);
            ++*checked;
        }
        mem_free(path);
    }
    folder_list_free(&list);
}

Test(ascii, the_locale_decides_nothing) {
    size_t checked = 0;
    check_folder(HARNESS_SOURCE_DIR "/harness", &checked);
    cr_assert_gt(checked, 150);
}

Test(ascii, whole_numbers_are_digits_to_the_end) {
    static const char *const none[] = {NULL, "",   " 1",  "+1",         "-1",
                                       "1 ", "1x", "0x1", "4294967296", "99999999999999999999999"};
    uint32_t n;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        n = 7;
        cr_expect(!ascii_whole(&n, none[i]) && n == 0, "%s", none[i] ? none[i] : "NULL");
    }
    cr_expect(ascii_whole(&n, "0") && n == 0);
    cr_expect(ascii_whole(&n, "007") && n == 7);
    cr_expect(ascii_whole(&n, "4294967295") && n == UINT32_MAX);
}
