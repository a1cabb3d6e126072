#include "net/hub.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/fetch.h"
#include "net/http_internal.h"
#include "net/hub_internal.h"
#include "net/settings.h"
#include "platform/file.h"

#include <nettle/sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SMALL_FILE_BYTES: all files but weights */
enum {
    SMALL_FILE_BYTES = 256 << 20,
    LISTING_LIMIT_BYTES = 4 << 20,
    COMMIT_DIGITS = HUB_COMMIT_DIGITS,
    PATIENT_TRIES = 5,
    HASTY_TRIES = 2
};

/* A model as asked for, with its places. All owned. */
typedef struct hub {
    char *name, *revision;
    char *endpoint, *token;       // token: NULL without one
    char shown[HTTP_SHOWN_BYTES]; // the endpoint in messages
    char *cache;                  // .../hub
    char *folder;                 // .../hub/models--org--name
    char *lock_dir;               // .../hub/.locks/models--org--name
    char commit[COMMIT_DIGITS + 1];
    char *snapshot;  // folder/snapshots/<commit>, once the commit is known
    bool words_only; // the tokenizer's files are enough
    fetch_patience patience;
} hub;

static bool is_name(const char *s, size_t count) {
    const char *slash = memchr(s, '/', count);
    if (!slash) return hub__is_word(s, count);
    size_t n = (size_t)(slash - s);
    return hub__is_word(s, n) && hub__is_word(slash + 1, count - n - 1);
}

static bool is_revision(const char *s) {
    for (;;) {
        size_t n = strcspn(s, "/");
        if (!hub__is_word(s, n)) return false;
        if (!s[n]) return true;
        s += n + 1;
    }
}

size_t hub_name_bytes(const char *s) {
    return strcspn(s, "@");
}

bool hub_is_name(const char *s) {
    size_t n = hub_name_bytes(s);
    return is_name(s, n) && (!s[n] || is_revision(s + n + 1));
}

err hub_name_at(char **out, const char *name, const char *revision) {
    size_t n = hub_name_bytes(name);
    *out = NULL;
    if (!hub_is_name(name))
        return err_set(ERR_USAGE, "'%s' is no model name of a hub: it has no revision '%s'", name,
                       revision);
    if (!is_revision(revision)) return err_set(ERR_USAGE, "'%s' is no revision", revision);
    if (name[n] && strcmp(name + n + 1, revision) != 0)
        return err_set(ERR_USAGE, "model '%s' names its revision, and --revision '%s' another",
                       name, revision);
    return mem_printf(out, "%.*s@%s", (int)n, name, revision);
}

/* "org/name" -> "models--org--name" */
static err cache_name(char **out, const char *name) {
    const char *slash = strchr(name, '/');
    if (!slash) return mem_printf(out, "models--%s", name);
    return mem_printf(out, "models--%.*s--%s", (int)(slash - name), name, slash + 1);
}

static void hub_free(hub *h) {
    if (h->token) memset(h->token, 0, strlen(h->token));
    mem_free(h->name);
    mem_free(h->revision);
    mem_free(h->endpoint);
    mem_free(h->token);
    mem_free(h->cache);
    mem_free(h->folder);
    mem_free(h->lock_dir);
    mem_free(h->snapshot);
    *h = (hub){0};
}

static err hub_init(hub *h, const char *name, bool words_only) {
    char *below = NULL;
    size_t n = hub_name_bytes(name);
    *h = (hub){.words_only = words_only};
    if (!is_name(name, n))
        return err_set(ERR_USAGE,
                       "'%s' is no model name of the form NAME or ORG/NAME, with or without "
                       "@REVISION",
                       name);
    if (name[n] && !is_revision(name + n + 1))
        return err_set(ERR_USAGE, "'%s' is no revision", name + n + 1);
    err e;
    if ((e = mem_strndup(&h->name, name, n))) return e;
    if ((e = mem_strdup(&h->revision, name[n] ? name + n + 1 : "main"))) return e;
    if ((e = settings_hub_cache(&h->cache)) || (e = cache_name(&below, h->name))) goto done;
    if ((e = path_join(&h->folder, h->cache, below))) goto done;
    e = mem_printf(&h->lock_dir, "%s/.locks/%s", h->cache, below);
done:
    mem_free(below);
    return e;
}

