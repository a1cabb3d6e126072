#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "text/markers.h"
#include "text/tokenizer.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

// a and two marks that no stripping takes, in canonical order (classes 216 and 224)
#define MARKED "a\U0001d165\u302e"

// ids are the places in this list
static char *const words[] = {
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", // 0 to 4
    "영화",  "##가",  "정말",  "재미",  "##있",   // 5 to 9
    "##다",  "!",     "hello", "##lo",  "he",     // 10 to 14
    "##l",   "a",     "##a",   "中",    "國",     // 15 to 19
    "café",  "cafe",  "ㅋ",    "##ㅋ",  ".",      // 20 to 24
    "##",    "#",     "ᄒ",    "##ᅡ",  "##ᆫ",   // 25 to 29
    "하",    "한",    "Hello", "[",     "]",      // 30 to 34
    "SE",    "##P",   "p",     "😀",     "##e",    // 35 to 39
    MARKED,                                       // 40
};
enum { WORDS = sizeof words / sizeof *words };

static void make(tokenizer *t, bool lowercase) {
    cr_assert_eq(tokenizer_from_tokens(t, (char **)words, WORDS, lowercase), ERR_OK, "%s",
                 err_message(ERR_OK));
}

// The ids as text, "2 5 3".
static const char *ids_of(const encoding *e) {
    static char text[8192];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < e->count; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", i ? " " : "", e->ids[i]);
    }
    return text;
}

typedef struct encode_case {
    const char *text, *want;
} encode_case;

static void check(const tokenizer *t, const encode_case *cases, size_t count) {
    encoding e = {0};
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(tokenizer_encode(t, &e, cases[i].text, strlen(cases[i].text), 0), ERR_OK);
        cr_assert_str_eq(ids_of(&e), cases[i].want, "'%s' gave %s, expected %s", cases[i].text,
                         ids_of(&e), cases[i].want);
        cr_assert_eq(e.second, e.count);
        cr_assert(!e.truncated && !e.cut);
    }
    encoding_free(&e);
}

CleanTest(tokenizer, cased_text) {
    static const encode_case cases[] = {
        {"", "2 3"},
        {"   \t\n", "2 3"},
        {"영화가 정말 재미있다!", "2 5 6 7 8 9 10 11 3"},
        {"영화", "2 5 3"},
        {" 영화 ", "2 5 3"},
        {"영화가가", "2 5 6 6 3"},
        {"가", "2 1 3"},     // only as a continuation
        {"영화나", "2 1 3"}, // one piece fails: the whole word is unknown
        {"hello", "2 12 3"}, // longest first
        {"helo", "2 14 13 3"},
        {"hel", "2 14 15 3"},
        {"hell", "2 14 15 15 3"},
        {"aaa", "2 16 17 17 3"},
        {"Hello", "2 32 3"},
        {"HELLO", "2 1 3"},
        {"!!", "2 11 11 3"},
        {"영화!가", "2 5 11 1 3"},
        {"a.a", "2 16 24 16 3"},
        {"中國", "2 18 19 3"}, // ideographs stand apart
        {"a中a", "2 16 18 16 3"},
        {"ㅋㅋㅋ", "2 22 23 23 3"},
        {"##", "2 26 26 3"}, // never the continuation mark
        {"##가", "2 26 26 1 3"},
        {"café", "2 20 3"},
        {"cafe\u0301", "2 1 3"}, // not composed
        {"😀", "2 38 3"},
        {"😀a", "2 38 17 3"},
        {"a\u200Da", "2 16 17 3"}, // joiners are removed
        {"a\u00ADa", "2 16 17 3"}, // and soft hyphens
        {"a\u00A0a", "2 16 16 3"}, // a blank that does not break
        {"a\u3000a", "2 16 16 3"},
        {"a\uFFFDa", "2 16 17 3"},
        {"a\xC2\x85"
         "a",
         "2 16 17 3"}, // a control before it is white space
        {"\uFEFFa", "2 16 3"},
        {"한", "2 31 3"},
        {"하\u11AB", "2 30 29 3"},
        {"\u1112\u1161\u11AB", "2 27 28 29 3"}, // conjoining jamo stay as they are
    };
    tokenizer t;
    make(&t, false);
    check(&t, cases, sizeof cases / sizeof *cases);
    tokenizer_free(&t);
}

