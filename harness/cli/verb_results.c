/* `harness results`: records that were made elsewhere, checked and added. */
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/numerics.h"
#include "base/order.h"
#include "base/shown.h"
#include "cli/find_run.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/record_data.h"
#include "cli/report_command.h"
#include "cli/task_flag.h"
#include "platform/file.h"
#include "report/board.h"
#include "result/cache_file.h"
#include "result/record_strict.h"
#include "result/store.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record that is to be added. */
typedef struct candidate {
    char *path; /* owned: of a run's folder its record */
    const char *from;
    void *bytes; /* owned, as the file has them */
    size_t count;
    record record;
    store_file file; /* of the bytes */
    char *place;     /* owned: where it would lie */
    bool made, came; /* its task's folder is new; another process brought the same meanwhile */
    bool uncompared; /* no data were there for it */
} candidate;

typedef struct batch {
    const options *o;
    const char *results;
    candidate *all; /* (count) owned */
    size_t count;
    record_data data;
    size_t uncompared, older; /* records that no data were there for; of older numerics */
    char *lacks;              /* owned: what the last of the uncompared lacked, or NULL */
    size_t alike;             /* more of them that lack it, of which it is not told yet */
} batch;

static void candidate_free(candidate *c) {
    mem_free(c->path);
    mem_free(c->bytes);
    mem_free(c->place);
    record_free(&c->record);
    *c = (candidate){0};
}

static void batch_free(batch *b) {
    for (size_t i = 0; i < b->count; i++) {
        candidate_free(&b->all[i]);
    }
    mem_free(b->all);
    mem_free(b->lacks);
    record_data_free(&b->data);
    *b = (batch){0};
}

/* What a board would leave out, or could not hold beside others. */
static err check_kind(const record *r, const char *path) {
    if (r->partial || r->task.sample)
        return err_set(ERR_DATA,
                       "%s: key 'partial' is true: made with --sample, --limit or --max-steps",
                       path);
    if (r->dirty)
        return err_set(ERR_DATA,
                       "%s: harness: key 'dirty' is true: made by a program with uncommitted "
                       "changes, which nobody else can build",
                       path);
    if (r->numerics_version > NUMERICS_VERSION)
        return err_set(ERR_DATA,
                       "%s: harness: key 'numerics_version' is %lld: of a newer program, this one "
                       "has %d",
                       path, (long long)r->numerics_version, NUMERICS_VERSION);
    return ERR_OK;
}

static err check_task(const record *r, const char *path, const options *o) {
    bool is_own = false;
    err e = task_flag_unkept(&is_own, o, r->task.name);
    if (e || !is_own) return e;
    return err_set(
        ERR_DATA,
        "%s: task '%s' is one of somebody's own files, without a manifest: a board has no "
        "row of files that nobody else can have. Write one (harness tasks new FILE... "
        "--output mytasks/NAME.json) and train by it (harness run --task NAME --task-dir "
        "mytasks)",
        path, r->task.name);
}

static void note_age(const record *r, const char *path) {
    if (r->numerics_version < NUMERICS_VERSION)
        log_note("%s: older numerics: version %lld, this program has %d; its losses and scores are "
                 "not those of the same run now",
                 path, (long long)r->numerics_version, NUMERICS_VERSION);
}

static void note_alike(batch *b) {
    if (b->alike)
        log_note("nor were those of %zu more record%s compared: %s", b->alike,
                 shown_plural(b->alike), b->lacks);
    b->alike = 0;
}

/* Told once of those that lack the same. */
static err note_uncompared(batch *b, const char *path, const char *lacks) {
    b->uncompared++;
    if (b->lacks && !strcmp(b->lacks, lacks)) {
        b->alike++;
        return ERR_OK;
    }
    note_alike(b);
    log_note("%s: its gold labels were not compared with the data: %s", path, lacks);
    mem_free(b->lacks);
    return mem_strdup(&b->lacks, lacks);
}

