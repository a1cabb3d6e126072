// A hub made for the test: the cache it leaves is laid out as Python's, and what is there is used.
#define _XOPEN_SOURCE 700
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/find_run.h"
#include "net/hub.h"
#include "net/hub_internal.h"
#include "net/server.h"
#include "platform/file.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define NEWER "89abcdef0123456789abcdef0123456789abcdef"
#define CONFIG "{\"model_type\": \"bert\"}\n"
#define VOCAB "[PAD]\n[UNK]\n"
#define WEIGHTS "these stand for weights"

static char folder[] = "/tmp/harness-test-XXXXXX", weights_sha256[HASH_HEX_BYTES];
static unsigned storage_port;
static char storage_token[64] = "unset";
static char hub_token[64] = "unset";
static bool corrupt, moved;
static unsigned long long claimed; // bytes of small files, if not 0

static bool is(const char *path, const char *want) {
    return !strcmp(path, want);
}

static void storage(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    snprintf(storage_token, sizeof storage_token, "%s", r->token);
    server_head(fd, "200 OK\r\nContent-Length: %zu", strlen(WEIGHTS));
    server_write(fd, WEIGHTS, strlen(WEIGHTS));
}

static void small_file(int fd, const server_request *r, const char *etag, const char *body) {
    size_t n = strlen(body);
    server_head(fd, "200 OK\r\nETag: \"%s\"\r\nX-Repo-Commit: " COMMIT "\r\nContent-Length: %llu",
                etag, claimed ? claimed : n);
    if (strcmp(r->method, "HEAD"))
        server_write(fd, corrupt ? "XXXXXXXXXXXXXXXXXXXXXXXXXXXX" : body, n);
}

static void listing(int fd, const char *body) {
    server_head(fd, "200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu",
                strlen(body));
    server_write(fd, body, strlen(body));
}

#define INDEX                                                                                      \
    "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", \"b\": "                       \
    "\"model-00002-of-00002.safetensors\"}}"
#define SHARDED(file) "/org/sharded/resolve/" COMMIT "/" file

static void sharded(int fd, const server_request *r) {
    if (is(r->path, "/api/models/org/sharded/revision/main"))
        listing(fd, "{\"sha\": \"" COMMIT
                    "\", \"siblings\": [{\"rfilename\": \"model-00002-of-00002.safetensors\"}, "
                    "{\"rfilename\": \"model-00001-of-00002.safetensors\"}, {\"rfilename\": "
                    "\"model.safetensors.index.json\"}, {\"rfilename\": \"vocab.txt\"}, "
                    "{\"rfilename\": \"config.json\"}]}");
    else if (is(r->path, SHARDED("config.json")))
        small_file(fd, r, "config", CONFIG);
    else if (is(r->path, SHARDED("vocab.txt")))
        small_file(fd, r, "vocab", VOCAB);
    else if (is(r->path, SHARDED("model.safetensors.index.json")))
        small_file(fd, r, "index", INDEX);
    else if (is(r->path, SHARDED("model-00001-of-00002.safetensors")))
        small_file(fd, r, "one", "one");
    else
        small_file(fd, r, "two", "two");
}

#define RESOLVE(file) "/org/model/resolve/" COMMIT "/" file

