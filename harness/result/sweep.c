#include "result/sweep.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/fetch_task.h"
#include "model/config.h"
#include "model/weights/tensors.h"
#include "net/settings.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/places.h"
#include "train/run/shipped.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

err words_split(char ***list, size_t *count, const char *text, const char *flag) {
    const char *at = text;
    *count = 0;
    err e = mem_new(list, strlen(text) + 1);
    for (bool more = true; more && !e; at++) {
        at += strspn(at, " ");
        size_t n = strcspn(at, ","), kept = n;
        while (kept && at[kept - 1] == ' ') kept--;
        if (!kept)
            e = err_set(ERR_USAGE, "--%s: a name is missing in the list '%s'", flag, text);
        else if (!(e = mem_strndup(&(*list)[*count], at, kept)))
            ++*count;
        at += n;
        more = *at == ',';
    }
    return e;
}

void words_free(char **list, size_t count) {
    for (size_t i = 0; list && i < count; i++) mem_free(list[i]);
    mem_free(list);
}

/* Whether two words are one thing: the same word, or two ways to one folder. */
static bool is_same(const char *a, const char *b) {
    return strcmp(a, b) == 0 || (folder_exists(a) && file_is_same(a, b));
}

err sweep_once(char *const *list, size_t count, const char *flag) {
    bool is_model = strcmp(flag, "model") == 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            if (!(is_model ? is_same(list[i], list[k]) : strcmp(list[i], list[k]) == 0)) continue;
            if (strcmp(list[i], list[k]) == 0)
                return err_set(ERR_USAGE, "--%s names '%s' twice", flag, list[i]);
            return err_set(ERR_USAGE, "--%s names one folder twice: '%s' and '%s'", flag, list[k],
                           list[i]);
        }
    return ERR_OK;
}

/* Whether a run of the task would find its data; *why (owned) says why not, *kind by which error, and
 * kin (may be NULL) gets the tasks that share its files and have all of theirs. */
static err is_usable(char **why, err *kind, strbuf *kin, const char *name, const run_request *q) {
    task t = {0};
    dataset_options options = {.data_dir = q->data_dir, .sample = q->sample};
    err e = task_find(&t, name, q->task_dir);
    if (e) return e;
    if (!settings_offline(q->offline)) e = fetch_task(&t, &options, false, false);
    // what lacks in a folder that the user named is not fetched: it is missed here
    for (size_t i = 0; i < t.file_count && !e; i++) {
        char *path = NULL, *absent = NULL;
        if (!(e = dataset_path(&path, &t, &t.files[i], &options)) && !file_exists(path) &&
            !(e = dataset_absent(&absent, &t, &t.files[i], &options)))
            e = err_set(ERR_DATA, "%s", absent);
        mem_free(path);
        mem_free(absent);
    }
    if (e == ERR_NETWORK || e == ERR_SERVER || e == ERR_DATA) {
        *kind = e;
        e = mem_strdup(why, err_message(e));
        err_clear();
        if (!e && kin) e = dataset_kin(kin, &t, q->task_dir, &options);
    }
    task_free(&t);
    return e;
}

/* Tasks that were left out by one kind of error: what lacks differs little among them. */
typedef struct left_out {
    size_t count;
    strbuf names;
    char *why; /* of the first, owned */
} left_out;

static err leave_out(left_out *l, const char *name, char *why) {
    if (l->count++)
        mem_free(why);
    else
        l->why = why;
    return strbuf_printf(&l->names, "%s%s", l->names.length ? ", " : "", name);
}

static void tell_left_out(const left_out *l, const run_request *q) {
    if (!l->count) return;
    log_note("sweep   %zu task%s left out, whose data is not here: %s", l->count,
             l->count == 1 ? " is" : "s are", l->names.text);
    log_note("        looked in %s; %s%s",
             q->sample                     ? "the samples"
             : q->data_dir                 ? q->data_dir
             : environment("HARNESS_DATA") ? "$HARNESS_DATA and the cache"
                                           : "the cache ($HARNESS_DATA is not set)",
             l->count == 1 ? "" : "of the first: ", l->why);
}

