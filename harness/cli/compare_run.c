#include "cli/compare_run.h"

#include "base/log.h"
#include "base/memory.h"
#include "cli/model_flag.h"
#include "cli/run_record.h"
#include "train/run/shipped.h"

/* As `harness run --sample` takes for a preset. */
enum { SAMPLE_EPOCHS = 20 };

bool compare_is_device(const char *name) {
    device_info found;
    return device_find(&found, name) == ERR_OK;
}

err compare_run(record *out, const char *device_name, uint32_t seed, bool told, const options *o) {
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
    if ((e = run_open(&job, &q)) || (e = run_train(&job)) || (e = run_evaluate(&job))) goto done;
    if ((e = run_record(out, &job, "harness compare"))) goto done;
    e = run_discard(&job);
done:
    run_close(&job);
    return e;
}
