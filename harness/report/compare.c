#include "base/shown.h"
#include "metric/statistics.h"
#include "report/compare_internal.h"
#include "report/grid.h"
#include "train/run/kept_task.h"

#include <math.h>
#include <string.h>

static err same_text(const char *what, const char *a, const char *b) {
    if (!strcmp(a, b)) return ERR_OK;
    return err_set(ERR_DATA, "the two runs do not compare: %s is '%.40s' and '%.40s'", what, a, b);
}

static bool is_of_own_files(const record *r) {
    return !strncmp(r->task.name, KEPT_TASK_PREFIX, strlen(KEPT_TASK_PREFIX));
}

/* Answers are numbers of labels: these have to be called alike. */
static err same_labels(const record_task *a, const record_task *b) {
    bool named = a->names && b->names;
    char **x = named ? a->names : a->labels, **y = named ? b->names : b->labels;
    err e = ERR_OK;
    if (a->label_count != b->label_count)
        return err_set(ERR_DATA, "the two runs do not compare: the number of labels is %zu and %zu",
                       (size_t)a->label_count, (size_t)b->label_count);
    for (size_t i = 0; i < (size_t)a->label_count && x && y && !e; i++)
        e = same_text("a label", x[i], y[i]);
    return e;
}

/* Of own files the name and version say nothing, and the same files may have a manifest by now: the
 * hash of rows and labels, and how they were divided, tell whether they are the same. */
static err same_name(const record *a, const record *b) {
    err e = ERR_OK;
    if (strcmp(a->task.name, b->task.name) != 0 && (is_of_own_files(a) || is_of_own_files(b))) {
        e = same_text("the split", a->task.split, b->task.split);
        return e ? e : same_labels(&a->task, &b->task);
    }
    e = same_text("the task", a->task.name, b->task.name);
    if (!e && a->task.version != b->task.version)
        e = err_set(ERR_DATA,
                    "the two runs do not compare: the version of task '%s' is %lld and %lld",
                    a->task.name, (long long)a->task.version, (long long)b->task.version);
    return e;
}

/* Rows that a limit left, or 0: only what was cut by nothing else tells of one. */
static long long limit_of(const record *r) {
    long long train = r->task.train_rows + r->task.dev_rows, test = r->task.test_rows;
    if (!r->partial || json_number_at(r->recipe, "max_steps") > 0) return 0;
    return train > test ? train : test;
}

/* Why two runs have other rows, where their records tell. */
static const char *rows_differ_by(const record *a, const record *b) {
    if (a->task.sample != b->task.sample) return "one is of the bundled sample; ";
    return limit_of(a) != limit_of(b) ? "another limit of rows; " : "";
}

err compare_same_rows(const char *who, const record *a, const record *b) {
    const record_task *x = &a->task, *y = &b->task;
    long long train[] = {x->train_rows + x->dev_rows, y->train_rows + y->dev_rows};
    long long test[] = {x->test_rows, y->test_rows};
    bool data_differs = strcmp(x->data_sha256, y->data_sha256) != 0,
         both_ran = *a->gold_sha256 && *b->gold_sha256;
    if (!data_differs && (!both_ran || !strcmp(a->gold_sha256, b->gold_sha256))) return ERR_OK;
    const char *what = data_differs ? "data differs" : "test labels differ",
               *hashes[] = {data_differs ? x->data_sha256 : a->gold_sha256,
                            data_differs ? y->data_sha256 : b->gold_sha256};
    if (train[0] == train[1] && test[0] == test[1])
        return err_set(ERR_DATA,
                       "%s do not compare: their %s, in as many rows (SHA-256 %.12s and %.12s)",
                       who, what, hashes[0], hashes[1]);
    return err_set(ERR_DATA,
                   "%s do not compare: their %s: %lld and %lld training rows, %lld and %lld test "
                   "rows (%sSHA-256 %.12s and %.12s)",
                   who, what, train[0], train[1], test[0], test[1], rows_differ_by(a, b), hashes[0],
                   hashes[1]);
}

