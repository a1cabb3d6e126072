#include "compute/cpu/matmul.h"

#include "base/memory.h"

#if HARNESS_PLAIN_GEMM
cpu_bf16_way cpu__bf16_best(cpu_bf16_way at_most) {
    (void)at_most;
    return BF16_IN_F32;
}

err cpu__matmuls_open(struct cpu_matmuls **out, cpu_bf16_way way) {
    *out = NULL;
    return err_set(ERR_UNSUPPORTED, "this build has no oneDNN (way %d)", (int)way);
}

void cpu__matmuls_close(struct cpu_matmuls *all) {
    (void)all;
}
#else
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

/* What differs between versions 2 and 3: descriptions are structs or owned handles. */

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t description;
typedef const_dnnl_memory_desc_t borrowed_description;

static borrowed_description borrow(const description *d) {
    return *d;
}

static void description_free(description *d) {
    if (*d) dnnl_memory_desc_destroy(*d);
}

static dnnl_status_t describe(description *d, const dnnl_dims_t sizes, dnnl_data_type_t type,
                              const dnnl_dims_t strides) {
    return dnnl_memory_desc_create_with_strides(d, 2, sizes, type, strides);
}

static dnnl_status_t describe_as(description *d, const dnnl_dims_t sizes, dnnl_data_type_t type,
                                 dnnl_format_tag_t tag) {
    return dnnl_memory_desc_create_with_tag(d, 2, sizes, type, tag);
}

static dnnl_status_t keep(description *d, borrowed_description of) {
    return dnnl_memory_desc_clone(d, of);
}

static dnnl_status_t describe_product(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                      const description *a, const description *b,
                                      const description *c, dnnl_primitive_attr_t how) {
    return dnnl_matmul_primitive_desc_create(out, engine, *a, *b, NULL, *c, how);
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops) {
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}
#else
typedef dnnl_memory_desc_t description;
typedef const dnnl_memory_desc_t *borrowed_description;

static borrowed_description borrow(const description *d) {
    return d;
}

static void description_free(description *d) {
    (void)d;
}

static dnnl_status_t describe(description *d, const dnnl_dims_t sizes, dnnl_data_type_t type,
                              const dnnl_dims_t strides) {
    return dnnl_memory_desc_init_by_strides(d, 2, sizes, type, strides);
}

static dnnl_status_t describe_as(description *d, const dnnl_dims_t sizes, dnnl_data_type_t type,
                                 dnnl_format_tag_t tag) {
    return dnnl_memory_desc_init_by_tag(d, 2, sizes, type, tag);
}

static dnnl_status_t keep(description *d, borrowed_description of) {
    *d = *of;
    return dnnl_success;
}

static dnnl_status_t describe_product(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                      const description *a, const description *b,
                                      const description *c, dnnl_primitive_attr_t how) {
    dnnl_matmul_desc_t product;
    dnnl_status_t s = dnnl_matmul_desc_init(&product, a, b, NULL, c);
    return s ? s : dnnl_primitive_desc_create(out, &product, how, engine, NULL);
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops) {
    return dnnl_post_ops_append_sum(ops, 1);
}
#endif

struct cpu_packing {
    struct cpu_packing *next;
    size_t n, k, stride, bytes;
    bool is_transposed, is_pairs;
    description from, to;
    dnnl_primitive_t reorder;
};

struct cpu_matmul {
    struct cpu_matmul *next;
    size_t m, scratch_bytes;
    bool adds; // to what is in C
    const struct cpu_packing *packing;
    description a, c, scratch;
    dnnl_primitive_t primitive;
};

struct cpu_matmuls {
    dnnl_engine_t engine;
    dnnl_stream_t stream; // of the library's OpenMP runtime: it has no state, threads share it
    dnnl_primitive_attr_t how[2]; // [adds]
    struct cpu_packing *packings; /* and what follows it, owned; likewise */
    struct cpu_matmul *matmuls;
};

cpu_bf16_way cpu__bf16_best(cpu_bf16_way at_most) {
    // the library takes no other limit once it has begun, and asking it what it uses is a beginning
    if (at_most == BF16_AVX512) (void)dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned amx = dnnl_cpu_isa_avx512_core_amx, avx512 = dnnl_cpu_isa_avx512_core_bf16;
    if ((isa & amx) == amx) return BF16_AMX;
    return (isa & avx512) == avx512 ? BF16_AVX512 : BF16_IN_F32;
}

static err refused(const char *what, size_t m, size_t n, size_t k, dnnl_status_t s) {
    return err_set(ERR_DEVICE, "oneDNN refused %s in bf16 of %zux%zux%zu (status %d)", what, m, n,
                   k, (int)s);
}

