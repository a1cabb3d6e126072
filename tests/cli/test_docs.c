/* What README.md and docs/ show is run, by a shell, in one folder a document. Blocks of commands
 * behind "<!-- run -->" are run as they stand; all others by tests/cli/diminished: the same verbs and flags
 * on the sample, for two steps, `...` of a path being what is there. What is not run stands in the
 * table below, with the reason; its calls are parsed: the verb is there and takes the flags. */
#include "base/memory.h"
#include "cli/options.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LINE = 4096 };

/* Commands that no test of this suite runs: of a document, those that hold `part` (NULL: all). */
static const struct {
    const char *document, *part, *why;
} untried[] = {
    {"README.md", "llvmpipe", "a Vulkan driver, and minutes; the suites of devices run there"},
    {"README.md", "--task all", "the data of every task"},
    {"README.md", "verify --device cpu", "minutes; verify/* runs every case"},
    {"README.md", "regress --device cpu", "minutes; the pipeline runs it"},
    {"README.md", "--against", "minutes, and another build"},
    {"README.md", "--corpus nsmc_raw", "the whole corpus"},
    {"README.md", "--max-minutes", "a corpus of some size; pretrain/* runs a small one"},
    {"README.md", "runs/pretrain/", "the model of that; pretrain/* and fill_mask/* make one"},
    {"README.md", "bench --pretrain", "minutes; bench/* runs one step"},
    {"docs/pretraining.md", "--corpus nsmc_raw", "the whole corpus"},
    {"docs/pretraining.md", "runs/pretrain/", "the model of that"},
    {"docs/pretraining.md", "bench --pretrain", "minutes; bench/* runs one step"},
    {"docs/pretraining.md", "--max-minutes", "a corpus of some size; pretrain/* runs a small one"},
    {"docs/clusters.md", NULL,
     "a launcher, a cluster or GPUs: tests/groups, tests/sweeps, tests/slurm/run"},
    {"docs/extending.md", "mytasks", "a manifest of the reader's: own_files/* makes and runs one"},
    {"docs/gpus.md", "--device 0", "a GPU: tests/gpu/run"},
    {"docs/records.md", "results add", "records of whole data: results/* makes them"},
    {"docs/records.md", "check theirs", "the same"},
    {"README.md", "A1.json,A2.json", "seeds of two models; compare/* makes them"},
    {"docs/reading-the-board.md", "two-models", "the same"},
    {"docs/reading-the-board.md", "--against", "minutes, and another build"},
    {"docs/tutorial.md", "report --lang ko",
     "records of whole data; reading-the-board's runs on some"},
};
enum { UNTRIED = sizeof untried / sizeof *untried };

static char *read_text(const char *name) {
    char *path, *text;
    size_t count;
    MUST(path_join(&path, HARNESS_SOURCE_DIR, name));
    MUST(file_read((void **)&text, &count, path, 0));
    mem_free(path);
    return text;
}

/* Documents: both READMEs and docs/. Owned list of owned names. */
static size_t documents(char ***names) {
    folder_list list = {0};
    size_t count = 0;
    MUST(folder_list_read(&list, HARNESS_SOURCE_DIR "/docs"));
    MUST(mem_new(names, list.count + 2));
    MUST(mem_strdup(&(*names)[count++], "README.md"));
    MUST(mem_strdup(&(*names)[count++], "README.ko.md"));
    for (size_t i = 0; i < list.count; i++)
        if (strstr(list.names[i], ".md"))
            MUST(mem_printf(&(*names)[count++], "docs/%s", list.names[i]));
    folder_list_free(&list);
    return count;
}

typedef struct reader {
    const char *at;
    char line[LINE], mark[LINE]; /* mark: the line before the block's begin */
    bool in_block, is_shell;
} reader;

/* The next line; of blocks without what is said of a command behind two blanks. */
static bool next_line(reader *r) {
    if (!*r->at) return false;
    char before[LINE];
    snprintf(before, sizeof before, "%s", r->line);
    size_t n = strcspn(r->at, "\n");
    snprintf(r->line, sizeof r->line, "%.*s", (int)n, r->at);
    r->at += n + (r->at[n] == '\n');
    if (!strncmp(r->line, "```", 3)) {
        r->in_block = !r->in_block;
        r->is_shell = r->in_block && !r->line[3];
        if (r->in_block) snprintf(r->mark, sizeof r->mark, "%s", before);
    } else if (r->is_shell && r->line[0] != ' ') {
        char *said = strstr(r->line, "  ");
        if (said) *said = '\0';
    }
    return true;
}

