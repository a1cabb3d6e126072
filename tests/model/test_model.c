/* The whole model: gradients against central differences in f64, and steps that compute fewer rows
 * against those that compute all. */
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"
#include "support/tiny_model.h"

#include <criterion/criterion.h>
#include <math.h>

/* hidden 32: the last layer computes [CLS] rows alone; 12, whose parts are not aligned, all. */
static void check_gradients_of(const head *h, float dropout, uint32_t micro_tokens, uint32_t hidden,
                               const encoder_family *family, uint32_t embedding) {
    uint32_t a[] = {2, 7, 9, 3}, b[] = {2, 3}, c[] = {2, 9, 9, 12, 30, 7, 5, 11, 3};
    pack_sentence sentences[] = {{a, 4, 4, {0}}, {b, 2, 2, {2}}, {c, 9, 5, {1}}};
    // one token is chosen of the first sentence, none of the second; the pad id may be wanted
    const uint32_t chosen[] = {2, 1, 2, 5, 8};
    uint32_t wanted[] = {9, 7, 30, 1, 9};
    for (int i = 0; h == &head_token_classification && i < 5; i++) wanted[i] %= 3;
    model_config config;
    MUST(model_config_preset(&config, "tiny", 31));
    config.family = family;
    config.head = h;
    config.embedding = embedding;
    config.types = family->types_least;
    config.pad = 1;
    config.activation = family->shares_layers ? ACT_GELU_TANH : ACT_GELU;
    if (family->shares_layers) config.layers = 12; // whose gradients add up in one's weights
    config.hidden = hidden;
    config.heads = hidden / 4;
    config.intermediate = 20;
    config.positions = 18;
    config.classes = 3;
    // twelve layers bend a loss more than one: smaller weights, so that h stays small beside it
    config.initializer_range = family->shares_layers ? 0.2f : 0.4f;
    batch_capacity capacity = {
        .tokens = micro_tokens, .sentences = 3, .micros = 3, .max_length = 16};
    if (h->reads == HEAD_READS_CHOSEN) {
        capacity.chosen = 5;
        sentences[0].target.chosen = (example_chosen){chosen, wanted, 1};
        sentences[1].target.chosen = (example_chosen){NULL, NULL, 0};
        sentences[2].target.chosen = (example_chosen){chosen + 1, wanted + 1, 4};
    }
    model_training training = {.hidden_dropout = dropout,
                               .attention_dropout = dropout,
                               .classifier_dropout = dropout,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .eps = 1e-8f};
    schedule still = {SCHEDULE_constant, 0, 0, 1}; // rate 0: the update changes nothing
    tiny_model t;
    tiny_model_open(&t, "reference", &config, &capacity, &training, &still, 0);
    MUST(params_draw(&t.model.params, 3, config.initializer_range, NULL));
    tiny_model_check_gradients(&t, sentences, 3);
    tiny_model_close(&t);
}

static void check_gradients(float dropout, uint32_t micro_tokens, uint32_t hidden,
                            const encoder_family *family, uint32_t embedding) {
    check_gradients_of(&head_classification, dropout, micro_tokens, hidden, family, embedding);
}

/* The word embedding's gradient is that of its lookups and of the product that it is tied to. */
CleanTest(bert, gradients_of_masked_language_models_equal_central_differences) {
    check_gradients_of(&head_masked_lm, 0.3f, 15, 12, &encoder_bert, 0);
    check_gradients_of(&head_masked_lm, 0.3f, 9, 12, &encoder_bert, 0); // nothing chosen of one
    check_gradients_of(&head_masked_lm, 0, 15, 12, &encoder_electra, 20);
    check_gradients_of(&head_masked_lm, 0, 15, 12, &encoder_albert, 8);
}

/* A dropout of its own for each token. */
CleanTest(bert, gradients_of_token_classifiers_equal_central_differences) {
    check_gradients_of(&head_token_classification, 0.3f, 15, 12, &encoder_bert, 0);
    check_gradients_of(&head_token_classification, 0.3f, 9, 32, &encoder_distilbert, 0);
    check_gradients_of(&head_token_classification, 0, 15, 12, &encoder_electra, 20);
}

CleanTest(bert, gradients_equal_central_differences) {
    for (uint32_t hidden = 12; hidden <= 32; hidden += 20) {
        check_gradients(0, 15, hidden, &encoder_bert, 0);
        check_gradients(0.3f, 15, hidden, &encoder_bert, 0);
        check_gradients(0.3f, 9, hidden, &encoder_bert, 0); // several micro-batches
    }
}

/* An embedding narrower and one wider than the hidden states, heads with dropouts of their own. */
CleanTest(bert, gradients_of_other_families_equal_central_differences) {
    check_gradients(0.3f, 15, 12, &encoder_roberta, 0);
    check_gradients(0.3f, 9, 12, &encoder_electra, 20);
    check_gradients(0.3f, 9, 12, &encoder_distilbert, 0);
    check_gradients(0.3f, 15, 12, &encoder_albert, 8);
}

enum { SAME_TENSORS = 64, SAME_SENTENCES = 3 };

/* What one training step gives: logits, losses, gradients of every parameter. Owned. */
typedef struct step_values {
    double *logits, loss, eval_loss, *gradients[SAME_TENSORS];
    size_t counts[SAME_TENSORS], count;
    size_t operations;
} step_values;

