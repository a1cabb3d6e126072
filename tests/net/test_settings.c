// What the environment says of the hub; the right values are huggingface_hub's own.
#define _XOPEN_SOURCE 700
#include "base/log.h"
#include "base/memory.h"
#include "net/settings.h"
#include "platform/file.h"
#include "support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const all[] = {
    "HF_HOME",        "HF_HUB_CACHE",   "HUGGINGFACE_HUB_CACHE",  "TRANSFORMERS_CACHE",
    "XDG_CACHE_HOME", "HF_TOKEN",       "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH",
    "HF_ENDPOINT",    "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",   "SSL_CERT_FILE",
    "SSL_CERT_DIR",   "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",     "HF_HUB_DISABLE_IMPLICIT_TOKEN"};

/* "NAME=value NAME=value"; all else of the list is unset. */
static void surround(const char *text) {
    char copy[512];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) unsetenv(all[i]);
    setenv("HOME", "/h", 1);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *one = strtok(copy, " "); one; one = strtok(NULL, " ")) {
        char *is = strchr(one, '=');
        cr_assert_not_null(is);
        *is = '\0';
        setenv(one, is + 1, 1);
    }
}

Test(settings, the_cache_is_where_python_looks) {
    static const char *const rows[][2] = {
        {"", "/h/.cache/huggingface/hub"},
        {"XDG_CACHE_HOME=/x", "/x/huggingface/hub"},
        {"XDG_CACHE_HOME=rel", "/h/.cache/huggingface/hub"},
        {"HF_HOME=/a XDG_CACHE_HOME=/x", "/a/hub"},
        {"HF_HOME=~/x", "/h/x/hub"},
        {"HF_HOME=$HOME/x", "/h/x/hub"},
        {"HF_HOME=", "/h/.cache/huggingface/hub"},
        {"HF_HUB_CACHE=/b HF_HOME=/a", "/b"},
        {"HF_HUB_CACHE=~/b", "/h/b"},
        {"HUGGINGFACE_HUB_CACHE=/c HF_HOME=/a", "/c"},
        {"HUGGINGFACE_HUB_CACHE=/c HF_HUB_CACHE=/b", "/b"},
        {"HUGGINGFACE_HUB_CACHE=/c HF_HUB_CACHE=", "/c"},
        {"TRANSFORMERS_CACHE=~/t HF_HOME=/a", "/h/t"},
        {"TRANSFORMERS_CACHE=/t HUGGINGFACE_HUB_CACHE=/c", "/c"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path;
        surround(rows[i][0]);
        MUST(settings_hub_cache(&path));
        cr_expect_str_eq(path, rows[i][1], "%s: %s", rows[i][0], path);
        mem_free(path);
    }
}

Test(settings, an_endpoint_has_no_slash_at_its_end_and_is_safe) {
    static const char *const good[][2] = {
        {NULL, "https://huggingface.co"},
        {"https://hub.example/", "https://hub.example"},
        {"https://hub.example/mirror//", "https://hub.example/mirror"},
        {"http://127.0.0.1:8080///", "http://127.0.0.1:8080"},
        {"https://me:word@hub.example", "https://me:word@hub.example"},
    };
    static const char *const bad[] = {"http://hub.example",
                                      "hub.example",
                                      "ftp://hub.example",
                                      "https://hub.example?x",
                                      "https://a b",
                                      "https://a\r\nX: y",
                                      "https://a\x1b[31m",
                                      "https://hub\xC3\xA4.example",
                                      "///",
                                      "https://",
                                      "https://a#b",
                                      "https://a\\b",
                                      "https://hub.example/a\\b"};
    char *url;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        surround("");
        if (good[i][0]) setenv("HF_ENDPOINT", good[i][0], 1);
        MUST(settings_endpoint(&url));
        cr_expect_str_eq(url, good[i][1], "%s", url);
        mem_free(url);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("HF_ENDPOINT", bad[i], 1);
        MUST_FAIL(settings_endpoint(&url), ERR_USAGE, "HF_ENDPOINT");
        for (const char *c = err_message(ERR_USAGE); *c; c++)
            cr_expect(*c >= ' ' && *c < 127, "%s", bad[i]);
    }
}

static char folder[] = "/tmp/harness-test-XXXXXX";

static const char *below(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

CleanTest(settings, tokens) {
    static const struct {
        const char *token, *older, *want; // want NULL: none
    } rows[] = {
        {"hf_a", NULL, "hf_a"},   {"hf_a\n", NULL, "hf_a"},    {" \thf_a\r\n ", NULL, "hf_a"},
        {"hf_\na", NULL, "hf_a"}, {"hf_a", "hf_b", "hf_a"},    {"", "hf_b\n", "hf_b"},
        {NULL, "hf_b", "hf_b"},   {" \n", "hf_b", NULL},       {NULL, NULL, NULL},
        {"hf_a\t", NULL, "hf_a"}, {"hf_a\v\f ", NULL, "hf_a"},
    };
    char *token;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        surround("HF_HOME=/nowhere");
        if (rows[i].token) setenv("HF_TOKEN", rows[i].token, 1);
        if (rows[i].older) setenv("HUGGING_FACE_HUB_TOKEN", rows[i].older, 1);
        MUST(settings_token(&token));
        cr_expect_eq(!token, !rows[i].want, "%zu", i);
        if (token && rows[i].want) cr_expect_str_eq(token, rows[i].want);
        mem_free(token);
        setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", 1);
        MUST(settings_token(&token));
        cr_expect_null(token);
    }
    static const char *const bad[] = {"sec ret",    "sec\r\nX-Injected: ret", "sec\x1b[0mret",
                                      "sec\x7fret", "sec\xC3\xA4ret",         "sec\x01ret"};
    for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad; i++) {
        const char *variable = i % 2 ? "HUGGING_FACE_HUB_TOKEN" : "HF_TOKEN";
        surround("");
        setenv(variable, bad[i / 2], 1);
        MUST_FAIL(settings_token(&token), ERR_USAGE, variable);
        cr_expect_not(strstr(err_message(ERR_USAGE), "ret"), "%s", err_message(ERR_USAGE));
    }
}

