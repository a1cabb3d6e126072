#include "base/memory.h"
#include "model/weights/safetensors.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <math.h>
#include <stdio.h>

/* A file of this header and data bytes; length < 0: the header's own. */
static const char *write_file(const char *header, int64_t length, const void *data, size_t bytes) {
    char *file = NULL;
    const char *path = temporary_path("model.safetensors");
    size_t n = strlen(header);
    uint64_t said = length < 0 ? n : (uint64_t)length;
    MUST(mem_new(&file, n + bytes + 8));
    for (int i = 0; i < 8; i++) file[i] = (char)(said >> (8 * i));
    memcpy(file + 8, header, n);
    if (bytes) memcpy(file + 8 + n, data, bytes);
    MUST(file_write(path, file, 8 + n + bytes));
    mem_free(file);
    return path;
}

CleanTest(safetensors, what_is_written_is_read_back) {
    safetensors_writer w = {0};
    safetensors s;
    const float a[] = {1, -2, 3.5f, 0, 1e-30f, 7}, b[] = {9};
    float back[6];
    const char *path = temporary_path("w.safetensors");
    MUST(safetensors_declare(&w, "a", (uint64_t[]){2, 3}, 2));
    MUST(safetensors_declare(&w, "b", (uint64_t[]){1}, 1));
    MUST(safetensors_writer_begin(&w, path));
    MUST(safetensors_add(&w, a, 4));
    MUST(safetensors_add(&w, a + 4, 2));
    MUST(safetensors_add(&w, b, 1));
    MUST(safetensors_writer_commit(&w));
    safetensors_writer_free(&w);
    MUST(safetensors_open(&s, path));
    cr_assert_eq(s.count, 2);
    cr_assert_eq(s.data_begin % 8, 0);
    cr_assert_str_eq(s.entries[0].name, "a");
    cr_assert_eq(s.entries[0].shape[1], 3);
    MUST(safetensors_read(&s, &s.entries[0], back));
    cr_assert_eq(memcmp(back, a, sizeof a), 0);
    MUST(safetensors_read(&s, &s.entries[1], back));
    cr_assert_eq(memcmp(back, b, sizeof b), 0);
    safetensors_close(&s);
    MUST(safetensors_declare(&w, "a", (uint64_t[]){2}, 1));
    MUST(safetensors_writer_begin(&w, path));
    MUST(safetensors_add(&w, a, 1));
    MUST_FAIL(safetensors_writer_commit(&w), ERR_ARG,
              "4 bytes of tensors were written, 8 declared");
    safetensors_writer_free(&w);
}

Test(safetensors, half_types_become_f32) {
    // half: 1, -2, 65504, 2^-24 (smallest subnormal), 0.333251953125, -0
    const uint16_t half[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555, 0x8000};
    const float expected[] = {1, -2, 65504, 0x1p-24f, 0.333251953125f, -0.0f};
    // bfloat16: 1, -2, 3.140625
    const uint16_t brain[] = {0x3f80, 0xc000, 0x4049};
    const float wide[] = {1, -2, 3.140625f};
    char data[sizeof half + sizeof brain];
    float out[6];
    safetensors s;
    memcpy(data, half, sizeof half);
    memcpy(data + sizeof half, brain, sizeof brain);
    const char *path =
        write_file("{\"h\":{\"dtype\":\"F16\",\"shape\":[6],\"data_offsets\":[0,12]},"
                   "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[12,18]}}",
                   -1, data, sizeof data);
    MUST(safetensors_open(&s, path));
    MUST(safetensors_read(&s, &s.entries[0], out));
    cr_assert_eq(memcmp(out, expected, sizeof expected), 0);
    MUST(safetensors_read(&s, &s.entries[1], out));
    cr_assert_eq(memcmp(out, wide, sizeof wide), 0);
    safetensors_close(&s);
}

#define F32(name, shape, from, to)                                                                 \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" from "," to "]}"

