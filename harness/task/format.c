#include "task/task_internal.h"

#include <string.h>

enum { COLUMNS_MAX = 4096 };

static err load_columns(task_format *f, const cJSON *object, const char *where) {
    const cJSON *list;
    task__named *names = NULL;
    size_t count, first, second;
    err e = task__bounded_array(&list, &count, object, "columns", 0, COLUMNS_MAX, where);
    if (e || (e = mem_new(&f->columns, count)) || (e = mem_new(&names, count))) goto done;
    for (const cJSON *item = list->child; item; item = item->next) {
        if (!cJSON_IsString(item)) {
            e = err_set(ERR_FORMAT, "%s: key 'columns[%zu]' is not a string", where,
                        f->column_count);
            goto done;
        }
        names[f->column_count] = (task__named){item->valuestring, f->column_count};
        f->columns[f->column_count++] = item->valuestring;
    }
    task__find_double(&first, &second, names, count);
    if (first < count)
        e = err_set(ERR_FORMAT, "%s: key 'columns' has '%s' twice", where, f->columns[first]);
done:
    mem_free(names);
    return e;
}

static err find_column(size_t *index, const task_format *f, const char *key, const char *name,
                       const char *where) {
    for (size_t i = 0; i < f->column_count; i++) {
        if (!strcmp(f->columns[i], name)) {
            *index = i;
            return ERR_OK;
        }
    }
    strbuf list = {0};
    err e = task__join_names(&list, f->columns, f->column_count);
    if (!e) {
        e = err_set(ERR_FORMAT, "%s: key '%s' is '%s', which is no column (columns: %s)", where,
                    key, name, list.text ? list.text : "none");
    }
    strbuf_free(&list);
    return e;
}

static err load_delimited(task_format *f, const cJSON *object, const char *where) {
    err e;
    size_t index = 0;
    if ((e = CHECK_KEYS(object, where, "kind", "delimiter", "quoting", "header", "bom", "columns",
                        "text", "text_pair", "label", "label_separator"))) {
        return e;
    }
    if ((e = CHOICE(&index, object, "delimiter", where, ",", "\t", ";", "|"))) return e;
    f->delimiter = ",\t;|"[index];
    if ((e = CHOICE(&index, object, "quoting", where, "none", "standard"))) return e;
    f->quoted = index == 1;
    if ((e = json_bool(&f->header, object, "header", where))) return e;
    if (json_has(object, "bom")) {
        if ((e = CHOICE(&index, object, "bom", where, "drop", "keep"))) return e;
        f->keep_bom = index == 1;
    }
    if ((e = load_columns(f, object, where))) return e;
    if ((e = find_column(&f->text_column, f, "text", f->text, where))) return e;
    if (f->text_pair && (e = find_column(&f->pair_column, f, "text_pair", f->text_pair, where)))
        return e;
    return f->label ? find_column(&f->label_column, f, "label", f->label, where) : ERR_OK;
}

static err load_tagged(task_format *f, const cJSON *object, const char *where) {
    size_t unit = 0, scheme = 0;
    err e = CHECK_KEYS(object, where, "kind", "unit", "scheme", "comment");
    if (!e) e = CHOICE(&unit, object, "unit", where, "character", "word");
    if (!e && json_has(object, "scheme"))
        e = CHOICE(&scheme, object, "scheme", where, "bio", "bioes");
    if (!e && json_has(object, "comment"))
        e = task__filled_string(&f->comment, object, "comment", where);
    f->unit = unit ? UNIT_WORD : UNIT_CHARACTER;
    f->ends_are_marked = scheme == 1;
    return e;
}

static err load_conll(task_format *f, const cJSON *object, const char *where) {
    err e = CHECK_KEYS(object, where, "kind", "columns", "index", "text", "head", "label");
    if (e || (e = load_columns(f, object, where))) return e;
    if ((e = task__filled_string(&f->index, object, "index", where))) return e;
    if ((e = task__filled_string(&f->head, object, "head", where))) return e;
    if ((e = find_column(&f->index_column, f, "index", f->index, where))) return e;
    if ((e = find_column(&f->text_column, f, "text", f->text, where))) return e;
    if ((e = find_column(&f->head_column, f, "head", f->head, where))) return e;
    return find_column(&f->label_column, f, "label", f->label, where);
}

/* Two keys of the format that name the same column. */
static err check_apart(const char *key, const char *name, const char *other_key, const char *other,
                       const char *where) {
    if (!name || !other || strcmp(name, other)) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: keys '%s' and '%s' are both '%s'", where, key, other_key, name);
}

/* Where the two entities stand whose relation is asked. */
static err load_entities(task *t, const cJSON *object, const char *where) {
    task_format *f = &t->format;
    if (t->kind != ANSWER_RELATION) {
        const char *key = json_has(object, "subject") ? "subject" : "object";
        return json_has(object, key)
                   ? err_set(ERR_FORMAT, "%s: key '%s' goes with kind relation", where, key)
                   : ERR_OK;
    }
    if (f->kind == TASK_FORMAT_DELIMITED)
        return err_set(ERR_FORMAT,
                       "%s: key 'kind' is 'delimited', relations are read from jsonl "
                       "or json",
                       where);
    if (f->text_pair)
        return err_set(ERR_FORMAT, "%s: key 'text_pair': a relation is of one text", where);
    err e = task__filled_string(&f->subject, object, "subject", where);
    if (!e) e = task__filled_string(&f->object, object, "object", where);
    return e ? e : check_apart("subject", f->subject, "object", f->object, where);
}

