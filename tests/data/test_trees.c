// Trees of words: what is read of KLUE-DP's format and CoNLL-U, and what is wrong with file, line,
// found and expected, counted where the manifest says so.
#include "base/memory.h"
#include "data/dataset.h"
#include "metric/arcs.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST                                                                                   \
    "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "    \
    "\"licence\": \"l\", \"citation\": \"c\", \"kind\": \"dependency_parsing\", \"tree\": "        \
    "{\"gold\": \"%s\", \"decode\": \"any\", \"pieces\": \"last\"}, \"files\": [{\"role\": "       \
    "\"train\", \"name\": \"a\"}, {\"role\": \"test\", \"name\": \"b\"}], \"format\": {\"kind\": " \
    "\"conll\", \"columns\": [\"I\", \"W\", \"P\", \"H\", \"R\"], \"index\": \"I\", \"text\": "    \
    "\"W\", \"head\": \"H\", \"label\": \"R\"}, \"labels\": [{\"value\": \"x\", \"name\": \"x\", " \
    "\"readable\": \"x\"}, {\"value\": \"y:z\", \"name\": \"y:z\", \"readable\": \"y\"}], "        \
    "\"invalid_label\": \"%s\", \"split\": {\"rule\": \"files\"}, \"cleaning\": {\"drop_empty\": " \
    "true, \"drop_duplicates\": true}, \"metrics\": [\"las\", \"uas\"], \"headline\": \"las\", "   \
    "\"max_length\": 128}"
#define GOOD "1\ta\t_\t2\tx\n2\tb\t_\t0\tx\n\n"

static err load(task *t, dataset *d, const char *rule, const char *invalid, const char *train) {
    char manifest[2048];
    snprintf(manifest, sizeof manifest, MANIFEST, rule, invalid);
    MUST(folder_make(temporary_path("made")));
    MUST(file_write(temporary_path("made.json"), manifest, strlen(manifest)));
    MUST(file_write(temporary_path("made/a"), train, strlen(train)));
    MUST(file_write(temporary_path("made/b"), GOOD, strlen(GOOD)));
    *d = (dataset){0};
    err e = task_load(t, temporary_path("made.json"));
    return e ? e : dataset_load(d, t, &(dataset_options){.data_dir = temporary_folder()});
}

static void unload(task *t, dataset *d) {
    dataset_free(d);
    task_free(t);
}

/* A dependency parser reads CoNLL. */
Test(trees, a_format_goes_with_its_kind) {
    char manifest[2048];
    task t;
    snprintf(manifest, sizeof manifest, MANIFEST, "any", "x");
    memcpy(strstr(manifest, "conll"), "jsonl", 5);
    MUST(file_write(temporary_path("made.json"), manifest, strlen(manifest)));
    MUST_FAIL(task_load(&t, temporary_path("made.json")), ERR_FORMAT,
              "format conll goes with kind dependency_parsing");
}

CleanTest(trees, sentences_are_read) {
    task t;
    dataset d;
    // comments, ranges and empty nodes are passed over; CRLF; no empty line at the end
    MUST(load(&t, &d, "any", "error",
              "## head\n# text = p q !\r\n1\tp\t_\t3\ty:z\r\n1-2\tpq\t_\t_\t_\r\n"
              "2\tq\t_\t1\tx\r\n2.1\t_\t_\t_\t_\r\n3\t!?\t_\t0\tx\r\n\r\n\n\n"
              "1\tr\t_\t0\tx"));
    cr_assert_eq(d.train.row_count, 2);
    const example *e = &d.train.rows[0].example;
    const uint32_t arcs[] = {3, 1, 0, 1, 0, 0, 0, 0, 1};
    cr_expect_str_eq(e->texts[0].text, "p q !?");
    cr_assert(e->in_units && e->in_tree && !e->first_pieces);
    cr_assert_eq(e->target.units.count, 3);
    cr_expect_arr_eq(e->target.units.values, arcs, sizeof arcs);
    cr_expect(e->target.units.list[2].begin == 4 && e->target.units.list[2].end == 6);
    cr_expect_eq(d.train.rows[0].line, 3);
    cr_expect_eq(d.train.rows[1].line, 11);
    cr_expect(d.train.label_counts[0] == 3 && d.train.label_counts[1] == 1);
    unload(&t, &d);
}

/* In front of the file, and of each of several that were put together; within a sentence it is
 * a fault. */
