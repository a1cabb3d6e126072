/* Shared inside harness/net only: one http exchange, with its redirects, by libcurl. */
#ifndef HARNESS_NET_HTTP_INTERNAL_H
#define HARNESS_NET_HTTP_INTERNAL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct http__call {
    /* what to ask */
    const char *url;
    const char *token; /* sent to the url's own host alone; NULL: none */
    bool head_only;    /* HEAD; a redirect to another host then ends the call with its status */
    uint64_t offset;   /* first byte wanted */
    unsigned stall_seconds; /* gives up after so long below the lowest rate */
    unsigned lowest_rate;   /* bytes a second; also of the whole call, once grace_ms are over */
    unsigned grace_ms;
    /* receives the body of the last response (not of redirects); an error ends the call with it */
    err (*body)(struct http__call *c, const char *bytes, size_t count);
    void (*progress)(struct http__call *c); /* may be NULL; called often */
    void *user;

    /* what was answered */
    long status;
    char *etag;            /* owned; X-Linked-Etag before ETag, bare */
    char *commit;          /* owned; X-Repo-Commit */
    char *error_code;      /* owned; X-Error-Code, a hub's reason for 401, 403 and 404 */
    uint64_t linked_bytes; /* X-Linked-Size, 0 when absent */
    int64_t content_bytes; /* Content-Length of the last response, -1 when absent */
    int64_t range_start;   /* Content-Range, -1 when absent */
    int64_t range_total;
    unsigned retry_after; /* seconds, 0 when absent */
    uint64_t got_bytes;   /* body bytes received by this call */
    bool passing;         /* the error is one that a later try may not meet */
    bool unresolved;      /* the error: the host's name, or the proxy's, has no address */
    err body_error;
    bool linked; /* etag is an X-Linked-Etag */
    size_t header_bytes;
    double begin;  /* clock_seconds */
    bool too_slow; /* ended by lowest_rate */
} http__call;

/* Runs the exchange. A response of any status but a redirect is success. Free with http__free, also
 * after an error. Errors, naming the url and the cause: ERR_NETWORK (and `passing`) when it is the
 * line; ERR_SERVER when it is what is answered; ERR_UNSUPPORTED for a url that is not https;
 * ERR_MEMORY; what body returned. */
err http__run(http__call *c) MUST_CHECK;
void http__free(http__call *c);

/* Takes one line of a response's head into the call, as libcurl hands it over; bytes counts its
 * line end. Errors: ERR_SERVER for control characters, which no header has, and for a head of more
 * than HTTP_HEAD_BYTES; ERR_MEMORY. */
enum { HTTP_HEAD_BYTES = 256 << 10 };
err http__header(http__call *c, const char *line, size_t bytes) MUST_CHECK;

/* Why a redirect from one address to another is not followed, as "which ..."; NULL: it is. Only
 * https is followed, and plain http of this machine from there; an address with a user name only
 * within the place it came from. A first address is judged as one that leads to itself. */
const char *http__redirect_fault(const char *from, const char *to);

/* True when scheme, host and port are the same: where a token that belongs to one may go. */
bool http__same_origin(const char *a, const char *b);

/* The url as messages show it: without user name and password, and without the query, which in a
 * redirect is often a signature that opens the file to anyone; bytes that do not belong in an
 * address as %XX. Returns buffer. */
enum { HTTP_SHOWN_BYTES = 512 };
const char *http__shown(char buffer[HTTP_SHOWN_BYTES], const char *url);

/* True for the statuses that servers give when they are busy: 408, 425, 429, 500, 502, 503, 504. */
bool http__is_passing(long status);

#endif
