/* A BERT on a device with a batch, plans and step data in place: what model tests start from. */
#ifndef HARNESS_TESTS_SUPPORT_TINY_MODEL_H
#define HARNESS_TESTS_SUPPORT_TINY_MODEL_H

#include "data/pack.h"
#include "model/model.h"
#include "train/recipe/schedule.h"

typedef struct tiny_model {
    device device;
    model_config config;
    struct model model;
    model_memory memory;
    batch batch;
    pack pack;
    arena table_arena;
    model_training training;
    plan train, eval, flush;
} tiny_model;

/* model.keeps_all_rows of the next tiny_model_open. */
extern bool tiny_model_all_rows;

/* tiny_model_close leaves the device open for the next tiny_model_open with the same tiny_model
 * (zeroed at first), which saves compiling kernels again; the caller closes it in the end. */
extern bool tiny_model_keeps_device;

/* Opens the device (cr_skip_test when it is not built in or not there) and makes everything for
 * micro-batches of capacity->tokens and so on. The config is taken over. */
void tiny_model_open(tiny_model *t, const char *selector, const model_config *config,
                     const batch_capacity *capacity, const model_training *training,
                     const schedule *rates, double weight_decay);
void tiny_model_close(tiny_model *t);

/* Packs and runs one optimizer step, and waits. */
void tiny_model_step(tiny_model *t, const pack_sentence *sentences, uint32_t count, uint32_t step);
/* Mean loss of the step's sentences. */
double tiny_model_loss(const tiny_model *t);
/* Forward alone; mean loss. */
double tiny_model_evaluate(tiny_model *t, const pack_sentence *sentences, uint32_t count);
/* Brings all token rows up to `step`. */
void tiny_model_flush(tiny_model *t, uint32_t step);

/* Gradient of a parameter as (rows, cols) f64, the token embedding's rows put in place. Owned. */
double *tiny_model_gradient(const tiny_model *t, const param *p);
/* A step whose rates are 0: gradients of some elements of every parameter against central
 * differences of the loss. For f64. */
void tiny_model_check_gradients(tiny_model *t, const pack_sentence *sentences, uint32_t count);
/* Values of a real span, widened. Owned (mem_free). */
double *tiny_model_values(span s, size_t count);

#endif
