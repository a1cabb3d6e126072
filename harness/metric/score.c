#include "metric/score.h"

#include "base/memory.h"
#include "base/shown.h"
#include "metric/tags.h"

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

static err init_tags(confusion *c, size_t tags) {
    *c = (confusion){0};
    if (tags < 3 || tags % 2 == 0)
        return err_set(ERR_ARG, "%zu tags: expected two for each type, and one for none", tags);
    err e = mem_new(&c->gold, tag_counts(tags));
    if (!e) *c = confusion_at(c->gold, tag_types(tags));
    c->tags = tags;
    return e;
}

static err init_arcs(confusion *c, size_t relations) {
    *c = (confusion){0};
    err e = mem_new(&c->gold, arc_counts(relations));
    if (!e) *c = confusion_at(c->gold, relations);
    return e;
}

err confusion_init_kind(confusion *c, answer_kind kind, size_t classes) {
    err e = kind == ANSWER_TAGS   ? init_tags(c, classes)
            : kind == ANSWER_ARCS ? init_arcs(c, classes)
                                  : confusion_init(c, kind == ANSWER_NUMBER ? 2 : classes);
    c->kind = kind;
    return e;
}

const char *answer_kind_name(answer_kind kind) {
    static const char *const names[ANSWER_KINDS] = {"classification",     "regression",
                                                    "multi_label",        "token_classification",
                                                    "dependency_parsing", "relation"};
    return names[kind];
}

confusion confusion_at(uint64_t *block, size_t classes) {
    confusion c = {.classes = classes,
                   .gold = block,
                   .predicted = block + classes,
                   .hit = block + 2 * classes};
    for (size_t k = 0; k < classes; k++) c.total += c.gold[k];
    return c;
}

