#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

static bool is_tail(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

size_t utf8_decode(uint32_t *point, const char *text, size_t bytes) {
    const unsigned char *s = (const unsigned char *)text;
    if (!bytes) return 0;
    if (s[0] < 0x80) {
        *point = s[0];
        return 1;
    }
    if (s[0] < 0xC2) return 0;
    if (s[0] < 0xE0) {
        if (bytes < 2 || !is_tail(s[1])) return 0;
        *point = (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
        return 2;
    }
    if (s[0] < 0xF0) {
        if (bytes < 3 || !is_tail(s[1]) || !is_tail(s[2])) return 0;
        uint32_t p = (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
        if (p < 0x800 || (p >= 0xD800 && p < 0xE000)) return 0;
        *point = p;
        return 3;
    }
    if (s[0] > 0xF4 || bytes < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3])) return 0;
    uint32_t p = (s[0] & 0x07u) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
    if (p < 0x10000 || p > 0x10FFFF) return 0;
    *point = p;
    return 4;
}

size_t utf8_encode(char out[UTF8_MAX_BYTES], uint32_t point) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

bool utf8_valid(const char *text, size_t bytes, size_t *bad) {
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        uint64_t eight;
        for (; bytes - i > sizeof eight; i += sizeof eight) { // most is ASCII
            memcpy(&eight, text + i, sizeof eight);
            if (eight & 0x8080808080808080) break;
        }
        n = utf8_decode(&point, text + i, bytes - i);
        if (!n) {
            if (bad) *bad = i;
            return false;
        }
    }
    return true;
}

size_t utf8_decode_leniently(uint32_t *point, const char *text, size_t bytes) {
    size_t n = utf8_decode(point, text, bytes);
    if (n) return n;
    *point = 0xFFFD;
    return 1;
}

bool utf8_is_begun(const char *text, size_t bytes) {
    // what may follow the first byte of E0, ED, F0 and F4 is narrower: one of these always may
    static const char seconds[] = {'\x80', '\xA0'};
    char whole[2 * UTF8_MAX_BYTES];
    uint32_t point;
    if (!bytes || bytes >= UTF8_MAX_BYTES) return false;
    for (size_t i = 0; i < sizeof seconds; i++) {
        memset(whole, '\x80', sizeof whole);
        whole[1] = seconds[i];
        for (size_t k = 0; k < bytes; k++) whole[k] = text[k];
        if (utf8_decode(&point, whole, sizeof whole) > bytes) return true;
    }
    return false;
}

size_t utf8_count(const char *text, size_t bytes) {
    size_t count = 0;
    uint32_t point;
    for (size_t i = 0; i < bytes; count++) i += utf8_decode_leniently(&point, text + i, bytes - i);
    return count;
}

size_t utf8_whole(const char *text, size_t bytes) {
    size_t at = bytes;
    while (at && bytes - at < UTF8_MAX_BYTES - 1 && is_tail((unsigned char)text[at])) at--;
    return (unsigned char)text[at] >= 0xC0 ? at : bytes;
}

static size_t point_width(uint32_t point) {
    int w = utf8proc_charwidth((utf8proc_int32_t)point);
    return w > 0 ? (size_t)w : 0;
}

size_t text_width_of(const char *text, size_t bytes) {
    size_t width = 0;
    uint32_t point;
    for (size_t i = 0; i < bytes;) {
        i += utf8_decode_leniently(&point, text + i, bytes - i);
        width += point_width(point);
    }
    return width;
}

size_t text_width(const char *text) {
    return text_width_of(text, strlen(text));
}

size_t text_fit(const char *text, size_t columns) {
    size_t width = 0, i = 0, bytes = strlen(text);
    while (i < bytes) {
        uint32_t point;
        size_t n = utf8_decode_leniently(&point, text + i, bytes - i);
        width += point_width(point);
        if (width > columns) break;
        i += n;
    }
    return i;
}
