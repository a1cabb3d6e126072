/* Scores of no rows: nothing is said of them, wherever they stand. */
#include "base/json.h"
#include "base/memory.h"
#include "metric/score_text.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void expect_in(const char *name, const char *part) {
    char *text = NULL;
    size_t count = 0;
    MUST(file_read((void **)&text, &count, temporary_path(name), 0));
    cr_assert_not_null(strstr(text, part), "'%s' is not in %s: %s", part, name, text);
    mem_free(text);
}

Test(undefined, a_score_that_is_none_is_a_dash) {
    char score[SCORE_TEXT_BYTES];
    cr_assert_str_eq(score_share(score, 0.51234), "0.5123");
    cr_assert_str_eq(score_percent(score, 0.51234), "51.23");
    cr_assert_str_eq(score_points(score, 0.002), "+0.20");
    cr_assert_str_eq(score_share(score, (double)NAN), "-");
    cr_assert_str_eq(score_percent(score, (double)NAN), "-");
    cr_assert_str_eq(score_points(score, (double)NAN), "-");
}

/* A record all of whose test rows are left out of the deduplicated score; *path is borrowed. */
static const char *put_record(uint32_t seed) {
    record r;
    char *path = NULL;
    const char *kept;
    fake_record_make(&r, &(fake_record){.task = "one", .right = 0.7, .seed = seed});
    memset(r.scored_dedup, 0, (size_t)r.task.test_rows * sizeof *r.scored_dedup);
    MUST(store_write(temporary_path("results"), &r, &path));
    record_free(&r);
    kept = temporary_path(path + strlen(temporary_folder()) + 1);
    mem_free(path);
    return kept;
}

Test(undefined, a_deduplicated_score_of_no_rows_is_none) {
    const char *a = put_record(1), *b = put_record(2);
    program_result p = RUN_WELL("report", "--results", "results");
    expect_in("results/LEADERBOARD.md", " | - | ");
    expect_in("results/LEADERBOARD.md", " | | | - | | | |"); // of the majority too
    expect_in("results/report.json", "\"deduplicated\":\tnull");
    expect_in("results/report.json", "\"baseline_deduplicated\":\tnull");
    expect_in("results/report.csv", ",rows and seeds,,");
    expect_in("results/index.html", "data-v=\"-1\">-</td>");
    p = RUN_WELL("compare", a, b);
    cr_assert_not_null(strstr(p.out, ", deduplicated"), "%s", p.out);
    cr_assert_null(strstr(p.out, "nan"), "%s", p.out);
    // older programs wrote 0
    record r;
    cJSON *root = NULL;
    MUST(json_read(&root, a, 0));
    cJSON *metrics = cJSON_GetObjectItem(root, "metrics_dedup"), *item;
    cJSON_ArrayForEach(item, metrics) {
        cr_assert(cJSON_IsNull(item), "%s", item->string);
    }
    cJSON_ReplaceItemInObject(root, "metrics_dedup", cJSON_Parse("{\"accuracy\": 0}"));
    fake_record_seal(a, root);
    cJSON_Delete(root);
    MUST(record_read(&r, a));
    cr_assert(isnan(record_metric_dedup(&r, "accuracy")));
    record_free(&r);
}

#define DEVICE "--device", "reference", "--task", "made", "--task-dir", "tasks", "--data", "data"

// Every test text is in the training file.
Test(undefined, a_run_and_an_evaluation_say_so) {
    static const char rows[] = "text\tlabel\n좋다\t1\n싫다\t0\n아주 좋다\t1\n아주 싫다\t0\n";
    MUST(folder_make(temporary_path("tasks")));
    MUST(folder_make(temporary_path("data/made")));
    temporary_put("data/made/train", rows);
    temporary_put("data/made/test", rows);
    temporary_put(
        "tasks/made.json",
        "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "
        "\"licence\": \"l\", \"citation\": \"c\", \"format\": {\"kind\": \"delimited\", "
        "\"delimiter\": \"\\t\", \"quoting\": \"none\", \"header\": true, \"columns\": [\"text\", "
        "\"label\"], \"text\": \"text\", \"label\": \"label\"}, \"labels\": [{\"value\": \"0\", "
        "\"name\": \"no\", \"readable\": \"no\"}, {\"value\": \"1\", \"name\": \"yes\", "
        "\"readable\": \"yes\"}], \"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, "
        "\"files\": [{\"role\": \"train\", \"name\": \"train\"}, {\"role\": \"test\", \"name\": "
        "\"test\"}], \"cleaning\": {\"drop_empty\": true, \"drop_duplicates\": true}, "
        "\"metrics\": [\"accuracy\"], \"headline\": \"accuracy\", \"max_length\": 64}");
    program_result p = RUN_WELL("run", DEVICE, "--model", "tiny", "--max-steps", "1", "-o", "out");
    cr_assert_null(strstr(p.out, "nan"), "%s", p.out);
    cr_assert_not_null(strstr(p.out, "         - "), "%s", p.out);
    expect_in("out/model/README.md", " | - |");
    p = RUN_WELL("eval", DEVICE, "--checkpoint", "out", "--json");
    cr_assert_not_null(strstr(p.out, "\"metrics_dedup\":{\"accuracy\":null"), "%s", p.out);
}
