#include "train/run/labels.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/head/head.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const task_label *l, int kind) {
    return kind == 0 ? l->name : kind == 1 ? l->readable : l->value;
}

/* Whether one of the model's labels is exactly that; c NULL: none. */
static bool is_label(const model_config *c, const char *text) {
    for (uint32_t i = 0; c && c->labels && i < c->classes; i++)
        if (strcmp(c->labels[i], text) == 0) return true;
    return false;
}

/* The one label whose text of that kind is the name but for ASCII case; what one of the model's
 * labels is exactly is that one's. label_count when there is none, or nothing tells which. */
static size_t find_folded(const task *t, const char *name, int kind, const model_config *c) {
    size_t found = t->label_count;
    for (size_t i = 0; i < t->label_count; i++) {
        const char *text = text_of(&t->labels[i], kind);
        if (!text || !ascii_equal_fold(text, name) || is_label(c, text)) continue;
        if (found < t->label_count) return t->label_count;
        found = i;
    }
    return found;
}

/* The task's label of that name, else of that readable name, else of that value, exactly; else the
 * same but for ASCII case. label_count when there is none. */
static size_t find_label(const task *t, const char *name, const model_config *c) {
    size_t found = t->label_count;
    for (int kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < t->label_count; i++) {
            const char *text = text_of(&t->labels[i], kind);
            if (text && strcmp(text, name) == 0) return i;
        }
    for (int kind = 0; kind < 3 && found == t->label_count; kind++)
        found = find_folded(t, name, kind, c);
    return found;
}

static const char *label_name(const model_config *c, uint32_t id, char fallback[24]) {
    if (c->labels) return c->labels[id];
    snprintf(fallback, 24, "LABEL_%u", id);
    return fallback;
}

/* True when every name is its own id with this prefix. */
static bool are_ids(const model_config *c, const char *prefix) {
    for (uint32_t i = 0; c->labels && i < c->classes; i++) {
        char text[40];
        snprintf(text, sizeof text, "%s%u", prefix, i);
        if (!ascii_equal_fold(c->labels[i], text)) return false;
    }
    return true;
}

/* theirs and ours of one part; both owned. */
typedef struct pair {
    char *theirs, *ours;
    bool is_used;
} pair;

typedef struct label_map {
    pair *list; /* (count) owned */
    size_t count, capacity;
} label_map;

static void map_free(label_map *m) {
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->list[i].theirs);
        mem_free(m->list[i].ours);
    }
    mem_free(m->list);
}

/* A name up to one of the characters in `ends` or the end of the text, which *at is moved to. */
static err read_name(char **out, const char **at, const char *ends) {
    strbuf b = {0};
    err e = strbuf_add(&b, "");
    for (; !e && **at && !strchr(ends, **at); ++*at) {
        if (**at == '\\' && (*at)[1]) ++*at;
        e = strbuf_add_bytes(&b, *at, 1);
    }
    *out = b.text;
    return e;
}

static err map_parse(label_map *m, const char *text) {
    for (const char *at = text; at && *at;) {
        err e = mem_grow((void **)&m->list, &m->capacity, m->count + 1, sizeof *m->list);
        if (e) return e;
        pair *p = &m->list[m->count];
        *p = (pair){0};
        m->count++;
        if ((e = read_name(&p->theirs, &at, "=,"))) return e;
        for (size_t i = 0; i + 1 < m->count; i++)
            if (strcmp(m->list[i].theirs, p->theirs) == 0)
                return err_set(ERR_USAGE, "the label map: '%s' stands there twice", p->theirs);
        if (*at != '=')
            return err_set(ERR_USAGE, "the label map: '%s' has no '=' (expected theirs=ours,...)",
                           p->theirs);
        at++;
        if ((e = read_name(&p->ours, &at, ","))) return e;
        if (*at == ',') at++;
    }
    return ERR_OK;
}

/* The map's name for one of theirs, else the name itself. ASCII case tells no names apart but those
 * of which the model has both. */
