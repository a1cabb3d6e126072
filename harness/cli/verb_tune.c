/* `harness tune`: searches for a recipe, each trial a run under protocol dev that reads no test
 * row. */
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/name.h"
#include "base/shown.h"
#include "cli/command_lines.h"
#include "cli/group_flag.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/own_flags.h"
#include "cli/run_list.h"
#include "cli/run_work.h"
#include "cli/task_flag.h"
#include "cli/tune_places.h"
#include "cli/tune_view.h"
#include "metric/expected_best.h"
#include "platform/file.h"
#include "result/sweep.h"
#include "train/checkpoint/marker.h"
#include "train/run/kept_task.h"
#include "train/run/run_parts.h"
#include "train/run/shipped.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRIALS_DEFAULT = 20, MODEL_NAME_BYTES = 60, FIELD_BYTES = 64 };

typedef struct search {
    run_request request;
    recipe base;
    tune_space space;
    tune_result result;
    char *folder, *work; /* owned; where trials lie, and where they run */
    work own;            /* files of the user's own */
    double *mean, *deviation;
    sweep sweep;
    tune_trial found; /* by is_done */
    bool place_told;
} search;

static void search_free(search *s) {
    sweep_close(&s->sweep);
    work_free(&s->own);
    tune_space_free(&s->space);
    mem_free(s->result.rows);
    mem_free(s->mean);
    mem_free(s->deviation);
    mem_free(s->folder);
    mem_free(s->work);
}

static err read_request(search *s, const options *o) {
    run_request *q = &s->request;
    bool is_own = false;
    err e = work_request(q, o);
    if (e) return e;
    q->task = o->task;
    q->model = o->model ? o->model : o->arch ? "tiny" : SHIPPED_DEFAULT;
    q->device = o->device;
    q->protocol = PROTOCOL_DEV;
    q->seed = o->has_seed ? o->seed : 42;
    q->is_trial = q->resume = q->resume_if_any = true;
    if (!o->task && !own_flags_given(o))
        return err_set(ERR_USAGE, "tune needs --task T (see `harness tasks`), or files of your own "
                                  "(--train-file)");
    if ((o->task && strchr(o->task, ',')) || strchr(q->model, ','))
        return err_set(ERR_USAGE, "tune searches for one task and one model, found '%s'",
                       o->task && strchr(o->task, ',') ? o->task : q->model);
    if ((e = base_model_check_name(q->model))) return e;
    if (!(e = work_own_files(&s->own, &is_own, o, q)) && is_own) q->task = s->own.tasks[0];
    return e || is_own ? e : task_flag_check(o, q->task);
}

/* The hyperparameters that flags name. */
static err read_space(search *s, const options *o) {
    const hyperparameter *h;
    flag_value v;
    err e = ERR_OK;
    tune_space_init(&s->space);
    for (uint32_t i = 0; !e && (h = recipe_row(i)); i++) {
        char field[FIELD_BYTES];
        snprintf(field, sizeof field, "tune_%s", h->key);
        if (options_given(&v, o, field)) e = tune_space_add(&s->space, i, v.typed, v.text);
    }
    if (e) return e;
    if (o->has_tune_warmup_steps && o->has_tune_warmup_ratio)
        return err_set(ERR_USAGE, "--warmup-steps and --warmup-ratio exclude each other");
    for (size_t i = 0; i < s->space.count; i++)
        if (tune_axis_varies(&s->space.axes[i])) return ERR_OK;
    return err_set(ERR_USAGE, "tune has nothing to search: name values of a hyperparameter, such "
                              "as --lr 1e-5..1e-4 or --epochs 2,3,4");
}

