/* The whole model: gradients against central differences in f64, and against PyTorch's golden
 * files. */
#include "base/json.h"
#include "base/memory.h"
#include "model/weights/safetensors.h"
#include "model/weights/weights.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "support/tiny_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tests/golden/NAME_tiny: NAME is a family's model_type, of classifiers, a head of BERT, or a family and "_mlm" or
 * "_tags". */
#define MASKED "_mlm"
#define TAGS "_tags"
#define BOTH(family, type) type, type MASKED,
static const char *const goldens[] = {ENCODER_FAMILIES(BOTH) "regression", "multi_label",
                                      "bert" TAGS, "electra" TAGS, "distilbert" TAGS};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

/* Whether it is of a head whose answers are no classes. */
static bool is_head(const char *golden) {
    return !strcmp(golden, "regression") || !strcmp(golden, "multi_label");
}

/* Whether it answers for chosen tokens. */
static bool is_chosen(const char *golden) {
    return strstr(golden, MASKED) || strstr(golden, TAGS);
}

/* --- central differences --- */

static double loss_with(tiny_model *t, span p, size_t element, double value,
                        const pack_sentence *sentences, uint32_t count) {
    span whole = span_part(p, 0, element + 1);
    double *values = tiny_model_values(whole, element + 1), before = values[element];
    values[element] = value;
    MUST(device_write_f64(whole, values, element + 1));
    // training's forward, so that dropout takes part; the update changes what follows: rate 0
    tiny_model_step(t, sentences, count, 1);
    double loss = tiny_model_loss(t);
    values[element] = before;
    MUST(device_write_f64(whole, values, element + 1));
    mem_free(values);
    return loss;
}

static void check_element(tiny_model *t, const param *p, size_t element, double gradient,
                          const pack_sentence *sentences, uint32_t count, double dropout) {
    char label[PARAM_NAME_BYTES];
    double *values = tiny_model_values(p->p, p->count), value = values[element], h = 1e-5;
    mem_free(values);
    double up = loss_with(t, p->p, element, value + h, sentences, count);
    double down = loss_with(t, p->p, element, value - h, sentences, count);
    double numeric = (up - down) / (2 * h);
    param_label(p, label);
    // 1e-9: the difference of two losses near 1 carries rounding of 1e-16 / h
    cr_assert(fabs(gradient - numeric) <= 1e-6 * fabs(numeric) + 1e-9,
              "dropout %g: %s element %zu: gradient %.12g, central difference %.12g", dropout,
              label, element, gradient, numeric);
}

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
    tiny_model_step(&t, sentences, 3, 1);
    const params *ps = &t.model.params;
    double *gradients[64] = {0};
    cr_assert_leq(ps->count, 64);
    for (size_t i = 0; i < ps->count; i++) gradients[i] = tiny_model_gradient(&t, &ps->list[i]);
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        size_t places[] = {0, p->count / 3, 7 * (size_t)p->cols % p->count, p->count - 1};
        for (size_t k = 0; k < sizeof places / sizeof *places; k++)
            check_element(&t, p, places[k], gradients[i][places[k]], sentences, 3, (double)dropout);
        mem_free(gradients[i]);
    }
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

/* --- the rows read alone --- */

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

/* --- PyTorch --- */

enum { GOLDEN_BATCHES = 3, GOLDEN_ROWS = 5, GOLDEN_STEPS = 10 };

typedef struct golden {
    const char *name;
    bool masks, chooses;
    char folder[512];
    cJSON *json;
    safetensors expected;
    uint32_t ids[GOLDEN_BATCHES][GOLDEN_ROWS][32];
    uint32_t chosen[GOLDEN_BATCHES][GOLDEN_ROWS][2][32]; /* places, ids that stood there */
    pack_sentence rows[GOLDEN_BATCHES][GOLDEN_ROWS];
    uint8_t sets[GOLDEN_BATCHES][GOLDEN_ROWS][4];
    double worst; /* over what was compared: |x - e| / max(|e|, rms) */
    char worst_name[128];
} golden;

