/* The Vulkan device's own structures. One queue; two slots, each with its command buffers,
 * descriptor sets and fence; pipelines made once per (kernel, specialization).
 *
 * Recording: an op's function binds its operands in order (vulkan__read, vulkan__write), then
 * dispatches. Binding is also declaring: the recorder knows what each dispatch reads and writes and
 * puts a barrier before it only when it meets something pending. */
#ifndef HARNESS_COMPUTE_VULKAN_VULKAN_INTERNAL_H
#define HARNESS_COMPUTE_VULKAN_VULKAN_INTERNAL_H

#include "compute/plan.h"
#include "compute/vulkan/vulkan_api.h"
#include "push.h"

enum {
    STORAGE_MAX = 8,    /* storage buffers of a kernel */
    BINDINGS_MAX = 10,  /* texel buffers among them */
    SPECIAL_MAX = 4,    /* specialization constants of a kernel; 0 is the workgroup size */
    LOOP_LIMIT = 60000, /* iterations of one invocation: Mesa 22.3 ends loops silently at 65,535 */
    PENDING_MAX = 256,  /* accesses remembered since the last barrier; more: a barrier */
    SETS_PER_POOL = 256,
    LAYOUTS_MAX = 24, /* different lists of bindings among the kernels */
    PHYSICAL_MAX = 32,
    TEXEL_BYTES = 16, /* texel buffers hold vec4 */
    WINDOW_STEP = 64  /* rows of a window are a multiple: 64 f32 are SPAN_ALIGN bytes */
};

typedef enum kernel_id {
#define KERNEL(name, push) KERNEL_##name,
#include "compute/vulkan/kernels.def"
#undef KERNEL
    KERNEL_COUNT
} kernel_id;

/* Which kernels: register tiles without barriers (CPU-type devices), shared-memory tiles (GPUs), or
 * panels in registers read from texel buffers (lavapipe). */
typedef enum kernel_family { FAMILY_REGISTER, FAMILY_TILE, FAMILY_PANEL } kernel_family;

typedef struct vulkan_pipeline {
    uint32_t special[SPECIAL_MAX];
    VkPipeline pipeline;
    struct vulkan_pipeline *next;
} vulkan_pipeline;

/* A list of bindings, shared by the kernels that have it. */
typedef struct vulkan_layout {
    uint32_t bindings, texels; /* how many; bit b of texels: b is a texel buffer */
    VkDescriptorSetLayout set;
    VkPipelineLayout pipeline;
} vulkan_layout;

typedef struct vulkan_sets {
    VkDescriptorSet *sets;
    size_t count, capacity, used;
} vulkan_sets;

/* The end of a part of a submission that the host can wait for: what is to be read there, or how far
 * a watched device is. */
typedef struct vulkan_cut {
    VkFence fence;
    size_t copies; /* of the plan's, that are there behind it */
} vulkan_cut;

typedef struct vulkan_slot {
    VkCommandPool pool;
    VkCommandBuffer *commands;
    size_t command_count, command_capacity, command_used;
    VkDescriptorPool *pools;
    size_t pool_count, pool_capacity;
    vulkan_sets sets[LAYOUTS_MAX]; /* by layout; used again each step */
    VkBufferView *views;           /* of this step */
    size_t view_count, view_capacity;
    VkFence fence;
    bool is_pending;
    vulkan_cut *cuts; /* (cut_count) made, of this submission (cut_used) in its order; owned */
    size_t cut_count, cut_capacity, cut_used;
} vulkan_slot;

/* What linear_matrix and its like need turned on, as a list that begins with `matrix`. */
typedef struct vulkan_matrix_features {
    struct {
        VkStructureType type;
        void *next;
        VkBool32 type_bf16, dot, matrix;
    } bf16; /* VkPhysicalDeviceShaderBfloat16FeaturesKHR */
    struct {
        VkStructureType type;
        void *next;
        VkBool32 matrix, robust;
    } matrix; /* VkPhysicalDeviceCooperativeMatrixFeaturesKHR */
    VkPhysicalDeviceVulkan12Features v12;
    VkPhysicalDeviceVulkan13Features v13;
} vulkan_matrix_features;

