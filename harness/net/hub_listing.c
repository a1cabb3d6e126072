#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "net/hub_internal.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_BYTES = 4 << 20 };

bool hub__is_word(const char *s, size_t count) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (!count || count > 96 || s[0] == '.' || s[0] == '-') return false;
    for (size_t i = 0; i < count; i++) {
        if (!strchr(allowed, s[i])) return false;
        if (i && s[i] == s[i - 1] && (s[i] == '.' || s[i] == '-')) return false;
    }
    return true;
}

/* "model-00001-of-00002.safetensors" */
static bool is_shard(const char *file) {
    static const char form[] = "model-00000-of-00000.safetensors";
    if (strlen(file) != sizeof form - 1) return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0' ? file[i] < '0' || file[i] > '9' : file[i] != form[i]) return false;
    return true;
}

static bool is_words(const char *file) {
    static const char *const names[] = {"config.json",
                                        "vocab.txt",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(file, names[i])) return true;
    return false;
}

static bool is_weights(const hub__listing *l, const char *file) {
    if (l->has_weights) return !strcmp(file, "model.safetensors");
    return !strcmp(file, "model.safetensors.index.json") || is_shard(file);
}

/* Small files first: a model that is refused is refused before its weights are fetched. */
static int by_worth(const void *a, const void *b) {
    const char *one = *(char *const *)a, *other = *(char *const *)b;
    int weights = !is_words(one) - !is_words(other);
    return weights ? weights : strcmp(one, other);
}

static const char *name_of(const cJSON *item) {
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "rfilename");
    return cJSON_IsString(name) ? name->valuestring : "";
}

static void note_kinds(hub__listing *l, const cJSON *files) {
    const cJSON *item;
    cJSON_ArrayForEach(item, files) {
        const char *name = name_of(item);
        l->has_config = l->has_config || !strcmp(name, "config.json");
        l->has_weights = l->has_weights || !strcmp(name, "model.safetensors");
        l->has_index = l->has_index || !strcmp(name, "model.safetensors.index.json");
        l->has_pickle = l->has_pickle || !strcmp(name, "pytorch_model.bin");
    }
}

static void drop_repeated(hub__listing *l) {
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++)
        if (kept && !strcmp(l->files[kept - 1], l->files[i]))
            mem_free(l->files[i]);
        else
            l->files[kept++] = l->files[i];
    l->count = kept;
}

static err take_files(hub__listing *l, const cJSON *files, bool words_only, const char *where) {
    const cJSON *item;
    size_t capacity = 0;
    err e = ERR_OK;
    cJSON_ArrayForEach(item, files) {
        const char *name = name_of(item);
        if (!is_words(name) && (words_only || !is_weights(l, name))) continue;
        if ((e = mem_grow((void **)&l->files, &capacity, l->count + 1, sizeof *l->files))) return e;
        if ((e = mem_strdup(&l->files[l->count], name))) return e;
        l->count++;
    }
    if (l->count) qsort(l->files, l->count, sizeof *l->files, by_worth);
    drop_repeated(l);
    if (l->count <= HUB_FILES_MAX) return ERR_OK;
    return err_set(ERR_DATA, "%s: the model has %zu files, at most %d are fetched", where, l->count,
                   HUB_FILES_MAX);
}

err hub__listing_read(hub__listing *l, const char *text, size_t bytes, bool words_only,
                      const char *where) {
    cJSON *root = NULL;
    const cJSON *files;
    const char *commit;
    *l = (hub__listing){0};
    err e = json_parse(&root, text, bytes, where);
    if (e || (e = json_string(&commit, root, "sha", where))) goto done;
    if ((e = json_array(&files, root, "siblings", where))) goto done;
    if (!hash_is_hex(commit, HUB_COMMIT_DIGITS)) {
        e = err_set(ERR_FORMAT, "%s: '%s' is no commit", where, commit);
        goto done;
    }
    memcpy(l->commit, commit, sizeof l->commit);
    note_kinds(l, files);
    e = take_files(l, files, words_only, where);
done:
    cJSON_Delete(root);
    if (e) hub__listing_free(l);
    return e;
}

void hub__listing_free(hub__listing *l) {
    for (size_t i = 0; i < l->count; i++) mem_free(l->files[i]);
    mem_free(l->files);
    *l = (hub__listing){0};
}

err hub__index_missing(char **missing, const char *path, hub__has has, const void *user) {
    cJSON *root = NULL;
    const cJSON *map, *item;
    const char *last = "";
    *missing = NULL;
    err e = json_read(&root, path, INDEX_BYTES);
    if (e || (e = json_object(&map, root, "weight_map", path))) goto done;
    cJSON_ArrayForEach(item, map) {
        const char *file = cJSON_IsString(item) ? item->valuestring : "";
        if (!hub__is_word(file, strlen(file))) {
            e = err_set(ERR_FORMAT, "%s: weight_map: '%s' is no file name", path, file);
            break;
        }
        if (!strcmp(file, last)) continue; // neighbours lie in one shard
        last = file;
        if (has(user, file)) continue;
        e = mem_strdup(missing, file);
        break;
    }
done:
    cJSON_Delete(root);
    return e;
}
