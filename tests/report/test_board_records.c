/* What the board makes of its records: which stand in one row, what it says of rows, and what it
 * does with records that repeat or contradict others. */
#include "base/memory.h"
#include "platform/file.h"
#include "report/board.h"
#include "report/html.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"
#include "support/row_field.h"
#include "train/recipe/recipe.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

TestSuite(board_records, .init = fake_results_begin, .fini = fake_results_end);

// writes r under a name of the test's choice and frees it
static void put(record *r, const char *name) {
    char *path;
    fake_record_follow(r);
    cr_assert_not(mem_printf(&path, "%s/%s/%s", fake_results, r->task.name, name));
    cr_assert_not(record_write(r, path), "%s", err_message(ERR_FORMAT));
    mem_free(path);
    record_free(r);
}

static void open_board(store *s, board *b) {
    cr_assert_not(store_read(s, fake_results));
    cr_assert_eq(s->damaged, 0);
    cr_assert_not(board_init(b, s, NULL), "%s", err_message(ERR_DATA));
}

static void close_board(store *s, board *b) {
    board_free(b);
    store_free(s);
}

/* rows */

Test(board_records, each_field_of_the_key_makes_a_row_and_is_named) {
    const row_field *f;
    for (size_t i = 0; (f = row_field_at(i)); i++) {
        for (uint32_t k = 0; k < 2; k++) {
            record r;
            char name[32];
            // another seed, so that a board without the field would take both into one row
            fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = k});
            if (k) f->change(&r);
            snprintf(name, sizeof name, "%u.json", k);
            put(&r, name);
        }
        store s;
        board b;
        strbuf text = {0};
        open_board(&s, &b);
        cr_assert_eq(b.table_count, 1);
        cr_assert_eq(b.tables[0].row_count, 2, "%s does not tell rows apart", f->field);
        cr_assert_eq(b.note_count, 0);
        cr_assert_not(board_markdown(&text, &b));
        cr_assert(strstr(text.text, f->words), "%s: %s", f->field, text.text);
        strbuf_free(&text);
        close_board(&s, &b);
    }
}

// the same run by others is no repetition
Test(board_records, a_run_by_two_ranks_lies_beside_that_of_one) {
    static const int64_t ranks[] = {0, 2, 3, 2};
    char *paths[4];
    for (size_t i = 0; i < 4; i++) {
        record r;
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = 1});
        r.ranks = ranks[i];
        if (r.ranks) cr_assert_not(record_text(&r.engine, "threads"));
        cr_assert_not(record_text(&r.run_sha256, r.recipe_sha256));
        cr_assert_not(store_write(fake_results, &r, &paths[i]), "%s", err_message(ERR_IO));
        record_free(&r);
    }
    cr_expect_str_neq(paths[0], paths[1]);
    cr_expect_str_neq(paths[1], paths[2]);
    cr_expect_str_eq(paths[1], paths[3]);
    for (size_t i = 0; i < 4; i++) mem_free(paths[i]);
}

// each row says what it has itself
Test(board_records, switches_are_yes_or_no) {
    for (uint32_t k = 0; k < 2; k++) {
        record r;
        char name[32];
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = k});
        fake_recipe_bool(&r, "join_particles", k);
        snprintf(name, sizeof name, "%u.json", k);
        put(&r, name);
    }
    store s;
    board b;
    open_board(&s, &b);
    cr_assert_eq(b.tables[0].row_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const board_row *row = &b.tables[0].rows[i];
        cr_expect_str_eq(row->words, row->runs[0]->seed ? "3 epochs, lr 5e-05, join particles yes"
                                                        : "3 epochs, lr 5e-05, join particles no");
        cr_expect_str_eq(row->apart,
                         row->runs[0]->seed ? "join particles yes" : "join particles no");
    }
    close_board(&s, &b);
}