static err choose_search(search *s, const options *o) {
    bool is_grid = s->space.points && !o->has_trials;
    if (o->search) {
        int place = name_place(SEARCH_WORDS, o->search);
        is_grid = place == 1;
        if (place < 0)
            return err_set(ERR_USAGE, "unknown search '%s' (known: %s)", o->search, SEARCH_WORDS);
    }
    if (is_grid && !s->space.points)
        return err_set(ERR_USAGE, "a grid has values alone, no range (--search random)");
    if (is_grid && o->has_trials)
        return err_set(ERR_USAGE, "--trials goes with a random search: the grid has %zu points",
                       s->space.points);
    size_t count = is_grid ? s->space.points : o->has_trials ? o->trials : TRIALS_DEFAULT;
    if (count > TUNE_TRIALS_MOST && is_grid)
        return err_set(ERR_USAGE, "the grid has more than %d points (--search random)",
                       TUNE_TRIALS_MOST);
    if (count < 1 || count > TUNE_TRIALS_MOST)
        return err_set(ERR_USAGE, "--trials expects 1 to %d, found %zu", TUNE_TRIALS_MOST, count);
    if (o->has_halving && (o->halving < 2 || o->halving > 100))
        return err_set(ERR_USAGE, "--halving expects 2 to 100, found %u", o->halving);
    s->result.count = count;
    s->result.halving = o->halving;
    s->result.search = is_grid ? "grid" : "random";
    return ERR_OK;
}

/* The recipe of every trial. */
static err fill_rows(search *s) {
    tune_result *t = &s->result;
    bool is_grid = strcmp(t->search, "grid") == 0;
    err e = mem_new(&t->rows, t->count);
    for (size_t i = 0; !e && i < t->count; i++) {
        recipe *r = &t->rows[i].recipe;
        *r = s->base;
        e = is_grid ? tune_space_point(r, &s->space, i)
                    : tune_space_draw(r, &s->space, s->request.seed, (uint32_t)i);
    }
    return e;
}

/* runs/<task>/tune-<model>-<8 hex of what is searched, and how>; more trials go on in the same. */
static err name_folder(search *s, const options *o) {
    const run_request *q = &s->request;
    char base[HASH_HEX_BYTES], hex[HASH_HEX_BYTES];
    strbuf text = {0}, path = {0};
    err e = recipe_digest(&s->base, base);
    if (!e)
        e = strbuf_printf(&text, "%s\n%s\n%s\n%s\n%s\n%s\n%u\n%d\n%zu\n%d\n%s\n%s", q->task,
                          q->model, q->arch ? q->arch->model_type : "", q->device ? q->device : "",
                          q->precision ? q->precision : "", s->result.search, q->seed, q->sample,
                          q->limit, q->from_scratch, q->label_map ? q->label_map : "", base);
    if (!e && q->manifest) e = strbuf_printf(&text, "\n%s", q->manifest);
    for (size_t i = 0; !e && i < s->space.count; i++)
        if (!(e = strbuf_add(&text, "\n"))) e = tune_axis_text(&text, &s->space.axes[i]);
    if (!e) hash_bytes_hex(text.text, text.length, hex);
    if (!e && o->output_dir) e = strbuf_add(&path, o->output_dir);
    if (!e && !o->output_dir) {
        e = strbuf_printf(&path, "%s/%s/tune-", RUN_TOP, q->task);
        if (!e) e = name_plain(&path, path_name(q->model), MODEL_NAME_BYTES);
        if (!e) e = strbuf_printf(&path, "-%.8s", hex);
    }
    if (!e) e = mem_strdup(&s->folder, path.text);
    if (!e) e = path_join(&s->work, s->folder, SEARCH_WORK);
    strbuf_free(&text);
    strbuf_free(&path);
    return e;
}

static err read_command(search *s, const options *o) {
    run_request *q = &s->request;
    task t = {0};
    err e = read_request(s, o);
    if (!e) e = run_find_task(&t, q);
    if (!e) e = group_recipe(&s->base, o->recipe ? o->recipe : model_recipe_name(q->model), q);
    if (!e) e = read_space(s, o);
    if (!e) e = choose_search(s, o);
    if (!e) e = fill_rows(s);
    for (size_t i = 0; !e && i < s->result.count; i++)
        e = err_wrap(run_check_recipe(&s->result.rows[i].recipe, &t), "trial %zu", i + 1);
    task_free(&t);
    if (!e) e = name_folder(s, o);
    if (!e) e = tune_places_check(o->output_dir ? s->folder : RUN_TOP, s->folder, o);
    if (e) return e;
    q->root = s->work;
    s->result.task = q->task;
    s->result.model = q->model;
    s->result.space = &s->space;
    s->result.folder = s->folder;
    s->result.seed = q->seed;
    return ERR_OK;
}

