#include "data/data_internal.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A place for a text and its 0 byte. */
static err keep_text(const char **kept, dataset_texts *t, const char *text, size_t bytes) {
    enum { LEAST_BYTES = 64 << 10, MOST_BYTES = 8 << 20 };
    if (bytes + 1 > t->left) {
        size_t size = LEAST_BYTES;
        for (size_t i = 0; i < t->count && size < MOST_BYTES; i++) size *= 2;
        if (size < bytes + 1) size = bytes + 1;
        err e = mem_grow((void **)&t->blocks, &t->capacity, t->count + 1, sizeof *t->blocks);
        if (e || (e = mem_new(&t->next, size))) return e;
        t->blocks[t->count++] = t->next;
        t->left = size;
    }
    if (text) memcpy(t->next, text, bytes);
    t->next[bytes] = '\0';
    *kept = t->next;
    t->next += bytes + 1;
    t->left -= bytes + 1;
    return ERR_OK;
}

err data__known_labels(strbuf *out, const task *t) {
    enum { SHOWN = 40 };
    err e = ERR_OK;
    for (size_t i = 0; i < t->label_count && i < SHOWN && !e; i++)
        e = strbuf_printf(out, "%s'%s'", i ? ", " : "", t->labels[i].value);
    return e || t->label_count <= SHOWN ? e : strbuf_add(out, ", ...");
}

static err unknown_label(const data__reader *r, const char *where, const char *label,
                         size_t bytes) {
    enum { SHOWN = 40 };
    strbuf known = {0};
    if (r->task->drop_invalid_labels && *r->invalid_first) return ERR_FORMAT; // never shown
    err e = data__known_labels(&known, r->task);
    if (!e) {
        e = err_set(ERR_FORMAT, "%s: label '%.*s' is not in the manifest (known: %s)", where,
                    bytes > SHOWN ? SHOWN : (int)bytes, label, known.text);
    }
    strbuf_free(&known);
    return e;
}

/* What is wrong with a row, by the manifest: fatal or counted, as it says. */
static err refuse_row(data__reader *r, err fault) {
    if (!r->task->drop_invalid_labels || fault == ERR_MEMORY) return fault;
    if (!*r->invalid_first && mem_strdup(r->invalid_first, err_message(fault))) return ERR_MEMORY;
    err_clear();
    r->file_invalid++;
    return ERR_OK;
}

static err read_class(uint32_t *id, const data__reader *r, const data__row *row) {
    size_t index = r->task->files[r->file].label
                       ? r->task->files[r->file].label_id
                       : task_label_index(r->task, row->label.text, row->label.bytes);
    *id = (uint32_t)index;
    return index < r->task->label_count
               ? ERR_OK
               : unknown_label(r, row->where, row->label.text, row->label.bytes);
}

/* Digits, a point, digits; a sign before; an exponent behind. */
static bool is_decimal(const char *text, size_t bytes) {
    size_t i = 0, digits = 0;
    if (i < bytes && (text[i] == '-' || text[i] == '+')) i++;
    for (; i < bytes && text[i] >= '0' && text[i] <= '9'; i++) digits++;
    if (i < bytes && text[i] == '.')
        for (i++; i < bytes && text[i] >= '0' && text[i] <= '9'; i++) digits++;
    if (digits && i < bytes && (text[i] == 'e' || text[i] == 'E')) {
        if (++i < bytes && (text[i] == '-' || text[i] == '+')) i++;
        for (digits = 0; i < bytes && text[i] >= '0' && text[i] <= '9'; i++) digits++;
    }
    return digits && i == bytes;
}

static err read_number(float *number, const data__reader *r, const data__row *row) {
    enum { LONGEST = 40 };
    char text[LONGEST + 1] = "";
    size_t bytes = row->label.bytes < LONGEST ? row->label.bytes : LONGEST;
    if (bytes) memcpy(text, row->label.text, bytes);
    if (row->label.bytes > LONGEST || !is_decimal(text, bytes))
        return err_set(ERR_FORMAT, "%s: score '%s' is no number: one from %g to %g is expected",
                       row->where, text, r->task->low, r->task->high);
    double value = strtod(text, NULL);
    if (!(value >= r->task->low && value <= r->task->high))
        return err_set(ERR_FORMAT, "%s: score %s is outside the manifest's range, %g to %g",
                       row->where, text, r->task->low, r->task->high);
    *number = (float)value;
    return ERR_OK;
}

