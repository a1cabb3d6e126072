#include "base/json.h"

#include "base/foreign.h"
#include "base/memory.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "platform/file.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// cJSON says neither that memory was short nor where: it reports a text as malformed
static _Thread_local bool memory_failed;

// where the values of the text go that is being parsed; NULL: each is a block of its own
static _Thread_local mem_arena *arena;

static void *allocate(size_t bytes) {
    void *block = NULL;
    if (!(arena ? mem_arena_take(&block, arena, bytes) : mem_resize(&block, bytes, 1)))
        return block;
    memory_failed = true;
    return NULL;
}

static void release(void *block) {
    if (!arena) mem_free(block);
}

void json_setup(void) {
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = release});
}

/* Where a string holds a 0, written \u0000; NULL when none does. */
static const char *find_zero(const char *text, size_t length) {
    const char *end = text + length;
    for (const char *at = text; (at = memchr(at, '\\', (size_t)(end - at))); at += 2) {
        if (end - at < 6) return NULL;
        if (memcmp(at + 1, "u0000", 5) == 0) return at;
    }
    return NULL;
}

/* Where the first value beyond the limit is; NULL when there are fewer. A value of two
 * bytes takes eighty in memory, so that a file within its own limit could still take all there is. */
static const char *find_excess(const char *text, size_t length) {
    size_t values = 0;
    bool in_string = false;
    if (length <= JSON_VALUES_MAX) return NULL;
    for (const char *p = text, *end = text + length; p < end; p++) {
        if (in_string && *p == '\\')
            p++;
        else if (*p == '"')
            in_string = !in_string;
        else if (!in_string && (*p == ',' || *p == '[' || *p == '{') && ++values > JSON_VALUES_MAX)
            return p;
    }
    return NULL;
}

/* What is wrong at `end`, where cJSON gave up. */
static const char *fault_at(const char *text, const char *end, size_t left) {
    bool in_string = false;
    int depth = 0;
    for (const char *p = text; p < end; p++)
        if (in_string && *p == '\\')
            p++;
        else if (*p == '"')
            in_string = !in_string;
        else if (!in_string)
            depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
    if (depth >= CJSON_NESTING_LIMIT) return "nested too deeply";
    if (left >= 6 && !memcmp(end, "\\u", 2) && strchr("dD", end[2]) && strchr("89abAB", end[3]))
        return "a lone surrogate: its second half lacks";
    if (left >= 6 && !memcmp(end, "\\u", 2) && strchr("dD", end[2]) && strchr("cdefCDEF", end[3]))
        return "a lone surrogate: its first half lacks";
    return "not valid JSON";
}

err json_parse_part(cJSON **out, const char *text, size_t length, const char *path, size_t line,
                    size_t column) {
    const char *end = NULL, *fault = "a 0 byte in JSON text";
    size_t bad = 0;
    *out = NULL;
    // cJSON ends a string at a 0 in it; a text with one is never ours
    const char *zero = memchr(text, 0, length);
    if (zero || (zero = find_zero(text, length))) {
        end = zero;
        if (*zero) fault = "a 0 byte in JSON text, written \\u0000";
    } else if (!utf8_valid(text, length, &bad)) {
        // it would be written as UTF-8, and not be read back as it was
        end = text + bad;
        fault = "a byte that is not UTF-8";
    } else if ((end = find_excess(text, length))) {
        fault = "more values than any file that this program reads";
    } else {
        memory_failed = false;
        if ((*out = cJSON_ParseWithLengthOpts(text, length + 1, &end, 1))) return ERR_OK;
        if (memory_failed) return err_set(ERR_MEMORY, "%s: out of memory while reading JSON", path);
        if (!end || end > text + length) end = text + length;
        fault = fault_at(text, end, (size_t)(text + length - end));
    }
    err e = foreign_refuse(path, text, length);
    if (e) return e;
    for (const char *p = text; p < end; p++) {
        column = *p == '\n' ? 1 : column + ((*p & 0xC0) != 0x80); // counts characters
        line += *p == '\n';
    }
    return err_set(ERR_FORMAT, "%s:%zu:%zu: %s", path, line, column, fault);
}

