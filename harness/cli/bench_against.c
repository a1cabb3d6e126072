#include "cli/bench_against.h"

#include "base/log.h"
#include "base/moment.h"
#include "base/shown.h"
#include "bench/pairs.h"
#include "cli/bench_table.h"
#include "cli/terminal_text.h"
#include "platform/file.h"
#include "platform/host.h"
#include "platform/stranger.h"
#include "platform/stream.h"
#include "train/group/launch.h"

#include <stdio.h>
#include <string.h>

enum { ROUNDS_DEFAULT = 5, ARGUMENTS_MOST = 80, NUMBER_BYTES = 40, VERSION_BYTES = 4096 };
static const char steps_default[] = "10";
static const double VERSION_SECONDS = 10;
/* The other may take this many times as long as this one did first, and this much more. */
static const double PATIENCE = 10, PATIENCE_SECONDS = 30;

/* The command of both programs. */
typedef struct command {
    const char *words[ARGUMENTS_MOST + 1]; /* argv, NULL at its end */
    size_t count;
    char *owned[ARGUMENTS_MOST]; /* flags, each with its value */
    size_t owned_count;
} command;

typedef struct match {
    const char *other; /* path */
    command command;
    uint32_t rounds;
    bench_file *own, *others; /* (rounds) owned */
    double own_seconds;       /* that this one took first */
} match;

static err add_word(command *c, const flag_value *v) {
    char number[NUMBER_BYTES];
    if (c->count == ARGUMENTS_MOST) return err_set(ERR_ARG, "too many flags");
    snprintf(number, sizeof number, "%.17g", v->number);
    char **word = &c->owned[c->owned_count];
    err e = v->is_switch ? mem_printf(word, "--%s", v->flag)
                         : mem_printf(word, "--%s=%s", v->flag, v->text ? v->text : number);
    if (e) return e;
    c->words[c->count++] = c->owned[c->owned_count++];
    return ERR_OK;
}

/* All that was given but what is for this one alone. */
static err make_command(command *c, const options *o) {
    static const char *const ours[] = {"against", "rounds", "json", "quiet", "verbose", "revision"};
    flag_value v;
    bool given = false;
    c->words[c->count++] = "harness";
    c->words[c->count++] = "bench";
    err e = ERR_OK;
    for (size_t n = 0; !e && options_nth(&v, &given, o, VERB_bench, n); n++) {
        bool is_ours = false;
        for (size_t i = 0; given && i < sizeof ours / sizeof *ours; i++)
            is_ours = is_ours || !strcmp(v.flag, ours[i]);
        if (given && !is_ours) e = add_word(c, &v);
    }
    const flag_value steps = {.flag = "max-steps", .text = steps_default};
    const flag_value json = {.flag = "json", .is_switch = true};
    if (!e && !o->has_max_steps) e = add_word(c, &steps);
    if (!e) e = add_word(c, &json);
    return e;
}

static err no_build(const char *path, const char *found) {
    return err_set(ERR_DATA,
                   "--against %s: no build of harness: `%s --version` should say \"harness "
                   "VERSION (COMMIT)\", %s",
                   path, path, found);
}

/* Whether it is a file that says what this program says of itself. */
static err check_other(const char *path) {
    const char *const words[] = {"harness", "--version", NULL};
    stranger_output o = {0};
    char version[64], commit[80];
    int fd = -1, used = 0;
    err e = file_open(&fd, NULL, path, 0);
    if (e) return err_wrap(e, "--against");
    stream_close(fd);
    e = stranger_run(&o, path, words, (stranger_limits){VERSION_SECONDS, VERSION_BYTES});
    if (e) {
        e = err_wrap(e, "--against");
    } else if (o.code) {
        char found[64];
        snprintf(found, sizeof found, "it ended with %d", o.code);
        e = no_build(path, found);
    } else if (!o.out.text ||
               sscanf(o.out.text, "harness %63s (%79[^)\n])%n", version, commit, &used) != 2 ||
               !used || strcmp(o.out.text + used, "\n") != 0) {
        e = no_build(path, "it says something else");
    } else {
        log_note("against harness %s (%s)", version, commit);
    }
    stranger_free(&o);
    return e;
}

/* One measurement of one of the two; `name` for messages. */
static err measure(bench_file *f, double *seconds, const match *m, const char *path,
                   const char *name, double limit) {
    stranger_output o = {0};
    cJSON *json = NULL;
    char where[300];
    snprintf(where, sizeof where, "what %s printed", name);
    err e = stranger_run(&o, path, m->command.words, (stranger_limits){limit, BENCH_RECORD_BYTES});
    if (!e && o.code)
        e = err_set(ERR_DATA, "%s bench ended with %d%s%s", name, o.code, *o.last ? ": " : "",
                    o.last);
    if (!e) e = json_parse(&json, o.out.text ? o.out.text : "", o.out.length, where);
    if (!e) e = bench_file_of(f, json, where);
    *seconds = o.seconds;
    stranger_free(&o);
    return e;
}

static err measure_own(match *m, uint32_t round) {
    double seconds = 0;
    log_progress("round %u of %u: this build", round + 1, m->rounds);
    // of ourselves there is no reason to think that we hang
    err e = measure(&m->own[round], &seconds, m, host_program, "this program", 1e9);
    if (!round) m->own_seconds = seconds;
    return e;
}

