/* Units of a test set, and their types. */
#include "metric/interval_internal.h"

#include "base/memory.h"
#include "base/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The rows of unit u are members[begin[u]..begin[u + 1]).
typedef struct unit_list {
    const test_table *table;
    size_t units;
    uint32_t *unit_of; // (rows)
    uint32_t *members; // (rows)
    uint32_t *begin;   // (units + 2)
    uint32_t *order;   // (units) by signature; of units that are drawn by their types alone
} unit_list;

static void unit_list_free(unit_list *l) {
    mem_free(l->unit_of);
    mem_free(l->members);
    mem_free(l->begin);
    mem_free(l->order);
    *l = (unit_list){0};
}

static err number_units(unit_list *l, const test_table *t) {
    for (size_t i = 0; i < t->rows; i++) {
        size_t first = t->first_row ? t->first_row[i] : i;
        if (first > i || (t->first_row && t->first_row[first] != first)) {
            return err_set(ERR_DATA, "row %zu: its text is said to occur first in row %zu", i,
                           first);
        }
        l->unit_of[i] = first == i ? (uint32_t)l->units++ : l->unit_of[first];
    }
    return ERR_OK;
}

static err check_ids(const uint32_t *ids, const test_table *t) {
    for (size_t i = 0; i < t->rows; i++) {
        if (ids[i] < t->classes) continue;
        return err_set(ERR_DATA, "row %zu: id %u, expected ids below %zu", i, ids[i], t->classes);
    }
    return ERR_OK;
}

static err unit_list_init(unit_list *l, const test_table *t) {
    err e;
    *l = (unit_list){.table = t};
    if ((e = mem_new(&l->unit_of, t->rows)) || (e = mem_new(&l->members, t->rows)) ||
        (e = number_units(l, t)) || (e = check_ids(t->gold.classes, t)) ||
        (e = mem_new(&l->begin, l->units + 2)))
        return e;
    for (size_t r = 0; r < t->runs; r++)
        if ((e = check_ids(t->predicted[r].classes, t))) return e;
    // counting sort: begin[u + 1] walks from the start of unit u to its end
    for (size_t i = 0; i < t->rows; i++) l->begin[l->unit_of[i] + 2]++;
    for (size_t u = 1; u <= l->units; u++) l->begin[u + 1] += l->begin[u];
    for (size_t i = 0; i < t->rows; i++) l->members[l->begin[l->unit_of[i] + 1]++] = (uint32_t)i;
    return ERR_OK;
}

/* Are there so many types that units are drawn singly? */

// a conditional binomial costs about as much as a dozen single draws
static bool are_many(size_t types, size_t units) {
    return types * 12 > units;
}

static uint64_t mixed(uint64_t h, uint64_t value) {
    h = (h ^ (value + 0x9e3779b97f4a7c15)) * 0xbf58476d1ce4e5b9;
    return h ^ h >> 29;
}

/* Whether the first runs tell so many units apart already: more runs tell no fewer. Equal hashes of
 * unequal units would only make it answer no, and then all are looked at. */
static err are_single(bool *out, const unit_list *l) {
    const test_table *t = l->table;
    uint64_t *hash = NULL, *sorted = NULL;
    err e = mem_new(&hash, l->units);
    if (!e) e = mem_new(&sorted, l->units);
    *out = false;
    for (size_t r = 0, next = 1; r <= t->runs && !e && !*out; r++) {
        const uint32_t *ids = r ? t->predicted[r - 1].classes : t->gold.classes;
        for (size_t i = 0; i < t->rows; i++)
            hash[l->unit_of[i]] = mixed(hash[l->unit_of[i]], ids[i]);
        if (r < next && r < t->runs) continue;
        next *= 2;
        memcpy(sorted, hash, l->units * sizeof *hash);
        if ((e = sort_u64(sorted, l->units))) break;
        size_t types = 1;
        for (size_t u = 1; u < l->units; u++) types += sorted[u] != sorted[u - 1];
        *out = are_many(types, l->units);
    }
    mem_free(hash);
    mem_free(sorted);
    return e;
}

