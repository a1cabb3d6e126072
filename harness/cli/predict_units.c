#include "cli/predict_units.h"

#include "base/memory.h"
#include "cli/predict_tree.h"

#include <math.h>

static bool is_parser(const predictor *p) {
    return p->scorer.model.head->target.kind == ANSWER_ARCS;
}

static err find_units(predictor *p, example *examples, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        text_unit *list = NULL;
        example_units *units = &examples[i].target.units;
        e = units_find(&list, &units->count, p->unit, examples[i].texts[0].text,
                       examples[i].texts[0].bytes);
        units->list = list;
        examples[i].in_units = true;
        examples[i].in_tree = is_parser(p);
        examples[i].first_pieces = p->scorer.base_model.config.first_pieces;
        if (!e && is_parser(p)) p->joined += predict_tree_joined(&p->scorer, &examples[i]);
    }
    return e;
}

/* What the tokens that answer give their tags, NAN for units inside one. */
static err score_units(double **scores, const predictor *p, const encoded *rows, size_t units,
                       const float *logits) {
    double *values = NULL;
    size_t u = 0;
    err e = mem_new(scores, units);
    if (!e) e = mem_new(&values, p->classes);
    for (size_t i = 0; !e && i < rows->count; i++)
        for (uint32_t k = 0; k < rows->units[i].count; k++, u++) {
            (*scores)[u] = (double)NAN;
            if (rows->units[i].first[k] < 0) continue;
            predict_probabilities(values, logits, p->classes);
            for (uint32_t c = 0; c < p->classes; c++)
                (*scores)[u] = c ? fmax((*scores)[u], values[c]) : values[c];
            logits += p->classes;
        }
    mem_free(values);
    return e;
}

err unit_answers_make(unit_answers *a, predictor *p, example *examples, size_t count,
                      bool (*stops)(void)) {
    *a = (unit_answers){.examples = examples, .count = count};
    err e = find_units(p, examples, count);
    if (!e) e = predictor_encode(p, &a->rows, &a->logits, examples, count, stops);
    if (!e)
        e = predict_answers(&a->said.classes, &a->said.begin, p->scorer.model.head, a->logits,
                            &a->rows, p->classes);
    if (!e && !is_parser(p))
        e = score_units(&a->scores, p, &a->rows, a->said.begin[count], a->logits);
    return e;
}

void unit_answers_free(unit_answers *a) {
    for (size_t i = 0; i < a->count; i++)
        mem_free((void *)(uintptr_t)a->examples[i].target.units.list);
    answer_arrays_free(&a->said);
    mem_free(a->logits);
    mem_free(a->scores);
    encoded_free(&a->rows);
    *a = (unit_answers){0};
}

static err add_tree(cJSON *o, const unit_answers *a, const predictor *p, size_t row) {
    const float *nodes = a->logits;
    for (size_t i = 0; i < row; i++)
        nodes += (size_t)a->rows.sentences[i].target.chosen.count * EVALUATED_OF_NODE;
    return predict_tree_json(o, &p->scorer, &a->examples[row],
                             a->said.classes + (size_t)a->said.begin[row] * ARC_WIDTH,
                             &a->rows.units[row], nodes);
}

tagged_text unit_answers_tagged(const unit_answers *a, const predictor *p, size_t row) {
    uint32_t begin = a->said.begin[row];
    return (tagged_text){.of = &a->examples[row],
                         .tags = a->said.classes + begin,
                         .labels = (const char *const *)p->scorer.base_model.config.labels,
                         .classes = p->classes,
                         .scores = a->scores + begin};
}

const char *const *unit_answers_names(const predictor *p, size_t *count) {
    static const char *const tree[] = {"words", "heads", "labels", "scores"};
    static const char *const entities[] = {"entities"};
    *count = is_parser(p) ? sizeof tree / sizeof *tree : 1;
    return is_parser(p) ? tree : entities;
}

err unit_answers_json(cJSON *o, const unit_answers *a, const predictor *p, size_t row) {
    if (is_parser(p)) return add_tree(o, a, p, row);
    tagged_text t = unit_answers_tagged(a, p, row);
    return entities_json(o, &t);
}