static void step_with(step_values *v, tiny_model *t, const char *selector, const head *h,
                      const encoder_family *family, uint32_t hidden, bool keeps_all_rows) {
    uint32_t a[] = {2, 7, 9, 3}, b[] = {2, 3}, c[] = {2, 9, 9, 12, 30, 7, 5, 11, 3};
    pack_sentence sentences[] = {{a, 4, 4, {0}}, {b, 2, 2, {2}}, {c, 9, 5, {1}}};
    const uint32_t places[] = {1, 3, 4, 8};
    uint32_t wanted[] = {9, 7, 30, 1};
    model_config config;
    MUST(model_config_preset_as(&config, "tiny", family, 31));
    config.hidden = hidden;
    config.embedding = family->projects ? 128 : 0; // with 256: as ELECTRA-small has them
    config.head = h;
    config.heads = 4;
    config.intermediate = 128;
    config.positions = 17;
    config.classes = 3;
    config.initializer_range = 0.1f;
    batch_capacity capacity = {.tokens = 11,
                               .sentences = SAME_SENTENCES,
                               .micros = 3,
                               .max_length = 16}; // two micro-batches, of the first of which
                                                  // nothing is chosen
    bool masks = h == &head_masked_lm;
    if (h->reads == HEAD_READS_CHOSEN) {
        for (int i = 0; !masks && i < 4; i++) wanted[i] %= 3;
        capacity.chosen = 4;
        for (int i = 0; i < 2; i++) sentences[i].target.chosen = (example_chosen){NULL, NULL, 0};
        sentences[2].target.chosen = (example_chosen){places, wanted, 4};
    }
    model_training training = {.hidden_dropout = 0.1f,
                               .attention_dropout = 0.2f,
                               .classifier_dropout = 0.1f,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .eps = 1e-8f};
    schedule still = {SCHEDULE_constant, 0, 0, 1};
    tiny_model_all_rows = keeps_all_rows;
    tiny_model_open(t, selector, &config, &capacity, &training, &still, 0);
    MUST(params_draw(&t->model.params, 3, config.initializer_range, NULL));
    tiny_model_step(t, sentences, SAME_SENTENCES, 1);
    v->loss = tiny_model_loss(t);
    v->logits =
        tiny_model_values(masks ? t->memory.head.normal : span_at(t->batch.outputs, 0, 1), 3);
    v->count = t->model.params.count;
    v->operations = plan_first_op(&t->train, PART_COUNT);
    cr_assert_leq(v->count, SAME_TENSORS);
    for (size_t i = 0; i < v->count; i++) {
        v->gradients[i] = tiny_model_gradient(t, &t->model.params.list[i]);
        v->counts[i] = t->model.params.list[i].count;
    }
    v->eval_loss = tiny_model_evaluate(t, sentences, SAME_SENTENCES);
    tiny_model_close(t);
}

static void check_same_of(tiny_model *t, const head *h, const char *selector, double bound,
                          const encoder_family *family, uint32_t hidden) {
    step_values all, cls;
    step_with(&all, t, selector, h, family, hidden, true);
    step_with(&cls, t, selector, h, family, hidden, false);
    cr_assert_neq(all.operations, cls.operations, "%s: both computed all rows", selector);
    cr_assert_float_eq(all.loss, cls.loss, bound, "%s: %.9g, %.9g", selector, all.loss, cls.loss);
    cr_assert_float_eq(all.eval_loss, cls.eval_loss, bound);
    for (size_t k = 0; k < 3; k++) cr_assert_float_eq(all.logits[k], cls.logits[k], bound);
    for (size_t i = 0; i < all.count; i++) {
        double square = 0;
        for (size_t k = 0; k < all.counts[i]; k++)
            square += all.gradients[i][k] * all.gradients[i][k];
        double rms = sqrt(square / (double)all.counts[i]);
        for (size_t k = 0; k < all.counts[i]; k++)
            cr_assert_leq(fabs(all.gradients[i][k] - cls.gradients[i][k]),
                          bound * fmax(fabs(all.gradients[i][k]), rms),
                          "%s: tensor %zu[%zu]: all rows %.9g, those read %.9g", selector, i, k,
                          all.gradients[i][k], cls.gradients[i][k]);
        mem_free(all.gradients[i]);
        mem_free(cls.gradients[i]);
    }
    mem_free(all.logits);
    mem_free(cls.logits);
}

static void check_same(tiny_model *t, const char *selector, double bound,
                       const encoder_family *family, uint32_t hidden) {
    check_same_of(t, &head_classification, selector, bound, family, hidden);
    check_same_of(t, &head_masked_lm, selector, bound, family, hidden);
    check_same_of(t, &head_token_classification, selector, bound, family, hidden);
}

/* The last layer on [CLS] rows, or on those chosen, alone is the same function with the same
 * dropout. */
CleanTest(bert, first_rows_alone_give_the_same_step) {
    tiny_model t = {0};
    for (size_t i = 0; family_at(i); i++) {
        uint32_t hidden = family_at(i) == &encoder_electra ? 256 : 64;
        check_same(&t, "reference", 1e-12, family_at(i), hidden);
#if HARNESS_CPU
        check_same(&t, "cpu", 1e-5, family_at(i), hidden);
#endif
    }
}

#if HARNESS_VULKAN
Test(bert, first_rows_alone_give_the_same_step_on_vulkan) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    tiny_model t = {0};
    tiny_model_keeps_device = true; // which compiles its kernels once
    check_same(&t, test_device(), 1e-5, &encoder_bert, 64);
    check_same(&t, test_device(), 1e-4, &encoder_electra, 256); // longer sums, in another order
    device_close(&t.device);
}
#endif
