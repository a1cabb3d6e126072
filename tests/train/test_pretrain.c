/* Pretraining: what a corpus gives a trainer, the same losses on two devices, and the verb as a
 * user runs it. */
#include "base/json.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/shown.h"
#include "base/sums.h"
#include "data/corpus/corpus.h"
#include "model/head/head.h"
#include "platform/file.h"
#include "result/record_strict.h"
#include "support/child.h"
#include "support/must.h"
#include "support/program.h"
#include "train/pretrain/corpus_feed.h"
#include "train/run/model_corpus.h"
#include "train/step/trainer.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(pretrain, .init = forget_data, .fini = nothing_left);

enum { VOCABULARY = 60, SENTENCES = 211, LONGEST = 24 };

typedef struct toy_corpus {
    tokenizer words;
    token_store store;
    masking masking;
} toy_corpus;

/* Sentence i is [CLS], a token that names it, others, [SEP]. */
static void corpus_make(toy_corpus *c) {
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    static char text[VOCABULARY][16];
    char *tokens[VOCABULARY], hash[HASH_HEX_BYTES];
    token_store_writer w;
    for (int i = 0; i < VOCABULARY; i++) {
        tokens[i] = text[i];
        snprintf(text[i], sizeof text[i], i < 5 ? "%s" : "w%s%d", i < 5 ? special[i] : "", i);
    }
    MUST(tokenizer_from_tokens(&c->words, tokens, VOCABULARY, false));
    tokenizer_hash(&c->words, hash);
    MUST(token_store_writer_open(&w, temporary_path("tokens"), hash, VOCABULARY));
    for (uint32_t i = 0; i < SENTENCES; i++) {
        uint32_t ids[LONGEST] = {2}, n = 3 + i * 7 % (LONGEST - 2);
        for (uint32_t k = 1; k + 1 < n; k++) ids[k] = 5 + (i * 13 + k * k * 5) % (VOCABULARY - 5);
        ids[n - 1] = 3;
        MUST(token_store_writer_add(&w, ids, n));
    }
    MUST(token_store_writer_close(&w));
    MUST(token_store_open(&c->store, temporary_path("tokens")));
    MUST(masking_init(&c->masking, &c->words, VOCABULARY, 0.15, false, 42));
}

static void corpus_free(toy_corpus *c) {
    masking_free(&c->masking);
    token_store_close(&c->store);
    tokenizer_free(&c->words);
}

/* The sentences of a step have the lengths of those whose turn it is; *place goes on. */
static void check_order(uint64_t *place, const feed *f, uint32_t s, const toy_corpus *c,
                        uint32_t seed, uint32_t epoch) {
    const pack_sentence *list = NULL;
    uint32_t n = 0;
    MUST(f->step(f->context, &list, &n, s));
    for (uint32_t i = 0; i < n; i++, ++*place) {
        uint64_t at = rng_permuted(*place, SENTENCES, seed, epoch);
        cr_assert_eq(list[i].count, token_store_length(&c->store, at), "step %u, sentence %u", s,
                     i);
    }
}

/* Sum over the ids of a step's sentences: tells steps apart. */
static uint64_t step_sum(const feed *f, uint32_t s, uint32_t *sentences, uint32_t *tokens) {
    const pack_sentence *list = NULL;
    uint64_t sum = 0;
    MUST(f->step(f->context, &list, sentences, s));
    *tokens = 0;
    for (uint32_t i = 0; i < *sentences; i++) {
        *tokens += list[i].count;
        for (uint32_t k = 0; k < list[i].count; k++) sum = sum * 1000003 + list[i].ids[k];
    }
    return sum;
}

static void check_epochs(const toy_corpus *c, const corpus_feed_options *o) {
    corpus_feed walked, sought;
    MUST(corpus_feed_init(&walked, &c->store, &c->masking, o));
    MUST(corpus_feed_init(&sought, &c->store, &c->masking, o));
    feed f = corpus_feed_of(&walked), g = corpus_feed_of(&sought);
    cr_assert_eq(f.total_steps, 2 * f.epoch_steps);
    uint64_t sums[64];
    cr_assert_leq(f.total_steps, 64);
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        uint32_t all = 0, all_tokens = 0, n = 0, tokens = 0;
        uint64_t place = 0;
        for (uint32_t i = 0; i < f.epoch_steps; i++) {
            uint32_t s = epoch * f.epoch_steps + i + 1;
            check_order(&place, &g, s, c, o->seed, epoch);
            sums[s - 1] = step_sum(&f, s, &n, &tokens);
            cr_assert(n > 0, "step %u is empty", s);
            if (o->tokens_per_batch)
                cr_assert_lt(tokens, o->tokens_per_batch + LONGEST, "step %u", s);
            else
                cr_assert_leq(n, o->batch_size, "step %u", s);
            all += n;
            all_tokens += tokens;
        }
        cr_assert_eq(all, SENTENCES);
        cr_assert_eq(all_tokens, c->store.tokens);
    }
    cr_assert_neq(sums[0], sums[f.epoch_steps], "both epochs begin alike");
    // in any order, as a resumed run asks for them
    for (uint32_t s = f.total_steps; s > 0; s -= s > 3 ? 3 : s) {
        uint32_t n = 0, tokens = 0;
        cr_assert_eq(step_sum(&g, s, &n, &tokens), sums[s - 1], "step %u", s);
    }
    corpus_feed_free(&walked);
    corpus_feed_free(&sought);
}

