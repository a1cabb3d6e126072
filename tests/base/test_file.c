/* The doors for files: what is refused when it is opened, what links lead to stays as it is, and
 * what a killed writer leaves behind. */
#define _GNU_SOURCE
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/outside.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int synced, seen_syncing;
static _Atomic bool syncing;

/* In place of the C library's, for all of this program. */
int fsync(int fd) {
    synced++;
    seen_syncing += syncing;
    return (int)syscall(SYS_fsync, fd);
}

static const char *at(const char *name) {
    return temporary_path(name);
}

static void put(const char *path, const char *text) {
    MUST(file_write(path, text, strlen(text)));
}

static void expect_text(const char *path, const char *text) {
    void *bytes;
    size_t count;
    MUST(file_read(&bytes, &count, path, 0));
    cr_expect_str_eq(bytes, text, "%s holds '%s'", path, (char *)bytes);
    mem_free(bytes);
}

static void make_socket(const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    close(fd);
}

Test(file, only_regular_files_are_read, .timeout = 60) {
    size_t live = mem_live_count();
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\n";
    void *bytes = NULL;
    size_t count = 0;
    char hex[HASH_HEX_BYTES];
    cJSON *root;
    cr_assert_eq(mkfifo(at("fifo"), 0600), 0);
    make_socket(at("socket"));
    put(at("pointer"), pointer);
    put(at("ten"), "0123456789");
    cr_assert_eq(symlink("ten", at("link")), 0);
    cr_assert_eq(symlink("fifo", at("to-fifo")), 0);
    const struct {
        const char *path;
        err code;
        const char *part;
    } cases[] = {
        {at("fifo"), ERR_IO, "/fifo: is a FIFO, a file was expected"},
        {at("to-fifo"), ERR_IO, "/to-fifo: is a FIFO, a file was expected"},
        {at("socket"), ERR_IO, "/socket: is a socket, a file was expected"},
        {"/dev/zero", ERR_IO, "/dev/zero: is a device, a file was expected"},
        {temporary_folder(), ERR_IO, ": is a folder, a file was expected"},
        {at("absent"), ERR_IO, "/absent: cannot open: No such file"},
        {at("ten"), ERR_FORMAT, "/ten: larger than the 9 bytes allowed"},
        {at("pointer"), ERR_FORMAT, "/pointer: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MUST_FAIL(file_read(&bytes, &count, cases[i].path, 9), cases[i].code, cases[i].part);
        if (cases[i].code != ERR_IO) continue;
        MUST_FAIL(hash_file_hex(cases[i].path, hex), ERR_IO, cases[i].part);
        MUST_FAIL(json_read(&root, cases[i].path, 9), ERR_IO, cases[i].part);
    }
    MUST_FAIL(file_read(&bytes, &count, at("pointer"), 0), ERR_FORMAT,
              "/pointer: a Git LFS pointer, not the file: run `git lfs pull`");
    // a text that only begins so is none
    put(at("version"), "version https://git-lfs.github.example/spec of something else\n");
    MUST(file_read(&bytes, &count, at("version"), 0));
    mem_free(bytes);
    MUST(file_read(&bytes, &count, at("link"), 10));
    cr_assert_str_eq(bytes, "0123456789");
    mem_free(bytes);
    // size 0 by name, and content all the same
    MUST(file_read(&bytes, &count, "/proc/self/status", 1 << 16));
    cr_assert_gt(count, 100);
    mem_free(bytes);
    MUST_FAIL(file_read(&bytes, &count, "/proc/self/status", 100), ERR_FORMAT, "larger than");
    cr_assert_eq(mem_live_count(), live);
}

Test(file, a_huge_file_is_refused_before_it_is_read) {
    void *bytes = NULL;
    size_t count = 0;
    put(at("sparse"), "x");
    cr_assert_eq(truncate(at("sparse"), (off_t)1 << 40), 0);
    uint64_t before = mem_request_count();
    MUST_FAIL(file_read(&bytes, &count, at("sparse"), 1 << 20), ERR_FORMAT,
              "/sparse: larger than the 1048576 bytes allowed");
    cr_assert_eq(mem_request_count(), before, "memory was taken");
}

CleanTest(file, a_link_is_replaced_and_never_written_through) {
    void *log = NULL;
    int fd;
    put(at("precious"), "mine");
    cr_assert_eq(symlink("precious", at("page")), 0);
    put(at("page"), "new");
    expect_text(at("precious"), "mine");
    expect_text(at("page"), "new");
    struct stat st;
    cr_assert(!lstat(at("page"), &st) && S_ISREG(st.st_mode));
    // a link that leads nowhere does not make a file there either
    cr_assert_eq(symlink("made-by-link", at("dangling")), 0);
    put(at("dangling"), "new");
    cr_assert_not(file_exists(at("made-by-link")));

    cr_assert_eq(symlink("precious", at("lock")), 0);
    MUST_FAIL(file_open_own(&fd, at("lock")), ERR_IO,
              "/lock: cannot write: is a link, which is not followed");
    MUST_FAIL(file_open_log(&log, at("lock"), true), ERR_IO, "is a link, which is not followed");
    MUST(file_open_log(&log, at("lock"), false)); // a new log takes the link's place
    fputs("log", log);
    fclose(log);
    expect_text(at("lock"), "log");
    MUST(file_open_log(&log, at("lock"), true));
    fputs(" goes on", log);
    fclose(log);
    expect_text(at("lock"), "log goes on");
    cr_assert_eq(symlink("precious", at("gone")), 0);
    MUST(file_remove(at("gone")));
    MUST(file_remove(at("gone")));
    expect_text(at("precious"), "mine");
}

/* Where a file stands it stays, and no temporary one is left in either case. */
Test(file, a_new_file_replaces_none) {
    const char *path = temporary_path("new.txt");
    void *bytes = NULL;
    size_t count = 0;
    folder_list list;
    bool stays = true;
    MUST(file_write_new(&stays, path, "first", 5));
    cr_expect_not(stays);
    MUST(file_write_new(&stays, path, "second", 6));
    cr_expect(stays);
    MUST(file_read(&bytes, &count, path, 100));
    cr_expect_str_eq(bytes, "first");
    mem_free(bytes);
    MUST(folder_list_read(&list, temporary_folder()));
    cr_expect_eq(list.count, 1);
    folder_list_free(&list);
    MUST_FAIL(file_write_new(&stays, temporary_path("none/new.txt"), "x", 1), ERR_IO,
              "none/new.txt");
}

Test(file, what_is_no_file_is_not_replaced) {
    void *log;
    int fd;
    cr_assert_eq(mkfifo(at("fifo"), 0600), 0);
    cr_assert_eq(symlink("/dev/null", at("null")), 0);
    MUST_FAIL(file_write(at("fifo"), "x", 1), ERR_IO, "/fifo: cannot write: is a FIFO");
    MUST_FAIL(file_write_quick(at("null"), "x", 1), ERR_IO, "/null: cannot write: is a device");
    MUST_FAIL(file_write(temporary_folder(), "x", 1), ERR_IO, "cannot write: is a folder");
    MUST_FAIL(file_open_own(&fd, at("fifo")), ERR_IO, "/fifo: cannot write: is a FIFO");
    MUST_FAIL(file_open_log(&log, at("fifo"), false), ERR_IO, "/fifo: cannot write: is a FIFO");
    MUST_FAIL(file_write(at("absent/x"), "x", 1), ERR_IO, "/absent/x: cannot write: No such");
    struct stat st;
    cr_assert(!lstat(at("fifo"), &st) && S_ISFIFO(st.st_mode));
}

/* What a folder is called where it is named by its place. */
Test(file, real_names_are_no_dots) {
    static const char *const cases[][2] = {
        {"inner/deep", "deep"}, {"inner/deep/..", "inner"}, {"inner/deep/.", "deep"}, {"x", "x"}};
    MUST(folder_make(at("inner/deep")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = NULL;
        MUST(path_real_name(&name, at(cases[i][0])));
        cr_expect_str_eq(name, cases[i][1], "%s", cases[i][0]);
        mem_free(name);
    }
}

/* An output is replaced where the program's mark says whose it is, or nothing stands in it. */
Test(file, outputs_are_told_by_their_mark) {
    put(at("ours"), "a page\nmade by harness\n");
    put(at("theirs"), "a page\n");
    put(at("empty"), "");
    cr_assert_eq(symlink("ours", at("to-ours")), 0);
    cr_assert_eq(symlink("nowhere", at("to-none")), 0);
    MUST(file_check_own(at("ours"), "made by harness"));
    MUST(file_check_own(at("to-ours"), "made by harness"));
    MUST(file_check_own(at("empty"), "made by harness"));
    MUST(file_check_own(at("absent"), "made by harness"));
    MUST_FAIL(file_check_own(at("theirs"), "made by harness"), ERR_DATA,
              "/theirs: this program did not make it");
    MUST_FAIL(file_check_own(at("to-none"), "made by harness"), ERR_DATA,
              "/to-none: this program did not make it");
    MUST_FAIL(file_check_own(temporary_folder(), "made by harness"), ERR_IO, "is a folder");
}

// The name cannot be known beforehand, so nothing can be planted in its place.
Test(file, temporary_names_are_random_and_their_own) {
    file_writer a, b;
    MUST(file_writer_begin(&a, at("board")));
    MUST(file_writer_begin(&b, at("board")));
    cr_assert_str_neq(a.temporary, b.temporary);
    cr_assert(strstr(a.temporary, "/.harness-") && !strstr(a.temporary, "board"));
    MUST(file_writer_add(&a, "a", 1));
    MUST(file_writer_add(&b, "b", 1));
    MUST(file_writer_commit(&b));
    expect_text(at("board"), "b");
    MUST(file_writer_commit(&a));
    expect_text(at("board"), "a");
    folder_list list;
    MUST(folder_list_read(&list, temporary_folder()));
    cr_assert_eq(list.count, 1, "%zu files", list.count);
    folder_list_free(&list);
}

CleanTest(file, clears_what_killed_writers_left) {
    static const struct {
        const char *name;
        bool stays;
    } cases[] = {
        {".harness-0123456789abcdef.tmp", false},
        {".harness-ffffffffffffffff.tmp", false},
        {"record.json", true},
        {"record.json.4711.tmp", true},
        {".harness-0123456789abcde.tmp", true},
        {".harness-0123456789abcdef0.tmp", true},
        {".harness-0123456789ABCDEF.tmp", true},
        {"a.harness-0123456789abcdef.tmp", true},
        {"below/.harness-0123456789abcdef.tmp", true},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    const char *folder = at("below/.harness-0000000000000000.tmp"); // no file of a writer
    const char *link = at(".harness-1111111111111111.tmp");
    MUST(folder_make(folder));
    for (size_t i = 0; i < CASES; i++) put(at(cases[i].name), "x");
    cr_assert_eq(symlink("record.json", link), 0);
    MUST(folder_clear_temporary(temporary_folder()));
    for (size_t i = 0; i < CASES; i++) {
        cr_assert_eq(file_exists(at(cases[i].name)), cases[i].stays, "%s", cases[i].name);
    }
    cr_assert(file_exists(link)); // no writer makes links
    MUST(folder_clear_temporary(at("below")));
    cr_assert(folder_exists(folder));
    MUST_FAIL(folder_clear_temporary("/absent"), ERR_IO, "/absent");
}

CleanTest(file, removing_a_folder_never_leaves_it) {
    MUST(folder_make(at("stranger/deep")));
    put(at("stranger/deep/mine"), "mine");
    put(at("file"), "mine");
    MUST(folder_make(at("own/inner")));
    put(at("own/inner/a"), "x");
    cr_assert_eq(symlink("../stranger", at("own/link")), 0);
    cr_assert_eq(symlink("../../file", at("own/inner/link")), 0);
    cr_assert_eq(symlink(at("stranger/deep"), at("own/inner/far")), 0);
    cr_assert_eq(mkfifo(at("own/fifo"), 0600), 0);
    MUST(folder_remove(at("own")));
    cr_assert_not(folder_exists(at("own")));
    // the folder itself is a link, by each way to write its name
    cr_assert_eq(symlink("stranger", at("link")), 0);
    cr_assert(folder_exists(at("link")) && !folder_is_own(at("link")));
    MUST(folder_remove(at("link//")));
    cr_assert_neq(access(at("link"), F_OK), 0);
    expect_text(at("stranger/deep/mine"), "mine");
    expect_text(at("file"), "mine");
    MUST(folder_remove(at("absent")));
    MUST_FAIL(folder_remove(at("file")), ERR_IO, "/file: cannot remove: is a file, a folder was");
    cr_assert(folder_is_own(at("stranger")));
    cr_assert_eq(symlink("stranger", at("link")), 0);
    MUST(folder_make_own(at("stranger")));
    MUST(folder_make_own(at("fresh")));
    MUST_FAIL(folder_make_own(at("link")), ERR_IO,
              "/link: cannot make folder: a link stands there");
    MUST_FAIL(folder_make_own(at("file")), ERR_IO,
              "/file: cannot make folder: a file stands there");
    MUST_FAIL(folder_make_own(at("absent/a")), ERR_IO, "/absent/a: cannot make folder: No such");
}

Test(file, a_nest_of_folders_is_refused) {
    char path[1200];
    int n = snprintf(path, sizeof path, "%s/nest", temporary_folder());
    for (int i = 0; i < 63; i++) n += snprintf(path + n, sizeof path - (size_t)n, "/d");
    MUST(folder_make(path));
    MUST(folder_remove(at("nest"))); // 64 deep
    snprintf(path + n, sizeof path - (size_t)n, "/d/d");
    MUST(folder_make(path));
    MUST_FAIL(folder_remove(at("nest")), ERR_IO, "/nest: cannot remove: nested deeper than 64");
    MUST(folder_remove(at("nest/d/d/d")));
}

CleanTest(file, durable_renames) {
    MUST(folder_make(at("from")));
    put(at("from/a"), "a");
    MUST(folder_make(at("there")));
    MUST(folder_rename_durable(at("from"), at("there"))); // an empty folder gives way
    expect_text(at("there/a"), "a");
    MUST(folder_make(at("from")));
    MUST_FAIL(folder_rename_durable(at("from"), at("there")), ERR_IO, "cannot rename to");
    put(at("b"), "b");
    MUST(file_rename_durable(at("b"), at("there/a")));
    expect_text(at("there/a"), "b");
    MUST_FAIL(folder_sync(at("there/a")), ERR_IO, "/there/a: cannot open: Not a directory");
    MUST_FAIL(file_rename_durable(at("b"), at("there/a")), ERR_IO, "/b: cannot open");
}

/* Who looks at a thread sees each sync of a file or folder, and nothing else. */
Test(file, syncs_are_shown) {
    int fd;
    put(at("a"), "a");
    synced = 0;
    outside_show(&syncing);
    put(at("b"), "b"); // and its folder
    MUST(file_rename_durable(at("a"), at("c")));
    MUST(file_open_own(&fd, at("b")));
    cr_assert_eq(file_sync(fd), 0);
    close(fd);
    cr_assert_eq(synced, 5);
    cr_assert_eq(seen_syncing, 5);
    cr_assert_not(syncing);
    outside_show(NULL);
    put(at("b"), "c");
    cr_assert_eq(seen_syncing, 5);
}

/* A pair within another does not end it, and without anybody who looks nothing happens. */
Test(file, what_is_outside_of_it_is_shown) {
    atomic_bool waits = false;
    outside_begin();
    outside_end();
    outside_show(&waits);
    for (int i = 0; i < 2; i++) {
        outside_begin();
        cr_assert(waits);
        outside_begin();
        outside_end();
        cr_assert(waits);
        outside_end();
        cr_assert_not(waits);
    }
    outside_show(NULL);
    outside_begin();
    outside_end();
    cr_assert_not(waits);
}

/* A slow disk takes a large file in parts, each of which shows that it gets on. */
Test(file, large_files_are_put_on_the_disk_in_parts) {
    enum { PIECE = 3 << 20, PIECES = 25, PART = 64 << 20 };
    static char bytes[PIECE], all[PART + 1];
    file_writer w;
    synced = 0;
    MUST(file_writer_begin(&w, at("parts")));
    for (int i = 0; i < PIECES; i++) MUST(file_writer_add(&w, bytes, PIECE)); // 75 MiB
    cr_assert_eq(synced, 1);
    MUST(file_writer_add(&w, all, sizeof all)); // 139
    cr_assert_eq(synced, 2);
    MUST(file_writer_commit(&w));
    uint64_t size = 0;
    MUST(file_size(&size, at("parts")));
    cr_assert_eq(size, (uint64_t)PIECES * PIECE + sizeof all);
}
