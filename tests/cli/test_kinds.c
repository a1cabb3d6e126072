/* Whole runs of every kind of task on the bundled samples: training, what is saved, eval, predict
 * and report. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void expect(program_result *r, const char *what, const char *part) {
    cr_assert_eq(r->exit_code, 0, "%s: %s%s", what, r->out, r->err);
    cr_expect(strstr(r->out, part), "%s: '%s' in %s", what, part, r->out);
}

#define EXPECT_REFUSED(r, code, part)                                                              \
    do {                                                                                           \
        cr_expect_eq((r).exit_code, code, "%s", (r).err);                                          \
        cr_expect(strstr((r).err, part), "%s in %s", part, (r).err);                               \
    } while (0)

#if HARNESS_CPU
static const struct {
    const char *task, *headline, *problem_type, *second, *answer, *text, *call;
} kinds[] = {
    {"kor_nli", "accuracy", "single_label_classification", "말", "\"text_pair\":\"말\"",
     "--pair \"...\" \"...\"\n",
     "\nclassify({\"text\": \"...\", \"text_pair\": \"...\"}, truncation=True)\n"},
    {"kor_sts", "spearman", "regression", "말", "\"text_pair\":\"말\",\"label\":\"score\"",
     "--pair \"...\" \"...\"\n", "}, truncation=True, function_to_apply=\"none\")\n"},
    {"korean_unsmile", "micro_f1", "multi_label_classification", NULL, "\"labels\":[", "\"...\"\n",
     "\nclassify(\"...\", truncation=True, top_k=None)\n"},
    {"lang_id", "macro_f1", "single_label_classification", NULL, "\"label\":", "\"...\"\n",
     "\nclassify(\"...\", truncation=True)\n"},
    {"klue_ner", "entity_f1", NULL, NULL, "\"entities\":[", "\"...\"\n", "\nfind(\"...\")\n"},
    {"klue_re", "relation_f1", "single_label_classification", NULL,
     "\"label\":", "\"<subj>...</subj> ... <obj>...</obj>\"\n",
     "\nclassify(\"<subj>...</subj> ... <obj>...</obj>\", truncation=True)\n"},
};

static void check_config(const char *task, const char *problem_type) {
    cJSON *root = NULL;
    const char *text = NULL;
    MUST(json_read(&root, temporary_path("o/model/config.json"), 0));
    if (problem_type) {
        MUST(json_string(&text, root, "problem_type", task));
        cr_expect_str_eq(text, problem_type);
    } else {
        const cJSON *list = cJSON_GetObjectItem(root, "architectures");
        cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(list, 0)),
                         "BertForTokenClassification");
    }
    cJSON_Delete(root);
}

/* How the run says that its model is asked, and how its card does. */
static void check_calls(const char *said, const char *text, const char *call) {
    char want[100], *card = NULL;
    size_t size;
    snprintf(want, sizeof want, "harness predict --model o %s", text);
    cr_expect(strstr(said, want), "no '%s' in %s", want, said);
    MUST(file_read((void **)&card, &size, temporary_path("o/model/README.md"), 0));
    snprintf(want, sizeof want, "harness predict --model FOLDER %s", text);
    cr_expect(strstr(card, want), "no '%s' in %s", want, card);
    cr_expect(strstr(card, call), "no '%s' in %s", call, card);
    mem_free(card);
}

/* Of several labels each has its line. */
static void expect_labels(const char *task) {
    program_result r = RUN("eval", "-c", "o", "--sample", "--task", task, "--device", "cpu");
    cr_expect(strstr(r.out, " precision  recall      F1    rows\n"), "%s", r.out);
    cr_expect(strstr(r.out, "  clean "), "%s", r.out);
    expect(&r, "eval", "  micro F1 ");
    r = RUN("eval", "-c", "o", "--sample", "--task", task, "--device", "cpu", "--json");
    expect(&r, "eval", "\"per_label\":[{\"label\":");
}

#define NER                                                                                        \
    "run", "--sample", "--task", "klue_ner", "-m", "tiny", "--device", "cpu", "--check-device",    \
        "never", "--max-steps", "90", "--batch-size", "8", "--lr", "3e-3", "--save-steps", "20"

static char *final_weights(const char *record) {
    cJSON *root = NULL;
    const char *text = NULL;
    char *copy = NULL;
    MUST(json_read(&root, temporary_path(record), 0));
    MUST(json_string(&text, root, "final_weights_sha256", record));
    MUST(mem_strdup(&copy, text));
    cJSON_Delete(root);
    return copy;
}

