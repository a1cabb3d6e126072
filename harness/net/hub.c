#include "net/hub.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/fetch.h"
#include "net/http_internal.h"
#include "platform/file.h"

#include <nettle/sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SMALL_FILE_BYTES: all files but weights */
enum {
    SMALL_FILE_BYTES = 256 << 20,
    LISTING_LIMIT_BYTES = 16 << 20,
    COMMIT_DIGITS = 40,
    PATIENT_TRIES = 5,
    HASTY_TRIES = 2
};

/* A model as asked for, with its places. All owned. */
typedef struct hub {
    const char *name, *revision, *endpoint, *token; // borrowed
    char shown[HTTP_SHOWN_BYTES];                   // the endpoint in messages
    char *cache;                                    // .../hub
    char *folder;                                   // .../hub/models--org--name
    char *lock_dir;                                 // .../hub/.locks/models--org--name
    char commit[COMMIT_DIGITS + 1];
    char *snapshot;  // folder/snapshots/<commit>, once the commit is known
    bool words_only; // the tokenizer's files are enough
    fetch_patience patience;
} hub;

static bool is_word(const char *s, size_t count) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (!count || count > 96 || s[0] == '.' || s[0] == '-') return false;
    for (size_t i = 0; i < count; i++) {
        if (!strchr(allowed, s[i])) return false;
        if (i && s[i] == s[i - 1] && (s[i] == '.' || s[i] == '-')) return false;
    }
    return true;
}

bool hub_is_name(const char *s) {
    const char *slash = strchr(s, '/');
    if (!slash) return is_word(s, strlen(s));
    return is_word(s, (size_t)(slash - s)) && is_word(slash + 1, strlen(slash + 1));
}

static bool is_revision(const char *s) {
    for (;;) {
        size_t n = strcspn(s, "/");
        if (!is_word(s, n)) return false;
        if (!s[n]) return true;
        s += n + 1;
    }
}

static bool is_hex(const char *s, size_t digits) {
    return strlen(s) == digits && strspn(s, "0123456789abcdef") == digits;
}

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static err cache_folder(char **out) {
    const char *value;
    if ((value = environment("HF_HUB_CACHE"))) return mem_strdup(out, value);
    if ((value = environment("HF_HOME"))) return mem_printf(out, "%s/hub", value);
    if ((value = environment("XDG_CACHE_HOME")))
        return mem_printf(out, "%s/huggingface/hub", value);
    if ((value = environment("HOME"))) return mem_printf(out, "%s/.cache/huggingface/hub", value);
    return err_set(ERR_IO, "none of HF_HOME, XDG_CACHE_HOME and HOME is set: where is the cache?");
}

/* "org/name" -> "models--org--name" */
static err cache_name(char **out, const char *name) {
    const char *slash = strchr(name, '/');
    if (!slash) return mem_printf(out, "models--%s", name);
    return mem_printf(out, "models--%.*s--%s", (int)(slash - name), name, slash + 1);
}

static void hub_free(hub *h) {
    mem_free(h->cache);
    mem_free(h->folder);
    mem_free(h->lock_dir);
    mem_free(h->snapshot);
    *h = (hub){0};
}

static err hub_init(hub *h, const char *name, const char *revision) {
    char *below = NULL;
    *h = (hub){.name = name, .revision = revision ? revision : "main"};
    if (!hub_is_name(name)) {
        return err_set(ERR_USAGE, "'%s' is no model name of the form NAME or ORG/NAME", name);
    }
    if (!is_revision(h->revision)) return err_set(ERR_USAGE, "'%s' is no revision", h->revision);
    h->endpoint = environment("HF_ENDPOINT");
    if (!h->endpoint) h->endpoint = "https://huggingface.co";
    http__shown(h->shown, h->endpoint);
    h->token = environment("HF_TOKEN");
    err e;
    if ((e = cache_folder(&h->cache)) || (e = cache_name(&below, name))) goto done;
    if ((e = path_join(&h->folder, h->cache, below))) goto done;
    e = mem_printf(&h->lock_dir, "%s/.locks/%s", h->cache, below);
done:
    mem_free(below);
    return e;
}

