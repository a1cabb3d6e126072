#include "metric/rows.h"

#include "base/memory.h"
#include "base/sort.h"
#include "metric/tags.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* numbers */

/* Rows by their numbers, of equal ones by their places. */
static err order_numbers(uint32_t *order, const float *numbers, size_t rows) {
    uint64_t *keys = NULL;
    err e = mem_new(&keys, rows);
    for (size_t i = 0; i < rows && !e; i++) keys[i] = (uint64_t)sort_key(numbers[i]) << 32 | i;
    if (!e) e = sort_u64(keys, rows);
    for (size_t i = 0; i < rows && !e; i++) order[i] = (uint32_t)keys[i];
    mem_free(keys);
    return e;
}

static double mean_of_numbers(const float *numbers, size_t rows) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++) sum += (double)numbers[i];
    return rows ? sum / (double)rows : 0;
}

static err init_numbers(row_statistics *s) {
    const float *sides[2] = {s->predicted, s->gold};
    for (int side = 0; side < 2; side++) {
        err e;
        if ((e = mem_new(&s->order[side], s->rows)) || (e = mem_new(&s->rank[side], s->rows)))
            return e;
        s->shift[side] = mean_of_numbers(sides[side], s->rows);
        if ((e = order_numbers(s->order[side], sides[side], s->rows))) return e;
    }
    return ERR_OK;
}

/* Ranks from 1, less the mean of all, of rows that stand there as often as their weights say. */
static void rank_rows(double *rank, const uint32_t *order, const float *numbers, size_t rows,
                      const uint32_t *weights, double total) {
    double before = 0, middle = 0.5 * (total + 1);
    for (size_t begin = 0, end; begin < rows; begin = end) {
        double equal = 0;
        float value = numbers[order[begin]];
        for (end = begin; end < rows && !(numbers[order[end]] > value); end++)
            equal += weights ? weights[order[end]] : 1;
        for (size_t i = begin; i < end; i++) rank[order[i]] = before + 0.5 * (equal + 1) - middle;
        before += equal;
    }
}

static void add_moments(product_sums *m, double x, double y, double weight) {
    m->weight += weight;
    m->x += weight * x;
    m->y += weight * y;
    m->xx += weight * x * x;
    m->yy += weight * y * y;
    m->xy += weight * x * y;
}

static void sum_numbers(confusion *c, row_statistics *s, const uint32_t *weights) {
    double total = 0;
    for (size_t i = 0; i < s->rows; i++) total += weights ? weights[i] : 1;
    rank_rows(s->rank[0], s->order[0], s->predicted, s->rows, weights, total);
    rank_rows(s->rank[1], s->order[1], s->gold, s->rows, weights, total);
    for (size_t i = 0; i < s->rows; i++) {
        uint32_t weight = weights ? weights[i] : 1;
        if (!weight) continue;
        double x = (double)s->predicted[i], y = (double)s->gold[i];
        add_moments(&c->values, x - s->shift[0], y - s->shift[1], weight);
        add_moments(&c->ranks, s->rank[0][i], s->rank[1][i], weight);
        c->predicted[x >= SCORE_YES] += weight;
        c->gold[y >= SCORE_YES] += weight;
        if ((x >= SCORE_YES) == (y >= SCORE_YES)) c->hit[y >= SCORE_YES] += weight;
        c->total += weight;
    }
}

/* sets */

/* The mean, over the row's labels, of the share of them among all that are scored as high; 1 where
 * there is nothing to rank. Source: scikit-learn's label_ranking_average_precision_score. */
static double rank_labels(const float *gold, const float *scores, size_t classes) {
    double sum = 0;
    size_t right = 0;
    for (size_t k = 0; k < classes; k++) {
        size_t above = 0, right_above = 0;
        if (gold[k] <= 0) continue;
        right++;
        for (size_t j = 0; j < classes; j++) {
            if (scores[j] < scores[k]) continue;
            above++;
            right_above += gold[j] > 0;
        }
        sum += (double)right_above / (double)above;
    }
    return right && right < classes ? sum / (double)right : 1;
}