/* Stopped and gone on with, a model of tokens ends with the same bits. */
Test(kinds, entities_go_on_as_if_never_stopped) {
    child c;
    const char *const begin[] = {NER, "-o", "p", NULL};
    child_start(&c, NULL, begin);
    child_await_path(&c, temporary_path("p/checkpoint-20"), 120);
    kill(c.pid, SIGINT);
    program_result r = child_end(&c, 120);
    cr_assert_eq(r.exit_code, 130, "%s", r.err);
    r = RUN(NER, "-o", "p", "--resume");
    expect(&r, "resume", "  entity F1 ");
    r = RUN(NER, "-o", "o");
    expect(&r, "run", "  entity F1 ");
    char *whole = final_weights("o/record.json"), *parts = final_weights("p/record.json");
    cr_expect_str_eq(whole, parts);
    mem_free(whole);
    mem_free(parts);
    r = RUN("compare", "o", "p");
    expect(&r, "compare", "every prediction is equal");
}

/* A model that learnt twenty-four sentences by heart finds their entities, with their places. */
Test(kinds, entities_are_found) {
    program_result r = RUN(NER, "-o", "o");
    expect(&r, "run", "  entity F1 ");
    r = RUN("predict", "-c", "o", "--device", "cpu", "정하은과 오태민은 같은 반 친구다.");
    expect(&r, "predict", "<정하은:PS>과 <오태민:PS>은 같은 반 친구다.");
    r = RUN("predict", "-c", "o", "--device", "cpu", "--json", "정하은과 오태민은 같은 반 친구다.");
    cr_expect(strstr(r.out, "{\"entity_group\":\"PS\",\"score\":"), "%s", r.out);
    expect(&r, "predict", "\"word\":\"오태민\",\"start\":5,\"end\":8}");
    r = RUN("eval", "-c", "o", "--sample", "--task", "klue_ner", "--split", "train", "--device",
            "cpu");
    cr_expect(strstr(r.out, "entity       precision  recall      F1  in all\n"), "%s", r.out);
    expect(&r, "eval", "  person ");
    // a row has the tags of its characters, as the record of the run has them
    r = RUN("eval", "-c", "o", "--sample", "--task", "klue_ner", "--device", "cpu", "--predictions",
            "rows.csv");
    cr_expect(strstr(r.err, "rows.csv: 24 rows\n"), "%s", r.err);
    expect(&r, "predictions", "entity F1");
    r = RUN("eval", "--record", "o", "--predictions", "same.csv");
    cr_expect(strstr(r.err, "same.csv: 24 rows\n"), "%s", r.err);
    expect(&r, "predictions of a record", "entity F1");
    char *rows = NULL, *same = NULL;
    size_t size, of_same;
    MUST(file_read((void **)&rows, &size, temporary_path("rows.csv"), 0));
    MUST(file_read((void **)&same, &of_same, temporary_path("same.csv"), 0));
    cr_expect_str_eq(rows, same);
    cr_expect_eq(strncmp(rows, "row,gold,predicted\n1,B-PS I-PS I-PS O ", 38), 0, "%.80s", rows);
    mem_free(rows);
    mem_free(same);
    // labels of a set that are wider together than each
    r = RUN("data", "head", "korean_unsmile", "--sample", "--split", "test", "--row", "2");
    cr_expect(strstr(r.out, "  men,race and nationality  한국"), "%s", r.out);
    r = RUN("data", "head", "klue_ner", "--sample", "--rows", "1");
    expect(&r, "head", "<김서연:person>은 <어제:date> <부산:location>에서");
    // another kind of task is refused, and so are pairs
    r = RUN("eval", "-c", "o", "--sample", "--task", "kor_hate", "--device", "cpu");
    EXPECT(r, 1, err,
           "a model of class BertForTokenClassification, task kor_hate is of kind "
           "classification");
    r = RUN("predict", "-c", "o", "--device", "cpu", "--pair", "a", "b");
    EXPECT(r, 2, err, "a model of entities takes no --pair");
}

