// Downloads from a server that misbehaves in every way it can: nothing half-written is taken for
// whole.
#define _GNU_SOURCE
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/fetch_task.h"
#include "data/support_task.h"
#include "net/fetch.h"
#include "net/server.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/said.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 300000, HALF = SIZE / 2 };
static char content[SIZE], sha256_of_content[HASH_HEX_BYTES];
static const fetch_patience quick = {.tries = 3, .first_wait_ms = 5, .stall_seconds = 1};

static void fill_content(void) {
    uint32_t x = 1;
    for (size_t i = 0; i < SIZE; i++) content[i] = (char)((x = x * 1664525u + 1013904223u) >> 24);
    hash_bytes_hex(content, SIZE, sha256_of_content);
    log_set_quiet(true);
}

/* The rest from the range asked for, or the whole. */
static void send_file(int fd, const server_request *r) {
    if (r->from < 0) {
        server_head(fd, "200 OK\r\nContent-Length: %d", SIZE);
        server_write(fd, content, SIZE);
    } else if (r->from >= SIZE) {
        server_head(fd,
                    "416 Range Not Satisfiable\r\nContent-Range: bytes */%d\r\nContent-Length: 0",
                    SIZE);
    } else {
        server_head(
            fd, "206 Partial Content\r\nContent-Range: bytes %lld-%d/%d\r\nContent-Length: %lld",
            r->from, SIZE - 1, SIZE, SIZE - r->from);
        server_write(fd, content + r->from, (size_t)(SIZE - r->from));
    }
}

static void send_half(int fd) {
    server_head(fd, "200 OK\r\nContent-Length: %d", SIZE);
    server_write(fd, content, HALF);
}

static bool is(const server_request *r, const char *path) {
    return !strcmp(r->path, path);
}

static void send_wrong(int fd, const server_request *r) {
    char *other = malloc(SIZE + 1);
    memcpy(other, content, SIZE);
    other[SIZE] = 'x';
    if (is(r, "/wrong-bytes")) {
        other[1000] = (char)~other[1000];
        server_head(fd, "200 OK\r\nContent-Length: %d", SIZE);
        server_write(fd, other, SIZE);
    } else if (is(r, "/long")) {
        server_head(fd, "200 OK\r\nContent-Length: %d", SIZE + 1);
        server_write(fd, other, SIZE + 1);
    } else if (is(r, "/short")) {
        server_head(fd, "200 OK\r\nContent-Length: %d", SIZE - 1);
        server_write(fd, other, SIZE - 1);
    } else {
        server_head(fd, "200 OK"); // no length: the end of the connection is the end
        server_write(fd, other, SIZE + 1);
    }
    free(other);
}

static void misbehave(server *s, int fd, const server_request *r, void *user) {
    (void)user;
    // one branch for each path, also where two do the same
    if (is(r, "/cut") && r->nth == 1)
        send_half(fd); // NOLINT(bugprone-branch-clone)
    else if (is(r, "/cut-always"))
        send_half(fd);
    else if (is(r, "/cut-no-ranges")) {
        if (r->nth == 1)
            send_half(fd);
        else
            send_file(fd, &(server_request){.from = -1});
    } else if (is(r, "/cut-no-length") && r->nth == 1) {
        server_head(fd, "200 OK");
        server_write(fd, content, HALF);
    } else if (is(r, "/stall") && r->nth == 1) {
        send_half(fd);
        server_sleep(s, 4000);
    } else if (is(r, "/404"))
        server_head(fd, "404 Not Found\r\nContent-Length: 0");
    else if (is(r, "/401"))
        server_head(fd, "401 Unauthorized\r\nContent-Length: 0");
    else if (is(r, "/403"))
        server_head(fd, "403 Forbidden\r\nContent-Length: 0");
    else if (is(r, "/429") && r->nth == 1)
        server_head(fd, "429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0");
    else if (is(r, "/500") && r->nth < 3) {
        server_head(fd, "500 Internal Server Error\r\nContent-Length: 5");
        server_write(fd, "sorry", 5);
    } else if (is(r, "/500-always"))
        server_head(fd, "500 Internal Server Error\r\nContent-Length: 0");
    else if (is(r, "/no-answer") && r->nth == 1)
        return;
    else if (is(r, "/no-http"))
        server_write(fd, "hello\n", 6);
    else if (is(r, "/redirect"))
        server_head(fd, "302 Found\r\nLocation: /a/../good?x=1\r\nContent-Length: 0");
    else if (is(r, "/redirect-length")) { // a length of its own, and a file without one
        server_head(fd, "302 Found\r\nLocation: /no-length\r\nContent-Length: 5");
        server_write(fd, "hello", 5);
    } else if (is(r, "/no-length")) {
        server_head(fd, "200 OK");
        server_write(fd, content, SIZE);
    } else if (is(r, "/loop"))
        server_head(fd, "301 Moved\r\nLocation: /loop\r\nContent-Length: 0");
    else if (is(r, "/elsewhere"))
        server_head(fd, "302 Found\r\nLocation: http://example.org/x\r\nContent-Length: 0");
    else if (is(r, "/nowhere"))
        server_head(fd, "302 Found\r\nContent-Length: 0");
    else if (is(r, "/wrong-bytes") || is(r, "/long") || is(r, "/short") || is(r, "/long-no-length"))
        send_wrong(fd, r);
    else if (is(r, "/other-range") && r->from >= 0) {
        server_head(fd, "206 Partial Content\r\nContent-Range: bytes 0-%d/%d\r\nContent-Length: %d",
                    SIZE - 1, SIZE, SIZE);
        server_write(fd, content, SIZE);
    } else if (is(r, "/other-range"))
        send_half(fd);
    else
        send_file(fd, r);
}

typedef struct fetch_case {
    const char *path;
    err code;
    unsigned requests;
    const char *message; // after the url
} fetch_case;

