/* `harness runs`: what is in runs/ and results/; `harness runs clean`: what of it can go. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/moment.h"
#include "base/shown.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/run_list.h"
#include "metric/score.h"
#include "platform/file.h"
#include "text/unicode.h"
#include "train/run/run_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *or_unknown(const char *text) {
    return text ? text : "?";
}

/* "0.5123 macro F1", of a search "0.5123 dev macro F1", of a pretraining "21.34 perplexity", or "-". */
enum { SCORE_BYTES = METRIC_TITLE_BYTES + 20 };
static const char *score_text(char text[SCORE_BYTES], const listed_run *r) {
    const char *title = r->headline ? metric_said(r->headline) : "";
    if (isnan(r->score))
        snprintf(text, SCORE_BYTES, "-");
    else if (r->headline && !strcmp(r->headline, RUN_LIST_PERPLEXITY))
        snprintf(text, SCORE_BYTES, "%.2f %s", r->score, r->headline);
    else
        snprintf(text, SCORE_BYTES, "%.4f%s%s%s", r->score, r->trials ? " dev" : "",
                 *title ? " " : "", title);
    return text;
}

/* "unfinished, step 500", "finished (sample)", of a search "finished, 20 trials". */
static const char *state_text(char text[40], const listed_run *r) {
    int n = snprintf(text, 40, "%s", run_state_name(r->state));
    if (r->step && (r->state == RUN_STATE_UNFINISHED || r->state == RUN_STATE_AT_WORK))
        snprintf(text + n, 40 - (size_t)n, ", step %u", r->step);
    else if (r->trials)
        snprintf(text + n, 40 - (size_t)n, ", %zu trial%s", r->trials, shown_plural(r->trials));
    else if (r->part)
        snprintf(text + n, 40 - (size_t)n, " (%s)", r->part);
    return text;
}

static const char *seed_text(char text[24], const listed_run *r) {
    snprintf(text, 24, r->seed < 0 ? "?" : "%" PRId64, r->seed);
    return text;
}

/* The columns of the table before the folder. */
enum { TASK, MODEL, DEVICE, SEED, STATE, SCORE, DATE, SIZE, KEPT, COLUMNS };

typedef struct run_cells {
    const char *text[COLUMNS];
    char seed[24], state[40], score[SCORE_BYTES], size[SHOWN_SIZE_BYTES];
} run_cells;

static void take_cells(run_cells *c, const listed_run *r) {
    const char *const text[COLUMNS] = {or_unknown(r->task),
                                       or_unknown(r->model),
                                       or_unknown(r->device),
                                       seed_text(c->seed, r),
                                       state_text(c->state, r),
                                       score_text(c->score, r),
                                       r->date,
                                       shown_size(c->size, r->bytes),
                                       r->has_model ? "model" : "-"};
    memcpy(c->text, text, sizeof text);
}

static err add_row(strbuf *out, const char *const *text, const size_t *widths) {
    err e = ERR_OK;
    for (size_t i = 0; i < COLUMNS && !e; i++) {
        size_t width = shown_width(text[i]);
        if ((i == SEED || i == SIZE) && width < widths[i]) // numbers end below each other
            e = strbuf_printf(out, "%*s%s  ", (int)(widths[i] - width), "", text[i]);
        else if (!(e = text_column(out, text[i], widths[i])))
            e = strbuf_add(out, "  ");
    }
    return e;
}

/* The same where the terminal is too narrow for the table. */
static void print_block(const listed_run *r) {
    char score[SCORE_BYTES], state[40], seed[24];
    shown_line("%s", r->folder);
    shown_line("  %s  %s  seed %s", or_unknown(r->task), or_unknown(r->model), seed_text(seed, r));
    shown_line("  %s", or_unknown(r->device));
    if (r->worker) shown_line("  at work: %s", r->worker);
    shown_line("  %s  %s  %s  %s%s", state_text(state, r), score_text(score, r), r->date,
               SHOWN_SIZE(r->bytes), r->has_model ? "  model" : "");
}

/* The widest of the lines. */
static size_t widest(const char *lines) {
    size_t most = 0;
    for (size_t n; *lines; lines += n + (lines[n] == '\n')) {
        n = strcspn(lines, "\n");
        size_t width = text_width_of(lines, n);
        if (width > most) most = width;
    }
    return most;
}

