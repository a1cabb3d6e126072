/* Messages do not mislead: help knows the tables, and advice names flags that the verb has. */
#include "base/memory.h"
#include "cli/options.h"
#include "data/dataset.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "task/task.h"
#include "train/recipe/recipe.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Help of a verb, each run of white space one blank. */
static char *help_of(const char *verb) {
    program_result r = RUN("help", verb);
    char *text, *to;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    MUST(mem_strdup(&text, r.out));
    to = text;
    for (const char *at = text; *at; at++)
        if (!isspace((unsigned char)*at) || (to > text && to[-1] != ' '))
            *to++ = isspace((unsigned char)*at) ? ' ' : *at;
    *to = '\0';
    return text;
}

typedef struct alias {
    const char *field, *name;
} alias;

static const alias aliases[] = {
#define NAMED(field, kind, name, other, letter, argument, verbs, help) {#field, other},
#include "cli/flags.def"
};

static const struct {
    const char *name;
    verb_id id;
} verbs[] = {
#define VERB(name, arguments, summary, example) {#name, VERB_##name},
#include "cli/verbs.def"
#undef VERB
};
enum { VERBS = sizeof verbs / sizeof *verbs };

Test(messages, help_shows_aliases_and_defaults) {
    char *run = help_of("run");
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        char wanted[80];
        if (!aliases[i].name) continue;
        snprintf(wanted, sizeof wanted, "also --%s", aliases[i].name);
        cr_expect_not_null(strstr(run, wanted), "no '%s'", wanted);
    }
    // of the recipes
    static const char *const defaults[] = {
        "peak learning rate (also --learning-rate; default: 5e-05, of presets their own)",
        "default: 8, of presets 32)",
        "AdamW's epsilon (default: 1e-08)",
        "default: the model's own)",
        "(default: by epochs)",
        "default: ko-mini)",
        "(default: 42)"};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        cr_expect_not_null(strstr(run, defaults[i]), "no '%s' in %s", defaults[i], run);
    mem_free(run);
}

// Trainer's name of a hyperparameter is a flag of `run`, whichever else it has, and docs/running.md
// tells
Test(messages, every_hyperparameter_is_a_flag) {
    const hyperparameter *h;
    char *told;
    size_t count;
    MUST(file_read((void **)&told, &count, HARNESS_SOURCE_DIR "/docs/running.md", 0));
    for (size_t i = 0; (h = recipe_row(i)); i++) {
        char flag[80];
        recipe r;
        recipe_defaults(&r);
        snprintf(flag, sizeof flag, "%s", h->key);
        for (char *at = flag; *at; at++) *at = *at == '_' ? '-' : *at;
        cr_expect(options_takes(VERB_run, flag), "no --%s", flag);
        const char *shown = strstr(told, flag) ? flag : h->key;
        cr_expect_not_null(strstr(told, shown), "docs/running.md says nothing of %s", h->key);
        if (h->kind >= RECIPE_SCHEDULE)
            MUST(recipe_set_text(&r, h->key, h->word));
        else
            MUST(recipe_set_number(&r, h->key, h->value));
    }
    mem_free(told);
}

Test(messages, help_says_what_the_verb_takes) {
    char *eval = help_of("eval"), *compare = help_of("compare"), *report = help_of("report");
    cr_expect_null(strstr(eval, "all"
                                " (default"),
                   "%s", eval);
    cr_expect_null(strstr(eval, "several"), "%s", eval);
    cr_expect_not_null(strstr(eval, "or dev"), "%s", eval);
    cr_expect_null(strstr(compare, "csv"), "%s", compare);
    cr_expect_not_null(strstr(report, "csv"), "%s", report);
    mem_free(eval);
    mem_free(compare);
    mem_free(report);
}

#define RUN_SAYS(code, text, ...)                                                                  \
    do {                                                                                           \
        program_result r = RUN(__VA_ARGS__);                                                       \
        cr_expect_eq(r.exit_code, code, "%d: %s", r.exit_code, r.err);                             \
        cr_expect_not_null(strstr(r.err, text), "no '%s' in: %s", text, r.err);                    \
    } while (0)

Test(messages, one_task_where_one_is_taken) {
    RUN_SAYS(2, "eval scores on one task, found --task all", "eval", "--task", "all");
    RUN_SAYS(2, "compare runs one task, found --task all", "compare", "cpu", "cpu", "--task",
             "all");
    RUN_SAYS(2, "bench takes one task, found --task a,b", "bench", "--task", "a,b");
    RUN_SAYS(2, "--format expects one of md, html, json, found 'csv'", "compare", "a", "b", "-f",
             "csv");
}

