#include "base/memory.h"
#include "platform/file.h"
#include "result/cache_file.h"
#include "result/store_internal.h"

#include <stdlib.h>
#include <string.h>

/* An entry: its bytes behind this number, source, path with its end, packed record. */
typedef uint64_t entry_size;

static err read_entries(store__cache *c) {
    uint8_t *at = c->bytes, *end = c->bytes + c->size;
    size_t capacity = 0;
    err e = ERR_OK;
    while (at < end && !e) {
        entry_size size;
        store__known k;
        if ((size_t)(end - at) < sizeof size) return err_set(ERR_FORMAT, "ends too soon");
        memcpy(&size, at, sizeof size);
        at += sizeof size;
        if (size > (size_t)(end - at) || size < sizeof k.source)
            return err_set(ERR_FORMAT, "ends too soon");
        memcpy(&k.source, at, sizeof k.source);
        k.path = (const char *)at + sizeof k.source;
        size_t most = (size_t)size - sizeof k.source, length = strnlen(k.path, most);
        if (length == most) return err_set(ERR_FORMAT, "a path has no end");
        k.packed = at + sizeof k.source + length + 1;
        e = mem_grow((void **)&c->entries, &capacity, c->count + 1, sizeof *c->entries);
        if (!e) c->entries[c->count++] = k;
        at += size;
    }
    return e;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const store__known *)a)->path, ((const store__known *)b)->path);
}

err store__cache_read(store__cache *c, const char *path) {
    *c = (store__cache){0};
    err e = cache_file_read(&c->bytes, &c->size, path);
    if (!e) e = read_entries(c);
    if (e) store__cache_free(c);
    e = err_forgive(e, ERR_FORMAT);
    if (c->count) qsort(c->entries, c->count, sizeof *c->entries, by_path);
    return e;
}

void store__cache_free(store__cache *c) {
    mem_free(c->bytes);
    mem_free(c->entries);
    *c = (store__cache){0};
}

const store__known *store__find(const store__cache *c, const char *path) {
    store__known wanted = {.path = path};
    return c->count ? bsearch(&wanted, c->entries, c->count, sizeof wanted, by_path) : NULL;
}

err store__take(record *r, store *s, const store__cache *c, const store__known *k) {
    uint8_t *at = k->packed;
    return record_unpack(r, &s->pool, &at, c->bytes + c->size);
}

err store_cache_write(const store *s, const char *cache) {
    strbuf out = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < s->count && !e; i++) {
        size_t begin = out.length;
        entry_size size = 0;
        if ((e = strbuf_add_bytes(&out, &size, sizeof size)) ||
            (e = strbuf_add_bytes(&out, &s->files[i], sizeof s->files[i])) ||
            (e = strbuf_add_bytes(&out, s->paths[i], strlen(s->paths[i]) + 1)) ||
            (e = record_pack(&out, &s->records[i])))
            break;
        size = out.length - begin - sizeof size;
        memcpy(out.text + begin, &size, sizeof size);
    }
    if (!e) e = cache_file_write(cache, &out);
    strbuf_free(&out);
    return e;
}