CleanTest(tokenizer, lower_case_strips_accents) {
    static const encode_case cases[] = {
        {"HELLO", "2 12 3"},
        {"Hello", "2 12 3"},
        {"café", "2 21 3"},
        {"CAFÉ", "2 21 3"},
        {"cafe\u0301", "2 21 3"},
        {"한", "2 27 28 29 3"},
        {"하\u11AB", "2 27 28 29 3"},
        {"하", "2 27 28 3"},
        {"a中A", "2 16 18 16 3"},
        {"\u0301", "2 3"},
        {"A\u0301\u0323 A", "2 16 16 3"},
        {MARKED, "2 40 3"},
        {"a\u302e\u0301\U0001d165", "2 40 3"}, // put in order, past the one that goes
    };
    tokenizer t;
    make(&t, true);
    check(&t, cases, sizeof cases / sizeof *cases);
    tokenizer_free(&t);
}

CleanTest(tokenizer, special_tokens_in_the_text) {
    static const encode_case cases[] = {
        {"[SEP]", "2 3 3"},
        {"영화[SEP]가", "2 5 3 1 3"},
        {"영화 [MASK] 정말", "2 5 4 7 3"},
        {"[CLS][PAD][UNK]", "2 2 0 1 3"},
        {"[[SEP]]", "2 33 3 34 3"},
        {"[SE", "2 33 35 3"},
        {"[SEP", "2 33 35 36 3"},
        {"[ SEP]", "2 33 35 36 34 3"},
        {"[sep]", "2 33 1 34 3"},
        {"[SE\u00ADP]", "2 33 35 36 34 3"}, // found before cleaning only
    };
    tokenizer t;
    make(&t, false);
    check(&t, cases, sizeof cases / sizeof *cases);
    tokenizer_free(&t);
}

CleanTest(tokenizer, over_long_words_are_unknown) {
    tokenizer t;
    encoding e = {0};
    char text[3 * 101];
    make(&t, false);
    memset(text, 'a', sizeof text);
    cr_assert_eq(tokenizer_encode(&t, &e, text, 100, 0), ERR_OK);
    cr_assert_eq(e.count, 102);
    cr_assert_eq(e.unknown, 0);
    cr_assert_eq(tokenizer_encode(&t, &e, text, 101, 0), ERR_OK);
    cr_assert_str_eq(ids_of(&e), "2 1 3");
    cr_assert_eq(e.unknown, 1);
    for (size_t i = 0; i < 101; i++) memcpy(text + 3 * i, "ㅋ", 3); // characters, not bytes
    cr_assert_eq(tokenizer_encode(&t, &e, text, 300, 0), ERR_OK);
    cr_assert_eq(e.count, 102);
    cr_assert_eq(tokenizer_encode(&t, &e, text, 303, 0), ERR_OK);
    cr_assert_eq(e.count, 3);
    encoding_free(&e);
    tokenizer_free(&t);
}

CleanTest(tokenizer, truncation_keeps_the_frame) {
    static const struct {
        size_t max;
        const char *want;
        size_t cut;
    } cases[] = {
        {0, "2 5 6 7 8 9 10 3", 0},
        {9, "2 5 6 7 8 9 10 3", 0},
        {8, "2 5 6 7 8 9 10 3", 0},
        {7, "2 5 6 7 8 9 3", 1},
        {3, "2 5 3", 5},
        {2, "2 3", 6},
    };
    tokenizer t;
    encoding e = {0};
    const char *text = "영화가 정말 재미있다";
    make(&t, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(tokenizer_encode(&t, &e, text, strlen(text), cases[i].max), ERR_OK);
        cr_assert_str_eq(ids_of(&e), cases[i].want, "%zu: %s", cases[i].max, ids_of(&e));
        cr_assert_eq(e.cut, cases[i].cut);
        cr_assert_eq(e.truncated, cases[i].cut > 0);
    }
    cr_assert_eq(tokenizer_encode(&t, &e, text, strlen(text), 1), ERR_ARG);
    cr_assert_str_eq(err_message(ERR_ARG),
                     "a maximum length of 1 leaves no room for the 2 special tokens");
    encoding_free(&e);
    tokenizer_free(&t);
}

