#include "cli/predict_tree.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "cli/output.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

static const char *relation_name(const model_config *c, uint32_t id, char fallback[24]) {
    if (c->labels) return c->labels[id];
    snprintf(fallback, 24, "LABEL_%u", id);
    return fallback;
}

/* How sure each word's head is, 0 of those that no token answers for. */
static float chance_of(const encoded_units *units, const float *nodes, uint32_t word) {
    size_t node = 1;
    if (units->first[word] < 0) return 0;
    for (uint32_t u = 0; u < word; u++) node += units->first[u] >= 0;
    return nodes[node * EVALUATED_OF_NODE + EVALUATED_CHANCE];
}

static err print_conllu(const scorer *s, const example *x, const uint32_t *arcs,
                        const encoded_units *units, const float *nodes) {
    const model_config *c = &s->base_model.config;
    if (!units->count) { // CoNLL-U has no sentence without a word
        shown_out("# no word in '%s'\n\n", x->texts[0].text);
        return ERR_OK;
    }
    shown_out("# text = %s\n", x->texts[0].text);
    for (uint32_t w = 0; w < units->count; w++) {
        const text_unit *unit = &x->target.units.list[w];
        const uint32_t *arc = arcs + (size_t)w * ARC_WIDTH;
        char fallback[24];
        shown_out("%u\t%.*s\t_\t_\t_\t_\t%u\t%s\t_\tScore=%.4f\n", w + 1,
                  (int)(unit->end - unit->begin), x->texts[0].text + unit->begin, arc[ARC_HEAD],
                  relation_name(c, arc[ARC_RELATION], fallback),
                  (double)chance_of(units, nodes, w));
    }
    putchar('\n');
    return ERR_OK;
}

static err append_word(cJSON *words, const example *x, uint32_t w) {
    const text_unit *unit = &x->target.units.list[w];
    char *word = NULL;
    err e = mem_strndup(&word, x->texts[0].text + unit->begin, unit->end - unit->begin);
    if (!e) e = json_append(words, cJSON_CreateString(word));
    mem_free(word);
    return e;
}

err predict_tree_json(cJSON *o, const scorer *s, const example *x, const uint32_t *arcs,
                      const encoded_units *units, const float *nodes) {
    const model_config *c = &s->base_model.config;
    cJSON *words, *heads, *labels, *scores;
    err e = json_add_array(&words, o, "words");
    if (e || (e = json_add_array(&heads, o, "heads")) ||
        (e = json_add_array(&labels, o, "labels")) || (e = json_add_array(&scores, o, "scores")))
        return e;
    for (uint32_t w = 0; w < units->count && !e; w++) {
        const uint32_t *arc = arcs + (size_t)w * ARC_WIDTH;
        char fallback[24];
        e = append_word(words, x, w);
        if (!e) e = json_append(heads, cJSON_CreateNumber(arc[ARC_HEAD]));
        if (!e)
            e = json_append(labels,
                            cJSON_CreateString(relation_name(c, arc[ARC_RELATION], fallback)));
        if (!e) e = json_append(scores, cJSON_CreateNumber((double)chance_of(units, nodes, w)));
    }
    return e;
}

static err print_object(const scorer *s, const example *x, const uint32_t *arcs,
                        const encoded_units *units, const float *nodes) {
    cJSON *root = cJSON_CreateObject();
    err e = json_add_string(root, "text", x->texts[0].text);
    if (!e) e = predict_tree_json(root, s, x, arcs, units, nodes);
    if (!e) e = output_json(root, false);
    cJSON_Delete(root);
    return e;
}

err predict_tree_print(const scorer *s, const example *examples, const encoded *rows,
                       const float *nodes, bool json) {
    const model_config *c = &s->base_model.config;
    uint32_t *arcs = NULL, *begin = NULL;
    err e = predict_answers(&arcs, &begin, s->model.head, nodes, rows, c->classes);
    for (size_t i = 0; i < rows->count && !e; i++) {
        const uint32_t *of_row = arcs + (size_t)begin[i] * ARC_WIDTH;
        e = (json ? print_object : print_conllu)(s, &examples[i], of_row, &rows->units[i], nodes);
        nodes += (size_t)rows->sentences[i].target.chosen.count * EVALUATED_OF_NODE;
    }
    mem_free(arcs);
    mem_free(begin);
    return e ? e : output_check();
}

/* Whether it begins or ends with punctuation, and is not all of it. */
static bool has_edge(const char *word, size_t bytes) {
    uint32_t point = 0;
    bool first = false, last = false, other = false;
    for (size_t at = 0, n; at < bytes; at += n) {
        n = utf8_decode_leniently(&point, word + at, bytes - at);
        last = unicode_is_punctuation(point);
        first = first || (!at && last);
        other = other || !last;
    }
    return other && (first || last);
}

size_t predict_tree_joined(const scorer *s, const example *x) {
    const model_config *c = &s->base_model.config;
    bool parts = false;
    size_t found = 0;
    for (uint32_t k = 0; c->labels && k < c->classes; k++)
        parts = parts || !strcmp(c->labels[k], "punct");
    for (uint32_t w = 0; parts && w < x->target.units.count; w++) {
        const text_unit *unit = &x->target.units.list[w];
        found += has_edge(x->texts[0].text + unit->begin, unit->end - unit->begin);
    }
    return found;
}
