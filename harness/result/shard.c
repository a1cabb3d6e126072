#include "result/shard.h"

#include "base/ascii.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The task's place in its array (from 0) and how many there are; false outside of one. */
static bool read_array(uint32_t *place, uint32_t *count) {
    uint32_t id = 0, least = 0, step = 1;
    const char *pace = getenv("SLURM_ARRAY_TASK_STEP");
    if (!ascii_whole(&id, getenv("SLURM_ARRAY_TASK_ID")) ||
        !ascii_whole(&least, getenv("SLURM_ARRAY_TASK_MIN")) ||
        !ascii_whole(count, getenv("SLURM_ARRAY_TASK_COUNT")))
        return false;
    if (pace && (!ascii_whole(&step, pace) || !step)) return false;
    *place = (id - least) / step;
    return id >= least && *place < *count;
}

err shard_parse(shard *s, const char *text) {
    char number[12] = "";
    *s = (shard){0};
    if (!text) return ERR_OK;
    if (strcmp(text, "array") == 0) {
        if (!read_array(&s->number, &s->count))
            return err_set(ERR_USAGE,
                           "the shard 'array' needs Slurm's SLURM_ARRAY_TASK_ID, _MIN and "
                           "_COUNT of an array without gaps, which are not set so");
        s->number++;
        return ERR_OK;
    }
    const char *slash = strchr(text, '/');
    if (slash && (size_t)(slash - text) < sizeof number)
        memcpy(number, text, (size_t)(slash - text));
    if (!slash || !ascii_whole(&s->number, number) || !ascii_whole(&s->count, slash + 1) ||
        !s->number || s->number > s->count)
        return err_set(ERR_USAGE, "a shard is I/N with I from 1 to N, or array, found '%s'%s", text,
                       err_advice("shard", " (--shard)"));
    return ERR_OK;
}

bool shard_has(const shard *s, const char *task, const char *model, uint32_t seed) {
    char text[24], hex[HASH_HEX_BYTES], digits[9];
    sha256 h;
    if (!s->count) return true;
    snprintf(text, sizeof text, "%" PRIu32, seed);
    sha256_begin(&h);
    sha256_add(&h, task, strlen(task) + 1);
    sha256_add(&h, model, strlen(model) + 1);
    sha256_add(&h, text, strlen(text));
    sha256_end_hex(&h, hex);
    snprintf(digits, sizeof digits, "%.8s", hex);
    return strtoul(digits, NULL, 16) % s->count == s->number - 1;
}

size_t shard_start(size_t runs) {
    uint32_t place = 0, count = 0;
    return read_array(&place, &count) ? runs * place / count : 0;
}
