/* tokenizer.json, as the library `tokenizers` writes it. */
#include "text/tokenizer_draft.h"

#include "base/memory.h"

#include <string.h>

enum { UNUSED_IDS_MAX = 4096 /* beyond as many as there are tokens */ };

/* The name of a special token, unless the config is to decide it. */
static err name(draft *d, size_t which, const char *text) {
    if (!d->is_generic) return ERR_OK;
    mem_free(d->names[which]);
    d->names[which] = NULL;
    return mem_strdup(&d->names[which], text);
}

static const char *type_of(const cJSON *object, const char *fallback) {
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(object, "type");
    return cJSON_IsString(type) ? type->valuestring : fallback;
}

err draft__refuse(const char *where, const char *part, const char *found, const char *expected) {
    return err_set(ERR_UNSUPPORTED,
                   "%s: the %s is '%s'; only BERT's WordPiece tokenizer is supported (%s)", where,
                   part, found, expected);
}

static err read_json_vocab(tokenizer *t, const cJSON *vocab, const char *where) {
    err e;
    size_t count = 0, most = 2 * (size_t)cJSON_GetArraySize(vocab) + UNUSED_IDS_MAX;
    for (const cJSON *v = vocab->child; v; v = v->next) {
        double id = cJSON_IsNumber(v) ? v->valuedouble : -1;
        if (!(id >= 0 && id < TOKENS_MAX) || id != (double)(size_t)id) {
            return err_set(ERR_FORMAT, "%s: token '%s' has no whole number below %d as its id",
                           where, v->string, TOKENS_MAX);
        }
        if (strlen(v->string) > TOKEN_BYTES_MAX)
            return err_set(ERR_FORMAT, "%s: token '%.40s...' has %zu bytes, at most %d are allowed",
                           where, v->string, strlen(v->string), TOKEN_BYTES_MAX);
        // every id up to the last takes memory: a small file must not ask for all of it
        if (id >= (double)most) {
            return err_set(ERR_FORMAT, "%s: token '%s' has id %.0f, though there are %d tokens",
                           where, v->string, id, cJSON_GetArraySize(vocab));
        }
        if ((size_t)id >= count) count = (size_t)id + 1;
    }
    if ((e = mem_new(&t->tokens, count))) return e;
    t->count = t->capacity = t->piece_count = count;
    for (const cJSON *v = vocab->child; v; v = v->next) {
        char **slot = &t->tokens[(size_t)v->valuedouble];
        if (*slot) {
            return err_set(ERR_FORMAT, "%s: id %zu belongs to '%s' and to '%s'", where,
                           (size_t)v->valuedouble, *slot, v->string);
        }
        if ((e = mem_strdup(slot, v->string))) return e;
    }
    for (size_t i = 0; i < count; i++) {
        if (t->tokens[i]) continue;
        t->has_holes = true;
        if ((e = mem_strdup(&t->tokens[i], ""))) return e;
    }
    return ERR_OK;
}

static err read_json_model(draft *d, const cJSON *root) {
    err e;
    const cJSON *model = NULL, *vocab = NULL;
    const char *prefix = "##", *unknown = NULL;
    int64_t longest = 100;
    if ((e = json_object(&model, root, "model", d->where))) return e;
    // files of old versions leave the type out
    const char *guess = json_has(model, "max_input_chars_per_word") ? "WordPiece" : "not named";
    const char *type = type_of(model, guess);
    if (strcmp(type, "WordPiece")) return draft__refuse(d->where, "model", type, "model WordPiece");
    if (json_has(model, "continuing_subword_prefix") &&
        (e = json_string(&prefix, model, "continuing_subword_prefix", d->where)))
        return e;
    if (strcmp(prefix, "##")) return draft__refuse(d->where, "subword prefix", prefix, "prefix ##");
    if (json_has(model, "max_input_chars_per_word") &&
        (e = json_whole(&longest, model, "max_input_chars_per_word", 1, INT32_MAX, d->where)))
        return e;
    if (d->is_generic) d->t->max_input_chars_per_word = (size_t)longest;
    if ((e = json_string(&unknown, model, "unk_token", d->where)) ||
        (e = name(d, SPECIAL_UNK, unknown)) || (e = json_object(&vocab, model, "vocab", d->where)))
        return e;
    return read_json_vocab(d->t, vocab, d->where);
}