static const fetch_case cases[] = {
    {"/good", ERR_OK, 1, NULL},
    {"/cut", ERR_OK, 2, NULL},
    {"/cut-no-ranges", ERR_OK, 2, NULL},
    {"/cut-no-length", ERR_OK, 2, NULL},
    {"/stall", ERR_OK, 2, NULL},
    {"/429", ERR_OK, 2, NULL},
    {"/500", ERR_OK, 3, NULL},
    {"/no-answer", ERR_OK, 2, NULL},
    {"/redirect", ERR_OK, 1, NULL},
    {"/redirect-length", ERR_OK, 1, NULL},
    {"/404", ERR_SERVER, 1, ": the server answers 404: there is no such file"},
    {"/403", ERR_SERVER, 1, ": the server answers 403: access is denied"},
    {"/500-always", ERR_NETWORK, 3, ": the server answers 500"},
    // libcurl words it differently from version to version, always with what is missing
    {"/cut-always", ERR_NETWORK, 3, " with 150000 bytes "},
    {"/no-http", ERR_SERVER, 1, ": Received HTTP/0.9 when not allowed"},
    {"/loop", ERR_SERVER, 11, ": more than 10 redirects"},
    {"/elsewhere", ERR_SERVER, 1,
     ": refused a redirect to http://example.org/x, which is not https"},
    {"/nowhere", ERR_SERVER, 1, ": a redirect (302) without an address"},
    {"/wrong-bytes", ERR_DATA, 1, ": SHA-256 is "},
    {"/long", ERR_DATA, 1, ": the server offers 300001 bytes, 300000 are expected"},
    {"/short", ERR_DATA, 1, ": the server offers 299999 bytes, 300000 are expected"},
    {"/long-no-length", ERR_DATA, 1, ": the server offers "},
    {"/other-range", ERR_SERVER, 2, ": asked for bytes from 150000, the answer begins at 0"},
};

static bool holds_content(const char *path) {
    void *bytes;
    size_t count;
    if (file_read(&bytes, &count, path, 0)) return false;
    bool same = count == SIZE && !memcmp(bytes, content, SIZE);
    mem_free(bytes);
    return same;
}

static char folder[] = "/tmp/harness-test-XXXXXX";

static const char *in_folder(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static server *begin(server_handler handler) {
    fill_content();
    cr_assert(mkdtemp(folder));
    return server_start(handler, NULL);
}

static void finish(server *s) {
    server_stop(s);
    cr_assert_eq(folder_remove(folder), ERR_OK);
}

static fetch_request request_for(const server *s, const char *path, const char *to) {
    return (fetch_request){.url = server_url(s, path),
                           .path = to,
                           .bytes = SIZE,
                           .sha256 = sha256_of_content,
                           .patience = quick};
}

CleanTest(fetch, servers_that_misbehave) {
    server *s = begin(misbehave);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const fetch_case *c = &cases[i];
        char name[64];
        snprintf(name, sizeof name, "deep/er%s", c->path);
        const char *to = in_folder(name), *part;
        fetch_request r = request_for(s, c->path, to);
        err e = fetch_file(&r);
        const char *message = err_message(e);
        cr_expect_eq(e, c->code, "%s: %s", c->path, message);
        cr_expect_eq(server_count(s, c->path), c->requests, "%s: %u requests", c->path,
                     server_count(s, c->path));
        if (c->code) {
            size_t n = strlen(r.url);
            cr_expect(!strncmp(message, r.url, n) || c->requests == 11, "%s", message);
            cr_expect_not_null(strstr(message + n, c->message), "\n got %s\nwant %s", message + n,
                               c->message);
            cr_expect_not(file_exists(to), "%s", c->path);
        } else {
            cr_expect(holds_content(to), "%s", c->path);
        }
        snprintf(name, sizeof name, "deep/er%s.part", c->path);
        part = in_folder(name);
        if (c->code == ERR_OK || c->code == ERR_DATA)
            cr_expect_not(file_exists(part), "%s", c->path);
    }
    finish(s);
}

/* What is refused says whether a token was asked with. */
Test(fetch, refusals_say_what_the_token_may) {
    static const struct {
        const char *path, *with, *without;
    } refused[] = {
        {"/401", "401: the token is not accepted", "401: it wants a login, and none is known"},
        {"/403", "403: the token may not read it", "403: access is denied"},
        {"/404", "404: there is no such file", "404: there is no such file"}};
    server *s = begin(misbehave);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        for (int with = 0; with < 2; with++) {
            const char *wanted = with ? refused[i].with : refused[i].without;
            fetch_request r = request_for(s, refused[i].path, in_folder("file"));
            r.token = with ? "secret" : NULL;
            cr_expect_eq(fetch_file(&r), ERR_SERVER, "%s", wanted);
            const char *message = err_message(ERR_SERVER);
            size_t n = strlen(message), k = strlen(wanted);
            cr_expect(n > k && !strcmp(message + n - k, wanted), "no '%s' in %s", wanted, message);
        }
    finish(s);
}

/* A file that is there counts as fetched when it is as long as it has to be. */
Test(fetch, a_file_of_another_length_is_fetched_anew) {
    static const size_t lengths[] = {0, 1, SIZE - 1, SIZE + 1, 2 * SIZE};
    server *s = begin(misbehave);
    char *other = calloc(1, (size_t)2 * SIZE);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const char *to = in_folder("file");
        cr_assert_eq(file_write(to, other, lengths[i]), ERR_OK);
        fetch_request r = request_for(s, "/good", to);
        cr_expect_eq(fetch_file(&r), ERR_OK, "%s", err_message(ERR_IO));
        cr_expect(holds_content(to), "%zu bytes were there", lengths[i]);
        cr_expect_eq(server_count(s, "/good"), i + 1);
    }
    free(other);
    finish(s);
}

Test(fetch, what_was_interrupted_is_gone_on_with) {
    server *s = begin(misbehave);
    const char *to = in_folder("file"), *part = in_folder("file.part");
    // a server that always stops halfway, and then one that does not
    fetch_request r = request_for(s, "/500-always", to);
    cr_assert_eq(file_write(part, content, HALF), ERR_OK);
    cr_expect_eq(fetch_file(&r), ERR_NETWORK);
    cr_expect(file_exists(part) && !file_exists(to));
    cr_assert_eq(file_write(part, content, SIZE - 50000), ERR_OK);
    r = request_for(s, "/good", to);
    said_begin();
    cr_expect_eq(fetch_file(&r), ERR_OK, "%s", err_message(ERR_IO));
    char *said = said_end();
    cr_expect(strstr(said, "file: going on after 0.2 MB\n"), "%s", said); // 250,000 bytes
    mem_free(said);
    cr_expect(holds_content(to));
    cr_expect_eq(server_count(s, "/good"), 1);
    // there already: nothing is asked
    cr_expect_eq(fetch_file(&r), ERR_OK);
    cr_expect_eq(server_count(s, "/good"), 1);
    finish(s);
}

