#include "metric/pairs.h"
#include "metric/statistics.h"
#include "report/report_internal.h"
#include "report/table_cache.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// what is in memory at a time: resamples of so many rows, and answers of their runs
enum { ROWS_AT_ONCE = 128, ANSWER_BYTES_AT_ONCE = 8 << 20 };

// scores of all runs of a table, row after row
typedef struct table_scores {
    const board *board;
    board_table *table;
    size_t runs;
    const record **records; // (runs)
    const char **paths;     // (runs)
    size_t *first;          // (rows + 1) of the row's runs
    double *plain;          // (runs)
    record *again;          // (runs) read for their answers; zeros: not
    record test_again;
    const record *test; // one that has the test set
    bool single;        // units are drawn singly
    size_t witnesses;   // so many of the first runs prove it
    size_t units;
    bootstrap b;      // of all runs, where units are not drawn singly
    unit_draws known; // where they are
    size_t rows_at_once;
    double *means; // (rows_at_once, BOOTSTRAP_DRAWS) over a row's runs
    table_cache cache;
    table_key whole;        // of all rows
    char *cache_path;       // owned; NULL: none
    table_key *keys;        // (rows)
    cached_row *rows;       // (rows) what is known of each
    const float **draws_of; // (rows) NULL: in no test
    /* of rows of several seeds, which take part in tests */
    pair_side *sides;
    size_t *row_of; // (sides)
    float *draws;   // (tested, BOOTSTRAP_DRAWS) of those that are drawn now
    pair_bounds *bounds;
    size_t drawn, tested;
} table_scores;

static void scores_free(table_scores *s) {
    for (size_t i = 0; s->again && i < s->runs; i++) record_free(&s->again[i]);
    record_free(&s->test_again);
    bootstrap_free(&s->b);
    unit_draws_free(&s->known);
    table_cache_free(&s->cache);
    mem_free(s->records);
    mem_free(s->paths);
    mem_free(s->first);
    mem_free(s->plain);
    mem_free(s->again);
    mem_free(s->means);
    mem_free(s->cache_path);
    mem_free(s->keys);
    mem_free(s->rows);
    mem_free(s->draws_of);
    mem_free(s->sides);
    mem_free(s->row_of);
    mem_free(s->draws);
    mem_free(s->bounds);
    *s = (table_scores){0};
}

static err allocate_scores(table_scores *s, size_t rows) {
    err e;
    if ((e = mem_new(&s->records, s->runs)) || (e = mem_new(&s->paths, s->runs)) ||
        (e = mem_new(&s->first, rows + 1)) || (e = mem_new(&s->plain, s->runs)) ||
        (e = mem_new(&s->again, s->runs)) || (e = mem_new(&s->keys, rows)) ||
        (e = mem_new(&s->rows, rows)) || (e = mem_new(&s->draws_of, rows)) ||
        (e = mem_new(&s->sides, s->tested)) || (e = mem_new(&s->row_of, s->tested)))
        return e;
    return ERR_OK;
}

static err scores_init(table_scores *s, const board *b, board_table *t) {
    size_t n = 0;
    *s = (table_scores){.board = b, .table = t};
    for (size_t i = 0; i < t->row_count; i++) {
        s->runs += t->rows[i].run_count;
        s->tested += t->rows[i].run_count > 1;
    }
    err e = allocate_scores(s, t->row_count);
    if (e) return e;
    for (size_t i = 0; i < t->row_count; i++) {
        for (size_t k = 0; k < t->rows[i].run_count; k++, n++) {
            s->records[n] = t->rows[i].runs[k];
            s->paths[n] = t->rows[i].paths[k];
            s->plain[n] = metric_ranked(t->headline, &s->records[n]->confusion);
        }
        s->first[i + 1] = n;
    }
    const record *any = s->records[0];
    size_t bytes = record_values(any, false) * sizeof *any->predicted * s->runs; // of all rows
    s->rows_at_once = bytes ? ANSWER_BYTES_AT_ONCE * t->row_count / bytes : ROWS_AT_ONCE;
    if (s->rows_at_once > ROWS_AT_ONCE) s->rows_at_once = ROWS_AT_ONCE;
    if (!s->rows_at_once) s->rows_at_once = 1;
    return ERR_OK;
}

