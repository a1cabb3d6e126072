/* What every comparison shows of its sides, two or more: what they are and where they differ, how
 * fast they were, and the times of phases and kernels. */
#include "base/shown.h"
#include "report/compare_internal.h"
#include "report/grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDES_MAX = COMPARE_SIDES_MOST, WORD_BYTES = 256 };

err compare__check_sides(size_t count) {
    if (count >= 2 && count <= SIDES_MAX) return ERR_OK;
    return err_set(ERR_ARG, "%zu sides to compare, expected 2 to %d", count, SIDES_MAX);
}

/* Columns of a table with one for each side: the first, the sides, and what follows. */
static void side_columns(char columns[SIDES_MAX + 8], const char *before, char each, size_t count,
                         const char *after) {
    size_t n = 0;
    for (; *before; before++) columns[n++] = *before;
    for (size_t i = 0; i < count; i++) columns[n++] = each;
    for (; *after; after++) columns[n++] = *after;
    columns[n] = '\0';
}

static void side_heads(grid *g, const char *first, size_t count) {
    grid_text(g, first);
    for (size_t i = 0; i < count; i++) grid_cell(g, "%c", (char)('A' + i));
}

typedef void (*attribute_fn)(char out[WORD_BYTES], const compare_side *s, page_language language);

static void word(char out[WORD_BYTES], const char *text) {
    shown_snprintf(out, WORD_BYTES, SHOWN_TERMINAL, "%s", text ? text : "-");
}

#define ATTRIBUTE(name, ...)                                                                       \
    static void name(char out[WORD_BYTES], const compare_side *s, page_language language) {        \
        const record *r = s->runs[0];                                                              \
        (void)language;                                                                            \
        __VA_ARGS__;                                                                               \
    }
ATTRIBUTE(side_model, word(out, r->model.name))
ATTRIBUTE(side_protocol, word(out, r->protocol))
ATTRIBUTE(side_recipe, snprintf(out, WORD_BYTES, "%.8s", r->recipe_sha256))
ATTRIBUTE(side_device, word(out, RECORD_DEVICE(r)))
ATTRIBUTE(side_kind, word(out, language_term(language, r->device.kind)))
ATTRIBUTE(side_driver, word(out, r->device.driver))
ATTRIBUTE(side_version, word(out, r->device.version))
ATTRIBUTE(side_precision, word(out, r->device.precision))
ATTRIBUTE(side_isa, word(out, r->device.isa))
ATTRIBUTE(side_libraries, word(out, r->device.libraries))
ATTRIBUTE(side_kernels, word(out, r->device.kernels))
ATTRIBUTE(side_threads, snprintf(out, WORD_BYTES, "%lld", (long long)r->device.threads))
ATTRIBUTE(side_commit, snprintf(out, WORD_BYTES, "%.8s", r->commit))
ATTRIBUTE(side_numerics, snprintf(out, WORD_BYTES, "%lld", (long long)r->numerics_version))
ATTRIBUTE(side_weights,
          if (r->model.weights_sha256) snprintf(out, WORD_BYTES, "%.8s", r->model.weights_sha256);
          else word(out, language_term(language, "none")))

// steps of all its runs that were skipped, and the scales that these ended with
static void side_scaling(char out[WORD_BYTES], const compare_side *s, page_language language) {
    long long skipped = 0, steps = 0;
    double low = s->runs[0]->loss_scale, high = low;
    for (size_t i = 0; i < s->count; i++) {
        const record *r = s->runs[i];
        skipped += r->skipped_steps;
        steps += r->timing.steps;
        low = fmin(low, r->loss_scale);
        high = fmax(high, r->loss_scale);
    }
    if (high <= 0)
        word(out, NULL);
    else if (low == high)
        snprintf(out, WORD_BYTES, SAY_IN(language, scaling), skipped, steps, high);
    else
        snprintf(out, WORD_BYTES, SAY_IN(language, scaling_range), skipped, steps, low, high);
}