Test(fetch, a_part_that_is_of_something_else_is_dropped) {
    static const struct {
        const char *name;
        size_t bytes;
        bool own;
        unsigned requests;
    } parts[] = {{"shorter", HALF, false, 2}, // gone on with, and once more from the start
                 {"whole but wrong", SIZE, false, 1},
                 {"longer", SIZE + 5, false, 1},
                 {"whole", SIZE, true, 0}};
    unsigned requests = 0;
    server *s = begin(misbehave);
    for (size_t i = 0; i < 4; i++) {
        const char *to = in_folder("file"), *part = in_folder("file.part");
        char *bytes = calloc(1, SIZE + 5);
        if (parts[i].own) memcpy(bytes, content, SIZE);
        cr_assert_eq(file_write(part, bytes, parts[i].bytes), ERR_OK);
        free(bytes);
        fetch_request r = request_for(s, "/good", to);
        err e = fetch_file(&r);
        cr_expect_eq(e, ERR_OK, "%s: %s", parts[i].name, err_message(e));
        cr_expect(holds_content(to), "%s", parts[i].name);
        requests += parts[i].requests;
        cr_expect_eq(server_count(s, "/good"), requests, "%s", parts[i].name);
        cr_expect_not(file_exists(part));
        unlink(to);
    }
    // without a hash nothing vouches for a part: it is not used
    const char *to = in_folder("file"), *part = in_folder("file.part");
    cr_assert_eq(file_write(part, "zzz", 3), ERR_OK);
    fetch_request r = {.url = server_url(s, "/good"), .path = to, .patience = quick};
    cr_expect_eq(fetch_file(&r), ERR_OK);
    cr_expect(holds_content(to));
    finish(s);
}

static void busy(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    const char *after = strchr(r->path, '-');
    server_head(fd, "503 Service Unavailable\r\n%s%s%sContent-Length: 0",
                after ? "Retry-After: " : "", after ? after + 1 : "", after ? "\r\n" : "");
}

/* Reads the next seconds that a download says it waits for; false when it says no more. */
static bool next_wait(double *seconds, FILE *notes) {
    static const char words[] = "trying again in ";
    char line[512];
    while (fgets(line, sizeof line, notes)) {
        const char *found = strstr(line, words);
        if (!found) continue;
        *seconds = strtod(found + strlen(words), NULL);
        return true;
    }
    return false;
}

/* Waits become twice as long each, or as long as the server wants, but never longer than a minute; and
 * what is said is waited for. */
Test(fetch, waits_are_as_long_as_they_are_said_to_be) {
    static const struct {
        const char *path;
        unsigned first_wait_ms;
        size_t count;
        double waits[3];
    } rows[] = {
        {"/busy", 100, 3, {0.1, 0.2, 0.4}}, {"/busy-1", 5, 2, {1, 1}},
        {"/busy-1", 3000, 1, {3}}, // the longer one
        {"/busy-7200", 5, 1, {60}},         {"/busy", 7200000, 1, {60}},
    };
    server *s = begin(busy);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int ends[2];
        double begin_s = 0, seconds = 0, all = 0;
        fetch_request r = request_for(s, rows[i].path, in_folder("file"));
        r.patience.tries = 5;
        r.patience.first_wait_ms = rows[i].first_wait_ms;
        cr_assert_eq(pipe(ends), 0);
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (!child) {
            log_set_quiet(false);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (dup2(ends[1], STDERR_FILENO) < 0) _exit(2);
            _exit(fetch_file(&r) ? 1 : 0);
        }
        close(ends[1]);
        FILE *notes = fdopen(ends[0], "r");
        cr_assert_not_null(notes);
        for (size_t k = 0; k < rows[i].count; k++) {
            cr_assert(next_wait(&seconds, notes), "%s: wait %zu is not said", rows[i].path, k + 1);
            cr_expect_float_eq(seconds, rows[i].waits[k], 0.01, "%s: wait %zu: %g", rows[i].path,
                               k + 1, seconds);
            if (!k) begin_s = clock_seconds();
            if (k + 1 < rows[i].count) all += rows[i].waits[k];
        }
        double took = clock_seconds() - begin_s;
        // a note is read a moment after it was written
        cr_expect_geq(took, all - 0.05, "%s: %g s of waiting took %g s", rows[i].path, all, took);
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        fclose(notes);
    }
    finish(s);
}

static void slow(server *s, int fd, const server_request *r, void *user) {
    (void)user;
    server_sleep(s, 300);
    send_file(fd, r);
}

Test(fetch, two_programs_fetch_a_file_once) {
    server *s = begin(slow);
    fetch_request r = request_for(s, "/good", in_folder("file"));
    pid_t child[3];
    for (size_t i = 0; i < 3; i++) {
        child[i] = fork();
        cr_assert_geq(child[i], 0);
        if (!child[i]) _exit(fetch_file(&r) ? 1 : holds_content(r.path) ? 0 : 2);
    }
    for (size_t i = 0; i < 3; i++) {
        int status;
        cr_assert_eq(waitpid(child[i], &status, 0), child[i]);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    }
    cr_expect_eq(server_count(s, "/good"), 1);
    finish(s);
}

static void want_token(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    if (is(r, "/away"))
        server_head(fd, "302 Found\r\nLocation: http://localhost:%d/open\r\nContent-Length: 0", 1);
    else if (strcmp(r->token, "secret"))
        server_head(fd, "401 Unauthorized\r\nContent-Length: 0");
    else
        send_file(fd, r);
}

Test(fetch, a_token_goes_to_its_own_host_alone) {
    server *s = begin(want_token);
    fetch_request r = request_for(s, "/closed", in_folder("file"));
    err e = fetch_file(&r);
    cr_expect_eq(e, ERR_SERVER);
    cr_expect(
        strstr(err_message(e), "the server answers 401: it wants a login, and none is known"));
    r.token = "other";
    e = fetch_file(&r);
    cr_expect(strstr(err_message(e), "the server answers 401: the token is not accepted"));
    r.token = "secret";
    cr_expect_eq(fetch_file(&r), ERR_OK);
    cr_expect(holds_content(r.path));
    finish(s);
}

/* Says which token came along after a redirect to another name of this machine. */
static char token_seen[64] = "none";
static unsigned second_port;

static void redirect_away(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    (void)r;
    server_head(fd, "302 Found\r\nLocation: http://127.0.0.1:%u/x\r\nContent-Length: 0",
                second_port);
}

static void note_token(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    snprintf(token_seen, sizeof token_seen, "%s", r->token);
    send_file(fd, r);
}

Test(fetch, a_redirect_takes_no_token_along) {
    server *first = begin(redirect_away);
    server *second = server_start(note_token, NULL);
    cr_assert_eq(sscanf(server_url(second, ""), "http://127.0.0.1:%u", &second_port), 1);
    fetch_request r = request_for(first, "/x", in_folder("file"));
    r.token = "secret";
    cr_expect_eq(fetch_file(&r), ERR_OK);
    cr_expect_str_eq(token_seen, "");
    server_stop(second);
    finish(first);
}

