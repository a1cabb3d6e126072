#include "data/corpus/corpus_stats.h"

#include "base/shown.h"
#include "base/utf8.h"

#include <stdio.h>

typedef struct measuring {
    corpus_stats *s;
    const tokenizer *t;
    encoding encoded;
    number_set seen;
} measuring;

static void add_length(corpus_lengths *l, uint64_t length) {
    l->counts[length < CORPUS_LENGTH_MOST ? length : CORPUS_LENGTH_MOST]++;
    l->sum += length;
    l->lines++;
    if (length > l->longest) l->longest = length;
}

/* The length that a share of the lines does not exceed. */
static uint64_t corpus_lengths_at(const corpus_lengths *l, double share) {
    uint64_t below = 0;
    for (uint64_t i = 0; i < CORPUS_LENGTH_MOST; i++) {
        below += l->counts[i];
        if ((double)below >= share * (double)l->lines) return i;
    }
    return l->longest;
}

static err measure_tokens(measuring *m, text_span line) {
    corpus_stats *s = m->s;
    err e = tokenizer_encode(m->t, &m->encoded, line.text, line.bytes, 0);
    if (e) return e;
    add_length(&s->tokens, m->encoded.count);
    s->counts.unknown_words += m->encoded.unknown;
    s->counts.without_pieces += m->encoded.count == 2;
    s->counts.too_long += s->max_length && m->encoded.count > s->max_length;
    s->pieces += m->encoded.count - 2;
    for (size_t i = 1; i + 1 < m->encoded.count; i++)
        s->unknown += m->encoded.ids[i] == m->t->unk_id;
    return ERR_OK;
}

static err measure_line(void *context, text_span line) {
    measuring *m = context;
    corpus_stats *s = m->s;
    uint64_t hash = hash_keyed(line.text, line.bytes);
    bool added = true;
    err e = ERR_OK;
    add_length(&s->characters, utf8_count(line.text, line.bytes));
    if (m->seen.count < CORPUS_DISTINCT_MOST) {
        e = number_set_add(&m->seen, hash, &added);
    } else {
        s->all_distinct_known = false;
        added = !number_set_has(&m->seen, hash);
    }
    s->duplicates += !added;
    return e || !m->t ? e : measure_tokens(m, line);
}

err corpus_stats_measure(corpus_stats *s, corpus *c, const exclusion *x, const tokenizer *t,
                         uint32_t max_length) {
    measuring m = {.s = s, .t = t};
    *s = (corpus_stats){.all_distinct_known = true, .has_tokens = t, .max_length = max_length};
    err e = mem_new(&s->characters.counts, CORPUS_LENGTH_MOST + 1);
    if (!e) e = mem_new(&s->tokens.counts, CORPUS_LENGTH_MOST + 1);
    if (!e) e = corpus_each_kept(c, x, &s->counts, measure_line, &m);
    number_set_free(&m.seen);
    encoding_free(&m.encoded);
    return e;
}

void corpus_stats_free(corpus_stats *s) {
    mem_free(s->characters.counts);
    mem_free(s->tokens.counts);
    *s = (corpus_stats){0};
}

static err count_line(strbuf *out, const char *name, uint64_t n) {
    return strbuf_printf(out, "%-38s %15s\n", name, SHOWN_COUNT(n));
}

static err lengths_line(strbuf *out, const char *name, const corpus_lengths *l) {
    return strbuf_printf(out, "%-38s mean %.1f, 50 %% %llu, 95 %% %llu, 99 %% %llu, longest %llu\n",
                         name, l->lines ? (double)l->sum / (double)l->lines : 0.0,
                         (unsigned long long)corpus_lengths_at(l, 0.5),
                         (unsigned long long)corpus_lengths_at(l, 0.95),
                         (unsigned long long)corpus_lengths_at(l, 0.99),
                         (unsigned long long)l->longest);
}

static double unknown_share(const corpus_stats *s) {
    return s->pieces ? (double)s->unknown / (double)s->pieces : 0;
}

