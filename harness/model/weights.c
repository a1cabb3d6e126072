#include "model/weights.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/safetensors.h"

#include <stdio.h>
#include <string.h>

static const char weights_name[] = "model.safetensors";
static const char moments_name[] = "optimizer.safetensors";

/* --- names ---------------------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *tail) {
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

static const char *without_prefix(const char *name) {
    return strncmp(name, "bert.", 5) == 0 ? name + 5 : name;
}

/* Equal but for the prefix and TensorFlow's names of LayerNorm. */
static bool same_key(const char *found, const char *wanted) {
    static const char *const pairs[][2] = {{"LayerNorm.gamma", "LayerNorm.weight"},
                                           {"LayerNorm.beta", "LayerNorm.bias"}};
    found = without_prefix(found);
    wanted = without_prefix(wanted);
    if (strcmp(found, wanted) == 0) return true;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (!ends_with(found, pairs[i][0]) || !ends_with(wanted, pairs[i][1])) continue;
        size_t n = strlen(found) - strlen(pairs[i][0]);
        if (n == strlen(wanted) - strlen(pairs[i][1]) && strncmp(found, wanted, n) == 0)
            return true;
    }
    return false;
}

static err name_add(char ***list, size_t *count, size_t *capacity, const char *name) {
    err e = mem_grow((void **)list, capacity, *count + 1, sizeof **list);
    if (!e) e = mem_strdup(&(*list)[*count], name);
    if (!e) ++*count;
    return e;
}

void weights_report_free(weights_report *report) {
    for (size_t i = 0; i < report->drawn_count; i++) mem_free(report->drawn[i]);
    for (size_t i = 0; i < report->unused_count; i++) mem_free(report->unused[i]);
    mem_free(report->drawn);
    mem_free(report->unused);
    *report = (weights_report){0};
}

/* --- loading -------------------------------------------------------------------------------------
 */

typedef struct loading {
    const safetensors *file;
    weights_report *report;
    bool *used;      /* (file->count) */
    bool *missing;   /* (params count) */
    strbuf required; /* keys that are missing and cannot be drawn */
    size_t required_count;
    float *values; /* scratch of the largest tensor */
} loading;

static err find_entry(const tensor_entry **out, loading *l, const char *key) {
    *out = NULL;
    for (size_t i = 0; i < l->file->count; i++) {
        const tensor_entry *t = &l->file->entries[i];
        if (!same_key(t->name, key)) continue;
        if (*out)
            return err_set(ERR_FORMAT, "%s: '%s' and '%s' are the same tensor", l->file->path,
                           (*out)->name, t->name);
        *out = t;
        l->used[i] = true;
    }
    return ERR_OK;
}

static err check_shape(const loading *l, const tensor_entry *t, const param *p, size_t rows) {
    bool fits = p->is_vector ? t->rank == 1 && t->shape[0] == rows
                             : t->rank == 2 && t->shape[0] == rows && t->shape[1] == p->cols;
    if (fits) return ERR_OK;
    char found[TENSOR_SHAPE_BYTES], expected[64];
    tensor_shape_text(found, t);
    if (p->is_vector)
        snprintf(expected, sizeof expected, "[%zu]", rows);
    else
        snprintf(expected, sizeof expected, "[%zu, %u]", rows, p->cols);
    return err_set(ERR_FORMAT, "%s: tensor '%s' is %s, expected %s", l->file->path, t->name, found,
                   expected);
}

static err load_slice(loading *l, const param *p, size_t slice, size_t slices, size_t index) {
    char key[PARAM_NAME_BYTES];
    const tensor_entry *t = NULL;
    size_t rows = p->rows / slices, count = rows * p->cols;
    err e = ERR_OK;
    param_key(p, slice, key);
    if ((e = find_entry(&t, l, key))) return e;
    if (!t) {
        l->missing[index] = true;
        if (p->scope == PARAM_CLASSIFIER || p->scope == PARAM_POOLER)
            return name_add(&l->report->drawn, &l->report->drawn_count, &l->report->drawn_capacity,
                            key);
        if (l->required_count++ < 5) e = strbuf_printf(&l->required, " %s", key);
        return e;
    }
    if ((e = check_shape(l, t, p, rows))) return e;
    if ((e = safetensors_read(l->file, t, l->values))) return e;
    return device_write_f32(span_part(p->p, slice * count, count), l->values, count);
}