Test(fetch, urls_other_than_https_are_refused) {
    static const char *const urls[] = {"http://example.org/x", "ftp://127.0.0.1/x",
                                       "file:///etc/hostname", "http://127.0.0.1:80@example.org/",
                                       "http://localhost.example.org/"};
    fill_content();
    cr_assert(mkdtemp(folder));
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        fetch_request r = {.url = urls[i], .path = in_folder("file"), .patience = quick};
        err e = fetch_file(&r);
        cr_expect_eq(e, ERR_UNSUPPORTED);
        cr_expect(strstr(err_message(e), ": only https is allowed"), "%s", err_message(e));
        cr_expect_not(file_exists(r.path));
    }
    cr_assert_eq(folder_remove(folder), ERR_OK);
}

static void redirect_to(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)r;
    server_head(fd, "302 Found\r\nLocation: %s\r\nContent-Length: 0", *(const char **)user);
}

Test(fetch, redirects_to_other_schemes_are_refused) {
    static const char *const places[] = {
        "file:///etc/hostname",           "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/x",           "scp://127.0.0.1/etc/hostname",
        "http://127.0.0.1@example.org/x", "dict://127.0.0.1/d:x"};
    const char *place = NULL;
    fill_content();
    cr_assert(mkdtemp(folder));
    server *s = server_start(redirect_to, &place);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        place = places[i];
        fetch_request r = request_for(s, "/x", in_folder("file"));
        r.token = "secret";
        err e = fetch_file(&r);
        cr_expect_eq(e, ERR_SERVER, "%s", place);
        cr_expect(strstr(err_message(e), ": refused a redirect to "), "%s", err_message(e));
        cr_expect_not(strstr(err_message(e), "secret"), "%s", err_message(e));
        cr_expect_not(file_exists(r.path), "%s", place);
    }
    finish(s);
}

CleanTest(fetch, a_file_that_is_too_large_is_refused) {
    static const char *const paths[] = {"/good", "/long-no-length"};
    server *s = begin(misbehave);
    for (size_t i = 0; i < 3; i++) {
        fetch_request r = request_for(s, paths[i % 2], in_folder("file"));
        r.sha256 = NULL;
        r.bytes = i == 2 ? SIZE : 0; // as a server stated it before
        r.most_bytes = SIZE - 1;
        err e = fetch_file(&r);
        cr_expect_eq(e, ERR_DATA, "%zu: %s", i, err_message(e));
        cr_expect(strstr(err_message(e), "at most 299999 are taken"), "%s", err_message(e));
        cr_expect_not(file_exists(r.path));
        cr_expect_not(file_exists(in_folder("file.part")));
    }
    finish(s);
}

static void without_end(server *s, int fd, const server_request *r, void *user) {
    static char chunk[65536 + 9] = "10000\r\n";
    (void)s;
    (void)user;
    memcpy(chunk + 65536 + 7, "\r\n", 2);
    server_head(fd, is(r, "/chunked") ? "200 OK\r\nTransfer-Encoding: chunked" : "200 OK");
    // as much as the test lets through: far beyond what may be taken
    for (int i = 0; i < 512; i++) server_write(fd, chunk, sizeof chunk);
}

CleanTest(fetch, answers_without_end_are_cut) {
    static const char *const paths[] = {"/chunked", "/open"};
    enum { MOST = 1 << 20 };
    server *s = begin(without_end);
    for (size_t i = 0; i < 2; i++) {
        fetch_request r = {.url = server_url(s, paths[i]),
                           .path = in_folder("file"),
                           .most_bytes = MOST,
                           .patience = quick};
        err e = fetch_file(&r);
        cr_expect_eq(e, ERR_DATA, "%s: %s", paths[i], err_message(e));
        cr_expect(strstr(err_message(e), "at most 1048576 are taken"), "%s", err_message(e));
        cr_expect_not(file_exists(r.path));
        cr_expect_not(file_exists(in_folder("file.part")));
        fetch_reply reply;
        e = fetch_ask(&reply, server_url(s, paths[i]), NULL, false, MOST, &quick);
        cr_expect_eq(e, ERR_FORMAT, "%s: %s", paths[i], err_message(e));
        cr_expect(strstr(err_message(e), "an answer of more than 1048576 bytes"), "%s",
                  err_message(e));
        fetch_reply_free(&reply);
    }
    finish(s);
}

static void ten(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)r;
    (void)user;
    server_head(fd, "200 OK\r\nContent-Length: 10");
    server_write(fd, "0123456789", 10);
}

static void claims_much(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)r;
    (void)user;
    server_head(fd, "200 OK\r\nContent-Length: %llu", (16ull << 30) + 1);
    server_write(fd, "0123456789", 10);
}

Test(fetch, a_file_of_unknown_size_has_a_limit) {
    server *s = begin(claims_much);
    fetch_request r = {.url = server_url(s, "/much"), .path = in_folder("file"), .patience = quick};
    MUST_FAIL(fetch_file(&r), ERR_DATA,
              "a file of 17179869185 bytes or more, at most 17179869184 are taken");
    cr_expect_not(file_exists(r.path));
    finish(s);
}

Test(fetch, an_answer_may_be_as_long_as_its_limit) {
    server *s = begin(ten);
    fetch_reply reply;
    MUST(fetch_ask(&reply, server_url(s, "/ten"), NULL, false, 10, &quick));
    cr_expect(reply.body_bytes == 10 && !strcmp(reply.body, "0123456789"));
    fetch_reply_free(&reply);
    MUST_FAIL(fetch_ask(&reply, server_url(s, "/ten"), NULL, false, 9, &quick), ERR_FORMAT,
              "an answer of more than 9 bytes");
    fetch_reply_free(&reply);
    for (int head = 0; head < 2; head++)
        MUST_FAIL_WITHOUT_MEMORY(UINT64_MAX,
                                 fetch_ask(&reply, server_url(s, "/ten"), NULL, head, 10, &quick),
                                 fetch_reply_free(&reply));
    finish(s);
}

static void drip(server *s, int fd, const server_request *r, void *user) {
    (void)user;
    if (is(r, "/head")) { // the head itself comes slowly
        server_write(fd, "HTTP/1.1 200 OK\r\n", 17);
        for (int i = 0; i < 10; i++) {
            server_write(fd, "X-A: b\r\n", 8);
            server_sleep(s, 20);
        }
        return;
    }
    if (is(r, "/length")) server_head(fd, "200 OK\r\nContent-Length: %d", SIZE);
    if (is(r, "/open") || is(r, "/ask")) server_head(fd, "200 OK");
    if (is(r, "/once-slow") && r->nth > 1) {
        send_file(fd, r);
        return;
    }
    if (is(r, "/once-slow")) server_head(fd, "200 OK\r\nContent-Length: %d", SIZE);
    for (int i = 0; i < 10; i++) {
        server_write(fd, content + i, 1);
        server_sleep(s, 20);
    }
}