static err read_candidate(candidate *c, batch *b, const char *given) {
    const char *lacks = NULL;
    err e = find_run_record(&c->path, given, true);
    if (!e) e = file_read_given(&c->bytes, &c->count, c->path, RECORD_LIMIT_BYTES);
    if (e) return e;
    const char *path = c->from = file_given_name(c->path);
    hash_bytes(c->bytes, c->count, c->file.sha256);
    if ((e = record_parse_strict(&c->record, c->bytes, c->count, path)) ||
        (e = check_kind(&c->record, path)) || (e = check_task(&c->record, path, b->o)) ||
        (e = record_data_check(&lacks, &b->data, &c->record, path)))
        return e;
    b->older += c->record.numerics_version < NUMERICS_VERSION;
    c->uncompared = lacks;
    return lacks ? note_uncompared(b, path, lacks) : ERR_OK;
}

#define TWIN "%s: a duplicate: %s is a record of the same run"

static err refuse_twin(const char *path, const char *where) {
    return err_set(ERR_DATA, TWIN, path, where);
}

/* A record of a store, and its run. */
typedef struct of_run {
    char *run; /* owned */
    size_t at;
} of_run;

static int run_order(const void *a, const void *b) {
    const of_run *x = a, *y = b;
    int c = strcmp(x->run, y->run);
    return c ? c : ORDER(x->at, y->at);
}

/* Gives of each record (s->count) the first of the same run, which may be itself. */
static err find_firsts(size_t *first, const store *s) {
    of_run *runs = NULL;
    size_t count = 0;
    err e = mem_new(&runs, s->count);
    for (; count < s->count && !e; count++) {
        runs[count].at = count;
        e = store_run(&runs[count].run, &s->records[count]);
    }
    if (!e && count) qsort(runs, count, sizeof *runs, run_order);
    for (size_t i = 0; i < count && !e; i++)
        first[runs[i].at] =
            i && !strcmp(runs[i - 1].run, runs[i].run) ? first[runs[i - 1].at] : runs[i].at;
    for (size_t i = 0; i < count; i++) mem_free(runs[i].run);
    mem_free(runs);
    return e;
}

static bool same_file(const store *s, size_t a, size_t b) {
    return !memcmp(s->files[a].sha256, s->files[b].sha256, sizeof s->files[a].sha256);
}

/* The records that lie in the folder, as far as they are known from what `report` keeps of it. */
static err read_there(store *s, const char *results) {
    char *cache = NULL, *index = NULL;
    err e = cache_folder_of(&cache, results);
    if (!e && cache) e = path_join(&index, cache, "records");
    if (!e) e = store_read_lean(s, results, &(store_lean){.cache = index});
    mem_free(cache);
    mem_free(index);
    return e;
}

/* The candidates stand behind what is there, by the paths that were given; their records stay theirs. */
static err add_candidates(store *s, const batch *b) {
    err e = ERR_OK;
    for (size_t i = 0; i < b->count && !e; i++) {
        record shared = b->all[i].record;
        e = store_add(s, &shared, b->all[i].from, &b->all[i].file);
    }
    return e;
}

static void cut_candidates(store *s, size_t there) {
    for (; s->count > there; s->count--) mem_free(s->paths[s->count - 1]);
}

/* Leaves out what is there already, wherever it lies, or comes twice. */
static err drop_known(batch *b, store *s) {
    size_t *first = NULL, there = s->count, kept = 0;
    err e = add_candidates(s, b);
    if (!e) e = mem_new(&first, s->count);
    if (!e) e = find_firsts(first, s);
    for (size_t i = 0; i < b->count && !e; i++) {
        size_t own = there + i, other = first[own];
        char where[PATH_MAX];
        if (other < there)
            e = path_in(where, b->results, s->paths[other]);
        else
            snprintf(where, sizeof where, "%s", s->paths[other]);
        if (e || other == own) continue;
        if (!same_file(s, own, other))
            e = refuse_twin(b->all[i].from, where);
        else
            log_note("%s: is %s: %s", b->all[i].from,
                     other < there ? "there already" : "given already", where);
        b->uncompared -= b->all[i].uncompared;
        candidate_free(&b->all[i]);
    }
    cut_candidates(s, there);
    for (size_t i = 0; i < b->count; i++)
        if (b->all[i].path) b->all[kept++] = b->all[i];
    b->count = kept;
    mem_free(first);
    return e;
}

