# What comes with the program, found from where it lies (harness/platform/assets.h). Installed: below the
# prefix's folder of data; in a build folder: links to the sources beside the programs.
set(HARNESS_ASSETS tasks corpora models results/baselines)
file(RELATIVE_PATH HARNESS_SHARE ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR}/harness)
file(RELATIVE_PATH HARNESS_PLUGINS ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/harness)
set_source_files_properties(harness/platform/assets.c PROPERTIES COMPILE_DEFINITIONS
  "HARNESS_SHARE=\"${HARNESS_SHARE}\";HARNESS_PLUGINS=\"${HARNESS_PLUGINS}\"")
file(WRITE ${CMAKE_BINARY_DIR}/share/harness/VERSION "${PROJECT_VERSION}\n")
foreach(folder ${HARNESS_ASSETS})
  get_filename_component(name ${folder} NAME)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${CMAKE_BINARY_DIR}/share/harness/${name} SYMBOLIC)
endforeach()