static const fetch_patience hasty = {
    .tries = 2, .first_wait_ms = 5, .stall_seconds = 5, .lowest_rate = 100000, .grace_ms = 150};

/* The same from where the last try ended, so that each one has a little more. */
static void drip_on(server *s, int fd, const server_request *r, void *user) {
    (void)user;
    long long from = r->from < 0 ? 0 : r->from;
    server_head(fd, "%s\r\nContent-Range: bytes %lld-%d/%d\r\nContent-Length: %lld",
                from ? "206 Partial Content" : "200 OK", from, SIZE - 1, SIZE, SIZE - from);
    for (int i = 0; i < 10; i++) {
        server_write(fd, content + from + i, 1);
        server_sleep(s, 20);
    }
    if (r->nth == 6) server_write(fd, content + from + 10, (size_t)(SIZE - from - 10));
}

Test(fetch, slow_tries_are_counted_whatever_they_bring) {
    server *s = begin(drip_on);
    fetch_request r = request_for(s, "/x", in_folder("file"));
    r.patience = hasty;
    r.patience.tries = 3;
    err e = fetch_file(&r);
    cr_expect_eq(e, ERR_NETWORK, "the sixth try is one too many");
    cr_expect_leq(server_count(s, "/x"), 3);
    finish(s);
}

Test(fetch, a_byte_now_and_then_keeps_nothing_alive) {
    static const char *const paths[] = {"/length", "/open", "/head"};
    server *s = begin(drip);
    double begin = clock_seconds();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        fetch_request r = {
            .url = server_url(s, paths[i]), .path = in_folder("file"), .patience = hasty};
        err e = fetch_file(&r);
        cr_expect_eq(e, ERR_NETWORK, "%s", paths[i]);
        cr_expect(strstr(err_message(e), ": too slow to wait for: ") &&
                      strstr(err_message(e), "(the lowest rate is 100000 bytes a second)"),
                  "%s", err_message(e));
        cr_expect_not(file_exists(r.path));
        cr_expect_leq(server_count(s, paths[i]), 2, "what it brought counts as no progress");
    }
    fetch_reply reply;
    err e = fetch_ask(&reply, server_url(s, "/ask"), NULL, false, SIZE, &hasty);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), ": too slow to wait for: "), "%s", err_message(e));
    fetch_reply_free(&reply);
    // one that recovers is gone on with
    fetch_request r = request_for(s, "/once-slow", in_folder("file"));
    r.patience = hasty;
    r.patience.tries = 8;
    e = fetch_file(&r);
    cr_expect_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect(holds_content(r.path));
    cr_expect_lt(clock_seconds() - begin, 20.0);
    finish(s);
}

/* A few bytes a time, quickly, and the connection is cut: each try brings something. */
static void crumbs(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    long long from = r->from < 0 ? 0 : r->from;
    server_head(fd, "%s\r\nContent-Range: bytes %lld-%d/%d\r\nContent-Length: %lld",
                r->from < 0 ? "200 OK" : "206 Partial Content", from, SIZE - 1, SIZE, SIZE - from);
    server_write(fd, content + from, 300);
}

Test(fetch, all_tries_together_have_an_end) {
    server *s = begin(crumbs);
    fetch_request r = request_for(s, "/x", in_folder("file"));
    r.patience =
        (fetch_patience){.tries = 3, .first_wait_ms = 20, .lowest_rate = 30000, .total_ms = 150};
    double begin = clock_seconds();
    err e = fetch_file(&r);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), "; given up after "), "%s", err_message(e));
    cr_expect_lt(clock_seconds() - begin, 10.0);
    cr_expect_gt(server_count(s, "/x"), 3, "tries that bring something are not counted");
    cr_expect_lt(server_count(s, "/x"), 200);
    cr_expect(file_exists(in_folder("file.part")), "what came stays for the next time");
    finish(s);
}

/* Half a second for the whole, in ten parts. */
static void in_parts(server *s, int fd, const server_request *r, void *user) {
    (void)r;
    (void)user;
    server_head(fd, "200 OK\r\nContent-Length: %d", SIZE);
    for (int i = 0; i < 10; i++) {
        server_write(fd, content + i * (SIZE / 10), SIZE / 10);
        server_sleep(s, 30);
    }
}

Test(fetch, progress_is_told_without_a_terminal) {
    server *s = begin(in_parts);
    fetch_request r = request_for(s, "/x", in_folder("file"));
    r.patience.note_ms = 50;
    said_begin();
    err e = fetch_file(&r);
    char *notes = said_end();
    cr_expect_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect(strstr(notes, "file: 0.") && strstr(notes, " of 0.3 MB so far\n"), "%s", notes);
    mem_free(notes);
    finish(s);
}

static void evil_head(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    if (is(r, "/there"))
        server_head(fd, "302 Found\r\nLocation: /x\x1b[31m\r\nContent-Length: 0");
    else if (is(r, "/name"))
        server_head(fd, "200 OK\r\nX-A\x07: b\r\nContent-Length: 0");
    else
        server_head(fd, "200 O\x1bK\r\nContent-Length: 0");
}

Test(fetch, headers_with_control_characters_are_refused) {
    static const char *const paths[] = {"/there", "/name", "/status"};
    server *s = begin(evil_head);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        fetch_request r = {
            .url = server_url(s, paths[i]), .path = in_folder("file"), .patience = quick};
        err e = fetch_file(&r);
        cr_expect_eq(e, ERR_SERVER, "%s", paths[i]);
        cr_expect(strstr(err_message(e), ": a header of the answer holds a control character (0x"),
                  "%s", err_message(e));
        cr_expect_eq(server_count(s, paths[i]), 1, "not tried again");
        cr_expect_not(strchr(err_message(e), '\x1b'));
        cr_expect_not(file_exists(r.path));
    }
    finish(s);
}

static void long_line(server *s, int fd, const server_request *r, void *user) {
    static char head[300000] = "HTTP/1.1 200 OK\r\nX-A: ";
    (void)s;
    (void)r;
    (void)user;
    size_t begin = strcspn(head, "A");
    memset(head + begin, 'x', sizeof head - begin);
    server_write(fd, head, sizeof head);
}