static const unit_list *sorted_list;

// the j-th of (gold, predicted by run 0, 1, ...)
static uint32_t answer_to(const test_table *t, uint32_t row, size_t j) {
    return j ? t->predicted[j - 1].classes[row] : t->gold.classes[row];
}

static int compare_units(const unit_list *l, uint32_t u, uint32_t v) {
    size_t nu = l->begin[u + 1] - l->begin[u], nv = l->begin[v + 1] - l->begin[v];
    for (size_t k = 0; k < nu && k < nv; k++) {
        uint32_t row = l->members[l->begin[u] + k], other = l->members[l->begin[v] + k];
        for (size_t j = 0; j <= l->table->runs; j++) {
            uint32_t x = answer_to(l->table, row, j), y = answer_to(l->table, other, j);
            if (x != y) return x < y ? -1 : 1;
        }
    }
    return (nu > nv) - (nu < nv);
}

static int by_signature(const void *a, const void *b) {
    return compare_units(sorted_list, *(const uint32_t *)a, *(const uint32_t *)b);
}

// gathers units of equal signature; `first` (types) is the first unit of each type in sorted order
static err number_types(bootstrap *b, unit_list *l, uint32_t *first) {
    err e = mem_new(&l->order, l->units);
    if (e) return e;
    for (size_t u = 0; u < l->units; u++) l->order[u] = (uint32_t)u;
#pragma omp critical(bootstrap_sort)
    {
        sorted_list = l; // qsort has no argument for it
        qsort(l->order, l->units, sizeof *l->order, by_signature);
    }
    for (size_t i = 0; i < l->units; i++) {
        uint32_t u = l->order[i];
        if (!i || compare_units(l, l->order[i - 1], u)) first[b->types++] = u;
        b->type_of_unit[u] = (uint32_t)(b->types - 1);
        b->unit_count[b->types - 1]++;
    }
    b->single = are_many(b->types, b->units);
    return ERR_OK;
}

static err find_types(bootstrap *b, unit_list *l, uint32_t *first) {
    err e = b->single ? ERR_OK : are_single(&b->single, l);
    if (e || !b->single) return e ? e : number_types(b, l, first);
    // each unit for itself: what is drawn does not depend on the runs
    b->types = l->units;
    for (size_t u = 0; u < l->units; u++) {
        first[u] = b->type_of_unit[u] = (uint32_t)u;
        b->unit_count[u] = 1;
    }
    return ERR_OK;
}

static void list_gold(bootstrap *b, const unit_list *l, const uint32_t *first) {
    size_t rows = 0;
    for (size_t k = 0; k < b->types; k++) {
        b->row_begin[k] = rows;
        for (size_t m = l->begin[first[k]]; m < l->begin[first[k] + 1]; m++)
            b->row_gold[rows++] = l->table->gold.classes[l->members[m]];
    }
    b->row_begin[b->types] = rows;
}

/* The wrong rows of a run as numbers (label missed, label given, type), the last in 32 bits. */
static err wrong_rows(uint64_t *list, size_t *wrong, const bootstrap *b, const unit_list *l,
                      const uint32_t *first, const uint32_t *predicted) {
    const uint32_t *gold = l->table->gold.classes;
    size_t count = 0;
    for (size_t k = 0; k < b->types; k++) {
        for (size_t m = l->begin[first[k]]; m < l->begin[first[k] + 1]; m++) {
            uint32_t row = l->members[m];
            if (predicted[row] == gold[row]) continue;
            list[count++] = ((uint64_t)gold[row] * b->classes + predicted[row]) << 32 | k;
        }
    }
    *wrong = count;
    return sort_u64(list, count);
}

