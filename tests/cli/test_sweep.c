#include "base/json.h"
#include "base/memory.h"
#include "model/weights/tensors.h"
#include "platform/file.h"
#include "result/sweep.h"
#include "support/fake_record.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <string.h>

static err number(void *context, const char *key, double value) {
    return record_recipe_number(context, key, value);
}
static err text(void *context, const char *key, const char *value) {
    return record_recipe_text(context, key, value);
}
static err truth(void *context, const char *key, bool value) {
    return record_recipe_bool(context, key, value);
}

/* A record as a finished run of the request on the CPU would leave it. */
static void make_record(record *r, const run_request *q) {
    device_info *list;
    const device_info *cpu;
    size_t count;
    const char *note;
    task t = {0};
    fake_record_make(r, &(fake_record){.task = q->task, .right = 0.5, .seed = 42});
    MUST(task_find(&t, q->task, NULL));
    r->task.version = t.version;
    MUST(record_text(&r->task.manifest_sha256, t.manifest_sha256));
    recipe shown = q->recipe;
    shown.max_length = (uint32_t)t.max_length;
    cJSON_Delete(r->recipe);
    r->recipe = cJSON_CreateObject();
    MUST(recipe_visit(&shown, &(recipe_visitor){r, number, text, truth}));
    MUST(device_list(&list, &count, &note));
    MUST(device_select(&cpu, list, count, "cpu"));
    MUST(record_text(&r->device.name, cpu->name));
    MUST(record_text(&r->device.driver, *cpu->driver ? cpu->driver : NULL));
    r->partial = r->dirty = false;
    r->seed = q->seed;
    mem_free(list);
    task_free(&t);
}

Test(sweep, what_has_a_record_is_found_and_nothing_else) {
    json_setup();
    size_t live = mem_live_count();
    const char *results = temporary_path("results");
    run_request q = {.task = "kor_hate", .model = "tiny", .seed = 42};
    record r;
    sweep s;
    const record *found;
    MUST(recipe_load(&q.recipe, "course"));
    make_record(&r, &q);
    MUST(store_write(results, &r, NULL));
    record_free(&r);
    MUST(sweep_open(&s, 2, "cpu", results, true));
    cr_assert_eq(s.store.count, 1);
    MUST(sweep_find(&found, &s, &q));
    cr_assert_not_null(found);
    cr_assert_eq(found->seed, 42);
    const run_request changed[] = {
        {.task = "kor_sae", .model = "tiny", .seed = 42, .recipe = q.recipe},
        {.task = "kor_hate", .model = "mini", .seed = 42, .recipe = q.recipe},
        {.task = "kor_hate",
         .model = "tiny",
         .arch = &encoder_electra,
         .seed = 42,
         .recipe = q.recipe},
        {.task = "kor_hate", .model = "tiny", .seed = 43, .recipe = q.recipe},
        {.task = "kor_hate", .model = "tiny", .seed = 42, .recipe = q.recipe, .sample = true},
        {.task = "kor_hate", .model = "tiny", .seed = 42, .recipe = q.recipe, .limit = 100},
        {.task = "kor_hate",
         .model = "tiny",
         .seed = 42,
         .recipe = q.recipe,
         .protocol = PROTOCOL_DEV},
        {.task = "kor_hate", .model = "tiny", .seed = 42, .recipe = q.recipe, .precision = "fp16"},
    };
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        MUST(sweep_find(&found, &s, &changed[i]));
        cr_assert_null(found, "change %zu was taken for the same run", i);
    }
    q.recipe.learning_rate *= 1.001;
    MUST(sweep_find(&found, &s, &q));
    cr_assert_null(found, "another learning rate was taken for the same run");
    MUST(recipe_load(&q.recipe, "course"));
    q.recipe.max_length = 32;
    MUST(sweep_find(&found, &s, &q));
    cr_assert_null(found, "another length was taken for the same run");
    sweep_close(&s);
    // without `skip` nothing is looked for
    q.recipe.max_length = 0;
    MUST(sweep_open(&s, 2, "cpu", results, false));
    MUST(sweep_find(&found, &s, &q));
    cr_assert_null(found);
    sweep_close(&s);
    cr_assert_eq(mem_live_count(), live);
    temporary_remove();
}

