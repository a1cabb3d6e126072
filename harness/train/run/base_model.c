#include "train/run/base_model.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/sums.h"
#include "model/encoder/family.h"
#include "model/weights/weights.h"
#include "net/hub.h"
#include "platform/file.h"
#include "text/markers.h"
#include "text/unicode.h"
#include "text/vocab_train.h"
#include "train/checkpoint/marker.h"
#include "train/run/model_corpus.h"
#include "train/run/shipped.h"

#include <string.h>

/* Tables have rows up to the next multiple of this at most, for the sake of speed. */
enum { VOCABULARY_PADDING = 128 };

enum { NEAR_FOLDERS_MAX = 200 };

static err train_words(base_model *s, const dataset_split *train, bool marked) {
    text_span *texts = NULL;
    size_t count = 0;
    err e = mem_new(&texts, train->row_count * (marked ? MARKER_COUNT + 1 : EXAMPLE_TEXTS_MAX));
    if (e) return e;
    for (size_t i = 0; i < train->row_count; i++) {
        const example *x = &train->rows[i].example;
        if (!train->rows[i].kept) continue;
        if (marked) count += markers_cut(texts + count, x->texts[0]);
        for (uint32_t k = 0; !marked && k < x->text_count; k++) texts[count++] = x->texts[k];
    }
    e = vocab_train(&s->tokenizer, texts, count, &(vocab_options){.size = MODEL_PRESET_VOCABULARY});
    mem_free(texts);
    return e;
}

/* Holds the tokenizer to its model: no sentence is longer than the model has positions for,
 * whatever the tokenizer's files say, and a saved folder tells transformers so. */
static void fit_words(base_model *s) {
    s->tokenizer.gives_no_types = s->config.types < 2;
    size_t *most = &s->tokenizer.model_max_length, longest = model_config_longest(&s->config);
    if (!*most || *most > longest) *most = longest;
}

static err open_preset(base_model *s, const char *model, const base_model_options *options,
                       const dataset_split *train) {
    const encoder_family *family = options->arch ? options->arch : &encoder_bert;
    err e = model_preset_title(&s->name, model, family);
    if (e || (e = train_words(s, train, options->marked))) return e;
    tokenizer_hash(&s->tokenizer, s->vocab_sha256);
    e = model_config_preset_as(&s->config, model, family, (uint32_t)s->tokenizer.count);
    if (!e) fit_words(s);
    return e;
}

err base_model_open_vocab(base_model *s, const char *preset, const encoder_family *arch,
                          const char *vocab) {
    *s = (base_model){0};
    const encoder_family *family = arch ? arch : &encoder_bert;
    err e = model_preset_title(&s->name, preset, family);
    if (e || (e = tokenizer_load(&s->tokenizer, vocab, file_exists(vocab)))) return e;
    tokenizer_hash(&s->tokenizer, s->vocab_sha256);
    e = model_config_preset_as(&s->config, preset, family, (uint32_t)s->tokenizer.count);
    if (!e) fit_words(s);
    return e;
}

/* The folder that holds the model when `path` is a folder: itself without trailing slashes, or the
 * model in a run's output folder; and what records call it: what its run says it began from
 * ("tiny-kor_hate"; marker_model_name), else the name of the folder given. Both are owned. */
static err base_model_locate(char **folder, char **name, const char *path) {
    char *inner = NULL, *own = NULL, config[PATH_MAX];
    size_t n = strlen(path);
    *folder = *name = NULL;
    while (n > 1 && path[n - 1] == '/') n--;
    err e = mem_strndup(folder, path, n);
    if (!e) e = path_real_name(&own, *folder);
    if (!e) e = path_join(&inner, *folder, "model");
    if (!e) e = path_in(config, inner, "config.json");
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
    return e;
}

/* A folder without config.json: a run that was stopped keeps models in its checkpoints alone. */
static err no_model(const char *folder) {
    char path[PATH_MAX];
    err e = path_in(path, folder, "config.json");
    const char *other = e ? NULL : file_other_kind(path);
    if (other)
        return err_set(ERR_DATA, "%s: no model folder: config.json in it is %s, not a file", folder,
                       other);
    if (!e) e = path_in(path, folder, "unfinished.json");
    if (!e && file_exists(path))
        e = err_set(
            ERR_DATA,
            "%s: the run there is not finished: its `harness run` goes on with --resume, and "
            "each checkpoint-N in it is a model folder",
            folder);
    else if (!e)
        e = err_set(ERR_DATA, "%s: no model folder: no config.json in it", folder);
    return e;
}

