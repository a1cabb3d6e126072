/* Models of a Hugging Face hub, in the hub's own cache: what Python has downloaded is found, and
 * what is downloaded here Python finds.
 *
 * The cache is $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
 * ~/.cache/huggingface/hub, and holds models--ORG--NAME/{blobs,refs,snapshots/<commit>}; a
 * snapshot's files are links to blobs named by their etag. The hub is $HF_ENDPOINT (default
 * https://huggingface.co); $HF_TOKEN is sent to it, and to no other host. Of a model only what this
 * program reads is fetched: config.json, the tokenizer's files and safetensors weights. */
#ifndef HARNESS_NET_HUB_H
#define HARNESS_NET_HUB_H

#include "base/err.h"

#include <stdbool.h>

/* True when s has the form of a hub name: "name" or "org/name". A preset or a folder may have it
 * too. */
bool hub_is_name(const char *s);

/* Finds a model, downloading what lacks. *folder is its snapshot (owned), with config.json, weights
 * and tokenizer, ready for the loaders of model directories. revision  branch, tag or commit; NULL:
 * "main" offline   no network; HF_HUB_OFFLINE does the same When the hub cannot be reached, a whole
 * snapshot that is in the cache is taken, with a warning. Errors: ERR_USAGE for a name of another
 * form or one that the hub does not know; ERR_NETWORK; ERR_DATA for a file that differs from its
 * etag; ERR_UNSUPPORTED for a model without safetensors weights (pickle files are never read; the
 * message says how to convert); ERR_IO. */
err hub_model(char **folder, const char *name, const char *revision, bool offline) MUST_CHECK;

/* The same without weights: config.json and the tokenizer's files. */
err hub_tokenizer(char **folder, const char *name, const char *revision, bool offline) MUST_CHECK;

#endif
