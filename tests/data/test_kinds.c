// Rows of pairs, scores, several labels and relations: what is read, and what is wrong with file, line, found
// and expected, counted where the manifest says so.
#include "base/json.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/stats.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HEAD                                                                                       \
    "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "    \
    "\"licence\": \"l\", \"citation\": \"c\", "
#define TAIL                                                                                       \
    "\"split\": {\"rule\": \"files\"}, \"cleaning\": {\"drop_empty\": true, "                      \
    "\"drop_duplicates\": true}, \"max_length\": 128}"
#define FILES                                                                                      \
    "\"files\": [{\"role\": \"train\", \"name\": \"a\"}, {\"role\": \"test\", \"name\": \"b\"}], "
#define LABELS                                                                                     \
    "\"labels\": [{\"value\": \"x\", \"name\": \"x\", \"readable\": \"x\"}, {\"value\": \"y\", "   \
    "\"name\": \"y\", \"readable\": \"y\"}], "
#define TSV(columns)                                                                               \
    "\"format\": {\"kind\": \"delimited\", \"delimiter\": \"\\t\", \"quoting\": \"none\", "        \
    "\"header\": false, \"columns\": [" columns "], "
#define PAIRS                                                                                      \
    FILES TSV("\"a\", \"b\", \"l\"") "\"text\": \"a\", \"text_pair\": \"b\", \"label\": \"l\"}, "
#define CLASSES "\"metrics\": [\"accuracy\"], \"headline\": \"accuracy\", "
#define PEARSON "\"metrics\": [\"pearson\"], \"headline\": \"pearson\", "
#define SETS "\"metrics\": [\"micro_f1\"], \"headline\": \"micro_f1\", "
#define SCORES                                                                                     \
    "\"kind\": \"regression\", \"range\": [0, 5], " FILES TSV(                                     \
        "\"a\", \"l\"") "\"text\": \"a\", \"label\": \"l\"}, " PEARSON
#define LIST                                                                                       \
    "\"kind\": \"multi_label\", " FILES TSV(                                                       \
        "\"a\", \"l\"") "\"text\": \"a\", \"label\": \"l\", \"label_separator\": \",\"}, " LABELS  \
        SETS
#define OWN                                                                                        \
    "\"kind\": \"multi_label\", " FILES TSV("\"a\", \"y\", \"x\"") "\"text\": \"a\"}, " LABELS SETS
#define JSON_FORMAT(rest) FILES "\"format\": {\"kind\": \"jsonl\", \"text\": \"a\", " rest "}, "
#define RELATION                                                                                   \
    "\"kind\": \"relation\", " JSON_FORMAT(                                                        \
        "\"subject\": \"s\", \"object\": \"o\", \"label\": \"l\"") LABELS                          \
        "\"metrics\": [\"relation_f1\"], \"headline\": \"relation_f1\", "
#define JSON_SCORES                                                                                \
    "\"kind\": \"regression\", \"range\": [0, 5], " JSON_FORMAT("\"label\": \"l\"") PEARSON
#define JSON_SETS "\"kind\": \"multi_label\", " JSON_FORMAT("\"label\": \"l\"") LABELS SETS
/* Labels that have keys of their own. */
#define JSON_OWN                                                                                   \
    "\"kind\": \"multi_label\", " FILES                                                            \
    "\"format\": {\"kind\": \"jsonl\", \"text\": \"a\"}, " LABELS SETS
#define JSON_PAIRS JSON_FORMAT("\"text_pair\": \"b\", \"label\": \"l\"") LABELS CLASSES
/* A text with the places of its entities. */
#define ENTITIES(text, s, s_end, o, o_end, label)                                                  \
    "{\"a\": \"" text "\", \"s\": {\"start_idx\": " #s ", \"end_idx\": " #s_end                    \
    "}, \"o\": {\"start_idx\": " #o ", \"end_idx\": " #o_end "}, \"l\": \"" label "\"}\n"
#define RELATED ENTITIES("가나 다라", 0, 1, 3, 4, "x")
#define STOP "\"invalid_label\": \"error\", "
#define DROP "\"invalid_label\": \"drop\", "