Test(trees, byte_order_marks_are_no_words) {
    task t;
    dataset d;
    MUST(load(&t, &d, "any", "error",
              "\xEF\xBB\xBF# head\n1\tp\t_\t0\tx\n\n\xEF\xBB\xBF# head\n1\tq\t_\t0\tx\n\n"
              "\xEF\xBB\xBF"
              "1\tr\t_\t0\tx\n\n"));
    cr_assert_eq(d.train.row_count, 3);
    cr_expect_str_eq(d.train.rows[2].example.texts[0].text, "r");
    unload(&t, &d);
    cr_expect_eq(load(&t, &d, "any", "error",
                      "1\tp\t_\t0\tx\n\xEF\xBB\xBF"
                      "2\tq\t_\t1\tx\n\n"),
                 ERR_FORMAT);
    cr_expect(strstr(err_message(ERR_FORMAT), "a:2: column 'I' is '\\ufeff2', expected 2"), "%s",
              err_message(ERR_FORMAT));
    unload(&t, &d);
}

/* A sentence behind a good one, of which the words begin at line 4. */
static const struct {
    const char *rule, *sentence, *message;
} bad[] = {
    {"any", "1\tp\t_\t3\tx\n2\tq\t_\t0\tx\n",
     "a:4: word 1 has head 3, expected another word, 1 to 2, or 0"},
    {"any", "1\tp\t_\t0\tx\n2\tq\t_\t2\tx\n",
     "a:5: word 2 has head 2, expected another word, 1 to 2, or 0"},
    {"any", "1\tp\t_\t0\tx\n# c\n2\tq\t_\t0\tx\n",
     "a:6: word 2 has head 0, as word 1 has: one root is expected"},
    {"any", "1\tp\t_\t2\tx\n2\tq\t_\t1\tx\n", "a:4: no word has head 0: one root is expected"},
    {"any", "1\tp\t_\t0\tx\n2\tq\t_\t3\tx\n3\tr\t_\t2\tx\n",
     "a:5: word 2 is its own ancestor, by head 3: a tree is expected"},
    {"projective", "1\tp\t_\t3\tx\n2\tq\t_\t4\tx\n3\tr\t_\t0\tx\n4\ts\t_\t3\tx\n",
     "a:5: the arc of word 2 to 4 crosses that of word 1 to 3: the manifest says projective"},
    {"head_final", "1\tp\t_\t0\tx\n2\tq\t_\t1\tx\n",
     "a:5: head 1 stands before word 2: the manifest says head_final"},
    {"any", "1\tp\t_\tx\tx\n", "a:4: head 'x' is no word's number, nor 0"},
    {"any", "1\tp\t_\t-1\tx\n", "a:4: head '-1' is no word's number, nor 0"},
    {"any", "1\tp\t_\t\tx\n", "a:4: head '' is no word's number, nor 0"},
    {"any", "1\tp\t_\t99999999\tx\n", "a:4: head '99999999' is no word's number, nor 0"},
    {"any", "1\tp\t_\t0\tw\n", "a:4: relation 'w' is not in the manifest (known: 'x', 'y:z')"},
    {"any", "1\tp q\t_\t0\tx\n", "a:4: word 'p q' is empty or has a blank in it"},
    {"any", "1\t\t_\t0\tx\n", "a:4: word '' is empty or has a blank in it"},
};

Test(trees, bad_trees_are_named_or_counted) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int drop = 0; drop < 2; drop++) {
            char train[256];
            task t;
            dataset d;
            snprintf(train, sizeof train, "%s%s\n%s", GOOD, bad[i].sentence, GOOD);
            err e = load(&t, &d, bad[i].rule, drop ? "drop" : "error", train);
            if (drop) {
                cr_expect_eq(e, ERR_OK, "%s: %s", bad[i].sentence, err_message(e));
                cr_expect(d.invalid_count == 1 && d.train.row_count == 2, "%s", bad[i].sentence);
            } else {
                cr_expect_eq(e, ERR_FORMAT, "%s", bad[i].sentence);
                const char *at = strstr(err_message(e), "/made/");
                cr_expect(at && !strcmp(at + 6, bad[i].message), "%s: %s", bad[i].sentence,
                          err_message(e));
            }
            err_clear();
            unload(&t, &d);
        }
    }
}

