/* What the comparisons with PyTorch need and no verb tells: logits, the last layer's [CLS] states
 * and gradients.
 *
 *     model_pass FOLDER ROWS.json DEVICE OUT.safetensors [--gradients]
 *
 * FOLDER is a Hugging Face directory of a supported family, ROWS.json a list of {"ids": [...], "label": N}. Without
 * --gradients rows are evaluated 8 at a time and `logits` (N, C), `losses` (N) and `cls` (N, H) are
 * written. With it all rows are one training step without dropout: `logits`, `losses`, and
 * "grad.KEY" of the mean loss for every checkpoint key. Weights are never changed. */
#include "base/json.h"
#include "base/memory.h"
#include "model/model.h"
#include "model/weights/safetensors.h"
#include "model/weights/weights.h"
#include "train/recipe/schedule.h"
#include "train/step/capacity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVAL_ROWS = 8, FOLDER_SEED = 42 };

typedef struct pass {
    bool gradients;
    pack_sentence *rows; /* (count) */
    uint32_t count, *ids;
    device device;
    model_config config;
    struct model model;
    model_memory memory;
    batch_capacity capacity;
    batch batch;
    pack pack;
    arena table_arena;
    model_training training;
    plan plan;
    float *logits, *losses, *cls; /* (count, C), (count), (count, H) */
} pass;

static void pass_free(pass *p) {
    plan_free(&p->plan);
    arena_free(&p->table_arena);
    pack_free(&p->pack);
    batch_free(&p->batch);
    model_memory_free(&p->memory);
    model_free(&p->model);
    model_config_free(&p->config);
    if (p->device.info.name[0]) device_close(&p->device);
    mem_free(p->rows);
    mem_free(p->ids);
    mem_free(p->logits);
    mem_free(p->losses);
    mem_free(p->cls);
}

static err row_read(pack_sentence *row, uint32_t *ids, const cJSON *item, const pass *p) {
    const cJSON *list = NULL, *id;
    int64_t label = 0;
    err e = json_array(&list, item, "ids", "row");
    if (e) return e;
    if ((e = json_whole(&label, item, "label", 0, p->config.classes - 1, "row"))) return e;
    uint32_t n = 0;
    cJSON_ArrayForEach(id, list) {
        if (!(id->valuedouble >= 0 && id->valuedouble < p->config.vocabulary))
            return err_set(ERR_DATA, "row: id %g is not in the vocabulary", id->valuedouble);
        ids[n++] = (uint32_t)id->valuedouble;
    }
    if (!n || n > model_config_longest(&p->config))
        return err_set(ERR_DATA, "row: %u ids, expected 1 to %u", n,
                       model_config_longest(&p->config));
    *row = (pack_sentence){ids, n, n, {(uint32_t)label}};
    return ERR_OK;
}

static err rows_read(pass *p, const char *path) {
    cJSON *root = NULL;
    const cJSON *item;
    size_t total = 0;
    err e = json_read(&root, path, 0);
    if (e) return e;
    cJSON_ArrayForEach(item, root) {
        total += (size_t)cJSON_GetArraySize(cJSON_GetObjectItem(item, "ids"));
        p->count++;
    }
    if (!p->count) e = err_set(ERR_DATA, "%s: expected a list of rows", path);
    if (!e) e = mem_new(&p->rows, p->count);
    if (!e) e = mem_new(&p->ids, total);
    uint32_t *ids = p->ids, i = 0;
    for (item = root->child; !e && item; item = item->next, i++) {
        e = row_read(&p->rows[i], ids, item, p);
        ids += p->rows[i].count;
    }
    cJSON_Delete(root);
    return e;
}

/* A table of two steps at rate 0: the update changes nothing. */
static err open_table(pass *p) {
    double table[2 * 4];
    schedule still = {SCHEDULE_constant, 0, 0, 1};
    schedule_table(table, &still, 0, 0.9, 0.999);
    arena_init(&p->table_arena, &p->device, 0, false);
    err e = arena_take(&p->table_arena, &p->training.table, 2 * 4, p->device.real);
    return e ? e : device_write_f64(p->training.table, table, 2 * 4);
}

static err pass_open(pass *p, const char *folder) {
    weights_report report = {0};
    batch_capacity *c = &p->capacity;
    uint32_t step = p->gradients ? p->count : EVAL_ROWS;
    err e = ERR_OK;
    for (uint32_t first = 0; first < p->count; first += step) {
        uint32_t n = p->count - first < step ? p->count - first : step;
        capacity_raise(c, p->rows + first, NULL, n, 0);
    }
    uint32_t token_rows = p->gradients ? c->tokens * c->micros : 0;
    if ((e = model_init(&p->model, &p->device, &p->config, token_rows))) return e;
    e = weights_load(&p->model.params, &report, folder, FOLDER_SEED, p->config.initializer_range);
    weights_report_free(&report);
    if (e) return e;
    if ((e = model_memory_init(&p->memory, &p->model, c, p->gradients))) return e;
    model_capacity(c, &p->model);
    if ((e = batch_init(&p->batch, &p->device, c))) return e;
    if ((e = pack_init(&p->pack, &p->batch))) return e;
    if ((e = mem_new(&p->logits, (size_t)p->count * c->outputs))) return e;
    if ((e = mem_new(&p->losses, p->count))) return e;
    if ((e = mem_new(&p->cls, (size_t)p->count * p->config.hidden))) return e;
    if (!p->gradients) return model_eval_plan(&p->plan, &p->model, &p->memory, &p->batch);
    p->training.beta1 = 0.9;
    p->training.beta2 = 0.999;
    p->training.eps = 1e-8f;
    if ((e = open_table(p))) return e;
    return model_train_plan(&p->plan, &p->model, &p->memory, &p->batch, &p->training);
}

