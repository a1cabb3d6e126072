#define CPU_KERNELS cpu__kernels_baseline
#define CPU_ISA "baseline"
#include "compute/cpu/kernels_body.h"

size_t cpu__first_attention_workspace(size_t length) {
    // scores, their gradients, dropout words and what a vector of blocks writes beyond them
    return (length + 15) / 16 * 16 * 3 + 64;
}

size_t cpu__product_workspace(size_t rows) {
    // panels of rows, at most 8 wide, and one of columns, at most 48
    return PRODUCT_DEPTH * ((rows + 7) / 8 * 8 + 48);
}

size_t cpu__attention_workspace(size_t length, size_t head_size) {
    size_t keys = (length + 15) / 16 * 16, width = (head_size + 15) / 16 * 16;
    return 8 * keys * width + CPU_ATTENTION_ROWS * (width + 3 * keys) + 64;
}
