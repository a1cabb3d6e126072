#include "base/json.h"
#include "base/memory.h"
#include "base/rng.h"
#include "metric/statistics.h"
#include "support/class_table.h"
#include "support/holm.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static cJSON *golden;
static size_t live;

static void setup(void) {
    live = mem_live_count();
    cr_assert_not(json_read(&golden, HARNESS_SOURCE_DIR "/tests/golden/metric_statistics.json", 0),
                  "%s", err_message(ERR_IO));
}

static void teardown(void) {
    cJSON_Delete(golden);
    cr_assert_eq(mem_live_count(), live);
}

TestSuite(statistics, .init = setup, .fini = teardown);

static const cJSON *part(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(item, "the golden file has no '%s'", key);
    return item;
}

static double at(const cJSON *array, int i) {
    return cJSON_GetArrayItem(array, i)->valuedouble;
}

static double *numbers(const cJSON *array, size_t *count) {
    double *out;
    const cJSON *item;
    *count = 0;
    cr_assert_not(mem_new(&out, (size_t)cJSON_GetArraySize(array)));
    cJSON_ArrayForEach(item, array) out[(*count)++] = item->valuedouble;
    return out;
}

static uint32_t *wholes(const cJSON *array, size_t *count) {
    uint32_t *out;
    const cJSON *item;
    *count = 0;
    cr_assert_not(mem_new(&out, (size_t)cJSON_GetArraySize(array)));
    cJSON_ArrayForEach(item, array) out[(*count)++] = (uint32_t)item->valuedouble;
    return out;
}

// relative to the larger, 1e-9: scipy's own figures of t carry about 12 digits
static void close_to(double got, double want, const char *what, int number) {
    cr_assert(fabs(got - want) <= 1e-9 * fmax(fabs(got), fabs(want)) + 1e-15,
              "%s %d: %.15g, want %.15g", what, number, got, want);
}

Test(statistics, students_t_equals_scipy) {
    const cJSON *item;
    int n = 0;
    cJSON_ArrayForEach(item, part(golden, "t_quantile")) {
        close_to(student_t_quantile(at(item, 0), at(item, 1)), at(item, 2), "quantile", n++);
    }
    cJSON_ArrayForEach(item, part(golden, "t_cdf")) {
        close_to(student_t_cdf(at(item, 0), at(item, 1)), at(item, 2), "cdf", n++);
    }
    cr_assert_gt(n, 100);
    // the normal limit, by tables
    cr_assert_float_eq(student_t_quantile(0.975, (double)INFINITY), 1.959963984540054, 1e-12);
    cr_assert_eq(student_t_quantile(0.5, 3), 0.0);
}

Test(statistics, mcnemar_equals_statsmodels) {
    const cJSON *item;
    int n = 0;
    cJSON_ArrayForEach(item, part(golden, "mcnemar")) {
        close_to(mcnemar_exact((uint64_t)at(item, 0), (uint64_t)at(item, 1)), at(item, 2), "case",
                 n++);
    }
    cr_assert_eq(n, 10);
    cr_assert_float_eq(mcnemar_exact(0, 6), 2.0 / 64, 1e-15); // by hand
}

Test(statistics, holm_equals_statsmodels) {
    const cJSON *item;
    int n = 0;
    cJSON_ArrayForEach(item, part(golden, "holm")) {
        size_t count, same;
        double *p = numbers(part(item, "p"), &count),
               *want = numbers(part(item, "adjusted"), &same), *got;
        cr_assert_eq(count, same);
        cr_assert_not(mem_new(&got, count));
        holm_adjust(got, p, count);
        for (size_t i = 0; i < count; i++)
            cr_assert_float_eq(got[i], want[i], 1e-12, "case %d, %zu", n, i);
        mem_free(p);
        mem_free(want);
        mem_free(got);
        n++;
    }
    cr_assert_eq(n, 5);
}

// The resamples come from the golden file as counts of texts; units of one type are
// interchangeable, so their counts add up.
static void type_counts(uint32_t *counts, const bootstrap *b, const cJSON *unit_counts) {
    const cJSON *item;
    size_t u = 0;
    memset(counts, 0, b->types * BOOTSTRAP_LANES * sizeof *counts);
    cJSON_ArrayForEach(item, unit_counts) {
        for (uint32_t j = 0; j < BOOTSTRAP_LANES; j++) // lanes differ: j times what is given
            counts[b->type_of_unit[u] * BOOTSTRAP_LANES + j] += j * (uint32_t)item->valuedouble;
        u++;
    }
    cr_assert_eq(u, b->units);
}