static void hub(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    snprintf(hub_token, sizeof hub_token, "%s", r->token);
    if (strstr(r->path, "org/sharded/")) {
        sharded(fd, r);
    } else if (is(r->path, "/api/models/org/broken/revision/main")) {
        server_head(fd, "418 I'm a teapot\r\nContent-Length: 0");
    } else if (is(r->path, "/api/models/org/gated/revision/main")) {
        server_head(fd, "403 Forbidden\r\nX-Error-Code: GatedRepo\r\nContent-Length: 0");
    } else if (is(r->path, "/api/models/org/model/revision/v9")) {
        server_head(fd, "404 Not Found\r\nX-Error-Code: RevisionNotFound\r\nContent-Length: 0");
    } else if (moved && is(r->path, "/api/models/org/model/revision/main")) {
        listing(fd, "{\"sha\": \"" NEWER "\", \"siblings\": [{\"rfilename\": \"config.json\"}, "
                    "{\"rfilename\": \"vocab.txt\"}, {\"rfilename\": \"model.safetensors\"}]}");
    } else if (strstr(r->path, "/resolve/" NEWER "/")) {
        small_file(fd, r, "newer", CONFIG);
    } else if (is(r->path, "/api/models/org/model/revision/main") ||
               is(r->path, "/api/models/org/model/revision/refs%2Fpr%2F1") ||
               is(r->path, "/api/models/org/model/revision/v1.0")) {
        listing(fd, "{\"sha\": \"" COMMIT
                    "\", \"siblings\": [{\"rfilename\": \"README.md\"}, {\"rfilename\": "
                    "\"config.json\"}, {\"rfilename\": \"vocab.txt\"}, {\"rfilename\": "
                    "\"pytorch_model.bin\"}, "
                    "{\"rfilename\": \"model.safetensors\"}, {\"rfilename\": \"../../evil\"}]}");
    } else if (is(r->path, "/api/models/org/pickle/revision/main")) {
        listing(fd, "{\"sha\": \"" COMMIT
                    "\", \"siblings\": [{\"rfilename\": \"config.json\"}, {\"rfilename\": "
                    "\"pytorch_model.bin\"}]}");
    } else if (is(r->path, "/api/models/old-name/revision/main")) {
        server_head(fd, "307 Temporary Redirect\r\nLocation: "
                        "/api/models/org/model/revision/main\r\nContent-Length: 0");
    } else if (is(r->path, "/api/models/org/closed/revision/main") && strcmp(r->token, "secret")) {
        server_head(fd, "401 Unauthorized\r\nContent-Length: 0");
    } else if (!strncmp(r->path, "/old-name/resolve/", 18)) {
        server_head(fd, "307 Temporary Redirect\r\nLocation: /org/model%s\r\nContent-Length: 0",
                    r->path + 9);
    } else if (is(r->path, RESOLVE("config.json"))) {
        small_file(fd, r, "dc1fb7b6703fe03317c1a080b523bf475f3d4818", CONFIG);
    } else if (is(r->path, RESOLVE("vocab.txt"))) {
        // the small files of today's hub stand behind one more redirect of its own
        server_head(fd,
                    "307 Temporary Redirect\r\nLocation: /cached/vocab.txt\r\nContent-Length: 0");
    } else if (is(r->path, "/cached/vocab.txt")) {
        small_file(fd, r, "b4f5d8a1c6f5bb4bdc1d6acc38a9ef0ed2c0ba23-gzip", VOCAB);
    } else if (is(r->path, RESOLVE("model.safetensors"))) {
        server_head(fd,
                    "302 Found\r\nLocation: http://127.0.0.1:%u/blob\r\nX-Linked-Etag: "
                    "\"%s\"\r\nX-Linked-Size: "
                    "%zu\r\nETag: \"other\"\r\nX-Repo-Commit: " COMMIT "\r\nContent-Length: 0",
                    storage_port, weights_sha256, strlen(WEIGHTS));
    } else {
        server_head(fd, "404 Not Found\r\nContent-Length: 0");
    }
}

typedef struct pair {
    server *hub, *storage;
} pair;

static pair begin(void) {
    pair p;
    log_set_quiet(true);
    hash_bytes_hex(WEIGHTS, strlen(WEIGHTS), weights_sha256);
    cr_assert(mkdtemp(folder));
    p.hub = server_start(hub, NULL);
    p.storage = server_start(storage, NULL);
    cr_assert_eq(sscanf(server_url(p.storage, ""), "http://127.0.0.1:%u", &storage_port), 1);
    setenv("HF_ENDPOINT", server_url(p.hub, ""), 1);
    setenv("HF_HOME", folder, 1);
    setenv("HF_TOKEN", "secret", 1);
    static const char *const others[] = {"HF_HUB_CACHE",       "HUGGINGFACE_HUB_CACHE",
                                         "HF_HUB_OFFLINE",     "TRANSFORMERS_OFFLINE",
                                         "HF_TOKEN_PATH",      "HUGGING_FACE_HUB_TOKEN",
                                         "TRANSFORMERS_CACHE", "HF_HUB_DISABLE_IMPLICIT_TOKEN"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) unsetenv(others[i]);
    return p;
}

static void finish(pair p) {
    if (p.hub) server_stop(p.hub);
    server_stop(p.storage);
    cr_assert_eq(folder_remove(folder), ERR_OK);
}

#define SNAPSHOT "models--org--model/snapshots/" COMMIT

static const char *below(const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/hub/%s", folder, name);
    return path;
}

static void expect_link(const char *name, const char *target, const char *text) {
    char found[256] = "";
    void *bytes;
    size_t count;
    cr_expect_gt(readlink(below(name), found, sizeof found - 1), 0, "%s", name);
    cr_expect_str_eq(found, target);
    cr_assert_eq(file_read(&bytes, &count, below(name), 0), ERR_OK);
    cr_expect_str_eq(bytes, text);
    mem_free(bytes);
}