/* What predict says of lines on its standard input, both streams; the exit code behind. */
static const char *said_of_lines(const char *lines, const char *flags) {
    static char out[4096];
    char command[2048];
    size_t count = 0;
    snprintf(command, sizeof command,
             "cd '%s' && { printf '%s' | '%s' predict -c o --device cpu --json %s; echo $?; } 2>&1",
             temporary_folder(), lines, HARNESS_PROGRAM, flags);
    FILE *f = popen(command, "r"); // NOLINT(cert-env33-c): a pipe into the program
    cr_assert_not_null(f);
    count = fread(out, 1, sizeof out - 1, f);
    out[count] = '\0';
    cr_assert_eq(pclose(f), 0);
    return out;
}

/* A model that was taught pairs takes arguments and lines as pairs, with --pair and without. */
static void expect_pairs_unasked(void) {
    program_result r = RUN("predict", "-c", "o", "--device", "cpu", "--json", "글", "말");
    for (int with = 0; with < 2; with++) {
        const char *said = said_of_lines("글\\t말\\n", with ? "--pair -q" : "-q");
        cr_expect_eq(strncmp(said, r.out, strlen(r.out)), 0, "%s and not %s", said, r.out);
        cr_expect_str_eq(said + strlen(r.out), "0\n");
    }
    expect(&r, "predict", "\"text_pair\":\"말\"");
    const char *said = said_of_lines("글\\t말\\n글\\n", "-q");
    cr_expect(strstr(said, "standard input:2: a pair is two texts with one tab between them\n1\n"),
              "%s", said);
    cr_expect(strstr(said, "\"text_pair\":\"말\""), "%s", said);
}

Test(kinds, run_eval_predict_and_report) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *task = kinds[i].task;
        program_result r =
            RUN("run", "--sample", "--task", task, "-m", "tiny", "--device", "cpu",
                "--check-device", "never", "--max-steps", "2", "--batch-size", "8", "-o", "o");
        check_calls(r.out, kinds[i].text, kinds[i].call);
        expect(&r, task, "");
        check_config(task, kinds[i].problem_type);
        char want[80];
        snprintf(want, sizeof want, "\"headline\":\"%s\"", kinds[i].headline);
        r = RUN("eval", "-c", "o", "--sample", "--task", task, "--device", "cpu", "--json");
        expect(&r, "eval", want);
        if (!strcmp(kinds[i].headline, "micro_f1")) expect_labels(task);
        r = kinds[i].second
                ? RUN("predict", "-c", "o", "--device", "cpu", "--json", "--pair", "글", "말")
                : RUN("predict", "-c", "o", "--device", "cpu", "--json", "글");
        expect(&r, "predict", kinds[i].answer);
        bool is_relation = !strcmp(task, "klue_re"), is_pair = kinds[i].second != NULL;
        r = RUN("predict", "-c", "o", "--device", "cpu", "글",
                "<subj>글</subj>은 <obj>말</obj>이다", "<subj>둘</subj>은 <subj>셋</subj>");
        cr_expect_eq(strstr(r.err, "2 texts lack the two entities") != NULL, is_relation, "%s",
                     r.err);
        cr_expect_eq(r.exit_code, is_pair ? 2 : 0, "%s: %s", task, r.err);
        cr_expect_eq(strstr(r.err, "a model that was trained on pairs takes two texts for each "
                                   "pair, found 3") != NULL,
                     is_pair, "%s", r.err);
        if (is_pair) expect_pairs_unasked();
        r = RUN("data", "head", task, "--sample", "--rows", "1", "--json");
        expect(&r, "head", kinds[i].second ? "\"text_pair\":" : "\"text\":");
        MUST(folder_remove(temporary_path("o")));
    }
}

/* Times are of every phase of a step, whatever the loss. */
static void write_rows(const char *text) {
    MUST(file_write(temporary_path("rows.csv"), text, strlen(text)));
}

/* Rows that the answer of which holds the label; of "" those that hold none. */
static size_t rows_with(const char *answers, const char *label) {
    size_t found = 0;
    for (const char *line = answers, *end; (end = strchr(line, '\n')); line = end + 1) {
        char cell[256];
        // id,text,"label,label",score
        const char *from = strchr(strchr(line, ',') + 1, ',') + 1, *to = end;
        while (*to != ',') to--;
        snprintf(cell, sizeof cell, "%.*s", (int)(to - from), from);
        found += *label ? strstr(cell, label) != NULL : !*cell;
    }
    return found;
}

