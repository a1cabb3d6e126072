/* Completions of bash, zsh and fish. Verbs and flags stand in them; values are asked of the
 * program (`harness help --values`), so that they are those of its machine. */
#include "cli/help_pages.h"
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

/* Text within single quotes, with `slashed` characters behind a backslash. */
static void quoted(const char *text, const char *slashed, const char *quote) {
    for (; *text; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
            continue;
        }
        if (strchr(slashed, *text)) putchar('\\');
        putchar(*text);
    }
}

/* The next word of a verb's arguments ("[show TASK | check]"); NULL behind the last. */
static const char *next_word(char *out, size_t size, const char *at) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    size_t n;
    at += strcspn(at, letters);
    if (!(n = strspn(at, letters))) return NULL;
    snprintf(out, size, "%.*s", (int)n, at);
    return at + n;
}

static bool is_literal(const char *word) {
    return *word >= 'a' && *word <= 'z';
}

/* " show check new": the words that a verb itself knows. */
static void print_literals(verb_id verb) {
    const char *arguments = options_verb_words(verb).arguments;
    char word[32];
    for (const char *at = arguments; (at = next_word(word, sizeof word, at));)
        if (is_literal(word)) printf(" %s", word);
    if (strstr(arguments, "VERB"))
        for (size_t i = 0; i < VERB_COUNT; i++) printf(" %s", options_verb_words((verb_id)i).word);
}

/* What may follow a flag. */
typedef struct follows {
    const flag_values *values;
    bool is_file, is_folder;
} follows;

static follows of_flag(const flag_words *f) {
    const char *place = f->place ? f->place : "";
    return (follows){.values = f->list ? flag_values_find(f->list) : NULL,
                     .is_file = strstr(place, "FILE") != NULL,
                     .is_folder = strstr(place, "DIR") != NULL};
}

/* The same of a verb's arguments; a run is its folder or its record. */
static follows of_arguments(verb_id verb) {
    const char *arguments = options_verb_words(verb).arguments;
    follows w = {.is_file = strstr(arguments, "FILE") || strstr(arguments, "RUN"),
                 .is_folder = strstr(arguments, "FOLDER") != NULL};
    char word[32];
    for (const char *at = arguments; !w.values && (at = next_word(word, sizeof word, at));)
        w.values = is_literal(word) ? NULL : flag_values_find(word);
    return w;
}

/* As compgen has it, or NULL. */
static const char *kind_of_files(follows w) {
    return w.is_file ? "-f" : w.is_folder ? "-d" : NULL;
}

static void bash_flags(verb_id verb) {
    flag_words f;
    for (size_t i = 0; options_flag_words(&f, verb, i); i++) {
        if (f.letter) printf(" -%c", f.letter);
        printf(" --%s", f.names[0]);
        if (f.names[1]) printf(" --%s", f.names[1]);
    }
}

static void bash_arguments(verb_id verb) {
    printf("    %s)\n        flags='", options_verb_words(verb).word);
    bash_flags(verb);
    fputs("'\n        words='", stdout);
    print_literals(verb);
    follows after = of_arguments(verb);
    const char *files = kind_of_files(after);
    printf("'\n        asked='%s' placed='%s'\n        case $before in\n",
           after.values ? flag_values_name(after.values) : "", files ? files : "");
    flag_words f;
    for (size_t i = 0; options_flag_words(&f, verb, i); i++) {
        follows w = of_flag(&f);
        if (!f.argument) continue;
        fputs("        ", stdout);
        if (f.letter) printf("-%c|", f.letter);
        if (f.names[1]) printf("--%s|", f.names[1]);
        printf("--%s) value=1", f.names[0]);
        if (w.values) printf(" asks=%s", flag_values_name(w.values));
        if (kind_of_files(w)) printf(" files=%s", kind_of_files(w));
        fputs(" ;;\n", stdout);
    }
    fputs("        esac ;;\n", stdout);
}

