/* What a model was pretrained on: from the record beside it into that of a run, and never from a
 * damaged one. */
#include "base/memory.h"
#include "platform/file.h"
#include "result/record.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"
#include "train/run/model_corpus.h"

#include <stdio.h>

TestSuite(model_corpus, .fini = nothing_left);

#define CORPUS                                                                                     \
    "\"corpus\": {\"corpus\": \"reviews\", \"corpus_sha256\": \"ab\", \"licence\": \"CC0-1.0\", "  \
    "\"source\": \"https://example.org/x (all)\", \"tasks\": [{\"task\": \"nsmc\", \"at_hand\": "  \
    "true}, {\"task\": \"kor_hate\", \"at_hand\": false}]}"
#define PRETRAINING "{\"kind\": \"pretraining\", " CORPUS "}"
/* One that went on from a model which has itself gone on. */
#define ONWARD                                                                                     \
    "{\"kind\": \"pretraining\", \"model\": {\"corpus\": {\"name\": \"news\", \"sha256\": "        \
    "\"cd\", "                                                                                     \
    "\"source\": \"https://example.org/y\", \"left_out\": [\"%s\"], \"before\": [{\"name\": "      \
    "\"first\", \"sha256\": \"ef\", \"source\": \"https://example.org/z here\"}]}}, " CORPUS "}"

static cJSON *read_of(const char *folder) {
    cJSON *o = NULL;
    MUST(model_corpus_read(&o, temporary_path(folder)));
    return o;
}

Test(model_corpus, is_read_beside_the_model_and_above_it) {
    MUST(folder_make(temporary_path("run/model")));
    MUST(folder_make(temporary_path("run/other")));
    MUST(folder_make(temporary_path("run/checkpoint-4")));
    temporary_put("run/record.json", PRETRAINING);
    cr_assert_null(read_of("run/other"));
    cJSON *o = read_of("run/checkpoint-4");
    cr_assert_not_null(o);
    cJSON_Delete(o);
    o = read_of("run/model");
    cr_assert_not_null(o);
    cr_assert_str_eq(cJSON_GetObjectItem(o, "name")->valuestring, "reviews");
    cr_assert(model_corpus_leaves_out(o, "nsmc"));
    cr_assert_not(model_corpus_leaves_out(o, "kor_hate"), "its data were not at hand");
    cr_assert(model_corpus_same_source(o, "https://example.org/x"));
    cr_assert_not(model_corpus_same_source(o, "https://example.org/xy"));
    cr_assert_not(model_corpus_same_source(o, NULL));
    cJSON_Delete(o);
    // a record beside the model goes before that of the run
    temporary_put("run/model/record.json",
                  "{\"model\": {\"corpus\": {\"name\": \"own\", \"sha256\": \"\", "
                  "\"left_out\": [], \"same_source\": true}}}");
    o = read_of("run/model");
    cr_assert_str_eq(cJSON_GetObjectItem(o, "name")->valuestring, "own");
    cJSON_Delete(o);
}

Test(model_corpus, of_a_pretraining_that_went_on_is_that_of_all) {
    char text[900];
    for (int same = 0; same < 2; same++) {
        strbuf names = {0};
        snprintf(text, sizeof text, ONWARD, same ? "nsmc" : "kor_sae");
        temporary_put("record.json", text);
        cJSON *o = read_of(".");
        cr_assert_not_null(o);
        MUST(model_corpus_names(&names, o));
        cr_expect_str_eq(names.text, "first + news + reviews");
        cr_expect_str_eq(json_text_at(o, "sha256"), "ab");
        cr_expect_eq(model_corpus_leaves_out(o, "nsmc"), same, "left out of one alone");
        cr_expect_not(model_corpus_leaves_out(o, "kor_sae"));
        cr_expect(model_corpus_same_source(o, "https://example.org/x"));
        cr_expect(model_corpus_same_source(o, "https://example.org/y (all)"));
        cr_expect(model_corpus_same_source(o, "https://example.org/z"));
        cr_expect_not(model_corpus_same_source(o, "https://example.org/"));
        strbuf_free(&names);
        cJSON_Delete(o);
    }
}

