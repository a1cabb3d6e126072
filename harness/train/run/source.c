#include "train/run/source.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/sums.h"
#include "model/weights/weights.h"
#include "net/hub.h"
#include "platform/file.h"
#include "text/unicode.h"
#include "text/vocab_train.h"
#include "train/checkpoint/marker.h"

#include <string.h>

static err train_words(source *s, const dataset_split *train) {
    text_span *texts = NULL;
    size_t count = 0;
    err e = mem_new(&texts, train->row_count * EXAMPLE_TEXTS_MAX);
    if (e) return e;
    for (size_t i = 0; i < train->row_count; i++)
        for (uint32_t k = 0; train->rows[i].kept && k < train->rows[i].example.text_count; k++)
            texts[count++] = train->rows[i].example.texts[k];
    e = vocab_train(&s->words, texts, count, &(vocab_options){.size = MODEL_PRESET_VOCABULARY});
    mem_free(texts);
    return e;
}

/* Holds the tokenizer to its model: no sentence is longer than the model has positions for,
 * whatever the tokenizer's files say, and a saved folder tells transformers so. */
static void fit_words(source *s) {
    s->words.gives_no_types = s->config.types < 2;
    size_t *most = &s->words.model_max_length, longest = model_config_longest(&s->config);
    if (!*most || *most > longest) *most = longest;
}

static err open_preset(source *s, const char *model, const encoder_family *family,
                       const dataset_split *train) {
    err e = model_preset_title(&s->name, model, family);
    if (e || (e = train_words(s, train))) return e;
    tokenizer_hash(&s->words, s->vocab_sha256);
    e = model_config_preset_as(&s->config, model, family, (uint32_t)s->words.count);
    if (!e) fit_words(s);
    return e;
}

err source_locate(char **folder, char **name, const char *path) {
    char *inner = NULL, *config = NULL, *own = NULL;
    size_t n = strlen(path);
    *folder = *name = NULL;
    while (n > 1 && path[n - 1] == '/') n--;
    err e = mem_strndup(folder, path, n);
    if (!e) e = mem_strdup(&own, path_name(*folder));
    if (!e) e = path_join(&inner, *folder, "model");
    if (!e) e = path_join(&config, inner, "config.json");
    if (!e && file_exists(config)) {
        mem_free(*folder);
        *folder = inner;
        inner = NULL;
    }
    if (!e) e = marker_model_name(name, *folder);
    if (!e && !*name) {
        *name = own;
        own = NULL;
    }
    mem_free(own);
    mem_free(inner);
    mem_free(config);
    return e;
}

/* A folder without config.json: a run that was stopped keeps models in its checkpoints alone. */
static err no_model(const char *folder) {
    char *path = NULL;
    err e = path_join(&path, folder, "unfinished.json");
    if (!e && file_exists(path))
        e = err_set(
            ERR_DATA,
            "%s: the run there is not finished: its `harness run` goes on with --resume, and "
            "each checkpoint-N in it is a model folder",
            folder);
    else if (!e)
        e = err_set(ERR_DATA, "%s: no model folder: no config.json in it", folder);
    mem_free(path);
    return e;
}

err source_open_folder(source *s, const char *folder, const source_options *options) {
    char *path = NULL;
    *s = (source){0};
    err e = source_locate(&s->folder, &s->name, folder);
    if (e || (e = sums_check(s->folder, NULL))) return e;
    if ((e = path_join(&path, s->folder, "config.json"))) return e;
    e = file_exists(path) ? model_config_read(&s->config, path) : no_model(s->folder);
    mem_free(path);
    if (!e && !options->from_scratch)
        e = weights_promise(&s->classifier_rows, &s->config, s->folder);
    if (e || (e = tokenizer_load(&s->words, s->folder, options->cased))) return e;
    tokenizer_hash(&s->words, s->vocab_sha256);
    if (s->words.count > s->config.vocabulary)
        return err_set(ERR_DATA, "%s: the tokenizer has %zu tokens, the model's vocab_size is %u",
                       folder, s->words.count, s->config.vocabulary);
    fit_words(s);
    return ERR_OK;
}

static const char *near_preset(const char *model) {
    static const char *const presets[] = {
#define X(name, layers, hidden, heads) #name,
        MODEL_PRESETS(X)
#undef X
    };
    return text_nearest(model, presets, sizeof presets / sizeof *presets);
}

/* A name that is neither a preset nor a folder here: one of the hub, or a mistake. */
static err open_hub(source *s, const char *model, const source_options *options) {
    const char *near = near_preset(model);
    char *folder = NULL;
    // a misspelt preset has the form of a hub name too: no reason to ask the network
    if (near && !strchr(model, '/'))
        return err_set(ERR_USAGE, "unknown model '%s'; did you mean '%s'? (presets: %s)", model,
                       near, model_preset_names());
    if (!hub_is_name(model))
        return err_set(ERR_USAGE,
                       "unknown model '%s': neither a preset (%s), nor a folder, nor a hub name",
                       model, model_preset_names());
    err e = hub_model(&folder, model, options->offline);
    if (!e) e = source_open_folder(s, folder, options);
    if (!e) {
        mem_free(s->name);
        s->name = NULL;
        e = mem_strdup(&s->name, model);
    }
    mem_free(folder);
    return e;
}

err source_open(source *s, const char *model, const dataset_split *train,
                const source_options *options) {
    *s = (source){0};
    if (model_preset_known(model))
        return open_preset(s, model, options->arch ? options->arch : &encoder_bert, train);
    if (folder_exists(model)) return source_open_folder(s, model, options);
    return open_hub(s, model, options);
}

void source_free(source *s) {
    mem_free(s->name);
    mem_free(s->folder);
    model_config_free(&s->config);
    tokenizer_free(&s->words);
    mem_free(s->label_rows);
    *s = (source){0};
}

uint32_t source_max_length(const source *s, uint32_t wanted, uint32_t fallback) {
    uint32_t length = wanted ? wanted : fallback;
    if (length > model_config_longest(&s->config)) length = model_config_longest(&s->config);
    if (s->words.model_max_length && length > s->words.model_max_length)
        length = (uint32_t)s->words.model_max_length;
    if (wanted > length)
        log_warn("max_length is %u, the model takes %u tokens: %u it is", wanted, length, length);
    return length;
}
