/* What the cache of reports may do: spare time. The same bytes are written with it, without it, and
 * with one that is damaged or old. */
#define _XOPEN_SOURCE 700
#include "platform/file.h"
#include "platform/stamp.h"
#include "result/cache_file.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *results, *cache, *none;

static void make_of(const char *model, uint32_t seed, answer_kind kind, const char *task,
                    size_t rows) {
    record r;
    fake_record_make(&r, &(fake_record){.task = task,
                                        .model = model,
                                        .kind = kind,
                                        .headline = kind == ANSWER_NUMBER ? "pearson" : "macro_f1",
                                        .right = 0.4 + 0.02 * (model[6] - 'a'),
                                        .rows = rows,
                                        .seed = seed});
    MUST(store_write(results, &r, NULL));
    record_free(&r);
}

static void make(const char *model, uint32_t seed, answer_kind kind, const char *task) {
    make_of(model, seed, kind, task, 40);
}

/* 24 models: most of three seeds, some of one; in one table of classes and one of numbers. */
static void setup(void) {
    fake_folder(&results);
    fake_folder(&cache);
    fake_folder(&none);
    for (int c = 'a'; c < 'a' + 24; c++) {
        char model[16];
        snprintf(model, sizeof model, "model %c", c);
        for (uint32_t seed = 0; seed < (c % 5 ? 3 : 1); seed++) {
            make(model, seed, ANSWER_CLASS, "classes");
            if (c < 'e') make(model, seed, ANSWER_NUMBER, "numbers");
        }
    }
}

static void teardown(void) {
    char **folders[] = {&results, &cache, &none};
    for (size_t i = 0; i < 3; i++) {
        MUST(folder_remove(*folders[i]));
        mem_free(*folders[i]);
    }
}

TestSuite(report_cache, .init = setup, .fini = teardown, .timeout = 120);

/* Every file of a report into `folder` with that cache, one behind the other. */
static void add_files(strbuf *out, const char *folder) {
    folder_list list = {0};
    MUST(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        char *path, *text;
        size_t count;
        MUST(path_join(&path, folder, list.names[i]));
        if (folder_exists(path)) {
            add_files(out, path);
        } else {
            MUST(file_read((void **)&text, &count, path, 0));
            MUST(strbuf_printf(out, "%s\n", list.names[i]));
            MUST(strbuf_add_bytes(out, text, count));
            mem_free(text);
        }
        mem_free(path);
    }
    folder_list_free(&list);
}

static strbuf report(const char *with) {
    char *board;
    strbuf out = {0};
    setenv("XDG_CACHE_HOME", with, 1);
    MUST(mem_printf(&board, "%s/../%s-board", results, strrchr(results, '/') + 1));
    RUN_WELL("report", "--results", results, "--output-dir", board);
    add_files(&out, board);
    mem_free(board);
    return out;
}

static void drop_board(void) {
    char *board;
    MUST(mem_printf(&board, "%s/../%s-board", results, strrchr(results, '/') + 1));
    MUST(folder_remove(board));
    mem_free(board);
}

/* The report is what one without a cache would be; pages and all. */
static void expect_as_without(const char *when) {
    strbuf with = report(cache);
    drop_board();
    MUST(folder_remove(none));
    MUST(folder_make(none));
    strbuf without = report(none);
    cr_assert_eq(with.length, without.length, "%s: %zu and %zu bytes", when, with.length,
                 without.length);
    cr_assert(!memcmp(with.text, without.text, with.length), "%s: other bytes", when);
    strbuf_free(&with);
    strbuf_free(&without);
}

/* Relative paths of the cache's files: borrowed until the next call. */
static size_t cache_files(char paths[8][512]) {
    char folder[400];
    folder_list below = {0}, list = {0};
    size_t count = 0;
    snprintf(folder, sizeof folder, "%s/harness/report", cache);
    MUST(folder_list_read(&below, folder));
    cr_assert_eq(below.count, 1);
    snprintf(folder, sizeof folder, "%s/harness/report/%s", cache, below.names[0]);
    MUST(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count && i < 8; i++)
        snprintf(paths[count++], 512, "%s/%s", folder, list.names[i]);
    folder_list_free(&below);
    folder_list_free(&list);
    return count;
}

