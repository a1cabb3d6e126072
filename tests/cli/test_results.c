/* `harness results`: what is added is whole, of the data, and as the program wrote it. */
#include "base/memory.h"
#include "base/numerics.h"
#include "cli/record_data.h"
#include "data/support_task.h"
#include "platform/file.h"
#include "result/record_strict.h"
#include "support/child.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(results, .timeout = 120);

static char *text_of(const char *path) {
    void *text = NULL;
    size_t count;
    MUST(file_read(&text, &count, path, 0));
    return text;
}

static void make_as(const char *name, uint32_t seed, double right) {
    record r;
    fake_record_make(&r, &(fake_record){.right = right, .seed = seed});
    // from nothing, its steps by rows and epochs
    mem_free(r.model.weights_sha256);
    r.model.weights_sha256 = NULL;
    MUST(json_append(r.model.newly_initialised, cJSON_CreateString("all")));
    fake_recipe_number(&r, "max_steps", 0);
    fake_recipe_number(&r, "num_train_epochs", 1);
    fake_recipe_number(&r, "per_device_train_batch_size", 50);
    fake_record_follow(&r);
    MUST(record_write(&r, temporary_path(name)));
    record_free(&r);
}

static void make(const char *name, uint32_t seed) {
    make_as(name, seed, 0.7);
}

static void expect_said(program_result p, int exit_code, const char *part) {
    cr_expect_eq(p.exit_code, exit_code, "%d: %s%s", p.exit_code, p.out, p.err);
    cr_expect_not_null(strstr(exit_code ? p.err : p.out, part), "expected '%s' in: %s%s", part,
                       p.out, p.err);
}

typedef struct changing {
    cJSON *top;
    const char *part; /* the key at the top */
    size_t tried, missed;
} changing;

static void try(changing *w, const char *change) {
    char *text = NULL;
    record r;
    MUST(json_print(&text, w->top, true));
    err e = record_parse_strict(&r, text, strlen(text), "r.json");
    char quoted[100], within[100];
    snprintf(quoted, sizeof quoted, "'%s'", w->part);
    snprintf(within, sizeof within, "%s: ", w->part);
    bool named =
        e == ERR_FORMAT && (strstr(err_message(e), quoted) || strstr(err_message(e), within));
    cr_expect(named, "%s, %s: %s", w->part, change, e ? err_message(e) : "is read");
    w->tried++;
    w->missed += !named;
    if (!e) record_free(&r);
    mem_free(text);
}

/* A value, and of a text one letter, is another; then it is put back. */
static void change_value(changing *w, cJSON *item) {
    if (cJSON_IsNumber(item)) {
        double was = item->valuedouble;
        cJSON_SetNumberValue(item, was + 1);
        try(w, item->string ? item->string : "number");
        cJSON_SetNumberValue(item, was);
    } else if (cJSON_IsString(item) && *item->valuestring) {
        char *letter = item->valuestring + strlen(item->valuestring) / 2, was = *letter;
        *letter = was == 'a' ? 'b' : 'a';
        // inside a Hangul letter that would be no UTF-8
        if (!(was & 0x80)) try(w, item->string ? item->string : "text");
        *letter = was;
    } else if (cJSON_IsBool(item)) {
        int was = item->type;
        item->type = was == cJSON_True ? cJSON_False : cJSON_True;
        try(w, item->string ? item->string : "truth");
        item->type = was;
    }
}

static void change_below(changing *w, cJSON *parent) {
    cJSON *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, parent) {
        if (parent == w->top) w->part = item->string;
        if (parent == w->top && !strcmp(item->string, "checksums")) continue;
        if (cJSON_IsArray(parent) && n++ > 2) continue; // the first of a list stand for all
        change_value(w, item);
        change_below(w, item);
    }
}

/* A record that has every key: of a GPU in fp16, by dev scores. */
static void make_whole(const char *name) {
    record r;
    fake_record_make(&r, &(fake_record){.right = 0.7, .seed = 1, .is_whole = true});
    MUST(record_write(&r, temporary_path(name)));
    record_free(&r);
}

Test(results, every_changed_value_is_named) {
    changing w = {0};
    make_whole("r.json");
    char *text = text_of(temporary_path("r.json"));
    record r;
    MUST(record_parse_strict(&r, text, strlen(text), "r.json"));
    record_free(&r);
    MUST(json_parse(&w.top, text, strlen(text), "r.json"));
    mem_free(text);
    change_below(&w, w.top);
    cr_expect_gt(w.tried, 140, "%zu", w.tried);
    cr_expect_eq(w.missed, 0);
    // keys that are gone, or of no record
    for (const char *const *key = (const char *const[]){"command", "dev", "loss_scaling", NULL};
         *key; key++) {
        cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(w.top, *key);
        cr_assert_not_null(item, "%s", *key);
        w.part = *key;
        try(&w, "left out");
        cJSON_AddItemToObject(w.top, *key, item);
    }
    static const char *const sections[] = {"task",   "model",   "timing",
                                           "device", "harness", "memory"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        cJSON *section = cJSON_GetObjectItemCaseSensitive(w.top, sections[i]);
        cJSON_AddNumberToObject(section, "note", 1);
        w.part = sections[i];
        try(&w, "a key more");
        cJSON_DeleteItemFromObjectCaseSensitive(section, "note");
    }
    cJSON_AddNumberToObject(w.top, "note", 1);
    w.part = "note";
    try(&w, "a key more");
    cJSON_Delete(w.top);
}

/* Records of schema 1 have no checksums, and are read. */
Test(results, the_committed_records_are_as_they_were_written) {
    char results[4096];
    snprintf(results, sizeof results, "%s/results", HARNESS_SOURCE_DIR);
    expect_said(RUN("results", "check", results), 0, " records checked, ");
}

/* The only record of a folder, which another process put there, is as empty as that one left it. */
static void expect_first(const char *folder) {
    folder_list list = {0};
    char path[256];
    MUST(folder_list_read(&list, temporary_path(folder)));
    cr_assert_eq(list.count, 1, "%zu files", list.count);
    snprintf(path, sizeof path, "%s/%s", folder, list.names[0]);
    folder_list_free(&list);
    char *text = text_of(temporary_path(path));
    cr_expect_str_empty(text);
    mem_free(text);
}

