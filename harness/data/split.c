#include "data/data_internal.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Texts of rows, open addressing: slots hold row index + 1. Borrows the rows. */
typedef struct text_set {
    const dataset_row *rows;
    uint32_t *slots; // (mask + 1)
    size_t mask;
    const dataset *with_target; // texts under different targets are different elements, or NULL
} text_set;

static err text_set_init(text_set *s, const dataset_row *rows, size_t count,
                         const dataset *with_target) {
    size_t slots = 16;
    while (slots < count * 2) slots *= 2;
    *s = (text_set){.rows = rows, .mask = slots - 1, .with_target = with_target};
    return mem_new(&s->slots, slots);
}

static bool same_target(const dataset *d, const dataset_row *a, const dataset_row *b) {
    return example_same_target(d->kind, d->label_count, a->example.target, b->example.target);
}

static bool same(const text_set *s, const dataset_row *a, const dataset_row *b) {
    return !example_compare_texts(&a->example, &b->example) &&
           (!s->with_target || same_target(s->with_target, a, b));
}

/* The slot that holds row's text, or the free one where it would go. */
static uint32_t *text_set_slot(const text_set *s, const dataset_row *row) {
    size_t i = example_key(&row->example) & s->mask;
    while (s->slots[i] && !same(s, &s->rows[s->slots[i] - 1], row)) i = (i + 1) & s->mask;
    return &s->slots[i];
}

static void count_target(dataset_split *s, const dataset *d, example_target target) {
    if (answer_is_label(d->kind)) s->label_counts[target.class]++;
    for (size_t k = 0; d->kind == ANSWER_SET && k < d->label_count; k++)
        s->label_counts[k] += target.set[k];
    for (uint32_t k = 0; d->kind == ANSWER_TAGS && k < target.units.count; k++)
        s->label_counts[target.units.values[k]]++;
    for (uint32_t k = 0; d->kind == ANSWER_ARCS && k < target.units.count; k++)
        s->label_counts[target.units.values[k * ARC_WIDTH + ARC_RELATION]]++;
    if (d->kind != ANSWER_NUMBER) return;
    double number = (double)target.number;
    s->mean += number / (double)s->row_count;
    s->low = fmin(s->low, number);
    s->high = fmax(s->high, number);
}

/* Counts rows, empties, duplicates and labels of one split, and sets `first`. */
static err count_split(dataset_split *s, const dataset *d) {
    text_set seen = {0};
    bool *conflicting = NULL; // by the first row of a text
    err e = ERR_OK;
    if (!s->label_counts && (e = mem_new(&s->label_counts, d->label_count))) return e;
    if (d->label_count) memset(s->label_counts, 0, d->label_count * sizeof *s->label_counts);
    s->mean = 0;
    s->low = INFINITY;
    s->high = -INFINITY;
    s->empty_count = s->duplicate_count = s->conflict_count = 0;
    if ((e = mem_new(&conflicting, s->row_count))) return e;
    if ((e = text_set_init(&seen, s->rows, s->row_count, NULL))) goto done;
    for (size_t i = 0; i < s->row_count; i++) {
        dataset_row *row = &s->rows[i];
        uint32_t *slot = text_set_slot(&seen, row);
        row->first = !*slot;
        row->differs = !row->first && !same_target(d, &s->rows[*slot - 1], row);
        count_target(s, d, row->example.target);
        s->empty_count += example_is_empty(&row->example);
        if (row->first) {
            *slot = (uint32_t)i + 1;
        } else {
            s->duplicate_count++;
            conflicting[*slot - 1] |= row->differs;
        }
    }
    for (size_t i = 0; i < s->row_count; i++) s->conflict_count += conflicting[i];
done:
    mem_free(seen.slots);
    mem_free(conflicting);
    return e;
}

static void mark_train(dataset_split *s, const task *t) {
    s->kept_count = 0;
    for (size_t i = 0; i < s->row_count; i++) {
        dataset_row *row = &s->rows[i];
        row->kept = (!example_is_empty(&row->example) || !t->drop_empty) &&
                    (row->first || !t->drop_duplicates);
        s->kept_count += row->kept;
    }
}

static void add_train(text_set *set, const dataset_split *train, bool only_kept) {
    for (size_t i = 0; i < train->row_count; i++) {
        if (only_kept && !train->rows[i].kept) continue;
        uint32_t *slot = text_set_slot(set, &train->rows[i]);
        if (!*slot) *slot = (uint32_t)i + 1;
    }
}