static err read_again(record *out, const table_scores *s, size_t run) {
    const record *r = s->records[run];
    err e = store_read_full(out, s->board->records, s->paths[run]);
    if (e ||
        (r->task.test_rows == out->task.test_rows && !strcmp(r->gold_sha256, out->gold_sha256)))
        return e;
    record_free(out);
    return err_set(ERR_DATA, "%s changed while it was read", s->paths[run]);
}

static err answers_of_run(answers *out, table_scores *s, size_t run) {
    const record *r = s->records[run];
    uint32_t **ids = &s->again[run].predicted;
    if (r->narrow_ids) {
        err e = *ids ? ERR_OK : record_wide_ids(ids, r);
        *out = (answers){*ids, r->predicted_numbers, r->unit_begin};
        return e;
    }
    if (!record_has_answers(r)) {
        record *again = &s->again[run];
        if (!record_has_answers(again)) {
            err e = read_again(again, s, run);
            if (e) return e;
            record_lighten(again, true);
        }
        r = again;
    }
    *out = record_answers(r);
    return ERR_OK;
}

/* The table of some runs. predicted: (count) */
static err table_of(test_table *out, answers *predicted, table_scores *s, const size_t *runs,
                    size_t count) {
    if (!s->test && !s->records[0]->lean.are_kept) s->test = s->records[0];
    err e = s->test ? ERR_OK : read_again(&s->test_again, s, 0);
    if (e) return e;
    if (!s->test) s->test = &s->test_again;
    for (size_t i = 0; i < count && !e; i++) e = answers_of_run(&predicted[i], s, runs[i]);
    *out = (test_table){s->test->task.kind,
                        (size_t)s->test->task.test_rows,
                        s->test->task.label_count,
                        record_gold(s->test),
                        s->test->first_row,
                        predicted,
                        count};
    return e;
}

/* Finds whether units are drawn singly, by as few runs as prove it; if they are not, makes the types
 * of all. */
static err find_draws(table_scores *s) {
    answers *predicted = NULL;
    size_t *runs = NULL;
    test_table t = {0};
    err e = mem_new(&predicted, s->runs);
    if (!e) e = mem_new(&runs, s->runs);
    for (size_t i = 0; i < s->runs && !e; i++) runs[i] = i;
    for (size_t n = 1; !e; n = 2 * n < s->runs ? 2 * n : s->runs) {
        if ((e = table_of(&t, predicted, s, runs, n)) || (e = bootstrap_is_single(&s->single, &t)))
            break;
        s->witnesses = n;
        if (s->single || n == s->runs) break;
    }
    if (!e && !s->single) {
        e = bootstrap_init(&s->b, &t);
        s->witnesses = 0;
    }
    s->units = 0;
    for (size_t i = 0; !e && i < t.rows; i++) s->units += !t.first_row || t.first_row[i] == i;
    mem_free(predicted);
    mem_free(runs);
    return e;
}

/* Means of rows (count) under every resample. */
static err means_of_rows(double *means, table_scores *s, const size_t *rows, size_t count) {
    size_t n = 0, *runs = NULL, *begin = NULL;
    const metric *m = s->table->headline;
    answers *predicted = NULL;
    bootstrap b = {0};
    test_table t = {0};
    err e = ERR_OK;
    if (!s->single) { // the draws are of all runs
        for (size_t i = 0, end; i < count && !e; i = end) {
            for (end = i + 1; end < count && rows[end] == rows[end - 1] + 1;) end++;
            e = bootstrap_means(means + i * (size_t)BOOTSTRAP_DRAWS, &s->b, m, s->first + rows[i],
                                end - i, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED);
        }
        return e;
    }
    for (size_t i = 0; i < count; i++) n += s->first[rows[i] + 1] - s->first[rows[i]];
    if ((e = mem_new(&runs, n)) || (e = mem_new(&predicted, n)) || (e = mem_new(&begin, count + 1)))
        goto done;
    for (size_t i = 0; i < count; i++) {
        begin[i + 1] = begin[i];
        for (size_t r = s->first[rows[i]]; r < s->first[rows[i] + 1]; r++) runs[begin[i + 1]++] = r;
    }
    if ((e = table_of(&t, predicted, s, runs, n)) || (e = bootstrap_init_single(&b, &t))) goto done;
    if (!s->known.units) e = unit_draws_init(&s->known, b.units);
    b.known = &s->known;
    if (!e) e = bootstrap_means(means, &b, m, begin, count, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED);
    for (size_t i = 0; i < n; i++) record_free(&s->again[runs[i]]);
done:
    bootstrap_free(&b);
    mem_free(runs);
    mem_free(predicted);
    mem_free(begin);
    return e;
}

