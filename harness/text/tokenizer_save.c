/* Writing a tokenizer as Hugging Face's files, and its hash. */
#include "text/tokenizer_internal.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "text/markers.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

static bool is_added(const tokenizer *t, uint32_t id) {
    for (size_t i = 0; i < t->added_count; i++)
        if (t->added[i].id == id) return true;
    return false;
}

/* vocab.txt cannot say everything: ids without a token, tokens over lines or with white space at
 * their end. Nor can BertTokenizer, which looks for all special tokens in the text. */
static bool needs_json(const tokenizer *t) {
    const uint32_t special[] = {t->pad_id, t->unk_id, t->cls_id, t->sep_id, t->mask_id};
    if (t->has_holes || !t->clean_text || t->max_input_chars_per_word != 100) return true;
    for (size_t i = 0; i < SPECIAL_COUNT; i++)
        if (special[i] != TOKENIZER_NO_ID && !is_added(t, special[i])) return true;
    for (size_t i = 0; i < t->piece_count; i++) {
        const char *text = t->tokens[i];
        size_t n = strlen(text), start = n;
        uint32_t point;
        if (strpbrk(text, "\r\n")) return true;
        while (start && (text[--start] & 0xC0) == 0x80) continue;
        if (n && utf8_decode(&point, text + start, n - start) && unicode_is_whitespace(point))
            return true;
    }
    return false;
}

static err write_vocab(const tokenizer *t, const char *path) {
    strbuf b = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < t->piece_count && !e; i++)
        if (!(e = strbuf_add(&b, t->tokens[i]))) e = strbuf_add(&b, "\n");
    if (!e) e = file_write(path, b.text, b.length);
    strbuf_free(&b);
    return e;
}

/* The special tokens that were added behind the vocabulary, under the name that transformers has
 * for them. */
static err add_further(const tokenizer *t, cJSON *object) {
    cJSON *list = NULL;
    err e = ERR_OK;
    for (size_t i = 0; i < t->added_count && !e; i++) {
        const added_token *a = t->index->by_id[i];
        if (!a->special || a->id < t->piece_count) continue;
        if (!list) e = json_add_array(&list, object, "additional_special_tokens");
        if (!e) e = json_append(list, cJSON_CreateString(a->text));
    }
    return e;
}

static err add_names(const tokenizer *t, cJSON *object) {
    uint32_t ids[SPECIAL_COUNT] = {t->pad_id, t->unk_id, t->cls_id, t->sep_id, t->mask_id};
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        if (ids[i] == TOKENIZER_NO_ID) continue;
        // a name makes a token one that is looked for in the text
        if (needs_json(t) && !is_added(t, ids[i]) &&
            !strcmp(tokenizer_text(t, ids[i]), tokenizer__special[i].name))
            continue;
        err e = json_add_string(object, tokenizer__special[i].key, tokenizer_text(t, ids[i]));
        if (e) return e;
    }
    return add_further(t, object);
}

static err add_described(const added_token *a, cJSON *entry) {
    return json_put(entry, "content %s lstrip %d normalized %d rstrip %d single_word %d special %d",
                    a->text, a->lstrip, a->normalized, a->rstrip, a->single_word, a->special);
}

static err add_added(const tokenizer *t, cJSON *config) {
    cJSON *map = NULL, *entry = NULL;
    err e = json_add_object(&map, config, "added_tokens_decoder");
    for (size_t i = 0; i < t->added_count && !e; i++) {
        const added_token *a = t->index->by_id[i];
        char id[16];
        snprintf(id, sizeof id, "%u", a->id);
        if (!(e = json_add_object(&entry, map, id))) e = add_described(a, entry);
    }
    return e;
}

static err add_inputs(cJSON *config) {
    static const char *const names[] = {"input_ids", "attention_mask"};
    return json_put_texts(config, "model_input_names", names, 2);
}

static err add_strip(const tokenizer *t, cJSON *to) {
    return t->strip_accents == SWITCH_UNSET
               ? json_add_string(to, "strip_accents", NULL)
               : json_add_bool(to, "strip_accents", t->strip_accents == SWITCH_TRUE);
}

static err fill_config(const tokenizer *t, cJSON *config) {
    err e;
    bool has_mask = t->mask_id != TOKENIZER_NO_ID; // without the key it would be [MASK]
    if ((e = add_added(t, config)) || (e = add_names(t, config)) ||
        (!has_mask && (e = json_add_string(config, tokenizer__special[SPECIAL_MASK].key, NULL))) ||
        (e = json_put(config, "do_lower_case %d tokenize_chinese_chars %d tokenizer_class %s",
                      t->lowercase, t->tokenize_chinese_chars,
                      needs_json(t) ? "PreTrainedTokenizerFast" : "BertTokenizer")) ||
        (t->gives_no_types && (e = add_inputs(config))) ||
        (t->truncate_left && (e = json_add_string(config, "truncation_side", "left"))) ||
        (t->cleans_spaces && (e = json_add_bool(config, "clean_up_tokenization_spaces", true))) ||
        (t->joins_after_markers && (e = json_add_bool(config, MARKERS_JOIN, true))))
        return e;
    e = add_strip(t, config);
    if (e || !t->model_max_length) return e;
    return json_add_number(config, "model_max_length", (double)t->model_max_length);
}

static err add_list(const tokenizer *t, cJSON *root) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, "added_tokens");
    for (size_t i = 0; i < t->added_count && !e; i++) {
        const added_token *a = t->index->by_id[i];
        cJSON *entry;
        if ((e = json_append_object(&entry, list)) || (e = json_put(entry, "id %u", a->id)))
            return e;
        e = add_described(a, entry);
    }
    return e;
}

