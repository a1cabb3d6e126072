#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "train/recipe/recipe.h"

#include <math.h>

Test(recipe, course_is_what_the_course_does) {
    recipe r;
    MUST(recipe_load(&r, "course"));
    cr_assert_eq(r.per_device_train_batch_size, 32);
    cr_assert_eq(r.per_device_eval_batch_size, 64);
    cr_assert(r.num_train_epochs == 1 && r.learning_rate == 5e-5 && r.weight_decay == 0.01);
    cr_assert_eq(r.warmup_steps, 500);
    cr_assert_eq(r.logging_steps, 500);
    cr_assert_eq(r.save_steps, 500);
    cr_assert_eq(r.save_total_limit, 2);
    cr_assert(r.adam_beta1 == 0.9 && r.adam_beta2 == 0.999 && r.adam_epsilon == 1e-8);
    cr_assert(r.max_grad_norm == 1 && r.lr_scheduler_type == SCHEDULE_linear);
    MUST(recipe_load(&r, "course-loop"));
    cr_assert(r.num_train_epochs == 3 && r.learning_rate == 5e-5 && r.weight_decay == 0);
    cr_assert(r.max_grad_norm == 0 && r.lr_scheduler_type == SCHEDULE_constant);
    cr_assert_eq(r.per_device_train_batch_size, 32);
    cr_assert_eq(r.warmup_steps, 0);
}

Test(recipe, trainer_has_the_defaults_of_transformers) {
    recipe r;
    MUST(recipe_load(&r, "trainer"));
    cr_assert(r.learning_rate == 5e-5 && r.num_train_epochs == 3 && r.weight_decay == 0);
    cr_assert(r.max_grad_norm == 1 && r.warmup_ratio == 0 && r.dropout == -1);
    cr_assert_eq(r.per_device_train_batch_size, 8);
    cr_assert_eq(r.logging_steps, 500);
}

Test(recipe, every_preset_has_one) {
    static const char *const names[] = {"tiny", "mini", "small", "medium", "base"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        recipe r;
        MUST(recipe_load(&r, names[i]));
        cr_assert_str_eq(r.name, names[i]);
        cr_assert(strstr(recipe_names(), names[i]) != NULL);
    }
}

