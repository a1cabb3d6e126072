/* What a stranger, or a slip, puts where a path is expected: devices, FIFOs, links that lead
 * nowhere or to themselves, names too long, folders that may not be read. Every flag whose argument
 * is a file, folder or model, as the program's own table of flags has it, and every variable of
 * environment.def: one error that names it or what it was given, at once, and nothing is left. */
#define _GNU_SOURCE
#include "base/memory.h"
#include "cli/options.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/child.h"
#include "support/fake_record.h"
#include "support/limits.h"
#include "support/model_folder.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if HARNESS_CPU
#define DEVICE "cpu"
#else
#define DEVICE "reference"
#endif

enum { WORDS = 16, LONG_NAME = 5000 };

static char long_name[LONG_NAME + 1];

static const char *const places[] = {"/dev/zero",      "fifo",        "file",   "nowhere", "loop",
                                     "/proc/self/mem", "locked/file", "locked", long_name, ""};
enum { PLACES = sizeof places / sizeof *places };

/* What stands before the flag, so that it is read: of a verb and flag, or of all other flags of the
 * verb; a flag that is tried again stands there once. Verbs without a line take the flag alone. */
static const struct use {
    const char *verb, *flag, *words[WORDS];
} uses[] = {
    {"tasks", "task-dir", {"check"}},
    {"tasks", NULL, {"new", "--train-file", "own.csv", "--test-file", "other.csv"}},
    {"data", "data", {"stats", "kor_hate", "--offline"}},
    {"data", "train-file", {"stats"}},
    {"data", "test-file", {"stats", "--train-file", "own.csv"}},
    {"data", "validation-file", {"stats", "--train-file", "own.csv", "--test-file", "other.csv"}},
    {"data", NULL, {"stats", "kor_hate", "--sample"}},
    {"corpus", NULL, {"stats", "nsmc_raw", "--offline"}},
    {"corpus", "model", {"stats", "./own.csv"}},
    {"tokenize", NULL, {"x"}},
    {"run",
     NULL,
     {"--task", "kor_hate", "--sample", "--max-steps", "1", "--model", "m", "--device", DEVICE}},
    {"run", "results", {"--task", "kor_hate", "--sample", "--dry-run", "--model", "m"}},
    {"run", "data", {"--task", "kor_hate", "--offline", "--model", "m", "--device", DEVICE}},
    {"run", "train-file", {"--model", "m", "--device", DEVICE}},
    {"run", "test-file", {"--train-file", "own.csv", "--model", "m", "--device", DEVICE}},
    {"run",
     "validation-file",
     {"--train-file", "own.csv", "--test-file", "other.csv", "--protocol", "dev", "--model", "m",
      "--device", DEVICE}},
    {"tune",
     NULL,
     {"--task", "kor_hate", "--sample", "--max-steps", "1", "--lr", "1e-4,2e-4", "--model", "m",
      "--device", DEVICE}},
    {"tune", "data", {"--task", "kor_hate", "--offline", "--lr", "1e-4,2e-4", "--model", "m"}},
    {"tune", "train-file", {"--lr", "1e-4,2e-4", "--model", "m"}},
    {"tune", "test-file", {"--train-file", "own.csv", "--lr", "1e-4,2e-4", "--model", "m"}},
    {"tune",
     "validation-file",
     {"--train-file", "own.csv", "--test-file", "other.csv", "--lr", "1e-4,2e-4", "--model", "m"}},
    {"pretrain", NULL, {"--corpus", "./text", "--model", "tiny", "--max-steps", "1"}},
    {"eval", NULL, {"--task", "kor_hate", "--sample", "-c", "m", "--device", DEVICE}},
    {"eval", "data", {"--task", "kor_hate", "--offline", "-c", "m", "--device", DEVICE}},
    {"eval", "train-file", {"-c", "m"}},
    {"eval", "test-file", {"--train-file", "own.csv", "-c", "m"}},
    {"eval", "record", {NULL}},
    {"eval", "validation-file", {"--train-file", "own.csv", "--test-file", "other.csv", "-c", "m"}},
    {"predict",
     NULL,
     {"-c", "m", "--device", DEVICE, "--input", "own.csv", "--text-column", "text"}},
    {"predict", "task-dir", {"-c", "m", "--device", DEVICE, "x"}},
    {"fill-mask", NULL, {"x [MASK]"}},
    {"errors", NULL, {"run", "--device", DEVICE}},
    {"compare", NULL, {DEVICE, DEVICE, "--max-steps", "1"}},
    {"results", NULL, {"check"}},
    {"bench", NULL, {"--model", "m", "--sample", "--max-steps", "1", "--device", DEVICE}},
    {"regress", NULL, {"--device", DEVICE}},
};

