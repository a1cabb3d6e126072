#include "train/step/trainer.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/interrupt.h"
#include "train/step/capacity.h"
#include "train/step/class_weights.h"
#include "train/step/nonfinite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WARM_STEPS = 2,
    RATE_STEPS = 5,
    ESTIMATE_STEPS = 10,
    LONG_SECONDS = 3600,
    SHARDS_MOST = 4096 /* each has gradients of its own */
};

/* Writes the class weights to where the loss reads them. pre: t->table_arena is begun. */
static err place_class_weights(trainer *t) {
    uint32_t classes = t->model.config.classes;
    if (!t->class_weights) return ERR_OK;
    err e = arena_take(&t->table_arena, &t->training.class_weights, classes, t->device->real);
    return e ? e : device_write_f64(t->training.class_weights, t->class_weights, classes);
}

static err make_table(trainer *t) {
    double *table = NULL;
    size_t count = ((size_t)t->total_steps + 1) * 4;
    err e = mem_new(&table, count);
    if (e) return e;
    t->table = table;
    schedule_table(table, &t->schedule, t->recipe.weight_decay, t->recipe.adam_beta1,
                   t->recipe.adam_beta2);
    arena_init(&t->table_arena, t->device, 1, false);
    t->table_arena.name = "schedule";
    e = arena_take(&t->table_arena, &t->training.table, count, t->device->real);
    return e ? e : device_write_f64(t->training.table, table, count);
}

/* Steps behind a skipped one use the schedule and the bias corrections of the steps taken so far,
 * as torch's optimizer and accelerate's scheduler do. Rows from t->done + 1 on are written. pre: no
 * step is under way. */
static err shift_table(trainer *t) {
    size_t first = ((size_t)t->done + 1) * 4, shift = (size_t)t->skipped_count * 4;
    size_t count = ((size_t)t->total_steps + 1) * 4 - first;
    if (!t->skipped_count || !count) return ERR_OK;
    return device_write_f64(span_part(t->training.table, first, count), t->table + first - shift,
                            count);
}

double trainer_rate(const trainer *t, uint32_t s) {
    uint32_t before = 0;
    while (before < t->skipped_count && t->skipped[before] < s) before++;
    return schedule_rate(&t->schedule, s - before);
}

static void set_training(trainer *t, const model_config *c) {
    const recipe *r = &t->recipe;
    bool own = r->dropout >= 0;
    t->training = (model_training){
        .hidden_dropout = own ? (float)r->dropout : c->hidden_dropout,
        .attention_dropout = own ? (float)r->dropout : c->attention_dropout,
        .classifier_dropout = own ? (float)r->dropout : c->classifier_dropout,
        .label_smoothing = (float)r->label_smoothing_factor,
        .max_grad_norm = (float)r->max_grad_norm,
        .beta1 = r->adam_beta1,
        .beta2 = r->adam_beta2,
        .eps = (float)r->adam_epsilon,
        .freeze_embeddings = r->freeze_embeddings,
        .freeze_layers = r->freeze_layers,
    };
}

static void free_device(trainer *t) {
    plan_free(&t->plan);
    share_sum_free(&t->sum);
    shares_free(&t->shares);
    plan_free(&t->update);
    plan_free(&t->flush);
    mem_free(t->shard_losses);
    t->shard_losses = NULL;
    for (int slot = 0; slot < SLOT_COUNT; slot++) pack_free(&t->packs[slot]);
    arena_free(&t->table_arena);
    batch_free(&t->batch);
    model_memory_free(&t->lent);
    model_memory_free(&t->memory);
    model_free(&t->model);
    mem_free(t->table);
    t->table = NULL;
}

static bool is_alone(const trainer *t) {
    return group_is_alone(t->options.group);
}

/* Of a step, by all ranks. */
static uint32_t shards_of(const trainer *t) {
    return t->options.shards ? t->options.shards : group_size(t->options.group);
}

/* Shards of this rank. */
static uint32_t own_shards(const trainer *t) {
    return shards_of(t) / group_size(t->options.group);
}

static err check_shards(const trainer *t) {
    uint32_t ranks = group_size(t->options.group);
    if (shards_of(t) > SHARDS_MOST)
        return err_set(ERR_USAGE, "%u shards%s: expected at most %d", shards_of(t),
                       err_advice("shards", " (--shards)"), SHARDS_MOST);
    if (shards_of(t) % ranks == 0) return ERR_OK;
    return err_set(ERR_USAGE, "%u shards cannot be divided among %u ranks: expected a multiple",
                   shards_of(t), ranks);
}

