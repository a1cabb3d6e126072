/* What the environment says about the hub and the network, read as huggingface_hub reads it.
 *
 * Paths may begin with ~ and hold $NAME (place_expand). An empty variable counts as unset. */
#ifndef HARNESS_NET_SETTINGS_H
#define HARNESS_NET_SETTINGS_H

#include "base/err.h"

#include <stdbool.h>

/* The hub's cache, owned: $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $TRANSFORMERS_CACHE, $HF_HOME/hub,
 * else huggingface/hub in the user's cache (place_cache). Errors: ERR_IO. */
err settings_hub_cache(char **path) MUST_CHECK;

/* The hub's address without slashes at its end, owned: $HF_ENDPOINT, else https://huggingface.co.
 * Errors: ERR_USAGE for one that is neither https nor plain http of this machine, or that holds
 * blanks or control characters. */
err settings_endpoint(char **url) MUST_CHECK;

/* The token for the hub, owned; NULL: none. $HF_TOKEN, $HUGGING_FACE_HUB_TOKEN, else the file
 * $HF_TOKEN_PATH, by default $HF_HOME/token; none under HF_HUB_DISABLE_IMPLICIT_TOKEN. Line ends
 * are taken out, blanks around it too. Errors: ERR_USAGE naming where a token came from, never the
 * token, when it holds what cannot stand in a header. */
err settings_token(char **token) MUST_CHECK;

/* What forbids the network, as messages name it: "--offline" when `offline` is set, else
 * HF_HUB_OFFLINE, or TRANSFORMERS_OFFLINE where the former is unset; NULL: nothing. */
const char *settings_offline(bool offline);

/* Certificates that are trusted in place of the system's; zero when nothing is set. `path` is
 * owned. */
typedef struct settings_trust {
    const char *variable; /* REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR */
    char *path;
    bool is_folder; /* of hashed certificates, not a bundle */
} settings_trust;
/* Errors: ERR_USAGE naming the variable when there is nothing at its path. */
err settings_trusted(settings_trust *t) MUST_CHECK;

/* What to look at when the network fails: the variable that names a proxy. Static. */
const char *settings_network_hint(void);

#endif
