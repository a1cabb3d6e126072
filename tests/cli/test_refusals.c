/* Every reader of JSON against every wrong value at every place, whole: a check that is gone, a
 * bound that moved or a message about another key shows. */
#include "base/log.h"
#include "base/memory.h"
#include "cli/bench_table.h"
#include "fuzz/tokens.h"
#include "model/config.h"
#include "model/weights/tensors.h"
#include "net/hub_internal.h"
#include "platform/file.h"
#include "result/record.h"
#include "result/record_strict.h"
#include "result/regress/regress.h"
#include "support/expected.h"
#include "support/fake_record.h"
#include "support/json_sweep.h"
#include "support/must.h"
#include "support/program.h"
#include "task/corpus_manifest.h"
#include "text/tokenizer.h"
#include "train/recipe/recipe.h"
#include "train/run/run_internal.h"

#include <stdio.h>
#include <string.h>

TestSuite(refusals, .fini = nothing_left);

static void held(const char *name, const char *text, const char *path, json_sweep_reader reader) {
    strbuf out = {0};
    json_sweep(&out, text, path, reader);
    expect_output(name, out.text);
    strbuf_free(&out);
}

/* With the checksums of a program that wrote it so, where they have their form: what each key is
 * held to shows. */
static void seal(const char *path) {
    cJSON *top = NULL;
    const cJSON *item;
    bool fits = !json_read(&top, path, 0);
    const cJSON *sums = fits ? cJSON_GetObjectItem(top, "checksums") : NULL;
    fits = cJSON_IsObject(sums);
    cJSON_ArrayForEach(item, sums) {
        fits = fits && cJSON_IsString(item) && strlen(item->valuestring) == 16;
    }
    if (fits) fake_record_seal(path, top);
    cJSON_Delete(top);
    err_clear();
}

static err read_record(const char *path) {
    record r;
    seal(path);
    err e = record_read(&r, path);
    if (!e) record_free(&r);
    return e;
}

Test(refusals, of_records) {
    record r;
    char *text;
    size_t count;
    const char *path = temporary_path("r.json");
    fake_record_make(&r, &(fake_record){.right = 0.5, .rows = 20, .steps = 4});
    MUST(record_text(&r.device.driver, "driver"));
    cr_assert(
        cJSON_AddItemToArray(r.model.newly_initialised, cJSON_CreateString("classifier.bias")));
    MUST(record_write(&r, path));
    record_free(&r);
    MUST(file_read((void **)&text, &count, path, 0));
    held("refused_records", text, path, read_record);
    mem_free(text);
}

static err read_suite(const char *path) {
    regress_suite s;
    err e = regress_suite_read(&s, path);
    if (!e) regress_suite_free(&s);
    return e;
}

Test(refusals, of_suites) {
    static const char text[] =
        "{\"bound\": 0.25, \"bound_other\": 0.125, \"seeds\": [4, 5, 6, 4294967295], \"cases\": "
        "[{\"name\": \"a\", \"task\": \"t\", \"model\": \"tiny\", \"sample\": true, \"steps\": 7, "
        "\"batch_size\": 8, \"limit\": 9, \"arch\": \"electra\"}, {\"name\": \"b\", \"task\": "
        "\"u\", \"model\": \"mini\", \"sample\": false, \"steps\": 10, \"batch_size\": 11}], "
        "\"timing\": {\"name\": \"c\", \"task\": \"v\", \"model\": \"base\", \"sample\": true, "
        "\"steps\": 12, \"batch_size\": 13}}";
    const char *path = temporary_path("suite.json");
    held("refused_suites", text, path, read_suite);
    // and what is read of the right one, by field
    regress_suite s;
    MUST(file_write(path, text, strlen(text)));
    MUST(regress_suite_read(&s, path));
    const regress_case *a = &s.cases[0], *b = &s.cases[1], *c = &s.timing;
    cr_expect(s.bound == 0.25 && s.bound_other == 0.125 && s.case_count == 2 && s.has_timing);
    cr_expect(s.seed_count == 4 && s.seeds[0] == 4 && s.seeds[3] == 4294967295u);
    cr_expect(!strcmp(a->name, "a") && !strcmp(a->task, "t") && !strcmp(a->model, "tiny"));
    cr_expect(a->sample && a->steps == 7 && a->batch_size == 8 && a->limit == 9);
    cr_expect_str_eq(a->arch->model_type, "electra");
    cr_expect(!strcmp(b->name, "b") && !strcmp(b->task, "u") && !strcmp(b->model, "mini"));
    cr_expect(!b->sample && b->steps == 10 && b->batch_size == 11 && !b->limit && !b->arch);
    cr_expect(!strcmp(c->task, "v") && !strcmp(c->model, "base") && c->steps == 12);
    cr_expect_eq(c->batch_size, 13);
    regress_suite_free(&s);
}

