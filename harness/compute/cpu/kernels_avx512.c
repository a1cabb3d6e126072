#include "compute/cpu/kernels.h"

#if defined(__x86_64__)
#define CPU_KERNELS cpu__kernels_avx512
#define CPU_ISA "avx512"
#include "compute/cpu/kernels_body.h"
#endif
