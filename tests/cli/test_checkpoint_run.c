/* Runs that start from model folders: heads that are missing or of another size, shards, a large
 * vocabulary, and the folder that a run leaves. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static program_result run_from(const char *folder, const char *output, const char *extra) {
    return RUN("run", "--task", "kor_hate", "--sample", "--device", "reference", "--max-steps", "1",
               "--overwrite", "--model", folder, "-o", output, extra);
}

static cJSON *json_in(const char *folder, const char *name) {
    char *path = NULL;
    cJSON *root = NULL;
    MUST(path_join(&path, folder, name));
    MUST(json_read(&root, path, 0));
    mem_free(path);
    return root;
}

static void expect_initialised(const char *output, const char *const *keys, int count) {
    cJSON *record = json_in(output, "record.json");
    const cJSON *list =
        cJSON_GetObjectItem(cJSON_GetObjectItem(record, "model"), "newly_initialised");
    cr_assert_eq(cJSON_GetArraySize(list), count);
    for (int i = 0; i < count; i++)
        cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(list, i)), keys[i]);
    cJSON_Delete(record);
}

Test(checkpoint_run, a_classifier_of_other_labels_needs_the_flag) {
    static const char *const names[] = {"classifier.weight", "classifier.bias"};
    const char *folder = temporary_path("binary"), *output = temporary_path("out");
    model_folder_make(folder, NULL, 2, NULL);
    program_result r = run_from(folder, output, NULL);
    EXPECT(r, 1, err, "'classifier.weight' is F32 [2, 8], expected [3, 8]");
    cr_assert_not_null(strstr(r.err, "--ignore-mismatched-sizes"), "%s", r.err);
    r = run_from(folder, output, "--ignore-mismatched-sizes");
    EXPECT(r, 0, err,
           "classifier.weight | MISMATCH   | [2, 8] in the checkpoint, "
           "[3, 8] here");
    expect_initialised(output, names, 2);
    cJSON *record = json_in(output, "record.json");
    const char *command = cJSON_GetStringValue(cJSON_GetObjectItem(record, "command"));
    cr_assert(command && strstr(command, "--ignore-mismatched-sizes"), "%s", command);
    cJSON_Delete(record);
}

Test(checkpoint_run, an_encoder_alone_gets_a_classifier) {
    static const char *const names[] = {"classifier.weight", "classifier.bias"};
    const char *folder = temporary_path("encoder"), *output = temporary_path("out");
    model_folder_make(folder, NULL, 3, NULL);
    // under another name the classifier is a tensor that nobody asks for
    model_folder_edit(folder, "config.json", "BertForSequenceClassification", "BertModel");
    char *path = NULL, *bytes = NULL;
    size_t count = 0;
    MUST(path_join(&path, folder, "model.safetensors"));
    MUST(file_read((void **)&bytes, &count, path, 0));
    for (size_t i = 0; i + 11 < count; i++)
        if (!memcmp(bytes + i, "\"classifier.", 12)) memcpy(bytes + i, "\"cls.xxxxxx.", 12);
    MUST(file_write(path, bytes, count));
    program_result r = run_from(folder, output, NULL);
    EXPECT(r, 0, err, "cls.xxxxxx.weight | UNEXPECTED | not used");
    cr_assert_not_null(strstr(r.err, "classifier.weight | MISSING    | newly initialised"), "%s",
                       r.err);
    expect_initialised(output, names, 2);
    // of several seeds the first tells it
    r = RUN_WELL("run", "--task", "kor_hate", "--sample", "--model", folder, "--device", "cpu",
                 "--epochs", "1", "--check-device", "never", "--seeds", "1,2");
    const char *told = strstr(r.err, "cls.xxxxxx.weight | UNEXPECTED | not used");
    cr_expect(told && !strstr(told + 1, "cls.xxxxxx.weight | UNEXPECTED"), "%s", r.err);
    r = RUN("predict", "-c", folder, "x");
    cr_assert(r.exit_code == 1 && strstr(r.err, "no fine-tuned classifier there"), "%s", r.err);
    mem_free(path);
    mem_free(bytes);
}

static double card_value(const char *card, const char *type, const char *name) {
    char line[100];
    snprintf(line, sizeof line, "    - type: %s\n      name: %s\n      value: ", type, name);
    const char *at = strstr(card, line);
    cr_assert_not_null(at, "no %s in %s", line, card);
    return strtod(at + strlen(line), NULL);
}

Test(checkpoint_run, the_final_folder_says_what_it_is) {
    const char *folder = temporary_path("start"), *output = temporary_path("out");
    const char *model = temporary_path("out/model");
    char *card = NULL;
    size_t count = 0;
    model_folder_make(folder, NULL, 3, NULL);
    program_result r = run_from(folder, output, NULL);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cJSON *record = json_in(output, "record.json"), *config = json_in(model, "config.json");
    cJSON *words = json_in(model, "tokenizer_config.json");
    const cJSON *scores = cJSON_GetObjectItem(record, "metrics");
    const cJSON *names = cJSON_GetObjectItem(config, "id2label");
    MUST(file_read((void **)&card, &count, temporary_path("out/model/README.md"), 0));
    cr_assert_eq(strncmp(card, "---\nlanguage: ko\nlibrary_name: transformers\n", 44), 0);
    cr_assert_not_null(strstr(card, "pipeline_tag: text-classification\n"));
    cr_assert_not_null(strstr(card, "\nlicense: \"cc-by-sa-4.0\"\ndatasets:\n- \"kor_hate\"\n"),
                       "%s", card);
    cr_assert_not_null(strstr(card, "- name: \"start-kor_hate\"\n"));
    cr_assert_not_null(strstr(card, "      type: \"kor_hate\"\n"));
    static const char *const rows[][3] = {{"accuracy", "accuracy", "accuracy"},
                                          {"macro_f1", "f1", "macro F1"},
                                          {"weighted_recall", "recall", "weighted recall"},
                                          {"mcc", "matthews_correlation", "MCC"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = 0;
        MUST(json_number(&value, scores, rows[i][0], "record"));
        cr_assert_lt(fabs(card_value(card, rows[i][1], rows[i][2]) - value), 6e-7, "%s",
                     rows[i][0]);
    }
    cr_assert_null(strstr(card, temporary_folder()), "a path of this machine in %s", card);
    static const char *const expected[] = {"hate", "offensive", "none"};
    for (int i = 0; i < 3; i++)
        cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(names, i)), expected[i]);
    cr_assert_eq(cJSON_GetObjectItem(words, "model_max_length")->valueint, 32);
    cJSON_Delete(record);
    cJSON_Delete(config);
    cJSON_Delete(words);
    mem_free(card);
}

Test(checkpoint_run, multilingual_vocabulary) {
    char vocab[600];
    snprintf(vocab, sizeof vocab, "%s/bert-base-multilingual-cased/vocab.txt",
             need_environment("HARNESS_VOCAB"));
    const char *folder = temporary_path("mbert"), *output = temporary_path("out");
    static const char *const labels[] = {"no", "yes"};
    model_folder_make(folder, labels, 2, vocab);
    cJSON *config = json_in(folder, "config.json");
    cr_assert_eq(cJSON_GetObjectItem(config, "vocab_size")->valueint, 119547);
    cJSON_Delete(config);
    program_result r = RUN("predict", "-c", folder, "--device", "reference", "--json", "영화 좋다");
    cr_assert(r.exit_code == 0 && strstr(r.out, "\"scores\":{\"no\":"), "%s%s", r.out, r.err);
    r = run_from(folder, output, "--ignore-mismatched-sizes");
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    // fewer rows than tokens is a mistake that would read beyond the table
    model_folder_edit(folder, "config.json", "119547", "119546");
    r = RUN("predict", "-c", folder, "x");
    EXPECT(r, 1, err,
           "vocab_size is 119546, but tensor "
           "'bert.embeddings.word_embeddings.weight' of "
           "model.safetensors is F32 [119547, 8]");
}

/* The labels that predict gives two sentences, one a line. */
static void labels_of(char text[100], const char *folder, const char *extra) {
    program_result r = RUN("predict", "-c", folder, "--device", "reference", "영화 좋다", "나 다 !",
                           extra, extra ? "kor_hate" : NULL);
    size_t used = 0;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    for (const char *line = r.out; *line; line += strcspn(line, "\n") + 1)
        used += (size_t)snprintf(text + used, 100 - used, "%.*s ", (int)strcspn(line, " "), line);
}