CleanTest(hub, a_model_lies_in_the_cache_as_python_lays_it) {
    pair p = begin();
    char *found, target[128];
    err e = hub_model(&found, "org/model", false);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect_str_eq(found, below(SNAPSHOT));
    mem_free(found);
    expect_link(SNAPSHOT "/config.json", "../../blobs/dc1fb7b6703fe03317c1a080b523bf475f3d4818",
                CONFIG);
    expect_link(SNAPSHOT "/vocab.txt", "../../blobs/b4f5d8a1c6f5bb4bdc1d6acc38a9ef0ed2c0ba23-gzip",
                VOCAB);
    snprintf(target, sizeof target, "../../blobs/%s", weights_sha256);
    expect_link(SNAPSHOT "/model.safetensors", target, WEIGHTS);
    cr_expect_not(file_exists(below(SNAPSHOT "/README.md")), "only what is read is fetched");
    cr_expect_str_eq(storage_token, "", "the token is the hub's alone");
    void *ref;
    size_t count;
    cr_assert_eq(file_read(&ref, &count, below("models--org--model/refs/main"), 0), ERR_OK);
    cr_expect_str_eq(ref, COMMIT);
    mem_free(ref);
    // again: the hub is asked whether main moved, and nothing is downloaded or written
    struct stat before, after;
    cr_assert_eq(stat(below("models--org--model/refs/main"), &before), 0);
    cr_assert_eq(hub_model(&found, "org/model@main", false), ERR_OK);
    mem_free(found);
    cr_assert_eq(stat(below("models--org--model/refs/main"), &after), 0);
    cr_expect_eq(before.st_ino, after.st_ino, "an atomic write gives another file");
    cr_expect_eq(server_count(p.hub, RESOLVE("config.json")), 2, "HEAD and GET, once");
    cr_expect_eq(server_count(p.storage, "/blob"), 1);
    finish(p);
}

/* What scores takes a hub name as every other verb does. */
Test(hub, a_model_that_scores_is_found) {
    pair p = begin();
    char *found;
    MUST_FAIL(find_run(&found, "org/model", NULL, true), ERR_NETWORK, "org/model");
    MUST(find_run(&found, "org/model", NULL, false));
    cr_expect_str_eq(found, below(SNAPSHOT));
    mem_free(found);
    cr_expect(find_run_is_hub("org/model") && find_run_is_hub("bert-base-uncased"));
    cr_expect_not(find_run_is_hub("tiny") || find_run_is_hub("ko-tiny") || find_run_is_hub("/") ||
                  find_run_is_hub("tinny") || find_run_is_hub(NULL));
    finish(p);
}

Test(hub, what_is_there_serves_offline_by_commit_and_when_the_hub_is_gone) {
    pair p = begin();
    char *found;
    err e = hub_model(&found, "org/model", true);
    cr_expect_eq(e, ERR_NETWORK);
    cr_expect(strstr(err_message(e), "model 'org/model' (revision main) is not whole in "), "%s",
              err_message(e));
    cr_expect(strstr(err_message(e), "--offline forbids to fetch it"));
    cr_assert_eq(hub_model(&found, "org/model", false), ERR_OK);
    mem_free(found);
    unsigned asked = server_count(p.hub, "/api/models/org/model/revision/main");
    setenv("HF_HUB_OFFLINE", "1", 1);
    cr_expect_eq(hub_model(&found, "org/model", false), ERR_OK);
    mem_free(found);
    unsetenv("HF_HUB_OFFLINE");
    cr_expect_eq(hub_model(&found, "org/model@" COMMIT, false), ERR_OK);
    mem_free(found);
    cr_expect_eq(server_count(p.hub, "/api/models/org/model/revision/main"), asked);
    server_stop(p.hub);
    p.hub = NULL;
    e = hub_model(&found, "org/model", false);
    cr_expect_eq(e, ERR_OK, "%s", err_message(e));
    mem_free(found);
    // one file short is not whole
    cr_assert_eq(unlink(below(SNAPSHOT "/vocab.txt")), 0);
    cr_expect_eq(hub_model(&found, "org/model", true), ERR_NETWORK);
    finish(p);
}

Test(hub, revisions_old_names_and_tokens) {
    pair p = begin();
    char *found;
    cr_assert_eq(hub_model(&found, "org/model@v1.0", false), ERR_OK);
    mem_free(found);
    cr_expect(file_exists(below("models--org--model/refs/v1.0")));
    err e = hub_model(&found, "old-name", false);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    mem_free(found);
    cr_expect(file_exists(below("models--old-name/snapshots/" COMMIT "/model.safetensors")));
    unsetenv("HF_TOKEN");
    e = hub_model(&found, "org/closed", false);
    cr_expect_eq(e, ERR_USAGE);
    cr_expect(strstr(err_message(e),
                     "has no model 'org/closed' at revision 'main', or it is closed to you "
                     "(it answers 401; a closed one needs HF_TOKEN)"),
              "%s", err_message(e));
    e = hub_model(&found, "org/absent", false);
    cr_expect_eq(e, ERR_USAGE);
    cr_expect(strstr(err_message(e), "(it answers 404"), "%s", err_message(e));
    finish(p);
}

