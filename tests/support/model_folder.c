#include "support/model_folder.h"

#include "base/memory.h"
#include "base/sums.h"
#include "platform/file.h"
#include "support/must.h"
#include "text/tokenizer.h"
#include "train/checkpoint/checkpoint.h"

static void make_words(tokenizer *words, const char *vocab) {
    static const char *const tokens[] = {
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영", "화", "좋", "다", "나",
        "##영",  "##화",  "##좋",  "##다",  "##나",   "a",  "b",  ".",  "!",  "##a",
    };
    char *list[sizeof tokens / sizeof *tokens];
    if (vocab) {
        MUST(tokenizer_load(words, vocab, true));
        return;
    }
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        MUST(mem_strdup(&list[i], tokens[i]));
    MUST(tokenizer_from_tokens(words, list, sizeof tokens / sizeof *tokens, false));
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) mem_free(list[i]);
}

void model_folder_make(const char *folder, const char *const *labels, uint32_t classes,
                       const char *vocab) {
    model_folder_make_family(folder, labels, classes, vocab, &encoder_bert);
}

void model_folder_make_family(const char *folder, const char *const *labels, uint32_t classes,
                              const char *vocab, const encoder_family *family) {
    tokenizer words;
    model_config c;
    device d;
    struct model m;
    make_words(&words, vocab);
    words.model_max_length = 32;
    MUST(model_config_preset(&c, "tiny", (uint32_t)words.count));
    c.family = family;
    c.types = family->types_least;
    c.embedding = family->projects ? 6 : 0;
    c.layers = family->shares_layers ? 3 : 1;
    c.hidden = 8;
    c.heads = 2;
    c.intermediate = 16;
    c.positions = family->positions_follow_pad ? 33 : 32;
    c.classes = classes;
    if (labels) MUST(model_config_set_labels(&c, labels, classes));
    MUST(device_open_named(&d, "reference", NULL));
    MUST(model_init(&m, &d, &c, 0));
    // wide enough that sentences get scores of their own
    MUST(params_draw(&m.params, 3, 1.0f, NULL));
    MUST(model_folder_write(folder, &m, &words));
    MUST(sums_remove(folder)); // tests change the files
    model_free(&m);
    device_close(&d);
    model_config_free(&c);
    tokenizer_free(&words);
}

void model_folder_copy(const char *to, const char *from) {
    folder_list list = {0};
    MUST(folder_make(to));
    MUST(folder_list_read(&list, from));
    for (size_t i = 0; i < list.count; i++) {
        char *source = NULL, *target = NULL;
        void *bytes = NULL;
        size_t count = 0;
        MUST(path_join(&source, from, list.names[i]));
        MUST(path_join(&target, to, list.names[i]));
        MUST(file_read(&bytes, &count, source, 0));
        MUST(file_write_quick(target, bytes, count));
        mem_free(source);
        mem_free(target);
        mem_free(bytes);
    }
    folder_list_free(&list);
}

void model_folder_edit(const char *folder, const char *name, const char *from, const char *to) {
    char *path = NULL, *text = NULL, *changed = NULL;
    size_t count = 0;
    MUST(path_join(&path, folder, name));
    MUST(file_read((void **)&text, &count, path, 0));
    char *at = strstr(text, from);
    cr_assert_not_null(at, "no '%s' in %s: %s", from, path, text);
    MUST(mem_printf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    MUST(file_write(path, changed, strlen(changed)));
    mem_free(path);
    mem_free(text);
    mem_free(changed);
}
