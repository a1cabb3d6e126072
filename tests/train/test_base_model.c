/* What a preset's tokenizer learns from. */
#include "support/must.h"
#include "train/run/base_model.h"

#include <criterion/criterion.h>
#include <string.h>

static bool knows(const tokenizer *t, const char *word) {
    bool found = false;
    for (size_t i = 0; i < t->count && !found; i++) found = !strcmp(t->tokens[i], word);
    return found;
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
