/* Scores of many small classifications, for metric_compare.py, and what goes wrong in them, for
 * errors_compare.py.
 *
 *     metric_pass < cases
 *
 * A case is one line: class C N, N gold ids, N predicted ids; number 0 N, N gold, N predicted; set C N,
 * N * C of 0 or 1, N * C scores; relation C N, N gold ids, N * C logits; tags C N, N numbers of units,
 * gold ids of all, predicted ids of all; arcs C N, the same with ARC_WIDTH ids a unit; errors C N, R (runs),
 * N gold ids, N numbers of tokens, N of [UNK], N first rows of equal text, N of 0 or 1 (leaked),
 * R * N * C logits. For each, a line
 * of JSON (of all but the first metrics alone):
 * confusion (C * C, rows are gold), metrics by name, classes [[precision, recall, f1, support]]. */
#include "base/memory.h"
#include "metric/calibration.h"
#include "metric/rows.h"
#include "result/errors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static err read_ids(uint32_t **ids, size_t count) {
    err e = mem_new(ids, count);
    for (size_t i = 0; !e && i < count; i++)
        if (scanf("%" SCNu32, &(*ids)[i]) != 1)
            e = err_set(ERR_FORMAT, "the input ends before id %zu of %zu", i, count);
    return e;
}

static void print_scores(const confusion *c, const uint64_t *matrix) {
    const char *comma = "";
    printf("{\"confusion\": [");
    for (size_t i = 0; i < c->classes * c->classes; i++)
        printf("%s%" PRIu64, i ? ", " : "", matrix[i]);
    printf("], \"metrics\": {");
    for (size_t i = 0; i < metric_count(); i++) {
        const metric *m = metric_at(i);
        if (!metric_applies(m, c->kind, c->classes)) continue;
        printf("%s\"%s\": %.17g", comma, m->name, m->fn(c));
        comma = ", ";
    }
    printf("}, \"classes\": [");
    for (size_t k = 0; k < c->classes; k++) {
        class_score s = metric_of_class(c, k);
        printf("%s[%.17g, %.17g, %.17g, %" PRIu64 "]", k ? ", " : "", s.precision, s.recall, s.f1,
               s.support);
    }
    printf("]}\n");
}

static err one_case(size_t classes, size_t count) {
    uint32_t *gold = NULL, *predicted = NULL;
    uint64_t *matrix = NULL;
    confusion c = {0};
    err e = ERR_OK;
    if ((e = read_ids(&gold, count)) || (e = read_ids(&predicted, count))) goto done;
    if ((e = confusion_init(&c, classes))) goto done;
    if ((e = confusion_add(&c, gold, predicted, NULL, count))) goto done;
    if ((e = confusion_matrix(&matrix, gold, predicted, count, classes))) goto done;
    print_scores(&c, matrix);
done:
    mem_free(matrix);
    confusion_free(&c);
    mem_free(gold);
    mem_free(predicted);
    return e;
}

static err read_numbers(float **numbers, size_t count) {
    err e = mem_new(numbers, count);
    for (size_t i = 0; !e && i < count; i++)
        if (scanf("%f", &(*numbers)[i]) != 1)
            e = err_set(ERR_FORMAT, "the input ends before number %zu of %zu", i, count);
    return e;
}

/* One object of the metrics, null where not defined. */
static err print_metrics(answer_kind kind, size_t classes, answers gold, answers predicted,
                         size_t count) {
    confusion c = {0};
    const char *comma = "";
    err e = answers_sum(&c, kind, classes, gold, predicted, NULL, count);
    if (e) return e;
    printf("{\"metrics\": {");
    for (size_t i = 0; i < metric_count(); i++) {
        const metric *m = metric_at(i);
        if (!metric_applies(m, kind, classes)) continue;
        double value = m->fn(&c);
        printf(isnan(value) ? "%s\"%s\": null" : "%s\"%s\": %.17g", comma, m->name, value);
        comma = ", ";
    }
    printf("}}\n");
    confusion_free(&c);
    return ERR_OK;
}

/* Numbers, sets as 0 or 1 and scores, or ids and logits. */
static err number_case(answer_kind kind, size_t classes, size_t count) {
    size_t width = answer_scores(kind, classes);
    bool ids = kind == ANSWER_RELATION;
    float *gold = NULL, *predicted = NULL;
    uint32_t *right = NULL, *said = NULL;
    err e = ids ? read_ids(&right, count) : read_numbers(&gold, count * width);
    if (!e) e = read_numbers(&predicted, count * width);
    if (!e) e = mem_new(&said, count);
    if (!e && ids) answers_say(said, predicted, count, classes);
    if (!e)
        e = print_metrics(kind, classes, (answers){.classes = right, .numbers = gold},
                          (answers){.classes = said, .numbers = predicted}, count);
    mem_free(gold);
    mem_free(predicted);
    mem_free(right);
    mem_free(said);
    return e;
}

static err unit_case(answer_kind of, size_t classes, size_t count) {
    size_t width = answer_unit_width(of);
    uint32_t *units = NULL, *begin = NULL, *gold = NULL, *predicted = NULL;
    err e = read_ids(&units, count);
    if (!e) e = mem_new(&begin, count + 1);
    for (size_t i = 0; !e && i < count; i++) begin[i + 1] = begin[i] + units[i];
    if (!e) e = read_ids(&gold, begin[count] * width);
    if (!e) e = read_ids(&predicted, begin[count] * width);
    if (!e)
        e = print_metrics(of, classes, (answers){.classes = gold, .begin = begin},
                          (answers){.classes = predicted, .begin = begin}, count);
    mem_free(units);
    mem_free(begin);
    mem_free(gold);
    mem_free(predicted);
    return e;
}