/* A step as one plan, or, of several shards, as two. */
static err make_step(trainer *t) {
    if (shards_of(t) == 1)
        return model_train_plan(&t->plan, &t->model, &t->memory, &t->batch, &t->training);
    const share_division *d = &t->sum.division;
    err e = mem_new(&t->shard_losses, own_shards(t));
    if (!e) e = model_gradient_plan(&t->plan, &t->model, &t->memory, &t->batch, &t->training);
    if (!e)
        e = share_sum_init(&t->sum, t->options.group, own_shards(t), &t->plan, &t->model, &t->batch,
                           &t->training);
    if (e) return e;
    if (t->sum.divides)
        return model_own_update_plan(&t->update, &t->model, &t->memory, &t->batch, &t->training,
                                     d->own, d->own_count);
    return model_update_plan(&t->update, &t->model, &t->memory, &t->batch, &t->training);
}

static err make_plans(trainer *t) {
    batch_capacity *c = &t->capacity, *lend = &t->options.lend;
    model_capacity(c, &t->model);
    model_capacity(lend, &t->model);
    err e = model_memory_init(&t->memory, &t->model, c, true);
    if (!e && lend->tokens) e = model_memory_lend(&t->lent, &t->model, lend, &t->memory);
    if (e) return e;
    if ((e = batch_init(&t->batch, t->device, &t->capacity))) return e;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if ((e = pack_init(&t->packs[slot], &t->batch))) return e;
    if ((e = make_table(t)) || (e = place_class_weights(t))) return e;
    if ((e = make_step(t))) return e;
    return model_flush_plan(&t->flush, &t->model, &t->training);
}

/* Everything on the device: counted first, so that what it lacks is said before any of it is taken.
 */
static err take_device(trainer *t, const model_config *c) {
    uint32_t token_rows = t->capacity.tokens * t->capacity.micros;
    device_measure_begin(t->device);
    err e = model_init(&t->model, t->device, c, token_rows);
    if (!e) e = make_plans(t);
    free_device(t);
    err lacks = device_measure_end(t->device, e ? NULL : "training");
    if (e || (e = lacks) || (e = model_init(&t->model, t->device, c, token_rows))) return e;
    return make_plans(t);
}

static bool is_due(uint32_t s, uint32_t every, bool at_epochs, const trainer *t) {
    return (every && s % every == 0) || (at_epochs && s % t->epoch_steps == 0);
}

static uint32_t count_evaluations(const trainer *t) {
    const trainer_options *o = &t->options;
    uint32_t count = 0;
    if (!o->evaluate.call) return 0;
    for (uint32_t s = 1; s <= t->total_steps; s++)
        count += s == t->total_steps || is_due(s, o->evaluate.every, o->evaluate.at_epochs, t);
    return count;
}

static err take_memory(trainer *t) {
    err e = ERR_OK;
    t->evaluation_limit = count_evaluations(t);
    if ((e = mem_new(&t->losses, t->total_steps))) return e;
    if (t->options.scaler && (e = mem_new(&t->skipped, t->total_steps))) return e;
    if ((e = mem_new(&t->step_ms, t->total_steps))) return e;
    return mem_new(&t->evaluations, t->evaluation_limit);
}

static err check_freezing(const recipe *r, const model_config *config) {
    if (r->freeze_layers > config->layers)
        return err_set(ERR_USAGE, "freeze_layers is %u, the model has %u layers", r->freeze_layers,
                       config->layers);
    if (r->freeze_layers && config->family->shares_layers)
        return err_set(ERR_USAGE,
                       "freeze_layers is %u, but every layer of %s has the weights of the first: "
                       "expected 0",
                       r->freeze_layers, config->family->title);
    return ERR_OK;
}

/* pre: t->feed. */
static err open_all(trainer *t, const model_config *config) {
    const recipe *r = &t->recipe;
    t->epoch_steps = t->feed.epoch_steps;
    t->total_steps = t->feed.total_steps;
    t->schedule = (schedule){r->lr_scheduler_type, r->learning_rate,
                             recipe_warmup(r, t->total_steps), t->total_steps};
    t->model.config = *config;
    err e = check_freezing(r, config);
    if (e || (e = check_shards(t)) || (e = take_memory(t))) return e;
    if (t->rows.data &&
        (e = class_weights_make(&t->class_weights, r->class_weights, config, t->rows.data)))
        return e;
    t->feed.raise(t->feed.context, &t->capacity);
    set_training(t, config);
    return take_device(t, config);
}

