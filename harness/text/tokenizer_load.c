/* Tokenizers from Hugging Face's files. */
#include "text/tokenizer_internal.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <string.h>

enum {
    VOCAB_BYTES_MAX = 256 << 20, /* larger than any vocabulary by two orders */
    TOKENS_MAX = 1 << 24,
    UNUSED_IDS_MAX = 4096 /* beyond as many as there are tokens */
};

const special_token tokenizer__special[SPECIAL_COUNT] = {[SPECIAL_PAD] = {"pad_token", "[PAD]"},
                                                         [SPECIAL_UNK] = {"unk_token", "[UNK]"},
                                                         [SPECIAL_CLS] = {"cls_token", "[CLS]"},
                                                         [SPECIAL_SEP] = {"sep_token", "[SEP]"},
                                                         [SPECIAL_MASK] = {"mask_token", "[MASK]"}};

// A tokenizer while its files are read.
typedef struct draft {
    tokenizer *t;
    const char *where;          // for messages
    char *names[SPECIAL_COUNT]; // owned; NULL: the usual one
    bool has_json;              // tokenizer.json gave the options
    bool no_mask;               // mask_token is null
} draft;

static void set_defaults(tokenizer *t) {
    *t = (tokenizer){.clean_text = true,
                     .tokenize_chinese_chars = true,
                     .max_input_chars_per_word = 100,
                     .mask_id = TOKENIZER_NO_ID};
}

// --- vocab.txt
// -------------------------------------------------------------------------------------

/* A 0 byte becomes U+FFFD (KoCharELECTRA's vocabulary has one): cleaning removes both from texts,
 * so neither token is ever met, and strings stay strings. */
static err append_token(tokenizer *t, size_t *capacity, const char *text, size_t bytes) {
    strbuf b = {0};
    err e = mem_grow((void **)&t->tokens, capacity, t->count + 1, sizeof *t->tokens);
    if (e) return e;
    if (!memchr(text, 0, bytes)) {
        if ((e = mem_strndup(&t->tokens[t->count], text, bytes))) return e;
        t->count++;
        return ERR_OK;
    }
    e = strbuf_add(&b, "");
    for (size_t i = 0; i < bytes && !e; i++) {
        e = text[i] ? strbuf_add_bytes(&b, text + i, 1) : strbuf_add(&b, "\xEF\xBF\xBD");
    }
    if (e) {
        strbuf_free(&b);
        return e;
    }
    t->tokens[t->count++] = b.text;
    return ERR_OK;
}

// Lines end at LF, CRLF or CR, as Python's universal newlines have it.
static err read_lines(tokenizer *t, const char *text, size_t bytes, const char *path) {
    size_t capacity = 0, bad;
    for (size_t i = 0; i < bytes;) {
        size_t end = i;
        while (end < bytes && text[end] != '\n' && text[end] != '\r') end++;
        if (!utf8_valid(text + i, end - i, &bad)) {
            return err_set(ERR_FORMAT, "%s:%zu: byte %zu of the token is not UTF-8", path,
                           t->count + 1, bad);
        }
        if (t->count == TOKENS_MAX) {
            return err_set(ERR_FORMAT, "%s: more than %d tokens", path, TOKENS_MAX);
        }
        err e = append_token(t, &capacity, text + i, end - i);
        if (e) return e;
        i = end + 1;
        if (end + 1 < bytes && text[end] == '\r' && text[end + 1] == '\n') i++;
    }
    return ERR_OK;
}

static err read_vocab(tokenizer *t, const char *path) {
    void *text = NULL;
    size_t bytes = 0;
    err e = file_read(&text, &bytes, path, VOCAB_BYTES_MAX);
    if (e) return e;
    if (!(e = read_lines(t, text, bytes, path))) t->piece_count = t->count;
    mem_free(text);
    return e;
}

// --- added tokens
// ----------------------------------------------------------------------------------

static uint32_t find_token(const tokenizer *t, const char *text) {
    for (size_t i = t->count; i-- > 0;) { // from behind: of equal tokens the later counts
        if (!strcmp(t->tokens[i], text)) return (uint32_t)i;
    }
    return TOKENIZER_NO_ID;
}

