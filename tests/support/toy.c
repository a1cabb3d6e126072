#include "support/toy.h"

#include "support/must.h"

#include <stdio.h>

void toy_open(toy *t, const char *selector, size_t rows) {
    memset(t, 0, sizeof *t);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t n = 2 + (i * 5) % (TOY_LONGEST - 1);
        t->ids[i][0] = 2;
        for (uint32_t k = 1; k < n; k++) t->ids[i][k] = 5 + (i * 7 + k * 11) % (TOY_VOCABULARY - 5);
        t->ids[i][1] = 5 + i % TOY_CLASSES;
        t->sentences[i] = (pack_sentence){t->ids[i], n, n, {i % TOY_CLASSES}};
        t->data.tokens += n;
    }
    t->data.sentences = t->sentences;
    t->data.count = rows;
    t->data.longest = TOY_LONGEST;
    MUST(model_config_preset(&t->config, "tiny", TOY_VOCABULARY));
    t->config.hidden = 24;
    t->config.heads = 2;
    t->config.intermediate = 48;
    t->config.positions = 16;
    t->config.classes = TOY_CLASSES;
    recipe_defaults(&t->recipe);
    t->recipe.learning_rate = 1e-3;
    MUST(device_open_named(&t->device, selector, NULL));
}

void toy_close(toy *t) {
    cr_assert_eq(t->device.validation_errors, 0);
    device_close(&t->device);
}

void toy_trainer(trainer *tr, toy *t, const trainer_options *options) {
    MUST(trainer_init(tr, &t->device, &t->config, &t->data, &t->recipe, options));
    MUST(params_draw(&tr->model.params, options->seed, 0.1f, NULL));
}

void toy_train(toy *t, uint32_t seed, char digest[65], float *losses) {
    trainer tr;
    trainer_options options = {.seed = seed};
    toy_trainer(&tr, t, &options);
    MUST(trainer_run(&tr));
    cr_assert_eq(tr.done, tr.total_steps);
    MUST(params_digest(&tr.model.params, digest));
    if (losses) memcpy(losses, tr.losses, tr.total_steps * sizeof *losses);
    trainer_free(&tr);
}

void toy_words(tokenizer *words) {
    char names[TOY_VOCABULARY][8], *tokens[TOY_VOCABULARY];
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    for (int i = 0; i < TOY_VOCABULARY; i++) {
        if (i < 5)
            snprintf(names[i], sizeof names[i], "%s", special[i]);
        else
            snprintf(names[i], sizeof names[i], "w%d", i);
        tokens[i] = names[i];
    }
    MUST(tokenizer_from_tokens(words, tokens, TOY_VOCABULARY, false));
}
