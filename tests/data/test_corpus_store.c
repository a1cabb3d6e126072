/* Encoded sentences in a file: what was put in comes out, and no damage passes. */
#include "base/memory.h"
#include "base/rng.h"
#include "data/corpus/token_store.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char vocabulary[HASH_HEX_BYTES] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TestSuite(corpus_store, .fini = nothing_left);

/* Sentence i has 2 + i * i % 71 ids, each a function of both numbers. */
static uint32_t length_of(uint32_t i) {
    return 2 + i * i % 71;
}

static uint32_t id_of(uint32_t i, uint32_t k, uint32_t size) {
    return (i * 2654435761u + k * 40503u) % size;
}

static void write_store(const char *path, uint32_t sentences, uint32_t size) {
    token_store_writer w;
    uint32_t ids[80];
    MUST(token_store_writer_open(&w, path, vocabulary, size));
    for (uint32_t i = 0; i < sentences; i++) {
        for (uint32_t k = 0; k < length_of(i); k++) ids[k] = id_of(i, k, size);
        MUST(token_store_writer_add(&w, ids, length_of(i)));
    }
    MUST(token_store_writer_close(&w));
}

static void check_store(const char *path, uint32_t sentences, uint32_t size) {
    token_store s;
    uint32_t ids[80];
    uint64_t tokens = 0;
    MUST(token_store_open(&s, path));
    cr_assert_eq(s.count, sentences);
    cr_assert_eq(s.vocabulary_size, size);
    cr_assert_str_eq(s.vocabulary, vocabulary);
    for (uint32_t n = 0; n < sentences; n++) {
        uint32_t i = n * 7919u % sentences; // in no order
        cr_assert_eq(token_store_get(&s, i, ids), length_of(i), "sentence %u", i);
        cr_assert_eq(token_store_length(&s, i), length_of(i));
        for (uint32_t k = 0; k < length_of(i); k++)
            cr_assert_eq(ids[k], id_of(i, k, size), "sentence %u, id %u", i, k);
        cr_assert_leq(length_of(i), s.longest);
        tokens += length_of(i);
    }
    cr_assert_eq(s.tokens, tokens);
    token_store_close(&s);
    cr_assert_null(s.map);
}

Test(corpus_store, gives_back_what_was_written) {
    static const struct {
        uint32_t count, size;
    } cases[] = {{0, 1}, {1, 8000}, {63, 65536}, {64, 65537}, {65, 2}, {128, 120000}, {1009, 8000}};
    const char *path = temporary_path("a.tokens");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_store(path, cases[i].count, cases[i].size);
        check_store(path, cases[i].count, cases[i].size);
    }
    // the file is held by its mapping alone
    token_store s;
    int before = dup(0), after;
    cr_assert(before >= 0 && !close(before));
    MUST(token_store_open(&s, path));
    cr_expect_eq(after = dup(0), before, "descriptor %d is open", before);
    close(after);
    token_store_close(&s);
}

Test(corpus_store, the_longest_sentence_there_can_be) {
    const char *path = temporary_path("a.tokens");
    token_store_writer w;
    token_store s;
    static uint32_t ids[65535], found[65535];
    for (uint32_t i = 0; i < 65535; i++) ids[i] = i % 100;
    MUST(token_store_writer_open(&w, path, vocabulary, 100));
    MUST(token_store_writer_add(&w, ids, 65535));
    MUST(token_store_writer_close(&w));
    MUST(token_store_open(&s, path));
    cr_assert_eq(token_store_get(&s, 0, found), 65535);
    cr_assert_arr_eq(ids, found, sizeof ids);
    token_store_close(&s);
}

