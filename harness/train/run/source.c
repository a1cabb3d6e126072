#include "train/run/source.h"

#include "base/memory.h"
#include "base/sums.h"
#include "net/hub.h"
#include "platform/file.h"
#include "text/unicode.h"
#include "text/vocab_train.h"

#include <string.h>

static err train_words(source *s, const dataset_split *train) {
    text_span *texts = NULL;
    size_t count = 0;
    err e = mem_new(&texts, train->row_count);
    if (e) return e;
    for (size_t i = 0; i < train->row_count; i++)
        if (train->rows[i].kept) texts[count++] = train->rows[i].example.texts[0];
    e = vocab_train(&s->words, texts, count, &(vocab_options){.size = BERT_PRESET_VOCABULARY});
    mem_free(texts);
    return e;
}

/* What the tokenizer's files say, but never more than the model has positions for. A saved folder
 * tells transformers where to cut. */
static void set_length(source *s) {
    size_t *most = &s->words.model_max_length;
    if (!*most || *most > s->config.positions) *most = s->config.positions;
}

static err open_preset(source *s, const char *model, const dataset_split *train) {
    err e = mem_strdup(&s->name, model);
    if (e || (e = train_words(s, train))) return e;
    tokenizer_hash(&s->words, s->vocab_sha256);
    e = bert_config_preset(&s->config, model, (uint32_t)s->words.count);
    if (!e) set_length(s);
    return e;
}

/* folder without trailing slashes, or the model in it when it is a run's output folder. */
static err choose_folder(source *s, const char *folder) {
    char *inner = NULL, *config = NULL;
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    err e = mem_strndup(&s->folder, folder, n);
    if (!e) e = mem_strdup(&s->name, path_name(s->folder));
    if (!e) e = path_join(&inner, s->folder, "model");
    if (!e) e = path_join(&config, inner, "config.json");
    if (!e && file_exists(config)) {
        mem_free(s->folder);
        s->folder = inner;
        inner = NULL;
    }
    mem_free(inner);
    mem_free(config);
    return e;
}

err source_open_folder(source *s, const char *folder) {
    char *path = NULL;
    *s = (source){0};
    err e = choose_folder(s, folder);
    if (e || (e = sums_check(s->folder, NULL))) return e;
    if ((e = path_join(&path, s->folder, "config.json"))) return e;
    e = bert_config_read(&s->config, path);
    mem_free(path);
    if (e || (e = tokenizer_load(&s->words, s->folder))) return e;
    tokenizer_hash(&s->words, s->vocab_sha256);
    if (s->words.count > s->config.vocabulary)
        return err_set(ERR_DATA, "%s: the tokenizer has %zu tokens, the model's vocab_size is %u",
                       folder, s->words.count, s->config.vocabulary);
    set_length(s);
    return ERR_OK;
}

static const char *near_preset(const char *model) {
    static const char *const presets[] = {
#define X(name, layers, hidden, heads) #name,
        BERT_PRESETS(X)
#undef X
    };
    return text_nearest(model, presets, sizeof presets / sizeof *presets);
}

/* A name that is neither a preset nor a folder here: one of the hub, or a mistake. */
static err open_hub(source *s, const char *model, bool offline) {
    const char *near = near_preset(model);
    char *folder = NULL;
    // a misspelt preset has the form of a hub name too: no reason to ask the network
    if (near && !strchr(model, '/'))
        return err_set(ERR_USAGE, "unknown model '%s'; did you mean '%s'? (presets: %s)", model,
                       near, bert_preset_names());
    if (!hub_is_name(model))
        return err_set(ERR_USAGE,
                       "unknown model '%s': neither a preset (%s), nor a folder, nor a hub name",
                       model, bert_preset_names());
    err e = hub_model(&folder, model, offline);
    if (!e) e = source_open_folder(s, folder);
    if (!e) {
        mem_free(s->name);
        s->name = NULL;
        e = mem_strdup(&s->name, model);
    }
    mem_free(folder);
    return e;
}

err source_open(source *s, const char *model, const dataset_split *train, bool offline) {
    *s = (source){0};
    if (bert_preset_known(model)) return open_preset(s, model, train);
    if (folder_exists(model)) return source_open_folder(s, model);
    return open_hub(s, model, offline);
}

void source_free(source *s) {
    mem_free(s->name);
    mem_free(s->folder);
    bert_config_free(&s->config);
    tokenizer_free(&s->words);
    *s = (source){0};
}

uint32_t source_max_length(const source *s, uint32_t wanted, uint32_t fallback) {
    uint32_t length = wanted ? wanted : fallback;
    if (length > s->config.positions) length = s->config.positions;
    if (s->words.model_max_length && length > s->words.model_max_length)
        length = (uint32_t)s->words.model_max_length;
    return length;
}