static const char *map_name(label_map *m, const char *theirs, const model_config *c) {
    pair *found = NULL;
    for (size_t i = 0; i < m->count && !found; i++)
        if (strcmp(m->list[i].theirs, theirs) == 0) found = &m->list[i];
    for (size_t i = 0; i < m->count && !found; i++)
        if (ascii_equal_fold(m->list[i].theirs, theirs) && !is_label(c, m->list[i].theirs))
            found = &m->list[i];
    if (found) found->is_used = true;
    return found ? found->ours : theirs;
}

static err add_escaped(strbuf *b, const char *name) {
    err e = ERR_OK;
    for (; !e && *name; name++) {
        if (strchr("\\,=", *name)) e = strbuf_add(b, "\\");
        if (!e) e = strbuf_add_bytes(b, name, 1);
    }
    return e;
}

static err refuse_unused(const label_map *m, const model_config *c, const char *where) {
    for (size_t i = 0; i < m->count; i++) {
        char fallback[24];
        if (m->list[i].is_used) continue;
        return err_set(ERR_USAGE, "the label map: %s has no label '%s' (its first is '%s')", where,
                       m->list[i].theirs, label_name(c, 0, fallback));
    }
    return ERR_OK;
}

/* No map tells two labels of one name apart. */
static err refuse_twins(const model_config *c, const char *where) {
    for (uint32_t k = 1; c->labels && k < c->classes; k++)
        for (uint32_t i = 0; i < k; i++)
            if (strcmp(c->labels[i], c->labels[k]) == 0)
                return err_set(ERR_DATA,
                               "%s: labels %u and %u of the model are both '%s', and nothing tells "
                               "which is which: give them two names in its config.json (id2label)",
                               where, i, k, c->labels[k]);
    return ERR_OK;
}

static err refuse_taken(const char *name, const char *first, const char *second) {
    return err_set(ERR_USAGE, "the label map: '%s' is '%s' already, '%s' cannot be it too", first,
                   name, second);
}

err labels_check_map(const task *t, const char *map) {
    if (!map || t->kind != ANSWER_NUMBER) return ERR_OK;
    return err_set(ERR_USAGE, "the label map: task %s has no labels, its answers are numbers",
                   t->name);
}

/* The model's labels with the task's that they are, those unknown with what is left, in order. */
static err suggest(strbuf *b, const uint32_t *ours, const model_config *c, const task *t) {
    bool *taken = NULL;
    size_t next = 0, n = t->label_count;
    err e = mem_new(&taken, n);
    for (uint32_t i = 0; !e && i < n; i++)
        if (ours[i] < n) taken[ours[i]] = true;
    for (uint32_t i = 0; !e && i < n; i++) {
        char fallback[24];
        size_t label = ours[i];
        while (label == n && taken[next]) next++;
        if (label == n) label = next++;
        if (i) e = strbuf_add(b, ",");
        if (!e) e = add_escaped(b, label_name(c, i, fallback));
        if (!e) e = strbuf_add(b, "=");
        if (!e) e = add_escaped(b, t->labels[label].name);
    }
    mem_free(taken);
    return e;
}

static err refuse(const uint32_t *ours, uint32_t which, const model_config *c, const task *t,
                  const char *where) {
    strbuf map = {0}, names = {0};
    char fallback[24];
    err e = suggest(&map, ours, c, t);
    for (size_t i = 0; !e && i < t->label_count; i++)
        e = strbuf_printf(&names, "%s%s", i ? ", " : "", t->labels[i].name);
    if (!e)
        e = err_set(ERR_DATA,
                    "%s: label %u of the model is '%s', which is none of task %s (%s) or is there "
                    "twice; say which is which%s'%s' if this is the order%s",
                    where, which, label_name(c, which, fallback), t->name, names.text,
                    err_advice("label-map", ": --label-map "), map.text,
                    err_advice("ignore-mismatched-sizes",
                               "; or have the classifier drawn anew: --ignore-mismatched-sizes"));
    strbuf_free(&map);
    strbuf_free(&names);
    return e;
}

