#include "train/checkpoint/checkpoint.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sums.h"
#include "model/weights/weights.h"
#include "platform/file.h"
#include "train/checkpoint/identity.h"
#include "train/checkpoint/marker.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_SCHEMA = 1, STATE_LIMIT_BYTES = 256 << 20 };
#define MOST_SECONDS (100 * 365.25 * 86400) /* of training */
static const char state_name[] = "trainer_state.json";
static const char name_prefix[] = "checkpoint-";
static const char *const hashed_files[] = {"model.safetensors", "optimizer.safetensors"};
enum { HASHED_FILES = sizeof hashed_files / sizeof *hashed_files };

err model_folder_write(const char *folder, const struct model *m, const tokenizer *words) {
    const char *names[8] = {"config.json", "model.safetensors"};
    size_t count = 0;
    const char *const *saved = tokenizer_saved_files(words, &count);
    char path[PATH_MAX];
    err e = ERR_OK;
    for (size_t i = 0; i < count; i++) names[2 + i] = saved[i];
    if ((e = folder_make(folder))) return e;
    if ((e = sums_remove(folder))) return e; // of files that are about to be replaced
    if ((e = path_in(path, folder, "config.json"))) return e;
    e = model_config_write(&m->config, path);
    if (!e) e = tokenizer_save(words, folder);
    if (!e) e = weights_save(&m->params, folder);
    return e ? e : sums_write(folder, names, 2 + count);
}

static err hash_in(const char *folder, const char *name, char hex[HASH_HEX_BYTES]) {
    char path[PATH_MAX];
    err e = path_in(path, folder, name);
    return e ? e : hash_file_hex(path, hex);
}

static err evaluations_build(cJSON *root, const trainer *t) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, "evaluations");
    for (uint32_t i = 0; !e && i < t->evaluation_count; i++) {
        const trainer_evaluation *v = &t->evaluations[i];
        const double values[] = {v->step, v->score, v->loss};
        e = json_append(list, cJSON_CreateDoubleArray(values, 3));
    }
    return e;
}

/* What it trained on, and how long: until now, and until each evaluation; of a run that knows. */
static err work_build(cJSON *root, const trainer *t) {
    cJSON *list = NULL;
    trainer_work w;
    if (!(t->trained_s > 0)) return ERR_OK;
    err e = json_add_number(root, "train_seconds", t->trained_s);
    if (!e && !trainer_work_done(&w, t))
        e = json_put(root, "train_tokens %f train_sentences %f", (double)w.tokens,
                     (double)w.sentences);
    if (!e) e = json_add_array(&list, root, "evaluation_seconds");
    for (uint32_t i = 0; !e && i < t->evaluation_count; i++)
        e = json_append(list, cJSON_CreateNumber(t->evaluations[i].seconds));
    return e;
}

/* Of a run with a loss scale; another has none of it. */
static err scaling_build(cJSON *root, const trainer *t) {
    cJSON *scaling = NULL, *list = NULL;
    if (!t->options.scaler) return ERR_OK;
    err e = json_add_object(&scaling, root, "loss_scaling");
    if (!e)
        e = json_put(scaling, "scale %f good_steps %u", (double)t->scaler.scale,
                     t->scaler.good_steps);
    if (!e) e = json_add_array(&list, scaling, "skipped");
    for (uint32_t i = 0; !e && i < t->skipped_count; i++)
        e = json_append(list, cJSON_CreateNumber(t->skipped[i]));
    return e;
}

static err state_build(cJSON *root, const char *folder, const trainer *t,
                       const checkpoint_run *run) {
    char hex[HASH_HEX_BYTES];
    char *losses = NULL;
    cJSON *files = NULL;
    err e = ERR_OK;
    if ((e = json_put(root, "schema %f run %s", (double)STATE_SCHEMA, run->id))) return e;
    if ((e = json_add_copy(root, "identity", run->identity))) return e;
    if ((e = json_put(root,
                      "global_step %u max_steps %u epoch %f batch_index %u best_step %u "
                      "best_score %f",
                      t->done, t->total_steps, (double)t->done / t->epoch_steps,
                      t->done % t->epoch_steps, run->best_step, run->best_score)))
        return e;
    if ((e = evaluations_build(root, t)) || (e = work_build(root, t))) return e;
    if ((e = scaling_build(root, t))) return e;
    if ((e = base64_encode(&losses, t->losses, t->done * sizeof *t->losses))) return e;
    e = json_add_string(root, "losses", losses);
    mem_free(losses);
    if (e || (e = json_add_object(&files, root, "sha256"))) return e;
    for (int i = 0; i < HASHED_FILES; i++) {
        if ((e = hash_in(folder, hashed_files[i], hex))) return e;
        if ((e = json_add_string(files, hashed_files[i], hex))) return e;
    }
    return ERR_OK;
}