/* --- what the cache has -------------------------------------------------------------------------
 */

static err set_commit(hub *h, const char *commit) {
    if (!is_hex(commit, COMMIT_DIGITS)) {
        return err_set(ERR_FORMAT, "%s: '%s' is no commit", h->name, commit);
    }
    memcpy(h->commit, commit, sizeof h->commit);
    mem_free(h->snapshot);
    h->snapshot = NULL;
    return mem_printf(&h->snapshot, "%s/snapshots/%s", h->folder, h->commit);
}

/* Sets the commit of the revision as the cache knows it; none is no error. */
static err read_ref(hub *h) {
    char *path = NULL, *text = NULL;
    size_t count;
    err e;
    if (is_hex(h->revision, COMMIT_DIGITS)) return set_commit(h, h->revision);
    if ((e = mem_printf(&path, "%s/refs/%s", h->folder, h->revision))) return e;
    if (file_exists(path) && !(e = file_read((void **)&text, &count, path, 256))) {
        text[strcspn(text, "\r\n ")] = '\0';
        if (is_hex(text, COMMIT_DIGITS)) e = set_commit(h, text);
    }
    mem_free(text);
    mem_free(path);
    return e;
}

static err write_ref(const hub *h) {
    char *path;
    if (is_hex(h->revision, COMMIT_DIGITS)) return ERR_OK;
    err e = mem_printf(&path, "%s/refs/%s", h->folder, h->revision);
    if (e) return e;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    e = folder_make(path);
    *slash = '/';
    if (!e) e = file_write(path, h->commit, COMMIT_DIGITS);
    mem_free(path);
    return e;
}

static bool has_file(const hub *h, const char *file) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", h->snapshot, file);
    return n > 0 && (size_t)n < sizeof path && file_exists(path);
}

/* True when the snapshot has all that loaders need; shards are counted by their names' own total.
 */
static bool is_whole(const hub *h) {
    if (!h->snapshot || !has_file(h, "config.json")) return false;
    if (!has_file(h, "vocab.txt") && !has_file(h, "tokenizer.json")) return false;
    if (h->words_only) return true;
    if (has_file(h, "model.safetensors")) return true;
    if (!has_file(h, "model.safetensors.index.json")) return false;
    folder_list list;
    unsigned shards = 0, total = 0, at;
    if (folder_list_read(&list, h->snapshot)) return false;
    for (size_t i = 0; i < list.count; i++) {
        shards += sscanf(list.names[i], "model-%5u-of-%5u.safetensors", &at, &total) == 2 &&
                  has_file(h, list.names[i]);
    }
    folder_list_free(&list);
    return total && shards == total;
}

/* --- what the hub has ---------------------------------------------------------------------------
 */

static bool is_wanted(const hub *h, const char *file, bool one_file) {
    static const char *const names[] = {"config.json", "vocab.txt", "tokenizer.json",
                                        "tokenizer_config.json", "special_tokens_map.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(file, names[i])) return true;
    }
    if (h->words_only) return false;
    if (one_file) return !strcmp(file, "model.safetensors");
    unsigned at, total;
    int end = 0;
    return !strcmp(file, "model.safetensors.index.json") ||
           (sscanf(file, "model-%5u-of-%5u.safetensors%n", &at, &total, &end) == 2 && end &&
            !file[end]);
}

/* The files of the model, as a JSON array of {rfilename}; sets the commit. */
static err ask_listing(hub *h, cJSON **listing) {
    char *url = NULL, where[HTTP_SHOWN_BYTES];
    fetch_reply reply = {0};
    const char *commit;
    const cJSON *files;
    err e = mem_printf(&url, "%s/api/models/%s/revision/%s", h->endpoint, h->name, h->revision);
    if (e) return e;
    http__shown(where, url);
    if ((e = fetch_ask(&reply, url, h->token, false, LISTING_LIMIT_BYTES, &h->patience))) goto done;
    if (reply.status == 401 || reply.status == 403 || reply.status == 404) {
        e = err_set(
            ERR_USAGE,
            "%s has no model '%s' at revision '%s', or it is closed to you (it answers %ld%s)",
            h->shown, h->name, h->revision, reply.status,
            h->token ? "" : "; a closed one needs HF_TOKEN");
        goto done;
    }
    if (reply.status != 200) {
        e = err_set(ERR_NETWORK, "%s: the server answers %ld", where, reply.status);
        goto done;
    }
    if ((e = json_parse(listing, reply.body, reply.body_bytes, where))) goto done;
    if ((e = json_string(&commit, *listing, "sha", where))) goto done;
    if ((e = json_array(&files, *listing, "siblings", where))) goto done;
    e = set_commit(h, commit);
done:
    fetch_reply_free(&reply);
    mem_free(url);
    return e;
}