CleanTest(recipe, files_depart_from_a_base_and_faults_are_named) {
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{\"learning_rat\": 1}", "unknown hyperparameter 'learning_rat' (known: learning_rate"},
        {"{\"learning_rate\": 100}", "learning_rate is 100, expected a number from 0 to 10"},
        {"{\"num_train_epochs\": \"3\"}", "num_train_epochs is '3', expected a number"},
        {"{\"warmup_steps\": 1.5}", "warmup_steps is 1.5, expected a whole number"},
        {"{\"lr_scheduler_type\": \"steps\"}", "unknown schedule 'steps'"},
        {"{\"base\": \"corse\"}", "base is 'corse', expected one of trainer, course"},
        {"{\"base\": 4}", "'base' is a number"},
        {"{\"warmup_steps\": [1]}", "warmup_steps is neither a number nor text"},
        {"{\"learning_rate\": true}", "learning_rate is true, expected a number"},
        {"{\"max_steps\": false}", "max_steps is false, expected a number"},
        {"{\"class_weights\": true}", "class_weights is true, expected text"},
        {"{\"group_by_length\": 2}", "group_by_length is 2, expected a whole number from 0 to 1"},
        {"{\"class_weights\": \"1,,2\"}", "class_weights is '1,,2', expected balanced, none"},
        {"{\"class_weights\": \"1,2,\"}", "class_weights is '1,2,', expected"},
        {"{\"class_weights\": \"1,0\"}", "a number above 0"},
        {"{\"class_weights\": \"nan\"}", "a number above 0"},
        {"{\"class_weights\": 2}", "class_weights is 2, expected text"},
        {"{\"metric_for_best_model\": \"eval_f2\"}", "metric_for_best_model (beside loss): "},
        {"{\"adam_epsilon\": 0}", "adam_epsilon is 0, expected a number from 1e-30 to 1"},
        {"{\"adam_epsilon\": -1e-8}", "adam_epsilon is -1e-08, expected a number from 1e-30"},
        {"{\"adam_beta1\": 1}", "adam_beta1 is 1, expected a number from 0 to 0.999999"},
        {"{\"learning_rate\": -1}", "learning_rate is -1, expected a number from 0 to 10"},
        {"{\"learning_rate\": 1e999}", "learning_rate is inf, expected a number from 0 to 10"},
        {"{\"learning_rate\": NaN}", "mine.json:1:"},
        {"{\"dropout\": -0.5}", "dropout is -0.5, expected a number from 0 to 0.999"},
        {"{\"dropout\": 1}", "dropout is 1, expected a number from 0 to 0.999"},
        {"{\"weight_decay\": 10.000001}", "weight_decay is 10.000001, expected a number from 0 to "
                                          "10"},
        {"{\"max_steps\": 1, \"dropout\": 0, \"max_steps\": 3}",
         "key 'max_steps' stands there twice"},
        {"[]", "expected an object of hyperparameters"},
    };
    const char *path = temporary_path("mine.json");
    recipe r;
    const char *good =
        "{\"learning_rate\": 0.001, \"base\": \"course\", \"lr_scheduler_type\": \"cosine\"}";
    MUST(file_write(path, good, strlen(good)));
    MUST(recipe_load(&r, path));
    cr_assert_str_eq(r.name, "mine.json");
    cr_assert(r.learning_rate == 0.001 && r.weight_decay == 0.01);
    cr_assert_eq(r.lr_scheduler_type, SCHEDULE_cosine);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MUST(file_write(path, cases[i].text, strlen(cases[i].text)));
        MUST_FAIL(recipe_load(&r, path), ERR_FORMAT, cases[i].part);
        cr_assert_not_null(strstr(err_message(ERR_FORMAT), "mine.json"));
    }
    MUST_FAIL(recipe_load(&r, "cours"), ERR_USAGE,
              "unknown recipe 'cours': neither a file nor one of");
    MUST_FAIL(recipe_load(&r, "/dev/zero"), ERR_USAGE,
              "recipe '/dev/zero': is a device, a file was expected");
}

Test(recipe, digest_covers_what_changes_numbers_and_nothing_else) {
    recipe a, b;
    char x[65], y[65];
    MUST(recipe_load(&a, "course"));
    b = a;
    b.save_steps = 7;
    b.logging_steps = 3;
    MUST(recipe_digest(&a, x));
    MUST(recipe_digest(&b, y));
    cr_assert_str_eq(x, y);
    b.adam_epsilon = 1.0000001e-8;
    MUST(recipe_digest(&b, y));
    cr_assert_str_neq(x, y);
    b = a;
    b.lr_scheduler_type = SCHEDULE_constant;
    MUST(recipe_digest(&b, y));
    cr_assert_str_neq(x, y);
}

/* What a record would have of it. */
static char *recorded(const recipe *r) {
    cJSON *object = cJSON_CreateObject();
    char *text = NULL;
    MUST(recipe_json(object, r));
    MUST(json_print(&text, object, false));
    cJSON_Delete(object);
    return text;
}

