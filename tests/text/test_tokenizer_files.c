/* Reading and writing Hugging Face's files. */
#include "text/tokenizer.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SPECIAL "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

static const char *folder(void) {
    static int number;
    char name[32];
    snprintf(name, sizeof name, "folder%d", number++);
    const char *path = temporary_path(name);
    cr_assert_eq(folder_make(path), ERR_OK);
    return path;
}

static void put(const char *where, const char *name, const char *text, size_t bytes) {
    char *path = NULL;
    cr_assert_eq(path_join(&path, where, name), ERR_OK);
    cr_assert_eq(file_write(path, text, bytes), ERR_OK);
    mem_free(path);
}

static void put_text(const char *where, const char *name, const char *text) {
    put(where, name, text, strlen(text));
}

static void load(tokenizer *t, const char *path) {
    err e = tokenizer_load(t, path, false);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
}

// A folder whose files do not say that it is cased.
static void load_cased(tokenizer *t, const char *path) {
    err e = tokenizer_load(t, path, true);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
}

// Loading fails with this error and a message that ends so.
static void refuse(const char *path, err want, const char *end) {
    tokenizer t;
    err e = tokenizer_load(&t, path, false);
    const char *message = err_message(e);
    size_t n = strlen(message), m = strlen(end);
    cr_assert_eq(e, want, "%s", message);
    cr_assert(n >= m && !strcmp(message + n - m, end), "'%s' does not end in '%s'", message, end);
    cr_assert(!t.tokens && !t.added && !t.index);
}

static void expect_ids(const tokenizer *t, const char *text, const char *want) {
    encoding e = {0};
    char got[1024] = "";
    cr_assert_eq(tokenizer_encode(t, &e, text, strlen(text), 0), ERR_OK);
    for (size_t i = 0, n = 0; i < e.count; i++) {
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%u", i ? " " : "", e.ids[i]);
    }
    cr_assert_str_eq(got, want, "'%s' gave %s, expected %s", text, got, want);
    encoding_free(&e);
}

CleanTest(tokenizer_files, vocab_line_ends) {
    static const struct {
        const char *text;
        size_t bytes, count;
    } cases[] = {
#define TEXT(s) s, sizeof s - 1
        {TEXT(SPECIAL "영화\n##가\n"), 7},
        {TEXT(SPECIAL "영화\n##가"), 7},
        {TEXT("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\n영화\r\n##가\r\n"), 7},
        {TEXT("[PAD]\r[UNK]\r[CLS]\r[SEP]\r[MASK]\r영화\r##가"), 7},
        {TEXT(SPECIAL "영화\n##가\n \n\0\n\n##가 \xE3\x80\x80"),
         11}, // a blank, a 0 byte, nothing, twice the same but for what is cut off
#undef TEXT
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder();
        tokenizer t;
        put(f, "vocab.txt", cases[i].text, cases[i].bytes);
        load_cased(&t, f);
        cr_assert_eq(t.count, cases[i].count, "case %zu: %zu", i, t.count);
        expect_ids(&t, "영화가", i == 4 ? "2 5 10 3" : "2 5 6 3");
        tokenizer_free(&t);
    }
}

