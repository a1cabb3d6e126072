#include "train/evaluate/evaluate.h"

#include "base/log.h"
#include "train/step/capacity.h"

#include <math.h>

void evaluator_capacity(batch_capacity *c, const encoded *data, uint32_t batch_size) {
    for (size_t first = 0; first < data->count; first += batch_size) {
        size_t n = data->count - first < batch_size ? data->count - first : batch_size;
        capacity_raise(c, data->sentences + first, NULL, n, 0);
    }
}

err evaluator_init(evaluator *e, const struct model *m, const model_memory *memory,
                   const batch_capacity *capacity, uint32_t batch_size) {
    err failed = ERR_OK;
    *e = (evaluator){.model = m, .memory = memory, .capacity = *capacity, .batch_size = batch_size};
    batch_capacity *c = &e->capacity;
    model_capacity(c, m);
    if (!memory) {
        if ((failed = model_memory_init(&e->own, m, c, false))) goto done;
        e->memory = &e->own;
    }
    if ((failed = batch_init(&e->batch, m->params.device, c))) goto done;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if ((failed = pack_init(&e->packs[slot], &e->batch))) goto done;
    failed = model_eval_plan(&e->plan, m, e->memory, &e->batch);
done:
    if (failed) evaluator_free(e);
    return failed;
}

void evaluator_free(evaluator *e) {
    plan_free(&e->plan);
    for (int slot = 0; slot < SLOT_COUNT; slot++) pack_free(&e->packs[slot]);
    batch_free(&e->batch);
    model_memory_free(&e->own);
    *e = (evaluator){0};
}

/* Reads the results of the batch that a slot ran; its sentences begin at `first`. */
static err collect(evaluator *e, uint32_t slot, size_t first, float *logits, double *loss) {
    const pack *p = &e->packs[slot];
    uint32_t classes = e->capacity.outputs;
    err failed = plan_wait(&e->plan, slot);
    if (failed) return failed;
    for (uint32_t micro = 0; micro < p->micro_count; micro++) {
        span scores = span_at(e->batch.outputs, slot, micro);
        span losses = span_at(e->batch.losses, slot, micro);
        size_t begin = first + p->first_sentence[micro];
        for (size_t b = 0; b < p->micros[micro].sentences; b++) {
            for (size_t c = 0; c < classes; c++) {
                double value = span_real(scores, b * classes + c);
                if (!isfinite(value))
                    return err_set(ERR_NUMERIC, "logit %zu of sentence %zu is not finite", c,
                                   begin + b);
                logits[(begin + b) * classes + c] = (float)value;
            }
            *loss += span_real(losses, b);
        }
    }
    return ERR_OK;
}

err evaluator_run(evaluator *e, float *logits, double *loss, const encoded *data,
                  const char *progress) {
    size_t begun[SLOT_COUNT] = {0}, batches = 0;
    double sum = 0;
    err failed = ERR_OK;
    for (size_t first = 0; first < data->count; first += e->batch_size, batches++) {
        uint32_t slot = batches % SLOT_COUNT;
        size_t n = data->count - first < e->batch_size ? data->count - first : e->batch_size;
        if (batches >= SLOT_COUNT && (failed = collect(e, slot, begun[slot], logits, &sum)))
            return failed;
        begun[slot] = first;
        if ((failed = pack_fill(&e->packs[slot], &e->batch, slot, data->sentences + first,
                                (uint32_t)n, 0, false)))
            return failed;
        step_info step = pack_step(&e->packs[slot], slot, 1, 0);
        if ((failed = plan_submit(&e->plan, &step))) return failed;
        if (progress) log_progress("%s %zu of %zu", progress, first, data->count);
    }
    size_t tail = batches < SLOT_COUNT ? batches : SLOT_COUNT;
    for (size_t i = batches - tail; i < batches; i++)
        if ((failed = collect(e, i % SLOT_COUNT, begun[i % SLOT_COUNT], logits, &sum)))
            return failed;
    if (progress) log_progress_end();
    if (loss) *loss = data->count ? sum / (double)data->count : 0;
    return ERR_OK;
}

void predict_probabilities(double *probabilities, const float *logits, uint32_t classes) {
    double largest = (double)logits[0], sum = 0;
    for (uint32_t c = 1; c < classes; c++)
        if ((double)logits[c] > largest) largest = (double)logits[c];
    for (uint32_t c = 0; c < classes; c++) {
        probabilities[c] = exp((double)logits[c] - largest);
        sum += probabilities[c];
    }
    for (uint32_t c = 0; c < classes; c++) probabilities[c] /= sum;
}

static double class_loss(const float *logits, const pack_sentence *sentences, size_t count,
                         uint32_t classes, double smoothing, const double *weights) {
    double sum = 0, divisor = 0;
    for (size_t i = 0; i < count; i++) {
        const float *z = logits + i * classes;
        uint32_t label = sentences[i].target.class;
        double largest = (double)z[0], total = 0;
        for (uint32_t c = 1; c < classes; c++) largest = fmax(largest, (double)z[c]);
        for (uint32_t c = 0; c < classes; c++) total += exp((double)z[c] - largest);
        for (uint32_t c = 0; c < classes; c++) {
            double target = smoothing / classes + (c == label ? 1 - smoothing : 0);
            sum += (weights ? weights[c] : 1) * target * (largest + log(total) - (double)z[c]);
        }
        divisor += weights ? weights[label] : 1;
    }
    return count ? sum / divisor : 0;
}

/* The head's losses of numbers (struct number_loss). */
static double number_loss(const float *logits, const pack_sentence *sentences, size_t count,
                          uint32_t classes, bool binary) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < classes; c++) {
            const example_target *target = &sentences[i].target;
            double z = (double)logits[i * classes + c];
            double t = binary ? target->set[c] : (double)target->number;
            sum +=
                (binary ? fmax(z, 0) - z * t + log1p(exp(-fabs(z))) : (z - t) * (z - t)) / classes;
        }
    }
    return count ? sum / (double)count : 0;
}

double predict_loss(answer_kind kind, const float *logits, const pack_sentence *sentences,
                    size_t count, uint32_t classes, double smoothing, const double *weights) {
    return answer_is_label(kind)
               ? class_loss(logits, sentences, count, classes, smoothing, weights)
               : number_loss(logits, sentences, count, classes, kind == ANSWER_SET);
}
