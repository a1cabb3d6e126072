/* Trees of words: a word a line with its columns between tabs, lines with '#' at their begin passed
 * over, an empty line behind a sentence. KLUE-DP's files, and CoNLL-U, whose ranges of words (1-2)
 * and empty nodes (1.1) are passed over. A sentence's text is its words with blanks between. */
#include "data/data_internal.h"

#include "base/memory.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "metric/arcs.h"
#include "metric/tree.h"
#include "text/unicode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A sentence with more words than that is a fault of the file: no empty line between sentences. */
enum { WORDS_MAX = 4096 };

/* The sentence that is being read. */
typedef struct sentence {
    data__reader *reader;
    strbuf text;
    text_unit *units; /* (words) in the text, owned */
    uint32_t *values; /* (words, ARC_WIDTH), owned */
    size_t unit_capacity, value_capacity;
    uint32_t *heads, *lines; /* (words) of each its head and its line, owned */
    size_t head_capacity, line_capacity;
    uint32_t words, first_line, at_line;
    uint32_t fault_line; /* of the first fault */
    char fault[1024];    /* what is wrong, or "" */
} sentence;

static PRINTF_LIKE(3, 4) void blame(sentence *s, uint32_t line, const char *format, ...) {
    va_list args;
    if (*s->fault) return;
    s->fault_line = line;
    va_start(args, format);
    shown_vsnprintf(s->fault, sizeof s->fault, SHOWN_TERMINAL, format, args);
    va_end(args);
}

static err blame_relation(sentence *s, const char *relation) {
    strbuf known = {0};
    if (*s->fault) return ERR_OK; // the first one is told
    err e = data__known_labels(&known, s->reader->task);
    if (!e)
        blame(s, s->at_line, "relation '%.40s' is not in the manifest (known: %s)", relation,
              known.text);
    strbuf_free(&known);
    return e;
}

/* A whole number of few digits; false for anything else. */
static bool read_whole(uint32_t *out, const char *text) {
    enum { DIGITS = 7 };
    size_t n = strspn(text, "0123456789");
    if (!n || n > DIGITS || text[n]) return false;
    *out = 0;
    for (size_t i = 0; i < n; i++) *out = *out * 10 + (uint32_t)(text[i] - '0');
    return true;
}

/* Cuts a line into its columns, in place. Returns how many there are. */
static size_t cut_columns(const char **columns, size_t most, char *line) {
    size_t count = 1;
    columns[0] = line;
    for (char *tab = strchr(line, '\t'); tab; tab = strchr(tab + 1, '\t'), count++) {
        *tab = '\0';
        if (count < most) columns[count] = tab + 1;
    }
    return count;
}

/* Whether all of a word is punctuation; *blank says whether it has white space. */
static bool is_punctuation(const char *word, bool *blank) {
    bool all = *word != '\0';
    size_t bytes = strlen(word);
    *blank = false;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point = 0;
        n = utf8_decode(&point, word + i, bytes - i);
        all = all && unicode_is_punctuation(point);
        *blank = *blank || unicode_is_whitespace(point);
    }
    return all;
}

/* Whether an index is that of several words, or of none. */
static bool is_passed_over(const char *index) {
    size_t n = strspn(index, "0123456789");
    size_t more =
        n && (index[n] == '-' || index[n] == '.') ? strspn(index + n + 1, "0123456789") : 0;
    return more && !index[n + 1 + more];
}

/* For one more word. */
static err make_room(sentence *s) {
    size_t need = (size_t)s->words + 1;
    err e = mem_grow((void **)&s->units, &s->unit_capacity, need, sizeof *s->units);
    if (!e)
        e = mem_grow((void **)&s->values, &s->value_capacity, need * ARC_WIDTH, sizeof *s->values);
    if (!e) e = mem_grow((void **)&s->heads, &s->head_capacity, need, sizeof *s->heads);
    if (!e) e = mem_grow((void **)&s->lines, &s->line_capacity, need, sizeof *s->lines);
    return e;
}