Test(report_cache, gives_the_same_bytes) {
    char paths[8][512];
    expect_as_without("the first time");
    cr_assert_eq(cache_files(paths), 6, "of records, two a table, and whose it is");
    expect_as_without("all is known");
    make("model x", 7, ANSWER_CLASS, "classes");
    expect_as_without("one seed more");
    make("other z", 3, ANSWER_CLASS, "classes");
    make("other z", 4, ANSWER_CLASS, "classes");
    expect_as_without("one row more");
    make("model b", 9, ANSWER_NUMBER, "numbers");
    expect_as_without("one seed more in the other table");
}

Test(report_cache, of_records_that_are_gone) {
    expect_as_without("the first time");
    folder_list list = {0};
    char *task;
    MUST(path_join(&task, results, "classes"));
    MUST(folder_list_read(&list, task));
    // at last so few that units are no longer drawn singly, and what is known of rows serves no more
    for (size_t i = 0; i < list.count; i++) {
        char *path;
        MUST(path_join(&path, task, list.names[i]));
        cr_assert_eq(remove(path), 0);
        mem_free(path);
        if (i % 9 == 0 && i + 4 < list.count) expect_as_without("some are gone");
        if (i + 3 == list.count) break;
    }
    expect_as_without("three are left");
    folder_list_free(&list);
    mem_free(task);
}

/* Ten runs tell so many of 4,000 units apart that they are drawn singly; three do not, and then the
 * cached resamples of a row that stays are none of this table. */
Test(report_cache, of_runs_that_no_longer_prove_single_draws) {
    folder_list list = {0};
    char *task;
    for (int c = 'a'; c < 'd'; c++) {
        char model[16];
        snprintf(model, sizeof model, "model %c", c);
        for (uint32_t seed = 0; seed < 3; seed++) make_of(model, seed, ANSWER_CLASS, "many", 4000);
    }
    make_of("model d", 0, ANSWER_CLASS, "many", 4000);
    expect_as_without("drawn singly");
    MUST(path_join(&task, results, "many"));
    MUST(folder_list_read(&list, task));
    cr_assert_eq(list.count, 10);
    for (size_t i = 0; i < list.count; i++) {
        char *path;
        MUST(path_join(&path, task, list.names[i]));
        if (i < 3 || i > 5) cr_assert_eq(remove(path), 0);
        mem_free(path);
    }
    expect_as_without("drawn by types");
    expect_as_without("drawn by types before too");
    folder_list_free(&list);
    mem_free(task);
}

static void write_bytes(const char *path, const void *bytes, size_t count) {
    FILE *f = fopen(path, "wb");
    cr_assert(f);
    cr_assert_eq(fwrite(bytes, 1, count, f), count);
    cr_assert_not(fclose(f));
}

/* A bit changed, the end cut off, nothing, something else, another build's. */
Test(report_cache, that_is_damaged_is_none) {
    char paths[8][512];
    expect_as_without("the first time");
    size_t files = cache_files(paths);
    for (int way = 0; way < 6; way++) {
        for (size_t i = 0; i < files; i++) {
            char *bytes;
            size_t count, places[4] = {0, 20};
            MUST(file_read((void **)&bytes, &count, paths[i], 0));
            places[2] = count / 3, places[3] = count - 1;
            if (way < 4) bytes[places[way]] ^= 4;
            write_bytes(paths[i], bytes, way == 4 ? count / 2 : way == 5 ? 0 : count);
            mem_free(bytes);
        }
        expect_as_without("damaged");
    }
}

/* Whatever changes in a file of the cache, it is none from then on. */
Test(cache_file, each_bit_counts) {
    char *file = (char *)(uintptr_t)temporary_path("file"), *whole;
    strbuf bytes = {0};
    uint8_t *found = NULL;
    size_t size, count;
    for (int i = 0; i < 77; i++) MUST(strbuf_printf(&bytes, "%d", i * i));
    MUST(cache_file_write(file, &bytes));
    strbuf_free(&bytes);
    MUST(cache_file_read(&found, &size, file));
    cr_assert_not_null(found);
    mem_free(found);
    MUST(file_read((void **)&whole, &count, file, 0));
    for (size_t i = 0; i < 8 * count; i++) {
        whole[i / 8] ^= (char)(1 << i % 8);
        write_bytes(file, whole, count);
        MUST(cache_file_read(&found, &size, file));
        cr_assert(!found && !size, "bit %zu of byte %zu of %zu", i % 8, i / 8, count);
        whole[i / 8] ^= (char)(1 << i % 8);
    }
    mem_free(whole);
}

