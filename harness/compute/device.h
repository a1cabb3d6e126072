/* Devices: where operations run.
 *
 * Three kinds share one interface: `reference` (f64 on the host, the oracle), `cpu` (native f32)
 * and `vulkan` (every Vulkan physical device). A device owns its buffers' memory; a plan (plan.h)
 * is walked by its device. Nothing falls back: what was asked for runs, or an error says why
 * not. */
#ifndef HARNESS_COMPUTE_DEVICE_H
#define HARNESS_COMPUTE_DEVICE_H

#include "compute/span.h"

typedef enum device_kind { DEVICE_REFERENCE, DEVICE_CPU, DEVICE_VULKAN } device_kind;

/* What the hardware is: also the order of preference for the default. */
typedef enum device_class {
    CLASS_DISCRETE,
    CLASS_INTEGRATED,
    CLASS_VIRTUAL,
    CLASS_NATIVE_CPU,
    CLASS_SOFTWARE, /* a Vulkan driver that runs on the CPU; used only when named */
    CLASS_REFERENCE /* used only when named */
} device_class;

typedef struct device_info {
    device_kind kind;
    device_class class;
    uint32_t index;        /* place in device_list, what --device N selects */
    uint32_t vulkan_index; /* physical device, for DEVICE_VULKAN */
    char name[256];
    char driver[256];    /* driver name and its version text */
    char version[64];    /* Vulkan API version, or compiler of the native device */
    char uuid[37];       /* 8-4-4-4-12 hexadecimal; "" where there is none */
    char isa[64];        /* CPU: "avx512", "avx2" or "baseline"; Vulkan: shader features in use */
    char libraries[128]; /* "oneDNN 2.6.3" */
    char kernels[64];    /* kernel family chosen: "cpu", "tile", "register", "panel" */
    uint32_t threads;    /* host threads used; 1 for Vulkan */
    uint32_t vendor;
    uint32_t subgroup_size; /* Vulkan; 0 elsewhere */
    uint32_t max_workgroup; /* invocations */
    uint64_t resident;      /* Vulkan: invocations at once, where an opened driver tells; else 0 */
    uint32_t max_shared_bytes;
    uint64_t max_buffer_bytes;          /* largest single allocation */
    uint64_t max_binding_bytes;         /* largest storage-buffer range */
    uint64_t memory_bytes;              /* of the largest device heap, or of the host */
    bool has_f16, has_bf16, has_matrix; /* capabilities, whether or not used */
    /* What precision bf16 would need to be faster than fp32 here; "" where it is faster. */
    char bf16_lacks[160];
    char fault[200]; /* what opening it would be refused for, as far as known; "": nothing */
    bool is_unfit;   /* and that is the device's own: never the default */
} device_info;

/* Of the factors of matrix products; all else is f32 (the reference: f64). */
typedef enum device_precision { PRECISION_FP32, PRECISION_FP16, PRECISION_BF16 } device_precision;

typedef struct device_options {
    device_precision precision;
    uint32_t threads; /* native CPU; 0: every core this process may use */
    bool validation; /* Vulkan: validation layer with synchronization checks; absent layer: error */
} device_options;

struct device_vtable;

typedef struct device {
    device_info info;
    device_options options;
    const struct device_vtable *vtable;
    void *impl;               /* the device's own */
    elem real;                /* ELEM_F64 for the reference, ELEM_F32 else */
    uint32_t tile_rows;       /* query rows in one query_tile of ops.h */
    uint64_t allocated_bytes; /* now */
    uint64_t peak_bytes;
    uint64_t validation_errors; /* messages of the validation layer so far */
    /* Grows with what the host writes and allocates: what a device derived of memory before is
     * old. */
    uint64_t generation;
    /* Grows with every op that was computed while the host waited, and every submission that came
     * to its end, of which each part where is_watched: a device at work whose count stands still may
     * hang. */
    _Atomic uint64_t work;
    bool is_watched;
    /* device_measure: bytes asked for since, of device memory and of what the host sees too */
    bool is_measured;
    uint64_t measured_bytes[2];
} device;

