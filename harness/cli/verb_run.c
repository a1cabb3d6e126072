/* `harness run`: fine-tunes and evaluates, one record for each task, model and seed. */
#include "base/log.h"
#include "base/memory.h"
#include "base/moment.h"
#include "base/name.h"
#include "base/shown.h"
#include "cli/dry_run.h"
#include "cli/group_flag.h"
#include "cli/kept_checkpoints.h"
#include "cli/options.h"
#include "cli/own_flags.h"
#include "cli/rank_flags.h"
#include "cli/run_device.h"
#include "cli/run_json.h"
#include "cli/run_next.h"
#include "cli/run_plan.h"
#include "cli/run_record.h"
#include "cli/run_repeat.h"
#include "cli/run_work.h"
#include "cli/score_table.h"
#include "cli/task_flag.h"
#include "cli/terminal_text.h"
#include "cli/unknown_share.h"
#include "cli/warmup.h"
#include "data/dataset.h"
#include "data/stats.h"
#include "metric/statistics.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "report/grid.h"
#include "result/store.h"
#include "result/sweep.h"
#include "train/group/launch.h"
#include "train/group/rank_device.h"
#include "train/run/run_parts.h"
#include "train/run/shipped.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Warns of each label with two or more rows in the file and none to train on, since the hash split
 * left none: their texts are one, or stand there under another label first. Of own files a label of
 * one row was told before. */
static void unlearnt_warn(const dataset *d, const task *t) {
    const size_t *all = d->file_rows.label_counts, *left = d->train.label_counts;
    for (size_t k = 0; d->file_rows.row_count && answer_is_label(t->kind) && k < t->label_count;
         k++)
        if (all[k] > 1 && !left[k])
            log_warn("label '%s': none of its %s rows is trained on, since their texts are one, or "
                     "stand under another label too: it is not learnt",
                     t->labels[k].readable, SHOWN_COUNT(all[k]));
}

enum {
    SAMPLE_EPOCHS =
        20 /* of a preset: 16 sentences a label take that long to be learnt from scratch */
};

/* Recipes have Trainer's names: a message that begins with one whose flag was given begins with the
 * flag as it was typed. */
static err name_flags(err e, const options *o) {
    const hyperparameter *h;
    flag_value v;
    for (size_t i = 0; e && e != ERR_MEMORY && (h = recipe_row(i)); i++) {
        const char *said = err_message(e);
        size_t n = strlen(h->key);
        char *rest = NULL;
        if (strncmp(said, h->key, n) != 0 || said[n] != ' ' || !options_given(&v, o, h->key))
            continue;
        if (mem_strdup(&rest, said + n)) return ERR_MEMORY;
        e = err_set(e, "--%s%s", v.typed, rest);
        mem_free(rest);
        break;
    }
    return e;
}

static err apply_flags(recipe *r, const options *o) {
    const hyperparameter *h;
    flag_value v;
    err e = warmup_choose(r, o);
    for (size_t i = 0; !e && (h = recipe_row(i)); i++) {
        if (!options_given(&v, o, h->key)) continue;
        e = v.text ? recipe_set_text(r, h->key, v.text) : recipe_set_number(r, h->key, v.number);
    }
    return e ? name_flags(e, o) : warmup_check(r, o);
}

/* Into q->recipe; q->protocol and q->task are chosen already. */
static err choose_recipe(run_request *q, const options *o, const char *model) {
    recipe *r = &q->recipe;
    const char *name = o->recipe ? o->recipe : model_recipe_name(model);
    err e = group_recipe(r, name, q);
    if (o->sample && !o->recipe && strcmp(name, "trainer") != 0)
        r->num_train_epochs = SAMPLE_EPOCHS;
    if (!e) e = apply_flags(r, o);
    // what no evaluation reads makes no other run of it
    if (q->protocol == PROTOCOL_LAST) r->eval_steps = 0;
    return e;
}

