# The commit the program was built from, written into every run record. Refreshed at every build; the
# object that holds it is compiled again only when it changed.
add_custom_target(harness_commit
  COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/generated/commit.h -DSRC=${CMAKE_SOURCE_DIR}
          -P ${CMAKE_SOURCE_DIR}/cmake/commit.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/commit.h)
add_dependencies(harness_core harness_commit)
target_include_directories(harness_core PRIVATE ${CMAKE_BINARY_DIR}/generated)
