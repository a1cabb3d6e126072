#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/name.h"
#include "base/shown.h"
#include "cli/compare_run.h"
#include "cli/options.h"
#include "cli/record_rows.h"
#include "cli/task_flag.h"
#include "cli/terminal_text.h"
#include "data/dataset.h"
#include "platform/file.h"
#include "report/compare.h"
#include "result/other_kind.h"
#include "result/record.h"
#include "task/task.h"

#include <stdio.h>
#include <string.h>

/* The texts of the test rows that a record is of, where someone asked for them: licences differ. */
typedef struct compare_texts {
    task task;
    dataset data;
    char **list; /* (test rows) owned; of pairs both texts with a bar between */
    size_t count;
} compare_texts;

static err join(char **out, const example *x) {
    return x->text_count > 1 ? mem_printf(out, "%s | %s", x->texts[0].text, x->texts[1].text)
                             : mem_strdup(out, x->texts[0].text);
}

/* The folder of the run that a side is, or of its record; *folder is owned. */
static err folder_of(char **folder, const char *side) {
    return folder_exists(side) ? mem_strdup(folder, side) : path_folder(folder, side);
}

/* From --data, $HARNESS_DATA or the cache; nothing is downloaded. Free in any case. Errors: ERR_DATA when
 * the data are not those of the record; those of dataset_load. */
static err compare_texts_load(compare_texts *t, const record *r, const options *o) {
    *t = (compare_texts){0};
    char *folder = NULL;
    err e = folder_of(&folder, o->args[0]);
    if (!e) e = task_flag_find(&t->task, o, r->task.name, folder);
    mem_free(folder);
    if (!e) e = record_rows_load(&t->data, &t->task, r, o, o->args[0]);
    t->count = e ? 0 : t->data.test.row_count;
    if (!e) e = mem_new(&t->list, t->count);
    for (size_t i = 0; i < t->count && !e; i++)
        e = join(&t->list[i], &t->data.test.rows[i].example);
    return e;
}

static void compare_texts_free(compare_texts *t) {
    for (size_t i = 0; t->list && i < t->count; i++) mem_free(t->list[i]);
    mem_free(t->list);
    dataset_free(&t->data);
    task_free(&t->task);
    *t = (compare_texts){0};
}

/* What one argument names: a record, a run's folder, a folder of either (one model, several seeds),
 * several of these with commas between, or a device to run on now. */
typedef struct side_run {
    record record;
    char *path;   /* owned, of what was read; else NULL */
    char *device; /* owned, the run is yet to be made there; NULL of one that was read */
    uint32_t seed;
    size_t like; /* the run of the side that is repeated */
    bool told;
} side_run;

typedef struct side {
    side_run *runs; /* (count) owned; NULL: another side owns them */
    const record **list;
    char *name; /* owned, of a folder's runs; NULL: the argument names it */
    size_t count, capacity;
} side;

static void side_free(side *s) {
    for (size_t i = 0; s->runs && i < s->count; i++) {
        record_free(&s->runs[i].record);
        mem_free(s->runs[i].device);
        mem_free(s->runs[i].path);
    }
    mem_free(s->runs);
    mem_free(s->list);
    mem_free(s->name);
    *s = (side){0};
}

static err add_run(side_run **out, side *s) {
    err e = mem_grow((void **)&s->runs, &s->capacity, s->count + 1, sizeof *s->runs);
    if (e) return e;
    *out = &s->runs[s->count++]; // freed with the side even when half made
    **out = (side_run){0};
    return ERR_OK;
}

static err add_record(side *s, const char *path) {
    side_run *r = NULL;
    err e = add_run(&r, s);
    if (!e) e = mem_strdup(&r->path, path);
    return e ? e : record_read(&r->record, path);
}

/* Beside records lie what the program writes of other kinds, such as a board. */
static err add_beside(side *s, const char *path) {
    other_files others = {0};
    err e = other_files_pass(&others, add_record(s, path));
    if (!others.count) return e;
    side_run *r = &s->runs[--s->count];
    record_free(&r->record);
    mem_free(r->path);
    return ERR_OK;
}

static bool is_json(const char *name) {
    return name[0] != '.' && ascii_ends(name, ".json");
}