static void side_seeds(char out[WORD_BYTES], const compare_side *s, page_language language) {
    size_t n = 0;
    (void)language;
    *out = '\0';
    for (size_t i = 0; i < s->count && n < WORD_BYTES - 16; i++)
        n += (size_t)snprintf(out + n, WORD_BYTES - n, "%s%lld", i ? ", " : "",
                              (long long)s->runs[i]->seed);
}

static const struct attribute {
    const char *title;
    attribute_fn get;
} attributes[] = {
    {"model", side_model},         {"weights", side_weights},      {"seeds", side_seeds},
    {"protocol", side_protocol},   {"recipe", side_recipe},        {"device", side_device},
    {"kind", side_kind},           {"driver", side_driver},        {"driver version", side_version},
    {"precision", side_precision}, {"loss scaling", side_scaling}, {"instruction set", side_isa},
    {"libraries", side_libraries}, {"kernels", side_kernels},      {"threads", side_threads},
    {"program", side_commit},      {"numerics", side_numerics},
};
enum { ATTRIBUTE_COUNT = sizeof attributes / sizeof *attributes };

static bool attribute_differs(const struct attribute *a, const compare_side *sides, size_t count) {
    char first[WORD_BYTES], other[WORD_BYTES];
    a->get(first, &sides[0], PAGE_EN);
    for (size_t i = 1; i < count; i++) {
        a->get(other, &sides[i], PAGE_EN);
        if (strcmp(first, other)) return true;
    }
    return false;
}

err compare__sides(strbuf *out, const compare_side *sides, size_t count, page_language language) {
    char columns[SIDES_MAX + 8], text[WORD_BYTES];
    side_columns(columns, "l", 'l', count, "l");
    grid g = grid_begin(columns);
    side_heads(&g, "", count);
    grid_text(&g, "");
    for (size_t k = 0; k < ATTRIBUTE_COUNT; k++) {
        grid_text(&g, language_term(language, attributes[k].title));
        for (size_t i = 0; i < count; i++) {
            attributes[k].get(text, &sides[i], language);
            grid_text(&g, text);
        }
        grid_text(&g,
                  attribute_differs(&attributes[k], sides, count) ? SAY_IN(language, differs) : "");
    }
    return grid_end(out, &g);
}

static double tokenize_s(const record *r) {
    return r->timing.tokenize_s;
}
static double train_s(const record *r) {
    return r->timing.train_s;
}
static double eval_s(const record *r) {
    return r->timing.eval_s;
}
static double tokens_per_s(const record *r) {
    return r->timing.tokens_per_s;
}
static double sentences_per_s(const record *r) {
    return r->timing.sentences_per_s;
}
static double step_low(const record *r) {
    return record_spread_known(r) ? r->timing.step_ms_p10 : 0;
}
static double step_median(const record *r) {
    return r->timing.step_ms_p50;
}
static double step_high(const record *r) {
    return record_spread_known(r) ? r->timing.step_ms_p90 : 0;
}

static double phase_ms(const record *r, const char *phase) {
    double sum = 0;
    for (size_t i = 0; i < r->kernel_count; i++)
        if (!strcmp(r->kernel_times[i].phase, phase)) sum += r->kernel_times[i].ms;
    return sum;
}
static double begin_ms(const record *r) {
    return phase_ms(r, "begin");
}
static double forward_ms(const record *r) {
    return phase_ms(r, "forward");
}
static double backward_ms(const record *r) {
    return phase_ms(r, "backward");
}
static double update_ms(const record *r) {
    return phase_ms(r, "update");
}

/* Of these the mean over a side's runs is shown; 0: not known. */
static const struct figure {
    const char *title, *key;
    int decimals;
    double (*get)(const record *r);
    bool is_rate; /* more is faster */
} figures[] = {
    {"tokens a second", "tokens_per_s", 0, tokens_per_s, true},
    {"sentences a second", "sentences_per_s", 0, sentences_per_s, true},
    {"tokenizing, s", "tokenize_s", 2, tokenize_s, false},
    {"training, s", "train_s", 2, train_s, false},
    {"evaluation, s", "eval_s", 2, eval_s, false},
    {"step, ms (median)", "step_ms_p50", 2, step_median, false},
    {"step, ms (10th percentile)", "step_ms_p10", 2, step_low, false},
    {"step, ms (90th percentile)", "step_ms_p90", 2, step_high, false},
    {"timed step, begin, ms", "begin_ms", 3, begin_ms, false},
    {"timed step, forward, ms", "forward_ms", 3, forward_ms, false},
    {"timed step, backward, ms", "backward_ms", 3, backward_ms, false},
    {"timed step, update, ms", "update_ms", 3, update_ms, false},
};
enum { FIGURE_COUNT = sizeof figures / sizeof *figures };