/* As wide as its cells; `narrow`: names are cut. */
static err add_table(strbuf *out, const run_list *l, bool narrow) {
    static const char *const heads[COLUMNS] = {"task",  "model", "device", "seed", "state",
                                               "score", "date",  "size",   "kept"};
    static const size_t narrowed[] = {[TASK] = 16, [MODEL] = 16, [DEVICE] = 18};
    size_t widths[COLUMNS];
    run_cells c;
    for (size_t k = 0; k < COLUMNS; k++) widths[k] = strlen(heads[k]);
    for (size_t i = 0; i < l->count; i++) {
        take_cells(&c, &l->runs[i]);
        for (size_t k = 0; k < COLUMNS; k++) {
            size_t width = shown_width(c.text[k]);
            if (width > widths[k]) widths[k] = width;
        }
    }
    for (size_t k = 0; narrow && k <= DEVICE; k++)
        if (widths[k] > narrowed[k]) widths[k] = narrowed[k];
    err e = add_row(out, heads, widths);
    if (!e) e = strbuf_add(out, "where\n");
    for (size_t i = 0; i < l->count && !e; i++) {
        const listed_run *r = &l->runs[i];
        take_cells(&c, r);
        if (!(e = add_row(out, c.text, widths)))
            e = shown_printf(out, SHOWN_TERMINAL, "%s%s%s\n", r->folder, r->worker ? "  by " : "",
                             r->worker ? r->worker : "");
    }
    return e;
}

/* The table, with names cut where it is too wide with whole ones. */
static err make_table(strbuf *out, bool *fits, const run_list *l) {
    err e = ERR_OK;
    *fits = false;
    for (int narrow = 0; narrow < 2 && !e && !*fits; narrow++) {
        strbuf_free(out);
        e = add_table(out, l, narrow);
        *fits = !e && widest(out->text) <= shown_columns();
    }
    return e;
}

static err print_list(const run_list *l) {
    strbuf table = {0};
    char size[SHOWN_SIZE_BYTES];
    uint64_t bytes = 0;
    size_t parts = 0, searches = 0;
    bool fits = false;
    err e = make_table(&table, &fits, l);
    if (!e) {
        if (fits) fputs(table.text, stdout);
        for (size_t i = 0; i < l->count; i++) {
            if (!fits) print_block(&l->runs[i]);
            bytes += l->runs[i].bytes;
            parts += l->runs[i].part != NULL;
            searches += l->runs[i].trials > 0;
        }
        size_t runs = l->count - searches;
        shown_size(size, bytes);
        if (searches)
            shown_line("%zu run%s and %zu search%s for a recipe, %s", runs, shown_plural(runs),
                       searches, searches == 1 ? "" : "es", size);
        else
            shown_line("%zu run%s, %s", runs, shown_plural(runs), size);
    }
    if (!e && parts)
        shown_line(
            "%zu of a sample, of a part of the rows (--limit) or of few steps (--max-steps): "
            "no scores for the board",
            parts);
    strbuf_free(&table);
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
                     "on_board %d worker %s partial %d trials %zu",
                     r->date, r->step, (double)r->bytes, r->checkpoints,
                     (double)r->checkpoint_bytes, r->has_model, r->on_board, r->worker,
                     r->part != NULL, r->trials);
    return e;
}

static err print_json(const run_list *l) {
    cJSON *array = cJSON_CreateArray();
    err e = ERR_OK;
    for (size_t i = 0; i < l->count && !e; i++) e = add_object(array, &l->runs[i]);
    return output_json_last(e, array, true);
}

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
    if (r->trials) return WASTE_NONE; // what is known of its recipes
    if (r->state == RUN_STATE_FINISHED && r->checkpoints) return WASTE_CHECKPOINTS;
    return r->state == RUN_STATE_UNFINISHED && r->changed < before ? WASTE_ALL : WASTE_NONE;
}