Test(hub, revisions_beside_the_name) {
    pair p = begin();
    char *found, *name;
    err e = hub_model(&found, "org/model@refs/pr/1", false);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    mem_free(found);
    cr_expect(file_exists(below("models--org--model/refs/refs/pr/1")), "as Python names it");
    e = hub_model(&found, "org/model@v9", false);
    cr_expect_eq(e, ERR_USAGE);
    cr_expect(strstr(err_message(e), ": model 'org/model' has no revision 'v9'"), "%s",
              err_message(e));
    e = hub_model(&found, "org/gated", false);
    cr_expect_eq(e, ERR_USAGE);
    cr_expect(strstr(err_message(e), "is gated: ask for access on its page, then let the token"),
              "%s", err_message(e));
    unsetenv("HF_TOKEN");
    e = hub_model(&found, "org/gated", false);
    cr_expect(strstr(err_message(e), "then name a token with HF_TOKEN"), "%s", err_message(e));
    static const struct {
        const char *name, *revision, *want; // want NULL: refused
    } rows[] = {
        {"org/model", "v1.0", "org/model@v1.0"},
        {"org/model@v1.0", "v1.0", "org/model@v1.0"},
        {"org/model@v1.0", "main", NULL},
        {"model", "refs/pr/1", "model@refs/pr/1"},
        {"a/b/c", "v1", NULL},
        {"org/model", "../v1", NULL},
        {"org/model", "", NULL},
        {"org/model", "a@b", NULL},
        {"org/model@", "v1", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        e = hub_name_at(&name, rows[i].name, rows[i].revision);
        cr_expect_eq(e, rows[i].want ? ERR_OK : ERR_USAGE, "%zu", i);
        if (!e) cr_expect_str_eq(name, rows[i].want);
        mem_free(name);
    }
    finish(p);
}

Test(hub, the_environment_as_python_reads_it) {
    pair p = begin();
    char *found, endpoint[128], home[128];
    static const struct {
        const char *token, *file, *sent; // of the token
    } rows[] = {{"secret\n", NULL, "secret"},
                {" secret\r\n", "other", "secret"},
                {NULL, "filed\n", "filed"},
                {"", "filed", "filed"},
                {NULL, NULL, ""}};
    snprintf(endpoint, sizeof endpoint, "%s///", server_url(p.hub, ""));
    setenv("HF_ENDPOINT", endpoint, 1);
    setenv("HOME", folder, 1);
    setenv("HF_HOME", "~/x/../home", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsetenv("HF_TOKEN");
        if (rows[i].token) setenv("HF_TOKEN", rows[i].token, 1);
        snprintf(home, sizeof home, "%s/x", folder);
        cr_assert_eq(folder_make(home), ERR_OK);
        snprintf(home, sizeof home, "%s/home", folder);
        cr_assert_eq(folder_make(home), ERR_OK);
        strcat(home, "/token");
        unlink(home);
        if (rows[i].file)
            cr_assert_eq(file_write(home, rows[i].file, strlen(rows[i].file)), ERR_OK);
        err e = hub_tokenizer(&found, "org/model", false);
        cr_assert_eq(e, ERR_OK, "%s", err_message(e));
        mem_free(found);
        cr_expect_str_eq(hub_token, rows[i].sent, "%zu: %s", i, hub_token);
    }
    cr_expect_eq(server_count(p.hub, "/api/models/org/model/revision/main"), 5, "no double slash");
    cr_expect_not(folder_exists("~"), "~ is the home folder, not a name");
    snprintf(home, sizeof home, "%s/home/hub/" SNAPSHOT "/vocab.txt", folder);
    cr_expect(file_exists(home));
    // nothing is sent, and nothing is made, with a token that would split the head
    setenv("HF_TOKEN", "secret\r\nX-Injected: 1", 1);
    err e = hub_tokenizer(&found, "org/model", false);
    cr_expect_eq(e, ERR_USAGE);
    cr_expect(strstr(err_message(e), "HF_TOKEN: the token holds a blank"), "%s", err_message(e));
    cr_expect_eq(server_count(p.hub, "/api/models/org/model/revision/main"), 5);
    // what needs no network needs no token
    cr_expect_eq(hub_tokenizer(&found, "org/model", true), ERR_OK);
    mem_free(found);
    setenv("HF_TOKEN", "secret", 1);
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", 1);
    cr_expect_eq(hub_tokenizer(&found, "org/model", false), ERR_OK);
    mem_free(found);
    cr_expect_str_eq(hub_token, "");
    // another cache, by its own variable
    snprintf(home, sizeof home, "%s/elsewhere", folder);
    setenv("HF_HUB_CACHE", home, 1);
    cr_expect_eq(hub_tokenizer(&found, "org/model", false), ERR_OK);
    cr_expect_eq(strncmp(found, home, strlen(home)), 0);
    mem_free(found);
    finish(p);
}

#define SHARDS "models--org--sharded/snapshots/" COMMIT "/"

CleanTest(hub, one_shard_of_two) {
    pair p = begin();
    char *found;
    err e = hub_model(&found, "org/sharded", false);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    mem_free(found);
    cr_assert_eq(hub_model(&found, "org/sharded", true), ERR_OK);
    mem_free(found);
    // either of them, as a link without its blob and as no link at all
    static const char *const lost[] = {"models--org--sharded/blobs/one",
                                       SHARDS "model-00002-of-00002.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        char message[128];
        cr_assert_eq(unlink(below(lost[i])), 0);
        e = hub_model(&found, "org/sharded", true);
        cr_expect_eq(e, ERR_NETWORK);
        snprintf(message, sizeof message,
                 "(model-0000%zu-of-00002.safetensors is missing), and --offline forbids", i + 1);
        cr_expect(strstr(err_message(e), message), "%s", err_message(e));
        cr_assert_eq(hub_model(&found, "org/sharded", false), ERR_OK);
        mem_free(found);
        cr_expect(file_exists(below(SHARDS "model-00001-of-00002.safetensors")));
        cr_expect(file_exists(below(SHARDS "model-00002-of-00002.safetensors")));
    }
    cr_expect_eq(server_count(p.hub, SHARDED("model-00001-of-00002.safetensors")), 4, "HEAD, GET");
    cr_expect_eq(server_count(p.hub, SHARDED("config.json")), 2, "what is there stays");
    // an index that names what the hub does not have, or no file name
    static const char *const bad[][2] = {
        {"{\"weight_map\": {\"a\": \"model-00003-of-00003.safetensors\"}}",
         "offers the model without model-00003-of-00003.safetensors"},
        {"{\"weight_map\": {\"a\": \"../../x\"}}", "weight_map: '../../x' is no file name"},
        {"{\"weight_map\": {\"a\": 7}}", "weight_map: '' is no file name"},
        {"{}", "weight_map"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(
            file_write(below("models--org--sharded/blobs/index"), bad[i][0], strlen(bad[i][0])),
            ERR_OK);
        e = hub_model(&found, "org/sharded", false);
        cr_expect(e == ERR_DATA || e == ERR_FORMAT, "%s", err_message(e));
        cr_expect(strstr(err_message(e), bad[i][1]), "%s", err_message(e));
    }
    finish(p);
}

/* In a child without root's rights, for whom the cache is read-only. 0: found, else the error. */
static int as_reader(const char *name, bool offline) {
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (!pid) {
        char *found = NULL;
        if (!geteuid() && (setgid(65534) || setuid(65534))) _exit(100);
        if (!access(below("models--org--model/refs"), W_OK)) _exit(101);
        log_set_quiet(true);
        err e = hub_model(&found, name, offline);
        if (e) fprintf(stderr, "%s\n", err_message(e));
        _exit((int)e);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void set_modes(const char *path, mode_t folders) {
    folder_list list;
    cr_assert_eq(chmod(path, 0755), 0);
    cr_assert_eq(folder_list_read(&list, path), ERR_OK);
    for (size_t i = 0; i < list.count; i++) {
        char *one;
        cr_assert_eq(path_join(&one, path, list.names[i]), ERR_OK);
        if (folder_exists(one)) set_modes(one, folders);
        mem_free(one);
    }
    folder_list_free(&list);
    cr_assert_eq(chmod(path, folders), 0);
}

Test(hub, a_cache_that_cannot_be_written_serves_all_the_same) {
    pair p = begin();
    char *found;
    cr_assert_eq(hub_model(&found, "org/model", false), ERR_OK);
    mem_free(found);
    set_modes(folder, 0555);
    cr_expect_eq(as_reader("org/model", false), ERR_OK);
    cr_expect_eq(as_reader("org/model", true), ERR_OK);
    cr_expect_eq(as_reader("org/model@" COMMIT, false), ERR_OK);
    // a tag that the cache has no name for, at a commit that it has
    cr_expect_eq(as_reader("org/model@v1.0", false), ERR_OK);
    // a newer commit cannot be taken: the copy serves, with a warning
    moved = true;
    cr_expect_eq(as_reader("org/model", false), ERR_OK);
    cr_expect_eq(as_reader("org/sharded", false), ERR_IO, "nothing of it is there");
    set_modes(folder, 0755);
    cr_expect_not(file_exists(below("models--org--model/refs/v1.0")));
    finish(p);
}

Test(hub, a_failed_download_says_what_to_try) {
    pair p = begin();
    char *found;
    // what is answered is no fault of the network
    err e = hub_model(&found, "org/broken", false);
    cr_expect_eq(e, ERR_SERVER);
    const char *message = err_message(e), *end = ": the server answers 418";
    size_t bytes = strlen(message), last = strlen(end);
    cr_expect(bytes > last && !strcmp(message + bytes - last, end), "%s", message);
    static const char *const parts[] = {"nowhere.invalid", "--model DIR", "HF_HUB_OFFLINE=1",
                                        "HTTPS_PROXY", "HF_ENDPOINT"};
    unsetenv("https_proxy");
    setenv("HF_ENDPOINT", "https://nowhere.invalid", 1);
    e = hub_model(&found, "org/broken", false);
    cr_expect_eq(e, ERR_NETWORK);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(err_message(e), parts[i]), "%s: %s", parts[i], err_message(e));
    setenv("https_proxy", "http://nowhere.invalid:1", 1);
    e = hub_model(&found, "org/broken", false);
    cr_expect(strstr(err_message(e), "is the proxy right that the environment names"), "%s",
              err_message(e));
    finish(p);
}

Test(hub, models_without_safetensors_say_how_to_convert) {
    pair p = begin();
    char *found;
    err e = hub_model(&found, "org/pickle", false);
    cr_expect_eq(e, ERR_UNSUPPORTED);
    cr_expect(strstr(err_message(e),
                     "org/pickle: the model has no model.safetensors (only pytorch_model.bin, and "
                     "pickle files are never read); convert it"),
              "%s", err_message(e));
    finish(p);
}

Test(hub, a_file_that_differs_from_its_etag_is_refused) {
    pair p = begin();
    char *found;
    corrupt = true;
    err e = hub_model(&found, "org/model", false);
    cr_expect_eq(e, ERR_DATA);
    cr_expect(strstr(err_message(e), "the hub says dc1fb7b6703fe03317c1a080b523bf475f3d4818"), "%s",
              err_message(e));
    cr_expect_not(
        file_exists(below("models--org--model/blobs/dc1fb7b6703fe03317c1a080b523bf475f3d4818")));
    finish(p);
}

Test(hub, a_small_file_of_many_bytes_is_refused_by_its_head) {
    pair p = begin();
    char *found;
    claimed = (256ull << 20) + 1;
    err e = hub_model(&found, "org/model", false);
    cr_expect_eq(e, ERR_DATA);
    cr_expect(
        strstr(err_message(e), "a file of 268435457 bytes or more, at most 268435456 are taken"),
        "%s", err_message(e));
    finish(p);
}

Test(hub, a_tokenizer_comes_without_weights) {
    pair p = begin();
    char *found;
    err e = hub_tokenizer(&found, "org/model", false);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    mem_free(found);
    cr_expect(file_exists(below(SNAPSHOT "/vocab.txt")));
    cr_expect_eq(server_count(p.storage, "/blob"), 0);
    cr_expect_eq(hub_tokenizer(&found, "org/model", true), ERR_OK);
    mem_free(found);
    cr_expect_eq(hub_model(&found, "org/model", true), ERR_NETWORK, "the weights lack");
    cr_expect_eq(hub_model(&found, "org/model", false), ERR_OK);
    mem_free(found);
    cr_expect_eq(server_count(p.storage, "/blob"), 1);
    finish(p);
}

Test(hub, every_allocation_may_fail) {
    pair p = begin();
    size_t live = mem_live_count();
    for (uint64_t n = 1;; n++) {
        char *found = NULL;
        mem_fail_at(n);
        err e = hub_model(&found, "org/model", false);
        mem_fail_at(0);
        mem_free(found);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)n);
        if (!e) {
            cr_assert_gt(n, 50);
            break;
        }
        cr_assert(e == ERR_MEMORY || e == ERR_FORMAT, "request %llu: %s", (unsigned long long)n,
                  err_message(e));
    }
    finish(p);
}

static const char *told_files, *told_commit, *told_etag;

static void hostile(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)user;
    if (!strncmp(r->path, "/api/", 5)) {
        char text[8192];
        snprintf(text, sizeof text, "{\"sha\": \"%s\", \"siblings\": [%s]}", told_commit,
                 told_files);
        listing(fd, text);
    } else {
        small_file(fd, r, told_etag, CONFIG);
    }
}