// of the lane that holds what is given once; another lane's multiple has the same scores
static double score_of(const bootstrap *b, const uint32_t *sums, size_t run, const char *name) {
    uint64_t block[2][3 * 9];
    double scores[2];
    for (size_t j = 0; j < 2; j++) {
        size_t lane = j ? BOOTSTRAP_LANES - 1 : 1;
        for (size_t i = 0; i < 3 * b->classes; i++)
            block[j][i] = sums[(run * 3 * b->classes + i) * BOOTSTRAP_LANES + lane];
        confusion c = confusion_at(block[j], b->classes);
        scores[j] = metric_value(name, &c);
    }
    cr_assert_float_eq(scores[0], scores[1], 1e-12);
    return scores[0];
}

typedef struct golden_table {
    test_table table;
    uint32_t *gold, *first, *predicted[3];
    answers answered[CLASS_TABLE_RUNS];
} golden_table;

static void open_table(golden_table *g, const cJSON *item) {
    size_t rows, same, runs = 0;
    const cJSON *list;
    g->gold = wholes(part(item, "gold"), &rows);
    g->first = wholes(part(item, "first_row"), &same);
    cr_assert_eq(rows, same);
    cJSON_ArrayForEach(list, part(item, "predicted")) g->predicted[runs++] = wholes(list, &same);
    g->table = class_table(g->answered, rows, (size_t)part(item, "classes")->valuedouble, g->gold,
                           g->first, (const uint32_t **)g->predicted, runs);
}

static void close_table(golden_table *g) {
    mem_free(g->gold);
    mem_free(g->first);
    for (size_t r = 0; r < g->table.runs; r++) mem_free(g->predicted[r]);
}

static void check_bootstrap(const cJSON *item, const char *const *names, size_t name_count) {
    golden_table g;
    bootstrap b;
    uint32_t *counts;
    uint32_t *sums;
    double *scores;
    open_table(&g, item);
    cr_assert_not(bootstrap_init(&b, &g.table), "%s", err_message(ERR_DATA));
    const cJSON *resamples = part(item, "unit_counts"), *resample;
    const cJSON *want = cJSON_GetObjectItem(item, "scores"), *range = part(item, "interval");
    size_t draws = (size_t)cJSON_GetArraySize(resamples), runs = b.runs, d = 0;
    cr_assert_not(mem_new(&counts, b.types * BOOTSTRAP_LANES));
    cr_assert_not(mem_new(&sums, runs * 3 * b.classes * BOOTSTRAP_LANES));
    cr_assert_not(mem_new(&scores, runs * name_count * draws));
    cJSON_ArrayForEach(resample, resamples) {
        type_counts(counts, &b, resample);
        bootstrap_sums(sums, &b, counts);
        for (size_t i = 0; i < runs * name_count; i++) {
            scores[i * draws + d] = score_of(&b, sums, i / name_count, names[i % name_count]);
            if (!want) continue;
            double w = at(cJSON_GetArrayItem(cJSON_GetArrayItem(want, (int)(i / name_count)),
                                             (int)(i % name_count)),
                          (int)d);
            cr_assert_float_eq(scores[i * draws + d], w, 1e-12, "draw %zu, score %zu", d, i);
        }
        d++;
    }
    for (size_t i = 0; i < runs * name_count; i++) {
        const cJSON *pair =
            want ? cJSON_GetArrayItem(cJSON_GetArrayItem(range, (int)(i / name_count)),
                                      (int)(i % name_count))
                 : range;
        cr_assert_float_eq(quantile_of(scores + i * draws, draws, 0.025), at(pair, 0), 1e-12);
        cr_assert_float_eq(quantile_of(scores + i * draws, draws, 0.975), at(pair, 1), 1e-12);
    }
    mem_free(counts);
    mem_free(sums);
    mem_free(scores);
    bootstrap_free(&b);
    close_table(&g);
}

Test(statistics, bootstrap_of_given_resamples_equals_scipy) {
    static const char *const names[] = {"accuracy", "macro_f1"};
    const cJSON *item;
    int n = 0;
    cJSON_ArrayForEach(item, part(golden, "bootstrap")) {
        check_bootstrap(item, names, 2);
        n++;
    }
    cr_assert_eq(n, 3);
    check_bootstrap(part(golden, "row_bootstrap"), names, 1);
}

