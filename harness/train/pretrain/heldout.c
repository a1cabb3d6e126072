#include "train/pretrain/pretrain.h"

#include "base/log.h"

#include <math.h>

/* Masks of evaluations are those of an epoch that no training comes to. */
static const uint32_t HELDOUT_EPOCH = UINT32_MAX;

typedef struct evaluation {
    const pretrain *p;
    batch batch;
    pack pack;
    plan plan;
    masked_sentences sentences;
    double loss;
    uint64_t chosen, right;
} evaluation;

static err run_batch(evaluation *v) {
    err e = pack_fill(&v->pack, &v->batch, 0, v->sentences.list, v->sentences.count, false);
    if (e) return e;
    step_info step = pack_step(&v->pack, 0, 1, 0);
    if ((e = plan_submit(&v->plan, &step)) || (e = plan_wait(&v->plan, 0))) return e;
    for (uint32_t micro = 0; micro < v->pack.micro_count; micro++) {
        uint32_t n = v->pack.micros[micro].chosen;
        span losses = span_at(v->batch.losses, 0, micro);
        const uint32_t *found = span_host(span_at(v->batch.predicted, 0, micro));
        const uint32_t *wanted = span_host(span_at(v->batch.targets, 0, micro));
        for (uint32_t i = 0; i < n; i++) {
            v->loss += span_real(losses, i);
            v->right += found[i] == wanted[i];
        }
        v->chosen += n;
    }
    masked_sentences_clear(&v->sentences);
    return ERR_OK;
}

/* Batches of as many sentences as fit one micro-batch by their tokens. */
static err run_all(evaluation *v) {
    const token_store *store = &v->p->heldout;
    uint32_t tokens = 0;
    err e = ERR_OK;
    for (uint64_t i = 0; !e && i < store->count; i++) {
        uint32_t n = token_store_length(store, i);
        if (tokens + n > v->batch.capacity.tokens) {
            e = run_batch(v);
            tokens = 0;
        }
        tokens += n;
        if (!e) masked_sentences_add(&v->sentences, store, &v->p->masking, i, HELDOUT_EPOCH);
    }
    return e || !v->sentences.count ? e : run_batch(v);
}

err heldout_evaluate(heldout_result *out, const pretrain *p) {
    const trainer *t = &p->run.trainer;
    evaluation v = {.p = p};
    batch_capacity c = t->options.lend;
    err e = ERR_OK;
    *out = (heldout_result){0};
    model_capacity(&c, &t->model);
    if ((e = batch_init(&v.batch, t->device, &c))) goto done;
    if ((e = pack_init(&v.pack, &v.batch))) goto done;
    if ((e = model_eval_plan(&v.plan, &t->model, trainer_evaluation_memory(t), &v.batch)))
        goto done;
    if ((e = masked_sentences_init(&v.sentences, c.tokens, c.tokens))) goto done;
    if ((e = run_all(&v))) goto done;
    out->chosen = v.chosen;
    out->loss = v.chosen ? v.loss / (double)v.chosen : 0;
    out->accuracy = v.chosen ? (double)v.right / (double)v.chosen : 0;
    if (!isfinite(out->loss))
        e = err_set(ERR_NUMERIC, "the loss of the held-out sentences is not finite (%g)",
                    out->loss);
done:
    masked_sentences_free(&v.sentences);
    plan_free(&v.plan);
    pack_free(&v.pack);
    batch_free(&v.batch);
    return e;
}