static err init_sets(row_statistics *s) {
    size_t used = 0, capacity = 0;
    err e;
    if ((e = mem_new(&s->begin, s->rows + 1)) || (e = mem_new(&s->exact, s->rows)) ||
        (e = mem_new(&s->ranking, s->rows)))
        return e;
    for (size_t i = 0; i < s->rows; i++) {
        const float *gold = s->gold + i * s->classes, *scores = s->predicted + i * s->classes;
        size_t wrong = 0;
        if ((e = mem_grow((void **)&s->places, &capacity, used + 3 * s->classes,
                          sizeof *s->places)))
            return e;
        s->begin[i] = used;
        for (size_t k = 0; k < s->classes; k++) {
            bool is = gold[k] > 0, said = scores[k] > 0;
            if (is) s->places[used++] = (uint32_t)k;
            if (said) s->places[used++] = (uint32_t)(s->classes + k);
            if (is && said) s->places[used++] = (uint32_t)(2 * s->classes + k);
            wrong += is != said;
        }
        s->exact[i] = !wrong;
        s->ranking[i] = rank_labels(gold, scores, s->classes);
    }
    s->begin[s->rows] = used;
    return ERR_OK;
}

static void sum_sets(confusion *c, const row_statistics *s, const uint32_t *weights) {
    for (size_t i = 0; i < s->rows; i++) {
        uint32_t weight = weights ? weights[i] : 1;
        if (!weight) continue;
        for (size_t k = s->begin[i]; k < s->begin[i + 1]; k++) c->gold[s->places[k]] += weight;
        c->exact += s->exact[i] ? weight : 0;
        c->ranking += weight * s->ranking[i];
        c->total += weight;
    }
}

/* units */

/* Whether answers to units are of the same units, and their labels below `labels`: of words the
 * relations. */
static err check_units(const row_statistics *s, answers gold, answers predicted) {
    size_t width = answer_unit_width(s->kind), label = s->kind == ANSWER_ARCS ? ARC_RELATION : 0;
    const char *what = s->kind == ANSWER_ARCS ? "relation" : "tag";
    for (size_t i = 0; i < s->rows; i++) {
        if (gold.begin[i + 1] != predicted.begin[i + 1])
            return err_set(ERR_DATA, "row %zu: answers to %u units, expected %u", i,
                           predicted.begin[i + 1] - predicted.begin[i],
                           gold.begin[i + 1] - gold.begin[i]);
        for (uint32_t u = gold.begin[i]; u < gold.begin[i + 1]; u++) {
            uint32_t right = gold.classes[u * width + label];
            uint32_t said = predicted.classes[u * width + label];
            if (right >= s->classes || said >= s->classes)
                return err_set(ERR_DATA,
                               "row %zu: gold %s %u, predicted %s %u: expected ids below %zu", i,
                               what, right, what, said, s->classes);
        }
    }
    return ERR_OK;
}

size_t row_sum_size(answer_kind kind, size_t classes) {
    return kind == ANSWER_TAGS   ? tag_counts(classes)
           : kind == ANSWER_ARCS ? arc_counts(classes)
                                 : 3 * classes;
}

static void count_row(const row_statistics *s, uint64_t *counts, answers gold, answers predicted,
                      size_t row) {
    size_t count = gold.begin[row + 1] - gold.begin[row];
    size_t first = gold.begin[row] * answer_unit_width(s->kind);
    if (s->kind == ANSWER_TAGS)
        tags_count(counts, gold.classes + first, predicted.classes + first, count, s->classes);
    else
        arcs_count(counts, gold.classes + first, predicted.classes + first, count, s->classes);
}

/* Most of a row's counts are 0: they are passed over eight at a time, as a processor compares. */
static size_t next_count(const uint64_t *counts, size_t from, size_t size) {
    for (; from + 8 <= size; from += 8) {
        uint64_t any = 0;
        for (size_t k = 0; k < 8; k++) any |= counts[from + k];
        if (any) break;
    }
    while (from < size && !counts[from]) from++;
    return from;
}