/* Verbs that open nothing of the flag: of another, or where something else is asked for. */
static bool is_unread(const char *verb, const char *flag) {
    return !strcmp(verb, "tune") &&
           (!strcmp(flag, "test-file") || !strcmp(flag, "validation-file"));
}

static child_setup limited(void) {
    child_setup setup = {
        .cpu_seconds = HOSTILE_SECONDS, .address_bytes = HOSTILE_BYTES, .unprivileged = true};
#ifdef __SANITIZE_ADDRESS__
    setup.cpu_seconds = setup.address_bytes = 0;
#endif
    return setup;
}

static void put(const char *name, const char *text) {
    MUST(file_write_quick(temporary_path(name), text, strlen(text)));
}

/* The tree without what the test itself makes of output: names, sizes. */
static void list_tree(strbuf *out, const char *folder, const char *below) {
    folder_list list = {0};
    if (folder_list_read(&list, folder)) { // locked
        err_clear();
        return;
    }
    err e = ERR_OK;
    while (folder_next(&list, &e)) {
        struct stat st;
        if (!strncmp(list.name, ".child-", 7) || lstat(list.path, &st)) continue;
        MUST(strbuf_printf(out, "%s/%s %lld %lo\n", below, list.name,
                           S_ISDIR(st.st_mode) ? 0 : (long long)st.st_size,
                           (unsigned long)st.st_mode));
        if (S_ISDIR(st.st_mode)) list_tree(out, list.path, list.name);
    }
    MUST(e);
    folder_list_free(&list);
}

static char *tree(void) {
    strbuf out = {0};
    list_tree(&out, temporary_folder(), "");
    return out.text;
}

static void setup(void) {
    static const char *const labels[] = {"hate", "offensive", "none"};
    static const char rows[] = "text,label\none,a\ntwo,b\nthree,a\nfour,b\nfive,a\nsix,b\n";
    memset(long_name, 'n', LONG_NAME);
    setenv("HF_HUB_OFFLINE", "1", 1);
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    MUST(folder_make(temporary_path("cache")));
    model_folder_make(temporary_path("m"), labels, 3, NULL);
    put("own.csv", rows);
    put("other.csv", "text,label\nseven,a\neight,b\n");
    put("text", "one\ntwo\nthree\n");
    put("file", "\x01\x02\n");
    cr_assert_eq(mkfifo(temporary_path("fifo"), 0600), 0);
    cr_assert_eq(symlink("none/none", temporary_path("nowhere")), 0);
    cr_assert_eq(symlink("loop", temporary_path("loop")), 0);
    record r;
    fake_record_make(&r, &(fake_record){0});
    MUST(store_write(temporary_path("results"), &r, NULL));
    record_free(&r);
    MUST(folder_make(temporary_path("locked")));
    put("locked/file", rows);
    cr_assert_eq(chmod(temporary_path("locked"), 0), 0);
}

static void teardown(void) {
    chmod(temporary_path("locked"), 0700);
}

TestSuite(hostile_places, .init = setup, .fini = teardown, .timeout = 300);

/* One error, of a documented kind, that names the flag or what was given to it; without a flag's
 * name it may end well, and an error may be of something else. */
static void check_refusal(const program_result *r, const char *what, const char *name,
                          const char *place) {
    bool is_error = r->exit_code == 1 || r->exit_code == 2;
    cr_expect(is_error || (!r->exit_code && !name), "%s: exit code %d\n%s", what, r->exit_code,
              r->err);
    if (!is_error) return;
    const char *line = !strncmp(r->err, "harness: ", 9) ? r->err : strstr(r->err, "\nharness: ");
    cr_expect(line && !strstr(line + 9, "harness: "), "%s: one error is expected:\n%s", what,
              r->err);
    if (!name) return;
    char shown[41];
    snprintf(shown, sizeof shown, "%s", place);
    cr_expect(line && (strstr(line, name) || (*shown && strstr(line, shown))),
              "%s: neither named:\n%s", what, r->err);
    cr_expect_lt(strlen(r->err), 3000, "%s: %zu bytes of messages", what, strlen(r->err));
}

static void try_place(const char *const *words, const char *what, const char *name,
                      const char *place) {
    child_setup setup = limited();
    char *before = tree();
    program_result r = child_run(&setup, 60, words);
    check_refusal(&r, what, name, place);
    char *after = tree();
    cr_expect_str_eq(after, before, "%s: something was left", what);
    mem_free(before);
    mem_free(after);
}

