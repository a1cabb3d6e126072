#include "bench/bench_file.h"

#include "base/moment.h"

#include <stdio.h>
#include <string.h>

static const char *const phases[] = {"training", "evaluation", "pretraining"};
enum { PHASES = sizeof phases / sizeof *phases, FIGURES_MOST = PHASES * (BENCH_ROWS_MAX + 1) };

static err add_figure(bench_file *f, const cJSON *of, bench_figure figure, const char *where) {
    err e = json_number(&figure.ms, of, "ms", where);
    if (e) return e;
    // a nanosecond of a nanosecond and thirty years: ratios of such are finite
    if (!(figure.ms >= 1e-12 && figure.ms <= 1e12))
        return err_set(ERR_FORMAT, "%s: key 'ms' of '%.80s' is %g, expected 1e-12 to 1e12", where,
                       *figure.op ? figure.op : figure.phase, figure.ms);
    if (f->count == FIGURES_MOST)
        return err_set(ERR_FORMAT, "%s: more than %d ops", where, FIGURES_MOST);
    f->figures[f->count++] = figure;
    return ERR_OK;
}

static err read_phase(bench_file *f, const char *phase, const char *where) {
    const cJSON *of = NULL, *ops = NULL, *row = NULL;
    bench_figure whole = {.phase = phase, .op = "", .shape = ""};
    if (!json_has(f->json, phase)) return ERR_OK;
    err e = json_object(&of, f->json, phase, where);
    if (!e) e = json_number(&whole.sentences_per_s, of, "sentences_per_s", where);
    if (!e && !(whole.sentences_per_s > 0))
        e = err_set(ERR_FORMAT, "%s: key 'sentences_per_s' is %g, expected a rate above 0", where,
                    whole.sentences_per_s);
    if (!e) e = add_figure(f, of, whole, where);
    if (!e) e = json_array(&ops, of, "ops", where);
    if (e) return e;
    cJSON_ArrayForEach(row, ops) {
        bench_figure part = {.phase = phase};
        if ((e = json_string(&part.op, row, "op", where)) ||
            (e = json_string(&part.shape, row, "shape", where)) ||
            (e = add_figure(f, row, part, where)))
            return e;
    }
    return ERR_OK;
}

err bench_created(const char **out, const cJSON *record, const char *where) {
    *out = NULL;
    if (!json_has(record, "created")) return ERR_OK;
    err e = json_string(out, record, "created", where);
    if (e || moment_read(NULL, *out)) return e;
    return err_set(ERR_FORMAT,
                   "%s: key 'created' is '%.80s', expected a time like 2025-01-31T12:00:00Z", where,
                   *out);
}

err bench_committed(const char **out, const cJSON *record, const char *where) {
    char moment[MOMENT_BYTES];
    *out = NULL;
    if (!json_has(record, "committed")) return ERR_OK;
    err e = json_string(out, record, "committed", where);
    if (e) return e;
    int length = snprintf(moment, sizeof moment, "%.10sT00:00:00Z", *out);
    if (strlen(*out) == 10 && length < MOMENT_BYTES && moment_read(NULL, moment)) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key 'committed' is '%.80s', expected a day such as 2025-01-31",
                   where, *out);
}

static err read_program(bench_file *f, const char *where) {
    const cJSON *program = NULL;
    err e = json_object(&program, f->json, "harness", where);
    if (!e) e = json_string(&f->version, program, "version", where);
    if (!e) e = json_string(&f->commit, program, "commit", where);
    if (!e) e = json_bool(&f->dirty, program, "dirty", where);
    return e ? e : bench_created(&f->created, f->json, where);
}

static err read_device(bench_file *f, const char *where) {
    const cJSON *host = NULL, *group = NULL;
    err e = json_object(&host, f->json, "device", where);
    if (!e) e = json_string(&f->device, host, "name", where);
    if (!e) e = json_string(&f->kind, host, "kind", where);
    if (!e) e = json_string(&f->isa, host, "isa", where);
    if (!e) e = json_number(&f->threads, host, "threads", where);
    f->precision = "fp32"; // records of older programs are all of it
    if (!e && json_has(host, "precision")) e = json_string(&f->precision, host, "precision", where);
    f->ranks = 1;
    if (e || !json_has(f->json, "group")) return e;
    e = json_object(&group, f->json, "group", where);
    return e ? e : json_number(&f->ranks, group, "ranks", where);
}

static err read_all(bench_file *f, const char *where) {
    const char *schema = NULL;
    err e = json_string(&schema, f->json, "schema", where);
    if (!e && strcmp(schema, BENCH_SCHEMA) != 0)
        e = err_set(ERR_FORMAT, "%s: schema '%.80s', expected %s", where, schema, BENCH_SCHEMA);
    if (!e) e = read_program(f, where);
    if (!e) e = json_string(&f->model, f->json, "model", where);
    if (!e) e = json_string(&f->task, f->json, "task", where);
    if (!e) e = json_bool(&f->sample, f->json, "sample", where);
    if (!e) e = json_number(&f->parameters, f->json, "parameters", where);
    if (!e) e = json_number(&f->batch_size, f->json, "batch_size", where);
    if (!e) e = read_device(f, where);
    if (!e) e = mem_new(&f->figures, FIGURES_MOST);
    for (size_t i = 0; i < PHASES && !e; i++) e = read_phase(f, phases[i], where);
    if (!e && !f->count)
        e = err_set(ERR_FORMAT, "%s: no phase (training, evaluation or pretraining)", where);
    return e;
}

err bench_file_of(bench_file *f, cJSON *json, const char *where) {
    *f = (bench_file){.json = json};
    return read_all(f, where);
}

void bench_file_free(bench_file *f) {
    cJSON_Delete(f->json);
    mem_free(f->figures);
    *f = (bench_file){0};
}

const bench_figure *bench_figure_find(const bench_file *f, const bench_figure *like) {
    for (size_t i = 0; i < f->count; i++) {
        const bench_figure *x = &f->figures[i];
        if (!strcmp(x->phase, like->phase) && !strcmp(x->op, like->op) &&
            !strcmp(x->shape, like->shape))
            return x;
    }
    return NULL;
}

static err parted(const char *where, const char *field, const char *a, const char *b) {
    if (!strcmp(a, b)) return ERR_OK;
    return err_set(ERR_DATA, "%s measured other work: %s is %.80s there, %.80s here", where, field,
                   b, a);
}

static err parted_in_number(const char *where, const char *field, double a, double b) {
    if (!(a < b) && !(a > b)) return ERR_OK;
    return err_set(ERR_DATA, "%s measured other work: %s is %.0f there, %.0f here", where, field, b,
                   a);
}

err bench_same_work(const bench_file *a, const bench_file *b, const char *where) {
    err e = parted(where, "the model", a->model, b->model);
    if (!e) e = parted(where, "the task", a->task, b->task);
    if (!e) e = parted_in_number(where, "sample", a->sample, b->sample);
    if (!e) e = parted_in_number(where, "parameters", a->parameters, b->parameters);
    if (!e) e = parted_in_number(where, "the batch size", a->batch_size, b->batch_size);
    if (!e) e = parted(where, "the device", a->device, b->device);
    if (!e) e = parted(where, "the precision", a->precision, b->precision);
    if (!e) e = parted_in_number(where, "the number of threads", a->threads, b->threads);
    return e ? e : parted_in_number(where, "the number of ranks", a->ranks, b->ranks);
}
