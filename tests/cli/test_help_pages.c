/* The manual page and the completions say what --help says, and shells complete by them. */
#define _POSIX_C_SOURCE 200809L
#include "base/memory.h"
#include "base/utf8.h"
#include "cli/options.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a page speaks of a verb: from `begin` with the verb's word to `end`, a flag's name behind
 * each `marker`. */
static const struct page {
    const char *format, *begin, *end, *marker;
    bool has_aliases; /* as flags of their own */
} pages[] = {
    {"man", ".SS \"harness %s\"\n", "\n.S", "\\fB--", false},
    {"bash", "\n    %s)\n        flags='", "'", " --", true},
    {"zsh", "\n    %s)\n        _arguments", ";;", ")--", true},
    {"fish", "\ncomplete -c harness -n '__harness_verb %s' -l help", NULL, NULL, true},
};

static const char *const aliases[] = {
#define NAMED(field, kind, name, other, letter, argument, verbs, help) other,
#include "cli/flags.def"
};

static char *output_of(const char *a, const char *b, const char *c) {
    program_result r = RUN(a, b, c);
    char *text;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    MUST(mem_strdup(&text, r.out));
    return text;
}

/* "\-" is how roff writes a dash. */
static void plain_dashes(char *text) {
    char *to = text;
    for (const char *at = text; *at; at++)
        if (at[0] != '\\' || at[1] != '-') *to++ = *at;
    *to = '\0';
}

static size_t name_length(const char *at) {
    return strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

static bool is_word(const char *at, size_t n, const char *word) {
    return strlen(word) == n && !strncmp(at, word, n);
}

/* Looks for the name among those behind the markers of the section. */
static bool section_names(const char *section, const struct page *p, const char *name) {
    for (const char *at = section; (at = strstr(at, p->marker));) {
        at += strlen(p->marker);
        if (is_word(at, name_length(at), name)) return true;
    }
    return false;
}

/* The part of the page on the verb, owned; fish has its flags on lines of their own, which are
 * brought together. */
static char *section_of(const char *text, const struct page *p, const char *verb) {
    char begin[80];
    snprintf(begin, sizeof begin, p->begin, verb);
    const char *at = strstr(text, begin);
    char *section;
    cr_assert_not_null(at, "%s: nothing of %s", p->format, verb);
    if (p->end) {
        at += strlen(begin);
        const char *end = strstr(at, p->end);
        MUST(mem_strndup(&section, at, (size_t)(end - at)));
    } else {
        MUST(mem_strdup(&section, text));
    }
    return section;
}

static void check_verb(const struct page *p, const char *text, verb_id verb) {
    const char *word = options_verb_words(verb).word;
    struct page here = *p;
    char marker[80];
    if (!here.marker) {
        snprintf(marker, sizeof marker, "'__harness_verb %s' -l ", word);
        here.marker = marker;
    }
    char *section = section_of(text, &here, word), *help = output_of(word, "--help", NULL);
    // every flag of the help text, whose line begins with two blanks and a dash
    for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n")) {
        const char *flag = strstr(line, "--");
        char name[64];
        if (strncmp(line, "  -", 3) != 0 || !flag) continue;
        snprintf(name, sizeof name, "%.*s", (int)name_length(flag + 2), flag + 2);
        cr_expect(section_names(section, &here, name), "%s lacks --%s of %s", here.format, name,
                  word);
    }
    for (size_t i = 0; here.has_aliases && i < sizeof aliases / sizeof *aliases; i++)
        if (aliases[i] && options_takes(verb, aliases[i]))
            cr_expect(section_names(section, &here, aliases[i]), "%s lacks --%s of %s", here.format,
                      aliases[i], word);
    // and none that the verb does not take
    for (const char *at = section; (at = strstr(at, here.marker));) {
        char name[64];
        at += strlen(here.marker);
        snprintf(name, sizeof name, "%.*s", (int)name_length(at), at);
        cr_expect(!strcmp(name, "help") || options_takes(verb, name), "%s: --%s of %s", here.format,
                  name, word);
    }
    mem_free(help);
    mem_free(section);
}