/* libcurl says that memory ran out, and a sweep would end. */
Test(fetch, a_header_line_without_end_is_the_servers_fault) {
    server *s = begin(long_line);
    fetch_request r = {.url = server_url(s, "/x"), .path = in_folder("file"), .patience = quick};
    MUST_FAIL(fetch_file(&r), ERR_SERVER, "a line of the answer's head is too long");
    cr_expect_not(file_exists(r.path));
    finish(s);
}

static void nothing(int number) {
    (void)number;
}

/* Another program has the lock for a while, and a signal comes meanwhile that somebody handles. */
Test(fetch, a_signal_ends_no_wait_for_another_program) {
    const struct sigaction handled = {.sa_handler = nothing}; // calls are not begun again
    const struct itimerval soon = {.it_value = {.tv_usec = 50000}};
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    cr_assert_eq(pthread_sigmask(SIG_BLOCK, &alarm, NULL), 0); // in the server's threads
    server *s = begin(misbehave);
    fetch_request r = request_for(s, "/good", in_folder("file"));
    const char *lock = in_folder("file.lock");
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        int f = open(lock, O_RDWR | O_CREAT, 0600);
        if (flock(f, LOCK_EX) || write(ready[1], "", 1) != 1) _exit(1);
        nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL);
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(sigaction(SIGALRM, &handled, NULL), 0);
    cr_assert_eq(pthread_sigmask(SIG_UNBLOCK, &alarm, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    MUST(fetch_file(&r));
    cr_expect(holds_content(r.path));
    cr_assert_eq(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    finish(s);
}

Test(fetch, links_and_pipes_in_the_way_of_a_part_are_refused) {
    server *s = begin(misbehave);
    char to[128], part[128], lock[128], precious[128];
    snprintf(to, sizeof to, "%s", in_folder("file"));
    snprintf(part, sizeof part, "%s", in_folder("file.part"));
    snprintf(lock, sizeof lock, "%s", in_folder("file.lock"));
    snprintf(precious, sizeof precious, "%s", in_folder("precious"));
    fetch_request r = request_for(s, "/good", to);
    cr_assert_eq(file_write(precious, "mine", 4), ERR_OK);
    cr_assert_eq(symlink("precious", part), 0);
    cr_expect_eq(fetch_file(&r), ERR_IO);
    cr_expect(strstr(err_message(ERR_IO), "file.part: cannot write"), "%s", err_message(ERR_IO));
    uint64_t bytes = 0;
    cr_expect(!file_size(&bytes, precious) && bytes == 4);
    unlink(part);
    cr_assert_eq(mkfifo(part, 0600), 0);
    cr_expect_eq(fetch_file(&r), ERR_IO);
    unlink(part);
    cr_assert_eq(unlink(lock), 0);
    cr_assert_eq(symlink("precious", lock), 0);
    cr_expect_eq(fetch_file(&r), ERR_IO);
    cr_expect_not(file_exists(to));
    finish(s);
}

/* 20 bytes of gzip: nobody asked for it to be unpacked. */
static const char packed[20] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";

static void pack_answer(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)r;
    (void)user;
    server_head(fd, "200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu", sizeof packed);
    server_write(fd, packed, sizeof packed);
}

Test(fetch, packed_answers_are_never_unpacked) {
    server *s = begin(pack_answer);
    void *bytes = NULL;
    size_t count = 0;
    fetch_request r = {.url = server_url(s, "/x"), .path = in_folder("file"), .patience = quick};
    cr_assert_eq(fetch_file(&r), ERR_OK, "%s", err_message(ERR_NETWORK));
    cr_assert_eq(file_read(&bytes, &count, r.path, 0), ERR_OK);
    cr_expect(count == sizeof packed && !memcmp(bytes, packed, count));
    mem_free(bytes);
    finish(s);
}

Test(fetch, messages_show_no_secrets) {
    static const char *const urls[] = {"https://me:hidden@127.0.0.1:1/x?sig=hidden#hidden",
                                       "https://hidden@127.0.0.1:1", "ftp://me:hidden@127.0.0.1/x",
                                       "http://me:hidden@example.org/x?sig=hidden"};
    static const char *const places[] = {"http://127.0.0.1:1/x?X-Signature=hidden",
                                         "http://localhost:1?hidden", "ftp://me:hidden@127.0.0.1/x",
                                         "http://example.org/x?sig=hidden",
                                         "https://me:hidden@127.0.0.1:1/y"};
    const char *place = NULL;
    fill_content();
    cr_assert(mkdtemp(folder));
    server *s = server_start(redirect_to, &place);
    for (size_t i = 0; i < 4 + sizeof places / sizeof *places; i++) {
        if (i >= 4) place = places[i - 4];
        const char *url = i < 4 ? urls[i] : server_url(s, "/x?sig=hidden");
        fetch_request r = {
            .url = url, .path = in_folder("file"), .token = "hidden", .patience = quick};
        err e = fetch_file(&r);
        err wanted = i < 2 ? ERR_NETWORK : i < 4 ? ERR_UNSUPPORTED : ERR_SERVER;
        if (i == 4 || i == 5) wanted = ERR_NETWORK; // followed to where nobody listens
        cr_expect_eq(e, wanted, "%s, %s", url, err_message(e));
        cr_expect_not(strstr(err_message(e), "hidden"), "%s: %s", url, err_message(e));
        cr_expect(strstr(err_message(e), "://"), "%s", err_message(e));
        fetch_reply reply;
        e = fetch_ask(&reply, url, "hidden", false, 100, &quick);
        cr_expect_eq(e, wanted, "%s, %s", url, err_message(e));
        cr_expect_not(strstr(err_message(e), "hidden"), "%s: %s", url, err_message(e));
        fetch_reply_free(&reply);
    }
    finish(s);
}

static pid_t start_program(const char *const *arguments) {
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++) dup2(null, fd);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    return pid;
}