/* A label, a number, or a 0 or 1 for each label. */
static example_target golden_target(const cJSON *label, const char *folder, uint8_t *set) {
    if (cJSON_IsArray(label)) {
        for (int k = 0; k < cJSON_GetArraySize(label); k++)
            set[k] = cJSON_GetArrayItem(label, k)->valuedouble > 0;
        return (example_target){.set = set};
    }
    if (strstr(folder, "regression")) return (example_target){.number = (float)label->valuedouble};
    return (example_target){.class = (uint32_t)label->valuedouble};
}

static uint32_t read_list(uint32_t *out, const cJSON *row, const char *key) {
    const cJSON *list = NULL;
    MUST(json_array(&list, row, key, "row"));
    int n = cJSON_GetArraySize(list);
    for (int k = 0; k < n; k++) out[k] = (uint32_t)cJSON_GetArrayItem(list, k)->valuedouble;
    return (uint32_t)n;
}

static void read_row(golden *g, const cJSON *row, int b, int r) {
    pack_sentence *s = &g->rows[b][r];
    int64_t type_one = 0;
    MUST(json_whole(&type_one, row, "type_one", 0, 32, "row"));
    *s =
        (pack_sentence){g->ids[b][r], read_list(g->ids[b][r], row, "ids"), (uint32_t)type_one, {0}};
    if (g->chooses) {
        uint32_t *places = g->chosen[b][r][0], *wanted = g->chosen[b][r][1];
        uint32_t n = read_list(places, row, "chosen");
        cr_assert_eq(read_list(wanted, row, "wanted"), n);
        s->target.chosen = (example_chosen){places, wanted, n};
        return;
    }
    s->target = golden_target(cJSON_GetObjectItem(row, "label"), g->folder, g->sets[b][r]);
}

static void golden_open(golden *g, const char *name) {
    char path[600];
    memset(g, 0, sizeof *g);
    json_setup();
    g->name = name;
    g->masks = strstr(name, MASKED) != NULL;
    g->chooses = is_chosen(name);
    snprintf(g->folder, sizeof g->folder, "%s/tests/golden/%s_tiny", HARNESS_SOURCE_DIR, name);
    snprintf(path, sizeof path, "%s/steps.json", g->folder);
    MUST(json_read(&g->json, path, 0));
    snprintf(path, sizeof path, "%s/expected.safetensors", g->folder);
    MUST(safetensors_open(&g->expected, path));
    const cJSON *batches = NULL;
    MUST(json_array(&batches, g->json, "batches", "steps"));
    for (int b = 0; b < GOLDEN_BATCHES; b++)
        for (int r = 0; r < GOLDEN_ROWS; r++)
            read_row(g, cJSON_GetArrayItem(cJSON_GetArrayItem(batches, b), r), b, r);
}

static void golden_close(golden *g) {
    cJSON_Delete(g->json);
    safetensors_close(&g->expected);
}

static double golden_number(const golden *g, const char *list, int i) {
    return cJSON_GetArrayItem(cJSON_GetObjectItem(g->json, list), i)->valuedouble;
}

static const float *golden_tensor(const golden *g, const char *name, float *numbers, size_t count) {
    for (size_t i = 0; i < g->expected.count; i++)
        if (strcmp(g->expected.entries[i].name, name) == 0) {
            cr_assert_eq(g->expected.entries[i].count, count, "%s", name);
            MUST(safetensors_read(&g->expected, &g->expected.entries[i], numbers));
            return numbers;
        }
    cr_assert_fail("%s is not in the golden file", name);
    return NULL;
}

