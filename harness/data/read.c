#include "data/data_internal.h"

#include "base/json.h"
#include "base/memory.h"
#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

err data__check_text(const char *path, const char *bytes, size_t count) {
    const char *nul = memchr(bytes, 0, count);
    size_t bad = nul ? (size_t)(nul - bytes) : count;
    bool valid = utf8_valid(bytes, bad, &bad);
    if (valid && !nul) return ERR_OK;
    size_t line = 1, line_start = 0;
    for (size_t i = 0; i < bad; i++) {
        if (bytes[i] != '\n') continue;
        line++;
        line_start = i + 1;
    }
    if (valid) {
        return err_set(ERR_FORMAT, "%s:%zu: a NUL byte at byte %zu of the line", path, line,
                       bad - line_start + 1);
    }
    return err_set(
        ERR_FORMAT,
        "%s:%zu: invalid UTF-8 at byte %zu of the line (0x%02X); a file in CP949 has to be "
        "converted first: iconv -f CP949 -t UTF-8",
        path, line, bad - line_start + 1, (unsigned)(unsigned char)bytes[bad]);
}

static err unknown_label(const data__reader *r, const char *where, const char *label,
                         size_t bytes) {
    enum { SHOWN = 40 };
    strbuf known = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < r->task->label_count && i < SHOWN && !e; i++) {
        e = strbuf_printf(&known, "%s'%s'", i ? ", " : "", r->task->labels[i].value);
    }
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
        r->invalid_count++;
        return ERR_OK;
    }
    if (text_bytes > DATA_TEXT_LIMIT_BYTES) {
        return err_set(
            ERR_FORMAT,
            "%s: a text of %zu bytes, at most %d are allowed: does a quote never close, or "
            "do line ends lack?",
            where, text_bytes, DATA_TEXT_LIMIT_BYTES);
    }
    err e = mem_grow((void **)&s->rows, r->row_capacity, s->row_count + 1, sizeof *s->rows);
    if (e) return e;
    memcpy(r->text_end, text, text_bytes);
    r->text_end[text_bytes] = '\0';
    s->rows[s->row_count++] = (dataset_row){.example = {.texts = {{r->text_end, text_bytes}},
                                                        .text_count = 1,
                                                        .target = {(uint32_t)index}},
                                            .file = r->file,
                                            .line = line};
    r->text_end += text_bytes + 1;
    return ERR_OK;
}

/* True when JSON text holds the escape of a NUL, at which cJSON would cut the string. */
static bool has_escaped_nul(const char *text, size_t count) {
    for (size_t i = 0; i + 1 < count; i++) {
        if (text[i] != '\\') continue;
        if (count - i >= 6 && !memcmp(text + i, "\\u0000", 6)) return true;
        i++; // the escaped character
    }
    return false;
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
        for (const cJSON *other = item->next; used && other; other = other->next) {
            if (!strcmp(item->string, other->string)) {
                return err_set(ERR_FORMAT, "%s: key '%s' stands there twice", where, item->string);
            }
        }
    }
    err e = json_string(&text, object, f->text, where);
    if (e || (e = label_text(&label, number, object, f->label, where))) return e;
    return data__add_row(r, where, line, text, strlen(text), label, strlen(label));
}

static void skip_bom(const char **bytes, size_t *count) {
    if (*count >= 3 && !memcmp(*bytes, "\xEF\xBB\xBF", 3)) {
        *bytes += 3;
        *count -= 3;
    }
}

static err add_json_line(data__reader *r, const char *line, size_t bytes, uint32_t number) {
    char *where = NULL, *copy = NULL;
    cJSON *object = NULL;
    err e = mem_printf(&where, "%s:%u", r->path, number);
    if (e) return e;
    if (has_escaped_nul(line, bytes)) {
        e = err_set(ERR_FORMAT, "%s: a NUL character (\\u0000) in a string", where);
        goto done;
    }
    // the parser wants a terminated text of its own
    if ((e = mem_strndup(&copy, line, bytes))) goto done;
    if ((e = json_parse(&object, copy, bytes, where))) goto done;
    e = add_object(r, object, where, number);
done:
    cJSON_Delete(object);
    mem_free(copy);
    mem_free(where);
    return e;
}

err data__read_jsonl(data__reader *r, const char *bytes, size_t count) {
    skip_bom(&bytes, &count);
    const char *end = bytes + count;
    uint32_t number = 0;
    for (const char *line = bytes; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = stop ? (size_t)(stop - line) : (size_t)(end - line);
        number++;
        bool blank = true;
        for (size_t i = 0; i < n && blank; i++) {
            blank = line[i] == ' ' || line[i] == '\t' || line[i] == '\r';
        }
        err e = blank ? ERR_OK : add_json_line(r, line, n, number);
        if (e) return e;
        line += n + (stop != NULL);
    }
    return ERR_OK;
}

err data__read_json(data__reader *r, const char *bytes, size_t count) {
    cJSON *root = NULL;
    err e;
    skip_bom(&bytes, &count);
    if (has_escaped_nul(bytes, count)) {
        return err_set(ERR_FORMAT, "%s: a NUL character (\\u0000) in a string", r->path);
    }
    if ((e = json_parse(&root, bytes, count, r->path))) return e;
    if (!cJSON_IsArray(root)) {
        e = err_set(ERR_FORMAT, "%s: not a JSON array of objects", r->path);
        goto done;
    }
    uint32_t number = 0;
    for (const cJSON *item = root->child; item && !e; item = item->next) {
        char *where = NULL;
        number++;
        if ((e = mem_printf(&where, "%s: element %u", r->path, number))) break;
        e = add_object(r, item, where, number);
        mem_free(where);
    }
done:
    cJSON_Delete(root);
    return e;
}
