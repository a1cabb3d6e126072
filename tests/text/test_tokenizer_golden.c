/* The committed answers of BertTokenizerFast: tests/golden/tokenizer_cases.txt says how they are
 * kept. */
#include "text/tokenizer.h"

#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "text/unicode.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN HARNESS_SOURCE_DIR "/tests/golden/"

enum { OPTION_SETS = 12, FIELDS = 6, LONGEST = 4096 };

typedef struct golden {
    tokenizer sets[OPTION_SETS];
    char *cases;
    size_t texts, pairs;
} golden;

// A folder with the golden vocabulary and the options of a set.
static void load_set(tokenizer *t, size_t set, const char *vocab, size_t bytes) {
    static const char *const strips[] = {"null", "false", "true"};
    static const char *const words[] = {"false", "true"};
    char config[200];
    const char *folder = temporary_path("golden");
    snprintf(config, sizeof config,
             "{\"do_lower_case\": %s, \"strip_accents\": %s, \"tokenize_chinese_chars\": %s}",
             words[set / 6], strips[set / 2 % 3], words[set % 2]);
    cr_assert_eq(folder_make(folder), ERR_OK);
    cr_assert_eq(file_write(temporary_path("golden/vocab.txt"), vocab, bytes), ERR_OK);
    cr_assert_eq(file_write(temporary_path("golden/tokenizer_config.json"), config, strlen(config)),
                 ERR_OK);
    cr_assert_eq(tokenizer_load(t, folder, false), ERR_OK, "%s", err_message(ERR_OK));
}

static void open_golden(golden *g) {
    void *bytes;
    size_t count;
    cr_assert_eq(file_read(&bytes, &count, GOLDEN "tokenizer_vocab.txt", 0), ERR_OK);
    for (size_t set = 0; set < OPTION_SETS; set++) load_set(&g->sets[set], set, bytes, count);
    mem_free(bytes);
    cr_assert_eq(file_read(&bytes, &count, GOLDEN "tokenizer_cases.txt", 0), ERR_OK);
    g->cases = bytes;
}

static void close_golden(golden *g) {
    for (size_t i = 0; i < OPTION_SETS; i++) tokenizer_free(&g->sets[i]);
    mem_free(g->cases);
}

// "AC00 41" to UTF-8; returns the bytes written.
static size_t text_of(char out[LONGEST], const char *field) {
    size_t n = 0;
    while (*field) {
        char *end;
        uint32_t point = (uint32_t)strtoul(field, &end, 16);
        cr_assert(end != field && n + UTF8_MAX_BYTES < LONGEST, "bad field '%s'", field);
        n += utf8_encode(out + n, point);
        field = *end == ' ' ? end + 1 : end;
    }
    return n;
}

static void compare(const encoding *e, const char *ids, size_t line, size_t set) {
    const char *at = ids;
    for (size_t i = 0; i < e->count; i++) {
        char *end;
        unsigned long want = strtoul(at, &end, 10);
        cr_assert(end != at, "line %zu, set %zu: %zu ids, expected %s", line, set, e->count, ids);
        cr_assert_eq(e->ids[i], want, "line %zu, set %zu: id %zu is %u, expected %lu of %s", line,
                     set, i, e->ids[i], want, ids);
        at = end;
    }
    cr_assert_eq(*at, '\0', "line %zu, set %zu: ids are missing: '%s'", line, set, at);
}

static void check_text(golden *g, encoding *e, char *const *fields, size_t line) {
    static char text[LONGEST];
    unsigned long mask = strtoul(fields[1], NULL, 16);
    size_t bytes = text_of(text, fields[2]);
    for (size_t set = 0; set < OPTION_SETS; set++) {
        if (!(mask >> set & 1)) continue;
        cr_assert_eq(tokenizer_encode(&g->sets[set], e, text, bytes, 0), ERR_OK);
        compare(e, fields[3], line, set);
        g->texts++;
    }
}

static void check_pair(golden *g, encoding *e, char *const *fields, size_t line) {
    static char a[LONGEST], b[LONGEST];
    bool single = !strcmp(fields[3], "-");
    size_t a_bytes = text_of(a, fields[2]), b_bytes = single ? 0 : text_of(b, fields[3]);
    cr_assert_eq(tokenizer_encode_pair(&g->sets[1], e, a, a_bytes, single ? NULL : b, b_bytes,
                                       strtoul(fields[1], NULL, 10)),
                 ERR_OK);
    compare(e, fields[4], line, 1);
    cr_assert_eq(e->second, strtoul(fields[5], NULL, 10), "line %zu: second %zu", line, e->second);
    g->pairs++;
}

CleanTest(tokenizer_golden, ids_are_those_of_hugging_face) {
    size_t line = 0;
    golden g = {0};
    encoding e = {0};
    open_golden(&g);
    for (char *next, *at = g.cases; *at; at = next) {
        next = strchr(at, '\n');
        *next++ = '\0';
        line++;
        if (*at == '#') continue;
        char *fields[FIELDS];
        size_t count = 0;
        for (char *f = at; f && count < FIELDS; count++) {
            fields[count] = f;
            if ((f = strchr(f, '\t'))) *f++ = '\0';
        }
        cr_assert_eq(count, *at == 'T' ? 4 : 6, "line %zu has %zu fields", line, count);
        (*at == 'T' ? check_text : check_pair)(&g, &e, fields, line);
    }
    cr_assert_gt(g.texts, 5000);
    cr_assert_gt(g.pairs, 100);
    encoding_free(&e);
    close_golden(&g);
}
