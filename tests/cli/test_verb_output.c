/* What the verbs that read data print, whole: of the bundled samples, which change with a version. */
#include "base/json.h"
#include "base/memory.h"
#include "compute/plan.h"
#include "platform/file.h"
#include "support/expected.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>

// standard output of the program, with `hidden`, a path, as FOLDER
static void held(const char *name, const char *hidden, const char *const *arguments) {
    strbuf out = {0};
    program_result p = program_run(NULL, 60, arguments);
    cr_assert_eq(p.exit_code, 0, "%s: %s", name, p.err);
    const char *text = p.out, *at;
    while (hidden && (at = strstr(text, hidden))) {
        MUST(strbuf_add_bytes(&out, text, (size_t)(at - text)));
        MUST(strbuf_add(&out, "FOLDER"));
        text = at + strlen(hidden);
    }
    MUST(strbuf_add(&out, text));
    expect_output(name, out.text);
    strbuf_free(&out);
}
#define HELD(name, hidden, ...) held(name, hidden, (const char *const[]){__VA_ARGS__, NULL})

Test(verb_output, of_tasks_and_data) {
    static const char *const labels[] = {"none", "offensive", "hate"};
    const char *model = temporary_path("model");
    model_folder_make(model, labels, 3, NULL);
    HELD("tasks_show.txt", HARNESS_SOURCE_DIR, "tasks", "show", "kor_sae");
    HELD("tasks_show.json", HARNESS_SOURCE_DIR, "tasks", "show", "kor_hate", "--json");
    HELD("data_stats.txt", NULL, "data", "stats", "kor_hate", "--sample", "--model", model);
    HELD("data_stats.json", NULL, "data", "stats", "kor_sae", "--sample", "--json", "--model",
         model, "--max-length", "16");
    HELD("data_verify.txt", HARNESS_SOURCE_DIR, "data", "verify", "kor_3i4k", "--sample");
    HELD("data_verify.json", HARNESS_SOURCE_DIR, "data", "verify", "kor_3i4k", "--sample",
         "--json");
    HELD("corpus_show.txt", HARNESS_SOURCE_DIR, "corpus", "show", "nsmc_raw");
    HELD("tokenize.txt", NULL, "tokenize", "--model", model, "a b", "none");
    HELD("tokenize.json", NULL, "tokenize", "--model", model, "--json", "a b", "none");
}

// a place in the text that is a number, a hash or the like: its length, or 0
static size_t figure_length(const char *at) {
    static const char most[] = "0123456789abcdefT.,:+-";
    size_t n = strspn(at, most), digits = strcspn(at, "0123456789");
    return digits < n ? n : 0;
}

// what stands before a figure; in JSON as cJSON lays it out none is one unless a test says so
static const char *before_figures = " \n(\"'[=/-";

// what the plan of an fp32 run says on processors that are faster in bf16, alone
static const char bf16_hint[] = "        --precision bf16 is faster on it, with other scores\n";

/* Numbers as '#', runs of blanks as one; the processor's own words as CPU, the sources' folder as
 * FOLDER, the hint at bf16 left out where the processor has it. */
static char *shape_of(const char *text) {
    strbuf out = {0};
    device_info info;
    cpu_info(&info, 1);
    bool hinted = info.has_bf16 && !*info.bf16_lacks;
    size_t name = strlen(info.name);
    for (const char *at = text; *at;) {
        bool starts = at == text || strchr(before_figures, at[-1]);
        size_t n = starts ? figure_length(at) : 0;
        if (!strncmp(at, info.name, name)) {
            MUST(strbuf_add(&out, "CPU"));
            at += name;
        } else if (hinted && !strncmp(at, bf16_hint, sizeof bf16_hint - 1)) {
            at += sizeof bf16_hint - 1;
        } else if (!strncmp(at, HARNESS_SOURCE_DIR "/", sizeof HARNESS_SOURCE_DIR)) {
            MUST(strbuf_add(&out, "FOLDER/"));
            at += sizeof HARNESS_SOURCE_DIR;
        } else if (n) {
            MUST(strbuf_add(&out, "#"));
            at += n;
        } else if (*at == ' ' && at[1] == ' ') {
            at++;
        } else {
            MUST(strbuf_add_bytes(&out, at++, 1));
        }
    }
    return out.text;
}

