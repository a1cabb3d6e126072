# Read by cpack before each kind of package.
include(${CPACK_HARNESS_SOURCE}/cmake/epoch.cmake)
harness_epoch(${CPACK_HARNESS_SOURCE})
set(ENV{TZ} UTC)
if(CPACK_GENERATOR MATCHES "DEB|RPM")
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
endif()
# who packs, by the variables of Debian's own tools
if("$ENV{DEBEMAIL}" MATCHES "@")
  if("$ENV{DEBFULLNAME}" STREQUAL "")
    set(ENV{DEBFULLNAME} ${CPACK_PACKAGE_VENDOR})
  endif()
  set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
