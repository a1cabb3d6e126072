#include "cli/elsewhere.h"

#include "base/ascii.h"

#include <string.h>

#define TRAINING "epochs" /* the verbs that train take this flag */

static const struct {
    const char *theirs, *ours;
} verbs[] = {
#define VERB_ELSEWHERE(theirs, ours) {theirs, ours},
#define FLAG_ELSEWHERE(theirs, ours, words)
#define NEEDLESS(theirs, words)
#include "cli/elsewhere.def"
};

static const struct {
    const char *theirs, *ours, *words; /* ours NULL: needless where models are trained */
} flags[] = {
#define VERB_ELSEWHERE(theirs, ours)
#define FLAG_ELSEWHERE(theirs, ours, words) {theirs, ours, words},
#define NEEDLESS(theirs, words) {theirs, NULL, words},
#include "cli/elsewhere.def"
};

static bool is_word(const char *found, size_t length, const char *word) {
    size_t i = 0;
    for (; i < length && word[i]; i++)
        if ((found[i] == '_' ? '-' : ascii_lower(found[i])) != word[i]) return false;
    return i == length && !word[i];
}

const char *elsewhere_verb(const char *verb) {
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (is_word(verb, strlen(verb), verbs[i].theirs)) return verbs[i].ours;
    return NULL;
}

const char *elsewhere_flag(verb_id verb, const char *flag) {
    flag += strspn(flag, "-");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (is_word(flag, strcspn(flag, "="), flags[i].theirs) &&
            options_takes(verb, flags[i].ours ? flags[i].ours : TRAINING))
            return flags[i].words;
    return NULL;
}