/* Marks the labels of a list in r->set. */
static err read_list(data__reader *r, const data__row *row) {
    const char *at = row->label.text, *end = at + row->label.bytes;
    const char *separator = r->task->format.label_separator;
    size_t step = strlen(separator);
    memset(r->set, 0, r->task->label_count);
    while (row->label.bytes) {
        const char *stop = at;
        while (stop < end && ((size_t)(end - stop) < step || memcmp(stop, separator, step))) stop++;
        if (stop == at && task_label_index(r->task, at, 0) == r->task->label_count)
            return err_set(ERR_FORMAT,
                           "%s: an empty label in '%.*s': labels have one '%s' between them, and a "
                           "row without "
                           "labels has nothing there",
                           row->where, row->label.bytes > 40 ? 40 : (int)row->label.bytes,
                           row->label.text, separator);
        err e = data__mark_label(r, row->where, at, (size_t)(stop - at));
        if (e || stop == end) return e;
        at = stop + step;
    }
    return ERR_OK;
}

err data__mark_label(data__reader *r, const char *where, const char *label, size_t bytes) {
    size_t index = task_label_index(r->task, label, bytes);
    if (index == r->task->label_count) return unknown_label(r, where, label, bytes);
    if (r->set[index])
        return err_set(ERR_FORMAT, "%s: label '%s' stands there twice", where,
                       r->task->labels[index].value);
    r->set[index] = 1;
    return ERR_OK;
}

static err read_set(const uint8_t **set, data__reader *r, const data__row *row) {
    const char *kept = NULL;
    err e = row->set ? ERR_OK : read_list(r, row);
    if (!e) e = keep_text(&kept, r->texts, (const char *)r->set, r->task->label_count);
    *set = (const uint8_t *)kept;
    return e;
}

/* Room for words among the texts. */
static err keep_words(uint32_t **kept, dataset_texts *t, size_t count) {
    const char *bytes = NULL;
    err e = keep_text(&bytes, t, NULL, (count + 1) * sizeof **kept);
    if (e) return e;
    size_t over = (uintptr_t)bytes % sizeof **kept;
    *kept = (uint32_t *)(uintptr_t)(bytes + (over ? sizeof **kept - over : 0));
    return ERR_OK;
}

static err keep_units(example_units *units, data__reader *r, const data__row *row) {
    size_t width = answer_unit_width(r->task->kind), count = row->units.count;
    _Static_assert(sizeof(text_unit) == 2 * sizeof(uint32_t), "units are kept as words");
    uint32_t *words = NULL;
    err e = keep_words(&words, r->texts, count * (2 + width));
    if (e) return e;
    if (count) {
        memcpy(words, row->units.list, count * sizeof *row->units.list);
        memcpy(words + 2 * count, row->units.values, count * width * sizeof *words);
    }
    *units =
        (example_units){(const text_unit *)(const void *)words, words + 2 * count, (uint32_t)count};
    return ERR_OK;
}

static err read_target(example_target *target, data__reader *r, const data__row *row) {
    if (row->fault) return err_set(ERR_FORMAT, "%s: %s", row->where, row->fault);
    if (answer_in_units(r->task->kind)) return keep_units(&target->units, r, row);
    if (answer_is_label(r->task->kind)) return read_class(&target->class, r, row);
    if (r->task->kind == ANSWER_NUMBER) return read_number(&target->number, r, row);
    return read_set(&target->set, r, row);
}

/* A pair has two texts or none. */
static err check_pair(const data__reader *r, const data__row *row) {
    const task_format *f = &r->task->format;
    if (!f->text_pair || !row->texts[0].bytes == !row->texts[1].bytes) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: a pair with one text: '%s' is empty", row->where,
                   row->texts[0].bytes ? f->text_pair : f->text);
}

err data__add_row(data__reader *r, const data__row *row) {
    dataset_split *s = r->split;
    bool in_tree = r->task->kind == ANSWER_ARCS;
    dataset_row new = {.example.text_count = r->task->format.text_pair ? 2 : 1,
                       .example.in_units = answer_in_units(r->task->kind),
                       .example.in_tree = in_tree,
                       .example.first_pieces = r->task->tree.first_pieces,
                       .file = r->file,
                       .line = row->line};
    r->file_rows++;
    err e = read_target(&new.example.target, r, row);
    if (!e) e = check_pair(r, row);
    if (e) return refuse_row(r, e);
    if ((e = mem_grow((void **)&s->rows, r->row_capacity, s->row_count + 1, sizeof *s->rows)))
        return e;
    for (uint32_t i = 0; i < new.example.text_count; i++) {
        const text_span *from = &row->texts[i];
        text_span *to = &new.example.texts[i];
        to->bytes = from->bytes;
        if ((e = keep_text(&to->text, r->texts, from->text, from->bytes))) return e;
    }
    s->rows[s->row_count++] = new;
    return ERR_OK;
}

