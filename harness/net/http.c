#include "net/fetch.h"
#include "net/http_internal.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/settings.h"
#include "platform/thread.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REDIRECTS_MAX = 10, CONNECT_SECONDS = 20, RETRY_AFTER_MAX = 86400 };

static once_only started = ONCE_ONLY;
static CURLcode start_result;

static void start(void) {
    start_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool http__is_passing(long status) {
    static const long statuses[] = {408, 425, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (status == statuses[i]) return true;
    return false;
}

const char *http__shown(char buffer[HTTP_SHOWN_BYTES], const char *url) {
    const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *rest = host;
    for (const char *c = host; c < host + authority; c++)
        if (*c == '@') rest = c + 1;
    size_t end = strcspn(rest, "?#"), n = 0;
    for (const char *c = url; c < rest + end && n + 8 < HTTP_SHOWN_BYTES; c++) {
        if (c == host) c = rest; // user and password stay out
        if (c == rest + end) break;
        if (ascii_is_graphic(*c))
            buffer[n++] = *c;
        else
            n += (size_t)snprintf(buffer + n, 4, "%%%02X", (unsigned char)*c);
    }
    snprintf(buffer + n, HTTP_SHOWN_BYTES - n, "%s", rest[end] ? "?..." : "");
    return buffer;
}

bool url_is_local(const char *url) {
    static const char *const starts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t n = strlen(starts[i]);
        if (strncmp(url, starts[i], n)) continue;
        const char *rest = url + n;
        // digits alone: in http://localhost:80@host/ the host is another one
        if (*rest == ':') rest += 1 + strspn(rest + 1, "0123456789");
        if (!*rest || *rest == '/') return true;
    }
    return false;
}

static bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Faults of the line or the other side that may be gone a second later. */
static bool is_passing_fault(CURLcode code) {
    static const CURLcode codes[] = {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
                                     CURLE_OPERATION_TIMEDOUT,   CURLE_PARTIAL_FILE,
                                     CURLE_GOT_NOTHING,          CURLE_SEND_ERROR,
                                     CURLE_RECV_ERROR,           CURLE_HTTP2,
                                     CURLE_HTTP2_STREAM,         CURLE_SSL_CONNECT_ERROR,
                                     CURLE_COULDNT_RESOLVE_PROXY};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (code == codes[i]) return true;
    return false;
}

/* The value of a header line when its name is `name`, with its length; NULL otherwise. */
static const char *header_value(const char *line, size_t bytes, const char *name, size_t *count) {
    size_t n = strlen(name);
    if (bytes <= n || line[n] != ':' || !ascii_starts_fold(line, name)) return NULL;
    const char *from = line + n + 1, *to = line + bytes;
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && strchr(" \t\r\n", to[-1])) to--;
    *count = (size_t)(to - from);
    return from;
}

static err set_etag(http__call *c, const char *value, size_t count) {
    if (count >= 2 && !strncmp(value, "W/", 2)) {
        value += 2;
        count -= 2;
    }
    if (count >= 2 && value[0] == '"' && value[count - 1] == '"') {
        value++;
        count -= 2;
    }
    mem_free(c->etag);
    c->etag = NULL;
    return mem_strndup(&c->etag, value, count);
}

/* A whole number at the start of a value, or -1. */
static int64_t number_of(const char *value, size_t count) {
    int64_t n = -1;
    for (size_t i = 0; i < count && value[i] >= '0' && value[i] <= '9'; i++) {
        if (n > INT64_MAX / 10 - 10) return -1;
        n = (n < 0 ? 0 : n) * 10 + (value[i] - '0');
    }
    return n;
}

/* "bytes 100-199/200" */
static void set_range(http__call *c, const char *value, size_t count) {
    const char *slash = memchr(value, '/', count);
    if (count < 6 || !ascii_starts_fold(value, "bytes ") || !slash) return;
    c->range_start = number_of(value + 6, count - 6);
    c->range_total = number_of(slash + 1, count - (size_t)(slash + 1 - value));
}

static void forget_response(http__call *c) {
    c->content_bytes = c->range_start = c->range_total = -1;
    c->retry_after = 0;
}

/* What no header holds: it could act on a terminal that shows it, or split what is built of it. */
static err check_line(http__call *c, const char *line, size_t bytes) {
    char shown[HTTP_SHOWN_BYTES];
    c->header_bytes += bytes;
    if (c->header_bytes > HTTP_HEAD_BYTES)
        return err_set(ERR_SERVER, "%s: the head of the answer is longer than %d bytes",
                       http__shown(shown, c->url), HTTP_HEAD_BYTES);
    while (bytes && (line[bytes - 1] == '\r' || line[bytes - 1] == '\n')) bytes--;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)line[i];
        if ((byte < 32 && byte != '\t') || byte == 127)
            return err_set(ERR_SERVER,
                           "%s: a header of the answer holds a control character (0x%02x)",
                           http__shown(shown, c->url), byte);
    }
    return ERR_OK;
}

