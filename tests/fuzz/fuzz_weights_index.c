/* model.safetensors.index.json of a folder with two shards; a third file lies outside of it. */
#include "base/memory.h"
#include "fuzz.h"
#include "model/weights/tensors.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

/* A safetensors file of one header and `bytes` zeros. */
static void write_shard(const char *path, const char *header, size_t bytes) {
    uint8_t file[300] = {0};
    size_t n = strlen(header);
    file[0] = (uint8_t)n;
    memcpy(file + 8, header, n);
    (void)fuzz_needs(file_write(path, file, 8 + n + bytes));
}

static void write_shards(void) {
    static bool done;
    if (done) return;
    done = fuzz_needs(folder_make(fuzz_path("shards")));
    write_shard(fuzz_path("shards/a.safetensors"),
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                "\"y\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[8,12]}}",
                12);
    write_shard(fuzz_path("shards/b.safetensors"),
                "{\"z\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4);
    write_shard(fuzz_path("c.safetensors"),
                "{\"z\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4);
}

/* What was accepted is all that the shards inside the folder hold, each tensor once. */
static void check_all(const tensors *t) {
    size_t seen = 0;
    FUZZ_CHECK(t->file_count >= 1 && t->file_count <= 2);
    for (size_t i = 0; i < t->file_count; i++) {
        const char *name = path_name(t->files[i].path);
        const char *expected =
            fuzz_path(name[0] == 'a' ? "shards/a.safetensors" : "shards/b.safetensors");
        FUZZ_CHECK(!strcmp(t->files[i].path, expected));
        seen += t->files[i].count;
    }
    FUZZ_CHECK(t->count == seen && t->count >= 1 && t->count <= 3);
    for (size_t i = 1; i < t->count; i++)
        FUZZ_CHECK(strcmp(t->list[i - 1].entry->name, t->list[i].entry->name) < 0);
}

FUZZ_TARGET(weights_index) {
    char hex[HASH_HEX_BYTES];
    tensors t;
    fuzz_setup();
    write_shards();
    fuzz_begin();
    fuzz_file("shards/model.safetensors.index.json", data, size);
    if (fuzz_accepts(tensors_open(&t, fuzz_path("shards")))) {
        check_all(&t);
        (void)fuzz_needs(tensors_digest(&t, hex));
    }
    tensors_close(&t);
    fuzz_end();
}
