# Finds BoringSSL, never OpenSSL, and defines BoringSSL::SSL and BoringSSL::Crypto.
#
#   BORINGSSL_ROOT     variable or environment: where to look, and then nowhere else. An installation
#                      (include/, lib/ or lib64/) or a source tree built in build/.
#   (not set)          Debian's android-libboringssl-dev.
#   BoringSSL_VERSION  BORINGSSL_API_VERSION of the headers.

if(NOT BORINGSSL_ROOT AND DEFINED ENV{BORINGSSL_ROOT})
  set(BORINGSSL_ROOT "$ENV{BORINGSSL_ROOT}")
endif()
set(BORINGSSL_ROOT "${BORINGSSL_ROOT}" CACHE PATH "An installation or build tree of BoringSSL")
if(NOT "${BORINGSSL_ROOT}" STREQUAL "${BoringSSL_searched_root}")
  unset(BoringSSL_INCLUDE_DIR CACHE)
  unset(BoringSSL_SSL_LIBRARY CACHE)
  unset(BoringSSL_CRYPTO_LIBRARY CACHE)
endif()
set(BoringSSL_searched_root "${BORINGSSL_ROOT}" CACHE INTERNAL "")

# Default paths are left out everywhere: there libssl is OpenSSL's.
if(BORINGSSL_ROOT)
  set(BoringSSL_include_paths "${BORINGSSL_ROOT}/include")
  set(BoringSSL_library_paths
      "${BORINGSSL_ROOT}/lib" "${BORINGSSL_ROOT}/lib64" "${BORINGSSL_ROOT}/lib/${CMAKE_LIBRARY_ARCHITECTURE}"
      "${BORINGSSL_ROOT}/build" "${BORINGSSL_ROOT}/build/ssl" "${BORINGSSL_ROOT}/build/crypto")
else()
  set(BoringSSL_include_paths /usr/include/android)
  set(BoringSSL_library_paths "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/android" /usr/lib/android)
endif()
find_path(BoringSSL_INCLUDE_DIR openssl/ssl.h PATHS ${BoringSSL_include_paths} NO_DEFAULT_PATH)
find_library(BoringSSL_SSL_LIBRARY ssl PATHS ${BoringSSL_library_paths} NO_DEFAULT_PATH)
find_library(BoringSSL_CRYPTO_LIBRARY crypto PATHS ${BoringSSL_library_paths} NO_DEFAULT_PATH)

set(BoringSSL_reason
    "Install android-libboringssl-dev, or set BORINGSSL_ROOT to an installation of BoringSSL.")
if(BoringSSL_INCLUDE_DIR)
  # The version stands in base.h, in some revisions in crypto.h; OpenSSL has it nowhere.
  foreach(header base crypto)
    set(BoringSSL_header "${BoringSSL_INCLUDE_DIR}/openssl/${header}.h")
    if(NOT BoringSSL_VERSION AND EXISTS "${BoringSSL_header}")
      file(STRINGS "${BoringSSL_header}" BoringSSL_line REGEX "^#define BORINGSSL_API_VERSION [0-9]+")
      string(REGEX MATCH "[0-9]+$" BoringSSL_VERSION "${BoringSSL_line}")
    endif()
  endforeach()
  if(NOT BoringSSL_VERSION)
    set(BoringSSL_reason
        "${BoringSSL_INCLUDE_DIR} holds headers of OpenSSL or another library, not of BoringSSL.")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  BoringSSL
  REQUIRED_VARS BoringSSL_SSL_LIBRARY BoringSSL_CRYPTO_LIBRARY BoringSSL_INCLUDE_DIR BoringSSL_VERSION
  VERSION_VAR BoringSSL_VERSION
  REASON_FAILURE_MESSAGE "${BoringSSL_reason}")

if(BoringSSL_FOUND AND NOT TARGET BoringSSL::SSL)
  find_package(Threads REQUIRED)
  add_library(BoringSSL::Crypto UNKNOWN IMPORTED)
  set_target_properties(
    BoringSSL::Crypto
    PROPERTIES IMPORTED_LOCATION "${BoringSSL_CRYPTO_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${BoringSSL_INCLUDE_DIR}"
               # A static libcrypto needs them; a shared one brings its own.
               INTERFACE_LINK_LIBRARIES Threads::Threads)
  # libssl depends on libcrypto, which so comes behind it on the link line.
  add_library(BoringSSL::SSL UNKNOWN IMPORTED)
  set_target_properties(
    BoringSSL::SSL
    PROPERTIES IMPORTED_LOCATION "${BoringSSL_SSL_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${BoringSSL_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES BoringSSL::Crypto)
endif()
mark_as_advanced(BoringSSL_INCLUDE_DIR BoringSSL_SSL_LIBRARY BoringSSL_CRYPTO_LIBRARY)