/* What rows count, on its way to their places. */
typedef struct taking {
    uint64_t *counts; // (size) of one row
    size_t size, used, capacity[2];
} taking;

/* Adds what the row counts from place k to that before end, and takes it from the counts. */
static err take_counts(row_statistics *s, taking *t, size_t k, size_t end) {
    err e = ERR_OK;
    while ((k = next_count(t->counts, k, end)) < end && !e) {
        e = mem_grow((void **)&s->places, &t->capacity[0], t->used + 1, sizeof *s->places);
        if (!e)
            e = mem_grow((void **)&s->amounts, &t->capacity[1], t->used + 1, sizeof *s->amounts);
        if (e) break;
        s->places[t->used] = (uint32_t)k;
        s->amounts[t->used++] = (uint32_t)t->counts[k];
        t->counts[k++] = 0;
    }
    return e;
}

/* The largest head of a row's words that is told apart. */
static size_t last_head(answers of, size_t row) {
    size_t last = 0;
    for (size_t w = of.begin[row]; w < of.begin[row + 1]; w++)
        if (of.classes[w * ARC_WIDTH + ARC_HEAD] > last)
            last = of.classes[w * ARC_WIDTH + ARC_HEAD];
    return last < ARC_PLACES ? last : ARC_PLACES - 1;
}

/* Of the many places of heads those up to the row's last. */
static err take_row(row_statistics *s, taking *t, answers gold, answers predicted, size_t row) {
    if (s->kind != ANSWER_ARCS) return take_counts(s, t, 0, t->size);
    size_t places = arc_places(s->classes), last = last_head(gold, row);
    size_t said = last_head(predicted, row);
    if (said > last) last = said;
    err e = take_counts(s, t, 0, places);
    for (size_t k = places; k < places + 3 * ARC_PLACES && !e; k += ARC_PLACES)
        e = take_counts(s, t, k, k + last + 1);
    return e ? e : take_counts(s, t, arc_klue(s->classes), t->size);
}

static err init_units(row_statistics *s, answers gold, answers predicted) {
    taking t = {.size = row_sum_size(s->kind, s->classes)};
    err e = check_units(s, gold, predicted);
    if (e || (e = mem_new(&s->begin, s->rows + 1)) || (e = mem_new(&t.counts, t.size))) goto done;
    for (size_t i = 0; i < s->rows && !e; i++) {
        count_row(s, t.counts, gold, predicted, i);
        e = take_row(s, &t, gold, predicted, i);
        s->begin[i + 1] = t.used;
    }
done:
    mem_free(t.counts);
    return e;
}

static void sum_units(confusion *c, const row_statistics *s, const uint32_t *weights) {
    for (size_t i = 0; i < s->rows; i++) {
        uint64_t weight = weights ? weights[i] : 1;
        if (!weight) continue;
        for (size_t k = s->begin[i]; k < s->begin[i + 1]; k++)
            c->gold[s->places[k]] += weight * s->amounts[k];
        c->total += weight;
    }
}

/* relations */

static _Thread_local const double *sorted_scores;
static _Thread_local const uint32_t *sorted_gold;
static _Thread_local uint32_t sorted_label;

static int by_score(const void *a, const void *b) {
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    double x = sorted_scores[i], y = sorted_scores[j];
    int has = (sorted_gold[j] == sorted_label) - (sorted_gold[i] == sorted_label);
    return x > y ? -1 : x < y ? 1 : has ? has : (i > j) - (i < j);
}

/* The softmax of a row's logits, at scores[k * rows]. */
static void softmax(double *scores, const float *logits, size_t classes, size_t rows) {
    double most = (double)logits[0], sum = 0;
    for (size_t k = 1; k < classes; k++) most = fmax(most, (double)logits[k]);
    for (size_t k = 0; k < classes; k++) sum += scores[k * rows] = exp((double)logits[k] - most);
    for (size_t k = 0; k < classes; k++) scores[k * rows] /= sum;
}