static const struct use *use_of(const char *verb, const char *flag) {
    const struct use *other = NULL;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (strcmp(uses[i].verb, verb) != 0) continue;
        if (uses[i].flag && !strcmp(uses[i].flag, flag)) return &uses[i];
        if (!uses[i].flag) other = &uses[i];
    }
    return other;
}

static bool takes_path(const flag_words *f) {
    return f->argument && (strstr(f->argument, "DIR") || strstr(f->argument, "FILE") ||
                           strstr(f->argument, "PATH") || !strcmp(f->names[0], "model"));
}

static void try_flag(const char *verb, const flag_words *f, const char *place) {
    const struct use *u = use_of(verb, f->names[0]);
    const char *words[WORDS + 4] = {verb};
    char flag[40], what[120];
    size_t n = 1;
    snprintf(flag, sizeof flag, "--%s", f->names[0]);
    for (size_t i = 0; u && i < WORDS && u->words[i]; i++) {
        bool is_again = !strcmp(u->words[i], flag) ||
                        (u->words[i][0] == '-' && u->words[i][1] == f->letter && f->letter);
        if (is_again)
            i++;
        else
            words[n++] = u->words[i];
    }
    words[n] = flag;
    words[n + 1] = place;
    snprintf(what, sizeof what, "%s %s %.30s", verb, flag, place);
    try_place(words, what, f->names[0], place);
}

/* Each flag of a verb meets some of the places, and each place some verb of each flag; all of them
 * with HARNESS_FAULT_ROUNDS. */
Test(hostile_places, of_every_flag) {
    size_t number = 0, tried = 0, step = getenv("HARNESS_FAULT_ROUNDS") ? 1 : 4;
    for (verb_id verb = 0; verb < VERB_COUNT; verb++) {
        flag_words f;
        for (size_t n = 0; options_flag_words(&f, verb, n); n++) {
            if (!takes_path(&f) || is_unread(options_verb_words(verb).word, f.names[0])) continue;
            number++;
            for (size_t p = 0; p < PLACES; p++) {
                // a list of names may be as long
                bool is_list = !strcmp(f.names[0], "model") || strstr(f.argument, "...");
                if ((p + number) % step || (is_list && places[p] == long_name)) continue;
                try_flag(options_verb_words(verb).word, &f, places[p]);
                tried++;
            }
        }
    }
    cr_log_info("%zu flags, %zu tries", number, tried);
    cr_expect_geq(number, 60);
}

/* What reads them: by the beginning of the name, the last row by any other. */
static const struct {
    const char *begin, *words[WORDS];
} readers[] = {
    {"VK_", {"devices"}},
    {"DRI_", {"devices"}},
    {"MESA_", {"devices"}},
    {"HF_", {"tokenize", "--model", "org/model", "x"}},
    {"TRANSFORMERS_", {"tokenize", "--model", "org/model", "x"}},
    {"HUGG", {"tokenize", "--model", "org/model", "x"}},
    {"HARNESS_DATA", {"data", "stats", "kor_hate", "--offline"}},
    {"HARNESS_TASKS", {"tasks"}},
    {"",
     {"run", "--task", "kor_hate", "--sample", "--dry-run", "--model", "m", "--device", DEVICE}},
};

static const char *const *reader_of(const char *name) {
    size_t i = 0;
    while (strncmp(name, readers[i].begin, strlen(readers[i].begin)) != 0) i++;
    return readers[i].words;
}

static void try_variable(const char *name, const char *place) {
    char what[120], *old = getenv(name) ? strdup(getenv(name)) : NULL;
    snprintf(what, sizeof what, "%s=%.30s", name, place);
    setenv(name, place, 1);
    // to be passed over is right for most: what they name is a library's, or a fallback is there
    try_place(reader_of(name), what, NULL, place);
    if (old)
        setenv(name, old, 1);
    else
        unsetenv(name);
    free(old);
}

Test(hostile_places, of_every_variable) {
    static const char *const rows[] = {
#define VARIABLE(names, help) names,
#include "cli/environment.def"
#undef VARIABLE
    };
    size_t number = 0, step = getenv("HARNESS_FAULT_ROUNDS") ? 1 : 4;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = rows[i];
        while (*at) {
            char name[60];
            size_t bytes = strcspn(at, ",");
            snprintf(name, sizeof name, "%.*s", (int)bytes, at);
            for (size_t p = number++ % step; p < PLACES; p += step) try_variable(name, places[p]);
            at += bytes + strspn(at + bytes, ", ");
        }
    }
    cr_expect_geq(number, 40);
}