Test(results, what_another_process_wrote_meanwhile_stays) {
    const child_setup setup = {.preload = listed_path(HARNESS_LOCK_SHIM)};
    make("a.json", 1);
    setenv("HARNESS_COMES_FIRST", "1", 1);
    for (int links = 1; links >= 0; links--) { // then where there are no hard links
        if (!links) setenv("HARNESS_NO_LINKS", "1", 1);
        expect_said(
            child_run(&setup, 60, (const char *const[]){"results", "add", "a.json", "-q", NULL}), 1,
            "a duplicate: results/fake_task/");
        expect_first("results/fake_task");
        MUST(folder_remove(temporary_path("results")));
    }
    // the same record is what was to be there
    unsetenv("HARNESS_NO_LINKS");
    setenv("HARNESS_COMES_FIRST", "same", 1);
    program_result p =
        child_run(&setup, 60, (const char *const[]){"results", "add", "a.json", NULL});
    expect_said(p, 0, "a.json -> results/fake_task/");
    cr_expect_not_null(strstr(p.err, "a.json: is there already: results/fake_task/"), "%s", p.err);
}

/* Of a run of another seed, which no two runs can be. */
static void make_copy(const char *name, const char *of) {
    cJSON *top;
    MUST(json_read(&top, temporary_path(of), 0));
    cJSON_SetNumberValue(cJSON_GetObjectItem(top, "seed"), 9);
    fake_record_seal(temporary_path(name), top);
    cJSON_Delete(top);
}

Test(results, none_is_taken_that_cannot_be_true_beside_another) {
    make("a.json", 1);
    make("b.json", 2);
    make_copy("copy.json", "a.json");
    RUN_WELL("results", "add", "a.json");
    program_result p = RUN("results", "add", "b.json", "copy.json");
    expect_said(p, 1, "nothing was added: on a board with what is added fake_task/");
    expect_said(p, 1,
                "-s1.json is left out: it contradicts copy.json, which has another seed, 9, ");
    expect_said(RUN("results", "add", "b.json", "copy.json", "--results", "results/"), 1,
                "what is added fake_task/");
    expect_said(RUN("results", "check"), 0, "1 record checked");
    expect_said(RUN("results", "add", "a.json", "copy.json", "--results", "others"), 1,
                "copy.json is left out: it contradicts a.json");
    // by its name the copy comes first
    cr_assert_not(rename(temporary_path("copy.json"), temporary_path("results/fake_task/a.json")));
    p = RUN("results", "check");
    expect_said(p, 1,
                "-s1.json is left out: it contradicts results/fake_task/a.json, which has another");
    expect_said(p, 1, "1 of 2 records would be refused (named above)");
    expect_said(RUN("results", "check", "results"), 1, "warning: on a board results/fake_task/");
    // it is no fault of what comes
    RUN_WELL("results", "add", "b.json");
}

/* The record as another program wrote it that ran the same: it says more than its run tells apart. */
static void make_again(const char *name, const char *of) {
    cJSON *top;
    MUST(json_read(&top, temporary_path(of), 0));
    cr_assert_not_null(
        cJSON_SetValuestring(cJSON_GetObjectItem(top, "created"), "2024-05-01T00:00:01Z"));
    fake_record_seal(temporary_path(name), top);
    cJSON_Delete(top);
}

Test(results, are_added_all_or_none) {
    make("a.json", 1);
    make("b.json", 2);
    make("c.json", 3);
    program_result p = RUN("results", "add", "a.json", "b.json");
    cr_expect_not_null(strstr(p.err, "added 2 records to results: `harness report` shows them\n"),
                       "%s", p.err);
    expect_said(p, 0, "b.json -> results/fake_task/");
    p = RUN_WELL("results", "check");
    cr_expect_not_null(strstr(p.out, "2 records checked, 0 against the data; 0 of older"), "%s",
                       p.out);
    cr_expect_not_null(strstr(p.err, "gold labels were not compared with the data: no manifest of "
                                     "task 'fake_task' is here (--task-dir DIR)"),
                       "%s", p.err);
    cr_expect_null(strstr(p.err, "known:"), "%s", p.err);
    cr_expect_not_null(strstr(p.err, "\nnor were those of 1 more record compared: no manifest of "),
                       "%s", p.err);
    expect_said(RUN("results", "check", "results/fake_task"), 1,
                "results/fake_task: the folder of one task: name the folder that it lies in");
    static const char *const verbs[][4] = {{"results", "check", "results/fake_task//"},
                                           {"report", "--results", "results/fake_task/"},
                                           {"report", "--history", "--results=results/fake_task/"}};
    for (size_t i = 0; i < 3; i++)
        expect_said(RUN(verbs[i][0], verbs[i][1], verbs[i][2]), 1,
                    "the folder of one task: name the folder that it lies in");
    temporary_put("results/report.json", "{\"tables\": [], \"overall\": []}");
    p = RUN("results", "check", "results/report.json");
    cr_expect_null(strstr(p.err, "warning"), "%s", p.err);
    expect_said(p, 1, "harness: results/report.json: a board, and no record of a run");
    MUST(folder_make(temporary_path("empty")));
    expect_said(RUN("results", "check", "empty"), 1, "empty: nothing to check: records lie in");
    // what is there already is left, and a record of the same run that says something else refused
    p = RUN_WELL("results", "add", "b.json", "a.json");
    cr_expect_not_null(strstr(p.err, "b.json: is there already: results/fake_task/"), "%s", p.err);
    cr_expect_null(strstr(p.err, "added"), "%s", p.err);
    make_again("a.json", "a.json"); // of as many bytes
    expect_said(RUN("results", "add", "c.json", "a.json"), 1,
                "nothing was added: a.json: a duplicate: results/fake_task/");
    make_as("d.json", 3, 0.6); // of the run of c.json
    expect_said(RUN("results", "add", "c.json", "d.json"), 1, "a duplicate: c.json is a record");
    folder_list list = {0};
    MUST(folder_list_read(&list, temporary_path("results/fake_task")));
    cr_expect_eq(list.count, 2);
    folder_list_free(&list);
    p = RUN_WELL("results", "add", "c.json", "--results", "people");
    cr_expect_not_null(
        strstr(p.err, "added 1 record to people: `harness report --results people` shows it\n"),
        "%s", p.err);
    make("a.json", 1); // some of them there already; as its bytes were
    p = RUN_WELL("results", "add", "a.json", "c.json", "c.json", "-q", "--json");
    expect_said(p, 0, "\"place\":");
    cr_expect_not_null(strstr(p.out, "\"uncompared\":\t1\n}"), "%s", p.out); // of what was added
    MUST(folder_list_read(&list, temporary_path("results/fake_task")));
    cr_assert_eq(list.count, 3);
    char path[256];
    snprintf(path, sizeof path, "results/fake_task/%s", list.names[2]);
    folder_list_free(&list);
    char *mine = text_of(temporary_path("c.json")), *theirs = text_of(temporary_path(path));
    cr_expect_str_eq(mine, theirs);
    mem_free(mine);
    mem_free(theirs);
}

