/* Dependency parsing from end to end on the bundled sentences: runs, and what eval, predict, data and
 * compare say of them. */
#include "base/json.h"
#include "base/memory.h"
#include "cli/run_record.h"
#include "metric/arcs.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#if HARNESS_CPU
static void expect(program_result r, const char *what, const char *part) {
    cr_assert_eq(r.exit_code, 0, "%s: %s%s", what, r.out, r.err);
    cr_expect(strstr(r.out, part), "%s: '%s' in %s", what, part, r.out);
}

#define RUN_TREES(task, ...)                                                                       \
    RUN("run", "--sample", "--task", task, "-m", "tiny", "--device", "cpu", "--check-device",      \
        "never", "--batch-size", "8", __VA_ARGS__)

static char *weights_of(const char *name) {
    cJSON *root = NULL;
    char *text = NULL;
    MUST(json_read(&root, temporary_path(name), 0));
    MUST(mem_strdup(&text, cJSON_GetObjectItem(root, "final_weights_sha256")->valuestring));
    cJSON_Delete(root);
    return text;
}

/* The relation that is commonest where the baseline puts one, not wherever words hang. */
Test(trees_run, the_baseline_has_the_relation_of_neighbours) {
    uint64_t counts[3] = {0};
    uint32_t arcs[5][ARC_WIDTH] = {{3, 0}, {3, 0}, {4, 1}, {1, 0}, {0, 2}};
    count_labels(counts, ANSWER_ARCS, 3,
                 (example_target){.units = {.values = arcs[0], .count = 5}});
    cr_assert(counts[0] == 1 && counts[1] == 1 && counts[2] == 1);
    arcs[0][ARC_HEAD] = 2; // hangs from the next word now
    arcs[1][ARC_HEAD] = 5;
    count_labels(counts, ANSWER_ARCS, 3,
                 (example_target){.units = {.values = arcs[0], .count = 5}});
    cr_assert(counts[0] == 2 && counts[1] == 2 && counts[2] == 2, "%zu %zu %zu", (size_t)counts[0],
              (size_t)counts[1], (size_t)counts[2]);
}

Test(trees_run, run_eval_predict_and_head) {
    static const char *const tasks[] = {"klue_dp_dev", "ud_ko_kaist"};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        expect(RUN_TREES(tasks[i], "--max-steps", "3", "-o", "o", "--overwrite"), tasks[i],
               "UAS without punctuation");
        expect(RUN("eval", "-c", "o", "--sample", "--task", tasks[i], "--device", "cpu"), "eval",
               " precision  recall      F1   words\n");
        expect(RUN("eval", "--record", "o", "--predictions", "r.jsonl", "--overwrite"), "rows",
               "LAS");
        expect(RUN("data", "head", tasks[i], "--sample", "--rows", "1", "--json"), "head",
               "\"heads\":[");
    }
    // to the UD parsers punctuation is a word of its own, to KLUE's it is not
    program_result r =
        RUN("predict", "-c", "o", "--device", "cpu", "비가 (어제) 와서 미뤄졌다.", "갔다 . 3.5 는");
    cr_expect(strstr(r.err, "punctuation at the rim of 2 words: to this model it is a word"), "%s",
              r.err);
    r = RUN("predict", "-c", "o", "--device", "cpu", "갔다 . 3.5 는");
    cr_expect_null(strstr(r.err, "punctuation"), "%s", r.err);
    expect(RUN("tasks", "show", "ud_ko_gsd"), "show", "before each punctuation");
    r = RUN("tasks", "show", "klue_dp");
    cr_expect_null(strstr(r.out, "punctuation mark"), "%s", r.out);
    // each word's head and relation
    char *rows = NULL;
    size_t size;
    MUST(file_read((void **)&rows, &size, temporary_path("r.jsonl"), 0));
    cr_expect(strstr(rows, "\"gold\":\"2:nmod 4:nsubj "), "%.200s", rows);
    mem_free(rows);
    expect(RUN("data", "head", "klue_dp", "--sample", "--rows", "1"), "head", "의사는/4:NP_SBJ ");
    expect(RUN("data", "stats", "klue_dp", "--sample"), "stats", "NP_SBJ");
    expect(RUN("eval", "-c", "o", "--sample", "--task", "ud_ko_kaist", "--device", "cpu", "--json"),
           "eval", "\"headline\":\"las\"");
}

