/* The Vulkan device: listing, limits, memory, what it says when something is missing, and
 * barriers. */
#include <criterion/criterion.h>

#if HARNESS_VULKAN
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"
#include "support/must.h"
#include "support/program.h"

#include <stdlib.h>

/* The device under test, and a second driver where it is here. */
static const char *driver(size_t i) {
    return i == 0 ? test_device() : "swiftshader";
}

static void open_validated(device *d, const char *selector) {
    MUST(device_open_named(d, selector, &(device_options){.validation = true}));
}

static void close_clean(device *d) {
    cr_expect_eq(d->validation_errors, 0, "%s: %llu validation messages", d->info.name,
                 (unsigned long long)d->validation_errors);
    device_close(d);
}

CleanTest(vulkan_device, limits_are_filled) {
    for (size_t i = 0; i < 2; i++) {
        if (!need_vulkan(driver(i))) continue;
        device d;
        open_validated(&d, driver(i));
        const device_info *info = &d.info;
        cr_assert_eq(info->kind, DEVICE_VULKAN);
        cr_assert_geq(info->max_binding_bytes, (uint64_t)128 << 20);
        cr_assert_geq(info->max_buffer_bytes, info->max_binding_bytes);
        cr_assert_geq(info->memory_bytes, info->max_buffer_bytes);
        cr_assert_geq(info->max_workgroup, 256);
        cr_assert_geq(info->max_shared_bytes, 16384);
        cr_assert_geq(info->subgroup_size, 4);
        cr_assert_eq(strlen(info->uuid), 36);
        for (size_t k = 0; k < 36; k++)
            cr_assert_eq(info->uuid[k] == '-', k == 8 || k == 13 || k == 18 || k == 23, "%s",
                         info->uuid);
        cr_assert(*info->driver && *info->version && *info->isa);
        // what each kind of device is given, unless the environment says otherwise
        bool is_software = info->class == CLASS_SOFTWARE;
        bool is_llvmpipe = strstr(info->name, "llvmpipe") != NULL;
        cr_assert(is_software || (i == 0 && !is_llvmpipe));
        cr_assert_str_eq(info->kernels, !is_software ? "tile" : is_llvmpipe ? "panel" : "register");
        cr_assert_eq(d.real, ELEM_F32);
        cr_assert_gt(d.tile_rows, 0);
        close_clean(&d);
    }
}

CleanTest(vulkan_device, memory_is_zeroed_copied_and_counted) {
    enum { COUNT = 3 << 20 }; // more than one staging buffer
    for (size_t i = 0; i < 2; i++) {
        if (!need_vulkan(driver(i))) continue;
        device d;
        open_validated(&d, driver(i));
        uint32_t *words, *back;
        MUST(mem_new(&words, COUNT));
        MUST(mem_new(&back, COUNT));
        for (int host = 0; host < 2; host++) {
            buffer *b;
            MUST(device_buffer_new(&d, &b, COUNT * sizeof *words, host));
            cr_assert_eq(b->mapped != NULL, host == 1);
            cr_assert_eq(d.allocated_bytes, COUNT * sizeof *words);
            span s = {.buffer = b, .count = COUNT, .type = ELEM_U32};
            MUST(device_read_u32(back, s, COUNT));
            for (size_t k = 0; k < COUNT; k++) cr_assert_eq(back[k], 0, "word %zu", k);
            for (uint32_t k = 0; k < COUNT; k++) words[k] = k * 2654435761u;
            MUST(device_write_u32(s, words, COUNT));
            MUST(device_read_u32(back, s, COUNT));
            cr_assert_eq(memcmp(words, back, COUNT * sizeof *words), 0);
            // a part, at an offset that is aligned for nothing
            MUST(device_write_u32(span_part(s, 1001, 3), (uint32_t[]){1, 2, 3}, 3));
            MUST(device_read_u32(back, span_part(s, 1000, 5), 5));
            cr_assert_eq(back[0], words[1000]);
            cr_assert_eq(back[3], 3);
            cr_assert_eq(back[4], words[1004]);
            device_buffer_free(b);
            cr_assert_eq(d.allocated_bytes, 0);
        }
        mem_free(words);
        mem_free(back);
        close_clean(&d);
    }
}

