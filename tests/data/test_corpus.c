/* Corpora as people have them: which files are read, and which are refused with which words. */
#include "base/json.h"
#include "base/memory.h"
#include "data/corpus/corpus.h"
#include "data/corpus/token_store.h"
#include "data/corpus/unpack.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "task/corpus_manifest.h"

#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

TestSuite(corpus, .fini = nothing_left);

typedef size_t (*packer)(char *out, size_t size, const char *text, size_t bytes);

static size_t pack_none(char *out, size_t size, const char *text, size_t bytes) {
    cr_assert_leq(bytes, size);
    memcpy(out, text, bytes);
    return bytes;
}

static size_t pack_gzip(char *out, size_t size, const char *text, size_t bytes) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
                  .avail_in = (uInt)bytes,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)size};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    return n;
}

static size_t pack_xz(char *out, size_t size, const char *text, size_t bytes) {
    size_t n = 0;
    lzma_ret code = lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (const uint8_t *)text, bytes,
                                            (uint8_t *)out, &n, size);
    cr_assert_eq(code, LZMA_OK);
    return n;
}

static size_t pack_zstd(char *out, size_t size, const char *text, size_t bytes) {
    size_t n = ZSTD_compress(out, size, text, bytes, 3);
    cr_assert_not(ZSTD_isError(n));
    return n;
}

static const struct {
    const char *name;
    packer pack;
} packers[] = {{"plain", pack_none}, {"gzip", pack_gzip}, {"xz", pack_xz}, {"zstd", pack_zstd}};
enum { PACKERS = 4 };

static err append(void *context, text_span line) {
    strbuf *all = context;
    err e = strbuf_add_bytes(all, line.text, line.bytes);
    return e ? e : strbuf_add(all, "\n");
}

/* Reads one file; all: its lines, owned. */
static err lines_of(strbuf *all, const char *path) {
    corpus c;
    *all = (strbuf){0};
    err e = corpus_open(&c, &path, 1, NULL);
    if (!e) e = corpus_each(&c, append, all);
    corpus_close(&c);
    return e;
}

static void put(const char *path, const void *bytes, size_t count) {
    MUST(file_write_quick(path, bytes, count));
}

#define BYTES(s) s, sizeof(s) - 1

Test(corpus, lines_come_trimmed_and_empty_ones_do_not) {
    const char *path = temporary_path("a.txt");
    strbuf all;
    put(path, BYTES("\xEF\xBB\xBFone\r\n\n  \t\n two  words \t\nlast"));
    MUST(lines_of(&all, path));
    cr_expect_str_eq(all.text, "one\ntwo  words\nlast\n");
    strbuf_free(&all);
}

// 3 MB unpacked, in one part and in two, and every kind cut off or with a byte wrong
Test(corpus, packed_files_are_what_they_hold) {
    enum { ROOM = 4 << 20, LINES = 60000 };
    static char text[ROOM], packed[2 * ROOM];
    size_t bytes = 0;
    strbuf all;
    const char *path = temporary_path("packed");
    char dotted[300];
    snprintf(dotted, sizeof dotted, "%s.bin", path);
    for (int i = 0; i < LINES; i++)
        bytes += (size_t)snprintf(text + bytes, ROOM - bytes, "줄 %d %x\n", i,
                                  (unsigned)i * 2654435761u);
    for (size_t i = 0; i < PACKERS; i++) {
        size_t n = packers[i].pack(packed, ROOM, text, bytes);
        put(dotted, packed, n);
        MUST(lines_of(&all, dotted));
        cr_expect(all.length == bytes && !memcmp(all.text, text, bytes), "%s", packers[i].name);
        strbuf_free(&all);

        size_t half = bytes / 2; // two parts, the first ends within a line
        n = packers[i].pack(packed, ROOM, text, half);
        n += packers[i].pack(packed + n, ROOM, text + half, bytes - half);
        put(dotted, packed, n);
        MUST(lines_of(&all, dotted));
        cr_expect(all.length == bytes && !memcmp(all.text, text, bytes), "%s", packers[i].name);
        strbuf_free(&all);
        if (!i) continue;

        put(dotted, packed, n - 9);
        MUST_FAIL(lines_of(&all, dotted), ERR_FORMAT, "the file is cut off");
        strbuf_free(&all);
        packed[n / 3] ^= 0x10;
        packed[n / 3 + 1] ^= 0x20;
        put(dotted, packed, n);
        MUST_FAIL(lines_of(&all, dotted), ERR_FORMAT, ".bin");
        strbuf_free(&all);
    }
}