Test(statistics, difference_of_means_equals_scipy) {
    const cJSON *item, *list;
    int n = 0;
    cJSON_ArrayForEach(item, part(golden, "difference")) {
        size_t runs_a, runs_b, draws = 200, filled = 0, count;
        double *a = numbers(part(item, "a"), &runs_a), *b = numbers(part(item, "b"), &runs_b),
               *boot_a, *boot_b;
        cr_assert_not(mem_new(&boot_a, runs_a * draws));
        cr_assert_not(mem_new(&boot_b, runs_b * draws));
        const char *keys[] = {"boot_a", "boot_b"};
        for (int side = 0; side < 2; side++) {
            filled = 0;
            cJSON_ArrayForEach(list, part(item, keys[side])) {
                double *values = numbers(list, &count);
                memcpy((side ? boot_b : boot_a) + filled * draws, values, draws * sizeof *values);
                filled++;
                mem_free(values);
            }
        }
        double means[2][200];
        resampled_means(means[0], boot_a, runs_a, draws);
        resampled_means(means[1], boot_b, runs_b, draws);
        size_t units = (size_t)part(item, "units")->valuedouble;
        estimate x = estimate_difference(a, runs_a, means[0], b, runs_b, means[1], draws, units);
        interval range = estimate_interval(&x);
        close_to(range.low, at(part(item, "interval"), 0), "low", n);
        close_to(range.high, at(part(item, "interval"), 1), "high", n);
        close_to(estimate_p(&x), part(item, "p")->valuedouble, "p", n);
        mem_free(a);
        mem_free(b);
        mem_free(boot_a);
        mem_free(boot_b);
        n++;
    }
    cr_assert_eq(n, 4);
}

/* Floor and certainty: models that differ on every unit, or on one, are never certain. */
Test(statistics, no_difference_is_certain) {
    enum { N = 20, DRAWS = 50 };
    static const double one[DRAWS], zero[DRAWS]; // the resamples say nothing
    const size_t units[] = {1, 2, N, 471, 50000};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double a = 1, b = 0, n = (double)units[i];
        estimate x = estimate_difference(&a, 1, one, &b, 1, zero, DRAWS, units[i]);
        cr_assert_float_eq(x.variance, 1 / (n * n), 1e-15);
        cr_assert(estimate_p(&x) > 0 && estimate_p(&x) < 1, "%zu: %g", units[i], estimate_p(&x));
        x = estimate_difference(&a, 1, one, &a, 1, zero, DRAWS, units[i]);
        cr_assert_eq(estimate_p(&x), 1);
        x = estimate_mean(&a, 1, one, DRAWS, units[i]);
        interval range = estimate_interval(&x);
        cr_assert(range.high - range.low >= 3.9 / n, "%zu units", units[i]);
    }
    // by hand: one unit of 20 makes the difference, t(19) = 1
    double a = 0.65, b = 0.6;
    estimate x = estimate_difference(&a, 1, one, &b, 1, zero, DRAWS, N);
    cr_assert_float_eq(estimate_p(&x), 2 * (1 - student_t_cdf(1, N - 1)), 1e-12);
}

/* Simulation. A prediction is right when difficulty of the row + taste of the model for the row +
 * luck of the seed on the row + quality of the seed stays below the model's skill. Taste has mean 0
 * over rows: two models of one skill are equally good at sentences at large. The seeds' quality
 * moves a score by about one point, as seeds do on kor_hate. */
enum { ROWS = 471, CLASSES = 3, MOST_SEEDS = 5, RESAMPLES = 200 };

typedef struct world {
    uint32_t gold[ROWS];
    double difficulty[ROWS], taste[ROWS];
    uint32_t predicted[2 * MOST_SEEDS][ROWS];
} world;

static double normal(uint32_t draw, uint32_t stream, uint32_t i) {
    return rng_normal(draw, stream, i);
}

static void simulate(world *w, uint32_t draw, uint32_t seeds, double gap) {
    for (uint32_t i = 0; i < ROWS; i++) {
        philox r = philox4x32((philox){{i, 0, 0, 0}}, draw, 1000);
        w->gold[i] = r.v[0] % 10 < 4 ? 0 : r.v[0] % 10 < 7 ? 1 : 2;
        w->difficulty[i] = normal(draw, 1, i);
    }
    for (uint32_t m = 0; m < 2; m++) {
        for (uint32_t i = 0; i < ROWS; i++) w->taste[i] = 0.5 * normal(draw, 2 + m, i);
        // d(accuracy) / d(skill) is about 0.28 here
        double skill = 0.54 + (m ? gap / 0.28 : 0);
        for (uint32_t s = 0; s < seeds; s++) {
            uint32_t run = m * seeds + s;
            double quality = 0.04 * normal(draw, 10, run);
            for (uint32_t i = 0; i < ROWS; i++) {
                double luck = 0.7 * normal(draw, 100 + run, i);
                bool right = w->difficulty[i] + w->taste[i] + luck + quality < skill;
                uint32_t other = 1 + philox4x32((philox){{i, run, 0, 0}}, draw, 2000).v[0] % 2;
                w->predicted[run][i] = right ? w->gold[i] : (w->gold[i] + other) % CLASSES;
            }
        }
    }
}