CleanTest(safetensors, refuses_damaged_files) {
    static const struct {
        const char *header;
        int64_t length;
        size_t data;
        const char *part;
    } cases[] = {
        {"{" F32("a", "2", "0", "8") "}", 100000001, 8,
         "said to have 100000001 bytes, at most 100000000"},
        {"{" F32("a", "2", "0", "8") "}", 5000, 8,
         "truncated: the header is said to have 5000 bytes"},
        {"{" F32("a", "2", "0", "8") "}", -1, 4, "lies at bytes 0 to 8 of the data, which has 4"},
        {"{" F32("a", "2", "0", "8") "}", -1, 12, "end at byte 8 of the data, which has 12"},
        {"{" F32("a", "2", "0", "8") "," F32("b", "1", "4", "8") "}", -1, 8, "it overlaps another"},
        {"{" F32("a", "1", "0", "4") "," F32("b", "1", "8", "12") "}", -1, 12, "a hole before it"},
        {"{" F32("a", "1", "0", "4") "," F32("a", "1", "4", "8") "}", -1, 8, "'a' is there twice"},
        {"{" F32("a", "3", "0", "8") "}", -1, 8, "has 8 bytes, expected 12 for F32 [3]"},
        {"{" F32("a", "1", "0", "8") "}", -1, 8, "has 8 bytes, expected 4 for F32 [1]"},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", -1, 2,
         "tensor 'a' has 3 values of F4, which fill no whole number of bytes"},
        {"{" F32("a", "-1", "0", "8") "}", -1, 8, "a size in shape is not a whole number"},
        {"{" F32("a", "1.5", "0", "8") "}", -1, 8, "a size in shape is not a whole number"},
        {"{" F32("a", "4294967296,4294967296", "0", "8") "}", -1, 8, "too many elements"},
        {"{" F32("a", "2", "8", "0") "}", -1, 8, "lies at bytes 8 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", -1, 8, "'shape' is missing"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", -1, 8, "has 1 numbers"},
        {"{\"a\":7}", -1, 8, "tensor 'a' is not an object"},
        {"{\"__metadata__\":{\"format\":1}," F32("a", "2", "0", "8") "}", -1, 8,
         "'format' is not a string"},
        {"[1]", -1, 8, "does not begin with '{'"},
        {"{\"a\":", -1, 8, "not valid JSON"},
        {"{" F32("a", "2", "0", "8") "} x", -1, 8, "not valid JSON"},
        {"{" F32("a", "2", "0", "8") ",}", -1, 8, "empty member"},
        {"{" F32("a", "2", "0", "8") " \"b\":1}", -1, 8, "not valid JSON"},
        {"{\"a\" \"b\"}", -1, 8, "not valid JSON"},
        {"{\"__metadata__\":[]," F32("a", "2", "0", "8") "}", -1, 8, "is not an object"},
    };
    const char zeros[16] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        safetensors s;
        const char *path = write_file(cases[i].header, cases[i].length, zeros, cases[i].data);
        MUST_FAIL(safetensors_open(&s, path), ERR_FORMAT, cases[i].part);
        cr_assert_not_null(strstr(err_message(ERR_FORMAT), "model.safetensors"));
        safetensors_close(&s);
    }
    safetensors s;
    const char *path = temporary_path("short.safetensors");
    MUST(file_write(path, "abc", 3));
    MUST_FAIL(safetensors_open(&s, path), ERR_FORMAT,
              "has 3 bytes, a safetensors file has at least 8");
    safetensors_close(&s);
}

