/* How many steps fit a limit of minutes. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "platform/file.h"
#include "train/pretrain/pretrain.h"
#include "train/run/run_parts.h"

#include <math.h>
#include <stdio.h>

/* Of the limit a part stays for the model's and the checkpoints' way to the disk. */
enum { TRIED_STEPS = 9, WARM_STEPS = 3, MARKER_LIMIT_BYTES = 1 << 20 };
static const char key[] = "planned steps";
static const double share = 0.97;

/* What the unfinished run in the folder was planned for; 0 where there is none to go on with. */
static err planned_before(uint32_t *steps, const pretrain *p) {
    const run *r = &p->run;
    char path[PATH_MAX];
    cJSON *root = NULL;
    *steps = 0;
    if (!r->request.resume || r->request.overwrite) return ERR_OK;
    err e = path_in(path, r->output, RUN_UNFINISHED);
    if (!e && file_exists(path)) e = json_read(&root, path, MARKER_LIMIT_BYTES);
    const cJSON *there = cJSON_GetObjectItemCaseSensitive(root, "surroundings");
    const char *text = json_text_at(there, key);
    if (!e && text && sscanf(text, "%u", steps) != 1)
        e = err_set(ERR_FORMAT, "%s: %s is '%s', expected a number", path, key, text);
    cJSON_Delete(root);
    return e;
}

/* Seconds of a step with its part of an evaluation, from a few steps of a trainer of their own. */
static err try_steps(double *seconds, pretrain *p) {
    run *r = &p->run;
    trainer *t = &r->trainer;
    heldout_result found;
    *seconds = 0;
    err e = pretrain_open_trainer(p, TRIED_STEPS);
    if (e) goto done;
    t->options.evaluate.call = NULL;
    t->options.save.call = NULL;
    t->options.log.every = 0;
    if ((e = params_draw(&t->model.params, r->request.seed, r->base_model.config.initializer_range,
                         NULL)))
        goto done;
    if ((e = trainer_run(t))) goto done;
    for (uint32_t s = WARM_STEPS; s < t->total_steps; s++) *seconds += t->step_ms[s] / 1000;
    *seconds /= t->total_steps > WARM_STEPS ? t->total_steps - WARM_STEPS : 1;
    double begin = clock_seconds();
    if (p->heldout.count && (e = heldout_evaluate(&found, p))) goto done;
    uint32_t every = r->request.recipe.eval_steps ? r->request.recipe.eval_steps : t->epoch_steps;
    *seconds += (clock_seconds() - begin) / every;
done:
    trainer_free(t);
    corpus_feed_free(&p->feed);
    return e;
}

static err plan_anew(uint32_t *steps, pretrain *p) {
    const recipe *c = &p->run.request.recipe;
    double each = 0;
    err e = try_steps(&each, p);
    if (e) return e;
    double left = p->request.max_minutes * 60 * share - (clock_seconds() - p->begun);
    double fit = floor(left / fmax(each, 1e-6));
    if (fit < 1)
        return err_set(ERR_USAGE,
                       "max_minutes is %g, but preparing took %.0f s and a step takes %.2f s",
                       p->request.max_minutes, clock_seconds() - p->begun, each);
    if (c->max_steps && c->max_steps < fit) fit = c->max_steps;
    *steps = fit < INT32_MAX ? (uint32_t)fit : INT32_MAX;
    log_note("%u step%s of %.3f s fit%s %g minute%s", *steps, shown_plural(*steps), each,
             *steps == 1 ? "s" : "", p->request.max_minutes,
             p->request.max_minutes == 1 ? "" : "s");
    return ERR_OK;
}

err pretrain_planned(uint32_t *steps, pretrain *p) {
    struct group *g = p->request.run.group;
    char text[16];
    uint32_t found = 0;
    err e = run_writes(&p->run) ? planned_before(&found, p) : ERR_OK;
    if (!e) e = group_broadcast(g, &found, sizeof found);
    if (!e && !found) e = plan_anew(&found, p);
    // each rank has its own clock
    if (!e) e = group_broadcast(g, &found, sizeof found);
    *steps = found;
    snprintf(text, sizeof text, "%u", *steps);
    return e ? e : json_add_string(p->run.surroundings, key, text);
}