/* What is said at the end of a file counts every label that was written, and rows without any. */
Test(kinds, labels_of_a_file_are_counted_as_they_are_written) {
    static const char *const labels[] = {"여성/가족", "남성", "성소수자",  "인종/국적", "연령",
                                         "지역",      "종교", "기타 혐오", "악플/욕설", "clean"};
    size_t several = 0, nones = 0;
    for (int learned = 0; learned < 2; learned++) { // at a start scores lie around a half
        program_result r = RUN("run", "--sample", "--task", "korean_unsmile", "-m", "tiny",
                               "--device", "cpu", "--check-device", "never", "--max-steps",
                               learned ? "4" : "1", "--lr", learned ? "1e-2" : "1e-9", "-o", "o");
        expect(&r, "run", "");
        write_rows("id,text\n1,글 하나\n2,말\n3,또 다른 글이 있다\n");
        r = RUN("predict", "-c", "o", "--device", "cpu", "--input", "rows.csv");
        const char *answers = strchr(r.out, '\n') + 1;
        char count[96];
        size_t said = 0;
        for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
            size_t rows = rows_with(answers, labels[k]);
            snprintf(count, sizeof count, "%s %zu", labels[k], rows);
            cr_expect_eq(strstr(r.err, count) != NULL, rows > 0, "%s: %s%s", count, r.out, r.err);
            said += rows;
        }
        several += said > 3;
        size_t none = rows_with(answers, "");
        snprintf(count, sizeof count, "no label of them %zu", none);
        cr_expect_eq(strstr(r.err, count) != NULL, none > 0, "%s: %s%s", count, r.out, r.err);
        nones += none;
        cr_expect(strstr(r.err, "3 rows, 0 without a label"), "%s", r.err);
        expect(&r, "predict", "id,text,label,score\n");
        MUST(folder_remove(temporary_path("o")));
    }
    cr_expect(several > 0 && nones > 0);
}

/* A pair has two texts wherever it comes from. */
Test(kinds, a_pair_with_one_text_is_refused) {
    program_result r = RUN("run", "--sample", "--task", "kor_sts", "-m", "tiny", "--device", "cpu",
                           "--check-device", "never", "--max-steps", "1", "-o", "o");
    expect(&r, "run", "");
    r = RUN("predict", "-c", "o", "--device", "cpu", "--pair", "글", "말", "글", "");
    EXPECT_REFUSED(r, 2, "--pair takes two texts: text 2 of pair 2 is empty");
    write_rows("a,b\n글,말\n,말\n");
    r = RUN("predict", "-c", "o", "--device", "cpu", "--input", "rows.csv", "--text-column", "a");
    EXPECT_REFUSED(r, 2, "which one text is not: --text-pair-column names the second");
    r = RUN("predict", "-c", "o", "--device", "cpu", "--input", "rows.csv", "--text-column", "a",
            "--text-pair-column", "b");
    EXPECT_REFUSED(r, 1, "rows.csv:3: column 'a' is empty: a pair is two texts");
    r = RUN("predict", "-c", "o", "--device", "cpu", "--input", "rows.csv", "--text-column", "a",
            "--text-pair-column", "b", "--skip-bad-rows");
    expect(&r, "predict", "a,b,label,score\n글,말,score,");
    r = RUN("predict", "-c", "o", "--device", "cpu", "--pair", "글", "말");
    expect(&r, "predict", "score ");
}

/* What is known to read one text takes no pairs; of a stranger nothing is known. */
Test(kinds, a_pair_is_no_single_text) {
    const char *const tasks[] = {"kor_hate", "klue_re"};
    const char *const says[] = {
        "the model was trained on single texts, which a pair is not: leave ",
        "the model was trained on one text with two marked entities, which "
        "a pair is not: leave "};
    for (size_t i = 0; i < 2; i++) {
        program_result r = RUN("run", "--sample", "--task", tasks[i], "-m", "tiny", "--device",
                               "cpu", "--check-device", "never", "--max-steps", "1",
                               "--warmup-steps", "1", "--batch-size", "8", "-o", "o");
        cr_expect(strstr(r.err, ": 1 step of 8 sentences, ") && strstr(r.err, ", 1 warmup step, "),
                  "%s", r.err);
        cr_expect(strstr(r.err, "its warmup: 1 warmup step, 1 step in all"), "%s", r.err);
        expect(&r, "run", "");
        r = RUN("predict", "-c", "o", "--device", "cpu", "--pair", "글", "말");
        cr_expect(strstr(r.err, says[i]), "%s", r.err);
        EXPECT_REFUSED(r, 2, "leave --pair out");
        write_rows("a,b\n글,말\n");
        r = RUN("predict", "-c", "o", "--device", "cpu", "--input", "rows.csv", "--text-column",
                "a", "--text-pair-column", "b");
        EXPECT_REFUSED(r, 2, "leave --text-pair-column out");
        MUST(folder_remove(temporary_path("o")));
    }
}