/* The value of a key, which stands there once; a.b is key b of the object at key a, unless there is
 * a key of that very name. */
err data__json_value(const cJSON **value, const cJSON *object, const char *key, const char *where) {
    const char *dot = strchr(key, '.');
    const cJSON *whole = cJSON_GetObjectItemCaseSensitive(object, key);
    char *first = NULL;
    err e = ERR_OK;
    *value = NULL;
    if (!whole && dot) {
        if ((e = mem_strndup(&first, key, (size_t)(dot - key)))) return e;
        const cJSON *inner = NULL;
        if (!(e = data__json_value(&inner, object, first, where)))
            e = cJSON_IsObject(inner)
                    ? data__json_value(value, inner, dot + 1, where)
                    : err_set(ERR_FORMAT, "%s: key '%s' is not an object", where, first);
        mem_free(first);
        return e;
    }
    if (!whole) return err_set(ERR_FORMAT, "%s: key '%s' is missing", where, key);
    for (const cJSON *item = whole->next; item; item = item->next)
        if (!strcmp(item->string, key))
            return err_set(ERR_FORMAT, "%s: key '%s' stands there twice", where, key);
    *value = whole;
    return ERR_OK;
}

/* A text that is null is none: of a pair it is missed where the other is known. */
static err text_value(text_span *text, const cJSON *object, const char *key, bool in_pair,
                      const char *where) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
    *text = (text_span){"", 0};
    if (in_pair && cJSON_IsNull(v)) return ERR_OK;
    if (!strchr(key, '.')) { // it says what is expected
        err e = json_string(&text->text, object, key, where);
        if (e) return e;
    }
    err e = data__json_value(&v, object, key, where);
    if (!e && !cJSON_IsString(v)) e = err_set(ERR_FORMAT, "%s: key '%s' is no string", where, key);
    if (!e) *text = (text_span){v->valuestring, strlen(v->valuestring)};
    return e;
}

/* Text of a label value: a string as it is, a whole number or a truth value as written; of a score
 * any number. */
err data__json_label(text_span *label, char number[32], const cJSON *v, answer_kind kind,
                     const char *key, const char *where) {
    bool whole = cJSON_IsNumber(v) && v->valuedouble == floor(v->valuedouble);
    if (cJSON_IsString(v)) {
        label->text = v->valuestring;
    } else if (cJSON_IsBool(v) && kind != ANSWER_NUMBER) {
        label->text = cJSON_IsTrue(v) ? "true" : "false";
    } else if (whole && fabs(v->valuedouble) < 1e15) {
        snprintf(number, 32, "%.0f", v->valuedouble);
        label->text = number;
    } else if (cJSON_IsNumber(v) && kind == ANSWER_NUMBER) {
        snprintf(number, 32, "%.17g", v->valuedouble);
        label->text = number;
    } else {
        return err_set(ERR_FORMAT,
                       kind == ANSWER_NUMBER
                           ? "%s: key '%s' is no number"
                           : "%s: key '%s' is neither a string, a whole number nor a truth value",
                       where, key);
    }
    label->bytes = strlen(label->text);
    return ERR_OK;
}

/* The labels of a JSON list, in r->set. */
static err mark_list(data__reader *r, const cJSON *list, const char *key, const char *where) {
    err e = ERR_OK;
    memset(r->set, 0, r->task->label_count);
    for (const cJSON *item = list->child; item && !e; item = item->next) {
        char number[32];
        text_span label = {0};
        e = data__json_label(&label, number, item, ANSWER_SET, key, where);
        if (!e) e = data__mark_label(r, where, label.text, label.bytes);
    }
    return e;
}

/* Labels that have keys of their own: 0, 1 or truth values. */
static err mark_keys(data__reader *r, const cJSON *object, const char *where) {
    for (size_t i = 0; i < r->task->label_count; i++) {
        const char *key = r->task->labels[i].value;
        const cJSON *v = NULL;
        err e = data__json_value(&v, object, key, where);
        if (e) return e;
        bool one = cJSON_IsTrue(v) || (cJSON_IsNumber(v) && v->valuedouble == 1);
        bool none = cJSON_IsFalse(v) || (cJSON_IsNumber(v) && v->valuedouble == 0);
        if (!one && !none)
            return err_set(ERR_FORMAT, "%s: key '%s' is neither 0 nor 1", where, key);
        r->set[i] = one;
    }
    return ERR_OK;
}