void answer_arrays_free(answer_arrays *a) {
    mem_free(a->classes);
    mem_free(a->numbers);
    mem_free(a->begin);
    *a = (answer_arrays){0};
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

static double accuracy_of(const confusion *c, uint64_t total) {
    uint64_t hit = 0;
    for (size_t k = 0; k < c->classes; k++) hit += c->hit[k];
    return ratio((double)hit, (double)total);
}

static double accuracy(const confusion *c) {
    return accuracy_of(c, c->total);
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

// macro_NAME, weighted_NAME
#define AVERAGES(name)                                                                             \
    static double name##_of(class_score s) {                                                       \
        return s.name;                                                                             \
    }                                                                                              \
    static double macro_##name(const confusion *c) {                                               \
        return macro(c, name##_of);                                                                \
    }                                                                                              \
    static double weighted_##name(const confusion *c) {                                            \
        return weighted(c, name##_of);                                                             \
    }
AVERAGES(precision)
AVERAGES(recall)
AVERAGES(f1)

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

// of the labels' counts together, from the first one on
static class_score together(const confusion *c, size_t first) {
    double hit = 0, gold = 0, said = 0;
    for (size_t k = first; k < c->classes; k++) {
        hit += (double)c->hit[k];
        gold += (double)c->gold[k];
        said += (double)c->predicted[k];
    }
    return (class_score){ratio(hit, said), ratio(hit, gold), ratio(2 * hit, gold + said), 0};
}
static double micro_f1(const confusion *c) {
    return together(c, 0).f1;
}
// of the labels that say how things are related: all but the first
static double relation_f1(const confusion *c) {
    return together(c, 1).f1;
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

// of entities
static double entity_precision(const confusion *c) {
    return together(c, 0).precision;
}
static double entity_recall(const confusion *c) {
    return together(c, 0).recall;
}
// over the types that occur in gold or predictions, of gold entities that begin with B-: KLUE joins
// all sentences with an O between, which changes nothing
static double klue_entity_f1(const confusion *c) {
    const uint64_t *gold = c->hit + c->classes + 3 * c->tags, *hit = gold + c->classes;
    double sum = 0, present = 0;
    for (size_t k = 0; k < c->classes; k++) {
        double both = (double)(gold[k] + c->predicted[k]);
        sum += ratio(2 * (double)hit[k], both);
        present += both > 0;
    }
    return ratio(sum, present);
}

// of units
static double unit_f1(const confusion *c, size_t tag, double around, double absent) {
    const uint64_t *gold = c->hit + c->classes, *said = gold + c->tags, *hit = said + c->tags;
    double both = (double)(gold[tag] + said[tag]) + 2 * around;
    return both > 0 ? 2 * ((double)hit[tag] + around) / both : absent;
}
static double char_f1(const confusion *c) {
    double sum = 0;
    for (size_t k = 0; k + 1 < c->tags; k++) sum += unit_f1(c, k, 0, 0);
    return sum / (double)(c->tags - 1);
}
// with the O of each sentence's [CLS] and [SEP], and 1 for what is absent from both
static double klue_char_f1(const confusion *c) {
    double sum = 0;
    for (size_t k = 0; k < c->tags; k++)
        sum += unit_f1(c, k, k == tag_outside(c->tags) ? 2 * (double)c->total : 0, 1);
    return sum / (double)c->tags;
}

// of words
static double share_of_words(const confusion *c, arc_count right, arc_count all) {
    const uint64_t *counts = c->gold + 3 * c->classes;
    return ratio((double)counts[right], (double)counts[all]);
}
static double uas(const confusion *c) {
    return share_of_words(c, ARC_HEADS, ARC_WORDS);
}
static double las(const confusion *c) {
    return accuracy_of(c, c->gold[3 * c->classes + ARC_WORDS]);
}
static double uas_words(const confusion *c) {
    return share_of_words(c, ARC_PLAIN_HEADS, ARC_PLAIN_WORDS);
}
static double las_words(const confusion *c) {
    return share_of_words(c, ARC_PLAIN_BOTH, ARC_PLAIN_WORDS);
}
static double klue_uas(const confusion *c) {
    return arcs_macro_f1(c->gold + arc_places(c->classes), ARC_PLACES);
}
static double klue_las(const confusion *c) {
    return arcs_macro_f1(c->gold + arc_klue(c->classes), KLUE_CLASSES);
}

enum { EVERY_LABEL = METRIC_CLASSES | METRIC_SETS };

static const metric table[] = {
    {"accuracy", "accuracy", "정확도", accuracy, 0, 1, true, METRIC_CLASSES, PART_TOGETHER, 1},
    {"balanced_accuracy", "balanced accuracy", "균형 정확도", balanced_accuracy, 0, 1, true,
     METRIC_CLASSES, PART_LABELS, 2},
    {"macro_precision", "macro precision", "매크로 정밀도", macro_precision, 0, 1, true,
     EVERY_LABEL, PART_LABELS, 1},
    {"macro_recall", "macro recall", "매크로 재현율", macro_recall, 0, 1, true, EVERY_LABEL,
     PART_LABELS, 1},
    {"macro_f1", "macro F1", "매크로 F1", macro_f1, 0, 1, true, EVERY_LABEL, PART_LABELS, 1},
    {"weighted_precision", "weighted precision", "가중 정밀도", weighted_precision, 0, 1, true,
     EVERY_LABEL, PART_LABELS, 1},
    {"weighted_recall", "weighted recall", "가중 재현율", weighted_recall, 0, 1, true, EVERY_LABEL,
     PART_LABELS, 1},
    {"weighted_f1", "weighted F1", "가중 F1", weighted_f1, 0, 1, true, EVERY_LABEL, PART_LABELS, 1},
    {"mcc", "MCC", "매튜 상관계수(MCC)", mcc, -1, 1, true, METRIC_CLASSES, PART_LABELS, 1},
    {"precision", "precision of label 1", "레이블 1의 정밀도", precision, 0, 1, true, METRIC_BINARY,
     PART_LABELS, 1},
    {"recall", "recall of label 1", "레이블 1의 재현율", recall, 0, 1, true, METRIC_BINARY,
     PART_LABELS, 1},
    {"f1", "F1 of label 1", "레이블 1의 F1", f1, 0, 1, true, METRIC_BINARY, PART_LABELS, 1},
    {"micro_f1", "micro F1", "마이크로 F1", micro_f1, 0, 1, true, METRIC_SETS, PART_TOGETHER, 3},
    {"subset_accuracy", "subset accuracy", "부분집합 정확도", subset_accuracy, 0, 1, true,
     METRIC_SETS, PART_EXACT, 3},
    {"lrap", "LRAP", "레이블 순위 평균 정밀도(LRAP)", lrap, 0, 1, true, METRIC_SETS, PART_RANKING,
     3},
    {"pearson", "Pearson", "피어슨 상관계수", pearson, -1, 1, true, METRIC_NUMBERS, PART_VALUES, 3},
    {"spearman", "Spearman", "스피어만 상관계수", spearman, -1, 1, true, METRIC_NUMBERS, PART_RANKS,
     3},
    {"klue_f1", "F1 of 3 and above", "3점 이상의 F1", f1, 0, 1, true, METRIC_NUMBERS, PART_LABELS,
     3},
    {"entity_f1", "entity F1", "개체명 F1", micro_f1, 0, 1, true, METRIC_TAGS, PART_TOGETHER, 3},
    {"entity_precision", "entity precision", "개체명 정밀도", entity_precision, 0, 1, true,
     METRIC_TAGS, PART_TOGETHER, 3},
    {"entity_recall", "entity recall", "개체명 재현율", entity_recall, 0, 1, true, METRIC_TAGS,
     PART_TOGETHER, 3},
    {"klue_entity_f1", "KLUE entity macro F1", "KLUE 개체명 매크로 F1", klue_entity_f1, 0, 1, true,
     METRIC_TAGS, PART_LABELS | PART_STRICT, 3},
    {"char_f1", "unit macro F1", "단위 매크로 F1", char_f1, 0, 1, true, METRIC_TAGS, PART_UNITS, 3},
    {"klue_char_f1", "KLUE character macro F1", "KLUE 글자 매크로 F1", klue_char_f1, 0, 1, true,
     METRIC_TAGS, PART_UNITS, 3},
    {"las", "LAS", "LAS (지배소와 의존 관계)", las, 0, 1, true, METRIC_ARCS, PART_TOGETHER, 3},
    {"uas", "UAS", "UAS (지배소)", uas, 0, 1, true, METRIC_ARCS, PART_WORDS, 3},
    {"las_words", "LAS without punctuation", "LAS (문장 부호 제외)", las_words, 0, 1, true,
     METRIC_ARCS, PART_WORDS, 3},
    {"uas_words", "UAS without punctuation", "UAS (문장 부호 제외)", uas_words, 0, 1, true,
     METRIC_ARCS, PART_WORDS, 3},
    {"klue_uas", "KLUE UAS macro F1", "KLUE UAS 매크로 F1", klue_uas, 0, 1, true, METRIC_ARCS,
     PART_PLACES, 3},
    {"klue_las", "KLUE LAS macro F1", "KLUE LAS 매크로 F1", klue_las, 0, 1, true, METRIC_ARCS,
     PART_KLUE, 3},
    {"relation_f1", "micro F1 of relations", "관계 마이크로 F1", relation_f1, 0, 1, true,
     METRIC_RELATIONS, PART_LABELS, 4},
    {"klue_auprc", "KLUE AUPRC", "KLUE 정밀도-재현율 곡선 아래 넓이(AUPRC)", klue_auprc, 0, 1, true,
     METRIC_CURVES, PART_CURVES, 4},
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

const char *metric_said(const char *name) {
    const metric *m = metric_find(name);
    return m ? m->title : name;
}

const char *metric_title(char out[METRIC_TITLE_BYTES], const metric *m, const char *label_1) {
    const char *number = strstr(m->title, "label 1");
    if (!number || !label_1) return m->title;
    shown_snprintf(out, METRIC_TITLE_BYTES, SHOWN_TERMINAL, "%.*s%s", (int)(number - m->title),
                   m->title, label_1);
    return out;
}

bool metric_applies(const metric *m, answer_kind kind, size_t classes) {
    static const unsigned kinds[ANSWER_KINDS] = {
        METRIC_CLASSES, METRIC_NUMBERS, METRIC_SETS,
        METRIC_TAGS,    METRIC_ARCS,    METRIC_CLASSES | METRIC_RELATIONS | METRIC_CURVES};
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
    static const char *const words[ANSWER_KINDS] = {"one label a row",      "numbers",
                                                    "several labels a row", "entities",
                                                    "heads of words",       "relations"};
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

double metric_of_seen(const metric *m, const confusion *c) {
    size_t seen = 0;
    if (m->fn != macro_precision && m->fn != macro_recall && m->fn != macro_f1) return m->fn(c);
    for (size_t k = 0; k < c->classes; k++) seen += c->gold[k] || c->predicted[k];
    return seen ? m->fn(c) * (double)c->classes / (double)seen : 0;
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

// every unit O, the commonest tag: no entity
static void say_nothing(confusion *out, const confusion *c) {
    size_t types = c->classes, outside = tag_outside(c->tags);
    memcpy(out->gold, c->gold, types * sizeof *c->gold);
    const uint64_t *gold = c->gold + 3 * types, *strict = gold + 3 * c->tags;
    uint64_t *units = out->gold + 3 * types;
    memcpy(units, gold, c->tags * sizeof *gold);
    for (size_t k = 0; k < c->tags; k++) units[c->tags + outside] += gold[k];
    units[2 * c->tags + outside] = gold[outside];
    memcpy(units + 3 * c->tags, strict, types * sizeof *strict);
    out->total = c->total;
}

err majority_baseline(confusion *out, const confusion *c, size_t predicted) {
    *out = (confusion){0};
    bool tags = c->kind == ANSWER_TAGS;
    size_t classes = tags ? c->tags : c->classes;
    if (predicted >= classes) {
        return err_set(ERR_ARG, "class %zu of %zu does not exist", predicted, classes);
    }
    err e = confusion_init_kind(out, c->kind, classes);
    if (e || c->kind == ANSWER_NUMBER) return e;
    if (tags) {
        say_nothing(out, c);
        return ERR_OK;
    }
    if (c->kind == ANSWER_ARCS) {
        arcs_of_neighbours(out->gold, c->gold, predicted, c->classes);
        out->total = c->total;
        return ERR_OK;
    }
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
    static const char *const titles[ANSWER_KINDS] = {"majority class",  "one number",
                                                     "commonest label", "no entity",
                                                     "next word",       "majority class"};
    return titles[kind];
}

/* Whether each label is said of every row or of none, though the rows' own labels differ. */
static bool is_one_set(const confusion *c) {
    bool differs = false;
    for (size_t k = 0; k < c->classes; k++) {
        if (c->predicted[k] && c->predicted[k] < c->total) return false;
        differs = differs || (c->gold[k] && c->gold[k] < c->total);
    }
    return differs;
}

score_caution score_judge(const confusion *c, const metric *m, double baseline) {
    double score = m->fn(c);
    if (c->kind == ANSWER_NUMBER)
        return isnan(pearson(c)) ? SCORE_CONSTANT : score > 0 ? SCORE_FINE : SCORE_UNRELATED;
    uint64_t said = 0, gold = 0;
    for (size_t k = 0; k < c->classes; k++) {
        said += c->predicted[k];
        gold += c->gold[k];
    }
    if (c->kind == ANSWER_TAGS && gold && !said) return SCORE_NOTHING;
    if (c->kind == ANSWER_SET && is_one_set(c)) return SCORE_ONE_SET;
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
    case SCORE_NOTHING: return "finds no entity at all";
    case SCORE_ONE_SET: return "answers the same labels for every row";
    case SCORE_BELOW_MAJORITY: return "is below the baseline";
    }
    return NULL;
}