/* Of its name a run knows nothing: the same one is found wherever it lies. */
Test(results, a_run_is_known_by_itself) {
    make("a.json", 1);
    make_again("again.json", "a.json");
    make("people/ann/fake_task/mine.json", 1);
    program_result p = RUN_WELL("results", "add", "a.json", "--results", "people");
    cr_expect_not_null(strstr(p.err, "a.json: is there already: people/ann/fake_task/mine.json\n"),
                       "%s", p.err);
    cr_expect_not(file_named(temporary_path("people/fake_task")));
    expect_said(RUN("results", "add", "again.json", "--results", "people"), 1,
                "again.json: a duplicate: people/ann/fake_task/mine.json is a record of the same");
    // one that comes twice is added once
    p = RUN_WELL("results", "add", "a.json", "./a.json");
    cr_expect_not_null(strstr(p.err, "./a.json: is given already: a.json\n"), "%s", p.err);
    cr_expect_not_null(strstr(p.err, "added 1 record to results"), "%s", p.err);
    // files, folders and folders of runs are held against one another
    expect_said(RUN("results", "check", "a.json", "again.json"), 1,
                "warning: again.json: a duplicate: a.json is a record of the same run\n");
    expect_said(RUN("results", "check", "people", "again.json"), 1,
                "again.json: a duplicate: people/ann/fake_task/mine.json is");
    p = RUN_WELL("results", "check", "people", "results", "a.json");
    cr_expect_not_null(strstr(p.err, "-s1.json: is given already: people/ann/fake_task/mine"), "%s",
                       p.err);
    cr_expect_not_null(strstr(p.err, "a.json: is given already: people/ann/"), "%s", p.err);
    make("runs/a/record.json", 1);
    RUN_WELL("results", "check", "runs/a", "people");
    MUST(file_remove(temporary_path("people/ann/fake_task/mine.json")));
    MUST(folder_make(temporary_path("people/bob")));
    MUST(folder_make(temporary_path("people/bob/fake_task")));
    make_again("people/bob/fake_task/b.json", "a.json");
    make("people/ann/fake_task/a.json", 1);
    expect_said(RUN("results", "check", "people"), 1, "1 of 2 records would be refused");
    expect_said(RUN("results", "check", "a.json", "none.json"), 1, "none.json: no such file or");
    make_copy("copy.json", "a.json");
    expect_said(RUN("results", "check", "a.json", "copy.json"), 1,
                "warning: on a board copy.json is left out: it contradicts a.json, which");
    expect_said(RUN("results", "check", "results", "copy.json"), 1, "it contradicts copy.json");
}

/* What fails at the second takes the first back, and its folder; a broken file is not replaced. */
Test(results, nothing_is_left_of_what_failed) {
    make("a.json", 1);
    make("b.json", 2);
    cJSON *top;
    MUST(json_read(&top, temporary_path("b.json"), 0));
    cJSON_SetValuestring(cJSON_GetObjectItem(cJSON_GetObjectItem(top, "task"), "name"), "other");
    cJSON_SetValuestring(cJSON_GetObjectItem(top, "command"), "harness run --task other --seed 2");
    fake_record_seal(temporary_path("b.json"), top);
    cJSON_Delete(top);
    MUST(folder_make(temporary_path("results")));
    temporary_put("results/other", "a file");
    expect_said(RUN("results", "add", "a.json", "b.json"), 1, "nothing was added: ");
    cr_expect_not(file_named(temporary_path("results/fake_task")));
    MUST(file_remove(temporary_path("results/other")));
    RUN_WELL("results", "add", "a.json", "b.json");
    folder_list list = {0};
    MUST(folder_list_read(&list, temporary_path("results/fake_task")));
    cr_assert_eq(list.count, 1);
    char name[256];
    snprintf(name, sizeof name, "results/fake_task/%s", list.names[0]);
    folder_list_free(&list);
    temporary_put(name, "{\"schema\": 3");
    expect_said(RUN("results", "add", "a.json"), 1,
                "a.json: its place is taken: results/fake_task/");
    char *text = text_of(temporary_path(name));
    cr_expect_str_eq(text, "{\"schema\": 3");
    mem_free(text);
}

/* Two runs with one plain name lie side by side, in one call as in two. */
Test(results, two_runs_of_one_name_are_both_added) {
    make("new.json", 1);
    cJSON *top;
    MUST(json_read(&top, temporary_path("new.json"), 0));
    cJSON *harness = cJSON_GetObjectItem(top, "harness");
    cJSON_SetNumberValue(cJSON_GetObjectItem(harness, "numerics_version"), NUMERICS_VERSION - 1);
    fake_record_seal(temporary_path("old.json"), top);
    cJSON_Delete(top);
    for (int together = 1; together >= 0; together--) {
        if (together) {
            RUN_WELL("results", "add", "old.json", "new.json");
        } else {
            RUN_WELL("results", "add", "old.json");
            RUN_WELL("results", "add", "new.json");
        }
        expect_said(RUN("results", "check"), 0, "2 records checked");
        expect_said(RUN("results", "check", "results", "new.json"), 0, "3 records checked");
        folder_list list = {0};
        MUST(folder_list_read(&list, temporary_path("results/fake_task")));
        cr_expect_eq(list.count, 2);
        folder_list_free(&list);
        char *board;
        RUN_WELL("report");
        board = text_of(temporary_path("results/LEADERBOARD.md"));
        cr_expect_not_null(strstr(board, "numerics"), "%s", board);
        mem_free(board);
        MUST(folder_remove(temporary_path("results")));
    }
}