/* Orders rows by the first half of their scores' bits, and by all of them where that is the same. */
static err order_scores(uint32_t *order, const double *scores, const uint32_t *gold, uint32_t label,
                        size_t rows) {
    uint64_t *keys = NULL;
    err e = mem_new(&keys, rows);
    for (size_t i = 0; i < rows && !e; i++) {
        uint64_t bits; // of a number that is not negative, whose order they have
        memcpy(&bits, &scores[i], sizeof bits);
        keys[i] = ~bits >> 32 << 32 | i;
    }
    if (!e) e = sort_u64(keys, rows);
    sorted_scores = scores;
    sorted_gold = gold;
    sorted_label = label;
    for (size_t i = 0, end; i < rows && !e; i = end) {
        for (end = i; end < rows && keys[end] >> 32 == keys[i] >> 32; end++)
            order[end] = (uint32_t)keys[end];
        if (end > i + 1) qsort(order + i, end - i, sizeof *order, by_score);
    }
    mem_free(keys);
    return e;
}

static err init_relations(row_statistics *s) {
    size_t rows = s->rows, classes = s->classes;
    err e;
    for (size_t i = 0; i < rows; i++)
        if (s->gold_class[i] >= classes || s->class[i] >= classes)
            return err_set(ERR_DATA, "row %zu: gold id %u, predicted id %u: expected ids below %zu",
                           i, s->gold_class[i], s->class[i], classes);
    if (!s->of_curves) return ERR_OK;
    if ((e = mem_new(&s->scores, classes * rows)) || (e = mem_new(&s->descending, classes * rows)))
        return e;
    for (size_t i = 0; i < rows; i++)
        softmax(s->scores + i, s->predicted + i * classes, classes, rows);
    for (size_t k = 0; k < classes && !e; k++)
        e = order_scores(s->descending + k * rows, s->scores + k * rows, s->gold_class, (uint32_t)k,
                         rows);
    return e;
}

double curve_area(double sum, double right, double total) {
    return right > 0 ? sum / (2 * right) : total > 0 ? 0.5 : 0;
}

/* The area under a label's curve. right: weight of the rows that have the label */
static double area_of_label(const row_statistics *s, size_t k, double right,
                            const uint32_t *weights) {
    const uint32_t *order = s->descending + k * s->rows;
    const double *scores = s->scores + k * s->rows;
    double sum = 0, hit = 0, said = 0, hit_before = 0, said_before = 0;
    for (size_t i = 0; i < s->rows; i++) {
        double weight = weights ? weights[order[i]] : 1;
        said += weight;
        if (s->gold_class[order[i]] == k) hit += weight;
        if (i + 1 < s->rows && !(scores[order[i + 1]] < scores[order[i]])) continue;
        if (!(said > 0)) continue; // rows that take no part
        // precision here and before, in one fraction; before the first row 1 of 1
        double hits = said_before > 0 ? hit_before : 1, rows = said_before > 0 ? said_before : 1;
        sum += (hit - hit_before) * (hit * rows + hits * said) / (said * rows);
        hit_before = hit;
        said_before = said;
    }
    return curve_area(sum, right, said);
}

static void sum_relations(confusion *c, const row_statistics *s, const uint32_t *weights) {
    for (size_t i = 0; i < s->rows; i++) {
        uint32_t weight = weights ? weights[i] : 1, gold = s->gold_class[i];
        c->gold[gold] += weight;
        c->predicted[s->class[i]] += weight;
        if (gold == s->class[i]) c->hit[gold] += weight;
        c->total += weight;
    }
    if (!s->of_curves) return;
    for (size_t k = 0; k < s->classes; k++)
        c->curves += area_of_label(s, k, (double)c->gold[k], weights) / (double)s->classes;
}

/* all */

