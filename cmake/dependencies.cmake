# What the program is made of, once: variable of find_package or pkg-config, pkg-config's name, library, licence (SPDX).
# Building looks for these, and the list of parts (cmake/sbom.cmake) tells them; tests/package/parts compares with
# what the program is linked to.
set(HARNESS_DEPENDENCIES
  "CJSON|libcjson|libcjson|MIT"
  "UTF8PROC|libutf8proc|libutf8proc|MIT AND Unicode-DFS-2015"
  "NETTLE|nettle|libnettle|LGPL-3.0-or-later OR GPL-2.0-or-later"
  "POPT|popt|libpopt|MIT"
  "CURL|libcurl|libcurl|curl"
  "ZLIB|zlib|libz|Zlib"
  "LZMA|liblzma|liblzma|NOASSERTION" # public domain, from 5.6 on 0BSD
  "ZSTD|libzstd|libzstd|BSD-3-Clause OR GPL-2.0-only")
# without pkg-config
set(HARNESS_OTHER_DEPENDENCIES
  "||libcsv|LGPL-2.1-or-later"
  "||libgomp|GPL-3.0-or-later WITH GCC-exception-3.1"
  "||libc|LGPL-2.1-or-later")
if(HARNESS_CPU AND NOT HARNESS_PLAIN_GEMM)
  list(APPEND HARNESS_OTHER_DEPENDENCIES "||libdnnl|Apache-2.0")
endif()
if(HARNESS_VULKAN)
  list(APPEND HARNESS_OTHER_DEPENDENCIES "||libvulkan|Apache-2.0") # opened at run time
endif()

set(HARNESS_MODULES)
foreach(row ${HARNESS_DEPENDENCIES})
  string(REPLACE "|" ";" row "${row}")
  list(GET row 0 variable)
  list(GET row 1 module)
  pkg_check_modules(${variable} REQUIRED IMPORTED_TARGET ${module})
  list(APPEND HARNESS_MODULES PkgConfig::${variable})
endforeach()
