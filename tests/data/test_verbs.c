// harness tasks and harness data, run as a user runs them.
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <string.h>

Test(data_verbs, tasks_list_show_and_check) {
    program_result r = RUN("tasks");
    EXPECT(r, 0, out, "nsmc              150,000 + 50,000             2  accuracy");
    r = RUN("tasks", "show", "kor_sae");
    EXPECT(r, 0, out, "split     hash, one in 5 of each label is test");
    r = RUN("tasks", "show", "kor_sae", "--json");
    EXPECT(r, 0, out, "\"529361e1aa760ca90db71fc70a93215f45938028735aba1291a907f764fe1f36\"");
    r = RUN("tasks", "check");
    EXPECT(r, 0, out, "kor_3i4k           good\n");
    r = RUN("tasks", "chekc");
    EXPECT(r, 2, err, "did you mean 'check'?");
    r = RUN("tasks", "show");
    EXPECT(r, 2, err, "name one task");
    r = RUN("tasks", "--task-dir", "/no/such/folder");
    EXPECT(r, 1, err, "--task-dir /no/such/folder: no such folder");
}

/* The group of several tasks as `tasks` names it, in the order of its table. */
Test(data_verbs, tasks_of_a_group) {
    program_result r = RUN("tasks");
    EXPECT(r, 0, out, "\n\ngroup klue: klue_tc, klue_sts, klue_nli, klue_ner, klue_re, klue_dp\n");
    r = RUN("tasks", "show", "klue");
    EXPECT(r, 0, out,
           "klue: KLUE\n6 tasks that `harness run --task klue` runs, and one table of the board\n\n"
           "  klue_tc           TC      macro F1\n"
           "  klue_sts          STS     Pearson, F1 of 3 and above\n");
    r = RUN("tasks", "show", "klue");
    EXPECT(r, 0, out,
           "\nrecipe    --recipe klue has hyperparameters for each\n"
           "published KLUE's README, ");
    r = RUN("tasks", "show", "klue", "--json");
    EXPECT(r, 0, out, "\"group\":\t\"klue\",\n\t\"title\":\t\"KLUE\"");
    r = RUN("tasks", "--json");
    EXPECT(r, 0, out, "\"group\":\t\"klue\"");
    r = RUN("tasks", "show", "kleu");
    EXPECT(r, 2, err, "unknown task 'kleu'");
}

/* What a group says is checked against what it is not to be mistaken for, and its recipe. */
Test(data_verbs, tasks_check_reads_groups) {
    static const struct {
        const char *name, *recipe, *message;
    } groups[] = {
        {"g", "\"learning_rate\": 1e-4", "good\n"},
        {"nsmc", "\"learning_rate\": 1e-4",
         "key 'name' is 'nsmc', which means something else: a task"},
        {"all", "\"learning_rate\": 1e-4",
         "key 'name' is 'all', which means something else: every task"},
        {"g", "\"lerning_rate\": 1e-4", "made.json: group: recipe: "},
        {"g", "\"learning_rate\": -1", "made.json: group: recipe: "},
        {"g", "\"learning_rate\": []", "made.json: group: recipe: learning_rate is neither"},
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        strbuf b = {0};
        MUST(strbuf_printf(
            &b,
            "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": "
            "\"s\", \"licence\": \"l\", \"citation\": \"c\", \"group\": {\"name\": \"%s\", "
            "\"title\": \"G\", \"column\": \"A\", \"place\": 1, \"metrics\": [\"accuracy\"], "
            "\"recipe\": {%s}}, \"files\": [{\"role\": \"all\", \"name\": \"a\"}], \"format\": "
            "{\"kind\": \"jsonl\", \"text\": \"a\", \"label\": \"l\"}, \"labels\": [{\"value\": "
            "\"x\", \"name\": \"x\", \"readable\": \"x\"}, {\"value\": \"y\", \"name\": \"y\", "
            "\"readable\": \"y\"}], \"invalid_label\": \"error\", \"split\": {\"rule\": \"hash\", "
            "\"one_in\": 5}, \"cleaning\": {\"drop_empty\": true, \"drop_duplicates\": true}, "
            "\"metrics\": [\"accuracy\"], \"headline\": \"accuracy\", \"max_length\": 8}",
            groups[i].name, groups[i].recipe));
        MUST(file_write(temporary_path("made.json"), b.text, b.length));
        strbuf_free(&b);
        program_result r = RUN("tasks", "check", "--task-dir", temporary_folder());
        EXPECT(r, i ? 1 : 0, out, groups[i].message);
    }
}