/* The labels that gold has or a run's cells name, whose places the cells get.
 *   place  (classes) scratch */
static err list_labels(bootstrap *b, size_t *room, const bool *in_gold, uint32_t *place,
                       size_t run) {
    size_t begin = b->label_begin[run], count = 0;
    err e = mem_grow((void **)&b->labels, room, begin + b->classes, sizeof *b->labels);
    if (e) return e;
    struct bootstrap_cell *cells = b->cells + b->cell_begin[run];
    size_t cell_count = b->cell_begin[run + 1] - b->cell_begin[run];
    memset(place, 0, b->classes * sizeof *place);
    for (size_t i = 0; i < cell_count; i++) place[cells[i].predicted] = 1;
    for (uint32_t k = 0; k < b->classes; k++) {
        if (!in_gold[k] && !place[k]) continue;
        b->labels[begin + count] = k;
        place[k] = (uint32_t)count++;
    }
    for (size_t i = 0; i < cell_count; i++) {
        cells[i].gold = place[cells[i].gold];
        cells[i].predicted = place[cells[i].predicted];
    }
    b->label_begin[run + 1] = begin + count;
    return ERR_OK;
}

/* Each run's wrong predictions by what was taken for what: a label is counted once a cell and not
 * once a row. */
static err list_wrong(bootstrap *b, const unit_list *l, const uint32_t *first) {
    size_t cells = 0, cell_room = 0, wrong = 0, wrong_room = 0, label_room = 0;
    bool *in_gold = NULL;
    uint32_t *place = NULL;
    uint64_t *list = NULL;
    err e = mem_new(&list, l->table->rows);
    if (!e) e = mem_new(&place, b->classes);
    if (!e) e = mem_new(&in_gold, b->classes);
    for (size_t i = 0; i < l->table->rows && !e; i++) in_gold[l->table->gold.classes[i]] = true;
    for (size_t r = 0; r < b->runs && !e; r++) {
        size_t count = 0;
        if ((e = wrong_rows(list, &count, b, l, first, l->table->predicted[r].classes)) ||
            (e = mem_grow((void **)&b->wrong, &wrong_room, wrong + count, sizeof *b->wrong)) ||
            (e = mem_grow((void **)&b->cells, &cell_room, cells + count, sizeof *b->cells)))
            break;
        for (size_t i = 0; i < count; i++) {
            uint32_t cell = (uint32_t)(list[i] >> 32);
            if (!i || cell != list[i - 1] >> 32)
                b->cells[cells++] = (struct bootstrap_cell){cell / (uint32_t)b->classes,
                                                            cell % (uint32_t)b->classes, 0};
            b->wrong[wrong++] = (uint32_t)list[i];
            b->cells[cells - 1].end = wrong;
        }
        b->cell_begin[r + 1] = cells;
        e = list_labels(b, &label_room, in_gold, place, r);
    }
    mem_free(in_gold);
    mem_free(place);
    mem_free(list);
    return e;
}

static void fill_steps(bootstrap *b) {
    double left = (double)b->units;
    for (size_t k = 0; k < b->types; k++) {
        struct bootstrap_step *s = &b->steps[k];
        double share = b->unit_count[k] / left;
        s->last = k + 1 == b->types;
        s->flipped = share > 0.5;
        s->share = s->flipped ? (left - b->unit_count[k]) / left : share;
        s->odds = s->share / (1 - s->share);
        s->log_share = s->last ? 0 : log(s->share);
        s->log_rest = log1p(-s->share);
        left -= b->unit_count[k];
    }
    b->log_factorial[0] = 0;
    for (size_t n = 1; n <= b->units; n++)
        b->log_factorial[n] = b->log_factorial[n - 1] + log((double)n);
}