/* A file of which `parts` times a MiB of blank lines comes, and a part of `noise` bytes that do
 * not pack before or, `last`, behind them. Returns what reading it to its end says, and how much came in *unpacked. */
static err unpack_blanks(uint64_t *unpacked, size_t parts, size_t noise, bool last) {
    enum { MIB = 1 << 20 };
    static char text[2 * MIB], packed[4 * MIB];
    strbuf all = {0};
    unpack u;
    size_t count = 1;
    uint32_t state = 1;
    memset(text, '\n', MIB);
    size_t blanks = pack_zstd(packed, sizeof packed, text, MIB);
    for (size_t i = 0; i < noise; i++)
        text[i] = (char)((state = state * 1664525u + 1013904223u) >> 24);
    char *behind = packed + blanks;
    size_t n = noise ? pack_zstd(behind, sizeof packed - blanks, text, noise) : 0;
    if (!last) MUST(strbuf_add_bytes(&all, behind, n));
    for (size_t i = 0; i < parts; i++) MUST(strbuf_add_bytes(&all, packed, blanks));
    if (last) MUST(strbuf_add_bytes(&all, behind, n));
    put(temporary_path("blanks.zst"), all.text, all.length);
    strbuf_free(&all);
    err e = unpack_open(&u, temporary_path("blanks.zst"));
    for (*unpacked = 0; !e && count; *unpacked += count)
        e = unpack_read(&u, text, sizeof text, &count);
    unpack_close(&u);
    return e;
}

// what a few kilobytes unpack to would keep a program busy for hours
Test(corpus, blank_lines_without_end_are_refused) {
    uint64_t unpacked;
    MUST(unpack_blanks(&unpacked, 16, 0, false));
    cr_expect_eq(unpacked, 16u << 20);
    MUST_FAIL(unpack_blanks(&unpacked, 17, 0, false), ERR_FORMAT,
              "blanks.zst: compressed by zstd, and 17 MiB came out of its ");
    cr_expect_leq(unpacked, 17u << 20);
    for (int last = 0; last < 2; last++) { // it is the whole file that counts
        MUST_FAIL(unpack_blanks(&unpacked, 30, 2000000, last), ERR_FORMAT, "more than 12 times");
        MUST(unpack_blanks(&unpacked, 18, 2000000, last));
        cr_expect_eq(unpacked, (18u << 20) + 2000000);
    }
}

Test(corpus, zstd_may_begin_with_a_frame_that_is_skipped) {
    const char *path = temporary_path("a.txt");
    char packed[200] = "\x5A\x2A\x4D\x18\3\0\0\0abc";
    size_t skipped = 11;
    strbuf all;
    put(path, packed, skipped + pack_zstd(packed + skipped, 100, BYTES("one\ntwo\n")));
    MUST(lines_of(&all, path));
    cr_expect_str_eq(all.text, "one\ntwo\n");
    strbuf_free(&all);
}

typedef struct bad_case {
    const char *name, *bytes;
    size_t count;
    err code;
    const char *part;
} bad_case;