/* A position table that is the shortest of what bounds a length has rows that no token has. */
Test(sweep, a_record_of_short_positions_is_found) {
    json_setup();
    static const struct {
        const char *config;
        double length;
        bool is_found;
    } cases[] = {
        {"{\"model_type\": \"bert\", \"max_position_embeddings\": 40}", 40, true},
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 40, \"pad_token_id\": 1}", 38,
         true},
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 40, \"pad_token_id\": 1}", 40,
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *results = temporary_path("results");
        run_request q = {.task = "kor_hate", .model = "tiny", .seed = 42};
        record r;
        sweep s;
        const record *found;
        MUST(recipe_load(&q.recipe, "course"));
        make_record(&r, &q);
        cJSON_Delete(r.model.config);
        cr_assert_not_null(r.model.config = cJSON_Parse(cases[i].config));
        cJSON_SetNumberValue(cJSON_GetObjectItem(r.recipe, "max_length"), cases[i].length);
        MUST(store_write(results, &r, NULL));
        record_free(&r);
        MUST(sweep_open(&s, 2, "cpu", results, true));
        MUST(sweep_find(&found, &s, &q));
        cr_expect_eq(found != NULL, cases[i].is_found, "case %zu", i);
        sweep_close(&s);
        temporary_remove();
    }
}

/* The folder's one file becomes a shard with its index, as large models come. */
static void make_sharded(const char *folder) {
    safetensors file = {0};
    cJSON *index = cJSON_CreateObject(), *map = NULL;
    char *whole = NULL, *shard = NULL, *path = NULL;
    MUST(path_join(&whole, folder, "model.safetensors"));
    MUST(path_join(&shard, folder, "model-00001-of-00001.safetensors"));
    MUST(path_join(&path, folder, "model.safetensors.index.json"));
    MUST(safetensors_open(&file, whole));
    MUST(json_add_object(&map, index, "weight_map"));
    for (size_t i = 0; i < file.count; i++)
        MUST(json_add_string(map, file.entries[i].name, path_name(shard)));
    safetensors_close(&file);
    MUST(json_write(path, index));
    cr_assert_eq(rename(whole, shard), 0);
    cJSON_Delete(index);
    mem_free(whole);
    mem_free(shard);
    mem_free(path);
}

Test(sweep, a_sharded_model_is_known_by_its_weights) {
    json_setup();
    size_t live = mem_live_count();
    const char *results = temporary_path("results"), *model = temporary_path("sharded");
    run_request q = {.task = "kor_hate", .model = model, .seed = 42};
    record r;
    sweep s;
    const record *found;
    tensors files = {0};
    char hex[HASH_HEX_BYTES];
    model_folder_make(model, NULL, 3, NULL);
    make_sharded(model);
    MUST(tensors_open(&files, model));
    MUST(tensors_digest(&files, hex));
    tensors_close(&files);
    MUST(recipe_load(&q.recipe, "course"));
    make_record(&r, &q);
    MUST(record_text(&r.model.name, "sharded"));
    MUST(record_text(&r.model.weights_sha256, hex));
    MUST(store_write(results, &r, NULL));
    MUST(sweep_open(&s, 2, "cpu", results, true));
    MUST(sweep_find(&found, &s, &q));
    cr_assert_not_null(found);
    sweep_close(&s);
    // other weights under the same name are another run
    hex[0] = hex[0] == '0' ? '1' : '0';
    MUST(record_text(&r.model.weights_sha256, hex));
    MUST(folder_remove(results));
    MUST(store_write(results, &r, NULL));
    MUST(sweep_open(&s, 2, "cpu", results, true));
    MUST(sweep_find(&found, &s, &q));
    cr_assert_null(found);
    sweep_close(&s);
    record_free(&r);
    cr_assert_eq(mem_live_count(), live);
    temporary_remove();
}

/* Two devices whose plain names are one: both records stay; the same run replaces its own. */
Test(sweep, records_of_two_runs_are_never_one_file) {
    json_setup();
    const char *results = temporary_path("results");
    run_request q = {.task = "kor_hate", .model = "tiny", .seed = 42};
    record r;
    char *paths[4];
    MUST(recipe_load(&q.recipe, "course"));
    make_record(&r, &q);
    MUST(record_text(&r.device.name, "A GPU (1)"));
    MUST(store_write(results, &r, &paths[0]));
    MUST(record_text(&r.device.name, "a-gpu-1"));
    MUST(store_write(results, &r, &paths[1]));
    MUST(store_write(results, &r, &paths[2]));
    MUST(record_text(&r.device.driver, "another"));
    MUST(store_write(results, &r, &paths[3]));
    cr_assert_str_neq(paths[0], paths[1]);
    cr_assert_str_eq(paths[1], paths[2]);
    cr_assert_str_neq(paths[1], paths[3]);
    cr_assert(file_exists(paths[0]) && file_exists(paths[1]) && file_exists(paths[3]));
    for (int i = 0; i < 4; i++) mem_free(paths[i]);
    record_free(&r);
    temporary_remove();
}

