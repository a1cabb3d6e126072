/* Heads: what a model makes of its encoder's rows. A head is one file with its row here; its
 * parameters stand in params.def like all others.
 *
 * Sizes: R rows that the head reads, C numbers that it gives for each, H hidden. */
#ifndef HARNESS_MODEL_HEAD_HEAD_H
#define HARNESS_MODEL_HEAD_HEAD_H

#include "model/batch.h"
#include "model/params.h"

struct model_builder;

/* Dense layers of a parser: a node as a dependent and as a head, for arcs and for relations. */
enum { PARSER_PARTS = 4 };

/* Which rows of the encoder's last layer. */
typedef enum head_rows {
    HEAD_READS_FIRST, /* the first token's of each sentence: R = B */
    HEAD_READS_ALL,   /* every token's: R = T */
    HEAD_READS_CHOSEN /* those that the batch lists (batch.h, chosen) */
} head_rows;

/* What a head keeps from its forward, and gradients. Absent where it needs none. */
typedef struct head_memory {
    span dense, dropped;  /* (R, H) behind its dense layer and activation, and behind the dropout */
    span input;           /* (R, H) behind a dropout before the dense layer */
    span dense_pre;       /* (R, H) before the activation */
    span ddense;          /* (R, H) */
    span doutputs;        /* (R, C) */
    span normal, dnormal; /* (R, E) behind a LayerNorm of the dense layer, whose sums these are: */
    span mean, rstd;      /* (R) */
    /* of a parser (parser.h): A, E its sizes of arcs and relations, C relations */
    span part[PARSER_PARTS], part_pre[PARSER_PARTS]; /* (R, A or E) its dense layers */
    span dpart[PARSER_PARTS];
    span arc, darc;           /* (R, A) */
    span bilinear, dbilinear; /* (R, C, E) */
    span linear, relations;   /* (R, C); in training relations become their gradient */
} head_memory;

typedef struct head {
    const char *class_name; /* of transformers, behind the family's: "ForSequenceClassification" */
    head_rows reads;
    target_layout target;
    bool has_dense; /* the pooler, or the dense layer that the family has in its place */
    /* The weight of the product that gives `classes` outputs, named by id2label; 0: it has none */
    param_field output;
    bool hides_outputs; /* they stay in the head's memory: nothing else reads them */
    /* C, where it is the batch's as well (parser.h). */
    uint32_t (*outputs)(const model_config *c, const batch_capacity *capacity);
    /* Takes what m needs for `rows` rows from the arena. */
    err (*memory)(head_memory *m, arena *a, const model_config *c, size_t rows, bool training);
    /* Append operations: x (R, H) to batch->outputs; outputs to batch->losses and, in training,
     * their gradient; that gradient to the head's parameters and to dx (R, H), which is absent when
     * nothing below the head is trained. */
    err (*forward)(const struct model_builder *b, dim rows, span x);
    err (*loss)(const struct model_builder *b, dim rows);
    err (*backward)(const struct model_builder *b, dim rows, span dx, span x);
    /* What outputs (count, C) say of classes: predicted (count), as targets are laid out. NULL: the
     * outputs are the answers (struct answers in metric/score.h), numbers or scores of labels; of
     * outputs that stay hidden the loss says it, as batch->predicted. */
    void (*decode)(uint32_t *predicted, const float *outputs, size_t count, size_t classes);
} head;

/* X(name): head_<name> is defined in head/<name>.c (dependency_parsing: in parser.c). */
#define HEADS(X)                                                                                   \
    X(classification)                                                                              \
    X(regression)                                                                                  \
    X(multi_label)                                                                                 \
    X(token_classification)                                                                        \
    X(dependency_parsing)                                                                          \
    X(masked_lm)

#define X(name) extern const head head_##name;
HEADS(X)
#undef X

/* The head of rows that are answered with that kind. */
static inline const head *head_of_kind(answer_kind kind) {
    switch (kind) {
    case ANSWER_CLASS:
    case ANSWER_RELATION: break;
    case ANSWER_NUMBER: return &head_regression;
    case ANSWER_SET: return &head_multi_label;
    case ANSWER_TAGS: return &head_token_classification;
    case ANSWER_ARCS: return &head_dependency_parsing;
    }
    return &head_classification;
}

/* The head that a configuration means: the one that it names, or that of its scores. */
static inline const head *head_of(const model_config *c) {
    return c->head                             ? c->head
           : c->scores == MODEL_SCORES_RAW     ? &head_regression
           : c->scores == MODEL_SCORES_SIGMOID ? &head_multi_label
                                               : &head_classification;
}

#endif
