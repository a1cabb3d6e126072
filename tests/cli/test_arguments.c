/* What is typed wrong is refused at once and by name, and leaves nothing behind; every flag that a
 * verb takes is read by it. */
#include "base/memory.h"
#include "cli/options.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "train/recipe/recipe.h"

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

static void refused(const char *const *arguments, int code, const char *message) {
    program_result r = program_run(NULL, 60, arguments);
    cr_expect_eq(r.exit_code, code, "%s: exit code %d: %s", message, r.exit_code, r.err);
    cr_expect_not_null(strstr(r.err, message), "no '%s' in: %s", message, r.err);
    cr_expect_null(strstr(r.err, "http"), "asked the hub: %s", r.err);
}

Test(arguments, sides_have_names_and_lengths_have_room) {
    static const char *const sides[] = {",", "a,", ",a", "a,,b", ""};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        refused((const char *const[]){"compare", sides[i], sides[i], NULL}, 2,
                "the name of a record, run or device is empty");
    static const char *const verbs[] = {"run", "eval", "predict"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        refused((const char *const[]){verbs[i], "--max-length", "1", NULL}, 2,
                "--max-length expects at least 2, for [CLS] and [SEP], found '1'");
        refused((const char *const[]){verbs[i], "--max-length", "0", NULL}, 2, "found '0'");
    }
}

/* Of what is counted from 1, none is no count, and not as if the flag were absent. */
Test(arguments, none_is_no_count) {
    static const char *const uses[][2] = {
        {"run", "--ranks"},       {"eval", "--ranks"},
        {"run", "--shards"},      {"run", "--limit"},
        {"predict", "--top-k"},   {"fill-mask", "--top-k"},
        {"pretrain", "--shards"}, {"pretrain", "--tokens-per-batch"},
        {"errors", "--limit"},    {"data", "--limit"}};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        char message[100];
        snprintf(message, sizeof message,
                 "%s expects a whole number from 1 to 4294967295, found '0'", uses[i][1]);
        refused((const char *const[]){uses[i][0], uses[i][1], "0", NULL}, 2, message);
    }
}

/* Names of folders that are none, also where nothing would have been read from them. */
Test(arguments, what_is_no_folder_is_refused_by_name) {
    static const char *const things[] = {"fifo", "file", "/dev/null", "link"};
    cr_assert_eq(mkfifo(temporary_path("fifo"), 0600), 0);
    MUST(file_write(temporary_path("file"), "x", 1));
    cr_assert_eq(symlink("nowhere", temporary_path("link")), 0);
    for (size_t i = 0; i < 4; i++) {
        static const char *const uses[][8] = {
            {"tasks", "--task-dir"},
            {"tasks", "check", "--task-dir"},
            {"report", "--task-dir"},
            {"report", "--results"},
            {"report", "--output-dir"},
            {"predict", "x", "--task-dir"},
            {"predict", "x", "--checkpoint"},
            {"data", "head", "kor_hate", "--sample", "--task-dir"},
            {"data", "head", "kor_hate", "--sample", "--data"},
            {"run", "--task", "kor_hate", "--sample", "--results"},
            {"run", "--task", "kor_hate", "--sample", "--output-dir"},
            {"regress", "--baselines"},
        };
        for (size_t u = 0; u < sizeof uses / sizeof *uses; u++) {
            const char *list[10] = {0};
            char message[64];
            size_t n = 0;
            for (; uses[u][n]; n++) list[n] = uses[u][n];
            snprintf(message, sizeof message, "%s %s: not a folder", list[n - 1], things[i]);
            list[n] = things[i];
            refused(list, 1, message);
        }
        char message[64];
        snprintf(message, sizeof message, "%s: not a folder; a model is a folder", things[i]);
        refused((const char *const[]){"run", "--task", "kor_hate", "--model", things[i], NULL}, 2,
                message);
        refused((const char *const[]){"bench", "--sample", "--model", things[i], NULL}, 2, message);
        snprintf(message, sizeof message, "%s: not a folder (harness runs", things[i]);
        refused((const char *const[]){"runs", things[i], NULL}, 2, message);
    }
    refused((const char *const[]){"run", "--task", "kor_hate", "--recipe", "fifo", NULL}, 2,
            "recipe 'fifo': is a FIFO, a file was expected\n");
    refused((const char *const[]){"tokenize", "--model", "fifo", "x", NULL}, 1, "fifo");
    refused((const char *const[]){"tasks", "--task-dir", "absent", NULL}, 1,
            "--task-dir absent: no such folder");
}

