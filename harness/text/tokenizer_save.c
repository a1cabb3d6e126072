/* Writing a tokenizer as Hugging Face's files, and its hash. */
#include "text/tokenizer_internal.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

static err write_vocab(const tokenizer *t, const char *path) {
    strbuf b = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < t->piece_count; i++) {
        if (strpbrk(t->tokens[i], "\r\n")) {
            e = err_set(ERR_UNSUPPORTED, "%s: token %zu holds a line end, which this file cannot",
                        path, i);
            goto done;
        }
        if ((e = strbuf_add(&b, t->tokens[i])) || (e = strbuf_add(&b, "\n"))) goto done;
    }
    e = file_write(path, b.text, b.length);
done:
    strbuf_free(&b);
    return e;
}

static err add_names(const tokenizer *t, cJSON *object) {
    uint32_t ids[SPECIAL_COUNT] = {t->pad_id, t->unk_id, t->cls_id, t->sep_id, t->mask_id};
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        if (ids[i] == TOKENIZER_NO_ID) continue;
        err e = json_add_string(object, tokenizer__special[i].key, t->tokens[ids[i]]);
        if (e) return e;
    }
    return ERR_OK;
}

static err add_added(const tokenizer *t, cJSON *config) {
    cJSON *map = NULL, *entry = NULL;
    err e = json_add_object(&map, config, "added_tokens_decoder");
    for (size_t i = 0; i < t->added_count && !e; i++) {
        const added_token *a = &t->added[i];
        char id[16];
        snprintf(id, sizeof id, "%u", a->id);
        if ((e = json_add_object(&entry, map, id)) ||
            (e = json_add_string(entry, "content", a->text)) ||
            (e = json_add_bool(entry, "lstrip", a->lstrip)) ||
            (e = json_add_bool(entry, "normalized", a->normalized)) ||
            (e = json_add_bool(entry, "rstrip", a->rstrip)) ||
            (e = json_add_bool(entry, "single_word", a->single_word)) ||
            (e = json_add_bool(entry, "special", a->special))) {
            return e;
        }
    }
    return e;
}

static err fill_config(const tokenizer *t, cJSON *config) {
    err e;
    bool has_mask = t->mask_id != TOKENIZER_NO_ID; // without the key it would be [MASK]
    if ((e = add_added(t, config)) || (e = add_names(t, config)) ||
        (!has_mask && (e = json_add_string(config, tokenizer__special[SPECIAL_MASK].key, NULL))) ||
        (e = json_add_bool(config, "do_lower_case", t->lowercase)) ||
        (e = json_add_bool(config, "tokenize_chinese_chars", t->tokenize_chinese_chars)) ||
        (e = json_add_string(config, "tokenizer_class", "BertTokenizer"))) {
        return e;
    }
    e = t->strip_accents == SWITCH_UNSET
            ? json_add_string(config, "strip_accents", NULL)
            : json_add_bool(config, "strip_accents", t->strip_accents == SWITCH_TRUE);
    if (e) return e;
    if (t->model_max_length &&
        (e = json_add_number(config, "model_max_length", (double)t->model_max_length))) {
        return e;
    }
    // two options that BertTokenizer does not have: only tokenizer_load reads them
    if (!t->clean_text && (e = json_add_bool(config, "clean_text", false))) return e;
    if (t->max_input_chars_per_word != 100 &&
        (e = json_add_number(config, "max_input_chars_per_word",
                             (double)t->max_input_chars_per_word))) {
        return e;
    }
    return ERR_OK;
}

static err write_json(const tokenizer *t, const char *folder, const char *name,
                      err (*fill)(const tokenizer *, cJSON *)) {
    char *path = NULL;
    cJSON *root = cJSON_CreateObject();
    err e = root ? path_join(&path, folder, name) : err_set(ERR_MEMORY, "out of memory");
    if (!e && !(e = fill(t, root))) e = json_write(path, root);
    cJSON_Delete(root);
    mem_free(path);
    return e;
}

err tokenizer_save(const tokenizer *t, const char *folder) {
    char *path = NULL;
    err e = path_join(&path, folder, "vocab.txt");
    if (!e) e = write_vocab(t, path);
    mem_free(path);
    if (e || (e = write_json(t, folder, "tokenizer_config.json", fill_config))) return e;
    return write_json(t, folder, "special_tokens_map.json", add_names);
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
    // by id, since files list them in different orders
    for (size_t id = 0; id < t->count && t->added_count; id++) {
        for (size_t i = 0; i < t->added_count; i++) {
            const added_token *a = &t->added[i];
            const size_t flags[] = {a->id, a->normalized, a->single_word, a->lstrip, a->rstrip};
            if (a->id == id) hash_numbers(&h, flags, sizeof flags / sizeof *flags);
        }
    }
    sha256_end_hex(&h, hex);
}
