/* What may be removed and replaced: only what carries the program's mark. */
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/marker.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(const char *name) {
    return access(temporary_path(name), F_OK) == 0;
}

CleanTest(marker, only_what_is_marked_is_removed) {
    MUST(folder_make(temporary_path("theirs/checkpoint-500")));
    temporary_put("theirs/checkpoint-500/model.safetensors", "x");
    temporary_put("theirs/checkpoint-500/trainer_state.json",
                  "{\"global_step\": 500, \"max_steps\": 500}");
    temporary_put("theirs/harness.json", "{\"made_by\": \"someone\"}");
    temporary_put("theirs/file", "x");
    MUST_FAIL(marker_remove(temporary_path("theirs/checkpoint-500")), ERR_DATA,
              "checkpoint-500: this program did not make it");
    MUST_FAIL(marker_remove(temporary_path("theirs")), ERR_DATA, "did not make it");
    MUST_FAIL(marker_remove(temporary_path("theirs/file")), ERR_DATA, "did not make it");
    cr_assert(has("theirs/checkpoint-500/model.safetensors"));
    const char *ours = temporary_path("ours");
    MUST(marker_make(ours, "1", "tiny-task"));
    temporary_put("ours/vocab.txt", "x");
    // a link to what is ours is not ours
    cr_assert_eq(symlink(ours, temporary_path("link")), 0);
    MUST_FAIL(marker_remove(temporary_path("link")), ERR_DATA, "did not make it");
    cr_assert(has("ours/vocab.txt"));
    MUST(marker_remove(ours));
    cr_assert(!has("ours") && has("theirs/checkpoint-500/model.safetensors") && has("theirs/file"));
    MUST(marker_remove(ours)); // absent
    // what a crash leaves at the first moment of a folder
    MUST(folder_make(temporary_path("empty")));
    MUST(marker_remove(temporary_path("empty")));
    MUST(folder_make(temporary_path("begun")));
    temporary_put("begun/harness.json", "");
    MUST(marker_remove(temporary_path("begun")));
    cr_assert(!has("begun") && !has("empty"));
}

CleanTest(marker, files_of_others_stay_in_folders_of_ours) {
    static const char sums[] = "0  config.json\n0  notes.txt\n"; // as sha256sum * writes them
    log_set_quiet(true);
    const char *ours = temporary_path("best"), *fresh = temporary_path("partial-best");
    char *name = NULL;
    MUST(marker_make(ours, "1", "tiny-task"));
    temporary_put("best/vocab.txt", "x");
    temporary_put("best/.harness-0123456789abcdef.tmp", "x");
    temporary_put("best/SHA256SUMS", sums);
    MUST(marker_stranger(&name, ours));
    cr_assert_null(name);
    temporary_put("best/notes.txt", "mine");
    MUST(folder_make(temporary_path("best/plots")));
    temporary_put("best/plots/a", "mine");
    MUST(marker_stranger(&name, ours));
    cr_assert_str_eq(name, "notes.txt");
    mem_free(name);
    MUST(marker_remove(ours));
    cr_assert(has("best/notes.txt") && has("best/vocab.txt") && has("best/harness.json"));
    // replaced by a whole one, they stay where they are
    MUST(marker_make(fresh, "1", "tiny-task"));
    temporary_put("partial-best/config.json", "new");
    MUST(marker_replace(fresh, ours));
    cr_assert(has("best/notes.txt") && has("best/plots/a") && has("best/config.json"));
    cr_assert(!has("best/vocab.txt") && !has("partial-best"));
}

/* A name of ours says nothing of what is no regular file. */
CleanTest(marker, folders_and_links_of_our_names_stay) {
    log_set_quiet(true);
    const char *ours = temporary_path("best"), *fresh = temporary_path("partial-best");
    MUST(marker_make(ours, "1", "tiny-task"));
    temporary_put("theirs.txt", "mine");
    MUST(folder_make(temporary_path("best/README.md")));
    temporary_put("best/README.md/thesis.tex", "mine");
    temporary_put("best/README.md.1", "mine too");
    cr_assert_eq(symlink("../theirs.txt", temporary_path("best/vocab.txt")), 0);
    MUST(folder_make(temporary_path("best/.harness-0123456789abcdef.tmp")));
    MUST(marker_remove(ours));
    cr_assert(has("best/README.md/thesis.tex") && has("best/vocab.txt") &&
              has("best/harness.json"));
    cr_assert(has("best/.harness-0123456789abcdef.tmp"));
    MUST(marker_make(fresh, "1", "tiny-task"));
    temporary_put("partial-best/README.md", "new");
    temporary_put("partial-best/vocab.txt", "new");
    MUST(marker_replace(fresh, ours));
    cr_assert(has("best/README.md.2/thesis.tex") && has("best/README.md.1"));
    char *path = NULL;
    MUST(path_join(&path, ours, "README.md"));
    cr_assert(file_exists(path) && !has("best/README.md.1/thesis.tex"));
    mem_free(path);
    struct stat st;
    cr_assert(!lstat(temporary_path("best/vocab.txt"), &st) && S_ISREG(st.st_mode));
    cr_assert(!lstat(temporary_path("best/vocab.txt.1"), &st) && S_ISLNK(st.st_mode));
    cr_assert(!has("partial-best"));
}

/* A stranger is in the old folder or in the new one, whichever request for memory fails, and the error is that of
 * the memory. */
