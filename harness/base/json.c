#include "base/json.h"

#include "base/foreign.h"
#include "base/memory.h"
#include "platform/file.h"

#include <math.h>
#include <string.h>

// cJSON says neither that memory was short nor where: it reports a text as malformed
static _Thread_local bool memory_failed;

static void *allocate(size_t bytes) {
    void *block;
    if (!mem_calloc(&block, bytes, 1)) return block;
    memory_failed = true;
    return NULL;
}

void json_setup(void) {
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = mem_free});
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

/* What is wrong at `end`, where cJSON gave up. */
static const char *fault_at(const char *text, const char *end, size_t left) {
    bool in_string = false;
    int depth = 0;
    for (const char *p = text; p < end; p++) {
        if (in_string && *p == '\\')
            p++;
        else if (*p == '"')
            in_string = !in_string;
        else if (!in_string)
            depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
    }
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
    *out = NULL;
    // cJSON ends a string at a 0 in it; a text with one is never ours
    const char *zero = memchr(text, 0, length);
    if (zero || (zero = find_zero(text, length))) {
        err e = foreign_refuse(path, text, length);
        if (e) return e;
        end = zero;
        if (*zero) fault = "a 0 byte in JSON text, written \\u0000";
    } else {
        memory_failed = false;
        if ((*out = cJSON_ParseWithLengthOpts(text, length + 1, &end, 1))) return ERR_OK;
        if (memory_failed) return err_set(ERR_MEMORY, "%s: out of memory while reading JSON", path);
        err e = foreign_refuse(path, text, length);
        if (e) return e;
        if (!end || end > text + length) end = text + length;
        fault = fault_at(text, end, (size_t)(text + length - end));
    }
    for (const char *p = text; p < end; p++) {
        column = *p == '\n' ? 1 : column + ((*p & 0xC0) != 0x80); // counts characters
        line += *p == '\n';
    }
    return err_set(ERR_FORMAT, "%s:%zu:%zu: %s", path, line, column, fault);
}

err json_parse(cJSON **out, const char *text, size_t length, const char *where) {
    return json_parse_part(out, text, length, where, 1, 1);
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

err json_print(char **out, const cJSON *value, bool pretty) {
    char *text = pretty ? cJSON_Print(value) : cJSON_PrintUnformatted(value);
    *out = text;
    return text ? ERR_OK : err_set(ERR_MEMORY, "out of memory while printing JSON");
}

err json_write(const char *path, const cJSON *value) {
    char *text = NULL;
    strbuf b = {0};
    err e;
    if ((e = json_print(&text, value, true))) return e;
    if ((e = strbuf_add(&b, text)) || (e = strbuf_add(&b, "\n"))) goto done;
    e = file_write(path, b.text, b.length);
done:
    mem_free(text);
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
    if (v != floor(v) || v < (double)low || v > (double)high) {
        return err_set(ERR_FORMAT, "%s: key '%s' is %g, expected a whole number from %lld to %lld",
                       where, key, v, (long long)low, (long long)high);
    }
    *out = (int64_t)v;
    return ERR_OK;
}

bool json_has(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key) != NULL;
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

err json_append(cJSON *array, cJSON *item) {
    if (item && cJSON_AddItemToArray(array, item)) return ERR_OK;
    cJSON_Delete(item);
    return added(NULL);
}