static err mark_test(dataset *d) {
    dataset_split *test = &d->test;
    const dataset_split *train = &d->train;
    text_set known = {0}, known_with_label = {0};
    err e;
    if ((e = text_set_init(&known, train->rows, train->row_count, NULL))) goto done;
    if ((e = text_set_init(&known_with_label, train->rows, train->row_count, d))) goto done;
    add_train(&known, train, true);
    add_train(&known_with_label, train, false);
    test->leaked_count = test->leaked_agreeing_count = test->dedup_count = 0;
    for (size_t i = 0; i < test->row_count; i++) {
        dataset_row *row = &test->rows[i];
        bool in_train = *text_set_slot(&known, row);
        row->leaked = !example_is_empty(&row->example) && in_train;
        row->scored_dedup = !example_is_empty(&row->example) && row->first && !in_train;
        test->leaked_count += row->leaked;
        test->leaked_agreeing_count += row->leaked && *text_set_slot(&known_with_label, row);
        test->dedup_count += row->scored_dedup;
    }
done:
    mem_free(known.slots);
    mem_free(known_with_label.slots);
    return e;
}

err data__mark(dataset *d, const task *t) {
    err e;
    if ((e = count_split(&d->train, d))) return e;
    if ((e = count_split(&d->test, d))) return e;
    if (d->dev.row_count && (e = count_split(&d->dev, d))) return e;
    d->dev.kept_count = d->dev.row_count;
    mark_train(&d->train, t);
    return mark_test(d);
}

void data__count_cleaned(dataset *d, const task *t) {
    bool by_hash = d->file_rows.row_count;
    const dataset_split *s = by_hash ? &d->file_rows : &d->train;
    for (size_t i = 0; i < s->row_count; i++) {
        const dataset_row *row = &s->rows[i];
        if (example_is_empty(&row->example) && (by_hash || t->drop_empty)) {
            d->cleaned.empty++;
        } else if (!row->first && (by_hash || t->drop_duplicates)) {
            d->cleaned.repeated++;
            d->cleaned.differing += row->differs;
        }
    }
}

/* A row in the order of the hash rule. */
typedef struct ranked {
    uint8_t digest[32];
    uint32_t group; // the label, or 0 when labels play no part
    uint32_t row;
} ranked;

static int by_group_and_digest(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    int order = memcmp(x->digest, y->digest, sizeof x->digest);
    if (order) return order;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void rank(ranked *r, const dataset_row *row, uint32_t index, uint32_t group,
                 const char *prefix) {
    sha256 h;
    sha256_begin(&h);
    sha256_add(&h, prefix, strlen(prefix));
    example_hash_texts(&h, &row->example);
    sha256_end(&h, r->digest);
    r->group = group;
    r->row = index;
}

/* Classes are divided each by itself, other targets all together. */
static uint32_t group_of(const dataset *d, const dataset_row *row) {
    return answer_is_label(d->kind) ? row->example.target.class : 0;
}

/* Marks, in chosen (by row), the first 1/one_in, rounded up, of each group of the sorted list. */
static void choose_part(bool *chosen, const ranked *list, size_t count, uint32_t one_in) {
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin; end < count && list[end].group == list[begin].group;) end++;
        size_t part = (end - begin + one_in - 1) / one_in;
        for (size_t i = begin; i < begin + part; i++) chosen[list[i].row] = true;
    }
}

static err copy_rows(dataset_split *to, const dataset_split *from, const bool *wanted,
                     const bool *unwanted) {
    size_t count = 0;
    for (size_t i = 0; i < from->row_count; i++) count += wanted[i] && !(unwanted && unwanted[i]);
    err e = mem_new(&to->rows, count ? count : 1);
    if (e) return e;
    for (size_t i = 0; i < from->row_count; i++)
        if (wanted[i] && !(unwanted && unwanted[i])) to->rows[to->row_count++] = from->rows[i];
    return ERR_OK;
}

