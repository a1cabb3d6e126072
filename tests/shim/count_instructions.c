/* A plugin of qemu-user that counts the instructions which a program executed and writes their number
 * to the file that COUNT_TO names, at the program's end. tests/arm64 builds and uses it. The
 * declarations are those of qemu-plugin.h (version 1 of its interface), which Debian 12 does not
 * package. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_info_t;
enum { NO_REGISTERS = 0 };
typedef void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void on_run(unsigned processor, void *data);
typedef void on_end(qemu_plugin_id_t id, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, on_block *call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, on_run *call, int registers,
                                          void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, on_end *call, void *data);

#define SHOWN __attribute__((visibility("default")))
extern SHOWN int qemu_plugin_version;
SHOWN int qemu_plugin_version = 1;
SHOWN int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int count,
                              char **words);

enum { PROCESSORS = 64, LINE = 16 };
static uint64_t counts[PROCESSORS * LINE]; // each on a cache line of its own

static void ran(unsigned processor, void *instructions) {
    counts[processor % PROCESSORS * LINE] += (uintptr_t)instructions;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    void *instructions = (void *)(uintptr_t)qemu_plugin_tb_n_insns(block);
    qemu_plugin_register_vcpu_tb_exec_cb(block, ran, NO_REGISTERS, instructions);
}

static void ended(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    uint64_t sum = 0;
    for (size_t i = 0; i < PROCESSORS; i++) sum += counts[i * LINE];
    const char *path = getenv("COUNT_TO");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (!f) return;
    fprintf(f, "%" PRIu64 "\n", sum);
    fclose(f);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int count,
                        char **words) {
    (void)info;
    (void)count;
    (void)words;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
