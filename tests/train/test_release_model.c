/* tools/release_model: what a pretraining leaves becomes a model that comes with the program. */
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/weights/safetensors.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HARNESS_CPU

TestSuite(release_model, .init = forget_data, .fini = nothing_left);

#define VOCABULARY HARNESS_SOURCE_DIR "/models/ko-tiny/vocab.txt"

/* Runs the script on run folder `from` and model folder `to`; returns its exit code. */
static int release(const char *from, const char *to, const char *says) {
    char command[2048];
    snprintf(command, sizeof command,
             "cd '%s' && python3 '%s/tools/release_model' %s %s >said 2>&1 && test -z '%s' || "
             "{ grep -q '%s' said && exit 3; cat said >&2; exit 1; }",
             temporary_folder(), HARNESS_SOURCE_DIR, from, to, says, *says ? says : "^$");
    int status = system(command);
    return status < 0 ? status : status >> 8;
}

/* Every value is the other file's, rounded to the 11 bits of half precision. */
static void check_halved(const char *whole, const char *half) {
    safetensors a, b;
    MUST(safetensors_open(&a, temporary_path(whole)));
    MUST(safetensors_open(&b, temporary_path(half)));
    cr_assert_eq(a.count, b.count);
    cr_assert_gt(a.count, 20);
    for (size_t i = 0; i < a.count; i++) {
        const tensor_entry *x = &a.entries[i], *y = safetensors_find(&b, x->name);
        cr_assert_not_null(y, "%s", x->name);
        cr_assert_eq(y->type, TENSOR_F16, "%s", x->name);
        cr_assert_eq(y->count, x->count, "%s", x->name);
        float *values = NULL;
        MUST(mem_new(&values, 2 * x->count));
        MUST(safetensors_read(&a, x, values));
        MUST(safetensors_read(&b, y, values + x->count));
        for (size_t k = 0; k < x->count; k++) {
            float bound = fabsf(values[k]) * 0x1p-11f + 0x1p-25f;
            cr_assert_leq(fabsf(values[x->count + k] - values[k]), bound, "%s[%zu]: %.9g, %.9g",
                          x->name, k, (double)values[x->count + k], (double)values[k]);
        }
        mem_free(values);
    }
    safetensors_close(&a);
    safetensors_close(&b);
}

/* The card of a run whose record says that so many seconds and steps of 3 were timed. */
static void expect_time(double seconds, int steps, const char *says) {
    cJSON *root = NULL;
    const char *path = temporary_path("made/record.json");
    MUST(json_read(&root, path, 0));
    cJSON *timing = cJSON_GetObjectItem(root, "timing");
    cJSON_SetNumberValue(cJSON_GetObjectItem(timing, "train_s"), seconds);
    cJSON_SetNumberValue(cJSON_GetObjectItem(timing, "steps"), steps);
    MUST(json_write(path, root));
    cJSON_Delete(root);
    cr_assert_eq(release("made", "timed", ""), 0);
    char *card = temporary_text("timed/README.md");
    cr_expect_not_null(strstr(card, says), "'%s' in: %s", says, card);
    mem_free(card);
}

static void put_lines(void) {
    strbuf lines = {0}; // enough that some are held out
    for (unsigned i = 0; i < 900; i++) MUST(strbuf_printf(&lines, "%u번째로 본 영화\n", i));
    MUST(file_write(temporary_path("lines.txt"), lines.text, lines.length));
    strbuf_free(&lines);
}

static void weights_of(char hex[HASH_HEX_BYTES], const char *run) {
    cJSON *root = NULL;
    char name[64];
    snprintf(name, sizeof name, "%s/record.json", run);
    MUST(json_read(&root, temporary_path(name), 0));
    snprintf(hex, HASH_HEX_BYTES, "%s", json_text_at(root, "final_weights_sha256"));
    cJSON_Delete(root);
}

/* The command of the run's card, as models/<run>, trains the same weights. */
static void expect_again(const char *run, const char *says) {
    const char *words[64];
    char name[64], a[HASH_HEX_BYTES], b[HASH_HEX_BYTES];
    size_t count = 0;
    snprintf(name, sizeof name, "models/%s", run);
    MUST(folder_make(temporary_path("models")));
    cr_assert_eq(release(run, name, ""), 0);
    snprintf(name, sizeof name, "models/%s/README.md", run);
    char *card = temporary_text(name), *begin = strstr(card, "\nharness pretrain ");
    cr_assert(begin && strstr(card, says), "no '%s' in %s", says, card);
    begin[strcspn(begin + 1, "\n") + 1] = '\0';
    for (char *w = strtok(begin + strlen("\nharness "), " "); w; w = strtok(NULL, " "))
        words[count++] = w;
    static const char *const rest[] = {"--data", "none", "--device", "cpu",         "--threads",
                                       "1",      "-o",   "again",    "--overwrite", NULL};
    memcpy(words + count, rest, sizeof rest);
    program_well(program_run(NULL, 120, words), __FILE__, __LINE__);
    mem_free(card);
    weights_of(a, run);
    weights_of(b, "again");
    cr_expect_str_eq(a, b, "%s", run);
}