static err read_task(const char *path) {
    task t;
    err e = task_load(&t, path);
    if (!e) task_free(&t);
    return e;
}

static err read_corpus(const char *path) {
    task t;
    err e = corpus_manifest_load(&t, path);
    if (!e) task_free(&t);
    return e;
}

static void held_file(const char *name, const char *file, const char *as,
                      json_sweep_reader reader) {
    char *text;
    size_t count;
    MUST(file_read((void **)&text, &count, file, 0));
    held(name, text, temporary_path(as), reader);
    mem_free(text);
}

Test(refusals, of_manifests) {
    held_file("refused_manifests", HARNESS_SOURCE_DIR "/tasks/kor_sae.json", "kor_sae.json",
              read_task);
    held_file("refused_corpora", HARNESS_SOURCE_DIR "/corpora/nsmc_raw.json", "nsmc_raw.json",
              read_corpus);
}

static err read_config(const char *path) {
    model_config c;
    err e = model_config_read(&c, path);
    if (!e) model_config_free(&c);
    return e;
}

Test(refusals, of_configurations) {
    static const char *const labels[] = {"a", "b", "c"};
    const char *path = temporary_path("config.json");
    // the plain one, and the one with most keys of its own
    static const char *const families[] = {"bert", "albert"};
    for (size_t i = 0; i < 2; i++) {
        model_config c;
        char *text, name[64];
        size_t count;
        MUST(model_config_preset_as(&c, "tiny", family_find(families[i]), 1000));
        MUST(model_config_set_labels(&c, labels, 3));
        MUST(model_config_write(&c, path));
        model_config_free(&c);
        MUST(file_read((void **)&text, &count, path, 0));
        snprintf(name, sizeof name, "refused_%s_config", families[i]);
        held(name, text, path, read_config);
        mem_free(text);
    }
}

static err read_recipe(const char *path) {
    recipe r;
    return recipe_load(&r, path);
}

Test(refusals, of_recipes) {
    static const char text[] =
        "{\"learning_rate\": 5e-5, \"num_train_epochs\": 3, \"max_steps\": 100, "
        "\"per_device_train_batch_size\": 32, \"warmup_steps\": 0.1, \"adam_epsilon\": 1e-8, "
        "\"max_grad_norm\": 1, \"dropout\": 0.1, \"group_by_length\": true, \"freeze_layers\": 1, "
        "\"lr_scheduler_type\": \"linear\", \"class_weights\": \"1,2\", "
        "\"metric_for_best_model\": \"accuracy\"}";
    held("refused_recipes", text, temporary_path("recipe.json"), read_recipe);
}

/* An input of a fuzz target, behind the byte that chooses what it is, with `hash` for each @S. */
static void held_seed(const char *name, const char *seed, size_t chosen_by, const char *as,
                      json_sweep_reader reader) {
    char path[300], *text;
    size_t count;
    strbuf whole = {0};
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", HARNESS_SOURCE_DIR, seed);
    MUST(file_read((void **)&text, &count, path, 0));
    for (const char *at = text + chosen_by; *at; at++) {
        bool is_hash = at[0] == '@' && at[1] == 'S';
        for (int i = 0; is_hash && i < 64; i++) MUST(strbuf_add(&whole, "5"));
        if (!is_hash) MUST(strbuf_add_bytes(&whole, at, 1));
        at += is_hash;
    }
    mem_free(text);
    held(name, whole.text, temporary_path(as), reader);
    strbuf_free(&whole);
}