/* functions that name, where a tool looks on; else NULL. */
typedef struct vulkan_captions {
    PFN_vkSetDebugUtilsObjectNameEXT name;
    PFN_vkCmdBeginDebugUtilsLabelEXT begin;
    PFN_vkCmdEndDebugUtilsLabelEXT end;
} vulkan_captions;

typedef struct vulkan_device {
    device *device; /* the owner */
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    vulkan_captions captions;
    VkPhysicalDevice physical;
    VkPhysicalDeviceMemoryProperties memory;
    bool has_budget;                         /* VK_EXT_memory_budget */
    uint64_t heap_used[VK_MAX_MEMORY_HEAPS]; /* bytes of our own */
    VkDevice logical;
    VkQueue queue;
    uint32_t queue_family;
    kernel_family family;
    /* precision fp16, and bf16 where the device has it: M | N << 8 | K << 16 of the products; else 0 */
    uint32_t matrix_shape;
    bool has_bf16_matrix; /* of bf16, not f16 */
    bool rounds_factors;  /* precision bf16 without such matrices: in the f32 kernels */
    uint32_t group_size;  /* invocations of an element-wise workgroup */
    vulkan_layout layouts[LAYOUTS_MAX];
    uint32_t layout_count, kernel_layout[KERNEL_COUNT];
    VkPipelineCache cache;    /* none under validation, or without a cache folder */
    char *cache_path;         /* owned */
    uint8_t cache_sha256[32]; /* of what was loaded */
    VkShaderModule modules[KERNEL_COUNT];
    vulkan_pipeline *pipelines[KERNEL_COUNT]; /* lists */
    vulkan_slot slots[SLOT_COUNT];
    /* copies between the host and device-local memory */
    VkCommandPool copy_pool;
    VkCommandBuffer copy_commands;
    VkFence copy_fence;
    buffer staging;
    uint64_t last_barriers; /* recorded for the last submission, between its dispatches */
} vulkan_device;

/* handle of a buffer */
typedef struct vulkan_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint32_t heap;
    uint64_t bytes; /* of memory: counted in the heap's use */
} vulkan_buffer;

static inline vulkan_device *vulkan__of(const device *d) {
    return d->impl;
}

/* vulkan_guard.c */
/* From now on a driver that ends the process (a signal, exit) is named on standard error, with what
 * was being done. NULL: none is at work. Returns what was said before, to go back to. */
const char *vulkan__guard(const char *doing);
/* The same, and one that does not come back to say what is done next ends the program: what takes no
 * time where drivers are well. settle: reads how long that is. Errors: ERR_USAGE. */
const char *vulkan__guard_for_a_time(const char *doing);
err vulkan__guard_settle(void) MUST_CHECK;
/* To be said while a device is open: a signal in this program's own code is then passed on in
 * silence. */
extern const char vulkan__at_work[];

/* vulkan_drivers.c */
/* The driver manifests that the loader goes by: what the environment names, else those of the
 * folders that it looks into, and what takes some of them out ("none" where there are none). */
void vulkan__drivers(char *out, size_t size);
/* Takes the variables that name manifests out of the environment where they are empty: to the loader
 * that is no manifest at all. */
void vulkan__drivers_settle(void);
/* Of manifests that the environment names; of all that the loader goes by; of these, what it would
 * never come back from. */
typedef enum driver_faults { FAULTS_NAMED, FAULTS_ALL, FAULTS_ENDLESS } driver_faults;
/* The first fault of a manifest or of its library; "": none. Borrowed until the next call. */
const char *vulkan__driver_fault(driver_faults which);
/* What to do where no driver gave a device; fault: vulkan__driver_fault's. */
const char *vulkan__no_driver(const char *fault);

/* vulkan_instance.c */
bool vulkan__instance_has(const char *extension);
/* An instance, to be released. Without validation it is the process's only one, which stays to its
 * end, and with it the drivers that the loader loaded: a sweep that loaded them anew for every run
 * found none any more behind the tenth (NVIDIA 580). With validation it is the caller's own, which hears its messages alone, beside the one
 * that stays. *out is none, and *note (borrowed) says why, where there is no driver. */
