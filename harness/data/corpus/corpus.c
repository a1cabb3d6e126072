#include "data/corpus/corpus.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/name.h"
#include "base/shown.h"
#include "data/corpus/unpack.h"
#include "data/data_internal.h"
#include "data/fetch_task.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "task/corpus_manifest.h"

#include <string.h>

enum { FILES_NAME_BYTES = 60 };

/* What is stated of a file, or NULL. */
static const task_file *stated(const corpus *c, size_t i) {
    return c->manifest.file_count ? &c->manifest.files[i] : NULL;
}

static err check_bytes(const char *path, uint64_t bytes, const task_file *expected) {
    if (!expected || !expected->bytes || expected->bytes == bytes) return ERR_OK;
    return err_set(ERR_DATA, "%s: %llu bytes, the manifest expects %llu", path,
                   (unsigned long long)bytes, (unsigned long long)expected->bytes);
}

/* Of a file that lies packed beside its name the text is what the manifest tells of. */
static err open_file(unpack *u, const corpus *c, size_t i) {
    const task_file *expected = stated(c, i);
    err e = unpack_open(u, c->paths[i]);
    if (e) return e;
    if (expected && strcmp(path_name(u->path), expected->name) != 0)
        unpack_hash_text(u, expected->bytes);
    return u->of_text ? ERR_OK : check_bytes(u->path, u->file_bytes, expected);
}

/* Of what was read and what is left. */
static err check_hash(unpack *u, const task_file *expected, char hex[HASH_HEX_BYTES]) {
    err e = unpack_finish(u, hex);
    if (!e && u->of_text) e = check_bytes(u->path, u->unpacked, expected);
    if (e || !expected || !expected->sha256 || !strcmp(hex, expected->sha256)) return e;
    return err_set(ERR_DATA, "%s: SHA-256 is %s, the manifest expects %s", u->path, hex,
                   expected->sha256);
}

static err hash_one(const corpus *c, size_t i, char hex[HASH_HEX_BYTES]) {
    unpack u;
    err e = open_file(&u, c, i);
    if (!e) e = check_hash(&u, stated(c, i), hex);
    unpack_close(&u);
    return e;
}

/* Where a file lies, or one with an ending behind its name. */
static err file_place(char **path, const corpus *c, size_t i, const char *ending,
                      const dataset_options *place) {
    task_file f = *stated(c, i);
    char *name = NULL;
    err e = mem_printf(&name, "%s%s", f.name, ending);
    f.name = name;
    if (!e) e = dataset_path(path, &c->manifest, &f, place);
    mem_free(name);
    return e;
}

/* A file in its place, or beside it packed; else it is fetched. */
static err take_manifest_file(corpus *c, size_t i, const corpus_options *o) {
    static const char *const endings[] = {".xz", ".gz", ".zst"};
    const dataset_options place = {.data_dir = o->data_dir};
    char hex[HASH_HEX_BYTES];
    err e = file_place(&c->paths[c->path_count++], c, i, "", &place);
    if (e) return e;
    for (size_t k = 0; k < sizeof endings / sizeof *endings && !file_named(c->paths[i]); k++) {
        char *packed = NULL;
        if ((e = file_place(&packed, c, i, endings[k], &place))) return e;
        if (!file_named(packed)) {
            mem_free(packed);
            continue;
        }
        mem_free(c->paths[i]);
        c->paths[i] = packed;
        if (!o->check) return ERR_OK;
        if (!(e = hash_one(c, i, hex))) log_note("%s: there already, and good", packed);
        return e;
    }
    if ((e = fetch_task_file(&c->manifest, stated(c, i), &place, o->offline, o->check))) return e;
    if (file_named(c->paths[i])) return ERR_OK;
    return err_set(ERR_DATA, "%s: no such file; put it there%s (it is a file of corpus %s)",
                   c->paths[i], err_advice("data", ", name its place with --data DIR"), c->name);
}

static err take_manifest_files(corpus *c, const corpus_options *o) {
    err e = mem_new(&c->paths, c->manifest.file_count);
    for (size_t i = 0; i < c->manifest.file_count && !e; i++) e = take_manifest_file(c, i, o);
    return e;
}

/* A plain name after the first file, up to its first dot. */
static err name_files(char **out, const char *const *words, size_t count) {
    const char *name = path_name(words[0]);
    strbuf plain = {0};
    char *stem = NULL;
    err e = mem_strndup(&stem, name, strcspn(name, "."));
    if (!e) e = *stem ? name_plain(&plain, stem, FILES_NAME_BYTES) : strbuf_add(&plain, "files");
    if (!e && count > 1) e = strbuf_printf(&plain, "-and-%zu-more", count - 1);
    mem_free(stem);
    *out = plain.text;
    return e;
}