Test(help_pages, hold_the_flags_of_every_verb) {
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        char *text = output_of("help", "--format", pages[i].format);
        if (!strcmp(pages[i].format, "man")) plain_dashes(text);
        for (size_t v = 0; v < VERB_COUNT; v++) check_verb(&pages[i], text, (verb_id)v);
        mem_free(text);
    }
}

/* "\nNAME=HELP\n" for each flag of the page: what a shell makes of the words in quotes. */
static void add_read(strbuf *out, const char *line, bool is_fish) {
    const char *name = strstr(line, is_fish ? " -l " : ")--"), *at = line + strspn(line, " ");
    strbuf word = {0};
    if (!name || !(at = is_fish ? strstr(line, " -d '") : at)) return;
    at = strchr(at, '\'') + 1;
    name += is_fish ? 4 : 3;
    for (; *at && (*at != '\'' || (!is_fish && !strncmp(at, "'\\''", 4))); at++) {
        if (is_fish && *at == '\\') at++;
        MUST(strbuf_add_bytes(&word, at, 1));
        if (!is_fish && *at == '\'') at += 3; // it ends, is written outside, and begins again
    }
    MUST(strbuf_printf(out, "%.*s=", (int)name_length(name), name));
    if (is_fish) {
        MUST(strbuf_add(out, word.text));
    } else {
        for (at = strchr(word.text, '[') + 1; *at && *at != ']'; at++) {
            cr_expect(!strchr(":[", *at), "not behind a backslash: %s", line);
            if (*at == '\\') at++;
            MUST(strbuf_add_bytes(out, at, 1));
        }
        cr_expect(!strncmp(at, "]", 2) || !strncmp(at, "]:", 2), "%s", line);
    }
    MUST(strbuf_add(out, "\n"));
    strbuf_free(&word);
}

/* Brackets, colons and quotes in a help text end nothing. */
Test(help_pages, shells_read_the_help_text_as_it_was_written) {
    for (int fish = 0; fish < 2; fish++) {
        char *text = output_of("help", "--format", fish ? "fish" : "zsh");
        strbuf read = {0};
        flag_words f;
        MUST(strbuf_add(&read, "\n"));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            add_read(&read, line, fish);
        for (verb_id v = 0; v < VERB_COUNT; v++)
            for (size_t i = 0; options_flag_words(&f, v, i); i++) {
                char wanted[FLAG_HELP_BYTES + 64];
                snprintf(wanted, sizeof wanted, "\n%s=%s\n", f.names[0], f.help);
                cr_expect(strstr(read.text, wanted), "%s lacks:%s", fish ? "fish" : "zsh", wanted);
            }
        strbuf_free(&read);
        mem_free(text);
    }
}

Test(help_pages, the_manual_names_every_variable_that_is_read) {
    char *man = output_of("help", "--format", "man");
    FILE *found = popen("grep -rhoE '(getenv|environment|environment_is_true)\\(\"[A-Z_]+\"' "
                        "'" HARNESS_SOURCE_DIR "/harness' | sed 's/.*\"\\(.*\\)\"/\\1/' | sort -u",
                        "r");
    cr_assert(found);
    char name[64];
    size_t count = 0;
    for (; fscanf(found, "%63s", name) == 1; count++)
        cr_expect(strstr(man, name), "the manual page lacks %s", name);
    pclose(found);
    cr_assert_gt(count, 5);
    // ragged: a narrow page has lines of one word, which nothing can adjust
    cr_expect(strstr(man, "\n.ad l\n.SH NAME\n"), "%.200s", man);
    mem_free(man);
}

static bool is_installed(const char *program) {
    char command[64];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
    return !system(command);
}

/* What a shell prints for script ($1: the page, $2: the program's folder). */
static char *shell(const char *name, const char *script) {
    char *page = output_of("help", "--format", name), *said;
    char command[4096];
    const char *path = temporary_path("page"), *file = temporary_path("script");
    size_t n;
    MUST(file_write_quick(path, page, strlen(page)));
    MUST(file_write_quick(file, script, strlen(script)));
    mem_free(page);
    snprintf(command, sizeof command,
             "export PATH='%.*s':\"$PATH\"; cd '%s' && timeout 60 %s '%s' '%s' 2>&1",
             (int)(strrchr(HARNESS_PROGRAM, '/') - HARNESS_PROGRAM), HARNESS_PROGRAM,
             temporary_folder(), name, file, path);
    FILE *out = popen(command, "r");
    MUST(mem_new(&said, 1 << 14));
    n = fread(said, 1, (1 << 14) - 1, out);
    said[n] = '\0';
    cr_assert_eq(pclose(out), 0, "%s: %s", name, said);
    return said;
}

