/* What records, boards, comparisons and pages say of numbers, sets of labels and relations. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "report/board.h"
#include "report/compare.h"
#include "report/html.h"
#include "support/fake_record.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static record a, b;

static void teardown(void) {
    record_free(&a);
    record_free(&b);
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

TestSuite(kinds_shown, .fini = teardown);

static void make(answer_kind kind, bool is_constant) {
    fake_record f = {.kind = kind,
                     .right = 0.8,
                     .rows = 40,
                     .headline = kind == ANSWER_NUMBER     ? "spearman"
                                 : kind == ANSWER_TAGS     ? "entity_f1"
                                 : kind == ANSWER_ARCS     ? "las"
                                 : kind == ANSWER_SET      ? "micro_f1"
                                 : kind == ANSWER_RELATION ? "klue_auprc"
                                                           : "accuracy"};
    fake_record_make(&a, &f);
    f.is_constant = is_constant;
    f.right = 0.3;
    f.seed = 1;
    f.model = "poor";
    fake_record_make(&b, &f);
}

static void expect_part(const strbuf *text, const char *part) {
    cr_expect(strstr(text->text, part), "no '%s' in %s", part, text->text);
}

static void compared(strbuf *out) {
    comparison c;
    MUST(compare_records(&c, &a, &b));
    cr_expect_gt(c.only_a_right, c.only_b_right);
    MUST(compare_text(out, &c, "a", "b"));
}

/* McNemar's test is of labels; of numbers the same figure is a sign test. */
Test(kinds_shown, a_matrix_calls_the_test_by_its_name) {
    const answer_kind kinds[] = {ANSWER_CLASS, ANSWER_NUMBER};
    for (size_t i = 0; i < 2; i++) {
        strbuf text = {0}, json = {0};
        const record *runs[3] = {&a, &b, &b};
        compare_side sides[3];
        make(kinds[i], false);
        for (size_t k = 0; k < 3; k++) sides[k] = (compare_side){"x", &runs[k], 1};
        MUST(compare_matrix_text(&text, sides, 3, PAGE_EN));
        MUST(compare_matrix_json(&json, sides, 3));
        expect_part(&text, i ? "(sign test)" : "(McNemar)");
        cr_expect_not(strstr(text.text, i ? "McNemar" : "sign test"));
        expect_part(&text,
                    i ? "p (sign test) is of two numbers of rows: nearer in the one run alone, "
                      : "p (McNemar) is of two numbers of rows: right in the one run alone, ");
        expect_part(&text, i ? "not test the difference in Spearman." : "in accuracy.");
        expect_part(&json, i ? "\"sign_test_p\"" : "\"mcnemar_p\"");
        text.length = 0;
        MUST(compare_matrix_text(&text, sides, 3, PAGE_KO));
        expect_part(&text,
                    i ? "는 한쪽 실행만 더 가까운 행의 수와 다른 쪽만 더 가까운 행의 수를 비교"
                      : "는 한쪽 실행만 맞힌 행의 수와 다른 쪽만 맞힌 행의 수를 비교한 값");
        strbuf_free(&text);
        strbuf_free(&json);
        record_free(&a);
        record_free(&b);
    }
}

Test(kinds_shown, compared_numbers_are_nearer_and_sets_have_fewer_wrong_labels) {
    static const struct {
        answer_kind kind;
        const char *said;
    } kinds[] = {{ANSWER_NUMBER, "- nearer in A alone: "},
                 {ANSWER_SET, "- fewer labels wrong in A alone: "},
                 {ANSWER_TAGS, "- fewer entities wrong in A alone: "},
                 {ANSWER_ARCS, "- fewer words wrong in A alone: "}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        strbuf out = {0};
        make(kinds[i].kind, false);
        compared(&out);
        expect_part(&out, kinds[i].said);
        if (!i) expect_part(&out, "(sign test p = ");
        strbuf_free(&out);
        record_free(&a);
        record_free(&b);
    }
}