Test(release_model, the_command_trains_the_same_weights) {
#define TRAIN                                                                                      \
    "pretrain", "--corpus", "./lines.txt", "--data", "none", "--device", "cpu", "--threads", "1",  \
        "--tokens-per-batch", "512", "--warmup-steps", "1", "--max-steps", "2", "--model"
    if (system("python3 -c '' 2>/dev/null")) cr_skip_test("no python3");
    put_lines();
    temporary_put("own.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n본\n1\n##번째로\n");
    RUN_WELL(TRAIN, "tiny", "--whole-word", "-o", "usual");
    RUN_WELL(TRAIN, "tiny", "--arch", "electra", "--vocab", "own.txt", "-o", "own");
    RUN_WELL(TRAIN, "own", "-o", "onward");
    RUN_WELL(TRAIN, "own", "--from-scratch", "-o", "shape");
    RUN_WELL(TRAIN, "ko-tiny", "-o", "shipped");
    expect_again("usual", " --model tiny --max-steps 2 ");
    expect_again("own", " --model tiny --arch electra --vocab models/own --max-steps 2 ");
    expect_again("shipped", "--corpus ./lines.txt --model ko-tiny --max-steps 2 ");
    // of folders there is no name: the card says what they were
    cr_assert_eq(rename(temporary_path("own"), temporary_path("tiny-electra-lines")), 0);
    expect_again("onward", "- `tiny-electra-lines`: the folder of a model, weights of SHA-256 ");
    expect_again("shape", "- `tiny-electra-lines`: the folder of a model, only its shape was used");
    char *card = temporary_text("models/shape/README.md");
    cr_expect_not_null(strstr(card, "- `./lines.txt`: texts that no manifest names, SHA-256 "),
                       "%s", card);
    mem_free(card);
}

Test(release_model, is_the_run_in_half_precision_with_its_command) {
    if (system("python3 -c '' 2>/dev/null")) cr_skip_test("no python3");
    put_lines();
    RUN_WELL("pretrain", "--corpus", "./lines.txt", "--data", "none", "--device", "cpu",
             "--threads", "1", "--model", "tiny", "--vocab", VOCABULARY, "--max-steps", "3",
             "--warmup-steps", "1", "--seed", "7", "-o", "made");
    cr_assert_eq(release("made", "small", ""), 0);
    cr_assert_eq(release("made", "twice", ""), 0);
    check_halved("made/model/model.safetensors", "small/model.safetensors");
    static const char *const files[] = {"model.safetensors", "config.json", "vocab.txt",
                                        "tokenizer_config.json", "record.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char names[2][64], a[HASH_HEX_BYTES], b[HASH_HEX_BYTES];
        snprintf(names[0], sizeof names[0], "small/%s", files[i]);
        snprintf(names[1], sizeof names[1], "twice/%s", files[i]);
        MUST(hash_file_hex(temporary_path(names[0]), a));
        MUST(hash_file_hex(temporary_path(names[1]), b));
        cr_expect_str_eq(a, b, "%s", files[i]);
    }
    // the card names what trains it again
    char *card = temporary_text("small/README.md");
    static const char *const says[] = {
        "# small\n",
        "--model tiny --max-steps 3 --seed 7",
        "--warmup-steps 1",
        "Corpus\n\nWhose data were not at hand, so that test texts may "
        "be among the corpus: klue_dp, ",
        "\n| steps | 3 |\n| passes over the corpus | 1.5 |\n",
        "\n| layers | 2 |\n| hidden size | 128 |\n"
        "| parameters | 1,511,360 |\n| model.safetensors | 3.0 MB |\n",
        "harness fill-mask --model small ",
        "harness run --task kor_hate --model small\n"};
    static const char *const unused[] = {"num_train_epochs", "max_steps", "warmup_ratio",
                                         "per_device_train_batch_size",
                                         "gradient_accumulation_steps"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        cr_expect_not_null(strstr(card, says[i]), "'%s' in: %s", says[i], card);
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        cr_expect_null(strstr(card, unused[i]), "'%s' in: %s", unused[i], card);
    mem_free(card);
    RUN_WELL("fill-mask", "--model", "./small", "--device", "cpu", "정말 [MASK] 영화");
    expect_time(14.44, 3, ", 14.4 seconds of training on ");
    expect_time(90, 3, ", 1.5 minutes of training on ");
    expect_time(7200, 3, ", 2.0 hours of training on ");
    expect_time(14.44, 1, ", 14.4 seconds of training in its last 1 of 3 steps on ");
    // a run that is none, and a folder with another vocabulary
    cr_expect_eq(release("small", "none", "model/vocab.txt is not there"), 3);
    cr_expect_eq(release("nowhere", "none", "record.json is not there"), 3);
    cr_expect_not(folder_exists(temporary_path("none")));
    MUST(file_write(temporary_path("twice/vocab.txt"), "[PAD]\n", 6));
    cr_expect_eq(release("made", "twice", "another vocabulary"), 3);
}
#endif
