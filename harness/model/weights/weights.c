#include "base/memory.h"
#include "base/shown.h"
#include "model/weights/tensors.h"
#include "model/weights/weights_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_KEYS = 6 };

/* Copies a key with LayerNorm's parameters under their names of today. */
static err today_name(char **out, const char *name) {
    static const char *const old[] = {"LayerNorm.gamma", "LayerNorm.beta"};
    static const char *const now[] = {"LayerNorm.weight", "LayerNorm.bias"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        const char *at = strstr(name, old[i]);
        if (at)
            return mem_printf(out, "%.*s%s%s", (int)(at - name), name, now[i], at + strlen(old[i]));
    }
    return mem_strdup(out, name);
}

static bool begins(const char *name, const char *part) {
    return strncmp(name, part, strlen(part)) == 0;
}

static err refuse_sign(const tensors *t, const char *name, const char *what,
                       const encoder_family *family) {
    return err_set(ERR_UNSUPPORTED,
                   "%s: tensor '%s' is of %s, but model_type in config.json is '%s' (supported: "
                   "%s)",
                   t->path, name, what, family->model_type, family_names());
}

static bool has_keys(const encoder_family *family, const char *part) {
    for (size_t i = 0; i < PARAM_FIELDS; i++)
        if (family->keys[i] && begins(family->keys[i], part)) return true;
    return false;
}

// parts of keys that say which model a checkpoint is of: the families' prefixes, and these
err weights__refuse_foreign(const tensors *t, const encoder_family *family) {
    static const struct {
        const char *part;
        bool at_start;
        const char *what;
        const encoder_family *of; // besides those whose own keys begin so
    } signs[] = {
        {"lm_head.", true, "RoBERTa", NULL},
        {"classifier.out_proj.", true, "RoBERTa or ELECTRA", NULL},
        {"discriminator_predictions.", true, "ELECTRA", &encoder_electra},
        {"generator_predictions.", true, "ELECTRA", NULL},
        {"embeddings_project.", true, "ELECTRA", &encoder_electra},
        {"deberta.", true, "DeBERTa", NULL},
        {"rel_embeddings", false, "DeBERTa", NULL},
        {"distance_embedding", false, "a model with relative positions", NULL},
        {"crossattention.", false, "a decoder with cross attention", NULL},
    };
    assert(family);
    for (size_t i = 0; i < t->count; i++) // a prefix says more than the other signs
        for (size_t k = 0; family_at(k); k++) {
            const char *name = t->list[i].entry->name;
            if (!begins(name, family->prefix) && begins(name, family_at(k)->prefix))
                return refuse_sign(t, name, family_at(k)->title, family);
        }
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->list[i].entry->name;
        for (size_t s = 0; s < sizeof signs / sizeof *signs; s++) {
            const char *at = strstr(name, signs[s].part);
            if (!at || (signs[s].at_start && at != name)) continue;
            if (family == signs[s].of || has_keys(family, signs[s].part)) continue;
            return refuse_sign(t, name, signs[s].what, family);
        }
    }
    return ERR_OK;
}

err weights__refuse_wrapped(const tensors *t) {
    static const struct {
        const char *prefix, *what, *cure;
    } wrappers[] = {{"module.", "DataParallel", "model.module"},
                    {"_orig_mod.", "torch.compile", "model._orig_mod"}};
    for (size_t i = 0; i < t->count; i++)
        for (size_t w = 0; w < sizeof wrappers / sizeof *wrappers; w++) {
            const char *name = t->list[i].entry->name, *prefix = wrappers[w].prefix;
            if (!begins(name, prefix)) continue;
            return err_set(ERR_UNSUPPORTED,
                           "%s: tensor '%s' has the prefix '%s' of %s: save %s instead of the "
                           "model, or rename the tensors without it",
                           t->path, name, prefix, wrappers[w].what, wrappers[w].cure);
        }
    return ERR_OK;
}

/* The shape that a slice of `rows` rows of a parameter has in a file: "[3, 12]". */
static void shape_text(char text[64], const param *p, size_t rows) {
    if (p->is_vector)
        snprintf(text, 64, "[%zu]", rows);
    else
        snprintf(text, 64, "[%zu, %u]", rows, p->cols);
}

bool weights__shape_fits(const tensor_entry *t, const param *p, size_t rows) {
    return p->is_vector ? t->rank == 1 && t->shape[0] == rows
                        : t->rank == 2 && t->shape[0] == rows && t->shape[1] == p->cols;
}

