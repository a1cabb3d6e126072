# Other C libraries than GNU's are named here, not by the compiler somewhere within.
include(CheckCSourceCompiles)
check_c_source_compiles("#include <stdio.h>
#ifndef __GLIBC__
#error other
#endif
int main(void) { return 0; }" HARNESS_GLIBC)
if(NOT HARNESS_GLIBC)
  message(FATAL_ERROR "harness needs the GNU C library (glibc), and ${CMAKE_C_COMPILER} compiles for another, such as \
musl: renameat2 (platform/file.c), gnu_get_libc_version (platform/stamp.c) and backtrace \
(platform/crash.c) have no other way yet")
endif()
