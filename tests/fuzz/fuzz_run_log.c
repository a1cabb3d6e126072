/* log.jsonl or the event file of a run that goes on. First byte '0': the log; else the events.
 * Second byte: the step it goes on from. What stays is a part of what was there, and stays
 * again. */
#include "base/memory.h"
#include "fuzz.h"
#include "platform/file.h"
#include "train/log/train_log.h"

#include <stdio.h>
#include <string.h>

/* Opens and closes the log of the folder; what the file holds then is owned. */
static bool keep(void **kept, size_t *count, const char *file, uint32_t step) {
    train_log l;
    *kept = NULL;
    err e = train_log_open(&l, fuzz_path("log"), true, step);
    train_log_close(&l);
    return fuzz_accepts(e) && fuzz_needs(file_read(kept, count, file, 0));
}

/* Lines that stay are lines that were there, in order. */
static bool is_part(const char *kept, size_t count, const char *whole, size_t size) {
    while (count) {
        const char *end = memchr(kept, '\n', count), *stop = memchr(whole, '\n', size);
        if (!end || !stop) return false;
        size_t n = (size_t)(end - kept) + 1, m = (size_t)(stop - whole) + 1;
        if (n == m && !memcmp(kept, whole, n)) {
            kept += n;
            count -= n;
        }
        whole += m;
        size -= m;
    }
    return true;
}

FUZZ_TARGET(run_log) {
    if (size < 2) return;
    bool events = data[0] != '0';
    void *kept = NULL, *again = NULL;
    size_t count = 0, same = 0;
    char name[64], file[300];
    fuzz_begin();
    snprintf(name, sizeof name, "log/%s",
             events ? "tensorboard/events.out.tfevents.harness" : "log.jsonl");
    if (!fuzz_needs(folder_make(fuzz_path("log/tensorboard")))) goto done;
    snprintf(file, sizeof file, "%s", fuzz_file(name, data + 2, size - 2));
    uint32_t step = 1 + data[1] % 8u;
    if (!keep(&kept, &count, file, step)) goto done;
    FUZZ_CHECK(events || is_part(kept, count, (const char *)data + 2, size - 2));
    if (events && count > size - 2) goto done; // nothing stayed: a new file was begun
    FUZZ_CHECK(!events || !memcmp(kept, data + 2, count) || count < size);
    if (keep(&again, &same, file, step)) FUZZ_CHECK(same == count && !memcmp(kept, again, count));
done:
    mem_free(kept);
    mem_free(again);
    fuzz_end();
}