/* A manifest of somebody's own in the folder "my tasks", and a run of own files. */
static void put_own_tasks(void) {
    temporary_put("f.csv", "text,label\n가,0\n나,1\n다,0\n라,1\n마,0\n바,1\n사,0\n아,1\n");
    RUN_WELL("tasks", "new", "f.csv", "--output", "my tasks/mine.json");
    RUN_WELL("tasks", "new", "f.csv", "--output", "my[1]/mine.json");
    MUST(folder_make(temporary_path("runs/own-f")));
}

// a pattern of zsh, whose qualifier is a command
#define PATTERN "'*(e:touch ran:)'"

static void ran_nothing(void) {
    cr_expect(!file_exists(temporary_path("ran")),
              "the folder's pattern was expanded, which runs a command");
}

Test(help_pages, bash_completes) {
    put_own_tasks();
    char *said = shell(
        "bash", "source \"$1\"\n"
                "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _harness; "
                "[[ $sorts ]] && mapfile -t COMPREPLY < <(printf '%s\\n' \"${COMPREPLY[@]}\" | "
                "LC_ALL=C sort); printf '%s\\n' \"$*: ${COMPREPLY[*]}\"; }\n"
                "try harness re\ntry harness run --ta\ntry harness run --task kor_h\n"
                "try harness run --task nsmc,kor_3\ntry harness run --recipe = cou\n"
                "try harness data st\ntry harness tasks show kor_3\n"
                "try harness tasks ch\ntry harness tasks show ch\ntry harness data stats he\n"
                "try harness run --task klue_t\ntry harness run --task al\n"
                "try harness eval --task al\n"
                "try harness run -o sc\ntry harness eval --model ti\ntry harness help "
                "fi\ntry harness verify la\n"
                "try harness fill-mask --model ti\ntry harness fill-mask --model ko-t\n"
                "try harness run --task-dir '\"my tasks\"' --task mi\n"
                "try harness run --task-dir = my\\\\\\ tasks --task mi\n"
                "try harness run --task mi\ntry harness eval --task own\n"
                "HOME=$PWD\nfor dir in '~/my\\ tasks' 'my\\[1\\]' \"" PATTERN "\"; do "
                "try harness run --task-dir \"$dir\" --task mi; done\n"
                "mkdir -p words/inner words.d; : >words.csv; sorts=1\n"
                "for line in 'eval --model' 'tokenize -m' 'bench --against' 'run --shard' "
                "'run --label-map' 'run -o' 'errors' 'runs' 'compare' 'results add' "
                "'tune --recipe' 'predict'; do try harness $line wor; done\n"
                "try harness compare cp\ntry harness run --kind r\n"
                "try harness compare --format ''\ntry harness help --format ''\n");
    cr_expect_str_eq(said, "harness re: report results regress\n"
                           "harness run --ta: --task --task-dir\n"
                           "harness run --task kor_h: kor_hate kor_hate_bias kor_hate_gender\n"
                           "harness run --task nsmc,kor_3: nsmc,kor_3i4k\n"
                           "harness run --recipe = cou: course course-loop\n"
                           "harness data st: stats\n"
                           "harness tasks show kor_3: kor_3i4k\n"
                           "harness tasks ch: check\n"
                           "harness tasks show ch: \n"
                           "harness data stats he: \n"
                           "harness run --task klue_t: klue_tc klue_tc_dacon\n"
                           "harness run --task al: all\n"
                           "harness eval --task al: \n"
                           "harness run -o sc: \n"
                           "harness eval --model ti: \n"
                           "harness help fi: fill-mask\n"
                           "harness verify la: layernorm_fwd layernorm_bwd\n"
                           "harness fill-mask --model ti: \n"
                           "harness fill-mask --model ko-t: ko-tiny\n"
                           "harness run --task-dir \"my tasks\" --task mi: mine\n"
                           "harness run --task-dir = my\\ tasks --task mi: mine\n"
                           "harness run --task mi: \n"
                           "harness eval --task own: own-f\n"
                           "harness run --task-dir ~/my\\ tasks --task mi: mine\n"
                           "harness run --task-dir my\\[1\\] --task mi: mine\n"
                           "harness run --task-dir " PATTERN " --task mi: \n"
                           "harness eval --model wor: words words.d\n"
                           "harness tokenize -m wor: words words.csv words.d\n"
                           "harness bench --against wor: words words.csv words.d\n"
                           "harness run --shard wor: \n"
                           "harness run --label-map wor: \n"
                           "harness run -o wor: words words.d\n"
                           "harness errors wor: words words.d\n"
                           "harness runs wor: words words.d\n"
                           "harness compare wor: words words.csv words.d\n"
                           "harness results add wor: words words.csv words.d\n"
                           "harness tune --recipe wor: words words.csv words.d\n"
                           "harness predict wor: \n"
                           "harness compare cp: cpu\n"
                           "harness run --kind r: regression\n"
                           "harness compare --format : html json md\n"
                           "harness help --format : bash fish man zsh\n");
    ran_nothing();
    mem_free(said);
}