static err read_listing(const char *path) {
    hub__listing l;
    char *text;
    size_t count;
    MUST(file_read((void **)&text, &count, path, 0));
    err e = hub__listing_read(&l, text, count, false, path);
    if (!e) hub__listing_free(&l);
    mem_free(text);
    return e;
}

static bool has_none(const void *user, const char *file) {
    (void)user;
    (void)file;
    return false;
}

static err read_hub_index(const char *path) {
    char *missing = NULL;
    err e = hub__index_missing(&missing, path, has_none, NULL);
    mem_free(missing);
    return e;
}

static err read_index(const char *path) {
    (void)path;
    tensors t;
    err e = tensors_open(&t, temporary_path("shards"));
    tensors_close(&t);
    return e;
}

static void put_shard(const char *name, const char *header, size_t bytes) {
    uint8_t file[300] = {(uint8_t)strlen(header)};
    memcpy(file + 8, header, strlen(header));
    MUST(file_write(temporary_path(name), file, 8 + strlen(header) + bytes));
}

Test(refusals, of_a_hub_and_of_shards) {
    held_seed("refused_listing", "hub_listing/shards", 1, "listing.json", read_listing);
    held_seed("refused_hub_index", "hub_listing/index", 1, "index.json", read_hub_index);
    log_set_quiet(true); // of totals that do not fit
    MUST(folder_make(temporary_path("shards")));
    put_shard("shards/a.safetensors",
              "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
    put_shard("shards/b.safetensors",
              "{\"z\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4);
    held("refused_index",
         "{\"metadata\": {\"total_size\": 12}, "
         "\"weight_map\": {\"x\": \"a.safetensors\", \"z\": \"b.safetensors\"}}",
         temporary_path("shards/model.safetensors.index.json"), read_index);
}

static err read_words(const char *path) {
    tokenizer t;
    err e = tokenizer_load(&t, path, false);
    tokenizer_free(&t);
    return e;
}

static err read_words_of(const char *path) {
    (void)path;
    return read_words(temporary_path("words"));
}

Test(refusals, of_words) {
    held_seed("refused_words", "tokenizer_json/bert", 0, "words.json", read_words);
    MUST(folder_make(temporary_path("words")));
    temporary_put("words/vocab.txt", tokens_vocabulary);
    held_seed("refused_words_config", "tokenizer_config/config", 1, "words/tokenizer_config.json",
              read_words_of);
}

static err read_baseline(const char *path) {
    regress_state s = {0};
    err e = regress_state_read(&s, path);
    regress_state_free(&s);
    return e;
}

static err read_speed(const char *path) {
    (void)path;
    return performance_write(temporary_path("speed"));
}

Test(refusals, of_measurements) {
    held_seed("refused_baseline", "baseline/whole", 1, "baseline.json", read_baseline);
    MUST(folder_make(temporary_path("speed")));
    held_seed("refused_speed", "performance/bench", 0, "speed/record.json", read_speed);
}

static cJSON *identity;

static err read_unfinished(const char *path) {
    (void)path;
    run r = {.output = (char *)temporary_path("out"), .identity = identity, .request.resume = true};
    return run_compare(&r);
}

Test(refusals, of_runs_that_go_on) {
    identity = cJSON_Parse("{\"task\":\"nsmc\",\"seed\":\"42\",\"model\":\"tiny\"}");
    MUST(folder_make(temporary_path("out")));
    held_seed("refused_unfinished", "unfinished/begin", 1, "out/" RUN_UNFINISHED, read_unfinished);
    cJSON_Delete(identity);
}