static void begin(trainer *t, device *d, const recipe *r, const trainer_options *options) {
    *t = (trainer){.device = d, .recipe = *r, .options = *options};
    if (!options->scaler) return;
    t->scaler = *options->scaler;
    t->options.scaler = &t->scaler;
}

err trainer_init(trainer *t, device *d, const model_config *config, const encoded *data,
                 const recipe *r, const trainer_options *options) {
    begin(t, d, r, options);
    err e = rows_feed_init(&t->rows, data, &t->recipe, options->seed);
    if (!e) {
        t->feed = rows_feed_of(&t->rows);
        e = open_all(t, config);
    }
    if (e) trainer_free(t);
    return e;
}

err trainer_init_feed(trainer *t, device *d, const model_config *config, const feed *f,
                      const recipe *r, const trainer_options *options) {
    begin(t, d, r, options);
    t->feed = *f;
    err e = open_all(t, config);
    if (e) trainer_free(t);
    return e;
}

void trainer_free(trainer *t) {
    free_device(t);
    mem_free(t->class_weights);
    mem_free(t->evaluations);
    mem_free(t->losses);
    mem_free(t->skipped);
    mem_free(t->step_ms);
    rows_feed_free(&t->rows);
    *t = (trainer){0};
}

err trainer_set(trainer *t, uint32_t done, const float *losses) {
    uint32_t *steps = NULL;
    size_t rows = t->model.config.vocabulary;
    if (done > t->total_steps)
        return err_set(ERR_DATA, "step %u of a run that has %u", done, t->total_steps);
    span last_step = t->model.params.token_last_step; // absent where the embedding is tied
    err e = mem_new(&steps, rows);
    if (e) return e;
    for (size_t i = 0; i < rows; i++) steps[i] = done; // a checkpoint's rows are all current
    if (span_given(last_step)) e = device_write_u32(last_step, steps, rows);
    memcpy(t->losses, losses, done * sizeof *losses);
    t->done = t->set_at = done;
    mem_free(steps);
    return e;
}

err trainer_set_scaling(trainer *t, float scale, uint32_t good_steps, const uint32_t *skipped,
                        uint32_t skipped_count) {
    t->scaler.scale = scale;
    t->scaler.good_steps = good_steps;
    memcpy(t->skipped, skipped, skipped_count * sizeof *skipped);
    t->skipped_count = skipped_count;
    return shift_table(t);
}

err trainer_add_evaluation(trainer *t, double score, double loss) {
    if (t->evaluation_count == t->evaluation_limit)
        return err_set(ERR_ARG, "more than %u evaluations", t->evaluation_limit);
    // as a checkpoint gives them back
    t->evaluations[t->evaluation_count++] =
        (trainer_evaluation){t->done, json_rounded(score), json_rounded(loss), t->trained_s};
    return ERR_OK;
}

/* Packs one of this rank's shards of step s into its slot, which no step under way uses. */
static err pack_shard(trainer *t, uint32_t s, uint32_t shard) {
    uint32_t slot = s % SLOT_COUNT;
    const pack_sentence *sentences = NULL;
    pack *p = &t->packs[slot];
    uint32_t n = 0;
    const struct group *g = t->options.group;
    err e = t->feed.step(t->feed.context, &sentences, &n, s);
    if (e) return e;
    if (!is_alone(t)) shard += g->rank * own_shards(t);
    if (shards_of(t) > 1 && (e = shares_make(&t->shares, sentences, n, shards_of(t)))) return e;
    const pack_share share = {t->shares.owners, shard};
    if ((e = pack_fill_share(p, &t->batch, slot, sentences, n, &share, t->feed.micro_sentences,
                             true)))
        return e;
    t->divisors[slot] = p->of_units ? (p->unit_count ? p->unit_count : 1) : n;
    if (t->class_weights) {
        t->divisors[slot] = 0;
        for (size_t i = 0; i < n; i++)
            t->divisors[slot] += t->class_weights[sentences[i].target.class];
    }
    return ERR_OK;
}

/* Sum of losses of this process' sentences, in their order. */
static double sum_losses(const trainer *t, uint32_t slot) {
    const pack *p = &t->packs[slot];
    double sum = 0;
    for (uint32_t micro = 0; micro < p->micro_count; micro++) {
        span losses = span_at(t->batch.losses, slot, micro);
        size_t count = pack_results(p, micro);
        for (size_t b = 0; b < count; b++) sum += span_real(losses, b);
    }
    return sum;
}

