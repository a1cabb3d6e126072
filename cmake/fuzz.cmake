# tests/fuzz in two forms. With HARNESS_FUZZ (clang): one libFuzzer program per target, under the
# address and undefined-behaviour sanitizers, on what the parsers need and nothing more (no OpenMP, no
# oneDNN, no Vulkan). Else: the same functions inside the suite, which replays every committed input.
file(GLOB fuzz_support CONFIGURE_DEPENDS tests/fuzz/*.c)
set(fuzz_targets ${fuzz_support})
list(FILTER fuzz_targets INCLUDE REGEX "/fuzz_[a-z0-9_]*\\.c$")
list(REMOVE_ITEM fuzz_support ${fuzz_targets})

# what of the command line has targets, with all that it needs of it
set(fuzz_cli harness/cli/line_reader.c harness/cli/bench_table.c harness/cli/output.c)

if(NOT HARNESS_FUZZ)
  target_sources(harness_tests PRIVATE ${fuzz_targets} ${fuzz_support})
  target_include_directories(harness_tests PRIVATE tests/fuzz)
endif()
list(FILTER fuzz_support EXCLUDE REGEX "/test_[a-z_]*\\.c$")
if(NOT HARNESS_FUZZ)
  # does nothing: that it links says that the fuzzers would
  add_executable(fuzz_link tests/fuzz/single/main.c ${fuzz_targets} ${fuzz_support} ${fuzz_cli})
  target_include_directories(fuzz_link PRIVATE harness tests tests/fuzz)
  target_link_libraries(fuzz_link PRIVATE harness_core)
  return()
endif()
file(GLOB parser_sources CONFIGURE_DEPENDS
  harness/base/*.c harness/platform/*.c harness/net/*.c harness/text/*.c harness/metric/*.c
  harness/compute/*.c harness/compute/reference/*.c harness/compute/verify/*.c harness/task/*.c
  harness/data/*.c harness/data/*/*.c harness/model/*.c harness/model/*/*.c harness/train/*.c harness/train/*/*.c
  harness/result/*.c harness/result/*/*.c harness/bench/*.c harness/report/*.c)
add_library(harness_core STATIC ${parser_sources} ${fuzz_cli})
target_include_directories(harness_core PUBLIC harness tests tests/fuzz)
target_include_directories(harness_core SYSTEM PUBLIC ${CSV_INCLUDE} tests/fuzz/single)
target_compile_definitions(harness_core PUBLIC _POSIX_C_SOURCE=200809L
  HARNESS_VERSION="${PROJECT_VERSION}" HARNESS_LIBFUZZER=1)
target_compile_options(harness_core PUBLIC -Wall -Wextra -Wno-unknown-pragmas
  -fno-omit-frame-pointer -fno-strict-aliasing -ffp-contract=off
  -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
target_link_libraries(harness_core PUBLIC ${HARNESS_MODULES} ${CSV_LIBRARY} Threads::Threads m)
# every tokenizer that is loaded classifies 65,536 code points: tracing their comparisons took two
# thirds of the time and teaches the fuzzer nothing
set_source_files_properties(harness/text/unicode.c PROPERTIES COMPILE_OPTIONS
  -fno-sanitize-coverage=trace-cmp)
include(cmake/version.cmake)

add_library(fuzz_support STATIC ${fuzz_support})
target_link_libraries(fuzz_support PUBLIC harness_core)
foreach(source ${fuzz_targets})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE fuzz_support)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
endforeach()
