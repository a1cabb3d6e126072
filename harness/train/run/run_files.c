#include "train/run/run_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "base/sums.h"
#include "platform/file.h"
#include "platform/host.h"
#include "train/checkpoint/identity.h"
#include "train/run/kept_task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* unfinished.json or run.json. */
typedef struct holding {
    cJSON *root;    /* NULL: there is none; owned */
    const char *id; /* borrowed from root, as identity is */
    const cJSON *identity;
    char *path; /* owned */
} holding;

static void holding_free(holding *h) {
    cJSON_Delete(h->root);
    mem_free(h->path);
    *h = (holding){0};
}

static err holding_read(holding *h, const run *r, const char *name) {
    *h = (holding){0};
    err e = path_join(&h->path, r->output, name);
    if (e || !file_exists(h->path)) return e;
    if ((e = json_read(&h->root, h->path, RUN_FILE_LIMIT_BYTES))) return e;
    if ((e = json_string(&h->id, h->root, "run", h->path))) return e;
    return json_object(&h->identity, h->root, "identity", h->path);
}

/* Whether <output>/<name> is there. */
static err holds(bool *found, const run *r, const char *name) {
    char path[PATH_MAX];
    *found = false;
    err e = path_in(path, r->output, name);
    if (!e) *found = file_exists(path);
    return e;
}

/* A model without run.json: of a program before there was one, or its files were taken apart. */
static err compare_older(const run *r) {
    bool model = false;
    size_t count = 0;
    uint64_t bytes = 0;
    err e = holds(&model, r, "model/config.json");
    if (!e && !model) e = checkpoint_usage(r->output, NULL, &count, &bytes);
    if (e || !(model || count)) return e;
    return err_set(ERR_USAGE,
                   "%s holds a %s of an earlier run, and nothing says that it is this one%s%s",
                   r->output, model ? "model" : "checkpoint",
                   err_advice("output-dir", ": name another folder with --output-dir"),
                   err_advice("overwrite", ", or replace it with --overwrite"));
}

static err compare_finished(run *r, const holding *finished) {
    strbuf text = {0};
    bool model = false;
    err e = identity_differences(&text, finished->identity, r->identity);
    if (!e) e = holds(&model, r, "model/config.json");
    if (e) goto done;
    if (text.length) {
        e = err_set(ERR_USAGE, "%s holds a finished run, and this is another: %s%s%s", r->output,
                    text.text, err_advice("output-dir", "; name another folder with --output-dir"),
                    err_advice("overwrite", ", or replace it with --overwrite"));
    } else if (model) {
        r->is_finished = true;
    } else {
        log_note("%s: this run is finished, but its model is gone: it is trained again", r->output);
    }
done:
    strbuf_free(&text);
    return e;
}

err run_compare(run *r) {
    const run_request *q = &r->request;
    holding unfinished = {0}, finished = {0};
    err e = ERR_OK;
    if (r->base_model.folder && file_is_same(r->output, r->base_model.folder))
        return err_set(ERR_USAGE, "%s is the folder of the model that is read%s", r->output,
                       err_advice("output-dir", ": name another folder with --output-dir"));
    if (q->overwrite) return ERR_OK;
    if ((e = holding_read(&unfinished, r, RUN_UNFINISHED))) goto done;
    if ((e = holding_read(&finished, r, RUN_FINISHED))) goto done;
    if (unfinished.root && q->resume)
        e = identity_check(unfinished.identity, r->identity, unfinished.path, "unfinished run");
    else if (unfinished.root)
        e = err_set(ERR_USAGE, "%s holds an unfinished run%s", r->output,
                    err_advice("resume", ": go on with --resume, or start over with --overwrite"));
    else if (finished.root)
        e = compare_finished(r, &finished);
    else
        e = compare_older(r);
done:
    holding_free(&unfinished);
    holding_free(&finished);
    return e;
}

static err keep_task(cJSON *root, const run *r) {
    const run_request *q = &r->request;
    if (q->manifest) return kept_task_add(root, q->manifest, q->manifest_folder);
    if (!r->task.path) return ERR_OK; // a corpus has none
    // the sample's files lie beside the manifest, and are asked for by a flag
    return kept_task_add_file(root, &r->task, r->data.paths, q->sample ? 0 : r->data.path_count);
}

static err write_unfinished(const run *r) {
    char path[PATH_MAX];
    cJSON *root = cJSON_CreateObject();
    err e = path_in(path, r->output, RUN_UNFINISHED);
    if (!e) e = json_add_string(root, "run", r->id);
    if (!e) e = json_add_copy(root, "identity", r->identity);
    if (!e) e = json_add_copy(root, "surroundings", r->surroundings);
    if (!e) e = keep_task(root, r);
    if (!e) e = json_add_bool(root, "replaces", r->replaces);
    if (!e && !group_is_alone(r->request.group))
        e = json_add_number(root, RUN_RANKS_KEY, group_size(r->request.group));
    if (!e && r->rank_devices) e = json_add_string(root, RUN_DEVICES_KEY, r->rank_devices);
    if (!e) e = json_write(path, root);
    cJSON_Delete(root);
    return e;
}

