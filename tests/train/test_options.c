/* What the options of a recipe do to the numbers: against closed formulas, the f64 reference, and
 * values that transformers, PyTorch and scikit-learn gave for the same input. */
#include "base/log.h"
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"
#include "support/toy.h"
#include "train/evaluate/evaluate.h"
#include "train/run/best.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

/* The devices that options are tried on: f64, native, and Vulkan. */
enum {
    ON_REFERENCE,
#if HARNESS_CPU
    ON_CPU,
#endif
#if HARNESS_VULKAN
    ON_VULKAN,
#endif
    SELECTORS
};

static const char *selector_at(size_t i) {
#if HARNESS_CPU
    if (i == ON_CPU) return "cpu";
#endif
    return i == ON_REFERENCE ? "reference" : test_device();
}

static bool is_here(const char *selector) {
    return strcmp(selector, test_device()) != 0 || need_vulkan(selector);
}

static bool is_exact(const char *selector) {
    return strcmp(selector, "reference") == 0;
}

Test(options, grouping_equals_get_length_grouped_indices) {
    static const struct {
        uint32_t count, step_rows, expected[23];
    } cases[] = {
        {23, 2, {5, 8, 13, 18, 3, 10, 15, 0, 20, 2, 7, 12, 17, 22, 4, 9, 14, 19, 1, 6, 11, 16, 21}},
        {11, 4, {5, 7, 3, 8, 2, 1, 6, 0, 10, 4, 9}},
        {7, 8, {5, 1, 6, 2, 3, 4, 0}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        uint32_t order[23], n = cases[k].count;
        pack_sentence sentences[23];
        order_entry scratch[23];
        for (uint32_t i = 0; i < n; i++) {
            sentences[i] = (pack_sentence){NULL, 2 + (i * 7) % 9, 0, {0}};
            order[i] = (i * 5 + 3) % n;
        }
        order_group(order, sentences, n, cases[k].step_rows, scratch);
        for (uint32_t i = 0; i < n; i++)
            cr_assert_eq(order[i], cases[k].expected[i], "case %zu, place %u: row %u", k, i,
                         order[i]);
    }
}

/* Of many rows: stretches of 50 batches and no more, each the same rows as before, longest first; the
 * first row of all changed places with the longest. */
Test(options, grouping_of_many_rows_goes_by_fifty_batches) {
    enum { ROWS = 1000, STEP = 3, STRETCH = 50 * STEP };
    static uint32_t order[ROWS], before[ROWS];
    static pack_sentence sentences[ROWS];
    static order_entry scratch[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        sentences[i] = (pack_sentence){NULL, 2 + i * 7 % 97, 0, {0}};
        order[i] = before[i] = i * 389 % ROWS;
    }
    order_group(order, sentences, ROWS, STEP, scratch);
    for (uint32_t i = 1; i < ROWS; i++) {
        bool begins = i % STRETCH == 0,
             rises = sentences[order[i]].count > sentences[order[i - 1]].count;
        // 97 lengths in 150 rows: a new stretch begins with a longer one
        if (i > 1) cr_assert_eq(rises, begins, "place %u", i);
    }
    for (uint32_t from = 0; from < ROWS; from += STRETCH) {
        uint64_t was = 0, is = 0;
        for (uint32_t i = from; i < ROWS && i < from + STRETCH; i++) {
            was += before[i];
            is += order[i];
        }
        if (from) cr_assert_eq(is, was, "stretch from %u has other rows", from);
    }
}

Test(options, early_stopping_equals_the_callback) {
    static const struct {
        double scores[7];
        uint32_t count, patience;
        double threshold;
        bool higher;
        uint32_t stops_at, best; /* evaluations, 1-based; 0: never */
    } cases[] = {
        {{.5, .6, .6, .7, .65, .7, .69}, 7, 2, 0, true, 6, 4},
        {{.5, .6, .6, .7, .65, .7, .69}, 7, 3, 0, true, 7, 4},
        {{.5, .505, .509, .512, .6}, 5, 3, 0.01, true, 4, 4},
        {{1, .9, .95, .89, .9, .91}, 6, 2, 0, false, 6, 4},
        {{1, .9, .81, .8, .79, .5}, 6, 2, 0.05, false, 5, 5},
        {{.3, .2, .1}, 3, 1, 0, true, 2, 1},
        {{.1, .2, .3}, 3, 1, 0, true, 0, 3},
        {{.3, .2, .1}, 3, 0, 0, true, 0, 1},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        best_tracker b = {.higher_is_better = cases[k].higher,
                          .patience = cases[k].patience,
                          .threshold = cases[k].threshold};
        uint32_t stopped = 0;
        for (uint32_t i = 1; i <= cases[k].count && !stopped; i++) {
            uint32_t before = b.step;
            bool better = best_add(&b, i, cases[k].scores[i - 1]);
            cr_assert_eq(better, b.step != before);
            if (best_stops(&b)) stopped = i;
        }
        cr_assert_eq(stopped, cases[k].stops_at, "case %zu stopped at %u", k, stopped);
        cr_assert_eq(b.step, cases[k].best, "case %zu: best is %u", k, b.step);
    }
}

Test(options, dev_loss_equals_pytorch) {
    static const float logits[] = {2, -1, 0.5f, 0.25f, 0.75f, -2, -1.5f, 3, 1, 0, 0, 4};
    static const double weights[] = {0.5, 2, 1.25};
    static const uint32_t labels[] = {0, 2, 1, 2};
    static const struct {
        bool weighted;
        double smoothing, loss; /* torch.nn.CrossEntropyLoss, f64 */
    } cases[] = {{false, 0, 0.9192627426060805},
                 {false, 0.1, 1.0359294092727471},
                 {true, 0, 0.9035658313851858},
                 {true, 0.2, 1.1200385469626981}};
    pack_sentence s[4];
    for (int i = 0; i < 4; i++) s[i] = (pack_sentence){NULL, 1, 1, {labels[i]}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        double loss = predict_loss(ANSWER_CLASS, logits, s, 4, 3, cases[k].smoothing,
                                   cases[k].weighted ? weights : NULL);
        cr_assert_float_eq(loss, cases[k].loss, 1e-14, "case %zu: %.17g", k, loss);
    }
}

/* Of numbers the squared distance; of sets, by their chances, what each label costs: in logits of
 * either sign, far from zero too. */
Test(options, dev_loss_of_numbers_and_sets_is_that_worked_by_hand) {
    enum { ROWS = 4, CLASSES = 3 };
    static const float logits[ROWS * CLASSES] = {2, -1, 0.5f, 0.25f, 0.75f, -2, -9, 3, 1, 0, 12, 4};
    static const uint8_t sets[ROWS][CLASSES] = {{1, 0, 1}, {0, 1, 0}, {0, 0, 0}, {1, 1, 1}};
    static const float numbers[ROWS] = {0, 2.5f, -1, 5};
    pack_sentence s[ROWS];
    double of_sets = 0, of_numbers = 0;
    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        double chance = 1 / (1 + exp(-(double)logits[i]));
        of_sets -= log(sets[i / CLASSES][i % CLASSES] ? chance : 1 - chance) / (ROWS * CLASSES);
    }
    for (size_t i = 0; i < ROWS; i++) {
        s[i] = (pack_sentence){NULL, 1, 1, {.set = sets[i]}};
        of_numbers += pow((double)logits[i] - (double)numbers[i], 2) / ROWS;
    }
    double loss = predict_loss(ANSWER_SET, logits, s, ROWS, CLASSES, 0, NULL);
    cr_expect_float_eq(loss, of_sets, 1e-9, "%.17g, by hand %.17g", loss, of_sets);
    for (size_t i = 0; i < ROWS; i++) s[i].target.number = numbers[i];
    loss = predict_loss(ANSWER_NUMBER, logits, s, ROWS, 1, 0, NULL);
    cr_expect_float_eq(loss, of_numbers, 1e-14, "%.17g, by hand %.17g", loss, of_numbers);
}