/* What a row is answered with. */
static err read_answer(data__reader *r, data__row *row, char number[32], const cJSON *object) {
    const task_format *f = &r->task->format;
    const cJSON *label = NULL;
    if (f->label) {
        err e = data__json_value(&label, object, f->label, row->where);
        if (e) return e;
    }
    if (r->task->kind != ANSWER_SET || f->label_separator)
        return f->label ? data__json_label(&row->label, number, label, r->task->kind, f->label,
                                           row->where)
                        : ERR_OK;
    row->set = r->set;
    if (!f->label) return mark_keys(r, object, row->where);
    if (cJSON_IsArray(label)) return mark_list(r, label, f->label, row->where);
    return err_set(ERR_FORMAT, "%s: key '%s' is not a list of labels", row->where, f->label);
}

static err read_range(data__range *range, const cJSON *object, const char *key, const char *where) {
    const cJSON *entity = NULL;
    char *inside = NULL;
    int64_t first = 0, last = 0;
    err e = data__json_value(&entity, object, key, where);
    if (e || (e = mem_printf(&inside, "%s: key '%s'", where, key))) return e;
    if (!cJSON_IsObject(entity))
        e = err_set(ERR_FORMAT, "%s is no object with start_idx and end_idx", inside);
    if (!e) e = json_whole(&first, entity, "start_idx", 0, DATA_TEXT_LIMIT_BYTES, inside);
    if (!e) e = json_whole(&last, entity, "end_idx", first, DATA_TEXT_LIMIT_BYTES, inside);
    *range = (data__range){(size_t)first, (size_t)last};
    mem_free(inside);
    return e;
}

/* The text with its entities marked, in r->marked. */
static err mark_text(data__reader *r, text_span *text, const cJSON *object, const char *where) {
    data__range subject = {0}, other = {0};
    err e = read_range(&subject, object, r->task->format.subject, where);
    if (!e) e = read_range(&other, object, r->task->format.object, where);
    if (!e) e = data__mark_entities(&r->marked, where, *text, subject, other);
    if (!e) *text = (text_span){r->marked.text, r->marked.length};
    return e;
}

/* What the message says behind "where: ", which it shows by its own rule and may have cut. */
static const char *behind(const char *message, const char *where) {
    size_t shown = shown_snprintf(NULL, 0, SHOWN_TERMINAL, "%s: ", where);
    return message + (shown < strlen(message) ? shown : 0);
}

static err add_object(data__reader *r, const cJSON *object, const char *where, uint32_t line) {
    const task_format *f = &r->task->format;
    data__row row = {.where = where, .line = line};
    bool in_pair = f->text_pair != NULL;
    char number[32], fault[1024];
    err e;
    if (!cJSON_IsObject(object)) return err_set(ERR_FORMAT, "%s: not a JSON object", where);
    e = text_value(&row.texts[0], object, f->text, in_pair, where);
    if (e && !in_pair) return e;
    if (!e && in_pair) e = text_value(&row.texts[1], object, f->text_pair, true, where);
    if (!e && f->subject) e = mark_text(r, &row.texts[0], object, where);
    if (!e) e = read_answer(r, &row, number, object);
    if (e == ERR_MEMORY) return e;
    if (e) { // the row's to refuse or to count
        shown_snprintf(fault, sizeof fault, SHOWN_TERMINAL, "%s", behind(err_message(e), where));
        row.fault = fault;
    }
    return data__add_row(r, &row);
}