static err begin_anew(run *r, bool replaces) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    // tells this run's checkpoints from those of another run in the same folder
    err e =
        mem_printf(&r->id, "%lld.%09ld-%ld", (long long)now.tv_sec, now.tv_nsec, host_process());
    r->replaces = replaces;
    return e ? e : write_unfinished(r);
}

/* What is another than when the run began, and may be. */
static err note_surroundings(const run *r, const holding *h) {
    strbuf text = {0};
    const cJSON *there = cJSON_GetObjectItemCaseSensitive(h->root, "surroundings");
    err e = identity_differences(&text, there, r->surroundings);
    if (!e && text.length) log_note("resuming where %s; that changes no numbers", text.text);
    strbuf_free(&text);
    return e;
}

/* The order in which gradients are added goes by the ranks, unless it goes by shards. */
static void note_ranks(const run *r, const holding *h) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(h->root, RUN_RANKS_KEY);
    double before = cJSON_IsNumber(item) ? item->valuedouble : 1;
    uint32_t now = group_size(r->request.group);
    if (before != now && !r->request.shards)
        log_warn("begun by %g rank%s, resumed by %u: sums of gradients are rounded otherwise from "
                 "here on",
                 before, before == 1 ? "" : "s", now);
}

/* Protocol dev: the best weights so far are known to be whole before the first step. */
static err check_best_model(const run *r) {
    char best[PATH_MAX];
    if (r->request.protocol == PROTOCOL_LAST || r->request.is_trial || !r->best.step) return ERR_OK;
    err e = path_in(best, r->output, "best");
    if (!e && !folder_exists(best))
        e = err_set(ERR_DATA, "%s: missing, the weights of step %u, best on dev, are lost%s", best,
                    r->best.step, err_advice("overwrite", "; start over with --overwrite"));
    return e ? e : sums_check(best, NULL);
}

/* Nothing was saved. Checkpoints that are there all the same, damaged or of another run, would be
 * removed in the end: that is for --overwrite alone, now or when the run began. */
static err start_over(run *r, bool replaces) {
    size_t count = 0;
    uint64_t bytes = 0;
    err e = checkpoint_usage(r->output, NULL, &count, &bytes);
    if (e) return e;
    if (count && !replaces)
        return err_set(
            ERR_DATA, "%s: none of the %zu checkpoints there is whole and of the unfinished run%s",
            r->output, count,
            err_advice("overwrite", "; start over with --overwrite, which removes them"));
    log_note("%s: no checkpoint of the unfinished run: starting over", r->output);
    return begin_anew(r, replaces);
}

static err resume(run *r, const holding *h) {
    char *path = NULL;
    checkpoint_run state = {.id = h->id, .identity = r->identity};
    err e = checkpoint_find(&path, r->output, h->id);
    if (e) return e;
    bool replaces = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(h->root, "replaces"));
    if (!path) return start_over(r, replaces);
    r->replaces = replaces; // killed between its first checkpoint and the note of it
    if (!(e = checkpoint_read(&r->trainer, &state, path))) {
        (void)run_judge(r, 0);
        r->saved_at = r->trainer.done;
        e = mem_strdup(&r->id, h->id);
        if (!e) e = check_best_model(r);
        if (!e) e = note_surroundings(r, h);
        note_ranks(r, h);
        log_note("resuming %s after step %u of %u", path, r->trainer.done, r->trainer.total_steps);
        if (!r->trainer.earlier.tokens)
            log_note("%s keeps no count of what it was trained on: times in the record are of the "
                     "steps behind it",
                     path);
    }
    mem_free(path);
    return e;
}

/* On rank 0. */
static err begin_here(run *r) {
    const run_request *q = &r->request;
    holding h = {0};
    err e = holding_read(&h, r, RUN_UNFINISHED);
    if (e) goto done; // run_output_open has read it: it is ours
    if (h.root && q->resume && !q->overwrite) {
        e = resume(r, &h);
    } else {
        if (q->resume && !q->resume_if_any)
            log_note("%s: nothing to resume: starting from the first step", r->output);
        if (h.root) e = checkpoint_clear(r->output, NULL);
        if (!e) e = begin_anew(r, q->overwrite);
    }
done:
    holding_free(&h);
    return e;
}

err run_begin(run *r) {
    err e = run_writes(r) ? begin_here(r) : ERR_OK;
    return e ? e : run__share_state(r);
}

