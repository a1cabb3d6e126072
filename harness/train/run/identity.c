/* What makes two runs the same, in one table: run__identify. */
#include "base/numerics.h"
#include "base/shown.h"
#include "model/weights/tensors.h"
#include "platform/file.h"
#include "train/run/kept_task.h"
#include "train/run/run_internal.h"
#include "train/run/shipped.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SAME: another value is another run: it has another default folder, and a resume with it is
 * refused. PLACE: it has another default folder, but what was begun may go on from there, since
 * all that the place holds is SAME. FREE: may differ, also in one run: the bits are the same. */
typedef enum rule { SAME, PLACE, FREE } rule;

typedef struct field {
    const char *key, *value;
    rule rule;
} field;

/* Each value as a text, by a name of its own. */
static err add_recipe(cJSON *to, err (*add)(cJSON *object, const recipe *r), const recipe *shown) {
    char name[64], number[SHOWN_NUMBER_BYTES];
    cJSON *values = cJSON_CreateObject();
    const cJSON *item = NULL;
    err e = add(values, shown);
    cJSON_ArrayForEach(item, values) {
        snprintf(name, sizeof name, "recipe's %s", item->string);
        if (!e) e = json_add_string(to, name, recipe_item_text(number, item));
    }
    cJSON_Delete(values);
    return e;
}

static err config_digest(char hex[HASH_HEX_BYTES], const run *r) {
    cJSON *root = NULL;
    char *text = NULL;
    err e = model_config_json(&root, &r->base_model.config);
    if (!e) e = json_print(&text, root, false);
    if (!e) hash_bytes_hex(text, strlen(text), hex);
    mem_free(text);
    cJSON_Delete(root);
    return e;
}

/* Of the weights that the run begins with. */
static err weights_text(char hex[HASH_HEX_BYTES], const run *r) {
    tensors files = {0};
    snprintf(hex, HASH_HEX_BYTES, "from scratch");
    if (!r->base_model.folder || r->request.from_scratch) return ERR_OK;
    err e = tensors_open(&files, r->base_model.folder);
    if (!e) e = tensors_digest(&files, hex);
    tensors_close(&files);
    return e;
}

static const char place_key[] = "model's place", place_preset[] = "preset ",
                  place_shipped[] = "comes with the program: ", place_hub[] = "hub ";

/* Where the model is: a preset, the program's own, the revision of a hub's model, or a folder by its absolute path.
 * *text is owned. */
static err place_text(char **text, const run *r) {
    const char *folder = r->base_model.folder, *asked = r->request.model;
    if (!folder) return mem_printf(text, "%s%s", place_preset, asked);
    if (shipped_known(asked)) return mem_printf(text, "%s%s", place_shipped, asked);
    if (!folder_exists(asked))
        return mem_printf(text, "%s%s %s", place_hub, asked, path_name(folder));
    char *real = path_real(folder);
    err e = mem_strdup(text, real ? real : folder);
    free(real); // the C library's
    return e;
}

/* What --model takes of a text of place_text; *model is owned. */
static err model_of_place(char **model, const char *place) {
    static const char *const named[] = {place_preset, place_shipped};
    for (size_t i = 0; i < 2; i++)
        if (!strncmp(place, named[i], strlen(named[i])))
            return mem_strdup(model, place + strlen(named[i]));
    if (strncmp(place, place_hub, strlen(place_hub)) != 0) return mem_strdup(model, place);
    const char *name = place + strlen(place_hub);
    return mem_printf(model, "%.*s@%s", (int)strcspn(name, " @"), name, strrchr(place, ' ') + 1);
}

err run_kept_model(char **model, const char *folder) {
    char path[PATH_MAX];
    cJSON *root = NULL;
    *model = NULL;
    err e = path_in(path, folder, RUN_FINISHED);
    if (e || !file_exists(path) || (e = json_read(&root, path, RUN_FILE_LIMIT_BYTES))) return e;
    const cJSON *rest = cJSON_GetObjectItemCaseSensitive(root, "surroundings");
    const char *place = json_text_at(rest, place_key);
    if (place) e = model_of_place(model, place);
    cJSON_Delete(root);
    return e;
}

static const char *yes_no(bool value) {
    return value ? "yes" : "no";
}

static err add_fields(run *r, const field *list, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < count; i++) {
        cJSON *to = list[i].rule == SAME ? r->identity : r->surroundings;
        e = json_add_string(to, list[i].key, list[i].value);
    }
    return e;
}

static void begin_hash(sha256 *h, const cJSON *identity) {
    const cJSON *item = NULL;
    sha256_begin(h);
    cJSON_ArrayForEach(item, identity) {
        const char *value = cJSON_GetStringValue(item);
        sha256_add(h, item->string, strlen(item->string) + 1);
        if (value) sha256_add(h, value, strlen(value) + 1);
    }
}

