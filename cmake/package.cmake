# Packages: `cmake --build build/release --target package`. They hold the same bytes wherever they are built: the
# program knows no path, and files and archives carry SOURCE_DATE_EPOCH, by default the commit's time.
set(CPACK_PACKAGE_NAME harness)
set(CPACK_PACKAGE_VENDOR "The harness authors")
# nobody's: whoever packs is named by DEBFULLNAME and DEBEMAIL (cmake/package_options.cmake)
set(CPACK_PACKAGE_CONTACT "${CPACK_PACKAGE_VENDOR} <nobody@harness.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "It has its own Vulkan compute backend, for GPUs of any vendor, and a native
one for the CPU, reads and writes Hugging Face model folders, and writes
leaderboards whose rows can be compared.
Tasks are manifests; sample data, small vocabularies and the manifests of
public Korean data sets come with it.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/cmake/package_options.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_files.cmake)
string(TOLOWER "${CPACK_PACKAGE_NAME}-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}"
  CPACK_PACKAGE_FILE_NAME)
set(CPACK_HARNESS_SOURCE ${CMAKE_SOURCE_DIR})

# not the plugins of an MPI that the machine has: the same package everywhere, that needs none
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};harness;Unspecified;/")

set(CPACK_GENERATOR TGZ)
find_program(HARNESS_DPKG_DEB dpkg-deb)
find_program(HARNESS_RPMBUILD rpmbuild)
if(HARNESS_DPKG_DEB)
  list(APPEND CPACK_GENERATOR DEB)
endif()
# rpmbuild takes no path with a blank
if(HARNESS_RPMBUILD AND NOT CMAKE_BINARY_DIR MATCHES " ")
  list(APPEND CPACK_GENERATOR RPM)
endif()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# drivers and their loader are opened at run time, and only where a GPU is asked for
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libvulkan1, mesa-vulkan-drivers, ca-certificates")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "Apache-2.0 AND CC0-1.0")
set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RPM_PACKAGE_GROUP "Applications/Engineering")
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _buildhost localhost
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/share/man /usr/share/man/man1
  /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/zsh
  /usr/share/zsh/vendor-completions /usr/share/zsh/site-functions /usr/share/fish
  /usr/share/fish/vendor_completions.d /usr/share/doc)
include(CPack)