static err choose_protocol(run_protocol *p, const options *o) {
    *p = o->load_best_model_at_end ? PROTOCOL_DEV : PROTOCOL_LAST;
    if (!o->protocol) return ERR_OK;
    int place = name_place(PROTOCOL_WORDS, o->protocol);
    if (place < 0)
        return err_set(ERR_USAGE, "unknown protocol '%s' (known: %s)", o->protocol, PROTOCOL_WORDS);
    if (place == PROTOCOL_LAST && o->load_best_model_at_end)
        return err_set(ERR_USAGE, "--load-best-model-at-end needs --protocol dev: protocol last "
                                  "scores the final weights");
    *p = (run_protocol)place;
    return ERR_OK;
}

static void note(const char *label, const char *text) {
    log_note("%s%s", label, text);
}

/* What is about to be trained, unless standard output tells it, and what is to be minded. */
static void show_plan(const run *r, bool is_told) {
    if (!is_told) {
        run_plan(r, note);
        log_note("output  %s", r->output);
    }
    warmup_warn(&r->trainer);
    if (!r->request.limit) unlearnt_warn(&r->data, &r->task);
    unknown_share_warn(&r->base_model.tokenizer,
                       r->train.unknown + r->dev.unknown + r->test.unknown,
                       r->train.pieces + r->dev.pieces + r->test.pieces);
}

static void show_scores(const record *rec, const run_summary *s) {
    score_table t = {.label_1 = rec->task.label_count > 1 ? rec->task.labels[1] : NULL,
                     .range = s->range,
                     .kind = rec->task.kind,
                     .task = rec->task.name,
                     .majority = s->majority,
                     .caution = s->caution};
    score_table_add(&t, rec->headline, rec->confusion.classes, rec->metrics, rec->metrics_dedup);
    score_table_print(&t);
}

/* Of a run that has just ended, or of one that was found finished. */
static void show_table(const record *rec, const run_summary *s) {
    puts("");
    shown_line("%s  %s  %s  seed %" PRId64 "%s", rec->task.name, rec->model.name,
               RECORD_DEVICE(rec), rec->seed,
               rec->task.sample ? "  (sample: says nothing about the model)"
               : rec->partial   ? "  (of a part of the rows or steps: not for the board)"
                                : "");
    show_scores(rec, s);
    shown_line("  trained in %.1f s (%s sentences/s), evaluated in %.1f s", rec->timing.train_s,
               SHOWN_COUNT(rec->timing.sentences_per_s + 0.5), rec->timing.eval_s);
    if (rec->loss_scale > 0)
        shown_line("  loss scale %g at the end, %" PRId64 " of %" PRId64 " steps skipped",
                   rec->loss_scale, rec->skipped_steps, rec->timing.steps);
}

static const char *results_folder(const options *o) {
    return o->results ? o->results : "results";
}

/* What became of a run of the list. */
typedef enum run_state { IS_OF_OTHERS, IS_DUE, IS_SCORED, IS_FAILED } run_state;

/* The runs of the list that this worker has to see to. */
typedef struct progress {
    sweep *sweep;
    work *work;
    const options *options;
    run_request *request;
    double *scores;         /* (runs) owned, as the next three */
    const char **headlines; /* (runs) titles of what they are */
    char **busy;            /* (runs) where another worker has it, owned; else NULL */
    run_state *states;      /* (runs) */
    bool *is_told;          /* (models) owned: what its folder lacks was told */
    size_t trained;         /* runs, by this worker */
    size_t failed;          /* runs, by a fault of their own */
    strbuf fault;           /* of the first of them: its name and message */
    err kind;               /* and its error */
    char begun[MOMENT_BYTES];
    dry_total dry;
    run_next next;
} progress;

/* What people and programs read of it. */
static err show_result(progress *p, const record *rec, const run *r, const char *local,
                       const char *stored, double *score) {
    run_summary summary = {0};
    err e = run_summarise(&summary, rec);
    if (e) return e;
    *score = summary.score;
    if (p->options->json) return run_json(rec, r, &summary, stored ? stored : local);
    show_table(rec, &summary);
    shown_out("\nFiles\n  %s/model\n  %s\n", r->output, local);
    if (stored) shown_out("  %s\n", stored);
    return run_next_add(&p->next, r, p->options, summary.score, stored);
}