/* The program again, of another build by what it says of itself, in a folder with what it needs. */
static char *other_build(const char *folder) {
    static const char note[] = "\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU";
    char *path, *share, *bytes, *of, *place;
    size_t count, found = 0;
    MUST(file_read((void **)&bytes, &count, HARNESS_PROGRAM, 0));
    for (size_t i = 0; i + sizeof note + 20 < count; i += 4)
        if (!memcmp(bytes + i, note, sizeof note)) {
            bytes[i + sizeof note] ^= 1;
            found++;
        }
    cr_assert_eq(found, 1, "%zu notes of a build", found);
    MUST(path_join(&path, folder, "harness"));
    MUST(path_join(&share, folder, "share"));
    MUST(path_folder(&of, HARNESS_PROGRAM));
    MUST(path_join(&place, of, "share"));
    write_bytes(path, bytes, count);
    cr_assert_eq(chmod(path, 0755), 0);
    cr_assert_eq(symlink(place, share), 0);
    mem_free(share);
    mem_free(place);
    mem_free(of);
    mem_free(bytes);
    return path;
}

/* Which build wrote the cache's list of records, as its last bytes say. */
static void expect_written_anew(char before[64], const char *when) {
    char paths[8][512], *bytes;
    size_t count, files = cache_files(paths), lists = 0;
    for (size_t i = 0; i < files; i++) {
        if (strcmp(strrchr(paths[i], '/'), "/records") != 0) continue;
        MUST(file_read((void **)&bytes, &count, paths[i], 0));
        cr_assert_gt(count, (size_t)64);
        cr_expect(memcmp(bytes + count - 64, before, 64), "%s: the other's cache was taken", when);
        memcpy(before, bytes + count - 64, 64);
        mem_free(bytes);
        lists++;
    }
    cr_assert_eq(lists, 1);
}

/* Two builds in turns over one cache and one board: each writes what it would without the other. */
Test(report_cache, of_another_build_is_none) {
    char end[64] = "";
    char *folder, *command, *board;
    fake_folder(&folder);
    char *program = other_build(folder);
    // until stamps are trusted: a cache that serves is not written again
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200000000}, NULL);
    MUST(mem_printf(&board, "%s/../%s-board", results, strrchr(results, '/') + 1));
    MUST(mem_printf(&command, "%s report --quiet --results %s --output-dir %s", program, results,
                    board));
    for (int turn = 0; turn < 3; turn++) {
        char paths[8][512];
        strbuf own = report(cache), after = {0};
        cr_assert_eq(cache_files(paths), 6);
        expect_written_anew(end, "the first");
        cr_assert_eq(system(command), 0);
        expect_written_anew(end, "the other");
        cr_assert_eq(cache_files(paths), 6);
        add_files(&after, board);
        cr_assert(own.length == after.length && !memcmp(own.text, after.text, own.length));
        strbuf_free(&own);
        strbuf_free(&after);
        if (turn) make("model x", (uint32_t)turn, ANSWER_CLASS, "classes");
    }
    expect_as_without("after the other");
    MUST(folder_remove(folder));
    mem_free(folder);
    mem_free(program);
    mem_free(command);
    mem_free(board);
}

/* A record that is written over where it lies, as large as before and with its old times. */
// of a folder that is gone: the next report of another removes it
Test(report_cache, goes_with_its_folder) {
    char *kept, *place;
    folder_list list = {0};
    strbuf first = report(cache), second;
    drop_board();
    strbuf_free(&first);
    MUST(mem_printf(&kept, "%s/moved", none));
    cr_assert_eq(rename(results, kept), 0);
    mem_free(results);
    results = kept;
    second = report(cache);
    drop_board();
    strbuf_free(&second);
    MUST(path_join(&place, cache, "harness/report"));
    MUST(folder_list_read(&list, place));
    cr_assert_eq(list.count, 1, "%zu caches", list.count);
    folder_list_free(&list);
    mem_free(place);
}

