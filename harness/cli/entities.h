/* Entities of a text in words, as `data head` and `predict` show them. */
#ifndef HARNESS_CLI_ENTITIES_H
#define HARNESS_CLI_ENTITIES_H

#include "base/json.h"
#include "base/memory.h"
#include "data/example.h"

/* A text's units and what is said of them. Borrowed. */
typedef struct tagged_text {
    const example *of;
    const uint32_t *tags;      /* (units) */
    const char *const *labels; /* (classes) names of the tags, as metric/tags.h orders them */
    size_t classes;
    bool is_gold; /* read as gold is (tags_count) */
    const double
        *scores; /* (units) of the token that answers, NAN inside one; NULL: there are none */
} tagged_text;

/* Appends the text with "<...:TYPE>" around its entities. */
err entities_mark(strbuf *out, const tagged_text *t) MUST_CHECK;

/* Adds "entities" to an object: of each, under the names of transformers' pipeline, entity_group,
 * score (mean of its tokens', where there are some), word, and start and end in characters. */
err entities_json(cJSON *object, const tagged_text *t) MUST_CHECK;

#endif
