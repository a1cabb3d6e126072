#include "support/tiny_bert.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <string.h>

#define GOOD(call)                                                                                 \
    do {                                                                                           \
        err good_e = (call);                                                                       \
        cr_assert_eq(good_e, ERR_OK, "%s", err_message(good_e));                                   \
    } while (0)

bool tiny_bert_all_rows;

static void open_table(tiny_bert *t, const schedule *rates, double weight_decay) {
    double *table = NULL;
    size_t count = ((size_t)rates->steps + 1) * 4;
    GOOD(mem_new(&table, count));
    schedule_table(table, rates, weight_decay, (double)t->training.beta1,
                   (double)t->training.beta2);
    arena_init(&t->table_arena, &t->device, 0, false);
    GOOD(arena_take(&t->table_arena, &t->training.table, count, t->device.real));
    GOOD(device_write_f64(t->training.table, table, count));
    mem_free(table);
}

void tiny_bert_open(tiny_bert *t, const char *selector, const bert_config *config,
                    const batch_capacity *capacity, const model_training *training,
                    const schedule *rates, double weight_decay) {
    memset(t, 0, sizeof *t);
    t->config = *config;
    t->training = *training;
    GOOD(device_open_named(&t->device, selector, NULL));
    batch_capacity c = *capacity;
    GOOD(model_init(&t->model, &t->device, &t->config, c.tokens * c.micros));
    t->model.keeps_all_rows = tiny_bert_all_rows;
    GOOD(model_memory_init(&t->memory, &t->model, c.tokens, c.sentences, true));
    model_capacity(&c, &t->model);
    GOOD(batch_init(&t->batch, &t->device, &c));
    GOOD(pack_init(&t->pack, &t->batch));
    open_table(t, rates, weight_decay);
    GOOD(model_train_plan(&t->train, &t->model, &t->memory, &t->batch, &t->training));
    GOOD(model_eval_plan(&t->eval, &t->model, &t->memory, &t->batch));
    GOOD(model_flush_plan(&t->flush, &t->model, &t->training));
}

void tiny_bert_close(tiny_bert *t) {
    plan_free(&t->train);
    plan_free(&t->eval);
    plan_free(&t->flush);
    arena_free(&t->table_arena);
    pack_free(&t->pack);
    batch_free(&t->batch);
    model_memory_free(&t->memory);
    model_free(&t->model);
    bert_config_free(&t->config);
    cr_assert_eq(t->device.validation_errors, 0);
    device_close(&t->device);
}

static void run(plan *p, const step_info *step) {
    GOOD(plan_submit(p, step));
    GOOD(plan_wait(p, step->slot));
}

void tiny_bert_step(tiny_bert *t, const pack_sentence *sentences, uint32_t count, uint32_t step) {
    GOOD(pack_fill(&t->pack, &t->batch, 0, sentences, count, 0, true));
    step_info info = pack_step(&t->pack, 0, step, 42);
    run(&t->train, &info);
}

double tiny_bert_loss(const tiny_bert *t) {
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t micro = 0; micro < t->pack.micro_count; micro++) {
        uint32_t n = t->pack.micros[micro].sentences;
        double *losses = tiny_bert_values(span_at(t->batch.losses, 0, micro), n);
        for (uint32_t i = 0; i < n; i++) sum += losses[i];
        count += n;
        mem_free(losses);
    }
    return sum / count;
}

double tiny_bert_evaluate(tiny_bert *t, const pack_sentence *sentences, uint32_t count) {
    GOOD(pack_fill(&t->pack, &t->batch, 0, sentences, count, 0, false));
    step_info info = pack_step(&t->pack, 0, 1, 42);
    run(&t->eval, &info);
    return tiny_bert_loss(t);
}

void tiny_bert_flush(tiny_bert *t, uint32_t step) {
    step_info info = {.step = step, .seed = 42};
    run(&t->flush, &info);
}

double *tiny_bert_values(span s, size_t count) {
    double *values = NULL;
    GOOD(mem_new(&values, count));
    GOOD(device_read_f64(values, s, count));
    return values;
}

double *tiny_bert_gradient(const tiny_bert *t, const param *p) {
    if (p->field != PARAM_token) return tiny_bert_values(p->g, p->count);
    double *full = NULL;
    uint32_t *rows = NULL, used = t->pack.step_rows;
    GOOD(mem_new(&full, p->count));
    GOOD(mem_new(&rows, used));
    GOOD(device_read_u32(rows, span_at(t->batch.step_rows, 0, 0), used));
    double *compact = tiny_bert_values(p->g, (size_t)used * p->cols);
    for (uint32_t i = 0; i < used; i++)
        memcpy(full + (size_t)rows[i] * p->cols, compact + (size_t)i * p->cols,
               p->cols * sizeof *full);
    mem_free(rows);
    mem_free(compact);
    return full;
}