Test(pretrain, an_epoch_takes_every_sentence_once) {
    toy_corpus c;
    corpus_feed f;
    corpus_make(&c);
    check_epochs(&c, &(corpus_feed_options){.tokens_per_batch = 200, .epochs = 2, .seed = 42});
    check_epochs(&c, &(corpus_feed_options){.batch_size = 16, .epochs = 2, .seed = 42});
    check_epochs(&c, &(corpus_feed_options){.batch_size = 1000, .epochs = 2, .seed = 42});
    MUST_FAIL(
        corpus_feed_init(&f, &c.store, &c.masking,
                         &(corpus_feed_options){.tokens_per_batch = 2 * LONGEST - 1, .epochs = 1}),
        ERR_USAGE,
        "tokens_per_batch is 47, but the longest sentence has 24 tokens: expected 48 or more");
    corpus_feed_free(&f);
    MUST(corpus_feed_init(&f, &c.store, &c.masking,
                          &(corpus_feed_options){.tokens_per_batch = 2 * LONGEST, .epochs = 1}));
    corpus_feed_free(&f);
    MUST_FAIL(corpus_feed_init(&f, &c.store, &c.masking,
                               &(corpus_feed_options){.batch_size = 8, .epochs = 0}),
              ERR_USAGE, "no step");
    corpus_feed_free(&f);
    corpus_free(&c);
}

/* Words are chosen whole: however long they are, what was planned holds a step. */
Test(pretrain, whole_words_fit_their_micro_batches) {
    toy_corpus c;
    corpus_make(&c);
    masking_free(&c.masking);
    MUST(masking_init(&c.masking, &c.words, VOCABULARY, 0.0105, true, 42));
    batch_capacity need = {0};
    corpus_capacity(&need, &c.store, &c.masking, c.store.tokens);
    cr_assert_lt(need.chosen, c.store.tokens / 4);
    // two that follow each other hold more than one's; in the end every token is chosen
    cr_assert_geq((uint64_t)need.micros * need.chosen, 2 * c.store.tokens);
    corpus_free(&c);
}

enum { STEPS = 50 };

static void losses_on(float losses[STEPS], const char *selector, const toy_corpus *c) {
    device d;
    trainer t;
    corpus_feed feed_of;
    model_config config;
    recipe r;
    const corpus_feed_options o = {.tokens_per_batch = 150, .max_steps = STEPS, .seed = 42};
    recipe_defaults(&r);
    r.learning_rate = 3e-3;
    r.dropout = 0.1;
    MUST(model_config_preset(&config, "tiny", VOCABULARY));
    config.head = &head_masked_lm;
    config.hidden = 32;
    config.heads = 2;
    config.intermediate = 48;
    config.positions = LONGEST;
    MUST(device_open_named(&d, selector, NULL));
    MUST(corpus_feed_init(&feed_of, &c->store, &c->masking, &o));
    feed f = corpus_feed_of(&feed_of);
    MUST(trainer_init_feed(&t, &d, &config, &f, &r, &(trainer_options){.seed = 42}));
    MUST(params_draw(&t.model.params, 42, 0.02f, NULL));
    MUST(trainer_run(&t));
    memcpy(losses, t.losses, STEPS * sizeof *losses);
    trainer_free(&t);
    corpus_feed_free(&feed_of);
    device_close(&d);
}

#if HARNESS_CPU && HARNESS_VULKAN
/* Order, masks and dropout are functions of the seed: only rounding differs. */
Test(pretrain, losses_on_vulkan_are_those_of_the_cpu) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    float expected[STEPS], found[STEPS];
    toy_corpus c;
    corpus_make(&c);
    losses_on(expected, "cpu", &c);
    losses_on(found, test_device(), &c);
    cr_assert_float_eq(expected[0], logf(VOCABULARY), 0.2, "%g", (double)expected[0]);
    for (int s = 0; s < STEPS; s++)
        cr_assert_float_eq(found[s], expected[s], 1e-5f * expected[s], "step %d: %.9g, %.9g", s + 1,
                           (double)found[s], (double)expected[s]);
    corpus_free(&c);
}
#endif

#if HARNESS_CPU

#define VOCAB HARNESS_SOURCE_DIR "/models/ko-tiny/vocab.txt"
#define PRETRAIN                                                                                   \
    "pretrain", "--corpus", "./lines.txt", "--data", "none", "--device", "cpu", "--threads", "1",  \
        "--tokens-per-batch", "256", "--warmup-steps", "2", "--save-steps", "4", "--eval-steps",   \
        "6", "--max-steps"
#define PRESET "--model", "tiny", "--vocab", VOCAB

static void write_lines(void) {
    static const char *const words[] = {"영화", "정말", "재미", "있다", "배우", "연기",
                                        "좋은", "음악", "다시", "보고", "싶은"};
    strbuf text = {0};
    for (unsigned i = 0; i < 900; i++) {
        for (unsigned k = 0; k < 3 + i % 5; k++)
            MUST(strbuf_printf(&text, "%s ", words[(i * 7 + k * k + i / 11) % 11]));
        MUST(strbuf_printf(&text, "%u\n", i));
    }
    MUST(file_write(temporary_path("lines.txt"), text.text, text.length));
    strbuf_free(&text);
}

static cJSON *record_of(const char *folder) {
    char name[64];
    cJSON *root = NULL;
    snprintf(name, sizeof name, "%s/record.json", folder);
    MUST(json_read(&root, temporary_path(name), 0));
    return root;
}

