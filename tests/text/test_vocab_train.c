#include "text/vocab_internal.h"

#include "base/memory.h"
#include "data/dataset.h"
#include "support/must.h"
#include "support/program.h"
#include "task/task.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// The tokens behind the special ones, joined with blanks.
static const char *learned(const tokenizer *t) {
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 5; i < t->count && n < sizeof text; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 5 ? " " : "", t->tokens[i]);
    }
    return text;
}

static void train(tokenizer *t, const char *const *texts, size_t count, const vocab_options *o) {
    text_span spans[64];
    for (size_t i = 0; i < count; i++) spans[i] = (text_span){texts[i], strlen(texts[i])};
    err e = vocab_train(t, spans, count, o);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
}

CleanTest(vocab_train, merges_worked_by_hand) {
    static const struct {
        const char *text;
        vocab_options o;
        const char *want;
    } cases[] = {
        {"", {0}, ""},
        {"a", {0}, "a"},
        // 2x ab, 1x ac: (a, ##b) twice, then nothing reaches the frequency of 2
        {"ab ac ab", {0}, "a b c ##b ##c ab"},
        {"ab ac ab", {.min_frequency = 1}, "a b c ##b ##c ab ac"},
        // 3x abc: (a, ##b) and (##b, ##c) tie: the smaller ids go first
        {"abc abc abc", {0}, "a b c ##b ##c ab abc"},
        {"abc abc abc", {.size = 11}, "a b c ##b ##c ab"},
        {"abc abc abc", {.size = 1}, "a b c ##b ##c"},
        // (##b, ##c) 3 beats (a, ##b) 2; then a##bc 2
        {"abc abc xbc", {0}, "a b c x ##b ##c ##bc abc"},
        // 6x (a, ##b), which takes one of the 4 (##b, ##c): the 4 (##y, ##z) go before the 3 left
        {"ab ab ab ab ab abc lbc mbc nbc hyz iyz jyz kyz",
         {.size = 23},
         "a b c h i j k l m n y z ##b ##c ##y ##z ab ##yz"},
        // aaaa: a ##a ##a ##a twice: (##a, ##a) counts 4, taken from the left, then (a, ##aa) 2,
        // (aaa, ##a) 2
        {"aaaa aaaa", {0}, "a ##a ##aa aaa aaaa"},
        {"가나다 가나다 라나다", {0}, "가 나 다 라 ##나 ##다 ##나다 가나다"},
        // the alphabet keeps the most frequent; what stands around a dropped character joins
        {"axb axb ab ab", {.alphabet_limit = 2}, "a b ##b ab"},
        // punctuation and ideographs are words of their own; marks of the text are no special
        // tokens
        {"ab! ab! 中國 [SEP]", {0}, "! E P S [ ] a b 中 國 ##E ##P ##b ab"},
        {"Ab aB", {0}, "A B a b ##B ##b"},
        {"Ab aB", {.lowercase = true}, "a b ##b ab"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tokenizer t;
        train(&t, &cases[i].text, 1, &cases[i].o);
        cr_assert_str_eq(learned(&t), cases[i].want, "case %zu: %s", i, learned(&t));
        cr_assert(t.pad_id == 0 && t.unk_id == 1 && t.cls_id == 2 && t.sep_id == 3 &&
                  t.mask_id == 4);
        tokenizer_free(&t);
    }
}

CleanTest(vocab_train, order_of_texts_does_not_matter) {
    static const char *const texts[] = {"오늘 날씨가 좋다", "날씨가 흐리다", "오늘은 좋다",
                                        "흐린 날씨", "좋다 좋다"};
    char first[65], hash[65];
    for (size_t shift = 0; shift < 5; shift++) {
        const char *turned[5];
        tokenizer t;
        for (size_t i = 0; i < 5; i++) turned[i] = texts[(i + shift) % 5];
        train(&t, turned, 5, NULL);
        tokenizer_hash(&t, hash);
        if (!shift) memcpy(first, hash, sizeof hash);
        cr_assert_str_eq(hash, first, "shift %zu", shift);
        cr_assert_neq(tokenizer_find(&t, "날씨"), TOKENIZER_NO_ID);
        tokenizer_free(&t);
    }
}

/* A word is one, whatever stands behind it and however often the table of them grew. */
CleanTest(vocab_train, each_word_is_counted_once) {
    enum { WORDS = 3000 };
    static char text[2 * WORDS * 8];
    size_t n = 0;
    tokenizer t;
    word_counts w = {0};
    const char *const letters[] = {"a"};
    for (size_t i = 0; i < 2 * WORDS; i++) {
        size_t word = i < WORDS ? i : 2 * WORDS - 1 - i;
        n += (size_t)snprintf(text + n, sizeof text - n, "w%zu ", word);
    }
    text_span span = {text, n};
    train(&t, letters, 1, NULL);
    MUST(vocab__count_words(&w, &t, &span, 1));
    cr_expect_eq(w.count, WORDS, "%zu", w.count);
    for (size_t i = 0; i < w.count; i++) cr_assert_eq(w.words[i].times, 2);
    vocab__free_words(&w);
    tokenizer_free(&t);
}

CleanTest(vocab_train, bad_text_is_named) {
    text_span spans[] = {{"good", 4}, {"ba\xFF", 3}};
    tokenizer t;
    cr_assert_eq(vocab_train(&t, spans, 2, NULL), ERR_FORMAT);
    cr_assert_str_eq(err_message(ERR_FORMAT),
                     "text 2 of the training texts: byte 2 of the text is not UTF-8");
    cr_assert_null(t.tokens);
}

Test(vocab_train, survives_lack_of_memory) {
    static const char *text = "가나다 가나다 라나다 axb axb";
    text_span span = {text, strlen(text)};
    size_t live = mem_live_count(), failures = 0;
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        tokenizer t;
        mem_fail_at(nth);
        err e = vocab_train(&t, &span, 1, NULL);
        mem_fail_at(0);
        cr_assert(e == ERR_OK || e == ERR_MEMORY, "%s", err_message(e));
        done = e == ERR_OK;
        failures += !done;
        tokenizer_free(&t);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)nth);
    }
    cr_assert_gt(failures, 50);
}

