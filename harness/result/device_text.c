#include "result/device_text.h"

#include <stdio.h>
#include <string.h>

const char *record_device_text(char out[RECORD_DEVICE_BYTES], int64_t ranks, const char *name,
                               const char *devices) {
    if (ranks < 2) return name;
    if (!devices && strlen(name) + 32 <= RECORD_DEVICE_BYTES)
        snprintf(out, RECORD_DEVICE_BYTES, "%lld × %s", (long long)ranks, name);
    else if (devices && strlen(devices) < RECORD_DEVICE_BYTES)
        snprintf(out, RECORD_DEVICE_BYTES, "%s", devices);
    else
        snprintf(out, RECORD_DEVICE_BYTES, "%lld devices", (long long)ranks);
    return out;
}
