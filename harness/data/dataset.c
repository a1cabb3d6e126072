#include "data/dataset.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/data_internal.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

err dataset_cache_folder(char **path) {
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    // the XDG rule: a relative path there is to be ignored
    if (cache && cache[0] == '/') return mem_printf(path, "%s/harness/data", cache);
    if (home && home[0]) return mem_printf(path, "%s/.cache/harness/data", home);
    return err_set(ERR_IO, "neither XDG_CACHE_HOME nor HOME is set: name the data with --data DIR");
}

err dataset_path(char **path, const task *t, const task_file *f, const dataset_options *options) {
    const dataset_options o = options ? *options : (dataset_options){0};
    if (o.sample) return mem_printf(path, "%s/sample/%s/%s", t->folder, t->data_folder, f->name);
    if (o.data_dir) return mem_printf(path, "%s/%s/%s", o.data_dir, t->data_folder, f->name);
    const char *set = getenv("HARNESS_DATA");
    err e;
    if (set && set[0]) {
        if ((e = mem_printf(path, "%s/%s/%s", set, t->data_folder, f->name))) return e;
        if (file_exists(*path)) return ERR_OK;
        mem_free(*path);
    }
    char *cache;
    if ((e = dataset_cache_folder(&cache))) return e;
    e = mem_printf(path, "%s/%s/%s", cache, t->data_folder, f->name);
    mem_free(cache);
    return e;
}

static err missing(const task *t, const task_file *f, const char *path, bool sample) {
    if (sample) {
        return err_set(ERR_DATA, "%s: task '%s' has no bundled sample: run without --sample", path,
                       t->name);
    }
    if (!f->url) {
        return err_set(
            ERR_DATA,
            "%s: no such file; its manifest %s names no url, so put it there, or name its "
            "place with --data DIR (or try --sample)",
            path, t->path);
    }
    return err_set(ERR_DATA,
                   "%s: no such file; fetch it with 'harness data fetch %s', name its place with "
                   "--data DIR, or try --sample",
                   path, t->name);
}

static err check_bytes(const task_file *f, const char *path, const void *bytes, size_t count) {
    char hex[HASH_HEX_BYTES];
    if (f->bytes && f->bytes != count) {
        return err_set(ERR_DATA, "%s: %zu bytes, the manifest expects %llu", path, count,
                       (unsigned long long)f->bytes);
    }
    if (!f->sha256) return ERR_OK;
    hash_bytes_hex(bytes, count, hex);
    if (!strcmp(hex, f->sha256)) return ERR_OK;
    return err_set(ERR_DATA, "%s: SHA-256 is %s, the manifest expects %s", path, hex, f->sha256);
}

/* A file's content while the dataset is read. */
typedef struct content {
    void *bytes;
    size_t count;
} content;

static err read_content(content *c, const task *t, const task_file *f, const char *path,
                        const dataset_options *o) {
    if (!file_exists(path)) return missing(t, f, path, o->sample);
    err e = file_read(&c->bytes, &c->count, path, UINT32_MAX);
    if (e || o->sample || o->trust_files) return e;
    return check_bytes(f, path, c->bytes, c->count);
}

static err read_rows(data__reader *r, const content *c) {
    static err (*const readers[])(data__reader *, const char *, size_t) = {
        data__read_delimited, data__read_jsonl, data__read_json};
    err e = data__check_text(r->path, c->bytes, c->count);
    return e ? e : readers[r->task->format.kind](r, c->bytes, c->count);
}

static dataset_split *split_of(dataset *d, task_role role) {
    return role == TASK_ROLE_TRAIN ? &d->train : role == TASK_ROLE_TEST ? &d->test : &d->file_rows;
}

static err read_files(dataset *d, const task *t, const content *contents,
                      const dataset_options *o) {
    size_t bytes = 1, capacity[3] = {0};
    for (size_t i = 0; i < t->file_count; i++) bytes += contents[i].count + 2;
    err e = mem_new(&d->text_block, bytes);
    data__reader r = {.task = t, .text_end = d->text_block};
    for (size_t i = 0; i < t->file_count && !e; i++) {
        const task_file *f = &t->files[i];
        r.path = d->paths[i];
        r.file = (uint32_t)i;
        r.split = split_of(d, f->role);
        r.row_capacity = &capacity[f->role];
        r.file_rows = 0;
        if ((e = read_rows(&r, &contents[i]))) break;
        if (f->rows && f->rows != r.file_rows && !o->sample && !o->trust_files) {
            e = err_set(ERR_DATA, "%s: %zu rows, the manifest expects %llu", r.path, r.file_rows,
                        (unsigned long long)f->rows);
        }
    }
    d->invalid_count = r.invalid_count;
    return e;
}

