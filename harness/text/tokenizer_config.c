/* What is beside the vocabulary in a folder: tokenizer_config.json, special_tokens_map.json,
 * added_tokens.json, and config.json for the class. Keys count as they do in transformers' own
 * PreTrainedTokenizerBase._from_pretrained and BertTokenizer. */
#include "text/tokenizer_draft.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/order.h"
#include "platform/file.h"
#include "text/markers.h"

#include <stdlib.h>
#include <string.h>

enum { CONFIG_BYTES_MAX = 16 << 20 };

static const cJSON *get(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

// folder/name as an object; *root stays NULL when it is not there.
static err read_optional(cJSON **root, const char *folder, const char *name, size_t limit_bytes) {
    char path[PATH_MAX];
    *root = NULL;
    err e = path_in(path, folder, name);
    if (!e && file_named(path)) {
        e = json_read(root, path, limit_bytes);
        if (!e && !cJSON_IsObject(*root)) e = err_set(ERR_FORMAT, "%s: not an object", path);
    }
    return e;
}

/* The old name of a list of tokens counts where the new one has none. */
static err rename_additional(cJSON *config) {
    const cJSON *list = get(config, "extra_special_tokens");
    if (!json_has(config, "additional_special_tokens") || (list && list->child)) return ERR_OK;
    cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(config, "additional_special_tokens");
    cJSON_DeleteItemFromObjectCaseSensitive(config, "extra_special_tokens");
    return json_add_item(config, "extra_special_tokens", old);
}

/* The map's keys replace those of the config, but its list of tokens is appended. Empties it. */
static err merge_map(cJSON *config, cJSON *map) {
    for (cJSON *v; (v = map->child);) {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(config, v->string);
        (void)cJSON_DetachItemViaPointer(map, v);
        bool extends =
            !strcmp(v->string, "extra_special_tokens") && cJSON_IsArray(v) && cJSON_IsArray(old);
        if (extends) {
            for (cJSON *item; (item = v->child);) {
                (void)cJSON_DetachItemViaPointer(v, item);
                err e = json_append(old, item);
                if (e) {
                    cJSON_Delete(v);
                    return e;
                }
            }
            cJSON_Delete(v);
            continue;
        }
        if (old) cJSON_Delete(cJSON_DetachItemViaPointer(config, old));
        if (!cJSON_AddItemToArray(config, v)) { // an object keeps its members as a list does
            cJSON_Delete(v);
            return err_set(ERR_MEMORY, "out of memory while reading JSON");
        }
    }
    return ERR_OK;
}

static bool is_one_of(const char *name, size_t bytes, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == bytes && !memcmp(name, list[i], bytes)) return true;
    return false;
}
#define IS_ONE_OF(name, bytes, list) is_one_of(name, bytes, list, sizeof(list) / sizeof *(list))

// The class by name; "Fast" at its end says nothing.
static err take_class(draft *d, const char *name) {
    static const char *const bert[] = {"BertTokenizer", "ElectraTokenizer", "DistilBertTokenizer",
                                       "MobileBertTokenizer", "ConvBertTokenizer"};
    static const char *const generic[] = {"PreTrainedTokenizer", "TokenizersBackend"};
    // those that transformers knows, and would build in spite of a WordPiece tokenizer.json
    static const char *const others[] = {
        "RobertaTokenizer",     "XLMRobertaTokenizer", "AlbertTokenizer",    "DebertaTokenizer",
        "DebertaV2Tokenizer",   "FunnelTokenizer",     "CamembertTokenizer", "XLNetTokenizer",
        "GPT2Tokenizer",        "BartTokenizer",       "T5Tokenizer",        "LlamaTokenizer",
        "BertJapaneseTokenizer"};
    size_t bytes = strlen(name);
    if (bytes > 4 && !strcmp(name + bytes - 4, "Fast")) bytes -= 4;
    if (IS_ONE_OF(name, bytes, bert)) return ERR_OK;
    d->is_generic = d->json != NULL;
    bool is_other = IS_ONE_OF(name, bytes, others);
    if (d->json && !is_other) return ERR_OK; // a class that is not known: tokenizer.json stands
    if (IS_ONE_OF(name, bytes, generic)) {
        return err_set(ERR_UNSUPPORTED, "%s: tokenizer_class %s needs a tokenizer.json", d->said,
                       name);
    }
    return draft__refuse(d->said, "tokenizer_class", name, "such as BertTokenizer");
}

