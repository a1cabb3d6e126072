#include "train/log/event_file.h"

#include "base/memory.h"
#include "platform/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char version[] = "brain.Event:2";
enum { LENGTH_BYTES = 8, CRC_BYTES = 4, HEAD_BYTES = LENGTH_BYTES + CRC_BYTES };
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5 };
enum { LIMIT_BYTES = 256 << 20 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { METADATA_PLUGIN = 1, PLUGIN_NAME = 1, PLUGIN_CONTENT = 2 };
enum { TENSOR_TYPE = 1, TENSOR_SHAPE = 2, TENSOR_FLOATS = 5, TENSOR_STRINGS = 8 };
enum { SHAPE_DIM = 2, DIM_SIZE = 1, TYPE_FLOAT = 1, TYPE_STRING = 7 };
enum { HPARAMS_BEGIN = 3, HPARAMS_END = 4, BEGIN_HPARAMS = 1, BEGIN_TIME = 5 };
enum { END_STATUS = 1, END_TIME = 2, STATUS_SUCCESS = 1 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2, SETTING_NUMBER = 2, SETTING_TEXT = 3, SETTING_TRUTH = 4 };

uint32_t crc32c(const void *bytes, size_t count) {
    const uint8_t *b = bytes;
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= b[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

uint32_t crc32c_masked(const void *bytes, size_t count) {
    uint32_t crc = crc32c(bytes, count);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static err add_little_endian(strbuf *out, uint64_t value, size_t bytes) {
    char b[8];
    for (size_t i = 0; i < bytes; i++) b[i] = (char)(value >> (8 * i) & 255);
    return strbuf_add_bytes(out, b, bytes);
}

static err add_varint(strbuf *out, uint64_t value) {
    err e = ERR_OK;
    for (; !e && value > 127; value >>= 7) e = add_little_endian(out, (value & 127) | 128, 1);
    return e ? e : add_little_endian(out, value, 1);
}

static err add_key(strbuf *out, unsigned field, unsigned wire) {
    return add_varint(out, field << 3 | wire);
}

static err add_double(strbuf *out, unsigned field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    err e = add_key(out, field, WIRE_FIXED64);
    return e ? e : add_little_endian(out, bits, 8);
}

static err add_float(strbuf *out, unsigned field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    err e = add_key(out, field, WIRE_FIXED32);
    return e ? e : add_little_endian(out, bits, 4);
}

static err add_bytes(strbuf *out, unsigned field, const char *bytes, size_t count) {
    err e = add_key(out, field, WIRE_BYTES);
    if (!e) e = add_varint(out, count);
    return e ? e : strbuf_add_bytes(out, bytes, count);
}

static err add_summary(strbuf *out, const event_scalar *scalars, size_t count) {
    strbuf summary = {0}, value = {0};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < count; i++) {
        strbuf_free(&value);
        e = add_bytes(&value, VALUE_TAG, scalars[i].tag, strlen(scalars[i].tag));
        if (!e) e = add_float(&value, VALUE_SIMPLE, (float)scalars[i].value);
        if (!e) e = add_bytes(&summary, SUMMARY_VALUE, value.text, value.length);
    }
    if (!e) e = add_bytes(out, EVENT_SUMMARY, summary.text, summary.length);
    strbuf_free(&summary);
    strbuf_free(&value);
    return e;
}

static err add_whole(strbuf *out, unsigned field, uint64_t value) {
    err e = add_key(out, field, WIRE_VARINT);
    return e ? e : add_varint(out, value);
}

/* A message in a field, which is freed. */
static err add_message(strbuf *out, unsigned field, strbuf *message) {
    err e = add_bytes(out, field, message->text ? message->text : "", message->length);
    strbuf_free(message);
    return e;
}

/* A tensor of one string; without text of one float, 0. */
static err add_tensor(strbuf *out, const char *text) {
    static const char zero[4] = {0};
    strbuf tensor = {0}, shape = {0}, dim = {0};
    err e = add_whole(&tensor, TENSOR_TYPE, text ? TYPE_STRING : TYPE_FLOAT);
    if (!e) e = add_whole(&dim, DIM_SIZE, 1);
    if (!e) e = add_message(&shape, SHAPE_DIM, &dim);
    if (!e) e = add_message(&tensor, TENSOR_SHAPE, &shape);
    if (!e)
        e = text ? add_bytes(&tensor, TENSOR_STRINGS, text, strlen(text))
                 : add_bytes(&tensor, TENSOR_FLOATS, zero, sizeof zero);
    if (!e) e = add_message(out, VALUE_TENSOR, &tensor);
    strbuf_free(&dim);
    strbuf_free(&shape);
    strbuf_free(&tensor);
    return e;
}

/* A summary of one value that a plugin reads. content is freed. */
static err add_plugin(strbuf *out, const char *tag, const char *plugin, strbuf *content,
                      const char *text) {
    strbuf summary = {0}, value = {0}, metadata = {0}, data = {0};
    err e = add_bytes(&value, VALUE_TAG, tag, strlen(tag));
    if (!e) e = add_bytes(&data, PLUGIN_NAME, plugin, strlen(plugin));
    if (!e && content->length) e = add_message(&data, PLUGIN_CONTENT, content);
    if (!e) e = add_message(&metadata, METADATA_PLUGIN, &data);
    if (!e) e = add_message(&value, VALUE_METADATA, &metadata);
    if (!e) e = add_tensor(&value, text);
    if (!e) e = add_message(&summary, SUMMARY_VALUE, &value);
    if (!e) e = add_message(out, EVENT_SUMMARY, &summary);
    strbuf_free(content);
    strbuf_free(&data);
    strbuf_free(&metadata);
    strbuf_free(&value);
    strbuf_free(&summary);
    return e;
}

/* An entry of a map from names to google.protobuf.Value. */
static err add_setting(strbuf *out, const event_setting *s) {
    strbuf entry = {0}, value = {0};
    err e = add_bytes(&entry, ENTRY_KEY, s->name, strlen(s->name));
    if (!e && s->text)
        e = add_bytes(&value, SETTING_TEXT, s->text, strlen(s->text));
    else if (!e)
        e = s->is_truth ? add_whole(&value, SETTING_TRUTH, s->number > 0)
                        : add_double(&value, SETTING_NUMBER, s->number);
    if (!e) e = add_message(&entry, ENTRY_VALUE, &value);
    if (!e) e = add_message(out, BEGIN_HPARAMS, &entry);
    strbuf_free(&value);
    strbuf_free(&entry);
    return e;
}

static err write_record(event_file *f, const strbuf *event) {
    strbuf record = {0};
    err e = add_little_endian(&record, event->length, LENGTH_BYTES);
    if (!e) e = add_little_endian(&record, crc32c_masked(record.text, LENGTH_BYTES), CRC_BYTES);
    if (!e) e = strbuf_add_bytes(&record, event->text, event->length);
    if (!e) e = add_little_endian(&record, crc32c_masked(event->text, event->length), CRC_BYTES);
    if (!e && (fwrite(record.text, 1, record.length, (FILE *)f->file) != record.length ||
               fflush((FILE *)f->file)))
        e = err_set(ERR_IO, "%s: cannot write: %s", f->path, strerror(errno));
    strbuf_free(&record);
    return e;
}

static double wall_time(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static err begin_event(strbuf *event, uint32_t step) {
    err e = add_double(event, EVENT_WALL_TIME, wall_time());
    if (e || !step) return e; // 0 is the default: it is left out
    e = add_key(event, EVENT_STEP, WIRE_VARINT);
    return e ? e : add_varint(event, step);
}

err event_file_add(event_file *f, uint32_t step, const event_scalar *scalars, size_t count) {
    strbuf event = {0};
    err e = begin_event(&event, step);
    if (!e) e = add_summary(&event, scalars, count);
    if (!e) e = write_record(f, &event);
    strbuf_free(&event);
    return e;
}

err event_file_add_text(event_file *f, const char *text) {
    strbuf event = {0}, content = {0};
    err e = begin_event(&event, 0);
    if (!e) e = add_plugin(&event, "args/text_summary", "text", &content, text);
    if (!e) e = write_record(f, &event);
    strbuf_free(&event);
    return e;
}

/* A session's begin or end, which is freed. */
static err add_session(event_file *f, uint32_t step, const char *tag, unsigned field,
                       strbuf *session) {
    strbuf event = {0}, content = {0};
    err e = begin_event(&event, step);
    if (!e) e = add_message(&content, field, session);
    if (!e) e = add_plugin(&event, tag, "hparams", &content, NULL);
    if (!e) e = write_record(f, &event);
    strbuf_free(&content);
    strbuf_free(&event);
    return e;
}

err event_file_begin_run(event_file *f, const event_setting *settings, size_t count) {
    strbuf session = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) e = add_setting(&session, &settings[i]);
    if (!e) e = add_double(&session, BEGIN_TIME, wall_time());
    if (!e) e = add_session(f, 0, "_hparams_/session_start_info", HPARAMS_BEGIN, &session);
    strbuf_free(&session);
    return e;
}

err event_file_end_run(event_file *f, uint32_t step) {
    strbuf session = {0};
    err e = add_whole(&session, END_STATUS, STATUS_SUCCESS);
    if (!e) e = add_double(&session, END_TIME, wall_time());
    if (!e) e = add_session(f, step, "_hparams_/session_end_info", HPARAMS_END, &session);
    strbuf_free(&session);
    return e;
}

static uint64_t little_endian(const uint8_t *b, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) value |= (uint64_t)b[i] << (8 * i);
    return value;
}

/* Reads a varint at *at, below end; false when it does not end there. */
static bool read_varint(uint64_t *value, const uint8_t *bytes, size_t *at, size_t end) {
    *value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t b = bytes[(*at)++];
        *value |= (uint64_t)(b & 127) << shift;
        if (!(b & 128)) return true;
    }
    return false;
}

/* The step of an event of our own; UINT64_MAX for bytes that are none. */
static uint64_t event_step(const uint8_t *bytes, size_t count) {
    uint64_t key = 0, value = 0, step = 0;
    for (size_t at = 0; at < count;) {
        if (!read_varint(&key, bytes, &at, count)) return UINT64_MAX;
        unsigned wire = key & 7;
        if (wire == WIRE_VARINT || wire == WIRE_BYTES) {
            if (!read_varint(&value, bytes, &at, count)) return UINT64_MAX;
            if (key >> 3 == EVENT_STEP && wire == WIRE_VARINT) step = value;
        }
        size_t skip = wire == WIRE_FIXED64   ? 8
                      : wire == WIRE_FIXED32 ? 4
                      : wire == WIRE_BYTES   ? (size_t)value
                                             : 0;
        if (skip > count - at || (wire != WIRE_VARINT && !skip && wire != WIRE_BYTES))
            return UINT64_MAX;
        at += skip;
    }
    return step;
}

/* A whole record at the start of what is there: its bytes and its event; 0 when it is none. */
static size_t whole_record(const uint8_t **event, size_t *length, const uint8_t *record,
                           size_t count) {
    if (count < HEAD_BYTES + CRC_BYTES) return 0;
    uint64_t said = little_endian(record, LENGTH_BYTES);
    if (said > count - HEAD_BYTES - CRC_BYTES) return 0;
    if (little_endian(record + LENGTH_BYTES, CRC_BYTES) != crc32c_masked(record, LENGTH_BYTES))
        return 0;
    *event = record + HEAD_BYTES;
    *length = (size_t)said;
    if (little_endian(*event + *length, CRC_BYTES) != crc32c_masked(*event, *length)) return 0;
    return HEAD_BYTES + *length + CRC_BYTES;
}

/* What stays: the whole records at the start whose steps are at most keep_step. */
static void keep(event_file *f, const uint8_t *bytes, size_t count, uint32_t keep_step) {
    f->found_bytes = count;
    f->is_damaged = !count;
    for (size_t at = 0; at < count; at = f->kept_bytes) {
        const uint8_t *event = NULL;
        size_t length = 0, record = whole_record(&event, &length, bytes + at, count - at);
        uint64_t step = record ? event_step(event, length) : UINT64_MAX;
        f->is_damaged = step == UINT64_MAX;
        if (step > keep_step) break;
        f->kept_of_step = step == f->kept_step ? f->kept_of_step + 1 : 1;
        f->kept_step = (uint32_t)step;
        f->kept_bytes += record;
    }
    // what stands before the first step is written by who begins a file
    if (f->is_damaged && !f->kept_step) f->kept_bytes = f->kept_of_step = 0;
}

static err cut(event_file *f, uint32_t keep_step) {
    void *bytes = NULL;
    size_t count = 0;
    if (!keep_step || !file_exists(f->path)) return ERR_OK;
    err e = file_read(&bytes, &count, f->path, LIMIT_BYTES);
    if (e) return e;
    keep(f, bytes, count, keep_step);
    if (f->kept_bytes && f->kept_bytes < count) e = file_write(f->path, bytes, f->kept_bytes);
    mem_free(bytes);
    return e;
}

err event_file_open(event_file *f, const char *path, uint32_t keep_step) {
    strbuf event = {0};
    *f = (event_file){0};
    err e = mem_strdup(&f->path, path);
    if (e || (e = cut(f, keep_step))) return e;
    if ((e = file_open_log(&f->file, path, f->kept_bytes > 0)) || f->kept_bytes) return e;
    f->is_new = true;
    e = begin_event(&event, 0);
    if (!e) e = add_bytes(&event, EVENT_VERSION, version, sizeof version - 1);
    if (!e) e = write_record(f, &event);
    strbuf_free(&event);
    return e;
}

void event_file_close(event_file *f) {
    if (f->file) fclose((FILE *)f->file);
    mem_free(f->path);
    *f = (event_file){0};
}