err http__header(http__call *c, const char *line, size_t bytes) {
    size_t n;
    const char *value;
    err e = check_line(c, line, bytes);
    if (e) return e;
    if (bytes >= 5 && !strncmp(line, "HTTP/", 5)) {
        forget_response(c);
    } else if ((value = header_value(line, bytes, "x-linked-etag", &n))) {
        e = set_etag(c, value, n);
        c->linked = true;
    } else if ((value = header_value(line, bytes, "etag", &n)) && !c->linked) {
        e = set_etag(c, value, n);
    } else if ((value = header_value(line, bytes, "x-linked-size", &n))) {
        int64_t size_there = number_of(value, n);
        c->linked_bytes = size_there > 0 ? (uint64_t)size_there : 0;
    } else if ((value = header_value(line, bytes, "x-repo-commit", &n)) && !c->commit) {
        e = mem_strndup(&c->commit, value, n);
    } else if ((value = header_value(line, bytes, "x-error-code", &n)) && !c->error_code) {
        e = mem_strndup(&c->error_code, value, n);
    } else if ((value = header_value(line, bytes, "content-length", &n))) {
        c->content_bytes = number_of(value, n);
    } else if ((value = header_value(line, bytes, "content-range", &n))) {
        set_range(c, value, n);
    } else if ((value = header_value(line, bytes, "retry-after", &n))) {
        int64_t seconds = number_of(value, n);
        c->retry_after = seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX
                         : seconds > 0             ? (unsigned)seconds
                                                   : 0;
    }
    return e;
}

static size_t on_header(char *line, size_t size, size_t count, void *user) {
    http__call *c = user;
    c->body_error = http__header(c, line, size * count);
    return c->body_error ? 0 : size * count;
}

/* libcurl hands callbacks one pointer: the call with its handle. */
typedef struct exchange {
    http__call *call;
    CURL *curl;
    settings_trust trust;
} exchange;

static size_t on_body(char *bytes, size_t size, size_t count, void *user) {
    exchange *x = user;
    http__call *c = x->call;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &c->status);
    if (is_redirect(c->status)) return size * count;
    c->got_bytes += size * count;
    c->body_error = c->body(c, bytes, size * count);
    return c->body_error ? 0 : size * count;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now) {
    http__call *c = user;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    if (c->progress) c->progress(c);
    // the deadline: what came so far may have taken so long and no longer
    double most = c->grace_ms / 1e3 + (double)c->got_bytes / c->lowest_rate;
    c->too_slow = clock_seconds() - c->begin > most;
    return c->too_slow;
}

