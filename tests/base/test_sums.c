/* SHA256SUMS: what is listed, what is not, and lines that are none. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/sums.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(sums, .fini = nothing_left);

/* Any file or the one that is asked for; a list that another was added to. */
Test(sums, files_are_those_that_were_written) {
    static const char *const names[] = {"a", "b"};
    const char *folder = temporary_folder();
    temporary_put("a", "one");
    temporary_put("b", "two");
    MUST(sums_check(folder, NULL)); // without a list nothing is asked
    MUST(sums_check(folder, "a"));
    MUST(sums_write(folder, names, 2));
    MUST(sums_check(folder, NULL));
    MUST(sums_check(folder, "b"));
    MUST_FAIL(sums_check(folder, "c"), ERR_DATA, "SHA256SUMS: does not list c");
    temporary_put("c", "three");
    MUST(sums_add(folder, "c"));
    MUST(sums_check(folder, "a"));
    MUST(sums_check(folder, "c"));
    temporary_put("b", "changed");
    MUST(sums_check(folder, "a"));
    MUST(sums_check(folder, "c"));
    MUST_FAIL(sums_check(folder, "b"), ERR_DATA, "b: SHA-256 is ");
    MUST_FAIL(sums_check(folder, NULL), ERR_DATA, " was written: the file is damaged");
    MUST(file_remove(temporary_path("b")));
    MUST_FAIL(sums_check(folder, NULL), ERR_DATA, "b: missing, and SHA256SUMS lists it");
    MUST(sums_remove(folder));
    cr_expect_not(file_exists(temporary_path("SHA256SUMS")));
    MUST(sums_check(folder, NULL));
}

Test(sums, lines_that_are_none_are_named) {
    static const char *const wrong[] = {"%s a\n",   "%s   a\n",   "%s\ta\n",   "%s  \n",
                                        "%s  .a\n", "%s  ../a\n", "%s  d/a\n", "%s  d\\a\n",
                                        "0%s  a\n", "A%.63s  a\n"};
    const char *folder = temporary_folder();
    char hex[HASH_HEX_BYTES], line[200], text[300];
    temporary_put("a", "one");
    temporary_put(" a", "one");
    MUST(hash_file_hex(temporary_path("a"), hex));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bool may = i == 1; // a name that begins with a blank
        snprintf(line, sizeof line, wrong[i], hex);
        snprintf(text, sizeof text, "%s  a\n%s", hex, line);
        temporary_put("SHA256SUMS", text);
        err e = sums_check(folder, NULL);
        cr_expect_eq(e, may ? ERR_OK : ERR_FORMAT, "%s", text);
        if (!may)
            cr_expect(strstr(err_message(e), "SHA256SUMS:2: '<SHA-256>  <file name>'"), "%s",
                      err_message(e));
    }
    snprintf(text, sizeof text, "%s  a", hex);
    temporary_put("SHA256SUMS", text);
    MUST_FAIL(sums_check(folder, "a"), ERR_FORMAT, "SHA256SUMS: lines of text are expected");
    temporary_put("SHA256SUMS", "");
    MUST_FAIL(sums_check(folder, "a"), ERR_FORMAT, "SHA256SUMS: lines of text are expected");
}
