#include "result/errors.h"

#include "metric/confusion_cells.h"
#include "metric/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void errors_free(errors *e) {
    mem_free(e->wrong);
    mem_free(e->parted);
    mem_free(e->pairs);
    *e = (errors){0};
}

/* A row's probabilities, means over the runs, into mean (2, classes); of all rows at once they would
 * be twice the logits. */
static void mean_probabilities(double *mean, const errors_input *in, size_t row) {
    size_t c = in->classes;
    double *one = mean + c;
    memset(mean, 0, c * sizeof *mean);
    for (size_t r = 0; r < in->runs; r++) {
        calibration_softmax(one, in->logits[r] + row * c, c, 1);
        for (size_t k = 0; k < c; k++) mean[k] += one[k] / (double)in->runs;
    }
}

static calibration_chance chance_of(const errors_input *in, size_t row, double *mean) {
    if (in->chances) return in->chances[row];
    mean_probabilities(mean, in, row);
    return calibration_chance_of(mean, in->gold[row], in->classes);
}

/* What rows of each label get for it on average; 2, which nothing reaches, of a label without. */
static err thresholds(double **out, const errors_input *in, double *mean) {
    size_t *counts = NULL;
    err e = mem_new(out, in->classes);
    if (!e) e = mem_new(&counts, in->classes);
    for (size_t i = 0; !e && i < in->rows; i++) {
        (*out)[in->gold[i]] += chance_of(in, i, mean).gold_chance;
        counts[in->gold[i]]++;
    }
    for (size_t k = 0; !e && k < in->classes; k++)
        (*out)[k] = counts[k] ? (*out)[k] / (double)counts[k] : 2;
    mem_free(counts);
    return e;
}

static double vote_entropy(const errors_input *in, size_t row) {
    double sum = 0;
    for (uint32_t k = 0; k < in->classes; k++) {
        size_t votes = 0;
        for (size_t r = 0; r < in->runs; r++) votes += in->predicted[r][row] == k;
        double share = (double)votes / (double)in->runs;
        if (votes) sum -= share * log(share);
    }
    return sum;
}

static void find_distances(errors *out, const errors_input *in, double *mean) {
    size_t c = in->classes;
    double *one = mean + c;
    for (size_t i = 0; i < out->parted_count; i++) {
        errors_row *row = &out->parted[i];
        mean_probabilities(mean, in, row->row);
        for (size_t r = 0; r < in->runs; r++) {
            calibration_softmax(one, in->logits[r] + row->row * c, c, 1);
            for (size_t k = 0; k < c; k++)
                row->distance += fabs(one[k] - mean[k]) / (2 * (double)in->runs);
        }
        // mirrored probabilities are as far apart
        row->distance = round(row->distance * 1e9) / 1e9;
    }
}

static errors_row look_at(const errors_input *in, size_t row, double *p, const double *threshold) {
    calibration_chance of = chance_of(in, row, p);
    return (errors_row){.row = row,
                        .answer = of.answer,
                        .probability = of.probability,
                        .gold_chance = of.gold_chance,
                        .entropy = vote_entropy(in, row),
                        .is_suspect =
                            of.answer != in->gold[row] && of.probability >= threshold[of.answer]};
}

