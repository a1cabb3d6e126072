/* JSON, by cJSON: reading files with errors that name the key, and writing them atomically.
 *
 * `where` is what messages start with, usually the file's path. Getters with a default take an
 * absent key for the default; the others fail on it. All fail on a value of another type. */
#ifndef HARNESS_BASE_JSON_H
#define HARNESS_BASE_JSON_H

#include "base/err.h"
#include "base/memory.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes cJSON allocate through base/memory. Call once, before any other use. */
void json_setup(void);

enum { JSON_VALUES_MAX = 8 << 20 }; /* of one text: lists, objects, and what is in them */

/* Parses a file of at most limit_bytes (0 = no limit). The caller frees *out with cJSON_Delete.
 * Of members of one object with the same name the last counts, as in Python.
 * Errors: ERR_IO; ERR_FORMAT with line and column; trailing bytes after the value are an error, and
 * so are a 0 in a string, what is not UTF-8, and more than JSON_VALUES_MAX values.
 * pre: text[length] can be read, as behind a file's bytes: cJSON looks at it. */
err json_read(cJSON **out, const char *path, size_t limit_bytes) MUST_CHECK;
err json_parse(cJSON **out, const char *text, size_t length, const char *where) MUST_CHECK;
/* The same into an arena, which is freed in place of *out. */
err json_parse_in(mem_arena *a, const cJSON **out, const char *text, size_t length,
                  const char *where) MUST_CHECK;
/* json_read of a file whose strings may hold a 0 (\u0000): U+FFFD stands in its place. */
err json_read_zeros(cJSON **out, bool *had_zeros, const char *path, size_t limit_bytes) MUST_CHECK;
/* The same of a text that begins at this line and column (in characters) of the file. Members of an
 * object that share a name are all kept: for readers that refuse them. */
err json_parse_part(cJSON **out, const char *text, size_t length, const char *path, size_t line,
                    size_t column) MUST_CHECK;

/* Pretty-printed with two blanks and a final newline; written atomically. */
err json_write(const char *path, const cJSON *value) MUST_CHECK;
/* The same, but a file that stands there already stays (platform/file.h): *stays. */
err json_write_new(bool *stays, const char *path, const cJSON *value) MUST_CHECK;
/* The same text behind *out. */
err json_text(strbuf *out, const cJSON *value) MUST_CHECK;
/* *out is owned (mem_free). */
err json_print(char **out, const cJSON *value, bool pretty) MUST_CHECK;
/* The number to 15 digits, which is written and read back as it is: cJSON writes no more digits
 * where the 15 come within a rounding error. What is kept in a file and in memory alike is rounded
 * so. */
double json_rounded(double value);

err json_object(const cJSON **out, const cJSON *object, const char *key,
                const char *where) MUST_CHECK;
err json_array(const cJSON **out, const cJSON *object, const char *key,
               const char *where) MUST_CHECK;
err json_string(const char **out, const cJSON *object, const char *key,
                const char *where) MUST_CHECK;
/* A finite number. */
err json_number(double *out, const cJSON *object, const char *key, const char *where) MUST_CHECK;
err json_bool(bool *out, const cJSON *object, const char *key, const char *where) MUST_CHECK;
/* A whole number in [low, high]. */
err json_whole(int64_t *out, const cJSON *object, const char *key, int64_t low, int64_t high,
               const char *where) MUST_CHECK;
bool json_has(const cJSON *object, const char *key);
/* What stands there, where none is asked for: NULL or NaN when the object is NULL or has no such text or
 * number. The text is borrowed. */
const char *json_text_at(const cJSON *object, const char *key);
double json_number_at(const cJSON *object, const char *key);

/* Adding to an object or array we own; they fail with ERR_MEMORY. A NULL text adds null. */
err json_add_string(cJSON *object, const char *key, const char *text) MUST_CHECK;
err json_add_number(cJSON *object, const char *key, double value) MUST_CHECK;
/* By the least digits that read back as the number (shown_number), for objects that are printed and
 * never looked at here: what stands in CSV has the same digits, a bound holds what it is of. pre: it
 * is finite. */
err json_add_exact(cJSON *object, const char *key, double value) MUST_CHECK;
err json_add_bool(cJSON *object, const char *key, bool value) MUST_CHECK;
/* Several at once: "key %s other %f", a key before each value. %s is text or null; %f, %u and %zu
 * are numbers (%f of what is not finite is null); %d is true or false. */
err json_put(cJSON *object, const char *members, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
err json_put_numbers(cJSON *object, const char *key, const double *values, size_t count) MUST_CHECK;
err json_add_object(cJSON **out, cJSON *object, const char *key) MUST_CHECK;
err json_add_array(cJSON **out, cJSON *object, const char *key) MUST_CHECK;
err json_put_texts(cJSON *object, const char *key, const char *const *texts,
                   size_t count) MUST_CHECK;
/* A copy of value, null where it is NULL. */
err json_add_copy(cJSON *object, const char *key, const cJSON *value) MUST_CHECK;
/* *out is owned; of NULL it is NULL. */
err json_copy(cJSON **out, const cJSON *value) MUST_CHECK;
/* Take over item in every case, also on error. */
err json_add_item(cJSON *object, const char *key, cJSON *item) MUST_CHECK;
err json_append(cJSON *array, cJSON *item) MUST_CHECK;
/* A number as json_add_exact writes it. */
err json_append_exact(cJSON *array, double value) MUST_CHECK;
err json_append_object(cJSON **out, cJSON *array) MUST_CHECK;

#endif