err vulkan__instance_take(VkInstance *out, bool validation, const char **note) MUST_CHECK;
void vulkan__instance_release(VkInstance instance);
/* Physical devices with a compute queue; those of the instance that stays are looked for once. */
typedef struct physical_list {
    VkPhysicalDevice list[PHYSICAL_MAX];
    uint32_t count;
    VkResult result; /* below 0: why there is none */
} physical_list;
err vulkan__physical_list(physical_list *out, VkInstance instance) MUST_CHECK;
bool vulkan__has_extension(VkPhysicalDevice physical, const char *name);
uint32_t vulkan__queue_family(VkPhysicalDevice physical); /* UINT32_MAX: none computes */
err vulkan__messenger_open(vulkan_device *v) MUST_CHECK;
void vulkan__messenger_close(vulkan_device *v);
/* The family of kernels that the device chooses, unless the environment does.
 * Errors: ERR_UNSUPPORTED naming what the device lacks; ERR_USAGE of the environment; *family is set all the same. */
err vulkan__check_device(kernel_family *family, const device_info *info,
                         const VkPhysicalDeviceProperties *p) MUST_CHECK;
const char *vulkan__family_name(kernel_family family);

/* vulkan_captions.c: for tools that show Vulkan's calls */
/* The validation layer is on, or the environment names a layer. */
bool vulkan__captions_wanted(bool validation);
void vulkan__captions_open(vulkan_device *v);
void vulkan__name(vulkan_device *v, VkObjectType type, uint64_t handle, const char *name);
/* "kernel(constants)" */
void vulkan__name_pipeline(vulkan_device *v, const vulkan_pipeline *p, kernel_id kernel);
void vulkan__buffer_name(buffer *b, const char *name);

/* vulkan_matrix.c */
/* What the device's precision takes: sets matrix_shape and its like, and tells the chosen kernels in
 * the device's info. fp16 needs matrices; bf16 without is computed by the f32 kernels, and a note says
 * that it is slower and what is missing. Errors: ERR_UNSUPPORTED naming the device and what it
 * lacks. */
err vulkan__matrix_open(vulkan_device *v) MUST_CHECK;
/* The list to turn on; f must stay where it is. */
void vulkan__matrix_features(vulkan_matrix_features *f, bool bf16);

/* vulkan_tiles.c: pure functions of what a device says of itself and of a product's shape */
/* Of the tiles that fit this vendor's registers: 128, 64, or 0: its shared memory allows neither, and
 * linear_tile serves. */
uint32_t vulkan__largest_side(const device_info *info);
uint32_t vulkan__tile_count(uint32_t m, uint32_t n, uint32_t side);
/* Workgroups of large tiles that fill a device, for want of the number of its cores. */
uint32_t vulkan__groups_wanted(const device_info *info);
/* Side of the tiles of a product (m, n) whose sum may be cut into `splits`: large ones read least,
 * but only small ones fill a device when there are few. 0 as above. */
uint32_t vulkan__tile_side(const device_info *info, uint32_t m, uint32_t n, uint32_t splits);
/* Whether linear_matrix_large serves a product (m, n) of `splits` with matrices of this shape. */
bool vulkan__matrix_is_large(const device_info *info, uint32_t shape, uint32_t m, uint32_t n,
                             uint32_t splits);

/* vulkan_buffer.c */
err vulkan__buffer_init(device *d, buffer *b, size_t bytes, bool host_visible) MUST_CHECK;
void vulkan__buffer_free(buffer *b);
err vulkan__has_room(device *d, uint64_t device_bytes, uint64_t host_bytes,
                     const char *what) MUST_CHECK;
err vulkan__upload(buffer *b, size_t offset, const void *bytes, size_t count) MUST_CHECK;
err vulkan__download(void *bytes, buffer *b, size_t offset, size_t count) MUST_CHECK;
err vulkan__copy_open(vulkan_device *v) MUST_CHECK;
void vulkan__copy_close(vulkan_device *v);