/* ours (classes): the task's label of each of the model's. rows: the other way round. */
static err match_all(uint32_t *rows, uint32_t *ours, label_map *m, const model_config *c,
                     const task *t, const char *where) {
    uint32_t n = c->classes, bad = n;
    err e = refuse_twins(c, where);
    if (e) return e;
    for (uint32_t i = 0; i < n; i++) rows[i] = n;
    for (uint32_t i = 0; i < n; i++) {
        char fallback[24], other[24];
        const char *theirs = label_name(c, i, fallback), *name = map_name(m, theirs, c);
        ours[i] = (uint32_t)find_label(t, name, name == theirs ? c : NULL);
        if (ours[i] == n && name != theirs)
            return err_set(ERR_USAGE,
                           "the label map: task %s has no label '%s' (its first is '%s')", t->name,
                           name, t->labels[0].name);
        if (ours[i] < n && rows[ours[i]] < n) { // there twice
            const char *first = label_name(c, rows[ours[i]], other);
            if (name != theirs || map_name(m, first, c) != first)
                return refuse_taken(t->labels[ours[i]].name, first, theirs);
            ours[i] = n;
        }
        if (ours[i] < n)
            rows[ours[i]] = i;
        else if (bad == n)
            bad = i;
    }
    e = refuse_unused(m, c, where);
    return e || bad == n ? e : refuse(ours, bad, c, t, where);
}

/* A few words about rows that change places. */
static void note_moves(const uint32_t *rows, const model_config *c, const char *where) {
    char fallback[24];
    uint32_t i = 0;
    while (rows[i] == i) i++;
    log_note("%s: labels are matched by name: '%s' is row %u there and %u here", where,
             label_name(c, rows[i], fallback), rows[i], i);
}

err labels_match(uint32_t **rows, const model_config *c, const task *t, const char *text,
                 const char *where) {
    label_map m = {0};
    uint32_t *ours = NULL, *found = NULL;
    bool moves = false;
    *rows = NULL;
    if (c->classes != t->label_count)
        return err_set(ERR_DATA, "%s: the model has %u labels, task %s has %zu", where, c->classes,
                       t->name, t->label_count);
    err e = map_parse(&m, text);
    if (e) goto done;
    if (!m.count && are_ids(c, "LABEL_")) {
        log_note("%s: its labels have no names: taken in the order of task %s", where, t->name);
        goto done;
    }
    if ((e = mem_new(&ours, c->classes)) || (e = mem_new(&found, c->classes))) goto done;
    e = match_all(found, ours, &m, c, t, where);
    if (e == ERR_DATA && !m.count && are_ids(c, "")) {
        err_clear();
        e = ERR_OK;
        log_note("%s: its labels are numbers: taken in the order of task %s", where, t->name);
        goto done;
    }
    for (uint32_t i = 0; !e && i < c->classes; i++) moves |= found[i] != i;
    if (moves) {
        note_moves(found, c, where);
        *rows = found;
        found = NULL;
    }
done:
    map_free(&m);
    mem_free(ours);
    mem_free(found);
    return e;
}

err labels_rename(model_config *c, const char *text, const char *where) {
    label_map m = {0};
    char **names = NULL;
    err e = refuse_twins(c, where);
    if (!e) e = map_parse(&m, text);
    if (!e) e = mem_new(&names, c->classes);
    for (uint32_t i = 0; !e && i < c->classes; i++) {
        char fallback[24], other[24];
        const char *theirs = label_name(c, i, fallback);
        e = mem_strdup(&names[i], map_name(&m, theirs, c));
        for (uint32_t k = 0; !e && k < i; k++)
            if (strcmp(names[k], names[i]) == 0)
                e = refuse_taken(names[i], label_name(c, k, other), theirs);
    }
    if (!e) e = refuse_unused(&m, c, where);
    for (uint32_t i = 0; names && i < c->classes; i++) {
        if (!e && c->labels) mem_free(c->labels[i]);
        if (e) mem_free(names[i]);
    }
    if (!e) {
        mem_free(c->labels);
        c->labels = names;
        names = NULL;
    }
    mem_free(names);
    map_free(&m);
    return e;
}

