#include "result/record_strict.h"

#include "base/json.h"
#include "base/memory.h"
#include "result/record_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sums_key[] = "checksums";
enum { SUM_DIGITS = 16 };

static void digits_of(char hex[HASH_HEX_BYTES], const char *text, size_t length) {
    hash_bytes_hex(text, length, hex);
    hex[SUM_DIGITS] = '\0';
}

/* Of a part as cJSON prints it without blanks: another program may have laid it out anew. */
static err sum_of(char hex[HASH_HEX_BYTES], const cJSON *part) {
    char *text = NULL;
    err e = json_print(&text, part, false);
    if (!e) digits_of(hex, text, strlen(text));
    mem_free(text);
    return e;
}

/* Whether the part's own text, which begins at *at, has that sum: printing all numbers anew takes
 * many times as long. Of a text that another program laid out it says no. *at (NULL: no text) goes
 * on to the next part. */
static bool text_has_sum(const char **at, const cJSON *part, const char *sum) {
    char name[64], next[64], hex[HASH_HEX_BYTES];
    int length = snprintf(name, sizeof name, "\"%s\":", part->string);
    if (!*at || !part->next || length >= (int)sizeof name ||
        snprintf(next, sizeof next, ",\"%s\":", part->next->string) >= (int)sizeof next)
        return false;
    bool begins = !strncmp(*at, name, (size_t)length);
    const char *begin = *at + length, *end = begins ? strstr(begin, next) : NULL;
    *at = end ? end + 1 : NULL;
    if (!end) return false;
    digits_of(hex, begin, (size_t)(end - begin));
    return !strcmp(hex, sum);
}

err record_checksums_write(cJSON *object) {
    char hex[HASH_HEX_BYTES];
    cJSON *sums = cJSON_CreateObject();
    err e = ERR_OK;
    for (const cJSON *part = object->child; part && !e; part = part->next) {
        e = sum_of(hex, part);
        if (!e) e = json_add_string(sums, part->string, hex);
    }
    if (!e) return json_add_item(object, sums_key, sums);
    cJSON_Delete(sums);
    return e;
}

err record__checksums_write(cJSON *object, const char *key, const record *r) {
    (void)key;
    (void)r;
    return record_checksums_write(object);
}

/* Their form; whether the parts have them record__checksums_hold says, once all else is read. */
err record__checksums_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *sums = NULL, *item;
    if (r->schema < 2) return ERR_OK;
    err e = json_object(&sums, object, key, where);
    if (e) return e;
    cJSON_ArrayForEach(item, sums) {
        const char *text = cJSON_GetStringValue(item);
        if (!text || strlen(text) != SUM_DIGITS || strspn(text, "0123456789abcdef") != SUM_DIGITS)
            return err_set(ERR_FORMAT, "%s: %s: key '%.80s' is no checksum", where, key,
                           item->string);
    }
    return ERR_OK;
}

/* Whether `own`, the same as this program writes it, has every key of `part`, at any depth. */
static err check_keys(const cJSON *part, const cJSON *own) {
    const cJSON *item, *next = own->child;
    err e;
    cJSON_ArrayForEach(item, part) {
        const bool in_order =
            next && (!item->string || (next->string && !strcmp(item->string, next->string)));
        const cJSON *same = in_order       ? next
                            : item->string ? cJSON_GetObjectItemCaseSensitive(own, item->string)
                                           : NULL;
        if (!same && item->string && !cJSON_IsNull(item))
            return err_set(ERR_FORMAT, "key '%.80s' is none of a record's", item->string);
        next = same ? same->next : next;
        if (!same || !item->child) continue;
        if ((e = check_keys(item, same))) return item->string ? err_wrap(e, "%s", item->string) : e;
    }
    return ERR_OK;
}

/* The member of that name, which mostly is *next, and goes on behind it; NULL: none is. */
static const cJSON *member_of(const cJSON *object, const cJSON **next, const char *name) {
    const cJSON *found = *next && !strcmp((*next)->string, name)
                             ? *next
                             : cJSON_GetObjectItemCaseSensitive(object, name);
    if (found) *next = found->next;
    return found;
}

/* at: of a text without blanks, where its first part begins; NULL: there is no text. */
static err check_sums(const cJSON *top, const char *at, const char *path) {
    const cJSON *sums = NULL, *part, *next = NULL;
    char hex[HASH_HEX_BYTES];
    err e = json_object(&sums, top, sums_key, path);
    if (!e) next = sums->child;
    cJSON_ArrayForEach(part, top) {
        if (e) return e;
        if (part == sums) continue;
        const cJSON *sum = member_of(sums, &next, part->string);
        if (!sum)
            return err_set(ERR_FORMAT,
                           "%s: key '%.80s' came after the program wrote it: it has no checksum",
                           path, part->string);
        const char *text = cJSON_GetStringValue(sum);
        if (!text && (e = json_string(&text, sums, part->string, path)))
            return err_wrap(e, "%s: %s", path, sums_key);
        if (text_has_sum(&at, part, text) || (e = sum_of(hex, part)) || !strcmp(text, hex))
            continue;
        e = err_set(ERR_FORMAT,
                    "%s: key '%s' was changed after the program wrote it: its checksum is '%.40s', "
                    "what stands there gives '%s'",
                    path, part->string, text, hex);
    }
    next = top->child;
    cJSON_ArrayForEach(part, sums) {
        if (!e && !member_of(top, &next, part->string))
            e = err_set(ERR_FORMAT, "%s: key '%.80s' is gone: there is a checksum of it", path,
                        part->string);
    }
    return e;
}

err record_checksums_check(const cJSON *top, const char *path) {
    return check_sums(top, NULL, path);
}

err record__checksums_hold(const cJSON *top, const char *text, size_t length, const char *path) {
    char *bare = NULL;
    err e = mem_strndup(&bare, text, length);
    if (e) return e;
    cJSON_Minify(bare);
    e = check_sums(top, *bare ? bare + 1 : NULL, path);
    mem_free(bare);
    return e;
}

/* A changed part is named before what it does not fit: changed predictions contradict the scores. */
static err name_change(err e, const cJSON *top, const char *path) {
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(top, "schema");
    char *said = NULL;
    if (e != ERR_FORMAT || !cJSON_IsObject(top) || !cJSON_IsNumber(schema) ||
        schema->valuedouble != RECORD_SCHEMA || mem_strdup(&said, err_message(e)))
        return e;
    bool another = record_checksums_check(top, path) == ERR_FORMAT &&
                   strcmp(err_message(ERR_FORMAT), said) != 0;
    e = another ? err_set(ERR_FORMAT, "%s; %s", err_message(ERR_FORMAT), said)
                : err_set(ERR_FORMAT, "%s", said);
    mem_free(said);
    return e;
}

err record_parse_strict(record *r, const char *text, size_t length, const char *path) {
    cJSON *top = NULL, *own = NULL;
    *r = (record){0};
    err e = json_parse(&top, text, length, path);
    if (e) return e;
    if ((e = record_parse(r, text, length, path)))
        e = name_change(e, top, path);
    else if (!(e = record__write_all(&own, r)))
        e = err_wrap(check_keys(top, own), "%s", path);
    cJSON_Delete(top);
    cJSON_Delete(own);
    if (e) record_free(r);
    return e;
}