static void print_rows(const char *name, const errors_row *rows, size_t count) {
    printf("\"%s\": [", name);
    for (size_t i = 0; i < count; i++)
        printf("%s[%zu, %" PRIu32 ", %.17g, %.17g, %.17g, %d]", i ? ", " : "", rows[i].row,
               rows[i].answer, rows[i].probability, rows[i].gold_chance, rows[i].entropy,
               rows[i].is_suspect);
    printf("], ");
}

static void print_number(const char *before, double value) {
    printf(isnan(value) ? "%snull" : "%s%.17g", before, value);
}

static void print_errors(const errors *x) {
    printf("{");
    print_rows("wrong", x->wrong, x->wrong_count);
    print_rows("parted", x->parted, x->parted_count);
    printf("\"slices\": [");
    for (size_t i = 0; i < x->slice_count; i++) {
        const errors_slice *s = &x->slices[i];
        printf("%s[\"%s\", \"%s\", %zu", i ? ", " : "", s->by, s->name, s->rows);
        print_number(", ", s->accuracy);
        print_number(", ", s->headline);
        printf("]");
    }
    printf("], \"pairs\": [");
    for (size_t i = 0; i < x->pair_count; i++)
        printf("%s[%" PRIu32 ", %" PRIu32 ", %.17g, %.17g]", i ? ", " : "", x->pairs[i].gold,
               x->pairs[i].said, x->pairs[i].rows, x->pairs[i].share);
    printf("], ");
}

/* Of one run's logits; the loss also at the temperature that makes it least. */
static void print_calibration(const float *logits, const uint32_t *gold, size_t rows,
                              size_t classes) {
    calibration c;
    calibration_of(&c, logits, gold, rows, classes, 1);
    printf("\"calibration\": {\"ece\": %.17g, \"brier\": %.17g, \"loss\": %.17g, "
           "\"confidence\": %.17g, \"bins\": [",
           c.ece, c.brier, c.loss, c.confidence);
    for (size_t m = 0; m < CALIBRATION_BINS; m++)
        printf("%s[%zu, %zu, %.17g]", m ? ", " : "", c.bins[m].rows, c.bins[m].right,
               c.bins[m].confidence);
    calibration_of(&c, logits, gold, rows, classes,
                   calibration_temperature(logits, gold, rows, classes));
    printf("], \"least_loss\": %.17g}}\n", c.loss);
}

static err errors_case(size_t classes, size_t count) {
    enum { MOST = 8, LISTS = 5 }; // runs; gold, tokens, [UNK], first rows, leaked
    uint32_t *lists[LISTS] = {0}, *said[MOST] = {0};
    float *logits[MOST] = {0};
    bool *leaked = NULL;
    size_t runs = 0;
    errors found = {0};
    err e = scanf("%zu", &runs) == 1 && runs >= 1 && runs <= MOST
                ? ERR_OK
                : err_set(ERR_FORMAT, "a case of 1 to %d runs is expected", MOST);
    for (size_t i = 0; i < LISTS && !e; i++) e = read_ids(&lists[i], count);
    if (!e) e = mem_new(&leaked, count);
    for (size_t i = 0; i < count && !e; i++) leaked[i] = lists[4][i];
    for (size_t r = 0; r < runs && !e; r++) {
        e = read_numbers(&logits[r], count * classes);
        if (!e) e = mem_new(&said[r], count);
        if (!e) answers_say(said[r], logits[r], count, classes);
    }
    if (!e)
        e = errors_find(&found, &(errors_input){.runs = runs,
                                                .rows = count,
                                                .classes = classes,
                                                .kind = ANSWER_CLASS,
                                                .logits = (const float *const *)logits,
                                                .predicted = (const uint32_t *const *)said,
                                                .gold = lists[0],
                                                .tokens = lists[1],
                                                .unknown = lists[2],
                                                .first_row = lists[3],
                                                .leaked = leaked,
                                                .headline = metric_find("macro_f1")});
    if (!e) {
        print_errors(&found);
        print_calibration(logits[0], lists[0], count, classes);
    }
    errors_free(&found);
    for (size_t i = 0; i < LISTS; i++) mem_free(lists[i]);
    for (size_t r = 0; r < MOST; r++) {
        mem_free(logits[r]);
        mem_free(said[r]);
    }
    mem_free(leaked);
    return e;
}

int main(void) {
    char kind[16];
    size_t classes, count;
    err e = ERR_OK;
    while (!e && scanf("%15s %zu %zu", kind, &classes, &count) == 3)
        e = !strcmp(kind, "class")    ? one_case(classes, count)
            : !strcmp(kind, "tags")   ? unit_case(ANSWER_TAGS, classes, count)
            : !strcmp(kind, "arcs")   ? unit_case(ANSWER_ARCS, classes, count)
            : !strcmp(kind, "number") ? number_case(ANSWER_NUMBER, 0, count)
            : !strcmp(kind, "errors") ? errors_case(classes, count)
            : !strcmp(kind, "set")    ? number_case(ANSWER_SET, classes, count)
                                      : number_case(ANSWER_RELATION, classes, count);
    if (e) fprintf(stderr, "metric_pass: %s\n", err_message(e));
    return e != ERR_OK;
}
