#include "compute/cpu/kernels.h"

#if defined(__aarch64__)
#define CPU_KERNELS cpu__kernels_neon
#define CPU_ISA "neon"
#define CPU_NEON 1 // every arm64 processor has it: its baseline differs by what this file asks for
#include "compute/cpu/kernels_body.h"
#endif