Test(arguments, a_mistyped_model_is_refused_without_asking_the_hub) {
    static const struct {
        const char *typed, *message;
    } names[] = {
        {"tinny", "unknown model 'tinny'; did you mean 'tiny'?"},
        {"kcbert", "unknown model 'kcbert': neither a preset (tiny,"},
        {"my-modle", "unknown model 'my-modle'; did you mean 'my-model'?"},
        {"tiny,bsae", "unknown model 'bsae'; did you mean 'base'?"},
        {"a/b/c", "unknown model 'a/b/c': neither a preset"},
        {"runs/kor_hate/tiny", "unknown model 'runs/kor_hate/tiny': neither a preset"},
    };
    MUST(folder_make(temporary_path("my-model")));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *name = names[i].typed, *message = names[i].message;
        refused((const char *const[]){"run", "--task", "kor_hate", "--sample", "--model", name,
                                      "--device", DEVICE, NULL},
                2, message);
        if (strchr(name, ',')) continue;
        refused((const char *const[]){"bench", "--sample", "--model", name, NULL}, 2, message);
        refused((const char *const[]){"compare", DEVICE, DEVICE, "--model", name, NULL}, 2,
                message);
        refused((const char *const[]){"predict", "--model", name, "x", NULL}, 2, message);
        refused((const char *const[]){"eval", "--model", name, NULL}, 2, message);
        if (strcmp(name, "tinny") != 0)
            refused((const char *const[]){"tokenize", "--model", name, "x", NULL}, 2, message);
    }
    // these may be the hub's
    static const char taken[] =
        "harness: no folder org/model here: taken as a name of the hub: model",
                      noted[] = "no folder org/model here: taken as a name of the hub\n";
    static const char *const hub[] = {"org/model", "bert-base-uncased", "distilbert-base@main"};
    for (size_t i = 0; i < 3; i++) {
        program_result r = RUN("tokenize", "--model", hub[i], "x", "--offline");
        cr_expect_eq(r.exit_code, 1, "%s", r.err);
        cr_expect_null(strstr(r.err, "unknown model"), "%s", r.err);
        cr_expect_eq(!strncmp(r.err, taken, strlen(taken)), i == 0, "%s", r.err);
    }
    // a folder's name with a slip in it: said before a download begins, and with its fault
    MUST(folder_make(temporary_path("org")));
    program_result r = RUN("tokenize", "--model", "org/model", "x", "--offline");
    const char *note = strstr(r.err, noted);
    cr_expect(note && strstr(note + 1, taken), "%s", r.err);
    // those below `runs` are the program's own; a revision makes the name the hub's
    MUST(folder_make(temporary_path("runs")));
    refused((const char *const[]){"tokenize", "--model", "runs/model", "x", "--offline", NULL}, 2,
            "runs/model: no such folder (of the hub: runs/model@main)");
    refused((const char *const[]){"eval", "--model", "runs/model", "--offline", NULL}, 2,
            "runs/model: no such folder");
    refused((const char *const[]){"predict", "--model", "./none", "x", NULL}, 2,
            "./none: no such folder\n");
    r = RUN("tokenize", "--model", "runs/model@main", "x", "--offline");
    cr_expect(strstr(r.err, "taken as a name of the hub"), "%s", r.err);
}

/* --model of what scores: as of every verb, but only what has a classifier. */
Test(arguments, models_that_score) {
    static const struct {
        const char *list[8];
        int code;
        const char *message;
    } cases[] = {
        {{"predict", "--model", "tiny", "x"}, 1, "preset 'tiny' has no classifier before it is"},
        {{"predict", "--model", "ko-tiny", "x"}, 1, "model 'ko-tiny' has no classifier before it"},
        {{"eval", "--model", "ko-mini", "--task", "kor_hate", "--sample"},
         1,
         "model 'ko-mini' has no classifier before it is fine-tuned: `harness run --task T "
         "--model ko-mini` makes one, in the folder of its run"},
        {{"predict", "--model", "a", "--checkpoint", ".", "x"},
         2,
         "--model and --checkpoint exclude each other"},
        {{"eval", "--model", ".", "-c", "."}, 2, "--model and --checkpoint exclude each other"},
        {{"eval", "--record", "r", "--model", "a"}, 2, "--model and --record exclude each other"},
        {{"eval", "--record", "many"},
         1,
         "many is not a run's folder; the run below it is many/one"},
        {{"predict", "--model", "bare", "x"}, 1, "bare: no model folder: no config.json in it"},
        // of the hub: nothing is asked for before the task is known
        {{"eval", "--model", "org/model"}, 2, "org/model: no record beside the model says which"},
        {{"predict", "--model", "org/model", "--offline", "x"}, 1, "taken as a name of the hub"},
        {{"predict", "--revision", "v1", "x"}, 2, "--revision needs --model NAME"},
    };
    MUST(folder_make(temporary_path("many/one/model")));
    MUST(folder_make(temporary_path("many/checkpoint-3/model"))); // no run, an unfinished one's
    temporary_put("many/one/model/config.json", "{}");            // part of that run
    MUST(folder_make(temporary_path("bare")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].list, cases[i].code, cases[i].message);
}

