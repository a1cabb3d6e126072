/* A model that labels sentences: what `predict` does with arguments, lines and files alike. */
#ifndef HARNESS_CLI_PREDICTOR_H
#define HARNESS_CLI_PREDICTOR_H

#include "cli/options.h"
#include "train/evaluate/scorer.h"

/* A label and what the model gives it. */
typedef struct label_score {
    double value;
    uint32_t id;
} label_score;

typedef struct predictor {
    scorer scorer;
    evaluator evaluator; /* for batches of up to evaluator.capacity */
    bool evaluator_is_open;
    const options *options;
    uint32_t max_length, batch_size, classes;
    uint32_t top;        /* labels shown */
    double *values;      /* (classes) scores of the sentence ranked last, by id; owned */
    label_score *scores; /* (classes) the same, largest first; owned */
    uint32_t *by_name;   /* (classes) ids in the order of their labels; owned */
    char between[2];     /* what stands between several labels in a file */
    size_t names_bytes, betweens_most; /* of all labels; of `between` in the one that has most */
    bool in_units;                     /* each unit of a text is answered */
    unit_kind unit;
    size_t done, cut, lost; /* rows, those that were truncated, and units that went with that */
    size_t pieces, unknown; /* as in encoded, of all rows */
    bool pairs;             /* texts are pairs: --pair says so, or the model */
    size_t tabs;            /* lines that --pair would have cut at a tab */
    model_reads reads;      /* as the model's folder says, or the task that was named */
    size_t unmarked;        /* texts without the markers of entities that the model reads */
    size_t joined;          /* words with punctuation at their rim that the model wants apart */
    size_t label_columns;   /* of a label, for people */
} predictor;

/* Opens the model of the folder, with names of labels as --task and --label-map say. Free with
 * predictor_close, also after an error. */
err predictor_open(predictor *p, const options *o, const char *folder) MUST_CHECK;
void predictor_close(predictor *p);

/* Scores sentences; *logits (count, classes) is owned. Stops between batches once `stops` says so,
 * with ERR_INTERRUPTED; NULL: never. */
err predictor_score(predictor *p, float **logits, const example *examples, size_t count,
                    bool (*stops)(void)) MUST_CHECK;

/* The same, and the rows as they were read, of results of any width (encoded_results,
 * evaluated_width); counts what was read. rows and *logits are owned, also after an error. */
err predictor_encode(predictor *p, encoded *rows, float **logits, const example *examples,
                     size_t count, bool (*stops)(void)) MUST_CHECK;

/* Its two halves. The first changes nothing of p: it may go on beside the second, of other rows. */
err predictor_read(encoded *rows, const predictor *p, const example *examples,
                   size_t count) MUST_CHECK;
err predictor_run(predictor *p, float **logits, const encoded *rows, const example *examples,
                  bool (*stops)(void)) MUST_CHECK;

/* Scores of one sentence, into values and scores, as transformers' text-classification pipeline
 * computes them. */
void predictor_rank(predictor *p, const float *logits);
/* Its second half: scores after values. */
void predictor_order(predictor *p);

/* Whether a model says each label by itself, above one half; how many of scores it says. */
bool predictor_says_several(const predictor *p);
uint32_t predictor_said(const predictor *p);

/* Sentences by what was said of them. */
typedef struct label_counts {
    uint64_t *of; /* (classes) that have the label, owned */
    uint64_t none,
        empty; /* that have none of several; whose text is empty, likewise counted above */
    uint32_t classes;
} label_counts;

err label_counts_init(label_counts *c, uint32_t classes) MUST_CHECK;
void label_counts_free(label_counts *c);
/* pre: of as many classes */
void label_counts_copy(label_counts *to, const label_counts *from);
/* Adds the label of the sentence ranked last, or all that it has of several. */
void predictor_count(label_counts *counts, const predictor *p);

const char *predictor_label(const predictor *p, uint32_t id, char fallback[24]);
/* The id of a label, or p->classes. */
uint32_t predictor_find(const predictor *p, text_span label);

#endif
