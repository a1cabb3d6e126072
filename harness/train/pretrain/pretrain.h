/* Pretraining: a masked language model on a corpus, from scratch or on from a given model.
 *
 * pretrain_open prepares everything (device, corpus, tokenizer, model, output folder) and finds
 * what can fail early; pretrain_train trains; pretrain_keep_model leaves the model in
 * <output>/model with its card; run_finish ends the run once its record is on the disk too. The
 * output folder is a run's (train/run/run.h): the same files, locks, checkpoints and rules of
 * resuming; record.json has a schema of its own. */
#ifndef HARNESS_TRAIN_PRETRAIN_PRETRAIN_H
#define HARNESS_TRAIN_PRETRAIN_PRETRAIN_H

#include "data/corpus/corpus.h"
#include "train/pretrain/corpus_feed.h"
#include "train/run/run.h"

/* Where weights are there already, as transformers' run_mlm has it (without a warmup); the rate of
 * a model from scratch would undo what they know. */
#define PRETRAIN_ONWARD_RATE 5e-5

/* Strings are borrowed until pretrain_close. */
typedef struct pretrain_request {
    run_request run;           /* model, recipe, seed, device, folders; its task is not looked at */
    const char *const *corpus; /* (corpus_count) one name, or files */
    size_t corpus_count;
    const char *vocab; /* of a preset: a vocab.txt or a folder with one; NULL: the program's own */
    uint32_t tokens_per_batch; /* 0: by sentences, the recipe's batch size */
    double mlm_probability;
    bool whole_word;
    double max_minutes; /* 0: no limit; else the steps are those that fit it (pretrain_planned) */
    bool split_long;    /* what is longer than the maximum goes on as a further sentence */
    /* Not told: of a model that brings its weights the recipe's become PRETRAIN_ONWARD_RATE, none. */
    bool is_usual_rate, is_usual_warmup;
} pretrain_request;

/* Of the tokens chosen in the held-out sentences. In trainer_evaluation the score is the accuracy.
 */
typedef struct heldout_result {
    double loss, accuracy; /* of a sum over `chosen` tokens */
    uint64_t chosen;
} heldout_result;

typedef struct pretrain {
    run run;
    pretrain_request request;
    corpus corpus;
    corpus_prepared prepared;
    token_store train, heldout;
    masking masking;
    corpus_feed feed;
    double begun; /* clock */
} pretrain;

/* As run_open: with p->run.is_finished nothing more may be called than pretrain_close. With is_dry
 * the cache still gets the prepared corpus, which the run then finds there. */
err pretrain_open(pretrain *p, const pretrain_request *request) MUST_CHECK;
/* Errors: ERR_INTERRUPTED after Ctrl-C, with a checkpoint saved; trainer_run's. */
err pretrain_train(pretrain *p) MUST_CHECK;
err pretrain_keep_model(pretrain *p) MUST_CHECK;
void pretrain_close(pretrain *p);

/* Under a limit of minutes: how many steps, with their evaluations, fit what is left of it, by a
 * few steps that are trained for nothing; a resumed run keeps the number it began with. The
 * schedule is then of that many steps. pre: the output folder is open. */
err pretrain_planned(uint32_t *steps, pretrain *p) MUST_CHECK;
/* Opens p->feed and the trainer; max_steps as in corpus_feed_options. */
err pretrain_open_trainer(pretrain *p, uint32_t max_steps) MUST_CHECK;

/* Loss and accuracy of the held-out sentences under the model as it is, masked as in no epoch of
 * training; the same masks each time. pre: no step is under way, token rows are current. */
err heldout_evaluate(heldout_result *out, const pretrain *p) MUST_CHECK;

/* Writes <folder>/README.md. Nothing in it depends on when or in which folder the run was made.
 * Errors: ERR_IO, ERR_MEMORY. */
err pretrain_card(const char *folder, const pretrain *p) MUST_CHECK;

#endif
