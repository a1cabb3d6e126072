#include "cli/entities.h"

#include "base/utf8.h"
#include "metric/tags.h"

#include <math.h>

static bool next(tag_entity *e, size_t *at, const tagged_text *t) {
    return tag_next(e, at, t->tags, t->of->target.units.count, t->classes, !t->is_gold);
}

static const char *type_of(const tagged_text *t, const tag_entity *e) {
    return t->labels[2 * e->type] + 2; // behind "B-"
}

err entities_mark(strbuf *out, const tagged_text *t) {
    const text_span *text = &t->of->texts[0];
    const text_unit *units = t->of->target.units.list;
    size_t done = 0, at = 0;
    tag_entity one;
    err e = strbuf_add(out, "");
    while (!e && next(&one, &at, t)) {
        size_t begin = units[one.begin].begin, end = units[one.end - 1].end;
        if ((e = strbuf_add_bytes(out, text->text + done, begin - done))) break;
        if ((e = strbuf_add(out, "<"))) break;
        if ((e = strbuf_add_bytes(out, text->text + begin, end - begin))) break;
        e = strbuf_printf(out, ":%s>", type_of(t, &one));
        done = end;
    }
    return e ? e : strbuf_add_bytes(out, text->text + done, text->bytes - done);
}

static double score_of(const tagged_text *t, const tag_entity *e) {
    double sum = 0, count = 0;
    for (uint32_t u = e->begin; u < e->end; u++) {
        if (isnan(t->scores[u])) continue;
        sum += t->scores[u];
        count++;
    }
    return count > 0 ? sum / count : 0;
}

static err add_entity(cJSON *list, const tagged_text *t, const tag_entity *one) {
    const char *text = t->of->texts[0].text;
    const text_unit *units = t->of->target.units.list;
    size_t begin = units[one->begin].begin, end = units[one->end - 1].end;
    char *word = NULL;
    cJSON *object = NULL;
    err e = json_append_object(&object, list);
    if (!e) e = json_add_string(object, "entity_group", type_of(t, one));
    if (!e && t->scores) e = json_add_number(object, "score", score_of(t, one));
    if (!e) e = mem_strndup(&word, text + begin, end - begin);
    if (!e) e = json_add_string(object, "word", word);
    if (!e) e = json_add_number(object, "start", (double)utf8_count(text, begin));
    if (!e) e = json_add_number(object, "end", (double)utf8_count(text, end));
    mem_free(word);
    return e;
}

err entities_json(cJSON *object, const tagged_text *t) {
    cJSON *list = NULL;
    size_t at = 0;
    tag_entity one;
    err e = json_add_array(&list, object, "entities");
    while (!e && next(&one, &at, t)) e = add_entity(list, t, &one);
    return e;
}