Test(settings, token_files) {
    char *token, text[512];
    log_set_quiet(true);
    cr_assert(mkdtemp(folder));
    MUST(file_write(below("token"), " hf_file\n", 9));
    MUST(file_write(below("other"), "hf_other", 8));
    snprintf(text, sizeof text, "HF_HOME=%s", folder);
    surround(text);
    MUST(settings_token(&token));
    cr_expect_str_eq(token, "hf_file");
    mem_free(token);
    size_t live = mem_live_count();
    err e = ERR_MEMORY;
    for (uint64_t n = 1; e; n++) {
        char *cache = NULL, *url = NULL;
        mem_fail_at(n);
        if (!(e = settings_token(&token)) && !(e = settings_hub_cache(&cache)))
            e = settings_endpoint(&url);
        mem_fail_at(0);
        cr_assert(!e || e == ERR_MEMORY, "request %llu: %s", (unsigned long long)n, err_message(e));
        mem_free(token);
        mem_free(cache);
        mem_free(url);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)n);
    }
    setenv("HF_TOKEN", "hf_variable", 1);
    MUST(settings_token(&token));
    cr_expect_str_eq(token, "hf_variable", "the variable comes first");
    mem_free(token);
    setenv("HF_TOKEN", "\n", 1);
    MUST(settings_token(&token));
    cr_expect_str_eq(token, "hf_file", "a blank variable is none");
    mem_free(token);
    surround("");
    setenv("HOME", folder, 1);
    setenv("HF_TOKEN_PATH", "~/other", 1);
    MUST(settings_token(&token));
    cr_expect_str_eq(token, "hf_other");
    mem_free(token);
    MUST(file_write(below("other"), "sec\0ret", 7));
    MUST_FAIL(settings_token(&token), ERR_USAGE, "/other: holds a 0 byte");
    MUST(file_write(below("other"), "sec ret", 7));
    MUST_FAIL(settings_token(&token), ERR_USAGE, "/other: the token holds");
    cr_expect_not(strstr(err_message(ERR_USAGE), "ret"));
    MUST(file_write(below("other"), "\n", 1));
    MUST(settings_token(&token));
    cr_expect_null(token);
    // what cannot be read is passed over, whatever the reason: no file, too large, no text
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\n";
    MUST(file_write(below("large"), "x", 1));
    cr_assert_eq(truncate(below("large"), 1 << 24), 0);
    MUST(file_write(below("pointer"), pointer, strlen(pointer)));
    cr_assert_eq(mkfifo(below("fifo"), 0600), 0);
    static const char *const unread[] = {"", "absent", "large", "pointer", "fifo"};
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++) {
        setenv("HF_TOKEN_PATH", below(unread[i]), 1);
        MUST(settings_token(&token));
        cr_expect_null(token, "%s", unread[i]);
    }
    MUST(folder_remove(folder));
}

Test(settings, what_forbids_the_network) {
    static const struct {
        const char *text;
        bool flag;
        const char *want;
    } rows[] = {
        {"", false, NULL},
        {"", true, "--offline"},
        {"HF_HUB_OFFLINE=1", false, "HF_HUB_OFFLINE"},
        {"HF_HUB_OFFLINE=1", true, "--offline"},
        {"HF_HUB_OFFLINE=0 TRANSFORMERS_OFFLINE=1", false, NULL},
        {"HF_HUB_OFFLINE= TRANSFORMERS_OFFLINE=yes", false, "TRANSFORMERS_OFFLINE"},
        {"TRANSFORMERS_OFFLINE=on", false, "TRANSFORMERS_OFFLINE"},
        {"TRANSFORMERS_OFFLINE=2", false, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        surround(rows[i].text);
        const char *found = settings_offline(rows[i].flag);
        cr_expect(found == rows[i].want || (found && rows[i].want && !strcmp(found, rows[i].want)),
                  "%s: %s", rows[i].text, found ? found : "nothing");
    }
}

Test(settings, trusted_certificates) {
    settings_trust t;
    char text[900];
    cr_assert(mkdtemp(folder));
    MUST(file_write(below("one.pem"), "x", 1));
    MUST(file_write(below("two.pem"), "x", 1));
    surround("");
    MUST(settings_trusted(&t));
    cr_expect(!t.path && !t.variable);
    snprintf(text, sizeof text, "SSL_CERT_FILE=%s/one.pem CURL_CA_BUNDLE=%s/two.pem", folder,
             folder);
    surround(text);
    MUST(settings_trusted(&t));
    cr_expect_str_eq(t.variable, "CURL_CA_BUNDLE");
    cr_expect(!t.is_folder && strstr(t.path, "/two.pem"));
    mem_free(t.path);
    snprintf(text, sizeof text, "SSL_CERT_FILE=~/one.pem REQUESTS_CA_BUNDLE=%s", folder);
    surround(text);
    MUST(settings_trusted(&t));
    cr_expect_str_eq(t.variable, "REQUESTS_CA_BUNDLE");
    cr_expect(t.is_folder && !strcmp(t.path, folder));
    mem_free(t.path);
    surround("SSL_CERT_FILE=~/absent.pem");
    MUST_FAIL(settings_trusted(&t), ERR_USAGE,
              "SSL_CERT_FILE: there are no certificates at /h/absent.pem");
    MUST(folder_remove(folder));
}
