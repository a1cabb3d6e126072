/* Which addresses may be asked, and which of them are the same place: libcurl's own reading of an
 * address decides, so that what is judged is what is asked. */
#include "base/ascii.h"
#include "net/fetch.h"
#include "net/http_internal.h"

#include <curl/curl.h>
#include <string.h>

/* Parts of an address, owned by libcurl; user and password are "" when absent. */
typedef struct address {
    CURLU *url;
    char *scheme, *host, *port, *user, *password;
} address;

static bool part(const address *a, char **out, CURLUPart which, unsigned flags) {
    CURLUcode code = curl_url_get(a->url, which, out, flags);
    return code == CURLUE_OK || code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD;
}

static bool address_open(address *a, const char *url) {
    *a = (address){.url = curl_url()};
    return a->url && curl_url_set(a->url, CURLUPART_URL, url, 0) == CURLUE_OK &&
           part(a, &a->scheme, CURLUPART_SCHEME, 0) && part(a, &a->host, CURLUPART_HOST, 0) &&
           part(a, &a->port, CURLUPART_PORT, CURLU_DEFAULT_PORT) &&
           part(a, &a->user, CURLUPART_USER, 0) && part(a, &a->password, CURLUPART_PASSWORD, 0);
}

static void address_close(address *a) {
    curl_free(a->scheme);
    curl_free(a->host);
    curl_free(a->port);
    curl_free(a->user);
    curl_free(a->password);
    curl_url_cleanup(a->url);
}

static bool same_text(const char *a, const char *b) {
    return !strcmp(a ? a : "", b ? b : "");
}

static bool same_place(const address *a, const address *b) {
    return ascii_equal_fold(a->scheme, b->scheme) && ascii_equal_fold(a->host, b->host) &&
           !strcmp(a->port, b->port);
}

bool http__same_origin(const char *a, const char *b) {
    address one, other = {0};
    bool same = address_open(&one, a) && address_open(&other, b) && same_place(&one, &other);
    address_close(&one);
    address_close(&other);
    return same;
}

const char *http__redirect_fault(const char *from, const char *to) {
    address here, there = {0};
    const char *fault = NULL;
    if (!address_open(&here, from) || !address_open(&there, to))
        fault = "which is no address";
    else if (!ascii_equal_fold(there.scheme, "https") && !(url_is_local(to) && url_is_local(from)))
        fault = "which is not https";
    else if ((there.user || there.password) &&
             !(same_place(&here, &there) && same_text(here.user, there.user) &&
               same_text(here.password, there.password)))
        fault = "which carries a user name";
    address_close(&here);
    address_close(&there);
    return fault;
}