static err add_steps(const tokenizer *t, cJSON *root) {
    cJSON *part = NULL;
    err e;
    if ((e = json_add_object(&part, root, "normalizer")) ||
        (e = json_put(part, "type %s clean_text %d handle_chinese_chars %d", "BertNormalizer",
                      t->clean_text, t->tokenize_chinese_chars)) ||
        (e = add_strip(t, part)) || (e = json_add_bool(part, "lowercase", t->lowercase)) ||
        (e = json_add_object(&part, root, "pre_tokenizer")))
        return e;
    return json_add_string(part, "type", "BertPreTokenizer");
}

static err add_pair(const tokenizer *t, cJSON *part, const char *key, uint32_t id) {
    cJSON *pair = NULL;
    err e;
    if ((e = json_add_array(&pair, part, key)) ||
        (e = json_append(pair, cJSON_CreateString(tokenizer_text(t, id)))))
        return e;
    return json_append(pair, cJSON_CreateNumber(id));
}

static err add_model(const tokenizer *t, cJSON *root) {
    cJSON *part = NULL, *vocab = NULL;
    err e;
    if ((e = json_add_object(&part, root, "post_processor")) ||
        (e = json_add_string(part, "type", "BertProcessing")) ||
        (e = add_pair(t, part, "sep", t->sep_id)) || (e = add_pair(t, part, "cls", t->cls_id)) ||
        (e = json_add_object(&part, root, "decoder")) ||
        (e = json_put(part, "type %s prefix %s cleanup %d", "WordPiece", "##", true)) ||
        (e = json_add_object(&part, root, "model")) ||
        (e = json_put(part,
                      "type %s unk_token %s continuing_subword_prefix %s "
                      "max_input_chars_per_word %zu",
                      "WordPiece", tokenizer_text(t, t->unk_id), "##",
                      t->max_input_chars_per_word)) ||
        (e = json_add_object(&vocab, part, "vocab")))
        return e;
    for (size_t i = 0; i < t->piece_count && !e; i++) {
        const char *text = t->tokens[i];
        // an unused id, or a line that a later one replaced
        if (tokenizer_find(t, text) != i) continue;
        e = json_add_number(vocab, text, (double)i);
    }
    return e;
}

static err fill_json(const tokenizer *t, cJSON *root) {
    err e;
    if ((e = json_add_string(root, "version", "1.0")) ||
        (e = json_add_string(root, "truncation", NULL)) ||
        (e = json_add_string(root, "padding", NULL)) || (e = add_list(t, root)) ||
        (e = add_steps(t, root)))
        return e;
    return add_model(t, root);
}

static err write_json(const tokenizer *t, const char *folder, const char *name,
                      err (*fill)(const tokenizer *, cJSON *)) {
    char *path = NULL;
    cJSON *root = cJSON_CreateObject();
    err e = path_join(&path, folder, name);
    if (!e && !(e = fill(t, root))) e = json_write(path, root);
    cJSON_Delete(root);
    mem_free(path);
    return e;
}

const char *const *tokenizer_saved_files(const tokenizer *t, size_t *count) {
    static const char *const names[] = {"special_tokens_map.json", "tokenizer_config.json",
                                        "vocab.txt", "tokenizer.json"};
    *count = sizeof names / sizeof *names - !needs_json(t);
    return names;
}

err tokenizer_save(const tokenizer *t, const char *folder) {
    char path[PATH_MAX];
    err e = path_in(path, folder, "vocab.txt");
    if (!e) e = write_vocab(t, path);
    if (e || (e = write_json(t, folder, "tokenizer_config.json", fill_config)) ||
        (e = write_json(t, folder, "special_tokens_map.json", add_names)))
        return e;
    if (needs_json(t)) return write_json(t, folder, "tokenizer.json", fill_json);
    if ((e = path_in(path, folder, "tokenizer.json"))) return e;
    (void)remove(path); // of another tokenizer that was saved here: it would go first
    return ERR_OK;
}

// A length before each string keeps the parts apart.
static void hash_string(sha256 *h, const char *text) {
    char length[24];
    int n = snprintf(length, sizeof length, "%zu:", strlen(text));
    sha256_add(h, length, (size_t)n);
    sha256_add(h, text, strlen(text));
}

static void hash_numbers(sha256 *h, const size_t *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char text[24];
        snprintf(text, sizeof text, "%zu", values[i]);
        hash_string(h, text);
    }
}

void tokenizer_hash(const tokenizer *t, char hex[65]) {
    sha256 h;
    bool strips = t->strip_accents == SWITCH_UNSET ? t->lowercase : t->strip_accents == SWITCH_TRUE;
    sha256_begin(&h);
    const size_t options[] = {t->lowercase,
                              strips,
                              t->clean_text,
                              t->tokenize_chinese_chars,
                              t->max_input_chars_per_word,
                              t->pad_id,
                              t->unk_id,
                              t->cls_id,
                              t->sep_id,
                              t->piece_count};
    hash_numbers(&h, options, sizeof options / sizeof *options);
    for (size_t i = 0; i < t->count; i++) hash_string(&h, t->tokens[i]);
    for (size_t i = 0; i < t->added_count; i++) {
        const added_token *a = t->index->by_id[i]; // since files list them in different orders
        const size_t flags[] = {a->id, a->normalized, a->single_word, a->lstrip, a->rstrip};
        hash_numbers(&h, flags, sizeof flags / sizeof *flags);
    }
    if (t->truncate_left) hash_string(&h, "left"); // hashes of before have no side
    if (t->joins_after_markers) hash_string(&h, MARKERS_JOIN);
    sha256_end_hex(&h, hex);
}
