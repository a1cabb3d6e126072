#include "metric/score.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

err confusion_init(confusion *c, size_t classes) {
    *c = (confusion){0};
    if (!classes) return err_set(ERR_ARG, "a confusion matrix needs at least one class");
    if (classes > SIZE_MAX / classes)
        return err_set(ERR_MEMORY, "out of memory: %zu classes", classes);
    err e = mem_new(&c->counts, classes * classes);
    if (!e) c->classes = classes;
    return e;
}

void confusion_free(confusion *c) {
    mem_free(c->counts);
    *c = (confusion){0};
}

err confusion_add(confusion *c, const uint32_t *gold, const uint32_t *predicted, const bool *mask,
                  size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (gold[i] >= c->classes || predicted[i] >= c->classes) {
            return err_set(ERR_DATA, "row %zu: gold id %u, predicted id %u: expected ids below %zu",
                           i, gold[i], predicted[i], c->classes);
        }
        if (mask && !mask[i]) continue;
        c->counts[gold[i] * c->classes + predicted[i]]++;
        c->total++;
    }
    return ERR_OK;
}

static uint64_t gold_count(const confusion *c, size_t k) {
    uint64_t n = 0;
    for (size_t j = 0; j < c->classes; j++) n += c->counts[k * c->classes + j];
    return n;
}

static uint64_t predicted_count(const confusion *c, size_t k) {
    uint64_t n = 0;
    for (size_t i = 0; i < c->classes; i++) n += c->counts[i * c->classes + k];
    return n;
}

static double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

class_score metric_of_class(const confusion *c, size_t class_id) {
    double hit = (double)c->counts[class_id * c->classes + class_id];
    uint64_t gold = gold_count(c, class_id);
    double found = (double)predicted_count(c, class_id);
    return (class_score){.precision = ratio(hit, found),
                         .recall = ratio(hit, (double)gold),
                         .f1 = ratio(2 * hit, (double)gold + found),
                         .support = gold};
}

static double accuracy(const confusion *c) {
    uint64_t hit = 0;
    for (size_t k = 0; k < c->classes; k++) hit += c->counts[k * c->classes + k];
    return ratio((double)hit, (double)c->total);
}

static double precision_of(class_score s) {
    return s.precision;
}
static double recall_of(class_score s) {
    return s.recall;
}
static double f1_of(class_score s) {
    return s.f1;
}

static double macro(const confusion *c, double (*pick)(class_score)) {
    double sum = 0;
    for (size_t k = 0; k < c->classes; k++) sum += pick(metric_of_class(c, k));
    return sum / (double)c->classes;
}

static double weighted(const confusion *c, double (*pick)(class_score)) {
    double sum = 0;
    for (size_t k = 0; k < c->classes; k++) {
        class_score s = metric_of_class(c, k);
        sum += (double)s.support * pick(s);
    }
    return ratio(sum, (double)c->total);
}

static double macro_precision(const confusion *c) {
    return macro(c, precision_of);
}
static double macro_recall(const confusion *c) {
    return macro(c, recall_of);
}
static double macro_f1(const confusion *c) {
    return macro(c, f1_of);
}
static double weighted_precision(const confusion *c) {
    return weighted(c, precision_of);
}
static double weighted_recall(const confusion *c) {
    return weighted(c, recall_of);
}
static double weighted_f1(const confusion *c) {
    return weighted(c, f1_of);
}

// Gorodkin's correlation for C classes: covariances of the one-hot gold and predicted columns
static double mcc(const confusion *c) {
    double n = (double)c->total, hit = 0, cross = 0, gold_square = 0, predicted_square = 0;
    for (size_t k = 0; k < c->classes; k++) {
        double g = (double)gold_count(c, k), p = (double)predicted_count(c, k);
        hit += (double)c->counts[k * c->classes + k];
        cross += g * p;
        gold_square += g * g;
        predicted_square += p * p;
    }
    double spread = (n * n - predicted_square) * (n * n - gold_square);
    return spread > 0 ? (hit * n - cross) / sqrt(spread) : 0;
}

static double precision(const confusion *c) {
    return metric_of_class(c, 1).precision;
}
static double recall(const confusion *c) {
    return metric_of_class(c, 1).recall;
}
static double f1(const confusion *c) {
    return metric_of_class(c, 1).f1;
}

static const metric table[] = {
    {"accuracy", accuracy, true, false, "accuracy"},
    {"macro_precision", macro_precision, true, false, "macro precision"},
    {"macro_recall", macro_recall, true, false, "macro recall"},
    {"macro_f1", macro_f1, true, false, "macro F1"},
    {"weighted_precision", weighted_precision, true, false, "weighted precision"},
    {"weighted_recall", weighted_recall, true, false, "weighted recall"},
    {"weighted_f1", weighted_f1, true, false, "weighted F1"},
    {"mcc", mcc, true, false, "MCC"},
    {"precision", precision, true, true, "precision of label 1"},
    {"recall", recall, true, true, "recall of label 1"},
    {"f1", f1, true, true, "F1 of label 1"},
};

enum { TABLE_COUNT = sizeof table / sizeof *table };
_Static_assert((int)TABLE_COUNT <= (int)METRIC_LIMIT, "METRIC_LIMIT sizes arrays of all metrics");

size_t metric_count(void) {
    return TABLE_COUNT;
}

const metric *metric_at(size_t index) {
    return &table[index];
}

const metric *metric_find(const char *name) {
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (!strcmp(table[i].name, name)) return &table[i];
    }
    return NULL;
}

bool metric_applies(const metric *m, size_t classes) {
    return !m->binary || classes == 2;
}

static err unknown_metric(const char *name, size_t classes) {
    strbuf known = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < TABLE_COUNT && !e; i++) {
        if (classes && !metric_applies(&table[i], classes)) continue;
        e = strbuf_printf(&known, "%s%s", known.length ? ", " : "", table[i].name);
    }
    if (!e) e = err_set(ERR_USAGE, "unknown metric '%s' (known: %s)", name, known.text);
    strbuf_free(&known);
    return e;
}

err metric_lookup(const metric **out, const char *name, size_t classes) {
    const metric *m = metric_find(name);
    if (!m) return unknown_metric(name, classes);
    if (classes && !metric_applies(m, classes)) {
        return err_set(ERR_USAGE, "metric '%s' is for two classes, not %zu", name, classes);
    }
    *out = m;
    return ERR_OK;
}

double metric_value(const char *name, const confusion *c) {
    const metric *m = metric_find(name);
    return m ? m->fn(c) : (double)NAN;
}

size_t majority_class(const uint64_t *counts, size_t classes) {
    size_t best = 0;
    for (size_t k = 1; k < classes; k++) {
        if (counts[k] > counts[best]) best = k;
    }
    return best;
}

err majority_baseline(confusion *out, const confusion *c, size_t predicted) {
    *out = (confusion){0};
    if (predicted >= c->classes) {
        return err_set(ERR_ARG, "class %zu of %zu does not exist", predicted, c->classes);
    }
    err e = confusion_init(out, c->classes);
    if (e) return e;
    for (size_t k = 0; k < c->classes; k++) {
        out->counts[k * c->classes + predicted] = gold_count(c, k);
    }
    out->total = c->total;
    return ERR_OK;
}
