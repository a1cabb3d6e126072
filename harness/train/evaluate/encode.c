#include "train/evaluate/encode.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "compute/ops.h"
#include "text/markers.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

enum { BLOCKS = sizeof((encoded *)0)->blocks / sizeof(uint32_t *) };

/* What a sentence's units take of a block: where each is (count), and of those that a token answers
 * for, and of a tree's root, their places, and then their targets (rows, width). */
typedef struct unit_layout {
    size_t count, rows, width;
} unit_layout;

static unit_layout layout_of(const example *x) {
    uint32_t count = x->target.units.count;
    return x->in_tree ? (unit_layout){count, (size_t)count + 1, ARC_WIDTH}
                      : (unit_layout){count, count, 1};
}

static size_t layout_words(unit_layout l) {
    return l.count + l.rows * (1 + l.width);
}

/* The node of a word, which stands among the words that have one; CLASS_NONE when it has none. */
static uint32_t node_of(uint32_t word, const int32_t *first) {
    uint32_t node = 1;
    if (!word) return 0;
    for (uint32_t u = 0; u + 1 < word; u++) node += first[u] >= 0;
    return first[word - 1] >= 0 ? node : CLASS_NONE;
}

/* What is to be said of a word, once heads are nodes. */
static void set_arc(uint32_t *target, const uint32_t *values, const int32_t *first) {
    uint32_t head = values ? node_of(values[ARC_HEAD], first) : CLASS_NONE;
    target[ARC_HEAD] = head;
    target[ARC_RELATION] = head == CLASS_NONE ? CLASS_NONE : values[ARC_RELATION];
    target[ARC_PUNCTUATION] = 0;
}

/* Lays out the units of a sentence; the answers are counted in out's sentence. */
static err choose_units(pack_sentence *out, uint32_t *words, const encoding *e, const example *x) {
    const example_units *units = &x->target.units;
    unit_layout l = layout_of(x);
    int32_t *first = (int32_t *)words, *last = NULL;
    uint32_t *places = words + l.count, *ids = places + l.rows, chosen = 0;
    bool by_last = x->in_tree && !x->first_pieces;
    err failed = by_last ? mem_new(&last, l.count) : ERR_OK;
    if (failed) return failed;
    units_align(first, last, e, units->list, units->count);
    if (x->in_tree) {
        places[chosen] = 0;
        for (size_t k = 0; k < l.width; k++) ids[k] = CLASS_NONE;
        chosen++;
    }
    for (uint32_t u = 0; u < units->count; u++) {
        if (first[u] < 0) continue;
        const uint32_t *values = units->values ? units->values + u * l.width : NULL;
        places[chosen] = (uint32_t)(by_last ? last[u] : first[u]);
        if (x->in_tree)
            set_arc(ids + chosen * l.width, values, first);
        else
            ids[chosen] = values ? *values : 0;
        chosen++;
    }
    out->target.chosen = (example_chosen){.count = chosen};
    mem_free(last);
    return ERR_OK;
}

/* The block moved while it grew: addresses are taken when it is whole. */
static void point_into(encoded *out, const uint32_t *block, const example *examples, size_t first,
                       size_t last) {
    for (size_t i = first; i < last; i++) {
        pack_sentence *s = &out->sentences[i];
        s->ids = block;
        block += s->count;
        if (!out->units) continue;
        unit_layout l = layout_of(&examples[i]);
        out->units[i].first = (const int32_t *)block;
        s->target.chosen.places = block + l.count;
        s->target.chosen.ids = s->target.chosen.places + l.rows;
        block += layout_words(l);
    }
}

/* Whether a text that has its entities marked came to lack a marker among its tokens. */
static bool lost_marker(const tokenizer *t, const encoding *one, const example *x) {
    text_span parts[MARKER_COUNT + 1];
    uint32_t found = 0;
    if (markers_cut(parts, x->texts[0]) <= MARKER_COUNT) return false;
    for (size_t m = 0; m < MARKER_COUNT; m++) {
        uint32_t id = tokenizer_id(t, text_markers[m]);
        if (id == TOKENIZER_NO_ID) return false; // they are text to it
        for (size_t i = 0; i < one->count; i++) found += one->ids[i] == id;
    }
    return found < MARKER_COUNT;
}

/* Sentences that were truncated, and their units that no token answers for, or those of them that
 * lost a marker; pieces and unknown as in encoded. */
typedef struct block_counts {
    size_t cut, lost, pieces, unknown;
} block_counts;

static void count_pieces(block_counts *n, const tokenizer *t, const encoding *one) {
    for (size_t i = 0; i < one->count; i++) {
        n->pieces += one->ids[i] != t->cls_id && one->ids[i] != t->sep_id;
        n->unknown += one->ids[i] == t->unk_id;
    }
}

static size_t lost_units(const encoded_units *units) {
    size_t lost = 0;
    for (uint32_t u = 0; u < units->count; u++) lost += units->first[u] == UNIT_NONE;
    return lost;
}

