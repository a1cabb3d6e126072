#include "result/record_strict.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/moment.h"
#include "model/params.h"
#include "result/record_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sums_key[] = "checksums";
enum { SUM_DIGITS = 16 };

static void digits_of(char hex[HASH_HEX_BYTES], const char *text, size_t length) {
    hash_bytes_hex(text, length, hex);
    hex[SUM_DIGITS] = '\0';
}

/* Of a part as cJSON prints it without blanks: another program may have laid it out anew. */
static err sum_of(char hex[HASH_HEX_BYTES], const cJSON *part) {
    char *text = NULL;
    err e = json_print(&text, part, false);
    if (!e) digits_of(hex, text, strlen(text));
    mem_free(text);
    return e;
}

/* Whether the part's own text, which begins at *at, has that sum: printing all numbers anew takes
 * many times as long. Of a text that another program laid out it says no. *at (NULL: no text) goes
 * on to the next part. */
static bool text_has_sum(const char **at, const cJSON *part, const char *sum) {
    char name[64], next[64], hex[HASH_HEX_BYTES];
    int length = snprintf(name, sizeof name, "\"%s\":", part->string);
    if (!*at || !part->next || length >= (int)sizeof name ||
        snprintf(next, sizeof next, ",\"%s\":", part->next->string) >= (int)sizeof next)
        return false;
    bool begins = !strncmp(*at, name, (size_t)length);
    const char *begin = *at + length, *end = begins ? strstr(begin, next) : NULL;
    *at = end ? end + 1 : NULL;
    if (!end) return false;
    digits_of(hex, begin, (size_t)(end - begin));
    return !strcmp(hex, sum);
}

err record_checksums_write(cJSON *object) {
    char hex[HASH_HEX_BYTES];
    cJSON *sums = cJSON_CreateObject();
    err e = ERR_OK;
    for (const cJSON *part = object->child; part && !e; part = part->next) {
        e = sum_of(hex, part);
        if (!e) e = json_add_string(sums, part->string, hex);
    }
    if (!e) return json_add_item(object, sums_key, sums);
    cJSON_Delete(sums);
    return e;
}

err record__checksums_write(cJSON *object, const char *key, const record *r) {
    (void)key;
    (void)r;
    return record_checksums_write(object);
}

/* Their form; whether the parts have them record__checksums_hold says, once all else is read. */
err record__checksums_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *sums = NULL, *item;
    if (r->schema < 2) return ERR_OK;
    err e = json_object(&sums, object, key, where);
    if (e) return e;
    cJSON_ArrayForEach(item, sums) {
        const char *text = cJSON_GetStringValue(item);
        if (!text || strlen(text) != SUM_DIGITS || strspn(text, "0123456789abcdef") != SUM_DIGITS)
            return err_set(ERR_FORMAT, "%s: %s: key '%.80s' is no checksum", where, key,
                           item->string);
    }
    return ERR_OK;
}

static bool is_known(const char *section, const char *key) {
    for (size_t i = 0; i < record__key_count; i++) {
        const record_key *k = &record__keys[i];
        if (!strcmp(k->section, section) && !strcmp(k->key, key)) return true;
        if (!*section && !strcmp(k->section, key)) return true;
    }
    return false;
}

static bool is_section(const char *key) {
    for (size_t i = 0; i < record__key_count; i++)
        if (!strcmp(record__keys[i].section, key)) return true;
    return false;
}

static err check_keys(const cJSON *top, const char *path) {
    const cJSON *part, *item;
    cJSON_ArrayForEach(part, top) {
        if (!is_known("", part->string))
            return err_set(ERR_FORMAT, "%s: key '%.80s' is none of a record's", path, part->string);
        if (!is_section(part->string)) continue;
        cJSON_ArrayForEach(item, part) {
            if (!is_known(part->string, item->string))
                return err_set(ERR_FORMAT, "%s: %s: key '%.80s' is none of a record's", path,
                               part->string, item->string);
        }
    }
    return ERR_OK;
}

/* at: of a text without blanks, where its first part begins; NULL: there is no text. */
static err check_sums(const cJSON *top, const char *at, const char *path) {
    const cJSON *sums = NULL, *part;
    char hex[HASH_HEX_BYTES];
    err e = json_object(&sums, top, sums_key, path);
    cJSON_ArrayForEach(part, top) {
        const char *text = NULL;
        if (e) return e;
        if (part == sums) continue;
        if ((e = json_string(&text, sums, part->string, path)))
            return err_wrap(e, "%s: %s", path, sums_key);
        if (text_has_sum(&at, part, text) || (e = sum_of(hex, part)) || !strcmp(text, hex))
            continue;
        e = err_set(ERR_FORMAT,
                    "%s: key '%s' was changed after the program wrote it: its checksum is '%.40s', "
                    "what stands there gives '%s'",
                    path, part->string, text, hex);
    }
    cJSON_ArrayForEach(part, sums) {
        if (!e && !json_has(top, part->string))
            e = err_set(ERR_FORMAT, "%s: key '%.80s' is gone: there is a checksum of it", path,
                        part->string);
    }
    return e;
}

