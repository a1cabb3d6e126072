#include "train/evaluate/fill_mask.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/pack.h"
#include "model/weights/weights.h"
#include "train/evaluate/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static err load(fill_mask *f) {
    weights_report report = {0};
    err e = model_init(&f->model, &f->device, &f->base_model.config, 0);
    if (!e) e = weights_load(&f->model.params, &report, f->base_model.folder, 0, 0);
    if (!e && report.drawn_count)
        e = err_set(ERR_DATA, "%s: no masked language model there: tensor '%s' is missing",
                    f->base_model.folder, report.drawn[0]);
    weights_report_free(&report);
    return e;
}

err fill_mask_open(fill_mask *f, const char *model, const base_model_options *wish,
                   const char *selector, const device_options *options) {
    *f = (fill_mask){0};
    if (model_preset_known(model))
        return err_set(ERR_USAGE,
                       "preset '%s' has no weights before it is trained: name the folder of its "
                       "pretraining",
                       model);
    err e = base_model_open(&f->base_model, model, NULL, wish);
    if (e) return e;
    if (f->base_model.tokenizer.mask_id == TOKENIZER_NO_ID)
        return err_set(ERR_DATA, "%s: the tokenizer has no mask token ([MASK])",
                       f->base_model.folder);
    f->base_model.config.head = &head_masked_lm;
    if ((e = device_open_named(&f->device, selector, options))) return e;
    f->device_is_open = true;
    return load(f);
}

void fill_mask_close(fill_mask *f) {
    model_free(&f->model);
    if (f->device_is_open) device_close(&f->device);
    base_model_free(&f->base_model);
    *f = (fill_mask){0};
}

/* The id of a word, or of its first piece; TOKENIZER_NO_ID when it has none. */
static err find_target(uint32_t *id, const tokenizer *t, const char *word) {
    encoding pieces = {0};
    *id = tokenizer_find(t, word);
    if (*id != TOKENIZER_NO_ID) return ERR_OK;
    err e = tokenizer_encode(t, &pieces, word, strlen(word), 0);
    if (!e && pieces.count > 2) *id = pieces.ids[1]; // behind [CLS]
    if (!e && *id == TOKENIZER_NO_ID)
        log_warn("target '%s' is no token and has no pieces: it is passed over", word);
    else if (!e)
        log_warn("target '%s' is no token: '%s' is taken for it", word, tokenizer_text(t, *id));
    encoding_free(&pieces);
    return e;
}

err fill_mask_targets(uint32_t **ids, size_t *id_count, const fill_mask *f,
                      const char *const *words, size_t count) {
    err e = mem_new(ids, count);
    *id_count = 0;
    for (size_t i = 0; i < count && !e; i++) {
        uint32_t id = TOKENIZER_NO_ID;
        bool is_new = true;
        e = find_target(&id, &f->base_model.tokenizer, words[i]);
        for (size_t k = 0; k < *id_count; k++) is_new = is_new && (*ids)[k] != id;
        if (!e && is_new && id != TOKENIZER_NO_ID) (*ids)[(*id_count)++] = id;
    }
    if (!e && !*id_count) e = err_set(ERR_USAGE, "none of the targets is a token of the model");
    return e;
}

static err encode(fill_answer *a, const fill_mask *f, const char *text) {
    const tokenizer *t = &f->base_model.tokenizer;
    uint32_t most = base_model_max_length(&f->base_model, 0, UINT32_MAX);
    err e = tokenizer_encode(t, &a->tokens, text, strlen(text), 0);
    if (e || (e = mem_new(&a->places, a->tokens.count))) return e;
    for (size_t i = 0; i < a->tokens.count; i++)
        if (a->tokens.ids[i] == t->mask_id) a->places[a->mask_count++] = (uint32_t)i;
    if (!a->mask_count)
        return err_set(ERR_DATA, "there is no %s in the text '%.200s'",
                       tokenizer_text(t, t->mask_id), text);
    if (a->tokens.count > most)
        return err_set(ERR_DATA, "the text has %zu tokens, the model takes %u at most",
                       a->tokens.count, most);
    return ERR_OK;
}

