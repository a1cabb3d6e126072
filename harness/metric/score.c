#include "metric/score.h"

#include "base/memory.h"
#include "base/shown.h"

#include <math.h>
#include <string.h>

err confusion_init(confusion *c, size_t classes) {
    *c = (confusion){0};
    if (!classes) return err_set(ERR_ARG, "a confusion matrix needs at least one class");
    if (classes > SIZE_MAX / 3) return err_set(ERR_MEMORY, "out of memory: %zu classes", classes);
    err e = mem_new(&c->gold, 3 * classes);
    if (!e) *c = confusion_at(c->gold, classes);
    return e;
}

confusion confusion_at(uint64_t *block, size_t classes) {
    confusion c = {classes, block, block + classes, block + 2 * classes, 0};
    for (size_t k = 0; k < classes; k++) c.total += c.gold[k];
    return c;
}

void confusion_free(confusion *c) {
    mem_free(c->gold);
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
        c->gold[gold[i]]++;
        c->predicted[predicted[i]]++;
        c->hit[gold[i]] += gold[i] == predicted[i];
        c->total++;
    }
    return ERR_OK;
}

err confusion_matrix(uint64_t **counts, const uint32_t *gold, const uint32_t *predicted,
                     size_t rows, size_t classes) {
    err e = mem_new(counts, classes * classes);
    for (size_t i = 0; i < rows && !e; i++) (*counts)[gold[i] * classes + predicted[i]]++;
    return e;
}

static double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

class_score metric_of_class(const confusion *c, size_t class_id) {
    double hit = (double)c->hit[class_id], gold = (double)c->gold[class_id];
    double found = (double)c->predicted[class_id];
    return (class_score){.precision = ratio(hit, found),
                         .recall = ratio(hit, gold),
                         .f1 = ratio(2 * hit, gold + found),
                         .support = c->gold[class_id]};
}

static double accuracy(const confusion *c) {
    uint64_t hit = 0;
    for (size_t k = 0; k < c->classes; k++) hit += c->hit[k];
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

// the mean recall of the classes that gold has, as scikit-learn's balanced_accuracy_score
static double balanced_accuracy(const confusion *c) {
    double sum = 0, present = 0;
    for (size_t k = 0; k < c->classes; k++) {
        sum += metric_of_class(c, k).recall;
        present += c->gold[k] > 0;
    }
    return ratio(sum, present);
}

// Gorodkin's correlation for C classes: covariances of the one-hot gold and predicted columns
static double mcc(const confusion *c) {
    double n = (double)c->total, hit = 0, cross = 0, gold_square = 0, predicted_square = 0;
    for (size_t k = 0; k < c->classes; k++) {
        double g = (double)c->gold[k], p = (double)c->predicted[k];
        hit += (double)c->hit[k];
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
    {"accuracy", "accuracy", accuracy, 0, 1, true, METRIC_CLASSES, 1},
    {"balanced_accuracy", "balanced accuracy", balanced_accuracy, 0, 1, true, METRIC_CLASSES, 2},
    {"macro_precision", "macro precision", macro_precision, 0, 1, true, METRIC_CLASSES, 1},
    {"macro_recall", "macro recall", macro_recall, 0, 1, true, METRIC_CLASSES, 1},
    {"macro_f1", "macro F1", macro_f1, 0, 1, true, METRIC_CLASSES, 1},
    {"weighted_precision", "weighted precision", weighted_precision, 0, 1, true, METRIC_CLASSES, 1},
    {"weighted_recall", "weighted recall", weighted_recall, 0, 1, true, METRIC_CLASSES, 1},
    {"weighted_f1", "weighted F1", weighted_f1, 0, 1, true, METRIC_CLASSES, 1},
    {"mcc", "MCC", mcc, -1, 1, true, METRIC_CLASSES, 1},
    {"precision", "precision of label 1", precision, 0, 1, true, METRIC_BINARY, 1},
    {"recall", "recall of label 1", recall, 0, 1, true, METRIC_BINARY, 1},
    {"f1", "F1 of label 1", f1, 0, 1, true, METRIC_BINARY, 1},
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

const char *metric_title(char out[METRIC_TITLE_BYTES], const metric *m, const char *label_1) {
    const char *number = strstr(m->title, "label 1");
    if (!number || !label_1) return m->title;
    shown_snprintf(out, METRIC_TITLE_BYTES, SHOWN_TERMINAL, "%.*s%s", (int)(number - m->title),
                   m->title, label_1);
    return out;
}

bool metric_applies(const metric *m, size_t classes) {
    unsigned kinds = METRIC_CLASSES | (classes == 2 ? METRIC_BINARY : 0);
    return (m->kinds & kinds) != 0;
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

double metric_of(const double *values, const char *name) {
    const metric *m = metric_find(name);
    return m ? values[m - table] : (double)NAN;
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
    memcpy(out->gold, c->gold, c->classes * sizeof *c->gold);
    out->hit[predicted] = c->gold[predicted];
    out->predicted[predicted] = out->total = c->total;
    return ERR_OK;
}

score_caution score_judge(const confusion *c, const metric *m, double baseline) {
    for (size_t k = 0; k < c->classes; k++)
        if (c->predicted[k] == c->total && c->gold[k] < c->total) return SCORE_ONE_LABEL;
    double score = m->fn(c);
    bool below = m->higher_is_better ? score < baseline : score > baseline;
    return below ? SCORE_BELOW_MAJORITY : SCORE_FINE;
}

const char *score_caution_text(score_caution caution) {
    switch (caution) {
    case SCORE_FINE: break;
    case SCORE_ONE_LABEL: return "answers one label for every row";
    case SCORE_BELOW_MAJORITY: return "is below the majority baseline";
    }
    return NULL;
}
