/* The words of the pages, and pages of every kind in both languages. */
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "report/compare.h"
#include "report/html.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"
#include "task/task.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void setup(void) {}
TestSuite(pages, .init = setup, .fini = nothing_left);

typedef struct word {
    const char *name, *english, *korean;
} word;

static const word words[] = {
#define WORD(name, english, korean) {#name, english, korean},
#define TERM(english, korean) {NULL, english, korean},
#include "report/strings.def"
};
enum { WORDS = sizeof words / sizeof *words };

/* A syllable of Hangul begins with 0xEA to 0xED. */
static bool has_hangul(const char *text) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p >= 0xea && *p <= 0xed) return true;
    return false;
}

/* The next conversion of a format, "%.2f", and where it ends; NULL after the last. "95 % of" is
 * text. */
static const char *conversion(const char **at, size_t *length) {
    while ((*at = strchr(*at, '%'))) {
        const char *found = *at;
        if (!found[1] || strchr(" %),", found[1])) {
            *at += 1 + (found[1] == '%');
            continue;
        }
        *length = strcspn(found, "diufgsc") + 1;
        *at += *length;
        return found;
    }
    return NULL;
}

Test(pages, every_word_has_both_languages) {
    // names that are the same in both
    static const char *const alike[] = {"harness", "interval_plot", "interval_range",
                                        "bar",     "change_range",  "step_range"};
    for (size_t i = 0; i < WORDS; i++) {
        const word *w = &words[i];
        bool same = w->name ? false : !strncmp(w->english, "LAS", 3) || strlen(w->english) == 3;
        for (size_t k = 0; w->name && k < sizeof alike / sizeof *alike; k++)
            same = same || !strcmp(alike[k], w->name);
        cr_expect(*w->english && *w->korean, "%s", w->english);
        cr_expect(!has_hangul(w->english), "%s", w->english);
        cr_expect(same || has_hangul(w->korean), "no Korean of '%s'", w->english);
        const char *a = w->english, *b = w->korean;
        for (size_t n = 0, m = 0; a && b;) {
            const char *x = conversion(&a, &n), *y = conversion(&b, &m);
            cr_assert_eq(!x, !y, "'%s' and '%s' take other arguments", w->english, w->korean);
            if (!x || !y) break;
            cr_expect(n == m && !strncmp(x, y, n), "'%s' and '%s' take other arguments", w->english,
                      w->korean);
        }
        for (size_t k = 0; !w->name && k < i; k++)
            cr_expect(words[k].name || strcmp(words[k].english, w->english) != 0, "%s twice",
                      w->english);
    }
}

/* A score of label 1 is called by the label, in either language. */
Test(pages, scores_of_a_label_have_its_name) {
    char title[METRIC_TITLE_BYTES];
    const metric *m = metric_find("f1");
    cr_assert_not_null(m);
    cr_expect_str_eq(language_metric(title, PAGE_EN, m, "긍정"), "F1 of 긍정");
    cr_expect_str_eq(language_metric(title, PAGE_KO, m, "긍정"), "긍정의 F1");
    cr_expect_str_eq(language_metric(title, PAGE_KO, m, NULL), "레이블 1의 F1");
    m = metric_find("accuracy");
    cr_expect_str_eq(language_metric(title, PAGE_KO, m, "긍정"), "정확도");
}

/* What manifests that come with the program say of their groups is on Korean pages too. */
Test(pages, groups_have_korean_words) {
    task_catalog all = {0};
    size_t sources = 0;
    MUST(task_list(&all, NULL));
    for (size_t i = 0; i < all.count; i++) {
        task t = {0};
        MUST(task_load(&t, all.paths[i]));
        const char *const texts[] = {t.group.source, t.group.title, t.group.column};
        for (size_t k = 0; t.group.name && k < 3; k++)
            if (texts[k] && strchr(texts[k], ' '))
                cr_expect(has_hangul(language_term(PAGE_KO, texts[k])), "%s", texts[k]);
        sources += t.group.source != NULL;
        task_free(&t);
    }
    cr_expect_gt(sources, 5);
    task_catalog_free(&all);
}

