# How every target of this project is compiled: warnings are errors, hardening in Release, the
# sanitizers asked for, ccache where it is installed, one precompiled header of standard headers.

find_program(GATEPOST_CCACHE ccache)
if(GATEPOST_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Wherever a clone stands, it may take what another one has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${GATEPOST_CCACHE})
endif()

add_library(gatepost_options INTERFACE)
target_include_directories(gatepost_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(
  gatepost_options
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
            -Werror -fno-omit-frame-pointer -fvisibility=hidden)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false overlaps and dangling ends inside libstdc++'s own std::string at -O2.
  target_compile_options(gatepost_options INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(gatepost_options INTERFACE -Xclang -fno-pch-timestamp)
endif()
# "libssl.so.3 may conflict with libssl.so.0" means that OpenSSL came in beside BoringSSL: a crash.
target_link_options(gatepost_options INTERFACE -Wl,--fatal-warnings)

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
set(CMAKE_BUILD_WITH_INSTALL_RPATH OFF)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

if(GATEPOST_SANITIZE)
  target_compile_options(gatepost_options INTERFACE -fsanitize=${GATEPOST_SANITIZE}
                                                    -fno-sanitize-recover=all)
  target_link_options(gatepost_options INTERFACE -fsanitize=${GATEPOST_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND GATEPOST_SANITIZE MATCHES "undefined")
    # To look at an object this check opens a pipe, and while there is no descriptor, which tests
    # bring about, it calls every object a wrong one. The fuzz targets (clang) have it.
    target_compile_options(gatepost_options INTERFACE -fno-sanitize=vptr)
  endif()
endif()
if(GATEPOST_FUZZ)
  target_compile_options(gatepost_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(GATEPOST_SANITIZE)
  set(gatepost_release 0)
else()
  set(gatepost_release "$<CONFIG:Release,RelWithDebInfo>")
endif()
target_compile_options(
  gatepost_options
  INTERFACE "$<${gatepost_release}:-fstack-protector-strong;-fstack-clash-protection;-fcf-protection>")
target_compile_definitions(gatepost_options INTERFACE "$<${gatepost_release}:_FORTIFY_SOURCE=2>"
                                                      "$<${gatepost_release}:_GLIBCXX_ASSERTIONS>")
target_link_options(gatepost_options INTERFACE "$<${gatepost_release}:-Wl,-z,relro,-z,now,-z,noexecstack>")

# gatepost_layer(NAME SOURCES … DEPENDS … PRIVATE_DEPENDS …): the static library of one layer.
function(gatepost_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(gatepost_${name} STATIC ${arg_SOURCES})
  target_link_libraries(gatepost_${name} PUBLIC gatepost_options ${arg_DEPENDS}
                                         PRIVATE ${arg_PRIVATE_DEPENDS})
  if(name STREQUAL "base")
    target_precompile_headers(
      gatepost_base PRIVATE <algorithm> <array> <chrono> <cstdint> <expected> <functional> <map>
      <memory> <optional> <span> <string> <string_view> <utility> <vector> <fmt/format.h>)
  else()
    target_precompile_headers(gatepost_${name} REUSE_FROM gatepost_base)
  endif()
endfunction()