err record_checksums_check(const cJSON *top, const char *path) {
    return check_sums(top, NULL, path);
}

err record__checksums_hold(const cJSON *top, const char *text, size_t length, const char *path) {
    char *bare = NULL;
    err e = mem_strndup(&bare, text, length);
    if (e) return e;
    cJSON_Minify(bare);
    e = check_sums(top, *bare ? bare + 1 : NULL, path);
    mem_free(bare);
    return e;
}

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

static err check_labels(const record *r, const char *path) {
    char *const *names = r->task.names ? r->task.names : r->task.labels;
    for (size_t i = 0; i < r->task.label_count; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(names[i], names[k]))
                return err_set(ERR_FORMAT, "%s: task: key 'labels' has '%.80s' twice", path,
                               names[i]);
    return ERR_OK;
}

/* A loss is scaled in fp16 alone, which the native CPU does not have, and no Vulkan device is
 * without a UUID. */
static err check_device(const record *r, const char *path) {
    bool half = !strcmp(r->device.precision, "fp16"), is_cpu = !strcmp(r->device.kind, "cpu");
    if (half && is_cpu)
        return err_set(ERR_FORMAT,
                       "%s: device: key 'precision' is fp16, which the native CPU does not have "
                       "(fp32, bf16)",
                       path);
    if (!r->device.uuid != is_cpu)
        return err_set(ERR_FORMAT, "%s: device: key 'uuid' is %s, and key 'kind' is %s", path,
                       is_cpu ? "there" : "null", r->device.kind);
    if ((r->loss_scale > 0) != half && (r->schema >= 2 || !half))
        return err_set(ERR_FORMAT, "%s: key 'loss_scaling' is %s, and key 'precision' is %s", path,
                       half ? "missing" : "there", r->device.precision);
    return ERR_OK;
}

/* Whether a model of some family has a tensor of that name; of drawn rows "[10:12]" stands behind it. */
static bool is_tensor(const char *name) {
    const size_t length = strcspn(name, "["), digit = strcspn(name, "0123456789");
    const uint32_t layer = (uint32_t)strtoul(name + digit, NULL, 10);
    char key[PARAM_NAME_BYTES];
    for (size_t i = 0; family_at(i); i++)
        for (int field = 0; field < PARAM_FIELDS; field++)
            for (size_t slice = 0; slice < 3; slice++) {
                param_field_key(family_at(i), (param_field)field, layer, slice, key);
                if (length && strlen(key) == length && !memcmp(key, name, length)) return true;
            }
    return false;
}

/* Of a model with weights of its own. */
static err check_drawn(const record *r, const char *path) {
    const cJSON *item;
    cJSON_ArrayForEach(item, r->model.newly_initialised) {
        const char *name = cJSON_GetStringValue(item);
        if (!name || !is_tensor(name))
            return err_set(ERR_FORMAT,
                           "%s: model: key 'newly_initialised' has '%.80s', and no model has a "
                           "tensor of that name",
                           path, name ? name : "");
    }
    return ERR_OK;
}

/* Without weights of its own a model is drawn whole. */
static err check_weights(const record *r, const char *path) {
    const char *drawn = cJSON_GetStringValue(cJSON_GetArrayItem(r->model.newly_initialised, 0));
    if (!r->model.weights_sha256 == (drawn && !strcmp(drawn, "all")))
        return r->model.weights_sha256 ? check_drawn(r, path) : ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: model: key 'weights_sha256' is %s, key 'newly_initialised' begins with "
                   "'%.80s'",
                   path, r->model.weights_sha256 ? "there" : "null", drawn ? drawn : "");
}

/* What the parts of a record say of one another. */
static err check_sense(const record *r, const char *path) {
    err e = check_dev(r, path);
    if (!e) e = check_timing(r, path);
    if (!e) e = check_created(r, path);
    if (!e) e = check_labels(r, path);
    if (!e) e = check_device(r, path);
    return e ? e : check_weights(r, path);
}

/* A changed part is named before what it does not fit: changed predictions contradict the scores. */
static err name_change(err e, const cJSON *top, const char *path) {
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(top, "schema");
    char *said = NULL;
    if (e != ERR_FORMAT || !cJSON_IsObject(top) || !cJSON_IsNumber(schema) ||
        schema->valuedouble != RECORD_SCHEMA || mem_strdup(&said, err_message(e)))
        return e;
    bool changed = record_checksums_check(top, path) == ERR_FORMAT;
    e = changed ? err_set(ERR_FORMAT, "%s; %s", err_message(ERR_FORMAT), said)
                : err_set(ERR_FORMAT, "%s", said);
    mem_free(said);
    return e;
}

err record_parse_strict(record *r, const char *text, size_t length, const char *path) {
    cJSON *top = NULL;
    *r = (record){0};
    err e = json_parse(&top, text, length, path);
    if (e) return e;
    if ((e = record_parse(r, text, length, path)))
        e = name_change(e, top, path);
    else if (!(e = check_keys(top, path)))
        e = check_sense(r, path);
    cJSON_Delete(top);
    if (e) record_free(r);
    return e;
}