static err measure_other(match *m, uint32_t round) {
    double seconds = 0, limit = PATIENCE * m->own_seconds + PATIENCE_SECONDS;
    log_progress("round %u of %u: %s", round + 1, m->rounds, m->other);
    return measure(&m->others[round], &seconds, m, m->other, m->other, limit);
}

/* Who is first alternates, so that a machine that slows down steadily favours none. */
static err run_round(match *m, uint32_t round) {
    bool is_turned = round % 2;
    err e = is_turned ? measure_other(m, round) : measure_own(m, round);
    if (!e) e = is_turned ? measure_own(m, round) : measure_other(m, round);
    if (!e) e = bench_same_work(&m->own[0], &m->own[round], "this program");
    return e ? e : bench_same_work(&m->own[0], &m->others[round], m->other);
}

static err add_program(cJSON *to, const char *key, const bench_file *f) {
    cJSON *one = NULL;
    err e = json_add_object(&one, to, key);
    return e ? e : json_put(one, "version %s commit %s dirty %d", f->version, f->commit, f->dirty);
}

/* As it was measured: this program's. */
static err add_copy(cJSON *to, const char *key, const bench_file *from) {
    return json_add_copy(to, key, cJSON_GetObjectItemCaseSensitive(from->json, key));
}

static err add_pair(cJSON *list, const bench_pair *p, size_t rounds) {
    cJSON *one = NULL;
    err e = json_append_object(&one, list);
    if (!e)
        e = json_put(one, "phase %s op %s shape %s own_ms %f other_ms %f ratio %f low %f high %f",
                     p->figure->phase, p->figure->op, p->figure->shape, p->own_ms, p->other_ms,
                     p->ratio, p->range.low, p->range.high);
    return e ? e : json_put_numbers(one, "log_ratios", p->log_ratios, rounds);
}

static err record_of(cJSON **out, const match *m) {
    cJSON *root = cJSON_CreateObject(), *list = NULL;
    const bench_file *own = &m->own[0];
    bench_pair *pairs = NULL;
    size_t count = 0;
    char now[MOMENT_BYTES];
    *out = root;
    err e = json_put(root, "schema %s created %s", PAIRS_SCHEMA, moment_now(now));
    if (!e) e = add_program(root, "harness", own);
    if (!e) e = add_program(root, "other", &m->others[0]);
    if (!e) e = add_copy(root, "command", own);
    if (!e)
        e = json_put(root, "rounds %u model %s task %s sample %d parameters %f batch_size %f",
                     m->rounds, own->model, own->task, own->sample, own->parameters,
                     own->batch_size);
    if (!e) e = add_copy(root, "device", own);
    if (!e) e = json_add_array(&list, root, "pairs");
    if (!e) e = bench_pair_up(&pairs, &count, m->own, m->others, m->rounds);
    for (size_t i = 0; i < count && !e; i++) e = add_pair(list, &pairs[i], m->rounds);
    mem_free(pairs);
    return e;
}

static err print(const match *m, bool as_json) {
    cJSON *record = NULL;
    strbuf text = {0};
    err e = record_of(&record, m);
    if (!e) e = as_json ? json_text(&text, record) : pairs_table(&text, record, "bench");
    if (!e && as_json) fwrite(text.text, 1, text.length, stdout);
    if (!e && !as_json) e = terminal_text(text.text);
    cJSON_Delete(record);
    strbuf_free(&text);
    return e;
}

static err check(match *m, const options *o) {
    char found[NUMBER_BYTES];
    m->rounds = o->has_rounds ? o->rounds : ROUNDS_DEFAULT;
    if (o->svg || o->verbose)
        return err_set(ERR_USAGE, "--%s is of one measurement, and does not go with --against",
                       o->svg ? "svg" : "verbose");
    const char *engine = NULL;
    if (launch_announced(&engine) > 1)
        return err_set(ERR_USAGE, "--against runs both programs itself: not under a launcher");
    if (m->rounds >= PAIR_ROUNDS_LEAST && m->rounds <= PAIR_ROUNDS_MOST) return ERR_OK;
    snprintf(found, sizeof found, "%u", m->rounds);
    return options_range_error("rounds", found, "2 to 100");
}

err bench_against(const options *o) {
    match m = {.other = o->against};
    err e = check(&m, o);
    if (!e) e = check_other(m.other);
    if (!e) e = make_command(&m.command, o);
    if (!e) e = mem_new(&m.own, m.rounds);
    if (!e) e = mem_new(&m.others, m.rounds);
    for (uint32_t i = 0; i < m.rounds && !e; i++) e = run_round(&m, i);
    log_progress_end();
    if (!e) e = print(&m, o->json);
    for (uint32_t i = 0; i < m.rounds && m.own && m.others; i++) {
        bench_file_free(&m.own[i]);
        bench_file_free(&m.others[i]);
    }
    mem_free(m.own);
    mem_free(m.others);
    for (size_t i = 0; i < m.command.owned_count; i++) mem_free(m.command.owned[i]);
    return e;
}