/* The bound: 1e-4 relative to max(|e|, rms of the tensor). */
static void compare(golden *g, const char *name, const double *found, size_t count) {
    float numbers[8192];
    cr_assert_leq(count, sizeof numbers / sizeof *numbers);
    const float *expected = golden_tensor(g, name, numbers, count);
    double square = 0;
    for (size_t i = 0; i < count; i++) square += (double)expected[i] * (double)expected[i];
    double rms = sqrt(square / (double)count);
    for (size_t i = 0; i < count; i++) {
        double e = (double)expected[i], error = fabs(found[i] - e) / fmax(fabs(e), rms);
        cr_assert(error <= 1e-4, "%s: %s[%zu]: found %.9g, PyTorch %.9g (rms %.3g)", g->name, name,
                  i, found[i], e, rms);
        if (error > g->worst) {
            g->worst = error;
            snprintf(g->worst_name, sizeof g->worst_name, "%s[%zu]", name, i);
        }
    }
}

static bool is_key_bias(const param *p, size_t slice) {
    return p->field == PARAM_qkv_bias && slice == 1;
}

/* Compares every checkpoint tensor of `values` (count of the parameter) with prefix + key. */
static void compare_param(golden *g, const char *prefix, const param *p, const double *values) {
    size_t slices = param_slices(p), count = p->count / slices;
    for (size_t s = 0; s < slices; s++) {
        char key[PARAM_NAME_BYTES], name[PARAM_NAME_BYTES + 16];
        param_key(p, s, key);
        snprintf(name, sizeof name, "%s%s", prefix, key);
        // zero in theory: noise that AdamW amplifies, bounded below
        if (!is_key_bias(p, s)) compare(g, name, values + s * count, count);
    }
}

static void check_first_step(golden *g, tiny_model *t, bool has_all_rows) {
    if (!g->masks) {
        size_t count = pack_results(&t->pack, 0) * t->model.config.classes;
        double *logits = tiny_model_values(span_at(t->batch.outputs, 0, 0), count);
        compare(g, "logits", logits, count);
        mem_free(logits);
    }
    const span hidden[] = {t->memory.encoder.hidden, t->memory.encoder.layers[0].y,
                           t->memory.encoder.layers[1].y};
    // transformers shows the embeddings before a projection
    for (size_t i = model_config_projects(&t->config);
         i < sizeof hidden / sizeof *hidden - !has_all_rows; i++) {
        char name[16];
        size_t count = (size_t)t->pack.micros[0].tokens * t->config.hidden;
        double *values = tiny_model_values(hidden[i], count);
        snprintf(name, sizeof name, "hidden.%zu", i);
        compare(g, name, values, count);
        mem_free(values);
    }
    for (size_t i = 0; i < t->model.params.count; i++) {
        const param *p = &t->model.params.list[i];
        double *gradient = tiny_model_gradient(t, p);
        compare_param(g, "grad.", p, gradient);
        if (p->field == PARAM_qkv_bias)
            for (size_t k = p->count / 3; k < 2 * p->count / 3; k++)
                cr_assert_lt(fabs(gradient[k]), 1e-6, "key bias %zu: %g", k, gradient[k]);
        mem_free(gradient);
    }
}

/* A masked language model's logits, which training overwrites with their gradient. */
static void check_masked_logits(golden *g, tiny_model *t) {
    if (!g->masks) return;
    double loss = tiny_model_evaluate(t, g->rows[0], GOLDEN_ROWS),
           e = golden_number(g, "losses", 0);
    size_t rows = t->pack.micros[0].chosen, count = rows * t->config.vocabulary;
    double *logits = tiny_model_values(t->memory.head.doutputs, count);
    uint32_t predicted[64];
    cr_assert_float_eq(loss, e, 1e-4 * e, "%s: loss %.9g, PyTorch %.9g", g->name, loss, e);
    compare(g, "logits", logits, count);
    cr_assert_leq(rows, 64);
    MUST(device_read_u32(predicted, span_at(t->batch.predicted, 0, 0), rows));
    for (size_t r = 0; r < rows; r++) {
        const double *z = logits + r * t->config.vocabulary;
        for (uint32_t c = 0; c < t->config.vocabulary; c++)
            cr_assert(z[c] <= z[predicted[r]], "%s: row %zu", g->name, r);
    }
    mem_free(logits);
}