CleanTest(vulkan_device, too_much_memory_is_refused_with_both_numbers) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    device d;
    open_validated(&d, test_device());
    buffer *b;
    d.info.max_buffer_bytes = (uint64_t)2 << 30;
    MUST_FAIL(device_buffer_new(&d, &b, (size_t)3 << 30, false), ERR_DEVICE,
              "3073 MiB asked for, the largest allocation is 2048 MiB");
    vulkan_device *v = vulkan__of(&d);
    d.info.class = CLASS_DISCRETE; // a software driver's heap is the host's memory
    v->has_budget = false;
    v->memory.memoryHeaps[0].size = v->heap_used[0] + (10 << 20);
    MUST_FAIL(device_buffer_new(&d, &b, 20 << 20, true), ERR_DEVICE,
              "lacks memory: one more block takes 21 MiB, heap 0 (the device's own) has 10 MiB "
              "left of ");
    uint64_t before = v->heap_used[0];
    MUST(device_buffer_new(&d, &b, 9 << 20, true));
    cr_expect_geq(v->heap_used[0], before + (9 << 20));
    buffer *more;
    MUST_FAIL(device_buffer_new(&d, &more, 2 << 20, false), ERR_DEVICE, "has 1 MiB left of ");
    device_buffer_free(b);
    cr_expect_eq(v->heap_used[0], before);
    cr_assert_eq(d.allocated_bytes, 0);
    close_clean(&d);
}

static VkDeviceSize budget_mib, usage_mib; // of heap 0

static VKAPI_ATTR void VKAPI_CALL budget(VkPhysicalDevice physical,
                                         VkPhysicalDeviceMemoryProperties2 *p) {
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *b = p->pNext;
    (void)physical;
    b->heapBudget[0] = budget_mib << 20;
    b->heapUsage[0] = usage_mib << 20;
    b->heapBudget[1] = (VkDeviceSize)1 << 40;
    b->heapUsage[1] = 0;
}

/* A discrete GPU has memory of its own and sees the host's: one may be full and the other empty. */
CleanTest(vulkan_device, heaps_are_counted_apart) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    device d;
    open_validated(&d, test_device());
    vulkan_device *v = vulkan__of(&d);
    VkMemoryPropertyFlags host =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkPhysicalDeviceMemoryProperties own = v->memory;
    uint64_t mib = 1 << 20;
    d.info.class = CLASS_DISCRETE;
    v->has_budget = false;
    v->memory = (VkPhysicalDeviceMemoryProperties){
        .memoryTypeCount = 2,
        .memoryTypes = {{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0}, {host, 1}},
        .memoryHeapCount = 2,
        .memoryHeaps = {{1000 * mib, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {500 * mib, 0}}};
    uint64_t used = v->heap_used[0]; // staging lies where the real heap 0 is
    v->heap_used[0] = 100 * mib;
    MUST(vulkan__has_room(&d, 900 * mib, 500 * mib, "all"));
    MUST_FAIL(vulkan__has_room(&d, 901 * mib - 1, 0, "training"), ERR_DEVICE,
              "lacks memory: training takes 901 MiB, heap 0 (the device's own) has 900 MiB left of "
              "1000 MiB");
    MUST_FAIL(vulkan__has_room(&d, 10 * mib, 600 * mib, "training"), ERR_DEVICE,
              "training takes 601 MiB, heap 1 (the host's) has 500 MiB left of 500 MiB");
    // one heap for both, as on integrated GPUs
    v->memory.memoryTypes[1].heapIndex = 0;
    MUST_FAIL(vulkan__has_room(&d, 500 * mib, 500 * mib, "training"), ERR_DEVICE,
              "training takes 1001 MiB, heap 0");
    // other programs use the device too: the driver tells what is left
    v->memory.memoryTypes[1].heapIndex = 1;
    v->has_budget = true;
    VK.GetPhysicalDeviceMemoryProperties2 = budget;
    budget_mib = 800, usage_mib = 500;
    MUST(vulkan__has_room(&d, 300 * mib, 400 * mib, "all"));
    MUST_FAIL(vulkan__has_room(&d, 400 * mib, 0, "training"), ERR_DEVICE,
              "has 300 MiB left of 1000");
    usage_mib = 900;
    MUST_FAIL(vulkan__has_room(&d, mib, 0, "training"), ERR_DEVICE, "has 0 bytes left of 1000 MiB");
    v->memory = own;
    v->heap_used[0] = used;
    close_clean(&d);
}

