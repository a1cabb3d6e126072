# What `cmake --install` puts below a prefix. The manual page and the completions are of the program's own
# making (`harness help --format`): a crossed build has them where CMAKE_CROSSCOMPILING_EMULATOR runs it.
set(pages_folder ${CMAKE_BINARY_DIR}/pages)
if(EXISTS /etc/debian_version)
  set(zsh_folder zsh/vendor-completions)
else()
  set(zsh_folder zsh/site-functions)
endif()
# format, file, folder
set(pages
  "man|harness.1|${CMAKE_INSTALL_MANDIR}/man1"
  "bash|bash/harness|${CMAKE_INSTALL_DATADIR}/bash-completion/completions"
  "zsh|zsh/_harness|${CMAKE_INSTALL_DATADIR}/${zsh_folder}"
  "fish|fish/harness.fish|${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  message(STATUS "crossed build without an emulator: no manual page and no completions")
  set(pages)
endif()
set(page_files)
foreach(page ${pages})
  string(REPLACE "|" ";" page "${page}")
  list(GET page 0 format)
  list(GET page 1 file)
  list(GET page 2 destination)
  get_filename_component(folder ${pages_folder}/${file} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${pages_folder}/${file}
    COMMAND harness help --format ${format} > ${pages_folder}/${file} DEPENDS harness VERBATIM)
  list(APPEND page_files ${pages_folder}/${file})
  install(FILES ${pages_folder}/${file} DESTINATION ${destination})
endforeach()
add_custom_target(harness_pages ALL DEPENDS ${page_files})

install(TARGETS harness RUNTIME)
install(FILES ${CMAKE_BINARY_DIR}/share/harness/VERSION DESTINATION ${CMAKE_INSTALL_DATADIR}/harness)
install(DIRECTORY ${HARNESS_ASSETS} DESTINATION ${CMAKE_INSTALL_DATADIR}/harness)
# laid out as here, so that what a page links to is beside it
install(FILES LICENSE README.md README.ko.md CHANGELOG.md CONTRIBUTING.md action.yml
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(folder corpora models tasks)
  install(FILES ${folder}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()
foreach(page LEADERBOARD.md peers.md performance.md index.html harness.css harness.js)
  install(FILES results/${page} DESTINATION ${CMAKE_INSTALL_DOCDIR}/results)
endforeach()

# plugins are of the machine's own MPI: packages hold none (cmake/package.cmake)
foreach(engine ${HARNESS_MPI_ENGINES})
  install(PROGRAMS ${CMAKE_BINARY_DIR}/harness-group-${engine}.so
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/harness COMPONENT mpi)
endforeach()
