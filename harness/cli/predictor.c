#include "cli/predictor.h"

#include "base/memory.h"
#include "base/name.h"
#include "base/shown.h"
#include "cli/task_flag.h"
#include "text/markers.h"
#include "train/run/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_SENTENCES = 64,
    BATCHES_AT_ONCE = 4,
    // of names of labels, and beside them on a screen a number and a text
    COLUMNS_LEAST = 16,
    COLUMNS_MOST = 40,
    COLUMNS_BESIDE = 40
};

const char *predictor_label(const predictor *p, uint32_t id, char fallback[24]) {
    const model_config *c = &p->scorer.base_model.config;
    // transformers' LABEL_0 of a lone number names nothing
    if (c->scores == MODEL_SCORES_RAW && c->classes == 1 && labels_are_bare(c)) return "score";
    if (c->labels) return c->labels[id];
    snprintf(fallback, 24, "LABEL_%u", id);
    return fallback;
}

static int compare_spans(text_span a, text_span b) {
    size_t n = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = memcmp(a.text, b.text, n);
    return order ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

typedef struct named {
    char fallback[24];
    text_span label;
    uint32_t id;
} named;

static int by_label(const void *a, const void *b) {
    const named *x = a, *y = b;
    return compare_spans(x->label, y->label);
}

static err order_names(predictor *p) {
    named *list = NULL;
    err e = mem_new(&p->by_name, p->classes);
    if (!e) e = mem_new(&list, p->classes);
    if (e) return e;
    const model_config *config = &p->scorer.base_model.config;
    *p->between =
        name_between((const char *const *)config->labels, config->labels ? p->classes : 0);
    for (uint32_t k = 0; k < p->classes; k++) {
        const char *label = predictor_label(p, k, list[k].fallback);
        list[k].label = (text_span){label, strlen(label)};
        list[k].id = k;
        size_t held = 0;
        for (const char *c = label; (c = strchr(c, *p->between)); c++) held++;
        p->names_bytes += list[k].label.bytes;
        if (held > p->betweens_most) p->betweens_most = held;
    }
    qsort(list, p->classes, sizeof *list, by_label);
    for (uint32_t k = 0; k < p->classes; k++) p->by_name[k] = list[k].id;
    mem_free(list);
    return ERR_OK;
}

uint32_t predictor_find(const predictor *p, text_span label) {
    uint32_t low = 0, high = p->classes;
    while (low < high) {
        char fallback[24];
        uint32_t middle = low + (high - low) / 2, id = p->by_name[middle];
        const char *own = predictor_label(p, id, fallback);
        int order = compare_spans((text_span){own, strlen(own)}, label);
        if (!order) return id;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return p->classes;
}

/* Largest first, the lower id first among equals. */
static int by_value(const void *a, const void *b) {
    const label_score *x = a, *y = b;
    if (x->value != y->value) return x->value > y->value ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

void predictor_rank(predictor *p, const float *logits) {
    double *values = p->values;
    model_scores kind = p->scorer.base_model.config.scores;
    if (kind == MODEL_SCORES_SOFTMAX) {
        predict_probabilities(values, logits, p->classes);
    } else {
        for (uint32_t c = 0; c < p->classes; c++) {
            double x = (double)logits[c];
            values[c] = kind == MODEL_SCORES_RAW ? x : 1 / (1 + exp(-x));
        }
    }
    predictor_order(p);
}

void predictor_order(predictor *p) {
    for (uint32_t c = 0; c < p->classes; c++) p->scores[c] = (label_score){p->values[c], c};
    qsort(p->scores, p->classes, sizeof *p->scores, by_value);
}

bool predictor_says_several(const predictor *p) {
    return p->scorer.base_model.config.scores == MODEL_SCORES_SIGMOID && p->classes > 1;
}

uint32_t predictor_said(const predictor *p) {
    uint32_t count = 0;
    while (count < p->classes && p->scores[count].value > 0.5) count++;
    return count;
}

err label_counts_init(label_counts *c, uint32_t classes) {
    *c = (label_counts){.classes = classes};
    return mem_new(&c->of, classes);
}

void label_counts_free(label_counts *c) {
    mem_free(c->of);
    *c = (label_counts){0};
}

void label_counts_copy(label_counts *to, const label_counts *from) {
    memcpy(to->of, from->of, to->classes * sizeof *to->of);
    to->none = from->none;
    to->empty = from->empty;
}

void predictor_count(label_counts *counts, const predictor *p) {
    uint32_t said = predictor_says_several(p) ? predictor_said(p) : 1;
    for (uint32_t k = 0; k < said; k++) counts->of[p->scores[k].id]++;
    counts->none += !said;
}

static void raise_to(uint32_t *most, uint32_t value) {
    if (value > *most) *most = value;
}

static err make_room(predictor *p, const encoded *rows) {
    const batch_capacity *have = &p->evaluator.capacity;
    batch_capacity need = {0};
    evaluator_capacity(&need, rows, p->batch_size, NULL);
    if (p->evaluator_is_open) {
        if (need.tokens <= have->tokens && need.sentences <= have->sentences &&
            need.micros <= have->micros && need.max_length <= have->max_length)
            return ERR_OK;
        raise_to(&need.tokens, have->tokens);
        raise_to(&need.sentences, have->sentences);
        raise_to(&need.micros, have->micros);
        raise_to(&need.max_length, have->max_length);
        evaluator_free(&p->evaluator);
        p->evaluator_is_open = false;
    }
    err e = evaluator_init(&p->evaluator, &p->scorer.model, NULL, &need, p->batch_size);
    p->evaluator_is_open = !e;
    return e;
}

static void count_rows(predictor *p, const encoded *rows, const example *examples) {
    p->cut += rows->cut;
    p->lost += rows->lost;
    p->pieces += rows->pieces;
    p->unknown += rows->unknown;
    p->done += rows->count;
    for (size_t i = 0; i < rows->count && p->reads == MODEL_READS_ENTITIES; i++)
        p->unmarked += !markers_mark_both(examples[i].texts[0].text);
}

/* A few batches at a time, so that it can be stopped between them. */
static err run_batches(predictor *p, float *logits, const encoded *rows, bool (*stops)(void)) {
    size_t most = (size_t)p->batch_size * BATCHES_AT_ONCE,
           width = evaluated_width(&p->scorer.model);
    err e = make_room(p, rows);
    for (size_t at = 0; at < rows->count && !e; at += most) {
        encoded part = *rows; // borrows
        part.sentences += at;
        part.count = rows->count - at < most ? rows->count - at : most;
        e = evaluator_run(&p->evaluator, logits, NULL, &part, NULL);
        for (size_t i = 0; i < part.count; i++)
            logits += width * (rows->units ? part.sentences[i].target.chosen.count : 1);
        if (!e && stops && stops()) e = err_set(ERR_INTERRUPTED, "interrupted");
    }
    return e;
}

err predictor_read(encoded *rows, const predictor *p, const example *examples, size_t count) {
    return encode_examples(rows, &p->scorer.base_model.tokenizer, examples, count, p->max_length);
}

err predictor_run(predictor *p, float **logits, const encoded *rows, const example *examples,
                  bool (*stops)(void)) {
    err e = mem_new(logits, encoded_results(rows) * evaluated_width(&p->scorer.model));
    if (!e && rows->count) e = run_batches(p, *logits, rows, stops);
    if (!e) count_rows(p, rows, examples);
    return e;
}

err predictor_encode(predictor *p, encoded *rows, float **logits, const example *examples,
                     size_t count, bool (*stops)(void)) {
    *logits = NULL;
    err e = predictor_read(rows, p, examples, count);
    return e ? e : predictor_run(p, logits, rows, examples, stops);
}

err predictor_score(predictor *p, float **logits, const example *examples, size_t count,
                    bool (*stops)(void)) {
    encoded rows = {0};
    err e = predictor_encode(p, &rows, logits, examples, count, stops);
    if (e) {
        mem_free(*logits);
        *logits = NULL;
    }
    encoded_free(&rows);
    return e;
}

/* A stranger's model answers in the names of the task that it is for, or in those of the map. */
static err match_labels(predictor *p, const char *folder) {
    const options *o = p->options;
    task t = {0};
    if (!o->task && o->label_map) {
        err e =
            labels_rename(&p->scorer.base_model.config, o->label_map, p->scorer.base_model.folder);
        return e ? e : scorer_order_tags(&p->scorer);
    }
    if (!o->task || (!o->checkpoint && !o->label_map && !p->in_units))
        return scorer_order_tags(&p->scorer);
    err e = task_flag_find(&t, o, o->task, o->checkpoint ? folder : NULL);
    if (!e) e = scorer_match(&p->scorer, &t, o->label_map);
    if (!e) {
        p->unit = t.format.unit;
        p->reads = labels_reads(&t);
    }
    task_free(&t);
    return e;
}

/* What is asked is what the model was taught to read: one that was taught pairs takes arguments and
 * lines as such. */
static err take_pairs(predictor *p) {
    const options *o = p->options;
    bool pairs = o->input ? o->text_pair_column != NULL : o->pair;
    if (pairs && !p->in_units && (p->reads == MODEL_READS_TEXT || p->reads == MODEL_READS_ENTITIES))
        return err_set(
            ERR_USAGE, "%s: the model was trained on %s, which a pair is not: leave %s out",
            p->scorer.base_model.folder,
            p->reads == MODEL_READS_TEXT ? "single texts" : "one text with two marked entities",
            o->input ? "--text-pair-column" : "--pair");
    p->pairs = pairs || p->reads == MODEL_READS_PAIR;
    return ERR_OK;
}

/* Whole names where there is room for them. */
static size_t label_columns(const predictor *p) {
    size_t columns = COLUMNS_LEAST, window = shown_columns();
    if (window < COLUMNS_MOST + COLUMNS_BESIDE) return columns;
    for (uint32_t k = 0; k < p->classes; k++) {
        char name[24];
        size_t own = shown_width(predictor_label(p, k, name));
        if (own > columns) columns = own;
    }
    return columns < COLUMNS_MOST ? columns : COLUMNS_MOST;
}

err predictor_open(predictor *p, const options *o, const char *folder) {
    *p = (predictor){.options = o};
    device_options wish = {.threads = o->threads};
    const base_model_options from = {.cased = o->cased};
    err e = device_precision_find(&wish.precision, o->precision);
    if (!e) e = scorer_open(&p->scorer, folder, &from, o->device, &wish);
    if (e) return e;
    p->in_units = answer_in_units(p->scorer.model.head->target.kind);
    p->reads = p->scorer.base_model.config.reads;
    if ((e = match_labels(p, folder)) || (e = take_pairs(p))) return e;
    bool trees = p->scorer.model.head->target.kind == ANSWER_ARCS;
    if (trees) p->unit = UNIT_WORD;
    const char *flag = o->pair               ? "pair"
                       : o->text_pair_column ? "text-pair-column"
                       : o->has_top_k        ? "top-k"
                       : o->scores           ? "scores"
                                             : NULL;
    if (p->in_units && flag)
        return err_set(ERR_USAGE, "%s: a model of %s takes no --%s%s", p->scorer.base_model.folder,
                       trees ? "trees" : "entities", flag,
                       strcmp(flag, "scores") ? "" : ": each answer has its score");
    p->classes = p->scorer.base_model.config.classes;
    p->label_columns = label_columns(p);
    p->batch_size =
        o->has_per_device_eval_batch_size ? o->per_device_eval_batch_size : BATCH_SENTENCES;
    p->top = o->has_top_k ? o->top_k : 1;
    if (p->top > p->classes) p->top = p->classes; // as the pipeline: all there are
    p->max_length = base_model_max_length(&p->scorer.base_model, o->max_length, UINT32_MAX);
    e = mem_new(&p->values, p->classes);
    if (!e) e = mem_new(&p->scores, p->classes);
    return e ? e : order_names(p);
}

void predictor_close(predictor *p) {
    if (p->evaluator_is_open) evaluator_free(&p->evaluator);
    mem_free(p->values);
    mem_free(p->scores);
    mem_free(p->by_name);
    scorer_close(&p->scorer);
}