static const struct kind {
    const char *task, *headline;
    answer_kind kind;
    size_t classes;
} kinds[] = {
    {"kor_hate", "macro_f1", ANSWER_CLASS, 3},
    {"nsmc", "accuracy", ANSWER_CLASS, 2},
    {"kor_3i4k", "macro_f1", ANSWER_CLASS, 7},
    {"klue_sts", "pearson", ANSWER_NUMBER, 3},
    {"korean_unsmile", "micro_f1", ANSWER_SET, 5},
    {"klue_ner", "entity_f1", ANSWER_TAGS, 3},
    {"klue_dp", "las", ANSWER_ARCS, 3},
    {"klue_re", "relation_f1", ANSWER_RELATION, 3},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void make(record *r, const struct kind *k, const char *model, double right, uint32_t seed) {
    fake_record_make(r, &(fake_record){.task = k->task,
                                       .model = model,
                                       .headline = k->headline,
                                       .kind = k->kind,
                                       .classes = k->classes,
                                       .rows = 120,
                                       .right = right,
                                       .seed = seed,
                                       .steps = 300});
}

/* What a reader sees of a page: no tags, and what is marked as English left out. */
static void shown_text(strbuf *out, const char *html) {
    MUST(strbuf_add(out, ""));
    for (const char *at = strstr(html, "<title>"); *at;) {
        if (*at != '<') {
            size_t n = strcspn(at, "<");
            MUST(strbuf_add_bytes(out, at, n));
            at += n;
            continue;
        }
        const char *end = strchr(at, '>');
        size_t tag = strcspn(at + 1, " >");
        const char *marked = strstr(at, "lang=\"en\"");
        bool english = marked && marked < end;
        if (english) {
            char close[16];
            snprintf(close, sizeof close, "</%.*s>", (int)tag, at + 1);
            end = strstr(end, close) - 1;
        }
        at = end + 1;
    }
}

static void expect_korean(const char *html, const char *what) {
    strbuf text = {0};
    cr_expect(strstr(html, "<html lang=\"ko\">"), "%s", what);
    shown_text(&text, html);
    for (size_t i = 0; i < WORDS; i++) {
        const char *english = words[i].english;
        // single words are also names of fields, models and tasks
        if (!strchr(english, ' ') || strlen(english) < 6 || strchr(english, '%') ||
            !strcmp(english, words[i].korean))
            continue;
        cr_expect_null(strstr(text.text, english), "%s has '%s'", what, english);
    }
    strbuf_free(&text);
}

Test(pages, korean_ones_have_no_english_words) {
    for (size_t i = 0; i < KINDS; i++) {
        record r;
        strbuf page = {0};
        make(&r, &kinds[i], "모델", 0.5, 1);
        MUST(html_run(&page, &r, NULL, NULL, PAGE_KO));
        expect_korean(page.text, kinds[i].task);
        cr_expect_null(strstr(page.text, "<td>text</td>"), "a slice's kind, of one word");
        strbuf_free(&page);
        record_free(&r);
    }
}

/* Labels that are Korean in the data are so on a Korean page, and for readers on others. */
Test(pages, korean_labels_stay_so_on_korean_pages) {
    for (int i = 0; i < 2; i++) {
        record r;
        strbuf page = {0};
        make(&r, &kinds[0], "모델", 0.5, 1);
        if (!r.task.names) MUST(mem_new(&r.task.names, r.task.label_count));
        for (size_t k = 0; k < r.task.label_count; k++) {
            mem_free(r.task.names[k]);
            MUST(mem_printf(&r.task.names[k], "갈래%zu", k));
        }
        MUST(html_run(&page, &r, NULL, NULL, i ? PAGE_KO : PAGE_EN));
        cr_expect_eq(strstr(page.text, ">갈래1<") != NULL, i == 1);
        cr_expect_eq(strstr(page.text, r.task.labels[1]) != NULL, i == 0);
        strbuf_free(&page);
        record_free(&r);
    }
}

/* Seconds of a Korean page of so many labels with long Korean names, the least of three. */
static double seconds_of_labels(size_t count) {
    double least = HUGE_VAL;
    char **names;
    record r;
    make(&r, &kinds[0], "모델", 0.5, 1);
    MUST(mem_new(&names, count));
    for (size_t k = 0; k < count; k++) MUST(mem_printf(&names[k], "%0100zu번", k));
    MUST(record_labels(&r, (const char *const *)names, count));
    MUST(record_label_names(&r, (const char *const *)names));
    MUST(record_score(&r));
    for (int i = 0; i < 3; i++) {
        strbuf page = {0};
        double begin = clock_seconds();
        MUST(html_run(&page, &r, NULL, NULL, PAGE_KO));
        least = fmin(least, clock_seconds() - begin);
        cr_expect(strstr(page.text, names[count - 1]) != NULL);
        strbuf_free(&page);
    }
    for (size_t k = 0; k < count; k++) mem_free(names[k]);
    mem_free(names);
    record_free(&r);
    return least;
}

/* All labels are looked at once a page, and not for each label. */
Test(pages, of_many_labels_take_no_square_of_them) {
    double few = seconds_of_labels(500), many = seconds_of_labels(4000);
    cr_expect_lt(many, 24 * few, "500 labels: %.4f s, 4,000 labels: %.4f s", few, many);
}

/* Three words of small Latin letters in a row are English, wherever they come from. */
static void expect_no_sentence(const char *text, const char *what) {
    static const char small[] = "abcdefghijklmnopqrstuvwxyz";
    for (const char *at = text; (at = strpbrk(at, small)); at += strspn(at, small)) {
        const char *end = at;
        size_t found = 0;
        for (size_t n; (n = strspn(end, small)) && found < 3; found++) {
            end += n;
            end += strspn(end, ", ");
        }
        cr_expect_lt(found, 3, "%s has '%.40s'", what, at);
    }
}

typedef enum form { OF_ONE, OF_GROUPS, OF_ALL, FORMS } form;

/* A comparison of the first two runs, of two models' seeds, or of all four runs. */
static void add_comparison(strbuf *out, const record *const runs[4], form of, page_language l) {
    const compare_side sides[] = {
        {"가", &runs[0], 1}, {"나", &runs[1], 1}, {"다", &runs[2], 1}, {"라", &runs[3], 1}};
    comparison one;
    group_comparison groups;
    switch (of) {
    case OF_ONE:
        MUST(compare_records(&one, runs[0], runs[2]));
        one.wish = (compare_wish){.rows = 3, .language = l};
        MUST(compare_text(out, &one, "가", "나"));
        return;
    case OF_GROUPS:
        MUST(compare_groups(&groups, runs, 2, runs + 2, 2));
        groups.wish = (compare_wish){.rows = 3, .language = l};
        MUST(compare_groups_text(out, &groups, "가", "나"));
        return;
    case OF_ALL: MUST(compare_matrix_text(out, sides, 4, l)); return;
    case FORMS: break;
    }
}

Test(pages, korean_comparisons_have_no_english_words) {
    for (size_t i = 0; i < KINDS; i++) {
        record r[4];
        const record *runs[4];
        for (uint32_t k = 0; k < 4; k++) {
            make(&r[k], &kinds[i], k < 2 ? "모델" : "model", k < 2 ? 0.5 : 0.6, k % 2);
            runs[k] = &r[k];
        }
        const compare_side sides[] = {{"가", &runs[0], 2}, {"나", &runs[2], 2}};
        // every pair of four runs takes seconds, and says the same of every kind
        for (form of = 0; of < (i ? OF_ALL : FORMS); of++) {
            strbuf text = {0}, page = {0}, shown = {0};
            add_comparison(&text, runs, of, PAGE_KO);
            MUST(compare_html(&page, text.text, sides, 2, PAGE_KO));
            expect_korean(page.text, kinds[i].task);
            shown_text(&shown, page.text);
            expect_no_sentence(strstr(shown.text, kinds[i].task), kinds[i].task);
            cr_expect_not_null(strstr(page.text, "<h2>모든 실행의 손실</h2>"), "no chart");
            strbuf_free(&text);
            strbuf_free(&page);
            strbuf_free(&shown);
        }
        for (size_t k = 0; k < 4; k++) record_free(&r[k]);
    }
}

Test(pages, loss_chart_tells_its_sides_apart) {
    record r[3];
    const record *runs[3];
    strbuf page = {0};
    for (uint32_t k = 0; k < 3; k++) {
        make(&r[k], &kinds[0], "model", 0.5, k);
        runs[k] = &r[k];
    }
    const compare_side sides[] = {{"a", &runs[0], 1}, {"b", &runs[1], 1}, {"c", &runs[2], 1}};
    MUST(compare_html(&page, "# x\n\n## Speed\n", sides, 3, PAGE_EN));
    const char *chart = strstr(page.text, "<svg"), *end = strstr(chart, "</svg>");
    for (size_t i = 0; i < 3; i++) {
        char line[40], rule[40];
        snprintf(line, sizeof line, "<polyline class=\"line side%zu\"", i);
        snprintf(rule, sizeof rule, "\n.side%zu{stroke:", i);
        cr_expect_not_null(strstr(chart, line), "%s", line);
        const char *found = strstr(page.text, rule);
        cr_expect_eq(found != NULL, i > 0, "%s", rule);
        if (found) cr_expect_lt(strstr(found, "stroke-dasharray:"), strchr(found, '}'), "%s", rule);
    }
    const char *last = strstr(chart, "text-anchor=\"middle\">200</text>");
    cr_expect(last && last < end, "the axis of steps has no number: %.400s", chart);
    strbuf_free(&page);
    for (size_t k = 0; k < 3; k++) record_free(&r[k]);
}

Test(pages, klue_f1_stands_where_it_tells_something) {
    for (int of_klue = 0; of_klue < 2; of_klue++) {
        record r;
        strbuf page = {0};
        make(&r, &kinds[3], "model", 0.5, 1);
        if (!of_klue) MUST(record_text(&r.task.name, "own-stars"));
        MUST(html_run(&page, &r, NULL, NULL, PAGE_EN));
        cr_expect_eq(strstr(page.text, "F1 of 3 and above") != NULL, of_klue);
        cr_expect_not_null(strstr(page.text, "Spearman"), "another score");
        strbuf_free(&page);
        record_free(&r);
    }
}

static char *page_of(const char *folder, const char *name) {
    char *path, *text;
    size_t count;
    MUST(path_join(&path, folder, name));
    MUST(file_read((void **)&text, &count, path, 0));
    mem_free(path);
    return text;
}

/* An index of an older program, which a report writes over. */
static void put_old_index(const char *folder) {
    static const char old[] = "<!doctype html>\n" HTML_OLD_INDEX_MARK "\n";
    char *path;
    MUST(path_join(&path, folder, "index.html"));
    if (!file_exists(path)) MUST(file_write(path, old, sizeof old - 1));
    mem_free(path);
}

/* The language of a run's page, the first of kor_hate. */
static void expect_run_page(const char *folder, const char *language) {
    char *place, *text;
    folder_list pages = {0};
    MUST(path_join(&place, folder, "pages/kor_hate"));
    MUST(folder_list_read(&pages, place));
    cr_assert_gt(pages.count, 0);
    text = page_of(place, pages.names[0]);
    cr_expect_not_null(strstr(text, language), "%.60s", text);
    mem_free(text);
    mem_free(place);
    folder_list_free(&pages);
}

/* Five models on five tasks and more, a run page of every kind: tests/browser looks at them, in the
 * folder that HARNESS_PAGES_RECORDS names. */
Test(pages, records_of_every_kind, .timeout = 120) {
    static const char *const models[] = {"tiny", "ko-mini", "klue/roberta-base",
                                         "monologg/koelectra-base-v3-discriminator",
                                         "한국어 모델 <b> & 긴 이름을 가진 것"};
    const char *kept = getenv("HARNESS_PAGES_RECORDS");
    char *folder, *text;
    if (kept)
        MUST(mem_strdup(&folder, kept));
    else
        fake_folder(&folder);
    for (size_t k = 0; k < KINDS; k++) {
        for (uint32_t m = 0; m < 5; m++) {
            for (uint32_t seed = 1; seed <= 3; seed++) {
                record r;
                make(&r, &kinds[k], models[m], 0.1 + 0.2 * m, seed);
                if (m < 4 || seed < 2) MUST(store_write(folder, &r, NULL));
                record_free(&r);
            }
        }
    }
    setenv("XDG_CACHE_HOME", temporary_folder(), 1);
    put_old_index(folder);
    RUN_WELL("report", "--results", folder, "--lang", "ko", "--quiet");
    text = page_of(folder, "index.html");
    expect_korean(text, "the board");
    cr_expect_not_null(strstr(text, "<h2>KLUE</h2>"));
    cr_expect_not_null(strstr(text, "행만"));
    mem_free(text);
    text = page_of(folder, HTML_STYLE_FILE);
    cr_expect_eq(strncmp(text, HTML_FILE_MARK, strlen(HTML_FILE_MARK)), 0);
    mem_free(text);
    expect_run_page(folder, "<html lang=\"ko\">");
    // the same folder in English: its pages are written again, by a report that knows the records
    RUN_WELL("report", "--results", folder, "--quiet");
    text = page_of(folder, "index.html");
    cr_expect_not_null(strstr(text, "<html lang=\"en\">"));
    mem_free(text);
    expect_run_page(folder, "<html lang=\"en\">");
    if (!kept) MUST(folder_remove(folder));
    mem_free(folder);
}

Test(pages, a_language_that_is_not_there) {
    static const char *const verbs[] = {"report", "compare"};
    for (int i = 0; i < 2; i++) {
        program_result p = i ? RUN(verbs[i], "/", "/", "--lang", "fr")
                             : RUN(verbs[i], "--results", "/", "--lang", "fr");
        EXPECT(p, 2, err, "--lang expects en or ko, found 'fr'");
    }
}

Test(pages, compare_says_it_in_korean) {
    const char *file = HARNESS_SOURCE_DIR "/results/kor_hate/tiny-amd-epyc-de50dc95-s42.json";
    program_result page = RUN("compare", file, file, "--lang", "ko", "--format", "html");
    program_result text = RUN("compare", file, file, "--lang", "ko");
    program_result json = RUN("compare", file, file, "--lang", "ko", "--json");
    cr_expect_not_null(strstr(page.out, "<html lang=\"ko\">"), "%s", page.err);
    cr_expect_not_null(strstr(page.out, "모든 예측이 같음"));
    cr_expect_not_null(strstr(text.out, "- 판정: 모든 예측이 같음"), "%s", text.err);
    cr_expect_not_null(strstr(json.out, "\"driver version\""), "%s", json.err); // keys stay
}