static void check_weights(golden *g, tiny_model *t) {
    double moved = 0;
    for (int i = 0; i < GOLDEN_STEPS; i++) moved += golden_number(g, "rates", i);
    tiny_model_flush(t, GOLDEN_STEPS);
    for (size_t i = 0; i < t->model.params.count; i++) {
        const param *p = &t->model.params.list[i];
        double *values = tiny_model_values(p->p, p->count);
        compare_param(g, "after.", p, values);
        if (p->field == PARAM_qkv_bias) {
            char key[PARAM_NAME_BYTES], name[PARAM_NAME_BYTES + 16];
            float numbers[64];
            param_key(p, 1, key);
            snprintf(name, sizeof name, "after.%s", key);
            const float *e = golden_tensor(g, name, numbers, p->count / 3);
            // both wandered at most the sum of the rates from the same start
            for (size_t k = 0; k < p->count / 3; k++)
                cr_assert_lt(fabs(values[p->count / 3 + k] - (double)e[k]), 2 * moved);
        }
        mem_free(values);
    }
}

/* digest: of the weights after all steps. */
static void check_golden_with(char digest[65], tiny_model *t, const char *selector,
                              const char *name, bool keeps_all_rows) {
    char path[600];
    golden g;
    model_config config;
    weights_report report;
    golden_open(&g, name);
    snprintf(path, sizeof path, "%s/config.json", g.folder);
    MUST(model_config_read(&config, path));
    const char *family = is_head(name) ? "bert" : name;
    cr_assert_eq(strncmp(config.family->model_type, family, strlen(config.family->model_type)), 0);
    if (g.masks) config.head = &head_masked_lm;
    batch_capacity capacity = {.tokens = 48,
                               .sentences = GOLDEN_ROWS,
                               .micros = 1,
                               .max_length = 24,
                               .chosen = g.chooses ? 20 : 0};
    model_training training = {.max_grad_norm = 0.5f, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8f};
    schedule s = {SCHEDULE_linear, 1e-3, 3, GOLDEN_STEPS};
    tiny_model_all_rows = keeps_all_rows;
    tiny_model_open(t, selector, &config, &capacity, &training, &s, 0.01);
    MUST(weights_load(&t->model.params, &report, g.folder, 0, 0.02f));
    cr_assert_eq(report.drawn_count, 0);
    cr_assert_eq(report.unexpected.count, 0);
    weights_report_free(&report);
    check_masked_logits(&g, t);
    for (uint32_t step = 1; step <= GOLDEN_STEPS; step++) {
        int i = (int)step - 1;
        tiny_model_step(t, g.rows[i % GOLDEN_BATCHES], GOLDEN_ROWS, step);
        double norm[4], loss = tiny_model_loss(t), expected = golden_number(&g, "losses", i);
        if (step == 1) check_first_step(&g, t, keeps_all_rows);
        MUST(device_read_f64(norm, span_at(t->batch.norm, 0, 0), 4));
        cr_assert_float_eq(loss, expected, 1e-4 * expected,
                           "%s on %s step %u: loss %.9g, PyTorch %.9g", name, selector, step, loss,
                           expected);
        cr_assert_float_eq(norm[0], golden_number(&g, "norms", i),
                           1e-4 * golden_number(&g, "norms", i), "%s on %s step %u: norm %.9g",
                           name, selector, step, norm[0]);
    }
    check_weights(&g, t);
    MUST(params_digest(&t->model.params, digest));
    fprintf(stderr, "%s on %s against PyTorch: worst relative error %.2g at %s\n", name, selector,
            g.worst, g.worst_name);
    tiny_model_close(t);
    golden_close(&g);
}