static const bad_case bad[] = {
    {"empty", BYTES(""), ERR_DATA, "/a.txt: has no line with text"},
    {"blanks alone", BYTES("\n \n\t\n"), ERR_DATA, "/a.txt: has no line with text"},
    {"CP949", BYTES("one\n\xBF\xB5\xC8\xAD\n"), ERR_FORMAT, "/a.txt:2: invalid UTF-8 at byte 1"},
    {"CP949's advice", BYTES("\xBF\xB5\xC8\xAD\n"), ERR_FORMAT, "iconv -f CP949 -t UTF-8"},
    {"UTF-16", BYTES("\xFF\xFEo\0n\0e\0\n\0"), ERR_FORMAT, "is text in UTF-16"},
    {"UTF-16 without a mark", BYTES("o\0n\0e\0,\0t\0w\0o\0\n\0"), ERR_FORMAT, "UTF-16"},
    {"binary",
     BYTES("\x7F"
           "ELF\2\1\1\0\0\0\0\0\3\0>\0\1"),
     ERR_FORMAT, "/a.txt"},
    {"a NUL byte", BYTES("one\ntwo\nth\0ree\n"), ERR_FORMAT, "/a.txt:3: a NUL byte at byte 3"},
    {"zip", BYTES("PK\3\4abc"), ERR_FORMAT, "is a zip archive"},
    {"bzip2", BYTES("BZh91AY"), ERR_FORMAT, "bunzip2"},
    {"gzip, but no more", BYTES("\x1F\x8B\x08\0"), ERR_FORMAT, "cut off"},
    {"zstd of nonsense", BYTES("\x28\xB5\x2F\xFDnonsense"), ERR_FORMAT, "compressed by zstd"},
    {"xz of nonsense",
     BYTES("\xFD"
           "7zXZ\0nonsense"),
     ERR_FORMAT, "compressed by xz"},
};

Test(corpus, what_is_no_text_is_refused_by_name) {
    const char *path = temporary_path("a.txt");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        strbuf all;
        put(path, bad[i].bytes, bad[i].count);
        err e = lines_of(&all, path);
        cr_expect_eq(e, bad[i].code, "%s: %s", bad[i].name, err_message(e));
        cr_expect_not_null(strstr(err_message(e), bad[i].part), "%s: %s", bad[i].name,
                           err_message(e));
        strbuf_free(&all);
    }
}

Test(corpus, a_line_has_a_mebibyte_at_most) {
    enum { LIMIT = 1 << 20 };
    const char *path = temporary_path("a.txt");
    static char text[4 * LIMIT];
    strbuf all;
    memset(text, 'a', sizeof text);
    memcpy(text, "one\n", 4);
    text[4 + LIMIT] = '\n';
    for (size_t end = 0; end < 2; end++) {
        put(path, text, 4 + LIMIT + end);
        MUST(lines_of(&all, path));
        strbuf_free(&all);
    }
    text[4 + LIMIT] = 'a';
    put(path, text, sizeof text);
    MUST_FAIL(lines_of(&all, path), ERR_FORMAT, "/a.txt:2: a line of more than 1048576 bytes");
    strbuf_free(&all);
}

Test(corpus, words_name_one_manifest_or_files) {
    corpus c;
    const char *path = temporary_path("a.txt");
    put(path, BYTES("one\n"));
    MUST_FAIL(corpus_open(&c, (const char *[]){"nsmc_rwa"}, 1, NULL), ERR_USAGE,
              "unknown corpus 'nsmc_rwa'; did you mean 'nsmc_raw'?");
    corpus_close(&c);
    MUST_FAIL(corpus_open(&c, (const char *[]){path, "nsmc_raw"}, 2, NULL), ERR_USAGE,
              "'nsmc_raw' beside other names");
    corpus_close(&c);
    MUST_FAIL(corpus_open(&c, (const char *[]){path, path}, 2, NULL), ERR_USAGE, "named twice");
    corpus_close(&c);
    MUST_FAIL(corpus_open(&c, (const char *[]){"./no-such.txt"}, 1, NULL), ERR_DATA,
              "./no-such.txt: no such file");
    corpus_close(&c);
    MUST_FAIL(corpus_open(&c, (const char *[]){"/dev/zero"}, 1, NULL), ERR_DATA,
              "/dev/zero: is a device, a file was expected");
    corpus_close(&c);
}