err labels_set(model_config *c, const task *t) {
    const char **names = NULL, *number = "LABEL_0"; // as transformers names a lone output
    err e = t->kind == ANSWER_NUMBER ? ERR_OK : mem_new(&names, t->label_count);
    for (size_t i = 0; !e && names && i < t->label_count; i++) names[i] = t->labels[i].name;
    if (!e)
        e = t->kind == ANSWER_NUMBER ? model_config_set_labels(c, &number, 1)
                                     : model_config_set_labels(c, names, t->label_count);
    c->head = head_of_kind(t->kind);
    if (t->kind == ANSWER_ARCS) model_config_parse(c, t->tree.decode, t->tree.first_pieces);
    c->scores = t->kind == ANSWER_NUMBER ? MODEL_SCORES_RAW
                : t->kind == ANSWER_SET  ? MODEL_SCORES_SIGMOID
                                         : MODEL_SCORES_SOFTMAX;
    c->reads = labels_reads(t);
    mem_free(names);
    return e;
}

bool labels_are_bare(const model_config *c) {
    return are_ids(c, "LABEL_");
}

model_reads labels_reads(const task *t) {
    return t->format.text_pair          ? MODEL_READS_PAIR
           : t->kind == ANSWER_RELATION ? MODEL_READS_ENTITIES
                                        : MODEL_READS_TEXT;
}

/* The id of "<begin>-<type>"; classes when there is none. */
static uint32_t find_tag(const model_config *c, char begin, const char *type) {
    uint32_t i = 0;
    while (i < c->classes && !(c->labels[i][0] == begin && c->labels[i][1] == '-' &&
                               strcmp(c->labels[i] + 2, type) == 0))
        i++;
    return i;
}

static uint32_t find_outside(const model_config *c) {
    uint32_t i = 0;
    while (i < c->classes && strcmp(c->labels[i], "O") != 0) i++;
    return i;
}

/* rows (classes): B-X and I-X by the first of each type, then O; each label is there once. */
static err order_tags(uint32_t *rows, const model_config *c, const char *where) {
    uint32_t used = 0, outside = find_outside(c);
    for (uint32_t i = 0; i < c->classes; i++) {
        const char *name = c->labels[i];
        bool is_tag = strncmp(name, "B-", 2) == 0 || strncmp(name, "I-", 2) == 0;
        uint32_t begin = is_tag ? find_tag(c, 'B', name + 2) : c->classes;
        uint32_t inside = is_tag ? find_tag(c, 'I', name + 2) : c->classes;
        bool is_outside = strcmp(name, "O") == 0;
        if (!is_outside && (begin == c->classes || inside == c->classes))
            return err_set(ERR_UNSUPPORTED,
                           "%s: label %u is '%s': expected B-X and I-X of each type X, and O",
                           where, i, name);
        uint32_t first = is_outside ? outside : *name == 'B' ? begin : inside;
        if (i != first)
            return err_set(ERR_UNSUPPORTED,
                           "%s: labels %u and %u are both '%s': expected each label once", where,
                           first, i, name);
        if (is_outside || i != (begin < inside ? begin : inside)) continue;
        rows[used++] = begin;
        rows[used++] = inside;
    }
    if (outside == c->classes) return err_set(ERR_UNSUPPORTED, "%s: its labels have no O", where);
    rows[used] = outside;
    return ERR_OK;
}

err labels_order_tags(uint32_t **rows, model_config *c, const char *where) {
    char **names = NULL;
    bool moves = false;
    *rows = NULL;
    if (!c->labels || are_ids(c, "LABEL_"))
        return err_set(ERR_UNSUPPORTED,
                       "%s: its labels have no names: expected B-X and I-X of "
                       "each type X, and O",
                       where);
    err e = mem_new(rows, c->classes);
    if (!e) e = order_tags(*rows, c, where);
    for (uint32_t i = 0; !e && i < c->classes; i++) moves |= (*rows)[i] != i;
    if (moves) e = mem_new(&names, c->classes);
    for (uint32_t i = 0; !e && moves && i < c->classes; i++) names[i] = c->labels[(*rows)[i]];
    if (!e && moves) {
        mem_free(c->labels);
        c->labels = names;
        return ERR_OK;
    }
    mem_free(*rows);
    *rows = NULL;
    return e;
}
