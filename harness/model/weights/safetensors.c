#include "model/weights/safetensors.h"

#include "base/json.h"
#include "base/memory.h"
#include "platform/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_LIMIT_BYTES = 100000000, READ_CHUNK = 1 << 16 };

static const struct {
    const char *name;
    uint64_t bits; /* 0: unknown */
} types[TENSOR_TYPE_COUNT] = {
#define X(name, bits) {#name, bits},
    TENSOR_TYPES(X)
#undef X
        [TENSOR_UNKNOWN] = {"of an unknown type", 0},
};

void tensor_shape_text(char text[TENSOR_SHAPE_BYTES], const tensor_entry *entry) {
    size_t used = (size_t)snprintf(text, TENSOR_SHAPE_BYTES, "%s [", types[entry->type].name);
    for (uint32_t i = 0; i < entry->rank && i < TENSOR_RANK_KEPT; i++)
        used += (size_t)snprintf(text + used, TENSOR_SHAPE_BYTES - used, "%s%" PRIu64,
                                 i ? ", " : "", entry->shape[i]);
    snprintf(text + used, TENSOR_SHAPE_BYTES - used,
             entry->rank > TENSOR_RANK_KEPT ? ", ...]" : "]");
}

/* A whole number that a double holds exactly. */
static err whole(uint64_t *out, const cJSON *item, const char *path, const char *key,
                 const char *what) {
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= 9007199254740992.0 && value == floor(value)))
        return err_set(ERR_FORMAT, "%s: tensor '%s': %s is not a whole number of 0 or more", path,
                       key, what);
    *out = (uint64_t)value;
    return ERR_OK;
}

static err read_type(tensor_entry *t, const cJSON *item, const char *path) {
    const char *name = NULL;
    err e = json_string(&name, item, "dtype", path);
    if (e) return err_wrap(e, "tensor '%s'", t->name);
    int i = 0;
    while (i < TENSOR_UNKNOWN && strcmp(types[i].name, name) != 0) i++;
    t->type = (tensor_type)i;
    return ERR_OK;
}

static err read_shape(tensor_entry *t, const cJSON *item, const char *path) {
    const cJSON *shape = NULL, *size = NULL;
    err e = json_array(&shape, item, "shape", path);
    if (e) return err_wrap(e, "tensor '%s'", t->name);
    t->count = 1;
    cJSON_ArrayForEach(size, shape) {
        uint64_t n = 0;
        if ((e = whole(&n, size, path, t->name, "a size in shape"))) return e;
        if (n && t->count > UINT64_MAX / 64 / n)
            return err_set(ERR_FORMAT, "%s: tensor '%s': the shape has too many elements", path,
                           t->name);
        t->count *= n;
        if (t->rank < TENSOR_RANK_KEPT) t->shape[t->rank] = n;
        t->rank++;
    }
    return ERR_OK;
}

static err read_entry(tensor_entry *t, const cJSON *item, uint64_t data_bytes, const char *path) {
    const cJSON *offsets = NULL;
    err e = ERR_OK;
    if (!cJSON_IsObject(item))
        return err_set(ERR_FORMAT, "%s: tensor '%s' is not an object", path, item->string);
    if ((e = mem_strdup(&t->name, item->string))) return e;
    if ((e = read_type(t, item, path))) return e;
    if ((e = read_shape(t, item, path))) return e;
    if ((e = json_array(&offsets, item, "data_offsets", path)))
        return err_wrap(e, "tensor '%s'", t->name);
    if (cJSON_GetArraySize(offsets) != 2)
        return err_set(ERR_FORMAT, "%s: tensor '%s': data_offsets has %d numbers, expected 2", path,
                       t->name, cJSON_GetArraySize(offsets));
    if ((e = whole(&t->begin, cJSON_GetArrayItem(offsets, 0), path, t->name, "data_offsets[0]")))
        return e;
    if ((e = whole(&t->end, cJSON_GetArrayItem(offsets, 1), path, t->name, "data_offsets[1]")))
        return e;
    if (t->begin > t->end || t->end > data_bytes)
        return err_set(ERR_FORMAT,
                       "%s: tensor '%s' lies at bytes %" PRIu64 " to %" PRIu64
                       " of the data, which has %" PRIu64 " (is the file truncated?)",
                       path, t->name, t->begin, t->end, data_bytes);
    uint64_t bits = t->count * types[t->type].bits, bytes = t->end - t->begin;
    if (t->type != TENSOR_UNKNOWN && bits % 8)
        return err_set(ERR_FORMAT,
                       "%s: tensor '%s' has %" PRIu64
                       " values of %s, which fill no whole number of "
                       "bytes",
                       path, t->name, t->count, types[t->type].name);
    if (t->type != TENSOR_UNKNOWN && bytes * 8 != bits) {
        char shape[TENSOR_SHAPE_BYTES];
        tensor_shape_text(shape, t);
        return err_set(ERR_FORMAT,
                       "%s: tensor '%s' has %" PRIu64 " bytes, expected %" PRIu64 " for %s", path,
                       t->name, bytes, (bits + 7) / 8, shape);
    }
    return ERR_OK;
}