static double side_mean(const compare_side *s, double (*get)(const record *r)) {
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) sum += get(s->runs[i]);
    return sum / (double)s->count;
}

// values (count) of the sides, and how much faster each other one is than the first
static void value_cells(grid *g, const double *values, size_t count, int decimals, bool is_rate) {
    for (size_t i = 0; i < count; i++)
        if (values[i] > 0)
            grid_cell(g, "%.*f", decimals, values[i]);
        else
            grid_text(g, "-");
    for (size_t i = 1; i < count; i++) {
        bool known = values[0] > 0 && values[i] > 0;
        double faster = known ? is_rate ? values[i] / values[0] : values[0] / values[i] : 0;
        if (known)
            grid_cell(g, "%.2f", faster);
        else
            grid_text(g, "-");
    }
}

static void ratio_heads(grid *g, size_t count, page_language language) {
    for (size_t i = 1; i < count; i++) grid_cell(g, SAY_IN(language, speed_of_a), (char)('A' + i));
}

static grid time_grid(char columns[2 * SIDES_MAX + 8], const char *before, size_t count) {
    memset(columns, 'r', strlen(before) + 2 * count - 1);
    memcpy(columns, before, strlen(before));
    columns[strlen(before) + 2 * count - 1] = '\0';
    return grid_begin(columns);
}

err compare__speed(strbuf *out, const compare_side *sides, size_t count, page_language language) {
    char columns[2 * SIDES_MAX + 8];
    double values[SIDES_MAX];
    grid g = time_grid(columns, "l", count);
    side_heads(&g, "", count);
    ratio_heads(&g, count, language);
    for (size_t k = 0; k < FIGURE_COUNT; k++) {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            values[i] = side_mean(&sides[i], figures[k].get);
            known = known || values[i] > 0;
        }
        if (!known) continue;
        grid_text(&g, language_term(language, figures[k].title));
        value_cells(&g, values, count, figures[k].decimals, figures[k].is_rate);
    }
    return grid_end(out, &g);
}

/* One kernel of any side; ms is the mean over a side's runs that know it. */
typedef struct kernel_row {
    const char *name, *phase; /* borrowed from a record */
    double ms[SIDES_MAX], largest;
} kernel_row;

typedef struct kernel_list {
    kernel_row *rows; /* (count) owned */
    size_t count, capacity;
} kernel_list;

static double kernel_ms(const compare_side *s, const char *name, const char *phase) {
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->runs[i]->kernel_count; k++) {
            const record_kernel *x = &s->runs[i]->kernel_times[k];
            if (strcmp(x->name, name) || strcmp(x->phase, phase)) continue;
            sum += x->ms;
            known++;
        }
    }
    return known ? sum / (double)known : 0;
}

static bool has_kernel(const kernel_list *l, const record_kernel *k) {
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->rows[i].name, k->name) && !strcmp(l->rows[i].phase, k->phase)) return true;
    return false;
}

static int largest_first(const void *a, const void *b) {
    const kernel_row *x = a, *y = b;
    if (x->largest != y->largest) return x->largest > y->largest ? -1 : 1;
    int c = strcmp(x->name, y->name);
    return c ? c : strcmp(x->phase, y->phase);
}

