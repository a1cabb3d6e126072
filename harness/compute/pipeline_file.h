/* The file of compiled pipelines: a head of ours, then what the driver gave. Drivers trust what
 * they are handed, so the head names device and driver and holds a hash of the rest. */
#ifndef HARNESS_COMPUTE_PIPELINE_FILE_H
#define HARNESS_COMPUTE_PIPELINE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PIPELINE_FILE_VERSION = 1, PIPELINE_FILE_BYTES_MAX = 64 << 20 };

typedef struct pipeline_head {
    char magic[8]; /* "HVKCACH" and a 0 */
    uint32_t version, vendor, device, driver_version;
    uint8_t driver_uuid[16]; /* pipelineCacheUUID: changes with driver and device */
    uint64_t bytes;          /* behind the head */
    uint8_t sha256[32];      /* of them */
} pipeline_head;
_Static_assert(sizeof(pipeline_head) == 80, "the head has no padding");

/* Fills magic and version, and bytes and sha256 from what follows the head. */
void pipeline_head_seal(pipeline_head *head, const void *content, size_t bytes);

/* What is wrong with a file's bytes, or NULL; *head is then the file's. Of another version nothing but
 * that is known, and nothing is wrong. */
const char *pipeline_file_fault(pipeline_head *head, const void *file, size_t bytes);

/* True when both are of the same format, device and driver. */
bool pipeline_head_same(const pipeline_head *a, const pipeline_head *b);

#endif
