// The table of a group of tasks: its columns by the manifests, a row a model, published rows below.
#include "base/json.h"
#include "base/memory.h"
#include "report/board.h"
#include "report/html.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"
#include "task/task.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static char *folder;
static store records;
static board made;

static void setup(void) {
    fake_folder(&folder);
}

static void teardown(void) {
    board_free(&made);
    store_free(&records);
    fake_folder_end(folder);
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

TestSuite(board_group, .init = setup, .fini = teardown);

static double put(const char *name, const char *model, answer_kind kind, const char *headline,
                  uint32_t seed, const char *of) {
    record r;
    fake_record_make(&r, &(fake_record){.task = name,
                                        .model = model,
                                        .kind = kind,
                                        .headline = headline,
                                        .right = 0.6,
                                        .seed = seed});
    MUST(store_write(folder, &r, NULL));
    double value = record_metric(&r, of);
    record_free(&r);
    return value;
}

static const board_group *group(const char *name) {
    MUST(store_read(&records, folder));
    MUST(board_init(&made, &records, NULL));
    MUST(board_add_groups(&made, NULL));
    for (size_t i = 0; i < made.group_count; i++)
        if (!strcmp(made.groups[i].name, name)) return &made.groups[i];
    return NULL;
}

static size_t column(const board_group *g, const char *of, const char *score) {
    size_t c = 0;
    while (c < g->column_count && (strcmp(g->columns[c].task->name, of) != 0 ||
                                   strcmp(g->columns[c].metric->name, score) != 0))
        c++;
    cr_assert_lt(c, g->column_count, "no column %s %s", of, score);
    return c;
}

static const board_group_row *row(const board_group *g, const char *model) {
    size_t i = 0;
    while (i < g->row_count && strcmp(g->rows[i].model, model) != 0) i++;
    cr_assert_lt(i, g->row_count, "no row %s", model);
    return &g->rows[i];
}

Test(board_group, klue_has_a_row_a_model_and_published_rows) {
    double first = put("klue_re", "mine", ANSWER_RELATION, "relation_f1", 1, "klue_auprc");
    double second = put("klue_re", "mine", ANSWER_RELATION, "relation_f1", 2, "klue_auprc");
    double nli = put("klue_nli", "mine", ANSWER_CLASS, "accuracy", 1, "accuracy");
    double pearson = put("klue_sts", "other", ANSWER_NUMBER, "pearson", 1, "pearson");
    put("kor_hate", "mine", ANSWER_CLASS, "macro_f1", 1, "macro_f1");
    const board_group *g = group("klue");
    cr_assert_not_null(g);
    // in KLUE's order, whatever further tasks the manifests name
    cr_expect(column(g, "klue_tc", "macro_f1") < column(g, "klue_sts", "pearson"));
    cr_expect_eq(column(g, "klue_sts", "pearson") + 1, column(g, "klue_sts", "klue_f1"));
    cr_expect(column(g, "klue_sts", "klue_f1") < column(g, "klue_nli", "accuracy"));
    cr_expect(column(g, "klue_nli", "accuracy") < column(g, "klue_re", "relation_f1"));
    cr_expect_eq(g->model_count, 2);
    const board_group_row *mine = row(g, "mine"), *other = row(g, "other");
    cr_expect(mine < other && mine->run && other->run);
    cr_expect_float_eq(mine->scores[column(g, "klue_re", "klue_auprc")], (first + second) / 2,
                       1e-12);
    cr_expect_float_eq(mine->scores[column(g, "klue_nli", "accuracy")], nli, 1e-12);
    cr_expect(isnan(mine->scores[column(g, "klue_sts", "pearson")]));
    cr_expect_float_eq(other->scores[column(g, "klue_sts", "pearson")], pearson, 1e-12);
    const board_group_row *theirs = row(g, "KLUE-RoBERTa-large");
    cr_expect(!theirs->run && theirs > other);
    cr_expect_float_eq(theirs->scores[column(g, "klue_re", "klue_auprc")], 0.7239, 1e-12);
    cr_expect_float_eq(theirs->scores[column(g, "klue_sts", "klue_f1")], 0.8589, 1e-12);
    cr_expect_float_eq(theirs->scores[column(g, "klue_nli", "accuracy")], 0.8943, 1e-12);
    cr_expect_eq(g->row_count, 2 + 8);
}

static void expect_part(const strbuf *text, const char *part) {
    cr_expect(strstr(text->text, part), "no '%s' in %s", part, text->text);
}

Test(board_group, every_form_has_the_table) {
    strbuf md = {0}, html = {0}, json = {0};
    put("klue_nli", "mine", ANSWER_CLASS, "accuracy", 1, "accuracy");
    put("klue_sts", "mine", ANSWER_NUMBER, "pearson", 1, "pearson");
    cr_assert_not_null(group("klue"));
    MUST(board_markdown(&md, &made));
    MUST(board_html(&html, &made, PAGE_EN));
    MUST(board_json(&json, &made));
    expect_part(&md, "\n## KLUE\n");
    expect_part(&md, "| NLI, accuracy |");
    expect_part(&md, "| RE, micro F1 of relations | RE, KLUE AUPRC |");
    expect_part(&md, "\n| mBERT-base | 81.55 | 84.66 | 76.00 | 73.20 |");
    // a table of their own behind that of our own, with a figure a column and nothing behind
    const char *own = strstr(md.text, "\n| mine |"),
               *others = strstr(md.text, "\n### Published by others, not ranked\n");
    cr_expect(own && others && own < others && others < strstr(md.text, "\n| mBERT-base | 81.55"));
    expect_part(&html, "<h3>Published by others, not ranked</h3>");
    expect_part(&md, "\nPublished: TC, ");
    expect_part(&md, ", `https://github.com/KLUE-benchmark/KLUE`: "); // to be copied, and no link
    expect_part(&html, "<li><a href=\"#group-1\">KLUE</a></li>");
    expect_part(&html, "<section id=\"group-1\">\n<h2>KLUE</h2>");
    // tasks of all kinds stand in one table, and their baselines are no majority class
    expect_part(&md, "\n| the baseline of each task | ");
    expect_part(&html, "<th scope=\"row\" class=\"model\">the baseline of each task</th>");
    expect_part(&html, "<th scope=\"row\" class=\"model\">KLUE-RoBERTa-small</th>");
    expect_part(&html, "<p class=\"soft\">Published: TC, ");
    expect_part(&json, "\"group\":\t\"klue\"");
    expect_part(&json, "\"metric\":\t\"klue_auprc\"");
    // a board without a run of the group has no table of it
    strbuf_free(&md);
    strbuf_free(&html);
    strbuf_free(&json);
}

Test(board_group, without_a_run_there_is_no_table) {
    strbuf md = {0};
    put("kor_hate", "mine", ANSWER_CLASS, "macro_f1", 1, "macro_f1");
    const board_group *g = group("klue");
    cr_assert_not_null(g);
    cr_expect_eq(g->row_count, 0);
    MUST(board_markdown(&md, &made));
    cr_expect_null(strstr(md.text, "KLUE"));
    strbuf_free(&md);
}

/* Of many manifests together no more than of one. */
Test(board_group, published_rows_are_bounded) {
    cJSON *manifest = NULL, *scores, *of;
    char name[40], path[60], *text;
    MUST(json_read(&manifest, HARNESS_SOURCE_DIR "/tasks/nsmc.json", 0));
    of = cJSON_GetObjectItem(cJSON_GetObjectItem(manifest, "group"), "published");
    for (int k = 0; k < 3; k++) {
        snprintf(name, sizeof name, "more%d", k);
        snprintf(path, sizeof path, "%s.json", name);
        cr_assert_not_null(cJSON_SetValuestring(cJSON_GetObjectItem(manifest, "name"), name));
        scores = cJSON_CreateObject();
        for (int i = 0; i < 400; i++) {
            snprintf(name, sizeof name, "m%d-%d", k, i);
            MUST(json_put_numbers(scores, name, (const double[]){50}, 1));
        }
        cr_assert(cJSON_ReplaceItemInObject(of, "scores", scores));
        MUST(json_print(&text, manifest, true));
        temporary_put(path, text);
        mem_free(text);
    }
    cJSON_Delete(manifest);
    put("nsmc", "mine", ANSWER_CLASS, "accuracy", 1, "accuracy");
    MUST(store_read(&records, folder));
    MUST(board_init(&made, &records, NULL));
    said_begin();
    MUST(board_add_groups(&made, temporary_folder()));
    char *said = said_end();
    const board_group *g = made.groups;
    while (strcmp(g->name, "koelectra") != 0) g++;
    cr_expect_eq(g->row_count - g->model_count, TASK_PUBLISHED_MOST);
    // ten and more of the shipped manifests come first, then 400, 400 and a part of the last
    cr_expect(strstr(said, "group 'koelectra': ") && strstr(said, " published rows are left out"),
              "%s", said);
    mem_free(said);
}

/* Below rows of tasks that have no benchmark of their own, with the protocol that others had. */
Test(board_group, koelectra_has_its_published_rows) {
    put("kor_hate", "mine", ANSWER_CLASS, "macro_f1", 1, "macro_f1");
    const board_group *g = group("koelectra");
    cr_assert_not_null(g);
    cr_expect_eq(g->model_count, 1);
    cr_expect_float_eq(row(g, "KoBERT")->scores[column(g, "kor_hate", "macro_f1")], 0.6621, 1e-12);
    cr_expect_float_eq(row(g, "KoBERT")->scores[column(g, "nsmc", "accuracy")], 0.8959, 1e-12);
    cr_expect(strstr(g->sources, "scored on the test part"), "%s", g->sources);
}

/* What a group asks of each task: every metric, in the order of its columns. */
Test(board_group, tasks_show_names_every_metric) {
    static const struct {
        const char *task, *metrics;
    } rows[] = {{"klue_sts", "\"STS\",\n\t\t\t\"metrics\":\t[\"pearson\", \"klue_f1\"]"},
                {"klue_re", "\"RE\",\n\t\t\t\"metrics\":\t[\"relation_f1\", \"klue_auprc\"]"},
                {"klue_dp", "\"DP\",\n\t\t\t\"metrics\":\t[\"klue_uas\", \"klue_las\"]"}};
    program_result r = RUN_WELL("tasks", "show", "klue", "--json");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = strstr(r.out, rows[i].task);
        cr_expect(at && strstr(at, rows[i].metrics), "%s: %s", rows[i].task, r.out);
    }
}