Test(sweep, a_record_whose_model_was_replaced_says_so_on_the_board) {
    json_setup();
    const char *results = temporary_path("results");
    record kept, gone, read = {0};
    char *path = NULL, *board = NULL;
    size_t bytes = 0;
    run_request q = {.task = "kor_hate", .model = "tiny", .seed = 42};
    MUST(recipe_load(&q.recipe, "course"));
    make_record(&kept, &q);
    q.recipe.learning_rate = 1e-3;
    make_record(&gone, &q);
    MUST(store_write(results, &kept, NULL));
    MUST(store_write(results, &gone, &path));
    MUST(store_mark_gone(results, &gone));
    MUST(record_read(&read, path));
    cr_assert(read.model_is_gone);
    program_result p = RUN("report", "--results", results);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    MUST(file_read((void **)&board, &bytes, temporary_path("results/LEADERBOARD.md"), 0));
    const char *first = strstr(board, "tiny (model replaced: 1 of 1)");
    cr_assert(first && !strstr(first + sizeof "tiny (", "(model replaced"), "%s", board);
    mem_free(board);
    mem_free(path);
    record_free(&read);
    record_free(&kept);
    record_free(&gone);
    temporary_remove();
}

Test(sweep, words) {
    char **list = NULL;
    size_t count;
    MUST(words_split(&list, &count, "tiny,,mini,", "model"));
    cr_assert_eq(count, 2);
    cr_assert_str_eq(list[0], "tiny");
    cr_assert_str_eq(list[1], "mini");
    words_free(list, count);
    MUST_FAIL(words_split(&list, &count, ",", "model"), ERR_USAGE, "--model names nothing: ','");
    words_free(list, count);
}

Test(sweep, several_tasks_and_models_are_one_sweep) {
    program_result p = RUN("run", "--task", "kor_hate,kor_sarcasm", "--model", "tiny,mini",
                           "--sample", "--device", "cpu", "--threads", "1", "--max-steps", "1");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_assert(strstr(p.err, "run 1 of 4 (0 left out): kor_hate, tiny, seed 42"), "%s", p.err);
    cr_assert(strstr(p.err, "run 4 of 4 (0 left out, ends about "), "%s", p.err);
    cr_assert(strstr(p.err, "kor_sarcasm, mini, seed 42"), "%s", p.err);
    cr_assert_not(strstr(p.err, "nothing to resume"), "%s", p.err);
    program_free(&p);
    // each model has its own recipe, whatever comes before it
    folder_list made;
    json_setup();
    MUST(folder_list_read(&made, temporary_path("runs/kor_hate")));
    cr_assert_eq(made.count, 2);
    for (size_t i = 0; i < 2; i++) {
        char path[300];
        recipe own;
        record r;
        snprintf(path, sizeof path, "runs/kor_hate/%s/record.json", made.names[i]);
        MUST(record_read(&r, temporary_path(path)));
        MUST(recipe_load(&own, i ? "tiny" : "mini"));
        cr_assert_str_eq(r.model.name, own.name);
        cr_assert_eq(cJSON_GetObjectItem(r.recipe, "learning_rate")->valuedouble, own.learning_rate,
                     "%s", own.name);
        record_free(&r);
    }
    folder_list_free(&made);
    p = RUN("run", "--task", "kor_hate", "--model", "tiny,mini", "--sample", "-o", "x");
    cr_assert_eq(p.exit_code, 2);
    cr_assert(strstr(p.err, "--output-dir holds one run, 2 were asked for"), "%s", p.err);
    program_free(&p);
}

Test(sweep, all_means_the_tasks_whose_data_is_here) {
    program_result p = RUN("run", "--task", "all", "--data", "no-such-folder", "--device", "cpu");
    cr_assert_eq(p.exit_code, 1);
    cr_assert(strstr(p.err, "task nsmc is left out, its data is not here: no-such-folder/nsmc/"),
              "%s", p.err);
    cr_assert(strstr(p.err, "harness: the data of no task is here"), "%s", p.err);
    program_free(&p);
}

// the large task takes most of the time, whatever the number of runs
Test(sweep, the_end_is_expected_by_work) {
    run_request small = {.task = "kor_sarcasm", .model = "tiny"};
    run_request large = {.task = "nsmc", .model = "mini"};
    sweep s = {.total = 2};
    json_setup();
    MUST(recipe_load(&small.recipe, "tiny"));
    MUST(recipe_load(&large.recipe, "mini"));
    MUST(sweep_expect(&s, &small));
    double first = s.left;
    MUST(sweep_expect(&s, &large));
    cr_assert_gt(s.left, 50 * first);
    sweep_begin(&s, &small);
    sweep_end(&s, &small);
    cr_assert_float_eq(s.work, first, 1e-6 * first);
    cr_assert_gt(s.left, 49 * first);
    sweep_begin(&s, &large);
    sweep_end(&s, &large);
    cr_assert_float_eq(s.left, 0, 1e-6 * s.work);
    sweep_close(&s);
}
