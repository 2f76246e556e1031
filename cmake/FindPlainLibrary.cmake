# gatepost_find_library(PACKAGE HEADER LIBRARY): for a Find module of a library that Debian ships with
# nothing but a pkg-config file. Defines PACKAGE::PACKAGE.
include(FindPackageHandleStandardArgs)
macro(gatepost_find_library package header library)
  find_path(${package}_INCLUDE_DIR ${header})
  find_library(${package}_LIBRARY ${library})
  find_package_handle_standard_args(${package} REQUIRED_VARS ${package}_LIBRARY ${package}_INCLUDE_DIR)
  if(${package}_FOUND AND NOT TARGET ${package}::${package})
    add_library(${package}::${package} UNKNOWN IMPORTED)
    set_target_properties(
      ${package}::${package} PROPERTIES IMPORTED_LOCATION "${${package}_LIBRARY}"
                                        INTERFACE_INCLUDE_DIRECTORIES "${${package}_INCLUDE_DIR}")
  endif()
  mark_as_advanced(${package}_INCLUDE_DIR ${package}_LIBRARY)
endmacro()