/* A run's folder stands for its record; other files of a run are none to complain of. */
Test(results, of_a_runs_folder_the_record_counts) {
    make("runs/fake_task/a/record.json", 1);
    temporary_put("runs/fake_task/a/run.json", "{\"run\": 1, \"identity\": {}}");
    temporary_put("runs/fake_task/a/tokenizer.json", "{\"added_tokens\": [], \"model\": {}}");
    program_result p = RUN("results", "check", "runs/fake_task");
    cr_expect_not_null(strstr(p.err, "runs/fake_task: 2 files of other kinds passed over"), "%s",
                       p.err);
    cr_expect_null(strstr(p.err, "warning"), "%s", p.err);
    expect_said(p, 0, "1 record checked");
    expect_said(RUN("results", "add", "runs/fake_task"), 1, "the run below it is runs/fake_task/a");
    expect_said(RUN("results", "add", "runs/fake_task/a"), 0, "runs/fake_task/a/record.json -> ");
}

/* Records of schema 1 have no checksums: a key that none has is found by its name. */
Test(results, a_key_that_no_record_has_is_refused) {
    static const char path[] =
        HARNESS_SOURCE_DIR "/results/kor_hate/tiny-amd-epyc-de50dc95-s42.json";
    static const char *const sections[] = {NULL,     "task",        "model",   "device",
                                           "timing", "predictions", "metrics", "gold"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        cJSON *top = NULL;
        char *text = NULL;
        record r;
        MUST(json_read(&top, path, 0));
        cr_assert_eq(cJSON_GetObjectItem(top, "schema")->valueint, 1);
        cJSON *at = sections[i] ? cJSON_GetObjectItem(top, sections[i]) : top;
        cr_assert_not_null(cJSON_AddNumberToObject(at, "colour", 1));
        MUST(json_print(&text, top, true));
        MUST_FAIL(record_parse_strict(&r, text, strlen(text), "r.json"), ERR_FORMAT,
                  "key 'colour' is none of a record's");
        mem_free(text);
        cJSON_Delete(top);
    }
}

static void set_text(cJSON *section, const char *key, const char *text) {
    cr_assert_not_null(cJSON_SetValuestring(cJSON_GetObjectItem(section, key), text), "%s", key);
}

static void dev_of_no_rows(cJSON *top) {
    set_text(top, "protocol", "dev");
}
static void dev_without_evaluations(cJSON *top) {
    cJSON *rows = cJSON_GetObjectItem(cJSON_GetObjectItem(top, "task"), "rows");
    set_text(top, "protocol", "dev");
    cJSON_SetNumberValue(cJSON_GetObjectItem(rows, "dev"), 10);
}
static void evaluations_of(cJSON *top, const char *by) {
    cJSON *dev = cJSON_Parse("{\"best_step\": 1, \"evaluations\": [[1, 0.5, 0.5]]}");
    cr_assert_not_null(cJSON_AddStringToObject(dev, "metric", by));
    cr_assert(cJSON_AddItemToObject(top, "dev", dev));
}
static void evaluations_without_dev(cJSON *top) {
    evaluations_of(top, "loss");
}
static void dev_by_another_metric(cJSON *top) {
    dev_without_evaluations(top);
    evaluations_of(top, "loss");
}
static void rows_without_dev(cJSON *top) {
    dev_without_evaluations(top);
    set_text(top, "protocol", "last");
}
static void cpu_as_gpu(cJSON *top) {
    set_text(cJSON_GetObjectItem(top, "device"), "kind", "gpu");
}
static void uuid_of_a_cpu(cJSON *top) {
    cJSON_ReplaceItemInObject(cJSON_GetObjectItem(top, "device"), "uuid",
                              cJSON_CreateString("00000000-0000-0000-0000-000000000000"));
}
static void scaled_in_full(cJSON *top) {
    cJSON *scaling = cJSON_Parse("{\"final_scale\": 1024, \"skipped_steps\": 0}");
    cr_assert(cJSON_AddItemToObject(top, "loss_scaling", scaling));
}
static void unscaled_half(cJSON *top) {
    cpu_as_gpu(top);
    uuid_of_a_cpu(top);
    set_text(cJSON_GetObjectItem(top, "device"), "precision", "fp16");
}
static void from_nothing(cJSON *top) {
    cJSON *model = cJSON_GetObjectItem(top, "model");
    cJSON_ReplaceItemInObject(model, "newly_initialised", cJSON_CreateArray());
}
static void drawn_of_no_model(cJSON *top) {
    static const char *const names[] = {"bert.encoder.layer.1.output.dense.weight",
                                        "bert.embeddings.position_embeddings.weight[30:32]",
                                        "bert.encoder.layer.2.output.dense.weight"};
    cJSON *model = cJSON_GetObjectItem(top, "model");
    char hash[65] = {0};
    memset(hash, 'a', 64);
    cJSON_ReplaceItemInObject(model, "weights_sha256", cJSON_CreateString(hash));
    cJSON_ReplaceItemInObject(model, "newly_initialised", cJSON_CreateStringArray(names, 3));
}
static void no_time(cJSON *top) {
    cJSON_SetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(top, "timing"), "train_s"), 0);
}
static void other_time(cJSON *top) {
    cJSON_SetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(top, "timing"), "train_s"), 5);
}
static void years_ahead(cJSON *top) {
    set_text(top, "created", "2999-01-01T00:00:00Z");
}

static void years_back(cJSON *top) {
    set_text(top, "created", "0000-01-01T00:00:00Z");
}
static void label_twice(cJSON *top) {
    cJSON *labels = cJSON_GetObjectItem(cJSON_GetObjectItem(top, "task"), "labels");
    const cJSON *first = cJSON_GetArrayItem(labels, 0);
    cJSON_ReplaceItemInArray(labels, 2, cJSON_CreateString(first->valuestring)); // not beside it
}
static void half_on_a_cpu(cJSON *top) {
    set_text(cJSON_GetObjectItem(top, "device"), "precision", "fp16");
}

