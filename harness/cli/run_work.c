#include "cli/run_work.h"

#include "base/memory.h"
#include "cli/group_flag.h"
#include "cli/model_flag.h"
#include "cli/own_flags.h"
#include "cli/task_flag.h"
#include "result/sweep.h"

#include <stdlib.h>
#include <string.h>

void work_free(work *w) {
    words_free(w->tasks, w->task_count);
    words_free(w->models, w->model_count);
    mem_free(w->device);
    mem_free(w->manifest);
    mem_free(w->manifest_folder);
    mem_free(w->manifest_where);
}

err work_request(run_request *q, const options *o) {
    *q = (run_request){.task_dir = o->task_dir,
                       .data_dir = o->data_dir,
                       .sample = o->sample,
                       .limit = o->limit,
                       .from_scratch = o->from_scratch,
                       .ignore_mismatched_sizes = o->ignore_mismatched_sizes,
                       .cased = o->cased,
                       .label_map = o->label_map,
                       .precision = o->precision,
                       .threads = o->threads,
                       .validation = o->validation,
                       .offline = o->offline,
                       .overwrite = o->overwrite};
    err e = model_flag_arch(&q->arch, o);
    return e ? e : device_check_parse(&q->check_device, o->check_device);
}

/* The one task of a manifest in memory; both are owned. */
static err take_manifest(work *w, run_request *q, char *name, char *manifest) {
    err e = mem_new(&w->tasks, 1);
    w->manifest = manifest;
    q->manifest = manifest;
    if (e) {
        mem_free(name);
        return e;
    }
    w->tasks[w->task_count++] = name;
    return ERR_OK;
}

/* Files of a run before this one: with it nobody has to name them again. */
static err take_kept(work *w, bool *found, const options *o, run_request *q) {
    kept_task k = {0};
    err e = task_flag_kept(&k, found, o, o->task);
    if (!e && *found) {
        q->manifest_folder = w->manifest_folder = k.folder;
        q->manifest_where = w->manifest_where = k.where;
        e = take_manifest(w, q, k.name, k.manifest);
        k.name = k.manifest = k.folder = k.where = NULL;
    }
    kept_task_free(&k);
    return e;
}

err work_own_files(work *w, bool *found, const options *o, run_request *q) {
    own_files own;
    char *name = NULL, *manifest = NULL;
    *found = false;
    err e = own_flags_read(&own, o);
    if (e || (!own_flags_given(o) && !o->task)) return e;
    if (!own_flags_given(o)) return take_kept(w, found, o, q);
    own.leaves_test = q->is_trial;
    *found = true;
    e = own_files_manifest(&name, &manifest, &own);
    if (!e) return take_manifest(w, q, name, manifest);
    mem_free(name);
    mem_free(manifest);
    return e;
}

/* Of a list the tasks are those of manifests: a run of own files is one by itself. */
static err check_listed(const work *w, const options *o) {
    static const char prefix[] = KEPT_TASK_PREFIX;
    task_catalog c = {0};
    if (w->task_count == 1) return ERR_OK; // which it is is looked for behind the other flags
    err e = task_list(&c, o->task_dir);
    for (size_t i = 0; i < w->task_count && !e; i++) {
        const char *name = w->tasks[i];
        bool described = strncmp(name, prefix, sizeof prefix - 1) != 0;
        for (size_t k = 0; k < c.count; k++) described = described || !strcmp(c.names[k], name);
        if (described) continue;
        e = err_set(ERR_USAGE,
                    "%s: files of your own are run by themselves, with --task %s alone; or keep "
                    "their manifest (harness tasks new FILE...), and name it here with --task-dir",
                    name, name);
    }
    task_catalog_free(&c);
    return e;
}

static err split_tasks(work *w, const options *o, run_request *q) {
    bool found = false, is_group = false;
    err e = work_own_files(w, &found, o, q);
    if (e || found) return e;
    if (!o->task)
        return err_set(ERR_USAGE, "run needs --task T (see `harness tasks`), --task all, or files "
                                  "of your own (--train-file)");
    if (strcmp(o->task, "all") == 0) return sweep_tasks_here(&w->tasks, &w->task_count, q, NULL);
    if ((e = group_known(&is_group, o->task, q->task_dir))) return e;
    if (is_group) return sweep_tasks_here(&w->tasks, &w->task_count, q, o->task);
    e = words_split(&w->tasks, &w->task_count, o->task, "task");
    return e ? e : check_listed(w, o);
}

static err split_seeds(work *w, const options *o) {
    uint32_t first = o->has_seed ? o->seed : 42;
    if (o->has_seeds + o->has_runs > 1)
        return err_set(ERR_USAGE, "--seeds and --runs exclude each other");
    if (o->has_seeds && o->has_seed)
        return err_set(ERR_USAGE, "--seed and --seeds exclude each other");
    if (!o->has_seeds) {
        size_t runs = o->has_runs ? o->runs : 1;
        if (runs < 1 || runs > RUNS_MAX)
            return err_set(ERR_USAGE, "--runs expects 1 to %d, found %zu", RUNS_MAX, runs);
        if (runs - 1 > UINT32_MAX - first)
            return err_set(ERR_USAGE, "--runs: %zu seeds from %u on go beyond the largest, %u",
                           runs, first, UINT32_MAX);
        for (size_t i = 0; i < runs; i++) w->seeds[w->seed_count++] = first + (uint32_t)i;
        return ERR_OK;
    }
    for (const char *at = o->seeds; *at;) {
        char *end = NULL;
        unsigned long long value = strtoull(at, &end, 10);
        if (end == at || *at < '0' || *at > '9' || (*end && *end != ',') || value > UINT32_MAX)
            return err_set(ERR_USAGE,
                           "--seeds expects whole numbers from 0 to %u with commas, "
                           "found '%s'",
                           UINT32_MAX, o->seeds);
        if (w->seed_count == RUNS_MAX)
            return err_set(ERR_USAGE, "--seeds names more than %d seeds", RUNS_MAX);
        for (size_t i = 0; i < w->seed_count; i++)
            if (w->seeds[i] == value)
                return err_set(ERR_USAGE, "--seeds names %llu twice: one seed gives one run",
                               value);
        w->seeds[w->seed_count++] = (uint32_t)value;
        at = *end ? end + 1 : end;
    }
    return ERR_OK;
}

err work_read(work *w, const options *o, run_request *q) {
    err e = split_seeds(w, o);
    return e ? e : split_tasks(w, o, q);
}

void work_choose(run_request *q, const work *w, size_t i) {
    q->task = w->tasks[i / w->seed_count / w->model_count];
    q->model = w->models[i / w->seed_count % w->model_count];
    q->seed = w->seeds[i % w->seed_count];
}

bool work_has(const work *w, size_t i) {
    run_request q = {0};
    work_choose(&q, w, i);
    return shard_has(&w->shard, q.task, q.model, q.seed);
}