// every bit of a header and of places, every length cut: refused, or what it says is still true
Test(corpus_store, damage_is_refused_or_harmless) {
    enum { SENTENCES = 70, SIZE = 300 };
    const char *path = temporary_path("a.tokens"), *broken = temporary_path("b.tokens");
    void *bytes;
    size_t count, refused = 0;
    token_store s;
    uint32_t *ids;
    write_store(path, SENTENCES, SIZE);
    MUST(file_read(&bytes, &count, path, 0));
    for (size_t bit = 0; bit < 8 * count; bit += bit < 8 * 160 ? 1 : 13) {
        ((char *)bytes)[bit / 8] ^= (char)(1 << bit % 8);
        MUST(file_write_quick(broken, bytes, count));
        if (token_store_open(&s, broken)) {
            refused++;
            cr_assert_not_null(strstr(err_message(ERR_FORMAT), "b.tokens: "));
        } else { // an id of the vocabulary became another, or a digit of the hash
            cr_assert(s.count == SENTENCES && s.longest <= 80);
            cr_assert_eq(strnlen(s.vocabulary, sizeof s.vocabulary), 64, "bit %zu", bit);
            MUST(mem_new(&ids, s.longest));
            for (uint64_t i = 0; i < s.count; i++)
                cr_assert_leq(token_store_get(&s, i, ids), s.longest);
            mem_free(ids);
            token_store_close(&s);
        }
        ((char *)bytes)[bit / 8] ^= (char)(1 << bit % 8);
    }
    cr_assert_gt(refused, 500);
    for (size_t n = 0; n < count; n += n < 200 ? 1 : 37) {
        MUST(file_write_quick(broken, bytes, n));
        cr_assert_neq(token_store_open(&s, broken), ERR_OK, "cut at %zu of %zu", n, count);
    }
    mem_free(bytes);
}

Test(corpus_store, an_id_is_below_the_vocabulary) {
    enum { SIZE_OFFSET = 44 };
    const char *path = temporary_path("a.tokens");
    token_store_writer w;
    token_store s;
    void *bytes;
    size_t count;
    const uint32_t size = 300;
    MUST(token_store_writer_open(&w, path, vocabulary, size + 1));
    MUST(token_store_writer_add(&w, (uint32_t[]){1, size, 2}, 3));
    MUST(token_store_writer_close(&w));
    MUST(file_read(&bytes, &count, path, 0));
    memcpy((char *)bytes + SIZE_OFFSET, &size, sizeof size);
    MUST(file_write_quick(path, bytes, count));
    MUST_FAIL(token_store_open(&s, path), ERR_FORMAT, "an id is outside the vocabulary");
    mem_free(bytes);
}

Test(corpus_store, an_abandoned_writer_leaves_what_was_there) {
    const char *path = temporary_path("a.tokens");
    token_store_writer w;
    folder_list list;
    write_store(path, 10, 50);
    MUST(token_store_writer_open(&w, path, vocabulary, 50));
    MUST(token_store_writer_add(&w, (uint32_t[]){1, 2}, 2));
    token_store_writer_abort(&w);
    check_store(path, 10, 50);
    MUST(folder_list_read(&list, temporary_folder()));
    cr_assert_eq(list.count, 1, "a temporary file is left");
    folder_list_free(&list);
}

Test(corpus_store, an_allocation_that_fails_leaves_nothing) {
    const char *path = temporary_path("a.tokens");
    for (uint64_t nth = 1;; nth++) {
        token_store_writer w;
        uint64_t before = mem_request_count();
        mem_fail_at(nth);
        err e = token_store_writer_open(&w, path, vocabulary, 50);
        for (int i = 0; i < 3 && !e; i++) e = token_store_writer_add(&w, (uint32_t[]){1, 2}, 2);
        if (!e) e = token_store_writer_close(&w);
        token_store_writer_abort(&w);
        mem_fail_at(0);
        if (mem_request_count() - before < nth) break;
        cr_assert_eq(e, ERR_MEMORY);
        if (!file_exists(path)) continue;
        token_store s; // it was in its place already
        MUST(token_store_open(&s, path));
        token_store_close(&s);
        MUST(file_remove(path));
    }
    cr_assert(file_exists(path));
}
