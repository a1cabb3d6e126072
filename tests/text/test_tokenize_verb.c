/* The verb as a user meets it. */
#include "platform/file.h"
#include "support/child.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n##가\n재미\n!\n";

static const char *vocab_path(void) {
    const char *path = temporary_path("vocab.txt");
    cr_assert_eq(file_write(path, vocab, sizeof vocab - 1), ERR_OK);
    return path;
}

static void expect(program_result *r, int code, const char *stream, const char *text) {
    cr_expect_eq(r->exit_code, code, "exit code %d\n%s", r->exit_code, r->err);
    cr_expect_not_null(strstr(stream, text), "no '%s' in:\n%s", text, stream);
}

Test(tokenize_verb, table_is_aligned_by_width) {
    program_result r = RUN("tokenize", "--cased", "--model", vocab_path(), "영화가 재미!");
    expect(&r, 0, r.out,
           "text 1: 영화가 재미!\n"
           "  position  piece      id  token_type_id  attention_mask\n"
           "         0  [CLS]       2              0               1\n"
           "         1  영화        5              0               1\n"
           "         2  ##가        6              0               1\n"
           "         3  재미        7              0               1\n"
           "         4  !           8              0               1\n"
           "         5  [SEP]       3              0               1\n");
}

Test(tokenize_verb, json_with_padding_and_truncation) {
    const char *path = vocab_path();
    program_result r =
        RUN("tokenize", "--cased", "--model", path, "--json", "--padding", "영화가", "재미");
    expect(
        &r, 0, r.out,
        "{\"text\":\"영화가\",\"pieces\":[\"[CLS]\",\"영화\",\"##가\",\"[SEP]\"],\"ids\":[2,5,6,3],"
        "\"token_type_ids\":[0,0,0,0],\"attention_mask\":[1,1,1,1],\"cut\":0}\n"
        "{\"text\":\"재미\",\"pieces\":[\"[CLS]\",\"재미\",\"[SEP]\",\"[PAD]\"],\"ids\":[2,7,3,0],"
        "\"token_type_ids\":[0,0,0,0],\"attention_mask\":[1,1,1,0],\"cut\":0}\n");
    r = RUN("tokenize", "--cased", "--model", path, "--json", "--max-length", "3", "영화가");
    expect(&r, 0, r.out,
           "\"ids\":[2,5,3],\"token_type_ids\":[0,0,0],\"attention_mask\":[1,1,1],\"cut\":1");
    r = RUN("tokenize", "--cased", "--model", path, "--json", "--max-length", "6", "--padding",
            "영화");
    expect(&r, 0, r.out, "\"ids\":[2,5,3,0,0,0]");
    r = RUN("tokenize", "--cased", "--model", path, "--max-length", "4", "영화가 재미");
    expect(&r, 0, r.out, "  1 more piece was cut off\n");
    r = RUN("tokenize", "--cased", "--model", path, "--max-length", "3", "영화가 재미");
    expect(&r, 0, r.out, "  2 more pieces were cut off\n");
}

/* Whoever asks through a pipe, and waits for each answer. */
Test(tokenize_verb, a_pipe_is_answered_at_once) {
    const char *path = vocab_path();
    const child_setup setup = {.in = temporary_path("pipe")};
    child c;
    struct stat out = {0};
    cr_assert_eq(mkfifo(setup.in, 0600), 0);
    child_start(&c, &setup,
                (const char *const[]){"tokenize", "--cased", "--model", path, "--json", NULL});
    int in = open(setup.in, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(write(in, "영화\n", 7), 7);
    for (int i = 0; i < 1000 && !out.st_size; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        cr_assert_eq(stat(c.out, &out), 0);
    }
    cr_expect_gt(out.st_size, 0);
    close(in);
    program_result r = child_end(&c, 20);
    expect(&r, 0, r.out, "\"ids\":[2,5,3]");
}

Test(tokenize_verb, bad_use_is_named) {
    const char *path = vocab_path();
    program_result r = RUN("tokenize", "영화");
    expect(&r, 1, r.err, "no finished run under ./runs");
    r = RUN("tokenize", "--model", "no/such/folder", "영화");
    expect(&r, 2, r.err, "unknown model 'no/such/folder': neither a preset");
    r = RUN("tokenize", "--model", "tiny", "영화");
    expect(&r, 2, r.err, "preset 'tiny' has no vocabulary before it is trained");
    r = RUN("tokenize", "--model", path, "--max-length", "1", "영화");
    expect(&r, 2, r.err, "--max-length expects at least 2, for [CLS] and [SEP], found '1'");
    r = RUN("tokenize", "--model", path, "--checkpoint", ".", "영화");
    expect(&r, 2, r.err, "--model and --checkpoint exclude each other");
    r = RUN("tokenize", "--model", path, "ok", "\xFF");
    expect(&r, 1, r.err,
           "text 2: byte 1 is not UTF-8; text in CP949 has to be converted first: iconv");
    const char *empty = temporary_path("empty.txt");
    cr_assert_eq(file_write(empty, "", 0), ERR_OK);
    r = RUN("tokenize", "--model", empty, "a");
    expect(&r, 1, r.err, "empty.txt: has no token, expected one a line");
}

Test(tokenize_verb, takes_the_model_in_a_run) {
    cr_assert_eq(folder_make(temporary_path("run/model")), ERR_OK);
    cr_assert_eq(file_write(temporary_path("run/model/vocab.txt"), vocab, sizeof vocab - 1),
                 ERR_OK);
    program_result r =
        RUN("tokenize", "--checkpoint", temporary_path("run"), "--json", "--cased", "영화");
    expect(&r, 0, r.out, "\"ids\":[2,5,3]");
    r = RUN("tokenize", "--model", temporary_path("run"), "--json", "재미", "!");
    // BertTokenizer's rule where no file says the case, and a loud word about it
    cr_expect_not_null(strstr(r.err, "for a cased model say --cased, or write"), "%s", r.err);
    expect(&r, 0, r.out, "\"ids\":[2,1,3]");
    r = RUN("tokenize", "--checkpoint", temporary_path("absent"), "영화");
    expect(&r, 1, r.err, "absent: no such folder");
}