Test(options, balanced_equals_compute_class_weight) {
    toy t;
    trainer tr;
    toy_open(&t, "reference", 8); // labels 0 1 2 0 1 2 0 1
    MUST(recipe_set_text(&t.recipe, "class_weights", "balanced"));
    toy_trainer(&tr, &t, &(trainer_options){.seed = 1});
    static const double expected[] = {8. / 9, 8. / 9, 4. / 3};
    for (int c = 0; c < 3; c++) cr_assert_float_eq(tr.class_weights[c], expected[c], 1e-15);
    trainer_free(&tr);
    // a label without rows cannot be balanced
    t.data.count = 2;
    MUST_FAIL(trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe, &(trainer_options){0}),
              ERR_DATA, "class_weights balanced: label 2 has no training row to count");
    toy_close(&t);
}

typedef struct loss_case {
    double smoothing;
    const char *weights;
    uint32_t batch, accumulation;
} loss_case;

/* Adds loss and gradient of the classifier's bias that follow from the logits of one
 * micro-batch. */
static void add_expected(double *loss, double gradient[3], double *divisor, const trainer *tr,
                         uint32_t slot, uint32_t micro, const double *weights) {
    uint32_t n = tr->packs[slot].micros[micro].sentences;
    double *z = NULL, s = tr->recipe.label_smoothing_factor;
    uint32_t *labels = NULL;
    MUST(mem_new(&z, n * 3));
    MUST(mem_new(&labels, n));
    MUST(device_read_f64(z, span_at(tr->batch.outputs, slot, micro), n * 3));
    MUST(device_read_u32(labels, span_at(tr->batch.targets, slot, micro), n));
    for (uint32_t b = 0; b < n; b++) {
        double total = exp(z[3 * b]) + exp(z[3 * b + 1]) + exp(z[3 * b + 2]), mass = 0;
        for (uint32_t c = 0; c < 3; c++) {
            double target = weights[c] * (s / 3 + (c == labels[b] ? 1 - s : 0));
            *loss -= target * (z[3 * b + c] - log(total));
            gradient[c] -= target;
            mass += target;
        }
        for (uint32_t c = 0; c < 3; c++) gradient[c] += mass * exp(z[3 * b + c]) / total;
        *divisor += weights[labels[b]];
    }
    mem_free(z);
    mem_free(labels);
}