/* Encodes texts [first, last) into one block. */
static err encode_block(encoded *out, uint32_t **block, const tokenizer *t, const example *examples,
                        size_t first, size_t last, uint32_t max_length, block_counts *counts) {
    encoding one = {.tracks = out->units != NULL};
    size_t used = 0, capacity = 0;
    err e = ERR_OK;
    for (size_t i = first; i < last; i++) {
        const example *x = &examples[i];
        if ((e = example_encode(t, &one, x, max_length))) {
            e = err_wrap(e, "text %zu", i + 1);
            break;
        }
        if (out->units) out->units[i].count = x->target.units.count;
        size_t need = used + one.count + (out->units ? layout_words(layout_of(x)) : 0);
        if ((e = mem_grow((void **)block, &capacity, need, sizeof **block))) break;
        memcpy(*block + used, one.ids, one.count * sizeof *one.ids);
        out->sentences[i] =
            (pack_sentence){NULL, (uint32_t)one.count, (uint32_t)one.second, x->target};
        if (out->units &&
            (e = choose_units(&out->sentences[i], *block + used + one.count, &one, x)))
            break;
        count_pieces(counts, t, &one);
        counts->cut += one.truncated;
        if (!out->units && one.truncated) counts->lost += lost_marker(t, &one, x);
        if (out->units && one.truncated)
            counts->lost +=
                lost_units(&(encoded_units){.first = (const int32_t *)(*block + used + one.count),
                                            .count = out->units[i].count});
        used = need;
    }
    if (!e) point_into(out, *block, examples, first, last);
    encoding_free(&one);
    return e;
}

static err encode_all(encoded *out, const tokenizer *t, const example *examples, size_t count,
                      uint32_t max_length) {
    err failed[BLOCKS] = {0};
    char messages[BLOCKS][256];
    block_counts counts[BLOCKS] = {0};
    err e = mem_new(&out->sentences, count);
    if (!e && count && examples[0].in_units) e = mem_new(&out->units, count);
    if (e) return e;
    out->count = count;
#pragma omp parallel for schedule(dynamic, 1)
    for (int b = 0; b < BLOCKS; b++) {
        size_t first = count * (size_t)b / BLOCKS, last = count * ((size_t)b + 1) / BLOCKS;
        failed[b] =
            encode_block(out, &out->blocks[b], t, examples, first, last, max_length, &counts[b]);
        // messages are per thread: keep this one for the caller's
        if (failed[b])
            shown_snprintf(messages[b], sizeof messages[b], SHOWN_TERMINAL, "%s",
                           err_message(failed[b]));
    }
    for (int b = 0; b < BLOCKS; b++) {
        if (failed[b]) return err_set(failed[b], "%s", messages[b]);
        out->cut += counts[b].cut;
        out->lost += counts[b].lost;
        out->pieces += counts[b].pieces;
        out->unknown += counts[b].unknown;
    }
    for (size_t i = 0; i < count; i++) {
        out->tokens += out->sentences[i].count;
        if (out->units) out->unit_results += out->sentences[i].target.chosen.count;
        if (out->sentences[i].count > out->longest) out->longest = out->sentences[i].count;
    }
    return ERR_OK;
}

err encode_split(encoded *out, const tokenizer *t, const dataset_split *split, encode_rows rows,
                 uint32_t max_length) {
    example *examples = NULL;
    size_t count = 0;
    *out = (encoded){0};
    err e = mem_new(&examples, split->row_count);
    if (e) return e;
    for (size_t i = 0; i < split->row_count; i++) {
        const dataset_row *row = &split->rows[i];
        if (rows == ENCODE_KEPT && !row->kept) continue;
        examples[count++] = row->example;
    }
    e = encode_all(out, t, examples, count, max_length);
    mem_free(examples);
    return e;
}

err encode_examples(encoded *out, const tokenizer *t, const example *examples, size_t count,
                    uint32_t max_length) {
    *out = (encoded){0};
    return encode_all(out, t, examples, count, max_length);
}

void encode_alone(void) {
    omp_set_num_threads(1);
}

uint32_t encode_threads(void) {
    return (uint32_t)omp_get_max_threads();
}

void encode_note_cut(answer_kind kind, unit_kind unit, size_t cut, size_t lost,
                     uint32_t max_length) {
    char units[120] = "";
    const char *taken = kind == ANSWER_ARCS ? "to hang from the next one" : "to be no entity's";
    if (lost && kind == ANSWER_RELATION)
        snprintf(units, sizeof units, "; %zu of them lost the marker of an entity", lost);
    else if (lost && answer_in_units(kind))
        snprintf(units, sizeof units, "; %s %s%s of theirs had no token left and %s taken %s",
                 SHOWN_COUNT(lost), kind == ANSWER_ARCS || unit == UNIT_WORD ? "word" : "character",
                 shown_plural(lost), lost == 1 ? "was" : "were", taken);
    if (cut)
        log_note("%s sentence%s longer than %u tokens and %s cut%s", SHOWN_COUNT(cut),
                 cut == 1 ? " is" : "s are", max_length, cut == 1 ? "was" : "were", units);
}

void encoded_free(encoded *e) {
    for (size_t b = 0; b < BLOCKS; b++) mem_free(e->blocks[b]);
    mem_free(e->sentences);
    mem_free(e->units);
    *e = (encoded){0};
}
