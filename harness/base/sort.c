#include "base/sort.h"

#include "base/memory.h"

#include <string.h>

static void insert_each(uint64_t *list, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t x = list[i];
        size_t k = i;
        for (; k && list[k - 1] > x; k--) list[k] = list[k - 1];
        list[k] = x;
    }
}

err sort_u64(uint64_t *list, size_t count) {
    enum { FEW = 32, PLACES = 256 };
    uint64_t *other = NULL, varies = 0, *from = list;
    if (count <= FEW) {
        insert_each(list, count);
        return ERR_OK;
    }
    err e = mem_new(&other, count);
    if (e) return e;
    uint64_t *to = other;
    for (size_t i = 1; i < count; i++) varies |= list[i] ^ list[0];
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t place[PLACES] = {0}, sum = 0;
        if (!(varies >> shift & (PLACES - 1))) continue;
        for (size_t i = 0; i < count; i++) place[from[i] >> shift & (PLACES - 1)]++;
        for (size_t k = 0; k < PLACES; k++) {
            size_t here = place[k];
            place[k] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) to[place[from[i] >> shift & (PLACES - 1)]++] = from[i];
        uint64_t *held = from;
        from = to;
        to = held;
    }
    if (from != list) memcpy(list, from, count * sizeof *list);
    mem_free(other);
    return ERR_OK;
}
