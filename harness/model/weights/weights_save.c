#include "base/memory.h"
#include "model/weights/weights_internal.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char weights_name[] = "model.safetensors";
static const char moments_name[] = "optimizer.safetensors";

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

/* Every value is finite, and those of squares are not negative. Errors: ERR_NUMERIC naming the
 * tensor by its key. */
static err check_values(const float *values, const param *p, part which) {
    size_t slice_count = p->count / param_slices(p);
    for (size_t i = 0; i < p->count; i++) {
        char key[PARAM_NAME_BYTES + 16];
        if (isfinite(values[i]) && !(which == PART_SQUARE && values[i] < 0)) continue;
        part_key(p, which, i / slice_count, key);
        return err_set(ERR_NUMERIC, "tensor '%s': number %zu of %zu is %g, expected a finite %s",
                       key, i % slice_count + 1, slice_count, (double)values[i],
                       which == PART_SQUARE ? "one of at least 0" : "one");
    }
    return ERR_OK;
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
    uint32_t *sums = NULL;
    err e = ERR_OK;
    if ((e = path_join(&path, folder, name))) goto done;
    if ((e = mem_new(&values, largest_count(ps)))) goto done;
    if ((e = mem_new(&sums, ps->count))) goto done;
    if (first == PART_WEIGHT && (e = params_sums(sums, ps))) goto done;
    for (part which = first; which <= last; which++)
        for (size_t i = 0; i < ps->count; i++)
            if ((e = declare(&w, &ps->list[i], which))) goto done;
    if ((e = safetensors_writer_begin(&w, path))) goto done;
    for (part which = first; which <= last; which++)
        for (size_t i = 0; i < ps->count; i++) {
            // the slices of one parameter follow each other in the file as in memory
            const param *p = &ps->list[i];
            e = which == PART_WEIGHT ? params_read(values, ps, i, sums)
                                     : device_read_f32(values, part_span(p, which), p->count);
            if (e || (e = check_values(values, p, which))) goto done;
            if ((e = safetensors_add(&w, values, p->count))) goto done;
        }
    e = safetensors_writer_commit(&w);
done:
    safetensors_writer_free(&w);
    mem_free(sums);
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

static err load_part(const safetensors *file, const param *p, part which, float *values) {
    size_t slices = param_slices(p), count = p->count / slices;
    for (size_t slice = 0; slice < slices; slice++) {
        char key[PARAM_NAME_BYTES + 16];
        part_key(p, which, slice, key);
        const tensor_entry *t = safetensors_find(file, key);
        if (!t) return err_set(ERR_DATA, "%s: tensor '%s' is missing", file->path, key);
        if (!weights__shape_fits(t, p, p->rows / slices))
            return weights__shape_error(file, t, p, p->rows / slices, "");
        err e = safetensors_read(file, t, values + slice * count);
        if (e) return e;
    }
    err e = check_values(values, p, which);
    if (e) return err_wrap(ERR_DATA, "%s", file->path);
    return device_write_f32(part_span(p, which), values, p->count);
}

err moments_load(params *ps, const char *folder) {
    safetensors file = {0};
    char path[PATH_MAX];
    float *values = NULL;
    size_t tensors = 0;
    err e = ERR_OK;
    for (size_t i = 0; i < ps->count; i++) tensors += 2 * param_slices(&ps->list[i]);
    if ((e = path_in(path, folder, moments_name))) goto done;
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
    return e;
}