static void held_shape(const char *name, const char *const *arguments) {
    program_result p = program_run(NULL, 60, arguments);
    strbuf both = {0};
    cr_assert_eq(p.exit_code, 0, "%s: %s", name, p.err);
    MUST(strbuf_printf(&both, "%s--- notes\n%s", p.out, p.err));
    char *shape = shape_of(both.text);
    expect_output(name, shape);
    mem_free(shape);
    strbuf_free(&both);
}
#define HELD_SHAPE(name, ...) held_shape(name, (const char *const[]){__VA_ARGS__, NULL})

static void held_file(const char *name, const char *file) {
    char *text = temporary_text(file), *shape = shape_of(text);
    expect_output(name, shape);
    mem_free(shape);
    mem_free(text);
}

// every number and text below it becomes the same
static void flatten(cJSON *item) {
    if (cJSON_IsNumber(item)) cJSON_SetNumberValue(item, 0);
    if (cJSON_IsString(item)) cJSON_SetValuestring(item, "");
    for (cJSON *i = item->child; i; i = i->next) flatten(i);
}

/* A JSON file, without what depends on the machine, the moment or the rounding. */
static void held_record(const char *name, const char *file, const char *const *varies) {
    cJSON *root;
    MUST(json_read(&root, temporary_path(file), 0));
    for (; *varies; varies++) {
        cJSON *item = cJSON_GetObjectItem(root, *varies);
        cr_assert_not_null(item, "%s has no %s", file, *varies);
        if (cJSON_IsArray(item))
            while (cJSON_GetArraySize(item) > 1) cJSON_DeleteItemFromArray(item, 1);
        flatten(item);
    }
    cJSON_DeleteItemFromObject(root, "cost"); // which a machine tells or not
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(root, "checksums"), "cost");
    cJSON *harness = cJSON_GetObjectItem(root, "harness");
    if (harness) cJSON_ReplaceItemInObject(harness, "dirty", cJSON_CreateFalse());
    char *text = cJSON_Print(root);
    expect_output(name, text);
    cJSON_free(text);
    cJSON_Delete(root);
}

#if HARNESS_CPU
Test(verb_output, of_a_run_and_its_model) {
    static const char *const varies[] = {"harness",       "created",
                                         "device",        "metrics",
                                         "metrics_dedup", "confusion",
                                         "loss",          "loss_curve",
                                         "predictions",   "most_wrong",
                                         "timing",        "memory",
                                         "dev",           "final_weights_sha256",
                                         "run_sha256",    "calibration",
                                         "checksums",     NULL};
    HELD_SHAPE("run.txt", "run", "--task", "kor_hate", "--sample", "--device", "cpu", "--threads",
               "1", "--max-steps", "4", "--eval-steps", "2", "--protocol", "dev", "-o", "out",
               "--seed", "7", "--save-steps", "2", "--logging-steps", "1");
    held_record("run_record.json", "out/record.json", varies);
    HELD_SHAPE("eval.txt", "eval", "--task", "kor_hate", "--sample", "-c", "out/model", "--device",
               "cpu", "--threads", "1");
    HELD_SHAPE("eval.json", "eval", "--task", "kor_hate", "--sample", "-c", "out/model", "--device",
               "cpu", "--threads", "1", "--json", "--split", "train");
    HELD_SHAPE("predict.txt", "predict", "-c", "out/model", "--device", "cpu", "--threads", "1",
               "--top-k", "3", "a b", "c");
    HELD_SHAPE("predict.json", "predict", "-c", "out/model", "--device", "cpu", "--threads", "1",
               "--json", "--top-k", "2", "a b");
}

#define TINY                                                                                       \
    "--task", "kor_hate", "--sample", "--model", "tiny", "--device", "cpu", "--threads", "1"

