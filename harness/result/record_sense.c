/* What the parts of a record say of one another, and what no program writes. Every reader asks for
 * it: a board has no record that `results add` would refuse for it. */
#include "base/json.h"
#include "base/memory.h"
#include "base/moment.h"
#include "base/shell_words.h"
#include "model/params.h"
#include "result/record_internal.h"
#include "train/recipe/recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err check_dev(const record *r, const char *path) {
    bool is_dev = !strcmp(r->protocol, "dev");
    const char *chosen = json_text_at(r->recipe, "metric_for_best_model");
    if (!r->task.dev_rows == is_dev)
        return err_set(ERR_FORMAT, "%s: task: rows: key 'dev' is %lld under protocol %s", path,
                       (long long)r->task.dev_rows, r->protocol);
    if (!r->dev_metric == is_dev && (r->schema >= 2 || !is_dev))
        return err_set(ERR_FORMAT, "%s: key 'dev' is %s under protocol %s", path,
                       is_dev ? "missing" : "there", r->protocol);
    if (!chosen) chosen = r->headline;
    return !r->dev_metric || !strcmp(r->dev_metric, chosen)
               ? ERR_OK
               : err_set(ERR_FORMAT,
                         "%s: dev: key 'metric' is '%.80s', the recipe chooses by '%.80s'", path,
                         r->dev_metric, chosen);
}

/* Half of the steps that were timed, one at least, took the median or more. */
static err check_timing(const record *r, const char *path) {
    enum { MOST_OFF = 1000 }; // one part in so many, for other roundings
    const record_timing *t = &r->timing;
    double tokens = (double)t->train_tokens, told = t->tokens_per_s * t->train_s;
    if (t->steps && t->train_s * 1000 < t->step_ms_p50 / 2)
        return err_set(ERR_FORMAT,
                       "%s: timing: key 'train_s' is %g, one step alone took %g ms (step_ms_p50)",
                       path, t->train_s, t->step_ms_p50);
    if (t->train_s > 0 && fabs(told - tokens) > tokens / MOST_OFF)
        return err_set(ERR_FORMAT,
                       "%s: timing: key 'train_s' is %g: at %g tokens_per_s these are %.0f tokens, "
                       "train_tokens says %.0f",
                       path, t->train_s, t->tokens_per_s, told, tokens);
    return ERR_OK;
}

/* A clock may be wrong by a time zone. No program that writes records is older than `oldest`. */
static err check_created(const record *r, const char *path) {
    enum { DAY_S = 24 * 3600 };
    static const char oldest[] = "2024-01-01T00:00:00Z";
    char now[MOMENT_BYTES];
    double then = 0, today = 0, first = 0;
    if (!moment_read(&then, r->created)) return ERR_OK;
    if (moment_read(&first, oldest) && then < first)
        return err_set(ERR_FORMAT, "%s: key 'created' is %s, and no record is older than %s", path,
                       r->created, oldest);
    if (!moment_read(&today, moment_now(now)) || then <= today + DAY_S) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key 'created' is %s, which is yet to come: it is %s now", path,
                   r->created, now);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* key: of what stands in texts, which are sorted. */
static err check_twins(const char **texts, size_t count, const char *key, const char *path) {
    if (count) qsort(texts, count, sizeof *texts, by_text);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(texts[i], texts[i - 1]))
            return err_set(ERR_FORMAT, "%s: %s has '%.80s' twice", path, key, texts[i]);
    return ERR_OK;
}

/* list: of strings. */
static err check_listed_twins(const cJSON *list, const char *key, const char *path) {
    const cJSON *item;
    const char **texts = NULL;
    size_t count = 0;
    err e = mem_new(&texts, (size_t)cJSON_GetArraySize(list));
    if (e) return e;
    cJSON_ArrayForEach(item, list) texts[count++] = item->valuestring;
    e = check_twins(texts, count, key, path);
    mem_free(texts);
    return e;
}

