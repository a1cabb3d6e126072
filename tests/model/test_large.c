/* A vocabulary the size of multilingual BERT's: its embedding is larger than one binding of a
 * software device (367 MB against 128 MiB), and the same model trains to the same numbers on
 * cpu. */
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"
#include "support/tiny_model.h"

#include <math.h>

#if HARNESS_CPU && HARNESS_VULKAN
enum { ROWS_USED = 9, STEPS = 3, HIDDEN = 768 };

/* Ids from every window of the table, its first and its last row among them. */
static const uint32_t used[ROWS_USED] = {1,     101,    43690,  43691, 87381,
                                         87382, 100000, 119545, 119546};

typedef struct outcome {
    double losses[STEPS];
    float rows[ROWS_USED][HIDDEN];
} outcome;

static void train_large(outcome *out, const char *selector) {
    uint32_t a[] = {101, 43648, 119546, 0, 87295, 101}, b[] = {101, 119545, 100000}, c[200];
    for (size_t i = 0; i < 200; i++) c[i] = used[i % ROWS_USED];
    const pack_sentence sentences[] = {{a, 6, 6, {0}}, {b, 3, 3, {2}}, {c, 200, 200, {1}}};
    model_config config;
    MUST(model_config_preset(&config, "base", 119547));
    config.layers = 2;
    config.classes = 3;
    batch_capacity capacity = {.tokens = 224, .sentences = 3, .micros = 1, .max_length = 200};
    model_training training = {.hidden_dropout = 0.1f,
                               .attention_dropout = 0.1f,
                               .classifier_dropout = 0.1f,
                               .max_grad_norm = 1,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .eps = 1e-8f};
    schedule rates = {SCHEDULE_constant, 1e-4, 0, STEPS};
    tiny_model t;
    tiny_model_open(&t, selector, &config, &capacity, &training, &rates, 0.01);
    bool *only = NULL; // the table itself is not drawn: 92 million numbers
    MUST(mem_new(&only, t.model.params.count));
    for (size_t i = 1; i < t.model.params.count; i++) only[i] = true;
    MUST(params_draw(&t.model.params, 7, 0.02f, only));
    mem_free(only);
    const param *token = params_at(&t.model.params, PARAM_token, 0);
    for (size_t i = 0; i < ROWS_USED; i++) {
        float row[HIDDEN];
        for (size_t k = 0; k < HIDDEN; k++) row[k] = 0.05f * sinf((float)(i * 131 + k * 7));
        MUST(device_write_f32(span_part(token->p, (size_t)used[i] * HIDDEN, HIDDEN), row, HIDDEN));
    }
    for (uint32_t s = 1; s <= STEPS; s++) {
        tiny_model_step(&t, sentences, 3, s);
        out->losses[s - 1] = tiny_model_loss(&t);
    }
    for (size_t i = 0; i < ROWS_USED; i++)
        MUST(device_read_f32(out->rows[i], span_part(token->p, (size_t)used[i] * HIDDEN, HIDDEN),
                             HIDDEN));
    tiny_model_close(&t);
}

Test(bert_large, embedding_beyond_one_binding_equals_cpu, .timeout = 400) {
    static outcome cpu, vulkan;
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    train_large(&cpu, "cpu");
    train_large(&vulkan, test_device());
    for (int s = 0; s < STEPS; s++)
        cr_assert_float_eq(cpu.losses[s], vulkan.losses[s], 1e-4 * cpu.losses[s],
                           "step %d: cpu %.9g, Vulkan %.9g", s + 1, cpu.losses[s],
                           vulkan.losses[s]);
    for (size_t i = 0; i < ROWS_USED; i++) {
        double worst = 0, moved = 0;
        for (size_t k = 0; k < HIDDEN; k++) {
            double start = (double)(0.05f * sinf((float)(i * 131 + k * 7)));
            worst = fmax(worst, fabs((double)cpu.rows[i][k] - (double)vulkan.rows[i][k]));
            moved = fmax(moved, fabs((double)cpu.rows[i][k] - start));
        }
        // AdamW moves a weight by about the rate a step, also where the gradient is rounding noise
        cr_assert(moved > 1e-4 && moved < 4e-4, "row %u moved by %g", used[i], moved);
        cr_assert_lt(worst, 1e-5, "row %u: cpu and Vulkan differ by %g", used[i], worst);
    }
}
#endif
