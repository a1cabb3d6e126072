/* Ids back to text, as `tokenizers` with its WordPiece decoder does. */
#include "base/memory.h"
#include "text/tokenizer.h"

#include <string.h>

/* What is set apart in English by splitting, brought together again: {from, to}; no `to` is longer.
 * The decoder does all of it to each token, transformers all but the last to the whole text. */
static const char *const cleanups[][2] = {
    {" .", "."},     {" ?", "?"},     {" !", "!"},           {" ,", ","},
    {" ' ", "'"},    {" n't", "n't"}, {" 'm", "'m"},         {" 's", "'s"},
    {" 've", "'ve"}, {" 're", "'re"}, {" do not", " don't"},
};
enum { CLEANUPS = sizeof cleanups / sizeof *cleanups };

/* Replaces in text from `begin` on. */
static void clean(strbuf *b, size_t begin, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *from = cleanups[i][0], *to = cleanups[i][1];
        size_t n = strlen(from), shorter = n - strlen(to);
        for (char *at = b->text + begin; (at = strstr(at, from)); at += n - shorter) {
            memcpy(at, to, n - shorter);
            memmove(at + n - shorter, at + n, strlen(at + n) + 1);
            b->length -= shorter;
        }
    }
}

static bool is_special(const tokenizer *t, uint32_t id) {
    for (size_t i = 0; i < t->added_count; i++)
        if (t->added[i].special && t->added[i].id == id) return true;
    return false;
}

static err add_token(strbuf *out, const char *token, bool is_first) {
    size_t begin = out->length;
    bool continues = !is_first && !strncmp(token, "##", 2);
    err e = is_first || continues ? ERR_OK : strbuf_add(out, " ");
    if (!e) e = strbuf_add(out, continues ? token + 2 : token);
    if (!e) clean(out, begin, CLEANUPS);
    return e;
}

err tokenizer_decode(const tokenizer *t, strbuf *out, const uint32_t *ids, size_t count,
                     bool skip_special) {
    size_t begin = out->length, taken = 0;
    err e = strbuf_add(out, "");
    for (size_t i = 0; i < count && !e; i++) {
        const char *token = ids[i] < t->count ? tokenizer_text(t, ids[i]) : "";
        if (!*token || (skip_special && is_special(t, ids[i]))) continue;
        e = add_token(out, token, !taken++);
    }
    if (!e && t->cleans_spaces) clean(out, begin, CLEANUPS - 1);
    return e;
}
