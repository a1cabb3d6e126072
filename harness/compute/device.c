#include "compute/device.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/name.h"
#include "compute/plan.h"
#include "platform/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const device_variables[] = {"VK_DRIVER_FILES",
                                        "VK_ICD_FILENAMES",
                                        "VK_ADD_DRIVER_FILES",
                                        "VK_LOADER_DRIVERS_SELECT",
                                        "VK_LOADER_DRIVERS_DISABLE",
                                        "VK_INSTANCE_LAYERS",
                                        "VK_LOADER_LAYERS_ENABLE",
                                        "DRI_PRIME",
                                        "MESA_VK_DEVICE_SELECT",
                                        "HARNESS_VULKAN_KERNELS",
                                        "HARNESS_ISA",
                                        NULL};

/* More than any machine that is known has, and few enough for their stacks and workspaces. */
enum { THREADS_MOST = 512 };

static err append(device_info **list, size_t *count, size_t *capacity, const device_info *info) {
    err e = mem_grow((void **)list, capacity, *count + 1, sizeof **list);
    if (e) return e;
    (*list)[*count] = *info;
    (*list)[*count].index = (uint32_t)*count;
    ++*count;
    return ERR_OK;
}

#if HARNESS_VULKAN
/* No Vulkan device can be meant: the native CPU comes first in every list. */
static bool is_host(const char *selector) {
    if (!selector) return false;
#if HARNESS_CPU
    if (*selector && !selector[strspn(selector, "0")]) return true;
#endif
    return ascii_equal_fold(selector, "cpu") || ascii_equal_fold(selector, "reference");
}
#endif

err device_list(device_info **list, size_t *count, const char **vulkan_note) {
    return device_list_for(list, count, vulkan_note, NULL);
}

err device_list_for(device_info **list, size_t *count, const char **vulkan_note,
                    const char *selector) {
    *list = NULL;
    *count = 0;
    *vulkan_note = "";
    size_t capacity = 0;
    device_info info;
    err e = ERR_OK;
    (void)info;
#if HARNESS_CPU
    memset(&info, 0, sizeof info);
    cpu_info(&info, 0);
    if ((e = append(list, count, &capacity, &info))) goto fail;
#endif
#if HARNESS_VULKAN
    size_t first = *count;
    if (is_host(selector))
        *vulkan_note = "Vulkan was not looked for";
    else
        e = vulkan_list(list, count, &capacity, vulkan_note);
    if (e == ERR_DEVICE) {
        // Vulkan that fails is as good as none: the other devices run all the same
        static _Thread_local char failed[300];
        snprintf(failed, sizeof failed, "Vulkan does not work here: %s", err_message(e));
        *vulkan_note = failed;
        err_clear();
    } else if (e) {
        goto fail;
    }
    for (size_t i = first; i < *count; i++) (*list)[i].index = (uint32_t)i;
#else
    (void)selector;
    *vulkan_note = "this build has no Vulkan device";
#endif
    memset(&info, 0, sizeof info);
    reference_info(&info);
    if ((e = append(list, count, &capacity, &info))) goto fail;
    return ERR_OK;
fail:
    mem_free(*list);
    *list = NULL;
    *count = 0;
    return e;
}

static bool matches(const device_info *d, const char *selector) {
    return ascii_contains_fold(d->name, selector) || ascii_contains_fold(d->driver, selector) ||
           ascii_contains_fold(d->uuid, selector);
}

static err list_names(strbuf *out, const device_info *list, size_t count) {
    err e = count ? ERR_OK : strbuf_add(out, "none");
    for (size_t i = 0; i < count && !e; i++) {
        bool is_alone = true;
        for (size_t k = 0; k < count; k++)
            is_alone = is_alone && (k == i || strcmp(list[k].name, list[i].name) != 0);
        e = strbuf_printf(out, "%s%u: %s", i ? ", " : "", list[i].index, list[i].name);
        if (!e && !is_alone) e = strbuf_printf(out, " %s", list[i].uuid);
    }
    return e;
}

const char *device_order(void) {
    if (environment("DRI_PRIME")) return "DRI_PRIME";
    return environment("MESA_VK_DEVICE_SELECT") ? "MESA_VK_DEVICE_SELECT" : NULL;
}

/* Of the devices that nobody named, the lowest is taken, of equals the first. */
static device_class rank_of(const device_info *d) {
    return d->class <= CLASS_VIRTUAL && device_order() ? CLASS_DISCRETE : d->class;
}

