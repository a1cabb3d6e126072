/* Every verb gives back every block of memory and closes every file: when it ends well and when it ends with an error.
 * The program counts at its end (main.c, support/calls.c) and then exits with 70, in builds that have tests. */
#include "base/memory.h"
#include "cli/options.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <string.h>

#if HARNESS_CPU

enum { ARGUMENTS_MAX = 22 };

typedef struct use {
    verb_id verb;
    int exit_code;
    const char *arguments[ARGUMENTS_MAX];
} use;

#define CPU "--device", "cpu", "--threads", "1"
#define SMALL "--task", "kor_hate", "--sample", "--limit", "8", "--quiet"
#define HELD "--task", "kor_hate", "--sample", "--quiet"
#define TRAIN SMALL, CPU, "--max-steps", "2", "--output-dir"
#define LINES                                                                                      \
    "--corpus", HARNESS_SOURCE_DIR "/CONTRIBUTING.md", "--data", "none", "--max-steps", "2"
#define VOCAB "--vocab", HARNESS_SOURCE_DIR "/models/ko-tiny"
#define OWN "--train-file", "own.csv"
#define SUITE CPU, "--baselines", ".", "-o", "regress", "--no-timing", "--quiet"

/* In this order, in one folder: later ones use the runs a and b of earlier ones. */
static const use uses[] = {
    {VERB_run, 0, {"run", TRAIN, "a", "--save-steps", "1"}},
    {VERB_run, 0, {"run", TRAIN, "b", "--seed", "43", "--json"}},
    {VERB_run, 0, {"run", SMALL, CPU, "--dry-run", "--json"}},
    {VERB_run, 0, {"run", OWN, CPU, "--max-steps", "2", "-q", "-o", "own"}},
    {VERB_run, 2, {"run", OWN, CPU, "--label-column", "none", "-q"}},
    {VERB_run, 2, {"run", TRAIN, "a", "--recipe", "no/such/recipe.json"}},
    {VERB_run, 2, {"run", TRAIN, "c", "--model", "tyni"}},
    {VERB_run, 1, {"run", "--task", "kor_hate", CPU, "--data", "none", "--offline"}},
    {VERB_tune,
     0,
     {"tune", HELD, CPU, "--max-steps", "2", "--lr", "1e-4..1e-2", "--class-weights",
      "balanced;none", "--trials", "3", "--halving", "2"}},
    {VERB_tune, 0, {"tune", HELD, CPU, "--max-steps", "2", "--lr", "1e-4,1e-2", "--json"}},
    {VERB_tune, 2, {"tune", HELD, CPU, "--lr", "1e-4,fast"}},
    {VERB_pretrain, 0, {"pretrain", LINES, CPU, "--model", "tiny", VOCAB, "-o", "p", "-q"}},
    {VERB_pretrain, 0, {"pretrain", LINES, CPU, "--model", "tiny", VOCAB, "-o", "q", "--dry-run"}},
    {VERB_pretrain, 2, {"pretrain", LINES, CPU, "--model", "tyni", "-o", "p"}},
    {VERB_fill_mask,
     0,
     {"fill-mask", CPU, "--model", "p", "--targets", "정말,이", "[MASK] 둘 [MASK]"}},
    {VERB_fill_mask, 0, {"fill-mask", CPU, "--model", "p", "--json", "하나 [MASK]"}},
    {VERB_fill_mask, 1, {"fill-mask", CPU, "--model", "p", "하나 [MASK]", "없음"}},
    {VERB_eval, 0, {"eval", SMALL, CPU, "--checkpoint", "a", "--json"}},
    {VERB_eval, 1, {"eval", SMALL, CPU, "--checkpoint", "no-such-folder"}},
    {VERB_eval, 0, {"eval", "--record", "a", "--predictions", "rows.jsonl"}},
    {VERB_eval, 0, {"eval", SMALL, CPU, "-c", "a", "--predictions", "rows.csv", "--texts"}},
    {VERB_eval, 1, {"eval", "--record", "a", "--predictions", "rows.csv"}},
    {VERB_errors, 0, {"errors", "a", "b", CPU, "--texts", "-q"}},
    {VERB_errors, 0, {"errors", "a", "--limit", "8", CPU, "--json", "-q"}},
    {VERB_errors, 1, {"errors", "a", "--limit", "7", CPU, "-q"}},
    {VERB_predict, 0, {"predict", CPU, "--checkpoint", "a", "--json", "좋은 기사네요", "왜"}},
    {VERB_predict, 2, {"predict", CPU, "--checkpoint", "a", "\xFF"}},
    {VERB_predict,
     0,
     {"predict", CPU, "-c", "a", "-i", "own.csv", "--output", "o.csv", "--scores"}},
    {VERB_predict,
     0,
     {"predict", CPU, "-c", "a", "-i", "own.csv", "--output", "o.csv", "--scores", "--resume"}},
    {VERB_predict, 1, {"predict", CPU, "-c", "a", "-i", "own.csv", "--output", "o.csv"}},
    {VERB_predict, 2, {"predict", CPU, "-c", "a", "-i", "own.csv", "--text-column", "none"}},
    {VERB_tokenize, 0, {"tokenize", "--checkpoint", "a", "--json", "--padding", "좋은", "왜 이래"}},
    {VERB_tokenize, 1, {"tokenize", "--checkpoint", "a", "좋은", "\xFF"}},
    {VERB_compare, 0, {"compare", "a", "b"}},
    {VERB_compare, 0, {"compare", "a", "b", "--json"}},
    {VERB_compare, 0, {"compare", "cpu", "cpu", "--max-steps", "2", "--threads", "1"}},
    {VERB_compare, 1, {"compare", "a", "no-such-run"}},
    {VERB_report, 0, {"report", "--results", HARNESS_SOURCE_DIR "/results", "-o", "board", "-q"}},
    {VERB_report,
     0,
     {"report", "--results", HARNESS_SOURCE_DIR "/results", "-o", "board", "--json"}},
    {VERB_report, 0, {"report", "--history", HARNESS_SOURCE_DIR "/results", "-o", "board", "-q"}},
    {VERB_report, 1, {"report", "--history", "no-such-folder"}},
    {VERB_report, 2, {"report", "--results", "none", "--format", "xml"}},
    {VERB_tasks, 0, {"tasks"}},
    {VERB_tasks, 0, {"tasks", "show", "kor_sae", "--json"}},
    {VERB_tasks, 0, {"tasks", "check"}},
    {VERB_tasks, 2, {"tasks", "show", "kor_hat"}},
    {VERB_tasks, 0, {"tasks", "new", "own.csv", "--json"}},
    {VERB_tasks, 1, {"tasks", "new", "own.csv"}},
    {VERB_runs, 0, {"runs", "."}},
    {VERB_runs, 0, {"runs", ".", "--json"}},
    {VERB_runs, 0, {"runs", "clean", ".", "--yes"}},
    {VERB_runs, 2, {"runs", "no-such-folder"}},
    {VERB_results, 0, {"results", "check", HARNESS_SOURCE_DIR "/results", "--data", "none"}},
    {VERB_results, 1, {"results", "add", "own.csv"}},
    {VERB_env, 0, {"env", "--json"}},
    {VERB_env, 2, {"env", "all"}},
    {VERB_data, 0, {"data", "stats", "kor_hate", "--sample", "--json", "--svg", "lengths.svg"}},
    {VERB_data, 0, {"data", "head", "kor_sarcasm", "--sample", "-n", "2"}},
    {VERB_data, 0, {"data", "verify", "kor_hate", "--sample"}},
    {VERB_data, 1, {"data", "verify", "nsmc", "--data", "none"}},
    {VERB_data, 1, {"data", "fetch", "nsmc", "--data", "none", "--offline"}},
    {VERB_corpus, 0, {"corpus", "list", "--json"}},
    {VERB_corpus, 0, {"corpus", "stats", "./suite.json", "--data", "none", "--json"}},
    {VERB_corpus, 0, {"corpus", "text", "./suite.json", "--data", "none"}},
    {VERB_corpus, 1, {"corpus", "stats", "nsmc_raw", "--data", "none"}},
    {VERB_devices, 0, {"devices"}},
    {VERB_devices, 0, {"devices", "--json"}},
    {VERB_devices, 2, {"devices", "--device", "no-such-device"}},
    {VERB_verify, 0, {"verify", "layernorm_fwd", "fill", CPU}},
    {VERB_verify, 2, {"verify", "layernrm_fwd", CPU}},
    // bench itself: every test of it runs a program that counts
    {VERB_bench, 0, {"bench", "--performance", "speed"}},
    {VERB_bench, 1, {"bench", "--performance", "no-such-folder"}},
    {VERB_bench, 1, {"bench", "--against", HARNESS_SOURCE_DIR "/README.md"}},
    {VERB_regress, 1, {"regress", SUITE}},
    {VERB_regress, 0, {"regress", SUITE, "--update"}},
    {VERB_regress, 0, {"regress", SUITE, "--json"}},
    {VERB_help, 0, {"help"}},
    {VERB_help, 0, {"help", "run"}},
    {VERB_help, 2, {"help", "rnu"}},
};

