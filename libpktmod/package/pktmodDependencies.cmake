# What the library stands on, found the same way when pktmod is built and when it is used:
# pktmod::pcre2, and pktmod::vectorscan and pktmod::crypto where they are wanted. A target that is missing afterwards was not found.
find_package(PkgConfig QUIET)

function(pktmod_find_dependency name module header library)
  if(TARGET pktmod::${name})
    return()
  endif()
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(PKTMOD_${name}_PC QUIET ${module})
  endif()
  find_path(PKTMOD_${name}_INCLUDE ${header} HINTS ${PKTMOD_${name}_PC_INCLUDE_DIRS})
  find_library(PKTMOD_${name}_LIBRARY ${library} HINTS ${PKTMOD_${name}_PC_LIBRARY_DIRS})
  mark_as_advanced(PKTMOD_${name}_INCLUDE PKTMOD_${name}_LIBRARY)
  if(PKTMOD_${name}_INCLUDE AND PKTMOD_${name}_LIBRARY)
    add_library(pktmod::${name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(pktmod::${name} PROPERTIES
      IMPORTED_LOCATION "${PKTMOD_${name}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${PKTMOD_${name}_INCLUDE}")
  endif()
endfunction()

pktmod_find_dependency(pcre2 libpcre2-8 pcre2.h pcre2-8)

# Not called here: pktmod::vectorscan, for builds with it and for who uses them.
function(pktmod_find_vectorscan)
  pktmod_find_dependency(vectorscan libhs hs/hs.h hs)
  if(TARGET pktmod::vectorscan AND PKTMOD_vectorscan_LIBRARY MATCHES "\\.a$") # C++ inside
    set_property(TARGET pktmod::vectorscan PROPERTY INTERFACE_LINK_LIBRARIES
      $<IF:$<PLATFORM_ID:Darwin>,c++,stdc++> m)
  endif()
endfunction()

# The same: pktmod::crypto.
function(pktmod_find_crypto)
  pktmod_find_dependency(crypto libcrypto openssl/evp.h crypto)
endfunction()