/* Runs rows first to first + n as one step and reads what it left. */
static err run_rows(pass *p, uint32_t first, uint32_t n) {
    size_t classes = p->config.classes, hidden = p->config.hidden;
    err e = pack_fill(&p->pack, &p->batch, 0, p->rows + first, n, p->gradients);
    if (e) return e;
    step_info info = pack_step(&p->pack, 0, 1, 0);
    if ((e = plan_submit(&p->plan, &info)) || (e = plan_wait(&p->plan, 0))) return e;
    for (uint32_t micro = 0; !e && micro < p->pack.micro_count; micro++) {
        size_t at = first + p->pack.first_sentence[micro], m = p->pack.micros[micro].sentences;
        span logits = span_at(p->batch.outputs, 0, micro);
        e = device_read_f32(p->logits + at * classes, logits, m * classes);
        if (!e) e = device_read_f32(p->losses + at, span_at(p->batch.losses, 0, micro), m);
    }
    if (e || p->gradients) return e;
    if (p->pack.micro_count != 1)
        return err_set(ERR_UNSUPPORTED, "rows %u to %u do not fit one micro-batch", first,
                       first + n - 1);
    return device_read_f32(p->cls + first * hidden, p->memory.encoder.read, n * hidden);
}

static err run_all(pass *p) {
    uint32_t step = p->gradients ? p->count : EVAL_ROWS;
    err e = ERR_OK;
    for (uint32_t first = 0; !e && first < p->count; first += step)
        e = run_rows(p, first, p->count - first < step ? p->count - first : step);
    return e;
}

static err declare_gradients(safetensors_writer *w, const params *ps) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < ps->count; i++) {
        const param *q = &ps->list[i];
        size_t slices = param_slices(q);
        const uint64_t shape[] = {q->rows / slices, q->cols};
        for (size_t s = 0; !e && s < slices; s++) {
            char key[PARAM_NAME_BYTES], name[PARAM_NAME_BYTES + 8];
            param_key(q, s, key);
            snprintf(name, sizeof name, "grad.%s", key);
            e = safetensors_declare(w, name, shape, q->is_vector ? 1 : 2);
        }
    }
    return e;
}

/* The token embedding's gradient: the step's rows in their places, zero elsewhere. */
static err token_gradient(float *out, const pass *p, const param *token) {
    uint32_t *rows = NULL, used = p->pack.step_rows;
    float *compact = NULL;
    size_t cols = token->cols;
    err e = mem_new(&rows, used);
    if (!e) e = mem_new(&compact, used * cols);
    if (!e) e = device_read_u32(rows, span_at(p->batch.step_rows, 0, 0), used);
    if (!e) e = device_read_f32(compact, token->g, used * cols);
    for (size_t i = 0; !e && i < used; i++)
        memcpy(out + rows[i] * cols, compact + i * cols, cols * sizeof *out);
    mem_free(rows);
    mem_free(compact);
    return e;
}

static err add_gradients(safetensors_writer *w, const pass *p) {
    const params *ps = &p->model.params;
    err e = ERR_OK;
    for (size_t i = 0; !e && i < ps->count; i++) {
        const param *q = &ps->list[i];
        float *values = NULL;
        if ((e = mem_new(&values, q->count))) return e;
        e = q->is_sparse ? token_gradient(values, p, q) : device_read_f32(values, q->g, q->count);
        if (!e) e = safetensors_add(w, values, q->count);
        mem_free(values);
    }
    return e;
}

static err write_all(const pass *p, const char *path) {
    safetensors_writer w = {0};
    const uint64_t logits[] = {p->count, p->config.classes}, cls[] = {p->count, p->config.hidden};
    err e = ERR_OK;
    if ((e = safetensors_declare(&w, "logits", logits, 2))) goto done;
    if ((e = safetensors_declare(&w, "losses", logits, 1))) goto done;
    if (!p->gradients && (e = safetensors_declare(&w, "cls", cls, 2))) goto done;
    if (p->gradients && (e = declare_gradients(&w, &p->model.params))) goto done;
    if ((e = safetensors_writer_begin(&w, path))) goto done;
    if ((e = safetensors_add(&w, p->logits, (size_t)p->count * p->config.classes))) goto done;
    if ((e = safetensors_add(&w, p->losses, p->count))) goto done;
    if (!p->gradients && (e = safetensors_add(&w, p->cls, (size_t)p->count * p->config.hidden)))
        goto done;
    if (p->gradients && (e = add_gradients(&w, p))) goto done;
    e = safetensors_writer_commit(&w);
done:
    safetensors_writer_free(&w);
    return e;
}

int main(int argc, char **argv) {
    pass p = {.gradients = argc == 6 && strcmp(argv[5], "--gradients") == 0};
    char *config = NULL;
    err e = ERR_OK;
    if (argc != 5 && !p.gradients) {
        fprintf(stderr,
                "usage: model_pass FOLDER ROWS.json DEVICE OUT.safetensors [--gradients]\n");
        return 2;
    }
    json_setup();
    if ((e = path_join(&config, argv[1], "config.json"))) goto done;
    if ((e = model_config_read(&p.config, config))) goto done;
    if ((e = rows_read(&p, argv[2]))) goto done;
    if ((e = device_open_named(&p.device, argv[3], NULL))) goto done;
    if ((e = pass_open(&p, argv[1]))) goto done;
    if ((e = run_all(&p))) goto done;
    e = write_all(&p, argv[4]);
done:
    if (e) fprintf(stderr, "model_pass: %s\n", err_message(e));
    mem_free(config);
    pass_free(&p);
    return e != ERR_OK;
}