// what the course's notebook prints of nsmc after dropping duplicates, and then the empty text
Test(data_verbs, stats_of_nsmc_are_those_of_the_notebook) {
    need_environment("HARNESS_DATA");
    program_result r = RUN("data", "stats", "nsmc", "--offline");
    EXPECT(r, 0, out,
           "distinct texts                         146,183      49,158\n"
           "  without the empty one                146,182      49,157\n");
}

Test(data_verbs, stats_as_text_json_and_svg) {
    program_result r = RUN("data", "stats", "kor_hate", "--sample");
    EXPECT(r, 0, out, "rows                                        48          24\n");
    const char *svg = temporary_path("lengths.svg");
    r = RUN_WELL("data", "stats", "kor_hate", "--sample", "--json", "--svg", svg);
    cJSON *json;
    err e = json_parse(&json, r.out, strlen(r.out), "output");
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    const cJSON *splits = cJSON_GetObjectItem(json, "splits");
    const cJSON *test = cJSON_GetObjectItem(splits, "test");
    cr_expect_eq(cJSON_GetObjectItem(test, "rows")->valuedouble, 24);
    cr_expect_eq(cJSON_GetObjectItem(test, "leaked")->valuedouble, 0);
    cr_expect_eq(cJSON_GetObjectItem(cJSON_GetObjectItem(test, "labels"), "none")->valuedouble, 8);
    cr_expect_null(cJSON_GetObjectItem(test, "tokens"));
    cJSON_Delete(json);
}

/* What is counted below the sentences: characters, or words. */
Test(data_verbs, stats_name_their_units) {
    static const struct {
        const char *task, *line, *unit;
    } cases[] = {{"klue_ner", "\ncharacters without blanks ", "character"},
                 {"klue_dp", "\nwords ", "word"}};
    for (size_t i = 0; i < 2; i++) {
        program_result r = RUN("data", "stats", cases[i].task, "--sample");
        cr_expect(strstr(r.out, "\nsentences ") && strstr(r.out, cases[i].line), "%s", r.out);
        r = RUN("data", "stats", cases[i].task, "--sample", "--json");
        cJSON *json;
        const cJSON *label;
        err e = json_parse(&json, r.out, strlen(r.out), "output");
        cr_assert_eq(e, ERR_OK, "%s", err_message(e));
        const cJSON *test = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "splits"), "test");
        cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(test, "unit")), cases[i].unit);
        double sum = 0;
        cJSON_ArrayForEach(label, cJSON_GetObjectItem(test, "labels")) {
            sum += label->valuedouble;
        }
        cr_expect_eq(cJSON_GetObjectItem(test, "units")->valuedouble, sum);
        cJSON_Delete(json);
    }
    program_result r = RUN("data", "head", "klue_dp", "--sample", "-n", "1");
    EXPECT(r, 0, out, " words");
}

Test(data_verbs, head_shows_rows_of_a_split) {
    program_result r = RUN("data", "head", "kor_sarcasm", "--sample", "--split", "test", "-n", "2");
    EXPECT(r, 0, out,
           "test, rows 1 to 2 of 16\n   row    line  label          text\n     1       2  sarcastic      "
           "또 연착이네");
    r = RUN("data", "head", "kor_sarcasm", "--sample", "-n", "1", "--json");
    EXPECT(r, 0, out,
           "\"label\":\"sarcasm\",\"label_id\":1,\"row\":1,\"file\":\"train.csv\",\"line\":2}\n");
    r = RUN("data", "head", "kor_sarcasm", "--sample", "--split", "dev");
    EXPECT(r, 0, out, "dev, rows 1 to 4 of 4\n");
    r = RUN("data", "head", "kor_sarcasm", "--sample", "--row", "16", "--split", "test", "--json");
    EXPECT(r, 0, out, "\"row\":16,\"file\":\"test.csv\",\"line\":17}\n");
    r = RUN("data", "head", "kor_sarcasm", "--sample", "--row", "17", "--split", "test");
    EXPECT(r, 2, err, "--row expects 1 to 16, the rows of test, found 17");
    r = RUN("data", "head", "kor_sarcasm", "--sample", "--row", "0");
    EXPECT(r, 2, err, "--row expects 1 to ");
    r = RUN("data", "head", "kor_sarcasm", "--sample", "--split", "valid");
    EXPECT(r, 2, err, "unknown split 'valid' (known: train, test, dev)");
}

