#include "tokens.h"

#include "fuzz.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <string.h>

const char tokens_vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영\n##화\n화\n영화\n##가\n##는\n정말\n재\n##미\n##있\n##"
    "다\n"
    "ㅋ\n##ㅋ\n.\n!\n?\na\n##b\n##c\nabc\ne\n##e\n中\n國\n1\n##1\n##있다\n";

static void check_ends(const tokenizer *t, const encoding *x) {
    FUZZ_CHECK(x->count >= 2 && x->ids[0] == t->cls_id && x->ids[x->count - 1] == t->sep_id);
    FUZZ_CHECK(x->second <= x->count && x->truncated == (x->cut > 0));
    for (size_t i = 0; i < x->count; i++) FUZZ_CHECK(x->ids[i] < t->count);
}

void tokens_check_text(const tokenizer *t, const void *bytes, size_t size, size_t max_length) {
    encoding whole = {0}, cut = {0};
    size_t half = size / 2;
    bool valid = utf8_valid(bytes, size, NULL);
    if (fuzz_accepts(tokenizer_encode(t, &whole, bytes, size, 0))) {
        FUZZ_CHECK(valid && whole.cut == 0);
        check_ends(t, &whole);
        // a code point gives at most three after decomposition, and a piece has at least one
        FUZZ_CHECK(whole.count <= 2 + 4 * size);
        if (fuzz_needs(tokenizer_encode(t, &cut, bytes, size, max_length))) {
            check_ends(t, &cut);
            FUZZ_CHECK(cut.count <= max_length && cut.count + cut.cut == whole.count);
            // a start and [SEP], or [CLS] and an end
            size_t from = t->truncate_left ? whole.count - cut.count + 1 : 0;
            size_t first = t->truncate_left;
            FUZZ_CHECK(
                !memcmp(cut.ids + first, whole.ids + from, (cut.count - 1) * sizeof *cut.ids));
        }
        if (max_length >= 3 &&
            fuzz_accepts(tokenizer_encode_pair(t, &cut, bytes, half, (const char *)bytes + half,
                                               size - half, max_length))) {
            check_ends(t, &cut);
            FUZZ_CHECK(cut.count <= max_length && cut.ids[cut.second - 1] == t->sep_id);
        }
    } else {
        FUZZ_CHECK(!valid || fuzz_saw_memory_error());
    }
    encoding_free(&whole);
    encoding_free(&cut);
}

static void save_and_load(const tokenizer *t) {
    tokenizer again;
    char hex[65], hex_again[65];
    const char *folder = fuzz_path("saved");
    if (!fuzz_needs(folder_make(folder)) || !fuzz_accepts(tokenizer_save(t, folder))) return;
    if (!fuzz_needs(tokenizer_load(&again, folder, false))) return;
    tokenizer_hash(t, hex);
    tokenizer_hash(&again, hex_again);
    FUZZ_CHECK(!strcmp(hex, hex_again));
    tokenizer_free(&again);
}

void tokens_check(const tokenizer *t) {
    static const char *const texts[] = {"", "영화가 정말 재미있다 ㅋㅋㅋ!",
                                        "Abc [MASK] ab\xCC\x81\xE4\xB8\xAD\xE5\x9C\x8B 11.",
                                        "\xFF"};
    const uint32_t ids[] = {t->pad_id, t->unk_id, t->cls_id, t->sep_id};
    for (size_t i = 0; i < 4; i++) FUZZ_CHECK(ids[i] < t->count);
    FUZZ_CHECK(t->mask_id < t->count || t->mask_id == TOKENIZER_NO_ID);
    FUZZ_CHECK(t->piece_count <= t->count && t->max_input_chars_per_word >= 1);
    for (size_t i = 0; i < t->count; i++) {
        uint32_t id = tokenizer_find(t, t->tokens[i]);
        FUZZ_CHECK(id == TOKENIZER_NO_ID || !strcmp(t->tokens[id], t->tokens[i]));
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tokens_check_text(t, texts[i], strlen(texts[i]), 5);
    }
    save_and_load(t);
}