/* Whoever changes a record can put other checksums too. */
Test(results, what_contradicts_itself_is_refused) {
    static const struct {
        void (*change)(cJSON *top);
        const char *said;
    } cases[] = {
        {dev_of_no_rows, "task: rows: key 'dev' is 0 under protocol dev"},
        {dev_without_evaluations, "key 'dev' is missing under protocol dev"},
        {no_time, "timing: key 'train_s' is 0, one step alone took 37.5 ms"},
        {other_time, "timing: key 'train_s' is 5: at 12995.4 tokens_per_s these are 64977 tokens"},
        {years_ahead, "key 'created' is 2999-01-01T00:00:00Z, which is yet to come"},
        {years_back, "key 'created' is 0000-01-01T00:00:00Z, and no record is older than 2024"},
        {drawn_of_no_model, "model: key 'newly_initialised' has "
                            "'bert.encoder.layer.2.output.dense.weight', and the model has no"},
        {label_twice, "task: key 'labels' has '"},
        {evaluations_without_dev, "key 'dev' is there under protocol last"},
        {rows_without_dev, "task: rows: key 'dev' is 10 under protocol last"},
        {dev_by_another_metric, "dev: key 'metric' is 'loss', the recipe chooses by 'macro_f1'"},
        {cpu_as_gpu, "device: key 'uuid' is null, and key 'kind' is gpu"},
        {uuid_of_a_cpu, "device: key 'uuid' is there, and key 'kind' is cpu"},
        {scaled_in_full, "key 'loss_scaling' is there, and key 'precision' is fp32"},
        {unscaled_half, "key 'loss_scaling' is missing, and key 'precision' is fp16"},
        {from_nothing, "model: key 'weights_sha256' is null, key 'newly_initialised' begins with"},
        {half_on_a_cpu, "device: key 'precision' is fp16, which the native CPU does not have"},
    };
    make("r.json", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *top = NULL;
        MUST(json_read(&top, temporary_path("r.json"), 0));
        cases[i].change(top);
        fake_record_seal(temporary_path("c.json"), top);
        cJSON_Delete(top);
        expect_said(RUN("results", "add", "c.json"), 1, cases[i].said);
    }
}

/* A key somewhere in a record, and what it is changed to: JSON, or NULL for none. */
typedef struct lie {
    const char *place[4], *value, *said;
} lie;

static cJSON *below(cJSON *at, const char *step) {
    return cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(step))
                             : cJSON_GetObjectItemCaseSensitive(at, step);
}

static void tell(cJSON *top, const lie *l) {
    cJSON *at = top, *value = l->value ? cJSON_Parse(l->value) : NULL;
    size_t last = 0;
    while (last + 1 < 4 && l->place[last + 1]) at = below(at, l->place[last++]);
    cr_assert(at && (value || !l->value), "%s", l->said);
    if (!value)
        cJSON_DeleteItemFromObjectCaseSensitive(at, l->place[last]);
    else if (cJSON_IsArray(at))
        cr_assert(cJSON_ReplaceItemInArray(at, atoi(l->place[last]), value));
    else if (below(at, l->place[last]))
        cr_assert(cJSON_ReplaceItemInObjectCaseSensitive(at, l->place[last], value));
    else
        cr_assert(cJSON_AddItemToObject(at, l->place[last], value));
}