void run_identity_digest(char hex[HASH_HEX_BYTES], const cJSON *identity) {
    sha256 h;
    begin_hash(&h, identity);
    sha256_end_hex(&h, hex);
}

/* The run's hash is over all that is SAME, the folder's over all that is not FREE. */
static void hash_fields(run *r, const field *list, size_t count) {
    sha256 h;
    begin_hash(&h, r->identity);
    sha256 same = h;
    sha256_end_hex(&same, r->run_sha256);
    for (size_t i = 0; i < count; i++)
        if (list[i].rule == PLACE) sha256_add(&h, list[i].value, strlen(list[i].value) + 1);
    sha256_end_hex(&h, r->identity_sha256);
}

static err identify(run *r, const field *own, size_t own_fields) {
    const run_request *q = &r->request;
    const device_info *d = &r->device.info;
    recipe shown = q->recipe;
    char numerics[24], seed[16], threads[16], shards[16];
    char weights[HASH_HEX_BYTES], config[HASH_HEX_BYTES], *place = NULL;
    shown.max_length = r->max_length; // also when the recipe leaves it to the task
    snprintf(numerics, sizeof numerics, "%d", NUMERICS_VERSION);
    snprintf(seed, sizeof seed, "%u", q->seed);
    snprintf(threads, sizeof threads, "%u", d->threads);
    snprintf(shards, sizeof shards, "%u", q->shards);
    r->identity = cJSON_CreateObject();
    r->surroundings = cJSON_CreateObject();
    if (!r->identity || !r->surroundings)
        return err_set(ERR_MEMORY, "out of memory while preparing the run");
    err e = config_digest(config, r);
    if (e || (e = weights_text(weights, r)) || (e = place_text(&place, r))) return e;
    const field table[] = {
        {"seed", seed, SAME},
        {"label map", q->label_map ? q->label_map : "none", SAME},
        {"model", r->base_model.name, SAME},
        {"configuration", config, SAME},
        {"weights", weights, SAME},
        {"vocabulary", r->base_model.vocab_sha256, SAME},
        {"mismatched sizes ignored", yes_no(q->ignore_mismatched_sizes), SAME},
        {place_key, place, PLACE},
        {"precision", device_precision_name(r->device.options.precision), SAME},
        {"device kind", device_record_kind(d), SAME},
        {"device", d->name, SAME},
        {"driver", d->driver, SAME},
        {"device version", d->version, SAME},
        {"instruction set", d->isa, SAME},
        {"libraries", d->libraries, SAME},
        {"kernels", d->kernels, SAME},
        {"numerics version", numerics, SAME},
        {"device uuid", d->uuid, FREE},
        {"threads", threads, FREE},
    };
    enum { FIELDS = sizeof table / sizeof *table };
    e = add_fields(r, own, own_fields);
    if (!e) e = add_fields(r, table, FIELDS);
    // only where it was asked for: the names of runs without it stay
    if (!e && q->shards) e = json_add_string(r->identity, "shards", shards);
    // what a recipe records is the same run's, by the name that it has in a recipe; the rest is
    // free
    if (!e) e = add_recipe(r->identity, recipe_json, &shown);
    if (!e) e = add_recipe(r->surroundings, recipe_json_rest, &shown);
    if (!e) hash_fields(r, table, FIELDS);
    mem_free(place);
    return e;
}

err run__identify(run *r) {
    const run_request *q = &r->request;
    char version[24], rows[64], limit[24];
    snprintf(version, sizeof version, "%" PRId64, r->task.version);
    snprintf(rows, sizeof rows, "%zu", r->data.train.kept_count);
    snprintf(limit, sizeof limit, "%zu", q->limit);
    const field table[] = {
        {"task", r->task.name, SAME},
        {"task version", version, SAME},
        {"manifest", r->task.manifest_sha256, SAME},
        {"data", r->data.data_sha256, SAME},
        {"sample", yes_no(q->sample), SAME},
        {"limit", limit, SAME},
        {"training rows", rows, SAME},
        {"protocol", run_protocol_name(q->protocol), SAME},
    };
    return identify(r, table, sizeof table / sizeof *table);
}

err run_identify_corpus(run *r, const run_corpus *c) {
    char tokens[32];
    snprintf(tokens, sizeof tokens, "%u", c->tokens_per_batch);
    const field table[] = {
        {"corpus", r->task.name, SAME},
        {"corpus, tasks and vocabulary", c->digest, SAME},
        {"tokens a batch", tokens, SAME},
        {"share of tokens chosen", SHOWN_NUMBER(c->mlm_probability), SAME},
        {"whole words", yes_no(c->whole_word), SAME},
        {"minutes", c->max_minutes > 0 ? SHOWN_NUMBER(c->max_minutes) : "any", SAME},
    };
    return identify(r, table, sizeof table / sizeof *table);
}
