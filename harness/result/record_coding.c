/* Numbers in base64, and the form of the file that says how they are named. */
#include "base/memory.h"
#include "result/record_internal.h"
#include "result/version.h"

#include <string.h>

static const struct {
    const char *old, *name; /* in records of schema 1; as numpy names it */
    size_t bytes;
} codings[] = {{"u8", "uint8", 1}, {"u16", "uint16", 2}, {"f32", "float32", 4}};

size_t record__coding_bytes(coding how) {
    return codings[how].bytes;
}

err record__schema_write(cJSON *object, const char *key, const record *r) {
    (void)r; // one that was read in an older form is written in today's
    return json_add_number(object, key, RECORD_SCHEMA);
}

err record__schema_read(record *r, const cJSON *object, const char *key, const char *where) {
    err e = json_whole(&r->schema, object, key, 1, INT32_MAX, where);
    if (e || r->schema <= RECORD_SCHEMA) return e;
    return err_set(ERR_FORMAT,
                   "%s: key '%s' is %lld: a record of a newer program; harness %s reads 1 to %d",
                   where, key, (long long)r->schema, version_string(), RECORD_SCHEMA);
}

err record__coded_write(cJSON *object, const char *key, coding how, const void *bytes,
                        size_t count) {
    char *text = NULL;
    cJSON *part;
    err e = base64_encode(&text, bytes, count * codings[how].bytes);
    if (!e) e = json_add_object(&part, object, key);
    if (!e) e = json_put(part, "type %s data %s", codings[how].name, text);
    mem_free(text);
    return e;
}

err record__coded_read(void **block, size_t *size, coding how, int64_t schema, const cJSON *object,
                       const char *key, const char *where) {
    const cJSON *part;
    const char *type, *text, *expected = schema < 2 ? codings[how].old : codings[how].name;
    *block = NULL;
    err e = json_object(&part, object, key, where);
    if (e || (e = json_string(&type, part, "type", where)) ||
        (e = json_string(&text, part, "data", where)))
        return e;
    if (strcmp(type, expected) != 0)
        return err_set(ERR_FORMAT, "%s: %s: key 'type' is '%.20s', expected '%s'", where, key, type,
                       expected);
    return err_wrap(base64_decode(block, size, text), "%s: %s", where, key);
}