/* The same run was finished before, or by another worker: it
 * is not done again, but its record goes to the results folder if it is not there. */
static err show_finished(progress *p, const run *r, double *score) {
    const options *o = p->options;
    record rec = {0};
    char *stored = NULL, local[PATH_MAX];
    bool is_new = false;
    err e = path_in(local, r->output, "record.json");
    if (e || (e = record_read(&rec, local))) goto done;
    bool other = r->request.is_swept && (p->sweep->is_again || strcmp(rec.created, p->begun) > 0);
    run_finished_note(r, rec.created, other, rec.ranks, rec.device.name, rec.rank_devices);
    if (run_is_result(&rec, r) && !r->request.is_dry &&
        (e = store_write_missing(results_folder(o), &rec, &stored, &is_new)))
        goto done;
    if (is_new) log_note("its record was not among the results: wrote %s", stored);
    if (r->request.is_dry && !o->json) {
        *score = record_metric(&rec, rec.headline);
        shown_line("finished already, in %s, with %s %.4f: nothing would be trained", r->output,
                   metric_said(rec.headline), *score);
    } else {
        e = show_result(p, &rec, r, local, stored, score);
    }
done:
    mem_free(stored);
    record_free(&rec);
    return e;
}

static err conclude(progress *p, run *r, double *score) {
    const options *o = p->options;
    record rec = {0};
    strbuf command = {0};
    char *local = NULL, *stored = NULL;
    bool stays = false;
    err e = run_repeat_text(&command, o, r);
    if (e || (e = run_record(&rec, r, command.text))) goto done;
    if ((e = run_keep_model(r))) goto done;
    // until the record is on the disk too the run is unfinished and can be resumed
    if ((e = run_store(&local, &stored, &stays, &rec, r, results_folder(o)))) goto done;
    if (stays) {
        e = show_finished(p, r, score);
        goto done;
    }
    if ((e = run_finish(r))) goto done;
    kept_checkpoints_say(r);
    e = show_result(p, &rec, r, local, stored, score);
done:
    mem_free(local);
    mem_free(stored);
    strbuf_free(&command);
    record_free(&rec);
    return e;
}

static err train_one(progress *p, run *r, double *score) {
    const options *o = p->options;
    // a partial run writes nothing there; for others it is better known now than at the end
    bool is_partial = run_is_partial(&r->request) || r->request.manifest;
    char *const names[] = {(char *)r->task.name};
    err e =
        is_partial || !run_writes(r) ? ERR_OK : store_check_writable(results_folder(o), names, 1);
    if (e) return e;
    if (run_writes(r)) show_plan(r, r->request.is_dry && !o->json);
    if (r->request.is_dry) return dry_run(&p->dry, r, o->json);
    e = run_train(r);
    if (e == ERR_INTERRUPTED && r->saved_at)
        log_note("saved; go on with the same command and --resume");
    if (!e) e = run_evaluate(r);
    return e || !run_writes(r) ? e : conclude(p, r, score);
}

static bool has_record(void *context, const char *run_sha256) {
    return sweep_find(context, run_sha256);
}

/* One run of a sweep, unless there is a record of it. */
static err run_one(progress *p, size_t i) {
    sweep *s = p->sweep;
    const options *o = p->options;
    run_request request = *p->request;
    double *score = &p->scores[i];
    bool *told = &p->is_told[i / p->work->seed_count % p->work->model_count];
    run r = {0};
    request.is_done = has_record;
    request.is_done_context = s;
    // a classifier of another size depends on the task too
    request.weights_told = *told && !request.ignore_mismatched_sizes;
    sweep_begin(s, &request);
    err e = name_flags(run_open(&r, &request), o);
    *told = *told || r.weights_told;
    bool writes = run_writes(&r);
    if (!e) p->headlines[i] = metric_said(r.task.headline);
    if (!e && r.is_busy) {
        sweep_leave(s);
        e = mem_strdup(&p->busy[i], writes ? r.output : "");
    } else if (!e && r.is_done && writes) {
        const record *found = sweep_find(s, r.run_sha256);
        *score = record_metric(found, found->headline);
        sweep_skip(s, &request, found,
                   run_others_text((char[RUN_OTHERS_BYTES]){""}, &r, found->ranks,
                                   found->device.name, found->rank_devices));
        e = run_next_add(&p->next, &r, o, *score, true);
    } else if (!e && !r.is_done) {
        if (!r.is_finished && writes) sweep_take(s, &request);
        if (!r.is_finished)
            e = train_one(p, &r, score);
        else if (writes)
            e = show_finished(p, &r, score);
        if (!e) p->trained += !r.is_finished;
        if (!e && !o->dry_run) sweep_end(s, &request);
    }
    run_close(&r);
    return e;
}