/* Whether files of weights there take long to be hashed. */
static err is_large(bool *is, const char *folder) {
    enum { LARGE_BYTES = 1 << 30 };
    folder_list names = {0};
    uint64_t all = 0;
    err e = folder_list_read(&names, folder);
    while (folder_next(&names, &e)) {
        const char *dot = strrchr(path_name(names.path), '.');
        uint64_t bytes = 0;
        if (!dot || strcmp(dot, ".safetensors") != 0 || !file_exists(names.path)) continue;
        e = file_size(&bytes, names.path);
        all = bytes < UINT64_MAX - all ? all + bytes : UINT64_MAX;
    }
    folder_list_free(&names);
    *is = all > LARGE_BYTES;
    return e;
}

/* Of large files the headers say first whether they can be the model's; what is damaged is told by
 * who reads it. */
static err check_bytes(const char *folder) {
    model_config config = {0};
    char path[PATH_MAX];
    bool large = false;
    err e = is_large(&large, folder);
    if (!e && large) e = path_in(path, folder, "config.json");
    if (!e && large) {
        e = model_config_read(&config, path);
        large = !e;
        e = err_unless_memory(e);
    }
    if (!e && large) e = weights_check_bytes(&config, folder);
    model_config_free(&config);
    return e;
}

err base_model_open_folder(base_model *s, const char *folder, const base_model_options *options) {
    char path[PATH_MAX];
    *s = (base_model){0};
    err e = base_model_locate(&s->folder, &s->name, folder);
    if (e || (e = check_bytes(s->folder)) || (e = sums_check(s->folder, NULL))) return e;
    if ((e = path_in(path, s->folder, "config.json"))) return e;
    e = file_exists(path) ? model_config_read(&s->config, path) : no_model(s->folder);
    if (!e && !options->from_scratch)
        e = weights_promise(&s->classifier_rows, &s->config, s->folder);
    if (e || (e = tokenizer_load(&s->tokenizer, s->folder, options->cased))) return e;
    tokenizer_hash(&s->tokenizer, s->vocab_sha256);
    if (s->tokenizer.count > s->config.vocabulary)
        return err_set(ERR_DATA, "%s: the tokenizer has %zu tokens, the model's vocab_size is %u",
                       folder, s->tokenizer.count, s->config.vocabulary);
    if (s->config.vocabulary - s->tokenizer.count >= VOCABULARY_PADDING)
        log_warn("%s: the tokenizer has %zu tokens, the model has rows for %u: was the vocabulary "
                 "cut off?",
                 folder, s->tokenizer.count, s->config.vocabulary);
    fit_words(s);
    return options->from_scratch ? ERR_OK : model_corpus_read(&s->corpus, s->folder);
}

/* What the person may have meant: a preset, a model of the program, or a folder beside this one. */
static const char *suggestion(const char *model) {
    static const char *const presets[] = {
#define X(name, layers, hidden, heads) #name,
        MODEL_PRESETS(X)
#undef X
#define X(name) name,
            SHIPPED_MODELS(X)
#undef X
    };
    const char *known[sizeof presets / sizeof *presets + NEAR_FOLDERS_MAX], *found;
    size_t count = sizeof presets / sizeof *presets;
    folder_list here = {0};
    memcpy(known, presets, sizeof presets);
    if (folder_list_read(&here, ".")) err_clear(); // a hint is no reason to fail
    for (size_t i = 0; i < here.count && count < sizeof known / sizeof *known; i++)
        if (folder_exists(here.names[i])) known[count++] = here.names[i];
    found = text_suggestion(model, known, count);
    folder_list_free(&here);
    return found;
}

/* "bert-base-uncased": models of the hub's first days have no organisation before their names. */
static bool is_old_hub_name(const char *model) {
    for (size_t i = 0; family_at(i); i++) {
        size_t n = strlen(family_at(i)->model_type);
        if (!strncmp(model, family_at(i)->model_type, n) && model[n] == '-') return true;
    }
    return false;
}

