#include "cli/compare_like.h"

#include "base/memory.h"
#include "base/shell_words.h"
#include "cli/run_record.h"
#include "cli/task_flag.h"
#include "platform/file.h"
#include "report/compare.h"
#include "train/run/run_parts.h"
#include "train/run/shipped.h"

#include <stdlib.h>
#include <string.h>

void compare_like_free(compare_like *l) {
    kept_task_free(&l->kept);
    mem_free(l->model);
    *l = (compare_like){0};
}

/* What the command of the record that is done again says beside its recipe. */
static err take_flags(run_request *q, const record *r, bool takes_limit) {
    const char *command = r->command ? r->command : "", *at = command;
    strbuf value = {0};
    bool has = false;
    err e = shell_flag(&has, &value, &at, "--limit");
    if (!e && takes_limit) q->limit = has ? strtoul(value.text, NULL, 10) : 0;
    at = command;
    if (!e) e = shell_flag(&has, &value, &at, "--cased");
    q->cased = q->cased || (!e && has);
    at = command;
    if (!e) e = shell_flag(&has, &value, &at, "--ignore-mismatched-sizes");
    q->ignore_mismatched_sizes = !e && has;
    strbuf_free(&value);
    return e;
}

/* The task, by the manifest that the folder keeps where none is here. */
static err take_task(compare_like *l, run_request *q, const compare_job *job, const options *o,
                     const char *folder) {
    const char *name = job->like->task.name;
    bool found = false, described = false;
    if (q->task && strcmp(q->task, name) != 0) return ERR_OK;
    q->task = name;
    err e = task_is_there(&described, name, o->task_dir);
    if (e || described) return e;
    e = kept_task_read(&l->kept, &found, folder);
    if (e || !found || strcmp(l->kept.name, name) != 0) {
        bool is_own = false;
        if (!e) e = task_flag_unkept(&is_own, o, name);
        if (e || !is_own) return e;
        return err_set(ERR_USAGE,
                       "%s: task '%s' is of files of somebody's own, and no run.json beside the "
                       "record says where they lie: name the folder of the run",
                       job->path, name);
    }
    q->manifest = l->kept.manifest;
    q->manifest_folder = l->kept.folder;
    q->manifest_where = l->kept.where;
    q->places = l->kept.places;
    return ERR_OK;
}

static bool is_from_scratch(const record *r) {
    const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(r->model.newly_initialised, 0));
    return first && !strcmp(first, "all");
}

/* A preset by what records call it: "tiny-electra" is tiny. */
static err preset_of(char **preset, const record *r, const encoder_family *family) {
    char *word = NULL, *title = NULL;
    err e = mem_strndup(&word, r->model.name, strcspn(r->model.name, "-"));
    if (!e && model_preset_known(word)) e = model_preset_title(&title, word, family);
    if (!e && title && !strcmp(title, r->model.name)) {
        *preset = word;
        word = NULL;
    }
    mem_free(word);
    mem_free(title);
    return e;
}

/* The model that the run began with: its place, or what its name says alone. */
static err take_model(compare_like *l, run_request *q, const compare_job *job, const char *folder) {
    const record *r = job->like;
    const char *type = json_text_at(r->model.config, "model_type");
    const encoder_family *family = type ? family_find(type) : NULL;
    err e = run_kept_model(&l->model, folder);
    if (!e && !l->model && is_from_scratch(r)) e = preset_of(&l->model, r, family);
    if (!e && !l->model) e = mem_strdup(&l->model, r->model.name);
    if (e) return e;
    q->model = l->model;
    if (model_preset_known(q->model)) {
        if (!q->arch) q->arch = family;
        return ERR_OK;
    }
    if (*q->model == '/' && !folder_exists(q->model))
        return err_set(ERR_IO,
                       "%s: the model that it began with is gone: no folder %s (--model names "
                       "where it lies now)",
                       job->path, q->model);
    q->from_scratch = is_from_scratch(r);
    return err_wrap(base_model_check_name(q->model), "%s: its model", job->path);
}

err compare_like_request(compare_like *l, run_request *q, const compare_job *job,
                         const options *o) {
    const record *r = job->like;
    char *folder = NULL;
    err e = path_folder(&folder, job->path);
    if (!e) e = take_task(l, q, job, o, folder);
    if (!e && !o->model) e = take_model(l, q, job, folder);
    if (!e && o->arch && !model_preset_known(q->model))
        e = err_set(ERR_USAGE, "--arch goes with a preset (%s), found model '%s' of %s",
                    model_preset_names(), q->model, job->path);
    if (!e) e = recipe_read(&q->recipe, "the record's", r->recipe, job->path);
    q->sample = o->sample || r->task.sample;
    if (!e) e = take_flags(q, r, !o->has_limit);
    if (!strcmp(r->protocol, run_protocol_name(PROTOCOL_DEV))) q->protocol = PROTOCOL_DEV;
    q->label_map = o->model ? NULL : r->model.label_map;
    q->precision = r->device.precision;
    // several ranks add their sums as so many shards do
    q->shards = (uint32_t)(r->shards ? r->shards : r->ranks > 1 ? r->ranks : 0);
    mem_free(folder);
    return e;
}

static err check_digest(const compare_job *job, const char *what, const char *then,
                        const char *now) {
    if (!then || !strcmp(then, now)) return ERR_OK;
    return err_set(ERR_DATA,
                   "%s: the SHA-256 of the model's %s is %s, here it is %s (--model names "
                   "another model)",
                   job->path, what, then, now);
}

err compare_like_check(const run *r, const compare_job *job, const options *o) {
    record wanted = {0};
    err e = run_record_task(&wanted, r);
    if (!e) e = compare_same_task(job->like, &wanted);
    record_free(&wanted);
    if (e || o->model) return e;
    e = check_digest(job, "weights", job->like->model.weights_sha256, r->weights.sha256);
    return e ? e
             : check_digest(job, "vocabulary", job->like->model.vocab_sha256,
                            r->base_model.vocab_sha256);
}