CleanTest(recipe, an_option_is_recorded_when_it_is_used) {
    static const struct {
        const char *key;
        double number;
        const char *text, *shown;
    } cases[] = {
        {"group_by_length", 1, NULL, "\"group_by_length\":true"},
        {"freeze_embeddings", 1, NULL, "\"freeze_embeddings\":true"},
        {"freeze_layers", 2, NULL, "\"freeze_layers\":2"},
        {"early_stopping_patience", 3, NULL, "\"early_stopping_patience\":3"},
        {"early_stopping_threshold", 0.01, NULL, "\"early_stopping_threshold\":0.01"},
        {"class_weights", 0, "balanced", "\"class_weights\":\"balanced\""},
        {"class_weights", 0, "1.0,2.50,0.1", "\"class_weights\":\"1,2.5,0.1\""},
        {"metric_for_best_model", 0, "eval_loss", "\"metric_for_best_model\":\"loss\""},
        {"metric_for_best_model", 0, "mcc", "\"metric_for_best_model\":\"mcc\""},
    };
    recipe plain, r;
    char before[65], after[65];
    MUST(recipe_load(&plain, "course"));
    MUST(recipe_digest(&plain, before));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *seen = recorded(&plain);
        cr_assert_null(strstr(seen, cases[i].key), "%s", seen);
        mem_free(seen);
        r = plain;
        if (cases[i].text)
            MUST(recipe_set_text(&r, cases[i].key, cases[i].text));
        else
            MUST(recipe_set_number(&r, cases[i].key, cases[i].number));
        seen = recorded(&r);
        cr_assert_not_null(strstr(seen, cases[i].shown), "case %zu: %s", i, seen);
        mem_free(seen);
        MUST(recipe_digest(&r, after));
        cr_assert_str_neq(before, after, "case %zu", i);
        // back to the default: the recipe is the old one again
        if (cases[i].text)
            MUST(recipe_set_text(&r, cases[i].key, *cases[i].key == 'c' ? "none" : "headline"));
        else
            MUST(recipe_set_number(&r, cases[i].key, 0));
        MUST(recipe_digest(&r, after));
        cr_assert_str_eq(before, after, "case %zu", i);
    }
}

Test(recipe, steps_of_known_runs) {
    recipe r;
    MUST(recipe_load(&r, "course"));
    // 7,896 rows of kor_hate and 9,000 of kor_sarcasm at batch 32
    cr_assert_eq(recipe_epoch_steps(&r, 7896), 247);
    cr_assert_eq(recipe_epoch_steps(&r, 9000), 282);
    cr_assert_eq(recipe_total_steps(&r, 7896), 247);
    r.num_train_epochs = 2.5;
    cr_assert_eq(recipe_total_steps(&r, 7896), 618);
    r.gradient_accumulation_steps = 4;
    cr_assert_eq(recipe_epoch_steps(&r, 7896), 62);
    r.max_steps = 10;
    cr_assert_eq(recipe_total_steps(&r, 7896), 10);
    r.warmup_steps = 0;
    r.warmup_ratio = 0.1;
    cr_assert_eq(recipe_warmup(&r, 247), 25);
    r.warmup_steps = 500;
    cr_assert_eq(recipe_warmup(&r, 247), 500);
    r.lr_scheduler_type = SCHEDULE_constant;
    cr_assert_eq(recipe_warmup(&r, 247), 0);
    // a share, as transformers takes it; from there on it is warmup_ratio
    r.lr_scheduler_type = SCHEDULE_constant_with_warmup;
    MUST(recipe_set_number(&r, "warmup_steps", 0.25));
    cr_assert(r.warmup_steps == 0 && r.warmup_ratio == 0.25);
    cr_assert_eq(recipe_warmup(&r, 10), 3);
}

/* Below 1 a warmup is a share of all steps, from 1 on a number of them; 0 is none. */
Test(recipe, one_step_of_warmup_is_a_step) {
    static const struct {
        double given, ratio;
        uint32_t steps, of_ten;
    } warmups[] = {{0, 0.5, 0, 5},
                   {0.001, 0.001, 0, 1},
                   {0.999, 0.999, 0, 10},
                   {1, 0.5, 1, 1},
                   {2, 0.5, 2, 2}};
    for (size_t i = 0; i < sizeof warmups / sizeof *warmups; i++) {
        recipe r;
        MUST(recipe_load(&r, "trainer"));
        MUST(recipe_set_number(&r, "warmup_ratio", 0.5));
        MUST(recipe_set_number(&r, "warmup_steps", warmups[i].given));
        cr_expect_eq(r.warmup_steps, warmups[i].steps, "%g", warmups[i].given);
        cr_expect_eq(r.warmup_ratio, warmups[i].ratio, "%g", warmups[i].given);
        cr_expect_eq(recipe_warmup(&r, 10), warmups[i].of_ten, "%g", warmups[i].given);
    }
}