static bool is_command(const reader *r) {
    return r->is_shell && r->line[0] && strncmp(r->line, "```", 3) != 0;
}

/* One call of the program: "harness VERB ..." up to a pipe. */
static void check_call(const char *call, const char *of) {
    char words[LINE], *rest = NULL;
    verb_id verb = 0;
    snprintf(words, sizeof words, "%.*s", (int)strcspn(call, "|;<>"), call);
    (void)strtok_r(words, " ", &rest);
    char *name = strtok_r(NULL, " ", &rest);
    if (!name || *name == '-') return; // --help and --version are of no verb
    cr_expect_eq(options_verb(&verb, name), ERR_OK, "%s: no verb '%s': %s", of, name, call);
    err_clear();
    for (char *w; (w = strtok_r(NULL, " ", &rest));) {
        if (strncmp(w, "--", 2) != 0 || !w[2]) continue;
        w[strcspn(w, "=")] = '\0';
        cr_expect(options_takes(verb, w + 2), "%s: %s takes no %s: %s", of, name, w, call);
    }
}

Test(docs, commands_are_of_this_program) {
    char **names;
    size_t count = documents(&names), calls = 0;
    for (size_t i = 0; i < count; i++) {
        char *text = read_text(names[i]);
        reader r = {.at = text};
        while (next_line(&r)) {
            if (!is_command(&r)) continue;
            const char *call =
                strncmp(r.line, "harness ", 8) ? strstr(r.line, " harness ") : r.line;
            if (call) check_call(call + (*call == ' '), names[i]);
            calls += call != NULL;
        }
        mem_free(text);
        mem_free(names[i]);
    }
    cr_expect_gt(calls, 100);
    mem_free(names);
}

/* Headings, rows of tables, and the commands of blocks: what a translation has alike. */
static size_t skeleton(char (*out)[256], size_t most, const char *name) {
    char *text = read_text(name);
    size_t count = 0;
    reader r = {.at = text};
    while (next_line(&r)) {
        size_t level = strspn(r.line, "#");
        if (!is_command(&r) && (r.in_block || (r.line[0] != '|' && !level))) continue;
        cr_assert_lt(count, most);
        snprintf(out[count++], 256, "%.*s", is_command(&r) ? 250 : level ? (int)level : 1, r.line);
    }
    mem_free(text);
    return count;
}

/* X.ko.md is X.md in Korean. */
static bool is_translation(const char *name) {
    return strstr(name, ".ko.md") != NULL;
}

/* The name of X.ko.md's original, or of X.md's translation, there or not. Owned. */
static char *other_language(const char *name) {
    char *other;
    MUST(mem_printf(&other, "%.*s%s", (int)(strcspn(name, ".")), name,
                    is_translation(name) ? ".md" : ".ko.md"));
    return other;
}

/* Fails where the two part; the number of what they have alike. */
static size_t expect_one_structure(const char *name, const char *translated) {
    enum { MOST = 400 };
    static char english[MOST][256], korean[MOST][256];
    size_t a = skeleton(english, MOST, name), b = skeleton(korean, MOST, translated);
    for (size_t i = 0; i < a && i < b; i++)
        cr_assert_str_eq(english[i], korean[i], "%s has '%s' where %s has '%s'", name, english[i],
                         translated, korean[i]);
    cr_expect_eq(a, b, "%s and %s", name, translated);
    return a;
}

Test(docs, translations_are_one_in_structure) {
    char **names;
    size_t count = documents(&names), alike = 0, translations = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_translation(names[i])) {
            char *english = other_language(names[i]);
            alike += expect_one_structure(english, names[i]);
            translations++;
            mem_free(english);
        }
        mem_free(names[i]);
    }
    cr_expect_gt(translations, 1);
    cr_expect_gt(alike, 150);
    mem_free(names);
}

