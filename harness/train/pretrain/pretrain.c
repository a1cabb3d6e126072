#include "train/pretrain/pretrain.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "model/head/head.h"
#include "train/run/run_parts.h"
#include "train/run/shipped.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A preset with the tokens of the vocabulary named, or of the program's own. */
static err open_preset(pretrain *p) {
    const run_request *q = &p->request.run;
    char *folder = NULL;
    if (p->request.vocab)
        return base_model_open_vocab(&p->run.base_model, q->model, q->arch, p->request.vocab);
    err e = shipped_folder(&folder, SHIPPED_DEFAULT);
    if (!e) log_note("vocabulary of %s, as none is named", SHIPPED_DEFAULT);
    if (!e) e = base_model_open_vocab(&p->run.base_model, q->model, q->arch, folder);
    mem_free(folder);
    return e;
}

static void choose_onward(pretrain *p) {
    recipe *r = &p->run.request.recipe;
    if (!p->run.base_model.folder || p->run.request.from_scratch) return;
    if (p->request.is_usual_rate) r->learning_rate = PRETRAIN_ONWARD_RATE;
    if (p->request.is_usual_warmup) r->warmup_steps = 0;
    p->request.run.recipe = *r;
    log_note("goes on from the weights of %s: learning rate %g, %s warmup step%s",
             p->run.base_model.name, r->learning_rate, SHOWN_COUNT(r->warmup_steps),
             shown_plural(r->warmup_steps));
}

/* A preset takes its tokens from a vocabulary, any other model has its own. */
static err open_base_model(void *context) {
    pretrain *p = context;
    const run_request *q = &p->request.run;
    const base_model_options wish = {q->offline, q->from_scratch, q->cased, q->arch, false};
    bool is_preset = model_preset_known(q->model);
    if (!is_preset && p->request.vocab)
        return err_set(ERR_USAGE, "model '%s' has a vocabulary of its own: '%s' cannot replace it",
                       q->model, p->request.vocab);
    err e = is_preset ? open_preset(p) : base_model_open(&p->run.base_model, q->model, NULL, &wish);
    if (e) return e;
    choose_onward(p);
    p->run.base_model.config.head = &head_masked_lm;
    p->run.base_model.config.reads = MODEL_READS_UNKNOWN; // what it was fine-tuned on is undone
    p->run.max_length = base_model_max_length(&p->run.base_model, q->recipe.max_length,
                                              model_config_longest(&p->run.base_model.config));
    return masking_init(&p->masking, &p->run.base_model.tokenizer,
                        p->run.base_model.config.vocabulary, p->request.mlm_probability,
                        p->request.whole_word, q->seed);
}

static corpus_options corpus_place(const run_request *q) {
    return (corpus_options){q->data_dir, q->task_dir, q->offline, false};
}

static err prepare_corpus(void *context) {
    pretrain *p = context;
    const run_request *q = &p->request.run;
    const corpus_options options = corpus_place(q);
    const corpus_rules rules = {.max_length = p->run.max_length,
                                .split_long = p->request.split_long};
    double begin = clock_seconds();
    err e = corpus_prepare(&p->prepared, &p->corpus, &p->run.base_model.tokenizer, &rules, NULL,
                           &options);
    if (!e) e = token_store_open(&p->train, p->prepared.train);
    if (!e) e = token_store_open(&p->heldout, p->prepared.heldout);
    p->run.tokenize_s = clock_seconds() - begin;
    return e;
}

static err evaluate_heldout(void *context, trainer *t) {
    pretrain *p = context;
    run *r = &p->run;
    double begin = clock_seconds();
    heldout_result found;
    err e = heldout_evaluate(&found, p);
    if (e) return e;
    if (!found.chosen) {
        log_warn("step %u of %u: no token of the held-out sentences is chosen: they have no loss",
                 t->done, t->total_steps);
        return ERR_OK;
    }
    double perplexity = exp(found.loss);
    const log_value values[] = {{"eval_loss", found.loss},
                                {"eval_perplexity", perplexity},
                                {"eval_accuracy", found.accuracy},
                                {"eval_runtime", clock_seconds() - begin}};
    if ((e = run_log_values(r, values, sizeof values / sizeof *values))) return e;
    if ((e = trainer_add_evaluation(t, found.accuracy, found.loss))) return e;
    (void)run_judge(r, t->evaluation_count - 1);
    log_note("step %u of %u: held-out loss %.4f, perplexity %.2f, accuracy %.4f", t->done,
             t->total_steps, found.loss, perplexity, found.accuracy);
    return ERR_OK;
}

