/* How much memory each op needs beside its operands. */
#include "compute/cpu/cpu_internal.h"

size_t cpu__scratch_count(const device *d, const op *o) {
    (void)d;
    if (o->kind == OP_layernorm_bwd) {
        return cpu__norm_scratch(o->as.layernorm_bwd.rows.max, o->as.layernorm_bwd.hidden);
    }
    if (o->kind == OP_grad_norm) return cpu__grad_norm_scratch(&o->as.grad_norm);
    return 0;
}

static size_t attention_workspace(dim tokens, size_t head_size) {
    size_t longest = tokens.max < CPU_LENGTH_USUAL ? tokens.max : CPU_LENGTH_USUAL;
    return cpu__attention_workspace(longest, head_size);
}

static size_t first_workspace(dim tokens) {
    return cpu__first_attention_workspace(tokens.max < CPU_LENGTH_USUAL ? tokens.max
                                                                        : CPU_LENGTH_USUAL);
}

size_t cpu__workspace_of(const op *o) {
    switch (o->kind) {
    case OP_layernorm_fwd: return cpu__norm_workspace(o->as.layernorm_fwd.hidden);
    case OP_layernorm_bwd: return cpu__norm_workspace(o->as.layernorm_bwd.hidden);
    case OP_dropout: return cpu__norm_workspace(o->as.dropout.hidden);
    case OP_linear_fwd: return cpu__gemm_workspace(o->as.linear_fwd.k);
    case OP_linear_dx: return cpu__gemm_workspace(o->as.linear_dx.n);
    case OP_linear_dw: return cpu__gemm_workspace(o->as.linear_dw.rows.max);
    case OP_attention_fwd:
        return attention_workspace(o->as.attention_fwd.tokens, o->as.attention_fwd.head_size);
    case OP_attention_bwd:
        return attention_workspace(o->as.attention_bwd.tokens, o->as.attention_bwd.head_size);
    case OP_first_attention_fwd: return first_workspace(o->as.first_attention_fwd.tokens);
    case OP_first_attention_bwd: return first_workspace(o->as.first_attention_bwd.tokens);
    default: return 0;
    }
}