static table_key key_of_run(const table_scores *s, size_t run) {
    table_key key;
    const store *all = s->board->records;
    memcpy(key.bytes, all->files[s->records[run] - all->records].sha256, sizeof key.bytes);
    return key;
}

static err open_cache(table_scores *s) {
    char hex[HASH_HEX_BYTES], *text = NULL;
    const record *r = s->records[0];
    sha256 whole, row;
    if (!s->board->cache) return ERR_OK;
    err e = mem_printf(&text, "%s\n%lld\n%s\n%s\n%s", r->task.name, (long long)r->task.version,
                       r->task.data_sha256, r->protocol, r->headline);
    if (e) return e;
    hash_bytes_hex(text, strlen(text), hex);
    mem_free(text);
    if ((e = mem_printf(&s->cache_path, "%s/%.16s", s->board->cache, hex)) ||
        (e = table_cache_read(&s->cache, s->cache_path)))
        return e;
    sha256_begin(&whole);
    for (size_t i = 0; i < s->table->row_count; i++) {
        sha256_begin(&row);
        sha256_add(&row, hex, sizeof hex);
        for (size_t k = s->first[i]; k < s->first[i + 1]; k++) {
            table_key run = key_of_run(s, k);
            sha256_add(&row, run.bytes, sizeof run.bytes);
        }
        sha256_end(&row, s->keys[i].bytes);
        sha256_add(&whole, s->keys[i].bytes, sizeof s->keys[i].bytes);
    }
    sha256_end(&whole, s->whole.bytes);
    return ERR_OK;
}

static int by_bytes(const void *a, const void *b) {
    return memcmp(a, b, sizeof(table_key));
}

/* Whether what proves single draws is among the runs: then rows are drawn as they were. */
static err prove_single(table_scores *s) {
    table_key *runs = NULL;
    size_t found = 0;
    if (!s->cache.single || !s->cache.witness_count) return ERR_OK;
    err e = mem_new(&runs, s->runs);
    if (e) return e;
    for (size_t i = 0; i < s->runs; i++) runs[i] = key_of_run(s, i);
    qsort(runs, s->runs, sizeof *runs, by_bytes);
    for (size_t k = 0; k < s->cache.witness_count; k++)
        found += bsearch(s->cache.witness + k * sizeof *runs, runs, s->runs, sizeof *runs,
                         by_bytes) != NULL;
    s->single = found == s->cache.witness_count;
    mem_free(runs);
    return ERR_OK;
}

/* Whether the cache is of just these rows: then their ranks are known too. */
static bool take_all(table_scores *s) {
    if (!s->cache.row_count || memcmp(&s->whole, &s->cache.whole, sizeof s->whole)) return false;
    for (size_t i = 0; i < s->table->row_count; i++)
        if (!table_cache_find(&s->rows[i], &s->cache, &s->keys[i])) return false;
    for (size_t i = 0; i < s->table->row_count; i++)
        if (s->table->rows[i].run_count > 1) s->table->rows[i].rank = 1 + s->rows[i].better;
    return true;
}

static bool take_row(table_scores *s, size_t row) {
    if (!table_cache_find(&s->rows[row], &s->cache, &s->keys[row])) return false;
    if (s->table->rows[row].run_count < 2) return true;
    s->draws_of[row] = table_cache_draws(&s->cache, &s->rows[row]);
    return s->draws_of[row] != NULL;
}

static err close_cache(table_scores *s) {
    size_t count = s->table->row_count;
    table_key *witness = NULL;
    if (!s->cache_path) return ERR_OK;
    table_cache c = {.whole = s->whole,
                     .units = s->units,
                     .single = s->single,
                     .witness_count = s->witnesses,
                     .row_count = count};
    err e = mem_new(&witness, s->witnesses);
    if (e) return e;
    for (size_t i = 0; i < s->witnesses; i++) witness[i] = key_of_run(s, i);
    // proven by what is in the file
    if (!s->witnesses) c.witness_count = s->cache.witness_count;
    c.witness = s->witnesses ? (const uint8_t *)witness : s->cache.witness;
    for (size_t i = 0; i < count; i++) {
        s->rows[i].key = s->keys[i];
    }
    e = table_cache_write(s->cache_path, &c, s->rows, s->draws_of, s->bounds);
    mem_free(witness);
    return err_forgive(e, ERR_IO); // what cannot be kept is made again
}

