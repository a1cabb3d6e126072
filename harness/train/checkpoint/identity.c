#include "train/checkpoint/identity.h"

#include "base/json.h"
#include "train/recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MOST = 5 };

/* The value as people read it: a recipe's may be a number that stands for words. */
static const char *shown(const char *key, const char *value) {
    static const char recipes[] = "recipe's ";
    size_t n = sizeof recipes - 1;
    char *end = NULL;
    if (!value) return "absent";
    if (strncmp(key, recipes, n) != 0) return value;
    double number = strtod(value, &end);
    const char *word = end > value && !*end ? recipe_word(key + n, number) : NULL;
    return word ? word : value;
}

static err add_field(strbuf *out, size_t *count, const cJSON *there, const cJSON *now,
                     const char *key) {
    const char *a = json_text_at(there, key), *b = json_text_at(now, key);
    if (a && b && strcmp(a, b) == 0) return ERR_OK;
    if (++*count > SHOWN_MOST) return ERR_OK;
    return strbuf_printf(out, "%s%s is %s there, %s now", *count > 1 ? "; " : "", key,
                         shown(key, a), shown(key, b));
}

err identity_differences(strbuf *out, const cJSON *there, const cJSON *now) {
    const cJSON *item = NULL;
    size_t count = 0;
    err e = ERR_OK;
    cJSON_ArrayForEach(item, now) {
        if (!e) e = add_field(out, &count, there, now, item->string);
    }
    // what this program or this recipe does not know
    cJSON_ArrayForEach(item, there) {
        if (!e && !cJSON_GetObjectItemCaseSensitive(now, item->string))
            e = add_field(out, &count, there, now, item->string);
    }
    if (!e && count > SHOWN_MOST) e = strbuf_printf(out, "; and %zu more", count - SHOWN_MOST);
    return e;
}

err identity_check(const cJSON *there, const cJSON *now, const char *where, const char *what) {
    strbuf text = {0};
    err e = identity_differences(&text, there, now);
    if (!e && text.length)
        e = err_set(ERR_DATA,
                    "%s: this %s is of another run: %s; go on with what it was begun with%s%s",
                    where, what, text.text,
                    err_advice("output-dir", ", name another folder with --output-dir"),
                    err_advice("overwrite", ", or start over with --overwrite"));
    strbuf_free(&text);
    return e;
}
