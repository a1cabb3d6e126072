#include "net/fetch.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/outside.h"
#include "base/shown.h"
#include "net/http_internal.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "platform/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES = 5,
    FIRST_WAIT_MS = 1000,
    WAIT_MAX_MS = 60000,
    STALL_SECONDS = 30,
    LOWEST_RATE = 8192, // bytes a second: 400 MB take 14 hours
    GRACE_MS = 60000,
    TOTAL_MS = 600000,
    NOTE_MS = 60000,
    ATTEMPTS_MAX = 1000, // however much each one brings
    SPARE_BYTES = 1 << 20
};

static fetch_patience patience_of(const fetch_patience *p) {
    fetch_patience full = p ? *p : (fetch_patience){0};
    if (!full.tries) full.tries = TRIES;
    if (!full.first_wait_ms) full.first_wait_ms = FIRST_WAIT_MS;
    if (!full.stall_seconds) full.stall_seconds = STALL_SECONDS;
    if (!full.lowest_rate) full.lowest_rate = LOWEST_RATE;
    if (!full.grace_ms) full.grace_ms = GRACE_MS;
    if (!full.total_ms) full.total_ms = TOTAL_MS;
    if (!full.note_ms) full.note_ms = NOTE_MS;
    return full;
}

/* Tries of what failed with e. Where a name has no address there is no network, most likely: seen
 * twice in a row, it is not waited for any more, until anything was reached. */
static unsigned tries_of(const fetch_patience *p, const http__call *c, err e) {
    static _Thread_local bool is_offline;
    bool was_offline = is_offline;
    is_offline = e && c->unresolved;
    return was_offline && is_offline ? 1 : p->tries;
}

static void wait_ms(uint64_t ms) {
    double end = clock_seconds() + (double)ms / 1000;
    outside_begin();
    for (double left; (left = end - clock_seconds()) > 0;) clock_pause(left);
    outside_end();
}

/* Waits before try number `again` (from 1). The server's own wish counts, up to the longest
 * wait. */
static void wait_before(const fetch_patience *p, unsigned again, unsigned retry_after,
                        const char *why) {
    uint64_t ms = p->first_wait_ms;
    for (unsigned i = 1; i < again && ms < WAIT_MAX_MS; i++) ms *= 2;
    if ((uint64_t)retry_after * 1000 > ms) ms = (uint64_t)retry_after * 1000;
    if (ms > WAIT_MAX_MS) ms = WAIT_MAX_MS;
    log_note("%s; trying again in %.1f s", why, (double)ms / 1000);
    wait_ms(ms);
}

typedef struct collected {
    strbuf body;
    size_t limit;
} collected;

static err collect(http__call *c, const char *bytes, size_t count) {
    collected *into = c->user;
    if (into->body.length + count > into->limit) {
        char shown[HTTP_SHOWN_BYTES];
        return err_set(ERR_FORMAT, "%s: an answer of more than %zu bytes",
                       http__shown(shown, c->url), into->limit);
    }
    return strbuf_add_bytes(&into->body, bytes, count);
}

static err take_reply(fetch_reply *reply, http__call *c, collected *into) {
    reply->status = c->status;
    reply->etag = c->etag;
    reply->commit = c->commit;
    reply->error_code = c->error_code;
    c->etag = c->commit = c->error_code = NULL;
    reply->linked_bytes = c->linked_bytes        ? c->linked_bytes
                          : c->content_bytes > 0 ? (uint64_t)c->content_bytes
                                                 : 0;
    err e = strbuf_add_bytes(&into->body, "", 0); // an empty body is a terminated one
    if (e) return e;
    reply->body = into->body.text;
    reply->body_bytes = into->body.length;
    into->body = (strbuf){0};
    return ERR_OK;
}

