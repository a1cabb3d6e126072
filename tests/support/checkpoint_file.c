#include "support/checkpoint_file.h"

#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"

#include <inttypes.h>
#include <string.h>

static checkpoint_tensor *append(checkpoint_file *c, const char *name) {
    MUST(mem_grow((void **)&c->list, &c->capacity, c->count + 1, sizeof *c->list));
    checkpoint_tensor *t = &c->list[c->count++];
    *t = (checkpoint_tensor){0};
    cr_assert_lt(strlen(name), sizeof t->name);
    strcpy(t->name, name);
    return t;
}

void checkpoint_file_take(checkpoint_file *c, const params *ps) {
    *c = (checkpoint_file){0};
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        size_t slices = param_slices(p), count = p->count / slices;
        for (size_t s = 0; s < slices; s++) {
            char key[PARAM_NAME_BYTES];
            param_key(p, s, key);
            checkpoint_tensor *t = append(c, key);
            t->shape[0] = p->rows / slices;
            t->shape[1] = p->cols;
            t->rank = p->is_vector ? 1 : 2;
            t->count = count;
            MUST(mem_new(&t->values, count));
            MUST(device_read_f32(t->values, span_part(p->p, s * count, count), count));
        }
    }
}

void checkpoint_file_free(checkpoint_file *c) {
    for (size_t i = 0; i < c->count; i++) mem_free(c->list[i].values);
    mem_free(c->list);
    *c = (checkpoint_file){0};
}

void checkpoint_file_add(checkpoint_file *c, const char *name, uint64_t rows, uint64_t cols) {
    checkpoint_tensor *t = append(c, name);
    t->shape[0] = rows;
    t->shape[1] = cols;
    t->rank = cols ? 2 : 1;
    t->count = (size_t)(rows * (cols ? cols : 1));
    MUST(mem_new(&t->values, t->count));
}

void checkpoint_file_rename(checkpoint_file *c, const char *from, const char *to) {
    for (size_t i = 0; i < c->count; i++) {
        char *at = strstr(c->list[i].name, from), rest[sizeof c->list[i].name];
        if (!at) continue;
        strcpy(rest, at + strlen(from));
        cr_assert_lt((size_t)(at - c->list[i].name) + strlen(to) + strlen(rest),
                     sizeof c->list[i].name);
        strcpy(at, to);
        strcat(at, rest);
    }
}

void checkpoint_file_drop(checkpoint_file *c, const char *part) {
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (strstr(c->list[i].name, part))
            mem_free(c->list[i].values);
        else
            c->list[kept++] = c->list[i];
    }
    c->count = kept;
}

/* A value that both half types hold exactly, in 16 bits; normal numbers and zero. */
static uint16_t half_bits(float value, bool is_brain) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (is_brain) {
        cr_assert_eq(bits & 0xffffu, 0, "%g is no bfloat16", (double)value);
        return (uint16_t)(bits >> 16);
    }
    uint32_t sign = bits >> 16 & 0x8000u, exponent = bits >> 23 & 255u, fraction = bits & 0x7fffffu;
    if (value == 0) return (uint16_t)sign;
    cr_assert(exponent >= 113 && exponent <= 142 && (fraction & 0x1fffu) == 0, "%g is no half",
              (double)value);
    return (uint16_t)(sign | (exponent - 112) << 10 | fraction >> 13);
}

static void add_header(strbuf *out, const checkpoint_file *c, size_t first, size_t last,
                       const char *type, size_t width) {
    size_t at = 0;
    MUST(strbuf_add(out, "{\"__metadata__\":{\"format\":\"pt\"}"));
    for (size_t i = first; i < last; i++) {
        const checkpoint_tensor *t = &c->list[i];
        MUST(strbuf_printf(out, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%" PRIu64, t->name, type,
                           t->shape[0]));
        if (t->rank == 2) MUST(strbuf_printf(out, ",%" PRIu64, t->shape[1]));
        MUST(strbuf_printf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + t->count * width));
        at += t->count * width;
    }
    MUST(strbuf_add(out, "}"));
}

void checkpoint_file_write(const checkpoint_file *c, const char *path, size_t first, size_t last,
                           const char *type) {
    strbuf header = {0}, file = {0};
    bool is_wide = strcmp(type, "F32") == 0;
    uint8_t length[8];
    add_header(&header, c, first, last, type, is_wide ? 4 : 2);
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.length >> (8 * i));
    MUST(strbuf_add_bytes(&file, length, sizeof length));
    MUST(strbuf_add_bytes(&file, header.text, header.length));
    for (size_t i = first; i < last; i++)
        for (size_t k = 0; k < c->list[i].count; k++) {
            float value = c->list[i].values[k];
            uint16_t half = is_wide ? 0 : half_bits(value, strcmp(type, "BF16") == 0);
            MUST(is_wide ? strbuf_add_bytes(&file, &value, sizeof value)
                         : strbuf_add_bytes(&file, &half, sizeof half));
        }
    MUST(file_write(path, file.text, file.length));
    strbuf_free(&header);
    strbuf_free(&file);
}