static void check_loss(toy *t, const char *selector, const loss_case *k) {
    trainer tr;
    double weights[3] = {1, 1, 1}, loss = 0, gradient[3] = {0}, divisor = 0, found[3];
    size_t count = 3;
    t->recipe.dropout = 0;
    t->recipe.label_smoothing_factor = k->smoothing;
    t->recipe.per_device_train_batch_size = k->batch;
    t->recipe.gradient_accumulation_steps = k->accumulation;
    MUST(recipe_set_text(&t->recipe, "class_weights", k->weights));
    if (*t->recipe.class_weights)
        MUST(recipe_class_weights(weights, &count, 3, t->recipe.class_weights));
    toy_trainer(&tr, t, &(trainer_options){.seed = 5, .stop_at = 1});
    MUST(trainer_run(&tr));
    const pack *p = &tr.packs[1]; // step 1 lies in slot 1
    cr_assert_eq(p->micro_count, k->accumulation);
    for (uint32_t micro = 0; micro < p->micro_count; micro++)
        add_expected(&loss, gradient, &divisor, &tr, 1, micro, weights);
    loss /= divisor;
    double bound = is_exact(selector) ? 1e-6 : 1e-5; // losses are kept in f32
    cr_assert_float_eq(tr.losses[0], loss, bound * loss, "%s: loss %.9g, by formula %.9g", selector,
                       (double)tr.losses[0], loss);
    MUST(device_read_f64(found, params_at(&tr.model.params, PARAM_head_output_bias, 0)->g, 3));
    for (int c = 0; c < 3; c++)
        cr_assert_float_eq(found[c], gradient[c] / divisor, is_exact(selector) ? 1e-7 : 1e-6,
                           "%s: gradient of bias %d is %.9g, by formula %.9g", selector, c,
                           found[c], gradient[c] / divisor);
    trainer_free(&tr);
}

CleanTest(options, loss_and_gradient_follow_the_formula) {
    static const loss_case cases[] = {{0, "none", 13, 1},
                                      {0.1, "none", 13, 1},
                                      {0, "0.5,2,1.25", 13, 1},
                                      {0.2, "0.5,2,1.25", 13, 1},
                                      {0.2, "0.5,2,1.25", 5, 3}};
    for (size_t d = 0; d < SELECTORS; d++) {
        toy t; // one device for all: Vulkan compiles its kernels once
        if (!is_here(selector_at(d))) continue;
        toy_open(&t, selector_at(d), 13);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            check_loss(&t, selector_at(d), &cases[k]);
        toy_close(&t);
    }
}