/* logits (mask_count, V): of the rows where [MASK] stands. */
static err compute(float *logits, const fill_answer *a, const fill_mask *f) {
    uint32_t tokens = (uint32_t)a->tokens.count, chosen = (uint32_t)a->mask_count, *wanted = NULL;
    batch_capacity c = {
        .tokens = tokens, .sentences = 1, .micros = 1, .max_length = tokens, .chosen = chosen};
    model_memory memory = {0};
    batch b = {0};
    pack p = {0};
    plan forward = {0};
    model_capacity(&c, &f->model);
    err e = mem_new(&wanted, a->mask_count); // what the loss, not looked at, compares with
    if (e || (e = model_memory_init(&memory, &f->model, &c, false))) goto done;
    if ((e = batch_init(&b, f->model.params.device, &c)) || (e = pack_init(&p, &b))) goto done;
    if ((e = model_eval_plan(&forward, &f->model, &memory, &b))) goto done;
    const pack_sentence sentence = {
        a->tokens.ids, tokens, tokens, {.chosen = {a->places, wanted, chosen}}};
    if ((e = pack_fill(&p, &b, 0, &sentence, 1, false))) goto done;
    step_info step = pack_step(&p, 0, 1, 0);
    if ((e = plan_submit(&forward, &step)) || (e = plan_wait(&forward, 0))) goto done;
    e = device_read_f32(logits, memory.head.doutputs, a->mask_count * c.outputs);
done:
    plan_free(&forward);
    pack_free(&p);
    batch_free(&b);
    model_memory_free(&memory);
    mem_free(wanted);
    return e;
}

static int by_score(const void *a, const void *b) {
    const fill_choice *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

/* Orders the candidates (count) of one mask; all: (V) scratch. */
static err rank(fill_choice *best, size_t top, const float *logits, double *all,
                fill_choice *candidates, size_t count, uint32_t vocabulary) {
    for (uint32_t i = 0; i < vocabulary; i++)
        if (!isfinite(logits[i]))
            return err_set(ERR_NUMERIC, "the logit of token %u is not finite", i);
    predict_probabilities(all, logits, vocabulary);
    for (size_t i = 0; i < count; i++) candidates[i].score = all[candidates[i].token];
    qsort(candidates, count, sizeof *candidates, by_score);
    memcpy(best, candidates, top * sizeof *best);
    return ERR_OK;
}

err fill_mask_run(fill_answer *out, const fill_mask *f, const char *text, const uint32_t *targets,
                  size_t target_count, size_t top) {
    uint32_t vocabulary = f->base_model.config.vocabulary;
    size_t count = targets ? target_count : vocabulary;
    float *logits = NULL;
    double *all = NULL;
    fill_choice *candidates = NULL;
    *out = (fill_answer){.top = top < count ? top : count};
    err e = encode(out, f, text);
    if (e) return e;
    if ((e = mem_new(&logits, out->mask_count * vocabulary))) goto done;
    if ((e = mem_new(&all, vocabulary)) || (e = mem_new(&candidates, count))) goto done;
    if ((e = mem_new(&out->choices, out->mask_count * out->top))) goto done;
    for (size_t i = 0; i < count; i++) candidates[i].token = targets ? targets[i] : (uint32_t)i;
    e = compute(logits, out, f);
    for (size_t m = 0; m < out->mask_count && !e; m++)
        e = rank(out->choices + m * out->top, out->top, logits + m * vocabulary, all, candidates,
                 count, vocabulary);
done:
    mem_free(logits);
    mem_free(all);
    mem_free(candidates);
    return e;
}

void fill_answer_free(fill_answer *a) {
    encoding_free(&a->tokens);
    mem_free(a->places);
    mem_free(a->choices);
    *a = (fill_answer){0};
}

err fill_answer_sequence(strbuf *out, const fill_mask *f, const fill_answer *a, size_t m,
                         size_t c) {
    const tokenizer *t = &f->base_model.tokenizer;
    uint32_t *ids = NULL;
    size_t count = 0;
    err e = mem_new(&ids, a->tokens.count);
    for (size_t i = 0; i < a->tokens.count && !e; i++) {
        uint32_t id = i == a->places[m] ? a->choices[m * a->top + c].token : a->tokens.ids[i];
        if (id != t->pad_id) ids[count++] = id;
    }
    if (!e) e = tokenizer_decode(t, out, ids, count, a->mask_count == 1);
    mem_free(ids);
    return e;
}
