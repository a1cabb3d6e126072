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

err confusion_init_kind(confusion *c, answer_kind kind, size_t classes) {
    err e = confusion_init(c, kind == ANSWER_NUMBER ? 2 : classes);
    c->kind = kind;
    return e;
}

confusion confusion_at(uint64_t *block, size_t classes) {
    confusion c = {.classes = classes,
                   .gold = block,
                   .predicted = block + classes,
                   .hit = block + 2 * classes};
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

void answers_say(uint32_t *classes, const float *scores, size_t rows, size_t labels) {
    for (size_t i = 0; i < rows; i++) {
        size_t best = 0;
        for (size_t k = 1; k < labels; k++)
            if (scores[i * labels + k] > scores[i * labels + best]) best = k;
        classes[i] = (uint32_t)best;
    }
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
    double sum = 0, support = 0;
    for (size_t k = 0; k < c->classes; k++) {
        class_score s = metric_of_class(c, k);
        sum += (double)s.support * pick(s);
        support += (double)s.support;
    }
    return ratio(sum, support);
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

// of all labels' counts together
static double micro_f1(const confusion *c) {
    double hit = 0, said = 0;
    for (size_t k = 0; k < c->classes; k++) {
        hit += (double)c->hit[k];
        said += (double)(c->gold[k] + c->predicted[k]);
    }
    return ratio(2 * hit, said);
}
// of the labels that say how things are related: all but the first
static double relation_f1(const confusion *c) {
    double hit = 0, said = 0;
    for (size_t k = 1; k < c->classes; k++) {
        hit += (double)c->hit[k];
        said += (double)(c->gold[k] + c->predicted[k]);
    }
    return ratio(2 * hit, said);
}
static double klue_auprc(const confusion *c) {
    return c->curves;
}
static double subset_accuracy(const confusion *c) {
    return ratio((double)c->exact, (double)c->total);
}
static double lrap(const confusion *c) {
    return ratio(c->ranking, (double)c->total);
}

// not defined where a side is constant
static double correlation(const product_sums *m) {
    double xx = m->xx - m->x * m->x / m->weight, yy = m->yy - m->y * m->y / m->weight;
    // what is left of equal numbers by rounding is no spread
    if (!(m->weight > 0) || !(xx > 1e-13 * m->xx) || !(yy > 1e-13 * m->yy)) return (double)NAN;
    double r = (m->xy - m->x * m->y / m->weight) / (sqrt(xx) * sqrt(yy));
    return fmax(-1, fmin(1, r));
}
static double pearson(const confusion *c) {
    return correlation(&c->values);
}
static double spearman(const confusion *c) {
    return correlation(&c->ranks);
}

enum { EVERY_LABEL = METRIC_CLASSES | METRIC_SETS };

static const metric table[] = {
    {"accuracy", "accuracy", accuracy, 0, 1, true, METRIC_CLASSES, 1},
    {"balanced_accuracy", "balanced accuracy", balanced_accuracy, 0, 1, true, METRIC_CLASSES, 2},
    {"macro_precision", "macro precision", macro_precision, 0, 1, true, EVERY_LABEL, 1},
    {"macro_recall", "macro recall", macro_recall, 0, 1, true, EVERY_LABEL, 1},
    {"macro_f1", "macro F1", macro_f1, 0, 1, true, EVERY_LABEL, 1},
    {"weighted_precision", "weighted precision", weighted_precision, 0, 1, true, EVERY_LABEL, 1},
    {"weighted_recall", "weighted recall", weighted_recall, 0, 1, true, EVERY_LABEL, 1},
    {"weighted_f1", "weighted F1", weighted_f1, 0, 1, true, EVERY_LABEL, 1},
    {"mcc", "MCC", mcc, -1, 1, true, METRIC_CLASSES, 1},
    {"precision", "precision of label 1", precision, 0, 1, true, METRIC_BINARY, 1},
    {"recall", "recall of label 1", recall, 0, 1, true, METRIC_BINARY, 1},
    {"f1", "F1 of label 1", f1, 0, 1, true, METRIC_BINARY, 1},
    {"micro_f1", "micro F1", micro_f1, 0, 1, true, METRIC_SETS, 3},
    {"subset_accuracy", "subset accuracy", subset_accuracy, 0, 1, true, METRIC_SETS, 3},
    {"lrap", "LRAP", lrap, 0, 1, true, METRIC_SETS, 3},
    {"pearson", "Pearson", pearson, -1, 1, true, METRIC_NUMBERS, 3},
    {"spearman", "Spearman", spearman, -1, 1, true, METRIC_NUMBERS, 3},
    {"klue_f1", "F1 of 3 and above", f1, 0, 1, true, METRIC_NUMBERS, 3},
    {"relation_f1", "micro F1 of relations", relation_f1, 0, 1, true, METRIC_RELATIONS, 4},
    {"klue_auprc", "AUPRC", klue_auprc, 0, 1, true, METRIC_CURVES, 4},
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

bool metric_applies(const metric *m, answer_kind kind, size_t classes) {
    static const unsigned kinds[] = {METRIC_CLASSES, METRIC_NUMBERS, METRIC_SETS,
                                     METRIC_CLASSES | METRIC_RELATIONS | METRIC_CURVES};
    unsigned binary = kind == ANSWER_CLASS && classes == 2 ? METRIC_BINARY : 0;
    return (m->kinds & (kinds[kind] | binary)) != 0;
}

// whether nothing is known of the task that the metric is for
static bool is_open(answer_kind kind, size_t classes) {
    return kind == ANSWER_CLASS && !classes;
}

static err unknown_metric(const char *name, answer_kind kind, size_t classes) {
    strbuf known = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < TABLE_COUNT && !e; i++) {
        if (!is_open(kind, classes) && !metric_applies(&table[i], kind, classes)) continue;
        e = strbuf_printf(&known, "%s%s", known.length ? ", " : "", table[i].name);
    }
    if (!e) e = err_set(ERR_USAGE, "unknown metric '%s' (known: %s)", name, known.text);
    strbuf_free(&known);
    return e;
}

err metric_lookup(const metric **out, const char *name, answer_kind kind, size_t classes) {
    static const char *const words[] = {"one label a row", "numbers", "several labels a row",
                                        "relations"};
    const metric *m = metric_find(name);
    if (!m) return unknown_metric(name, kind, classes);
    if (!is_open(kind, classes) && !metric_applies(m, kind, classes)) {
        return kind == ANSWER_CLASS && m->kinds == METRIC_BINARY
                   ? err_set(ERR_USAGE, "metric '%s' is for two classes, not %zu", name, classes)
                   : err_set(ERR_USAGE, "metric '%s' is not for %s", name, words[kind]);
    }
    *out = m;
    return ERR_OK;
}

double metric_ranked(const metric *m, const confusion *c) {
    double value = m->fn(c);
    return isnan(value) ? 0 : value;
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
    err e = confusion_init_kind(out, c->kind, c->classes);
    if (e || c->kind == ANSWER_NUMBER) return e;
    memcpy(out->gold, c->gold, c->classes * sizeof *c->gold);
    out->hit[predicted] = c->gold[predicted];
    out->predicted[predicted] = out->total = c->total;
    return ERR_OK;
}

double metric_baseline(const metric *m, const confusion *baseline) {
    double value = m->fn(baseline);
    return isnan(value) ? 0 : value;
}

const char *metric_baseline_title(answer_kind kind) {
    return kind == ANSWER_NUMBER ? "one number"
           : kind == ANSWER_SET  ? "commonest label"
                                 : "majority class";
}

score_caution score_judge(const confusion *c, const metric *m, double baseline) {
    double score = m->fn(c);
    if (c->kind == ANSWER_NUMBER)
        return isnan(pearson(c)) ? SCORE_CONSTANT : score > 0 ? SCORE_FINE : SCORE_UNRELATED;
    for (size_t k = 0; k < c->classes && answer_is_label(c->kind); k++)
        if (c->predicted[k] == c->total && c->gold[k] < c->total) return SCORE_ONE_LABEL;
    bool below = m->higher_is_better ? score < baseline : score > baseline;
    return below ? SCORE_BELOW_MAJORITY : SCORE_FINE;
}

const char *score_caution_text(score_caution caution) {
    switch (caution) {
    case SCORE_FINE: break;
    case SCORE_ONE_LABEL: return "answers one label for every row";
    case SCORE_CONSTANT: return "gives every row the same number";
    case SCORE_UNRELATED: return "gives numbers that do not rise with the right ones";
    case SCORE_BELOW_MAJORITY: return "is below the majority baseline";
    }
    return NULL;
}
