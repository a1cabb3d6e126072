/* The lists of missing and unexpected keys, and how transformers shows them. */
#include "base/shown.h"
#include "model/weights/weights_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TABLE_ROWS = 200,
    NUMBERS_MAX = 4,
    LISTED_NUMBERS = 10,
    DIGITS_MAX = 9,
    KEY_WIDTH_MAX = 200 /* a stranger's key may have megabytes */
};

err weights__keys_add(weights_keys *keys, const char *name) {
    err e = mem_grow((void **)&keys->names, &keys->capacity, keys->count + 1, sizeof *keys->names);
    if (!e) e = mem_strdup(&keys->names[keys->count], name);
    if (!e) keys->count++;
    return e;
}

static void keys_free(weights_keys *keys) {
    for (size_t i = 0; i < keys->count; i++) mem_free(keys->names[i]);
    mem_free(keys->names);
    *keys = (weights_keys){0};
}

void weights_report_free(weights_report *r) {
    weights_keys *lists[] = {&r->missing, &r->unexpected, &r->mismatched, &r->sizes};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) keys_free(lists[i]);
    for (size_t i = 0; i < r->drawn_count; i++) mem_free(r->drawn[i]);
    mem_free(r->drawn);
    *r = (weights_report){0};
}

/* Keys of one pattern: "encoder.layer.*.bias" and the numbers that stood at each '*'. */
typedef struct family {
    char *pattern; /* owned */
    uint32_t hash; /* of the pattern */
    struct {
        uint32_t values[LISTED_NUMBERS + 1]; /* the lowest, ascending; the last: one too many */
        size_t count;
        uint32_t highest;
    } numbers[NUMBERS_MAX];
    size_t number_count;
} family;

/* Bytes of the number at key[i], when it fills the space between two dots; else 0. */
static size_t number_at(const char *key, size_t i) {
    size_t n = 0;
    if (i == 0 || key[i - 1] != '.') return 0;
    while (key[i + n] >= '0' && key[i + n] <= '9') n++;
    return n <= DIGITS_MAX && (key[i + n] == '.' || key[i + n] == '\0') ? n : 0;
}

/* Writes key's pattern, and its numbers into values. */
static err make_pattern(strbuf *pattern, uint32_t values[NUMBERS_MAX], size_t *count,
                        const char *key) {
    err e = strbuf_add(pattern, ""); // a key may be empty
    *count = 0;
    for (size_t i = 0; !e && key[i];) {
        size_t n = *count < NUMBERS_MAX ? number_at(key, i) : 0;
        if (!n) {
            e = strbuf_add_bytes(pattern, key + i++, 1);
            continue;
        }
        values[(*count)++] = (uint32_t)strtoul(key + i, NULL, 10);
        e = strbuf_add(pattern, "*");
        i += n;
    }
    return e;
}

static void family_add(family *f, const uint32_t *values, size_t count) {
    f->number_count = count;
    for (size_t k = 0; k < count; k++) {
        uint32_t *at = f->numbers[k].values, value = values[k];
        size_t i = 0, n = f->numbers[k].count;
        if (!n || value > f->numbers[k].highest) f->numbers[k].highest = value;
        while (i < n && at[i] < value) i++;
        if (i == LISTED_NUMBERS + 1 || (i < n && at[i] == value)) continue;
        if (n == LISTED_NUMBERS + 1) n--;
        memmove(at + i + 1, at + i, (n - i) * sizeof *at);
        at[i] = value;
        f->numbers[k].count = n + 1;
    }
}

static void families_free(family *list, size_t count) {
    for (size_t i = 0; list && i < count; i++) mem_free(list[i].pattern);
    mem_free(list);
}