/* What another family has is the host's, but for kernels that these have too. */
static bool has_kernels_of_bert(const char *name) {
    return !strncmp(name, "roberta", 7) || !strncmp(name, "distilbert", 10);
}

// [CLS] rows alone have no hidden states to compare: both, where the sizes allow it, in f64
static void check_golden(const char *selector) {
    bool is_reference = strcmp(selector, "reference") == 0;
    bool compiles_long = strcmp(selector, "swiftshader") == 0;
    char first[65], digest[65];
    tiny_model t = {0};
    tiny_model_keeps_device = true;
    for (size_t i = 0; i < GOLDENS; i++) {
        if (compiles_long && has_kernels_of_bert(goldens[i])) continue;
        check_golden_with(i ? digest : first, &t, selector, goldens[i], true);
        if (is_reference || is_chosen(goldens[i]))
            check_golden_with(digest, &t, selector, goldens[i], false);
    }
    check_golden_with(digest, &t, selector, goldens[0], true);
    cr_expect_str_eq(digest, first, "%s: the same steps twice", selector);
    device_close(&t.device);
}

CleanTest(bert, equals_pytorch_on_the_reference) {
    check_golden("reference");
}

#if HARNESS_CPU
CleanTest(bert, equals_pytorch_on_the_cpu) {
    check_golden("cpu");
}
#endif

#if HARNESS_VULKAN
Test(bert, equals_pytorch_on_vulkan) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    check_golden(test_device());
}

Test(bert, equals_pytorch_on_swiftshader) {
    if (!need_vulkan("swiftshader")) cr_skip_test("no SwiftShader");
    check_golden("swiftshader");
}
#endif

/* What tests/peer asks for its comparisons, which the suite does not run. */
static void check_model_pass(const char *family, const char *flag) {
    char command[2048];
    strbuf rows = {0};
    golden g;
    safetensors found;
    double logits[GOLDEN_ROWS * 3];
    float values[GOLDEN_ROWS * 3];
    golden_open(&g, family);
    for (int r = 0; r < GOLDEN_ROWS; r++) {
        const pack_sentence *s = &g.rows[0][r];
        MUST(strbuf_printf(&rows, "%s{\"label\": %u, \"ids\": [", r ? ", " : "[", s->target.class));
        for (uint32_t k = 0; k < s->count; k++)
            MUST(strbuf_printf(&rows, "%s%u", k ? ", " : "", s->ids[k]));
        MUST(strbuf_add(&rows, "]}"));
    }
    MUST(strbuf_add(&rows, "]"));
    MUST(file_write(temporary_path("rows.json"), rows.text, rows.length));
    snprintf(command, sizeof command, "'%s' '%s' '%s' reference '%s' %s", HARNESS_MODEL_PASS,
             g.folder, temporary_path("rows.json"), temporary_path("pass.safetensors"), flag);
    cr_assert_eq(system(command), 0, "%s", command);
    MUST(safetensors_open(&found, temporary_path("pass.safetensors")));
    cr_assert_str_eq(found.entries[0].name, "logits");
    cr_assert_eq(found.entries[0].count, GOLDEN_ROWS * 3);
    MUST(safetensors_read(&found, &found.entries[0], values));
    for (int i = 0; i < GOLDEN_ROWS * 3; i++) logits[i] = (double)values[i];
    compare(&g, "logits", logits, GOLDEN_ROWS * 3);
    safetensors_close(&found);
    strbuf_free(&rows);
    golden_close(&g);
}

Test(bert, model_pass_gives_the_logits_of_every_family) {
    for (size_t i = 0; i < GOLDENS; i++)
        if (!is_chosen(goldens[i]) && !is_head(goldens[i]))
            check_model_pass(goldens[i], i % 2 ? "--gradients" : "");
    temporary_remove();
}