#define HEAD                                                                                       \
    "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "    \
    "\"licence\": \"l\", \"citation\": \"c\", "
#define ONE "\"files\": [{\"name\": \"a.txt\"}], "
#define LINES "\"format\": {\"kind\": \"lines\"}}"

static err open_made(corpus *c, const char *manifest) {
    const char *words[] = {"made"};
    MUST(folder_make(temporary_path("corpora")));
    put(temporary_path("corpora/made.json"), manifest, strlen(manifest));
    return corpus_open(c, words, 1,
                       &(corpus_options){.data_dir = temporary_folder(),
                                         .task_dir = temporary_folder(),
                                         .offline = true});
}

Test(corpus, every_manifest_loads) {
    task_catalog list;
    MUST(corpus_manifest_list(&list, NULL));
    cr_assert_geq(list.count, 1);
    for (size_t i = 0; i < list.count; i++) {
        task t;
        MUST(corpus_manifest_load(&t, list.paths[i]));
        task_free(&t);
    }
    task_catalog_free(&list);
}

Test(corpus, manifests_are_checked_by_key) {
    static const struct {
        const char *manifest;
        err code;
        const char *part;
    } cases[] = {
        {HEAD "\"files\": [], " LINES, ERR_FORMAT, "key 'files' has 0 elements"},
        {HEAD "\"files\": [{\"name\": \"a.txt\", \"role\": \"train\"}], " LINES, ERR_FORMAT,
         "files[0]: unknown key 'role'"},
        {HEAD "\"files\": [{\"name\": \"../a\"}], " LINES, ERR_FORMAT, "a plain file name"},
        {HEAD "\"files\": [{\"name\": \"a\", \"url\": \"http://x\"}], " LINES, ERR_FORMAT,
         "an https:// address"},
        {HEAD ONE "\"format\": {\"kind\": \"csv\"}}", ERR_FORMAT, "allowed: lines, jsonl"},
        {HEAD ONE "\"format\": {\"kind\": \"lines\", \"text\": \"x\"}}", ERR_FORMAT,
         "unknown key 'text'"},
        {HEAD ONE "\"format\": {\"kind\": \"jsonl\"}}", ERR_FORMAT, "'text'"},
        {HEAD ONE "\"labels\": [], " LINES, ERR_FORMAT, "unknown key 'labels'"},
        {HEAD ONE LINES, ERR_DATA, "a.txt: no such file"},
        {"[]", ERR_FORMAT, "not a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        corpus c;
        MUST_FAIL(open_made(&c, cases[i].manifest), cases[i].code, cases[i].part);
        corpus_close(&c);
    }
}

static err read_made(strbuf *all, const char *manifest, const char *text) {
    corpus c;
    *all = (strbuf){0};
    MUST(folder_make(temporary_path("made")));
    put(temporary_path("made/a.txt"), text, strlen(text));
    err e = open_made(&c, manifest);
    if (!e) e = corpus_each(&c, append, all);
    corpus_close(&c);
    return e;
}

Test(corpus, a_file_is_what_its_manifest_says) {
    char hex[HASH_HEX_BYTES], manifest[1024];
    strbuf all;
    hash_bytes_hex("one\ntwo\n", 8, hex);
    snprintf(manifest, sizeof manifest,
             HEAD "\"files\": [{\"name\": \"a.txt\", \"bytes\": 8, \"sha256\": \"%s\", \"rows\": "
                  "2}], " LINES,
             hex);
    MUST(read_made(&all, manifest, "one\ntwo\n"));
    cr_expect_str_eq(all.text, "one\ntwo\n");
    strbuf_free(&all);
    MUST_FAIL(read_made(&all, manifest, "one\ntwo"), ERR_DATA,
              "made/a.txt: 7 bytes, the manifest expects 8");
    strbuf_free(&all);
    MUST_FAIL(read_made(&all, manifest, "one\ntwi\n"), ERR_DATA, "made/a.txt: SHA-256 is ");
    strbuf_free(&all);
    // that it is another file goes before what is wrong in it
    MUST_FAIL(read_made(&all, manifest, "one\n\xBF\xB5\n\n"), ERR_DATA, "SHA-256 is ");
    strbuf_free(&all);
}

/* What has more in it than its manifest says is read no further than that. */
Test(corpus, no_more_is_read_than_the_manifest_says) {
    char packed[200], manifest[1024];
    strbuf all;
    MUST_FAIL(read_made(&all, HEAD "\"files\": [{\"name\": \"a.txt\", \"rows\": 2}], " LINES,
                        "one\n\ntwo\nthree\nfour\n"),
              ERR_DATA, "made/a.txt:4: more than the 2 lines with text that the manifest expects");
    cr_expect_str_eq(all.text, "one\ntwo\n");
    strbuf_free(&all);
    // nothing comes of a packed file that is another
    for (size_t i = 1; i < PACKERS; i++) {
        corpus c;
        all = (strbuf){0};
        put(temporary_path("made/a.txt"), packed,
            packers[i].pack(packed, sizeof packed, "one\ntwo\n", 8));
        snprintf(manifest, sizeof manifest,
                 HEAD "\"files\": [{\"name\": \"a.txt\", \"sha256\": \"%064d\"}], " LINES, 0);
        MUST(open_made(&c, manifest));
        MUST_FAIL(corpus_each(&c, append, &all), ERR_DATA, "made/a.txt: SHA-256 is ");
        cr_expect_eq(all.length, 0, "%s", packers[i].name);
        corpus_close(&c);
        strbuf_free(&all);
    }
}

/* Packed beside its name: what the manifest tells of is the text. */
Test(corpus, a_file_packed_beside_its_name_is_known_by_its_text) {
    static const char *const endings[] = {"", ".gz", ".xz", ".zst"};
    char packed[200], hex[HASH_HEX_BYTES], manifest[1024], first[HASH_HEX_BYTES] = "";
    hash_bytes_hex("one\ntwo\n", 8, hex);
    snprintf(manifest, sizeof manifest,
             HEAD "\"files\": [{\"name\": \"a.txt\", \"bytes\": 8, \"sha256\": \"%s\"}], " LINES,
             hex);
    MUST(folder_make(temporary_path("made")));
    for (size_t i = 0; i < PACKERS; i++) {
        const struct {
            const char *text, *part;
        } others[] = {{"one\ntwo", ": 7 bytes, the manifest expects 8"},
                      {"one\ntwi\n", ": SHA-256 is "},
                      {"one\ntwo\nthree", i ? ": unpacks to more than the 8 bytes" : ": 13 bytes"}};
        char name[32];
        corpus c;
        strbuf all = {0};
        snprintf(name, sizeof name, "made/a.txt%s", endings[i]);
        const char *path = temporary_path(name);
        put(path, packed, packers[i].pack(packed, sizeof packed, "one\ntwo\n", 8));
        MUST(open_made(&c, manifest));
        cr_expect_str_eq(c.paths[0], path);
        MUST(corpus_hash(&c));
        // the same corpus, however its file is packed
        if (!i) memcpy(first, c.sha256, sizeof first);
        cr_expect_str_eq(c.sha256, first, "%s", name);
        MUST(corpus_each(&c, append, &all));
        cr_expect_str_eq(all.text, "one\ntwo\n");
        cr_expect_str_eq(c.sha256, first, "%s", name);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
            put(path, packed,
                packers[i].pack(packed, sizeof packed, others[k].text, strlen(others[k].text)));
            MUST_FAIL(corpus_each(&c, append, &all), ERR_DATA, "the manifest expects");
            MUST_FAIL(corpus_hash(&c), ERR_DATA, others[k].part);
        }
        corpus_close(&c);
        strbuf_free(&all);
        MUST(file_remove(path));
    }
}

