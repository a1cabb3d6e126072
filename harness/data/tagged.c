/* Sentences of tagged units: a unit, a tab and its tag a line (KLUE's NER files, CoNLL's). */
#include "data/data_internal.h"

#include "base/memory.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

/* The sentence being read. */
typedef struct sentence {
    data__reader *reader;
    strbuf text, fault; /* fault: what is wrong with its tags, "LINE: ..."; empty: nothing */
    strbuf tag;         /* the row's, as the manifest has it */
    text_unit *units;   /* (count) those that are no blanks */
    uint32_t *tags;     /* (count) */
    size_t count, unit_capacity, tag_capacity;
    size_t rows;      /* of the file */
    uint32_t line;    /* its first row's */
    char before;      /* what the last row's tag begins with; 0: there is none */
    const char *type; /* and its type, in the manifest */
} sentence;

static err note(sentence *s, size_t line, const char *what, const char *found) {
    if (s->fault.length) return ERR_OK; // the first is told
    return shown_printf(&s->fault, SHOWN_TERMINAL, "%zu: %s '%.40s'", line, what, found);
}

static err note_unknown(sentence *s, size_t line, const char *tag) {
    if (s->fault.length) return ERR_OK;
    err e = note(s, line, "this tag is not in the manifest:", tag);
    if (!e) e = strbuf_add(&s->fault, " (known: ");
    if (!e) e = data__known_labels(&s->fault, s->reader->task);
    return e ? e : strbuf_add(&s->fault, ")");
}

/* Whether an entity goes on behind the row before. */
static bool is_open(const sentence *s) {
    return s->before == 'B' || s->before == 'I';
}

/* The id of a tag, by which an entity's end counts as its inside, and that it may stand there. */
static err read_tag(uint32_t *id, sentence *s, const char *tag, size_t bytes, size_t line) {
    const task *t = s->reader->task;
    bool marked = t->format.ends_are_marked && bytes > 2 && tag[1] == '-';
    *id = 0;
    if (!bytes) return note(s, line, "no tag behind the tab of", s->text.text);
    s->tag.length = 0;
    err e = strbuf_add_bytes(&s->tag, tag, bytes);
    if (e) return e;
    char *text = s->tag.text, begin = *text;
    if (marked && begin == 'E') *text = 'I';
    if (marked && begin == 'S') *text = 'B';
    size_t index = task_label_index(t, text, bytes);
    *text = begin;
    if (index == t->label_count) return note_unknown(s, line, text);
    const char *type = index + 1 < t->label_count ? t->labels[index].value + 2 : NULL;
    bool goes_on = begin == 'I' || begin == 'E';
    bool follows = is_open(s) && type && s->type && !strcmp(type, s->type);
    if (goes_on && !follows) e = note(s, line, "expected a B- of its type before", text);
    if (!e && t->format.ends_are_marked && is_open(s) && !(goes_on && follows))
        e = note(s, line, "an entity has no E- before", text);
    *id = (uint32_t)index;
    s->before = begin;
    s->type = type;
    return e;
}

static err add_unit(sentence *s, size_t begin, uint32_t tag, size_t line) {
    if (s->count == DATA_UNITS_MAX)
        return err_set(ERR_FORMAT,
                       "%s:%zu: a sentence of more than %d units: an empty line ends one",
                       s->reader->path, line, DATA_UNITS_MAX);
    err e = mem_grow((void **)&s->units, &s->unit_capacity, s->count + 1, sizeof *s->units);
    if (!e) e = mem_grow((void **)&s->tags, &s->tag_capacity, s->count + 1, sizeof *s->tags);
    if (e) return e;
    s->units[s->count] = (text_unit){(uint32_t)begin, (uint32_t)s->text.length};
    s->tags[s->count++] = tag;
    return ERR_OK;
}

static bool is_blank(const char *text, size_t bytes) {
    uint32_t point = 0;
    return utf8_decode(&point, text, bytes) == bytes && unicode_is_whitespace(point);
}