Test(options, accumulation_with_weights_equals_the_larger_batch) {
    for (size_t d = 0; d < SELECTORS; d++) {
        toy t;
        char digest[65];
        float whole[9], parts[9];
        if (!is_here(selector_at(d))) continue;
        toy_open(&t, selector_at(d), TOY_ROWS);
        t.recipe.label_smoothing_factor = 0.1;
        t.recipe.group_by_length = true;
        t.recipe.per_device_train_batch_size = 10; // 24 rows: steps of 10, 10, 4
        MUST(recipe_set_text(&t.recipe, "class_weights", "0.5,2,1.25"));
        toy_train(&t, 3, digest, whole);
        t.recipe.per_device_train_batch_size = 5;
        t.recipe.gradient_accumulation_steps = 2;
        toy_train(&t, 3, digest, parts);
        for (int i = 0; i < 9; i++)
            cr_assert_float_eq(whole[i], parts[i], is_exact(selector_at(d)) ? 1e-6 : 1e-4,
                               "%s, step %d: %.9g and %.9g", selector_at(d), i + 1,
                               (double)whole[i], (double)parts[i]);
        toy_close(&t);
    }
}

typedef struct frozen {
    bool embeddings;
    uint32_t layers;
} frozen;

static bool is_frozen(const param *p, const frozen *f) {
    return (p->scope == PARAM_EMBEDDINGS && f->embeddings) ||
           (p->scope == PARAM_LAYER && p->layer < f->layers);
}

typedef struct snapshot {
    float *values;     /* of all parameters, one behind the other */
    double *gradients; /* likewise, the token embedding's left out */
} snapshot;

static void take_snapshot(snapshot *s, const params *ps) {
    size_t at = 0;
    MUST(mem_new(&s->values, ps->total));
    MUST(mem_new(&s->gradients, ps->total));
    for (size_t i = 0; i < ps->count; at += ps->list[i++].count) {
        const param *p = &ps->list[i];
        MUST(device_read_f32(s->values + at, p->p, p->count));
        if (p->field != PARAM_token) MUST(device_read_f64(s->gradients + at, p->g, p->count));
    }
}

static void snapshot_free(snapshot *s) {
    mem_free(s->values);
    mem_free(s->gradients);
}

/* Trains `steps` of the toy; *norm is the last step's. */
static void train_frozen(snapshot *before, snapshot *after, double *norm, toy *t, const frozen *f,
                         uint32_t steps) {
    trainer tr;
    t->recipe.freeze_embeddings = f->embeddings;
    t->recipe.freeze_layers = f->layers;
    toy_trainer(&tr, t, &(trainer_options){.seed = 9, .stop_at = steps});
    take_snapshot(before, &tr.model.params);
    MUST(trainer_run(&tr));
    take_snapshot(after, &tr.model.params);
    *norm = tr.grad_norm;
    trainer_free(&tr);
}

static void check_frozen(toy *t, const char *selector, const frozen *f) {
    snapshot before, after, free_before, free_after;
    double norm = 0, free_norm = 0, square = 0;
    size_t at = 0;
    t->recipe.max_steps = 6;
    t->recipe.weight_decay = 0.1;
    t->recipe.dropout = 0.1;
    // gradients of the first step, which begins with equal weights: what is trained has those of
    // a run that trains all
    train_frozen(&before, &after, &norm, t, f, 1);
    train_frozen(&free_before, &free_after, &free_norm, t, &(frozen){false, 0}, 1);
    params ps;
    char name[PARAM_NAME_BYTES];
    MUST(params_init(&ps, &t->device, &t->config, 0));
    for (size_t i = 0; i < ps.count; at += ps.list[i++].count) {
        const param *p = &ps.list[i];
        size_t bytes = p->count * sizeof(double);
        param_label(p, name);
        if (is_frozen(p, f) || p->field == PARAM_token) continue;
        cr_assert_eq(memcmp(after.gradients + at, free_after.gradients + at, bytes), 0,
                     "%s: gradient of %s differs from the run that trains all", selector, name);
        for (size_t k = 0; k < p->count; k++)
            square += after.gradients[at + k] * after.gradients[at + k];
    }
    // the norm is of what is trained alone
    if (f->embeddings)
        cr_assert_float_eq(norm, sqrt(square), 1e-5 * norm, "%s: norm %.9g, expected %.9g",
                           selector, norm, sqrt(square));
    cr_assert_lt(norm, free_norm);
    snapshot_free(&before);
    snapshot_free(&after);
    train_frozen(&before, &after, &norm, t, f, 6);
    at = 0;
    for (size_t i = 0; i < ps.count; at += ps.list[i++].count) {
        const param *p = &ps.list[i];
        bool same = memcmp(before.values + at, after.values + at, p->count * sizeof(float)) == 0;
        param_label(p, name);
        cr_assert_eq(same, is_frozen(p, f), "%s: %s %s", selector, name,
                     same ? "stayed" : "changed");
    }
    params_free(&ps);
    snapshot_free(&before);
    snapshot_free(&after);
    snapshot_free(&free_before);
    snapshot_free(&free_after);
}

