/* Tokenizers from Hugging Face's files: the vocabulary, and what becomes of the other files. */
#include "text/tokenizer_draft.h"

#include "base/memory.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

const special_token tokenizer__special[SPECIAL_COUNT] = {[SPECIAL_PAD] = {"pad_token", "[PAD]"},
                                                         [SPECIAL_UNK] = {"unk_token", "[UNK]"},
                                                         [SPECIAL_CLS] = {"cls_token", "[CLS]"},
                                                         [SPECIAL_SEP] = {"sep_token", "[SEP]"},
                                                         [SPECIAL_MASK] = {"mask_token", "[MASK]"}};

static void set_defaults(tokenizer *t) {
    *t = (tokenizer){.clean_text = true,
                     .tokenize_chinese_chars = true,
                     .max_input_chars_per_word = 100,
                     .mask_id = TOKENIZER_NO_ID};
}

/* A 0 byte becomes U+FFFD (KoCharELECTRA's vocabulary has one): cleaning removes both from texts,
 * so neither token is ever met, and strings stay strings. */
static err append_token(tokenizer *t, const char *text, size_t bytes) {
    strbuf b = {0};
    err e = mem_grow((void **)&t->tokens, &t->capacity, t->count + 1, sizeof *t->tokens);
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

// Bytes of a line without the white space at its end, which `tokenizers` takes off.
static size_t trimmed(const char *line, size_t bytes) {
    while (bytes) {
        size_t start = bytes - 1;
        uint32_t point;
        while (start && (line[start] & 0xC0) == 0x80) start--;
        if (!utf8_decode(&point, line + start, bytes - start) || !unicode_is_whitespace(point))
            break;
        bytes = start;
    }
    return bytes;
}

// Lines end at LF, CRLF or CR.
static err read_lines(tokenizer *t, const char *text, size_t bytes, const char *path) {
    size_t bad;
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
        size_t length = trimmed(text + i, end - i);
        if (length > TOKEN_BYTES_MAX)
            return err_set(ERR_FORMAT, "%s:%zu: a token of %zu bytes, at most %d are allowed", path,
                           t->count + 1, length, TOKEN_BYTES_MAX);
        err e = append_token(t, text + i, length);
        if (e) return e;
        i = end + 1;
        if (end + 1 < bytes && text[end] == '\r' && text[end + 1] == '\n') i++;
    }
    return ERR_OK;
}

static err read_vocab(tokenizer *t, const char *path) {
    void *text = NULL;
    size_t bytes = 0;
    err e = file_read(&text, &bytes, path, TOKENIZER_BYTES_MAX);
    if (e) return e;
    if (!(e = read_lines(t, text, bytes, path))) t->piece_count = t->count;
    if (!e && !t->count) e = err_set(ERR_FORMAT, "%s: has no token, expected one a line", path);
    mem_free(text);
    return e;
}

// Puts the text at its id, behind the others or where an id is unused.
static err place_text(tokenizer *t, uint32_t id, const char *text) {
    if (id == t->count) return append_token(t, text, strlen(text));
    if (*t->tokens[id]) return ERR_OK; // a line of the vocabulary that occurs twice left the id
    char *copy = NULL;
    err e = mem_strdup(&copy, text);
    if (e) return e;
    mem_free(t->tokens[id]);
    t->tokens[id] = copy;
    return ERR_OK;
}

static bool begins_marked(const tokenizer *t) {
    return t->count && !strncmp(t->tokens[0], "\xEF\xBB\xBF", 3);
}

err tokenizer__add(tokenizer *t, const added_token *a, const char *where) {
    err e;
    bool there = false;
    size_t bytes = strlen(a->text);
    if (!bytes) return ERR_OK; // as in `tokenizers`
    if (!utf8_valid(a->text, bytes, NULL)) {
        return err_set(ERR_FORMAT, "%s: an added token is not UTF-8", where);
    }
    if (utf8_count(a->text, bytes) > ADDED_POINTS_MAX) {
        return err_set(ERR_UNSUPPORTED,
                       "%s: an added token has more than %d characters: '%.40s...'", where,
                       ADDED_POINTS_MAX, a->text);
    }
    added_token copy = *a;
    uint32_t found = tokenizer_id(t, a->text);
    copy.id = found != TOKENIZER_NO_ID ? found : t->next_id;
    if (a->id != TOKENIZER_NO_ID && a->id != copy.id) {
        return err_set(ERR_FORMAT, "%s: added token '%s' has id %u, expected %u%s", where, a->text,
                       a->id, copy.id,
                       found == TOKENIZER_NO_ID && begins_marked(t)
                           ? " (the vocabulary begins with a byte order mark)"
                           : "");
    }
    if ((e = mem_grow((void **)&t->added, &t->added_capacity, t->added_count + 1,
                      sizeof *t->added)) ||
        (e = mem_strdup(&copy.text, a->text))) {
        return e;
    }
    t->added[t->added_count] = copy;
    e = tokenizer__index_added(t, t->added_count, &there);
    if (!e && !there && found == TOKENIZER_NO_ID) e = place_text(t, copy.id, copy.text);
    if (e || there) {
        mem_free(copy.text);
        return e;
    }
    t->added_count++;
    if (copy.id >= t->next_id) t->next_id = copy.id + 1;
    return ERR_OK;
}

