/* Files of strangers through the program: refused by name, or harmless, within five seconds of the
 * processor and 500 MB, and nothing is left behind. */
#define _GNU_SOURCE
#include "base/memory.h"
#include "cli/line_reader.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/child.h"
#include "support/fake_record.h"
#include "support/limits.h"
#include "support/model_folder.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char format_csv[] = "{\"kind\": \"delimited\", \"delimiter\": \",\", \"quoting\": "
                                 "\"standard\", \"header\": true, \"columns\": [\"text\", "
                                 "\"label\"], \"text\": \"text\", \"label\": \"label\"}";
static const char format_json[] = "{\"kind\": \"json\", \"text\": \"text\", \"label\": \"label\"}";
static const char format_jsonl[] =
    "{\"kind\": \"jsonl\", \"text\": \"text\", \"label\": \"label\"}";

static void put_repeated(const char *name, const char *start, const char *row, size_t bytes) {
    strbuf text = {0};
    MUST(strbuf_add(&text, start));
    while (text.length < bytes) MUST(strbuf_add(&text, row));
    MUST(file_write_quick(temporary_path(name), text.text, text.length));
    strbuf_free(&text);
}

static void put(const char *name, const char *text) {
    MUST(file_write_quick(temporary_path(name), text, strlen(text)));
}

/* tasks/made.json and data/made/test.csv; the training file is the test's. */
static void make_task(const char *format) {
    char *manifest;
    MUST(mem_printf(
        &manifest,
        "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "
        "\"licence\": \"l\", \"citation\": \"c\", \"format\": %s, \"labels\": [{\"value\": \"0\", "
        "\"name\": \"no\", \"readable\": \"no\"}, {\"value\": \"1\", \"name\": \"yes\", "
        "\"readable\": \"yes\"}], \"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, "
        "\"files\": [{\"role\": \"train\", \"name\": \"train\"}, {\"role\": \"test\", \"name\": "
        "\"test\"}], \"cleaning\": {\"drop_empty\": true, \"drop_duplicates\": true}, "
        "\"metrics\": [\"accuracy\"], \"headline\": \"accuracy\", \"max_length\": 64}",
        format));
    MUST(folder_make(temporary_path("tasks")));
    MUST(folder_make(temporary_path("data/made")));
    put("tasks/made.json", manifest);
    mem_free(manifest);
    put("data/made/test", format == format_csv    ? "text,label\nx,0\n"
                          : format == format_json ? "[{\"text\": \"x\", \"label\": 0}]"
                                                  : "{\"text\": \"x\", \"label\": 0}\n");
}

static program_result limited(const char *in, const char *const *arguments) {
    child_setup setup = {.cpu_seconds = HOSTILE_SECONDS, .address_bytes = HOSTILE_BYTES, .in = in};
#ifdef __SANITIZE_ADDRESS__
    setup.cpu_seconds = setup.address_bytes = 0;
#endif
    return child_run(&setup, 60, arguments);
}

#define LIMITED(in, ...) limited(in, (const char *const[]){__VA_ARGS__, NULL})
#define STATS "data", "stats", "made", "--task-dir", "tasks", "--data", "data"

static void expect(program_result r, int code, const char *part) {
    cr_expect_eq(r.exit_code, code, "exit code %d\n%s", r.exit_code, r.err);
    cr_expect_not_null(strstr(r.err, part), "no '%s' in:\n%s", part, r.err);
}

// A gigabyte of which the file system holds nothing but the start.
static void make_sparse(const char *name, const char *start) {
    put(name, start);
    cr_assert_eq(truncate(temporary_path(name), (off_t)1 << 30), 0);
}