static void check_equal(const char *a, const char *b, const char *key) {
    cJSON *x = record_of(a), *y = record_of(b);
    cr_assert(cJSON_Compare(cJSON_GetObjectItem(x, key), cJSON_GetObjectItem(y, key), true),
              "%s differs between %s and %s", key, a, b);
    cr_assert_not_null(cJSON_GetObjectItem(x, key));
    cJSON_Delete(x);
    cJSON_Delete(y);
}

/* As a run's record has them: typed as numpy names it, and every part with its checksum. */
static void check_losses(const char *folder) {
    cJSON *root = record_of(folder);
    const cJSON *loss = cJSON_GetObjectItem(root, "loss");
    void *bytes = NULL;
    size_t count = 0;
    cr_assert_str_eq(cJSON_GetObjectItem(loss, "type")->valuestring, "float32");
    MUST(base64_decode(&bytes, &count, cJSON_GetObjectItem(loss, "data")->valuestring));
    cr_expect_eq(count, 24 * sizeof(float));
    for (size_t i = 0; i < 24; i++) {
        float value = ((const float *)bytes)[i];
        cr_expect(value > 0 && value < 20, "step %zu: %g", i + 1, (double)value);
    }
    mem_free(bytes);
    cr_expect_eq(cJSON_GetObjectItem(root, "schema")->valueint, 2);
    MUST(record_checksums_check(root, folder));
    // what was changed since is told apart, by `runs` too
    cJSON_SetNumberValue(cJSON_GetObjectItem(root, "seed"), 7);
    cr_expect_eq(record_checksums_check(root, folder), ERR_FORMAT);
    err_clear();
    cJSON_Delete(root);
}

/* What was learned, where it lies and what comes next; `runs` has the same figure. */
static void check_shown(const char *folder, program_result r) {
    cJSON *root = record_of(folder);
    const cJSON *list = cJSON_GetObjectItem(root, "heldout");
    const cJSON *first = list->child,
                *last = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
    char line[120], next[120];
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_assert(first && last != first);
    cr_expect(strstr(r.out, "\nlines  tiny  "), "no name of the corpus in %s", r.out);
    for (int i = 0; i < 2; i++) {
        const cJSON *v = i ? last : first;
        snprintf(line, sizeof line, "\n  %-9.0f %8.4f %10.2f %8.4f\n",
                 cJSON_GetObjectItem(v, "step")->valuedouble,
                 cJSON_GetObjectItem(v, "loss")->valuedouble,
                 cJSON_GetObjectItem(v, "perplexity")->valuedouble,
                 cJSON_GetObjectItem(v, "accuracy")->valuedouble);
        cr_expect(strstr(r.out, line), "no %s in %s", line, r.out);
    }
    snprintf(next, sizeof next,
             "Next\n  harness fill-mask --model %s/model '이 영화 정말 [MASK]'\n", folder);
    cr_expect(strstr(r.out, next), "no %s in %s", next, r.out);
    r = RUN("runs", ".");
    snprintf(line, sizeof line, " %.2f perplexity ",
             cJSON_GetObjectItem(last, "perplexity")->valuedouble);
    cr_expect(strstr(r.out, line), "no %s in %s", line, r.out);
    cJSON_Delete(root);
}

/* Standard output is the record, and nothing else. */
static void check_json(const char *folder, program_result r) {
    cJSON *root = record_of(folder), *said = NULL;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    MUST(json_parse(&said, r.out, strlen(r.out), "output"));
    cr_expect(cJSON_Compare(root, said, true), "%s", r.out);
    cJSON_Delete(root);
    cJSON_Delete(said);
}

static void run_well(program_result r) {
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
}

/* Steps whose time `folder` says, and the tokens trained on in them, against a run in one process. */
static void check_timing(const char *folder, double steps) {
    cJSON *root = record_of(folder), *whole = record_of("whole");
    const cJSON *t = cJSON_GetObjectItem(root, "timing"), *w = cJSON_GetObjectItem(whole, "timing");
    double tokens = json_number_at(t, "train_tokens"), all = json_number_at(w, "train_tokens"),
           seconds = json_number_at(t, "train_s");
    cr_expect_eq(json_number_at(t, "steps"), steps, "%s: %g steps", folder,
                 json_number_at(t, "steps"));
    cr_expect(steps < 24 ? tokens > 0 && tokens < all : tokens == all, "%s: %g tokens of %g",
              folder, tokens, all);
    cr_expect_float_eq(json_number_at(t, "tokens_per_s"), tokens / seconds,
                       1e-3 * tokens / seconds);
    cr_expect_eq(seconds > 1000, steps == 24 && strcmp(folder, "whole"), "%s: %g s", folder,
                 seconds);
    cJSON_Delete(root);
    cJSON_Delete(whole);
}

/* What a checkpoint of folder/ says of the time until it: 1000 s, or none, as of older programs.
 * Returns its step. */
static double set_time(const char *folder, bool is_older) {
    char name[64];
    cJSON *state = NULL;
    uint32_t step = 24;
    do snprintf(name, sizeof name, "%s/checkpoint-%u", folder, step -= 4);
    while (step > 4 && !folder_exists(temporary_path(name)));
    MUST(sums_remove(temporary_path(name)));
    snprintf(name, sizeof name, "%s/checkpoint-%u/trainer_state.json", folder, step);
    MUST(json_read(&state, temporary_path(name), 0));
    if (is_older)
        cJSON_DeleteItemFromObjectCaseSensitive(state, "train_tokens");
    else
        cJSON_SetNumberValue(cJSON_GetObjectItem(state, "train_seconds"), 1000);
    MUST(json_write(temporary_path(name), state));
    cJSON_Delete(state);
    return step;
}

