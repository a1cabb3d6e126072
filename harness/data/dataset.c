#include "data/dataset.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "data/data_internal.h"
#include "platform/assets.h"
#include "platform/file.h"
#include "platform/places.h"

#include <stdio.h>
#include <string.h>

/* The folder of the XDG cache that holds <task>/<file>: $XDG_CACHE_HOME/harness/data, or
 * ~/.cache/harness/data. *path is owned. Errors: ERR_IO when neither variable is set. */
static err dataset_cache_folder(char **path) {
    err e = place_cache(path, "harness/data");
    return e == ERR_IO ? err_set(e, "%s%s", err_message(e),
                                 err_advice("data", "; name the data with --data DIR"))
                       : e;
}

err dataset_path(char **path, const task *t, const task_file *f, const dataset_options *options) {
    const dataset_options o = options ? *options : (dataset_options){0};
    if (o.sample) return mem_printf(path, "%s/sample/%s/%s", t->folder, t->data_folder, f->name);
    if (o.data_dir) return mem_printf(path, "%s/%s/%s", o.data_dir, t->data_folder, f->name);
    if (f->place && file_exists(f->place)) return mem_strdup(path, f->place);
    if (f->path && (*f->path == '/' || !strcmp(t->folder, "."))) return mem_strdup(path, f->path);
    if (f->path) return path_join(path, t->folder, f->path);
    const char *set = environment("HARNESS_DATA");
    err e;
    if (set) {
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

err dataset_is_here(bool *here, const task *t, const dataset_options *options) {
    *here = true;
    for (size_t i = 0; i < t->file_count && *here; i++) {
        char *path = NULL;
        err e = dataset_path(&path, t, &t->files[i], options);
        if (e) return e;
        *here = file_exists(path);
        mem_free(path);
    }
    return ERR_OK;
}

bool data__is_placed(const task_file *f, const dataset_options *o) {
    return !f->url && (f->place || f->path) && !o->data_dir;
}

err data__moved(const task *t, const task_file *f, const char *path) {
    if (f->place) path = f->place;
    const char *kind = file_other_kind(path);
    return err_set(ERR_DATA, "%s: %s%s%s, and %s says that %s lies there%s%.12s%s: put it back%s",
                   path, kind ? "is " : "", kind ? kind : "no such file", kind ? ", no file" : "",
                   t->path, kind ? "one" : "it", f->sha256 ? " (SHA-256 " : "",
                   f->sha256 ? f->sha256 : "", f->sha256 ? "...)" : "",
                   f->place ? err_advice("data", ", or name its place with --data DIR") : "");
}

err dataset_absent(char **text, const task *t, const task_file *f, const dataset_options *options) {
    const dataset_options o = options ? *options : (dataset_options){0};
    const char *set = environment("HARNESS_DATA");
    char *path = NULL;
    err e = dataset_path(&path, t, f, &o);
    if (!e && set && !o.sample && !o.data_dir && !f->path)
        e = mem_printf(text, "%s/%s/%s: no such file, and none in the cache (%s)", set,
                       t->data_folder, f->name, path);
    else if (!e && file_other_kind(path))
        e = mem_printf(text, "%s: is %s, a file was expected", path, file_other_kind(path));
    else if (!e)
        e = mem_printf(text, "%s: no such file", path);
    mem_free(path);
    return e;
}

static err missing(const task *t, const task_file *f, const char *path, const dataset_options *o) {
    char word[200], *absent = NULL; // the name comes with a manifest: a command is pasted
    if (o->sample) {
        err e = asset_is(t->folder, "tasks") ? asset_need(path) : ERR_OK;
        return e ? e
                 : err_set(ERR_DATA, "%s: task '%s' has no bundled sample%s", path, t->name,
                           err_advice("sample", ": run without --sample"));
    }
    if (data__is_placed(f, o)) return data__moved(t, f, path);
    strbuf kin = {0};
    err e = dataset_absent(&absent, t, f, o);
    if (!e) e = dataset_kin(&kin, t, NULL, o);
    const char *hint = kin.length ? err_advice("task", "; with files that are here: --task ") : "",
               *names = *hint ? kin.text : "";
    shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", t->name);
    if (!e && !f->url)
        e = err_set(ERR_DATA, "%s; its manifest %s names no url, so put it there%s%s%s%s", absent,
                    t->path, err_advice("data", ", name its place with --data DIR"),
                    err_advice("sample", ", or try --sample"), hint, names);
    else if (!e)
        e = err_set(ERR_DATA, "%s; fetch it with 'harness data fetch %s'%s%s%s%s", absent, word,
                    err_advice("data", ", name its place with --data DIR"),
                    err_advice("sample", ", or try --sample"), hint, names);
    mem_free(absent);
    strbuf_free(&kin);
    return e;
}

static err read_rows(data__reader *r, data__source *s) {
    static err (*const readers[])(data__reader *, data__source *) = {
        data__read_delimited, data__read_jsonl, data__read_json, data__read_tagged,
        data__read_conll};
    return readers[r->task->format.kind](r, s);
}

/* Of a file that lies where its manifest says: it is somebody's own, who may change it. */
static err changed(const task *t, const char *path, const char *now, const char *then) {
    return err_set(
        ERR_DATA,
        "%s: %s, and %s when %s was written: the file has changed since; put the old one "
        "back%s, or train anew",
        path, now, then, t->path,
        err_advice("train-file", ", name the new one (--train-file, --test-file)"));
}

static err check_bytes(const task *t, const task_file *f, const data__source *s) {
    char now[40], then[40];
    if (!f->bytes || f->bytes == s->file_bytes) return ERR_OK;
    snprintf(now, sizeof now, "%llu bytes", (unsigned long long)s->file_bytes);
    snprintf(then, sizeof then, "%llu", (unsigned long long)f->bytes);
    return f->path ? changed(t, s->path, now, then)
                   : err_set(ERR_DATA, "%s: %s, the manifest expects %s", s->path, now, then);
}

/* Compares the rest of a file's identity; its size was right. */
static err check_sha256(const task *t, const task_file *f, data__source *s) {
    char now[HASH_HEX_BYTES + 16];
    char hex[HASH_HEX_BYTES];
    err e = data__source_finish(s, hex);
    if (e || !strcmp(hex, f->sha256)) return e;
    snprintf(now, sizeof now, "SHA-256 is %s", hex);
    if (f->path) return changed(t, s->path, now, f->sha256);
    return err_set(ERR_DATA, "%s: SHA-256 is %s, the manifest expects %s", s->path, hex, f->sha256);
}

err dataset_check_blob(const task_file *f, const char *path) {
    char hex[HASH_BLOB_BYTES];
    err e = hash_blob_hex(path, hex);
    if (e || !strcmp(hex, f->git_blob)) return e;
    return err_set(ERR_DATA, "%s: its git blob id is %s, the manifest expects %s", path, hex,
                   f->git_blob);
}

static err read_file(data__reader *r, const task_file *f, bool trusted) {
    bool keep_bom = r->task->format.kind == TASK_FORMAT_DELIMITED && r->task->format.keep_bom;
    data__source s;
    char *message = NULL;
    err e = data__source_open(&s, r->path, keep_bom), wrong = ERR_OK;
    bool opened = s.fd >= 0;
    if (opened && !trusted && (wrong = check_bytes(r->task, f, &s))) {
        e = wrong;
        goto done;
    }
    if (opened && !trusted && f->git_blob && (wrong = dataset_check_blob(f, r->path))) {
        e = wrong; // that it is another file explains what is wrong in it
        goto done;
    }
    if (!e) e = mem_new(&r->set, r->task->label_count);
    if (!e) e = read_rows(r, &s);
    if (opened && !trusted && f->sha256 && (!e || e == ERR_FORMAT)) {
        // that it is another file explains what is wrong in it
        if (e && (wrong = mem_strdup(&message, err_message(e)))) e = wrong;
        if (e != ERR_MEMORY && !(wrong = check_sha256(r->task, f, &s)) && e)
            e = err_set(e, "%s", message);
        if (wrong) e = wrong;
    }
    if (!e && !trusted && f->rows && f->rows != r->file_rows) {
        e = err_set(ERR_DATA, "%s: %zu rows, the manifest expects %llu", r->path, r->file_rows,
                    (unsigned long long)f->rows);
    }
done:
    mem_free(message);
    mem_free(r->set);
    strbuf_free(&r->marked);
    data__source_close(&s);
    return e;
}

static dataset_split *split_of(dataset *d, task_role role) {
    dataset_split *const splits[TASK_ROLES] = {&d->train, &d->test, &d->file_rows, &d->dev};
    return splits[role];
}

/* Rows that were read, by role. */
typedef struct row_counts {
    size_t read[TASK_ROLES], invalid[TASK_ROLES];
} row_counts;

/* Whether nothing is to be read of the file. */
static bool is_left_out(const task_file *f, const dataset_options *o) {
    return o->without_test && f->role == TASK_ROLE_TEST;
}

static err read_files(dataset *d, row_counts *n, const task *t, const dataset_options *o) {
    size_t capacity[TASK_ROLES] = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < t->file_count && !e; i++) {
        const task_file *f = &t->files[i];
        if (is_left_out(f, o)) continue;
        data__reader r = {.task = t,
                          .path = d->paths[i],
                          .file = (uint32_t)i,
                          .texts = &d->texts,
                          .split = split_of(d, f->role),
                          .invalid_first = &d->invalid_first,
                          .row_capacity = &capacity[f->role]};
        e = read_file(&r, f, o->sample || o->trust_files);
        n->read[f->role] += r.file_rows;
        n->invalid[f->role] += r.file_invalid;
        d->invalid_count += r.file_invalid;
    }
    return e;
}

/* A target in words, for digests and people: a class's id, a number that reads back the same, ids
 * of a set with commas, values of units with blanks. Replaces what b held. Errors: ERR_MEMORY. */
static err dataset_target_text(strbuf *b, const dataset *d, example_target target) {
    bool any = false;
    b->length = 0;
    err e = strbuf_add(b, "");
    if (e || answer_is_label(d->kind)) return e ? e : strbuf_printf(b, "%u", target.class);
    if (d->kind == ANSWER_NUMBER) return strbuf_printf(b, "%.9g", (double)target.number);
    if (answer_in_units(d->kind)) {
        size_t count = target.units.count * answer_unit_width(d->kind);
        for (size_t k = 0; k < count && !e; k++)
            e = strbuf_printf(b, "%s%u", k ? " " : "", target.units.values[k]);
        return e;
    }
    for (size_t k = 0; k < d->label_count && !e; k++) {
        if (!target.set[k]) continue;
        e = strbuf_printf(b, "%s%zu", any ? "," : "", k);
        any = true;
    }
    return e;
}

/* Of units: values one behind the other. */
static err gold_units(answer_arrays *gold, const dataset *d, const dataset_split *s) {
    size_t width = answer_unit_width(d->kind), all = 0;
    err e = mem_new(&gold->begin, s->row_count + 1);
    for (size_t i = 0; i < s->row_count && !e; i++) {
        all += s->rows[i].example.target.units.count;
        gold->begin[i + 1] = (uint32_t)all;
    }
    if (!e) e = mem_new(&gold->classes, all * width);
    for (size_t i = 0; i < s->row_count && !e; i++) {
        const example_units *u = &s->rows[i].example.target.units;
        if (u->count)
            memcpy(gold->classes + gold->begin[i] * width, u->values,
                   u->count * width * sizeof *u->values);
    }
    return e;
}

err dataset_gold(answer_arrays *gold, const dataset *d, const dataset_split *s) {
    size_t width = d->kind == ANSWER_SET ? d->label_count : 1;
    *gold = (answer_arrays){0};
    if (answer_in_units(d->kind)) return gold_units(gold, d, s);
    err e = answer_is_label(d->kind) ? mem_new(&gold->classes, s->row_count)
                                     : mem_new(&gold->numbers, s->row_count * width);
    for (size_t i = 0; i < s->row_count && !e; i++) {
        example_target target = s->rows[i].example.target;
        if (answer_is_label(d->kind)) gold->classes[i] = target.class;
        if (d->kind == ANSWER_NUMBER) gold->numbers[i] = target.number;
        for (size_t k = 0; d->kind == ANSWER_SET && k < width; k++)
            gold->numbers[i * width + k] = target.set[k];
    }
    return e;
}

static err hash_split(dataset_split *s, const dataset *d) {
    strbuf target = {0};
    sha256 h;
    err e = ERR_OK;
    sha256_begin(&h);
    for (size_t i = 0; i < s->row_count && !e; i++) {
        const example *x = &s->rows[i].example;
        if ((e = dataset_target_text(&target, d, x->target))) break;
        sha256_add(&h, target.text, target.length + 1);
        for (uint32_t k = 0; k < x->text_count; k++)
            sha256_add(&h, x->texts[k].text, x->texts[k].bytes + 1);
    }
    sha256_end_hex(&h, s->sha256);
    strbuf_free(&target);
    return e;
}

static err hash_gold(dataset *d) {
    strbuf target = {0};
    sha256 h;
    err e = ERR_OK;
    sha256_begin(&h);
    for (size_t i = 0; i < d->test.row_count && !e; i++) {
        e = dataset_target_text(&target, d, d->test.rows[i].example.target);
        if (!e) e = strbuf_add(&target, "\n");
        if (!e) sha256_add(&h, target.text, target.length);
    }
    sha256_end_hex(&h, d->gold_sha256);
    strbuf_free(&target);
    return e;
}

static err hash_rows(dataset *d) {
    char text[3 * HASH_HEX_BYTES + 24];
    err e;
    if ((e = hash_split(&d->train, d)) || (e = hash_split(&d->test, d))) return e;
    if (d->file_rows.row_count && (e = hash_split(&d->file_rows, d))) return e;
    if (d->dev.row_count && (e = hash_split(&d->dev, d))) return e;
    int n = snprintf(text, sizeof text, "train %s\ntest %s\n", d->train.sha256, d->test.sha256);
    if (d->dev.row_count)
        n += snprintf(text + n, sizeof text - (size_t)n, "dev %s\n", d->dev.sha256);
    hash_bytes_hex(text, (size_t)n, d->data_sha256);
    return hash_gold(d);
}

static err check_not_empty(const dataset *d, const task *t, const row_counts *n, size_t splits) {
    const size_t found[] = {d->train.kept_count, d->test.row_count};
    for (size_t i = 0; i < splits; i++) {
        if (found[i]) continue;
        task_role role = t->split.rule == TASK_SPLIT_HASH ? TASK_ROLE_ALL
                         : i                              ? TASK_ROLE_TEST
                                                          : TASK_ROLE_TRAIN;
        size_t first = 0;
        while (t->files[first].role != role) first++;
        if (!i && role == TASK_ROLE_ALL && d->test.row_count)
            return err_set(
                ERR_DATA,
                "%s: each of its labels has one text, which goes to the test set: nothing "
                "is left to learn from%s",
                d->paths[first], err_advice("test-file", " (--test-file)"));
        return err_set(ERR_DATA, "%s: task '%s' has no %s rows (%zu read, %zu dropped%s%s)",
                       d->paths[first], t->name, i ? "test" : "train", n->read[role],
                       n->invalid[role], n->invalid[role] ? "; " : "",
                       n->invalid[role] ? d->invalid_first : "");
    }
    return ERR_OK;
}

static void note_dropped(const dataset *d, const task *t, const row_counts *n) {
    size_t read = 0;
    for (size_t i = 0; i < TASK_ROLES; i++) read += n->read[i];
    if (d->invalid_count)
        log_note("%s: %s of %s rows dropped for what they say; the first is %s", t->name,
                 SHOWN_COUNT(d->invalid_count), SHOWN_COUNT(read), d->invalid_first);
}

static void warn_one_label(const dataset *d, const task *t) {
    size_t present = 0, last = 0;
    if (d->kind == ANSWER_NUMBER && !(d->train.low < d->train.high))
        log_warn("%s: all %s train rows have the number %g", t->name,
                 SHOWN_COUNT(d->train.row_count), d->train.low);
    if (!answer_is_label(d->kind)) return;
    for (size_t i = 0; i < d->label_count; i++) {
        if (!d->train.label_counts[i]) continue;
        present++;
        last = i;
    }
    if (present == 1) {
        log_warn("%s: all %s train rows have the label '%s'", t->name,
                 SHOWN_COUNT(d->train.row_count), t->labels[last].name);
    }
}

/* Where the files are; they have to be there, all of them, before one is read. */
static err find_files(dataset *d, const task *t, const dataset_options *o) {
    err e = mem_new(&d->paths, t->file_count);
    for (size_t i = 0; i < t->file_count && !e; i++) {
        if ((e = dataset_path(&d->paths[i], t, &t->files[i], o))) break;
        d->path_count++;
        if (!is_left_out(&t->files[i], o) && !path_is_there(d->paths[i]))
            e = missing(t, &t->files[i], d->paths[i], o);
    }
    return e;
}

err dataset_load(dataset *d, const task *t, const dataset_options *options) {
    const dataset_options o = options ? *options : (dataset_options){0};
    const task_split *split = o.sample ? &t->sample_split : &t->split;
    row_counts counts = {0};
    *d = (dataset){.kind = t->kind, .label_count = t->label_count};
    err e = find_files(d, t, &o);
    if (e || (e = read_files(d, &counts, t, &o))) return e;
    if (split->rule == TASK_SPLIT_HASH && (e = data__split_by_hash(d, split->one_in))) return e;
    if (o.without_test) d->test.row_count = 0;
    if ((e = data__mark(d, t))) return e;
    if ((e = check_not_empty(d, t, &counts, o.without_test ? 1 : 2))) return e;
    data__count_cleaned(d, t);
    if (o.limit) {
        if ((e = data__limit(&d->train, o.limit, true))) return e;
        if ((e = data__limit(&d->test, o.limit, false))) return e;
        if (d->dev.row_count && (e = data__limit(&d->dev, o.limit, false))) return e;
        if ((e = data__mark(d, t))) return e;
    }
    if ((e = hash_rows(d))) return e;
    note_dropped(d, t, &counts);
    warn_one_label(d, t);
    return ERR_OK;
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
    for (size_t i = 0; i < d->texts.count; i++) mem_free(d->texts.blocks[i]);
    mem_free(d->texts.blocks);
    mem_free(d->invalid_first);
    *d = (dataset){0};
}