static err set_commit(hub *h, const char *commit) {
    if (!hash_is_hex(commit, COMMIT_DIGITS))
        return err_set(ERR_FORMAT, "%s: '%s' is no commit", h->name, commit);
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
    if (hash_is_hex(h->revision, COMMIT_DIGITS)) return set_commit(h, h->revision);
    if ((e = mem_printf(&path, "%s/refs/%s", h->folder, h->revision))) return e;
    if (file_exists(path) && !(e = file_read((void **)&text, &count, path, 256))) {
        text[strcspn(text, "\r\n ")] = '\0';
        if (hash_is_hex(text, COMMIT_DIGITS)) e = set_commit(h, text);
    }
    mem_free(text);
    mem_free(path);
    return e;
}

/* Unless the cache knows it by this commit already: then nothing is written. */
static err write_ref(const hub *h, const char *known) {
    char *path;
    if (hash_is_hex(h->revision, COMMIT_DIGITS) || !strcmp(h->commit, known)) return ERR_OK;
    err e = mem_printf(&path, "%s/refs/%s", h->folder, h->revision);
    if (e) return e;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    e = folder_make(path);
    *slash = '/';
    if (!e) e = file_write(path, h->commit, COMMIT_DIGITS);
    mem_free(path);
    if (e != ERR_IO) return e;
    // the model is in hand: a cache that cannot be written merely forgets what its branch is
    log_warn_here("the cache does not remember revision '%s': %s", h->revision, err_message(e));
    err_clear();
    return ERR_OK;
}

static bool has_file(const void *user, const char *file) {
    const hub *h = user;
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", h->snapshot, file);
    return n > 0 && (size_t)n < sizeof path && file_exists(path);
}

/* What loaders need first of all that the snapshot lacks, owned; NULL when it is whole. */
static err find_missing(char **missing, const hub *h) {
    static const char index[] = "model.safetensors.index.json";
    const char *lacks = NULL;
    char *path;
    *missing = NULL;
    if (!h->snapshot || !folder_exists(h->snapshot))
        lacks = "all of it";
    else if (!has_file(h, "config.json"))
        lacks = "config.json";
    else if (!has_file(h, "vocab.txt") && !has_file(h, "tokenizer.json"))
        lacks = "vocab.txt or tokenizer.json";
    else if (!h->words_only && !has_file(h, "model.safetensors") && !has_file(h, index))
        lacks = "model.safetensors";
    if (lacks) return mem_strdup(missing, lacks);
    if (h->words_only || has_file(h, "model.safetensors")) return ERR_OK;
    err e = path_join(&path, h->snapshot, index);
    if (e) return e;
    e = hub__index_missing(missing, path, has_file, h);
    mem_free(path);
    return e;
}

/* What a hub that says no means by it. */
static err refusal(const hub *h, const fetch_reply *reply) {
    const char *code = reply->error_code ? reply->error_code : "";
    if (!strcmp(code, "RevisionNotFound"))
        return err_set(ERR_USAGE, "%s: model '%s' has no revision '%s'", h->shown, h->name,
                       h->revision);
    if (!strcmp(code, "GatedRepo"))
        return err_set(ERR_USAGE, "%s: model '%s' is gated: ask for access on its page, then %s",
                       h->shown, h->name,
                       h->token ? "let the token in use read it"
                                : "name a token with HF_TOKEN (or log in with `hf auth login`)");
    return err_set(ERR_USAGE,
                   "%s has no model '%s' at revision '%s', or it is closed to you (it answers "
                   "%ld%s)",
                   h->shown, h->name, h->revision, reply->status,
                   h->token ? "" : "; a closed one needs HF_TOKEN");
}

/* "refs/pr/1" -> "refs%2Fpr%2F1": one part of an address. */
static err add_revision(strbuf *url, const char *revision) {
    err e = ERR_OK;
    for (const char *c = revision; *c && !e; c++)
        e = *c == '/' ? strbuf_add(url, "%2F") : strbuf_add_bytes(url, c, 1);
    return e;
}

