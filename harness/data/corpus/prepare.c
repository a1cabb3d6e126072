#include "data/corpus/corpus.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/corpus/token_store.h"
#include "platform/file.h"
#include "platform/places.h"

#include <stdio.h>
#include <string.h>

/* Raised when the same input gives other files. */
enum { PREPARED_VERSION = 1, LENGTH_MOST = 65535 };

/* Shares that are held out, one line in so many: the next where the one before leaves no line, as of
 * a small corpus. */
static const uint32_t heldout_shares[] = {200, 20, 3};
enum { SHARES = sizeof heldout_shares / sizeof *heldout_shares };

static const char *const part_names[2] = {"train", "heldout"};

typedef struct preparing {
    const tokenizer *t;
    const corpus_rules *rules;
    corpus_counts *counts;
    token_store_writer parts[2];
    encoding encoded;
    uint32_t *sentence; /* (rules->max_length) owned */
} preparing;

static bool continues_word(const tokenizer *t, uint32_t id) {
    return !strncmp(tokenizer_text(t, id), "##", 2);
}

/* Pieces that the sentence beginning at `begin` takes: a word that would be parted goes on whole in
 * the next one, unless it fills this one. */
static size_t pieces_of_sentence(const preparing *p, size_t begin, size_t end) {
    size_t most = p->rules->max_length - 2, count = end - begin;
    if (count <= most) return count;
    count = most;
    while (count > 1 && continues_word(p->t, p->encoded.ids[begin + count])) count--;
    return continues_word(p->t, p->encoded.ids[begin + count]) ? most : count;
}

static err add_line(void *context, text_span line) {
    preparing *p = context;
    const encoding *n = &p->encoded;
    err e = tokenizer_encode(p->t, &p->encoded, line.text, line.bytes, 0);
    if (e) return e;
    bool heldout = corpus_is_heldout(line, p->rules->heldout_one_in);
    size_t end = n->count - 1; // [CLS] before, [SEP] behind
    p->counts->heldout += heldout;
    p->counts->without_pieces += end == 1;
    p->counts->unknown_words += n->unknown;
    p->counts->too_long += n->count > p->rules->max_length;
    for (size_t begin = 1; begin < end && !e;) {
        size_t count = pieces_of_sentence(p, begin, end);
        p->sentence[0] = p->t->cls_id;
        memcpy(p->sentence + 1, n->ids + begin, count * sizeof *p->sentence);
        p->sentence[count + 1] = p->t->sep_id;
        e = token_store_writer_add(&p->parts[heldout], p->sentence, (uint32_t)count + 2);
        begin = p->rules->split_long ? begin + count : end;
    }
    return e;
}

static err add_rules(cJSON *o, const tokenizer *t, const corpus_rules *r) {
    cJSON *rules = NULL;
    char hex[HASH_HEX_BYTES];
    tokenizer_hash(t, hex);
    err e = json_add_string(o, "vocabulary_sha256", hex);
    if (!e) e = json_add_object(&rules, o, "rules");
    return e ? e
             : json_put(rules, "max_length %u longer %s heldout_one_in %u", r->max_length,
                        r->split_long ? "split" : "cut", r->heldout_one_in);
}