static int by_name(const void *a, const void *b) {
    const tensor_entry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int by_place(const void *a, const void *b) {
    const tensor_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1; // empty tensors first
    return strcmp(x->name, y->name);
}

/* pre: the entries are in their final order. */
static err index_names(safetensors *s) {
    err e = mem_new(&s->by_name, s->count);
    if (e) return e;
    for (size_t i = 0; i < s->count; i++) s->by_name[i] = &s->entries[i];
    qsort(s->by_name, s->count, sizeof *s->by_name, by_name);
    for (size_t i = 1; i < s->count; i++)
        if (strcmp(s->by_name[i - 1]->name, s->by_name[i]->name) == 0)
            return err_set(ERR_FORMAT, "%s: tensor '%s' is there twice", s->path,
                           s->by_name[i]->name);
    return ERR_OK;
}

const tensor_entry *safetensors_find(const safetensors *s, const char *name) {
    const tensor_entry wanted = {.name = (char *)name}, *key = &wanted;
    if (!s->count) return NULL;
    const tensor_entry **found = bsearch(&key, s->by_name, s->count, sizeof *s->by_name, by_name);
    return found ? *found : NULL;
}

static err check_places(const safetensors *s, uint64_t data_bytes) {
    uint64_t next = 0;
    for (size_t i = 0; i < s->count; i++) {
        const tensor_entry *t = &s->entries[i];
        if (t->begin != next)
            return err_set(ERR_FORMAT,
                           "%s: tensor '%s' begins at byte %" PRIu64 ", expected %" PRIu64 " (%s)",
                           s->path, t->name, t->begin, next,
                           t->begin < next ? "it overlaps another" : "a hole before it");
        next = t->end;
    }
    if (next != data_bytes)
        return err_set(ERR_FORMAT,
                       "%s: tensors end at byte %" PRIu64 " of the data, which has %" PRIu64,
                       s->path, next, data_bytes);
    return ERR_OK;
}

static err check_metadata(const cJSON *item, const char *path) {
    const cJSON *value = NULL;
    if (cJSON_IsNull(item)) return ERR_OK;
    if (!cJSON_IsObject(item))
        return err_set(ERR_FORMAT, "%s: __metadata__ is not an object", path);
    cJSON_ArrayForEach(value, item) if (!cJSON_IsString(value)) return err_set(
        ERR_FORMAT, "%s: __metadata__ '%s' is not a string", path, value->string);
    return ERR_OK;
}

/* Where the member that begins at text[at] ends: at the ',' or '}' behind it, or at the text's
 * end. */
static size_t member_end(const char *text, size_t at) {
    size_t depth = 0;
    bool quoted = false;
    for (; text[at]; at++) {
        char c = text[at];
        if (quoted) {
            if (c == '\\' && text[at + 1])
                at++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (depth == 0 && (c == ',' || c == '}')) {
            return at;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        }
    }
    return at;
}

/* A member is parsed as an object of its own: text[begin, end) between the braces that are put
 * around it for that long. */
static err read_member(safetensors *s, char *text, size_t begin, size_t end, uint64_t data_bytes) {
    cJSON *root = NULL;
    char before = text[begin - 1], behind[2] = {text[end], text[end + 1]};
    text[begin - 1] = '{';
    text[end] = '}';
    text[end + 1] = '\0';
    err e = json_parse(&root, text + begin - 1, end - begin + 2, s->path);
    text[begin - 1] = before;
    text[end] = behind[0];
    text[end + 1] = behind[1];
    if (e) return err_wrap(e, "header, member at byte %zu", begin);
    const cJSON *item = root->child;
    if (!item) {
        e = err_set(ERR_FORMAT, "%s: the header has an empty member at byte %zu", s->path, begin);
    } else if (strcmp(item->string, "__metadata__") == 0) {
        e = check_metadata(item, s->path);
    } else if (s->count == SAFETENSORS_MOST) {
        e = err_set(ERR_FORMAT, "%s: has more than %d tensors, the most that are read", s->path,
                    SAFETENSORS_MOST);
    } else if (!(e = mem_grow((void **)&s->entries, &s->capacity, s->count + 1,
                              sizeof *s->entries))) {
        s->entries[s->count] = (tensor_entry){0};
        e = read_entry(&s->entries[s->count++], item, data_bytes, s->path);
    }
    cJSON_Delete(root);
    return e;
}

/* text is terminated, and changed while it is read. */
static err read_header(safetensors *s, char *text, size_t length, uint64_t data_bytes) {
    static const char blanks[] = " \t\r\n";
    if (length == 0 || text[0] != '{')
        return err_set(ERR_FORMAT, "%s: the header does not begin with '{'", s->path);
    size_t at = 1 + strspn(text + 1, blanks), end = at;
    err e = ERR_OK;
    if (text[at] != '}') {
        for (;; at = end + 1) {
            end = member_end(text, at);
            if (!text[end]) break;
            if ((e = read_member(s, text, at, end, data_bytes))) return e;
            if (text[end] == '}') break;
        }
    }
    if (text[end] != '}' || end + 1 + strspn(text + end + 1, blanks) != length)
        return err_set(ERR_FORMAT, "%s: the header is not valid JSON (at byte %zu)", s->path, end);
    if (s->count) qsort(s->entries, s->count, sizeof *s->entries, by_place);
    if ((e = index_names(s))) return e;
    return check_places(s, data_bytes);
}

err safetensors_open(safetensors *s, const char *path) {
    uint64_t bytes = 0, header = 0;
    uint8_t length[8];
    char *text = NULL;
    *s = (safetensors){0};
    err e = ERR_OK;
    if ((e = mem_strdup(&s->path, path))) return e;
    if ((e = file_open_stream(&s->file, &bytes, path))) return e;
    if (bytes < sizeof length || fread(length, 1, sizeof length, s->file) != sizeof length)
        return err_set(ERR_FORMAT, "%s: has %" PRIu64 " bytes, a safetensors file has at least 8",
                       path, bytes);
    for (int i = 7; i >= 0; i--) header = header << 8 | length[i];
    if (header > HEADER_LIMIT_BYTES)
        return err_set(ERR_FORMAT,
                       "%s: the header is said to have %" PRIu64 " bytes, at most %d are "
                       "allowed (is this a safetensors file?)",
                       path, header, HEADER_LIMIT_BYTES);
    if (header > bytes - sizeof length)
        return err_set(ERR_FORMAT,
                       "%s: truncated: the header is said to have %" PRIu64 " bytes, %" PRIu64
                       " follow",
                       path, header, bytes - sizeof length);
    if ((e = mem_new(&text, (size_t)header + 1))) return e;
    if (fread(text, 1, (size_t)header, s->file) != header)
        e = err_set(ERR_IO, "%s: cannot read the header", path);
    s->data_begin = sizeof length + header;
    if (!e) e = read_header(s, text, (size_t)header, bytes - s->data_begin);
    mem_free(text);
    return e;
}

void safetensors_close(safetensors *s) {
    if (s->file) fclose(s->file);
    for (size_t i = 0; s->entries && i < s->count; i++) mem_free(s->entries[i].name);
    mem_free(s->entries);
    mem_free(s->by_name);
    mem_free(s->path);
    *s = (safetensors){0};
}

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_half(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u,
             fraction = h & 0x3ffu;
    if (exponent == 0) { // zero and subnormal: fraction * 2^-24
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    uint32_t high = exponent == 31 ? 255u : exponent + 112u;
    return from_bits(sign | high << 23 | fraction << 13);
}

static uint32_t little_endian(const uint8_t *b) {
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static float from_double(const uint8_t *b) {
    uint64_t bits = (uint64_t)little_endian(b + 4) << 32 | little_endian(b);
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

static void convert(float *out, const uint8_t *raw, size_t count, tensor_type type) {
    for (size_t i = 0; i < count; i++) {
        if (type == TENSOR_F32) {
            out[i] = from_bits(little_endian(raw + 4 * i));
        } else if (type == TENSOR_F64) {
            out[i] = from_double(raw + 8 * i);
        } else {
            uint16_t half = (uint16_t)(raw[2 * i] | raw[2 * i + 1] << 8);
            out[i] = type == TENSOR_F16 ? from_half(half) : from_bits((uint32_t)half << 16);
        }
    }
}

err safetensors_read(const safetensors *s, const tensor_entry *entry, float *out) {
    uint8_t *raw = NULL;
    size_t size = types[entry->type].bits / 8, count = (size_t)entry->count;
    if (entry->type > TENSOR_F64)
        return err_set(ERR_UNSUPPORTED, "%s: tensor '%s' is %s, expected F32, F16, BF16 or F64",
                       s->path, entry->name, types[entry->type].name);
    if (stream_file_seek(s->file, s->data_begin + entry->begin))
        return err_set(ERR_IO, "%s: %s", s->path, strerror(errno));
    err e = mem_new(&raw, (count < READ_CHUNK ? count : READ_CHUNK) * size);
    for (size_t first = 0; !e && first < count; first += READ_CHUNK) {
        size_t part = count - first < READ_CHUNK ? count - first : READ_CHUNK;
        if (fread(raw, size, part, s->file) != part) {
            e = err_set(ERR_IO, "%s: tensor '%s' ends before its last value", s->path, entry->name);
            break;
        }
        convert(out + first, raw, part, entry->type);
        for (size_t i = 0; i < part && !e; i++)
            if (!isfinite(out[first + i]))
                e = err_set(ERR_NUMERIC, "%s: tensor '%s': value %zu is not finite", s->path,
                            entry->name, first + i);
    }
    mem_free(raw);
    return e;
}

static err header_add(safetensors_writer *w, const char *text) {
    size_t n = strlen(text);
    err e = mem_grow((void **)&w->header, &w->capacity, w->length + n + 1, 1);
    if (e) return e;
    memcpy(w->header + w->length, text, n + 1);
    w->length += n;
    return ERR_OK;
}

err safetensors_declare(safetensors_writer *w, const char *name, const uint64_t *shape,
                        uint32_t rank) {
    // "pt" is what transformers wants to see in the metadata
    const char *start = w->length ? "," : "{\"__metadata__\":{\"format\":\"pt\"},";
    char text[512];
    uint64_t bytes = sizeof(float);
    size_t used =
        (size_t)snprintf(text, sizeof text, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", start, name);
    for (uint32_t i = 0; i < rank && used < sizeof text; i++) {
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%" PRIu64, i ? "," : "", shape[i]);
        bytes *= shape[i];
    }
    if (used < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", w->bytes,
                                 w->bytes + bytes);
    if (used >= sizeof text) return err_set(ERR_ARG, "tensor name '%s' is too long", name);
    w->bytes += bytes;
    return header_add(w, text);
}

err safetensors_writer_begin(safetensors_writer *w, const char *path) {
    uint8_t length[8];
    err e = header_add(w, w->length ? "}" : "{}");
    while (!e && w->length % 8) e = header_add(w, " "); // data begins at a multiple of 8
    if (e) return e;
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)w->length >> (8 * i));
    if ((e = file_writer_begin(&w->writer, path))) return e;
    if ((e = file_writer_add(&w->writer, length, sizeof length))) return e;
    return file_writer_add(&w->writer, w->header, w->length);
}

err safetensors_add(safetensors_writer *w, const float *values, size_t count) {
    w->written += count * sizeof *values;
    return file_writer_add(&w->writer, values, count * sizeof *values);
}

err safetensors_writer_commit(safetensors_writer *w) {
    if (w->written != w->bytes)
        return err_set(ERR_ARG,
                       "%s: %" PRIu64 " bytes of tensors were written, %" PRIu64 " declared",
                       w->writer.path, w->written, w->bytes);
    return file_writer_commit(&w->writer);
}

void safetensors_writer_free(safetensors_writer *w) {
    file_writer_abort(&w->writer);
    mem_free(w->header);
    *w = (safetensors_writer){0};
}