// of many differences the first, and how many more there are
Test(board_records, words_stay_short) {
    for (uint32_t k = 0; k < 2; k++) {
        record r;
        char name[32];
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = k});
        const hyperparameter *h;
        size_t changed = 0;
        for (size_t i = 2; k && changed < 20 && (h = recipe_row(i)); i++)
            if (h->kind < RECIPE_SCHEDULE && h->recorded != RECORDED_NEVER &&
                !strstr("max_steps warmup_steps tuning_trials", h->key)) {
                changed++;
                if (h->kind == RECIPE_SWITCH)
                    fake_recipe_bool(&r, h->key, true);
                else
                    fake_recipe_number(&r, h->key, h->kind == RECIPE_REAL ? 0.5 : 64);
            }
        if (k) fake_recipe_text(&r, "lr_scheduler_type", "cosine");
        if (k) fake_recipe_text(&r, "class_weights", "balanced");
        snprintf(name, sizeof name, "%u.json", k);
        put(&r, name);
    }
    store s;
    board b;
    open_board(&s, &b);
    for (size_t i = 0; i < 2; i++) {
        const char *words = b.tables[0].rows[i].words;
        cr_assert(strstr(words, "3 epochs, lr 5e-05, batch size ") == words, "%s", words);
        cr_assert(strstr(words, ", eval steps ") && strstr(words, ", and 8 more"), "%s", words);
    }
    close_board(&s, &b);
}

// what does not tell rows apart: the seed, times, threads, the program's commit
Test(board_records, seeds_of_one_row_stay_together) {
    for (uint32_t k = 0; k < 3; k++) {
        record r;
        char name[32];
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = k});
        r.device.threads = 1 + k;
        r.timing.train_s = 1 + k;
        r.model_is_gone = k > 0;
        snprintf(name, sizeof name, "%u.json", k);
        put(&r, name);
    }
    store s;
    board b;
    open_board(&s, &b);
    cr_assert_eq(b.tables[0].row_count, 1);
    cr_assert_eq(b.tables[0].rows[0].run_count, 3);
    cr_assert_str_eq(b.tables[0].rows[0].words, "3 epochs, lr 5e-05");
    strbuf text = {0};
    cr_assert_not(board_markdown(&text, &b));
    cr_assert(strstr(text.text, "| tiny (model replaced: 2 of 3) |"), "%s", text.text);
    strbuf_free(&text);
    close_board(&s, &b);
}

/* figures by hand: 20 rows, the first ten of label 1; row 7 repeats row 3, rows 5 and 7 are left
 * out of the deduplicated score */
enum { ROWS = 20 };

static void make_figures(record *r, const char *model, uint32_t seed, const uint32_t *wrong,
                         size_t wrong_count) {
    uint32_t gold[ROWS], predicted[ROWS], first[ROWS];
    bool scored[ROWS];
    fake_record_make(r, &(fake_record){.task = "kor_x",
                                       .model = model,
                                       .headline = "accuracy",
                                       .rows = ROWS,
                                       .classes = 2,
                                       .seed = seed});
    for (uint32_t i = 0; i < ROWS; i++) {
        gold[i] = predicted[i] = i < 10;
        first[i] = i == 7 ? 3 : i;
        scored[i] = i != 5 && i != 7;
    }
    for (size_t k = 0; k < wrong_count; k++) predicted[wrong[k]] = 1 - gold[wrong[k]];
    fake_record_forget(r);
    cr_assert_not(fake_record_test(r, gold, predicted, first, scored, ROWS));
    r->timing.train_s = 1 + 2 * seed;
}

