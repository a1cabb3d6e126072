#include "metric/tree.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>

const char *tree_rule_name(uint32_t rule) {
    static const char *const names[TREE_RULES] = {"any", "projective", "head_final",
                                                  "head_final_projective"};
    return names[rule];
}

static bool arcs_cross(uint32_t word, uint32_t head, uint32_t other, uint32_t other_head) {
    uint32_t low = word < head ? word : head, high = word < head ? head : word;
    uint32_t left = other < other_head ? other : other_head;
    uint32_t right = other < other_head ? other_head : other;
    return (low < left && left < high && high < right) ||
           (left < low && low < right && right < high);
}

/* What hangs from a word, itself too. */
typedef struct subtree {
    uint32_t words, low, high; /* how many, the first and the last */
    uint32_t open;             /* those right below it that are not yet counted */
} subtree;

/* Counts subtrees from the leaves up; what is left then stands on a cycle. Returns the first such
 * word, 0 when there is none. whole: whether every subtree is words that stand side by side, which
 * in a tree is to say that no arcs cross. below: (words) */
static uint32_t find_cycle(bool *whole, subtree *below, const uint32_t *heads, uint32_t words) {
    *whole = true;
    for (uint32_t w = 1; w <= words; w++) {
        subtree *s = &below[w - 1];
        s->words = 1;
        s->low = s->high = w;
        if (heads[w - 1]) below[heads[w - 1] - 1].open++;
    }
    for (uint32_t first = 1; first <= words; first++) {
        // up from a leaf, as far as all below is counted; a word counted has no words
        for (uint32_t w = first; w && !below[w - 1].open && below[w - 1].words;) {
            subtree *s = &below[w - 1], *up = heads[w - 1] ? &below[heads[w - 1] - 1] : NULL;
            *whole = *whole && s->high - s->low + 1 == s->words;
            if (up) {
                up->words += s->words;
                if (s->low < up->low) up->low = s->low;
                if (s->high > up->high) up->high = s->high;
                up->open--;
            }
            s->words = 0;
            w = heads[w - 1];
        }
    }
    for (uint32_t w = 1; w <= words; w++)
        if (below[w - 1].words) return w;
    return 0;
}

static tree_fault check_rule(const uint32_t *heads, uint32_t words, uint32_t rule, bool crosses) {
    for (uint32_t w = 1; w <= words; w++) {
        if (rule & TREE_HEAD_FINAL && heads[w - 1] && heads[w - 1] < w)
            return (tree_fault){TREE_FORWARD, w, 0};
        for (uint32_t o = 1; crosses && rule & TREE_PROJECTIVE && o < w; o++)
            if (arcs_cross(w, heads[w - 1], o, heads[o - 1]))
                return (tree_fault){TREE_CROSSING, w, o};
    }
    return (tree_fault){0};
}

/* Heads that are not words, or not one root. */
static tree_fault check_heads(const uint32_t *heads, uint32_t words) {
    uint32_t root = 0;
    for (uint32_t w = 1; w <= words; w++) {
        if (heads[w - 1] > words || heads[w - 1] == w) return (tree_fault){TREE_NO_WORD, w, 0};
        if (heads[w - 1]) continue;
        if (root) return (tree_fault){TREE_TWO_ROOTS, w, root};
        root = w;
    }
    return words && !root ? (tree_fault){TREE_NO_ROOT, 1, 0} : (tree_fault){0};
}

err tree_check(tree_fault *fault, const uint32_t *heads, uint32_t words, uint32_t rule) {
    subtree *below = NULL;
    bool whole;
    *fault = check_heads(heads, words);
    if (fault->kind != TREE_FINE) return ERR_OK;
    err e = mem_new(&below, words);
    if (e) return e;
    uint32_t cycle = find_cycle(&whole, below, heads, words);
    *fault = cycle ? (tree_fault){TREE_CYCLE, cycle, 0} : check_rule(heads, words, rule, !whole);
    mem_free(below);
    return ERR_OK;
}

/* Words from..to that hang together: open ones are to be completed below the word at the far end.
 * `left` says that the head stands at the left. */
typedef struct chart {
    const float *scores;
    size_t stride, words;
    uint32_t rule;
    double *best[2][2];    /* [complete][left] (words, words), owned */
    uint32_t *place[2][2]; /* where the best of them is cut; owned */
} chart;