static void tell_waste(const listed_run *r, const run_waste *w, bool whole) {
    char size[SHOWN_SIZE_BYTES];
    shown_size(size, w->bytes);
    if (w->count && whole)
        shown_line("%s  %s: unfinished%s, last changed %s%s", r->folder, size,
                   r->step ? "" : " and without a checkpoint", r->date,
                   w->keeps_result ? "; the record and model of a finished run stay there" : "");
    else if (w->count)
        shown_line("%s  %s: %zu checkpoint%s of a finished run", r->folder, size, w->checkpoints,
                   shown_plural(w->checkpoints));
    if (w->kept && whole)
        shown_line("%s  stays, and can be resumed: this program did not make %s", r->folder,
                   w->stranger);
    else if (w->kept)
        shown_line("%s  %zu checkpoint%s stay%s: this program did not make %s", r->folder, w->kept,
                   shown_plural(w->kept), w->kept == 1 ? "s" : "", w->stranger);
}

/* What goes of all: whole runs, and checkpoints of runs that stay. */
typedef struct cleaned {
    size_t runs, checkpoints, checkpoint_runs;
    uint64_t bytes;
} cleaned;

static err clean_one(cleaned *all, const listed_run *r, waste what, bool deletes) {
    bool whole = what == WASTE_ALL;
    run_waste w;
    err e = listed_run_clean(&w, r, whole, deletes);
    if (!e) tell_waste(r, &w, whole);
    if (!e && w.count) {
        all->bytes += w.bytes;
        all->runs += whole;
        all->checkpoints += whole ? 0 : w.checkpoints;
        all->checkpoint_runs += !whole;
    }
    run_waste_free(&w);
    return e;
}

static void tell_cleaned(const cleaned *all, bool deleted) {
    char runs[64] = "", checkpoints[96] = "";
    if (all->runs || !all->checkpoint_runs)
        snprintf(runs, sizeof runs, "%zu run%s", all->runs, shown_plural(all->runs));
    if (all->checkpoint_runs)
        snprintf(checkpoints, sizeof checkpoints, "%zu checkpoint%s of %zu run%s", all->checkpoints,
                 shown_plural(all->checkpoints), all->checkpoint_runs,
                 shown_plural(all->checkpoint_runs));
    shown_line("%s%s%s, %s %s", runs, *runs && *checkpoints ? " and " : "", checkpoints,
               SHOWN_SIZE(all->bytes), deleted ? "deleted" : "would be deleted (--yes does it)");
}

static err clean(const run_list *l, const options *o) {
    time_t before = 0;
    cleaned all = {0};
    size_t stay = 0;
    err e = read_date(&before, o->before);
    for (size_t i = 0; i < l->count && !e; i++) {
        waste what = waste_of(&l->runs[i], before);
        if (!what) continue;
        e = clean_one(&all, &l->runs[i], what, o->yes);
        if (e && e != ERR_MEMORY) { // the others can go all the same
            log_warn("%s", err_message(e));
            e = err_unless_memory(e);
            stay++;
        }
    }
    if (e) return e;
    if (!all.runs && !all.checkpoint_runs && !stay)
        shown_line("nothing to delete: no checkpoints of finished runs%s%s",
                   o->before ? ", and no unfinished runs older than " : "",
                   o->before ? o->before : "");
    else
        tell_cleaned(&all, o->yes);
    return stay ? err_set(ERR_DATA, "%zu run%s could not be cleaned (named above)", stay,
                          shown_plural(stay))
                : ERR_OK;
}

err verb_runs(const options *o) {
    static const char *const usual[] = {RUN_TOP};
    run_list l = {0};
    bool cleans = o->arg_count && !strcmp(o->args[0], "clean");
    const char *const *roots = (const char *const *)o->args + cleans;
    size_t count = o->arg_count - cleans;
    if (!cleans && (o->before || o->yes))
        return err_set(ERR_USAGE, "--%s goes with `harness runs clean`", o->yes ? "yes" : "before");
    if (cleans && o->json)
        return err_set(ERR_USAGE, "--json goes with `harness runs`, not with clean");
    for (size_t i = 0; i < count; i++) {
        const char *fault = folder_fault(roots[i]);
        if (fault)
            return err_set(ERR_USAGE, "%s: %s (harness runs [clean] [FOLDER...])", roots[i], fault);
    }
    bool alone = !count || o->results;
    if (!count) roots = usual;
    if (!count) count = folder_exists(RUN_TOP);
    err e = run_list_read(&l, roots, count, o->results ? o->results : "results", alone);
    if (!e) e = cleans ? clean(&l, o) : o->json ? print_json(&l) : print_list(&l);
    run_list_free(&l);
    return e;
}
