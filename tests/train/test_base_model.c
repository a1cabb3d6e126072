/* What a preset's tokenizer learns from. */
#include "base/json.h"
#include "base/memory.h"
#include "base/sums.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"
#include "train/evaluate/encode.h"
#include "train/run/base_model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool knows(const tokenizer *t, const char *word) {
    bool found = false;
    for (size_t i = 0; i < t->count && !found; i++) found = !strcmp(t->tokens[i], word);
    return found;
}

/* Weights that are drawn anew need not be there. */
Test(base_model, a_shape_alone_serves_to_begin_with) {
    const char *folder = temporary_path("shape");
    model_folder_make(folder, NULL, 2, NULL);
    MUST(file_remove(temporary_path("shape/model.safetensors")));
    MUST(sums_remove(folder));
    for (int scratch = 0; scratch < 2; scratch++) {
        base_model m = {0};
        err e = base_model_open_folder(&m, folder, &(base_model_options){.from_scratch = scratch});
        cr_expect_eq(!e, scratch, "%s", err_message(e));
        err_clear();
        base_model_free(&m);
    }
}

/* A folder's name is its last one, however it is written. */
Test(base_model, is_named_after_its_folder) {
    static const char *const written[] = {"shape", "shape/", "shape///", "shape/."};
    model_folder_make(temporary_path("shape"), NULL, 2, NULL);
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        base_model m = {0};
        MUST(base_model_open_folder(&m, temporary_path(written[i]), &(base_model_options){0}));
        cr_expect_str_eq(m.name, "shape", "%s: %s", written[i], m.name);
        base_model_free(&m);
    }
}

/* Rows that training leaves out teach nothing. */
Test(base_model, words_come_from_the_rows_that_are_kept) {
    static const char *const texts[] = {"가나 가나", "하하 하하", "다라 다라"};
    dataset_row rows[3] = {{.kept = true}, {.kept = false}, {.kept = true}};
    dataset_split train = {.rows = rows, .row_count = 3, .kept_count = 2};
    base_model m = {0};
    for (int i = 0; i < 3; i++)
        rows[i].example = (example){.texts = {{texts[i], strlen(texts[i])}}, .text_count = 1};
    MUST(base_model_open(&m, "tiny", &train, &(base_model_options){.offline = true}));
    cr_expect(knows(&m.tokenizer, "가나") && knows(&m.tokenizer, "다라"));
    cr_expect_not(knows(&m.tokenizer, "하") || knows(&m.tokenizer, "하하"));
    base_model_free(&m);
}

static err open_folder(const char *folder) {
    base_model m = {0};
    err e = base_model_open_folder(&m, folder, &(base_model_options){.from_scratch = true});
    base_model_free(&m);
    return e;
}

/* A table may have rows for more tokens than there are, but not for far more. */
Test(base_model, a_vocabulary_that_was_cut_off_is_told) {
    const char *folder = temporary_path("shape"), *path = temporary_path("shape/config.json");
    model_folder_make(folder, NULL, 2, NULL);
    MUST(sums_remove(folder));
    base_model m = {0};
    MUST(base_model_open_folder(&m, folder, &(base_model_options){.from_scratch = true}));
    size_t count = m.tokenizer.count;
    base_model_free(&m);
    for (size_t rows = count + 127; rows <= count + 128; rows++) {
        char expected[100];
        cJSON *config = NULL;
        MUST(json_read(&config, path, 0));
        cJSON_SetNumberValue(cJSON_GetObjectItem(config, "vocab_size"), (double)rows);
        MUST(json_write(path, config));
        cJSON_Delete(config);
        said_begin();
        MUST(open_folder(folder));
        char *said = said_end();
        snprintf(expected, sizeof expected, "has %zu tokens, the model has rows for %zu: was",
                 count, rows);
        cr_expect_eq(strstr(said, expected) != NULL, rows == count + 128, "%s", said);
        mem_free(said);
    }
}

Test(base_model, what_stands_for_a_file_is_named) {
    const char *folder = temporary_path("shape"), *path = temporary_path("shape/config.json");
    model_folder_make(folder, NULL, 2, NULL);
    MUST(sums_remove(folder));
    MUST(file_write(temporary_path("shape/vocab.txt"), "", 0));
    MUST_FAIL(open_folder(folder), ERR_FORMAT,
              "shape/vocab.txt: has no token, expected one a line");
    MUST(file_remove(path));
    MUST_FAIL(open_folder(folder), ERR_DATA, "shape: no model folder: no config.json in it");
    MUST(folder_make(path));
    MUST_FAIL(open_folder(folder), ERR_DATA, "config.json in it is a folder, not a file");
}

/* Texts count from 1, as those of the other verbs do. */
Test(base_model, a_text_that_has_no_room_is_named) {
    const char *folder = temporary_path("shape");
    model_folder_make(folder, NULL, 2, NULL);
    base_model m = {0};
    encoded rows;
    const example texts[] = {{.texts = {{"a", 1}}, .text_count = 1}};
    MUST(base_model_open_folder(&m, folder, &(base_model_options){0}));
    MUST_FAIL(encode_examples(&rows, &m.tokenizer, texts, 1, 1), ERR_ARG,
              "text 1: a maximum length of 1 leaves no room");
    encoded_free(&rows);
    base_model_free(&m);
}
