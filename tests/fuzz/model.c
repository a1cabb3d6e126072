#include "model.h"

#include "fuzz.h"
#include "tokens.h"

#include <string.h>

static void make(fuzz_model *m) {
    static uint32_t ids[] = {2, 5, 6, 3};
    static pack_sentence sentences[] = {{ids, 4, 4, {0}}, {ids, 4, 4, {1}}};
    m->data = (encoded){.sentences = sentences, .count = 2, .tokens = 8, .longest = 4};
    const char *vocab = fuzz_file("model.txt", tokens_vocabulary, strlen(tokens_vocabulary));
    FUZZ_CHECK(tokenizer_load(&m->words, vocab, true) == ERR_OK);
    FUZZ_CHECK(model_config_preset(&m->config, "tiny", (uint32_t)m->words.count) == ERR_OK);
    m->config.layers = 1;
    m->config.hidden = 4;
    m->config.heads = 2;
    m->config.intermediate = 4;
    m->config.positions = 8;
    recipe r;
    recipe_defaults(&r);
    r.max_steps = 4;
    trainer_options o = {.seed = 42};
    FUZZ_CHECK(device_open_named(&m->device, "reference", NULL) == ERR_OK);
    FUZZ_CHECK(trainer_init(&m->trainer, &m->device, &m->config, &m->data, &r, &o) == ERR_OK);
    FUZZ_CHECK(params_draw(&m->trainer.model.params, 42, 0.02f, NULL) == ERR_OK);
}

fuzz_model *fuzz_model_get(void) {
    static fuzz_model model;
    if (!model.trainer.device) make(&model);
    return &model;
}