CleanTest(vulkan_device, absent_validation_layer_is_an_error) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    setenv("VK_LAYER_PATH", "/nonexistent", 1);
    device d;
    MUST_FAIL(device_open_named(&d, test_device(), &(device_options){.validation = true}),
              ERR_DEVICE, "install vulkan-validationlayers");
}

CleanTest(vulkan_device, absent_driver_is_told) {
    setenv("VK_ICD_FILENAMES", "/nonexistent.json", 1);
    setenv("VK_DRIVER_FILES", "/nonexistent.json", 1);
    device_info *list;
    size_t count;
    const char *note;
    MUST(device_list(&list, &count, &note));
    for (size_t i = 0; i < count; i++) cr_assert_neq(list[i].kind, DEVICE_VULKAN);
    cr_assert(strstr(note, "mesa-vulkan-drivers") || strstr(note, "libvulkan1"), "%s", note);
    mem_free(list);
    device d;
    MUST_FAIL(device_open_named(&d, "llvmpipe", NULL), ERR_USAGE, "install");
}

CleanTest(vulkan_device, unknown_kernel_family_is_refused) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    setenv("HARNESS_VULKAN_KERNELS", "tiles", 1);
    device d;
    MUST_FAIL(device_open_named(&d, test_device(), NULL), ERR_USAGE,
              "'register', 'tile' or 'panel'");
}

Test(vulkan_device, failed_allocations_leak_nothing) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    size_t live = mem_live_count();
    device_info *list;
    const device_info *chosen;
    size_t count;
    const char *note;
    MUST(device_list(&list, &count, &note));
    MUST(device_select(&chosen, list, count, test_device()));
    device_info info = *chosen;
    mem_free(list);
    for (uint64_t nth = 1;; nth++) {
        device d;
        mem_fail_at(nth);
        err e = device_open(&d, &info, NULL);
        mem_fail_at(0);
        if (e == ERR_OK) {
            device_close(&d);
            cr_assert_gt(nth, 1);
            break;
        }
        cr_assert_eq(e, ERR_MEMORY, "request %llu: %s", (unsigned long long)nth, err_message(e));
        cr_assert_eq(mem_live_count(), live);
    }
    cr_assert_eq(mem_live_count(), live);
}

typedef struct small {
    device d;
    arena a;
    span x[4]; /* (COUNT) each, device-local */
} small;

enum { COUNT = 256 };

static void small_open(small *s, const char *selector) {
    memset(s, 0, sizeof *s);
    open_validated(&s->d, selector);
    arena_init(&s->a, &s->d, 1 << 20, false);
    for (size_t i = 0; i < 4; i++) MUST(arena_take(&s->a, &s->x[i], COUNT, ELEM_F32));
}

static void small_close(small *s) {
    arena_free(&s->a);
    close_clean(&s->d);
}

static void add_slope(plan *p, span dx, span dy, span y) {
    struct activation_bwd a = {
        .dx = dx, .dy = dy, .pre = y, .act = ACT_TANH, .rows = dim_fixed(1), .cols = COUNT};
    MUST(op_activation_bwd(p, &a));
}

/* Barriers that recording this plan takes, over what it begins and ends with. */
static uint64_t barriers_of(small *s, plan *p) {
    micro_sizes none = {0};
    MUST(plan_ready(p));
    MUST(plan_submit(p, &(step_info){.step = 1, .micro_count = 1, .micros = &none}));
    MUST(plan_wait(p, 0));
    uint64_t count = vulkan__of(&s->d)->last_barriers;
    plan_free(p);
    return count;
}