static err check_labels(const record *r, const char *path) {
    const char **texts = NULL;
    err e = mem_new(&texts, r->task.label_count);
    for (size_t i = 0; i < r->task.label_count && !e; i++)
        texts[i] = r->task.names ? r->task.names[i] : r->task.labels[i];
    if (!e) e = check_twins(texts, r->task.label_count, "task: key 'labels'", path);
    mem_free(texts);
    return e;
}

/* A loss is scaled in fp16 alone, which the native CPU does not have, and no Vulkan device is
 * without a UUID. */
static err check_device(const record *r, const char *path) {
    static const char *const sets[] = {"avx512", "avx2", "neon", "baseline"};
    enum { THREADS_MOST = 65536 };
    bool half = !strcmp(r->device.precision, "fp16"), is_cpu = !strcmp(r->device.kind, "cpu");
    bool is_bf16 = !strcmp(r->device.precision, "bf16"), is_set = !r->device.isa;
    const char *kernels = r->device.kernels;
    for (size_t i = 0; i < sizeof sets / sizeof *sets && !is_set; i++)
        is_set = !strcmp(r->device.isa, sets[i]);
    if (r->device.threads > THREADS_MOST || (is_cpu && !is_set))
        return err_set(
            ERR_FORMAT,
            "%s: device: key 'threads' is %lld and key 'isa' '%.40s', which no processor "
            "has",
            path, (long long)r->device.threads, r->device.isa ? r->device.isa : "");
    if (is_cpu && kernels && r->device.isa && strcmp(r->device.isa, "avx512") != 0 &&
        (strstr(kernels, "AVX512") || strstr(kernels, "AMX")))
        return err_set(ERR_FORMAT, "%s: device: key 'kernels' is '%.40s', and key 'isa' is %s",
                       path, kernels, r->device.isa);
    // what multiplies in bf16 stands behind "cpu, "
    if (is_cpu && kernels && (strncmp(kernels, "cpu", 3) != 0 || !kernels[3] == is_bf16))
        return err_set(ERR_FORMAT,
                       "%s: device: key 'kernels' is '%.40s', and key 'precision' is %s on a CPU",
                       path, kernels, r->device.precision);
    if (half && is_cpu)
        return err_set(ERR_FORMAT,
                       "%s: device: key 'precision' is fp16, which the native CPU does not have "
                       "(fp32, bf16)",
                       path);
    // nor has the reference one, which is software without a driver
    bool has_none = is_cpu || (kernels && !strcmp(kernels, "reference"));
    if (!r->device.uuid != has_none)
        return err_set(ERR_FORMAT, "%s: device: key 'uuid' is %s, and key 'kind' is %s", path,
                       has_none ? "there" : "null", r->device.kind);
    if ((r->loss_scale > 0) != half && (r->schema >= 2 || !half))
        return err_set(ERR_FORMAT, "%s: key 'loss_scaling' is %s, and key 'precision' is %s", path,
                       half ? "missing" : "there", r->device.precision);
    return ERR_OK;
}

/* Whether the model has a tensor of that name; of drawn rows "[10:12]" stands behind it. */
static bool is_tensor(const model_config *c, const char *name) {
    const size_t length = strcspn(name, "["), digit = strcspn(name, "0123456789");
    const uint32_t layer = digit < length ? (uint32_t)strtoul(name + digit, NULL, 10) : 0;
    char key[PARAM_NAME_BYTES];
    for (int field = 0; layer < c->layers && field < PARAM_FIELDS; field++)
        for (size_t slice = 0; slice < 3; slice++) {
            param_field_key(c->family, (param_field)field, layer, slice, key);
            if (length && strlen(key) == length && !memcmp(key, name, length)) return true;
        }
    return false;
}

/* Of a model with weights of its own. */
static err check_drawn(const record *r, const model_config *c, const char *path) {
    const cJSON *item;
    cJSON_ArrayForEach(item, r->model.newly_initialised) {
        const char *name = cJSON_GetStringValue(item);
        if (!name || !is_tensor(c, name))
            return err_set(ERR_FORMAT,
                           "%s: model: key 'newly_initialised' has '%.80s', and the model has no "
                           "tensor of that name",
                           path, name ? name : "");
    }
    return check_listed_twins(r->model.newly_initialised, "model: key 'newly_initialised'", path);
}