static err read_command(work *w, run_request *q, const options *o, struct group *g) {
    err e = work_request(q, o);
    if (e) return e;
    q->output = o->output_dir;
    q->resume = o->resume;
    q->tensorboard = o->tensorboard;
    q->is_dry = o->dry_run;
    q->shards = o->shards;
    q->group = g;
    if ((e = rank_device(&w->device, &q->threads, g, o->device))) return e;
    q->device = w->device;
    // --arch is of presets
    const char *model = o->model ? o->model : o->arch ? "tiny" : SHIPPED_DEFAULT;
    // what needs no data first: a group's tasks are fetched
    recipe flags;
    if ((e = shard_parse(&w->shard, o->shard)) ||
        (e = words_split(&w->models, &w->model_count, model, "model")) ||
        (e = sweep_once(w->models, w->model_count, "model")))
        return e;
    for (size_t i = 0; i < w->model_count; i++)
        if ((e = base_model_check_name(w->models[i]))) return e;
    recipe_defaults(&flags);
    if ((e = choose_protocol(&q->protocol, o)) || (e = apply_flags(&flags, o)) ||
        (e = work_read(w, o, q)))
        return e;
    q->task = w->tasks[0];
    if ((e = sweep_once(w->tasks, w->task_count, "task")) ||
        (e = choose_recipe(q, o, w->models[0])))
        return e;
    size_t runs = work_runs(w);
    if (o->output_dir && runs > 1)
        return err_set(ERR_USAGE, "--output-dir holds one run, %zu were asked for", runs);
    // what a stopped sweep left half done is gone on with
    if (runs > 1 && !o->overwrite) q->resume = q->resume_if_any = true;
    q->is_swept = runs > 1 && !o->dry_run;
    if (o->has_eval_steps && q->protocol == PROTOCOL_LAST)
        log_warn("--eval-steps has no effect under protocol last (--protocol dev)");
    return w->task_count > 1 || q->manifest ? ERR_OK : task_flag_check(o, w->tasks[0]);
}

/* What the whole takes, for its expected end. */
static err expect_all(sweep *s, const work *w, const options *o, run_request *q) {
    err e = ERR_OK;
    for (size_t i = 0; i < work_runs(w) && !e; i++) {
        work_choose(q, w, i);
        if (i % w->seed_count == 0) e = choose_recipe(q, o, q->model);
        if (!e && work_has(w, i)) e = sweep_expect(s, q);
        if (s->total > 1 && err_is_of_one(e)) e = err_forgive(e, e); // it is told in its turn
    }
    return e;
}

/* Of the runs from `first` on that differ in their seeds, those that this worker has scores of; *title
 * is what these are. */
static size_t scores_of(double own[RUNS_MAX], const char **title, const progress *p, size_t first) {
    size_t count = 0;
    for (size_t i = first; i < first + p->work->seed_count; i++) {
        if (p->states[i] != IS_SCORED) continue;
        own[count++] = p->scores[i];
        *title = p->headlines[i];
    }
    return count;
}