err data__split_by_hash(dataset *d, uint32_t one_in) {
    const dataset_split *source = &d->file_rows;
    ranked *list = NULL;
    bool *takes_part = NULL, *is_test = NULL;
    size_t count = 0, n = source->row_count ? source->row_count : 1;
    err e;
    if ((e = count_split(&d->file_rows, d))) return e;
    if ((e = mem_new(&list, n)) || (e = mem_new(&takes_part, n)) || (e = mem_new(&is_test, n)))
        goto done;
    for (size_t i = 0; i < source->row_count; i++) {
        const dataset_row *row = &source->rows[i];
        takes_part[i] = row->first && !example_is_empty(&row->example);
        if (takes_part[i]) rank(&list[count++], row, (uint32_t)i, group_of(d, row), "");
    }
    qsort(list, count, sizeof *list, by_group_and_digest);
    choose_part(is_test, list, count, one_in);
    if ((e = copy_rows(&d->train, source, takes_part, is_test))) goto done;
    e = copy_rows(&d->test, source, is_test, NULL);
done:
    mem_free(list);
    mem_free(takes_part);
    mem_free(is_test);
    return e;
}

/* Drops the rows that are not wanted, in place. */
static void retain(dataset_split *s, const bool *wanted) {
    size_t kept = 0;
    for (size_t i = 0; i < s->row_count; i++)
        if (wanted[i]) s->rows[kept++] = s->rows[i];
    s->row_count = kept;
}

err data__limit(dataset_split *s, size_t limit, bool only_kept) {
    ranked *list = NULL;
    bool *wanted = NULL;
    size_t count = 0;
    err e;
    if ((e = mem_new(&list, s->row_count)) || (e = mem_new(&wanted, s->row_count))) goto done;
    for (size_t i = 0; i < s->row_count; i++) {
        if (only_kept && !s->rows[i].kept) continue;
        rank(&list[count++], &s->rows[i], (uint32_t)i, 0, "limit:");
    }
    qsort(list, count, sizeof *list, by_group_and_digest);
    for (size_t i = 0; i < count && i < limit; i++) wanted[list[i].row] = true;
    retain(s, wanted);
done:
    mem_free(list);
    mem_free(wanted);
    return e;
}

/* Fails when some label has rows in train now and would have none once the dev rows leave it. */
static err check_dev(const dataset *d, const task *t, const bool *is_dev, size_t *left) {
    for (size_t i = 0; i < d->train.row_count; i++)
        left[group_of(d, &d->train.rows[i])] += d->train.rows[i].kept && !is_dev[i];
    for (size_t i = 0; i < d->train.row_count; i++) {
        uint32_t label = group_of(d, &d->train.rows[i]);
        if (d->train.rows[i].kept && !left[label]) {
            return err_set(
                ERR_DATA,
                "protocol dev: label '%s' has one train row, so none is left for training "
                "once dev has taken a tenth, rounded up",
                t->label_count ? t->labels[label].readable : "");
        }
    }
    return ERR_OK;
}

err dataset_split_dev(dataset *d, const task *t) {
    enum { ONE_IN = 10 };
    dataset_split *train = &d->train;
    ranked *list = NULL;
    bool *is_dev = NULL;
    size_t *left = NULL;
    size_t count = 0;
    err e;
    if (d->dev.row_count) return ERR_OK; // a file of its own
    if ((e = mem_new(&list, train->row_count)) || (e = mem_new(&is_dev, train->row_count)))
        goto done;
    if ((e = mem_new(&left, d->label_count + 1))) goto done;
    for (size_t i = 0; i < train->row_count; i++) {
        const dataset_row *row = &train->rows[i];
        if (row->kept) rank(&list[count++], row, (uint32_t)i, group_of(d, row), "dev:");
    }
    qsort(list, count, sizeof *list, by_group_and_digest);
    choose_part(is_dev, list, count, ONE_IN);
    if ((e = check_dev(d, t, is_dev, left))) goto done;
    if ((e = copy_rows(&d->dev, train, is_dev, NULL))) goto done;
    if ((e = count_split(&d->dev, d))) goto done;
    d->dev.kept_count = d->dev.row_count;
    train->kept_count -= d->dev.row_count;
    for (size_t i = 0; i < train->row_count; i++) is_dev[i] = !is_dev[i]; // now: stays in train
    retain(train, is_dev);
    // a later row of a text that went to dev counts as its first now; it stays out of training
    e = count_split(train, d);
done:
    mem_free(list);
    mem_free(is_dev);
    mem_free(left);
    return e;
}
