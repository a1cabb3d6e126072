/* The table of trials, continued: a parser's scores. Its nodes are the tokens of a packed batch. */
#include "compute/verify/verify_internal.h"

typedef struct pair_shape {
    uint32_t rows, width, classes, size;
    sentence_style style;
    bool regions;
} pair_shape;

// widths hold the longest sentence of the style
static const pair_shape shapes[] = {
    {1, 1, 1, 1, SENTENCES_SINGLE, false},      {65, 67, 5, 64, SENTENCES_SHORT, true},
    {37, 37, 38, 17, SENTENCES_SINGLE, false},  {64, 3, 2, 33, SENTENCES_ONES, true},
    {211, 80, 38, 128, SENTENCES_SHORT, false}, {257, 129, 3, 100, SENTENCES_TILE, true},
};

static size_t shapes_to_try(const verify_run *run) {
    return run->extent == VERIFY_QUICK ? 3 : COUNT(shapes);
}

static trial start(op_kind kind, const pair_shape *s) {
    trial t = verify__start(kind, s->rows, "R %u width %u C %u K %u%s", s->rows, s->width,
                            s->classes, s->size, s->regions ? " regions" : "");
    t.style = s->style;
    if (s->regions) verify__use_regions(&t);
    return t;
}

/* The cases of an op: its arguments beside rows and size, of a shape s. */
#define CASES(name, ...)                                                                           \
    err verify__cases_##name(verify_run *run) {                                                    \
        for (size_t i = 0; i < shapes_to_try(run); i++) {                                          \
            const pair_shape *s = &shapes[i];                                                      \
            trial t = start(OP_##name, s);                                                         \
            t.o.as.name =                                                                          \
                (struct name){.rows = verify__tokens_of(&t), .size = s->size, __VA_ARGS__};        \
            TRY(verify__trial(run, &t));                                                           \
        }                                                                                          \
        return ERR_OK;                                                                             \
    }
CASES(arc_scores, .width = s->width)
CASES(arc_scores_bwd, .width = s->width)
CASES(relation_scores, .classes = s->classes)
CASES(relation_scores_bwd, .classes = s->classes, .width = s->width)
CASES(relation_best, .classes = s->classes, .width = s->width)