CleanTest(vulkan_device, barriers_stand_only_where_operations_meet) {
    for (size_t i = 0; i < 2; i++) {
        if (!need_vulkan(driver(i))) continue;
        small s;
        plan p;
        small_open(&s, driver(i));
        plan_init(&p, &s.d);
        plan_part_begin(&p, PART_MICRO);
        add_slope(&p, s.x[0], s.x[1], s.x[2]); // reads may overlap
        add_slope(&p, s.x[3], s.x[1], s.x[2]);
        cr_expect_eq(barriers_of(&s, &p), 0);
        plan_init(&p, &s.d);
        plan_part_begin(&p, PART_MICRO);
        add_slope(&p, s.x[0], s.x[1], s.x[2]);
        add_slope(&p, s.x[3], s.x[0], s.x[2]); // reads what was written
        add_slope(&p, s.x[2], s.x[0], s.x[1]); // writes what was read
        add_slope(&p, s.x[2], s.x[0], s.x[1]); // writes what was written
        cr_expect_eq(barriers_of(&s, &p), 3);
        plan_init(&p, &s.d);
        plan_part_begin(&p, PART_MICRO);
        span first = span_part(s.x[0], 0, 64), second = span_part(s.x[0], 64, 64);
        struct fill fills = {.rows = dim_fixed(1), .cols = 64, .value = 1};
        fills.x = first;
        MUST(op_fill(&p, &fills));
        fills.x = second; // neighbours in one buffer do not meet
        MUST(op_fill(&p, &fills));
        cr_expect_eq(barriers_of(&s, &p), 0);
        small_close(&s);
    }
}

/* Attention over a sentence that is longer than a kernel may loop is refused when it is planned;
 * how long sentences are is told, or all tokens may be one. */
CleanTest(vulkan_device, the_longest_sentence_is_checked) {
    enum { TOKENS = 40000 };
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    device d;
    arena a;
    open_validated(&d, test_device());
    arena_init(&a, &d, 0, false);
    struct attention_fwd args = {
        .tile_count = dim_fixed(TOKENS),
        .spec = {dim_fixed(TOKENS), .heads = 1, .head_size = 4, .scale = 0.5f}};
    MUST(arena_take(&a, &args.out, TOKENS * 4, ELEM_F32));
    MUST(arena_take(&a, &args.lse, TOKENS, ELEM_F32));
    MUST(arena_take(&a, &args.qkv, TOKENS * 12, ELEM_F32));
    MUST(arena_take(&a, &args.tiles, TOKENS * 4, ELEM_U32));
    for (uint32_t longest = 0; longest <= 512; longest += 512) {
        plan p;
        args.spec.longest = longest;
        plan_init(&p, &d);
        plan_part_begin(&p, PART_MICRO);
        MUST(op_attention_fwd(&p, &args));
        if (longest)
            MUST(plan_ready(&p));
        else
            MUST_FAIL(plan_ready(&p), ERR_UNSUPPORTED, "shorter sentences");
        plan_free(&p);
    }
    arena_free(&a);
    close_clean(&d);
}

/* Who watches a device sees each part of a step that has ended, before the step has. */
Test(vulkan_device, parts_of_a_watched_step_are_work) {
    enum { SIDE = 1024, OPS = 5 };
    uint64_t parts[2];
    if (!need_vulkan("llvmpipe")) cr_skip_test("no llvmpipe");
    for (int watched = 0; watched < 2; watched++) {
        device d;
        arena a;
        plan p;
        span x, y;
        micro_sizes none = {0};
        step_info step = {.step = 1, .micro_count = 1, .micros = &none};
        MUST(device_open_named(&d, "llvmpipe", NULL));
        d.is_watched = watched;
        arena_init(&a, &d, 4 * SIDE * SIDE * 2, false);
        MUST(arena_take(&a, &x, SIDE * SIDE, ELEM_F32));
        MUST(arena_take(&a, &y, SIDE * SIDE, ELEM_F32));
        plan_init(&p, &d);
        plan_part_begin(&p, PART_MICRO);
        for (int k = 0; k < OPS; k++)
            MUST(op_linear_fwd(&p, &(struct linear_fwd){.y = y,
                                                        .x = x,
                                                        .weight = x,
                                                        .rows = dim_fixed(SIDE),
                                                        .n = SIDE,
                                                        .k = SIDE,
                                                        .act = ACT_NONE}));
        MUST(plan_ready(&p));
        MUST(plan_submit(&p, &step));
        uint64_t before = d.work;
        MUST(plan_wait(&p, 0));
        parts[watched] = d.work - before;
        plan_free(&p);
        arena_free(&a);
        close_clean(&d);
    }
    cr_assert_eq(parts[0], 1);
    cr_assert_eq(parts[1], 3);
}

