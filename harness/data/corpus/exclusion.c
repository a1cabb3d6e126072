#include "data/corpus/exclusion.h"

#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "task/task.h"
#include "text/markers.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { FOLDED_LEAST = 8, CONTAINED_LEAST = 20 };

const char *exclusion_name(exclusion_rule rule) {
    static const char *const names[] = {
#define X(name, text) text,
        EXCLUSION_LIST(X)
#undef X
    };
    return names[rule];
}

/* The slot of a number, or the free one where it would go. */
static size_t slot_of(const number_set *s, uint64_t number) {
    size_t i = (size_t)(number * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (s->capacity - 1);
    while (s->slots[i] && s->slots[i] != number) i = (i + 1) & (s->capacity - 1);
    return i;
}

bool number_set_has(const number_set *s, uint64_t number) {
    return s->count && s->slots[slot_of(s, number + !number)] != 0;
}

static err grow(number_set *s) {
    number_set larger = {.capacity = s->capacity ? 2 * s->capacity : 1024, .count = s->count};
    err e = mem_new(&larger.slots, larger.capacity);
    if (e) return e;
    for (size_t i = 0; i < s->capacity; i++)
        if (s->slots[i]) larger.slots[slot_of(&larger, s->slots[i])] = s->slots[i];
    mem_free(s->slots);
    *s = larger;
    return ERR_OK;
}

err number_set_add(number_set *s, uint64_t number, bool *added) {
    err e = 2 * s->count >= s->capacity ? grow(s) : ERR_OK;
    if (e) return e;
    number += !number;
    size_t i = slot_of(s, number);
    if (added) *added = !s->slots[i];
    s->count += !s->slots[i];
    s->slots[i] = number;
    return ERR_OK;
}

void number_set_free(number_set *s) {
    mem_free(s->slots);
    *s = (number_set){0};
}

/* Decomposes text into s->points; *count of them. */
static err decompose(exclusion_scratch *s, size_t *count, text_span text, int how) {
    for (;;) {
        utf8proc_ssize_t n =
            utf8proc_decompose((const utf8proc_uint8_t *)text.text, (utf8proc_ssize_t)text.bytes,
                               s->points, (utf8proc_ssize_t)s->capacity, (utf8proc_option_t)how);
        if (n < 0) return err_set(ERR_FORMAT, "a text is not UTF-8: %s", utf8proc_errmsg(n));
        *count = (size_t)n;
        if (*count <= s->capacity) return ERR_OK;
        err e = mem_grow((void **)&s->points, &s->capacity, *count, sizeof *s->points);
        if (e) return e;
    }
}

static err plain_form(exclusion_scratch *s, size_t *count, text_span text) {
    size_t n, kept = 0;
    err e = decompose(s, &n, text, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
    for (size_t i = 0; !e && i < n; i++) {
        bool blank = unicode_is_whitespace((uint32_t)s->points[i]);
        if (blank && (!kept || s->points[kept - 1] == ' ')) continue;
        s->points[kept++] = blank ? ' ' : s->points[i];
    }
    if (kept && s->points[kept - 1] == ' ') kept--;
    *count = kept;
    return e;
}

static bool is_letter_or_digit(int32_t point) {
    utf8proc_category_t c = utf8proc_category(point);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO &&
           (c <= UTF8PROC_CATEGORY_LO || c >= UTF8PROC_CATEGORY_ND);
}

/* Whether a jamo goes on with the syllable of the one before it: vowel behind consonant, final
 * consonant behind vowel. */
static bool goes_on(int32_t before, int32_t point) {
    bool vowel = point >= 0x1160 && point <= 0x11A7, final = point >= 0x11A8 && point <= 0x11FF;
    return (vowel && before >= 0x1100 && before < 0x1160) ||
           (final && before >= 0x1160 && before <= 0x11A7);
}

/* *count points of the letters; *letters of them as people count, a syllable as one. */
static err letter_form(exclusion_scratch *s, size_t *count, size_t *letters, text_span text) {
    size_t n, kept = 0;
    err e = decompose(s, &n, text,
                      UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STABLE);
    *letters = 0;
    for (size_t i = 0; !e && i < n; i++) {
        int32_t point = s->points[i];
        if (!is_letter_or_digit(point)) continue;
        *letters += !kept || !goes_on(s->points[kept - 1], point);
        s->points[kept++] = point;
    }
    *count = kept;
    return e;
}

/* The same in every process: what is left out must not depend on chance. */
static uint64_t hash_points(const int32_t *points, size_t count) {
    static const uint8_t key[16] = "test texts";
    return siphash(key, points, count * sizeof *points);
}

/* Rolling hash of CONTAINED_LEAST points, which so many letters have at least: a polynomial modulo
 * 2^64. It only says where to look. */
static const uint64_t window_base = UINT64_C(0x9E3779B97F4A7C15);

static uint64_t window_of(const int32_t *points) {
    uint64_t h = 0;
    for (size_t i = 0; i < CONTAINED_LEAST; i++) h = h * window_base + (uint64_t)points[i] + 1;
    return h;
}

static err add_text(exclusion *x, exclusion_scratch *s, text_span text) {
    size_t count, letters;
    err e = plain_form(s, &count, text);
    if (e || !count || (e = number_set_add(&x->plain, hash_points(s->points, count), NULL)))
        return e;
    if ((e = letter_form(s, &count, &letters, text)) || letters < FOLDED_LEAST) return e;
    bool added;
    if ((e = number_set_add(&x->letters_equal, hash_points(s->points, count), &added))) return e;
    if (letters < CONTAINED_LEAST || !added) return ERR_OK;
    e = mem_grow((void **)&x->letters, &x->letter_capacity, x->letter_count + count,
                 sizeof *x->letters);
    if (!e) {
        e = mem_grow((void **)&x->long_texts, &x->long_capacity, x->long_count + 1,
                     sizeof *x->long_texts);
    }
    if (e) return e;
    memcpy(x->letters + x->letter_count, s->points, count * sizeof *x->letters);
    x->long_texts[x->long_count++] = (exclusion_text){x->letter_count, count};
    x->letter_count += count;
    return ERR_OK;
}

/* A text with its letters at hand, for the order. */
typedef struct ordered {
    const uint32_t *letters;
    exclusion_text text;
} ordered;

static int compare_letters(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count) {
    size_t n = a_count < b_count ? a_count : b_count;
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return (a_count > b_count) - (a_count < b_count);
}

static int by_letters(const void *a, const void *b) {
    const ordered *x = a, *y = b;
    return compare_letters(x->letters, x->text.count, y->letters, y->text.count);
}

static bool begins_with(const uint32_t *letters, size_t count, const uint32_t *part, size_t n) {
    return n <= count && !memcmp(letters, part, n * sizeof *part);
}

/* Puts the long texts in order and drops those that another one begins: what contains them
 * contains that one. At a place of a line at most one text can then begin. */
static err order_long(exclusion *x) {
    ordered *list;
    exclusion_text *texts = x->long_texts;
    size_t kept = 0;
    if (!texts) return ERR_OK;
    err e = mem_new(&list, x->long_count);
    if (e) return e;
    for (size_t i = 0; i < x->long_count; i++)
        list[i] = (ordered){x->letters + texts[i].first, texts[i]};
    qsort(list, x->long_count, sizeof *list, by_letters);
    for (size_t i = 0; i < x->long_count && !e; i++) {
        const exclusion_text *last = kept ? &texts[kept - 1] : NULL;
        if (last &&
            begins_with(list[i].letters, list[i].text.count, x->letters + last->first, last->count))
            continue;
        texts[kept++] = list[i].text;
        e = number_set_add(&x->windows, window_of((const int32_t *)list[i].letters), NULL);
    }
    x->long_count = kept;
    mem_free(list);
    return e;
}

err exclusion_from_texts(exclusion *x, const text_span *texts, size_t count) {
    exclusion_scratch s = {0};
    err e = ERR_OK;
    *x = (exclusion){0};
    for (size_t i = 0; i < count && !e; i++) e = add_text(x, &s, texts[i]);
    if (!e) e = order_long(x);
    exclusion_scratch_free(&s);
    return e;
}

static err is_at_hand(bool *there, const task *t, const dataset_options *o) {
    *there = true;
    for (size_t i = 0; i < t->file_count && *there; i++) {
        char *path;
        err e = dataset_path(&path, t, &t->files[i], o);
        if (e) return e;
        *there = file_named(path);
        mem_free(path);
    }
    return ERR_OK;
}

/* Where the files of a task are: in the folder that the user names, or else where they are without
 * one; a folder of own texts does not take the built-in tasks' away. */
static err find_files(dataset_options *place, bool *there, const task *t) {
    err e = is_at_hand(there, t, place);
    if (e || *there || !place->data_dir) return e;
    place->data_dir = NULL;
    return is_at_hand(there, t, place);
}

/* A corpus has the text without what marks its entities. */
static err add_marked(exclusion *x, exclusion_scratch *s, text_span text) {
    text_span parts[MARKER_COUNT + 1];
    strbuf whole = {0};
    size_t count = markers_cut(parts, text);
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++)
        e = strbuf_add_bytes(&whole, parts[i].text, parts[i].bytes);
    if (!e) e = add_text(x, s, (text_span){whole.text, whole.length});
    strbuf_free(&whole);
    return e;
}

static err add_task(exclusion *x, exclusion_scratch *s, exclusion_task *known, const char *path,
                    const dataset_options *o) {
    task t;
    dataset d = {0};
    dataset_options place = *o;
    err e = task_load(&t, path);
    if (e) return e;
    if ((e = mem_strdup(&known->name, t.name))) goto done;
    x->task_count++;
    if ((e = find_files(&place, &known->at_hand, &t)) || !known->at_hand) goto done;
    if ((e = dataset_load(&d, &t, &place))) goto done;
    known->texts = d.test.row_count;
    memcpy(known->sha256, d.test.sha256, sizeof known->sha256);
    for (size_t i = 0; i < d.test.row_count && !e; i++) {
        const example *row = &d.test.rows[i].example;
        for (uint32_t k = 0; k < row->text_count && !e; k++)
            e = t.kind == ANSWER_RELATION ? add_marked(x, s, row->texts[k])
                                          : add_text(x, s, row->texts[k]);
    }
done:
    e = err_wrap(e, "test texts of %s are left out of a corpus", t.name);
    dataset_free(&d);
    task_free(&t);
    return e;
}

err exclusion_make(exclusion *x, const char *task_dir, const dataset_options *options) {
    const dataset_options o = {.data_dir = options ? options->data_dir : NULL};
    task_catalog c = {0};
    exclusion_scratch s = {0};
    *x = (exclusion){0};
    err e = task_list(&c, task_dir);
    if (e || (e = mem_new(&x->tasks, c.count))) goto done;
    for (size_t i = 0; i < c.count && !e; i++) {
        log_progress("reading test texts to leave out: %s", c.names[i]);
        e = add_task(x, &s, &x->tasks[i], c.paths[i], &o);
    }
    log_progress_end();
    if (!e) e = order_long(x);
done:
    exclusion_scratch_free(&s);
    task_catalog_free(&c);
    return e;
}

void exclusion_free(exclusion *x) {
    number_set_free(&x->plain);
    number_set_free(&x->letters_equal);
    number_set_free(&x->windows);
    for (size_t i = 0; i < x->task_count; i++) mem_free(x->tasks[i].name);
    mem_free(x->tasks);
    mem_free(x->letters);
    mem_free(x->long_texts);
    *x = (exclusion){0};
}

void exclusion_scratch_free(exclusion_scratch *s) {
    mem_free(s->points);
    *s = (exclusion_scratch){0};
}

void exclusion_digest(const exclusion *x, char hex[HASH_HEX_BYTES]) {
    sha256 h;
    sha256_begin(&h);
    for (size_t i = 0; i < x->task_count; i++) {
        const exclusion_task *t = &x->tasks[i];
        sha256_add(&h, t->name, strlen(t->name) + 1);
        sha256_add(&h, t->sha256, strlen(t->sha256) + 1);
    }
    sha256_end_hex(&h, hex);
}

err exclusion_json(cJSON *object, const exclusion *x) {
    cJSON *list, *item;
    err e = json_add_array(&list, object, "tasks");
    for (size_t i = 0; i < x->task_count && !e; i++) {
        const exclusion_task *t = &x->tasks[i];
        if ((e = json_append_object(&item, list)) ||
            (e = json_put(item, "task %s at_hand %d", t->name, t->at_hand)))
            break;
        if (t->at_hand)
            e = json_put(item, "test_texts %f test_sha256 %s", (double)t->texts, t->sha256);
    }
    return e;
}

err exclusion_counts_json(cJSON *object, const uint64_t counts[EXCLUSION_RULES]) {
    cJSON *excluded;
    err e = json_add_object(&excluded, object, "excluded");
    for (size_t i = 0; i < EXCLUSION_RULES && !e; i++)
        e = json_add_number(excluded, exclusion_name((exclusion_rule)i), (double)counts[i]);
    return e;
}

/* Whether a long text begins these letters. It would be the last that is not behind them. */
static bool begins_here(const exclusion *x, const uint32_t *letters, size_t count) {
    size_t low = 0, high = x->long_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const exclusion_text *t = &x->long_texts[middle];
        if (compare_letters(x->letters + t->first, t->count, letters, count) > 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (!low) return false;
    const exclusion_text *t = &x->long_texts[low - 1];
    return begins_with(letters, count, x->letters + t->first, t->count);
}

static bool contains(const exclusion *x, const int32_t *letters, size_t count) {
    if (count < CONTAINED_LEAST || !x->long_count) return false;
    uint64_t leading = 1, h = window_of(letters);
    for (size_t i = 1; i < CONTAINED_LEAST; i++) leading *= window_base;
    for (size_t i = 0;; i++) {
        if (number_set_has(&x->windows, h) &&
            begins_here(x, (const uint32_t *)letters + i, count - i))
            return true;
        if (i + CONTAINED_LEAST == count) return false;
        h -= ((uint64_t)letters[i] + 1) * leading;
        h = h * window_base + (uint64_t)letters[i + CONTAINED_LEAST] + 1;
    }
}

err exclusion_check(exclusion_rule *rule, const exclusion *x, exclusion_scratch *s,
                    text_span line) {
    size_t count, letters;
    *rule = EXCLUSION_NONE;
    err e = plain_form(s, &count, line);
    if (e) return e;
    if (number_set_has(&x->plain, hash_points(s->points, count))) {
        *rule = EXCLUSION_EQUAL;
        return ERR_OK;
    }
    if ((e = letter_form(s, &count, &letters, line))) return e;
    if (count >= FOLDED_LEAST && number_set_has(&x->letters_equal, hash_points(s->points, count)))
        *rule = EXCLUSION_FOLDED;
    else if (contains(x, s->points, count))
        *rule = EXCLUSION_CONTAINED;
    return ERR_OK;
}