// A member of an object and its place among them.
typedef struct member {
    cJSON *item;
    size_t place;
} member;

static int by_key(const void *a, const void *b) {
    const member *x = a, *y = b;
    int order = strcmp(x->item->string, y->item->string);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Whether no two of a few members have one name, as is the rule: told by their names' hashes, of which
 * equal ones of unequal names do no harm. */
static bool names_differ(const cJSON *object, size_t count) {
    enum { PLACES = 256 };
    uint32_t seen[PLACES] = {0};
    if (count > PLACES / 2) return false;
    for (const cJSON *v = object->child; v; v = v->next) {
        uint32_t hash = 2166136261u;
        for (const char *c = v->string; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
        hash |= !hash; // 0: nobody
        size_t place = hash % PLACES;
        for (; seen[place]; place = (place + 1) % PLACES)
            if (seen[place] == hash) return false;
        seen[place] = hash;
    }
    return true;
}

/* Drops all but the last member of each name, as Python's json does; cJSON would find the first. */
static err keep_last_members(cJSON *object) {
    member *list = NULL;
    size_t count = 0, at = 0;
    for (cJSON *v = object->child; v; v = v->next) count++;
    if (count < 2 || names_differ(object, count)) return ERR_OK;
    err e = mem_new(&list, count);
    if (e) return e;
    for (cJSON *v = object->child; v; v = v->next, at++) list[at] = (member){v, at};
    qsort(list, count, sizeof *list, by_key);
    for (size_t i = 1; i < count; i++)
        if (strcmp(list[i - 1].item->string, list[i].item->string) == 0)
            cJSON_Delete(cJSON_DetachItemViaPointer(object, list[i - 1].item));
    mem_free(list);
    return ERR_OK;
}

/* The same in all that value holds; cJSON has bounded the depth. */
static err keep_last(cJSON *value) {
    err e = cJSON_IsObject(value) ? keep_last_members(value) : ERR_OK;
    for (cJSON *v = value->child; v && !e; v = v->next)
        if (v->child) e = keep_last(v);
    return e;
}

err json_parse(cJSON **out, const char *text, size_t length, const char *where) {
    err e = json_parse_part(out, text, length, where, 1, 1);
    if (e || !(e = keep_last(*out))) return e;
    cJSON_Delete(*out);
    *out = NULL;
    return e;
}

err json_parse_in(mem_arena *a, const cJSON **out, const char *text, size_t length,
                  const char *where) {
    cJSON *value = NULL;
    arena = a;
    err e = json_parse(&value, text, length, where);
    arena = NULL;
    *out = value;
    return e;
}

err json_read(cJSON **out, const char *path, size_t limit_bytes) {
    void *text = NULL;
    size_t length = 0;
    *out = NULL;
    err e = file_read(&text, &length, path, limit_bytes);
    if (e) return e;
    e = json_parse(out, text, length, path);
    mem_free(text);
    return e;
}

/* Printed JSON whose strings hold UTF-8 alone, and nothing that acts on a terminal: cJSON passes
 * bytes from 0x7f on as they are. The code points stay the same: \u009b. */
static err add_safely(strbuf *out, const char *text) {
    err e = strbuf_add(out, "");
    for (size_t left = strlen(text), n; !e && left; text += n, left -= n) {
        char utf8[UTF8_MAX_BYTES];
        uint32_t point;
        n = 0;
        while (n < left && (unsigned char)text[n] < 0x7f) n++;
        if (n) {
            e = strbuf_add_bytes(out, text, n);
            continue;
        }
        n = utf8_decode_leniently(&point, text, left);
        e = shown_acts(point) ? strbuf_printf(out, "\\u%04x", point)
                              : strbuf_add_bytes(out, utf8, utf8_encode(utf8, point));
    }
    return e;
}

err json_read_zeros(cJSON **out, bool *had_zeros, const char *path, size_t limit_bytes) {
    void *bytes = NULL;
    size_t length = 0;
    *out = NULL;
    *had_zeros = false;
    err e = file_read(&bytes, &length, path, limit_bytes);
    if (e) return e;
    char *text = bytes;
    for (size_t i = 0; i + 5 < length; i++) {
        if (text[i] != '\\') continue;
        if (memcmp(text + i + 1, "u0000", 5) == 0) {
            memcpy(text + i + 2, "fffd", 4);
            *had_zeros = true;
        }
        i++; // what is escaped begins no escape
    }
    e = json_parse(out, text, length, path);
    mem_free(bytes);
    return e;
}

double json_rounded(double value) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.15g", value);
    return strtod(digits, NULL);
}

err json_print(char **out, const cJSON *value, bool pretty) {
    enum { MOST_PARTS = 2048 }; // of a record: a larger text is copied as it grows
    char *text = cJSON_PrintBuffered(value, MOST_PARTS, pretty);
    strbuf safe = {0};
    *out = NULL;
    err e =
        text ? add_safely(&safe, text) : err_set(ERR_MEMORY, "out of memory while printing JSON");
    mem_free(text);
    if (e) strbuf_free(&safe);
    *out = safe.text;
    return e;
}

err json_text(strbuf *out, const cJSON *value) {
    char *text = NULL;
    err e = json_print(&text, value, true);
    if (!e && !(e = strbuf_add(out, text))) e = strbuf_add(out, "\n");
    mem_free(text);
    return e;
}

err json_write(const char *path, const cJSON *value) {
    strbuf b = {0};
    err e = json_text(&b, value);
    if (!e) e = file_write(path, b.text, b.length);
    strbuf_free(&b);
    return e;
}

err json_write_new(bool *stays, const char *path, const cJSON *value) {
    strbuf b = {0};
    err e = json_text(&b, value);
    if (!e) e = file_write_new(stays, path, b.text, b.length);
    strbuf_free(&b);
    return e;
}

static const char *type_name(const cJSON *v) {
    if (cJSON_IsObject(v)) return "an object";
    if (cJSON_IsArray(v)) return "an array";
    if (cJSON_IsString(v)) return "a string";
    if (cJSON_IsNumber(v)) return "a number";
    if (cJSON_IsBool(v)) return "true or false";
    return "null";
}

static err lookup(const cJSON **out, const cJSON *object, const char *key, const char *where,
                  cJSON_bool (*is)(const cJSON *), const char *expected) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!v)
        return err_set(ERR_FORMAT, "%s: key '%s' is missing (expected %s)", where, key, expected);
    if (!is(v)) {
        return err_set(ERR_FORMAT, "%s: key '%s' is %s, expected %s", where, key, type_name(v),
                       expected);
    }
    *out = v;
    return ERR_OK;
}