err tokenizer_add_special(tokenizer *t, const char *const *texts, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        added_token a = {.text = (char *)texts[i], .id = TOKENIZER_NO_ID, .special = true};
        e = tokenizer__add(t, &a, "special tokens");
    }
    return e ? e : tokenizer__index_end(t);
}

const char *tokenizer_text(const tokenizer *t, uint32_t id) {
    // an added token may share its id with a line of the vocabulary: it comes first, as in
    // transformers
    for (size_t i = 0; i < t->added_count; i++)
        if (t->added[i].id == id) return t->added[i].text;
    return t->tokens[id];
}

err draft__flag(bool *out, const cJSON *object, const char *key, const char *where) {
    return json_has(object, key) ? json_bool(out, object, key, where) : ERR_OK;
}

err draft__strip_accents(tokenizer *t, const cJSON *object, const char *where) {
    static const char key[] = "strip_accents";
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
    bool on = false;
    if (!v) return ERR_OK;
    t->strip_accents = SWITCH_UNSET;
    if (cJSON_IsNull(v)) return ERR_OK;
    err e = json_bool(&on, object, key, where);
    if (!e) t->strip_accents = on ? SWITCH_TRUE : SWITCH_FALSE;
    return e;
}

err draft__describe(added_token *a, const cJSON *object, const char *where) {
    err e;
    const char *content = NULL;
    bool special = a->special;
    *a = (added_token){.id = TOKENIZER_NO_ID, .special = special};
    if ((e = json_string(&content, object, "content", where)) ||
        (e = draft__flag(&a->special, object, "special", where))) {
        return e;
    }
    a->text = (char *)content;
    a->normalized = !a->special;
    if ((e = draft__flag(&a->normalized, object, "normalized", where)) ||
        (e = draft__flag(&a->single_word, object, "single_word", where)) ||
        (e = draft__flag(&a->lstrip, object, "lstrip", where))) {
        return e;
    }
    return draft__flag(&a->rstrip, object, "rstrip", where);
}

err draft__list(draft *d, const added_token *a) {
    err e =
        mem_grow((void **)&d->listed, &d->listed_capacity, d->listed_count + 1, sizeof *d->listed);
    if (e) return e;
    d->listed[d->listed_count] = (listed_token){*a, d->listed_count};
    d->listed_count++;
    return ERR_OK;
}

static int by_id(const void *a, const void *b) {
    const listed_token *x = a, *y = b;
    if (x->token.id != y->token.id) return x->token.id < y->token.id ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

err draft__add_listed(draft *d) {
    err e = ERR_OK;
    size_t n = d->listed_count;
    if (n) qsort(d->listed, n, sizeof *d->listed, by_id);
    for (size_t i = 0; i < n && !e; i++) {
        bool is_last = i + 1 == n || d->listed[i + 1].token.id != d->listed[i].token.id;
        if (is_last) e = tokenizer__add(d->t, &d->listed[i].token, d->where);
    }
    d->listed_count = 0;
    return e;
}

static err missing(const draft *d, const char *name) {
    return err_set(ERR_FORMAT, "%s: the vocabulary has no %s%s", d->where, name,
                   begins_marked(d->t) ? " (it begins with a byte order mark)" : "");
}

/* Finds the special tokens. Those with the usual names are looked for in the text too, but not in a
 * tokenizer.json that stands for itself: that one lists what is. */
static err find_special(draft *d) {
    static const size_t order[SPECIAL_COUNT] = {SPECIAL_PAD, SPECIAL_UNK, SPECIAL_CLS, SPECIAL_SEP,
                                                SPECIAL_MASK};
    tokenizer *t = d->t;
    uint32_t *ids[SPECIAL_COUNT] = {&t->pad_id, &t->unk_id, &t->cls_id, &t->sep_id, &t->mask_id};
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        size_t which = order[i];
        const char *name = d->names[which] ? d->names[which] : tokenizer__special[which].name;
        if (which == SPECIAL_MASK && d->no_mask) continue;
        *ids[which] = tokenizer_id(t, name);
        if (*ids[which] == TOKENIZER_NO_ID && which != SPECIAL_MASK) return missing(d, name);
        if (*ids[which] == TOKENIZER_NO_ID || d->is_generic) continue;
        added_token a = {.text = (char *)name, .id = TOKENIZER_NO_ID, .special = true};
        err e = tokenizer__add(t, &a, d->where);
        if (e) return e;
    }
    return tokenizer__index_end(t);
}