static err state_write(const char *folder, const trainer *t, const checkpoint_run *run) {
    char path[PATH_MAX];
    cJSON *root = cJSON_CreateObject();
    err e = state_build(root, folder, t, run);
    if (!e) e = path_in(path, folder, state_name);
    if (!e) e = json_write(path, root);
    cJSON_Delete(root);
    return e;
}

static err state_open(cJSON **root, char **where, const char *folder) {
    *root = NULL;
    err e = path_join(where, folder, state_name);
    return e ? e : json_read(root, *where, STATE_LIMIT_BYTES);
}

static err check_files(const cJSON *root, const char *folder, const char *where) {
    const cJSON *files = NULL;
    err e = json_object(&files, root, "sha256", where);
    for (int i = 0; !e && i < HASHED_FILES; i++) {
        const char *expected = NULL;
        char found[HASH_HEX_BYTES];
        if ((e = json_string(&expected, files, hashed_files[i], where))) return e;
        if ((e = hash_in(folder, hashed_files[i], found))) return e;
        if (strcmp(expected, found) != 0)
            return err_set(ERR_DATA, "%s/%s: SHA-256 is %s, %s was written: the file is damaged",
                           folder, hashed_files[i], found, expected);
    }
    return e;
}

/* The step in "checkpoint-<step>", 0 for any other name. */
static uint32_t name_step(const char *name) {
    size_t n = sizeof name_prefix - 1;
    if (strncmp(name, name_prefix, n) != 0 || !name[n]) return 0;
    uint64_t step = 0;
    for (const char *c = name + n; *c; c++) {
        if (*c < '0' || *c > '9' || step > UINT32_MAX / 10) return 0;
        step = step * 10 + (uint64_t)(*c - '0');
    }
    return (uint32_t)step;
}

bool checkpoint_is_name(const char *name) {
    static const char partial[] = "partial-";
    size_t n = sizeof partial - 1;
    return name_step(strncmp(name, partial, n) == 0 ? name + n : name) > 0;
}

typedef struct place {
    uint32_t step;
    char *path;
    bool is_ours;
} place;

static int by_step(const void *a, const void *b) {
    const place *x = a, *y = b;
    return (x->step > y->step) - (x->step < y->step);
}

static void places_free(place *list, size_t count) {
    for (size_t i = 0; list && i < count; i++) mem_free(list[i].path);
    mem_free(list);
}

static err pass_over(err e) {
    if (e != ERR_FORMAT && e != ERR_DATA) return e;
    log_warn("%s: this checkpoint is passed over", err_message(e));
    return err_forgive(e, e);
}

/* A folder without state is not ours, nor, with a warning, one whose state is damaged. That it
 * could not be read just now says nothing: taken for another run's, it might be removed. */
static err belongs_to(bool *same, const char *folder, const char *id) {
    cJSON *root = NULL;
    char where[PATH_MAX];
    const char *found = NULL;
    *same = false;
    err e = path_in(where, folder, state_name);
    if (e || !file_exists(where)) goto done;
    if (!(e = sums_check(folder, state_name)) && !(e = json_read(&root, where, STATE_LIMIT_BYTES)))
        e = json_string(&found, root, "run", where);
    *same = !e && strcmp(found, id) == 0;
done:
    cJSON_Delete(root);
    return pass_over(e);
}

/* Every checkpoint under output, ascending by step. */
static err places_read(place **list, size_t *count, const char *output, const char *id) {
    folder_list names = {0};
    *list = NULL;
    *count = 0;
    if (!folder_exists(output)) return ERR_OK;
    err e = folder_list_read(&names, output);
    if (!e) e = mem_new(list, names.count);
    for (size_t i = 0; !e && i < names.count; i++) {
        uint32_t step = name_step(names.names[i]);
        if (!step) continue;
        place *p = &(*list)[*count];
        p->step = step;
        if ((e = path_join(&p->path, output, names.names[i]))) break;
        ++*count;
        if (id) e = belongs_to(&p->is_ours, p->path, id);
    }
    if (!e) qsort(*list, *count, sizeof **list, by_step);
    folder_list_free(&names);
    if (e) {
        places_free(*list, *count);
        *list = NULL;
        *count = 0;
    }
    return e;
}

/* Whether its weights and moments are those that its state was written with; with a warning where
 * not. It is hashed again when it is read: what is found here is a path, and files change. */
