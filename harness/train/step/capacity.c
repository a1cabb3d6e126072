#include "train/step/capacity.h"

static void raise_to(uint32_t *most, uint32_t value) {
    if (value > *most) *most = value;
}

void capacity_raise_within(batch_capacity *c, const pack_sentence *sentences, const uint32_t *order,
                           size_t count, uint32_t micro_sentences, uint32_t micro_tokens) {
    uint32_t tokens = 0, in_micro = 0, micros = 0;
    // the same greedy cut as pack_fill; it cuts alike when the capacity turns out below the bound
    for (size_t i = 0; i < count; i++) {
        uint32_t n = sentences[order ? order[i] : i].count;
        bool is_full = micro_sentences && in_micro == micro_sentences;
        if (micros == 0 || is_full || tokens + n > micro_tokens) {
            micros++;
            tokens = in_micro = 0;
        }
        tokens += n;
        in_micro++;
        raise_to(&c->tokens, tokens);
        raise_to(&c->sentences, in_micro);
        raise_to(&c->max_length, n);
    }
    raise_to(&c->micros, micros);
}

void capacity_raise(batch_capacity *c, const pack_sentence *sentences, const uint32_t *order,
                    size_t count, uint32_t micro_sentences) {
    capacity_raise_within(c, sentences, order, count, micro_sentences, MICRO_TOKENS);
}