/* The class that the files name; config.json's model_type names one too. Without a name
 * tokenizer.json stands for itself, unless options of BertTokenizer are given. */
static err find_class(draft *d, const cJSON *model) {
    static const char *const types[] = {"bert", "electra", "distilbert", "mobilebert", "convbert"};
    const cJSON *class = get(d->config, "tokenizer_class");
    if (!cJSON_IsString(class)) class = get(model, "tokenizer_class");
    if (cJSON_IsString(class)) return take_class(d, class->valuestring);
    const cJSON *type = get(model, "model_type");
    const char *name = cJSON_IsString(type) ? type->valuestring : "";
    d->is_generic =
        d->json && !IS_ONE_OF(name, strlen(name), types) && !json_has(d->config, "do_lower_case");
    return ERR_OK;
}

err draft__config_read(draft *d, const char *folder) {
    cJSON *map = NULL, *model = NULL;
    err e;
    if ((e = path_join(&d->config_path, folder, "tokenizer_config.json")) ||
        (e = read_optional(&d->config, folder, "tokenizer_config.json", TOKENIZER_BYTES_MAX)) ||
        (e = read_optional(&model, folder, "config.json", CONFIG_BYTES_MAX)))
        goto done;
    if (d->config) d->said = d->config_path;
    d->has_decoder = json_has(d->config, "added_tokens_decoder");
    if (d->config && (e = rename_additional(d->config))) goto done;
    if (!d->has_decoder) {
        if ((e = read_optional(&map, folder, "special_tokens_map.json", TOKENIZER_BYTES_MAX)) ||
            (e = read_optional(&d->added, folder, "added_tokens.json", TOKENIZER_BYTES_MAX)))
            goto done;
    }
    if (map && d->config) e = merge_map(d->config, map);
    if (map && !d->config) {
        d->config = map;
        map = NULL;
    }
    if (!e) e = find_class(d, model);
done:
    cJSON_Delete(map);
    cJSON_Delete(model);
    return e;
}

static err read_length(draft *d) {
    double longest = 0;
    const char *key = json_has(d->config, "model_max_length") ? "model_max_length" : "max_len";
    const cJSON *v = get(d->config, key);
    if (!v || cJSON_IsNull(v)) return ERR_OK;
    err e = json_number(&longest, d->config, key, d->said);
    // Hugging Face writes 1e30 for "no limit"
    if (!e && longest >= 1 && longest < 1e9) d->t->model_max_length = (size_t)longest;
    return e;
}

/* Of texts that are too long, split and put together again. */
static err read_sides(draft *d) {
    const char *side = NULL;
    bool splits = false;
    err e = draft__flag(&splits, d->config, "split_special_tokens", d->said);
    if (e) return e;
    if (splits) {
        return err_set(ERR_UNSUPPORTED, "%s: split_special_tokens is true; only false is supported",
                       d->said);
    }
    e = draft__flag(&d->t->cleans_spaces, d->config, "clean_up_tokenization_spaces", d->said);
    if (!e) e = draft__flag(&d->t->joins_after_markers, d->config, MARKERS_JOIN, d->said);
    if (e || !json_has(d->config, "truncation_side")) return e;
    if ((e = json_string(&side, d->config, "truncation_side", d->said))) return e;
    d->t->truncate_left = !strcmp(side, "left");
    if (d->t->truncate_left || !strcmp(side, "right")) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: truncation_side is '%s', expected left or right", d->said,
                   side);
}

/* Options that transformers does not read here, whatever their names promise. */
static void warn_ignored(const draft *d) {
    static const char *const keys[] = {"clean_text", "max_input_chars_per_word", "never_split",
                                       "do_basic_tokenize"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const cJSON *v = get(d->config, keys[i]);
        if (!v || cJSON_IsNull(v) || cJSON_IsTrue(v)) continue;
        if (cJSON_IsNumber(v) && v->valuedouble == 100) continue;
        log_warn("%s: '%s' has no effect, as in transformers' BertTokenizer", d->said, keys[i]);
    }
}

