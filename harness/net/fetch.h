/* Downloads over https: resumed, retried, checked, and put in place whole or not at all.
 *
 * A download goes to "<path>.part" (or the name asked for), under a lock file, so that two programs
 * never write the same file; what an interrupted one left is gone on with by a range request when a
 * hash or an etag vouches for it. Only a file of the expected size and SHA-256 is renamed into
 * place. Certificates are verified; proxies follow the usual environment variables. Plain http is
 * allowed to this machine alone (127.0.0.1, localhost, [::1]), which is what tests use; a redirect
 * to it from elsewhere, or from https to http, is refused.
 *
 * No server keeps a download alive by a byte now and then: an attempt ends when it is below the
 * lowest rate for stall_seconds, or when all of it took longer than grace_ms and its bytes at that
 * rate; all attempts together end after total_ms and their bytes at that rate. */
#ifndef HARNESS_NET_FETCH_H
#define HARNESS_NET_FETCH_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero takes the default. */
typedef struct fetch_patience {
    unsigned tries;         /* attempts in a row that bring nothing new: 5 */
    unsigned first_wait_ms; /* before the second; doubles, up to a minute: 1000 */
    unsigned stall_seconds; /* below the lowest rate: 30 */
    unsigned lowest_rate;   /* bytes a second that are worth waiting for: 8192 */
    unsigned grace_ms;      /* of one attempt, before the rate of all of it counts: 60000 */
    unsigned total_ms;      /* of all attempts, beside bytes / lowest_rate: 600000 */
    unsigned note_ms;       /* between two notes of progress where there is no terminal: 60000 */
} fetch_patience;

typedef struct fetch_request {
    const char *url;
    const char *path;      /* where the file goes; its folder is made */
    const char *part_path; /* where it grows; NULL: path + ".part" */
    const char
        *lock_path;   /* NULL: path + ".lock". The lock file stays: removing it would be a race */
    const char *name; /* for the progress line; NULL: the path's last part */
    uint64_t bytes;   /* expected; 0: not known */
    uint64_t most_bytes;  /* a larger file is refused, whoever states its size; 0: 16 GiB */
    const char *sha256;   /* expected; NULL: not known */
    const char *git_blob; /* expected id of the file in a git tree; NULL: not known */
    bool resumable;       /* a part from earlier is of this very file (the path is a hash) */
    const char *token;    /* bearer token for the url's host, and for no other; NULL: none */
    fetch_patience patience;
} fetch_request;

/* A host whose name has no address, most likely because there is no network, is tried twice; once
 * that was seen, once in all, until anything was reached.
 * Downloads one file unless it is there already (then checked by its size alone). Waits while
 * another process fetches the same. Errors, naming url and cause: ERR_NETWORK when the line, or a
 * server for now, is at fault, ERR_SERVER when what it answers is; ERR_UNSUPPORTED for an address of
 * another kind; ERR_DATA for a wrong or too large size or a wrong SHA-256 (what was received is removed); ERR_IO, too little disk
 * among it. */
err fetch_file(const fetch_request *r) MUST_CHECK;

/* What a server says about a url, or a small body in memory. Strings are owned;
 * fetch_reply_free. */
typedef struct fetch_reply {
    long status;
    char *body; /* terminated; NULL when only the head was asked for */
    size_t body_bytes;
    char *etag;            /* without quotes; X-Linked-Etag before ETag; NULL when absent */
    uint64_t linked_bytes; /* X-Linked-Size, else Content-Length; 0 when absent */
    char *commit;          /* X-Repo-Commit; NULL when absent */
    char *error_code;      /* X-Error-Code; NULL when absent */
} fetch_reply;

/* Asks for a url; head_only: without its body, and redirects are followed only within the same
 * host. A status of 400 and more that retrying does not help is no error: read `status`. A body may
 * have up to limit_bytes. Free with fetch_reply_free, also after an error. Errors: as of
 * fetch_file; ERR_FORMAT for a longer body. */
err fetch_ask(fetch_reply *reply, const char *url, const char *token, bool head_only,
              size_t limit_bytes, const fetch_patience *patience) MUST_CHECK;
void fetch_reply_free(fetch_reply *reply);

/* True for a plain http url of this very machine, the only ones that are allowed beside https. */
bool url_is_local(const char *url);

#endif