/* A classifier of sentences has the tensor of one of words: its rows go by their names there too. */
Test(checkpoint_run, rows_go_with_the_names_to_another_kind_of_head) {
    static const char manifest[] =
        "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "
        "\"licence\": \"l\", \"citation\": \"c\", \"kind\": \"token_classification\", \"files\": "
        "[{\"role\": \"train\", \"name\": \"a\"}, {\"role\": \"test\", \"name\": \"b\"}], "
        "\"format\": {\"kind\": \"tagged\", \"unit\": \"word\"}, \"labels\": ["
        "{\"value\": \"B-X\", \"name\": \"B-X\", \"readable\": \"b\"}, "
        "{\"value\": \"I-X\", \"name\": \"I-X\", \"readable\": \"i\"}, "
        "{\"value\": \"O\", \"name\": \"O\", \"readable\": \"o\"}], \"invalid_label\": \"error\", "
        "\"split\": {\"rule\": \"files\"}, \"cleaning\": {\"drop_empty\": true, "
        "\"drop_duplicates\": true}, \"metrics\": [\"entity_f1\"], \"headline\": \"entity_f1\", "
        "\"max_length\": 32}";
    static const char *const turned[] = {"O", "I-X", "B-X"}, *const others[] = {"p", "q", "r"};
    static const char rows[] = "p\tB-X\nq\tI-X\nr\tO\n", more[] = "s\tO\n";
    const char *folder = temporary_path("turned"), *tasks = temporary_path("tasks");
    MUST(folder_make(tasks));
    MUST(folder_make(temporary_path("made")));
    MUST(file_write(temporary_path("tasks/made.json"), manifest, strlen(manifest)));
    MUST(file_write(temporary_path("made/a"), rows, strlen(rows)));
    MUST(file_write(temporary_path("made/b"), more, strlen(more)));
    for (int known = 1; known >= 0; known--) {
        model_folder_make(folder, known ? turned : others, 3, NULL);
        program_result r = RUN("run", "--task", "made", "--task-dir", tasks, "--data",
                               temporary_folder(), "--device", "reference", "--max-steps", "1",
                               "--model", folder, "-o", temporary_path("out"), "--overwrite");
        EXPECT(r, !known, err,
               known ? "labels are matched by name: 'B-X' is row 2 there and 0 here"
                     : "label 0 of the model is 'p', which is none of task made");
    }
}