/* The same xz with a dictionary of (2 or 3) << n bytes, as its block's header says. */
static size_t set_dictionary(char *packed, size_t bytes, uint8_t code) {
    enum { HEADER = 12 };
    uint8_t *at = (uint8_t *)packed + HEADER, *item = at + 2;
    size_t length = 4 * ((size_t)at[0] + 1) - 4;
    for (int sizes = (at[1] >> 6 & 1) + (at[1] >> 7); sizes; sizes--)
        while (*item++ & 0x80) {
        }
    cr_assert(item[0] == 0x21 && item[1] == 1);
    item[2] = code;
    uint32_t sum = lzma_crc32(at, length, 0);
    for (size_t i = 0; i < 4; i++) at[length + i] = (uint8_t)(sum >> 8 * i);
    return bytes;
}

Test(corpus, dictionaries_of_xz_are_bounded) {
    static const char text[] = "one\ntwo\n";
    const char *path = temporary_path("a.xz");
    char packed[200];
    strbuf all;
    size_t n = pack_xz(packed, sizeof packed, BYTES(text));
    put(path, packed, set_dictionary(packed, n, 32)); // 256 MiB
    MUST(lines_of(&all, path));
    cr_expect_str_eq(all.text, text);
    strbuf_free(&all);
    put(path, packed, set_dictionary(packed, n, 33)); // 384 MiB
    MUST_FAIL(lines_of(&all, path), ERR_FORMAT, "unpacking it takes more than 272 MiB: dictiona");
    strbuf_free(&all);
}

