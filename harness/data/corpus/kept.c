#include "data/corpus/corpus.h"

#include "base/log.h"

#include <string.h>

typedef struct keeping {
    const exclusion *excluded;
    exclusion_scratch scratch;
    corpus_counts *counts;
    corpus_line take;
    void *context;
} keeping;

static err keep(void *context, text_span line) {
    keeping *k = context;
    exclusion_rule rule;
    err e = exclusion_check(&rule, k->excluded, &k->scratch, line);
    if (e) return e;
    if (++k->counts->lines % 4096 == 0) {
        log_progress("reading the corpus: %llu lines, %llu kept",
                     (unsigned long long)k->counts->lines, (unsigned long long)k->counts->kept);
    }
    if (rule != EXCLUSION_NONE) {
        k->counts->excluded[rule]++;
        return ERR_OK;
    }
    k->counts->kept++;
    return k->take(k->context, line);
}

err corpus_each_kept(corpus *c, const exclusion *x, corpus_counts *counts, corpus_line take,
                     void *context) {
    keeping k = {.excluded = x, .counts = counts, .take = take, .context = context};
    err e = corpus_each(c, keep, &k);
    log_progress_end();
    exclusion_scratch_free(&k.scratch);
    return e;
}

bool corpus_is_heldout(text_span line, uint32_t one_in) {
    uint8_t digest[32];
    uint64_t number = 0;
    sha256 h;
    sha256_begin(&h);
    sha256_add(&h, "heldout:", 8);
    sha256_add(&h, line.text, line.bytes);
    sha256_end(&h, digest);
    for (size_t i = 0; i < 8; i++) number = number << 8 | digest[i];
    return number % one_in == 0;
}