static const char suite_text[] =
    "{\"bound\": 1e-4, \"bound_other\": 1e-3, \"seeds\": [1, 2, 3], \"cases\": [{\"name\": \"a\", "
    "\"task\": \"kor_hate\", \"model\": \"tiny\", \"sample\": true, \"steps\": 6, \"batch_size\": "
    "4}]}";

static const char own_text[] = "text,label\n좋아요,a\n\"둘, 둘\",b\n셋,a\n넷,b\n다섯,a\n여섯,b\n";

static const char speed_text[] =
    "{\"schema\": \"harness-throughput-1\", \"harness\": {\"version\": \"1\", \"commit\": \"a\", "
    "\"dirty\": false}, \"command\": \"c\", \"device\": \"cpu\", \"torch_device\": \"cpu\", "
    "\"machine\": \"m\", \"versions\": {}, \"note\": \"\", \"measured\": []}";

static bool holds(const char *bytes, size_t count, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= count; i++) {
        if (!memcmp(bytes + i, text, n)) return true;
    }
    return false;
}

Test(live_blocks, none_after_any_verb, .timeout = 600) {
    static const char *const names[] = {
#define VERB(name, arguments, summary, example) [VERB_##name] = #name,
#include "cli/verbs.def"
#undef VERB
    };
    enum { COUNT = sizeof names / sizeof *names };
    bool good[COUNT] = {0}, bad[COUNT] = {0};
    void *program = NULL;
    size_t bytes;
    forget_data();
    MUST(file_read(&program, &bytes, HARNESS_PROGRAM, 0));
    cr_assert(holds(program, bytes, "blocks of memory were not freed"), "this program counts none");
    mem_free(program);
    MUST(file_write(temporary_path("suite.json"), suite_text, strlen(suite_text)));
    MUST(file_write(temporary_path("own.csv"), own_text, sizeof own_text - 1));
    MUST(folder_make(temporary_path("speed")));
    MUST(file_write(temporary_path("speed/a.json"), speed_text, sizeof speed_text - 1));
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        const use *u = &uses[i];
        program_result r = program_run(NULL, 120, u->arguments);
        cr_expect_null(strstr(r.err, "were not freed"), "use %zu, %s: %s", i, names[u->verb],
                       r.err);
        cr_expect_eq(r.exit_code, u->exit_code, "use %zu, %s: exit code %d, expected %d\n%s", i,
                     names[u->verb], r.exit_code, u->exit_code, r.err);
        *(u->exit_code ? &bad[u->verb] : &good[u->verb]) = true;
    }
    for (size_t v = 0; v < COUNT; v++) {
        cr_expect(good[v] && bad[v], "'%s' needs a use that ends well and one that does not",
                  names[v]);
    }
}
#endif