/* On a terminal, where nothing moves otherwise. */
static void show_waiting(http__call *c) {
    char shown[HTTP_SHOWN_BYTES];
    double seconds = clock_seconds() - c->begin;
    if (seconds > 1) log_progress("waiting for %s: %.0f s", http__shown(shown, c->url), seconds);
}

err fetch_ask(fetch_reply *reply, const char *url, const char *token, bool head_only,
              size_t limit_bytes, const fetch_patience *patience) {
    fetch_patience p = patience_of(patience);
    char shown[HTTP_SHOWN_BYTES];
    *reply = (fetch_reply){0};
    for (unsigned again = 1;; again++) {
        collected into = {.limit = limit_bytes};
        http__call c = {.url = url,
                        .token = token,
                        .head_only = head_only,
                        .stall_seconds = p.stall_seconds,
                        .lowest_rate = p.lowest_rate,
                        .grace_ms = p.grace_ms,
                        .body = collect,
                        .progress = show_waiting,
                        .user = &into};
        err e = http__run(&c);
        unsigned tries = tries_of(&p, &c, e);
        log_progress_end();
        bool passing = e ? c.passing : http__is_passing(c.status);
        if (!e && passing)
            e = err_set(ERR_NETWORK, "%s: the server answers %ld", http__shown(shown, url),
                        c.status);
        if (!e) e = take_reply(reply, &c, &into);
        unsigned retry_after = c.retry_after;
        http__free(&c);
        strbuf_free(&into.body);
        if (!e || !passing || again >= tries) return e;
        wait_before(&p, again, retry_after, err_message(e));
    }
}

void fetch_reply_free(fetch_reply *reply) {
    mem_free(reply->body);
    mem_free(reply->etag);
    mem_free(reply->commit);
    mem_free(reply->error_code);
    *reply = (fetch_reply){0};
}

/* A download in progress. */
typedef struct download {
    const fetch_request *request;
    const char *name;
    char shown[HTTP_SHOWN_BYTES]; // the url in messages
    char *part_path, *lock_path;  // owned
    int part, lock;               // file descriptors, -1 when closed
    uint64_t have;                // bytes of the part file
    uint64_t total;               // expected in all, 0 when not known
    bool answer_checked;          // of the running call
    bool fresh;                   // nothing of an earlier run is in the part file
    double begin, drawn, noted;   // seconds
    double note_seconds;
    uint64_t begin_bytes;
} download;

static err part_error(const download *d) {
    return err_set(ERR_IO, "%s: cannot write: %s", d->part_path, strerror(errno));
}

static err restart_part(download *d) {
    if (!stream_cut(d->part, 0)) return part_error(d);
    d->have = 0;
    d->fresh = true;
    return ERR_OK;
}

static err wrong_size(const download *d, uint64_t offered) {
    return err_set(ERR_DATA, "%s: the server offers %llu bytes, %llu are expected", d->shown,
                   (unsigned long long)offered, (unsigned long long)d->request->bytes);
}

/* No server fills the disk: what it says counts as little as what it sends. */
static err check_most(const download *d, uint64_t bytes) {
    uint64_t most = d->request->most_bytes ? d->request->most_bytes : (uint64_t)16 << 30;
    if (bytes <= most) return ERR_OK;
    return err_set(ERR_DATA, "%s: a file of %llu bytes or more, at most %llu are taken", d->shown,
                   (unsigned long long)bytes, (unsigned long long)most);
}

/* Looks at the head of the answer whose body begins: is it the file, whole or from where we are? */
static err check_answer(download *d, const http__call *c) {
    uint64_t wanted = d->request->bytes;
    err e = ERR_OK;
    d->answer_checked = true;
    if (c->status == 206) {
        if (c->range_start < 0 || (uint64_t)c->range_start != d->have) {
            return err_set(ERR_SERVER, "%s: asked for bytes from %llu, the answer begins at %lld",
                           d->shown, (unsigned long long)d->have, (long long)c->range_start);
        }
        if (c->range_total > 0) d->total = (uint64_t)c->range_total;
    } else {
        // the server does not do ranges: all of it, from the start
        if (d->have && (e = restart_part(d))) return e;
        if (c->content_bytes >= 0) d->total = (uint64_t)c->content_bytes;
    }
    if (wanted && d->total && d->total != wanted) return wrong_size(d, d->total);
    if (wanted) d->total = wanted;
    return check_most(d, d->total);
}

