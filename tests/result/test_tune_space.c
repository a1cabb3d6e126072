#include "result/tune_space.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static uint32_t row_of(const char *key) {
    const hyperparameter *h;
    for (uint32_t i = 0; (h = recipe_row(i)); i++)
        if (!strcmp(h->key, key)) return i;
    cr_assert_fail("no row %s", key);
    return 0;
}

static err add(tune_space *s, const char *key, const char *text) {
    return tune_space_add(s, row_of(key), key, text);
}

Test(tune_space, a_grid_has_every_combination) {
    tune_space s;
    tune_space_init(&s);
    MUST(add(&s, "num_train_epochs", "2,3.5"));
    MUST(add(&s, "weight_decay", "0.01"));
    MUST(add(&s, "lr_scheduler_type", "linear,cosine,constant"));
    cr_assert_eq(s.points, 6);
    for (size_t i = 0; i < 6; i++) {
        recipe r;
        recipe_defaults(&r);
        MUST(tune_space_point(&r, &s, i));
        cr_expect_eq(r.num_train_epochs, i < 3 ? 2 : 3.5);
        cr_expect_eq(r.weight_decay, 0.01);
        cr_expect_str_eq(schedule_name(r.lr_scheduler_type),
                         ((const char *[]){"linear", "cosine", "constant"})[i % 3]);
    }
    tune_space_free(&s);
}

/* Draws are a function of seed and trial, stay in the range, and fill it by its logarithm. */
Test(tune_space, ranges_are_drawn_evenly) {
    tune_space s;
    size_t below = 0, small = 0, two = 0, same = 0;
    tune_space_init(&s);
    MUST(add(&s, "learning_rate", "1e-5..1e-3"));
    MUST(add(&s, "weight_decay", "0..0.1"));
    MUST(add(&s, "per_device_train_batch_size", "2..4"));
    MUST(add(&s, "class_weights", "balanced;none;1,2"));
    MUST(add(&s, "group_by_length", "yes,no"));
    cr_assert_eq(s.points, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        recipe r, again;
        recipe_defaults(&r);
        recipe_defaults(&again);
        MUST(tune_space_draw(&r, &s, 7, i));
        MUST(tune_space_draw(&again, &s, i % 2 ? 7 : 8, i));
        same += r.learning_rate == again.learning_rate;
        cr_assert(r.learning_rate >= 1e-5 && r.learning_rate <= 1e-3);
        cr_assert(r.weight_decay >= 0 && r.weight_decay <= 0.1);
        cr_assert(r.per_device_train_batch_size >= 2 && r.per_device_train_batch_size <= 4);
        below += r.learning_rate < 1e-4;
        small += r.weight_decay < 0.05;
        two += r.per_device_train_batch_size == 2;
    }
    // 5 standard deviations of a binomial count
    cr_expect(fabs((double)below - 1500) < 140, "%zu", below);
    cr_expect(fabs((double)small - 1500) < 140, "%zu", small);
    cr_expect(fabs((double)two - 1000) < 130, "%zu", two);
    cr_expect(same >= 1500 && same < 1530, "%zu", same);
    tune_space_free(&s);
}

Test(tune_space, a_searched_ratio_takes_the_place_of_steps) {
    tune_space s;
    recipe r;
    MUST(recipe_load(&r, "course"));
    tune_space_init(&s);
    MUST(add(&s, "warmup_ratio", "0,0.1"));
    MUST(tune_space_point(&r, &s, 1));
    cr_expect_eq(r.warmup_steps, 0);
    cr_expect_eq(r.warmup_ratio, 0.1);
    tune_space_free(&s);
}

Test(tune_space, bad_values_are_refused) {
    static const struct {
        const char *key, *text, *part;
    } list[] = {
        {"learning_rate", "1e-4..1e-5", "--learning_rate: '1e-4..1e-5' is no range"},
        {"learning_rate", "1e-4..", "is no range"},
        {"learning_rate", "..1", "is no range"},
        {"learning_rate", "1e-4..1e-4", "is no range"},
        {"learning_rate", "0..11", "learning_rate is 11, expected a number from 0 to 10"},
        {"learning_rate", "nan", "learning_rate is 'nan', expected a number"},
        {"learning_rate", "fast", "learning_rate is 'fast', expected a number, several"},
        {"learning_rate", "1e-4,x", "learning_rate is 'x'"},
        {"learning_rate", "1e-4,1e-4", "--learning_rate names '1e-4' twice"},
        {"learning_rate", ",", "--learning_rate: a name is missing in the list"},
        {"per_device_train_batch_size", "1.5", "expected a whole number"},
        {"per_device_train_batch_size", "1.5..8", "expected a whole number"},
        {"group_by_length", "true", "expected yes or no"},
        {"lr_scheduler_type", "linear,zigzag", "zigzag"},
        {"class_weights", "balanced,none", "class_weights is 'balanced,none'"},
        {"metric_for_best_model", "loss,f1", "trials are compared by it"},
        {"logging_steps", "5,6", "no score depends on it"},
        {"tuning_trials", "1,2", "no score depends on it"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        tune_space s;
        tune_space_init(&s);
        MUST_FAIL(add(&s, list[i].key, list[i].text), ERR_USAGE, list[i].part);
        tune_space_free(&s);
    }
}

Test(tune_space, axes_have_an_end) {
    tune_space s;
    tune_space_init(&s);
    for (int i = 0; i < TUNE_AXES_MOST; i++) MUST(add(&s, "weight_decay", "0.01"));
    MUST_FAIL(add(&s, "weight_decay", "0.01"), ERR_USAGE,
              "a search has at most 64 hyperparameters");
    cr_expect_eq(s.count, TUNE_AXES_MOST);
    tune_space_free(&s);
}