/* transformers' get_scheduler, learning rates that the optimizer uses at steps 1 to 6 of 6, peak
 * 1. */
Test(schedule, rates_equal_transformers) {
    static const struct {
        schedule s;
        double rates[6];
    } cases[] = {
        {{SCHEDULE_linear, 1, 0, 6}, {1, 5. / 6, 4. / 6, 3. / 6, 2. / 6, 1. / 6}},
        {{SCHEDULE_linear, 1, 2, 6}, {0, 0.5, 1, 0.75, 0.5, 0.25}},
        {{SCHEDULE_constant_with_warmup, 1, 2, 6}, {0, 0.5, 1, 1, 1, 1}},
        {{SCHEDULE_constant, 1, 2, 6}, {1, 1, 1, 1, 1, 1}}, // get_constant_schedule has no warmup
        {{SCHEDULE_constant, 1, 0, 6}, {1, 1, 1, 1, 1, 1}},
        {{SCHEDULE_cosine, 1, 2, 6}, {0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627}},
        // a warmup that outlasts the run
        {{SCHEDULE_linear, 1, 12, 6}, {0, 1. / 12, 2. / 12, 3. / 12, 4. / 12, 5. / 12}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t t = 1; t <= 6; t++)
            cr_assert_float_eq(schedule_rate(&cases[i].s, t), cases[i].rates[t - 1], 1e-15,
                               "case %zu step %u: %g", i, t, schedule_rate(&cases[i].s, t));
}

Test(schedule, table_holds_adamws_factors) {
    schedule s = {SCHEDULE_constant, 0.01, 0, 3};
    double table[16];
    schedule_table(table, &s, 0.1, 0.9, 0.999);
    cr_assert(table[0] == 0 && table[3] == 0);
    for (uint32_t t = 1; t <= 3; t++) {
        cr_assert_float_eq(table[4 * t], 1 - 0.01 * 0.1, 1e-15);
        cr_assert_float_eq(table[4 * t + 1], 0.01 / (1 - pow(0.9, t)), 1e-15);
        cr_assert_float_eq(table[4 * t + 2], sqrt(1 - pow(0.999, t)), 1e-15);
        cr_assert(table[4 * t + 3] == 0);
    }
    schedule_kind kind;
    MUST(schedule_find(&kind, "cosine"));
    cr_assert_eq(kind, SCHEDULE_cosine);
    cr_assert_str_eq(schedule_name(kind), "cosine");
    MUST_FAIL(schedule_find(&kind, "cosinus"), ERR_USAGE, "known: linear, cosine, constant");
}

/* As many numbers as there is room for, and one more. */
Test(recipe, class_weights_have_an_end) {
    double weights[4] = {0, 0, 0, -1};
    size_t count;
    MUST(recipe_class_weights(weights, &count, 3, "1,2,3"));
    cr_expect(count == 3 && weights[2] == 3);
    MUST_FAIL(recipe_class_weights(weights, &count, 3, "1,2,3,4"), ERR_USAGE,
              "class_weights has more than 3 numbers");
    cr_expect_eq(weights[3], -1);
    // the largest, and one above it
    MUST(recipe_class_weights(weights, &count, 3, "1000000"));
    cr_expect(count == 1 && weights[0] == 1e6);
    MUST_FAIL(recipe_class_weights(weights, &count, 3, "1000000.5"), ERR_USAGE,
              "class_weights is '1000000.5', expected");
}
