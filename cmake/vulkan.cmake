# The Vulkan device. Every shaders/*.comp is compiled by glslang and embedded as an array of words; the
# loader is opened at run time, so only its headers are needed here.
find_package(Vulkan REQUIRED)
find_program(GLSLANG NAMES glslangValidator glslang REQUIRED)
find_program(SPIRV_VAL spirv-val)

file(GLOB shader_sources CONFIGURE_DEPENDS shaders/*.comp)
file(GLOB shader_includes CONFIGURE_DEPENDS shaders/include/*)
set(shader_folder ${CMAKE_BINARY_DIR}/generated/shaders)
file(MAKE_DIRECTORY ${shader_folder})

set(shader_list "")
set(shader_headers)
foreach(source ${shader_sources})
  get_filename_component(name ${source} NAME_WE)
  set(binary ${shader_folder}/${name}.spv)
  set(header ${shader_folder}/${name}.h)
  set(check)
  if(SPIRV_VAL)
    set(check COMMAND ${SPIRV_VAL} --target-env vulkan1.1 ${binary})
  endif()
  add_custom_command(OUTPUT ${header}
    COMMAND ${GLSLANG} -V --quiet --target-env vulkan1.1
            -I${CMAKE_SOURCE_DIR}/shaders/include -o ${binary} ${source}
    ${check}
    COMMAND ${CMAKE_COMMAND} -DBINARY=${binary} -DHEADER=${header} -DNAME=shader_${name}
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_shader.cmake
    DEPENDS ${source} ${shader_includes} ${CMAKE_SOURCE_DIR}/cmake/embed_shader.cmake
    COMMENT "shader ${name}" VERBATIM)
  list(APPEND shader_headers ${header})
  string(APPEND shader_list "#include \"shaders/${name}.h\"\n")
endforeach()
# kept as SPIR-V: their sources need a newer glslang than Debian 12 has (shaders/spirv/build makes them)
file(GLOB prebuilt_shaders CONFIGURE_DEPENDS shaders/spirv/*.spv)
foreach(binary ${prebuilt_shaders})
  get_filename_component(name ${binary} NAME_WE)
  set(header ${shader_folder}/${name}.h)
  add_custom_command(OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DBINARY=${binary} -DHEADER=${header} -DNAME=shader_${name}
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_shader.cmake
    DEPENDS ${binary} ${CMAKE_SOURCE_DIR}/cmake/embed_shader.cmake VERBATIM)
  list(APPEND shader_headers ${header})
  string(APPEND shader_list "#include \"shaders/${name}.h\"\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/shaders.h CONTENT "${shader_list}" @ONLY)

file(GLOB vulkan_sources CONFIGURE_DEPENDS harness/compute/vulkan/*.c)
target_sources(harness_core PRIVATE ${vulkan_sources} ${shader_headers})
target_include_directories(harness_core PRIVATE ${CMAKE_BINARY_DIR}/generated)
target_include_directories(harness_core SYSTEM PRIVATE ${Vulkan_INCLUDE_DIRS})
target_link_libraries(harness_core PUBLIC ${CMAKE_DL_LIBS})
target_compile_definitions(harness_core PUBLIC HARNESS_VULKAN=1)