/* The recipe's hash, as whoever changes a recipe would make it anew: its keys in their order. */
static int by_key(const void *a, const void *b) {
    const cJSON *const *x = a, *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

static void hash_recipe(cJSON *top) {
    enum { MOST = 64 };
    const cJSON *recipe = cJSON_GetObjectItem(top, "recipe"), *items[MOST], *item;
    cJSON *sorted = cJSON_CreateObject();
    char *text = NULL, hex[HASH_HEX_BYTES];
    size_t count = 0;
    cJSON_ArrayForEach(item, recipe) items[count++] = item;
    cr_assert_leq(count, MOST);
    qsort(items, count, sizeof *items, by_key);
    for (size_t i = 0; i < count; i++) MUST(json_add_copy(sorted, items[i]->string, items[i]));
    MUST(json_print(&text, sorted, false));
    hash_bytes_hex(text, strlen(text), hex);
    set_text(top, "recipe_sha256", hex);
    mem_free(text);
    cJSON_Delete(sorted);
}

/* One thing of a record is another, and hashes and checksums are made anew. */
Test(results, one_lie_is_found) {
    static const lie lies[] = {
        {{"recipe", "num_train_epochs"}, "3", "timing: key 'steps' is 20, by the recipe and 1000"},
        {{"recipe", "max_steps"}, "7", "timing: key 'steps' is 20, by the recipe and 1000"},
        {{"recipe", "per_device_train_batch_size"}, "8", "timing: key 'steps' is 20"},
        {{"recipe", "gradient_accumulation_steps"}, "2", "timing: key 'steps' is 20"},
        {{"recipe", "learning_rate"}, "-1", "key 'recipe'"},
        {{"recipe", "learning_rate"}, "0.1", "'loss_curve': the learning rate of step 10 is"},
        {{"recipe", "warmup_steps"}, "5", "'loss_curve': the learning rate of step 10 is"},
        {{"recipe", "lr_scheduler_type"}, "\"banana\"", "key 'recipe'"},
        {{"recipe", "lr_scheduler_type"}, "\"constant\"", "the learning rate of step 10 is"},
        {{"recipe", "adam_beta1"}, "1.5", "key 'recipe'"},
        {{"recipe", "secret"}, "1", "key 'recipe'"},
        {{"recipe", "weight_decay"}, NULL, "recipe: key 'weight_decay' is missing"},
        {{"recipe", "max_length"}, "8", "key 'lengths' has 40 tokens, the recipe cuts at 8"},
        {{"timing", "sentences_per_s"}, "1", "timing: key 'sentences_per_s' is 1: in 9.5 s"},
        {{"timing", "sentences_per_s"}, "1e9", "timing: key 'sentences_per_s' is 1e+09: in 9.5"},
        {{"timing", "eval_s"}, "0", "timing: key 'eval_s' is 0, 60 rows were scored"},
        {{"timing", "eval_s"}, "1e9", "timing: key 'eval_s' is 1e+09, expected 0, or"},
        {{"timing", "tokenize_s"}, "1e300", "timing: key 'tokenize_s' is 1e+300, expected 0"},
        {{"memory", "device_bytes"}, "0", "memory: key 'device_bytes' is 0"},
        {{"memory", "host_peak_bytes"}, "1", "'host_peak_bytes' 1, the weights alone take"},
        {{"harness", "version"}, "\"banana\"", "harness: key 'version' is 'banana'"},
        {{"harness", "commit"}, "\"x\"", "harness: key 'commit' is 'x'"},
        {{"model", "parameters"}, "5", "model: key 'parameters' is 5, a model of its config has"},
        {{"model", "config", "hidden_size"}, "4096", "model: key 'parameters' is "},
        {{"model", "config", "num_hidden_layers"}, "9", "model: key 'parameters' is "},
        {{"model", "config", "hidden_act"}, "\"swish\"", "model: key 'config'"},
        {{"model", "config", "model_type"}, "\"gpt\"", "model: key 'config'"},
        {{"model", "config", "pad_token_id"}, "8000", "pad_token_id is 8000"},
        {{"model", "config", "problem_type"}, "\"regression\"", "key 'problem_type' is not that"},
        {{"model", "config", "zz"}, "1", "model: config: key 'zz' is none that is written"},
        {{"model", "config", "id2label", "1"}, "\"x\"", "calls label 1 'x', the task"},
        {{"model", "newly_initialised"}, "[\"bert\"]", "key 'newly_initialised' begins with"},
        {{"device", "threads"}, "1000000", "device: key 'threads' is 1000000"},
        {{"device", "isa"}, "\"banana\"", "key 'isa' 'banana', which no processor has"},
        {{"device", "kernels"}, "\"gpu\"", "device: key 'kernels' is 'gpu'"},
        {{"device", "precision"}, "\"bf16\"", NULL},
        {{"command"}, "\"rm -rf /\"", "key 'command' is none of this program"},
        {{"command"}, "\"harness run --task nsmc --seed 1\"", "key 'command' has --task nsmc"},
        {{"command"}, "\"harness run --seed 77\"", "key 'command' has --seed 77"},
        {{"command"}, "\"harness run --epochs 1 ; rm -rf ~\"", "has what a shell would act on"},
        {{"command"}, "\"harness run --overwrite\"", "key 'command' has --overwrite, which"},
        {{"command"}, "\"harness run -o elsewhere\"", "key 'command' has -o, which"},
        {{"command"}, "\"harness run --seed='77'\"", "key 'command' has --seed 77"},
        {{"command"}, "\"harness run --model 'm --seed 5 --task q' --seed 1\"", NULL},
        {{"command"}, "\"harness run --model $'it\\\\'s \\\\x0a --seed 5' --seed '1'\"", NULL},
        {{"command"}, "\"harness run --model 'm --seed 1' --seed 5\"", "has --seed 5"},
        {{"command"}, "\"harness run --output --seed --seed 1\"", NULL},
        {{"command"}, "\"harness run --output '--seed' --seed 5\"", "has --seed 5"},
        {{"loss_curve"}, "[]", "key 'loss_curve' ends with step 0, there are 20 steps"},
        {{"lengths"}, "[]", "key 'lengths' is empty"},
        {{"left_out_of_dedup"}, "[5, 5, 7]", "key 'left_out_of_dedup' holds row 5 twice"},
        {{"calibration", "brier"}, "0", "key 'calibration': brier is 0 and loss 0.6875"},
        {{"calibration", "loss"}, "0", "key 'calibration': brier is 0.4375 and loss 0"},
        {{"errors", "suspect_rows"}, "60", "key 'errors': suspect_rows is 60"},
        {{"errors", "slices", "0"},
         "{\"by\": \"length\", \"slice\": \"x\", \"rows\": 60, \"accuracy\": 0.1, \"score\": 0}",
         "key 'errors': slices by length have 60 rows, 6 right"},
        {{"kernel_times", "0"}, "[\"fill\", \"lunch\", 1, 1]", "phase 'lunch', expected begin"},
        {{"kernel_times", "0"},
         "[\"fill\", \"begin\", 1, 1e99]",
         "'kernel_times' is 1e+99, expected 0"},
        {{"timing", "tokens_per_s"}, "1.7e308", "timing: key 'tokens_per_s' is 1.7e+308, expected"},
        {{"timing", "eval_s"}, "1e-320", "timing: key 'eval_s' is 9.99989e-321, expected 0, or"},
        {{"calibration", "loss"}, "1e308", "key 'calibration': brier is 0.4375, loss 1e+308"},
        {{"calibration", "bins", "0"}, "[0, 0, -1]", "the confidence of bin 1 is -1, expected"},
        {{"model", "config", "hidden_size"}, "-1", "model: key 'config'"},
    };
    make("r.json", 1);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        cJSON *top = NULL;
        record r;
        char *text = NULL;
        MUST(json_read(&top, temporary_path("r.json"), 0));
        tell(top, &lies[i]);
        hash_recipe(top);
        fake_record_seal(temporary_path("c.json"), top);
        cJSON_Delete(top);
        text = text_of(temporary_path("c.json"));
        err e = record_parse_strict(&r, text, strlen(text), "c.json");
        if (lies[i].said)
            cr_expect(e == ERR_FORMAT && strstr(err_message(e), lies[i].said), "%s: %s",
                      lies[i].said, e ? err_message(e) : "is read");
        else
            cr_expect(!e, "%s %s: %s", lies[i].place[0], lies[i].value, err_message(e));
        if (!e) record_free(&r);
        // and what is beyond bounds is read by nobody
        if (lies[i].said && strstr(lies[i].said, ", expected"))
            MUST_FAIL(record_parse(&r, text, strlen(text), "c.json"), ERR_FORMAT, lies[i].said);
        mem_free(text);
    }
}