/* No two are to lie at one place, and none where a file is: what is of the same run there is on no board,
 * or broken. */
static err find_places(batch *b) {
    err e = ERR_OK;
    for (candidate *c = b->all; c < b->all + b->count && !e; c++) {
        e = store_place(&c->place, b->results, &c->record, false);
        for (const candidate *other = b->all; other < c && !e; other++) {
            if (strcmp(other->place, c->place) != 0) continue;
            mem_free(c->place);
            e = store_place(&c->place, b->results, &c->record, true);
            break;
        }
        if (!e && file_named(c->place))
            e = err_set(ERR_DATA,
                        "%s: its place is taken: %s stands there, a record that is damaged or on "
                        "no board; move it away",
                        c->from, c->place);
    }
    return e;
}

static bool has_note(const board *b, const char *text) {
    for (size_t i = 0; i < b->note_count; i++)
        if (!strcmp(b->notes[i].text, text)) return true;
    return false;
}

/* No record may come that cannot be true beside those that are there: one of the two would be left out,
 * and it may be the one that was there. */
static err check_beside(batch *b, store *s) {
    board before = {0}, with = {0};
    size_t there = s->count;
    err e = board_gather(&before, s);
    if (!e) e = add_candidates(s, b);
    if (!e) e = board_gather(&with, s);
    for (size_t i = 0; i < with.note_count && !e; i++) {
        const board_note *note = &with.notes[i];
        if (has_note(&before, note->text)) continue;
        if (note->contradicts)
            e = err_set(ERR_DATA, "on a board with what is added %s", note->text);
        else
            log_note("on a board %s", note->text);
    }
    board_free(&before);
    board_free(&with);
    cut_candidates(s, there);
    return e;
}

static err settle(batch *b) {
    store s = {0};
    err e = read_there(&s, b->results);
    if (!e) e = drop_known(b, &s);
    if (!e) e = find_places(b);
    if (!e && b->count) e = check_beside(b, &s);
    store_free(&s);
    return e;
}

/* Another process came first: with the same bytes, or it is a duplicate. */
static err look_again(candidate *c) {
    void *bytes = NULL;
    size_t count = 0;
    err e = file_read(&bytes, &count, c->place, RECORD_LIMIT_BYTES);
    c->came = !e && count == c->count && !memcmp(bytes, c->bytes, count);
    if (!e && !c->came) e = refuse_twin(c->from, c->place);
    if (c->came) log_note("%s: is there already: %s", c->from, c->place);
    mem_free(bytes);
    return e;
}

static err write_one(candidate *c, const char *results) {
    char *of = NULL;
    bool stays = false;
    err e = path_folder(&of, c->place);
    c->made = !e && !folder_exists(of);
    if (!e) e = store_make_folder(results, c->place);
    if (!e) e = file_write_new(&stays, c->place, c->bytes, c->count);
    if (!e && stays) e = look_again(c);
    if (e && c->made) (void)folder_drop(of);
    mem_free(of);
    return e;
}

static void take_back(const candidate *c) {
    char *of = NULL;
    if (!c->came && file_remove(c->place)) log_warn("%s: stays", c->place);
    if (c->made && !path_folder(&of, c->place)) (void)folder_drop(of);
    mem_free(of);
}

/* All or none. */
static err write_all(batch *b) {
    size_t written = 0;
    bool made = !folder_exists(b->results);
    err e = ERR_OK;
    while (written < b->count && !(e = write_one(&b->all[written], b->results))) written++;
    while (e && written--) take_back(&b->all[written]);
    if (e && made) (void)folder_drop(b->results);
    return e;
}