CleanTest(tokenizer, pairs_have_a_second_type) {
    // longest first, as `tokenizers` cuts: see its truncate_encodings
    static const struct {
        const char *a, *b;
        size_t max;
        const char *want;
        size_t second;
    } cases[] = {
        {"영화가", "정말", 0, "2 5 6 3 7 3", 4},
        {"영화가", "", 0, "2 5 6 3 3", 4},
        {"", "정말", 0, "2 3 7 3", 2},
        {"a a a a a a", "! !", 8, "2 16 16 16 3 11 11 3", 5},
        {"! !", "a a a a a a", 8, "2 11 11 3 16 16 16 3", 4},
        {"a a a a a a", "! ! ! ! !", 8, "2 16 16 16 3 11 11 3", 5},
        {"! ! ! ! !", "a a a a a a", 8, "2 11 11 3 16 16 16 3", 4},
        {"a a a a a a", "! ! ! ! ! !", 7, "2 16 16 3 11 11 3", 4},
        {"a a", "!", 3, "2 3 3", 2},
    };
    tokenizer t;
    encoding e = {0};
    make(&t, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *a = cases[i].a, *b = cases[i].b;
        cr_assert_eq(tokenizer_encode_pair(&t, &e, a, strlen(a), b, strlen(b), cases[i].max),
                     ERR_OK);
        cr_assert_str_eq(ids_of(&e), cases[i].want, "case %zu: %s", i, ids_of(&e));
        cr_assert_eq(e.second, cases[i].second, "case %zu: %zu", i, e.second);
    }
    cr_assert_eq(tokenizer_encode_pair(&t, &e, "a", 1, "a", 1, 2), ERR_ARG);
    encoding_free(&e);
    tokenizer_free(&t);
}

CleanTest(tokenizer, hostile_bytes_are_refused_with_their_place) {
    static const struct {
        const char *bytes;
        size_t count, bad;
    } cases[] = {
        {"\xFF", 1, 0},     {"a\x80", 2, 1},       {"\xED\xA0\x80", 3, 0},    {"a\xEA\xB0", 3, 1},
        {"\xC0\x80", 2, 0}, {"ab[SEP]\xF8", 8, 7}, {"[SEP]\xEA[SEP]", 11, 5},
    };
    tokenizer cased, lower;
    encoding e = {0};
    make(&cased, false);
    make(&lower, true);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[80];
        snprintf(want, sizeof want, "byte %zu of the text is not UTF-8", cases[i].bad);
        cr_assert_eq(tokenizer_encode(&cased, &e, cases[i].bytes, cases[i].count, 0), ERR_FORMAT);
        cr_assert_str_eq(err_message(ERR_FORMAT), want, "case %zu", i);
        cr_assert_eq(tokenizer_encode(&lower, &e, cases[i].bytes, cases[i].count, 0), ERR_FORMAT);
        cr_assert_str_eq(err_message(ERR_FORMAT), want, "case %zu, lower", i);
    }
    // a 0 byte is a control character like others
    cr_assert_eq(tokenizer_encode(&cased, &e, "a\0a", 3, 0), ERR_OK);
    cr_assert_str_eq(ids_of(&e), "2 16 17 3");
    encoding_free(&e);
    tokenizer_free(&cased);
    tokenizer_free(&lower);
}

CleanTest(tokenizer, a_missing_special_token_is_named) {
    static const char *const needed[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"};
    for (size_t i = 0; i < 4; i++) {
        char *tokens[WORDS], want[80];
        size_t count = 0;
        tokenizer t;
        for (size_t j = 0; j < WORDS; j++) {
            if (strcmp(words[j], needed[i])) tokens[count++] = words[j];
        }
        cr_assert_eq(tokenizer_from_tokens(&t, tokens, count, false), ERR_FORMAT);
        snprintf(want, sizeof want, "vocabulary: the vocabulary has no %s", needed[i]);
        cr_assert_str_eq(err_message(ERR_FORMAT), want);
        cr_assert_null(t.tokens);
    }
}

CleanTest(tokenizer, find_gives_the_later_of_equal_tokens) {
    char *tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##a", "a", ""};
    tokenizer t;
    cr_assert_eq(tokenizer_from_tokens(&t, tokens, 8, false), ERR_OK);
    cr_assert_eq(t.mask_id, TOKENIZER_NO_ID);
    cr_assert_eq(tokenizer_find(&t, "a"), 6);
    cr_assert_eq(tokenizer_find(&t, "##a"), 5);
    cr_assert_eq(tokenizer_find(&t, "[SEP]"), 3);
    cr_assert_eq(tokenizer_find(&t, "b"), TOKENIZER_NO_ID);
    cr_assert_eq(tokenizer_find(&t, ""), TOKENIZER_NO_ID);
    static const encode_case cases[] = {{"aa a", "2 6 5 6 3"}};
    check(&t, cases, 1);
    tokenizer_free(&t);
}

enum { THREADS = 4, ROUNDS = 2000 };

typedef struct worker {
    const tokenizer *t;
    size_t wrong;
} worker;

static void *encode_much(void *context) {
    worker *w = context;
    static const char text[] = "CAFÉ 한국 영화가 [SEP] aaa";
    static const uint32_t want[] = {2, 21, 1, 1, 3, 16, 17, 17, 3};
    encoding e = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        err r = tokenizer_encode(w->t, &e, text, sizeof text - 1, 0);
        w->wrong += r || e.count != sizeof want / sizeof *want || memcmp(e.ids, want, sizeof want);
    }
    encoding_free(&e);
    return NULL;
}

