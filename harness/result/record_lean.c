#include "result/record_lean.h"

#include "metric/tags.h"
#include "result/record_internal.h"

#include <assert.h>
#include <string.h>

void record_digest(record_digests *out, const record *r) {
    size_t rows = (size_t)r->task.test_rows;
    *out = r->lean;
    if (out->are_kept) return;
    out->losses[0] = '\0';
    if (r->loss_count > 1) hash_bytes_hex(r->loss, r->loss_count * sizeof *r->loss, out->losses);
    hash_bytes_hex(r->first_row, rows * sizeof *r->first_row, out->repeats);
    hash_bytes_hex(r->scored_dedup, rows * sizeof *r->scored_dedup, out->dedup);
}

bool record_has_answers(const record *r) {
    return !r->narrow_ids && (r->predicted || r->predicted_numbers);
}

/* Of predicted ids the bytes that some have: of most labels one. */
static err narrow_ids(record *r) {
    size_t count = record_values(r, true);
    uint32_t any = 1;
    if (!r->predicted) return ERR_OK;
    for (size_t i = 0; i < count; i++) any |= r->predicted[i];
    for (r->id_bytes = 0; any; any >>= 8) r->id_bytes++;
    err e = mem_new(&r->narrow_ids, count * r->id_bytes);
    for (size_t i = 0; i < count * r->id_bytes && !e; i++)
        r->narrow_ids[i] =
            (uint8_t)(r->predicted[i / r->id_bytes] >> 8 * (i % r->id_bytes) & UINT8_MAX);
    if (e) return e;
    mem_free(r->predicted);
    r->predicted = NULL;
    return ERR_OK;
}

err record_wide_ids(uint32_t **out, const record *r) {
    size_t bytes = record_values(r, true) * r->id_bytes;
    err e = mem_new(out, record_values(r, true));
    for (size_t i = 0; i < bytes && !e; i++)
        (*out)[i / r->id_bytes] |= (uint32_t)r->narrow_ids[i] << 8 * (i % r->id_bytes);
    return e;
}

size_t record_answer_bytes(const record *r) {
    size_t units = r->unit_begin ? (size_t)r->task.test_rows + 1 : 0;
    size_t numbers = r->predicted_numbers ? record_values(r, false) : 0;
    return record_values(r, true) * r->id_bytes + numbers * sizeof *r->predicted_numbers +
           units * sizeof *r->unit_begin;
}

void record_drop_answers(record *r) {
    record__free_answers(r);
}

void record_lighten(record *r, bool keep_answers) {
    record_digest(&r->lean, r);
    r->lean.are_kept = true;
    record__free_lists(r);
    if (!keep_answers) record__free_answers(r);
}

/* Bytes: the struct as it is, then what it points to. */

void lean_pool_free(lean_pool *p) {
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->values[i].labels);
        cJSON_Delete(p->values[i].json);
    }
    for (size_t i = 0; i < p->block_count; i++) mem_free(p->blocks[i]);
    mem_free(p->blocks);
    mem_free(p->values);
    *p = (lean_pool){0};
}

/* What is made of these bytes, from the few that came last: records of one model lie side by side.
 * NULL: nothing yet. */
static struct pooled *find_pooled(const lean_pool *p, const char *bytes, size_t size,
                                  size_t label_count) {
    enum { LOOKED_AT = 8 };
    for (size_t i = p->count; i > 0 && i + LOOKED_AT > p->count; i--) {
        struct pooled *x = &p->values[i - 1];
        if (x->label_count == label_count && x->size == size && !memcmp(x->bytes, bytes, size))
            return x;
    }
    return NULL;
}

static err add_pooled(lean_pool *p, struct pooled x) {
    err e = mem_grow((void **)&p->values, &p->capacity, p->count + 1, sizeof *p->values);
    if (!e) p->values[p->count++] = x;
    return e;
}

/* One walk for both ways, so that they cannot differ. */
typedef struct packing {
    strbuf *out; /* NULL: reading */
    uint8_t *at, *end;
    lean_pool *pool;
    err e;
} packing;

static void move_bytes(packing *p, void *bytes, size_t count) {
    if (p->e) return;
    if (p->out) {
        p->e = strbuf_add_bytes(p->out, bytes, count);
    } else if ((size_t)(p->end - p->at) < count) {
        p->e = err_set(ERR_FORMAT, "a cached record ends too soon");
    } else {
        memcpy(bytes, p->at, count);
        p->at += count;
    }
}

/* Words that are not the word before them, behind a bit for each word: of the struct and of counts
 * most are 0, or the NaN of a metric that is of other kinds. */