Test(help_pages, fish_completes) {
    if (!is_installed("fish")) cr_skip_test("no fish");
    put_own_tasks();
    char *said =
        shell("fish", "source $argv[1]\nset -gx HOME $PWD\n"
                      "for line in 'harness rep' 'harness run --task-' 'harness run "
                      "--task nsmc,kor_3' 'harness run --task=kor_3' 'harness data st' "
                      "'harness errors pa' 'harness run --label-map pa' \"harness run "
                      "--task-dir 'my tasks' --task mi\" 'harness run "
                      "--task-dir=my\\\\ tasks --task mi' 'harness run --task own' "
                      "\"harness run --task-dir ~/'my tasks' --task mi\" "
                      "'harness run --task-dir=~/my\\\\ tasks --task mi' "
                      "\"harness run --task-dir 'my[1]' --task mi\" "
                      "\"harness run --task-dir " PATTERN " --task mi\" "
                      "'harness run --kind mul' 'harness run --task al' 'harness tasks ch' "
                      "'harness tasks show ch'\n"
                      "complete -C $line | string split -f 1 \\t\nend\nexit 0\n");
    cr_expect_str_eq(said, "report\n--task-dir\nnsmc,kor_3i4k\n--task=kor_3i4k\nstats\npage\n"
                           "mine\nmine\nown-f\nmine\nmine\nmine\nmulti_label\nall\ncheck\n");
    ran_nothing();
    mem_free(said);
}

// zsh completes in its line editor alone: what is typed is brought to a line that prints it
Test(help_pages, zsh_completes) {
    if (!is_installed("zsh")) cr_skip_test("no zsh");
    put_own_tasks();
    char *said =
        shell("zsh", "zmodload zsh/zpty\nexport HOME=$PWD\n"
                     "zpty z zsh -f -i\n"
                     "zpty -w z \"PS1=; autoload -Uz compinit; compinit -D -u; source $1; "
                     "print DO''NE\"\n"
                     "zpty -r -m z line $'*DONE*'\n"
                     "for word in rep 'run --task-' 'run --task nsmc,kor_3' 'run --task=kor_3' "
                     "'run --model min' 'data st' 'results add scr' \"run --task-dir 'my tasks' "
                     "--task mi\" 'run --task-dir=my\\ tasks --task mi' 'run --task own' "
                     "'run --task-dir ~/my\\ tasks --task mi' 'run --task-dir=my\\[1\\] --task mi' "
                     "\"run --task-dir " PATTERN " --task mi\" "
                     "\"run --task-dir=" PATTERN " --task mi\" 'run --kind reg' 'run --task al' "
                     "'tasks ch' 'tasks show ch'; do\n"
                     "  zpty -w -n z \"harness $word\"$'\\t\\C-aprint -r -- \"=\\C-e\"\\n'\n"
                     "  zpty -r -m z line $'*\\n=harness*\\r*'\n"
                     "  print -r -- ${${line##*$'\\n='}%%$'\\r'*}\n"
                     "done\n");
    cr_expect_str_eq(said,
                     "harness report\nharness run --task-dir\n"
                     "harness run --task nsmc,kor_3i4k\nharness run --task=kor_3i4k\n"
                     "harness run --model mini\nharness data stats\n"
                     "harness results add script\nharness run --task-dir 'my tasks' --task mine\n"
                     "harness run --task-dir=my\\ tasks --task mine\n"
                     "harness run --task own-f\n"
                     "harness run --task-dir ~/my\\ tasks --task mine\n"
                     "harness run --task-dir=my\\[1\\] --task mine\n"
                     "harness run --task-dir " PATTERN " --task mi\n"
                     "harness run --task-dir=" PATTERN " --task mi\n"
                     "harness run --kind regression\nharness run --task all\n"
                     "harness tasks check\nharness tasks show ch\n");
    ran_nothing();
    mem_free(said);
}