/* A table is taken as plain lines, which is said, and what makes lines of it. */
static void warn_table(const char *path) {
    static const char python[] =
        "python3 -c 'import csv, sys; [print(*r[\"COLUMN\"].split()) for r "
        "in csv.DictReader(open(sys.argv[1], encoding=\"utf-8-sig\", "
        "newline=\"\")";
    static const struct {
        const char *end, *begin, *rest;
    } kinds[] = {{".csv", python, ")]'"},
                 {".tsv", python, ", delimiter=\"\\t\")]'"},
                 {".jsonl", "jq -r '", ".KEY | gsub(\"\\\\s+\"; \" \")'"},
                 {".ndjson", "jq -r '", ".KEY | gsub(\"\\\\s+\"; \" \")'"},
                 {".json", "jq -r '", ".[].KEY | gsub(\"\\\\s+\"; \" \")'"}};
    const char *dot = strrchr(path_name(path), '.');
    for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++) {
        char word[300];
        if (!ascii_equal_fold(dot, kinds[i].end)) continue;
        shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", path);
        log_warn(
            "%s: a line of a corpus is a text, and the lines of this file are taken whole, "
            "with all their columns; a file of one column's texts is made by %s%s %s > texts.txt",
            path, kinds[i].begin, kinds[i].rest, word);
    }
}

static err take_files(corpus *c, const char *const *words, size_t count) {
    err e = name_files(&c->own_name, words, count);
    c->name = c->own_name;
    if (!e) e = mem_new(&c->paths, count);
    for (size_t i = 0; i < count && !e; i++) {
        if (!strpbrk(words[i], "/.")) {
            return err_set(ERR_USAGE,
                           "'%s' beside other names: a corpus is one name, or files (a file is "
                           "named with its folder, as in ./%s)",
                           words[i], words[i]);
        }
        if ((e = mem_strdup(&c->paths[i], words[i]))) break;
        c->path_count++;
        for (size_t k = 0; k < i && !e; k++)
            if (!strcmp(words[k], words[i]))
                e = err_set(ERR_USAGE, "%s: named twice as a file of the corpus", words[i]);
        if (!e && !file_named(words[i])) e = err_set(ERR_DATA, "%s: no such file", words[i]);
        const char *other = e ? NULL : file_other_kind(words[i]);
        if (other) e = err_set(ERR_DATA, "%s: is %s, a file was expected", words[i], other);
        if (!e) warn_table(words[i]);
    }
    return e;
}

err corpus_open(corpus *c, const char *const *words, size_t count, const corpus_options *options) {
    const corpus_options o = options ? *options : (corpus_options){0};
    *c = (corpus){0};
    if (!count) return err_set(ERR_USAGE, "name a corpus or files of text");
    for (size_t i = 0; i < count; i++)
        if (file_is_input(words[i]))
            return err_set(ERR_USAGE, "a corpus is read more than once, which standard input (-) "
                                      "cannot be: name a file");
    if (count > 1 || strpbrk(words[0], "/.")) return take_files(c, words, count);
    err e = corpus_manifest_find(&c->manifest, words[0], o.task_dir);
    c->name = c->manifest.name;
    return e ? e : take_manifest_files(c, &o);
}

