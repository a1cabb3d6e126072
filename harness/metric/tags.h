/* Tags of units that say which entities a text has: of each type "B-" of its first unit and "I-" of
 * those that follow, "O" of what is in none (IOB2). Tags are numbered in that order: 2 k begins an
 * entity of type k, 2 k + 1 goes on with it, the last is O; C = 2 types + 1 tags. */
#ifndef HARNESS_METRIC_TAGS_H
#define HARNESS_METRIC_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t tag_types(size_t tags) {
    return tags / 2;
}
static inline uint32_t tag_outside(size_t tags) {
    return (uint32_t)tags - 1;
}
static inline bool tag_begins(uint32_t tag, size_t tags) {
    return tag % 2 == 0 && tag != tag_outside(tags);
}
/* What follows a tag inside the same entity. */
static inline uint32_t tag_inside(uint32_t tag, size_t tags) {
    return tag_begins(tag, tags) ? tag + 1 : tag;
}

/* What a row's tags add to a sum: counts (tag_counts) of, one behind the other,
 *   gold, predicted, hit      (types) entities, those found: same type, same units
 *   gold, predicted, hit      (tags) units
 *   strict_gold, strict_hit   (types) gold entities whose first unit has "B-"
 * Gold is read leniently: where an entity begins with a blank, which is no unit, its first unit has
 * "I-". What is predicted is read strictly, as seqeval's mode "strict" under IOB2. */
static inline size_t tag_counts(size_t tags) {
    return 5 * tag_types(tags) + 3 * tags;
}
void tags_count(uint64_t *counts, const uint32_t *gold, const uint32_t *predicted, size_t count,
                size_t tags);

/* Entities of a row that were missed, and those said that are none. */
size_t tags_wrong(const uint32_t *gold, const uint32_t *predicted, size_t count, size_t tags);

/* An entity: units [begin, end) of a row. */
typedef struct tag_entity {
    uint32_t type, begin, end;
} tag_entity;

/* The entity that begins at unit *at or behind it, of a row's tags (count); *at moves behind its
 * end. False when there is none. strict: an I- that goes on with nothing is no entity; else it
 * begins one. */
bool tag_next(tag_entity *out, size_t *at, const uint32_t *tags, size_t count, size_t classes,
              bool strict);

#endif