/* Packs step s, or the first shard of it. */
static err prepare(trainer *t, uint32_t s) {
    return pack_shard(t, s, 0);
}

static step_info info_of(const trainer *t, uint32_t s) {
    uint32_t slot = s % SLOT_COUNT;
    step_info info = pack_step(&t->packs[slot], slot, s, t->options.seed);
    if (t->class_weights) info.loss_scale = (float)(1 / t->divisors[slot]);
    if (t->options.scaler) {
        info.loss_scale *= t->scaler.scale;
        info.gradient_scale = t->scaler.scale;
    }
    return info;
}

/* The gradients of this rank's shards, and their losses. */
static err compute_shards(trainer *t, uint32_t s) {
    uint32_t slot = s % SLOT_COUNT, count = own_shards(t);
    err e = ERR_OK;
    for (uint32_t k = 0; !e && k < count; k++) {
        if (k && (e = pack_shard(t, s, k))) return e;
        step_info info = info_of(t, s);
        share_sum_begin(&t->sum, &info);
        if (!(e = plan_submit(&t->plan, &info))) e = share_sum_early(&t->sum, &t->plan);
        if (!e) e = plan_wait(&t->plan, slot);
        if (e) share_sum_stop(&t->sum);
        if (e) return e;
        t->shard_losses[k] = sum_losses(t, slot);
        if (count > 1) e = share_sum_keep(&t->sum, k, &info);
    }
    return e;
}

/* pre: it is packed. */
static err start(trainer *t, uint32_t s) {
    step_info info = info_of(t, s);
    if (shards_of(t) == 1) return plan_submit(&t->plan, &info);
    bool asked = t->is_asked || interrupt_seen();
    // a GPU's first few make pipelines, and then show how long one takes
    uint32_t fresh = t->device->info.kind == DEVICE_CPU ? RATE_STEPS : t->done - t->begun_at;
    group_watch(t->options.group,
                fresh < WARM_STEPS   ? WATCH_BUILD
                : fresh < RATE_STEPS ? WATCH_LEARN
                                     : WATCH_WORK,
                &t->device->work);
    err e = compute_shards(t, s);
    if (!e) e = share_sum_run(&t->sum, &t->sums[info.slot], t->shard_losses, &asked, &info);
    if (e) return e;
    t->is_asked = asked;
    info = info_of(t, s); // the last shard's lists
    if ((e = plan_submit(&t->update, &info)) || !t->sum.divides) return e;
    if ((e = plan_wait(&t->update, info.slot))) return e;
    return share_sum_send_weights(&t->sum);
}

/* Sum of losses in the order of the sentences, over the divisor. */
static double step_loss(const trainer *t, uint32_t slot) {
    return (shards_of(t) == 1 ? sum_losses(t, slot) : t->sums[slot]) / t->divisors[slot];
}

static void report_progress(trainer *t) {
    double now = clock_seconds();
    uint32_t fresh = t->done - t->begun_at;
    double loss = (double)t->losses[t->done - 1], rate = trainer_rate(t, t->done);
    char left[LOG_DURATION_BYTES];
    // the first steps carry one-time costs, and few steps tell no rate
    if (fresh == WARM_STEPS) t->warm_begin = now;
    if (fresh < RATE_STEPS || t->options.stop_at) { // nor is the end of training what comes then
        log_progress("step %u of %u  loss %.4f  lr %.2e", t->done, t->total_steps, loss, rate);
        return;
    }
    double per_step = (now - t->warm_begin) / (double)(fresh - WARM_STEPS);
    double seconds = per_step * (double)(t->total_steps - t->done);
    log_duration(left, seconds);
    log_progress("step %u of %u  %s left  loss %.4f  %.0f %s/s  lr %.2e", t->done, t->total_steps,
                 left, loss, t->feed.per_step / per_step, t->feed.unit, rate);
    if (fresh != ESTIMATE_STEPS || seconds < 1) return;
    log_note("expected end of training in %s%s", left,
             seconds > LONG_SECONDS
                 ? err_advice("epochs", "; smaller choices: --model tiny, --epochs 1, --limit 2000")
                 : "");
}

/* Runs step s once more, alone, to see which tensor is at fault: a step that is not finite changes
 * no weight. What fails here is left out. */