/* What the answers say where the score is not defined for one of the runs: nothing. */
static interval range_of(const board_row *row, const board_table *t, interval x) {
    for (size_t k = 0; k < row->run_count; k++)
        if (isnan(record_metric(row->runs[k], t->headline->name)))
            x = (interval){-INFINITY, INFINITY};
    return interval_within(x, t->headline);
}

/* Not defined where every row is left out. */
static double dedup_score(const board_table *t, const confusion *c) {
    return c->total ? metric_ranked(t->headline, c) : (double)NAN;
}

/* What follows from a row's mean under each resample, which it reorders. */
static void describe_draws(table_scores *s, size_t index, double *means) {
    const board_row *row = &s->table->rows[index];
    cached_row *known = &s->rows[index];
    if (row->run_count < 2) {
        double mean = mean_of(s->plain + s->first[index], row->run_count);
        known->range = interval_of_draws(mean, means, s->units);
        return;
    }
    float *draws = s->draws + s->drawn++ * (size_t)BOOTSTRAP_DRAWS;
    pairs_center(draws, means, BOOTSTRAP_DRAWS);
    known->variance = variance_of(means, NULL, BOOTSTRAP_DRAWS);
    estimate x =
        estimate_mean(s->plain + s->first[index], row->run_count, means, BOOTSTRAP_DRAWS, s->units);
    known->range = estimate_interval(&x);
    s->draws_of[index] = draws;
}

static err draw_rows(table_scores *s, const size_t *rows, size_t count) {
    err e = s->means ? ERR_OK : mem_new(&s->means, s->rows_at_once * (size_t)BOOTSTRAP_DRAWS);
    for (size_t i = 0; i < count && !e; i += s->rows_at_once) {
        size_t some = count - i < s->rows_at_once ? count - i : s->rows_at_once;
        e = means_of_rows(s->means, s, rows + i, some);
        for (size_t k = 0; k < some && !e; k++)
            describe_draws(s, rows[i + k], s->means + k * (size_t)BOOTSTRAP_DRAWS);
    }
    mem_free(s->means); // ranks take as much
    s->means = NULL;
    return e;
}

/* Ranges and draws of all rows, of those that are known from the cache. */
static err find_rows(table_scores *s) {
    size_t *rows = NULL, count = 0;
    err e = mem_new(&rows, s->table->row_count);
    if (!e) e = mem_new(&s->draws, s->tested * (size_t)BOOTSTRAP_DRAWS);
    if (!e) e = prove_single(s);
    if (!e && s->single) e = table_cache_read_draws(&s->cache, s->cache_path);
    s->units = s->cache.units;
    for (size_t i = 0; i < s->table->row_count && !e; i++)
        if (!s->single || !take_row(s, i)) rows[count++] = i;
    if (!e && !s->single) e = find_draws(s);
    if (!e) e = draw_rows(s, rows, count);
    mem_free(rows);
    return e;
}

static void describe_row(table_scores *s, size_t index) {
    const board_table *t = s->table;
    board_row *row = &s->table->rows[index];
    const double *plain = s->plain + s->first[index];
    row->mean = mean_of(plain, row->run_count);
    row->std = std_of(plain, row->run_count);
    row->rows_only = row->run_count < 2;
    row->range = range_of(row, t, s->rows[index].range);
    for (size_t k = 0; k < row->run_count; k++) {
        row->dedup_mean += dedup_score(t, &row->runs[k]->confusion_dedup) / (double)row->run_count;
        row->train_s += row->runs[k]->timing.train_s / (double)row->run_count;
        row->beside += record_had_company(&row->runs[k]->cost);
        row->cautions[score_judge(&row->runs[k]->confusion, t->headline, t->baseline)]++;
    }
}

/* The place of a row among `rows`, where it is put if it is not there yet. */
static size_t place_of(size_t *rows, size_t *count, size_t row) {
    size_t i = 0;
    while (i < *count && rows[i] != row) i++;
    if (i == *count) rows[(*count)++] = row;
    return i;
}