/* 24 steps that are ended behind the first checkpoint. */
static void stop(const char *folder) {
    const char *const list[] = {PRETRAIN, "24", PRESET, "-o", folder, NULL};
    char name[64];
    child c;
    snprintf(name, sizeof name, "%s/checkpoint-4", folder);
    child_start(&c, NULL, list);
    child_await_path(&c, temporary_path(name), 60);
    kill(c.pid, SIGKILL);
    program_result killed = child_end(&c, 60);
    cr_assert_eq(killed.exit_code, 128 + SIGKILL, "%s", killed.err);
}

Test(pretrain, stopped_and_resumed_ends_with_the_same_bits) {
    write_lines();
    run_well(RUN(PRETRAIN, "24", PRESET, "-o", "whole"));
    stop("parts");
    (void)set_time("parts", false);
    run_well(RUN(PRETRAIN, "24", PRESET, "-o", "parts", "--resume"));
    check_timing("whole", 24);
    check_timing("parts", 24);
    stop("older");
    double behind = set_time("older", true);
    program_result older = RUN(PRETRAIN, "24", PRESET, "-o", "older", "--resume");
    cr_expect_not_null(strstr(older.err, "keeps no count of what it was trained on"), "%s",
                       older.err);
    run_well(older);
    check_timing("older", 24 - behind);
    check_equal("whole", "parts", "final_weights_sha256");
    check_equal("whole", "parts", "loss");
    check_equal("whole", "parts", "heldout");
    check_losses("whole");
    // a finished one shows its result; another is not put in its place
    check_shown("whole", RUN(PRETRAIN, "24", PRESET, "-o", "whole"));
    check_json("whole", RUN(PRETRAIN, "24", PRESET, "-o", "whole", "--json"));
    program_result other = RUN(PRETRAIN, "24", PRESET, "-o", "whole", "--mlm-probability", "0.3");
    EXPECT(other, 2, err, "share of tokens chosen");
    // what it made goes on, and is fine-tuned
    run_well(RUN(PRETRAIN, "3", "--model", "whole", "-o", "more", "--whole-word"));
    run_well(RUN("run", "--task", "kor_hate", "--sample", "--model", "whole", "--device", "cpu",
                 "--max-steps", "2", "-o", "tuned"));
    cJSON *tuned = record_of("tuned");
    const cJSON *said = cJSON_GetObjectItem(cJSON_GetObjectItem(tuned, "model"), "corpus");
    cr_assert_not_null(said, "the record does not name the corpus");
    cr_assert_str_eq(cJSON_GetObjectItem(said, "name")->valuestring, "lines");
    cJSON_Delete(tuned);
}

/* Factors of products in bf16: no thread moves a bit, a stopped one goes on, losses are near fp32's. */
Test(pretrain, bits_of_bf16_are_those_of_any_threads) {
    write_lines();
    program_result first = RUN(PRETRAIN, "8", PRESET, "--precision", "bf16", "-o", "one");
    cr_expect_not_null(strstr(first.err, "), precision bf16\n"), "%s", first.err);
    run_well(first);
    run_well(RUN(PRETRAIN, "8", PRESET, "--precision", "bf16", "--threads", "2", "-o", "two"));
    check_equal("one", "two", "final_weights_sha256");
    check_equal("one", "two", "loss");
    check_equal("one", "two", "heldout");
    run_well(RUN(PRETRAIN, "8", PRESET, "-o", "fp32"));
    cJSON *half = record_of("one"), *whole = record_of("fp32");
    cr_expect_not_null(
        strstr(json_text_at(cJSON_GetObjectItem(half, "device"), "kernels"), "bf16"));
    cr_expect_not(
        cJSON_Compare(cJSON_GetObjectItem(half, "loss"), cJSON_GetObjectItem(whole, "loss"), true),
        "bf16 is fp32");
    cJSON_Delete(half);
    cJSON_Delete(whole);
    // what is there goes on in its own precision alone
    program_result other = RUN(PRETRAIN, "12", PRESET, "-o", "one", "--resume");
    cr_expect_neq(other.exit_code, 0);
    cr_expect_not_null(strstr(other.err, "bf16"), "%s", other.err);
}

/* Held out sentences are scored behind each epoch, unless a number of steps says when. */
Test(pretrain, epochs_end_with_an_evaluation) {
    write_lines();
    run_well(RUN("pretrain", "--corpus", "./lines.txt", "--data", "none", "--device", "cpu",
                 "--threads", "1", "--tokens-per-batch", "2048", "--warmup-steps", "1", "--epochs",
                 "2", PRESET, "-o", "epochs"));
    cJSON *root = record_of("epochs");
    const cJSON *heldout = cJSON_GetObjectItem(root, "heldout"), *first = heldout->child;
    cr_assert_eq(cJSON_GetArraySize(heldout), 2);
    double half = first->child->valuedouble, end = first->next->child->valuedouble;
    cr_expect(half > 0 && 2 * half == end, "steps %g and %g", half, end);
    cJSON_Delete(root);
}

static double figure(const cJSON *o, const char *key) {
    const cJSON *v = cJSON_GetObjectItem(o, key);
    cr_assert(cJSON_IsNumber(v), "%s", key);
    return v->valuedouble;
}