static dnnl_status_t make_attributes(struct cpu_matmuls *all) {
    dnnl_post_ops_t sum = NULL;
    dnnl_status_t s = dnnl_success;
    for (size_t i = 0; i < 2 && !s; i++) {
        s = dnnl_primitive_attr_create(&all->how[i]);
        // one scratchpad a thread: the library's own is not made for executions side by side
        if (!s) s = dnnl_primitive_attr_set_scratchpad_mode(all->how[i], dnnl_scratchpad_mode_user);
    }
    if (!s) s = dnnl_post_ops_create(&sum);
    if (!s) s = append_sum(sum);
    if (!s) s = dnnl_primitive_attr_set_post_ops(all->how[1], sum);
    if (sum) dnnl_post_ops_destroy(sum);
    return s;
}

err cpu__matmuls_open(struct cpu_matmuls **out, cpu_bf16_way way) {
    if (way < cpu__bf16_best(way))
        return err_set(ERR_DEVICE, "oneDNN has begun with AMX and does not go back to AVX512-BF16; "
                                   "ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 holds it from the start");
    err e = mem_new(out, 1);
    if (e) return e;
    struct cpu_matmuls *all = *out;
    dnnl_status_t s = dnnl_engine_create(&all->engine, dnnl_cpu, 0);
    if (!s) s = dnnl_stream_create(&all->stream, all->engine, dnnl_stream_default_flags);
    if (!s) s = make_attributes(all);
    if (!s) return ERR_OK;
    cpu__matmuls_close(all);
    *out = NULL;
    return refused("an engine", 0, 0, 0, s);
}

static void packing_free(struct cpu_packing *p) {
    if (p->reorder) dnnl_primitive_destroy(p->reorder);
    description_free(&p->from);
    description_free(&p->to);
    mem_free(p);
}

static void matmul_free(struct cpu_matmul *p) {
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    description_free(&p->a);
    description_free(&p->c);
    description_free(&p->scratch);
    mem_free(p);
}

void cpu__matmuls_close(struct cpu_matmuls *all) {
    if (!all) return;
    for (struct cpu_matmul *p = all->matmuls, *next; p; p = next) {
        next = p->next;
        matmul_free(p);
    }
    for (struct cpu_packing *p = all->packings, *next; p; p = next) {
        next = p->next;
        packing_free(p);
    }
    for (size_t i = 0; i < 2; i++)
        if (all->how[i]) dnnl_primitive_attr_destroy(all->how[i]);
    if (all->stream) dnnl_stream_destroy(all->stream);
    if (all->engine) dnnl_engine_destroy(all->engine);
    mem_free(all);
}

/* The product's description, with B as it is given or, where b is NULL, as the library likes it. */
static dnnl_status_t plan_product(dnnl_primitive_desc_t *out, const struct cpu_matmuls *all,
                                  size_t m, size_t n, size_t k, const description *b, bool adds,
                                  description *a, description *c) {
    const dnnl_dims_t a_sizes = {(dnnl_dim_t)m, (dnnl_dim_t)k}, a_strides = {(dnnl_dim_t)k, 1};
    const dnnl_dims_t c_sizes = {(dnnl_dim_t)m, (dnnl_dim_t)n}, c_strides = {(dnnl_dim_t)n, 1};
    const dnnl_dims_t b_sizes = {(dnnl_dim_t)k, (dnnl_dim_t)n};
    description any = {0};
    dnnl_status_t s = describe(a, a_sizes, dnnl_bf16, a_strides);
    if (!s) s = describe(c, c_sizes, dnnl_f32, c_strides);
    if (!s && !b) s = describe_as(&any, b_sizes, dnnl_bf16, dnnl_format_tag_any);
    if (!s) s = describe_product(out, all->engine, a, b ? b : &any, c, all->how[adds]);
    description_free(&any);
    return s;
}

static dnnl_status_t make_packing(struct cpu_packing *p, const struct cpu_matmuls *all) {
    enum { ROWS = 256 }; // of the product that is asked which order it likes
    const dnnl_dims_t sizes = {(dnnl_dim_t)p->k, (dnnl_dim_t)p->n};
    dnnl_dims_t strides = {(dnnl_dim_t)p->stride, 1};
    if (p->is_transposed) strides[0] = 1, strides[1] = (dnnl_dim_t)p->stride;
    dnnl_primitive_desc_t product = NULL, reorder = NULL;
    description a = {0}, c = {0}, pairs = {0};
    dnnl_status_t s = plan_product(&product, all, ROWS, p->n, p->k, NULL, false, &a, &c);
    if (!s) s = keep(&p->to, dnnl_primitive_desc_query_md(product, dnnl_query_weights_md, 0));
    if (!s) s = describe(&p->from, sizes, dnnl_f32, strides);
    if (!s)
        s = dnnl_reorder_primitive_desc_create(&reorder, borrow(&p->from), all->engine,
                                               borrow(&p->to), all->engine, NULL);
    if (!s) s = dnnl_primitive_create(&p->reorder, reorder);
    if (!s) p->bytes = dnnl_memory_desc_get_size(borrow(&p->to));
    if (!s) s = describe_as(&pairs, sizes, dnnl_bf16, dnnl_BA16a64b2a);
    if (!s)
        p->is_pairs = p->k % 32 == 0 && p->n % 64 == 0 &&
                      dnnl_memory_desc_equal(borrow(&pairs), borrow(&p->to));
    description_free(&pairs);
    if (reorder) dnnl_primitive_desc_destroy(reorder);
    if (product) dnnl_primitive_desc_destroy(product);
    description_free(&a);
    description_free(&c);
    return s;
}