void corpus_close(corpus *c) {
    for (size_t i = 0; i < c->path_count; i++) mem_free(c->paths[i]);
    mem_free(c->paths);
    mem_free(c->own_name);
    task_free(&c->manifest);
    *c = (corpus){0};
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static text_span trimmed(text_span line) {
    while (line.bytes && is_blank(line.text[line.bytes - 1])) line.bytes--;
    while (line.bytes && is_blank(*line.text)) {
        line.text++;
        line.bytes--;
    }
    return line;
}

/* One line of JSON whose string `key` is the text; a line end in it is a blank. */
static err take_json(const data__source *s, char *line, size_t bytes, const char *key,
                     corpus_line take, void *context) {
    cJSON *object = NULL;
    char *where = NULL, behind = line[bytes];
    const char *text = "";
    line[bytes] = '\0'; // the parser wants a terminated text
    err e = mem_printf(&where, "%s:%zu", s->path, s->line);
    if (!e) e = json_parse_part(&object, line, bytes, s->path, s->line, s->column);
    line[bytes] = behind;
    if (!e && !cJSON_IsObject(object)) e = err_set(ERR_FORMAT, "%s: not a JSON object", where);
    if (!e && !(e = json_string(&text, object, key, where))) {
        char *p = cJSON_GetObjectItemCaseSensitive(object, key)->valuestring;
        for (; (p = strpbrk(p, "\r\n")); p++) *p = ' ';
        text_span inside = trimmed((text_span){text, strlen(text)});
        if (inside.bytes) e = take(context, inside);
    }
    cJSON_Delete(object);
    mem_free(where);
    return e;
}

/* most: lines with text that the file has, 0: not known. */
static err read_lines(data__source *s, const char *key, uint64_t most, uint64_t *lines,
                      corpus_line take, void *context) {
    for (;;) {
        char *text;
        size_t bytes;
        err e = data__source_line(s, &text, &bytes, &(data__piece){.what = "a line"});
        if (e || !bytes) return e;
        text_span line = trimmed((text_span){text, bytes});
        if (line.bytes && most && *lines == most)
            return err_set(ERR_DATA,
                           "%s:%zu: more than the %llu lines with text that the manifest "
                           "expects",
                           s->path, s->line, (unsigned long long)most);
        if (line.bytes) {
            ++*lines;
            e = key ? take_json(s, text + (line.text - text), line.bytes, key, take, context)
                    : take(context, line);
        }
        if (e) return e;
        data__source_skip(s, bytes);
        if (interrupt_seen()) return err_set(ERR_INTERRUPTED, "interrupted while reading a corpus");
    }
}

static err read_packed(void *from, void *bytes, size_t size, size_t *count) {
    return unpack_read(from, bytes, size, count);
}

static err read_file(corpus *c, size_t i, char hex[HASH_HEX_BYTES], corpus_line take,
                     void *context) {
    const task_file *expected = stated(c, i);
    const char *key = c->manifest.format.kind == TASK_FORMAT_JSONL ? c->manifest.format.text : NULL;
    uint64_t lines = 0;
    unpack u;
    data__source s = {.fd = -1};
    char *message = NULL;
    err e = open_file(&u, c, i);
    // nothing comes out of a packed file that is another
    if (!e && expected && u.kind != UNPACK_PLAIN && !u.of_text) e = hash_one(c, i, hex);
    if (e) goto done;
    e = data__source_open_from(&s, u.path, read_packed, &u);
    if (!e) e = read_lines(&s, key, expected ? expected->rows : 0, &lines, take, context);
    if (!e) {
        e = check_hash(&u, expected, hex);
    } else if ((e == ERR_FORMAT || e == ERR_DATA) &&
               expected) { // that it is another file explains what is wrong
        err wrong = mem_strdup(&message, err_message(e));
        if (!wrong && !(wrong = check_hash(&u, expected, hex))) e = err_set(e, "%s", message);
        if (wrong) e = wrong;
    }
    if (!e && !lines) e = err_set(ERR_DATA, "%s: has no line with text", u.path);
    if (!e && expected && expected->rows && expected->rows != lines) {
        e = err_set(ERR_DATA, "%s: %llu lines with text, the manifest expects %llu", u.path,
                    (unsigned long long)lines, (unsigned long long)expected->rows);
    }
done:
    mem_free(message);
    data__source_close(&s);
    unpack_close(&u);
    return e;
}

err corpus_each(corpus *c, corpus_line take, void *context) {
    sha256 h;
    err e = ERR_OK;
    sha256_begin(&h);
    for (size_t i = 0; i < c->path_count && !e; i++) {
        char hex[HASH_HEX_BYTES];
        if ((e = take ? read_file(c, i, hex, take, context) : hash_one(c, i, hex))) break;
        sha256_add(&h, hex, strlen(hex));
        sha256_add(&h, "\n", 1);
    }
    if (!e) sha256_end_hex(&h, c->sha256);
    return e;
}

err corpus_hash(corpus *c) {
    return corpus_each(c, NULL, NULL);
}

err corpus_sources_json(cJSON *o, const corpus *c) {
    const task *m = &c->manifest;
    cJSON *list;
    err e = json_add_string(o, "corpus", c->name);
    if (!e) e = json_add_string(o, "corpus_sha256", c->sha256);
    if (!e && m->path) e = json_add_string(o, "licence", m->licence);
    if (!e && m->path) e = json_add_string(o, "source", m->source);
    if (!e) e = json_add_array(&list, o, "files");
    for (size_t i = 0; i < c->path_count && !e; i++)
        e = json_append(list, cJSON_CreateString(path_name(c->paths[i])));
    return e;
}