static bool lists(const cJSON *listing, const char *file) {
    const cJSON *item, *files = cJSON_GetObjectItemCaseSensitive(listing, "siblings");
    cJSON_ArrayForEach(item, files) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "rfilename");
        if (cJSON_IsString(name) && !strcmp(name->valuestring, file)) return true;
    }
    return false;
}

/* A file's etag is the SHA-1 that git gives it, where it is not the SHA-256 of large files. */
static err check_git_hash(const char *path, const char *etag) {
    void *bytes;
    size_t count;
    char hex[2 * SHA1_DIGEST_SIZE + 1], head[32];
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx ctx;
    err e = file_read(&bytes, &count, path, 0);
    if (e) return e;
    int n = snprintf(head, sizeof head, "blob %zu", count);
    sha1_init(&ctx);
    sha1_update(&ctx, (size_t)n + 1, (const uint8_t *)head);
    sha1_update(&ctx, count, bytes);
    sha1_digest(&ctx, sizeof digest, digest);
    mem_free(bytes);
    for (size_t i = 0; i < sizeof digest; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (!strcmp(hex, etag)) return ERR_OK;
    unlink(path);
    return err_set(ERR_DATA, "%s: its git hash is %s, the hub says %s", path, hex, etag);
}

/* Makes snapshots/<commit>/<file> a link to the blob, in one step. */
static err link_file(const hub *h, const char *file, const char *etag) {
    char *target = NULL, *link = NULL, *temporary = NULL;
    err e;
    if ((e = folder_make(h->snapshot))) return e;
    if ((e = mem_printf(&target, "../../blobs/%s", etag))) goto done;
    if ((e = path_join(&link, h->snapshot, file))) goto done;
    if ((e = mem_printf(&temporary, "%s.%ld.tmp", link, (long)getpid()))) goto done;
    if (symlink(target, temporary) || rename(temporary, link)) {
        unlink(temporary);
        e = err_set(ERR_IO, "%s: cannot make a link", link);
    }
done:
    mem_free(target);
    mem_free(link);
    mem_free(temporary);
    return e;
}

static err fetch_blob(const hub *h, const char *file, const char *url, const fetch_reply *head) {
    char *blob = NULL, *part = NULL, *lock = NULL;
    bool is_sha256 = is_hex(head->etag, 64);
    err e;
    if ((e = mem_printf(&blob, "%s/blobs/%s", h->folder, head->etag))) goto done;
    if ((e = mem_printf(&part, "%s.incomplete", blob))) goto done;
    if ((e = mem_printf(&lock, "%s/%s.lock", h->lock_dir, head->etag))) goto done;
    bool there = file_exists(blob);
    fetch_request r = {.url = url,
                       .path = blob,
                       .part_path = part,
                       .lock_path = lock,
                       .name = file,
                       .bytes = head->linked_bytes,
                       .most_bytes = strstr(file, ".safetensors") ? 0 : SMALL_FILE_BYTES,
                       .sha256 = is_sha256 ? head->etag : NULL,
                       .resumable = true,
                       .token = h->token,
                       .patience = h->patience};
    if ((e = fetch_file(&r))) goto done;
    if (!there && is_hex(head->etag, COMMIT_DIGITS)) e = check_git_hash(blob, head->etag);
    if (!e) e = link_file(h, file, head->etag);
done:
    mem_free(blob);
    mem_free(part);
    mem_free(lock);
    return e;
}

static err fetch_hub_file(const hub *h, const char *file) {
    char *url = NULL, where[HTTP_SHOWN_BYTES];
    fetch_reply head = {0};
    if (has_file(h, file)) return ERR_OK;
    err e = mem_printf(&url, "%s/%s/resolve/%s/%s", h->endpoint, h->name, h->commit, file);
    if (e) return e;
    if ((e = fetch_ask(&head, url, h->token, true, 0, &h->patience))) goto done;
    if (head.status >= 400) {
        e = err_set(ERR_NETWORK, "%s: the server answers %ld", http__shown(where, url),
                    head.status);
    } else if (!head.etag || !is_word(head.etag, strlen(head.etag))) {
        e = err_set(ERR_NETWORK, "%s: the server names no usable etag", http__shown(where, url));
    } else {
        e = fetch_blob(h, file, url, &head);
    }
done:
    fetch_reply_free(&head);
    mem_free(url);
    return e;
}

static err check_listing(const hub *h, const cJSON *listing, bool *one_file) {
    *one_file = lists(listing, "model.safetensors");
    if (!lists(listing, "config.json")) {
        return err_set(ERR_UNSUPPORTED, "%s: the model has no config.json", h->name);
    }
    if (h->words_only || *one_file) return ERR_OK;
    if (lists(listing, "model.safetensors.index.json")) return ERR_OK;
    return err_set(
        ERR_UNSUPPORTED,
        "%s: the model has no model.safetensors%s; convert it and name the folder instead: "
        "python3 -c 'from transformers import AutoModel, AutoTokenizer; n = \"%s\"; "
        "AutoModel.from_pretrained(n).save_pretrained(\"converted\"); "
        "AutoTokenizer.from_pretrained(n).save_pretrained(\"converted\")'",
        h->name,
        lists(listing, "pytorch_model.bin")
            ? " (only pytorch_model.bin, and pickle files are never read)"
            : "",
        h->name);
}

static err fetch_model(hub *h) {
    cJSON *listing = NULL;
    bool one_file = false;
    err e = ask_listing(h, &listing);
    if (e || (e = check_listing(h, listing, &one_file))) goto done;
    const cJSON *item, *files = cJSON_GetObjectItemCaseSensitive(listing, "siblings");
    cJSON_ArrayForEach(item, files) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "rfilename");
        if (!cJSON_IsString(name) || !is_wanted(h, name->valuestring, one_file)) continue;
        if ((e = fetch_hub_file(h, name->valuestring))) goto done;
    }
    e = write_ref(h);