/* Without weights of its own a model is drawn whole. */
static err check_weights(const record *r, const model_config *c, const char *path) {
    const char *drawn = cJSON_GetStringValue(cJSON_GetArrayItem(r->model.newly_initialised, 0));
    if (!r->model.weights_sha256 == (drawn && !strcmp(drawn, "all")))
        return r->model.weights_sha256 ? check_drawn(r, c, path) : ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: model: key 'weights_sha256' is %s, key 'newly_initialised' begins with "
                   "'%.80s'",
                   path, r->model.weights_sha256 ? "there" : "null", drawn ? drawn : "");
}

/* What the logits are made of them answers such a task, and no other key stands there. */
static err check_scores(const record *r, const model_config *c, const char *path) {
    static const model_scores of[ANSWER_KINDS] = {
        [ANSWER_NUMBER] = MODEL_SCORES_RAW, [ANSWER_SET] = MODEL_SCORES_SIGMOID};
    cJSON *own = NULL;
    if (r->schema < 2) return ERR_OK;
    if (c->scores != of[r->task.kind])
        return err_set(ERR_FORMAT,
                       "%s: model: config: key 'problem_type' is not that of a task whose kind is "
                       "%s",
                       path, answer_kind_name(r->task.kind));
    err e = model_config_json(&own, c);
    for (const cJSON *item = r->model.config->child; item && !e; item = item->next)
        if (!json_has(own, item->string))
            e = err_set(ERR_FORMAT, "%s: model: config: key '%.80s' is none that is written", path,
                        item->string);
    cJSON_Delete(own);
    return e;
}

/* The configuration is one of a model, with so many parameters and these labels. */
static err check_config(const record *r, const char *path) {
    char *const *names = r->task.names ? r->task.names : r->task.labels;
    model_config c;
    err e = model_config_from(&c, r->model.config, path);
    if (e) return err_wrap(e == ERR_MEMORY ? e : ERR_FORMAT, "%s: model: key 'config'", path);
    size_t parameters = params_total(&c);
    if (r->model.parameters != (int64_t)parameters)
        e = err_set(ERR_FORMAT,
                    "%s: model: key 'parameters' is %lld, a model of its config has %zu", path,
                    (long long)r->model.parameters, parameters);
    else if (r->task.label_count && c.classes != r->task.label_count)
        e = err_set(ERR_FORMAT, "%s: model: key 'config' has %u labels, the task has %zu", path,
                    c.classes, r->task.label_count);
    if (!e) e = check_scores(r, &c, path);
    for (size_t i = 0; i < r->task.label_count && !e; i++)
        if (c.labels && r->schema >= 2 && strcmp(c.labels[i], names[i]) != 0)
            e = err_set(ERR_FORMAT,
                        "%s: model: key 'config' calls label %zu '%.80s', the task '%.80s'", path,
                        i, c.labels[i], names[i]);
    if (!e) e = check_weights(r, &c, path);
    model_config_free(&c);
    return e;
}

/* Steps and sentences follow from the recipe and the rows: of one rank, and of a run that was not to
 * stop early. */