err compare_same_recipe(const char *who, const record *a, const record *b) {
    strbuf words = {0};
    if (!strcmp(a->recipe_sha256, b->recipe_sha256)) return ERR_OK;
    err e = report__recipe_words(&words, a, b);
    if (!e)
        e = err_set(ERR_DATA, "%s do not compare: their recipes differ%s%s", who,
                    words.length ? ": " : "", words.length ? words.text : "");
    strbuf_free(&words);
    return e;
}

static err same_data(const record *a, const record *b) {
    err e = same_name(a, b);
    if (e) return e;
    if (a->task.sample != b->task.sample) {
        return err_set(ERR_DATA, "the two runs do not compare: %s one used the bundled sample",
                       a->task.sample ? "the first" : "the second");
    }
    if ((e = compare_same_rows("the two runs", a, b))) return e;
    return same_text("the headline metric", a->headline, b->headline);
}

err compare_same_task(const record *a, const record *b) {
    err e = same_data(a, b);
    if (e != ERR_DATA || !strcmp(a->task.name, b->task.name)) return e;
    return err_wrap(e, "tasks '%s' and '%s'", a->task.name, b->task.name);
}

static double relative(double a, double b) {
    double largest = fmax(fabs(a), fabs(b));
    return largest > 0 ? fabs(a - b) / largest : 0;
}

static void compare_predictions(comparison *c) {
    const record *a = c->a, *b = c->b;
    c->rows = (size_t)a->task.test_rows;
    for (size_t i = 0; i < c->rows; i++) {
        if (record_same_answer(a, b, (size_t)i)) continue;
        if (c->first_row_count < COMPARE_ROWS_SHOWN)
            c->first_rows[c->first_row_count++] = (uint32_t)i;
        c->disagreements++;
        c->only_a_right += record_row_error(a, (size_t)i) < record_row_error(b, (size_t)i);
        c->only_b_right += record_row_error(b, (size_t)i) < record_row_error(a, (size_t)i);
    }
    c->mcnemar_p = mcnemar_exact(c->only_a_right, c->only_b_right);
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

loss_drift compare__drift(const record *a, const record *b) {
    loss_drift d = {.steps = a->loss_count < b->loss_count ? a->loss_count : b->loss_count};
    for (size_t i = 0; i < d.steps; i++) {
        double difference = relative(a->loss[i], b->loss[i]);
        if (!d.bits_part && bits_of(a->loss[i]) != bits_of(b->loss[i])) {
            d.bits_part = true;
            d.bit_step = i + 1;
        }
        if (!d.losses_part && difference > COMPARE_TOLERANCE) {
            d.losses_part = true;
            d.part_step = i + 1;
        }
        if (i < COMPARE_FIRST_STEPS) d.largest_early = fmax(d.largest_early, difference);
        d.largest = fmax(d.largest, difference);
    }
    return d;
}

/* Steps 2^k to 2^(k + 1) - 1 of those that both have; *first 0 beyond the last. */
static double drift_window(size_t *first, size_t *last, const record *a, const record *b,
                           size_t window) {
    size_t steps = a->loss_count < b->loss_count ? a->loss_count : b->loss_count;
    double largest = 0;
    *first = (size_t)1 << window;
    *last = 2 * *first - 1 < steps ? 2 * *first - 1 : steps;
    if (*first > steps) *first = 0;
    for (size_t s = *first; s && s <= *last; s++)
        largest = fmax(largest, relative(a->loss[s - 1], b->loss[s - 1]));
    return largest;
}

err compare__drift_table(strbuf *out, const record *a, const record *b, page_language language) {
    grid g = grid_begin("lr");
    size_t first, last;
    grid_text(&g, SAY_IN(language, steps));
    grid_text(&g, SAY_IN(language, largest_loss_difference));
    for (size_t window = 0;; window++) {
        double largest = drift_window(&first, &last, a, b, window);
        if (!first) break;
        if (first == last)
            grid_cell(&g, "%zu", first);
        else
            grid_cell(&g, SAY_IN(language, step_range), first, last);
        grid_cell(&g, "%.2g", largest);
    }
    return grid_end(out, &g);
}

err compare__drift_json(cJSON *object, const record *a, const record *b) {
    cJSON *list;
    size_t first, last;
    err e = json_add_array(&list, object, "drift");
    for (size_t window = 0; !e; window++) {
        double largest = drift_window(&first, &last, a, b, window);
        const double row[] = {(double)first, (double)last, largest};
        if (!first) break;
        e = json_append(list, cJSON_CreateDoubleArray(row, 3));
    }
    return e;
}

err compare__runs(comparison *c, const record *a, const record *b) {
    *c = (comparison){.a = a, .b = b};
    err e = compare_same_task(a, b);
    if (e) return e;
    c->score_a = record_metric(a, a->headline);
    c->score_b = record_metric(b, b->headline);
    c->difference = c->score_b - c->score_a;
    compare_predictions(c);
    c->loss = compare__drift(a, b);
    return ERR_OK;
}

err compare_records(comparison *c, const record *a, const record *b) {
    group_comparison rows;
    err e = compare__runs(c, a, b);
    if (e || (e = compare_groups(&rows, &a, 1, &b, 1))) return e;
    c->range = rows.range;
    return ERR_OK;
}

err compare__title(strbuf *out, const compare_side *sides, size_t count, page_language language) {
    const record *any = sides[0].runs[0];
    unsigned long long rows = (unsigned long long)any->task.test_rows;
    char digits[SHOWN_COUNT_BYTES];
    err e = shown_printf(out, SHOWN_MARKDOWN, SAY_IN(language, comparison_of), any->task.name,
                         (long long)any->task.version, shown_count(digits, rows),
                         language_plural(language, rows));
    if (!e) e = strbuf_add(out, "\n\n");
    for (size_t i = 0; i < count && !e; i++)
        e = shown_printf(out, SHOWN_MARKDOWN, "- %c: %s\n", (char)('A' + i), sides[i].name);
    return e ? e : strbuf_add(out, "\n");
}

err compare__heading(strbuf *out, const char *heading) {
    return strbuf_printf(out, "\n## %s\n\n", heading);
}

err compare__cautions(strbuf *out, const compare_side *sides, size_t count,
                      page_language language) {
    const record *first = sides[0].runs[0];
    const char *other = NULL;
    bool is_part = false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sides[i].count; k++) {
            const record *r = sides[i].runs[k];
            is_part = is_part || r->partial;
            if (!other && strcmp(r->protocol, first->protocol) != 0) other = r->protocol;
        }
    err e = ERR_OK;
    if (first->task.sample)
        e = strbuf_add(out, SAY_IN(language, of_the_sample));
    else if (is_part)
        e = strbuf_add(out, SAY_IN(language, of_a_part));
    if (e || !other) return e;
    return strbuf_printf(out, SAY_IN(language, protocols_differ), first->protocol, other);
}

