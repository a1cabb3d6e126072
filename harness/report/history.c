#include "report/history.h"

#include "base/memory.h"
#include "metric/steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void series_free(history_series *s) {
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->points[i].version);
        mem_free(s->points[i].commit);
    }
    mem_free(s->points);
    mem_free(s->levels);
    mem_free(s->key);
    mem_free(s->what);
    mem_free(s->title);
    mem_free(s->about);
    *s = (history_series){0};
}

void history_free(history *h) {
    for (size_t i = 0; i < h->count; i++) series_free(&h->series[i]);
    mem_free(h->series);
    *h = (history){0};
}

/* What a point is of; borrowed. */
typedef struct place {
    history_kind kind;
    const char *key, *what, *title, *about;
} place;

/* As a series of its own: history_finish brings together what is one. */
static err add_point(history *h, const place *at, const history_point *point) {
    // a rate of a clock that stood still is none
    if (!isfinite(point->value) || (history_is_relative(at->kind) && !(point->value > 0)))
        return ERR_OK;
    err e = mem_grow((void **)&h->series, &h->capacity, h->count + 1, sizeof *h->series);
    if (e) return e;
    history_series *s = &h->series[h->count++];
    *s = (history_series){.kind = at->kind};
    if ((e = mem_strdup(&s->key, at->key)) || (e = mem_strdup(&s->what, at->what)) ||
        (e = mem_strdup(&s->title, at->title)) || (e = mem_strdup(&s->about, at->about)) ||
        (e = mem_grow((void **)&s->points, &s->capacity, 1, sizeof *s->points)))
        return e;
    history_point *p = &s->points[s->count++];
    *p = *point;
    p->version = p->commit = NULL;
    if (!(e = mem_strdup(&p->version, point->version))) e = mem_strdup(&p->commit, point->commit);
    return e;
}

static const char *or_dash(const char *text) {
    return text ? text : "-";
}

/* All that makes a row of the board, but the numerics. */
static err run_key(strbuf *key, const record *r) {
    char *config = NULL, *drawn = NULL;
    err e = json_print(&config, r->model.config, false);
    if (!e) e = json_print(&drawn, r->model.newly_initialised, false);
    if (!e)
        e = strbuf_printf(key, "%s\n%lld\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s",
                          r->task.name, (long long)r->task.version, r->task.data_sha256,
                          r->protocol, r->headline, r->model.name, or_dash(r->model.weights_sha256),
                          or_dash(r->model.vocab_sha256), or_dash(r->model.label_map),
                          r->recipe_sha256, r->device.kind, RECORD_DEVICE(r), r->device.precision,
                          config, drawn);
    mem_free(config);
    mem_free(drawn);
    return e;
}

static err run_about(strbuf *about, const record *r) {
    return strbuf_printf(about, "version %lld, protocol %s, data %.8s, recipe %.8s; %s, %s",
                         (long long)r->task.version, r->protocol, r->task.data_sha256,
                         r->recipe_sha256, RECORD_DEVICE(r), r->device.precision);
}

/* Training's and evaluation's rates, which also depend on how many did the work. */
static err add_rates(history *h, const record *r, place at, history_point p) {
    strbuf key = {0}, about = {0}, what = {0};
    const double rates[] = {r->timing.sentences_per_s,
                            r->timing.eval_s > 0 ? (double)r->task.test_rows / r->timing.eval_s
                                                 : 0};
    static const char *const names[] = {"training", "evaluation"};
    err e = strbuf_printf(&about, "%s, threads %lld, ranks %lld", at.about,
                          (long long)r->device.threads, (long long)(r->ranks ? r->ranks : 1));
    at.kind = HISTORY_RUN;
    at.about = about.text;
    for (size_t i = 0; i < 2 && !e; i++) {
        strbuf_free(&key);
        strbuf_free(&what);
        e = strbuf_printf(&key, "%s\n%s\n%lld\n%lld", at.key, names[i],
                          (long long)r->device.threads, (long long)r->ranks);
        if (!e) e = strbuf_printf(&what, "%s, %s", r->task.name, names[i]);
        p.value = rates[i];
        if (!e) e = add_point(h, &(place){at.kind, key.text, what.text, at.title, at.about}, &p);
    }
    strbuf_free(&key);
    strbuf_free(&about);
    strbuf_free(&what);
    return e;
}

err history_add_run(history *h, const record *r) {
    strbuf key = {0}, about = {0}, what = {0};
    history_point p = {.version = r->harness_version,
                       .commit = r->commit,
                       .seed = r->seed,
                       .value = record_metric(r, r->headline)};
    if (r->partial || r->dirty) {
        h->partial += r->partial;
        h->dirty += !r->partial;
        return ERR_OK;
    }
    (void)moment_read(&p.when, r->created); // record_read has looked
    snprintf(p.created, sizeof p.created, "%s", r->created);
    err e = run_key(&key, r);
    if (!e) e = run_about(&about, r);
    if (!e) e = strbuf_printf(&what, "%s, %s", r->task.name, metric_said(r->headline));
    place at = {HISTORY_SCORE, key.text, what.text, r->model.name, about.text};
    if (!e) e = add_point(h, &at, &p);
    if (!e) e = add_rates(h, r, at, p);
    strbuf_free(&key);
    strbuf_free(&about);
    strbuf_free(&what);
    return e;
}