static err add_word(sentence *s, const char *const *columns) {
    const task_format *f = &s->reader->task->format;
    const char *word = columns[f->text_column], *relation = columns[f->label_column];
    uint32_t index = 0, head = 0;
    bool blank;
    if (is_passed_over(columns[f->index_column])) return ERR_OK;
    if (!read_whole(&index, columns[f->index_column]) || index != s->words + 1)
        return err_set(ERR_FORMAT, "%s:%u: column '%s' is '%.40s', expected %u", s->reader->path,
                       s->at_line, f->index, columns[f->index_column], s->words + 1);
    if (s->words == WORDS_MAX)
        return err_set(ERR_FORMAT,
                       "%s:%u: a sentence of more than %d words: an empty line ends one",
                       s->reader->path, s->at_line, WORDS_MAX);
    if (s->text.length + strlen(word) > DATA_TEXT_LIMIT_BYTES)
        return err_set(ERR_FORMAT,
                       "%s:%u: a sentence of more than %d bytes: an empty line ends one",
                       s->reader->path, s->at_line, DATA_TEXT_LIMIT_BYTES);
    bool punctuation = is_punctuation(word, &blank);
    if (!*word || blank) blame(s, s->at_line, "word '%.40s' is empty or has a blank in it", word);
    if (!read_whole(&head, columns[f->head_column]))
        blame(s, s->at_line, "head '%.40s' is no word's number, nor 0", columns[f->head_column]);
    size_t id = task_label_index(s->reader->task, relation, strlen(relation));
    err e = ERR_OK;
    if (id == s->reader->task->label_count) e = blame_relation(s, relation);
    if (!e) e = make_room(s);
    if (!e && s->words) e = strbuf_add(&s->text, " ");
    size_t begin = s->text.length;
    if (!e) e = strbuf_add(&s->text, word);
    if (e) return e;
    uint32_t *values = s->values + (size_t)s->words * ARC_WIDTH;
    values[ARC_HEAD] = s->heads[s->words] = head;
    values[ARC_RELATION] = (uint32_t)id;
    values[ARC_PUNCTUATION] = punctuation;
    s->units[s->words] = (text_unit){(uint32_t)begin, (uint32_t)s->text.length};
    s->lines[s->words++] = s->at_line;
    return ERR_OK;
}

/* What is wrong with the tree, in words. */
static err blame_tree(sentence *s) {
    uint32_t rule = s->reader->task->tree.gold;
    tree_fault f;
    err e = tree_check(&f, s->heads, s->words, rule);
    if (e || f.kind == TREE_FINE) return e;
    uint32_t line = s->lines[f.word - 1], head = s->heads[f.word - 1];
    switch (f.kind) {
    case TREE_FINE: break;
    case TREE_NO_WORD:
        blame(s, line, "word %u has head %u, expected another word, 1 to %u, or 0", f.word, head,
              s->words);
        break;
    case TREE_TWO_ROOTS:
        blame(s, line, "word %u has head 0, as word %u has: one root is expected", f.word, f.other);
        break;
    case TREE_NO_ROOT: blame(s, line, "no word has head 0: one root is expected"); break;
    case TREE_CYCLE:
        blame(s, line, "word %u is its own ancestor, by head %u: a tree is expected", f.word, head);
        break;
    case TREE_CROSSING:
        blame(s, line,
              "the arc of word %u to %u crosses that of word %u to %u: the manifest says %s",
              f.word, head, f.other, s->heads[f.other - 1], tree_rule_name(rule));
        break;
    case TREE_FORWARD:
        blame(s, line, "head %u stands before word %u: the manifest says %s", head, f.word,
              tree_rule_name(rule));
        break;
    }
    return ERR_OK;
}

static err end_sentence(sentence *s) {
    char *where = NULL;
    if (!s->words) return ERR_OK;
    err e = *s->fault ? ERR_OK : blame_tree(s);
    if (!e)
        e = mem_printf(&where, "%s:%u", s->reader->path, *s->fault ? s->fault_line : s->first_line);
    if (!e)
        e = data__add_row(s->reader, &(data__row){.where = where,
                                                  .line = s->first_line,
                                                  .texts = {{s->text.text, s->text.length}},
                                                  .units = {s->units, s->values, s->words},
                                                  .fault = *s->fault ? s->fault : NULL});
    mem_free(where);
    s->words = 0;
    s->text.length = 0;
    *s->fault = '\0';
    return e;
}

static err take_line(sentence *s, const char **columns, char *line, size_t bytes) {
    static const char mark[] = "\xEF\xBB\xBF";
    size_t expected = s->reader->task->format.column_count;
    // files that were put together have a byte order mark in front of each
    if (!s->words && bytes >= sizeof mark - 1 && !memcmp(line, mark, sizeof mark - 1)) {
        line += sizeof mark - 1;
        bytes -= sizeof mark - 1;
    }
    while (bytes && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r')) bytes--;
    if (!bytes) return end_sentence(s);
    if (*line == '#') return ERR_OK;
    line[bytes] = '\0';
    size_t found = cut_columns(columns, expected, line);
    if (found != expected)
        return err_set(ERR_FORMAT, "%s:%u: %zu column%s, expected %zu (separated by tabs)",
                       s->reader->path, s->at_line, found, shown_plural(found), expected);
    if (!s->words) s->first_line = s->at_line;
    return add_word(s, columns);
}

err data__read_conll(data__reader *r, data__source *source) {
    sentence s = {.reader = r};
    const char **columns = NULL;
    err e = mem_new(&columns, r->task->format.column_count);
    while (!e) {
        char *line;
        size_t count;
        if ((e = data__source_line(source, &line, &count, &(data__piece){.what = "a word"})) ||
            !count)
            break;
        s.at_line = (uint32_t)source->line;
        data__source_skip(source, count); // it counts line ends, which are cut off now
        e = take_line(&s, columns, line, count);
    }
    if (!e) e = end_sentence(&s);
    mem_free(columns);
    mem_free(s.units);
    mem_free(s.values);
    mem_free(s.heads);
    mem_free(s.lines);
    strbuf_free(&s.text);
    return e;
}
