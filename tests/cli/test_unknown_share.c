/* A vocabulary that does not fit the texts is said by each verb that reads many of them. */
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <string.h>

#if HARNESS_CPU

TestSuite(unknown_share, .init = forget_data, .fini = nothing_left);

#define VOCAB HARNESS_SOURCE_DIR "/models/ko-tiny/vocab.txt"
#define PRETRAIN                                                                                   \
    "pretrain", "--corpus", "./lines.txt", "--data", "none", "--device", "cpu", "--threads", "1",  \
        "--max-steps", "1", "--model", "tiny"
#define CPU "--device", "cpu", "--threads", "1"

/* says: part of the warning; NULL: there is none. */
static void check(program_result r, const char *says) {
    const char *found = strstr(r.err, "[UNK]");
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    if (says)
        cr_expect(found && strstr(r.err, says), "'%s' in: %s", says, r.err);
    else
        cr_expect_null(found, "%s", r.err);
    cr_expect(!found || !strstr(found + 1, "[UNK]"), "twice: %s", r.err);
}

static void write_texts(void) {
    strbuf lines = {0};
    for (int i = 0; i < 200; i++) MUST(strbuf_printf(&lines, "정말 재미 있는 영화 a %d\n", i));
    temporary_put("lines.txt", lines.text);
    strbuf_free(&lines);
    temporary_put("poor.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n");
    temporary_put("rows.tsv", "comment\n정말 재미 있는 영화\n좋은 음악\n");
    MUST(folder_make(temporary_path("folded")));
    temporary_put("folded/tokenizer_config.json",
                  "{\"tokenizer_class\": \"BertTokenizer\", \"do_lower_case\": true}");
}

static void copy_vocabulary(void) {
    char *text = NULL;
    size_t bytes = 0;
    MUST(file_read((void **)&text, &bytes, VOCAB, 0));
    MUST(file_write(temporary_path("folded/vocab.txt"), text, bytes));
    mem_free(text);
}

Test(unknown_share, most_of_the_tokens_is_worth_a_warning) {
    static const char says[] = "83 % of the tokens are [UNK]: does the vocabulary fit Korean text "
                               "as it is here?";
    write_texts();
    copy_vocabulary();
    check(RUN(PRETRAIN, "--vocab", VOCAB, "-o", "well"), NULL);
    check(RUN(PRETRAIN, "--vocab", "poor.txt", "-o", "poor"), says);
    check(RUN(PRETRAIN, "--vocab", "folded", "-o", "folded_model"), "(--cased)?");
    check(RUN("run", "--task", "kor_hate", "--sample", "--model", "poor", "--max-steps", "1", CPU,
              "-o", "run"),
          " % of the tokens are [UNK]");
    check(RUN("eval", "-c", "run", "--task", "kor_hate", "--sample", CPU),
          " % of the tokens are [UNK]");
    check(RUN("predict", "-c", "run", "--input", "rows.tsv", "--text-column", "comment", "--output",
              "said.tsv", CPU),
          "100 % of the tokens are [UNK]");
    check(RUN("predict", "-c", "run", "정말 재미", CPU), NULL);
}

#endif