static err take_body(http__call *c, const char *bytes, size_t count) {
    download *d = c->user;
    if (c->status != 200 && c->status != 206) return ERR_OK; // the page of an error: not kept
    err e = d->answer_checked ? ERR_OK : check_answer(d, c);
    if (e) return e;
    if (d->request->bytes && d->have + count > d->request->bytes)
        return wrong_size(d, d->have + count);
    if ((e = check_most(d, d->have + count))) return e;
    size_t written = stream_write(d->part, bytes, count);
    d->have += written;
    return written == count ? ERR_OK : part_error(d);
}

static void show_progress(http__call *c) {
    enum { BAR = 24 };
    download *d = c->user;
    double now = clock_seconds();
    if (now - d->drawn < 0.1) return;
    d->drawn = now;
    double seconds = now - d->begin, have = (double)d->have, total = (double)d->total;
    // what the first moments bring tells no rate
    double rate = seconds > 1 ? (double)(d->have - d->begin_bytes) / seconds : 0;
    char speed[48] = "", left[LOG_DURATION_BYTES], bar[BAR + 1] = "";
    if (rate > 0) snprintf(speed, sizeof speed, "  %.1f MB/s", rate / 1e6);
    if (!d->total) {
        log_progress("%.1f MB%s  %s", have / 1e6, speed, d->name);
        return;
    }
    size_t filled = (size_t)(have / total * BAR);
    for (size_t i = 0; i < BAR; i++) bar[i] = i < filled ? '#' : '.';
    if (rate > 0)
        log_progress("%.1f of %.1f MB  %s left  %s%s  [%s]", have / 1e6, total / 1e6,
                     log_duration(left, (total - have) / rate), d->name, speed, bar);
    else
        log_progress("%.1f of %.1f MB  %s  [%s]", have / 1e6, total / 1e6, d->name, bar);
}

/* Progress on a terminal, and a note now and then where there is none. */
static void watch(http__call *c) {
    download *d = c->user;
    double now = clock_seconds();
    show_progress(c);
    if (log_is_terminal() || now - d->noted < d->note_seconds) return;
    d->noted = now;
    if (d->total)
        log_note("%s: %.1f of %.1f MB so far", d->name, (double)d->have / 1e6,
                 (double)d->total / 1e6);
    else
        log_note("%s: %.1f MB so far", d->name, (double)d->have / 1e6);
}

static err refused(const download *d, long status) {
    bool asked_with_token = d->request->token != NULL;
    const char *why = status == 404   ? ": there is no such file"
                      : status == 401 ? asked_with_token ? ": the token is not accepted"
                                                         : ": it wants a login, and none is known"
                      : status == 403
                          ? asked_with_token ? ": the token may not read it" : ": access is denied"
                          : "";
    return err_set(http__is_passing(status) ? ERR_NETWORK : ERR_SERVER,
                   "%s: the server answers %ld%s", d->shown, status, why);
}

/* What is left to do once an answer came to its end: *done when the part file is whole. */
static err judge(download *d, const http__call *c, bool *done, bool *passing) {
    *passing = http__is_passing(c->status);
    if (c->status == 416 && d->have) {
        // nothing lies behind our end: whole, or not this file at all
        if (d->request->bytes && d->have == d->request->bytes) {
            *done = true;
            return ERR_OK;
        }
        *passing = true;
        err e = restart_part(d);
        return e ? e
                 : err_set(ERR_NETWORK, "%s: what an earlier download left does not fit", d->shown);
    }
    if (c->status != 200 && c->status != 206) return refused(d, c->status);
    if (!d->answer_checked) { // no body at all
        err e = check_answer((download *)d, c);
        if (e) return e;
    }
    if (d->total && d->have < d->total) {
        *passing = true;
        return err_set(ERR_NETWORK, "%s: the connection ended at byte %llu of %llu", d->shown,
                       (unsigned long long)d->have, (unsigned long long)d->total);
    }
    *done = true;
    return ERR_OK;
}