err device_select(const device_info **out, const device_info *list, size_t count,
                  const char *selector) {
    *out = NULL;
    if (!selector) {
        for (size_t i = 0; i < count; i++) {
            if (list[i].class >= CLASS_SOFTWARE || list[i].is_unfit) continue;
            if (!*out || rank_of(&list[i]) < rank_of(*out)) *out = &list[i];
        }
        if (*out) return ERR_OK;
        return err_set(
            ERR_DEVICE,
            "no GPU and no native CPU device here; a software Vulkan driver is used only "
            "when named%s (see `harness devices`)",
            err_advice("device", " with --device"));
    }
    bool is_number = *selector && !selector[strspn(selector, "0123456789")];
    const device_info *named = NULL;
    size_t hits = 0, name_hits = 0;
    for (size_t i = 0; i < count; i++) {
        const device_info *d = &list[i];
        bool hit;
        if (ascii_equal_fold(selector, "cpu"))
            hit = d->kind == DEVICE_CPU;
        else if (ascii_equal_fold(selector, "reference"))
            hit = d->kind == DEVICE_REFERENCE;
        else if (is_number && strlen(selector) < 9)
            hit = d->index == strtoul(selector, NULL, 10);
        else
            hit = *selector && matches(d, selector);
        if (!hit) continue;
        *out = d;
        hits++;
        if (!ascii_equal_fold(selector, d->name)) continue;
        named = d;
        name_hits++;
    }
    if (hits > 1 && name_hits == 1) {
        *out = named;
        return ERR_OK;
    }
    if (hits == 1) return ERR_OK;
    *out = NULL;
    strbuf known = {0};
    err e = list_names(&known, list, count);
    if (!e) {
        e = err_set(ERR_USAGE, "device '%s' %s%s (devices here: %s)", selector,
                    hits ? "matches more than one" : "is not here",
                    !hits && strchr(selector, ',') ? ": one is expected here, no list" : "",
                    known.text);
    }
    strbuf_free(&known);
    return e;
}

err device_find(device_info *out, const char *selector) {
    device_info *list;
    size_t count;
    const char *note;
    err e = device_list_for(&list, &count, &note, selector);
    if (e) return e;
    const device_info *found;
    e = device_select(&found, list, count, selector);
    if (!e) *out = *found;
    for (size_t i = 0; i < count && !e && !selector; i++)
        if (list[i].is_unfit && list[i].class < CLASS_NATIVE_CPU)
            log_note("%s is left out: %s", list[i].name, list[i].fault);
    if (e && *note) e = err_set(e, "%s; %s", err_message(e), note);
    mem_free(list);
    return e;
}

err device_precision_find(device_precision *out, const char *name) {
    int place = name ? name_place(PRECISION_WORDS, name) : PRECISION_FP32;
    *out = place > PRECISION_BF16 || place < 0 ? PRECISION_FP32 : (device_precision)place;
    return place < 0 ? err_set(ERR_USAGE, "no precision '%s' (known: %s)", name, PRECISION_WORDS)
                     : ERR_OK;
}

const char *device_precision_name(device_precision precision) {
    static const char *const names[] = {"fp32", "fp16", "bf16"};
    return names[precision];
}

err device_open(device *d, const device_info *info, const device_options *options) {
    memset(d, 0, sizeof *d);
    d->info = *info;
    if (options) d->options = *options;
    if (d->options.threads > THREADS_MOST)
        return err_set(ERR_USAGE, "%sthreads expects at most %d, found %u",
                       err_advice("threads", "--"), THREADS_MOST, d->options.threads);
    if (d->options.precision == PRECISION_FP16 && info->kind != DEVICE_VULKAN)
        return err_set(ERR_UNSUPPORTED,
                       "%s: precision fp16 needs cooperative matrices; missing: a Vulkan device",
                       info->name);
    switch (info->kind) {
    case DEVICE_REFERENCE: return reference_open(d);
    case DEVICE_CPU:
#if HARNESS_CPU
        return cpu_open(d);
#else
        return err_set(ERR_UNSUPPORTED, "this build has no native CPU device");
#endif
    case DEVICE_VULKAN:
#if HARNESS_VULKAN
        return device_wrap(d, vulkan_open(d));
#else
        return err_set(ERR_UNSUPPORTED, "this build has no Vulkan device");
#endif
    }
    return err_set(ERR_ARG, "unknown kind of device");
}

err device_wrap(const device *d, err e) {
    if (e != ERR_DEVICE || strstr(err_message(e), d->info.name) == err_message(e)) return e;
    return err_wrap(e, "%s", d->info.name);
}

err device_open_named(device *d, const char *selector, const device_options *options) {
    memset(d, 0, sizeof *d);
    device_info info;
    err e = device_find(&info, selector);
    return e ? e : device_open(d, &info, options);
}

void device_close(device *d) {
    if (d->vtable) d->vtable->close(d);
    memset(d, 0, sizeof *d);
}

err device_buffer_new(device *d, buffer **out, size_t bytes, bool host_visible) {
    err e = mem_new(out, 1);
    if (e) return e;
    buffer *b = *out;
    b->device = d;
    b->bytes = bytes;
    if (d->is_measured) {
        d->measured_bytes[host_visible] += bytes;
        return ERR_OK;
    }
    if ((e = device_wrap(d, d->vtable->buffer_init(d, b, bytes, host_visible)))) {
        mem_free(b);
        *out = NULL;
        return e;
    }
    d->generation++;
    d->allocated_bytes += bytes;
    if (d->allocated_bytes > d->peak_bytes) d->peak_bytes = d->allocated_bytes;
    return ERR_OK;
}

void device_buffer_name(buffer *b, const char *name) {
    const device *d = b->device;
    if (d->vtable->buffer_name && !d->is_measured) d->vtable->buffer_name(b, name);
}