/* Joins lines that end with a backslash, as a shell does. */
static void join_lines(char *text) {
    char *to = text;
    for (const char *at = text; *at;) {
        if (!strncmp(at, "\\\n", 2))
            at += 2 + strspn(at + 2, " ");
        else
            *to++ = *at++;
    }
    *to = '\0';
}

static void check_width(const char *verb, const char *example, size_t columns) {
    char joined[400], *text = output_of(*verb ? verb : "help", *verb ? "--help" : NULL, NULL);
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
        // a path by itself stays whole
        if (!strncmp(at + strspn(at, " "), "share/doc/", 10)) continue;
        cr_expect_leq(text_width_of(at, strcspn(at, "\n")), columns, "%s at %zu: %.*s", verb,
                      columns, (int)strcspn(at, "\n"), at);
    }
    join_lines(text);
    snprintf(joined, sizeof joined, "\nExample:\n  %s\n", example);
    cr_expect(!*verb || strstr(text, joined), "%s at %zu: %s", verb, columns, text);
    mem_free(text);
}

/* Flags, what is said of them, and commands to be copied. */
Test(help_pages, no_line_is_wider_than_asked) {
    static const char *const wished[] = {"40", "60", "80", "120"};
    for (size_t i = 0; i < sizeof wished / sizeof *wished; i++) {
        setenv("COLUMNS", wished[i], 1);
        check_width("", "", strtoul(wished[i], NULL, 10));
        for (verb_id v = 0; v < VERB_COUNT; v++) {
            verb_words w = options_verb_words(v);
            check_width(w.word, w.example, strtoul(wished[i], NULL, 10));
        }
    }
}

Test(help_pages, values_are_lists_of_this_machine) {
    program_result r = RUN("help", "--values", "tsak");
    EXPECT(r, 2, err, "--values knows no list for 'tsak'; did you mean 'task'? (known: task,");
    r = RUN("help", "--format", "roff");
    EXPECT(r, 2, err, "--format expects one of man, bash, zsh, fish, found 'roff'");
    r = RUN("help", "--format", "man", "--json");
    EXPECT(r, 2, err, "--format and --json exclude each other");
    static const char *const rows[][2] = {{"task", "kor_hate\n"},
                                          {"model", "tiny\n"},
                                          {"shipped", "ko-mini\n"},
                                          {"device", "cpu\n"},
                                          {"recipe", "course\n"},
                                          {"recipe", "klue\n"},
                                          {"corpus", "nsmc_raw\n"},
                                          {"arch", "electra\n"},
                                          {"op", "layernorm_fwd\n"},
                                          {"lang", "en\nko\n"},
                                          {"lr-scheduler-type", "cosine\n"},
                                          {"metric-for-best-model", "macro_f1\n"},
                                          {"precision", "fp32\nfp16\nbf16\nauto\n"},
                                          {"check-device", "auto\nalways\nnever\n"},
                                          {"protocol", "last\ndev\n"},
                                          {"kind", "classification\nregression\nmulti_label\n"},
                                          {"split", "train\ntest\ndev\n"},
                                          {"search", "random\ngrid\n"},
                                          {"format", "md\nhtml\ncsv\njson\n"},
                                          {"compare-format", "md\nhtml\njson\n"},
                                          {"help-format", "man\nbash\nzsh\nfish\n"},
                                          {"values", "help-format\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *list = output_of("help", "--values", rows[i][0]);
        cr_expect(strstr(list, rows[i][1]), "%s: %s", rows[i][0], list);
        mem_free(list);
    }
}