Test(fetch, a_certificate_of_its_own_is_refused_unless_it_is_named) {
    for (size_t i = 0; i < 4; i++)
        unsetenv((const char *const[]){"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
                                       "REQUESTS_CA_BUNDLE"}[i]);
    server *s = begin(misbehave); // lends a port that is free when it has stopped
    char address[600], url[600], key[128], certificate[128];
    snprintf(key, sizeof key, "%s", in_folder("key.pem"));
    snprintf(certificate, sizeof certificate, "%s", in_folder("certificate.pem"));
    snprintf(address, sizeof address, "%s", server_url(s, "") + strlen("http://"));
    snprintf(url, sizeof url, "https://%s/x", address);
    server_stop(s);
    int status = 1;
    pid_t pid = start_program((const char *const[]){
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
        certificate, NULL});
    waitpid(pid, &status, 0);
    if (status) {
        cr_assert_eq(folder_remove(folder), ERR_OK);
        cr_skip_test("no openssl");
    }
    pid = start_program((const char *const[]){"openssl", "s_server", "-accept", address, "-key",
                                              key, "-cert", certificate, "-www", NULL});
    fetch_request r = {.url = url, .path = in_folder("file"), .token = "secret", .patience = quick};
    err e = ERR_OK;
    const char *message = "";
    for (int i = 0; i < 200; i++) { // until it listens
        e = fetch_file(&r);
        message = err_message(e);
        if (!strstr(message, "onnect")) break;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(!strncmp(message, url, strlen(url)) && strstr(message, "certificate"), "%s", message);
    cr_expect(strstr(message, "(certificates of your own are named with SSL_CERT_FILE)"), "%s",
              message);
    cr_expect_not(strstr(message, "secret"), "%s", message);
    cr_expect_not(file_exists(r.path));
    // a file without a certificate, and the one that vouches for the server
    setenv("CURL_CA_BUNDLE", key, 1);
    e = fetch_file(&r);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), "(CURL_CA_BUNDLE names "), "%s", err_message(e));
    unsetenv("CURL_CA_BUNDLE");
    setenv("SSL_CERT_FILE", in_folder("absent"), 1);
    e = fetch_file(&r);
    cr_expect_eq(e, ERR_USAGE);
    cr_expect(strstr(err_message(e), "SSL_CERT_FILE: there are no certificates at "), "%s",
              err_message(e));
    setenv("SSL_CERT_FILE", certificate, 1);
    e = fetch_file(&r);
    cr_expect_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect(file_exists(r.path));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_assert_eq(folder_remove(folder), ERR_OK);
}

Test(fetch, every_allocation_may_fail) {
    server *s = begin(misbehave);
    size_t live = mem_live_count();
    for (uint64_t n = 1;; n++) {
        fetch_request r = request_for(s, "/redirect", in_folder("file"));
        mem_fail_at(n);
        err e = fetch_file(&r);
        mem_fail_at(0);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)n);
        cr_assert_eq(file_exists(r.path), e == ERR_OK);
        if (!e) {
            cr_assert_gt(n, 5);
            break;
        }
        cr_assert_eq(e, ERR_MEMORY, "request %llu: %s", (unsigned long long)n, err_message(e));
    }
    finish(s);
}

// a closed port: nobody listens
Test(fetch, an_absent_server_is_named) {
    server *s = begin(misbehave);
    fetch_request r = request_for(s, "/good", in_folder("file"));
    char url[600];
    snprintf(url, sizeof url, "%s", r.url);
    r.url = url;
    server_stop(s);
    err e = fetch_file(&r);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), "Failed to connect") || strstr(err_message(e), "onnect"), "%s",
              err_message(e));
    cr_assert_eq(folder_remove(folder), ERR_OK);
}

/* The notes of a try again that an asking for a name without address makes. */
static size_t tries_again(bool as_file) {
    static const fetch_patience patience = {.tries = 4, .first_wait_ms = 1};
    const char *url = "https://nowhere.invalid/file";
    size_t count = 0;
    fetch_request r = {.url = url, .path = in_folder("file"), .patience = patience};
    fetch_reply reply = {0};
    log_set_quiet(false);
    said_begin();
    err e = as_file ? fetch_file(&r) : fetch_ask(&reply, url, NULL, false, 100, &patience);
    char *said = said_end();
    log_set_quiet(true);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), "nowhere.invalid"), "%s", err_message(e));
    for (const char *at = said; (at = strstr(at, "trying again")); at++) count++;
    mem_free(said);
    fetch_reply_free(&reply);
    return count;
}

/* Without a network: known after one second try, and from then on at once, until it is there. */
Test(fetch, a_name_without_address_takes_no_time) {
    server *s = begin(misbehave);
    fetch_request r = request_for(s, "/good", in_folder("other"));
    cr_expect_eq(tries_again(false), 1);
    cr_expect_eq(tries_again(false), 0);
    cr_expect_eq(tries_again(true), 0);
    MUST(fetch_file(&r));
    cr_expect_eq(tries_again(true), 1);
    cr_expect_eq(tries_again(true), 0);
    finish(s);
}

/* A file whose line is cut, and then leads to a name without address. */
static void cut_then_nowhere(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    if (r->nth == 1)
        send_half(fd);
    else
        server_head(fd, "302 Found\r\nLocation: https://nowhere.invalid/x\r\nContent-Length: 0");
}

/* Where something came, a network that is gone a moment later is waited for. */
Test(fetch, a_line_that_was_there_is_waited_for) {
    server *s = begin(cut_then_nowhere);
    fetch_request r = request_for(s, "/file", in_folder("file"));
    r.patience.tries = 5;
    err e = fetch_file(&r);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), "nowhere.invalid"), "%s", err_message(e));
    cr_expect_eq(server_count(s, "/file"), 5);
    finish(s);
}

static void task_files(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    const char *body = is(r, "/train.csv") ? "text,label\na,0\nb,1\n" : "text,label\nc,1\n";
    server_head(fd, "200 OK\r\nContent-Length: %zu", strlen(body));
    server_write(fd, body, strlen(body));
}

