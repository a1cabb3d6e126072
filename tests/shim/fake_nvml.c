/* A libnvidia-ml of one card, 00010203-0405-0607-0809-0a0b0c0d0e0f, that spends 1,500 J a look at it. */
#include <string.h>

#define SHOWN __attribute__((visibility("default")))

static unsigned long long spent;
static int is_open, card;

SHOWN int nvmlInit_v2(void) {
    is_open++;
    return 0;
}

SHOWN int nvmlShutdown(void) {
    is_open--;
    return 0;
}

SHOWN int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    *handle = &card;
    return is_open == 1 && !strcmp(uuid, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f") ? 0 : 6;
}

SHOWN int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *mj) {
    *mj = handle == &card ? (spent += 1500000) : 0;
    return 0;
}

SHOWN int nvmlDeviceGetClockInfo(void *handle, int kind, unsigned *mhz) {
    *mhz = handle == &card && kind == 1 ? 1410 : 0;
    return 0;
}

SHOWN int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *bits) {
    *bits = handle == &card && spent > 2000000 ? 0x40 | 0x4 : 0x4; // a power cap is no heat
    return 0;
}