/* Tokenizers of other kinds are named, also one whose pieces stand in a vocab.txt. */
CleanTest(tokenizer_files, other_kinds_are_refused_by_name) {
    static const struct {
        const char *file, *kind;
    } cases[] = {{"spiece.model", "spiece.model: a SentencePiece"},
                 {"sentencepiece.bpe.model", "bpe.model: a SentencePiece"},
                 {"spm.model", "spm.model: a SentencePiece"},
                 {"tokenizer.model", "tokenizer.model: a SentencePiece"},
                 {"merges.txt", "merges.txt: a byte-level BPE"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char said[200];
        const char *f = folder();
        put_text(f, cases[i].file, "x");
        snprintf(said, sizeof said,
                 "%s tokenizer; only BERT's WordPiece tokenizer is supported (tokenizer.json or "
                 "vocab.txt)",
                 cases[i].kind);
        refuse(f, ERR_UNSUPPORTED, said);
        temporary_remove();
    }
    const char *f = folder();
    put_text(f, "vocab.txt", SPECIAL "\xE2\x96\x81이\n\xE2\x96\x81영화\n가\n");
    refuse(f, ERR_UNSUPPORTED,
           ": the vocabulary is SentencePiece's (2 tokens as '\xE2\x96\x81이', none begins "
           "with ##); only BERT's WordPiece tokenizer is supported");
    // a sign among others is a token like any other
    tokenizer t;
    put_text(f, "vocab.txt", SPECIAL "영화\n##가\n\xE2\x96\x81\n\xE2\x96\x81이\n");
    load_cased(&t, f);
    tokenizer_free(&t);
}

CleanTest(tokenizer_files, vocab_refused) {
    const char *f = folder();
    refuse(f, ERR_IO, ": neither tokenizer.json nor vocab.txt is there");
    put_text(f, "vocab.txt", "[UNK]\n[CLS]\n[SEP]\n");
    refuse(f, ERR_FORMAT, ": the vocabulary has no [PAD]");
    put_text(f, "vocab.txt", "[PAD]\n[CLS]\n[SEP]\n");
    refuse(f, ERR_FORMAT, ": the vocabulary has no [UNK]");
    put_text(f, "vocab.txt", "[PAD]\n[UNK]\n[SEP]\n");
    refuse(f, ERR_FORMAT, ": the vocabulary has no [CLS]");
    put_text(f, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n");
    refuse(f, ERR_FORMAT, ": the vocabulary has no [SEP]");
    put_text(f, "vocab.txt", "\xEF\xBB\xBF" SPECIAL);
    refuse(f, ERR_FORMAT, ": the vocabulary has no [PAD] (it begins with a byte order mark)");
    put_text(f, "vocab.txt", SPECIAL "ab\xEA\xB0\n");
    refuse(f, ERR_FORMAT, "vocab.txt:6: byte 2 of the token is not UTF-8");
    char longer[sizeof SPECIAL + 4097] = SPECIAL;
    memset(longer + strlen(SPECIAL), 'x', 4097);
    put(f, "vocab.txt", longer, strlen(SPECIAL) + 4097);
    refuse(f, ERR_FORMAT, "vocab.txt:6: a token of 4097 bytes, at most 4096 are allowed");
    put_text(f, "vocab.txt", "");
    refuse(f, ERR_FORMAT, "vocab.txt: has no token, expected one a line");
    put_text(f, "vocab.txt", "\xEF\xBB\xBF" SPECIAL);
    put_text(f, "tokenizer_config.json",
             "{\"added_tokens_decoder\": {\"0\": {\"content\": \"[PAD]\"}}}");
    refuse(f, ERR_FORMAT,
           "'[PAD]' has id 0, expected 5 (the vocabulary begins with a byte order mark)");
}

CleanTest(tokenizer_files, config_decides_the_options) {
    static const struct {
        const char *config, *text, *ids;
    } cases[] = {
        // a 5, A 6, á 7, ##中 8, 中 9
        {NULL, "A á", "2 5 5 3"}, // as without a file
        {"{\"do_lower_case\": false}", "A á", "2 6 7 3"},
        {"{\"do_lower_case\": true}", "A á", "2 5 5 3"},
        {"{}", "A á", "2 5 5 3"}, // as Hugging Face
        {"{\"do_lower_case\": true, \"strip_accents\": false}", "A á", "2 5 7 3"},
        {"{\"do_lower_case\": true, \"strip_accents\": null}", "A á", "2 5 5 3"},
        {"{\"do_lower_case\": false, \"strip_accents\": true}", "A á", "2 6 5 3"},
        {"{\"do_lower_case\": false}", "a中", "2 5 9 3"},
        {"{\"do_lower_case\": false, \"tokenize_chinese_chars\": false}", "a中", "2 5 8 3"},
        // BertTokenizer has no such options
        {"{\"do_lower_case\": false, \"clean_text\": false}", "a\u00AD", "2 5 3"},
        {"{\"do_lower_case\": false, \"max_input_chars_per_word\": 1}", "a中 aa a", "2 5 9 1 5 3"},
        {"{\"do_lower_case\": false, \"unk_token\": \"a\"}", "b [UNK]", "2 5 5 5 5 3"},
        {"{\"do_lower_case\": false, \"cls_token\": {\"content\": \"A\"}}", "a", "6 5 3"},
        {"{\"do_lower_case\": false, \"tokenizer_class\": \"ElectraTokenizerFast\"}", "a", "2 5 3"},
        {"{\"do_lower_case\": false, \"additional_special_tokens\": [\"<x>\"]}", "a<x>",
         "2 5 10 3"},
        {"{\"do_lower_case\": false, \"added_tokens_decoder\": {\"10\": {\"content\": \"bb\", "
         "\"single_word\": true, \"rstrip\": true}}}",
         "bb abb bb a", "2 10 1 10 5 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder();
        tokenizer t;
        put_text(f, "vocab.txt", SPECIAL "a\nA\ná\n##中\n中\n");
        if (cases[i].config) put_text(f, "tokenizer_config.json", cases[i].config);
        load(&t, f);
        expect_ids(&t, cases[i].text, cases[i].ids);
        tokenizer_free(&t);
    }
}

CleanTest(tokenizer_files, config_refused) {
    static const struct {
        const char *config;
        err e;
        const char *end;
    } cases[] = {
        {"{\"do_lower_case\": 1}", ERR_FORMAT,
         "key 'do_lower_case' is a number, expected true or false"},
        {"[]", ERR_FORMAT, "tokenizer_config.json: not an object"},
        {"{\"do_lower_case\": false", ERR_FORMAT, ": not valid JSON"},
        {"{\"do_lower_case\": false, \"tokenizer_class\": \"XLMRobertaTokenizer\"}",
         ERR_UNSUPPORTED,
         "the tokenizer_class is 'XLMRobertaTokenizer'; only BERT's WordPiece tokenizer is "
         "supported "
         "(such as BertTokenizer)"},
        {"{\"do_lower_case\": false, \"unk_token\": \"</s>\"}", ERR_FORMAT,
         ": the vocabulary has no </s>"},
        {"{\"do_lower_case\": false, \"cls_token\": null}", ERR_FORMAT,
         "key 'cls_token' is no token "
         "(a string or an object with 'content')"},
        {"{\"do_lower_case\": false, \"eos_token\": 7}", ERR_FORMAT,
         "key 'eos_token' is no token "
         "(a string or an object with 'content')"},
        {"{\"do_lower_case\": false, \"extra_special_tokens\": [7]}", ERR_FORMAT,
         "an entry of 'extra_special_tokens' is no token"},
        {"{\"do_lower_case\": false, \"truncation_side\": \"middle\"}", ERR_FORMAT,
         "truncation_side is 'middle', expected left or right"},
        {"{\"do_lower_case\": false, \"split_special_tokens\": true}", ERR_UNSUPPORTED,
         "split_special_tokens is true; only false is supported"},
        {"{\"do_lower_case\": false, \"tokenizer_class\": \"PreTrainedTokenizerFast\"}",
         ERR_UNSUPPORTED, "tokenizer_class PreTrainedTokenizerFast needs a tokenizer.json"},
        {"{\"do_lower_case\": false, \"added_tokens_decoder\": {\"9\": {\"content\": \"b\"}}}",
         ERR_FORMAT, "added token 'b' has id 9, expected 6"},
        {"{\"do_lower_case\": false, \"added_tokens_decoder\": {\"x\": {\"content\": \"b\"}}}",
         ERR_FORMAT, "key 'x' of added_tokens_decoder is no token id"},
        {"{\"do_lower_case\": false, \"added_tokens_decoder\": {\"6\": {}}}", ERR_FORMAT,
         "key 'content' is missing (expected a string)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder();
        put_text(f, "vocab.txt", SPECIAL "a\n");
        put_text(f, "tokenizer_config.json", cases[i].config);
        refuse(f, cases[i].e, cases[i].end);
    }
}

// A tokenizer.json with parts to be put in: normalizer, pre_tokenizer, post_processor, model,
// added.
static const char json_form[] =
    "{\"version\":\"1.0\",\"added_tokens\":[%s],\"normalizer\":%s,\"pre_tokenizer\":%s,"
    "\"post_processor\":%s,\"model\":%s}";
#define NORMALIZER                                                                                 \
    "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"              \
    "\"strip_accents\":null,\"lowercase\":false}"
#define SPLITTER "{\"type\":\"BertPreTokenizer\"}"
#define PROCESSOR "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}"
#define TEMPLATE                                                                                   \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\","            \
    "\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":"       \
    "\"[SEP]\",\"type_id\":0}}]}"
#define VOCAB                                                                                      \
    "\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"c\":4,\"a\":5,\"##b\":6,\"b\":"  \
    "7,"                                                                                           \
    "\"\\uc601\\ud654\":8}"
#define MODEL                                                                                      \
    "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","        \
    "\"max_input_chars_per_word\":100," VOCAB "}"

static void put_json(const char *f, const char *added, const char *normalizer, const char *splitter,
                     const char *processor, const char *model) {
    char *text = NULL;
    // the form is a constant above: its arguments are the five parts
    char buffer[4096];
    snprintf(buffer, sizeof buffer, json_form, added, normalizer, splitter, processor, model);
    cr_assert_eq(mem_strdup(&text, buffer), ERR_OK);
    put_text(f, "tokenizer.json", text);
    mem_free(text);
}

/* Which end is cut stands in a tokenizer.json as well. */
CleanTest(tokenizer_files, a_tokenizer_json_says_which_end_is_cut) {
    for (int left = 0; left < 2; left++) {
        const char *f = folder();
        char text[4096], begin[64];
        tokenizer t;
        int n = snprintf(begin, sizeof begin, "{\"truncation\":{\"direction\":\"%s\"},",
                         left ? "Left" : "Right");
        snprintf(text, sizeof text, json_form, "", NORMALIZER, SPLITTER, PROCESSOR, MODEL);
        memmove(text + n, text + 1, strlen(text));
        memcpy(text, begin, (size_t)n);
        put_text(f, "tokenizer.json", text);
        load(&t, f);
        cr_expect_eq(t.truncate_left, left);
        tokenizer_free(&t);
    }
}

/* What its files say together is the folder's fault, not that of the one that was read last. */
CleanTest(tokenizer_files, what_files_contradict_names_the_folder) {
    const char *f = folder();
    tokenizer t;
    char want[300];
    put_json(f, "", NORMALIZER, SPLITTER, PROCESSOR, MODEL);
    put_text(f, "tokenizer_config.json",
             "{\"do_lower_case\": false, \"tokenizer_class\": \"BertTokenizer\", "
             "\"added_tokens_decoder\": {\"20\": {\"content\": \"[E1]\"}}}");
    snprintf(want, sizeof want, "%s: added token '[E1]' has id 20, expected 9", f);
    err e = tokenizer_load(&t, f, false);
    cr_expect_eq(e, ERR_FORMAT);
    cr_expect(!strncmp(err_message(e), want, strlen(want)), "%s", err_message(e));
}

CleanTest(tokenizer_files, tokenizer_json) {
    static const struct {
        const char *added, *normalizer, *processor, *config, *text, *ids;
    } cases[] = {
        // a tokenizer.json that stands for itself lists what is looked for in the text
        {"", NORMALIZER, PROCESSOR, NULL, "ab 영화 [SEP]", "2 5 6 8 1 1 1 3"},
        {"", NORMALIZER, PROCESSOR, "{\"do_lower_case\":false}", "ab 영화 [SEP]", "2 5 6 8 3 3"},
        {"", NORMALIZER, PROCESSOR, "{\"tokenizer_class\":\"BertTokenizerFast\"}", "AB", "2 5 6 3"},
        {"", NORMALIZER, PROCESSOR,
         "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"do_lower_case\":true}", "AB ab",
         "2 1 5 6 3"},
        {"", NORMALIZER, PROCESSOR, "{\"tokenizer_class\":\"OwnTokenizer\"}", "ab", "2 5 6 3"},
        {"", NORMALIZER, TEMPLATE, NULL, "ab 영화", "2 5 6 8 3"},
        {"", "{\"type\":\"BertNormalizer\",\"lowercase\":true}", TEMPLATE, NULL, "AB", "2 5 6 3"},
        {"", NORMALIZER, TEMPLATE, "{\"do_lower_case\":true}", "AB", "2 5 6 3"},
        {"", NORMALIZER, TEMPLATE, "{}", "AB ab", "2 1 5 6 3"}, // tokenizer.json has said it
        {"{\"id\":9,\"content\":\"영화관\",\"normalized\":false}", NORMALIZER, TEMPLATE, NULL,
         "영화관 영화 영화관a", "2 9 8 9 5 3"},
        {"{\"id\":9,\"content\":\"A B\",\"normalized\":true}",
         "{\"type\":\"BertNormalizer\",\"lowercase\":true}", TEMPLATE, NULL, "ab a  B a\tb",
         "2 5 6 5 7 9 3"},
        {"{\"id\":9,\"content\":\"A\",\"normalized\":true,\"single_word\":true,\"lstrip\":true}",
         NORMALIZER, TEMPLATE, NULL, "a A Ab A!", "2 5 9 1 9 1 3"},
        // blanks that the token before took are not taken again
        {"{\"id\":9,\"content\":\"<r>\",\"normalized\":true,\"rstrip\":true},{\"id\":10,"
         "\"content\":"
         "\"<l>\",\"normalized\":true,\"lstrip\":true}",
         NORMALIZER, TEMPLATE, NULL, "a  <r>  <l>  a  <l><l> a", "2 5 9 10 5 10 10 5 3"},
        {"{\"id\":9,\"content\":\"<\",\"special\":true},{\"id\":10,\"content\":\"<<\",\"special\":"
         "true}",
         NORMALIZER, TEMPLATE, NULL, "<<<a<", "2 10 9 5 9 3"}, // leftmost, then longest
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder();
        tokenizer t;
        put_json(f, cases[i].added, cases[i].normalizer, SPLITTER, cases[i].processor, MODEL);
        put_text(f, "vocab.txt", SPECIAL); // tokenizer.json goes first
        if (cases[i].config) put_text(f, "tokenizer_config.json", cases[i].config);
        load(&t, f);
        cr_assert_eq(t.mask_id, TOKENIZER_NO_ID);
        cr_assert_eq(t.piece_count, 9);
        expect_ids(&t, cases[i].text, cases[i].ids);
        tokenizer_free(&t);
        if (cases[i].config) continue;
        // by itself it is what it is in a folder without a config
        char *json = NULL;
        cr_assert_eq(path_join(&json, f, "tokenizer.json"), ERR_OK);
        load(&t, json);
        mem_free(json);
        expect_ids(&t, cases[i].text, cases[i].ids);
        tokenizer_free(&t);
    }
}

CleanTest(tokenizer_files, tokenizer_json_refused) {
    static const struct {
        const char *added, *normalizer, *splitter, *processor, *model;
        err e;
        const char *end;
    } cases[] = {
        {"", NORMALIZER, SPLITTER, PROCESSOR, "{\"type\":\"Unigram\",\"vocab\":[]}",
         ERR_UNSUPPORTED,
         "the model is 'Unigram'; only BERT's WordPiece tokenizer is supported (model WordPiece)"},
        {"", NORMALIZER, SPLITTER, PROCESSOR, "{\"type\":\"BPE\"}", ERR_UNSUPPORTED,
         "the model is 'BPE'; only BERT's WordPiece tokenizer is supported (model WordPiece)"},
        {"", NORMALIZER, SPLITTER, PROCESSOR,
         "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"@@"
         "\"," VOCAB "}",
         ERR_UNSUPPORTED, "(prefix ##)"},
        {"", "{\"type\":\"Sequence\",\"normalizers\":[]}", SPLITTER, PROCESSOR, MODEL,
         ERR_UNSUPPORTED,
         "the normalizer is 'Sequence'; only BERT's WordPiece tokenizer is supported (normalizer "
         "BertNormalizer)"},
        {"", "null", SPLITTER, PROCESSOR, MODEL, ERR_UNSUPPORTED, "(normalizer BertNormalizer)"},
        {"", NORMALIZER, "{\"type\":\"Whitespace\"}", PROCESSOR, MODEL, ERR_UNSUPPORTED,
         "(pre-tokenizer BertPreTokenizer)"},
        {"", NORMALIZER, SPLITTER, "{\"type\":\"RobertaProcessing\"}", MODEL, ERR_UNSUPPORTED,
         "the post-processor is 'RobertaProcessing'; only BERT's WordPiece tokenizer is supported "
         "([CLS] text [SEP])"},
        {"", NORMALIZER, SPLITTER, "{\"type\":\"TemplateProcessing\",\"single\":[]}", MODEL,
         ERR_UNSUPPORTED, "([CLS] text [SEP])"},
        {"", NORMALIZER, SPLITTER, PROCESSOR,
         "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"a\":0,\"b\":0}}", ERR_FORMAT,
         "id 0 belongs to 'a' and to 'b'"},
        {"", NORMALIZER, SPLITTER, PROCESSOR,
         "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"a\":1.5}}", ERR_FORMAT,
         "token 'a' has no whole number below 4194304 as its id"},
        {"", NORMALIZER, SPLITTER, PROCESSOR,
         "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"a\":0,\"b\":4000000}}",
         ERR_FORMAT, "token 'b' has id 4000000, though there are 2 tokens"},
        {"", NORMALIZER, SPLITTER, PROCESSOR,
         "{\"type\":\"WordPiece\",\"unk_token\":\"<unk>\"," VOCAB "}", ERR_FORMAT,
         "the vocabulary has no <unk>"},
        {"{\"id\":20,\"content\":\"x\"}", NORMALIZER, SPLITTER, PROCESSOR, MODEL, ERR_FORMAT,
         "added token 'x' has id 20, expected 9"},
        {"{\"id\":9,\"content\":\"a\\u0000\"}", NORMALIZER, SPLITTER, PROCESSOR, MODEL,
         ERR_UNSUPPORTED, "an added token holds a 0 byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder();
        put_json(f, cases[i].added, cases[i].normalizer, cases[i].splitter, cases[i].processor,
                 cases[i].model);
        refuse(f, cases[i].e, cases[i].end);
    }
}

/* Special tokens behind the vocabulary, from the first of them on, are told to transformers. */
CleanTest(tokenizer_files, further_special_tokens_are_saved_by_name) {
    const char *f = folder(), *g = folder();
    tokenizer t;
    char *path;
    cJSON *root;
    const cJSON *list;
    put_text(f, "vocab.txt", SPECIAL "a\nb\n");
    put_text(f, "tokenizer_config.json",
             "{\"do_lower_case\": false, \"eos_token\": \"<e>\", \"own_token\": \"<o>\"}");
    load(&t, f);
    cr_assert_eq(tokenizer_save(&t, g), ERR_OK);
    tokenizer_free(&t);
    MUST(path_join(&path, g, "special_tokens_map.json"));
    MUST(json_read(&root, path, 0));
    MUST(json_array(&list, root, "additional_special_tokens", path));
    cr_assert_eq(cJSON_GetArraySize(list), 2);
    cr_assert_str_eq(list->child->valuestring, "<e>");
    cr_assert_str_eq(list->child->next->valuestring, "<o>");
    cJSON_Delete(root);
    mem_free(path);
}

CleanTest(tokenizer_files, saved_and_loaded_is_the_same) {
    static const char *const configs[] = {
        "{\"do_lower_case\": false, \"model_max_length\": 300}",
        "{\"do_lower_case\": true, \"strip_accents\": false, \"tokenize_chinese_chars\": false}",
        "{\"do_lower_case\": false, \"strip_accents\": true, \"truncation_side\": \"left\"}",
        "{\"do_lower_case\": false, \"additional_special_tokens\": [\"<x>\"], "
        "\"model_max_length\": 1e30, \"truncation_side\": \"left\", "
        "\"added_tokens_decoder\": {\"6\": {\"content\": \"##b\", \"lstrip\": true}}}",
        "{\"do_lower_case\": false, \"eos_token\": \"<e>\", \"own_token\": \"<o>\"}",
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        const char *f = folder(), *g = folder();
        tokenizer a, b;
        char before[65], after[65];
        put_text(f, "vocab.txt", SPECIAL "a\n##b\n \n\na");
        put_text(f, "tokenizer_config.json", configs[i]);
        load(&a, f);
        cr_assert_eq(tokenizer_save(&a, g), ERR_OK, "%s", err_message(ERR_OK));
        load(&b, g);
        tokenizer_hash(&a, before);
        tokenizer_hash(&b, after);
        cr_assert_str_eq(before, after, "config %zu", i);
        cr_assert_eq(a.model_max_length, b.model_max_length);
        cr_assert_eq(b.model_max_length, i ? 0 : 300);
        cr_assert_eq(a.added_count, b.added_count);
        cr_assert_eq(a.truncate_left, b.truncate_left);
        tokenizer_free(&a);
        tokenizer_free(&b);
    }
}

CleanTest(tokenizer_files, hash_tells_tokenizers_apart) {
    static const struct {
        const char *vocab, *config;
        size_t bytes;
    } cases[] = {
        {SPECIAL "a\nb\n", "{\"do_lower_case\": false}", 0},
        {SPECIAL "b\na\n", "{\"do_lower_case\": false}", 0},
        {SPECIAL "ab\n\n", "{\"do_lower_case\": false}", 0},
        {SPECIAL "a\nb\n", "{\"do_lower_case\": true}", 0},
        {SPECIAL "a\nb\n", "{\"do_lower_case\": false, \"tokenize_chinese_chars\": false}", 0},
        {SPECIAL "a\nb\n", "{\"do_lower_case\": false, \"additional_special_tokens\": [\"a\"]}", 0},
    };
    enum { N = sizeof cases / sizeof *cases };
    char hex[N][65], again[65];
    tokenizer t;
    for (size_t i = 0; i < N; i++) {
        const char *f = folder();
        put_text(f, "vocab.txt", cases[i].vocab);
        put_text(f, "tokenizer_config.json", cases[i].config);
        load(&t, f);
        tokenizer_hash(&t, hex[i]);
        tokenizer_free(&t);
        for (size_t j = 0; j < i; j++) cr_assert_str_neq(hex[i], hex[j], "%zu and %zu", i, j);
    }
    const char *f = folder(); // line ends do not matter, nor who says that it is cased
    put_text(f, "vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\nb");
    load_cased(&t, f);
    tokenizer_hash(&t, again);
    cr_assert_str_eq(again, hex[0]);
    tokenizer_free(&t);
}

CleanTest(tokenizer_files, save_names_a_folder_that_is_not_there) {
    char *tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a\nb"};
    tokenizer t;
    cr_assert_eq(tokenizer_from_tokens(&t, tokens, 4, false), ERR_OK);
    cr_assert_eq(tokenizer_save(&t, temporary_path("absent")), ERR_IO);
    cr_assert_not_null(strstr(err_message(ERR_IO), "absent/vocab.txt"), "%s", err_message(ERR_IO));
    tokenizer_free(&t);
    cr_assert_eq(tokenizer_from_tokens(&t, tokens, 5, false), ERR_OK);
    cr_assert_eq(tokenizer_save(&t, temporary_path("absent")), ERR_IO);
    tokenizer_free(&t);
}

// The vocabularies of published models, with their quirks.
CleanTest(tokenizer_files, published_vocabularies) {
    static const struct {
        const char *name;
        size_t count;
        uint32_t pad, unk, cls, sep, mask;
        const char *ids; // of "이 영화"
    } cases[] = {
        {"bert-base-multilingual-cased", 119547, 0, 100, 101, 102, 103, "101 9638 42428 102"},
        {"kcbert-base", 30000, 0, 1, 2, 3, 4, NULL},
        {"koelectra", 32200, 0, 1, 2, 3, 4, NULL},
        {"kocharelectra", 11568, 0, 1, 2, 3, 4, NULL},
    };
    const char *root = need_environment("HARNESS_VOCAB");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tokenizer t;
        char *path = NULL;
        cr_assert_eq(path_join(&path, root, cases[i].name), ERR_OK);
        load_cased(&t, path);
        cr_assert_eq(t.count, cases[i].count, "%s: %zu", cases[i].name, t.count);
        cr_assert(t.pad_id == cases[i].pad && t.unk_id == cases[i].unk &&
                  t.cls_id == cases[i].cls && t.sep_id == cases[i].sep &&
                  t.mask_id == cases[i].mask);
        if (cases[i].ids) expect_ids(&t, "이 영화", cases[i].ids);
        tokenizer_free(&t);
        mem_free(path);
    }
}

// Every allocation fails once, with all files there: nothing may leak.
CleanTest(tokenizer_files, survives_lack_of_memory) {
    size_t live = mem_live_count();
    const char *f = folder(), *g = folder();
    size_t failures = 0;
    bool done = false;
    put_json(f, "{\"id\":9,\"content\":\"A B\",\"normalized\":true}", NORMALIZER, SPLITTER,
             TEMPLATE, MODEL);
    put_text(f, "tokenizer_config.json",
             "{\"do_lower_case\": true, \"pad_token\": {\"content\": \"[PAD]\"}, "
             "\"extra_special_tokens\": [\"<x>\"]}");
    put_text(f, "special_tokens_map.json", "{\"cls_token\": \"[CLS]\"}");
    for (uint64_t nth = 1; !done; nth++) {
        tokenizer t;
        mem_fail_at(nth);
        err e = tokenizer_load(&t, f, false);
        if (!e) e = tokenizer_save(&t, g);
        mem_fail_at(0);
        // cJSON does not tell a lack of memory from bad text
        cr_assert(e == ERR_OK || e == ERR_MEMORY || e == ERR_FORMAT, "%s", err_message(e));
        done = e == ERR_OK;
        failures += !done;
        tokenizer_free(&t);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)nth);
    }
    cr_assert_gt(failures, 100);
}

/* What AutoTokenizer of transformers 5.24 gave for these files, with bert as model_type. In WORDS
 * 강 is 5, 산 6, 하늘 7, A 8, a 9. */
#define WORDS SPECIAL "강\n산\n하늘\nA\na\n"
#define CASED "{\"do_lower_case\": false, \"tokenizer_class\": \"BertTokenizer\""

CleanTest(tokenizer_files, every_file_counts) {
    static const struct {
        const char *vocab, *config, *map, *added, *text, *ids;
    } cases[] = {
        {WORDS, CASED "}", NULL, "{\"[E1]\": 10, \"노을\": 11}", "하늘 [E1] 노을 a",
         "2 7 10 11 9 3"},
        {WORDS, CASED "}", "{\"additional_special_tokens\": [\"[E1]\"]}", NULL, "하늘 [E1] 노을",
         "2 7 10 1 3"},
        {WORDS, CASED ", \"eos_token\": \"[E1]\"}", NULL, NULL, "하늘 [E1]", "2 7 10 3"},
        {WORDS, CASED ", \"own_token\": \"[E1]\", \"bos_token\": \"노을\"}", NULL, NULL,
         "[E1] 노을", "2 11 10 3"},
        {WORDS, CASED ", \"own_token\": {\"content\": \"[E1]\"}}", NULL, NULL, "[E1]", "2 1 1 1 3"},
        {WORDS, CASED ", \"own_token\": {\"content\": \"[E1]\", \"__type\": \"AddedToken\"}}", NULL,
         NULL, "[E1]", "2 10 3"},
        {WORDS, CASED ", \"extra_special_tokens\": {\"x_token\": \"[E1]\", \"y\": \"노을\"}}", NULL,
         NULL, "[E1] 노을", "2 10 11 3"},
        // a config that lists the added tokens leaves the older files out
        {WORDS, CASED ", \"added_tokens_decoder\": {}}",
         "{\"additional_special_tokens\": [\"[E1]\"]}", "{\"노을\": 10}", "[E1] 노을",
         "2 1 1 1 1 3"},
        // the map goes before the config, but its list of extra tokens is appended
        {WORDS, CASED ", \"cls_token\": \"강\"}", "{\"cls_token\": \"산\"}", NULL, "a", "6 9 3"},
        {WORDS, CASED ", \"additional_special_tokens\": [\"노을\"]}",
         "{\"extra_special_tokens\": [\"[E1]\"]}", NULL, "[E1] 노을", "2 11 10 3"},
        {WORDS, CASED ", \"additional_special_tokens\": [\"노을\"]}",
         "{\"additional_special_tokens\": [\"[E1]\"]}", NULL, "[E1] 노을", "2 1 1 1 10 3"},
        {WORDS, CASED ", \"extra_special_tokens\": [], \"additional_special_tokens\": [\"[E1]\"]}",
         NULL, NULL, "[E1] a", "2 10 9 3"},
        {WORDS, CASED "}", "{\"do_lower_case\": true}", NULL, "A", "2 9 3"},
        {WORDS, CASED "}", "{\"eos_token\": {\"content\": \"[E1]\", \"rstrip\": true}}", NULL,
         "하늘 [E1] 산", "2 7 10 6 3"},
        {WORDS, CASED ", \"cls_token\": \"<s>\"}", NULL, NULL, "a", "10 9 3"},
        {WORDS, CASED ", \"eos_token\": \"[E1]\", \"additional_special_tokens\": [\"[E1]\"]}", NULL,
         NULL, "[E1] a", "2 10 9 3"},
        // by id, whatever the order in the file; an empty one is none
        {WORDS,
         CASED ", \"added_tokens_decoder\": {\"11\": {\"content\": \"[E2]\", \"special\": true}, "
               "\"10\": {\"content\": \"[E1]\", \"special\": true}, \"12\": {\"content\": \"\"}}}",
         NULL, NULL, "[E1] [E2]", "2 10 11 3"},
        // normalized: looked for in cleaned text
        {SPECIAL "산\n", "{\"do_lower_case\": true}", NULL, "{\"ENT\": 6}", "ENT ent", "2 6 6 3"},
        // of keys that are there twice the last counts
        {WORDS, "{\"do_lower_case\": true, \"do_lower_case\": false}", NULL, NULL, "A", "2 8 3"},
        // a line that is there twice leaves its first id to nobody, and its last to an added token
        {SPECIAL "강\n산\n하늘\n강\n좋다\n", CASED ", \"eos_token\": \"[E1]\"}", NULL, NULL,
         "강 좋다 [E1]", "2 8 9 9 3"},
        {SPECIAL "강\n산\n산 \n하늘\u3000\n \n\n", CASED ", \"bos_token\": \"<x>\"}", NULL, NULL,
         "강 산 하늘 <x>", "2 5 7 8 9 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder(), *g = folder();
        tokenizer t;
        put_text(f, "vocab.txt", cases[i].vocab);
        put_text(f, "tokenizer_config.json", cases[i].config);
        if (cases[i].map) put_text(f, "special_tokens_map.json", cases[i].map);
        if (cases[i].added) put_text(f, "added_tokens.json", cases[i].added);
        load(&t, f);
        expect_ids(&t, cases[i].text, cases[i].ids);
        cr_assert_eq(tokenizer_save(&t, g), ERR_OK, "%s", err_message(ERR_OK));
        tokenizer_free(&t);
        load(&t, g); // what is saved is the same
        expect_ids(&t, cases[i].text, cases[i].ids);
        tokenizer_free(&t);
    }
}

// As transformers shows it: of an id that a line and an added token share, the added token.
CleanTest(tokenizer_files, an_added_token_is_shown_where_it_shares_its_id) {
    const char *f = folder();
    tokenizer t;
    put_text(f, "vocab.txt", SPECIAL "강\n산\n하늘\n강\n좋다\n");
    put_text(f, "tokenizer_config.json", CASED ", \"eos_token\": \"[E1]\"}");
    load(&t, f);
    expect_ids(&t, "강 좋다 [E1]", "2 8 9 9 3");
    cr_assert_str_eq(tokenizer_text(&t, 9), "[E1]");
    cr_assert_str_eq(tokenizer_text(&t, 8), "강");
    tokenizer_free(&t);
}

CleanTest(tokenizer_files, the_class_may_stand_in_config_json) {
    static const struct {
        const char *model, *text, *ids; /* ids NULL: refused */
    } cases[] = {
        {"{\"model_type\": \"bert\"}", "AB", "2 5 6 3"}, // BertTokenizer, which lower-cases
        {"{\"model_type\": \"bert\", \"tokenizer_class\": \"OwnTokenizer\"}", "AB ab", "2 1 5 6 3"},
        {"{\"tokenizer_class\": \"XLMRobertaTokenizer\"}", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder();
        tokenizer t;
        put_json(f, "", NORMALIZER, SPLITTER, PROCESSOR, MODEL);
        put_text(f, "config.json", cases[i].model);
        if (!cases[i].ids) {
            refuse(f, ERR_UNSUPPORTED, "(such as BertTokenizer)");
            continue;
        }
        load(&t, f);
        expect_ids(&t, cases[i].text, cases[i].ids);
        tokenizer_free(&t);
    }
    const char *f = folder();
    put_text(f, "vocab.txt", SPECIAL);
    put_text(f, "config.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    refuse(f, ERR_FORMAT, "config.json: a Git LFS pointer, not the file: run `git lfs pull`");
}

CleanTest(tokenizer_files, cased_is_said_where_files_do_not) {
    const char *f = folder();
    tokenizer t;
    put_text(f, "vocab.txt", WORDS);
    load(&t, f);
    expect_ids(&t, "A 하늘", "2 9 1 3");
    tokenizer_free(&t);
    load_cased(&t, f);
    expect_ids(&t, "A 하늘", "2 8 7 3");
    tokenizer_free(&t);
    put_text(f, "tokenizer_config.json", "{\"do_lower_case\": true}");
    cr_assert_eq(tokenizer_load(&t, f, true), ERR_USAGE);
    cr_assert_not_null(
        strstr(err_message(ERR_USAGE), "do_lower_case is true, but a cased model was asked for"));
}

CleanTest(tokenizer_files, the_left_side_is_cut) {
    static const struct {
        const char *a, *b;
        size_t length;
        const char *ids;
    } cases[] = {
        {"강 산 하늘 A a", NULL, 4, "2 8 9 3"},
        {"강 산 하늘 A a", "강 A a", 6, "2 8 9 3 9 3"},
        {"강 산 하늘", "강 A a 강 산", 7, "2 6 7 3 5 6 3"},
        {"강", "a", 7, "2 5 3 9 3"},
    };
    const char *f = folder();
    tokenizer t;
    encoding e = {0};
    put_text(f, "vocab.txt", WORDS);
    put_text(f, "tokenizer_config.json", CASED ", \"truncation_side\": \"left\"}");
    load(&t, f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *b = cases[i].b;
        char got[200] = "";
        cr_assert_eq(tokenizer_encode_pair(&t, &e, cases[i].a, strlen(cases[i].a), b,
                                           b ? strlen(b) : 0, cases[i].length),
                     ERR_OK);
        for (size_t k = 0, n = 0; k < e.count; k++)
            n += (size_t)snprintf(got + n, sizeof got - n, "%s%u", k ? " " : "", e.ids[k]);
        cr_assert_str_eq(got, cases[i].ids);
    }
    encoding_free(&e);
    tokenizer_free(&t);
}

// What vocab.txt and BertTokenizer cannot say goes into a tokenizer.json.
CleanTest(tokenizer_files, saved_with_a_tokenizer_json_where_need_be) {
    static const struct {
        const char *added, *normalizer, *model, *text, *ids;
    } cases[] = {
        {"", "{\"type\":\"BertNormalizer\",\"clean_text\":false,\"lowercase\":false}", MODEL,
         "a\u00AD a", "2 1 5 3"},
        {"{\"id\":3,\"content\":\"[SEP]\",\"special\":true}", NORMALIZER,
         "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"max_input_chars_per_word\":2," VOCAB
         "}",
         "ab abb [SEP]", "2 5 6 1 3 3"},
        {"", NORMALIZER,
         "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,"
         "\"[CLS]\":2,\"[SEP]\":3,\"a\":7,\"b\\n\":8,\"\\u0000\":9}}",
         "a b", "2 7 1 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *f = folder(), *g = folder();
        tokenizer t;
        size_t files = 0;
        char before[65], after[65];
        put_json(f, cases[i].added, cases[i].normalizer, SPLITTER, PROCESSOR, cases[i].model);
        for (int round = 0; round < 2; round++) {
            load(&t, round ? g : f);
            expect_ids(&t, cases[i].text, cases[i].ids);
            tokenizer_hash(&t, round ? after : before);
            (void)tokenizer_saved_files(&t, &files);
            cr_assert_eq(files, 4);
            if (!round) cr_assert_eq(tokenizer_save(&t, g), ERR_OK, "%s", err_message(ERR_OK));
            tokenizer_free(&t);
        }
        cr_assert_str_eq(before, after);
    }
}

// 40,000 added tokens took 31 s.
CleanTest(tokenizer_files, many_added_tokens_are_no_burden) {
    enum { MANY = 40000 };
    strbuf b = {0};
    const char *f = folder();
    tokenizer t;
    char hex[65];
    cr_assert_eq(strbuf_add(&b, CASED ", \"added_tokens_decoder\": {"), ERR_OK);
    for (int i = 0; i < MANY; i++) {
        err e = strbuf_printf(&b, "%s\"%d\": {\"content\": \"[E%d]\", \"special\": %s}",
                              i ? "," : "", 10 + i, i, i % 2 ? "true" : "false");
        cr_assert_eq(e, ERR_OK);
    }
    cr_assert_eq(strbuf_add(&b, "}}"), ERR_OK);
    put_text(f, "vocab.txt", WORDS);
    put_text(f, "tokenizer_config.json", b.text);
    strbuf_free(&b);
    double begin = clock_seconds();
    load(&t, f);
    tokenizer_hash(&t, hex);
    expect_ids(&t, "[E0] [E39999] [E40000]", "2 10 40009 1 1 1 3");
    cr_assert_eq(t.count, 10 + MANY);
    cr_assert_eq(tokenizer_save(&t, folder()), ERR_OK);
    tokenizer_free(&t);
    cr_assert_lt(clock_seconds() - begin, 20); // a second when nothing else runs
    put_text(f, "tokenizer_config.json", CASED ", \"eos_token\": \"[E1]\"}");
    load(&t, f);
    tokenizer_free(&t);
}
