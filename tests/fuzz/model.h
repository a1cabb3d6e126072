/* A trainer of a BERT of 4 hidden units on the reference device, for the targets of checkpoints. */
#ifndef TESTS_FUZZ_MODEL_H
#define TESTS_FUZZ_MODEL_H

#include "text/tokenizer.h"
#include "train/step/trainer.h"

typedef struct fuzz_model {
    device device;
    model_config config;
    tokenizer words;
    encoded data;
    trainer trainer;
} fuzz_model;

/* Made at the first call and kept; weights are drawn. */
fuzz_model *fuzz_model_get(void);

#endif