err weights__shape_error(const safetensors *file, const tensor_entry *t, const param *p,
                         size_t rows, const char *advice) {
    char found[TENSOR_SHAPE_BYTES], expected[64];
    tensor_shape_text(found, t);
    shape_text(expected, p, rows);
    return err_set(ERR_FORMAT, "%s: tensor '%s' is %s, expected %s%s", file->path, t->name, found,
                   expected, advice);
}

/* A tensor's name as of today and its place in tensors->list. */
typedef struct named {
    char *name; /* owned */
    size_t place;
} named;

typedef struct loading {
    const tensors *tensors;
    weights_report *report;
    named *names; /* (tensors->count) by name and place, owned */
    bool *used;   /* (tensors->count) of names */
    bool *absent; /* (params count): to be drawn */
    bool resize;  /* a classifier of another size is drawn */
    bool anew;    /* any classifier is */
    params *params;
    uint32_t seed; /* what is drawn is of these two */
    float range;
    size_t required_count; /* missing keys that cannot be drawn */
    float *values;         /* scratch of the largest tensor */
} loading;

static int by_name(const void *a, const void *b) {
    const named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* The first of names that is not before `key`. */
static size_t lower_bound(const loading *l, const char *key) {
    size_t low = 0, high = l->tensors->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(l->names[middle].name, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static err refuse_twice(const loading *l, const tensor_place *a, const tensor_place *b) {
    if (strcmp(a->entry->name, b->entry->name) != 0)
        return err_set(ERR_FORMAT, "%s: '%s' and '%s' are the same tensor", l->tensors->path,
                       a->entry->name, b->entry->name);
    return err_set(ERR_FORMAT, "%s: tensor '%s' lies in '%s' and in '%s'", l->tensors->path,
                   a->entry->name, path_name(a->file->path), path_name(b->file->path));
}

/* The tensor of a key, which a plain encoder's checkpoint has without the family's prefix; NULL
 * where there is none. */
static err find_place(const tensor_place **out, loading *l, const char *key,
                      const encoder_family *family) {
    const char *prefix = family->prefix;
    const char *const keys[] = {key, begins(key, prefix) ? key + strlen(prefix) : NULL};
    *out = NULL;
    for (size_t k = 0; k < 2 && keys[k]; k++)
        for (size_t i = lower_bound(l, keys[k]);
             i < l->tensors->count && strcmp(l->names[i].name, keys[k]) == 0; i++) {
            const tensor_place *t = &l->tensors->list[l->names[i].place];
            if (*out) return refuse_twice(l, *out, t);
            *out = t;
            l->used[i] = true;
        }
    return ERR_OK;
}

static err note_missing(loading *l, const param *p, size_t index, const char *key) {
    bool can_draw = p->scope == PARAM_CLASSIFIER || p->scope == PARAM_POOLER;
    l->absent[index] = true;
    l->required_count += !can_draw;
    return weights__keys_add(&l->report->missing, key);
}

static err note_mismatch(loading *l, const tensor_place *t, const param *p, size_t rows,
                         size_t index, const char *key) {
    char found[TENSOR_SHAPE_BYTES], expected[64], sizes[TENSOR_SHAPE_BYTES + 100];
    if (p->scope != PARAM_CLASSIFIER || !l->resize)
        return weights__shape_error(t->file, t->entry, p, rows,
                                    p->scope == PARAM_CLASSIFIER
                                        ? err_advice("ignore-mismatched-sizes",
                                                     ": a classifier of other labels "
                                                     "(--ignore-mismatched-sizes draws a new one)")
                                        : "");
    tensor_shape_text(found, t->entry);
    shape_text(expected, p, rows);
    if (l->anew)
        snprintf(sizes, sizeof sizes, "%s, of other labels: drawn anew", strchr(found, '['));
    else
        snprintf(sizes, sizeof sizes, "%s in the checkpoint, %s here", strchr(found, '['),
                 expected);
    l->absent[index] = true;
    err e = weights__keys_add(&l->report->mismatched, key);
    return e ? e : weights__keys_add(&l->report->sizes, sizes);
}

/* The weight of a masked language model's last product, where it is there beside the word embedding:
 * transformers ties the two only where they are equal. */
static err check_tied(loading *l, const tensor_place *t, const encoder_family *family) {
    const param *token = params_at(l->params, PARAM_token, 0);
    const tensor_place *embedding = NULL;
    char key[PARAM_NAME_BYTES];
    float *values = NULL;
    param_key(token, 0, key);
    err e = find_place(&embedding, l, key, family);
    if (e || !embedding) return e;
    const tensor_entry *a = embedding->entry, *b = t->entry;
    bool is_tied = a->rank == b->rank && a->shape[0] == b->shape[0] && a->count == b->count &&
                   a->count <= token->count;
    if (is_tied && !(e = mem_new(&values, a->count)) &&
        !(e = safetensors_read(embedding->file, a, l->values)) &&
        !(e = safetensors_read(t->file, b, values)))
        is_tied = !memcmp(values, l->values, a->count * sizeof *values);
    mem_free(values);
    if (e || is_tied) return e;
    return err_set(ERR_UNSUPPORTED,
                   "%s: tensor '%s' differs from '%s'; only masked language models whose last "
                   "product is tied to the word embedding are supported",
                   t->file->path, b->name, a->name);
}

/* The bias of a masked language model's last product, and that product's weight, may be there a
 * second time under the names of the product. */
static err find_tied(const tensor_place **out, loading *l, const encoder_family *family) {
    static const char *const ends[] = {"weight", "bias"};
    err e = ERR_OK;
    for (size_t k = 0; !e && k < 2; k++) {
        const tensor_place *again = NULL;
        char key[PARAM_NAME_BYTES];
        snprintf(key, sizeof key, "%s%s", family->lm_decoder, ends[k]);
        e = find_place(&again, l, key, family);
        if (k == 1 && !*out) *out = again;
        if (!e && k == 0 && again) e = check_tied(l, again, family);
    }
    return e;
}

static err add_drawn(weights_report *r, const char *key) {
    err e = mem_grow((void **)&r->drawn, &r->drawn_capacity, r->drawn_count + 1, sizeof *r->drawn);
    if (!e) e = mem_strdup(&r->drawn[r->drawn_count], key);
    if (!e) r->drawn_count++;
    return e;
}

/* An embedding of before tokens were added (transformers' resize_token_embeddings): their rows, the
 * last, are drawn. */
static err load_before_added(loading *l, const tensor_place *t, param *p, size_t index,
                             const char *key) {
    size_t held = p->rows - p->added;
    char rows[PARAM_NAME_BYTES + 32];
    snprintf(rows, sizeof rows, "%s[%zu:%u]", key, held, p->rows);
    err e = safetensors_read(t->file, t->entry, l->values);
    if (!e) e = params_write(p, l->values, 0, held * p->cols);
    if (!e) e = params_draw_last(l->params, index, p->added, l->seed, l->range);
    return e ? e : add_drawn(l->report, rows);
}

static err load_slice(loading *l, param *p, size_t slice, size_t slices, size_t index) {
    char key[PARAM_NAME_BYTES];
    const tensor_place *t = NULL;
    size_t rows = p->rows / slices, count = rows * p->cols;
    err e = ERR_OK;
    param_key(p, slice, key);
    if ((e = find_place(&t, l, key, p->family))) return e;
    if (p->field == PARAM_lm_output_bias && (e = find_tied(&t, l, p->family))) return e;
    if (!t) return note_missing(l, p, index, key);
    if (p->added && weights__shape_fits(t->entry, p, rows - p->added))
        return load_before_added(l, t, p, index, key);
    if (!weights__shape_fits(t->entry, p, rows) || (l->anew && p->scope == PARAM_CLASSIFIER))
        return note_mismatch(l, t, p, rows, index, key);
    if ((e = safetensors_read(t->file, t->entry, l->values))) return e;
    return params_write(p, l->values, slice * count, count);
}

/* Index buffers of old checkpoints: not parameters, and transformers does not list them. */
static bool is_position_ids(const char *name) {
    static const char tail[] = "position_ids";
    size_t n = strlen(name), m = sizeof tail - 1;
    return n >= m && strcmp(name + n - m, tail) == 0 && (n == m || name[n - m - 1] == '.');
}

static err list_unexpected(loading *l) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < l->tensors->count; i++)
        if (!l->used[i] && !is_position_ids(l->names[i].name))
            e = weights__keys_add(&l->report->unexpected, l->names[i].name);
    return e;
}

static err refuse_missing(const loading *l, const char *title) {
    const weights_report *r = l->report;
    size_t lacks = r->missing.count, extra = r->unexpected.count;
    strbuf text = {0};
    err e = weights_keys_text(&text, &r->missing, SHOWN_KEYS);
    if (!e && extra)
        e = strbuf_printf(&text, "; %zu %s not %s's: ", extra, extra == 1 ? "is" : "are", title);
    if (!e) e = weights_keys_text(&text, &r->unexpected, SHOWN_KEYS);
    if (!e)
        e = err_set(ERR_DATA, "%s: %zu tensor%s of %s %s missing: %s", l->tensors->path, lacks,
                    shown_plural(lacks), title, lacks == 1 ? "is" : "are", text.text);
    strbuf_free(&text);
    return e;
}

static err note_drawn(weights_report *r) {
    const weights_keys *lists[] = {&r->missing, &r->mismatched};
    err e = ERR_OK;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; !e && i < lists[k]->count; i++) e = add_drawn(r, lists[k]->names[i]);
    return e;
}

