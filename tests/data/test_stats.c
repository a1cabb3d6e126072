/* What is counted of a data set, by hand: texts, lengths at their limits, and the words for them. */
#include "base/json.h"
#include "base/memory.h"
#include "data/stats.h"
#include "data/support_task.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <string.h>

static void load(made_task *m, dataset *d, const char *train) {
    made_task_begin(m, NULL, NULL, NULL);
    made_task_file(m, "train.csv", train, strlen(train));
    made_task_file(m, "test.csv", "text,label\nx,0\n", 15);
    MUST(dataset_load(d, &m->task, &m->options));
}

static void unload(made_task *m, dataset *d) {
    dataset_free(d);
    made_task_end(m);
}

/* A text counts once however often it is there, the empty one, too; one whose labels part has a
 * conflict, also where the last label agrees with the first. */
Test(data_stats, texts_are_counted_once) {
    static const char *const keys[] = {
        "rows", "unique", "unique_not_empty", "empty", "duplicates", "conflicting", "kept"};
    enum { KEYS = sizeof keys / sizeof *keys };
    static const struct {
        const char *train;
        double counts[KEYS];
    } sets[] = {
        {"text,label\na,0\nb,1\n", {2, 2, 2, 0, 0, 0, 2}},
        {"text,label\na,0\na,0\n", {2, 1, 1, 0, 1, 0, 1}},
        {"text,label\na,0\na,1\n", {2, 1, 1, 0, 1, 1, 1}},
        {"text,label\na,0\na,1\na,0\n", {3, 1, 1, 0, 2, 1, 1}},
        {"text,label\n,0\na,1\n", {2, 2, 1, 1, 0, 0, 1}},
        {"text,label\n,0\n,1\n,0\na,0\nb,0\nb,1\n", {6, 3, 2, 3, 3, 2, 2}},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        made_task m;
        dataset d;
        data_stats s;
        cJSON *root;
        load(&m, &d, sets[i].train);
        MUST(data_stats_measure(&s, &m.task, &d, NULL, 0, false));
        MUST(data_stats_json(&root, &s));
        const cJSON *train = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "splits"), "train");
        for (size_t k = 0; k < KEYS; k++)
            cr_expect_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(train, keys[k])),
                         sets[i].counts[k], "set %zu: %s", i, keys[k]);
        cJSON_Delete(root);
        unload(&m, &d);
    }
}

/* Texts of 1 to 4 tokens beside [CLS] and [SEP]: a text is cut when it has more than there may be. */
Test(data_stats, a_text_of_just_the_most_tokens_is_not_cut) {
    static char *const pieces[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"};
    static const struct { size_t most, cut; } limits[] = {{3, 3}, {4, 2}, {5, 1}, {6, 0}, {7, 0}};
    made_task m;
    dataset d;
    tokenizer t;
    load(&m, &d, "text,label\na,0\na a,0\na a a,1\na a a a,1\n");
    MUST(tokenizer_from_tokens(&t, (char **)pieces, sizeof pieces / sizeof *pieces, false));
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        data_stats s;
        MUST(data_stats_measure(&s, &m.task, &d, &t, limits[i].most, false));
        cr_expect_eq(s.splits[0].tokens.cut, limits[i].cut, "%zu of at most %zu",
                     s.splits[0].tokens.cut, limits[i].most);
        cr_expect(s.splits[0].tokens.mean == 4.5 && s.splits[0].tokens.max == 6);
    }
    tokenizer_free(&t);
    unload(&m, &d);
}

/* One text of one letter and three of two: each bar has its own plural and share. */
Test(data_stats, bars_say_how_many_rows_they_are) {
    static const char *const texts[] = {
        ">train: 4 rows, mean 1.8, most 2</text>", ">test: 1 row, mean 1.0, most 1</text>",
        "0 to 0 characters: 0 rows (0.00 %)",      "1 to 1 characters: 1 row (25.00 %)",
        "2 to 2 characters: 3 rows (75.00 %)",     "1 to 1 characters: 1 row (100.00 %)"};
    made_task m;
    dataset d;
    data_stats s;
    strbuf out = {0};
    load(&m, &d, "text,label\na,0\nbb,0\ncc,1\ndd,1\n");
    MUST(data_stats_measure(&s, &m.task, &d, NULL, 0, false));
    MUST(data_stats_svg(&out, &s));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect(strstr(out.text, texts[i]), "no '%s' in %s", texts[i], out.text);
    strbuf_free(&out);
    unload(&m, &d);
}

/* In the text, bars begin with the shortest length that occurs, and gaps behind it stay. */
Test(data_stats, bars_begin_where_lengths_do) {
    made_task m;
    dataset d;
    data_stats s;
    strbuf out = {0};
    load(&m, &d, "text,label\naaaa,0\nbbbb,0\ncccccc,1\n");
    MUST(data_stats_measure(&s, &m.task, &d, NULL, 0, false));
    MUST(data_stats_text(&out, &s));
    const char *bars = strstr(out.text, "train, characters\n");
    cr_assert_not_null(bars, "%s", out.text);
    bars = strchr(bars, '\n') + 1;
    cr_expect(!strncmp(bars, "    4-4     66.67 %", 19), "%.40s", bars);
    bars = strchr(bars, '\n') + 1;
    cr_expect(!strncmp(bars, "    5-5      0.00 %", 19), "%.40s", bars);
    strbuf_free(&out);
    unload(&m, &d);
}