// <folder>/*.json and <folder>/*/record.json
static err add_folder(side *s, const char *folder) {
    folder_list list = {0};
    err e = folder_list_read(&list, folder);
    while (folder_next(&list, &e)) {
        char inside[PATH_MAX];
        if (!strcmp(list.name, "unfinished.json"))
            e = err_set(
                ERR_DATA,
                "%s: the run there is not finished: its `harness run` goes on with --resume",
                folder);
        else if (is_json(list.name) && file_exists(list.path))
            e = add_beside(s, list.path);
        else if (!(e = path_in(inside, list.path, "record.json")) && file_exists(inside))
            e = add_record(s, inside);
    }
    folder_list_free(&list);
    if (e || s->count) return e;
    return err_set(ERR_IO,
                   "%s: holds no record.json and no record: not the folder of a finished run, nor "
                   "that of a task's records (FOLDER/TASK)",
                   folder);
}

/* A device twice on one side would be one run twice, two of them no group. */
static err check_alone(const side *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (s->runs[i].device)
            return err_set(
                ERR_USAGE,
                "a side is of one device, whose runs --runs N counts: found '%s' and '%s' "
                "(a blank between them makes two sides)",
                s->runs[i].device, name);
    return ERR_OK;
}

static err add_device(side *s, const char *name) {
    side_run *r = NULL;
    err e = check_alone(s, name);
    if (!e) e = add_run(&r, s);
    return e ? e : mem_strdup(&r->device, name);
}

static side_run *device_of(const side *s) {
    for (size_t i = 0; i < s->count; i++)
        if (s->runs[i].device) return &s->runs[i];
    return NULL;
}

/* The place of the first run that was read; count where all are yet to be made. */
static size_t first_read(const side *s) {
    size_t i = 0;
    while (i < s->count && s->runs[i].device) i++;
    return i;
}

static const side *side_read(const side *sides, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (first_read(&sides[i]) < sides[i].count) return &sides[i];
    return NULL;
}

/* The runs that a side's device makes: --runs of them from --seed on, else those of the first side
 * that was read (NULL: there is none), each by its own record. */
static err plan_runs(side *s, const side *read, const options *o) {
    side_run *first = device_of(s);
    bool repeats = read && !device_of(read) && !o->has_seed && !o->has_runs;
    size_t runs = o->has_runs ? o->runs : repeats ? read->count : 1;
    uint32_t seed = o->has_seed ? o->seed : 42;
    size_t like = read ? first_read(read) : 0;
    err e = ERR_OK;
    if (!first) return ERR_OK;
    if (runs < 1 || runs > COMPARE_SEEDS_SHOWN)
        return err_set(ERR_USAGE, "--runs expects 1 to %d, found %zu", COMPARE_SEEDS_SHOWN, runs);
    if (read && !o->has_seed) seed = (uint32_t)read->runs[like].record.seed;
    for (size_t i = 0; i < runs && !e; i++) {
        side_run *r = first;
        if (i && ((e = add_run(&r, s)) || (e = mem_strdup(&r->device, device_of(s)->device))))
            break;
        r->seed = repeats ? (uint32_t)read->runs[i].record.seed : seed + (uint32_t)i;
        r->like = repeats ? i : like;
        r->told = i > 0;
    }
    return e;
}

static err add_named(side *s, const char *name) {
    char path[PATH_MAX];
    if (!folder_exists(name)) {
        if (file_exists(name) || file_is_input(name)) return add_record(s, name);
        if (compare_is_device(name)) return add_device(s, name);
        const char *kind = file_other_kind(name);
        if (kind)
            return err_set(ERR_IO, "%s: is %s, a record or the folder of a run was expected", name,
                           kind);
        return err_set(ERR_IO, "%s: no such record or run folder, and no device (harness devices)",
                       name);
    }
    err e = path_in(path, name, "record.json");
    return e ? e : file_exists(path) ? add_record(s, path) : add_folder(s, name);
}

/* What has no comma, or is there under that very name, is one; else each between commas. */
static err add_listed(side *s, const char *name) {
    size_t end = strlen(name);
    bool lacks = !end || *name == ',' || name[end - 1] == ',' || strstr(name, ",,");
    if (lacks && !file_named(name))
        return err_set(ERR_USAGE, "'%s': the name of a record, run or device is empty", name);
    bool is_one = !strchr(name, ',') || file_named(name) || compare_is_device(name);
    err e = is_one ? add_named(s, name) : ERR_OK;
    for (const char *at = name; !is_one && !e && at; at = strchr(at, ',')) {
        char *part = NULL;
        at += *at == ',';
        e = mem_strndup(&part, at, strcspn(at, ","));
        if (!e) e = add_named(s, part);
        mem_free(part);
    }
    return e;
}

