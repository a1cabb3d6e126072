/* Folders: what is removed, what a probe leaves, and what an unusable place is called. */
#include "platform/file.h"
#include "platform/host_memory.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_NAME FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY // one more than 255, and some

static const char *at(const char *name) {
    return temporary_path(name);
}

Test(folder, of_a_link_the_link_goes) {
    static const char *const ways[] = {"link", "link/", "link//"};
    MUST(folder_make(at("full/below")));
    MUST(file_write(at("full/file"), "x", 1));
    for (size_t i = 0; i < 3; i++) {
        char path[300];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", temporary_folder(), ways[i]);
        cr_assert_eq(symlink("full", at("link")), 0);
        MUST(folder_remove(path));
        cr_expect(lstat(at("link"), &st), "%s is still there", ways[i]);
        cr_expect(file_exists(at("full/file")), "%s was followed", ways[i]);
    }
    MUST_FAIL(folder_remove(at("full/file")), ERR_IO, "/full/file: cannot remove: is a file");
    MUST(folder_remove(at("full")));
    MUST(folder_remove(at("full"))); // not there: fine
    cr_expect_not(folder_exists(at("full")));
}

/* However a file system lists them. */
Test(folder, names_are_in_the_order_of_their_bytes) {
    static const char *const names[] = {"m", "b", "z", "가", "A", "q", "a", "0"};
    static const char *const ordered[] = {"0", "A", "a", "b", "m", "q", "z", "가"};
    enum { NAMES = sizeof names / sizeof *names };
    folder_list list = {0};
    char path[300];
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "many/%s", names[i]);
        MUST(folder_make(at("many")));
        MUST(file_write(at(path), "x", 1));
    }
    MUST(folder_list_read(&list, at("many")));
    cr_assert_eq(list.count, NAMES);
    for (size_t i = 0; i < NAMES; i++) cr_expect_str_eq(list.names[i], ordered[i]);
    folder_list_free(&list);
}

Test(folder, a_probe_names_the_place_and_leaves_nothing) {
    static const struct {
        const char *path, *message; // NULL: writable
    } rows[] = {
        {"", NULL},
        {"absent", NULL},
        {"absent/below/it", NULL},
        {"file", "folder is not writable"},
        {"file/below", "folder is not writable"},
        {"loop/below", "folder is not writable"},
        {LONG_NAME "/below", "folder is not writable: File name too long"},
    };
    MUST(file_write(at("file"), "x", 1));
    cr_assert_eq(symlink("loop", at("loop")), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        folder_list list = {0};
        char path[600];
        snprintf(path, sizeof path, "%s/%s", temporary_folder(), rows[i].path);
        if (rows[i].message)
            MUST_FAIL(folder_check_writable(path), ERR_IO, rows[i].message);
        else
            MUST(folder_check_writable(path));
        MUST(folder_list_read(&list, temporary_folder()));
        cr_expect_eq(list.count, 2, "%s: something was left", rows[i].path);
        folder_list_free(&list);
    }
}

// the kernel's own word for both, which counts in KiB
Test(folder, memory_is_what_the_kernel_says) {
    char line[128];
    unsigned long long total = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    if (!f) cr_skip_test("no /proc/meminfo");
    while (!total && fgets(line, sizeof line, f)) (void)sscanf(line, "MemTotal: %llu", &total);
    fclose(f);
    double all = 1024.0 * (double)total;
    cr_expect_float_eq((double)host_memory_total(), all, 0.05 * all);
    cr_expect_gt(host_memory_available(), 0);
}
