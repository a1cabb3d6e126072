/* "-" is standard input where a file or texts are read once; elsewhere it is refused by name. */
#include "base/memory.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char *const labels[] = {"good", "bad"};

static void setup(void) {
    model_folder_make(temporary_path("m"), labels, 2, NULL);
}

TestSuite(standard_input, .init = setup);

/* What a shell makes of the line: H stands for the program. */
static program_result shell(const char *line) {
    strbuf command = {0};
    program_result p = {0};
    MUST(strbuf_printf(&command, "cd '%s' && H='%s'; { %s; } >out 2>err", temporary_folder(),
                       HARNESS_PROGRAM, line));
    p.exit_code = WEXITSTATUS(system(command.text));
    p.out = temporary_text("out");
    p.err = temporary_text("err");
    strbuf_free(&command);
    return p;
}

/* Both lines end well and print the same. */
static void expect_same(const char *a, const char *b) {
    program_result p = shell(a), q = shell(b);
    cr_assert_eq(p.exit_code, 0, "%s: %s", a, p.err);
    cr_assert_eq(q.exit_code, 0, "%s: %s", b, q.err);
    cr_expect_str_eq(p.out, q.out, "%s and %s", a, b);
    cr_expect_neq(*p.out, '\0', "%s", a);
}

Test(standard_input, texts) {
    const char *uses[][2] = {
        {"$H predict -c m --device cpu '가 나' '-'",
         "printf '가 나\\n-\\n' | $H predict -c m --device cpu -"},
        {"$H tokenize -c m '가 나'", "printf '가 나\\n' | $H tokenize -c m -"},
        {"printf '가 나\\n' | $H tokenize -c m --pair - 2>&1; true",
         "printf '가 나\\n' | $H tokenize -c m --pair 2>&1; true"},
        {"$H fill-mask '영화 [MASK]' --device cpu",
         "echo '영화 [MASK]' | $H fill-mask --device cpu -"},
        {"printf 'text\\n가 나\\n' >f.csv; $H predict -c m --device cpu --input f.csv",
         "$H predict -c m --device cpu --input - <f.csv"},
        {"$H predict -c m --device cpu --input f.csv",
         "$H predict -c m --device cpu --input f.csv --output -"},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) expect_same(uses[i][0], uses[i][1]);
}

static void expect_refused(const char *line, int code, const char *says) {
    program_result p = shell(line);
    cr_expect_eq(p.exit_code, code, "%s: %d, %s", line, p.exit_code, p.err);
    cr_expect(strstr(p.err, says), "%s: no '%s' in %s", line, says, p.err);
}

/* Text that is not UTF-8 is named, with the command that converts it. */
Test(standard_input, text_of_other_encodings) {
    static const char cp949[] = "text in CP949 has to be converted first: iconv -f CP949 -t UTF-8";
    // "안녕", and "가,나" with a byte order mark and without
    expect_refused("printf '\\276\\310\\263\\347\\n' | $H predict -c m --device cpu", 1, cp949);
    expect_refused("printf '\\276\\310\\263\\347\\n' | $H tokenize -c m", 1, cp949);
    expect_refused("printf '\\276\\310\\263\\347\\n' | $H fill-mask --device cpu", 1, cp949);
    expect_refused("printf '가\\n\\352\\260' | $H predict -c m --device cpu", 1,
                   "ends within a letter: it was cut off");
    expect_refused("$H tokenize -c m --pair 가 \"$(printf '\\276\\310')\"", 1,
                   "text 1: byte 1 of the second is not UTF-8; text in CP949");
    expect_refused("$H predict -c m --device cpu \"$(printf '\\276\\310')\"", 2, cp949);
    expect_refused("$H fill-mask --targets \"$(printf '\\276\\310')\" x", 2,
                   "--targets: byte 1 is not UTF-8");
    expect_refused("printf 'text\\n\\276\\310\\n' | $H predict -c m --device cpu --input - "
                   "--text-column text",
                   1, cp949);
    expect_refused("printf '\\377\\376\\000\\254\\n\\000' | $H predict -c m --device cpu", 1,
                   "is text in UTF-16, text in UTF-8 is expected: convert it first: iconv -f "
                   "UTF-16 -t UTF-8");
    expect_refused("printf '\\377\\376\\000\\254\\n\\000' | $H tokenize -c m", 1,
                   "text 1: is text in UTF-16, text in UTF-8 is expected: convert it first: iconv "
                   "-f UTF-16 -t UTF-8");
}

Test(standard_input, records, .timeout = 300) {
    RUN_WELL("run", "--task", "kor_hate", "--sample", "--model", "tiny", "--device", "cpu",
             "--max-steps", "2", "-q", "-o", "a");
    expect_same("$H eval --record a/record.json --json",
                "$H eval --record - --json <a/record.json | sed 's|standard input|a/record.json|'");
    expect_same("$H compare a a --json",
                "$H compare - a --json <a/record.json | sed 's|standard input|a|'");
    expect_refused("$H compare - - <a/record.json", 2, "- (standard input) can be read once alone");
    // of a sample, which results refuse, by the name that they give it
    expect_refused("$H results add - <a/record.json", 1, "standard input: key 'partial' is true");
    expect_refused("$H results check - <a/record.json", 1, "standard input: key 'partial' is true");
    expect_refused("echo x | $H eval --record -", 1, "standard input");
}

Test(standard_input, elsewhere_it_is_refused_by_name) {
    static const struct {
        const char *line, *says;
    } uses[] = {
        {"$H run --train-file -", "standard input (-) cannot be: name a file"},
        {"$H run --train-file m/config.json --test-file -", "standard input (-) cannot be"},
        {"$H tasks new -", "standard input (-) cannot be: name a file"},
        {"$H run --task kor_hate --sample --recipe -", "a recipe from standard input (-)"},
        {"$H corpus stats -", "a corpus is read more than once, which standard input (-)"},
        {"$H pretrain --model tiny --corpus -",
         "a corpus is read more than once, which standard input (-)"},
        {"$H eval --task kor_hate --predictions -", "--predictions -: standard output"},
        {"$H data stats kor_hate --sample --svg -", "--svg -: standard output"},
        {"$H tasks new m/config.json --output -", "--output -: standard output"},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        expect_refused(uses[i].line, 2, uses[i].says);
        cr_expect(!file_named(temporary_path("-")), "%s made a file", uses[i].line);
    }
}