/* Keys that a plain encoder checkpoint may bring: pretraining heads and index buffers. */
static bool is_ignorable(const char *name) {
    return strncmp(name, "cls.", 4) == 0 || ends_with(name, "embeddings.position_ids") ||
           ends_with(name, "embeddings.token_type_ids");
}

static err list_unused(loading *l) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < l->file->count; i++)
        if (!l->used[i] && !is_ignorable(l->file->entries[i].name))
            e = name_add(&l->report->unused, &l->report->unused_count, &l->report->unused_capacity,
                         l->file->entries[i].name);
    return e;
}

static err refuse_missing(const loading *l) {
    const weights_report *r = l->report;
    strbuf extra = {0};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < r->unused_count && i < 5; i++)
        e = strbuf_printf(&extra, " %s", r->unused[i]);
    if (!e)
        e = err_set(ERR_DATA, "%s: %zu tensors of BERT are missing:%s%s; %zu are not BERT's:%s%s",
                    l->file->path, l->required_count, l->required.text,
                    l->required_count > 5 ? " ..." : "", r->unused_count,
                    extra.text ? extra.text : " none", r->unused_count > 5 ? " ..." : "");
    strbuf_free(&extra);
    return e;
}

static err load_all(params *ps, loading *l, uint32_t seed, float range) {
    err e = ERR_OK;
    for (size_t i = 0; i < ps->count; i++) {
        size_t slices = param_slices(&ps->list[i]);
        for (size_t slice = 0; slice < slices; slice++)
            if ((e = load_slice(l, &ps->list[i], slice, slices, i))) return e;
    }
    if ((e = list_unused(l))) return e;
    if (l->required_count) return refuse_missing(l);
    return params_draw(ps, seed, range, l->missing);
}

static err check_present(const char *folder, const char *path) {
    static const char *const others[] = {"pytorch_model.bin", "tf_model.h5", "flax_model.msgpack",
                                         "model.safetensors.index.json"};
    if (file_exists(path)) return ERR_OK;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char *other = NULL;
        err e = path_join(&other, folder, others[i]);
        bool found = !e && file_exists(other);
        mem_free(other);
        if (e) return e;
        if (found)
            return err_set(ERR_UNSUPPORTED,
                           "%s: has %s but no %s; convert it with transformers: "
                           "from_pretrained(FOLDER).save_pretrained(NEW, safe_serialization=True, "
                           "max_shard_size=\"100GB\")",
                           folder, others[i], weights_name);
    }
    return err_set(ERR_IO, "%s: no %s there", folder, weights_name);
}

err weights_load(params *ps, weights_report *report, const char *folder, uint32_t seed,
                 float range) {
    safetensors file = {0};
    loading l = {.file = &file, .report = report};
    char *path = NULL;
    size_t largest = 0;
    err e = ERR_OK;
    *report = (weights_report){0};
    for (size_t i = 0; i < ps->count; i++)
        if (ps->list[i].count > largest) largest = ps->list[i].count;
    if ((e = path_join(&path, folder, weights_name))) goto done;
    if ((e = check_present(folder, path))) goto done;
    if ((e = safetensors_open(&file, path))) goto done;
    if ((e = mem_new(&l.used, file.count))) goto done;
    if ((e = mem_new(&l.missing, ps->count))) goto done;
    if ((e = mem_new(&l.values, largest))) goto done;
    if ((e = load_all(ps, &l, seed, range))) goto done;
    e = hash_file_hex(path, report->sha256);
done:
    mem_free(l.used);
    mem_free(l.missing);
    mem_free(l.values);
    strbuf_free(&l.required);
    safetensors_close(&file);
    mem_free(path);
    return e;
}

/* --- saving --------------------------------------------------------------------------------------
 */

/* The three tensors of a parameter that files hold, by what their keys begin with. */
typedef enum part { PART_WEIGHT, PART_MEAN, PART_SQUARE } part;
static const char *const part_prefix[] = {"", "exp_avg.", "exp_avg_sq."};

static span part_span(const param *p, part which) {
    return which == PART_WEIGHT ? p->p : which == PART_MEAN ? p->m : p->v;
}