const char *compare__better(const record *r, page_language language) {
    switch (r->task.kind) {
    case ANSWER_NUMBER: return SAY_IN(language, nearer);
    case ANSWER_SET: return SAY_IN(language, fewer_labels_wrong);
    case ANSWER_TAGS: return SAY_IN(language, fewer_entities_wrong);
    case ANSWER_ARCS: return SAY_IN(language, fewer_words_wrong);
    case ANSWER_CLASS:
    case ANSWER_RELATION: break;
    }
    return SAY_IN(language, is_right);
}

/* The same of the rows that are counted, as the sentence on p goes. */
static const char *better_alone(const record *r, page_language language) {
    switch (r->task.kind) {
    case ANSWER_NUMBER: return SAY_IN(language, nearer_alone);
    case ANSWER_SET: return SAY_IN(language, labels_alone);
    case ANSWER_TAGS: return SAY_IN(language, entities_alone);
    case ANSWER_ARCS: return SAY_IN(language, words_alone);
    case ANSWER_CLASS:
    case ANSWER_RELATION: break;
    }
    return SAY_IN(language, right_alone);
}

const char *compare__test_name(const record *r, page_language language) {
    return answer_is_label(r->task.kind) ? SAY_IN(language, mcnemar) : SAY_IN(language, sign_test);
}

const char *compare__test_key(const record *r) {
    return answer_is_label(r->task.kind) ? "mcnemar_p" : "sign_test_p";
}

err compare__test_words(strbuf *out, const record *r, page_language language) {
    return strbuf_printf(out, SAY_IN(language, what_p_is), compare__test_name(r, language),
                         better_alone(r, language),
                         language_term(language, metric_said(r->headline)));
}