static err is_whole(bool *whole, const char *folder) {
    cJSON *root = NULL;
    char *where = NULL;
    err e = state_open(&root, &where, folder);
    if (!e) e = check_files(root, folder, where);
    *whole = !e;
    cJSON_Delete(root);
    mem_free(where);
    return pass_over(e);
}

err checkpoint_find(char **path, const char *output, const char *id) {
    place *list = NULL;
    size_t count = 0;
    *path = NULL;
    err e = places_read(&list, &count, output, id);
    for (size_t i = count; !e && !*path && i-- > 0;) {
        bool whole = false;
        if (list[i].is_ours) e = is_whole(&whole, list[i].path);
        if (!e && whole) e = mem_strdup(path, list[i].path);
    }
    places_free(list, count);
    return e;
}

err checkpoint_clear(const char *output, const char *id) {
    place *list = NULL;
    size_t count = 0;
    err e = places_read(&list, &count, output, id);
    for (size_t i = 0; !e && i < count; i++)
        if (!list[i].is_ours) e = marker_remove(list[i].path);
    places_free(list, count);
    return e;
}

err checkpoint_limit(const char *output, const char *id, uint32_t keep) {
    place *list = NULL;
    size_t count = 0, ours = 0;
    if (!keep) return ERR_OK;
    err e = places_read(&list, &count, output, id);
    for (size_t i = 0; i < count; i++) ours += list[i].is_ours;
    for (size_t i = 0; !e && i < count && ours > keep; i++) {
        if (!list[i].is_ours) continue;
        e = marker_remove(list[i].path);
        ours--;
    }
    places_free(list, count);
    return e;
}

err checkpoint_usage(const char *output, const char *id, size_t *count, uint64_t *bytes) {
    place *list = NULL;
    size_t places = 0;
    *count = 0;
    *bytes = 0;
    err e = places_read(&list, &places, output, id);
    for (size_t i = 0; !e && i < places; i++) {
        if ((id && !list[i].is_ours) || !folder_exists(list[i].path)) continue;
        ++*count;
        // what is not to be read is there all the same
        e = err_forgive(folder_add_bytes(bytes, list[i].path), ERR_IO);
    }
    places_free(list, places);
    return e;
}

err checkpoint_abandon(err e, const char *folder) {
    char *message = NULL;
    if (mem_strdup(&message, err_message(e))) return e;
    if (marker_remove(folder)) err_clear(); // its message would hide the first fault's
    e = err_set(e, "%s", message);
    mem_free(message);
    return e;
}

err checkpoint_write(const char *output, const trainer *t, const tokenizer *words,
                     const checkpoint_run *run, uint32_t keep) {
    char *partial = NULL, *final = NULL;
    err e = ERR_OK;
    if ((e = mem_printf(&final, "%s/%s%u", output, name_prefix, t->done))) goto done;
    if ((e = mem_printf(&partial, "%s/partial-%s%u", output, name_prefix, t->done))) goto done;
    if ((e = marker_remove(partial))) goto done;
    if ((e = marker_make(partial, run->id, run->name))) goto done;
    if ((e = model_folder_write(partial, &t->model, words))) goto done;
    if ((e = moments_save(&t->model.params, partial))) goto done;
    if ((e = state_write(partial, t, run))) goto done;
    if ((e = sums_add(partial, state_name))) goto done;
    if ((e = marker_replace(partial, final))) goto done;
    e = checkpoint_limit(output, run->id, keep);
done:
    if (e && partial) e = checkpoint_abandon(e, partial);
    mem_free(partial);
    mem_free(final);
    return e;
}

static err read_losses(float **losses, const cJSON *root, uint32_t step, const char *where) {
    const char *text = NULL;
    void *bytes = NULL;
    size_t count = 0;
    *losses = NULL;
    err e = json_string(&text, root, "losses", where);
    if (e || (e = base64_decode(&bytes, &count, text))) return err_wrap(e, "%s: losses", where);
    if (count != step * sizeof(float)) {
        mem_free(bytes);
        return err_set(ERR_FORMAT, "%s: losses holds %zu bytes, expected %zu for %u steps", where,
                       count, step * sizeof(float), step);
    }
    *losses = bytes;
    const double least = -1e-3; // a sum of roundings may be a little below 0
    for (uint32_t s = 0; s < step; s++)
        if (!isfinite((*losses)[s]) || (double)(*losses)[s] < least)
            return err_set(ERR_FORMAT,
                           "%s: losses: step %u has %g, expected a finite number from 0", where,
                           s + 1, (double)(*losses)[s]);
    return ERR_OK;
}