static err stop_nonfinite(trainer *t, uint32_t s, double loss, double norm) {
    char tensor[NONFINITE_BYTES] = "";
    err e = plan_wait(&t->plan, (s + 1) % SLOT_COUNT);
    if (!e) e = prepare(t, s);
    if (!e) e = start(t, s);
    if (!e) e = plan_wait(&t->plan, s % SLOT_COUNT);
    if (!e) e = share_sum_gather(&t->sum, SHARE_GRADIENTS);
    if (!e) e = nonfinite_find(tensor, &t->model.params);
    if (e) tensor[0] = '\0';
    return err_set(ERR_NUMERIC,
                   "step %u of %u: the %s is not finite (loss %g, gradient norm %g, learning rate "
                   "%g)%s%s; training stopped",
                   s, t->total_steps, isfinite(loss) ? "gradient norm" : "loss", loss, norm,
                   trainer_rate(t, s), *tensor ? ", nor is the " : "", tensor);
}

/* Step s changed nothing: notes it, and lowers the scale. */
static err skip(trainer *t, uint32_t s) {
    static const double skipped[4] = {1, 0, 1, 1}; // rows caught up later leave the step out too
    float scale = t->scaler.scale;
    if (!loss_scaler_update(&t->scaler, false))
        return err_set(ERR_NUMERIC,
                       "step %u of %u: gradients are not finite at a loss scale of %g either, and "
                       "the smallest is %g (%u steps were skipped); training stopped",
                       s, t->total_steps, (double)scale, (double)t->scaler.floor, t->skipped_count);
    t->skipped[t->skipped_count++] = s;
    err e = device_write_f64(span_part(t->training.table, (size_t)s * 4, 4), skipped, 4);
    t->done = s;
    return e ? e : shift_table(t);
}

/* Waits for step s and reads its results. */
static err finish(trainer *t, uint32_t s) {
    uint32_t slot = s % SLOT_COUNT;
    err e = plan_wait(&t->plan, slot);
    if (e) return e;
    // both lie in mapped memory: reading them does not wait for the step that runs behind this one
    span norm = span_at(t->batch.norm, slot, 0);
    double loss = step_loss(t, slot);
    bool finite = span_real(norm, 2) != 0;
    // the scale acts behind the loss, so lowering it mends no loss
    if (!isfinite(loss) || (!finite && !t->options.scaler))
        return stop_nonfinite(t, s, loss, span_real(norm, 0));
    if (finite) {
        t->grad_norm = span_real(norm, 0);
        if (t->options.scaler) (void)loss_scaler_update(&t->scaler, true);
    } else if ((e = skip(t, s))) {
        return e;
    }
    double now = clock_seconds();
    t->losses[s - 1] = (float)loss;
    t->step_ms[s - 1] = (now - t->mark) * 1000;
    t->mark = now;
    t->done = s;
    t->work.tokens += t->packs[slot].token_count;
    t->work.sentences += t->packs[slot].sentence_count;
    report_progress(t);
    const trainer_options *o = &t->options;
    if (!o->log.every || s % o->log.every) return ERR_OK;
    transport_watch before = group_watch(o->group, WATCH_HOST, NULL);
    e = o->log.call(o->log.context, t);
    group_watch(o->group, before, NULL);
    return e;
}

static err call_hook(trainer *t, trainer_hook hook, void *context) {
    double begin = clock_seconds();
    step_info info = {.step = t->done, .seed = t->options.seed};
    double own = t->work.seconds + begin - t->begun_s;
    t->trained_s = t->earlier.seconds < 0 ? 0 : json_rounded(t->earlier.seconds + own);
    err e = plan_submit(&t->flush, &info);
    if (!e) e = plan_wait(&t->flush, 0);
    group_watch(t->options.group, WATCH_HOST, NULL); // rank 0 may write for long
    if (!e && hook) e = share_sum_gather(&t->sum, SHARE_MOMENTS);
    if (!e && hook) e = hook(context, t);
    if (!e && hook) e = group_barrier(t->options.group);
    double spent = clock_seconds() - begin;
    t->work.seconds -= spent;
    t->mark += spent;
    t->warm_begin += t->warm_begin > 0 ? spent : 0;
    return e;
}

/* The step that ends the next stretch that runs without a stop. */
static uint32_t next_stop(const trainer *t, uint32_t last) {
    const trainer_options *o = &t->options;
    for (uint32_t s = t->done + 1; s < last; s++)
        if (is_due(s, o->save.every, o->save.at_epochs, t) ||
            is_due(s, o->evaluate.every, o->evaluate.at_epochs, t))
            return s;
    return last;
}

