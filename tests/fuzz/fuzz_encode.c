/* WordPiece on arbitrary bytes. The first byte chooses the tokenizer's options, the second the
 * length; the rest is the text. */
#include "fuzz.h"
#include "platform/file.h"
#include "tokens.h"

#include <stdio.h>
#include <string.h>

enum { KINDS = 32 };

/* bits: 0 lower case, 1 accents kept, 2 ideographs not set apart, 3 nothing cleaned, 4 an added
 * token that is looked for in the cleaned text. */
static const tokenizer *tokenizer_of(unsigned bits) {
    static tokenizer kinds[KINDS];
    char config[600];
    if (kinds[bits].index) return &kinds[bits];
    // beside what other targets leave in the folder
    FUZZ_CHECK(folder_make(fuzz_path("encode")) == ERR_OK);
    fuzz_file("encode/vocab.txt", tokens_vocabulary, strlen(tokens_vocabulary));
    int n = snprintf(
        config, sizeof config,
        "{\"do_lower_case\": %s, \"strip_accents\": %s, \"tokenize_chinese_chars\": %s,"
        "\"clean_text\": %s, \"added_tokens_decoder\": {\"32\": {\"content\": \"A b\","
        "\"special\": false, \"normalized\": %s, \"lstrip\": true, \"rstrip\": true}, \"33\": {"
        "\"content\": \"<x>\", \"special\": true, \"single_word\": true, \"rstrip\": true}}}",
        bits & 1 ? "true" : "false", bits & 2 ? "false" : "null", bits & 4 ? "false" : "true",
        bits & 8 ? "false" : "true", bits & 16 ? "true" : "false");
    fuzz_file("encode/tokenizer_config.json", config, (size_t)n);
    FUZZ_CHECK(tokenizer_load(&kinds[bits], fuzz_path("encode"), false) == ERR_OK);
    return &kinds[bits];
}

FUZZ_TARGET(encode) {
    if (size < 2) return;
    fuzz_setup();
    const tokenizer *t = tokenizer_of(data[0] % KINDS);
    fuzz_begin();
    tokens_check_text(t, data + 2, size - 2, 2 + data[1] % 64);
    fuzz_end();
}