/* The names of columns. A label may stand elsewhere: in each file's name, or in columns of its own.
 */
static err load_names(task *t, const cJSON *object, const char *where) {
    task_format *f = &t->format;
    size_t labelled = 0;
    if (f->kind == TASK_FORMAT_TAGGED) return ERR_OK;
    err e = json_string(&f->text, object, "text", where);
    if (e) return e;
    if (json_has(object, "text_pair") &&
        (e = task__filled_string(&f->text_pair, object, "text_pair", where)))
        return e;
    for (size_t i = 0; i < t->file_count; i++) labelled += t->files[i].label != NULL;
    if (labelled && labelled < t->file_count)
        return err_set(ERR_FORMAT, "%s: %zu of %zu files have a label, expected all or none",
                       t->path, labelled, t->file_count);
    if (labelled && json_has(object, "label"))
        return err_set(ERR_FORMAT, "%s: key 'label': the files have labels of their own", where);
    if (!labelled && (t->kind != ANSWER_SET || json_has(object, "label")) &&
        (e = json_string(&f->label, object, "label", where)))
        return e;
    if (json_has(object, "label_separator")) {
        if (t->kind != ANSWER_SET || !f->label)
            return err_set(ERR_FORMAT, "%s: key 'label_separator' goes with a list of labels",
                           where);
        if ((e = task__filled_string(&f->label_separator, object, "label_separator", where)))
            return e;
    }
    if ((e = load_entities(t, object, where))) return e;
    if ((e = check_apart("text", f->text, "label", f->label, where))) return e;
    if ((e = check_apart("text", f->text, "text_pair", f->text_pair, where))) return e;
    return check_apart("text_pair", f->text_pair, "label", f->label, where);
}

/* Keys of each kind of format. */
static err load_rest(task *t, const cJSON *object, const char *where) {
    switch (t->format.kind) {
    case TASK_FORMAT_DELIMITED: return load_delimited(&t->format, object, where);
    case TASK_FORMAT_TAGGED: return load_tagged(&t->format, object, where);
    case TASK_FORMAT_CONLL: return load_conll(&t->format, object, where);
    case TASK_FORMAT_JSONL:
    case TASK_FORMAT_JSON:
    case TASK_FORMAT_LINES: break;
    }
    return CHECK_KEYS(object, where, "kind", "text", "text_pair", "label", "label_separator",
                      "subject", "object");
}

err task__load_format(task *t, const cJSON *root) {
    const cJSON *object;
    task_format *f = &t->format;
    char *where = NULL;
    size_t kind = 0;
    err e = json_object(&object, root, "format", t->path);
    if (e || (e = mem_printf(&where, "%s: format", t->path))) return e;
    if ((e = CHOICE(&kind, object, "kind", where, "delimited", "jsonl", "json", "tagged", "conll")))
        goto done;
    f->kind = (task_format_kind)kind;
    if ((f->kind == TASK_FORMAT_TAGGED) != (t->kind == ANSWER_TAGS)) {
        e = err_set(ERR_FORMAT, "%s: key 'kind': format tagged goes with kind token_classification",
                    where);
        goto done;
    }
    if ((f->kind == TASK_FORMAT_CONLL) != (t->kind == ANSWER_ARCS)) {
        e = err_set(ERR_FORMAT, "%s: key 'kind': format conll goes with kind dependency_parsing",
                    where);
        goto done;
    }
    if ((e = load_names(t, object, where))) goto done;
    e = load_rest(t, object, where);
    if (!e && f->kind == TASK_FORMAT_DELIMITED && t->kind == ANSWER_SET && f->label &&
        !f->label_separator)
        e = err_set(ERR_FORMAT, "%s: key 'label_separator' is missing: column '%s' lists labels",
                    where, f->label);
done:
    mem_free(where);
    return e;
}

/* Where a label's own column stands; json reads it by its name. */
static err bind_columns(task *t) {
    task_format *f = &t->format;
    char *where = NULL;
    err e = mem_printf(&where, "%s: format", t->path);
    if (!e) e = mem_new(&f->column_labels, f->column_count);
    for (size_t i = 0; !e && i < t->label_count; i++) {
        size_t column = 0;
        e = find_column(&column, f, "labels", t->labels[i].value, where);
        if (!e) f->column_labels[column] = (uint32_t)i + 1;
    }
    mem_free(where);
    return e;
}

err task__bind_labels(task *t) {
    for (size_t i = 0; i < t->file_count; i++) {
        task_file *f = &t->files[i];
        if (!f->label) continue;
        if (t->kind != ANSWER_CLASS)
            return err_set(ERR_FORMAT, "%s: files[%zu]: key 'label' goes with kind classification",
                           t->path, i);
        f->label_id = task_label_index(t, f->label, strlen(f->label));
        if (f->label_id == t->label_count)
            return err_set(ERR_FORMAT, "%s: files[%zu]: label '%s' is not in 'labels'", t->path, i,
                           f->label);
    }
    bool own = t->kind == ANSWER_SET && !t->format.label;
    return own && t->format.kind == TASK_FORMAT_DELIMITED ? bind_columns(t) : ERR_OK;
}