/* Of a task of the test's own, whose data are there. */
Test(results, the_manifest_and_the_train_rows_are_compared) {
    static const char rows[] = "text,label\n나쁜 책,0\n좋은 책,1\n";
    made_task made;
    record r;
    const char *lacks = NULL;
    strbuf train = {0};
    made_task_begin_training(&made);
    made_task_file(&made, "test.csv", rows, sizeof rows - 1);
    MUST(strbuf_add(&train, "text,label\n")); // with what is left out 0 is the commonest
    for (int i = 0; i < 30; i++)
        MUST(strbuf_printf(&train, i % 3 ? ",0\n" : "글 %d,%d\n", i, i % 6 ? 1 : i % 4 / 2));
    made_task_file(&made, "train.csv", train.text, train.length);
    strbuf_free(&train);
    program_result p =
        RUN("run", "--task", "made", "--task-dir", made.folder, "--data", made.folder, "--device",
            "cpu", "--threads", "1", "--model", "tiny", "--max-steps", "1", "-o", "run", "-q");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(record_read(&r, temporary_path("run/record.json")));
    record_data d = {.task_dir = made.folder, .data_dir = made.folder};
    MUST(record_data_check(&lacks, &d, &r, "r.json"));
    cr_expect_null(lacks, "%s", lacks);
    r.task.train_rows++;
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA, "task: key 'rows: train' is");
    r.task.train_rows--;
    r.task.dev_rows = 1;
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA, "task: key 'rows: dev' is 1");
    r.task.dev_rows = 0;
    r.task.majority_class = !r.task.majority_class;
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA, "task: key 'majority_class'");
    r.task.majority_class = !r.task.majority_class;
    // schema 1 has the words of pages in place of names
    char **names = r.task.names;
    r.task.names = NULL;
    MUST(record_data_check(&lacks, &d, &r, "r.json"));
    MUST(record_text(&r.task.labels[1], "else"));
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA, "key 'labels' is 'else', the");
    MUST(record_text(&r.task.labels[1], d.task.labels[1].readable));
    r.task.names = names;
    r.task.version++;
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA,
              "task: key 'version' is 2, the manifest here has version 1");
    r.task.version--;
    r.model.corpus = cJSON_CreateObject();
    r.model.corpus_is_source = true;
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA, "key 'same_source' is true");
    r.model.corpus_is_source = false;
    MUST(record_data_check(&lacks, &d, &r, "r.json"));
    record_data_free(&d);
    d.data_dir = "/nowhere"; // the manifest is there all the same
    MUST(record_data_check(&lacks, &d, &r, "r.json"));
    cr_expect_not_null(lacks);
    r.task.kind = ANSWER_RELATION;
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA, "task: key 'kind' is not tha");
    r.task.kind = d.task.kind;
    MUST(record_text(&r.headline, "macro_recall"));
    MUST_FAIL(record_data_check(&lacks, &d, &r, "r.json"), ERR_DATA, "key 'headline' is 'macro_r");
    record_data_free(&d);
    record_free(&r);
    made_task_end(&made);
}

/* people/<who>/<task>/<name>.json */
Test(results, folders_of_26_contributors) {
    char path[64], page[128];
    for (uint32_t i = 0; i < 26; i++) {
        record r;
        char model[8];
        snprintf(model, sizeof model, "m%c", (char)('a' + i));
        fake_record_make(&r, &(fake_record){.right = 0.5, .model = model, .seed = i});
        snprintf(path, sizeof path, "people/%c/fake_task/same-name-s1.json", (char)('a' + i));
        MUST(record_write(&r, temporary_path(path)));
        record_free(&r);
    }
    // one folder further down lies nothing of the store
    make("people/a/fake_task/deeper/other-s1.json", 1);
    expect_said(RUN("results", "check", "people"), 0, "26 records checked");
    RUN_WELL("report", "--results", "people");
    char *board = text_of(temporary_path("people/index.html"));
    for (int i = 0; i < 26; i++) {
        snprintf(page, sizeof page, "pages/fake_task/%c--same-name-s1.html", 'a' + i);
        cr_expect_not_null(strstr(board, page), "%s", page);
        snprintf(path, sizeof path, "people/%s", page);
        cr_expect(file_exists(temporary_path(path)), "%s", path);
    }
    mem_free(board);
    // a record of a task in another's folder
    make("people/a/kor_hate/same-name-s1.json", 1);
    expect_said(RUN("results", "check", "people"), 1, "a record of task fake_task in another's");
}

/* Names that no manifest can have: one that a board takes for another's, one whose folder nobody
 * reads. */
Test(results, of_names_that_no_task_has_are_refused) {
    static const char *const names[] = {"Own-comments", "a\n", "a.b",  "baselines",
                                        "pages",        "all", "klue", "\xd0\xbewn-comments"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        record r;
        fake_record_make(&r, &(fake_record){.right = 0.7, .seed = 1});
        MUST(record_text(&r.task.name, names[i]));
        // what is written is read first, as `results add` reads it
        MUST_FAIL(record_write(&r, temporary_path("named.json")), ERR_FORMAT,
                  "which no task is called");
        record_free(&r);
    }
}