/* A line for each task and model. */
static err show_sweep(const progress *p) {
    static const char *const heads[] = {"task", "model", "score",
                                        "runs", "mean",  "standard deviation"};
    const work *w = p->work;
    run_request *q = p->request;
    strbuf out = {0};
    const char *title = NULL;
    double own[RUNS_MAX];
    grid g = grid_begin("lllrrr");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < work_runs(w); i += w->seed_count) {
        size_t count = scores_of(own, &title, p, i);
        if (!count) continue;
        work_choose(q, w, i);
        grid_text(&g, q->task);
        grid_text(&g, q->model);
        grid_text(&g, title);
        grid_cell(&g, "%zu", count);
        grid_cell(&g, "%.4f", mean_of(own, count));
        if (count > 1)
            grid_cell(&g, "%.4f", std_of(own, count));
        else
            grid_text(&g, "-");
    }
    bool has_rows = g.count > sizeof heads / sizeof *heads;
    err e = strbuf_add(&out, "\n"), ended = grid_end(&out, &g);
    if (!e) e = ended;
    if (!e) e = strbuf_add(&out, "\n");
    if (!e && has_rows) e = terminal_text(out.text);
    strbuf_free(&out);
    return e;
}

/* Of several runs one that fails by its own fault leaves the others as they are. */
static err note_failure(progress *p, size_t i, err e) {
    strbuf said = {0};
    if (p->sweep->total < 2 || !err_is_of_one(e)) return e;
    err noted = sweep_fail(&said, p->sweep, p->request, e);
    p->states[i] = IS_FAILED;
    if (!p->failed++) {
        p->kind = e;
        p->fault = said;
        said = (strbuf){0};
    }
    strbuf_free(&said);
    if (!noted) err_clear();
    return noted;
}

static err do_run(progress *p, size_t i) {
    work_choose(p->request, p->work, i);
    err e = choose_recipe(p->request, p->options, p->request->model);
    p->sweep->is_again = p->busy[i];
    mem_free(p->busy[i]);
    p->busy[i] = NULL;
    p->sweep->number = i + 1;
    if (!e) e = run_one(p, i);
    // what fails on one rank is heard by all
    if ((e = group_agree(p->request->group, e))) return note_failure(p, i, e);
    if (!p->busy[i]) p->states[i] = IS_SCORED;
    return ERR_OK;
}

/* Of runs that failed, behind all others. */
static err end_of(const progress *p) {
    size_t ours = 0;
    if (!p->failed) return ERR_OK;
    for (size_t i = 0; i < work_runs(p->work); i++) ours += p->states[i] != IS_OF_OTHERS;
    return err_set(p->kind, "%zu of %zu runs; %zu failed%s: %s", ours - p->failed, ours, p->failed,
                   p->failed > 1 ? ", the first" : "", p->fault.text);
}

/* Whether the run is still another worker's: the ranks of a group go by what rank 0 sees. */
static err is_elsewhere(bool *held, const progress *p, size_t i) {
    struct group *g = p->request->group;
    *held = false;
    if (!p->busy[i]) return ERR_OK;
    err e = group_writes(g) ? run_at_work(held, NULL, p->busy[i]) : ERR_OK;
    return e ? e : group_broadcast(g, held, sizeof *held);
}

/* Which, and who has them: one that stands still holds up the others. */
static void note_waiting(const progress *p, size_t due) {
    enum { NAMED_MOST = 3 };
    strbuf words = {0};
    err e = ERR_OK;
    size_t named = 0;
    for (size_t i = 0; i < work_runs(p->work) && named < NAMED_MOST && !e; i++) {
        bool held = false;
        char *who = NULL;
        if (p->states[i] != IS_DUE || !p->busy[i] || !*p->busy[i]) continue;
        if (!(e = run_at_work(&held, &who, p->busy[i])) && who)
            e = strbuf_printf(&words, "%s%s (%s)", named++ ? ", " : ": ", p->busy[i], who);
        mem_free(who);
    }
    if (!e && named && named < due) e = strbuf_printf(&words, " and %zu more", due - named);
    if (e) err_clear(); // a note is no reason to fail
    log_note("sweep   waiting for %zu run%s that other workers have%s", due, shown_plural(due),
             words.length ? words.text : "");
    strbuf_free(&words);
}

