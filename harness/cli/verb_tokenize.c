/* harness tokenize: pieces, ids, token_type_ids and attention_mask of texts. */
#include "cli/find_run.h"
#include "cli/line_reader.h"
#include "cli/model_flag.h"
#include "cli/options.h"
#include "cli/output.h"

#include "base/foreign.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "platform/stream.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

typedef struct input_text {
    const char *text; /* not necessarily terminated */
    size_t bytes;
    const char *pair; /* the second text of a pair, or NULL */
    size_t pair_bytes;
} input_text;

typedef struct text_list {
    char *held;        /* owned: what came from standard input */
    input_text *texts; /* (count), owned */
    size_t count, capacity;
} text_list;

typedef struct printer {
    const options *o;
    const tokenizer *t;
    encoding e;
    size_t padded; /* tokens that every text is filled up to; 0: none */
    size_t done;   /* texts printed */
    size_t tokens, cut_texts;
    double seconds; /* spent on encoding alone */
} printer;

static err add_text(text_list *l, const char *text, size_t bytes) {
    err e = mem_grow((void **)&l->texts, &l->capacity, l->count + 1, sizeof *l->texts);
    if (e) return e;
    l->texts[l->count].text = text;
    l->texts[l->count].pair = NULL;
    l->texts[l->count++].bytes = bytes;
    return ERR_OK;
}

/* Cuts a line in two at its tab. */
static err cut_line(text_list *l, size_t i, size_t number) {
    const char *line = l->texts[i].text, *end = line + l->texts[i].bytes;
    const char *tab = memchr(line, '\t', l->texts[i].bytes);
    if (!tab || tab == line || tab + 1 == end || memchr(tab + 1, '\t', (size_t)(end - tab - 1)))
        return err_set(ERR_FORMAT, "text %zu: a pair is two texts with one tab between them",
                       number);
    l->texts[i].bytes = (size_t)(tab - line);
    l->texts[i].pair = tab + 1;
    l->texts[i].pair_bytes = (size_t)(end - tab - 1);
    return ERR_OK;
}

/* What has to be held before the first text is printed: the length of the longest pads them all. */
enum { HELD_BYTES = 64 << 20, WINDOW_TEXTS = 4096 };

static err hold_texts(text_list *l, line_reader *in) {
    strbuf held = {0};
    err e;
    while (!(e = line_reader_window(in, WINDOW_TEXTS)) && in->count) {
        for (size_t i = 0; i < in->count && !e; i++)
            if (!(e = strbuf_add_bytes(&held, in->lines[i], in->sizes[i])))
                e = add_text(l, NULL, in->sizes[i]);
        if (!e && held.length + l->count * sizeof *l->texts > HELD_BYTES) {
            e = err_set(ERR_FORMAT,
                        "%s: --padding holds all texts, and they take more than %d bytes: name the "
                        "length with --max-length",
                        in->name, HELD_BYTES);
        }
        if (e) break;
    }
    l->held = held.text;
    for (size_t i = 0, at = 0; i < l->count; at += l->texts[i++].bytes)
        l->texts[i].text = held.text + at;
    return e;
}

static void free_texts(text_list *l) {
    mem_free(l->held);
    mem_free(l->texts);
}

// The text as a string: a 0 byte shows as its picture, U+2400.
static err printable(strbuf *b, const char *text, size_t bytes) {
    err e = strbuf_add(b, "");
    for (size_t i = 0; i < bytes && !e; i++)
        e = text[i] ? strbuf_add_bytes(b, text + i, 1) : strbuf_add(b, "\xE2\x90\x80");
    return e;
}

static size_t shown(const printer *p) {
    return p->e.count > p->padded ? p->e.count : p->padded;
}

static uint32_t id_at(const printer *p, size_t i) {
    return i < p->e.count ? p->e.ids[i] : p->t->pad_id;
}

static int type_at(const printer *p, size_t i) {
    return i >= p->e.second && i < p->e.count;
}

static int mask_at(const printer *p, size_t i) {
    return i < p->e.count;
}