/* A record of a run from own files is a stranger's to everybody else, until a manifest is kept. */
Test(results, of_own_files_stand_on_no_board) {
    record r;
    fake_record_make(&r, &(fake_record){.right = 0.7, .seed = 1});
    MUST(record_write(&r, temporary_path("results/fake_task/a-s1.json")));
    MUST(record_text(&r.task.name, "own-comments"));
    MUST(record_text(&r.command, NULL));
    MUST(record_write(&r, temporary_path("own.json")));
    MUST(record_write(&r, temporary_path("results/own-comments/b-s1.json")));
    record_free(&r);
    static const char said[] = "task 'own-comments' is one of somebody's own files, without a "
                               "manifest";
    program_result p = RUN("results", "add", "own.json");
    cr_expect_not_null(strstr(p.err, "harness tasks new FILE..."), "%s", p.err);
    expect_said(p, 1, said);
    p = RUN("results", "check");
    cr_expect_not_null(strstr(p.err, said), "%s", p.err);
    expect_said(p, 1, "1 of 2 records would be refused");
    for (int times = 2; times--;) {
        p = RUN_WELL("report");
        cr_expect_not_null(
            strstr(p.err, "results/own-comments/b-s1.json is left out: task 'own-comments'"), "%s",
            p.err);
        cr_expect_not_null(
            strstr(p.err, "(harness tasks new makes one; --task-dir names its folder)"), "%s",
            p.err);
        char *board = text_of(temporary_path("results/LEADERBOARD.md"));
        cr_expect_not_null(strstr(board, "fake_task"));
        cr_expect_null(strstr(board, "own-comments"));
        mem_free(board);
        cr_expect_not(file_named(temporary_path("results/pages/own-comments")));
    }
    // of several the advice is given once
    fake_record_make(&r, &(fake_record){.right = 0.7, .seed = 2});
    MUST(record_text(&r.task.name, "own-others"));
    fake_record_follow(&r);
    MUST(record_write(&r, temporary_path("results/own-others/c-s2.json")));
    record_free(&r);
    p = RUN("report");
    cr_expect_not_null(strstr(p.err, "c-s2.json is left out: task 'own-others'"), "%s", p.err);
    const char *advice = strstr(p.err, "harness tasks new makes one");
    cr_expect(advice && !strstr(advice + 1, "harness tasks new makes one"), "%s", p.err);
    MUST(file_remove(temporary_path("results/own-others/c-s2.json")));
    // with a manifest it is a task like any other
    char *manifest = text_of(HARNESS_SOURCE_DIR "/tasks/kor_hate.json");
    MUST(folder_make(temporary_path("mytasks")));
    MUST(file_write(temporary_path("mytasks/own-comments.json"), manifest, strlen(manifest)));
    mem_free(manifest);
    expect_said(RUN("report", "--task-dir", "mytasks"), 0, "");
    char *board = text_of(temporary_path("results/LEADERBOARD.md"));
    cr_expect_not_null(strstr(board, "own-comments"));
    mem_free(board);
    // its page stays where its record does
    static const char page[] = "results/pages/own-comments/b-s1.html";
    cr_expect(file_exists(temporary_path(page)));
    p = RUN("report");
    cr_expect_null(strstr(p.err, "removed"), "%s", p.err);
    expect_said(p, 0, "");
    cr_expect(file_exists(temporary_path(page)));
    MUST(file_remove(temporary_path("results/own-comments/b-s1.json")));
    p = RUN("report");
    cr_expect_not_null(strstr(p.err, "removed 1 page whose record is gone"), "%s", p.err);
    expect_said(p, 0, "");
    cr_expect_not(file_named(temporary_path(page)));
}

/* Each record is valid for the board's reader. */
Test(results, what_a_board_would_leave_out_is_refused) {
    record r;
    fake_record_make(&r, &(fake_record){.right = 0.7, .seed = 1});
    r.partial = true;
    MUST(record_write(&r, temporary_path("partial.json")));
    r.partial = false;
    r.dirty = true;
    MUST(record_write(&r, temporary_path("dirty.json")));
    r.dirty = false;
    r.numerics_version = NUMERICS_VERSION + 1;
    MUST(record_write(&r, temporary_path("newer.json")));
    r.numerics_version = 1;
    MUST(record_write(&r, temporary_path("older.json")));
    record_free(&r);
    expect_said(RUN("results", "add", "partial.json"), 1, "key 'partial' is true");
    expect_said(RUN("results", "add", "dirty.json"), 1, "key 'dirty' is true");
    expect_said(RUN("results", "add", "newer.json"), 1, "key 'numerics_version' is ");
    expect_said(RUN("results", "check", "newer.json", "dirty.json"), 1,
                "2 of 2 records would be refused");
    expect_said(RUN("results", "check", "nowhere"), 1, "nowhere: no such file or folder");
    // a run's folder, whose other files are no records
    MUST(folder_make(temporary_path("run")));
    MUST(file_write(temporary_path("run/run.json"), "{}", 2));
    MUST(file_rename_durable(temporary_path("dirty.json"), temporary_path("run/record.json")));
    expect_said(RUN("results", "check", "run"), 1, "1 of 1 record");
    program_result p = RUN("results", "add", "older.json");
    EXPECT(p, 0, err, "older.json: older numerics: version 1, this program has ");
    expect_said(RUN("results", "add"), 2, "results add needs the records' files");
    expect_said(RUN("results", "chek"), 2, "did you mean 'check'?");
    expect_said(RUN("results"), 2, "results needs what to do");
}

/* What `results check` refuses no board has, and each says why in the same words. */
Test(results, what_is_refused_stands_on_no_board) {
    static const lie lies[] = {
        {{"created"}, "\"2023-05-01T00:00:00Z\"", "and no record is older than"},
        {{"harness", "commit"}, "\"x\"", "harness: key 'commit' is 'x'"},
        {{"timing", "sentences_per_s"}, "1", "timing: key 'sentences_per_s' is 1: in 9.5 s"},
        {{"recipe", "learning_rate"}, "0.1", "'loss_curve': the learning rate of step 10 is"},
        {{"model", "parameters"}, "5", "model: key 'parameters' is 5, a model of its config has"},
        {{"command"}, "\"harness run --seed 77\"", "key 'command' has --seed 77"},
        {{"calibration", "brier"}, "0", "key 'calibration': brier is 0 and loss 0.6875"},
    };
    make("results/fake_task/whole-s1.json", 1);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        cJSON *top = NULL;
        make("results/fake_task/lie-s2.json", 2);
        MUST(json_read(&top, temporary_path("results/fake_task/lie-s2.json"), 0));
        tell(top, &lies[i]);
        hash_recipe(top);
        fake_record_seal(temporary_path("results/fake_task/lie-s2.json"), top);
        cJSON_Delete(top);
        program_result p = RUN("results", "check");
        expect_said(p, 1, lies[i].said);
        char *first = NULL;
        MUST(mem_strndup(&first, p.err, strcspn(p.err, "\n")));
        for (int times = 2; times--;) { // then with what is known of the other
            p = RUN("report");
            expect_said(p, 1, first);
            cr_expect(strstr(p.err, "harness: 1 damaged record left out"), "%s", p.err);
            char *board = text_of(temporary_path("results/LEADERBOARD.md"));
            cr_expect(strstr(board, " | 1 | "), "%s", board);
            mem_free(board);
        }
        mem_free(first);
    }
}
