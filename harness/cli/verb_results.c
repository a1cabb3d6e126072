/* `harness results`: records that were made elsewhere, checked and added. */
#include "base/log.h"
#include "base/memory.h"
#include "base/numerics.h"
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

#include <stdlib.h>
#include <string.h>

/* A record that is to be added. */
typedef struct candidate {
    char *path; /* owned: of a run's folder its record */
    const char *from;
    void *bytes; /* owned, as the file has them */
    size_t count;
    record record;
    char *place;   /* owned: where it would lie */
    bool is_known; /* it lies there, with the same bytes */
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
        log_note("        nor were those of %zu more record%s", b->alike, shown_plural(b->alike));
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
    if ((e = record_parse_strict(&c->record, c->bytes, c->count, path)) ||
        (e = check_kind(&c->record, path)) || (e = check_task(&c->record, path, b->o)) ||
        (e = record_data_check(&lacks, &b->data, &c->record, path)))
        return e;
    b->older += c->record.numerics_version < NUMERICS_VERSION;
    return lacks ? note_uncompared(b, path, lacks) : ERR_OK;
}

static err refuse_twin(const candidate *c, const char *where) {
    return err_set(ERR_DATA, "%s: a duplicate: %s is a record of the same run", c->from, where);
}

/* Of the same run as the record at `where`: left out where its bytes are those. */
static err check_twin(candidate *c, const char *where, const void *bytes, size_t count) {
    c->is_known = count == c->count && !memcmp(bytes, c->bytes, count);
    if (!c->is_known) return refuse_twin(c, where);
    log_note("%s: is there already: %s", c->from, where);
    return ERR_OK;
}

static err check_place(batch *b, candidate *c) {
    void *bytes = NULL;
    size_t count = 0;
    err e = store_place(&c->place, b->results, &c->record);
    if (e) return e;
    for (candidate *other = b->all; other < c; other++)
        if (!strcmp(other->place, c->place))
            return check_twin(c, other->from, other->bytes, other->count);
    if (!file_named(c->place)) return ERR_OK;
    e = err_unless_memory(file_read(&bytes, &count, c->place, RECORD_LIMIT_BYTES));
    if (!e) e = check_twin(c, c->place, bytes, count);
    mem_free(bytes);
    return e;
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

static bool has_note(const board *b, const char *text) {
    for (size_t i = 0; i < b->note_count; i++)
        if (!strcmp(b->notes[i].text, text)) return true;
    return false;
}

/* No record may come that cannot be true beside those that are there: one of the two would be left out,
 * and it may be the one that was there. */
static err check_beside(batch *b) {
    store s = {0};
    board before = {0}, with = {0};
    err e = b->count ? read_there(&s, b->results) : ERR_OK;
    size_t there = s.count;
    if (!e) e = board_gather(&before, &s);
    for (size_t i = 0; i < b->count && !e; i++) {
        record shared = b->all[i].record; // the store's until it is cut off again
        const char *relative = b->all[i].place + strlen(b->results);
        e = store_add(&s, &shared, relative + strspn(relative, "/"), &(store_file){0});
    }
    if (!e) e = board_gather(&with, &s);
    for (size_t i = 0; i < with.note_count && !e; i++)
        if (with.notes[i].contradicts && !has_note(&before, with.notes[i].text))
            e = err_set(ERR_DATA, "on a board with what is added %s", with.notes[i].text);
    board_free(&before);
    board_free(&with);
    for (; s.count > there; s.count--) mem_free(s.paths[s.count - 1]);
    store_free(&s);
    return e;
}

static err write_all(const batch *b) {
    size_t written = 0;
    err e = ERR_OK;
    for (; written < b->count && !e; written++) {
        const candidate *c = &b->all[written];
        bool stays = false; // a record that came since the look at its place is another's
        if (!(e = store_make_folder(b->results, c->place)) &&
            !(e = file_write_new(&stays, c->place, c->bytes, c->count)) && stays)
            e = refuse_twin(c, c->place);
        if (e) break;
    }
    // all or none
    while (e && written--)
        if (file_remove(b->all[written].place)) log_warn("%s: stays", b->all[written].place);
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
        if ((e = read_candidate(c, &b, o->args[i + 1])) || (e = check_place(&b, c))) break;
        note_age(&c->record, c->from);
        if (!c->is_known) continue;
        candidate_free(c);
        b.count--;
    }
    note_alike(&b);
    if (!e) e = check_beside(&b);
    if (e) e = err_wrap(e, "nothing was added");
    if (!e) e = write_all(&b);
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
    store sound; /* the records of the folder that is walked, those that are not refused */
    other_files others;
} checking;

static err check_one(void *of, const char *path, const char *relative) {
    checking *w = of;
    candidate c = {0};
    err e = read_candidate(&c, w->b, path);
    if (!e) e = check_folder(&c, relative);
    if (!e && relative) {
        record_lighten(&c.record, false);
        e = store_add(&w->sound, &c.record, relative, &(store_file){0});
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

/* All below a folder of results, and none beside one that it contradicts. */
static err check_tree(checking *w, const char *folder) {
    board b = {0};
    err e = mem_strdup(&w->sound.folder, folder);
    if (!e) e = store_walk(folder, check_one, w);
    if (!e) e = board_gather(&b, &w->sound);
    for (size_t i = 0; i < b.note_count; i++) {
        if (!b.notes[i].contradicts) continue;
        log_warn("%s: on a board %s", folder, b.notes[i].text);
        w->refused++;
    }
    board_free(&b);
    store_free(&w->sound);
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
        e = file_exists(own) ? check_one(w, own, NULL) : check_tree(w, path);
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
    if (o->arg_count == 1) e = check_tree(&w, own);
    if (!e) other_files_tell(&w.others, own);
    for (size_t i = 1; i < o->arg_count && !e; i++) e = check_named(&w, o->args[i]);
    note_alike(&b);
    if (!e && w.refused)
        e = err_set(ERR_DATA, "%zu of %zu records would be refused (named above)", w.refused,
                    w.count);
    if (!e && !w.count)
        e = err_set(ERR_DATA,
                    "%s: nothing to check: records lie in a folder of their task, as "
                    "FOLDER/TASK/NAME.json, and FOLDER is named",
                    o->arg_count > 1 ? o->args[1] : own);
    if (!e) e = show_checked(&b, w.count, o->json);
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
