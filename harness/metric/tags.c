#include "metric/tags.h"

bool tag_next(tag_entity *out, size_t *at, const uint32_t *tags, size_t count, size_t classes,
              bool strict) {
    uint32_t outside = tag_outside(classes);
    size_t i = *at;
    while (i < count && (strict ? !tag_begins(tags[i], classes) : tags[i] == outside)) i++;
    *at = i;
    if (i == count) return false;
    uint32_t inside = tag_inside(tags[i], classes);
    *out = (tag_entity){.type = tags[i] / 2, .begin = (uint32_t)i};
    for (i++; i < count && tags[i] == inside;) i++;
    out->end = (uint32_t)i;
    *at = i;
    return true;
}

size_t tags_wrong(const uint32_t *gold, const uint32_t *predicted, size_t count, size_t tags) {
    size_t at_gold = 0, at_said = 0, wrong = 0;
    tag_entity g = {0}, p = {0};
    bool is_gold = tag_next(&g, &at_gold, gold, count, tags, false);
    bool is_said = tag_next(&p, &at_said, predicted, count, tags, true);
    while (is_gold || is_said) {
        bool same = is_gold && is_said && g.begin == p.begin && g.end == p.end && g.type == p.type;
        bool takes_gold = same || (is_gold && (!is_said || g.begin <= p.begin));
        wrong += !same;
        if (!takes_gold || same) is_said = tag_next(&p, &at_said, predicted, count, tags, true);
        if (takes_gold) is_gold = tag_next(&g, &at_gold, gold, count, tags, false);
    }
    return wrong;
}

static void count_entities(uint64_t *counts, const uint32_t *gold, const uint32_t *predicted,
                           size_t count, size_t tags) {
    size_t types = tag_types(tags), at_gold = 0, at_said = 0;
    uint64_t *golds = counts, *saids = golds + types, *hits = saids + types;
    uint64_t *strict_golds = hits + types + 3 * tags, *strict_hits = strict_golds + types;
    tag_entity g = {0}, p = {0};
    bool is_said = tag_next(&p, &at_said, predicted, count, tags, true);
    while (tag_next(&g, &at_gold, gold, count, tags, false)) {
        bool is_strict = tag_begins(gold[g.begin], tags);
        for (; is_said && p.begin < g.begin;
             is_said = tag_next(&p, &at_said, predicted, count, tags, true))
            saids[p.type]++;
        bool is_hit = is_said && p.begin == g.begin && p.end == g.end && p.type == g.type;
        golds[g.type]++;
        hits[g.type] += is_hit;
        strict_golds[g.type] += is_strict;
        strict_hits[g.type] += is_strict && is_hit;
    }
    for (; is_said; is_said = tag_next(&p, &at_said, predicted, count, tags, true)) saids[p.type]++;
}

void tags_count(uint64_t *counts, const uint32_t *gold, const uint32_t *predicted, size_t count,
                size_t tags) {
    uint64_t *golds = counts + 3 * tag_types(tags), *saids = golds + tags, *hits = saids + tags;
    count_entities(counts, gold, predicted, count, tags);
    for (size_t i = 0; i < count; i++) {
        golds[gold[i]]++;
        saids[predicted[i]]++;
        hits[gold[i]] += gold[i] == predicted[i];
    }
}