static void check_link(const char *of, const char *link, size_t length) {
    char path[LINE];
    const char *base = strncmp(of, "docs/", 5) ? "" : "docs/";
    size_t n = strcspn(link, "#)");
    if (!n || !strncmp(link, "http", 4) || n > length) return;
    snprintf(path, sizeof path, HARNESS_SOURCE_DIR "/%s%.*s", base, (int)n, link);
    cr_expect(file_exists(path) || folder_exists(path), "%s links to %.*s", of, (int)n, link);
}

static bool is_document(const char *name) {
    char *path;
    MUST(path_join(&path, HARNESS_SOURCE_DIR, name));
    bool there = file_exists(path);
    mem_free(path);
    return there;
}

/* A README links each document, the one in its own language where there are two. */
static void expect_documents_linked(const char *readme, const char *text, char *const *names,
                                    size_t count) {
    for (size_t i = 0; i < count; i++) {
        char *other = other_language(names[i]), *link;
        bool own = is_translation(names[i]) == is_translation(readme) || !is_document(other);
        MUST(mem_printf(&link, "](%s", names[i]));
        if (!strncmp(names[i], "docs/", 5) && own)
            cr_expect_not_null(strstr(text, link), "%s does not link %s", readme, names[i]);
        mem_free(link);
        mem_free(other);
    }
}

/* Links lead somewhere, and the READMEs link the documents. */
Test(docs, links_lead_somewhere) {
    char **names;
    size_t count = documents(&names);
    for (size_t i = 0; i < count; i++) {
        char *text = read_text(names[i]);
        for (const char *at = text; (at = strstr(at, "](")); at += 2)
            check_link(names[i], at + 2, strcspn(at + 2, ")"));
        if (!strncmp(names[i], "README", 6)) {
            cr_expect_null(strstr(text, "`docs/"), "%s names a document without a link", names[i]);
            expect_documents_linked(names[i], text, names, count);
        }
        mem_free(text);
    }
    for (size_t i = 0; i < count; i++) mem_free(names[i]);
    mem_free(names);
}

static bool is_untried(bool *used, const char *document, const char *command) {
    bool found = false;
    for (size_t i = 0; i < UNTRIED; i++) {
        if (strcmp(untried[i].document, document) != 0) continue;
        if (untried[i].part && !strstr(command, untried[i].part)) continue;
        found = used[i] = true;
    }
    return found;
}

/* "harness" becomes its stand-in, and "runs/pretrain/..." the newest that begins so. */
static void add_diminished(strbuf *out, const char *command) {
    for (const char *at = command; *at;) {
        size_t path = strcspn(at, " ");
        const char *dots = strstr(at, "...");
        if (!strncmp(at, "harness ", 8)) {
            MUST(strbuf_add(out, "diminished "));
            at += 8;
        } else if (dots && dots < at + path) {
            const char *rest = dots + 3;
            bool inside = rest < at + path;
            MUST(strbuf_printf(out, "\"$(%s%.*s*%.*s%s | head -n 1)\"",
                               inside ? "find runs -path '" : "ls -dt ", (int)(dots - at), at,
                               (int)(at + path - rest), rest, inside ? "'" : ""));
            at += path;
        } else {
            MUST(strbuf_add_bytes(out, at, path + (at[path] == ' ')));
            at += path + (at[path] == ' ');
        }
    }
    MUST(strbuf_add(out, "\n"));
}

/* What is to be run, as one script; the number of commands. */
static size_t script_of(strbuf *out, bool *used, const char *name, const char *text) {
    reader r = {.at = text};
    size_t count = 0;
    MUST(strbuf_add(out, "set -e\n"));
    while (next_line(&r)) {
        if (!is_command(&r)) continue;
        bool as_it_stands = !strcmp(r.mark, "<!-- run -->");
        bool calls = !strncmp(r.line, "harness ", 8) || strstr(r.line, " harness ");
        if (!as_it_stands && (!calls || is_untried(used, name, r.line))) continue;
        count++;
        if (as_it_stands)
            MUST(strbuf_printf(out, "%s\n", r.line));
        else
            add_diminished(out, r.line);
    }
    return count;
}