/* What became of the choice; kin: tasks that take files of those that were left out. */
static err tell_choice(const strbuf *kin, const char *group, size_t count) {
    const char *hint = kin->length ? err_advice("task", "with files that are here: --task ") : "",
               *names = *hint ? kin->text : "";
    if (!count)
        return err_set(ERR_DATA, "the data of no task%s%s is here (`harness data fetch T`%s)%s%s%s",
                       group ? " of " : "", group ? group : "",
                       err_advice("data", ", or --data DIR"), *hint ? "; " : "", hint, names);
    if (*hint) log_note("sweep   %s%s", hint, names);
    return ERR_OK;
}

/* Manifests that cannot be read: whether one is of the group is not known, and a sweep without it is
 * not what was asked for, without a word. */
static err warn_unread(const char *group, const char *task_dir) {
    task_catalog all = {0};
    err e = task_list(&all, task_dir);
    for (size_t i = 0; i < all.count && !e; i++) {
        task t = {0};
        e = task_load(&t, all.paths[i]);
        if (e && e != ERR_MEMORY)
            log_warn("%s; if it is a task of %s, it is left out", err_message(e), group);
        e = err_unless_memory(e);
        task_free(&t);
    }
    task_catalog_free(&all);
    return e;
}

err sweep_tasks_here(char ***list, size_t *count, const run_request *q, const char *group) {
    task_catalog all = {0};
    strbuf kin = {0};
    left_out left[3] = {0};
    *count = 0;
    err e = group ? task_group_members(&all, group, q->task_dir) : task_list(&all, q->task_dir);
    if (!e && group) e = warn_unread(group, q->task_dir);
    if (!e) e = mem_new(list, all.count);
    for (size_t i = 0; i < all.count && !e; i++) {
        char *why = NULL;
        err kind = ERR_OK;
        if ((e = is_usable(&why, &kind, group ? &kin : NULL, all.names[i], q))) break;
        if (why)
            e = leave_out(&left[kind == ERR_DATA      ? 0
                                : kind == ERR_NETWORK ? 1
                                                      : 2],
                          all.names[i], why);
        else if (!(e = mem_strdup(&(*list)[*count], all.names[i])))
            (*count)++;
    }
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        if (!e) tell_left_out(&left[i], q);
        strbuf_free(&left[i].names);
        mem_free(left[i].why);
    }
    task_catalog_free(&all);
    if (!e) e = tell_choice(&kin, group, *count);
    strbuf_free(&kin);
    return e;
}

err sweep_open(sweep *s, size_t total, const char *selector, const char *results, bool skip) {
    *s = (sweep){.total = total};
    err e = device_find(&s->device, selector);
    if (!e && skip) e = store_read(&s->store, results);
    return e;
}

void sweep_close(sweep *s) {
    store_free(&s->store);
    mem_free(s->fault);
    log_set_progress_prefix("");
    *s = (sweep){0};
}

const record *sweep_find(const sweep *s, const char *run_sha256) {
    for (size_t i = 0; i < s->store.count; i++) {
        const char *own = s->store.records[i].run_sha256;
        if (own && !strcmp(own, run_sha256)) return &s->store.records[i];
    }
    return NULL;
}

static uint64_t rows_of(const task *t, task_role role) {
    uint64_t rows = 0;
    for (size_t i = 0; i < t->file_count; i++)
        if (t->files[i].role == role) rows += t->files[i].rows;
    return rows;
}

/* Cost of a sentence, in multiply-adds a token; of a pretrained model that of BERT base. */
static double model_cost(const char *name) {
    static const double small_ops = 2e5; // what costs even the smallest model its time
    model_config c;
    if (!model_preset_known(name)) name = "base";
    if (model_config_preset(&c, name, 8000)) return small_ops;
    return small_ops + 12.0 * c.layers * c.hidden * c.hidden;
}

static err work_of(double *work, const run_request *q) {
    task t = {0};
    err e = run_find_task(&t, q);
    if (e) return e;
    double train = (double)rows_of(&t, TASK_ROLE_TRAIN), test = (double)rows_of(&t, TASK_ROLE_TEST);
    if (t.split.rule == TASK_SPLIT_HASH) {
        double all = (double)rows_of(&t, TASK_ROLE_ALL);
        test = all / t.split.one_in;
        train = all - test;
    }
    if (q->sample) train = test = 48;
    if (q->limit) train = fmin(train, (double)q->limit), test = fmin(test, (double)q->limit);
    train *= q->recipe.num_train_epochs;
    if (q->recipe.max_steps)
        train = (double)q->recipe.max_steps * q->recipe.per_device_train_batch_size;
    *work = (train + test / 3) * model_cost(q->model);
    task_free(&t);
    return ERR_OK;
}