err row_statistics_init(row_statistics *s, answer_kind kind, size_t classes, answers gold,
                        answers predicted, size_t rows, bool curves) {
    size_t width = answer_scores(kind, classes);
    *s = (row_statistics){.kind = kind,
                          .rows = rows,
                          .classes = classes,
                          .gold = gold.numbers,
                          .predicted = predicted.numbers,
                          .gold_class = gold.classes,
                          .class = predicted.classes,
                          .of_curves = curves};
    if (answer_in_units(kind)) return init_units(s, gold, predicted);
    if (kind == ANSWER_RELATION && !predicted.numbers) return init_relations(s);
    for (size_t i = 0; i < rows * width; i++)
        if ((kind != ANSWER_RELATION && !isfinite(s->gold[i])) || !isfinite(s->predicted[i]))
            return err_set(ERR_DATA, "row %zu: an answer is no finite number", i / width);
    return kind == ANSWER_SET        ? init_sets(s)
           : kind == ANSWER_RELATION ? init_relations(s)
                                     : init_numbers(s);
}

void row_statistics_drop_places(row_statistics *s) {
    mem_free(s->begin);
    mem_free(s->places);
    mem_free(s->amounts);
    mem_free(s->scores);
    s->begin = NULL;
    s->places = s->amounts = NULL;
    s->scores = NULL;
}

void row_statistics_free(row_statistics *s) {
    for (int side = 0; side < 2; side++) {
        mem_free(s->order[side]);
        mem_free(s->rank[side]);
    }
    row_statistics_drop_places(s);
    mem_free(s->exact);
    mem_free(s->ranking);
    mem_free(s->descending);
    *s = (row_statistics){0};
}

void row_statistics_sum(confusion *c, row_statistics *s, const uint32_t *weights) {
    size_t size = row_sum_size(s->kind, s->kind == ANSWER_TAGS ? c->tags : c->classes);
    memset(c->gold, 0, size * sizeof *c->gold);
    c->total = c->exact = 0;
    c->ranking = c->curves = 0;
    c->values = c->ranks = (product_sums){0};
    if (s->kind == ANSWER_SET)
        sum_sets(c, s, weights);
    else if (s->kind == ANSWER_RELATION)
        sum_relations(c, s, weights);
    else if (answer_in_units(s->kind))
        sum_units(c, s, weights);
    else
        sum_numbers(c, s, weights);
}

/* Units are counted where they are: a row's are read once. */
static void count_masked(confusion *c, const row_statistics *s, answers gold, answers predicted,
                         const bool *mask) {
    for (size_t i = 0; i < s->rows; i++) {
        if (mask && !mask[i]) continue;
        count_row(s, c->gold, gold, predicted, i);
        c->total++;
    }
}

static err sum_masked(confusion *c, row_statistics *s, const bool *mask) {
    uint32_t *weights = NULL;
    err e = mask ? mem_new(&weights, s->rows) : ERR_OK;
    for (size_t i = 0; mask && !e && i < s->rows; i++) weights[i] = mask[i];
    if (!e) row_statistics_sum(c, s, weights);
    mem_free(weights);
    return e;
}

err answers_sums(confusion *sums, const bool *const *masks, size_t count, answer_kind kind,
                 size_t classes, answers gold, answers predicted, size_t rows) {
    row_statistics s = {.kind = kind, .rows = rows, .classes = classes};
    bool in_units = answer_in_units(kind);
    err e = ERR_OK;
    for (size_t i = 0; i < count; i++) sums[i] = (confusion){0};
    for (size_t i = 0; i < count && !e; i++) e = confusion_init_kind(&sums[i], kind, classes);
    if (!e && in_units) e = check_units(&s, gold, predicted);
    if (!e && !in_units && kind != ANSWER_CLASS)
        e = row_statistics_init(&s, kind, classes, gold, predicted, rows, true);
    for (size_t i = 0; i < count && !e; i++)
        if (in_units)
            count_masked(&sums[i], &s, gold, predicted, masks[i]);
        else
            e = kind == ANSWER_CLASS
                    ? confusion_add(&sums[i], gold.classes, predicted.classes, masks[i], rows)
                    : sum_masked(&sums[i], &s, masks[i]);
    row_statistics_free(&s);
    return e;
}

err answers_sum(confusion *c, answer_kind kind, size_t classes, answers gold, answers predicted,
                const bool *mask, size_t rows) {
    return answers_sums(c, &mask, 1, kind, classes, gold, predicted, rows);
}
