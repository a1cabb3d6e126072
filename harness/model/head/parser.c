/* Dependency trees: of each word its head and the relation to it, by biaffine scores. Nodes are the
 * root, [CLS], and one token a word. Four dense layers with GELU and dropout make of each node what
 * it is as a dependent and as a head, for arcs and for relations; arc scores are (U d + u) . h,
 * whose bias u says how likely a node is to be a head at all; relation scores have both linear terms
 * and a bias. The loss is the sum of the cross-entropies of the head among the sentence's nodes and
 * of the relation to the right head. The dropout of a sentence's nodes is one. Source: Dozat,
 * Manning 2017.
 *
 * Sizes beside head.h's: A of arcs, E of relations, W most nodes of a sentence (head__parser_width).
 */
#include "model/head/parser.h"

#include "metric/arcs.h"
#include "model/builder.h"

enum { ARC_DEPENDENT, ARC_HEADS_PART, RELATION_DEPENDENT, RELATION_HEADS_PART };

static const param_field fields[PARSER_PARTS] = {PARAM_arc_dependent_weight, PARAM_arc_head_weight,
                                                 PARAM_relation_dependent_weight,
                                                 PARAM_relation_head_weight};

static uint32_t size_of(const model_config *c, int part) {
    return part < RELATION_DEPENDENT ? c->arc_size : c->relation_size;
}

static uint32_t outputs_of(const model_config *c, const batch_capacity *capacity) {
    (void)c;
    return PARSER_PLANES * head__parser_width(capacity);
}

static err memory_of(head_memory *m, arena *a, const model_config *c, size_t rows, bool training) {
    size_t relations = rows * c->classes, bilinear = relations * c->relation_size;
    const model_want list[] = {{&m->arc, rows * c->arc_size},  {&m->bilinear, bilinear},
                               {&m->linear, relations},        {&m->relations, relations},
                               {&m->darc, rows * c->arc_size}, {&m->dbilinear, bilinear}};
    err e = model__take(a, list, training ? 6 : 4);
    for (int i = 0; i < PARSER_PARTS && !e; i++) {
        size_t n = rows * size_of(c, i);
        const model_want part[] = {{&m->part[i], n}, {&m->part_pre[i], n}, {&m->dpart[i], n}};
        e = model__take(a, part, training ? 3 : 1);
    }
    return e;
}

/* A plane of the outputs (R, W): the arcs' scores, or the best relations. */
static span plane(const model_builder *b, parser_plane which, dim rows) {
    size_t count = (size_t)rows.max * head__parser_width(&b->batch->capacity);
    return span_part(b->batch->outputs, (size_t)which * count, count);
}

static err drop(const model_builder *b, dim rows, span x, int part) {
    return op_dropout(b->plan, &(struct dropout){.y = x,
                                                 .x = x,
                                                 .ordinals = b->batch->chosen_sentence,
                                                 .rows = rows,
                                                 .hidden = size_of(b->c, part),
                                                 .drop = {b->training->classifier_dropout,
                                                          MODEL_SITE_PARSER - (uint32_t)part}});
}

static err forward_arcs(const model_builder *b, dim rows) {
    const head_memory *m = &b->memory->head;
    span none = {0};
    err e =
        model__linear(b, m->arc, none, m->part[ARC_DEPENDENT], PARAM_arc_weight, 0, ACT_NONE, rows);
    return e ? e
             : op_arc_scores(b->plan,
                             &(struct arc_scores){.scores = plane(b, PARSER_ARCS, rows),
                                                  .dependent = m->arc,
                                                  .head = m->part[ARC_HEADS_PART],
                                                  .nodes = b->batch->nodes,
                                                  .rows = rows,
                                                  .width = head__parser_width(&b->batch->capacity),
                                                  .size = b->c->arc_size});
}

static err forward_relations(const model_builder *b, dim rows) {
    const head_memory *m = &b->memory->head;
    span none = {0}, x = m->part[RELATION_DEPENDENT];
    err e = model__linear(b, m->bilinear, none, x, PARAM_relation_weight, 0, ACT_NONE, rows);
    if (!e)
        e = model__linear(b, m->linear, none, x, PARAM_relation_linear_weight, 0, ACT_NONE, rows);
    if (!e)
        e = op_relation_scores(b->plan,
                               &(struct relation_scores){.scores = m->relations,
                                                         .bilinear = m->bilinear,
                                                         .linear = m->linear,
                                                         .head = m->part[RELATION_HEADS_PART],
                                                         .heads = b->batch->heads,
                                                         .rows = rows,
                                                         .classes = b->c->classes,
                                                         .size = b->c->relation_size});
    if (e || b->training) return e;
    return op_relation_best(
        b->plan, &(struct relation_best){.best = plane(b, PARSER_RELATIONS, rows),
                                         .bilinear = m->bilinear,
                                         .linear = m->linear,
                                         .head = m->part[RELATION_HEADS_PART],
                                         .nodes = b->batch->nodes,
                                         .rows = rows,
                                         .classes = b->c->classes,
                                         .size = b->c->relation_size,
                                         .width = head__parser_width(&b->batch->capacity)});
}