err sweep_expect(sweep *s, const run_request *q) {
    double work = 0;
    err e = work_of(&work, q);
    s->left += work;
    return e;
}

/* ", ends about 17:45" by what the runs so far took for their work; "" before the first has
 * ended. */
static void end_text(char text[48], const sweep *s) {
    *text = '\0';
    if (!s->ran || s->work <= 0) return;
    double left = s->seconds / s->work * s->left;
    struct tm local;
    (void)clock_local(&local, time(NULL) + (time_t)left);
    strftime(text, 48, left < 20 * 3600 ? ", ends about %H:%M" : ", ends about %d %b %H:%M",
             &local);
}

/* What tells the run from the others. A preset has its family in its name, as its records have. */
static err add_name(strbuf *out, const run_request *q) {
    char *title = NULL;
    err e = q->arch && model_preset_known(q->model) ? model_preset_title(&title, q->model, q->arch)
                                                    : ERR_OK;
    if (!e) e = strbuf_printf(out, "%s, %s, seed %u", q->task, title ? title : q->model, q->seed);
    mem_free(title);
    return e;
}

/* " (2 finished already, ends about 17:45)", of which either may lack. */
static void note_run(const sweep *s, const run_request *q, const char *end) {
    strbuf name = {0}, how = {0};
    err e = add_name(&name, q);
    if (!e && s->skipped)
        e = strbuf_printf(&how, " (%zu finished already%s)", s->skipped, end);
    else if (!e && *end)
        e = strbuf_printf(&how, " (%s)", end + strlen(", "));
    if (e)
        err_clear(); // a note is no reason to fail
    else
        log_note("sweep   run %zu of %zu%s: %s", s->number, s->total, how.length ? how.text : "",
                 name.text);
    strbuf_free(&name);
    strbuf_free(&how);
}

void sweep_begin(sweep *s, const run_request *q) {
    char end[48], prefix[96];
    s->run_begin = clock_seconds();
    if (s->total < 2) return;
    end_text(end, s);
    if (s->trial)
        log_note("search  %s%s: %s", s->trial, end, s->tries);
    else if (!s->is_again)
        note_run(s, q, end);
    snprintf(prefix, sizeof prefix, "[%zu/%zu%s] ", s->number, s->total, end);
    log_set_progress_prefix(prefix);
}

void sweep_leave(const sweep *s) {
    if (!s->is_again) log_note("        another worker has it");
}

void sweep_take(const sweep *s, const run_request *q) {
    if (s->is_again) note_run(s, q, "");
}

/* What is not to be done any more. */
static double take_off(sweep *s, const run_request *q) {
    double work = 0;
    if (work_of(&work, q)) err_clear(); // the end is a guess anyway
    s->left -= work;
    return work;
}

void sweep_end(sweep *s, const run_request *q) {
    s->ran++;
    s->work += take_off(s, q);
    s->seconds += clock_seconds() - s->run_begin;
}

void sweep_skip(sweep *s, const run_request *q, const record *found, const char *by) {
    take_off(s, q);
    s->skipped++;
    const char *advice = err_advice("overwrite", " (--overwrite does it again)");
    if (s->trial)
        log_note("search  %s: done before, on %.10s, its score is used%s", s->trial, found->created,
                 advice);
    else
        log_note(
            "sweep   run %zu of %zu is finished already: there is a record of it, of %.10s%s%s",
            s->number, s->total, found->created, by, advice);
}

err sweep_fail(strbuf *said, sweep *s, const run_request *q, err e) {
    char *why = NULL;
    err added = mem_strdup(&why, err_message(e)); // before another message takes its place
    if (!added) added = add_name(said, q);
    if (!added) added = strbuf_printf(said, ": %s", why);
    take_off(s, q);
    if (!added && s->fault && !strcmp(s->fault, why)) {
        log_warn("run %zu of %zu has failed like run %zu", s->number, s->total, s->fault_of);
    } else if (!added) {
        log_warn("run %zu of %zu has failed: %s", s->number, s->total, said->text);
        mem_free(s->fault);
        s->fault = why;
        s->fault_of = s->number;
        return ERR_OK;
    }
    mem_free(why);
    return added;
}