/* A step of several submissions of which one fails: an error, nothing still at work when what it
 * used is freed (the fault layer ends a program that does), and the next step computes right. */
CleanTest(vulkan_device, a_part_of_a_step_that_fails) {
    enum { SIDE = 1024, OPS = 5 }; // 2 GFLOP each: three submissions on a software driver
    // counted in the process: the second part of the second step fails, and the last of the fourth
    static const char *const faults[] = {"SubmitPart@1=-1", "SubmitPart@3=-1", "SubmitLast@2=-1"};
    setenv("VK_ADD_LAYER_PATH", listed_path(HARNESS_SHIM_FOLDER), 1);
    setenv("VK_INSTANCE_LAYERS", "VK_LAYER_HARNESS_faults", 1);
    if (!need_vulkan("llvmpipe")) cr_skip_test("no llvmpipe");
    float *ones, *got;
    MUST(mem_new(&ones, SIDE * SIDE));
    MUST(mem_new(&got, SIDE));
    for (size_t i = 0; i < SIDE * SIDE; i++) ones[i] = 1;
    for (size_t i = 0; i < 3; i++) {
        device d;
        arena a;
        plan p;
        span x, w, y;
        micro_sizes none = {0};
        step_info step = {.step = 1, .micro_count = 1, .micros = &none};
        setenv("HARNESS_FAULTS", faults[i], 1);
        MUST(device_open_named(&d, "llvmpipe", NULL));
        arena_init(&a, &d, 4 * SIDE * SIDE * 3, false);
        MUST(arena_take(&a, &x, SIDE * SIDE, ELEM_F32));
        MUST(arena_take(&a, &w, SIDE * SIDE, ELEM_F32));
        MUST(arena_take(&a, &y, SIDE * SIDE, ELEM_F32));
        MUST(device_write_f32(x, ones, SIDE * SIDE));
        MUST(device_write_f32(w, ones, SIDE * SIDE));
        plan_init(&p, &d);
        plan_part_begin(&p, PART_MICRO);
        for (int k = 0; k < OPS; k++) {
            MUST(op_linear_fwd(&p, &(struct linear_fwd){.y = y,
                                                        .x = x,
                                                        .weight = w,
                                                        .rows = dim_fixed(SIDE),
                                                        .n = SIDE,
                                                        .k = SIDE,
                                                        .act = ACT_NONE}));
        }
        MUST(plan_ready(&p));
        MUST_FAIL(plan_submit(&p, &step), ERR_DEVICE, "vkQueueSubmit");
        if (i == 1) {
            MUST(plan_submit(&p, &step));
            MUST(plan_wait(&p, 0));
            MUST(device_read_f32(got, y, SIDE));
            for (size_t k = 0; k < SIDE; k++) cr_assert_eq(got[k], SIDE, "%g", (double)got[k]);
        }
        plan_free(&p);
        arena_free(&a);
        device_close(&d);
    }
    mem_free(ones);
    mem_free(got);
}

