#include "platform/processor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

typedef struct core {
    unsigned implementer, part;
} core;

static const struct {
    unsigned implementer;
    const char *name;
} makers[] = {
    {0x41, "ARM"},   {0x43, "Cavium"},    {0x46, "Fujitsu"}, {0x48, "HiSilicon"}, {0x4e, "NVIDIA"},
    {0x50, "APM"},   {0x51, "Qualcomm"},  {0x53, "Samsung"}, {0x61, "Apple"},     {0x66, "Faraday"},
    {0x69, "Intel"}, {0x6d, "Microsoft"}, {0x70, "Phytium"}, {0xc0, "Ampere"},
};

static const struct {
    core id;
    const char *name;
} cores[] = {
    {{0x41, 0xd03}, "Cortex-A53"},   {{0x41, 0xd04}, "Cortex-A35"},
    {{0x41, 0xd05}, "Cortex-A55"},   {{0x41, 0xd07}, "Cortex-A57"},
    {{0x41, 0xd08}, "Cortex-A72"},   {{0x41, 0xd09}, "Cortex-A73"},
    {{0x41, 0xd0a}, "Cortex-A75"},   {{0x41, 0xd0b}, "Cortex-A76"},
    {{0x41, 0xd0c}, "Neoverse-N1"},  {{0x41, 0xd0d}, "Cortex-A77"},
    {{0x41, 0xd0e}, "Cortex-A76AE"}, {{0x41, 0xd40}, "Neoverse-V1"},
    {{0x41, 0xd41}, "Cortex-A78"},   {{0x41, 0xd42}, "Cortex-A78AE"},
    {{0x41, 0xd44}, "Cortex-X1"},    {{0x41, 0xd46}, "Cortex-A510"},
    {{0x41, 0xd47}, "Cortex-A710"},  {{0x41, 0xd48}, "Cortex-X2"},
    {{0x41, 0xd49}, "Neoverse-N2"},  {{0x41, 0xd4a}, "Neoverse-E1"},
    {{0x41, 0xd4b}, "Cortex-A78C"},  {{0x41, 0xd4d}, "Cortex-A715"},
    {{0x41, 0xd4e}, "Cortex-X3"},    {{0x41, 0xd4f}, "Neoverse-V2"},
    {{0x41, 0xd80}, "Cortex-A520"},  {{0x41, 0xd81}, "Cortex-A720"},
    {{0x41, 0xd82}, "Cortex-X4"},    {{0x41, 0xd84}, "Neoverse-V3"},
    {{0x41, 0xd85}, "Cortex-X925"},  {{0x41, 0xd87}, "Cortex-A725"},
    {{0x41, 0xd8e}, "Neoverse-N3"},  {{0x43, 0x0a1}, "ThunderX-88XX"},
    {{0x43, 0x0af}, "ThunderX2"},    {{0x46, 0x001}, "A64FX"},
    {{0x48, 0xd01}, "TaiShan-v110"}, {{0x48, 0xd02}, "TaiShan-v120"},
    {{0x4e, 0x004}, "Carmel"},       {{0x51, 0x001}, "Oryon"},
    {{0x51, 0xc00}, "Falkor"},       {{0x61, 0x022}, "Icestorm-M1"},
    {{0x61, 0x023}, "Firestorm-M1"}, {{0x61, 0x032}, "Blizzard-M2"},
    {{0x61, 0x033}, "Avalanche-M2"}, {{0x6d, 0xd49}, "Azure-Cobalt-100"},
    {{0x70, 0x662}, "FTC662"},       {{0x70, 0x663}, "FTC663"},
    {{0xc0, 0xac3}, "Ampere-1"},     {{0xc0, 0xac4}, "Ampere-1a"},
};

/* The text behind "name ... :" of a line, up to its end; NULL when the line has another name. */
static const char *value_of(const char *line, const char *name) {
    size_t length = strcspn(line, "\n"), start = strlen(name);
    if (strncmp(line, name, start) != 0) return NULL;
    const char *colon = memchr(line, ':', length);
    return colon ? colon + 1 + strspn(colon + 1, " \t") : NULL;
}

static void append(char *out, size_t size, const char *text) {
    size_t at = strlen(out);
    snprintf(out + at, size - at, "%s", text);
}

static void append_core(char *out, size_t size, core c) {
    char maker[32], name[32];
    snprintf(maker, sizeof maker, "implementer 0x%02x", c.implementer);
    snprintf(name, sizeof name, "part 0x%03x", c.part);
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        if (makers[i].implementer == c.implementer)
            snprintf(maker, sizeof maker, "%s", makers[i].name);
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
        if (cores[i].id.implementer == c.implementer && cores[i].id.part == c.part)
            snprintf(name, sizeof name, "%s", cores[i].name);
    if (*out) append(out, size, " + ");
    append(out, size, maker);
    append(out, size, " ");
    append(out, size, name);
}

enum { KINDS_MAX = 4 };

/* Appends each kind of core that cpuinfo names. */
static void append_cores(char *out, size_t size, const char *cpuinfo) {
    core met[KINDS_MAX], now = {0};
    size_t kinds = 0;
    for (const char *line = cpuinfo; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        const char *implementer = value_of(line, "CPU implementer"),
                   *part = value_of(line, "CPU part");
        if (implementer) now.implementer = (unsigned)strtoul(implementer, NULL, 0);
        if (!part) continue;
        now.part = (unsigned)strtoul(part, NULL, 0);
        bool is_new = kinds < KINDS_MAX;
        for (size_t i = 0; i < kinds; i++)
            if (met[i].implementer == now.implementer && met[i].part == now.part) is_new = false;
        if (!is_new) continue;
        met[kinds++] = now;
        append_core(out, size, now);
    }
}

void processor_name_from(char *out, size_t size, const char *cpuinfo, uint32_t midr,
                         const char *board) {
    *out = '\0';
    for (const char *line = cpuinfo; line && !midr; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        const char *model = value_of(line, "model name");
        if (!model) continue;
        snprintf(out, size, "%.*s", (int)strcspn(model, "\n"), model);
        break;
    }
    if (!*out) append_cores(out, size, cpuinfo);
    if (!*out && midr) append_core(out, size, (core){midr >> 24, midr >> 4 & 0xfff});
    if (!*out) snprintf(out, size, "CPU");
    if (!*board) return;
    append(out, size, " (");
    append(out, size, board);
    append(out, size, ")");
}

static void read_text(char *out, size_t size, const char *path) {
    FILE *f = fopen(path, "r");
    size_t count = f ? fread(out, 1, size - 1, f) : 0;
    out[count] = '\0';
    if (f) fclose(f);
}

static uint32_t main_id(void) {
#if defined(__aarch64__) && defined(__linux__)
    enum { HAS_ID_REGISTERS = 1 << 11 }; // HWCAP_CPUID: the kernel answers for them
    unsigned long midr = 0;
    if (getauxval(AT_HWCAP) & HAS_ID_REGISTERS) __asm__("mrs %0, midr_el1" : "=r"(midr));
    return (uint32_t)midr;
#else
    return 0;
#endif
}

void processor_name(char *out, size_t size) {
    enum { CPUINFO_BYTES = 1 << 14 }; // a few cores' worth: the first ones tell
    char cpuinfo[CPUINFO_BYTES], board[128] = "";
#if defined(__aarch64__)
    read_text(board, sizeof board, "/proc/device-tree/model");
#endif
    read_text(cpuinfo, sizeof cpuinfo, "/proc/cpuinfo");
    processor_name_from(out, size, cpuinfo, main_id(), board);
}