/* What is wrong with the file itself is never dropped. */
Test(trees, broken_files_are_refused) {
    static const struct {
        const char *train, *message;
    } broken[] = {
        {"1\tp\t_\t0\n", "a:1: 4 columns, expected 5 (separated by tabs)"},
        {"1\tp\t_\t0\tx\ty\n", "a:1: 6 columns, expected 5 (separated by tabs)"},
        {"1\tp\t_\t2\tx\n3\tq\t_\t0\tx\n", "a:2: column 'I' is '3', expected 2"},
        {"x\tp\t_\t0\tx\n", "a:1: column 'I' is 'x', expected 1"},
        {"1\tp\t_\t0\tx\n1\tq\t_\t0\tx\n", "a:2: column 'I' is '1', expected 2"},
        {"1-\tp\t_\t0\tx\n", "a:1: column 'I' is '1-', expected 1"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        task t;
        dataset d;
        err e = load(&t, &d, "any", "drop", broken[i].train);
        const char *at = strstr(err_message(e), "/made/");
        cr_expect(e == ERR_FORMAT && at && !strcmp(at + 6, broken[i].message), "%s: %s",
                  broken[i].train, err_message(e));
        err_clear();
        unload(&t, &d);
    }
}

/* A sentence of so many words, each hanging from the next. Owned. */
static char *long_sentence(uint32_t words) {
    strbuf text = {0};
    for (uint32_t w = 1; w <= words; w++)
        MUST(strbuf_printf(&text, "%u\ta\t_\t%u\tx\n", w, w < words ? w + 1 : 0));
    return text.text;
}

Test(trees, a_sentence_has_so_many_words_and_no_more) {
    enum { MOST = 4096 };
    for (uint32_t more = 0; more < 2; more++) {
        char *text = long_sentence(MOST + more);
        task t;
        dataset d;
        err e = load(&t, &d, "any", "error", text);
        cr_expect_eq(e, more ? ERR_FORMAT : ERR_OK, "%s", err_message(e));
        if (more) cr_expect(strstr(err_message(e), "a:4097: a sentence of more than 4096 words"));
        if (!more) cr_expect_eq(d.train.rows[0].example.target.units.count, MOST);
        err_clear();
        unload(&t, &d);
        mem_free(text);
    }
}

/* Rows, words, punctuation, right neighbours and relations as an independent reading of the files
 * in Python counts them. */
Test(trees, real_treebanks_are_read_whole) {
    static const struct {
        const char *task, *split;
        size_t rows, words, punctuation, next;
        const char *relations[3];
        size_t counts[3];
    } cases[] = {
        {"klue_dp_dev", "file", 2000, 22496, 2, 14977, {"NP", "VP", "VNP_CNJ"}, {4559, 3322, 1}},
        {"ud_ko_gsd",
         "train",
         950,
         11958,
         1567,
         3429,
         {"flat", "nmod:poss", "acl"},
         {1852, 356, 1}},
        {"ud_ko_gsd", "test", 989, 11677, 1495, 3395, {"flat", "punct", "cc"}, {1690, 1493, 31}},
        {"ud_ko_kaist",
         "train",
         2066,
         25278,
         2845,
         9905,
         {"punct", "obj", "vocative"},
         {2811, 1861, 2}},
        {"ud_ko_kaist", "test", 2287, 28366, 3222, 11315, {"punct", "aux", "clf"}, {3109, 754, 1}},
    };
    if (!getenv("HARNESS_DATA")) cr_skip_test("HARNESS_DATA is not set");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        task t;
        dataset d;
        size_t words = 0, punctuation = 0, next = 0;
        MUST(task_find(&t, cases[i].task, NULL));
        MUST(dataset_load(&d, &t, NULL));
        const dataset_split *s = !strcmp(cases[i].split, "file")    ? &d.file_rows
                                 : !strcmp(cases[i].split, "train") ? &d.train
                                                                    : &d.test;
        for (size_t r = 0; r < s->row_count; r++) {
            const example_units *u = &s->rows[r].example.target.units;
            for (uint32_t w = 0; w < u->count; w++, words++) {
                const uint32_t *arc = u->values + (size_t)w * ARC_WIDTH;
                punctuation += arc[ARC_PUNCTUATION];
                next += arc[ARC_HEAD] == (w + 1 < u->count ? w + 2 : 0);
            }
        }
        cr_expect_eq(s->row_count, cases[i].rows, "%s %s: %zu rows", cases[i].task, cases[i].split,
                     s->row_count);
        cr_expect_eq(words, cases[i].words, "%s: %zu words", cases[i].task, words);
        cr_expect_eq(punctuation, cases[i].punctuation, "%s: %zu of punctuation", cases[i].task,
                     punctuation);
        cr_expect_eq(next, cases[i].next, "%s: %zu right neighbours", cases[i].task, next);
        for (int k = 0; k < 3; k++) {
            const char *name = cases[i].relations[k];
            size_t id = task_label_index(&t, name, strlen(name));
            cr_assert_lt(id, t.label_count, "%s", name);
            cr_expect_eq(s->label_counts[id], cases[i].counts[k], "%s %s: %zu", cases[i].task, name,
                         s->label_counts[id]);
        }
        unload(&t, &d);
    }
}