/* What documents take for granted: models of these names, finished runs, files of the reader's. */
static void prepare(void) {
    static const char *const models[] = {"klue/bert-base", "bert-base-multilingual-cased"};
    static const char rows[] = "comment,label\n정말 좋은 영화,good\n지루한 영화,bad\n좋아요,good\n"
                               "별로,bad\n또 보고 싶다,good\n다시는 안 본다,bad\n";
    static const char test[] = "comment,label\n참 좋다,good\n너무 싫다,bad\n";
    for (size_t i = 0; i < 2; i++) model_folder_make(temporary_path(models[i]), NULL, 2, NULL);
    MUST(file_write(temporary_path("comments.csv"), rows, sizeof rows - 1));
    MUST(file_write(temporary_path("test.csv"), test, sizeof test - 1));
    MUST(file_write(temporary_path("new.csv"), "comment\n좋은 영화\n",
                    strlen("comment\n좋은 영화\n")));
    temporary_put("reviews.txt", "배우들 연기가 훌륭했다\n다시는 안 본다\n");
    MUST(folder_make(temporary_path("mytasks")));
}

static const char preparation[] =
    "set -e\n"
    "for task in kor_nli klue_dp_dev ud_ko_gsd klue_re nsmc; do diminished run --task $task "
    "--model tiny -q; "
    "done\n"
    "diminished run --task kor_hate --model tiny --protocol dev --runs 3 -q\n"
    "mkdir -p results people/a nightly/1\n"
    "cp -R \"$SOURCE\"/results/kor_hate results\n"
    "cp -R results/kor_hate people/a; cp -R results/kor_hate nightly/1\n"
    "cp results/kor_hate/tiny-*-s42.json .; set -- tiny-*-s42.json; cp $1 A.json; cp $2 B.json\n"
    "cp A.json results/kor_hate/tiny-a-s42.json; cp A.json results/kor_hate/tiny-b-s42.json\n"
    "mkdir -p runs/kor_hate/before runs/kor_hate/after\n"
    "cp A.json runs/kor_hate/before; cp B.json runs/kor_hate/after\n";

static void run_script(const char *of, const strbuf *script) {
    char *program, *said;
    size_t bytes;
    strbuf command = {0};
    MUST(path_folder(&program, HARNESS_PROGRAM));
    const char *folder = temporary_folder();
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    setenv("HF_HUB_OFFLINE", "1", 1);
    MUST(file_write(temporary_path("script"), script->text, script->length));
    MUST(strbuf_printf(&command,
                       "cd '%s' && SOURCE='%s' PATH='%s':'%s/tests/cli':\"$PATH\" sh -x script "
                       ">out 2>err </dev/null",
                       folder, HARNESS_SOURCE_DIR, program, HARNESS_SOURCE_DIR));
    int status = system(command.text);
    if (status) {
        MUST(file_read((void **)&said, &bytes, temporary_path("err"), 0));
        cr_expect(false, "%s: status %d: %s", of, WEXITSTATUS(status),
                  bytes > 1500 ? said + bytes - 1500 : said);
        mem_free(said);
    }
    mem_free(program);
    strbuf_free(&command);
}

static void run_document(bool *used, const char *name) {
    char *text = read_text(name);
    strbuf script = {0};
    if (script_of(&script, used, name, text)) run_script(name, &script);
    strbuf_free(&script);
    mem_free(text);
}

/* No row of the table is of what is not shown any more. */
static void expect_used(const bool *used, bool tutorial) {
    for (size_t i = 0; i < UNTRIED; i++)
        if (!strcmp(untried[i].document, "docs/tutorial.md") == tutorial)
            cr_expect(used[i], "%s shows nothing with '%s' any more (%s)", untried[i].document,
                      untried[i].part ? untried[i].part : "", untried[i].why);
}

Test(docs, the_tutorial_runs, .timeout = 600) {
    bool used[UNTRIED] = {false};
    run_document(used, "docs/tutorial.md");
    temporary_remove();
    expect_used(used, true);
}

/* Translations have the same commands. What several documents write is taken away between them. */
Test(docs, what_is_shown_runs, .timeout = 900) {
    bool used[UNTRIED] = {false};
    static const char *const written[] = {"answers.csv", "rows.csv"};
    char **names;
    strbuf before = {0};
    size_t count = documents(&names);
    MUST(strbuf_add(&before, preparation));
    prepare();
    run_script("what documents take for granted", &before);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 2; k++) MUST(file_remove(temporary_path(written[k])));
        if (!is_translation(names[i]) && strcmp(names[i], "docs/tutorial.md") != 0)
            run_document(used, names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    strbuf_free(&before);
    temporary_remove();
    expect_used(used, false);
}