err tokenizer__add(tokenizer *t, const added_token *a, const char *where) {
    err e;
    size_t bytes = strlen(a->text);
    if (!bytes || !utf8_valid(a->text, bytes, NULL)) {
        return err_set(ERR_FORMAT, "%s: an added token is empty or not UTF-8", where);
    }
    for (size_t i = 0; i < t->added_count; i++) {
        if (!strcmp(t->added[i].text, a->text)) return ERR_OK;
    }
    added_token copy = *a;
    uint32_t found = find_token(t, a->text);
    copy.id = found != TOKENIZER_NO_ID ? found : (uint32_t)t->count;
    if (a->id != TOKENIZER_NO_ID && a->id != copy.id) {
        return err_set(ERR_FORMAT, "%s: added token '%s' has id %u, expected %u", where, a->text,
                       a->id, copy.id);
    }
    if (found == TOKENIZER_NO_ID) {
        size_t capacity = t->count; // grown one by one: added tokens are few
        if ((e = append_token(t, &capacity, a->text, bytes))) return e;
    }
    if ((e = mem_grow((void **)&t->added, &t->added_capacity, t->added_count + 1,
                      sizeof *t->added))) {
        return e;
    }
    if ((e = mem_strdup(&copy.text, a->text))) return e;
    t->added[t->added_count++] = copy;
    return ERR_OK;
}

static err read_flag(bool *out, const cJSON *object, const char *key, const char *where) {
    return json_has(object, key) ? json_bool(out, object, key, where) : ERR_OK;
}

// One {"content", "special", "normalized", ...} of tokenizer.json or of added_tokens_decoder.
static err add_described(tokenizer *t, const cJSON *object, uint32_t id, const char *where) {
    err e;
    const char *content = NULL;
    added_token a = {.id = id};
    if ((e = json_string(&content, object, "content", where)) ||
        (e = read_flag(&a.special, object, "special", where))) {
        return e;
    }
    a.normalized = !a.special;
    if ((e = read_flag(&a.normalized, object, "normalized", where)) ||
        (e = read_flag(&a.single_word, object, "single_word", where)) ||
        (e = read_flag(&a.lstrip, object, "lstrip", where)) ||
        (e = read_flag(&a.rstrip, object, "rstrip", where))) {
        return e;
    }
    if ((e = mem_strdup(&a.text, content))) return e;
    e = tokenizer__add(t, &a, where);
    mem_free(a.text);
    return e;
}

// --- tokenizer.json
// --------------------------------------------------------------------------------

static const char *type_of(const cJSON *object, const char *fallback) {
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(object, "type");
    return cJSON_IsString(type) ? type->valuestring : fallback;
}

static err refuse(const char *where, const char *part, const char *found, const char *expected) {
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
        // every id up to the last takes memory: a small file must not ask for all of it
        if (id >= (double)most) {
            return err_set(ERR_FORMAT, "%s: token '%s' has id %.0f, though there are %d tokens",
                           where, v->string, id, cJSON_GetArraySize(vocab));
        }
        if ((size_t)id >= count) count = (size_t)id + 1;
    }
    if ((e = mem_new(&t->tokens, count))) return e;
    t->count = t->piece_count = count;
    for (const cJSON *v = vocab->child; v; v = v->next) {
        char **slot = &t->tokens[(size_t)v->valuedouble];
        if (*slot) {
            return err_set(ERR_FORMAT, "%s: id %zu belongs to '%s' and to '%s'", where,
                           (size_t)v->valuedouble, *slot, v->string);
        }
        if ((e = mem_strdup(slot, v->string))) return e;
    }
    for (size_t i = 0; i < count; i++) {
        if (!t->tokens[i] && (e = mem_strdup(&t->tokens[i], ""))) return e;
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
    if (strcmp(type, "WordPiece")) return refuse(d->where, "model", type, "model WordPiece");
    if (json_has(model, "continuing_subword_prefix") &&
        (e = json_string(&prefix, model, "continuing_subword_prefix", d->where))) {
        return e;
    }
    if (strcmp(prefix, "##")) return refuse(d->where, "subword prefix", prefix, "prefix ##");
    if (json_has(model, "max_input_chars_per_word") &&
        (e = json_whole(&longest, model, "max_input_chars_per_word", 1, INT32_MAX, d->where))) {
        return e;
    }
    d->t->max_input_chars_per_word = (size_t)longest;
    if ((e = json_string(&unknown, model, "unk_token", d->where)) ||
        (e = mem_strdup(&d->names[SPECIAL_UNK], unknown)) ||
        (e = json_object(&vocab, model, "vocab", d->where))) {
        return e;
    }
    return read_json_vocab(d->t, vocab, d->where);
}