static err chart_init(chart *c) {
    for (int i = 0; i < 4; i++) {
        err e = mem_new(&c->best[i / 2][i % 2], c->words * c->words);
        if (!e) e = mem_new(&c->place[i / 2][i % 2], c->words * c->words);
        if (e) return e;
    }
    return ERR_OK;
}

static void chart_free(chart *c) {
    for (int i = 0; i < 4; i++) {
        mem_free(c->best[i / 2][i % 2]);
        mem_free(c->place[i / 2][i % 2]);
    }
}

/* Of the word at place w hanging from the one at place h, both from 0. */
static double arc(const chart *c, size_t w, size_t h) {
    if (c->rule & TREE_HEAD_FINAL && h < w) return -INFINITY;
    return (double)c->scores[w * c->stride + h + 1];
}

/* The best cut of from..to into two complete halves that an arc joins. */
static void join(chart *c, size_t from, size_t to) {
    size_t at = from * c->words + to;
    double most = -INFINITY;
    uint32_t cut = (uint32_t)from;
    for (size_t k = from; k < to; k++) {
        double sum = c->best[1][1][from * c->words + k] + c->best[1][0][(k + 1) * c->words + to];
        if (sum > most) cut = (uint32_t)k;
        most = fmax(most, sum);
    }
    c->best[0][0][at] = most + arc(c, from, to);
    c->best[0][1][at] = most + arc(c, to, from);
    c->place[0][0][at] = c->place[0][1][at] = cut;
}

/* The best way to complete from..to, whose head stands at one end: k is the far word that hangs
 * from it. */
static void complete(chart *c, size_t from, size_t to, bool left) {
    size_t at = from * c->words + to;
    double most = -INFINITY;
    uint32_t cut = (uint32_t)(left ? to : from);
    for (size_t k = from + left; k < to + left; k++) {
        size_t near = left ? from * c->words + k : k * c->words + to;
        size_t far = left ? k * c->words + to : from * c->words + k;
        double sum = c->best[0][left][near] + c->best[1][left][far];
        if (sum > most) cut = (uint32_t)k;
        most = fmax(most, sum);
    }
    c->best[1][left][at] = most;
    c->place[1][left][at] = cut;
}

static void unfold(const chart *c, uint32_t *heads, size_t from, size_t to, bool done, bool left) {
    while (from < to) {
        size_t k = c->place[done][left][from * c->words + to];
        if (!done) { // an arc between the ends, and two halves
            heads[left ? to : from] = (uint32_t)(left ? from : to) + 1;
            unfold(c, heads, k + 1, to, true, false);
            to = k;
            done = left = true;
        } else {
            unfold(c, heads, left ? k : from, left ? to : k, true, left);
            if (left)
                to = k;
            else
                from = k;
            done = false;
        }
    }
}

static err decode_projective(uint32_t *heads, const float *scores, size_t stride, size_t words,
                             uint32_t rule) {
    chart c = {.scores = scores, .stride = stride, .words = words, .rule = rule};
    err e = chart_init(&c);
    if (e) goto done;
    for (size_t length = 1; length < words; length++) {
        for (size_t from = 0; from + length < words; from++) {
            join(&c, from, from + length);
            complete(&c, from, from + length, false);
            complete(&c, from, from + length, true);
        }
    }
    double most = -INFINITY;
    size_t root = words - 1;
    for (size_t w = 0; w < words; w++) {
        double sum =
            c.best[1][0][w] + c.best[1][1][w * words + words - 1] + (double)scores[w * stride];
        if (sum > most) root = w;
        most = fmax(most, sum);
    }
    heads[root] = 0;
    unfold(&c, heads, 0, root, true, false);
    unfold(&c, heads, root, words - 1, true, true);
done:
    chart_free(&c);
    return e;
}

err tree_decode(uint32_t *heads, const float *scores, size_t stride, uint32_t words,
                uint32_t rule) {
    if (!words) return ERR_OK;
    if (rule & TREE_PROJECTIVE) return decode_projective(heads, scores, stride, words, rule);
    for (uint32_t w = 1; w <= words; w++) {
        bool final = rule & TREE_HEAD_FINAL;
        uint32_t best = UINT32_MAX;
        for (uint32_t h = final && w < words ? w + 1 : 0; h <= (final && w == words ? 0 : words);
             h++) {
            if (h == w) continue;
            const float *row = scores + (w - 1) * stride;
            if (best == UINT32_MAX || row[h] > row[best]) best = h;
        }
        heads[w - 1] = best;
    }
    return ERR_OK;
}