Test(corpus, lines_of_json) {
    strbuf all;
    const char *manifest = HEAD ONE "\"format\": {\"kind\": \"jsonl\", \"text\": \"say\"}}";
    MUST(read_made(&all, manifest, "{\"say\": \" one\\ntwo \", \"n\": 1}\n\n{\"say\": \"\"}\n"));
    cr_expect_str_eq(all.text, "one two\n");
    strbuf_free(&all);
    MUST_FAIL(read_made(&all, manifest, "{\"say\": \"a\"}\n{\"sey\": \"b\"}\n"), ERR_FORMAT,
              "made/a.txt:2: ");
    strbuf_free(&all);
    MUST_FAIL(read_made(&all, manifest, "{\"say\": \"a\"}\n[1]\n"), ERR_FORMAT,
              "made/a.txt:2: not a JSON object");
    strbuf_free(&all);
}

static void make_tokenizer(tokenizer *t) {
    static const char *const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a",
                                         "b",     "##a",   "##b",   "c",     "##c"};
    MUST(tokenizer_from_tokens(t, (char **)(uintptr_t)tokens, sizeof tokens / sizeof *tokens,
                               false));
}

static void show_sentences(strbuf *out, const char *path) {
    token_store s;
    uint32_t ids[64];
    MUST(token_store_open(&s, path));
    for (uint64_t i = 0; i < s.count; i++) {
        uint32_t n = token_store_get(&s, i, ids);
        for (uint32_t k = 0; k < n; k++) MUST(strbuf_printf(out, "%s%u", k ? " " : "", ids[k]));
        MUST(strbuf_add(out, "\n"));
    }
    token_store_close(&s);
}

static err prepare(corpus_prepared *p, const char *text, const corpus_rules *rules) {
    const char *path = temporary_path("a.txt"), *folder = temporary_path("ready");
    corpus c;
    tokenizer t;
    make_tokenizer(&t);
    put(path, text, strlen(text));
    MUST(corpus_open(&c, &path, 1, NULL));
    forget_data();
    err e = corpus_prepare(p, &c, &t, rules, folder, NULL);
    corpus_close(&c);
    tokenizer_free(&t);
    return e;
}

