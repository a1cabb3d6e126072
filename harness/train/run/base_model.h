/* Where a model comes from: a preset trained from scratch, or a Hugging Face folder. */
#ifndef HARNESS_TRAIN_RUN_BASE_MODEL_H
#define HARNESS_TRAIN_RUN_BASE_MODEL_H

#include "base/json.h"
#include "data/dataset.h"
#include "model/config.h"
#include "text/tokenizer.h"

typedef struct base_model {
    char *name;          /* "tiny", "tiny-electra", or the folder's own name; owned */
    char *folder;        /* NULL for a preset; owned */
    model_config config; /* labels are those of the folder until the run sets its own */
    tokenizer tokenizer;
    char vocab_sha256[65];
    cJSON *corpus;            /* of its weights (model_corpus.h), owned; NULL: nothing says it */
    uint64_t classifier_rows; /* of the folder's classifier; 0: it has none, or was not looked at */
    uint32_t *label_rows; /* of a classifier whose labels have another order (labels.h); owned */
} base_model;

typedef struct base_model_options {
    bool offline;
    bool from_scratch;          /* a folder's weights are not used */
    bool cased;                 /* as tokenizer_load */
    const encoder_family *arch; /* of a preset; NULL: BERT */
    bool marked;                /* markers of the texts (text/markers.h) are no words to learn */
} base_model_options;

/* Whether `model` can name one, before anything is read or asked for: a preset, a model that comes
 * with the program (shipped.h), a folder, or a hub name (with a '/', or of a family: "bert-base-uncased"). Errors: ERR_USAGE, with the nearest
 * preset, model of the program or folder here. */
err base_model_check_name(const char *model) MUST_CHECK;

/* Finds what `model` names: a preset, a model of the program, a folder, or a hub name (downloaded into the hub's cache
 * unless offline). Reads the configuration; the tokenizer of a folder is loaded, that of a preset
 * is trained on the kept rows of train. Free with base_model_free, also after an error. Errors:
 * those of base_model_check_name; those of the config, tokenizer and trainer. */
err base_model_open(base_model *s, const char *model, const dataset_split *train,
                    const base_model_options *options) MUST_CHECK;

/* A preset with the tokens of a vocab.txt, or of a folder with one; one that does not say keeps
 * case. Errors: ERR_USAGE listing presets; tokenizer_load's. */
err base_model_open_vocab(base_model *s, const char *preset, const encoder_family *arch,
                          const char *vocab) MUST_CHECK;

/* Loads config and tokenizer of a model folder, or of the model in a run's output folder, and
 * compares the config with the weights (weights_promise). */
err base_model_open_folder(base_model *s, const char *folder,
                           const base_model_options *options) MUST_CHECK;

/* Adds the tokens that a task wants (markers of relations) to the tokenizer, where it lacks them;
 * the embedding grows by the rows that it lacks then, as transformers' resize_token_embeddings has
 * it. joins: also what stands right behind an entity (text/markers.h). Errors: ERR_USAGE for joins
 * where the task is of no relations; those of tokenizer_add_special. */
err base_model_add_tokens(base_model *s, const task *t, bool joins) MUST_CHECK;

void base_model_free(base_model *s);

/* Most tokens of a sentence: wanted (0: fallback), but no more than the model's positions and the
 * tokenizer's own limit. */
uint32_t base_model_max_length(const base_model *s, uint32_t wanted, uint32_t fallback);

#endif
