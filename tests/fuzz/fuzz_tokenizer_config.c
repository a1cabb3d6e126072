/* tokenizer_config.json, or special_tokens_map.json (first byte), beside a vocab.txt. */
#include "fuzz.h"
#include "platform/file.h"
#include "tokens.h"

#include <stdio.h>
#include <string.h>

FUZZ_TARGET(tokenizer_config) {
    tokenizer t;
    if (!size) return;
    fuzz_begin();
    bool is_map = data[0] & 1;
    if (fuzz_needs(folder_make(fuzz_path("words")))) {
        fuzz_file("words/vocab.txt", tokens_vocabulary, strlen(tokens_vocabulary));
        remove(fuzz_path(is_map ? "words/tokenizer_config.json" : "words/special_tokens_map.json"));
        fuzz_file(is_map ? "words/special_tokens_map.json" : "words/tokenizer_config.json",
                  data + 1, size - 1);
        if (fuzz_accepts(tokenizer_load(&t, fuzz_path("words"), false))) tokens_check(&t);
        tokenizer_free(&t);
    }
    fuzz_end();
}
