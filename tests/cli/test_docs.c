/* What README.md, README.ko.md and docs/ show. Blocks of commands that stand behind "<!-- run -->" are
 * run as they stand, by a shell, in one folder a document. All other lines that call the program are
 * parsed: the verb is there and takes the flags. These need the network, a GPU, whole data, more
 * machines or files of the reader's; a document of `told` says so of each of its blocks. */
#include "base/memory.h"
#include "cli/options.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Documents of which every block is either run or said why not. */
static const char *const told[] = {"docs/tutorial.md", "docs/reading-the-board.md", "docs/gpus.md",
                                   "docs/extending.md"};
enum { TOLD = sizeof told / sizeof *told, LINE = 4096 };

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

Test(docs, readmes_are_one_in_structure) {
    enum { MOST = 400 };
    static char english[MOST][256], korean[MOST][256];
    size_t a = skeleton(english, MOST, "README.md"), b = skeleton(korean, MOST, "README.ko.md");
    for (size_t i = 0; i < a && i < b; i++)
        cr_assert_str_eq(english[i], korean[i], "README.md has '%s' where README.ko.md has '%s'",
                         english[i], korean[i]);
    cr_expect_eq(a, b);
    cr_expect_gt(a, 100);
}

static void check_link(const char *of, const char *link, size_t length) {
    char path[LINE];
    const char *base = strncmp(of, "docs/", 5) ? "" : "docs/";
    size_t n = strcspn(link, "#)");
    if (!n || !strncmp(link, "http", 4) || n > length) return;
    snprintf(path, sizeof path, HARNESS_SOURCE_DIR "/%s%.*s", base, (int)n, link);
    cr_expect(file_exists(path) || folder_exists(path), "%s links to %.*s", of, (int)n, link);
}

/* Links lead somewhere, and the READMEs link the documents that they name. */
Test(docs, links_lead_somewhere) {
    char **names;
    size_t count = documents(&names);
    for (size_t i = 0; i < count; i++) {
        char *text = read_text(names[i]);
        for (const char *at = text; (at = strstr(at, "](")); at += 2)
            check_link(names[i], at + 2, strcspn(at + 2, ")"));
        if (!strncmp(names[i], "README", 6)) {
            cr_expect_null(strstr(text, "`docs/"), "%s names a document without a link", names[i]);
            for (size_t k = 2; k < count; k++) {
                char *whole = read_text(names[i]);
                cr_expect_not_null(strstr(whole, names[k]), "%s does not name %s", names[i],
                                   names[k]);
                mem_free(whole);
            }
        }
        mem_free(text);
    }
    for (size_t i = 0; i < count; i++) mem_free(names[i]);
    mem_free(names);
}

/* The blocks to run, as one script; counts blocks that are neither run nor said why not. */
static void script_of(strbuf *out, size_t *untold, const char *text) {
    reader r = {.at = text};
    MUST(strbuf_add(out, "set -e\n"));
    while (next_line(&r)) {
        if (!strcmp(r.line, "```") && r.is_shell)
            *untold += strcmp(r.mark, "<!-- run -->") && strncmp(r.mark, "<!-- not run: ", 14);
        if (is_command(&r) && !strcmp(r.mark, "<!-- run -->"))
            MUST(strbuf_printf(out, "%s\n", r.line));
    }
}

static void run_blocks(const char *name) {
    char *text = read_text(name), *program, *folder;
    size_t untold = 0;
    strbuf script = {0}, command = {0};
    script_of(&script, &untold, text);
    cr_expect_eq(untold, 0, "%s: %zu blocks are neither run nor said why not", name, untold);
    MUST(path_folder(&program, HARNESS_PROGRAM));
    folder = (char *)temporary_folder();
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    setenv("HF_HUB_OFFLINE", "1", 1);
    MUST(file_write(temporary_path("script"), script.text, script.length));
    MUST(strbuf_printf(&command, "cd '%s' && PATH='%s':\"$PATH\" sh script >out 2>err </dev/null",
                       folder, program));
    int status = system(command.text);
    if (status) {
        char *said;
        size_t count;
        MUST(file_read((void **)&said, &count, temporary_path("err"), 0));
        cr_expect(false, "%s: status %d: %s", name, WEXITSTATUS(status), said);
        mem_free(said);
    }
    mem_free(program);
    strbuf_free(&script);
    strbuf_free(&command);
    mem_free(text);
    temporary_remove();
}

Test(docs, the_tutorial_runs, .timeout = 600) {
    run_blocks(told[0]);
}

Test(docs, what_else_is_shown_runs, .timeout = 300) {
    for (size_t i = 1; i < TOLD; i++) run_blocks(told[i]);
}