void device_buffer_free(buffer *b) {
    if (!b) return;
    if (!b->device->is_measured) {
        b->device->allocated_bytes -= b->bytes;
        b->device->vtable->buffer_free(b);
    }
    mem_free(b);
}

void device_measure_begin(device *d) {
    d->is_measured = true;
    d->measured_bytes[0] = d->measured_bytes[1] = 0;
}

err device_measure_end(device *d, const char *what) {
    d->is_measured = false;
    if (!what || !d->vtable->has_room) return ERR_OK;
    return d->vtable->has_room(d, d->measured_bytes[0], d->measured_bytes[1], what);
}

// Waits until nothing that was submitted still runs.
static err idle(device *d) {
    for (uint32_t slot = 0; d->vtable->wait && slot < SLOT_COUNT; slot++) {
        err e = device_wrap(d, d->vtable->wait(d, slot));
        if (e) return e;
    }
    return ERR_OK;
}

static err write_bytes(span s, const void *bytes, size_t count) {
    if (s.buffer->device->is_measured) return ERR_OK;
    err e = idle(s.buffer->device);
    if (e) return e;
    s.buffer->device->generation++;
    device *d = s.buffer->device;
    if (!s.buffer->mapped)
        return device_wrap(d, d->vtable->upload(s.buffer, s.offset, bytes, count));
    memcpy(span_host(s), bytes, count);
    return ERR_OK;
}

static err read_bytes(void *bytes, span s, size_t count) {
    err e = idle(s.buffer->device);
    if (e) return e;
    device *d = s.buffer->device;
    if (!s.buffer->mapped)
        return device_wrap(d, d->vtable->download(bytes, s.buffer, s.offset, count));
    memcpy(bytes, span_host(s), count);
    return ERR_OK;
}

static err check(span s, size_t count, bool is_real) {
    bool right = is_real ? s.type == ELEM_F32 || s.type == ELEM_F64 : s.type == ELEM_U32;
    if (right && count <= s.count) return ERR_OK;
    return err_set(ERR_ARG, "copy of %zu elements does not fit a span of %zu", count, s.count);
}

// Copies through a chunk of the other type, so that nothing of tensor size is allocated.
enum { CHUNK = 4096 };

static void convert(void *out, elem to, const void *in, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (to == ELEM_F64)
            ((double *)out)[i] = (double)((const float *)in)[i];
        else
            ((float *)out)[i] = (float)((const double *)in)[i];
}

static err write_reals(span dst, const void *src, elem from, size_t count) {
    size_t each = elem_bytes(from);
    double chunk[CHUNK];
    err e = check(dst, count, true);
    if (!e && dst.type == from) return write_bytes(dst, src, count * each);
    for (size_t done = 0, n; !e && done < count; done += n) {
        n = count - done < CHUNK ? count - done : CHUNK;
        convert(chunk, dst.type, (const char *)src + done * each, n);
        e = write_bytes(span_part(dst, done, n), chunk, n * elem_bytes(dst.type));
    }
    return e;
}

static err read_reals(void *dst, elem to, span src, size_t count) {
    size_t each = elem_bytes(to);
    double chunk[CHUNK];
    err e = check(src, count, true);
    if (!e && src.type == to) return read_bytes(dst, src, count * each);
    for (size_t done = 0, n; !e && done < count; done += n) {
        n = count - done < CHUNK ? count - done : CHUNK;
        e = read_bytes(chunk, span_part(src, done, n), n * elem_bytes(src.type));
        if (!e) convert((char *)dst + done * each, to, chunk, n);
    }
    return e;
}

err device_write_f32(span dst, const float *src, size_t count) {
    return write_reals(dst, src, ELEM_F32, count);
}

err device_read_f32(float *dst, span src, size_t count) {
    return read_reals(dst, ELEM_F32, src, count);
}

err device_write_f64(span dst, const double *src, size_t count) {
    return write_reals(dst, src, ELEM_F64, count);
}

err device_read_f64(double *dst, span src, size_t count) {
    return read_reals(dst, ELEM_F64, src, count);
}

err device_write_u32(span dst, const uint32_t *src, size_t count) {
    err e = check(dst, count, false);
    return e ? e : write_bytes(dst, src, count * sizeof *src);
}

err device_read_u32(uint32_t *dst, span src, size_t count) {
    err e = check(src, count, false);
    return e ? e : read_bytes(dst, src, count * sizeof *dst);
}

const char *device_class_name(device_class c) {
    switch (c) {
    case CLASS_DISCRETE: return "discrete GPU";
    case CLASS_INTEGRATED: return "integrated GPU";
    case CLASS_VIRTUAL: return "virtual GPU";
    case CLASS_NATIVE_CPU: return "native CPU";
    case CLASS_SOFTWARE: return "software";
    case CLASS_REFERENCE: return "reference";
    }
    return "unknown";
}

const char *device_record_kind(const device_info *info) {
    switch (info->class) {
    case CLASS_NATIVE_CPU: return "cpu";
    case CLASS_SOFTWARE:
    case CLASS_REFERENCE: return "software";
    default: return "gpu";
    }
}