err json_object(const cJSON **out, const cJSON *object, const char *key, const char *where) {
    return lookup(out, object, key, where, cJSON_IsObject, "an object");
}

err json_array(const cJSON **out, const cJSON *object, const char *key, const char *where) {
    return lookup(out, object, key, where, cJSON_IsArray, "an array");
}

err json_string(const char **out, const cJSON *object, const char *key, const char *where) {
    const cJSON *v = NULL;
    err e = lookup(&v, object, key, where, cJSON_IsString, "a string");
    if (!e) *out = v->valuestring;
    return e;
}

err json_number(double *out, const cJSON *object, const char *key, const char *where) {
    const cJSON *v = NULL;
    err e = lookup(&v, object, key, where, cJSON_IsNumber, "a number");
    if (e) return e;
    // JSON has no infinity, but 1e999 reads as one
    if (!isfinite(v->valuedouble))
        return err_set(ERR_FORMAT, "%s: key '%s' is %g, expected a finite number", where, key,
                       v->valuedouble);
    *out = v->valuedouble;
    return ERR_OK;
}

err json_bool(bool *out, const cJSON *object, const char *key, const char *where) {
    const cJSON *v = NULL;
    err e = lookup(&v, object, key, where, cJSON_IsBool, "true or false");
    if (!e) *out = cJSON_IsTrue(v);
    return e;
}

err json_whole(int64_t *out, const cJSON *object, const char *key, int64_t low, int64_t high,
               const char *where) {
    double v = 0;
    err e = json_number(&v, object, key, where);
    if (e) return e;
    if (v != floor(v) || v < (double)low || v > (double)high)
        return err_set(ERR_FORMAT, "%s: key '%s' is %s, expected a whole number from %lld to %lld",
                       where, key, SHOWN_NUMBER(v), (long long)low, (long long)high);
    *out = (int64_t)v;
    return ERR_OK;
}