/* All devices this process can open, in a fixed order: native CPU, then Vulkan physical devices in
 * the loader's order, then the reference. *list is owned (mem_free). A missing Vulkan loader or
 * driver, or one that fails, is no error; *vulkan_note then says what is missing ("" when nothing
 * is); borrowed, static. */
err device_list(device_info **list, size_t *count, const char **vulkan_note) MUST_CHECK;

/* As device_list, for a selector as device_select takes it: one that means the native CPU ("cpu",
 * or its index) or "reference" is answered without a look at Vulkan, whose drivers may be
 * broken. */
err device_list_for(device_info **list, size_t *count, const char **vulkan_note,
                    const char *selector) MUST_CHECK;

/* Environment variables that decide which devices there are, in which order, and how they compute;
 * the last is NULL. */
extern const char *const device_variables[];

/* The variable by which Mesa's layer puts the GPUs in order for every Vulkan program; NULL: none. */
const char *device_order(void);

/* Picks from a list. selector NULL: the default (best class of those that are fit, then lowest index; where device_order
 * names a variable, the first GPU; never software or reference). Else "cpu", "reference", an index,
 * or a substring of name, driver or UUID, case-blind; of several, the one of that very name. Errors: ERR_USAGE listing the devices when nothing or more than one matches. */
err device_select(const device_info **out, const device_info *list, size_t count,
                  const char *selector) MUST_CHECK;

/* e, whose message begins with the device's name behind it. */
err device_wrap(const device *d, err e) MUST_CHECK;

/* device_list_for and device_select in one; an error also says what Vulkan lacks here. */
err device_find(device_info *out, const char *selector) MUST_CHECK;

/* Opens a device. Free with device_close, after every buffer and plan of it. */
err device_open(device *d, const device_info *info, const device_options *options) MUST_CHECK;
/* device_find and device_open in one. */
err device_open_named(device *d, const char *selector, const device_options *options) MUST_CHECK;
void device_close(device *d);

/* Allocates zero-filled memory. host_visible memory has buffer->mapped and is read and written by
 * host and device alike. *out is owned by the caller: device_buffer_free. */
err device_buffer_new(device *d, buffer **out, size_t bytes, bool host_visible) MUST_CHECK;
void device_buffer_free(buffer *b);
/* What captures and profilers call it. */
void device_buffer_name(buffer *b, const char *name);

/* Measuring: what is planned between begin and end is counted and takes no memory; buffers have no
 * content, writing to them does nothing, and plans made meanwhile cannot be submitted. All of it is
 * freed before the end. The end says whether the device can hold it: ERR_DEVICE naming `what`, what
 * it takes and what is left, of each kind of memory (NULL: it ends without a look). Nothing else
 * may use the device meanwhile. */
void device_measure_begin(device *d);
err device_measure_end(device *d, const char *what) MUST_CHECK;

/* Copies between the host and a span (strides zero), waiting for the device to be idle. The counts
 * are elements; reals are converted to the span's type (f32 or f64). */
err device_write_f32(span dst, const float *src, size_t count) MUST_CHECK;
err device_read_f32(float *dst, span src, size_t count) MUST_CHECK;
err device_write_f64(span dst, const double *src, size_t count) MUST_CHECK;
err device_read_f64(double *dst, span src, size_t count) MUST_CHECK;
err device_write_u32(span dst, const uint32_t *src, size_t count) MUST_CHECK;
err device_read_u32(uint32_t *dst, span src, size_t count) MUST_CHECK;

/* name as --precision takes it; NULL and "auto" are fp32. Errors: ERR_USAGE listing the names. */
#define PRECISION_WORDS "fp32, fp16, bf16, auto"
err device_precision_find(device_precision *out, const char *name) MUST_CHECK;
/* "fp32", "fp16" or "bf16", as records say it. */
const char *device_precision_name(device_precision precision);

const char *device_class_name(device_class c); /* "discrete GPU" ... */
/* "cpu", "gpu" or "software", as run records say it. */
const char *device_record_kind(const device_info *info);

#endif