Test(messages, bounds_do_not_contradict_the_value) {
    RUN_SAYS(2, "--dropout is 0.9999, expected a number from 0 to 0.999", "run", "--task",
             "kor_hate", "--sample", "--dropout", "0.9999");
    RUN_SAYS(2, "--adam-beta1 is 0.9999995, expected a number from 0 to 0.999999", "run", "--task",
             "kor_hate", "--sample", "--adam-beta1", "0.9999995");
    // in the name that was typed
    RUN_SAYS(2, "--lr is 11, expected a number from 0 to 10", "run", "--task", "kor_hate", "--lr",
             "11");
    RUN_SAYS(2, "--learning-rate is 11, expected", "run", "--task", "kor_hate", "--learning-rate",
             "11");
    RUN_SAYS(2, "--epochs is 10001, expected a number", "run", "--task", "kor_hate", "--epochs",
             "10001");
    RUN_SAYS(2, "--epochs is 0: there is no step", "run", "--task", "kor_hate", "--sample",
             "--epochs", "0", "--device", "reference");
    RUN_SAYS(2, "--num-train-epochs is 0: there is no step", "run", "--task", "kor_hate",
             "--sample", "--num-train-epochs", "0", "--device", "reference");
    RUN_SAYS(2, "--batch-size is 0, expected a whole", "run", "--task", "kor_hate", "-b", "0");
    RUN_SAYS(2, "--metric-for-best-model (beside loss): unknown metric", "run", "--task",
             "kor_hate", "--protocol", "dev", "--metric-for-best-model", "bleu");
    RUN_SAYS(2, "expects a finite number of at least 0, found 'inf'", "run", "--task", "kor_hate",
             "--lr", "inf");
    RUN_SAYS(2, "--batch-size expects 1 to 4096, found '4097'", "bench", "--task", "kor_hate",
             "--sample", "--batch-size", "4097");
    RUN_SAYS(2, "no precision 'fp8' (known", "bench", "--task", "kor_hate", "--sample",
             "--batch-size", "4096", "--max-steps", "200", "--precision", "fp8");
    RUN_SAYS(2, "--max-steps expects 1 to 200, found '201'", "bench", "--task", "kor_hate",
             "--sample", "--max-steps", "201");
}

static bool lacks_sample(const char *flag) {
    return strcmp(flag, "sample") != 0;
}

/* A verb without the flag is not told to use it. */
Test(messages, advice_is_of_the_verb) {
    task t;
    dataset d = {0};
    dataset_options where = {.data_dir = "/nowhere"};
    cr_expect(options_takes(VERB_run, "sample") && options_takes(VERB_run, "learning-rate"));
    cr_expect_not(options_takes(VERB_regress, "sample"));
    MUST(task_find(&t, "nsmc", NULL));
    MUST_FAIL(dataset_load(&d, &t, &where), ERR_DATA, "--data DIR, or try --sample");
    err_set_flags(lacks_sample);
    MUST_FAIL(dataset_load(&d, &t, &where), ERR_DATA, "name its place with --data DIR");
    cr_expect_null(strstr(err_message(ERR_DATA), "--sample"), "%s", err_message(ERR_DATA));
    dataset_free(&d);
    task_free(&t);
    // the program tells the verb
    RUN_SAYS(1, "no such file; fetch it with", "data", "stats", "nsmc", "--data", "/nowhere");
}

/* The name behind "--" at `at`, "" when it is none. */
static void name_of_flag(char name[64], const char *at) {
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
    while (n && at[n - 1] == '-') n--;
    snprintf(name, 64, "%.*s", (int)(n < 63 ? n : 63), at);
}

static bool is_known(const char *name) {
    if (!strcmp(name, "help") || !strcmp(name, "version")) return true;
    for (size_t v = 0; v < VERBS; v++)
        if (options_takes(verbs[v].id, name)) return true;
    return false;
}

/* Folders whose code more than one verb runs: a flag there is named by err_advice alone, which asks
 * the verb, or within a command. */
static bool is_shared(const char *path) {
    static const char *const folders[] = {"/base/", "/platform/", "/net/",     "/text/", "/task/",
                                          "/data/", "/model/",    "/compute/", "/train/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strstr(path, folders[i])) return true;
    return false;
}

static void check_source(const char *path, size_t *named) {
    void *bytes = NULL;
    size_t count = 0;
    char *text, name[64];
    MUST(file_read(&bytes, &count, path, 0));
    MUST(mem_strndup(&text, bytes, count));
    for (char *at = text; (at = strstr(at, "--")); at += 2) {
        // within a string literal: an odd number of quotes before it in its line, and no comment
        char *line = at, *statement = at;
        size_t quotes = 0;
        while (line > text && line[-1] != '\n') quotes += *--line == '"';
        name_of_flag(name, at + 2);
        if (quotes % 2 == 0 || isalnum((unsigned char)at[-1]) || strlen(name) < 2 ||
            strstr(path, "html_") || !strncmp(line + strspn(line, " "), "//", 2))
            continue;
        ++*named;
        cr_expect(is_known(name), "%s: no verb has --%s", path, name);
        while (statement > text + 2 && strncmp(statement - 2, ";\n", 2) != 0 &&
               strncmp(statement - 2, "{\n", 2) != 0)
            statement--;
        char *advice = strstr(statement, "err_advice("), *command = strstr(statement, "harness ");
        if (is_shared(path))
            cr_expect((advice && advice < at) || (command && command < at) ||
                          (at[-1] == '"' && at[2 + strlen(name)] == '"') ||
                          !strncmp(at + 2 + strlen(name), " '%s'", 5),
                      "%s: --%s is named without err_advice", path, name);
    }
    mem_free(text);
    mem_free(bytes);
}

static void check_folder(const char *folder, size_t *named) {
    folder_list list = {0};
    MUST(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        char *path = NULL;
        size_t n = strlen(list.names[i]);
        MUST(path_join(&path, folder, list.names[i]));
        if (folder_exists(path))
            check_folder(path, named);
        else if (n > 2 && !strcmp(list.names[i] + n - 2, ".c"))
            check_source(path, named);
        mem_free(path);
    }
    folder_list_free(&list);
}

Test(messages, flags_that_are_named_exist) {
    size_t named = 0;
    check_folder(HARNESS_SOURCE_DIR "/harness", &named);
    cr_expect_geq(named, 60);
}