/* Loads a made task; the files are made/a and made/b. */
static err load(task *t, dataset *d, const char *manifest, const char *train, const char *test) {
    MUST(folder_make(temporary_path("made")));
    temporary_put("made.json", manifest);
    temporary_put("made/a", train);
    temporary_put("made/b", test);
    *d = (dataset){0};
    err e = task_load(t, temporary_path("made.json"));
    return e ? e : dataset_load(d, t, &(dataset_options){.data_dir = temporary_folder()});
}

static void unload(task *t, dataset *d) {
    dataset_free(d);
    task_free(t);
}

CleanTest(kinds, rows_are_read) {
    task t;
    dataset d;
    MUST(load(&t, &d, HEAD PAIRS LABELS STOP CLASSES TAIL, "p\tq\tx\np\tr\ty\np\tq\ty\n",
              "p\tq\ty\np\tpq\tx\n"));
    const example *e = &d.train.rows[1].example;
    cr_expect(e->text_count == 2 && !strcmp(e->texts[0].text, "p") &&
              !strcmp(e->texts[1].text, "r"));
    // pairs are equal when both texts are
    cr_expect(d.train.duplicate_count == 1 && d.train.conflict_count == 1 &&
              d.train.kept_count == 2);
    cr_expect(d.test.leaked_count == 1 && d.test.leaked_agreeing_count == 1 &&
              d.test.dedup_count == 1);
    unload(&t, &d);
    MUST(load(&t, &d, HEAD SCORES STOP TAIL, "p\t2.5\nq\t0\nr\t5e0\n", "s\t-0\n"));
    cr_expect_float_eq(d.train.mean, 2.5, 1e-12);
    cr_expect(d.train.low == 0 && d.train.high == 5);
    unload(&t, &d);
    MUST(load(&t, &d, HEAD LIST STOP TAIL, "p\tx\nq\ty,x\nr\t\n", "s\ty\n"));
    cr_expect(d.train.label_counts[0] == 2 && d.train.label_counts[1] == 1);
    cr_expect(d.train.rows[1].example.target.set[0] && d.train.rows[1].example.target.set[1]);
    unload(&t, &d);
    MUST(load(&t, &d, HEAD OWN STOP TAIL, "p\t1\t0\nq\t1\t1\n", "s\t0\t0\n"));
    cr_expect(d.train.label_counts[0] == 1 && d.train.label_counts[1] == 2);
    unload(&t, &d);
}

Test(kinds, json_rows_are_read) {
    task t;
    dataset d;
    MUST(load(&t, &d,
              HEAD "\"kind\": \"multi_label\", " JSON_FORMAT("\"label\": \"l\"")
                  LABELS STOP SETS TAIL,
              "{\"a\": \"p\", \"l\": [\"y\", \"x\"]}\n{\"a\": \"q\", \"l\": []}\n",
              "{\"a\": \"r\", \"l\": [\"x\"]}\n"));
    cr_expect(d.train.label_counts[0] == 1 && d.train.label_counts[1] == 1);
    unload(&t, &d);
    MUST(load(&t, &d,
              HEAD "\"kind\": \"regression\", \"range\": [0, 5], " JSON_FORMAT(
                  "\"label\": \"l.real-label\"") STOP PEARSON TAIL,
              "{\"a\": \"p\", \"l\": {\"real-label\": 1.25}}\n"
              "{\"a\": \"q\", \"l\": {\"real-label\": 1}, \"l.real-label\": 2}\n",
              "{\"a\": \"r\", \"l\": {\"real-label\": 3}}\n"));
    cr_expect_eq(d.train.rows[0].example.target.number, 1.25f);
    cr_expect_eq(d.train.rows[1].example.target.number, 2, "a key of that very name");
    unload(&t, &d);
    MUST(load(&t, &d, HEAD JSON_OWN STOP TAIL,
              "{\"a\": \"p\", \"x\": 1, \"y\": false}\n{\"a\": \"q\", \"y\": true, \"x\": 0}\n",
              "{\"a\": \"r\", \"x\": true, \"y\": 1}\n"));
    cr_expect(d.train.label_counts[0] == 1 && d.train.label_counts[1] == 1);
    cr_expect(d.train.rows[0].example.target.set[0] && d.train.rows[1].example.target.set[1]);
    unload(&t, &d);
}