static dnnl_status_t make_matmul(struct cpu_matmul *p, const struct cpu_matmuls *all) {
    dnnl_primitive_desc_t product = NULL;
    const struct cpu_packing *b = p->packing;
    dnnl_status_t s = plan_product(&product, all, p->m, b->n, b->k, &b->to, p->adds, &p->a, &p->c);
    if (!s)
        s = keep(&p->scratch, dnnl_primitive_desc_query_md(product, dnnl_query_scratchpad_md, 0));
    if (!s) p->scratch_bytes = dnnl_memory_desc_get_size(borrow(&p->scratch));
    if (!s) s = dnnl_primitive_create(&p->primitive, product);
    if (product) dnnl_primitive_desc_destroy(product);
    return s;
}

/* The library plans for the threads that it sees. Returns how many it saw before. */
static int one_thread(void) {
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
}

err cpu__packing_find(const struct cpu_packing **out, struct cpu_matmuls *all, size_t n, size_t k,
                      size_t stride, bool is_transposed) {
    struct cpu_packing *p = all->packings;
    while (p &&
           !(p->n == n && p->k == k && p->stride == stride && p->is_transposed == is_transposed))
        p = p->next;
    *out = p;
    if (p) return ERR_OK;
    err e = mem_new(&p, 1);
    if (e) return e;
    *p = (struct cpu_packing){all->packings, n, k, stride, .is_transposed = is_transposed};
    int threads = one_thread();
    dnnl_status_t s = make_packing(p, all);
    omp_set_num_threads(threads);
    if (s) {
        packing_free(p);
        return refused("a packing", 0, n, k, s);
    }
    *out = all->packings = p;
    return ERR_OK;
}

err cpu__matmul_find(const struct cpu_matmul **out, struct cpu_matmuls *all, size_t m,
                     const struct cpu_packing *packing, bool adds) {
    struct cpu_matmul *p = all->matmuls;
    while (p && !(p->m == m && p->packing == packing && p->adds == adds)) p = p->next;
    *out = p;
    if (p) return ERR_OK;
    err e = mem_new(&p, 1);
    if (e) return e;
    *p = (struct cpu_matmul){all->matmuls, m, .packing = packing, .adds = adds};
    int threads = one_thread();
    dnnl_status_t s = make_matmul(p, all);
    omp_set_num_threads(threads);
    if (s) {
        matmul_free(p);
        return refused("a product", m, packing->n, packing->k, s);
    }
    *out = all->matmuls = p;
    return ERR_OK;
}

size_t cpu__packing_bytes(const struct cpu_packing *p) {
    return p->bytes;
}

bool cpu__packing_is_pairs(const struct cpu_packing *p) {
    return p->is_pairs;
}

size_t cpu__matmul_scratch_bytes(const struct cpu_matmul *p) {
    return p->scratch_bytes;
}

typedef struct part {
    int argument;
    const description *what;
    void *at;
} part;

static bool execute(const struct cpu_matmuls *all, dnnl_primitive_t primitive, const part *parts,
                    int count) {
    dnnl_exec_arg_t arguments[4];
    dnnl_status_t s = dnnl_success;
    int made = 0;
    for (; made < count && !s; made += !s) {
        arguments[made].arg = parts[made].argument;
        s = dnnl_memory_create(&arguments[made].memory, borrow(parts[made].what), all->engine,
                               parts[made].at);
    }
    if (!s) s = dnnl_primitive_execute(primitive, all->stream, count, arguments);
    while (made--) dnnl_memory_destroy(arguments[made].memory);
    return !s;
}

// the library takes what it only reads as void * too
static void *unchanged(const void *p) {
    union {
        const void *from;
        void *to;
    } u = {p};
    return u.to;
}

bool cpu__pack(struct cpu_matmuls *all, const struct cpu_packing *p, void *to, const float *from) {
    const part parts[] = {{DNNL_ARG_FROM, &p->from, unchanged(from)}, {DNNL_ARG_TO, &p->to, to}};
    return execute(all, p->reorder, parts, 2);
}

bool cpu__matmul_run(struct cpu_matmuls *all, const struct cpu_matmul *p, float *c,
                     const uint16_t *a, const void *packed, void *scratch) {
    const part parts[] = {{DNNL_ARG_SRC, &p->a, unchanged(a)},
                          {DNNL_ARG_WEIGHTS, &p->packing->to, unchanged(packed)},
                          {DNNL_ARG_DST, &p->c, c},
                          {DNNL_ARG_SCRATCHPAD, &p->scratch, scratch}};
    return execute(all, p->primitive, parts, p->scratch_bytes ? 4 : 3);
}
#endif