static err add_phase(history *h, const bench_file *f, const bench_figure *x) {
    strbuf key = {0}, about = {0}, what = {0};
    history_point p = {.version = (char *)(uintptr_t)f->version,
                       .commit = (char *)(uintptr_t)f->commit,
                       .value = x->sentences_per_s};
    (void)moment_read(&p.when, f->created); // bench_file_of has looked
    snprintf(p.created, sizeof p.created, "%s", f->created);
    err e = strbuf_printf(&what, "%s%s, %s", f->task, f->sample ? " (sample)" : "", x->phase);
    if (!e)
        e = strbuf_printf(&about, "%.0f parameters, batch %.0f; %s, %s, threads %.0f, ranks %.0f",
                          f->parameters, f->batch_size, f->device, f->precision, f->threads,
                          f->ranks);
    if (!e) e = strbuf_printf(&key, "%s\n%s\n%s\n%s", f->model, what.text, about.text, f->isa);
    if (!e)
        e = add_point(h, &(place){HISTORY_BENCH, key.text, what.text, f->model, about.text}, &p);
    strbuf_free(&key);
    strbuf_free(&about);
    strbuf_free(&what);
    return e;
}

err history_add_bench(history *h, const bench_file *f) {
    err e = ERR_OK;
    if (f->dirty || !f->created) {
        h->dirty += f->dirty;
        h->undated += !f->dirty;
        return ERR_OK;
    }
    for (size_t i = 0; i < f->count && !e; i++)
        if (f->figures[i].sentences_per_s > 0) e = add_phase(h, f, &f->figures[i]);
    return e;
}

static int by_date(const void *a, const void *b) {
    const history_point *x = a, *y = b;
    int c = (x->when > y->when) - (x->when < y->when);
    if (!c) c = strcmp(x->version, y->version);
    if (!c) c = strcmp(x->commit, y->commit);
    if (!c) c = (x->seed > y->seed) - (x->seed < y->seed);
    return c ? c : (x->value > y->value) - (x->value < y->value);
}

static int by_key(const void *a, const void *b) {
    const history_series *x = a, *y = b;
    return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind) : strcmp(x->key, y->key);
}

static void drop_copies(history_series *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (kept && !by_date(&s->points[kept - 1], &s->points[i])) {
            mem_free(s->points[i].version);
            mem_free(s->points[i].commit);
            continue;
        }
        s->points[kept++] = s->points[i];
    }
    s->count = kept;
}

static err find_levels(history_series *s) {
    bool relative = history_is_relative(s->kind);
    double *values = NULL;
    level *found = NULL;
    size_t count = 0;
    err e = mem_new(&values, s->count);
    for (size_t i = 0; i < s->count && !e; i++)
        values[i] = relative ? log(s->points[i].value) : s->points[i].value;
    if (!e) e = levels_find(&found, &count, values, s->count);
    if (!e) e = mem_new(&s->levels, count);
    for (size_t i = 0; i < count && !e; i++) {
        const level *x = &found[i];
        s->levels[i] = (history_level){.begin = x->begin,
                                       .end = x->end,
                                       .value = relative ? exp(x->value) : x->value,
                                       .noise = relative ? expm1(x->noise) : x->noise,
                                       .p = x->p,
                                       .change = relative ? expm1(x->change) : x->change,
                                       .low = relative ? expm1(x->low) : x->low,
                                       .high = relative ? expm1(x->high) : x->high};
        s->level_count = i + 1;
    }
    mem_free(found);
    mem_free(values);
    return e;
}

static err take_points(history_series *s, history_series *from) {
    err e = mem_grow((void **)&s->points, &s->capacity, s->count + from->count, sizeof *s->points);
    if (e) return e;
    memcpy(s->points + s->count, from->points, from->count * sizeof *s->points);
    s->count += from->count;
    from->count = 0;
    return ERR_OK;
}

/* Series of one kind and key become one. They may be as many as points: sorted, never looked up. */
static err join_series(history *h) {
    size_t kept = 0;
    if (h->count) qsort(h->series, h->count, sizeof *h->series, by_key);
    for (size_t i = 0; i < h->count; i++) {
        history_series *s = &h->series[i];
        if (kept && !by_key(&h->series[kept - 1], s)) {
            err e = take_points(&h->series[kept - 1], s);
            if (e) return e;
            series_free(s);
        } else {
            history_series moved = *s;
            *s = (history_series){0};
            h->series[kept++] = moved;
        }
    }
    h->count = kept;
    return ERR_OK;
}

err history_finish(history *h) {
    size_t kept = 0;
    err e = join_series(h);
    if (e) return e;
    for (size_t i = 0; i < h->count; i++) {
        history_series *s = &h->series[i];
        if (s->count) qsort(s->points, s->count, sizeof *s->points, by_date);
        drop_copies(s);
        if (s->count < 2) {
            h->single++;
            series_free(s);
        } else {
            h->series[kept++] = *s;
        }
    }
    h->count = kept;
    for (size_t i = 0; i < h->count && !e; i++) e = find_levels(&h->series[i]);
    return e;
}

err history_program(strbuf *out, const history_point *p) {
    return strbuf_printf(out, "%.40s (%.8s)", p->version, p->commit);
}