err data__json_line(cJSON **out, const data__source *s, char *text, size_t bytes) {
    char behind = text[bytes];
    text[bytes] = '\0'; // the parser wants a terminated text
    err e = json_parse_part(out, text, bytes, s->path, s->line, s->column);
    text[bytes] = behind;
    return e;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static err add_json_line(data__reader *r, const data__source *s, char *line, size_t bytes) {
    char *where = NULL;
    cJSON *object = NULL;
    err e = mem_printf(&where, "%s:%zu", r->path, s->line);
    if (!e) e = data__json_line(&object, s, line, bytes);
    if (!e) e = add_object(r, object, where, (uint32_t)s->line);
    cJSON_Delete(object);
    mem_free(where);
    return e;
}

err data__read_jsonl(data__reader *r, data__source *s) {
    for (;;) {
        char *line;
        size_t count, text;
        err e = data__source_line(s, &line, &count, &(data__piece){.what = "a line"});
        if (e || !count) return e;
        for (text = count; text && is_blank(line[text - 1]);) text--;
        if (text && (e = add_json_line(r, s, line, text))) return e;
        data__source_skip(s, count);
    }
}

static err array_fault(const data__source *s, const char *what) {
    return err_set(ERR_FORMAT, "%s:%zu:%zu: not valid JSON: %s", s->path, s->line, s->column, what);
}

/* Passes over blanks; *next is the byte that follows, which stays, or 0 at the end of the file. */
static err next_byte(char *next, data__source *s) {
    for (;;) {
        size_t blanks = 0, there = s->end - s->begin;
        while (blanks < there && is_blank(s->bytes[s->begin + blanks])) blanks++;
        data__source_skip(s, blanks);
        *next = blanks < there ? s->bytes[s->begin] : '\0';
        if (blanks < there) return *next ? ERR_OK : data__check_text(s, 1);
        if (s->ended) return ERR_OK;
        err e = data__source_more(s);
        if (e) return e;
    }
}

/* How far an object was followed. */
typedef struct object_end {
    size_t bytes; /* seen */
    size_t depth;
    bool in_string, escaped;
} object_end;

/* Follows an object through the bytes that are there; true at its end. Whether it is valid is the
 * parser's to say. */
static bool find_end(object_end *o, const char *text, size_t there) {
    while (o->bytes < there) {
        char c = text[o->bytes++];
        if (o->in_string) {
            if (o->escaped || c == '\\')
                o->escaped = !o->escaped;
            else if (c == '"')
                o->in_string = false;
        } else if (c == '"') {
            o->in_string = true;
        } else if (c == '{' || c == '[') {
            o->depth++;
        } else if ((c == '}' || c == ']') && --o->depth == 0) {
            return true;
        }
    }
    return false;
}

/* The object that begins at the next byte, the number-th of the array. */
static err read_element(cJSON **object, data__source *s, uint32_t number) {
    object_end o = {0};
    err e = ERR_OK;
    *object = NULL;
    while (!e && !find_end(&o, s->bytes + s->begin, s->end - s->begin)) {
        if (o.bytes > DATA_TEXT_LIMIT_BYTES) break;
        if (s->ended) break; // the parser says where
        e = data__source_more(s);
    }
    if (!e && o.bytes > DATA_TEXT_LIMIT_BYTES) {
        e = err_set(ERR_FORMAT, "%s:%zu: element %u: an object of more than %d bytes", s->path,
                    s->line, number, DATA_TEXT_LIMIT_BYTES);
    }
    if (!e) e = data__check_text(s, o.bytes);
    if (!e) e = data__json_line(object, s, s->bytes + s->begin, o.bytes);
    if (!e) data__source_skip(s, o.bytes);
    return e;
}

/* Before the first element of an array, or behind one: its ',' is passed over. *more: an object
 * begins here, the number-th; else the array and the file have ended. */
static err next_element(bool *more, data__source *s, uint32_t number) {
    char c;
    err e = next_byte(&c, s);
    if (e) return e;
    if (number == 1 && c != '[')
        return err_set(ERR_FORMAT, "%s: not a JSON array of objects", s->path);
    *more = c != ']';
    if (number > 1 && c != ',' && *more)
        return array_fault(s, "',' or ']' is expected behind an element");
    data__source_skip(s, 1);
    if ((e = next_byte(&c, s))) return e;
    if (number == 1 && c == ']') { // an empty array
        *more = false;
        data__source_skip(s, 1);
        if ((e = next_byte(&c, s))) return e;
    }
    if (!*more) return c ? array_fault(s, "something follows the array") : ERR_OK;
    if (c == ']') return array_fault(s, "an element is expected behind ','");
    if (!c) return array_fault(s, "the file ends within the array");
    if (c == '{') return ERR_OK;
    return err_set(ERR_FORMAT, "%s:%zu:%zu: element %u: not a JSON object", s->path, s->line,
                   s->column, number);
}

err data__json_next(cJSON **object, data__source *s, uint32_t number) {
    bool more = false;
    *object = NULL;
    err e = next_element(&more, s, number);
    return e || !more ? e : read_element(object, s, number);
}

err data__read_json(data__reader *r, data__source *s) {
    err e = ERR_OK;
    for (uint32_t number = 1; !e; number++) {
        char *where = NULL;
        cJSON *object = NULL;
        e = data__json_next(&object, s, number);
        bool ended = !object;
        if (!e && !ended) e = mem_printf(&where, "%s: element %u", r->path, number);
        if (!e && !ended) e = add_object(r, object, where, number);
        cJSON_Delete(object);
        mem_free(where);
        if (ended) break;
    }
    return e;
}