/* Forty submissions that all add to one span, two in flight at a time: each sees the one before. */
CleanTest(vulkan_device, slots_run_in_order) {
    enum { STEPS = 40, ROWS = 3 };
    for (size_t i = 0; i < 2; i++) {
        if (!need_vulkan(driver(i))) continue;
        small s;
        plan p;
        small_open(&s, driver(i));
        arena host;
        arena_init(&host, &s.d, 4096, true);
        span starts, items, rows, x;
        MUST(arena_take(&host, &starts, ROWS + 1, ELEM_U32));
        MUST(arena_take(&host, &items, ROWS, ELEM_U32));
        MUST(arena_take(&host, &rows, ROWS, ELEM_U32));
        MUST(arena_take(&host, &x, 2 * 64, ELEM_F32)); // one region of 64 a slot
        MUST(device_write_u32(starts, (uint32_t[]){0, 1, 2, 3}, ROWS + 1));
        MUST(device_write_u32(items, (uint32_t[]){0, 0, 0}, ROWS));
        MUST(device_write_u32(rows, (uint32_t[]){2, 0, 1}, ROWS));
        x.slot_stride = 256;
        span from = x;
        from.count = 64;
        plan_init(&p, &s.d);
        plan_part_begin(&p, PART_MICRO);
        struct rows_sum sum = {.out = span_part(s.x[0], 0, ROWS * 4),
                               .x = from,
                               .starts = starts,
                               .items = items,
                               .rows = rows,
                               .lists = dim_fixed(ROWS),
                               .items_max = dim_fixed(ROWS),
                               .hidden = 4};
        MUST(op_rows_sum(&p, &sum));
        MUST(plan_ready(&p));
        float want = 0, got[ROWS * 4];
        micro_sizes none = {0};
        for (uint32_t step = 1; step <= STEPS; step++) {
            uint32_t slot = step % 2;
            MUST(plan_wait(&p, slot));
            float *place = (float *)span_host(span_at(from, slot, 0));
            for (int k = 0; k < 4; k++) place[k] = (float)step;
            want += (float)step;
            MUST(plan_submit(
                &p, &(step_info){.slot = slot, .step = step, .micro_count = 1, .micros = &none}));
        }
        MUST(device_read_f32(got, sum.out, ROWS * 4));
        for (int k = 0; k < ROWS * 4; k++) cr_expect_eq(got[k], want, "%g", (double)got[k]);
        plan_free(&p);
        arena_free(&host);
        small_close(&s);
    }
}

/* What a slot took of the driver for one step serves the next: command buffers, descriptor sets,
 * views of texels. */
CleanTest(vulkan_device, a_slot_takes_no_more_from_step_to_step) {
    enum { STEPS = 6, HIDDEN = 8 };
    for (size_t i = 0; i < 2; i++) {
        if (!need_vulkan(driver(i))) continue;
        small s;
        plan p;
        micro_sizes none = {0};
        small_open(&s, driver(i));
        plan_init(&p, &s.d);
        plan_part_begin(&p, PART_MICRO);
        struct layernorm_fwd norm = {.y = span_part(s.x[0], 0, HIDDEN),
                                     .mean = span_part(s.x[1], 0, 1),
                                     .rstd = span_part(s.x[2], 0, 1),
                                     .x = span_part(s.x[0], 64, HIDDEN),
                                     .weight = span_part(s.x[3], 0, HIDDEN),
                                     .bias = span_part(s.x[3], 64, HIDDEN),
                                     .rows = dim_fixed(1),
                                     .hidden = HIDDEN};
        MUST(op_layernorm_fwd(&p, &norm));
        MUST(plan_ready(&p));
        const vulkan_slot *slot = &vulkan__of(&s.d)->slots[1];
        size_t views = 0, pools = 0, commands = 0;
        for (uint32_t step = 1; step <= STEPS; step++) {
            MUST(plan_submit(
                &p, &(step_info){.slot = 1, .step = step, .micro_count = 1, .micros = &none}));
            MUST(plan_wait(&p, 1));
            if (step == 1) {
                views = slot->view_count;
                pools = slot->pool_count;
                commands = slot->command_count;
            }
            cr_expect_eq(slot->view_count, views, "step %u: %zu views", step, slot->view_count);
            cr_expect_eq(slot->pool_count, pools, "step %u: %zu pools", step, slot->pool_count);
            cr_expect_eq(slot->command_count, commands, "step %u", step);
        }
        cr_expect(views > 0 && pools > 0 && commands > 0);
        plan_free(&p);
        small_close(&s);
    }
}
#endif