void help_bash(void) {
    fputs(
        "# bash completion of harness, made by `harness help --format bash`\n"
        "_harness() {\n"
        "    local cur before verb flags='' words='' asked='' placed='' value='' asks='' files='' "
        "IFS=$'\\n'\n"
        "    local program=${COMP_WORDS[0]}\n"
        "    cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    verb=${COMP_WORDS[1]}\n"
        "    COMPREPLY=()\n"
        "    # a flag, = and its value are three words\n"
        "    if [[ $cur == = ]]; then cur=''\n"
        "    elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        mapfile -t COMPREPLY < <(IFS=' ' compgen -W '--help --version",
        stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) printf(" %s", options_verb_words((verb_id)i).word);
    fputs("' -- \"$cur\")\n"
          "        return\n"
          "    fi\n"
          "    case $verb in\n",
          stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) bash_arguments((verb_id)i);
    fputs("    esac\n"
          "    if [[ -z $value && $cur == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(IFS=' ' compgen -W \"$flags\" -- \"$cur\")\n"
          "        return\n"
          "    fi\n"
          "    [[ $value ]] || asks=$asked files=$placed\n"
          "    local list='' known=''\n"
          "    [[ $cur == *,* ]] && list=${cur%,*},\n"
          "    # what manifests name is also that of the folder on the line, which is there as "
          "typed\n"
          "    local i typed dir=()\n"
          "    for ((i = 1; i < ${#COMP_WORDS[@]}; i++)); do\n"
          "        [[ ${COMP_WORDS[i]} == --task-dir ]] || continue\n"
          "        [[ ${COMP_WORDS[i+1]} == = ]] && ((i++))\n"
          "        typed=${COMP_WORDS[i+1]//[\\'\\\"\\\\]/}\n"
          "        dir=(--task-dir \"${typed/#\\~\\//$HOME/}\")\n"
          "    done\n"
          "    [[ $asks ]] && known=$(\"$program\" help --values \"$asks\" \"${dir[@]}\" "
          "2>/dev/null)\n"
          "    # one of the verb's own words is enough\n"
          "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
          "        [[ \" $words \" == *\" ${COMP_WORDS[i]} \"* ]] && words=''\n"
          "    done\n"
          "    [[ $value ]] || known+=$'\\n'${words// /$'\\n'}\n"
          "    local word\n"
          "    for word in $known; do\n"
          "        [[ $list$word == \"$cur\"* ]] || continue\n"
          "        [[ $word == *[^[:alnum:]_-]* ]] && word=$(printf %q \"$word\")\n"
          "        COMPREPLY+=(\"$list$word\")\n"
          "    done\n"
          "    if [[ $files ]]; then\n"
          "        compopt -o filenames 2>/dev/null\n"
          "        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen \"$files\" -- \"$cur\")\n"
          "    fi\n"
          "}\n"
          "complete -F _harness harness\n",
          stdout);
}

static void zsh_action(follows w) {
    fputs(": ", stdout);
    if (w.values) printf("_harness_values %s ", flag_values_name(w.values));
    if (w.is_file || w.is_folder) fputs(w.is_file ? "_files" : "_files -/", stdout);
}

/* One name of a flag: '(others)--name=[help]:ARG: action'. */
static void zsh_flag(const flag_words *f, const char *name) {
    static const char slashed[] = "[]:\\";
    bool is_letter = !name[1];
    fputs("        '(", stdout);
    if (f->letter) printf("-%c ", f->letter);
    printf("--%s", f->names[0]);
    if (f->names[1]) printf(" --%s", f->names[1]);
    printf(")%s%s%s[", is_letter ? "-" : "--", name, f->argument ? is_letter ? "+" : "=" : "");
    quoted(f->help, slashed, "'\\''");
    putchar(']');
    if (f->argument) {
        putchar(':');
        quoted(f->argument, slashed, "'\\''");
        zsh_action(of_flag(f));
    }
    fputs("' \\\n", stdout);
}

static void zsh_verb(verb_id verb) {
    verb_words w = options_verb_words(verb);
    follows after = of_arguments(verb);
    flag_words f;
    printf("    %s)\n        _arguments -s -S : \\\n", w.word);
    for (size_t i = 0; options_flag_words(&f, verb, i); i++) {
        if (f.letter) zsh_flag(&f, (char[]){f.letter, '\0'});
        zsh_flag(&f, f.names[0]);
        if (f.names[1]) zsh_flag(&f, f.names[1]);
    }
    fputs("        '*:argument: _harness_words", stdout);
    print_literals(verb);
    if (after.values) printf(" @%s", flag_values_name(after.values));
    if (kind_of_files(after)) printf(" %s", kind_of_files(after));
    fputs("' ;;\n", stdout);
}

