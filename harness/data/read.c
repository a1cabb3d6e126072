#include "data/data_internal.h"

#include "base/json.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A place for a text and its 0 byte. */
static err keep_text(const char **kept, dataset_texts *t, const char *text, size_t bytes) {
    enum { LEAST_BYTES = 64 << 10, MOST_BYTES = 8 << 20 };
    if (bytes + 1 > t->left) {
        size_t room = LEAST_BYTES;
        for (size_t i = 0; i < t->count && room < MOST_BYTES; i++) room *= 2;
        if (room < bytes + 1) room = bytes + 1;
        err e = mem_grow((void **)&t->blocks, &t->capacity, t->count + 1, sizeof *t->blocks);
        if (e || (e = mem_new(&t->next, room))) return e;
        t->blocks[t->count++] = t->next;
        t->left = room;
    }
    memcpy(t->next, text, bytes);
    t->next[bytes] = '\0';
    *kept = t->next;
    t->next += bytes + 1;
    t->left -= bytes + 1;
    return ERR_OK;
}

static err unknown_label(const data__reader *r, const char *where, const char *label,
                         size_t bytes) {
    enum { SHOWN = 40 };
    strbuf known = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < r->task->label_count && i < SHOWN && !e; i++)
        e = strbuf_printf(&known, "%s'%s'", i ? ", " : "", r->task->labels[i].value);
    if (!e) {
        e = err_set(ERR_FORMAT, "%s: label '%.*s' is not in the manifest (known: %s%s)", where,
                    bytes > SHOWN ? SHOWN : (int)bytes, label, known.text,
                    r->task->label_count > SHOWN ? ", ..." : "");
    }
    strbuf_free(&known);
    return e;
}

err data__add_row(data__reader *r, const char *where, uint32_t line, const char *text,
                  size_t text_bytes, const char *label, size_t label_bytes) {
    dataset_split *s = r->split;
    r->file_rows++;
    size_t index = task_label_index(r->task, label, label_bytes);
    if (index == r->task->label_count) {
        if (!r->task->drop_invalid_labels) return unknown_label(r, where, label, label_bytes);
        r->file_invalid++;
        return ERR_OK;
    }
    err e = mem_grow((void **)&s->rows, r->row_capacity, s->row_count + 1, sizeof *s->rows);
    const char *kept = NULL;
    if (e || (e = keep_text(&kept, r->texts, text, text_bytes))) return e;
    s->rows[s->row_count++] = (dataset_row){
        .example = {.texts = {{kept, text_bytes}}, .text_count = 1, .target = {(uint32_t)index}},
        .file = r->file,
        .line = line};
    return ERR_OK;
}

/* Text of a label value: a string as it is, a whole number or a truth value as written. */
static err label_text(const char **label, char number[32], const cJSON *object, const char *key,
                      const char *where) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!v) return err_set(ERR_FORMAT, "%s: key '%s' is missing", where, key);
    if (cJSON_IsString(v)) {
        *label = v->valuestring;
    } else if (cJSON_IsBool(v)) {
        *label = cJSON_IsTrue(v) ? "true" : "false";
    } else if (cJSON_IsNumber(v) && v->valuedouble == floor(v->valuedouble) &&
               fabs(v->valuedouble) < 1e15) {
        snprintf(number, 32, "%.0f", v->valuedouble);
        *label = number;
    } else {
        return err_set(ERR_FORMAT,
                       "%s: key '%s' is neither a string, a whole number nor a truth value", where,
                       key);
    }
    return ERR_OK;
}

static err add_object(data__reader *r, const cJSON *object, const char *where, uint32_t line) {
    const task_format *f = &r->task->format;
    const char *text = NULL, *label = NULL;
    char number[32];
    if (!cJSON_IsObject(object)) return err_set(ERR_FORMAT, "%s: not a JSON object", where);
    for (const cJSON *item = object->child; item; item = item->next) {
        bool used = !strcmp(item->string, f->text) || !strcmp(item->string, f->label);
        for (const cJSON *other = item->next; used && other; other = other->next)
            if (!strcmp(item->string, other->string))
                return err_set(ERR_FORMAT, "%s: key '%s' stands there twice", where, item->string);
    }
    err e = json_string(&text, object, f->text, where);
    if (e || (e = label_text(&label, number, object, f->label, where))) return e;
    return data__add_row(r, where, line, text, strlen(text), label, strlen(label));
}

/* --- JSON lines --- */

/* The bytes as one JSON value; the byte behind them is put back. */
static err parse(cJSON **out, const data__source *s, char *text, size_t bytes) {
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
    if (!e) e = parse(&object, s, line, bytes);
    if (!e) e = add_object(r, object, where, (uint32_t)s->line);
    cJSON_Delete(object);
    mem_free(where);
    return e;
}

err data__read_jsonl(data__reader *r, data__source *s) {
    for (;;) {
        char *line;
        size_t count, text;
        err e = data__source_line(s, &line, &count, "a line");
        if (e || !count) return e;
        for (text = count; text && is_blank(line[text - 1]);) text--;
        if (text && (e = add_json_line(r, s, line, text))) return e;
        data__source_skip(s, count);
    }
}

/* --- a JSON array --- */

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

/* Adds the object that begins at the next byte, the number-th of the array. */
static err add_element(data__reader *r, data__source *s, uint32_t number) {
    object_end o = {0};
    char *where = NULL;
    cJSON *object = NULL;
    err e = mem_printf(&where, "%s: element %u", r->path, number);
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
    if (!e) e = parse(&object, s, s->bytes + s->begin, o.bytes);
    if (!e) e = add_object(r, object, where, number);
    if (!e) data__source_skip(s, o.bytes);
    cJSON_Delete(object);
    mem_free(where);
    return e;
}

err data__read_json(data__reader *r, data__source *s) {
    char c;
    err e = next_byte(&c, s);
    if (e) return e;
    if (c != '[') return err_set(ERR_FORMAT, "%s: not a JSON array of objects", r->path);
    data__source_skip(s, 1);
    if ((e = next_byte(&c, s))) return e;
    for (uint32_t number = 1; c != ']'; number++) {
        if (!c) return array_fault(s, "the file ends within the array");
        if (c != '{') {
            return err_set(ERR_FORMAT, "%s:%zu:%zu: element %u: not a JSON object", s->path,
                           s->line, s->column, number);
        }
        if ((e = add_element(r, s, number)) || (e = next_byte(&c, s))) return e;
        if (c == ']') break;
        if (c != ',') return array_fault(s, "',' or ']' is expected behind an element");
        data__source_skip(s, 1);
        if ((e = next_byte(&c, s))) return e;
        if (c == ']') return array_fault(s, "an element is expected behind ','");
    }
    data__source_skip(s, 1);
    if ((e = next_byte(&c, s))) return e;
    return c ? array_fault(s, "something follows the array") : ERR_OK;
}
