/* `harness fill-mask`, ids back to text, and the models that come with the program. */
#include "base/json.h"
#include "base/memory.h"
#include "model/head/head.h"
#include "model/weights/weights.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"
#include "text/tokenizer.h"
#include "train/checkpoint/checkpoint.h"
#include "train/evaluate/fill_mask.h"
#include "train/run/shipped.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(fill_mask, .fini = nothing_left);

static const char *const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화",
                                     "##가",  ".",     "'",     "s",     "'s",     "###x",
                                     "...",   "n't",   "do",    "##.",   "재미"};
enum { TOKENS = sizeof tokens / sizeof *tokens };

static void tokenizer_make(tokenizer *t) {
    char *list[TOKENS];
    for (size_t i = 0; i < TOKENS; i++) list[i] = (char *)(uintptr_t)tokens[i];
    MUST(tokenizer_from_tokens(t, list, TOKENS, false));
}

/* Expected texts are what BertTokenizerFast of transformers 4.46.3 gives for these ids. */
Test(fill_mask, ids_are_decoded_as_by_transformers) {
    static const struct {
        uint32_t ids[8], count;
        bool skip, cleans;
        const char *text;
    } list[] = {
        {{2, 5, 6, 7, 3}, 5, true, false, "영화가."},
        {{2, 5, 6, 7, 3}, 5, false, false, "[CLS] 영화가. [SEP]"},
        {{6, 5}, 2, true, false, "##가 영화"},
        {{5, 11}, 2, true, false, "영화#x"},
        {{5, 8, 9, 5}, 4, true, false, "영화 ' s 영화"},
        {{5, 8, 9, 5}, 4, true, true, "영화's 영화"},
        {{5, 10, 12, 13}, 4, true, false, "영화's...n't"},
        {{5, 1, 16}, 3, true, false, "영화 재미"},
        {{5, 15, 16}, 3, true, false, "영화. 재미"},
        {{4}, 1, false, false, "[MASK]"},
        {{2, 3}, 2, true, false, ""},
    };
    tokenizer t;
    tokenizer_make(&t);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        strbuf out = {0};
        t.cleans_spaces = list[i].cleans;
        MUST(tokenizer_decode(&t, &out, list[i].ids, list[i].count, list[i].skip));
        cr_expect_str_eq(out.text, list[i].text, "%zu", i);
        strbuf_free(&out);
    }
    tokenizer_free(&t);
}

#if HARNESS_CPU

/* A masked language model with random weights, of which the classifier's folder gives all but the
 * head. */
static const char *make_model_of(float range) {
    const char *made = temporary_path("c"), *folder = temporary_path("m");
    base_model s;
    device d;
    struct model m;
    model_folder_make(made, NULL, 2, NULL);
    MUST(base_model_open_folder(&s, made, &(base_model_options){0}));
    s.config.head = &head_masked_lm;
    MUST(device_open_named(&d, "reference", NULL));
    MUST(model_init(&m, &d, &s.config, 0));
    MUST(params_draw(&m.params, 7, range, NULL));
    MUST(model_folder_write(folder, &m, &s.tokenizer));
    model_free(&m);
    device_close(&d);
    base_model_free(&s);
    return folder;
}

static const char *make_model(void) {
    return make_model_of(0.5f);
}