/* vulkan_kernels.c */
err vulkan__kernels_open(vulkan_device *v) MUST_CHECK;
void vulkan__kernels_close(vulkan_device *v);
/* The pipeline of a kernel with these constants, made on first use. Borrowed. */
err vulkan__pipeline(VkPipeline *out, vulkan_device *v, kernel_id kernel,
                     const uint32_t special[SPECIAL_MAX]) MUST_CHECK;
uint32_t vulkan__kernel_push_bytes(kernel_id kernel);
const char *vulkan__kernel_name(kernel_id kernel);

/* vulkan_cache.c: pipelines kept on the disk */
/* Loads what an earlier run kept; a damaged file is left aside with a warning. */
err vulkan__cache_open(vulkan_device *v) MUST_CHECK;
/* Writes what is new, and frees. */
void vulkan__cache_close(vulkan_device *v);

/* vulkan_slot.c */
err vulkan__slot_open(vulkan_device *v, vulkan_slot *s) MUST_CHECK;
void vulkan__slot_close(vulkan_device *v, vulkan_slot *s);
/* Makes the slot's command buffers and sets free to use again. pre: not pending. */
err vulkan__slot_reset(vulkan_device *v, vulkan_slot *s) MUST_CHECK;
err vulkan__slot_wait(vulkan_device *v, vulkan_slot *s) MUST_CHECK;
/* The next unused command buffer and descriptor set, made when there is none left. */
err vulkan__slot_command(vulkan_device *v, vulkan_slot *s, VkCommandBuffer *out) MUST_CHECK;
err vulkan__slot_wait_cut(vulkan_device *v, const vulkan_slot *s, size_t i) MUST_CHECK;
/* The fence of the next cut, behind which so many copies are there. */
err vulkan__slot_cut(vulkan_device *v, vulkan_slot *s, size_t copies, VkFence *out) MUST_CHECK;
err vulkan__slot_set(vulkan_device *v, vulkan_slot *s, uint32_t layout,
                     VkDescriptorSet *out) MUST_CHECK;
/* A view of the range as vec4, which lives until the slot is reset. */
err vulkan__slot_view(vulkan_device *v, vulkan_slot *s, const VkDescriptorBufferInfo *range,
                      VkBufferView *out) MUST_CHECK;

/* vulkan_record.c */

/* A range of bytes that commands since the last barrier read or wrote. */
typedef struct vulkan_access {
    VkBuffer buffer;
    VkDeviceSize first, end;
    bool is_write;
} vulkan_access;

typedef struct recorder {
    vulkan_device *v;
    vulkan_slot *slot;
    const step_info *step;
    uint32_t micro;
    operand operands[OPERANDS_MAX]; /* of the op, at the step's sizes, in ops.c's order */
    size_t operand_count;
    span scratch;
    VkCommandBuffer commands;
    double segment_flops;
    bool is_dry; /* makes pipelines, records nothing */
    /* operands of the next dispatch */
    VkDescriptorBufferInfo bound[BINDINGS_MAX];
    bool is_written[BINDINGS_MAX];
    uint32_t bound_count;
    vulkan_access pending[PENDING_MAX];
    size_t pending_count;
    uint64_t barriers;   /* recorded between dispatches */
    uint32_t dispatches; /* recorded */
    uint64_t widest;     /* invocations of the widest dispatch of the op */
    /* plan->profile: a timestamp before the first op and after each */
    VkQueryPool queries; /* VK_NULL_HANDLE: nothing is timed */
    size_t copies;       /* plan->copies: recorded */
    size_t copied_bytes; /* since the last cut */
    uint32_t marks;
    err e; /* first failure; later calls do nothing */
} recorder;

/* Orders what follows after everything before, whatever it reads or writes. */
void vulkan__barrier(recorder *r);
/* Binds the next operand: count elements from `first`. An absent span binds the first operand again
 * (kernels do not touch it). Whatever is written must be bound by vulkan__write. */
void vulkan__read(recorder *r, span s, size_t first, size_t count);
void vulkan__write(recorder *r, span s, size_t first, size_t count);
/* All that the op is described with, in that order and whole. */
void vulkan__bind_operands(recorder *r);

/* What a dispatch is: kernel, workgroup size and further specialization constants, groups, and the
 * worst number of loop iterations of an invocation, which must stay below LOOP_LIMIT. */