static bool set_options(exchange *x, const char *url, bool with_token, char *text) {
    http__call *c = x->call;
    CURL *h = x->curl;
    bool local = url_is_local(url);
    char range[32];
    snprintf(range, sizeof range, "%llu-", (unsigned long long)c->offset);
    bool bad = false;
#define SET(option, value) bad = bad || curl_easy_setopt(h, CURLOPT_##option, value) != CURLE_OK
    SET(URL, url);
    SET(PROTOCOLS_STR, local ? "http" : "https");
    SET(FOLLOWLOCATION, 0L); // by hand, so that each next url is looked at
    SET(SSL_VERIFYPEER, 1L);
    SET(SSL_VERIFYHOST, 2L);
    SET(NOSIGNAL, 1L);
    SET(CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    SET(LOW_SPEED_LIMIT, (long)c->lowest_rate);
    SET(LOW_SPEED_TIME, (long)c->stall_seconds);
    SET(ERRORBUFFER, text);
    SET(USERAGENT, "harness/" HARNESS_VERSION);
    SET(HEADERFUNCTION, on_header);
    SET(HEADERDATA, c);
    SET(WRITEFUNCTION, on_body);
    SET(WRITEDATA, x);
    SET(XFERINFOFUNCTION, on_progress);
    SET(XFERINFODATA, c);
    SET(NOPROGRESS, 0L);
    SET(NOBODY, c->head_only ? 1L : 0L);
    if (x->trust.path) {
        SET(CAINFO, x->trust.is_folder ? NULL : x->trust.path);
        SET(CAPATH, x->trust.is_folder ? x->trust.path : NULL);
    }
    if (c->offset) SET(RANGE, range);
    if (local) SET(NOPROXY, "*");
    if (with_token) {
        SET(HTTPAUTH, (long)CURLAUTH_BEARER);
        SET(XOAUTH2_BEARER, c->token);
    }
#undef SET
    return !bad;
}

static err fault(const exchange *x, const char *url, CURLcode code, const char *text) {
    http__call *c = x->call;
    char shown[HTTP_SHOWN_BYTES];
    if (c->body_error) return c->body_error;
    http__shown(shown, url);
    c->passing = is_passing_fault(code) || c->too_slow;
    c->unresolved = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
    if (c->too_slow)
        return err_set(ERR_NETWORK,
                       "%s: too slow to wait for: %llu bytes in %.1f s (the lowest rate is %u "
                       "bytes a second)",
                       shown, (unsigned long long)c->got_bytes, clock_seconds() - c->begin,
                       c->lowest_rate);
    const char *why = text[0] ? text : curl_easy_strerror(code);
    if (code == CURLE_OUT_OF_MEMORY) // of its own limit of a line, too
        return err_set(ERR_SERVER, "%s: a line of the answer's head is too long, or memory ran out",
                       shown);
    bool trusted = code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_SSL_CACERT_BADFILE;
    if (trusted) return err_set(c->passing ? ERR_NETWORK : ERR_SERVER, "%s: %s", shown, why);
    if (x->trust.variable)
        return err_set(ERR_NETWORK, "%s: %s (%s names %s)", shown, why, x->trust.variable,
                       x->trust.path);
    return err_set(ERR_NETWORK, "%s: %s (certificates of your own are named with SSL_CERT_FILE)",
                   shown, why);
}

/* One request. *next is the address it redirects to (owned by us), or NULL. */
static err run_once(http__call *c, const char *url, bool with_token, char **next) {
    char text[CURL_ERROR_SIZE] = "", shown[HTTP_SHOWN_BYTES];
    exchange x = {.call = c, .curl = curl_easy_init()};
    const char *location = NULL;
    err e = ERR_OK;
    *next = NULL;
    if ((e = settings_trusted(&x.trust))) goto done;
    if (!x.curl || !set_options(&x, url, with_token, text)) {
        e = err_set(ERR_MEMORY, "cannot start a download of %s", http__shown(shown, url));
        goto done;
    }
    CURLcode code = curl_easy_perform(x.curl);
    curl_easy_getinfo(x.curl, CURLINFO_RESPONSE_CODE, &c->status);
    if (code != CURLE_OK) {
        e = fault(&x, url, code, text);
        goto done;
    }
    if (!is_redirect(c->status)) goto done;
    curl_easy_getinfo(x.curl, CURLINFO_REDIRECT_URL, &location);
    if (!location) {
        e = err_set(ERR_SERVER, "%s: a redirect (%ld) without an address", http__shown(shown, url),
                    c->status);
        goto done;
    }
    e = mem_strdup(next, location);
done:
    curl_easy_cleanup(x.curl);
    mem_free(x.trust.path);
    return e;
}

err http__run(http__call *c) {
    char *url = NULL, *next = NULL, shown[HTTP_SHOWN_BYTES], there[HTTP_SHOWN_BYTES];
    err e;
    once_do(&started, start);
    if (start_result != CURLE_OK)
        return err_set(ERR_NETWORK, "libcurl does not start: %s", curl_easy_strerror(start_result));
    forget_response(c);
    c->begin = clock_seconds();
    if ((e = mem_strdup(&url, c->url))) return e;
    if (http__redirect_fault(url, url)) {
        e = err_set(ERR_UNSUPPORTED, "%s: only https is allowed", http__shown(shown, url));
        goto done;
    }
    for (int i = 0;; i++) {
        if ((e = run_once(c, url, c->token && http__same_origin(c->url, url), &next)) || !next)
            goto done;
        if (c->head_only && !http__same_origin(url, next)) goto done;
        const char *why = http__redirect_fault(url, next);
        if (why) {
            e = err_set(ERR_SERVER, "%s: refused a redirect to %s, %s", http__shown(shown, url),
                        http__shown(there, next), why);
            goto done;
        }
        if (i == REDIRECTS_MAX) {
            e = err_set(ERR_SERVER, "%s: more than %d redirects", http__shown(shown, c->url),
                        REDIRECTS_MAX);
            goto done;
        }
        mem_free(url);
        url = next;
        next = NULL;
    }
done:
    mem_free(url);
    mem_free(next);
    return e;
}

void http__free(http__call *c) {
    mem_free(c->etag);
    mem_free(c->commit);
    mem_free(c->error_code);
    c->etag = c->commit = c->error_code = NULL;
}
