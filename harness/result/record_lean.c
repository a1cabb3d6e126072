#include "result/record_lean.h"

#include "metric/tags.h"
#include "result/record_internal.h"

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
    return r->predicted || r->predicted_numbers;
}

void record_lighten(record *r, bool keep_answers) {
    record_digest(&r->lean, r);
    r->lean.are_kept = true;
    record__free_lists(r);
    if (!keep_answers) record__free_answers(r);
}

/* Bytes: the struct as it is, then what it points to. */

void json_pool_free(json_pool *p) {
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->texts[i].text);
        cJSON_Delete(p->texts[i].value);
    }
    mem_free(p->texts);
    *p = (json_pool){0};
}

/* The value of a text, from the few that came last: records of one model lie side by side. */
static err pooled(cJSON **out, json_pool *p, const char *text) {
    enum { LOOKED_AT = 8 };
    for (size_t i = p->count; i > 0 && i + LOOKED_AT > p->count; i--) {
        if (strcmp(p->texts[i - 1].text, text) != 0) continue;
        *out = p->texts[i - 1].value;
        return ERR_OK;
    }
    err e = mem_grow((void **)&p->texts, &p->capacity, p->count + 1, sizeof *p->texts);
    struct json_text *t = p->texts + p->count;
    if (e || (e = mem_strdup(&t->text, text))) return e;
    if ((e = json_parse(&t->value, text, strlen(text), "a cached record"))) {
        mem_free(t->text);
        return e;
    }
    p->count++;
    *out = t->value;
    return ERR_OK;
}

/* One walk for both ways, so that they cannot differ. */
typedef struct packing {
    strbuf *out; /* NULL: reading */
    const uint8_t *at, *end;
    json_pool *pool;
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

/* A length, 0 of none, and the text with its end. */
static const char *move_length(packing *p, const char *text) {
    uint32_t length = text ? (uint32_t)strlen(text) + 1 : 0;
    move_bytes(p, &length, sizeof length);
    if (p->e || p->out || !length) return NULL;
    const char *begin = (const char *)p->at;
    if ((size_t)(p->end - p->at) < length || begin[length - 1])
        p->e = err_set(ERR_FORMAT, "a cached record ends too soon");
    p->at += p->e ? 0 : length;
    return p->e ? NULL : begin;
}

static void move_text(packing *p, char **text) {
    const char *there = move_length(p, *text);
    if (p->out && *text) move_bytes(p, *text, strlen(*text) + 1);
    if (!p->out) *text = NULL;
    if (there && !p->e) p->e = mem_strdup(text, there);
}

static void move_json(packing *p, cJSON **value) {
    char *text = NULL;
    cJSON *shared = NULL;
    if (p->out && *value && !p->e) p->e = json_print(&text, *value, false);
    const char *there = move_length(p, text);
    if (p->out && text) move_bytes(p, text, strlen(text) + 1);
    mem_free(text);
    if (p->out) return;
    *value = NULL;
    if (!there || p->e || (p->e = pooled(&shared, p->pool, there))) return;
    *value = cJSON_IsArray(shared) ? cJSON_CreateArrayReference(shared->child)
                                   : cJSON_CreateObjectReference(shared->child);
    if (!*value) p->e = err_set(ERR_MEMORY, "out of memory while reading JSON");
}

static void move_labels(packing *p, record *r) {
    size_t count = r->task.label_count;
    if (!p->out) {
        r->task.labels = NULL;
        r->task.label_count = 0;
        if (p->e || (p->e = mem_new(&r->task.labels, count))) return;
        r->task.label_count = count;
    }
    for (size_t i = 0; i < count; i++) move_text(p, &r->task.labels[i]);
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
    move_bytes(p, c->gold, block_of(c) * sizeof *c->gold);
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
    r.recipe = r.model.corpus = NULL;
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
    move_bytes(p, &plain, sizeof plain);
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
    record copy = *r; // what is walked is not changed where it is written
    move_record(&p, &copy);
    return p.e;
}

err record_unpack(record *r, json_pool *pool, const uint8_t **bytes, const uint8_t *end) {
    packing p = {.at = *bytes, .end = end, .pool = pool};
    *r = (record){0};
    move_record(&p, r);
    if (p.e) record_free(r);
    *bytes = p.at;
    return p.e;
}