/* Markers stand around the entities, whichever comes first; texts with other entities are others. */
CleanTest(kinds, entities_are_marked) {
    static const char *const marked[] = {
        "<subj>가나</subj> <obj>다라</obj>",
        "<obj>가</obj>나 다<subj>라</subj>",
        "가<obj>나</obj><subj> </subj>다라",
    };
    task t;
    dataset d;
    MUST(load(&t, &d, HEAD RELATION STOP TAIL,
              RELATED ENTITIES("가나 다라", 4, 4, 0, 0, "y") ENTITIES("가나 다라", 2, 2, 1, 1, "y")
                  RELATED,
              RELATED));
    for (size_t i = 0; i < 3; i++)
        cr_expect_str_eq(d.train.rows[i].example.texts[0].text, marked[i]);
    cr_expect(d.train.kept_count == 3 && d.train.duplicate_count == 1);
    cr_expect(d.train.label_counts[0] == 2 && d.train.label_counts[1] == 2);
    cr_expect(d.test.leaked_count == 1);
    unload(&t, &d);
}

/* A row of these in train, behind a good one. */
static const struct {
    const char *manifest, *good, *row, *message;
} bad[] = {
    {PAIRS LABELS CLASSES, "p\tq\tx\n", "p\t\tx\n", "a:2: a pair with one text: 'b' is empty"},
    {PAIRS LABELS CLASSES, "p\tq\tx\n", "\tq\tx\n", "a:2: a pair with one text: 'a' is empty"},
    {SCORES, "p\t1\n", "q\thigh\n", "a:2: score 'high' is no number: one from 0 to 5 is expected"},
    {SCORES, "p\t1\n", "q\t1.2.3\n",
     "a:2: score '1.2.3' is no number: one from 0 to 5 is expected"},
    {SCORES, "p\t1\n", "q\tnan\n", "a:2: score 'nan' is no number: one from 0 to 5 is expected"},
    {SCORES, "p\t1\n", "q\t1e\n", "a:2: score '1e' is no number: one from 0 to 5 is expected"},
    {SCORES, "p\t1\n", "q\t1e+\n", "a:2: score '1e+' is no number: one from 0 to 5 is expected"},
    {SCORES, "p\t0\n", "q\t-0.001\n", "a:2: score -0.001 is outside the manifest's range, 0 to 5"},
    {SCORES, "p\t1\n", "q\t\n", "a:2: score '' is no number: one from 0 to 5 is expected"},
    {SCORES, "p\t1\n", "q\t5.01\n", "a:2: score 5.01 is outside the manifest's range, 0 to 5"},
    {LIST, "p\tx\n", "q\tx,z\n", "a:2: label 'z' is not in the manifest (known: 'x', 'y')"},
    {LIST, "p\tx\n", "q\tx,,y\n",
     "a:2: an empty label in 'x,,y': labels have one ',' between them, and a row without labels "
     "has "
     "nothing there"},
    {LIST, "p\tx\n", "q\tx,\n",
     "a:2: an empty label in 'x,': labels have one ',' between them, and a row without labels has "
     "nothing there"},
    {LIST, "p\tx\n", "q\tx,y,x\n", "a:2: label 'x' stands there twice"},
    {OWN, "p\t1\t0\n", "q\t2\t0\n", "a:2: column 'y' holds '2', expected 0 or 1"},
    {RELATION, RELATED, ENTITIES("가나 다라", 0, 1, 3, 5, "x"),
     "a:2: an entity from character 3 to 5, the text has 5"},
    {RELATION, RELATED, ENTITIES("가나 다라", 0, 1, 1, 4, "x"),
     "a:2: the entities overlap: subject 0 to 1, object 1 to 4"},
    {RELATION, RELATED, ENTITIES("가나 다라", 2, 4, 2, 4, "x"),
     "a:2: the entities overlap: subject 2 to 4, object 2 to 4"},
    {RELATION, RELATED, ENTITIES("가나 다라", 1, 0, 3, 4, "x"),
     "a:2: key 's': key 'end_idx' is 0, expected a whole number from 1 to 1048576"},
    {RELATION, RELATED, ENTITIES("가나 다라", 0, 1, -1, 4, "x"),
     "a:2: key 'o': key 'start_idx' is -1, expected a whole number from 0 to 1048576"},
    {RELATION, RELATED, ENTITIES("가나 다라", 0.5, 1, 3, 4, "x"),
     "a:2: key 's': key 'start_idx' is 0.5, expected a whole number from 0 to 1048576"},
    {RELATION, RELATED, ENTITIES("", 0, 0, 0, 0, "x"),
     "a:2: an entity from character 0 to 0, the text has 0"},
    {RELATION, RELATED, ENTITIES("가나 다라", 0, 1, 3, 4, "z"),
     "a:2: label 'z' is not in the manifest (known: 'x', 'y')"},
    // a marker of the text's own would be taken for one of the entities'
    {RELATION, RELATED, ENTITIES("<obj>나 다라", 5, 5, 7, 7, "x"),
     "a:2: the text has a '<obj>' of its own, which marks an entity"},
    // JSON may hold anything in a label's place
    {RELATION, RELATED,
     "{\"a\": \"가나\", \"s\": {\"start_idx\": 0, \"end_idx\": 0}, \"o\": {\"start_idx\": 1, "
     "\"end_idx\": 1}, \"l\": null}\n",
     "a:2: key 'l' is neither a string, a whole number nor a truth value"},
    {JSON_SCORES, "{\"a\": \"p\", \"l\": 1}\n", "{\"a\": \"q\", \"l\": null}\n",
     "a:2: key 'l' is no number"},
    {JSON_SCORES, "{\"a\": \"p\", \"l\": 1}\n", "{\"a\": \"q\", \"l\": [2]}\n",
     "a:2: key 'l' is no number"},
    {JSON_SCORES, "{\"a\": \"p\", \"l\": 1}\n", "{\"a\": \"q\", \"l\": 1e400}\n",
     "a:2: score 'inf' is no number: one from 0 to 5 is expected"},
    {JSON_SCORES, "{\"a\": \"p\", \"l\": 1}\n", "{\"a\": \"q\"}\n", "a:2: key 'l' is missing"},
    {JSON_SETS, "{\"a\": \"p\", \"l\": [\"x\"]}\n", "{\"a\": \"q\", \"l\": \"x\"}\n",
     "a:2: key 'l' is not a list of labels"},
    {JSON_SETS, "{\"a\": \"p\", \"l\": [\"x\"]}\n", "{\"a\": \"q\", \"l\": [null]}\n",
     "a:2: key 'l' is neither a string, a whole number nor a truth value"},
    {JSON_OWN, "{\"a\": \"p\", \"x\": 1, \"y\": 0}\n", "{\"a\": \"q\", \"x\": 1, \"y\": 2}\n",
     "a:2: key 'y' is neither 0 nor 1"},
    {JSON_OWN, "{\"a\": \"p\", \"x\": true, \"y\": false}\n",
     "{\"a\": \"q\", \"x\": \"1\", \"y\": 0}\n", "a:2: key 'x' is neither 0 nor 1"},
    {JSON_OWN, "{\"a\": \"p\", \"x\": 1, \"y\": 0}\n", "{\"a\": \"q\", \"x\": 1}\n",
     "a:2: key 'y' is missing"},
    {JSON_PAIRS, "{\"a\": \"p\", \"b\": \"q\", \"l\": \"x\"}\n",
     "{\"a\": \"p\", \"b\": null, \"l\": \"x\"}\n", "a:2: a pair with one text: 'b' is empty"},
    {JSON_PAIRS, "{\"a\": \"p\", \"b\": \"q\", \"l\": \"x\"}\n", "{\"a\": \"p\", \"l\": \"x\"}\n",
     "a:2: key 'b' is missing (expected a string)"},
    {JSON_PAIRS, "{\"a\": \"p\", \"b\": \"q\", \"l\": \"x\"}\n",
     "{\"a\": [\"p\"], \"b\": \"q\", \"l\": \"x\"}\n",
     "a:2: key 'a' is an array, expected a string"},
    {RELATION, RELATED, "{\"a\": \"가나\", \"s\": 3, \"o\": {}, \"l\": \"x\"}\n",
     "a:2: key 's' is no object with start_idx and end_idx"},
    {RELATION, RELATED, "{\"a\": \"가나\", \"o\": {}, \"l\": \"x\"}\n", "a:2: key 's' is missing"},
};