/* Regular files and links below the folder; none may be named otherwise than the cache names
 * them. */
static unsigned count_files(const char *path, unsigned depth) {
    folder_list list;
    unsigned count = 0;
    cr_assert_lt(depth, 8);
    cr_assert_eq(folder_list_read(&list, path), ERR_OK);
    for (size_t i = 0; i < list.count; i++) {
        char *one;
        cr_assert_eq(path_join(&one, path, list.names[i]), ERR_OK);
        if (folder_exists(one))
            count += count_files(one, depth + 1);
        else if (!strstr(list.names[i], ".lock"))
            count++;
        mem_free(one);
    }
    folder_list_free(&list);
    return count;
}

#define NAMED(name) "{\"rfilename\": \"" name "\"}"
#define NEEDED NAMED("config.json") ", " NAMED("vocab.txt") ", " NAMED("model.safetensors")
#define ETAG "dc1fb7b6703fe03317c1a080b523bf475f3d4818"

CleanTest(hub, what_a_hostile_hub_says_stays_in_the_cache) {
    static const struct {
        const char *files, *commit, *etag;
        err code;
        const char *message;
        unsigned left;
    } tries[] = {
        // a blob, three links to it and refs/main
        {NEEDED, COMMIT, ETAG, ERR_OK, NULL, 5},
        {NEEDED ", " NAMED("../config.json") ", " NAMED("/etc/passwd") ", " NAMED(
             "sub/"
             "config.json") ", " NAMED("..\\\\config.json") ", " NAMED("config.json/../../"
                                                                       "x") ", " NAMED("mod"
                                                                                       "el-"
                                                                                       "000"
                                                                                       "01-"
                                                                                       "of-"
                                                                                       "000"
                                                                                       "02."
                                                                                       "saf"
                                                                                       "ete"
                                                                                       "nso"
                                                                                       "rs/"
                                                                                       "../"
                                                                                       "../"
                                                                                       "../"
                                                                                       "x") ","
                                                                                            " " NAMED("CON") ", " NAMED(
                                                                                                "co"
                                                                                                "nf"
                                                                                                "ig"
                                                                                                "."
                                                                                                "js"
                                                                                                "on"
                                                                                                " "),
         COMMIT, ETAG, ERR_OK, NULL, 5},
        {NEEDED ", 7, {}, {\"rfilename\": [\"config.json\"]}, null", COMMIT, ETAG, ERR_OK, NULL, 5},
        {NEEDED ", " NAMED("vocab.txt\\u0000/../../x"), COMMIT, ETAG, ERR_FORMAT, "u0000", 0},
        {NEEDED, "../../../../tmp", ETAG, ERR_FORMAT, "is no commit", 0},
        {NEEDED, "0123456789ABCDEF0123456789abcdef01234567", ETAG, ERR_FORMAT, "is no commit", 0},
        {NEEDED, COMMIT, "../../../evil", ERR_SERVER, "names no usable etag", 0},
        {NEEDED, COMMIT, "/etc/passwd", ERR_SERVER, "names no usable etag", 0},
        {NEEDED, COMMIT, "..", ERR_SERVER, "names no usable etag", 0},
        {NEEDED, COMMIT, "a/../b", ERR_SERVER, "names no usable etag", 0},
        {NEEDED, COMMIT, "", ERR_SERVER, "names no usable etag", 0},
        {NEEDED, COMMIT,
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaa",
         ERR_SERVER, "names no usable etag", 0},
    };
    log_set_quiet(true);
    cr_assert(mkdtemp(folder));
    server *s = server_start(hostile, NULL);
    char home[64];
    setenv("HF_ENDPOINT", server_url(s, ""), 1);
    setenv("HF_TOKEN", "secret", 1);
    unsetenv("HF_HUB_CACHE");
    unsetenv("HF_HUB_OFFLINE");
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        char *found = NULL;
        snprintf(home, sizeof home, "%s/%zu/home", folder, i);
        cr_assert_eq(folder_make(home), ERR_OK);
        setenv("HF_HOME", home, 1);
        told_files = tries[i].files;
        told_commit = tries[i].commit;
        told_etag = tries[i].etag;
        err e = hub_model(&found, "org/model", false);
        cr_expect_eq(e, tries[i].code, "%zu: %s", i, err_message(e));
        if (e) {
            cr_expect(strstr(err_message(e), tries[i].message), "%zu: %s", i, err_message(e));
            cr_expect_not(strstr(err_message(e), "secret"), "%s", err_message(e));
        }
        mem_free(found);
        snprintf(home, sizeof home, "%s/%zu", folder, i);
        cr_expect_eq(count_files(home, 0), tries[i].left, "%zu: %u files", i, count_files(home, 0));
    }
    server_stop(s);
    cr_assert_eq(folder_remove(folder), ERR_OK);
}