static err allocate(bootstrap *b, size_t rows) {
    size_t units = b->units;
    err e;
    if ((e = mem_new(&b->type_of_unit, units)) || (e = mem_new(&b->unit_count, units)) ||
        (e = mem_new(&b->row_begin, units + 1)) || (e = mem_new(&b->row_gold, rows)) ||
        (e = mem_new(&b->cell_begin, b->runs + 1)) || (e = mem_new(&b->label_begin, b->runs + 1)) ||
        (e = mem_new(&b->steps, units)))
        return e;
    return mem_new(&b->log_factorial, units + 1);
}

// units of numbers, sets or relations: seldom are two alike, so none are gathered
static err single_units(bootstrap *b, const test_table *t) {
    unit_list l = {0};
    b->table = *t;
    b->single = true;
    err e = mem_new(&b->unit_of, t->rows);
    l.unit_of = b->unit_of;
    if (!e) e = number_units(&l, t);
    b->units = b->types = l.units;
    if (!e) e = mem_new(&b->type_of_unit, b->units);
    for (size_t u = 0; !e && u < b->units; u++) b->type_of_unit[u] = (uint32_t)u;
    if (e) bootstrap_free(b);
    return e;
}

static err check_table(const test_table *t) {
    enum { CLASSES_MOST = 65535 }; // two of them stand in 32 bits
    if (t->rows && t->runs && t->rows <= UINT32_MAX / 2 &&
        (t->kind != ANSWER_CLASS || (t->classes && t->classes <= CLASSES_MOST)))
        return ERR_OK;
    return err_set(ERR_ARG, "bootstrap of %zu rows, %zu runs, %zu classes", t->rows, t->runs,
                   t->classes);
}

static err init_types(bootstrap *b, const test_table *t, bool single) {
    unit_list l = {0};
    uint32_t *first = NULL;
    *b = (bootstrap){.kind = t->kind, .classes = t->classes, .runs = t->runs, .single = single};
    err e = check_table(t);
    if (e) return e;
    if (t->kind != ANSWER_CLASS) return single_units(b, t);
    if ((e = unit_list_init(&l, t))) goto done;
    b->units = l.units;
    if ((e = mem_new(&first, l.units)) || (e = allocate(b, t->rows)) ||
        (e = find_types(b, &l, first)))
        goto done;
    list_gold(b, &l, first);
    if ((e = list_wrong(b, &l, first))) goto done;
    if (!b->single) fill_steps(b);
done:
    mem_free(first);
    unit_list_free(&l);
    if (e) bootstrap_free(b);
    return e;
}

err bootstrap_init(bootstrap *b, const test_table *t) {
    return init_types(b, t, false);
}

err bootstrap_init_single(bootstrap *b, const test_table *t) {
    return init_types(b, t, true);
}

err bootstrap_is_single(bool *out, const test_table *t) {
    unit_list l = {0};
    uint32_t *first = NULL;
    bootstrap b = {0};
    *out = true;
    err e = check_table(t);
    if (e || t->kind != ANSWER_CLASS) return e;
    if (!(e = unit_list_init(&l, t))) e = are_single(out, &l);
    if (e || *out) goto done; // equal hashes apart, which only exact types can tell
    b.units = l.units;
    if ((e = mem_new(&first, l.units)) || (e = mem_new(&b.type_of_unit, l.units)) ||
        (e = mem_new(&b.unit_count, l.units)) || (e = number_types(&b, &l, first)))
        goto done;
    *out = b.single;
done:
    mem_free(first);
    unit_list_free(&l);
    bootstrap_free(&b);
    return e;
}

void bootstrap_free(bootstrap *b) {
    mem_free(b->type_of_unit);
    mem_free(b->unit_count);
    mem_free(b->row_begin);
    mem_free(b->row_gold);
    mem_free(b->wrong);
    mem_free(b->cell_begin);
    mem_free(b->cells);
    mem_free(b->label_begin);
    mem_free(b->labels);
    mem_free(b->steps);
    mem_free(b->log_factorial);
    mem_free(b->unit_of);
    *b = (bootstrap){0};
}