static err list_runs(side *s) {
    err e = mem_new(&s->list, s->count);
    for (size_t i = 0; i < s->count && !e; i++) s->list[i] = &s->runs[i].record;
    return e;
}

/* What can be refused by the records that were read is so before a device trains: *known is the
 * first of them, NULL where all sides are devices. */
static err check_read(const record **known, const side *sides, size_t count) {
    err e = ERR_OK;
    *known = NULL;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sides[i].count && !e; k++) {
            const side_run *r = &sides[i].runs[k];
            if (r->device) continue;
            if (*known) e = compare_same_task(*known, &r->record);
            if (!*known) *known = &r->record;
        }
    return e;
}

/* A side beside itself differs by nothing, which tells nothing of its runs. */
static void note_same(const side *sides, const compare_side *list, size_t count) {
    for (size_t b = 1; b < count; b++)
        for (size_t a = 0; a < b; a++) {
            bool same = sides[a].count == sides[b].count;
            for (size_t i = 0; i < sides[b].count && same; i++) {
                const side_run *x = &sides[a].runs[i], *y = &sides[b].runs[i];
                same = !x->device && !y->device && record_same_run(&x->record, &y->record);
            }
            if (same)
                log_note("sides %c and %c are one and the same record%s: %s, %s", (char)('A' + a),
                         (char)('A' + b), shown_plural(sides[b].count), list[a].name, list[b].name);
        }
}

static err make_runs(side *sides, size_t count, const side *read, const options *o) {
    err e = ERR_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sides[i].count && !e; k++) {
            side_run *r = &sides[i].runs[k];
            const side_run *like = read ? &read->runs[r->like] : NULL;
            if (!r->device) continue;
            e = compare_run(&r->record,
                            &(compare_job){r->device, r->seed, r->told, like ? &like->record : NULL,
                                           like ? like->path : NULL},
                            o);
        }
    return e;
}

static err compare_two(strbuf *out, const compare_side sides[2], const compare_texts *texts,
                       const options *o, bool json, page_language language) {
    const compare_side *a = &sides[0], *b = &sides[1];
    compare_wish wish = {.rows = o->has_rows ? o->rows : COMPARE_ROWS_SHOWN,
                         .texts = (const char *const *)texts->list,
                         .language = language};
    err e = ERR_OK;
    if (a->count == 1 && b->count == 1) {
        comparison c;
        e = compare_records(&c, a->runs[0], b->runs[0]);
        c.wish = wish;
        if (!e)
            e = json ? compare_json(out, &c, a->name, b->name)
                     : compare_text(out, &c, a->name, b->name);
    } else {
        group_comparison c;
        e = compare_groups(&c, a->runs, a->count, b->runs, b->count);
        c.wish = wish;
        if (!e)
            e = json ? compare_groups_json(out, &c, a->name, b->name)
                     : compare_groups_text(out, &c, a->name, b->name);
    }
    return e;
}

/* A folder alone: its runs are of two groups, in the order of their files. */
static err split_side(side sides[2], const char *name) {
    side *all = &sides[0], *other = &sides[1];
    size_t first = 0;
    err e = mem_new(&other->list, all->count);
    for (size_t i = 0; i < all->count && !e; i++) {
        const record *r = &all->runs[i].record;
        if (compare_is_group(all->list[0], r)) {
            all->list[first++] = r;
        } else if (!other->count || compare_is_group(other->list[0], r)) {
            other->list[other->count++] = r;
        } else {
            e = err_set(ERR_USAGE,
                        "%s: holds runs of more than two models, recipes or devices: name the runs "
                        "of each side, with commas between them, as in harness compare "
                        "A1.json,A2.json B1.json,B2.json",
                        name);
        }
    }
    if (!e && !other->count)
        e = err_set(ERR_USAGE, "%s: all runs there are of one model and recipe: name another side",
                    name);
    if (e) other->count = 0;
    return e;
}