done:
    cJSON_Delete(listing);
    return e;
}

static err find_or_fetch(char **folder, const char *name, const char *revision, bool words_only,
                         bool offline) {
    hub h;
    *folder = NULL;
    err e = hub_init(&h, name, revision);
    h.words_only = words_only;
    if (e || (e = read_ref(&h))) goto done;
    bool whole = is_whole(&h);
    // a commit never changes; of a branch the hub is asked whether it moved
    if (whole && (fetch_is_offline(offline) || is_hex(h.revision, COMMIT_DIGITS))) goto done;
    if (fetch_is_offline(offline)) {
        e = err_set(ERR_NETWORK,
                    "model '%s' (revision %s) is not whole in %s, and %s forbids to fetch it", name,
                    h.revision, h.cache, offline ? "--offline" : "HF_HUB_OFFLINE");
        goto done;
    }
    h.patience.tries = whole ? HASTY_TRIES : PATIENT_TRIES;
    char known[COMMIT_DIGITS + 1];
    memcpy(known, h.commit, sizeof known);
    e = fetch_model(&h);
    if (e == ERR_NETWORK && whole) {
        log_warn("%s; taking the copy in the cache", err_message(e));
        e = set_commit(&h, known);
    }
done:
    if (!e) {
        *folder = h.snapshot;
        h.snapshot = NULL;
    }
    hub_free(&h);
    return e;
}

err hub_model(char **folder, const char *name, const char *revision, bool offline) {
    return find_or_fetch(folder, name, revision, false, offline);
}

err hub_tokenizer(char **folder, const char *name, const char *revision, bool offline) {
    return find_or_fetch(folder, name, revision, true, offline);
}