/* What is not read may be of any type and rank. */
CleanTest(safetensors, takes_what_nobody_reads) {
    static const char header[] =
        "{\"__metadata__\":null,"
        "\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]},"
        "\"b\":{\"dtype\":\"F99\",\"shape\":[7],\"data_offsets\":[3,4]},"
        "\"c,\\\"}\":{\"dtype\":\"U16\",\"shape\":[1,1,1,1,1,1,1,1,1,2],\"data_offsets\":[4,8]},"
        "\"d\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[8,10]},"
        "\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[10,10]} }  ";
    const char zeros[10] = {0};
    float out[4];
    char text[TENSOR_SHAPE_BYTES];
    safetensors s;
    MUST(safetensors_open(&s, write_file(header, -1, zeros, sizeof zeros)));
    cr_assert_eq(s.count, 5);
    const tensor_entry *c = safetensors_find(&s, "c,\"}");
    cr_assert_not_null(c);
    tensor_shape_text(text, c);
    cr_assert_str_eq(text, "U16 [1, 1, 1, 1, ...]");
    MUST_FAIL(safetensors_read(&s, c, out), ERR_UNSUPPORTED, "is U16, expected F32, F16, BF16");
    MUST_FAIL(safetensors_read(&s, safetensors_find(&s, "b"), out), ERR_UNSUPPORTED,
              "is of an unknown type");
    cr_assert_null(safetensors_find(&s, "f"));
    safetensors_close(&s);
}

Test(safetensors, doubles_are_rounded) {
    static const char header[] =
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[0,24]}}";
    const double values[] = {0.1, -3e38, 1.0 + 0x1p-40};
    const double huge[] = {1e300, 0, 0};
    float out[3];
    safetensors s;
    MUST(safetensors_open(&s, write_file(header, -1, (const char *)values, sizeof values)));
    MUST(safetensors_read(&s, &s.entries[0], out));
    for (int i = 0; i < 3; i++) cr_assert(out[i] == (float)values[i]);
    safetensors_close(&s);
    MUST(safetensors_open(&s, write_file(header, -1, (const char *)huge, sizeof huge)));
    MUST_FAIL(safetensors_read(&s, &s.entries[0], out), ERR_NUMERIC, "value 0 is not finite");
    safetensors_close(&s);
}

Test(safetensors, a_pointer_of_git_lfs_is_named) {
    static const char text[] = "version https://git-lfs.github.com/spec/v1\noid sha256:00\n";
    const char *path = temporary_path("model.safetensors");
    safetensors s;
    void *bytes = NULL;
    size_t count = 0;
    MUST(file_write(path, text, sizeof text - 1));
    MUST_FAIL(safetensors_open(&s, path), ERR_FORMAT,
              "model.safetensors: a Git LFS pointer, not the file: run `git lfs pull`");
    safetensors_close(&s);
    MUST_FAIL(file_read(&bytes, &count, path, 0), ERR_FORMAT, "a Git LFS pointer");
}

Test(safetensors, refuses_values_that_are_no_weights) {
    const float values[] = {1, NAN};
    float out[2];
    safetensors s;
    const char *path = write_file("{" F32("a", "2", "0", "8") "}", -1, values, sizeof values);
    MUST(safetensors_open(&s, path));
    MUST_FAIL(safetensors_read(&s, &s.entries[0], out), ERR_NUMERIC, "'a': value 1 is not finite");
    safetensors_close(&s);
    path = write_file("{\"n\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", -1,
                      values, 8);
    MUST(safetensors_open(&s, path));
    MUST_FAIL(safetensors_read(&s, &s.entries[0], out), ERR_UNSUPPORTED, "is I64, expected F32");
    safetensors_close(&s);
}

/* Each is little to write and much to keep: a million took 6 s in a file of 67 MB. */
Test(safetensors, refuses_more_tensors_than_a_model_has) {
    safetensors s;
    strbuf header = {0};
    for (int more = 0; more < 2; more++) {
        header.length = 0;
        for (int i = 0; i < SAFETENSORS_MOST + more; i++)
            MUST(strbuf_printf(&header,
                               "%c\"%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                               i ? ',' : '{', i));
        MUST(strbuf_add(&header, "}"));
        err e = safetensors_open(&s, write_file(header.text, -1, NULL, 0));
        cr_expect_eq(e, more ? ERR_FORMAT : ERR_OK, "%s", err_message(e));
        if (more) cr_expect(strstr(err_message(e), "has more than 262144 tensors"));
        safetensors_close(&s);
    }
    strbuf_free(&header);
}