void help_zsh(void) {
    fputs("#compdef harness\n"
          "# zsh completion of harness, made by `harness help --format zsh`\n"
          "_harness_values() {\n"
          "    local -a list dir\n"
          "    local flag=--task-dir\n"
          "    local -i at=${words[(I)$flag]}\n"
          "    local joined=${words[(R)$flag=*]}\n"
          "    # a word as typed: nothing of it but ~/ is expanded, since a pattern may run "
          "commands\n"
          "    ((at)) && dir=($flag ${${(Q)words[at+1]}/#\\~\\//$HOME/})\n"
          "    [[ -z $joined ]] || dir=($flag ${${(Q)${joined#*=}}/#\\~\\//$HOME/})\n"
          "    list=(${(f)\"$($program help --values $1 $dir 2>/dev/null)\"})\n"
          "    compset -P '*,'\n"
          "    compadd -a list\n"
          "    [[ -z $2 ]] || \"${@:2}\" # files too\n"
          "}\n"
          "_harness_words() {\n"
          "    local word named=''\n"
          "    local -a typed\n"
          "    typed=($words[2,CURRENT-1])\n"
          "    for word in $@; do\n"
          "        [[ $word == [a-z]* ]] && ((${typed[(Ie)$word]})) && named=1\n"
          "    done\n"
          "    for word in $@; do\n"
          "        case $word in\n"
          "        @*) _harness_values ${word#@} ;;\n"
          "        -f) _files ;;\n"
          "        -d) _files -/ ;;\n"
          "        *) [[ -n $named ]] || compadd -- $word ;;\n"
          "        esac\n"
          "    done\n"
          "}\n"
          "_harness() {\n"
          "    local program=$words[1] verb=$words[2]\n"
          "    local -a verbs described\n"
          "    verbs=(",
          stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) printf(" %s", options_verb_words((verb_id)i).word);
    fputs(")\n    described=(\n", stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        verb_words w = options_verb_words((verb_id)i);
        printf("        '%s:", w.word);
        quoted(w.summary, ":\\", "'\\''");
        fputs("'\n", stdout);
    }
    fputs("    )\n"
          "    if ((CURRENT == 2)); then\n"
          "        _describe -t verbs verb described\n"
          "        compadd -- --help --version\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    ((CURRENT--))\n"
          "    case $verb in\n",
          stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) zsh_verb((verb_id)i);
    fputs("    esac\n"
          "}\n"
          "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _harness \"$@\"; "
          "else compdef _harness harness; fi\n",
          stdout);
}

static void fish_flag(const char *verb, const flag_words *f, const char *name) {
    follows w = of_flag(f);
    printf("complete -c harness -n '__harness_verb %s' -l %s", verb, name);
    if (f->letter && name == f->names[0]) printf(" -s %c", f->letter);
    if (f->argument) fputs(w.is_file || w.is_folder ? " -r -F" : " -x", stdout);
    if (w.values)
        printf(" -a '(__harness_values %s %s)'", flag_values_name(w.values),
               flag_values_is_list(w.values) ? "list" : "one");
    fputs(" -d '", stdout);
    quoted(f->help, "\\", "\\'");
    fputs("'\n", stdout);
}

static void fish_verb(verb_id verb) {
    verb_words w = options_verb_words(verb);
    follows after = of_arguments(verb);
    flag_words f;
    for (size_t i = 0; options_flag_words(&f, verb, i); i++)
        for (size_t k = 0; k < 2 && f.names[k]; k++) fish_flag(w.word, &f, f.names[k]);
    if (next_word((char[32]){0}, 32, w.arguments)) {
        printf("complete -c harness -n '__harness_first %s", w.word);
        print_literals(verb);
        fputs("' -a '", stdout);
        print_literals(verb);
        fputs("'\n", stdout);
    }
    if (after.values)
        printf("complete -c harness -n '__harness_verb %s' -a '(__harness_values %s one)'\n",
               w.word, flag_values_name(after.values));
    if (kind_of_files(after)) printf("complete -c harness -n '__harness_verb %s' -F\n", w.word);
}

void help_fish(void) {
    fputs(
        "# fish completion of harness, made by `harness help --format fish`\n"
        "function __harness_verb\n"
        "    set -l words (commandline -opc)\n"
        "    test \"$words[2]\" = $argv[1]\n"
        "end\n"
        "# none of the verb's own words is there yet\n"
        "function __harness_first\n"
        "    set -l words (commandline -opc)\n"
        "    test \"$words[2]\" = $argv[1]; or return 1\n"
        "    set -e words[1..2]\n"
        "    for word in $words\n"
        "        contains -- $word $argv[2..-1]; and return 1\n"
        "    end\n"
        "    return 0\n"
        "end\n"
        "function __harness_values\n"
        "    set -l words (commandline -opc)\n"
        "    set -l before\n"
        "    if test $argv[2] = list\n"
        "        set before (string replace -r '^--[^=]*=' '' -- (commandline -ct) | string match "
        "-r '.*,')\n"
        "    end\n"
        "    set -l line (commandline -op)\n"
        "    set -l dir (string match -- '--task-dir=*' $line)\n"
        "    set -l at (contains -i -- --task-dir $line)\n"
        "    and set dir --task-dir $line[(math $at + 1)]\n"
        "    set dir (string replace -r '^(--task-dir=|)~/' \"\\$1$HOME/\" -- $dir)\n"
        "    for value in ($words[1] help --values $argv[1] $dir 2>/dev/null)\n"
        "        echo -- \"$before$value\"\n"
        "    end\n"
        "end\n"
        "complete -c harness -f\n"
        "complete -c harness -n 'test (count (commandline -opc)) = 1' -l help -d 'show help'\n"
        "complete -c harness -n 'test (count (commandline -opc)) = 1' -l version\n",
        stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        verb_words w = options_verb_words((verb_id)i);
        printf("complete -c harness -n 'test (count (commandline -opc)) = 1' -a %s -d '", w.word);
        quoted(w.summary, "\\", "\\'");
        fputs("'\n", stdout);
    }
    for (size_t i = 0; i < VERB_COUNT; i++) fish_verb((verb_id)i);
}
