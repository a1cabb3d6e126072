/* A record of speed, as `bench --performance` makes its page of: an accepted one gives the same
 * page again. */
#include "base/memory.h"
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
    fuzz_end();
}