static void hash_split(dataset_split *s) {
    sha256 h;
    sha256_begin(&h);
    for (size_t i = 0; i < s->row_count; i++) {
        char number[16];
        int n = snprintf(number, sizeof number, "%u", s->rows[i].example.target.class);
        sha256_add(&h, number, (size_t)n + 1);
        sha256_add(&h, s->rows[i].example.texts[0].text,
                   (size_t)s->rows[i].example.texts[0].bytes + 1);
    }
    sha256_end_hex(&h, s->sha256);
}

static void hash_rows(dataset *d) {
    char text[2 * HASH_HEX_BYTES + 16];
    sha256 h;
    hash_split(&d->train);
    hash_split(&d->test);
    if (d->file_rows.row_count) hash_split(&d->file_rows);
    int n = snprintf(text, sizeof text, "train %s\ntest %s\n", d->train.sha256, d->test.sha256);
    hash_bytes_hex(text, (size_t)n, d->data_sha256);
    sha256_begin(&h);
    for (size_t i = 0; i < d->test.row_count; i++) {
        n = snprintf(text, sizeof text, "%u\n", d->test.rows[i].example.target.class);
        sha256_add(&h, text, (size_t)n);
    }
    sha256_end_hex(&h, d->gold_sha256);
}

static err check_not_empty(const dataset *d, const task *t) {
    const dataset_split *splits[] = {&d->train, &d->test};
    static const char *const names[] = {"train", "test"};
    for (size_t i = 0; i < 2; i++) {
        size_t found = i ? splits[i]->row_count : splits[i]->kept_count;
        if (!found) {
            return err_set(
                ERR_DATA, "%s: task '%s' has no %s rows (%zu read, %zu dropped for their label)",
                d->paths[0], t->name, names[i],
                d->train.row_count + d->test.row_count + d->invalid_count, d->invalid_count);
        }
    }
    return ERR_OK;
}

static void warn_one_label(const dataset *d, const task *t) {
    size_t present = 0, last = 0;
    for (size_t i = 0; i < d->label_count; i++) {
        if (!d->train.label_counts[i]) continue;
        present++;
        last = i;
    }
    if (present == 1) {
        log_warn("%s: all %zu train rows have the label '%s'", t->name, d->train.row_count,
                 t->labels[last].name);
    }
}

err dataset_load(dataset *d, const task *t, const dataset_options *options) {
    const dataset_options o = options ? *options : (dataset_options){0};
    const task_split *split = o.sample ? &t->sample_split : &t->split;
    content *contents = NULL;
    *d = (dataset){.label_count = t->label_count};
    err e = mem_new(&d->paths, t->file_count);
    if (e || (e = mem_new(&contents, t->file_count))) return e;
    for (size_t i = 0; i < t->file_count; i++) {
        if ((e = dataset_path(&d->paths[i], t, &t->files[i], &o))) goto done;
        d->path_count++;
        if ((e = read_content(&contents[i], t, &t->files[i], d->paths[i], &o))) goto done;
    }
    if ((e = read_files(d, t, contents, &o))) goto done;
    if (split->rule == TASK_SPLIT_HASH && (e = data__split_by_hash(d, split->one_in))) goto done;
    if ((e = data__mark(d, t))) goto done;
    if ((e = check_not_empty(d, t))) goto done;
    if (o.limit) {
        if ((e = data__limit(&d->train, o.limit, true))) goto done;
        if ((e = data__limit(&d->test, o.limit, false))) goto done;
        if ((e = data__mark(d, t))) goto done;
    }
    hash_rows(d);
    warn_one_label(d, t);
done:
    for (size_t i = 0; i < t->file_count; i++) mem_free(contents[i].bytes);
    mem_free(contents);
    return e;
}

static void split_free(dataset_split *s) {
    mem_free(s->rows);
    mem_free(s->label_counts);
}

void dataset_free(dataset *d) {
    split_free(&d->train);
    split_free(&d->test);
    split_free(&d->dev);
    split_free(&d->file_rows);
    for (size_t i = 0; i < d->path_count; i++) mem_free(d->paths[i]);
    mem_free(d->paths);
    mem_free(d->text_block);
    *d = (dataset){0};
}