static bool separated(const world *w, size_t seeds) {
    const uint32_t *runs[2 * MOST_SEEDS];
    double plain[2 * MOST_SEEDS], resampled[2 * MOST_SEEDS * RESAMPLES];
    const metric *m = metric_find("macro_f1");
    bootstrap b;
    for (size_t r = 0; r < 2 * seeds; r++) {
        confusion c;
        runs[r] = w->predicted[r];
        cr_assert_not(confusion_init(&c, CLASSES));
        cr_assert_not(confusion_add(&c, w->gold, w->predicted[r], NULL, ROWS));
        plain[r] = m->fn(&c);
        confusion_free(&c);
    }
    cr_assert_not(class_bootstrap(&b, ROWS, CLASSES, w->gold, NULL, runs, 2 * seeds));
    cr_assert_not(bootstrap_scores(resampled, &b, m, RESAMPLES, BOOTSTRAP_SEED));
    bootstrap_free(&b);
    double means[2][RESAMPLES];
    for (size_t k = 0; k < 2; k++) {
        resampled_means(means[k], resampled + k * seeds * RESAMPLES, seeds, RESAMPLES);
    }
    estimate x = estimate_difference(plain, seeds, means[0], plain + seeds, seeds, means[1],
                                     RESAMPLES, ROWS);
    return estimate_p(&x) < 0.05;
}

static double separation_rate(uint32_t draws, uint32_t seeds, double gap) {
    int count = 0;
#pragma omp parallel for schedule(dynamic, 16) reduction(+ : count)
    for (uint32_t d = 0; d < draws; d++) {
        world w;
        simulate(&w, d, seeds, gap);
        count += separated(&w, seeds);
    }
    return (double)count / draws;
}

Test(statistics, equal_skill_is_rarely_separated_and_eight_points_usually) {
    for (uint32_t seeds = 3; seeds <= 5; seeds += 2) {
        double equal = separation_rate(2000, seeds, 0), gap = separation_rate(200, seeds, 0.08);
        cr_log_info("%u seeds: equal skill separated in %.2f %%, 8 points in %.1f %%", seeds,
                    100 * equal, 100 * gap);
        cr_assert_leq(equal, 0.05, "%u seeds: equal models separated in %.2f %%", seeds,
                      100 * equal);
        cr_assert_geq(gap, 0.80, "%u seeds: an 8-point gap found in %.1f %%", seeds, 100 * gap);
    }
}

/* Two models of which each answers one label only, where both labels are as frequent: no matter
 * which has more rows in a test set, they are equal. */
Test(statistics, constant_models_are_rarely_separated) {
    enum { MOST = 471, DRAWS = 1000, SETS = 2000, SEEDS = 3 };
    static const size_t rows[] = {20, MOST};
    static const uint32_t zeros[MOST];
    static uint32_t ones[MOST];
    static double resampled[2 * DRAWS];
    for (size_t i = 0; i < MOST; i++) ones[i] = 1;
    for (size_t k = 0; k < 2; k++) {
        const uint32_t *runs[] = {zeros, ones};
        int count = 0;
        for (uint32_t set = 0; set < SETS; set++) {
            uint32_t gold[MOST], right = 0;
            for (uint32_t i = 0; i < rows[k]; i++)
                right += gold[i] = philox4x32((philox){{i, 7, 0, 0}}, set, 3000).v[0] & 1;
            bootstrap b;
            cr_assert_not(class_bootstrap(&b, rows[k], 2, gold, NULL, runs, 2));
            cr_assert_not(bootstrap_scores(resampled, &b, metric_find("accuracy"), DRAWS, set));
            bootstrap_free(&b);
            double share = right / (double)rows[k], one[SEEDS], zero[SEEDS];
            for (int s = 0; s < SEEDS; s++) one[s] = share, zero[s] = 1 - share; // seeds agree
            estimate x = estimate_difference(zero, SEEDS, resampled, one, SEEDS, resampled + DRAWS,
                                             DRAWS, rows[k]);
            count += estimate_p(&x) < 0.05;
        }
        cr_log_info("%zu rows: constant models separated in %.2f %%", rows[k],
                    100.0 * count / SETS);
        cr_assert_leq(count, SETS / 20 + 10, "%zu rows: separated in %.2f %%", rows[k],
                      100.0 * count / SETS);
    }
}