static void show_space(const search *s) {
    strbuf text = {0};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < s->space.count; i++) {
        e = strbuf_add(&text, i ? "; " : "");
        if (!e) e = tune_axis_text(&text, &s->space.axes[i]);
    }
    if (!e)
        log_note("search  %s, %zu trial%s: %s", s->result.search, s->result.count,
                 shown_plural(s->result.count), text.text);
    else
        err_clear(); // a note is no reason to fail
    strbuf_free(&text);
}

static void show_trial(const search *s, const tune_row *row) {
    const tune_trial *t = &row->trial;
    size_t number = (size_t)(row - s->result.rows) + 1;
    if (t->is_cut)
        log_note("trial %zu: training stopped at numbers that are not finite", number);
    else
        log_note("trial %zu: dev %s %.4f at step %lld of %lld", number,
                 metric_said(s->result.metric), t->score, (long long)t->best_step,
                 (long long)t->steps);
}

static bool has_trial(void *context, const char *run_sha256) {
    search *s = context;
    bool found = false;
    if (s->request.overwrite) return false;
    if (tune_trial_read(&s->found, &found, s->folder, run_sha256)) err_clear(); // it is run again
    return found;
}

/* Trains the trial that was opened, and keeps its result. */
static err train_trial(search *s, run *r, tune_trial *t) {
    err e = run_train(r);
    bool is_cut = e == ERR_NUMERIC;
    if (is_cut) log_warn("%s", err_message(e));
    e = err_forgive(e, ERR_NUMERIC);
    if (e == ERR_INTERRUPTED) log_note("the search goes on with the same command");
    if (e) return e;
    tune_trial_of(t, r, is_cut);
    if ((e = tune_trial_write(t, r, s->folder))) return e;
    return run_discard(r);
}

/* The share of its training that a recipe gets in a round. */
static void cut_recipe(recipe *r, double share) {
    if (share >= 1) return;
    if (r->max_steps)
        r->max_steps = (uint32_t)fmax(1, round(r->max_steps * share));
    else
        r->num_train_epochs *= share;
}

/* What the sweep says of a trial: "trial 2 of 4", and "learning_rate 0.000171, num_train_epochs 1". */
static err name_trial(strbuf *trial, strbuf *tries, const search *s, const tune_row *row) {
    char value[RECIPE_TEXT_BYTES];
    err e = strbuf_printf(trial, "trial %zu of %zu", (size_t)(row - s->result.rows) + 1,
                          s->result.count);
    for (size_t i = 0; !e && i < s->space.count; i++) {
        const char *key = s->space.axes[i].row->key;
        if (tune_axis_varies(&s->space.axes[i]) && recipe_shown(value, &row->recipe, key))
            e = strbuf_printf(tries, "%s%s %s", tries->length ? ", " : "", key, value);
    }
    return e;
}

static err run_trial(search *s, tune_row *row) {
    run_request q = s->request;
    run r = {0};
    strbuf trial = {0}, tries = {0};
    err e = name_trial(&trial, &tries, s, row);
    if (e) goto done;
    q.recipe = row->recipe;
    q.is_done = has_trial;
    q.is_done_context = s;
    cut_recipe(&q.recipe, row->share);
    s->sweep.trial = trial.text;
    s->sweep.tries = tries.text;
    s->sweep.number++;
    sweep_begin(&s->sweep, &q);
    e = run_open(&r, &q);
    if (!e && !s->place_told && (s->place_told = folder_exists(s->folder)))
        log_note("        kept in %s; a search that was stopped goes on with the same command",
                 s->folder);
    s->request.weights_told = s->request.weights_told || r.weights_told;
    if (!e) {
        snprintf(s->result.metric, sizeof s->result.metric, "%s", run_best_metric(&r));
        s->result.higher_is_better = r.best.higher_is_better;
    }
    if (!e && r.is_done) {
        row->trial = s->found;
        record found = {.created = s->found.created};
        sweep_skip(&s->sweep, &q, &found, "");
    } else if (!e && !(e = train_trial(s, &r, &row->trial))) {
        sweep_end(&s->sweep, &q);
    }
    run_close(&r);
    if (e && e != ERR_INTERRUPTED && e != ERR_MEMORY)
        e = err_wrap(e, "trial %zu", (size_t)(row - s->result.rows) + 1);
    else if (!e)
        show_trial(s, row);
done:
    s->sweep.trial = s->sweep.tries = NULL;
    strbuf_free(&trial);
    strbuf_free(&tries);
    return e;
}