/* Asks for the files of the model; sets the commit. */
static err ask_listing(hub *h, hub__listing *listing) {
    strbuf url = {0};
    char where[HTTP_SHOWN_BYTES];
    fetch_reply reply = {0};
    err e = strbuf_printf(&url, "%s/api/models/%s/revision/", h->endpoint, h->name);
    if (!e) e = add_revision(&url, h->revision);
    if (e) goto done;
    http__shown(where, url.text);
    if ((e = fetch_ask(&reply, url.text, h->token, false, LISTING_LIMIT_BYTES, &h->patience)))
        goto done;
    if (reply.status == 401 || reply.status == 403 || reply.status == 404) {
        e = refusal(h, &reply);
    } else if (reply.status != 200) {
        e = err_set(ERR_SERVER, "%s: the server answers %ld", where, reply.status);
    } else {
        e = hub__listing_read(listing, reply.body, reply.body_bytes, h->words_only, where);
        if (!e) e = set_commit(h, listing->commit);
    }
done:
    fetch_reply_free(&reply);
    strbuf_free(&url);
    return e;
}

/* The SHA-1 that git gives a file, in one pass over it. */
static err git_hash(char hex[2 * SHA1_DIGEST_SIZE + 1], const char *path) {
    char head[32];
    uint8_t digest[SHA1_DIGEST_SIZE], piece[1 << 16];
    struct sha1_ctx ctx;
    uint64_t bytes;
    size_t count;
    void *f = NULL;
    err e = file_open_stream(&f, &bytes, path);
    if (e) return e;
    int n = snprintf(head, sizeof head, "blob %llu", (unsigned long long)bytes);
    sha1_init(&ctx);
    sha1_update(&ctx, (size_t)n + 1, (const uint8_t *)head);
    while ((count = fread(piece, 1, sizeof piece, f))) sha1_update(&ctx, count, piece);
    bool failed = ferror((FILE *)f) != 0;
    fclose(f);
    if (failed) return err_set(ERR_IO, "%s: cannot read", path);
    sha1_digest(&ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return ERR_OK;
}

/* A file's etag is that hash, where it is not the SHA-256 of large files. */
static err check_git_hash(const char *path, const char *etag) {
    char hex[2 * SHA1_DIGEST_SIZE + 1];
    err e = git_hash(hex, path);
    if (e || !strcmp(hex, etag)) return e;
    file_drop(path);
    return err_set(ERR_DATA, "%s: its git hash is %s, the hub says %s", path, hex, etag);
}

/* Makes snapshots/<commit>/<file> a link to the blob, in one step. */
static err link_file(const hub *h, const char *file, const char *etag) {
    char *target = NULL, link[PATH_MAX];
    err e;
    if ((e = folder_make(h->snapshot))) return e;
    if ((e = mem_printf(&target, "../../blobs/%s", etag))) return e;
    if (!(e = path_in(link, h->snapshot, file))) e = file_link(target, link);
    mem_free(target);
    return e;
}

static err fetch_blob(const hub *h, const char *file, const char *url, const fetch_reply *head) {
    char *blob = NULL, *part = NULL, *lock = NULL;
    bool is_sha256 = hash_is_hex(head->etag, 64);
    const char *end = strrchr(file, '.');
    bool is_weights = end && !strcmp(end, ".safetensors");
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
                       .most_bytes = is_weights ? 0 : SMALL_FILE_BYTES,
                       .sha256 = is_sha256 ? head->etag : NULL,
                       .resumable = true,
                       .token = h->token,
                       .patience = h->patience};
    if ((e = fetch_file(&r))) goto done;
    if (!there && hash_is_hex(head->etag, COMMIT_DIGITS)) e = check_git_hash(blob, head->etag);
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
    if (head.status == 401 || head.status == 403) {
        e = refusal(h, &head);
    } else if (head.status >= 400) {
        e = err_set(ERR_SERVER, "%s: the server answers %ld", http__shown(where, url), head.status);
    } else if (!head.etag || !hub__is_word(head.etag, strlen(head.etag))) {
        e = err_set(ERR_SERVER, "%s: the server names no usable etag", http__shown(where, url));
    } else {
        e = fetch_blob(h, file, url, &head);
    }
done:
    fetch_reply_free(&head);
    mem_free(url);
    return e;
}

static err check_listing(const hub *h, const hub__listing *l) {
    if (!l->has_config)
        return err_set(ERR_UNSUPPORTED, "%s: the model has no config.json", h->name);
    if (h->words_only || l->has_weights || l->has_index) return ERR_OK;
    return err_set(
        ERR_UNSUPPORTED,
        "%s: the model has no model.safetensors%s; convert it and name the folder instead: "
        "python3 -c 'from transformers import AutoModel, AutoTokenizer; n = \"%s\"; "
        "AutoModel.from_pretrained(n).save_pretrained(\"converted\"); "
        "AutoTokenizer.from_pretrained(n).save_pretrained(\"converted\")'",
        h->name, l->has_pickle ? " (only pytorch_model.bin, and pickle files are never read)" : "",
        h->name);
}

