# Run by cpack between installing into its folder and packing that. Permissions and times are the same
# everywhere; Debian's packages have their own names for what stands in the folder of documents.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
if(CPACK_GENERATOR STREQUAL "DEB")
  set(documents ${root}/usr/share/doc/harness)
  configure_file(${CPACK_HARNESS_SOURCE}/packaging/debian/copyright ${documents}/copyright COPYONLY)
  file(REMOVE ${documents}/LICENSE)
  string(TIMESTAMP day "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${documents}/changelog "harness (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * What changed stands in CHANGELOG.md.

 -- ${CPACK_PACKAGE_CONTACT}  ${day}
")
  execute_process(COMMAND gzip -9n ${documents}/changelog ${root}/usr/share/man/man1/harness.1
    COMMAND_ERROR_IS_FATAL ANY)
endif()
execute_process(COMMAND chmod -R u=rwX,go=rX ${root} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND find ${root} -exec touch --no-dereference --date=@$ENV{SOURCE_DATE_EPOCH} {} +
  COMMAND_ERROR_IS_FATAL ANY)