Test(data_verbs, missing_data_names_the_way_out) {
    program_result r = RUN("data", "verify", "nsmc", "--data", "/no/such/folder");
    EXPECT(
        r, 1, err,
        "/no/such/folder/nsmc/ratings_train.txt: no such file; fetch it with 'harness data fetch "
        "nsmc', name its place with --data DIR, or try --sample");
    r = RUN("data", "fetch", "nsmc", "--data", "/no/such/folder", "--offline");
    EXPECT(r, 1, err, "ratings_train.txt: no such file, and --offline forbids to fetch it");
    r = RUN("data", "fetch", "nsmc", "--sample", "--json");
    EXPECT(r, 0, out, "\"task\":\t\"nsmc\"");
    r = RUN("data", "stats", "nscm");
    EXPECT(r, 2, err, "unknown task 'nscm'; did you mean 'nsmc'?");
    r = RUN("data", "stats", "reviews");
    EXPECT(r, 2, err, "; --task-dir names a folder of further ones)");
    r = RUN("data", "stats", "nsmc", "--sample", "--model", "tiny");
    EXPECT(r, 2, err, "preset 'tiny' has no vocabulary before it is trained");
    r = RUN("data", "head", "nsmc", "--sample", "-n", "0");
    EXPECT(r, 2, err, "--rows expects 1 or more, found 0");
    r = RUN("data", "verfy", "nsmc");
    EXPECT(r, 2, err, "did you mean 'verify'?");
    r = RUN("data", "verify", "kor_hate", "--sample", "--json");
    EXPECT(r, 0, out, "\"good\":\ttrue");
}

/* The manifest that tasks/README.md gives as an example: the text between its json fences.
 * Owned. */
static char *example_manifest(void) {
    void *bytes;
    size_t count;
    char *text;
    cr_assert_eq(file_read(&bytes, &count, HARNESS_SOURCE_DIR "/tasks/README.md", 0), ERR_OK);
    const char *begin = strstr(bytes, "```json\n");
    cr_assert_not_null(begin);
    begin += 8;
    cr_assert_eq(mem_strndup(&text, begin, (size_t)(strstr(begin, "```") - begin)), ERR_OK);
    mem_free(bytes);
    return text;
}

static void write_text(const char *path, const char *text) {
    cr_assert_eq(file_write(path, text, strlen(text)), ERR_OK);
}

// a set of the user's own, as the README tells: a manifest and two files, and no C
Test(data_verbs, a_users_own_task_is_counted_and_trained) {
    strbuf rows = {0};
    char *manifest = example_manifest();
    const char *tasks = temporary_path("mytasks"), *data = temporary_path("mydata");
    cr_assert_eq(folder_make(tasks), ERR_OK);
    cr_assert_eq(folder_make(temporary_path("mydata/reviews")), ERR_OK);
    write_text(temporary_path("mytasks/reviews.json"), manifest);
    mem_free(manifest);
    cr_assert_eq(strbuf_add(&rows, "text,label\n"), ERR_OK);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(
            strbuf_printf(&rows, "\"정말 좋은, 영화 %d\",good\n아주 나쁜 영화 %d,bad\n", i, i),
            ERR_OK);
    }
    write_text(temporary_path("mydata/reviews/train.csv"), rows.text);
    write_text(temporary_path("mydata/reviews/test.csv"),
               "text,label\n좋은 영화,good\n나쁜 영화,bad\n");
    strbuf_free(&rows);
    program_result r = RUN("data", "stats", "reviews", "--task-dir", tasks, "--data", data);
    EXPECT(r, 0, out, "rows                                        40           2\n");
    r = RUN("run", "--task", "reviews", "--task-dir", tasks, "--data", data, "--device", "cpu",
            "--max-steps", "2", "--output-dir", temporary_path("out"));
    EXPECT(r, 0, out, "accuracy");
    cr_expect(file_exists(temporary_path("out/record.json")));
}