Test(report_cache, notices_a_record_that_was_changed) {
    // until stamps are trusted: the file is not read again for its SHA-256
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200000000}, NULL);
    expect_as_without("the first time");
    folder_list list = {0};
    char *path, *text, name[300];
    cJSON *top = NULL;
    size_t count;
    struct stat old;
    snprintf(name, sizeof name, "%s/classes", results);
    MUST(folder_list_read(&list, name));
    MUST(path_join(&path, name, list.names[4]));
    cr_assert_eq(stat(path, &old), 0);
    MUST(json_read(&top, path, 0));
    cJSON *took = cJSON_GetObjectItem(cJSON_GetObjectItem(top, "memory"), "host_peak_bytes");
    cr_assert(took && took->valuedouble == 123456789);
    cJSON_SetNumberValue(took, 723456789);
    fake_record_seal(temporary_path("changed.json"), top);
    cJSON_Delete(top);
    MUST(file_read((void **)&text, &count, temporary_path("changed.json"), 0));
    cr_assert_eq(count, (size_t)old.st_size);
    write_bytes(path, text, count);
    cr_assert_eq(utimensat(AT_FDCWD, path, (struct timespec[]){old.st_atim, old.st_mtim}, 0), 0);
    expect_as_without("one training took more memory");
    mem_free(path);
    mem_free(text);
    folder_list_free(&list);
}

Test(report_cache, writes_pages_that_are_not_there_as_they_were) {
    strbuf before = report(cache), after;
    char *page;
    folder_list list = {0};
    MUST(mem_printf(&page, "%s/../%s-board/pages/classes", results, strrchr(results, '/') + 1));
    MUST(folder_list_read(&list, page));
    char *first, *second;
    MUST(path_join(&first, page, list.names[0]));
    MUST(path_join(&second, page, list.names[1]));
    cr_assert_eq(remove(first), 0);
    char *text;
    size_t count;
    MUST(file_read((void **)&text, &count, second, 0));
    text[count / 2] ^= 1;
    write_bytes(second, text, count);
    after = report(cache);
    cr_assert(before.length == after.length && !memcmp(before.text, after.text, before.length));
    drop_board();
    mem_free(text);
    mem_free(first);
    mem_free(second);
    mem_free(page);
    folder_list_free(&list);
    strbuf_free(&before);
    strbuf_free(&after);
}

/* Of a file that was not written in between, the stamp is the same. */
static void expect_unwritten(const char *when, const char *path, const file_stamp *before) {
    file_stamp now = file_stamp_of(path);
    cr_expect(file_stamp_same(&now, before), "%s: %s is written again", when, path);
}

/* What is known is neither read nor written again: a cache that serves for nothing gives the same bytes. */
Test(report_cache, writes_nothing_that_is_known) {
    char paths[8][512], *page, *first;
    file_stamp stamps[8], stamp;
    folder_list list = {0};
    // until stamps of records are trusted
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200000000}, NULL);
    strbuf text = report(cache);
    strbuf_free(&text);
    size_t count = cache_files(paths);
    for (size_t i = 0; i < count; i++) stamps[i] = file_stamp_of(paths[i]);
    text = report(cache);
    strbuf_free(&text);
    for (size_t i = 0; i < count; i++) expect_unwritten("nothing changed", paths[i], &stamps[i]);
    MUST(mem_printf(&page, "%s/../%s-board/pages/classes", results, strrchr(results, '/') + 1));
    MUST(folder_list_read(&list, page));
    MUST(path_join(&first, page, list.names[0]));
    cr_assert_eq(remove(first), 0);
    text = report(cache);
    strbuf_free(&text);
    // and of it is kept that it is there again
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        stamp = file_stamp_of(paths[i]);
        if (!file_stamp_same(&stamp, &stamps[i])) written++;
    }
    cr_expect_gt(written, 0);
    drop_board();
    mem_free(first);
    mem_free(page);
    folder_list_free(&list);
}