/* What a model reads is what it was trained on last. */
Test(kinds, markers_are_asked_of_models_of_relations_alone) {
    program_result r = RUN("run", "--sample", "--task", "klue_re", "-m", "tiny", "--device", "cpu",
                           "--check-device", "never", "--max-steps", "1", "-o", "re");
    expect(&r, "run", "");
    // thirty labels by their whole names, and no matrix of them that nobody can read
    r = RUN("eval", "-c", "re", "--sample", "--task", "klue_re", "--device", "cpu");
    cr_expect(strstr(r.out, "\n  organisation: politics or religion "), "%s", r.out);
    for (const char *line = r.out, *end; (end = strchr(line, '\n')); line = end + 1)
        cr_expect_leq(end - line, 80, "%s", line);
    expect(&r, "eval", "\n  most confused, of ");
    r = RUN("run", "--sample", "--task", "kor_hate", "-m", "re/model", "--ignore-mismatched-sizes",
            "--device", "cpu", "--check-device", "never", "--max-steps", "1", "-o", "o");
    expect(&r, "run", "");
    r = RUN("predict", "-c", "o", "--device", "cpu", "글");
    cr_expect_eq(strstr(r.err, "lacks the two entities"), NULL, "%s", r.err);
    expect(&r, "predict", "글");
    // of labels that begin alike the whole names
    r = RUN("predict", "-c", "re", "--device", "cpu", "--top-k", "30", "글");
    cr_expect(strstr(r.out, "per:place_of_death                  0."), "%s", r.out);
    expect(&r, "predict", "org:political/religious_affiliation 0.");
    write_rows("text\n글\n말\n");
    r = RUN("predict", "-c", "re", "--device", "cpu", "--input", "rows.csv");
    cr_expect(strstr(r.err, "2 texts lack the two entities"), "%s", r.err);
    expect(&r, "predict", "text,label,score\n");
}

/* What truncation took with it is told, in what the answers are of. */
Test(kinds, cut_units_are_counted) {
    program_result r =
        RUN("run", "--sample", "--task", "klue_ner", "-m", "tiny", "--device", "cpu",
            "--check-device", "never", "--max-steps", "1", "--max-length", "6", "-o", "o");
    cr_expect(strstr(r.err, " sentences are longer than 6 tokens and were cut; "), "%s", r.err);
    cr_expect(strstr(r.err, " characters of theirs had no token left and were taken to be no "
                            "entity's\n"),
              "%s", r.err);
    expect(&r, "run", "");
    // [CLS], one piece and [SEP]: nine characters of ten go, whatever pieces there are
    r = RUN("predict", "-c", "o", "--device", "cpu", "--max-length", "3", "Q W E R T Y U I O P",
            "Q");
    cr_expect(strstr(r.err, "1 sentence is longer than 3 tokens and was cut; 9 characters of "
                            "theirs had no token left and were taken to be no entity's\n"),
              "%s", r.err);
    expect(&r, "predict", "");
    r = RUN("eval", "-c", "o", "--sample", "--task", "klue_ner", "--device", "cpu", "--max-length",
            "6");
    cr_expect(strstr(r.err, " characters of theirs had no token left"), "%s", r.err);
    expect(&r, "eval", "");
    r = RUN("run", "--sample", "--task", "klue_dp", "-m", "tiny", "--device", "cpu",
            "--check-device", "never", "--max-steps", "1", "-o", "dp");
    expect(&r, "run", "");
    r = RUN("predict", "-c", "dp", "--device", "cpu", "--max-length", "3", "Q W E R", "");
    cr_expect(strstr(r.err, "1 sentence is longer than 3 tokens and was cut; 3 words of theirs had "
                            "no token left and were taken to hang from the next one\n"),
              "%s", r.err);
    cr_expect(strstr(r.out, "\n\n# no word in ''\n\n"), "%s", r.out);
    expect(&r, "predict", "# text = Q W E R\n1\tQ\t");
    // of relations the entities that are not seen whole
    r = RUN("run", "--sample", "--task", "klue_re", "-m", "tiny", "--device", "cpu",
            "--check-device", "never", "--max-steps", "1", "--max-length", "8", "-o", "re");
    cr_expect(strstr(r.err, "54 sentences are longer than 8 tokens and were cut; 53 of them lost "
                            "the marker of an entity\n"),
              "%s", r.err);
    expect(&r, "run", "");
    r = RUN("predict", "-c", "re", "--device", "cpu", "--max-length", "10",
            "<subj>Q</subj> <obj>W</obj> E R T Y", "Q W E R T Y U I O P <subj>");
    cr_expect(strstr(r.err, "2 sentences are longer than 10 tokens and were cut\n"), "%s", r.err);
    expect(&r, "predict", "");
    r = RUN("predict", "-c", "re", "--device", "cpu", "--max-length", "7",
            "<subj>Q</subj> <obj>W</obj>");
    cr_expect(strstr(r.err, "1 sentence is longer than 7 tokens and was cut; 1 of them lost the "
                            "marker of an entity\n"),
              "%s", r.err);
    expect(&r, "predict", "");
}

