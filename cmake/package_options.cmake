# Read by cpack before each kind of package.
include(${CPACK_HARNESS_SOURCE}/cmake/epoch.cmake)
harness_epoch(${CPACK_HARNESS_SOURCE})
set(ENV{TZ} UTC)
if(CPACK_GENERATOR MATCHES "DEB|RPM")
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
endif()