/* Words as they are, by their first pieces, or not at all, of which it is said; each once. */
Test(fill_mask, targets_are_tokens) {
    static const char *const words[] = {"영", "영화", "b", "b", "Q"};
    static const uint32_t expected[] = {5, 16};
    fill_mask f;
    uint32_t *ids = NULL;
    size_t count = 0;
    MUST(fill_mask_open(&f, make_model(), &(base_model_options){0}, "cpu", NULL));
    said_begin();
    MUST(fill_mask_targets(&ids, &count, &f, words, 4));
    char *said = said_end();
    cr_assert_eq(count, 2, "%zu", count);
    cr_assert_arr_eq(ids, expected, sizeof expected);
    cr_expect_not_null(strstr(said, "target '영화' is no token: '영' is taken for it"), "%s", said);
    cr_expect_null(strstr(said, "target 'b'"), "%s", said);
    mem_free(said);
    mem_free(ids);
    ids = NULL;
    MUST(fill_mask_targets(&ids, &count, &f, words + 4, 1));
    cr_expect_eq(count, 1); // [UNK] is a piece
    mem_free(ids);
    ids = NULL;
    static const char *const blank[] = {""};
    said_begin();
    err e = fill_mask_targets(&ids, &count, &f, blank, 1);
    said = said_end();
    cr_expect_eq(e, ERR_USAGE);
    cr_expect_str_eq(err_message(ERR_USAGE), "none of the targets is a token of the model");
    cr_expect_not_null(strstr(said, "target '' is no token and has no pieces: it is passed over"),
                       "%s", said);
    mem_free(said);
    mem_free(ids);
    fill_mask_close(&f);
}

/* Of equal scores the token that comes first; padding is no part of what is shown. */
Test(fill_mask, equal_choices_are_in_the_order_of_the_vocabulary) {
    fill_mask f;
    fill_answer all;
    strbuf text = {0};
    MUST(fill_mask_open(&f, make_model_of(0), &(base_model_options){0}, "cpu", NULL));
    MUST(fill_mask_run(&all, &f, "[PAD] [MASK] 영 [MASK]", NULL, 0, SIZE_MAX));
    for (size_t i = 0; i < all.top; i++) {
        cr_assert_eq(all.choices[i].token, i);
        cr_assert_float_eq(all.choices[i].score, 1.0 / (double)all.top, 1e-9);
    }
    MUST(fill_answer_sequence(&text, &f, &all, 0, 5));
    cr_expect_str_eq(text.text, "[CLS] 영 영 [MASK] [SEP]");
    strbuf_free(&text);
    fill_answer_free(&all);
    fill_mask_close(&f);
}

/* A model that has gone wrong in training says so, and no list of words at random. */
Test(fill_mask, numbers_that_are_none_are_refused) {
    fill_mask f;
    fill_answer answer;
    const float none[] = {NAN};
    MUST(fill_mask_open(&f, make_model(), &(base_model_options){0}, "cpu", NULL));
    const param *bias = params_at(&f.model.params, PARAM_lm_output_bias, 0);
    MUST(device_write_f32(span_part(bias->p, 0, 1), none, 1));
    MUST_FAIL(fill_mask_run(&answer, &f, "가 [MASK]", NULL, 0, 5), ERR_NUMERIC,
              "the logit of token 0 is not finite");
    fill_answer_free(&answer);
    fill_mask_close(&f);
}

static void fails(int code, const char *says, program_result r) {
    cr_expect_eq(r.exit_code, code, "%s", r.err);
    cr_expect_not_null(strstr(r.err, says), "'%s' in: %s", says, r.err);
}

/* Scores of all tokens are a distribution, in order; targets choose among them and top bounds them.
 */
Test(fill_mask, choices_are_ordered_and_targets_keep_their_scores) {
    fill_mask f;
    fill_answer all, some, two;
    MUST(fill_mask_open(&f, make_model(), &(base_model_options){0}, "cpu", NULL));
    MUST(fill_mask_run(&all, &f, "가 [MASK]", NULL, 0, SIZE_MAX));
    cr_assert_eq(all.top, f.base_model.config.vocabulary);
    cr_assert_eq(all.mask_count, 1);
    double sum = 0;
    for (size_t i = 0; i < all.top; i++) {
        sum += all.choices[i].score;
        cr_assert(!i || all.choices[i].score <= all.choices[i - 1].score, "%zu", i);
    }
    cr_assert_float_eq(sum, 1, 1e-9);
    const uint32_t targets[] = {all.choices[3].token, all.choices[1].token};
    MUST(fill_mask_run(&some, &f, "가 [MASK]", targets, 2, 5));
    cr_assert_eq(some.top, 2);
    cr_assert_eq(some.choices[0].token, targets[1]);
    cr_assert_eq(some.choices[1].score, all.choices[3].score);
    // of several masks each is answered with the others in place
    MUST(fill_mask_run(&two, &f, "[MASK] 가 [MASK]", NULL, 0, 2));
    cr_assert_eq(two.mask_count, 2);
    strbuf text = {0};
    MUST(fill_answer_sequence(&text, &f, &two, 1, 0));
    cr_assert_not_null(strstr(text.text, "[CLS] [MASK] "), "%s", text.text);
    strbuf_free(&text);
    fill_answer_free(&all);
    fill_answer_free(&some);
    fill_answer_free(&two);
    fill_mask_close(&f);
}