/* A character, or a word without blanks. */
static bool fits(unit_kind kind, const char *text, size_t bytes) {
    uint32_t point = 0;
    if (kind == UNIT_CHARACTER) return bytes && utf8_decode(&point, text, bytes) == bytes;
    for (size_t i = 0, n; i < bytes; i += n) {
        n = utf8_decode(&point, text + i, bytes - i);
        if (unicode_is_whitespace(point)) return false;
    }
    return bytes > 0;
}

/* text (bytes): a line without its end. */
static err add_row(sentence *s, const char *text, size_t bytes, size_t line) {
    const task_format *f = &s->reader->task->format;
    const char *tab = memchr(text, '\t', bytes);
    size_t unit = tab ? (size_t)(tab - text) : bytes, rest = tab ? bytes - unit - 1 : 0;
    uint32_t tag = 0;
    err e = ERR_OK;
    if (!s->rows++) s->line = (uint32_t)line;
    if (s->text.length + unit > DATA_TEXT_LIMIT_BYTES)
        return err_set(ERR_FORMAT,
                       "%s:%zu: a sentence of more than %d bytes: is there no empty "
                       "line behind it?",
                       s->reader->path, line, DATA_TEXT_LIMIT_BYTES);
    if (f->unit == UNIT_WORD && s->count && (e = strbuf_add(&s->text, " "))) return e;
    size_t begin = s->text.length;
    if ((e = strbuf_add_bytes(&s->text, text, unit))) return e;
    if (!tab) return note(s, line, "no tab and tag behind", s->text.text + begin);
    if (memchr(tab + 1, '\t', rest))
        return note(s, line, "more than one tab behind", s->text.text + begin);
    if (!fits(f->unit, text, unit))
        e = note(s, line,
                 f->unit == UNIT_WORD ? "expected a word, found" : "expected a character, found",
                 s->text.text + begin);
    if (!e) e = read_tag(&tag, s, tab + 1, rest, line);
    return e || is_blank(text, unit) ? e : add_unit(s, begin, tag, line);
}

/* Adds the sentence, if there is one, and begins the next. */
static err end_sentence(sentence *s, size_t line) {
    char *where = NULL;
    err e = ERR_OK;
    if (!s->rows) return ERR_OK;
    if (s->reader->task->format.ends_are_marked && is_open(s))
        e = note(s, line, "an entity has no E- before the end of", s->text.text);
    const char *fault = strchr(s->fault.length ? s->fault.text : "", ':');
    if (!e && fault)
        e = mem_printf(&where, "%s:%.*s", s->reader->path, (int)(fault - s->fault.text),
                       s->fault.text);
    else if (!e)
        e = mem_printf(&where, "%s:%u", s->reader->path, s->line);
    if (!e) e = strbuf_add(&s->text, "");
    if (!e)
        e = data__add_row(s->reader, &(data__row){.where = where,
                                                  .line = s->line,
                                                  .texts = {{s->text.text, s->text.length}},
                                                  .units = {s->units, s->tags, (uint32_t)s->count},
                                                  .fault = fault ? fault + 2 : NULL});
    mem_free(where);
    s->text.length = s->fault.length = s->count = s->rows = 0;
    s->before = 0;
    s->type = NULL;
    return e;
}

/* A line that holds nothing, or, as in some of KLUE's, a tab alone. */
static bool is_end(const char *text, size_t bytes) {
    return !bytes || (bytes == 1 && *text == '\t');
}

err data__read_tagged(data__reader *r, data__source *s) {
    const char *comment = r->task->format.comment;
    size_t skipped = comment ? strlen(comment) : 0;
    sentence one = {.reader = r};
    err e = ERR_OK;
    while (!e) {
        char *line;
        size_t count, text, number = s->line;
        e = data__source_line(s, &line, &count, &(data__piece){.what = "a line"});
        if (!e && !count) e = end_sentence(&one, number);
        if (e || !count) break;
        for (text = count; text && (line[text - 1] == '\n' || line[text - 1] == '\r');) text--;
        if (is_end(line, text))
            e = end_sentence(&one, number);
        else if (!skipped || text < skipped || memcmp(line, comment, skipped) != 0)
            e = add_row(&one, line, text, number);
        data__source_skip(s, count);
    }
    strbuf_free(&one.text);
    strbuf_free(&one.fault);
    strbuf_free(&one.tag);
    mem_free(one.units);
    mem_free(one.tags);
    return e;
}