static err check_counts(const record *r, const recipe *by, const char *path) {
    enum { MOST_OFF = 1000 }; // one part in so many, for other roundings
    const record_timing *t = &r->timing;
    size_t rows = (size_t)r->task.train_rows;
    double batch = by->per_device_train_batch_size * (double)by->gradient_accumulation_steps;
    double most = (double)t->steps * batch, least = 0, told = t->sentences_per_s * t->train_s;
    if (r->ranks > 1 || r->shards) return ERR_OK;
    uint32_t steps = recipe_total_steps(by, rows), epoch = recipe_epoch_steps(by, rows);
    if (t->steps > steps || (t->steps < steps && !by->early_stopping_patience))
        return err_set(ERR_FORMAT,
                       "%s: timing: key 'steps' is %lld, by the recipe and %zu training rows there "
                       "are %u",
                       path, (long long)t->steps, rows, steps);
    // the last batch of an epoch has a row at least
    if (epoch) least = most - ceil((double)t->steps / epoch) * (batch - 1);
    if (told <= most + most / MOST_OFF && told >= least - most / MOST_OFF) return ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: timing: key 'sentences_per_s' is %g: in %g s these are %.0f sentences, by "
                   "the recipe there are %.0f to %.0f",
                   path, t->sentences_per_s, t->train_s, told, least, most);
}

static err check_rates(const record *r, const recipe *by, const char *path) {
    uint32_t steps = recipe_total_steps(by, (size_t)r->task.train_rows);
    const schedule s = {by->lr_scheduler_type, by->learning_rate, recipe_warmup(by, steps), steps};
    const record_curve_point *last = r->loss_curve + r->loss_curve_count - 1;
    if (r->timing.steps && (!r->loss_curve_count || last->step != r->timing.steps))
        return err_set(ERR_FORMAT, "%s: key 'loss_curve' ends with step %lld, there are %lld steps",
                       path, r->loss_curve_count ? (long long)last->step : 0LL,
                       (long long)r->timing.steps);
    // a skipped step does not count
    if (r->ranks > 1 || r->shards || r->skipped_steps) return ERR_OK;
    for (size_t i = 0; i < r->loss_curve_count; i++) {
        const record_curve_point *p = &r->loss_curve[i];
        double rate = schedule_rate(&s, (uint32_t)p->step);
        if (fabs(p->learning_rate - rate) > 1e-6 * by->learning_rate)
            return err_set(ERR_FORMAT,
                           "%s: key 'loss_curve': the learning rate of step %lld is %g, by the "
                           "recipe it is %g",
                           path, (long long)p->step, p->learning_rate, rate);
    }
    return ERR_OK;
}

/* The keys that are always recorded. */
static err check_keys(const record *r, const recipe *by, const char *path) {
    const cJSON *item;
    cJSON *own = cJSON_CreateObject();
    err e = recipe_json(own, by);
    cJSON_ArrayForEach(item, own) {
        if (!e && r->schema >= 2 && !json_has(r->recipe, item->string))
            e = err_set(ERR_FORMAT, "%s: recipe: key '%s' is missing", path, item->string);
    }
    cJSON_Delete(own);
    return e;
}

/* The recipe is one that the program takes, and what follows from it stands there. */
static err check_recipe(const record *r, const char *path) {
    recipe by;
    recipe_defaults(&by);
    err e = recipe_read(&by, "record", r->recipe, path);
    if (e) return err_wrap(e == ERR_MEMORY ? e : ERR_FORMAT, "%s: key 'recipe'", path);
    if (!(e = check_counts(r, &by, path))) e = check_rates(r, &by, path);
    if (!e) e = check_keys(r, &by, path);
    if (!e && !r->length_count && r->schema >= 2)
        e = err_set(ERR_FORMAT, "%s: key 'lengths' is empty", path);
    for (size_t i = 0; i < r->length_count && !e && by.max_length; i++)
        if (r->lengths[i].tokens > by.max_length)
            e = err_set(ERR_FORMAT, "%s: key 'lengths' has %lld tokens, the recipe cuts at %u",
                        path, (long long)r->lengths[i].tokens, by.max_length);
    return e;
}

static size_t count_right(const record *r) {
    size_t right = 0;
    for (int64_t i = 0; i < r->task.test_rows; i++) right += r->predicted[i] == r->gold[i];
    return right;
}

