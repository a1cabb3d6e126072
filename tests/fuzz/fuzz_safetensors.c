/* safetensors files: header and values. */
#include "base/memory.h"
#include "fuzz.h"
#include "model/weights/safetensors.h"

#include <math.h>

static void read_tensor(const safetensors *s, const tensor_entry *t) {
    float *values = NULL;
    char shape[TENSOR_SHAPE_BYTES];
    tensor_shape_text(shape, t);
    if (!fuzz_needs(mem_new(&values, (size_t)t->count))) return;
    if (fuzz_accepts(safetensors_read(s, t, values))) {
        for (uint64_t i = 0; i < t->count; i++) FUZZ_CHECK(isfinite(values[i]));
    }
    mem_free(values);
}

FUZZ_TARGET(safetensors) {
    safetensors s;
    fuzz_begin();
    if (fuzz_accepts(safetensors_open(&s, fuzz_file("model.safetensors", data, size)))) {
        uint64_t next = 0;
        for (size_t i = 0; i < s.count; i++) {
            const tensor_entry *t = &s.entries[i];
            FUZZ_CHECK(t->begin == next && t->end >= t->begin);
            next = t->end;
            if (t->type <= TENSOR_F64) {
                FUZZ_CHECK(t->count <= size);
                read_tensor(&s, t);
            } else { // of any size, and never read
                float none;
                FUZZ_CHECK(!fuzz_accepts(safetensors_read(&s, t, &none)));
            }
        }
        FUZZ_CHECK(s.data_begin + next == size);
    }
    safetensors_close(&s);
    fuzz_end();
}