/* Figures are those of the run itself; only the cache gets something, which the run takes. */
Test(pretrain, dry_run_tells_what_the_run_does) {
#define EPOCHS                                                                                     \
    "pretrain", "--corpus", "./lines.txt", "--data", "none", "--device", "cpu", "--threads", "1",  \
        "--tokens-per-batch", "2048", "--warmup-steps", "1", "--epochs", "2", PRESET
    write_lines();
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    program_result p = RUN_WELL(EPOCHS, "--dry-run");
    cr_expect(strstr(p.out, "\nlines   900, 0 of them left out for a test text of 0 of "), "%s",
              p.out);
    unsigned absent = 0, tasks = 0; // of none is the data there
    const char *warned = strstr(p.err, "the data of ");
    cr_expect(warned && sscanf(warned, "the data of %u of %u tasks are", &absent, &tasks) == 2 &&
                  absent == tasks && absent > 20,
              "%s", p.err);
    cr_expect(strstr(p.out, "nothing was trained, and nothing written but the corpus' tokens"),
              "%s", p.out);
    cr_expect_not(file_named(temporary_path("runs")), "something was made");
    const char *planned = p.out;
    p = RUN(EPOCHS, "--dry-run");
    cr_expect(strstr(p.out, " at most, for the model and its copy while it is written; "), "%s",
              p.out);
    cr_expect(strstr(p.out, "nothing was trained, and nothing written\n"), "%s", p.out);
    p = RUN(EPOCHS, "--dry-run", "--json");
    cJSON *dry = NULL;
    MUST(json_parse(&dry, p.out, strlen(p.out), "dry run"));
    char said[120], each[SHOWN_COUNT_BYTES];
    snprintf(said, sizeof said, "\nsteps   %.0f of about %s tokens, %.0f to an epoch\n",
             figure(dry, "steps"),
             shown_count(each, (uint64_t)(figure(dry, "train_tokens") / figure(dry, "steps"))),
             figure(dry, "epoch_steps"));
    cr_expect(strstr(planned, said), "no '%s' in %s", said, planned);
    const char *output = cJSON_GetObjectItem(dry, "output")->valuestring;
    cr_expect_not(file_named(temporary_path(output)), "something was made");
    p = RUN_WELL(EPOCHS);
    // what it is of is said before it trains too
    cr_expect(strstr(p.err, "\nlines   900, 0 of them left out "), "%s", p.err);
    cr_expect(strstr(p.err, "\noutput  runs/pretrain/"), "%s", p.err);
    cJSON *root = record_of(output);
    const cJSON *timing = cJSON_GetObjectItem(root, "timing");
    cr_expect_eq(figure(dry, "steps"), figure(timing, "steps"));
    cr_expect_eq(figure(dry, "epoch_steps") * 2, figure(dry, "steps"));
    cr_expect_eq(figure(dry, "train_tokens"), figure(timing, "train_tokens"));
    cr_expect_eq(figure(dry, "train_sentences") + figure(dry, "heldout_sentences"), 900);
    cr_expect(figure(dry, "train_s") > 0 && figure(dry, "disk_bytes") > 0);
    cr_expect(figure(dry, "eval_s") > 0 && figure(dry, "device_bytes") > 0);
    // of one that is finished it says so, and what is there stays
    p = RUN(EPOCHS, "--dry-run");
    cr_expect(strstr(p.out, "\nfinished already, in runs/"), "%s", p.out);
    run_well(RUN(EPOCHS, "--dry-run", "--overwrite"));
    cJSON *after = record_of(output);
    cr_expect(cJSON_Compare(root, after, true));
    cJSON_Delete(after);
    cJSON_Delete(root);
    cJSON_Delete(dry);
}

/* One line in 200 is held out. */
Test(pretrain, a_perplexity_of_few_sentences_comes_with_a_warning) {
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    for (int many = 0; many < 2; many++) {
        char said[120];
        strbuf text = {0};
        cJSON *dry = NULL;
        for (unsigned i = 0; i < (many ? 26000u : 900u); i++)
            MUST(strbuf_printf(&text, "영화 %u 정말\n", i));
        MUST(file_write(temporary_path("lines.txt"), text.text, text.length));
        strbuf_free(&text);
        program_result p = RUN_WELL(EPOCHS, "--dry-run", "--json");
        MUST(json_parse(&dry, p.out, strlen(p.out), "dry run"));
        const double held = figure(dry, "heldout_sentences");
        snprintf(said, sizeof said, "warning: %.0f sentence%s held out: the perplexity of fewer ",
                 held, held == 1 ? " is" : "s are");
        cr_expect((held >= 100) == many, "%.0f", held);
        cr_expect_eq(strstr(p.err, said) != NULL, !many, "%s: %s", said, p.err);
        cr_expect_eq(strstr(p.err, " says next to nothing ") != NULL, !many, "%s", p.err);
        cJSON_Delete(dry);
    }
}

static void check_rate(const char *folder, double rate, double warmup) {
    cJSON *root = record_of(folder);
    const cJSON *said = cJSON_GetObjectItem(root, "recipe");
    cr_expect_eq(cJSON_GetObjectItem(said, "learning_rate")->valuedouble, rate, "%s", folder);
    cr_expect_eq(cJSON_GetObjectItem(said, "warmup_steps")->valuedouble, warmup, "%s", folder);
    cJSON_Delete(root);
}