static err read_switch(tokenizer_switch *out, const cJSON *object, const char *key,
                       const char *where) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
    bool on = false;
    if (!v) return ERR_OK;
    *out = SWITCH_UNSET;
    if (cJSON_IsNull(v)) return ERR_OK;
    err e = json_bool(&on, object, key, where);
    if (!e) *out = on ? SWITCH_TRUE : SWITCH_FALSE;
    return e;
}

static err read_json_steps(draft *d, const cJSON *root) {
    err e;
    tokenizer *t = d->t;
    const cJSON *normalizer = cJSON_GetObjectItemCaseSensitive(root, "normalizer");
    const cJSON *splitter = cJSON_GetObjectItemCaseSensitive(root, "pre_tokenizer");
    const char *type = type_of(normalizer, "none");
    if (strcmp(type, "BertNormalizer")) {
        return refuse(d->where, "normalizer", type, "normalizer BertNormalizer");
    }
    type = type_of(splitter, "none");
    if (strcmp(type, "BertPreTokenizer")) {
        return refuse(d->where, "pre-tokenizer", type, "pre-tokenizer BertPreTokenizer");
    }
    if ((e = read_flag(&t->clean_text, normalizer, "clean_text", d->where)) ||
        (e = read_flag(&t->tokenize_chinese_chars, normalizer, "handle_chinese_chars", d->where)) ||
        (e = read_flag(&t->lowercase, normalizer, "lowercase", d->where))) {
        return e;
    }
    return read_switch(&t->strip_accents, normalizer, "strip_accents", d->where);
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
    if (!cls || !sep) {
        return refuse(d->where, "post-processor", type, "[CLS] text [SEP]");
    }
    if ((e = mem_strdup(&d->names[SPECIAL_CLS], cls))) return e;
    return mem_strdup(&d->names[SPECIAL_SEP], sep);
}

static err read_json_added(draft *d, const cJSON *root) {
    err e;
    const cJSON *list = NULL;
    if (!json_has(root, "added_tokens")) return ERR_OK;
    if ((e = json_array(&list, root, "added_tokens", d->where))) return e;
    for (const cJSON *v = list->child; v; v = v->next) {
        int64_t id = 0;
        if ((e = json_whole(&id, v, "id", 0, TOKENS_MAX, d->where)) ||
            (e = add_described(d->t, v, (uint32_t)id, d->where))) {
            return e;
        }
    }
    return ERR_OK;
}

static err read_tokenizer_json(draft *d, const char *path) {
    cJSON *root = NULL;
    err e = json_read(&root, path, VOCAB_BYTES_MAX);
    if (e) return e;
    const char *outer = d->where;
    d->where = path;
    d->has_json = true;
    if ((e = read_json_model(d, root)) || (e = read_json_steps(d, root)) ||
        (e = read_json_processor(d, root)) || (e = read_json_added(d, root))) {
        goto done;
    }
    d->where = outer;
done:
    cJSON_Delete(root);
    return e;
}

// --- tokenizer_config.json, special_tokens_map.json
// ------------------------------------------------

// Classes of `transformers` whose vocab.txt BertTokenizer reads.
static const char *const bert_classes[] = {
    "BertTokenizer",           "BertTokenizerFast",       "ElectraTokenizer",
    "ElectraTokenizerFast",    "DistilBertTokenizer",     "DistilBertTokenizerFast",
    "MobileBertTokenizer",     "MobileBertTokenizerFast", "ConvBertTokenizer",
    "ConvBertTokenizerFast",   "FunnelTokenizer",         "FunnelTokenizerFast",
    "PreTrainedTokenizerFast", "TokenizersBackend"};

static err check_class(const draft *d, const cJSON *config) {
    const char *name = NULL;
    if (d->has_json || !json_has(config, "tokenizer_class")) return ERR_OK;
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, "tokenizer_class");
    if (cJSON_IsNull(v)) return ERR_OK;
    err e = json_string(&name, config, "tokenizer_class", d->where);
    if (e) return e;
    for (size_t i = 0; i < sizeof bert_classes / sizeof *bert_classes; i++) {
        if (!strcmp(name, bert_classes[i])) return ERR_OK;
    }
    return refuse(d->where, "tokenizer_class", name, "such as BertTokenizer");
}

