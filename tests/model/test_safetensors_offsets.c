/* Where values lie in a safetensors file that this program wrote, read here from its bytes. */
#include "base/json.h"
#include "base/memory.h"
#include "model/weights/safetensors.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FIRST = 3, SECOND = 70001 }; /* values; the second takes more than one read */

static void write_two(const char *path, const char *name, const float *values) {
    safetensors_writer w = {0};
    const uint64_t first[] = {FIRST}, second[] = {SECOND};
    MUST(safetensors_declare(&w, name, first, 1));
    MUST(safetensors_declare(&w, "second", second, 1));
    MUST(safetensors_writer_begin(&w, path));
    MUST(safetensors_add(&w, values, FIRST));
    MUST(safetensors_add(&w, values + FIRST, SECOND));
    MUST(safetensors_writer_commit(&w));
    safetensors_writer_free(&w);
}

static uint64_t offset(const cJSON *root, const char *name, int which) {
    const cJSON *list = cJSON_GetObjectItem(cJSON_GetObjectItem(root, name), "data_offsets");
    return (uint64_t)cJSON_GetArrayItem(list, which)->valuedouble;
}

// Readers map the file and take the values where they lie, so the data begins at a multiple of 8
// whatever the header's length was.
Test(safetensors, data_begins_at_a_multiple_of_eight) {
    static float values[FIRST + SECOND], out[SECOND];
    for (int i = 0; i < FIRST + SECOND; i++) values[i] = (float)i + 0.5f;
    for (int n = 1; n <= 8; n++) {
        char name[16];
        void *bytes;
        size_t count;
        snprintf(name, sizeof name, "%.*s", n, "abcdefgh");
        const char *path = temporary_path("model.safetensors");
        write_two(path, name, values);
        MUST(file_read(&bytes, &count, path, 0));
        const uint8_t *b = bytes;
        uint64_t header = 0;
        for (int i = 7; i >= 0; i--) header = header << 8 | b[i];
        cr_assert_eq(header % 8, 0, "a header of %llu bytes", (unsigned long long)header);
        char *text;
        cJSON *root;
        MUST(mem_strndup(&text, (const char *)b + 8, header));
        MUST(json_parse(&root, text, header, "header"));
        cr_assert_eq(offset(root, name, 0), 0);
        cr_assert_eq(offset(root, name, 1), sizeof(float) * FIRST);
        cr_assert_eq(offset(root, "second", 0), sizeof(float) * FIRST);
        cr_assert_eq(offset(root, "second", 1), sizeof values);
        cr_assert_eq(count, 8 + header + sizeof values);
        cr_assert_eq(memcmp(b + 8 + header, values, sizeof values), 0);
        cJSON_Delete(root);
        mem_free(text);
        mem_free(bytes);
        safetensors s;
        MUST(safetensors_open(&s, path));
        for (size_t i = 0; i < s.count; i++) {
            bool second = !strcmp(s.entries[i].name, "second");
            MUST(safetensors_read(&s, &s.entries[i], out));
            cr_assert_eq(memcmp(out, values + (second ? FIRST : 0),
                                sizeof(float) * (second ? SECOND : FIRST)),
                         0);
        }
        safetensors_close(&s);
    }
}

Test(safetensors, the_last_value_of_many_reads_is_checked) {
    static float values[FIRST + SECOND], out[SECOND];
    safetensors s;
    values[FIRST + SECOND - 1] = NAN;
    const char *path = temporary_path("model.safetensors");
    write_two(path, "first", values);
    MUST(safetensors_open(&s, path));
    MUST_FAIL(safetensors_read(&s, safetensors_find(&s, "second"), out), ERR_NUMERIC,
              "tensor 'second': value 70000 is not finite");
    safetensors_close(&s);
}

Test(safetensors, a_pipe_holds_no_weights, .timeout = 60) {
    safetensors s;
    const char *path = temporary_path("model.safetensors");
    cr_assert_eq(mkfifo(path, 0600), 0);
    MUST_FAIL(safetensors_open(&s, path), ERR_IO, "model.safetensors: is a FIFO, a file was");
    safetensors_close(&s);
}