/* Asks until the part file is whole, or patience ends. */
static err receive(download *d) {
    const fetch_request *r = d->request;
    fetch_patience p = patience_of(&r->patience);
    unsigned fruitless = 0;
    double begin = clock_seconds();
    uint64_t begin_bytes = d->have;
    d->noted = begin;
    d->note_seconds = p.note_ms / 1e3;
    for (unsigned attempt = 0;; attempt++) {
        if (r->bytes && d->have == r->bytes) return ERR_OK;
        uint64_t before = d->have;
        bool done = false, passing = false;
        http__call c = {.url = r->url,
                        .token = r->token,
                        .offset = d->have,
                        .stall_seconds = p.stall_seconds,
                        .lowest_rate = p.lowest_rate,
                        .grace_ms = p.grace_ms,
                        .body = take_body,
                        .progress = watch,
                        .user = d};
        d->answer_checked = false;
        err e = http__run(&c);
        unsigned tries = tries_of(&p, &c, e);
        if (d->have > begin_bytes) tries = p.tries; // there was a network a moment ago
        passing = c.passing;
        if (!e) e = judge(d, &c, &done, &passing);
        unsigned retry_after = c.retry_after;
        http__free(&c);
        log_progress_end();
        if (done || !passing) return e;
        double now = clock_seconds(), least = (now - c.begin) * p.lowest_rate;
        // an attempt that was slower than is worth waiting for brought nothing that counts
        bool fruitful = d->have > before && (double)(d->have - before) >= least;
        fruitless = fruitful ? 1 : fruitless + 1;
        if (fruitless >= tries || attempt == ATTEMPTS_MAX) return e;
        uint64_t brought = d->have > begin_bytes ? d->have - begin_bytes : 0;
        if (now - begin > p.total_ms / 1e3 + (double)brought / p.lowest_rate)
            return err_set(ERR_NETWORK, "%s; given up after %.0f s", err_message(e), now - begin);
        wait_before(&p, fruitless, retry_after, err_message(e));
    }
}

static err check_disk(const download *d) {
    uint64_t spare, need = d->request->bytes > d->have ? d->request->bytes - d->have : 0;
    char *folder;
    const char *slash = strrchr(d->part_path, '/');
    err e = slash ? mem_strndup(&folder, d->part_path, (size_t)(slash - d->part_path) + 1)
                  : mem_strdup(&folder, ".");
    if (e) return e;
    e = folder_free_bytes(&spare, folder);
    if (!e && spare < need + SPARE_BYTES)
        e = err_set(ERR_IO, "%s: %s are needed, %s are free", folder, SHOWN_SIZE(need),
                    SHOWN_SIZE(spare));
    mem_free(folder);
    return e;
}

static err make_folder_of(const char *path) {
    char *folder = NULL;
    err e = path_folder(&folder, path);
    if (!e)
        e = err_wrap(folder_make(folder),
                     "no place for what is fetched (XDG_CACHE_HOME names another)");
    mem_free(folder);
    return e;
}

static err take_lock(download *d) {
    err e = make_folder_of(d->lock_path);
    if (e) return e;
    if ((e = file_open_own(&d->lock, d->lock_path))) return e;
    if (lock_take_download(d->lock, false)) return ERR_OK;
    log_note("another program is fetching %s; waiting for it", d->name);
    outside_begin();
    bool done = lock_take_download(d->lock, true);
    outside_end();
    return done ? ERR_OK : err_set(ERR_IO, "%s: cannot lock: %s", d->lock_path, strerror(errno));
}

