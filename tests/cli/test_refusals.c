/* Every reader of JSON against every wrong value at every place, whole: a check that is gone, a
 * bound that moved or a message about another key shows. */
#include "base/memory.h"
#include "model/config.h"
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
#include "train/recipe/recipe.h"

#include <stdio.h>
#include <string.h>

static void teardown(void) {
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

TestSuite(refusals, .fini = teardown);

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
    cr_assert(cJSON_AddItemToArray(r.model.newly_initialised, cJSON_CreateString("classifier")));
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
