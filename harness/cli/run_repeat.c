#include "cli/run_repeat.h"

#include "base/shown.h"
#include "cli/own_flags.h"
#include "platform/file.h"
#include "task/task_shipped.h"

#include <string.h>

/* The hyperparameters that change the numbers, as they were given. */
static err add_recipe_flags(strbuf *out, const options *o) {
    const hyperparameter *h;
    err e = ERR_OK;
    for (size_t i = 0; !e && (h = recipe_row(i)); i++)
        if (h->recorded != RECORDED_NEVER) e = options_add(out, o, h->key);
    return e;
}

/* Where the task's manifest lies, unless it comes with the program: from here, or by the folder's
 * name alone. */
static err add_task_folder(strbuf *out, const task *t) {
    const char *folder = t->folder;
    char *name = NULL;
    bool ours = false, is_elsewhere = *folder == '/' || strncmp(folder, "..", 2) == 0;
    err e = task_is_shipped(&ours, t);
    if (e || ours) return e;
    if (is_elsewhere) e = path_real_name(&name, folder);
    if (!e) e = shown_printf(out, SHOWN_SHELL, " --task-dir %s", name && *name ? name : folder);
    mem_free(name);
    return e;
}

/* Its name, or the files. */
static err add_task(strbuf *out, const options *o, const run *r) {
    if (!r->request.manifest) {
        err e = shown_printf(out, SHOWN_SHELL, " --task %s", r->request.task);
        return e ? e : add_task_folder(out, &r->task);
    }
    return own_flags_given(o) ? own_flags_text(out, o, true)
                              : own_flags_of_task(out, &r->task, true);
}

/* What stands behind task, model and seeds. */
static err add_rest(strbuf *out, const options *o, const run *r) {
    const run_request *q = &r->request;
    err e = ERR_OK;
    if (q->arch) e = strbuf_printf(out, " --arch %s", q->arch->model_type);
    if (!e) e = add_recipe_flags(out, o);
    // the sample's own number of epochs is not the recipe's
    if (!e && q->sample && !o->has_num_train_epochs)
        e = strbuf_printf(out, " --epochs %g", q->recipe.num_train_epochs);
    if (!e && o->has_limit) e = strbuf_printf(out, " --limit %u", o->limit);
    if (!e && r->device.options.precision != PRECISION_FP32)
        e = strbuf_printf(out, " --precision %s",
                          device_precision_name(r->device.options.precision));
    if (!e && q->sample) e = strbuf_add(out, " --sample");
    if (!e && q->from_scratch) e = strbuf_add(out, " --from-scratch");
    if (!e && q->cased) e = strbuf_add(out, " --cased");
    if (!e && q->label_map) e = shown_printf(out, SHOWN_SHELL, " --label-map %s", q->label_map);
    if (!e && q->ignore_mismatched_sizes) e = strbuf_add(out, " --ignore-mismatched-sizes");
    if (!e && q->protocol == PROTOCOL_DEV) e = strbuf_add(out, " --protocol dev");
    return e;
}

err run_repeat_text(strbuf *out, const options *o, const run *r) {
    const run_request *q = &r->request;
    err e = strbuf_add(out, "harness run");
    if (!e) e = add_task(out, o, r);
    if (!e)
        e = shown_printf(out, SHOWN_SHELL, " --model %s --recipe %s --seed %u",
                         r->base_model.folder ? r->base_model.name : q->model, q->recipe.name,
                         q->seed);
    return e ? e : add_rest(out, o, r);
}

err run_repeat_seeds(strbuf *out, const options *o, const run *r) {
    const run_request *q = &r->request;
    err e = strbuf_add(out, "harness run");
    if (!e) e = own_flags_of_task(out, &r->task, false);
    if (!e)
        e = shown_printf(out, SHOWN_SHELL, " --model %s --recipe %s", q->model,
                         o->recipe ? o->recipe : q->recipe.name);
    if (!e) e = strbuf_printf(out, " --seeds %u,%u,%u", q->seed, q->seed + 1, q->seed + 2);
    if (!e) e = add_rest(out, o, r);
    return e ? e : options_add(out, o, "device");
}