/* One [step, score, loss]. Evaluations ascend and are not of the future. */
static err read_evaluation(trainer *t, const cJSON *item, uint32_t step, const char *where) {
    uint32_t n = t->evaluation_count, least = n ? t->evaluations[n - 1].step + 1 : 1;
    double v[3] = {0};
    int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 0;
    for (int i = 0; count == 3 && i < 3; i++) {
        const cJSON *value = cJSON_GetArrayItem(item, i);
        if (!cJSON_IsNumber(value) || !isfinite(value->valuedouble)) count = 0;
        v[i] = value->valuedouble;
    }
    if (count != 3 || n == t->evaluation_limit || v[0] < least || v[0] > step ||
        v[0] != floor(v[0]))
        return err_set(ERR_FORMAT,
                       "%s: evaluations: expected at most %u of [step, score, loss] with ascending "
                       "steps up to %u",
                       where, t->evaluation_limit, step);
    t->evaluations[t->evaluation_count++] = (trainer_evaluation){(uint32_t)v[0], v[1], v[2], 0};
    return ERR_OK;
}

/* The checkpoints of a run that does not evaluate may have none. */
static err read_evaluations(trainer *t, const cJSON *root, uint32_t step, const char *where) {
    const cJSON *list = NULL, *item = NULL;
    t->evaluation_count = 0;
    if (!json_has(root, "evaluations")) return ERR_OK;
    err e = json_array(&list, root, "evaluations", where);
    if (e) return e;
    cJSON_ArrayForEach(item, list) {
        if ((e = read_evaluation(t, item, step, where))) return e;
    }
    return ERR_OK;
}

/* No more than so many steps of this trainer hold, and a sentence a step at least. A checkpoint of
 * an older program has none. */
static err read_trained_on(trainer *t, const cJSON *root, uint32_t step, const char *where) {
    const batch_capacity *c = &t->capacity;
    int64_t tokens = 0, sentences = 0, micros = (int64_t)step * c->micros;
    if (!json_has(root, "train_tokens")) return ERR_OK;
    err e = json_whole(&tokens, root, "train_tokens", step, micros * c->tokens, where);
    if (!e) e = json_whole(&sentences, root, "train_sentences", step, tokens, where);
    t->earlier.tokens = (uint64_t)tokens;
    t->earlier.sentences = (uint64_t)sentences;
    return e;
}

/* Seconds of training ascend to those of the checkpoint; one of an older program has none. */
static err read_work(trainer *t, const cJSON *root, uint32_t step, const char *where) {
    const cJSON *list = NULL, *item = NULL;
    double all = 0, last = 0;
    uint32_t n = 0;
    t->earlier = (trainer_work){.seconds = -1};
    if (!json_has(root, "train_seconds")) return ERR_OK;
    err e = json_number(&all, root, "train_seconds", where);
    if (!e) e = json_array(&list, root, "evaluation_seconds", where);
    if (e) return e;
    if (all > MOST_SECONDS)
        return err_set(ERR_FORMAT, "%s: train_seconds is %g, expected at most %g (100 years)",
                       where, all, MOST_SECONDS);
    bool fits = all > 0 && (uint32_t)cJSON_GetArraySize(list) == t->evaluation_count;
    cJSON_ArrayForEach(item, list) {
        double s = cJSON_IsNumber(item) ? item->valuedouble : -1;
        fits = fits && s >= last && s <= all;
        if (!fits) break;
        t->evaluations[n++].seconds = last = s;
    }
    if (!fits)
        return err_set(ERR_FORMAT,
                       "%s: evaluation_seconds: expected %u ascending numbers up to "
                       "train_seconds",
                       where, t->evaluation_count);
    t->earlier.seconds = all;
    return read_trained_on(t, root, step, where);
}

