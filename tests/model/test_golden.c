/* The whole model against PyTorch's golden files: layers, outputs, losses, every gradient, ten AdamW
 * steps. */
#include "base/json.h"
#include "base/memory.h"
#include "metric/arcs.h"
#include "model/head/parser.h"
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
#define PARSER "parser"
#define BOTH(family, type) type, type MASKED,
static const char *const goldens[] = {ENCODER_FAMILIES(BOTH) "regression",
                                      "multi_label",
                                      PARSER,
                                      "bert" TAGS,
                                      "electra" TAGS,
                                      "distilbert" TAGS};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

static bool is_parser(const char *golden) {
    return !strcmp(golden, PARSER);
}

/* Whether it is of a head whose answers are no classes. */
static bool is_head(const char *golden) {
    return !strcmp(golden, "regression") || !strcmp(golden, "multi_label") || is_parser(golden);
}

/* Whether it answers for chosen tokens. */
static bool is_chosen(const char *golden) {
    return strstr(golden, MASKED) || strstr(golden, TAGS);
}

enum { GOLDEN_BATCHES = 3, GOLDEN_ROWS = 5, GOLDEN_STEPS = 10 };

typedef struct golden {
    const char *name;
    bool masks, chooses;
    char folder[512];
    cJSON *json;
    safetensors expected;
    uint32_t ids[GOLDEN_BATCHES][GOLDEN_ROWS][32];
    uint32_t chosen[GOLDEN_BATCHES][GOLDEN_ROWS][2][32]; /* places, ids that stood there */
    uint32_t arcs[GOLDEN_BATCHES][GOLDEN_ROWS][32 * ARC_WIDTH];
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

static uint32_t read_list(uint32_t *out, size_t step, const cJSON *row, const char *key) {
    const cJSON *list = NULL, *item;
    uint32_t count = 0;
    MUST(json_array(&list, row, key, "row"));
    cJSON_ArrayForEach(item, list) {
        double value = item->valuedouble;
        out[step * count++] = value < 0 ? CLASS_NONE : (uint32_t)value;
    }
    return count;
}

static void read_row(golden *g, const cJSON *row, int b, int r) {
    pack_sentence *s = &g->rows[b][r];
    int64_t type_one = 0;
    MUST(json_whole(&type_one, row, "type_one", 0, 32, "row"));
    uint32_t *places = g->chosen[b][r][0], *wanted = g->chosen[b][r][1], *arcs = g->arcs[b][r];
    uint32_t count = read_list(g->ids[b][r], 1, row, "ids");
    *s = (pack_sentence){g->ids[b][r], count, (uint32_t)type_one, {0}};
    if (is_parser(g->name)) {
        uint32_t nodes = read_list(places, 1, row, "places");
        read_list(arcs + ARC_HEAD, ARC_WIDTH, row, "heads");
        read_list(arcs + ARC_RELATION, ARC_WIDTH, row, "relations");
        s->target.chosen = (example_chosen){places, arcs, nodes};
        return;
    }
    if (g->chooses) {
        uint32_t n = read_list(places, 1, row, "chosen");
        cr_assert_eq(read_list(wanted, 1, row, "wanted"), n);
        s->target.chosen = (example_chosen){places, wanted, n};
        return;
    }
    s->target = golden_target(cJSON_GetObjectItem(row, "label"), g->folder, g->sets[b][r]);
}

static void golden_open(golden *g, const char *name) {
    char path[600];
    memset(g, 0, sizeof *g);
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
    if (!g->masks && !is_parser(g->name)) {
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

/* Of every node and every node of its sentence: the score as its head, and the best relation,
 * of an evaluation. */
static void check_parser_outputs(golden *g, tiny_model *t) {
    if (!is_parser(g->name)) return;
    double loss = tiny_model_evaluate(t, g->rows[0], GOLDEN_ROWS),
           e = golden_number(g, "losses", 0);
    cr_assert_float_eq(loss, e, 1e-4 * e, "evaluation: %.9g, PyTorch %.9g", loss, e);
    uint32_t width = head__parser_width(&t->batch.capacity), units = t->batch.dim_units.max;
    double *outputs =
        tiny_model_values(span_at(t->batch.outputs, 0, 0), (size_t)units * PARSER_PLANES * width);
    double arcs[1024], best[1024];
    size_t count = 0, node = 0;
    for (int r = 0; r < GOLDEN_ROWS; r++) {
        uint32_t nodes = g->rows[0][r].target.chosen.count;
        for (uint32_t i = 0; i < nodes; i++, node++) {
            for (uint32_t j = 0; j < nodes; j++, count++) {
                arcs[count] = outputs[node * width + j];
                best[count] = outputs[((size_t)units + node) * width + j];
            }
            for (uint32_t j = nodes; j < width; j++)
                cr_assert_float_eq(outputs[node * width + j], (double)ARC_NONE, 1e24);
        }
    }
    compare(g, "logits", arcs, count);
    compare(g, "best", best, count);
    mem_free(outputs);
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
    check_parser_outputs(&g, t);
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

// [CLS] rows alone have no hidden states to compare: both, where the sizes allow it, in f64
static void check_golden(const char *selector) {
    bool is_reference = strcmp(selector, "reference") == 0;
    char first[65], digest[65];
    tiny_model t = {0};
    tiny_model_keeps_device = true;
    for (size_t i = 0; i < GOLDENS; i++) {
        check_golden_with(i ? digest : first, &t, selector, goldens[i], true);
        if (is_reference || is_chosen(goldens[i]) || is_parser(goldens[i]))
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

/* With dropout, and sentences in several micro-batches. */
CleanTest(parser, gradients_equal_central_differences) {
    char path[600];
    golden g;
    tiny_model t = {0};
    model_config config;
    golden_open(&g, PARSER);
    snprintf(path, sizeof path, "%s/config.json", g.folder);
    MUST(model_config_read(&config, path));
    batch_capacity capacity = {
        .tokens = 24, .sentences = GOLDEN_ROWS, .micros = 3, .max_length = 24};
    model_training training = {.hidden_dropout = 0.2f,
                               .attention_dropout = 0.2f,
                               .classifier_dropout = 0.3f,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .eps = 1e-8f};
    schedule still = {SCHEDULE_constant, 0, 0, 1};
    tiny_model_open(&t, "reference", &config, &capacity, &training, &still, 0);
    MUST(params_draw(&t.model.params, 3, 0.3f, NULL));
    tiny_model_check_gradients(&t, g.rows[0], GOLDEN_ROWS);
    cr_assert_gt(t.pack.micro_count, 1);
    tiny_model_close(&t);
    golden_close(&g);
}

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
}