// "abc abc" is a b c of one word each: 4 5 6 pieces; what is too long is cut or goes on
Test(corpus, long_lines_are_cut_or_split_between_words) {
    corpus_rules rules = {.max_length = 6, .heldout_one_in = 3};
    corpus_prepared p;
    strbuf out = {0};
    const char *text = "abc abc a\nab\nb\nabcabca\nccc x\n\xE2\x80\x8B\nb a\n";
    MUST(prepare(&p, text, &rules));
    cr_expect_eq(p.counts.lines, 7);
    cr_expect_eq(p.counts.kept, 7);
    cr_expect_eq(p.counts.too_long, 2);
    cr_expect_eq(p.counts.unknown_words, 1);
    cr_expect_eq(p.counts.without_pieces, 1);
    cr_expect_eq(p.counts.train_sentences + p.counts.heldout_sentences, 6);
    show_sentences(&out, p.train);
    show_sentences(&out, p.heldout);
    cr_expect_not_null(strstr(out.text, "2 5 8 10 3\n"), "%s", out.text);
    cr_expect_not_null(strstr(out.text, "2 5 8 10 7 3\n"), "%s", out.text);
    cr_expect_not_null(strstr(out.text, "2 9 10 10 1 3\n"), "%s", out.text);
    corpus_prepared_free(&p);
    strbuf_free(&out);
    rules.split_long = true;
    MUST(prepare(&p, text, &rules));
    cr_expect_eq(p.counts.train_sentences + p.counts.heldout_sentences, 8);
    show_sentences(&out, p.train);
    show_sentences(&out, p.heldout);
    cr_expect_not_null(strstr(out.text, "2 5 8 10 3\n2 5 8 10 5 3\n"), "%s", out.text);
    cr_expect_not_null(strstr(out.text, "2 5 8 10 7 3\n2 8 10 7 3\n"), "%s", out.text);
    corpus_prepared_free(&p);
    strbuf_free(&out);
}

Test(corpus, what_is_prepared_is_used_again_while_it_is_whole) {
    corpus_rules rules = {.max_length = 8, .heldout_one_in = 3};
    const char *text = "a\nb\nab\nba\nc\ncab\nabc\nbac\n",
               *train = temporary_path("ready/train.tokens");
    corpus_prepared p;
    void *bytes;
    size_t count;
    MUST(prepare(&p, text, &rules));
    cr_expect_not(p.reused);
    corpus_counts counts = p.counts;
    cr_expect_eq(counts.heldout, counts.heldout_sentences);
    cr_expect_eq(counts.kept, 8);
    corpus_prepared_free(&p);
    MUST(prepare(&p, text, &rules));
    cr_expect(p.reused);
    cr_expect_arr_eq(&p.counts, &counts, sizeof counts);
    cr_expect_not_null(cJSON_GetObjectItem(p.json, "tasks"));
    corpus_prepared_free(&p);

    MUST(file_read(&bytes, &count, train, 0));
    ((char *)bytes)[140] ^= 1;
    put(train, bytes, count);
    mem_free(bytes);
    MUST(prepare(&p, text, &rules));
    cr_expect_not(p.reused, "a damaged store was used");
    corpus_prepared_free(&p);
    rules.max_length = 7;
    MUST(prepare(&p, text, &rules));
    cr_expect_not(p.reused, "another rule was not seen");
    corpus_prepared_free(&p);
    MUST(prepare(&p, "a\nb\nab\nba\nc\ncab\nabc\nbab\n", &rules));
    cr_expect_not(p.reused, "another text was not seen");
    corpus_prepared_free(&p);
}