/* On nsmc's 150,000 training texts, encoded with the vocabulary that they trained, the
 * BertWordPieceTokenizer of tokenizers 0.23.3 (cased, 8,000, limits as by default) gave 2,503,541
 * tokens for 1,541,234 words, 27,414 of them unknown: tests/peer/tokenizer_compare.py counts
 * again. */
Test(vocab_train, as_good_as_hugging_face_on_nsmc) {
    enum { ROWS = 150000, WORDS = 1541234, TOKENS = 2503541, UNKNOWN = 27414 };
    need_environment("HARNESS_DATA");
    task nsmc = {0};
    dataset data = {0};
    tokenizer t;
    encoding e = {0};
    text_span *spans;
    size_t tokens = 0, unknown = 0;
    cr_assert_eq(task_find(&nsmc, "nsmc", NULL), ERR_OK);
    err r = dataset_load(&data, &nsmc, &(dataset_options){.trust_files = true});
    cr_assert_eq(r, ERR_OK, "%s", err_message(r));
    cr_assert_eq(data.train.row_count, ROWS);
    cr_assert_eq(mem_new(&spans, ROWS), ERR_OK);
    for (size_t i = 0; i < ROWS; i++) {
        spans[i] = data.train.rows[i].example.texts[0];
    }
    clock_t start = clock(); // time of the processor: the machine may be busy
    cr_assert_eq(vocab_train(&t, spans, ROWS, NULL), ERR_OK);
    cr_assert_lt((double)(clock() - start) / CLOCKS_PER_SEC, 10.0);
    cr_assert_eq(t.count, 8000);
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert_eq(tokenizer_encode(&t, &e, spans[i].text, spans[i].bytes, 0), ERR_OK);
        tokens += e.count - 2;
        unknown += e.unknown;
    }
    cr_assert_float_eq((double)tokens / WORDS, (double)TOKENS / WORDS, 0.02 * TOKENS / WORDS, "%zu",
                       tokens);
    cr_assert_float_eq((double)unknown / WORDS, (double)UNKNOWN / WORDS, 0.02 * UNKNOWN / WORDS,
                       "%zu", unknown);
    mem_free(spans);
    encoding_free(&e);
    tokenizer_free(&t);
    dataset_free(&data);
    task_free(&nsmc);
}
