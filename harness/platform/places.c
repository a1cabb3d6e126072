#include "platform/places.h"

#include "base/ascii.h"
#include "base/memory.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

void environment_drop_empty(const char *name) {
    const char *value = getenv(name);
    if (value && !*value) unsetenv(name);
}

err environment_seconds(double *seconds, const char *name, int most) {
    const char *text = environment(name);
    char *end;
    if (!text) return ERR_OK;
    *seconds = strtod(text, &end);
    if (!*end && *seconds > 0 && *seconds <= most) return ERR_OK;
    return err_set(ERR_USAGE, "%s is '%s': expected seconds, more than 0 and at most %d", name,
                   text, most);
}

bool environment_is_true(const char *name) {
    static const char *const yes[] = {"1", "on", "yes", "true"};
    const char *value = getenv(name);
    for (size_t i = 0; value && i < sizeof yes / sizeof *yes; i++)
        if (ascii_equal_fold(value, yes[i])) return true;
    return false;
}

/* Of the named user (NULL: this one) as the system's table has it; NULL when it has none. */
static const char *home_in_table(const char *user) {
    const struct passwd *row = user ? getpwnam(user) : getpwuid(getuid());
    return row && row->pw_dir && row->pw_dir[0] ? row->pw_dir : NULL;
}

static const char *home_folder(void) {
    const char *home = environment("HOME");
    return home ? home : home_in_table(NULL);
}

err place_cache(char **path, const char *below) {
    const char *cache = environment("XDG_CACHE_HOME"), *home;
    *path = NULL;
    if (cache && cache[0] == '/') return mem_printf(path, "%s/%s", cache, below);
    if ((home = home_folder()) && home[0] == '/')
        return mem_printf(path, "%s/.cache/%s", home, below);
    return err_set(ERR_IO, "there is no place for a cache: neither XDG_CACHE_HOME (an absolute "
                           "path) nor HOME (one too) is set, and the system names no home folder");
}

/* ~ and ~USER; *rest is what follows. */
static err add_home(strbuf *out, const char *text, const char **rest) {
    *rest = text;
    if (text[0] != '~') return ERR_OK;
    size_t n = strcspn(text, "/");
    char *user = NULL;
    err e = n > 1 ? mem_strndup(&user, text + 1, n - 1) : ERR_OK;
    if (e) return e;
    const char *home = user ? home_in_table(user) : home_folder();
    mem_free(user);
    if (!home) return ERR_OK;
    size_t used = strlen(home);
    while (used && home[used - 1] == '/') used--;
    *rest = text + n;
    return used || **rest ? strbuf_add_bytes(out, home, used) : strbuf_add(out, "/");
}

/* The bytes of "$NAME" or "${NAME}" at text with the place of the name; 0 when it is neither. */
static size_t variable_at(const char *text, const char **name, size_t *name_bytes) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (text[0] != '$') return 0;
    bool braced = text[1] == '{';
    *name = text + 1 + braced;
    *name_bytes = braced ? strcspn(*name, "}") : strspn(*name, letters);
    if (!*name_bytes || (braced && (*name)[*name_bytes] != '}')) return 0;
    return 1 + 2 * (size_t)braced + *name_bytes;
}

static err add_value(strbuf *out, const char *text, size_t bytes, const char *name,
                     size_t name_bytes) {
    char *key;
    err e = mem_strndup(&key, name, name_bytes);
    if (e) return e;
    const char *value = getenv(key);
    mem_free(key);
    return value ? strbuf_add(out, value) : strbuf_add_bytes(out, text, bytes);
}

err place_expand(char **path, const char *text) {
    strbuf home = {0}, out = {0};
    const char *rest, *name;
    size_t name_bytes, n;
    *path = NULL;
    err e = add_home(&home, text, &rest);
    if (!e) e = strbuf_add(&home, rest);
    if (!e) e = strbuf_add(&out, "");
    for (const char *at = home.text; !e && *at; at += n)
        if ((n = variable_at(at, &name, &name_bytes)))
            e = add_value(&out, at, n, name, name_bytes);
        else
            e = strbuf_add_bytes(&out, at, n = 1);
    strbuf_free(&home);
    if (e)
        strbuf_free(&out);
    else
        *path = out.text;
    return e;
}