Test(kinds, times_of_a_regression_have_a_backward) {
    cJSON *root = NULL;
    program_result r = RUN("run", "--sample", "--task", "kor_sts", "-m", "tiny", "--device", "cpu",
                           "--check-device", "never", "--max-steps", "24", "--batch-size", "1",
                           "--max-length", "8", "-o", "o");
    expect(&r, "run", "");
    MUST(json_read(&root, temporary_path("o/record.json"), 0));
    char *times = cJSON_PrintUnformatted(cJSON_GetObjectItem(root, "kernel_times"));
    cr_assert_not_null(times);
    cr_expect(strstr(times, "\"forward\"") && strstr(times, "\"backward\""), "%s", times);
    cJSON_free(times);
    cJSON_Delete(root);
}

/* Under protocol dev the file of role dev chooses, and the run ends with the weights that did best.
 */
Test(kinds, scores_choose_on_the_dev_file) {
    program_result r = RUN("run", "--sample", "--task", "kor_sts", "-m", "tiny", "--device", "cpu",
                           "--check-device", "never", "--protocol", "dev", "--eval-steps", "1",
                           "--max-steps", "2", "--batch-size", "8", "-o", "o");
    cr_expect(strstr(r.err, "8 rows are held out as dev"), "%s", r.err);
    cr_expect(strstr(r.err, "dev Spearman"), "%s", r.err);
    expect(&r, "run", "Spearman");
    r = RUN("run", "--sample", "--task", "kor_sts", "-m", "tiny", "--device", "cpu",
            "--class-weights", "balanced", "-o", "p");
    EXPECT(r, 2, err, "is for tasks with one label a row, which kor_sts is not");
    // a model of classes is none of numbers
    r = RUN("eval", "-c", "o", "--sample", "--task", "korean_unsmile", "--device", "cpu");
    EXPECT(r, 1, err, "a model of 1 outputs and problem_type regression");
}
#endif

/* Scores have a range in place of labels. */
Test(kinds, the_list_of_tasks_knows_scores) {
    program_result r = RUN("tasks");
    cr_expect(strstr(r.out, "     -  Spearman              KorSTS"), "%s", r.out);
    expect(&r, "tasks", "    30  micro F1 of relations KLUE");
    r = RUN("tasks", "show", "kor_sts");
    cr_expect(strstr(r.out, "\nkind      regression\n"), "%s", r.out);
    expect(&r, "show", "\n\nscores from 0 to 5\n");
    r = RUN("tasks", "show", "klue_dp_dev");
    expect(&r, "show", "\nsplit     hash, one in 5 is test\n");
}

Test(kinds, pairs_are_two_texts) {
    program_result r = RUN("tokenize", "-m", HARNESS_SOURCE_DIR "/tests/golden/tokenizer_vocab.txt",
                           "--json", "--pair", "a", "b");
    expect(&r, "tokenize", "\"token_type_ids\":[0,0,0,1,1]");
    r = RUN("tokenize", "-m", HARNESS_SOURCE_DIR "/tests/golden/tokenizer_vocab.txt", "--pair",
            "a");
    EXPECT(r, 2, err, "--pair takes two texts for each pair, found 1");
}

