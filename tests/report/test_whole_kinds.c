/* What pages and comparisons make of runs of every kind of answers, whole: rows, trees, entities and
 * the words of each kind stand in no other expected file. */
#include "base/memory.h"
#include "report/compare.h"
#include "report/html.h"
#include "support/expected.h"
#include "support/fake_record.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(whole_kinds, .fini = nothing_left);

static const struct kind {
    const char *name, *headline;
    answer_kind kind;
} kinds[] = {{"numbers", "spearman", ANSWER_NUMBER},
             {"sets", "micro_f1", ANSWER_SET},
             {"tags", "entity_f1", ANSWER_TAGS},
             {"arcs", "las", ANSWER_ARCS},
             {"relations", "relation_f1", ANSWER_RELATION}};
enum { KINDS = sizeof kinds / sizeof *kinds, ROWS = 24, SEEDS = 2, WORDS_MOST = 8 };

static void make(record *r, const struct kind *k, bool second, uint32_t seed) {
    fake_record_make(r, &(fake_record){.kind = k->kind,
                                       .headline = k->headline,
                                       .model = second ? "second" : "first",
                                       .right = second ? 0.4 : 0.7,
                                       .seed = seed,
                                       .rows = ROWS});
    // of some words the relation alone is wrong
    for (size_t i = 0; k->kind == ANSWER_ARCS && i < r->unit_begin[ROWS]; i += 5) {
        uint32_t *said = r->predicted + i * ARC_WIDTH;
        said[ARC_RELATION] = (said[ARC_RELATION] + 1) % 3;
    }
    MUST(record_score(r));
}

/* A text for each row: of units as many words as it has, one of them long. */
static void make_texts(char texts[ROWS][256], const record *r) {
    for (size_t i = 0; i < ROWS; i++) {
        size_t words = answer_in_units(r->task.kind) ? r->unit_begin[i + 1] - r->unit_begin[i] : 2;
        texts[i][0] = '\0';
        for (size_t w = 0, n = 0; w < words; w++)
            n += (size_t)snprintf(texts[i] + n, 256 - n, "%s%s%zu", w ? " " : "",
                                  w == 1 ? "아주긴낱말아주긴낱말아주긴낱말" : "<말>", w + 1);
    }
}

static void held(const char *name, const char *ending, strbuf *out) {
    char file[64];
    snprintf(file, sizeof file, "%s_%s", name, ending);
    expect_output(file, out->text);
    strbuf_free(out);
}

Test(whole_kinds, of_runs_and_of_what_parts_them) {
    static char texts[ROWS][256];
    const char *list[ROWS];
    for (size_t i = 0; i < ROWS; i++) list[i] = texts[i];
    for (size_t i = 0; i < KINDS; i++) {
        record runs[2][SEEDS];
        const record *sides[2][SEEDS];
        comparison one;
        group_comparison groups;
        strbuf out = {0};
        for (uint32_t k = 0; k < 2 * SEEDS; k++) {
            make(&runs[k / SEEDS][k % SEEDS], &kinds[i], k / SEEDS, k % SEEDS);
            sides[k / SEEDS][k % SEEDS] = &runs[k / SEEDS][k % SEEDS];
        }
        make_texts(texts, sides[0][0]);
        MUST(html_run(&out, sides[1][0], list, NULL, PAGE_EN));
        held(kinds[i].name, "run.html", &out);
        MUST(compare_records(&one, sides[0][0], sides[1][0]));
        one.wish = (compare_wish){.rows = 4, .texts = list};
        MUST(compare_text(&out, &one, "left", "right"));
        held(kinds[i].name, "one.md", &out);
        MUST(compare_groups(&groups, sides[0], SEEDS, sides[1], SEEDS));
        groups.wish = (compare_wish){.rows = 4, .texts = list};
        MUST(compare_groups_text(&out, &groups, "left", "right"));
        held(kinds[i].name, "groups.md", &out);
        groups.wish.texts = NULL;
        MUST(compare_groups_json(&out, &groups, "left", "right"));
        held(kinds[i].name, "groups.json", &out);
        for (uint32_t k = 0; k < 2 * SEEDS; k++) record_free(&runs[k / SEEDS][k % SEEDS]);
    }
}

