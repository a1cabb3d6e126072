#include "compute/cpu/kernels.h"

#if defined(__x86_64__)
#define CPU_KERNELS cpu__kernels_avx2
#define CPU_ISA "avx2"
#include "compute/cpu/kernels_body.h"
#endif