/* What others are at work on is waited for: a worker that is lost leaves its run. */
static err run_all(progress *p, size_t runs) {
    const double pause_s = 0.3;
    size_t start = shard_start(runs), due = 0, ours = 0;
    bool is_told = false, held = false;
    for (size_t i = 0; i < runs; i++) {
        p->states[i] = work_has(p->work, i) ? IS_DUE : IS_OF_OTHERS;
        due += p->states[i] == IS_DUE;
    }
    ours = due;
    if (due < runs) log_note("sweep   %zu of %zu runs are of this shard", due, runs);
    while (due) {
        size_t before = due;
        for (size_t k = 0; k < runs; k++) {
            size_t i = (start + k) % runs;
            if (p->states[i] != IS_DUE) continue;
            err e = is_elsewhere(&held, p, i);
            if (!e && !held) e = do_run(p, i);
            if (e) return e;
            due -= p->states[i] != IS_DUE;
        }
        if (!due || due < before) continue;
        if (!is_told) note_waiting(p, due);
        is_told = true;
        clock_pause(pause_s);
    }
    if (p->work->shard.count && !p->request->is_dry)
        log_note("sweep   shard %u of %u is done: %zu of all %zu runs; trained now %zu, finished "
                 "before or by others %zu, failed %zu",
                 p->work->shard.number, p->work->shard.count, ours, runs, p->trained,
                 ours - p->trained - p->failed, p->failed);
    return ERR_OK;
}

static err sweep_all(sweep *s, work *w, const options *o, run_request *q) {
    size_t runs = work_runs(w);
    progress p = {.sweep = s, .work = w, .options = o, .request = q};
    moment_now(p.begun);
    err e = mem_new(&p.scores, runs);
    if (!e) e = mem_new(&p.headlines, runs);
    if (!e) e = mem_new(&p.busy, runs);
    if (!e) e = mem_new(&p.states, runs);
    if (!e) e = mem_new(&p.is_told, w->model_count);
    if (!e) e = run_all(&p, runs);
    if (!e) dry_run_end(&p.dry);
    bool is_shown = !o->json && group_writes(q->group);
    if (!e && is_shown && q->is_swept) e = show_sweep(&p);
    if (!e && is_shown) e = run_next_show(&p.next, o);
    if (!e) e = end_of(&p);
    for (size_t i = 0; p.busy && i < runs; i++) mem_free(p.busy[i]);
    mem_free(p.scores);
    mem_free(p.headlines);
    mem_free(p.busy);
    mem_free(p.states);
    strbuf_free(&p.fault);
    mem_free(p.is_told);
    dry_run_free(&p.dry);
    run_next_free(&p.next);
    return e;
}

static err run_command(const void *context, struct group *g) {
    // which runs; each compares by itself what it is
    static const char *const listing[] = {"task",  "model",   "seeds", "runs",
                                          "shard", "dry_run", NULL};
    const options *o = context;
    work w = {0};
    sweep s = {0};
    run_request request;
    err e = read_command(&w, &request, o, g);
    if (e) goto done;
    // what is finished needs no writing, so of a folder that is there each run finds out by itself
    bool is_partial = run_is_partial(&request) || request.manifest;
    if (!is_partial && group_writes(g) && !folder_exists(results_folder(o)) &&
        (e = store_check_writable(results_folder(o), w.tasks, w.task_count)))
        goto done;
    size_t runs = work_runs(&w);
    if ((e = rank_flags_compare(o, VERB_run, g, listing)) ||
        (e = sweep_open(&s, runs, request.device, results_folder(o), runs > 1 && !o->overwrite)))
        goto done;
    if ((e = expect_all(&s, &w, o, &request))) goto done;
    if (!o->model)
        log_note("model '%s' by default, a small one; a larger one, such as --model "
                 "klue/bert-base, scores much higher",
                 w.models[0]);
    e = sweep_all(&s, &w, o, &request);
done:
    sweep_close(&s);
    work_free(&w);
    return e;
}

err verb_run(const options *o) {
    return launch_run("run", run_command, o, o->device, o->ranks);
}