uint64_t run_disk_bytes(const run *r, uint64_t *checkpoints) {
    const recipe *p = &r->request.recipe;
    uint64_t one = trainer_checkpoint_bytes(&r->trainer), saves = 0;
    if (p->save_steps) saves = r->trainer.total_steps / p->save_steps;
    // one more is written before the oldest goes
    if (p->save_total_limit && saves > p->save_total_limit) saves = p->save_total_limit + 1;
    uint64_t models = r->request.is_trial ? 0
                      : r->request.protocol == PROTOCOL_DEV
                          ? 3
                          : 2; // the final one twice while it is written
    *checkpoints = saves;
    return saves * one + models * (one / 3);
}

err run_free_bytes(uint64_t *bytes, const run *r) {
    char *there = NULL;
    if (folder_exists(r->output)) return folder_free_bytes(bytes, r->output);
    err e = r->existing_bytes ? mem_strndup(&there, r->output, r->existing_bytes)
                              : mem_strdup(&there, ".");
    if (!e) e = folder_free_bytes(bytes, there);
    mem_free(there);
    return e;
}

err run_check_disk(const run *r) {
    uint64_t free_bytes = 0, saves = 0, need = run_disk_bytes(r, &saves);
    err e = run_free_bytes(&free_bytes, r);
    if (e || need <= free_bytes) return e;
    char many[48] = "";
    if (saves)
        snprintf(many, sizeof many, "%" PRIu64 " checkpoint%s and ", saves, shown_plural(saves));
    return err_set(
        ERR_IO, "%s: %sthe final model need%s %s, the disk has %s free%s", r->output, many,
        saves ? "" : "s", SHOWN_SIZE(need), SHOWN_SIZE(free_bytes),
        saves ? err_advice("save-steps", "; save less often (--save-steps, --save-total-limit)")
              : "");
}

err run_save(void *context, trainer *t) {
    run *r = context;
    char *name = NULL;
    err e = run__bring_together(r);
    if (e || !run_writes(r)) return e;
    e = mem_printf(&name, "%s-%s-checkpoint-%u", r->base_model.name, r->task.name, t->done);
    if (e) return e;
    checkpoint_run state = {r->id, name, r->identity, r->best.score, r->best.step};
    e = checkpoint_write(r->output, t, &r->base_model.tokenizer, &state,
                         r->request.recipe.save_total_limit);
    if (!e) r->saved_at = t->done;
    mem_free(name);
    if (e || !r->replaces) return e;
    // from now on a resume that finds no whole checkpoint has lost one of this run's
    r->replaces = false;
    return write_unfinished(r);
}

err run_write_model(const run *r, const char *name,
                    err (*card)(const char *folder, const void *context), const void *context) {
    char *fresh = NULL, *place = NULL, *model = NULL;
    if (!run_writes(r)) return ERR_OK;
    err e = mem_printf(&fresh, "%s/partial-%s", r->output, name);
    if (e || (e = path_join(&place, r->output, name))) goto done;
    if ((e = mem_printf(&model, "%s-%s", r->base_model.name, r->task.name))) goto done;
    if ((e = marker_remove(fresh)) || (e = marker_make(fresh, r->id, model))) goto done;
    if ((e = model_folder_write(fresh, &r->trainer.model, &r->base_model.tokenizer))) goto done;
    if (card && (e = card(fresh, context))) goto done;
    e = marker_replace(fresh, place);
done:
    if (e && fresh) e = checkpoint_abandon(e, fresh);
    mem_free(fresh);
    mem_free(place);
    mem_free(model);
    return e;
}

err run_checkpoints(const run *r, size_t *count, uint64_t *bytes) {
    return checkpoint_usage(r->output, r->id, count, bytes);
}

err run__end(run *r) {
    char unfinished[PATH_MAX], finished[PATH_MAX], best[PATH_MAX];
    err e = ERR_OK;
    if ((e = path_in(best, r->output, "best"))) return e;
    if ((e = path_in(unfinished, r->output, RUN_UNFINISHED))) return e;
    if ((e = path_in(finished, r->output, RUN_FINISHED))) return e;
    // model, record and the fact that they are finished are on the disk before anything goes
    if ((e = file_rename_durable(unfinished, finished))) return e;
    r->is_ended = true;
    if ((e = marker_remove(best))) return e;
    if ((e = checkpoint_clear(r->output, r->id))) return e; // those of the run this one replaces
    return checkpoint_limit(r->output, r->id, r->request.recipe.save_total_limit);
}

err run_discard(run *r) {
    static const char *const files[] = {"log.jsonl", RUN_RECORD, RUN_FINISHED, RUN_UNFINISHED};
    static const char *const folders[] = {"best", "model"};
    char path[PATH_MAX];
    err e = checkpoint_clear(r->output, NULL);
    train_log_remove_events(r->output);
    for (size_t i = 0; !e && i < sizeof folders / sizeof *folders; i++)
        if (!(e = path_in(path, r->output, folders[i]))) e = marker_remove(path);
    for (size_t i = 0; !e && i < sizeof files / sizeof *files; i++)
        if (!(e = path_in(path, r->output, files[i]))) e = file_remove(path);
    r->saved_at = 0;
    return e;
}