static err read_case(draft *d) {
    tokenizer *t = d->t;
    bool said = json_has(d->config, "do_lower_case");
    err e = draft__flag(&t->lowercase, d->config, "do_lower_case", d->said);
    if (e) return e;
    if (said && t->lowercase && d->cased) {
        return err_set(ERR_USAGE, "%s: do_lower_case is true, but a cased model was asked for%s",
                       d->said, err_advice("cased", " (--cased)"));
    }
    if (said) return ERR_OK;
    t->lowercase = !d->cased;
    if (!d->cased) {
        log_warn("%s: no tokenizer_config.json says do_lower_case: the text is lower-cased and its "
                 "accents are stripped, which takes Hangul apart, as in transformers%s; for a "
                 "cased model %swrite {\"do_lower_case\": false} into that file",
                 d->said, d->json && !d->json_lowers ? ", whatever tokenizer.json says" : "",
                 err_advice("cased", "say --cased, or "));
    }
    return ERR_OK;
}

static err read_options(draft *d) {
    err e;
    if ((e = read_length(d)) || (e = read_sides(d))) return e;
    if (d->is_generic) {
        if (d->cased && d->t->lowercase) {
            return err_set(ERR_USAGE,
                           "%s: tokenizer.json lower-cases, but a cased model was asked for%s",
                           d->said, err_advice("cased", " (--cased)"));
        }
        return ERR_OK;
    }
    warn_ignored(d);
    if ((e = read_case(d)) || (e = draft__flag(&d->t->tokenize_chinese_chars, d->config,
                                               "tokenize_chinese_chars", d->said)))
        return e;
    return draft__strip_accents(d->t, d->config, d->said);
}

static bool is_token(const cJSON *v) {
    return cJSON_IsString(v) || (cJSON_IsObject(v) && json_has(v, "content"));
}

/* A token that is a string or an object with "content", as a special one. */
static err read_token(added_token *a, const cJSON *v, const char *where) {
    *a = (added_token){.id = TOKENIZER_NO_ID, .special = true};
    if (!cJSON_IsString(v)) {
        err e = draft__describe(a, v, where);
        a->id = TOKENIZER_NO_ID;
        return e;
    }
    a->text = v->valuestring;
    return ERR_OK;
}

// The id is a key of the object, so that the number stands in a string.
static err read_decoder(draft *d) {
    err e;
    const cJSON *map = NULL;
    if ((e = json_object(&map, d->config, "added_tokens_decoder", d->said))) return e;
    for (const cJSON *v = map->child; v; v = v->next) {
        added_token a = {0};
        size_t id = 0, digits = strspn(v->string, "0123456789");
        if (!digits || v->string[digits] || digits > 8) {
            return err_set(ERR_FORMAT, "%s: key '%s' of added_tokens_decoder is no token id",
                           d->said, v->string);
        }
        for (size_t i = 0; i < digits; i++) id = id * 10 + (size_t)(v->string[i] - '0');
        if ((e = draft__describe(&a, v, d->said))) return e;
        a.id = (uint32_t)id;
        if ((e = draft__list(d, &a))) return e;
    }
    return ERR_OK;
}

static const char *text_of(const cJSON *v) {
    if (cJSON_IsObject(v)) v = get(v, "content");
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static const char *const standard[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
enum { STANDARD_COUNT = sizeof standard / sizeof *standard };

/* {"token": id}; those that the config names as special tokens are special. */
static err read_added_file(draft *d) {
    const cJSON *extra = get(d->config, "extra_special_tokens");
    const char **special = NULL;
    size_t count = 0;
    err e = mem_new(&special, STANDARD_COUNT + (size_t)cJSON_GetArraySize(extra));
    if (e) return e;
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        const char *text = text_of(get(d->config, standard[i]));
        if (text) special[count++] = text;
    }
    for (const cJSON *v = extra ? extra->child : NULL; v; v = v->next)
        if (text_of(v)) special[count++] = text_of(v);
    qsort(special, count, sizeof *special, order_text);
    for (const cJSON *v = d->added->child; v && !e; v = v->next) {
        int64_t id = 0;
        const char *text = v->string;
        bool is_special =
            count && bsearch(&text, special, count, sizeof *special, order_text) != NULL;
        added_token a = {.text = v->string, .special = is_special, .normalized = !is_special};
        if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > TOKENS_MAX ||
            v->valuedouble != (double)(int64_t)v->valuedouble) {
            e = err_set(ERR_FORMAT, "%s: added_tokens.json: '%s' has no whole number as its id",
                        d->said, text);
            break;
        }
        id = (int64_t)v->valuedouble;
        a.id = (uint32_t)id;
        e = draft__list(d, &a);
    }
    mem_free(special);
    return e;
}