CleanTest(options, what_is_frozen_keeps_its_bits_and_the_rest_its_gradient) {
    static const frozen cases[] = {{true, 0}, {false, 1}, {true, 1}, {true, 2}, {false, 2}};
    for (size_t d = 0; d < SELECTORS; d++) {
        toy t;
        if (!is_here(selector_at(d))) continue;
        toy_open(&t, selector_at(d), 8);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            check_frozen(&t, selector_at(d), &cases[k]);
        toy_close(&t);
    }
}

Test(options, devices_agree_with_the_reference) {
    float expected[9], found[9];
    for (size_t d = 0; d < SELECTORS; d++) {
        toy t;
        char digest[65];
        if (!is_here(selector_at(d))) continue;
        toy_open(&t, selector_at(d), TOY_ROWS);
        t.recipe.per_device_train_batch_size = 4;
        t.recipe.gradient_accumulation_steps = 2;
        t.recipe.group_by_length = true;
        t.recipe.label_smoothing_factor = 0.1;
        t.recipe.freeze_embeddings = true;
        t.recipe.freeze_layers = 1;
        t.recipe.weight_decay = 0.01;
        MUST(recipe_set_text(&t.recipe, "class_weights", "balanced"));
        MUST(recipe_set_text(&t.recipe, "lr_scheduler_type", "cosine"));
        MUST(recipe_set_number(&t.recipe, "warmup_steps", 0.3));
        toy_train(&t, 7, digest, d ? found : expected);
        for (int i = 0; d && i < 9; i++)
            cr_assert_float_eq(found[i], expected[i], 1e-4 * (double)expected[i],
                               "%s, step %d: %.9g, reference %.9g", selector_at(d), i + 1,
                               (double)found[i], (double)expected[i]);
        toy_close(&t);
    }
}

typedef struct script {
    best_tracker best;
    const double *scores;
    uint32_t at;
} script;

static err score_by_script(void *context, trainer *t) {
    script *s = context;
    double score = s->scores[s->at++];
    (void)best_add(&s->best, t->done, score);
    t->is_stopped = best_stops(&s->best);
    return trainer_add_evaluation(t, score, 0);
}

Test(options, training_ends_at_the_evaluation_that_stops_it) {
    static const double scores[] = {.5, .6, .6, .7, .65, .7, .69};
    toy t;
    trainer tr;
    char stopped[65], cut[65];
    toy_open(&t, "reference", 8);
    t.recipe.max_steps = 20;
    script s = {.best = {.higher_is_better = true, .patience = 2}, .scores = scores};
    trainer_options options = {.seed = 4};
    options.evaluate.call = score_by_script;
    options.evaluate.context = &s;
    options.evaluate.every = 2;
    toy_trainer(&tr, &t, &options);
    MUST(trainer_run(&tr));
    cr_assert_eq(tr.done, 12, "stopped after step %u", tr.done); // the sixth evaluation
    cr_assert_eq(tr.evaluation_count, 6);
    cr_assert_eq(s.best.step, 8);
    MUST(params_digest(&tr.model.params, stopped));
    trainer_free(&tr);
    // the schedule is that of the whole run, and nothing ran past the stop
    toy_trainer(&tr, &t, &(trainer_options){.seed = 4, .stop_at = 12});
    MUST(trainer_run(&tr));
    MUST(params_digest(&tr.model.params, cut));
    cr_assert_str_eq(stopped, cut);
    trainer_free(&tr);
    toy_close(&t);
}

/* A hook that takes its time. */
static err rest(void *context, trainer *t) {
    const double *seconds = context;
    const struct timespec wait = {.tv_nsec = (long)(*seconds * 1e9)};
    nanosleep(&wait, NULL);
    return t->done % 2 ? ERR_OK : trainer_add_evaluation(t, 0, 0);
}