static err fetch_model(hub *h) {
    hub__listing listing = {0};
    char known[COMMIT_DIGITS + 1], *missing = NULL;
    memcpy(known, h->commit, sizeof known);
    err e = settings_endpoint(&h->endpoint);
    if (e || (e = settings_token(&h->token))) return e;
    http__shown(h->shown, h->endpoint);
    if ((e = ask_listing(h, &listing)) || (e = check_listing(h, &listing))) goto done;
    for (size_t i = 0; i < listing.count; i++)
        if ((e = fetch_hub_file(h, listing.files[i]))) goto done;
    if ((e = find_missing(&missing, h))) goto done;
    e = missing
            ? err_set(ERR_DATA, "%s: %s offers the model without %s", h->name, h->shown, missing)
            : write_ref(h, known);
done:
    mem_free(missing);
    hub__listing_free(&listing);
    return e;
}

static err not_whole(const hub *h, const char *missing, const char *forbidden) {
    return err_set(ERR_NETWORK,
                   "model '%s' (revision %s) is not whole in %s (%s is missing), and %s forbids to "
                   "fetch it",
                   h->name, h->revision, h->cache, missing, forbidden);
}

/* A copy in the cache stands in for a hub that cannot be reached, and for a newer commit that the
 * cache cannot take: without leave to write, or full. */
static err take_copy(hub *h, err e, const char *known) {
    if (e != ERR_NETWORK && e != ERR_SERVER && e != ERR_IO) return e;
    log_warn_here("%s; taking the copy in the cache", err_message(e));
    return set_commit(h, known);
}

static err find_or_fetch(char **folder, const char *name, bool words_only, bool offline) {
    hub h;
    char *missing = NULL, known[COMMIT_DIGITS + 1];
    const char *forbidden = settings_offline(offline);
    *folder = NULL;
    err e = hub_init(&h, name, words_only);
    if (e || (e = read_ref(&h)) || (e = find_missing(&missing, &h))) goto done;
    // a commit never changes; of a branch the hub is asked whether it moved
    if (!missing && (forbidden || hash_is_hex(h.revision, COMMIT_DIGITS))) goto done;
    if (forbidden) {
        e = not_whole(&h, missing, forbidden);
        goto done;
    }
    h.patience.tries = missing ? PATIENT_TRIES : HASTY_TRIES;
    memcpy(known, h.commit, sizeof known);
    e = fetch_model(&h);
    if (e && !missing) {
        e = take_copy(&h, e, known);
    } else if (e == ERR_NETWORK) {
        e = err_set(e,
                    "%s; without a network, %sbring a cache along (HF_HOME) and set "
                    "HF_HUB_OFFLINE=1; %s, a mirror with HF_ENDPOINT",
                    err_message(e), err_advice("model", "name a folder with --model DIR, or "),
                    settings_network_hint());
    }
done:
    if (!e) {
        *folder = h.snapshot;
        h.snapshot = NULL;
    }
    mem_free(missing);
    hub_free(&h);
    return e;
}

/* A folder's name with a slip in it has the form of a hub's name, too: that it was taken for one
 * stands before all that the hub says, and before a download where its first folder is here. */
static err find_named(char **folder, const char *name, bool words_only, bool offline) {
    static const char taken_as[] = "no folder %s here: taken as a name of the hub";
    char *first = NULL;
    const char *slash = strchr(name, '/');
    err e = slash ? mem_strndup(&first, name, (size_t)(slash - name)) : ERR_OK;
    if (!e && first && folder_exists(first)) log_note(taken_as, name);
    if (!e) e = find_or_fetch(folder, name, words_only, offline);
    if (first && e != ERR_INTERRUPTED && e != ERR_MEMORY) e = err_wrap(e, taken_as, name);
    mem_free(first);
    return e;
}

err hub_model(char **folder, const char *name, bool offline) {
    return find_named(folder, name, false, offline);
}

err hub_tokenizer(char **folder, const char *name, bool offline) {
    return find_named(folder, name, true, offline);
}