static err open_part(download *d) {
    const fetch_request *r = d->request;
    err e = make_folder_of(d->part_path);
    if (e || (e = make_folder_of(r->path))) return e;
    // a link that somebody left there would lead the download elsewhere, a pipe would hold it
    if ((e = file_open_own(&d->part, d->part_path))) return e;
    if (!stream_bytes(&d->have, d->part)) return part_error(d);
    d->fresh = d->have == 0;
    bool vouched = r->sha256 || r->git_blob || r->resumable;
    if (d->have && (!vouched || (r->bytes && d->have > r->bytes))) return restart_part(d);
    if (!stream_cut(d->part, (int64_t)d->have)) return part_error(d);
    if (d->have) log_note("%s: going on after %.1f MB", d->name, (double)d->have / 1e6);
    return ERR_OK;
}

/* Compares the part file with what is expected; a wrong one is removed. */
static err check_part(download *d) {
    const fetch_request *r = d->request;
    char hex[HASH_HEX_BYTES];
    err e = ERR_OK;
    if (r->bytes && d->have != r->bytes)
        e = wrong_size(d, d->have);
    else if (r->sha256 && !(e = hash_file_hex(d->part_path, hex)) && strcmp(hex, r->sha256))
        e = err_set(ERR_DATA, "%s: SHA-256 is %s, %s is expected", d->shown, hex, r->sha256);
    if (!e && r->git_blob && !(e = hash_blob_hex(d->part_path, hex)) && strcmp(hex, r->git_blob))
        e = err_set(ERR_DATA, "%s: its git blob id is %s, %s is expected", d->shown, hex,
                    r->git_blob);
    return e;
}

static err place(download *d) {
    return file_rename_durable(d->part_path, d->request->path);
}

/* With the lock held: receive, check, and once more from the start if a resumed file is wrong. */
static err complete(download *d) {
    err e;
    if ((e = check_most(d, d->request->bytes))) return e;
    if ((e = open_part(d)) || (e = check_disk(d))) return e;
    d->begin = clock_seconds();
    d->begin_bytes = d->have;
    if ((e = receive(d))) goto failed;
    if ((e = check_part(d)) == ERR_DATA && !d->fresh) {
        log_note("%s: what an earlier download left was wrong; starting over", d->name);
        if ((e = restart_part(d))) return e;
        d->begin_bytes = 0;
        if ((e = receive(d))) goto failed;
        e = check_part(d);
    }
    if (!e) return place(d);
failed:
    // bytes that are wrong help no later try; bytes that are merely too few do
    if (e == ERR_DATA) file_drop(d->part_path);
    return e;
}

static bool is_there(const fetch_request *r) {
    uint64_t bytes;
    if (!file_exists(r->path)) return false;
    return !r->bytes || (!file_size(&bytes, r->path) && bytes == r->bytes);
}

err fetch_file(const fetch_request *r) {
    download d = {.request = r, .part = -1, .lock = -1};
    err e;
    d.name = r->name ? r->name : path_name(r->path);
    http__shown(d.shown, r->url);
    if (is_there(r)) return ERR_OK;
    e = r->part_path ? mem_strdup(&d.part_path, r->part_path)
                     : mem_printf(&d.part_path, "%s.part", r->path);
    if (e) goto done;
    e = r->lock_path ? mem_strdup(&d.lock_path, r->lock_path)
                     : mem_printf(&d.lock_path, "%s.lock", r->path);
    if (e || (e = take_lock(&d))) goto done;
    // whoever held the lock may have brought it
    if (!is_there(r)) e = complete(&d);
done:
    if (d.part >= 0) stream_close(d.part);
    if (d.lock >= 0) stream_close(d.lock); // and with it the lock
    mem_free(d.part_path);
    mem_free(d.lock_path);
    return e;
}