Test(hostile_files, one_line_of_a_gigabyte) {
    static const struct {
        const char *format, *start, *want;
    } cases[] = {
        {format_csv, "text,label\na", "/train:2: a record of more than 1048576 bytes"},
        {format_jsonl, "\n{\"text\": \"", "/train:2: a line of more than 1048576 bytes"},
        {format_json, "[\n{\"text\": \"",
         "/train:2: element 1: an object of more than 1048576 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_task(cases[i].format);
        make_sparse("data/made/train", cases[i].start);
        expect(LIMITED(NULL, STATS), 1, cases[i].want);
    }
}

// Ten megabytes of the shortest rows and elements there are.
Test(hostile_files, many_small_rows) {
    static const struct {
        const char *format, *start, *row, *end, *out;
        size_t bytes;
    } cases[] = {
        {format_csv, "text,label\n", ",0\n", "a,1\n", "\"rows\":\t3333331", 10000000},
        {format_json, "[{\"text\":\"a\",\"label\":0}", ",{}", "]", NULL, 10000000},
        {format_jsonl, "", "{\"text\":\"a\",\"label\":1}\n", "", "\"rows\":\t43479", 1000000},
        {format_jsonl, "{\"text\":\"a\",\"label\":1}\n", "\n", "", "\"rows\":\t1,", 10000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strbuf text = {0};
        make_task(cases[i].format);
        MUST(strbuf_add(&text, cases[i].start));
        while (text.length < cases[i].bytes) MUST(strbuf_add(&text, cases[i].row));
        MUST(strbuf_add(&text, cases[i].end));
        MUST(file_write_quick(temporary_path("data/made/train"), text.text, text.length));
        strbuf_free(&text);
        if (!cases[i].out) {
            expect(LIMITED(NULL, STATS), 1, "/train: element 2: key 'text' is missing");
            continue;
        }
        program_result r = LIMITED(NULL, STATS, "--json");
        cr_expect_eq(r.exit_code, 0, "case %zu: %d: %s", i, r.exit_code, r.err);
        cr_expect_not_null(strstr(r.out, cases[i].out), "no %s in:\n%s", cases[i].out, r.out);
    }
}

// What would wait for a writer, or never end, in the place of each kind of file.
Test(hostile_files, pipes_and_devices_are_refused_at_once) {
    static const struct {
        const char *place;
        const char *arguments[10], *part;
    } cases[] = {
        {"data/made/train", {STATS}, "/train: is "},
        {"tasks/made.json", {STATS}, "tasks/made.json: is "},
        {"results/nsmc/x-s1.json", {"report", "--results", "results"}, "x-s1.json: is "},
        {"speed/x.json", {"bench", "--performance", "speed"}, "speed/x.json: is "},
        {"recipe.json",
         {"run", "--task", "made", "--task-dir", "tasks", "--data", "data", "--recipe",
          "recipe.json"},
         "'recipe.json'"},
        {"model/vocab.txt", {"tokenize", "--model", "model", "x"}, "vocab"},
        {"model/config.json", {"predict", "--checkpoint", "model", "x"}, "config.json"},
    };
    make_task(format_csv);
    MUST(folder_make(temporary_path("results/nsmc")));
    MUST(folder_make(temporary_path("speed")));
    MUST(folder_make(temporary_path("model")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = temporary_path(cases[i].place);
        for (int device = 0; device < 2; device++) {
            MUST(file_remove(path));
            cr_assert_eq(device ? symlink("/dev/zero", path) : mkfifo(path, 0600), 0);
            program_result r = limited(NULL, cases[i].arguments);
            cr_expect(r.exit_code == 1 || r.exit_code == 2, "%s: exit code %d\n%s", cases[i].place,
                      r.exit_code, r.err);
            cr_expect_not_null(strstr(r.err, cases[i].part), "no '%s' in:\n%s", cases[i].part,
                               r.err);
        }
        MUST(file_remove(path));
        make_task(format_csv);
    }
}

static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n";

// Files that a model may lack, but that are there and cannot be read: without them ids change, or
// damage is not seen, so none is passed over.
Test(hostile_files, what_may_be_absent_is_not_ignored) {
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json",
                                        "special_tokens_map.json", "added_tokens.json",
                                        "SHA256SUMS"};
    static const char *const targets[] = {"nowhere", "/dev/zero", "."};
    MUST(folder_make(temporary_path("model")));
    put("model/vocab.txt", vocab);
    put("model/config.json", "{}");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char place[64], want[80];
        snprintf(place, sizeof place, "model/%s", names[i]);
        snprintf(want, sizeof want, "model/%s: ", names[i]);
        for (size_t k = 0; k < sizeof targets / sizeof *targets; k++) {
            cr_assert_eq(symlink(targets[k], temporary_path(place)), 0);
            if (strcmp(names[i], "SHA256SUMS") == 0)
                expect(LIMITED(NULL, "predict", "--device", "cpu", "--checkpoint", "model", "x"), 1,
                       want);
            else
                expect(LIMITED(NULL, "tokenize", "--model", "model", "x"), 1, want);
            MUST(file_remove(temporary_path(place)));
        }
    }
}

Test(hostile_files, a_vocabulary_of_ten_megabytes) {
    strbuf text = {0};
    MUST(strbuf_add(&text, vocab));
    uint32_t state = 1;
    for (size_t i = 0; text.length < 10000000; i++) { // hardly two lines begin alike
        char letter = (char)('a' + (state >> 16) % 16);
        state = state * 1664525u + 1013904223u;
        MUST(strbuf_add_bytes(&text, i % 500 ? &letter : "\n", 1));
    }
    MUST(file_write_quick(temporary_path("vocab.txt"), text.text, text.length));
    strbuf_free(&text);
    expect(LIMITED(NULL, "tokenize", "--cased", "--model", temporary_path("vocab.txt"), "영화"), 0,
           "");
}

// The shortest lines that there are: a token each, which takes far more than its line.
Test(hostile_files, a_vocabulary_of_ten_million_lines) {
    static const char *const rows[] = {"\n", "a\n"};
    for (size_t i = 0; i < 2; i++) {
        put_repeated("vocab.txt", vocab, rows[i], 10000000);
        expect(LIMITED(NULL, "tokenize", "--cased", "--model", "vocab.txt", "영화"), 1,
               "vocab.txt: more than 4194304 tokens");
    }
}

// Rows that the manifest drops are counted, and nothing is written down of each.
Test(hostile_files, many_rows_of_unknown_labels) {
    make_task(format_csv);
    char *manifest = temporary_text("tasks/made.json");
    char *rule = strstr(manifest, "\"error\"");
    cr_assert_not_null(rule);
    memcpy(rule, "\"drop\" ", 7);
    put("tasks/made.json", manifest);
    mem_free(manifest);
    put_repeated("data/made/train", "text,label\na,0\nb,1\n", ",9\n", 10000000);
    program_result r = LIMITED(NULL, STATS, "--json");
    cr_expect_eq(r.exit_code, 0, "%d: %s", r.exit_code, r.err);
    cr_expect_not_null(strstr(r.out, "\"rows\":\t2,"), "%s", r.out);
}

/* A row of so many keys that each cannot be compared with each. */
Test(hostile_files, a_row_of_ninety_thousand_keys) {
    strbuf text = {0};
    for (int i = 0; i < 90000; i++) MUST(strbuf_printf(&text, "%s\"%x\":1", i ? "," : "{", i));
    MUST(strbuf_add(&text, "}\n{\"text\":\"a\",\"label\":1}\n"));
    MUST(file_write_quick(temporary_path("f.jsonl"), text.text, text.length));
    strbuf_free(&text);
    expect(LIMITED(NULL, "tasks", "new", temporary_path("f.jsonl")), 1,
           "90000 columns, at most 4096 are read");
}

Test(hostile_files, endless_standard_input) {
    put("vocab.txt", vocab);
    make_sparse("holes", "영화\n");
    const char *model = temporary_path("vocab.txt"), *holes = temporary_path("holes");
    expect(LIMITED("/dev/zero", "tokenize", "--model", model), 1,
           "standard input:1: the line is longer than 1048576 bytes");
    expect(LIMITED("/dev/zero", "tokenize", "--model", model, "--null", "--padding"), 1,
           "--padding holds all texts");
    // what stood before is printed
    program_result r = LIMITED(holes, "tokenize", "--model", model, "--cased", "--json");
    cr_expect_not_null(strstr(r.out, "\"ids\":[2,5,3]"), "%s", r.out);
    expect(r, 1, "standard input:2: the line is longer than 1048576 bytes");
}

/* Something to report. */
static void put_record(void) {
    record r;
    fake_record_make(&r, &(fake_record){0});
    MUST(store_write(temporary_path("results"), &r, NULL));
    record_free(&r);
}

// A page of a terabyte stands where the board is written, and none is read.
Test(hostile_files, a_huge_page_is_replaced) {
    put_record();
    put("results/LEADERBOARD.md", "# Leaderboard\n\nWritten by `harness report`");
    cr_assert_eq(truncate(temporary_path("results/LEADERBOARD.md"), (off_t)1 << 40), 0);
    expect(LIMITED(NULL, "report", "--results", "results"), 0, "wrote results/LEADERBOARD.md");
    uint64_t bytes;
    MUST(file_size(&bytes, temporary_path("results/LEADERBOARD.md")));
    cr_assert_lt(bytes, 1 << 20);
}

Test(hostile_files, standard_input_in_utf16_is_named) {
    static const struct {
        const char *bytes;
        size_t count;
        const char *want;
    } cases[] = {
        {"\xFF\xFEx\0\n\0", 6,
         "input: is text in UTF-16, text in UTF-8 is expected: convert it first: "
         "iconv -f UTF-16 -t UTF-8"},
        {"\x98\xD5 \0\n\0", 6, "input: is text in UTF-16, "},
        {"\x1F\x8B\x08\0", 4, "input: is compressed by gzip, "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        line_reader r;
        MUST(file_write(temporary_path("in"), cases[i].bytes, cases[i].count));
        int fd = open(temporary_path("in"), O_RDONLY);
        line_reader_init(&r, fd, "input");
        MUST_FAIL(line_reader_window(&r, 4), ERR_FORMAT, cases[i].want);
        line_reader_free(&r);
        // texts that are taken as they are
        cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
        line_reader_init_raw(&r, fd, "input", false);
        MUST(line_reader_window(&r, 4));
        cr_assert_eq(r.sizes[0], i < 2 ? cases[i].count - 2 : cases[i].count);
        line_reader_free(&r);
        close(fd);
    }
}

// A link of a stranger in the results folder, where a report writes.
Test(hostile_files, a_planted_link_is_not_written_through) {
    static const char *const planted[] = {"results/LEADERBOARD.md", "results/index.html"};
    put("precious", "mine");
    put_record();
    for (int i = 0; i < 2; i++) cr_assert_eq(symlink("../precious", temporary_path(planted[i])), 0);
    expect(LIMITED(NULL, "report", "--results", "results"), 1,
           "results/LEADERBOARD.md: this program did not make it");
    for (int i = 0; i < 2; i++) MUST(file_remove(temporary_path(planted[i])));
    // nor is a link to a file that would be replaced
    put("board", "# Leaderboard\n\nWritten by `harness report`");
    cr_assert_eq(symlink("../board", temporary_path(planted[0])), 0);
    // the name that a temporary file had, for many ids of processes
    for (int id = getpid(); id < getpid() + 300; id++) {
        char name[64];
        snprintf(name, sizeof name, "results/LEADERBOARD.md.%d.tmp", id);
        cr_assert_eq(symlink("../precious", temporary_path(name)), 0);
    }
    // pages of runs are removed when their record is gone, but not elsewhere
    MUST(folder_make(temporary_path("victim")));
    MUST(folder_make(temporary_path("results/pages")));
    put("victim/x-s1.html", "mine");
    cr_assert_eq(symlink("../../victim", temporary_path("results/pages/nsmc")), 0);
    expect(LIMITED(NULL, "report", "--results", "results"), 0, "wrote results/LEADERBOARD.md");
    cr_assert(file_exists(temporary_path("victim/x-s1.html")));
    void *bytes;
    size_t count;
    struct stat st;
    MUST(file_read(&bytes, &count, temporary_path("precious"), 0));
    cr_assert_str_eq(bytes, "mine");
    mem_free(bytes);
    MUST(file_read(&bytes, &count, temporary_path("board"), 0));
    cr_assert_lt(count, 100);
    mem_free(bytes);
    cr_assert(!lstat(temporary_path(planted[0]), &st) && S_ISREG(st.st_mode));
}

/* A header that promises a terabyte, in a file that has it without a byte on the disk: what a model of
 * the configuration can have use for is known before it is read. */
Test(hostile_files, weights_of_terabytes_are_not_hashed) {
    static const char header[] = "{\"x\":{\"dtype\":\"F32\",\"shape\":[274877906944],"
                                 "\"data_offsets\":[0,1099511627776]}}";
    const uint64_t size = sizeof header - 1;
    model_folder_make(temporary_path("m"), NULL, 3, NULL);
    FILE *f = fopen(temporary_path("m/model.safetensors"), "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(&size, sizeof size, 1, f), 1);
    cr_assert_eq(fwrite(header, 1, size, f), size);
    bool sparse = !fflush(f) && !ftruncate(fileno(f), (off_t)(8 + size + (1ULL << 40)));
    fclose(f);
    if (!sparse) cr_skip_test("no file of a terabyte can be made here");
    program_result p = program_run(
        NULL, 20, (const char *const[]){"predict", "-c", "m", "--device", "reference", "x", NULL});
    cr_expect(p.exit_code == 1 && strstr(p.err, "model.safetensors: its tensors have 1.1 TB, and a "
                                                "model of config.json's sizes takes at most "),
              "%d: %s", p.exit_code, p.err);
}
