/* What a search tells of its trials: which is chosen, in which order they stand, and the numbers of
 * each, in the table and as JSON. */
#include "base/json.h"
#include "base/memory.h"
#include "cli/tune_places.h"
#include "cli/tune_view.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 50 };
static tune_row rows[MOST];
static double mean[MOST], deviation[MOST];
static tune_space space;

static tune_result result_of(const double *scores, const uint32_t *rounds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        recipe_defaults(&rows[i].recipe);
        rows[i].trial = (tune_trial){.score = scores ? scores[i] : 0.5,
                                     .best_step = scores && isnan(scores[i]) ? 0 : 3 + (int)i,
                                     .steps = 10 + (int)i,
                                     .train_s = 1.5 + (double)i};
        rows[i].round = rounds ? rounds[i] : 0;
        rows[i].share = rounds ? 0.25 * (1 << rounds[i]) : 1;
    }
    return (tune_result){.task = "t",
                         .model = "m",
                         .space = &space,
                         .search = "random",
                         .folder = "f",
                         .metric = "accuracy",
                         .higher_is_better = true,
                         .rows = rows,
                         .count = count};
}

static const struct {
    double scores[5];
    uint32_t rounds[5];
    bool lower_is_better;
    size_t order[5]; // trials, from 1, the best first
} orders[] = {
    {{0.5, 0.7, 0.7, NAN, 0.6}, {0}, false, {2, 3, 5, 1, 4}},
    {{0.5, 0.7, 0.7, NAN, 0.6}, {0}, true, {1, 5, 2, 3, 4}},
    {{0.5, 0.5, 0.5, 0.5, 0.5}, {0}, false, {1, 2, 3, 4, 5}},
    {{NAN, NAN, 0.1, NAN, NAN}, {0}, false, {3, 1, 2, 4, 5}},
    // trained longer, then better
    {{0.9, 0.2, 0.3, 0.8, 0.3}, {0, 2, 1, 0, 1}, false, {2, 3, 5, 1, 4}},
};

/* What is printed; owned. */
static char *printed(const tune_result *t) {
    void *text;
    size_t count;
    const char *path = temporary_path("printed");
    cr_assert(freopen(path, "w", stdout));
    MUST(tune_print(t));
    cr_assert_eq(fflush(stdout), 0);
    MUST(file_read(&text, &count, path, 0));
    MUST(mem_resize(&text, count + 1, 1));
    ((char *)text)[count] = '\0';
    return text;
}

Test(tune_view, the_best_stand_first_and_the_earliest_of_equals) {
    tune_space_init(&space);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        tune_result t = result_of(orders[i].scores, orders[i].rounds, 5);
        t.higher_is_better = !orders[i].lower_is_better;
        const tune_row *best = tune_best(&t);
        cr_expect(best && (size_t)(best - rows) + 1 == orders[i].order[0], "case %zu", i);
        char *text = printed(&t);
        const char *at = text;
        for (size_t k = 0; k < 5; k++) {
            char line[40];
            size_t trial = orders[i].order[k];
            snprintf(line, sizeof line, "\n| %5zu | ", trial);
            const char *found = strstr(at, line);
            cr_assert(found, "case %zu: trial %zu is not next in %s", i, trial, text);
            at = found + 1;
            snprintf(line, sizeof line, " %lld of %zu |\n",
                     (long long)rows[trial - 1].trial.best_step, 9 + trial);
            found = strstr(at, line);
            cr_expect(found && found < at + strcspn(at, "\n"), "case %zu: no '%s' in %s", i, line,
                      text);
        }
        mem_free(text);
    }
    // of equal scores the lower loss on the dev rows, where both are known
    static const struct {
        double losses[3];
        size_t best;
    } ties[] = {{{0.9, 0.7, 0.8}, 2}, {{0.9, 0.7, 0.7}, 2}, {{NAN, 0.7, 0.6}, 1}};
    for (size_t i = 0; i < sizeof ties / sizeof *ties; i++) {
        tune_result t = result_of(NULL, NULL, 3);
        for (size_t k = 0; k < 3; k++) rows[k].trial.loss = ties[i].losses[k];
        cr_expect_eq((size_t)(tune_best(&t) - rows) + 1, ties[i].best, "tie %zu", i);
    }
    const double none[] = {NAN, NAN};
    tune_result t = result_of(none, NULL, 2);
    cr_expect_null(tune_best(&t));
}

