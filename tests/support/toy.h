/* A made-up task for training tests: the label is the second token, the model tiny. */
#ifndef HARNESS_TESTS_SUPPORT_TOY_H
#define HARNESS_TESTS_SUPPORT_TOY_H

#include "train/step/trainer.h"

enum { TOY_ROWS = 24, TOY_LONGEST = 12, TOY_VOCABULARY = 40, TOY_CLASSES = 3 };

typedef struct toy {
    uint32_t ids[TOY_ROWS][TOY_LONGEST];
    pack_sentence sentences[TOY_ROWS];
    encoded data;
    model_config config; /* 2 layers of 24 */
    recipe recipe;       /* transformers' defaults, learning rate 1e-3 */
    device device;
} toy;

/* The first `rows` rows (at most TOY_ROWS) on the device of that selector. */
void toy_open(toy *t, const char *selector, size_t rows);
/* Five special tokens, and w5 to w39. */
void toy_words(tokenizer *words);
/* Fails the test on a message of the validation layer. */
void toy_close(toy *t);

/* A trainer with weights drawn from the seed. */
void toy_trainer(trainer *tr, toy *t, const trainer_options *options);
/* Trains and leaves the digest of the weights; losses may be NULL. */
void toy_train(toy *t, uint32_t seed, char digest[65], float *losses);

#endif