bool json_has(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key) != NULL;
}

const char *json_text_at(const cJSON *object, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

double json_number_at(const cJSON *object, const char *key) {
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static err added(const cJSON *item) {
    return item ? ERR_OK : err_set(ERR_MEMORY, "out of memory while building JSON");
}

err json_add_string(cJSON *object, const char *key, const char *text) {
    return added(text ? cJSON_AddStringToObject(object, key, text)
                      : cJSON_AddNullToObject(object, key));
}

err json_add_number(cJSON *object, const char *key, double value) {
    return added(cJSON_AddNumberToObject(object, key, value));
}

err json_add_exact(cJSON *object, const char *key, double value) {
    return added(cJSON_AddRawToObject(object, key, SHOWN_NUMBER(value)));
}

err json_add_bool(cJSON *object, const char *key, bool value) {
    return added(cJSON_AddBoolToObject(object, key, value));
}

err json_add_object(cJSON **out, cJSON *object, const char *key) {
    *out = cJSON_AddObjectToObject(object, key);
    return added(*out);
}

err json_add_array(cJSON **out, cJSON *object, const char *key) {
    *out = cJSON_AddArrayToObject(object, key);
    return added(*out);
}

err json_put_numbers(cJSON *object, const char *key, const double *values, size_t count) {
    cJSON *list = NULL;
    err e = json_add_array(&list, object, key);
    for (size_t i = 0; !e && i < count; i++) e = json_append(list, cJSON_CreateNumber(values[i]));
    return e;
}

err json_put_texts(cJSON *object, const char *key, const char *const *texts, size_t count) {
    cJSON *list = NULL;
    err e = json_add_array(&list, object, key);
    for (size_t i = 0; !e && i < count; i++) e = json_append(list, cJSON_CreateString(texts[i]));
    return e;
}

err json_copy(cJSON **out, const cJSON *value) {
    *out = value ? cJSON_Duplicate(value, true) : NULL;
    return value ? added(*out) : ERR_OK;
}

err json_add_item(cJSON *object, const char *key, cJSON *item) {
    if (item && cJSON_AddItemToObject(object, key, item)) return ERR_OK;
    cJSON_Delete(item);
    return added(NULL);
}

err json_add_copy(cJSON *object, const char *key, const cJSON *value) {
    return json_add_item(object, key, value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
}

static err put_number(cJSON *object, const char *key, double value) {
    return isfinite(value) ? json_add_number(object, key, value)
                           : json_add_string(object, key, NULL);
}

err json_put(cJSON *object, const char *members, ...) {
    va_list args;
    err e = ERR_OK;
    va_start(args, members);
    while (!e && *members) {
        char key[64];
        size_t length = strcspn(members, " ");
        assert(length < sizeof key && members[length] && members[length + 1] == '%');
        snprintf(key, sizeof key, "%.*s", (int)length, members);
        members += length + 2;
        switch (*members) {
        case 's': e = json_add_string(object, key, va_arg(args, const char *)); break;
        case 'd': e = json_add_bool(object, key, va_arg(args, int)); break;
        case 'u': e = put_number(object, key, va_arg(args, unsigned)); break;
        case 'z': e = put_number(object, key, (double)va_arg(args, size_t)); break;
        default: e = put_number(object, key, va_arg(args, double)); break;
        }
        members += strcspn(members, " ");
        members += strspn(members, " ");
    }
    va_end(args);
    return e;
}

err json_append_object(cJSON **out, cJSON *array) {
    *out = cJSON_CreateObject();
    return json_append(array, *out);
}

err json_append_exact(cJSON *array, double value) {
    return json_append(array, cJSON_CreateRaw(SHOWN_NUMBER(value)));
}

err json_append(cJSON *array, cJSON *item) {
    if (item && cJSON_AddItemToArray(array, item)) return ERR_OK;
    cJSON_Delete(item);
    return added(NULL);
}