static err show(const batch *b) {
    if (!b->o->json) {
        for (size_t i = 0; i < b->count; i++)
            shown_line("%s -> %s", b->all[i].from, b->all[i].place);
        return ERR_OK;
    }
    cJSON *root = cJSON_CreateObject(), *list;
    err e = json_add_array(&list, root, "added");
    for (size_t i = 0; i < b->count && !e; i++) {
        cJSON *item;
        if (!(e = json_append_object(&item, list)))
            e = json_put(item, "from %s place %s", b->all[i].from, b->all[i].place);
    }
    if (!e) e = json_put(root, "uncompared %zu", b->uncompared);
    return output_json_last(e, root, true);
}

static err note_added(const batch *b) {
    strbuf verb = {0};
    err e = report_command(&verb, b->o);
    if (!e)
        log_note("added %zu record%s to %s: `%s` shows %s", b->count, shown_plural(b->count),
                 b->results, verb.text, b->count == 1 ? "it" : "them");
    strbuf_free(&verb);
    return e;
}

/* Every file is read and checked before the first is written. */
static err results_add(const options *o) {
    batch b = {.o = o,
               .results = o->results ? o->results : "results",
               .data = {.task_dir = o->task_dir, .data_dir = o->data_dir}};
    size_t files = o->arg_count - 1;
    if (!files)
        return err_set(ERR_USAGE, "results add needs the records' files, or folders of finished "
                                  "runs: results add FILE...");
    err e = mem_new(&b.all, files);
    for (size_t i = 0; i < files && !e; i++) {
        candidate *c = &b.all[b.count++];
        if (!(e = read_candidate(c, &b, o->args[i + 1]))) note_age(&c->record, c->from);
    }
    note_alike(&b);
    if (!e) e = settle(&b);
    if (!e) e = write_all(&b);
    if (e) e = err_wrap(e, "nothing was added");
    if (!e) e = show(&b);
    if (!e && b.count) e = note_added(&b);
    batch_free(&b);
    return e;
}

/* Boards know a record's task by the record, people by the folder. */
static err check_folder(const candidate *c, const char *relative) {
    const char *of = c->record.task.name;
    size_t length = strlen(of);
    const char *deeper = relative ? strchr(relative, '/') : NULL;
    // a run's own lies beside its model
    if (!relative || !strcmp(path_name(relative), "record.json") ||
        (!strncmp(relative, of, length) && relative[length] == '/'))
        return ERR_OK;
    if (deeper && !strncmp(deeper + 1, of, length) && deeper[1 + length] == '/') return ERR_OK;
    return err_set(ERR_DATA, "%s: a record of task %s in another's folder", c->from, of);
}

typedef struct checking {
    batch *b;
    size_t count, refused;
    store sound; /* the records that are not refused, by their paths as they are given */
    other_files others;
} checking;

static err check_one(void *of, const char *path, const char *relative) {
    checking *w = of;
    candidate c = {0};
    err e = read_candidate(&c, w->b, path);
    if (!e) e = check_folder(&c, relative);
    if (!e) {
        record_lighten(&c.record, file_is_input(path)); // the others can be read again
        e = store_add(&w->sound, &c.record, c.from, &c.file);
    }
    candidate_free(&c);
    if (e == ERR_UNSUPPORTED) return relative ? other_files_pass(&w->others, e) : e;
    w->count++;
    if (!e || e == ERR_MEMORY) return e;
    log_warn("%s", err_message(e));
    err_clear();
    w->refused++;
    return ERR_OK;
}