Test(board_records, figures_are_those_worked_by_hand) {
    static const uint32_t wrong[3][5] = {{0, 1, 5, 11}, {0, 1, 5, 7, 12}, {0, 7, 13}};
    static const size_t counts[3] = {4, 5, 3};
    static const uint32_t eight[8] = {1, 2, 8, 9, 10, 14, 15, 19};
    record r;
    for (uint32_t k = 0; k < 3; k++) {
        char name[8];
        make_figures(&r, "tiny", k, wrong[k], counts[k]);
        snprintf(name, sizeof name, "%u.json", k);
        put(&r, name);
    }
    make_figures(&r, "once", 9, eight, 8);
    put(&r, "once.json");
    store s;
    board b;
    strbuf json = {0};
    open_board(&s, &b);
    const board_row *row = &b.tables[0].rows[0], *once = &b.tables[0].rows[1];
    // 16, 15 and 17 of 20; of the 18 without rows 5 and 7: 3, 3 and 2 are wrong
    cr_assert_float_eq(row->mean, 0.8, 1e-15);
    cr_assert_float_eq(row->std, 0.05, 1e-15);
    cr_assert_float_eq(row->dedup_mean, (15 + 15 + 16) / 54.0, 1e-15);
    cr_assert_float_eq(row->train_s, 3, 1e-15);
    cr_assert_float_eq(b.tables[0].baseline, 0.5, 1e-15);
    cr_assert_float_eq(b.tables[0].baseline_dedup, 8 / 18.0, 1e-15);
    // one seed, 12 of 20: about the expanded percentiles of a binomial, within its exact 99 %
    cr_assert(once->rows_only && once->rank == 0 && once->std == 0 && once->mean == 0.6);
    cr_assert(once->range.low > 0.27 && once->range.low <= 0.3830, "%g", once->range.low);
    cr_assert(once->range.high < 0.87 && once->range.high >= 0.7864, "%g", once->range.high);
    // six digits, rounded
    cr_assert_not(board_json(&json, &b));
    cr_assert(strstr(json.text, "\"mean\":\t0.8,"), "%s", json.text);
    cr_assert(strstr(json.text, "\"std\":\t0.05,"));
    cr_assert(strstr(json.text, "\"deduplicated\":\t0.851852,"));
    cr_assert(strstr(json.text, "\"baseline_deduplicated\":\t0.444444,"));
    cr_assert(strstr(json.text, "\"test_rows\":\t20,"));
    cr_assert(strstr(json.text, "\"deduplicated_rows\":\t18,"));
    strbuf_free(&json);
    close_board(&s, &b);
}

/* 200 rows. Of A and B, 8 are right by A alone and 1 by B alone: z is 2.36, p 0.019, which the
 * three pairs of a table of three models raise to 0.058. */
static void put_pair(const char *model, uint32_t from, uint32_t to, uint32_t also) {
    enum { N = 200 };
    for (uint32_t seed = 0; seed < 2; seed++) {
        uint32_t gold[N] = {0}, predicted[N] = {0};
        record r;
        char name[16];
        fake_record_make(&r, &(fake_record){.task = "kor_x",
                                            .model = model,
                                            .headline = "accuracy",
                                            .rows = N,
                                            .classes = 2,
                                            .seed = seed});
        for (uint32_t i = 0; i < N; i++) {
            gold[i] = i % 2;
            predicted[i] = (i >= from && i < to) || i == also ? 1 - gold[i] : gold[i];
        }
        fake_record_forget(&r);
        cr_assert_not(fake_record_test(&r, gold, predicted, NULL, NULL, N));
        snprintf(name, sizeof name, "%s-%u.json", model, seed);
        put(&r, name);
    }
}

static size_t rank_of(const char *model) {
    store s;
    board b;
    size_t rank = 99;
    open_board(&s, &b);
    for (size_t i = 0; i < b.tables[0].row_count; i++) {
        const board_row *row = &b.tables[0].rows[i];
        if (!strcmp(row->runs[0]->model.name, model)) rank = row->rank;
    }
    close_board(&s, &b);
    return rank;
}

Test(board_records, holm_counts_every_pair_of_the_table) {
    put_pair("a", 0, 40, 100);
    put_pair("b", 0, 47, 47);
    cr_assert_eq(rank_of("b"), 2); // one pair: significant
    put_pair("c", 0, 44, 101);
    cr_assert_eq(rank_of("b"), 1); // three pairs: not shown
    cr_assert_eq(rank_of("a"), 1);
}