static err load_all(params *ps, loading *l) {
    err e = ERR_OK;
    if ((e = weights__refuse_foreign(l->tensors, ps->list[0].family))) return e;
    for (size_t i = 0; i < ps->count; i++) {
        size_t slices = param_slices(&ps->list[i]);
        for (size_t slice = 0; slice < slices; slice++)
            if ((e = load_slice(l, &ps->list[i], slice, slices, i))) return e;
    }
    if ((e = list_unexpected(l))) return e;
    if (l->required_count && (e = weights__refuse_wrapped(l->tensors))) return e;
    if (l->required_count) return refuse_missing(l, ps->list[0].family->title);
    if ((e = note_drawn(l->report))) return e;
    if ((e = params_draw(ps, l->seed, l->range, l->absent))) return e;
    return params_check(ps, NULL);
}

static err name_all(loading *l) {
    size_t count = l->tensors->count;
    err e = mem_new(&l->names, count);
    for (size_t i = 0; !e && i < count; i++) {
        l->names[i].place = i;
        e = today_name(&l->names[i].name, l->tensors->list[i].entry->name);
    }
    if (!e) qsort(l->names, count, sizeof *l->names, by_name);
    return e;
}

static err load(params *ps, weights_report *report, const char *folder, uint32_t seed, float range,
                bool resize, bool anew) {
    tensors files = {0};
    loading l = {.tensors = &files,
                 .report = report,
                 .resize = resize,
                 .anew = anew,
                 .params = ps,
                 .seed = seed,
                 .range = range};
    size_t largest = 0;
    err e = ERR_OK;
    *report = (weights_report){0};
    for (size_t i = 0; i < ps->count; i++)
        if (ps->list[i].count > largest) largest = ps->list[i].count;
    if ((e = tensors_open_to_load(&files, folder))) goto done;
    if ((e = name_all(&l))) goto done;
    if ((e = mem_new(&l.used, files.count))) goto done;
    if ((e = mem_new(&l.absent, ps->count))) goto done;
    if ((e = mem_new(&l.values, largest))) goto done;
    if ((e = load_all(ps, &l))) goto done;
    e = tensors_digest(&files, report->sha256);
done:
    for (size_t i = 0; l.names && i < files.count; i++) mem_free(l.names[i].name);
    mem_free(l.names);
    mem_free(l.used);
    mem_free(l.absent);
    mem_free(l.values);
    tensors_close(&files);
    return e;
}