typedef struct launch {
    kernel_id kernel;
    uint32_t special[SPECIAL_MAX];
    uint32_t x, y, z;
    uint64_t iterations;
} launch;

/* Records the dispatch over the operands bound since the last one; nothing when a group count is 0.
 */
void vulkan__dispatch(recorder *r, const launch *l, const void *push);
/* Element-wise: `count` invocations in workgroups of the device's size. */
launch vulkan__launch_elements(const recorder *r, kernel_id kernel, size_t count,
                               uint64_t iterations);
/* Records it, without further constants. */
void vulkan__dispatch_elements(recorder *r, kernel_id kernel, size_t count, uint64_t iterations,
                               const void *push);
/* x[first .. first + count) = value, by the transfer stage. */
void vulkan__fill(recorder *r, span s, size_t count, float value);
void vulkan__copy(recorder *r, span to, span from);

/* Around what an op records. */
void vulkan__caption_begin(const recorder *r, const char *name);
void vulkan__caption_end(const recorder *r);

/* Records one op. */
void vulkan__record(recorder *r, const op *o);
/* What the op's own vulkan__scratch_NAME says. */
size_t vulkan__scratch_count(const device *d, const op *o);

static inline uint32_t vulkan__size(const recorder *r, dim d) {
    return r->is_dry ? d.max : dim_value(d, r->step, r->micro);
}

/* Sets the recorder's error unless one is set. */
void vulkan__fail(recorder *r, err e);

/* Rows of row_elements f32 that one descriptor may hold: a multiple of WINDOW_STEP. Fails when not
 * even WINDOW_STEP rows fit. */
uint32_t vulkan__window_rows(recorder *r, size_t row_elements);

/* Makes the queries and takes the first timestamp; nothing where the queue has no timestamps. */
err vulkan__profile_begin(recorder *r, const plan *p) MUST_CHECK;
/* The op recorded last ends here, and the next begins: nothing overlaps. */
void vulkan__profile_mark(recorder *r);
/* Adds what the ops took. pre: the submission has finished. */
err vulkan__profile_read(recorder *r, const plan *p) MUST_CHECK;
void vulkan__profile_free(recorder *r);

/* Each op beside its recording says how many reals of scratch it takes at its largest sizes. */
#define OP(name)                                                                                   \
    void vulkan__record_##name(recorder *r, const struct name *a);                                 \
    size_t vulkan__scratch_##name(const device *d, const struct name *a);
#include "compute/ops.def"
#undef OP
#define NO_SCRATCH(name)                                                                           \
    size_t vulkan__scratch_##name(const device *d, const struct name *a) {                         \
        (void)d, (void)a;                                                                          \
        return 0;                                                                                  \
    }

struct push_drop vulkan__drop(const recorder *r, dropout_spec d);

/* Rows of one partial sum over `rows` rows, and the number of partial sums. */
enum { CHUNK_ROWS = 64 };
static inline uint32_t vulkan__chunks(uint32_t rows) {
    return (rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
}
/* Rows of one window when each CHUNK_ROWS rows give one partial result: all rows, or a multiple of
 * CHUNK_ROWS * WINDOW_STEP, so that the window's partial results start aligned. */
uint32_t vulkan__chunk_window(recorder *r, uint32_t rows, size_t row_elements);
/* result[i] += (push->overwrites: =) sum over the partial results in scratch. */
void vulkan__reduce(recorder *r, span result, size_t scratch_first, const struct push_reduce *push);

/* Sums over `rows` rows of `hidden` columns by a kernel that is built on column_tree.glsl (GPUs).
 */
void vulkan__dispatch_columns(recorder *r, kernel_id kernel, uint32_t rows, uint32_t hidden,
                              const void *push);

/* vulkan_plan.c */
err vulkan__plan_ready(plan *p) MUST_CHECK;
err vulkan__submit(plan *p, const step_info *step) MUST_CHECK;
err vulkan__wait(device *d, uint32_t slot) MUST_CHECK;
err vulkan__take(device *d, uint32_t slot, size_t count, bool *ended) MUST_CHECK;

#endif