#if HARNESS_CPU
static void expect_task(const char *task, bool there, const char *from) {
    char line[80];
    snprintf(line, sizeof line, "task    %s (sample)", task);
    cr_expect_eq(strstr(from, line) != NULL, there, "%s in %s", line, from);
}

/* A group's name runs its tasks, each by what its manifest says of the group's recipe; a model that
 * the relations' tokens were added to is read again. */
Test(kinds, klue_runs_its_tasks_by_their_recipe) {
    cJSON *root = NULL;
    const cJSON *recipe, *fresh, *model;
    double epochs = 0, vocabulary = 0;
    program_result r = RUN("run", "--sample", "--task", "klue", "--recipe", "klue", "-m", "tiny",
                           "--device", "cpu", "--check-device", "never", "--max-steps", "1");
    expect_task("klue_tc", true, r.err);
    expect_task("klue_sts", true, r.err);
    expect_task("klue_nli", true, r.err);
    expect_task("klue_re", true, r.err);
    expect_task("klue_nli_dev", false, r.err);
    expect_task("kor_nli", false, r.err);
    cr_expect(strstr(r.err, "recipe  klue: 1 step"), "%s", r.err);
    expect(&r, "klue", "klue_re");
    r = RUN("run", "--sample", "--task", "kor_nli", "-m", "tiny", "--device", "cpu",
            "--check-device", "never", "--max-steps", "1", "-o", "m");
    expect(&r, "kor_nli", "");
    r = RUN("run", "--sample", "--task", "klue_re", "--recipe", "klue", "-m", "m",
            "--ignore-mismatched-sizes", "--device", "cpu", "--check-device", "never",
            "--max-steps", "1", "-o", "p");
    expect(&r, "klue_re", "AUPRC");
    MUST(json_read(&root, temporary_path("p/record.json"), 0));
    MUST(json_object(&recipe, root, "recipe", "record"));
    MUST(json_object(&model, root, "model", "record"));
    MUST(json_array(&fresh, model, "newly_initialised", "record"));
    char first[80];
    snprintf(first, sizeof first, "%s", cJSON_GetArrayItem(fresh, 0)->valuestring);
    cr_expect_eq(strncmp(first, "bert.embeddings.word_embeddings.weight[", 39), 0, "%s", first);
    MUST(json_number(&epochs, recipe, "num_train_epochs", "record"));
    cr_expect_eq(epochs, 3);
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(recipe, "join_particles")));
    cJSON_Delete(root);
    MUST(json_read(&root, temporary_path("p/model/config.json"), 0));
    MUST(json_number(&vocabulary, root, "vocab_size", "config"));
    char want[20];
    snprintf(want, sizeof want, ":%.0f]", vocabulary);
    cr_expect(strstr(first, want), "%s is not %s", first, want);
    cJSON_Delete(root);
    r = RUN("eval", "-c", "p", "--sample", "--task", "klue_re", "--device", "cpu");
    cr_expect(strstr(r.out, "  person: born in "), "%s", r.out);
    expect(&r, "eval", "  micro F1 of relations ");
    // the model has the tokens now: nothing is added again
    r = RUN("run", "--sample", "--task", "klue_re", "-m", "p", "--device", "cpu", "--check-device",
            "never", "--max-steps", "1", "-o", "q");
    expect(&r, "klue_re", "");
    MUST(json_read(&root, temporary_path("q/record.json"), 0));
    MUST(json_object(&model, root, "model", "record"));
    MUST(json_array(&fresh, model, "newly_initialised", "record"));
    cr_expect_eq(cJSON_GetArraySize(fresh), 0);
    cJSON_Delete(root);
    r = RUN("eval", "-c", "m", "--sample", "--task", "klue_re", "--device", "cpu");
    EXPECT(r, 1, err, "its tokenizer has no <subj>, which marks an entity in task klue_re");
    r = RUN("run", "--sample", "--task", "nsmc", "--recipe", "klue", "-m", "tiny", "--device",
            "cpu");
    EXPECT(r, 2, err, "recipe 'klue' is for the tasks of that group, which nsmc is not");
    r = RUN("run", "--sample", "--task", "nsmc", "--join-particles", "-m", "tiny", "--device",
            "cpu", "-o", "n");
    EXPECT(r, 2, err, "--join-particles is for tasks of relations, which nsmc is not");
}
#endif