/* A SentencePiece vocabulary written as vocab.txt, as KoBERT's is: U+2581 begins words, and no ##
 * continues one. BertTokenizer would take it, and find hardly a word of a text in it. */
static err refuse_sentencepiece(const tokenizer *t, const char *path) {
    size_t begin = 0, first = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (!strncmp(t->tokens[i], "##", 2)) return ERR_OK;
        if (strncmp(t->tokens[i], "\xE2\x96\x81", 3) != 0) continue;
        if (!begin) first = i;
        begin++;
    }
    if (begin < 2 || begin < t->count / 10) return ERR_OK;
    return err_set(ERR_UNSUPPORTED,
                   "%s: the vocabulary is SentencePiece's (%zu tokens as '%.40s', none begins with "
                   "##); only BERT's WordPiece tokenizer is supported",
                   path, begin, t->tokens[first]);
}

/* Without a file that can be read: what the folder has of another tokenizer is named. */
static err no_tokenizer(const char *folder) {
    static const struct {
        const char *file, *kind;
    } others[] = {{"spiece.model", "SentencePiece"},
                  {"sentencepiece.bpe.model", "SentencePiece"},
                  {"spm.model", "SentencePiece"},
                  {"tokenizer.model", "SentencePiece"},
                  {"merges.txt", "byte-level BPE"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char path[PATH_MAX];
        err e = path_in(path, folder, others[i].file);
        if (!e && file_exists(path))
            e = err_set(ERR_UNSUPPORTED,
                        "%s: a %s tokenizer; only BERT's WordPiece tokenizer is supported "
                        "(tokenizer.json or vocab.txt)",
                        path, others[i].kind);
        if (e) return e;
    }
    return err_set(ERR_IO, "%s: neither tokenizer.json nor vocab.txt is there", folder);
}

static err load_folder(draft *d, const char *folder) {
    char *json = NULL, vocab[PATH_MAX];
    err e;
    if ((e = path_join(&json, folder, "tokenizer.json")) ||
        (e = path_in(vocab, folder, "vocab.txt"))) {
        goto done;
    }
    if (file_named(json)) {
        e = draft__json_read(d, json);
    } else if (!file_named(vocab)) {
        e = no_tokenizer(folder);
    }
    if (e || (e = draft__config_read(d, folder))) goto done;
    e = d->json ? draft__json_take(d, json) : read_vocab(d->t, vocab);
done:
    mem_free(json);
    return e;
}

static void draft_free(draft *d) {
    for (size_t i = 0; i < SPECIAL_COUNT; i++) mem_free(d->names[i]);
    cJSON_Delete(d->json);
    cJSON_Delete(d->config);
    cJSON_Delete(d->added);
    mem_free(d->listed);
    mem_free(d->config_path);
}

err tokenizer_load(tokenizer *t, const char *path, bool cased) {
    draft d = {.t = t, .where = path, .said = path, .cased = cased};
    const char *name = path_name(path), *dot = strrchr(name, '.');
    set_defaults(t);
    err e;
    if (folder_exists(path)) {
        e = load_folder(&d, path);
    } else if (dot && !strcmp(dot, ".json")) {
        d.is_generic = true;
        if (!(e = draft__json_read(&d, path))) e = draft__json_take(&d, path);
    } else {
        e = read_vocab(t, path);
    }
    if (!e && !d.json) e = refuse_sentencepiece(t, path);
    if (!e) e = tokenizer__index_pieces(t, d.where);
    if (!e) e = draft__config_take(&d);
    if (!e) e = find_special(&d);
    draft_free(&d);
    if (e) tokenizer_free(t);
    return e;
}

err tokenizer_from_tokens(tokenizer *t, char **tokens, size_t count, bool lowercase) {
    draft d = {.t = t, .where = "vocabulary"};
    set_defaults(t);
    t->lowercase = lowercase;
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        e = append_token(t, tokens[i], strlen(tokens[i]));
    }
    t->piece_count = t->count;
    if (!e) e = tokenizer__index_pieces(t, d.where);
    if (!e) e = find_special(&d);
    if (e) tokenizer_free(t);
    return e;
}

void tokenizer_free(tokenizer *t) {
    for (size_t i = 0; i < t->count; i++) mem_free(t->tokens[i]);
    for (size_t i = 0; i < t->added_count; i++) mem_free(t->added[i].text);
    mem_free(t->tokens);
    mem_free(t->added);
    tokenizer__index_free(t->index);
    *t = (tokenizer){0};
}
