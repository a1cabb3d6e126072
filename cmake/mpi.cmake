# The plugins by which ranks reach each other, one for each MPI that is here: built with its own compiler
# wrapper, never linked to the program (train/group/transport.h). Without MPI there is none, and nothing else
# changes.
option(HARNESS_MPI "build the plugins of the MPIs that are found" ON)
set(HARNESS_MPI_ENGINES "")
if(HARNESS_MPI)
  foreach(engine openmpi mpich)
    find_program(HARNESS_MPICC_${engine} NAMES mpicc.${engine})
    if(HARNESS_MPICC_${engine})
      list(APPEND HARNESS_MPI_ENGINES ${engine})
    endif()
  endforeach()
  if(NOT HARNESS_MPI_ENGINES)
    # elsewhere than on Debian there is one without a second name: Open MPI's knows --showme
    find_program(HARNESS_MPICC NAMES mpicc)
    if(HARNESS_MPICC)
      execute_process(COMMAND ${HARNESS_MPICC} --showme:version RESULT_VARIABLE other
        OUTPUT_QUIET ERROR_QUIET)
      set(engine openmpi)
      if(other)
        set(engine mpich)
      endif()
      set(HARNESS_MPICC_${engine} ${HARNESS_MPICC})
      list(APPEND HARNESS_MPI_ENGINES ${engine})
    endif()
  endif()
endif()
message(STATUS "plugins of MPI: ${HARNESS_MPI_ENGINES}")

set(plugin_source ${CMAKE_SOURCE_DIR}/harness/train/group/mpi/plugin.c)
set(plugin_headers ${CMAKE_SOURCE_DIR}/harness/train/group/transport.h ${CMAKE_SOURCE_DIR}/harness/platform/thread.h)
foreach(engine ${HARNESS_MPI_ENGINES})
  set(plugin ${CMAKE_BINARY_DIR}/harness-group-${engine}.so)
  add_custom_command(OUTPUT ${plugin} DEPENDS ${plugin_source} ${plugin_headers}
    COMMAND ${HARNESS_MPICC_${engine}} -std=c17 -O2 -g -Wall -Wextra -Wshadow
      $<$<BOOL:${HARNESS_WERROR}>:-Werror> -fPIC -shared -fvisibility=hidden -pthread
      -I${CMAKE_SOURCE_DIR}/harness ${plugin_source} -o ${plugin} -ldl
    VERBATIM COMMAND_EXPAND_LISTS)
  add_custom_target(group_${engine} ALL DEPENDS ${plugin})
endforeach()
