#include "compute/pipeline_file.h"

#include "base/hash.h"

#include <string.h>

static const char magic[8] = "HVKCACH";

static void digest(uint8_t out[32], const void *bytes, size_t count) {
    sha256 h;
    sha256_begin(&h);
    sha256_add(&h, bytes, count);
    sha256_end(&h, out);
}

void pipeline_head_seal(pipeline_head *head, const void *content, size_t bytes) {
    memcpy(head->magic, magic, sizeof magic);
    head->version = PIPELINE_FILE_VERSION;
    head->bytes = bytes;
    digest(head->sha256, content, bytes);
}

const char *pipeline_file_fault(pipeline_head *head, const void *file, size_t bytes) {
    uint8_t hash[sizeof head->sha256];
    if (bytes < sizeof *head) return "it is cut short";
    memcpy(head, file, sizeof *head);
    if (memcmp(head->magic, magic, sizeof magic)) return "it is no pipeline cache";
    // what another program writes behind is laid out its own way
    if (head->version != PIPELINE_FILE_VERSION) return NULL;
    if (head->bytes != bytes - sizeof *head) return "its size is not the one it names";
    digest(hash, (const uint8_t *)file + sizeof *head, bytes - sizeof *head);
    if (memcmp(hash, head->sha256, sizeof hash)) return "its content does not match its hash";
    return NULL;
}

bool pipeline_head_same(const pipeline_head *a, const pipeline_head *b) {
    return a->version == b->version && a->vendor == b->vendor && a->device == b->device &&
           a->driver_version == b->driver_version &&
           !memcmp(a->driver_uuid, b->driver_uuid, sizeof a->driver_uuid);
}