static err compare_all(strbuf *out, const compare_side *list, size_t count,
                       const compare_texts *texts, const options *o, bool json,
                       page_language language) {
    if (count == 2) return compare_two(out, list, texts, o, json, language);
    return json ? compare_matrix_json(out, list, count)
                : compare_matrix_text(out, list, count, language);
}

static err check_options(const options *o, size_t count) {
    const char *format = o->format;
    if (count < 2)
        return err_set(ERR_USAGE,
                       "compare takes two or more records, run folders or devices, or a folder "
                       "that holds the runs of two models, found %zu",
                       o->arg_count);
    if (count > COMPARE_SIDES_MOST)
        return err_set(ERR_USAGE, "compare takes up to %d sides, found %zu", COMPARE_SIDES_MOST,
                       count);
    if (format && name_place(COMPARE_FORMAT_WORDS, format) < 0)
        return options_range_error("format", format, "one of " COMPARE_FORMAT_WORDS);
    if (o->task && (!strcmp(o->task, "all") || strchr(o->task, ',')))
        return err_set(ERR_USAGE, "compare runs one task, found --task %s", o->task);
    if (count > 2 && (o->texts || o->has_rows))
        return err_set(ERR_USAGE, "--%s is of two sides, found %zu", o->texts ? "texts" : "rows",
                       count);
    return ERR_OK;
}

/* Reads and makes the runs of all sides, the latter last. list, texts: what is shown of them. */
static err open_sides(side *sides, compare_side *list, compare_texts *texts, size_t count,
                      const options *o) {
    const record *known = NULL;
    err e = ERR_OK;
    for (size_t i = 0; i < o->arg_count && !e; i++) e = add_listed(&sides[i], o->args[i]);
    const side *read = side_read(sides, o->arg_count);
    for (size_t i = 0; i < o->arg_count && !e; i++) {
        if (!(e = plan_runs(&sides[i], read, o))) e = list_runs(&sides[i]);
        list[i] = (compare_side){file_given_name(o->args[i]), sides[i].list, sides[i].count};
    }
    if (!e && o->arg_count < count && !(e = split_side(sides, o->args[0])))
        for (size_t i = 0; i < count; i++)
            list[i] = (compare_side){NULL, sides[i].list,
                                     i ? sides[1].count : sides[0].count - sides[1].count};
    for (size_t i = 0; i < count && !e && !list[i].name; i++) {
        strbuf words = {0};
        e = compare_side_words(&words, sides[i].list[0], sides[!i].list[0]);
        list[i].name = sides[i].name = words.text;
    }
    if (!e) e = check_read(&known, sides, o->arg_count);
    if (!e) note_same(sides, list, o->arg_count);
    if (!e && known && o->texts) e = compare_texts_load(texts, known, o);
    if (!e) e = make_runs(sides, o->arg_count, read, o);
    if (!e && !known && o->texts) e = compare_texts_load(texts, list[0].runs[0], o);
    return e;
}

err verb_compare(const options *o) {
    side *sides = NULL;
    compare_side *list = NULL;
    compare_texts texts = {0};
    strbuf out = {0}, html = {0};
    page_language language = PAGE_EN;
    bool is_folder = o->arg_count == 1 && folder_exists(o->args[0]);
    size_t count = is_folder ? 2 : o->arg_count;
    err e = check_options(o, count);
    if (e || (o->lang && (e = page_language_find(&language, o->lang)))) return e;
    bool json = o->json || (o->format && !strcmp(o->format, "json"));
    bool is_html = !json && o->format && !strcmp(o->format, "html");
    if ((e = mem_new(&sides, count))) return e;
    if ((e = mem_new(&list, count))) goto done;
    if ((e = open_sides(sides, list, &texts, count, o))) goto done;
    if ((e = compare_all(&out, list, count, &texts, o, json, language))) goto done;
    if (is_html && (e = compare_html(&html, out.text, list, count, language))) goto done;
    if (json || is_html)
        fputs(is_html ? html.text : out.text, stdout);
    else
        e = terminal_text(out.text);
done:
    strbuf_free(&out);
    strbuf_free(&html);
    compare_texts_free(&texts);
    for (size_t i = 0; i < count; i++) side_free(&sides[i]);
    mem_free(sides);
    mem_free(list);
    return e;
}