static void part_key(const param *p, part which, size_t slice, char key[PARAM_NAME_BYTES + 16]) {
    char name[PARAM_NAME_BYTES];
    param_key(p, slice, name);
    snprintf(key, PARAM_NAME_BYTES + 16, "%s%s", part_prefix[which], name);
}

static err declare(safetensors_writer *w, const param *p, part which) {
    size_t slices = param_slices(p);
    err e = ERR_OK;
    for (size_t slice = 0; !e && slice < slices; slice++) {
        char key[PARAM_NAME_BYTES + 16];
        uint64_t shape[2] = {p->rows / slices, p->cols};
        part_key(p, which, slice, key);
        e = safetensors_declare(w, key, shape, p->is_vector ? 1 : 2);
    }
    return e;
}

static size_t largest_count(const params *ps) {
    size_t largest = 0;
    for (size_t i = 0; i < ps->count; i++)
        if (ps->list[i].count > largest) largest = ps->list[i].count;
    return largest;
}

/* One file with the parts first to last of every parameter. */
static err save_parts(const params *ps, const char *folder, const char *name, part first,
                      part last) {
    safetensors_writer w = {0};
    char *path = NULL;
    float *values = NULL;
    err e = ERR_OK;
    if ((e = path_join(&path, folder, name))) goto done;
    if ((e = mem_new(&values, largest_count(ps)))) goto done;
    for (part which = first; which <= last; which++)
        for (size_t i = 0; i < ps->count; i++)
            if ((e = declare(&w, &ps->list[i], which))) goto done;
    if ((e = safetensors_writer_begin(&w, path))) goto done;
    for (part which = first; which <= last; which++)
        for (size_t i = 0; i < ps->count; i++) {
            // the slices of one parameter follow each other in the file as in memory
            const param *p = &ps->list[i];
            if ((e = device_read_f32(values, part_span(p, which), p->count))) goto done;
            if ((e = safetensors_add(&w, values, p->count))) goto done;
        }
    e = safetensors_writer_commit(&w);
done:
    safetensors_writer_free(&w);
    mem_free(values);
    mem_free(path);
    return e;
}

err weights_save(const params *ps, const char *folder) {
    return save_parts(ps, folder, weights_name, PART_WEIGHT, PART_WEIGHT);
}

err moments_save(const params *ps, const char *folder) {
    return save_parts(ps, folder, moments_name, PART_MEAN, PART_SQUARE);
}

static const tensor_entry *entry_of(const safetensors *file, const char *key) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].name, key) == 0) return &file->entries[i];
    return NULL;
}

static err load_part(const safetensors *file, const param *p, part which, float *values) {
    loading l = {.file = file};
    size_t slices = param_slices(p), count = p->count / slices;
    for (size_t slice = 0; slice < slices; slice++) {
        char key[PARAM_NAME_BYTES + 16];
        part_key(p, which, slice, key);
        const tensor_entry *t = entry_of(file, key);
        if (!t) return err_set(ERR_DATA, "%s: tensor '%s' is missing", file->path, key);
        err e = check_shape(&l, t, p, p->rows / slices);
        if (!e) e = safetensors_read(file, t, values + slice * count);
        if (e) return e;
    }
    return device_write_f32(part_span(p, which), values, p->count);
}

err moments_load(params *ps, const char *folder) {
    safetensors file = {0};
    char *path = NULL;
    float *values = NULL;
    size_t tensors = 0;
    err e = ERR_OK;
    for (size_t i = 0; i < ps->count; i++) tensors += 2 * param_slices(&ps->list[i]);
    if ((e = path_join(&path, folder, moments_name))) goto done;
    if ((e = safetensors_open(&file, path))) goto done;
    if (file.count != tensors) {
        e = err_set(ERR_DATA, "%s: has %zu tensors, expected %zu", path, file.count, tensors);
        goto done;
    }
    if ((e = mem_new(&values, largest_count(ps)))) goto done;
    for (part which = PART_MEAN; !e && which <= PART_SQUARE; which++)
        for (size_t i = 0; !e && i < ps->count; i++)
            e = load_part(&file, &ps->list[i], which, values);
done:
    mem_free(values);
    safetensors_close(&file);
    mem_free(path);
    return e;
}