Test(checkpoint_run, rows_of_a_classifier_go_with_the_names) {
    static const char *const labels[] = {"None", "hate", "offensive"};
    const char *folder = temporary_path("turned"), *output = temporary_path("out");
    char before[100], after[100];
    model_folder_make(folder, labels, 3, NULL);
    labels_of(before, folder, NULL);
    program_result r = RUN_WELL("run", "--task", "kor_hate", "--sample", "--device", "reference",
                                "--max-steps", "1", "--lr", "0", "--model", folder, "-o", output);
    cr_assert_not_null(
        strstr(r.err, "labels are matched by name: 'hate' is row 1 there and 0 here"), "%s", r.err);
    labels_of(after, output, NULL);
    for (char *c = before; *c; c++) // the task writes it small
        if (*c == 'N') *c = 'n';
    cr_assert_str_eq(after, before);
    labels_of(after, folder, "--task"); // in the task's names too
    cr_assert_str_eq(after, before);
    r = RUN("eval", "--task", "kor_hate", "--sample", "--device", "reference", "-c", folder,
            "--json");
    program_result again = RUN("eval", "--task", "kor_hate", "--sample", "--device", "reference",
                               "-c", temporary_path("out/model"), "--json");
    cr_assert_eq(r.exit_code + again.exit_code, 0, "%s%s", r.err, again.err);
    const char *scores = strstr(r.out, "\"loss\""), *same = strstr(again.out, "\"loss\"");
    cr_assert(scores && same);
    cr_assert_str_eq(scores, same);
}

/* As many labels as the task has, but others: what the model learnt of those is no start. */
Test(checkpoint_run, a_classifier_of_another_task_is_drawn_anew) {
    static const char *const labels[] = {"entailment", "neutral", "contradiction"},
                             *const names[] = {"classifier.weight", "classifier.bias"};
    const char *folder = temporary_path("nli"), *output = temporary_path("out");
    model_folder_make(folder, labels, 3, NULL);
    program_result r = run_from(folder, output, "--ignore-mismatched-sizes");
    EXPECT(r, 0, err, "are not those of task kor_hate: the classifier is drawn anew");
    cr_expect_not_null(
        strstr(r.err, "classifier.weight | MISMATCH   | [3, 8], of other labels: drawn anew"), "%s",
        r.err);
    expect_initialised(output, names, 2);
}

Test(checkpoint_run, labels_of_another_language_need_the_map) {
    static const char *const labels[] = {"없음", "혐오", "공격"};
    static const char map[] = "없음=none,혐오=hate,공격=offensive";
    static const char *const verbs[] = {"run", "eval", "predict"};
    const char *folder = temporary_path("korean"), *output = temporary_path("out");
    model_folder_make(folder, labels, 3, NULL);
    for (size_t i = 0; i < 3; i++) {
        const char *where = i ? "--checkpoint" : "--model";
        const char *rest[] = {i < 2 ? "--sample" : "x", i ? NULL : "-o", output};
        program_result r = RUN(verbs[i], "--task", "kor_hate", "--device", "reference", where,
                               folder, rest[0], rest[1], rest[2]);
        cr_assert_eq(r.exit_code, 1, "%s: %s", verbs[i], r.err);
        cr_assert_not_null(strstr(r.err,
                                  "say which is which: --label-map "
                                  "'없음=hate,혐오=offensive,공격=none' if this is the order"),
                           "%s: %s", verbs[i], r.err);
        cr_expect_eq(!strstr(r.err, "classifier drawn anew: --ignore-mismatched-sizes"), i > 0,
                     "%s: %s", verbs[i], r.err);
        r = RUN_WELL(verbs[i], "--task", "kor_hate", "--device", "reference", where, folder,
                     "--label-map", map, rest[0], i ? NULL : "--max-steps", "1", "-o", output);
    }
    cJSON *record = json_in(output, "record.json");
    const char *command = cJSON_GetStringValue(cJSON_GetObjectItem(record, "command"));
    cr_assert(command && strstr(command, "--label-map '없음=none,혐오=hate,공격=offensive'"), "%s",
              command);
    cJSON_Delete(record);
    program_result r = RUN("run", "--task", "kor_hate", "--sample", "--device", "reference",
                           "--model", "tiny", "--label-map", "a=b", "-o", output, "--overwrite");
    cr_assert(r.exit_code == 2 && strstr(r.err, "model 'tiny' has no classifier"), "%s", r.err);
}
