#include "net/settings.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/fetch.h"
#include "net/http_internal.h"
#include "platform/file.h"
#include "platform/places.h"

#include <string.h>

enum { TOKEN_FILE_BYTES = 64 << 10 };

/* The first of the variables that is set, with its name in *variable; NULL: none. */
static const char *first_of(const char *const *names, size_t count, const char **variable) {
    for (size_t i = 0; i < count; i++) {
        const char *value = environment(names[i]);
        *variable = names[i];
        if (value) return value;
    }
    return *variable = NULL;
}

#define FIRST_OF(variable, ...)                                                                    \
    first_of((const char *const[]){__VA_ARGS__},                                                   \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), variable)

/* "$HF_HOME/<below>", else "<cache>/huggingface/<below>". */
static err in_home(char **path, const char *below) {
    const char *set = environment("HF_HOME");
    char *home;
    err e = set ? place_expand(&home, set) : place_cache(&home, "huggingface");
    if (e) return e;
    e = path_join(path, home, below);
    mem_free(home);
    return e;
}

err settings_hub_cache(char **path) {
    const char *variable;
    const char *set =
        FIRST_OF(&variable, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE");
    *path = NULL;
    return set ? place_expand(path, set) : in_home(path, "hub");
}

err settings_endpoint(char **url) {
    const char *set = environment("HF_ENDPOINT");
    char shown[HTTP_SHOWN_BYTES];
    *url = NULL;
    if (!set) return mem_strdup(url, "https://huggingface.co");
    size_t n = strlen(set);
    while (n && set[n - 1] == '/') n--;
    bool is_whole = true;
    for (size_t i = 0; i < n; i++) is_whole = is_whole && ascii_is_graphic(set[i]);
    if (!is_whole || strpbrk(set, "?#\\"))
        return err_set(ERR_USAGE, "HF_ENDPOINT is no address of a hub: %s",
                       http__shown(shown, set));
    err e = mem_strndup(url, set, n);
    if (!e && http__redirect_fault(*url, *url)) {
        e = err_set(ERR_USAGE,
                    "HF_ENDPOINT: %s: only https is allowed, or http of this very machine",
                    http__shown(shown, *url));
        mem_free(*url);
        *url = NULL;
    }
    return e;
}

/* Takes line ends out of the token, and blanks around it; an empty one becomes NULL. */
static err clean_token(char **token, const char *source) {
    char *t = *token;
    size_t n = 0, from = 0;
    for (const char *c = t; *c; c++)
        if (*c != '\r' && *c != '\n') t[n++] = *c;
    while (n && strchr(" \t\v\f", t[n - 1])) n--;
    t[n] = '\0';
    while (t[from] && strchr(" \t\v\f", t[from])) from++;
    memmove(t, t + from, n - from + 1);
    bool is_whole = true;
    for (const char *c = t; *c; c++) is_whole = is_whole && ascii_is_graphic(*c);
    if (*t && is_whole) return ERR_OK;
    err e = *t ? err_set(ERR_USAGE,
                         "%s: the token holds a blank, a control character or a letter beyond "
                         "ASCII: no token has one",
                         source)
               : ERR_OK;
    memset(t, 0, n);
    mem_free(t);
    *token = NULL;
    return e;
}

/* A token file that cannot be read is no reason to keep an open model from its user. */
static err token_of_file(char **token) {
    const char *set = environment("HF_TOKEN_PATH");
    char *path;
    size_t count;
    err e = set ? place_expand(&path, set) : in_home(&path, "token");
    if (e == ERR_IO) { // no home folder: no token file
        err_clear();
        return ERR_OK;
    }
    if (e || !file_exists(path)) goto done;
    e = file_read((void **)token, &count, path, TOKEN_FILE_BYTES);
    if (!e) {
        e = strlen(*token) == count ? clean_token(token, path)
                                    : err_set(ERR_USAGE, "%s: holds a 0 byte: no token", path);
    } else if (e != ERR_MEMORY) {
        log_warn("the token is not used: %s", err_message(e));
        err_clear();
        e = ERR_OK;
    }
done:
    mem_free(path);
    if (e) {
        mem_free(*token);
        *token = NULL;
    }
    return e;
}

err settings_token(char **token) {
    const char *variable, *set = FIRST_OF(&variable, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
    *token = NULL;
    if (environment_is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return ERR_OK;
    err e = set ? mem_strdup(token, set) : ERR_OK;
    if (!e && *token) e = clean_token(token, variable);
    if (e || *token) return e;
    return token_of_file(token);
}

const char *settings_offline(bool offline) {
    const char *variable;
    if (offline) return "--offline";
    (void)FIRST_OF(&variable, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE");
    return variable && environment_is_true(variable) ? variable : NULL;
}

err settings_trusted(settings_trust *t) {
    *t = (settings_trust){0};
    const char *set = FIRST_OF(&t->variable, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
                               "SSL_CERT_FILE", "SSL_CERT_DIR");
    err e = set ? place_expand(&t->path, set) : ERR_OK;
    if (e || !set) return e;
    t->is_folder = folder_exists(t->path);
    if (t->is_folder || file_exists(t->path)) return ERR_OK;
    e = err_set(ERR_USAGE, "%s: there are no certificates at %s", t->variable, t->path);
    mem_free(t->path);
    *t = (settings_trust){0};
    return e;
}

const char *settings_network_hint(void) {
    const char *variable;
    if (FIRST_OF(&variable, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"))
        return "is the proxy right that the environment names (https_proxy, all_proxy)?";
    return "a proxy is named with HTTPS_PROXY";
}
