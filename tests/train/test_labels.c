#include "base/memory.h"
#include "support/must.h"
#include "train/run/labels.h"

#include <stdio.h>
#include <string.h>

static task_label names[3] = {
    {"0", "negative", "bad"}, {"1", "positive", "good"}, {"2", "none", "neither"}};

/* Matches the model's labels with those of the task; rows as text, "same" for none. */
static err match_with(char text[64], task_label *ours, const char *const *theirs, uint32_t count,
                      const char *map) {
    model_config c = {0};
    const task t = {.name = "nsmc", .labels = ours, .label_count = count};
    uint32_t *rows = NULL;
    c.classes = count;
    if (theirs) MUST(model_config_set_labels(&c, theirs, count));
    err e = labels_match(&rows, &c, &t, map, "folder");
    snprintf(text, 64, "same");
    for (uint32_t i = 0, n = 0; rows && i < count; i++)
        n += (uint32_t)snprintf(text + n, 64 - n, "%s%u", i ? " " : "", rows[i]);
    mem_free(rows);
    model_config_free(&c);
    return e;
}

static err match(char text[64], const char *const *theirs, uint32_t count, const char *map) {
    return match_with(text, names, theirs, count, map);
}

CleanTest(labels, go_with_their_names) {
    static const struct {
        const char *theirs[3], *map, *rows;
        uint32_t count;
    } cases[] = {
        {{"negative", "positive"}, NULL, "same", 2},
        {{"positive", "negative"}, NULL, "1 0", 2},
        {{"POSITIVE", "Negative"}, NULL, "1 0", 2},
        {{"Good", "bad"}, NULL, "1 0", 2},
        {{"good", "negative"}, NULL, "1 0", 2}, // readable name and name
        {{"none", "negative", "positive"}, NULL, "1 2 0", 3},
        {{"LABEL_0", "LABEL_1"}, NULL, "same", 2},
        {{"label_0", "Label_1"}, NULL, "same", 2},
        {{NULL}, NULL, "same", 2},
        {{"0", "1"}, NULL, "same", 2},
        {{"1", "0"}, NULL, "1 0", 2}, // the values in the task's files
        {{"긍정", "부정"}, "긍정=positive,부정=negative", "1 0", 2},
        {{"긍정", "부정"}, "부정=bad,긍정=Positive", "1 0", 2},
        {{"긍정", "negative"}, "긍정=positive", "1 0", 2},
        {{"LABEL_0", "LABEL_1"}, "LABEL_0=positive,LABEL_1=negative", "1 0", 2},
        // labels that differ in case alone
        {{"Positive", "positive"}, "Positive=negative", "same", 2},
        {{"Positive", "positive"}, "positive=negative,Positive=positive", "1 0", 2},
        {{"a,b", "c=d"}, "a\\,b=positive,c\\=d=negative", "1 0", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char rows[64];
        const char *const *theirs = cases[i].theirs[0] ? cases[i].theirs : NULL;
        MUST(match(rows, theirs, cases[i].count, cases[i].map));
        cr_assert_str_eq(rows, cases[i].rows, "case %zu: %s", i, rows);
    }
}

/* As of files of a person's own. What is there exactly is that; what is not, is told by no case. */
Test(labels, that_differ_in_case_alone_are_two) {
    static task_label cases[3] = {{"US", "US", NULL}, {"us", "us", NULL}, {"uk", "uk", NULL}};
    static const char *const order[][3] = {{"US", "us", "uk"}, {"us", "UK", "US"}};
    static const char *const rows[] = {"same", "2 0 1"};
    static const char *const unknown[] = {"Us", "us", "uk"}, *const none[] = {"Us", "uS", "uk"};
    for (size_t i = 0; i < 2; i++) {
        char text[64];
        MUST(match_with(text, cases, order[i], 3, NULL));
        cr_expect_str_eq(text, rows[i], "%zu: %s", i, text);
    }
    char text[64];
    MUST(match_with(text, cases, unknown, 3, NULL)); // the one that is left
    cr_expect_str_eq(text, "same");
    MUST_FAIL(match_with(text, cases, none, 3, NULL), ERR_DATA, "label 0 of the model is 'Us'");
    MUST(match_with(text, cases, none, 3, "uS=US,Us=us"));
    cr_expect_str_eq(text, "1 0 2");
}

CleanTest(labels, what_does_not_match_is_refused_with_the_map) {
    static const struct {
        const char *theirs[3], *map, *part;
        err code;
        uint32_t count;
    } cases[] = {
        {{"긍정", "부정"}, NULL, "--label-map '긍정=negative,부정=positive'", ERR_DATA, 2},
        {{"긍정", "negative"}, NULL, "--label-map '긍정=positive,negative=negative'", ERR_DATA, 2},
        {{"a,b", "c"}, NULL, "--label-map 'a\\,b=negative,c=positive'", ERR_DATA, 2},
        {{"positive", "good"},
         NULL,
         "label 1 of the model is 'good', which is none of task nsmc",
         ERR_DATA,
         2},
        {{"LABEL_1", "LABEL_0"}, NULL, "label 0 of the model is 'LABEL_1'", ERR_DATA, 2},
        {{"positive", "negative", "x"}, NULL, "label 2 of the model is 'x'", ERR_DATA, 3},
        {{"a", "b"}, "c=negative", "folder has no label 'c' (its first is 'a')", ERR_USAGE, 2},
        {{"a", "b"}, "a=c", "task nsmc has no label 'c'", ERR_USAGE, 2},
        {{"a", "b"}, "a", "'a' has no '='", ERR_USAGE, 2},
        {{"a", "b"},
         "a=negative,b=negative",
         "'a' is 'negative' already, 'b' cannot",
         ERR_USAGE,
         2},
        {{"negative", "b"}, "b=bad", "'negative' is 'negative' already, 'b' cannot", ERR_USAGE, 2},
        {{"a", "b"}, "a=negative,a=positive", "'a' stands there twice", ERR_USAGE, 2},
        {{"a", "b"}, "a=negative,A=positive", "folder has no label 'A'", ERR_USAGE, 2},
        {{"Positive", "positive"},
         NULL,
         "--label-map 'Positive=negative,positive=positive'",
         ERR_DATA,
         2},
        // no map could tell these apart, so none is asked for
        {{"positive", "positive"},
         NULL,
         "labels 0 and 1 of the model are both 'positive'",
         ERR_DATA,
         2},
        {{"x", "x"}, "x=negative", "give them two names in its config.json", ERR_DATA, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char rows[64];
        MUST_FAIL(match(rows, cases[i].theirs, cases[i].count, cases[i].map), cases[i].code,
                  cases[i].part);
    }
    model_config c = {.classes = 3};
    const task t = {.name = "nsmc", .labels = names, .label_count = 2};
    uint32_t *rows = NULL;
    MUST_FAIL(labels_match(&rows, &c, &t, NULL, "folder"), ERR_DATA,
              "folder: the model has 3 labels, task nsmc has 2");
    const task number = {.name = "klue_sts", .kind = ANSWER_NUMBER};
    MUST(labels_check_map(&number, NULL));
    MUST(labels_check_map(&t, "a=b"));
    MUST_FAIL(labels_check_map(&number, "a=b"), ERR_USAGE, "klue_sts has no labels");
}

CleanTest(labels, are_renamed_by_a_map_alone) {
    static const char *const theirs[] = {"L0", "L1"};
    model_config c = {0};
    MUST(model_config_set_labels(&c, theirs, 2));
    MUST(labels_rename(&c, "l1=긍정", "folder"));
    cr_assert_str_eq(c.labels[0], "L0");
    cr_assert_str_eq(c.labels[1], "긍정");
    MUST_FAIL(labels_rename(&c, "L7=x", "folder"), ERR_USAGE, "folder has no label 'L7'");
    MUST_FAIL(labels_rename(&c, "L0=긍정", "folder"), ERR_USAGE, "'L0' is '긍정' already");
    MUST_FAIL(labels_rename(&c, "L0=a,긍정=a", "folder"), ERR_USAGE, "'긍정' cannot be it too");
    cr_assert_str_eq(c.labels[0], "L0");
    MUST(labels_rename(&c, "L0=a,긍정=A", "folder"));
    MUST(labels_rename(&c, "A=b", "folder"));
    cr_assert_str_eq(c.labels[0], "a");
    cr_assert_str_eq(c.labels[1], "b");
    model_config_free(&c);
    c.classes = 2;
    MUST(labels_rename(&c, "LABEL_0=x", "folder"));
    cr_assert_str_eq(c.labels[0], "x");
    cr_assert_str_eq(c.labels[1], "LABEL_1");
    model_config_free(&c);
}

/* Tags come in the order of metric/tags.h, whatever the model's files have. */
CleanTest(labels, tags_are_put_in_order) {
    static const struct {
        const char *theirs[5];
        uint32_t count;
        const char *rows, *first, *message;
    } cases[] = {
        {{"B-PS", "I-PS", "O"}, 3, "same", "B-PS", NULL},
        {{"O", "B-PS", "I-PS"}, 3, "1 2 0", "B-PS", NULL},
        {{"O", "I-LC", "B-PS", "I-PS", "B-LC"}, 5, "4 1 2 3 0", "B-LC", NULL},
        {{"O", "B-PS", "I-LC"},
         3,
         NULL,
         NULL,
         "folder: label 1 is 'B-PS': expected B-X and I-X of each type X, and O"},
        {{"good", "B-PS", "I-PS"},
         3,
         NULL,
         NULL,
         "folder: label 0 is 'good': expected B-X and I-X of each type X, and O"},
        {{"B-PS", "I-PS"}, 2, NULL, NULL, "folder: its labels have no O"},
        // as many as with an O
        {{"B-PS", "I-PS", "I-PS"},
         3,
         NULL,
         NULL,
         "folder: labels 1 and 2 are both 'I-PS': expected each label once"},
        {{"O", "B-PS", "I-PS", "O"},
         4,
         NULL,
         NULL,
         "folder: labels 0 and 3 are both 'O': expected each label once"},
        {{"LABEL_0", "LABEL_1", "LABEL_2"},
         3,
         NULL,
         NULL,
         "folder: its labels have no names: expected B-X and I-X of each type X, and O"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c = {0};
        uint32_t *rows = NULL, count = cases[i].count;
        char text[64] = "same";
        MUST(model_config_set_labels(&c, cases[i].theirs, count));
        err e = labels_order_tags(&rows, &c, "folder");
        for (uint32_t k = 0, n = 0; rows && k < count; k++)
            n += (uint32_t)snprintf(text + n, 64 - n, "%s%u", k ? " " : "", rows[k]);
        if (cases[i].message) {
            cr_expect_eq(e, ERR_UNSUPPORTED, "case %zu", i);
            cr_expect_str_eq(err_message(e), cases[i].message);
            cr_expect_null(rows);
        } else {
            cr_expect_eq(e, ERR_OK, "case %zu", i);
            cr_expect_str_eq(text, cases[i].rows, "case %zu: %s", i, text);
            cr_expect_str_eq(c.labels[0], cases[i].first);
            cr_expect_str_eq(c.labels[count - 1], "O");
        }
        mem_free(rows);
        model_config_free(&c);
    }
}