err pretrain_open_trainer(pretrain *p, uint32_t max_steps) {
    run *r = &p->run;
    const recipe *c = &r->request.recipe;
    const corpus_feed_options wish = {.tokens_per_batch = p->request.tokens_per_batch,
                                      .batch_size = c->per_device_train_batch_size,
                                      .epochs = c->num_train_epochs,
                                      .max_steps = max_steps,
                                      .seed = r->request.seed};
    loss_scaler scaler;
    trainer_options options = run_trainer_options(r, &scaler);
    if (p->heldout.count) {
        options.evaluate.call = evaluate_heldout;
        options.evaluate.context = p;
        options.evaluate.every = c->eval_steps;
        options.evaluate.at_epochs = c->eval_steps == 0;
        corpus_capacity(&options.lend, &p->heldout, &p->masking, p->heldout.tokens);
    }
    options.lend.micros = 2; // a batch is one micro-batch, or two where many tokens are chosen
    if (p->masking.whole_words && options.lend.chosen) // which come together
        options.lend.micros += 2 * (options.lend.tokens / options.lend.chosen);
    err e = corpus_feed_init(&p->feed, &p->train, &p->masking, &wish);
    if (e) return e;
    feed f = corpus_feed_of(&p->feed);
    e = trainer_init_feed(&r->trainer, &r->device, &r->base_model.config, &f, c, &options);
    return e;
}

static err find_corpus(void *context) {
    pretrain *p = context;
    const run_request *q = &p->request.run;
    const corpus_options options = corpus_place(q);
    return corpus_open(&p->corpus, p->request.corpus, p->request.corpus_count, &options);
}

/* The output folder is rank 0's, and what it finds there all others hear. */
static err open_output(pretrain *p, uint32_t *steps) {
    run *r = &p->run;
    struct group *g = r->request.group;
    err e = ERR_OK;
    if (run_writes(r) && !(e = run_output_name(r)) && !(e = run_output_open(r))) e = run_compare(r);
    if (!e && run_writes(r) && !r->is_finished && !r->request.is_dry) e = run_output_check(r);
    if (!e) e = group_broadcast(g, &r->is_finished, sizeof r->is_finished);
    return e || r->is_finished || p->request.max_minutes <= 0 ? e : pretrain_planned(steps, p);
}

err pretrain_open(pretrain *p, const pretrain_request *request) {
    run *r = &p->run;
    struct group *g = request->run.group;
    err e = ERR_OK;
    uint32_t steps = request->run.recipe.max_steps;
    *p = (pretrain){.request = *request,
                    .run = {.request = request->run, .lock = -1},
                    .begun = clock_seconds()};
    if ((e = group_first(g, find_corpus, p))) return e;
    r->task.name = p->corpus.name;
    r->best.higher_is_better = true; // accuracy
    if ((e = run_open_device(r))) return e;
    if (run_writes(r) && (e = run_output_prepare(r))) return e;
    if ((e = group_first(g, open_base_model, p))) return e;
    run_hold(r); // reading a corpus stops where it is told to
    if ((e = group_first(g, prepare_corpus, p)) || (e = run_check_interrupt())) return e;
    const run_corpus identity = {p->prepared.digest, request->tokens_per_batch,
                                 request->mlm_probability, request->max_minutes,
                                 request->whole_word};
    if ((e = run_identify_corpus(r, &identity)) || (e = run_compare_ranks(r))) return e;
    if ((e = open_output(p, &steps)) || r->is_finished) return e;
    if ((e = pretrain_open_trainer(p, steps)) || (e = run_check_interrupt())) return e;
    if (run_writes(r) && (e = run_check_disk(r))) return e;
    if ((e = run_load_weights(r)) || (e = run_check_interrupt()) || r->request.is_dry) return e;
    if ((e = run_begin(r))) return e;
    return run_log_open(r);
}

void pretrain_close(pretrain *p) {
    run_close(&p->run);
    corpus_feed_free(&p->feed);
    masking_free(&p->masking);
    token_store_close(&p->train);
    token_store_close(&p->heldout);
    corpus_prepared_free(&p->prepared);
    corpus_close(&p->corpus);
    *p = (pretrain){0};
}

err pretrain_train(pretrain *p) {
    run *r = &p->run;
    err e = trainer_run(&r->trainer);
    group_watch(r->request.group, WATCH_HOST, NULL); // until run_close
    run_release(r);
    if (!e) e = run_log_end(r);
    if (!e && run_writes(r)) e = train_log_end(&r->log, r->trainer.done);
    if (!e) e = params_digest(&r->trainer.model.params, r->final_sha256);
    if (!e) e = run_compare_weights(r);
    return run_name_checkpoint(r, e);
}

static err write_card(const char *folder, const void *context) {
    return pretrain_card(folder, context);
}

err pretrain_keep_model(pretrain *p) {
    return run_write_model(&p->run, "model", write_card, p);
}
