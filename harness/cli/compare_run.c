#include "cli/compare_run.h"

#include "base/log.h"
#include "base/memory.h"
#include "cli/compare_like.h"
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

/* What the flags alone ask for. */
static err plain_request(run_request *q, const options *o) {
    if (!q->model) q->model = "tiny";
    if (!q->task) q->task = "kor_hate";
    q->sample = o->sample || !o->task;
    err e = recipe_load(&q->recipe, model_recipe_name(q->model));
    // long enough that losses may drift and kernels are timed
    if (q->sample) q->recipe.num_train_epochs = SAMPLE_EPOCHS;
    return e;
}

err compare_run(record *out, const compare_job *job, const options *o) {
    run r = {0};
    compare_like like = {0};
    run_request q = {.task = o->task,
                     .task_dir = o->task_dir,
                     .data_dir = o->data_dir,
                     .limit = o->limit,
                     .cased = o->cased,
                     .model = o->model,
                     .protocol = PROTOCOL_LAST,
                     .seed = job->seed,
                     .device = job->device,
                     .threads = o->threads,
                     .root = "runs/compare",
                     .overwrite = true,
                     .weights_told = job->told};
    err e = model_flag_arch(&q.arch, o);
    if (!e) e = job->like ? compare_like_request(&like, &q, job, o) : plain_request(&q, o);
    if (!e && o->has_max_steps) e = recipe_set_number(&q.recipe, "max_steps", o->max_steps);
    if (e) goto done;
    log_note("running %s%s with %s on %s, seed %u%s%s", q.task, q.sample ? " (sample)" : "",
             q.model, q.device, q.seed, job->like ? ", as " : "", job->like ? job->path : "");
    if ((e = run_open(&r, &q))) goto done;
    if (job->like && (e = compare_like_check(&r, job, o))) goto done;
    if ((e = run_train(&r)) || (e = run_evaluate(&r))) goto done;
    if ((e = run_record(out, &r, "harness compare"))) goto done;
    e = run_discard(&r);
done:
    run_close(&r);
    compare_like_free(&like);
    return e;
}