/* The table of rows on which a and b part, in text, and its list in JSON. */
static cJSON *parted(strbuf *text, const char *const *texts) {
    comparison c;
    strbuf json = {0};
    cJSON *root = NULL;
    MUST(compare_records(&c, &a, &b));
    c.wish = (compare_wish){.rows = 3, .texts = texts};
    text->length = 0;
    MUST(compare_text(text, &c, "a", "b"));
    MUST(compare_json(&json, &c, "a", "b"));
    MUST(json_parse(&root, json.text, json.length, "json"));
    strbuf_free(&json);
    return root;
}

static const cJSON *member(const cJSON *o, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(o, key);
}

/* Rows on which runs part are listed of every kind, those that are most apart first. */
Test(kinds_shown, compared_rows_are_of_every_kind) {
    static const answer_kind kinds[] = {ANSWER_NUMBER, ANSWER_SET, ANSWER_TAGS, ANSWER_ARCS,
                                        ANSWER_RELATION};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        strbuf text = {0};
        make(kinds[i], false);
        cJSON *root = parted(&text, NULL);
        const cJSON *list = member(root, "parted"), *item;
        size_t differ = 0;
        double before = 1e9;
        for (size_t row = 0; row < 40; row++) differ += !record_same_answer(&a, &b, row);
        cr_expect(differ > 3);
        // tags that make no entity part nothing
        size_t listed = (size_t)cJSON_GetArraySize(list);
        cr_expect(kinds[i] == ANSWER_TAGS ? listed > 3 && listed <= differ : listed == differ,
                  "kind %d: %zu and not %zu", (int)kinds[i], listed, differ);
        expect_part(&text, "## Rows on which the sides part");
        expect_part(&text, kinds[i] == ANSWER_RELATION ? "| A right |" : "| A wrong |");
        cJSON_ArrayForEach(item, list) {
            size_t row = (size_t)member(item, "row")->valueint - 1;
            double distance = member(item, "distance")->valuedouble;
            cr_expect_not(record_same_answer(&a, &b, row));
            cr_expect_leq(distance, before);
            before = distance;
            if (kinds[i] == ANSWER_RELATION) continue;
            cr_expect_float_eq(member(item, "a_wrong")->valuedouble, record_row_error(&a, row),
                               1e-9);
            cr_expect_float_eq(member(item, "b_wrong")->valuedouble, record_row_error(&b, row),
                               1e-9);
            if (kinds[i] != ANSWER_NUMBER) continue;
            double said = (double)a.predicted_numbers[row];
            cr_expect_float_eq(distance, fabs(said - (double)b.predicted_numbers[row]), 1e-6);
            cr_expect_float_eq(cJSON_GetArrayItem(member(item, "a"), 0)->valuedouble, said, 1e-6);
        }
        cJSON_Delete(root);
        strbuf_free(&text);
        record_free(&a);
        record_free(&b);
    }
}

static void copy_answers(void) {
    size_t count = record_values(&a, true);
    for (size_t i = 0; a.predicted && i < count; i++) a.predicted[i] = b.predicted[i] = a.gold[i];
}

