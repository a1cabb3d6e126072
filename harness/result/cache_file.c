#include "result/cache_file.h"

#include "base/hash.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/places.h"
#include "platform/stamp.h"

#include <stdlib.h>
#include <string.h>

#define OF "folder" /* in a cache folder: the path of what it is of */
enum { PATH_BYTES = 1 << 16 };

/* Stands at the end of a file, so that what is before it is read and written in its place. */
typedef struct cache_end {
    char mark[16];
    uint8_t program[32];
    uint64_t size, checksum;
} cache_end;

/* Tells damage, no more: each step is one to one, so that one changed word changes the end. Four
 * sums on their way, as a core multiplies faster than it waits for a product. */
static uint64_t checksum_of(const uint8_t *bytes, size_t size) {
    uint64_t sums[4] = {size, 1, 2, 3}, word;
    size_t i = 0;
    for (; i + sizeof sums <= size; i += sizeof sums) {
        for (size_t k = 0; k < 4; k++) {
            memcpy(&word, bytes + i + 8 * k, sizeof word);
            sums[k] = (sums[k] ^ word) * 0x9e3779b97f4a7c15;
            sums[k] ^= sums[k] >> 32;
        }
    }
    for (; i < size; i++) sums[0] = (sums[0] ^ bytes[i]) * 0x9e3779b97f4a7c15;
    for (size_t k = 1; k < 4; k++)
        sums[0] = ((sums[0] ^ sums[0] >> 29) * 0xbf58476d1ce4e5b9) ^ sums[k];
    return sums[0];
}

static bool fill_end(cache_end *x, const void *bytes, size_t size) {
    *x = (cache_end){.mark = "harness cache 2", .size = size};
    x->checksum = checksum_of(bytes, size);
    return program_id(x->program);
}

err cache_folder_of(char **path, const char *folder) {
    char hex[HASH_HEX_BYTES], *below = NULL, *real = NULL;
    uint8_t id[32];
    *path = NULL;
    if (!program_id(id) || !(real = path_real(folder))) return ERR_OK;
    hash_bytes_hex(real, strlen(real), hex);
    free(real);
    err e = mem_printf(&below, "harness/report/%.16s", hex);
    if (e) return e;
    e = place_cache(path, below);
    mem_free(below);
    return err_forgive(e, ERR_IO);
}

/* Removes the cache at `path` where what it is of is no folder any more. */
static err remove_unused(const char *path) {
    char *file = NULL, *of = NULL;
    size_t count = 0;
    err e = mem_printf(&file, "%s/" OF, path);
    if (!e && file_exists(file) && !(e = file_read((void **)&of, &count, file, PATH_BYTES)) &&
        !folder_exists(of))
        e = folder_remove(path);
    mem_free(file);
    mem_free(of);
    return e;
}

err cache_folder_claim(const char *cache, const char *folder) {
    char *file = NULL, *all = NULL, *real = path_real(folder);
    folder_list list = {0};
    err e = real ? folder_make(cache) : ERR_IO;
    if (!e) e = mem_printf(&file, "%s/" OF, cache);
    if (!e) e = file_write_quick(file, real, strlen(real));
    if (!e) e = path_folder(&all, cache);
    if (!e) e = folder_list_read(&list, all);
    while (folder_next(&list, &e)) e = remove_unused(list.path);
    folder_list_free(&list);
    mem_free(file);
    mem_free(all);
    free(real);
    return e;
}

err cache_file_read(uint8_t **bytes, size_t *size, const char *path) {
    cache_end end, wanted;
    void *all = NULL;
    size_t count = 0;
    *bytes = NULL;
    *size = 0;
    if (!file_exists(path)) return ERR_OK;
    err e = file_read(&all, &count, path, 0);
    if (e) { // what cannot be read is as none
        if (e != ERR_MEMORY) err_clear();
        return e == ERR_MEMORY ? e : ERR_OK;
    }
    if (count >= sizeof end) {
        count -= sizeof end;
        memcpy(&end, (char *)all + count, sizeof end);
        if (fill_end(&wanted, all, count) && !memcmp(&end, &wanted, sizeof end)) {
            *size = count;
            *bytes = all;
            return ERR_OK;
        }
    }
    mem_free(all);
    return ERR_OK;
}

err cache_file_write(const char *path, strbuf *bytes) {
    cache_end end;
    char *folder = NULL;
    if (!fill_end(&end, bytes->text, bytes->length)) return ERR_OK;
    err e = path_folder(&folder, path);
    if (!e) e = folder_make(folder);
    if (!e) e = strbuf_add_bytes(bytes, &end, sizeof end);
    if (!e) e = file_write_quick(path, bytes->text, bytes->length);
    mem_free(folder);
    return e;
}