/* Of each run the first stays. */
static err drop_twins(checking *w) {
    store *s = &w->sound;
    size_t *first = NULL, kept = 0;
    err e = mem_new(&first, s->count);
    if (!e) e = find_firsts(first, s);
    for (size_t i = 0; i < s->count && !e; i++) {
        size_t other = first[i];
        if (other == i) continue;
        if (same_file(s, i, other)) {
            log_note("%s: is given already: %s", s->paths[i], s->paths[other]);
            continue;
        }
        log_warn(TWIN, s->paths[i], s->paths[other]);
        w->refused++;
    }
    for (size_t i = 0; i < s->count && !e; i++) {
        if (first[i] != i) {
            record_free(&s->records[i]);
            mem_free(s->paths[i]);
            continue;
        }
        s->records[kept] = s->records[i];
        s->files[kept] = s->files[i];
        s->paths[kept++] = s->paths[i];
    }
    if (!e) s->count = kept;
    mem_free(first);
    return e;
}

/* None beside one that is of the same run, or that it contradicts. */
static err check_together(checking *w) {
    board b = {0};
    err e = drop_twins(w);
    if (!e) e = board_gather(&b, &w->sound);
    for (size_t i = 0; i < b.note_count; i++) {
        if (!b.notes[i].contradicts) {
            log_note("on a board %s", b.notes[i].text);
            continue;
        }
        log_warn("on a board %s", b.notes[i].text);
        w->refused++;
    }
    board_free(&b);
    return e;
}

/* A record, that of a run by its folder, or all below a folder of results. */
static err check_named(checking *w, const char *path) {
    char own[PATH_MAX];
    w->others = (other_files){0};
    err e = path_in(own, path, "record.json");
    if (!e && !file_is_input(path) && !file_named(path))
        e = err_set(ERR_DATA, "%s: no such file or folder", path);
    else if (!e && !folder_exists(path))
        e = check_one(w, path, NULL);
    else if (!e)
        e = file_exists(own) ? check_one(w, own, NULL) : store_walk(path, check_one, w);
    if (!e) other_files_tell(&w->others, path);
    return e;
}

static err show_checked(const batch *b, size_t count, bool as_json) {
    if (!as_json) {
        shown_line("%zu record%s checked, %zu against the data; %zu of older numerics", count,
                   shown_plural(count), count - b->uncompared, b->older);
        return ERR_OK;
    }
    cJSON *root = cJSON_CreateObject();
    err e = json_put(root, "records %zu uncompared %zu older_numerics %zu", count, b->uncompared,
                     b->older);
    return output_json_last(e, root, true);
}

static err results_check(const options *o) {
    const char *own = o->results ? o->results : "results";
    batch b = {.o = o, .data = {.task_dir = o->task_dir, .data_dir = o->data_dir}};
    checking w = {.b = &b};
    err e = ERR_OK;
    if (o->arg_count == 1) e = store_walk(own, check_one, &w);
    if (!e) other_files_tell(&w.others, own);
    for (size_t i = 1; i < o->arg_count && !e; i++) e = check_named(&w, o->args[i]);
    note_alike(&b);
    if (!e) e = check_together(&w);
    if (!e && w.refused)
        e = err_set(ERR_DATA, "%zu of %zu records would be refused (named above)", w.refused,
                    w.count);
    if (!e && !w.count)
        e = err_set(ERR_DATA,
                    "%s: nothing to check: records lie in a folder of their task, as "
                    "FOLDER/TASK/NAME.json, and FOLDER is named",
                    o->arg_count > 1 ? o->args[1] : own);
    if (!e) e = show_checked(&b, w.count, o->json);
    store_free(&w.sound);
    batch_free(&b);
    return e;
}

err verb_results(const options *o) {
    static const char *const known[] = {"add", "check"};
    if (!o->arg_count)
        return err_set(ERR_USAGE,
                       "results needs what to do (known: add FILE..., check [FOLDER...])");
    if (!strcmp(o->args[0], "add")) return results_add(o);
    if (!strcmp(o->args[0], "check")) return results_check(o);
    return err_set(ERR_USAGE,
                   "unknown: harness results %s%s (known: add FILE..., check [FOLDER...])",
                   o->args[0], text_suggestion(o->args[0], known, 2));
}