Test(kinds, bad_rows_are_named_or_counted) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int drop = 0; drop < 2; drop++) {
            char manifest[2048], train[400];
            task t;
            dataset d;
            snprintf(manifest, sizeof manifest, "%s%s%s%s", HEAD, bad[i].manifest,
                     drop ? DROP : STOP, TAIL);
            snprintf(train, sizeof train, "%s%s", bad[i].good, bad[i].row);
            err_clear(); // of the same row
            said_begin();
            err e = load(&t, &d, manifest, train, bad[i].good);
            char *noted = said_end();
            if (drop) {
                cr_expect_eq(e, ERR_OK, "%s: %s", bad[i].row, err_message(e));
                cr_expect(d.invalid_count == 1 && d.train.row_count == 1, "%s", bad[i].row);
                const char *first = strstr(noted, "made: 1 of 3 rows dropped for what they say; "
                                                  "the first is /");
                const char *at = first ? strstr(first, "/made/") : NULL;
                cr_expect(at && !strncmp(at + 6, bad[i].message, strlen(bad[i].message)), "%s: %s",
                          bad[i].row, noted);
                data_stats stats;
                strbuf said = {0};
                MUST(data_stats_measure(&stats, &t, &d, NULL, 0, false));
                MUST(data_stats_text(&said, &stats));
                cr_expect(strstr(said.text, "\nrows dropped for what they say: 1\n"), "%s",
                          said.text);
                strbuf_free(&said);
            } else {
                cr_expect_eq(e, ERR_FORMAT, "%s", bad[i].row);
                const char *at = strstr(err_message(e), "/made/");
                cr_expect(at && !strcmp(at + 6, bad[i].message), "%s: %s", bad[i].row,
                          err_message(e));
                cr_expect_null(strstr(noted, "dropped"), "%s", noted);
            }
            mem_free(noted);
            unload(&t, &d);
        }
    }
}

