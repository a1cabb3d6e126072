// Where tokens begin in their text, and which units they answer for.
#include "base/memory.h"
#include "support/must.h"
#include "text/units.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const pieces[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "서울",
                                     "##에",  "##서",  "a",     "##b",   "e",      "(",
                                     ")",     "漢",    "가",    "ᄀ",    "##ᅡ"};
enum { PIECES = sizeof pieces / sizeof *pieces };

static void open_words(tokenizer *t, bool lowercase) {
    MUST(tokenizer_from_tokens(t, (char **)pieces, PIECES, lowercase));
}

/* begins: of the tokens between [CLS] and [SEP]. */
static void check_begins(const tokenizer *t, const char *text, size_t max_length,
                         const uint32_t *begins, size_t count) {
    encoding e = {.tracks = true};
    MUST(tokenizer_encode(t, &e, text, strlen(text), max_length));
    cr_assert_eq(e.count, count + 2, "%s: %zu tokens", text, e.count);
    cr_expect(e.begins[0] == TOKENIZER_NO_PLACE && e.begins[e.count - 1] == TOKENIZER_NO_PLACE);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(e.begins[i + 1], begins[i], "%s: token %zu at %u, expected %u", text, i,
                     e.begins[i + 1], begins[i]);
    encoding_free(&e);
}

#define CHECK(t, text, max, ...)                                                                   \
    check_begins(t, text, max, (const uint32_t[]){__VA_ARGS__},                                    \
                 sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

CleanTest(units, tokens_say_where_they_begin) {
    tokenizer cased, lower;
    open_words(&cased, false);
    open_words(&lower, true);
    CHECK(&cased, "서울에서 ab", 0, 0, 6, 9, 13, 14);
    CHECK(&cased, "(서울)", 0, 0, 1, 7);
    CHECK(&cased, "a漢a", 0, 0, 1, 4);
    CHECK(&cased, " \x01서울\xEF\xBF\xBD a", 0, 2, 12); // what cleaning removes takes its room
    CHECK(&cased, "모르는 말", 0, 0, 10);               // [UNK] of a whole word
    CHECK(&cased, "서울에서 ab", 5, 0, 6, 9);           // cut
    CHECK(&cased, "a [MASK] (", 0, 0, 2, 9);            // an added token of the raw text
    // lower-cased, without accents: a place is that of the character it comes from
    CHECK(&lower, "AB", 0, 0, 1);
    CHECK(&lower, "a\xC3\x89(", 0, 0, 3); // a É: one word that is unknown
    CHECK(&lower, "\xC3\x89 e\xCC\x81 e", 0, 0, 3, 7);
    CHECK(&lower, "(가", 0, 0, 1, 1); // taken apart: both pieces come from one character
    cased.truncate_left = true;
    CHECK(&cased, "서울에서 ab", 5, 9, 13, 14);
    tokenizer_free(&cased);
    tokenizer_free(&lower);
}

/* A token that takes blanks begins where they do, but not in those that the token before it took. */
CleanTest(units, blanks_are_taken_once) {
    static const char *const added[] = {"<l>", "<r>"};
    tokenizer t;
    open_words(&t, false);
    MUST(tokenizer_add_special(&t, added, 2));
    CHECK(&t, "a  <r>  <l>  a", 0, 0, 3, 8, 13);
    for (size_t i = 0; i < t.added_count; i++) {
        t.added[i].lstrip = !strcmp(t.added[i].text, "<l>");
        t.added[i].rstrip = !strcmp(t.added[i].text, "<r>");
    }
    CHECK(&t, "a  <l>  a", 0, 0, 1, 8);
    CHECK(&t, "  <l>  <l>a", 0, 0, 5, 10);
    CHECK(&t, "a  <r>  a", 0, 0, 3, 8);
    CHECK(&t, "a  <r>  <l>  a", 0, 0, 3, 8, 13);
    CHECK(&t, "a<r>\xE3\x80\x80 <l>a", 0, 0, 1, 8, 11); // an ideographic blank
    tokenizer_free(&t);
}

/* Encoding without places gives the same ids, from the same buffers. */
Test(units, places_change_no_id) {
    tokenizer t;
    encoding plain = {0}, both = {0};
    const char *text = "서울에서 (AB) 漢 e\xCC\x81";
    for (int lowercase = 0; lowercase < 2; lowercase++) {
        open_words(&t, lowercase);
        MUST(tokenizer_encode(&t, &plain, text, strlen(text), 0));
        both.tracks = false;
        MUST(tokenizer_encode(&t, &both, "a", 1, 0)); // buffers without room for places
        both.tracks = true;
        MUST(tokenizer_encode(&t, &both, text, strlen(text), 0));
        cr_assert_eq(plain.count, both.count);
        cr_assert_eq(memcmp(plain.ids, both.ids, plain.count * sizeof *plain.ids), 0);
        tokenizer_free(&t);
    }
    encoding_free(&plain);
    encoding_free(&both);
}

static void check_units(const tokenizer *t, unit_kind kind, const char *text, size_t max_length,
                        const int32_t *first, const int32_t *last, uint32_t count) {
    encoding e = {.tracks = true};
    text_unit *list = NULL;
    uint32_t found = 0;
    int32_t begins[16], ends[16];
    MUST(tokenizer_encode(t, &e, text, strlen(text), max_length));
    MUST(units_find(&list, &found, kind, text, strlen(text)));
    cr_assert_eq(found, count, "%s: %u units", text, found);
    units_align(begins, ends, &e, list, count);
    for (uint32_t u = 0; u < count; u++)
        cr_expect(begins[u] == first[u] && ends[u] == last[u], "%s: unit %u: %d to %d", text, u,
                  begins[u], ends[u]);
    mem_free(list);
    encoding_free(&e);
}

CleanTest(units, a_token_answers_for_what_it_begins_in) {
    enum { IN = UNIT_INSIDE, NO = UNIT_NONE };
    tokenizer t;
    open_words(&t, false);
    // 서울 ##에 ##서 a ##b: the second character stands inside the first piece
    check_units(&t, UNIT_CHARACTER, "서울에서 ab", 0, (int32_t[]){1, IN, 2, 3, 4, 5},
                (int32_t[]){1, IN, 2, 3, 4, 5}, 6);
    check_units(&t, UNIT_WORD, "서울에서 ab", 0, (int32_t[]){1, 4}, (int32_t[]){3, 5}, 2);
    // [UNK] of a word answers for it, and what stands behind has its own
    check_units(&t, UNIT_CHARACTER, "모르(a", 0, (int32_t[]){1, IN, 2, 3}, (int32_t[]){1, IN, 2, 3},
                4);
    // what was cut off has no answer, also within a piece that stays
    check_units(&t, UNIT_CHARACTER, "서울에서 ab", 4, (int32_t[]){1, IN, 2, NO, NO, NO},
                (int32_t[]){1, IN, 2, NO, NO, NO}, 6);
    check_units(&t, UNIT_WORD, "서울에서 ab", 4, (int32_t[]){1, NO}, (int32_t[]){2, NO}, 2);
    check_units(&t, UNIT_WORD, "  ", 0, NULL, NULL, 0);
    t.truncate_left = true;
    check_units(&t, UNIT_CHARACTER, "서울에서 ab", 4, (int32_t[]){NO, NO, NO, NO, 1, 2},
                (int32_t[]){NO, NO, NO, NO, 1, 2}, 6);
    tokenizer_free(&t);
}
