// Which addresses a download may be led to, and which of them may be told the token.
#include "base/ascii.h"
#include "net/fetch.h"
#include "net/http_internal.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOT_HTTPS "which is not https"
#define NO_ADDRESS "which is no address"
#define A_USER "which carries a user name"

Test(redirect, pairs_of_addresses) {
    static const struct {
        const char *from, *to, *fault; // fault NULL: followed
        bool token;
    } rows[] = {
        {"https://hub.co/a", "https://hub.co/b", NULL, true},
        {"https://hub.co/a", "https://HUB.CO/b", NULL, true},
        {"https://hub.co/a", "HTTPS://hub.co/b", NULL, true},
        {"https://hub.co", "https://hub.co?x=1", NULL, true},
        {"https://hub.co/a", "https://hub.co:443/b", NULL, true},
        // a host that only begins, or ends, like the other
        {"https://hub.co/a", "https://hub.co.evil.org/b", NULL, false},
        {"https://hub.co/a", "https://hub.com/b", NULL, false},
        {"https://hub.co/a", "https://hub.c/b", NULL, false},
        {"https://hub.co/a", "https://evilhub.co/b", NULL, false},
        {"https://hub.co/a", "https://cdn.hub.co/b", NULL, false},
        {"https://hub.co/a", "https://hub.co./b", NULL, false},
        {"https://hub.co/a", "https://hub.co-evil.org/b", NULL, false},
        {"https://hub.co/a", "https://hub.co%2eevil.org/b", NULL, false},
        // ports
        {"https://hub.co/a", "https://hub.co:8443/b", NULL, false},
        {"https://hub.co:8443/a", "https://hub.co:8443/b", NULL, true},
        {"https://hub.co:8443/a", "https://hub.co/b", NULL, false},
        {"https://hub.co:8443/a", "https://hub.co:84430/b", NO_ADDRESS, false},
        {"https://hub.co:443/a", "http://hub.co:443/b", NOT_HTTPS, false},
        {"http://127.0.0.1:80/a", "http://127.0.0.1/b", NULL, true},
        {"http://127.0.0.1:80/a", "http://127.0.0.1:8080/b", NULL, false},
        // user parts
        {"https://hub.co/a", "https://hub.co@evil.org/b", A_USER, false},
        {"https://hub.co/a", "https://hub.co:443@evil.org/b", A_USER, false},
        {"https://hub.co/a", "https://me@hub.co/b", A_USER, true},
        {"https://me:word@hub.co/a", "https://me:word@hub.co/b", NULL, true},
        {"https://me:word@hub.co/a", "https://me:other@hub.co/b", A_USER, true},
        {"https://me:word@hub.co/a", "https://hub.co/b", NULL, true},
        {"https://me:word@hub.co/a", "https://me:word@evil.org/b", A_USER, false},
        // from https to this very machine, and back
        {"https://hub.co/a", "http://localhost/b", NOT_HTTPS, false},
        {"https://hub.co/a", "http://127.0.0.1:9/b", NOT_HTTPS, false},
        {"https://localhost/a", "http://localhost/b", NOT_HTTPS, false},
        {"https://127.0.0.1/a", "http://127.0.0.1/b", NOT_HTTPS, false},
        {"https://hub.co/a", "https://localhost/b", NULL, false},
        {"http://localhost:9/a", "http://127.0.0.1:9/b", NULL, false},
        {"http://[::1]:9/a", "http://[::1]:9/b", NULL, true},
        {"http://localhost/a", "https://localhost/b", NULL, false},
        {"http://127.0.0.1/a", "http://hub.co/b", NOT_HTTPS, false},
        {"http://127.0.0.1/a", "http://127.0.0.1.evil.org/b", NOT_HTTPS, false},
        {"http://127.0.0.1/a", "http://localhost.evil.org/b", NOT_HTTPS, false},
        {"http://127.0.0.1/a", "http://127.0.0.1:80@evil.org/b", NOT_HTTPS, false},
        {"http://127.0.0.1/a", "http://127.0.0.2/b", NOT_HTTPS, false},
        // other schemes, and no address at all
        {"https://hub.co/a", "http://hub.co/b", NOT_HTTPS, false},
        {"https://hub.co/a", "httpsx://hub.co/b", NO_ADDRESS, false},
        {"https://hub.co/a", "file:///etc/passwd", NULL, false},
        {"https://hub.co/a", "ftp://hub.co/b", NULL, false},
        {"https://hub.co/a", "/b", NO_ADDRESS, false},
        {"https://hub.co/a", "", NO_ADDRESS, false},
        {"https://hub.co/a", "https:///b", NULL, false}, // libcurl reads a host b
        {"https://hub.co/a", "https://hub.co:99999/b", NO_ADDRESS, false},
        {"https://hub.co/a", "https://hub.co\\@evil.org/b", NULL, false},
        {"https://hub.co/a", "https://hub.co\x01/b", NO_ADDRESS, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *fault = http__redirect_fault(rows[i].from, rows[i].to);
        // libcurl's versions know more or fewer schemes, and none of them is https
        bool is_web = ascii_starts_fold(rows[i].to, "http") && !strchr(rows[i].to, '\\');
        if (!is_web && rows[i].to[0] && rows[i].to[0] != '/') {
            cr_expect_not_null(fault, "%s -> %s is followed", rows[i].from, rows[i].to);
        } else {
            cr_expect(fault == rows[i].fault ||
                          (fault && rows[i].fault && !strcmp(fault, rows[i].fault)),
                      "%s -> %s: %s", rows[i].from, rows[i].to, fault ? fault : "followed");
        }
        cr_expect_eq(http__same_origin(rows[i].from, rows[i].to), rows[i].token, "%s -> %s",
                     rows[i].from, rows[i].to);
    }
}

Test(redirect, addresses_are_shown_without_secrets_and_without_effects) {
    static const char *const rows[][2] = {
        {"https://hub.co/a", "https://hub.co/a"},
        {"https://me:word@hub.co/a?sig=1#x", "https://hub.co/a?..."},
        {"https://a@b@hub.co", "https://hub.co"},
        {"https://hub.co/a@b", "https://hub.co/a@b"},
        {"https://hub.co?x", "https://hub.co?..."},
        {"https://hub.co/\x1b[31m\n\x7f", "https://hub.co/%1B[31m%0A%7F"},
        {"https://hub.co/\xE2\x80\xAE x", "https://hub.co/%E2%80%AE%20x"},
        {"word@hub", "hub"},
        {"", ""},
    };
    char buffer[HTTP_SHOWN_BYTES], lengthy[3000] = "https://hub.co/";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_str_eq(http__shown(buffer, rows[i][0]), rows[i][1], "%s", buffer);
    memset(lengthy + 15, '\xFF', sizeof lengthy - 16);
    cr_expect_lt(strlen(http__shown(buffer, lengthy)), (size_t)HTTP_SHOWN_BYTES);
}

static err line(http__call *c, const char *text) {
    return http__header(c, text, strlen(text));
}

Test(redirect, headers_of_answers) {
    http__call c = {.url = "https://hub.co/a"};
    static const char *const good[] = {"HTTP/1.1 200 OK\r\n",
                                       "X-LINKED-SIZE: 12\r\n",
                                       "x-linked-etag:\t\"abc\" \r\n",
                                       "ETag: \"other\"\r\n",
                                       "CONTENT-RANGE: BYTES 5-9/10\r\n",
                                       "Content-Length: 5\r\n",
                                       "Retry-After: 99999999999999999999\r\n",
                                       "X-Error-Code: GatedRepo\r\n",
                                       "X-Note: \xEC\x82\xAC\r\n",
                                       "\r\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect_eq(line(&c, good[i]), ERR_OK, "%s", good[i]);
    cr_expect_eq(c.linked_bytes, 12);
    cr_expect_str_eq(c.etag, "abc");
    cr_expect_str_eq(c.error_code, "GatedRepo");
    cr_expect_eq(c.range_start, 5);
    cr_expect_eq(c.range_total, 10);
    cr_expect_eq(c.content_bytes, 5);
    static const char *const bad[] = {"ETag: \"a\x1b[31m\"\r\n", "X-A: b\rX-C: d\r\n",
                                      "X-A\x01: b\r\n",          "HTTP/1.1 200 \x07OK\r\n",
                                      "X-A: \x7f\r\n",           "X-A: b\nX-C: d\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(line(&c, bad[i]), ERR_SERVER, "%zu", i);
        cr_expect(strstr(err_message(ERR_SERVER), "holds a control character (0x"), "%s",
                  err_message(ERR_SERVER));
    }
    cr_expect_eq(http__header(&c, "X: a\0b\r\n", 8), ERR_SERVER);
    // a day at most, whatever a server asks for
    cr_expect_eq(http__header(&c, "Retry-After: 86401\r\n", 20), ERR_OK);
    cr_expect_eq(c.retry_after, 86400);
    cr_expect_eq(http__header(&c, "Retry-After: -1\r\n", 17), ERR_OK);
    cr_expect_eq(c.retry_after, 0);
    err e = ERR_OK;
    for (int i = 0; i < 100000 && !e; i++) e = line(&c, "X-A: one more of many\r\n");
    cr_expect_eq(e, ERR_SERVER, "a head without end is cut");
    http__free(&c);
}
