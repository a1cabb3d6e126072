#include "train/evaluate/encode.h"

#include "base/memory.h"

#include <string.h>

enum { BLOCKS = sizeof((encoded *)0)->blocks / sizeof(uint32_t *) };

/* Encodes texts [first, last) into one block. */
static err encode_block(encoded *out, uint32_t **block, const tokenizer *t, const example *examples,
                        size_t first, size_t last, uint32_t max_length, size_t *cut) {
    encoding one = {0};
    size_t used = 0, capacity = 0;
    err e = ERR_OK;
    for (size_t i = first; i < last; i++) {
        if ((e = example_encode(t, &one, &examples[i], max_length))) {
            e = err_wrap(e, "text %zu", i);
            break;
        }
        if ((e = mem_grow((void **)block, &capacity, used + one.count, sizeof **block))) break;
        memcpy(*block + used, one.ids, one.count * sizeof *one.ids);
        out->sentences[i] =
            (pack_sentence){NULL, (uint32_t)one.count, (uint32_t)one.second, examples[i].target};
        used += one.count;
        *cut += one.truncated;
    }
    // the block moved while it grew: addresses are taken now
    size_t at = 0;
    for (size_t i = first; !e && i < last; i++) {
        out->sentences[i].ids = *block + at;
        at += out->sentences[i].count;
    }
    encoding_free(&one);
    return e;
}

static err encode_all(encoded *out, const tokenizer *t, const example *examples, size_t count,
                      uint32_t max_length) {
    err failed[BLOCKS] = {0};
    char messages[BLOCKS][256];
    size_t cut[BLOCKS] = {0};
    err e = mem_new(&out->sentences, count);
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
    *e = (encoded){0};
}
