/* Models of a Hugging Face hub, in the hub's own cache: what Python has downloaded is found, and
 * what is downloaded here Python finds.
 *
 * The cache, the hub's address, the token and what forbids the network are found as
 * huggingface_hub finds them (net/settings.h). The cache holds models--ORG--NAME/{blobs,refs,
 * snapshots/<commit>}; a snapshot's files are links to blobs named by their etag. The token is sent
 * to the hub, and to no other host. Of a model only what this program reads is fetched:
 * config.json, the tokenizer's files and safetensors weights. A cache that holds all is not written
 * to. */
#ifndef HARNESS_NET_HUB_H
#define HARNESS_NET_HUB_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* True when s has the form of a hub name: "name" or "org/name", with or without "@revision" (a
 * branch, tag or commit). A preset or a folder may have it too. */
bool hub_is_name(const char *s);

/* Bytes before the revision. */
size_t hub_name_bytes(const char *s);

/* The name with this revision, owned. Errors: ERR_USAGE when the name is none of a hub, or has
 * another revision already. */
err hub_name_at(char **out, const char *name, const char *revision) MUST_CHECK;

/* Finds a model, downloading what lacks. *folder is its snapshot (owned), with config.json, weights
 * and tokenizer, ready for the loaders of model directories. Without a revision the name means
 * "main"; offline: no network, as HF_HUB_OFFLINE says too. When the hub cannot be reached, or the
 * cache cannot be written, a whole snapshot that is in the cache is taken, with a warning.
 * Errors: ERR_USAGE for a name of another form or one that the hub does not know; ERR_NETWORK;
 * ERR_SERVER;
 * ERR_DATA for a file that differs from its etag, and for a model whose files do not suffice;
 * ERR_UNSUPPORTED for a model without safetensors weights (pickle files are never read; the message
 * says how to convert); ERR_IO. */
err hub_model(char **folder, const char *name, bool offline) MUST_CHECK;

/* The same without weights: config.json and the tokenizer's files. */
err hub_tokenizer(char **folder, const char *name, bool offline) MUST_CHECK;

#endif