static void move_words(packing *p, uint64_t *words, size_t count) {
    for (size_t i = 0; i < count; i += 64) {
        uint64_t told = 0, before = i ? words[i - 1] : 0;
        size_t some = count - i < 64 ? count - i : 64;
        for (size_t k = 0; k < some && p->out; before = words[i + k++])
            told |= (uint64_t)(words[i + k] != before) << k;
        move_bytes(p, &told, sizeof told);
        before = i ? words[i - 1] : 0;
        for (size_t k = 0; k < some; before = words[i + k++]) {
            if (told >> k & 1)
                move_bytes(p, &words[i + k], sizeof *words);
            else
                words[i + k] = before;
        }
    }
}

static void move_struct(packing *p, record *r) {
    enum { WORDS = sizeof *r / sizeof(uint64_t) };
    _Static_assert(sizeof *r % sizeof(uint64_t) == 0, "whole words");
    uint64_t words[WORDS];
    memcpy(words, r, sizeof words);
    move_words(p, words, WORDS);
    memcpy(r, words, sizeof words);
}

/* Texts with their ends behind their length, 0 of none. Reading, *texts is where they lie. */
static uint32_t move_texts(packing *p, char **texts, size_t length) {
    uint32_t count = (uint32_t)length;
    move_bytes(p, &count, sizeof count);
    if (p->out) {
        move_bytes(p, *texts, count);
        return count;
    }
    *texts = NULL;
    if (p->e || !count) return 0;
    if ((size_t)(p->end - p->at) < count || p->at[count - 1]) {
        p->e = err_set(ERR_FORMAT, "a cached record ends too soon");
        return 0;
    }
    *texts = (char *)p->at;
    p->at += count;
    return count;
}

static void move_text(packing *p, char **text) {
    move_texts(p, text, *text && p->out ? strlen(*text) + 1 : 0);
}

static void move_json(packing *p, cJSON **value) {
    char *text = NULL;
    if (p->out) {
        if (*value && !p->e) p->e = json_print(&text, *value, false);
        move_text(p, &text);
        mem_free(text);
        return;
    }
    *value = NULL;
    struct pooled x = {.size = move_texts(p, &text, 0)}, *known;
    if (!text) return;
    x.bytes = text;
    if ((known = find_pooled(p->pool, text, x.size, 0))) {
        *value = known->json;
    } else if (!(p->e = json_parse(&x.json, text, x.size - 1, "a cached record"))) {
        if ((p->e = add_pooled(p->pool, x))) cJSON_Delete(x.json);
        if (!p->e) *value = x.json;
    }
}

/* The labels, `count` texts in a row. */
static err list_labels(char ***labels, char *texts, size_t size, size_t count) {
    err e = mem_new(labels, count);
    size_t found = 0;
    for (char *at = texts; at < texts + size && !e; at += strlen(at) + 1)
        if (found++ < count) (*labels)[found - 1] = at;
    return !e && found != count ? err_set(ERR_FORMAT, "a cached record has other labels") : e;
}

static err pack_labels(strbuf *out, const record *r) {
    err e = ERR_OK;
    for (size_t i = 0; i < r->task.label_count && !e; i++)
        e = strbuf_add_bytes(out, r->task.labels[i], strlen(r->task.labels[i]) + 1);
    return e;
}

static void move_labels(packing *p, record *r) {
    strbuf all = {0};
    if (p->out) {
        if (!p->e) p->e = pack_labels(&all, r);
        move_texts(p, &all.text, all.length);
        strbuf_free(&all);
        return;
    }
    char *texts = NULL;
    struct pooled x = {.size = move_texts(p, &texts, 0), .label_count = r->task.label_count};
    r->task.labels = NULL;
    if (p->e || !x.label_count) return;
    if (!texts) {
        p->e = err_set(ERR_FORMAT, "a cached record has no labels");
        return;
    }
    x.bytes = texts;
    struct pooled *known = find_pooled(p->pool, texts, x.size, x.label_count);
    if (known) {
        r->task.labels = known->labels;
    } else {
        if (!(p->e = list_labels(&x.labels, texts, x.size, x.label_count)))
            p->e = add_pooled(p->pool, x);
        if (p->e) mem_free(x.labels);
        if (!p->e) r->task.labels = x.labels;
    }
}

static size_t block_of(const confusion *c) {
    return c->kind == ANSWER_TAGS   ? tag_counts(c->tags)
           : c->kind == ANSWER_ARCS ? arc_counts(c->classes)
                                    : 3 * c->classes;
}

static void move_confusion(packing *p, confusion *c) {
    if (!p->out && !p->e && !(p->e = mem_new(&c->gold, block_of(c)))) {
        c->predicted = c->gold + c->classes;
        c->hit = c->predicted + c->classes;
    }
    if (!p->e) move_words(p, c->gold, block_of(c));
}

