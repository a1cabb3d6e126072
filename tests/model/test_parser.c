/* The parser against PyTorch: arcs, best relations, losses, every gradient, ten AdamW steps
 * (tests/golden/parser_tiny), and against central differences. */
#include "base/json.h"
#include "base/memory.h"
#include "metric/arcs.h"
#include "model/head/parser.h"
#include "model/weights/safetensors.h"
#include "model/weights/weights.h"
#include "support/must.h"
#include "support/program.h"
#include "support/tiny_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCHES = 3, ROWS = 5, STEPS = 10, TOKENS_MOST = 32 };

typedef struct golden {
    char folder[512];
    cJSON *json;
    safetensors expected;
    uint32_t ids[BATCHES][ROWS][TOKENS_MOST], places[BATCHES][ROWS][TOKENS_MOST];
    uint32_t arcs[BATCHES][ROWS][TOKENS_MOST * ARC_WIDTH];
    pack_sentence rows[BATCHES][ROWS];
    double worst;
    char worst_name[128];
} golden;

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

static void golden_open(golden *g) {
    char path[600];
    const cJSON *batches = NULL;
    memset(g, 0, sizeof *g);
    json_setup();
    snprintf(g->folder, sizeof g->folder, "%s/tests/golden/parser_tiny", HARNESS_SOURCE_DIR);
    snprintf(path, sizeof path, "%s/steps.json", g->folder);
    MUST(json_read(&g->json, path, 0));
    snprintf(path, sizeof path, "%s/expected.safetensors", g->folder);
    MUST(safetensors_open(&g->expected, path));
    MUST(json_array(&batches, g->json, "batches", "steps"));
    for (int b = 0; b < BATCHES; b++) {
        for (int r = 0; r < ROWS; r++) {
            const cJSON *row = cJSON_GetArrayItem(cJSON_GetArrayItem(batches, b), r);
            pack_sentence *s = &g->rows[b][r];
            uint32_t count = read_list(g->ids[b][r], 1, row, "ids");
            int64_t type_one = 0;
            MUST(json_whole(&type_one, row, "type_one", 0, TOKENS_MOST, "row"));
            *s = (pack_sentence){g->ids[b][r], count, (uint32_t)type_one, {0}};
            uint32_t nodes = read_list(g->places[b][r], 1, row, "places");
            read_list(g->arcs[b][r] + ARC_HEAD, ARC_WIDTH, row, "heads");
            read_list(g->arcs[b][r] + ARC_RELATION, ARC_WIDTH, row, "relations");
            s->target.chosen = (example_chosen){g->places[b][r], g->arcs[b][r], nodes};
        }
    }
}

static void golden_close(golden *g) {
    cJSON_Delete(g->json);
    safetensors_close(&g->expected);
}

static double number(const golden *g, const char *list, int i) {
    return cJSON_GetArrayItem(cJSON_GetObjectItem(g->json, list), i)->valuedouble;
}

/* The bound: 1e-4 relative to max(|e|, rms of the tensor). */
static void compare(golden *g, const char *name, const double *found, size_t count) {
    float values[8192];
    size_t at = 0;
    while (at < g->expected.count && strcmp(g->expected.entries[at].name, name)) at++;
    cr_assert_lt(at, g->expected.count, "%s is not in the golden file", name);
    cr_assert_eq(g->expected.entries[at].count, count, "%s", name);
    cr_assert_leq(count, sizeof values / sizeof *values);
    MUST(safetensors_read(&g->expected, &g->expected.entries[at], values));
    double square = 0;
    for (size_t i = 0; i < count; i++) square += (double)values[i] * (double)values[i];
    double rms = sqrt(square / (double)count);
    for (size_t i = 0; i < count; i++) {
        double e = (double)values[i], error = fabs(found[i] - e) / fmax(fabs(e), rms);
        cr_assert(error <= 1e-4, "%s[%zu]: found %.9g, PyTorch %.9g (rms %.3g)", name, i, found[i],
                  e, rms);
        if (error <= g->worst) continue;
        g->worst = error;
        snprintf(g->worst_name, sizeof g->worst_name, "%s[%zu]", name, i);
    }
}

static bool is_key_bias(const param *p, size_t slice) {
    return p->field == PARAM_qkv_bias && slice == 1; // zero in theory, noise that AdamW amplifies
}

static void compare_param(golden *g, const char *prefix, const param *p, const double *values) {
    size_t slices = param_slices(p), count = p->count / slices;
    for (size_t s = 0; s < slices; s++) {
        char key[PARAM_NAME_BYTES], name[PARAM_NAME_BYTES + 16];
        param_key(p, s, key);
        snprintf(name, sizeof name, "%s%s", prefix, key);
        if (!is_key_bias(p, s)) compare(g, name, values + s * count, count);
    }
}