/* A text of its own is there; null stands for a pair's lacking one alone. */
Test(kinds, a_text_is_no_null) {
    task t;
    dataset d;
    cr_assert_eq(load(&t, &d, HEAD JSON_SCORES STOP TAIL, "{\"a\": null, \"l\": 1}\n",
                      "{\"a\": \"r\", \"l\": 3}\n"),
                 ERR_FORMAT);
    cr_expect_not_null(strstr(err_message(ERR_FORMAT), "a:1: key 'a' is null, expected a string"),
                       "%s", err_message(ERR_FORMAT));
    unload(&t, &d);
}

/* Nothing is learnt of one answer: said, with the number of rows. */
Test(kinds, one_answer_alone_is_said) {
    static const struct {
        const char *manifest, *train, *words;
    } cases[] = {
        {HEAD PAIRS LABELS STOP CLASSES TAIL, "p\tq\tx\nr\tq\tx\n",
         "made: all 2 train rows have the label 'x'"},
        {HEAD PAIRS LABELS STOP CLASSES TAIL, "p\tq\tx\nr\tq\ty\n", NULL},
        {HEAD SCORES STOP TAIL, "p\t2.5\nq\t2.5\nr\t2.5\n",
         "made: all 3 train rows have the number 2.5"},
        {HEAD SCORES STOP TAIL, "p\t2.5\nq\t2\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        task t;
        dataset d;
        said_begin();
        MUST(load(&t, &d, cases[i].manifest, cases[i].train, i < 2 ? "s\tq\tx\n" : "s\t1\n"));
        char *said = said_end();
        if (cases[i].words)
            cr_expect_not_null(strstr(said, cases[i].words), "%zu: %s", i, said);
        else
            cr_expect_null(strstr(said, "train rows have"), "%zu: %s", i, said);
        mem_free(said);
        unload(&t, &d);
    }
}

/* What is wrong stands behind the file's name once, also where the name is shown by more bytes than
 * it has. */
Test(kinds, faults_stand_behind_names_that_are_shown_by_more_bytes) {
    task t;
    dataset d = {0};
    MUST(folder_make(temporary_path("\x1b\x1b\x1b\x1b")));
    MUST(folder_make(temporary_path("\x1b\x1b\x1b\x1b/made")));
    temporary_put("made.json", HEAD RELATION STOP TAIL);
    temporary_put("\x1b\x1b\x1b\x1b/made/a",
                  RELATED "{\"a\": \"가나\", \"o\": {}, \"l\": \"x\"}\n");
    temporary_put("\x1b\x1b\x1b\x1b/made/b", RELATED);
    MUST(task_load(&t, temporary_path("made.json")));
    cr_expect_eq(
        dataset_load(&d, &t, &(dataset_options){.data_dir = temporary_path("\x1b\x1b\x1b\x1b")}),
        ERR_FORMAT);
    const char *at = strstr(err_message(ERR_FORMAT), "/\\x1b");
    cr_expect(at && !strcmp(at, "/\\x1b\\x1b\\x1b\\x1b/made/a:2: key 's' is missing"), "%s",
              err_message(ERR_FORMAT));
    unload(&t, &d);
}

static const struct {
    const char *manifest, *message;
} wrong[] = {
    {"\"kind\": \"regression\", " FILES TSV(
         "\"a\", \"l\"") "\"text\": \"a\", \"label\": \"l\"}, " PEARSON,
     "key 'range' is missing"},
    {"\"kind\": \"regression\", \"range\": [5, 5], " FILES TSV(
         "\"a\", \"l\"") "\"text\": \"a\", \"label\": \"l\"}, " PEARSON,
     "key 'range': the least and the largest score are expected"},
    {"\"kind\": \"regression\", \"range\": [0, 1e10], " FILES TSV(
         "\"a\", \"l\"") "\"text\": \"a\", \"label\": \"l\"}, " PEARSON,
     "key 'range': 0 to 1e+10, scores from -1e+09 to 1e+09 are allowed"},
    {"\"kind\": \"regression\", \"range\": [0, 1e400], " FILES TSV(
         "\"a\", \"l\"") "\"text\": \"a\", \"label\": \"l\"}, " PEARSON,
     "key 'range': 0 to inf, scores from -1e+09 to 1e+09 are allowed"},
    {"\"range\": [0, 5], " PAIRS LABELS CLASSES, "key 'range' goes with kind regression"},
    {"\"kind\": \"regression\", \"range\": [0, 5], " PAIRS LABELS PEARSON,
     "key 'labels': a regression has none"},
    {PAIRS LABELS PEARSON, "metric 'pearson' is not for one label a row"},
    {FILES TSV("\"a\", \"l\"") "\"text\": \"a\", \"text_pair\": \"a\", \"label\": \"l\"}, " LABELS
         CLASSES,
     "keys 'text' and 'text_pair' are both 'a'"},
    {FILES TSV("\"a\", \"l\"") "\"text\": \"a\", \"text_pair\": \"c\", \"label\": \"l\"}, " LABELS
         CLASSES,
     "key 'text_pair' is 'c', which is no column (columns: a, l)"},
    {"\"kind\": \"multi_label\", " FILES TSV(
         "\"a\", \"l\"") "\"text\": \"a\", \"label\": \"l\"}, " LABELS SETS,
     "key 'label_separator' is missing: column 'l' lists labels"},
    {"\"kind\": \"multi_label\", " FILES TSV("\"a\", \"x\"") "\"text\": \"a\"}, " LABELS SETS,
     "key 'labels' is 'y', which is no column (columns: a, x)"},
    {"\"files\": [{\"role\": \"train\", \"name\": \"a\", \"label\": \"x\"}, {\"role\": \"test\", "
     "\"name\": \"b\"}], " TSV("\"a\"") "\"text\": \"a\"}, " LABELS CLASSES,
     "1 of 2 files have a label, expected all or none"},
    {"\"files\": [{\"role\": \"train\", \"name\": \"a\", \"label\": \"x\"}, {\"role\": \"test\", "
     "\"name\": \"b\", \"label\": \"z\"}], " TSV("\"a\"") "\"text\": \"a\"}, " LABELS CLASSES,
     "files[1]: label 'z' is not in 'labels'"},
    {"\"kind\": \"relation\", " PAIRS LABELS CLASSES,
     "format: key 'kind' is 'delimited', relations are read from jsonl or json"},
    {"\"kind\": \"relation\", " JSON_FORMAT("\"subject\": \"s\", \"label\": \"l\"") LABELS CLASSES,
     "format: key 'object' is missing"},
    {"\"kind\": \"relation\", " JSON_FORMAT(
         "\"subject\": \"s\", \"object\": \"s\", \"label\": \"l\"") LABELS CLASSES,
     "format: keys 'subject' and 'object' are both 's'"},
    {"\"kind\": \"relation\", " JSON_FORMAT("\"subject\": \"s\", \"object\": \"o\", \"text_pair\": "
                                            "\"p\", \"label\": \"l\"") LABELS CLASSES,
     "format: key 'text_pair': a relation is of one text"},
    {JSON_FORMAT("\"subject\": \"s\", \"label\": \"l\"") LABELS CLASSES,
     "format: key 'subject' goes with kind relation"},
    {JSON_FORMAT("\"object\": \"s\", \"label\": \"l\"") LABELS CLASSES,
     "format: key 'object' goes with kind relation"},
};

Test(kinds, wrong_manifests_are_named) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char manifest[2048];
        task t;
        dataset d;
        snprintf(manifest, sizeof manifest, "%s%s%s%s", HEAD, wrong[i].manifest, STOP, TAIL);
        err e = load(&t, &d, manifest, "", "");
        cr_expect_eq(e, ERR_FORMAT, "%s", wrong[i].message);
        cr_expect(strstr(err_message(e), wrong[i].message), "%s\n%s", wrong[i].message,
                  err_message(e));
        unload(&t, &d);
    }
}