/* Of many labels the first are named, and the others counted. */
Test(board_records, a_long_list_of_labels_is_cut) {
    static const struct {
        size_t classes, named;
        const char *end;
    } cases[] = {{20, 20, NULL}, {21, 20, ", and 1 more"}, {45, 20, ", and 25 more"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        record r;
        store s;
        board b;
        strbuf page = {0};
        fake_record_make(&r, &(fake_record){.task = "kor_x", .classes = cases[i].classes});
        char *first_unnamed = NULL;
        if (cases[i].end) MUST(mem_printf(&first_unnamed, ", %s", r.task.labels[cases[i].named]));
        put(&r, "many.json");
        open_board(&s, &b);
        MUST(board_html(&page, &b, PAGE_EN));
        close_board(&s, &b);
        char *list = strstr(page.text, " Labels: ");
        cr_assert_not_null(list, "%s", page.text);
        *strchr(list, '<') = '\0';
        size_t commas = 0;
        for (const char *at = list; (at = strchr(at, ',')); at++) commas++;
        cr_expect_eq(commas, cases[i].named - !cases[i].end, "%zu: %s", cases[i].classes, list);
        cr_expect(cases[i].end ? strstr(list, cases[i].end) != NULL : !strstr(list, " more"),
                  "%zu: %s", cases[i].classes, list);
        cr_expect(!first_unnamed || !strstr(list, first_unnamed), "%s in %s", first_unnamed, list);
        mem_free(first_unnamed);
        strbuf_free(&page);
    }
}

static err take_any(void *of, const record *full, const char *path, store_file *source) {
    (void)of, (void)full, (void)path, (void)source;
    return ERR_OK;
}

/* A record that is another when its answers are read than it was when it was listed. */
Test(board_records, a_record_that_changes_in_between_is_named) {
    record r;
    store s;
    board b;
    for (uint32_t seed = 0; seed < 2; seed++) {
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = seed});
        put(&r, seed ? "1.json" : "0.json");
    }
    cr_assert_not(store_read_lean(&s, fake_results, &(store_lean){.each = take_any}));
    // as many rows, of other labels
    fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .classes = 4});
    put(&r, "0.json");
    cr_expect_eq(board_init(&b, &s, NULL), ERR_DATA);
    cr_expect(strstr(err_message(ERR_DATA), "0.json changed while it was read"), "%s",
              err_message(ERR_DATA));
    close_board(&s, &b);
}

/* cautions */

static void put_constant(const char *model, uint32_t answer, uint32_t seeds, uint32_t constant) {
    for (uint32_t seed = 0; seed < seeds; seed++) {
        record r;
        char name[32];
        uint32_t wrong[ROWS], count = 0;
        for (uint32_t i = 0; i < ROWS; i++)
            if ((i < 10) != (answer == 1)) wrong[count++] = i;
        make_figures(&r, model, seed, wrong, seed < constant ? count : 0);
        snprintf(name, sizeof name, "%s-%u.json", model, seed);
        put(&r, name);
    }
}

Test(board_records, constant_and_poor_models_are_said_so) {
    static const uint32_t most[12] = {0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14};
    record r;
    store s;
    board b;
    strbuf text = {0}, page = {0};
    put_constant("ones", 1, 3, 2);
    put_constant("zeros", 0, 2, 2);
    make_figures(&r, "poor", 0, most, 12);
    put(&r, "poor.json");
    open_board(&s, &b);
    cr_assert_not(board_markdown(&text, &b));
    cr_assert(strstr(text.text, "| ones (answers one label for every row: 2 of 3 seeds) |"), "%s",
              text.text);
    cr_assert(strstr(text.text, "| zeros (answers one label for every row) |"));
    cr_assert(strstr(text.text, "| poor (is below the baseline) |"));
    cr_assert_not(board_csv(&page, &b));
    cr_assert(strstr(page.text, ",runs_of_one_label,runs_below_baseline,"));
    for (size_t i = 0; i < b.tables[0].row_count; i++) {
        const board_row *row = &b.tables[0].rows[i];
        cr_assert(row->range.high - row->range.low > 0.2, "a narrow interval: %g to %g",
                  row->range.low, row->range.high);
    }
    strbuf_free(&text);
    strbuf_free(&page);
    close_board(&s, &b);
}

static void put_pretrained(const char *model, const char *left_out, bool same) {
    record r;
    char text[400], name[80];
    fake_record_make(&r, &(fake_record){.model = model, .right = 0.5});
    const char *hash = r.model.vocab_sha256;
    snprintf(text, sizeof text,
             "{\"name\":\"<b>\",\"sha256\":\"%s\",\"left_out\":[\"%s\"],\"before\":[{\"name\":"
             "\"first\",\"sha256\":\"%s\"}]}",
             hash, left_out, hash);
    cr_assert_not(json_parse(&r.model.corpus, text, strlen(text), "corpus"));
    r.model.corpus_is_source = same;
    snprintf(name, sizeof name, "%s.json", model);
    put(&r, name);
}