/* Of every node and every node of its sentence: the score as its head, and the best relation. */
static void check_outputs(golden *g, tiny_model *t) {
    uint32_t width = head__parser_width(&t->batch.capacity), units = t->batch.dim_units.max;
    double *outputs =
        tiny_model_values(span_at(t->batch.outputs, 0, 0), (size_t)units * PARSER_PLANES * width);
    double arcs[1024], best[1024];
    size_t count = 0, node = 0;
    for (int r = 0; r < ROWS; r++) {
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

static void check_golden(const char *selector) {
    char path[600];
    golden g;
    tiny_model t = {0};
    model_config config;
    weights_report report;
    golden_open(&g);
    snprintf(path, sizeof path, "%s/config.json", g.folder);
    MUST(model_config_read(&config, path));
    cr_assert_eq(config.head, &head_dependency_parsing);
    batch_capacity capacity = {.tokens = 48, .sentences = ROWS, .micros = 1, .max_length = 24};
    model_training training = {.max_grad_norm = 0.5f, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8f};
    schedule s = {SCHEDULE_linear, 1e-3, 3, STEPS};
    tiny_model_open(&t, selector, &config, &capacity, &training, &s, 0.01);
    MUST(weights_load(&t.model.params, &report, g.folder, 0, 0.02f));
    cr_assert(report.drawn_count == 0 && report.unexpected.count == 0);
    weights_report_free(&report);
    double loss = tiny_model_evaluate(&t, g.rows[0], ROWS), first = number(&g, "losses", 0);
    cr_assert_float_eq(loss, first, 1e-4 * first, "evaluation: %.9g, PyTorch %.9g", loss, first);
    check_outputs(&g, &t);
    for (int i = 0; i < STEPS; i++) {
        double norm[4], e = number(&g, "losses", i), n = number(&g, "norms", i);
        tiny_model_step(&t, g.rows[i % BATCHES], ROWS, (uint32_t)i + 1);
        loss = tiny_model_loss(&t);
        cr_assert_float_eq(loss, e, 1e-4 * e, "%s step %d: loss %.9g, PyTorch %.9g", selector,
                           i + 1, loss, e);
        MUST(device_read_f64(norm, span_at(t.batch.norm, 0, 0), 4));
        cr_assert_float_eq(norm[0], n, 1e-4 * n, "%s step %d: norm %.9g", selector, i + 1, norm[0]);
        for (size_t k = 0; i == 0 && k < t.model.params.count; k++) {
            double *gradient = tiny_model_gradient(&t, &t.model.params.list[k]);
            compare_param(&g, "grad.", &t.model.params.list[k], gradient);
            mem_free(gradient);
        }
    }
    tiny_model_flush(&t, STEPS);
    for (size_t k = 0; k < t.model.params.count; k++) {
        const param *p = &t.model.params.list[k];
        double *values = tiny_model_values(p->p, p->count);
        compare_param(&g, "after.", p, values);
        mem_free(values);
    }
    fprintf(stderr, "parser on %s against PyTorch: worst relative error %.2g at %s\n", selector,
            g.worst, g.worst_name);
    tiny_model_close(&t);
    golden_close(&g);
}

static double loss_with(tiny_model *t, golden *g, const param *p, size_t element, double value) {
    span whole = span_part(p->p, 0, element + 1);
    double *values = tiny_model_values(whole, element + 1), before = values[element];
    values[element] = value;
    MUST(device_write_f64(whole, values, element + 1));
    tiny_model_step(t, g->rows[0], ROWS, 1); // at rate 0: nothing but the gradient changes
    double loss = tiny_model_loss(t);
    values[element] = before;
    MUST(device_write_f64(whole, values, element + 1));
    mem_free(values);
    return loss;
}

/* With dropout, and sentences in several micro-batches. */
Test(parser, gradients_equal_central_differences) {
    const double h = 1e-5;
    char path[600];
    golden g;
    tiny_model t = {0};
    model_config config;
    golden_open(&g);
    snprintf(path, sizeof path, "%s/config.json", g.folder);
    MUST(model_config_read(&config, path));
    batch_capacity capacity = {.tokens = 24, .sentences = ROWS, .micros = 3, .max_length = 24};
    model_training training = {.hidden_dropout = 0.2f,
                               .attention_dropout = 0.2f,
                               .classifier_dropout = 0.3f,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .eps = 1e-8f};
    schedule still = {SCHEDULE_constant, 0, 0, 1};
    tiny_model_open(&t, "reference", &config, &capacity, &training, &still, 0);
    MUST(params_draw(&t.model.params, 3, 0.3f, NULL));
    tiny_model_step(&t, g.rows[0], ROWS, 1);
    cr_assert_gt(t.pack.micro_count, 1);
    const params *ps = &t.model.params;
    double *gradients[64] = {0};
    cr_assert_leq(ps->count, 64);
    for (size_t i = 0; i < ps->count; i++) gradients[i] = tiny_model_gradient(&t, &ps->list[i]);
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        const size_t places[] = {0, p->count / 3, p->count - 1};
        for (int k = 0; k < 3; k++) {
            double *values = tiny_model_values(p->p, p->count), value = values[places[k]];
            double up = loss_with(&t, &g, p, places[k], value + h);
            double down = loss_with(&t, &g, p, places[k], value - h);
            double numeric = (up - down) / (2 * h), found = gradients[i][places[k]];
            char label[PARAM_NAME_BYTES];
            param_label(p, label);
            mem_free(values);
            cr_assert(fabs(found - numeric) <= 1e-6 * fabs(numeric) + 1e-9,
                      "%s element %zu: gradient %.12g, central difference %.12g", label, places[k],
                      found, numeric);
        }
        mem_free(gradients[i]);
    }
    tiny_model_close(&t);
    golden_close(&g);
}

CleanTest(parser, equals_pytorch_on_the_reference) {
    check_golden("reference");
}

#if HARNESS_CPU
CleanTest(parser, equals_pytorch_on_the_cpu) {
    check_golden("cpu");
}
#endif

#if HARNESS_VULKAN
Test(parser, equals_pytorch_on_vulkan) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    check_golden(test_device());
}

Test(parser, equals_pytorch_on_swiftshader) {
    if (!need_vulkan("swiftshader")) cr_skip_test("no SwiftShader");
    check_golden("swiftshader");
}
#endif