/* The rate of a model from scratch would undo what weights know; what is told is kept. */
Test(pretrain, weights_go_on_at_a_rate_of_their_own) {
#define TWO_STEPS                                                                                  \
    "pretrain", "--corpus", "./lines.txt", "--data", "none", "--device", "cpu", "--threads", "1",  \
        "--tokens-per-batch", "256", "--max-steps", "2"
    static const char says[] =
        "from the weights of tiny-lines: learning rate 5e-05, 0 warmup steps";
    write_lines();
    run_well(RUN(TWO_STEPS, PRESET, "-o", "first"));
    program_result r = RUN(TWO_STEPS, "--model", "first", "-o", "on");
    cr_expect_not_null(strstr(r.err, says), "%s", r.err);
    run_well(r);
    run_well(RUN(TWO_STEPS, "--model", "first", "--from-scratch", "-o", "anew"));
    run_well(
        RUN(TWO_STEPS, "--model", "first", "--lr", "1e-3", "--warmup-steps", "1", "-o", "told"));
    check_rate("first", 1e-3, 500);
    check_rate("on", 5e-5, 0);
    check_rate("anew", 1e-3, 500);
    check_rate("told", 1e-3, 1);
    // begun at the rate of old, it is another run
    r = RUN(TWO_STEPS, "--model", "first", "-o", "told", "--resume");
    EXPECT(r, 2, err, "learning_rate");
}

static program_result end_of(child *c, int exit_code, const char *says) {
    program_result r = child_end(c, 60);
    cr_assert_eq(r.exit_code, exit_code, "%s", r.err);
    cr_assert_not_null(strstr(r.err, says), "'%s' in: %s", says, r.err);
    return r;
}

/* Ctrl-C saves and ends; a checkpoint that does not fit is named and leaves nothing. */
Test(pretrain, interrupted_or_without_room_loses_nothing) {
    const child_setup small = {.file_bytes = 1
                                             << 20}; // the store of sentences fits, weights do not
    const char *const list[] = {PRETRAIN, "12", PRESET, "-o", "parts", NULL};
    child c;
    write_lines();
    run_well(RUN(PRETRAIN, "12", PRESET, "-o", "whole"));
    child_start(&c, &small, list);
    program_result r = end_of(&c, 1, "File too large");
    cr_assert_not_null(strstr(r.err, "model.safetensors"), "%s", r.err);
    cr_assert_not(folder_exists(temporary_path("parts/partial-checkpoint-4")));
    const char *const again[] = {PRETRAIN, "12", PRESET, "-o", "parts", "--resume", NULL};
    child_start(&c, NULL, again);
    child_await_path(&c, temporary_path("parts/checkpoint-4"), 60);
    kill(c.pid, SIGINT);
    r = end_of(&c, 130, "--resume");
    run_well(RUN(PRETRAIN, "12", PRESET, "-o", "parts", "--resume"));
    check_equal("whole", "parts", "final_weights_sha256");
    check_equal("whole", "parts", "heldout");
}

/* The number of steps that fitted the minutes is the run's from then on. */
Test(pretrain, a_limit_of_minutes_keeps_its_steps) {
    const char *const list[] = {PRETRAIN, "12", PRESET, "--max-minutes", "5", "-o", "m", NULL};
    child c;
    char *text = NULL;
    size_t bytes = 0;
    write_lines();
    child_start(&c, NULL, list);
    child_await_path(&c, temporary_path("m/checkpoint-4"), 60);
    kill(c.pid, SIGKILL);
    program_result r = child_end(&c, 60);
    double each = 0;
    const char *fit = strstr(r.err, "12 steps of ");
    cr_assert(fit && sscanf(fit, "12 steps of %lf s fit 5 minutes", &each) == 1, "%s", r.err);
    cr_expect_gt(each, 0, "%s", fit);
    const char *path = temporary_path("m/unfinished.json");
    MUST(file_read((void **)&text, &bytes, path, 0));
    char *planned = strstr(text, "planned steps");
    cr_assert_not_null(planned, "%s", text);
    char *number = strstr(planned, "12");
    cr_assert_not_null(number, "%s", planned);
    memcpy(number, "xy", 2);
    MUST(file_write(path, text, bytes));
    r = RUN(PRETRAIN, "12", PRESET, "--max-minutes", "5", "-o", "m", "--resume");
    EXPECT(r, 1, err, "planned steps is 'xy', expected a number");
    memcpy(number, "12", 2);
    MUST(file_write(path, text, bytes));
    mem_free(text);
    run_well(RUN(PRETRAIN, "12", PRESET, "--max-minutes", "5", "-o", "m", "--resume"));
    cJSON *made = record_of("m");
    const cJSON *said = cJSON_GetObjectItem(made, "recipe");
    cr_assert_eq(cJSON_GetObjectItem(said, "steps")->valueint, 12);
    cJSON_Delete(made);
}

static void put(const char *name, const char *bytes, size_t count) {
    MUST(file_write(temporary_path(name), bytes, count));
}

/* Corpora that are none: named, and nothing is left behind. */
Test(pretrain, a_corpus_that_is_none_is_refused_by_name) {
    static const struct {
        const char *corpus, *says;
    } list[] = {{"./empty.txt", "empty.txt: has no line with text"},
                {"./binary.txt", "binary.txt:1: a NUL byte at byte 3"},
                {"./cp949.txt", "text in CP949 has to be converted first"},
                {"nsmc_raw", "reviews.txt: 2 bytes, the manifest expects 62106648"},
                {"nsmc_rw", "did you mean 'nsmc_raw'"}};
    put("empty.txt", "", 0);
    put("binary.txt", "ab\0cd\n", 6);
    put("cp949.txt", "\xbf\xb5\xc8\xad \xc1\xa4\xb8\xbb\n", 10);
    MUST(folder_make(temporary_path("d/nsmc_raw")));
    put("d/nsmc_raw/reviews.txt", "x\n", 2);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        program_result r = RUN("pretrain", "--corpus", list[i].corpus, "--model", "tiny", "--data",
                               "d", "--offline", "--device", "cpu", "-o", "none");
        cr_expect(r.exit_code == 1 || r.exit_code == 2, "%s: %d", list[i].corpus, r.exit_code);
        cr_expect_not_null(strstr(r.err, list[i].says), "%s: %s", list[i].corpus, r.err);
    }
    cr_expect_not(folder_exists(temporary_path("none")));
}

