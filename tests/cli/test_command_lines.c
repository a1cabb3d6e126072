/* Commands to be copied, in lines that fit: a shell reads the same words. */
#include "cli/command_lines.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What a shell prints of the command's words. */
static void words_of(char *out, size_t size, const char *command) {
    strbuf script = {0};
    MUST(strbuf_printf(&script, "f() { printf '<%%s>' \"$@\"; }; f %s\n", command));
    const char *path = temporary_path("script");
    char line[400];
    MUST(file_write_quick(path, script.text, script.length));
    snprintf(line, sizeof line, "bash '%s' 2>&1", path);
    FILE *said = popen(line, "r");
    cr_assert(said);
    size_t n = fread(out, 1, size - 1, said);
    out[n] = '\0';
    cr_assert_eq(pclose(said), 0, "%s: %s", script.text, out);
    strbuf_free(&script);
}

Test(command_lines, break_outside_of_quotes_and_before_flags) {
    static const struct {
        size_t columns;
        const char *command, *lines;
    } cases[] = {
        {20, "run --task a", "  run --task a\n"},
        {14, "run --task a", "  run --task a\n"},
        {13, "run --task a", "  run \\\n      --task \\\n      a\n"},
        {24, "predict --model a --top-k 3", "  predict --model a \\\n      --top-k 3\n"},
        // a value goes with its flag while there is room for both
        {19, "predict --model a --top-k 3", "  predict \\\n      --model a \\\n      --top-k 3\n"},
        {23, "errors one two three four", "  errors one two \\\n      three four\n"},
        {16, "predict \"a b c\" 'd e'", "  predict \\\n      \"a b c\" \\\n      'd e'\n"},
        {14, "f a\\ b\\ c \"d\\\" e\" g", "  f a\\ b\\ c \\\n      \"d\\\" e\" \\\n      g\n"},
        {16, "f $'a\\' b' '\\' c d", "  f $'a\\' b' \\\n      '\\' c d\n"},
        {17, "f 'it'\\''s a' word", "  f 'it'\\''s a' \\\n      word\n"},
        {22, "predict 배우 연기 훌륭", "  predict 배우 연기 \\\n      훌륭\n"},
        {10, "averylongword another", "  averylongword \\\n      another\n"},
        {1, "a b", "  a \\\n      b\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strbuf lines = {0};
        char words[2][400];
        MUST(command_lines_add(&lines, "  ", cases[i].command, cases[i].columns));
        cr_expect_str_eq(lines.text, cases[i].lines, "case %zu:\n%s", i, lines.text);
        words_of(words[0], sizeof *words, cases[i].command);
        words_of(words[1], sizeof *words, lines.text);
        cr_expect_str_eq(words[0], words[1], "case %zu", i);
        strbuf_free(&lines);
    }
}