static err tokens_text(strbuf *out, const corpus_stats *s) {
    err e = count_line(out, "tokens with [CLS] and [SEP]", s->tokens.sum);
    if (!e) e = lengths_line(out, "tokens of a line", &s->tokens);
    if (!e) {
        e = strbuf_printf(out, "%-38s %14.2f %%\n", "[UNK] among the pieces",
                          100 * unknown_share(s));
    }
    if (!e && s->max_length) {
        char name[64];
        snprintf(name, sizeof name, "lines of more than %u tokens", s->max_length);
        e = count_line(out, name, s->counts.too_long);
    }
    return e;
}

static err tasks_text(strbuf *out, const exclusion *x) {
    size_t absent = 0;
    uint64_t texts = 0;
    err e = ERR_OK;
    for (size_t i = 0; i < x->task_count; i++) {
        texts += x->tasks[i].texts;
        absent += !x->tasks[i].at_hand;
    }
    e = strbuf_printf(out, "compared with %s test text%s of %zu task%s", SHOWN_COUNT(texts),
                      shown_plural(texts), x->task_count - absent,
                      shown_plural(x->task_count - absent));
    for (size_t i = 0, named = 0; i < x->task_count && !e; i++) {
        if (x->tasks[i].at_hand) continue;
        e = strbuf_printf(out, "%s%s",
                          named++ ? ", " : "; not at hand, so not compared: ", x->tasks[i].name);
    }
    return e ? e : strbuf_add(out, "\n");
}

err corpus_stats_text(strbuf *out, const corpus_stats *s, const corpus *c, const exclusion *x) {
    static const char *const rules[] = {"  equal to a test text", "  equal in letters and digits",
                                        "  with a test text inside"};
    err e = shown_printf(out, SHOWN_TERMINAL, "%s%s%s\n", c->name, c->manifest.path ? ": " : "",
                         c->manifest.path ? c->manifest.title : "");
    if (!e) e = count_line(out, "lines with text", s->counts.lines);
    for (size_t i = 0; i < EXCLUSION_RULES && !e; i++)
        e = count_line(out, rules[i], s->counts.excluded[i]);
    if (!e) e = count_line(out, "kept", s->counts.kept);
    if (!e) {
        e = count_line(out, s->all_distinct_known ? "  duplicates" : "  duplicates, at least",
                       s->duplicates);
    }
    if (!e) e = count_line(out, "characters", s->characters.sum);
    if (!e) e = lengths_line(out, "characters of a line", &s->characters);
    if (!e && s->has_tokens) e = tokens_text(out, s);
    return e ? e : tasks_text(out, x);
}

static err lengths_json(cJSON *o, const char *key, const corpus_lengths *l) {
    cJSON *at;
    err e = json_add_object(&at, o, key);
    return e ? e
             : json_put(at, "sum %f p50 %f p95 %f p99 %f longest %f", (double)l->sum,
                        (double)corpus_lengths_at(l, 0.5), (double)corpus_lengths_at(l, 0.95),
                        (double)corpus_lengths_at(l, 0.99), (double)l->longest);
}

static err tokens_json(cJSON *o, const corpus_stats *s) {
    err e = lengths_json(o, "tokens", &s->tokens);
    if (!e)
        e = json_put(o, "unknown_share %f without_pieces %f", unknown_share(s),
                     (double)s->counts.without_pieces);
    if (!e && s->max_length) e = json_add_number(o, "too_long", (double)s->counts.too_long);
    return e;
}

err corpus_stats_json(cJSON **out, const corpus_stats *s, const corpus *c, const exclusion *x) {
    cJSON *o = *out = cJSON_CreateObject();
    err e = corpus_sources_json(o, c);
    if (!e) e = json_add_number(o, "lines", (double)s->counts.lines);
    if (!e) e = exclusion_counts_json(o, s->counts.excluded);
    if (!e)
        e = json_put(o, "kept %f duplicates %f duplicates_complete %d", (double)s->counts.kept,
                     (double)s->duplicates, s->all_distinct_known);
    if (!e) e = lengths_json(o, "characters", &s->characters);
    if (!e && s->has_tokens) e = tokens_json(o, s);
    return e ? e : exclusion_json(o, x);
}