/* A row that is answered wrongly gives its label one half at most. */
static err check_calibration(const record *r, const char *path) {
    const calibration *c = &r->calibration;
    if (!c->rows) return ERR_OK;
    double wrong = 1 - (double)count_right(r) / (double)c->rows;
    if (c->brier >= wrong / 4 && c->loss >= wrong * log(2) - 1e-9) return ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: key 'calibration': brier is %g and loss %g, with %g of the rows answered "
                   "wrongly they are %g and %g at least",
                   path, c->brier, c->loss, wrong, wrong / 4, wrong * log(2));
}

/* What is given less than an equal share is not the answer. */
static err check_worst(const record *r, const char *path) {
    for (size_t i = 0; i < r->worst_count; i++) {
        const record_worst_row *w = &r->worst[i];
        if (w->probability < 1 / (double)r->task.label_count &&
            r->predicted[w->row] == r->gold[w->row])
            return err_set(ERR_FORMAT,
                           "%s: key 'most_wrong': row %lld is answered rightly, with a probability "
                           "of %g",
                           path, (long long)w->row, w->probability);
    }
    return ERR_OK;
}

static err check_suspects(const record *r, const char *path) {
    size_t wrong = (size_t)r->task.test_rows - count_right(r);
    if ((size_t)r->suspect_rows > wrong)
        return err_set(ERR_FORMAT,
                       "%s: key 'errors': suspect_rows is %lld, %zu rows are answered wrongly",
                       path, (long long)r->suspect_rows, wrong);
    for (size_t i = 0; i < r->suspect_count; i++) {
        const record_suspect *s = &r->suspects[i];
        if (s->answer != r->predicted[s->row])
            return err_set(ERR_FORMAT,
                           "%s: key 'errors': the answer to row %lld is %lld, key 'predictions' "
                           "has %u",
                           path, (long long)s->row, (long long)s->answer, r->predicted[s->row]);
    }
    return ERR_OK;
}

/* Slices by one thing are all rows, each once; those by text, rows that stand there more than once. */
static err check_slices(const record *r, const char *path) {
    size_t right = count_right(r);
    for (size_t i = 0; i < r->slice_count; i++) {
        const errors_slice *s = &r->slices[i];
        size_t rows = 0;
        double said = 0;
        if (!strcmp(s->by, "text") || (i && !strcmp(s[-1].by, s->by))) continue;
        for (size_t k = i; k < r->slice_count && !strcmp(r->slices[k].by, s->by); k++) {
            rows += r->slices[k].rows;
            said += (double)r->slices[k].rows * r->slices[k].accuracy;
        }
        if (rows == (size_t)r->task.test_rows && fabs(said - (double)right) < 1e-3) continue;
        return err_set(ERR_FORMAT,
                       "%s: key 'errors': slices by %s have %zu rows, %g right; there are %lld, "
                       "%zu right",
                       path, s->by, rows, said, (long long)r->task.test_rows, right);
    }
    return ERR_OK;
}

static err check_answers(const record *r, const char *path) {
    if (!answer_is_label(r->task.kind)) return ERR_OK;
    err e = check_calibration(r, path);
    if (!e) e = check_worst(r, path);
    if (!e && r->slice_count) e = check_suspects(r, path);
    return e ? e : check_slices(r, path);
}

/* Memory that held the weights once. */
static err check_sizes(const record *r, const char *path) {
    enum { HOST_LEAST = 1 << 20 };
    if (r->timing.eval_s <= 0)
        return err_set(ERR_FORMAT, "%s: timing: key 'eval_s' is 0, %lld rows were scored", path,
                       (long long)r->task.test_rows);
    if (r->device_bytes < r->model.parameters * 2 || r->host_peak_bytes < HOST_LEAST)
        return err_set(ERR_FORMAT,
                       "%s: memory: key 'device_bytes' is %lld and key 'host_peak_bytes' %lld, the "
                       "weights alone take %lld and the program %d",
                       path, (long long)r->device_bytes, (long long)r->host_peak_bytes,
                       (long long)r->model.parameters * 2, HOST_LEAST);
    return ERR_OK;
}

