#include "base/order.h"
#include "report/report_internal.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What tells two rows of a table apart, in the order of sorting. */
enum {
    KEY_MODEL,
    KEY_WEIGHTS,
    KEY_VOCAB,
    KEY_CONFIG,
    KEY_DRAWN,
    KEY_LABEL_MAP,
    KEY_RECIPE,
    KEY_PRECISION,
    KEY_KIND,
    KEY_DEVICE,
    KEY_NUMERICS,
    KEY_COUNT
};

// a record with what sorting needs beside it
typedef struct entry {
    const record *r;
    const char *path;
    const char *keys[KEY_COUNT];     // borrowed from the record or from below
    char *config, *drawn, *numerics; // compact prints, digits; owned
    record_digests digests;
    size_t group; // of records of its table that agree on the data
    bool is_copy; // of a record of another seed
} entry;

/* The compact print of a value, or that of the record before, which may have the very same. */
static err print_key(char **own, const char **key, const cJSON *value, const cJSON *same,
                     const char *printed) {
    err e = value == same ? ERR_OK : json_print(own, value, false);
    *key = *own ? *own : printed;
    return e;
}

static err entry_init(entry *e, const entry *before, const record *r, const char *path) {
    const record_model *m = &r->model, *same = before ? &before->r->model : NULL;
    const char *config = NULL, *drawn = NULL;
    *e = (entry){.r = r, .path = path};
    err failed = print_key(&e->config, &config, m->config, same ? same->config : NULL,
                           before ? before->keys[KEY_CONFIG] : NULL);
    if (!failed)
        failed = print_key(&e->drawn, &drawn, m->newly_initialised,
                           same ? same->newly_initialised : NULL,
                           before ? before->keys[KEY_DRAWN] : NULL);
    if (!failed) failed = mem_printf(&e->numerics, "%lld", (long long)r->numerics_version);
    const char *keys[KEY_COUNT] = {
        [KEY_MODEL] = r->model.name,
        [KEY_WEIGHTS] = r->model.weights_sha256,
        [KEY_VOCAB] = r->model.vocab_sha256,
        [KEY_CONFIG] = config,
        [KEY_DRAWN] = drawn,
        [KEY_LABEL_MAP] = r->model.label_map,
        [KEY_RECIPE] = r->recipe_sha256,
        [KEY_PRECISION] = r->device.precision,
        [KEY_KIND] = r->device.kind,
        [KEY_DEVICE] = r->device.name,
        [KEY_NUMERICS] = e->numerics,
    };
    memcpy(e->keys, keys, sizeof keys);
    record_digest(&e->digests, r);
    return failed;
}

