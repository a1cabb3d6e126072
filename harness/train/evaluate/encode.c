#include "train/evaluate/encode.h"

#include "base/memory.h"

#include <string.h>

enum { BLOCKS = sizeof((encoded *)0)->blocks / sizeof(uint32_t *) };

/* Words of a block that a sentence's units take: their places, and the targets of those that a token
 * answers for. */
enum { WORDS_PER_UNIT = 3 };

static size_t unit_words(const encoded *out, size_t i) {
    return out->units ? WORDS_PER_UNIT * (size_t)out->units[i].count : 0;
}

/* Lays out the units of a sentence in words (WORDS_PER_UNIT, units); the answers are counted in
 * out's sentence. */
static void choose_units(pack_sentence *out, uint32_t *words, const encoding *e,
                         const example_units *units) {
    int32_t *first = (int32_t *)words;
    uint32_t *places = words + units->count, *ids = places + units->count, chosen = 0;
    units_align(first, NULL, e, units->list, units->count);
    for (uint32_t u = 0; u < units->count; u++) {
        if (first[u] < 0) continue;
        places[chosen] = (uint32_t)first[u];
        ids[chosen++] = units->values ? units->values[u] : 0;
    }
    out->target.chosen = (example_chosen){.count = chosen};
}

/* The block moved while it grew: addresses are taken when it is whole. */
static void point_into(encoded *out, const uint32_t *block, size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
        pack_sentence *s = &out->sentences[i];
        s->ids = block;
        block += s->count;
        if (!out->units) continue;
        out->units[i].first = (const int32_t *)block;
        s->target.chosen.places = block + out->units[i].count;
        s->target.chosen.ids = s->target.chosen.places + out->units[i].count;
        block += unit_words(out, i);
    }
}

/* Encodes texts [first, last) into one block. */
static err encode_block(encoded *out, uint32_t **block, const tokenizer *t, const example *examples,
                        size_t first, size_t last, uint32_t max_length, size_t *cut) {
    encoding one = {.tracks = out->units != NULL};
    size_t used = 0, capacity = 0;
    err e = ERR_OK;
    for (size_t i = first; i < last; i++) {
        const example *x = &examples[i];
        if ((e = example_encode(t, &one, x, max_length))) {
            e = err_wrap(e, "text %zu", i);
            break;
        }
        if (out->units) out->units[i].count = x->target.units.count;
        size_t need = used + one.count + unit_words(out, i);
        if ((e = mem_grow((void **)block, &capacity, need, sizeof **block))) break;
        memcpy(*block + used, one.ids, one.count * sizeof *one.ids);
        out->sentences[i] =
            (pack_sentence){NULL, (uint32_t)one.count, (uint32_t)one.second, x->target};
        if (out->units)
            choose_units(&out->sentences[i], *block + used + one.count, &one, &x->target.units);
        used = need;
        *cut += one.truncated;
    }
    if (!e) point_into(out, *block, first, last);
    encoding_free(&one);
    return e;
}

static err encode_all(encoded *out, const tokenizer *t, const example *examples, size_t count,
                      uint32_t max_length) {
    err failed[BLOCKS] = {0};
    char messages[BLOCKS][256];
    size_t cut[BLOCKS] = {0};
    err e = mem_new(&out->sentences, count);
    if (!e && count && examples[0].in_units) e = mem_new(&out->units, count);
    if (e) return e;
    out->count = count;
#pragma omp parallel for schedule(dynamic, 1)
    for (int b = 0; b < BLOCKS; b++) {
        size_t first = count * (size_t)b / BLOCKS, last = count * ((size_t)b + 1) / BLOCKS;
        failed[b] =
            encode_block(out, &out->blocks[b], t, examples, first, last, max_length, &cut[b]);
        // messages are per thread: keep this one for the caller's
        if (failed[b]) strncpy(messages[b], err_message(failed[b]), sizeof messages[b] - 1);
        messages[b][sizeof messages[b] - 1] = '\0';
    }
    for (int b = 0; b < BLOCKS; b++) {
        if (failed[b]) return err_set(failed[b], "%s", messages[b]);
        out->cut += cut[b];
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

void encoded_free(encoded *e) {
    for (size_t b = 0; b < BLOCKS; b++) mem_free(e->blocks[b]);
    mem_free(e->sentences);
    mem_free(e->units);
    *e = (encoded){0};
}