/* Of words and entities those on which the sides part, by name where there is a text. */
Test(kinds_shown, compared_rows_name_what_parts) {
    static const char words[] = "가 나 다 라 마 바 사 아";
    const char *texts[40];
    strbuf text = {0};
    make(ANSWER_ARCS, false);
    copy_answers();
    uint32_t *word = b.predicted + (size_t)(b.unit_begin[9] + 1) * ARC_WIDTH;
    const char *relation = b.task.labels[word[ARC_RELATION]];
    word[ARC_HEAD] = 77; // a record may hold anything
    for (size_t i = 0; i < 40; i++)
        texts[i] = &words[(size_t)4 * (8 - (a.unit_begin[i + 1] - a.unit_begin[i]))];
    cJSON *root = parted(&text, NULL);
    const cJSON *item = cJSON_GetArrayItem(member(root, "parted"), 0);
    char want[80];
    cr_assert_eq(cJSON_GetArraySize(member(root, "parted")), 1);
    cr_expect_eq(member(item, "row")->valueint, 10);
    cr_expect_eq(member(item, "distance")->valuedouble, 1);
    cr_expect_eq(cJSON_GetArraySize(member(item, "gold")), 1);
    snprintf(want, sizeof want, "2: 77 %s", relation);
    cr_expect_eq(member(member(item, "b"), want)->valueint, 1);
    cJSON_Delete(root);
    cJSON_Delete(parted(&text, texts));
    snprintf(want, sizeof want, "| 2 %.3s: 77 %s | 0       | 1       | %s", texts[9] + 4, relation,
             texts[9]);
    expect_part(&text, want);
    record_free(&a);
    record_free(&b);
    make(ANSWER_TAGS, false);
    copy_answers();
    for (uint32_t u = a.unit_begin[9]; u < a.unit_begin[10]; u++)
        a.gold[u] = a.predicted[u] = b.predicted[u] = 4;
    b.predicted[a.unit_begin[9] + 1] = 0;
    b.predicted[a.unit_begin[9] + 2] = 1;
    memcpy(b.gold, a.gold, record_values(&a, true) * sizeof *a.gold);
    MUST(record_score(&a));
    MUST(record_score(&b));
    cJSON_Delete(parted(&text, NULL));
    expect_part(&text, "| 10  | -    | -   | 사람 2-3 | 0       | 1       |");
    strbuf_free(&text);
}

/* The row of the largest error of b stands first. */
static void check_page(const char *head, const char *digits) {
    strbuf page = {0};
    char part[80], error[32];
    size_t worst = 0;
    MUST(html_run(&page, &b, NULL, NULL, PAGE_EN));
    for (size_t i = 1; i < 40; i++)
        if (record_row_error(&b, i) > record_row_error(&b, worst)) worst = i;
    const char *table = strstr(page.text, "Rows it got most wrong");
    cr_assert_not_null(table);
    cr_expect_not_null(strstr(table, head));
    snprintf(part, sizeof part, "<tbody>\n<tr><th scope=\"row\" class=\"n\">%zu</th>", worst + 1);
    const char *row = strstr(table, "<tbody>");
    cr_expect_eq(strncmp(row, part, strlen(part)), 0, "%.90s and not %s", row, part);
    snprintf(error, sizeof error, digits, record_row_error(&b, worst));
    if (b.task.kind == ANSWER_ARCS)
        snprintf(error + strlen(error), sizeof error - strlen(error), " / %u",
                 b.unit_begin[worst + 1] - b.unit_begin[worst]);
    snprintf(part, sizeof part, "<td class=\"n\">%s</td></tr>", error);
    const char *found = strstr(row, part);
    cr_expect(found && found < strstr(row, "</tr>"), "%.200s", row);
    strbuf_free(&page);
}

Test(kinds_shown, pages_have_the_largest_errors) {
    make(ANSWER_NUMBER, false);
    check_page("<th scope=\"col\" class=\"n\">error</th>", "%.3f");
    record_free(&a);
    record_free(&b);
    make(ANSWER_SET, false);
    check_page("<th scope=\"col\" class=\"n\">labels wrong</th>", "%.0f");
    record_free(&a);
    record_free(&b);
    make(ANSWER_TAGS, false);
    check_page("<th scope=\"col\" class=\"n\">entities wrong</th>", "%.0f");
    record_free(&a);
    record_free(&b);
    make(ANSWER_ARCS, false);
    check_page("<th scope=\"col\" class=\"n\">words wrong</th>", "%.0f");
}

