# The list of parts (SPDX 2.3) that is installed beside the licence, from cmake/dependencies.cmake.
set(parts "")
set(relations "")
foreach(row ${HARNESS_DEPENDENCIES} ${HARNESS_OTHER_DEPENDENCIES})
  string(REPLACE "|" ";" row "${row}")
  list(GET row 0 variable)
  list(GET row 2 library)
  list(GET row 3 licence)
  set(version "")
  if(variable)
    set(version "\"versionInfo\": \"${${variable}_VERSION}\", ")
  endif()
  string(APPEND parts ",
    {\"SPDXID\": \"SPDXRef-${library}\", \"name\": \"${library}\", ${version}\"downloadLocation\": \"NOASSERTION\",
     \"filesAnalyzed\": false, \"licenseConcluded\": \"NOASSERTION\", \"licenseDeclared\": \"${licence}\",
     \"copyrightText\": \"NOASSERTION\"}")
  string(APPEND relations ",
    {\"spdxElementId\": \"SPDXRef-harness\", \"relationshipType\": \"DYNAMIC_LINK\", \"relatedSpdxElement\": \"SPDXRef-${library}\"}")
endforeach()
# its time and commit are known when it is installed
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/sbom.in CONTENT [[{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "harness-@PROJECT_VERSION@",
  "documentNamespace": "https://spdx.org/spdxdocs/harness-@PROJECT_VERSION@-%commit%",
  "creationInfo": {"created": "%created%", "creators": ["Organization: The harness authors", "Tool: cmake"]},
  "packages": [
    {"SPDXID": "SPDXRef-harness", "name": "harness", "versionInfo": "@PROJECT_VERSION@", "downloadLocation": "NOASSERTION",
     "filesAnalyzed": false, "licenseConcluded": "Apache-2.0 AND CC0-1.0", "licenseDeclared": "Apache-2.0 AND CC0-1.0",
     "copyrightText": "2026 The harness authors"}@parts@
  ],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-harness"}@relations@
  ]
}
]] @ONLY)
install(CODE "set(source \"${CMAKE_SOURCE_DIR}\")
set(build \"${CMAKE_BINARY_DIR}\")
set(documents \"${CMAKE_INSTALL_DOCDIR}\")")
install(SCRIPT cmake/sbom_install.cmake)