static bool is_asked_to_stop(const trainer *t) {
    return is_alone(t) ? interrupt_seen() : t->is_asked;
}

/* Runs to step `stop`, two steps in flight; with a loss scale, which the next step takes from the
 * one before, one in flight and the next one packed. After an interruption no further step is
 * started. */
static err run_to(trainer *t, uint32_t stop) {
    uint32_t packed = t->done, started = t->done, most = t->options.scaler ? 1 : SLOT_COUNT;
    err e = ERR_OK;
    while (!e && t->done < stop) {
        bool goes_on = !is_asked_to_stop(t);
        if (goes_on && started < packed && started - t->done < most)
            e = start(t, ++started);
        else if (goes_on && packed < stop && packed - t->done < SLOT_COUNT)
            e = prepare(t, ++packed);
        else if (started > t->done)
            e = finish(t, t->done + 1);
        else
            break;
    }
    return e;
}

static bool has_evaluated(const trainer *t) {
    return t->evaluation_count && t->evaluations[t->evaluation_count - 1].step == t->done;
}

/* The evaluation that is due at t->done, if one is and it was not made before a checkpoint. */
static err evaluate_if_due(trainer *t) {
    const trainer_options *o = &t->options;
    bool due =
        t->done == t->total_steps || is_due(t->done, o->evaluate.every, o->evaluate.at_epochs, t);
    if (!o->evaluate.call || !t->done || !due || has_evaluated(t)) return ERR_OK;
    return call_hook(t, o->evaluate.call, o->evaluate.context);
}

static err run_all(trainer *t, uint32_t last) {
    const trainer_options *o = &t->options;
    // of a run that was interrupted between a step and its evaluation
    err e = evaluate_if_due(t);
    while (!e && !t->is_stopped && t->done < last) {
        if ((e = run_to(t, next_stop(t, last))) || (e = share_sum_settle(&t->sum))) return e;
        uint32_t s = t->done;
        bool stopped = is_asked_to_stop(t) && s < t->total_steps;
        if (stopped && !s) return err_set(ERR_INTERRUPTED, "interrupted before the first step");
        if (!stopped && (e = evaluate_if_due(t))) return e;
        if (t->is_stopped) break;
        if (o->save.call && s < t->total_steps &&
            (stopped || is_due(s, o->save.every, o->save.at_epochs, t)) &&
            (e = call_hook(t, o->save.call, o->save.context)))
            return e;
        if (stopped)
            return err_set(ERR_INTERRUPTED, "interrupted after step %u of %u", s, t->total_steps);
    }
    return e ? e : call_hook(t, NULL, NULL);
}

err trainer_run(trainer *t) {
    uint32_t last = t->options.stop_at ? t->options.stop_at : t->total_steps;
    double begin = clock_seconds();
    t->begun_at = t->done;
    t->mark = t->begun_s = begin;
    t->warm_begin = 0;
    interrupt_begin();
    err e = run_all(t, last);
    if (e) share_sum_stop(&t->sum); // the others hear of it from this thread
    interrupt_end();
    group_watch(t->options.group, WATCH_BEGIN, &t->device->work);
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++)
        if (e && plan_wait(&t->plan, slot)) break; // the first message is the one to show
    log_progress_end();
    t->work.seconds += clock_seconds() - begin;
    return e;
}

double trainer_epoch(const trainer *t) {
    return t->feed.epoch(t->feed.context, t->done);
}

double trainer_logged_loss(const trainer *t) {
    uint32_t every = t->recipe.logging_steps, first = t->done ? (t->done - 1) / every * every : 0;
    double sum = 0;
    for (uint32_t s = first; s < t->done; s++) sum += (double)t->losses[s];
    return t->done ? sum / (t->done - first) : 0;
}

uint32_t trainer_work_done(trainer_work *out, const trainer *t) {
    const trainer_work *w = &t->earlier;
    *out = t->work;
    if (t->set_at && !w->tokens) return t->set_at;
    out->seconds += w->seconds;
    out->tokens += w->tokens;
    out->sentences += w->sentences;
    return 0;
}

uint64_t trainer_checkpoint_bytes(const trainer *t) {
    return (uint64_t)t->model.params.total * 3 * sizeof(float) + (1 << 20);
}