static err list_kernels(kernel_list *l, const compare_side *sides, size_t count) {
    *l = (kernel_list){0};
    for (size_t i = 0; i < count; i++) {
        const record *r = sides[i].runs[0];
        for (size_t k = 0; k < r->kernel_count; k++) {
            const record_kernel *x = &r->kernel_times[k];
            if (has_kernel(l, x)) continue;
            err e = mem_grow((void **)&l->rows, &l->capacity, l->count + 1, sizeof *l->rows);
            if (e) return e;
            kernel_row *row = &l->rows[l->count++];
            *row = (kernel_row){.name = x->name, .phase = x->phase};
            for (size_t s = 0; s < count; s++) {
                row->ms[s] = kernel_ms(&sides[s], x->name, x->phase);
                row->largest = fmax(row->largest, row->ms[s]);
            }
        }
    }
    if (l->count) qsort(l->rows, l->count, sizeof *l->rows, largest_first);
    return ERR_OK;
}

static err tell_untimed(strbuf *out, const compare_side *sides, size_t count,
                        page_language language) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        if (sides[i].runs[0]->kernel_count) continue;
        e = strbuf_printf(out, SAY_IN(language, no_kernel_times), (char)('A' + i));
    }
    return e;
}

err compare__kernels(strbuf *out, const compare_side *sides, size_t count, page_language language) {
    char columns[2 * SIDES_MAX + 8];
    kernel_list l;
    err e = list_kernels(&l, sides, count);
    if (e) goto done;
    if (l.count) {
        grid g = time_grid(columns, "ll", count);
        side_heads(&g, SAY_IN(language, kernel_ms), 0);
        grid_text(&g, SAY_IN(language, phase));
        for (size_t i = 0; i < count; i++) grid_cell(&g, "%c", (char)('A' + i));
        ratio_heads(&g, count, language);
        for (size_t i = 0; i < l.count; i++) {
            grid_text(&g, l.rows[i].name);
            grid_text(&g, language_term(language, l.rows[i].phase));
            value_cells(&g, l.rows[i].ms, count, 3, false);
        }
        if ((e = grid_end(out, &g)) || (e = strbuf_add(out, "\n"))) goto done;
    }
    e = tell_untimed(out, sides, count, language);
done:
    mem_free(l.rows);
    return e;
}

static err side_json(cJSON *list, const compare_side *s) {
    cJSON *o = cJSON_CreateObject(), *about, *speed;
    char text[WORD_BYTES];
    err e = json_append(list, o);
    if (e || (e = json_add_string(o, "name", s->name)) || (e = json_add_object(&about, o, "about")))
        return e;
    for (size_t k = 0; k < ATTRIBUTE_COUNT && !e; k++) {
        attributes[k].get(text, s, PAGE_EN);
        e = json_add_string(about, attributes[k].title, text);
    }
    if (e || (e = json_add_object(&speed, o, "speed"))) return e;
    for (size_t k = 0; k < FIGURE_COUNT && !e; k++)
        e = json_add_number(speed, figures[k].key, side_mean(s, figures[k].get));
    return e;
}

static err differences_json(cJSON *top, const compare_side *sides, size_t count) {
    cJSON *list;
    err e = json_add_array(&list, top, "differs");
    for (size_t k = 0; k < ATTRIBUTE_COUNT && !e; k++)
        if (attribute_differs(&attributes[k], sides, count))
            e = json_append(list, cJSON_CreateString(attributes[k].title));
    return e;
}

err compare__sides_json(cJSON *top, const compare_side *sides, size_t count) {
    cJSON *list;
    kernel_list l = {0};
    err e = json_add_array(&list, top, "runs");
    for (size_t i = 0; i < count && !e; i++) e = side_json(list, &sides[i]);
    if (e || (e = differences_json(top, sides, count)) || (e = list_kernels(&l, sides, count)) ||
        (e = json_add_array(&list, top, "kernels")))
        goto done;
    for (size_t i = 0; i < l.count && !e; i++) {
        cJSON *o = cJSON_CreateObject(), *ms;
        if ((e = json_append(list, o)) || (e = json_add_string(o, "name", l.rows[i].name)) ||
            (e = json_add_string(o, "phase", l.rows[i].phase)) ||
            (e = json_add_array(&ms, o, "ms")))
            goto done;
        for (size_t s = 0; s < count && !e; s++)
            e = json_append(ms, cJSON_CreateNumber(l.rows[i].ms[s]));
    }
done:
    mem_free(l.rows);
    return e;
}
