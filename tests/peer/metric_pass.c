/* Scores of many small classifications, for metric_compare.py.
 *
 *     metric_pass < cases
 *
 * A case is one line: class C N, N gold ids, N predicted ids; number 0 N, N gold, N predicted; set C N,
 * N * C of 0 or 1, N * C scores; relation C N, N gold ids, N * C logits; tags C N, N numbers of units,
 * gold ids of all, predicted ids of all; arcs C N, the same with ARC_WIDTH ids a unit. For each, a line
 * of JSON (of all but the first metrics alone):
 * confusion (C * C, rows are gold), metrics by name, classes [[precision, recall, f1, support]]. */
#include "base/memory.h"
#include "metric/rows.h"

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

int main(void) {
    char kind[16];
    size_t classes, count;
    err e = ERR_OK;
    while (!e && scanf("%15s %zu %zu", kind, &classes, &count) == 3)
        e = !strcmp(kind, "class")    ? one_case(classes, count)
            : !strcmp(kind, "tags")   ? unit_case(ANSWER_TAGS, classes, count)
            : !strcmp(kind, "arcs")   ? unit_case(ANSWER_ARCS, classes, count)
            : !strcmp(kind, "number") ? number_case(ANSWER_NUMBER, 0, count)
            : !strcmp(kind, "set")    ? number_case(ANSWER_SET, classes, count)
                                      : number_case(ANSWER_RELATION, classes, count);
    if (e) fprintf(stderr, "metric_pass: %s\n", err_message(e));
    return e != ERR_OK;
}