Test(model_corpus, of_what_is_no_such_record_there_is_none) {
    static const char *const list[] = {
        "",
        "no JSON",
        "[1]",
        "{}",
        "{\"kind\": 7, " CORPUS "}",
        "{\"kind\": \"pretraining\"}",
        "{\"kind\": \"pretraining\", \"corpus\": []}",
        "{\"kind\": \"pretraining\", \"corpus\": {\"corpus\": 1}}",
        "{\"kind\": \"pretraining\", \"corpus\": {\"corpus\": \"a\", \"corpus_sha256\": \"b\"}}",
        "{\"kind\": \"pretraining\", \"corpus\": {\"corpus\": \"a\", \"corpus_sha256\": \"b\", "
        "\"tasks\": [7]}}",
        "{\"kind\": \"pretraining\", \"corpus\": {\"corpus\": \"a\", \"corpus_sha256\": \"b\", "
        "\"source\": [], \"tasks\": []}}",
        "{\"kind\": \"pretraining\", \"model\": {\"corpus\": 3}, " CORPUS "}",
        "{\"kind\": \"pretraining\", \"model\": {\"corpus\": {\"name\": \"a\"}}, " CORPUS "}",
        "{\"model\": 3}",
        "{\"model\": {\"corpus\": {\"name\": \"a\", \"sha256\": \"b\", \"left_out\": [], "
        "\"before\": {}}}}",
        "{\"model\": {\"corpus\": {\"name\": \"a\", \"sha256\": \"b\", \"left_out\": [], "
        "\"before\": [7]}}}",
        "{\"model\": {\"corpus\": 3}}",
        "{\"model\": {\"corpus\": {\"name\": \"a\", \"sha256\": \"b\", \"left_out\": [{}]}}}",
    };
    MUST(folder_make(temporary_path("m")));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        temporary_put("m/record.json", list[i]);
        cr_expect_null(read_of("m"), "%zu", i);
    }
}

Test(model_corpus, too_long_texts_and_lists_are_refused) {
    cJSON *o = NULL;
    strbuf text = {0};
    MUST(strbuf_add(&text, "{\"name\": \"a\", \"sha256\": \"b\", \"left_out\": [\"t\""));
    for (int i = 0; i < MODEL_CORPUS_TASKS; i++) MUST(strbuf_add(&text, ",\"t\""));
    MUST(strbuf_add(&text, "]}"));
    MUST(json_parse(&o, text.text, text.length, "list"));
    MUST_FAIL(model_corpus_check(o, "x"), ERR_FORMAT, "left_out has 1025 tasks");
    cJSON_Delete(o);
    text.length = 0;
    MUST(strbuf_add(&text,
                    "{\"name\": \"a\", \"sha256\": \"b\", \"left_out\": [], \"before\": [{}"));
    for (int i = 0; i < MODEL_CORPUS_TASKS; i++) MUST(strbuf_add(&text, ",{}"));
    MUST(strbuf_add(&text, "]}"));
    MUST(json_parse(&o, text.text, text.length, "before"));
    MUST_FAIL(model_corpus_check(o, "x"), ERR_FORMAT, "before has 1025 corpora");
    cJSON_Delete(o);
    text.length = 0;
    MUST(strbuf_add(&text, "{\"sha256\": \"b\", \"left_out\": [], \"name\": \""));
    for (int i = 0; i <= MODEL_CORPUS_TEXT_BYTES; i++) MUST(strbuf_add(&text, "a"));
    MUST(strbuf_add(&text, "\"}"));
    MUST(json_parse(&o, text.text, text.length, "name"));
    MUST_FAIL(model_corpus_check(o, "x"), ERR_FORMAT, "name has 4097 bytes");
    cJSON_Delete(o);
    strbuf_free(&text);
}

/* Written and read again; without one as older records are. */
Test(model_corpus, stands_in_the_record_of_a_run) {
    record a, b, old;
    const char *path = temporary_path("a.json");
    fake_record_make(&a, &(fake_record){.right = 0.5});
    MUST(record_write(&a, path));
    MUST(record_read(&old, path));
    cr_assert_null(old.model.corpus);
    temporary_put("record.json", PRETRAINING);
    MUST(model_corpus_read(&a.model.corpus, temporary_folder()));
    cJSON_ReplaceItemInObject(a.model.corpus, "sha256", cJSON_CreateString(a.model.vocab_sha256));
    a.model.corpus_is_source = true;
    MUST(record_write(&a, path));
    MUST(record_read(&b, path));
    cr_assert(b.model.corpus_is_source);
    cr_assert(cJSON_Compare(a.model.corpus, b.model.corpus, true));
    // and beside a model that began from it, the corpus is still known
    MUST(record_write(&a, temporary_path("record.json")));
    cJSON *o = read_of(".");
    cr_assert(model_corpus_leaves_out(o, "nsmc"));
    cJSON_Delete(o);
    record_free(&a);
    record_free(&b);
    record_free(&old);
}
