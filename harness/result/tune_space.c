#include "result/tune_space.h"

#include "base/rng.h"
#include "result/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tune_space_init(tune_space *s) {
    *s = (tune_space){.points = 1};
}

void tune_space_free(tune_space *s) {
    for (size_t i = 0; i < s->count; i++) words_free(s->axes[i].words, s->axes[i].count);
    *s = (tune_space){0};
}

/* A finite number that is the whole text. */
static bool read_number(double *value, const char *text, size_t bytes) {
    char copy[64], *end = NULL;
    if (!bytes || bytes >= sizeof copy || strchr(" \t\n\r\v\f+", *text)) return false;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    *value = strtod(copy, &end);
    return !*end && isfinite(*value);
}

static err set_number(recipe *r, const hyperparameter *h, double value) {
    // of the two ways to say the warmup the one that is searched takes the other's place
    if (strcmp(h->key, "warmup_ratio") == 0) r->warmup_steps = 0;
    return recipe_set_number(r, h->key, value);
}

static err set_word(recipe *r, const hyperparameter *h, const char *word) {
    double value;
    if (h->kind >= RECIPE_SCHEDULE) return recipe_set_text(r, h->key, word);
    if (h->kind == RECIPE_SWITCH) {
        bool is_yes = strcmp(word, "yes") == 0;
        if (!is_yes && strcmp(word, "no") != 0)
            return err_set(ERR_USAGE, "%s is '%s', expected yes or no", h->key, word);
        return recipe_set_number(r, h->key, is_yes);
    }
    if (!read_number(&value, word, strlen(word)))
        return err_set(ERR_USAGE,
                       "%s is '%s', expected a number, several with commas, or a range such as "
                       "1e-5..1e-4",
                       h->key, word);
    return set_number(r, h, value);
}

static bool is_number(const hyperparameter *h) {
    return h->kind < RECIPE_SWITCH;
}

/* "a..b"; *is_range is false when the text is none. */
static err read_range(tune_axis *a, bool *is_range, const char *text) {
    const char *dots = strstr(text, "..");
    recipe scratch;
    *is_range = dots && is_number(a->row);
    if (!*is_range) return ERR_OK;
    if (!read_number(&a->low, text, (size_t)(dots - text)) ||
        !read_number(&a->high, dots + 2, strlen(dots + 2)) || a->low >= a->high)
        return err_set(ERR_USAGE,
                       "'%s' is no range from a smaller to a larger number, such as 1e-5..1e-4",
                       text);
    a->is_logarithmic = a->low > 0 && a->high >= 10 * a->low;
    recipe_defaults(&scratch);
    err e = set_number(&scratch, a->row, a->low);
    return e ? e : set_number(&scratch, a->row, a->high);
}

static err read_words(tune_axis *a, const char *text, const char *flag) {
    recipe scratch;
    bool is_weights = a->row->kind == RECIPE_WEIGHTS;
    char *copy = NULL;
    err e = mem_strdup(&copy, text);
    for (char *at = copy; !e && is_weights && *at; at++) // whose values have commas themselves
        *at = *at == ',' ? ';' : (char)(*at == ';' ? ',' : *at);
    if (!e) e = words_split(&a->words, &a->count, copy, flag);
    for (size_t i = 0; !e && i < a->count; i++) {
        for (char *at = a->words[i]; is_weights && *at; at++)
            if (*at == ';') *at = ',';
        recipe_defaults(&scratch);
        e = set_word(&scratch, a->row, a->words[i]);
    }
    mem_free(copy);
    return e ? e : sweep_once(a->words, a->count, flag);
}

/* What several values make no sense of. */
static err check_choice(const tune_axis *a) {
    if (!tune_axis_varies(a)) return ERR_OK;
    if (strcmp(a->row->key, "metric_for_best_model") == 0)
        return err_set(ERR_USAGE, "%s takes one value: trials are compared by it", a->row->key);
    if (a->row->recorded == RECORDED_NEVER || strcmp(a->row->key, "tuning_trials") == 0)
        return err_set(ERR_USAGE, "%s takes one value: no score depends on it", a->row->key);
    return ERR_OK;
}

err tune_space_add(tune_space *s, uint32_t index, const char *flag, const char *text) {
    bool is_range = false;
    if (s->count == TUNE_AXES_MOST)
        return err_set(ERR_USAGE, "a search has at most %d hyperparameters", TUNE_AXES_MOST);
    tune_axis *a = &s->axes[s->count++];
    *a = (tune_axis){.row = recipe_row(index), .index = index};
    err e = read_range(a, &is_range, text);
    if (!e && !is_range) e = read_words(a, text, flag);
    if (!e) e = check_choice(a);
    if (e) // what is wrong with the list as a whole names the flag already
        return e == ERR_MEMORY || *err_message(e) == '-' ? e : err_wrap(e, "--%s", flag);
    s->points *= a->count; // a range: 0, and so it stays
    if (s->points > TUNE_TRIALS_MOST) s->points = TUNE_TRIALS_MOST + 1;
    return ERR_OK;
}

/* Even in [0, 1), a function of (seed, trial, hyperparameter). */
static double draw(uint32_t seed, uint32_t trial, uint32_t row) {
    philox p = philox4x32((philox){{trial, row, 0, 0}}, seed, RNG_SITE_TUNE);
    uint64_t bits = ((uint64_t)p.v[0] << 32 | p.v[1]) >> 11; // as many as a double holds
    return (double)bits / (double)(UINT64_C(1) << 53);
}

static double in_range(const tune_axis *a, double u) {
    char text[32];
    bool is_whole = a->row->kind == RECIPE_WHOLE || (a->row->kind == RECIPE_STEPS && a->high > 1);
    double top = a->high + is_whole;
    double value = a->is_logarithmic ? a->low * pow(top / a->low, u) : a->low + u * (top - a->low);
    if (is_whole)
        value = floor(value);
    else {
        snprintf(text, sizeof text, "%.3g", value);
        value = strtod(text, NULL);
    }
    return fmin(fmax(value, a->low), a->high);
}

err tune_space_draw(recipe *r, const tune_space *s, uint32_t seed, uint32_t trial) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < s->count; i++) {
        const tune_axis *a = &s->axes[i];
        double u = draw(seed, trial, a->index);
        e = a->count ? set_word(r, a->row, a->words[(size_t)(u * (double)a->count)])
                     : set_number(r, a->row, in_range(a, u));
    }
    return e;
}

err tune_space_point(recipe *r, const tune_space *s, size_t point) {
    err e = ERR_OK;
    for (size_t i = s->count; !e && i-- > 0;) {
        const tune_axis *a = &s->axes[i];
        e = set_word(r, a->row, a->words[point % a->count]);
        point /= a->count;
    }
    return e;
}

err tune_axis_text(strbuf *out, const tune_axis *a) {
    err e = strbuf_printf(out, "%s ", a->row->key);
    if (!e && !a->count)
        e = strbuf_printf(out, "%g..%g (%s)", a->low, a->high,
                          a->is_logarithmic ? "by logarithm" : "evenly");
    for (size_t i = 0; !e && i < a->count; i++)
        e = strbuf_printf(out, "%s%s", i ? ", " : "", a->words[i]);
    return e;
}