// A special token's name is a string or an object with "content"; null and absent change nothing.
static err read_names(draft *d, const cJSON *config) {
    err e;
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        const char *key = tokenizer__special[i].key, *name = NULL;
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, key);
        if (i == SPECIAL_MASK && v) d->no_mask = cJSON_IsNull(v);
        if (!v || cJSON_IsNull(v)) continue;
        e = cJSON_IsObject(v) ? json_string(&name, v, "content", d->where)
                              : json_string(&name, config, key, d->where);
        if (e) return e;
        mem_free(d->names[i]);
        d->names[i] = NULL;
        if ((e = mem_strdup(&d->names[i], name))) return e;
    }
    return ERR_OK;
}

static err read_config_added(draft *d, const cJSON *config) {
    err e;
    const cJSON *map = NULL;
    if (!json_has(config, "added_tokens_decoder")) return ERR_OK;
    if ((e = json_object(&map, config, "added_tokens_decoder", d->where))) return e;
    for (const cJSON *v = map->child; v; v = v->next) {
        size_t id = 0, digits = strspn(v->string, "0123456789");
        if (!digits || v->string[digits] || digits > 8) {
            return err_set(ERR_FORMAT, "%s: key '%s' of added_tokens_decoder is no token id",
                           d->where, v->string);
        }
        for (size_t i = 0; i < digits; i++) id = id * 10 + (size_t)(v->string[i] - '0');
        if ((e = add_described(d->t, v, (uint32_t)id, d->where))) return e;
    }
    return ERR_OK;
}

static err read_extra(draft *d, const cJSON *config, const char *key) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(config, key);
    if (!cJSON_IsArray(list)) return ERR_OK;
    for (const cJSON *v = list->child; v; v = v->next) {
        const cJSON *content =
            cJSON_IsObject(v) ? cJSON_GetObjectItemCaseSensitive(v, "content") : v;
        if (!cJSON_IsString(content)) {
            return err_set(ERR_FORMAT, "%s: an entry of '%s' is no token", d->where, key);
        }
        added_token a = {.text = content->valuestring, .id = TOKENIZER_NO_ID, .special = true};
        err e = tokenizer__add(d->t, &a, d->where);
        if (e) return e;
    }
    return ERR_OK;
}

static err read_options(draft *d, const cJSON *config) {
    err e;
    tokenizer *t = d->t;
    double longest = 0;
    int64_t chars = (int64_t)t->max_input_chars_per_word;
    if (!json_has(config, "do_lower_case") && !d->has_json) {
        log_warn("%s: no do_lower_case: the text is lower-cased, as Hugging Face does", d->where);
        t->lowercase = true;
    }
    if ((e = read_flag(&t->lowercase, config, "do_lower_case", d->where)) ||
        (e = read_flag(&t->tokenize_chinese_chars, config, "tokenize_chinese_chars", d->where)) ||
        (e = read_flag(&t->clean_text, config, "clean_text", d->where)) ||
        (e = read_switch(&t->strip_accents, config, "strip_accents", d->where))) {
        return e;
    }
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, "model_max_length");
    if (v && !cJSON_IsNull(v)) {
        if ((e = json_number(&longest, config, "model_max_length", d->where))) return e;
        // Hugging Face writes 1e30 for "no limit"
        if (longest >= 1 && longest < 1e9) t->model_max_length = (size_t)longest;
    }
    if (json_has(config, "max_input_chars_per_word") &&
        (e = json_whole(&chars, config, "max_input_chars_per_word", 1, INT32_MAX, d->where))) {
        return e;
    }
    t->max_input_chars_per_word = (size_t)chars;
    return ERR_OK;
}

static err read_config(draft *d, const cJSON *config) {
    err e;
    if ((e = check_class(d, config)) || (e = read_options(d, config)) ||
        (e = read_names(d, config)) || (e = read_config_added(d, config)) ||
        (e = read_extra(d, config, "additional_special_tokens"))) {
        return e;
    }
    return read_extra(d, config, "extra_special_tokens");
}

