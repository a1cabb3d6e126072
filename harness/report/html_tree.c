#include "base/shown.h"
#include "metric/arcs.h"
#include "report/html_internal.h"

#include <string.h>

enum { WORD_GAP = 18, COLUMN = 8, LEVEL = 22, LEVELS_MOST = 7, MARGIN = 14 };

/* Where words stand: middles, and where the last ends. */
typedef struct tree_layout {
    double *middles;  /* (words) */
    double end, base; /* base: of the words' line */
    size_t words;
} tree_layout;

static size_t level_of(size_t from, size_t to) {
    size_t distance = from > to ? from - to : to - from;
    return distance < LEVELS_MOST ? distance : LEVELS_MOST;
}

/* An arc from a word to its head, above the words or below; from the page's rim to the root's. */
static void add_arc(page *p, const tree_layout *l, size_t word, uint32_t head, const char *relation,
                    bool above, bool wrong) {
    if (head > l->words) return; // a record may hold anything
    double side = above ? -1 : 1, start = l->base + (above ? -16 : 10), x = l->middles[word];
    double from = head ? l->middles[head - 1] : x;
    double depth = head ? (double)level_of(word, head - 1) * LEVEL : LEVELS_MOST * LEVEL;
    double rim = start + side * depth;
    html__format(p, "<path class=\"%s\" d=\"M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f\"/>\n",
                 wrong ? "arc wrong" : "arc", x, start, x, rim, from, rim, from,
                 head ? start : rim);
    html__format(p, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                 wrong ? "relation wrong" : "relation", (x + from) / 2,
                 start + side * (head ? depth * 0.75 : depth) + (above ? -2 : 10), relation);
}

static err lay_out(tree_layout *l, const char *text, size_t words) {
    err e = mem_new(&l->middles, words);
    l->words = words;
    l->end = MARGIN;
    l->base = (double)(LEVELS_MOST + 2) * LEVEL;
    for (size_t w = 0; w < words && !e; w++) {
        char word[64];
        size_t bytes = strcspn(text, " ");
        shown_snprintf(word, sizeof word, SHOWN_TERMINAL, "%.*s", bytes < 60 ? (int)bytes : 60,
                       text);
        double width = (double)(shown_width(word) * COLUMN);
        l->middles[w] = l->end + width / 2;
        l->end += width + WORD_GAP;
        text += bytes + (text[bytes] == ' ');
    }
    return e;
}

void svg__tree(page *p, const char *text, const uint32_t *gold, const uint32_t *said, size_t words,
               const char *const *relations) {
    tree_layout l = {0};
    html__take(p, lay_out(&l, text, words));
    if (p->e) goto done;
    double height = 2 * l.base;
    html__format(p,
                 "<svg viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" role=\"img\" aria-label=\"%s\">\n",
                 l.end, height, l.end, SAY(p, tree));
    for (size_t w = 0; w < words; w++) {
        const uint32_t *right = gold + w * ARC_WIDTH, *found = said + w * ARC_WIDTH;
        size_t bytes = strcspn(text, " ");
        bool wrong =
            right[ARC_HEAD] != found[ARC_HEAD] || right[ARC_RELATION] != found[ARC_RELATION];
        add_arc(p, &l, w, right[ARC_HEAD], relations[right[ARC_RELATION]], true, false);
        add_arc(p, &l, w, found[ARC_HEAD], relations[found[ARC_RELATION]], false, wrong);
        html__format(p, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.*s</text>\n",
                     l.middles[w], l.base, (int)bytes, text);
        text += bytes + (text[bytes] == ' ');
    }
    html__add(p, "</svg>\n");
done:
    mem_free(l.middles);
}