#define NO_TEST_ROWS                                                                               \
    "made/record.json: the record of a pretraining (schema 2), which has no test rows"

/* As of a run: what is left of the way there, and how to have less of it. */
Test(pretrain, checkpoints_that_stay_are_said) {
    write_lines();
    static const char says[] = "made keeps 1 checkpoint, ";
    for (int again = 0; again < 2; again++) {
        program_result r = RUN_WELL(PRETRAIN, "8", PRESET, "-o", "made");
        cr_expect(strstr(r.err, says), "%s", r.err);
        cr_expect(strstr(r.err, " MB, that the finished run no longer needs"), "%s", r.err);
    }
    program_result r = RUN_WELL(PRETRAIN, "3", PRESET, "-o", "none");
    cr_expect_not(strstr(r.err, " keeps "), "%s", r.err);
}

Test(pretrain, says_what_is_wrong) {
    write_lines();
    run_well(RUN(PRETRAIN, "1", PRESET, "-o", "made"));
    MUST(file_write(temporary_path("bad.jsonl"), "{", 1));
    MUST(folder_make(temporary_path("theirs/model/theirs")));
    MUST(file_write(temporary_path("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n", 26));
    const struct {
        program_result result;
        int exit_code;
        const char *says;
    } tries[] = {
        {RUN("pretrain", "--model", "tiny"), 2, "--corpus"},
        {RUN(PRETRAIN, "2"), 2, "--model"},
        {RUN(PRETRAIN, "2", "--model", "tiny", "--vocab", "vocab.txt"), 1, "[MASK]"},
        {RUN(PRETRAIN, "2", PRESET, "--mlm-probability", "1.5"), 2,
         "--mlm-probability expects 2^-32 to 1, found '1.5'"},
        {RUN(PRETRAIN, "2", PRESET, "--mlm-probability", "1e-12"), 2, "2^-32 to 1, found '1e-12'"},
        {RUN(PRETRAIN, "2", PRESET, "--mlm-probability", "1e-9", "-o", "seldom"), 0,
         "step 2 of 2: no token of the held-out sentences is chosen: they have no loss"},
        {RUN(PRETRAIN, "2", PRESET, "--max-minutes", "-2"), 2, "found '-2'"},
        {RUN(PRETRAIN, "2", "--model", "made", "--vocab", VOCAB), 2, "has a vocabulary of its own"},
        {RUN(PRETRAIN, "2", PRESET, "--batch-size", "8"), 2, "exclude each other"},
        {RUN("pretrain", "--corpus", "./none.txt", PRESET), 1, "none.txt"},
        {RUN("pretrain", "--corpus", "./bad.jsonl", PRESET, "-o", "theirs"), 1,
         "theirs/model: this program did not make it"}, // before the corpus is read
        // its record is none of a fine-tuning
        {RUN("eval", "--record", "made"), 1, NO_TEST_ROWS},
        {RUN("results", "add", "made/record.json"), 1, NO_TEST_ROWS},
        {RUN("report", "--results", "."), 1,
         ".: a folder of runs, as ./made is one: expected a folder of records"},
        {RUN(PRETRAIN, "1", PRESET, "--arch", "electra", "-o", "short"), 0,
         "the run ends inside its warmup: 2 warmup steps, 1 step in all"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        program_result r = tries[i].result;
        cr_expect_eq(r.exit_code, tries[i].exit_code, "%zu: %s", i, r.err);
        cr_expect_not_null(strstr(r.err, tries[i].says), "%zu: %s", i, r.err);
    }
    cr_expect_not(file_named(temporary_path("LEADERBOARD.md")), "pages were written");
    cJSON *short_one = record_of("short");
    cr_assert_str_eq(
        cJSON_GetObjectItem(cJSON_GetObjectItem(short_one, "model"), "name")->valuestring,
        "tiny-electra");
    cJSON_Delete(short_one);
}

CleanTest(pretrain, a_corpus_of_files_is_named_after_them) {
    static const struct {
        const char *words[3], *name;
    } cases[] = {{{"./하늘 글.txt.gz"}, "하늘-글"},
                 {{"./a.b.txt", "./c.txt", "./d.txt"}, "a-and-2-more"},
                 {{"./.hidden"}, "files"}};
    static const char *const files[] = {"하늘 글.txt.gz", "a.b.txt", "c.txt", "d.txt", ".hidden"};
    for (size_t i = 0; i < 5; i++) MUST(file_write(temporary_path(files[i]), "x", 1));
    cr_assert_eq(chdir(temporary_folder()), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        corpus c = {0};
        size_t count = 0;
        while (count < 3 && cases[i].words[count]) count++;
        MUST(corpus_open(&c, cases[i].words, count, NULL));
        cr_assert_str_eq(c.name, cases[i].name);
        corpus_close(&c);
    }
}

/* The corpus "mine", of lines.txt, with this source. */
static void put_corpus(const char *source) {
    char text[400];
    write_lines();
    MUST(folder_make(temporary_path("own/corpora")));
    MUST(folder_make(temporary_path("mine")));
    cr_assert_eq(rename(temporary_path("lines.txt"), temporary_path("mine/lines.txt")), 0);
    snprintf(text, sizeof text,
             "{\"schema\": 1, \"name\": \"mine\", \"version\": 1, \"title\": \"My texts\", "
             "\"source\": \"%s\", \"licence\": \"CC-Z\", \"citation\": \"none\", \"files\": "
             "[{\"name\": \"lines.txt\"}], \"format\": {\"kind\": \"lines\"}}",
             source);
    temporary_put("own/corpora/mine.json", text);
    setenv("HARNESS_TASKS", temporary_path("own"), 1);
}

/* What `folder`'s record says that the model it began from was pretrained on. */
static void check_model_corpus(const char *folder, const char *names) {
    strbuf said = {0};
    cJSON *root = record_of(folder);
    const cJSON *o = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "model"), "corpus");
    if (names) {
        MUST(model_corpus_check(o, folder));
        MUST(model_corpus_names(&said, o));
        cr_expect_str_eq(said.text, names, "%s", folder);
    } else {
        cr_expect_null(o, "%s", folder);
    }
    strbuf_free(&said);
    cJSON_Delete(root);
}