/* What a table by label counts is of the kind: no rows of a sentence's words. */
Test(kinds_shown, pages_count_what_the_labels_are_of) {
    static const struct {
        answer_kind kind;
        const char *title, *first, *count;
    } kinds[] = {{ANSWER_CLASS, "Per class", "label", "test rows"},
                 {ANSWER_SET, "Per class", "label", "test rows"},
                 {ANSWER_TAGS, "Per type of entity", "type", "entities"},
                 {ANSWER_ARCS, "Per relation", "relation", "words"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        strbuf page = {0};
        char heads[200];
        make(kinds[i].kind, false);
        MUST(html_run(&page, &b, NULL, NULL, PAGE_EN));
        const char *table = strstr(page.text, kinds[i].title);
        cr_assert_not_null(table, "%s", kinds[i].title);
        snprintf(heads, sizeof heads, "<th scope=\"col\">%s</th>", kinds[i].first);
        const char *head = strstr(table, heads), *body = strstr(table, "<tbody>");
        cr_expect(head && head < body, "%s in %.400s", heads, table);
        snprintf(heads, sizeof heads, "<th scope=\"col\" class=\"n\">%s</th></tr>", kinds[i].count);
        head = strstr(table, heads);
        cr_expect(head && head < body, "%s in %.400s", heads, table);
        strbuf_free(&page);
        record_free(&a);
        record_free(&b);
    }
}

/* With texts there are trees, what is wrong marked; heads that no word has are not drawn. */
Test(kinds_shown, pages_draw_trees) {
    const char *texts[40];
    strbuf page = {0};
    make(ANSWER_ARCS, false);
    for (size_t i = 0; i < 40; i++) texts[i] = "가나 다 <b> 라 마 바";
    MUST(html_run(&page, &b, NULL, NULL, PAGE_EN));
    cr_expect(!strstr(page.text, "Trees: gold above"), "%s", page.text);
    // of a row's words those that are wrong, by their place
    const uint32_t width = ARC_WIDTH;
    for (uint32_t i = 0; i < b.unit_begin[40] * width; i++) b.predicted[i] = b.gold[i];
    b.predicted[width + ARC_HEAD] = b.gold[width + ARC_HEAD] ? 0 : 1;
    MUST(record_score(&b));
    page.length = 0;
    MUST(html_run(&page, &b, NULL, NULL, PAGE_EN));
    char want[160];
    const uint32_t head = b.gold[width + ARC_HEAD];
    const char *of_gold = b.task.labels[b.gold[width + ARC_RELATION]];
    snprintf(want, sizeof want, "<td class=\"lines\">2</td><td class=\"lines\">%s%.0u %s</td>",
             head ? "" : "root", head, of_gold);
    expect_part(&page, want);
    snprintf(want, sizeof want, "</td><td class=\"lines\">%s %s</td><td class=\"n\">1 / ",
             head ? "root" : "1", of_gold);
    expect_part(&page, want);
    cr_expect(!strstr(page.text, "<td class=\"lines\">1<"), "%s", page.text);
    // with its text the words are named
    cr_expect_eq(b.unit_begin[1], 3); // of another text they are not
    page.length = 0;
    MUST(html_run(&page, &b, texts, NULL, PAGE_EN));
    expect_part(&page, "<td class=\"lines\">2</td>");
    texts[0] = "가나 다 <b>";
    page.length = 0;
    MUST(html_run(&page, &b, texts, NULL, PAGE_EN));
    expect_part(&page, "<td class=\"lines\">2 다</td>");
    expect_part(&page, "which count from 1.");
    page.length = 0;
    b.predicted[ARC_HEAD] = 77;
    MUST(html_run(&page, &b, texts, NULL, PAGE_EN));
    expect_part(&page, "Trees: gold above, predicted below");
    expect_part(&page, "<path class=\"arc wrong\"");
    expect_part(&page, ">&lt;b&gt;</text>");
    expect_part(&page, "<text class=\"relation\"");
    cr_expect(!strstr(page.text, "nan"), "%s", page.text);
    strbuf_free(&page);
}

/* Types have a line each, and a row's entities stand with the places of their units. */
Test(kinds_shown, pages_tell_entities) {
    strbuf page = {0};
    make(ANSWER_TAGS, false);
    uint32_t first = b.unit_begin[9];
    for (uint32_t u = 0; u < b.unit_begin[40]; u++) {
        b.gold[u] = 4;
        b.predicted[u] = 4;
    }
    b.gold[first] = 3; // begun by a blank
    b.gold[first + 1] = 3;
    b.predicted[first + 1] = 0;
    b.predicted[first + 2] = 1;
    b.predicted[first + 3] = 3; // no entity
    MUST(record_score(&b));
    MUST(html_run(&page, &b, NULL, NULL, PAGE_EN));
    expect_part(&page, "<th scope=\"col\">type</th>");
    expect_part(&page, "<tr><th scope=\"row\">곳</th><td class=\"n\">0.00</td>");
    expect_part(&page, "<th scope=\"col\">missed</th><th scope=\"col\">said, but not so</th>");
    expect_part(&page, "<tr><th scope=\"row\" class=\"n\">10</th><td class=\"lines\">곳 1-2</td>"
                       "<td class=\"lines\">사람 2-3</td><td class=\"n\">2</td></tr>");
    // in a text of as many characters they are named, in another one not
    static const char characters[] = "가나다라마바사아";
    const char *texts[40];
    char want[80];
    for (size_t i = 0; i < 40; i++) texts[i] = "가";
    page.length = 0;
    MUST(html_run(&page, &b, texts, NULL, PAGE_EN));
    expect_part(&page, "<td class=\"lines\">곳 1-2</td>");
    texts[9] = &characters[(size_t)3 * (8 - (b.unit_begin[10] - first))];
    page.length = 0;
    MUST(html_run(&page, &b, texts, NULL, PAGE_EN));
    snprintf(want, sizeof want, "<td class=\"lines\">곳 1-2 %.6s</td>", texts[9]);
    expect_part(&page, want);
    strbuf_free(&page);
}

/* What is written is read back, units and all, and what does not fit is refused. */
Test(kinds_shown, records_keep_units) {
    char *folder = NULL, *path = NULL, *text = NULL;
    size_t bytes = 0;
    record again = {0};
    make(ANSWER_TAGS, false);
    fake_folder(&folder);
    MUST(path_join(&path, folder, "record.json"));
    MUST(record_write(&a, path));
    MUST(record_read(&again, path));
    cr_expect(!memcmp(again.unit_begin, a.unit_begin, 41 * sizeof *a.unit_begin));
    for (size_t i = 0; i < 40; i++) cr_expect(record_same_answer(&again, &a, i));
    cr_expect_str_eq(again.gold_sha256, a.gold_sha256);
    cr_expect_eq(record_metric(&again, "entity_f1"), record_metric(&a, "entity_f1"));
    record_free(&again);
    MUST(file_read((void **)&text, &bytes, path, 0));
    char *labels = strstr(text, "\"O\"");
    cr_assert_not_null(labels);
    memcpy(labels, "1  ", 3);
    MUST(file_write(path, text, bytes));
    cr_expect_eq(record_read(&again, path), ERR_FORMAT);
    mem_free(text);
    mem_free(path);
    fake_folder_end(folder);
}

/* Relations have the labels of classes and scores beside them: a file keeps the scores, and what is
 * said follows from them. */
Test(kinds_shown, relations_are_kept_and_told_as_labels) {
    char *folder = NULL, *path = NULL;
    strbuf out = {0}, page = {0};
    record back;
    make(ANSWER_RELATION, false);
    fake_folder(&folder);
    MUST(path_join(&path, folder, "r.json"));
    MUST(record_write(&a, path));
    MUST(record_read(&back, path));
    for (size_t i = 0; i < 40; i++) {
        cr_expect_eq(back.predicted[i], a.predicted[i], "row %zu", i);
        cr_expect_eq(back.gold[i], a.gold[i], "row %zu", i);
    }
    cr_expect_not(memcmp(back.predicted_numbers, a.predicted_numbers, 40 * 3 * sizeof(float)));
    cr_expect_float_eq(record_metric(&back, "klue_auprc"), record_metric(&a, "klue_auprc"), 1e-12);
    cr_expect_str_eq(back.gold_sha256, a.gold_sha256);
    record_free(&back);
    compared(&out);
    expect_part(&out, "- right in A alone: ");
    expect_part(&out, "(McNemar p = ");
    expect_part(&out, "AUPRC");
    MUST(html_run(&page, &a, NULL, NULL, PAGE_EN));
    expect_part(&page, "<th scope=\"col\" class=\"n\">probability of gold</th>");
    expect_part(&page, "micro F1 of relations");
    a.predicted_numbers[4] = (float)NAN;
    cr_expect_neq(record_write(&a, path), ERR_OK);
    strbuf_free(&out);
    strbuf_free(&page);
    MUST(folder_remove(folder));
    mem_free(path);
    mem_free(folder);
}

/* The labels of a row are its own. */
Test(kinds_shown, pages_name_the_labels_of_the_row) {
    strbuf page = {0};
    make(ANSWER_SET, false);
    for (size_t i = 0; i < 40 * 3; i++) {
        b.gold_numbers[i] = i / 3 == 9;
        b.predicted_numbers[i] = -1;
    }
    MUST(record_score(&b));
    MUST(html_run(&page, &b, NULL, NULL, PAGE_EN));
    expect_part(&page, "<tr><th scope=\"row\" class=\"n\">10</th><td class=\"wrap\">없음, 공격, "
                       "혐오</td><td class=\"wrap\">-</td>"
                       "<td class=\"n\">3</td></tr>");
    strbuf_free(&page);
}

Test(kinds_shown, boards_say_what_they_stand_against) {
    char *folder = NULL;
    store s;
    board made;
    strbuf page = {0}, text = {0};
    make(ANSWER_NUMBER, true);
    fake_folder(&folder);
    MUST(store_write(folder, &a, NULL));
    MUST(store_write(folder, &b, NULL));
    MUST(store_read(&s, folder));
    MUST(board_init(&made, &s, NULL));
    MUST(board_html(&page, &made, PAGE_EN));
    MUST(board_markdown(&text, &made));
    expect_part(&page,
                "<th scope=\"row\" class=\"model\">one number</th><td class=\"n\">0.00</td>");
    expect_part(&page, "in training). Answers are scores, no labels.</p>");
    cr_expect_not(strstr(page.text, "Labels:"), "numbers have none");
    expect_part(&text, "| poor (gives every row the same number) | 0.00 |");
    expect_part(&text, "| | always one number | 0.00 |");
    expect_part(&text, "| -100.00 to 100.00 (rows only) |");
    board_free(&made);
    store_free(&s);
    record_free(&a);
    record_free(&b);
    fake_folder_end(folder);
    page.length = text.length = 0;
    make(ANSWER_TAGS, true);
    fake_folder(&folder);
    MUST(store_write(folder, &a, NULL));
    MUST(store_write(folder, &b, NULL));
    MUST(store_read(&s, folder));
    MUST(board_init(&made, &s, NULL));
    MUST(board_html(&page, &made, PAGE_EN));
    MUST(board_markdown(&text, &made));
    expect_part(&page, "<th scope=\"row\" class=\"model\">no entity</th><td class=\"n\">0.00</td>");
    expect_part(&text, "| poor (finds no entity at all) |");
    expect_part(&text, "| | never an entity | 0.00 |");
    board_free(&made);
    store_free(&s);
    strbuf_free(&page);
    strbuf_free(&text);
    fake_folder_end(folder);
}
