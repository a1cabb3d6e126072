/* `harness runs`: what is in runs/ and results/; `harness runs clean`: what of it can go. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/moment.h"
#include "base/shown.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/run_list.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_COLUMNS = 100, TASK_COLUMNS = 18, MODEL_COLUMNS = 16, DEVICE_COLUMNS = 18 };

static const char *or_unknown(const char *text) {
    return text ? text : "?";
}

/* --- the list --- */

static const char *score_text(char text[16], const listed_run *r) {
    if (isnan(r->score))
        snprintf(text, 16, "-");
    else
        snprintf(text, 16, "%.4f", r->score);
    return text;
}

/* "unfinished, step 500". */
static const char *state_text(char text[40], const listed_run *r) {
    int n = snprintf(text, 40, "%s", run_state_name(r->state));
    if (r->step && (r->state == RUN_STATE_UNFINISHED || r->state == RUN_STATE_AT_WORK))
        snprintf(text + n, 40 - (size_t)n, ", step %u", r->step);
    return text;
}

static const char *seed_text(char text[24], const listed_run *r) {
    snprintf(text, 24, r->seed < 0 ? "?" : "%" PRId64, r->seed);
    return text;
}

static err add_line(strbuf *out, const listed_run *r) {
    char score[16], state[40], seed[24];
    err e = text_column(out, or_unknown(r->task), TASK_COLUMNS);
    if (!e) e = text_column(out, or_unknown(r->model), MODEL_COLUMNS);
    if (!e) e = text_column(out, or_unknown(r->device), DEVICE_COLUMNS);
    if (!e)
        e = shown_printf(out, SHOWN_TERMINAL, "%6s %-22s %7s  %-10s %9.1f  %-5s %s%s%s\n",
                         seed_text(seed, r), state_text(state, r), score_text(score, r), r->date,
                         (double)r->bytes / 1e6, r->has_model ? "model" : "-", r->folder,
                         r->worker ? "  by " : "", r->worker ? r->worker : "");
    return e;
}

/* The same where the terminal is too narrow for the table. */
static void print_block(const listed_run *r) {
    char score[16], state[40], seed[24];
    shown_line("%s", r->folder);
    shown_line("  %s  %s  seed %s", or_unknown(r->task), or_unknown(r->model), seed_text(seed, r));
    shown_line("  %s", or_unknown(r->device));
    if (r->worker) shown_line("  at work: %s", r->worker);
    shown_line("  %s  %s  %s  %.1f MB%s", state_text(state, r), score_text(score, r), r->date,
               (double)r->bytes / 1e6, r->has_model ? "  model" : "");
}

static err print_list(const run_list *l) {
    strbuf out = {0};
    uint64_t bytes = 0;
    bool is_narrow = shown_columns() < TABLE_COLUMNS;
    err e = is_narrow
                ? ERR_OK
                : strbuf_printf(&out, "%-*s%-*s%-*s%6s %-22s %7s  %-10s %9s  %-5s %s\n",
                                TASK_COLUMNS, "task", MODEL_COLUMNS, "model", DEVICE_COLUMNS,
                                "device", "seed", "state", "score", "date", "MB", "", "where");
    for (size_t i = 0; i < l->count && !e; i++) {
        bytes += l->runs[i].bytes;
        if (is_narrow)
            print_block(&l->runs[i]);
        else
            e = add_line(&out, &l->runs[i]);
    }
    if (!e && !is_narrow) fputs(out.text, stdout);
    if (!e) shown_line("%zu run%s, %.1f MB", l->count, shown_plural(l->count), (double)bytes / 1e6);
    strbuf_free(&out);
    return e;
}

static err add_object(cJSON *array, const listed_run *r) {
    cJSON *o;
    err e = json_append_object(&o, array);
    if (!e)
        e = json_put(o,
                     "folder %s state %s task %s model %s device %s seed %f headline %s score %f",
                     r->folder, run_state_name(r->state), r->task, r->model, r->device,
                     r->seed < 0 ? NAN : (double)r->seed, r->headline, r->score);
    if (!e)
        e = json_put(o,
                     "date %s step %u bytes %f checkpoints %zu checkpoint_bytes %f has_model %d "
                     "on_board %d worker %s",
                     r->date, r->step, (double)r->bytes, r->checkpoints,
                     (double)r->checkpoint_bytes, r->has_model, r->on_board, r->worker);
    return e;
}