/* What goes on from a pretrained model, or from a run that began from one, has read that one's corpus
 * too: its records and its card say so. */
Test(pretrain, what_goes_on_keeps_the_corpora_of_its_model) {
#define TUNE                                                                                       \
    "run", "--task", "kor_hate", "--sample", "--device", "cpu", "--threads", "1", "--max-steps",   \
        "1", "--warmup-steps", "0"
    put_corpus("https://github.com/kocohub/korean-hate-speech (somewhere)");
    run_well(RUN("pretrain", "--corpus", "mine", "--data", ".", "--device", "cpu", "--threads", "1",
                 "--tokens-per-batch", "256", "--max-steps", "2", PRESET, "-o", "first"));
    unsetenv("HARNESS_TASKS");
    write_lines();
    run_well(RUN(TWO_STEPS, "--model", "first", "-o", "on"));
    run_well(RUN(TWO_STEPS, "--model", "first", "--from-scratch", "-o", "anew"));
    run_well(RUN(TUNE, "--model", "on", "-o", "tuned"));
    run_well(RUN(TWO_STEPS, "--model", "tuned", "-o", "again"));
    run_well(RUN(TUNE, "--model", "anew", "-o", "apart"));
    check_model_corpus("first", NULL);
    check_model_corpus("on", "mine");
    check_model_corpus("anew", NULL);
    check_model_corpus("tuned", "mine + lines");
    check_model_corpus("again", "mine + lines");
    check_model_corpus("apart", "lines");
    cJSON *root = record_of("tuned");
    const cJSON *o = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "model"), "corpus");
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(o, "same_source")), "of the first corpus");
    cJSON_Delete(root);
    char *card = temporary_text("again/model/README.md");
    cr_expect_not_null(strstr(card, "| pretrained before on | mine + lines |\n"
                                    "| test texts left out there | none |\n"),
                       "%s", card);
    cr_expect_not_null(strstr(card, "\n| began from | tiny-mine-lines-kor_hate |\n"), "%s", card);
    mem_free(card);
    card = temporary_text("anew/model/README.md");
    cr_expect_not_null(strstr(card, "\n| began from | random weights |\n"), "%s", card);
    mem_free(card);
}

/* A model's card, row by row: of the corpus by its manifest and its record, of the recipe as asked. */
Test(pretrain, the_card_says_what_was_done) {
    put_corpus("me");
    run_well(RUN("pretrain", "--corpus", "mine", "--data", ".", "--device", "cpu", "--threads", "1",
                 "--tokens-per-batch", "256", "--warmup-steps", "2", "--max-steps", "3", "--seed",
                 "7", "--mlm-probability", "0.25", PRESET, "-o", "told"));
    unsetenv("HARNESS_TASKS");
    // that a number of steps ended it is said wherever it is listed
    program_result listed = RUN("runs", "told");
    cr_expect(strstr(listed.out, "finished (max-steps)"), "%s", listed.out);
    cJSON *root = record_of("told");
    const cJSON *of = cJSON_GetObjectItem(root, "corpus"),
                *counts = cJSON_GetObjectItem(of, "counts");
    char *card = temporary_text("told/model/README.md"), row[200];
    static const char *const said[] = {"datasets_licence: \"CC-Z\"\n",
                                       "# tiny-mine\n",
                                       "| corpus | mine |\n",
                                       "| licence | CC-Z |\n",
                                       "| lines | 900 |\n",
                                       "| left out for test texts | 0 |\n",
                                       "| precision | fp32 |\n",
                                       "| seed | 7 |\n",
                                       "| steps | 3 |\n",
                                       "| tokens a batch | 256 |\n",
                                       "| share of tokens chosen | 0.25 |\n",
                                       "| warmup_steps | 2 |\n"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        cr_expect_not_null(strstr(card, said[i]), "no '%s' in %s", said[i], card);
    static const char *const counted[][2] = {{"sentences trained on", "train_sentences"},
                                             {"their tokens", "train_tokens"},
                                             {"sentences held out", "heldout_sentences"}};
    for (size_t i = 0; i < 3; i++) {
        const cJSON *count = cJSON_GetObjectItem(counts, counted[i][1]);
        cr_assert(cJSON_IsNumber(count) && count->valuedouble > 0, "%s", counted[i][1]);
        snprintf(row, sizeof row, "| %s | %.0f |\n", counted[i][0], count->valuedouble);
        cr_expect_not_null(strstr(card, row), "no '%s' in %s", row, card);
    }
    cJSON_Delete(root);
    mem_free(card);
}
#endif