Test(board_records, a_corpus_near_the_task_is_said_so) {
    store s;
    board b;
    strbuf text = {0}, page = {0};
    put_pretrained("seen", "other_task", true);
    put_pretrained("near", "fake_task", true);
    put_pretrained("apart", "fake_task", false);
    open_board(&s, &b);
    cr_assert_not(board_markdown(&text, &b));
    cr_assert(strstr(text.text, "| seen (its pretraining may have read these test rows) |"), "%s",
              text.text);
    cr_assert(strstr(text.text, "| near (pretrained on texts of the task's own source) |"));
    cr_assert(strstr(text.text, "| apart |"));
    cr_assert_not(board_json(&page, &b));
    cr_assert(strstr(page.text, "\"corpus_leaves_tests_out\""), "%s", page.text);
    cr_assert(strstr(page.text, "\"corpus\":\t\"first + <b>\""), "%s", page.text);
    strbuf_free(&text);
    strbuf_free(&page);
    close_board(&s, &b);
}

/* the row that stands for a model */

Test(board_records, the_row_with_most_seeds_stands_for_a_model_not_the_best) {
    for (uint32_t seed = 0; seed < 5; seed++) {
        record r;
        char name[32];
        fake_record_make(
            &r, &(fake_record){.task = "kor_x", .right = seed < 3 ? 0.3 : 0.9, .seed = seed % 3});
        if (seed >= 3) fake_recipe_number(&r, "learning_rate", 3.1e-4); // better, but of two seeds
        snprintf(name, sizeof name, "%u.json", seed);
        put(&r, name);
    }
    record r;
    fake_record_make(&r, &(fake_record){.task = "kor_y", .right = 0.5});
    put(&r, "y.json");
    store s;
    board b;
    strbuf text = {0}, page = {0};
    open_board(&s, &b);
    cr_assert_eq(b.overall_count, 1);
    const board_row *row = b.overall[0].rows[0];
    cr_assert_eq(row->run_count, 3);
    cr_assert(row->mean < b.tables[0].rows[0].mean && row == &b.tables[0].rows[1]);
    cr_assert_not(board_markdown(&text, &b));
    cr_assert(strstr(text.text, "the one with most seeds stands here"));
    cr_assert(strstr(text.text, "3 epochs, lr 5e-05 |") && strstr(text.text, "lr 0.00031 |"));
    // and what tells it from the other is said behind its score, not of kor_y's only row
    cr_assert_not(board_html(&page, &b, PAGE_EN));
    double means[] = {row->mean, b.overall[0].rows[1]->mean};
    char whole[200];
    snprintf(whole, sizeof whole, "| %.2f | %.2f (lr 5e-05) | %.2f |", 100 * b.overall[0].mean,
             100 * means[0], 100 * means[1]);
    cr_expect(strstr(text.text, whole), "%s in %s", whole, text.text);
    snprintf(whole, sizeof whole,
             "%.2f <small class=\"soft\">lr 5e-05</small></td>"
             "<td class=\"n\" data-v=\"%.6f\">%.2f</td>",
             100 * means[0], means[1], 100 * means[1]);
    cr_expect(strstr(page.text, whole), "%s in %s", whole, page.text);
    strbuf_free(&page);
    strbuf_free(&text);
    close_board(&s, &b);
}

/* repeated and contradicting records */

static void other_gold(record *r) {
    r->gold[0] = (r->gold[0] + 1) % 3;
    fake_record_forget(r);
}
static void other_repeats(record *r) {
    r->first_row[9] = 3;
}
static void other_dedup(record *r) {
    r->scored_dedup[9] = false;
}
// the same of the last row: what is compared is compared to its end
static void other_last_gold(record *r) {
    r->gold[59] = (r->gold[59] + 1) % 3;
    fake_record_forget(r);
}
static void other_last_repeats(record *r) {
    r->first_row[59] = 3;
}
static void other_last_dedup(record *r) {
    r->scored_dedup[59] = false;
}
static void other_last_label(record *r) {
    cr_assert_not(record_text(&r->task.labels[2], "else"));
}
static void other_majority(record *r) {
    r->task.majority_class = 2;
}
static void other_label(record *r) {
    cr_assert_not(record_text(&r->task.labels[0], "else"));
}
static void other_train_rows(record *r) {
    r->task.train_rows++;
}
static void other_dev_rows(record *r) {
    r->task.dev_rows++;
}
static void other_leaks(record *r) {
    r->task.leaked_rows++;
}