static void move_evaluations(packing *p, record *r) {
    size_t count = r->evaluation_count;
    if (!p->out) {
        r->evaluations = NULL;
        r->evaluation_count = 0;
        if (p->e || (size_t)(p->end - p->at) / sizeof *r->evaluations < count) {
            if (!p->e) p->e = err_set(ERR_FORMAT, "a cached record ends too soon");
            return;
        }
        if (!count || (p->e = mem_new(&r->evaluations, count))) return;
        r->evaluation_count = count;
    }
    move_bytes(p, r->evaluations, count * sizeof *r->evaluations);
}

static bool is_text(const record_key *k) {
    return k->kind == RECORD_TEXT || k->kind == RECORD_TEXT_OR_NULL || k->kind == RECORD_HASH ||
           k->kind == RECORD_HASH_OR_NULL || k->kind == RECORD_MOMENT ||
           k->kind == RECORD_TEXT_IF_ANY || k->kind == RECORD_HASH_IF_ANY;
}

static bool is_json(const record_key *k) {
    return k->kind == RECORD_OBJECT || k->kind == RECORD_ARRAY;
}

/* The struct of a lean record without what it points to. */
static record bare(record r) {
    r.predicted = r.unit_begin = NULL;
    r.predicted_numbers = NULL;
    r.narrow_ids = NULL;
    r.id_bytes = 0;
    r.recipe = r.model.corpus = NULL;
    r.packed = NULL;
    r.packed_bytes = 0;
    r.evaluations = NULL;
    r.dev_metric = r.engine = r.rank_devices = NULL;
    r.task.labels = r.task.names = NULL;
    r.confusion.gold = r.confusion.predicted = r.confusion.hit = NULL;
    r.confusion_dedup.gold = r.confusion_dedup.predicted = r.confusion_dedup.hit = NULL;
    for (size_t i = 0; i < record__key_count; i++)
        if (is_text(&record__keys[i]) || is_json(&record__keys[i]))
            *(void **)((char *)&r + record__keys[i].offset) = NULL;
    return r;
}

static void move_record(packing *p, record *r) {
    record plain = bare(*r);
    move_struct(p, &plain);
    if (p->e) plain = (record){0};
    if (!p->out) *r = bare(plain);
    for (size_t i = 0; i < record__key_count; i++) {
        void *field = (char *)r + record__keys[i].offset;
        if (is_text(&record__keys[i])) move_text(p, field);
        if (is_json(&record__keys[i])) move_json(p, field);
    }
    move_text(p, &r->dev_metric);
    move_evaluations(p, r);
    move_text(p, &r->engine);
    move_text(p, &r->rank_devices);
    move_json(p, &r->recipe);
    move_json(p, &r->model.corpus);
    move_labels(p, r);
    move_confusion(p, &r->confusion);
    move_confusion(p, &r->confusion_dedup);
}

err record_pack(strbuf *out, const record *r) {
    packing p = {.out = out};
    if (r->packed) return strbuf_add_bytes(out, r->packed, r->packed_bytes);
    record copy = *r; // what is walked is not changed where it is written
    move_record(&p, &copy);
    return p.e;
}

err record_unpack(record *r, lean_pool *pool, uint8_t **bytes, uint8_t *end) {
    packing p = {.at = *bytes, .end = end, .pool = pool};
    *r = (record){0};
    move_record(&p, r);
    r->packed = *bytes;
    r->packed_bytes = (size_t)(p.at - *bytes);
    if (p.e) record_free(r);
    *bytes = p.at;
    return p.e;
}

err record_pool(record *r, lean_pool *pool) {
    strbuf out = {0};
    record made;
    record_lighten(r, true);
    err e = narrow_ids(r);
    if (!e) e = record_pack(&out, r);
    if (!e) e = mem_resize((void **)&out.text, out.length, 1); // no room to grow
    if (!e)
        e = mem_grow((void **)&pool->blocks, &pool->block_capacity, pool->block_count + 1,
                     sizeof *pool->blocks);
    if (e) {
        strbuf_free(&out);
        return e;
    }
    pool->blocks[pool->block_count++] = out.text;
    assert(out.text); // no record is empty
    uint8_t *at = (uint8_t *)out.text;
    if ((e = record_unpack(&made, pool, &at, at + out.length))) return e;
    made.narrow_ids = r->narrow_ids, made.id_bytes = r->id_bytes;
    made.predicted_numbers = r->predicted_numbers, made.unit_begin = r->unit_begin;
    r->narrow_ids = NULL;
    r->predicted_numbers = NULL;
    r->unit_begin = NULL;
    record_free(r);
    *r = made;
    return ERR_OK;
}
