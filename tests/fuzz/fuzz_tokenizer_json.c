/* tokenizer.json by itself. */
#include "fuzz.h"
#include "tokens.h"

FUZZ_TARGET(tokenizer_json) {
    tokenizer t;
    fuzz_begin();
    if (fuzz_accepts(tokenizer_load(&t, fuzz_file("fuzz.json", data, size), true)))
        tokens_check(&t);
    tokenizer_free(&t);
    fuzz_end();
}