/* On a narrow terminal the heads are short. */
static err print_table(const printer *p, const char *text, const char *pair, size_t number) {
    static const struct heads {
        const char *at, *id, *type, *mask;
    } whole = {"position", "    id", "token_type_id", "attention_mask"},
      brief = {"  at", "    id", "type", "mask"};
    enum { WHOLE_COLUMNS = 51 };
    strbuf b = {0}, line = {0};
    size_t width = strlen("piece"), count = shown(p);
    for (size_t i = 0; i < count; i++) {
        size_t w = shown_width(tokenizer_text(p->t, id_at(p, i)));
        if (w > width) width = w;
    }
    const struct heads *h = shown_columns() < width + WHOLE_COLUMNS ? &brief : &whole;
    if (number > 1) puts("");
    err e = strbuf_printf(&line, "text %zu: ", number);
    if (!e)
        e = shown_printf(&b, SHOWN_TERMINAL, "%s%s%s", text, pair ? " | " : "", pair ? pair : "");
    if (e) goto done;
    shown_wrapped(line.text, b.text ? b.text : "");
    b.length = 0;
    if ((e = strbuf_printf(&b, "  %s  ", h->at)) || (e = text_column(&b, "piece", width)) ||
        (e = strbuf_printf(&b, "  %s  %s  %s\n", h->id, h->type, h->mask)))
        goto done;
    for (size_t i = 0; i < count; i++)
        if ((e = strbuf_printf(&b, "  %*zu  ", (int)strlen(h->at), i)) ||
            (e = text_column(&b, tokenizer_text(p->t, id_at(p, i)), width)) ||
            (e = strbuf_printf(&b, "  %6u  %*d  %*d\n", id_at(p, i), (int)strlen(h->type),
                               type_at(p, i), (int)strlen(h->mask), mask_at(p, i))))
            goto done;
    if (p->e.truncated)
        e = strbuf_printf(&b, "  %zu more piece%s cut off\n", p->e.cut,
                          p->e.cut == 1 ? " was" : "s were");
    if (!e) fwrite(b.text, 1, b.length, stdout);
done:
    strbuf_free(&line);
    strbuf_free(&b);
    return e;
}

static err add_numbers(cJSON *object, const char *key, const printer *p,
                       int (*value)(const printer *, size_t)) {
    cJSON *list;
    err e = json_add_array(&list, object, key);
    for (size_t i = 0; i < shown(p) && !e; i++)
        e = json_append(list, cJSON_CreateNumber(value(p, i)));
    return e;
}

static int id_number(const printer *p, size_t i) {
    return (int)id_at(p, i);
}

static err fill_json(cJSON *object, const printer *p, const char *text, const char *pair) {
    cJSON *pieces;
    err e;
    if ((e = json_add_string(object, "text", text)) ||
        (pair && (e = json_add_string(object, "text_pair", pair))) ||
        (e = json_add_array(&pieces, object, "pieces")))
        return e;
    for (size_t i = 0; i < shown(p); i++)
        if ((e = json_append(pieces, cJSON_CreateString(tokenizer_text(p->t, id_at(p, i))))))
            return e;
    if ((e = add_numbers(object, "ids", p, id_number)) ||
        (e = add_numbers(object, "token_type_ids", p, type_at)) ||
        (e = add_numbers(object, "attention_mask", p, mask_at)))
        return e;
    return json_add_number(object, "cut", (double)p->e.cut);
}

static err print_json(const printer *p, const char *text, const char *pair) {
    cJSON *object = cJSON_CreateObject();
    return output_json_last(fill_json(object, p, text, pair), object, false);
}

/* What a text is that the tokenizer refused. */
static err not_text(const input_text *t, size_t number, err e) {
    char advice[FOREIGN_ADVICE_BYTES], where[32];
    size_t bad = 0;
    snprintf(where, sizeof where, "text %zu", number);
    bool first = !utf8_valid(t->text, t->bytes, &bad);
    if (!first && (!t->pair || utf8_valid(t->pair, t->pair_bytes, &bad)))
        return err_wrap(e, "%s", where);
    err kind = foreign_refuse(where, t->text, t->bytes); // says more
    return kind ? kind
                : err_set(e, "%s: byte %zu%s is not UTF-8; %s", where, bad + 1,
                          first ? "" : " of the second", foreign_advice(advice, ""));
}

static err encode(printer *p, const text_list *l, size_t i, size_t number) {
    double start = clock_seconds();
    err e = tokenizer_encode_pair(p->t, &p->e, l->texts[i].text, l->texts[i].bytes,
                                  l->texts[i].pair, l->texts[i].pair_bytes, p->o->max_length);
    p->seconds += clock_seconds() - start;
    return e == ERR_FORMAT ? not_text(&l->texts[i], number, e)
           : e             ? err_wrap(e, "text %zu", number)
                           : ERR_OK;
}