CleanTest(hub, listings_take_what_is_read_and_no_more) {
    hub__listing l;
    strbuf text = {0};
    cr_assert_eq(strbuf_printf(&text,
                               "{\"sha\": \"%s\", \"siblings\": [" NEEDED ", " NEEDED
                               ", " NAMED("model.safetensors.index.json") ", " NAMED(
                                   "model-00001-of-00002.safetensors") "]}",
                               COMMIT),
                 ERR_OK);
    cr_assert_eq(hub__listing_read(&l, text.text, text.length, false, "hub"), ERR_OK);
    cr_assert_eq(l.count, 3, "each once, and no shards beside the whole");
    cr_expect_str_eq(l.files[2], "model.safetensors", "weights come last");
    hub__listing_free(&l);
    cr_assert_eq(hub__listing_read(&l, text.text, text.length, true, "hub"), ERR_OK);
    cr_expect_eq(l.count, 2);
    hub__listing_free(&l);
    strbuf_free(&text);
    // shards by the thousand, and names that only look like shards
    err e = strbuf_printf(
        &text, "{\"sha\": \"%s\", \"siblings\": [%s", COMMIT,
        NAMED("model- 0001-of-   02.safetensors") ", " NAMED("model-+0001-of-00002.safetensors"));
    for (unsigned i = 0; i < 2000 && !e; i++)
        e = strbuf_printf(&text, ", {\"rfilename\": \"model-%05u-of-02000.safetensors\"}", i);
    if (!e) e = strbuf_add(&text, "]}");
    cr_assert_eq(e, ERR_OK);
    e = hub__listing_read(&l, text.text, text.length, false, "hub");
    cr_expect_eq(e, ERR_DATA);
    cr_expect_str_eq(err_message(e), "hub: the model has 2000 files, at most 1000 are fetched");
    strbuf_free(&text);
}