static const struct {
    void (*change)(record *r);
    const char *in;
} lies[] = {
    {other_gold, "in the test labels"},
    {other_repeats, "in which test texts repeat another"},
    {other_dedup, "in the deduplicated test rows"},
    {other_last_gold, "in the test labels"},
    {other_last_repeats, "in which test texts repeat another"},
    {other_last_dedup, "in the deduplicated test rows"},
    {other_last_label, "in the names of the labels"},
    {other_majority, "in the commonest training class"},
    {other_label, "in the names of the labels"},
    {other_train_rows, "in the number of training rows"},
    {other_dev_rows, "in the number of training rows"},
    {other_leaks, "in the number of leaked test rows"},
};

Test(board_records, of_records_that_contradict_others_the_most_stay) {
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            record r;
            char name[32];
            fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = k});
            if (lies[i].change == other_dev_rows) fake_record_by_dev(&r, "loss");
            if (!k) lies[i].change(&r); // first by path and by seed
            snprintf(name, sizeof name, "%u.json", k);
            put(&r, name);
        }
        program_result p = RUN("report", "--results", fake_results, "--format", "md");
        char *path, *text;
        size_t count;
        EXPECT(p, 0, err,
               "warning: kor_x/0.json is left out: it contradicts kor_x/1.json and "
               "others of task 'kor_x', which name the same data, ");
        cr_assert(strstr(p.err, lies[i].in), "%s, not: %s", lies[i].in, p.err);
        cr_assert_not(path_join(&path, fake_results, "LEADERBOARD.md"));
        cr_assert_not(file_read((void **)&text, &count, path, 0));
        cr_assert(strstr(text, "\n## Left out\n\n- kor_x/0.json is left out"), "%s", text);
        cr_assert(strstr(text, " | 2 | "), "%s", text); // seeds
        mem_free(path);
        mem_free(text);
    }
}

static void same_run(record *r) {
    r->timing.train_s += 1;
}
static void other_prediction(record *r) {
    r->predicted[2] = (r->predicted[2] + 1) % 3;
    fake_record_forget(r);
}
static void other_final_weights(record *r) {
    cr_assert_not(record_text(&r->final_weights_sha256, "cccccccccccccccccccccccccccccccc"
                                                        "cccccccccccccccccccccccccccccccc"));
}
// each part of what a device computes with
#define OTHER(part)                                                                                \
    static void other_##part(record *r) {                                                          \
        cr_assert_not(record_text(&r->device.part, "another"));                                    \
        other_prediction(r);                                                                       \
    }
OTHER(driver)
OTHER(version)
OTHER(libraries)
#undef OTHER

static void other_isa(record *r) {
    cr_assert_not(record_text(&r->device.isa, "neon"));
    other_prediction(r);
}
static void other_kernels(record *r) {
    cr_assert_not(record_text(&r->device.kernels, "cpu"));
    other_prediction(r);
}

static void other_shards(record *r) {
    r->shards = 2;
    other_prediction(r);
}
#define ON_ANOTHER                                                                                 \
    "it repeats kor_x/0.json, the same row and seed, on another driver or library (1 "             \
    "of 60 predictions differ)"
#define BY_ANOTHER                                                                                 \
    "it repeats kor_x/0.json, the same row and seed, by another number of shards "                 \
    "(1 of 60 predictions differ)"

static const struct {
    void (*change)(record *r);
    const char *note;
} repeats[] = {
    {same_run, "it repeats kor_x/0.json, the same row and seed"},
    {other_prediction, "it contradicts kor_x/0.json, the same run, in 1 of 60 predictions"},
    {other_final_weights, "it contradicts kor_x/0.json, the same run, in the final weights"},
    {other_driver, ON_ANOTHER},
    {other_version, ON_ANOTHER},
    {other_isa, ON_ANOTHER},
    {other_libraries, ON_ANOTHER},
    {other_kernels, ON_ANOTHER},
    {other_shards, BY_ANOTHER},
};