Test(fetch, a_task_is_fetched_checked_and_mended) {
    server *s = begin(task_files);
    char rest[1024], hex[HASH_HEX_BYTES];
    hash_bytes_hex("text,label\na,0\nb,1\n", 19, hex);
    snprintf(
        rest, sizeof rest,
        "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": [{\"role\": "
        "\"train\", \"name\": \"train.csv\", \"url\": \"%s\", \"bytes\": 19, \"sha256\": \"%s\"}, "
        "{\"role\": "
        "\"test\", \"name\": \"test.csv\", \"url\": \"%s\"}]",
        server_url(s, "/train.csv"), hex, server_url(s, "/test.csv"));
    made_task m;
    dataset d;
    made_task_begin(&m, NULL, NULL, rest);
    setenv("XDG_CACHE_HOME", folder, 1);
    unsetenv("HARNESS_DATA");
    unsetenv("HF_HUB_OFFLINE");
    err e = fetch_task(&m.task, NULL, true, true);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), "--offline forbids to fetch it"), "%s", err_message(e));
    setenv("HF_HUB_OFFLINE", "TRUE", 1);
    e = fetch_task(&m.task, NULL, false, true);
    cr_expect(strstr(err_message(e), "HF_HUB_OFFLINE forbids to fetch it"), "%s", err_message(e));
    setenv("HF_HUB_OFFLINE", "", 1);
    setenv("TRANSFORMERS_OFFLINE", "1", 1);
    e = fetch_task(&m.task, NULL, false, true);
    cr_expect(strstr(err_message(e), "TRANSFORMERS_OFFLINE forbids to fetch it"), "%s",
              err_message(e));
    setenv("HF_HUB_OFFLINE", "0", 1);
    e = fetch_task(&m.task, NULL, false, true);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    e = dataset_load(&d, &m.task, NULL);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect_eq(d.train.row_count, 2);
    dataset_free(&d);
    // again: nothing is asked; a file that was changed is fetched anew, but only when it is checked
    cr_expect_eq(fetch_task(&m.task, NULL, false, true), ERR_OK);
    cr_expect_eq(server_count(s, "/train.csv"), 1);
    cr_assert_eq(file_write(in_folder("harness/data/made/train.csv"), "changed", 7), ERR_OK);
    cr_expect_eq(fetch_task(&m.task, NULL, false, false), ERR_OK);
    cr_expect_eq(server_count(s, "/train.csv"), 1);
    cr_expect_eq(fetch_task(&m.task, NULL, false, true), ERR_OK);
    cr_expect_eq(server_count(s, "/train.csv"), 2);
    // what is there stays until the new one is
    const char *good = m.task.files[0].url;
    char *none, *text = NULL;
    size_t bytes = 0;
    MUST(mem_printf(&none, "%s/none", good));
    m.task.files[0].url = none;
    MUST(file_write(in_folder("harness/data/made/train.csv"), "changed", 7));
    MUST_FAIL(fetch_task(&m.task, NULL, false, true), ERR_DATA, "/train.csv/none: the server ");
    MUST(file_read((void **)&text, &bytes, in_folder("harness/data/made/train.csv"), 0));
    cr_expect_str_eq(text, "changed");
    mem_free(text);
    mem_free(none);
    m.task.files[0].url = good;
    cr_expect_eq(fetch_task(&m.task, NULL, false, true), ERR_OK);
    // what the user names by HARNESS_DATA is never written to
    made_task_file(&m, "train.csv", "mine", 4);
    setenv("HARNESS_DATA", m.folder, 1);
    e = fetch_task(&m.task, NULL, false, true);
    cr_expect_eq(e, ERR_DATA);
    cr_expect(strstr(err_message(e), "train.csv: 4 bytes, the manifest expects 19"), "%s",
              err_message(e));
    made_task_file(&m, "train.csv", "mine, and longer than that", 26);
    MUST_FAIL(fetch_task(&m.task, NULL, false, true), ERR_DATA,
              "train.csv: 26 bytes, the manifest expects 19; move it away");
    // nor is a file that differs in the folder of --data
    unsetenv("HARNESS_DATA");
    dataset_options named = {.data_dir = m.folder};
    MUST_FAIL(fetch_task(&m.task, &named, false, true), ERR_DATA,
              "train.csv: 26 bytes, the manifest expects 19; move it away");
    cr_expect_eq(server_count(s, "/train.csv"), 3);
    made_task_end(&m);
    finish(s);
}

// a manifest's size counts on its own, with a hash and without one
Test(fetch, a_file_of_another_size_than_the_manifests_is_refused) {
    static const struct {
        unsigned bytes;
        bool has_hash, is_good;
    } rows[] = {{19, true, true},   {19, false, true}, {18, true, false},
                {18, false, false}, {20, true, false}, {20, false, false}};
    server *s = begin(task_files);
    char rest[1024], hash[100], hex[HASH_HEX_BYTES];
    hash_bytes_hex("text,label\na,0\nb,1\n", 19, hex);
    snprintf(hash, sizeof hash, ", \"sha256\": \"%s\"", hex);
    unsetenv("HARNESS_DATA");
    unsetenv("HF_HUB_OFFLINE");
    unsetenv("TRANSFORMERS_OFFLINE");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        made_task m;
        char place[64];
        snprintf(rest, sizeof rest,
                 "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": "
                 "[{\"role\": \"train\", \"name\": \"train.csv\", \"url\": \"%s\", \"bytes\": "
                 "%u%s}, {\"role\": \"test\", \"name\": \"test.csv\", \"url\": \"%s\"}]",
                 server_url(s, "/train.csv"), rows[i].bytes, rows[i].has_hash ? hash : "",
                 server_url(s, "/test.csv"));
        made_task_begin(&m, NULL, NULL, rest);
        snprintf(place, sizeof place, "cache-%zu", i);
        setenv("XDG_CACHE_HOME", in_folder(place), 1);
        err e = fetch_task(&m.task, NULL, false, false);
        cr_expect_eq(e, rows[i].is_good ? ERR_OK : ERR_DATA, "row %zu: %s", i, err_message(e));
        snprintf(place, sizeof place, "cache-%zu/harness/data/made/train.csv", i);
        cr_expect_eq(file_exists(in_folder(place)), rows[i].is_good, "row %zu", i);
        made_task_end(&m);
    }
    finish(s);
}

/* A file that only a git tree names: the right one is taken, another is not. */
Test(fetch, a_git_blob_is_compared) {
    static const char *const ids[] = {"38a83e67508302d85ce276286ec27a0d7ce84f5a",
                                      "0000000000000000000000000000000000000000"};
    server *s = begin(task_files);
    char rest[1024];
    unsetenv("HARNESS_DATA");
    unsetenv("HF_HUB_OFFLINE");
    unsetenv("TRANSFORMERS_OFFLINE");
    for (size_t i = 0; i < 2; i++) {
        made_task m;
        char place[64];
        snprintf(rest, sizeof rest,
                 "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": "
                 "[{\"role\": \"train\", \"name\": \"train.csv\", \"url\": \"%s\", \"git_blob\": "
                 "\"%s\"}, {\"role\": \"test\", \"name\": \"test.csv\", \"url\": \"%s\"}]",
                 server_url(s, "/train.csv"), ids[i], server_url(s, "/test.csv"));
        made_task_begin(&m, NULL, NULL, rest);
        snprintf(place, sizeof place, "blobs-%zu", i);
        setenv("XDG_CACHE_HOME", in_folder(place), 1);
        err e = fetch_task(&m.task, NULL, false, false);
        cr_expect_eq(e, i ? ERR_DATA : ERR_OK, "%s", err_message(e));
        if (i)
            cr_expect(strstr(err_message(e),
                             "its git blob id is 38a83e67508302d85ce276286ec27a0d7ce84f5a"),
                      "%s", err_message(e));
        made_task_end(&m);
    }
    finish(s);
}