static uint32_t hash_text(const char *text) {
    uint32_t h = 2166136261u; // FNV-1a
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* Sorts keys into at most `most` families, in the order of their first keys. *left counts the keys
 * of further ones. details (may be NULL): keys of different details stay apart. */
static err families_make(family **list, size_t *count, size_t *left, const weights_keys *keys,
                         size_t most) {
    *count = *left = 0;
    err e = mem_new(list, most);
    for (size_t i = 0; !e && i < keys->count; i++) {
        strbuf pattern = {0};
        uint32_t values[NUMBERS_MAX];
        size_t numbers = 0, at = 0;
        e = make_pattern(&pattern, values, &numbers, keys->names[i]);
        uint32_t hash = e ? 0 : hash_text(pattern.text);
        while (!e && at < *count &&
               ((*list)[at].hash != hash || strcmp((*list)[at].pattern, pattern.text) != 0))
            at++;
        if (!e && at == most) {
            ++*left;
        } else if (!e) {
            if (at == *count && !(e = mem_strdup(&(*list)[at].pattern, pattern.text)))
                (*list)[(*count)++].hash = hash;
            if (!e) family_add(&(*list)[at], values, numbers);
        }
        strbuf_free(&pattern);
    }
    return e;
}

static err family_text(strbuf *out, const family *f) {
    size_t k = 0;
    err e = ERR_OK;
    for (const char *c = f->pattern; !e && *c; c++) {
        if (*c != '*' || k == f->number_count) {
            e = strbuf_add_bytes(out, c, 1);
            continue;
        }
        const uint32_t *values = f->numbers[k].values;
        size_t n = f->numbers[k++].count;
        if (n == 1) {
            e = strbuf_printf(out, "%u", values[0]);
        } else if (n > LISTED_NUMBERS) {
            e = strbuf_printf(out, "{%u...%u}", values[0], f->numbers[k - 1].highest);
        } else {
            for (size_t i = 0; !e && i < n; i++)
                e = strbuf_printf(out, "%s%u", i ? ", " : "{", values[i]);
            if (!e) e = strbuf_add(out, "}");
        }
    }
    return e;
}

err weights_keys_text(strbuf *out, const weights_keys *keys, size_t most) {
    family *list = NULL;
    size_t count = 0, left = 0;
    err e = families_make(&list, &count, &left, keys, most);
    for (size_t i = 0; !e && i < count; i++) {
        if (i) e = strbuf_add(out, " ");
        if (!e) e = family_text(out, &list[i]);
    }
    if (!e && left) e = strbuf_add(out, " ...");
    families_free(list, count);
    return e;
}

typedef struct row {
    strbuf key;
    const char *status, *details;
} row;

typedef struct table {
    row *rows; /* owned */
    size_t count, capacity, left;
} table;

static err table_row(row **out, table *t, const char *status, const char *details) {
    err e = mem_grow((void **)&t->rows, &t->capacity, t->count + 1, sizeof *t->rows);
    if (e) return e;
    *out = &t->rows[t->count++];
    **out = (row){.status = status, .details = details};
    return ERR_OK;
}

/* Not within a character. */
static void cut_key(strbuf *key) {
    size_t n = KEY_WIDTH_MAX;
    if (key->length <= n + 3) return;
    while ((key->text[n] & 0xC0) == 0x80) n--;
    memcpy(key->text + n, "...", 4);
    key->length = n + 3;
}

static err add_keys(table *t, const weights_keys *keys, const char *status, const char *details) {
    family *list = NULL;
    size_t count = 0, left = 0;
    row *r = NULL;
    err e = families_make(&list, &count, &left, keys, TABLE_ROWS);
    for (size_t i = 0; !e && i < count; i++)
        if (!(e = table_row(&r, t, status, details)) && !(e = family_text(&r->key, &list[i])))
            cut_key(&r->key);
    t->left += left;
    families_free(list, count);
    return e;
}

static err print_rows(strbuf *out, const table *t) {
    size_t width = 3; // "Key"
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].key.length > width) width = t->rows[i].key.length;
    err e = shown_printf(out, SHOWN_TERMINAL, "%-*s | %-10s |", (int)width, "Key", "Status");
    if (!e) e = strbuf_add(out, "\n");
    for (size_t i = 0; !e && i < width; i++) e = strbuf_add(out, "-");
    if (!e) e = strbuf_add(out, "-+------------+");
    for (size_t i = 0; !e && i < t->count; i++)
        e = shown_printf(out, SHOWN_TERMINAL, "\n%-*s | %-10s | %s", (int)width,
                         t->rows[i].key.text, t->rows[i].status, t->rows[i].details);
    if (!e && t->left)
        e = strbuf_printf(out, "\nand %zu more key%s", t->left, shown_plural(t->left));
    return e;
}

err weights_report_table(strbuf *out, const weights_report *r) {
    table t = {0};
    row *one = NULL;
    err e = ERR_OK;
    bool was_loaded = r->sha256[0] != '\0';
    if ((e = add_keys(&t, &r->unexpected, "UNEXPECTED", "not used"))) goto done;
    if ((e = add_keys(&t, &r->missing, "MISSING", was_loaded ? "newly initialised" : "")))
        goto done;
    for (size_t i = 0; i < r->mismatched.count; i++) {
        if ((e = table_row(&one, &t, "MISMATCH", r->sizes.names[i]))) goto done;
        if ((e = strbuf_add(&one->key, r->mismatched.names[i]))) goto done;
    }
    if (t.count) e = print_rows(out, &t);
done:
    for (size_t i = 0; i < t.count; i++) strbuf_free(&t.rows[i].key);
    mem_free(t.rows);
    return e;
}
