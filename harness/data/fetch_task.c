#include "data/fetch_task.h"
#include "data/data_internal.h"
#include "net/fetch.h"
#include "net/settings.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/places.h"

#include <string.h>

/* True when the file lies in a folder that the user named (--data, $HARNESS_DATA): what stands there
 * may be the only one of its kind. What is in the cache is this program's. */
static bool is_users_own(const char *path, const dataset_options *o) {
    const char *set = environment("HARNESS_DATA");
    return o->data_dir || (set && !strncmp(path, set, strlen(set)));
}

/* ERR_DATA when the file differs from the manifest. */
static err check_file(const task_file *f, const char *path) {
    uint64_t bytes;
    char hex[HASH_HEX_BYTES];
    err e = file_size(&bytes, path);
    if (e) return e;
    if (f->bytes && bytes != f->bytes) {
        return err_set(ERR_DATA, "%s: %llu bytes, the manifest expects %llu", path,
                       (unsigned long long)bytes, (unsigned long long)f->bytes);
    }
    if (f->git_blob && (e = dataset_check_blob(f, path))) return e;
    if (!f->sha256 || (e = hash_file_hex(path, hex))) return e;
    if (!strcmp(hex, f->sha256)) return ERR_OK;
    return err_set(ERR_DATA, "%s: SHA-256 is %s, the manifest expects %s", path, hex, f->sha256);
}

/* A file that is not here, and why it is not fetched. */
static err refuse(const task *t, const task_file *f, const dataset_options *o,
                  const char *forbidden) {
    char *absent = NULL;
    err e = dataset_absent(&absent, t, f, o);
    if (!e && forbidden)
        e = err_set(ERR_NETWORK, "%s, and %s forbids to fetch it; put it there%s%s", absent,
                    forbidden, err_advice("data", ", name its place with --data DIR"),
                    err_advice("sample", ", or try --sample"));
    else if (!e)
        e = err_set(ERR_DATA, "%s, and its manifest %s names no url", absent, t->path);
    mem_free(absent);
    return e;
}

/* into: where it is received; path, or a place beside a file that it is to replace. */
static err fetch_into(const char *into, const task *t, const task_file *f, const char *path,
                      const dataset_options *o, bool offline) {
    const char *forbidden = settings_offline(offline);
    if (forbidden || !f->url) return refuse(t, f, o, forbidden);
    fetch_request r = {.url = f->url,
                       .path = into,
                       .bytes = f->bytes,
                       .sha256 = f->sha256,
                       .git_blob = f->git_blob};
    err e = fetch_file(&r);
    if (e == ERR_NETWORK) {
        e = err_set(e, "%s; if the network is not there%s%s; %s", err_message(e),
                    err_advice("sample", ", try --sample"),
                    err_advice("data", ", name the data with --data DIR"), settings_network_hint());
    }
    if (e) return e;
    log_note("%s: fetched%s", path,
             f->sha256 || f->git_blob ? "" : " (the manifest states no SHA-256: not checked)");
    return ERR_OK;
}

/* What is there stays until all of the new file is. */
static err fetch_anew(const task *t, const task_file *f, const char *path, const dataset_options *o,
                      bool offline) {
    char *fresh = NULL;
    err e = mem_printf(&fresh, "%s.new", path);
    if (!e) e = fetch_into(fresh, t, f, path, o, offline);
    if (!e) e = file_rename_durable(fresh, path);
    mem_free(fresh);
    return e;
}

static err fetch_or_check(const task *t, const task_file *f, const char *path,
                          const dataset_options *o, bool offline, bool check) {
    if (file_exists(path)) {
        if (!check) return ERR_OK;
        err e = check_file(f, path);
        if (!e) log_note("%s: there already, and good", path);
        if (e == ERR_DATA && is_users_own(path, o) && f->url)
            return err_set(e, "%s; move it away, and it is fetched anew", err_message(e));
        if (e != ERR_DATA || settings_offline(offline) || !f->url) return e;
        log_note("%s; fetching it anew", err_message(e));
        return fetch_anew(t, f, path, o, offline);
    }
    if (data__is_placed(f, o)) return data__moved(t, f, path);
    return fetch_into(path, t, f, path, o, offline);
}

err fetch_task_file(const task *t, const task_file *f, const dataset_options *options, bool offline,
                    bool check) {
    const dataset_options o = options ? *options : (dataset_options){0};
    char *path;
    if (o.sample || (o.data_dir && !check) || (o.without_test && f->role == TASK_ROLE_TEST))
        return ERR_OK;
    err e = dataset_path(&path, t, f, &o);
    if (e) return e;
    e = fetch_or_check(t, f, path, &o, offline, check);
    mem_free(path);
    return e;
}

err fetch_task(const task *t, const dataset_options *options, bool offline, bool check) {
    err e = ERR_OK;
    for (size_t i = 0; i < t->file_count && !e; i++)
        e = fetch_task_file(t, &t->files[i], options, offline, check);
    return e;
}