Test(kinds, a_file_may_be_a_label_or_the_dev_part) {
    task t;
    dataset d;
    MUST(folder_make(temporary_path("made")));
    temporary_put("made/c", "s\nt\n");
    temporary_put("made/d", "u\n");
    MUST(load(&t, &d,
              HEAD
              "\"files\": [{\"role\": \"train\", \"name\": \"a\", \"label\": \"y\"}, "
              "{\"role\": \"train\", \"name\": \"b\", \"label\": \"x\"}, {\"role\": \"test\", "
              "\"name\": \"c\", \"label\": \"x\"}, {\"role\": \"dev\", \"name\": \"d\", "
              "\"label\": \"y\"}], " TSV("\"a\"") "\"text\": \"a\"}, " LABELS STOP CLASSES TAIL,
              "p\nq\n", "r\n"));
    cr_expect(d.train.label_counts[0] == 1 && d.train.label_counts[1] == 2);
    cr_expect(d.test.label_counts[0] == 2 && d.dev.row_count == 1 && d.dev.label_counts[1] == 1);
    MUST(dataset_split_dev(&d, &t));
    cr_expect(d.dev.row_count == 1 && d.train.row_count == 3);
    // the hash of the data is of every part
    static const char *const parts[] = {"made/a", "made/b", "made/c", "made/d"};
    char whole[HASH_HEX_BYTES];
    memcpy(whole, d.data_sha256, sizeof whole);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        void *before;
        size_t count;
        dataset changed = {0};
        MUST(file_read(&before, &count, temporary_path(parts[i]), 0));
        temporary_put(parts[i], "another\n");
        MUST(dataset_load(&changed, &t, &(dataset_options){.data_dir = temporary_folder()}));
        cr_expect_str_neq(changed.data_sha256, whole, "without %s", parts[i]);
        dataset_free(&changed);
        MUST(file_write(temporary_path(parts[i]), before, count));
        mem_free(before);
    }
    unload(&t, &d);
}