static err add_counts(cJSON *o, const corpus_counts *n) {
    cJSON *counts;
    err e = json_add_object(&counts, o, "counts");
#define X(name)                                                                                    \
    if (!e) e = json_add_number(counts, #name, (double)n->name);
    CORPUS_COUNTS(X)
#undef X
    return e ? e : exclusion_counts_json(counts, n->excluded);
}

static err read_count(uint64_t *out, const cJSON *o, const char *key, const char *where) {
    int64_t number = 0;
    err e = json_whole(&number, o, key, 0, INT64_C(1) << 53, where);
    *out = (uint64_t)number;
    return e;
}

static err read_counts(corpus_counts *n, const cJSON *o, const char *where) {
    const cJSON *counts, *excluded;
    err e = json_object(&counts, o, "counts", where);
#define X(name)                                                                                    \
    if (!e) e = read_count(&n->name, counts, #name, where);
    CORPUS_COUNTS(X)
#undef X
    if (!e) e = json_object(&excluded, counts, "excluded", where);
    for (size_t i = 0; i < EXCLUSION_RULES && !e; i++)
        e = read_count(&n->excluded[i], excluded, exclusion_name((exclusion_rule)i), where);
    return e;
}

static err describe(corpus_prepared *p, const corpus *c, const tokenizer *t, const exclusion *x,
                    const corpus_rules *r) {
    cJSON *o = p->json = cJSON_CreateObject(), *parts;
    char hex[HASH_HEX_BYTES];
    err e = json_add_string(o, "digest", p->digest);
    if (e) return e;
    if ((e = corpus_sources_json(o, c)) || (e = add_rules(o, t, r))) return e;
    if ((e = exclusion_json(o, x)) || (e = add_counts(o, &p->counts))) return e;
    if ((e = json_add_object(&parts, o, "sha256"))) return e;
    for (size_t i = 0; i < 2 && !e; i++) {
        e = hash_file_hex(i ? p->heldout : p->train, hex);
        if (!e) e = json_add_string(parts, part_names[i], hex);
    }
    return e;
}

/* Whether the folder holds what the digest names, whole: p->json and p->counts are then set. What
 * is wrong with it is no error: it is made anew. */
static bool is_there(corpus_prepared *p, const char *record) {
    enum { RECORD_BYTES = 4 << 20 };
    const char *found;
    const cJSON *parts;
    char hex[HASH_HEX_BYTES];
    if (!file_exists(record) || json_read(&p->json, record, RECORD_BYTES)) return false;
    bool good = !json_string(&found, p->json, "digest", record) && !strcmp(found, p->digest) &&
                !read_counts(&p->counts, p->json, record) &&
                !json_object(&parts, p->json, "sha256", record);
    for (size_t i = 0; i < 2 && good; i++) {
        const char *path = i ? p->heldout : p->train;
        good = !json_string(&found, parts, part_names[i], record) && file_exists(path) &&
               !hash_file_hex(path, hex) && !strcmp(hex, found);
    }
    if (good) return true;
    cJSON_Delete(p->json);
    p->json = NULL;
    p->counts = (corpus_counts){0};
    return false;
}

/* The same texts may have other files, another licence or source by now: what is found is told of
 * the corpus as it is. */
static err retell(corpus_prepared *p, const corpus *c) {
    const cJSON *item = NULL;
    cJSON *found = p->json;
    p->json = cJSON_CreateObject();
    cJSON_DeleteItemFromObjectCaseSensitive(found, "licence"); // of a manifest alone
    cJSON_DeleteItemFromObjectCaseSensitive(found, "source");
    err e = json_add_string(p->json, "digest", p->digest);
    if (!e) e = corpus_sources_json(p->json, c);
    cJSON_ArrayForEach(item, found) {
        if (!e && !json_has(p->json, item->string)) e = json_add_copy(p->json, item->string, item);
    }
    cJSON_Delete(found);
    return e;
}

static void digest_of(char hex[HASH_HEX_BYTES], const corpus *c, const tokenizer *t,
                      const exclusion *x, const corpus_rules *r) {
    char vocabulary[HASH_HEX_BYTES], excluded[HASH_HEX_BYTES], text[512];
    const char *key = c->manifest.format.text;
    tokenizer_hash(t, vocabulary);
    exclusion_digest(x, excluded);
    sha256 h;
    sha256_begin(&h);
    int n = snprintf(text, sizeof text, "%d %s %s %s %u %d %u ", PREPARED_VERSION, c->sha256,
                     vocabulary, excluded, r->max_length, r->split_long,
                     r->heldout_one_in ? r->heldout_one_in : heldout_shares[0]);
    sha256_add(&h, text, (size_t)n);
    if (key) sha256_add(&h, key, strlen(key));
    sha256_end_hex(&h, hex);
}

static err name_files(corpus_prepared *p, char **record, const corpus *c, const char *folder) {
    err e;
    if (folder) {
        e = mem_strdup(&p->folder, folder);
    } else {
        char *below = NULL;
        e = mem_printf(&below, "harness/corpus/%s-%.16s", c->name, p->digest);
        if (!e) e = place_cache(&p->folder, below);
        mem_free(below);
    }
    if (!e) e = path_join(&p->train, p->folder, "train.tokens");
    if (!e) e = path_join(&p->heldout, p->folder, "heldout.tokens");
    return e ? e : path_join(record, p->folder, "prepared.json");
}

/* is_last: no further share is tried, so that a part without a line is an error; else nothing is
 * written then. */
static err write_parts(corpus_prepared *p, corpus *c, const tokenizer *t, const exclusion *x,
                       const corpus_rules *r, bool is_last) {
    preparing w = {.t = t, .rules = r, .counts = &p->counts};
    char vocabulary[HASH_HEX_BYTES];
    tokenizer_hash(t, vocabulary);
    err e = mem_new(&w.sentence, r->max_length);
    for (size_t i = 0; i < 2 && !e; i++) {
        e = token_store_writer_open(&w.parts[i], i ? p->heldout : p->train, vocabulary,
                                    (uint32_t)t->count);
    }
    if (!e) e = corpus_each_kept(c, x, &p->counts, add_line, &w);
    p->counts.train_sentences = w.parts[0].head.count;
    p->counts.train_tokens = w.parts[0].head.tokens;
    p->counts.heldout_sentences = w.parts[1].head.count;
    p->counts.heldout_tokens = w.parts[1].head.tokens;
    for (size_t i = 0; i < 2 && !e; i++) {
        if (w.parts[i].head.count || !is_last) continue;
        e = err_set(ERR_DATA,
                    "%s: no line is left to %s: of %llu lines %llu hold test texts, %llu are held "
                    "out (one in %u)",
                    c->paths[0], i ? "measure by" : "train on", (unsigned long long)p->counts.lines,
                    (unsigned long long)(p->counts.lines - p->counts.kept),
                    (unsigned long long)p->counts.heldout, r->heldout_one_in);
    }
    bool is_kept = w.parts[1].head.count || is_last;
    for (size_t i = 0; i < 2; i++) {
        if (!e && is_kept) e = token_store_writer_close(&w.parts[i]);
        token_store_writer_abort(&w.parts[i]);
    }
    encoding_free(&w.encoded);
    mem_free(w.sentence);
    return e;
}

/* r->heldout_one_in: 0 for the first of heldout_shares that leaves a line, which it becomes. */
static err write_all(corpus_prepared *p, corpus *c, const tokenizer *t, const exclusion *x,
                     corpus_rules *r, const char *record) {
    char before[HASH_HEX_BYTES];
    memcpy(before, c->sha256, sizeof before);
    err e = folder_make(p->folder);
    // until all is written nothing says that what lies there is whole
    if (!e) e = file_remove(record);
    size_t share = r->heldout_one_in ? SHARES : 0;
    do {
        if (share < SHARES) r->heldout_one_in = heldout_shares[share++];
        p->counts = (corpus_counts){0};
        if (!e) e = write_parts(p, c, t, x, r, share >= SHARES);
    } while (!e && !p->counts.heldout_sentences);
    if (!e && strcmp(before, c->sha256) != 0)
        e = err_set(ERR_DATA, "%s: changed while it was read", c->paths[0]);
    if (!e) e = describe(p, c, t, x, r);
    return e ? e : json_write(record, p->json);
}

err corpus_prepare(corpus_prepared *p, corpus *c, const tokenizer *t, const corpus_rules *rules,
                   const char *folder, const corpus_options *options) {
    corpus_rules r = *rules;
    const corpus_options o = options ? *options : (corpus_options){0};
    exclusion x = {0};
    char *record = NULL;
    *p = (corpus_prepared){0};
    if (r.max_length < 3 || r.max_length > LENGTH_MOST)
        return err_set(ERR_ARG, "sentences of %u tokens: 3 to %d are expected", r.max_length,
                       LENGTH_MOST);
    err e = exclusion_make(&x, o.task_dir, &(dataset_options){.data_dir = o.data_dir});
    if (e || (e = corpus_hash(c))) goto done;
    digest_of(p->digest, c, t, &x, &r);
    if ((e = name_files(p, &record, c, folder))) goto done;
    p->reused = is_there(p, record);
    e = p->reused ? retell(p, c) : write_all(p, c, t, &x, &r, record);
done:
    mem_free(record);
    exclusion_free(&x);
    return e;
}

void corpus_prepared_free(corpus_prepared *p) {
    mem_free(p->folder);
    mem_free(p->train);
    mem_free(p->heldout);
    cJSON_Delete(p->json);
    *p = (corpus_prepared){0};
}