Test(fill_mask, the_verb_prints_the_pipelines_lists) {
    const char *m = make_model();
    program_result r = RUN("fill-mask", "--model", m, "--device", "cpu", "--json", "--top-k", "3",
                           "가 [MASK]", "[MASK] 가 [MASK]");
    cJSON *one = NULL, *two = NULL;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    char *next = strchr(r.out, '\n');
    *next++ = '\0';
    MUST(json_parse(&one, r.out, strlen(r.out), "one"));
    MUST(json_parse(&two, next, strlen(next), "two"));
    cr_assert_eq(cJSON_GetArraySize(one), 3);
    cr_assert_eq(cJSON_GetArraySize(two), 2);
    cr_assert_eq(cJSON_GetArraySize(cJSON_GetArrayItem(two, 1)), 3);
    const cJSON *best = cJSON_GetArrayItem(one, 0);
    static const char *const keys[] = {"score", "token", "token_str", "sequence"};
    for (size_t i = 0; i < 4; i++) cr_expect(json_has(best, keys[i]), "%s", keys[i]);
    cJSON_Delete(one);
    cJSON_Delete(two);
    fails(1, "text 2: there is no [MASK] in the text '가'",
          RUN("fill-mask", "--model", m, "--device", "cpu", "[MASK]", "가"));
    fails(1, "the model takes 32 at most",
          RUN("fill-mask", "--model", m, "--device", "cpu",
              "[MASK] 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 가 "
              "가 가 가 "
              "가 가 가 가"));
    fails(2, "--top-k expects a whole number from 1",
          RUN("fill-mask", "--model", m, "--top-k", "0", "[MASK]"));
    fails(2, "byte 1 is not UTF-8", RUN("fill-mask", "--model", m, "\xFF [MASK]"));
    fails(2, "preset 'tiny' has no weights", RUN("fill-mask", "--model", "tiny", "[MASK]"));
    fails(1, "no masked language model there",
          RUN("fill-mask", "--model", "c", "--device", "cpu", "[MASK]"));
}

Test(fill_mask, the_programs_models_are_known_by_name_and_offline) {
    static const char *const models[] = {"ko-tiny", "ko-mini"};
    for (size_t i = 0; i < 2; i++) {
        const char *m = models[i];
        cr_assert(shipped_known(m));
        // a folder of that name here is named ./NAME
        MUST(folder_make(temporary_path(m)));
        program_result r = RUN("tokenize", "--model", m, "--offline", "영화");
        cr_expect_eq(r.exit_code, 0, "%s: %s", m, r.err);
        fails(2, "is a model of the program",
              RUN("run", "--task", "kor_hate", "--sample", "--model", m, "--revision", "main"));
        r = RUN("run", "--task", "kor_hate", "--sample", "--limit", "8", "--max-steps", "1",
                "--device", "cpu", "--model", m, "-o", i ? "b" : "a");
        cr_expect_eq(r.exit_code, 0, "%s: %s", m, r.err);
    }
    fails(2, "did you mean 'ko-tiny'?", RUN("fill-mask", "--model", "ko-tny", "[MASK]"));
    program_result r = RUN("fill-mask", "--device", "cpu", "[MASK]");
    cr_expect(strstr(r.err, "model   " SHIPPED_DEFAULT " (--model names another)"), "%s", r.err);
    cr_assert_eq(strcmp(model_recipe_name("ko-tiny"), "ko-tiny"), 0);
    cr_assert_eq(strcmp(model_recipe_name("org/model"), "trainer"), 0);
}
#endif