CleanTest(marker, strangers_outlast_want_of_memory) {
    log_set_quiet(true);
    err e = ERR_MEMORY;
    for (uint64_t n = 1; e; n++) {
        const char *ours = temporary_path("best"), *fresh = temporary_path("partial-best");
        MUST(marker_make(ours, "1", "tiny-task"));
        temporary_put("best/notes.txt", "mine");
        MUST(marker_make(fresh, "1", "tiny-task"));
        mem_fail_at(n);
        e = marker_replace(fresh, ours);
        mem_fail_at(0);
        cr_expect(!e || e == ERR_MEMORY, "request %d: %s", (int)n, err_message(e));
        cr_expect(has("best/notes.txt") || has("partial-best/notes.txt"), "request %d", (int)n);
        MUST(folder_remove(ours));
        MUST(folder_remove(fresh));
    }
}

Test(marker, folders_of_older_programs_are_known) {
    static const char sums[] = "0  config.json\n0  model.safetensors\n0  vocab.txt\n";
    static const char record[] = "{\"harness\": {\"version\": \"0.1.0\", \"numerics_version\": 2},"
                                 "\"model\": {\"name\": \"tiny\"}, \"task\": {\"name\": \"nsmc\"}}";
    bool ours = false;
    char *name = NULL;
    MUST(folder_make(temporary_path("run/model")));
    temporary_put("run/model/config.json", "{}");
    temporary_put("run/model/SHA256SUMS", sums);
    MUST(marker_is_ours(&ours, temporary_path("run/model")));
    cr_assert(!ours, "sums alone prove nothing");
    temporary_put("run/record.json", "{\"accuracy\": 1}");
    MUST(marker_is_ours(&ours, temporary_path("run/model")));
    cr_assert(!ours, "nor does another program's record");
    temporary_put("run/record.json", record);
    MUST(marker_is_ours(&ours, temporary_path("run/model")));
    cr_assert(ours);
    MUST(marker_model_name(&name, temporary_path("run/model")));
    cr_assert_str_eq(name, "tiny-nsmc");
    mem_free(name);
    // a name counts as a whole, and each of the three
    static const char *const others[] = {
        "0  config.json\n0  model.safetensors.index.json\n0  vocab.txt\n",
        "0  config.json\n0  model.safetensors\n0  old-vocab.txt\n",
        "0  config.json\n0  vocab.txt\n", "0  trainer_state.json\n"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        temporary_put("run/model/SHA256SUMS", others[i]);
        MUST(marker_is_ours(&ours, temporary_path("run/model")));
        cr_expect(!ours, "%zu", i);
    }
    temporary_put("run/model/SHA256SUMS", sums);
    temporary_put("run/record.json",
                  "{\"harness\": {\"version\": \"0.1.0\", \"numerics_version\": 2},"
                  "\"model\": {\"name\": \"tiny\"}, \"task\": {\"name\": \"a\\u001b\"}}");
    MUST(marker_model_name(&name, temporary_path("run/model")));
    cr_expect_null(name, "a control in the task's name");
    MUST(folder_make(temporary_path("run/checkpoint-3")));
    temporary_put("run/checkpoint-3/trainer_state.json", "{\"run\": \"1-2\", \"identity\": {}}");
    MUST(marker_is_ours(&ours, temporary_path("run/checkpoint-3")));
    cr_assert(ours);
}

Test(marker, a_name_is_kept_unless_a_control_is_in_it) {
    static char most[201], more[202]; // a name has 200 bytes at most
    memset(most, 'a', 200);
    memset(more, 'a', 201);
    const struct {
        const char *model;
        bool fits;
    } cases[] = {{most, true},        {more, false},      {"", false},
                 {"tiny-task", true}, {"my model", true}, {"모델 1", true},
                 {"a\x1b[1m", false}, {"a\nb", false},    {"a\x7f", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = NULL;
        MUST(marker_make(temporary_path("model"), "1", cases[i].model));
        MUST(marker_model_name(&name, temporary_path("model")));
        if (cases[i].fits)
            cr_assert(name && !strcmp(name, cases[i].model), "%zu: %s", i, name ? name : "none");
        else
            cr_assert_null(name, "%zu", i);
        mem_free(name);
        MUST(marker_remove(temporary_path("model")));
    }
}

static void make_model(const char *folder, const char *text) {
    char path[300];
    MUST(marker_make(temporary_path(folder), "1", "tiny-task"));
    snprintf(path, sizeof path, "%s/config.json", folder);
    temporary_put(path, text);
}

static void expect_weights(const char *path, const char *expected) {
    char *text = NULL;
    size_t count = 0;
    MUST(file_read((void **)&text, &count, temporary_path(path), 0));
    cr_assert_str_eq(text, expected);
    mem_free(text);
}

Test(marker, a_folder_is_replaced_by_a_whole_one) {
    make_model("partial-model", "first");
    MUST(marker_replace(temporary_path("partial-model"), temporary_path("model")));
    expect_weights("model/config.json", "first");
    make_model("partial-model", "second");
    MUST(marker_replace(temporary_path("partial-model"), temporary_path("model")));
    expect_weights("model/config.json", "second");
    cr_assert(!has("partial-model"));
    // what is not ours stays, and so does what was to replace it
    MUST(folder_make(temporary_path("best")));
    temporary_put("best/config.json", "theirs");
    make_model("partial-best", "ours");
    MUST_FAIL(marker_replace(temporary_path("partial-best"), temporary_path("best")), ERR_DATA,
              "best: this program did not make it");
    expect_weights("best/config.json", "theirs");
    expect_weights("partial-best/config.json", "ours");
    // a crash between the two renames of a file system without exchange
    cr_assert_eq(rename(temporary_path("model"), temporary_path("old-model")), 0);
    MUST(marker_recover(temporary_path("model")));
    expect_weights("model/config.json", "second");
    // and one after both of them
    make_model("old-model", "old");
    MUST(marker_recover(temporary_path("model")));
    expect_weights("model/config.json", "second");
    cr_assert(!has("old-model"));
}
