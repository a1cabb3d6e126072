/* What the verbs that read data print, whole: of the bundled samples, which change with a version. */
#include "base/json.h"
#include "base/memory.h"
#include "support/expected.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

static void setup(void) {
    json_setup();
}

static void teardown(void) {
    temporary_remove();
}

TestSuite(verb_output, .init = setup, .fini = teardown);

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
    program_free(&p);
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