/* "0.1.0", and a commit's 40 digits, or where the program was built without one, "unknown". */
static err check_program(const record *r, const char *path) {
    enum { COMMIT_DIGITS = 40 };
    const char *commit = r->commit, *version = r->harness_version;
    bool is_commit =
        strlen(commit) == COMMIT_DIGITS && strspn(commit, "0123456789abcdef") == COMMIT_DIGITS;
    size_t dots = 0;
    for (const char *p = version; *p; p++) dots += *p == '.';
    if (dots != 2 || strspn(version, "0123456789.") != strlen(version) || strlen(version) > 20)
        return err_set(ERR_FORMAT, "%s: harness: key 'version' is '%.40s', expected one like 0.1.0",
                       path, version);
    if (is_commit || !strcmp(commit, "unknown")) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: harness: key 'commit' is '%.80s', expected 40 digits", path,
                   commit);
}

/* Commands of records say nothing of where files go. */
static err check_places(const record *r, const char *path) {
    static const char *const flags[] = {"--output-dir", "-o", "--results", "--overwrite"};
    strbuf value = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && !e; i++) {
        const char *at = r->command;
        bool has = false;
        e = shell_flag(&has, &value, &at, flags[i]);
        if (!e && has)
            e = err_set(ERR_FORMAT,
                        "%s: key 'command' has %s, which is no part of what was measured", path,
                        flags[i]);
    }
    strbuf_free(&value);
    return e;
}

/* The task and the seed that the command names, where it does. */
static err check_command(const record *r, const char *path) {
    char seed[24];
    snprintf(seed, sizeof seed, "%lld", (long long)r->seed);
    const struct {
        const char *flag, *value;
    } said[] = {{"--task", r->task.name}, {"--seed", seed}};
    if (!r->command) return ERR_OK;
    strbuf value = {0};
    err e = check_places(r, path);
    for (size_t i = 0; i < sizeof said / sizeof *said && !e; i++) {
        const char *at = r->command;
        char found[400] = "";
        bool has = true, differs = false;
        while (!e && has) { // the word may be another flag's value: one that fits will do
            if ((e = shell_flag(&has, &value, &at, said[i].flag)) || !has) break;
            has = differs = strcmp(value.text, said[i].value) != 0;
            snprintf(found, sizeof found, "%s", value.text);
        }
        if (!e && differs)
            e = err_set(ERR_FORMAT, "%s: key 'command' has %s %.80s, the record is of '%.80s'",
                        path, said[i].flag, found, said[i].value);
    }
    strbuf_free(&value);
    return e;
}

static err check_corpus_texts(const cJSON *corpus, const char *path) {
    static const char *const keys[] = {"name", "licence", "source"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = json_text_at(corpus, keys[i]);
        if (text && !*text)
            return err_set(ERR_FORMAT, "%s: model: corpus: key '%s' is empty", path, keys[i]);
    }
    const char *hash = json_text_at(corpus, "sha256");
    if (!hash || !hash_is_hex(hash, HASH_HEX_BYTES - 1))
        return err_set(ERR_FORMAT, "%s: model: corpus: key 'sha256' is no SHA-256", path);
    return ERR_OK;
}

static err check_corpus(const record *r, const char *path) {
    const cJSON *before = NULL, *corpus = r->model.corpus;
    if (!corpus) return ERR_OK;
    err e = check_corpus_texts(corpus, path);
    cJSON_ArrayForEach(before, cJSON_GetObjectItemCaseSensitive(corpus, "before")) {
        if (!e) e = check_corpus_texts(before, path);
    }
    if (e) return e;
    return check_listed_twins(cJSON_GetObjectItemCaseSensitive(corpus, "left_out"),
                              "model: corpus: key 'left_out'", path);
}

err record__check_sense(const record *r, const char *path) {
    static err (*const checks[])(const record *, const char *) = {
        check_dev,    check_timing,  check_created, check_labels,  check_device,  check_config,
        check_recipe, check_answers, check_sizes,   check_program, check_command, check_corpus};
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !e; i++) e = checks[i](r, path);
    return e;
}