Test(board_records, a_repeated_seed_counts_once_and_is_named) {
    for (size_t i = 0; i < sizeof repeats / sizeof *repeats; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            record r;
            char name[32];
            fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = k % 2});
            if (k == 2) repeats[i].change(&r);
            snprintf(name, sizeof name, "%u.json", k);
            put(&r, name);
        }
        store s;
        board b;
        strbuf text = {0};
        open_board(&s, &b);
        cr_assert_eq(b.tables[0].rows[0].run_count, 2);
        cr_assert_eq(b.tables[0].rows[0].runs[0]->timing.train_s, 9.5);
        cr_assert_eq(b.note_count, 1);
        cr_assert(strstr(b.notes[0].text, "kor_x/2.json is left out: ") == b.notes[0].text, "%s",
                  b.notes[0].text);
        cr_assert_str_eq(b.notes[0].text + strlen("kor_x/2.json is left out: "), repeats[i].note);
        cr_assert_not(board_json(&text, &b));
        cr_assert(strstr(text.text, "\"left_out\":\t[\"kor_x/2.json is left out"));
        strbuf_free(&text);
        close_board(&s, &b);
    }
}

// one against one: the first by path, which another seed puts behind
Test(board_records, of_two_that_contradict_each_other_the_first_by_path_stays) {
    store s;
    board b;
    for (uint32_t k = 0; k < 2; k++) {
        record r;
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = 1 - k});
        if (k) other_leaks(&r);
        put(&r, k ? "b.json" : "a.json");
    }
    open_board(&s, &b);
    cr_assert_eq(b.tables[0].row_count, 1);
    cr_assert_str_eq(b.tables[0].rows[0].paths[0], "kor_x/a.json");
    cr_assert(b.note_count == 1 &&
              strstr(b.notes[0].text, "kor_x/b.json is left out") == b.notes[0].text);
    close_board(&s, &b);
}

static void same_end(record *r, const record *of) {
    cr_assert_not(record_text(&r->final_weights_sha256, of->final_weights_sha256));
}
static void same_way(record *r, const record *of) {
    memcpy(r->loss, of->loss, of->loss_count * sizeof *of->loss);
    memcpy(r->loss_curve, of->loss_curve, of->loss_curve_count * sizeof *of->loss_curve);
}
static void same_way_of_an_older_program(record *r, const record *of) {
    same_way(r, of);
    mem_free(r->final_weights_sha256);
    r->final_weights_sha256 = NULL;
}
static void on_another_device(record *r, const record *of) {
    same_end(r, of);
    cr_assert_not(record_text(&r->device.name, "gpu 1"));
}

static const struct {
    void (*change)(record *r, const record *of);
    const char *what;
} copies[] = {
    {same_end, "final weights"},
    {same_way, "loss at every step"},
    {same_way_of_an_older_program, "loss at every step"},
    {on_another_device, "final weights"},
};

// a record under other seeds: no two seeds end with the same weights
Test(board_records, copies_under_other_seeds_are_no_seeds) {
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        record of;
        fake_record_make(&of, &(fake_record){.task = "kor_x", .right = 0.5, .seed = 7});
        for (uint32_t k = 0; k < 4; k++) {
            record r;
            char name[32];
            fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = 6 + k});
            if (k > 1) copies[i].change(&r, &of);
            snprintf(name, sizeof name, "%u.json", k);
            put(&r, name);
        }
        record_free(&of);
        program_result p = RUN("report", "--results", fake_results, "--format", "md");
        char *path, *text;
        size_t count;
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        cr_assert_not(path_join(&path, fake_results, "LEADERBOARD.md"));
        cr_assert_not(file_read((void **)&text, &count, path, 0));
        for (uint32_t k = 2; k < 4; k++) {
            char line[200];
            snprintf(line, sizeof line,
                     "kor_x/%u.json is left out: it contradicts kor_x/1.json, which has another "
                     "seed, 7, and the same %s",
                     k, copies[i].what);
            cr_assert(strstr(p.err, line), "%s, not: %s", line, p.err);
            cr_assert(strstr(text, line), "%s", text);
        }
        cr_assert(strstr(text, " | 2 | "), "%s", text); // seeds
        mem_free(path);
        mem_free(text);
    }
}
