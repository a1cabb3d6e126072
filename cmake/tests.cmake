# One Criterion program for all of tests/, run by tests/run-suite.
find_package(PkgConfig REQUIRED)
pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion)
file(GLOB test_sources CONFIGURE_DEPENDS tests/*.c tests/*/*.c)
list(FILTER test_sources EXCLUDE REGEX "/tests/(fuzz|peer|shim)/[^/]*$")
add_executable(harness_tests ${test_sources})
target_include_directories(harness_tests PRIVATE tests)
target_link_libraries(harness_tests PRIVATE harness_cli PkgConfig::CRITERION)
target_compile_definitions(harness_tests PRIVATE
  HARNESS_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HARNESS_PROGRAM="$<TARGET_FILE:harness>")
add_dependencies(harness_tests harness harness_pages)
# builds with tests: the program checks at its end that it freed every block
target_compile_definitions(harness PRIVATE HARNESS_COUNT_BLOCKS=1)
# blocks of base/memory.h have a border, and requests for memory and calls for files can fail; sanitizers have borders
# of their own
if(NOT HARNESS_SANITIZE AND NOT HARNESS_FUZZ)
  target_sources(harness PRIVATE tests/support/blocks.c tests/support/calls.c)
  target_include_directories(harness PRIVATE tests)
  foreach(program harness harness_tests)
    target_compile_definitions(${program} PRIVATE HARNESS_BLOCKS=1)
    target_link_options(${program} PRIVATE -Wl,--wrap=calloc,--wrap=realloc,--wrap=free)
  endforeach()
  # a list that is small grows by what is asked for: past that lies the border
  set_property(SOURCE harness/base/memory.c APPEND PROPERTY COMPILE_DEFINITIONS HARNESS_EXACT_BLOCKS=64)
  target_compile_definitions(harness PRIVATE HARNESS_CALLS=1)
  foreach(call open read pread write fread fwrite fflush fdopen opendir rename fsync mkdir ftruncate
      pthread_create)
    target_link_options(harness PRIVATE -Wl,--wrap=${call})
  endforeach()
endif()
add_test(NAME suite COMMAND ${CMAKE_SOURCE_DIR}/tests/run-suite $<TARGET_FILE:harness_tests>)
set_tests_properties(suite PROPERTIES TIMEOUT 1800)
# under real launchers, where they are here; not among the others: ctest --test-dir build/dev -C mpi -L mpi
add_test(NAME groups CONFIGURATIONS mpi COMMAND ${CMAKE_SOURCE_DIR}/tests/groups --program $<TARGET_FILE:harness>)
add_test(NAME sweeps CONFIGURATIONS mpi COMMAND ${CMAKE_SOURCE_DIR}/tests/sweeps --program $<TARGET_FILE:harness>)
# a crossed build under qemu-user: ctest --test-dir build/dev -C arm64 -L arm64
add_test(NAME arm64 CONFIGURATIONS arm64 COMMAND ${CMAKE_SOURCE_DIR}/tests/arm64 --here $<TARGET_FILE:harness>)
set_tests_properties(arm64 PROPERTIES LABELS arm64 SKIP_RETURN_CODE 77 TIMEOUT 3600)
# every pipeline by the compilers of GPUs that are not here: ctest --test-dir build/dev -C gpu-compile -L gpu-compile
add_test(NAME gpu-compile CONFIGURATIONS gpu-compile COMMAND ${CMAKE_SOURCE_DIR}/tests/gpu/compile)
set_tests_properties(gpu-compile PROPERTIES LABELS gpu-compile SKIP_RETURN_CODE 77 TIMEOUT 3600)
set_tests_properties(sweeps PROPERTIES LABELS mpi TIMEOUT 3600)
set_tests_properties(groups PROPERTIES LABELS mpi SKIP_RETURN_CODE 77 TIMEOUT 3600)
# a Slurm of three nodes on this host: ctest --test-dir build/dev -C slurm -L slurm
add_test(NAME slurm CONFIGURATIONS slurm COMMAND ${CMAKE_SOURCE_DIR}/tests/slurm/run --program $<TARGET_FILE:harness>)
set_tests_properties(slurm PROPERTIES LABELS slurm SKIP_RETURN_CODE 77 TIMEOUT 3600)
# what the comparisons of tests/peer ask for and no verb tells
foreach(tool model_pass metric_pass mask_pass)
  add_executable(${tool} tests/peer/${tool}.c)
  target_link_libraries(${tool} PRIVATE harness_core)
endforeach()
add_dependencies(harness_tests model_pass)
# tests/package/install installs all there is
foreach(engine ${HARNESS_MPI_ENGINES})
  add_dependencies(harness_tests group_${engine})
endforeach()
target_compile_definitions(harness_tests PRIVATE HARNESS_MODEL_PASS="$<TARGET_FILE:model_pass>")

# for LD_PRELOAD: a clock that is set back, a list of the calls that make files durable, a file system without locks,
# threads that begin late, a slow disk (also for tests/groups); and a management library of one card
foreach(shim clock_back disk_calls no_locks late_threads slow_disk fake_nvml)
  add_library(${shim} MODULE tests/shim/${shim}.c)
  target_compile_options(${shim} PRIVATE -Wall -Wextra -Wshadow -fvisibility=hidden)
  add_dependencies(harness_tests ${shim})
endforeach()
target_compile_definitions(harness_tests PRIVATE HARNESS_CLOCK_SHIM="$<TARGET_FILE:clock_back>"
  HARNESS_DISK_SHIM="$<TARGET_FILE:disk_calls>" HARNESS_LOCK_SHIM="$<TARGET_FILE:no_locks>"
  HARNESS_LATE_SHIM="$<TARGET_FILE:late_threads>" HARNESS_SLOW_SHIM="$<TARGET_FILE:slow_disk>"
  HARNESS_FAKE_NVML="$<TARGET_FILE:fake_nvml>")

# the Vulkan layer that lowers limits and makes calls fail, in a folder of its own with its manifest
if(HARNESS_VULKAN)
  set(shim_folder ${CMAKE_BINARY_DIR}/shim)
  add_library(fault_layer MODULE tests/shim/fault_layer.c)
  set_target_properties(fault_layer PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${shim_folder})
  target_include_directories(fault_layer SYSTEM PRIVATE ${Vulkan_INCLUDE_DIRS})
  target_compile_options(fault_layer PRIVATE -Wall -Wextra -Wshadow -fvisibility=hidden)
  file(WRITE ${shim_folder}/fault_layer.json [[{
  "file_format_version": "1.0.0",
  "layer": {
    "name": "VK_LAYER_HARNESS_faults", "type": "GLOBAL", "library_path": "./libfault_layer.so",
    "api_version": "1.3.0", "implementation_version": "1", "description": "faults for tests"
  }
}
]])
  # a driver that ends the process, in a folder of its own: the one above is searched for layers
  add_library(broken_driver MODULE tests/shim/broken_driver.c)
  set_target_properties(broken_driver PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${shim_folder}/driver)
  target_include_directories(broken_driver SYSTEM PRIVATE ${Vulkan_INCLUDE_DIRS})
  target_compile_options(broken_driver PRIVATE -Wall -Wextra -Wshadow -fvisibility=hidden)
  file(WRITE ${shim_folder}/driver/broken_driver.json [[{
  "file_format_version": "1.0.0",
  "ICD": {"library_path": "./libbroken_driver.so", "api_version": "1.3.0"}
}
]])
  target_compile_definitions(harness_tests PRIVATE HARNESS_SHIM_FOLDER="${shim_folder}")
  add_dependencies(harness_tests fault_layer broken_driver)
endif()