/* p-values of pairs from the resamples of both rows, made again. */
static err exact_p(void *of, double *p, const side_pair *pairs, size_t count) {
    enum { PAIRS_AT_ONCE = 64 };
    table_scores *s = of;
    double *means = NULL;
    err e = mem_new(&means, 2 * (size_t)PAIRS_AT_ONCE * BOOTSTRAP_DRAWS);
    for (size_t i = 0; i < count && !e; i += PAIRS_AT_ONCE) {
        size_t some = count - i < PAIRS_AT_ONCE ? count - i : PAIRS_AT_ONCE, n = 0;
        size_t rows[2 * PAIRS_AT_ONCE], places[PAIRS_AT_ONCE][2];
        for (size_t k = 0; k < some; k++) {
            places[k][0] = place_of(rows, &n, s->row_of[pairs[i + k].a]);
            places[k][1] = place_of(rows, &n, s->row_of[pairs[i + k].b]);
        }
        e = means_of_rows(means, s, rows, n);
        for (size_t k = 0; k < some && !e; k++) {
            const pair_side *a = &s->sides[pairs[i + k].a], *b = &s->sides[pairs[i + k].b];
            estimate x = estimate_difference(
                a->scores, a->runs, means + places[k][0] * BOOTSTRAP_DRAWS, b->scores, b->runs,
                means + places[k][1] * BOOTSTRAP_DRAWS, BOOTSTRAP_DRAWS, s->units);
            p[i + k] = estimate_p(&x);
        }
    }
    mem_free(means);
    return e;
}

/* What the cache knows of the pairs of sides. */
static err known_bounds(table_scores *s, size_t count) {
    err e = mem_new(&s->bounds, pair_place(0, count));
    for (size_t b = 1; b < count && !e; b++)
        for (size_t a = 0; a < b; a++)
            s->bounds[pair_place(a, b)] =
                table_cache_bounds(&s->cache, &s->rows[s->row_of[a]], &s->rows[s->row_of[b]]);
    return e;
}

static err rank_rows(table_scores *s) {
    size_t *better = NULL, count = 0;
    for (size_t i = 0; i < s->table->row_count; i++) {
        if (!s->draws_of[i]) continue;
        s->row_of[count] = i;
        s->sides[count++] = (pair_side){s->plain + s->first[i], s->table->rows[i].run_count,
                                        s->rows[i].variance, s->draws_of[i]};
    }
    pair_table pairs = {.sides = s->sides,
                        .count = count,
                        .draws = BOOTSTRAP_DRAWS,
                        .units = s->units,
                        .higher_is_better = s->table->headline->higher_is_better,
                        .exact = exact_p,
                        .of = s};
    err e = mem_new(&better, count);
    if (!e) e = known_bounds(s, count);
    pairs.bounds = s->bounds;
    if (!e) e = pairs_rank(better, &pairs);
    for (size_t i = 0; i < count && !e; i++) {
        s->rows[s->row_of[i]].better = better[i];
        s->table->rows[s->row_of[i]].rank = 1 + better[i];
    }
    mem_free(better);
    return e;
}

static err baseline_of(double *out, const board_table *t, const confusion *c) {
    confusion majority;
    err e = majority_baseline(&majority, c, (size_t)t->rows[0].runs[0]->task.majority_class);
    if (e) return e;
    *out = c->total ? metric_baseline(t->headline, &majority) : (double)NAN;
    confusion_free(&majority);
    return ERR_OK;
}

static int better_first(const void *a, const void *b) {
    const board_row *x = a, *y = b;
    if (x->mean != y->mean) {
        bool higher = metric_find(x->runs[0]->headline)->higher_is_better;
        return (x->mean > y->mean) == higher ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

err report__table_statistics(const board *b, board_table *t) {
    table_scores s = {0};
    const record *any = t->rows[0].runs[0];
    err e;
    if ((e = baseline_of(&t->baseline, t, &any->confusion)) ||
        (e = baseline_of(&t->baseline_dedup, t, &any->confusion_dedup)) ||
        (e = scores_init(&s, b, t)) || (e = open_cache(&s)))
        goto done;
    if (!take_all(&s) && ((e = find_rows(&s)) || (e = rank_rows(&s)) || (e = close_cache(&s))))
        goto done;
    for (size_t i = 0; i < t->row_count; i++) describe_row(&s, i);
    qsort(t->rows, t->row_count, sizeof *t->rows, better_first);
done:
    scores_free(&s);
    return e;
}