/* A listing of shards named by their numbers, each with the digit that is given at the end. */
static err read_shards(hub__listing *l, unsigned count, char last) {
    strbuf text = {0};
    cr_assert_eq(strbuf_printf(&text, "{\"sha\": \"%s\", \"siblings\": [", COMMIT), ERR_OK);
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(strbuf_printf(&text, "%s{\"rfilename\": \"model-%05u-of-0200%c.safetensors\"}",
                                   i ? ", " : "", i, last),
                     ERR_OK);
    cr_assert_eq(strbuf_add(&text, "]}"), ERR_OK);
    err e = hub__listing_read(l, text.text, text.length, false, "hub");
    strbuf_free(&text);
    return e;
}

/* As many files as are fetched, and one more; digits are those from 0 to 9. */
Test(hub, listings_and_digits_have_ends) {
    static const char others[] = "/:;@AGZ`agz~-";
    hub__listing l;
    cr_assert_eq(read_shards(&l, HUB_FILES_MAX, '9'), ERR_OK, "%s", err_message(ERR_DATA));
    cr_expect_eq(l.count, HUB_FILES_MAX);
    hub__listing_free(&l);
    cr_assert_eq(read_shards(&l, HUB_FILES_MAX + 1, '0'), ERR_DATA);
    cr_expect_str_eq(err_message(ERR_DATA),
                     "hub: the model has 1001 files, at most 1000 are fetched");
    for (const char *c = others; *c; c++) {
        cr_assert_eq(read_shards(&l, 2, *c), ERR_OK);
        cr_expect_eq(l.count, 0, "'%c' is a digit", *c);
        hub__listing_free(&l);
    }
}

