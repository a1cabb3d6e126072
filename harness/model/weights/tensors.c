#include "model/weights/tensors.h"

#include "base/ascii.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_LIMIT_BYTES = 64 << 20 };
static const char single_name[] = "model.safetensors";
static const char index_name[] = "model.safetensors.index.json";

/* A line of the index: a tensor and its shard; borrowed from the JSON. */
typedef struct listed {
    const char *tensor, *shard;
} listed;

static int by_tensor(const void *a, const void *b) {
    return strcmp(((const listed *)a)->tensor, ((const listed *)b)->tensor);
}

static int by_name(const void *a, const void *b) {
    const tensor_place *x = a, *y = b;
    int order = strcmp(x->entry->name, y->entry->name);
    return order ? order : (x->file > y->file) - (x->file < y->file);
}

/* A name that leads out of the folder, or to another kind of file, is an attack or a mistake. */
static err check_shard_name(const char *name, const char *tensor, const char *path) {
    bool plain = name[0] != '.' && !strpbrk(name, "/\\") && !strstr(name, "..");
    if (plain && ascii_ends(name, ".safetensors")) return ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: tensor '%s': shard '%s' is not the plain name of a .safetensors file", path,
                   tensor, name);
}

static err read_map(listed **list, size_t *count, const cJSON *root, const char *path) {
    const cJSON *map = NULL, *item = NULL;
    err e = json_object(&map, root, "weight_map", path);
    if (e) return e;
    if (!map->child) return err_set(ERR_FORMAT, "%s: weight_map lists no tensor", path);
    if ((e = mem_new(list, (size_t)cJSON_GetArraySize(map)))) return e;
    cJSON_ArrayForEach(item, map) {
        const char *shard = cJSON_GetStringValue(item);
        if (!shard)
            return err_set(ERR_FORMAT, "%s: tensor '%s': the shard has to be a string", path,
                           item->string);
        if ((e = check_shard_name(shard, item->string, path))) return e;
        (*list)[(*count)++] = (listed){item->string, shard};
    }
    qsort(*list, *count, sizeof **list, by_tensor);
    return ERR_OK;
}

static err open_shards(tensors *t, const listed *list, size_t count, const char *folder) {
    const char **names = NULL;
    size_t distinct = 0;
    err e = mem_new(&names, count);
    if (e) return e;
    for (size_t i = 0; i < count; i++) names[i] = list[i].shard;
    qsort(names, count, sizeof *names, order_text);
    for (size_t i = 0; i < count; i++)
        if (!i || strcmp(names[i], names[distinct - 1]) != 0) names[distinct++] = names[i];
    if (distinct > SHARDS_MAX) {
        e = err_set(ERR_FORMAT, "%s: lists %zu shards, at most %d are supported", t->path, distinct,
                    SHARDS_MAX);
        goto done;
    }
    if ((e = mem_new(&t->files, distinct))) goto done;
    for (size_t i = 0; i < distinct && !e; i++) {
        char path[PATH_MAX];
        if ((e = path_in(path, folder, names[i]))) break;
        if (!file_named(path))
            e = err_set(ERR_FORMAT, "%s: shard '%s' is listed but not there", t->path, names[i]);
        else
            e = safetensors_open(&t->files[t->file_count++], path);
    }
done:
    mem_free(names);
    return e;
}

static err gather(tensors *t) {
    size_t total = 0;
    for (size_t f = 0; f < t->file_count; f++) total += t->files[f].count;
    err e = mem_new(&t->list, total);
    if (e) return e;
    for (size_t f = 0; f < t->file_count; f++)
        for (size_t i = 0; i < t->files[f].count; i++)
            t->list[t->count++] = (tensor_place){&t->files[f], &t->files[f].entries[i]};
    qsort(t->list, t->count, sizeof *t->list, by_name);
    return ERR_OK;
}

/* What the index says of a tensor and what is so, as far as they differ; both lists are by name.
 * Tensors are taken from where they are: who needs one that is nowhere says so. */
static void warn_places(const tensors *t, const listed *list, size_t count) {
    size_t wrong = 0;
    const char *first = NULL;
    for (size_t i = 0, k = 0; i < t->count || k < count;) {
        int order = i == t->count ? 1
                    : k == count  ? -1
                                  : strcmp(t->list[i].entry->name, list[k].tensor);
        bool is_right = order == 0 && strcmp(path_name(t->list[i].file->path), list[k].shard) == 0;
        if (!is_right && !wrong++) first = order > 0 ? list[k].tensor : t->list[i].entry->name;
        i += order <= 0;
        k += order >= 0;
    }
    if (wrong)
        log_warn("%s: %zu tensor%s not where it says, such as '%s': those that the shards hold "
                 "are taken",
                 t->path, wrong, wrong == 1 ? " is" : "s are", first);
}