/* The folder of the same texts under another manifest. */
Test(corpus, what_is_used_again_is_told_of_the_manifest_as_it_is) {
    static const char *const licences[] = {"l", "other"};
    const corpus_rules rules = {.max_length = 8};
    tokenizer t;
    make_tokenizer(&t);
    MUST(folder_make(temporary_path("made")));
    for (size_t i = 0; i < 2; i++) {
        char manifest[400];
        corpus c;
        corpus_prepared p;
        snprintf(
            manifest, sizeof manifest,
            "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": "
            "\"from %s\", \"licence\": \"%s\", \"citation\": \"c\", " ONE LINES,
            licences[i], licences[i]);
        put(temporary_path("made/a.txt"), BYTES("a\nb\nab\nba\nc\ncab\nabc\nbac\n"));
        MUST(open_made(&c, manifest));
        forget_data();
        MUST(corpus_prepare(&p, &c, &t, &rules, temporary_path("ready"), NULL));
        cr_expect_eq(p.reused, i == 1);
        cr_expect_str_eq(json_text_at(p.json, "licence"), licences[i]);
        cr_expect_str_eq(json_text_at(p.json, "source") + 5, licences[i]);
        for (const char *const *key = (const char *const[]){"digest", "files", "rules", "counts",
                                                            "sha256", "tasks", NULL};
             *key; key++)
            cr_expect(json_has(p.json, *key), "%s", *key);
        corpus_prepared_free(&p);
        corpus_close(&c);
    }
    tokenizer_free(&t);
}

// One line in 200 is none of a few: then one in 20, or in 3. Of a0, a1, ... the first whose hash is a
// multiple of 200 is a466, of 20 a7, of 3 a2 and a4.
Test(corpus, a_small_corpus_holds_out_a_larger_share) {
    static const struct {
        size_t lines;
        uint32_t one_in, heldout;
    } cases[] = {{6, 3, 2}, {40, 20, 1}, {500, 200, 1}};
    strbuf text = {0};
    corpus_prepared p;
    size_t lines = 0;
    MUST_FAIL(
        prepare(&p, "a0\na1\n", &(corpus_rules){.max_length = 8}), ERR_DATA,
        "no line is left to measure by: of 2 lines 0 hold test texts, 0 are held out (one in 3)");
    corpus_prepared_free(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (; lines < cases[i].lines; lines++) MUST(strbuf_printf(&text, "a%zu\n", lines));
        MUST(prepare(&p, text.text, &(corpus_rules){.max_length = 8}));
        const cJSON *rules = cJSON_GetObjectItem(p.json, "rules");
        cr_expect_eq(cJSON_GetObjectItem(rules, "heldout_one_in")->valuedouble, cases[i].one_in);
        cr_expect_eq(p.counts.lines, lines);
        cr_expect_eq(p.counts.heldout_sentences, cases[i].heldout);
        cr_expect_eq(p.counts.train_sentences, lines - cases[i].heldout);
        corpus_prepared_free(&p);
    }
    strbuf_free(&text);
}

Test(corpus, a_corpus_without_a_part_is_refused) {
    corpus_prepared p;
    MUST_FAIL(prepare(&p, "a\n", &(corpus_rules){.max_length = 8, .heldout_one_in = 1}), ERR_DATA,
              "no line is left to train on");
    corpus_prepared_free(&p);
    cr_expect_not(file_exists(temporary_path("ready/prepared.json")));
    MUST_FAIL(prepare(&p, "a\n", &(corpus_rules){.max_length = 2}), ERR_ARG, "3 to 65535");
    corpus_prepared_free(&p);
}

Test(corpus, an_allocation_that_fails_is_told) {
    const char *path = temporary_path("a.gz");
    char packed[256];
    put(path, packed, pack_gzip(packed, sizeof packed, BYTES("one\ntwo\n")));
    for (uint64_t nth = 1;; nth++) {
        strbuf all;
        uint64_t before = mem_request_count();
        mem_fail_at(nth);
        err e = lines_of(&all, path);
        mem_fail_at(0);
        strbuf_free(&all);
        if (mem_request_count() - before < nth) break;
        cr_assert_eq(e, ERR_MEMORY, "request %llu: %s", (unsigned long long)nth, err_message(e));
    }
}