/* Each part of a name has 96 letters at most. */
Test(hub, names_have_an_end) {
    char name[3 * 97 + 3];
    for (int more = 0; more < 2; more++)
        for (int part = 0; part < 3; part++) {
            int n[] = {96, 96, 96};
            static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
                "abcdefghijklmnopqrstuvwxyz";
            n[part] += more;
            snprintf(name, sizeof name, "%.*s/%.*s@%.*s", n[0], letters, n[1], letters, n[2],
                     letters);
            cr_expect_eq(hub_is_name(name), !more, "part %d of %d letters", part, n[part]);
        }
}

Test(hub, names) {
    static const char *const good[] = {"klue/bert-base", "bert-base-multilingual-cased",
                                       "a/b.c_d-e", "a/b@main", "b@refs/pr/1"};
    static const char *const bad[] = {"",   "a/b/c", "../x",  "a//b",   "/a",   "a/",   ".a", "a b",
                                      "a@", "@a",    "a@b@c", "a@../b", "a--b", "a/..", "-a"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(hub_is_name(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(hub_is_name(bad[i]), "%s", bad[i]);
    char *found;
    cr_expect_eq(hub_model(&found, "a/b/c", true), ERR_USAGE);
    cr_expect_eq(hub_model(&found, "a/b@../main", true), ERR_USAGE);
}
