/* Logits of a model for sentences: what scores and predictions come from. */
#ifndef HARNESS_TRAIN_EVALUATE_EVALUATE_H
#define HARNESS_TRAIN_EVALUATE_EVALUATE_H

#include "model/model.h"
#include "train/evaluate/encode.h"

typedef struct evaluator {
    const struct model *model; /* borrowed */
    const model_memory *memory;
    model_memory own; /* when no memory was lent */
    batch_capacity capacity;
    batch batch;
    pack packs[SLOT_COUNT];
    plan plan;
    uint32_t batch_size; /* sentences scored at once */
    /* Is given the results of each batch, in their order: logits (count, evaluated_width), borrowed
     * until it returns, and how many came before. The caller sets it; NULL: all are kept. */
    err (*take)(void *context, const float *logits, size_t first, size_t count);
    void *take_context;
    float *window; /* of those that it is given */
    size_t window_capacity;
    struct group *group; /* whose rank this is, which is watched meanwhile; NULL: none */
    double losses;       /* of the last evaluator_run: their sum, and how many they were */
    size_t loss_count;
} evaluator;

/* Capacity that evaluating data in batches of batch_size needs, in memory (NULL: its own). */
void evaluator_capacity(batch_capacity *c, const encoded *data, uint32_t batch_size,
                        const model_memory *memory);

/* Prepares for data within `capacity` (what the model decides is filled in here). memory NULL:
 * makes its own; else it is borrowed and must hold the capacity. Free with evaluator_free, also
 * after an error. */
err evaluator_init(evaluator *e, const struct model *m, const model_memory *memory,
                   const batch_capacity *capacity, uint32_t batch_size) MUST_CHECK;
void evaluator_free(evaluator *e);

/* What an evaluation says of each node of a parser: reals that are whole but for the last. */
enum { EVALUATED_HEAD, EVALUATED_RELATION, EVALUATED_CHANCE, EVALUATED_OF_NODE };

/* Numbers that an evaluation gives for each result: C, or of a parser, whose trees it makes of the
 * scores, EVALUATED_OF_NODE. */
static inline uint32_t evaluated_width(const struct model *m) {
    return m->head->target.kind == ANSWER_ARCS ? EVALUATED_OF_NODE : m->config.classes;
}

/* Scores all sentences, or their units, in order.
 *   logits  (encoded_results(data), evaluated_width); not used with `take`
 *   loss    mean cross-entropy, optional
 * pre: no training step is running and token rows are current. Errors: ERR_DEVICE; ERR_NUMERIC
 * naming the sentence whose logits are not finite. */
err evaluator_run(evaluator *e, float *logits, double *loss, const encoded *data,
                  const char *progress) MUST_CHECK;

/* What the head says of rows by their logits, as `answers` has it; both are owned.
 *   predicted  (rows) or (units); left NULL where the logits are the answers
 *   begin      (rows + 1) first unit of each row; left NULL where rows have none */
err predict_answers(uint32_t **predicted, uint32_t **begin, const struct head *h,
                    const float *logits, const encoded *rows, uint32_t classes) MUST_CHECK;

/* softmax of one row of logits, in f64. */
void predict_probabilities(double *probabilities, const float *logits, uint32_t classes);

/* Mean loss of predictions as the trainer computes it (trainer.h): of classes and tags with
 * smoothing, and weights (classes) or NULL. */
double predict_loss(answer_kind kind, const float *logits, const pack_sentence *sentences,
                    size_t count, uint32_t classes, double smoothing, const double *weights);

#endif