// bos_token and the others that have names of their own; they are added where the text is new.
static err read_standard(draft *d) {
    err e;
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        const cJSON *v = get(d->config, standard[i]);
        added_token a;
        size_t which = 0;
        while (which < SPECIAL_COUNT && strcmp(tokenizer__special[which].key, standard[i])) which++;
        if (which == SPECIAL_MASK && v) d->no_mask = cJSON_IsNull(v);
        if (!v || (cJSON_IsNull(v) && which != SPECIAL_CLS && which != SPECIAL_SEP)) continue;
        if (!is_token(v)) {
            return err_set(ERR_FORMAT,
                           "%s: key '%s' is no token (a string or an object with "
                           "'content')",
                           d->said, standard[i]);
        }
        if ((e = read_token(&a, v, d->said))) return e;
        bool decides = which < SPECIAL_COUNT &&
                       (!d->is_generic || which == SPECIAL_PAD || which == SPECIAL_MASK);
        if (which == SPECIAL_UNK && tokenizer_id(d->t, a.text) == TOKENIZER_NO_ID)
            return err_set(ERR_FORMAT, "%s: the vocabulary has no %s", d->said, a.text);
        if ((e = tokenizer__add(d->t, &a, d->said))) return e;
        if (!decides) continue;
        mem_free(d->names[which]);
        d->names[which] = NULL;
        if ((e = mem_strdup(&d->names[which], a.text))) return e;
    }
    return ERR_OK;
}

static err add_token(draft *d, const cJSON *v, const char *key) {
    added_token a;
    if (!is_token(v)) return err_set(ERR_FORMAT, "%s: an entry of '%s' is no token", d->said, key);
    err e = read_token(&a, v, d->said);
    return e ? e : tokenizer__add(d->t, &a, d->said);
}

static bool ends_in_token(const char *key) {
    size_t n = strlen(key);
    return n > 6 && !strcmp(key + n - 6, "_token");
}

// "my_token": "[E1]" of a model's own; an object has to say that it is one.
static err read_own(draft *d) {
    err e = ERR_OK;
    for (const cJSON *v = d->config ? d->config->child : NULL; v && !e; v = v->next) {
        if (!ends_in_token(v->string) || IS_ONE_OF(v->string, strlen(v->string), standard))
            continue;
        if (cJSON_IsString(v) || (is_token(v) && json_has(v, "__type")))
            e = add_token(d, v, v->string);
    }
    return e;
}

static err read_extra(draft *d) {
    const char *key = json_has(d->config, "extra_special_tokens") ? "extra_special_tokens"
                                                                  : "additional_special_tokens";
    const cJSON *list = get(d->config, key);
    err e = ERR_OK;
    for (const cJSON *v = list ? list->child : NULL; v && !e; v = v->next) e = add_token(d, v, key);
    return e;
}

err draft__config_take(draft *d) {
    err e;
    if ((e = read_options(d))) return e;
    if (d->json && (d->is_generic || !d->has_decoder)) {
        if (d->added && !d->is_generic && (e = read_added_file(d))) return e;
        if ((e = draft__json_added(d, d->said))) return e;
        // those of a tokenizer.json that stands for itself come before all others
        if (d->is_generic && (e = draft__add_listed(d))) return e;
    }
    if (d->has_decoder && (e = read_decoder(d))) return e;
    if (d->added && (d->is_generic || !d->json) && (e = read_added_file(d))) return e;
    if ((e = draft__add_listed(d)) || (e = read_standard(d)) || (e = read_own(d))) return e;
    return read_extra(d);
}