/* Whether what is not here was meant as a folder: by its beginning or end, or as one below `runs`, where
 * there is one. A revision is the hub's alone. */
static bool is_path(const char *model) {
    if (*model == '/' || *model == '~') return true;
    if (!strchr(model, '/') || strchr(model, '@')) return false;
    return model[strlen(model) - 1] == '/' || !strncmp(model, "./", 2) ||
           !strncmp(model, "../", 3) || (!strncmp(model, "runs/", 5) && folder_exists("runs"));
}

err base_model_check_name(const char *model) {
    if (model_preset_known(model) || shipped_known(model) || folder_exists(model)) return ERR_OK;
    if (file_named(model))
        return err_set(ERR_USAGE, "%s: not a folder; a model is a folder that holds config.json",
                       model);
    if (is_path(model))
        return err_set(ERR_USAGE, "%s: no such folder%s%s%s", model,
                       hub_is_name(model) ? " (of the hub: " : "", hub_is_name(model) ? model : "",
                       hub_is_name(model) ? "@main)" : "");
    if (hub_is_name(model) && (strchr(model, '/') || is_old_hub_name(model))) return ERR_OK;
    return err_set(ERR_USAGE,
                   "unknown model '%s'%s: neither a preset (%s), nor a model of the program "
                   "(%s), nor a folder here, nor a hub name (organisation/name)",
                   model, suggestion(model), model_preset_names(), shipped_names());
}

/* A name that is neither a preset nor a folder here: one of the program's models, or the hub's. */
static err open_named(base_model *s, const char *model, const base_model_options *options) {
    char *folder = NULL;
    err e = shipped_known(model) ? shipped_model(&folder, model)
                                 : hub_model(&folder, model, options->offline);
    if (!e) e = base_model_open_folder(s, folder, options);
    if (!e) {
        mem_free(s->name);
        s->name = NULL;
        e = mem_strdup(&s->name, model);
    }
    mem_free(folder);
    return e;
}

err base_model_open(base_model *s, const char *model, const dataset_split *train,
                    const base_model_options *options) {
    *s = (base_model){0};
    err e = base_model_check_name(model);
    if (e) return e;
    if (model_preset_known(model)) return open_preset(s, model, options, train);
    if (!shipped_known(model) && folder_exists(model))
        return base_model_open_folder(s, model, options);
    return open_named(s, model, options);
}

err base_model_add_tokens(base_model *s, const task *t, bool joins) {
    err e = ERR_OK;
    if (t->kind != ANSWER_RELATION && joins)
        return err_set(ERR_USAGE, "join_particles is for tasks of relations, which %s is not",
                       t->name);
    if (t->kind != ANSWER_RELATION) return ERR_OK;
    s->tokenizer.joins_after_markers |= joins;
    if ((e = tokenizer_add_special(&s->tokenizer, text_markers, MARKER_COUNT))) return e;
    tokenizer_hash(&s->tokenizer, s->vocab_sha256);
    if (s->tokenizer.count <= s->config.vocabulary) return ERR_OK;
    s->config.added = (uint32_t)s->tokenizer.count - s->config.vocabulary;
    s->config.vocabulary = (uint32_t)s->tokenizer.count;
    return ERR_OK;
}

void base_model_free(base_model *s) {
    mem_free(s->name);
    mem_free(s->folder);
    model_config_free(&s->config);
    tokenizer_free(&s->tokenizer);
    mem_free(s->label_rows);
    cJSON_Delete(s->corpus);
    *s = (base_model){0};
}

uint32_t base_model_max_length(const base_model *s, uint32_t wanted, uint32_t fallback) {
    uint32_t length = wanted ? wanted : fallback;
    if (length > model_config_longest(&s->config)) length = model_config_longest(&s->config);
    if (s->tokenizer.model_max_length && length > s->tokenizer.model_max_length)
        length = (uint32_t)s->tokenizer.model_max_length;
    if (wanted > length)
        log_warn("max_length is %u, the model takes %u tokens: %u it is", wanted, length, length);
    return length;
}