static int number_order(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int table_order(const entry *a, const entry *b) {
    int c;
    if ((c = strcmp(a->r->task.name, b->r->task.name))) return c;
    if ((c = number_order(b->r->task.version, a->r->task.version))) return c; // newest first
    if ((c = strcmp(a->r->task.data_sha256, b->r->task.data_sha256))) return c;
    if ((c = strcmp(b->r->protocol, a->r->protocol))) return c; // last, then dev
    return strcmp(a->r->headline, b->r->headline);
}

static int row_order(const entry *a, const entry *b) {
    for (int k = 0; k < KEY_COUNT; k++) {
        int c = order_optional(a->keys[k], b->keys[k]);
        if (c) return c;
    }
    return record_group_order(a->r, b->r);
}

static int entry_order(const void *a, const void *b) {
    int c;
    const entry *x = a, *y = b;
    if ((c = table_order(x, y)) || (c = row_order(x, y))) return c;
    if ((c = number_order(x->r->seed, y->r->seed))) return c;
    return strcmp(x->path, y->path);
}

/* records that cannot both be right */

static err add_note(board *b, bool contradicts, const char *format, ...) PRINTF_LIKE(3, 4);
static err add_note(board *b, bool contradicts, const char *format, ...) {
    char text[2 * PATH_MAX + 512]; // of two records
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err e = mem_grow((void **)&b->notes, &b->note_capacity, b->note_count + 1, sizeof *b->notes);
    if (e || (e = mem_strdup(&b->notes[b->note_count].text, text))) return e;
    b->notes[b->note_count++].contradicts = contradicts;
    return ERR_OK;
}

static bool same_labels(const record_task *a, const record_task *b) {
    if (a->label_count != b->label_count) return false;
    if (a->labels == b->labels) return true;
    for (size_t i = 0; i < a->label_count; i++)
        if (strcmp(a->labels[i], b->labels[i])) return false;
    return true;
}

// what of the data two records of one data hash and protocol disagree on, or NULL
static const char *disagreement(const record *a, const record_digests *of_a, const record *b,
                                const record_digests *of_b) {
    const record_task *x = &a->task, *y = &b->task;
    if (x->test_rows != y->test_rows) return "the number of test rows";
    if (!same_labels(x, y)) return "the names of the labels";
    if (strcmp(a->gold_sha256, b->gold_sha256)) return "the test labels";
    if (strcmp(of_a->repeats, of_b->repeats)) return "which test texts repeat another";
    if (strcmp(of_a->dedup, of_b->dedup)) return "the deduplicated test rows";
    if (x->train_rows != y->train_rows || x->dev_rows != y->dev_rows)
        return "the number of training rows";
    if (x->majority_class != y->majority_class) return "the commonest training class";
    if (x->leaked_rows != y->leaked_rows) return "the number of leaked test rows";
    return NULL;
}

// puts the entries that agree with the largest group first, in their order, and names the others
static err leave_out_liars(size_t *kept, board *b, entry *entries, size_t count) {
    typedef struct group {
        const entry *first; // by path
        const record *any;
        record_digests digests;
        size_t size;
    } group;
    group *groups = NULL;
    size_t group_count = 0, best = 0;
    err e = mem_new(&groups, count);
    if (e) return e;
    for (size_t i = 0; i < count; i++) {
        entry *x = &entries[i];
        while (x->group < group_count &&
               disagreement(groups[x->group].any, &groups[x->group].digests, x->r, &x->digests))
            x->group++;
        group *g = &groups[x->group];
        if (x->group == group_count) groups[group_count++] = (group){x, x->r, x->digests, 0};
        if (strcmp(x->path, g->first->path) < 0) g->first = x;
        g->size++;
    }
    for (size_t k = 1; k < group_count; k++) {
        if (groups[k].size > groups[best].size ||
            (groups[k].size == groups[best].size &&
             strcmp(groups[k].first->path, groups[best].first->path) < 0)) {
            best = k;
        }
    }
    const char *first = groups[best].first->path; // entries move below
    const record *any = groups[best].any;
    const record_digests digests = groups[best].digests;
    size_t size = groups[best].size;
    *kept = 0;
    for (size_t i = 0; i < count && !e; i++) {
        entry x = entries[i];
        if (x.group == best)
            entries[i] = entries[*kept], entries[(*kept)++] = x;
        else
            e = add_note(
                b, true,
                "%s is left out: it contradicts %s%s of task '%.200s', which name the same "
                "data, in %s",
                x.path, first, size > 1 ? " and others" : "", x.r->task.name,
                disagreement(any, &digests, x.r, &x.digests));
    }
    mem_free(groups);
    return e;
}

// what a run leaves that no other seed can: its final weights, every loss
typedef struct trace {
    const char *text; // digest, NULL where the record has none
    entry *of;
} trace;

static int trace_order(const void *a, const void *b) {
    const trace *x = a, *y = b;
    int c = order_optional(x->text, y->text);
    return c ? c : strcmp(x->of->path, y->of->path);
}

// of records of several seeds with one trace the first by path stays, with those of its seed
static err mark_copies(board *b, trace *traces, size_t count, const char *what) {
    const trace *first = NULL;
    err e = ERR_OK;
    if (count) qsort(traces, count, sizeof *traces, trace_order);
    for (size_t i = 0; i < count && !e; i++) {
        trace *x = &traces[i];
        if (!x->text || x->of->is_copy) continue;
        if (!first || strcmp(first->text, x->text)) first = x;
        const record *r = first->of->r;
        if (r->seed == x->of->r->seed) continue;
        x->of->is_copy = true;
        e = add_note(b, true,
                     "%s is left out: it contradicts %s, which has another seed, %lld, and the "
                     "same %s",
                     x->of->path, first->of->path, (long long)r->seed, what);
    }
    return e;
}

static err leave_out_copies(size_t *kept, board *b, entry *entries, size_t count) {
    trace *traces = NULL;
    err e = mem_new(&traces, count);
    if (e) return e;
    for (size_t i = 0; i < count; i++)
        traces[i] = (trace){entries[i].r->final_weights_sha256, &entries[i]};
    e = mark_copies(b, traces, count, "final weights");
    for (size_t i = 0; i < count; i++)
        traces[i] =
            (trace){*entries[i].digests.losses ? entries[i].digests.losses : NULL, &entries[i]};
    if (!e) e = mark_copies(b, traces, count, "loss at every step");
    mem_free(traces);
    *kept = 0;
    for (size_t i = 0; i < count; i++) {
        entry x = entries[i]; // swapped: all are freed in the end
        if (!x.is_copy) entries[i] = entries[*kept], entries[(*kept)++] = x;
    }
    return e;
}

// what makes equal runs give equal bits, beside what tells rows apart
static bool same_stack(const record_device *a, const record_device *b) {
    return !order_optional(a->driver, b->driver) && !order_optional(a->version, b->version) &&
           !order_optional(a->isa, b->isa) && !order_optional(a->libraries, b->libraries) &&
           !order_optional(a->kernels, b->kernels);
}

/* Predictions that differ, which lean records may not have with them. */
static err count_differing(size_t *differ, const board *b, const entry *x, const entry *y) {
    record full[2] = {0};
    const record *r = x->r, *o = y->r;
    err e = ERR_OK;
    if (!record_has_answers(r) && !(e = store_read_full(&full[0], b->records, x->path)))
        r = &full[0];
    if (!e && !record_has_answers(o) && !(e = store_read_full(&full[1], b->records, y->path)))
        o = &full[1];
    *differ = 0;
    for (int64_t i = 0; i < r->task.test_rows && !e; i++)
        *differ += !record_same_answer(r, o, (size_t)i);
    record_free(&full[0]);
    record_free(&full[1]);
    return e;
}

static err note_repeated(board *b, const entry *kept, const entry *x) {
    const record *r = kept->r, *o = x->r;
    size_t differ = 0;
    err e = count_differing(&differ, b, kept, x);
    if (e) return e;
    // sums of gradients are rounded by the shards
    if (r->shards != o->shards)
        return add_note(b, false,
                        "%s is left out: it repeats %s, the same row and seed, by another number "
                        "of shards (%zu of %lld predictions differ)",
                        x->path, kept->path, differ, (long long)r->task.test_rows);
    if (!same_stack(&r->device, &o->device))
        return add_note(
            b, false,
            "%s is left out: it repeats %s, the same row and seed, on another driver or "
            "library (%zu of %lld predictions differ)",
            x->path, kept->path, differ, (long long)r->task.test_rows);
    if (differ)
        return add_note(
            b, true, "%s is left out: it contradicts %s, the same run, in %zu of %lld predictions",
            x->path, kept->path, differ, (long long)r->task.test_rows);
    const char *own = r->final_weights_sha256, *other = o->final_weights_sha256;
    if (own && other && strcmp(own, other))
        return add_note(b, true,
                        "%s is left out: it contradicts %s, the same run, in the final weights",
                        x->path, kept->path);
    return add_note(b, false, "%s is left out: it repeats %s, the same row and seed", x->path,
                    kept->path);
}

/* rows and tables */

// appends a row of the entries [0, count), which share a row; of a seed met twice the first stays
static err add_row(board *b, board_table *t, const entry *entries, size_t count) {
    board_row *row = &t->rows[t->row_count];
    const entry *kept = NULL;
    row->order = t->row_count++;
    err e = mem_new(&row->runs, count);
    if (!e) e = mem_new(&row->paths, count);
    for (size_t i = 0; i < count && !e; i++) {
        if (kept && kept->r->seed == entries[i].r->seed) {
            e = note_repeated(b, kept, &entries[i]);
        } else {
            kept = &entries[i];
            row->paths[row->run_count] = kept->path;
            row->runs[row->run_count++] = kept->r;
        }
    }
    return e;
}

static err add_table(board *b, entry *entries, size_t count) {
    board_table *t = &b->tables[b->table_count];
    err e = mem_new(&t->rows, count);
    if (e) return e;
    b->table_count++;
    if ((e = leave_out_liars(&count, b, entries, count))) return e;
    if ((e = leave_out_copies(&count, b, entries, count))) return e;
    for (size_t i = 0, end; i < count && !e; i = end) {
        for (end = i; end < count && !row_order(&entries[i], &entries[end]);) end++;
        e = add_row(b, t, entries + i, end - i);
    }
    return e;
}

static const record *run_of(const board_table *t) {
    return t->rows[0].runs[0];
}

/* Marks tables (count) of one task or of one version of it. */
static void mark_all(board_table *tables, size_t count, unsigned apart) {
    for (size_t i = 0; i < count; i++) tables[i].apart |= apart;
}

/* What is not the same in all tables (count): data, protocol. */
static unsigned differing(const board_table *tables, size_t count, unsigned data,
                          unsigned protocol) {
    const record *first = run_of(&tables[0]);
    unsigned differ = 0;
    for (size_t i = 1; i < count; i++) {
        const record *r = run_of(&tables[i]);
        if (strcmp(r->task.data_sha256, first->task.data_sha256)) differ |= data;
        if (strcmp(r->protocol, first->protocol)) differ |= protocol;
    }
    return differ;
}

/* Tables (count) of one task, the newest version first. */
static void mark_task(board_table *tables, size_t count) {
    int64_t newest[2] = {INT64_MIN, INT64_MIN}; // by protocol, of which there are two
    unsigned of_all = differing(tables, count, 0, APART_ANY_PROTOCOL);
    for (size_t i = 0, end; i < count; i = end) {
        int64_t version = run_of(&tables[i])->task.version;
        for (end = i + 1; end < count && run_of(&tables[end])->task.version == version;) end++;
        if (end - i < count) of_all |= APART_ANY_VERSION;
        mark_all(tables + i, end - i, differing(tables + i, end - i, APART_DATA, APART_PROTOCOL));
        for (size_t k = i; k < end; k++) {
            int64_t *of = &newest[!strcmp(run_of(&tables[k])->protocol, "dev")];
            if (*of == INT64_MIN) *of = version;
            if (*of > version) tables[k].apart |= APART_VERSION;
        }
    }
    mark_all(tables, count, of_all);
}

void report__mark_apart(board_table *tables, size_t count) {
    for (size_t i = 0, end; i < count; i = end) {
        const char *name = run_of(&tables[i])->task.name;
        for (end = i + 1; end < count && !strcmp(run_of(&tables[end])->task.name, name);) end++;
        mark_task(tables + i, end - i);
    }
}

err board_gather(board *b, const store *s) {
    entry *entries = NULL;
    err e;
    *b = (board){.records = s, .dev_score = NAN};
    if ((e = mem_new(&entries, s->count)) || (e = mem_new(&b->tables, s->count))) goto done;
    for (size_t i = 0; i < s->count; i++) {
        const entry *before = i ? &entries[i - 1] : NULL;
        if ((e = entry_init(&entries[i], before, &s->records[i], s->paths[i]))) goto done;
    }
    if (s->count) qsort(entries, s->count, sizeof *entries, entry_order);
    for (size_t i = 0, end; i < s->count; i = end) {
        for (end = i; end < s->count && !table_order(&entries[i], &entries[end]);) end++;
        if ((e = add_table(b, entries + i, end - i))) goto done;
    }
done:
    for (size_t i = 0; entries && i < s->count; i++) {
        mem_free(entries[i].config);
        mem_free(entries[i].numerics);
        mem_free(entries[i].drawn);
    }
    mem_free(entries);
    if (e) board_free(b);
    return e;
}

static err table_finish(board *b, board_table *t) {
    err e = report__row_words(t);
    if (e) return e;
    t->headline = metric_find(run_of(t)->headline);
    return report__table_statistics(b, t);
}

err board_init(board *b, const store *s, const char *cache) {
    err e = board_gather(b, s);
    if (e) return e;
    b->cache = cache;
    for (size_t i = 0; i < b->table_count && !e; i++) e = table_finish(b, &b->tables[i]);
    report__mark_apart(b->tables, b->table_count);
    if (!e) e = report__overall(b);
    if (e) board_free(b);
    return e;
}

void board_free(board *b) {
    for (size_t t = 0; t < b->table_count; t++) {
        for (size_t i = 0; i < b->tables[t].row_count; i++) {
            mem_free(b->tables[t].rows[i].runs);
            mem_free(b->tables[t].rows[i].paths);
            mem_free(b->tables[t].rows[i].words);
            mem_free(b->tables[t].rows[i].words_ko);
            mem_free(b->tables[t].rows[i].apart);
            mem_free(b->tables[t].rows[i].apart_ko);
            mem_free(b->tables[t].rows[i].made);
        }
        mem_free(b->tables[t].rows);
    }
    for (size_t i = 0; i < b->overall_count; i++) mem_free(b->overall[i].rows);
    for (size_t i = 0; i < b->note_count; i++) mem_free(b->notes[i].text);
    report__free_groups(b);
    mem_free(b->notes);
    mem_free(b->tables);
    mem_free(b->overall_tables);
    mem_free(b->overall);
    *b = (board){0};
}