/* What is told of runs that are there: of two seeds, and of a search. */
Test(verb_output, of_what_runs_left) {
    before_figures = " \n(\"'[=/-\t:,";
    static const char *const seeds[] = {"1", "2"};
    for (size_t i = 0; i < 2; i++) {
        RUN_WELL("run", TINY, "--epochs", "1", "--protocol", "dev", "-q", "--seed", seeds[i], "-o",
                 seeds[i]);
    }
    held_file("model_card.md", "1/model/README.md");
    temporary_put("rows.csv", "text,label\n좋은 기사,none\n\"둘, 셋\",hate\n또,none\n");
    HELD_SHAPE("predict_file.txt", "predict", "-c", "1", "--device", "cpu", "-i", "rows.csv",
               "--output", "said.csv", "--scores");
    held_file("predict_file.csv", "said.csv");
    HELD_SHAPE("eval_rows.txt", "eval", "-c", "1", "--device", "cpu", "--predictions", "rows.jsonl",
               "--texts");
    held_file("eval_rows.jsonl", "rows.jsonl");
    HELD_SHAPE("errors.txt", "errors", "1", "2", "--device", "cpu", "--texts", "--rows", "2");
    HELD_SHAPE("errors.json", "errors", "1", "2", "--device", "cpu", "--json");
    HELD_SHAPE("tune.txt", "tune", TINY, "--epochs", "1", "--lr", "1e-4,1e-3", "-o", "tuned");
    HELD_SHAPE("tune.json", "tune", TINY, "--epochs", "1", "--lr", "1e-4..1e-3", "--trials", "3",
               "--halving", "2", "-o", "halved", "--json");
    HELD_SHAPE("tune_range.txt", "tune", TINY, "--max-steps", "2", "--lr", "1e-4..1e-3", "--trials",
               "2", "-o", "range");
    HELD_SHAPE("runs.txt", "runs", ".");
    HELD_SHAPE("runs.json", "runs", ".", "--json");
}

/* What is told of what would be done. */
/* One line names the faster precision, where it is one. */
Test(verb_output, of_the_faster_precision) {
    device_info info;
    cpu_info(&info, 1);
    program_result p = program_run(NULL, 60, (const char *const[]){"run", TINY, "--dry-run", NULL});
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect_eq(strstr(p.out, bf16_hint) || strstr(p.err, bf16_hint),
                 info.has_bf16 && !*info.bf16_lacks, "%s%s", p.out, p.err);
    p = program_run(NULL, 60,
                    (const char *const[]){"run", TINY, "--dry-run", "--precision", "bf16", NULL});
    cr_expect_null(strstr(p.out, bf16_hint), "%s", p.out);
}

Test(verb_output, of_plans) {
    before_figures = " \n(\"'[=/-\t:,";
    temporary_put("own.csv", "text,label\n좋아요,a\n\"둘, 둘\",b\n셋,a\n넷,b\n다섯,a\n여섯,b\n");
    HELD_SHAPE("dry_run.txt", "run", TINY, "--dry-run", "--seeds", "2", "--protocol", "dev");
    HELD_SHAPE("dry_run.json", "run", TINY, "--dry-run", "--json", "--class-weights", "balanced");
    HELD_SHAPE("tasks_new.json", "tasks", "new", "own.csv", "--json");
    HELD_SHAPE("data_head.txt", "data", "head", "kor_hate", "--sample", "-n", "3");
    HELD_SHAPE("data_head.json", "data", "head", "kor_sae", "--sample", "-n", "2", "--json");
    HELD_SHAPE("fill_mask.txt", "fill-mask", "--model", "ko-tiny", "--device", "cpu", "--top-k",
               "3", "이 영화 정말 [MASK]");
}
#endif

/* Every verb's page: one file, a page behind the other. */
Test(verb_output, of_help_on_every_verb) {
    static const char *const verbs[] = {
#define VERB(name, arguments, summary, example) #name,
#include "cli/verbs.def"
#undef VERB
    };
    strbuf all = {0};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char verb[32];
        snprintf(verb, sizeof verb, "%s", verbs[i]);
        for (char *at = verb; *at; at++)
            if (*at == '_') *at = '-';
        program_result p = RUN_WELL("help", verb);
        MUST(strbuf_printf(&all, "--- %s\n%s", verb, p.out));
    }
    expect_output("help_verbs.txt", all.text);
    strbuf_free(&all);
    HELD_SHAPE("help.json", "help", "--json");
}

Test(verb_output, of_help_and_lists) {
    HELD_SHAPE("help.txt", "help");
    HELD_SHAPE("help_predict.txt", "help", "predict");
    HELD_SHAPE("help_compare.txt", "compare", "--help");
    HELD_SHAPE("tasks.txt", "tasks");
    HELD_SHAPE("tasks_check.txt", "tasks", "check");
    HELD_SHAPE("corpus.txt", "corpus", "list");
    HELD_SHAPE("verify.txt", "verify", "fill", "dropout", "--device", "reference");
    HELD_SHAPE("verify.json", "verify", "fill", "--device", "reference", "--json");
}
