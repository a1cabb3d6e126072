#include "base/name.h"

#include "base/ascii.h"

#include <string.h>

/* Alphabets whose letters look alike; the other scripts are of none of them. */
typedef enum alphabet { NO_ALPHABET, LATIN, GREEK, CYRILLIC } alphabet;

/* Letters that stay as they are, beyond ASCII. */
static const struct {
    uint32_t first, last;
    alphabet of;
} scripts[] = {
    {0xC0, 0xD6, LATIN},           {0xD8, 0xF6, LATIN},
    {0xF8, 0x24F, LATIN},          {0x370, 0x373, GREEK},
    {0x386, 0x386, GREEK},         {0x388, 0x3FF, GREEK},
    {0x400, 0x481, CYRILLIC},      {0x48A, 0x52F, CYRILLIC},
    {0x1100, 0x11FF, NO_ALPHABET}, // Hangul letters
    {0x3131, 0x318E, NO_ALPHABET}, {0xA960, 0xA97C, NO_ALPHABET},
    {0xAC00, 0xD7A3, NO_ALPHABET},                                // and syllables
    {0xD7B0, 0xD7FB, NO_ALPHABET}, {0x3041, 0x3096, NO_ALPHABET}, // kana
    {0x30A1, 0x30FA, NO_ALPHABET}, {0x3105, 0x312F, NO_ALPHABET}, // bopomofo
    {0x3400, 0x4DBF, NO_ALPHABET},                                // Chinese characters
    {0x4E00, 0x9FFF, NO_ALPHABET},
};

/* Bytes of the letter of another script that text begins with, and its alphabet; 0 when it begins with
 * none. They all have two or three. */
static size_t letter_of(alphabet *of, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    size_t n = (s[0] & 0xE0) == 0xC0 ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : 0;
    uint32_t point = n == 2 ? s[0] & 0x1Fu : s[0] & 0x0Fu;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0; // also at the end of text
        point = point << 6 | (s[i] & 0x3Fu);
    }
    for (size_t i = 0; n && i < sizeof scripts / sizeof *scripts; i++) {
        if (point < scripts[i].first || point > scripts[i].last) continue;
        *of = scripts[i].of;
        return n;
    }
    return 0;
}

static size_t letter_bytes(const char *text) {
    alphabet of;
    return letter_of(&of, text);
}

err name_plain(strbuf *out, const char *text, size_t most) {
    size_t used = 0;
    bool gap = false;
    err e = ERR_OK;
    while (!e && *text) {
        char c = ascii_lower(*text);
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        size_t n = is_letter || (used && (c == '.' || c == '_')) ? 1 : letter_bytes(text);
        if (n && used + gap + n > most) break;
        if (!n) {
            gap = used > 0;
            text++;
            continue;
        }
        if (gap) e = strbuf_add(out, "-");
        if (!e) e = n == 1 ? strbuf_add_bytes(out, &c, 1) : strbuf_add_bytes(out, text, n);
        used += n + gap;
        gap = false;
        text += n;
    }
    return e || used ? e : strbuf_add(out, "x");
}

bool name_is_word(const char *text) {
    alphabet word = NO_ALPHABET; // of what stands between '-' and '_'
    for (const char *at = text; *at;) {
        bool is_latin = *at >= 'a' && *at <= 'z', ends = *at == '_' || *at == '-';
        bool plain = is_latin || ends || (*at >= '0' && *at <= '9');
        alphabet of = is_latin ? LATIN : NO_ALPHABET;
        size_t n = plain ? 1 : letter_of(&of, at);
        if (!n || (of && word && of != word)) return false;
        word = ends ? NO_ALPHABET : of ? of : word;
        at += n;
    }
    return *text && *text != '-';
}

int name_place(const char *list, const char *word) {
    size_t length = strlen(word);
    for (int place = 0;; place++) {
        size_t n = strcspn(list, ",");
        if (n == length && !memcmp(list, word, n)) return place;
        if (!list[n]) return -1;
        list += n + strlen(", ");
    }
}

char name_between(const char *const *names, size_t count) {
    static const char choice[] = ",;|/";
    for (const char *c = choice; *c; c++) {
        size_t i = 0;
        while (i < count && !strchr(names[i], *c)) i++;
        if (i == count) return *c;
    }
    return *choice;
}