/* pre: t->done is set. */
static err read_scaling(trainer *t, const cJSON *root, const char *where) {
    const cJSON *scaling = NULL, *list = NULL, *item = NULL;
    double scale = 0;
    int64_t good = 0;
    uint32_t *skipped = NULL, count = 0;
    if (!t->options.scaler) return ERR_OK;
    err e = json_object(&scaling, root, "loss_scaling", where);
    if (!e) e = json_number(&scale, scaling, "scale", where);
    if (!e) e = json_whole(&good, scaling, "good_steps", 0, t->done, where);
    if (!e) e = json_array(&list, scaling, "skipped", where);
    if (!e && !(scale > 0 && scale <= (double)FLT_MAX))
        e = err_set(ERR_FORMAT, "%s: loss_scaling: scale is %g, expected a positive f32", where,
                    scale);
    if (!e) e = mem_new(&skipped, t->done);
    cJSON_ArrayForEach(item, list) {
        double s = cJSON_IsNumber(item) ? item->valuedouble : 0;
        if (e) break;
        if (!(s > (count ? skipped[count - 1] : 0) && s <= t->done) || s != floor(s))
            e = err_set(ERR_FORMAT,
                        "%s: loss_scaling: skipped: expected ascending steps from 1 to %u", where,
                        t->done);
        else
            skipped[count++] = (uint32_t)s;
    }
    if (!e) e = trainer_set_scaling(t, (float)scale, (uint32_t)good, skipped, count);
    mem_free(skipped);
    return e;
}

static err check_best(const trainer *t, const checkpoint_run *run, const char *where) {
    uint32_t step = run->best_step;
    for (uint32_t i = 0; i < t->evaluation_count; i++) {
        if (t->evaluations[i].step != step) continue;
        if (t->evaluations[i].score == run->best_score) return ERR_OK;
        return err_set(ERR_DATA,
                       "%s: best_score is %.17g, but the evaluation of step %u has %.17g%s", where,
                       run->best_score, step, t->evaluations[i].score,
                       err_advice("overwrite", "; use --overwrite to start over"));
    }
    if (!step && !t->evaluation_count) return ERR_OK;
    return err_set(ERR_DATA, "%s: best_step is %u, but no evaluation of that step is there%s",
                   where, step, err_advice("overwrite", "; use --overwrite to start over"));
}

/* Step, epoch and place in it say the same thing three times, of a run of this length. */
static err check_counts(const trainer *t, const cJSON *root, int64_t step, const char *where) {
    int64_t total = 0, index = 0;
    double epoch = 0, expected = (double)step / t->epoch_steps;
    err e = json_whole(&total, root, "max_steps", t->total_steps, t->total_steps, where);
    if (!e)
        e = json_whole(&index, root, "batch_index", step % t->epoch_steps, step % t->epoch_steps,
                       where);
    if (!e) e = json_number(&epoch, root, "epoch", where);
    if (!e && fabs(epoch - expected) > 1e-9 * fmax(1, expected))
        e = err_set(ERR_FORMAT, "%s: epoch is %g, but step %" PRId64 " of %u an epoch is %g", where,
                    epoch, step, t->epoch_steps, expected);
    return e;
}

static err read_state(trainer *t, checkpoint_run *run, const cJSON *root, const char *folder,
                      const char *where) {
    const cJSON *identity = NULL;
    int64_t schema = 0, step = 0, best = 0;
    float *losses = NULL;
    err e = ERR_OK;
    if ((e = json_whole(&schema, root, "schema", STATE_SCHEMA, STATE_SCHEMA, where))) return e;
    if ((e = json_object(&identity, root, "identity", where))) return e;
    if ((e = identity_check(identity, run->identity, where, "checkpoint"))) return e;
    if ((e = json_whole(&step, root, "global_step", 1, t->total_steps, where))) return e;
    if ((e = check_counts(t, root, step, where))) return e;
    if ((e = json_whole(&best, root, "best_step", 0, step, where))) return e;
    if ((e = json_number(&run->best_score, root, "best_score", where))) return e;
    run->best_step = (uint32_t)best;
    if ((e = read_evaluations(t, root, (uint32_t)step, where))) return e;
    if ((e = read_work(t, root, (uint32_t)step, where))) return e;
    if ((e = check_best(t, run, where))) return e;
    if ((e = check_files(root, folder, where))) return e;
    e = read_losses(&losses, root, (uint32_t)step, where);
    if (!e) e = trainer_set(t, (uint32_t)step, losses);
    mem_free(losses);
    return e ? e : read_scaling(t, root, where);
}

err checkpoint_read(trainer *t, checkpoint_run *run, const char *path) {
    cJSON *root = NULL;
    char *where = NULL;
    weights_report report = {0};
    params *ps = &t->model.params;
    err e = state_open(&root, &where, path);
    if (e || (e = read_state(t, run, root, path, where))) goto done;
    if ((e = weights_load(ps, &report, path, 0, 0))) goto done;
    if (report.drawn_count) {
        e = err_set(ERR_DATA, "%s: tensor '%s' is missing", path, report.drawn[0]);
        goto done;
    }
    e = moments_load(ps, path);
done:
    weights_report_free(&report);
    cJSON_Delete(root);
    mem_free(where);
    return e;
}