err weights_load(params *ps, weights_report *report, const char *folder, uint32_t seed,
                 float range) {
    return load(ps, report, folder, seed, range, false, false);
}

err weights_load_resized(params *ps, weights_report *report, const char *folder, uint32_t seed,
                         float range) {
    return load(ps, report, folder, seed, range, true, false);
}

err weights_load_anew(params *ps, weights_report *report, const char *folder, uint32_t seed,
                      float range) {
    return load(ps, report, folder, seed, range, true, true);
}

/* Of a tensor whose rows are labels, or several rows a label. */
static err move_rows(param *p, const uint32_t *from, size_t classes) {
    float *before = NULL, *after = NULL;
    size_t each = p->count / classes;
    err e = mem_new(&before, p->count);
    if (!e) e = mem_new(&after, p->count);
    if (!e) e = device_read_f32(before, p->p, p->count);
    for (size_t row = 0; !e && row < classes; row++)
        memcpy(after + row * each, before + from[row] * each, each * sizeof *after);
    if (!e) e = params_write(p, after, 0, p->count);
    mem_free(before);
    mem_free(after);
    return e;
}

err weights_move_rows(params *ps, const uint32_t *from) {
    size_t classes = SIZE_MAX;
    err e = ERR_OK;
    for (size_t i = 0; i < ps->count; i++)
        if (ps->list[i].scope == PARAM_CLASSIFIER && ps->list[i].rows < classes)
            classes = ps->list[i].rows;
    for (size_t i = 0; !e && i < ps->count; i++)
        if (ps->list[i].scope == PARAM_CLASSIFIER) e = move_rows(&ps->list[i], from, classes);
    return e;
}