static void expect_no_folder(const char *name) {
    cr_expect_not(file_named(temporary_path(name)), "%s was made", name);
}

Test(arguments, what_fails_leaves_no_folder) {
    // whole runs: their record would go to the folder of results
    refused((const char *const[]){"run", "--task", "kor_hate", "--data", "absent", "--offline",
                                  "--device", DEVICE, NULL},
            1, "");
    refused((const char *const[]){"run", "--task", "kor_hate", "--data", "absent", "--offline",
                                  "--device", DEVICE, "--results", "a/b", "-o", "c/d", NULL},
            1, "");
    refused((const char *const[]){"report", "--results", "typo", NULL}, 1, "typo: no such folder");
    refused((const char *const[]){"report", "-o", "board", NULL}, 1, "results: no such folder");
    static const char *const made[] = {"results", "runs", "a", "c", "typo", "board", "absent"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) expect_no_folder(made[i]);
}

static char *source_of(const char *kind, const char *name) {
    char path[400];
    void *text = NULL;
    size_t count;
    snprintf(path, sizeof path, HARNESS_SOURCE_DIR "/harness/cli/%s%s.c", kind, name);
    // a header that several files share has no file of its name
    if (!file_exists(path)) path[strlen(path) - 1] = 'h';
    MUST(file_read(&text, &count, path, 0));
    return text;
}

static bool reads(const char *text, const char *field) {
    char plain[80], given[80];
    snprintf(plain, sizeof plain, "->%s", field);
    snprintf(given, sizeof given, "->has_%s", field);
    for (const char *at = text; (at = strstr(at, plain)); at++) {
        char next = at[strlen(plain)];
        if (next != '_' && !(next >= 'a' && next <= 'z')) return true;
    }
    return strstr(text, given) != NULL;
}

/* run, pretrain and tune take the recipe's by the recipe's own table. */
static bool is_hyperparameter(const char *field) {
    const hyperparameter *h;
    for (size_t i = 0; (h = recipe_row(i)); i++)
        if (!strcmp(h->key, field)) return true;
    return false;
}

/* The file, and those of cli/ that it includes. */
static bool file_reads(const char *kind, const char *name, const char *field) {
    char *text = source_of(kind, name);
    bool found = reads(text, field);
    for (const char *at = text; !found && (at = strstr(at, "#include \"cli/")); at++) {
        char inner[64];
        if (sscanf(at, "#include \"cli/%63[a-z_].h", inner) == 1 && strcmp(inner, name) != 0 &&
            strcmp(inner, "options") != 0)
            found = file_reads("", inner, field);
    }
    mem_free(text);
    return found;
}

static const char *const verb_names[] = {
#define VERB(name, arguments, summary, example) #name,
#include "cli/verbs.def"
#undef VERB
};

/* A list of one more than there is room for. */
Test(arguments, seeds_have_an_end) {
    strbuf seeds = {0};
    for (int i = 0; i < 1000; i++) MUST(strbuf_printf(&seeds, "%s%d", i ? "," : "", i));
    refused((const char *[]){"run", "--task", "none", "--seeds", seeds.text, NULL}, 2,
            "unknown task 'none'");
    MUST(strbuf_add(&seeds, ",1000"));
    refused((const char *[]){"run", "--task", "none", "--seeds", seeds.text, NULL}, 2,
            "--seeds names more than 1000 seeds");
    strbuf_free(&seeds);
}

static const struct {
    const char *field, *name;
} flags[] = {
#define NAMED(field, kind, name, other, letter, argument, verbs, help) {#field, name},
#include "cli/flags.def"
};

Test(arguments, every_flag_of_a_verb_is_read_by_it) {
    // main.c reads these for all
    static const char *const everywhere[] = {"quiet", "json", "revision"};
    size_t seen = 0;
    for (size_t v = 0; v < VERB_COUNT; v++) {
        for (size_t f = 0; f < sizeof flags / sizeof *flags; f++) {
            bool is_mains = false;
            for (size_t i = 0; i < 3; i++) is_mains |= !strcmp(flags[f].field, everywhere[i]);
            if (is_mains || !options_takes((verb_id)v, flags[f].name)) continue;
            if ((v == VERB_run || v == VERB_pretrain || v == VERB_tune) &&
                is_hyperparameter(flags[f].field))
                continue;
            if (!strncmp(flags[f].field, "tune_", 5)) continue; // the same names, for tune
            seen++;
            cr_expect(file_reads("verb_", verb_names[v], flags[f].field),
                      "`harness %s` takes --%s and does nothing with it", verb_names[v],
                      flags[f].name);
        }
    }
    cr_expect_gt(seen, 80);
}

