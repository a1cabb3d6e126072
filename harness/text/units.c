#include "text/units.h"

#include "base/utf8.h"
#include "text/unicode.h"

err units_find(text_unit **list, uint32_t *count, unit_kind kind, const char *text, size_t bytes) {
    size_t capacity = 0;
    bool follows = false; // something that is no blank
    *list = NULL;
    *count = 0;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point = 0;
        n = utf8_decode(&point, text + i, bytes - i);
        bool is_blank = unicode_is_whitespace(point), is_new = kind == UNIT_CHARACTER || !follows;
        follows = !is_blank;
        if (is_blank) continue;
        if (is_new) {
            err e = mem_grow((void **)list, &capacity, *count + 1, sizeof **list);
            if (e) return e;
            (*list)[(*count)++].begin = (uint32_t)i;
        }
        (*list)[*count - 1].end = (uint32_t)(i + n);
    }
    return ERR_OK;
}

void units_align(int32_t *first, int32_t *last, const encoding *e, const text_unit *list,
                 uint32_t count) {
    size_t token = 0, at = 0;
    bool any = false; // a token begins before the unit's end
    for (uint32_t u = 0; u < count; u++) {
        first[u] = UNIT_NONE;
        for (; token < e->count; token++) {
            uint32_t begin = e->begins[token];
            if (begin == TOKENIZER_NO_PLACE) continue;
            if (begin >= list[u].end) break;
            any = true;
            if (begin < list[u].begin) continue;
            if (first[u] < 0) first[u] = (int32_t)token;
            at = token;
        }
        if (first[u] < 0 && any && list[u].begin < e->covered) first[u] = UNIT_INSIDE;
        if (last) last[u] = first[u] < 0 ? first[u] : (int32_t)at;
    }
}