/* Every word has a line of ten columns, and the heads are a tree by the task's rule. */
Test(trees_run, predictions_are_conllu) {
    expect(RUN_TREES("klue_dp_dev", "--max-steps", "2", "-o", "o"), "run", "LAS");
    program_result r =
        RUN("predict", "-c", "o", "--device", "cpu", "비가  와서 소풍이 미뤄졌다.", "", "끝");
    EXPECT(r, 0, out, "# text = 비가  와서 소풍이 미뤄졌다.\n1\t비가\t_\t_\t_\t_\t");
    cr_expect(strstr(r.out, "\n4\t미뤄졌다.\t_\t_\t_\t_\t0\t"), "%s", r.out);
    cr_expect(strstr(r.out, "\n\n# no word in ''\n\n# text = 끝\n1\t끝\t_\t_\t_\t_\t0\t"), "%s",
              r.out);
    cr_expect_null(strstr(r.err, "punctuation"), "%s", r.err);
    r = RUN("predict", "-c", "o", "--device", "cpu", "--json", "비가 와서 소풍이 미뤄졌다.");
    cr_expect(strstr(r.out, "\"words\":[\"비가\",\"와서\",\"소풍이\",\"미뤄졌다.\"],\"heads\":["),
              "%s", r.out);
    // a word of which nothing is left hangs from the next one, and counts for those behind it
    expect(RUN("predict", "-c", "o", "--device", "cpu", "--json", "비가 \xE2\x80\x8B 와서"),
           "nothing left", "\"heads\":[3,3,0]");
    // one that was cut off hangs from the root's word
    expect(RUN("predict", "-c", "o", "--device", "cpu", "--json", "--max-length", "4", "끝 끝 끝"),
           "cut", "\"heads\":[2,0,2]");
    // what is a parser is no classifier
    r = RUN("eval", "-c", "o", "--sample", "--task", "kor_hate", "--device", "cpu");
    EXPECT(r, 1, err, "BertForDependencyParsing, task kor_hate is of kind classification");
    // a label too few is told by the parser's own tensor
    cJSON *root = NULL;
    char *text = NULL;
    MUST(json_read(&root, temporary_path("o/model/config.json"), 0));
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(root, "id2label"), "37");
    MUST(json_print(&text, root, false));
    MUST(file_write(temporary_path("o/model/config.json"), text, strlen(text)));
    cr_assert_eq(remove(temporary_path("o/model/SHA256SUMS")), 0);
    r = RUN("predict", "-c", "o", "--device", "cpu", "끝");
    EXPECT(r, 1, err,
           "says 37 labels (id2label or num_labels), but tensor "
           "'parser.relation_linear.weight' has 38 rows");
    mem_free(text);
    cJSON_Delete(root);
}

/* Weights do not depend on the number of threads. */
Test(trees_run, threads_change_no_bit) {
    expect(RUN_TREES("klue_dp", "--epochs", "1", "-o", "a", "--threads", "1"), "one", "LAS");
    expect(RUN_TREES("klue_dp", "--epochs", "1", "-o", "b", "--threads", "2"), "two", "LAS");
    char *one = weights_of("a/record.json"), *two = weights_of("b/record.json");
    cr_expect_str_eq(one, two);
    mem_free(one);
    mem_free(two);
    expect(RUN("compare", "a/record.json", "b/record.json"), "compare", "LAS");
}

/* Protocol dev takes the best evaluation by LAS. */
Test(trees_run, scores_choose_on_held_out_rows) {
    program_result r = RUN_TREES("klue_dp", "--protocol", "dev", "--eval-steps", "1", "--max-steps",
                                 "3", "-o", "o");
    cr_expect(strstr(r.err, "dev LAS"), "%s", r.err);
    expect(r, "run", "LAS");
    r = RUN_TREES("klue_dp", "--class-weights", "balanced", "-o", "p");
    cr_expect_eq(r.exit_code, 2);
}
#endif