/* Rounds of successive halving; 1 without. */
static uint32_t round_count(const tune_result *t) {
    uint32_t rounds = 1;
    if (!t->halving) return rounds;
    for (size_t left = t->count; left >= t->halving; left /= t->halving) rounds++;
    return rounds;
}

/* How many are left in a round. */
static size_t left_in(const tune_result *t, uint32_t round) {
    size_t left = t->count;
    while (round-- > 0) left /= t->halving;
    return left;
}

/* Of the rows in a round those that go on: the best (tune_is_better), of equals the earliest. */
static void promote(tune_result *t, uint32_t round) {
    for (size_t wanted = left_in(t, round + 1); wanted > 0; wanted--) {
        tune_row *best = NULL;
        for (size_t i = 0; i < t->count; i++) {
            tune_row *row = &t->rows[i];
            if (row->round == round && (!best || tune_is_better(t, &row->trial, &best->trial)))
                best = row;
        }
        if (!best) return; // fewer than wanted
        best->round++;
    }
}

/* Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
 * AISTATS 2016; a round trains anew, since a schedule is of all its steps. */
static err run_rounds(search *s) {
    tune_result *t = &s->result;
    uint32_t rounds = round_count(t);
    err e = ERR_OK;
    for (uint32_t round = 0; !e && round < rounds; round++) {
        double share = pow(t->halving, (double)round - (rounds - 1));
        if (rounds > 1)
            log_note("round %u of %u: %zu recipe%s, for %.3g of the epochs", round + 1, rounds,
                     left_in(t, round), shown_plural(left_in(t, round)), share);
        for (size_t i = 0; !e && i < t->count; i++) {
            if (t->rows[i].round != round) continue;
            t->rows[i].share = rounds > 1 ? share : 1;
            e = run_trial(s, &t->rows[i]);
        }
        if (!e && round + 1 < rounds) promote(t, round);
    }
    return e;
}

static err expect_all(search *s, const options *o) {
    tune_result *t = &s->result;
    uint32_t rounds = round_count(t);
    size_t total = 0;
    for (uint32_t round = 0; round < rounds; round++) total += left_in(t, round);
    err e = sweep_open(&s->sweep, total, o->device, NULL, false);
    // who is left in later rounds is not known yet: the first recipes stand for them
    for (uint32_t round = 0; !e && round < rounds; round++)
        for (size_t i = 0; !e && i < left_in(t, round); i++) {
            run_request q = s->request;
            q.recipe = t->rows[i].recipe;
            if (rounds > 1) cut_recipe(&q.recipe, pow(t->halving, (double)round - (rounds - 1)));
            e = sweep_expect(&s->sweep, &q);
        }
    return e;
}

/* Of a trial that is done, and that was killed before it took back what it had trained. */
static err drop_done(search *s, char *folder) {
    char path[PATH_MAX], hex[HASH_HEX_BYTES];
    cJSON *root = NULL;
    bool ours = false;
    run_waste w = {0};
    err e = path_in(path, folder, RUN_UNFINISHED);
    if (!e) e = marker_is_run_file(&ours, path);
    if (!e && ours) e = json_read(&root, path, RUN_FILE_LIMIT_BYTES);
    const cJSON *identity = cJSON_GetObjectItemCaseSensitive(root, "identity");
    if (identity) run_identity_digest(hex, identity);
    if (identity && has_trial(s, hex)) {
        e = listed_run_clean(&w, &(listed_run){.folder = folder}, true, true);
        if (!e && w.count) log_note("%s: of a trial that is done: removed", folder);
    }
    run_waste_free(&w);
    cJSON_Delete(root);
    return e;
}

/* What is left there of trials that are done, and of files that a killed process was writing; what
 * cannot be removed stays. */
static err drop_all_done(search *s) {
    folder_list names = {0};
    if (s->request.overwrite || !folder_is_own(s->work)) return ERR_OK;
    err e = folder_clear_temporary(s->work);
    if (e && e != ERR_MEMORY) log_warn("%s", err_message(e));
    e = err_unless_memory(e);
    if (!e) e = folder_list_read(&names, s->work);
    while (folder_next(&names, &e)) {
        if (folder_is_own(names.path)) e = drop_done(s, names.path);
        if (e && e != ERR_MEMORY) log_warn("%s", err_message(e));
        e = err_unless_memory(e);
    }
    folder_list_free(&names);
    return e;
}