// Reads folder/name with `read`, when it is there.
static err read_optional(draft *d, const char *folder, const char *name,
                         err (*read)(draft *, const cJSON *)) {
    char *path = NULL;
    cJSON *root = NULL;
    err e = path_join(&path, folder, name);
    if (e || !file_exists(path)) goto done;
    if ((e = json_read(&root, path, VOCAB_BYTES_MAX))) goto done;
    const char *outer = d->where;
    d->where = path;
    e = cJSON_IsObject(root) ? read(d, root) : err_set(ERR_FORMAT, "%s: not an object", path);
    d->where = outer;
done:
    cJSON_Delete(root);
    mem_free(path);
    return e;
}

// --- together
// --------------------------------------------------------------------------------------

static err missing(const draft *d, const char *name) {
    const char *hint = "";
    if (d->t->count && !strncmp(d->t->tokens[0], "\xEF\xBB\xBF", 3)) {
        hint = " (it begins with a byte order mark)";
    }
    return err_set(ERR_FORMAT, "%s: the vocabulary has no %s%s", d->where, name, hint);
}

static err finish(draft *d) {
    tokenizer *t = d->t;
    uint32_t *ids[SPECIAL_COUNT] = {&t->pad_id, &t->unk_id, &t->cls_id, &t->sep_id, &t->mask_id};
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        const char *name = d->names[i] ? d->names[i] : tokenizer__special[i].name;
        if (i == SPECIAL_MASK && d->no_mask) continue;
        *ids[i] = find_token(t, name);
        if (*ids[i] == TOKENIZER_NO_ID && i != SPECIAL_MASK) return missing(d, name);
        if (*ids[i] == TOKENIZER_NO_ID) continue;
        added_token a = {.text = t->tokens[*ids[i]], .id = *ids[i], .special = true};
        err e = tokenizer__add(t, &a, d->where);
        if (e) return e;
    }
    return tokenizer__index(t, d->where);
}

static err load_folder(draft *d, const char *folder) {
    char *json = NULL, *vocab = NULL;
    err e;
    if ((e = path_join(&json, folder, "tokenizer.json")) ||
        (e = path_join(&vocab, folder, "vocab.txt"))) {
        goto done;
    }
    if (file_exists(json)) {
        e = read_tokenizer_json(d, json);
    } else if (file_exists(vocab)) {
        e = read_vocab(d->t, vocab);
    } else {
        e = err_set(ERR_IO, "%s: neither tokenizer.json nor vocab.txt is there", folder);
    }
    if (e || (e = read_optional(d, folder, "special_tokens_map.json", read_names))) goto done;
    e = read_optional(d, folder, "tokenizer_config.json", read_config);
done:
    mem_free(json);
    mem_free(vocab);
    return e;
}

static err end_draft(draft *d, err e) {
    if (!e) e = finish(d);
    for (size_t i = 0; i < SPECIAL_COUNT; i++) mem_free(d->names[i]);
    if (e) tokenizer_free(d->t);
    return e;
}

err tokenizer_load(tokenizer *t, const char *path) {
    draft d = {.t = t, .where = path};
    const char *name = path_name(path), *dot = strrchr(name, '.');
    set_defaults(t);
    err e;
    if (folder_exists(path)) {
        e = load_folder(&d, path);
    } else if (dot && !strcmp(dot, ".json")) {
        e = read_tokenizer_json(&d, path);
    } else {
        e = read_vocab(t, path);
    }
    return end_draft(&d, e);
}

err tokenizer_from_tokens(tokenizer *t, char **tokens, size_t count, bool lowercase) {
    draft d = {.t = t, .where = "vocabulary"};
    size_t capacity = 0;
    set_defaults(t);
    t->lowercase = lowercase;
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        e = append_token(t, &capacity, tokens[i], strlen(tokens[i]));
    }
    t->piece_count = t->count;
    return end_draft(&d, e);
}

void tokenizer_free(tokenizer *t) {
    for (size_t i = 0; i < t->count; i++) mem_free(t->tokens[i]);
    for (size_t i = 0; i < t->added_count; i++) mem_free(t->added[i].text);
    mem_free(t->tokens);
    mem_free(t->added);
    tokenizer__index_free(t->index);
    *t = (tokenizer){0};
}
