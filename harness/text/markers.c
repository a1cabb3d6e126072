#include "text/markers.h"

#include <string.h>

size_t markers_cut(text_span parts[MARKER_COUNT + 1], text_span text) {
    const char *begin = text.text, *end = begin + text.bytes, *at = begin;
    size_t count = 0;
    while (at < end && count < MARKER_COUNT) {
        size_t k = 0, n = 0;
        for (; k < MARKER_COUNT; k++) {
            n = strlen(text_markers[k]);
            if ((size_t)(end - at) >= n && !memcmp(at, text_markers[k], n)) break;
        }
        if (k == MARKER_COUNT) {
            at++;
            continue;
        }
        parts[count++] = (text_span){begin, (size_t)(at - begin)};
        begin = at += n;
    }
    parts[count++] = (text_span){begin, (size_t)(end - begin)};
    return count;
}

bool markers_mark_both(const char *text) {
    bool both = true;
    for (int k = 0; k < MARKER_COUNT; k += 2) {
        const char *begin = strstr(text, text_markers[k]);
        both = both && begin && strstr(begin, text_markers[k + 1]);
    }
    return both;
}
