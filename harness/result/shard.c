#include "result/shard.h"

#include "base/ascii.h"
#include "base/hash.h"
#include "base/shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAY_ID, ARRAY_MIN, ARRAY_COUNT, ARRAY_STEP, ARRAY_VARIABLES };
static const char *const variables[] = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN",
                                        "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_STEP"};

/* The task's place in its array (from 0) and how many there are; false outside of one. */
static bool read_array(uint32_t *place, uint32_t *count) {
    uint32_t numbers[ARRAY_VARIABLES] = {[ARRAY_STEP] = 1};
    for (size_t i = 0; i < ARRAY_VARIABLES; i++) {
        const char *text = getenv(variables[i]);
        if ((text || i != ARRAY_STEP) && !ascii_whole(&numbers[i], text)) return false;
    }
    if (!numbers[ARRAY_STEP] || numbers[ARRAY_ID] < numbers[ARRAY_MIN]) return false;
    *place = (numbers[ARRAY_ID] - numbers[ARRAY_MIN]) / numbers[ARRAY_STEP];
    *count = numbers[ARRAY_COUNT];
    return *place < *count;
}

static err refuse_array(void) {
    char found[ARRAY_VARIABLES][40];
    for (size_t i = 0; i < ARRAY_VARIABLES; i++) {
        const char *text = getenv(variables[i]);
        shown_snprintf(found[i], sizeof found[i], SHOWN_TERMINAL, "%s%.24s%s", text ? "'" : "",
                       text ? text : "not set", text ? "'" : "");
    }
    return err_set(ERR_USAGE,
                   "the shard 'array' needs a task of a Slurm array without gaps, found "
                   "SLURM_ARRAY_TASK_ID %s, _MIN %s, _COUNT %s, _STEP %s",
                   found[ARRAY_ID], found[ARRAY_MIN], found[ARRAY_COUNT], found[ARRAY_STEP]);
}

err shard_parse(shard *s, const char *text) {
    char number[12] = "";
    *s = (shard){0};
    if (!text) return ERR_OK;
    if (strcmp(text, "array") == 0) {
        if (!read_array(&s->number, &s->count)) return refuse_array();
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