/* A recipe that is scored once trained longest is no draw of the others' distribution. */
static err expect_best(search *s) {
    tune_result *t = &s->result;
    double *scores = NULL;
    if (round_count(t) > 1) return ERR_OK;
    err e = mem_new(&scores, t->count);
    if (!e) e = mem_new(&s->mean, t->count);
    if (!e) e = mem_new(&s->deviation, t->count);
    for (size_t i = 0; !e && i < t->count; i++) scores[i] = t->rows[i].trial.score;
    if (!e) e = expected_best(s->mean, s->deviation, scores, t->count, t->higher_is_better);
    t->mean = s->mean;
    t->deviation = s->deviation;
    mem_free(scores);
    return e;
}

/* " --task T", or the files. */
static err add_data(strbuf *out, const search *s, const options *o) {
    const run_request *q = &s->request;
    task t = {0};
    if (!q->manifest) return shown_printf(out, SHOWN_SHELL, " --task %s", q->task);
    if (own_flags_given(o)) return own_flags_text(out, o, false);
    err e = run_find_task(&t, q);
    if (!e) e = own_flags_of_task(out, &t, false);
    task_free(&t);
    return e;
}

/* Flags without which a run is not of what was searched on, or is not found. */
static err add_flags(strbuf *out, const options *o) {
    static const char *const fields[] = {
        "task_dir", "data_dir",  "sample",       "limit",   "arch",      "revision",
        "cased",    "label_map", "from_scratch", "offline", "precision", "ignore_mismatched_sizes",
        "device",   "threads"};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < sizeof fields / sizeof *fields; i++)
        e = options_add(out, o, fields[i]);
    return e;
}

static err show_choice(const search *s, const options *o, const char *path) {
    const tune_row *best = tune_best(&s->result);
    strbuf next = {0};
    shown_out("\n");
    shown_line("chosen: trial %zu of %zu, dev %s %.4f (the test rows were not read)",
               (size_t)(best - s->result.rows) + 1, s->result.count, metric_said(s->result.metric),
               best->trial.score);
    err e = strbuf_add(&next, "harness run");
    if (!e) e = add_data(&next, s, o);
    if (!e) e = shown_printf(&next, SHOWN_SHELL, " --model %s --recipe %s", s->request.model, path);
    if (!e) e = add_flags(&next, o);
    if (!e) e = strbuf_add(&next, " --runs 5\n"); // one seed tells little
    if (!e) {
        puts("Next");
        command_lines_print(next.text);
    }
    strbuf_free(&next);
    return e;
}

/* Recipes that were all scored alike say nothing about what was searched. */
static void warn_alike(const tune_result *t) {
    for (size_t i = 1; i < t->count; i++)
        if (t->rows[i].trial.score != t->rows[0].trial.score) return;
    if (t->count > 1)
        log_warn(
            "all %zu trials have the same score: it tells no recipe from another, and the lowest "
            "loss on the dev rows decides",
            t->count);
}

static err conclude(search *s, const options *o) {
    cJSON *root = NULL;
    char path[PATH_MAX];
    err e = expect_best(s);
    if (!e && !tune_best(&s->result))
        e = err_set(ERR_NUMERIC, "no trial of %zu had a score: the numbers of each were not finite",
                    s->result.count);
    if (!e) e = tune_places_write(&root, &s->result, o->output);
    if (!e) warn_alike(&s->result);
    if (!e) e = path_in(path, s->folder, "recipe.json");
    if (!e && o->json) e = output_json(root, true);
    if (!e && !o->json && !(e = tune_print(&s->result)))
        e = show_choice(s, o, o->output ? o->output : path);
    cJSON_Delete(root);
    return e;
}

err verb_tune(const options *o) {
    search s = {0};
    err e = read_command(&s, o);
    if (!e) show_space(&s);
    if (!e) e = expect_all(&s, o);
    if (!e) e = drop_all_done(&s);
    if (!e) e = run_rounds(&s);
    if (!e)
        (void)folder_drop(s.work); // empty: a trial removes what it made, not what a killed one did
    if (!e) e = conclude(&s, o);
    search_free(&s);
    return e;
}