static err print_json(const run_list *l) {
    cJSON *array = cJSON_CreateArray();
    err e = array ? ERR_OK : err_set(ERR_MEMORY, "out of memory while printing JSON");
    for (size_t i = 0; i < l->count && !e; i++) e = add_object(array, &l->runs[i]);
    if (!e) e = output_json(array, true);
    cJSON_Delete(array);
    return e;
}

/* --- cleaning --- */

/* Begin of the day, UTC. */
static err read_date(time_t *when, const char *text) {
    char moment[MOMENT_BYTES];
    double seconds = 0;
    *when = 0;
    if (!text) return ERR_OK;
    snprintf(moment, sizeof moment, "%.10sT00:00:00Z", text);
    if (strlen(text) != strlen("2026-01-31") || !moment_read(&seconds, moment) || seconds < 0)
        return options_range_error("before", text, "a day such as 2026-01-31");
    *when = (time_t)seconds;
    return ERR_OK;
}

typedef enum waste { WASTE_NONE, WASTE_CHECKPOINTS, WASTE_ALL } waste;

static waste waste_of(const listed_run *r, time_t before) {
    if (r->state == RUN_STATE_FINISHED && r->checkpoints) return WASTE_CHECKPOINTS;
    return r->state == RUN_STATE_UNFINISHED && r->changed < before ? WASTE_ALL : WASTE_NONE;
}

static err clean_one(uint64_t *bytes, const listed_run *r, waste what, bool deletes) {
    bool whole = what == WASTE_ALL;
    uint64_t freed = whole ? r->bytes : r->checkpoint_bytes;
    if (whole)
        shown_line("%s  %.1f MB: unfinished%s, last changed %s", r->folder, (double)freed / 1e6,
                   r->step ? "" : " and without a checkpoint", r->date);
    else
        shown_line("%s  %.1f MB: %zu checkpoint%s of a finished run", r->folder,
                   (double)freed / 1e6, r->checkpoints, shown_plural(r->checkpoints));
    *bytes += freed;
    return deletes ? listed_run_clean(r, whole) : ERR_OK;
}

static err clean(const run_list *l, const options *o) {
    time_t before = 0;
    uint64_t bytes = 0;
    size_t count = 0;
    err e = read_date(&before, o->before);
    for (size_t i = 0; i < l->count && !e; i++) {
        waste what = waste_of(&l->runs[i], before);
        if (!what) continue;
        count++;
        e = clean_one(&bytes, &l->runs[i], what, o->yes);
    }
    if (e) return e;
    if (!count)
        shown_line("nothing to delete: no checkpoints of finished runs%s%s",
                   o->before ? ", and no unfinished runs older than " : "",
                   o->before ? o->before : "");
    else
        shown_line("%zu run%s, %.1f MB %s", count, shown_plural(count), (double)bytes / 1e6,
                   o->yes ? "deleted" : "would be deleted (--yes does it)");
    return ERR_OK;
}

err verb_runs(const options *o) {
    static const char *const usual[] = {"runs"};
    run_list l = {0};
    bool cleans = o->arg_count && !strcmp(o->args[0], "clean");
    const char *const *roots = (const char *const *)o->args + cleans;
    size_t count = o->arg_count - cleans;
    if (!cleans && (o->before || o->yes))
        return err_set(ERR_USAGE, "--%s goes with `harness runs clean`", o->yes ? "yes" : "before");
    for (size_t i = 0; i < count; i++)
        if (!folder_exists(roots[i]))
            return err_set(ERR_USAGE, "%s: no such folder (harness runs [clean] [FOLDER...])",
                           roots[i]);
    bool alone = !count || o->results;
    if (!count) roots = usual;
    if (!count) count = folder_exists("runs");
    err e = run_list_read(&l, roots, count, o->results ? o->results : "results", alone);
    if (!e) e = cleans ? clean(&l, o) : o->json ? print_json(&l) : print_list(&l);
    run_list_free(&l);
    return e;
}
