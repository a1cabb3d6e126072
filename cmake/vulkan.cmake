# The Vulkan device: every shaders/*.comp is compiled by glslang at build time and embedded.
find_package(Vulkan REQUIRED)
find_program(GLSLANG NAMES glslangValidator glslang REQUIRED)
file(GLOB vulkan_sources CONFIGURE_DEPENDS harness/compute/vulkan/*.c)
target_sources(harness_core PRIVATE ${vulkan_sources})
target_link_libraries(harness_core PUBLIC Vulkan::Vulkan)
target_compile_definitions(harness_core PUBLIC HARNESS_VULKAN=1)
