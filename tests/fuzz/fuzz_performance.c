/* A record of speed, as `bench --performance` makes its page of: an accepted one gives the same
 * page again. And as another program prints it to `bench --against`: with itself it makes ratios of
 * one. */
#include "base/memory.h"
#include "bench/pairs.h"
#include "cli/bench_table.h"
#include "fuzz.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

static bool page(void **text, size_t *count) {
    char path[300];
    *text = NULL;
    snprintf(path, sizeof path, "%s", fuzz_path("speed.md"));
    return fuzz_accepts(performance_write(fuzz_path("speed"))) &&
           fuzz_needs(file_read(text, count, path, 0));
}

static void pair_with_itself(const uint8_t *data, size_t size) {
    cJSON *json = NULL;
    char *text = NULL; // cJSON looks at the byte behind a number, which a file's bytes have
    bench_file own = {0};
    bench_pair *pairs = NULL;
    size_t count = 0;
    if (!fuzz_needs(mem_strndup(&text, (const char *)data, size))) return;
    if (fuzz_accepts(json_parse(&json, text, strlen(text), "record")) &&
        fuzz_accepts(bench_file_of(&own, json, "record"))) {
        const bench_file twice[] = {own, own};
        FUZZ_CHECK(own.count);
        FUZZ_CHECK(!bench_same_work(&own, &own, "record"));
        if (fuzz_needs(bench_pair_up(&pairs, &count, twice, twice, 2))) {
            FUZZ_CHECK(count == own.count);
            for (size_t i = 0; i < count; i++) FUZZ_CHECK(pairs[i].ratio == 1);
        }
    }
    mem_free(text);
    mem_free(pairs);
    bench_file_free(&own);
}

FUZZ_TARGET(performance) {
    void *text = NULL, *again = NULL;
    size_t count = 0, same = 0;
    fuzz_begin();
    if (fuzz_needs(folder_make(fuzz_path("speed")))) {
        fuzz_file("speed/record.json", data, size);
        if (page(&text, &count) && page(&again, &same)) {
            FUZZ_CHECK(count == same && !memcmp(text, again, count));
            FUZZ_CHECK(strlen(text) == count);
        }
    }
    mem_free(text);
    mem_free(again);
    pair_with_itself(data, size);
    fuzz_end();
}