CleanTest(tokenizer, threads_share_one) {
    pthread_t threads[THREADS];
    worker workers[THREADS];
    tokenizer t;
    make(&t, true);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){&t, 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, encode_much, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(workers[i].wrong, 0, "thread %zu", i);
    }
    tokenizer_free(&t);
}

// Every allocation fails once; nothing may leak and the message must say so.
Test(tokenizer, survives_lack_of_memory) {
    size_t live = mem_live_count();
    bool done = false;
    size_t failures = 0;
    for (uint64_t nth = 1; !done; nth++) {
        tokenizer t;
        encoding e = {0};
        mem_fail_at(nth);
        err r = tokenizer_from_tokens(&t, (char **)words, WORDS, true);
        if (!r)
            r = tokenizer_encode(&t, &e, "Café 한국 [SEP] 영화", strlen("Café 한국 [SEP] 영화"), 0);
        done = mem_request_count() && r == ERR_OK;
        mem_fail_at(0);
        cr_assert(r == ERR_OK || r == ERR_MEMORY, "%s", err_message(r));
        failures += r != ERR_OK;
        encoding_free(&e);
        tokenizer_free(&t);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)nth);
        cr_assert_lt(nth, 1000);
    }
    cr_assert_gt(failures, WORDS);
}

/* Markers of entities get the next ids; what stands right behind a closing one continues its word
 * where that is asked for, as KLUE's baseline has it. */
CleanTest(tokenizer, markers_are_added_and_particles_join) {
    static char *const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "가", // 0 to 5
                                   "##가",  "나",    "##나",  "다",    "a",      "##a"};
    static const struct {
        const char *text, *plain, *joined;
    } cases[] = {
        {"<subj>가</subj>가나 <obj>a</obj>나", "2 12 5 13 5 8 14 10 15 7 3",
         "2 12 5 13 6 8 14 10 15 8 3"},
        {"<obj>가</obj> 가 <subj>a</subj>a", "2 14 5 15 5 12 10 13 10 3",
         "2 14 5 15 5 12 10 13 10 3"},                                  // a blank, and no Hangul
        {"<subj>가</subj>다", "2 12 5 13 9 3", "2 12 5 13 1 3"},        // no ##다
        {"<subj>가</subj>라 가", "2 12 5 13 1 5 3", "2 12 5 13 1 5 3"}, // [UNK] stays
        {"<subj>가</subj><obj>나</obj>", "2 12 5 13 14 7 15 3", "2 12 5 13 14 7 15 3"},
        {"</subj>", "2 13 3", "2 13 3"},
        {"가<subj>나", "2 5 12 7 3", "2 5 12 7 3"}, // behind an opening one
    };
    tokenizer t, back;
    encoding e = {0};
    char before[65], after[65], joined[65];
    MUST(tokenizer_from_tokens(&t, (char **)tokens, 12, false));
    tokenizer_hash(&t, before);
    for (int twice = 0; twice < 2; twice++)
        MUST(tokenizer_add_special(&t, text_markers, MARKER_COUNT));
    tokenizer_hash(&t, after);
    cr_expect_str_neq(before, after);
    cr_expect(t.count == 16 && tokenizer_id(&t, "</obj>") == 15);
    cr_expect_eq(tokenizer_id(&t, "<object>"), TOKENIZER_NO_ID);
    for (int joins = 0; joins < 2; joins++) {
        t.joins_after_markers = joins;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            MUST(tokenizer_encode(&t, &e, cases[i].text, strlen(cases[i].text), 0));
            cr_expect_str_eq(ids_of(&e), joins ? cases[i].joined : cases[i].plain, "%s: %s",
                             cases[i].text, ids_of(&e));
        }
        tokenizer_hash(&t, joined);
        cr_expect_eq(strcmp(joined, after) != 0, joins);
        MUST(tokenizer_save(&t, temporary_folder()));
        MUST(tokenizer_load(&back, temporary_folder(), false));
        tokenizer_hash(&back, after);
        cr_expect_str_eq(after, joined);
        cr_expect_eq(back.joins_after_markers, joins);
        tokenizer_free(&back);
    }
    encoding_free(&e);
    tokenizer_free(&t);
}