static double number_at(const cJSON *o, const char *key) {
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

/* As JSON all count from 1, in the order of the trials. */
Test(tune_view, json_has_the_numbers_of_each_trial) {
    cJSON *root, *row;
    tune_space_init(&space);
    tune_result t = result_of(orders[4].scores, orders[4].rounds, 5);
    t.seed = 7;
    t.halving = 2;
    MUST(tune_json(&root, &t, "r.json"));
    cr_expect(number_at(root, "best_trial") == 2 && number_at(root, "best_score") == 0.2);
    cr_expect(number_at(root, "trials") == 5 && number_at(root, "seed") == 7 &&
              number_at(root, "halving") == 2);
    size_t i = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(root, "results")) {
        cr_expect_eq(number_at(row, "trial"), (double)i + 1);
        cr_expect_eq(number_at(row, "score"), orders[4].scores[i]);
        cr_expect_eq(number_at(row, "round"), orders[4].rounds[i] + 1.0);
        cr_expect_eq(number_at(row, "share"), rows[i].share);
        cr_expect_eq(number_at(row, "best_step"), 3.0 + (double)i);
        cr_expect_eq(number_at(row, "steps"), 10.0 + (double)i);
        cr_expect_eq(number_at(row, "train_s"), 1.5 + (double)i);
        i++;
    }
    cr_expect_eq(i, 5);
    cJSON_Delete(root);
}

/* Every hyperparameter as the axis: its value is of the type and the text that a record has. */
Test(tune_view, each_axis_is_told_as_records_tell_it) {
    static const char given[] =
        "{\"learning_rate\": 0.5, \"warmup_steps\": 0.25, \"group_by_length\": true, "
        "\"lr_scheduler_type\": \"cosine\", \"class_weights\": \"1,2\", \"max_steps\": 7, "
        "\"metric_for_best_model\": \"accuracy\", \"freeze_layers\": 2}";
    tune_result t = result_of(NULL, NULL, 1);
    cJSON *root, *recorded = cJSON_CreateObject();
    size_t compared = 0;
    temporary_put("r.json", given);
    MUST(recipe_load(&rows[0].recipe, temporary_path("r.json")));
    MUST(recipe_json(recorded, &rows[0].recipe));
    for (uint32_t i = 0; recipe_row(i); i++) {
        tune_space_init(&space);
        space.count = 1;
        space.axes[0] = (tune_axis){.row = recipe_row(i), .index = i, .high = 1};
        const char *key = recipe_row(i)->key;
        MUST(tune_json(&root, &t, "r.json"));
        const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "results"), 0);
        const cJSON *told = cJSON_GetObjectItem(cJSON_GetObjectItem(first, "recipe"), key);
        const cJSON *kept = cJSON_GetObjectItem(recorded, key);
        if (kept) cr_expect(cJSON_Compare(told, kept, true), "%s: %s", key, cJSON_Print(told));
        compared += kept != NULL;
        cJSON_Delete(root);
    }
    cr_expect_geq(compared, 20);
    cJSON_Delete(recorded);
}

/* Of the expected best score those of 1 to 10, 20, 30, 50, ... trials are told, and that of all. */
Test(tune_view, some_numbers_of_trials_are_told) {
    static const struct {
        size_t count;
        const char *told;
    } lists[] = {{1, " 1"},
                 {3, " 1 2 3"},
                 {4, " 1 2 3 4"},
                 {6, " 1 2 3 4 5 6"},
                 {10, " 1 2 3 4 5 6 7 8 9 10"},
                 {12, " 1 2 3 4 5 6 7 8 9 10 12"},
                 {50, " 1 2 3 4 5 6 7 8 9 10 20 30 50"}};
    tune_space_init(&space);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        tune_result t = result_of(NULL, NULL, lists[i].count);
        for (size_t n = 0; n < lists[i].count; n++) {
            mean[n] = 0.5 + 0.001 * (double)n;
            deviation[n] = 0.25 + 0.001 * (double)n;
        }
        t.mean = mean;
        t.deviation = deviation;
        char *text = printed(&t), told[200] = "";
        const char *at = strstr(text, "Expected best dev accuracy of n such trials");
        cr_assert(at, "%s", text);
        for (size_t n = 1; n <= lists[i].count; n++) {
            char figures[40];
            size_t used = strlen(told);
            snprintf(figures, sizeof figures, "|   %.4f | %.4f |\n", mean[n - 1], deviation[n - 1]);
            const char *found = strstr(at, figures);
            if (found) snprintf(told + used, sizeof told - used, " %zu", n);
        }
        cr_expect_str_eq(told, lists[i].told, "of %zu%s: %s", lists[i].count, told, at);
        mem_free(text);
    }
}

Test(tune_view, an_end_is_whole_or_an_error) {
    tune_space_init(&space);
    tune_result t = result_of(NULL, NULL, 2);
    cJSON *root = NULL;
    t.folder = temporary_folder();
    MUST_FAIL_WITHOUT_MEMORY(UINT64_MAX, tune_places_write(&root, &t, NULL), cJSON_Delete(root));
}