static void warn_total(const tensors *t, const cJSON *root) {
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(root, "metadata");
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(metadata, "total_size");
    double bytes = 0;
    for (size_t i = 0; i < t->count; i++)
        bytes += (double)(t->list[i].entry->end - t->list[i].entry->begin);
    if (cJSON_IsNumber(said) && said->valuedouble != bytes)
        log_warn("%s: metadata.total_size is %.0f, the tensors of all shards have %.0f bytes",
                 t->path, said->valuedouble, bytes);
}

static err open_index(tensors *t, const char *folder, bool warns) {
    cJSON *root = NULL;
    listed *list = NULL;
    size_t count = 0;
    err e = json_read(&root, t->path, INDEX_LIMIT_BYTES);
    if (e) goto done;
    if (!cJSON_IsObject(root)) {
        e = err_set(ERR_FORMAT, "%s: expected an object", t->path);
        goto done;
    }
    if ((e = read_map(&list, &count, root, t->path))) goto done;
    if ((e = open_shards(t, list, count, folder))) goto done;
    if ((e = gather(t))) goto done;
    if (warns) warn_places(t, list, count);
    if (warns) warn_total(t, root);
done:
    mem_free(list);
    cJSON_Delete(root);
    return e;
}

static err refuse_absent(const char *folder) {
    static const struct {
        const char *file, *what;
    } others[] = {{"pytorch_model.bin", "a pickle file, which can run code and is never read"},
                  {"pytorch_model.bin.index.json", "pickle files, which can run code"},
                  {"model.pt", "a pickle file, which can run code and is never read"},
                  {"tf_model.h5", "TensorFlow's format"},
                  {"model.ckpt.index", "TensorFlow's format"},
                  {"flax_model.msgpack", "Flax's format"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char path[PATH_MAX];
        err e = path_in(path, folder, others[i].file);
        bool found = !e && file_exists(path);
        if (e) return e;
        if (found)
            return err_set(ERR_UNSUPPORTED,
                           "%s: has %s (%s) but no %s; convert it once with transformers: python3 "
                           "-c 'import sys, transformers as t; f = sys.argv[1]; getattr(t, "
                           "t.AutoConfig.from_pretrained(f).architectures[0]).from_pretrained(f)."
                           "save_pretrained(f)' %s",
                           folder, others[i].file, others[i].what, single_name, folder);
    }
    return err_set(ERR_IO, "%s: no %s there", folder, single_name);
}

static err open_any(tensors *t, const char *folder, bool warns) {
    err e = ERR_OK;
    *t = (tensors){0};
    if ((e = path_join(&t->path, folder, single_name))) return e;
    if (file_named(t->path)) {
        if ((e = mem_new(&t->files, 1))) return e;
        t->file_count = 1;
        e = safetensors_open(&t->files[0], t->path);
        return e ? e : gather(t);
    }
    mem_free(t->path);
    t->path = NULL;
    if ((e = path_join(&t->path, folder, index_name))) return e;
    return file_named(t->path) ? open_index(t, folder, warns) : refuse_absent(folder);
}

err tensors_open(tensors *t, const char *folder) {
    return open_any(t, folder, false);
}

err tensors_open_to_load(tensors *t, const char *folder) {
    return open_any(t, folder, true);
}

const tensor_place *tensors_find(const tensors *t, const char *name) {
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(t->list[middle].entry->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < t->count && strcmp(t->list[low].entry->name, name) == 0;
    return found ? &t->list[low] : NULL;
}

void tensors_close(tensors *t) {
    for (size_t i = 0; i < t->file_count; i++) safetensors_close(&t->files[i]);
    mem_free(t->files);
    mem_free(t->list);
    mem_free(t->path);
    *t = (tensors){0};
}

err tensors_digest(const tensors *t, char hex[HASH_HEX_BYTES]) {
    sha256 all;
    if (t->file_count == 1 && strcmp(path_name(t->path), single_name) == 0)
        return hash_file_hex(t->path, hex);
    sha256_begin(&all);
    for (size_t i = 0; i < t->file_count; i++) {
        char one[HASH_HEX_BYTES];
        const char *name = path_name(t->files[i].path);
        err e = hash_file_hex(t->files[i].path, one);
        if (e) return e;
        sha256_add(&all, one, HASH_HEX_BYTES - 1);
        sha256_add(&all, "  ", 2);
        sha256_add(&all, name, strlen(name));
        sha256_add(&all, "\n", 1);
    }
    sha256_end_hex(&all, hex);
    return ERR_OK;
}