static err forward(const model_builder *b, dim rows, span x) {
    const head_memory *m = &b->memory->head;
    span none = {0};
    err e = ERR_OK;
    for (int i = 0; i < PARSER_PARTS && !e; i++) {
        e = model__linear(b, m->part[i], b->training ? m->part_pre[i] : none, x, fields[i], 0,
                          ACT_GELU, rows);
        if (!e && b->training) e = drop(b, rows, m->part[i], i);
    }
    if (!e) e = forward_arcs(b, rows);
    return e ? e : forward_relations(b, rows);
}

/* Gradients take the scores' place. */
static err loss(const model_builder *b, dim rows) {
    span none = {0}, arcs = plane(b, PARSER_ARCS, rows), relations = b->memory->head.relations;
    err e = op_cross_entropy(
        b->plan, &(struct cross_entropy){.loss = b->batch->losses,
                                         .dlogits = b->training ? arcs : none,
                                         .logits = arcs,
                                         .targets = b->batch->targets,
                                         .rows = rows,
                                         .classes = head__parser_width(&b->batch->capacity)});
    return e ? e
             : op_cross_entropy(b->plan,
                                &(struct cross_entropy){.loss = b->batch->losses,
                                                        .dlogits = b->training ? relations : none,
                                                        .logits = relations,
                                                        .targets = b->batch->relations,
                                                        .rows = rows,
                                                        .classes = b->c->classes,
                                                        .adds = true});
}

static err backward_relations(const model_builder *b, dim rows) {
    const head_memory *m = &b->memory->head;
    span none = {0}, x = m->part[RELATION_DEPENDENT], dx = m->dpart[RELATION_DEPENDENT];
    model_pre plain = {0};
    err e = op_relation_scores_bwd(
        b->plan, &(struct relation_scores_bwd){.dbilinear = m->dbilinear,
                                               .dhead = m->dpart[RELATION_HEADS_PART],
                                               .dscores = m->relations,
                                               .bilinear = m->bilinear,
                                               .head = m->part[RELATION_HEADS_PART],
                                               .heads = b->batch->heads,
                                               .nodes = b->batch->nodes,
                                               .rows = rows,
                                               .classes = b->c->classes,
                                               .size = b->c->relation_size,
                                               .width = head__parser_width(&b->batch->capacity)});
    if (!e)
        e = model__linear_backward(b, dx, plain, none, m->relations, x,
                                   PARAM_relation_linear_weight, 0, rows);
    return e ? e
             : model__linear_backward(b, dx, plain, dx, m->dbilinear, x, PARAM_relation_weight, 0,
                                      rows);
}

static err backward_arcs(const model_builder *b, dim rows) {
    const head_memory *m = &b->memory->head;
    span none = {0};
    err e = op_arc_scores_bwd(
        b->plan, &(struct arc_scores_bwd){.ddependent = m->darc,
                                          .dhead = m->dpart[ARC_HEADS_PART],
                                          .dscores = plane(b, PARSER_ARCS, rows),
                                          .dependent = m->arc,
                                          .head = m->part[ARC_HEADS_PART],
                                          .nodes = b->batch->nodes,
                                          .rows = rows,
                                          .width = head__parser_width(&b->batch->capacity),
                                          .size = b->c->arc_size});
    return e ? e
             : model__linear_backward(b, m->dpart[ARC_DEPENDENT], (model_pre){0}, none, m->darc,
                                      m->part[ARC_DEPENDENT], PARAM_arc_weight, 0, rows);
}

static err backward(const model_builder *b, dim rows, span dx, span x) {
    const head_memory *m = &b->memory->head;
    span none = {0};
    err e = backward_relations(b, rows);
    if (!e) e = backward_arcs(b, rows);
    for (int i = 0; i < PARSER_PARTS && !e; i++) {
        struct activation_bwd slope = {.dx = m->dpart[i],
                                       .dy = m->dpart[i],
                                       .pre = m->part_pre[i],
                                       .act = ACT_GELU,
                                       .rows = rows,
                                       .cols = size_of(b->c, i)};
        if ((e = drop(b, rows, m->dpart[i], i)) || (e = op_activation_bwd(b->plan, &slope)))
            return e;
        e = model__linear_backward(b, dx, (model_pre){0}, i ? dx : none, m->dpart[i], x, fields[i],
                                   0, rows);
    }
    return e;
}

const head head_dependency_parsing = {
    .class_name = "ForDependencyParsing",
    .reads = HEAD_READS_CHOSEN,
    .target = {ELEM_U32, ARC_WIDTH, ANSWER_ARCS, 1},
    .output = PARAM_relation_linear_weight,
    .outputs = outputs_of,
    .memory = memory_of,
    .forward = forward,
    .loss = loss,
    .backward = backward,
};