static err read_json_steps(draft *d, const cJSON *root) {
    err e;
    tokenizer *t = d->t;
    const cJSON *normalizer = cJSON_GetObjectItemCaseSensitive(root, "normalizer");
    const cJSON *splitter = cJSON_GetObjectItemCaseSensitive(root, "pre_tokenizer");
    const char *type = type_of(normalizer, "none");
    if (strcmp(type, "BertNormalizer"))
        return draft__refuse(d->where, "normalizer", type, "normalizer BertNormalizer");
    type = type_of(splitter, "none");
    if (strcmp(type, "BertPreTokenizer"))
        return draft__refuse(d->where, "pre-tokenizer", type, "pre-tokenizer BertPreTokenizer");
    if ((e = draft__flag(&d->json_lowers, normalizer, "lowercase", d->where))) return e;
    if (!d->is_generic) return ERR_OK;
    t->lowercase = d->json_lowers;
    if ((e = draft__flag(&t->clean_text, normalizer, "clean_text", d->where)) ||
        (e = draft__flag(&t->tokenize_chinese_chars, normalizer, "handle_chinese_chars", d->where)))
        return e;
    return draft__strip_accents(t, normalizer, d->where);
}

// "[CLS]" of {"cls": ["[CLS]", 101]}.
static const char *name_in_pair(const cJSON *processor, const char *key) {
    const cJSON *pair = cJSON_GetObjectItemCaseSensitive(processor, key);
    const cJSON *name = cJSON_IsArray(pair) ? cJSON_GetArrayItem(pair, 0) : NULL;
    return name && cJSON_IsString(name) ? name->valuestring : NULL;
}

// The id of the nth part of a template, when it is a `kind` ("SpecialToken" or "Sequence").
static const char *name_in_template(const cJSON *single, int n, const char *kind) {
    const cJSON *part = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(single, n), kind);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(part, "id");
    return id && cJSON_IsString(id) ? id->valuestring : NULL;
}

// [CLS] text [SEP] is all that we do: anything else is refused. Gives the names of the two.
static err read_json_processor(draft *d, const cJSON *root) {
    err e;
    const cJSON *p = cJSON_GetObjectItemCaseSensitive(root, "post_processor");
    const char *type = type_of(p, "none"), *cls = NULL, *sep = NULL;
    if (!strcmp(type, "BertProcessing")) {
        cls = name_in_pair(p, "cls");
        sep = name_in_pair(p, "sep");
    } else if (!strcmp(type, "TemplateProcessing")) {
        const cJSON *single = cJSON_GetObjectItemCaseSensitive(p, "single");
        cls = name_in_template(single, 0, "SpecialToken");
        sep = name_in_template(single, 2, "SpecialToken");
        if (cJSON_GetArraySize(single) != 3 || !name_in_template(single, 1, "Sequence")) cls = NULL;
    }
    if (!cls || !sep) return draft__refuse(d->where, "post-processor", type, "[CLS] text [SEP]");
    if ((e = name(d, SPECIAL_CLS, cls))) return e;
    return name(d, SPECIAL_SEP, sep);
}

/* A side to cut at that was saved with the tokenizer. */
static err read_json_truncation(draft *d, const cJSON *root) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, "truncation");
    const cJSON *side = cJSON_GetObjectItemCaseSensitive(v, "direction");
    if (!cJSON_IsString(side)) return ERR_OK;
    d->t->truncate_left = !strcmp(side->valuestring, "Left");
    return ERR_OK;
}

err draft__json_added(draft *d, const char *path) {
    err e;
    const cJSON *list = NULL;
    if (!json_has(d->json, "added_tokens")) return ERR_OK;
    if ((e = json_array(&list, d->json, "added_tokens", path))) return e;
    for (const cJSON *v = list->child; v; v = v->next) {
        int64_t id = 0;
        added_token a = {0};
        if ((e = json_whole(&id, v, "id", 0, TOKENS_MAX, path)) ||
            (e = draft__describe(&a, v, path)))
            return e;
        if (d->had_zeros && strstr(a.text, "\xEF\xBF\xBD"))
            return err_set(ERR_UNSUPPORTED, "%s: an added token holds a 0 byte", path);
        a.id = (uint32_t)id;
        if ((e = draft__list(d, &a))) return e;
    }
    return ERR_OK;
}

err draft__json_read(draft *d, const char *path) {
    err e = json_read_zeros(&d->json, &d->had_zeros, path, TOKENIZER_BYTES_MAX);
    if (!e && !cJSON_IsObject(d->json)) e = err_set(ERR_FORMAT, "%s: not an object", path);
    return e;
}

err draft__json_take(draft *d, const char *path) {
    err e;
    const char *outer = d->where;
    d->where = path;
    if ((e = read_json_model(d, d->json)) || (e = read_json_steps(d, d->json)) ||
        (e = read_json_processor(d, d->json)) || (e = read_json_truncation(d, d->json)))
        return e;
    d->where = outer;
    return ERR_OK;
}
