#include "support/tiny_model.h"

#include "base/memory.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

bool tiny_model_all_rows, tiny_model_keeps_device;

static void open_table(tiny_model *t, const schedule *rates, double weight_decay) {
    double *table = NULL;
    size_t count = ((size_t)rates->steps + 1) * 4;
    MUST(mem_new(&table, count));
    schedule_table(table, rates, weight_decay, t->training.beta1, t->training.beta2);
    arena_init(&t->table_arena, &t->device, 0, false);
    MUST(arena_take(&t->table_arena, &t->training.table, count, t->device.real));
    MUST(device_write_f64(t->training.table, table, count));
    mem_free(table);
}

void tiny_model_open(tiny_model *t, const char *selector, const model_config *config,
                     const batch_capacity *capacity, const model_training *training,
                     const schedule *rates, double weight_decay) {
    const device kept = t->device;
    memset(t, 0, sizeof *t);
    t->config = *config;
    t->training = *training;
    if (tiny_model_keeps_device && kept.vtable)
        t->device = kept;
    else
        MUST(device_open_named(&t->device, selector, NULL));
    batch_capacity c = *capacity;
    MUST(model_init(&t->model, &t->device, &t->config, c.tokens * c.micros));
    t->model.keeps_all_rows = tiny_model_all_rows;
    model_capacity(&c, &t->model);
    MUST(model_memory_init(&t->memory, &t->model, &c, true));
    MUST(batch_init(&t->batch, &t->device, &c));
    MUST(pack_init(&t->pack, &t->batch));
    open_table(t, rates, weight_decay);
    MUST(model_train_plan(&t->train, &t->model, &t->memory, &t->batch, &t->training));
    MUST(model_eval_plan(&t->eval, &t->model, &t->memory, &t->batch));
    MUST(model_flush_plan(&t->flush, &t->model, &t->training));
}

void tiny_model_close(tiny_model *t) {
    plan_free(&t->train);
    plan_free(&t->eval);
    plan_free(&t->flush);
    arena_free(&t->table_arena);
    pack_free(&t->pack);
    batch_free(&t->batch);
    model_memory_free(&t->memory);
    model_free(&t->model);
    model_config_free(&t->config);
    cr_assert_eq(t->device.validation_errors, 0);
    if (!tiny_model_keeps_device) device_close(&t->device);
}

static void run(plan *p, const step_info *step) {
    MUST(plan_submit(p, step));
    MUST(plan_wait(p, step->slot));
}

void tiny_model_step(tiny_model *t, const pack_sentence *sentences, uint32_t count, uint32_t step) {
    MUST(pack_fill(&t->pack, &t->batch, 0, sentences, count, true));
    step_info info = pack_step(&t->pack, 0, step, 42);
    run(&t->train, &info);
}

double tiny_model_loss(const tiny_model *t) {
    double sum = 0;
    for (uint32_t micro = 0; micro < t->pack.micro_count; micro++) {
        const micro_sizes *m = &t->pack.micros[micro];
        uint32_t n = t->pack.of_units ? m->units : m->sentences;
        double *losses = tiny_model_values(span_at(t->batch.losses, 0, micro), n);
        for (uint32_t i = 0; i < n; i++) sum += losses[i];
        mem_free(losses);
    }
    return sum / (t->pack.of_units ? t->pack.unit_count : t->pack.sentence_count);
}

double tiny_model_evaluate(tiny_model *t, const pack_sentence *sentences, uint32_t count) {
    MUST(pack_fill(&t->pack, &t->batch, 0, sentences, count, false));
    step_info info = pack_step(&t->pack, 0, 1, 42);
    run(&t->eval, &info);
    return tiny_model_loss(t);
}

void tiny_model_flush(tiny_model *t, uint32_t step) {
    step_info info = {.step = step, .seed = 42};
    run(&t->flush, &info);
}

double *tiny_model_values(span s, size_t count) {
    double *values = NULL;
    MUST(mem_new(&values, count));
    MUST(device_read_f64(values, s, count));
    return values;
}

double *tiny_model_gradient(const tiny_model *t, const param *p) {
    if (!p->is_sparse) return tiny_model_values(p->g, p->count);
    double *full = NULL;
    uint32_t *rows = NULL, used = t->pack.step_rows;
    MUST(mem_new(&full, p->count));
    MUST(mem_new(&rows, used));
    MUST(device_read_u32(rows, span_at(t->batch.step_rows, 0, 0), used));
    double *compact = tiny_model_values(p->g, (size_t)used * p->cols);
    for (uint32_t i = 0; i < used; i++)
        memcpy(full + (size_t)rows[i] * p->cols, compact + (size_t)i * p->cols,
               p->cols * sizeof *full);
    mem_free(rows);
    mem_free(compact);
    return full;
}

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
                          const pack_sentence *sentences, uint32_t count) {
    char label[PARAM_NAME_BYTES];
    double *values = tiny_model_values(p->p, p->count), value = values[element], h = 1e-5;
    mem_free(values);
    double up = loss_with(t, p->p, element, value + h, sentences, count);
    double down = loss_with(t, p->p, element, value - h, sentences, count);
    double numeric = (up - down) / (2 * h);
    param_label(p, label);
    // 1e-9: the difference of two losses near 1 carries rounding of 1e-16 / h
    cr_assert(fabs(gradient - numeric) <= 1e-6 * fabs(numeric) + 1e-9,
              "dropout %g: %s element %zu: gradient %.12g, central difference %.12g",
              (double)t->training.classifier_dropout, label, element, gradient, numeric);
}

void tiny_model_check_gradients(tiny_model *t, const pack_sentence *sentences, uint32_t count) {
    const params *ps = &t->model.params;
    double *gradients[64] = {0};
    cr_assert_leq(ps->count, 64);
    tiny_model_step(t, sentences, count, 1);
    for (size_t i = 0; i < ps->count; i++) gradients[i] = tiny_model_gradient(t, &ps->list[i]);
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        size_t places[] = {0, p->count / 3, 7 * (size_t)p->cols % p->count, p->count - 1};
        for (size_t k = 0; k < sizeof places / sizeof *places; k++)
            check_element(t, p, places[k], gradients[i][places[k]], sentences, count);
        mem_free(gradients[i]);
    }
}