static int by_suspicion(const void *a, const void *b) {
    const errors_row *x = a, *y = b;
    if (x->is_suspect != y->is_suspect) return x->is_suspect ? -1 : 1;
    if (x->gold_chance != y->gold_chance) return x->gold_chance < y->gold_chance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_entropy(const void *a, const void *b) {
    const errors_row *x = a, *y = b;
    // sums of equal shares in another order
    if (fabs(x->entropy - y->entropy) > 1e-9) return x->entropy > y->entropy ? -1 : 1;
    if (x->distance != y->distance) return x->distance > y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static err find_rows(errors *out, const errors_input *in) {
    double *mean = NULL, *threshold = NULL;
    err e = mem_new(&mean, 2 * in->classes);
    if (!e) e = thresholds(&threshold, in, mean);
    if (!e) e = mem_new(&out->wrong, in->rows);
    if (!e) e = mem_new(&out->parted, in->rows);
    for (size_t i = 0; !e && i < in->rows; i++) {
        size_t right = 0, alike = 0;
        for (size_t r = 0; r < in->runs; r++) {
            right += in->predicted[r][i] == in->gold[i];
            alike += in->predicted[r][i] == in->predicted[0][i];
        }
        if (right && alike == in->runs) continue;
        errors_row row = look_at(in, i, mean, threshold);
        if (!right) {
            out->wrong[out->wrong_count++] = row;
            out->suspect_count += row.is_suspect;
        }
        if (alike < in->runs) out->parted[out->parted_count++] = row;
    }
    if (!e) qsort(out->wrong, out->wrong_count, sizeof *out->wrong, by_suspicion);
    if (!e) find_distances(out, in, mean);
    if (!e) qsort(out->parted, out->parted_count, sizeof *out->parted, by_entropy);
    mem_free(mean);
    mem_free(threshold);
    return e;
}

static err score_slice(errors_slice *s, const errors_input *in, const bool *mask) {
    s->rows = 0;
    for (size_t i = 0; i < in->rows; i++) s->rows += mask[i];
    s->accuracy = s->headline = s->rows ? 0 : (double)NAN;
    err e = ERR_OK;
    for (size_t r = 0; !e && s->rows && r < in->runs; r++) {
        confusion c = {0};
        e = answers_sum(&c, in->kind, in->classes, (answers){in->gold, NULL, NULL},
                        (answers){in->predicted[r], in->logits[r], NULL}, mask, in->rows);
        if (!e) s->accuracy += metric_value("accuracy", &c) / (double)in->runs;
        if (!e) s->headline += metric_of_seen(in->headline, &c) / (double)in->runs;
        confusion_free(&c);
    }
    return e;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Quarters of the rows by their tokens: equal lengths stay together. */
static err slice_lengths(errors *out, const errors_input *in, bool *mask) {
    enum { PARTS = 4 };
    uint32_t *sorted = NULL, low = 0;
    err e = mem_new(&sorted, in->rows);
    if (e || !in->rows) goto done;
    memcpy(sorted, in->tokens, in->rows * sizeof *sorted);
    qsort(sorted, in->rows, sizeof *sorted, ascending);
    for (size_t part = 1; part <= PARTS && !e; part++) {
        uint32_t high = sorted[(in->rows * part + PARTS - 1) / PARTS - 1];
        if (high < low) continue; // all of it is in the part before
        errors_slice *s = &out->slices[out->slice_count++];
        *s = (errors_slice){.by = "length"};
        if (low == high)
            snprintf(s->name, sizeof s->name, "%u tokens", low);
        else
            snprintf(s->name, sizeof s->name, "%u to %u tokens", low, high);
        for (size_t i = 0; i < in->rows; i++)
            mask[i] = in->tokens[i] >= low && in->tokens[i] <= high;
        e = score_slice(s, in, mask);
        low = high + 1;
    }
done:
    mem_free(sorted);
    return e;
}

/* Rows whose share of [UNK] lies in (low, high], or is 0. */
static bool has_unknown(const errors_input *in, size_t row, int part) {
    double share = in->tokens[row] ? (double)in->unknown[row] / in->tokens[row] : 0;
    return part == 0 ? share <= 0 : part == 1 ? share > 0 && share <= 0.1 : share > 0.1;
}

static bool is_kind(const bool *repeated, const errors_input *in, size_t row, int part) {
    return part == 0   ? in->leaked[row]
           : part == 1 ? repeated[row]
                       : !in->leaked[row] && !repeated[row];
}

static err slice_kinds(errors *out, const errors_input *in, bool *mask) {
    static const char *const unknown[] = {"none", "up to a tenth", "more"};
    static const char *const texts[] = {"also in train", "more than once", "neither"};
    bool *repeated = NULL;
    err e = mem_new(&repeated, in->rows);
    for (size_t i = 0; !e && i < in->rows; i++)
        if (in->first_row[i] != i) repeated[i] = repeated[in->first_row[i]] = true;
    for (int part = 0; part < 6 && !e; part++) {
        errors_slice *s = &out->slices[out->slice_count++];
        *s = (errors_slice){.by = part < 3 ? "[UNK]" : "text"};
        snprintf(s->name, sizeof s->name, "%s", part < 3 ? unknown[part] : texts[part - 3]);
        for (size_t i = 0; i < in->rows; i++)
            mask[i] = part < 3 ? has_unknown(in, i, part) : is_kind(repeated, in, i, part - 3);
        e = score_slice(s, in, mask);
    }
    mem_free(repeated);
    return e;
}

/* One list of all runs' answers: what it takes grows with rows and labels, not with their pairs. */
static err find_pairs(errors *out, const errors_input *in) {
    uint32_t *gold = NULL, *said = NULL;
    size_t *of_gold = NULL, all = in->runs * in->rows, count = 0;
    confusion_cell *cells = NULL;
    err e = mem_new(&of_gold, in->classes);
    if (!e) e = mem_new(&gold, all);
    if (!e) e = mem_new(&said, all);
    for (size_t i = 0; !e && i < all; i++) {
        gold[i] = in->gold[i % in->rows];
        said[i] = in->predicted[i / in->rows][i % in->rows];
    }
    for (size_t i = 0; !e && i < in->rows; i++) of_gold[in->gold[i]]++;
    if (!e) e = confusion_mistakes(&cells, &count, gold, said, all);
    if (!e) e = mem_new(&out->pairs, count);
    for (size_t k = 0; !e && k < count; k++) {
        double rows = (double)cells[k].rows / (double)in->runs;
        out->pairs[out->pair_count++] = (errors_pair){cells[k].gold, cells[k].predicted, rows,
                                                      rows / (double)of_gold[cells[k].gold]};
    }
    mem_free(gold);
    mem_free(said);
    mem_free(of_gold);
    mem_free(cells);
    return e;
}

err errors_find(errors *out, const errors_input *in) {
    bool *mask = NULL;
    *out = (errors){0};
    err e = find_rows(out, in);
    if (!e) e = mem_new(&mask, in->rows);
    if (!e) e = slice_lengths(out, in, mask);
    if (!e) e = slice_kinds(out, in, mask);
    if (!e) e = find_pairs(out, in);
    mem_free(mask);
    return e;
}