static err find_padding(printer *p, const text_list *l) {
    p->padded = p->o->max_length;
    if (p->padded) return ERR_OK;
    for (size_t i = 0; i < l->count; i++) {
        err e = encode(p, l, i, i + 1);
        if (e) return e;
        if (p->e.count > p->padded) p->padded = p->e.count;
    }
    p->seconds = 0;
    return ERR_OK;
}

static err print_texts(printer *p, text_list *l) {
    strbuf text = {0}, pair = {0};
    err e = ERR_OK;
    for (size_t i = 0; p->o->pair && i < l->count && !e; i++)
        if (!l->texts[i].pair) e = cut_line(l, i, p->done + i + 1);
    if (!e && p->o->padding) e = find_padding(p, l);
    for (size_t i = 0; i < l->count && !e; i++) {
        if ((e = encode(p, l, i, ++p->done))) break;
        p->tokens += p->e.count;
        p->cut_texts += p->e.truncated;
        text.length = 0;
        if ((e = printable(&text, l->texts[i].text, l->texts[i].bytes))) break;
        pair.length = 0;
        if (p->o->pair && (e = printable(&pair, l->texts[i].pair, l->texts[i].pair_bytes))) break;
        e = p->o->json ? print_json(p, text.text, pair.text)
                       : print_table(p, text.text, pair.text, p->done);
        if (!e && ferror(stdout)) e = output_check();
    }
    strbuf_free(&text);
    strbuf_free(&pair);
    return e;
}

// One text a line, or with --null one up to each 0 byte; the last need not be ended.
static err print_input(printer *p, text_list *l) {
    line_reader in;
    err e;
    if (stream_is_terminal(STREAM_IN))
        log_note("reading texts from standard input, one a line; Ctrl-D ends");
    line_reader_init_raw(&in, STREAM_IN, "standard input", p->o->null_ended);
    if (p->o->padding && !p->o->max_length) {
        if (!(e = hold_texts(l, &in))) e = print_texts(p, l);
    } else {
        while (!(e = line_reader_window(&in, WINDOW_TEXTS)) && in.count) {
            l->count = 0;
            for (size_t i = 0; i < in.count && !e; i++) e = add_text(l, in.lines[i], in.sizes[i]);
            // whoever asks through a pipe waits for the answer
            if (e || (e = print_texts(p, l)) || (e = output_check())) break;
        }
    }
    line_reader_free(&in);
    return e;
}

/* What the tokenizer is loaded from: --model (a folder, one of its files, or a hub name),
 * --checkpoint, or the newest finished run. *path is owned. */
static err find_tokenizer(char **path, const options *o) {
    char *folder = NULL;
    err e;
    if (o->model) return model_flag_tokenizer(path, o->model, o->offline);
    if ((e = find_run_words(&folder, o->checkpoint))) return e;
    e = model_flag_tokenizer(path, folder, true);
    mem_free(folder);
    return e;
}

static err load(tokenizer *t, const options *o) {
    char *path = NULL;
    err e = find_tokenizer(&path, o);
    if (!e) e = tokenizer_load(t, path, o->cased);
    mem_free(path);
    return e;
}

err verb_tokenize(const options *o) {
    tokenizer t = {0};
    text_list l = {0};
    printer p = {.o = o, .t = &t};
    err e = load(&t, o);
    if (e) goto done;
    size_t count = line_reader_wanted(o->args, o->arg_count) ? 0 : o->arg_count;
    line_reader_tell_file(o->args, count, "tokenize <");
    if (o->pair && count % 2)
        e = err_set(ERR_USAGE, "--pair takes two texts for each pair, found %zu", count);
    for (size_t i = 0; i < count && !e; i++) {
        if ((e = add_text(&l, o->args[i], strlen(o->args[i]))) || !o->pair) continue;
        l.texts[l.count - 1].pair = o->args[++i];
        l.texts[l.count - 1].pair_bytes = strlen(o->args[i]);
    }
    if (!e) e = count ? print_texts(&p, &l) : print_input(&p, &l);
    if (!e && p.done > 1) {
        log_note("%s texts, %s tokens, %s text%s cut; encoding took %.3f s", SHOWN_COUNT(p.done),
                 SHOWN_COUNT(p.tokens), SHOWN_COUNT(p.cut_texts), shown_plural(p.cut_texts),
                 p.seconds);
    }
done:
    encoding_free(&p.e);
    free_texts(&l);
    tokenizer_free(&t);
    return e;
}