/* What users of other programs type first: each word's table is read to its end. */
Test(arguments, words_of_other_programs) {
    static const struct {
        const char *list[4], *message;
    } cases[] = {
        {{"train"}, "unknown verb 'train'; did you mean 'run'?"},
        {{"Fine_Tune"}, "unknown verb 'Fine_Tune'; did you mean 'run'?"},
        {{"finetune"}, "unknown verb 'finetune'; did you mean 'run'?"},
        {{"evaluate"}, "did you mean 'eval'?"},
        {{"test"}, "did you mean 'eval'?"},
        {{"infer"}, "did you mean 'predict'?"},
        {{"download"}, "did you mean 'data fetch'?"},
        {{"list"}, "did you mean 'tasks'?"},
        {{"doctor"}, "did you mean 'env'?"},
        {{"help", "train"}, "unknown verb 'train'; did you mean 'run'?"},
        {{"run", "--fp16"},
         "unknown flag '--fp16' for `harness run`; --precision fp16 does that (`harness run"},
        {{"eval", "--bf16"}, "--precision bf16 does that"},
        {{"run", "--do_train"}, "; not needed: this verb always trains ("},
        {{"pretrain", "--do-eval"}, "; not needed: what was trained is scored at the end ("},
        {{"run", "--task_name", "nsmc"}, "; --task does that ("},
        {{"run", "--model_name_or_path=klue/bert-base"}, "; --model does that ("},
        {{"eval", "--model_name_or_path", "x"}, "; --model does that ("},
        {{"run", "--overwrite_output_dir"}, "; --overwrite does that ("},
        {{"run", "--max_seq_length=128"}, "; --max-length does that ("},
        {{"run", "--push_to_hub"}, "; not here: the model folder"},
        // only what the verb takes
        {{"tasks", "--fp16"}, "unknown flag '--fp16' for `harness tasks` ("},
        {{"eval", "--do_train"}, "unknown flag '--do_train' for `harness eval` ("},
        // nothing but the word
        {{"run", "--fp1"}, "unknown flag '--fp1' for `harness run` ("},
        {{"run", "--fp166"}, "unknown flag '--fp166' for `harness run` ("},
        {{"run", "--learning_rate=1"}, "; did you mean --learning-rate? ("},
        {{"run", "-Z"}, "unknown flag '-Z' for `harness run` ("},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].list, 2, cases[i].message);
}

/* What the tables name is here. */
Test(arguments, words_that_the_hints_name) {
    static const char *const ours[] = {
#define VERB_ELSEWHERE(theirs, ours) ours,
#define FLAG_ELSEWHERE(theirs, ours, words)
#define NEEDLESS(theirs, words)
#include "cli/elsewhere.def"
    };
    static const struct {
        const char *theirs, *ours, *words;
    } hints[] = {
#define VERB_ELSEWHERE(theirs, ours)
#define FLAG_ELSEWHERE(theirs, ours, words) {theirs, ours, words},
#define NEEDLESS(theirs, words) {theirs, NULL, words},
#include "cli/elsewhere.def"
    };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        char word[32];
        verb_id verb;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(ours[i], " "), ours[i]);
        MUST(options_verb(&verb, word));
    }
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        bool taken = !hints[i].ours;
        for (size_t v = 0; v < VERB_COUNT; v++) {
            // said of a flag that others have, the hint is of those verbs alone that lack it
            bool said = !hints[i].ours || options_takes((verb_id)v, hints[i].ours);
            cr_expect(!said || !options_takes((verb_id)v, hints[i].theirs), "--%s is a flag here",
                      hints[i].theirs);
            taken = taken || options_takes((verb_id)v, hints[i].ours);
        }
        cr_expect(taken, "--%s, which is no flag: %s", hints[i].ours, hints[i].words);
        for (const char *at = hints[i].words; (at = strstr(at, "--")); at += 2) {
            char flag[40];
            snprintf(flag, sizeof flag, "%.*s", (int)strcspn(at + 2, " `,;."), at + 2);
            taken = false;
            for (size_t v = 0; v < VERB_COUNT; v++)
                taken = taken || options_takes((verb_id)v, flag);
            cr_expect(taken, "--%s, which is no flag: %s", flag, hints[i].words);
        }
    }
}
