#include "cli/compare_run.h"

#include "base/log.h"
#include "base/memory.h"
#include "cli/model_flag.h"
#include "cli/run_record.h"
#include "report/compare.h"
#include "train/run/shipped.h"

/* As `harness run --sample` takes for a preset. */
enum { SAMPLE_EPOCHS = 20 };

bool compare_is_device(const char *name) {
    device_info found;
    return device_find(&found, name) == ERR_OK;
}

static err check_task(const run *job, const record *known, const options *o) {
    record wanted = {0};
    if (!known) return ERR_OK;
    err e = run_record_task(&wanted, job);
    if (!e) e = compare_same_task(known, &wanted);
    record_free(&wanted);
    if (e != ERR_DATA || o->task) return e;
    return err_set(e, "%s; --task %s%s makes runs of the record's task", err_message(e),
                   known->task.name, known->task.sample ? " --sample" : "");
}

err compare_run(record *out, const char *device_name, uint32_t seed, bool told, const record *known,
                const options *o) {
    const char *model = o->model ? o->model : "tiny";
    run job = {0};
    run_request q = {.task = o->task ? o->task : "kor_hate",
                     .data_dir = o->data_dir,
                     .sample = o->sample || !o->task,
                     .limit = o->limit,
                     .cased = o->cased,
                     .model = model,
                     .protocol = PROTOCOL_LAST,
                     .seed = seed,
                     .device = device_name,
                     .threads = o->threads,
                     .root = "runs/compare",
                     .overwrite = true,
                     .weights_told = told};
    err e = model_flag_arch(&q.arch, o);
    if (!e) e = recipe_load(&q.recipe, model_recipe_name(model));
    // long enough that losses may drift and kernels are timed
    if (q.sample) q.recipe.num_train_epochs = SAMPLE_EPOCHS;
    if (!e && o->has_max_steps) e = recipe_set_number(&q.recipe, "max_steps", o->max_steps);
    if (e) return e;
    log_note("running %s%s with %s on %s, seed %u", q.task, q.sample ? " (sample)" : "", model,
             device_name, seed);
    if ((e = run_open(&job, &q)) || (e = check_task(&job, known, o))) goto done;
    if ((e = run_train(&job)) || (e = run_evaluate(&job))) goto done;
    if ((e = run_record(out, &job, "harness compare"))) goto done;
    e = run_discard(&job);
done:
    run_close(&job);
    return e;
}