/* Of protocol dev: the curve and the table of evaluations, in the page's language. */
Test(whole_kinds, of_a_run_that_was_chosen_on_dev) {
    record r;
    strbuf out = {0};
    make(&r, &(struct kind){"dev", "accuracy", ANSWER_CLASS}, false, 1);
    fake_record_by_dev(&r, "accuracy");
    r.evaluation_count = 0;
    r.task.dev_rows = 90;
    for (int i = 0; i < 5; i++)
        MUST(record_evaluation_add(&r, 4 * (1 + i), (double[]){0.5, 0.25, 0.75, 0.75, 0.625}[i],
                                   1.0 / (1 + i), (double[]){0, 10, 20.5, 30, 40}[i]));
    r.best_step = 12;
    MUST(html_run(&out, &r, NULL, NULL, PAGE_KO));
    held("dev", "run_ko.html", &out);
    record_free(&r);
}

/* Rows with more that is wrong than a page lists, and one with more words than a tree has room for. */
Test(whole_kinds, of_long_rows) {
    enum { LONG = 3, ALL = 10 + 24 + 25 };
    static const uint32_t begin[LONG + 1] = {0, 10, 34, ALL};
    uint32_t gold[ALL * ARC_WIDTH] = {0}, said[ALL * ARC_WIDTH] = {0};
    char text[2 * ALL + 1];
    const char *texts[LONG] = {text, text, text};
    const answer_kind of[] = {ANSWER_ARCS, ANSWER_TAGS};
    for (size_t i = 0; i < sizeof text; i++) text[i] = i % 2 ? ' ' : 'a';
    for (size_t i = 0; i < 2; i++) {
        record r;
        strbuf out = {0};
        make(&r, of[i] == ANSWER_ARCS ? &kinds[3] : &kinds[2], false, 1);
        for (uint32_t row = 0; row < LONG; row++) {
            for (uint32_t w = begin[row]; w < begin[row + 1]; w++) {
                if (of[i] == ANSWER_ARCS) {
                    uint32_t *right = gold + w * ARC_WIDTH, *found = said + w * ARC_WIDTH;
                    right[ARC_HEAD] = w == begin[row] ? 0 : 1;
                    found[ARC_HEAD] = w == begin[row] ? 0 : w - begin[row];
                    right[ARC_RELATION] = w % 3;
                    found[ARC_RELATION] = w % 4 ? w % 3 : (w + 1) % 3;
                } else {
                    gold[w] = w % 2 ? 4 : 0;
                    said[w] = w % 2 ? 2 : 4;
                }
            }
        }
        MUST(record_test_answers(&r, (answers){.classes = gold, .begin = begin},
                                 (answers){.classes = said, .begin = begin}, NULL, NULL, LONG));
        MUST(record_score(&r));
        text[2 * 24 - 1] = '\0'; // of as many words as the second row
        MUST(html_run(&out, &r, texts, NULL, PAGE_EN));
        held(of[i] == ANSWER_ARCS ? "long_arcs" : "long_tags", "run.html", &out);
        record_free(&r);
    }
}

/* More labels than a matrix has room for: what was taken for what, the commonest first. */
Test(whole_kinds, of_many_labels) {
    enum { LABELS = 65, ALL = 400 };
    static char names[LABELS][16];
    const char *list[LABELS];
    uint32_t gold[ALL], said[ALL];
    for (size_t most = LABELS - 1; most <= LABELS; most++) {
        record r;
        strbuf out = {0};
        make(&r, &(struct kind){"labels", "accuracy", ANSWER_CLASS}, false, 1);
        for (size_t k = 0; k < most; k++) {
            snprintf(names[k], sizeof names[k], k == 1 ? "=label, %zu" : "label <%zu>", k);
            list[k] = names[k];
        }
        MUST(record_labels(&r, list, most));
        for (uint32_t i = 0; i < ALL; i++) {
            gold[i] = i % (uint32_t)most;
            said[i] = i % 3 ? gold[i] : (gold[i] + i % 2 + 1) % (uint32_t)most;
        }
        MUST(fake_record_test(&r, gold, said, NULL, NULL, ALL));
        MUST(record_score(&r));
        MUST(html_run(&out, &r, NULL, "a b-s1.confusions.csv", PAGE_EN));
        cr_expect_eq(html_run_is_of_many_labels(&r), most == LABELS);
        // the matrix itself is held by another page
        cr_expect_eq(strstr(out.text, "Confusion") != NULL, most < LABELS);
        if (most == LABELS) held("labels", "run.html", &out);
        out.length = 0;
        MUST(html_run_confusions(&out, &r, PAGE_EN));
        if (most == LABELS) held("labels", "run.csv", &out);
        strbuf_free(&out);
        record_free(&r);
    }
}