/* Evaluations and savings are no part of training: not of its seconds, nor of any step's. */
Test(options, times_leave_hooks_out) {
    enum { STEPS = 6, EVALUATIONS = 3, SAVINGS = 1 };
    double seconds = 0.3, steps_ms = 0;
    toy t;
    trainer tr;
    toy_open(&t, "reference", 8);
    t.recipe.max_steps = STEPS;
    trainer_options options = {.seed = 4};
    options.evaluate.call = options.save.call = rest;
    options.evaluate.context = options.save.context = &seconds;
    options.evaluate.every = 2;
    options.save.every = 3; // behind step 3; the last step's is the model
    toy_trainer(&tr, &t, &options);
    double begin = clock_seconds();
    MUST(trainer_run(&tr));
    double whole = clock_seconds() - begin;
    for (uint32_t s = 0; s < STEPS; s++) steps_ms += tr.step_ms[s];
    cr_assert_eq(tr.evaluation_count, EVALUATIONS);
    cr_expect_leq(tr.work.seconds, whole - (EVALUATIONS + SAVINGS) * seconds + 0.01, "%g of %g s",
                  tr.work.seconds, whole);
    cr_expect_leq(steps_ms / 1000, tr.work.seconds + 0.01, "steps took %g s of %g", steps_ms / 1000,
                  tr.work.seconds);
    for (uint32_t i = 0; i < EVALUATIONS; i++)
        cr_expect_leq(tr.evaluations[i].seconds, tr.work.seconds + 0.01, "evaluation %u: %g s", i,
                      tr.evaluations[i].seconds);
    trainer_free(&tr);
    toy_close(&t);
}

// every second step, at the end of each epoch (of 3 steps), and after the last, each once
Test(options, evaluations_are_where_they_are_asked_for) {
    static const double scores[] = {.1, .2, .3, .4, .5, .6, .7};
    static const struct {
        uint32_t every, count, steps[7];
        bool at_epochs;
    } cases[] = {{2, 4, {2, 4, 6, 7}, false},
                 {7, 1, {7}, false},
                 {9, 1, {7}, false},
                 {0, 3, {3, 6, 7}, true},
                 {2, 5, {2, 3, 4, 6, 7}, true}};
    toy t;
    trainer tr;
    toy_open(&t, "reference", 9);
    t.recipe.per_device_train_batch_size = 3;
    t.recipe.max_steps = 7;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        script s = {.best = {.higher_is_better = true}, .scores = scores};
        trainer_options options = {.seed = 4};
        options.evaluate.call = score_by_script;
        options.evaluate.context = &s;
        options.evaluate.every = cases[k].every;
        options.evaluate.at_epochs = cases[k].at_epochs;
        toy_trainer(&tr, &t, &options);
        MUST(trainer_run(&tr));
        cr_assert_eq(tr.evaluation_count, cases[k].count, "case %zu: %u", k, tr.evaluation_count);
        for (uint32_t i = 0; i < cases[k].count; i++)
            cr_assert_eq(tr.evaluations[i].step, cases[k].steps[i], "case %zu, evaluation %u", k,
                         i);
        trainer_free(&tr);
    }
    toy_close(&t);
}

CleanTest(options, recipes_that_do_not_fit_the_model_are_refused) {
    toy t;
    trainer tr;
    toy_open(&t, "reference", 8);
    t.recipe.freeze_layers = 3;
    MUST_FAIL(trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe, &(trainer_options){0}),
              ERR_USAGE, "freeze_layers is 3, the model has 2 layers");
    t.recipe.freeze_layers = 0;
    static const char *const lists[] = {"1,2", "1,2,3,4"};
    for (int i = 0; i < 2; i++) {
        MUST(recipe_set_text(&t.recipe, "class_weights", lists[i]));
        MUST_FAIL(
            trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe, &(trainer_options){0}),
            ERR_USAGE, "expected one number for each of the 3 labels");
    }
    toy_close(&t);
}

Test(options, epochs_are_counted_by_micro_batches) {
    toy t;
    trainer tr;
    toy_open(&t, "reference", 9);
    t.recipe.per_device_train_batch_size = 2; // 5 batches: steps of 2, 2 and 1
    t.recipe.gradient_accumulation_steps = 2;
    toy_trainer(&tr, &t, &(trainer_options){.seed = 1});
    static const double epochs[] = {0, 0.4, 0.8, 1, 1.4, 1.8, 2};
    for (uint32_t s = 0; s <= 6; s++) {
        tr.done = s;
        cr_assert_float_eq(trainer_epoch(&tr), epochs[s], 1e-15, "step %u", s);
    }
    tr.done = 0;
    trainer_free(&tr);
    toy_close(&t);
}
